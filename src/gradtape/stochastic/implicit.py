"""Distributions with shapes: gamma, beta, Dirichlet, Student's t, von Mises, inverse Gaussian.

Samples are implicit functions of their uniform draws (primitives/random_quantiles.py), right at every order.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..numpy import sampling
from ..primitives.bessel import i0e, i1e
from ..primitives.error_functions import erfcx, ndtr
from ..primitives.gamma import betaln, gammaln
from ..primitives.incomplete import betainc, betaincc, gammainc
from ..primitives.random_quantiles import student_root, von_mises_cdf
from ..primitives.reductions import sum as sum_of
from ..primitives.selection import where
from ..primitives.series import xlog1py, xlogy
from ..primitives.special_values import gauss
from ..primitives.transcendental import exp, log, log1p, sin, sqrt
from ..record.tensor import Tensor
from ..record.writer import lift, strong
from .distribution import Distribution, attached, inside

_gradtape_composes = True

__all__ = ["Beta", "Dirichlet", "Gamma", "InverseGaussian", "StudentT", "VonMises"]


class Gamma(Distribution):
    """Density ``x**(shape-1) exp(-x/scale) / (gamma(shape) scale**shape)``."""

    parameters = ("shape", "scale")

    def __init__(self, shape: Any, scale: Any = 1.0) -> None:
        self.shape, self.scale = shape, scale
        self._positive("shape", "scale")

    def log_prob(self, x: Any) -> Tensor:
        shape, scale = self._values()
        x = strong(lift(x))
        z = where(x >= 0, x, 1.0) / scale
        return inside(x >= 0, xlogy(shape - 1.0, z) - z - gammaln(shape) - log(scale), -math.inf)

    def cdf(self, x: Any) -> Tensor:
        shape, scale = self._values()
        x = strong(lift(x))
        return inside(x > 0, gammainc(shape, where(x > 0, x, 1.0) / scale), 0.0)

    def icdf(self, p: Any) -> Tensor:
        return sampling.gamma(p, *self._values())

    @property
    def mean(self) -> Tensor:
        shape, scale = self._values()
        return self._whole(shape * scale)

    @property
    def variance(self) -> Tensor:
        shape, scale = self._values()
        return self._whole(shape * scale * scale)


class Beta(Distribution):
    """Density ``x**(a-1) (1-x)**(b-1) / beta(a, b)``; samples are ratios of gamma draws."""

    parameters = ("a", "b")
    draws = 2

    def __init__(self, a: Any, b: Any) -> None:
        self.a, self.b = a, b
        self._positive("a", "b")

    def from_uniform(self, *u: Any) -> Tensor:
        return sampling.beta(*u, *self._values())

    def log_prob(self, x: Any) -> Tensor:
        a, b = self._values()
        x = strong(lift(x))
        within = (x >= 0) & (x <= 1)
        z = where(within, x, 0.5)
        return inside(within, xlogy(a - 1.0, z) + xlog1py(b - 1.0, -z) - betaln(a, b), -math.inf)

    def cdf(self, x: Any) -> Tensor:
        a, b = self._values()
        x = strong(lift(x))
        within = (x > 0) & (x < 1)
        return where(within, betainc(a, b, where(within, x, 0.5)), where(x >= 1, 1.0, 0.0))

    def icdf(self, p: Any) -> Tensor:
        return sampling.beta_quantile(p, *self._values())

    @property
    def mean(self) -> Tensor:
        a, b = self._values()
        return self._whole(a / (a + b))

    @property
    def variance(self) -> Tensor:
        a, b = self._values()
        return self._whole(a * b / ((a + b) * (a + b) * (a + b + 1.0)))


class Dirichlet(Distribution):
    """Positive vectors of sum 1, of density ``prod x_i**(alpha_i - 1)`` over the beta function of ``alpha``."""

    parameters = ("alpha",)

    def __init__(self, alpha: Any) -> None:
        self.alpha = alpha
        self._positive("alpha")

    @property
    def event_shape(self) -> tuple[int, ...]:
        return self._values()[0].shape[-1:]

    @property
    def batch_shape(self) -> tuple[int, ...]:
        return self._values()[0].shape[:-1]

    def from_uniform(self, *u: Any) -> Tensor:
        return sampling.dirichlet(u[0], self._values()[0])

    def log_prob(self, x: Any) -> Tensor:
        (alpha,) = self._values()
        total = sum_of(alpha, axis=-1, keepdims=False)
        parts = xlogy(alpha - 1.0, strong(lift(x))) - gammaln(alpha)
        return sum_of(parts, axis=-1, keepdims=False) + gammaln(total)

    @property
    def mean(self) -> Tensor:
        (alpha,) = self._values()
        return alpha / sum_of(alpha, axis=-1, keepdims=True)

    @property
    def variance(self) -> Tensor:
        mean = self.mean
        return mean * (1.0 - mean) / (1.0 + sum_of(self._values()[0], axis=-1, keepdims=True))


class StudentT(Distribution):
    """Student's t with ``df`` degrees of freedom; samples are a normal over the root of a gamma draw."""

    parameters = ("df", "loc", "scale")
    draws = 2

    def __init__(self, df: Any, loc: Any = 0.0, scale: Any = 1.0) -> None:
        self.df, self.loc, self.scale = df, loc, scale
        self._positive("df", "scale")

    def from_uniform(self, *u: Any) -> Tensor:
        return sampling.student_t(*u, *self._values())

    def log_prob(self, x: Any) -> Tensor:
        df, loc, scale = self._values()
        return _log_student(df, (strong(lift(x)) - loc) / scale) - log(scale)

    def cdf(self, x: Any) -> Tensor:
        df, loc, scale = self._values()
        return _student_cdf(df, (strong(lift(x)) - loc) / scale)

    def icdf(self, p: Any) -> Tensor:
        df, loc, scale = self._values()
        p = strong(lift(p))
        z = attached(student_root(df, p), lambda z: _student_cdf(df, z), lambda z: exp(_log_student(df, z)), p)
        return loc + scale * z

    @property
    def mean(self) -> Tensor:
        df, loc, _ = self._values()
        return self._whole(where(df > 1, loc, math.nan))

    @property
    def variance(self) -> Tensor:
        df, _, scale = self._values()
        finite = where(df > 2, df, 3.0)
        return self._whole(where(df > 2, scale * scale * (finite / (finite - 2.0)), where(df > 1, math.inf, math.nan)))


