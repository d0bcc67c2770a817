"""NumPy's array methods and attributes on Tensor and Variable; each calls the public function of its name."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ..errors import ImmutableError, message
from ..primitives import complexes, rounding, shapes
from ..record.tensor import Tensor
from ..record.variable import Variable
from . import dtypes
from .names import functions

_gradtape_composes = True

__all__: list[str] = []

_BY_NAME = [
    "all",
    "any",
    "argmax",
    "argmin",
    "argpartition",
    "argsort",
    "astype",
    "choose",
    "clip",
    "compress",
    "conj",
    "conjugate",
    "cumprod",
    "cumsum",
    "cumulative_sum",
    "cumulative_prod",
    "diagonal",
    "dot",
    "expand_dims",
    "flatten",
    "max",
    "mean",
    "min",
    "nonzero",
    "prod",
    "ptp",
    "ravel",
    "repeat",
    "round",
    "searchsorted",
    "sort",
    "squeeze",
    "std",
    "sum",
    "swapaxes",
    "take",
    "trace",
    "var",
]

_IN_PLACE = ["fill", "itemset", "partition", "put", "resize", "setfield", "setflags", "byteswap"]


def _by_name(name: str) -> Callable[..., Any]:
    def method(self: Any, *args: Any, **kwargs: Any) -> Any:
        return functions()[name](self, *args, **kwargs)

    method.__name__ = method.__qualname__ = name
    method.__doc__ = f"The same as ``gt.{name}`` of this value."
    return method


def _refused(name: str) -> Callable[..., Any]:
    def method(self: Any, *args: Any, **kwargs: Any) -> Any:
        raise ImmutableError(
            message(
                f".{name}(): a Tensor cannot be changed in place",
                remedy="Make another Tensor with gradtape's functions, or use t.at[index].set(value).",
            )
        )

    method.__name__ = method.__qualname__ = name
    method.__doc__ = "Refused: it would change the value in place."
    return method


def _value(x: Any) -> Tensor:
    return x.value if isinstance(x, Variable) else x


def reshape(self: Any, *shape: Any, order: str = "C") -> Tensor:
    """The same entries in another shape: ``t.reshape(2, 3)`` or ``t.reshape((2, 3))``."""
    return functions()["reshape"](self, shape[0] if len(shape) == 1 else shape, order=order)


def transpose(self: Any, *axes: Any) -> Tensor:
    """The axes in another order, or reversed: ``t.transpose(1, 0)``, ``t.transpose((1, 0))``, ``t.transpose()``."""
    order = axes[0] if len(axes) == 1 and not isinstance(axes[0], int) else axes or None
    return functions()["transpose"](self, order)


def copy(self: Any, order: str = "C") -> Tensor:
    """The value itself, which cannot change."""
    return _value(self)


def to_device(self: Any, device: Any, /, *, stream: Any = None) -> Tensor:
    """The value on a device: it lies on ``"cpu"``."""
    if device != "cpu":
        raise ValueError(message(f"to_device: there is no device {device!r}", remedy='Tensors lie on "cpu".'))
    return _value(self)


def tobytes(self: Any, order: str = "C") -> bytes:
    """The elements as bytes. The values leave the record."""
    return np.asarray(_value(self)).tobytes(order)  # type: ignore[arg-type]


def contains(self: Any, x: Any) -> bool:
    """``x in t``: whether some element equals ``x``."""
    return bool(functions()["any"](_value(self) == x))


def array_namespace(self: Any, /, *, api_version: str | None = None) -> Any:
    """The Array API's namespace of this value: gradtape itself."""
    return dtypes.array_namespace(self, api_version)


def _reversed_axes(x: Any) -> Tensor:
    """The transpose: the axes in reversed order."""
    x = _value(x)
    return x if x.ndim < 2 else shapes.transpose(x, axes=tuple(reversed(range(x.ndim))))


def _matrix_transposed(x: Any) -> Tensor:
    """The last two axes exchanged."""
    return functions()["matrix_transpose"](_value(x))


def _real(x: Any) -> Tensor:
    """The real part."""
    return complexes.real(_value(x))


def _imag(x: Any) -> Tensor:
    """The imaginary part."""
    return complexes.imag(_value(x))


def _rounded(x: Any, ndigits: int | None = None) -> Any:
    """Python's ``round``: of one number without ``ndigits`` a Python integer, as of NumPy's scalars; else a Tensor."""
    x = _value(x)
    y = rounding.round(x, decimals=ndigits or 0)
    return int(y) if ndigits is None and x.ndim == 0 else y


def _flat(x: Any) -> Any:
    """An iterator over the elements, as 0-d Tensors."""
    return iter(functions()["ravel"](_value(x)))


for _kind in (Tensor, Variable):
    for _name in _BY_NAME:
        setattr(_kind, _name, _by_name(_name))
    for _method in (reshape, transpose, copy, to_device, tobytes):
        setattr(_kind, _method.__name__, _method)
    for _name, _function in {
        "T": _reversed_axes,
        "mT": _matrix_transposed,
        "real": _real,
        "imag": _imag,
        "flat": _flat,
    }.items():
        setattr(_kind, _name, property(_function, doc=_function.__doc__))
    setattr(_kind, "__contains__", contains)  # noqa: B010
    setattr(_kind, "__array_namespace__", array_namespace)  # noqa: B010
    setattr(_kind, "__round__", _rounded)  # noqa: B010
for _name in _IN_PLACE:
    setattr(Tensor, _name, _refused(_name))


def _through_value(name: str) -> Any:
    """A Variable's attribute or method that is its value's."""
    member = getattr(Tensor, name)
    if isinstance(member, property):
        return property(lambda v: getattr(v._value, name), doc=member.__doc__)  # pyright: ignore[reportPrivateUsage]

    def method(self: Any, *args: Any, **kwargs: Any) -> Any:
        return getattr(self.value, name)(*args, **kwargs)

    method.__name__ = method.__qualname__ = name
    method.__doc__ = member.__doc__
    return method


for _name in (
    "device",
    "itemsize",
    "nbytes",
    "ndim",
    "tolist",
    "__ceil__",
    "__dlpack__",
    "__dlpack_device__",
    "__floor__",
    "__trunc__",
):
    setattr(Variable, _name, _through_value(_name))
