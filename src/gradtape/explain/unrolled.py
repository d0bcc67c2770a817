"""What compiled functions and loops on a record hold: whether certain rows are there, and their entries laid open."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from ..primitives.shapes import identity
from ..program.program import Program
from ..record.segment import Entry, Window

_IDENTITY: Any = identity.primitive  # type: ignore[attr-defined]

#: No more entries than this are unrolled, and none whose values take more bytes than this.
LONGEST = 20_000
MOST_BYTES = 1 << 26


def holds(stretches: Sequence[Sequence[Entry]], looked_for: frozenset[Any]) -> bool:
    """Whether one of these rows is on the record, or in the programs of compiled functions and loops there."""
    for row in {e[0] for s in stretches for e in s}:
        if row in looked_for:
            return True
        if row.kind == "composite" and any(
            _inside(e[0], e[1], looked_for) for s in stretches for e in s if e[0] is row
        ):
            return True
    return False


def _inside(row: Any, params: Any, looked_for: frozenset[Any]) -> bool:
    """Whether what the entry carries out holds one of these rows."""
    return any(
        step.row in looked_for or _inside(step.row, step.params, looked_for)
        for program in programs(row, params)
        for step in program.steps
    )


def programs(row: Any, params: dict[str, Any] | None) -> list[Program]:
    """What compiled functions, loops, branches and checkpoints carry out; none for other rows."""
    if row.kind != "composite":
        return []
    if row.program is not None:
        return [row.program]
    if row.body is None:  # a rule of the user's: its program is that of the derivative
        return []
    found: list[Program] = []
    for value in (params or {}).values():
        for part in value if isinstance(value, tuple) else (value,):
            holders = [part, *[p.block for p in getattr(part, "passes", ())]]
            found += [h.program for h in holders if isinstance(getattr(h, "program", None), Program)]
    return found


def expanded(entries: Iterable[Entry], looked_for: frozenset[Any]) -> list[Entry]:
    """The entries, with those of compiled functions and loops that hold such rows in place of their one entry."""
    found: list[Entry] = []
    for e in entries:
        row, params, inputs, output, code, lasti = e
        length = sum(len(p) for p in programs(row, params)) * (params or {}).get("length", 1)
        dropped = getattr((params or {}).get("again"), "dropped", 0)  # a checkpoint was made to save memory
        too_much = length + len(found) > LONGEST or dropped > MOST_BYTES
        if not length or too_much or not _inside(row, params, looked_for):
            found.append(e)
            continue
        with Window() as window:
            made = row.body(*inputs, **(params or {}))
        inner = [(*i[:4], code, lasti) if i[4] is None else i for i in window.entries()]
        found += expanded(inner, looked_for)
        pairs = zip(made, output, strict=True) if type(output) is tuple else ((made, output),)
        found += [(_IDENTITY, None, (m,), o, code, lasti) for m, o in pairs]
    return found
