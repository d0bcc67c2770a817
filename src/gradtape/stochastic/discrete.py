"""Distributions of whole numbers: samples are constants, log_prob is differentiable in the parameters.

The derivative of the mean of f(k) is the mean of ``f(k) * d log_prob(k)``, the score function's estimate.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..numpy.activations import log_softmax
from ..numpy.indexing import take_along_axis
from ..primitives.gamma import gammaln
from ..primitives.incomplete import betaincc, gammaincc
from ..primitives.random_discrete import (
    bernoulli_quantile,
    binomial_quantile,
    categorical_quantile,
    poisson_quantile,
)
from ..primitives.reductions import sum as sum_of
from ..primitives.selection import where
from ..primitives.series import xlog1py, xlogy
from ..primitives.shapes import astype
from ..primitives.transcendental import exp
from ..record.tensor import Tensor
from ..record.writer import lift, strong
from .distribution import Distribution, inside

_gradtape_composes = True

__all__ = ["Bernoulli", "Binomial", "Categorical", "Poisson"]


def _count(k: Any, most: Any = math.inf) -> tuple[Any, Any]:
    """Whether k is a whole number from 0 to ``most``, and k as a float, 0 where it is not."""
    k = strong(lift(k))
    k = k if k.dtype.kind == "f" else astype(k, dtype="float64")
    good = (k >= 0) & (k <= most) & (k % 1.0 == 0)
    return good, where(good, k, 0.0)


class Poisson(Distribution):
    """Counts of mean ``rate``: ``P(k) = rate**k exp(-rate) / k!``."""

    parameters = ("rate",)
    discrete = True

    def __init__(self, rate: Any) -> None:
        self.rate = rate
        self._positive("rate")

    def log_prob(self, x: Any) -> Tensor:
        (rate,) = self._values()
        good, k = _count(x)
        return inside(good, xlogy(k, rate) - rate - gammaln(k + 1.0), -math.inf)

    def cdf(self, x: Any) -> Tensor:
        (rate,) = self._values()
        x = strong(lift(x))
        k = where(x >= 0, x // 1, 0.0)
        return inside(x >= 0, gammaincc(k + 1.0, rate), 0.0)

    def icdf(self, p: Any) -> Tensor:
        return poisson_quantile(self._values()[0], strong(lift(p)))

    @property
    def mean(self) -> Tensor:
        return self._whole(self.rate)

    @property
    def variance(self) -> Tensor:
        return self._whole(self.rate)


class Binomial(Distribution):
    """How many of ``n`` trials succeed that each do with probability ``p``."""

    parameters = ("n", "p")
    discrete = True

    def __init__(self, n: Any, p: Any) -> None:
        self.n, self.p = n, p

    def _values(self) -> list[Tensor]:
        n, p = super()._values()
        return [n if n.dtype.kind == "f" else astype(n, dtype="float64"), p]

    def log_prob(self, x: Any) -> Tensor:
        n, p = self._values()
        good, k = _count(x, n)
        ways = gammaln(n + 1.0) - gammaln(k + 1.0) - gammaln(n - k + 1.0)
        return inside(good, ways + xlogy(k, p) + xlog1py(n - k, -p), -math.inf)

    def cdf(self, x: Any) -> Tensor:
        n, p = self._values()
        x = strong(lift(x))
        within = (x >= 0) & (x < n)
        k = where(within, x // 1, 0.0)
        value = betaincc(k + 1.0, where(within, n - k, 1.0), p)
        return where(within, value, where(x >= n, 1.0, 0.0))

    def icdf(self, p: Any) -> Tensor:
        return binomial_quantile(*self._values(), strong(lift(p)))

    @property
    def mean(self) -> Tensor:
        n, p = self._values()
        return self._whole(n * p)

    @property
    def variance(self) -> Tensor:
        n, p = self._values()
        return self._whole(n * p * (1.0 - p))


class Bernoulli(Distribution):
    """1 (True) with probability ``p``, else 0."""

    parameters = ("p",)
    discrete = True

    def __init__(self, p: Any) -> None:
        self.p = p

    def log_prob(self, x: Any) -> Tensor:
        (p,) = self._values()
        good, k = _count(x, 1.0)
        return inside(good, xlogy(k, p) + xlog1py(1.0 - k, -p), -math.inf)

    def cdf(self, x: Any) -> Tensor:
        (p,) = self._values()
        x = strong(lift(x))
        return where(x < 0, 0.0, where(x >= 1, 1.0, 1.0 - p))

    def icdf(self, p: Any) -> Tensor:
        return bernoulli_quantile(self._values()[0], 1.0 - strong(lift(p)))

    def from_uniform(self, *u: Any) -> Tensor:
        return bernoulli_quantile(self._values()[0], u[0])

    @property
    def mean(self) -> Tensor:
        return self._whole(self.p)

    @property
    def variance(self) -> Tensor:
        (p,) = self._values()
        return self._whole(p * (1.0 - p))


class Categorical(Distribution):
    """Classes 0, 1 ... with probabilities proportional to ``exp(logits)`` along the last axis."""

    parameters = ("logits",)
    discrete = True

    def __init__(self, logits: Any) -> None:
        self.logits = logits

    @property
    def batch_shape(self) -> tuple[int, ...]:
        return self._values()[0].shape[:-1]

    @property
    def probabilities(self) -> Tensor:
        """Of each class."""
        return exp(log_softmax(self._values()[0], axis=-1))

    def log_prob(self, x: Any) -> Tensor:
        logs = log_softmax(self._values()[0], axis=-1)
        good, k = _count(x, logs.shape[-1] - 1)
        k = astype(k, dtype="int64")
        shape = np.broadcast_shapes(k.shape, logs.shape[:-1])
        whole = (logs + np.zeros((*shape, 1)), k + np.zeros(shape, np.int64))
        return inside(good, take_along_axis(whole[0], whole[1][..., None], axis=-1)[..., 0], -math.inf)

    def cdf(self, x: Any) -> Tensor:
        p = self.probabilities
        return sum_of(where(np.arange(p.shape[-1]) <= strong(lift(x))[..., None], p, 0.0), axis=-1, keepdims=False)

    def icdf(self, p: Any) -> Tensor:
        return categorical_quantile(self._values()[0], strong(lift(p)), logs=True)

    def _moment(self, power: int) -> Tensor:
        p = self.probabilities
        return sum_of(p * np.arange(p.shape[-1], dtype=np.float64) ** power, axis=-1, keepdims=False)

    @property
    def mean(self) -> Tensor:
        return self._moment(1)

    @property
    def variance(self) -> Tensor:
        mean = self._moment(1)
        return self._moment(2) - mean * mean
