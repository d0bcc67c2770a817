"""The shapes that most rows of the facade's tables have: one, two operands, a reduction, a cumulation."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

from ...errors import UnknownNameError, message
from .convert import axes, operands, tensor
from .names import gt

_gradtape_composes = True

#: The core function of every row that was made here, by (shape of the row, its name): the tests walk over it.
rows: list[str] = []


@cache
def core(path: str) -> Callable[..., Any]:
    """gradtape's function by its name, ``"linalg.inv"``."""
    found: Any = gt
    for part in path.split("."):
        try:
            found = getattr(found, part)
        except AttributeError:
            raise UnknownNameError(message(f"gradtape has no {path}, so the facade's name for it is empty")) from None
    return found


def _row(path: str, function: Callable[..., Any], says: str) -> Callable[..., Any]:
    rows.append(path)
    function.__name__ = function.__qualname__ = path.rpartition(".")[2]
    function.__doc__ = f"{says}: gradtape's ``{path}``."
    return function


def _arguments(path: str, takes: str, named: Any) -> TypeError:
    by_name = f" by name {', '.join(named)}" if named else ""
    return TypeError(
        message(f"{path.rpartition('.')[2]}: these are not its operands", f"given{by_name}; takes {takes}")
    )


def unary(path: str) -> Callable[..., Any]:
    """``f(x, name=None)``; the operand may be passed under whatever name TensorFlow gives it."""

    def f(*given: Any, name: Any = None, **named: Any) -> Any:
        if len(named) + (len(given) > 0) != 1:
            raise _arguments(path, "1", named)
        (x,) = (*given[:1], *named.values())
        return core(path)(tensor(x))

    return _row(path, f, "Element by element")


def binary(path: str, first: str = "x", second: str = "y") -> Callable[..., Any]:
    """``f(x, y, name=None)``; ``first`` and ``second`` are TensorFlow's names of the operands."""

    def f(*given: Any, name: Any = None, **named: Any) -> Any:
        if named:
            expected = (first, second)[len(given) :]
            if set(named) != set(expected):
                raise _arguments(path, f"{first} and {second}", named)
            given = (*given, *[named[n] for n in expected])
        elif len(given) < 2:
            raise _arguments(path, f"{first} and {second}", named)
        return core(path)(*operands(*given[:2]))

    return _row(path, f, "Element by element, broadcasting")


def reduction(path: str, **fixed: Any) -> Callable[..., Any]:
    """``f(input_tensor, axis=None, keepdims=False, name=None)``."""

    def f(input_tensor: Any, axis: Any = None, keepdims: bool = False, name: Any = None) -> Any:
        return core(path)(tensor(input_tensor), axis=axes(axis), keepdims=keepdims, **fixed)

    return _row(path, f, "Over the axes given, or all of them")
