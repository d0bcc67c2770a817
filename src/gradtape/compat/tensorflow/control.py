"""Control flow by TensorFlow's names.

Eagerly it is carried out as Python, as TensorFlow does: the record holds the path taken.  Inside ``tf.function`` it is
one entry with bodies (``gt.cond``, ``gt.while_loop``, ``gt.scan``), so that the compiled function is right for other
values without another path.  What only Python can do, a loop whose values change their shapes or are TensorArrays,
branches of different kinds, stays Python's there too.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from ... import trees
from ...compiling.tracing import tracing
from ...errors import ShapeError, TreeError
from .arraylists import TensorArray
from .convert import is_value, tensor
from .errors import InvalidArgumentError
from .names import gt

_gradtape_composes = True

__all__ = [
    "Assert",
    "case",
    "cond",
    "control_dependencies",
    "foldl",
    "foldr",
    "group",
    "map_fn",
    "no_op",
    "scan",
    "switch_case",
    "vectorized_map",
    "while_loop",
]

#: What says that a body is none that an entry can have.
_OTHERWISE = (ShapeError, TreeError, TypeError)


def _converted(function: Callable[..., Any]) -> Callable[..., Any]:
    """The function, with Tensors for all that it returns."""
    return lambda *args: _tensors(function(*args))


def cond(pred: Any, true_fn: Any = None, false_fn: Any = None, name: Any = None) -> Any:
    """true_fn() where ``pred`` holds, else false_fn()."""
    if tracing.get() and is_value(pred):
        try:
            return gt.cond(pred, _converted(true_fn), _converted(false_fn))
        except _OTHERWISE:
            pass
    return true_fn() if bool(pred) else false_fn()


def case(
    pred_fn_pairs: Any, default: Any = None, exclusive: bool = False, strict: bool = False, name: Any = None
) -> Any:
    """The function of the first predicate that holds, else ``default``; ``exclusive``: no two may hold.

    Raises InvalidArgumentError where none holds and there is no default, and where two hold that may not.
    """
    pairs = list(pred_fn_pairs.items() if isinstance(pred_fn_pairs, dict) else pred_fn_pairs)
    holding = [bool(pred) for pred, _ in pairs] if exclusive or default is None else []
    if exclusive and sum(holding) > 1:
        raise InvalidArgumentError("tf.case: more than one predicate holds, and exclusive=True")
    if default is None and not any(holding):
        raise InvalidArgumentError("tf.case: no predicate holds, and there is no default")

    last = pairs.pop()[1] if default is None else default

    def first(k: int) -> Any:
        return cond(pairs[k][0], pairs[k][1], lambda: first(k + 1)) if k < len(pairs) else last()

    return first(0)


def switch_case(branch_index: Any, branch_fns: Any, default: Any = None, name: Any = None) -> Any:
    """The function with that number; the default (or the one with the largest number) where there is none."""
    pairs: list[Any] = list(branch_fns.items() if isinstance(branch_fns, dict) else branch_fns)
    numbered = [p if isinstance(p, tuple) else (i, p) for i, p in enumerate(pairs)]
    table: dict[int, Any] = {int(k): f for k, f in numbered}
    other = default or table[max(table)]
    if tracing.get() and is_value(branch_index):
        place = gt.asarray(len(table))  # the place of the branch in the list, of the default where there is none
        for i, number in enumerate(table):
            place = gt.where(branch_index == number, i, place)
        try:
            return gt.switch(place, [_converted(f) for f in (*table.values(), other)])
        except _OTHERWISE:
            pass
    return table.get(int(branch_index), other)()


def while_loop(
    cond: Callable[..., Any],
    body: Callable[..., Any],
    loop_vars: Any,
    shape_invariants: Any = None,
    parallel_iterations: Any = 10,
    back_prop: Any = True,
    swap_memory: Any = False,
    maximum_iterations: Any = None,
    name: Any = None,
) -> Any:
    """``loop_vars = body(*loop_vars)`` as long as ``cond(*loop_vars)`` holds, ``maximum_iterations`` times at most.

    With ``back_prop=False`` no derivative flows through.
    """
    values = _tensors(loop_vars)
    single = not isinstance(values, list | tuple)
    if single:
        values = (values,)
    after = _staged_loop(cond, body, values, maximum_iterations)
    if after is None:
        count, limit = 0, None if maximum_iterations is None else int(maximum_iterations)
        after = values
        while (limit is None or count < limit) and bool(cond(*after)):
            after = _tensors(_listed(body(*after)))
            count += 1
    if not back_prop:
        after = trees.tree_map(lambda x: gt.stop_gradient(x) if is_value(x) else x, after)
    if single:
        return after[0]
    return _like(loop_vars, after)


def _listed(after: Any) -> Any:
    return after if isinstance(after, list | tuple) else (after,)


def _like(loop_vars: Any, values: Any) -> Any:
    """The values in the container that the loop was given."""
    if hasattr(loop_vars, "_fields"):
        return type(loop_vars)(*values)
    return list(values) if isinstance(loop_vars, list) else tuple(values)


def _staged_loop(cond: Any, body: Any, values: Any, limit: Any) -> Any:
    """The loop as one entry, where it can be one; else None."""
    leaves, structure = trees.flatten(tuple(values))
    if not tracing.get() or not all(is_value(x) for x in leaves):
        return None

    def turn(state: Any) -> Any:
        k, now = state
        after = trees.flatten(_tensors(tuple(_listed(body(*trees.unflatten(structure, list(now)))))))[0]
        return k + 1, tuple(after)

    def again(state: Any) -> Any:
        k, now = state
        holds = gt.asarray(tensor(cond(*trees.unflatten(structure, list(now)))))
        return holds if limit is None else gt.logical_and(k < tensor(limit), holds)

    try:
        return trees.unflatten(structure, list(gt.while_loop(again, turn, (gt.asarray(0), tuple(leaves)))[1]))
    except _OTHERWISE:
        return None


def _tensors(tree: Any) -> Any:
    """A tree of anything, as Tensors."""
    return trees.tree_map(lambda x: x if is_value(x) or isinstance(x, TensorArray | str) else tensor(x), tree)


def _rows(elems: Any) -> tuple[Any, int, Callable[[int], Any]]:
    """The elements as Tensors, their number along the first axis, and each of them as a tree."""
    values = trees.tree_map(tensor, elems)
    count = trees.flatten(values)[0][0].shape[0]
    return values, count, lambda i: trees.tree_map(lambda x: x[i], values)


def _stacked(results: Sequence[Any]) -> Any:
    if not results:
        raise ValueError("nothing to map over: the first axis is empty")
    return trees.tree_map(lambda *xs: gt.stack([tensor(x) for x in xs]), results[0], *results[1:])


def _scanned(turn: Callable[[Any, Any], Any], init: Any, values: Any, reverse: bool = False) -> Any:
    """``gt.scan`` inside a function that is being recorded, where the loop can be one entry; else None."""
    if not tracing.get():
        return None
    try:
        return gt.scan(turn, init, values, reverse=reverse)
    except _OTHERWISE:
        return None


def map_fn(
    fn: Callable[..., Any],
    elems: Any,
    dtype: Any = None,
    parallel_iterations: Any = None,
    back_prop: Any = True,
    swap_memory: Any = False,
    infer_shape: Any = True,
    name: Any = None,
    fn_output_signature: Any = None,
) -> Any:
    """``fn`` of each element along the first axis, stacked."""
    values, count, row = _rows(elems)
    staged = _scanned(lambda _, x: (None, _tensors(fn(x))), None, values) if count else None
    found = _stacked([fn(row(i)) for i in range(count)]) if staged is None else staged[1]
    return found if back_prop else trees.tree_map(gt.stop_gradient, found)


def vectorized_map(fn: Callable[..., Any], elems: Any, fallback_to_while_loop: bool = True, warn: bool = True) -> Any:
    """``fn`` of each element along the first axis, stacked."""
    return map_fn(fn, elems)


def scan(
    fn: Callable[..., Any],
    elems: Any,
    initializer: Any = None,
    parallel_iterations: Any = 10,
    back_prop: Any = True,
    swap_memory: Any = False,
    infer_shape: Any = True,
    reverse: bool = False,
    name: Any = None,
) -> Any:
    """``a = fn(a, x)`` along the first axis, from the first element or ``initializer`` on; every a, stacked."""
    found = _folded(fn, elems, initializer, reverse, every=True)
    return found if back_prop else trees.tree_map(gt.stop_gradient, found)


def foldl(
    fn: Callable[..., Any],
    elems: Any,
    initializer: Any = None,
    parallel_iterations: Any = 10,
    back_prop: Any = True,
    swap_memory: Any = False,
    name: Any = None,
) -> Any:
    """``a = fn(a, x)`` along the first axis, from the first element or ``initializer`` on; the last a."""
    found = _folded(fn, elems, initializer, reverse=False)
    return found if back_prop else trees.tree_map(gt.stop_gradient, found)


def foldr(
    fn: Callable[..., Any],
    elems: Any,
    initializer: Any = None,
    parallel_iterations: Any = 10,
    back_prop: Any = True,
    swap_memory: Any = False,
    name: Any = None,
) -> Any:
    """``a = fn(a, x)`` along the first axis, from its end."""
    found = _folded(fn, elems, initializer, reverse=True)
    return found if back_prop else trees.tree_map(gt.stop_gradient, found)


def _folded(fn: Callable[..., Any], elems: Any, initializer: Any, reverse: bool, every: bool = False) -> Any:
    values, count, row = _rows(elems)
    first = (count - 1 if reverse else 0) if initializer is None else None
    state = trees.tree_map(tensor, initializer) if first is None else row(first)
    if first is not None:
        rest = slice(0, count - 1) if reverse else slice(1, count)
        values = trees.tree_map(lambda x: x[rest], values)
        count -= 1

    def turn(a: Any, x: Any) -> Any:
        after = _tensors(fn(a, x))
        return after, after if every else None

    staged = _scanned(turn, state, values, reverse) if count else None
    results: list[Any] = [] if first is None else [state]
    if staged is not None:
        last, made = staged
        if not every:
            return last
        if first is None:
            return made
        join = (lambda x, ys: gt.concat([ys, x[None]])) if reverse else (lambda x, ys: gt.concat([x[None], ys]))
        return trees.tree_map(join, state, made)
    for i in range(count - 1, -1, -1) if reverse else range(count):
        state = _tensors(fn(state, trees.tree_map(lambda x, i=i: x[i], values)))
        results.append(state)
    return _stacked(results[::-1] if reverse else results) if every else state


class control_dependencies:  # noqa: N801
    """``with tf.control_dependencies([...]): ...``: things happen in the order in which they are written."""

    def __init__(self, *_: Any) -> None:
        pass

    def __enter__(self) -> None:
        pass

    def __exit__(self, *exc: object) -> None:
        pass


def group(*inputs: Any, **_: Any) -> None:
    """Nothing: the inputs were carried out already."""


def no_op(name: Any = None) -> None:
    """Nothing."""


def Assert(condition: Any, data: Any, summarize: Any = None, name: Any = None) -> None:
    """Raise where the condition does not hold."""
    from .errors import InvalidArgumentError

    if not bool(condition):
        raise InvalidArgumentError(f"assertion failed: {data}")
