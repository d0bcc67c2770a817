"""gradtape.linalg: linear algebra by the names of the Array API and numpy.linalg."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from ..errors import ShapeError, message
from ..primitives import factorizations
from ..primitives.complexes import conj
from ..primitives.contractions import matmul as _matmul
from ..primitives.shapes import reshape
from ..record.tensor import Tensor
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
from .matrix_norms import as_float, cond, matrix_norm, norm, vector_norm
from .more_linalg import (
    PolarResult,
    block_diag,
    circulant,
    coshm,
    cosm,
    expm_multiply,
    fractional_matrix_power,
    lu_solve,
    polar,
    signm,
    sinhm,
    sinm,
    solve_banded,
    solve_circulant,
    solve_toeplitz,
    tanhm,
    tanm,
    toeplitz,
)
from .reductions import tensor
from .spectral_programs import attach

_gradtape_composes = True

__all__ = [
    "EigResult",
    "EighResult",
    "LUResult",
    "LstsqResult",
    "PolarResult",
    "QRResult",
    "SVDResult",
    "SlogdetResult",
    "block_diag",
    "cholesky",
    "cholesky_solve",
    "circulant",
    "cond",
    "coshm",
    "cosm",
    "cross",
    "det",
    "diagonal",
    "eig",
    "eigh",
    "eigvals",
    "eigvalsh",
    "expm",
    "expm_multiply",
    "fractional_matrix_power",
    "funm",
    "inv",
    "kron",
    "logdet",
    "logm",
    "lstsq",
    "lu",
    "lu_solve",
    "matmul",
    "matrix_norm",
    "matrix_power",
    "matrix_rank",
    "matrix_transpose",
    "multi_dot",
    "norm",
    "outer",
    "pinv",
    "polar",
    "qr",
    "signm",
    "sinhm",
    "sinm",
    "slogdet",
    "solve",
    "solve_banded",
    "solve_circulant",
    "solve_continuous_lyapunov",
    "solve_discrete_lyapunov",
    "solve_sylvester",
    "solve_toeplitz",
    "solve_triangular",
    "sqrtm",
    "svd",
    "svdvals",
    "tanhm",
    "tanm",
    "tensordot",
    "tensorinv",
    "tensorsolve",
    "toeplitz",
    "trace",
    "vecdot",
    "vector_norm",
]


attach()


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
        x, n = factorizations.inv(as_float(x)), -n
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
    x = as_float(x)
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
    a, b = _square(a, "solve"), as_float(b)
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
