"""Polynomials by NumPy's names: a row of coefficients, the highest power first, places differentiable."""

from __future__ import annotations

from operator import index
from typing import Any

import numpy as np

from ..errors import ShapeError, message
from ..primitives.complexes import real
from ..primitives.norms import norm
from ..record import sites
from ..record.tensor import Tensor, read
from .casting import cast
from .contractions import matmul
from .convolution import convolve
from .creation import asarray, zeros_like
from .decompositions import lstsq
from .joining import concat
from .linalg import eigvals, inv
from .ranges import vander
from .reductions import sum, tensor

_gradtape_composes = True

__all__ = ["poly", "polyadd", "polyder", "polydiv", "polyfit", "polyint", "polymul", "polysub", "polyval", "roots"]


def _row(p: Any, asked: str) -> Tensor:
    """The coefficients as one row."""
    p = tensor(p)
    p = p.reshape(1) if p.ndim == 0 else p
    if p.ndim != 1:
        raise ShapeError(
            message(
                f"{asked}: coefficients of shape {p.shape}",
                where=str(sites.user_line()),
                remedy="Pass one row of coefficients, the highest power first.",
            )
        )
    return p


def _floating(p: Tensor) -> Tensor:
    return p if p.dtype.kind in "fc" else cast(p, np.float64)


def _degree(m: Any, asked: str) -> int:
    m = index(m)
    if m < 0:
        raise ValueError(message(f"{asked}: m={m} is negative", where=str(sites.user_line())))
    return m


def polyval(p: Any, x: Any) -> Tensor:
    """The value of a polynomial at ``x``: p_0 x**(n-1) + ... + p_(n-1), by Horner's rule.

    ``x`` may have any shape; it is values, never another polynomial (there is no ``poly1d`` here).

    >>> import gradtape as gt
    >>> gt.polyval([3.0, 0.0, 1.0], 5.0)
    Tensor(76.0)
    """
    p, x = _row(p, "polyval"), tensor(x)
    y = zeros_like(x)
    for k in range(p.size):
        y = y * x + p[k]
    return y


def polyadd(a1: Any, a2: Any) -> Tensor:
    """The sum of two polynomials.

    >>> import gradtape as gt
    >>> gt.polyadd([1.0, 2.0], [9.0, 5.0, 4.0])
    Tensor([9., 6., 6.])
    """
    a, b = _padded(_row(a1, "polyadd"), _row(a2, "polyadd"))
    return a + b


def polysub(a1: Any, a2: Any) -> Tensor:
    """The difference of two polynomials.

    >>> import gradtape as gt
    >>> gt.polysub([2.0, 10.0, -2.0], [3.0, 10.0, -4.0])
    Tensor([-1.,  0.,  2.])
    """
    a, b = _padded(_row(a1, "polysub"), _row(a2, "polysub"))
    return a - b


def _padded(a: Tensor, b: Tensor) -> tuple[Tensor, Tensor]:
    """Both with as many coefficients: zeros in front of the shorter one."""
    n = max(a.size, b.size)
    longer = [p if p.size == n else concat([np.zeros(n - p.size, p.dtype), p]) for p in (a, b)]
    return longer[0], longer[1]


def polymul(a1: Any, a2: Any) -> Tensor:
    """The product of two polynomials: the convolution of their coefficients.

    >>> import gradtape as gt
    >>> gt.polymul([1.0, 2.0, 3.0], [9.0, 5.0, 1.0])
    Tensor([ 9., 23., 38., 17.,  3.])
    """
    return convolve(_row(a1, "polymul"), _row(a2, "polymul"))


def polydiv(u: Any, v: Any) -> tuple[Tensor, Tensor]:
    """Quotient and remainder of polynomials: u = q v + r, by long division.

    >>> import gradtape as gt
    >>> gt.polydiv([3.0, 5.0, 2.0], [2.0, 1.0])
    (Tensor([1.5 , 1.75]), Tensor([0.25]))
    """
    r, v = _floating(_row(u, "polydiv")), _floating(_row(v, "polydiv"))
    places = r.size - v.size + 1
    if places < 1:
        return zeros_like(r[:1] + v[:1]), r
    parts: list[Tensor] = []
    for _ in range(places):
        share = r[0] / v[0]
        parts.append(share.reshape(1))
        r = concat([r[1 : v.size] - share * v[1:], r[v.size :]])
    # NumPy's remainder has no zeros in front, but at least one coefficient.
    values = read(r, "polydiv()")
    first = np.flatnonzero(np.abs(values) > 1e-14)
    r = r[first[0] :] if first.size else zeros_like(v[:1])
    return concat(parts), r


def polyder(p: Any, m: int = 1) -> Tensor:
    """The coefficients of the ``m``-th derivative.

    >>> import gradtape as gt
    >>> gt.polyder([1.0, 1.0, 1.0, 1.0])
    Tensor([3., 2., 1.])
    """
    p = _row(p, "polyder")
    for _ in range(_degree(m, "polyder")):
        p = p[:-1] * np.arange(p.size - 1, 0, -1, dtype=p.dtype if p.dtype.kind in "iufc" else None)
    return p


