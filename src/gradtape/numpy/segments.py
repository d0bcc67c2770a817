"""Reductions by group: segment_sum and its kin, and scattering with a reduction.

Row i of ``x`` belongs to segment ``segment_ids[i]``; ids need not be sorted, and rows whose id is negative (or not
below ``num_segments``) belong to none.  Ids of several axes stand for as many leading axes of ``x``.
"""

from __future__ import annotations

import math
from operator import index as integer
from typing import Any

import numpy as np

from ..errors import DtypeError, ShapeError, message
from ..primitives import segments as rows
from ..primitives.indexing import filled, positions
from ..primitives.joining import concat
from ..primitives.reductions import max as largest
from ..primitives.selection import maximum
from ..primitives.shapes import broadcast_to, reshape
from ..record import sites
from ..record.tensor import Tensor, read
from ..record.writer import lift, strong
from .casting import cast
from .indexing import parsed
from .updates import fitted

_gradtape_composes = True

__all__ = [
    "scatter_reduce",
    "segment_max",
    "segment_mean",
    "segment_min",
    "segment_prod",
    "segment_sum",
    "unsorted_segment_max",
    "unsorted_segment_mean",
    "unsorted_segment_min",
    "unsorted_segment_prod",
    "unsorted_segment_sqrt_n",
    "unsorted_segment_sum",
]


def _arguments(x: Any, segment_ids: Any, num_segments: Any, asked: str) -> tuple[Tensor, Tensor, int]:
    """The rows of ``x``, their ids along one axis, and how many segments there are."""
    x, ids = strong(lift(x)), strong(lift(segment_ids))
    if ids.dtype.kind not in "iu" and ids.size:
        raise DtypeError(
            message(
                f"{asked}: ids of dtype {ids.dtype}",
                where=str(sites.user_line()),
                remedy="Segment ids are integers: gt.astype(ids, int).",
            )
        )
    if x.shape[: ids.ndim] != ids.shape or ids.ndim == 0:
        raise ShapeError(
            message(
                f"{asked}: ids of shape {ids.shape} for rows of shape {x.shape}",
                where=str(sites.user_line()),
                remedy="Give one id for each row: the ids' shape is the beginning of the rows' shape.",
            )
        )
    if num_segments is None:
        num_segments = int(largest(ids, axis=None, keepdims=False)) + 1 if ids.size else 0
    if ids.ndim > 1:
        x, ids = reshape(x, shape=(ids.size, *x.shape[ids.ndim :])), reshape(ids, shape=(ids.size,))
    return x, ids if ids.dtype.kind in "iu" else cast(ids, np.int64), max(integer(num_segments), 0)


def segment_sum(x: Any, segment_ids: Any, num_segments: int | None = None) -> Tensor:
    """Sums by group: y_k = sum of the rows x_i with segment_ids[i] = k; 0 where there is none.

    ``num_segments`` is by default the largest id + 1.

    >>> import gradtape as gt
    >>> gt.segment_sum(gt.asarray([1.0, 2.0, 3.0, 4.0]), [0, 2, 0, 2])
    Tensor([4., 0., 6.])
    """
    x, ids, count = _arguments(x, segment_ids, num_segments, "segment_sum")
    return rows.segment_sum(x, ids, count=count)


def _counts(x: Tensor, ids: Tensor, count: int) -> Any:
    """How many rows each segment has, at least 1, in a shape that divides their sums."""
    dtype = x.data.real.dtype if x.dtype.kind in "fc" else np.dtype(np.float64)
    found = maximum(rows.segment_count(ids, count=count, dtype=str(dtype)), 1.0)
    return reshape(found, shape=(count,) + (1,) * (x.ndim - 1))


