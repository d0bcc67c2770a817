"""Hyper-dual numbers: an oracle for mixed derivatives that shares nothing with gradtape.

A number is a polynomial in e_1, e_2, e_3 with e_i**2 = 0, kept as its eight coefficients: coefficient S, a set of the
e_i, is the mixed derivative along the directions of S (Fike & Alonso 2011).  No difference is taken anywhere.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

#: Number of independent infinitesimals, and of coefficients: coefficient s belongs to the set of the bits of s.
COUNT = 3
SIZE = 1 << COUNT
#: For each set, the ways to split it into two.
SPLITS = [[(a, s ^ a) for a in range(s + 1) if a & s == a] for s in range(SIZE)]


class Hyper:
    """An array of hyper-dual numbers: ``parts`` has the coefficients along its first axis."""

    __array_ufunc__ = None
    __slots__ = ("parts",)

    def __init__(self, parts: Any) -> None:
        self.parts = np.asarray(parts)

    @property
    def shape(self) -> tuple[int, ...]:
        return self.parts.shape[1:]

    @property
    def value(self) -> Any:
        return self.parts[0]

    def __add__(self, other: Any) -> Hyper:
        a, b = _parts(self, other)
        return Hyper(a + b)

    def __sub__(self, other: Any) -> Hyper:
        a, b = _parts(self, other)
        return Hyper(a - b)

    def __rsub__(self, other: Any) -> Hyper:
        return constant(other) - self

    def __neg__(self) -> Hyper:
        return Hyper(-self.parts)

    def __mul__(self, other: Any) -> Hyper:
        return bilinear(np.multiply, *_aligned(self, other))

    def __truediv__(self, other: Any) -> Hyper:
        return self * reciprocal(other if isinstance(other, Hyper) else constant(other))

    def __rtruediv__(self, other: Any) -> Hyper:
        return reciprocal(self) * other

    def __matmul__(self, other: Any) -> Hyper:
        return bilinear(np.matmul, self, other if isinstance(other, Hyper) else constant(other))

    def __rmatmul__(self, other: Any) -> Hyper:
        return bilinear(np.matmul, constant(other), self)

    def __getitem__(self, index: Any) -> Hyper:
        index = index if isinstance(index, tuple) else (index,)
        return Hyper(self.parts[(slice(None), *index)])

    def __gt__(self, other: Any) -> Any:
        return self.value > (other.value if isinstance(other, Hyper) else other)

    __radd__, __rmul__ = __add__, __mul__


def constant(x: Any) -> Hyper:
    x = np.asarray(x, float)
    return Hyper(np.concatenate([x[None], np.zeros((SIZE - 1, *x.shape))]))


def along(x: Any, directions: Sequence[Any]) -> Hyper:
    """x + e_1 v_1 + e_2 v_2 + ..."""
    made = constant(x)
    for i, v in enumerate(directions):
        made.parts[1 << i] = v
    return made


def bilinear(product: Callable[[Any, Any], Any], a: Hyper, b: Hyper) -> Hyper:
    return Hyper([np.sum([product(a.parts[i], b.parts[j]) for i, j in splits], axis=0) for splits in SPLITS])


def mapped(f: Callable[[Any], Any], x: Hyper) -> Hyper:
    """A linear map of arrays."""
    return Hyper([f(part) for part in x.parts])


def analytic(x: Hyper, *derivatives: Any) -> Hyper:
    """f(x) from f, f', f'', f''' at the value: the nilpotent part's Taylor series ends."""
    step = Hyper(np.concatenate([np.zeros_like(x.parts[:1]), x.parts[1:]]))
    total, power = constant(derivatives[0]), constant(np.ones(x.shape))
    for k, d in enumerate(derivatives[1:], start=1):
        power = power * step
        total = total + power * (d / math.factorial(k))
    return total


def _parts(a: Hyper, b: Any) -> tuple[Any, Any]:
    a, b = _aligned(a, b)
    return a.parts, b.parts


def _aligned(a: Hyper, b: Any) -> tuple[Hyper, Hyper]:
    """Both with as many axes, behind that of the coefficients."""
    b = b if isinstance(b, Hyper) else constant(b)
    rank = max(len(a.shape), len(b.shape))
    parts = [x.parts.reshape((SIZE,) + (1,) * (rank - len(x.shape)) + x.shape) for x in (a, b)]
    return Hyper(parts[0]), Hyper(parts[1])


# -- the functions that programs use, by gradtape's names ------------------------------------------------------------


def sin(x: Hyper) -> Hyper:
    s, c = np.sin(x.value), np.cos(x.value)
    return analytic(x, s, c, -s, -c)


def cos(x: Hyper) -> Hyper:
    s, c = np.sin(x.value), np.cos(x.value)
    return analytic(x, c, -s, -c, s)


def exp(x: Hyper) -> Hyper:
    return analytic(x, *[np.exp(x.value)] * 4)


def log(x: Hyper) -> Hyper:
    v = x.value
    return analytic(x, np.log(v), 1 / v, -1 / v**2, 2 / v**3)


def sqrt(x: Hyper) -> Hyper:
    r = np.sqrt(x.value)
    return analytic(x, r, 0.5 / r, -0.25 / r**3, 0.375 / r**5)


def reciprocal(x: Hyper) -> Hyper:
    r = 1 / x.value
    return analytic(x, r, -(r**2), 2 * r**3, -6 * r**4)


def tanh(x: Hyper) -> Hyper:
    y = np.tanh(x.value)
    d = 1 - y * y
    return analytic(x, y, d, -2 * y * d, d * (6 * y * y - 2))


def arctan(x: Hyper) -> Hyper:
    v = x.value
    q = 1 / (1 + v * v)
    return analytic(x, np.arctan(v), q, -2 * v * q**2, (6 * v * v - 2) * q**3)


def sum(x: Hyper, axis: Any = None) -> Hyper:
    axis = tuple(range(len(x.shape))) if axis is None else axis
    return mapped(lambda p: np.sum(p, axis=axis), x)


def cumulative_sum(x: Hyper, axis: int = 0) -> Hyper:
    return mapped(lambda p: np.cumsum(p, axis=axis), x)


def reshape(x: Hyper, shape: Any) -> Hyper:
    return mapped(lambda p: np.reshape(p, shape), x)


def concat(xs: Sequence[Hyper], axis: int = 0) -> Hyper:
    return Hyper([np.concatenate(parts, axis=axis) for parts in zip(*[x.parts for x in xs], strict=True)])


def stack(xs: Sequence[Hyper]) -> Hyper:
    return Hyper([np.stack(parts) for parts in zip(*[x.parts for x in xs], strict=True)])


def where(condition: Any, x: Hyper, y: Hyper) -> Hyper:
    return Hyper([np.where(condition, a, b) for a, b in zip(x.parts, y.parts, strict=True)])


def inv(x: Hyper) -> Hyper:
    """Newton's series: (A + N)^-1 = sum_k (-A^-1 N)^k A^-1."""
    inverse = np.linalg.inv(x.value)
    step = Hyper(np.concatenate([np.zeros_like(x.parts[:1]), x.parts[1:]]))
    total = term = constant(inverse)
    for _ in range(COUNT):
        term = -(inverse @ (step @ term))
        total = total + term
    return total
