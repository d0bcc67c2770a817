"""The error function's family and the normal distribution: values, inverses and logarithms, sharp in the tails.

Slopes of scaled functions (erfcx, dawsn, the logarithm of the normal distribution) are differences of nearly equal
numbers in the tails, so they are rows of their own with the order of the derivative as a parameter, computed from an
integral without cancellation, or from the asymptotic series differentiated term by term (DLMF 7.7, 7.12, 7.18).
"""

from __future__ import annotations

import math
from functools import cache
from typing import Any

import numpy as np

from ..rules.kinds import elementwise
from ..rules.primitive import look_past
from .activations import normal_cdf
from .complexes import is_complex
from .docs import documented
from .selection import clip
from .special_values import gauss, in_double, scipy_values, special
from .transcendental import exp, log

_TWO_OVER_ROOT_PI = 1.1283791670955126
_ROOT_HALF = 0.7071067811865476
_ROOT_TWO_OVER_PI = 0.7978845608028654


def _bell(x: Any) -> Any:
    """2/sqrt(pi) exp(-x^2); no derivative of it is left where it has underflowed, also at infinity."""
    x = x if is_complex(x) else clip(x, -28.0, 28.0)
    return _TWO_OVER_ROOT_PI * exp(-(x * x))


erf = elementwise(
    "erf",
    scipy_values("erf", complex_too=True),
    lambda y, x: _bell(x),
    doc=documented(
        "The error function: ``2/sqrt(pi)`` times the integral of ``exp(-t**2)`` from 0 to ``x``.",
        "gt.special.erf([0.0, 1.0])",
        "Tensor([0.        , 0.84270079])",
    ),
)
erfc = elementwise(
    "erfc",
    scipy_values("erfc", complex_too=True),
    lambda y, x: -_bell(x),
    doc=documented(
        "``1 - erf(x)``, accurate where it is small.", "gt.special.erfc([10.0])", "Tensor([2.08848758e-45])"
    ),
)

# -- erfcx ---------------------------------------------------------------------------------------------------------


def _erfcx_derivative(x: Any, n: int) -> Any:
    """(-2)^n 2/sqrt(pi) times the integral of s^n exp(-s^2 - 2 x s) over s > 0: nothing cancels (DLMF 7.18.2)."""
    z = np.minimum(np.abs(x), 1e170)[..., None]
    width = 45 / (z + np.sqrt(z * z + 45))
    nodes, weights = gauss(20, 5)
    s = width * nodes
    integral = np.sum(weights * s**n * np.exp(-s * (s + 2 * z)), axis=-1) * width[..., 0]
    right = 2.0**n * _TWO_OVER_ROOT_PI * integral
    # Left of 0: erfcx(x) = 2 exp(x^2) - erfcx(-x), with derivatives of exp(x^2) by q' = 2 x q + 2 n q.
    q, before = np.ones_like(x), np.zeros_like(x)
    for k in range(n):
        q, before = 2 * np.abs(x) * q + 2 * k * before, q
    left = (-1) ** n * 2 * q * np.exp(x * x) - right
    return np.where(x < 0, left, (-1) ** n * right)


erfcx_derivative = elementwise(
    "erfcx_derivative",
    in_double(lambda x, *, n: _erfcx_derivative(x, n)),
    lambda y, x, *, n: erfcx_derivative(x, n=n + 1),
    params={"n": [1, 2, 3]},
    doc="Derivative n of erfcx.",
    public=False,
)
erfcx = elementwise(
    "erfcx",
    scipy_values("erfcx"),
    lambda y, x: erfcx_derivative(x, n=1),
    doc=documented(
        "``exp(x**2) * erfc(x)``: erfc without its underflow.",
        "gt.special.erfcx([1e10])",
        "Tensor([5.64189584e-11])",
    ),
)

# -- inverses ------------------------------------------------------------------------------------------------------

erfinv = elementwise(
    "erfinv",
    scipy_values("erfinv"),
    lambda y, x: exp(y * y) / _TWO_OVER_ROOT_PI,
    domain=(-0.9, 0.9),
    singular={"1": "+inf", "-1": "+inf, the second derivative -inf"},
    doc=documented("The inverse of erf.", "gt.special.erfinv([0.5])", "Tensor([0.47693628])"),
)
erfcinv = elementwise(
    "erfcinv",
    scipy_values("erfcinv"),
    lambda y, x: -exp(y * y) / _TWO_OVER_ROOT_PI,
    domain=(0.1, 1.9),
    singular={"0": "-inf"},
    doc=documented("The inverse of erfc.", "gt.special.erfcinv([1e-100])", "Tensor([15.0655747])"),
)
ndtri = elementwise(
    "ndtri",
    scipy_values("ndtri"),
    lambda y, p: exp(0.5 * (y * y)) / (_ROOT_TWO_OVER_PI / 2),
    domain=(0.05, 0.95),
    singular={"0": "+inf, the second derivative -inf", "1": "+inf"},
    doc=documented(
        "Quantiles of the standard normal distribution.", "gt.special.ndtri([0.975])", "Tensor([1.95996398])"
    ),
)

# -- the logarithm of the normal distribution --------------------------------------------------------------------


@cache
def _hazard_series(terms: int) -> list[float]:
    """c_k of the density over the distribution, -x sum_k c_k x^(-2k) for x -> -inf: the reciprocal of Mills' series."""
    mills = [1]
    for k in range(1, terms):
        mills.append(-mills[-1] * (2 * k - 1))
    c = [1]
    for k in range(1, terms):
        c.append(-sum(mills[j] * c[k - j] for j in range(1, k + 1)))
    return [float(v) for v in c]


