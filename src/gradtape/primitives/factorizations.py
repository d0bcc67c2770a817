"""Rows of linear algebra by one differential each: inv, solve, det, log|det|, cholesky.

det is a polynomial, so its derivatives exist at singular matrices too (singular-points table, rule 9): they are
the mixed forms of ``det_form``, minors taken in the singular basis and never divided by the determinant.
Formulas: Giles, "Collected matrix derivative results" (2008); Murray, arXiv:1602.07527 (2016), for cholesky.
"""

from __future__ import annotations

from itertools import permutations
from typing import Any

import numpy as np

from ..errors import DegenerateError, message
from ..record.tensor import value_of
from ..rules.batching import Batched, aligned, leading, one_by_one, permuted, reshaped
from ..rules.kinds import constant, differential
from . import cofactors
from .complexes import conj, imag, real
from .contractions import matmul, matrix_transpose
from .reductions import sum
from .selection import isinf, where
from .shapes import reshape, sum_to
from .whole import whole


def _is_complex(x: Any) -> bool:
    return x.dtype.kind == "c"


def _adjoint(x: Any) -> Any:
    return matrix_transpose(conj(x) if _is_complex(x) else x)


def _fold(c: Any, x: Any) -> Any:
    return c if c.shape == x.shape else sum_to(c, shape=x.shape)


def _plain(y: Any) -> Any:
    return y[()] if y.ndim == 0 else y


def _well_conditioned(rng: Any, *shape: int) -> Any:
    """Random matrices with eigenvalues well away from zero."""
    return 0.3 * rng.normal(size=shape) + np.eye(shape[-1]) * np.where(np.arange(shape[-1]) % 2, -2.0, 1.5)


def _square_cases(rng: Any) -> list[Any]:
    return [((_well_conditioned(rng, *s),), {}) for s in ((3, 3), (1, 1), (2, 2, 2), (0, 0), (0, 2, 2))]


# -- inverse and systems ------------------------------------------------------------------------------------------


def _inv_vjp(ct: Any, y: Any, x: Any) -> tuple[Any]:
    t = matrix_transpose(y)
    return (-matmul(t, matmul(ct, t)),)


inv = differential(
    "inv",
    "linalg.inv",
    lambda y, xs, dxs: -matmul(y, matmul(dxs[0], y)),
    vjp=_inv_vjp,
    sample=_square_cases,
    batch=leading(),
    doc="""The inverse of each square matrix; d(inv x) = -inv(x) dx inv(x).

    >>> import gradtape as gt
    >>> gt.linalg.inv(gt.asarray([[2.0, 0.0], [0.0, 4.0]]))
    Tensor([[0.5 , 0.  ],
            [0.  , 0.25]])
    """,
)


def _solve_differential(y: Any, xs: Any, dxs: Any) -> Any:
    a, _ = xs
    da, db = dxs
    right = db if da is None else -matmul(da, y) if db is None else db - matmul(da, y)
    return solve(a, right)


def _solve_vjp(ct: Any, y: Any, a: Any, b: Any) -> tuple[Any, Any]:
    w = solve(matrix_transpose(a), ct)
    return _fold(-matmul(w, matrix_transpose(y)), a), _fold(w, b)


def _solve_batch(size: int, flags: Any, xs: Any, params: Any) -> Batched:
    """One matrix and a batch of right-hand sides: the columns side by side, so that it is factorized once."""
    a, b = xs
    if not flags[0] and a.ndim == 2 and b.ndim == 3:
        n, k = b.shape[1:]
        side_by_side = reshaped(permuted(b, (1, 0, 2)), (n, size * k))
        return (a, side_by_side), params, lambda y: permuted(reshaped(y, (n, size, k)), (1, 0, 2))
    return aligned(flags, xs), params


solve = differential(
    "solve",
    "linalg.solve",
    _solve_differential,
    vjp=_solve_vjp,
    system=(lambda a, y: matmul(a, y),),
    arity=2,
    sample=lambda rng: [
        ((_well_conditioned(rng, *a), rng.normal(size=b)), {})
        for a, b in (
            ((3, 3), (3, 2)), ((2, 2, 2), (2, 2, 1)), ((2, 2), (4, 2, 1)), ((4, 2, 2), (2, 3)), ((1, 1), (1, 1)),
            ((2, 2), (2, 0)),
        )
    ],
    met=whole(2, lambda i: 2),
    batch=_solve_batch,
    doc="The solution y of a @ y = b for matrices b of right-hand sides.",
    public=False,
)  # fmt: skip


# -- determinants ---------------------------------------------------------------------------------------------------


def _products_without(xp: Any, s: Any, k: int) -> Any:
    """P[..., i_1, ..., i_k]: the product of the s but those at the k different places; 0 where two coincide."""
    n = s.shape[-1]
    places = np.indices((n,) * k)
    p = xp.ones((*s.shape[:-1], *(n,) * k), dtype=s.dtype)
    for m in range(n):
        p = p * xp.where(np.any(places == m, axis=0), 1, s[(..., m, *(None,) * k)])
    apart = np.ones((n,) * k, dtype=bool)
    for i in range(k):
        for j in range(i):
            apart &= places[i] != places[j]
    return xp.where(apart, p, 0)


