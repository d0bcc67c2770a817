"""How a row takes a batch: small makers of the ``batch`` field, so that a declaration is one word.

    batch(size, flags, xs, params) -> (xs, params)  or  (xs, params, after)

``xs`` are the inputs, ``flags[i]`` says whether input i has a leading axis of length ``size``.  With the inputs and
parameters that come back, the row's own operation computes the whole batch along a leading axis; ``after``, if there
is one, puts its result right.  Where inputs get another shape it is done with operations, so it is recorded.

Rows that act element by element (elementwise ones, those with ``broadcasts``, constants without parameters) need
none; composite rows have their body to fall back on.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import prod
from typing import Any

from .primitive import registry

Batched = tuple[Any, ...]
Batch = Callable[[int, Sequence[bool], Sequence[Any], dict[str, Any]], Batched]


def shape_of(x: Any, flag: bool) -> tuple[int, ...]:
    """The shape of one element of the batch."""
    shape: tuple[int, ...] = getattr(x, "shape", ())
    return shape[1:] if flag else shape


def reshaped(x: Any, shape: tuple[int, ...]) -> Any:
    """``x`` in another shape, as a recorded operation."""
    return x if x.shape == shape else registry["reshape"].op(x, shape=shape)


def permuted(x: Any, axes: tuple[int, ...]) -> Any:
    """``x`` with its axes in another order, as a recorded operation."""
    return x if axes == tuple(range(len(axes))) else registry["transpose"].op(x, axes=axes)


def aligned(flags: Sequence[bool], xs: Sequence[Any], rank: int = 0) -> list[Any]:
    """The inputs such that they broadcast: axes of length 1 behind the leading one, where another input has more."""
    ranks = [len(shape_of(x, flag)) for x, flag in zip(xs, flags, strict=True)]
    rank = max(rank, *ranks)
    return [
        reshaped(x, (x.shape[0], *(1,) * (rank - r), *x.shape[1:])) if flag and r < rank else x
        for x, flag, r in zip(xs, flags, ranks, strict=True)
    ]


def full(size: int, flags: Sequence[bool], xs: Sequence[Any]) -> list[Any]:
    """The inputs, all with the leading axis; Python numbers stay what they are."""
    return [
        x if flag or not hasattr(x, "shape") else registry["broadcast_to"].op(x, shape=(size, *x.shape))
        for x, flag in zip(xs, flags, strict=True)
    ]


def lanes(size: int, flags: Sequence[bool], xs: Sequence[Any], params: dict[str, Any]) -> Batched:
    """For rows that broadcast, and whose parameters say nothing about axes or shapes."""
    return aligned(flags, xs), params


def one_by_one(size: int, flags: Sequence[bool], xs: Sequence[Any], params: dict[str, Any]) -> Batched:
    """For rows the shape of whose result depends on values: a loop, which tells where the shapes differ."""
    return ()


def leading(*core: int) -> Batch:
    """For rows that act on the last axes, and do the same for every entry of the axes before them, which broadcast.

    ``core``: on how many axes of each input, ``leading(2, 1)`` for matrices and vectors; one number for all of them, or
    none where these are the same.
    """

    def batch(size: int, flags: Sequence[bool], xs: Sequence[Any], params: dict[str, Any]) -> Batched:
        xs = full(size, flags, xs)
        cores = core * len(xs) if len(core) == 1 else core or (0,) * len(xs)
        most = max(x.ndim - c for x, c in zip(xs, cores, strict=True))
        return [
            reshaped(x, (size, *(1,) * (most - x.ndim + c), *x.shape[1:])) for x, c in zip(xs, cores, strict=True)
        ], params

    return batch


def shifted(axis: Any, rank: int) -> Any:
    """``axis``, of an array with ``rank`` axes, once there is one more in front; None is all of them."""
    if axis is None:
        return tuple(range(1, rank + 1))
    if isinstance(axis, tuple | list):
        return tuple([shifted(a, rank) for a in axis])  # pyright: ignore[reportUnknownVariableType]
    return axis % rank + 1 if rank else ()


def shift_axis(*names: str, default: Any = None, new: int = 0) -> Batch:
    """For rows with an axis (None, a number or several) among their parameters.

    ``default``: what the row takes it for where it is not given; ``new``: how many axes more the axis counts among.
    """

    def batch(size: int, flags: Sequence[bool], xs: Sequence[Any], params: dict[str, Any]) -> Batched:
        rank = max(len(shape_of(x, flag)) for x, flag in zip(xs, flags, strict=True)) + new
        moved = {name: shifted(params.get(name, default), rank) for name in names}
        return full(size, flags, xs), {**params, **moved}

    return batch


def one_axis(*names: str) -> Batch:
    """For rows with one axis, or None for the flattened array, and ``keepdims``."""

    def batch(size: int, flags: Sequence[bool], xs: Sequence[Any], params: dict[str, Any]) -> Batched:
        (x,) = xs
        rank = x.ndim - 1
        moved = {name: params.get(name) for name in names}
        if rank and None not in moved.values():
            return xs, {**params, **{name: shifted(axis, rank) for name, axis in moved.items()}}
        kept = (1,) * rank if params.get("keepdims") else ()
        flat = reshaped(x, (size, prod(x.shape[1:])))
        params = {**params, **dict.fromkeys(names, 1)}
        return [flat], params, lambda y: reshaped(y, (size, *kept))

    return batch


def prepend(*names: str) -> Batch:
    """For rows with a shape among their parameters, which gets the leading axis; one that broadcasts included."""

    def batch(size: int, flags: Sequence[bool], xs: Sequence[Any], params: dict[str, Any]) -> Batched:
        return full(size, flags, xs), {**params, **{name: (size, *params[name]) for name in names}}

    return batch


def prepend_index(*shapes: str) -> Batch:
    """For rows with a basic ``index``, and perhaps the shape of what it goes into."""

    def batch(size: int, flags: Sequence[bool], xs: Sequence[Any], params: dict[str, Any]) -> Batched:
        index = params["index"]
        index = (slice(None), *(index if isinstance(index, tuple) else (index,)))  # pyright: ignore[reportUnknownVariableType]
        moved = {name: (size, *params[name]) for name in shapes}
        return full(size, flags, xs), {**params, "index": index, **moved}

    return batch


def only(*slots: int, otherwise: Batch | None = None) -> Batch:
    """Element by element where the batch is in these slots alone; else as ``otherwise``, or one by one."""

    def batch(size: int, flags: Sequence[bool], xs: Sequence[Any], params: dict[str, Any]) -> Batched:
        if any(flag for i, flag in enumerate(flags) if i not in slots):
            return otherwise(size, flags, xs, params) if otherwise is not None else ()
        return xs, params

    batch.partial = otherwise is None  # type: ignore[attr-defined]
    return batch
