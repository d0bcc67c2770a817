"""Functions that networks are made of and the Array API does not name: normalisation, clipping by norm, segments."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..numpy.creation import asarray
from ..numpy.elementwise import clip, maximum, sqrt, where
from ..numpy.joining import stack
from ..numpy.linalg import vector_norm
from ..numpy.reductions import mean, sum
from ..primitives.shapes import stop_gradient
from ..record.tensor import Tensor
from ..record.variable import Variable
from . import random

_gradtape_composes = True

__all__ = [
    "batch_normalization",
    "clip_by_global_norm",
    "clip_by_norm",
    "clip_by_value",
    "divide_no_nan",
    "dropout",
    "euclidean_norm",
    "global_norm",
    "l2_normalize",
    "layer_normalization",
    "moments",
    "multiply_no_nan",
    "one_hot",
]

Axis = int | Sequence[int] | None


def _axes(axis: Any) -> Any:
    return tuple(axis) if isinstance(axis, list) else axis


def euclidean_norm(x: Any, axis: Any = None, keepdims: bool = False) -> Tensor:
    """The square root of the sum of squares, with derivative 0 at 0 (its minimum-norm subgradient)."""
    return vector_norm(asarray(x), axis=_axes(axis), keepdims=keepdims)


def clip_by_value(x: Any, low: Any, high: Any) -> Tensor:
    """``x`` held between ``low`` and ``high``."""
    return clip(x, low, high)


def clip_by_norm(x: Any, clip_norm: Any, axis: Any = None) -> Tensor:
    """``x``, made shorter where its Euclidean norm exceeds ``clip_norm``: ``x * clip_norm / max(norm, clip_norm)``."""
    return asarray(x) * clip_norm / maximum(euclidean_norm(x, axis, axis is not None), clip_norm)


def global_norm(tensors: Sequence[Any]) -> Tensor:
    """The Euclidean norm of all elements of all ``tensors`` together; None counts as nothing."""
    return vector_norm(stack([vector_norm(asarray(x)) for x in tensors if x is not None]))


def clip_by_global_norm(tensors: Sequence[Any], clip_norm: Any, use_norm: Any = None) -> tuple[list[Any], Tensor]:
    """All ``tensors`` made shorter by one factor where their global norm exceeds ``clip_norm``; and that norm."""
    norm = global_norm(tensors) if use_norm is None else asarray(use_norm)
    factor = clip_norm / maximum(norm, clip_norm)
    return [None if x is None else x * factor for x in tensors], norm


def l2_normalize(x: Any, axis: Any = None, epsilon: float = 1e-12) -> Tensor:
    """``x / sqrt(max(sum(x**2), epsilon))``."""
    x = asarray(x)
    return x / sqrt(maximum(sum(x * x, axis=_axes(axis), keepdims=True), epsilon))


def moments(x: Any, axes: Any, keepdims: bool = False) -> tuple[Tensor, Tensor]:
    """Mean and (population) variance over ``axes``."""
    x = asarray(x)
    centre = mean(x, axis=_axes(axes), keepdims=True)
    away = x - centre
    variance = mean(away * away, axis=_axes(axes), keepdims=keepdims)
    return (centre if keepdims else mean(x, axis=_axes(axes))), variance


def batch_normalization(x: Any, mean: Any, variance: Any, offset: Any, scale: Any, epsilon: float) -> Tensor:
    """``(x - mean) / sqrt(variance + epsilon) * scale + offset``; None for no scale or no offset."""
    y = (asarray(x) - mean) / sqrt(asarray(variance) + epsilon)
    y = y if scale is None else y * scale
    return y if offset is None else y + offset


def layer_normalization(x: Any, scale: Any = None, offset: Any = None, axis: Any = -1, epsilon: float = 1e-3) -> Tensor:
    """``x`` with mean 0 and variance 1 over ``axis``, then scaled and shifted."""
    centre, variance = moments(x, axis, keepdims=True)
    return batch_normalization(x, centre, variance, offset, scale, epsilon)


def dropout(x: Any, rate: float, generator: random.Generator | None = None, shape: Any = None) -> Tensor:
    """Each element 0 with probability ``rate``, the others divided by ``1 - rate``."""
    x = asarray(x)
    keep = (generator or random.shared()).bernoulli(1 - rate, size=x.shape if shape is None else shape)
    return where(keep, x / (1 - rate), 0.0)


def multiply_no_nan(x: Any, y: Any) -> Tensor:
    """``x * y``, and 0 where ``y`` is 0, whatever ``x`` is."""
    y = asarray(y)
    zero = stop_gradient(y) == 0
    return where(zero, 0.0, where(zero, 0.0, x) * y)


def divide_no_nan(x: Any, y: Any) -> Tensor:
    """``x / y``, and 0 where ``y`` is 0."""
    y = asarray(y)
    zero = stop_gradient(y) == 0
    return where(zero, 0.0, x / where(zero, 1.0, y))


def one_hot(indices: Any, depth: int, on: Any = 1.0, off: Any = 0.0, axis: int = -1, dtype: Any = np.float64) -> Tensor:
    """Each index as a vector of length ``depth`` that is ``on`` there and ``off`` elsewhere."""
    places = np.asarray(indices)
    hot = np.moveaxis(places[..., None] == np.arange(depth), -1, axis)
    return Tensor(np.where(hot, on, off).astype(np.dtype(dtype)))


def is_value(x: Any) -> bool:
    """Whether ``x`` is one of gradtape's values."""
    return isinstance(x, Tensor | Variable)
