"""Layers that normalise, drop and look up."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..record.tensor import value_of
from . import random
from .functional import batch_normalization, dropout, layer_normalization, moments
from .layers import Layer

_gradtape_composes = True

__all__ = ["BatchNormalization", "Dropout", "Embedding", "GaussianNoise", "LayerNormalization"]


class Dropout(Layer):
    """In training, each element 0 with probability ``rate``; the others are divided by ``1 - rate``."""

    def __init__(self, rate: float, seed: Any = None, **options: Any) -> None:
        super().__init__(**options)
        self.rate = rate
        self.generator = None if seed is None else random.Generator(seed)

    def call(self, inputs: Any, training: Any = False) -> Any:
        return dropout(inputs, self.rate, self.generator) if training and self.rate else inputs


class GaussianNoise(Layer):
    """In training, normal noise is added."""

    def __init__(self, stddev: float, seed: Any = None, **options: Any) -> None:
        super().__init__(**options)
        self.stddev = stddev
        self.generator = None if seed is None else random.Generator(seed)

    def call(self, inputs: Any, training: Any = False) -> Any:
        if not training:
            return inputs
        return inputs + (self.generator or random.shared()).normal(0.0, self.stddev, inputs.shape, inputs.dtype)


class Embedding(Layer):
    """Row ``k`` of a table for every integer ``k`` of the input."""

    def __init__(
        self, input_dim: int, output_dim: int, embeddings_initializer: Any = "random_uniform", **options: Any
    ) -> None:
        super().__init__(**options)
        self.input_dim, self.output_dim = int(input_dim), int(output_dim)
        self.embeddings_initializer = embeddings_initializer

    def build(self, input_shape: Any) -> None:
        self.embeddings = self.add_weight(
            (self.input_dim, self.output_dim), self.embeddings_initializer, name="embeddings"
        )

    def call(self, inputs: Any) -> Any:
        places = value_of(inputs)
        return self.embeddings[places.astype("int64") if places.dtype.kind == "f" else inputs]


class LayerNormalization(Layer):
    """Mean 0 and variance 1 over ``axis`` of each example, then a learnt scale and shift."""

    def __init__(
        self,
        axis: int | Sequence[int] = -1,
        epsilon: float = 1e-3,
        center: bool = True,
        scale: bool = True,
        beta_initializer: Any = "zeros",
        gamma_initializer: Any = "ones",
        **options: Any,
    ) -> None:
        super().__init__(**options)
        self.axis: Any = axis if isinstance(axis, int) else tuple(axis)
        self.epsilon, self.center, self.scale = epsilon, center, scale
        self.beta_initializer, self.gamma_initializer = beta_initializer, gamma_initializer
        self.gamma: Any = None
        self.beta: Any = None

    def _axes(self, ndim: int) -> tuple[int, ...]:
        return tuple(sorted([a % ndim for a in ((self.axis,) if isinstance(self.axis, int) else self.axis)]))

    def build(self, input_shape: Any) -> None:
        shape = tuple([input_shape[a] for a in self._axes(len(input_shape))])
        if self.scale:
            self.gamma = self.add_weight(shape, self.gamma_initializer, name="gamma")
        if self.center:
            self.beta = self.add_weight(shape, self.beta_initializer, name="beta")

    def call(self, inputs: Any) -> Any:
        axes = self._axes(inputs.ndim)
        shape = [n if i in axes else 1 for i, n in enumerate(inputs.shape)]
        gamma, beta = [None if p is None else (p + 0.0).reshape(shape) for p in (self.gamma, self.beta)]
        return layer_normalization(inputs, gamma, beta, axes, self.epsilon)


class BatchNormalization(Layer):
    """Mean 0 and variance 1 over the batch in training, by running averages otherwise; then a learnt scale and shift.

    The running averages are Variables that are assigned to, recorded, like any other state.
    """

    def __init__(
        self,
        axis: int = -1,
        momentum: float = 0.99,
        epsilon: float = 1e-3,
        center: bool = True,
        scale: bool = True,
        beta_initializer: Any = "zeros",
        gamma_initializer: Any = "ones",
        moving_mean_initializer: Any = "zeros",
        moving_variance_initializer: Any = "ones",
        **options: Any,
    ) -> None:
        super().__init__(**options)
        self.axis, self.momentum, self.epsilon, self.center, self.scale = axis, momentum, epsilon, center, scale
        self.beta_initializer, self.gamma_initializer = beta_initializer, gamma_initializer
        self.moving_mean_initializer = moving_mean_initializer
        self.moving_variance_initializer = moving_variance_initializer
        self.gamma: Any = None
        self.beta: Any = None

    def build(self, input_shape: Any) -> None:
        shape = (input_shape[self.axis],)
        if self.scale:
            self.gamma = self.add_weight(shape, self.gamma_initializer, name="gamma")
        if self.center:
            self.beta = self.add_weight(shape, self.beta_initializer, name="beta")
        self.moving_mean = self.add_weight(shape, self.moving_mean_initializer, trainable=False, name="moving_mean")
        self.moving_variance = self.add_weight(
            shape, self.moving_variance_initializer, trainable=False, name="moving_variance"
        )

    def call(self, inputs: Any, training: Any = False) -> Any:
        kept = self.axis % inputs.ndim
        axes = tuple(i for i in range(inputs.ndim) if i != kept)
        mean: Any = self.moving_mean
        variance: Any = self.moving_variance
        if training:
            mean, variance = moments(inputs, axes)
            for running, seen in ((self.moving_mean, mean), (self.moving_variance, variance)):
                running.assign(running * self.momentum + seen * (1 - self.momentum))
        shape = tuple(n if i == kept else 1 for i, n in enumerate(inputs.shape))
        placed = [None if p is None else (p + 0.0).reshape(shape) for p in (mean, variance, self.beta, self.gamma)]
        return batch_normalization(inputs, placed[0], placed[1], placed[2], placed[3], self.epsilon)
