"""Tensor: an immutable value whose identity is what derivatives are taken with respect to.

No arithmetic lives here: operators, methods and the NumPy protocols are attached by ``gradtape.numpy``,
which is where the operations are known.  What is here is what a value needs by itself, and the two
events that leave no arithmetic behind but that explanations and replay need: a *guard* (the value was
asked by Python: ``bool(t)``, ``t`` as an index) and an *escape* (the value left the record: ``.numpy()``).
"""

from __future__ import annotations

import math
from operator import index
from typing import TYPE_CHECKING, Any, NoReturn

import numpy as np

from ..errors import ImmutableError, message
from . import events
from .segment import current
from .sites import here

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from numpy.typing import NDArray

#: Python's own numbers: weak in promotion (NEP 50), kept as they are in entries.
SCALARS = frozenset({float, int, complex, bool})


class Tensor:
    """An immutable array value; operations on it are recorded while a tape is open.

    ``Tensor(data)`` wraps ``data`` as it is; use :func:`gradtape.asarray`, which copies, to make one
    from arrays, numbers and lists.  ``t.data`` is the raw array (a NumPy scalar where the value is 0-d),
    ``t.numpy()`` a read-only view of it.

    Tensors compare element by element, and hash by identity.

    >>> import gradtape as gt
    >>> t = gt.asarray([1.0, 2.0])
    >>> t * 3
    Tensor([3., 6.])
    >>> t.shape, t.dtype
    ((2,), dtype('float64'))
    """

    __slots__ = ("__weakref__", "data")
    __hash__ = object.__hash__
    data: Any

    def __init__(self, data: Any) -> None:
        self.data = data

    # -- what it is ---------------------------------------------------------------------------------
    @property
    def shape(self) -> tuple[int, ...]:
        """The lengths of the axes."""
        return self.data.shape

    @property
    def dtype(self) -> np.dtype[Any]:
        """The element type, a ``numpy.dtype``."""
        return self.data.dtype

    @property
    def ndim(self) -> int:
        """The number of axes."""
        return self.data.ndim

    @property
    def size(self) -> int:
        """The number of elements."""
        return self.data.size

    @property
    def nbytes(self) -> int:
        """The memory of the elements, in bytes."""
        return self.data.nbytes

    @property
    def itemsize(self) -> int:
        """The memory of one element, in bytes."""
        return self.data.itemsize

    @property
    def device(self) -> str:
        """Where the value lies: ``"cpu"`` for NumPy arrays."""
        return str(getattr(self.data, "device", "cpu"))

    def __len__(self) -> int:
        if self.data.ndim == 0:
            raise TypeError("len() of a 0-d Tensor: it has no axis to count along")
        return self.data.shape[0]

    def __repr__(self) -> str:
        return f"{type(self).__name__ if type(self) is not Tensor else 'Tensor'}({describe(self.data)})"

    def __str__(self) -> str:
        return repr(self)

    def __format__(self, spec: str) -> str:
        return format(self.data[()] if self.data.ndim == 0 else self.data, spec)

    # -- guards: Python asks for the value and goes one way or another ---------------------------------
    def _guard(self, value: Any) -> Any:
        segment = current.get()
        if segment is not None:
            segment.append((events.GUARD, {"value": value}, (self,), None, *here()))
        return value

    def __bool__(self) -> bool:
        if self.data.size != 1:
            raise ValueError(
                message(
                    f"bool() of a Tensor of shape {self.data.shape}: it has no one truth value",
                    remedy="Use gt.any(t) or gt.all(t), or gt.where(t, a, b) to choose element by element.",
                )
            )
        return self._guard(bool(self.data))

    def __index__(self) -> int:
        return self._guard(index(self.data))

    # -- escapes: the value leaves the record ----------------------------------------------------------
    def _escape(self, how: str) -> Any:
        segment = current.get()
        if segment is not None:
            segment.append((events.ESCAPE, {"how": how}, (self,), None, *here()))
        return self.data

    def __float__(self) -> float:
        return float(self._escape("float()"))

    def __int__(self) -> int:
        return self._guard(int(self.data))

    __trunc__ = __int__

    def __floor__(self) -> int:
        return self._guard(math.floor(self.data))

    def __ceil__(self) -> int:
        return self._guard(math.ceil(self.data))

    def __complex__(self) -> complex:
        return complex(self._escape("complex()"))

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray[Any]:
        data = np.asarray(self._escape("np.asarray()"))
        if dtype is not None and data.dtype != dtype:
            return data.astype(dtype)
        return data.copy() if copy else read_only(data)

    def numpy(self) -> Any:
        """The value as a read-only NumPy array (a NumPy scalar where it is 0-d).

        The value leaves the record: what is computed from it has no derivative.
        """
        data = self._escape(".numpy()")
        return read_only(data) if isinstance(data, np.ndarray) and data.ndim else np.asarray(data)[()]

    def item(self) -> Any:
        """The one element as a Python number. The value leaves the record."""
        return self._escape(".item()").item()

    def tolist(self) -> Any:
        """The elements as nested Python lists. The values leave the record."""
        return self._escape(".tolist()").tolist()

    def __dlpack__(
        self, *, stream: Any = None, max_version: Any = None, dl_device: Any = None, copy: bool | None = None
    ) -> Any:
        data = np.asarray(self._escape("DLPack"))
        # Consumers that do not know DLPack 1.0 cannot be told that the memory is read-only: they get a copy.
        source = read_only(data) if max_version is not None and max_version >= (1, 0) else data.copy()
        return source.__dlpack__(stream=stream, max_version=max_version, dl_device=dl_device, copy=copy)

    def __dlpack_device__(self) -> tuple[int, int]:
        return np.asarray(self.data).__dlpack_device__()  # type: ignore[return-value]

    # -- immutable: copies are the thing itself ---------------------------------------------------------
    def __copy__(self) -> Tensor:
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> Tensor:
        return self

    def __reduce__(self) -> tuple[Any, ...]:
        return (Tensor, (self.data,))

    def __setitem__(self, index: Any, value: Any) -> NoReturn:
        raise ImmutableError(
            message(
                "a Tensor cannot be written into: it is an immutable value, so that records stay true",
                remedy="Write `t = t.at[index].set(value)`, or keep the array in a gt.Variable: `v[index] = value`.",
            )
        )

    if TYPE_CHECKING:  # attached by gradtape.numpy (operators, methods and protocols)
        T: Tensor
        mT: Tensor  # noqa: N815  (the Array API's name)
        real: Tensor
        imag: Tensor
        at: Any
        sum: Callable[..., Tensor]
        mean: Callable[..., Tensor]
        prod: Callable[..., Tensor]
        max: Callable[..., Tensor]
        min: Callable[..., Tensor]
        reshape: Callable[..., Tensor]
        transpose: Callable[..., Tensor]
        astype: Callable[..., Tensor]
        flatten: Callable[..., Tensor]
        ravel: Callable[..., Tensor]
        squeeze: Callable[..., Tensor]
        conj: Callable[..., Tensor]

        def __getitem__(self, index: Any) -> Tensor: ...
        def __iter__(self) -> Iterator[Tensor]: ...
        def __add__(self, other: Any) -> Tensor: ...
        def __radd__(self, other: Any) -> Tensor: ...
        def __sub__(self, other: Any) -> Tensor: ...
        def __rsub__(self, other: Any) -> Tensor: ...
        def __mul__(self, other: Any) -> Tensor: ...
        def __rmul__(self, other: Any) -> Tensor: ...
        def __truediv__(self, other: Any) -> Tensor: ...
        def __rtruediv__(self, other: Any) -> Tensor: ...
        def __floordiv__(self, other: Any) -> Tensor: ...
        def __rfloordiv__(self, other: Any) -> Tensor: ...
        def __mod__(self, other: Any) -> Tensor: ...
        def __rmod__(self, other: Any) -> Tensor: ...
        def __pow__(self, other: Any) -> Tensor: ...
        def __rpow__(self, other: Any) -> Tensor: ...
        def __matmul__(self, other: Any) -> Tensor: ...
        def __rmatmul__(self, other: Any) -> Tensor: ...
        def __neg__(self) -> Tensor: ...
        def __pos__(self) -> Tensor: ...
        def __abs__(self) -> Tensor: ...
        def __invert__(self) -> Tensor: ...
        def __and__(self, other: Any) -> Tensor: ...
        def __or__(self, other: Any) -> Tensor: ...
        def __xor__(self, other: Any) -> Tensor: ...
        def __lt__(self, other: Any) -> Tensor: ...
        def __le__(self, other: Any) -> Tensor: ...
        def __gt__(self, other: Any) -> Tensor: ...
        def __ge__(self, other: Any) -> Tensor: ...
        def __eq__(self, other: Any) -> Tensor: ...  # type: ignore[override]
        def __ne__(self, other: Any) -> Tensor: ...  # type: ignore[override]


def read_only(data: NDArray[Any]) -> NDArray[Any]:
    """A view of ``data`` that refuses to be written into."""
    view = data.view()
    view.flags.writeable = False
    return view


def describe(data: Any) -> str:
    """The inside of a repr: the elements, and the dtype where it is not the default one."""
    array = np.asarray(data)
    text = np.array2string(array, separator=", ", prefix="Tensor(") if array.ndim else str(array[()])
    default = array.dtype.name in ("float64", "int64", "bool", "complex128")
    empty = f", shape={array.shape}" if array.size == 0 else ""
    return text + empty + ("" if default else f", dtype={array.dtype}")


def read(x: Any, how: str) -> Any:
    """The raw array, for a decision that Python takes on it: it leaves the record, which says so.

    A replay at other values (a batch, a program) learns from this that the path was chosen by them.
    """
    return x._escape(how) if isinstance(x, Tensor) else x  # pyright: ignore[reportPrivateUsage]


def value_of(x: Any) -> Any:
    """The raw array of a Tensor; anything else as it is."""
    return x.data if isinstance(x, Tensor) else x
