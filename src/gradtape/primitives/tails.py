"""Derivatives of the incomplete gamma and beta functions with respect to their shapes, by quadrature.

For n >= 1 the n-th derivative of a density with respect to its shape integrates to zero, so that of the distribution
function is the integral over either tail.  In the variable v = log(t/a) (or the logit of t) the density is analytic and
its logarithm concave: ten panels of Gauss and Legendre's rule over the stretch on which it falls by 50 e-folds give all
digits, at any n and for shapes up to 1e12.  Exponents are written from the mode, so large shapes cancel nothing
(Loader 2000).  Shapes below 1 are raised by P(a, x) = P(a+1, x) + x^a e^-x / gamma(a+1) (DLMF 8.8.5, 8.17.20).
"""

from __future__ import annotations

from collections.abc import Callable
from math import comb, factorial
from typing import Any

import numpy as np

from .special_values import (
    bell,
    bell2,
    gauss,
    log_minus_psi,
    polygamma_gap_values,
    polygamma_values,
    special,
    stirling_error,
)

_LOG_2PI = 1.8378770664093453
_CHUNK = 2048  # elements at a time: 160 nodes each


def _integral(log_density: Callable[[Any], Any], weight: Callable[[Any], Any], start: Any, side: Any) -> Any:
    """The integral of exp(log_density) * weight from ``start`` (n, 1) to the infinity of ``side`` (n, 1)."""
    top = log_density(start)
    low, high = np.full_like(start, -40.0), np.full_like(start, 14.0)
    for _ in range(12):
        middle = (low + high) / 2
        far = top - log_density(start + side * np.exp2(middle)) > 50
        low, high = np.where(far, low, middle), np.where(far, middle, high)
    width = np.exp2(high)
    nodes, weights = gauss(16, 10)
    u = start + side * width * nodes
    return width[:, 0] * np.sum(weights * np.exp(log_density(u)) * weight(u), axis=1)


def _in_chunks(compute: Callable[..., Any], *arrays: Any) -> Any:
    shape = arrays[0].shape
    flat = [a.ravel() for a in arrays]
    parts = [compute(*[a[i : i + _CHUNK] for a in flat]) for i in range(0, flat[0].size, _CHUNK)]
    return np.concatenate(parts).reshape(shape) if parts else np.zeros(shape)


# -- incomplete gamma --------------------------------------------------------------------------------------------


def _from_mode(v: Any) -> Any:
    """exp(v) - 1 - v"""
    small = np.where(np.abs(v) < 0.3, v, 0.0)
    series = np.zeros_like(small)
    for k in range(15, 1, -1):
        series = (series + 1) * small / k
    return np.where(np.abs(v) < 0.3, series * small, np.expm1(v) - v)


def _gamma_exponent(a: Any, v: Any) -> Any:
    """log of t^a e^-t / gamma(a) at t = a exp(v)."""
    return -a * _from_mode(v) + 0.5 * (np.log(a) - _LOG_2PI) - stirling_error(a)


def _log_ratio(x: Any, a: Any) -> Any:
    near = np.abs(x - a) < 0.5 * a
    return np.where(near, np.log1p(np.where(near, x - a, 0.0) / a), np.log(x) - np.log(a))


def _gamma_slopes(a: Any, n: int) -> list[Any]:
    """The derivatives 1 .. n in a of log(t^a / gamma(a)) at t = a; below a = 1, of log(t^a / gamma(a + 1))."""
    raised = a < 1
    first = log_minus_psi(np.where(raised, 1.0, a))
    low = np.log(a) - special().psi(np.where(raised, a + 1, 1.0))
    higher = [-polygamma_values(np.where(raised, a + 1, a), k) for k in range(1, n)]
    return [np.where(raised, low, first), *higher][:n]


def _gamma_weights(a: Any, v: Any, slopes: list[Any]) -> list[Any]:
    """The derivatives 0 .. n in a of t^a e^-t / gamma(a) at t = a exp(v), divided by it.

    For small a the factor 1 / gamma(a) is a / gamma(a + 1): its derivatives have large terms that would cancel.
    """
    made = bell([v + slopes[0], *slopes[1:]] if slopes else [])
    return [b if k == 0 else np.where(a < 1, b + k / a * made[k - 1], b) for k, b in enumerate(made)]


