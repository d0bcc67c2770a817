"""How the rows of special functions get their values: SciPy's functions, imported when first called, or own ones.

What SciPy has is SciPy's.  What it lacks (derivatives of high order, derivatives with respect to a shape) is computed
here in float64 on NumPy arrays, and rounded to the dtype that NumPy's promotion gives.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from importlib import import_module
from math import comb
from typing import Any

import numpy as np

from ..record.tensor import SCALARS

#: Bernoulli's numbers B_2, B_4, ... B_24.
BERNOULLI = (
    1 / 6,
    -1 / 30,
    1 / 42,
    -1 / 30,
    5 / 66,
    -691 / 2730,
    7 / 6,
    -3617 / 510,
    43867 / 798,
    -174611 / 330,
    854513 / 138,
    -236364091 / 2730,
)


@cache
def library(name: str) -> Any:
    """SciPy's special functions, or those of another array namespace."""
    return import_module("scipy.special" if name == "numpy" else f"{name.partition('.')[0]}.scipy.special")


def scipy_values(name: str, *, complex_too: bool = False) -> Callable[..., Any]:
    """An implementation that calls the function of that name in the array namespace's special functions."""

    def impl(xp: Any, *xs: Any) -> Any:
        if not complex_too:
            dtype = float_type(xs)
            if len(xs) > 1:  # SciPy does not take Python's numbers as weak
                xs = tuple([dtype.type(x) if type(x) in SCALARS else x for x in xs])
        return getattr(library(xp.__name__), name)(*xs)

    return impl


def float_type(xs: Any) -> Any:
    """The dtype of a real function of ``xs``; complex arguments are refused."""
    dtype = np.result_type(*xs)
    if dtype.kind == "c":
        raise TypeError(f"real arguments are needed, not {dtype}")
    return dtype if dtype.kind == "f" else np.dtype(np.float64)


def in_double(compute: Callable[..., Any]) -> Callable[..., Any]:
    """An implementation that computes in float64 on broadcast arrays, and rounds to the arguments' dtype."""

    def impl(xp: Any, *xs: Any, **params: Any) -> Any:
        dtype = float_type(xs)
        arrays = np.broadcast_arrays(*[np.asarray(x, np.float64) for x in xs])
        with np.errstate(all="ignore"):
            return np.asarray(compute(*arrays, **params)).astype(dtype, copy=False)[()]

    return impl


def special() -> Any:
    """SciPy's special functions, for what is computed here."""
    return library("numpy")


@cache
def gauss(points: int, panels: int) -> tuple[Any, Any]:
    """Nodes and weights of Gauss and Legendre's rule on [0, 1], cut into equal panels."""
    x, w = np.polynomial.legendre.leggauss(points)
    nodes = ((x + 1) / 2 + np.arange(panels)[:, None]) / panels
    return nodes.ravel(), np.tile(w / (2 * panels), panels)


def bell(slopes: list[Any]) -> list[Any]:
    """The derivatives 0 .. n of exp(f), divided by it, from the derivatives 1 .. n of f (Bell's polynomials)."""
    made: list[Any] = [1.0]
    for n in range(len(slopes)):
        made.append(sum(comb(n, j) * made[j] * slopes[n - j] for j in range(n + 1)))
    return made


def bell2(slopes: Callable[[int, int], Any], i: int, j: int) -> dict[tuple[int, int], Any]:
    """The same in two variables: the derivatives (p, q) up to (i, j) of exp(f) by those of f, divided by it."""
    made: dict[tuple[int, int], Any] = {(0, 0): 1.0}
    known = {(p, q): slopes(p, q) for p in range(i + 1) for q in range(j + 1) if p + q}
    for q in range(1, j + 1):
        made[0, q] = sum(comb(q - 1, k) * made[0, k] * known[0, q - k] for k in range(q))
    for p in range(1, i + 1):
        for q in range(j + 1):
            made[p, q] = sum(
                comb(p - 1, h) * comb(q, k) * made[h, k] * known[p - h, q - k] for h in range(p) for k in range(q + 1)
            )
    return made


# -- the gamma function and its logarithmic derivatives ------------------------------------------------------


def polygamma_values(x: Any, n: int) -> Any:
    """psi^(n)(x): Hurwitz's zeta function for x > 0, else by reflection; at a pole the limit from the right."""
    if n == 0:
        return special().psi(x)
    right = (-1) ** (n + 1) * special().gamma(n + 1.0) * special().zeta(n + 1.0, np.where(x > 0, x, 1 - x))
    if np.all(x > 0):
        return right
    # pi cot(pi x) differentiated n times: (-pi)^n pi times a polynomial in the cotangent without negative coefficients.
    powers = [0, 1]
    for _ in range(n):
        slope = [k * c for k, c in enumerate(powers)][1:]
        powers = [a + b for a, b in zip([*slope, 0, 0], [0, 0, *slope], strict=True)]
    c = 1 / np.tan(np.pi * (x - np.round(x)))
    total = np.zeros_like(c)
    for k in range(n + 1, -1, -1):
        if powers[k]:
            total = total * np.where(np.isinf(c), np.inf, c * c) + powers[k] if k < n + 1 else total + powers[k]
    cotangent = (-np.pi) ** n * np.pi * total * (np.abs(c) if n % 2 == 0 else 1.0)
    cotangent = np.where(c < 0, -1.0, 1.0) * cotangent if n % 2 == 0 else cotangent
    reflected = (-1) ** n * right - cotangent
    return np.where(x > 0, right, reflected)


