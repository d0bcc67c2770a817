"""gradtape.linalg: norms of vectors and matrices, condition numbers."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..errors import ShapeError, message
from ..primitives import factorizations, norms, reductions, rounding, singular_values
from ..primitives.shapes import reshape, transpose
from ..record.tensor import Tensor
from .casting import cast
from .elementwise import abs as absolute
from .reductions import axes, tensor

_gradtape_composes = True

__all__ = ["cond", "matrix_norm", "norm", "vector_norm"]


def as_float(x: Any) -> Tensor:
    x = tensor(x)
    return x if x.dtype.kind in "fc" else cast(x, np.float64)


def _size(x: Tensor) -> Tensor:
    """|x|, element by element."""
    return absolute(x) if x.dtype.kind == "c" else rounding.abs(x)


def vector_norm(x: Any, /, *, axis: Any = None, keepdims: bool = False, ord: Any = 2) -> Tensor:
    """The p-norm over axes: (sum |x|^p)^(1/p) for ``ord`` = p >= 1; the largest |x| for inf, the smallest for -inf.

    ``ord=0`` counts what is not zero (slope zero).  The value is safe from overflow.  At x = 0 the derivative of
    the norm is taken to be 0, and so is its second one; the square of the 2-norm has its true Hessian, 2 I.

    >>> import gradtape as gt
    >>> x = gt.asarray([3.0, 4.0])
    >>> with gt.GradientTape() as tape:
    ...     y = gt.linalg.vector_norm(x)
    >>> y, tape.gradient(y, x)
    (Tensor(5.0), Tensor([0.6, 0.8]))
    """
    x, axis = as_float(x), axes(axis)
    if ord == 2:
        return norms.norm(x, axis=axis, keepdims=keepdims)
    size = _size(x)
    if ord == math.inf:
        return reductions.max(size, axis=axis, keepdims=keepdims)
    if ord == -math.inf:
        return reductions.min(size, axis=axis, keepdims=keepdims)
    if ord == 1:
        return reductions.sum(size, axis=axis, keepdims=keepdims)
    if ord == 0:
        return reductions.sum(rounding.sign(size), axis=axis, keepdims=keepdims)
    if isinstance(ord, int | float) and ord > 1:
        return norms.p_norm(size if x.dtype.kind == "c" else x, p=ord, axis=axis, keepdims=keepdims)
    if isinstance(ord, int | float):
        return reductions.sum(size**ord, axis=axis, keepdims=keepdims) ** (1 / ord)
    raise ValueError(message(f"vector_norm: ord={ord!r}", remedy="Use a number, inf or -inf."))


def matrix_norm(x: Any, /, *, axis: tuple[int, int] = (-2, -1), keepdims: bool = False, ord: Any = "fro") -> Tensor:
    """The norm of each matrix: ``"fro"``; 1 or -1 (column sums); inf or -inf (row sums); by singular values "nuc"
    (their sum), 2 (the largest), -2 (the smallest).

    Where the largest value is repeated the slope of ord=2 is split evenly; at zero values "nuc" has one of its
    subgradients.

    >>> import gradtape as gt
    >>> gt.linalg.matrix_norm(gt.asarray([[1.0, -2.0], [3.0, 4.0]]), ord=1)
    Tensor(6.0)
    """
    x = as_float(x)
    row, column = [a % x.ndim for a in axis]
    if ord == "fro":
        return norms.norm(x, axis=(row, column), keepdims=keepdims)
    if ord in (1, -1, math.inf, -math.inf):
        over, then = (row, column) if abs(ord) == 1 else (column, row)
        sums = reductions.sum(_size(x), axis=over, keepdims=True)
        chosen = (reductions.max if ord > 0 else reductions.min)(sums, axis=then, keepdims=True)
        return chosen if keepdims else reductions.sum(chosen, axis=(row, column))
    if ord in ("nuc", 2, -2):
        kept = tuple([1 if a in (row, column) else n for a, n in enumerate(x.shape)])
        rest = [a for a in range(x.ndim) if a not in (row, column)]
        if (row, column) != (x.ndim - 2, x.ndim - 1):
            x = transpose(x, axes=(*rest, row, column))
        s = singular_values.svdvals(x)
        y = reductions.sum(s, axis=-1) if ord == "nuc" else (reductions.max if ord == 2 else reductions.min)(s, axis=-1)
        return reshape(y, shape=kept) if keepdims else y
    raise ValueError(message(f"matrix_norm: ord={ord!r}", remedy='Use "fro", "nuc", 1, -1, 2, -2, inf or -inf.'))


def cond(x: Any, p: Any = None) -> Tensor:
    """The condition number: |x| |inv x|, by the norm ``p``; by default the ratio of the extreme singular values.

    >>> import gradtape as gt
    >>> gt.linalg.cond(gt.asarray([[4.0, 0.0], [0.0, 2.0]]))
    Tensor(2.0)
    """
    x = as_float(x)
    if p in (None, 2, -2):
        s = singular_values.svdvals(x)
        largest, smallest = reductions.max(s, axis=-1), reductions.min(s, axis=-1)
        return smallest / largest if p == -2 else largest / smallest
    if x.shape[-1] != x.shape[-2]:
        raise ShapeError(message(f"cond: of p={p!r}: square matrices are wanted", f"shape {x.shape}"))
    return matrix_norm(x, ord=p) * matrix_norm(factorizations.inv(x), ord=p)


def norm(x: Any, /, ord: Any = None, axis: Any = None, keepdims: bool = False) -> Tensor:
    """NumPy's norm: of all entries by default, of vectors along one axis, of matrices along two.

    >>> import gradtape as gt
    >>> gt.linalg.norm(gt.asarray([[3.0, 0.0], [0.0, 4.0]]))
    Tensor(5.0)
    """
    x = as_float(x)
    if ord is None:
        return norms.norm(x, axis=axes(axis), keepdims=keepdims)
    if axis is None and x.ndim <= 2:
        axis = tuple(range(x.ndim))
    over = axes(axis)
    if isinstance(over, tuple) and len(over) == 2:
        return matrix_norm(x, axis=(over[0], over[1]), keepdims=keepdims, ord=ord)
    if over is None or (isinstance(over, tuple) and len(over) > 2):
        raise ShapeError(
            message(
                f"norm: ord={ord!r} of an array of shape {x.shape}",
                remedy="Say which axes hold the vectors (axis=-1) or the matrices (axis=(-2, -1)).",
            )
        )
    return vector_norm(x, axis=over, keepdims=keepdims, ord=ord)
