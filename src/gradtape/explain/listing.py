"""A stretch of the record as text: the Wengert list, one operation a line, and the tree below a value.

    x   Variable                       float64 (3,)
    %1 = sin(x)                        float64 (3,)   model.py:7
    %2 = sum(%1, axis=None)            float64 ()     model.py:7

Numbers are given in the order of the record, so the text of the same computation is the same text.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..record import events
from ..record.segment import Entry, Segment
from ..record.tensor import Tensor
from ..record.variable import Variable
from .places import called
from .reading import Reading, outputs_of, tensors_of
from .slopes import local_slopes

#: Longer and deeper trees are cut off.
MOST_LINES, DEEPEST = 60, 12


def text(segments: Sequence[Segment]) -> str:
    """The record as a list of operations: name, inputs, parameters, dtype and shape, source line."""
    reading = Reading(segments)
    names = Names(reading)
    rows: list[tuple[str, str, str]] = []
    for number, entry in enumerate(reading.entries):
        rows += [(f"{names[x]} = {names.origin(x)}", _kind(x), "") for x in tensors_of(entry) if names.first(x, number)]
        place = reading.place(number)
        outputs = outputs_of(entry)
        made = ", ".join(names[o] for o in outputs)
        call = _call(entry, names)
        rows.append(
            (f"{made} = {call}" if made else call, ", ".join(_kind(o) for o in outputs), place.name if place else "")
        )
    left = min(max((len(a) for a, _, _ in rows), default=0), 64)
    middle = max((len(b) for _, b, _ in rows), default=0)
    lines = [f"{a:<{left}}   {b:<{middle}}   {c}".rstrip() for a, b, c in rows]
    return "\n".join([*lines, summary(segments)])


def tree(segments: Sequence[Segment], target: Tensor | None = None) -> str:
    """What ``target`` (default: every value that nothing else used) was computed from, indented, with local slopes."""
    reading = Reading(segments)
    names = Names(reading)
    roots = [target] if target is not None else results(reading)
    rows: list[tuple[str, str, str]] = []
    seen: set[Tensor] = set()
    for root in roots:
        _branch(reading, names, root, "", "", None, rows, seen)
    cut = len(rows) - MOST_LINES
    rows = rows[:MOST_LINES]
    left = min(max((len(a) for a, _, _ in rows), default=0), 48)
    middle = max((len(b) for _, b, _ in rows), default=0)
    lines = [f"{a:<{left}}   {b:<{middle}}   {c}".rstrip() for a, b, c in rows]
    if cut > 0:
        lines.append(f"... and {cut} more lines")
    return "\n".join([*lines, summary(segments)])


def summary(segments: Sequence[Segment]) -> str:
    """``3 operations, 72 bytes kept, 1 variable``."""
    entries = [e for s in segments for e in s if e[0].kind != "event"]
    values = {x: x.nbytes for e in entries for x in (*tensors_of(e), *outputs_of(e))}
    variables = {v for s in segments for v, _ in s.touched}
    counts = [(len(entries), "operation"), (sum(values.values()), "byte"), (len(variables), "variable")]
    one, two, three = (f"{n:,} {what}" + ("" if n == 1 else "s") for n, what in counts)
    return f"{one}, {two} kept, {three}"


def results(reading: Reading) -> list[Tensor]:
    """The values that the record computed and did not use again."""
    return [
        o for e in reading.entries if e[0].kind != "event" for o in outputs_of(e) if o not in reading.used
    ]  # fmt: skip


class Names:
    """What the values of a record are called in its text: ``%3``, the names of Variables, ``c1`` for constants."""

    def __init__(self, reading: Reading) -> None:
        self.reading = reading
        self._names: dict[Tensor, str] = {}
        self._first: dict[Tensor, int] = {}
        counts = {"%": 0, "v": 0, "c": 0}
        taken: set[str] = set()
        values: dict[Variable, int] = {}
        for number, entry in enumerate(reading.entries):
            for x in tensors_of(entry):
                if x in self._names:
                    continue
                variable = reading.variables.get(x)
                letter = "v" if variable is not None else "c"
                counts[letter] += 1
                label = (variable.name or "") if variable is not None else ""
                label = label or f"{letter}{counts[letter]}"
                if variable is not None:
                    values[variable] = values.get(variable, 0) + 1
                while label in taken:
                    label += "'"
                taken.add(label)
                self._names[x] = label
                self._first[x] = number
            if entry[0] is not events.QUERY:
                for o in outputs_of(entry):
                    counts["%"] += 1
                    self._names[o] = f"%{counts['%']}"

    def __getitem__(self, x: Tensor) -> str:
        return self._names.get(x, "?")

    def first(self, x: Tensor, number: int) -> bool:
        """Whether the entry is the first one to use ``x``, which nothing on the record computed."""
        return self._first.get(x) == number

    def origin(self, x: Tensor) -> str:
        """What a value is that nothing on the record computed."""
        return "Variable" if x in self.reading.variables else f"constant {x.data}" if x.size == 1 else "constant"


def _call(entry: Entry, names: Names) -> str:
    row, params, inputs = entry[0], entry[1] or {}, entry[2]
    if row is events.QUERY:
        n = params["targets"]
        return f"gradient of {', '.join(names[x] for x in inputs[:n])} by {', '.join(names[x] for x in inputs[n:])}"
    if row is events.ASSIGN:
        variable = params["variable"]
        return f"assign {names[inputs[0]]} to Variable" + (f" {variable.name!r}" if variable.name else "")
    arguments = [names[x] if isinstance(x, Tensor) else repr(x) for x in inputs]
    return f"{row.name}({', '.join([*arguments, *(f'{k}={_short(v)}' for k, v in params.items())])})"


def _short(value: Any) -> str:
    if isinstance(value, np.ndarray) and value.size > 4:
        return f"<{value.dtype} {value.shape}>"
    shown = repr(value)
    return shown if len(shown) <= 40 else shown[:37] + "..."


def _kind(x: Tensor) -> str:
    return f"{x.dtype} {x.shape}"


def _branch(
    reading: Reading,
    names: Names,
    x: Tensor,
    head: str,
    below: str,
    slope: Any,
    rows: list[tuple[str, str, str]],
    seen: set[Tensor],
) -> None:
    """The line of ``x``, and the branches of what it was computed from."""
    shown = f"   slope {number(slope)}" if slope is not None and np.size(slope) <= 4 else ""
    made = reading.made.get(x)
    if made is None:
        rows.append((head + names[x], f"{names.origin(x)}", (str(x.shape) + shown).strip()))
        return
    entry = reading.entries[made]
    place = reading.place(made)
    name = called(*entry[4:])
    value = number(x.data) if x.size == 1 else str(x.shape)
    again = x in seen
    label = f"{name} = {value}" if name else f"{names[x]} = {value}"
    rows.append((head + label, place.name if place else "", entry[0].name + shown + ("   (as above)" if again else "")))
    if again or len(rows) > 4 * MOST_LINES:
        return
    if len(below) > 2 * DEEPEST:
        rows.append((below + "└ ...", "", ""))
        return
    seen.add(x)
    slopes = local_slopes(entry)
    inputs = list(dict.fromkeys(tensors_of(entry)))
    for i, y in enumerate(inputs):
        last = i == len(inputs) - 1
        _branch(
            reading,
            names,
            y,
            below + ("└ " if last else "├ "),
            below + ("  " if last else "│ "),
            slopes.get(y),
            rows,
            seen,
        )


def number(value: Any) -> str:
    """A value of a few elements in four digits."""
    array = np.asarray(value)
    if array.ndim == 0:
        return f"{array[()]:.4g}"
    return np.array2string(array, precision=4, separator=" ", floatmode="maxprec", threshold=8).replace("\n", "")
