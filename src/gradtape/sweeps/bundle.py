"""Many cotangents or tangents in one sweep: a bundle stands in the rules where an array would.

A bundle has the shape of one element, and its data a leading axis more, along which the elements lie.  An operation
that meets one computes for all of them in one call, as its row says (rules/batching.py): so a sweep that was given
bundles is a Jacobian, and nothing is recorded for it.
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from math import prod
from typing import Any

import numpy as np

from ..errors import GuardError
from ..primitives import arithmetic, selection
from ..primitives.complexes import absolute, conj, imag, real
from ..primitives.contractions import matmul
from ..primitives.indexing import ARRAY, gather, getitem
from ..primitives.shapes import astype, transpose
from ..record.private import Private
from ..record.tensor import Tensor, value_of
from .batch import how_of, one_by_one

_new = object.__new__


class Bundle(Private):
    """``data[b]`` is element b; to the rules it has the shape and dtype of one."""

    __slots__ = ("data",)
    __array_ufunc__ = None  # an ndarray hands its operators over
    __hash__ = object.__hash__

    def __init__(self, data: Any) -> None:
        self.data = data

    def take(self, primitive: Any, inputs: tuple[Any, ...], params: dict[str, Any]) -> Any:
        return carried(primitive, inputs, params, len(self.data))

    def example(self) -> Any:
        return self.data[0] if len(self.data) else np.ones(self.shape, self.dtype)[()]

    @property
    def shape(self) -> tuple[int, ...]:
        return self.data.shape[1:]

    @property
    def dtype(self) -> Any:
        return self.data.dtype

    @property
    def ndim(self) -> int:
        return self.data.ndim - 1

    @property
    def size(self) -> int:
        return prod(self.data.shape[1:])

    @property
    def T(self) -> Any:
        return transpose(self, axes=tuple(range(self.ndim))[::-1])

    @property
    def mT(self) -> Any:
        return transpose(self, axes=(*range(self.ndim - 2), self.ndim - 1, self.ndim - 2))

    @property
    def real(self) -> Any:
        return real(self)

    @property
    def imag(self) -> Any:
        return imag(self)

    def conj(self) -> Any:
        return conj(self)

    def astype(self, dtype: Any) -> Any:
        return astype(self, dtype=np.dtype(dtype))

    def __len__(self) -> int:
        return self.data.shape[1]

    def __bool__(self) -> bool:
        values = self.data.reshape(len(self.data), -1)
        if values.shape[1] != 1 or np.any(values != values[0]):
            raise GuardError("a rule asked for the value of its cotangent, which differs from row to row")
        return bool(values[0, 0])

    def __float__(self) -> float:
        raise GuardError("a rule took its cotangent off the record")

    def __array__(self, *args: Any, **kwargs: Any) -> Any:
        raise GuardError("a rule took its cotangent off the record")

    def __getitem__(self, index: Any) -> Any:
        index = index if isinstance(index, tuple) else (index,)
        arrays = [i for i in index if isinstance(i, list | np.ndarray | Tensor)]
        if not arrays:
            return getitem(self, index=index)
        template = tuple([ARRAY if any(i is a for a in arrays) else i for i in index])
        return gather(self, *[np.asarray(a) if isinstance(a, list) else a for a in arrays], index=template)

    def __pos__(self) -> Any:
        return self

    def __neg__(self) -> Any:
        return Bundle(-self.data)

    def __abs__(self) -> Any:
        return absolute(self)


def carried(row: Any, inputs: tuple[Any, ...], params: dict[str, Any], size: int) -> Any:
    """What ``row`` makes of ``inputs``, some of them bundles, in one call for all elements."""
    if row.run in _DIRECT:
        return row.run(*inputs)
    if row.kind == "composite" and row.batch is None:
        return row.body(*inputs, **params)  # its operations meet the bundles in their turn
    flags = [type(x) is Bundle for x in inputs]
    xs = [x.data if f else value_of(x) for x, f in zip(inputs, flags, strict=True)]
    how = how_of(row)
    answer = how(size, flags, xs, params) if how is not None else ()
    if not answer:
        value = one_by_one(row, params, xs, flags, size)
    else:
        value = row.run(*answer[0], **answer[1])
        value = answer[2](value) if len(answer) == 3 else value
    return tuple([Bundle(v) for v in value]) if type(value) is tuple else Bundle(value)


def _aligned(a: Any, rank: int) -> Any:
    """The data of a bundle with as many axes behind the leading one."""
    return a.reshape(a.shape[0], *(1,) * (rank + 1 - a.ndim), *a.shape[1:])


def _attach(name: str, compute: Callable[[Any, Any], Any]) -> None:
    """An operator of Python's, element by element."""

    def method(x: Bundle, other: Any) -> Any:
        a = x.data
        if type(other) is Bundle:
            b = other.data
            if a.ndim != b.ndim:
                rank = max(a.ndim, b.ndim) - 1
                a, b = _aligned(a, rank), _aligned(b, rank)
        else:
            b = value_of(other)
            rank = b.ndim if isinstance(b, np.ndarray) else 0
            a = a if rank < a.ndim else _aligned(a, rank)
        made = _new(Bundle)  # as Bundle(...), and a tenth of a sweep faster
        made.data = compute(a, b)
        return made

    def reflected(x: Bundle, other: Any) -> Any:
        a, b = x.data, value_of(other)
        rank = b.ndim if isinstance(b, np.ndarray) else 0
        made = _new(Bundle)
        made.data = compute(b, a if rank < a.ndim else _aligned(a, rank))
        return made

    setattr(Bundle, f"__{name}__", method)
    setattr(Bundle, f"__r{name}__", reflected)


_ARITHMETIC = {"add": operator.add, "sub": operator.sub, "mul": operator.mul, "truediv": operator.truediv}
#: Rows that are one of these are carried out by the operator itself.
_DIRECT = frozenset(_ARITHMETIC.values())

for _name, _compute in _ARITHMETIC.items():
    _attach(_name, _compute)


def _hand_over(name: str, op: Callable[[Any, Any], Any], reflected: bool = False) -> None:
    """An operator of Python's, as the row says."""
    setattr(Bundle, f"__{name}__", lambda x, other: op(x, other))
    if reflected:
        setattr(Bundle, f"__r{name}__", lambda x, other: op(other, x))


_hand_over("matmul", matmul, True)
_hand_over("pow", arithmetic.power, True)
_hand_over("floordiv", arithmetic.floor_divide, True)
_hand_over("mod", arithmetic.remainder, True)
for _name, _op in {
    "eq": selection.equal,
    "ne": selection.not_equal,
    "lt": selection.less,
    "le": selection.less_equal,
    "gt": selection.greater,
    "ge": selection.greater_equal,
}.items():
    _hand_over(_name, _op)
