"""Layers of convolution and pooling over one to three axes: batches with their channels last, or first."""

from __future__ import annotations

from typing import Any

from ..errors import message
from ..numpy.axes import moveaxis
from ..numpy.convolution import conv, conv_transpose, per_axis
from ..numpy.padding import pad, repeat
from ..numpy.pooling import avg_pool, max_pool
from ..numpy.reductions import max as largest
from ..numpy.reductions import mean
from ..numpy.resampling import resample
from .layers import Layer
from .layers import activation as activation_named

_gradtape_composes = True

__all__ = [
    "AveragePooling1D",
    "AveragePooling2D",
    "AveragePooling3D",
    "Conv1D",
    "Conv1DTranspose",
    "Conv2D",
    "Conv2DTranspose",
    "Conv3D",
    "Conv3DTranspose",
    "DepthwiseConv2D",
    "GlobalAveragePooling1D",
    "GlobalAveragePooling2D",
    "GlobalAveragePooling3D",
    "GlobalMaxPooling1D",
    "GlobalMaxPooling2D",
    "GlobalMaxPooling3D",
    "MaxPooling1D",
    "MaxPooling2D",
    "MaxPooling3D",
    "UpSampling2D",
    "ZeroPadding2D",
]


class _Channels(Layer):
    """What these layers share: the number of axes, and where the channels are."""

    axes = 2

    def __init__(self, data_format: Any = None, **options: Any) -> None:
        super().__init__(**options)
        self.data_format = data_format or "channels_last"
        if self.data_format not in ("channels_last", "channels_first"):
            raise ValueError(
                message(
                    f"{type(self).__name__}: data_format={data_format!r}",
                    remedy='Use "channels_last" or "channels_first".',
                )
            )

    @property
    def _last(self) -> bool:
        return self.data_format == "channels_last"

    def _placed(self, x: Any) -> Any:
        """The input with its channels last."""
        return x if self._last else moveaxis(x, 1, -1)

    def _returned(self, y: Any) -> Any:
        return y if self._last else moveaxis(y, -1, 1)

    def _channels(self, input_shape: Any) -> int:
        return int(input_shape[-1 if self._last else 1])


