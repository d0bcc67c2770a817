"""Comparisons, tests and operations on bits by the Array API's and NumPy's names."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..primitives import predicates as rows
from ..record.tensor import Tensor
from ..record.writer import public
from .elementwise import operands, tensor
from .names import functions

_gradtape_composes = True

__all__ = [
    "allclose",
    "array_equal",
    "array_equiv",
    "bitwise_and",
    "bitwise_count",
    "bitwise_invert",
    "bitwise_left_shift",
    "bitwise_not",
    "bitwise_or",
    "bitwise_right_shift",
    "bitwise_xor",
    "equal",
    "gcd",
    "greater",
    "greater_equal",
    "invert",
    "isclose",
    "iscomplex",
    "isfinite",
    "isinf",
    "isnan",
    "isneginf",
    "isposinf",
    "isreal",
    "lcm",
    "left_shift",
    "less",
    "less_equal",
    "logical_and",
    "logical_not",
    "logical_or",
    "logical_xor",
    "not_equal",
    "right_shift",
    "signbit",
]

equal = public(rows.equal)
not_equal = public(rows.not_equal)
less = public(rows.less)
less_equal = public(rows.less_equal)
greater = public(rows.greater)
greater_equal = public(rows.greater_equal)
isnan = public(rows.isnan)
isinf = public(rows.isinf)
isfinite = public(rows.isfinite)
isposinf = public(rows.isposinf)
isneginf = public(rows.isneginf)
isreal = public(rows.isreal)
iscomplex = public(rows.iscomplex)
signbit = public(rows.signbit)
logical_not = public(rows.logical_not)
logical_and = public(rows.logical_and)
logical_or = public(rows.logical_or)
logical_xor = public(rows.logical_xor)
bitwise_and = public(rows.bitwise_and)
bitwise_count = public(rows.bitwise_count)
bitwise_or = public(rows.bitwise_or)
bitwise_xor = public(rows.bitwise_xor)
bitwise_invert = bitwise_not = invert = public(rows.bitwise_invert)
bitwise_left_shift = left_shift = public(rows.bitwise_left_shift)
bitwise_right_shift = right_shift = public(rows.bitwise_right_shift)
gcd = public(rows.gcd)
lcm = public(rows.lcm)


def isclose(a: Any, b: Any, rtol: float = 1e-5, atol: float = 1e-8, equal_nan: bool = False) -> Tensor:
    """Element-wise ``|a - b| <= atol + rtol * |b|``; equal infinities are close.

    >>> import gradtape as gt
    >>> gt.isclose([1.0, 2.0], [1.0 + 1e-9, 2.1])
    Tensor([ True, False])
    """
    a, b = operands(a, b)
    return rows.isclose(a, b, rtol=float(rtol), atol=float(atol), equal_nan=bool(equal_nan))


def allclose(a: Any, b: Any, rtol: float = 1e-5, atol: float = 1e-8, equal_nan: bool = False) -> Tensor:
    """Whether all elements are close: see :func:`isclose`.

    >>> import gradtape as gt
    >>> gt.allclose([1.0], [1.0 + 1e-9])
    Tensor(True)
    """
    return functions()["all"](isclose(a, b, rtol, atol, equal_nan))


def array_equal(a1: Any, a2: Any, equal_nan: bool = False) -> Tensor:
    """Whether two arrays have one shape and the same elements.

    >>> import gradtape as gt
    >>> gt.array_equal([1.0, 2.0], [1.0, 2.0]), gt.array_equal([1.0], [1.0, 2.0])
    (Tensor(True), Tensor(False))
    """
    a1, a2 = tensor(a1), tensor(a2)
    if a1.shape != a2.shape:
        return Tensor(np.bool_(False))
    same = rows.equal(a1, a2)
    return functions()["all"](same | (rows.isnan(a1) & rows.isnan(a2)) if equal_nan else same)


def array_equiv(a1: Any, a2: Any) -> Tensor:
    """Whether two arrays have the same elements once they are broadcast against each other.

    >>> import gradtape as gt
    >>> gt.array_equiv([1.0, 1.0], 1.0)
    Tensor(True)
    """
    try:
        same = rows.equal(tensor(a1), tensor(a2))
    except ValueError:
        return Tensor(np.bool_(False))
    return functions()["all"](same)


#: The docstrings of the rows are doctests too.
__test__ = {name: globals()[name].__doc__ for name in __all__ if hasattr(globals()[name], "primitive")}
