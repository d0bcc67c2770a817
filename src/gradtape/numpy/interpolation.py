"""Interpolation in several dimensions: between the entries of an array, and on a rectangular grid."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product
from math import prod
from typing import Any

import numpy as np

from ..errors import ShapeError, message
from ..primitives.indexing import ARRAY, gather
from ..primitives.rounding import floor, round
from ..primitives.selection import clip, where
from ..primitives.shapes import held
from ..primitives.sorting import searchsorted
from ..record.tensor import Tensor
from .casting import cast
from .reductions import tensor

_gradtape_composes = True

__all__ = ["interpn", "map_coordinates"]

_MODES = ("constant", "nearest", "reflect", "mirror", "grid-wrap")


def _floats(x: Any) -> Tensor:
    x = tensor(x)
    return x if x.dtype.kind in "fc" else cast(x, np.float64)


def _entry(i: Any, n: int, mode: str) -> Any:
    """Which of n entries stands at the whole number ``i``, an array of integers."""
    if mode == "grid-wrap":
        return i % n
    if mode == "reflect":
        i = i % (2 * n)
        return where(i >= n, 2 * n - 1 - i, i)
    if mode == "mirror":
        period = max(2 * n - 2, 1)
        i = i % period
        return where(i >= n, period - i, i)
    return clip(i, 0, n - 1)


def _corner_sum(x: Tensor, places: list[list[tuple[Any, Any]]]) -> Any:
    """The sum over the corners of a cell of the product of their weights times the entry there."""
    total: Any = None
    for corner in product(*places):
        value: Any = gather(x, *[i for i, _ in corner], index=(ARRAY,) * len(corner))
        for _, weight in corner:
            value = value if weight is None else value * weight
        total = value if total is None else total + value
    return total


def map_coordinates(x: Any, coordinates: Any, order: int = 1, mode: str = "constant", cval: float = 0.0) -> Tensor:
    """The values of ``x`` at ``coordinates``, an array of one row of places for each axis; as SciPy's ndimage.

    ``order`` 0 takes the nearest entry, 1 interpolates linearly along each axis.  Beyond the ends ``mode`` says what is
    there: "constant" (``cval``), "nearest", "reflect" (d c b a | a b c d), "mirror" (d c b | a b c d) or "grid-wrap".
    Differentiable in ``x`` and, with order 1, in the coordinates: at an entry the slope is that of the right side.

    >>> import gradtape as gt
    >>> gt.map_coordinates([[0.0, 1.0], [2.0, 3.0]], [[0.5, 1.0], [0.5, 0.25]])
    Tensor([1.5 , 2.25])
    """
    x, at = _floats(x), _floats(coordinates)
    if at.ndim == 0 or at.shape[0] != x.ndim or x.ndim == 0:
        raise ShapeError(
            message(
                "map_coordinates: one row of coordinates for each axis",
                [f"an array with {x.ndim} axes", f"coordinates of shape {at.shape}"],
            )
        )
    if order not in (0, 1) or mode not in _MODES:
        raise ValueError(
            message(f"map_coordinates: order={order!r}, mode={mode!r}", remedy=f"Use order 0 or 1, a mode of {_MODES}.")
        )
    outside: Any = None
    places: list[list[tuple[Any, Any]]] = []
    for axis, n in enumerate(x.shape):
        c: Any = at[axis]
        if mode == "constant":
            beyond = (c < 0) | (c > n - 1)
            outside = beyond if outside is None else outside | beyond
            c = where(beyond, 0.0, c)  # a place beyond the ends has no influence
        if order == 0:
            places.append([(_entry(cast(held(round(c, decimals=0)), np.int64), n, mode), None)])
            continue
        left = floor(c)
        rest = c - left
        i = cast(held(left), np.int64)
        places.append([(_entry(i, n, mode), 1.0 - rest), (_entry(i + 1, n, mode), rest)])
    if not x.size:
        if prod(at.shape[1:]) and mode != "constant":
            raise ShapeError(message("map_coordinates: values of an array without entries", f"shape {x.shape}"))
        return at[0] * 0.0 + cval
    y = _corner_sum(x, places)
    return y if outside is None else where(outside, cval, y)


def interpn(points: Sequence[Any], values: Any, xi: Any) -> Tensor:
    """Linear interpolation on a rectangular grid: ``points[k]`` are the ascending places along axis k of ``values``.

    ``xi`` holds places in its last axis, one number for each grid axis; axes of ``values`` behind those of the grid
    are carried along.  Outside the grid the outermost cells are continued.  Differentiable in ``values`` and ``xi``
    (on a grid line with the slope of the right side); the grid is held.

    >>> import gradtape as gt
    >>> gt.interpn([[0.0, 1.0], [0.0, 10.0]], [[0.0, 1.0], [2.0, 3.0]], [[0.5, 5.0], [1.0, 2.5]])
    Tensor([1.5 , 2.25])
    """
    values, at = _floats(values), _floats(xi)
    grid = [np.asarray(p, np.float64) for p in points]
    shape = tuple([p.size for p in grid])
    if at.ndim == 0 or at.shape[-1] != len(grid) or values.shape[: len(grid)] != shape or min(shape, default=0) < 2:
        raise ShapeError(
            message(
                "interpn: a grid of at least two places along each axis, and one number for each in xi",
                [f"grid {shape}", f"values of shape {values.shape}", f"xi of shape {at.shape}"],
            )
        )
    if any(np.any(np.diff(p) <= 0) for p in grid):
        raise ValueError(message("interpn: the places along each axis must ascend", [f"{p}" for p in grid]))
    carried = values.ndim - len(grid)
    places: list[list[tuple[Any, Any]]] = []
    for k, p in enumerate(grid):
        c: Any = at[..., k]
        i = clip(searchsorted(p, c, side="right") - 1, 0, p.size - 2)
        low = gather(p, i, index=(ARRAY,))
        rest = (c - low) / (gather(p, i + 1, index=(ARRAY,)) - low)
        rest = rest[(..., *(None,) * carried)] if carried else rest
        places.append([(i, 1.0 - rest), (i + 1, rest)])
    return _corner_sum(values, places)