def gamma_density_values(a: Any, x: Any, n: int, m: int) -> Any:
    """d^n/da^n d^m/dx^m of x^(a-1) e^-x / gamma(a).

    x g^(m+1) = (a - 1 - m - x) g^(m) - m g^(m-1), on truncated power series in a.
    """
    inside = (x > 0) & (a > 0) & np.isfinite(x)
    a, shape, x, at = np.where(inside, a, 1.0), a, np.where(inside, x, 1.0), x
    v = _log_ratio(x, a)
    g = np.exp(_gamma_exponent(a, v)) / x
    series = [b * g / factorial(k) for k, b in enumerate(_gamma_weights(a, v, _gamma_slopes(a, n)))]
    before = [np.zeros_like(g)] * (n + 1)
    for k in range(m):
        lower = [0.0, *series]
        after = [((a - 1 - k - x) * c + d - k * b) / x for c, d, b in zip(series, lower, before, strict=False)]
        before, series = series, after
    y = factorial(n) * series[n]
    return np.where(inside, y, _density_at_zero(shape, at, n, m))


def _density_at_zero(a: Any, x: Any, n: int, m: int) -> Any:
    """The limits at x = 0: zero above a = m + 1, the power series' coefficient at integers, else an infinity."""
    power = a - 1 - m
    whole = (a == np.round(a)) & (power <= 0)
    coefficient = (-1.0) ** power * special().binom(m, a - 1)
    infinite = np.copysign(np.inf, special().gammasgn(np.where(whole, 1.0, a - m))) * (-1) ** n
    y = np.where(power > 0, 0.0, np.where(whole & (n == 0), coefficient, infinite))
    return np.where((x == np.inf) & (a > 0), 0.0, np.where((x == 0) & (a > 0), y, np.nan))


def gammainc_shape_values(a: Any, x: Any, n: int) -> Any:
    """d^n/da^n of the regularised lower incomplete gamma function, n >= 0."""
    return special().gammainc(a, x) if n == 0 else _in_chunks(lambda a, x: _gamma_shape(a, x, n), a, x)


def _gamma_shape(a: Any, x: Any, n: int) -> Any:
    inside = (x > 0) & np.isfinite(x) & (a > 0)
    edge = np.where((a > 0) & ((x == 0) | (x == np.inf)), 0.0, np.nan)
    a, x = np.where(inside, a, 1.0), np.where(inside, x, 1.0)
    raised = (a < 1) & (x < 1)
    more = np.where(raised, gamma_density_values(a + 1, x, n, 0), 0.0)
    a = np.where(raised, a + 1, a)[:, None]
    start = _log_ratio(x[:, None], a)
    side = np.where(start + log_minus_psi(a) < 0, -1.0, 1.0)
    slopes = _gamma_slopes(a, n)
    tail = _integral(lambda v: _gamma_exponent(a, v), lambda v: _gamma_weights(a, v, slopes)[n], start, side)
    return np.where(inside, more - side[:, 0] * tail, edge)


# -- incomplete beta ---------------------------------------------------------------------------------------------


def _beta_exponent(a: Any, b: Any, u: Any) -> Any:
    """log of t^a (1-t)^b / beta(a, b) at t = 1 / (1 + exp(-u)), from the mode a/(a+b)."""
    d = u - np.log(a / b)
    t = a / (a + b)
    near = np.abs(d) < 1
    close = np.log1p(t * np.expm1(np.where(near, d, 0.0)))
    fall = np.where(near, close, np.logaddexp(np.log(b / (a + b)), np.log(t) + d))
    peak = 0.5 * (np.log(a) + np.log(b / (a + b)) - _LOG_2PI)
    return a * d - (a + b) * fall + peak + stirling_error(a + b) - stirling_error(a) - stirling_error(b)


def _beta_slopes(a: Any, b: Any, log_t: Any, log_s: Any) -> Callable[[int, int], Any]:
    """The derivatives (i, j) in (a, b) of log(t^a s^b / beta(a, b))."""

    def slope(i: int, j: int) -> Any:
        if i and j:
            return polygamma_values(a + b, i + j - 1)
        gap = polygamma_gap_values(a, b, i - 1) if i else polygamma_gap_values(b, a, j - 1)
        return gap + (log_t if (i, j) == (1, 0) else log_s if (i, j) == (0, 1) else 0.0)

    return slope


