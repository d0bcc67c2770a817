"""Sums, products, quotients, powers: element by element.

Transposes and partials are the plain, holomorphic ones: the reverse sweep conjugates where values are complex.
"""

from __future__ import annotations

import operator
from typing import Any

from ..record.segment import is_recording
from ..record.tensor import SCALARS
from ..rules.kinds import constant, elementwise, linear, multilinear
from .docs import documented
from .precision import as_result
from .reductions import all
from .regular import regular
from .selection import not_equal, where
from .transcendental import log

_BROADCAST = "The arguments broadcast against each other; dtypes promote as in NumPy 2."

add = linear(
    "add",
    operator.add,
    lambda ct, a, b: ct,
    lambda ct, a, b: ct,
    broadcasts=True,
    doc=documented("Element-wise sum ``a + b``.", "gt.add([1.0, 2.0], 3.0)", "Tensor([4., 5.])", _BROADCAST),
)
subtract = linear(
    "subtract",
    operator.sub,
    lambda ct, a, b: ct,
    lambda ct, a, b: -ct,
    broadcasts=True,
    doc=documented("Element-wise difference ``a - b``.", "gt.subtract(3.0, 1.0)", "Tensor(2.0)", _BROADCAST),
)
negative = linear(
    "negative",
    operator.neg,
    lambda ct, x: -ct,
    broadcasts=True,
    doc=documented("Element-wise ``-x``.", "gt.negative([1.0, -2.0])", "Tensor([-1.,  2.])"),
)
positive = linear(
    "positive",
    operator.pos,
    lambda ct, x: ct,
    broadcasts=True,
    doc=documented("Element-wise ``+x``: the value itself.", "gt.positive(2.0)", "Tensor(2.0)"),
)
multiply = multilinear(
    "multiply",
    operator.mul,
    lambda ct, a, b: ct * b,
    lambda ct, a, b: ct * a,
    broadcasts=True,
    doc=documented("Element-wise product ``a * b``.", "gt.multiply([1.0, 2.0], 3.0)", "Tensor([3., 6.])", _BROADCAST),
)
divide = elementwise(
    "divide",
    operator.truediv,
    lambda y, a, b: 1 / (b if getattr(b, "dtype", None) is y.dtype else as_result(b, y)),
    lambda y, a, b: -y / b,
    quotient=lambda y, a, b: (b, (1.0, -y)),
    linear_in=(0,),
    domain=(0.5, 2.0),
    doc=documented(
        "Element-wise quotient ``a / b``.", "gt.divide([1.0, 2.0], 4.0)", "Tensor([0.25, 0.5 ])", _BROADCAST
    ),
)
reciprocal = elementwise(
    "reciprocal",
    lambda xp, x: xp.reciprocal(x),
    lambda y, x: -(y * y),
    domain=(0.5, 2.0),
    doc=documented("Element-wise ``1 / x``.", "gt.reciprocal([2.0, 4.0])", "Tensor([0.5 , 0.25])"),
)

#: Zeros like x that count as connected to it: the slope of something that does not change with x.
nought = constant(
    "nought", lambda xp, x: xp.zeros_like(x)[()], carries=True, doc="Zeros of the shape of x.", public=False
)

square = elementwise(
    "square",
    lambda xp, x: xp.square(x) if x.dtype.kind == "b" else x * x,  # the product is faster, but of booleans a boolean
    lambda y, x: 2 * x,
    doc=documented("Element-wise ``x * x``.", "gt.square([2.0, 3.0])", "Tensor([4., 9.])"),
)


def _integer_power(xp: Any, x: Any, *, n: int) -> Any:
    if n == 3:  # NumPy's general power takes twenty times as long as a product
        return x * x * x
    return x**n


def _integer_slope(y: Any, x: Any, *, n: int) -> Any:
    if n == 0:
        return nought(x)
    if n == 2:
        return 2 * x
    return n * integer_power(x, n=n - 1)


integer_power = elementwise(
    "integer_power",
    _integer_power,
    _integer_slope,
    # A polynomial ends, which no quotient does to the last digit; the others go on for ever.
    quotient=lambda y, x, *, n: (x, (n * y,)) if n < 0 and regular(x) else None,
    params={"n": [0, 1, 2, 3, 5, -1, -2]},
    domain=(0.5, 2.0),
    singular={"0": "a polynomial: x**0 has derivative 0 and x**1 has 1, also at 0"},
    doc="``x ** n`` for a Python integer n: the polynomial rule, right at 0 to every order.",
    public=False,
)


# a**b * log(a)**k is closed under differentiation:
#     d/da = b a**(b-1) log(a)**k + k a**(b-1) log(a)**(k-1),      d/db = a**b log(a)**(k+1)
# and its limits at a = 0 can be told one by one, so powers are right there at every order.  The factor b is
# masked only where a = b = 0 (a constant, x**0): elsewhere a mask would hide the dependence on b.


def _power_log(xp: Any, a: Any, b: Any, *, k: int) -> Any:
    dtype = xp.result_type(a, b)
    a = xp.asarray(a, dtype=dtype if dtype.kind in "fc" else float)[()]  # log of a shorter dtype would lose digits
    y = a**b
    if k == 0:
        return y
    zero = a == 0
    logs = xp.log(xp.where(zero, 1, a)) ** k
    vanishes = xp.where(zero & (xp.real(b) > 0), 0, y * logs)
    return xp.where(zero & ~(xp.real(b) > 0), -xp.inf if k % 2 else xp.inf, vanishes)[()]


