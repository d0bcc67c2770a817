"""Values of quantile functions that SciPy lacks: the logarithm of gamma's, the inverse Gaussian's, von Mises's.

Equations are solved in the smaller tail, so that both tails have all digits.
"""

from __future__ import annotations

from collections.abc import Callable
from math import comb
from typing import Any

import numpy as np

from .special_values import bell, gauss, polygamma_values, special
from .tails import gamma_density_values, gammainc_shape_values

_ROOT_HALF = 0.7071067811865476
_LOG_ROOT_2PI = 0.9189385332046727


def bracketed(gap: Callable[[Any], tuple[Any, Any]], start: Any, low: Any, high: Any) -> Any:
    """The zero of an increasing ``gap`` (its value and slope) between ``low`` and ``high``.

    Newton's method, halving where a step would leave the bracket; after a step of 1e-9 the next one would be rounding.
    """
    x, end = np.clip(start, low, high), high
    for _ in range(90):
        y, slope = gap(x)
        low, high = np.where(y < 0, x, low), np.where(y > 0, x, high)
        newton = x - y / slope
        inside = (newton >= low) & (newton <= high)
        near = (y == 0) | (np.abs(newton - x) <= 1e-9 * np.minimum(np.abs(x) + 1e-6, end - x + 1e-15))
        x, before = np.where(y == 0, x, np.where(inside, newton, (low + high) / 2)), x
        if np.all(near | (high - low <= 4e-16 * np.abs(before)) | ~np.isfinite(x)):
            break
    return x


def in_chunks(compute: Callable[..., Any], *arrays: Any) -> Any:
    """``compute`` on arrays of one shape, some thousand elements at a time: little memory, and each chunk its turns."""
    flat = [a.ravel() for a in arrays]
    parts = [compute(*[a[i : i + 2048] for a in flat]) for i in range(0, flat[0].size, 2048)]
    return np.concatenate(parts).reshape(arrays[0].shape) if parts else np.zeros(arrays[0].shape)


# -- gamma, in the logarithm -----------------------------------------------------------------------------------------

_TINY = -40.0  # below it exp(w) is nothing beside 1, and P(a, exp(w)) = exp(a w) / gamma(a + 1) to the last digit


def _tiny_values(a: Any, w: Any, n: int) -> list[Any]:
    """The derivatives 0 .. n in a of exp(a w) / gamma(a + 1)."""
    slopes = [(w if k == 0 else 0.0) - polygamma_values(a + 1, k) for k in range(n)]
    return [b * np.exp(a * w - special().gammaln(a + 1)) for b in bell(slopes)]


def log_gamma_shape_values(a: Any, w: Any, n: int) -> Any:
    """d^n/da^n of the regularised incomplete gamma function P(a, exp(w))."""
    tiny = w < _TINY
    usual = gammainc_shape_values(a, np.exp(np.where(tiny, 0.0, w)), n)
    return np.where(tiny, _tiny_values(a, np.where(tiny, w, _TINY), n)[n], usual)


def log_gamma_density_values(a: Any, w: Any, n: int) -> Any:
    """d^n/da^n of exp(a w - exp(w)) / gamma(a), the slope of P(a, exp(w)) in w."""
    tiny = w < _TINY
    x = np.exp(np.where(tiny, 0.0, w))
    made = _tiny_values(a, np.where(tiny, w, _TINY), n)
    small = a * made[n] + (n * made[n - 1] if n else 0.0)  # 1 / gamma(a) = a / gamma(a + 1)
    return np.where(tiny, small, x * gamma_density_values(a, x, n, 0))


def log_gamma_quantile_values(a: Any, u: Any) -> Any:
    """The w with P(a, exp(w)) = u."""
    lower = u <= 0.5
    tiny = (np.log(u) + special().gammaln(a + 1)) / a
    is_tiny = tiny < _TINY
    z = np.where(lower, special().gammaincinv(a, u), special().gammainccinv(a, 1 - u))
    w = np.where(is_tiny, 0.0, np.log(z))
    for _ in range(2):  # SciPy's inverse to the last digit
        x = np.exp(w)
        gap = np.where(lower, special().gammainc(a, x) - u, (1 - u) - special().gammaincc(a, x))
        step = gap / log_gamma_density_values(a, w, 0)
        w = w - np.where(np.isfinite(step) & (np.abs(step) < 0.1), step, 0.0)
    return np.where(is_tiny, tiny, w)


# -- inverse Gaussian ------------------------------------------------------------------------------------------------


def mills(x: Any) -> Any:
    """The normal upper tail over the normal density."""
    return 1.2533141373155003 * special().erfcx(x * _ROOT_HALF)


def log_inverse_gaussian_quantile_values(phi: Any, u: Any) -> Any:
    """log of the quantile of the inverse Gaussian of mean 1 and shape phi, y = exp(w).

    With a = 2 sqrt(phi) sinh(w/2) and b = 2 sqrt(phi) cosh(w/2) the lower tail is n(a) (M(-a) + M(b)), the upper
    n(a) (M(a) - M(b)), for the normal density n and Mills' ratio M.
    """
    return in_chunks(_inverse_gaussian, phi, u)


