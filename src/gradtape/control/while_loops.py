"""while_loop: a loop for as long as a condition holds."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from .. import trees
from ..errors import ShapeError, message
from ..record import sites
from ..record.tensor import Tensor
from ..record.writer import lift, strong
from .block import sketching
from .passes import Loop, Pass
from .tracing import Captured, fixed, raw, settled, states_of, traced_body
from .turning import while_row

_gradtape_composes = True

__all__ = ["while_loop"]


def while_loop(
    cond_fun: Callable[[Any], Any],
    body_fun: Callable[[Any], Any],
    init_val: Any,
    *,
    budget: int | str | None = None,
) -> Any:
    """``while cond_fun(val): val = body_fun(val)``, from ``init_val`` on, as one entry.

    Parameters
    ----------
    cond_fun
        A function of the carry that returns one truth value.
    body_fun
        A function of the carry that returns the next one, a tree of the same structure, shapes and dtypes.
    init_val
        The first carry.  Python's numbers in it take the dtype that one turn makes of them.

    budget
        How many carries a first derivative backwards may hold at a time, or how many bytes of them (``"64MB"``), at the
        cost of more runs forwards, as for :func:`scan`.  None: all of them.

    Both functions may take Tensors and Variables from outside; derivatives with respect to these are right.  They run
    once, to be recorded; the loop is carried out by what was recorded, at other values with another number of turns,
    also in a function compiled by ``gt.function``, which has one path.  Where they ask for values, assign Variables or
    draw random numbers, the loop is Python's, guarded.

    Every mode has it, to any order.  Backwards, the number of turns is what it was forwards: the loop is carried out
    once more and the carries are kept, turn by turn, so the memory is that of all of them.  In ``gt.vmap`` it goes on
    until all examples are done; one that is done keeps its value and is not evaluated any more.

    Raises ShapeError where the carry changes its shape or dtype, or the condition is not one truth value.

    >>> import gradtape as gt
    >>> def root(a):  # Newton's iteration for the square root
    ...     step = lambda x: 0.5 * (x + a / x)
    ...     return gt.while_loop(lambda x: abs(x * x - a) > 1e-15 * a, step, (a + 1) / 2)
    >>> root(gt.asarray(9.0))
    Tensor(3.0)
    >>> gt.vmap(gt.grad(root))(gt.asarray([1.0, 9.0, 100.0])).round(9)
    Tensor([0.5       , 0.16666667, 0.05      ])
    """
    leaves, structure = trees.flatten(init_val)
    carry: list[Any] = [raw(x) for x in leaves]

    def after(values: Sequence[Any]) -> list[Any]:
        new = body_fun(trees.unflatten(structure, list(values)))
        return [raw(x) for x in trees.flatten_like(init_val, new, "while_loop")]

    def condition(values: Sequence[Any]) -> list[Tensor]:
        return [strong(lift(cond_fun(trees.unflatten(structure, list(values)))))]

    def by_python() -> Any:
        value, turns = init_val, 0
        while _truth(cond_fun(value)) and not (sketching.get() and turns):
            value, turns = body_fun(value), turns + 1
        return trees.tree_map(lambda x: strong(lift(x)), value)

    try:
        body = traced_body(lambda values: [fixed(x, None) for x in after(values)], carry, "while_loop")
        carry, again = settled(carry, None if body is None else body.program.outputs)
        if again:
            body = traced_body(
                lambda values: [fixed(x, c.dtype) for x, c in zip(after(values), carry, strict=True)],
                carry,
                "while_loop",
            )
        test = None if body is None else traced_body(condition, carry, "while_loop_test")
    except Exception:  # the turn that is carried out will raise again; there may be none
        return by_python()
    if body is None or test is None:
        return by_python()
    _check(carry, body.program.outputs, test.program.outputs[0])
    states = None if budget is None else states_of(budget, carry)
    captured = Captured()
    captured.add(test)
    captured.add(body)
    loop = Loop((Pass(captured.block(body, carry), len(carry)),), captured.block(test, carry))
    return trees.unflatten(structure, list(while_row(*carry, *captured.values(), loop=loop, budget=states)))


def _truth(x: Any) -> bool:
    return bool(strong(lift(x)))


def _check(carry: Sequence[Tensor], after: Sequence[Any], truth: Any) -> None:
    for i, (before, x) in enumerate(zip(carry, after, strict=True)):
        if before.shape != x.shape or before.dtype != x.dtype:
            raise ShapeError(
                message(
                    f"while_loop: carry {i} changes from {before.dtype}{list(before.shape)} to {x!r}",
                    where=str(sites.user_line()),
                    remedy="Return a carry of the same shape and dtype as it came in.",
                )
            )
    if truth.shape != ():
        raise ShapeError(
            message(
                "while_loop: the condition is not one truth value",
                f"shape {truth.shape}",
                str(sites.user_line()),
                "Use gt.any or gt.all.",
            )
        )
