"""The convolutions and poolings of tf.nn: TensorFlow's arguments for gradtape's."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ...numpy.convolution import conv, conv_transpose
from ...numpy.pooling import avg_pool as means
from ...numpy.pooling import max_pool as maxima
from .convert import ints, operands, tensor
from .names import gt

_gradtape_composes = True

__all__ = [
    "avg_pool",
    "avg_pool1d",
    "avg_pool2d",
    "avg_pool3d",
    "conv1d",
    "conv1d_transpose",
    "conv2d",
    "conv2d_transpose",
    "conv3d",
    "conv3d_transpose",
    "convolution",
    "depthwise_conv2d",
    "max_pool",
    "max_pool1d",
    "max_pool2d",
    "max_pool3d",
]


def _last(data_format: Any) -> bool:
    """Whether the channels are the last axis: "NHWC", not "NCHW"."""
    return data_format is None or not str(data_format).upper().startswith("NC")


def _per_axis(value: Any, m: int, last: bool) -> tuple[int, ...]:
    """A number for each of ``m`` axes, from one, from m, or from m + 2 with those of batch and channels."""
    found = (1,) if value is None else ints(value)
    if len(found) == m + 2:
        return found[1:-1] if last else found[2:]
    return found * m if len(found) == 1 else found


def _padding(padding: Any, m: int, last: bool) -> Any:
    """SAME, VALID, or the pairs of the axes that the window runs over."""
    if isinstance(padding, str):
        return padding
    pairs = [ints(pair) for pair in padding]
    return (pairs[1:-1] if last else pairs[2:]) if len(pairs) == m + 2 else pairs


def _setting(m: int, data_format: Any, strides: Any, padding: Any, dilations: Any) -> dict[str, Any]:
    last = _last(data_format)
    return {
        "strides": _per_axis(strides, m, last),
        "padding": _padding(padding, m, last),
        "dilation": _per_axis(dilations, m, last),
    }


def _to_last(x: Any, data_format: Any) -> Any:
    return x if _last(data_format) else gt.moveaxis(x, 1, -1)


def _from_last(x: Any, data_format: Any) -> Any:
    return x if _last(data_format) else gt.moveaxis(x, -1, 1)


# -- convolutions ----------------------------------------------------------------------------------------------------


def convolution(
    input: Any,
    filters: Any,
    strides: Any = None,
    padding: Any = "VALID",
    data_format: Any = None,
    dilations: Any = None,
    name: Any = None,
) -> Any:
    """The convolution over one to three axes; the groups are those of the filters' channels in the input's."""
    x, w = operands(input, filters)
    m = w.ndim - 2
    x = _to_last(x, data_format)
    setting = _setting(m, data_format, strides, padding, dilations)
    return _from_last(conv(x, w, groups=max(x.shape[-1] // max(w.shape[m], 1), 1), **setting), data_format)


def conv1d(
    input: Any,
    filters: Any,
    stride: Any,
    padding: Any,
    data_format: Any = "NWC",
    dilations: Any = None,
    name: Any = None,
) -> Any:
    """The convolution over one axis."""
    return convolution(input, filters, stride, padding, data_format, dilations)


def conv2d(
    input: Any,
    filters: Any,
    strides: Any,
    padding: Any,
    data_format: Any = "NHWC",
    dilations: Any = None,
    name: Any = None,
) -> Any:
    """The convolution over two axes."""
    return convolution(input, filters, strides, padding, data_format, dilations)


def conv3d(
    input: Any,
    filters: Any,
    strides: Any,
    padding: Any,
    data_format: Any = "NDHWC",
    dilations: Any = None,
    name: Any = None,
) -> Any:
    """The convolution over three axes."""
    return convolution(input, filters, strides, padding, data_format, dilations)


def depthwise_conv2d(
    input: Any,
    filter: Any,
    strides: Any,
    padding: Any,
    data_format: Any = None,
    dilations: Any = None,
    name: Any = None,
) -> Any:
    """Each channel by itself with filters of its own: (height, width, channels, how many)."""
    x, w = operands(input, filter)
    w = gt.reshape(w, (*w.shape[:2], 1, w.shape[2] * w.shape[3]))
    return convolution(x, w, strides, padding, data_format, dilations)


def _transposed(m: int) -> Callable[..., Any]:
    def f(
        input: Any,
        filters: Any,
        output_shape: Any,
        strides: Any,
        padding: Any = "SAME",
        data_format: Any = None,
        dilations: Any = None,
        name: Any = None,
    ) -> Any:
        x, w = operands(input, filters)
        shape = ints(output_shape)
        size = shape if len(shape) == m else shape[1:-1] if _last(data_format) else shape[2:]
        setting = _setting(m, data_format, strides, padding, dilations)
        y = conv_transpose(_to_last(x, data_format), w, size=size, **setting)
        return _from_last(y, data_format)

    f.__doc__ = f"The convolution over {m} axes, transposed: from its outputs to inputs of ``output_shape``."
    return f


conv1d_transpose, conv2d_transpose, conv3d_transpose = [_transposed(m) for m in (1, 2, 3)]


# -- pooling -----------------------------------------------------------------------------------------------------


def _pooling(pool: Callable[..., Any], axes: int | None) -> Callable[..., Any]:
    def f(
        input: Any, ksize: Any, strides: Any, padding: Any = "VALID", data_format: Any = None, name: Any = None
    ) -> Any:
        x = _to_last(tensor(input), data_format)
        m = x.ndim - 2 if axes is None else axes
        setting = _setting(m, data_format, strides, padding, None)
        return _from_last(pool(x, _per_axis(ksize, m, _last(data_format)), **setting), data_format)

    f.__doc__ = ("The largest entry" if pool is maxima else "The mean") + " of each window."
    return f


avg_pool, avg_pool1d, avg_pool2d, avg_pool3d = [_pooling(means, m) for m in (None, 1, 2, 3)]
max_pool, max_pool1d, max_pool2d, max_pool3d = [_pooling(maxima, m) for m in (None, 1, 2, 3)]
