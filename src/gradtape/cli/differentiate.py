"""All derivatives of a scalar expression up to an order, by nested tapes, each with its finite difference beside it."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..errors import message
from ..numpy.creation import asarray
from ..numpy.joining import stack
from ..numpy.shapes import reshape
from ..record.tensor import Tensor
from ..tape import GradientTape
from .expression import Expression, ExpressionError

Index = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Entry:
    """One partial derivative: by which elements, its value, and the difference quotient of the order below."""

    index: Index
    name: str
    value: float
    difference: float  # nan where the quotients do not settle: a kink, a pole

    @property
    def verdict(self) -> str:
        """Whether the two agree to what a difference quotient can give."""
        if not math.isfinite(self.value):
            return "not finite"
        if math.isnan(self.difference):
            return "no difference: not smooth here"
        return "ok" if abs(self.value - self.difference) <= 1e-6 * max(1.0, abs(self.value)) else "DIFFERS"


@dataclass(frozen=True, slots=True)
class Derivatives:
    """The value, the names of the elements, and the entries of each order; of equal mixed partials one is kept."""

    value: float
    labels: list[str]
    orders: list[list[Entry]]


def derivatives(expression: Expression, values: dict[str, Any], order: int) -> Derivatives:
    """Differentiate ``expression`` at ``values`` up to ``order``."""
    labels = [f"{k}{''.join(f'[{i}]' for i in at)}" for k, v in values.items() for at in np.ndindex(v.shape)]
    elements = [float(v[at]) for v in values.values() for at in np.ndindex(v.shape)]

    def table(point: list[float], level: int) -> dict[Index, float]:
        xs = [Tensor(np.float64(x)) for x in point]
        with np.errstate(all="ignore"):
            found = _level(lambda: _call(expression, values, xs), xs, level)
        return {index: float(t.data) for index, t in found.items()}

    try:
        value = table(elements, 0)[()]
    except ExpressionError:
        raise
    except Exception as error:
        raise ExpressionError(message(f"cannot evaluate {expression.text}", [str(error)])) from error
    orders: list[list[Entry]] = []
    for level in range(1, order + 1):
        quotients = [_richardson(lambda p, n=level - 1: table(p, n), elements, i) for i in range(len(elements))]
        orders.append(
            [
                Entry(index, _name(index, labels), found, quotients[index[-1]][index[:-1]])
                for index, found in table(elements, level).items()
            ]
        )
    return Derivatives(value, labels, orders)


def _call(expression: Expression, values: dict[str, Any], xs: list[Tensor]) -> Tensor:
    """The expression at these elements: a vector is put together again from its elements, recorded."""
    arguments: dict[str, Any] = {}
    start = 0
    for name, value in values.items():
        parts = xs[start : start + value.size]
        start += value.size
        arguments[name] = parts[0] if value.ndim == 0 else reshape(stack(parts), value.shape)
    result = asarray(expression(**arguments))
    if result.size != 1:
        raise ExpressionError(
            message(
                f"{expression.text} has shape {result.shape}, and derivatives are taken of one number",
                remedy=f"Sum it: sum({expression.text}).",
            )
        )
    if result.dtype.kind != "f":
        raise ExpressionError(
            message(
                f"{expression.text} is of dtype {result.dtype}, and derivatives are taken of real numbers",
                remedy="Use the values in it: x**2, 3.0 * x.",
            )
        )
    return reshape(result, ()) if result.ndim else result


def _level(f: Callable[[], Tensor], xs: list[Tensor], level: int) -> dict[Index, Tensor]:
    """All partial derivatives of one order, by sorted indices: one tape inside another per order."""
    if level == 0:
        return {(): f()}
    found: dict[Index, Tensor] = {}
    with GradientTape() as tape:
        for index, t in _level(f, xs, level - 1).items():
            first = index[-1] if index else 0
            slopes = tape.gradient(t, xs[first:], unconnected_gradients="zero")
            found.update({(*index, first + i): slope for i, slope in enumerate(slopes)})
    return found


def _richardson(f: Callable[[list[float]], dict[Index, float]], point: list[float], i: int) -> dict[Index, float]:
    """Central differences along element ``i`` at five steps, extrapolated to zero (Richardson 1911; Ridders 1982)."""
    step = 0.02 * max(1.0, abs(point[i]))
    best: dict[Index, float] = {}
    smallest: dict[Index, float] = {}
    tables: dict[Index, list[list[float]]] = {}
    for k in range(5):
        h = step / 2**k
        up, down = point[:], point[:]
        up[i] += h
        down[i] -= h
        ups, downs = f(up), f(down)
        for index, high in ups.items():
            rows = tables.setdefault(index, [])
            row = [(high - downs[index]) / (2 * h)]
            for m in range(k):
                row.append(row[m] + (row[m] - rows[k - 1][m]) / (4 ** (m + 1) - 1))
                error = max(abs(row[m + 1] - row[m]), abs(row[m + 1] - rows[k - 1][m]))
                if error < smallest.get(index, math.inf):
                    best[index], smallest[index] = row[m + 1], error
            rows.append(row)
            best.setdefault(index, math.nan)
    unsettled = [i for i, q in best.items() if not smallest.get(i, math.inf) <= 1e-5 * max(1.0, abs(q))]
    return best | dict.fromkeys(unsettled, math.nan)


def _name(index: Index, labels: list[str]) -> str:
    n = len(index)
    below = " ".join(f"d{labels[i]}" for i in index)
    return f"d{n if n > 1 else ''}f / {below}"
