"""tf.keras.layers: gradtape's layers in float32, with Keras's names and attributes."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from ....state import convolutional, recurrent, regularising
from ....state import layers as core
from .. import nn
from ..arrays import concat
from ..convert import TensorShape, is_value, tensor
from ..names import fallback
from ..options import refuse, refuse_of_layer
from ..variables import Variable
from . import activations, initializers, regularizers
from .symbols import Symbol

_gradtape_composes = True

__all__ = [
    "GRU",
    "LSTM",
    "Activation",
    "Add",
    "Average",
    "AveragePooling1D",
    "AveragePooling2D",
    "AveragePooling3D",
    "BatchNormalization",
    "Concatenate",
    "Conv1D",
    "Conv1DTranspose",
    "Conv2D",
    "Conv2DTranspose",
    "Conv3D",
    "Conv3DTranspose",
    "Dense",
    "DepthwiseConv2D",
    "Dropout",
    "Embedding",
    "Flatten",
    "GaussianNoise",
    "GlobalAveragePooling1D",
    "GlobalAveragePooling2D",
    "GlobalAveragePooling3D",
    "GlobalMaxPooling1D",
    "GlobalMaxPooling2D",
    "GlobalMaxPooling3D",
    "Input",
    "InputLayer",
    "Lambda",
    "Layer",
    "LayerNormalization",
    "LeakyReLU",
    "MaxPooling1D",
    "MaxPooling2D",
    "MaxPooling3D",
    "Multiply",
    "ReLU",
    "Reshape",
    "SimpleRNN",
    "Softmax",
    "Subtract",
    "UpSampling2D",
    "ZeroPadding2D",
]


class Layer(core.Layer):
    """Base of the layers: ``__init__``, ``build(input_shape)``, ``call(inputs)``, as in Keras.

    Variables that are set as attributes are tracked, also in lists and dicts.
    """

    default_dtype = np.float32

    def __init__(self, *, trainable: bool = True, name: Any = None, dtype: Any = None, **options: Any) -> None:
        super().__init__(name, getattr(dtype, "dtype", dtype), trainable)
        refuse_of_layer(type(self).__name__, options)
        shape = options.get("input_shape") or ((options["input_dim"],) if options.get("input_dim") else None)
        if shape is not None and not self.built:
            self._first_shape = (1, *shape)

    def _attributes(self) -> Iterable[tuple[str, Any]]:
        return [(n, v) for n, v in super()._attributes() if n != "_penalties"]

    @property
    def trainable_variables(self) -> list[Any]:  # type: ignore[override]
        """The trainable Variables, as a list."""
        return list(super().trainable_variables)

    @property
    def non_trainable_variables(self) -> list[Any]:  # type: ignore[override]
        """The other Variables, as a list."""
        return list(super().non_trainable_variables)

    @property
    def variables(self) -> list[Any]:  # type: ignore[override]
        """Every Variable, as a list."""
        return list(super().variables)

    @property
    def weights(self) -> list[Any]:
        """Every Variable, as a list."""
        return self.variables

    @property
    def trainable_weights(self) -> list[Any]:
        """The trainable Variables, as a list."""
        return self.trainable_variables

    @property
    def non_trainable_weights(self) -> list[Any]:
        """The other Variables, as a list."""
        return self.non_trainable_variables

    @property
    def losses(self) -> list[Any]:
        """The penalties of the regularizers, and what was added with ``add_loss``."""
        found: list[Any] = []
        for layer in (self, *self.submodules):
            found += [penalty(v) for penalty, v in layer.__dict__.get("_penalties", ())]
            found += layer.__dict__.get("_added", ())
        return found

    def add_loss(self, loss: Any) -> None:
        """Add a term to ``losses`` until the next call."""
        self.__dict__.setdefault("_added", []).append(loss)

    def count_params(self) -> int:
        """The number of weights."""
        return sum(v.size for v in self.variables)

    def get_config(self) -> dict[str, Any]:
        """The name."""
        return {"name": self.name}

    def add_weight(  # type: ignore[override]
        self,
        shape: Any = (),
        initializer: Any = "glorot_uniform",
        dtype: Any = None,
        trainable: bool = True,
        name: Any = None,
        regularizer: Any = None,
        **options: Any,
    ) -> Any:
        """A Variable of that shape; keep it in an attribute."""
        refuse("add_weight", options, "aggregation autocast experimental_autocast use_resource", "constraint")
        if isinstance(shape, str):  # Keras 2 took the name first
            raise TypeError("add_weight: pass name= by keyword; the first argument is the shape")
        first = initializers.get(initializer or "glorot_uniform")
        v = super().add_weight(shape, first, getattr(dtype, "dtype", dtype), trainable, name)
        if regularizer is not None:
            self.__dict__.setdefault("_penalties", []).append((regularizers.get(regularizer), v))
        return v

    def new_variable(self, value: Any, trainable: bool, name: Any) -> Any:
        return Variable(value, trainable, name=name)

    def convert(self, inputs: Any) -> Any:
        if isinstance(inputs, np.ndarray) and inputs.dtype.kind == "f":
            return tensor(inputs, self.dtype)  # as Keras does: inputs take the layer's dtype
        if isinstance(inputs, list | tuple) and any(is_value(x) or isinstance(x, np.ndarray) for x in inputs):
            return inputs
        return inputs if is_value(inputs) else tensor(inputs)

    def __call__(self, inputs: Any = None, *args: Any, **kwargs: Any) -> Any:
        if Symbol.among(inputs):
            return Symbol.of_layer(self, inputs, args, kwargs)
        self.__dict__.pop("_added", None)
        if "training" in kwargs and not core.takes_training(self):
            kwargs.pop("training")
        if not self.built:
            self._build_for(inputs)
        return self.call(self.convert(inputs), *args, **kwargs)

    def _build_for(self, inputs: Any) -> None:
        converted = self.convert(inputs)
        shapes = (
            [TensorShape(x.shape) for x in converted]
            if isinstance(converted, list | tuple)
            else TensorShape(converted.shape)
        )
        self.build(shapes)
        self.built = True


def _layer(base: Any) -> Any:
    """gradtape's layer as a Keras layer."""
    return type(base.__name__, (base, Layer), {"__doc__": base.__doc__, "__module__": __name__})


