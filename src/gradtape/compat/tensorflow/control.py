"""Control flow by TensorFlow's names, carried out as Python: the record holds the path taken."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ... import trees
from .arraylists import TensorArray
from .convert import is_value, tensor
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


def cond(pred: Any, true_fn: Any = None, false_fn: Any = None, name: Any = None) -> Any:
    """true_fn() where ``pred`` holds, else false_fn()."""
    return true_fn() if bool(pred) else false_fn()


def case(
    pred_fn_pairs: Any, default: Any = None, exclusive: bool = False, strict: bool = False, name: Any = None
) -> Any:
    """The function of the first predicate that holds."""
    for pred, function in pred_fn_pairs.items() if isinstance(pred_fn_pairs, dict) else pred_fn_pairs:
        if bool(pred):
            return function()
    if default is None:
        raise ValueError("tf.case: no predicate holds, and there is no default")
    return default()


def switch_case(branch_index: Any, branch_fns: Any, default: Any = None, name: Any = None) -> Any:
    """The function with that number; the default (or the last one) where there is none."""
    pairs: list[Any] = list(branch_fns.items() if isinstance(branch_fns, dict) else branch_fns)
    numbered = [p if isinstance(p, tuple) else (i, p) for i, p in enumerate(pairs)]
    table: dict[int, Any] = {int(k): f for k, f in numbered}
    return table.get(int(branch_index), default or table[max(table)])()


def while_loop(
    cond: Callable[..., Any],
    body: Callable[..., Any],
    loop_vars: Any,
    shape_invariants: Any = None,
    parallel_iterations: Any = None,
    back_prop: Any = None,
    swap_memory: Any = None,
    maximum_iterations: Any = None,
    name: Any = None,
) -> Any:
    """``loop_vars = body(*loop_vars)`` as long as ``cond(*loop_vars)`` holds."""
    values = _tensors(loop_vars)
    single = not isinstance(values, list | tuple)
    if single:
        values = (values,)
    count, limit = 0, None if maximum_iterations is None else int(maximum_iterations)
    while (limit is None or count < limit) and bool(cond(*values)):
        after = body(*values)
        values = tuple(after) if isinstance(after, list | tuple) else (after,)
        count += 1
    if single:
        return values[0]
    return type(loop_vars)(values) if type(loop_vars) is list else values


def _tensors(tree: Any) -> Any:
    """A tree of anything, as Tensors."""
    return trees.tree_map(lambda x: x if is_value(x) or isinstance(x, TensorArray) else tensor(x), tree)


def _rows(elems: Any) -> tuple[int, Callable[[int], Any]]:
    """The number of elements along the first axis, and each of them as a tree."""
    values = _tensors(elems)
    count = trees.flatten(values)[0][0].shape[0]
    return count, lambda i: trees.tree_map(lambda x: x[i], values)


def _stacked(results: list[Any]) -> Any:
    if not results:
        raise ValueError("nothing to map over: the first axis is empty")
    return trees.tree_map(lambda *xs: gt.stack([tensor(x) for x in xs]), results[0], *results[1:])


def map_fn(fn: Callable[..., Any], elems: Any, *_: Any, **__: Any) -> Any:
    """``fn`` of each element along the first axis, stacked."""
    count, row = _rows(elems)
    return _stacked([fn(row(i)) for i in range(count)])


def vectorized_map(fn: Callable[..., Any], elems: Any, fallback_to_while_loop: bool = True, **_: Any) -> Any:
    """``fn`` of each element along the first axis, stacked."""
    return map_fn(fn, elems)


def scan(fn: Callable[..., Any], elems: Any, initializer: Any = None, *_: Any, reverse: bool = False, **__: Any) -> Any:
    """``a = fn(a, x)`` along the first axis; every a, stacked."""
    count, row = _rows(elems)
    order = list(range(count))[:: -1 if reverse else 1]
    results: list[Any] = []
    if initializer is None:
        state = row(order[0])
        results.append(state)
        order = order[1:]
    else:
        state = _tensors(initializer)
    for i in order:
        state = fn(state, row(i))
        results.append(state)
    return _stacked(results[:: -1 if reverse else 1])


def foldl(fn: Callable[..., Any], elems: Any, initializer: Any = None, *_: Any, **__: Any) -> Any:
    """``a = fn(a, x)`` along the first axis; the last a."""
    return _fold(fn, elems, initializer, backwards=False)


def foldr(fn: Callable[..., Any], elems: Any, initializer: Any = None, *_: Any, **__: Any) -> Any:
    """``a = fn(a, x)`` along the first axis, from its end."""
    return _fold(fn, elems, initializer, backwards=True)


def _fold(fn: Callable[..., Any], elems: Any, initializer: Any, backwards: bool) -> Any:
    count, row = _rows(elems)
    order = list(range(count))[:: -1 if backwards else 1]
    state = row(order.pop(0)) if initializer is None else _tensors(initializer)
    for i in order:
        state = fn(state, row(i))
    return state


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
