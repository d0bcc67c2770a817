"""Python's operators, attached to Tensor and Variable.

The arithmetic methods are the writer's own functions, with nothing around them: this is the hottest path there is.
"""

from __future__ import annotations

from typing import Any

from ..primitives import arithmetic, contractions, predicates
from ..record.tensor import Tensor
from ..record.variable import Variable
from ..record.writer import operation
from . import elementwise

_gradtape_composes = True

__all__: list[str] = []


def _plain(op: Any) -> Any:
    return operation(op.primitive, operator="plain")


def _reflected(op: Any) -> Any:
    return operation(op.primitive, operator="reflected")


_ARITHMETIC = {
    "add": arithmetic.add,
    "sub": arithmetic.subtract,
    "mul": arithmetic.multiply,
    "truediv": arithmetic.divide,
    "floordiv": arithmetic.floor_divide,
    "mod": arithmetic.remainder,
    "pow": arithmetic.power,
    "matmul": contractions.matmul,
    "and": predicates.bitwise_and,
    "or": predicates.bitwise_or,
    "xor": predicates.bitwise_xor,
    "lshift": predicates.bitwise_left_shift,
    "rshift": predicates.bitwise_right_shift,
}
#: Their operands may be exchanged: 2 * x is recorded as x * 2, at the same price.
_COMMUTATIVE = {"add", "mul", "and", "or", "xor"}
_COMPARISONS = {
    "lt": predicates.less,
    "le": predicates.less_equal,
    "gt": predicates.greater,
    "ge": predicates.greater_equal,
}
_UNARY = {
    "neg": arithmetic.negative,
    "pos": arithmetic.positive,
    "abs": elementwise.abs,
    "invert": predicates.bitwise_invert,
}


def _divmod(x: Any, other: Any) -> Any:
    return elementwise.divmod(x, other)


def _rdivmod(x: Any, other: Any) -> Any:
    return elementwise.divmod(other, x)


def _attach(kind: Any) -> None:
    for name, op in _ARITHMETIC.items():
        setattr(kind, f"__{name}__", _plain(op))
        setattr(kind, f"__r{name}__", _plain(op) if name in _COMMUTATIVE else _reflected(op))
    for name, op in _COMPARISONS.items():
        setattr(kind, f"__{name}__", _plain(op))
    for name, op in _UNARY.items():
        setattr(kind, f"__{name}__", op)
    kind.__divmod__ = _divmod
    kind.__rdivmod__ = _rdivmod


_attach(Tensor)
_attach(Variable)
Tensor.__eq__ = _plain(predicates.equal)  # a Variable is compared by identity
Tensor.__ne__ = _plain(predicates.not_equal)
