"""tf.linalg's equations, factorizations and functions of matrices: TensorFlow's names for gradtape's."""

from __future__ import annotations

from typing import Any

import numpy as np

from .convert import operands, tensor
from .dtypes import numpy_dtype
from .names import gt

_gradtape_composes = True

__all__ = [
    "cholesky",
    "cholesky_solve",
    "det",
    "eig",
    "eigh",
    "eigvals",
    "eigvalsh",
    "expm",
    "inv",
    "logdet",
    "logm",
    "lstsq",
    "lu",
    "matrix_rank",
    "pinv",
    "qr",
    "set_diag",
    "slogdet",
    "solve",
    "sqrtm",
    "svd",
    "tensor_diag",
    "tensor_diag_part",
    "triangular_solve",
]


def _adjoint(x: Any) -> Any:
    y = gt.matrix_transpose(x)
    return gt.conj(y) if y.dtype.kind == "c" else y


def inv(input: Any, adjoint: bool = False, name: Any = None) -> Any:
    """The inverse, or that of the adjoint."""
    y = gt.linalg.inv(tensor(input))
    return _adjoint(y) if adjoint else y


def det(input: Any, name: Any = None) -> Any:
    """The determinant."""
    return gt.linalg.det(tensor(input))


def slogdet(input: Any, name: Any = None) -> Any:
    """The sign of the determinant and the logarithm of its absolute value."""
    return gt.linalg.slogdet(tensor(input))


def logdet(matrix: Any, name: Any = None) -> Any:
    """The logarithm of the determinant of a Hermitian positive definite matrix."""
    factor = gt.linalg.cholesky(tensor(matrix))
    return 2.0 * gt.sum(gt.log(gt.real(gt.diagonal(factor, axis1=-2, axis2=-1))), axis=-1)


def cholesky(input: Any, name: Any = None) -> Any:
    """The lower triangular factor."""
    return gt.linalg.cholesky(tensor(input))


def cholesky_solve(chol: Any, rhs: Any, name: Any = None) -> Any:
    """The solution of A x = rhs from A's lower triangular factor."""
    factor, b = operands(chol, rhs)
    y = gt.linalg.solve_triangular(factor, b, lower=True)
    return gt.linalg.solve_triangular(_adjoint(factor), y, lower=False)


def solve(matrix: Any, rhs: Any, adjoint: bool = False, name: Any = None) -> Any:
    """The solution of matrix @ x = rhs, columns by columns."""
    a, b = operands(matrix, rhs)
    return gt.linalg.solve(_adjoint(a) if adjoint else a, b)


def triangular_solve(matrix: Any, rhs: Any, lower: bool = True, adjoint: bool = False, name: Any = None) -> Any:
    """The solution of a triangular system."""
    a, b = operands(matrix, rhs)
    return (
        gt.linalg.solve_triangular(_adjoint(a), b, lower=not lower)
        if adjoint
        else (gt.linalg.solve_triangular(a, b, lower=lower))
    )


def lstsq(matrix: Any, rhs: Any, l2_regularizer: Any = 0.0, fast: bool = True, name: Any = None) -> Any:
    """The solution in least squares, the shortest one; with ``l2_regularizer`` that of the ridge regression."""
    a, b = operands(matrix, rhs)
    if not l2_regularizer:
        return gt.linalg.lstsq(a, b).x
    m, n = a.shape[-2:]
    h = _adjoint(a)
    k = min(m, n)
    ridge = gt.asarray(np.eye(k, dtype=a.dtype)) * l2_regularizer
    if m >= n:
        return gt.linalg.solve(gt.matmul(h, a) + ridge, gt.matmul(h, b))
    return gt.matmul(h, gt.linalg.solve(gt.matmul(a, h) + ridge, b))


