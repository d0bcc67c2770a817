"""tf.dtypes: element types by TensorFlow's names; accepted wherever a dtype is, and equal to NumPy's."""

from __future__ import annotations

from typing import Any

import numpy as np

from .names import fallback, gt

_gradtape_composes = True

__all__ = [
    "DType",
    "as_dtype",
    "bool",
    "complex64",
    "complex128",
    "double",
    "float16",
    "float32",
    "float64",
    "half",
    "int8",
    "int16",
    "int32",
    "int64",
    "uint8",
    "uint16",
    "uint32",
    "uint64",
]

_bool = bool


class DType:
    """An element type: ``tf.float32``.

    >>> from gradtape.compat import tensorflow as tf
    >>> tf.float32, tf.float32.name, tf.float32 == tf.constant(1.0).dtype
    (tf.float32, 'float32', True)
    """

    __slots__ = ("dtype",)

    def __init__(self, dtype: Any) -> None:
        self.dtype: np.dtype[Any] = np.dtype(dtype)  # NumPy reads this attribute wherever it is given a dtype

    @property
    def name(self) -> str:
        """``"float32"``."""
        return self.dtype.name

    @property
    def as_numpy_dtype(self) -> Any:
        """NumPy's scalar type: ``numpy.float32``."""
        return self.dtype.type

    @property
    def base_dtype(self) -> DType:
        """Itself."""
        return self

    @property
    def is_floating(self) -> _bool:
        """Whether it is a real floating type."""
        return self.dtype.kind == "f"

    @property
    def is_complex(self) -> _bool:
        """Whether it is a complex type."""
        return self.dtype.kind == "c"

    @property
    def is_integer(self) -> _bool:
        """Whether it is an integer type."""
        return self.dtype.kind in "iu"

    @property
    def is_bool(self) -> _bool:
        """Whether it is the boolean type."""
        return self.dtype.kind == "b"

    @property
    def real_dtype(self) -> DType:
        """The type of the real part."""
        return DType(np.abs(np.zeros(1, self.dtype)).dtype)

    @property
    def size(self) -> int:
        """Bytes per element."""
        return self.dtype.itemsize

    @property
    def _limits(self) -> Any:
        return np.finfo(self.dtype) if self.dtype.kind in "fc" else np.iinfo(self.dtype)

    @property
    def max(self) -> Any:
        """The largest value."""
        return self._limits.max

    @property
    def min(self) -> Any:
        """The smallest value."""
        return self._limits.min

    def __eq__(self, other: object) -> _bool:
        if other is None:  # NumPy reads None as float64
            return False
        try:
            return self.dtype == np.dtype(other)  # type: ignore[call-overload]
        except TypeError:
            return False

    def __hash__(self) -> int:
        return hash(self.dtype)

    def __repr__(self) -> str:
        return f"tf.{self.name}"

    def __str__(self) -> str:
        return self.name


float16 = half = DType(np.float16)
float32 = DType(np.float32)
float64 = double = DType(np.float64)
complex64 = DType(np.complex64)
complex128 = DType(np.complex128)
int8 = DType(np.int8)
int16 = DType(np.int16)
int32 = DType(np.int32)
int64 = DType(np.int64)
uint8 = DType(np.uint8)
uint16 = DType(np.uint16)
uint32 = DType(np.uint32)
uint64 = DType(np.uint64)
bool = DType(np.bool_)


def as_dtype(dtype: Any) -> DType:
    """The DType of a name, a NumPy dtype or a DType."""
    return dtype if isinstance(dtype, DType) else DType(dtype)


def numpy_dtype(dtype: Any) -> Any:
    """NumPy's dtype for whatever names one; None for None."""
    return None if dtype is None else np.dtype(dtype)


def cast(x: Any, dtype: Any) -> Any:
    """``x`` in another dtype, recorded."""
    return gt.astype(x, numpy_dtype(dtype))


__getattr__ = fallback(__name__)
