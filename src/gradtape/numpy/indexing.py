"""Picking entries: ``t[index]``, take, take_along_axis, gather; and scattering them.

Derivatives flow through the values, never through an index.  Index arrays are inputs of what is recorded;
a 0-d integer Tensor used as an index is read, as Python's ``int`` would (a guard on the record).
"""

from __future__ import annotations

from collections.abc import Iterator
from operator import index as integer
from typing import Any

import numpy as np

from ..errors import DtypeError, ShapeError, message
from ..primitives import indexing as rows
from ..primitives import shapes
from ..primitives.indexing import ARRAY
from ..record import sites
from ..record.tensor import Tensor
from ..record.variable import Variable
from .axes import moveaxis
from .casting import cast
from .cutting import pick
from .shapes import axis_number, broadcast_shapes, ravel, shape_tuple, tensor

_gradtape_composes = True

__all__ = [
    "gather",
    "gather_nd",
    "getitem",
    "put_along_axis",
    "scatter_nd",
    "take",
    "take_along_axis",
]

Split = tuple[tuple[Any, ...], tuple[Any, ...]]


def parsed(index: Any) -> Split:
    """An index as its template, a tuple of static parts, and the arrays that go where it says ARRAY."""
    kind = type(index)
    if kind is int or (kind is slice and _is_static(index)):
        return (index,), ()
    template: list[Any] = []
    arrays: list[Any] = []
    for part in index if kind is tuple else (index,):
        if part is None or part is Ellipsis or type(part) is int:
            template.append(part)
        elif isinstance(part, slice):
            template.append(part if _is_static(part) else _read(part))
        else:
            array = _index_array(part)
            if array is None:
                template.append(integer(part))
            else:
                template.append(ARRAY)
                arrays.append(array)
    return tuple(template), tuple(arrays)


def _is_static(part: slice) -> bool:
    return all(bound is None or type(bound) is int for bound in (part.start, part.stop, part.step))


def _read(part: slice) -> slice:
    """A slice whose bounds are Tensors or NumPy integers, with their values."""
    return slice(*[None if bound is None else integer(bound) for bound in (part.start, part.stop, part.step)])


def _index_array(part: Any) -> Any:
    """An index array as a Tensor; None for a single integer, whatever it came in."""
    if isinstance(part, Variable):
        part = part.value
    if isinstance(part, np.integer):
        return None
    if not isinstance(part, Tensor):
        array = np.array(part)
        part = Tensor((array.astype(np.intp) if array.size == 0 and array.dtype.kind == "f" else array)[()])
    if part.dtype.kind not in "iub":
        raise IndexError(
            message(
                f"an index of dtype {part.dtype}",
                where=str(sites.user_line()),
                remedy="Index with integers, slices, booleans, or integer arrays: gt.astype(i, gt.int64).",
            )
        )
    return None if part.ndim == 0 and part.dtype.kind != "b" else part


def getitem(x: Any, index: Any) -> Tensor:
    """``x[index]``, by NumPy's rules: integers, slices, newaxis, ellipsis, integer arrays, boolean masks.

    Raises IndexError for an index that is out of range or no index.

    >>> import gradtape as gt
    >>> x = gt.asarray([[1.0, 2.0], [3.0, 4.0]])
    >>> x[0], x[:, 1], x[x > 2]
    (Tensor([1., 2.]), Tensor([2., 4.]), Tensor([3., 4.]))
    """
    template, arrays = parsed(index)
    if not isinstance(x, Tensor):
        x = tensor(x)
    return rows.gather(x, *arrays, index=template) if arrays else rows.getitem(x, index=template)


def _iterate(x: Tensor) -> Iterator[Tensor]:
    if x.ndim == 0:
        raise TypeError(message("a 0-d Tensor has no entries to go through", where=str(sites.user_line())))
    return (rows.getitem(x, index=(i,)) for i in range(x.shape[0]))


# -- along an axis ----------------------------------------------------------------------------------------