def pinv(a: Any, rcond: Any = None, validate_args: bool = False, name: Any = None) -> Any:
    """The Moore-Penrose inverse; singular values below ``rcond`` of the largest count as 0."""
    a = tensor(a)
    if rcond is None:
        rcond = 10.0 * max(a.shape[-2:]) * float(np.finfo(a.dtype).eps)
    return gt.linalg.pinv(a, rcond=float(rcond))


def matrix_rank(a: Any, tol: Any = None, validate_args: bool = False, name: Any = None) -> Any:
    """The number of singular values above ``tol``."""
    return gt.astype(gt.linalg.matrix_rank(tensor(a), tol=tol), np.int32)


def qr(input: Any, full_matrices: bool = False, name: Any = None) -> Any:
    """The orthonormal and the upper triangular factor."""
    return gt.linalg.qr(tensor(input), mode="complete" if full_matrices else "reduced")


def lu(input: Any, output_idx_type: Any = np.int32, name: Any = None) -> tuple[Any, Any]:
    """Both triangular factors in one matrix, and the permutation: input[p] = L @ U."""
    found = gt.linalg.lu(tensor(input))
    p, lower, upper = found
    n = lower.shape[-1]
    both = lower - gt.asarray(np.eye(lower.shape[-2], n, dtype=lower.dtype)) + upper
    return both, gt.astype(gt.argmax(gt.real(p), axis=-2), numpy_dtype(output_idx_type))


def svd(tensor: Any, full_matrices: bool = False, compute_uv: bool = True, name: Any = None) -> Any:
    """(s, u, v) with tensor = u @ diag(s) @ adjoint(v); s alone without ``compute_uv``."""
    x = _tensor(tensor)
    if not compute_uv:
        return gt.linalg.svdvals(x)
    u, s, vh = gt.linalg.svd(x, full_matrices=full_matrices)
    return s, u, _adjoint(vh)


_tensor = tensor


def eigh(tensor: Any, name: Any = None) -> Any:
    """The eigenvalues, ascending, and eigenvectors of a Hermitian matrix; its lower triangle is read."""
    return gt.linalg.eigh(_tensor(tensor))


def eigvalsh(tensor: Any, name: Any = None) -> Any:
    """The eigenvalues of a Hermitian matrix, ascending."""
    return gt.linalg.eigvalsh(_tensor(tensor))


def eig(tensor: Any, name: Any = None) -> Any:
    """The eigenvalues and eigenvectors, complex."""
    return gt.linalg.eig(_tensor(tensor))


def eigvals(tensor: Any, name: Any = None) -> Any:
    """The eigenvalues, complex."""
    return gt.linalg.eigvals(_tensor(tensor))


def expm(input: Any, name: Any = None) -> Any:
    """The matrix exponential."""
    return gt.linalg.expm(tensor(input))


def logm(input: Any, name: Any = None) -> Any:
    """The matrix logarithm."""
    return gt.linalg.logm(tensor(input))


def sqrtm(input: Any, name: Any = None) -> Any:
    """The matrix square root."""
    return gt.linalg.sqrtm(tensor(input))


def set_diag(input: Any, diagonal: Any, name: Any = None, k: int = 0, **_: Any) -> Any:
    """Each matrix with another diagonal ``k``."""
    x, d = operands(input, diagonal)
    on = np.eye(*x.shape[-2:], k=k, dtype=bool)
    rows, columns = np.nonzero(on)
    return x.at[(..., rows, columns)].set(d)


def tensor_diag(diagonal: Any, name: Any = None) -> Any:
    """An array of twice the axes with ``diagonal`` where both halves of the indices agree."""
    d = tensor(diagonal)
    return gt.reshape(gt.diag(gt.reshape(d, (-1,))), d.shape * 2)


def tensor_diag_part(input: Any, name: Any = None) -> Any:
    """What :func:`tensor_diag` was made of."""
    x = tensor(input)
    half = x.shape[: x.ndim // 2]
    n = int(np.prod(half))
    return gt.reshape(gt.diagonal(gt.reshape(x, (n, n))), half)
