"""What compiled functions and loops on a record hold: whether certain rows are there, and their entries laid open."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from ..primitives.shapes import identity
from ..record.segment import Entry, Window

_IDENTITY: Any = identity.primitive  # type: ignore[attr-defined]

#: No more entries than this are unrolled.
LONGEST = 20_000


def holds(stretches: Sequence[Sequence[Entry]], looked_for: frozenset[Any]) -> bool:
    """Whether one of these rows is on the record, or in the programs of compiled functions and loops there."""
    for row in {e[0] for s in stretches for e in s}:
        if row in looked_for:
            return True
        if row.kind != "composite" or (row.program is None and row.name != "scan"):
            continue
        programs = {_program(e[0], e[1])[0] for s in stretches for e in s if e[0] is row}
        if any(_inside(program, looked_for) for program in programs):
            return True
    return False


def _inside(program: Any, looked_for: frozenset[Any]) -> bool:
    for step in program.steps:
        if step.row in looked_for:
            return True
        inner, _ = _program(step.row, step.params)
        if inner is not None and _inside(inner, looked_for):
            return True
    return False


def _program(row: Any, params: Any) -> tuple[Any, int]:
    """The program that a compiled function or a loop carries out, and how many times; (None, 0) for other rows."""
    if row.kind != "composite":
        return None, 0
    if row.name == "scan":
        return params["body"].program, params["length"]
    return row.program, 1


def expanded(entries: Iterable[Entry], looked_for: frozenset[Any]) -> list[Entry]:
    """The entries, with those of compiled functions and loops that hold such rows in place of their one entry."""
    found: list[Entry] = []
    for e in entries:
        row, params, inputs, output, code, lasti = e
        program, length = _program(row, params)
        if program is None or not _inside(program, looked_for) or len(program) * length + len(found) > LONGEST:
            found.append(e)
            continue
        with Window() as window:
            made = row.body(*inputs, **(params or {}))
        inner = [(*i[:4], code, lasti) if i[4] is None else i for i in window.entries()]
        found += expanded(inner, looked_for)
        pairs = zip(made, output, strict=True) if type(output) is tuple else ((made, output),)
        found += [(_IDENTITY, None, (m,), o, code, lasti) for m, o in pairs]
    return found
