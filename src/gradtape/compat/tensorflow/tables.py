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


def unary(path: str) -> Callable[..., Any]:
    """``f(x, name=None)``; the operand may be passed under whatever name TensorFlow gives it."""

    def f(*given: Any, name: Any = None, **named: Any) -> Any:
        (x,) = (*given[:1], *named.values())
        return core(path)(tensor(x))

    return _row(path, f, "Element by element")


def binary(path: str) -> Callable[..., Any]:
    """``f(x, y, name=None)``."""

    def f(*given: Any, name: Any = None, **named: Any) -> Any:
        x, y = (*given[:2], *named.values())
        return core(path)(*operands(x, y))

    return _row(path, f, "Element by element, broadcasting")


def reduction(path: str, **fixed: Any) -> Callable[..., Any]:
    """``f(input_tensor, axis=None, keepdims=False, name=None)``."""

    def f(input_tensor: Any, axis: Any = None, keepdims: bool = False, name: Any = None) -> Any:
        return core(path)(tensor(input_tensor), axis=axes(axis), keepdims=keepdims, **fixed)

    return _row(path, f, "Over the axes given, or all of them")
