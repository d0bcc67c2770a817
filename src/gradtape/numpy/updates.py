"""Writing into copies: ``t.at[index].set(values)`` and its kin.

A Tensor is a value and does not change; ``t.at[i].set(v)`` is the Tensor that ``t`` would be after ``t[i] = v``.
Derivatives flow through what stays and through what is written.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ..errors import DtypeError, ShapeError, message
from ..primitives import arithmetic, selection, shapes
from ..primitives import indexing as rows
from ..record import sites
from ..record.tensor import Tensor, read
from ..record.variable import Variable
from ..record.writer import lift
from .casting import cast
from .indexing import getitem, parsed
from .shapes import tensor

_gradtape_composes = True

__all__ = ["index_add", "index_update"]


class At:
    """``t.at``: index it, then say what happens there."""

    __slots__ = ("_x",)

    def __init__(self, x: Any) -> None:
        self._x = x

    def __getitem__(self, index: Any) -> Place:
        return Place(self._x.value if isinstance(self._x, Variable) else self._x, index)


class Place:
    """Some entries of a Tensor: each method returns the whole Tensor with those entries changed.

    Where an index names an entry twice, ``set`` keeps the last value; the others apply one after the other.

    >>> import gradtape as gt
    >>> t = gt.asarray([1.0, 2.0, 3.0])
    >>> t.at[1].set(9.0), t.at[[0, 0]].add(1.0), t.at[1:].multiply(2.0)
    (Tensor([1., 9., 3.]), Tensor([3., 2., 3.]), Tensor([1., 4., 6.]))
    """

    __slots__ = ("_index", "_x")

    def __init__(self, x: Tensor, index: Any) -> None:
        self._x = x
        self._index = index

    def get(self) -> Tensor:
        """The entries themselves."""
        return getitem(self._x, self._index)

    def set(self, values: Any) -> Tensor:
        """The Tensor with ``values`` there."""
        return index_update(self._x, self._index, values)

    def add(self, values: Any) -> Tensor:
        """The Tensor with ``values`` added there; repeated entries collect the sum."""
        return index_add(self._x, self._index, values)

    def subtract(self, values: Any) -> Tensor:
        """The Tensor with ``values`` subtracted there."""
        return index_add(self._x, self._index, -fitted(values, self._x, "at[].subtract"))

    def multiply(self, values: Any) -> Tensor:
        """The Tensor with the entries there multiplied by ``values``."""
        return self._apply(arithmetic.multiply, values)

    mul = multiply

    def divide(self, values: Any) -> Tensor:
        """The Tensor with the entries there divided by ``values``."""
        return self._apply(arithmetic.divide, values)

    def power(self, values: Any) -> Tensor:
        """The Tensor with the entries there raised to the power ``values``."""
        return self._apply(arithmetic.power, values)

    def min(self, values: Any) -> Tensor:
        """The Tensor with the smaller of each entry there and ``values``."""
        return self._apply(selection.minimum, values)

    def max(self, values: Any) -> Tensor:
        """The Tensor with the larger of each entry there and ``values``."""
        return self._apply(selection.maximum, values)

    def apply(self, function: Callable[[Tensor], Any]) -> Tensor:
        """The Tensor with ``function`` of the entries there, each taken once."""
        return self.set(function(self.get()))

    def _apply(self, op: Callable[..., Any], values: Any) -> Tensor:
        x = self._x
        values = fitted(values, x, f"at[].{op.__name__}")
        template, arrays = parsed(self._index)
        if not arrays:
            return index_update(x, template, op(rows.getitem(x, index=template), values))
        places = rows.positions(x.shape, rows.filled(template, tuple([read(a, "at[]") for a in arrays])))
        if places.size == np.unique(places).size:
            return index_update(x, self._index, op(self.get(), values))
        # One round for each repetition: the first time an entry is named, then the second ...
        flat = shapes.reshape(x, shape=(-1,))
        values = shapes.reshape(shapes.broadcast_to(tensor(values), shape=places.shape), shape=(-1,))
        at = places.ravel()
        turn = _turns(at)
        for k in range(int(turn.max()) + 1):
            mine = np.flatnonzero(turn == k)
            new = op(getitem(flat, at[mine]), getitem(values, mine))
            flat = index_update(flat, at[mine], new)
        return shapes.reshape(flat, shape=x.shape)


def _turns(at: Any) -> Any:
    """For each place, how often it was named before."""
    order = np.argsort(at, stable=True)
    ordered = at[order]
    starts = np.r_[True, ordered[1:] != ordered[:-1]]
    first = np.maximum.accumulate(np.where(starts, np.arange(at.size), 0))
    turn = np.empty_like(order)
    turn[order] = np.arange(at.size) - first
    return turn


def fitted(values: Any, x: Tensor | Variable, asked: str) -> Any:
    """``values`` in the dtype of ``x``; DtypeError where they would lose more than precision."""
    dtype = x.dtype
    values = lift(values)
    if not isinstance(values, Tensor):
        kind = np.asarray(values).dtype.kind
        if kind == dtype.kind or np.can_cast(np.asarray(values).dtype, dtype, "same_kind"):
            return Tensor(dtype.type(values))
        found = type(values).__name__
    elif values.dtype == dtype or np.can_cast(values.dtype, dtype, "same_kind"):
        return cast(values, dtype)
    else:
        found = str(values.dtype)
    raise DtypeError(
        message(
            f"{asked}: {found} into {dtype}",
            where=str(sites.user_line()),
            remedy=f"Convert it first: gt.astype(value, {str(dtype)!r}).",
        )
    )


def index_update(x: Any, index: Any, values: Any) -> Tensor:
    """``x`` with ``values`` at ``index``; ``t.at[index].set(values)``. Repeated entries keep the last value.

    >>> import gradtape as gt
    >>> gt.index_update(gt.zeros((3,)), 1, 5.0)
    Tensor([0., 5., 0.])
    """
    x = tensor(x)
    values = fitted(values, x, "at[].set")
    template, arrays = parsed(index)
    values = _spread(values, x, template, arrays)
    if arrays:
        return rows.scatter_set(x, values, *arrays, index=template)
    return rows.setitem(x, values, index=template)


def index_add(x: Any, index: Any, values: Any) -> Tensor:
    """``x`` with ``values`` added at ``index``; ``t.at[index].add(values)``. Repeated entries collect the sum.

    >>> import gradtape as gt
    >>> gt.index_add(gt.ones((3,)), [0, 0], 5.0)
    Tensor([11.,  1.,  1.])
    """
    x = tensor(x)
    values = fitted(values, x, "at[].add")
    template, arrays = parsed(index)
    values = _spread(values, x, template, arrays)
    if arrays:
        return x + rows.scatter_add(values, *arrays, index=template, shape=x.shape)
    return x + rows.place(values, index=template, shape=x.shape)


def _spread(values: Tensor, x: Tensor, template: tuple[Any, ...], arrays: tuple[Any, ...]) -> Tensor:
    """``values`` broadcast to the entries that the index names; ShapeError where they do not fit."""
    try:
        shape = np.shape(x.data[rows.filled(template, tuple([a.data for a in arrays]))])
    except IndexError as error:
        where = str(sites.user_line())
        raise IndexError(
            message(f"writing into shape {x.shape}: {error}", where=where, remedy="Nothing was changed.")
        ) from None
    if values.shape == shape:
        return values
    extra = values.ndim - len(shape)
    fit = values
    if extra > 0 and values.shape[:extra] == (1,) * extra:  # NumPy drops leading axes of length 1 too
        fit = shapes.reshape(values, shape=values.shape[extra:])
    try:
        np.broadcast_to(np.empty(fit.shape, bool), shape)
    except ValueError:
        raise ShapeError(
            message(
                "the values do not fit the entries that the index names",
                [f"entries of shape {shape}", f"values of shape  {values.shape}"],
                str(sites.user_line()),
                "Nothing was changed; give the values that shape, or one that broadcasts to it.",
            )
        ) from None
    return shapes.broadcast_to(fit, shape=shape)


Tensor.at = property(At, doc="``t.at[index].set(values)``: the Tensor with entries changed; see Place.")  # type: ignore[assignment]
Variable.at = property(At, doc="``v.at[index].set(values)``: a Tensor of the value with entries changed.")  # type: ignore[attr-defined]
