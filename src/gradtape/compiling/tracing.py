"""Recording one path of a function: what it did at these inputs, as a Program with its state and what it captured."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextvars import ContextVar
from typing import Any
from weakref import ref

import numpy as np

from ..program.program import Program, Value
from ..program.ruled import asked
from ..program.slicing import sliced
from ..program.weak import WeakTensor
from ..record import events
from ..record.segment import Entry, Pause, Window
from ..record.tensor import Tensor, value_of
from ..record.variable import Variable

#: Whether a compiled function is being recorded: those that it calls are a part of it.
tracing: ContextVar[bool] = ContextVar("gradtape_tracing", default=False)
#: Why what is being recorded may not be run in place of the function; None where nothing is.
_repeats: ContextVar[list[str] | None] = ContextVar("gradtape_repeats", default=None)


def must_repeat(reason: str) -> None:
    """The function that is being recorded, if there is one, does what only Python can do again at the next call."""
    reasons = _repeats.get()
    if reasons is not None:
        reasons.append(reason)


class Traced:
    """One path: the program, and what it takes and gives beside arguments and results."""

    __slots__ = (
        "assigned", "before", "captured", "initial", "makes_variables", "once", "program", "read", "results"
    )  # fmt: skip

    def __init__(
        self,
        program: Program,
        read: list[Variable],
        captured: list[Tensor],
        assigned: dict[Variable, Tensor],
        results: list[Tensor],
        initial: list[Tensor],
        makes_variables: bool,
        once: str,
    ) -> None:
        #: inputs: arguments, the values of ``read``, ``captured``; outputs: results, the values of ``assigned``.
        self.program = program
        self.read = read
        self.captured = captured
        self.assigned = list(assigned)
        #: What ``assigned`` held before the call that was recorded.
        self.before = list(assigned.values())
        #: What the call that was recorded gave, and what ``read`` held before it: for that call alone.
        self.results = results
        self.initial = initial
        #: Variables were made that live on.
        self.makes_variables = makes_variables
        #: Why the next call goes another way: that, or what was done that only Python can do; empty where it does not.
        self.once = once


def trace(
    flat: Callable[[Sequence[Any]], list[Tensor]], inputs: Sequence[Any], name: str, *, whole: bool = False
) -> Traced:
    """Carry out ``flat`` at these inputs (Tensors, raw arrays, Python floats), and keep what it did.

    ``whole``: for the body of an entry, all Tensors that live on are inputs, also those that have no derivatives, and
    where it raises, Variables have the values from before.
    """
    born = next(Variable.births)
    fresh = [_fresh(x) for x in inputs]
    outer, reasons = _repeats.get(), list[str]()
    token, repeats = tracing.set(True), _repeats.set(reasons)
    window = Window()
    try:
        with Pause(), window:
            results = flat(fresh)
    except Exception:
        if whole:
            _take_back(window)
        raise
    finally:
        tracing.reset(token)
        _repeats.reset(repeats)
    if outer is not None:
        outer += reasons
    entries = list(window.entries())
    touched = [pair for segment in window.segments for pair in segment.touched]
    before = {e[1]["variable"]: e[1]["before"] for e in reversed(entries) if e[0] is events.ASSIGN}
    state = {v: value for v, value in touched if v.born < born and value is before.get(v, value)}
    made_here = [ref(v) for v in dict.fromkeys(v for v, _ in touched) if v.born >= born]
    assigned = {v: value for v, value in before.items() if v.born < born}
    state.update((v, v.current) for v in _ruling(entries, born) if v not in before)
    known = {*fresh, *state.values()}
    free = [x for x in _free(entries, results) if x not in known]
    program, constants = sliced(
        entries, [*fresh, *state.values(), *free], [*results, *[v.current for v in assigned]], name=name
    )
    read, initial = list(state), list(state.values())
    places = dict(zip(program.inputs[len(fresh) + len(read) :], free, strict=True))
    places.update(constants)
    watched = [(place, ref(x)) for place, x in places.items()]
    data = {place: x.data for place, x in places.items()}
    del window, entries, touched, free, places, constants, known, state, flat, fresh, before
    captured = _settle(program, watched, data, "" if whole else "fc")
    made = any(v() is not None for v in made_here)
    return Traced(
        program, read, captured, assigned, results, initial, made, "; ".join(reasons) or "Variables were made" * made
    )


def _ruling(entries: Sequence[Entry], born: int) -> list[Variable]:
    """The Variables that rules of the user's read when they are asked."""
    found: dict[Variable, None] = {}
    for row, _, inputs, _, _, _ in entries:
        if row.kind != "event" and row.stands_for:
            try:
                window = asked(row, inputs)[0]
            except Exception:
                continue
            found.update((v, None) for s in window.segments for v, _ in s.touched if v.born < born)
    return list(found)


def _take_back(window: Window) -> None:
    """Give Variables the values that they had before."""
    with Pause():
        for row, params, *_ in reversed(list(window.entries())):
            if row is events.ASSIGN:
                params["variable"].rename(params["before"])


def _fresh(x: Any) -> Tensor:
    """An input under an identity of its own."""
    if type(x) is float or type(x) is complex:
        return WeakTensor(np.asarray(x)[()])
    if type(x) is WeakTensor:
        return WeakTensor(x.data)
    data = value_of(x)
    return Tensor(np.array(data)[()] if isinstance(x, np.ndarray) else data)


def _free(entries: Sequence[Entry], results: Sequence[Tensor]) -> list[Tensor]:
    """The Tensors that nothing here made."""
    made: set[Tensor] = set()
    free: dict[Tensor, None] = {}
    for row, _, inputs, output, _, _ in entries:
        if row is events.QUERY:
            continue
        for x in (*inputs, *getattr(row, "stands_for", ())):
            if isinstance(x, Tensor) and x not in made:
                free[x] = None
        made.update(output if type(output) is tuple else () if output is None else (output,))
    free.update((y, None) for y in results if y not in made)
    return list(free)


def _settle(
    program: Program, watched: list[tuple[Value, ref[Tensor]]], data: dict[Value, Any], kinds: str
) -> list[Tensor]:
    """Tensors that live on are inputs, for derivatives may be asked for them; the others are constants.

    ``kinds`` of dtypes: others are constants as well; none: all are inputs.
    """
    alive = {place: x for place, r in watched if (x := r()) is not None and (not kinds or x.dtype.kind in kinds)}
    used = {x for step in program.steps for x in step.inputs} | {g.value for _, g in program.guards}
    used.update(program.outputs)
    n = len(program.inputs) - sum(place not in program.constants for place, _ in watched)
    captured = [place for place in alive if place in used]
    program.inputs = (*program.inputs[:n], *captured)
    program.constants = {place: data[place] for place in data if place in used and place not in captured}
    program.examples = ()
    return [alive[place] for place in captured]
