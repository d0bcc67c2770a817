"""The question of missed.py, for those who differentiate: nothing of it is loaded before the first draw is made."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from functools import cache
from typing import Any

from ..record import draws
from ..record.segment import Entry, Segment
from ..record.tensor import Tensor

__all__ = ["check", "check_entries"]


def check(
    segments: Iterable[Segment],
    targets: Sequence[Tensor],
    sources: Collection[Tensor],
    order: int = 1,
    strict: bool = False,
) -> None:
    """Warn, or raise where ``strict``, if the derivative of that order, path by path, misses what a jump gives."""
    if draws.seen():
        _missed().look(list(segments), targets, sources, order, strict)


def check_entries(
    entries: Sequence[Entry], targets: Sequence[Tensor], sources: Collection[Tensor], state: Collection[Tensor]
) -> None:
    """The same for a first derivative of what ``entries`` did; ``state``: values of Variables."""
    if draws.seen():
        _missed().look_at_entries(entries, targets, sources, state)


@cache
def _missed() -> Any:
    from . import missed

    return missed