def beta_density_values(a: Any, b: Any, x: Any, i: int, j: int, m: int) -> Any:
    """d^i/da^i d^j/db^j d^m/dx^m of x^(a-1) (1-x)^(b-1) / beta(a, b).

    From x (1-x) g' = ((a-1) - (a+b-2) x) g differentiated m times, on truncated power series in a and b.
    """
    inside = (x > 0) & (x < 1) & (a > 0) & (b > 0)
    edge = _beta_density_at_edges(a, b, x, i, j, m)
    a, b, x = np.where(inside, a, 1.0), np.where(inside, b, 1.0), np.where(inside, x, 0.5)
    log_t, log_s = np.log(x), np.log1p(-x)
    g = np.exp(_beta_exponent(a, b, log_t - log_s)) / (x * (1 - x))
    made = bell2(_beta_slopes(a, b, log_t, log_s), i, j)
    c = {(p, q): v * g / (factorial(p) * factorial(q)) for (p, q), v in made.items()}
    before: dict[tuple[int, int], Any] = {}
    for k in range(m):
        first, second = (a - 1) - (a + b - 2) * x - k * (1 - 2 * x), k * ((k - 1) - (a + b - 2))
        after = {
            (p, q): (
                first * v
                + (1 - x) * c.get((p - 1, q), 0.0)
                - x * c.get((p, q - 1), 0.0)
                + second * before.get((p, q), 0.0)
                - k * (before.get((p - 1, q), 0.0) + before.get((p, q - 1), 0.0))
            )
            / (x * (1 - x))
            for (p, q), v in c.items()
        }
        before, c = c, after
    return np.where(inside, factorial(i) * factorial(j) * c[i, j], edge)


def _beta_density_at_edges(a: Any, b: Any, x: Any, i: int, j: int, m: int) -> Any:
    """The limits at 0 and 1; nan where only a logarithm tells them."""
    right = x == 1
    a, b = np.where(right, b, a), np.where(right, a, b)
    power = a - 1 - m
    if i + j == 0:
        order = np.where(power <= 0, -power, 0.0)
        coefficient = factorial(m) * (-1.0) ** order * special().binom(b - 1, order) / special().beta(a, b)
        infinite = np.copysign(np.inf, np.prod([a - k for k in range(1, m + 1)], axis=0) * np.ones_like(a))
        low = np.where(a == np.round(a), coefficient, infinite)
    else:
        low = np.full_like(a, np.nan)
    y = np.where(right, (-1.0) ** m, 1.0) * np.where(power > 0, 0.0, low)
    return np.where(((x == 0) | right) & (a > 0) & (b > 0), y, np.nan)


def betainc_shape_values(a: Any, b: Any, x: Any, i: int, j: int) -> Any:
    """d^i/da^i d^j/db^j of the regularised incomplete beta function."""
    if i + j == 0:
        return special().betainc(a, b, x)
    right = x > 0.5  # I(a, b, x) = 1 - I(b, a, 1 - x)
    made = np.zeros_like(x)
    for mirrored in (False, True):
        chosen = right == mirrored
        if not np.any(chosen):
            continue
        p, q, t = a[chosen], b[chosen], x[chosen]
        args, orders = ((q, p, 1 - t), (j, i)) if mirrored else ((p, q, t), (i, j))
        part = _in_chunks(lambda p, q, t, o=orders: _beta_shape(p, q, t, *o), *args)
        made[chosen] = -part if mirrored else part
    return made


def _beta_shape(a: Any, b: Any, x: Any, i: int, j: int) -> Any:
    """The same for x <= 1/2."""
    inside = (x > 0) & (a > 0) & (b > 0)
    edge = np.where((x == 0) & (a > 0) & (b > 0), 0.0, np.nan)
    a, b, x = np.where(inside, a, 1.0), np.where(inside, b, 1.0), np.where(inside, x, 0.5)
    raised = (a < 1) & (x * (1 + b) < 1)
    a = np.where(raised, a + 1, a)
    more = np.where(raised, _raising(a, b, x, i, j), 0.0)
    side = np.where((b < 1) | (x * (a + b) < a), -1.0, 1.0)[:, None]
    side = np.where((a < 1)[:, None], 1.0, side)
    a, b = a[:, None], b[:, None]
    start = (np.log(x) - np.log1p(-x))[:, None]
    fixed = _beta_slopes(a, b, 0.0, 0.0)
    known = {(p, q): fixed(p, q) for p in range(i + 1) for q in range(j + 1) if p + q}

    def weight(u: Any) -> Any:
        logs = {(1, 0): -np.logaddexp(0.0, -u), (0, 1): -np.logaddexp(0.0, u)}
        return bell2(lambda p, q: known[p, q] + logs.get((p, q), 0.0), i, j)[i, j]

    tail = _integral(lambda u: _beta_exponent(a, b, u), weight, start, side)
    return np.where(inside, more - side[:, 0] * tail, edge)


def _raising(a: Any, b: Any, x: Any, i: int, j: int) -> Any:
    """d^i/da^i d^j/db^j of I(a-1, b, x) - I(a, b, x) = g(a, b, x) (1 - x) / (a + b - 1)."""
    s = a + b - 1
    total: Any = 0.0
    for p in range(i + 1):
        for q in range(j + 1):
            k = i + j - p - q
            falling = (-1.0) ** k * factorial(k) / s ** (k + 1)
            total = total + comb(i, p) * comb(j, q) * beta_density_values(a, b, x, p, q, 0) * falling
    return total * (1 - x)
