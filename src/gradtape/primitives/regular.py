"""Where a quotient is one: asked by the rules that divide by a function of their input (``Primitive.quotient``)."""

from __future__ import annotations

from typing import Any

from .predicates import isfinite
from .reductions import all


def regular(w: Any) -> bool:
    """Whether all of ``w`` is finite and different from zero, as Python asks: a guard on the record."""
    return bool(all(isfinite(w + 1 / w)))
