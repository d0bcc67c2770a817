"""One step of a program as an expression over NumPy, with the names of its inputs left open."""

from __future__ import annotations

import ast
import re
from functools import cache
from typing import Any

import numpy as np

from ..program.program import Step, Value
from .known import UFUNCS, Known, Place, Static, place
from .library import Library
from .literals import UnprintableError, literal

_NAME = re.compile(r"__(\d+)__")
#: NumPy functions whose result is an array of its own, rows first where True.
_FRESH = {"where": False, "full": True, "zeros": True, "ones": True, "eye": True}
#: Methods whose answers do not change when these defaults are not said.
_REDUCTIONS = {"sum", "prod", "max", "min", "mean", "any", "all"}


class Form:
    """An expression with open places: ``text.format(names)`` by hand, and what is known of its memory."""

    __slots__ = ("elementwise", "fresh", "left", "parts", "rows_first", "spread", "ufunc")

    def __init__(self, node: ast.expr, step: Step, facts: dict[int, Value]) -> None:
        self.parts = _parts(ast.unparse(node))
        made = step.outputs[0]
        arrays = len(step.outputs) == 1 and not step.several and bool(made.shape)
        #: Element by element all the way down.
        self.elementwise = arrays and _elementwise(node)
        #: The same as a call of a ufunc, to which ``out=`` can be added; None where there is no such form.
        self.ufunc = _parts(ast.unparse(call)[:-1]) if self.elementwise and (call := _ufunc(node)) else None
        #: The operator with which it can be written in place of its first operand: (which, the symbol, the rest).
        self.left = _augmented(node) if self.ufunc else None
        name = _numpy_name(node)
        matrices = isinstance(node, ast.BinOp) and isinstance(node.op, ast.MatMult)
        self.fresh = self.elementwise or (arrays and _fresh(node))
        self.rows_first = arrays and ((matrices and len(made.shape) == 2) or _FRESH.get(name or "", False))
        #: One number broadcast.
        inside = [facts[int(n)] for n in _NAME.findall(ast.unparse(node))]
        self.spread = name == "broadcast_to" and all(v.size == 1 for v in inside)

    def fill(self, names: list[str], parts: list[Any] | None = None) -> str:
        """The text with the inputs' names."""
        return "".join([names[p] if type(p) is int else p for p in parts or self.parts])


class _Opaque:
    """The form of a step that is printed as several lines: nothing is known of its memory."""

    parts: tuple[Any, ...] = ()
    elementwise = fresh = rows_first = spread = False
    ufunc = left = None


OPAQUE: Any = _Opaque()


def _parts(text: str) -> list[Any]:
    """Text and, between, the numbers of the inputs."""
    pieces: list[Any] = _NAME.split(text)
    pieces[1::2] = map(int, pieces[1::2])
    return pieces


class Forms:
    """The forms of the steps of one program: one for all steps that agree in row, parameters, shapes and dtypes."""

    def __init__(self, library: Library) -> None:
        self.library = library
        self._known: dict[Any, Form] = {}

    def form(self, step: Step) -> Form:
        """The form of a step."""
        key = self._key(step)
        found = self._known.get(key)
        if found is None:
            facts = {i: x for i, x in enumerate(step.inputs) if type(x) is Value}
            args: list[Known] = [place(f"__{i}__", x) if i in facts else Static(x) for i, x in enumerate(step.inputs)]
            keywords: dict[str, Known] = {k: Static(v) for k, v in (step.params or {}).items()}
            node = self.library.lower(self.library.applied(step.row, args, keywords))
            found = self._known[key] = Form(_tidy(node, step), step, facts)
        return found

    def _key(self, step: Step) -> Any:
        inputs = tuple([(x.shape, x.dtype) if type(x) is Value else _identity(x) for x in step.inputs])
        params = tuple([(k, _identity(v)) for k, v in step.params.items()]) if step.params else ()
        return step.row, inputs, params, step.outputs[0].shape if step.outputs else None


def _identity(x: Any) -> Any:
    try:
        return literal(x)
    except UnprintableError:
        return id(x)


def _tidy(node: ast.expr, step: Step) -> ast.expr:
    """Without what changes nothing: ``[()]`` of an array, defaults of a reduction."""
    while isinstance(node, ast.Subscript) and ast.unparse(node.slice) == "()" and not step.several:
        if not step.outputs[0].shape and not _is_number(node.value):
            break
        node = node.value
    for n in ast.walk(node):
        if isinstance(n, ast.Call) and _is_reduction(n.func):
            n.keywords = [k for k in n.keywords if (k.arg, _value(k)) not in (("axis", None), ("keepdims", False))]
    return node


