"""Forward mode for users: ForwardAccumulator, jvp, jacfwd, jacobian."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import wraps
from typing import Any

import numpy as np

from . import asking, trees
from .errors import TreeError, message
from .operators import fresh
from .primitives.shapes import identity
from .record import sites
from .record.segment import Window
from .record.tensor import Tensor
from .record.variable import Variable
from .sweeps.accumulator import Accumulator
from .sweeps.query import jacobian_columns, note, zeros
from .tape import GradientTape, UnconnectedGradients

_gradtape_composes = True

__all__ = ["ForwardAccumulator", "jacfwd", "jacobian", "jvp"]


class ForwardAccumulator:
    """Pushes tangents while its ``with`` block runs: ``acc.jvp(y)`` is J v for what was computed inside.

    ``ForwardAccumulator(primals, tangents)``: a Tensor or Variable and its tangent, or trees of them.  Memory does
    not grow with the length of the program.  Accumulators nest in each other and in tapes, to any order.

    Forward mode goes back to Wengert (1964); the interface is TensorFlow's.

    >>> import gradtape as gt
    >>> x = gt.asarray(3.0)
    >>> with gt.ForwardAccumulator(x, 1.0) as acc:
    ...     y = x**2
    >>> acc.jvp(y)
    Tensor(6.0)
    """

    def __init__(self, primals: Any, tangents: Any) -> None:
        leaves, _ = asking.sources_of(primals, "ForwardAccumulator")
        given = trees.flatten_like(primals, tangents, "ForwardAccumulator: tangents")
        values = [leaf.value if isinstance(leaf, Variable) else leaf for leaf in leaves]
        dxs = [asking.direction(dx, x, "ForwardAccumulator") for dx, x in zip(given, values, strict=True)]
        self._sources, self._tangents = values, dxs
        self._accumulator = Accumulator(dict(zip(values, dxs, strict=True)))

    def __enter__(self) -> ForwardAccumulator:
        self._accumulator.open()
        return self

    def __exit__(self, *exc: object) -> None:
        self._accumulator.close()

    def jvp(self, primals: Any, unconnected_gradients: UnconnectedGradients | str = UnconnectedGradients.NONE) -> Any:
        """The tangents of ``primals`` (a tree): J v; None where they do not depend on the accumulator's primals."""
        zero = UnconnectedGradients(unconnected_gradients) is UnconnectedGradients.ZERO
        leaves, structure = trees.flatten(primals)
        targets = [leaf.value if isinstance(leaf, Variable) else leaf for leaf in leaves]
        results: list[Any] = []
        for y in targets:
            connected, dy = self._accumulator.tangent(y)
            if dy is None:
                dy = zeros(y) if connected or zero else None
            elif not isinstance(dy, Tensor):
                dy = Tensor(dy)
            elif any(dy is x for x in (*self._tangents, *results)):
                dy = identity(dy)  # an answer is not its own question, nor another answer
            results.append(dy)
        note(targets, self._sources, results)
        return trees.unflatten(structure, results)


def jvp(f: Callable[..., Any], primals: Sequence[Any], tangents: Sequence[Any]) -> tuple[Any, Any]:
    """``(f(*primals), J v)``: the value, and the derivative along ``tangents``, one per argument and of its shape.

    One forward sweep while ``f`` runs: about twice the cost of ``f``, and no memory for a record.

    >>> import gradtape as gt
    >>> gt.jvp(gt.sin, (0.0,), (2.0,))
    (Tensor(0.0), Tensor(2.0))
    """
    if not isinstance(primals, list | tuple) or not isinstance(tangents, list | tuple) or len(primals) != len(tangents):
        raise TreeError(
            message(
                "jvp: primals and tangents are not tuples of the same length",
                where=str(sites.user_line()),
                remedy="Write gt.jvp(f, (x,), (v,)).",
            )
        )
    args, sources = fresh(primals, range(len(primals)))
    with ForwardAccumulator(sources, tuple(tangents)) as accumulator:
        y = f(*args)
    return y, accumulator.jvp(y, unconnected_gradients="zero")


def jacfwd(f: Callable[..., Any], argnums: int | Sequence[int] = 0, *, chunk: int | None = None) -> Callable[..., Any]:
    """The Jacobian function of ``f`` by a forward sweep: blocks of shape ``f(x).shape + x.shape``.

    All columns are computed at once, or ``chunk`` at a time; by default as many as memory and caches like.

    >>> import gradtape as gt
    >>> gt.jacfwd(lambda x: x * x)([1.0, 2.0])
    Tensor([[2., 0.],
            [0., 4.]])
    """

    @wraps(f)
    def jacobian(*args: Any, **kwargs: Any) -> Any:
        args, sources = fresh(args, argnums)
        xs = _values(sources)
        with Window() as window:
            out = f(*args, **kwargs)
        return _columns(window, out, xs, sources, chunk)

    return jacobian


def jacobian(
    f: Callable[..., Any], argnums: int | Sequence[int] = 0, *, chunk: int | None = None
) -> Callable[..., Any]:
    """The Jacobian function of ``f``: blocks of shape ``f(x).shape + x.shape``.

    By :func:`jacrev` where the results have no more elements than the arguments, else by :func:`jacfwd`.

    >>> import gradtape as gt
    >>> gt.jacobian(lambda x: x * x)([1.0, 2.0])
    Tensor([[2., 0.],
            [0., 4.]])
    """

    @wraps(f)
    def chosen(*args: Any, **kwargs: Any) -> Any:
        args, sources = fresh(args, argnums)
        xs = _values(sources)
        with Window() as window, GradientTape() as tape:
            out = f(*args, **kwargs)
        ys = asking.targets_of(out, "jacobian")
        if sum(y.size for y in ys) <= sum(x.size for x in xs) or any(x.dtype.kind == "c" for x in (*xs, *ys)):
            return tape.jacobian(out, sources, unconnected_gradients="zero", parallel_iterations=chunk)
        return _columns(window, out, xs, sources, chunk)

    return chosen


def _values(sources: Any) -> list[Tensor]:
    leaves, _ = asking.sources_of(sources, "jacobian")
    return [x.value if isinstance(x, Variable) else x for x in leaves]


def _columns(window: Window, out: Any, xs: list[Tensor], sources: Any, chunk: int | None) -> Any:
    """The Jacobian of what a window saw, by a forward sweep for each source."""
    ys = asking.targets_of(out, "jacobian")
    blocks = [jacobian_columns(window.segments, ys, x, chunk or "auto") for x in xs]
    rows: list[Any] = []
    for j, y in enumerate(ys):
        row = [b[j] for b in blocks]
        row = [
            Tensor(np.zeros(y.shape + x.shape, y.dtype)[()]) if b is None else b for b, x in zip(row, xs, strict=True)
        ]
        rows.append(trees.unflatten(trees.flatten(sources)[1], row))
    return trees.unflatten(trees.flatten(out)[1], rows)
