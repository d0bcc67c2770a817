"""Which Tensors are random draws: those that generators gave, and arrays that the user says are draws.

A draw that a tape records is seen there, by its row.  One that was made before the tape opened is a constant of the
record like any other array, so it is noted here, for as long as it lives.
"""

from __future__ import annotations

from weakref import ref

from .tensor import Tensor

# id(x) -> weak reference to x: Tensors compare element by element, so they are no keys of a weak set.
_marks: dict[int, ref[Tensor]] = {}
_seen = [False]


def drawing() -> None:
    """A draw is being made: from now on records may depend on draws."""
    _seen[0] = True


def seen() -> bool:
    """Whether any draw was ever made or declared in this process: where not, nobody need look for them."""
    return _seen[0]


def mark(x: Tensor) -> Tensor:
    """Note that ``x`` is made of random draws."""
    key = id(x)
    _seen[0] = True
    _marks[key] = ref(x, lambda _: _marks.pop(key, None))
    return x


def marked(x: object) -> bool:
    """Whether ``x`` was noted."""
    kept = _marks.get(id(x))
    return kept is not None and kept() is x
