"""Rows of the eigenvalues and eigenvectors of any square matrix: complex results.

With P = V^-1 dx V:  dw = diag(P), dV = V (P_ij / (w_j - w_i)), less what would change the length of a vector or the
phase of its largest entry, which is real and positive.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..rules.batching import leading
from ..rules.kinds import differential
from .complexes import conj, real
from .contractions import matmul
from .factorizations import solve
from .gaps import over_gaps
from .phases import phases, turning
from .reductions import sum
from .shapes import diagonal


def _wide(xp: Any, y: Any, x: Any) -> Any:
    return y.astype(xp.complex64 if x.dtype in (np.dtype("float32"), np.dtype("complex64")) else xp.complex128)


def _eig(xp: Any, x: Any) -> Any:
    w, v = xp.linalg.eig(x)
    v = _wide(xp, v, x)
    return _wide(xp, w, x), (v * phases(xp, v) if v.size else v)


def _turned(v: Any, d: Any) -> Any:
    """V^-1 d V."""
    return solve(v, matmul(d, v))


def _eig_differential(y: Any, xs: Any, dxs: Any) -> Any:
    w, v = y
    p = _turned(v, dxs[0])
    dv = matmul(v, over_gaps(p, w, sign=-1, missing="nan"))
    dv = dv - v * real(sum(conj(v) * dv, axis=-2, keepdims=True))
    return diagonal(p, offset=0), dv - v * turning(dv, v) * 1j


def _general_cases(rng: Any) -> list[Any]:
    made: list[Any] = []
    for s in ((3, 3), (1, 1), (2, 2, 2)):
        x = 0.3 * rng.normal(size=s) + np.diag(np.arange(s[-1]) * 1.5 - 1.0)
        made.append(((x,), {}))
    turning = np.array([[0.5, 1.3, 0.1], [-0.9, 0.3, 0.2], [0.2, -0.1, 1.9]])
    return [*made, ((turning,), {})]


eig = differential(
    "eig",
    _eig,
    _eig_differential,
    outputs=2,
    batch=leading(),
    sample=_general_cases,
    singular={"repeated eigenvalues": "of eigenvectors: an error, or nan in tangents"},
    doc="Complex eigenvalues and eigenvectors of length 1, the largest entry of each real and positive.",
    public=False,
)

eigvals = differential(
    "eigvals",
    lambda xp, x: _wide(xp, xp.linalg.eigvals(x), x),
    lambda y, xs, dxs: diagonal(_turned(eig(xs[0])[1], dxs[0]), offset=0),
    batch=leading(),
    sample=_general_cases,
    singular={"repeated eigenvalues": "one of the possible first derivatives, if there are as many eigenvectors"},
    doc="""The complex eigenvalues of each square matrix, in LAPACK's order; dw_i = (V^-1 dx V)_ii.

    >>> import gradtape as gt
    >>> gt.linalg.eigvals(gt.asarray([[0.0, 1.0], [-4.0, 0.0]]))
    Tensor([0.+2.j, 0.-2.j])
    """,
)
