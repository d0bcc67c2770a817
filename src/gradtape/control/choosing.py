"""cond and switch: one of several functions, chosen by value."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from .. import trees
from ..errors import ShapeError, message
from ..primitives.predicates import not_equal
from ..record import sites
from ..record.segment import is_recording
from ..record.tensor import SCALARS, Tensor, value_of
from ..record.writer import is_number, lift, strong
from .block import sketching
from .branching import switch_row
from .tracing import Captured, agreed, fixed, raw, same_structure, structure_of, traced_body

_gradtape_composes = True

__all__ = ["cond", "switch"]


def cond(pred: Any, true_fun: Callable[..., Any], false_fun: Callable[..., Any], *operands: Any) -> Any:
    """``true_fun(*operands)`` where ``pred`` holds, else ``false_fun(*operands)``, as one entry.

    Parameters
    ----------
    pred
        One truth value; a number holds where it is not zero.
    true_fun, false_fun
        Functions that return trees of the same structure, shapes and dtypes.  They may take Tensors and Variables from
        outside too; derivatives with respect to these are right.
    operands
        Trees of arrays, and of other things, which the functions get as they are.

    While nobody records, and for Python's own True and False, only the chosen function is called.  Else both are
    recorded, and only the chosen one is carried out, also in a program that is run with another ``pred``: no guard is
    needed, and a function compiled by ``gt.function`` has one path.  Where a function asks for values, assigns
    Variables, draws random numbers or raises, the choice is Python's, guarded.  Every mode has it, to any order; in
    ``gt.vmap`` each example takes its own way, and is not evaluated on the other.

    Raises ShapeError and TreeError where the results do not agree.

    >>> import gradtape as gt
    >>> f = lambda x: gt.cond(x > 0, gt.sqrt, lambda x: 0.0 * x, x)
    >>> gt.vmap(f)(gt.asarray([4.0, -4.0]))
    Tensor([ 2., -0.])
    >>> gt.vmap(gt.grad(f))(gt.asarray([4.0, -4.0]))
    Tensor([0.25, 0.  ])
    """
    if type(pred) is not bool:
        pred = _scalar("cond", pred)
        pred = pred if pred.dtype == np.bool_ else not_equal(pred, 0)
    return _choose("cond", pred, (false_fun, true_fun), ("false_fun", "true_fun"), operands)


def switch(index: Any, branches: Sequence[Callable[..., Any]], *operands: Any) -> Any:
    """``branches[index](*operands)`` as one entry; an ``index`` beyond the ends is the first or the last.

    As :func:`cond` in all else.

    >>> import gradtape as gt
    >>> f = lambda i, x: gt.switch(i, [gt.sin, gt.cos, lambda x: x * x], x)
    >>> [float(gt.grad(f, 1)(i, 3.0)) for i in (-1, 2, 7)] == [float(gt.cos(3.0)), 6.0, 6.0]
    True
    """
    branches = tuple(branches)
    if not branches:
        raise ShapeError(message("switch: there are no branches", where=str(sites.user_line())))
    index = _scalar("switch", index) if not isinstance(index, int) else index
    if not isinstance(index, int) and index.dtype.kind not in "iub":
        raise ShapeError(
            message("switch: the index is not a whole number", f"dtype {index.dtype}", str(sites.user_line()))
        )
    return _choose("switch", index, branches, [f"branch {i}" for i in range(len(branches))], operands)


def _scalar(asked: str, x: Any) -> Tensor:
    value = strong(lift(x))
    if value.shape != ():
        raise ShapeError(
            message(
                f"{asked}: a choice is one value",
                f"shape {value.shape}",
                str(sites.user_line()),
                "Choose element by element with gt.where, or example by example with gt.vmap.",
            )
        )
    return value


def _choose(
    asked: str, index: Any, functions: Sequence[Callable[..., Any]], names: Sequence[str], operands: Sequence[Any]
) -> Any:
    leaves, structure = trees.flatten(tuple(operands))
    places = [i for i, x in enumerate(leaves) if not is_number(x) and not callable(x)]
    given = [strong(lift(leaves[i])) for i in places]

    def called(j: int, values: Sequence[Any]) -> Any:
        whole = list(leaves)
        for i, x in zip(places, values, strict=True):
            whole[i] = x
        return functions[j](*trees.unflatten(structure, whole))

    def by_python() -> Any:
        """The way of Python's own ``if``."""
        made = called(min(max(int(index), 0), len(functions) - 1), given)
        return trees.tree_map(lambda y: strong(lift(y)), made)

    if isinstance(index, int) or not (is_recording() or sketching.get()):
        return by_python()
    made: list[tuple[list[Any], Any]] = [([], None)] * len(functions)

    def flat(j: int, values: Sequence[Any], dtypes: Sequence[Any] | None) -> list[Tensor]:
        ys, y_structure = structure_of(called(j, values))
        ys = [raw(y) for y in ys]
        # Raw arrays: Tensors must not live on.
        made[j] = ([y.data.item() if isinstance(y, Tensor) and is_number(y) else value_of(y) for y in ys], y_structure)
        return [fixed(y, None if dtypes is None else d) for y, d in zip(ys, dtypes or ys, strict=True)]

    traces: list[Any] = []
    for j in range(len(functions)):
        try:
            traces.append(traced_body(lambda values, j=j: flat(j, values, None), given, asked))
        except Exception:  # the one that is chosen will raise again; the other is of no account
            return by_python()
        if traces[-1] is None:
            return by_python()
    same_structure(asked, [s for _, s in made], names)
    dtypes = agreed(asked, [ys for ys, _ in made], names)
    for j, (ys, _) in enumerate(made):
        if any(type(y) in SCALARS and np.asarray(y).dtype != d for y, d in zip(ys, dtypes, strict=True)):
            traces[j] = traced_body(lambda values, j=j: flat(j, values, dtypes), given, asked)
    captured = Captured()
    for traced in traces:
        captured.add(traced)
    blocks = tuple([captured.block(traced, given) for traced in traces])
    outputs = switch_row(index, *given, *captured.values(), blocks=blocks)
    return trees.unflatten(made[0][1], list(outputs))
