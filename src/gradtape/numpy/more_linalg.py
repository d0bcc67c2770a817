"""gradtape.linalg: trigonometric functions of matrices, polar factors, matrices with a pattern and their systems."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from ..errors import ShapeError, message
from ..primitives import factorizations, matrix_functions, triangles
from ..primitives.banded import solve_banded as _solve_banded
from ..primitives.contractions import matmul
from ..primitives.indexing import ARRAY, gather
from ..primitives.joining import concat
from ..primitives.shapes import flip
from ..record.tensor import Tensor
from .casting import cast
from .decompositions import adjoint, floating, of_columns, square, svd
from .joining import concatenate
from .matrix_functions import sqrtm
from .matrix_norms import as_float
from .reductions import tensor

_gradtape_composes = True

__all__ = [
    "PolarResult",
    "block_diag",
    "circulant",
    "coshm",
    "cosm",
    "expm_multiply",
    "fractional_matrix_power",
    "lu_solve",
    "polar",
    "signm",
    "sinhm",
    "sinm",
    "solve_banded",
    "solve_circulant",
    "solve_toeplitz",
    "tanhm",
    "tanm",
    "toeplitz",
]

# -- functions of matrices --------------------------------------------------------------------------------------------


def cosm(x: Any, /) -> Tensor:
    """The cosine of each matrix: the sum of (-1)^k x^(2k) / (2k)!.

    >>> import gradtape as gt
    >>> gt.linalg.cosm(gt.asarray([[0.0, 1.0], [0.0, 0.0]]))
    Tensor([[1., 0.],
            [0., 1.]])
    """
    return matrix_functions.matrix_function(square(x, "cosm"), f="cosm")


def sinm(x: Any, /) -> Tensor:
    """The sine of each matrix: the sum of (-1)^k x^(2k+1) / (2k+1)!.

    >>> import gradtape as gt
    >>> gt.linalg.sinm(gt.asarray([[0.0, 1.0], [0.0, 0.0]]))
    Tensor([[0., 1.],
            [0., 0.]])
    """
    return matrix_functions.matrix_function(square(x, "sinm"), f="sinm")


def tanm(x: Any, /) -> Tensor:
    """The tangent of each matrix: the solution y of cosm(x) @ y = sinm(x).

    >>> import gradtape as gt
    >>> gt.linalg.tanm(gt.asarray([[0.0, 1.0], [0.0, 0.0]]))
    Tensor([[0., 1.],
            [0., 0.]])
    """
    x = square(x, "tanm")
    return factorizations.solve(cosm(x), sinm(x))


def coshm(x: Any, /) -> Tensor:
    """The hyperbolic cosine of each matrix.

    >>> import gradtape as gt
    >>> gt.linalg.coshm(gt.asarray([[0.0, 1.0], [0.0, 0.0]]))
    Tensor([[1., 0.],
            [0., 1.]])
    """
    return matrix_functions.matrix_function(square(x, "coshm"), f="coshm")


def sinhm(x: Any, /) -> Tensor:
    """The hyperbolic sine of each matrix.

    >>> import gradtape as gt
    >>> gt.linalg.sinhm(gt.asarray([[0.0, 1.0], [0.0, 0.0]]))
    Tensor([[0., 1.],
            [0., 0.]])
    """
    return matrix_functions.matrix_function(square(x, "sinhm"), f="sinhm")


def tanhm(x: Any, /) -> Tensor:
    """The hyperbolic tangent of each matrix: the solution y of coshm(x) @ y = sinhm(x).

    >>> import gradtape as gt
    >>> gt.linalg.tanhm(gt.asarray([[0.0, 1.0], [0.0, 0.0]]))
    Tensor([[0., 1.],
            [0., 0.]])
    """
    x = square(x, "tanhm")
    return factorizations.solve(coshm(x), sinhm(x))


def signm(x: Any, /) -> Tensor:
    """The sign of each matrix: x @ inv(sqrtm(x @ x)), of matrices without eigenvalues on the imaginary axis.

    >>> import gradtape as gt
    >>> gt.linalg.signm(gt.asarray([[2.0, 0.0], [0.0, -3.0]]))
    Tensor([[ 1.,  0.],
            [ 0., -1.]])
    """
    x = square(x, "signm")
    return factorizations.solve(sqrtm(matmul(x, x)), x)  # they commute


def fractional_matrix_power(x: Any, t: float, /) -> Tensor:
    """The power ``t``, a number, of each matrix: expm(t logm(x)); ``t`` carries no derivative.

    >>> import gradtape as gt
    >>> gt.round(gt.linalg.fractional_matrix_power(gt.asarray([[4.0, 0.0], [0.0, 9.0]]), 0.5), 12)
    Tensor([[2., 0.],
            [0., 3.]])
    """
    return matrix_functions.matrix_function(square(x, "fractional_matrix_power"), f=("power", float(t)))


def expm_multiply(x: Any, b: Any, /) -> Tensor:
    """expm(x) @ b, of one vector ``b`` or of columns.

    >>> import gradtape as gt
    >>> gt.linalg.expm_multiply(gt.asarray([[0.0, 1.0], [0.0, 0.0]]), gt.asarray([1.0, 2.0]))
    Tensor([3., 2.])
    """
    x = matrix_functions.matrix_function(square(x, "expm_multiply"), f="expm")
    return of_columns(b, lambda b: matmul(x, b))


# -- factors ----------------------------------------------------------------------------------------------------------


class PolarResult(NamedTuple):
    """What polar returns: x = u @ p, or p @ u with ``side="left"``."""

    u: Tensor
    p: Tensor


def polar(x: Any, /, side: str = "right") -> PolarResult:
    """A unitary u (or one with orthonormal columns) and a positive semidefinite p with x = u @ p; as SciPy's.

    By the singular values of x, repeated ones included; x must have full rank for u to have a derivative.

    >>> import gradtape as gt
    >>> u, p = gt.linalg.polar(gt.asarray([[0.0, -2.0], [2.0, 0.0]]))
    >>> gt.round(p, 12)
    Tensor([[2., 0.],
            [0., 2.]])
    """
    x = floating(x, "polar")
    if side not in ("right", "left"):
        raise ValueError(message(f"polar: side={side!r}", remedy='Use "right" or "left".'))
    u, s, vh = svd(x)
    turn = matmul(u * s**0, vh)
    other = matmul(adjoint(turn), x) if side == "right" else matmul(x, adjoint(turn))
    return PolarResult(turn, (other + adjoint(other)) * 0.5)


def lu_solve(factors: Any, b: Any, /) -> Tensor:
    """The solution y of P @ L @ U @ y = b, given what :func:`lu` returned.

    >>> import gradtape as gt
    >>> f = gt.linalg.lu(gt.asarray([[1.0, 2.0], [4.0, 4.0]]))
    >>> gt.linalg.lu_solve(f, gt.asarray([3.0, 8.0]))
    Tensor([1., 1.])
    """
    p, lower, upper = factors

    def solve(b: Any) -> Any:
        middle = triangles.solve_triangular(lower, matmul(adjoint(p), b), lower=True, unit=True)
        return triangles.solve_triangular(upper, middle, lower=False, unit=False)

    return of_columns(b, solve)


# -- matrices with a pattern ------------------------------------------------------------------------------------------


def block_diag(*blocks: Any) -> Tensor:
    """Matrices along the diagonal of one matrix, zeros elsewhere.

    >>> import gradtape as gt
    >>> gt.linalg.block_diag([[1.0, 2.0]], [[3.0]])
    Tensor([[1., 2., 0.],
            [0., 0., 3.]])
    """
    xs = [as_float(x) for x in blocks]
    if any(x.ndim != 2 for x in xs):
        raise ShapeError(message("block_diag: matrices are wanted", f"shapes {[x.shape for x in xs]}"))
    width, rows, before = sum(x.shape[1] for x in xs), [], 0
    for x in xs:
        m, n = x.shape
        sides = [np.zeros((m, before), x.dtype), x, np.zeros((m, width - before - n), x.dtype)]
        rows.append(concatenate(sides, axis=1))
        before += n
    return concatenate(rows, axis=0)


def toeplitz(c: Any, r: Any = None) -> Tensor:
    """The matrix with first column ``c`` and first row ``r`` (conj(c) if not given), constant along diagonals.

    >>> import gradtape as gt
    >>> gt.linalg.toeplitz([1.0, 2.0], [1.0, 5.0, 6.0])
    Tensor([[1., 5., 6.],
            [2., 1., 5.]])
    """
    c = _vector(c, "toeplitz")
    r = adjoint_vector(c) if r is None else _vector(r, "toeplitz")
    m, n = c.shape[0], r.shape[0]
    values = concat(flip(r[1:], axis=(0,)), c, axis=0)
    return gather(values, np.arange(m)[:, None] - np.arange(n) + n - 1, index=(ARRAY,))


def circulant(c: Any, /) -> Tensor:
    """The square matrix whose first column is ``c`` and whose other columns are ``c`` turned round.

    >>> import gradtape as gt
    >>> gt.linalg.circulant([1.0, 2.0, 3.0])
    Tensor([[1., 3., 2.],
            [2., 1., 3.],
            [3., 2., 1.]])
    """
    c = _vector(c, "circulant")
    n = c.shape[0]
    return gather(c, (np.arange(n)[:, None] - np.arange(n)) % max(n, 1), index=(ARRAY,))


def solve_toeplitz(c_or_cr: Any, b: Any, /) -> Tensor:
    """The solution y of toeplitz(c, r) @ y = b, for a column ``c`` or a pair ``(c, r)``; by a factorization.

    >>> import gradtape as gt
    >>> gt.linalg.solve_toeplitz(([2.0, 0.0], [2.0, 1.0]), [4.0, 2.0])
    Tensor([1.5, 1. ])
    """
    pair = c_or_cr if isinstance(c_or_cr, tuple) else (c_or_cr, None)
    a = toeplitz(*pair)
    return of_columns(b, lambda b: factorizations.solve(a, b))


def solve_circulant(c: Any, b: Any, /) -> Tensor:
    """The solution y of circulant(c) @ y = b; by a factorization.

    >>> import gradtape as gt
    >>> gt.linalg.solve_circulant([2.0, 0.0], [4.0, 2.0])
    Tensor([2., 1.])
    """
    a = circulant(c)
    return of_columns(b, lambda b: factorizations.solve(a, b))


def solve_banded(l_and_u: tuple[int, int], ab: Any, b: Any, /) -> Tensor:
    """The solution y of A @ y = b for a matrix with ``l`` diagonals below and ``u`` above the main one; as SciPy's.

    ``ab[u + i - j, j] = A[i, j]``, of shape (l + u + 1, n); corners that belong to no entry are not read.  In time
    proportional to n, derivatives too.

    >>> import gradtape as gt
    >>> gt.linalg.solve_banded((0, 1), [[0.0, 1.0], [2.0, 2.0]], [4.0, 2.0])
    Tensor([1.5, 1. ])
    """
    below, above = (int(k) for k in l_and_u)
    ab = floating(ab, "solve_banded")
    if ab.shape[-2] != below + above + 1:
        raise ShapeError(message(f"solve_banded: {below} diagonals below and {above} above", f"ab of shape {ab.shape}"))
    return of_columns(b, lambda b: _solve_banded(ab, b, below=below, above=above))


def _vector(x: Any, asked: str) -> Tensor:
    x = tensor(x)
    x = x if x.dtype.kind in "fc" else cast(x, np.float64)
    if x.ndim != 1:
        raise ShapeError(message(f"{asked}: a vector is wanted", f"shape {x.shape}"))
    return x


def adjoint_vector(x: Any) -> Any:
    """The conjugate of a complex vector; a real one as it is."""
    return x.conj() if x.dtype.kind == "c" else x