class Dense(core.Dense, Layer):
    """``activation(x @ kernel + bias)``."""

    def __init__(
        self,
        units: int,
        activation: Any = None,
        use_bias: bool = True,
        kernel_initializer: Any = "glorot_uniform",
        bias_initializer: Any = "zeros",
        kernel_regularizer: Any = None,
        bias_regularizer: Any = None,
        **options: Any,
    ) -> None:
        super().__init__(units, activations.get(activation), use_bias, kernel_initializer, bias_initializer, **options)
        self.kernel_regularizer = regularizers.get(kernel_regularizer)
        self.bias_regularizer = regularizers.get(bias_regularizer)

    def add_weight(self, *args: Any, name: Any = None, **options: Any) -> Any:
        penalty = self.kernel_regularizer if name == "kernel" else self.bias_regularizer
        return super().add_weight(*args, name=name, regularizer=penalty, **options)


class Activation(Layer):
    """An activation as a layer."""

    def __init__(self, activation: Any, **options: Any) -> None:
        super().__init__(**options)
        self.activation = activations.get(activation)

    def call(self, inputs: Any) -> Any:
        return self.activation(inputs)


BatchNormalization = _layer(regularising.BatchNormalization)
Dropout = _layer(regularising.Dropout)
Embedding = _layer(regularising.Embedding)
Flatten = _layer(core.Flatten)
GaussianNoise = _layer(regularising.GaussianNoise)
Lambda = _layer(core.Lambda)
LayerNormalization = _layer(regularising.LayerNormalization)
Reshape = _layer(core.Reshape)


def _kernelled(base: Any) -> Any:
    """A layer with a kernel and a bias as a Keras layer: activations by Keras's names, and regularizers."""

    class Kernelled(base, Layer):  # type: ignore[misc]
        def __init__(
            self,
            *args: Any,
            kernel_regularizer: Any = None,
            bias_regularizer: Any = None,
            recurrent_regularizer: Any = None,
            **options: Any,
        ) -> None:
            for name in ("initializer", "regularizer"):  # as Keras calls those of a depthwise kernel
                if f"depthwise_{name}" in options:
                    options[f"kernel_{name}"] = options.pop(f"depthwise_{name}")
            kernel_regularizer = options.pop("kernel_regularizer", kernel_regularizer)
            for name in ("activation", "recurrent_activation"):
                if name in options:
                    options[name] = activations.get(options[name])
            super().__init__(*args, **options)
            self._regularizers = {
                "kernel": regularizers.get(kernel_regularizer),
                "bias": regularizers.get(bias_regularizer),
                "recurrent_kernel": regularizers.get(recurrent_regularizer),
            }

        def add_weight(self, *args: Any, name: Any = None, **options: Any) -> Any:
            return super().add_weight(*args, name=name, regularizer=self._regularizers.get(name), **options)

    Kernelled.__name__ = Kernelled.__qualname__ = base.__name__
    Kernelled.__doc__, Kernelled.__module__ = base.__doc__, __name__
    return Kernelled


