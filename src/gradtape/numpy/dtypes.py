"""Element types and constants by the Array API's names; what they hold, how they promote."""

from __future__ import annotations

import builtins
import sys
from typing import Any

import numpy as np

from ..record.tensor import Tensor
from ..record.variable import Variable
from ..record.writer import lift

_gradtape_composes = True

__all__ = [
    "__array_api_version__",
    "__array_namespace_info__",
    "bool",
    "bool_",
    "can_cast",
    "complex64",
    "complex128",
    "e",
    "euler_gamma",
    "finfo",
    "float16",
    "float32",
    "float64",
    "iinfo",
    "inf",
    "int8",
    "int16",
    "int32",
    "int64",
    "iscomplexobj",
    "isdtype",
    "isrealobj",
    "isscalar",
    "issubdtype",
    "nan",
    "ndim",
    "newaxis",
    "pi",
    "promote_types",
    "result_type",
    "shape",
    "size",
    "uint8",
    "uint16",
    "uint32",
    "uint64",
]

bool = bool_ = np.dtype(np.bool_)
int8 = np.dtype(np.int8)
int16 = np.dtype(np.int16)
int32 = np.dtype(np.int32)
int64 = np.dtype(np.int64)
uint8 = np.dtype(np.uint8)
uint16 = np.dtype(np.uint16)
uint32 = np.dtype(np.uint32)
uint64 = np.dtype(np.uint64)
float16 = np.dtype(np.float16)
float32 = np.dtype(np.float32)
float64 = np.dtype(np.float64)
complex64 = np.dtype(np.complex64)
complex128 = np.dtype(np.complex128)

pi = np.pi
e = np.e
euler_gamma = np.euler_gamma
inf = np.inf
nan = np.nan
newaxis = None

#: The version of the Array API that gradtape follows.
__array_api_version__ = "2025.12"


def _dtype_or_raw(x: Any) -> Any:
    return x.dtype if isinstance(x, Tensor | Variable) else x


class FloatInfo:
    """NumPy's ``finfo`` with the limits as Python's floats, which do not widen what they meet."""

    def __init__(self, of: Any) -> None:
        self._of = np.finfo(of)

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._of, name)
        return float(found) if isinstance(found, np.floating) else found

    def __repr__(self) -> str:
        return repr(self._of)


def finfo(dtype: Any, /) -> Any:
    """Limits of a floating dtype, or of a Tensor's: ``eps``, ``max``, ``min``, ``smallest_normal``, ``bits``.

    >>> import gradtape as gt
    >>> gt.finfo(gt.float64).eps
    2.220446049250313e-16
    """
    return FloatInfo(_dtype_or_raw(dtype))


def iinfo(dtype: Any, /) -> Any:
    """Limits of an integer dtype, or of a Tensor's: ``min``, ``max``, ``bits``.

    >>> import gradtape as gt
    >>> gt.iinfo(gt.int8).max
    127
    """
    return np.iinfo(_dtype_or_raw(dtype))


def isdtype(dtype: Any, kind: Any) -> builtins.bool:
    """Whether ``dtype`` is of a kind: ``"real floating"``, ``"integral"``, ``"numeric"`` ..., a dtype, or a tuple.

    >>> import gradtape as gt
    >>> gt.isdtype(gt.float32, "real floating")
    True
    """
    return np.isdtype(np.dtype(dtype), kind)


def issubdtype(arg1: Any, arg2: Any) -> builtins.bool:
    """Whether the first dtype is the second or below it in NumPy's hierarchy.

    >>> import gradtape as gt, numpy as np
    >>> gt.issubdtype(gt.float32, np.floating)
    True
    """
    return np.issubdtype(_dtype_or_raw(arg1), arg2)


def result_type(*arrays_and_dtypes: Any) -> Any:
    """The dtype that these arrays, dtypes and Python numbers promote to (NumPy 2's rules).

    >>> import gradtape as gt
    >>> gt.result_type(gt.float32, 1.0), gt.result_type(gt.int64, gt.float32)
    (dtype('float32'), dtype('float64'))
    """
    return np.result_type(*[_dtype_or_raw(x) for x in arrays_and_dtypes])


