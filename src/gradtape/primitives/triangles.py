"""Rows of triangular factors: triangular systems, QR, LU.

QR (rows at least columns): with A = dx R^-1, M = Q' A and the skew W that makes M - W upper triangular with a real
diagonal, dR = (M - W) R and dQ = A - Q (M - W).  LU: with M = L^-1 P' dx U^-1, dL = L tril(M, -1), dU = triu(M) U,
P held; Walter & Lehmann, arXiv:1009.6112 (2010).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..rules.batching import leading
from ..rules.kinds import differential
from .complexes import imag, is_complex, real
from .contractions import matmul, matrix_transpose
from .gaps import adjoint
from .indexing import getitem
from .joining import concat
from .shapes import diagonal, on_diagonal, sum_to, tril, triu
from .whole import whole


def fold(c: Any, x: Any) -> Any:
    """A cotangent, summed over the batch axes along which ``x`` was repeated."""
    return c if c.shape == x.shape else sum_to(c, shape=x.shape)


# -- triangular systems ---------------------------------------------------------------------------------------------


def _triangle(xp: Any, a: Any, lower: bool, unit: bool) -> Any:
    part = xp.tril(a, -1 if unit else 0) if lower else xp.triu(a, 1 if unit else 0)
    return part + xp.eye(a.shape[-1], dtype=a.dtype) if unit else part


def _solve_triangular(xp: Any, a: Any, b: Any, *, lower: bool, unit: bool) -> Any:
    if xp is np and a.ndim == b.ndim == 2 and a.size and b.size and a.dtype == b.dtype:
        from scipy.linalg import solve_triangular as substitute  # SciPy is imported when it is first used

        return substitute(a, b, lower=lower, unit_diagonal=unit, check_finite=False)
    return xp.linalg.solve(_triangle(xp, a, lower, unit), b)


def _masked(a: Any, lower: bool, unit: bool) -> Any:
    return tril(a, k=-1 if unit else 0) if lower else triu(a, k=1 if unit else 0)


def _substitute_differential(y: Any, xs: Any, dxs: Any, *, lower: bool, unit: bool) -> Any:
    da, db = dxs
    change = None if da is None else matmul(_masked(da, lower, unit), y)
    right = db if change is None else -change if db is None else db - change
    return solve_triangular(xs[0], right, lower=lower, unit=unit)


def _substitute_vjp(ct: Any, y: Any, a: Any, b: Any, *, lower: bool, unit: bool) -> tuple[Any, Any]:
    w = solve_triangular(matrix_transpose(a), ct, lower=not lower, unit=unit)
    return fold(-_masked(matmul(w, matrix_transpose(y)), lower, unit), a), fold(w, b)


def _away_from_zero(rng: Any, *shape: int) -> Any:
    return 0.4 * rng.normal(size=shape) + np.eye(shape[-1]) * np.where(np.arange(shape[-1]) % 2, -1.5, 1.2)


solve_triangular = differential(
    "solve_triangular",
    _solve_triangular,
    _substitute_differential,
    vjp=_substitute_vjp,
    system=(lambda a, y, *, lower, unit: matmul(_masked(a, lower, unit), y),),
    arity=2,
    params={"lower": [False, True], "unit": [False, True]},
    met=whole(2, lambda i, *, lower=False, unit=False: 2),
    batch=leading(),
    sample=lambda rng: [
        ((_away_from_zero(rng, *a), rng.normal(size=b)), {"lower": lower, "unit": unit})
        for a, b, lower, unit in (
            ((3, 3), (3, 2), True, False), ((3, 3), (3, 1), False, True), ((2, 2, 2), (2, 2, 1), False, False),
            ((2, 2), (4, 2, 1), True, True), ((1, 1), (1, 1), True, False), ((2, 2), (2, 0), True, False),
        )
    ],
    doc="The solution y of a @ y = b, reading one triangle of ``a`` (unit: with ones on its diagonal).",
    public=False,
)  # fmt: skip


def divided_on_the_right(x: Any, r: Any, *, lower: bool = False, unit: bool = False) -> Any:
    """x @ inv(r) for a triangular r."""
    y = solve_triangular(matrix_transpose(r), matrix_transpose(x), lower=not lower, unit=unit)
    return matrix_transpose(y)


# -- QR -------------------------------------------------------------------------------------------------------------


def _qr(xp: Any, x: Any) -> Any:
    q, r = xp.linalg.qr(x)
    return q, r


def _qr_differential(y: Any, xs: Any, dxs: Any) -> Any:
    q, r = y
    a = divided_on_the_right(dxs[0], r)
    m = matmul(adjoint(q), a)
    below = tril(m, k=-1)
    up = m - below + adjoint(below)
    if is_complex(m):
        up = up - on_diagonal(imag(diagonal(m, offset=0)) * 1j, offset=0, shape=m.shape[-2:])
    return a - matmul(q, up), triu(matmul(up, r), k=0)


def _qr_vjp(ct: Any, y: Any, x: Any) -> tuple[Any]:
    """Walter & Lehmann: (ct_q + Q copy(M)) R'^-1, M = R ct_r' - ct_q' Q, copy: its lower triangle on both sides."""
    (q, r), (ct_q, ct_r) = y, ct
    middle: Any = None if ct_r is None else matmul(r, adjoint(triu(ct_r, k=0)))
    if ct_q is not None:
        turn = matmul(adjoint(ct_q), q)
        middle = -turn if middle is None else middle - turn
    below = tril(middle, k=-1)
    straight = diagonal(middle, offset=0)
    straight = on_diagonal(real(straight) if is_complex(straight) else straight, offset=0, shape=middle.shape[-2:])
    total = matmul(q, below + adjoint(below) + straight)
    total = total if ct_q is None else total + ct_q
    return (adjoint(solve_triangular(r, adjoint(total), lower=False, unit=False)),)


