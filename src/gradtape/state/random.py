"""Random numbers: NumPy's generator, with Tensors for answers.

The draws are constants.  ``loc`` and ``scale`` may be Tensors: the result is ``loc + scale * draw``, recorded, so
that derivatives with respect to them are there (the pathwise derivative).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..record.tensor import Tensor
from ..record.variable import Variable
from ..record.writer import scalar

_gradtape_composes = True

__all__ = [
    "Generator",
    "bernoulli",
    "choice",
    "default_rng",
    "exponential",
    "gumbel",
    "normal",
    "permutation",
    "randint",
    "seed",
    "shuffle",
    "truncated_normal",
    "uniform",
]


def _size(size: Any) -> tuple[int, ...]:
    return () if size is None else (int(size),) if np.ndim(size) == 0 else tuple(int(n) for n in size)


def _shape(size: Any, *parameters: Any) -> tuple[int, ...]:
    shapes = [p.shape if isinstance(p, Tensor | Variable) else np.shape(p) for p in parameters]
    return np.broadcast_shapes(*shapes) if size is None else _size(size)


def _given(x: Any) -> bool:
    """Whether a parameter has to be computed with, recorded."""
    return isinstance(x, Tensor | Variable)


class Generator:
    """A seeded source of random Tensors; the argument names are those of ``numpy.random.Generator``.

    >>> from gradtape.state.random import Generator
    >>> rng = Generator(0)
    >>> rng.normal(size=3)
    Tensor([ 0.12573022, -0.13210486,  0.64042265])
    >>> Generator(0).uniform(size=2).shape
    (2,)
    """

    def __init__(self, seed: Any = None) -> None:
        self.numpy_generator = np.random.default_rng(seed)

    def _draw(self, raw: Any, dtype: Any) -> Tensor:
        return Tensor(scalar(np.asarray(raw, dtype=np.dtype(dtype))))

    def normal(self, loc: Any = 0.0, scale: Any = 1.0, size: Any = None, dtype: Any = np.float64) -> Tensor:
        """Normal draws with mean ``loc`` and standard deviation ``scale``."""
        raw = self.numpy_generator.standard_normal(_shape(size, loc, scale))
        return self._placed(raw, loc, scale, dtype)

    def _placed(self, raw: Any, loc: Any, scale: Any, dtype: Any) -> Tensor:
        if _given(loc) or _given(scale):
            return self._draw(raw, dtype) * scale + loc
        return self._draw(np.asarray(loc) + np.asarray(scale) * raw, dtype)

    def uniform(self, low: Any = 0.0, high: Any = 1.0, size: Any = None, dtype: Any = np.float64) -> Tensor:
        """Uniform draws from [low, high)."""
        raw = self.numpy_generator.random(_shape(size, low, high))
        return self._placed(raw, low, high - low, dtype)

    def truncated_normal(self, loc: Any = 0.0, scale: Any = 1.0, size: Any = None, dtype: Any = np.float64) -> Tensor:
        """Normal draws, drawn again where they fall further than two standard deviations from the mean."""
        raw = np.asarray(self.numpy_generator.standard_normal(_shape(size, loc, scale)))
        while (far := np.abs(raw) > 2).any():
            raw = np.where(far, self.numpy_generator.standard_normal(raw.shape), raw)
        return self._placed(raw, loc, scale, dtype)

    def exponential(self, scale: Any = 1.0, size: Any = None, dtype: Any = np.float64) -> Tensor:
        """Exponential draws with mean ``scale``."""
        raw = self.numpy_generator.standard_exponential(_shape(size, scale))
        return self._placed(raw, 0.0, scale, dtype)

    def gumbel(self, loc: Any = 0.0, scale: Any = 1.0, size: Any = None, dtype: Any = np.float64) -> Tensor:
        """Gumbel draws."""
        raw = self.numpy_generator.gumbel(size=_shape(size, loc, scale))
        return self._placed(raw, loc, scale, dtype)

    def randint(self, low: int, high: int | None = None, size: Any = None, dtype: Any = np.int64) -> Tensor:
        """Integers from [low, high), or from [0, low)."""
        return self._draw(self.numpy_generator.integers(low, high, _size(size)), dtype)

    def bernoulli(self, p: Any = 0.5, size: Any = None, dtype: Any = np.bool_) -> Tensor:
        """True with probability ``p``."""
        chance = np.asarray(p)
        return self._draw(self.numpy_generator.random(_shape(size, chance)) < chance, dtype)

    def permutation(self, x: Any) -> Tensor:
        """The integers below ``x`` in random order, or ``x`` with its first axis in random order, recorded."""
        if isinstance(x, int):
            return Tensor(self.numpy_generator.permutation(x))
        value: Any = x.value if isinstance(x, Variable) else x if isinstance(x, Tensor) else Tensor(np.array(x))
        return value[self.numpy_generator.permutation(len(value))]

    shuffle = permutation

    def choice(self, a: Any, size: Any = None, replace: bool = True, p: Any = None) -> Tensor:
        """Elements of ``a`` (or integers below it) drawn at random, recorded as a lookup."""
        count = a if isinstance(a, int) else len(a)
        places = self.numpy_generator.choice(count, _size(size), replace, None if p is None else np.asarray(p))
        if isinstance(a, int):
            return self._draw(places, np.int64)
        value: Any = a.value if isinstance(a, Variable) else a if isinstance(a, Tensor) else Tensor(np.array(a))
        return value[places]


default_rng = Generator
_shared = [Generator()]


def seed(seed: Any = None) -> None:
    """Start the shared generator, which the functions of this module draw from, anew."""
    _shared[0] = Generator(seed)


def shared() -> Generator:
    """The generator that the functions of this module draw from."""
    return _shared[0]


def normal(loc: Any = 0.0, scale: Any = 1.0, size: Any = None, dtype: Any = np.float64) -> Tensor:
    """Normal draws with mean ``loc`` and standard deviation ``scale``."""
    return _shared[0].normal(loc, scale, size, dtype)


def uniform(low: Any = 0.0, high: Any = 1.0, size: Any = None, dtype: Any = np.float64) -> Tensor:
    """Uniform draws from [low, high)."""
    return _shared[0].uniform(low, high, size, dtype)


def truncated_normal(loc: Any = 0.0, scale: Any = 1.0, size: Any = None, dtype: Any = np.float64) -> Tensor:
    """Normal draws within two standard deviations of the mean."""
    return _shared[0].truncated_normal(loc, scale, size, dtype)


def exponential(scale: Any = 1.0, size: Any = None, dtype: Any = np.float64) -> Tensor:
    """Exponential draws with mean ``scale``."""
    return _shared[0].exponential(scale, size, dtype)


def gumbel(loc: Any = 0.0, scale: Any = 1.0, size: Any = None, dtype: Any = np.float64) -> Tensor:
    """Gumbel draws."""
    return _shared[0].gumbel(loc, scale, size, dtype)


def randint(low: int, high: int | None = None, size: Any = None, dtype: Any = np.int64) -> Tensor:
    """Integers from [low, high), or from [0, low)."""
    return _shared[0].randint(low, high, size, dtype)


def bernoulli(p: Any = 0.5, size: Any = None, dtype: Any = np.bool_) -> Tensor:
    """True with probability ``p``."""
    return _shared[0].bernoulli(p, size, dtype)


def permutation(x: Any) -> Tensor:
    """The integers below ``x`` in random order, or ``x`` with its first axis in random order, recorded."""
    return _shared[0].permutation(x)


shuffle = permutation


def choice(a: Any, size: Any = None, replace: bool = True, p: Any = None) -> Tensor:
    """Elements of ``a`` (or integers below it) drawn at random, recorded as a lookup."""
    return _shared[0].choice(a, size, replace, p)