def bounded(indices: Tensor, n: int, mode: str) -> Tensor:
    """Indices into range(n), those out of range handled as ``mode`` says."""
    if mode == "raise":
        return indices
    if mode not in ("wrap", "clip"):
        raise ValueError(
            message(f"take: mode {mode!r}", where=str(sites.user_line()), remedy="Use raise, wrap or clip.")
        )
    return rows.bounded(indices, n=n, mode=mode)


def take(x: Any, indices: Any, /, axis: int | None = None, *, mode: str = "raise") -> Tensor:
    """The entries of ``x`` at ``indices`` along ``axis``; by default of the flattened array.

    ``mode`` says what an index out of range means: "raise" (IndexError), "wrap" or "clip".  A repeated index
    collects the sum of its derivatives.

    >>> import gradtape as gt
    >>> gt.take(gt.asarray([10.0, 20.0, 30.0]), [2, 0, 2])
    Tensor([30., 10., 30.])
    """
    x = tensor(x)
    if axis is None:
        x, axis = ravel(x), 0
    axis = axis_number(axis, x.ndim, "take")
    at = index_tensor(indices, "take")
    return pick(x, bounded(at, x.shape[axis], mode), axis)


def index_tensor(indices: Any, asked: str) -> Tensor:
    """Indices as a Tensor of integers."""
    at = tensor(np.asarray(indices, dtype=np.intp) if isinstance(indices, list | tuple) and not indices else indices)
    if at.dtype.kind not in "iu":
        raise DtypeError(
            message(
                f"{asked}: indices of dtype {at.dtype}",
                where=str(sites.user_line()),
                remedy="Pass integers: gt.astype(i, gt.int64).",
            )
        )
    return at


def _aligned(x: Tensor, indices: Tensor, axis: int, asked: str) -> tuple[Tensor, Tensor]:
    """Both broadcast against each other over all axes but ``axis``."""
    if x.ndim != indices.ndim:
        raise ShapeError(
            message(
                f"{asked}: the values have {x.ndim} dimensions, the indices {indices.ndim}",
                where=str(sites.user_line()),
                remedy="Give both the same number of dimensions (gt.expand_dims).",
            )
        )
    others = [tuple([1 if i == axis else n for i, n in enumerate(t.shape)]) for t in (x, indices)]
    common = broadcast_shapes(*others)
    made: list[Tensor] = []
    for t in (x, indices):
        shape = (*common[:axis], t.shape[axis], *common[axis + 1 :])
        made.append(t if t.shape == shape else shapes.broadcast_to(t, shape=shape))
    return made[0], made[1]


def take_along_axis(x: Any, indices: Any, /, axis: int | None = -1) -> Tensor:
    """``y[.., k, ..] = x[.., indices[.., k, ..], ..]`` along ``axis``: what argsort and argmax are for.

    >>> import gradtape as gt
    >>> x = gt.asarray([[3.0, 1.0], [2.0, 4.0]])
    >>> gt.take_along_axis(x, gt.argsort(x), axis=-1)
    Tensor([[1., 3.],
            [2., 4.]])
    """
    x, at = tensor(x), index_tensor(indices, "take_along_axis")
    if axis is None:
        x, axis = ravel(x), 0
    axis = axis_number(axis, x.ndim, "take_along_axis")
    x, at = _aligned(x, at, axis, "take_along_axis")
    return rows.take_along_axis(x, at, axis=axis)


def put_along_axis(x: Any, indices: Any, values: Any, axis: int | None) -> Tensor:
    """A copy of ``x`` in which ``values`` stand at ``indices`` along ``axis`` (NumPy's writes into ``x``).

    >>> import gradtape as gt
    >>> gt.put_along_axis(gt.zeros((2, 2)), gt.asarray([[1], [0]]), 5.0, axis=1)
    Tensor([[0., 5.],
            [5., 0.]])
    """
    x, at = tensor(x), index_tensor(indices, "put_along_axis")
    if axis is None:
        flat = put_along_axis(ravel(x), at, values, 0)
        return shapes.reshape(flat, shape=x.shape)
    axis = axis_number(axis, x.ndim, "put_along_axis")
    common = [n if i != axis else at.shape[axis] for i, n in enumerate(x.shape)]
    at = at if at.shape == tuple(common) else shapes.broadcast_to(at, shape=tuple(common))
    grid: list[Any] = list(np.ogrid[tuple([slice(n) for n in at.shape])])
    grid[axis] = at
    values = shapes.broadcast_to(cast(tensor(values), x.dtype), shape=at.shape)
    return rows.scatter_set(x, values, *grid, index=(ARRAY,) * x.ndim)


