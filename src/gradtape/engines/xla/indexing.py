"""Rows of indices in the words of ``jax.lax``: slices, pads and reshapes, which XLA fuses, instead of scatters.

Index arrays are known to be in range, or checked after the run: gathers and scatters need not ask.
"""

from __future__ import annotations

from typing import Any

from ...primitives.templates import filled
from .device import jax


class Basic:
    """A basic index into an array of ``shape``, as what it does to each axis."""

    __slots__ = ("flipped", "kept", "limits", "result", "starts", "steps")

    def __init__(self, index: Any, shape: tuple[int, ...]) -> None:
        parts = index if isinstance(index, tuple) else (index,)
        taken = sum(1 for i in parts if i is not None and i is not Ellipsis)
        whole = [slice(None)] * (len(shape) - taken)
        if Ellipsis in parts:
            at = parts.index(Ellipsis)
            parts = (*parts[:at], *whole, *parts[at + 1 :])
        else:
            parts = (*parts, *whole)
        self.starts: list[int] = []
        self.limits: list[int] = []
        self.steps: list[int] = []
        self.flipped: list[int] = []
        #: Lengths after slicing, an axis that is picked at one place among them as 1.
        self.kept: list[int] = []
        self.result: list[int] = []
        axis = 0
        for part in parts:
            if part is None:
                self.result.append(1)
                continue
            n = shape[axis]
            if isinstance(part, slice):
                places = range(*part.indices(n))
                if places.step < 0:
                    self.flipped.append(axis)
                    places = places[::-1]
                start, count, step = places.start, len(places), places.step
                self.result.append(count)
            else:
                start, count, step = int(part) % n, 1, 1
            self.starts.append(start if count else 0)
            self.limits.append(start + (count - 1) * step + 1 if count else 0)
            self.steps.append(step)
            self.kept.append(count)
            axis += 1


def getitem(x: Any, *, index: Any) -> Any:
    """``x[index]``: slice, flip, reshape."""
    lax, shape = jax().lax, tuple(x.shape)
    b = Basic(index, shape)
    y = jax().numpy.asarray(x)
    if tuple(b.kept) != shape:
        y = lax.slice(y, b.starts, b.limits, b.steps)
    if b.flipped:
        y = lax.rev(y, b.flipped)
    return y if y.shape == tuple(b.result) else lax.reshape(y, b.result)


def place(x: Any, *, index: Any, shape: tuple[int, ...]) -> Any:
    """Zeros with ``x`` at ``index``: reshape, flip, pad."""
    lax = jax().lax
    b = Basic(index, shape)
    y = jax().numpy.asarray(x)
    y = y if y.shape == tuple(b.kept) else lax.reshape(y, b.kept)
    if b.flipped:
        y = lax.rev(y, b.flipped)
    if tuple(b.kept) == shape:
        return y
    if not y.size:
        return jax().numpy.zeros(shape, y.dtype)
    edges = [
        (start, n - limit, step - 1) for start, limit, step, n in zip(b.starts, b.limits, b.steps, shape, strict=True)
    ]
    return lax.pad(y, y.dtype.type(0), edges)


def place_all(*xs: Any, indices: Any, shape: tuple[int, ...]) -> Any:
    """The sum of the placed; parts of one axis that follow each other are put together."""
    joined = _joined(xs, indices, shape)
    if joined is not None:
        return joined
    total: Any = None
    for x, index in zip(xs, indices, strict=True):
        part = place(x, index=index, shape=shape)
        total = part if total is None else total + part
    return total


def _joined(xs: Any, indices: Any, shape: tuple[int, ...]) -> Any:
    """A concatenation along one axis, where the parts are pieces of it that cover it without overlap; else None."""
    basics = [Basic(index, shape) for index in indices]
    if any(b.flipped or any(s != 1 for s in b.steps) for b in basics):
        return None
    cut = {a for b in basics for a, (k, n) in enumerate(zip(b.kept, shape, strict=True)) if k != n}
    if len(cut) != 1:
        return None
    (axis,) = cut
    order = sorted(range(len(xs)), key=lambda i: basics[i].starts[axis])
    ends = [0, *[basics[i].limits[axis] for i in order]]
    if any(basics[i].starts[axis] != end for i, end in zip(order, ends, strict=False)) or ends[-1] != shape[axis]:
        return None
    xp = jax().numpy
    dtype = xp.result_type(*xs)
    return xp.concatenate([xp.asarray(xs[i], dtype).reshape(basics[i].kept) for i in order], axis)


def gather(x: Any, *arrays: Any, index: Any) -> Any:
    """``x[index]``, of indices in range."""
    return jax().numpy.asarray(x).at[filled(index, arrays)].get(mode="promise_in_bounds")


def scatter_add(x: Any, *arrays: Any, index: Any, shape: tuple[int, ...]) -> Any:
    """Zeros to which ``x`` is added at ``index``, of indices in range."""
    zeros = jax().numpy.zeros(shape, dtype=x.dtype)
    return zeros.at[filled(index, arrays)].add(x, mode="promise_in_bounds")
