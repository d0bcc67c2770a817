"""Quantile functions z = F^-1(u; theta): what turns a uniform draw into a sample, differentiable in its parameters.

u is held while theta moves, so dz = (du - F_theta dtheta) / f(z) (implicit reparametrisation; Figurnov et al. 2018,
Jankowiak & Obermeyer 2018).  The rule is closed: F_theta and f are rows at z, differentiable again, so that every order
is right, the second too.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..rules.kinds import constant, elementwise
from .error_functions import erfcx
from .precision import as_result
from .predicates import isfinite
from .random_roots import (
    log_gamma_density_values,
    log_gamma_quantile_values,
    log_gamma_shape_values,
    log_inverse_gaussian_quantile_values,
    von_mises_cdf_values,
    von_mises_density_values,
    von_mises_quantile_values,
    von_mises_shape_values,
)
from .selection import where
from .special_values import in_double, special
from .transcendental import exp, sin, sqrt

_UNIT = (0.15, 0.85)
_ROOT_TWO_PI = math.sqrt(2 * math.pi)

# -- gamma -------------------------------------------------------------------------------------------------------------

log_gamma_density = elementwise(
    "log_gamma_density",
    in_double(lambda a, w, *, n: log_gamma_density_values(a, w, n)),
    lambda y, a, w, *, n: log_gamma_density(a, w, n=n + 1),
    lambda y, a, w, *, n: (a - exp(w)) * y + (n * log_gamma_density(a, w, n=n - 1) if n else 0.0 * y),
    params={"n": [0, 1, 2]},
    domain=((0.3, 4.0), (-2.0, 1.6)),
    doc="d^n/da^n of the density of the logarithm w of a gamma draw, ``exp(a w - exp(w)) / gamma(a)``.",
    public=False,
)
log_gamma_shape = elementwise(
    "log_gamma_shape",
    in_double(lambda a, w, *, n: log_gamma_shape_values(a, w, n)),
    lambda y, a, w, *, n: log_gamma_shape(a, w, n=n + 1),
    lambda y, a, w, *, n: log_gamma_density(a, w, n=n),
    params={"n": [1, 2]},
    domain=((0.3, 4.0), (-2.0, 1.6)),
    doc="d^n/da^n of the probability that the logarithm of a gamma draw is below w.",
    public=False,
)
log_gamma_quantile = elementwise(
    "log_gamma_quantile",
    in_double(log_gamma_quantile_values),
    lambda w, a, u: -log_gamma_shape(a, w, n=1) / log_gamma_density(a, w, n=0),
    lambda w, a, u: 1.0 / log_gamma_density(a, w, n=0),
    sample=lambda rng: [
        *[
            ((rng.uniform(0.5, 4.0, s[0]), rng.uniform(*_UNIT, s[1])), {})
            for s in [((3,), (3,)), ((2, 1), (3,)), ((), ()), ((0,), (1,))]
        ],
        ((np.array([0.02, 0.05, 30.0]), np.array([0.1, 0.4, 0.7])), {}),
    ],
    doc="The logarithm of the quantile of the gamma distribution of shape a: no underflow, however small a is.",
    public=False,
)

# -- inverse Gaussian ----------------------------------------------------------------------------------------------


def _ig_slope(w: Any, phi: Any, u: Any) -> Any:
    """(1/sqrt(phi) - 2 exp(w/2) M(b)) / sqrt(phi), Mills' ratio at b = sqrt(phi) (exp(w/2) + exp(-w/2))."""
    root, half = sqrt(as_result(phi, w)), exp(0.5 * w)
    b = root * (half + 1.0 / half)
    return (1.0 / root - 2.0 * half * (math.sqrt(math.pi / 2) * erfcx(b * math.sqrt(0.5)))) / root


def _ig_in_u(w: Any, phi: Any, u: Any) -> Any:
    root, half = sqrt(as_result(phi, w)), exp(0.5 * w)
    a = root * (half - 1.0 / half)
    return half * exp(0.5 * (a * a)) * _ROOT_TWO_PI / root


log_inverse_gaussian_quantile = elementwise(
    "log_inverse_gaussian_quantile",
    in_double(log_inverse_gaussian_quantile_values),
    _ig_slope,
    _ig_in_u,
    domain=((0.4, 4.0), _UNIT),
    doc="The logarithm of the quantile of the inverse Gaussian distribution of mean 1 and shape phi.",
    public=False,
)

# -- truncated normal --------------------------------------------------------------------------------------------------


def _truncated(a: Any, b: Any, u: Any) -> Any:
    s = special()
    # Mirrored where most of the draw's probability lies above 0, so that what is computed is a lower tail.
    mirrored = (1 - u) * s.ndtr(a) + u * s.ndtr(b) > 0.5
    a, b, u = np.where(mirrored, -b, a), np.where(mirrored, -a, b), np.where(mirrored, 1 - u, u)
    z = s.ndtri_exp(np.logaddexp(np.log1p(-u) + s.log_ndtr(a), np.log(u) + s.log_ndtr(b)))
    z = np.clip(z, a, b)
    return np.where(mirrored, -z, z)


def _relative_density(end: Any, z: Any) -> Any:
    """n(end) / n(z) for the normal density n; 0, with all its derivatives, for an infinite end."""
    inside = isfinite(end)
    end = where(inside, end, 0.0)
    ratio = exp(0.5 * (z - end) * (z + end))
    return where(inside, ratio, 0.0 * ratio)


def _truncated_in_u(z: Any, a: Any, b: Any, u: Any) -> Any:
    return exp(log_normal_mass(a, b) + 0.5 * (z * z)) * _ROOT_TWO_PI