def _sign(order: tuple[int, ...]) -> int:
    swaps = [1 for i, a in enumerate(order) for b in order[:i] if b > a]
    return -1 if len(swaps) % 2 else 1


def _det_form(xp: Any, a: Any, *ms: Any) -> Any:
    """The matrix G with sum(G * N) = D^(k+1) det(a)[m_1, ..., m_k, N].

    With a = U S V', det(a + t m) = det(U V') det(S + t U' m V), and the mixed derivative of the determinant at a
    diagonal matrix is a sum over permutations of k + 1 places, times the entries of S elsewhere.
    """
    k, n = len(ms), a.shape[-1]
    u, s, vh = xp.linalg.svd(a)
    left, right = xp.conj(xp.swapaxes(u, -1, -2)), xp.conj(xp.swapaxes(vh, -1, -2))
    turned = [left @ m @ right for m in ms]
    products = _products_without(xp, s, k + 1)
    letters = "abcdefghijkl"[: k + 1]
    g: Any = 0
    for order in permutations(range(k + 1)):
        labels = ["..." + letters[r] + letters[order[r]] for r in range(k)]
        fixed = order[k] == k
        output = "..." + letters[k] + ("" if fixed else letters[order[k]])
        part = xp.einsum(",".join(["..." + letters, *labels]) + "->" + output, products, *turned)
        g = g + _sign(order) * (part[..., None] * xp.eye(n, dtype=part.dtype) if fixed else part)
    g = xp.conj(u) @ g @ xp.conj(vh)
    turn = xp.linalg.det(u) * xp.linalg.det(vh)
    return xp.asarray(turn)[..., None, None] * g


def _form_differential(y: Any, xs: Any, dxs: Any, form: Any = None) -> Any:
    form = form or det_form
    terms: list[Any] = []
    for i, dx in enumerate(dxs):
        if dx is not None:
            terms.append(form(*xs, dx) if i == 0 else form(*xs[:i], *xs[i + 1 :], dx))
    total = terms[0]
    for term in terms[1:]:
        total = total + term
    return total


def _form_vjp(ct: Any, y: Any, *xs: Any) -> tuple[Any, ...]:
    """The forms are symmetric: what is handed back takes the place of the slot."""
    return (det_form(*xs, ct), *[det_form(*xs[:i], *xs[i + 1 :], ct) for i in range(1, len(xs))])


def _form_without_another(y: Any, xs: Any, dxs: Any) -> Any:
    """The change of a form by operations on matrices: ``det_form`` would have one more argument at every order."""
    x = xs[0]
    if len(xs) == 1:
        return cofactors.of_matrix(x, inv, det).derivative() if cofactors.splits(x.example()) else None
    if not far_from_singular(x):
        return None
    c, d = inv(x), det(x)
    return _form_differential(y, xs, dxs, lambda _, *ms: cofactors.form_of_regular(c, d, ms))


det_form = differential(
    "det_form",
    _det_form,
    _form_differential,
    quotient=_form_without_another,
    vjp=_form_vjp,
    arity=None,
    sample=lambda rng: [
        (tuple(_well_conditioned(rng, *s) for _ in range(k + 1)), {})
        for k, s in ((0, (3, 3)), (0, (2, 2, 2)), (0, (1, 1)), (1, (3, 3)), (1, (4, 4)), (1, (2, 3, 3)))
    ],
    singular={"singular matrices": "a polynomial: right at every rank, to every order"},
    batch=leading(),
    doc="The gradient of det, and of its mixed derivatives in the directions m_1, ..., m_k.",
    public=False,
)

far_from_singular = constant(
    "far_from_singular",
    lambda xp, x: xp.all(xp.linalg.cond(x) < 1e3) if x.shape[-1] else xp.bool_(True),
    sample=lambda rng: [((_well_conditioned(rng, *s),), {}) for s in ((3, 3), (2, 2, 2))],
    batch=one_by_one,
    doc="Whether all matrices are far from a singular one.",
    public=False,
)


def _det_along(y: Any, xs: Any, dxs: Any) -> Any:
    """The change of a determinant by operations on matrices: a form has one more argument at every order."""
    x = xs[0]
    if x.shape[-1] > cofactors.LARGEST and far_from_singular(x):
        return y * sum(matrix_transpose(inv(x)) * dxs[0], axis=(-2, -1))
    if cofactors.splits(x.example()):
        return sum(cofactors.of_matrix(x, inv, det) * dxs[0], axis=(-2, -1))
    return None