def promote_types(type1: Any, type2: Any) -> Any:
    """The smallest dtype to which both can be converted without loss.

    >>> import gradtape as gt
    >>> gt.promote_types(gt.int8, gt.uint8)
    dtype('int16')
    """
    return np.promote_types(type1, type2)


def can_cast(from_: Any, to: Any, casting: Any = "safe") -> builtins.bool:
    """Whether a conversion from a dtype (or a Tensor's) to another one is allowed.

    >>> import gradtape as gt
    >>> gt.can_cast(gt.float32, gt.float64), gt.can_cast(gt.float64, gt.float32)
    (True, False)
    """
    return np.can_cast(_dtype_or_raw(from_), to, casting=casting)


def _array(x: Any) -> Any:
    return x if isinstance(x, Tensor) else lift(x) if isinstance(x, Variable | list | tuple) else np.asarray(x)


def shape(x: Any, /) -> tuple[int, ...]:
    """The lengths of the axes of anything array-like.

    >>> import gradtape as gt
    >>> gt.shape(gt.ones((2, 3)))
    (2, 3)
    """
    return _array(x).shape


def ndim(x: Any, /) -> int:
    """The number of axes of anything array-like.

    >>> import gradtape as gt
    >>> gt.ndim(gt.ones((2, 3)))
    2
    """
    return _array(x).ndim


def size(x: Any, axis: int | None = None) -> int:
    """The number of elements, or the length of one axis.

    >>> import gradtape as gt
    >>> gt.size(gt.ones((2, 3))), gt.size(gt.ones((2, 3)), 1)
    (6, 3)
    """
    return _array(x).size if axis is None else _array(x).shape[axis]


def iscomplexobj(x: Any) -> builtins.bool:
    """Whether the dtype is complex.

    >>> import gradtape as gt
    >>> gt.iscomplexobj(gt.ones(2))
    False
    """
    return _array(x).dtype.kind == "c"


def isrealobj(x: Any) -> builtins.bool:
    """Whether the dtype is not complex.

    >>> import gradtape as gt
    >>> gt.isrealobj(gt.ones(2))
    True
    """
    return not iscomplexobj(x)


def isscalar(x: Any) -> builtins.bool:
    """Whether ``x`` is a Python or NumPy scalar; a 0-d Tensor is not.

    >>> import gradtape as gt
    >>> gt.isscalar(3.0), gt.isscalar(gt.asarray(3.0))
    (True, False)
    """
    return np.isscalar(x)


class NamespaceInfo:
    """What the Array API asks a namespace about: devices, dtypes, capabilities."""

    def capabilities(self) -> dict[str, Any]:
        """Boolean masks as indices and shapes that depend on data are supported; ranks go up to NumPy's limit."""
        return {"boolean indexing": True, "data-dependent shapes": True, "max dimensions": 64}

    def default_device(self) -> str:
        """Where new Tensors lie."""
        return "cpu"

    def devices(self) -> tuple[str, ...]:
        """Where Tensors can lie."""
        return ("cpu",)

    def default_dtypes(self, *, device: str | None = None) -> dict[str, Any]:
        """The dtypes of Python numbers and of indices."""
        return {"real floating": float64, "complex floating": complex128, "integral": int64, "indexing": int64}

    def dtypes(self, *, device: str | None = None, kind: Any = None) -> dict[str, Any]:
        """The dtypes by name, all or those of a kind."""
        names = [
            "bool",
            "int8",
            "int16",
            "int32",
            "int64",
            "uint8",
            "uint16",
            "uint32",
            "uint64",
            "float32",
            "float64",
            "complex64",
            "complex128",
        ]
        found = {name: np.dtype(name) for name in names}
        return found if kind is None else {n: d for n, d in found.items() if np.isdtype(d, kind)}


def __array_namespace_info__() -> NamespaceInfo:  # noqa: N807
    """The Array API's inspection object."""
    return NamespaceInfo()


def array_namespace(x: Any, api_version: str | None = None) -> Any:
    """The Array API's ``x.__array_namespace__()``: gradtape itself."""
    if api_version not in (None, "2021.12", "2022.12", "2023.12", "2024.12", __array_api_version__):
        raise ValueError(f"this version of the Array API is not supported: {api_version!r}")
    return sys.modules[__name__.split(".", 1)[0]]
