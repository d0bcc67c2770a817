"""The arguments of special functions: Tensors, and whole numbers that are parameters."""

from __future__ import annotations

from operator import index
from typing import Any

from ..errors import ShapeError, message
from ..record import sites
from ..record.writer import lift, strong

_gradtape_composes = True

__all__: list[str] = []


def tensor(x: Any) -> Any:
    """``x`` as a Tensor."""
    return strong(lift(x))


def whole(n: Any, asked: str, least: int = 0) -> int:
    """A whole number that is a parameter, not an input."""
    try:
        found = index(n)
    except TypeError:
        found = least - 1
    if found < least:
        raise ShapeError(
            message(
                f"{asked} must be a whole number, at least {least}",
                [f"{n!r}"],
                str(sites.user_line()),
                "Pass a Python int: it selects the function and carries no derivative.",
            )
        )
    return found
