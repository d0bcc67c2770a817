"""Layers: modules that make their Variables when they first see an input.  Plain recorded code."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from importlib import import_module
from typing import Any

import numpy as np

from ..errors import ShapeError, message
from ..record.sites import user_line
from ..record.tensor import Tensor
from ..record.variable import Variable
from ..record.writer import to_tensor
from . import initializers
from .module import Module

_gradtape_composes = True

__all__ = ["Activation", "Dense", "Flatten", "Lambda", "Layer", "Reshape", "Sequential", "activation"]


def activation(identifier: Any) -> Callable[[Any], Any]:
    """An activation from its name (``"relu"``); None is the identity; a callable is returned as it is."""
    if identifier is None or identifier in ("linear", "identity"):
        return lambda x: x
    if callable(identifier):
        return identifier
    from ..numpy import activations, elementwise, units

    for room in (units, activations, elementwise):
        if hasattr(room, identifier):
            return getattr(room, identifier)
    raise ValueError(message(f"activation: there is none named {identifier!r}"))


class Layer(Module):
    """Base of the layers: ``build(input_shape)`` makes the weights once, ``call(inputs)`` computes.

    >>> import gradtape as gt
    >>> from gradtape.state.layers import Layer
    >>> class Scale(Layer):
    ...     def build(self, input_shape):
    ...         self.s = self.add_weight((input_shape[-1],), initializer="ones")
    ...
    ...     def call(self, inputs):
    ...         return inputs * self.s
    >>> Scale()([1.0, 2.0])
    Tensor([1., 2.])
    """

    #: The dtype of weights where none is named.
    default_dtype: Any = np.float64
    built = False

    def __init__(self, name: str | None = None, dtype: Any = None, trainable: bool = True) -> None:
        super().__init__(name)
        self._dtype = dtype
        self._trainable = trainable

    @property
    def dtype(self) -> np.dtype[Any]:
        """The dtype of the weights."""
        return np.dtype(self.__dict__.get("_dtype") or self.default_dtype)

    @property
    def trainable(self) -> bool:
        """Whether the weights of this layer, and of those inside it, are to be trained."""
        return self.__dict__.get("_trainable", True)

    @trainable.setter
    def trainable(self, value: bool) -> None:
        self._trainable = bool(value)

    @property
    def trainable_variables(self) -> tuple[Variable, ...]:
        """The trainable Variables; none of a layer whose ``trainable`` is False."""
        if not self.trainable:
            return ()
        frozen = {v for m in self.submodules if isinstance(m, Layer) and not m.trainable for v in m.variables}
        return tuple(v for v in self.variables if v.trainable and v not in frozen)

    @property
    def non_trainable_variables(self) -> tuple[Variable, ...]:
        """The Variables that are not among the trainable ones."""
        trained = set(self.trainable_variables)
        return tuple(v for v in self.variables if v not in trained)

    def add_weight(
        self,
        shape: Any = (),
        initializer: Any = "glorot_uniform",
        dtype: Any = None,
        trainable: bool = True,
        name: str | None = None,
        **_: Any,
    ) -> Variable:
        """A Variable of that shape; keep it in an attribute. Weights start Glorot-uniform unless said otherwise."""
        kind = np.dtype(dtype) if dtype is not None else self.dtype
        first = initializers.get(initializer)(tuple(int(n) for n in shape), kind)
        return self.new_variable(to_tensor(first), trainable, name)

    def new_variable(self, value: Tensor, trainable: bool, name: str | None) -> Variable:
        """How a weight is made."""
        return Variable(value, trainable, name)

    def build(self, input_shape: Any) -> None:
        """Make the weights; called once, with the shape of the first input."""

    def call(self, inputs: Any) -> Any:
        """What the layer computes."""
        raise NotImplementedError(f"{type(self).__name__} does not say what to compute: define call(self, inputs)")

    def convert(self, inputs: Any) -> Any:
        """Inputs as ``call`` receives them: arrays, lists of numbers and Variables as Tensors."""
        if isinstance(inputs, np.ndarray | np.generic | float | int | Variable):
            return to_tensor(inputs)
        if isinstance(inputs, list | tuple) and not any(isinstance(x, Tensor | Variable | np.ndarray) for x in inputs):  # pyright: ignore[reportUnknownVariableType]
            return to_tensor(np.array(inputs))  # pyright: ignore[reportUnknownArgumentType]
        return inputs

    def __call__(self, inputs: Any, *args: Any, **kwargs: Any) -> Any:
        inputs = self.convert(inputs)
        if not self.built:
            self.build(_shapes(inputs))
            self.built = True
        return self.call(inputs, *args, **kwargs)


def _shapes(inputs: Any) -> Any:
    if isinstance(inputs, list | tuple):
        return [_shapes(x) for x in inputs]  # pyright: ignore[reportUnknownVariableType]
    return getattr(inputs, "shape", None)


class Dense(Layer):
    """``activation(x @ kernel + bias)``."""

    def __init__(
        self,
        units: int,
        activation: Any = None,
        use_bias: bool = True,
        kernel_initializer: Any = "glorot_uniform",
        bias_initializer: Any = "zeros",
        **options: Any,
    ) -> None:
        super().__init__(**options)
        self.units = int(units)
        self.activation = _activation(activation)
        self.use_bias = use_bias
        self.kernel_initializer = kernel_initializer
        self.bias_initializer = bias_initializer

    def build(self, input_shape: Any) -> None:
        if not input_shape:
            raise ShapeError(
                message(
                    "Dense: the input has no axis to multiply along",
                    where=str(user_line()),
                    remedy="Pass inputs of shape (batch, features).",
                )
            )
        self.kernel = self.add_weight((input_shape[-1], self.units), self.kernel_initializer, name="kernel")
        if self.use_bias:
            self.bias = self.add_weight((self.units,), self.bias_initializer, name="bias")

    def call(self, inputs: Any) -> Any:
        y = inputs @ self.kernel
        return self.activation(y + self.bias if self.use_bias else y)


_activation = activation


class Activation(Layer):
    """An activation as a layer."""

    def __init__(self, activation: Any, **options: Any) -> None:
        super().__init__(**options)
        self.activation = _activation(activation)

    def call(self, inputs: Any) -> Any:
        return self.activation(inputs)


class Lambda(Layer):
    """A function as a layer."""

    def __init__(self, function: Callable[..., Any], **options: Any) -> None:
        super().__init__(**options)
        self.function = function

    def call(self, inputs: Any) -> Any:
        return self.function(inputs)


class Flatten(Layer):
    """All axes but the first, as one."""

    def call(self, inputs: Any) -> Any:
        return inputs.reshape((inputs.shape[0], int(np.prod(inputs.shape[1:]))))


class Reshape(Layer):
    """Every example in another shape."""

    def __init__(self, target_shape: Iterable[int], **options: Any) -> None:
        super().__init__(**options)
        self.target_shape = tuple(target_shape)

    def call(self, inputs: Any) -> Any:
        return inputs.reshape((inputs.shape[0], *self.target_shape))


class Sequential(Layer):
    """Layers one after the other.

    >>> import gradtape as gt
    >>> from gradtape.state.layers import Dense, Sequential
    >>> model = Sequential([Dense(4, activation="tanh"), Dense(1)])
    >>> model(gt.asarray([[1.0, 2.0]])).shape, len(model.trainable_variables)
    ((1, 1), 4)
    """

    def __init__(self, layers: Iterable[Any] = (), **options: Any) -> None:
        super().__init__(**options)
        self.layers: list[Any] = []
        for layer in layers or ():
            self.add(layer)

    def add(self, layer: Any) -> None:
        """Put ``layer`` at the end; a plain function will do."""
        self.layers.append(layer)

    def call(self, inputs: Any, training: Any = None) -> Any:
        for layer in self.layers:
            inputs = (
                layer(inputs) if training is None or not takes_training(layer) else layer(inputs, training=training)
            )
        return inputs


def takes_training(layer: Any) -> bool:
    """Whether a layer behaves differently in training: its ``call`` has an argument of that name."""
    code = getattr(getattr(layer, "call", None), "__code__", None)
    return code is not None and "training" in code.co_varnames[: code.co_argcount + code.co_kwonlyargcount]


#: The rooms that hold more layers, opened when one of theirs is asked for: they are built on this one.
_ELSEWHERE = ("regularising", "convolutional", "recurrent")


def __getattr__(name: str) -> Any:
    if not name.startswith("_"):
        for room in _ELSEWHERE:
            found = import_module(f"{__package__}.{room}")
            if name in found.__all__:
                return getattr(found, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
