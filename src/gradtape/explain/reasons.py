"""Why a gradient is None, zero or not finite: the reason is read off the record, and told in words.

>>> import gradtape as gt
>>> from gradtape.explain.reasons import explain
>>> x, w = gt.Variable(2.0, name="x"), gt.Variable(3.0, name="w")
>>> with gt.GradientTape() as tape:
...     y = x.numpy() * w
>>> explain(tape._window.segments, [y], x, "source").code
'GT-None-1'
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ..errors import message
from ..record.segment import Segment
from ..record.tensor import Tensor
from ..sweeps.connection import connected
from .places import question
from .reading import Reading
from .slopes import finding
from .unconnected import FINDERS, IF_ZERO, Case


@dataclass(frozen=True, slots=True, repr=False)
class Explanation:
    """An answer in words: ``code`` is stable and can be looked up or tested, ``text`` is for reading."""

    code: str
    text: str

    def __repr__(self) -> str:
        return self.text

    def _repr_pretty_(self, printer: Any, cycle: bool) -> None:
        printer.text(self.text)


def why_none(
    segments: Sequence[Segment],
    targets: list[Tensor],
    source: Any,
    path: str,
    *,
    watched: bool,
    open_now: bool,
    place: str = "",
    answer: str = "None",
) -> str:
    """The text of an UnconnectedGradientWarning.

    ``place``: where in the target the one is that it is about; ``answer``: what the gradient was taken to be.
    """
    return _unconnected(
        segments, targets, source, path, watched=watched, open_now=open_now, place=place, answer=answer
    ).text


def explain(
    segments: Sequence[Segment],
    targets: list[Tensor],
    source: Any,
    path: str,
    *,
    watched: bool = True,
    open_now: bool = False,
) -> Explanation:
    """What there is to say about the gradient of ``targets`` with respect to one source (a Tensor or Variable).

    No path: why (codes ``GT-None-...``).  A gradient of zero: which operation made it zero (``GT-Zero-...``).
    Not finite: where that began (``GT-NaN-...``).  Otherwise how the target depends on the source (``GT-Path``).
    """
    reading = Reading(segments)
    sources = reading.values_of(source)
    if not watched or not connected(segments, targets, sources):
        return _unconnected(segments, targets, source, path, watched=watched, open_now=open_now)
    asked = question()
    t, s = asked.called(targets, source, path)
    code, headline, findings, remedy = finding(reading, targets, sources, t, s)
    where = str(asked.place) if asked.place else None
    return Explanation(code, message(f"{headline} [{code}]", findings, where, remedy or None))


def _unconnected(
    segments: Sequence[Segment],
    targets: list[Tensor],
    source: Any,
    path: str,
    *,
    watched: bool,
    open_now: bool,
    place: str = "",
    answer: str = "None",
) -> Explanation:
    asked = question()
    t, s = asked.called(targets, source, path)
    t += place
    name = getattr(source, "name", None)
    case = Case(Reading(segments), targets, source, t, s, asked.names, watched=watched, open_now=open_now)
    for finder in FINDERS:
        reason = finder(case)
        if reason is not None:
            break
    else:  # the last finder always answers
        raise AssertionError
    code, headline, findings, remedy = reason
    called = f"{s} (Variable {name!r})" if name and name not in s else s
    asked_text = f"the gradient of {t} with respect to {called} is {answer}: {headline} [{code}]"
    remedy = remedy if answer == "None" else remedy.replace(IF_ZERO, "").strip()
    return Explanation(code, message(asked_text, findings, str(asked.place) if asked.place else None, remedy))
