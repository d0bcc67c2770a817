"""Formulas that are right only in company, for every sweep: norm(x)**2 is smooth at 0 where norm(x) is not.

A row's peepholes look at the entries that made an entry's inputs; where one knows the whole it names a body that has
the same derivative and is right everywhere.  The value on the record stays what it was.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from typing import Any

from ..primitives.shapes import identity
from ..record.segment import Segment, Window
from ..record.tensor import Tensor

_NONE: dict[str, Any] = {}


def reachable(
    segments: Sequence[Segment], sources: set[Tensor], company: dict[Tensor, Any] | None = None
) -> set[Tensor]:
    """The Tensors that depend differentiably on ``sources``, the sources included.

    ``company`` collects those that were made by a row that peepholes look for, with the row.
    """
    active = set(sources)
    for segment in segments:
        for row, _, inputs, output, _, _ in segment:
            if row.carries:
                for x in inputs:
                    if x in active:
                        if type(output) is tuple:
                            active.update(output)
                        else:
                            active.add(output)
                            if row.seen and company is not None:
                                company[output] = row
                        break
    return active


def meets(row: Any, inputs: Any, company: dict[Any, Any]) -> bool:
    """Whether one of ``inputs`` was made by a row that the peepholes of ``row`` look for."""
    for x in inputs:  # noqa: SIM110  (a generator would cost more than the answer)
        if company.get(x) in row.makers:
            return True
    return False


def seen_through(
    row: Any, params: Any, inputs: Any, made: Callable[[Any], Any], barred: Collection[Any]
) -> tuple[Callable[..., Any], tuple[Any, ...]] | None:
    """``(body, arguments)`` of a peephole that answers for an entry together with those that made its inputs.

    ``made(x)``: the row, parameters and inputs that ``x`` was made by, or None.  Values that are ``barred``, those that
    derivatives are asked for, may be among the arguments, but the body may not pass them by.
    """
    looked: list[Any] = []

    def looking(x: Any) -> Any:
        entry = made(x)
        if entry is None:
            return None
        looked.append(x)
        return entry[0], entry[1] or _NONE, entry[2]

    for peephole in row.peepholes:
        looked.clear()
        match = peephole(inputs, params, looking)
        if match is not None and not any(x in barred and not any(x is a for a in match[1]) for x in looked):
            return match
    return None


def carried_out(body: Callable[..., Any], arguments: tuple[Any, ...]) -> tuple[Window, Any, dict[Tensor, Tensor]]:
    """What ``body`` does, under fresh identities: the window that saw it, its output, and fresh -> argument."""
    fresh = [identity(x) if isinstance(x, Tensor) else x for x in arguments]
    with Window() as window:
        output = body(*fresh)
    return window, output, {f: x for f, x in zip(fresh, arguments, strict=True) if isinstance(x, Tensor)}
