"""A stretch of the record taken apart, and put together again with fewer values.

What somebody still refers to when the stretch is let go stays: it may be used, and derivatives may be asked for it.
All else can be asked for by nobody; it is computed again when a sweep needs it (again.py).  So a value that somebody
holds and that was used ends a block: what was made of it is the next one's.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from typing import Any
from weakref import ref

import numpy as np

from ..primitives.shapes import astype, identity
from ..program.program import Guard, Program, Step, Value
from ..record import events
from ..record.segment import Entry
from ..record.tensor import Tensor
from ..rules.primitive import registry
from ..sweeps.company import seen_through
from .again import Again, again_row

_RENAMING = (identity.primitive, astype.primitive)  # type: ignore[attr-defined]


class Item:
    """An entry with places instead of Tensors, which do not keep them alive."""

    __slots__ = ("code", "inputs", "lasti", "output", "params", "row")

    def __init__(self, row: Any, params: Any, inputs: tuple[Any, ...], output: Any, code: Any, lasti: int) -> None:
        self.row = row
        self.params = params
        self.inputs = inputs
        #: A Value, a tuple of them, or None.
        self.output = output
        self.code = code
        self.lasti = lasti

    @property
    def outputs(self) -> tuple[Value, ...]:
        """What it made."""
        return self.output if type(self.output) is tuple else () if self.output is None else (self.output,)

    @property
    def computes(self) -> bool:
        """Whether it is an operation, not an event."""
        return self.row.kind != "event"


class Stretch:
    """Entries, taken apart; the list of them is emptied.

    ``sources``: whether a Tensor is the value of a Variable; ``met``: the row of the earlier entry that made it, if
    that stayed as it was.
    """

    def __init__(self, entries: list[Entry], sources: Callable[[Tensor], bool], met: Callable[[Tensor], Any]) -> None:
        self._places: dict[int, Value] = {}
        #: What was made elsewhere, by place; what was made here, by weak reference, and its array.
        self._free: dict[Value, Tensor] = {}
        self._made: dict[Value, ref[Tensor]] = {}
        self._data: dict[Value, Any] = {}
        #: Values that stand for a Variable and that no operation made.
        self._sources: set[Value] = set()
        #: Entries whose derivatives are formulas that are right in company only: the numbers of each and its makers.
        self._company = _company(entries)
        self.items = [self._item(e, sources) for e in entries]
        entries.clear()
        self._met = {v: row for v, x in self._free.items() if (row := met(x)) is not None}
        #: What somebody refers to.
        self.held = {v: x for v, r in self._made.items() if (x := r()) is not None}

    def _item(self, entry: Entry, sources: Callable[[Tensor], bool]) -> Item:
        row, params, inputs, output, code, lasti = entry
        taken = tuple([self._place(x) if isinstance(x, Tensor) else x for x in inputs])
        if row is events.ASSIGN:
            params = {**params, "before": self._place(params["before"])}
        if row is events.QUERY or output is None:
            made: Any = tuple([self._place(y) for y in output or ()]) if output is not None else None
        else:
            outputs = output if type(output) is tuple else (output,)
            places = tuple([self._new(y) for y in outputs])
            made = places if type(output) is tuple else places[0]
            if row in _RENAMING and sources(outputs[0]):
                self._sources.add(places[0])
        return Item(row, params, taken, made, code, lasti)

    def _new(self, x: Tensor) -> Value:
        place = self._places[id(x)] = Value.like(x.data)
        self._made[place] = ref(x)
        self._data[place] = x.data
        return place

    def _place(self, x: Tensor) -> Value:
        place = self._places.get(id(x))
        if place is None:
            place = self._places[id(x)] = Value.like(x.data)
            self._free[place] = x
        return place

    def tensor(self, place: Value) -> Tensor:
        """The Tensor of a place: itself if somebody holds it, else another one of the same value."""
        if place in self._free:
            return self._free[place]
        if place not in self.held:
            self.held[place] = Tensor(self._data[place])
        return self.held[place]

    def entry(self, item: Item) -> Entry:
        """The entry as it was."""
        inputs = tuple([self.tensor(x) if type(x) is Value else x for x in item.inputs])
        params = item.params
        if item.row is events.ASSIGN:
            params = {**params, "before": self.tensor(params["before"])}
        output: Any = item.output
        if output is not None:
            output = tuple([self.tensor(o) for o in output]) if type(output) is tuple else self.tensor(output)
        return item.row, params, inputs, output, item.code, item.lasti

    # -- where to cut -------------------------------------------------------------------------------------
    def narrowest(self, first: int, last: int, weight: Callable[[Value], int]) -> int:
        """The place between ``first`` and ``last`` that the least memory crosses; the latest of those."""
        if last <= first:
            return last
        made = {o: i for i, item in enumerate(self.items) if item.computes for o in item.outputs}
        until = {o: len(self.items) for o in self.held}
        for i, item in enumerate(self.items):
            until.update((x, max(i, until.get(x, 0))) for x in item.inputs if type(x) is Value and x in made)
        change = np.zeros(len(self.items) + 2, np.int64)
        for o, j in until.items():
            if o in made:
                change[made[o] + 1] += weight(o)
                change[j + 1] -= weight(o)
        crossing = np.cumsum(change)[first : last + 1]
        return last - int(np.argmin(crossing[::-1]))

    # -- putting together -----------------------------------------------------------------------------------
    def folded(self, count: int) -> list[Entry]:
        """The first ``count`` items as few entries, which keep what is held and what the items behind them need."""
        plain = self._plain(count)
        groups = self._groups(count, plain)
        while True:  # a formula in company must lie in one group, or on the record itself
            number = {i: k for k, group in enumerate(groups) for i in group}
            apart = {
                i
                for company in self._company
                if len({number.get(i) for i in company}) > 1
                for i in company
                if i < count and i not in plain
            }
            if not apart:
                break
            plain |= apart
            groups = self._groups(count, plain)
        later: set[Any] = {x for item in self.items[count:] for x in (*item.inputs, *item.outputs)}
        later |= set(self.held)
        found: list[Entry] = []
        for group in reversed(groups):
            items = [self.items[i] for i in group]
            if group and group[0] in plain:
                made = [self.entry(items[0])]
                later.update(x for x in items[0].inputs if type(x) is Value)
            else:
                made = self._block(items, later)
            found += reversed(made)
        return found[::-1]

    def _groups(self, count: int, plain: set[int]) -> list[list[int]]:
        """The numbers of the items, those of a block together."""
        groups: list[list[int]] = [[]]
        border: set[Any] = set()  # what was made in the last group and is held
        for i, item in enumerate(self.items[:count]):
            if i in plain:
                groups += [[i], []]
                border = set()
                continue
            if item.computes and any(x in border for x in item.inputs if type(x) is Value):
                groups.append([])
                border = set()
            groups[-1].append(i)
            if item.computes:
                border.update(o for o in item.outputs if o in self.held and o.dtype.kind in "fc")
        return groups

    def _plain(self, count: int) -> set[int]:
        """The items that stay as they are: what sweeps look for on the record itself, as long as it is held."""
        beyond = {x for item in self.items[count:] for x in item.inputs} | set(self.held)
        seen = {
            o: item.row for item in self.items if item.row in _risky() for o in item.outputs if o in beyond
        } | self._met
        found: set[int] = set()
        for i, item in enumerate(self.items[:count]):
            if item.row is events.QUERY:
                keep = any(o in self.held for o in item.outputs)
            elif not item.computes:
                keep = False
            else:
                keep = bool(item.row.stands_for) or any(o in seen for o in item.outputs)
                if item.row.peepholes:
                    keep = keep or any(x in seen and _looks_for(item.row, seen[x]) for x in item.inputs)
                keep = keep or any(o in self._sources and o in self.held for o in item.outputs)
            if keep:
                found.add(i)
        return found

    def _block(self, group: Sequence[Item], later: set[Any]) -> list[Entry]:
        """One entry for all of a group that is needed later; the entries themselves where nothing would be dropped."""
        group = self._needed(group, later)
        made = [o for item in group if item.computes for o in item.outputs]
        kept = [o for o in made if o in later]
        if not kept:
            return []
        later.update(x for item in group for x in item.inputs if type(x) is Value)
        if len(made) == len(kept):
            return [self.entry(item) for item in group]
        inside = set(made)
        inputs = list(dict.fromkeys(x for item in group for x in item.inputs if type(x) is Value and x not in inside))
        steps: list[Step] = []
        guards: list[tuple[int, Guard]] = []
        for item in group:
            if item.computes:
                several = type(item.output) is tuple
                steps.append(Step(item.row, item.params, item.inputs, item.outputs, several, item.code, item.lasti))
            else:
                guards.append((len(steps), self._guard(item)))
        program = Program(inputs, steps, kept, guards=guards, name="stretch")
        taken = tuple([self.tensor(x) for x in inputs])
        outputs = tuple([self.tensor(o) for o in kept])
        last = group[-1]
        return [(again_row, {"again": Again(program)}, taken, outputs, last.code, last.lasti)]

    def _needed(self, group: Sequence[Item], later: set[Any]) -> list[Item]:
        """The operations that what is needed later comes from, and what Python saw of their values."""
        needed = set(later)
        found: list[Item] = []
        for item in reversed(group):
            if item.computes and any(o in needed for o in item.outputs):
                needed.update(x for x in item.inputs if type(x) is Value)
                found.append(item)
        chosen = {id(item) for item in found}
        made = {o for item in found for o in item.outputs}
        asked = (events.GUARD, events.ESCAPE)
        return [i for i in group if id(i) in chosen or (i.row in asked and i.inputs[0] in made)]

    def _guard(self, item: Item) -> Guard:
        place = item.inputs[0]
        if item.row is events.GUARD:
            return Guard(place, item.params["value"], "it asked for a value", item.code, item.lasti)
        how = f"a value left the record: {item.params.get('how', '')}"
        return Guard(place, self._data[place], how, item.code, item.lasti)


@cache
def _risky() -> frozenset[Any]:
    """The rows whose values may be used much later in a formula that is right in their company only.

    Sums and products, too, look for others; what they look for stands next to them.
    """
    near = {"conj", "matrix_transpose", "transpose"}
    asking = [row for row in registry.values() if row.peepholes and row.name not in ("sum", "mean", "power")]
    return frozenset([maker for row in asking for maker in row.makers if maker.name not in near])


def _looks_for(row: Any, maker: Any) -> bool:
    return not row.makers or maker in row.makers


def _company(entries: Sequence[Entry]) -> list[tuple[int, ...]]:
    """The numbers of the entries that a peephole answers for together."""
    makers: dict[Any, int] = {}
    found: list[tuple[int, ...]] = []
    looked: set[int] = set()

    def made(x: Any) -> Any:
        i = makers.get(x) if isinstance(x, Tensor) else None
        if i is None:
            return None
        looked.add(i)
        return entries[i][:3]

    for i, (row, params, inputs, output, _, _) in enumerate(entries):
        if row.kind == "event":
            continue
        if row.peepholes and (
            not row.makers or any(x in makers and entries[makers[x]][0] in row.makers for x in inputs)
        ):
            looked.clear()
            if seen_through(row, params, inputs, made, ()) is not None:
                found.append((*sorted(looked), i))
        makers.update((o, i) for o in (output if type(output) is tuple else (output,)))
    return found
