"""gradtape.linalg: linear algebra by the names of the Array API and numpy.linalg."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np

from ..errors import ShapeError, message
from ..primitives import factorizations, norms, reductions, rounding, singular_values
from ..primitives.complexes import conj
from ..primitives.contractions import matmul as _matmul
from ..primitives.shapes import reshape, transpose
from ..record.tensor import Tensor
from .casting import cast
from .contractions import cross, kron, matmul, matrix_transpose, outer, tensordot, vecdot
from .decompositions import (
    EighResult,
    EigResult,
    LstsqResult,
    LUResult,
    QRResult,
    SVDResult,
    cholesky_solve,
    eig,
    eigh,
    eigvals,
    eigvalsh,
    lstsq,
    lu,
    matrix_rank,
    pinv,
    qr,
    solve_triangular,
    svd,
    svdvals,
)
from .diagonals import diagonal as _diagonal
from .diagonals import trace as _trace
from .elementwise import abs as absolute
from .matrix_functions import (
    expm,
    funm,
    logdet,
    logm,
    solve_continuous_lyapunov,
    solve_discrete_lyapunov,
    solve_sylvester,
    sqrtm,
    tensorinv,
    tensorsolve,
)
from .reductions import axes, tensor
from .spectral_programs import attach

_gradtape_composes = True

__all__ = [
    "EigResult",
    "EighResult",
    "LUResult",
    "LstsqResult",
    "QRResult",
    "SVDResult",
    "SlogdetResult",
    "cholesky",
    "cholesky_solve",
    "cond",
    "cross",
    "det",
    "diagonal",
    "eig",
    "eigh",
    "eigvals",
    "eigvalsh",
    "expm",
    "funm",
    "inv",
    "kron",
    "logdet",
    "logm",
    "lstsq",
    "lu",
    "matmul",
    "matrix_norm",
    "matrix_power",
    "matrix_rank",
    "matrix_transpose",
    "multi_dot",
    "norm",
    "outer",
    "pinv",
    "qr",
    "slogdet",
    "solve",
    "solve_continuous_lyapunov",
    "solve_discrete_lyapunov",
    "solve_sylvester",
    "solve_triangular",
    "sqrtm",
    "svd",
    "svdvals",
    "tensordot",
    "tensorinv",
    "tensorsolve",
    "trace",
    "vecdot",
    "vector_norm",
]


attach()


def _float(x: Any) -> Tensor:
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
    x, axis = _float(x), axes(axis)
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
    x = _float(x)
    row, column = [a % x.ndim for a in axis]
    if ord == "fro":
        return norms.norm(x, axis=(row, column), keepdims=keepdims)
    if ord in (1, -1, math.inf, -math.inf):
        over, then = (row, column) if abs(ord) == 1 else (column, row)
        sums = reductions.sum(_size(x), axis=over, keepdims=True)
        chosen = (reductions.max if ord > 0 else reductions.min)(sums, axis=then, keepdims=True)
        return chosen if keepdims else reductions.sum(chosen, axis=(row, column))
    if ord in ("nuc", 2, -2):
        rest = [a for a in range(x.ndim) if a not in (row, column)]
        s = singular_values.svdvals(
            x if rest == list(range(x.ndim - 2)) and row < column else _last(x, rest, row, column)
        )
        y = reductions.sum(s, axis=-1) if ord == "nuc" else (reductions.max if ord == 2 else reductions.min)(s, axis=-1)
        return (
            reshape(y, shape=tuple([1 if a in (row, column) else n for a, n in enumerate(x.shape)])) if keepdims else y
        )
    raise ValueError(message(f"matrix_norm: ord={ord!r}", remedy='Use "fro", "nuc", 1, -1, 2, -2, inf or -inf.'))


def _last(x: Tensor, rest: list[int], row: int, column: int) -> Tensor:
    """x with the axes of its matrices last."""
    return transpose(x, axes=(*rest, row, column))


def cond(x: Any, p: Any = None) -> Tensor:
    """The condition number: |x| |inv x|, by the norm ``p``; by default the ratio of the extreme singular values.

    >>> import gradtape as gt
    >>> gt.linalg.cond(gt.asarray([[4.0, 0.0], [0.0, 2.0]]))
    Tensor(2.0)
    """
    x = _float(x)
    if p in (None, 2, -2):
        s = singular_values.svdvals(x)
        largest, smallest = reductions.max(s, axis=-1), reductions.min(s, axis=-1)
        return smallest / largest if p == -2 else largest / smallest
    x = _square(x, "cond")
    return matrix_norm(x, ord=p) * matrix_norm(factorizations.inv(x), ord=p)


def norm(x: Any, /, ord: Any = None, axis: Any = None, keepdims: bool = False) -> Tensor:
    """NumPy's norm: of all entries by default, of vectors along one axis, of matrices along two.

    >>> import gradtape as gt
    >>> gt.linalg.norm(gt.asarray([[3.0, 0.0], [0.0, 4.0]]))
    Tensor(5.0)
    """
    x = _float(x)
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


def matrix_power(x: Any, n: int, /) -> Tensor:
    """x @ x @ ... @ x, ``n`` times, by repeated squaring; the inverse's power for n < 0.

    >>> import gradtape as gt
    >>> gt.linalg.matrix_power(gt.asarray([[1.0, 1.0], [0.0, 1.0]]), 3)
    Tensor([[1., 3.],
            [0., 1.]])
    """
    x = tensor(x)
    if x.ndim < 2 or x.shape[-1] != x.shape[-2]:
        raise ShapeError(message("matrix_power: square matrices are wanted", f"shape {x.shape}"))
    if n < 0:
        x, n = factorizations.inv(_float(x)), -n
    if n == 0:
        # Connected, with derivative zero: a power that does not depend on x.
        return x * 0 + Tensor(np.eye(x.shape[-1], dtype=x.dtype))
    y: Tensor | None = None
    while True:
        if n & 1:
            y = x if y is None else _matmul(y, x)
        n >>= 1
        if not n:
            return y if y is not None else x
        x = _matmul(x, x)


def multi_dot(arrays: Any) -> Tensor:
    """The product of several matrices, in the order of multiplications that costs least.

    The first may be a row vector and the last a column vector.

    >>> import gradtape as gt
    >>> a = gt.asarray([[1.0, 2.0], [3.0, 4.0]])
    >>> gt.linalg.multi_dot([a, a, gt.asarray([1.0, 0.0])])
    Tensor([ 7., 15.])
    """
    xs = [tensor(x) for x in arrays]
    if len(xs) == 1:
        return xs[0]
    # sizes[i], sizes[i + 1]: rows and columns of the i-th matrix.
    sizes = [x.shape[0] if x.ndim == 2 else 1 for x in xs] + [xs[-1].shape[-1] if xs[-1].ndim == 2 else 1]
    if xs[-1].ndim == 1:
        sizes[-2] = xs[-1].shape[0]
    best: dict[tuple[int, int], tuple[int, int]] = {(i, i): (0, i) for i in range(len(xs))}
    for length in range(1, len(xs)):
        for i in range(len(xs) - length):
            j = i + length
            best[i, j] = min(
                (best[i, k][0] + best[k + 1, j][0] + sizes[i] * sizes[k + 1] * sizes[j + 1], k) for k in range(i, j)
            )

    def product(i: int, j: int) -> Tensor:
        if i == j:
            return xs[i]
        k = best[i, j][1]
        return _matmul(product(i, k), product(k + 1, j))

    return product(0, len(xs) - 1)


# -- inverses, determinants, factors -----------------------------------------------------------------------------


def _square(x: Any, asked: str) -> Tensor:
    x = _float(x)
    if x.ndim < 2 or x.shape[-1] != x.shape[-2]:
        raise ShapeError(message(f"{asked}: square matrices are wanted", f"shape {x.shape}"))
    return x


def inv(x: Any, /) -> Tensor:
    return factorizations.inv(_square(x, "inv"))


def det(x: Any, /) -> Tensor:
    return factorizations.det(_square(x, "det"))


def cholesky(x: Any, /, *, upper: bool = False) -> Tensor:
    lower = factorizations.cholesky(_square(x, "cholesky"))
    if not upper:
        return lower
    return matrix_transpose(conj(lower) if lower.dtype.kind == "c" else lower)


inv.__doc__ = factorizations.inv.__doc__
det.__doc__ = factorizations.det.__doc__
cholesky.__doc__ = factorizations.cholesky.__doc__


def solve(a: Any, b: Any, /) -> Tensor:
    """The solution y of a @ y = b; ``b`` is one vector, or matrices whose columns are right-hand sides.

    >>> import gradtape as gt
    >>> gt.linalg.solve(gt.asarray([[2.0, 0.0], [0.0, 4.0]]), gt.asarray([2.0, 2.0]))
    Tensor([1. , 0.5])
    """
    a, b = _square(a, "solve"), _float(b)
    if b.ndim != 1:
        return factorizations.solve(a, b)
    y = factorizations.solve(a, reshape(b, shape=(*b.shape, 1)))
    return reshape(y, shape=y.shape[:-1])


class SlogdetResult(NamedTuple):
    """What slogdet returns: det = sign * exp(logabsdet)."""

    sign: Tensor
    logabsdet: Tensor


def slogdet(x: Any, /) -> SlogdetResult:
    """The sign of the determinant and the logarithm of its size, without overflow.

    >>> import gradtape as gt
    >>> gt.linalg.slogdet(gt.asarray([[1.0, 0.0], [0.0, -1.0]]))
    SlogdetResult(sign=Tensor(-1.0), logabsdet=Tensor(0.0))
    """
    x = _square(x, "slogdet")
    return SlogdetResult(factorizations.det_sign(x), factorizations.logabsdet(x))


def diagonal(x: Any, /, *, offset: int = 0) -> Tensor:
    """Diagonal ``offset`` of each matrix in the last two axes.

    >>> import gradtape as gt
    >>> gt.linalg.diagonal(gt.asarray([[1.0, 2.0], [3.0, 4.0]]))
    Tensor([1., 4.])
    """
    return _diagonal(x, offset, -2, -1)


def trace(x: Any, /, *, offset: int = 0, dtype: Any = None) -> Tensor:
    """The sum over diagonal ``offset`` of each matrix in the last two axes.

    >>> import gradtape as gt
    >>> gt.linalg.trace(gt.asarray([[1.0, 2.0], [3.0, 4.0]]))
    Tensor(5.0)
    """
    return _trace(x, offset, -2, -1, dtype)
