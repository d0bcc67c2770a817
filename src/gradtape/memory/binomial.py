"""Binomial checkpointing: which states to keep so that a chain can be walked backwards at the least extra cost.

With s kept states, that before the first step among them, a chain of l <= C(s + r, s) steps can be reversed so that no
step is carried out more than r times beside the one that reverse mode needs itself (Griewank 1992; Griewank & Walther
2000, "Revolve").  ``Growing`` is for chains whose length is not known while they run (cf. Stumm & Walther 2010).
"""

from __future__ import annotations

from collections.abc import Iterator
from math import comb

from ..errors import TapeError, message

#: ("advance", i, j): carry out steps i .. j - 1; ("keep", i, i): keep the state before step i; ("restore", i, i): go
#: back to it; ("reverse", i, i + 1): pull cotangents back through step i, from the state before it; ("drop", i, i).
Action = tuple[str, int, int]


def reach(states: int, times: int) -> int:
    """The longest chain that ``states`` kept states reverse, no step being carried out more than ``times`` times."""
    return comb(states + times, states) if states >= 0 and times >= 0 else 0


def repetitions(length: int, states: int) -> int:
    """The least r with ``length <= reach(states, r)``: how often a step is carried out again, at most."""
    if length > 1 and states < 1:
        raise TapeError(message(f"a chain of {length} steps cannot be reversed without a kept state"))
    r = 0
    while reach(states, r) < length:
        r += 1
    return r


def extra_steps(length: int, states: int) -> int:
    """The least number of steps carried out beside those that are reversed: r l - C(s + r, s + 1).

    >>> extra_steps(100, 5)
    316
    """
    r = repetitions(length, states)
    return r * length - comb(states + r, states + 1) if r else 0


def first_piece(length: int, states: int) -> int:
    """How many steps to take before the next state is kept; the rest has one state less, those steps have them all."""
    if length < 2:
        return length
    r = repetitions(length, states)
    least, most = reach(states, r - 2), reach(states, r - 1)
    return min(max(least, length - reach(states - 1, r), 1), most, length - 1)


def pieces(length: int, states: int) -> list[int]:
    """The lengths of the pieces between kept states, in order; piece i has ``states - i`` states, its own start's too.

    Where all states are taken, a last step is left, which needs none: it is reversed as soon as it is reached.

    >>> pieces(10, 3)
    [4, 3, 2, 1]
    """
    found: list[int] = []
    while length > 1:
        piece = first_piece(length, states)
        found.append(piece)
        length, states = length - piece, states - 1
    return [*found, length] if length else found


def schedule(length: int, states: int, first: int = 0) -> Iterator[Action]:
    """What to do, in order, to reverse a chain, the state before its first step being one of those that are kept.

    >>> list(schedule(3, 2))[:4]
    [('advance', 0, 1), ('keep', 1, 1), ('advance', 1, 2), ('reverse', 2, 3)]
    """
    starts = [first]
    parts = pieces(length, states)
    for i, piece in enumerate(parts[:-1]):
        yield "advance", starts[-1], starts[-1] + piece
        starts.append(starts[-1] + piece)
        if i + 2 < len(parts) or parts[-1] > 1:
            yield "keep", starts[-1], starts[-1]
    for i in range(len(parts) - 1, -1, -1):
        start = starts[i]
        kept = i + 1 < len(parts) or parts[i] > 1
        if i + 1 < len(parts):
            yield "restore", start, start
        if parts[i] == 1:
            yield "reverse", start, start + 1
        else:
            yield from schedule(parts[i], states - i, start)
        if i and kept:
            yield "drop", start, start


class Growing:
    """A chain that grows by one step at a time, told which of its last pieces to make one, so that few states are kept.

    Piece i of the chain has ``states - i`` states for the pieces inside it.  When all ``states + 1`` places are taken,
    the longest run of last pieces of one rank becomes one piece of the next rank: C(s + r, s) steps take one place at
    rank r, so a step lies in at most r pieces, the least there is for a chain of that length.

    >>> chain = Growing(2)
    >>> [chain.grown() for _ in range(6)]
    [0, 0, 3, 0, 2, 3]
    >>> chain.sizes
    [6]
    """

    def __init__(self, states: int) -> None:
        self.states = max(states, 1)
        #: Of each piece: how deep pieces are nested in it, and how many steps it has.
        self.ranks: list[int] = []
        self.sizes: list[int] = []

    def grown(self) -> int:
        """One more step was taken: how many of the last pieces become one now (0: none)."""
        self.ranks.append(0)
        self.sizes.append(1)
        last = len(self.ranks) - 1
        if last < self.states:
            return 0
        first = last - 1
        while first > 0 and self.ranks[first - 1] == self.ranks[last - 1]:
            first -= 1
        self.ranks[first:] = [self.ranks[last - 1] + 1]
        self.sizes[first:] = [sum(self.sizes[first:])]
        return last - first + 1
