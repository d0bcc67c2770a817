"""Where a value that depends on random draws has a kink or a jump: read off the record.

A *jump* is of order 0, a *kink* of order 1: the order of the derivative that jumps.  The derivative of a mean may be
taken path by path up to that order and no further: the next one loses the mass that sits on the crossing (Glasserman
2003, section 7.2).  Each crossing that is known by its *argument* is where ``a - b`` of two values passes zero.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np

from ..record import events
from ..record.segment import Entry
from ..record.sites import Site, decode
from ..record.tensor import value_of

__all__ = ["ORDERS", "Kink", "kinks"]


class Kink(NamedTuple):
    """One crossing: the entry's row, the order of the derivative that jumps there, and where."""

    row: str
    order: int
    #: (a, b): it is where a - b passes zero; None where that is not one place (floor, sort, a branch of Python).
    argument: tuple[Any, Any] | None
    #: The outcome of the entry (a condition, a maximum ...).
    output: Any
    code: Any
    lasti: int

    @property
    def site(self) -> Site | None:
        """The user's line."""
        return decode(self.code, self.lasti)


_PAIRS = {"maximum", "minimum", "fmax", "fmin"}
_COMPARISONS = {"greater", "greater_equal", "less", "less_equal"}
#: Rows of one argument: the order, and where it crosses.
_PLACES: dict[str, tuple[int, tuple[float, ...]]] = {
    "abs": (1, (0.0,)),
    "relu": (1, (0.0,)),
    "leaky_relu": (1, (0.0,)),
    "relu6": (1, (0.0, 6.0)),
    "hard_tanh": (1, (-1.0, 1.0)),
    "elu": (1, (0.0,)),
    "celu": (2, (0.0,)),
    "softsign": (2, (0.0,)),
    "sign": (0, (0.0,)),
    "signbit": (0, (0.0,)),
    "step": (0, (0.0,)),
    "heaviside": (0, (0.0,)),
    "unit_sign": (0, (0.0,)),
}
#: Rows with crossings of which there are many, or none that two values say.
_MANY = {
    "floor": 0, "ceil": 0, "trunc": 0, "round": 0, "floor_divide": 0, "truncated_quotient": 0, "remainder": 0,
    "fmod": 0, "argmax": 0, "argmin": 0, "searchsorted": 0, "digitize": 0, "max": 1, "min": 1, "cummax": 1,
    "cummin": 1, "window_max": 1, "segment_max": 1, "segment_min": 1, "huber": 2,
}  # fmt: skip
_ORDERINGS = {"argsort", "argpartition"}
#: What draws are made of.
_DRAWS = {
    "random_bits", "random_uniform", "random_integers", "poisson_quantile", "binomial_quantile", "bernoulli_quantile",
    "categorical_quantile",
}  # fmt: skip
#: row -> the order of the derivative that jumps where the row does.
ORDERS: dict[str, int] = {
    **dict.fromkeys(_PAIRS, 1),
    "clip": 1,
    **dict.fromkeys(_COMPARISONS, 0),
    **{name: order for name, (order, _) in _PLACES.items()},
    "copysign": 0,
    **dict.fromkeys(_ORDERINGS, 0),
    **_MANY,
}
#: How close to the crossing, in lanes, the two branches of a choice are compared.
_NEAREST = 8


class _Reading:
    """What one pass over the entries found."""

    def __init__(self, draws: Iterable[Any] | None) -> None:
        self.random: set[Any] = set(draws or ())
        self.finds_draws = draws is None
        self.found: list[Kink] = []
        #: condition -> the choices and other rows that use it.
        self.uses: dict[Any, list[tuple[str, Sequence[Any]]]] = {}
        self.makers: dict[Any, Sequence[Any]] = {}

    def read(self, row: Any, params: Any, inputs: Sequence[Any], outputs: Sequence[Any], code: Any, lasti: int) -> None:
        if row.kind == "event":
            if row is events.GUARD and inputs[0] in self.random:
                self.found.append(Kink("bool()", 0, None, inputs[0], code, lasti))
            return
        started = self.finds_draws and row.name in _DRAWS
        if not started and not any(_is_place(x) and x in self.random for x in inputs):
            return
        self.random.update(outputs)
        for o in outputs:
            self.makers[o] = inputs
        for x in inputs:
            if _is_place(x):
                self.uses.setdefault(x, []).append((row.name, inputs))
        if started:
            return
        if row.program is not None:
            self.call(row.program, inputs, outputs)
            return
        for order, argument in _crossings(row.name, params or {}, inputs, self.random):
            self.found.append(Kink(row.name, order, argument, outputs[0], code, lasti))

    def call(self, program: Any, inputs: Sequence[Any], outputs: Sequence[Any]) -> None:
        """The steps of a program that was called: places inside it have no values here."""
        self.random.update(v for v, x in zip(program.inputs, inputs, strict=True) if _is_place(x) and x in self.random)
        for step in program.steps:
            self.read(step.row, step.params, step.inputs, step.outputs, step.code, step.lasti)
        for o, v in zip(outputs, program.outputs, strict=True):
            self.makers[o] = (v,)


