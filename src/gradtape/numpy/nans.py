"""What ignores NaN, continued: where the extrema stand, running totals, medians and quantiles."""

from __future__ import annotations

import math
from operator import index
from typing import Any

import numpy as np

from ..errors import message
from ..primitives import cumulative
from ..primitives.indexing import take_along_axis
from ..primitives.predicates import logical_and
from ..primitives.reductions import axes_of, kept
from ..primitives.selection import isnan, where
from ..primitives.shapes import reshape, transpose
from ..primitives.sorting import argmax, argmin, argsort
from ..record import sites
from ..record.tensor import Tensor, read
from ..record.writer import is_number
from .casting import cast
from .joining import stack
from .quantiles import PICKS, between
from .reductions import all, axes, sum, tensor

_gradtape_composes = True

__all__ = ["nanargmax", "nanargmin", "nancumprod", "nancumsum", "nanmedian", "nanpercentile", "nanquantile"]


def _floating(x: Any) -> Tensor:
    x = tensor(x)
    return x if x.dtype.kind in "fc" else cast(x, np.float64)


def _place(row: Any, x: Any, axis: Any, keepdims: bool, instead: float, asked: str) -> Tensor:
    x = tensor(x)
    if x.dtype.kind not in "fc":  # integers are compared as they are, however large
        return row(x, axis=axis, keepdims=keepdims)
    missing = isnan(x)
    if np.any(np.all(read(missing, asked), axis=axis)):
        raise ValueError(
            message(f"{asked}: there is nothing but nan", where=str(sites.user_line()), remedy="Fill it first.")
        )
    return row(where(missing, instead, x), axis=axis, keepdims=keepdims)


def nanargmax(x: Any, /, axis: int | None = None, *, keepdims: bool = False) -> Tensor:
    """The index of the largest value that is not NaN. ValueError where there is none; no derivative.

    >>> import gradtape as gt
    >>> gt.nanargmax(gt.asarray([1.0, float("nan"), 2.0]))
    Tensor(2)
    """
    return _place(argmax, x, axis, keepdims, -math.inf, "nanargmax")


def nanargmin(x: Any, /, axis: int | None = None, *, keepdims: bool = False) -> Tensor:
    """The index of the smallest value that is not NaN. ValueError where there is none; no derivative.

    >>> import gradtape as gt
    >>> gt.nanargmin(gt.asarray([float("nan"), 1.0, 2.0]))
    Tensor(1)
    """
    return _place(argmin, x, axis, keepdims, math.inf, "nanargmin")


def _running(row: Any, x: Any, axis: Any, neutral: float) -> Tensor:
    x = tensor(x)
    x = where(isnan(x), neutral, x) if x.dtype.kind in "fc" else x
    return row(reshape(x, shape=(-1,)), axis=0) if axis is None or x.ndim == 0 else row(x, axis=index(axis))


def nancumsum(x: Any, /, axis: int | None = None) -> Tensor:
    """Running sum along an axis (of the flattened array, if none), NaN counting as 0.

    >>> import gradtape as gt
    >>> gt.nancumsum(gt.asarray([1.0, float("nan"), 2.0]))
    Tensor([1., 1., 3.])
    """
    return _running(cumulative.cumsum, x, axis, 0.0)


def nancumprod(x: Any, /, axis: int | None = None) -> Tensor:
    """Running product along an axis (of the flattened array, if none), NaN counting as 1.

    >>> import gradtape as gt
    >>> gt.nancumprod(gt.asarray([2.0, float("nan"), 3.0]))
    Tensor([2., 2., 6.])
    """
    return _running(cumulative.cumprod, x, axis, 1.0)


def nanquantile(x: Any, q: Any, /, axis: Any = None, *, method: str = "linear", keepdims: bool = False) -> Tensor:
    """Quantiles over axes of what is not NaN, by linear interpolation; NaN where there is nothing else.

    ``q`` is in [0, 1], a number or an array, whose axes come first in the result; differentiable in it too.
    ``method``: "linear", or NumPy's others.

    >>> import gradtape as gt
    >>> gt.nanquantile(gt.asarray([3.0, float("nan"), 1.0, 2.0]), 0.25)
    Tensor(1.5)
    """
    x = _floating(x)
    q = cast(tensor(q), x.dtype) if is_number(q) else tensor(q)
    if not all(logical_and(q >= 0, q <= 1)):
        raise ValueError("nanquantile: q lies in [0, 1] (nanpercentile takes 0 to 100)")
    over = axes_of(axes(axis), x.ndim)
    rest = tuple([i for i in range(x.ndim) if i not in over])
    rows = transpose(x, axes=(*rest, *over)) if (*rest, *over) != tuple(range(x.ndim)) else x
    rows = reshape(rows, shape=(*rows.shape[: len(rest)], math.prod(rows.shape[len(rest) :])))
    missing = isnan(rows)
    # Sorted with nan as the largest, the values come first in each row; what is behind them is never picked.
    order = argsort(where(missing, math.inf, rows), axis=-1, descending=False)
    order = take_along_axis(
        order, argsort(take_along_axis(missing, order, axis=-1), axis=-1, descending=False), axis=-1
    )
    ordered = take_along_axis(where(missing, 0.0, rows), order, axis=-1)
    last = cast(sum(where(missing, 0.0, 1.0), -1), x.dtype) - 1.0
    found = [_quantile(ordered, part, last, method) for part in (reshape(q, shape=(-1,)) if q.ndim else [q])]
    y = reshape(stack(found), shape=(*q.shape, *found[0].shape)) if q.ndim else found[0]
    return reshape(y, shape=(*q.shape, *kept(x.shape, axes(axis)))) if keepdims else y


def _quantile(ordered: Tensor, q: Tensor, last: Tensor, method: str) -> Tensor:
    low, high, share = between(q, last, method, "nanquantile")
    first, second = (
        reshape(take_along_axis(ordered, reshape(at, shape=(*at.shape, 1)), axis=-1), shape=at.shape)
        for at in (low, high)
    )
    y = first if method in PICKS else first + share * (second - first)
    return where(last < 0, math.nan, y)


def nanpercentile(x: Any, q: Any, /, axis: Any = None, *, method: str = "linear", keepdims: bool = False) -> Tensor:
    """Quantiles by hundredths of what is not NaN: ``nanquantile(x, q / 100)``.

    >>> import gradtape as gt
    >>> gt.nanpercentile(gt.asarray([3.0, float("nan"), 1.0]), 50)
    Tensor(2.0)
    """
    return nanquantile(x, q / 100 if is_number(q) else tensor(q) / 100.0, axis, method=method, keepdims=keepdims)


def nanmedian(x: Any, /, axis: Any = None, *, keepdims: bool = False) -> Tensor:
    """The middle of what is not NaN in order, or the mean of the two in the middle.

    >>> import gradtape as gt
    >>> gt.nanmedian(gt.asarray([3.0, float("nan"), 1.0, 2.0, 7.0]))
    Tensor(2.5)
    """
    return nanquantile(x, 0.5, axis, keepdims=keepdims)