def _slope_in_base(y: Any, a: Any, b: Any, *, k: int = 0) -> Any:
    if type(b) in SCALARS:  # a constant exponent: x**2, x**1.5
        if b == 2 and not k:
            return 2 * a
        slope = b * _times_log(a, b - 1, k) if b else nought(a)
    else:
        b = as_result(b, y) if b.dtype.kind == "f" else b  # b - 1 is rounded
        slope = where((a == 0) & (b == 0), 0.0, b * _times_log(a, b - 1, k))
    return slope + k * _times_log(a, b - 1, k - 1) if k else slope


def _times_log(a: Any, b: Any, k: int) -> Any:
    return power_log(a, b, k=k) if k else a**b


power_log = elementwise(
    "power_log",
    _power_log,
    lambda y, a, b, *, k: _slope_in_base(y, a, b, k=k),
    lambda y, a, b, *, k: power_log(a, b, k=k + 1),
    quotient=lambda y, a, b, *, k: _power_quotient(y, a, b, k=k),
    params={"k": [0, 1, 2]},
    domain=(0.5, 2.0),
    singular={"base 0": "the limit where there is one, else the infinity of log(0)**k"},
    doc="``a**b * log(a)**k``: what powers differentiate to.",
    public=False,
)


def _power_quotient(y: Any, a: Any, b: Any, *, k: int = 0) -> Any:
    """For y = a**b log(a)**k, a y' = (b y + k a**b log(a)**(k-1)) a' + a y log(a) b'.

    Not at a = 0, where powers that are polynomials end.
    """
    if type(b) in (int, float) and b >= 0 and b == round(b) and is_recording():
        return None  # a polynomial is smooth everywhere: no guard, so that a batch may replay it with some at 0
    if not all(not_equal(a, 0.0)):
        return None
    constant = type(b) in SCALARS or not hasattr(b, "term")
    u = b * y + k * _times_log(a, b, k - 1) if k else b * y
    return a, (u, None if constant else a * y * log(a))


power = elementwise(
    "power",
    operator.pow,
    _slope_in_base,
    lambda y, a, b: power_log(a, b, k=1),
    quotient=_power_quotient,
    domain=(0.5, 2.0),
    singular={
        "base 0": "the limit where there is one, to every order; x**0 is constant",
        "base < 0": "nan in the exponent",
        "(0, 0)": "(0, -inf)",
    },
    doc=documented(
        "Element-wise ``a ** b``.",
        "gt.power([2.0, 3.0], 2.0)",
        "Tensor([4., 9.])",
        "Right at ``a = 0`` to every order of derivative.  For ``a < 0`` the derivative with respect to the\n"
        "exponent is nan; it is not touched unless it is asked for.",
    ),
)

# -- division with a remainder -----------------------------------------------------------------------------

floor_divide = constant(
    "floor_divide",
    operator.floordiv,
    arity=2,
    carries=True,
    domain=(0.5, 2.0),
    doc=documented(
        "Element-wise ``a // b``: the quotient rounded down; its slope is zero.",
        "gt.floor_divide([7.0, -7.0], 2.0)",
        "Tensor([ 3., -4.])",
    ),
)
#: The quotient a / b rounded towards zero, as fmod rounds it.
truncated_quotient = constant(
    "truncated_quotient",
    lambda xp, a, b: xp.round((a - xp.fmod(a, b)) / b),
    arity=2,
    carries=True,
    domain=(0.5, 2.0),
    doc="``a / b`` rounded towards zero.",
    public=False,
)
remainder = elementwise(
    "remainder",
    operator.mod,
    lambda y, a, b: 1.0,
    lambda y, a, b: -floor_divide(a, b),
    domain=(0.5, 2.0),
    singular={"a multiple of b": "the slope of either side: 1 in a, -(a // b) in b"},
    doc=documented(
        "Element-wise ``a % b = a - b * (a // b)``; it has the sign of ``b``.",
        "gt.remainder([7.0, -7.0], 4.0)",
        "Tensor([3., 1.])",
    ),
)
fmod = elementwise(
    "fmod",
    "fmod",
    lambda y, a, b: 1.0,
    lambda y, a, b: -truncated_quotient(a, b),
    domain=(0.5, 2.0),
    doc=documented(
        "Element-wise remainder of the quotient rounded towards zero; it has the sign of ``a``.",
        "gt.fmod([7.0, -7.0], 4.0)",
        "Tensor([ 3., -3.])",
    ),
)

# -- angles ---------------------------------------------------------------------------------------------------

_DEGREE = 0.017453292519943295

deg2rad = linear(
    "deg2rad",
    "deg2rad",
    lambda ct, x: ct * _DEGREE,
    broadcasts=True,
    doc=documented("Degrees to radians: ``x * pi / 180``.", "gt.deg2rad(180.0)", "Tensor(3.141592653589793)"),
)
rad2deg = linear(
    "rad2deg",
    "rad2deg",
    lambda ct, x: ct / _DEGREE,
    broadcasts=True,
    doc=documented("Radians to degrees: ``x * 180 / pi``.", "gt.rad2deg(gt.pi)", "Tensor(180.0)"),
)
ldexp = elementwise(
    "ldexp",
    "ldexp",
    lambda y, x, n: ldexp(nought(x) + 1, n),
    None,
    sample=lambda rng: [((rng.uniform(0.5, 2.0, (3,)), rng.integers(-3, 4, (3,))), {})],
    doc=documented("Element-wise ``x * 2**n`` with integer ``n``.", "gt.ldexp(3.0, 2)", "Tensor(12.0)"),
)