def _tall_cases(rng: Any) -> list[Any]:
    shapes = ((3, 3), (4, 2), (2, 3, 2), (1, 1), (2, 0))
    return [((rng.normal(size=s) + 2.0 * np.eye(*s[-2:]),), {}) for s in shapes]


qr = differential(
    "qr",
    _qr,
    _qr_differential,
    vjp=_qr_vjp,
    outputs=2,
    met=whole(2, lambda i: 2),
    batch=leading(),
    sample=_tall_cases,
    doc="Q with orthonormal columns and an upper triangular R, x = Q R, of a matrix with no more columns than rows.",
    public=False,
)


# -- LU -------------------------------------------------------------------------------------------------------------


def _lu(xp: Any, x: Any) -> Any:
    from scipy.linalg import lu as factorize  # SciPy is imported when it is first used

    *lead, m, n = x.shape
    if not x.size:  # SciPy forgets the shapes of empty stacks
        p, k = np.broadcast_to(np.eye(m, dtype=x.real.dtype), (*lead, m, m)), min(m, n)
        return p, np.zeros((*lead, m, k), x.dtype), np.zeros((*lead, k, n), x.dtype)
    p, lower, upper = factorize(x, check_finite=False)
    return p.astype(x.real.dtype), lower, upper


def _lu_differential(y: Any, xs: Any, dxs: Any) -> Any:
    p, lower, upper = y
    d = matmul(matrix_transpose(p), dxs[0])
    m, n = xs[0].shape[-2:]
    k = min(m, n)
    low = getitem(lower, index=(..., slice(0, k), slice(None)))
    up = getitem(upper, index=(..., slice(None), slice(0, k)))
    square = getitem(d, index=(..., slice(0, k), slice(0, k)))
    middle = divided_on_the_right(solve_triangular(low, square, lower=True, unit=True), up)
    d_low, d_up = matmul(low, tril(middle, k=-1)), matmul(triu(middle, k=0), up)
    if m > n:
        rest = getitem(d, index=(..., slice(k, None), slice(None)))
        others = getitem(lower, index=(..., slice(k, None), slice(None)))
        d_low = concat(d_low, divided_on_the_right(rest - matmul(others, d_up), up), axis=-2)
    if n > m:
        rest = getitem(d, index=(..., slice(None), slice(k, None)))
        others = getitem(upper, index=(..., slice(None), slice(k, None)))
        rest = solve_triangular(low, rest - matmul(d_low, others), lower=True, unit=True)
        d_up = concat(d_up, rest, axis=-1)
    return None, d_low, d_up


lu = differential(
    "lu",
    _lu,
    _lu_differential,
    outputs=3,
    met=whole(2, lambda i: 2),
    batch=leading(),
    sample=lambda rng: [
        ((rng.normal(size=s) + 1.5 * np.roll(np.eye(*s[-2:]), 1, axis=-1),), {})
        for s in ((3, 3), (3, 2), (2, 3), (2, 2, 2), (1, 1))
    ],
    singular={"equal pivots": "the rows that were chosen are held"},
    doc="P, L, U of x = P L U with partial pivoting; the permutation has slope zero.",
    public=False,
)