def _normal_hazard(x: Any, n: int) -> Any:
    """d^n/dx^n of density(x) / distribution(x)."""
    far = np.where(x < -12, x, -12.0)
    tail = np.zeros_like(x)
    for k, c in enumerate(_hazard_series(36)):
        power = 1 - 2 * k  # of far
        falling = math.prod(power - j for j in range(n))
        tail = tail - c * falling * far ** float(power - n)
    # In the middle 1 / erfcx: the reciprocal of a power series in x.
    middle = np.clip(x, -12, 0)
    series = [(-_ROOT_HALF) ** k * _erfcx_derivative(-_ROOT_HALF * middle, k) / math.factorial(k) for k in range(n + 1)]
    inverse = [_ROOT_TWO_OVER_PI / special().erfcx(-_ROOT_HALF * middle)]
    for k in range(1, n + 1):
        inverse.append(-sum(series[j] * inverse[k - j] for j in range(1, k + 1)) / series[0])
    # On the right (k + 1) h[k+1] = -(x h + h^2)[k]: both terms are small.
    right = np.clip(x, 0.0, 40.0)
    h = [np.exp(-0.5 * right * right) * (_ROOT_TWO_OVER_PI / 2) / special().ndtr(right)]
    for k in range(n):
        square = sum(h[j] * h[k - j] for j in range(k + 1))
        h.append(-(right * h[k] + (h[k - 1] if k else 0.0) + square) / (k + 1))
    factorial = math.factorial(n)
    return np.where(x < -12, tail, np.where(x < 0, factorial * inverse[n], factorial * h[n]))


normal_hazard = elementwise(
    "normal_hazard",
    in_double(lambda x, *, n: _normal_hazard(x, n)),
    lambda y, x, *, n: normal_hazard(x, n=n + 1),
    params={"n": [0, 1, 2, 3]},
    doc="Derivative n of the normal density over the normal distribution: the slope of log_ndtr.",
    public=False,
)
log_ndtr = elementwise(
    "log_ndtr",
    scipy_values("log_ndtr"),
    lambda y, x: normal_hazard(x, n=0),
    doc=documented(
        "The logarithm of the standard normal distribution function, without underflow.",
        "gt.special.log_ndtr([-40.0])",
        "Tensor([-804.60844201])",
    ),
)
ndtri_exp = elementwise(
    "ndtri_exp",
    scipy_values("ndtri_exp"),
    lambda x, y: 1.0 / normal_hazard(x, n=0),
    domain=(-5.0, -0.2),
    doc=documented(
        "The ``x`` with ``log_ndtr(x) = y``: quantiles of the normal distribution from the logarithm.",
        "gt.special.ndtri_exp([-1000.0])",
        "Tensor([-44.61574773])",
    ),
)


def _log_erfc(x: Any) -> Any:
    return log_ndtr((-1.0 / _ROOT_HALF) * x) + math.log(2.0)


def _logarithm(inputs: Any, params: Any, made: Any) -> Any:
    """log(erfc(x)) and log(ndtr(x)), which underflow."""
    entry = made(inputs[0])
    if entry is None or inputs[0].dtype.kind != "f" or entry[0].name not in ("erfc", "normal_cdf"):
        return None
    return (_log_erfc if entry[0].name == "erfc" else log_ndtr), entry[2]


look_past(log, _logarithm)

# -- Dawson's integral ------------------------------------------------------------------------------------------------


_FAR = 7.5  # from where the asymptotic series has all digits


def _dawsn_derivative(x: Any, n: int) -> Any:
    """Near 0 by d[n+1] = -2 x d[n] - 2 n d[n-1], then by the sine integral, then by the asymptotic series."""
    small = np.where(np.abs(x) < 1, x, 0.0)
    before = special().dawsn(small)
    d = 1 - 2 * small * before
    for k in range(1, n):
        d, before = -2 * small * d - 2 * k * before, d
    # The integral of (2t)^n exp(-t^2) sin(2 x t + n pi / 2) over t > 0 (DLMF 7.5.1).
    middle = np.clip(np.abs(x), 0, _FAR)[..., None]
    nodes, weights = gauss(16, 10)
    t = 7.5 * nodes
    wave = (np.sin, np.cos)[n % 2](2 * middle * t) * (-1) ** (n // 2)
    integral = 7.5 * np.sum(weights * (2 * t) ** n * np.exp(-t * t) * wave, axis=-1)
    far = np.where(np.abs(x) > _FAR, np.abs(x), _FAR)
    tail, c = np.zeros_like(x), 0.5
    for k in range(45):
        power = -1 - 2 * k
        tail = tail + c * math.prod(power - j for j in range(n)) * far ** float(power - n)
        c *= (2 * k + 1) / 2
    odd = np.where(x < 0, -1.0, 1.0) ** (n + 1)
    return np.where(np.abs(x) < 1, d, odd * np.where(np.abs(x) > _FAR, tail, integral))


dawsn_derivative = elementwise(
    "dawsn_derivative",
    in_double(lambda x, *, n: _dawsn_derivative(x, n)),
    lambda y, x, *, n: dawsn_derivative(x, n=n + 1),
    params={"n": [1, 2, 3]},
    domain=(-5.0, 5.0),
    doc="Derivative n >= 1 of Dawson's integral.",
    public=False,
)
dawsn = elementwise(
    "dawsn",
    scipy_values("dawsn"),
    lambda y, x: dawsn_derivative(x, n=1),
    domain=(-5.0, 5.0),
    doc=documented(
        "Dawson's integral: ``exp(-x**2)`` times the integral of ``exp(t**2)`` from 0 to ``x``.",
        "gt.special.dawsn([1.0])",
        "Tensor([0.53807951])",
    ),
)
ndtr = normal_cdf
