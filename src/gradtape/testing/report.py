"""What ``check_derivatives`` hands back: a line for each law."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import dataclass, field

HEADS = ["law", "holds", "off by", "what was seen"]


@dataclass(frozen=True)
class Result:
    """One law: ``status`` is "holds", "broken" or "not tried"; ``worst`` the largest relative difference seen."""

    law: str
    status: str
    worst: float | None = None
    detail: str = ""

    @property
    def cells(self) -> list[str]:
        """The line of the table."""
        said = {"holds": "yes", "broken": "NO", "not tried": "-"}[self.status]
        return [self.law, said, "" if self.worst is None else f"{self.worst:.1e}", self.detail]


@dataclass
class Report:
    """The laws that were tried on one function, in order; ``print(report)`` shows them as a table.

    ``ok`` says whether all held; ``report["taylor"]`` is one Result, ``orders`` the observed orders of the remainders
    of Taylor's theorem (2 for the value and the first derivative, 3 with the second, ...).
    """

    name: str
    point: str
    results: list[Result] = field(default_factory=list[Result])
    orders: list[float] = field(default_factory=list[float])

    @property
    def ok(self) -> bool:
        """Whether every law that was tried holds."""
        return all(r.status != "broken" for r in self.results)

    def __getitem__(self, law: str) -> Result:
        for r in self.results:
            if r.law == law:
                return r
        raise KeyError(law)

    def __iter__(self) -> Iterator[Result]:
        return iter(self.results)

    def __str__(self) -> str:
        rows = [r.cells for r in self.results]
        widths = [max(len(r[i]) for r in [HEADS, *rows]) for i in range(len(HEADS))]
        lines = [f"derivatives of {self.name} at {self.point}"]
        lines += ["  ".join(c.ljust(w) for c, w in zip(r, widths, strict=True)).rstrip() for r in [HEADS, *rows]]
        return "\n".join(lines)

    def show(self) -> None:
        """Print it: with colour where a terminal and the package rich are there."""
        if sys.stdout.isatty():
            try:
                from rich.console import Console
                from rich.table import Table
            except ImportError:
                pass
            else:
                table = Table(title=f"derivatives of {self.name} at {self.point}", title_justify="left")
                for head in HEADS:
                    table.add_column(head)
                for r in self.results:
                    style = {"holds": None, "broken": "bold red", "not tried": "dim"}[r.status]
                    table.add_row(*r.cells, style=style)
                Console().print(table)
                return
        print(self)