def polygamma_gap_values(x: Any, d: Any, n: int) -> Any:
    """psi^(n)(x + d) - psi^(n)(x), without cancellation where d is small beside a positive x."""
    far = (x <= 0) | (np.abs(d) > 0.5 * x)
    x, whole, d, gap = np.where(far, 1.0, x), x, np.where(far, 0.1, d), d

    def fall(y: Any, p: int) -> Any:
        """y^-p - (y + d)^-p"""
        return -(y**-p) * np.expm1(-p * np.log1p(d / y))

    factorial = special().gamma(n + 1.0)
    near = sum(fall(x + k, n + 1) for k in range(15, -1, -1)) * factorial
    y = x + 16
    near = near + (np.log1p(d / y) if n == 0 else factorial / n * fall(y, n)) + 0.5 * factorial * fall(y, n + 1)
    for k, b in enumerate(BERNOULLI[:10], start=1):
        near = near + b * special().gamma(2 * k + n) / special().gamma(2 * k + 1) * fall(y, 2 * k + n)
    apart = polygamma_values(whole + gap, n) - polygamma_values(whole, n)
    return np.where(far, apart, (-1) ** n * near)


def log_minus_psi(a: Any) -> Any:
    """log(a) - psi(a), without cancellation."""
    large = np.where(a > 16, a, 17.0)
    series = 0.5 / large + sum(b / (2 * k) * large ** (-2 * k) for k, b in enumerate(BERNOULLI[:8], start=1))
    return np.where(a > 16, series, np.log(a) - special().psi(a))


def stirling_error(a: Any) -> Any:
    """log gamma(a) - ((a - 1/2) log(a) - a + log(2 pi) / 2), without cancellation."""
    large = np.where(a > 16, a, 17.0)
    series = sum(b / (2 * k * (2 * k - 1)) * large ** (1 - 2 * k) for k, b in enumerate(BERNOULLI[:8], start=1))
    return np.where(a > 16, series, special().gammaln(a) - ((a - 0.5) * np.log(a) - a + 0.9189385332046727))


def betaln_values(a: Any, b: Any) -> Any:
    """log |beta(a, b)|; log gamma(large + small) - log gamma(large) by Stirling's series, where SciPy loses digits."""
    small, large = np.minimum(a, b), np.maximum(a, b)
    inside = (small > 0) & (large > 16) & np.isfinite(large)
    small, large = np.where(inside, small, 1.0), np.where(inside, large, 17.0)
    rise = (large - 0.5) * np.log1p(small / large) + small * np.log(large + small) - small
    rise = rise + stirling_error(large + small) - stirling_error(large)
    return np.where(inside, special().gammaln(small) - rise, special().betaln(a, b))


def beta_values(a: Any, b: Any) -> Any:
    """beta(a, b); where one of the arguments is large SciPy loses digits that its logarithm has."""
    large = (np.minimum(a, b) > 0) & (np.maximum(a, b) > 50)
    return np.where(large, np.exp(betaln_values(a, b)), special().beta(a, b))


# -- the zeta function -----------------------------------------------------------------------------------------


def hurwitz_values(s: Any, x: Any, n: int) -> Any:
    """d^n/ds^n of zeta(s, x), by the formula of Euler and Maclaurin differentiated as a power series in s."""
    start = 8
    total = sum((-np.log(x + k)) ** n * (x + k) ** -s for k in range(start))
    y = x + start
    # y^(-s - t) = y^-s sum_j c_j t^j
    c = [(-np.log(y)) ** j / special().gamma(j + 1.0) * y**-s for j in range(n + 1)]
    pole = [(-1.0) ** j / (s - 1) ** (j + 1) for j in range(n + 1)]
    top = y * sum(c[j] * pole[n - j] for j in range(n + 1)) + 0.5 * c[n]
    rising = [s, np.ones_like(s), *[np.zeros_like(s)] * n][: n + 1]
    for k, b in enumerate(BERNOULLI, start=1):
        top = top + b / special().gamma(2 * k + 1.0) * y ** (1 - 2 * k) * sum(
            c[j] * rising[n - j] for j in range(n + 1)
        )
        for step in (2 * k - 1, 2 * k):
            rising = [(s + step) * r + q for r, q in zip(rising, [0.0, *rising], strict=False)]
    total = total + special().gamma(n + 1.0) * top
    return np.where(s > 1, special().zeta(s, x), total) if n == 0 else total
