"""Private values of a reader: what a sweep hands to the rules in place of arrays.

A sweep that computes with something other than arrays (truncated power series, index sets) gives the rules objects
of a class below ``Private``.  An operation that meets one hands the call over to it; private values never enter the
record, and those of two readers never meet.
"""

from __future__ import annotations

from typing import Any


class Private:
    """A value that only its reader understands."""

    __slots__ = ()

    def take(self, primitive: Any, inputs: tuple[Any, ...], params: dict[str, Any]) -> Any:
        """What ``primitive`` makes of ``inputs``, this value among them."""
        raise NotImplementedError(f"{type(self).__name__} does not say what {primitive.name} makes of it")

    #: Whether it stands for a Python number, which is weak in promotion.
    weak = False

    def strong(self) -> Any:
        """The same, not weak."""
        return self

    def example(self) -> Any:
        """A raw array that it stands for, to show to a rule which needs one; None where there is none."""
        return None


def private_among(inputs: Any) -> Private | None:
    """The first private value of ``inputs``, if there is one."""
    for x in inputs:
        if isinstance(x, Private):
            return x
    return None
