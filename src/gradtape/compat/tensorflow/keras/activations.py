"""tf.keras.activations."""

from __future__ import annotations

from typing import Any

from ..convert import tensor
from ..math import exp as exponential
from ..names import fallback
from ..nn import (
    elu,
    gelu,
    leaky_relu,
    log_softmax,
    relu,
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
