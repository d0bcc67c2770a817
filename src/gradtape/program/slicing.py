"""From the record to a Program: the entries that the outputs and the guards need, and nothing else."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from ..primitives import sorting
from ..record import events
from ..record.segment import Entry
from ..record.tensor import Tensor
from .program import Guard, Program, Step, Value
from .ruled import ruled, ruled_row

_NO_SITE = (None, 0)
_LENGTH, _COUNT = sorting.length.primitive, sorting.count_nonzero.primitive  # type: ignore[attr-defined]
#: Their outputs are as long as values say.
_LONG = frozenset({"argwhere", "bincount", "first_places", "flatnonzero", "occurrences"})


def sliced(
    entries: Iterable[Entry],
    inputs: Sequence[Tensor],
    outputs: Sequence[Tensor],
    *,
    several: bool = True,
    name: str = "program",
    guarded: bool = True,
) -> tuple[Program, dict[Value, Tensor]]:
    """The program that computes ``outputs`` from ``inputs`` as ``entries`` did, and the Tensors that are its constants.

    A Tensor that no entry makes from the inputs is a constant.  With ``guarded``, what Python saw of values that
    depend on the inputs becomes guards.
    """
    reader = _Reader(inputs)
    for entry in entries:
        reader.take(entry, guarded)
    found = [reader.place(y) for y in outputs]
    steps, guards = _needed(reader.steps, found, reader.guards)
    used = {x for step in steps for x in step.inputs if type(x) is Value}
    used.update(found)
    constants = {v: t for v, t in reader.constants.items() if v in used}
    program = Program(
        [reader.places[x] for x in inputs],
        steps,
        found,
        {v: t.data for v, t in constants.items()},
        guards,
        several=several,
        name=name,
        examples=[x.data for x in inputs],
    )
    return program, constants


class _Reader:
    """Gives every Tensor its place, and every entry that depends on an input its step."""

    def __init__(self, inputs: Sequence[Tensor]) -> None:
        self.places: dict[Tensor, Value] = {x: Value.like(x.data) for x in inputs}
        self.dependent: set[Tensor] = set(inputs)
        self.constants: dict[Value, Tensor] = {}
        self.steps: list[Step] = []
        self.guards: list[tuple[int, Guard]] = []

    def place(self, x: Tensor) -> Value:
        """The place of a Tensor; of one that is not known yet, a constant's."""
        value = self.places.get(x)
        if value is None:
            value = self.places[x] = Value.like(x.data)
            self.constants[value] = x
        return value

    def take(self, entry: Entry, guarded: bool) -> None:
        row, params, inputs, output, code, lasti = entry
        if row.kind == "event":
            if guarded and inputs and inputs[0] in self.dependent and (row is events.GUARD or row is events.ESCAPE):
                self.guard(row, params, inputs[0], code, lasti)
            return
        outputs = output if type(output) is tuple else (output,)
        if not any(x in self.dependent for x in (*inputs, *row.stands_for)):
            return
        self.dependent.update(outputs)
        if row.stands_for:  # its values are on the record already
            rule, free = ruled(row, inputs, self.dependent)
            taken = (*row.stands_for, *inputs, *free)
            self.step(ruled_row, {"rule": rule}, taken, outputs, type(output) is tuple, code, lasti)
            return
        if row.program is not None:
            self.inline(row.program, inputs, outputs)
            return
        self.step(row, params, inputs, outputs, type(output) is tuple, code, lasti)
        if guarded and outputs:
            self.sizes(row, inputs, outputs[0], code, lasti)

    def sizes(self, row: Any, inputs: Any, output: Tensor, code: Any, lasti: int) -> None:
        """Guards for an output whose shape depends on values: what comes after it is for this shape."""
        counted = [(_LENGTH, output)] if row.name in _LONG else []
        if row.name == "gather":
            counted += [(_COUNT, x) for x in inputs[1:] if x in self.dependent and x.dtype.kind == "b"]
        for count, x in counted:
            number = Tensor(count.run(x.data))
            self.step(count, None, (x,), (number,), False, code, lasti)
            guard = Guard(self.place(number), int(number.data), "a result is as long as it says", code, lasti)
            self.guards.append((len(self.steps), guard))

    def step(
        self, row: Any, params: Any, inputs: Any, outputs: tuple[Tensor, ...], several: bool, code: Any, lasti: int
    ) -> None:
        taken = tuple([self.place(x) if isinstance(x, Tensor) else x for x in inputs])
        made = tuple([Value.like(o.data) for o in outputs])
        self.places.update(zip(outputs, made, strict=True))
        self.steps.append(Step(row, params, taken, made, several, code, lasti))

    def guard(self, row: Any, params: Any, x: Tensor, code: Any, lasti: int) -> None:
        if row is events.GUARD:
            expected, how = params["value"], "it asked for a value"
        else:
            expected, how = np.copy(x.data)[()], f"a value left the record: {params.get('how', '')}"
        self.guards.append((len(self.steps), Guard(self.place(x), expected, how, code, lasti)))

    def inline(self, program: Program, inputs: Sequence[Any], outputs: Sequence[Tensor]) -> None:
        """The steps of a program that was called, in place of the call."""
        known: dict[Value, Any] = {
            v: self.place(x) if isinstance(x, Tensor) else x for v, x in zip(program.inputs, inputs, strict=True)
        }
        for v, data in program.constants.items():
            known[v] = self.place(Tensor(data))
        guards = iter([*program.guards, (len(program.steps) + 1, None)])
        at, guard = next(guards)
        for i, step in enumerate([*program.steps, None]):
            while guard is not None and at <= i:
                moved = Guard(known[guard.value], guard.expected, guard.how, guard.code, guard.lasti)
                self.guards.append((len(self.steps), moved))
                at, guard = next(guards)
            if step is None:
                break
            made = tuple([Value(o.shape, o.dtype) for o in step.outputs])
            taken = tuple([known[x] if type(x) is Value else x for x in step.inputs])
            known.update(zip(step.outputs, made, strict=True))
            self.steps.append(Step(step.row, step.params, taken, made, step.several, step.code, step.lasti))
        for o, y in zip(program.outputs, outputs, strict=True):
            self.places[y] = known[o]


def _needed(
    steps: Sequence[Step], outputs: Sequence[Value], guards: Sequence[tuple[int, Guard]]
) -> tuple[list[Step], list[tuple[int, Guard]]]:
    """The steps that the outputs and the guards depend on; guards keep their places among them."""
    needed: set[Any] = {*outputs, *[g.value for _, g in guards]}
    kept: list[bool] = []
    for step in reversed(steps):
        wanted = any(o in needed for o in step.outputs)
        if wanted:
            needed.update(step.inputs)
        kept.append(wanted)
    kept.reverse()
    before = np.concatenate([[0], np.cumsum(kept)]).tolist()
    return [s for s, k in zip(steps, kept, strict=True) if k], [(before[at], g) for at, g in guards]
