"""Dead code: steps and constants that neither an output nor a guard needs; guards that a constant answers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..program import Guard, Program, Step


def alive(program: Program) -> Program:
    """The program without what nobody needs."""
    guards = [(at, g) for at, g in program.guards if g.value not in program.constants]
    needed: set[Any] = {*program.outputs, *[g.value for _, g in guards]}
    kept: list[bool] = []
    for step in reversed(program.steps):
        wanted = any(o in needed for o in step.outputs)
        if wanted:
            needed.update(step.inputs)
        kept.append(wanted)
    kept.reverse()
    before = np.concatenate([[0], np.cumsum(kept)]).astype(int).tolist()
    steps = [s for s, k in zip(program.steps, kept, strict=True) if k]
    constants = {v: c for v, c in program.constants.items() if v in needed}
    return rebuilt(program, steps, constants, [(before[at], g) for at, g in guards])


def rebuilt(
    program: Program,
    steps: Sequence[Step],
    constants: dict[Any, Any],
    guards: Sequence[tuple[int, Guard]],
    outputs: Sequence[Any] | None = None,
) -> Program:
    """The program of other steps, with its name, inputs and examples."""
    return Program(
        program.inputs,
        steps,
        program.outputs if outputs is None else outputs,
        constants,
        guards,
        several=program.several,
        name=program.name,
        examples=program.examples,
    )
