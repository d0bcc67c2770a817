"""Order: sort, argsort, top_k, partition, argmax, searchsorted, histograms.

Sorting is a permutation held constant: the derivative wherever values differ, one winner where they tie.
"""

from __future__ import annotations

from operator import index
from typing import Any

import numpy as np

from ..errors import DtypeError, ShapeError, message
from ..primitives import sorting as rows
from ..primitives.indexing import ARRAY, getitem, scatter_add, take_along_axis
from ..primitives.reductions import max as rows_max
from ..primitives.reductions import min as rows_min
from ..record import sites
from ..record.tensor import Tensor
from .shapes import axis_number, ravel, tensor

_gradtape_composes = True

__all__ = [
    "argmax",
    "argmin",
    "argpartition",
    "argsort",
    "bincount",
    "digitize",
    "histogram",
    "lexsort",
    "partition",
    "searchsorted",
    "sort",
    "top_k",
]


def _line(x: Any, axis: int | None, asked: str) -> tuple[Tensor, int]:
    """``x`` and the number of the axis; the flattened ``x`` for None."""
    x = tensor(x)
    if axis is None:
        return ravel(x), 0
    return x, axis_number(axis, x.ndim, asked)


def argsort(
    x: Any, /, axis: int | None = -1, kind: Any = None, *, descending: bool = False, stable: bool = True
) -> Tensor:
    """The indices that sort along ``axis``; equal values keep their order. Integers: no derivative.

    >>> import gradtape as gt
    >>> gt.argsort(gt.asarray([3.0, 1.0, 2.0]))
    Tensor([1, 2, 0])
    """
    x, axis = _line(x, axis, "argsort")
    return rows.argsort(x, axis=axis, descending=descending)


def sort(
    x: Any, /, axis: int | None = -1, kind: Any = None, *, descending: bool = False, stable: bool = True
) -> Tensor:
    """The values in order along ``axis``: y = x[argsort(x)]. Derivatives go back by the same permutation.

    >>> import gradtape as gt
    >>> x = gt.asarray([3.0, 1.0, 2.0])
    >>> with gt.GradientTape() as tape:
    ...     y = gt.sort(x)
    >>> tape.gradient(y, x, output_gradients=[1.0, 10.0, 100.0])
    Tensor([100.,   1.,  10.])
    """
    x, axis = _line(x, axis, "sort")
    return take_along_axis(x, rows.argsort(x, axis=axis, descending=descending), axis=axis)


def argpartition(x: Any, kth: Any, axis: int | None = -1) -> Tensor:
    """Indices that put the ``kth`` smallest values in their places along ``axis``, smaller ones before them.

    >>> import gradtape as gt
    >>> gt.argpartition(gt.asarray([3.0, 1.0, 2.0]), 0)[0]
    Tensor(1)
    """
    x, axis = _line(x, axis, "argpartition")
    return rows.argpartition(x, kth=_kth(kth), axis=axis)


def partition(x: Any, kth: Any, axis: int | None = -1) -> Tensor:
    """The values with the ``kth`` smallest in their places along ``axis``, smaller ones before them.

    >>> import gradtape as gt
    >>> gt.partition(gt.asarray([3.0, 1.0, 2.0]), 0)[0]
    Tensor(1.0)
    """
    x, axis = _line(x, axis, "partition")
    return take_along_axis(x, rows.argpartition(x, kth=_kth(kth), axis=axis), axis=axis)


def _kth(kth: Any) -> Any:
    return tuple([index(k) for k in kth]) if isinstance(kth, list | tuple | np.ndarray) else index(kth)


def top_k(x: Any, k: int = 1, *, axis: int = -1, sorted: bool = True) -> tuple[Tensor, Tensor]:
    """The ``k`` largest values along ``axis``, largest first, and their indices; ties in their order.

    >>> import gradtape as gt
    >>> gt.top_k(gt.asarray([1.0, 3.0, 2.0]), 2)
    (Tensor([3., 2.]), Tensor([1, 2]))
    """
    x, axis = _line(x, axis, "top_k")
    if not 0 <= k <= x.shape[axis]:
        raise ShapeError(message(f"top_k: {k} of {x.shape[axis]} values", where=str(sites.user_line())))
    order = rows.argsort(x, axis=axis, descending=True)
    places = getitem(order, index=(*(slice(None),) * axis, slice(0, index(k))))
    return take_along_axis(x, places, axis=axis), places


def argmax(x: Any, /, axis: int | None = None, *, keepdims: bool = False) -> Tensor:
    """The index of the first largest value along ``axis``, or in the flattened array. No derivative.

    >>> import gradtape as gt
    >>> gt.argmax(gt.asarray([3.0, 1.0, 4.0]))
    Tensor(2)
    """
    return rows.argmax(tensor(x), axis=axis, keepdims=keepdims)


