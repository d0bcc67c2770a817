"""Kinks and jumps that depend on random draws: where a derivative of a mean, path by path, is not that of the mean.

E[f(X(theta, Z))] is smooth where f has a kink, for the kink lies at a place that the draws smear out.  The first
derivative may be taken under the mean, the second may not: f'' is zero almost everywhere, and what the slope's jump
contributes, the density of X at the kink times the size of the jump, is lost (Glasserman, *Monte Carlo Methods in
Financial Engineering*, section 7.2).  Where f itself jumps it is so from the first derivative on.

Either way something jumps that is about to be differentiated, and the record of it holds the entry where: a comparison,
``floor``, ``sign``, ``argsort`` that depends on both the draws and a source.  ``missed`` finds those entries, and keeps
the ones where the target jumps indeed (jumps.py); kinks.py lists the crossings of a record without a question in mind.
Nothing of this is done in a process that never made a draw, and little where nothing on the record jumps.
"""

from __future__ import annotations

import warnings
from collections.abc import Collection, Iterable, Sequence
from typing import Any, ClassVar, NamedTuple

import numpy as np

from ..errors import KinkedExpectationWarning, message
from ..primitives.indexing import take_along_axis
from ..primitives.random_bits import random_bits, random_uniform
from ..primitives.sorting import argsort
from ..record import draws, events, sites
from ..record.segment import Entry, Pause, Segment, Window, in_order
from ..record.tensor import Tensor
from ..sweeps.forward import forward
from ..sweeps.query import ones
from .jumps import BROKEN, JUMPS, Switch, jumps
from .places import is_own
from .unrolled import expanded, holds

_DRAWS = frozenset({random_uniform.primitive, random_bits.primitive})  # type: ignore[attr-defined]
_ARGSORT: Any = argsort.primitive  # type: ignore[attr-defined]
_TAKE: Any = take_along_axis.primitive  # type: ignore[attr-defined]
_JUMPING = frozenset(JUMPS)
_ANY = frozenset(BROKEN)

REMEDY = (
    "Write the mean as gt.expectation(f, distribution), estimator='auto': its derivatives are right at every order.\n"
    "(Draws that are data, not a sample to average over, are told by gt.asarray(np.asarray(z)).)"
)


class Missed(NamedTuple):
    """What a derivative path by path misses: its order, the row that jumps, and the user's line."""

    order: int
    row: Any
    site: sites.Site | None


def look(
    segments: Sequence[Segment], targets: Sequence[Tensor], sources: Collection[Tensor], order: int, strict: bool
) -> None:
    """Warn, or raise where ``strict``, if the derivative of that order, path by path, misses what a jump gives."""
    if holds(segments, _JUMPING if order == 1 else _ANY) and _random(segments):
        state = {value for s in segments for _, value in s.touched}
        entries = [e for s in in_order(segments) for e in s]
        warn(missed(entries, targets, sources, state, order, strict), strict)


def look_at_entries(
    entries: Sequence[Entry], targets: Sequence[Tensor], sources: Collection[Tensor], state: Collection[Tensor]
) -> None:
    """The same for a first derivative of what ``entries`` did; ``state`` as in :func:`missed`."""
    if holds([entries], _JUMPING):
        warn(missed(entries, targets, sources, state))


def missed(
    entries: Sequence[Entry],
    targets: Sequence[Tensor],
    sources: Collection[Tensor],
    state: Collection[Tensor] = (),
    order: int = 1,
    thorough: bool = False,
) -> list[Missed]:
    """The jumps that derivatives of ``targets`` up to ``order`` pass by; ``order`` counts on from what is recorded.

    ``state``: values of Variables, which are parameters however they were made.  ``thorough``: whatever was found to be
    smooth before is tried again.
    """
    with Pause():
        entries = expanded(entries, _JUMPING if order == 1 else _ANY)
        barred = {*sources, *state} - _declared(sources, state)
        for more in range(order):
            if more:
                entries, targets = _slopes(entries, targets, sources)
            found = _jumps_of(entries, targets, sources, barred, thorough)
            if found:
                done = more + _queries(entries, targets)
                lines = _Lines(entries)
                return [Missed(max(done, _derived(g)) + 1, g[0][0], lines.site(g[0])) for g in found]
    return []


def warn(found: Sequence[Missed], strict: bool = False) -> None:
    """Tell of each, at its own line."""
    asked = sites.user_line()
    for one in found:
        which = {1: "first", 2: "second", 3: "third"}.get(one.order, f"{one.order}th")
        name = one.row.name
        text = message(
            f"the {which} derivative of a mean over random draws is wrong here",
            [
                f"what it differentiates jumps ({name}) at a place that depends on the draws and on the source",
                "path by path the slope of a jump is 0: what it contributes to the mean's derivative is lost",
                f"asked for at {asked}",
            ],
            str(one.site or asked),
            REMEDY,
        )
        if strict:
            raise KinkedExpectationWarning(text)
        site = one.site or asked
        registry = _registries.setdefault(site.file, {})
        warnings.warn_explicit(text, KinkedExpectationWarning, site.file, site.line, registry=registry)


