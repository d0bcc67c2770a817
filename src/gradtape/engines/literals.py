"""Values as expressions, exact to the last bit."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np


class UnprintableError(Exception):
    """There is no text for this object."""


#: Arrays of up to so many elements are written out.
SMALL = 8


def literal(x: Any, other: Callable[[Any], str] | None = None) -> str:
    """An expression for ``x``, exact to the last bit, over ``np``.

    ``other`` writes what has none inside a tuple, list or dict; without it that is UnprintableError.
    """
    kind: Any = type(x)

    def inner(e: Any) -> str:
        try:
            return literal(e, other)
        except UnprintableError:
            if other is None:
                raise
            return other(e)

    if x is None or kind is bool or kind is int or kind is str or kind is bytes:
        return repr(x)
    if kind is float:
        return repr(x) if np.isfinite(x) else "np.nan" if x != x else "np.inf" if x > 0 else "-np.inf"
    if kind is complex and repr(x.real) == "0.0" and repr(abs(x.imag)) == repr(x.imag) and np.isfinite(x.imag):
        return f"{x.imag!r}j"
    if kind is complex:
        return f"complex({literal(x.real)}, {literal(x.imag)})"
    if x is Ellipsis:
        return "..."
    if kind is tuple or (issubclass(kind, tuple) and not hasattr(kind, "_fields")):  # such as a shape of the facade's
        return f"({', '.join(map(inner, x))}{',' if len(x) == 1 else ''})"
    if kind is list:
        return f"[{', '.join(map(inner, x))}]"
    if kind is frozenset or kind is set:
        return f"{kind.__name__}([{', '.join(sorted(map(literal, x)))}])"
    if kind is dict:
        return "{" + ", ".join(f"{literal(k)}: {inner(v)}" for k, v in x.items()) + "}"
    if kind is slice:
        return f"slice({literal(x.start)}, {literal(x.stop)}, {literal(x.step)})"
    if kind is range:
        return f"range({x.start}, {x.stop}, {x.step})"
    if isinstance(x, np.dtype) and x.kind in "biufc":
        return f"np.dtype({str(x)!r})"
    if isinstance(x, type) and issubclass(x, np.generic) and vars(np).get(x.__name__) is x:
        return f"np.{x.__name__}"
    if isinstance(x, type) and x.__module__ == "builtins":
        return x.__name__
    if isinstance(x, np.generic) and x.dtype.kind in "biufc" and x.dtype.char not in "gG":
        return f"np.{x.dtype.name}({literal(x.item())})" if x.dtype.kind != "b" else f"np.bool_({bool(x)})"
    if isinstance(x, np.ndarray) and x.size <= SMALL and x.dtype.kind in "biufc" and x.dtype.char not in "gG":
        if x.size == 0:
            return f"np.zeros({x.shape}, {str(x.dtype)!r})"
        return f"np.array({literal(x.tolist())}, {str(x.dtype)!r})"
    raise UnprintableError(f"a {kind.__name__} cannot be written out")
