"""Cotangents that wait for the entry that made their value: sums of them, whole or in pieces."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..record.tensor import Tensor
from ..rules.lanes import Lanes
from .lanes import transposed

Pending = dict[Tensor, Any]


def accumulate(pending: Pending, x: Tensor, ct: Any) -> None:
    """Add ``ct`` to what ``x`` has already got."""
    before = pending.get(x)
    if before is None:
        pending[x] = ct
    elif type(before) is Pieces:
        before.rest = ct if before.rest is None else _plus(before.rest, ct)
    else:
        pending[x] = _plus(before, ct)


def _plus(a: Any, b: Any) -> Any:
    """The sum of two cotangents: dead where both are."""
    if type(a) is Lanes and type(b) is Lanes:
        return Lanes(a.ct + b.ct, a.alive | b.alive)
    return dense(a) + dense(b)


class Pieces:
    """Cotangents of parts of one value, put into place together: a loop over x[i] takes one buffer for them all."""

    __slots__ = ("masked", "parts", "rest", "x")

    def __init__(self, x: Tensor, rest: Any, masked: bool) -> None:
        self.x = x
        #: What the value got otherwise.
        self.rest = rest
        #: Whether entries that no part has are told from those that got zero.
        self.masked = masked
        #: row -> [(cotangent, parameters)]
        self.parts: dict[Any, list[tuple[Any, Any]]] = {}

    def total(self) -> Any:
        """The cotangent of the whole value."""
        total = self.rest
        for row, parts in self.parts.items():
            params = [p for _, p in parts]
            c = self._placed(row, [ct for ct, _ in parts], params)
            if self.masked:
                c = Lanes(c, self._placed(row, [np.ones(ct.shape) for ct, _ in parts], params) != 0)
            total = c if total is None else _plus(total, c)
        return total

    def _placed(self, row: Any, cts: list[Any], params: list[Any]) -> Any:
        if len(cts) == 1:
            return transposed(row, 0, cts[0], (self.x,), params[0])
        return row.gathered(cts, params, self.x)


def dense(ct: Any) -> Any:
    return ct.ct if type(ct) is Lanes else ct
