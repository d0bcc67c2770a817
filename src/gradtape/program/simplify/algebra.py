"""Rules of algebra, by the name of the row: each says what a step is the same as, or a cheaper step, or nothing."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from ...rules.primitive import registry
from ..program import Step, Value

if TYPE_CHECKING:
    from .forward_pass import Pass

Rule = Callable[["Pass", Step], Any]


def _fits(step: Step, x: Any) -> bool:
    """Whether ``x`` has the shape and dtype of what the step makes."""
    return type(x) is Value and x.shape == step.outputs[0].shape and x.dtype == step.outputs[0].dtype


def _instead(step: Step, name: str, inputs: tuple[Any, ...], params: Any = None) -> Step:
    return Step(registry[name], params, inputs, step.outputs, False, step.code, step.lasti)


# -- the same value under another name ----------------------------------------------------------------------------


def _itself(walk: Pass, step: Step) -> Any:
    return step.inputs[0] if _fits(step, step.inputs[0]) else None


def _zeros(walk: Pass, step: Step) -> Any:
    """Rows that are there for their derivatives: their value is zero."""
    return walk.constant(np.zeros(step.outputs[0].shape, step.outputs[0].dtype)[()])


def _ones(walk: Pass, step: Step) -> Any:
    """The same, of the value one."""
    return walk.constant(np.ones(step.outputs[0].shape, step.outputs[0].dtype)[()])


def _unmoved(walk: Pass, step: Step) -> Any:
    """transpose by the identity permutation; one transposition after another."""
    x = step.inputs[0]
    axes = (step.params or {}).get("axes")
    if axes is None:
        return None
    axes = tuple([a % len(axes) for a in axes])
    if axes == tuple(range(len(axes))):
        return x if _fits(step, x) else None
    before = walk.made_by(x, "transpose")
    first = (before.params or {}).get("axes") if before is not None else None
    if before is None or first is None:
        return None
    joint = tuple([first[a] % len(axes) for a in axes])
    return _instead(step, "transpose", before.inputs, {**(step.params or {}), "axes": joint})


def _reshaped_twice(walk: Pass, step: Step) -> Any:
    before = walk.made_by(step.inputs[0], "reshape")
    return None if before is None else step.taking(before.inputs)


def _past_negative(walk: Pass, step: Step) -> Any:
    """sum(-x) is -sum(x): the negative of fewer numbers, and x may be a contraction that can sum by itself."""
    before = walk.made_by(step.inputs[0], "negative")
    if before is None or not _fits(before, before.inputs[0]):
        return None
    total = walk.value(step, step.row, before.inputs, step.params)
    return _instead(step, "negative", (total,))


def _only_new_axes(walk: Pass, step: Step) -> Any:
    """x[:, None] and its transpose: a reshape."""
    index = (step.params or {}).get("index")
    if len(step.inputs) != 1 or not isinstance(index, tuple):
        return None
    if any(i is not None and not (isinstance(i, slice) and i == slice(None)) for i in index):
        return None
    return _instead(step, "reshape", step.inputs, {"shape": step.outputs[0].shape})


def _twice(walk: Pass, step: Step) -> Any:
    """Rows that undo themselves."""
    before = walk.made_by(step.inputs[0], step.row.name)
    return before.inputs[0] if before is not None and _fits(step, before.inputs[0]) else None


# -- arithmetic -----------------------------------------------------------------------------------------------------


def _multiply(walk: Pass, step: Step) -> Any:
    for x, other in (step.inputs, step.inputs[::-1]):
        number = walk.fill(other)
        if number is None:
            continue
        if number == 1 and _fits(step, x):
            return x
        if number == -1 and _fits(step, x):
            return _instead(step, "negative", (x,))
        before = walk.made_by(x, "multiply")
        if before is None or not _fits(step, x) or type(number) is complex:
            continue
        for y, more in (before.inputs, before.inputs[::-1]):  # (y * more) * number
            factor = walk.fill(more)
            if factor is not None and _fits(step, y) and not isinstance(factor, complex):
                return _instead(step, "multiply", (y, float(factor) * float(number)))
    return None


def _divide(walk: Pass, step: Step) -> Any:
    x, other = step.inputs
    return x if walk.fill(other) == 1 and _fits(step, x) else None


def _add(walk: Pass, step: Step) -> Any:
    joined = _either(walk, step)
    if joined is not None:
        return joined
    for x, other in (step.inputs, step.inputs[::-1]):
        if walk.fill(other) == 0 and _fits(step, x):
            return x
        minus = walk.made_by(other, "negative")
        if minus is not None and _fits(minus, minus.inputs[0]):
            return _instead(step, "subtract", (x, minus.inputs[0]))
    return None


def _subtract(walk: Pass, step: Step) -> Any:
    x, other = step.inputs
    if walk.fill(other) == 0 and _fits(step, x):
        return x
    if walk.fill(x) == 0 and _fits(step, other):
        return _instead(step, "negative", (other,))
    minus = walk.made_by(other, "negative")
    return _instead(step, "add", (x, minus.inputs[0])) if minus is not None else None


def _power(walk: Pass, step: Step) -> Any:
    """x**1 = x; x**2, x**3 and x**4 as products, which are many times faster."""
    x, n = step.inputs
    n = walk.fill(n)
    if n is None or not _fits(step, x) or x.dtype.kind not in "fc":
        return None
    if n == 1:
        return x
    if n == 2:
        return _instead(step, "multiply", (x, x))
    if n in (3, 4):
        square = walk.value(step, registry["multiply"], (x, x))
        return _instead(step, "multiply", (square, x if n == 3 else square))
    return None


# -- masks ----------------------------------------------------------------------------------------------------------


def _where(walk: Pass, step: Step) -> Any:
    c, a, b = step.inputs
    chosen = walk.fill(c)
    if chosen is not None:
        picked = a if chosen else b
        return picked if _fits(step, picked) else None
    if a is b and _fits(step, a):
        return a
    product = walk.made_by(a, "multiply")
    if product is not None and walk.fill(b) == 0:  # where(c, c * x, 0), as the slope of relu is
        for mask, x in (product.inputs, product.inputs[::-1]):
            if _fits(step, x) and _implied(walk, c, mask):
                return step.taking((c, x, b))
    turned = walk.made_by(c, "logical_not")
    if turned is not None and turned.inputs[0].dtype == np.bool_:
        return step.taking((turned.inputs[0], b, a))
    inside = walk.made_by(a, "where")
    if inside is not None and _implied(walk, c, inside.inputs[0]):
        return step.taking((c, inside.inputs[1], b))
    inside = walk.made_by(b, "where")
    if inside is not None and inside.inputs[0] is c:
        return step.taking((c, a, inside.inputs[2]))
    return None


def _implied(walk: Pass, c: Any, mask: Any) -> bool:
    """Whether ``mask`` is true wherever ``c`` is."""
    both = walk.made_by(c, "bitwise_and", "logical_and")
    return mask is c or (both is not None and mask in both.inputs and mask.dtype == np.bool_ and mask.shape == c.shape)


def _either(walk: Pass, step: Step) -> Any:
    """where(c, a, 0) + where(c, 0, b) is where(c, a, b)."""
    first, second = [walk.made_by(x, "where") for x in step.inputs]
    if first is None or second is None or first.inputs[0] is not second.inputs[0]:
        return None
    for one, other in ((first, second), (second, first)):
        if walk.fill(one.inputs[2]) == 0 and walk.fill(other.inputs[1]) == 0:
            return _instead(step, "where", (one.inputs[0], one.inputs[1], other.inputs[2]))
    return None


def _or(walk: Pass, step: Step) -> Any:
    a, b = step.inputs
    if not (_fits(step, a) and _fits(step, b)) or a.dtype != np.bool_:
        return None
    if a is b:
        return a
    for x, other in ((a, b), (b, a)):
        if walk.fill(other) is not None:
            return other if walk.fill(other) else x
        turned = walk.made_by(other, "logical_not")
        if turned is not None and turned.inputs[0] is x:
            return walk.constant(np.ones(step.outputs[0].shape, bool)[()])
        both = walk.made_by(other, "bitwise_and", "logical_and")
        if both is not None and x in both.inputs:
            return x
    return None


def _and(walk: Pass, step: Step) -> Any:
    a, b = step.inputs
    if not (_fits(step, a) and _fits(step, b)) or a.dtype != np.bool_:
        return None
    if a is b:
        return a
    for x, other in ((a, b), (b, a)):
        if walk.fill(other) is not None:
            return x if walk.fill(other) else other
        either = walk.made_by(other, "bitwise_or", "logical_or")
        if either is not None and x in either.inputs:
            return x
    return None


def _not_zero(walk: Pass, step: Step) -> Any:
    """where(mask, 1, 0) > 0, and != 0, is the mask, also where it was repeated, or divided by a count."""
    x, zero = step.inputs
    if walk.fill(zero) != 0:
        return None
    moved = walk.made_by(x, "spread", "broadcast_to", "reshape")
    if moved is not None and _mask_in(walk, moved.inputs[0]) is not None:
        return _instead(step, moved.row.name, (_mask_in(walk, moved.inputs[0]),), moved.params)
    c = _mask_in(walk, x)
    return c if c is not None and _fits(step, c) else None


def _mask_in(walk: Pass, x: Any) -> Any:
    """The mask c of where(c, 1, 0), which may be divided by a count."""
    share = walk.made_by(x, "divide")
    if share is not None and 1 <= (walk.fill(share.inputs[1]) or 0) < math.inf:
        x = share.inputs[0]
    mask = walk.made_by(x, "where")
    if mask is None or walk.fill(mask.inputs[1]) != 1 or walk.fill(mask.inputs[2]) != 0:
        return None
    c = mask.inputs[0]
    return c if type(c) is Value and c.dtype == np.bool_ and c.shape == mask.outputs[0].shape else None


# -- pairs ----------------------------------------------------------------------------------------------------------


def _gathered(walk: Pass, step: Step) -> Any:
    """What was placed into zeros at an index, picked from there again."""
    before = walk.made_by(step.inputs[0], "place")
    if before is None or repr((before.params or {}).get("index")) != repr((step.params or {}).get("index")):
        return None
    return before.inputs[0] if _fits(step, before.inputs[0]) else None


def _transposed_product(walk: Pass, step: Step) -> Any:
    """(a @ b).T with a or b transposed already: b.T @ a.T."""
    product = walk.made_by(step.inputs[0], "matmul")
    if product is None or any(type(x) is not Value or len(x.shape) < 2 for x in product.inputs):
        return None
    a, b = product.inputs
    if walk.made_by(a, "matrix_transpose") is None and walk.made_by(b, "matrix_transpose") is None:
        return None
    turn = registry["matrix_transpose"]
    return _instead(step, "matmul", (walk.value(step, turn, (b,)), walk.value(step, turn, (a,))))


RULES: dict[str, tuple[Rule, ...]] = {
    "identity": (_itself,),
    "held": (_itself,),
    "stop_gradient": (_itself,),
    "kink_step": (_zeros,),
    "likelihood_ratio": (_ones,),
    "settled": (_itself,),
    "limited": (_itself,),
    "astype": (_itself,),
    "real": (_itself,),
    "broadcast_to": (_itself,),
    "sum_to": (_itself, _past_negative),
    "spread": (_itself,),
    "reshape": (_itself, _reshaped_twice),
    "transpose": (_unmoved,),
    "matrix_transpose": (_twice, _transposed_product),
    "negative": (_twice,),
    "logical_not": (_twice,),
    "conj": (_twice,),
    "multiply": (_multiply,),
    "divide": (_divide,),
    "add": (_add,),
    "subtract": (_subtract,),
    "power": (_power,),
    "where": (_where,),
    "bitwise_or": (_or,),
    "logical_or": (_or,),
    "bitwise_and": (_and,),
    "logical_and": (_and,),
    "greater": (_not_zero,),
    "not_equal": (_not_zero,),
    "getitem": (_only_new_axes, _gathered),
    "place": (_only_new_axes,),
}
