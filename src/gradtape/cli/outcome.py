"""What a seed program did, in short."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from .programs import Program


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a program did: what it printed, its warnings, the last line of its error, and what is wrong with that."""

    program: Program
    printed: str
    warnings: list[str]
    error: str
    wrong: list[str]

    @property
    def shown(self) -> str:
        """What it printed, in short: the numbers, or how it ended."""
        if self.program.reason and any(self.program.reason in w for w in self.warnings):
            return "None, and why"
        if self.error:
            return self.error.partition(":")[0]
        values = numbers(self.printed, self.program.only)
        return as_list(values) if len(values) <= 6 else f"{len(values)} numbers"


def as_list(values: Sequence[float]) -> str:
    """Numbers as the table shows them."""
    texts = [f"{v:.7g}" for v in values]
    return ", ".join(t if set(t) & set(".en") else f"{t}.0" for t in texts) or "nothing"


def numbers(printed: str, only: tuple[str, ...] = ()) -> list[float]:
    """The numbers that a program printed: those after the label of each line, shapes and dtypes aside."""
    found: list[float] = []
    taking = True
    for line in printed.split("\n"):
        if only and re.match(r"[A-Za-z]", line):
            taking = line.startswith(only)
        if not taking:
            continue
        text = re.sub(r"shape=\([^)]*\)|dtype=[\w.']+|<[^>]*>", "", line.rpartition(":")[2])
        found += [float(n) for n in re.findall(r"(?<![\w.])-?\d+\.?\d*(?:[eE][-+]?\d+)?", text)]
    return found
