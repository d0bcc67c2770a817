"""The normal distribution and its kin: of vectors, of logarithms, truncated."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..numpy import sampling
from ..numpy.creation import asarray
from ..numpy.decompositions import solve_triangular
from ..numpy.linalg import cholesky, diagonal
from ..primitives.error_functions import ndtr
from ..primitives.predicates import isfinite
from ..primitives.random_quantiles import log_normal_mass
from ..primitives.reductions import sum as sum_of
from ..primitives.selection import where
from ..primitives.transcendental import exp, expm1, log
from ..record.tensor import Tensor, value_of
from ..record.writer import lift, strong
from .distribution import Distribution, inside

_gradtape_composes = True

__all__ = ["LogNormal", "MultivariateNormal", "Normal", "TruncatedNormal"]

_HALF_LOG_2PI = 0.5 * math.log(2 * math.pi)


class Normal(Distribution):
    """The normal distribution of mean ``loc`` and standard deviation ``scale``.

    >>> import gradtape as gt
    >>> gt.stochastic.Normal(0.0, 2.0).cdf(0.0)
    Tensor(0.5)
    """

    parameters = ("loc", "scale")

    def __init__(self, loc: Any = 0.0, scale: Any = 1.0) -> None:
        self.loc, self.scale = loc, scale
        self._positive("scale")

    def log_prob(self, x: Any) -> Tensor:
        loc, scale = self._values()
        z = (strong(lift(x)) - loc) / scale
        return -0.5 * (z * z) - log(scale) - _HALF_LOG_2PI

    def cdf(self, x: Any) -> Tensor:
        loc, scale = self._values()
        return ndtr((strong(lift(x)) - loc) / scale)

    def icdf(self, p: Any) -> Tensor:
        return sampling.normal(p, *self._values())

    @property
    def mean(self) -> Tensor:
        return self._whole(self.loc)

    @property
    def variance(self) -> Tensor:
        scale = self._values()[1]
        return self._whole(scale * scale)


class LogNormal(Normal):
    """``exp`` of a normal variable of mean ``loc`` and standard deviation ``scale``."""

    def log_prob(self, x: Any) -> Tensor:
        x = strong(lift(x))
        positive = x > 0
        y = log(where(positive, x, 1.0))
        return inside(positive, super().log_prob(y) - y, -math.inf)

    def cdf(self, x: Any) -> Tensor:
        x = strong(lift(x))
        positive = x > 0
        return inside(positive, super().cdf(log(where(positive, x, 1.0))), 0.0)

    def icdf(self, p: Any) -> Tensor:
        return sampling.lognormal(p, *self._values())

    @property
    def mean(self) -> Tensor:
        loc, scale = self._values()
        return self._whole(exp(loc + 0.5 * (scale * scale)))

    @property
    def variance(self) -> Tensor:
        loc, scale = self._values()
        square = scale * scale
        return self._whole(exp(2.0 * loc + square) * expm1(square))


class TruncatedNormal(Distribution):
    """The normal distribution of ``loc`` and ``scale``, held between ``low`` and ``high``.

    ``loc`` and ``scale`` are those before it is held; an end may be infinite.  All four parameters have derivatives.
    """

    parameters = ("loc", "scale", "low", "high")

    def __init__(self, loc: Any = 0.0, scale: Any = 1.0, low: Any = -math.inf, high: Any = math.inf) -> None:
        self.loc, self.scale, self.low, self.high = loc, scale, low, high
        self._positive("scale")
        if np.any(np.greater_equal(value_of(lift(low)), value_of(lift(high)))):
            raise ValueError("TruncatedNormal: low must be below high")

    def _ends(self) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        loc, scale, low, high = self._values()
        return loc, scale, sampling.standardised(low, loc, scale), sampling.standardised(high, loc, scale)

    def log_prob(self, x: Any) -> Tensor:
        loc, scale, a, b = self._ends()
        x = strong(lift(x))
        z = (x - loc) / scale
        value = -0.5 * (z * z) - log(scale) - _HALF_LOG_2PI - log_normal_mass(a, b)
        return inside((x >= self.low) & (x <= self.high), value, -math.inf)

    def cdf(self, x: Any) -> Tensor:
        loc, scale, a, b = self._ends()
        x = strong(lift(x))
        within = (x > self.low) & (x < self.high)
        z = (where(within, x, loc) - loc) / scale
        safe_a, safe_b = where(within, a, z - 1.0), where(within, b, z + 1.0)
        share = exp(log_normal_mass(safe_a, z) - log_normal_mass(safe_a, safe_b))
        return where(within, share, where(x >= self.high, 1.0, 0.0))

    def icdf(self, p: Any) -> Tensor:
        return sampling.truncated_normal(p, *self._values())

    def _edges(self) -> tuple[Tensor, Tensor, list[Any], list[Any]]:
        """The density at both ends over the mass between, and the same times the end: 0 at an infinite one."""
        loc, scale, a, b = self._ends()
        mass = log_normal_mass(a, b)
        heights: list[Any] = []
        moments: list[Any] = []
        for end in (a, b):
            finite = isfinite(end)
            safe = where(finite, end, 0.0)
            height = where(finite, exp(-0.5 * (safe * safe) - mass - _HALF_LOG_2PI), 0.0)
            heights.append(height)
            moments.append(safe * height)
        return loc, scale, heights, moments

    @property
    def mean(self) -> Tensor:
        loc, scale, heights, _ = self._edges()
        return self._whole(loc + scale * (heights[0] - heights[1]))

    @property
    def variance(self) -> Tensor:
        _, scale, heights, moments = self._edges()
        shift = heights[0] - heights[1]
        return self._whole(scale * scale * (1.0 + (moments[0] - moments[1]) - shift * shift))


class MultivariateNormal(Distribution):
    """Normal vectors of mean ``loc`` and covariance ``cov``, or ``L L'`` of a lower triangle ``scale_tril``."""

    def __init__(self, loc: Any, cov: Any = None, *, scale_tril: Any = None) -> None:
        if (cov is None) == (scale_tril is None):
            raise ValueError("MultivariateNormal: give cov or scale_tril, one of them")
        self.loc, self.cov, self.scale_tril = loc, cov, scale_tril
        self.parameters = ("loc", "scale_tril" if cov is None else "cov")

    def _factor(self) -> Tensor:
        return asarray(self.scale_tril) if self.cov is None else cholesky(asarray(self.cov))

    @property
    def event_shape(self) -> tuple[int, ...]:
        return self._values()[1].shape[-1:]

    @property
    def batch_shape(self) -> tuple[int, ...]:
        loc, matrix = self._values()
        return np.broadcast_shapes(loc.shape[:-1], matrix.shape[:-2])

    def from_uniform(self, *u: Any) -> Tensor:
        return sampling.multivariate_normal(u[0], self._values()[0], scale_tril=self._factor())

    def log_prob(self, x: Any) -> Tensor:
        factor = self._factor()
        z = solve_triangular(factor, (strong(lift(x)) - self._values()[0])[..., None], lower=True)[..., 0]
        n = self.event_shape[0]
        size = sum_of(log(abs(diagonal(factor))), axis=-1, keepdims=False)
        return -0.5 * sum_of(z * z, axis=-1, keepdims=False) - size - n * _HALF_LOG_2PI

    @property
    def mean(self) -> Tensor:
        return self._whole(self.loc)

    @property
    def variance(self) -> Tensor:
        factor = self._factor()
        return self._whole(sum_of(factor * factor, axis=-1, keepdims=False))

    @property
    def covariance(self) -> Tensor:
        """The matrix of covariances."""
        factor = self._factor()
        return factor @ factor.mT if self.cov is None else asarray(self.cov)
