"""Which engine runs a program, and why."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from ..engines import numpy as by_numpy
from ..errors import GradtapeError, message
from ..program.program import Program, disagreement

Run = Callable[[Sequence[Any]], list[Any]]


def chosen(program: Program, engine: str) -> tuple[str, str, Run]:
    """The engine, the reason, and the program as a callable of raw arrays; GuardError where a guard disagrees."""
    if engine not in ("auto", "numpy"):
        raise GradtapeError(
            message(f"function: there is no engine {engine!r}", remedy="Use engine='numpy' or engine='auto'.")
        )
    why = "asked for" if engine == "numpy" else "the one that is always there"
    return "numpy", why, _Lazy(program)


class _Lazy:
    """The program as the engine runs it, printed and compiled when it is called first: many paths never are again."""

    __slots__ = ("program", "run")

    def __init__(self, program: Program) -> None:
        self.program = program
        self.run: Run | None = None

    def __call__(self, arrays: Sequence[Any]) -> list[Any]:
        run = self.run
        if run is None:
            run = self.run = by_numpy.compile(self.program)
        try:
            return run(arrays)
        except by_numpy.OtherPath as other:
            raise disagreement(self.program.name, self.program.guards[other.index][1], other.seen) from None