def _log_student(df: Any, t: Any) -> Any:
    return -betaln(0.5 * df, Tensor(np.float64(0.5))) - 0.5 * log(df) - 0.5 * (df + 1.0) * log1p(t * t / df)


def _student_cdf(df: Any, t: Any) -> Any:
    """Near 0 by Gauss's rule, as the beta function's argument has a root's slope there; else by the beta function."""
    square = t * t
    near = (square < 0.25 * df) & (square < 0.25)
    # t times the mean of the density between 0 and t
    nodes, weights = gauss(24, 1)
    small = where(near, t, 0.0)
    densities = exp(_log_student(df[..., None], small[..., None] * nodes))
    middle = 0.5 + small * sum_of(densities * weights, axis=-1, keepdims=False)
    far = where(near, 1.0, t)
    square, half = far * far, Tensor(np.float64(0.5))
    whole = df + square
    # the smaller of the two arguments is exact
    tail = where(square > df, betainc(0.5 * df, half, df / whole), betaincc(half, 0.5 * df, square / whole))
    return where(near, middle, where(far < 0, 0.5 * tail, 1.0 - 0.5 * tail))


class VonMises(Distribution):
    """Angles of density ``exp(kappa cos(x - mu)) / (2 pi I0(kappa))``, from ``mu - pi`` to ``mu + pi``."""

    parameters = ("mu", "kappa")

    def __init__(self, mu: Any, kappa: Any) -> None:
        self.mu, self.kappa = mu, kappa
        self._positive("kappa")

    def log_prob(self, x: Any) -> Tensor:
        mu, kappa = self._values()
        half = sin(0.5 * (strong(lift(x)) - mu))
        return -2.0 * kappa * (half * half) - log(i0e(kappa)) - math.log(2 * math.pi)

    def cdf(self, x: Any) -> Tensor:
        mu, kappa = self._values()
        z = strong(lift(x)) - mu
        within = abs(z) < math.pi
        return where(within, von_mises_cdf(kappa, where(within, z, 0.0)), where(z > 0, 1.0, 0.0))

    def icdf(self, p: Any) -> Tensor:
        return sampling.von_mises(p, *self._values())

    @property
    def mean(self) -> Tensor:
        return self._whole(self.mu)

    @property
    def variance(self) -> Tensor:
        """The circular variance, ``1 - E[cos(x - mu)]``."""
        kappa = self._values()[1]
        return self._whole(1.0 - i1e(kappa) / i0e(kappa))


class InverseGaussian(Distribution):
    """The inverse Gaussian (Wald) distribution.

    Its density is ``sqrt(scale / (2 pi x**3)) exp(-scale (x - mean)**2 / (2 mean**2 x))``.
    """

    parameters = ("mu", "scale")

    def __init__(self, mu: Any, scale: Any = 1.0) -> None:
        self.mu, self.scale = mu, scale
        self._positive("mu", "scale")

    def log_prob(self, x: Any) -> Tensor:
        mu, scale = self._values()
        x = strong(lift(x))
        y = where(x > 0, x, 1.0)
        far = (y - mu) / mu
        value = 0.5 * (log(scale) - math.log(2 * math.pi) - 3.0 * log(y) - scale * (far * far) / y)
        return inside(x > 0, value, -math.inf)

    def cdf(self, x: Any) -> Tensor:
        """``ndtr(a) + n(a) M(b)``, n the normal density and M Mills' ratio (Shuster 1968), without overflow."""
        mu, scale = self._values()
        x = strong(lift(x))
        y = where(x > 0, x, 1.0)
        root = sqrt(scale / y)
        a, b = root * (y - mu) / mu, root * (y + mu) / mu
        return inside(x > 0, ndtr(a) + 0.5 * exp(-0.5 * (a * a)) * erfcx(b * math.sqrt(0.5)), 0.0)

    def icdf(self, p: Any) -> Tensor:
        return sampling.inverse_gaussian(p, *self._values())

    @property
    def mean(self) -> Tensor:
        return self._whole(self.mu)

    @property
    def variance(self) -> Tensor:
        mu, scale = self._values()
        return self._whole(mu * mu * mu / scale)
