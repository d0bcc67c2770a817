"""Mixtures: samples by the inverse of the mixture's own distribution function, so that the weights have derivatives.

To draw a component and then from it would make the sample jump as the weights move, and lose their derivative.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..numpy.activations import log_softmax, logsumexp
from ..numpy.joining import stack
from ..primitives.reductions import sum as sum_of
from ..primitives.transcendental import exp
from ..record.segment import Pause
from ..record.tensor import Tensor, value_of
from ..record.writer import lift, strong
from .distribution import Distribution, attached

_gradtape_composes = True

__all__ = ["Mixture"]


class Mixture(Distribution):
    """One of ``components``, with probabilities proportional to ``exp(logits)`` along the last axis of ``logits``.

    The components are continuous distributions of numbers.  Samples have their derivatives up to order 7.

    >>> import gradtape as gt
    >>> two = gt.stochastic.Mixture([0.0, 0.0], [gt.stochastic.Normal(-1.0), gt.stochastic.Normal(3.0)])
    >>> two.mean
    Tensor(1.0)
    """

    parameters = ("logits",)

    def __init__(self, logits: Any, components: Sequence[Distribution]) -> None:
        self.logits, self.components = logits, list(components)
        if any(c.discrete or c.event_shape for c in self.components):
            raise ValueError("Mixture: the components are continuous distributions of numbers")
        if self._values()[0].shape[-1:] != (len(self.components),):
            raise ValueError(f"Mixture: {len(self.components)} components need as many logits along the last axis")

    def __repr__(self) -> str:
        return f"Mixture({self.logits!r}, {self.components!r})"

    @property
    def batch_shape(self) -> tuple[int, ...]:
        shapes = [c.batch_shape for c in self.components]
        return np.broadcast_shapes(self._values()[0].shape[:-1], *shapes)

    def _log_weights(self) -> Tensor:
        return log_softmax(self._values()[0], axis=-1)

    def _mean_of(self, parts: list[Any]) -> Tensor:
        return sum_of(exp(self._log_weights()) * _stacked(parts), axis=-1, keepdims=False)

    def log_prob(self, x: Any) -> Tensor:
        return logsumexp(self._log_weights() + _stacked([c.log_prob(x) for c in self.components]), axis=-1)

    def cdf(self, x: Any) -> Tensor:
        return self._mean_of([c.cdf(x) for c in self.components])

    def icdf(self, p: Any) -> Tensor:
        p = strong(lift(p))
        # The root is found in NumPy: that these values were used is noted on the record, as a replay with others
        # (gt.vmap over them) has to refuse.
        for value in (p, *self._values(), *[v for c in self.components for v in c._values()]):
            np.asarray(value)
        with Pause():
            root = self._root(value_of(p))
        return attached(root, self.cdf, self.prob, p)

    def _root(self, p: Any) -> Tensor:
        """Between the least and the greatest of the components' quantiles, by halving and Newton's method."""
        ends = np.stack(np.broadcast_arrays(*[value_of(c.icdf(p)) for c in self.components]))
        low, high = ends.min(0), ends.max(0)
        x = 0.5 * (low + high)
        for _ in range(100):
            gap = value_of(self.cdf(Tensor(x))) - p
            low, high = np.where(gap < 0, x, low), np.where(gap > 0, x, high)
            with np.errstate(all="ignore"):
                newton = x - gap / value_of(self.prob(Tensor(x)))
            new = np.where((newton >= low) & (newton <= high), newton, 0.5 * (low + high))
            if np.all(np.abs(new - x) <= 1e-15 * (1e-3 + np.abs(x))):
                break
            x = new
        return Tensor(np.asarray(x)[()])

    @property
    def mean(self) -> Tensor:
        return self._mean_of([c.mean for c in self.components])

    @property
    def variance(self) -> Tensor:
        mean = self.mean
        return self._mean_of([c.variance + (c.mean - mean) * (c.mean - mean) for c in self.components])


def _stacked(parts: list[Any]) -> Tensor:
    shape = np.broadcast_shapes(*[p.shape for p in parts])
    return stack([p + np.zeros(shape) for p in parts], axis=-1)
