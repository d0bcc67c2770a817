"""gradtape.linalg: factorizations, eigenvalues, singular values, least squares."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from ..errors import ShapeError, message
from ..primitives import eigenvalues as eig_rows
from ..primitives import singular_values as svd_rows
from ..primitives import spectra, systems, triangles
from ..primitives.complexes import absolute, conj
from ..primitives.contractions import matmul, matrix_transpose
from ..primitives.indexing import getitem
from ..primitives.joining import concat
from ..primitives.reductions import all as all_of
from ..primitives.reductions import max as largest
from ..primitives.reductions import sum
from ..primitives.shapes import reshape
from ..record.tensor import Tensor
from .casting import cast
from .reductions import tensor

_gradtape_composes = True

__all__ = [
    "EigResult",
    "EighResult",
    "LUResult",
    "LstsqResult",
    "QRResult",
    "SVDResult",
    "cholesky_solve",
    "eig",
    "eigh",
    "eigvals",
    "eigvalsh",
    "lstsq",
    "lu",
    "matrix_rank",
    "pinv",
    "qr",
    "solve_triangular",
    "svd",
    "svdvals",
]


def floating(x: Any, asked: str) -> Tensor:
    """A Tensor of matrices of floats or complex numbers."""
    x = tensor(x)
    if x.ndim < 2:
        raise ShapeError(message(f"{asked}: matrices are wanted", f"shape {x.shape}"))
    return x if x.dtype.kind in "fc" else cast(x, np.float64)


def square(x: Any, asked: str) -> Tensor:
    """A Tensor of square matrices."""
    x = floating(x, asked)
    if x.shape[-1] != x.shape[-2]:
        raise ShapeError(message(f"{asked}: square matrices are wanted", f"shape {x.shape}"))
    return x


def adjoint(x: Any) -> Any:
    """The conjugate transpose."""
    return matrix_transpose(conj(x) if x.dtype.kind == "c" else x)


def of_columns(b: Any, solve: Any) -> Tensor:
    """``solve`` of right-hand sides: a vector as a matrix of one column."""
    b = tensor(b)
    b = b if b.dtype.kind in "fc" else cast(b, np.float64)
    if b.ndim != 1:
        return solve(b)
    y = solve(reshape(b, shape=(*b.shape, 1)))
    return reshape(y, shape=y.shape[:-1])


def _other_triangle(x: Tensor, UPLO: str) -> Tensor:
    if UPLO not in ("L", "U"):
        raise ValueError(message(f"UPLO={UPLO!r}", remedy='Use "L" or "U".'))
    return x


# -- QR, LU and triangular systems ------------------------------------------------------------------------------


class QRResult(NamedTuple):
    """What qr returns: x = Q @ R."""

    Q: Tensor
    R: Tensor


def qr(x: Any, /, mode: str = "reduced") -> Any:
    """Q with orthonormal columns and an upper triangular R such that x = Q @ R, as NumPy's.

    ``mode="r"`` returns R alone; ``"complete"`` is there for matrices with no more rows than columns, since the
    further columns of Q are not determined.  The leading square block of x must be invertible.

    >>> import gradtape as gt
    >>> q, r = gt.linalg.qr(gt.asarray([[3.0, 1.0], [4.0, 2.0]]))
    >>> gt.round(q @ r, 12)
    Tensor([[3., 1.],
            [4., 2.]])
    """
    x = floating(x, "qr")
    m, n = x.shape[-2:]
    if mode not in ("reduced", "complete", "r") or (mode == "complete" and m > n):
        remedy = 'Use mode="reduced": the other columns of Q may be any.' if mode == "complete" else None
        raise ValueError(
            message(f"qr: mode={mode!r}", f"shape {x.shape}", remedy=remedy or 'Use "reduced", "complete" or "r".')
        )
    if m >= n:
        q, r = triangles.qr(x)
    else:
        q, r = triangles.qr(getitem(x, index=(..., slice(0, m))))
        r = concat(r, matmul(adjoint(q), getitem(x, index=(..., slice(m, None)))), axis=-1)
    return r if mode == "r" else QRResult(q, r)


class LUResult(NamedTuple):
    """What lu returns: x = P @ L @ U."""

    P: Tensor
    L: Tensor
    U: Tensor


def lu(x: Any, /) -> LUResult:
    """P, L, U with x = P @ L @ U: partial pivoting, L lower triangular with ones on its diagonal, U upper triangular.

    The permutation is held: its slope is zero.  Any shape whose leading block of x is invertible after pivoting.

    >>> import gradtape as gt
    >>> p, l, u = gt.linalg.lu(gt.asarray([[1.0, 2.0], [4.0, 4.0]]))
    >>> l
    Tensor([[1.  , 0.  ],
            [0.25, 1.  ]])
    """
    return LUResult(*triangles.lu(floating(x, "lu")))


def solve_triangular(a: Any, b: Any, /, trans: Any = 0, lower: bool = False, unit_diagonal: bool = False) -> Tensor:
    """The solution y of a @ y = b for a triangular ``a``, of which one triangle alone is read; as SciPy's.

    ``trans``: 0 or "N" for a, 1 or "T" for its transpose, 2 or "C" for its conjugate transpose.

    >>> import gradtape as gt
    >>> gt.linalg.solve_triangular(gt.asarray([[2.0, 0.0], [1.0, 4.0]]), gt.asarray([2.0, 5.0]), lower=True)
    Tensor([1., 1.])
    """
    a = square(a, "solve_triangular")
    if trans in (1, 2, "T", "C"):
        a, lower = (adjoint(a) if trans in (2, "C") else matrix_transpose(a)), not lower
    return of_columns(b, lambda b: triangles.solve_triangular(a, b, lower=lower, unit=unit_diagonal))


def cholesky_solve(b: Any, factor: Any, /, *, upper: bool = False) -> Tensor:
    """The solution y of A @ y = b, given the Cholesky factor of A: A = L L', or U' U with ``upper``.

    >>> import gradtape as gt
    >>> a = gt.asarray([[4.0, 2.0], [2.0, 2.0]])
    >>> gt.linalg.cholesky_solve(gt.asarray([6.0, 4.0]), gt.linalg.cholesky(a))
    Tensor([1., 1.])
    """
    factor = square(factor, "cholesky_solve")
    lower = adjoint(factor) if upper else factor

    def solve(b: Any) -> Any:
        middle = triangles.solve_triangular(lower, b, lower=True, unit=False)
        return triangles.solve_triangular(adjoint(lower), middle, lower=False, unit=False)

    return of_columns(b, solve)


# -- eigenvalues ------------------------------------------------------------------------------------------------


class EighResult(NamedTuple):
    """What eigh returns: x = V diag(w) V'."""

    eigenvalues: Tensor
    eigenvectors: Tensor


