"""Differential operators: laplacian and biharmonic, exact, by jets along a few directions of one record."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import wraps
from typing import Any

import numpy as np

from . import trees
from .jets import expansions
from .operators import fresh
from .record.segment import Window
from .record.tensor import Tensor
from .record.variable import Variable
from .sweeps.query import zeros

_gradtape_composes = True

__all__ = ["biharmonic", "laplacian"]

Direction = tuple[float, Any]


def laplacian(f: Callable[..., Any], argnums: int = 0) -> Callable[..., Any]:
    """The Laplacian of ``f``: sum_i d^2 f / dx_i^2 over the elements of one argument, for each output of ``f``.

    One record and a jet of order 2 for each element.  The result is recorded like any other: gradients flow through it.

    >>> import gradtape as gt
    >>> gt.laplacian(lambda x: gt.sum(x**3))([1.0, 2.0])
    Tensor(18.0)
    """

    def directions(x: Any) -> Iterable[Direction]:
        return ((1.0, e) for e in units(x))

    return operator(f, argnums, 2, directions)


def biharmonic(f: Callable[..., Any], argnums: int = 0) -> Callable[..., Any]:
    """The Laplacian of the Laplacian of ``f``: sum_ij d^4 f / dx_i^2 dx_j^2 over the elements of one argument.

    One record and n^2 jets of order 4 (algorithm: polarisation on the diagonals e_i, e_i + e_j and e_i - e_j).

    >>> import gradtape as gt
    >>> gt.biharmonic(lambda x: x[0] ** 4 * x[1] ** 4)([1.0, 2.0])
    Tensor(1560.0)
    """

    def directions(x: Any) -> Iterable[Direction]:
        e = units(x)
        n = len(e)
        for i in range(n):
            if n != 4:
                yield (4 - n) / 3, e[i]
            for j in range(i):
                yield 1 / 6, e[i] + e[j]
                yield 1 / 6, e[i] - e[j]

    return operator(f, argnums, 4, directions)


def operator(
    f: Callable[..., Any], argnums: int, order: int, directions: Callable[[Any], Iterable[Direction]]
) -> Callable[..., Any]:
    """The function sum_r c_r D^order f[v_r, ..., v_r] for the pairs (c_r, v_r) of ``directions(x)``."""

    @wraps(f)
    def applied(*args: Any, **kwargs: Any) -> Any:
        structure, outputs, found = along(f, argnums, order, directions, args, kwargs)
        totals: list[Any] = [zeros(y) for y in outputs]
        for i, (weight, derivatives) in enumerate(found):
            terms = [d if weight == 1.0 else d * weight for d in derivatives]
            totals = terms if i == 0 else [a + b for a, b in zip(totals, terms, strict=True)]
        return trees.unflatten(structure, totals)

    return applied


def along(
    f: Callable[..., Any],
    argnums: int,
    order: int,
    directions: Callable[[Any], Iterable[Direction]],
    args: Any,
    kwargs: Any,
) -> tuple[Any, list[Any], Iterable[tuple[float, list[Any]]]]:
    """The structure of ``f``'s value, its leaves, and for each direction its weight and the derivatives along it."""
    args, x = fresh(args, argnums)
    x = x.value if isinstance(x, Variable) else x
    with Window() as window:
        y = f(*args, **kwargs)
    outputs, structure = trees.flatten(y)
    found = (
        (weight, [o[-1] for o in expansions(window.entries(), {x: [Tensor(v)]}, outputs, order)])
        for weight, v in directions(x)
    )
    return structure, outputs, found


def units(x: Any) -> list[Any]:
    """The unit vectors of the shape and dtype of ``x``."""
    found = np.eye(x.size, dtype=x.dtype).reshape(x.size, *x.shape)
    return [e[()] for e in found]
