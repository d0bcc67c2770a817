"""Recurrent layers: a cell run over the time axis of (batch, time, features). Plain recorded code, step by step."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..numpy.creation import zeros
from ..numpy.joining import concat, stack
from .layers import Layer
from .layers import activation as activation_named

_gradtape_composes = True

__all__ = ["GRU", "LSTM", "SimpleRNN"]


class Recurrent(Layer):
    """What the recurrent layers share: ``step(x, states)`` gives the next states, the first of them the output."""

    #: How many blocks of ``units`` columns the kernels have, and how many states are carried.
    gates = 1
    carried = 1

    def __init__(
        self,
        units: int,
        activation: Any = "tanh",
        recurrent_activation: Any = "sigmoid",
        use_bias: bool = True,
        kernel_initializer: Any = "glorot_uniform",
        recurrent_initializer: Any = "orthogonal",
        bias_initializer: Any = "zeros",
        return_sequences: bool = False,
        return_state: bool = False,
        go_backwards: bool = False,
        **options: Any,
    ) -> None:
        super().__init__(**options)
        self.units, self.use_bias = int(units), use_bias
        self.activation = activation_named(activation)
        self.recurrent_activation = activation_named(recurrent_activation)
        self.kernel_initializer, self.recurrent_initializer = kernel_initializer, recurrent_initializer
        self.bias_initializer = bias_initializer
        self.return_sequences, self.return_state, self.go_backwards = return_sequences, return_state, go_backwards

    def build(self, input_shape: Any) -> None:
        wide = self.gates * self.units
        self.kernel = self.add_weight((input_shape[-1], wide), self.kernel_initializer, name="kernel")
        self.recurrent_kernel = self.add_weight((self.units, wide), self.recurrent_initializer, name="recurrent_kernel")
        if self.use_bias:
            self.bias = self.add_weight(self._bias_shape(), self.bias_initializer, name="bias")

    def _bias_shape(self) -> tuple[int, ...]:
        return (self.gates * self.units,)

    def _parts(self, x: Any) -> list[Any]:
        """The blocks of ``units`` columns."""
        n = self.units
        return [x[..., k * n : (k + 1) * n] for k in range(self.gates)]

    def _projected(self, inputs: Any) -> Any:
        """What the inputs of all times contribute, in one product."""
        y = inputs @ self.kernel
        return y + self.bias if self.use_bias else y

    def step(self, x: Any, states: list[Any]) -> list[Any]:
        """The next states from what an input contributes, and the states before."""
        raise NotImplementedError

    def call(self, inputs: Any, initial_state: Any = None) -> Any:
        batch, times = inputs.shape[:2]
        if initial_state is None:
            states = [zeros((batch, self.units), inputs.dtype) for _ in range(self.carried)]
        else:
            states = list(initial_state) if isinstance(initial_state, list | tuple) else [initial_state]
        projected = self._projected(inputs)
        outputs: list[Any] = []
        for t in reversed(range(times)) if self.go_backwards else range(times):
            states = self.step(projected[:, t], states)
            outputs.append(states[0])
        y = stack(outputs, axis=1) if self.return_sequences else states[0]
        return [y, *states] if self.return_state else y


class SimpleRNN(Recurrent):
    """h = activation(x W + h U + b) (Elman, 1990)."""

    def step(self, x: Any, states: list[Any]) -> list[Any]:
        return [self.activation(x + states[0] @ self.recurrent_kernel)]


class LSTM(Recurrent):
    """Long short-term memory (Hochreiter & Schmidhuber, 1997; forget gates Gers et al., 2000).

    c' = f c + i tanh(..), h' = o tanh(c'), the gates i, f, o sigmoids of x W + h U + b; blocks in the order i, f, c, o.
    """

    gates = 4
    carried = 2

    def __init__(self, units: int, *args: Any, unit_forget_bias: bool = True, **options: Any) -> None:
        super().__init__(units, *args, **options)
        self.unit_forget_bias = unit_forget_bias

    def build(self, input_shape: Any) -> None:
        super().build(input_shape)
        if self.use_bias and self.unit_forget_bias:
            start = np.zeros(self.gates * self.units)
            start[self.units : 2 * self.units] = 1.0  # it remembers until it has learnt to forget
            self.bias.assign((self.bias + start).astype(self.bias.dtype))

    def step(self, x: Any, states: list[Any]) -> list[Any]:
        h, c = states
        i, f, new, o = self._parts(x + h @ self.recurrent_kernel)
        gate = self.recurrent_activation
        c = gate(f) * c + gate(i) * self.activation(new)
        return [gate(o) * self.activation(c), c]


class GRU(Recurrent):
    """Gated recurrent unit (Cho et al., 2014): h' = z h + (1 - z) activation(..); blocks in the order z, r, h.

    ``reset_after`` (cuDNN's variant) multiplies by r after the product with the recurrent kernel, which then has a bias
    of its own; otherwise r multiplies the state before it.
    """

    gates = 3

    def __init__(self, units: int, *args: Any, reset_after: bool = True, **options: Any) -> None:
        super().__init__(units, *args, **options)
        self.reset_after = reset_after

    def _bias_shape(self) -> tuple[int, ...]:
        wide = self.gates * self.units
        return (2, wide) if self.reset_after else (wide,)

    def _projected(self, inputs: Any) -> Any:
        y = inputs @ self.kernel
        if not self.use_bias:
            return y
        return y + (self.bias[0] if self.reset_after else self.bias)

    def step(self, x: Any, states: list[Any]) -> list[Any]:
        (h,) = states
        gate, n = self.recurrent_activation, self.units
        if self.reset_after:
            inner = h @ self.recurrent_kernel
            inner = inner + self.bias[1] if self.use_bias else inner
            (xz, xr, xh), (hz, hr, hh) = self._parts(x), self._parts(inner)
            z = gate(xz + hz)
            new = self.activation(xh + gate(xr + hr) * hh)
        else:
            xz, xr, xh = self._parts(x)
            both = gate(concat([xz, xr], axis=-1) + h @ self.recurrent_kernel[:, : 2 * n])
            z, r = both[..., :n], both[..., n:]
            new = self.activation(xh + (r * h) @ self.recurrent_kernel[:, 2 * n :])
        return [z * h + (1.0 - z) * new]
