"""Rows that reduce the rows of an array by group: row i of ``x`` belongs to segment ``ids[i]``.

Ids are an input that has no derivative; one that is negative or too large leaves its row out.  Conventions as for
the reductions over axes: max and min split evenly over ties, and a row that is not the extremum has no influence;
prod is a polynomial, multiplied in a tree and never divided.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..record.tensor import read
from ..rules.batching import Batched, full, permuted, reshaped
from ..rules.kinds import composite, constant, differential, linear
from ..rules.lanes import Lanes
from .indexing import ARRAY, gather
from .predicates import equal, not_equal
from .selection import where
from .shapes import Indices, astype, drawn, reshape

# -- the groups ----------------------------------------------------------------------------------------------------


def _grouped(ids: Any, count: int) -> tuple[Any, Any, Any]:
    """The rows that count in the order of their segments (None: as they are), where each group starts, and its id."""
    inside = (ids >= 0) & (ids < count)
    order = None
    if not inside.all():
        order = np.flatnonzero(inside)
        ids = ids[order]
    if np.any(ids[1:] < ids[:-1]):
        by_id = np.argsort(ids, kind="stable")
        ids = ids[by_id]
        order = by_id if order is None else order[by_id]
    starts = np.flatnonzero(np.concatenate([np.ones(min(ids.size, 1), bool), ids[1:] != ids[:-1]]))
    return order, starts, ids[starts]


def _reduced(xp: Any, x: Any, ids: Any, ufunc: str, empty: Any, count: int) -> Any:
    """Each segment's rows reduced by a ufunc of NumPy's; ``empty`` for a segment without rows."""
    if xp is not np:
        out = xp.full((count, *x.shape[1:]), empty, dtype=x.dtype)
        name = {"add": "add", "multiply": "multiply", "maximum": "max", "minimum": "min"}[ufunc]
        return getattr(out.at[xp.where(ids < 0, count, ids)], name)(x)
    out = np.full((count, *x.shape[1:]), empty, dtype=x.dtype)
    order, starts, groups = _grouped(np.asarray(ids), count)
    if groups.size:
        out[groups] = getattr(np, ufunc).reduceat(x if order is None else x[order], starts, axis=0)
    return out


def _spread(xp: Any, y: Any, ids: Any) -> Any:
    inside = (ids >= 0) & (ids < y.shape[0])
    if xp is np and inside.all():
        return y[ids]
    if not y.shape[0]:
        return xp.zeros((*ids.shape, *y.shape[1:]), dtype=y.dtype)
    return xp.where(inside.reshape((-1,) + (1,) * (y.ndim - 1)), y[xp.where(inside, ids, 0)], y.dtype.type(0))


def _swapped(x: Any) -> Any:
    return permuted(x, (1, 0, *range(2, x.ndim)))


def _apart(ids: Any, count: int) -> Any:
    """Ids that differ over the batch, (size, n), as one list: those of each element have numbers of their own."""
    size, n = ids.shape
    own = np.arange(size)[:, None] * count
    return reshaped(where((ids >= 0) & (ids < count), ids + own, -1), (size * n,))


def _rows_batch(size: int, flags: Any, xs: Any, params: Any) -> Batched:
    """The batch behind the rows where the ids are the same for all of it."""
    x, ids = full(size, flags, xs)
    count, n = params["count"], x.shape[1]
    if not flags[1]:
        return (_swapped(x), xs[1]), params, _swapped
    rows = reshaped(x, (size * n, *x.shape[2:]))
    return (
        (rows, _apart(ids, count)),
        {**params, "count": size * count},
        lambda y: reshaped(y, (size, count, *y.shape[1:])),
    )


def _spread_batch(size: int, flags: Any, xs: Any, params: Any) -> Batched:
    y, ids = full(size, flags, xs)
    count, n = y.shape[1], ids.shape[1]
    if not flags[1]:
        return (_swapped(y), xs[1]), params, _swapped
    rows = reshaped(y, (size * count, *y.shape[2:]))
    return (rows, _apart(ids, count)), params, lambda y: reshaped(y, (size, n, *y.shape[1:]))


def _count_batch(size: int, flags: Any, xs: Any, params: Any) -> Batched:
    count = params["count"]
    return [_apart(xs[0], count)], {**params, "count": size * count}, lambda y: reshaped(y, (size, count))


_IDS = [0, 2, 0, 2]
_SUMS = drawn(
    ([(4,), Indices(_IDS)], {"count": 3}),
    ([(4, 2), Indices(_IDS)], {"count": 3}),
    ([(4,), Indices([1, -1, 1, 5])], {"count": 3}),
    ([(4, 2), Indices([0, 0, 1, 2])], {"count": 3}),
    ([(0,), Indices(np.zeros(0, int))], {"count": 2}),
)

segment_sum = linear(
    "segment_sum",
    lambda xp, x, ids, *, count: _reduced(xp, x, ids, "add", 0, count),
    lambda ct, x, ids, *, count: segment_spread(ct, ids),
    None,
    params={"count": [3]},
    moves=True,
    sample=_SUMS,
    batch=_rows_batch,
    doc="Row k of the result is the sum of the rows of ``x`` whose id is k: y_k = sum_{ids_i = k} x_i.",
    public=False,
)

segment_spread = linear(
    "segment_spread",
    _spread,
    lambda ct, y, ids: segment_sum(ct, ids, count=y.shape[0]),
    None,
    moves=True,
    sample=drawn(
        ([(3,), Indices(_IDS)], {}),
        ([(3, 2), Indices([1, -1, 1, 5])], {}),
        ([(0, 2), Indices([0, 1])], {}),
    ),
    batch=_spread_batch,
    doc="Row i of the result is row ids[i] of the input, zero where there is none: the transpose of segment_sum.",
    public=False,
)

segment_count = constant(
    "segment_count",
    lambda xp, ids, *, count, dtype: xp.bincount(ids[(ids >= 0) & (ids < count)], minlength=count).astype(dtype),
    params={"count": [3], "dtype": ["int64"]},
    sample=drawn(([Indices([0, 2, 0, -1])], {"count": 3, "dtype": "int64"})),
    batch=_count_batch,
    doc="How many of the ids are k, for each k below ``count``.",
    public=False,
)


# -- extrema ---------------------------------------------------------------------------------------------------------


def _won(y: Any, x: Any, ids: Any) -> tuple[Any, Any]:
    """Where a row is its segment's extremum (or nan, which then is the extremum), and how many share it, at least 1."""
    won = equal(x, segment_spread(y, ids)) | not_equal(x, x)
    ties = segment_sum(where(won, 1.0, 0.0), ids, count=y.shape[0])
    return won, astype(where(equal(ties, 0.0), 1.0, ties), dtype=y.dtype)