def segment_mean(x: Any, segment_ids: Any, num_segments: int | None = None) -> Tensor:
    """Means by group: y_k = mean of the rows x_i with segment_ids[i] = k; 0 where there is none.

    >>> import gradtape as gt
    >>> gt.segment_mean(gt.asarray([1.0, 2.0, 3.0, 4.0]), [0, 2, 0, 2])
    Tensor([2., 0., 3.])
    """
    x, ids, count = _arguments(x, segment_ids, num_segments, "segment_mean")
    return rows.segment_sum(x, ids, count=count) / _counts(x, ids, count)


def _extremum(row: Any, x: Any, segment_ids: Any, num_segments: Any, empty: Any, asked: str) -> Tensor:
    x, ids, count = _arguments(x, segment_ids, num_segments, asked)
    if x.dtype.kind == "c":
        raise DtypeError(message(f"{asked} of complex numbers, which have no order", where=str(sites.user_line())))
    if empty is None:
        lowest = asked == "segment_max"
        if x.dtype.kind == "f":
            empty = -math.inf if lowest else math.inf
        elif x.dtype.kind == "b":
            empty = not lowest
        else:
            empty = int(np.iinfo(x.dtype).min if lowest else np.iinfo(x.dtype).max)
    return row(x, ids, count=count, empty=empty)


def segment_max(x: Any, segment_ids: Any, num_segments: int | None = None, *, empty: Any = None) -> Tensor:
    """The largest by group: y_k = max of the rows x_i with segment_ids[i] = k, element by element.

    ``empty`` stands where there is no such row; by default the lowest value there is, -inf.  The derivative is split
    evenly over ties, and what is not the largest has no influence on any derivative.

    >>> import gradtape as gt
    >>> x = gt.asarray([1.0, 2.0, 3.0, 2.0])
    >>> with gt.GradientTape() as tape:
    ...     y = gt.segment_max(x, [0, 1, 0, 1])
    >>> y, tape.gradient(y, x)
    (Tensor([3., 2.]), Tensor([0. , 0.5, 1. , 0.5]))
    """
    return _extremum(rows.segment_max, x, segment_ids, num_segments, empty, "segment_max")


def segment_min(x: Any, segment_ids: Any, num_segments: int | None = None, *, empty: Any = None) -> Tensor:
    """The smallest by group; ``empty``, by default the highest value there is, inf, where there is no row.

    >>> import gradtape as gt
    >>> gt.segment_min(gt.asarray([1.0, 2.0, 3.0, 4.0]), [0, 1, 0, 1])
    Tensor([1., 2.])
    """
    return _extremum(rows.segment_min, x, segment_ids, num_segments, empty, "segment_min")


def segment_prod(x: Any, segment_ids: Any, num_segments: int | None = None) -> Tensor:
    """Products by group: y_k = product of the rows x_i with segment_ids[i] = k; 1 where there is none.

    Its derivatives are products of the other factors, never a quotient, so zeros do no harm.

    >>> import gradtape as gt
    >>> x = gt.asarray([0.0, 2.0, 3.0, 4.0])
    >>> with gt.GradientTape() as tape:
    ...     y = gt.segment_prod(x, [0, 1, 0, 1])
    >>> y, tape.gradient(y, x)
    (Tensor([0., 8.]), Tensor([3., 4., 0., 2.]))
    """
    x, ids, count = _arguments(x, segment_ids, num_segments, "segment_prod")
    return rows.segment_prod(x, ids, count=count)


# -- TensorFlow's names: the number of segments is given ------------------------------------------------------------


def unsorted_segment_sum(x: Any, segment_ids: Any, num_segments: int) -> Tensor:
    """:func:`segment_sum` with the number of segments given.

    >>> import gradtape as gt
    >>> gt.unsorted_segment_sum(gt.asarray([1.0, 2.0]), [1, -1], 3)
    Tensor([0., 1., 0.])
    """
    return segment_sum(x, segment_ids, num_segments)


def unsorted_segment_mean(x: Any, segment_ids: Any, num_segments: int) -> Tensor:
    """:func:`segment_mean` with the number of segments given.

    >>> import gradtape as gt
    >>> gt.unsorted_segment_mean(gt.asarray([1.0, 2.0]), [1, 1], 3)
    Tensor([0. , 1.5, 0. ])
    """
    return segment_mean(x, segment_ids, num_segments)