def polyint(p: Any, m: int = 1, k: Any = None) -> Tensor:
    """The coefficients of the ``m``-th integral, with the constants ``k`` (0 unless told otherwise).

    >>> import gradtape as gt
    >>> gt.polyint([1.0, 1.0, 1.0], k=3.0)
    Tensor([0.33333333, 0.5       , 1.        , 3.        ])
    """
    p, m = _floating(_row(p, "polyint")), _degree(m, "polyint")
    constants = zeros_like(p, shape=(m,)) if k is None else _row(k, "polyint")
    if constants.size == 1 and m > 1:
        constants = concat([constants] * m)
    if constants.size != m:
        raise ShapeError(
            message(
                f"polyint: {constants.size} constants for {m} integrals",
                where=str(sites.user_line()),
                remedy="Give one for all, or one for each integral.",
            )
        )
    for i in range(m):
        p = concat([p / np.arange(p.size, 0, -1, dtype=p.dtype), constants[i : i + 1]])
    return p


def poly(seq_of_zeros: Any) -> Tensor:
    """The coefficients of the polynomial with these zeros and first coefficient 1; of a matrix, the characteristic one.

    The zeros of a matrix are its eigenvalues.  Complex zeros that come in conjugate pairs give real coefficients.

    >>> import gradtape as gt
    >>> gt.poly([-1.0, 1.0, 2.0])
    Tensor([ 1., -2., -1.,  2.])
    """
    z = _floating(tensor(seq_of_zeros))
    if z.ndim == 2 and z.shape[0] == z.shape[1]:
        z = eigvals(z)
    z = _row(z, "poly")
    y = asarray(np.ones(1, z.dtype))
    for i in range(z.size):
        y = concat([y, np.zeros(1, y.dtype)]) - concat([np.zeros(1, y.dtype), y * z[i]])
    if y.dtype.kind == "c":
        values = read(z, "poly()")
        if np.array_equal(np.sort(values), np.sort(values.conj())):
            y = real(y)
    return y


def roots(p: Any) -> Tensor:
    """The zeros of a polynomial, complex: the eigenvalues of its companion matrix. Differentiable where they differ.

    Zeros in front of the first and behind the last coefficient that is not 0 are taken off, the latter each a root 0.

    >>> import gradtape as gt
    >>> gt.sort(gt.real(gt.roots([1.0, -3.0, 2.0])))
    Tensor([1., 2.])
    """
    p = _floating(_row(p, "roots"))
    there = np.flatnonzero(read(p, "roots()"))
    if not there.size:
        return asarray(np.zeros(0, np.result_type(p.dtype, np.complex64)))
    last = p.size - 1 - int(there[-1])
    p = p[int(there[0]) : int(there[-1]) + 1]
    zeros = np.zeros(last, np.result_type(p.dtype, np.complex64))
    n = p.size - 1
    if not n:
        return asarray(zeros)
    below = np.eye(n - 1, n, dtype=p.dtype)
    found = eigvals(concat([(-p[1:] / p[0]).reshape(1, n), below]))
    return concat([found, zeros]) if last else found


def polyfit(
    x: Any, y: Any, deg: int, rcond: float | None = None, full: bool = False, w: Any = None, cov: Any = False
) -> Any:
    """The polynomial of degree ``deg`` that fits ``y`` at ``x`` best in least squares; ``w`` weighs the distances.

    ``y`` may have columns.  With ``full`` also residuals, rank, singular values and rcond; with ``cov`` (True, or
    "unscaled") also the covariance of the coefficients.

    >>> import gradtape as gt
    >>> gt.round(gt.polyfit([0.0, 1.0, 2.0], gt.asarray([1.0, 3.0, 7.0]), 2), 12)
    Tensor([1., 1., 1.])
    """
    x, y = _floating(_row(x, "polyfit")), _floating(tensor(y))
    if y.ndim not in (1, 2) or y.shape[0] != x.size or not x.size:
        raise ShapeError(message(f"polyfit: {x.size} places, values of shape {y.shape}", where=str(sites.user_line())))
    n = _degree(deg, "polyfit") + 1
    rcond = x.size * float(np.finfo(x.dtype).eps) if rcond is None else rcond
    a, b = vander(x, n), y
    if w is not None:
        w = _row(w, "polyfit")
        a, b = a * w.reshape(-1, 1), b * (w.reshape(-1, 1) if b.ndim == 2 else w)
    scale = norm(a, axis=0, keepdims=False)
    found = lstsq(a / scale, b, rcond)
    c = found.x / (scale.reshape(-1, 1) if b.ndim == 2 else scale)
    if full:
        return c, *found[1:], rcond
    if not cov:
        return c
    base = inv(matmul(a.mT, a))
    base = base if y.ndim == 1 else base.reshape(n, n, 1)
    if cov == "unscaled":
        return c, base
    if x.size <= n:
        raise ValueError(
            message(
                f"polyfit: {x.size} points and {n} coefficients leave nothing to estimate a covariance from",
                where=str(sites.user_line()),
                remedy='Give more points, or cov="unscaled".',
            )
        )
    apart = b - matmul(a, c)
    spread = sum(apart * apart, 0) / (x.size - n)
    return c, base * spread
