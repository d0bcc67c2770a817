"""Rows that join arrays: concat and stack.  Cutting is getitem's; padding with zeros is ``place``."""

from __future__ import annotations

from itertools import accumulate, pairwise
from typing import Any

from ..rules.batching import shift_axis
from ..rules.kinds import linear
from .indexing import getitem
from .shapes import astype, drawn


def _fitted(ct: Any, x: Any) -> Any:
    """Joining promotes: a cotangent goes back to each input in its own dtype."""
    return ct if ct.dtype == x.dtype else astype(ct, dtype=x.dtype)


def _section(axis: int, ndim: int, start: int, stop: int) -> tuple[Any, ...]:
    return (slice(None),) * (axis % ndim) + (slice(start, stop),)


def _concat_transposed(i: int, ct: Any, *xs: Any, axis: int) -> Any:
    start = sum([x.shape[axis] for x in xs[:i]])
    stop = start + xs[i].shape[axis]
    return _fitted(getitem(ct, index=_section(axis, len(ct.shape), start, stop)), xs[i])


def _concat_vjp(ct: Any, y: Any, *xs: Any, axis: int) -> tuple[Any, ...]:
    # All offsets in one go: the slices of n inputs one by one would cost n * n / 2 additions.
    ends = list(accumulate([x.shape[axis] for x in xs], initial=0))
    pieces = [getitem(ct, index=_section(axis, len(ct.shape), start, stop)) for start, stop in pairwise(ends)]
    return tuple([_fitted(piece, x) for piece, x in zip(pieces, xs, strict=True)])


concat = linear(
    "concat",
    lambda xp, *xs, axis: xp.concatenate(xs, axis=axis),
    variadic=_concat_transposed,
    vjp=_concat_vjp,
    params={"axis": [0, -1]},
    sample=drawn(
        ([(2,), (3,), (0,)], {"axis": 0}),
        ([(2, 3), (1, 3)], {"axis": 0}),
        ([(2, 3), (2, 1), (2, 2)], {"axis": -1}),
        ([(2, 3)], {"axis": 1}),
    ),
    moves=True,
    batch=shift_axis("axis"),
    doc="The inputs one after another along ``axis``.",
    public=False,
)

stack = linear(
    "stack",
    lambda xp, *xs, axis: xp.stack(xs, axis=axis),
    variadic=lambda i, ct, *xs, axis: _fitted(getitem(ct, index=(slice(None),) * (axis % len(ct.shape)) + (i,)), xs[i]),
    params={"axis": [0, -1]},
    sample=drawn(
        ([(), ()], {"axis": 0}),
        ([(2, 3), (2, 3), (2, 3)], {"axis": 0}),
        ([(2, 3), (2, 3)], {"axis": -1}),
        ([(2, 0), (2, 0)], {"axis": 1}),
    ),
    moves=True,
    batch=shift_axis("axis", new=1),
    doc="The inputs, all of one shape, as entries of a new axis.",
    public=False,
)
