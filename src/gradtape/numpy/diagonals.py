"""Diagonals and triangles of matrices."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..errors import ShapeError, message
from ..primitives import shapes as rows
from ..record import sites
from ..record.tensor import Tensor
from .axes import moveaxis
from .reductions import sum as _sum
from .shapes import axis_number, ravel, tensor

_gradtape_composes = True

__all__ = ["diag", "diag_embed", "diagflat", "diagonal", "trace", "tri", "tril", "triu"]


def diagonal(x: Any, /, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Tensor:
    """The diagonal ``x[i, i + offset]`` over two axes, as a new last axis.

    >>> import gradtape as gt
    >>> gt.diagonal(gt.asarray([[1.0, 2.0], [3.0, 4.0]]))
    Tensor([1., 4.])
    """
    x = tensor(x)
    if x.ndim < 2:
        raise ShapeError(message(f"diagonal: shape {x.shape} has no diagonal", where=str(sites.user_line())))
    a, b = axis_number(axis1, x.ndim, "diagonal"), axis_number(axis2, x.ndim, "diagonal")
    if (a, b) != (x.ndim - 2, x.ndim - 1):
        x = moveaxis(x, (a, b), (-2, -1))
    return rows.diagonal(x, offset=offset)


def diag_embed(x: Any, offset: int = 0) -> Tensor:
    """Square matrices that are zero but on diagonal ``offset``, where they hold the last axis of ``x``.

    >>> import gradtape as gt
    >>> gt.diag_embed(gt.asarray([1.0, 2.0]))
    Tensor([[1., 0.],
            [0., 2.]])
    """
    x = tensor(x)
    if x.ndim < 1:
        raise ShapeError(message("diag_embed: a 0-d value has no axis to lay out", where=str(sites.user_line())))
    n = x.shape[-1] + abs(offset)
    return rows.on_diagonal(x, offset=offset, shape=(n, n))


def diag(x: Any, k: int = 0) -> Tensor:
    """The matrix with ``x`` on diagonal ``k`` where x is 1-d; the diagonal ``k`` of x where it is 2-d.

    >>> import gradtape as gt
    >>> gt.diag(gt.asarray([1.0, 2.0]))
    Tensor([[1., 0.],
            [0., 2.]])
    """
    x = tensor(x)
    if x.ndim not in (1, 2):
        raise ShapeError(
            message(
                f"diag: shape {x.shape}",
                where=str(sites.user_line()),
                remedy="Pass 1 or 2 dimensions, or use gt.diag_embed or gt.diagonal for stacks.",
            )
        )
    return diag_embed(x, k) if x.ndim == 1 else diagonal(x, k)


def diagflat(x: Any, k: int = 0) -> Tensor:
    """The matrix with the flattened ``x`` on diagonal ``k``.

    >>> import gradtape as gt
    >>> gt.diagflat(gt.asarray([[1.0], [2.0]]))
    Tensor([[1., 0.],
            [0., 2.]])
    """
    return diag_embed(ravel(x), k)


def trace(x: Any, /, offset: int = 0, axis1: int = 0, axis2: int = 1, dtype: Any = None) -> Tensor:
    """The sum over the diagonal: ``sum_i x[i, i + offset]`` over two axes.

    >>> import gradtape as gt
    >>> gt.trace(gt.asarray([[1.0, 2.0], [3.0, 4.0]]))
    Tensor(5.0)
    """
    on = diagonal(x, offset, axis1, axis2)
    return _sum(on, -1, dtype)


def tril(x: Any, /, k: int = 0) -> Tensor:
    """The lower triangles of the last two axes: entries above diagonal ``k`` are zero.

    >>> import gradtape as gt
    >>> gt.tril(gt.ones((2, 2)))
    Tensor([[1., 0.],
            [1., 1.]])
    """
    return rows.tril(tensor(x), k=k)


def triu(x: Any, /, k: int = 0) -> Tensor:
    """The upper triangles of the last two axes: entries below diagonal ``k`` are zero.

    >>> import gradtape as gt
    >>> gt.triu(gt.ones((2, 2)))
    Tensor([[1., 1.],
            [0., 1.]])
    """
    return rows.triu(tensor(x), k=k)


def tri(N: int, M: int | None = None, k: int = 0, dtype: Any = float) -> Tensor:
    """The matrix with ones on and below diagonal ``k``, zeros above.

    >>> import gradtape as gt
    >>> gt.tri(2)
    Tensor([[1., 0.],
            [1., 1.]])
    """
    return Tensor(np.tri(N, M, k, dtype))
