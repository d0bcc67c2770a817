"""Truncated power series that stand in rules where arrays would: their coefficients, and Python's operators on them.

x(t) = sum_k x[k] t^k, with normalised coefficients: the k-th derivative along the path is k! x[k].  Series are *lazy*:
coefficient k is computed when somebody asks for it, and kept.  A coefficient that is None is zero.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

import numpy as np

from ..primitives import arithmetic, selection
from ..primitives.complexes import absolute, conj, imag, real
from ..primitives.contractions import matmul
from ..primitives.indexing import ARRAY, gather, getitem
from ..primitives.shapes import astype, transpose
from ..record.private import Private
from ..record.tensor import Tensor, value_of


class Reader(Protocol):
    """The sweep that makes series of series: what the operations in a rule turn to."""

    def apply(self, row: Any, inputs: tuple[Any, ...], params: dict[str, Any]) -> Any:
        """The series of ``row``'s output."""
        ...


class Series(Private):
    """A power series: ``s.term(k)`` is coefficient k, computed on demand.  In rules it stands where an array would."""

    __slots__ = ("_known", "_make", "made", "reader")
    __array_ufunc__ = None  # an ndarray hands its operators over
    __hash__ = object.__hash__

    def __init__(self, reader: Reader, known: list[Any], make: Callable[[int], Any] | None = None) -> None:
        self.reader = reader
        self._known = known
        self._make = make
        #: The row, parameters and inputs that it was made by, for peepholes.
        self.made: tuple[Any, Any, Any] | None = None

    def term(self, k: int) -> Any:
        """Coefficient k."""
        known = self._known
        while len(known) <= k:
            known.append(None if self._make is None else self._make(len(known)))
        return known[k]

    def derivative(self) -> Series:
        """The series of dx/dt."""

        def make(k: int) -> Any:
            c = self.term(k + 1)
            if c is None:
                return None if k else zeros(self.term(0))  # a series has a value
            return c if k == 0 else (k + 1) * c

        return Series(self.reader, [], make)

    def plus(self, other: Series) -> Series:
        """The sum with the changes of ``other``, which has the same value."""
        return Series(self.reader, [self.term(0)], lambda k: added(self.term(k), other.term(k)))

    def take(self, primitive: Any, inputs: tuple[Any, ...], params: dict[str, Any]) -> Any:
        return self.reader.apply(primitive, inputs, params)

    def example(self) -> Any:
        return value_of(self.term(0))

    @property
    def shape(self) -> tuple[int, ...]:
        return self.term(0).shape

    @property
    def dtype(self) -> Any:
        return self.term(0).dtype

    @property
    def ndim(self) -> int:
        return self.term(0).ndim

    @property
    def size(self) -> int:
        return self.term(0).size

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
        return len(self.term(0))

    def __bool__(self) -> bool:
        return bool(self.term(0))

    def __getitem__(self, index: Any) -> Any:
        index = index if isinstance(index, tuple) else (index,)
        arrays = [i for i in index if isinstance(i, list | np.ndarray | Tensor)]
        if not arrays:
            return getitem(self, index=index)
        template = tuple([ARRAY if any(i is a for a in arrays) else i for i in index])
        return gather(self, *[np.asarray(a) if isinstance(a, list) else a for a in arrays], index=template)

    def __pos__(self) -> Any:
        return self


_OPERATORS = {
    "add": arithmetic.add,
    "sub": arithmetic.subtract,
    "mul": arithmetic.multiply,
    "truediv": arithmetic.divide,
    "floordiv": arithmetic.floor_divide,
    "mod": arithmetic.remainder,
    "pow": arithmetic.power,
    "matmul": matmul,
}
_COMPARISONS = {
    "eq": selection.equal,
    "ne": selection.not_equal,
    "lt": selection.less,
    "le": selection.less_equal,
    "gt": selection.greater,
    "ge": selection.greater_equal,
}


def _attach() -> None:
    """Python's operators, as on arrays."""
    for name, op in (*_OPERATORS.items(), *_COMPARISONS.items()):
        setattr(Series, f"__{name}__", lambda x, other, op=op: op(x, other))
    for name, op in _OPERATORS.items():
        setattr(Series, f"__r{name}__", lambda x, other, op=op: op(other, x))
    Series.__neg__ = lambda x: arithmetic.negative(x)  # type: ignore[attr-defined]
    Series.__abs__ = lambda x: absolute(x)  # type: ignore[attr-defined]


_attach()


def zeros(x: Any) -> Any:
    """Zeros like ``x``, raw or a Tensor as it is."""
    made = np.zeros_like(value_of(x))[()]
    return Tensor(made) if isinstance(x, Tensor) else made


def first(x: Any) -> Any:
    """The value of a series, or of what is constant along the path."""
    return x.term(0) if isinstance(x, Series) else x


def added(a: Any, b: Any) -> Any:
    return b if a is None else a if b is None else a + b


def by_coefficients(reader: Reader, row: Any, params: Any, inputs: Any, y0: Any) -> Any:
    """The output of a row that knows its coefficients: y[k] from those of the inputs up to k."""
    several = isinstance(y0, tuple)
    found: dict[int, Any] = {}

    def make(k: int, i: int) -> Any:
        if k not in found:
            orders = range(k + 1)
            terms = [[x.term(j) if isinstance(x, Series) else x if j == 0 else None for j in orders] for x in inputs]
            made = row.coefficient(terms, **params)
            found[k] = made if several else (made,)
        return found[k][i]

    ys = [Series(reader, [v], lambda k, i=i: make(k, i)) for i, v in enumerate(y0 if several else (y0,))]
    return tuple(ys) if several else ys[0]
