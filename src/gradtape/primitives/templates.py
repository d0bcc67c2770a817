"""Templates of advanced indices, and what a leading axis does to them.

A template is a tuple of integers, slices, newaxes, an ellipsis, and :data:`ARRAY` where an index array goes.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from ..rules.batching import Batched, full, permuted, reshaped, shape_of


class _Array:
    """The place of an array in the template of an advanced index."""

    def __repr__(self) -> str:
        return "ARRAY"

    def __reduce__(self) -> str:
        return "ARRAY"


#: Stands in a template for the next of the row's index arrays.
ARRAY = _Array()


def filled(index: tuple[Any, ...], arrays: tuple[Any, ...]) -> tuple[Any, ...]:
    """The template ``index`` with its arrays put in."""
    rest = iter(arrays)
    return tuple([next(rest) if i is ARRAY else i for i in index])


def positions(shape: tuple[int, ...], index: tuple[Any, ...]) -> Any:
    """The places in the flattened array of ``shape`` that ``index`` names, in its order."""
    if len(shape) == 1 and len(index) == 1 and isinstance(index[0], np.ndarray) and index[0].dtype.kind == "i":
        i = index[0]
        if i.size == 0 or (i.min() >= 0 and i.max() < shape[0]):
            return i
    return np.arange(math.prod(shape)).reshape(shape)[index]


def _advanced(index: tuple[Any, ...]) -> list[int]:
    """Where the template has arrays and integers, which count as arrays beside them."""
    return [
        k for k, i in enumerate(index) if i is ARRAY or (i is not None and i is not Ellipsis and type(i) is not slice)
    ]


def _before(index: tuple[Any, ...], rank: int, masks: int) -> int:
    """How many axes of the result stand before those of the arrays: none where the arrays do not stand together."""
    at = _advanced(index)
    if at[-1] - at[0] + 1 != len(at):
        return 0
    taken = sum(1 for i in index if i is not None and i is not Ellipsis) + masks
    return sum(rank - taken if i is Ellipsis else 1 for i in index[: at[0]])


class Leading:
    """An advanced index into arrays of ``shape``, for a whole batch: the template, the arrays, where the axes go."""

    def __init__(
        self, size: int, flags: Sequence[bool], arrays: Sequence[Any], index: tuple[Any, ...], shape: tuple[int, ...]
    ) -> None:
        at = _advanced(index)
        masks = [x for x in arrays if x.dtype.kind == "b"]
        #: Masks that differ over the batch: what they pick need not have one shape.
        self.ragged = any(flag and x.dtype.kind == "b" for x, flag in zip(arrays, flags, strict=True))
        if self.ragged:
            return
        if at[-1] - at[0] + 1 == len(at) and not any(flags):
            self.index, self.arrays, self.moved = (slice(None), *index), tuple(arrays), (0, 0)
            return
        # The numbers of the elements are an index array too, so the axes of all arrays come first.
        shapes = [shape_of(x, flag) if x.dtype.kind != "b" else (1,) for x, flag in zip(arrays, flags, strict=True)]
        rank = max(len(s) for s in shapes)
        numbers = np.arange(size).reshape((size,) + (1,) * rank)
        spread = [
            reshaped(x, (size, *(1,) * (rank - len(s)), *s)) if flag else x
            for x, flag, s in zip(arrays, flags, shapes, strict=True)
        ]
        self.index, self.arrays = (ARRAY, *index), (numbers, *spread)
        self.moved = (rank, _before(index, len(shape), sum(m.ndim - 1 for m in masks)))

    def to_front(self, ndim: int) -> tuple[int, ...]:
        """The axes of (batch, *what the index picks from one element), in the order that the index here gives."""
        rank, before = self.moved
        return (0, *range(1 + before, 1 + before + rank), *range(1, 1 + before), *range(1 + before + rank, ndim))

    def to_back(self, ndim: int) -> tuple[int, ...]:
        """The way back from ``to_front``."""
        rank, before = self.moved
        return (0, *range(1 + rank, 1 + rank + before), *range(1, 1 + rank), *range(1 + rank + before, ndim))


def gather_batch(size: int, flags: Sequence[bool], xs: Sequence[Any], params: dict[str, Any]) -> Batched:
    """gather(x, *arrays)."""
    (x,) = full(size, flags[:1], xs[:1])
    lead = Leading(size, flags[1:], xs[1:], params["index"], x.shape[1:])
    if lead.ragged:
        return ()
    return (x, *lead.arrays), {"index": lead.index}, lambda y: permuted(y, lead.to_back(y.ndim))


def scatter_add_batch(size: int, flags: Sequence[bool], xs: Sequence[Any], params: dict[str, Any]) -> Batched:
    """scatter_add(x, *arrays)."""
    (x,) = full(size, flags[:1], xs[:1])
    lead = Leading(size, flags[1:], xs[1:], params["index"], params["shape"])
    if lead.ragged:
        return ()
    x = permuted(x, lead.to_front(x.ndim))
    return (x, *lead.arrays), {"index": lead.index, "shape": (size, *params["shape"])}


def filling(size: int, flag: bool, u: Any) -> Any:
    """What is written, for a whole batch; one number for all of it (a zero, in derivatives) is left as it is."""
    return u if not flag and not getattr(u, "ndim", 0) else full(size, [flag], [u])[0]


def scatter_set_batch(size: int, flags: Sequence[bool], xs: Sequence[Any], params: dict[str, Any]) -> Batched:
    """scatter_set(x, u, *arrays)."""
    (x,), u = full(size, flags[:1], xs[:1]), filling(size, flags[1], xs[1])
    lead = Leading(size, flags[2:], xs[2:], params["index"], x.shape[1:])
    if lead.ragged:
        return ()
    u = permuted(u, lead.to_front(u.ndim)) if getattr(u, "ndim", 0) else u
    return (x, u, *lead.arrays), {"index": lead.index}


def last_writes_batch(size: int, flags: Sequence[bool], xs: Sequence[Any], params: dict[str, Any]) -> Batched:
    """last_writes(*arrays)."""
    lead = Leading(size, flags, xs, params["index"], params["shape"])
    if lead.ragged:
        return ()
    moved = {"index": lead.index, "shape": (size, *params["shape"])}
    return lead.arrays, moved, lambda y: permuted(y, lead.to_back(y.ndim))
