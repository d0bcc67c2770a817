"""Simplify: the same values by fewer and cheaper steps, in linear time.

One pass forwards carries out each step's chance: to be folded into a constant, to be rewritten by a rule of algebra, to
be one that was done before.  Passes over the whole list then thin out masks, reorder contractions and drop what nobody
needs.  Values agree with the program's own to rounding; what is inf or nan stays so.  A simplified program is for
running: derivatives are taken of the one that was recorded, for ``held`` and its like mean something there alone.
"""

from __future__ import annotations

from ..program import Program
from .contractions import reassociated
from .forward_pass import rewritten
from .masks import thinned
from .needed import alive

__all__ = ["simplified"]


def simplified(program: Program) -> Program:
    """``program`` by fewer and cheaper steps."""
    return alive(rewritten(reassociated(thinned(alive(rewritten(program))))))