class Conv(_Channels):
    """``activation(conv(x, kernel) + bias)``; the kernel is (*kernel_size, channels / groups, filters)."""

    def __init__(
        self,
        filters: int,
        kernel_size: Any,
        strides: Any = 1,
        padding: str = "valid",
        data_format: Any = None,
        dilation_rate: Any = 1,
        groups: int = 1,
        activation: Any = None,
        use_bias: bool = True,
        kernel_initializer: Any = "glorot_uniform",
        bias_initializer: Any = "zeros",
        **options: Any,
    ) -> None:
        super().__init__(data_format, **options)
        self.filters, self.groups, self.use_bias, self.padding = int(filters), int(groups), use_bias, padding
        asked = type(self).__name__
        self.kernel_size = per_axis(kernel_size, self.axes, asked, "kernel_size")
        self.strides = per_axis(strides, self.axes, asked, "strides")
        self.dilation_rate = per_axis(dilation_rate, self.axes, asked, "dilation_rate")
        self.activation = activation_named(activation)
        self.kernel_initializer, self.bias_initializer = kernel_initializer, bias_initializer

    def _kernel_shape(self, channels: int) -> tuple[int, ...]:
        return (*self.kernel_size, channels // self.groups, self.filters)

    def build(self, input_shape: Any) -> None:
        shape = self._kernel_shape(self._channels(input_shape))
        self.kernel = self.add_weight(shape, self.kernel_initializer, name="kernel")
        if self.use_bias:
            self.bias = self.add_weight((self.filters,), self.bias_initializer, name="bias")

    def _convolved(self, x: Any) -> Any:
        causal = self.padding == "causal"
        if causal:  # no output sees a later input
            x = pad(x, [(0, 0), ((self.kernel_size[0] - 1) * self.dilation_rate[0], 0), (0, 0)])
        return conv(
            x,
            self.kernel,
            strides=self.strides,
            padding="valid" if causal else self.padding,
            dilation=self.dilation_rate,
            groups=self.groups,
        )

    def call(self, inputs: Any) -> Any:
        y = self._convolved(self._placed(inputs))
        return self._returned(self.activation(y + self.bias if self.use_bias else y))


class ConvTranspose(Conv):
    """A convolution transposed, from its outputs to its inputs; the kernel is (*kernel_size, filters, channels)."""

    def _kernel_shape(self, channels: int) -> tuple[int, ...]:
        return (*self.kernel_size, self.filters, channels)

    def _convolved(self, x: Any) -> Any:
        spans = [(k - 1) * d + 1 for k, d in zip(self.kernel_size, self.dilation_rate, strict=True)]
        same = self.padding == "same"
        size = [
            n * s if same else n * s + max(r - s, 0) for n, s, r in zip(x.shape[1:-1], self.strides, spans, strict=True)
        ]
        return conv_transpose(
            x, self.kernel, size=tuple(size), strides=self.strides, padding=self.padding, dilation=self.dilation_rate
        )


class DepthwiseConv2D(Conv):
    """Each channel convolved by itself, with ``depth_multiplier`` kernels of its own."""

    def __init__(self, kernel_size: Any, depth_multiplier: int = 1, **options: Any) -> None:
        super().__init__(1, kernel_size, **options)
        self.depth_multiplier = int(depth_multiplier)

    def build(self, input_shape: Any) -> None:
        channels = self._channels(input_shape)
        self.groups, self.filters = channels, channels * self.depth_multiplier
        self.depthwise_kernel = self.add_weight(
            (*self.kernel_size, channels, self.depth_multiplier), self.kernel_initializer, name="kernel"
        )
        if self.use_bias:
            self.bias = self.add_weight((self.filters,), self.bias_initializer, name="bias")

    @property
    def kernel(self) -> Any:  # type: ignore[override]
        """The kernel in the layout of a convolution in groups."""
        return (self.depthwise_kernel + 0.0).reshape((*self.kernel_size, 1, self.filters))


class Pooling(_Channels):
    """The largest entry or the mean of each window; windows follow each other without overlap unless told otherwise."""

    pool: Any = None

    def __init__(
        self, pool_size: Any = 2, strides: Any = None, padding: str = "valid", data_format: Any = None, **options: Any
    ) -> None:
        super().__init__(data_format, **options)
        asked = type(self).__name__
        self.pool_size = per_axis(pool_size, self.axes, asked, "pool_size")
        self.strides = self.pool_size if strides is None else per_axis(strides, self.axes, asked, "strides")
        self.padding = padding

    def call(self, inputs: Any) -> Any:
        pool = type(self).pool
        return self._returned(pool(self._placed(inputs), self.pool_size, strides=self.strides, padding=self.padding))


class GlobalPooling(_Channels):
    """The largest entry or the mean of each channel."""

    reduce: Any = None

    def __init__(self, data_format: Any = None, keepdims: bool = False, **options: Any) -> None:
        super().__init__(data_format, **options)
        self.keepdims = keepdims

    def call(self, inputs: Any) -> Any:
        over = tuple(range(1, self.axes + 1)) if self._last else tuple(range(2, self.axes + 2))
        return type(self).reduce(inputs, axis=over, keepdims=self.keepdims)


class ZeroPadding2D(_Channels):
    """Zeros around images: a number, (height, width), or ((top, bottom), (left, right))."""

    def __init__(self, padding: Any = 1, data_format: Any = None, **options: Any) -> None:
        super().__init__(data_format, **options)
        each = (padding, padding) if isinstance(padding, int) else tuple(padding)
        self.padding = tuple([(p, p) if isinstance(p, int) else tuple(p) for p in each])

    def call(self, inputs: Any) -> Any:
        return self._returned(pad(self._placed(inputs), [(0, 0), *self.padding, (0, 0)]))


class UpSampling2D(_Channels):
    """Every entry of an image repeated ``size`` times along both axes, or interpolated between (:func:`resample`)."""

    def __init__(self, size: Any = 2, data_format: Any = None, interpolation: str = "nearest", **options: Any) -> None:
        super().__init__(data_format, **options)
        self.size = per_axis(size, 2, type(self).__name__, "size")
        self.interpolation = interpolation

    def call(self, inputs: Any) -> Any:
        x = self._placed(inputs)
        if self.interpolation != "nearest":
            n, height, width, channels = x.shape
            shape = (n, height * self.size[0], width * self.size[1], channels)
            return self._returned(resample(x, shape, self.interpolation))
        return self._returned(repeat(repeat(x, self.size[0], axis=1), self.size[1], axis=2))


def _made(name: str, base: Any, axes: int, doc: str, **more: Any) -> Any:
    return type(name, (base,), {"axes": axes, "__doc__": doc, "__module__": __name__, **more})


_OVER = {1: "one axis", 2: "two axes", 3: "three axes"}
Conv1D, Conv2D, Conv3D = [_made(f"Conv{m}D", Conv, m, f"A convolution over {_OVER[m]}.") for m in (1, 2, 3)]
Conv1DTranspose, Conv2DTranspose, Conv3DTranspose = [
    _made(f"Conv{m}DTranspose", ConvTranspose, m, f"A transposed convolution over {_OVER[m]}.") for m in (1, 2, 3)
]
MaxPooling1D, MaxPooling2D, MaxPooling3D = [
    _made(f"MaxPooling{m}D", Pooling, m, f"The largest entry of each window over {_OVER[m]}.", pool=max_pool)
    for m in (1, 2, 3)
]
AveragePooling1D, AveragePooling2D, AveragePooling3D = [
    _made(f"AveragePooling{m}D", Pooling, m, f"The mean of each window over {_OVER[m]}.", pool=avg_pool)
    for m in (1, 2, 3)
]
GlobalMaxPooling1D, GlobalMaxPooling2D, GlobalMaxPooling3D = [
    _made(f"GlobalMaxPooling{m}D", GlobalPooling, m, f"The largest entry over {_OVER[m]}.", reduce=largest)
    for m in (1, 2, 3)
]
GlobalAveragePooling1D, GlobalAveragePooling2D, GlobalAveragePooling3D = [
    _made(f"GlobalAveragePooling{m}D", GlobalPooling, m, f"The mean over {_OVER[m]}.", reduce=mean) for m in (1, 2, 3)
]
