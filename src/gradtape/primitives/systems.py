"""Rows of generalised systems: pseudoinverse, least squares, Sylvester's equation, rank.

The pseudoinverse P of x, while the rank stays what it is (Golub & Pereyra 1973):
dP = -P dx P + P P' dx' (I - x P) + (I - P x) dx' P' P.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..rules.batching import leading
from ..rules.kinds import constant, differential
from .contractions import matmul, matrix_transpose
from .gaps import adjoint
from .loops import each
from .singular_values import rectangular_cases
from .triangles import fold

_RCOND: dict[str, Any] = {"rcond": [None, 1e-10]}


def _cutoff(x: Any, rcond: float | None) -> float:
    """NumPy's default: roundings of the largest singular value, times the longer side."""
    return float(np.finfo(x.dtype).eps) * max(*x.shape[-2:], 1) if rcond is None else rcond


def _pinv_differential(y: Any, xs: Any, dxs: Any, *, rcond: float | None) -> Any:
    x, d = xs[0], dxs[0]
    total = -matmul(y, matmul(d, y))
    back = adjoint(d)
    far = matmul(adjoint(y), back)
    near = matmul(back, adjoint(y))
    return total + matmul(y, far - matmul(matmul(far, x), y)) + matmul(near - matmul(y, matmul(x, near)), y)


pinv = differential(
    "pinv",
    lambda xp, x, *, rcond: xp.linalg.pinv(x, _cutoff(x, rcond)),
    _pinv_differential,
    params=_RCOND,
    batch=leading(),
    sample=lambda rng: [(xs, {"rcond": None}) for xs, _ in rectangular_cases(rng) if xs[0].size],
    singular={"a change of rank": "the derivative is that along matrices of the same rank"},
    doc="""The pseudoinverse of each matrix, differentiated along matrices of the same rank.

    Singular values below ``rcond`` times the largest count as zero; by default the longer side times eps.

    >>> import gradtape as gt
    >>> gt.linalg.pinv(gt.asarray([[2.0, 0.0], [0.0, 0.0]]))
    Tensor([[0.5, 0. ],
            [0. , 0. ]])
    """,
)


def _lstsq(xp: Any, a: Any, b: Any, *, rcond: float | None) -> Any:
    cutoff = _cutoff(a, rcond)
    if xp is np and a.ndim == b.ndim == 2:
        return xp.linalg.lstsq(a, b, rcond=cutoff)[0]
    return xp.linalg.pinv(a, cutoff) @ b


def _lstsq_differential(y: Any, xs: Any, dxs: Any, *, rcond: float | None) -> Any:
    (a, b), (da, db) = xs, dxs
    p = pinv(a, rcond=rcond)
    right = db
    if da is not None:
        change = matmul(da, y)
        right = -change if right is None else right - change
    total = matmul(p, right)
    if da is not None:
        back = adjoint(da)
        near = matmul(back, matmul(adjoint(p), y))
        far = matmul(adjoint(p), matmul(back, b - matmul(a, y)))
        total = total + matmul(p, far) + near - matmul(p, matmul(a, near))
    return total


lstsq = differential(
    "lstsq",
    _lstsq,
    _lstsq_differential,
    arity=2,
    params=_RCOND,
    batch=leading(),
    sample=lambda rng: [
        ((x, rng.normal(size=(*x.shape[:-1], k))), {"rcond": None})
        for (x,), _ in rectangular_cases(rng)
        for k in (2,)
        if x.size
    ],
    singular={"a change of rank": "the derivative is that along matrices of the same rank"},
    doc="The y of least length among those that make |a @ y - b| least.",
    public=False,
)

matrix_rank = constant(
    "matrix_rank",
    lambda xp, x, *, tol, rtol, hermitian: xp.asarray(
        xp.linalg.matrix_rank(x, tol, hermitian=hermitian) if rtol is None else xp.linalg.matrix_rank(x, rtol=rtol)
    )[()],
    params={"tol": [None, 0.1], "rtol": [None], "hermitian": [False]},
    batch=leading(),
    sample=lambda rng: [(xs, {"tol": None, "rtol": None, "hermitian": False}) for xs, _ in rectangular_cases(rng)],
    doc="""The number of singular values above ``tol``: an integer, without a derivative.

    >>> import gradtape as gt
    >>> gt.linalg.matrix_rank(gt.asarray([[1.0, 1.0], [1.0, 1.0]]))
    Tensor(1)
    """,
)


# -- Sylvester's equation -------------------------------------------------------------------------------------------


def _solve_sylvester(xp: Any, a: Any, b: Any, q: Any) -> Any:
    from scipy.linalg import solve_sylvester as bartels_stewart  # SciPy is imported when it is first used

    return each(bartels_stewart, a, b, q)


def _sylvester_differential(y: Any, xs: Any, dxs: Any) -> Any:
    a, b, _ = xs
    da, db, right = dxs
    for term in (None if da is None else matmul(da, y), None if db is None else matmul(y, db)):
        if term is not None:
            right = -term if right is None else right - term
    return solve_sylvester(a, b, right)


def _sylvester_vjp(ct: Any, y: Any, a: Any, b: Any, q: Any) -> tuple[Any, Any, Any]:
    w = solve_sylvester(matrix_transpose(a), matrix_transpose(b), ct)
    t = matrix_transpose(y)
    return fold(-matmul(w, t), a), fold(-matmul(t, w), b), fold(w, q)


solve_sylvester = differential(
    "solve_sylvester",
    _solve_sylvester,
    _sylvester_differential,
    vjp=_sylvester_vjp,
    system=(lambda a, y: matmul(a, y), lambda b, y: matmul(y, b)),
    arity=3,
    batch=leading(),
    sample=lambda rng: [
        (tuple([0.3 * rng.normal(size=s) + 1.3 * np.eye(*s[-2:]) for s in (a, b, q)]), {})
        for a, b, q in (((3, 3), (2, 2), (3, 2)), ((1, 1), (1, 1), (1, 1)), ((2, 2, 2), (2, 2), (2, 2, 2)))
    ],
    doc="""The solution y of a @ y + y @ b = q; a and -b may have no eigenvalue in common.

    By Bartels and Stewart's method (1972). Its derivatives are solutions of the same equation.

    >>> import gradtape as gt
    >>> gt.linalg.solve_sylvester(gt.asarray([[1.0]]), gt.asarray([[3.0]]), gt.asarray([[8.0]]))
    Tensor([[2.]])
    """,
)  # fmt: skip
