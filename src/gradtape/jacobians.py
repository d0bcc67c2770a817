"""Jacobians of functions: by columns, by whichever mode is cheaper, and a block of rows at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import wraps
from typing import Any

import numpy as np

from . import asking, trees
from .explain import kinked
from .operators import fresh
from .record.segment import Pause, Window
from .record.tensor import Tensor
from .record.variable import Variable
from .sweeps.jacobians import Chunk, jacobian_columns
from .tape import GradientTape

_gradtape_composes = True

__all__ = ["jacfwd", "jacobian", "jacobian_rows"]


def jacfwd(
    f: Callable[..., Any],
    argnums: int | Sequence[int] = 0,
    *,
    chunk: int | None = None,
    budget: int | str | None = None,
) -> Callable[..., Any]:
    """The Jacobian function of ``f`` by forward sweeps: blocks of shape ``f(x).shape + x.shape``.

    All columns are computed at once, or ``chunk`` at a time; by default as many as caches like and as fit into
    ``budget``, bytes or text such as ``"1GB"`` (default 256 MB).

    >>> import gradtape as gt
    >>> gt.jacfwd(lambda x: x * x)([1.0, 2.0])
    Tensor([[2., 0.],
            [0., 4.]])
    """
    columns = asking.chunk_of(chunk, budget, "jacfwd")

    @wraps(f)
    def by_columns(*args: Any, **kwargs: Any) -> Any:
        args, sources = fresh(args, argnums)
        xs = _values(sources)
        with Window() as window:
            out = f(*args, **kwargs)
        return _columns(window, out, xs, sources, columns)

    return by_columns


def jacobian(
    f: Callable[..., Any],
    argnums: int | Sequence[int] = 0,
    *,
    chunk: int | None = None,
    budget: int | str | None = None,
) -> Callable[..., Any]:
    """The Jacobian function of ``f``: blocks of shape ``f(x).shape + x.shape``.

    By reverse sweeps, as :func:`jacrev`, where the results have no more elements than the arguments; else by forward
    sweeps, as :func:`jacfwd`.

    Parameters
    ----------
    f
        A function of trees of arrays; its results may be a tree too.
    argnums
        With respect to which argument, or which arguments.
    chunk
        How many rows (or columns) at a time.
    budget
        How many bytes the sweeps may take beside the result, if ``chunk`` does not say how many rows: a number, or text
        such as ``"64MB"`` or ``"1GB"``; default 256 MB.

    Returns
    -------
    A function of the arguments of ``f``; it returns, in the structure of ``f``'s results, the structure of the
    arguments with one block for each leaf.

    See Also
    --------
    jacobian_rows : for a Jacobian that does not fit into memory.

    >>> import gradtape as gt
    >>> gt.jacobian(lambda x: x * x)([1.0, 2.0])
    Tensor([[2., 0.],
            [0., 4.]])
    """
    together = asking.chunk_of(chunk, budget, "jacobian")

    @wraps(f)
    def chosen(*args: Any, **kwargs: Any) -> Any:
        args, sources = fresh(args, argnums)
        xs = _values(sources)
        with Window() as window, GradientTape() as tape:
            out = f(*args, **kwargs)
        ys = asking.targets_of(out, "jacobian")
        if sum(y.size for y in ys) <= sum(x.size for x in xs) or any(x.dtype.kind == "c" for x in (*xs, *ys)):
            return tape.jacobian(out, sources, "zero", parallel_iterations=chunk, budget=budget)
        return _columns(window, out, xs, sources, together)

    return chosen


def jacobian_rows(
    f: Callable[..., Any],
    *args: Any,
    argnums: int | Sequence[int] = 0,
    chunk: int | None = None,
    budget: int | str | None = None,
) -> Iterator[tuple[slice, Any]]:
    """The Jacobian of ``f`` at ``args``, a block of rows at a time: for one that does not fit into memory.

    ``f`` runs once.  Each step of the iterator is a reverse sweep for as many rows as ``chunk`` or ``budget`` (see
    :func:`jacobian`) say, and gives ``(rows, block)``: the slice of the elements of ``f(*args)``, flattened, and the
    derivatives of these elements, of shape ``(rows, *x.shape)``, in the structure of the arguments.  The blocks are
    numbers to look at: no tape records them.

    Raises DtypeError for what has no derivative, ShapeError where ``f`` returns more than one array.

    >>> import numpy as np
    >>> import gradtape as gt
    >>> total = np.zeros((3, 3))
    >>> for rows, block in gt.jacobian_rows(lambda x: gt.sin(x) * x[::-1], [0.0, 1.0, 2.0], chunk=2):
    ...     print(rows, block.shape)
    ...     total += block.numpy().T @ block.numpy()
    slice(0, 2, None) (2, 3)
    slice(2, 3, None) (1, 3)
    """
    args, sources = fresh(args, argnums)
    with Pause(), GradientTape() as tape:
        out = f(*args)
    return tape.jacobian_rows(out, sources, chunk=chunk, budget=budget)


def _values(sources: Any) -> list[Tensor]:
    leaves, _ = asking.sources_of(sources, "jacobian")
    return [x.value if isinstance(x, Variable) else x for x in leaves]


def _columns(window: Window, out: Any, xs: list[Tensor], sources: Any, chunk: Chunk) -> Any:
    """The Jacobian of what a window saw, by forward sweeps for each source."""
    ys = asking.targets_of(out, "jacobian")
    kinked.check(window.segments, ys, xs)
    blocks = [jacobian_columns(window.segments, ys, x, chunk) for x in xs]
    rows: list[Any] = []
    for j, y in enumerate(ys):
        row = [b[j] for b in blocks]
        row = [
            Tensor(np.zeros(y.shape + x.shape, y.dtype)[()]) if b is None else b for b, x in zip(row, xs, strict=True)
        ]
        rows.append(trees.unflatten(trees.flatten(trees.opened(sources))[1], row))
    return trees.unflatten(trees.flatten(out)[1], rows)