def _inverse_gaussian(phi: Any, u: Any) -> Any:
    lower = u <= 0.5
    root = np.sqrt(phi)
    target = np.log(np.where(lower, u, 1 - u))

    def gap(w: Any) -> tuple[Any, Any]:
        a, b = 2 * root * np.sinh(w / 2), 2 * root * np.cosh(w / 2)
        log_n = -0.5 * a * a - _LOG_ROOT_2PI
        # M of the argument on whose side it does not overflow; the other tail from 1
        safe = mills(np.abs(a))
        below = log_n + np.log(np.where(a < 0, safe, 0.0) + mills(b))
        above = log_n + np.log(np.where(a > 0, safe - mills(b), 1.0))
        central = special().ndtr(a) + np.exp(log_n) * mills(b)
        log_f = np.where(a < 0, below, np.log(central))
        log_s = np.where(a > 0, above, np.log1p(-np.minimum(central, 1 - 1e-16)))
        log_density = log_n + 0.5 * np.log(phi) - 0.5 * w  # of w
        value = np.where(lower, log_f - target, target - log_s)
        return value, np.exp(log_density - np.where(lower, log_f, log_s))

    start = 2 * np.arcsinh(special().ndtri(u) / (2 * root))
    c = 40 / phi
    end = np.log1p(c + np.sqrt(c * (c + 2)))
    return bracketed(gap, start, -end, end)


# -- von Mises -------------------------------------------------------------------------------------------------------


def _fall(s: Any) -> Any:
    """1 - cos(s)"""
    return 2 * np.sin(s / 2) ** 2


def _log_von_mises(k: Any, s: Any) -> Any:
    return -k * _fall(s) - np.log(2 * np.pi * special().i0e(k))


def _nodes(k: Any, z: Any) -> tuple[Any, Any, Any]:
    """Points from |z| to where the density has fallen by 50 e-folds, or to pi, with their weights."""
    x, weights = gauss(16, 4)
    width = np.where(k > 25, np.arccos(np.maximum(1 - 50 / np.maximum(k, 25), -1.0)), np.pi)
    width = np.minimum(np.pi - np.abs(z), width)[..., None]
    return np.abs(z)[..., None] + width * x, width * weights, k[..., None]


def _cumulants(k: Any, n: int) -> list[Any]:
    """Cumulants 1 .. n of 1 - cos(s): the derivatives of log I0(k) - k, up to their signs, without cancellation."""
    s, weights, k = _nodes(k, np.zeros_like(k))
    mass = 2 * weights * np.exp(_log_von_mises(k, s))
    mean = np.sum(mass * _fall(s), axis=-1)
    central = [1.0, 0.0, *[np.sum(mass * (_fall(s) - mean[..., None]) ** j, axis=-1) for j in range(2, n + 1)]]
    found = [0.0, mean]
    for j in range(2, n + 1):
        found.append(central[j] - sum(comb(j - 1, i - 1) * found[i] * central[j - i] for i in range(2, j)))
    return found[1 : n + 1]


def _von_mises_weights(k: Any, s: Any, n: int) -> Any:
    """d^n/dk^n of the density, divided by it."""
    slopes = [-((-1.0) ** (j + 1)) * c for j, c in enumerate(_cumulants(k, n))]  # -(log I0 - k)^(j + 1)
    slopes = [c if s.ndim == k.ndim else c[..., None] for c in slopes]
    return bell([slopes[0] - _fall(s), *slopes[1:]])[n] if n else np.ones_like(s)


def von_mises_density_values(k: Any, z: Any, n: int) -> Any:
    """d^n/dk^n of exp(k cos z) / (2 pi I0(k))."""
    return np.exp(_log_von_mises(k, z)) * _von_mises_weights(k, z, n)


def von_mises_shape_values(k: Any, z: Any, n: int) -> Any:
    """d^n/dk^n of the probability from -pi to z, n >= 1: odd in z, as the whole does not depend on k."""
    return in_chunks(lambda k, z: _von_mises_shape(k, z, n), k, z)


def _von_mises_shape(k: Any, z: Any, n: int) -> Any:
    s, weights, column = _nodes(k, z)
    tail = np.sum(weights * np.exp(_log_von_mises(column, s)) * _von_mises_weights(k, s, n), axis=-1)
    return np.where(z < 0, tail, -tail)


def von_mises_tail(k: Any, z: Any) -> Any:
    """The probability from z to pi, for z >= 0."""
    s, weights, column = _nodes(k, z)
    return np.sum(weights * np.exp(_log_von_mises(column, s)), axis=-1)


def von_mises_cdf_values(k: Any, z: Any) -> Any:
    """The probability from -pi to z."""
    tail = in_chunks(von_mises_tail, k, np.abs(z))
    return np.where(z < 0, tail, 1 - tail)


def von_mises_quantile_values(k: Any, u: Any) -> Any:
    """The angle between -pi and pi below which the probability is u."""
    return in_chunks(_von_mises, k, u)


def _von_mises(k: Any, u: Any) -> Any:
    tail = np.minimum(u, 1 - u)

    def gap(z: Any) -> tuple[Any, Any]:
        found = von_mises_tail(k, z)
        return np.log(tail / found), np.exp(_log_von_mises(k, z)) / found

    start = np.minimum(-special().ndtri(tail) / np.sqrt(np.maximum(k, 0.1)), np.pi * (1 - 2 * tail))
    z = bracketed(gap, start, np.zeros_like(k), np.full_like(k, np.pi))
    return np.where(u < 0.5, -z, z)
