"""Distributions whose quantiles have a formula: uniform, exponential, Laplace, logistic, Cauchy, Gumbel, Weibull."""

from __future__ import annotations

import math
from typing import Any

from ..numpy import sampling
from ..primitives.activations import log_sigmoid, sigmoid
from ..primitives.gamma import gamma
from ..primitives.selection import where
from ..primitives.transcendental import arctan, exp, expm1, log, log1p
from ..record.tensor import Tensor
from ..record.writer import lift, strong
from .distribution import Distribution, inside

_gradtape_composes = True

__all__ = ["Cauchy", "Exponential", "Gumbel", "Laplace", "Logistic", "Uniform", "Weibull"]

_EULER = 0.5772156649015329


class _LocationScale(Distribution):
    """loc + scale * z, for a z without parameters."""

    parameters = ("loc", "scale")

    def __init__(self, loc: Any = 0.0, scale: Any = 1.0) -> None:
        self.loc, self.scale = loc, scale
        self._positive("scale")

    def _standard(self, x: Any) -> tuple[Tensor, Tensor]:
        """(x - loc) / scale and log(scale)."""
        loc, scale = self._values()
        return (strong(lift(x)) - loc) / scale, log(scale)

    def _squared(self, factor: float) -> Tensor:
        scale = self._values()[1]
        return self._whole(factor * (scale * scale))

    @property
    def mean(self) -> Tensor:
        return self._whole(self.loc)


class Laplace(_LocationScale):
    """Density ``exp(-abs(x - loc) / scale) / (2 scale)``."""

    def log_prob(self, x: Any) -> Tensor:
        z, log_scale = self._standard(x)
        return -abs(z) - log_scale - math.log(2)

    def cdf(self, x: Any) -> Tensor:
        z, _ = self._standard(x)
        half = 0.5 * exp(-abs(z))
        return where(z < 0, half, 1.0 - half)

    def icdf(self, p: Any) -> Tensor:
        return sampling.laplace(p, *self._values())

    @property
    def variance(self) -> Tensor:
        return self._squared(2.0)


class Logistic(_LocationScale):
    """Distribution function ``sigmoid((x - loc) / scale)``."""

    def log_prob(self, x: Any) -> Tensor:
        z, log_scale = self._standard(x)
        return log_sigmoid(z) + log_sigmoid(-z) - log_scale

    def cdf(self, x: Any) -> Tensor:
        return sigmoid(self._standard(x)[0])

    def icdf(self, p: Any) -> Tensor:
        return sampling.logistic(p, *self._values())

    @property
    def variance(self) -> Tensor:
        return self._squared(math.pi**2 / 3)


class Cauchy(_LocationScale):
    """Density ``1 / (pi scale (1 + ((x - loc) / scale)**2))``; it has no mean and no variance (nan)."""

    def log_prob(self, x: Any) -> Tensor:
        z, log_scale = self._standard(x)
        return -log1p(z * z) - log_scale - math.log(math.pi)

    def cdf(self, x: Any) -> Tensor:
        return 0.5 + arctan(self._standard(x)[0]) / math.pi

    def icdf(self, p: Any) -> Tensor:
        return sampling.cauchy(p, *self._values())

    @property
    def mean(self) -> Tensor:
        return self._whole(math.nan)

    @property
    def variance(self) -> Tensor:
        return self._whole(math.nan)


class Gumbel(_LocationScale):
    """Distribution function ``exp(-exp(-(x - loc) / scale))``: of maxima."""

    def log_prob(self, x: Any) -> Tensor:
        z, log_scale = self._standard(x)
        return -z - exp(-z) - log_scale

    def cdf(self, x: Any) -> Tensor:
        return exp(-exp(-self._standard(x)[0]))

    def icdf(self, p: Any) -> Tensor:
        return sampling.gumbel(p, *self._values())

    @property
    def mean(self) -> Tensor:
        loc, scale = self._values()
        return self._whole(loc + _EULER * scale)

    @property
    def variance(self) -> Tensor:
        return self._squared(math.pi**2 / 6)


class Uniform(Distribution):
    """Uniform between ``low`` and ``high``."""

    parameters = ("low", "high")

    def __init__(self, low: Any = 0.0, high: Any = 1.0) -> None:
        self.low, self.high = low, high

    def _share(self, x: Any) -> Tensor:
        low, high = self._values()
        return (strong(lift(x)) - low) / (high - low)

    def log_prob(self, x: Any) -> Tensor:
        low, high = self._values()
        share = self._share(x)
        return inside((share >= 0) & (share <= 1), -log(high - low), -math.inf)

    def cdf(self, x: Any) -> Tensor:
        share = self._share(x)
        return where(share < 0, 0.0, where(share > 1, 1.0, share))

    def icdf(self, p: Any) -> Tensor:
        return sampling.uniform(p, *self._values())

    @property
    def mean(self) -> Tensor:
        low, high = self._values()
        return self._whole(0.5 * (low + high))

    @property
    def variance(self) -> Tensor:
        low, high = self._values()
        return self._whole((high - low) * (high - low) / 12.0)


class Exponential(Distribution):
    """Density ``exp(-x / scale) / scale`` for x >= 0: mean ``scale``."""

    parameters = ("scale",)

    def __init__(self, scale: Any = 1.0) -> None:
        self.scale = scale
        self._positive("scale")

    def log_prob(self, x: Any) -> Tensor:
        (scale,) = self._values()
        x = strong(lift(x))
        return inside(x >= 0, -x / scale - log(scale), -math.inf)

    def cdf(self, x: Any) -> Tensor:
        x = strong(lift(x))
        return inside(x > 0, -expm1(-where(x > 0, x, 0.0) / self._values()[0]), 0.0)

    def icdf(self, p: Any) -> Tensor:
        return sampling.exponential(p, *self._values())

    @property
    def mean(self) -> Tensor:
        return self._whole(self.scale)

    @property
    def variance(self) -> Tensor:
        (scale,) = self._values()
        return self._whole(scale * scale)


class Weibull(Distribution):
    """Distribution function ``1 - exp(-(x / scale)**shape)``."""

    parameters = ("shape", "scale")

    def __init__(self, shape: Any, scale: Any = 1.0) -> None:
        self.shape, self.scale = shape, scale
        self._positive("shape", "scale")

    def _logs(self, x: Any) -> tuple[Any, Tensor, Tensor]:
        """x > 0, log(x), and the logarithm of (x / scale)**shape."""
        shape, scale = self._values()
        x = strong(lift(x))
        positive = x > 0
        log_x = log(where(positive, x, 1.0))
        return positive, log_x, shape * (log_x - log(scale))

    def log_prob(self, x: Any) -> Tensor:
        positive, log_x, power = self._logs(x)
        return inside(positive, log(self._values()[0]) - log_x + power - exp(power), -math.inf)

    def cdf(self, x: Any) -> Tensor:
        positive, _, power = self._logs(x)
        return inside(positive, -expm1(-exp(power)), 0.0)

    def icdf(self, p: Any) -> Tensor:
        return sampling.weibull(p, *self._values())

    def _moment(self, k: float) -> Tensor:
        shape, scale = self._values()
        return scale**k * gamma(1.0 + k / shape)

    @property
    def mean(self) -> Tensor:
        return self._whole(self._moment(1))

    @property
    def variance(self) -> Tensor:
        mean = self._moment(1)
        return self._whole(self._moment(2) - mean * mean)
