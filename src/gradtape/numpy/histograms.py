"""Histograms of several coordinates, and the edges of bins. Counts have no derivative; sums of weights have one."""

from __future__ import annotations

from collections.abc import Sequence
from operator import index
from typing import Any

import numpy as np

from ..errors import ShapeError, message
from ..primitives import sorting as rows
from ..record import sites
from ..record.tensor import Tensor, read
from .reductions import sum, tensor
from .shapes import ravel
from .sorting import bincount

_gradtape_composes = True

__all__ = ["histogram2d", "histogram_bin_edges", "histogramdd"]


def histogram_bin_edges(x: Any, bins: Any = 10, range: Any = None, weights: Any = None) -> Tensor:
    """The edges of the bins that :func:`histogram` uses. No derivative.

    >>> import gradtape as gt
    >>> gt.histogram_bin_edges([0.0, 1.0, 2.0], bins=2)
    Tensor([0., 1., 2.])
    """
    values = np.asarray(read(tensor(x), "histogram_bin_edges()"))
    return Tensor(np.histogram_bin_edges(values, _plain(bins), range, None))


def _plain(bins: Any) -> Any:
    return read(bins, "the edges of bins") if isinstance(bins, Tensor) else bins


def histogramdd(
    sample: Any, bins: Any = 10, range: Any = None, density: bool | None = None, weights: Any = None
) -> tuple[Tensor, tuple[Tensor, ...]]:
    """How many points, rows of ``sample``, lie in each box, or the sum of their weights; and the edges along each axis.

    ``bins``: a number, or for each axis a number or edges; ``density`` divides by the total and the boxes' volumes.

    >>> import gradtape as gt
    >>> gt.histogramdd(gt.asarray([[0.0, 0.0], [1.0, 1.0], [1.0, 0.9]]), bins=2)[0]
    Tensor([[1., 0.],
            [0., 2.]])
    """
    columns = [tensor(c) for c in sample] if isinstance(sample, list | tuple) else None
    points = None if columns is not None else tensor(sample)
    if points is not None:
        columns = [points] if points.ndim == 1 else [points[:, k] for k in np.arange(points.shape[1])]
    values = [np.asarray(read(c, "histogramdd() counting it")) for c in columns or []]
    bins = _plain(bins)
    each = [_plain(b) for b in bins] if isinstance(bins, Sequence | np.ndarray) else [index(bins)] * len(values)
    if len(each) != len(values):
        raise ShapeError(
            message(
                f"histogramdd: bins for {len(each)} axes, points of {len(values)}",
                where=str(sites.user_line()),
                remedy="Give one number, or a number or edges for each axis.",
            )
        )
    ranges = [None] * len(values) if range is None else list(range)
    edges = [np.histogram_bin_edges(v, b, r) for v, b, r in zip(values, each, ranges, strict=True)]
    shape = tuple([e.size - 1 for e in edges])
    at = [np.searchsorted(e, v, "right") - 1 for v, e in zip(values, edges, strict=True)]
    at = [np.where(v == e[-1], e.size - 2, a) for a, v, e in zip(at, values, edges, strict=True)]  # the last is closed
    inside = np.flatnonzero(np.all([(a >= 0) & (a < n) for a, n in zip(at, shape, strict=True)], axis=0))
    boxes = Tensor(np.ravel_multi_index([a[inside] for a in at], shape))
    cells = int(np.prod(shape))
    if weights is None:
        counts = rows.bincount(boxes, minlength=cells) * 1.0
    else:
        counts = bincount(boxes, ravel(weights)[inside], cells)
    counts = counts.reshape(shape)
    if density:
        for axis, e in enumerate(edges):
            counts = counts / np.diff(e).reshape([-1 if i == axis else 1 for i in np.arange(len(edges))])
        counts = counts / (sum(ravel(weights)[inside]) if weights is not None else float(inside.size))
    return counts, tuple([Tensor(e) for e in edges])


def histogram2d(
    x: Any, y: Any, bins: Any = 10, range: Any = None, density: bool | None = None, weights: Any = None
) -> tuple[Tensor, Tensor, Tensor]:
    """How many points (x_i, y_i) lie in each box, or the sum of their weights; and the edges along both axes.

    >>> import gradtape as gt
    >>> gt.histogram2d([0.0, 1.0, 1.0], [0.0, 1.0, 0.9], bins=2)[0]
    Tensor([[1., 0.],
            [0., 2.]])
    """
    plain = _plain(bins)
    if not isinstance(plain, int | np.integer) and len(plain) not in (1, 2):
        plain = [np.asarray(plain)] * 2
    counts, edges = histogramdd([ravel(x), ravel(y)], plain, range, density, weights)
    return counts, edges[0], edges[1]