def eigh(x: Any, /, UPLO: str = "L") -> EighResult:
    """Eigenvalues, ascending, and orthonormal eigenvectors of a symmetric or Hermitian matrix.

    Both triangles are read: the derivative is that of (x + x')/2.  Eigenvectors have derivatives where the
    eigenvalues are distinct.  Products ``(V * f(w)) @ V.T`` and sums ``sum(f(w))`` are functions of the matrix, and
    are differentiated as such where values are repeated, to every order.  Other functions of V are right there too if
    they do not depend on the choice of the vectors and w does not enter, once; else an error names the pair.

    >>> import gradtape as gt
    >>> x = gt.asarray([[1.0, 0.0], [0.0, 1.0]])
    >>> with gt.GradientTape() as tape:
    ...     w, v = gt.linalg.eigh(x)
    ...     y = gt.sum((v * gt.exp(w)) @ v.T)
    >>> gt.round(tape.gradient(y, x), 6)
    Tensor([[2.718282, 2.718282],
            [2.718282, 2.718282]])
    """
    x = _other_triangle(square(x, "eigh"), UPLO)
    w, v = spectra.eigh(x)
    return EighResult(spectra.eigenvalues(w, x), spectra.eigenvectors(v, x))


def eigvalsh(x: Any, /, UPLO: str = "L") -> Tensor:
    return spectra.eigvalsh(_other_triangle(square(x, "eigvalsh"), UPLO))


eigvalsh.__doc__ = spectra.eigvalsh.__doc__


class EigResult(NamedTuple):
    """What eig returns: x V = V diag(w)."""

    eigenvalues: Tensor
    eigenvectors: Tensor


def eig(x: Any, /) -> EigResult:
    """Eigenvalues and eigenvectors of any square matrix with distinct eigenvalues; both are complex, as in NumPy 2.

    Vectors have length 1 and their largest entry is real and positive: that choice is differentiated too.

    >>> import gradtape as gt
    >>> w, v = gt.linalg.eig(gt.asarray([[0.0, 1.0], [-4.0, 0.0]]))
    >>> w
    Tensor([0.+2.j, 0.-2.j])
    """
    return EigResult(*eig_rows.eig(square(x, "eig")))


