"""scan, fori_loop and map: loops of known length."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from operator import index
from typing import Any

import numpy as np

from .. import trees
from ..compiling.tracing import tracing
from ..errors import ShapeError, message
from ..numpy.joining import stack
from ..primitives.indexing import getitem
from ..primitives.predicates import less
from ..primitives.shapes import astype
from ..record import sites
from ..record.segment import is_recording
from ..record.tensor import Tensor
from ..record.variable import Variable
from ..record.writer import lift, strong
from .body import body_of
from .scanning import scan_row
from .tracing import raw, settled, states_of
from .while_loops import while_loop

_gradtape_composes = True

__all__ = ["fori_loop", "map", "scan"]


def scan(
    f: Callable[[Any, Any], tuple[Any, Any]],
    init: Any,
    xs: Any = None,
    length: int | None = None,
    *,
    reverse: bool = False,
    budget: int | str | None = None,
) -> tuple[Any, Any]:
    """``carry, y = f(carry, x)`` for every x along the first axis of ``xs``: the last carry, and the y stacked.

    Parameters
    ----------
    f
        Takes a carry and one slice, and returns the next carry, a tree like ``init``, and a tree of results.
    init
        The first carry.  Python's numbers in it take the dtype that one turn makes of them.
    xs
        A tree of arrays with a common first axis; None with ``length``: ``f`` gets None.
    length
        The number of turns, where ``xs`` does not tell.
    reverse
        From the last slice to the first; results keep the places of their slices.
    budget
        How many carries reverse mode may hold at a time, or how many bytes of them (``"64MB"``).  None: all of them.
        With b of them, n turns cost r more runs forwards as long as n <= (b + r - 1)! / (r! (b - 1)!), the least there
        is (binomial checkpointing): two for 2,000 turns and 64 states, three for 45,000.

    The loop is one entry on the record.  ``f`` runs once, to record one turn; where it asks for values or assigns
    Variables the loop is carried out as plain Python, with the same result.  Every mode has it, to any order.

    Raises ShapeError where the carry changes its shape, or slices do not agree in number.

    >>> import gradtape as gt
    >>> gt.scan(lambda total, x: (total + x, total * x), 0.0, gt.asarray([1.0, 2.0, 3.0]))
    (Tensor(6.0), Tensor([0., 2., 9.]))
    >>> gt.grad(lambda r: gt.scan(lambda c, _: (c * r, None), 1.0, length=5)[0])(2.0)
    Tensor(80.0)
    """
    leaves, structure = trees.flatten(init)
    carry: list[Any] = [raw(x) for x in leaves]
    slices, xs_structure = trees.flatten(xs)
    slices = [strong(lift(x)) for x in slices]
    length = _length(slices, length)
    shape: list[Any] = []

    def turn(values: Sequence[Any]) -> list[Tensor]:
        n = len(carry)
        x = trees.unflatten(xs_structure, list(values[n:]))
        after, y = f(trees.unflatten(structure, list(values[:n])), x)
        ys, y_structure = trees.flatten(y)
        shape[:] = [y_structure]
        return [*[strong(lift(c)) for c in trees.flatten_like(init, after, "scan")], *[strong(lift(v)) for v in ys]]

    def unrolled() -> tuple[Any, Any]:
        state, rows = init, []
        for k in range(length - 1, -1, -1) if reverse else range(length):
            x = trees.unflatten(xs_structure, [getitem(s, index=(k,)) for s in slices])
            state, y = f(state, x)
            rows.append(y)
        rows = rows[::-1] if reverse else rows
        state = trees.tree_map(lambda x: strong(lift(x)), state)
        return state, trees.tree_map(lambda *each: stack(each), *rows) if rows else None

    # Of no turns, one at zeros tells what the results are like.
    first = [getitem(x, index=(0,)) if length else Tensor(np.zeros(x.shape[1:], x.dtype)[()]) for x in slices]
    try:
        found = body_of(turn, carry, first, "scan")
        carry, again = settled(carry, None if found is None else found[0].program.outputs)
        if again:
            found = body_of(turn, carry, first, "scan")
    except Exception:  # the turn that is carried out will raise again
        found = None
    if found is None:
        return unrolled()
    body, constants = found
    _check(body.program, len(carry))
    if not length:
        ys = [Tensor(np.zeros((0, *o.shape), o.dtype)) for o in body.program.outputs[len(carry) :]]
        return trees.unflatten(structure, [strong(c) for c in carry]), trees.unflatten(shape[0], ys)
    states = None if budget is None else states_of(budget, carry)
    if states is None and is_recording() and not tracing.get():
        body = body.saving()
    outputs = scan_row(*carry, *slices, *constants, body=body, length=length, backwards=reverse, budget=states)
    n = len(carry)
    last = trees.unflatten(structure, list(outputs[:n]))
    ys = list(outputs[n : len(outputs) - n] if body.saved else outputs[n:])
    return last, trees.unflatten(shape[0], ys)


def _length(slices: Sequence[Tensor], length: int | None) -> int:
    found = {x.shape[0] if x.ndim else None for x in slices}
    found.update([] if length is None else [index(length)])
    if len(found) != 1 or None in found:
        raise ShapeError(
            message(
                "scan: the number of turns is not clear",
                f"first axes and length: {[str(n) for n in found] or 'none given'}",
                str(sites.user_line()),
                "Give xs with one common first axis, or length=.",
            )
        )
    return next(iter(found))  # type: ignore[return-value]


def _check(program: Any, carries: int) -> None:
    for i, (before, after) in enumerate(zip(program.inputs[:carries], program.outputs[:carries], strict=True)):
        if before.shape != after.shape or before.dtype != after.dtype:
            raise ShapeError(
                message(
                    f"scan: carry {i} changes from {before!r} to {after!r}",
                    where=str(sites.user_line()),
                    remedy="Return a carry of the same shape and dtype as it came in.",
                )
            )


def fori_loop(
    lower: Any, upper: Any, body: Callable[[Any, Any], Any], init: Any, *, budget: int | str | None = None
) -> Any:
    """``for i in range(lower, upper): init = body(i, init)``, as one entry.

    Where a bound is a Tensor the number of turns may be another one in a compiled function, and for each example of
    ``gt.vmap``: it is a :func:`while_loop` then.

    >>> import gradtape as gt
    >>> gt.fori_loop(0, 4, lambda i, x: x * (i + 1), 1.0)
    Tensor(24.0)
    """
    if isinstance(lower, Tensor | Variable) or isinstance(upper, Tensor | Variable):
        first, last = strong(lift(lower)), strong(lift(upper))
        whole = np.result_type(first.dtype, last.dtype)
        if whole.kind not in "iu":
            raise ShapeError(
                message(f"fori_loop: a bound is not a whole number, but {whole}", where=str(sites.user_line()))
            )
        first = first if first.dtype == whole else astype(first, dtype=whole)
        return while_loop(
            lambda s: less(s[0], last), lambda s: (s[0] + 1, body(s[0], s[1])), (first, init), budget=budget
        )[1]
    places = Tensor(np.arange(index(lower), max(index(upper), index(lower))))
    return scan(lambda carry, i: (body(i, carry), None), init, places, budget=budget)[0]


def map(f: Callable[[Any], Any], xs: Any) -> Any:
    """``f`` of each slice along the first axis, one after another, as one entry; ``gt.vmap`` does them at once.

    >>> import gradtape as gt
    >>> gt.map(lambda x: x * x, gt.asarray([1.0, 2.0, 3.0]))
    Tensor([1., 4., 9.])
    """
    return scan(lambda _, x: (None, f(x)), None, xs)[1]
