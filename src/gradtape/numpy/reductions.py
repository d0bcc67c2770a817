"""Reductions and running totals by the Array API's and NumPy's names."""

from __future__ import annotations

from collections.abc import Callable
from operator import index
from typing import Any

import numpy as np

from ..primitives import reductions as rows
from ..primitives.selection import maximum, minimum
from ..primitives.selection import where as choose
from ..primitives.shapes import astype, broadcast_to
from ..record.tensor import Tensor
from ..record.writer import lift, strong

_gradtape_composes = True

__all__ = ["all", "amax", "amin", "any", "max", "mean", "min", "prod", "ptp", "sum"]


def tensor(x: Any) -> Tensor:
    """A Tensor from anything array-like."""
    return x if type(x) is Tensor else strong(lift(x))


def axes(axis: Any) -> Any:
    """An axis argument as rows want it: None, an integer, or a tuple of integers."""
    if axis is None or type(axis) is int:
        return axis
    if isinstance(axis, tuple | list):
        return tuple([index(a) for a in axis])
    return index(axis)


def _doc(row: Any, extra: str = "") -> Callable[[Any], Any]:
    def attach(function: Any) -> Any:
        function.__doc__ = row.__doc__ + extra
        return function

    return attach


def _masked(x: Tensor, where: Any, neutral: Any) -> Tensor:
    """``x`` with a reduction's neutral element where the mask leaves an element out."""
    return x if where is True else choose(tensor(where), x, neutral)


def _of_dtype(y: Tensor, dtype: Any) -> Tensor:
    """``y`` in the dtype that was asked for: sums of small integers are taken in wide ones."""
    return y if dtype is None or y.dtype == dtype else astype(y, dtype=np.dtype(dtype))


@_doc(rows.sum)
def sum(
    x: Any, /, axis: Any = None, dtype: Any = None, *, keepdims: bool = False, initial: Any = 0, where: Any = True
) -> Tensor:
    x = _masked(tensor(x), where, 0)
    if dtype is not None and x.dtype != dtype:
        x = astype(x, dtype=np.dtype(dtype))
    y = _of_dtype(rows.sum(x, axis=axes(axis), keepdims=keepdims), dtype)
    return y if type(initial) is int and initial == 0 else y + initial


@_doc(rows.mean)
def mean(x: Any, /, axis: Any = None, dtype: Any = None, *, keepdims: bool = False, where: Any = True) -> Tensor:
    x = tensor(x)
    if dtype is not None and x.dtype != dtype:
        x = astype(x, dtype=np.dtype(dtype))
    if where is True:
        return rows.mean(x, axis=axes(axis), keepdims=keepdims)
    total = sum(x, axis, keepdims=keepdims, where=where)
    counted = broadcast_to(astype(tensor(where), dtype=np.dtype(total.dtype)), shape=x.shape)
    return total / rows.sum(counted, axis=axes(axis), keepdims=keepdims)


@_doc(rows.prod)
def prod(
    x: Any, /, axis: Any = None, dtype: Any = None, *, keepdims: bool = False, initial: Any = 1, where: Any = True
) -> Tensor:
    x = _masked(tensor(x), where, 1)
    if dtype is not None and x.dtype != dtype:
        x = astype(x, dtype=np.dtype(dtype))
    y = _of_dtype(rows.prod(x, axis=axes(axis), keepdims=keepdims), dtype)
    return y if type(initial) is int and initial == 1 else y * initial


def _lowest(dtype: Any) -> Any:
    return -np.inf if dtype.kind in "fc" else np.iinfo(dtype).min


def _highest(dtype: Any) -> Any:
    return np.inf if dtype.kind in "fc" else np.iinfo(dtype).max


@_doc(rows.max)
def max(x: Any, /, axis: Any = None, *, keepdims: bool = False, initial: Any = None, where: Any = True) -> Tensor:
    x = tensor(x)
    if where is not True:
        x = _masked(x, where, _lowest(x.dtype))
    if initial is not None and x.size == 0:
        return rows.sum(x, axis=axes(axis), keepdims=keepdims) + initial  # nothing but the initial value
    y = rows.max(x, axis=axes(axis), keepdims=keepdims)
    return y if initial is None else maximum(y, initial)


@_doc(rows.min)
def min(x: Any, /, axis: Any = None, *, keepdims: bool = False, initial: Any = None, where: Any = True) -> Tensor:
    x = tensor(x)
    if where is not True:
        x = _masked(x, where, _highest(x.dtype))
    if initial is not None and x.size == 0:
        return rows.sum(x, axis=axes(axis), keepdims=keepdims) + initial
    y = rows.min(x, axis=axes(axis), keepdims=keepdims)
    return y if initial is None else minimum(y, initial)


amax = max
amin = min


def ptp(x: Any, /, axis: Any = None, *, keepdims: bool = False) -> Tensor:
    """The range over axes, max - min; at ties the derivative is split evenly.

    >>> import gradtape as gt
    >>> gt.ptp(gt.asarray([3.0, 1.0, 5.0]))
    Tensor(4.0)
    """
    x = tensor(x)
    return max(x, axis, keepdims=keepdims) - min(x, axis, keepdims=keepdims)


@_doc(rows.any)
def any(x: Any, /, axis: Any = None, *, keepdims: bool = False, where: Any = True) -> Tensor:
    return rows.any(_masked(tensor(x), where, False), axis=axes(axis), keepdims=keepdims)


@_doc(rows.all)
def all(x: Any, /, axis: Any = None, *, keepdims: bool = False, where: Any = True) -> Tensor:
    return rows.all(_masked(tensor(x), where, True), axis=axes(axis), keepdims=keepdims)
