"""One pass forwards: constants are folded, rules of algebra applied, and what was computed before is used again."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..program import Guard, Program, Step, Value
from .algebra import RULES
from .broadcasts import unspread
from .needed import rebuilt

#: Constants larger than what they are made from, and than this many bytes, are not folded.
LARGEST = 1 << 16


class Pass:
    """What is known when a step's turn comes: what each value is the same as, and which step made it."""

    def __init__(self, program: Program) -> None:
        self.constants = dict(program.constants)
        #: Equal constants are one.
        self.same: dict[Value, Any] = _equal_constants(program)
        self.maker: dict[Value, Step] = {}
        self.done: dict[Any, tuple[Value, ...]] = {}
        self.steps: list[Step] = []

    def made_by(self, x: Any, *names: str) -> Step | None:
        """The step that made ``x``, if it is one of these rows."""
        step = self.maker.get(x) if type(x) is Value else None
        return step if step is not None and step.row.name in names else None

    def fill(self, x: Any) -> Any:
        """The number that every element of ``x`` is, if it is known; else None."""
        if type(x) is not Value:
            return x
        data = self.constants.get(x)
        if data is None or not data.size:
            return None
        first = data.flat[0] if isinstance(data, np.ndarray) else data
        return first if data.ndim == 0 or (data == first).all() else None

    def constant(self, data: Any) -> Value:
        """A new constant."""
        value = Value.like(data)
        self.constants[value] = data
        return value

    def value(self, step: Step, row: Any, inputs: tuple[Any, ...], params: Any = None) -> Value:
        """The value of a new step, of the shape and dtype of an output of ``row``, with the site of ``step``."""
        shapes = [np.zeros(x.shape, x.dtype) if type(x) is Value else x for x in inputs]
        with np.errstate(all="ignore"):
            like = row.run(*shapes, **(params or {}))
        return self.take(Step(row, params, inputs, (Value.like(like),), False, step.code, step.lasti))[0]

    def take(self, step: Step) -> tuple[Any, ...]:
        """Do this step, or say what it is the same as."""
        inputs = tuple([self.same.get(x, x) if type(x) is Value else x for x in step.inputs])
        if inputs != step.inputs:
            step = step.taking(inputs)
        folded = self._folded(step)
        if folded is not None:
            return folded
        for rule in RULES.get(step.row.name, ()):
            found = rule(self, step)
            if isinstance(found, Step):
                return self.take(found)
            if found is not None:
                return (found,)
        smaller = unspread(self, step) if step.row.broadcasts else None
        if smaller is not None:
            return self.take(smaller)
        key = (step.row, inputs, repr(step.params) if step.params else None, tuple(map(type, inputs)))
        earlier = self.done.get(key)
        if earlier is not None:
            return earlier
        self.done[key] = step.outputs
        self.steps.append(step)
        for o in step.outputs:
            self.maker[o] = step
        return step.outputs

    def _folded(self, step: Step) -> tuple[Value, ...] | None:
        if not all(type(x) is not Value or x in self.constants for x in step.inputs):
            return None
        before = sum([x.nbytes for x in step.inputs if type(x) is Value])
        if sum([o.nbytes for o in step.outputs]) > max(LARGEST, before):
            return None
        xs = [self.constants[x] if type(x) is Value else x for x in step.inputs]
        with np.errstate(all="ignore"):
            made = step.row.run(*xs, **(step.params or {}))
        return tuple([self.constant(np.asarray(y)[()]) for y in (made if step.several else (made,))])


def _equal_constants(program: Program) -> dict[Value, Any]:
    first: dict[Any, Value] = {}
    same: dict[Value, Any] = {}
    for value, data in program.constants.items():
        if value.nbytes <= LARGEST and value not in program.outputs:
            found = first.setdefault((value.shape, value.dtype, np.asarray(data).tobytes()), value)
            if found is not value:
                same[value] = found
    return same


def rewritten(program: Program) -> Program:
    """The program after one pass."""
    walk = Pass(program)
    guards: list[tuple[int, Guard]] = []
    waiting = iter([*program.guards, (len(program.steps) + 1, None)])
    at, guard = next(waiting)
    for i, step in enumerate([*program.steps, None]):
        while guard is not None and at <= i:
            value = walk.same.get(guard.value, guard.value)
            guards.append((len(walk.steps), Guard(value, guard.expected, guard.how, guard.code, guard.lasti)))
            at, guard = next(waiting)
        if step is None:
            break
        for o, found in zip(step.outputs, walk.take(step), strict=True):
            if found is not o:
                walk.same[o] = found
    outputs = [walk.same.get(o, o) for o in program.outputs]
    return rebuilt(program, walk.steps, walk.constants, guards, outputs)
