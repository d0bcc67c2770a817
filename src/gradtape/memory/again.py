"""The row of what is computed again: an entry that keeps its inputs and outputs, and nothing in between.

Its program is carried out once for the values, and once more, recorded, by every sweep that needs what lies between.
Derivatives of it that are recorded are entries of this row in their turn, so a second derivative keeps no more; what
they hold is found by the sweeps themselves, in the program's record, dead lanes included.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property
from typing import Any

import numpy as np

from ..engines import numpy as by_numpy
from ..program.program import Program, Step, disagreement
from ..program.replay import replayed
from ..program.simplify import simplified
from ..program.simplify.needed import alive
from ..program.slicing import sliced
from ..record import sites
from ..record.segment import Pause, Window, current, is_recording
from ..record.tensor import Tensor, value_of
from ..rules.kinds import composite
from ..rules.lanes import flattened, rebuilt
from ..sweeps.batch import batch, with_axis
from ..sweeps.forward import forward
from .consuming import pulled

#: After so many calls a program is compiled: most are carried out once or twice.
_OFTEN = 20


class Again:
    """A program whose values in between are not kept."""

    def __init__(self, program: Program, first: Sequence[Any] | None = None) -> None:
        self.program = program
        #: What it gives when it is called next, where that is known.
        self.first = None if first is None else list(first)
        self.calls = 0
        self._run: Callable[[Sequence[Any]], list[Any]] | None = None

    def run(self, values: Sequence[Any]) -> list[Any]:
        """The outputs, of raw arrays."""
        if self.first is not None:
            first, self.first = self.first, None
            return first
        self.calls += 1
        if self.calls < _OFTEN:
            return self.program.interpret(values)
        if self._run is None:
            self._run = by_numpy.compile(simplified(self.program))
        try:
            return self._run(values)
        except by_numpy.OtherPath as other:
            raise disagreement(self.program.name, self.program.guards[other.index][1], other.seen) from None

    # -- figures, in bytes ------------------------------------------------------------------------------------
    @cached_property
    def operations(self) -> int:
        """How many operations it stands for."""
        return sum([1 if (a := _inner(s)) is None else a.operations for s in self.program.steps])

    @cached_property
    def dropped(self) -> int:
        """What it makes and does not keep."""
        inside = sum([0 if (a := _inner(s)) is None else a.dropped for s in self.program.steps])
        return inside + _made(self.program.steps) - sum([o.nbytes for o in set(self.program.outputs)])

    @cached_property
    def peak(self) -> int:
        """The most that a sweep over it makes and holds at a time, its inputs' and outputs' cotangents too."""
        p = self.program
        held, most = _made(p.steps) + sum([x.nbytes for x in (*p.inputs, *p.outputs) if x.dtype.kind in "fc"]), 0
        for step in reversed(self.program.steps):
            inner = _inner(step)
            most = max(most, held + (0 if inner is None else inner.peak))
            held -= sum([o.nbytes for o in step.outputs]) if inner is not None else 0
        return most

    def batched(self, size: int, flags: Sequence[bool], values: Sequence[Any]) -> Again:
        """For a whole batch along a leading axis of the flagged inputs and of all outputs, which it gives first."""
        wide = [Tensor(value_of(v)) for v in values]
        with Pause(), Window() as window:
            xs = [
                Tensor((v.data[0] if size else np.ones(v.shape[1:], v.dtype))[()]) if f else v
                for v, f in zip(wide, flags, strict=True)
            ]
            with Window() as inner:
                ys = replayed(self.program, xs)
            known = batch(list(inner.entries()), {x: v for x, v, f in zip(xs, wide, flags, strict=True) if f}, size, ys)
            outputs = [with_axis(known, y, size) for y in ys]
        return Again(_program(window, wide, outputs, self.program.name), [y.data for y in outputs])


def _inner(step: Step) -> Again | None:
    return (step.params or {}).get("again")


def _made(steps: Sequence[Step]) -> int:
    return sum([o.nbytes for step in steps for o in step.outputs])


class _Carried:
    """The implementation: printed programs refer to it."""

    __name__ = "computed_again"

    def __call__(self, xp: Any, *values: Any, again: Again) -> tuple[Any, ...]:
        return tuple(again.run(values))


def _body(*xs: Any, again: Again) -> tuple[Any, ...]:
    return tuple(replayed(again.program, xs))


def noted(again: Again, inputs: Sequence[Any], outputs: Sequence[Tensor], site: tuple[Any, int] | None = None) -> None:
    """Put on the record, if there is one, that ``outputs`` were made of ``inputs``."""
    segment = current.get()
    if segment is not None:
        segment.append((again_row, {"again": again}, tuple(inputs), tuple(outputs), *(site or sites.here())))


def derived(f: Callable[[list[Tensor]], list[Any]], values: Sequence[Any], name: str) -> list[Any]:
    """``f(values)``, one entry of this row on the record; what is None in the answer stays None."""
    values = [v if isinstance(v, Tensor) else Tensor(value_of(v)) for v in values]
    xs = [Tensor(v.data) for v in values]
    with Pause(), Window() as window:
        found = f(xs)
    outputs = [y if isinstance(y, Tensor) else Tensor(y) for y in found if y is not None]
    program = _program(window, xs, outputs, name)
    made = [Tensor(y.data) for y in outputs]
    noted(Again(program), values, made)
    rest = iter(made)
    return [None if y is None else next(rest) for y in found]


def _program(window: Window, inputs: Sequence[Tensor], outputs: Sequence[Tensor], name: str) -> Program:
    return alive(sliced(window.entries(), inputs, outputs, name=name)[0])


def _vjp(ct: tuple[Any, ...], y: Any, *xs: Any, again: Again, wanted: Sequence[int]) -> list[Any]:
    """Cotangents, Lanes among them, by a sweep over the program's record."""
    answers: list[Any] = [None] * len(xs)
    program = again.program
    wanted = [i for i in wanted if program.inputs[i].dtype.kind in "fc"]
    if not is_recording():
        inputs = [Tensor(x) for x in xs]
        with Window() as window:
            outputs = replayed(program, inputs)
        seeds = [(o, c) for o, c in zip(outputs, ct, strict=True) if c is not None]
        found = pulled(window, seeds, [inputs[i] for i in wanted], again_row)
        for i in wanted:
            answers[i] = found.get(inputs[i])
        return answers
    kinds, given = flattened(ct)
    found_kinds: list[bool | None] = []

    def backward(values: list[Tensor]) -> list[Any]:
        inputs = values[: len(xs)]
        with Window() as window:
            outputs = replayed(program, inputs)
        seeds = [(o, c) for o, c in zip(outputs, rebuilt(kinds, values[len(xs) :]), strict=True) if c is not None]
        found = pulled(window, seeds, [inputs[i] for i in wanted], again_row)
        found_kinds[:], made = flattened([found.get(inputs[i]) for i in wanted])
        return made

    made = derived(backward, [*xs, *given], f"{program.name}_vjp")
    for i, c in zip(wanted, rebuilt(found_kinds, made), strict=True):
        answers[i] = c
    return answers


