"""tf.math: TensorFlow's names for gradtape's element-wise functions, reductions and cumulations."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from ...numpy import segments
from ...state import functional
from . import special, tables
from .convert import axes, operands, tensor
from .dtypes import numpy_dtype
from .names import fallback, gt
from .special import *  # noqa: F403
from .tables import binary, reduction, unary

_gradtape_composes = True

__all__ = [
    "abs",
    "accumulate_n",
    "acos",
    "acosh",
    "add",
    "add_n",
    "angle",
    "argmax",
    "argmin",
    "asin",
    "asinh",
    "atan",
    "atan2",
    "atanh",
    "ceil",
    "conj",
    "cos",
    "cosh",
    "count_nonzero",
    "cumprod",
    "cumsum",
    "cumulative_logsumexp",
    "divide",
    "divide_no_nan",
    "equal",
    "exp",
    "expm1",
    "floor",
    "floordiv",
    "floormod",
    "greater",
    "greater_equal",
    "imag",
    "is_finite",
    "is_inf",
    "is_nan",
    "l2_normalize",
    "less",
    "less_equal",
    "log",
    "log1p",
    "log_sigmoid",
    "log_softmax",
    "logical_and",
    "logical_not",
    "logical_or",
    "logical_xor",
    "maximum",
    "minimum",
    "mod",
    "multiply",
    "multiply_no_nan",
    "negative",
    "not_equal",
    "polyval",
    "pow",
    "real",
    "reciprocal",
    "reduce_all",
    "reduce_any",
    "reduce_euclidean_norm",
    "reduce_logsumexp",
    "reduce_max",
    "reduce_mean",
    "reduce_min",
    "reduce_prod",
    "reduce_std",
    "reduce_sum",
    "reduce_variance",
    "rint",
    "round",
    "rsqrt",
    "scalar_mul",
    "segment_max",
    "segment_mean",
    "segment_min",
    "segment_prod",
    "segment_sum",
    "sigmoid",
    "sign",
    "sin",
    "sinh",
    "softmax",
    "softplus",
    "sqrt",
    "square",
    "squared_difference",
    "subtract",
    "tan",
    "tanh",
    "top_k",
    "truediv",
    "unsorted_segment_max",
    "unsorted_segment_mean",
    "unsorted_segment_min",
    "unsorted_segment_prod",
    "unsorted_segment_sqrt_n",
    "unsorted_segment_sum",
    "xlog1py",
    "xlogy",
]
__all__ += [*special.__all__, "special"]

abs = unary("abs")
acos = unary("acos")
acosh = unary("acosh")
add = binary("add")
angle = unary("angle")
asin = unary("asin")
asinh = unary("asinh")
atan = unary("atan")
atan2 = binary("atan2", "y", "x")
atanh = unary("atanh")
ceil = unary("ceil")
conj = unary("conj")
cos = unary("cos")
cosh = unary("cosh")
divide = truediv = binary("divide")
equal = binary("equal")
exp = unary("exp")
expm1 = unary("expm1")
floor = unary("floor")
floordiv = binary("floor_divide")
floormod = mod = binary("remainder")
greater = binary("greater")
greater_equal = binary("greater_equal")
imag = unary("imag")
is_finite = unary("isfinite")
is_inf = unary("isinf")
is_nan = unary("isnan")
less = binary("less")
less_equal = binary("less_equal")
log = unary("log")
log1p = unary("log1p")
log_sigmoid = unary("log_sigmoid")
logical_and = binary("logical_and")
logical_not = unary("logical_not")
logical_or = binary("logical_or")
logical_xor = binary("logical_xor")
maximum = binary("maximum")
minimum = binary("minimum")
multiply = binary("multiply")
negative = unary("negative")
not_equal = binary("not_equal")
pow = binary("pow")
real = unary("real")
reciprocal = unary("reciprocal")
rint = round = unary("round")
rsqrt = unary("rsqrt")
sigmoid = unary("sigmoid")
sign = unary("sign")
sin = unary("sin")
sinh = unary("sinh")
softplus = unary("softplus")
sqrt = unary("sqrt")
square = unary("square")
subtract = binary("subtract")
tan = unary("tan")
tanh = unary("tanh")
xlogy = binary("xlogy")
xlog1py = binary("xlog1py")

reduce_all = reduction("all")
reduce_any = reduction("any")
reduce_logsumexp = reduction("logsumexp")
reduce_max = reduction("max")
reduce_mean = reduction("mean")
reduce_min = reduction("min")
reduce_prod = reduction("prod")
reduce_std = reduction("std")
reduce_sum = reduction("sum")
reduce_variance = reduction("var")


def squared_difference(x: Any, y: Any, name: Any = None) -> Any:
    """(x - y)**2."""
    return gt.square(gt.subtract(*operands(x, y)))


def divide_no_nan(x: Any, y: Any, name: Any = None) -> Any:
    """x / y, and 0 where y is 0."""
    return functional.divide_no_nan(*operands(x, y))


def multiply_no_nan(x: Any, y: Any, name: Any = None) -> Any:
    """x * y, and 0 where y is 0."""
    return functional.multiply_no_nan(*operands(x, y))


def reduce_euclidean_norm(input_tensor: Any, axis: Any = None, keepdims: bool = False, name: Any = None) -> Any:
    """The Euclidean norm over the axes given."""
    return functional.euclidean_norm(tensor(input_tensor), axes(axis), keepdims)


def add_n(inputs: Any, name: Any = None) -> Any:
    """The sum of a list of Tensors."""
    total = tensor(inputs[0])
    for x in inputs[1:]:
        total = total + x
    return total


accumulate_n = add_n


def scalar_mul(scalar: Any, x: Any, name: Any = None) -> Any:
    """scalar * x."""
    return multiply(scalar, x)


def polyval(coeffs: Any, x: Any, name: Any = None) -> Any:
    """A polynomial by its coefficients, the highest first (Horner)."""
    value = tensor(coeffs[0])
    for c in coeffs[1:]:
        value = value * x + c
    return value


def argmax(input: Any, axis: Any = None, output_type: Any = np.int64, name: Any = None) -> Any:
    """Where the largest entry is along ``axis`` (0 unless said otherwise)."""
    return gt.astype(gt.argmax(tensor(input), axis=0 if axis is None else int(axis)), numpy_dtype(output_type))


def argmin(input: Any, axis: Any = None, output_type: Any = np.int64, name: Any = None) -> Any:
    """Where the smallest entry is along ``axis`` (0 unless said otherwise)."""
    return gt.astype(gt.argmin(tensor(input), axis=0 if axis is None else int(axis)), numpy_dtype(output_type))


def count_nonzero(input: Any, axis: Any = None, keepdims: bool = False, dtype: Any = np.int64, name: Any = None) -> Any:
    """How many entries are not zero."""
    return gt.astype(gt.sum(tensor(input) != 0, axis=axes(axis), keepdims=keepdims), numpy_dtype(dtype))


def _cumulative(path: str, x: Any, axis: Any, exclusive: bool, reverse: bool, neutral: float) -> Any:
    x, axis = tensor(x), int(axis)
    x = gt.flip(x, axis=axis) if reverse else x
    if exclusive:
        index: list[Any] = [slice(None)] * x.ndim
        index[axis] = slice(0, 1)
        first = gt.zeros_like(x[tuple(index)]) + neutral
        index[axis] = slice(0, -1)
        x = gt.concat([gt.astype(first, x.dtype), x[tuple(index)]], axis=axis)
    y = tables.core(path)(x, axis=axis)
    return gt.flip(y, axis=axis) if reverse else y


def cumsum(x: Any, axis: Any = 0, exclusive: bool = False, reverse: bool = False, name: Any = None) -> Any:
    """Running sums; ``exclusive`` leaves each entry itself out."""
    return _cumulative("cumulative_sum", x, axis, exclusive, reverse, 0)


def cumprod(x: Any, axis: Any = 0, exclusive: bool = False, reverse: bool = False, name: Any = None) -> Any:
    """Running products; ``exclusive`` leaves each entry itself out."""
    return _cumulative("cumulative_prod", x, axis, exclusive, reverse, 1)


def cumulative_logsumexp(
    x: Any, axis: Any = 0, exclusive: bool = False, reverse: bool = False, name: Any = None
) -> Any:
    """Running log(sum(exp(x))); ``exclusive`` leaves each entry itself out."""
    return _cumulative("cumulative_logsumexp", x, axis, exclusive, reverse, -np.inf)


class TopK(NamedTuple):
    """What ``top_k`` returns."""

    values: Any
    indices: Any


def top_k(input: Any, k: Any = 1, sorted: bool = True, name: Any = None) -> TopK:
    """The k largest entries along the last axis, and where they are."""
    values, places = gt.top_k(tensor(input), int(k))
    return TopK(values, gt.astype(places, np.int32))


def _segments(function: Callable[..., Any], **fixed: Any) -> Callable[..., Any]:
    """``f(data, segment_ids, name=None)``."""

    def f(data: Any, segment_ids: Any, name: Any = None) -> Any:
        return function(tensor(data), tensor(segment_ids), **fixed)

    f.__doc__ = f"gradtape's {function.__name__}: over the rows that share an id."
    return f


def _unsorted_segments(function: Callable[..., Any], limit: str = "") -> Callable[..., Any]:
    """``f(data, segment_ids, num_segments, name=None)``; ``limit``: the number that stands where there is no row."""

    def f(data: Any, segment_ids: Any, num_segments: Any, name: Any = None) -> Any:
        x, more = tensor(data), {}
        if limit:
            limits: Any = np.finfo(x.dtype) if x.dtype.kind == "f" else np.iinfo(x.dtype)
            more = {"empty": x.dtype.type(limits.min if limit == "lowest" else limits.max)}
        return function(x, tensor(segment_ids), int(num_segments), **more)

    f.__doc__ = f"gradtape's {function.__name__}: over the rows that share an id."
    return f


segment_max = _segments(segments.segment_max, empty=0)
segment_mean = _segments(segments.segment_mean)
segment_min = _segments(segments.segment_min, empty=0)
segment_prod = _segments(segments.segment_prod)
segment_sum = _segments(segments.segment_sum)
unsorted_segment_max = _unsorted_segments(segments.segment_max, "lowest")
unsorted_segment_mean = _unsorted_segments(segments.segment_mean)
unsorted_segment_min = _unsorted_segments(segments.segment_min, "highest")
unsorted_segment_prod = _unsorted_segments(segments.segment_prod)
unsorted_segment_sqrt_n = _unsorted_segments(segments.unsorted_segment_sqrt_n)
unsorted_segment_sum = _unsorted_segments(segments.segment_sum)


def l2_normalize(x: Any, axis: Any = None, epsilon: float = 1e-12, name: Any = None) -> Any:
    """x / sqrt(max(sum(x**2), epsilon))."""
    return functional.l2_normalize(tensor(x), axes(axis), epsilon)


def softmax(logits: Any, axis: Any = -1, name: Any = None) -> Any:
    """exp(x) / sum(exp(x)) along ``axis``."""
    return gt.softmax(tensor(logits), axis=-1 if axis is None else int(axis))


def log_softmax(logits: Any, axis: Any = -1, name: Any = None) -> Any:
    """log(softmax(x)), computed without it."""
    return gt.log_softmax(tensor(logits), axis=-1 if axis is None else int(axis))


__getattr__ = fallback(__name__)