#: What Python's warnings remember, for each file: once a line.
_registries: dict[str, dict[Any, Any]] = {}


# -- what is on the record ---------------------------------------------------------------------------------------------


def _random(stretches: Iterable[Sequence[Entry]]) -> bool:
    """Whether draws are on the record, as far as one sees without looking into compiled functions."""
    return any(
        e[0] in _DRAWS or (e[0].kind == "composite" and e[0].program is not None) or any(map(draws.marked, e[2]))
        for entries in stretches
        for e in entries
    )


def _declared(sources: Iterable[Tensor], state: Iterable[Tensor]) -> set[Tensor]:
    """Values of Variables that were declared to be draws are draws; a source never is."""
    return {x for x in state if draws.marked(x)} - set(sources)


class _Dependence:
    """What depends on the sources, differentiably, and what on the draws, not by way of the sources."""

    def __init__(self, entries: Iterable[Entry], sources: Collection[Tensor], barred: Collection[Tensor]) -> None:
        self.moving = set(sources)
        self.drawn: set[Any] = set()
        self.barred = barred
        moving, known = self.moving, self.drawn
        for row, _, inputs, output, _, _ in entries:
            if row.kind == "event":
                continue
            outputs = output if type(output) is tuple else (output,)
            if row.carries and any(x in moving for x in inputs):
                moving.update(outputs)
            if row in _DRAWS or any(self.random(x) for x in inputs):
                # What is one of a few numbers does not smear anything out.
                known.update(o for o in outputs if row not in _JUMPING and o.dtype.kind in "fcu" and o not in barred)

    def random(self, x: Any) -> bool:
        """Whether ``x`` depends on the draws."""
        return x in self.drawn or (draws.marked(x) and x not in self.barred)

    def both(self, entry: Entry) -> bool:
        """Whether what the entry decides on depends on the draws and on a source."""
        return any(x in self.moving for x in entry[2]) and any(self.random(x) for x in entry[2])


def _needed(entries: Sequence[Entry], targets: Iterable[Tensor]) -> set[Any]:
    """What ``targets`` were computed from, switches included; of several outputs, the tuple of them too."""
    needed: set[Any] = set(targets)
    for row, _, inputs, output, _, _ in reversed(entries):
        if row.kind == "event":
            continue
        if any(o in needed for o in output) if type(output) is tuple else output in needed:
            needed.add(output)
            needed.update(x for x in (*inputs, *row.stands_for) if isinstance(x, Tensor))
    return needed


def _jumps_of(
    entries: Sequence[Entry],
    targets: Sequence[Tensor],
    sources: Collection[Tensor],
    barred: Collection[Tensor],
    thorough: bool,
) -> list[list[Entry]]:
    """The entries that make ``targets`` jump, a line at a time."""
    if not any(e[0] in _JUMPING for e in entries):
        return []
    known = _Dependence(entries, sources, barred)
    suspects = _but_for_sorting([e for e in entries if e[0] in _JUMPING and known.both(e)], entries)
    if not suspects:
        return []
    needed = _needed(entries, targets)
    groups = _together([e for e in suspects if e[3] in needed], _Lines(entries))
    known_smooth = _Smooth(entries, targets)
    found: list[Switch] = []
    for group in groups:
        if thorough or not known_smooth.again(group):
            switch = Switch(group)
            answer = jumps(switch, entries, targets)
            if answer:
                found.append(switch)
            elif answer is not None:
                known_smooth.note(group)
    if found:
        tangents = _tangents(entries, sources)
        found = [switch for switch in found if switch.moves(tangents)]
    return [switch.entries for switch in found]


class _Smooth:
    """Lines at which nothing jumped, for a program that takes the same first derivative again and again.

    What was tried ``TRIES`` times and found continuous is tried every ``EVERY``-th time from then on.
    """

    TRIES, EVERY, MOST = 4, 16, 1024
    _counts: ClassVar[dict[Any, int]] = {}

    def __init__(self, entries: Sequence[Entry], targets: Sequence[Tensor]) -> None:
        second = any(e[0] is events.QUERY for e in entries)
        self._kind = None if second else (len(entries), *[t.shape for t in targets])

    def _key(self, group: Sequence[Entry]) -> Any:
        return (self._kind, len(group), *group[0][4:])

    def again(self, group: Sequence[Entry]) -> bool:
        """Whether it need not be tried this time."""
        if self._kind is None or all(is_own(e[4]) for e in group):
            return False
        count = self._counts.get(self._key(group), 0)
        if count < self.TRIES:
            return False
        self._counts[self._key(group)] = count + 1
        return count % self.EVERY != 0

    def note(self, group: Sequence[Entry]) -> None:
        """It was tried, and nothing jumped."""
        if self._kind is not None:
            if len(self._counts) > self.MOST:
                self._counts.clear()
            key = self._key(group)
            self._counts[key] = max(1, self._counts.get(key, 0) + (self._counts.get(key, 0) < self.TRIES))


