"""Rows of symmetric (Hermitian) eigenvalues and eigenvectors, and of their values alone.

With x = V diag(w) V' and P = V' dx V:  dw = diag(P), dV = V (P_ij / (w_j - w_i)); Giles, "Collected matrix derivative
results" (2008).  What repeated eigenvalues leave undetermined is told in ``gaps``.  The results of ``eigh`` pass
through two rows that do nothing, ``eigenvalues`` and ``eigenvectors``: by them peepholes know what a product is of.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..rules.batching import leading
from ..rules.kinds import differential, linear
from .complexes import conj, is_complex, real
from .contractions import matmul
from .gaps import adjoint, column_of, over_gaps, row_of, skew_over_gaps
from .phases import against_turning, phases, turning
from .shapes import diagonal, on_diagonal
from .whole import whole


def hermitian(xp: Any, x: Any) -> Any:
    """(x + x') / 2."""
    return (x + xp.conj(xp.swapaxes(x, -1, -2))) / 2


def real_diagonal(x: Any) -> Any:
    """The real parts of the diagonal."""
    d = diagonal(x, offset=0)
    return real(d) if is_complex(d) else d


def symmetric_cases(rng: Any) -> list[Any]:
    """Matrices, not quite symmetric, with eigenvalues well apart."""
    made: list[Any] = []
    for s in ((3, 3), (1, 1), (2, 3, 3), (0, 0)):
        q, _ = np.linalg.qr(rng.normal(size=s)) if s[-1] else (np.zeros(s), None)
        w = np.cumsum(rng.uniform(0.6, 1.4, s[:-1]), axis=-1) - 1.5
        made.append((((q * w[..., None, :]) @ np.swapaxes(q, -1, -2) + 0.02 * rng.normal(size=s),), {}))
    return made


# -- eigh -----------------------------------------------------------------------------------------------------------


def _eigh(xp: Any, x: Any) -> Any:
    w, v = xp.linalg.eigh(hermitian(xp, x))
    return w, (v * phases(xp, v) if is_complex(v) and v.size else v)


def _eigh_differential(y: Any, xs: Any, dxs: Any) -> Any:
    w, v = y
    d = dxs[0]
    turned = matmul(adjoint(v), matmul((d + adjoint(d)) * 0.5, v))
    dv = matmul(v, over_gaps(turned, w, sign=-1, missing="nan"))
    return real_diagonal(turned), dv - v * turning(dv, v) * 1j if is_complex(v) else dv


def _eigh_vjp(ct: Any, y: Any, x: Any) -> tuple[Any]:
    (w, v), (ct_w, ct_v) = y, ct
    if ct_v is None and not isinstance(x, np.ndarray):
        return (spectral(x, ct_w),)  # on the record it says what it is, for the next derivative
    middle: Any = None
    if ct_w is not None:
        middle = on_diagonal(ct_w, offset=0, shape=x.shape[-2:])
    if ct_v is not None:
        ct_v = against_turning(ct_v, v) if is_complex(v) else ct_v
        turn = 0.5 * skew_over_gaps(matmul(adjoint(v), ct_v), w, sign=-1, coupled=ct_w is not None)
        middle = turn if middle is None else middle + turn
    return (matmul(v, matmul(middle, adjoint(v))),)


eigh = differential(
    "eigh",
    _eigh,
    _eigh_differential,
    vjp=_eigh_vjp,
    outputs=2,
    batch=leading(),
    sample=symmetric_cases,
    singular={"repeated eigenvalues": "of eigenvectors: 0 where the choice does not matter, else an error; see gaps"},
    doc="Eigenvalues, ascending, and eigenvectors of (x + x')/2, the largest entry of each complex one real.",
    public=False,
)


def marker(name: str, core: int, doc: str) -> Any:
    return linear(
        name,
        lambda xp, part, x: part,
        lambda ct, part, x: ct,
        None,
        batch=leading(core, 2),
        sample=lambda rng: [
            ((rng.normal(size=(2,) * core), np.eye(2)), {}),
            ((rng.normal(size=(1, *(2,) * core)), np.ones((1, 2, 2))), {}),
        ],
        doc=doc,
        public=False,
    )


eigenvalues = marker("eigenvalues", 1, "Eigenvalues as they are: on the record, whose they are.")
eigenvectors = marker("eigenvectors", 2, "Eigenvectors as they are: on the record, whose they are.")


# -- eigenvalues alone ----------------------------------------------------------------------------------------------


def _eigvalsh_differential(y: Any, xs: Any, dxs: Any) -> Any:
    _, v = eigh(xs[0])
    d = dxs[0]
    return real_diagonal(matmul(adjoint(v), matmul((d + adjoint(d)) * 0.5, v)))


def _eigvalsh_vjp(ct: Any, y: Any, x: Any) -> tuple[Any]:
    return (spectral(x, ct),)


eigvalsh = differential(
    "eigvalsh",
    lambda xp, x: xp.linalg.eigvalsh(hermitian(xp, x)),
    _eigvalsh_differential,
    vjp=_eigvalsh_vjp,
    met=whole(1, lambda i: 2),
    batch=leading(),
    sample=symmetric_cases,
    singular={"repeated eigenvalues": "sums of f(eigenvalues) are right to every order; single ones: v v'"},
    doc="""The eigenvalues of (x + x')/2, ascending; their derivatives are v_i' dx v_i.

    Sums ``sum(f(eigvalsh(x)))`` of an element-wise f are smooth where eigenvalues are repeated, and so are their
    derivatives here, to every order.

    >>> import gradtape as gt
    >>> x = gt.asarray([[2.0, 0.0], [0.0, 2.0]])
    >>> with gt.GradientTape() as tape:
    ...     y = gt.sum(gt.linalg.eigvalsh(x) ** 3)
    >>> tape.gradient(y, x)
    Tensor([[12.,  0.],
            [ 0., 12.]])
    """,
)


def _spectral(xp: Any, x: Any, g: Any) -> Any:
    if is_complex(g):
        raise TypeError("the factors of eigenvectors in a spectral function are real")
    _, v = _eigh(xp, x)
    return (v * g[..., None, :]) @ xp.conj(xp.swapaxes(v, -1, -2))


def _spectral_differential(y: Any, xs: Any, dxs: Any) -> Any:
    (x, g), (d, dg) = xs, dxs
    w, v = eigh(x)
    middle: Any = None
    if d is not None:
        turned = matmul(adjoint(v), matmul((d + adjoint(d)) * 0.5, v))
        middle = over_gaps(turned, w, sign=-1, missing="nan") * (row_of(g) - column_of(g))
    if dg is not None:
        straight = on_diagonal(dg, offset=0, shape=x.shape[-2:])
        middle = straight if middle is None else middle + straight
    return matmul(v, matmul(middle, adjoint(v)))


def _spectral_vjp(ct: Any, y: Any, x: Any, g: Any) -> tuple[Any, Any]:
    c = conj(ct) if is_complex(ct) else ct
    w, v = eigh(x)
    turned = matmul(adjoint(v), matmul((c + adjoint(c)) * 0.5, v))
    middle = over_gaps(turned, w, sign=-1, missing="error") * (row_of(g) - column_of(g))
    back = matmul(v, matmul(middle, adjoint(v)))
    return (conj(back) if is_complex(back) else back), real_diagonal(turned)


spectral = differential(
    "spectral",
    _spectral,
    _spectral_differential,
    vjp=_spectral_vjp,
    met=whole(2, lambda i: 2 - i),
    arity=2,
    batch=leading(2, 1),
    sample=lambda rng: [((x, rng.normal(size=x.shape[:-1])), {}) for (x,), _ in symmetric_cases(rng)],
    singular={"repeated eigenvalues": "right where g is recognised as f(eigenvalues); else nan, or an error"},
    doc="V diag(g) V' with the eigenvectors V of (x + x')/2: what eigenvalues hand back.",
    public=False,
)
