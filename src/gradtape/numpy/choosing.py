"""By a condition: nonzero, compress, select, choose; and making indices: one_hot, unravel_index."""

from __future__ import annotations

from collections.abc import Sequence
from operator import index as integer
from typing import Any

import numpy as np

from ..errors import ShapeError, message
from ..primitives import indexing as rows
from ..primitives import shapes, sorting
from ..primitives.predicates import logical_and
from ..primitives.selection import where as where_rows
from ..record import sites
from ..record.tensor import Tensor
from ..record.writer import is_number
from .cutting import pick
from .indexing import bounded, index_tensor
from .joining import stack
from .reductions import all
from .shapes import axis_number, broadcast_arrays, ravel, shape_tuple, tensor

_gradtape_composes = True

__all__ = [
    "argwhere",
    "choose",
    "compress",
    "count_nonzero",
    "diag_indices",
    "extract",
    "flatnonzero",
    "ix_",
    "nonzero",
    "one_hot",
    "ravel_multi_index",
    "select",
    "tril_indices",
    "triu_indices",
    "unravel_index",
]


def argwhere(x: Any) -> Tensor:
    """The indices of the entries that are not zero, one row for each.

    >>> import gradtape as gt
    >>> gt.argwhere(gt.asarray([0.0, 5.0, 6.0]))
    Tensor([[1],
            [2]])
    """
    return sorting.argwhere(tensor(x))


def nonzero(x: Any, /) -> tuple[Tensor, ...]:
    """The indices of the entries that are not zero, one array for each axis.

    >>> import gradtape as gt
    >>> gt.nonzero(gt.asarray([0.0, 5.0, 6.0]))
    (Tensor([1, 2]),)
    """
    x = tensor(x)
    if x.ndim == 0:
        raise ShapeError(
            message("nonzero: a 0-d value has no axes", where=str(sites.user_line()), remedy="Use gt.atleast_1d.")
        )
    found = sorting.argwhere(x)
    return tuple([rows.getitem(found, index=(slice(None), k)) for k in range(x.ndim)])


def flatnonzero(x: Any) -> Tensor:
    """The indices in the flattened array of the entries that are not zero.

    >>> import gradtape as gt
    >>> gt.flatnonzero(gt.asarray([[0.0, 5.0], [6.0, 0.0]]))
    Tensor([1, 2])
    """
    return sorting.flatnonzero(tensor(x))


def count_nonzero(x: Any, /, axis: Any = None, *, keepdims: bool = False) -> Tensor:
    """How many entries are not zero, along ``axis`` or in all.

    >>> import gradtape as gt
    >>> gt.count_nonzero(gt.asarray([0.0, 5.0, 6.0]))
    Tensor(2)
    """
    axis = tuple(axis) if isinstance(axis, list) else axis  # pyright: ignore[reportUnknownArgumentType]
    return sorting.count_nonzero(tensor(x), axis=axis, keepdims=keepdims)


def compress(condition: Any, x: Any, axis: int | None = None) -> Tensor:
    """The entries along ``axis`` where the 1-d condition holds; by default of the flattened array.

    >>> import gradtape as gt
    >>> gt.compress([True, False, True], gt.asarray([1.0, 2.0, 3.0]))
    Tensor([1., 3.])
    """
    x, mask = tensor(x), tensor(condition)
    if axis is None:
        x, axis = ravel(x), 0
    return pick(x, sorting.flatnonzero(mask), axis_number(axis, x.ndim, "compress"))


def extract(condition: Any, x: Any) -> Tensor:
    """The entries where the condition holds, in one dimension.

    >>> import gradtape as gt
    >>> x = gt.asarray([1.0, -2.0, 3.0])
    >>> gt.extract(x > 0, x)
    Tensor([1., 3.])
    """
    return pick(ravel(x), sorting.flatnonzero(tensor(condition)), 0)


def select(condlist: Sequence[Any], choicelist: Sequence[Any], default: Any = 0) -> Tensor:
    """Element by element the choice whose condition holds first, or ``default``.

    >>> import gradtape as gt
    >>> x = gt.asarray([1.0, -2.0, 30.0])
    >>> gt.select([x < 0, x > 10], [0.0 * x, 10.0 + 0.0 * x], x)
    Tensor([ 1., -0., 10.])
    """
    if len(condlist) != len(choicelist) or not condlist:
        raise ShapeError(
            message(f"select: {len(condlist)} conditions for {len(choicelist)} choices", where=str(sites.user_line()))
        )
    y: Any = default
    for condition, choice in reversed(list(zip(condlist, choicelist, strict=True))):
        y = where_rows(tensor(condition), choice if is_number(choice) else tensor(choice), y)
    return y


