"""Statistics by NumPy's names: var, std, average, medians and quantiles, cov, interp, and what ignores NaN."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..primitives import norms
from ..primitives.arithmetic import remainder
from ..primitives.complexes import conj, real
from ..primitives.contractions import matmul, matrix_transpose
from ..primitives.indexing import ARRAY, gather, take_along_axis
from ..primitives.joining import concat
from ..primitives.predicates import logical_and
from ..primitives.reductions import axes_of, kept
from ..primitives.selection import clip, greater, isnan, less, where
from ..primitives.shapes import diagonal, reshape, transpose
from ..primitives.sorting import argsort, searchsorted
from ..primitives.transcendental import sqrt
from ..record.tensor import Tensor
from ..record.writer import is_number
from . import reductions
from .casting import cast
from .quantiles import PICKS, between
from .reductions import axes, tensor

_gradtape_composes = True

__all__ = [
    "average",
    "corrcoef",
    "cov",
    "interp",
    "median",
    "nanmax",
    "nanmean",
    "nanmin",
    "nanprod",
    "nanstd",
    "nansum",
    "nanvar",
    "percentile",
    "quantile",
    "std",
    "var",
]


def _float(x: Any, dtype: Any = None) -> Tensor:
    x = tensor(x)
    if dtype is not None:
        return cast(x, dtype)
    return x if x.dtype.kind in "fc" else cast(x, np.float64)


def var(
    x: Any,
    /,
    axis: Any = None,
    dtype: Any = None,
    *,
    ddof: float = 0,
    keepdims: bool = False,
    correction: Any = None,
    where: Any = True,
) -> Tensor:
    """Variance over axes: sum |x - mean|^2 / (n - ddof); the Array API's ``correction`` is the same as ``ddof``.

    Only the elements where the mask ``where`` is true count.

    >>> import gradtape as gt
    >>> gt.var(gt.asarray([1.0, 3.0])), gt.var(gt.asarray([1.0, 3.0]), ddof=1)
    (Tensor(1.0), Tensor(2.0))
    """
    correction = ddof if correction is None else correction
    if where is not True:
        return nanvar(_unmasked(x, dtype, where), axis, ddof=correction, keepdims=keepdims)
    return norms.var(_float(x, dtype), axis=axes(axis), correction=correction, keepdims=keepdims)


def _unmasked(x: Any, dtype: Any, mask: Any) -> Tensor:
    """``x`` with NaN where the mask leaves an element out."""
    return where(tensor(mask), _float(x, dtype), math.nan)


def std(
    x: Any,
    /,
    axis: Any = None,
    dtype: Any = None,
    *,
    ddof: float = 0,
    keepdims: bool = False,
    correction: Any = None,
    where: Any = True,
) -> Tensor:
    """Standard deviation over axes, sqrt(var); where nothing is spread its derivative is 0.

    Only the elements where the mask ``where`` is true count.

    >>> import gradtape as gt
    >>> x = gt.asarray([1.0, 1.0])
    >>> with gt.GradientTape() as tape:
    ...     y = gt.std(x)
    >>> tape.gradient(y, x)
    Tensor([0., 0.])
    """
    correction = ddof if correction is None else correction
    if where is not True:
        return nanstd(_unmasked(x, dtype, where), axis, ddof=correction, keepdims=keepdims)
    return norms.std(_float(x, dtype), axis=axes(axis), correction=correction, keepdims=keepdims)


def average(x: Any, /, axis: Any = None, weights: Any = None, returned: bool = False, *, keepdims: bool = False) -> Any:
    """Weighted mean over axes: sum w x / sum w, differentiable in both; with ``returned`` also sum w.

    >>> import gradtape as gt
    >>> gt.average(gt.asarray([1.0, 4.0]), weights=gt.asarray([2.0, 1.0]))
    Tensor(2.0)
    """
    x = _float(x)
    if weights is None:
        mean = reductions.mean(x, axis, keepdims=keepdims)
        return (mean, mean * 0.0 + x.size / max(mean.size, 1)) if returned else mean
    w = tensor(weights)
    if w.shape != x.shape and axis is not None:
        over = axes_of(axes(axis), x.ndim)
        order = sorted(range(len(over)), key=over.__getitem__)
        w = transpose(w, axes=tuple(order)) if w.ndim > 1 else w
        w = reshape(w, shape=tuple([n if i in over else 1 for i, n in enumerate(x.shape)]))
        w = w + Tensor(np.zeros(x.shape, w.dtype))
    total = reductions.sum(w, axis, keepdims=keepdims)
    mean = reductions.sum(x * w, axis, keepdims=keepdims) / total
    return (mean, total) if returned else mean


# -- what ignores NaN -----------------------------------------------------------------------------------------


def _without(x: Any, neutral: float) -> tuple[Tensor, Tensor]:
    """(x with NaN replaced, where it was NaN); replaced entries have no influence on any derivative."""
    x = _float(x)
    missing = isnan(x)
    return where(missing, neutral, x), missing


def _count(missing: Tensor, x: Tensor, axis: Any, keepdims: bool) -> Tensor:
    """How many entries of ``x`` are there, in the real dtype of ``x``: counts do not widen a result."""
    return cast(reductions.sum(where(missing, 0.0, 1.0), axis, keepdims=keepdims), real(x).dtype)


def nansum(x: Any, /, axis: Any = None, *, keepdims: bool = False) -> Tensor:
    """Sum over axes of what is not NaN.

    >>> import gradtape as gt
    >>> gt.nansum(gt.asarray([1.0, float("nan"), 2.0]))
    Tensor(3.0)
    """
    x = tensor(x)
    return reductions.sum(_without(x, 0.0)[0] if x.dtype.kind in "fc" else x, axis, keepdims=keepdims)


def nanprod(x: Any, /, axis: Any = None, *, keepdims: bool = False) -> Tensor:
    """Product over axes of what is not NaN.

    >>> import gradtape as gt
    >>> gt.nanprod(gt.asarray([2.0, float("nan"), 3.0]))
    Tensor(6.0)
    """
    x = tensor(x)
    return reductions.prod(_without(x, 1.0)[0] if x.dtype.kind in "fc" else x, axis, keepdims=keepdims)


def nanmean(x: Any, /, axis: Any = None, *, keepdims: bool = False) -> Tensor:
    """Mean over axes of what is not NaN.

    >>> import gradtape as gt
    >>> gt.nanmean(gt.asarray([1.0, float("nan"), 2.0]))
    Tensor(1.5)
    """
    filled, missing = _without(x, 0.0)
    return reductions.sum(filled, axis, keepdims=keepdims) / _count(missing, filled, axis, keepdims)


def nanmax(x: Any, /, axis: Any = None, *, keepdims: bool = False) -> Tensor:
    """The largest over axes of what is not NaN; NaN where there is nothing else.

    >>> import gradtape as gt
    >>> gt.nanmax(gt.asarray([1.0, float("nan"), 2.0]))
    Tensor(2.0)
    """
    x = tensor(x)
    if x.dtype.kind not in "fc":  # integers are compared as they are, however large
        return reductions.max(x, axis, keepdims=keepdims)
    filled, missing = _without(x, -math.inf)
    nothing = reductions.all(missing, axis, keepdims=keepdims)
    return where(nothing, math.nan, reductions.max(filled, axis, keepdims=keepdims))


def nanmin(x: Any, /, axis: Any = None, *, keepdims: bool = False) -> Tensor:
    """The smallest over axes of what is not NaN; NaN where there is nothing else.

    >>> import gradtape as gt
    >>> gt.nanmin(gt.asarray([1.0, float("nan"), 2.0]))
    Tensor(1.0)
    """
    x = tensor(x)
    if x.dtype.kind not in "fc":  # integers are compared as they are, however large
        return reductions.min(x, axis, keepdims=keepdims)
    filled, missing = _without(x, math.inf)
    nothing = reductions.all(missing, axis, keepdims=keepdims)
    return where(nothing, math.nan, reductions.min(filled, axis, keepdims=keepdims))


def _nan_deviations(x: Any, axis: Any) -> tuple[Tensor, Tensor]:
    filled, missing = _without(x, 0.0)
    mean = reductions.sum(filled, axis, keepdims=True) / _count(missing, filled, axis, True)
    return where(missing, 0.0, filled - mean), missing


def nanvar(x: Any, /, axis: Any = None, *, ddof: float = 0, keepdims: bool = False) -> Tensor:
    """Variance over axes of what is not NaN.

    >>> import gradtape as gt
    >>> gt.nanvar(gt.asarray([1.0, float("nan"), 3.0]))
    Tensor(1.0)
    """
    d, missing = _nan_deviations(x, axis)
    squares = real(d * conj(d)) if d.dtype.kind == "c" else d * d
    return reductions.sum(squares, axis, keepdims=keepdims) / (_count(missing, d, axis, keepdims) - ddof)


def nanstd(x: Any, /, axis: Any = None, *, ddof: float = 0, keepdims: bool = False) -> Tensor:
    """Standard deviation over axes of what is not NaN; where nothing is spread its derivative is 0.

    >>> import gradtape as gt
    >>> gt.nanstd(gt.asarray([1.0, float("nan"), 3.0]))
    Tensor(1.0)
    """
    d, missing = _nan_deviations(x, axis)
    length = norms.norm(d, axis=axes(axis), keepdims=keepdims)
    return length / sqrt(_count(missing, d, axis, keepdims) - ddof)


# -- medians and quantiles --------------------------------------------------------------------------------------


def _sorted_last(x: Tensor, axis: Any) -> Tensor:
    """``x`` with the axes ``axis`` made one, put last and sorted."""
    over = axes_of(axes(axis), x.ndim)
    rest = tuple([i for i in range(x.ndim) if i not in over])
    order = (*rest, *over)
    x = x if order == tuple(range(x.ndim)) else transpose(x, axes=order)
    x = reshape(x, shape=(*x.shape[: len(rest)], math.prod(x.shape[len(rest) :])))
    return take_along_axis(x, argsort(x, axis=-1, descending=False), axis=-1)


def quantile(x: Any, q: Any, /, axis: Any = None, *, method: str = "linear", keepdims: bool = False) -> Tensor:
    """Quantiles over axes, by linear interpolation between neighbours in order; differentiable in ``q`` too.

    ``q`` is in [0, 1], a number or an array; its axes come first in the result.  At ties one of the equal entries
    takes the derivative.  A NaN among the entries makes the result NaN.  ``method``: "linear", or NumPy's others.

    >>> import gradtape as gt
    >>> gt.quantile(gt.asarray([3.0, 1.0, 2.0]), 0.25)
    Tensor(1.5)
    """
    x = _float(x)
    q = cast(tensor(q), real(x).dtype) if is_number(q) else tensor(q)  # a Python number does not widen x
    if not reductions.all(logical_and(q >= 0, q <= 1)):  # a guard: it holds of every call of a program
        raise ValueError("quantile: q lies in [0, 1] (percentile takes 0 to 100)")
    ordered = _sorted_last(x, axis)
    n = ordered.shape[-1]
    low, high, share = between(q, n - 1, method, "quantile")
    index = (Ellipsis, ARRAY)
    first, second = gather(ordered, low, index=index), gather(ordered, high, index=index)
    y = first if method in PICKS else first + share * (second - first)
    if q.ndim:
        k = ordered.ndim - 1
        y = transpose(y, axes=(*range(k, y.ndim), *range(k)))
    y = where(reductions.any(isnan(ordered), -1), math.nan, y)
    return reshape(y, shape=(*q.shape, *kept(x.shape, axes(axis)))) if keepdims else y


def percentile(x: Any, q: Any, /, axis: Any = None, *, method: str = "linear", keepdims: bool = False) -> Tensor:
    """Quantiles by hundredths: ``quantile(x, q / 100)``.

    >>> import gradtape as gt
    >>> gt.percentile(gt.asarray([3.0, 1.0, 2.0]), 50)
    Tensor(2.0)
    """
    return quantile(x, q / 100 if is_number(q) else tensor(q) / 100.0, axis, method=method, keepdims=keepdims)


def median(x: Any, /, axis: Any = None, *, keepdims: bool = False) -> Tensor:
    """The middle entry in order, or the mean of the two in the middle.

    >>> import gradtape as gt
    >>> gt.median(gt.asarray([3.0, 1.0, 2.0, 7.0]))
    Tensor(2.5)
    """
    x = _float(x)
    ordered = _sorted_last(x, axis)
    n = ordered.shape[-1]
    if n:
        middle = gather(ordered, np.arange((n - 1) // 2, n // 2 + 1), index=(Ellipsis, ARRAY))
        y = where(reductions.any(isnan(ordered), -1), math.nan, reductions.mean(middle, -1))
    else:
        y = reductions.sum(ordered, -1) + math.nan  # as NumPy's of nothing
    return reshape(y, shape=kept(x.shape, axes(axis))) if keepdims else y


# -- several variables ------------------------------------------------------------------------------------------


def cov(x: Any, y: Any = None, rowvar: bool = True, bias: bool = False, ddof: Any = None) -> Tensor:
    """The covariance matrix of variables in the rows of ``x`` (its columns with ``rowvar=False``), and of ``y``.

    >>> import gradtape as gt
    >>> gt.cov(gt.asarray([[1.0, 2.0, 3.0], [3.0, 2.0, 1.0]]))
    Tensor([[ 1., -1.],
            [-1.,  1.]])
    """

    def variables(v: Any) -> Tensor:
        v = _float(v)
        v = reshape(v, shape=(1, -1)) if v.ndim < 2 else v
        return v if rowvar or v.shape[0] == 1 else matrix_transpose(v)

    x = variables(x) if y is None else concat(variables(x), variables(y), axis=0)
    n = x.shape[1] - (int(not bias) if ddof is None else ddof)
    d = x - reductions.mean(x, 1, keepdims=True)
    other = conj(d) if d.dtype.kind == "c" else d
    c = matmul(d, matrix_transpose(other)) / (n if n > 0 else math.nan)
    return reshape(c, shape=()) if c.shape == (1, 1) else c


def corrcoef(x: Any, y: Any = None, rowvar: bool = True) -> Tensor:
    """The matrix of correlation coefficients of the variables in the rows of ``x``, and of ``y``.

    >>> import gradtape as gt
    >>> gt.corrcoef(gt.asarray([[1.0, 2.0, 3.0], [3.0, 2.0, 1.0]]))
    Tensor([[ 1., -1.],
            [-1.,  1.]])
    """
    c = cov(x, y, rowvar)
    if c.ndim == 0:
        return c / c
    scale = sqrt(diagonal(c, offset=0))
    return c / reshape(scale, shape=(-1, 1)) / reshape(scale, shape=(1, -1))


def interp(x: Any, xp: Any, fp: Any, left: Any = None, right: Any = None, period: Any = None) -> Tensor:
    """Piecewise linear interpolation of the points (xp, fp), xp increasing; differentiable in all three.

    Outside, ``left`` and ``right``, by default the values at the ends.  On a point the slope is the one to its right.
    With ``period`` the points repeat (in any order, modulo the period), and there is no outside.

    >>> import gradtape as gt
    >>> gt.interp(2.5, gt.asarray([1.0, 2.0, 3.0]), gt.asarray([3.0, 2.0, 0.0]))
    Tensor(1.0)
    """
    x, places, values = _float(x), _float(xp), _float(fp)
    if period is not None:
        x, places = remainder(x, period), remainder(places, period)
        order = argsort(places, axis=-1, descending=False)
        places, values = take_along_axis(places, order, axis=0), take_along_axis(values, order, axis=0)
        places = concat(places[-1:] - period, places, places[:1] + period, axis=0)
        values = concat(values[-1:], values, values[:1], axis=0)
    n = places.size
    at = clip(searchsorted(places, x, side="right") - 1, 0, max(n - 2, 0))
    index = (ARRAY,)
    after = clip(at + 1, 0, n - 1)
    x0, x1 = gather(places, at, index=index), gather(places, after, index=index)
    f0, f1 = gather(values, at, index=index), gather(values, after, index=index)
    y = f0 + (f1 - f0) / (x1 - x0) * (x - x0) if n > 1 else f0
    low = gather(values, np.intp(0), index=index) if left is None else tensor(left)
    high = gather(values, np.intp(n - 1), index=index) if right is None else tensor(right)
    first, last = gather(places, np.intp(0), index=index), gather(places, np.intp(n - 1), index=index)
    return where(less(x, first), low, where(greater(x, last), high, y))
