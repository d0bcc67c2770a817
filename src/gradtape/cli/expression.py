"""Expressions from the command line: read into Python's syntax tree, checked, and walked; never handed to eval."""

from __future__ import annotations

import ast
import operator
import re
from collections.abc import Callable
from typing import Any

import numpy as np

import gradtape

from ..errors import message, nearest

_BINARY: dict[type[ast.AST], Callable[[Any, Any], Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.Pow: operator.pow,
    ast.MatMult: operator.matmul,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
}
_UNARY: dict[type[ast.AST], Callable[[Any], Any]] = {ast.USub: operator.neg, ast.UAdd: operator.pos}
CONSTANTS = {"pi": float(np.pi), "e": float(np.e)}
#: Names of gradtape that are not functions of values.
_UNFIT = {"load", "save", "grad", "hessian", "jacobian", "vjp", "jvp", "hvp", "custom_gradient", "function", "vmap"}


class ExpressionError(Exception):
    """An expression or a value that was not understood."""


def functions() -> dict[str, Callable[..., Any]]:
    """The functions that an expression may call: gradtape's own, by name."""
    names = [n for n in gradtape.__all__ if n[0].islower() and n not in _UNFIT]
    found = {n: getattr(gradtape, n) for n in names}
    return {n: f for n, f in found.items() if callable(f) and not isinstance(f, type)}


def parse_value(text: str) -> tuple[str, Any]:
    """``x=2`` or ``x=[1, 2]`` as a name and a float64 array."""
    name, sign, value = text.partition("=")
    name = name.strip()
    if not sign or not re.fullmatch(r"[A-Za-z_]\w*", name):
        raise ExpressionError(message(f"{text!r} is not a value", remedy='Write name=value: x=2, or "x=[1, 2, 3]".'))
    try:
        array = np.asarray(ast.literal_eval(value.strip()), dtype=np.float64)
    except (ValueError, SyntaxError, TypeError):
        raise ExpressionError(
            message(
                f"the value of {name} is {value!r}", remedy="Write a number or a list of numbers: x=2, x=[1, 2, 3]."
            )
        ) from None
    return name, array


class Expression:
    """An expression in some variables: ``Expression("x**2", ["x"])(x=3.0)``."""

    def __init__(self, text: str, names: list[str]) -> None:
        self.text = text
        self.names = names
        self._functions = functions()
        try:
            self._tree = ast.parse(text.strip(), mode="eval").body
        except SyntaxError as error:
            column = " " * ((error.offset or 1) - 1) + "^"
            raise ExpressionError(
                message(
                    f"cannot read the expression: {error.msg}",
                    [text, column],
                    remedy="Use Python's notation: 2*x, x**2.",
                )
            ) from None
        self._check(self._tree)

    def __call__(self, **values: Any) -> Any:
        return self._value(self._tree, {**CONSTANTS, **values})

    def _check(self, node: ast.AST) -> None:
        """Refuse what is not arithmetic, a known name or a known function."""
        if isinstance(node, ast.Name):
            if node.id not in self.names and node.id not in CONSTANTS:
                raise self._refusal(node, f"{node.id} has no value", f"Give it one: {node.id}=1.")
        elif isinstance(node, ast.Call):
            name = node.func.id if isinstance(node.func, ast.Name) else ast.unparse(node.func)
            if name not in self._functions:
                close = nearest(name, self._functions)
                raise self._refusal(
                    node,
                    f"there is no function {name}.{close}",
                    "Call gradtape's functions by their names: sin(x), sum(x).",
                )
            for part in (*node.args, *(k.value for k in node.keywords)):
                self._check(part)
        elif isinstance(node, ast.Constant):
            if not isinstance(node.value, int | float) and node.value is not None:
                raise self._refusal(node, f"{node.value!r} is not a number", "Use numbers.")
        elif isinstance(node, ast.BinOp | ast.UnaryOp):
            if type(node.op) not in _BINARY and type(node.op) not in _UNARY:
                raise self._refusal(
                    node,
                    f"{type(node.op).__name__} is not an operation here",
                    "Use + - * / ** @; powers are x**2, not x^2.",
                )
            for part in (node.operand,) if isinstance(node, ast.UnaryOp) else (node.left, node.right):
                self._check(part)
        elif isinstance(node, ast.Compare):
            if len(node.ops) != 1 or type(node.ops[0]) not in _BINARY:
                raise self._refusal(node, "a comparison of this kind", "Compare two values with < <= > >=.")
            self._check(node.left)
            self._check(node.comparators[0])
        elif isinstance(node, ast.List | ast.Tuple):
            for part in node.elts:
                self._check(part)
        elif isinstance(node, ast.Subscript):
            self._check(node.value)
            self._check(node.slice)
        elif isinstance(node, ast.Slice):
            for part in (node.lower, node.upper, node.step):
                if part is not None:
                    self._check(part)
        else:
            raise self._refusal(
                node, f"{type(node).__name__} is not arithmetic", "Use operators, numbers, names and functions."
            )

    def _refusal(self, node: ast.AST, told: str, remedy: str) -> ExpressionError:
        start = getattr(node, "col_offset", 0)
        wide = max(1, (getattr(node, "end_col_offset", None) or start + 1) - start)
        return ExpressionError(message(told, [self.text.strip(), " " * start + "^" * wide], remedy=remedy))

    def _value(self, node: Any, names: dict[str, Any]) -> Any:
        at = self._value
        if isinstance(node, ast.Name):
            return names[node.id]
        if isinstance(node, ast.Constant):
            return node.value
        if isinstance(node, ast.BinOp):
            return _BINARY[type(node.op)](at(node.left, names), at(node.right, names))
        if isinstance(node, ast.UnaryOp):
            return _UNARY[type(node.op)](at(node.operand, names))
        if isinstance(node, ast.Compare):
            return _BINARY[type(node.ops[0])](at(node.left, names), at(node.comparators[0], names))
        if isinstance(node, ast.Call):
            keywords = {k.arg: at(k.value, names) for k in node.keywords if k.arg is not None}
            assert isinstance(node.func, ast.Name)
            return self._functions[node.func.id](*[at(a, names) for a in node.args], **keywords)
        if isinstance(node, ast.List):
            return [at(e, names) for e in node.elts]
        if isinstance(node, ast.Tuple):
            return tuple([at(e, names) for e in node.elts])
        if isinstance(node, ast.Subscript):
            return at(node.value, names)[at(node.slice, names)]
        return slice(*[None if p is None else at(p, names) for p in (node.lower, node.upper, node.step)])