def gather(x: Any, indices: Any, axis: int = 0, batch_dims: int = 0) -> Tensor:
    """The entries of ``x`` at ``indices`` along ``axis``; the first ``batch_dims`` axes of both go together.

    >>> import gradtape as gt
    >>> gt.gather(gt.asarray([[1.0, 2.0], [3.0, 4.0]]), [1, 0, 1], axis=1)
    Tensor([[2., 1., 2.],
            [4., 3., 4.]])
    """
    x, at = tensor(x), index_tensor(indices, "gather")
    axis = axis_number(axis, x.ndim, "gather")
    if batch_dims == 0:
        return pick(x, at, axis)
    if axis < batch_dims:
        raise ShapeError(
            message(f"gather: axis {axis} is one of the {batch_dims} batch axes", where=str(sites.user_line()))
        )
    # x to (batch, axis, rest); out (batch, indices, rest), whose rest then goes back round the axis.
    moved = moveaxis(x, axis, batch_dims)
    picked = rows.gather(moved, *_batch_grid(at, batch_dims), at, index=(ARRAY,) * (batch_dims + 1))
    count, between = at.ndim - batch_dims, axis - batch_dims
    if not between:
        return picked
    source = range(batch_dims, batch_dims + count)
    return moveaxis(picked, tuple(source), tuple([s + between for s in source]))


def _batch_grid(at: Tensor, batch_dims: int, last: int = 0) -> list[Any]:
    ndim = at.ndim - last
    return [np.arange(at.shape[i]).reshape([-1 if j == i else 1 for j in range(ndim)]) for i in range(batch_dims)]


def gather_nd(x: Any, indices: Any, batch_dims: int = 0) -> Tensor:
    """``y[..] = x[indices[.., 0], indices[.., 1], ...]``: the last axis of ``indices`` is an index into ``x``.

    The first ``batch_dims`` axes of both go together.

    >>> import gradtape as gt
    >>> gt.gather_nd(gt.asarray([[1.0, 2.0], [3.0, 4.0]]), [[0, 1], [1, 0]])
    Tensor([2., 3.])
    """
    x, at = tensor(x), index_tensor(indices, "gather_nd")
    columns = [rows.getitem(at, index=(Ellipsis, k)) for k in range(at.shape[-1])]
    grid = _batch_grid(at, batch_dims, last=1)
    if not columns and not grid:
        return shapes.broadcast_to(x, shape=(*at.shape[:-1], *x.shape))
    return rows.gather(x, *grid, *columns, index=(ARRAY,) * (len(grid) + len(columns)))


def scatter_nd(indices: Any, updates: Any, shape: Any) -> Tensor:
    """Zeros of ``shape`` to which ``updates`` are added at ``indices``, whose last axis is an index; repeats sum.

    >>> import gradtape as gt
    >>> gt.scatter_nd([[0], [2], [0]], gt.asarray([1.0, 2.0, 3.0]), (3,))
    Tensor([4., 0., 2.])
    """
    at, updates, shape = index_tensor(indices, "scatter_nd"), tensor(updates), shape_tuple(shape)
    depth = at.shape[-1]
    if depth > len(shape):
        raise ShapeError(
            message(f"scatter_nd: indices of length {depth} into shape {shape}", where=str(sites.user_line()))
        )
    updates = shapes.broadcast_to(updates, shape=(*at.shape[:-1], *shape[depth:]))
    columns = [rows.getitem(at, index=(Ellipsis, k)) for k in range(depth)]
    return rows.scatter_add(updates, *columns, index=(ARRAY,) * depth, shape=shape)


Tensor.__getitem__ = getitem  # type: ignore[method-assign]
Tensor.__iter__ = _iterate  # type: ignore[method-assign]
