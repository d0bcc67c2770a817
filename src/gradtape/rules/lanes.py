"""Dead lanes: a cotangent that is structurally zero where a branch was not taken.

``where(c, a, b)`` hands branch ``a`` the cotangent ``where(c, ct, 0)`` together with the mask of the lanes
that are alive.  Every elementwise rule inside the branch computes as usual and then selects zero on the dead
lanes again, so an infinite or NaN partial there never meets the zero.  It is a select, not a product: true at
every order (singular-points table, rule 1; the classic "double where" made unnecessary).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any


class Lanes:
    """A cotangent ``ct`` that is structurally zero wherever ``alive`` is False."""

    __slots__ = ("alive", "ct")

    def __init__(self, ct: Any, alive: Any) -> None:
        self.ct = ct
        self.alive = alive


def flattened(cts: Iterable[Any]) -> tuple[tuple[bool | None, ...], list[Any]]:
    """Which of some cotangents are Lanes (None: there is none), and their arrays, masks among them."""
    cts = list(cts)
    kinds = tuple([None if c is None else type(c) is Lanes for c in cts])
    return kinds, [part for c in cts if c is not None for part in ((c.ct, c.alive) if type(c) is Lanes else (c,))]


def rebuilt(kinds: Sequence[bool | None], arrays: Iterable[Any]) -> list[Any]:
    """The cotangents that :func:`flattened` took apart."""
    rest = iter(arrays)
    return [None if kind is None else Lanes(next(rest), next(rest)) if kind else next(rest) for kind in kinds]
