"""Masks thinned out: inside where(m, ..., 0), a value need not be masked by m once more.

The reverse sweep selects zero on dead lanes after every element-wise rule.  Between two selects by the same mask, the
first one changes nothing that is looked at, as long as each value on the way is used nowhere else.
"""

from __future__ import annotations

from collections import Counter
from typing import Any

from ..program import Program, Value
from .needed import rebuilt


def thinned(program: Program) -> Program:
    """The program with only the outermost of nested selects by one mask."""
    uses: Counter[Any] = Counter(x for step in program.steps for x in step.inputs if type(x) is Value)
    uses.update(program.outputs)
    uses.update(g.value for _, g in program.guards)
    instead: dict[Value, Any] = {}
    #: value -> (mask, side): nobody looks at it where the mask is not ``side``.
    masked: dict[Value, tuple[Value, bool]] = {}
    for step in reversed(program.steps):
        y = step.outputs[0]
        mask = masked.get(y)
        if step.row.name == "where" and type(step.inputs[0]) is Value:
            c = step.inputs[0]
            side = type(step.inputs[1]) is Value
            a, b = step.inputs[1:] if side else step.inputs[:0:-1]
            if type(a) is not Value or a.shape != y.shape or c.shape != a.shape or type(b) is Value:
                continue
            if mask == (c, side) and _alike(a, y):
                instead[y] = a
            if uses[a] == 1 and (mask is None or y in instead):
                masked[a] = (c, side)
        elif mask is not None and (step.row.broadcasts or step.row.kind == "elementwise"):
            for x in step.inputs:  # what goes into a value that is looked at inside a mask is looked at there alone
                if type(x) is Value and x.shape == y.shape and uses[x] == 1:
                    masked[x] = mask
    if not instead:
        return program
    steps = [step.taking(tuple([_found(x, instead) for x in step.inputs])) for step in program.steps]
    return rebuilt(program, steps, program.constants, program.guards, [_found(o, instead) for o in program.outputs])


def _alike(a: Value, b: Value) -> bool:
    return a.shape == b.shape and a.dtype == b.dtype


def _found(x: Any, instead: dict[Value, Any]) -> Any:
    while type(x) is Value and x in instead:
        x = instead[x]
    return x
