"""Placeholders for Keras's functional style: ``x = Input((3,)); y = Dense(1)(x); model = Model(x, y)``.

A Symbol remembers the layer and the Symbols that it came from, and holds an example value of batch size 1, so that
layers build themselves and shapes are known.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..convert import TensorShape, tensor
from ..dtypes import numpy_dtype
from ..names import gt

_gradtape_composes = True


class Symbol:
    """A value that will be computed: ``function(*parents)``."""

    def __init__(self, example: Any, function: Any = None, parents: tuple[Any, ...] = ()) -> None:
        self.example = example
        self.function = function
        self.parents = parents

    @staticmethod
    def of_input(shape: Any, batch_size: Any, dtype: Any, name: Any) -> Symbol:
        """A placeholder for an input; unknown lengths count as 1."""
        sizes = (batch_size or 1, *(1 if n is None else int(n) for n in shape or ()))
        return Symbol(tensor(np.zeros(sizes, numpy_dtype(dtype) or np.float32)))

    @staticmethod
    def among(inputs: Any) -> bool:
        """Whether the inputs of a layer are Symbols."""
        return isinstance(inputs, Symbol) or (
            isinstance(inputs, list | tuple) and any(isinstance(x, Symbol) for x in inputs)
        )

    @staticmethod
    def of_layer(layer: Any, inputs: Any, args: Any, kwargs: Any) -> Symbol:
        """What a layer makes of Symbols."""
        several = isinstance(inputs, list | tuple)
        parents = tuple(inputs) if several else (inputs,)

        def function(*values: Any, **more: Any) -> Any:
            return layer(list(values) if several else values[0], *args, **{**kwargs, **more})

        function.layer = layer  # type: ignore[attr-defined]
        return Symbol(function(*[p.example for p in parents]), function, parents)

    @property
    def shape(self) -> TensorShape:
        """The shape, None for the batch."""
        return TensorShape((None, *self.example.shape[1:]))

    @property
    def dtype(self) -> Any:
        """The dtype."""
        return self.example.dtype

    def _with(self, other: Any, op: Any) -> Symbol:
        if isinstance(other, Symbol):
            return Symbol(op(self.example, other.example), lambda a, b, **_: op(a, b), (self, other))
        return Symbol(op(self.example, other), lambda a, **_: op(a, other), (self,))

    def __add__(self, other: Any) -> Symbol:
        return self._with(other, gt.add)

    __radd__ = __add__

    def __mul__(self, other: Any) -> Symbol:
        return self._with(other, gt.multiply)

    __rmul__ = __mul__

    def __sub__(self, other: Any) -> Symbol:
        return self._with(other, gt.subtract)

    def __rsub__(self, other: Any) -> Symbol:
        return self._with(other, lambda a, b: gt.subtract(b, a))

    def __truediv__(self, other: Any) -> Symbol:
        return self._with(other, gt.divide)

    def __pow__(self, other: Any) -> Symbol:
        return self._with(other, gt.pow)

    def __neg__(self) -> Symbol:
        return Symbol(-self.example, lambda a, **_: -a, (self,))

    def __matmul__(self, other: Any) -> Symbol:
        return self._with(other, gt.matmul)

    def __getitem__(self, index: Any) -> Symbol:
        return Symbol(self.example[index], lambda a, **_: a[index], (self,))


def evaluate(outputs: list[Symbol], given: dict[int, Any], training: Any) -> list[Any]:
    """The values of Symbols, from those of others by identity."""

    def value(symbol: Symbol) -> Any:
        if id(symbol) not in given:
            if symbol.function is None:
                raise ValueError("Model: an output depends on an Input that is not among the model's inputs")
            more = {} if training is None or not hasattr(symbol.function, "layer") else {"training": training}
            given[id(symbol)] = symbol.function(*[value(p) for p in symbol.parents], **more)
        return given[id(symbol)]

    return [value(o) for o in outputs]


def layers_of(outputs: list[Symbol]) -> list[Any]:
    """The layers that lead to the outputs, in the order in which they compute, each once."""
    found: list[Any] = []
    seen: set[int] = set()

    def visit(symbol: Symbol) -> None:
        if id(symbol) in seen:
            return
        seen.add(id(symbol))
        for parent in symbol.parents:
            visit(parent)
        layer = getattr(symbol.function, "layer", None)
        if layer is not None and not any(layer is known for known in found):
            found.append(layer)

    for output in outputs:
        visit(output)
    return found