det = differential(
    "det",
    lambda xp, x: _plain(xp.linalg.det(x)),
    lambda y, xs, dxs: sum(det_form(xs[0]) * dxs[0], axis=(-2, -1)),
    quotient=_det_along,
    vjp=lambda ct, y, x: (det_form(x) * reshape(ct, shape=(*ct.shape, 1, 1)),),
    sample=lambda rng: [((_well_conditioned(rng, *s),), {}) for s in ((3, 3), (1, 1), (2, 2, 2), (4, 4))],
    singular={"singular matrices": "a polynomial: right at every rank, to every order"},
    batch=leading(),
    doc="""The determinant of each square matrix; its gradient is the matrix of cofactors.

    >>> import gradtape as gt
    >>> x = gt.asarray([[1.0, 2.0], [2.0, 4.0]])
    >>> with gt.GradientTape() as tape:
    ...     y = gt.linalg.det(x)
    >>> gt.round(tape.gradient(y, x), 12)
    Tensor([[ 4., -2.],
            [-2.,  1.]])
    """,
)


# At a singular matrix log|det| is -inf and has no derivative: asked for, it is an error; a tangent is nan, and in lanes
# that do not matter it is nothing.


def _regular(x: Any, singular: Any) -> Any:
    """x with the identity in the place of singular matrices."""
    n = x.shape[-1]
    return where(reshape(singular, shape=(*singular.shape, 1, 1)), np.eye(n, dtype=x.dtype), x)


def _log_slope(x: Any, dx: Any, singular: Any) -> Any:
    """trace(inv(x) dx): the derivative of log det."""
    t = sum(matrix_transpose(inv(_regular(x, singular))) * dx, axis=(-2, -1))
    return t * where(singular, np.nan, 1.0)


def _logabsdet_differential(y: Any, xs: Any, dxs: Any) -> Any:
    dy = _log_slope(xs[0], dxs[0], isinf(y))
    return real(dy) if _is_complex(xs[0]) else dy


def _logabsdet_vjp(ct: Any, y: Any, x: Any) -> tuple[Any]:
    singular = isinf(y)
    if np.any(value_of(singular) & (value_of(ct) != 0)):
        raise DegenerateError(
            message(
                "the derivative of log|det| at a singular matrix",
                "the determinant is 0: its logarithm is -inf, and has no derivative",
                remedy="Use gt.linalg.det, which has one everywhere, move the matrix off this point, or leave it out "
                "with gt.where.",
            )
        )
    slope = matrix_transpose(inv(_regular(x, singular)))
    slope = conj(slope) if _is_complex(x) else slope
    return (slope * reshape(where(singular, 0.0, ct), shape=(*ct.shape, 1, 1)),)


logabsdet = differential(
    "logabsdet",
    lambda xp, x: _plain(xp.linalg.slogdet(x)[1]),
    _logabsdet_differential,
    vjp=_logabsdet_vjp,
    sample=_square_cases,
    singular={"singular matrices": "an error, a tangent nan; nothing where the lane is left out"},
    batch=leading(),
    doc="log|det x| of each square matrix.",
    public=False,
)
det_sign = differential(
    "det_sign",
    lambda xp, x: _plain(xp.linalg.slogdet(x)[0]),
    lambda y, xs, dxs: (
        y * imag(_log_slope(xs[0], dxs[0], y == 0)) * 1j if _is_complex(xs[0]) else sum(0.0 * dxs[0], axis=(-2, -1))
    ),
    sample=_square_cases,
    batch=leading(),
    doc="det x / |det x| of each square matrix: constant where x is real.",
    public=False,
)


# -- cholesky ---------------------------------------------------------------------------------------------------------


def _hermitian(xp: Any, x: Any) -> Any:
    return (x + xp.conj(xp.swapaxes(x, -1, -2))) / 2


def _cholesky_differential(y: Any, xs: Any, dxs: Any) -> Any:
    d = (dxs[0] + _adjoint(dxs[0])) / 2.0
    middle = _adjoint(solve(y, _adjoint(solve(y, d))))  # inv(L) d inv(L)'
    n = y.shape[-1]
    half = np.tril(np.ones((n, n)), -1) + 0.5 * np.eye(n)
    return matmul(y, middle * half.astype(y.dtype))


cholesky = differential(
    "cholesky",
    lambda xp, x: xp.linalg.cholesky(_hermitian(xp, x)),
    _cholesky_differential,
    sample=lambda rng: [
        ((m @ np.swapaxes(m, -1, -2) + 0.1 * rng.normal(size=s) * (s[-1] > 1),), {})
        for s in ((3, 3), (1, 1), (2, 2, 2))
        for m in (_well_conditioned(rng, *s),)
    ],
    batch=leading(),
    doc="""The lower triangular L with L L' = (x + x')/2, for positive definite x.

    The derivative is that of the symmetrized matrix, so it is symmetric too.

    >>> import gradtape as gt
    >>> gt.linalg.cholesky(gt.asarray([[4.0, 2.0], [2.0, 2.0]]))
    Tensor([[2., 0.],
            [1., 1.]])
    """,
)