def _log_mass(a: Any, b: Any) -> Any:
    s = special()
    mirrored = a + b > 0
    low, high = np.where(mirrored, -b, a), np.where(mirrored, -a, b)
    return s.log_ndtr(high) + np.log(-np.expm1(np.minimum(s.log_ndtr(low) - s.log_ndtr(high), 0.0)))


def _mass_slope(y: Any, end: Any) -> Any:
    inside = isfinite(end)
    end = where(inside, end, 0.0)
    slope = exp(-0.5 * (end * end) - y) * (1.0 / _ROOT_TWO_PI)
    return where(inside, slope, 0.0 * slope)


log_normal_mass = elementwise(
    "log_normal_mass",
    in_double(_log_mass),
    lambda y, a, b: -_mass_slope(y, a),
    lambda y, a, b: _mass_slope(y, b),
    domain=((-2.0, -0.3), (0.2, 2.0)),
    doc="The logarithm of the standard normal probability between a and b.",
    public=False,
)
truncated_normal_quantile = elementwise(
    "truncated_normal_quantile",
    in_double(_truncated),
    lambda z, a, b, u: (1.0 - as_result(u, z)) * _relative_density(a, z),
    lambda z, a, b, u: u * _relative_density(b, z),
    _truncated_in_u,
    sample=lambda rng: [
        ((rng.uniform(-2.0, -0.3, s[0]), rng.uniform(0.2, 2.0, s[1]), rng.uniform(*_UNIT, s[2])), {})
        for s in [((3,), (3,), (3,)), ((2, 1), (3,), ()), ((), (), ()), ((0,), (1,), ())]
    ],
    doc="The quantile of the standard normal distribution between a and b.",
    public=False,
)

# -- von Mises ---------------------------------------------------------------------------------------------------------

von_mises_density = elementwise(
    "von_mises_density",
    in_double(lambda k, z, *, n: von_mises_density_values(k, z, n)),
    lambda y, k, z, *, n: von_mises_density(k, z, n=n + 1),
    lambda y, k, z, *, n: -sin(z) * (k * y + (n * von_mises_density(k, z, n=n - 1) if n else 0.0 * y)),
    params={"n": [0, 1, 2]},
    domain=((0.3, 4.0), (-3.0, 3.0)),
    doc="d^n/dk^n of ``exp(k cos z) / (2 pi I0(k))``.",
    public=False,
)
von_mises_shape = elementwise(
    "von_mises_shape",
    in_double(lambda k, z, *, n: von_mises_shape_values(k, z, n)),
    lambda y, k, z, *, n: von_mises_shape(k, z, n=n + 1),
    lambda y, k, z, *, n: von_mises_density(k, z, n=n),
    params={"n": [1, 2]},
    domain=((0.3, 4.0), (-3.0, 3.0)),
    doc="d^n/dk^n of the von Mises probability from -pi to z.",
    public=False,
)
von_mises_cdf = elementwise(
    "von_mises_cdf",
    in_double(von_mises_cdf_values),
    lambda y, k, z: von_mises_shape(k, z, n=1),
    lambda y, k, z: von_mises_density(k, z, n=0),
    domain=((0.3, 4.0), (-3.0, 3.0)),
    doc="The von Mises probability from -pi to z, for z between -pi and pi.",
    public=False,
)
von_mises_quantile = elementwise(
    "von_mises_quantile",
    in_double(von_mises_quantile_values),
    lambda z, k, u: -von_mises_shape(k, z, n=1) / von_mises_density(k, z, n=0),
    lambda z, k, u: 1.0 / von_mises_density(k, z, n=0),
    domain=((0.3, 4.0), _UNIT),
    doc="The quantile of the von Mises distribution of concentration k, between -pi and pi.",
    public=False,
)

# -- Student's t -------------------------------------------------------------------------------------------------------

student_root = constant(
    "student_root",
    in_double(lambda df, u: special().stdtrit(df, u)),
    arity=2,
    sample=lambda rng: [
        ((rng.uniform(0.5, 9.0, s[0]), rng.uniform(*_UNIT, s[1])), {}) for s in [((3,), (3,)), ((2, 1), (3,)), ((), ())]
    ],
    doc="The quantile of Student's t distribution, held: who asks for it attaches the derivatives.",
    public=False,
)

# -- without parameters --------------------------------------------------------------------------------------------


def _cauchy(u: Any) -> Any:
    return np.where(u < 0.5, -1.0, 1.0) / np.tan(np.pi * np.minimum(u, 1 - u))


cauchy_quantile = elementwise(
    "cauchy_quantile",
    in_double(_cauchy),
    lambda z, u: math.pi * (1.0 + z * z),
    domain=_UNIT,
    doc="The quantile of the standard Cauchy distribution, ``-1 / tan(pi u)``.",
    public=False,
)
laplace_quantile = elementwise(
    "laplace_quantile",
    in_double(lambda u: np.where(u < 0.5, np.log(2 * u), -np.log(2 * (1 - u)))),
    lambda z, u: where(u < 0.5, 1.0 / u, 1.0 / (1.0 - u)),
    domain=_UNIT,
    doc="The quantile of the standard Laplace distribution: ``log(2 u)`` below 1/2, ``-log(2 - 2 u)`` above.",
    public=False,
)
gumbel_quantile = elementwise(
    "gumbel_quantile",
    in_double(lambda u: -np.log(-np.log(u))),
    lambda z, u: exp(z) / u,
    domain=_UNIT,
    doc="The quantile of the standard Gumbel distribution, ``-log(-log(u))``.",
    public=False,
)
