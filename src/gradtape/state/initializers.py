"""Initializers: the first values of weights.  An initializer is called with a shape and a dtype.

Fan-in and fan-out scalings: Glorot & Bengio (2010), He et al. (2015), LeCun et al. (1998); orthogonal: Saxe et
al. (2014).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ..errors import UnknownNameError, message, nearest
from ..record.tensor import Tensor
from ..record.writer import scalar
from . import random

__all__ = [
    "Constant",
    "Identity",
    "Initializer",
    "Ones",
    "Orthogonal",
    "RandomNormal",
    "RandomUniform",
    "TruncatedNormal",
    "VarianceScaling",
    "Zeros",
    "get",
]


class Initializer:
    """Base of the initializers: ``initializer(shape, dtype)`` gives a Tensor."""

    seed: Any = None

    def generator(self) -> random.Generator:
        """The generator to draw from: one of its own where a seed was given, else the shared one."""
        return random.shared() if self.seed is None else random.Generator(self.seed)

    def values(self, shape: tuple[int, ...]) -> Any:
        """The values as a NumPy array; what a subclass supplies."""
        raise NotImplementedError

    def __call__(self, shape: Any, dtype: Any = None, **_: Any) -> Tensor:
        sizes = tuple(int(n) for n in shape)
        return Tensor(scalar(np.asarray(self.values(sizes), dtype=np.dtype(dtype or np.float64)).reshape(sizes)))


class Constant(Initializer):
    """Everywhere ``value``."""

    def __init__(self, value: Any = 0.0) -> None:
        self.value = value

    def values(self, shape: tuple[int, ...]) -> Any:
        return np.broadcast_to(np.asarray(self.value), shape).copy()


class Zeros(Constant):
    """Zeros."""

    def __init__(self) -> None:
        super().__init__(0.0)


class Ones(Constant):
    """Ones."""

    def __init__(self) -> None:
        super().__init__(1.0)


class RandomNormal(Initializer):
    """Normal draws."""

    def __init__(self, mean: float = 0.0, stddev: float = 0.05, seed: Any = None) -> None:
        self.mean, self.stddev, self.seed = mean, stddev, seed

    def values(self, shape: tuple[int, ...]) -> Any:
        return self.mean + self.stddev * self.generator().numpy_generator.standard_normal(shape)


class RandomUniform(Initializer):
    """Uniform draws."""

    def __init__(self, minval: float = -0.05, maxval: float = 0.05, seed: Any = None) -> None:
        self.minval, self.maxval, self.seed = minval, maxval, seed

    def values(self, shape: tuple[int, ...]) -> Any:
        return self.generator().numpy_generator.uniform(self.minval, self.maxval, shape)


class TruncatedNormal(RandomNormal):
    """Normal draws within two standard deviations."""

    def values(self, shape: tuple[int, ...]) -> Any:
        return self.generator().truncated_normal(self.mean, self.stddev, shape).data


class VarianceScaling(Initializer):
    """Draws whose variance is ``scale / fan``: ``mode`` is fan_in, fan_out or fan_avg."""

    def __init__(
        self, scale: float = 1.0, mode: str = "fan_in", distribution: str = "truncated_normal", seed: Any = None
    ) -> None:
        self.scale, self.mode, self.distribution, self.seed = scale, mode, distribution, seed

    def values(self, shape: tuple[int, ...]) -> Any:
        fan_in, fan_out = _fans(shape)
        fan = {"fan_in": fan_in, "fan_out": fan_out, "fan_avg": (fan_in + fan_out) / 2}[self.mode]
        variance = self.scale / max(1.0, fan)
        rng = self.generator()
        if self.distribution == "uniform":
            limit = np.sqrt(3 * variance)
            return rng.numpy_generator.uniform(-limit, limit, shape)
        if self.distribution == "untruncated_normal":
            return np.sqrt(variance) * rng.numpy_generator.standard_normal(shape)
        # Cutting a normal at two standard deviations leaves 0.8796 of one.
        return rng.truncated_normal(0.0, np.sqrt(variance) / 0.87962566103423978, shape).data


class Orthogonal(Initializer):
    """A matrix with orthonormal rows or columns, times ``gain``."""

    def __init__(self, gain: float = 1.0, seed: Any = None) -> None:
        self.gain, self.seed = gain, seed

    def values(self, shape: tuple[int, ...]) -> Any:
        rows, columns = int(np.prod(shape[:-1])), shape[-1]
        draws = self.generator().numpy_generator.standard_normal((max(rows, columns), min(rows, columns)))
        q, r = np.linalg.qr(draws)
        q = q * np.sign(np.diag(r))  # so that every orthogonal matrix is as likely
        return self.gain * (q if rows >= columns else q.T)


class Identity(Initializer):
    """The identity matrix, times ``gain``."""

    def __init__(self, gain: float = 1.0) -> None:
        self.gain = gain

    def values(self, shape: tuple[int, ...]) -> Any:
        rows, columns = shape
        return self.gain * np.eye(rows, columns)


def _fans(shape: tuple[int, ...]) -> tuple[float, float]:
    """Inputs and outputs of a weight of that shape; leading axes of a convolution count into both."""
    if len(shape) < 2:
        size = float(shape[0]) if shape else 1.0
        return size, size
    field = float(np.prod(shape[:-2]))
    return shape[-2] * field, shape[-1] * field


def _scaled(scale: float, mode: str, distribution: str) -> Callable[..., Initializer]:
    def make(seed: Any = None) -> Initializer:
        return VarianceScaling(scale, mode, distribution, seed)

    return make


by_name: dict[str, Callable[..., Initializer]] = {
    "constant": Constant,
    "glorot_normal": _scaled(1.0, "fan_avg", "truncated_normal"),
    "glorot_uniform": _scaled(1.0, "fan_avg", "uniform"),
    "he_normal": _scaled(2.0, "fan_in", "truncated_normal"),
    "he_uniform": _scaled(2.0, "fan_in", "uniform"),
    "identity": Identity,
    "lecun_normal": _scaled(1.0, "fan_in", "truncated_normal"),
    "lecun_uniform": _scaled(1.0, "fan_in", "uniform"),
    "ones": Ones,
    "orthogonal": Orthogonal,
    "random_normal": RandomNormal,
    "random_uniform": RandomUniform,
    "truncated_normal": TruncatedNormal,
    "variance_scaling": VarianceScaling,
    "zeros": Zeros,
}


def get(identifier: Any) -> Callable[..., Any]:
    """An initializer from its name (``"glorot_uniform"``), or a callable as it is.

    >>> from gradtape.state import initializers
    >>> initializers.get("ones")((2,))
    Tensor([1., 1.])
    """
    if callable(identifier):
        return identifier() if isinstance(identifier, type) else identifier
    if identifier not in by_name:
        raise UnknownNameError(
            message(f"initializers: there is none named {identifier!r}.{nearest(str(identifier), by_name)}")
        )
    return by_name[identifier]()
