"""Running sums, products and extrema, and differences, by the Array API's and NumPy's names."""

from __future__ import annotations

from collections.abc import Callable
from operator import index
from typing import Any

import numpy as np

from ..primitives import cumulative as rows
from ..primitives.complexes import real
from ..primitives.indexing import getitem
from ..primitives.joining import concat
from ..primitives.shapes import broadcast_to, reshape
from ..record.tensor import Tensor
from ..record.writer import is_number
from .casting import cast
from .reductions import sum, tensor

_gradtape_composes = True

__all__ = [
    "cummax",
    "cummin",
    "cumprod",
    "cumsum",
    "cumulative_prod",
    "cumulative_sum",
    "diff",
    "ediff1d",
    "gradient",
    "trapezoid",
]


def _flattened(x: Any, axis: Any, dtype: Any) -> tuple[Tensor, int]:
    """``x`` and the axis to run along: the flattened array where there is none."""
    x = tensor(x)
    if dtype is not None:
        x = cast(x, dtype)
    if axis is None or x.ndim == 0:
        return reshape(x, shape=(-1,)), 0
    return x, index(axis)


def _of_dtype(y: Tensor, dtype: Any) -> Tensor:
    """``y`` in the dtype that was asked for: small integers are added up in wide ones."""
    return y if dtype is None else cast(y, dtype)


def cumsum(x: Any, /, axis: Any = None, dtype: Any = None) -> Tensor:
    """Running sum along an axis (of the flattened array, if none): y_k = x_0 + ... + x_k.

    >>> import gradtape as gt
    >>> gt.cumsum(gt.asarray([1.0, 2.0, 3.0]))
    Tensor([1., 3., 6.])
    """
    x, axis = _flattened(x, axis, dtype)
    return _of_dtype(rows.cumsum(x, axis=axis), dtype)


def cumprod(x: Any, /, axis: Any = None, dtype: Any = None) -> Tensor:
    """Running product along an axis (of the flattened array, if none): y_k = x_0 ... x_k.

    Its derivatives are polynomials, so zeros do no harm.

    >>> import gradtape as gt
    >>> gt.cumprod(gt.asarray([1.0, 2.0, 3.0]))
    Tensor([1., 2., 6.])
    """
    x, axis = _flattened(x, axis, dtype)
    return _of_dtype(rows.cumprod(x, axis=axis), dtype)


def cumulative_sum(x: Any, /, *, axis: Any = None, dtype: Any = None, include_initial: bool = False) -> Tensor:
    """The Array API's running sum; ``include_initial`` puts the empty sum, 0, in front.

    >>> import gradtape as gt
    >>> gt.cumulative_sum(gt.asarray([1.0, 2.0]), include_initial=True)
    Tensor([0., 1., 3.])
    """
    return _cumulative(rows.cumsum, 0, x, axis, dtype, include_initial)


def cumulative_prod(x: Any, /, *, axis: Any = None, dtype: Any = None, include_initial: bool = False) -> Tensor:
    """The Array API's running product; ``include_initial`` puts the empty product, 1, in front.

    >>> import gradtape as gt
    >>> gt.cumulative_prod(gt.asarray([2.0, 3.0]), include_initial=True)
    Tensor([1., 2., 6.])
    """
    return _cumulative(rows.cumprod, 1, x, axis, dtype, include_initial)


def _cumulative(run: Callable[..., Any], empty: int, x: Any, axis: Any, dtype: Any, include_initial: bool) -> Tensor:
    x, axis = _flattened(x, axis, dtype)
    y = _of_dtype(run(x, axis=axis), dtype)
    if include_initial:
        shape = tuple([1 if i == axis % y.ndim else n for i, n in enumerate(y.shape)])
        y = concat(Tensor(np.full(shape, empty, dtype=y.dtype)), y, axis=axis)
    return y


def cummax(x: Any, /, axis: int = 0) -> Tensor:
    """Running maximum along an axis: y_k = max(x_0, ..., x_k); ties share the derivative.

    >>> import gradtape as gt
    >>> gt.cummax(gt.asarray([1.0, 3.0, 2.0]))
    Tensor([1., 3., 3.])
    """
    return rows.cummax(tensor(x), axis=index(axis))


def cummin(x: Any, /, axis: int = 0) -> Tensor:
    """Running minimum along an axis: y_k = min(x_0, ..., x_k); ties share the derivative.

    >>> import gradtape as gt
    >>> gt.cummin(gt.asarray([3.0, 1.0, 2.0]))
    Tensor([3., 1., 1.])
    """
    return rows.cummin(tensor(x), axis=index(axis))


# -- differences ------------------------------------------------------------------------------------------


def along(x: Tensor, axis: int, at: Any) -> Tensor:
    """``x[..., at, ...]`` with ``at`` on ``axis``."""
    return getitem(x, index=(*(slice(None),) * (axis % x.ndim), at))


def _edge(value: Any, x: Tensor, axis: int) -> Tensor:
    """What is put in front or behind: a value of length 1 along ``axis`` where it is a number."""
    value = tensor(value)
    if value.ndim:
        return value
    return broadcast_to(value, shape=tuple([1 if i == axis % x.ndim else n for i, n in enumerate(x.shape)]))


