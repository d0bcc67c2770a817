"""Composition of power series: f(x(t)) from the derivatives of f at x(0), for functions with no equation of their own.

    f(x(t)) = sum_m c_m u(t)^m,   u = x - x(0),   c_m = f^(m)(x(0)) / m!

Where the derivatives of a row are further rows of its family (polygamma, Bessel functions, sin(x)/x), the recurrence of
the sweep would make a series for each of them.  Here the powers of u are made once for each x, in tables that hold all
powers of one order, so that the number of operations is quadratic in the order.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..primitives.joining import concat, stack
from ..primitives.reductions import sum as sum_of
from ..primitives.shapes import reshape
from ..record.tensor import Tensor, value_of
from .series import Reader, Series, zeros


def climbing(row: Any, inputs: tuple[Any, ...], on_the_way: list[Series]) -> Series | None:
    """The one input that moves, where another function of the family of ``row`` is on the way to its slope."""
    moving = {x for x in inputs if isinstance(x, Series)}
    if len(moving) != 1:
        return None
    (x,) = moving
    family = [s.made[2] for s in on_the_way if s.made is not None and s.made[0] is row]
    return x if any(i is x for arguments in family for i in arguments) else None


class Powers:
    """The powers of u = x - x(0), and the straight path x(0) + t."""

    def __init__(self, x: Series, reader: Reader) -> None:
        self.x = x
        x0 = x.term(0)
        one = np.ones_like(value_of(x0))[()]
        self.straight = Series(reader, [x0, Tensor(one) if isinstance(x0, Tensor) else one])
        self._tables: list[Any] = []

    def coefficient(self, f: Series, k: int) -> Any:
        """sum_{m=1..k} c_m [u^m]_k, where ``f`` is the series along the straight path."""
        terms = [f.term(m) for m in range(1, k + 1)]
        known = [c if c is not None else zeros(f.term(0)) for c in terms]
        table, missing = self._table(k), f.ndim - self.x.ndim
        if missing:  # the other inputs of the row are of higher rank
            table = reshape(table, shape=(k, *(1,) * missing, *table.shape[1:]))
        return sum_of(stack(*known, axis=0) * table, axis=0, keepdims=False)

    def _table(self, k: int) -> Any:
        """[u^m]_k for m = 1 .. k along a first axis: [u^m]_k = sum_j u_j [u^(m-1)]_(k-j)."""
        while len(self._tables) < k:
            n = len(self._tables) + 1
            above: Any = None
            for j in range(1, n):
                u = self.x.term(j)
                if u is None:
                    continue
                part = u * self._tables[n - j - 1]
                if j > 1:
                    part = concat(part, np.zeros((j - 1, *part.shape[1:]), part.dtype), axis=0)
                above = part if above is None else above + part
            u = self.x.term(n)
            row = stack(zeros(self.x.term(0)) if u is None else u, axis=0)
            if n > 1:
                rest = np.zeros((n - 1, *row.shape[1:]), row.dtype) if above is None else above
                row = concat(row, rest, axis=0)
            self._tables.append(row)
        return self._tables[k - 1]
