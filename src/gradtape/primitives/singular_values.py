"""Rows of singular values and vectors: x = U diag(s) V'.

With P = U' dx V, S its Hermitian and K its skew part:  ds = diag(Re P),
U' dU = S_ij / (s_j - s_i) + K_ij / (s_i + s_j),  V' dV = S_ij / (s_j - s_i) - K_ij / (s_i + s_j),
and outside the span of U (of V) what dx says divided by s; Townsend, "Differentiating the singular value
decomposition" (2016), here with the two gaps apart, so that repeated values and zero ones are told from each other.
Of complex vectors the largest entry of each column of U is real.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..rules.batching import leading
from ..rules.kinds import differential
from .complexes import conj, is_complex
from .contractions import matmul
from .gaps import adjoint, column_of, over_gaps, row_of, skew_over_gaps
from .phases import against_turning, phases, turning
from .reductions import sum
from .shapes import on_diagonal
from .spectra import marker, real_diagonal
from .whole import whole


def rectangular_cases(rng: Any) -> list[Any]:
    """Matrices with singular values well apart and well above zero."""
    made: list[Any] = []
    for s in ((3, 3), (4, 2), (2, 3), (2, 3, 2), (1, 1), (0, 2)):
        u, _, vh = np.linalg.svd(rng.normal(size=s), full_matrices=False)
        w = 0.3 + np.cumsum(rng.uniform(0.6, 1.2, (*s[:-2], min(s[-2:]))), axis=-1)[..., ::-1]
        made.append((((u * w[..., None, :]) @ vh,), {}))
    return made


def _svd(xp: Any, x: Any) -> Any:
    u, s, vh = xp.linalg.svd(x, full_matrices=False)
    if is_complex(u) and u.size:
        turn = phases(xp, u)
        return u * turn, s, vh * xp.conj(xp.swapaxes(turn, -1, -2))
    return u, s, vh


def _svd_differential(y: Any, xs: Any, dxs: Any) -> Any:
    (u, s, vh), d = y, dxs[0]
    v = adjoint(vh)
    right = matmul(d, v)
    p = matmul(adjoint(u), right)
    even = over_gaps((p + adjoint(p)) * 0.5, s, sign=-1, missing="nan")
    odd = over_gaps((p - adjoint(p)) * 0.5, s, sign=1, missing="nan")
    du, dv = matmul(u, even + odd), matmul(v, even - odd)
    m, n = xs[0].shape[-2:]
    if m > n:
        du = du + (right - matmul(u, p)) / row_of(s)
    if n > m:
        dv = dv + (matmul(adjoint(d), u) - matmul(v, adjoint(p))) / row_of(s)
    if is_complex(u):
        turn = turning(du, u) * 1j
        du, dv = du - u * turn, dv - v * turn
    return du, real_diagonal(p), adjoint(dv)


def _svd_vjp(ct: Any, y: Any, x: Any) -> tuple[Any]:
    (u, s, vh), (ct_u, ct_s, ct_vh) = y, ct
    v, (m, n) = adjoint(vh), x.shape[-2:]
    if ct_u is None and ct_vh is None and not isinstance(x, np.ndarray):
        return (singular(x, ct_s),)  # on the record it says what it is, for the next derivative
    ct_v = None if ct_vh is None else adjoint(ct_vh)
    if is_complex(u):
        ct_u = 0.0 * u if ct_u is None else ct_u
        ct_u = against_turning(ct_u, u, 0.0 if ct_v is None else sum(conj(ct_v) * v, axis=-2, keepdims=True))
    k_u = None if ct_u is None else matmul(adjoint(u), ct_u)
    k_v = None if ct_v is None else matmul(vh, ct_v)
    middle: Any = None
    if ct_s is not None:
        middle = on_diagonal(ct_s, offset=0, shape=(min(m, n), min(m, n)))
    parts = [k for k in (k_u, k_v) if k is not None]
    if parts:
        both = parts[0] if len(parts) == 1 else parts[0] + parts[1]
        apart = parts[0] - parts[1] if len(parts) == 2 else parts[0] if k_v is None else -parts[0]
        turn = 0.5 * (
            skew_over_gaps(both, s, sign=-1, coupled=ct_s is not None) + skew_over_gaps(apart, s, sign=1, coupled=False)
        )
        middle = turn if middle is None else middle + turn
    total = matmul(u, matmul(middle, vh))
    if m > n and ct_u is not None:
        total = total + matmul((ct_u - matmul(u, k_u)) / row_of(s), vh)
    if n > m and ct_v is not None:
        total = total + matmul(u, adjoint((ct_v - matmul(v, k_v)) / row_of(s)))
    return (total,)


svd = differential(
    "svd",
    _svd,
    _svd_differential,
    vjp=_svd_vjp,
    outputs=3,
    batch=leading(),
    sample=rectangular_cases,
    singular={"repeated or zero singular values": "of vectors: 0 where the choice does not matter, else an error"},
    doc="U, s, V' of x = U diag(s) V', s descending, as many as the shorter side.",
    public=False,
)

singular_values = marker("singular_values", 1, "Singular values as they are: on the record, whose they are.")
left_vectors = marker("left_vectors", 2, "Left singular vectors as they are: on the record, whose they are.")
right_vectors = marker("right_vectors", 2, "V' as it is: on the record, whose it is.")


# -- singular values alone ------------------------------------------------------------------------------------------


def _svdvals_differential(y: Any, xs: Any, dxs: Any) -> Any:
    u, _, vh = svd(xs[0])
    return real_diagonal(matmul(adjoint(u), matmul(dxs[0], adjoint(vh))))


def _svdvals_vjp(ct: Any, y: Any, x: Any) -> tuple[Any]:
    return (singular(x, ct),)


svdvals = differential(
    "svdvals",
    lambda xp, x: xp.linalg.svd(x, compute_uv=False),
    _svdvals_differential,
    vjp=_svdvals_vjp,
    met=whole(1, lambda i: 2),
    batch=leading(),
    sample=rectangular_cases,
    singular={"repeated singular values": "sums of f(s) are right to every order; single ones: u v'"},
    doc="""The singular values, descending; their derivatives are u_i' dx v_i.

    Sums ``sum(f(svdvals(x)))`` of an element-wise f are smooth where values are repeated, and so are their
    derivatives here, to every order.  At a value of zero the derivative is one of the subgradients.

    >>> import gradtape as gt
    >>> gt.linalg.svdvals(gt.asarray([[0.0, 2.0], [1.0, 0.0]]))
    Tensor([2., 1.])
    """,
)


def _singular(xp: Any, x: Any, g: Any) -> Any:
    if is_complex(g):
        raise TypeError("the factors of singular vectors in a spectral function are real")
    u, _, vh = _svd(xp, x)
    return (u * g[..., None, :]) @ vh


def _singular_differential(y: Any, xs: Any, dxs: Any) -> Any:
    """With W = diag(g): d(U W V') = U (A W - W B) V' and what lies outside, A = U' dU, B = V' dV."""
    (x, g), (d, dg) = xs, dxs
    u, s, vh = svd(x)
    middle: Any = None
    outside: Any = None
    if d is not None:
        v, (m, n) = adjoint(vh), x.shape[-2:]
        right = matmul(d, v)
        p = matmul(adjoint(u), right)
        even = over_gaps((p + adjoint(p)) * 0.5, s, sign=-1, missing="nan") * (row_of(g) - column_of(g))
        odd = over_gaps((p - adjoint(p)) * 0.5, s, sign=1, missing="nan") * (row_of(g) + column_of(g))
        middle = even + odd
        if m > n:
            outside = matmul((right - matmul(u, p)) * row_of(g / s), vh)
        elif n > m:
            outside = matmul(u, (matmul(adjoint(u), d) - matmul(p, vh)) * column_of(g / s))
    if dg is not None:
        straight = on_diagonal(dg, offset=0, shape=(s.shape[-1],) * 2)
        middle = straight if middle is None else middle + straight
    y = matmul(u, matmul(middle, vh))
    return y if outside is None else y + outside


def _singular_vjp(ct: Any, y: Any, x: Any, g: Any) -> tuple[Any, Any]:
    """The differential is its own transpose."""
    c = conj(ct) if is_complex(ct) else ct
    u, s, vh = svd(x)
    v, (m, n) = adjoint(vh), x.shape[-2:]
    right = matmul(c, v)
    p = matmul(adjoint(u), right)
    even = over_gaps((p + adjoint(p)) * 0.5, s, sign=-1, missing="error") * (row_of(g) - column_of(g))
    odd = over_gaps((p - adjoint(p)) * 0.5, s, sign=1, missing="error") * (row_of(g) + column_of(g))
    back = matmul(u, matmul(even + odd, vh))
    if m > n:
        back = back + matmul((right - matmul(u, p)) * row_of(g / s), vh)
    elif n > m:
        back = back + matmul(u, (matmul(adjoint(u), c) - matmul(p, vh)) * column_of(g / s))
    return (conj(back) if is_complex(back) else back), real_diagonal(p)


singular = differential(
    "singular",
    _singular,
    _singular_differential,
    vjp=_singular_vjp,
    met=whole(2, lambda i: 2 - i),
    arity=2,
    batch=leading(2, 1),
    sample=lambda rng: [
        ((x, rng.normal(size=(*x.shape[:-2], min(x.shape[-2:])))), {}) for (x,), _ in rectangular_cases(rng)
    ],
    singular={"repeated singular values": "right where g is recognised as f(singular values); else nan, or an error"},
    doc="U diag(g) V' with the singular vectors of x: what singular values hand back.",
    public=False,
)
