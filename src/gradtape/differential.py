"""Differential operators: laplacian and biharmonic, exact, by one record and a collapsed Taylor sweep."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import wraps
from math import prod
from typing import Any

import numpy as np

from . import trees
from .errors import ShapeError, TapeError, message
from .explain import kinked
from .operators import fresh
from .primitives.indexing import getitem
from .primitives.joining import concat
from .primitives.shapes import identity, reshape, transpose
from .record import events, sites
from .record.segment import Entry, Pause, Window, is_recording
from .record.tensor import Tensor, value_of
from .record.variable import Variable
from .record.writer import lift, strong
from .sweeps.batch import Replay, with_axis
from .sweeps.collapse import Collapse
from .sweeps.expansion import expansions
from .sweeps.query import BEST, BUDGET, ones, zeros
from .sweeps.sharing import shared

_gradtape_composes = True

__all__ = ["biharmonic", "laplacian"]

#: A weight, and the directions that have it, one a row.
Group = tuple[float, Any]


def laplacian(
    f: Callable[..., Any], argnums: int = 0, *, axis: int | None = None, weights: Any = None
) -> Callable[..., Any]:
    """The Laplacian of ``f``: sum_i d^2 f / dx_i^2 over the elements of one argument, for each output of ``f``.

    All directions at once, and of the second coefficients only their sum: n + 2 arrays for each value of ``f``, where
    the Hessian's trace takes more than 2 n (collapsed Taylor mode, Dangel et al. 2025; the forward Laplacian of Li et
    al. 2024).  The result is recorded like any other: gradients with respect to parameters flow through it.

    Parameters
    ----------
    f
        A function of arrays; it may return a tree of arrays of any shape.
    argnums
        The argument that is varied, a floating array.
    axis
        None: the argument is one point.  A number: it holds many points, each with its coordinates along this axis,
        and ``f`` answers for each point by itself: its results begin with the axes of ``x`` that are left.  The
        Laplacian is then each point's own.  ``f`` is recorded for one point, and walked for all; that its values are
        then what they were is verified.
    weights
        One number per coordinate: sum_i w_i d^2 f / dx_i^2 instead.

    Raises
    ------
    ShapeError
        With ``axis``: where a result does not begin with the points' axes, or one point has influence on another.

    >>> import gradtape as gt
    >>> gt.laplacian(lambda x: gt.sum(x**3))([1.0, 2.0])
    Tensor(18.0)
    >>> gt.laplacian(lambda x: x[:, 0] ** 3 * x[:, 1] ** 2, axis=-1)([[1.0, 2.0], [2.0, 1.0]])
    Tensor([26., 28.])
    """

    def directions(n: int) -> list[Group]:
        if weights is None:
            return [(1.0, np.eye(n))]
        w = np.asarray(value_of(weights), dtype=float).reshape(-1)
        if w.size != n:
            raise ShapeError(message(f"laplacian: {w.size} weights for {n} coordinates", where=str(sites.user_line())))
        return [(c, np.eye(n)[w == c]) for c in np.unique(w[w != 0]).tolist()]

    return operator(f, argnums, 2, directions, axis, "laplacian")


def biharmonic(f: Callable[..., Any], argnums: int = 0, *, axis: int | None = None) -> Callable[..., Any]:
    """The Laplacian of the Laplacian of ``f``: sum_ij d^4 f / dx_i^2 dx_j^2 over the elements of one argument.

    n^2 collapsed jets of order 4 at once (polarisation on the diagonals e_i, e_i + e_j and e_i - e_j).  ``axis``: as in
    :func:`laplacian`.

    >>> import gradtape as gt
    >>> gt.biharmonic(lambda x: x[0] ** 4 * x[1] ** 4)([1.0, 2.0])
    Tensor(1560.0)
    """

    def directions(n: int) -> list[Group]:
        e = np.eye(n)
        i, j = np.tril_indices(n, -1)
        return [((4 - n) / 3, e), (1 / 6, np.concatenate([e[i] + e[j], e[i] - e[j]]))]

    return operator(f, argnums, 4, directions, axis, "biharmonic")


def operator(
    f: Callable[..., Any],
    argnums: int,
    order: int,
    directions: Callable[[int], list[Group]],
    axis: int | None,
    asked: str,
) -> Callable[..., Any]:
    """The function sum_r c_r D^order f[v_r, ..., v_r] for the weights and directions of ``directions(n)``."""

    @wraps(f)
    def applied(*args: Any, **kwargs: Any) -> Any:
        args, x = fresh(args, argnums)
        x = x.value if isinstance(x, Variable) else x
        if axis is not None:
            return Points(lambda p: f(*args[:argnums], p, *args[argnums + 1 :], **kwargs), x, axis, asked).answer(
                lambda one, p: Along(one, 0, order, (p,), {}).summed(directions(p.size))
            )
        record = Along(f, argnums, order, args, kwargs)
        return trees.unflatten(record.structure, record.summed(directions(x.size)))

    return applied


class Along:
    """A record of D^order f[v, ..., v] along one direction, ready to be walked again for many."""

    def __init__(self, f: Callable[..., Any], argnums: int, order: int, args: Any, kwargs: Any) -> None:
        args, x = fresh(args, argnums)
        x = x.value if isinstance(x, Variable) else x
        with Window() as window:
            y = f(*args, **kwargs)
        leaves, self.structure = trees.flatten(y)
        outputs = [strong(lift(leaf)) for leaf in leaves]
        kinked.check(window.segments, outputs, [x], order)
        self.x = x
        self.v = ones(x)
        with Window() as sweep, np.errstate(all="ignore"):
            self.found = [o[-1] for o in expansions(list(window.entries()), {x: [self.v]}, outputs, order)]
        self.entries: list[Entry] = list(sweep.entries())

    def summed(self, groups: Sequence[Group]) -> list[Any]:
        """sum_r c_r D^order f[v_r, ..., v_r] for each output of ``f``."""
        collapse = Collapse(self.entries, self.v, self.found)
        totals: list[Any] = [None] * len(self.found)
        for weight, rows in groups:
            for part in self._parts(rows, collapse.row_bytes, largest_of(collapse.steps)):
                sums = collapse.run(part)
                sums = sums if weight == 1.0 else [s * weight for s in sums]
                totals = [s if t is None else t + s for t, s in zip(totals, sums, strict=True)]
        return [zeros(y) if t is None else tensor(t) for t, y in zip(totals, self.found, strict=True)]

    def each(self, rows: Any) -> list[Tensor]:
        """D^order f[v, ..., v] for each row, along a leading axis."""
        replay = Replay(self.entries, [self.v], self.found)
        parts: list[list[Any]] = []
        for part in self._parts(rows, replay.row_bytes, largest_of(replay.steps)):
            known = replay.run({self.v: part}, part.shape[0])
            parts.append([with_axis(known, y, part.shape[0]) for y in self.found])
        return [tensor(p[0] if len(p) == 1 else concat(*p, axis=0)) for p in zip(*parts, strict=True)]

    def _parts(self, rows: Any, row_bytes: int, largest: int) -> list[Any]:
        """The directions, as many at a time as memory and caches like; all at once where they are recorded anyway."""
        rows = np.asarray(rows, self.x.dtype).reshape(len(rows), *self.x.shape)
        if is_recording():
            return [Tensor(rows)] if len(rows) else []
        step = at_a_time(row_bytes, largest)
        return [rows[i : i + step] for i in range(0, len(rows), step)]


class Points:
    """A function of many points at once, that answers for each point by itself, as a function of one."""

    def __init__(self, f: Callable[[Any], Any], x: Tensor, axis: int, asked: str) -> None:
        self.f, self.x, self.asked = f, x, asked
        self.place = range(x.ndim)[axis]
        #: The axes of the points, and how many coordinates each has.
        self.axes = tuple([n for i, n in enumerate(x.shape) if i != self.place])
        self.count = x.shape[self.place]

    def one(self, p: Any) -> Any:
        """``f`` of the one point with the coordinates ``p``."""
        shape = tuple([self.count if i == self.place else 1 for i in range(self.x.ndim)])
        return trees.tree_map(self._first, self.f(reshape(p, shape=shape)))

    def _first(self, y: Any) -> Any:
        y = strong(lift(y))
        n = len(self.axes)
        if y.shape[:n] != (1,) * n:
            raise self._error(f"for one point a result has the shape {y.shape}, which does not begin with {(1,) * n}")
        return reshape(y, shape=y.shape[n:])

    def _error(self, found: str) -> ShapeError:
        return ShapeError(
            message(
                f"{self.asked}: with axis={self.place}, f must answer for each point by itself",
                found,
                str(sites.user_line()),
                "Results begin with the points' axes, and no point has influence on another; without axis=, all of x "
                "is one point.",
            )
        )

    def answer(self, derivative: Callable[[Callable[[Any], Any], Tensor], list[Any]]) -> Any:
        """``derivative(one, point)`` for every point: recorded for one, and walked again for all of them."""
        with Pause():
            leaves, structure = trees.flatten(self.f(self.x))
        whole = [strong(lift(leaf)) for leaf in leaves]
        rest = [i for i in range(self.x.ndim) if i != self.place]
        size = prod(self.axes)
        rows = reshape(transpose(self.x, axes=(*rest, self.place)), shape=(size, self.count))
        point = getitem(rows, index=(0,)) if size else Tensor(np.ones(self.count, self.x.dtype))
        point = identity(point)
        with Window() as window:
            values = [strong(lift(y)) for y in trees.flatten(self.one(point))[0]]
            found = derivative(self.one, point)
        known = self._walked(window, point, rows, [*values, *found], size)
        n = len(self.axes)
        for y, all_at_once, one_by_one in zip(values, whole, known, strict=False):
            if all_at_once.shape[:n] != self.axes or all_at_once.shape[n:] != y.shape:
                raise self._error(f"for points of shape {self.axes} a result has the shape {all_at_once.shape}")
            expected = value_of(one_by_one).reshape(all_at_once.shape)
            close = np.finfo(y.dtype).eps ** 0.5 * (np.abs(expected).max(initial=0.0) + 1e-300)
            if not np.allclose(all_at_once.data, expected, rtol=0, atol=close, equal_nan=True):
                raise self._error("f of all points is not what f is of each alone")
        results = [
            tensor(reshape(z, shape=self.axes + y.shape)) for y, z in zip(found, known[len(values) :], strict=True)
        ]
        return trees.unflatten(structure, results)

    def _walked(self, window: Window, point: Tensor, rows: Any, wanted: list[Any], size: int) -> list[Any]:
        """The values of ``wanted``, recorded for one point, for all of them."""
        entries, same = shared(window.entries())
        point = same.get(point, point)
        wanted = [same.get(y, y) for y in wanted]
        replay = Replay(entries, [point], wanted)
        for row, _, inputs, _, code, lasti in entries:
            if row is events.ASSIGN and inputs[0] in replay.dependent:
                raise TapeError(
                    message(
                        f"{self.asked}: a Variable was given a value that depends on the point",
                        where=str(sites.decode(code, lasti)),
                        remedy="Return the value instead: a Variable has one value, not one for each point.",
                    )
                )
        recording = is_recording()
        step = max(size, 1) if recording else at_a_time(replay.row_bytes, largest_of(replay.steps))
        parts: list[list[Any]] = []
        for i in range(0, max(size, 1), step):
            part = getitem(rows, index=(slice(i, i + step),)) if step < size else rows
            part = part if recording else part.data
            known = replay.run({point: part}, part.shape[0])
            parts.append([with_axis(known, y, part.shape[0]) for y in wanted])
        return [p[0] if len(p) == 1 else concat(*p, axis=0) for p in zip(*parts, strict=True)]


def at_a_time(row_bytes: int, largest: int) -> int:
    """How many elements of a batch to carry at a time, as memory and caches like.

    ``row_bytes``: what all values of one element take, ``largest``: what one of them takes.
    """
    return max(int(min(BUDGET / max(row_bytes, 1), max(4 * BEST / max(largest, 1), 8))), 1)


def largest_of(steps: Iterable[Any]) -> int:
    """The size in bytes of the largest value that these steps of a sweep compute."""
    found = 1
    for step in steps:
        output = step[0][3]
        for o in output if type(output) is tuple else () if output is None else (output,):
            found = max(found, o.nbytes)
    return found


def tensor(x: Any) -> Tensor:
    """``x`` itself, or a raw array as a Tensor."""
    return x if isinstance(x, Tensor) else Tensor(x)
