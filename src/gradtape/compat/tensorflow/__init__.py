"""TensorFlow's names over gradtape's operations: ``import gradtape.compat.tensorflow as tf``.

Names only: the mathematics is gradtape's, and so are the derivatives.  Python's floats become float32 here, as
in TensorFlow.  Programs that say ``import tensorflow as tf`` run unchanged under ``gradtape run``, or inside
``with install(): ...``.

>>> import gradtape.compat.tensorflow as tf
>>> x = tf.Variable(3.0)
>>> with tf.GradientTape() as outer:
...     with tf.GradientTape() as inner:
...         y = x**3
...     dy = inner.gradient(y, x)
>>> dy, outer.gradient(dy, x)
(Tensor(27.0, dtype=float32), Tensor(18.0, dtype=float32))
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ...record.tensor import Tensor
from . import (
    arrays,
    autodiff,
    config,
    control,
    data,
    debugging,
    dtypes,
    errors,
    image,
    indexing,
    keras,
    linalg,
    math,
    nest,
    nn,
    random,
    signal,
)
from .arraylists import IndexedSlices, TensorArray
from .arrays import *  # noqa: F403
from .control import *  # noqa: F403
from .convert import TensorShape, cast, constant, convert_to_tensor, is_value, tensor
from .debugging import assert_equal, assert_greater, assert_less, assert_rank
from .dtypes import (
    DType,
    as_dtype,
    bool,
    complex64,
    complex128,
    double,
    float16,
    float32,
    float64,
    half,
    int8,
    int16,
    int32,
    int64,
    uint8,
    uint16,
    uint32,
    uint64,
)
from .functions import TensorSpec, autograph, function, py_function, recompute_grad
from .functions import show as print
from .indexing import *  # noqa: F403
from .install import install
from .linalg import einsum, global_norm, matmul, norm, tensordot
from .math import (
    abs,
    acos,
    acosh,
    add,
    add_n,
    argmax,
    argmin,
    asin,
    asinh,
    atan,
    atan2,
    atanh,
    ceil,
    cos,
    cosh,
    cumsum,
    divide,
    equal,
    exp,
    floor,
    greater,
    greater_equal,
    less,
    less_equal,
    logical_and,
    logical_not,
    logical_or,
    maximum,
    minimum,
    multiply,
    negative,
    not_equal,
    pow,
    reduce_all,
    reduce_any,
    reduce_logsumexp,
    reduce_max,
    reduce_mean,
    reduce_min,
    reduce_prod,
    reduce_sum,
    round,
    scalar_mul,
    sigmoid,
    sign,
    sin,
    sinh,
    sqrt,
    square,
    subtract,
    tan,
    tanh,
    truediv,
)
from .names import fallback, gt
from .variables import Module, Variable, identity, name_scope, ones_initializer, zeros_initializer

_gradtape_composes = True

__version__ = "2.21.0-gradtape"

GradientTape = gt.GradientTape
UnconnectedGradients = gt.UnconnectedGradients
custom_gradient = gt.custom_gradient
newaxis = None
random_normal_initializer = keras.initializers.RandomNormal
random_uniform_initializer = keras.initializers.RandomUniform


def stop_gradient(input: Any, name: Any = None) -> Any:
    """The value, with no derivative."""
    return gt.stop_gradient(tensor(input))


def is_tensor(x: Any) -> Any:
    """Whether ``x`` is a Tensor or a Variable."""
    return is_value(x)


def executing_eagerly() -> Any:
    """True."""
    return True


def get_static_value(tensor: Any, partial: Any = False) -> Any:
    """The value as a NumPy array. It leaves the record."""
    return np.asarray(tensor)


def device(device_name: Any = None) -> name_scope:
    """``with tf.device("/CPU:0"): ...``: accepted; it changes nothing."""
    return name_scope(str(device_name))


def init_scope() -> name_scope:
    """``with tf.init_scope(): ...``: accepted; it changes nothing."""
    return name_scope("init")


def get_logger() -> Any:
    """A logger."""
    import logging

    return logging.getLogger("tensorflow")


__all__ = [
    "DType", "GradientTape",
    "IndexedSlices", "Module", "Tensor", "TensorArray", "TensorShape", "TensorSpec", "UnconnectedGradients", "Variable",
    "abs", "acos", "acosh", "add", "add_n", "argmax", "argmin", "as_dtype", "asin", "asinh", "assert_equal",
    "assert_greater", "assert_less", "assert_rank", "atan", "atan2", "atanh", "autodiff", "autograph", "bool",
    "cast", "ceil", "complex64", "complex128", "config", "constant", "convert_to_tensor", "cos", "cosh", "cumsum",
    "custom_gradient", "data", "debugging", "device", "divide", "double", "dtypes", "einsum", "equal", "errors",
    "executing_eagerly", "exp", "float16", "float32", "float64", "floor", "function", "get_logger",
    "get_static_value", "global_norm", "greater", "greater_equal", "half", "identity", "image", "init_scope", "install",
    "int8", "int16", "int32", "int64", "is_tensor", "keras", "less", "less_equal", "linalg", "logical_and",
    "logical_not", "logical_or", "math", "matmul", "maximum", "minimum", "multiply", "name_scope", "negative",
    "nest", "newaxis", "nn", "norm", "not_equal", "ones_initializer", "pow", "print", "py_function", "random",
    "random_normal_initializer", "random_uniform_initializer", "recompute_grad", "reduce_all", "reduce_any",
    "reduce_logsumexp", "reduce_max", "reduce_mean", "reduce_min", "reduce_prod", "reduce_sum", "round",
    "scalar_mul", "sigmoid", "sign", "signal", "sin", "sinh", "sqrt", "square", "stop_gradient", "subtract", "tan",
    "tanh", "tensordot", "truediv", "uint8", "uint16", "uint32", "uint64", "zeros_initializer",
]  # fmt: skip
__all__ += arrays.__all__
__all__ += control.__all__
__all__ += indexing.__all__

__getattr__ = fallback(__name__)
