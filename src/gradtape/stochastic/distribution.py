"""What every distribution has: parameters that may be Variables, samples from seeded draws, densities and moments."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ..errors import message
from ..primitives.selection import where
from ..primitives.shapes import broadcast_to, held
from ..primitives.transcendental import exp, sqrt
from ..record import sites
from ..record.draws import mark
from ..record.tensor import Tensor, value_of
from ..record.writer import lift, strong
from ..state import random

_gradtape_composes = True

__all__ = ["Distribution", "attached", "inside"]


def inside(mask: Any, value: Any, otherwise: float) -> Tensor:
    """``value`` where ``mask``, a constant elsewhere."""
    return where(mask, value, otherwise)


def attached(z: Any, distribution: Callable[[Any], Any], density: Callable[[Any], Any], u: Any, steps: int = 3) -> Any:
    """The root z of ``distribution(z) = u``, found already, with its derivatives up to order ``2**steps - 1``.

    Each of Newton's steps leaves the value, and doubles the number of orders that are right (Griewank & Walther 2008).
    """
    z = held(strong(z))
    for _ in range(steps):
        z = z - (distribution(z) - u) / density(z)
    return z


class Distribution:
    """A distribution with parameters that broadcast: ``batch_shape``; one sample has the shape ``event_shape`` more.

    Parameters are kept as they were given.  A Variable is read whenever it is used, so the distribution follows it.
    """

    #: Names of the parameters: attributes.
    parameters: tuple[str, ...] = ()
    #: How many uniform draws a sample is made of.
    draws = 1
    #: Samples are integers or booleans: they have no derivative.
    discrete = False

    def _values(self) -> list[Tensor]:
        return [strong(lift(getattr(self, name))) for name in self.parameters]

    def __repr__(self) -> str:
        told = ", ".join(f"{name}={getattr(self, name)!r}" for name in self.parameters)
        return f"{type(self).__name__}({told})"

    def _positive(self, *names: str) -> None:
        for name in names:
            raw = value_of(lift(getattr(self, name)))
            if np.any(np.less_equal(raw, 0)):
                raise ValueError(
                    message(
                        f"{type(self).__name__}: {name} must be positive",
                        [f"the least is {np.min(raw)}"],
                        str(sites.user_line()),
                        f"Make it so, by softplus or exp for instance, where {name} is learnt.",
                    )
                )

    @property
    def event_shape(self) -> tuple[int, ...]:
        """The shape of one sample."""
        return ()

    @property
    def batch_shape(self) -> tuple[int, ...]:
        """What the parameters broadcast to."""
        return np.broadcast_shapes(*[p.shape for p in self._values()])

    @property
    def noise_shape(self) -> tuple[int, ...]:
        """The shape of each of the uniform draws that one sample of the batch is made of."""
        return self.event_shape

    def sample(self, shape: Any = (), seed: Any = None) -> Tensor:
        """Samples, of shape ``(*shape, *batch_shape, *event_shape)``, differentiable in the parameters.

        ``seed``: a whole number, or a generator to draw from; by default the shared one of ``gt.random``.
        """
        sizes = (int(shape),) if np.ndim(shape) == 0 else tuple(int(n) for n in shape)
        rng = random.shared() if seed is None else random.default_rng(seed)
        whole = (*sizes, *self.batch_shape, *self.noise_shape)
        made = self.from_uniform(*[rng.draw(whole) for _ in range(self.draws)])
        return made if self.discrete else mark(made)

    def from_uniform(self, *u: Any) -> Tensor:
        """The samples that ``draws`` arrays of uniform draws make, each of shape ``(..., *batch_shape, *noise_shape)``.

        With points of a low-discrepancy sequence instead of draws this is quasi-Monte Carlo.
        """
        return self.icdf(*u)

    def log_prob(self, x: Any) -> Tensor:
        """The logarithm of the density, or of the probability, at ``x``."""
        raise self._without("log_prob")

    def prob(self, x: Any) -> Tensor:
        """The density, or the probability, at ``x``."""
        return exp(self.log_prob(x))

    def cdf(self, x: Any) -> Tensor:
        """The probability of at most ``x``."""
        raise self._without("cdf")

    def icdf(self, p: Any) -> Tensor:
        """The quantile: the x with ``cdf(x) = p``; of a discrete distribution the least with ``cdf(x) >= p``."""
        raise self._without("icdf")

    @property
    def mean(self) -> Tensor:
        """The mean."""
        raise self._without("mean")

    @property
    def variance(self) -> Tensor:
        """The variance, element by element."""
        raise self._without("variance")

    @property
    def stddev(self) -> Tensor:
        """The root of the variance."""
        return sqrt(self.variance)

    def _whole(self, x: Any) -> Tensor:
        """``x`` for the whole batch."""
        x, shape = strong(lift(x)), (*self.batch_shape, *self.event_shape)
        return x if x.shape == shape else broadcast_to(x, shape=shape)

    def _without(self, asked: str) -> NotImplementedError:
        return NotImplementedError(
            message(
                f"{type(self).__name__} has no {asked}",
                where=str(sites.user_line()),
                remedy="Several dimensions have no order, so no quantile."
                if self.event_shape
                else "Estimate it from samples.",
            )
        )
