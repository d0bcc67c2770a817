"""Rows that pick entries, put them back, and write them into copies.

Two families, because they cost differently.  A *basic* index (integers, slices, newaxis, ellipsis) is static,
never names an entry twice, and its transpose is one assignment into zeros: ``getitem``, ``place``, ``setitem``.
An *advanced* index has integer or boolean arrays in it.  They are inputs of the row (so that a replay with other
indices is right); ``index`` is the template that says where they go, an ``Ellipsis``-like :data:`ARRAY` in the
place of each: ``gather``, ``scatter_add``, ``scatter_set``.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..rules.batching import Batched, full, lanes, prepend_index, shift_axis
from ..rules.kinds import constant, linear
from .selection import where
from .shapes import Indices, drawn
from .templates import ARRAY as ARRAY
from .templates import filled, filling, gather_batch, last_writes_batch, positions, scatter_add_batch, scatter_set_batch


def _written(xp: Any, base: Any, index: Any, values: Any) -> Any:
    """A copy of ``base`` in which ``values`` stand at ``index``."""
    if hasattr(base, "at"):  # arrays that cannot be written into (JAX)
        return base.at[index].set(values)
    out = xp.array(base)
    out[index] = values
    return out[()]


# -- basic indices ---------------------------------------------------------------------------------------


def _getitem(xp: Any, x: Any, *, index: Any) -> Any:
    y = x[index]
    return y if y.ndim else y[()]


def _place(xp: Any, x: Any, *, index: Any, shape: tuple[int, ...]) -> Any:
    if shape == ():
        return x if x.ndim == 0 else xp.reshape(x, ())[()]
    out = xp.zeros(shape, dtype=x.dtype)
    if hasattr(out, "at"):
        return out.at[index].set(x)
    out[index] = x
    return out


getitem = linear(
    "getitem",
    _getitem,
    lambda ct, x, *, index: place(ct, index=index, shape=x.shape),
    params={"index": [(0,), (slice(None), 1)]},
    sample=drawn(
        ((3,), {"index": (1,)}),
        ((2, 3), {"index": (-1,)}),
        ((2, 3), {"index": (slice(None), slice(0, 3, 2))}),
        ((2, 3), {"index": (Ellipsis, None, slice(None, None, -1))}),
        ((2, 3), {"index": (0, slice(5, 2))}),
        ((), {"index": (None,)}),
        ((0, 3), {"index": (slice(None), 1)}),
    ),
    moves=True,
    drops=True,
    gathered=lambda cts, params, x: place_all(*cts, indices=tuple([p["index"] for p in params]), shape=x.shape),
    batch=prepend_index(),
    doc="``x[index]`` for integers, slices, newaxis and ellipsis.",
    public=False,
)

place = linear(
    "place",
    _place,
    lambda ct, x, *, index, shape: getitem(ct, index=index),
    params={"index": [(slice(0, 2),)], "shape": [(4, 3)]},
    sample=drawn(
        ((), {"index": (1,), "shape": (3,)}),
        ((3,), {"index": (-1,), "shape": (2, 3)}),
        ((2, 2), {"index": (slice(None), slice(0, 3, 2)), "shape": (2, 3)}),
        ((1,), {"index": (None,), "shape": ()}),
        ((0,), {"index": (slice(0, 0),), "shape": (3,)}),
    ),
    moves=True,
    batch=prepend_index("shape"),
    doc="Zeros of ``shape`` in which the input stands at ``index``: the transpose of ``getitem``.",
    public=False,
)


def _place_all(xp: Any, *xs: Any, indices: tuple[Any, ...], shape: tuple[int, ...]) -> Any:
    out = xp.zeros(shape, dtype=xp.result_type(*xs))
    for index, x in zip(indices, xs, strict=True):
        if hasattr(out, "at"):
            out = out.at[index].add(x)
        else:
            out[index] += x
    return out if shape else out[()]


def _place_all_batch(size: int, flags: Any, xs: Any, params: Any) -> Batched:
    indices = tuple([(slice(None), *(i if isinstance(i, tuple) else (i,))) for i in params["indices"]])
    return full(size, flags, xs), {"indices": indices, "shape": (size, *params["shape"])}


#: One buffer for all the parts of an array that a program read, where each by itself would take one.
place_all = linear(
    "place_all",
    _place_all,
    variadic=lambda i, ct, *xs, indices, shape: getitem(ct, index=indices[i]),
    params={"indices": [((0,), (0,))], "shape": [(3,)]},
    sample=drawn(
        ([(), ()], {"indices": ((1,), (-1,)), "shape": (3,)}),
        ([(3,), (2, 2), (3,)], {"indices": ((1,), (slice(None), slice(0, 3, 2)), (1,)), "shape": (2, 3)}),
        ([(1,), ()], {"indices": ((None,), ()), "shape": ()}),
        ([(0,), (3,)], {"indices": ((slice(0, 0),), (slice(None),)), "shape": (3,)}),
    ),
    moves=True,
    batch=_place_all_batch,
    doc="Zeros of ``shape`` to which each input is added at its index: the transpose of many ``getitem``.",
    public=False,
)


def _setitem_batch(size: int, flags: Any, xs: Any, params: Any) -> Batched:
    (x, _), moved = prepend_index()(size, flags, xs, params)
    return (x, filling(size, flags[1], xs[1])), moved


setitem = linear(
    "setitem",
    lambda xp, x, u, *, index: _written(xp, x, index, u),
    lambda ct, x, u, *, index: setitem(ct, 0.0, index=index),
    lambda ct, x, u, *, index: getitem(ct, index=index),
    params={"index": [(0,)]},
    sample=drawn(
        ([(3,), ()], {"index": (1,)}),
        ([(2, 3), (3,)], {"index": (-1,)}),
        ([(2, 3), (2, 2)], {"index": (slice(None), slice(0, 3, 2))}),
        ([(), ()], {"index": ()}),
        ([(2, 3), (2, 0)], {"index": (slice(None), slice(0, 0))}),
    ),
    moves=True,
    drops=True,
    batch=_setitem_batch,
    doc="A copy of ``x`` in which ``u``, which has the shape and dtype of ``x[index]``, stands at ``index``.",
    public=False,
)


# -- advanced indices ------------------------------------------------------------------------------------


def _gather(xp: Any, x: Any, *arrays: Any, index: tuple[Any, ...]) -> Any:
    y = x[filled(index, arrays)]
    return y if y.ndim else y[()]


def _scatter_add(xp: Any, x: Any, *arrays: Any, index: tuple[Any, ...], shape: tuple[int, ...]) -> Any:
    where_to = filled(index, arrays)
    if xp is not np:
        return xp.zeros(shape, dtype=x.dtype).at[where_to].add(x)
    flat = np.zeros(math.prod(shape), dtype=x.dtype)
    # On one flat integer index ufunc.at is as fast as a plain loop; on several it is 50 times slower.
    np.add.at(flat, np.ravel(positions(shape, where_to)), np.ravel(x))
    return flat.reshape(shape)[()]


def _gather_transposed(i: int, ct: Any, x: Any, *arrays: Any, index: tuple[Any, ...]) -> Any:
    return scatter_add(ct, *arrays, index=index, shape=x.shape)


def _scatter_transposed(i: int, ct: Any, x: Any, *arrays: Any, index: Any, shape: Any) -> Any:
    return gather(ct, *arrays, index=index)


gather = linear(
    "gather",
    _gather,
    variadic=_gather_transposed,
    params={"index": [(ARRAY,)]},
    sample=drawn(
        ([(3,), Indices([2, 0, 2])], {"index": (ARRAY,)}),
        ([(3, 2), Indices([[1], [-1]])], {"index": (ARRAY,)}),
        ([(2, 3), Indices([1, 0]), Indices([[2, 2], [0, 1]])], {"index": (ARRAY, ARRAY)}),
        ([(2, 3, 4), Indices([0, 0, 1]), Indices([2, 2, 1])], {"index": (ARRAY, slice(None), ARRAY)}),
        ([(2, 3), Indices([[True, False, True], [False, True, False]])], {"index": (ARRAY,)}),
        ([(2, 3), Indices([True, False, True])], {"index": (slice(None), ARRAY)}),
        ([(2, 3), Indices([0, 0])], {"index": (1, None, ARRAY)}),
        ([(3,), Indices(np.zeros(0, int))], {"index": (ARRAY,)}),
    ),
    moves=True,
    drops=True,
    batch=gather_batch,
    doc="``x[index]`` where index arrays take the places of ARRAY in the template ``index``.",
    public=False,
)

scatter_add = linear(
    "scatter_add",
    _scatter_add,
    variadic=_scatter_transposed,
    params={"index": [(ARRAY,)], "shape": [(3,)]},
    sample=drawn(
        ([(3,), Indices([2, 0, 2])], {"index": (ARRAY,), "shape": (3,)}),
        ([(2, 2), Indices([1, 0]), Indices([[2, 2], [0, 1]])], {"index": (ARRAY, ARRAY), "shape": (2, 3)}),
        ([(2, 2), Indices([True, False, True])], {"index": (slice(None), ARRAY), "shape": (2, 3)}),
        ([(0,), Indices(np.zeros(0, int))], {"index": (ARRAY,), "shape": (3,)}),
    ),
    moves=True,
    batch=scatter_add_batch,
    doc="Zeros of ``shape`` to which the entries are added at ``index``, repeated places summed: gather's transpose.",
    public=False,
)


def _last_writes(xp: Any, *arrays: Any, index: tuple[Any, ...], shape: tuple[int, ...]) -> Any:
    at = np.asarray(positions(shape, filled(index, tuple([np.asarray(a) for a in arrays]))))
    number = np.arange(at.size)
    latest = np.zeros(math.prod(shape), dtype=number.dtype)
    np.maximum.at(latest, at.ravel(), number)
    return (latest[at.ravel()] == number).reshape(at.shape)[()]


#: Where an index names a place twice, the last write counts: True for the writes that do.
last_writes = constant(
    "last_writes",
    _last_writes,
    arity=None,
    params={"index": [(ARRAY,)], "shape": [(3,)]},
    sample=drawn(([Indices([2, 0, 2])], {"index": (ARRAY,), "shape": (3,)})),
    batch=last_writes_batch,
    doc="For each place that an advanced index names, whether it names it for the last time.",
    public=False,
)


def _scatter_set(xp: Any, x: Any, u: Any, *arrays: Any, index: tuple[Any, ...]) -> Any:
    return _written(xp, x, filled(index, arrays), u)


def _set_transposed(i: int, ct: Any, x: Any, u: Any, *arrays: Any, index: tuple[Any, ...]) -> Any:
    if i == 0:
        return scatter_set(ct, 0.0, *arrays, index=index)
    return where(last_writes(*arrays, index=index, shape=x.shape), gather(ct, *arrays, index=index), 0.0)


scatter_set = linear(
    "scatter_set",
    _scatter_set,
    variadic=_set_transposed,
    params={"index": [(ARRAY,)]},
    sample=drawn(
        ([(3,), (2,), Indices([2, 0])], {"index": (ARRAY,)}),
        ([(3,), (3,), Indices([2, 0, 2])], {"index": (ARRAY,)}),
        ([(2, 3), (3,), Indices([[True, False, True], [False, True, False]])], {"index": (ARRAY,)}),
        ([(2, 3), (2, 2), Indices([1, 1])], {"index": (slice(None), ARRAY)}),
    ),
    moves=True,
    drops=True,
    batch=scatter_set_batch,
    doc="A copy of ``x`` with ``u``, which has the shape of ``x[index]``, at an advanced index; the last write stays.",
    public=False,
)


# -- one index per entry along an axis ------------------------------------------------------------------


def _along(x_shape: tuple[int, ...], indices: Any, axis: int) -> tuple[Any, ...]:
    """The advanced index that ``indices`` along ``axis`` stands for."""
    grid: list[Any] = list(np.ogrid[tuple([slice(n) for n in indices.shape])])
    grid[axis] = indices
    return tuple(grid)


def _add_along_axis(xp: Any, x: Any, indices: Any, *, axis: int, length: int) -> Any:
    shape = list(x.shape)
    shape[axis] = length
    index = _along(tuple(shape), indices, axis)
    if xp is not np:
        return xp.zeros(tuple(shape), dtype=x.dtype).at[index].add(x)
    flat = np.zeros(math.prod(shape), dtype=x.dtype)
    at = np.ravel_multi_index(np.broadcast_arrays(*index), tuple(shape), mode="wrap")
    np.add.at(flat, np.ravel(at), np.ravel(x))
    return flat.reshape(shape)


take_along_axis = linear(
    "take_along_axis",
    lambda xp, x, indices, *, axis: xp.take_along_axis(x, indices, axis=axis),
    lambda ct, x, indices, *, axis: add_along_axis(ct, indices, axis=axis, length=x.shape[axis]),
    None,
    params={"axis": [0, 1]},
    sample=drawn(
        ([(3,), Indices([2, 0, 2, 1])], {"axis": 0}),
        ([(2, 3), Indices([[2, 2], [0, -1]])], {"axis": 1}),
        ([(2, 3), Indices([[1, 0, 1]])], {"axis": 0}),
        ([(3,), Indices(np.zeros(0, int))], {"axis": -1}),
    ),
    moves=True,
    drops=True,
    batch=shift_axis("axis"),
    doc="``y[.., k, ..] = x[.., indices[.., k, ..], ..]`` along ``axis``; the other axes have the same lengths.",
    public=False,
)

add_along_axis = linear(
    "add_along_axis",
    _add_along_axis,
    lambda ct, x, indices, *, axis, length: take_along_axis(ct, indices, axis=axis),
    None,
    params={"axis": [0], "length": [3]},
    sample=drawn(
        ([(4,), Indices([2, 0, 2, 1])], {"axis": 0, "length": 3}),
        ([(2, 2), Indices([[2, 2], [0, -1]])], {"axis": 1, "length": 3}),
        ([(0,), Indices(np.zeros(0, int))], {"axis": -1, "length": 3}),
    ),
    moves=True,
    batch=shift_axis("axis"),
    doc="Zeros of ``length`` along ``axis``, to which entries are added at ``indices``: take_along_axis's transpose.",
    public=False,
)

bounded = constant(
    "bounded",
    lambda xp, i, *, n, mode: i % n if mode == "wrap" else xp.clip(i, 0, n - 1),
    params={"n": [3], "mode": ["wrap", "clip"]},
    sample=drawn(([Indices([-1, 0, 5])], {"n": 3, "mode": "wrap"})),
    batch=lanes,
    doc="Indices brought into range(n), by wrapping round or by clipping.",
    public=False,
)
