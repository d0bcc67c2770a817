"""Joining: concat, stack and their kin."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..errors import ShapeError, message
from ..primitives import joining as rows
from ..primitives import shapes
from ..record import sites
from ..record.tensor import Tensor
from ..record.variable import Variable
from .casting import cast
from .cutting import unstack
from .shapes import atleast_1d, atleast_2d, atleast_3d, axis_number, ravel, reshape, tensor

_gradtape_composes = True

__all__ = [
    "append",
    "block",
    "column_stack",
    "concat",
    "concatenate",
    "dstack",
    "hstack",
    "stack",
    "vstack",
]


def _tensors(xs: Any, asked: str) -> list[Tensor]:
    if isinstance(xs, Tensor | Variable | np.ndarray):
        return list(unstack(xs))
    tensors = [tensor(x) for x in xs]
    if not tensors:
        raise ShapeError(message(f"{asked}: there is nothing to join", where=str(sites.user_line())))
    return tensors


# -- joining ----------------------------------------------------------------------------------------------


def concat(arrays: Any, /, axis: int | None = 0, *, dtype: Any = None) -> Tensor:
    """The arrays one after another along ``axis``; with ``axis=None`` their flattened entries.

    Raises ShapeError where the other axes differ.

    >>> import gradtape as gt
    >>> gt.concat([gt.asarray([1.0]), gt.asarray([2.0, 3.0])])
    Tensor([1., 2., 3.])
    """
    xs = _tensors(arrays, "concat")
    if axis is None:
        xs, axis = [ravel(x) for x in xs], 0
    y = rows.concat(*xs, axis=axis_number(axis, xs[0].ndim, "concat"))
    return y if dtype is None else cast(y, dtype)


def concatenate(arrays: Any, /, axis: int | None = 0, *, dtype: Any = None) -> Tensor:
    """The arrays one after another along ``axis``: NumPy's name for :func:`concat`.

    >>> import gradtape as gt
    >>> gt.concatenate([gt.asarray([1.0]), gt.asarray([2.0])])
    Tensor([1., 2.])
    """
    return concat(arrays, axis, dtype=dtype)


def stack(arrays: Any, /, axis: int = 0, *, dtype: Any = None) -> Tensor:
    """The arrays, all of one shape, as entries of a new axis. Raises ShapeError where the shapes differ.

    >>> import gradtape as gt
    >>> gt.stack([gt.asarray([1.0, 2.0]), gt.asarray([3.0, 4.0])], axis=-1)
    Tensor([[1., 3.],
            [2., 4.]])
    """
    xs = _tensors(arrays, "stack")
    y = rows.stack(*xs, axis=axis_number(axis, xs[0].ndim + 1, "stack"))
    return y if dtype is None else cast(y, dtype)


def vstack(arrays: Any, *, dtype: Any = None) -> Tensor:
    """The arrays below each other (axis 0), 1-d ones as rows.

    >>> import gradtape as gt
    >>> gt.vstack([gt.asarray([1.0, 2.0]), gt.asarray([3.0, 4.0])])
    Tensor([[1., 2.],
            [3., 4.]])
    """
    return concat([atleast_2d(x) for x in _tensors(arrays, "vstack")], 0, dtype=dtype)


def hstack(arrays: Any, *, dtype: Any = None) -> Tensor:
    """The arrays beside each other (axis 1; axis 0 where they are 1-d).

    >>> import gradtape as gt
    >>> gt.hstack([gt.asarray([1.0, 2.0]), gt.asarray([3.0, 4.0])])
    Tensor([1., 2., 3., 4.])
    """
    xs = [atleast_1d(x) for x in _tensors(arrays, "hstack")]
    return concat(xs, 0 if xs[0].ndim == 1 else 1, dtype=dtype)


def dstack(arrays: Any) -> Tensor:
    """The arrays behind each other (axis 2).

    >>> import gradtape as gt
    >>> gt.dstack([gt.zeros((2, 3)), gt.ones((2, 3))]).shape
    (2, 3, 2)
    """
    return concat([atleast_3d(x) for x in _tensors(arrays, "dstack")], 2)


def column_stack(arrays: Any) -> Tensor:
    """The arrays beside each other, 1-d ones as columns.

    >>> import gradtape as gt
    >>> gt.column_stack([gt.asarray([1.0, 2.0]), gt.asarray([3.0, 4.0])])
    Tensor([[1., 3.],
            [2., 4.]])
    """
    return concat([x if x.ndim > 1 else reshape(x, (-1, 1)) for x in _tensors(arrays, "column_stack")], 1)


def append(x: Any, values: Any, axis: int | None = None) -> Tensor:
    """``x`` followed by ``values`` along ``axis``; by default flattened.

    >>> import gradtape as gt
    >>> gt.append(gt.asarray([1.0, 2.0]), 3.0 * gt.ones((1,)))
    Tensor([1., 2., 3.])
    """
    return concat([x, values], axis)


def block(arrays: Any) -> Tensor:
    """A matrix of blocks from nested lists: the innermost ones side by side, the next below each other, and so on.

    >>> import gradtape as gt
    >>> gt.block([[gt.ones((1, 1)), gt.zeros((1, 2))], [gt.zeros((1, 3))]])
    Tensor([[1., 0., 0.],
            [0., 0., 0.]])
    """
    levels = _depth(arrays)
    ndim = max(levels, _largest(arrays))
    return _blocks(arrays, levels, ndim)


def _depth(arrays: Any) -> int:
    return 1 + max([_depth(x) for x in arrays], default=0) if isinstance(arrays, list) else 0


def _largest(arrays: Any) -> int:
    return max([_largest(x) for x in arrays], default=0) if isinstance(arrays, list) else tensor(arrays).ndim


def _blocks(arrays: Any, level: int, ndim: int) -> Tensor:
    if isinstance(arrays, list):
        return concat([_blocks(x, level - 1, ndim) for x in arrays], -level)
    x = tensor(arrays)
    return shapes.reshape(x, shape=(1,) * (ndim - x.ndim) + x.shape)
