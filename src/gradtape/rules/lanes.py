"""Dead lanes: a cotangent that is structurally zero where a branch was not taken.

``where(c, a, b)`` hands branch ``a`` the cotangent ``where(c, ct, 0)`` together with the mask of the lanes
that are alive.  Every elementwise rule inside the branch computes as usual and then selects zero on the dead
lanes again, so an infinite or NaN partial there never meets the zero.  It is a select, not a product: true at
every order (singular-points table, rule 1; the classic "double where" made unnecessary).
"""

from __future__ import annotations

from typing import Any


class Lanes:
    """A cotangent ``ct`` that is structurally zero wherever ``alive`` is False."""

    __slots__ = ("alive", "ct")

    def __init__(self, ct: Any, alive: Any) -> None:
        self.ct = ct
        self.alive = alive
