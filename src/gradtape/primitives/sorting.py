"""Constant rows about order: argsort, argmax, searchsorted, the indices of unique values, counts.

None of them has a derivative.  What sorts or picks *values* is a gather by one of these: a permutation held
constant, which is the derivative wherever values differ and one winner where they tie.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..rules.batching import Batched, one_axis, one_by_one, only, permuted, shift_axis
from ..rules.kinds import constant
from .shapes import Indices, drawn

_reduced = drawn(
    ((), {"axis": None, "keepdims": False}),
    ((3,), {"axis": 0, "keepdims": True}),
    ((2, 3), {"axis": -1, "keepdims": False}),
    ((2, 3), {"axis": None, "keepdims": True}),
)
_distinct = drawn(
    ((4,), {"axis": None, "equal_nan": True}),
    ((2, 3), {"axis": None, "equal_nan": False}),
    ((3, 2), {"axis": 0, "equal_nan": True}),
)


def _argsort(xp: Any, x: Any, *, axis: int, descending: bool = False) -> Any:
    if not descending:
        return xp.argsort(x, axis=axis, stable=True)
    # Stable from the other end: equal values keep their order.
    order = xp.flip(xp.argsort(xp.flip(x, axis=axis), axis=axis, stable=True), axis=axis)
    return x.shape[axis] - 1 - order


argsort = constant(
    "argsort",
    _argsort,
    params={"axis": [0, -1], "descending": [False, True]},
    sample=drawn(
        ((4,), {"axis": 0, "descending": False}),
        ((2, 3), {"axis": -1, "descending": True}),
        ((3, 2), {"axis": 0, "descending": False}),
        ((0,), {"axis": 0, "descending": True}),
    ),
    batch=shift_axis("axis"),
    doc="The indices that sort along ``axis``, equal values in their order, nan last (first where descending).",
    public=False,
)

argpartition = constant(
    "argpartition",
    lambda xp, x, *, kth, axis: xp.argpartition(x, kth, axis=axis),
    params={"kth": [0, 1], "axis": [0, -1]},
    sample=drawn(((4,), {"kth": 2, "axis": 0}), ((2, 3), {"kth": (0, 1), "axis": -1})),
    batch=shift_axis("axis"),
    doc="Indices that put the ``kth`` values of the sorted order in their places along ``axis``.",
    public=False,
)

argmax = constant(
    "argmax",
    lambda xp, x, *, axis, keepdims=False: xp.argmax(x, axis=axis, keepdims=keepdims),
    params={"axis": [None, 0, -1], "keepdims": [False, True]},
    sample=_reduced,
    batch=one_axis("axis"),
    doc="The index of the first largest value along ``axis``, or in the flattened array.",
    public=False,
)

argmin = constant(
    "argmin",
    lambda xp, x, *, axis, keepdims=False: xp.argmin(x, axis=axis, keepdims=keepdims),
    params={"axis": [None, 0, -1], "keepdims": [False, True]},
    sample=_reduced,
    batch=one_axis("axis"),
    doc="The index of the first smallest value along ``axis``, or in the flattened array.",
    public=False,
)

argwhere = constant(
    "argwhere",
    lambda xp, x: xp.argwhere(x),
    sample=drawn(((3,), {}), ((2, 3), {}), ((0,), {})),
    batch=one_by_one,
    doc="The indices of the entries that are not zero, one row for each.",
    public=False,
)

flatnonzero = constant(
    "flatnonzero",
    lambda xp, x: xp.flatnonzero(x),
    sample=drawn(((3,), {}), ((2, 3), {}), ((0,), {})),
    batch=one_by_one,
    doc="The indices in the flattened array of the entries that are not zero.",
    public=False,
)

length = constant(
    "length",
    lambda xp, x: xp.asarray(len(x))[()],
    sample=drawn(((3,), {}), ((2, 3), {}), ((0,), {})),
    batch=one_by_one,
    doc="The length of the first axis, as a value: of rows whose outputs are as long as values say.",
    public=False,
)

count_nonzero = constant(
    "count_nonzero",
    lambda xp, x, *, axis=None, keepdims=False: xp.asarray(xp.count_nonzero(x, axis=axis, keepdims=keepdims))[()],
    params={"axis": [None, 0, -1], "keepdims": [False, True]},
    sample=_reduced,
    batch=shift_axis("axis"),
    doc="How many entries are not zero.",
    public=False,
)

searchsorted = constant(
    "searchsorted",
    lambda xp, x, v, *, side="left": xp.searchsorted(x, v, side=side),
    arity=2,
    params={"side": ["left", "right"]},
    sample=lambda rng: [
        ((np.sort(rng.normal(size=4)), rng.normal(size=(2, 3))), {"side": side}) for side in ("left", "right")
    ],
    batch=only(1),
    doc="Where values would go into the sorted ``x``, before (left) or behind (right) equal ones.",
    public=False,
)

digitize = constant(
    "digitize",
    lambda xp, x, bins, *, right=False: xp.digitize(x, bins, right=right),
    arity=2,
    params={"right": [False, True]},
    sample=lambda rng: [((rng.normal(size=(2, 3)), np.sort(rng.normal(size=4))), {"right": r}) for r in (False, True)],
    batch=only(0),
    doc="The number of the bin that each value falls into.",
    public=False,
)

first_places = constant(
    "first_places",
    lambda xp, x, *, axis=None, equal_nan=True: np.unique(x, return_index=True, axis=axis, equal_nan=equal_nan)[1],
    params={"axis": [None, 0], "equal_nan": [True, False]},
    sample=_distinct,
    batch=one_by_one,
    doc="Where each distinct value stands first, in the sorted order of the values.",
    public=False,
)

ranks = constant(
    "ranks",
    lambda xp, x, *, axis=None, equal_nan=True: np.unique(x, return_inverse=True, axis=axis, equal_nan=equal_nan)[1],
    params={"axis": [None, 0], "equal_nan": [True, False]},
    sample=_distinct,
    batch=one_by_one,
    doc="For each value its place among the sorted distinct values.",
    public=False,
)

occurrences = constant(
    "occurrences",
    lambda xp, x, *, axis=None, equal_nan=True: np.unique(x, return_counts=True, axis=axis, equal_nan=equal_nan)[1],
    params={"axis": [None, 0], "equal_nan": [True, False]},
    sample=_distinct,
    batch=one_by_one,
    doc="How often each distinct value stands, in the sorted order of the values.",
    public=False,
)

isin = constant(
    "isin",
    lambda xp, x, values, *, invert=False: xp.isin(x, values, invert=invert),
    arity=2,
    params={"invert": [False, True]},
    sample=lambda rng: [((rng.integers(0, 4, (2, 3)) * 1.0, rng.integers(0, 4, 3) * 1.0), {"invert": False})],
    batch=only(0),
    doc="Whether each value is among ``values``.",
    public=False,
)

bincount = constant(
    "bincount",
    lambda xp, x, *, minlength=0: xp.bincount(x, minlength=minlength),
    params={"minlength": [0, 4]},
    sample=drawn(([Indices([2, 0, 2])], {"minlength": 4})),
    batch=one_by_one,
    doc="How often each number from 0 on stands in an array of integers.",
    public=False,
)


def _one_hot_batch(size: int, flags: Any, xs: Any, params: Any) -> Batched:
    axis = params.get("axis", -1)
    return xs, {**params, "axis": axis + 1 if axis >= 0 else axis}


def _unravel_batch(size: int, flags: Any, xs: Any, params: Any) -> Batched:
    return xs, params, lambda y: permuted(y, (1, 0, *range(2, y.ndim)))


one_hot = constant(
    "one_hot",
    lambda xp, i, *, n, dtype="float64", axis=-1: xp.moveaxis(
        (xp.asarray(i)[..., None] == xp.arange(n)).astype(dtype), -1, axis
    ),
    params={"n": [3]},
    sample=drawn(([Indices([2, 0, 5])], {"n": 3})),
    batch=_one_hot_batch,
    doc="1 at the index, 0 elsewhere, along a new axis of length ``n``; zeros for an index out of range.",
    public=False,
)

unravel = constant(
    "unravel",
    lambda xp, i, *, shape: xp.stack(xp.unravel_index(i, shape)),
    params={"shape": [(2, 3)]},
    sample=drawn(([Indices([2, 5])], {"shape": (2, 3)})),
    batch=_unravel_batch,
    doc="Places in a flattened array as indices into ``shape``, one row for each axis.",
    public=False,
)