def _tangents(entries: Sequence[Entry], sources: Iterable[Tensor]) -> dict[Tensor, Any]:
    """How everything moves where the sources do, all at once, each by as much as it is large."""
    generator = np.random.default_rng(0)
    given = {x: (x.data * generator.uniform(0.5, 1.5, x.shape) + 1e-3).astype(x.dtype)[()] for x in sources}
    return forward(list(entries), given)


def _but_for_sorting(suspects: list[Entry], entries: Sequence[Entry]) -> list[Entry]:
    """Without the orders that nothing uses but to put into order what they are the order of: that is continuous."""
    orders = {e[3]: e[2][0] for e in suspects if e[0] is _ARGSORT}
    if not orders:
        return suspects
    used = {
        e[2][i] for e in entries if e[0] is not _TAKE or e[2][0] is not orders.get(e[2][1]) for i in range(len(e[2]))
    }
    return [e for e in suspects if e[0] is not _ARGSORT or e[3] in used]


def _together(suspects: Iterable[Entry], lines: _Lines) -> list[list[Entry]]:
    """The entries by their lines; those that decide on the same values, at whatever line, are thrown together."""
    group_of: dict[Any, list[Entry]] = {}
    for e in suspects:
        inputs = tuple([id(x) if isinstance(x, Tensor) else x for x in e[2]])
        keys = (lines.place(e), ("inputs", inputs))
        group = group_of.get(keys[0]) or group_of.get(keys[1]) or []
        group.append(e)
        for key in keys:
            other = group_of.get(key)
            if other is not None and other is not group:
                group += other
                group_of.update({k: group for k, g in group_of.items() if g is other})
            group_of[key] = group
    return list({id(g): g for g in group_of.values()}.values())


def _slopes(
    entries: Sequence[Entry], targets: Sequence[Tensor], sources: Collection[Tensor]
) -> tuple[list[Entry], list[Tensor]]:
    """The record of the targets' derivatives along the sources, as one reads it off theirs."""
    with Window() as window:
        known = forward(list(entries), {x: ones(x) for x in sources})
    slopes = [dy for t in targets if isinstance(dy := known.get(t), Tensor)]
    return [*entries, *window.entries()], slopes


def _derived(group: Iterable[Entry]) -> int:
    """1 where no line of the user's jumps, but a rule: then it is a derivative already, be it inside a compiled one."""
    return int(all(is_own(e[4]) for e in group))


def _queries(entries: Iterable[Entry], targets: Sequence[Tensor]) -> int:
    """How many times what the targets were computed from was differentiated."""
    depth: dict[Tensor, int] = {}
    for row, params, inputs, output, _, _ in entries:
        if row is events.QUERY:
            asked = inputs[: params["targets"]]
            found = 1 + max([depth.get(x, 0) for x in asked], default=0)
        elif row.kind == "event":
            continue
        else:
            found = max([depth.get(x, 0) for x in inputs], default=0)
        if found:
            for o in output if type(output) is tuple else (output,):
                depth[o] = max(found, depth.get(o, 0))
    return max([depth.get(t, 0) for t in targets], default=0)


class _Lines:
    """The user's lines of entries; what a rule compared stands at the line of the operation that the rule is of."""

    def __init__(self, entries: Iterable[Entry]) -> None:
        self._readers: dict[Tensor, list[Entry]] = {}
        self._made: dict[Tensor, Entry] = {}
        for e in entries:
            if e[0].kind == "event":
                continue
            for o in e[3] if type(e[3]) is tuple else (e[3],):
                self._made.setdefault(o, e)
            if e[4] is not None and not is_own(e[4]):
                for x in e[2]:
                    if isinstance(x, Tensor):
                        self._readers.setdefault(x, []).append(e)

    def place(self, entry: Entry) -> tuple[Any, int]:
        """The code object and instruction."""
        if entry[4] is not None and not is_own(entry[4]):
            return entry[4:]
        tensors = [x for x in entry[2] if isinstance(x, Tensor)]
        read = [e for x in tensors for e in self._readers.get(x, ())]
        for e in [e for e in read if e[0] in _ANY] or read:
            return e[4:]
        waiting, seen = list(tensors), set(tensors)
        while waiting:  # who made it, or what it was made from
            maker = self._made.get(waiting.pop(0))
            if maker is not None:
                if maker[4] is not None and not is_own(maker[4]):
                    return maker[4:]
                fresh = [x for x in maker[2] if isinstance(x, Tensor) and x not in seen]
                seen.update(fresh)
                waiting += fresh
        return entry[4:]

    def site(self, entry: Entry) -> sites.Site | None:
        """The line, decoded; None where it is none of the user's."""
        code, lasti = self.place(entry)
        return None if code is None or is_own(code) else sites.decode(code, lasti)