def unsorted_segment_sqrt_n(x: Any, segment_ids: Any, num_segments: int) -> Tensor:
    """Sums by group divided by the square root of how many rows there are.

    >>> import gradtape as gt
    >>> gt.unsorted_segment_sqrt_n(gt.asarray([1.0, 2.0, 3.0, 4.0]), [0, 0, 0, 0], 2)
    Tensor([5., 0.])
    """
    x, ids, count = _arguments(x, segment_ids, num_segments, "unsorted_segment_sqrt_n")
    return rows.segment_sum(x, ids, count=count) / _counts(x, ids, count) ** 0.5


def unsorted_segment_max(x: Any, segment_ids: Any, num_segments: int, *, empty: Any = None) -> Tensor:
    """:func:`segment_max` with the number of segments given.

    >>> import gradtape as gt
    >>> gt.unsorted_segment_max(gt.asarray([1.0, 2.0]), [1, 1], 2, empty=0.0)
    Tensor([0., 2.])
    """
    return segment_max(x, segment_ids, num_segments, empty=empty)


def unsorted_segment_min(x: Any, segment_ids: Any, num_segments: int, *, empty: Any = None) -> Tensor:
    """:func:`segment_min` with the number of segments given.

    >>> import gradtape as gt
    >>> gt.unsorted_segment_min(gt.asarray([1.0, 2.0]), [1, 1], 2, empty=0.0)
    Tensor([0., 1.])
    """
    return segment_min(x, segment_ids, num_segments, empty=empty)


def unsorted_segment_prod(x: Any, segment_ids: Any, num_segments: int) -> Tensor:
    """:func:`segment_prod` with the number of segments given.

    >>> import gradtape as gt
    >>> gt.unsorted_segment_prod(gt.asarray([3.0, 2.0]), [1, 1], 2)
    Tensor([1., 6.])
    """
    return segment_prod(x, segment_ids, num_segments)


# -- scattering --------------------------------------------------------------------------------------------------


_REDUCTIONS = {
    "sum": segment_sum,
    "mean": segment_mean,
    "max": segment_max,
    "min": segment_min,
    "prod": segment_prod,
}


def scatter_reduce(x: Any, index: Any, values: Any, reduce: str = "sum") -> Tensor:
    """``x`` in which each entry is reduced together with all the ``values`` whose place ``index`` says is there.

    ``index`` is what ``x[index]`` accepts, and ``values`` broadcasts to the shape of that; ``reduce`` is "sum",
    "mean", "max", "min" or "prod".  Unlike ``x.at[index].max(values)``, which goes round by round through repeated
    places, all of them are reduced at once, and ties are split evenly.

    >>> import gradtape as gt
    >>> x = gt.asarray([1.0, 2.0, 3.0])
    >>> gt.scatter_reduce(x, [0, 0, 2], gt.asarray([5.0, 6.0, 0.0]), "max")
    Tensor([6., 2., 3.])
    """
    if reduce not in _REDUCTIONS:
        raise ValueError(
            message(
                f"scatter_reduce: reduce={reduce!r}",
                where=str(sites.user_line()),
                remedy="Use " + ", ".join(repr(name) for name in _REDUCTIONS) + ".",
            )
        )
    x = strong(lift(x))
    template, arrays = parsed(index)
    at = np.asarray(positions(x.shape, filled(template, tuple([read(a, "scatter_reduce() at it") for a in arrays]))))
    new = strong(fitted(values, x, "scatter_reduce"))
    new = reshape(broadcast_to(new, shape=at.shape), shape=(-1,))
    ids = np.concatenate([np.arange(x.size), at.ravel()])
    every = concat(reshape(x, shape=(-1,)), new, axis=0)
    return reshape(_REDUCTIONS[reduce](every, ids, x.size), shape=x.shape)
