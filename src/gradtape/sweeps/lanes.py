"""Dead lanes on their way back: how a mask is moved, summed and met (see rules/lanes.py).

A lane is dead where no value of the target depends on it.  Entry by entry the mask goes to the inputs with the
cotangent: an input is dead where all that it meets is dead.
"""

from __future__ import annotations

from functools import reduce
from operator import or_
from typing import Any

import numpy as np

from ..primitives.complexes import real
from ..primitives.reductions import any as any_of
from ..primitives.selection import where
from ..primitives.shapes import astype, broadcast_to, reshape, sum_to
from ..record.tensor import Tensor, value_of
from ..rules.lanes import Lanes


def unbroadcast(row: Any, params: Any, i: int, x: Tensor, xs: Any, c: Any, alive: Any) -> Any:
    """Sum a contribution over the axes along which ``x`` was repeated, its dead lanes with it."""
    if row.alive and row.alive[i] is not None:
        own = row.alive[i](*xs, **params)
        alive = own if alive is None else own & alive
    if alive is not None:
        c = where(alive, c, 0.0)
        if alive.shape != c.shape:  # a condition may be smaller than what it chooses between
            alive = broadcast_to(alive, shape=c.shape)
    if c.dtype is not x.data.dtype:
        c = in_dtype_of(x, c)
    shape = x.data.shape
    if c.shape != shape:
        c = sum_to(c, shape=shape)
        if alive is not None:
            alive = _any_to(alive, shape)
    return c if alive is None else Lanes(c, alive)


def _any_to(alive: Any, shape: tuple[int, ...]) -> Any:
    """Whether any is alive of what is summed to ``shape``."""
    lead = len(alive.shape) - len(shape)
    summed = [i for i, n in enumerate(alive.shape) if i < lead or shape[i - lead] != n]
    return reshape(any_of(alive, axis=tuple(summed), keepdims=False), shape=shape)


def in_dtype_of(x: Tensor, c: Any) -> Any:
    """Mixed dtypes: a float32 input gets a float32 cotangent, a real one a real cotangent."""
    dtype = x.data.dtype
    if c.dtype.kind == "c" and dtype.kind != "c":
        c = real(c)
    return c if c.dtype == dtype else astype(c, dtype=dtype)


def met_by(row: Any, xs: Any, alive: Any, params: Any) -> list[Any] | None:
    """For each input of a contraction, where it meets a lane that is alive; None: everywhere.

    What meets dead lanes alone has no influence, so an inf or nan there is of no account.
    """
    shapes = [np.shape(value_of(x)) for x in xs]
    ranks = [len(shape) for shape in shapes]
    if not params and min(ranks) > 1:  # matrices: an entry of the first meets its whole row, of the second its column
        rows, columns = any_of(alive, axis=-1, keepdims=True), any_of(alive, axis=-2, keepdims=True)
        if not isinstance(alive, Tensor) and rows.all() and columns.all():
            return None  # as a rule, and cheap to see: no row and no column is dead
        if ranks[0] == ranks[1] and shapes[0][:-2] == shapes[1][:-2]:
            return [broadcast_to(rows, shape=shapes[0]), broadcast_to(columns, shape=shapes[1])]
    ones = [np.ones(shape) for shape in shapes]
    return [transposed(row, i, where(alive, 1.0, 0.0), ones, params) > 0 for i in range(len(xs))]


def met_by_outputs(row: Any, xs: Any, cts: Any, params: Any) -> tuple[list[Any] | None, Any]:
    """For each input of a row with several outputs, where it meets a lane of one of them that is alive; None: anywhere.

    And the cotangents without their lanes.
    """
    given = [ct for ct in cts if ct is not None]
    dense = tuple([ct.ct if type(ct) is Lanes else ct for ct in cts])
    if not all(type(ct) is Lanes for ct in given):
        return None, dense
    return [reduce(or_, [row.met(ct.alive, i, *xs, **params) for ct in given]) for i in range(len(xs))], dense


def beyond(row: Any, params: Any, i: int, xs: Any, c: Any, alive: Any) -> Any:
    """A contribution of a row whose lanes are not told apart: dead where all that it meets is dead."""
    met = row.met(alive, i, *xs, **params) if row.met is not None else any_of(alive)
    c = where(met, c, 0.0)
    return Lanes(c, met if met.shape == c.shape else broadcast_to(met, shape=c.shape))


def transposed(row: Any, i: int, ct: Any, xs: Any, params: Any) -> Any:
    if row.variadic is not None:
        return row.variadic(i, ct, *xs, **params)
    return row.transposes[i](ct, *xs, **params)


def has_nan(ct: Any) -> bool:
    """Whether there is a nan in a cotangent, or in a bundle of them."""
    values = ct if isinstance(ct, np.ndarray | np.generic) else ct.data
    return bool(np.isnan(values).any())
