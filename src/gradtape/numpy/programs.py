"""Element-wise functions of one variable and parameters, replayed from the record, and their derivatives.

They are what matrix functions by divided differences are made from: ``spectral_function(x, *theta, f=Program(...))``.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ..record.segment import Window
from ..record.tensor import Tensor
from ..sweeps.forward import forward

Made = Callable[[Any], Any]

__all__: list[str] = []


class Program:
    """An element-wise function of x and parameters, replayed from entries: of raw arrays, or of Tensors, recorded."""

    def __init__(self, steps: Sequence[tuple[Any, Any, tuple[Any, ...]]], inputs: int, output: int) -> None:
        #: (operation, params, inputs): an input is the place of an earlier value, or a number in a list of one.
        self.steps, self.inputs, self.output = steps, inputs, output
        self._derivatives: dict[int, Program] = {}

    def __call__(self, x: Any, *theta: Any) -> Any:
        values: list[Any] = [x, *theta]
        for op, params, inputs in self.steps:
            values.append(op(*[values[i] if isinstance(i, int) else i[0] for i in inputs], **params))
        return values[self.output]

    def derivative(self, slot: int = 0) -> Program:
        """The program of the derivative in x (slot 0), or in a parameter."""
        if slot not in self._derivatives:
            # Traced with 0-d values, so that no shape gets into it.
            at = [Tensor(np.float64(0.6 + 0.1 * i)) for i in range(self.inputs)]
            with Window() as window:
                with Window() as inner, np.errstate(all="ignore"):
                    y = self(*at)
                seed = {at[slot]: Tensor(np.float64(1.0))}
                dy = forward(inner.entries(), seed).get(y) if y is not at[slot] else seed[y]
                dy = Tensor(np.float64(0.0)) if dy is None else dy
            made = {e[3]: (e[0], e[1] or {}, e[2]) for e in window.entries() if type(e[3]) is Tensor}
            self._derivatives[slot] = program_from(dy, made.get, at)
        return self._derivatives[slot]

    def kinds(self, w: Any, *theta: Any) -> Any:
        """It is taken to be smooth everywhere."""
        return 0


def program_from(y: Any, made: Made, inputs: Sequence[Any]) -> Program:
    """The program that made y from ``inputs`` by element-wise entries; everything else is a constant."""
    places: dict[int, int] = {id(x): i for i, x in enumerate(inputs)}
    steps: list[Any] = []

    def place(x: Any) -> Any:
        if id(x) not in places:
            entry = made(x) if isinstance(x, Tensor) else None
            if entry is None:
                return [x.data if isinstance(x, Tensor) else x]
            row, params, sources = entry
            refs = tuple([place(s) for s in sources])
            steps.append((row.op, params, refs))
            places[id(x)] = len(inputs) + len(steps) - 1
        return places[id(x)]

    last = place(y)
    if not isinstance(last, int):
        steps.append((lambda x, c: x * 0.0 + c, {}, (0, last)))
        last = len(inputs) + len(steps) - 1
    return Program(steps, len(inputs), last)


class Within:
    """f between two bounds, its first two parameters, and 0 outside: the part of a function that a projector keeps."""

    def __init__(self, f: Any) -> None:
        self.f = f

    def __call__(self, x: Any, low: Any, high: Any, *theta: Any) -> Any:
        return np.where((x > low) & (x < high), self.f(x, *theta), 0.0)

    def derivative(self, slot: int = 0) -> Within:
        """In x or in a parameter; the bounds lie where there are no eigenvalues, and are held."""
        return Within(self.f.derivative(slot - 2 if slot else 0))

    def kinds(self, w: Any, low: Any, high: Any, *theta: Any) -> Any:
        """Inside or outside: no derivative is integrated across a bound."""
        return np.where((w > low) & (w < high), 1, 0)


class Continued:
    """f(s), s >= 0, continued to x < 0 as an odd function, or an even one; |x| <= floor counts as 0."""

    def __init__(self, f: Any, odd: bool, floor: float) -> None:
        self.f, self.odd, self.floor = f, odd, floor

    def __call__(self, x: Any, *theta: Any) -> Any:
        y = self.f(np.abs(x), *theta) + np.zeros_like(x)
        if not self.odd:
            return y
        # One that is smooth at 0 is 0 there; one that is not has a step, and 0 in the middle of it.
        at_zero = self.f(np.zeros_like(x), *theta)
        step = (np.abs(x) <= self.floor) & (at_zero != 0) & np.isfinite(at_zero)
        return np.where(step, 0.0, np.where(x < 0, -y, y))

    def derivative(self, slot: int = 0) -> Continued:
        """In x, of the other parity; in a parameter, of the same."""
        return Continued(self.f.derivative(slot), self.odd ^ (slot == 0), self.floor)

    def kinds(self, w: Any, *theta: Any) -> Any:
        """The side of 0, and what f says of |w|: no derivative is integrated across them."""
        side = np.where(np.abs(w) <= self.floor, 0, np.sign(w)).astype(int)
        return side + 3 * self.f.kinds(np.abs(w), *theta)
