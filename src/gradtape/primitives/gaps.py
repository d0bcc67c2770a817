"""Rows that divide by gaps between eigenvalues: y_ij = x_ij / (w_j - w_i), and what becomes of repeated ones.

An eigenvector of a repeated eigenvalue is not determined, so it has no derivative.  A function of all of them that
does not depend on the choice may have one, and the numerator x_ij of its derivative then vanishes with the gap: the
quotient is taken to be zero.  Where the numerator does not vanish the rows say which pair it is (in reverse mode), or
give nan (tangents).  They never pass off a number that the values do not determine; the spectral functions that are
smooth there, f(A) and its like, are recognised on the record before these rows are asked (numpy/spectral_programs.py).
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..errors import DegenerateError, message
from ..rules.batching import leading, one_by_one
from ..rules.kinds import constant, differential
from .complexes import conj, is_complex, real
from .contractions import matrix_transpose
from .reductions import sum
from .shapes import reshape

#: Eigenvalues nearer than this many roundings of the largest one, times the order of the matrix, are repeated.
ROUNDINGS = 16
#: A numerator above this part of the largest one has not vanished.
VANISHED = 1e-8


def adjoint(x: Any) -> Any:
    """The conjugate transpose."""
    return matrix_transpose(conj(x) if is_complex(x) else x)


def row_of(w: Any) -> Any:
    """w as a row that scales columns."""
    return reshape(w, shape=(*w.shape[:-1], 1, w.shape[-1]))


def column_of(w: Any) -> Any:
    """w as a column that scales rows."""
    return reshape(w, shape=(*w.shape, 1))


def spacing(xp: Any, w: Any) -> Any:
    """The distance at which eigenvalues, or singular values, count as one."""
    dtype = w.real.dtype
    largest = xp.max(xp.abs(w), axis=-1, keepdims=True, initial=0.0)
    return (ROUNDINGS * w.shape[-1] * np.finfo(dtype).eps) * largest


def _denominators(xp: Any, w: Any, sign: int) -> tuple[Any, Any]:
    """w_j + sign w_i, and where that counts as zero off the diagonal (on it too for the sums)."""
    d = w[..., None, :] + sign * w[..., :, None]
    close = xp.abs(d) <= spacing(xp, w)[..., None]
    if sign < 0:
        close = close & ~np.eye(w.shape[-1], dtype=bool)
    return d, close


def _refuse(kind: str, w: Any, bad: Any, sign: int) -> DegenerateError:
    *_, i, j = (int(a[0]) for a in np.nonzero(bad))
    first = np.reshape(w, (-1, w.shape[-1]))[int(np.nonzero(np.reshape(bad, (-1, *bad.shape[-2:])))[0][0])]
    if sign > 0:
        what, found = "vectors of singular values that are zero", f"s[{i}] = {first[i]:.6g}, s[{j}] = {first[j]:.6g}"
    else:
        what, found = (
            "vectors of repeated values",
            f"w[{i}] = {first[i]:.17g} and w[{j}] = {first[j]:.17g} count as one",
        )
    why = {
        "numerator": "The function depends on which vectors are taken from their common space.",
        "coupled": "Vectors and values both enter, in a way that is not recognised as one function of the matrix.",
        "derivative": "This derivative is not determined by the values on the record.",
    }[kind]
    return DegenerateError(
        message(
            f"the derivative with respect to {what} is not determined",
            [found, why],
            remedy="Write what is meant as a function of the matrix (sum(f(eigvalsh(A))), (V * f(w)) @ V.T, "
            "(U * f(s)) @ Vh, gt.linalg.funm(A, f)), or move the matrix off this point.",
        )
    )


def _over_gaps(xp: Any, x: Any, w: Any, *, sign: int, missing: str) -> Any:
    d, close = _denominators(xp, w, sign)
    zero = close | (d == 0)
    y = xp.where(zero, 0, x) / xp.where(zero, 1, d)
    if not np.any(close):
        return y
    if missing == "nan":
        return xp.where(close, math.nan, y)
    if missing == "error":
        bad = close & ~(xp.abs(x) <= VANISHED * xp.max(xp.abs(x), initial=0.0))
        if np.any(bad):
            raise _refuse("derivative", w, bad, sign)
    return y


def _over_gaps_vjp(ct: Any, y: Any, x: Any, w: Any, *, sign: int, missing: str) -> tuple[Any, Any]:
    c = over_gaps(ct, w, sign=sign, missing="error")
    return c, _to_values(c * y, w, sign)


def _to_values(t: Any, w: Any, sign: int) -> Any:
    """What the quotients hand back to w."""
    t = real(t) if is_complex(t) and not is_complex(w) else t
    return -(sum(t, axis=-2) + sign * sum(t, axis=-1))


def _numerator(y: Any, dxs: Any, sign: int) -> Any:
    dx, dw = dxs
    if dw is None:
        return dx
    change = y * (row_of(dw) + sign * column_of(dw))
    return -change if dx is None else dx - change


def _over_gaps_differential(y: Any, xs: Any, dxs: Any, *, sign: int, missing: str) -> Any:
    return over_gaps(_numerator(y, dxs, sign), xs[1], sign=sign, missing="nan")


apart = constant(
    "apart",
    lambda xp, w, *, sign: xp.logical_not(xp.any(_denominators(xp, w, sign)[1])),
    params={"sign": [-1, 1]},
    batch=one_by_one,
    sample=lambda rng: [((np.array([1.0, 2.0, 4.0]),), {"sign": sign}) for sign in (-1, 1)],
    doc="Whether no two of w count as one (sign 1: no w_i + w_j as zero).",
    public=False,
)


def _over_gaps_quotient(y: Any, xs: Any, dxs: Any, *, sign: int, missing: str) -> Any:
    """The same by a division, whose series it is: where no two values count as one."""
    w = xs[1]
    if not apart(w, sign=sign):
        return None
    eye = np.eye(w.shape[-1], dtype=w.dtype) * (sign < 0)
    return _numerator(y, dxs, sign) * (1 - eye) / (row_of(w) + sign * column_of(w) + eye)


def _cases(rng: Any) -> list[Any]:
    return [
        ((rng.normal(size=(*s, s[-1])), np.cumsum(rng.uniform(0.5, 1.5, s), axis=-1)), {"sign": sign, "missing": "nan"})
        for s in ((3,), (1,), (2, 3))
        for sign in (-1, 1)
    ]


over_gaps = differential(
    "over_gaps",
    _over_gaps,
    _over_gaps_differential,
    quotient=_over_gaps_quotient,
    vjp=_over_gaps_vjp,
    arity=2,
    params={"sign": [-1, 1], "missing": ["nan", "error"]},
    batch=leading(2, 1),
    sample=_cases,
    singular={"repeated values": "nan in tangents; in reverse mode 0 where the numerator vanishes, else an error"},
    doc="x_ij / (w_j + sign w_i), zero on the diagonal for sign = -1.",
    public=False,
)


def _skew_over_gaps(xp: Any, k: Any, w: Any, *, sign: int, coupled: bool) -> Any:
    x = k - xp.conj(xp.swapaxes(k, -1, -2))
    d, close = _denominators(xp, w, sign)
    zero = close | (d == 0)
    if np.any(close):
        size = xp.max(xp.abs(k), axis=(-2, -1), keepdims=True, initial=0.0)
        bad = close & ~(xp.abs(x) <= VANISHED * size)
        if np.any(bad):
            raise _refuse("numerator", w, bad, sign)
        if coupled and sign < 0:
            bad = close & ~(xp.abs(k) <= VANISHED * size)
            if np.any(bad):
                raise _refuse("coupled", w, bad, sign)
    return xp.where(zero, 0, x) / xp.where(zero, 1, d)


def _skew_vjp(ct: Any, y: Any, k: Any, w: Any, *, sign: int, coupled: bool) -> tuple[Any, Any]:
    c = over_gaps(ct, w, sign=sign, missing="error")
    return c - adjoint(c), _to_values(c * y, w, sign)


def _skew_differential(y: Any, xs: Any, dxs: Any, *, sign: int, coupled: bool) -> Any:
    (_, w), (dk, dw) = xs, dxs
    top = None if dk is None else dk - adjoint(dk)
    if dw is not None:
        change = y * (row_of(dw) + sign * column_of(dw))
        top = -change if top is None else top - change
    return over_gaps(top, w, sign=sign, missing="nan")


skew_over_gaps = differential(
    "skew_over_gaps",
    _skew_over_gaps,
    _skew_differential,
    vjp=_skew_vjp,
    arity=2,
    params={"sign": [-1, 1], "coupled": [False, True]},
    batch=leading(2, 1),
    sample=lambda rng: [(xs, {"sign": p["sign"], "coupled": False}) for xs, p in _cases(rng)],
    singular={"repeated values": "0 where k is Hermitian there (and zero, if the values enter too), else an error"},
    doc="(k - k')_ij / (w_j + sign w_i): what a rotation of eigenvectors is handed back from k = V' ct.",
    public=False,
)


# -- whether values lie near each other --------------------------------------------------------------------------

#: Where two of n values are nearer than NEAR / n times the largest, derivatives go by divided differences.
NEAR = 1e-2


def ascending_values(x: Any, symmetric: bool) -> Any:
    """Eigenvalues of the Hermitian part of x, or its singular values, ascending."""
    if symmetric:
        return np.linalg.eigvalsh((x + np.conj(np.swapaxes(x, -1, -2))) / 2)
    return np.linalg.svd(x, compute_uv=False)[..., ::-1]


def _lie_near(xp: Any, x: Any, *, symmetric: bool) -> Any:
    if not x.size:
        return np.zeros(x.shape[:-2], bool)[()]
    w = ascending_values(x, symmetric)
    limit = NEAR / w.shape[-1] * np.max(np.abs(w), axis=-1, keepdims=True)
    near = np.any(np.diff(w, axis=-1) <= limit, axis=-1)
    return near if symmetric else near | np.any(w[..., :1] <= limit, axis=-1)


lie_near = constant(
    "lie_near",
    _lie_near,
    params={"symmetric": [True, False]},
    batch=leading(2),
    sample=lambda rng: [((rng.normal(size=s),), {"symmetric": s[-1] == s[-2]}) for s in ((3, 3), (2, 3), (4, 2, 2))],
    doc="Whether two eigenvalues of a Hermitian matrix, or two singular values (or one and 0), lie near each other.",
    public=False,
)
