"""Comparisons, tests and operations on bits: rows whose values are booleans or integers, without derivative."""

from __future__ import annotations

import operator
from typing import Any

from ..rules.batching import lanes
from ..rules.kinds import constant
from .docs import documented

# -- comparisons ---------------------------------------------------------------------------------------------

greater = constant(
    "greater",
    operator.gt,
    arity=2,
    doc=documented("Element-wise ``a > b``.", "gt.greater([1.0, 3.0], 2.0)", "Tensor([False,  True])"),
)
greater_equal = constant(
    "greater_equal",
    operator.ge,
    arity=2,
    doc=documented("Element-wise ``a >= b``.", "gt.greater_equal([1.0, 2.0], 2.0)", "Tensor([False,  True])"),
)
less = constant(
    "less",
    operator.lt,
    arity=2,
    doc=documented("Element-wise ``a < b``.", "gt.less([1.0, 3.0], 2.0)", "Tensor([ True, False])"),
)
less_equal = constant(
    "less_equal",
    operator.le,
    arity=2,
    doc=documented("Element-wise ``a <= b``.", "gt.less_equal([1.0, 3.0], 2.0)", "Tensor([ True, False])"),
)
equal = constant(
    "equal",
    operator.eq,
    arity=2,
    doc=documented("Element-wise ``a == b``.", "gt.equal([1.0, 2.0], 2.0)", "Tensor([False,  True])"),
)
not_equal = constant(
    "not_equal",
    operator.ne,
    arity=2,
    doc=documented("Element-wise ``a != b``.", "gt.not_equal([1.0, 2.0], 2.0)", "Tensor([ True, False])"),
)
isclose = constant(
    "isclose",
    lambda xp, a, b, *, rtol, atol, equal_nan: xp.isclose(a, b, rtol=rtol, atol=atol, equal_nan=equal_nan),
    arity=2,
    params={"rtol": [1e-5], "atol": [1e-8], "equal_nan": [False, True]},
    batch=lanes,
    doc="Element-wise ``abs(a - b) <= atol + rtol * abs(b)``.",
    public=False,
)

# -- tests of one value ----------------------------------------------------------------------------------------

isnan = constant(
    "isnan",
    "isnan",
    doc=documented("Whether each element is nan.", "gt.isnan([1.0, gt.nan])", "Tensor([False,  True])"),
)
isinf = constant(
    "isinf",
    "isinf",
    doc=documented("Whether each element is infinite.", "gt.isinf([1.0, gt.inf])", "Tensor([False,  True])"),
)
isfinite = constant(
    "isfinite",
    "isfinite",
    doc=documented(
        "Whether each element is neither infinite nor nan.", "gt.isfinite([1.0, gt.inf])", "Tensor([ True, False])"
    ),
)
isposinf = constant(
    "isposinf",
    "isposinf",
    doc=documented("Whether each element is +inf.", "gt.isposinf([1.0, gt.inf])", "Tensor([False,  True])"),
)
isneginf = constant(
    "isneginf", "isneginf", doc=documented("Whether each element is -inf.", "gt.isneginf([-gt.inf])", "Tensor([ True])")
)
signbit = constant(
    "signbit",
    "signbit",
    doc=documented("Whether the sign bit is set (also of -0.0).", "gt.signbit([1.0, -0.0])", "Tensor([False,  True])"),
)
isreal = constant(
    "isreal",
    "isreal",
    doc=documented("Whether the imaginary part is zero.", "gt.isreal([1.0, 1j])", "Tensor([ True, False])"),
)
iscomplex = constant(
    "iscomplex",
    "iscomplex",
    doc=documented("Whether the imaginary part is not zero.", "gt.iscomplex([1.0, 1j])", "Tensor([False,  True])"),
)

# -- logic and bits ------------------------------------------------------------------------------------------

logical_not = constant(
    "logical_not",
    "logical_not",
    doc=documented("Element-wise ``not x``.", "gt.logical_not([True, False])", "Tensor([False,  True])"),
)
logical_and = constant(
    "logical_and",
    "logical_and",
    arity=2,
    doc=documented("Element-wise ``a and b``.", "gt.logical_and([True, False], True)", "Tensor([ True, False])"),
)
logical_or = constant(
    "logical_or",
    "logical_or",
    arity=2,
    doc=documented("Element-wise ``a or b``.", "gt.logical_or([True, False], False)", "Tensor([ True, False])"),
)
logical_xor = constant(
    "logical_xor",
    "logical_xor",
    arity=2,
    doc=documented("Element-wise exclusive or.", "gt.logical_xor([True, False], True)", "Tensor([False,  True])"),
)


def _integers(rng: Any) -> Any:
    return [(tuple([rng.integers(0, 8, shape) for _ in range(2)]), {}) for shape in ((), (3,), (2, 3))]


bitwise_and = constant(
    "bitwise_and",
    operator.and_,
    arity=2,
    sample=_integers,
    doc=documented("Element-wise ``a & b`` of integers or booleans.", "gt.bitwise_and([5, 6], 4)", "Tensor([4, 4])"),
)
bitwise_or = constant(
    "bitwise_or",
    operator.or_,
    arity=2,
    sample=_integers,
    doc=documented("Element-wise ``a | b`` of integers or booleans.", "gt.bitwise_or([5, 6], 1)", "Tensor([5, 7])"),
)
bitwise_xor = constant(
    "bitwise_xor",
    operator.xor,
    arity=2,
    sample=_integers,
    doc=documented("Element-wise ``a ^ b`` of integers or booleans.", "gt.bitwise_xor([5, 6], 1)", "Tensor([4, 7])"),
)
bitwise_invert = constant(
    "bitwise_invert",
    operator.invert,
    sample=lambda rng: [((rng.integers(0, 8, (3,)),), {})],
    doc=documented("Element-wise ``~x`` of integers or booleans.", "gt.bitwise_invert([0, 5])", "Tensor([-1, -6])"),
)
bitwise_left_shift = constant(
    "bitwise_left_shift",
    operator.lshift,
    arity=2,
    sample=_integers,
    doc=documented("Element-wise ``a << b`` of integers.", "gt.bitwise_left_shift([1, 2], 3)", "Tensor([ 8, 16])"),
)
bitwise_right_shift = constant(
    "bitwise_right_shift",
    operator.rshift,
    arity=2,
    sample=_integers,
    doc=documented("Element-wise ``a >> b`` of integers.", "gt.bitwise_right_shift([8, 16], 3)", "Tensor([1, 2])"),
)
gcd = constant(
    "gcd",
    "gcd",
    arity=2,
    sample=_integers,
    doc=documented("Element-wise greatest common divisor of integers.", "gt.gcd([12, 18], 8)", "Tensor([4, 2])"),
)
lcm = constant(
    "lcm",
    "lcm",
    arity=2,
    sample=_integers,
    doc=documented("Element-wise least common multiple of integers.", "gt.lcm([4, 6], 10)", "Tensor([20, 30])"),
)
bitwise_count = constant(
    "bitwise_count",
    "bitwise_count",
    sample=lambda rng: [((rng.integers(0, 8, (3,)),), {})],
    doc=documented("The number of 1 bits in each integer.", "gt.bitwise_count([5, 8])", "Tensor([2, 1], dtype=uint8)"),
)
