"""An integrand on one side of its kinks: every row that has one takes the branch of that side."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..explain.kinks import Kink
from ..primitives.shapes import broadcast_to
from ..program.program import Program, Step, Value

__all__ = ["one_sided"]

#: What a row gives where the first of the two values that its kink compares is the larger, or the smaller.
_PICKS = {"maximum": (0, 1), "fmax": (0, 1), "minimum": (1, 0), "fmin": (1, 0)}
_VALUES: dict[str, tuple[Any, Any]] = {
    "greater": (True, False),
    "greater_equal": (True, False),
    "less": (False, True),
    "less_equal": (False, True),
    "sign": (1.0, -1.0),
    "step": (1.0, 0.0),
    "heaviside": (1.0, 0.0),
}
_KEPT = {"relu": (True, False)}


def one_sided(program: Program, kinks: Sequence[Kink], signs: Sequence[Any], side: float) -> Program:
    """``program`` where each kink's a - b has the sign ``side * sign``; ``signs``: of the kinks that have an argument.

    Rows with two kinks (``clip``), and those that have other branches, stay as they are.
    """
    first: dict[Value, bool] = {}
    counts: dict[Value, int] = {}
    for kink, own in zip([k for k in kinks if k.argument is not None], signs, strict=True):
        counts[kink.output] = counts.get(kink.output, 0) + 1
        if np.all(own == own.flat[0]):
            first[kink.output] = bool(side * own.flat[0] > 0)
    known: dict[Any, Any] = {}
    constants = dict(program.constants)
    steps: list[Step] = []
    for step in program.steps:
        step = step.taking(tuple([known.get(x, x) if type(x) is Value else x for x in step.inputs]))
        out = step.outputs[0]
        if counts.get(out) != 1 or out not in first or not _taken(step, first[out], known, constants, steps):
            steps.append(step)
    outputs = [known.get(o, o) for o in program.outputs]
    return Program(program.inputs, steps, outputs, constants, name="side", examples=program.examples)


def _taken(step: Step, first: bool, known: dict[Any, Any], constants: dict[Value, Any], steps: list[Step]) -> bool:
    """Put the branch of a row in its place; False where it is not known."""
    name, out = step.row.name, step.outputs[0]
    if name in _PICKS:
        branch = step.inputs[_PICKS[name][0 if first else 1]]
    elif name in _KEPT:
        branch = step.inputs[0] if _KEPT[name][0 if first else 1] else 0.0
    elif name in _VALUES:
        branch = _VALUES[name][0 if first else 1]
    else:
        return False
    if type(branch) is not Value:
        constants[out] = np.full(out.shape, branch, out.dtype)[()]
    elif branch.shape == out.shape and branch.dtype == out.dtype:
        known[out] = branch
    elif branch.dtype == out.dtype:
        row: Any = broadcast_to.primitive  # type: ignore[attr-defined]
        steps.append(Step(row, {"shape": out.shape}, (branch,), (out,), False, step.code, step.lasti))
    else:
        return False
    return True
