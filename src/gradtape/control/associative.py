"""associative_scan: all partial results of an associative operation, in a number of steps that grows with log n."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from .. import trees
from ..errors import ShapeError, message
from ..primitives.indexing import getitem
from ..primitives.joining import concat
from ..primitives.shapes import reshape, transpose
from ..record import sites
from ..record.segment import is_recording
from ..record.tensor import Tensor
from ..record.writer import lift, strong
from .branching import switch_row
from .tracing import Captured, traced_body

_gradtape_composes = True

__all__ = ["associative_scan"]


def associative_scan(fn: Callable[[Any, Any], Any], elems: Any, reverse: bool = False, axis: int = 0) -> Any:
    """``y[0] = x[0]``, ``y[k] = fn(y[k - 1], x[k])`` along ``axis``, for an associative ``fn``, as one entry.

    Parameters
    ----------
    fn
        ``fn(fn(a, b), c) == fn(a, fn(b, c))``.  It gets two trees like ``elems`` with any number of elements along
        ``axis``, and combines them one by one: about 2 log2(n) calls, on 2 n elements in all.
    elems
        A tree of arrays with a common length along ``axis``.
    reverse
        From the last element: ``y[k] = fn(y[k + 1], x[k])``.

    Every mode has it, to any order.  The recursion is that of Blelloch, "Prefix sums and their applications" (1990):
    neighbours are combined, half as many are scanned, and the places between follow from these.

    Raises ShapeError where the lengths differ or ``fn`` changes a shape.

    >>> import gradtape as gt
    >>> gt.associative_scan(lambda a, b: a * b, gt.asarray([1.0, 2.0, 3.0, 4.0]))
    Tensor([ 1.,  2.,  6., 24.])
    >>> gt.associative_scan(gt.maximum, gt.asarray([3, 1, 2]), reverse=True)
    Tensor([3, 2, 2])
    """
    leaves, structure = trees.flatten(elems)
    xs = [strong(lift(x)) for x in leaves]
    n = _length(xs, axis)
    if n < 2:
        return trees.unflatten(structure, xs)
    axes = [axis % x.ndim for x in xs]

    def combined(a: Sequence[Any], b: Sequence[Any]) -> list[Any]:
        """``fn`` of two lists whose first axis is the one that is scanned."""
        pair = [trees.unflatten(structure, [_moved(x, 0, i) for x, i in zip(s, axes, strict=True)]) for s in (a, b)]
        made = trees.flatten_like(elems, fn(*pair), "associative_scan")
        found = [_moved(strong(lift(y)), i, 0) for y, i in zip(made, axes, strict=True)]
        for i, (y, x) in enumerate(zip(found, a, strict=True)):
            if y.shape != x.shape:
                raise ShapeError(
                    message(
                        f"associative_scan: fn changes the shape of leaf {i}",
                        [f"{x.shape} becomes {y.shape}"],
                        str(sites.user_line()),
                        "It combines its arguments element by element along the axis.",
                    )
                )
        return found

    def scanned(parts: Sequence[Any]) -> list[Any]:
        count = parts[0].shape[0]
        if count < 2:
            return list(parts)
        pairs = count // 2
        odd = scanned(combined(_every(parts, 0, 2 * pairs), _every(parts, 1)))
        last = [_some(y, slice(0, (count - 1) // 2)) for y in odd]
        even = [_some(x, slice(0, 1)) for x in parts]
        if count > 2:
            rest = combined(last, _every(parts, 2))
            even = [concat(e, r, axis=0) for e, r in zip(even, rest, strict=True)]
        return [_interleaved(e, o) for e, o in zip(even, odd, strict=True)]

    def whole(values: Sequence[Any]) -> list[Tensor]:
        parts = [_moved(x, i, 0) for x, i in zip(values, axes, strict=True)]
        parts = [_some(x, slice(None, None, -1)) for x in parts] if reverse else parts
        found = scanned(parts)
        found = [_some(y, slice(None, None, -1)) for y in found] if reverse else found
        return [_moved(y, 0, i) for y, i in zip(found, axes, strict=True)]

    if is_recording():
        traced = traced_body(whole, xs, "associative_scan")
        if traced is not None:
            captured = Captured()
            captured.add(traced)
            blocks = (captured.block(traced, xs),)
            return trees.unflatten(structure, list(switch_row(np.int64(0), *xs, *captured.values(), blocks=blocks)))
    return trees.unflatten(structure, whole(xs))


def _length(xs: Sequence[Tensor], axis: int) -> int:
    lengths = {x.shape[axis] if -x.ndim <= axis < x.ndim else None for x in xs}
    if len(lengths) != 1 or None in lengths:
        raise ShapeError(
            message(
                f"associative_scan: no common length along axis {axis}",
                [f"shape {x.shape}" for x in xs] or "no arrays",
                str(sites.user_line()),
            )
        )
    return next(iter(lengths))  # type: ignore[return-value]


def _moved(x: Any, source: int, target: int) -> Any:
    if source == target:
        return x
    rest = [i for i in range(len(x.shape)) if i != source]
    return transpose(x, axes=(*rest[:target], source, *rest[target:]))


def _some(x: Any, which: slice) -> Any:
    return getitem(x, index=(which,))


def _every(parts: Sequence[Any], first: int, last: int | None = None) -> list[Any]:
    """Each second element."""
    return [_some(x, slice(first, last, 2)) for x in parts]


def _interleaved(even: Any, odd: Any) -> Any:
    """even[0], odd[0], even[1], ..; there may be one more of the even."""
    pairs, rest = odd.shape[0], tuple(odd.shape[1:])
    both = [reshape(_some(x, slice(0, pairs)), shape=(pairs, 1, *rest)) for x in (even, odd)]
    made = reshape(concat(*both, axis=1), shape=(2 * pairs, *rest))
    return made if even.shape[0] == pairs else concat(made, _some(even, slice(pairs, None)), axis=0)