def _jvp(y: Any, xs: Sequence[Any], dxs: Sequence[Any], *, again: Again) -> tuple[Any, ...]:
    """Tangents by a sweep over the program's record."""
    places = [i for i, dx in enumerate(dxs) if dx is not None]

    def pushed(inputs: list[Any], tangents: Sequence[Any]) -> list[Any]:
        with Window() as window:
            outputs = replayed(again.program, inputs)
        known = forward(window.entries(), {inputs[i]: dx for i, dx in zip(places, tangents, strict=True)})
        return [known.get(o) for o in outputs]

    if not is_recording():
        return tuple(pushed([Tensor(x) for x in xs], [dxs[i] for i in places]))
    n = len(xs)
    values = [*xs, *[dxs[i] for i in places]]
    return tuple(derived(lambda v: pushed(v[:n], v[n:]), values, f"{again.program.name}_jvp"))


def _batch(size: int, flags: Sequence[bool], values: Sequence[Any], params: dict[str, Any]) -> Any:
    return values, {"again": params["again"].batched(size, flags, values)}


again_row = composite(
    "computed_again",
    _Carried(),
    _body,
    arity=None,
    params={"again": []},
    vjp=_vjp,
    jvp=_jvp,
    batch=_batch,
    outputs=2,
    selective=True,
    takes_lanes=True,
    sample=lambda rng: [],
    doc="A program whose values in between are not kept; see ``gradtape.checkpoint``.",
    public=False,
).primitive  # type: ignore[attr-defined]
