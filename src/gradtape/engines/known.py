"""What is known when a program is printed: constants, functions, shapes; and what may be computed with it then."""

from __future__ import annotations

import ast
import operator
import types
from collections.abc import Callable
from functools import _lru_cache_wrapper  # pyright: ignore[reportPrivateUsage]
from typing import Any

import numpy as np

#: How an operator is written: as `ast` node, in place where it has such a form.
INFIX: dict[str, type[ast.AST]] = {
    "add": ast.Add, "sub": ast.Sub, "mul": ast.Mult, "truediv": ast.Div, "floordiv": ast.FloorDiv, "mod": ast.Mod,
    "pow": ast.Pow, "matmul": ast.MatMult, "and_": ast.BitAnd, "or_": ast.BitOr, "xor": ast.BitXor,
    "lshift": ast.LShift, "rshift": ast.RShift, "neg": ast.USub, "pos": ast.UAdd, "invert": ast.Invert,
    "gt": ast.Gt, "ge": ast.GtE, "lt": ast.Lt, "le": ast.LtE, "eq": ast.Eq, "ne": ast.NotEq,
}  # fmt: skip

#: The ufunc that an array's operator calls.  Not the power: that takes short ways for some exponents.
UFUNCS: dict[type[ast.AST], str] = {
    ast.Add: "add", ast.Sub: "subtract", ast.Mult: "multiply", ast.Div: "divide", ast.FloorDiv: "floor_divide",
    ast.Mod: "remainder", ast.BitAnd: "bitwise_and", ast.BitOr: "bitwise_or", ast.BitXor: "bitwise_xor",
    ast.LShift: "left_shift", ast.RShift: "right_shift", ast.USub: "negative", ast.UAdd: "positive",
    ast.Invert: "invert",
}  # fmt: skip

_EVALUATED: dict[type[ast.AST], Callable[..., Any]] = {
    node: getattr(operator, name) for name, node in INFIX.items()
} | {
    ast.Not: operator.not_,
    ast.Is: operator.is_,
    ast.IsNot: operator.is_not,
    ast.In: lambda a, b: a in b,
}

_PURE: tuple[Any, ...] = (
    len, tuple, min, max, abs, int, float, complex, bool, str, sum, range, isinstance, hasattr, type, slice, all, any,
    divmod, np.dtype, np.result_type, np.promote_types, np.finfo, np.iinfo, np.issubdtype,
)  # fmt: skip


_PLAIN: tuple[Any, ...] = (
    bool, int, float, complex, str, bytes, range, frozenset, np.dtype, np.generic, np.finfo, np.iinfo, type,
)  # fmt: skip


class Static:
    """A value that is known now.  ``origin`` says how it may be written: a global's name, or (owner, attribute)."""

    __slots__ = ("origin", "value")

    def __init__(self, value: Any, origin: Any = None) -> None:
        self.value = value
        self.origin = origin


class Place(ast.Name):
    """The name of a step's input; its shape and dtype are known."""

    fact: Any = None


class Row(ast.Tuple):
    """A tuple of which the elements are known one by one."""

    items: list[Any]


# ast.unparse goes by the names of classes.
Place.__name__ = "Name"
Row.__name__ = "Tuple"

Known = Static | ast.expr


def place(name: str, fact: Any) -> Place:
    """The Name ``name`` of an array of the shape and dtype of ``fact``."""
    node = Place(name, ast.Load())
    node.fact = fact
    return node


def plain(x: Any) -> bool:
    """Whether ``x`` is data that can be computed with while printing: numbers, text, dtypes, tuples of them."""
    if isinstance(x, tuple):
        return all(plain(e) for e in x)
    if isinstance(x, slice):
        return plain((x.start, x.stop, x.step))
    return x is None or x is Ellipsis or isinstance(x, _PLAIN)


def evaluated(node: type[ast.AST], *values: Any) -> Any:
    """The operator's result on plain values; TypeError where it is better left to run time."""
    if not all(plain(v) for v in values):
        raise TypeError
    result = _EVALUATED[node](*values)
    if not plain(result) or result is NotImplemented:
        raise TypeError
    return result


def called(function: Any, args: list[Any], keywords: dict[str, Any]) -> Any:
    """A pure function's result on plain values; TypeError for another function or another result."""
    if not all(plain(v) for v in (*args, *keywords.values())):
        raise TypeError
    cached = isinstance(function, _lru_cache_wrapper)
    owner = getattr(function, "__self__", None)
    own = isinstance(function, types.FunctionType) and function.__module__.split(".")[0] == __name__.split(".")[0]
    method = isinstance(function, types.BuiltinMethodType) and isinstance(owner, str | tuple | np.dtype)
    if not (cached or method or (own and (args or keywords)) or any(function is f for f in _PURE)):
        raise TypeError
    result = function(*args, **keywords)
    if not plain(result) and not (cached and isinstance(result, types.ModuleType)):
        raise TypeError
    return result


_SIMPLE = {f.__name__: f for f in (len, range, enumerate, zip, min, max, abs, int, reversed)}


def comprehended(node: ast.GeneratorExp, bound: set[str]) -> tuple[Any, ...]:
    """The elements of a generator in which everything is known; TypeError if not."""
    for n in ast.walk(node):
        if isinstance(n, ast.Name) and n.id not in bound and n.id not in _SIMPLE:
            raise TypeError
        if isinstance(n, ast.Attribute | ast.Lambda | ast.NamedExpr | ast.Await | ast.Yield):
            raise TypeError
    tree = ast.fix_missing_locations(ast.Expression(node))
    result = tuple(eval(compile(tree, "<known>", "eval"), {"__builtins__": {}, **_SIMPLE}))
    if not plain(result):
        raise TypeError
    return result


def fact_of(owner: Place, name: str) -> Any:
    """A static attribute of an input; AttributeError where it is one of the value's."""
    fact = owner.fact
    if name == "ndim":
        return len(fact.shape)
    if name in ("shape", "size", "dtype"):
        return getattr(fact, name)
    raise AttributeError(name)


def kind_of(owner: Place) -> type:
    """The class of an input."""
    return np.ndarray if owner.fact.shape else owner.fact.dtype.type
