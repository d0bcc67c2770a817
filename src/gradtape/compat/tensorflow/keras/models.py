"""tf.keras.Model and tf.keras.Sequential: subclassing, stacking, and the functional style; a plain ``fit``."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from ....state import layers as core
from ....state import random
from ....tape import GradientTape
from ..convert import tensor
from ..names import fallback
from ..options import refuse
from . import losses, optimizers
from .layers import Layer
from .symbols import Symbol, evaluate, layers_of

_gradtape_composes = True

__all__ = ["Model", "Sequential", "clone_model"]

_BY_HAND = "Write the training loop with tf.GradientTape."


class History:
    """What ``fit`` returns: ``history["loss"]`` has one number an epoch."""

    def __init__(self) -> None:
        self.history: dict[str, list[float]] = {}


class Model(Layer):
    """A layer that can be trained: subclass it and define ``call``, or give it ``inputs`` and ``outputs``."""

    def __init__(self, inputs: Any = None, outputs: Any = None, *, name: Any = None, **options: Any) -> None:
        super().__init__(name=name, **options)
        if inputs is not None:
            self._ins = list(inputs) if isinstance(inputs, list | tuple) else [inputs]
            self._outs = list(outputs) if isinstance(outputs, list | tuple) else [outputs]
            self._several = isinstance(outputs, list | tuple)
            self._made_of = layers_of(self._outs)
            self.built = True

    def _attributes(self) -> Iterable[tuple[str, Any]]:
        # Metrics count what happened: they are no part of the model.
        return [(n, v) for n, v in super()._attributes() if n not in ("optimizer", "loss")]

    @property
    def layers(self) -> list[Any]:
        """The layers directly inside."""
        if "_made_of" in self.__dict__:
            return self._made_of
        found: list[Any] = []
        for _, value in self._attributes():
            found += [x for x in (value if isinstance(value, list | tuple) else [value]) if isinstance(x, Layer)]
        return found

    def get_layer(self, name: Any = None, index: Any = None) -> Any:
        """A layer by its name or its number."""
        if index is not None:
            return self.layers[index]
        return next(layer for layer in self.layers if layer.name == name)

    def call(self, inputs: Any, training: Any = None) -> Any:
        if "_ins" not in self.__dict__:
            raise NotImplementedError(f"{type(self).__name__} does not say what to compute: define call(self, inputs)")
        given = list(inputs) if isinstance(inputs, list | tuple) else [inputs]
        values = evaluate(self._outs, {id(s): x for s, x in zip(self._ins, given, strict=True)}, training)
        return values if self._several else values[0]

    def summary(self, print_fn: Any = print) -> None:
        """Print the weights."""
        for path, v in self.named_variables().items():
            print_fn(f"{path:40} {v.shape!s:20} {v.size}")
        print_fn(f"Total params: {self.count_params()}")

    # -- a plain training loop ----------------------------------------------------------------------------
    def compile(self, optimizer: Any = "rmsprop", loss: Any = None, metrics: Any = None, **options: Any) -> None:
        """Say what ``fit`` trains with."""
        harmless = "weighted_metrics run_eagerly steps_per_execution jit_compile auto_scale_loss"
        refuse("compile", options, harmless, "loss_weights", _BY_HAND)
        self.optimizer = optimizers.get(optimizer)
        self.loss = losses.get(loss)

    def compute_loss(
        self, x: Any = None, y: Any = None, y_pred: Any = None, sample_weight: Any = None, training: Any = True
    ) -> Any:
        """The compiled loss, its examples weighted with ``sample_weight``, and the penalties."""
        loss = self.loss if isinstance(self.loss, losses.Loss) else losses.of_function(self.loss)
        return sum(self.losses, tensor(loss(y, y_pred, sample_weight=sample_weight)))

    def train_step(self, data: Any) -> dict[str, Any]:
        """One step of ``fit``; override it for your own."""
        x, y, weight = (*data, None)[:3]
        with GradientTape() as tape:
            loss = self.compute_loss(x, y, self(x, training=True), weight)
        variables = self.trainable_variables
        self.optimizer.apply_gradients(zip(tape.gradient(loss, variables), variables, strict=True))
        return {"loss": loss}

    def fit(
        self,
        x: Any = None,
        y: Any = None,
        batch_size: Any = None,
        epochs: int = 1,
        verbose: Any = 0,
        shuffle: bool = True,
        sample_weight: Any = None,
        **options: Any,
    ) -> History:
        """Train; verbose=1 prints the loss of each epoch."""
        off = """callbacks class_weight initial_epoch max_queue_size steps_per_epoch validation_data validation_freq
            validation_split validation_steps"""
        harmless = "use_multiprocessing workers validation_batch_size"
        given = {n: v for n, v in options.items() if not (n == "callbacks" and v == [])}
        refuse("fit", given, harmless, off, _BY_HAND)
        history = History()
        for epoch in range(epochs):
            logs: dict[str, list[float]] = {}
            batched = y is None and not hasattr(x, "dtype")  # a Dataset, or a list of batches
            for data in x if batched else _batches(x, y, sample_weight, batch_size or 32, shuffle):
                for name, value in self.train_step(data).items():
                    logs.setdefault(name, []).append(float(value))
            for name, values in logs.items():
                history.history.setdefault(name, []).append(float(np.mean(values)))
            if verbose in (1, 2):
                shown = " - ".join(f"{name}: {values[-1]:.4f}" for name, values in history.history.items())
                print(f"Epoch {epoch + 1}/{epochs} - {shown}")
        return history

    def predict(self, x: Any, *_: Any, **__: Any) -> Any:
        """The outputs, as NumPy arrays."""
        return self(tensor(x) if not hasattr(x, "dtype") else x, training=False).numpy()

    def evaluate(
        self, x: Any, y: Any, batch_size: Any = None, verbose: Any = 0, sample_weight: Any = None, **options: Any
    ) -> float:
        """The loss, as a number."""
        refuse("evaluate", options, "callbacks steps return_dict", remedy=_BY_HAND)
        return float(self.compute_loss(x, tensor(y), self(x, training=False), sample_weight))


def _batches(x: Any, y: Any, weight: Any, size: int, shuffle: bool) -> Iterable[tuple[Any, ...]]:
    xs = tensor(x)
    others = [None if a is None else tensor(a) for a in (y, weight)]
    count = xs.shape[0]
    order = random.shared().numpy_generator.permutation(count) if shuffle else np.arange(count)
    for start in range(0, count, size):
        rows = order[start : start + size]
        yield xs[rows], *[None if a is None else a[rows] for a in others]


class Sequential(core.Sequential, Model):
    """Layers one after the other."""

    layers: Any = ()

    def __init__(self, layers: Any = None, name: Any = None, **options: Any) -> None:
        super().__init__(layers or (), name=name, **options)

    def add(self, layer: Any) -> None:
        if isinstance(layer, Symbol):
            self._example = layer.example
        else:
            shape = layer.__dict__.get("_first_shape")
            if shape is not None and not self.layers:
                self._example = tensor(np.zeros(shape, np.float32))
            super().add(layer)
        # Where the shape of the input is known, weights are made at once.
        example = self.__dict__.get("_example")
        if example is not None:
            self.call(example)
            self.built = True

    def pop(self) -> None:
        """Take the last layer off."""
        self.layers.pop()

    def build(self, input_shape: Any = None) -> None:
        if input_shape is not None and not self.variables and None not in tuple(input_shape)[1:]:
            self.call(tensor(np.zeros((1, *tuple(input_shape)[1:]), np.float32)))


def clone_model(model: Any, *_: Any, **__: Any) -> Any:
    """A copy with Variables of its own; inside a tape, derivatives flow through the copy."""
    return model.clone()


__getattr__ = fallback(__name__)
