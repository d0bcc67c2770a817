"""A stretch of the record, laid out for reading: what made what, what was used where, and at which line."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from ..record import events
from ..record.segment import Entry, Segment, in_order
from ..record.tensor import Tensor
from ..record.variable import Variable
from .places import Place, is_own, place_of


def outputs_of(entry: Entry) -> tuple[Any, ...]:
    """The outputs of an entry, always as a tuple."""
    output = entry[3]
    return output if type(output) is tuple else () if output is None else (output,)


def tensors_of(entry: Entry) -> list[Tensor]:
    """The Tensors among the inputs of an entry."""
    return [x for x in entry[2] if isinstance(x, Tensor)]


def carries(entry: Entry) -> bool:
    """Whether the outputs of an entry count as connected to its inputs."""
    if entry[0] is events.QUERY:
        return True
    return entry[0].carries and all(o.dtype.kind in "fc" for o in outputs_of(entry))


class Reading:
    """The entries of some segments in one list, and tables to look things up in."""

    def __init__(self, segments: Sequence[Segment]) -> None:
        self.segments = segments = in_order(segments)
        self.entries: list[Entry] = [entry for segment in segments for entry in segment]
        #: The Variable that a Tensor was the value of.
        self.variables: dict[Tensor, Variable] = {}
        self.touched: dict[Variable, list[Tensor]] = {}
        for segment in segments:
            for variable, value in segment.touched:
                self.variables.setdefault(value, variable)
                values = self.touched.setdefault(variable, [])
                if all(v is not value for v in values):
                    values.append(value)
        #: The number of the entry that computed a Tensor, and of the first one that used it.
        self.made: dict[Tensor, int] = {}
        self.used: dict[Tensor, int] = {}
        self.queries: list[int] = []
        for number, entry in enumerate(self.entries):
            if entry[0] is events.QUERY:
                self.queries.append(number)
            if entry[0].kind != "event":
                for x in tensors_of(entry):
                    self.used.setdefault(x, number)
            for x in outputs_of(entry):
                self.made.setdefault(x, number)

    def place(self, number: int) -> Place | None:
        """The user's line of an entry; that of the question it helps to answer, where gradtape itself made it."""
        code, lasti = self.entries[number][4:]
        if is_own(code):
            later = next((q for q in self.queries if q > number), None)
            if later is None:
                return None
            code, lasti = self.entries[later][4:]
        return None if code is None or is_own(code) else place_of(code, lasti)

    def values_of(self, leaf: Tensor | Variable) -> list[Tensor]:
        """The Tensors that stand for a source: itself, or every value of a Variable that nothing computed."""
        if isinstance(leaf, Tensor):
            return [leaf]
        values = self.touched.get(leaf, [])
        plain = [v for v in values if v not in self.made]
        return plain or values[:1] or [leaf.current]

    def reached(self, sources: Iterable[Tensor], *, carried: bool = True) -> set[Tensor]:
        """What was computed from ``sources``; with ``carried=False`` also through cuts and integers."""
        found = set(sources)
        for entry in self.entries:
            if (not carried or carries(entry)) and any(x in found for x in tensors_of(entry)):
                found.update(outputs_of(entry))
        return found

    def ancestors(self, targets: Iterable[Tensor]) -> set[Tensor]:
        """Everything that ``targets`` were computed from, themselves included, cuts and integers included."""
        found = set(targets)
        for entry in reversed(self.entries):
            if any(o in found for o in outputs_of(entry)):
                found.update(tensors_of(entry))
        return found

    def between(self, targets: Iterable[Tensor], sources: Iterable[Tensor]) -> list[int]:
        """The numbers of the entries on a path from ``sources`` to ``targets``."""
        reached, needed = self.reached(sources), self.ancestors(targets)
        return [
            n
            for n, e in enumerate(self.entries)
            if carries(e) and any(o in needed for o in outputs_of(e)) and any(x in reached for x in tensors_of(e))
        ]

    def roots(self, needed: set[Tensor]) -> list[tuple[Tensor, int]]:
        """The Tensors of ``needed`` that nothing on the record computed, with the entry that first used each."""
        return [(x, n) for x, n in self.used.items() if x in needed and x not in self.made]

    def describe(self, x: Tensor, names: dict[int, str]) -> str:
        """What the user calls it; else a Variable by its name, anything else by shape, dtype and first use."""
        variable = self.variables.get(x)
        name = names.get(id(x)) or names.get(id(variable))
        if name:
            return name
        number = self.used.get(x)
        place = self.place(number) if number is not None else None
        where = f", first used at {place.name}" if place else ""
        if variable is not None:
            return f"Variable {variable.name!r}" if variable.name else f"a Variable of shape {variable.shape}{where}"
        return (f"the number {x.data}" if x.size == 1 else f"an array of shape {x.shape}, {x.dtype}") + where
