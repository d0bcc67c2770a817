"""JAX as a machine: how it is found, how its settings are left alone, and values that stay on the device.

The result of a compiled function is a :class:`DeviceTensor`: its array lies where XLA left it, and goes as it is into
the next compiled function.  ``data``, which everything that is not compiled reads, copies it to the host when it is
first asked for (on the CPU that is a view), and remembers it.  The other way round, a Tensor of the host that goes into
compiled functions again and again is copied to the device once.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable
from contextlib import AbstractContextManager
from functools import cache
from importlib import import_module
from importlib.util import find_spec
from typing import Any

import numpy as np

from ...errors import GradtapeError, message
from ...record.tensor import Tensor, describe

#: Bytes from which a copy of a host Tensor is kept on the device.
KEPT = 4096


def installed() -> bool:
    """Whether JAX is there to be imported."""
    return find_spec("jax") is not None


@cache
def jax() -> Any:
    """The module ``jax``; GradtapeError where it is not installed."""
    try:
        return import_module("jax")
    except ImportError as error:
        raise GradtapeError(
            message(
                "the XLA engine needs JAX, which is not installed",
                str(error),
                remedy="pip install gradtape[xla], or use engine='numpy'.",
            )
        ) from error


@cache
def _x64() -> Callable[[bool], AbstractContextManager[None]]:
    module = jax()
    if callable(getattr(module, "enable_x64", None)):
        return module.enable_x64
    return import_module("jax.experimental").enable_x64  # where it was before JAX 0.8


def x64() -> AbstractContextManager[None]:
    """64-bit numbers inside, whatever the user's setting: it belongs to this thread and is put back."""
    return _x64()(True)


class DeviceTensor(Tensor):
    """A Tensor whose array lies on a device of JAX's; ``data`` brings it to the host when it is first asked for."""

    __slots__ = ("device_array",)

    def __init__(self, array: Any) -> None:  # the slot of ``data`` stays empty until it is read
        self.device_array = array

    @property
    def data(self) -> Any:  # type: ignore[override]
        """The array on the host; a NumPy scalar where it is 0-d."""
        try:
            return _host_slot.__get__(self)
        except AttributeError:
            value = host(self.device_array)
            _host_slot.__set__(self, value)
            return value

    @property
    def shape(self) -> tuple[int, ...]:
        """The lengths of the axes."""
        return self.device_array.shape

    @property
    def dtype(self) -> np.dtype[Any]:
        """The element type, a ``numpy.dtype``."""
        return self.device_array.dtype

    @property
    def ndim(self) -> int:
        """The number of axes."""
        return self.device_array.ndim

    @property
    def size(self) -> int:
        """The number of elements."""
        return self.device_array.size

    @property
    def nbytes(self) -> int:
        """The memory of the elements, in bytes."""
        return self.device_array.nbytes

    @property
    def itemsize(self) -> int:
        """The memory of one element, in bytes."""
        return self.device_array.dtype.itemsize

    @property
    def device(self) -> str:
        """Where the value lies, as JAX writes it."""
        devices = sorted(self.device_array.devices(), key=lambda d: d.id)
        return str(devices[0]) if len(devices) == 1 else str(self.device_array.sharding)

    def __len__(self) -> int:
        return len(self.data) if self.ndim else super().__len__()

    def __repr__(self) -> str:
        return f"Tensor({describe(self.data)})"


class ByIdentity:
    """What is kept for objects for as long as they live: by who they are, for Tensors compare element by element."""

    __slots__ = ("_known",)

    def __init__(self) -> None:
        self._known: dict[int, tuple[weakref.ref[Any], Any]] = {}

    def get(self, x: Any) -> Any:
        """What is kept for ``x``, or None."""
        found = self._known.get(id(x))
        return found[1] if found is not None and found[0]() is x else None

    def keep(self, x: Any, value: Any) -> Any:
        """Keep ``value`` for ``x``."""
        key, known = id(x), self._known

        def gone(r: weakref.ref[Any]) -> None:
            if key in known and known[key][0] is r:  # not that of another object at the same place
                del known[key]

        known[key] = (weakref.ref(x, gone), value)
        return value


_host_slot: Any = Tensor.__dict__["data"]

#: Host views that DeviceTensors gave out -> where they came from: a sweep works with raw arrays and may hand them back.
_origins = ByIdentity()
#: Copies on the device of Tensors of the host, for as long as these live.
_copies = ByIdentity()


def host(array: Any) -> Any:
    """An array of the device's as NumPy's, read-only."""
    if not array.is_fully_addressable and not array.is_fully_replicated:
        raise GradtapeError(
            message(
                f"a value of shape {array.shape} is spread over several processes: none of them has all of it",
                f"{array.sharding.spec}",
                remedy="Give gt.function out_specs=() so that every process gets the result, or reduce it there.",
            )
        )
    if array.ndim == 0:
        return np.asarray(array)[()]
    view = np.asarray(array).view()
    _origins.keep(view, array)
    return view


def given(x: Any) -> Any:
    """An argument as the compiled function takes it: on the device if it lies there, or has been there before."""
    if type(x) is DeviceTensor:
        return x.device_array
    if isinstance(x, np.ndarray):  # a copy: JAX may read it after the call has returned, and the caller write into it
        return x.copy() if (found := raw(x)) is x else found
    if not isinstance(x, Tensor):
        return x
    data = x.data
    if data.nbytes < KEPT or isinstance(data, np.generic):
        return data
    found = _origins.get(data)
    if found is not None:
        return found
    found = _copies.get(x)
    if found is None:
        # A copy, never a view of the host's memory: whoever owns that may write into it.
        with x64():
            found = _copies.keep(x, jax().device_put(np.array(data)))
    return found


def raw(x: Any) -> Any:
    """A raw array: that of the device where the host's is a view or copy of it."""
    found = _origins.get(x)
    return x if found is None else found