def _extremum_differential(y: Any, xs: Any, dxs: Any, *, count: int, empty: float) -> Any:
    x, ids = xs
    won, ties = _won(y, x, ids)
    return segment_sum(where(won, dxs[0], 0.0), ids, count=count) / ties


def _extremum_vjp(ct: Any, y: Any, x: Any, ids: Any, *, count: int, empty: float) -> tuple[Any, None]:
    won, ties = _won(y, x, ids)
    return Lanes(where(won, segment_spread(ct / ties, ids), 0.0), won), None


def _extremum(name: str, ufunc: str, word: str, empty: float) -> Any:
    return differential(
        name,
        lambda xp, x, ids, *, count, empty: _reduced(xp, x, ids, ufunc, empty, count),
        _extremum_differential,
        vjp=_extremum_vjp,
        arity=2,
        params={"count": [3], "empty": [empty]},
        sample=drawn(
            ([(4,), Indices(_IDS)], {"count": 3, "empty": 0.0}),
            ([(4, 2), Indices([0, 0, 1, 1])], {"count": 2, "empty": empty}),
            ([(4,), Indices([1, -1, 1, 5])], {"count": 3, "empty": -1.0}),
            ([(0,), Indices(np.zeros(0, int))], {"count": 2, "empty": 0.0}),
        ),
        batch=_rows_batch,
        singular={"ties": "splits evenly over all ties, with second derivative 0"},
        doc=f"Row k of the result is the {word} of the rows of ``x`` whose id is k; ``empty`` where there is none.",
        public=False,
    )


segment_max = _extremum("segment_max", "maximum", "largest", -np.inf)
segment_min = _extremum("segment_min", "minimum", "smallest", np.inf)


# -- prod --------------------------------------------------------------------------------------------------------


def _product_tree(x: Any, ids: Any, *, count: int) -> Any:
    """Multiply neighbours within each segment until every segment has one row left."""
    order, starts, groups = _grouped(np.asarray(read(ids, "segment_prod() grouped by it")), count)
    n = x.shape[0] if order is None else order.size
    if order is not None:
        x = gather(x, order, index=(ARRAY,))
    sizes: Any = np.diff(np.append(starts, n))
    while n > groups.size:
        rank = np.arange(n) - np.repeat(starts, sizes)
        left = np.flatnonzero(rank % 2 == 0)
        paired = rank[left] + 1 < np.repeat(sizes, (sizes + 1) // 2)
        partner = gather(x, np.minimum(left + 1, n - 1), index=(ARRAY,))
        paired = paired.reshape((-1,) + (1,) * (len(x.shape) - 1))
        x = gather(x, left, index=(ARRAY,)) * where(paired, partner, 1.0)
        sizes = (sizes + 1) // 2
        starts, n = np.cumsum(sizes) - sizes, left.size
    missing = np.ones(count, dtype=bool)
    missing[groups] = False
    y = segment_sum(x, groups, count=count)
    return where(reshape(missing, shape=(-1,) + (1,) * (len(x.shape) - 1)), 1.0, y)


segment_prod = composite(
    "segment_prod",
    lambda xp, x, ids, *, count: _reduced(xp, x, ids, "multiply", 1, count),
    _product_tree,
    arity=2,
    params={"count": [3]},
    sample=drawn(
        ([(4,), Indices([0, 2, 0, 0])], {"count": 3}),
        ([(6, 2), Indices([1, 0, 1, 1, -1, 1])], {"count": 2}),
        ([(4,), Indices([0, 1, 2, 3])], {"count": 3}),
        ([(0,), Indices(np.zeros(0, int))], {"count": 2}),
    ),
    singular={"zeros": "a polynomial: right with any number of zeros, to every order"},
    batch=_rows_batch,
    doc="Row k of the result is the product of the rows of ``x`` whose id is k; 1 where there is none.",
    public=False,
)
