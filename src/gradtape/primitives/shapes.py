"""Rows that move entries without computing: reshape, transpose, broadcast, flip, diagonals, dtypes.

All of them are linear with coefficients 0 and 1, so each row is its value and its transpose.
Joining and cutting (concat, pad, slices) are in joining.py and indexing.py.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..record.writer import renamer
from ..rules.batching import Batched, lanes, leading, reshaped, shift_axis, shifted
from ..rules.kinds import constant, linear
from ..rules.primitive import Rule


def drawn(*cases: tuple[Any, dict[str, Any]]) -> Rule:
    """A ``sample`` for the tests: cases of one shape, or a tuple of shapes and index arrays, with parameters."""

    def sample(rng: Any) -> list[tuple[tuple[Any, ...], dict[str, Any]]]:
        made: list[tuple[tuple[Any, ...], dict[str, Any]]] = []
        for what, params in cases:
            shapes = what if isinstance(what, list) else [what]
            inputs = tuple([rng.normal(size=s) if isinstance(s, tuple) else np.array(s.values) for s in shapes])
            made.append((tuple([np.asarray(x)[()] for x in inputs]), params))
        return made

    return sample


class Indices:
    """An integer or boolean array among the shapes of :func:`drawn`."""

    def __init__(self, values: Any) -> None:
        self.values = values


def _plain(y: Any) -> Any:
    """0-d results as NumPy scalars."""
    return y if y.ndim else y[()]


def _sum_to_batch(size: int, flags: Any, xs: Any, params: Any) -> Batched:
    (x,), shape = xs, params["shape"]
    kept = (size, *(1,) * (x.ndim - 1 - len(shape)), *shape)
    return xs, {"shape": kept}, lambda y: reshaped(y, (size, *shape))


def _broadcast_batch(size: int, flags: Any, xs: Any, params: Any) -> Batched:
    (x,), shape = xs, params["shape"]
    return [reshaped(x, (size, *(1,) * (len(shape) + 1 - x.ndim), *x.shape[1:]))], {"shape": (size, *shape)}


def _reshape_batch(size: int, flags: Any, xs: Any, params: Any) -> Batched:
    shape, length = params["shape"], math.prod(xs[0].shape[1:])
    known = -math.prod(shape) if -1 in shape else 1
    return xs, {"shape": (size, *[length // known if n == -1 else n for n in shape])}


def _transpose_batch(size: int, flags: Any, xs: Any, params: Any) -> Batched:
    return xs, {"axes": (0, *shifted(params["axes"], xs[0].ndim - 1))}


identity = linear(
    "identity",
    lambda xp, x: x,
    lambda ct, x: ct,
    moves=True,
    sample=drawn(((), {}), ((3,), {}), ((2, 0), {})),
    batch=lanes,
    doc="The same value under a new identity.",
    public=False,
)

renamer.append(identity)

#: A value that derivatives do not see; for rules that hold a mask or a shift.
held = constant("held", lambda xp, x: x, batch=lanes, doc="The value, held: no derivative flows through.", public=False)

stop_gradient = constant(
    "stop_gradient",
    lambda xp, x: x,
    batch=lanes,
    doc="""The value, with no derivative: y = x, dy/dx is cut.

    A gradient that has no other path to its source is None, and the warning names this line.

    >>> import gradtape as gt
    >>> x = gt.Variable(3.0)
    >>> with gt.GradientTape() as tape:
    ...     y = x * gt.stop_gradient(x)
    >>> tape.gradient(y, x)
    Tensor(3.0)
    """,
)


def _sum_to(xp: Any, x: Any, *, shape: tuple[int, ...]) -> Any:
    extra = x.ndim - len(shape)
    axes = tuple(range(extra)) + tuple(i + extra for i, n in enumerate(shape) if n == 1 and x.shape[i + extra] != 1)
    y = xp.sum(x, axis=axes, keepdims=True, dtype=x.dtype) if axes else x
    return xp.reshape(y, shape)[()]


sum_to = linear(
    "sum_to",
    _sum_to,
    lambda ct, x, *, shape: broadcast_to(ct, shape=x.shape),
    params={"shape": [(3,), (1, 3)]},
    sample=drawn(
        ((2, 3), {"shape": (3,)}),
        ((2, 3), {"shape": (1, 3)}),
        ((2, 3), {"shape": ()}),
        ((4, 2, 3), {"shape": (2, 1)}),
        ((0, 3), {"shape": (3,)}),
        ((2, 3), {"shape": (2, 3)}),
    ),
    moves=True,
    batch=_sum_to_batch,
    doc="Sum over the axes that broadcasting ``shape`` to the input's shape would repeat.",
    public=False,
)

broadcast_to = linear(
    "broadcast_to",
    lambda xp, x, *, shape: _plain(xp.broadcast_to(x, shape)),
    lambda ct, x, *, shape: sum_to(ct, shape=x.shape),
    params={"shape": [(2, 3)]},
    sample=drawn(
        ((2, 3), {"shape": (2, 3)}),
        ((3,), {"shape": (2, 3)}),
        ((2, 1), {"shape": (4, 2, 3)}),
        ((), {"shape": (3,)}),
        ((), {"shape": ()}),
        ((1,), {"shape": (0,)}),
    ),
    moves=True,
    batch=_broadcast_batch,
    doc="The input repeated along new or length-1 axes, to ``shape``.",
    public=False,
)

reshape = linear(
    "reshape",
    lambda xp, x, *, shape: xp.reshape(x, shape)[()],
    lambda ct, x, *, shape: reshape(ct, shape=x.shape),
    params={"shape": [(-1,), (3, 2)]},
    sample=drawn(
        ((2, 3), {"shape": (-1,)}),
        ((2, 3), {"shape": (3, 2)}),
        ((1, 1), {"shape": ()}),
        ((), {"shape": (1, 1)}),
        ((0, 3), {"shape": (3, 0)}),
    ),
    moves=True,
    batch=_reshape_batch,
    doc="The same entries, in the same order, in another shape.",
    public=False,
)


def inverse(axes: tuple[int, ...]) -> tuple[int, ...]:
    """The permutation that undoes ``axes``."""
    return tuple(sorted(range(len(axes)), key=[a % len(axes) for a in axes].__getitem__))


transpose = linear(
    "transpose",
    lambda xp, x, *, axes: xp.transpose(x, axes),
    lambda ct, x, *, axes: transpose(ct, axes=inverse(axes)),
    params={"axes": [(1, 0), (0, 1)]},
    sample=drawn(
        ((2, 3), {"axes": (1, 0)}),
        ((2, 3, 4), {"axes": (1, 2, 0)}),
        ((2, 3, 4), {"axes": (-1, 0, -2)}),
        ((0, 2), {"axes": (1, 0)}),
        ((3,), {"axes": (0,)}),
    ),
    moves=True,
    batch=_transpose_batch,
    doc="The axes in the order ``axes``: ``y.shape[i] == x.shape[axes[i]]``.",
    public=False,
)

flip = linear(
    "flip",
    lambda xp, x, *, axis: xp.flip(x, axis=axis),
    lambda ct, x, *, axis: flip(ct, axis=axis),
    params={"axis": [(0,), (0, 1), (-1,)]},
    sample=drawn(((3,), {"axis": (0,)}), ((2, 3), {"axis": (0, 1)}), ((2, 0), {"axis": (-1,)})),
    moves=True,
    batch=shift_axis("axis"),
    doc="The entries in reverse order along the axes ``axis``.",
    public=False,
)

roll = linear(
    "roll",
    lambda xp, x, *, shift, axis: xp.roll(x, shift, axis=axis),
    lambda ct, x, *, shift, axis: roll(ct, shift=tuple([-s for s in shift]), axis=axis),
    params={"shift": [(1,), (-4,)], "axis": [(0,), (1,)]},
    sample=drawn(
        ((2, 3), {"shift": (1,), "axis": (1,)}),
        ((2, 3), {"shift": (-1, 5), "axis": (0, 1)}),
        ((3,), {"shift": (7,), "axis": (0,)}),
        ((0,), {"shift": (1,), "axis": (0,)}),
    ),
    moves=True,
    batch=shift_axis("axis"),
    doc="The entries moved on by ``shift`` places along each axis, those that fall off coming in at the other end.",
    public=False,
)

tril = linear(
    "tril",
    lambda xp, x, *, k: xp.tril(x, k),
    lambda ct, x, *, k: tril(ct, k=k),
    params={"k": [0, 1, -1]},
    sample=drawn(((3, 3), {"k": 0}), ((2, 3), {"k": 1}), ((2, 3, 2), {"k": -1}), ((0, 2), {"k": 0})),
    moves=True,
    drops=True,
    batch=leading(),
    doc="The lower triangles of the last two axes: entries above diagonal ``k`` are zero.",
    public=False,
)

triu = linear(
    "triu",
    lambda xp, x, *, k: xp.triu(x, k),
    lambda ct, x, *, k: triu(ct, k=k),
    params={"k": [0, 1, -1]},
    sample=drawn(((3, 3), {"k": 0}), ((2, 3), {"k": 1}), ((2, 3, 2), {"k": -1}), ((0, 2), {"k": 0})),
    moves=True,
    drops=True,
    batch=leading(),
    doc="The upper triangles of the last two axes: entries below diagonal ``k`` are zero.",
    public=False,
)


def _diagonal(xp: Any, x: Any, *, offset: int) -> Any:
    return xp.diagonal(x, offset, -2, -1)


def _on_diagonal(xp: Any, x: Any, *, offset: int, shape: tuple[int, int]) -> Any:
    # One dimension less: on the flattened matrix a diagonal is a slice of step (columns + 1).
    rows, columns = shape
    start = offset if offset >= 0 else -offset * columns
    flat = np.arange(rows * columns)[start :: columns + 1][: x.shape[-1]]
    out = xp.zeros((*x.shape[:-1], rows * columns), dtype=x.dtype)
    if hasattr(out, "at"):  # arrays that cannot be written into (JAX)
        out = out.at[..., flat].set(x)
    else:
        out[..., flat] = x
    return xp.reshape(out, (*x.shape[:-1], rows, columns))


diagonal = linear(
    "diagonal",
    _diagonal,
    lambda ct, x, *, offset: on_diagonal(ct, offset=offset, shape=x.shape[-2:]),
    params={"offset": [0, 1, -1]},
    sample=drawn(
        ((3, 3), {"offset": 0}),
        ((2, 3), {"offset": 1}),
        ((2, 3), {"offset": -1}),
        ((2, 3), {"offset": 3}),
        ((4, 3, 2), {"offset": -1}),
        ((0, 0), {"offset": 0}),
    ),
    moves=True,
    drops=True,
    batch=leading(),
    doc="Diagonal ``offset`` of the last two axes, as a new last axis.",
    public=False,
)

on_diagonal = linear(
    "on_diagonal",
    _on_diagonal,
    lambda ct, x, *, offset, shape: diagonal(ct, offset=offset),
    params={"offset": [0], "shape": [(3, 3)]},
    sample=drawn(
        ((3,), {"offset": 0, "shape": (3, 3)}),
        ((2,), {"offset": 1, "shape": (2, 3)}),
        ((1,), {"offset": -1, "shape": (2, 3)}),
        ((4, 2), {"offset": -1, "shape": (3, 2)}),
        ((0,), {"offset": 3, "shape": (2, 3)}),
    ),
    moves=True,
    batch=leading(),
    doc="Matrices of ``shape`` that are zero but on diagonal ``offset``, where they hold the last axis.",
    public=False,
)


def _astype(xp: Any, x: Any, *, dtype: Any) -> Any:
    # Complex to real is the transpose of real to complex: the real part.
    if x.dtype.kind == "c" and np.dtype(dtype).kind != "c":
        x = xp.real(x)
    return x.astype(dtype)


astype = linear(
    "astype",
    _astype,
    lambda ct, x, *, dtype: astype(ct, dtype=x.dtype),
    params={"dtype": ["float32", "complex128"]},
    sample=drawn(((3,), {"dtype": "float64"}), ((2, 3), {"dtype": "complex128"}), ((), {"dtype": "float64"})),
    moves=True,
    batch=lanes,
    doc="The value in another floating dtype.",
    public=False,
)

truncate = constant(
    "truncate",
    lambda xp, x, *, dtype: (xp.real(x) if x.dtype.kind == "c" else x).astype(dtype),
    params={"dtype": ["int64", "bool"]},
    batch=lanes,
    doc="The value in an integer or boolean dtype, which no derivative passes.",
    public=False,
)


def full_shape(x: Any, shape: tuple[int, ...]) -> tuple[int, ...]:
    """``shape`` with its -1, if any, worked out for the entries of ``x``."""
    if -1 not in shape:
        return shape
    known = math.prod(n for n in shape if n != -1)
    return tuple([x.size // known if n == -1 and known else n for n in shape])