def choose(a: Any, choices: Any, *, mode: str = "raise") -> Tensor:
    """Element by element the entry of ``choices[a]``; all broadcast together.

    >>> import gradtape as gt
    >>> gt.choose([0, 1], [gt.asarray([1.0, 2.0]), gt.asarray([3.0, 4.0])])
    Tensor([1., 4.])
    """
    at = index_tensor(a, "choose")
    first, *rest = broadcast_arrays(at, *choices)
    if mode == "raise" and at.size and not all(logical_and(at >= 0, at < len(rest))):
        raise IndexError(message(f"choose: an index is not in 0 .. {len(rest) - 1}", where=str(sites.user_line())))
    first = shapes.reshape(bounded(first, len(rest), mode), shape=(1, *first.shape))
    joined = stack(rest)
    return shapes.reshape(rows.take_along_axis(joined, first, axis=0), shape=joined.shape[1:])


def unravel_index(indices: Any, shape: Any) -> tuple[Tensor, ...]:
    """Places in a flattened array as indices into ``shape``, one array for each axis.

    >>> import gradtape as gt
    >>> gt.unravel_index(5, (2, 3))
    (Tensor(1), Tensor(2))
    """
    found = sorting.unravel(index_tensor(indices, "unravel_index"), shape=shape_tuple(shape))
    return tuple([rows.getitem(found, index=(k,)) for k in range(found.shape[0])])


def ravel_multi_index(multi_index: Any, dims: Any, mode: str = "raise", order: str = "C") -> Tensor:
    """Indices, one array for each axis, as places in the flattened array of shape ``dims``.

    >>> import gradtape as gt
    >>> gt.ravel_multi_index(([1], [2]), (2, 3))
    Tensor([5])
    """
    arrays = tuple([np.asarray(index_tensor(i, "ravel_multi_index")) for i in multi_index])
    how: Any = {"mode": mode, "order": order}
    try:
        return Tensor(np.ravel_multi_index(arrays, shape_tuple(dims), **how))
    except ValueError as error:
        raise IndexError(message(f"ravel_multi_index: {error}", where=str(sites.user_line()))) from None


def one_hot(indices: Any, n: int, *, dtype: Any = float, axis: int = -1) -> Tensor:
    """1 at the index and 0 elsewhere, along a new axis of length ``n``; all zero for an index out of range.

    >>> import gradtape as gt
    >>> gt.one_hot([0, 2], 3)
    Tensor([[1., 0., 0.],
            [0., 0., 1.]])
    """
    return sorting.one_hot(index_tensor(indices, "one_hot"), n=integer(n), dtype=np.dtype(dtype), axis=axis)


def ix_(*lines: Any) -> tuple[Tensor, ...]:
    """Index arrays that pick the grid of the given lines.

    >>> import gradtape as gt
    >>> gt.ones((3, 3))[gt.ix_([0, 1], [2])]
    Tensor([[1.],
            [1.]])
    """
    return tuple([Tensor(i) for i in np.ix_(*[np.asarray(tensor(line)) for line in lines])])


def diag_indices(n: int, ndim: int = 2) -> tuple[Tensor, ...]:
    """The indices of the diagonal of an array of length ``n`` along each of its ``ndim`` axes.

    >>> import gradtape as gt
    >>> gt.diag_indices(2)
    (Tensor([0, 1]), Tensor([0, 1]))
    """
    return (Tensor(np.arange(n)),) * ndim


def tril_indices(n: int, k: int = 0, m: int | None = None) -> tuple[Tensor, ...]:
    """The indices of the lower triangle of an (n, m) matrix.

    >>> import gradtape as gt
    >>> gt.tril_indices(2)
    (Tensor([0, 1, 1]), Tensor([0, 0, 1]))
    """
    return tuple([Tensor(i) for i in np.tril_indices(n, k, m)])


def triu_indices(n: int, k: int = 0, m: int | None = None) -> tuple[Tensor, ...]:
    """The indices of the upper triangle of an (n, m) matrix.

    >>> import gradtape as gt
    >>> gt.triu_indices(2)
    (Tensor([0, 0, 1]), Tensor([0, 1, 1]))
    """
    return tuple([Tensor(i) for i in np.triu_indices(n, k, m)])
