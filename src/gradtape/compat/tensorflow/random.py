"""tf.random: seeded random Tensors, float32 unless told otherwise.  The streams are NumPy's, not TensorFlow's."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...state import random as core
from .convert import ints, is_value, tensor
from .dtypes import numpy_dtype
from .names import fallback

_gradtape_composes = True

__all__ = [
    "Generator",
    "categorical",
    "gamma",
    "get_global_generator",
    "normal",
    "poisson",
    "set_seed",
    "shuffle",
    "stateless_normal",
    "stateless_uniform",
    "truncated_normal",
    "uniform",
]


def set_seed(seed: Any) -> None:
    """Start the shared generator anew."""
    core.seed(int(seed))


def _generator(seed: Any) -> core.Generator:
    """A generator of its own for an operation with a seed, else the shared one; a generator as it is."""
    if isinstance(seed, core.Generator):
        return seed
    return core.shared() if seed is None else core.Generator([int(n) for n in np.atleast_1d(np.asarray(seed))])


def _placed(x: Any, dtype: Any) -> Any:
    return x if is_value(x) else np.asarray(x, numpy_dtype(dtype))


def normal(
    shape: Any, mean: Any = 0.0, stddev: Any = 1.0, dtype: Any = np.float32, seed: Any = None, name: Any = None
) -> Any:
    """Normal draws."""
    draws = _generator(seed).normal(size=ints(shape), dtype=numpy_dtype(dtype))
    return draws * _placed(stddev, dtype) + _placed(mean, dtype)


def truncated_normal(
    shape: Any, mean: Any = 0.0, stddev: Any = 1.0, dtype: Any = np.float32, seed: Any = None, name: Any = None
) -> Any:
    """Normal draws within two standard deviations of the mean."""
    draws = _generator(seed).truncated_normal(size=ints(shape), dtype=numpy_dtype(dtype))
    return draws * _placed(stddev, dtype) + _placed(mean, dtype)


def uniform(
    shape: Any, minval: Any = 0, maxval: Any = None, dtype: Any = np.float32, seed: Any = None, name: Any = None
) -> Any:
    """Uniform draws from [minval, maxval); integers where the dtype is one."""
    kind = numpy_dtype(dtype)
    if kind.kind in "iu":
        return _generator(seed).randint(int(minval), int(maxval), ints(shape), kind)
    low, high = _placed(minval, dtype), _placed(1 if maxval is None else maxval, dtype)
    return _generator(seed).uniform(size=ints(shape), dtype=kind) * (high - low) + low


def stateless_normal(
    shape: Any, seed: Any, mean: Any = 0.0, stddev: Any = 1.0, dtype: Any = np.float32, **_: Any
) -> Any:
    """Normal draws that depend on ``seed`` alone."""
    return normal(shape, mean, stddev, dtype, seed)


def stateless_uniform(
    shape: Any, seed: Any, minval: Any = 0, maxval: Any = None, dtype: Any = np.float32, **_: Any
) -> Any:
    """Uniform draws that depend on ``seed`` alone."""
    return uniform(shape, minval, maxval, dtype, seed)


def shuffle(value: Any, seed: Any = None, name: Any = None) -> Any:
    """The first axis in random order."""
    return _generator(seed).permutation(tensor(value))


def categorical(logits: Any, num_samples: Any, dtype: Any = np.int64, seed: Any = None, name: Any = None) -> Any:
    """Draws of a class from each row of logits."""
    x = tensor(logits)
    size = (int(num_samples), x.shape[0])
    return _generator(seed).categorical(x, size=size, dtype=numpy_dtype(dtype)).T


def gamma(shape: Any, alpha: Any, beta: Any = 1.0, dtype: Any = np.float32, seed: Any = None, name: Any = None) -> Any:
    """Gamma draws, differentiable in both parameters."""
    a, b = tensor(_placed(alpha, dtype)), tensor(_placed(beta, dtype))
    whole = np.broadcast_shapes(a.shape, b.shape)
    return _generator(seed).gamma(a, size=(*ints(shape), *whole)) / b


def poisson(shape: Any, lam: Any, dtype: Any = np.float32, seed: Any = None, name: Any = None) -> Any:
    """Poisson draws, held constant."""
    rate = tensor(lam)
    return _generator(seed).poisson(rate, size=(*ints(shape), *rate.shape), dtype=numpy_dtype(dtype))


class Generator:
    """tf.random.Generator: a stream of its own."""

    def __init__(self, seed: Any = None) -> None:
        self._core = core.Generator(seed)

    @classmethod
    def from_seed(cls, seed: Any, alg: Any = None) -> Generator:
        """A stream that starts from ``seed``."""
        return cls(int(seed))

    @classmethod
    def from_non_deterministic_state(cls, alg: Any = None) -> Generator:
        """A stream that starts anywhere."""
        return cls(None)

    def _with(self, function: Any, *args: Any) -> Any:
        return function(*args, seed=self._core)

    def normal(self, shape: Any, mean: Any = 0.0, stddev: Any = 1.0, dtype: Any = np.float32, name: Any = None) -> Any:
        """Normal draws."""
        return self._with(normal, shape, mean, stddev, dtype)

    def truncated_normal(
        self, shape: Any, mean: Any = 0.0, stddev: Any = 1.0, dtype: Any = np.float32, name: Any = None
    ) -> Any:
        """Normal draws within two standard deviations of the mean."""
        return self._with(truncated_normal, shape, mean, stddev, dtype)

    def uniform(
        self, shape: Any, minval: Any = 0, maxval: Any = None, dtype: Any = np.float32, name: Any = None
    ) -> Any:
        """Uniform draws."""
        return self._with(uniform, shape, minval, maxval, dtype)


_global: list[Generator] = []


def get_global_generator() -> Generator:
    """A stream that all share."""
    if not _global:
        _global.append(Generator())
    return _global[0]


__getattr__ = fallback(__name__)
