"""More entries, or fewer: tile, repeat, resize, pad, insert, delete."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..errors import ShapeError, message
from ..primitives import joining as rows
from ..primitives import shapes
from ..primitives.indexing import getitem, place
from ..record import sites
from ..record.tensor import Tensor
from .axes import moveaxis
from .casting import cast
from .cutting import pick
from .reductions import max as largest
from .reductions import mean
from .reductions import min as smallest
from .shapes import axis_number, ravel, shape_tuple, tensor
from .statistics import median

_gradtape_composes = True

__all__ = [
    "delete",
    "insert",
    "pad",
    "repeat",
    "resize",
    "tile",
]


def tile(x: Any, repetitions: Any, /) -> Tensor:
    """``x`` as a tile, repeated the given number of times along each axis.

    >>> import gradtape as gt
    >>> gt.tile(gt.asarray([1.0, 2.0]), 2)
    Tensor([1., 2., 1., 2.])
    """
    x, counts = tensor(x), shape_tuple(repetitions)
    ndim = max(x.ndim, len(counts))
    counts = (1,) * (ndim - len(counts)) + counts
    shape = (1,) * (ndim - x.ndim) + x.shape
    # (n1, n2) to (1, n1, 1, n2), to (r1, n1, r2, n2), to (r1 n1, r2 n2): its transpose is a plain sum.
    thin = tuple([m for n in shape for m in (1, n)])
    thick = tuple([m for r, n in zip(counts, shape, strict=True) for m in (r, n)])
    whole = tuple([r * n for r, n in zip(counts, shape, strict=True)])
    return shapes.reshape(shapes.broadcast_to(shapes.reshape(x, shape=thin), shape=thick), shape=whole)


def repeat(x: Any, repeats: Any, /, axis: int | None = None) -> Tensor:
    """Each entry along ``axis`` repeated ``repeats`` times: one number, or one for each entry.

    >>> import gradtape as gt
    >>> gt.repeat(gt.asarray([1.0, 2.0]), gt.asarray([1, 3]))
    Tensor([1., 2., 2., 2.])
    """
    x = tensor(x)
    if axis is None:
        x, axis = ravel(x), 0
    axis = axis_number(axis, x.ndim, "repeat")
    counts = np.asarray(repeats)
    n = x.shape[axis]
    if counts.size == 1:
        r = int(counts.reshape(()))
        before, behind = x.shape[:axis], x.shape[axis + 1 :]
        thin = shapes.reshape(x, shape=(*before, n, 1, *behind))
        return shapes.reshape(
            shapes.broadcast_to(thin, shape=(*before, n, r, *behind)), shape=(*before, n * r, *behind)
        )
    if counts.shape != (n,):
        raise ShapeError(
            message(
                f"repeat: {counts.size} counts for {n} entries",
                where=str(sites.user_line()),
                remedy="Pass one, or one each.",
            )
        )
    return pick(x, np.repeat(np.arange(n), counts), axis)


def resize(x: Any, new_shape: Any) -> Tensor:
    """The entries of ``x`` in ``new_shape``, begun again as often as needed.

    >>> import gradtape as gt
    >>> gt.resize(gt.asarray([1.0, 2.0, 3.0]), (2, 2))
    Tensor([[1., 2.],
            [3., 1.]])
    """
    x, shape = ravel(x), shape_tuple(new_shape)
    places = np.arange(int(np.prod(shape)))
    if not x.size:
        return Tensor(np.zeros(shape, x.dtype)[()])
    return shapes.reshape(pick(x, places % x.size, 0), shape=shape)


def pad(
    x: Any,
    pad_width: Any,
    mode: str = "constant",
    *,
    constant_values: Any = 0,
    end_values: Any = 0,
    stat_length: int | None = None,
    reflect_type: str = "even",
) -> Tensor:
    """``x`` with entries added before and behind along each axis.

    ``pad_width``: one number, a pair (before, behind), or a pair for each axis.  ``mode``: "constant", "edge",
    "reflect", "symmetric", "wrap" or "empty" (zeros); "linear_ramp" goes from the edge to ``end_values``; "mean",
    "maximum", "minimum" and "median" are those of the ``stat_length`` entries at that end (all of them, if None).
    Constants and end values may be Tensors: one, a pair, or a pair for each axis.

    >>> import gradtape as gt
    >>> gt.pad(gt.asarray([1.0, 2.0, 3.0]), (1, 2), mode="reflect")
    Tensor([2., 1., 2., 3., 2., 1.])
    """
    x = tensor(x)
    if isinstance(pad_width, dict):
        widths = np.zeros((x.ndim, 2), int)
        for axis, width in pad_width.items():  # pyright: ignore[reportUnknownVariableType]
            widths[axis] = width
    else:
        widths = np.broadcast_to(np.asarray(pad_width), (x.ndim, 2))
    if widths.dtype.kind not in "iu" or (widths < 0).any():
        raise ShapeError(
            message(f"pad: widths {pad_width!r}", where=str(sites.user_line()), remedy="Pass integers >= 0.")
        )
    if mode in ("constant", "empty"):
        return _pad_constant(x, widths, constant_values if mode == "constant" else 0)
    if mode == "linear_ramp" or mode in _STATISTICS:
        return _pad_by_rows(x, widths, mode, end_values, stat_length)
    if mode not in ("edge", "reflect", "symmetric", "wrap") or reflect_type != "even":
        raise ValueError(
            message(
                f"pad: mode {mode!r}",
                where=str(sites.user_line()),
                remedy="Use constant, edge, reflect, symmetric, wrap, empty, linear_ramp, mean, maximum, minimum or "
                'median, and reflect_type="even".',
            )
        )
    for axis, width in enumerate(widths):
        if width.any():
            kind: Any = mode
            x = pick(x, np.pad(np.arange(x.shape[axis]), tuple(width), mode=kind), axis)
    return x


_STATISTICS = {"mean": mean, "maximum": largest, "minimum": smallest, "median": median}


def _pad_by_rows(x: Tensor, widths: Any, mode: str, end_values: Any, stat_length: int | None) -> Tensor:
    ends = shapes.broadcast_to(cast(tensor(end_values), x.dtype), shape=(x.ndim, 2))
    for axis, (before, behind) in enumerate(widths):
        lead, n = (slice(None),) * axis, x.shape[axis]
        pieces = [x]
        for side, count in ((0, int(before)), (1, int(behind))):
            if mode == "linear_ramp":
                edge = getitem(x, index=(*lead, slice(-1, None) if side else slice(0, 1)))
                along = (np.arange(count) / max(count, 1)).reshape([-1 if i == axis else 1 for i in range(x.ndim)])
                end = getitem(ends, index=(axis, side))
                piece = end + (edge - end) * (along[(*lead, slice(None, None, -1))] if side else along)
            else:
                k = n if stat_length is None else min(stat_length, n)
                part = getitem(x, index=(*lead, slice(n - k, n) if side else slice(0, k)))
                value = _STATISTICS[mode](part, axis=axis, keepdims=True)
                piece = shapes.broadcast_to(value, shape=(*x.shape[:axis], count, *x.shape[axis + 1 :]))
            pieces = [*pieces, cast(piece, x.dtype)] if side else [cast(piece, x.dtype), *pieces]
        x = rows.concat(*pieces, axis=axis)
    return x


def _pad_constant(x: Any, widths: Any, constants: Any) -> Tensor:
    inner = tuple([slice(int(b), int(b) + n) for (b, _), n in zip(widths, x.shape, strict=True)])
    shape = tuple([int(b) + n + int(e) for (b, e), n in zip(widths, x.shape, strict=True)])
    if isinstance(constants, int | float | complex) and constants == 0:
        return place(x, index=inner, shape=shape)
    values = shapes.broadcast_to(cast(tensor(constants), x.dtype), shape=(x.ndim, 2))
    for axis, (before, behind) in enumerate(widths):
        edges = [
            shapes.broadcast_to(
                getitem(values, index=(axis, side)), shape=(*x.shape[:axis], int(n), *x.shape[axis + 1 :])
            )
            for side, n in ((0, before), (1, behind))
        ]
        x = rows.concat(edges[0], x, edges[1], axis=axis)
    return x


def insert(x: Any, obj: Any, values: Any, axis: int | None = None) -> Tensor:
    """``x`` with ``values`` inserted before the indices ``obj`` along ``axis``; by default in the flattened array.

    >>> import gradtape as gt
    >>> gt.insert(gt.asarray([1.0, 2.0]), 1, gt.asarray([8.0, 9.0]))
    Tensor([1., 8., 9., 2.])
    """
    x, values = tensor(x), tensor(values)
    if axis is None:
        x, axis = ravel(x), 0
    axis = axis_number(axis, x.ndim, "insert")
    at = obj if isinstance(obj, slice) else np.asarray(obj)
    n = x.shape[axis]
    values = shapes.reshape(values, shape=(1,) * (x.ndim - values.ndim) + values.shape)
    if not isinstance(at, slice) and at.ndim == 0:
        values = moveaxis(values, 0, axis)  # as NumPy does: one place takes values along the first axis
        count = values.shape[axis]
    else:
        count = len(np.insert(np.arange(n), at, 0)) - n
        count = values.shape[axis] if count == 1 else count
    values = shapes.broadcast_to(cast(values, x.dtype), shape=(*x.shape[:axis], count, *x.shape[axis + 1 :]))
    order = np.insert(np.arange(n), at, n + np.arange(count))
    return pick(rows.concat(x, values, axis=axis), order, axis)


def delete(x: Any, obj: Any, axis: int | None = None) -> Tensor:
    """``x`` without the entries at the indices ``obj`` along ``axis``; by default of the flattened array.

    >>> import gradtape as gt
    >>> gt.delete(gt.asarray([1.0, 2.0, 3.0]), 1)
    Tensor([1., 3.])
    """
    x = tensor(x)
    if axis is None:
        x, axis = ravel(x), 0
    axis = axis_number(axis, x.ndim, "delete")
    return pick(x, np.delete(np.arange(x.shape[axis]), obj if isinstance(obj, slice) else np.asarray(obj)), axis)