def argmin(x: Any, /, axis: int | None = None, *, keepdims: bool = False) -> Tensor:
    """The index of the first smallest value along ``axis``, or in the flattened array. No derivative.

    >>> import gradtape as gt
    >>> gt.argmin(gt.asarray([3.0, 1.0, 4.0]))
    Tensor(1)
    """
    return rows.argmin(tensor(x), axis=axis, keepdims=keepdims)


def lexsort(keys: Any, axis: int = -1) -> Tensor:
    """The indices that sort by several keys, the last one first in rank.

    >>> import gradtape as gt
    >>> gt.lexsort([[2, 1, 0], [0, 0, 1]])
    Tensor([1, 0, 2])
    """
    return Tensor(np.lexsort([np.asarray(tensor(key)) for key in keys], axis=axis))


def searchsorted(x1: Any, x2: Any, /, side: str = "left", sorter: Any = None) -> Tensor:
    """Where the values ``x2`` would go into the sorted ``x1``, before ("left") or behind ("right") equal ones.

    >>> import gradtape as gt
    >>> gt.searchsorted([1.0, 2.0, 3.0], [0.5, 2.0])
    Tensor([0, 1])
    """
    x1 = tensor(x1)
    if sorter is not None:
        x1 = take_along_axis(x1, tensor(sorter), axis=0)
    return rows.searchsorted(x1, tensor(x2), side=side)


def digitize(x: Any, bins: Any, right: bool = False) -> Tensor:
    """The number of the bin that each value falls into: ``bins[i-1] <= x < bins[i]``.

    >>> import gradtape as gt
    >>> gt.digitize([0.5, 1.5], [0.0, 1.0, 2.0])
    Tensor([1, 2])
    """
    return rows.digitize(tensor(x), tensor(bins), right=right)


def bincount(x: Any, /, weights: Any = None, minlength: int = 0) -> Tensor:
    """How often each number from 0 on stands in ``x``; with ``weights``, their sums, which differentiate.

    >>> import gradtape as gt
    >>> gt.bincount([0, 2, 2], weights=gt.asarray([1.0, 2.0, 3.0]))
    Tensor([1., 0., 5.])
    """
    x = tensor(np.zeros(0, np.intp) if isinstance(x, list | tuple) and not x else x)
    if x.dtype.kind not in "iu" or x.ndim != 1 or (x.size and rows_min(x, axis=None, keepdims=False) < 0):
        raise DtypeError(
            message(
                "bincount: what is counted must be integers >= 0 in one dimension",
                f"found shape {x.shape}, {x.dtype}",
                str(sites.user_line()),
            )
        )
    if weights is None:
        return rows.bincount(x, minlength=minlength)
    weights = tensor(weights)
    if weights.shape != x.shape:
        raise ShapeError(
            message(f"bincount: weights of shape {weights.shape} for {x.shape}", where=str(sites.user_line()))
        )
    length = max(minlength, int(rows_max(x, axis=None, keepdims=False)) + 1 if x.size else 0)
    return scatter_add(weights * 1.0, x, index=(ARRAY,), shape=(length,))


def histogram(
    x: Any, bins: Any = 10, range: Any = None, density: bool | None = None, weights: Any = None
) -> tuple[Tensor, Tensor]:
    """The number of values in each bin, or the sum of their weights, and the edges of the bins.

    Counts have no derivative with respect to the values; sums of weights have one with respect to the weights.

    >>> import gradtape as gt
    >>> gt.histogram([0.0, 1.0, 1.0, 2.0], bins=2)
    (Tensor([1, 3]), Tensor([0., 1., 2.]))
    """
    x = ravel(x)
    data = np.asarray(x)  # it leaves the record: the edges and the places are read off it
    edges = np.histogram_bin_edges(data, bins.data if isinstance(bins, Tensor) else bins, range)
    where_to = np.searchsorted(edges, data, "right") - 1
    where_to[data == edges[-1]] = len(edges) - 2  # the last bin is closed
    inside = np.flatnonzero((where_to >= 0) & (where_to < len(edges) - 1))
    if weights is None:
        counts: Any = rows.bincount(Tensor(where_to[inside]), minlength=len(edges) - 1)
    else:
        picked = take_along_axis(ravel(weights), Tensor(inside), axis=0)
        counts = bincount(Tensor(where_to[inside]), picked, len(edges) - 1)
    if density:
        total = (
            int(inside.size)
            if weights is None
            else scatter_add(counts, np.zeros(len(edges) - 1, int), index=(ARRAY,), shape=(1,))
        )
        counts = counts / (Tensor(np.diff(edges)) * total)
    return counts, Tensor(edges)