def _is_reduction(function: ast.expr) -> bool:
    """``x.sum`` and its like, of an input."""
    return isinstance(function, ast.Attribute) and function.attr in _REDUCTIONS and isinstance(function.value, Place)


def _is_conversion(node: ast.Call) -> bool:
    """``x.astype(dtype)``, which copies."""
    return isinstance(node.func, ast.Attribute) and node.func.attr == "astype" and not node.keywords


def _value(keyword: ast.keyword) -> Any:
    return keyword.value.value if isinstance(keyword.value, ast.Constant) else keyword


def _is_number(node: ast.expr) -> bool:
    """An entry picked by one integer per axis: a NumPy scalar already."""
    if not isinstance(node, ast.Subscript) or not isinstance(node.value, Place):
        return False
    index = node.slice.elts if isinstance(node.slice, ast.Tuple) else [node.slice]
    numbers = [i.operand if isinstance(i, ast.UnaryOp) else i for i in index]
    whole = all(isinstance(i, ast.Constant) and type(i.value) is int for i in numbers)
    return whole and len(index) == len(node.value.fact.shape)


def _numpy_name(node: ast.expr) -> str | None:
    """f of ``np.f(...)``."""
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and isinstance(node.func.value, ast.Name):
        return node.func.attr if node.func.value.id == "np" else None
    return None


def _fresh(node: ast.expr) -> bool:
    """An array of its own, or all of one that nothing else holds."""
    if isinstance(node, ast.Subscript):
        return ast.unparse(node.slice) == "()" and _fresh(node.value)
    if isinstance(node, ast.BinOp | ast.UnaryOp | ast.Compare):
        return True
    name = _numpy_name(node)
    if name == "reshape":
        return _fresh(node.args[0])  # type: ignore[attr-defined]
    if isinstance(node, ast.Call) and (_is_reduction(node.func) or _is_conversion(node)):
        return True
    return name in _FRESH or name in _REDUCTIONS or _elementwise(node)


@cache
def _is_ufunc(name: str) -> bool:
    found: Any = getattr(np, name, None)
    return isinstance(found, np.ufunc) and found.nout == 1 and found.signature is None


def _elementwise(node: ast.expr) -> bool:
    """A ufunc, or the operator of one, of names, numbers and such expressions."""
    if isinstance(node, ast.BinOp):
        operands = [node.left, node.right]
        if isinstance(node.op, ast.MatMult):
            return False
    elif isinstance(node, ast.UnaryOp) and not isinstance(node.op, ast.Not):
        operands = [node.operand]
    elif isinstance(node, ast.Compare) and len(node.comparators) == 1:
        if not isinstance(node.ops[0], ast.Lt | ast.LtE | ast.Gt | ast.GtE | ast.Eq | ast.NotEq):
            return False
        operands = [node.left, *node.comparators]
    elif isinstance(node, ast.Call) and not node.keywords and _is_ufunc(_numpy_name(node) or ""):
        operands = node.args
    else:
        return False
    return all(isinstance(x, Place) or _is_literal(x) or _elementwise(x) for x in operands)


def _is_literal(node: ast.expr) -> bool:
    if isinstance(node, ast.UnaryOp):
        node = node.operand
    number = isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "complex"
    return isinstance(node, ast.Constant) or number


def _ufunc(node: ast.expr) -> ast.Call | None:
    """The expression as ``np.f(a, b)``."""
    if isinstance(node, ast.Call):
        return node
    if isinstance(node, ast.BinOp | ast.UnaryOp) and type(node.op) in UFUNCS:
        operands = [node.left, node.right] if isinstance(node, ast.BinOp) else [node.operand]
        name = ast.Attribute(ast.Name("np", ast.Load()), UFUNCS[type(node.op)], ast.Load())
        return ast.Call(name, operands, [])
    return None


def _augmented(node: ast.expr) -> tuple[int, list[Any]] | None:
    """(which input, the rest) of an expression ``input op rest``: it can be written ``input op= rest``."""
    if not isinstance(node, ast.BinOp) or not isinstance(node.left, Place):
        return None
    text = ast.unparse(ast.AugAssign(ast.Name("x", ast.Store()), node.op, node.right))
    return int(node.left.id.strip("_")), _parts(text.removeprefix("x "))