def diff(x: Any, /, n: int = 1, axis: int = -1, prepend: Any = None, append: Any = None) -> Tensor:
    """Differences of neighbours along an axis, taken ``n`` times: y_k = x_{k+1} - x_k.

    >>> import gradtape as gt
    >>> gt.diff(gt.asarray([1.0, 4.0, 9.0])), gt.diff(gt.asarray([1.0, 4.0, 9.0]), n=2)
    (Tensor([3., 5.]), Tensor([2.]))
    """
    x = tensor(x)
    parts = [_edge(v, x, axis) for v in (prepend, append) if v is not None]
    if parts:
        front = parts[:1] if prepend is not None else []
        x = concat(*front, x, *parts[len(front) :], axis=axis)
    for _ in range(n):
        behind, before = along(x, axis, slice(1, None)), along(x, axis, slice(None, -1))
        x = behind != before if x.dtype.kind == "b" else behind - before
    return x


def ediff1d(x: Any, /, to_end: Any = None, to_begin: Any = None) -> Tensor:
    """Differences of neighbours in the flattened array, with values to put before and behind them.

    >>> import gradtape as gt
    >>> gt.ediff1d(gt.asarray([1.0, 4.0, 9.0]), to_begin=0.0)
    Tensor([0., 3., 5.])
    """
    y = diff(reshape(tensor(x), shape=(-1,)))
    parts = [reshape(cast(tensor(v), y.dtype), shape=(-1,)) if v is not None else None for v in (to_begin, to_end)]
    pieces = [p for p in (parts[0], y, parts[1]) if p is not None]
    return concat(*pieces, axis=0) if len(pieces) > 1 else y


def trapezoid(y: Any, x: Any = None, dx: Any = 1.0, axis: int = -1) -> Tensor:
    """The integral of samples ``y`` at places ``x`` (or ``dx`` apart) by the trapezoidal rule.

    >>> import gradtape as gt
    >>> gt.trapezoid(gt.asarray([0.0, 1.0, 2.0]))
    Tensor(2.0)
    """
    y = tensor(y)
    means = (along(y, axis, slice(1, None)) + along(y, axis, slice(None, -1))) / 2.0
    if x is None:
        return sum(means * dx, axis)
    x = tensor(x)
    steps = diff(x) if x.ndim == 1 else diff(x, axis=axis)
    if x.ndim == 1 and y.ndim > 1:
        steps = reshape(steps, shape=tuple([steps.size if i == axis % y.ndim else 1 for i in range(y.ndim)]))
    return sum(steps * means, axis)


def gradient(f: Any, *spacing: Any, axis: Any = None, edge_order: int = 1) -> Any:
    """Slopes of samples by central differences, one-sided at the ends: one Tensor per axis.

    ``spacing``: nothing (1), one number, or one number or list of coordinates per axis; differentiable in these too.
    A list where there are several axes.  (For the derivative of a function use ``gradtape.grad``.)

    >>> import gradtape as gt
    >>> gt.gradient(gt.asarray([1.0, 4.0, 9.0]))
    Tensor([3., 4., 5.])
    """
    f = tensor(f)
    chosen = range(f.ndim) if axis is None else axis if isinstance(axis, tuple | list) else (axis,)
    chosen = [a % f.ndim for a in chosen]
    steps = list(spacing) or [1.0]
    if len(steps) == 1:
        steps = steps * len(chosen)
    if len(steps) != len(chosen):
        raise TypeError(f"gradient: {len(steps)} spacings for {len(chosen)} axes")
    f = f if f.dtype.kind in "fc" else cast(f, np.float64)
    steps = [cast(tensor(h), real(f).dtype) if is_number(h) else tensor(h) for h in steps]
    slopes = [_slope(f, a, h, edge_order) for a, h in zip(chosen, steps, strict=True)]
    return slopes[0] if len(slopes) == 1 else slopes


def _slope(f: Tensor, axis: int, h: Tensor, edge_order: int) -> Tensor:
    """Second-order differences on a grid that need not be even (NumPy's formula)."""
    n = f.shape[axis]
    if n < edge_order + 1:
        raise ValueError(f"gradient: axis {axis} has length {n}; edge_order={edge_order} needs {edge_order + 1}")
    shape = [1] * f.ndim
    if h.ndim == 0:
        steps = broadcast_to(h, shape=(n - 1,))
    else:
        steps = diff(h)
    shape[axis] = n - 1
    steps = reshape(steps, shape=tuple(shape))
    s = diff(f, axis=axis) / steps  # the slopes of the pieces
    left, right = along(steps, axis, slice(None, -1)), along(steps, axis, slice(1, None))
    before, after = along(s, axis, slice(None, -1)), along(s, axis, slice(1, None))
    inner = (right * before + left * after) / (left + right)
    first, last = along(s, axis, slice(0, 1)), along(s, axis, slice(n - 2, n - 1))
    if edge_order == 2:
        h0, h1 = along(steps, axis, slice(0, 1)), along(steps, axis, slice(1, 2))
        first = first + (first - along(s, axis, slice(1, 2))) * h0 / (h0 + h1)
        k0, k1 = along(steps, axis, slice(n - 2, n - 1)), along(steps, axis, slice(n - 3, n - 2))
        last = last + (last - along(s, axis, slice(n - 3, n - 2))) * k0 / (k0 + k1)
    return concat(first, inner, last, axis=axis)