def eigvals(x: Any, /) -> Tensor:
    return eig_rows.eigvals(square(x, "eigvals"))


eigvals.__doc__ = eig_rows.eigvals.__doc__


# -- singular values --------------------------------------------------------------------------------------------


class SVDResult(NamedTuple):
    """What svd returns: x = U diag(S) Vh."""

    U: Tensor
    S: Tensor
    Vh: Tensor


def svd(x: Any, /, full_matrices: bool = False, compute_uv: bool = True) -> Any:
    """U, S, Vh with x = (U * S) @ Vh, S descending; as many vectors as the shorter side (NumPy has more by default).

    Vectors have derivatives where the singular values are distinct, and not zero.  Products ``(U * f(S)) @ Vh`` and
    sums ``sum(f(S))`` are functions of the matrix, and are differentiated as such where values are repeated, to every
    order: the reconstruction (U * S) @ Vh has the identity for its derivative everywhere.

    >>> import gradtape as gt
    >>> x = gt.asarray([[1.0, 0.0], [0.0, 1.0]])
    >>> with gt.GradientTape() as tape:
    ...     u, s, vh = gt.linalg.svd(x)
    ...     y = gt.sum((u * s) @ vh)
    >>> gt.round(tape.gradient(y, x), 12)
    Tensor([[1., 1.],
            [1., 1.]])
    """
    x = floating(x, "svd")
    if not compute_uv:
        return svd_rows.svdvals(x)
    if full_matrices and x.shape[-1] != x.shape[-2]:
        raise ValueError(
            message(
                "svd: full_matrices=True",
                f"shape {x.shape}",
                remedy="Use full_matrices=False: the other vectors may be any, so they have no derivative.",
            )
        )
    u, s, vh = svd_rows.svd(x)
    return SVDResult(svd_rows.left_vectors(u, x), svd_rows.singular_values(s, x), svd_rows.right_vectors(vh, x))


def svdvals(x: Any, /) -> Tensor:
    return svd_rows.svdvals(floating(x, "svdvals"))


svdvals.__doc__ = svd_rows.svdvals.__doc__


# -- least squares, rank ----------------------------------------------------------------------------------------


def pinv(x: Any, rcond: float | None = None, hermitian: bool = False, *, rtol: float | None = None) -> Tensor:
    x = floating(x, "pinv")
    if hermitian:
        x = (x + adjoint(x)) * 0.5
    return systems.pinv(x, rcond=rtol if rcond is None else rcond)


pinv.__doc__ = systems.pinv.__doc__


class LstsqResult(NamedTuple):
    """What lstsq returns."""

    x: Tensor
    residuals: Tensor
    rank: Tensor
    s: Tensor


def lstsq(a: Any, b: Any, rcond: float | None = None) -> LstsqResult:
    """The shortest x that makes |a @ x - b| least; the squared residuals, the rank and the singular values of ``a``.

    Differentiated along matrices of the same rank.  Residuals are empty where the rank is not the number of columns,
    or there are no more rows than columns, as NumPy's; batches are accepted.

    >>> import gradtape as gt
    >>> a = gt.asarray([[1.0, 0.0], [1.0, 1.0], [1.0, 2.0]])
    >>> gt.round(gt.linalg.lstsq(a, gt.asarray([1.0, 3.0, 5.0])).x, 12)
    Tensor([1., 2.])
    """
    a = floating(a, "lstsq")
    m, n = a.shape[-2:]
    x = of_columns(b, lambda b: systems.lstsq(a, b, rcond=rcond))
    s = svd_rows.svdvals(a)
    cutoff = float(np.finfo(a.dtype).eps) * max(m, n, 1) if rcond is None else rcond
    rank = sum(cast(s > cutoff * largest(s, axis=-1, keepdims=True) if n and m else s > 0, np.int64), axis=-1)
    b = tensor(b)
    if m > n and bool(all_of(rank == n, axis=None, keepdims=False)):
        apart = absolute(matmul(a, x) - b)
        residuals = sum(apart * apart, axis=0 if b.ndim == 1 else -2, keepdims=b.ndim == 1)
    else:
        residuals = Tensor(np.zeros(0, s.dtype))
    return LstsqResult(x, residuals, rank, s)


def matrix_rank(x: Any, tol: Any = None, hermitian: bool = False, *, rtol: Any = None) -> Tensor:
    return systems.matrix_rank(floating(x, "matrix_rank"), tol=tol, rtol=rtol, hermitian=hermitian)


matrix_rank.__doc__ = systems.matrix_rank.__doc__
