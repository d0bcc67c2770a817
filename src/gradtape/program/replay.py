"""A program back on the record: its steps carried out once more, recorded, so that any sweep can walk over them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..primitives.predicates import equal
from ..primitives.reductions import all as all_of
from ..record import events
from ..record.private import Private, private_among
from ..record.segment import current
from ..record.tensor import Tensor, value_of
from .program import Guard, Program, Value, disagreement


def replayed(program: Program, inputs: Sequence[Any]) -> list[Any]:
    """The outputs of ``program`` at Tensors, every step recorded under its own line; GuardError as for a call."""
    known: dict[Any, Any] = {v: Tensor(c) for v, c in program.constants.items()}
    known.update(zip(program.inputs, [_input(x) for x in inputs], strict=True))
    guards = iter([*program.guards, (len(program.steps) + 1, None)])
    at, guard = next(guards)
    segment = current.get()
    with np.errstate(all="ignore"):
        for i, step in enumerate([*program.steps, None]):
            while guard is not None and at <= i:
                _ask(program, guard, known[guard.value])
                at, guard = next(guards)
            if step is None:
                break
            xs = tuple([known[x] if type(x) is Value else x for x in step.inputs])
            if private_among(xs) is not None:  # a sweep's own values: it knows what to do with each row
                made = step.row.op(*xs, **(step.params or {}))
                known.update(zip(step.outputs, made if step.several else (made,), strict=True))
                continue
            raw = [value_of(x) for x in xs]
            made = step.row.run(*raw, **step.params) if step.params else step.row.run(*raw)
            outputs = tuple([Tensor(y) for y in (made if step.several else (made,))])
            known.update(zip(step.outputs, outputs, strict=True))
            if segment is not None:
                output = outputs if step.several else outputs[0]
                segment.append((step.row, step.params, xs, output, step.code, step.lasti))
    return [known[o] for o in program.outputs]


def _input(x: Any) -> Any:
    return x if isinstance(x, Tensor | Private) else Tensor(np.asarray(x)[()])


def _ask(program: Program, guard: Guard, x: Any) -> None:
    """Ask again, on the record."""
    while hasattr(x, "term"):  # a series goes the way of its value
        x = x.term(0)
    x = x if isinstance(x, Tensor) else Tensor(x)
    if not guard.agrees(x.data):
        raise disagreement(program.name, guard, x.data)
    segment = current.get()
    if segment is None:
        return
    if isinstance(guard.expected, bool | int):
        segment.append((events.GUARD, {"value": guard.expected}, (x,), None, guard.code, guard.lasti))
    else:
        same = all_of(equal(x, Tensor(np.asarray(guard.expected)[()])), axis=None, keepdims=False)
        segment.append((events.GUARD, {"value": bool(same.data)}, (same,), None, guard.code, guard.lasti))
