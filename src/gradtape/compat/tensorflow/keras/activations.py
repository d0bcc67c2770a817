"""tf.keras.activations."""

from __future__ import annotations

from typing import Any

from ..convert import tensor
from ..math import exp as exponential
from ..names import fallback, gt
from ..nn import (
    gelu,
    relu6,
    selu,
    sigmoid,
    silu,
    softmax,
    softplus,
    softsign,
    swish,
    tanh,
)
from ..nn import leaky_relu as _leaky_relu
from ..nn import log_softmax as _log_softmax
from ..nn import relu as _relu

_gradtape_composes = True

__all__ = [
    "elu",
    "exponential",
    "gelu",
    "get",
    "hard_sigmoid",
    "leaky_relu",
    "linear",
    "log_softmax",
    "relu",
    "relu6",
    "selu",
    "sigmoid",
    "silu",
    "softmax",
    "softplus",
    "softsign",
    "swish",
    "tanh",
]


def relu(x: Any, negative_slope: float = 0.0, max_value: Any = None, threshold: float = 0.0) -> Any:
    """x from the threshold up to the largest value, below it ``negative_slope * (x - threshold)``."""
    x = tensor(x)
    if threshold:
        y = gt.where(x >= threshold, x, negative_slope * (x - threshold))
    else:
        y = _leaky_relu(x, negative_slope) if negative_slope else _relu(x)
    return y if max_value is None else gt.minimum(y, max_value)


def elu(x: Any, alpha: float = 1.0) -> Any:
    """x where it is positive, else ``alpha * (exp(x) - 1)``."""
    return gt.elu(tensor(x), alpha)


def leaky_relu(x: Any, negative_slope: float = 0.2) -> Any:
    """x where it is positive, else slope * x."""
    return _leaky_relu(x, negative_slope)


def log_softmax(x: Any, axis: int = -1) -> Any:
    """log(softmax(x))."""
    return _log_softmax(x, axis)


def linear(x: Any) -> Any:
    """The value itself."""
    return x


def hard_sigmoid(x: Any) -> Any:
    """relu6(x + 3) / 6."""
    return relu6(tensor(x) + 3.0) / 6.0


def get(identifier: Any) -> Any:
    """An activation from its name; None is the identity."""
    if identifier is None:
        return linear
    if callable(identifier):
        return identifier
    if identifier not in __all__:
        return __getattr__(identifier)
    return globals()[identifier]


__getattr__ = fallback(__name__)