AveragePooling1D = _layer(convolutional.AveragePooling1D)
AveragePooling2D = _layer(convolutional.AveragePooling2D)
AveragePooling3D = _layer(convolutional.AveragePooling3D)
Conv1D = _kernelled(convolutional.Conv1D)
Conv1DTranspose = _kernelled(convolutional.Conv1DTranspose)
Conv2D = _kernelled(convolutional.Conv2D)
Conv2DTranspose = _kernelled(convolutional.Conv2DTranspose)
Conv3D = _kernelled(convolutional.Conv3D)
Conv3DTranspose = _kernelled(convolutional.Conv3DTranspose)
DepthwiseConv2D = _kernelled(convolutional.DepthwiseConv2D)
GlobalAveragePooling1D = _layer(convolutional.GlobalAveragePooling1D)
GlobalAveragePooling2D = _layer(convolutional.GlobalAveragePooling2D)
GlobalAveragePooling3D = _layer(convolutional.GlobalAveragePooling3D)
GlobalMaxPooling1D = _layer(convolutional.GlobalMaxPooling1D)
GlobalMaxPooling2D = _layer(convolutional.GlobalMaxPooling2D)
GlobalMaxPooling3D = _layer(convolutional.GlobalMaxPooling3D)
MaxPooling1D = _layer(convolutional.MaxPooling1D)
MaxPooling2D = _layer(convolutional.MaxPooling2D)
MaxPooling3D = _layer(convolutional.MaxPooling3D)
UpSampling2D = _layer(convolutional.UpSampling2D)
ZeroPadding2D = _layer(convolutional.ZeroPadding2D)
GRU = _kernelled(recurrent.GRU)
LSTM = _kernelled(recurrent.LSTM)
SimpleRNN = _kernelled(recurrent.SimpleRNN)
for _short, _long in {
    "MaxPool": "MaxPooling",
    "AvgPool": "AveragePooling",
    "GlobalMaxPool": "GlobalMaxPooling",
}.items():
    for _axes in "123":
        globals()[f"{_short}{_axes}D"] = globals()[f"{_long}{_axes}D"]


class ReLU(Layer):
    """x from the threshold up to the largest value, below it ``negative_slope * (x - threshold)``."""

    def __init__(
        self, max_value: Any = None, negative_slope: float = 0.0, threshold: float = 0.0, **options: Any
    ) -> None:
        super().__init__(**options)
        self.max_value, self.negative_slope, self.threshold = max_value, negative_slope, threshold

    def call(self, inputs: Any) -> Any:
        return activations.relu(inputs, self.negative_slope, self.max_value, self.threshold)


class LeakyReLU(Layer):
    """x where it is positive, else slope * x."""

    def __init__(self, negative_slope: float = 0.3, alpha: Any = None, **options: Any) -> None:
        super().__init__(**options)
        self.negative_slope = negative_slope if alpha is None else alpha

    def call(self, inputs: Any) -> Any:
        return nn.leaky_relu(inputs, self.negative_slope)


class Softmax(Layer):
    """exp(x) / sum(exp(x))."""

    def __init__(self, axis: int = -1, **options: Any) -> None:
        super().__init__(**options)
        self.axis = axis

    def call(self, inputs: Any) -> Any:
        return nn.softmax(inputs, axis=self.axis)


class Concatenate(Layer):
    """Several inputs, joined along an axis."""

    def __init__(self, axis: int = -1, **options: Any) -> None:
        super().__init__(**options)
        self.axis = axis

    def call(self, inputs: Any) -> Any:
        return concat(inputs, axis=self.axis)


class Add(Layer):
    """The sum of several inputs."""

    def call(self, inputs: Any) -> Any:
        return sum(inputs[1:], inputs[0])


class Average(Add):
    """The mean of several inputs."""

    def call(self, inputs: Any) -> Any:
        return super().call(inputs) / float(len(inputs))


class Subtract(Layer):
    """The first input minus the second."""

    def call(self, inputs: Any) -> Any:
        return inputs[0] - inputs[1]


class Multiply(Layer):
    """The product of several inputs."""

    def call(self, inputs: Any) -> Any:
        product = inputs[0]
        for x in inputs[1:]:
            product = product * x
        return product


def Input(shape: Any = None, batch_size: Any = None, dtype: Any = None, name: Any = None, **_: Any) -> Any:
    """A placeholder, from which layers make others; ``tf.keras.Model(inputs, outputs)`` computes with real values."""
    return Symbol.of_input(shape, batch_size, dtype, name)


class InputLayer(Layer):
    """The inputs as they are."""

    def __init__(self, shape: Any = None, input_shape: Any = None, **options: Any) -> None:
        super().__init__(input_shape=shape or input_shape, **options)

    def call(self, inputs: Any) -> Any:
        return inputs


__getattr__ = fallback(__name__)
