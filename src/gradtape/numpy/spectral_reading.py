"""What the record says of products with eigenvectors: whose vectors they are, and which function of whose values.

``read_side`` reads one side of a product, vectors of a matrix times functions of its values; ``Reader`` turns such a
function into a Program.  What they do not know they leave alone.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from ..primitives.arithmetic import divide, multiply, subtract
from ..primitives.shapes import reshape
from ..primitives.softmax import logsumexp
from ..primitives.transcendental import exp
from .programs import Program

__all__: list[str] = []

Made = Callable[[Any], Any]

#: How many entries a function of eigenvalues may have to be looked at.
LONGEST = 60

SYMMETRIC, LEFT, RIGHT = "eigenvectors", "left_vectors", "right_vectors"
VALUES = {"eigvalsh": 0, "svdvals": 0, "eigenvalues": 1, "singular_values": 1}  # name -> the slot of the matrix
_ALSO_ELEMENTWISE = {"identity", "real", "conj", "positive"}


# -- what made a factor ---------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Side:
    """One side of a product: vectors of a matrix, columns ``start:stop`` of them, times functions of their values."""

    name: str
    matrix: Any
    count: int
    standing: bool  # the vectors are its columns
    conjugated: bool = False
    cut: tuple[int, int] | None = None
    factors: tuple[tuple[Any, bool], ...] = field(default=())  # (g, whether it divides)


def read_side(x: Any, made: Made, depth: int = 0) -> Side | None:
    entry = made(x) if depth < 8 else None
    if entry is None:
        return None
    row, params, inputs = entry
    name = row.name
    if name in (SYMMETRIC, LEFT, RIGHT):
        return Side(name, inputs[1], x.shape[-2] if name == RIGHT else x.shape[-1], name != RIGHT)
    if name in ("matrix_transpose", "transpose", "conj", "getitem"):
        side = read_side(inputs[0], made, depth + 1)
        if side is None:
            return None
        if name == "conj":
            return replace(side, conjugated=not side.conjugated)
        if name == "getitem":
            return _cut(side, inputs[0], params["index"])
        n = x.ndim
        swaps = name == "matrix_transpose" or tuple(params["axes"]) == (*range(n - 2), n - 1, n - 2)
        return replace(side, standing=not side.standing) if swaps else None
    if name in ("multiply", "divide"):
        for a, b in (inputs, inputs[::-1]) if name == "multiply" else (inputs,):
            side = read_side(a, made, depth + 1) if hasattr(a, "shape") else None
            if side is not None and (g := _scale(b, a, side, made)) is not None:
                return replace(side, factors=(*side.factors, (g, name == "divide")))
    if name == "matmul":
        for a, b, first in ((*inputs, True), (*inputs[::-1], False)):
            entry = made(b)
            if entry is not None and entry[0].name == "on_diagonal" and entry[1]["offset"] == 0:
                side = read_side(a, made, depth + 1)
                if side is not None and side.standing == first and b.shape[-1] == b.shape[-2]:
                    return replace(side, factors=(*side.factors, (entry[2][0], False)))
    return None


def _cut(side: Side, x: Any, index: Any) -> Side | None:
    """The side with some of its vectors alone, neighbours all of them."""
    index = index if isinstance(index, tuple) else (index,)
    if side.cut is not None or side.factors or any(i is not Ellipsis and not isinstance(i, slice) for i in index):
        return None
    full = tuple([s for i in index for s in ([slice(None)] * (x.ndim - len(index) + 1) if i is Ellipsis else [i])])
    full = (*full, *[slice(None)] * (x.ndim - len(full)))
    axis = x.ndim - 1 if side.standing else x.ndim - 2
    if any(full[i].indices(x.shape[i]) != (0, x.shape[i], 1) for i in range(x.ndim) if i != axis):
        return None
    start, stop, step = full[axis].indices(x.shape[axis])
    return replace(side, cut=(start, max(start, stop))) if step == 1 else None


def _scale(g: Any, x: Any, side: Side, made: Made) -> Any:
    """The function of the values that multiplies the vectors of x one by one; None where g is something else."""
    if not hasattr(g, "shape"):
        return g
    if g.ndim == 0:
        return g
    lines = x.shape[-1] if side.standing else x.shape[-2]
    if side.standing and g.shape[-1] == lines and (g.ndim == 1 or g.shape[-2] == 1 or g.ndim < x.ndim):
        return _without_axis(g, made) if g.ndim == x.ndim else g if g.ndim == 1 or g.ndim == x.ndim - 1 == 1 else None
    if not side.standing and g.ndim == x.ndim and g.shape[-1] == 1 and g.shape[-2] == lines:
        return _without_axis(g, made)
    return None


def _without_axis(g: Any, made: Made) -> Any:
    """What g was made from by adding an axis of length 1."""
    entry = made(g)
    if entry is None or entry[0].name not in ("reshape", "getitem"):
        return None
    source = entry[2][0]
    return source if source.size == g.size and source.ndim == g.ndim - 1 else None


# -- the function of the values -------------------------------------------------------------------------------------


class UnknownError(Exception):
    """Not a function of the values that is known here."""


class Reader:
    """Collects the steps of a program from the record, and the parameters that it has."""

    def __init__(self, made: Made, matrix: Any, cut: tuple[int, int] | None) -> None:
        self.made, self.matrix, self.cut = made, matrix, cut
        self.found = False
        self.theta: list[Any] = []
        self.places: dict[int, int] = {}
        self.pending: list[tuple[Any, Any, tuple[Any, ...]]] = []

    def read(self, x: Any) -> Any:
        """("x",), ("theta", i), ("step", i), or a number in a list of one."""
        if not hasattr(x, "shape"):
            return [x]
        if id(x) in self.places:
            return ("step", self.places[id(x)])
        entry = self.made(x)
        if entry is not None and self._is_variable(entry):
            self.found = True
            return ("x",)
        if (leaf := self._leaf(x, entry)) is not None:
            return leaf
        if entry is None:
            raise UnknownError
        row, params, inputs = entry
        if row.name == "softmax" and params.get("axis", -1) in (-1, x.ndim - 1, None if x.ndim == 1 else -1):
            # exp(u - log sum exp u), the second of which is one number for all.
            shift = self._parameter(inputs[0], lambda u: logsumexp(u, axis=-1, keepdims=True))
            return self.step(exp, {}, (self.step(subtract, {}, (self.read(inputs[0]), shift)),), x)
        plain = row.kind == "elementwise" or row.broadcasts or row.name in _ALSO_ELEMENTWISE
        if (not plain and not (row.kind == "constant" and not params)) or len(self.pending) > LONGEST:
            raise UnknownError
        return self.step(row.op, params, tuple([self.read(s) for s in inputs]), x)

    def step(self, op: Any, params: Any, refs: tuple[Any, ...], x: Any = None) -> Any:
        self.pending.append((op, params, refs))
        if x is not None:
            self.places[id(x)] = len(self.pending) - 1
        return ("step", len(self.pending) - 1)

    def _is_variable(self, entry: Any) -> bool:
        row, params, inputs = entry
        if row.name == "getitem" and self.cut is not None:
            before = self.made(inputs[0])
            index = params["index"]
            if before is None or not self._values(before) or len(index) != 1 or not isinstance(index[0], slice):
                return False
            start, stop, step = index[0].indices(inputs[0].shape[0])
            return inputs[0].ndim == 1 and (start, stop) == self.cut and step == 1
        return self.cut is None and self._values(entry)

    def _values(self, entry: Any) -> bool:
        slot = VALUES.get(entry[0].name)
        return slot is not None and entry[2][slot] is self.matrix

    def _leaf(self, x: Any, entry: Any) -> Any:
        """A parameter: one number for all the values of a matrix, by the way in which it was made."""
        if x.ndim == 0:
            return self._parameter(x, None)
        if entry is None:
            if x.shape[-1] == 1:
                return self._parameter(x, None)
            raise UnknownError
        row, params, inputs = entry
        if row.name == "spread":
            source, axis = inputs[0], params.get("axis")
            axes = axis if isinstance(axis, tuple) else (axis,)
            if source.ndim == 0:
                return self._parameter(source, None)
            if -1 in axes or x.ndim - 1 in axes:
                shape = (*x.shape[:-1], 1)
                if source.size == int(np.prod(shape)):
                    return self._parameter(source, lambda t: reshape(t, shape=shape))
            raise UnknownError
        if row.name == "broadcast_to" and (inputs[0].ndim == 0 or inputs[0].shape[-1] == 1):
            return self._parameter(inputs[0], None)
        return None

    def _parameter(self, x: Any, made_of: Any) -> Any:
        self.theta.append((x, made_of))
        return ("theta", len(self.theta) - 1)

    def program(self, root: Any) -> Program:
        """The program whose last value is ``root``."""
        first = 1 + len(self.theta)

        def place(ref: Any) -> Any:
            if isinstance(ref, list):
                return ref
            return 0 if ref[0] == "x" else 1 + ref[1] if ref[0] == "theta" else first + ref[1]

        steps = [(op, params, tuple([place(r) for r in refs])) for op, params, refs in self.pending]
        last = place(root)
        if isinstance(last, list):
            steps.append((lambda x, c: x * 0.0 + c, {}, (0, last)))
            last = first + len(steps) - 1
        return Program(steps, first, last)


def function_of(reader: Reader, factors: tuple[tuple[Any, bool], ...]) -> Program:
    """The product of the factors, as one program."""
    root: Any = [1.0]
    for g, divides in factors:
        root = reader.step(divide if divides else multiply, {}, (root, reader.read(g)))
    return reader.program(root)