def kinks(entries: Iterable[Entry], draws: Iterable[Any] | None = None, targets: Iterable[Any] = ()) -> list[Kink]:
    """The kinks and jumps among ``entries`` of values that depend on ``draws``, in the order of the record.

    ``draws``: Tensors; by default whatever the generators of ``gt.random`` drew.  With ``targets``, those alone on
    which a target depends.  A choice ``where(a > b, x, y)`` whose branches meet where a = b is a kink, not a jump: so
    it is taken to be if x - y shrinks with a - b on the lanes that are nearest to the crossing.
    """
    reading = _Reading(draws)
    for row, params, inputs, output, code, lasti in entries:
        outputs = output if type(output) is tuple else () if output is None else (output,)
        reading.read(row, params, inputs, outputs, code, lasti)
    found = [k._replace(order=_order(k, reading)) for k in reading.found]
    wanted = list(targets)
    if wanted:
        reached = _reached(wanted, reading.makers)
        found = [k for k in found if k.row == "bool()" or k.output in reached]
    return found


def _is_place(x: Any) -> bool:
    return hasattr(x, "shape") and not isinstance(x, np.ndarray | np.generic)


def _crossings(name: str, params: dict[str, Any], inputs: Sequence[Any], random: set[Any]) -> list[tuple[int, Any]]:
    """(order, argument) of each crossing that a row has in its random inputs."""
    if name in _PAIRS:
        return [(1, (inputs[0], inputs[1]))]
    if name in _COMPARISONS:
        return [(0, (inputs[0], inputs[1]))]
    if name == "clip":
        return [(1, (inputs[0], end)) for end in inputs[1:] if not _infinite(end)]
    if name in _PLACES:
        order, places = _PLACES[name]
        return [(order, (inputs[0], place)) for place in places] if inputs[0] in random else []
    if name == "copysign":
        return [(0, (inputs[1], 0.0))] if inputs[1] in random else []
    if name in _ORDERINGS:
        return [(0, None)]
    if name in _MANY:
        return [(_MANY[name], None)]
    if name == "p_norm" and params.get("ord", 2) not in (2, None):
        return [(1, None)]
    return []


def _infinite(x: Any) -> bool:
    raw = value_of(x)
    return raw is None or (not _is_place(raw) and bool(np.all(np.isinf(raw))))


def _order(kink: Kink, reading: _Reading) -> int:
    """A jump whose every use is a choice between values that meet at the crossing is a kink."""
    if kink.order or kink.row == "bool()":
        return kink.order
    uses = reading.uses.get(kink.output, [])
    if kink.row in _ORDERINGS:
        return 1 if uses and all(name == "take_along_axis" for name, _ in uses) else 0
    if kink.argument is None or not uses:
        return kink.order
    meets = all(name == "where" and inputs[0] is kink.output and _meet(kink.argument, inputs) for name, inputs in uses)
    return 1 if meets else 0


def _meet(argument: tuple[Any, Any], choice: Sequence[Any]) -> bool:
    """Whether the branches of a choice agree where its condition turns, judged by the lanes nearest to it."""
    values = [value_of(x) for x in (*argument, choice[1], choice[2])]
    if any(_is_place(v) for v in values):
        return False
    with np.errstate(all="ignore"):
        distance = np.abs(np.subtract(values[0], values[1], dtype=float))
        gap = np.abs(np.subtract(values[2], values[3], dtype=float))
        distance, gap = (x.ravel() for x in np.broadcast_arrays(distance, gap))
        usable = np.isfinite(distance) & np.isfinite(gap)
        distance, gap = distance[usable], gap[usable]
        if distance.size < 2 * _NEAREST:
            return False
        near = np.argpartition(distance, _NEAREST)[:_NEAREST]
        slope = np.median(gap) / max(float(np.median(distance)), 1e-300)
        return bool(np.all(gap[near] <= 10 * slope * distance[near]))


def _reached(targets: list[Any], makers: dict[Any, Sequence[Any]]) -> set[Any]:
    """Everything that the targets were made of."""
    seen: set[Any] = set()
    waiting = list(targets)
    while waiting:
        x = waiting.pop()
        if x in seen:
            continue
        seen.add(x)
        waiting += [i for i in makers.get(x, ()) if _is_place(i)]
    return seen
