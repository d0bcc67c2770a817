"""Exponential, trigonometric and Fresnel integrals, the dilogarithm, Owen's T, and Lambert's W."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..rules.kinds import elementwise
from .docs import documented
from .error_functions import erf
from .precision import as_result
from .selection import minimum, where
from .series import log1p_over_x, sinx_over_x
from .special_values import float_type, in_double, scipy_values, special
from .transcendental import cos, exp, log

_POSITIVE = (0.4, 4.0)

# -- exponential integrals ---------------------------------------------------------------------------------------

exp1 = elementwise(
    "exp1",
    scipy_values("exp1"),
    lambda y, x: -exp(-x) / x,
    domain=_POSITIVE,
    singular={"0": "-inf"},
    doc=documented(
        "The exponential integral ``E_1(x)``: that of ``exp(-t) / t`` from ``x`` to infinity.",
        "gt.special.exp1([1.0])",
        "Tensor([0.21938393])",
    ),
)
expi = elementwise(
    "expi",
    scipy_values("expi"),
    lambda y, x: where(x > 800, exp(x), exp(x) / x),  # both are infinite there
    domain=_POSITIVE,
    doc=documented(
        "The exponential integral ``Ei(x)``: the principal value of that of ``exp(t) / t`` up to ``x``.",
        "gt.special.expi([1.0])",
        "Tensor([1.89511782])",
    ),
)
expn = elementwise(
    "expn",
    in_double(lambda x, *, n: special().expn(n, x)),
    lambda y, x, *, n: -expn(x, n=n - 1) if n else -y * (1.0 + 1.0 / x),
    params={"n": [0, 1, 2, 4]},
    domain=_POSITIVE,
    doc="The exponential integral ``E_n(x)`` of a whole order n.",
    public=False,
)
sine_integral = elementwise(
    "sine_integral",
    in_double(lambda x: special().sici(x)[0]),
    lambda y, x: sinx_over_x(x, n=0),
    domain=(-4.0, 4.0),
    doc="The integral of sin(t) / t from 0 to x.",
    public=False,
)
cosine_integral = elementwise(
    "cosine_integral",
    in_double(lambda x: special().sici(x)[1]),
    lambda y, x: cos(x) / x,
    domain=_POSITIVE,
    doc="Euler's constant + log(x) + the integral of (cos(t) - 1) / t from 0 to x.",
    public=False,
)


def _spence_slope(y: Any, x: Any) -> Any:
    """log(x) / (1 - x), analytic at 1."""
    near = x > 0.5
    far = minimum(where(near, 0.0, x), 1e300)
    return where(near, -log1p_over_x(where(near, x - 1.0, 0.0), n=0), log(minimum(x, 1e300)) / (1.0 - far))


spence = elementwise(
    "spence",
    scipy_values("spence"),
    _spence_slope,
    domain=(0.1, 3.0),
    singular={"1": "the limit, at every order"},
    doc=documented(
        "Spence's function, the integral of ``log(t) / (1 - t)`` from 1 to ``x``: the dilogarithm of ``1 - x``.",
        "gt.special.spence([1.0, 2.0])",
        "Tensor([ 0.        , -0.82246703])",
    ),
)

# -- Fresnel integrals -----------------------------------------------------------------------------------------------


def _wave(x: Any, *, cosine: bool) -> Any:
    """sin or cos of pi x^2 / 2; x^2 in two parts (Dekker 1971), so the phase of a large x is right."""
    big = x * 134217729.0
    head = big - (big - x)
    rest = x - head
    square = x * x
    error = ((head * head - square) + 2 * head * rest) + rest * rest
    phase = np.fmod(square, 4.0) + error
    return (np.cos if cosine else np.sin)((np.pi / 2) * phase)


def _wave_slope(y: Any, x: Any, *, cosine: bool) -> Any:
    slope = math.pi * x * fresnel_wave(x, cosine=not cosine)
    return -slope if cosine else slope


fresnel_wave = elementwise(
    "fresnel_wave",
    in_double(_wave),
    _wave_slope,
    params={"cosine": [False, True]},
    doc="sin or cos of pi x**2 / 2.",
    public=False,
)
fresnel_sine = elementwise(
    "fresnel_sine",
    in_double(lambda x: special().fresnel(x)[0]),
    lambda y, x: fresnel_wave(x, cosine=False),
    doc="The integral of sin(pi t**2 / 2) from 0 to x.",
    public=False,
)
fresnel_cosine = elementwise(
    "fresnel_cosine",
    in_double(lambda x: special().fresnel(x)[1]),
    lambda y, x: fresnel_wave(x, cosine=True),
    doc="The integral of cos(pi t**2 / 2) from 0 to x.",
    public=False,
)

# -- two more ----------------------------------------------------------------------------------------------------------


def _owens_slope(y: Any, h: Any, a: Any) -> Any:
    h, a = as_result(h, y), as_result(a, y)
    return exp(-0.5 * (h * h)) * erf(a * h * math.sqrt(0.5)) * (-0.5 / math.sqrt(2 * math.pi))


def _owens_slope_in_a(y: Any, h: Any, a: Any) -> Any:
    h, a = as_result(h, y), as_result(a, y)
    return exp(-0.5 * (h * h) * (1.0 + a * a)) / (1.0 + a * a) * (0.5 / math.pi)


owens_t = elementwise(
    "owens_t",
    scipy_values("owens_t"),
    _owens_slope,
    _owens_slope_in_a,
    domain=(-1.5, 1.5),
    doc=documented(
        "Owen's T function: the probability of ``X > h`` and ``0 < Y < a X``, for standard normal ``X`` and ``Y``.",
        "gt.special.owens_t(0.0, 1.0)",
        "Tensor(0.125)",
    ),
)


def _lambertw(xp: Any, x: Any, *, k: int) -> Any:
    dtype = float_type((x,))
    y = special().lambertw(x, k)
    return np.where(np.imag(y) == 0, np.real(y), np.nan).astype(dtype)[()]


lambertw = elementwise(
    "lambertw",
    _lambertw,
    lambda y, x, *, k: exp(-y) / (1.0 + y),
    params={"k": [0, -1]},
    sample=lambda rng: [
        *[((rng.uniform(-0.25, 4.0, shape),), {"k": 0}) for shape in ((2, 3), (), (0,))],
        ((rng.uniform(-0.25, -0.1, (3,)),), {"k": -1}),
    ],
    doc="A real branch, 0 or -1, of the solution w of ``w exp(w) = x``.",
    public=False,
)
