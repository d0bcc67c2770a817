"""Rows that jump and rows that kink, and the test by numbers of whether a value jumps where a row does.

A row that jumps need not make the value jump: ``where(x > 0, x, 0.0)`` is continuous, and the slope of
``maximum(x, 0.0)**2`` is so too although it is made with ``x > 0``.  So the jump is tried: the switch is thrown for the
lanes next to the boundary, once for those within a small distance and once within an eighth of it, and what follows is
computed again.  What a lane changes stays as it is where the value jumps, and shrinks with the distance where it does
not.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np

from ..primitives import (
    activations,
    arithmetic,
    cumulative,
    predicates,
    rounding,
    segments,
    selection,
    sorting,
    windows,
)
from ..primitives.reductions import attained
from ..record.tensor import Tensor, value_of
from ..rules.primitive import registry
from .kinks import ORDERS

#: The rooms whose rows are named below: they are in the registry once these are imported.
ROOMS = (activations, arithmetic, cumulative, predicates, rounding, segments, selection, sorting, windows)

#: moved(row, xs, params, d, noise) -> the row's raw output where what it switches on is moved by d.
Moved = Callable[[Any, Sequence[Any], dict[str, Any], float, Any], Any]


def _first(row: Any, xs: Sequence[Any], params: dict[str, Any], d: float, noise: Any) -> Any:
    return row.run(xs[0] + d, *xs[1:], **params)


def _second(row: Any, xs: Sequence[Any], params: dict[str, Any], d: float, noise: Any) -> Any:
    return row.run(xs[0], xs[1] + d, *xs[2:], **params)


def _order(row: Any, xs: Sequence[Any], params: dict[str, Any], d: float, noise: Any) -> Any:
    """Neighbours in the order change places in both directions, so every element has a way of its own."""
    return row.run(xs[0] + d * noise(xs[0]), *xs[1:], **params)


def _winner(row: Any, xs: Sequence[Any], params: dict[str, Any], d: float, noise: Any) -> Any:
    """Of a row that finds where x equals its extremum y: another element becomes the extremum."""
    x, y = xs
    axis = params.get("axis")
    other = x + d * noise(x)
    extremum = np.max if np.sum(y) >= np.mean(x) * np.size(y) else np.min
    return row.run(other, np.reshape(extremum(other, axis=axis), np.shape(y)), **params)


def _wrapped(row: Any, xs: Sequence[Any], params: dict[str, Any], d: float, noise: Any) -> Any:
    """A remainder, without the part that moves smoothly."""
    return row.run(xs[0] + d, *xs[1:], **params) - d


def _rows(names: str, moved: Moved) -> dict[Any, Moved]:
    return {registry[name]: moved for name in names.split()}


#: Rows whose output jumps with their inputs; tests for nan and the like do not count.
JUMPS: dict[Any, Moved] = {
    **_rows("greater greater_equal less less_equal", _first),
    **_rows("sign signbit floor ceil trunc round step heaviside truncate digitize", _first),
    **_rows("floor_divide truncated_quotient", _first),
    **_rows("unit_sign copysign searchsorted", _second),
    **_rows("argsort argpartition argmax argmin ranks", _order),
    **_rows("remainder fmod", _wrapped),
    attained.primitive: _winner,  # type: ignore[attr-defined]
}

_COMPARISONS = frozenset(registry[name] for name in ("greater", "greater_equal", "less", "less_equal"))
#: Rows that jump, or whose derivatives do.
BROKEN = JUMPS.keys() | {registry[name] for name in ORDERS if name in registry}

#: Fewer lanes than this are no expectation.
FEWEST = 64
#: The boundary lies in the bulk if lanes change on both sides within this part of a standard deviation.
BULK = 0.3
#: Between what a lane changes more at eight times the distance where the value jumps (1, or less where signs cancel),
#: and where it does not (8, or 2.8).
GROWTH = 1.75


class Switch:
    """The entries of one line that jump together, and how they are moved."""

    def __init__(self, entries: Sequence[Any]) -> None:
        self.entries = list(entries)
        self.inputs = [[value_of(x) for x in e[2]] for e in self.entries]
        self.outputs = [value_of(e[3]) for e in self.entries]
        self.lanes = int(sum(np.size(y) for y in self.outputs))
        self._generator = np.random.default_rng(0)
        #: Of an entry, by its id: it lives as long as the switch.
        self._noise: dict[int, Any] = {}

    def output(self, entry: Any, xs: Sequence[Any], d: float) -> Any:
        """What an entry of the switch gives at ``xs``, where what it switches on is moved by ``d``."""

        def noise(x: Any) -> Any:
            if id(entry) not in self._noise:
                self._noise[id(entry)] = self._generator.normal(size=np.shape(x))
            return self._noise[id(entry)]

        with np.errstate(all="ignore"):
            return JUMPS[entry[0]](entry[0], xs, entry[1] or {}, d, noise)

    def scale(self) -> float:
        """The standard deviation of what is switched on."""
        margins = [np.ravel(_margin(e, xs)) for e, xs in zip(self.entries, self.inputs, strict=True)]
        whole = np.concatenate(margins).astype(float)
        whole = whole[np.isfinite(whole)]
        return float(np.std(whole)) if whole.size else 0.0

    def moves(self, tangents: dict[Tensor, Any]) -> bool:
        """Whether what is switched on moves: it does not where a path is held at its place, whatever it is made of."""
        least = 1e-8 * self.scale()
        for e in self.entries:
            dxs = [tangents.get(x) if isinstance(x, Tensor) else None for x in e[2]]
            if any(d is not None for d in dxs):
                moved = _margin(
                    e, [np.zeros(np.shape(value_of(x))) if d is None else d for x, d in zip(e[2], dxs, strict=True)]
                )
                if np.any(np.abs(moved) > least):
                    return True
        return False

    def changed(self, d: float) -> int:
        """How many lanes change where what they switch on is moved by ``d``."""
        tiny = 1e-3 * abs(d)
        moved = [self.output(e, xs, d) for e, xs in zip(self.entries, self.inputs, strict=True)]
        return int(sum(np.sum(_differs(a, b, tiny)) for a, b in zip(moved, self.outputs, strict=True)))

    def distance(self) -> float:
        """A small distance within which enough lanes lie; 0 where the boundary is far from the bulk, or not crossed."""
        d = BULK * self.scale()
        if d == 0.0:
            return 0.0
        one, other = self.changed(d), self.changed(-d)
        if min(one, other) < max(8, 0.1 * max(one, other)):
            return 0.0  # whatever lies next to the boundary lies on one side of it
        goal = max(64, self.lanes // 100)
        for _ in range(30):
            if one <= goal:
                break
            d *= max(0.3, goal / one)
            one = self.changed(d)
        return d


def _margin(entry: Any, xs: Sequence[Any]) -> Any:
    """What the entry switches on: it switches where this passes zero, or another number."""
    row = entry[0]
    if JUMPS[row] is _second:
        return xs[1]
    return xs[0] - xs[1] if row in _COMPARISONS else xs[0]


def _differs(a: Any, b: Any, tiny: float) -> Any:
    if np.asarray(b).dtype.kind in "fc":
        return np.abs(np.asarray(a) - b) > tiny
    return np.asarray(a) != b


def jumps(switch: Switch, entries: Sequence[Any], targets: Sequence[Tensor]) -> bool | None:
    """Whether ``targets``, which ``entries`` compute, jump where the switch is thrown; None: nothing is near enough."""
    d = switch.distance() if switch.lanes >= FEWEST else 0.0
    if d == 0.0:
        return None
    # A switch may be hidden on one side by another one.
    return _jumps(switch, entries, targets, d) or _jumps(switch, entries, targets, -d)


def _jumps(switch: Switch, entries: Sequence[Any], targets: Sequence[Tensor], d: float) -> bool:
    many = switch.changed(d)
    whole = _change(switch, d, entries, targets)
    size = _parts(switch, targets, [t.data for t in targets])
    eps = max(float(np.finfo(t.dtype).eps) for t in targets)
    least = np.maximum(64 * eps * float(np.linalg.norm(size)), 1e-6 * many / switch.lanes * size)
    felt = whole > least  # not where it is nan: nothing can be said
    if not np.any(felt):
        return False
    for part in (0.125, 0.25, 0.5):
        few = switch.changed(part * d)
        if few >= 8 or part == 0.5:
            break
    if not 0 < few < many:
        return False
    less = _change(switch, part * d, entries, targets)
    # At other ratios than 8 the middle between the two is elsewhere.
    growth = GROWTH ** (np.log(many / few) / np.log(8.0))
    return bool(np.any(felt & (whole / many < growth * less / few)))


def _change(switch: Switch, d: float, entries: Iterable[Any], targets: Sequence[Tensor]) -> Any:
    """How far the targets move where what is switched on is moved by ``d``, for the switch alone."""
    values = replayed(entries, switch, d)
    return _parts(switch, targets, [values.get(t, t.data) - t.data for t in targets])


def _parts(switch: Switch, targets: Sequence[Tensor], values: Sequence[Any]) -> Any:
    """The size of each element, which have scales of their own; of a target with many elements, of all of them."""
    most = switch.lanes // FEWEST
    sizes = [
        np.abs(np.ravel(v)) if t.size <= most else np.linalg.norm(np.ravel(v))
        for t, v in zip(targets, values, strict=True)
    ]
    return np.concatenate([np.atleast_1d(s) for s in sizes]).astype(float)


def replayed(entries: Iterable[Any], switch: Switch, d: float) -> dict[Tensor, Any]:
    """The raw values of all that depends on the switch, where what it switches on is moved by ``d``."""
    thrown = {id(e) for e in switch.entries}
    values: dict[Any, Any] = {}
    with np.errstate(all="ignore"):
        for entry in entries:
            row, params, inputs, output, _, _ = entry
            if row.kind == "event":
                continue
            several = type(output) is tuple
            if row.stands_for:
                for made, o in zip(row.stands_for, output if several else (output,), strict=True):
                    if made in values:
                        values[o] = values[made]
                continue
            mine = id(entry) in thrown
            if not mine and not any(x in values for x in inputs):
                continue
            xs = [values[x] if x in values else value_of(x) for x in inputs]
            y = switch.output(entry, xs, d) if mine else row.run(*xs, **(params or {}))
            values.update(zip(output, y, strict=True) if several else ((output, y),))
    return values
