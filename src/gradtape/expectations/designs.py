"""Which points the draws are made of, and what the standard error of their mean is."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np

from ..numpy.creation import asarray
from ..primitives.indexing import getitem
from ..primitives.joining import concat
from ..primitives.random_bits import random_uniform
from ..primitives.reductions import mean
from ..primitives.reductions import sum as sum_of
from ..primitives.shapes import broadcast_to, reshape
from ..primitives.transcendental import sqrt
from ..record.draws import mark
from ..record.segment import Pause
from ..record.tensor import Tensor
from ..record.writer import lift, strong
from ..state import random
from ..stochastic.distribution import Distribution

_gradtape_composes = True

__all__ = ["Design", "Seeded", "marginal"]

#: How many independent scramblings the points of a Sobol' sequence are split into.
REPLICATES = 16
#: How many coordinates more than the draws need are made ready, for estimators that sample sides of a kink.
MORE = 8


class Design:
    """Uniform points for ``n`` paths: independent, in antithetic pairs, in strata, or of a scrambled sequence.

    - ``"random"``: independent.
    - ``"antithetic"``: the second half is one less the first.
    - ``"strata"``: Latin hypercubes (McKay, Beckman & Conover 1979): each coordinate has one point in each stratum.
    - ``"sobol"``: Sobol' points with Owen's scrambling (Owen 1995).

    The last two come in 16 independent sets, from which the standard error is estimated.
    """

    def __init__(self, kind: str, n: int, rng: Any) -> None:
        self.kind, self.n, self.rng = kind, n, rng
        #: How many paths there are, where each of the n contributions is the mean of several.
        self.paths = n
        self._more: Any = None

    def draw(self, shape: tuple[int, ...], count: int) -> list[Any]:
        """``count`` arrays of points, each of shape (n, \\*shape), and afterwards ``more`` points of the same paths."""
        size = count * int(np.prod(shape, dtype=np.int64))
        if self.kind in ("random", "antithetic"):
            return [self._independent(shape) for _ in range(count)]
        points = (
            _strata(self.n, size + MORE, self.rng) if self.kind == "strata" else _sobol(self.n, size + MORE, self.rng)
        )
        self._more = points[:, size:]
        found = points[:, :size].reshape(self.n, count, *shape)
        return [mark(asarray(found[:, i])) for i in range(count)]

    def more(self, size: int, *, alone: bool = False) -> Any:
        """``size`` more coordinates for every path, of shape (n, size); in strata, if the paths have no others."""
        if alone and self.kind == "random" and self.n % REPLICATES == 0 and self.n >= 2 * REPLICATES:
            self.kind, self._more = "strata", _strata(self.n, max(size, MORE), self.rng)
        if self._more is not None and size <= self._more.shape[1]:
            return mark(asarray(self._more[:, :size]))
        return self._independent((size,))

    def _independent(self, shape: tuple[int, ...]) -> Any:
        if self.kind != "antithetic":
            return self.rng.draw((self.n, *shape))
        half = self.rng.draw((self.n // 2, *shape))
        return concat(half, 1.0 - half, axis=0)

    def spread(self, contributions: Any) -> Any:
        """The standard error of the mean of what the paths contribute along the first axis."""
        g = contributions
        n = self.n
        if self.kind == "antithetic":
            half = n // 2
            g = 0.5 * (getitem(g, index=(slice(0, half),)) + getitem(g, index=(slice(half, n),)))
            n = half
        elif self.kind != "random":
            g = mean(reshape(g, shape=(REPLICATES, n // REPLICATES, *g.shape[1:])), axis=1, keepdims=False)
            n = REPLICATES
        off = g - mean(g, axis=0, keepdims=True)
        return sqrt(sum_of(off * off, axis=0, keepdims=False) / (n * (n - 1.0)))


class Seeded:
    """Draws of a seed that is known: the same ones in every call of a compiled function, to which they are constants.

    They are those of ``gt.random.default_rng(seed)``, whose count of draws would be a state to carry along.
    """

    def __init__(self, seed: Any, *, kept: bool = True) -> None:
        #: Whether they are made once and for all; else they are on the record, and made again with it.
        self.kept = kept
        with Pause():
            self.key = Tensor(random.default_rng(seed).key.data)
        self.count = 0
        bits = np.random.Philox(key=np.asarray(self.key.data), counter=np.array([0, 0, 2, 0], np.uint64))
        self.numpy_generator = np.random.Generator(bits)

    def draw(self, shape: tuple[int, ...]) -> Tensor:
        """Uniform draws between 0 and 1, neither included."""
        number = Tensor(np.uint64(self.count))
        self.count += 1
        return mark(random_uniform(self.key, number, shape=shape, dtype="float64"))


def _strata(n: int, size: int, rng: Any) -> Any:
    """Latin hypercubes, each of which has one point in each of its strata in every coordinate."""
    generator, each = rng.numpy_generator, n // REPLICATES
    cells = generator.permuted(np.broadcast_to(np.arange(each)[:, None], (REPLICATES, each, size)), axis=1)
    return (cells.reshape(n, size) + generator.random((n, size))) / each


def _sobol(n: int, size: int, rng: Any) -> Any:
    from scipy.stats import qmc  # only here: SciPy's import takes a second

    each = n // REPLICATES
    sets: list[Any] = []
    for _ in range(REPLICATES):
        own = np.random.default_rng(rng.numpy_generator.integers(2**63))  # SciPy wants one that can have children
        engine = qmc.Sobol(size, scramble=True, seed=own)
        sets.append(engine.random(each))
    tiny = 2.0**-53
    return np.clip(np.concatenate(sets), tiny, 1.0 - tiny)


def marginal(distribution: Distribution, coordinate: int) -> Distribution:
    """The distribution of one entry of a batch of independent draws."""
    shape = distribution.batch_shape
    if not shape:
        return distribution
    index = tuple(int(i) for i in np.unravel_index(coordinate, shape))
    one = copy.copy(distribution)
    for name in distribution.parameters:
        value = strong(lift(getattr(distribution, name)))
        if value.shape:
            value = value if value.shape == shape else broadcast_to(value, shape=shape)
            setattr(one, name, getitem(value, index=index))
    return one
