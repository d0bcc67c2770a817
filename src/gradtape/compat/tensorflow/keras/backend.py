"""tf.keras.backend: the bits that programs still use."""

from __future__ import annotations

from typing import Any

from ..arrays import concat as concatenate
from ..arrays import ones_like, reshape, zeros_like
from ..convert import cast
from ..linalg import matmul as dot
from ..math import abs, exp, log, maximum, minimum, sigmoid, softmax, sqrt, square, tanh
from ..math import reduce_max as max
from ..math import reduce_mean as mean
from ..math import reduce_min as min
from ..math import reduce_sum as sum
from ..names import fallback

__all__ = [
    "abs",
    "cast",
    "clear_session",
    "concatenate",
    "dot",
    "epsilon",
    "exp",
    "floatx",
    "log",
    "max",
    "maximum",
    "mean",
    "min",
    "minimum",
    "ones_like",
    "reshape",
    "set_floatx",
    "sigmoid",
    "softmax",
    "sqrt",
    "square",
    "sum",
    "tanh",
    "zeros_like",
]


def clear_session(*_: Any) -> None:
    """Nothing: there is no session."""


def epsilon() -> float:
    """A small number."""
    return 1e-7


def floatx() -> str:
    """The dtype of weights."""
    from .layers import Layer

    return Layer.default_dtype if isinstance(Layer.default_dtype, str) else Layer.default_dtype.__name__


def set_floatx(dtype: str) -> None:
    """Set the dtype of weights made from now on."""
    from .layers import Layer

    Layer.default_dtype = dtype


__getattr__ = fallback(__name__)
