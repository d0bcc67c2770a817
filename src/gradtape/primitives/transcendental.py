"""Exponentials, logarithms, roots, trigonometric and hyperbolic functions, element by element.

Slopes are written from the input where the rounded output would lose them: 1 - tanh(x)^2 is zero in floating
point from x = 20 on, 4e/(1+e)^2 with e = exp(-2|x|) is not (singular-points table, rule 5).  Slopes that would
overflow or lose digits as a composition have rows of their own, closed under differentiation.
"""

from __future__ import annotations

from typing import Any

from ..rules.kinds import elementwise
from .docs import documented
from .regular import regular

_LN2 = 0.6931471805599453
_LN10 = 2.302585092994046


def _is_complex(x: Any) -> bool:
    return x.dtype.kind == "c"


# -- exponentials and logarithms -------------------------------------------------------------------------------

exp = elementwise(
    "exp",
    "exp",
    lambda y, x: y,
    doc=documented("Exponential ``e**x``.", "gt.exp([0.0, 1.0])", "Tensor([1.        , 2.71828183])"),
)
exp2 = elementwise(
    "exp2", "exp2", lambda y, x: y * _LN2, doc=documented("``2**x``.", "gt.exp2([0.0, 3.0])", "Tensor([1., 8.])")
)
expm1 = elementwise(
    "expm1",
    "expm1",
    lambda y, x: exp(x),  # y + 1 would be rounded to 0 far below 0
    doc=documented("``e**x - 1``, accurate near 0.", "gt.expm1(1e-12)", "Tensor(1.0000000000005e-12)"),
)
log = elementwise(
    "log",
    "log",
    lambda y, x: 1 / x,
    domain=(0.1, 3.0),
    singular={"0": "+inf"},
    doc=documented("Natural logarithm.", "gt.log([1.0, 2.0])", "Tensor([0.        , 0.69314718])"),
)
log2 = elementwise(
    "log2",
    "log2",
    lambda y, x: 1 / (x * _LN2),
    domain=(0.1, 3.0),
    singular={"0": "+inf"},
    doc=documented("Logarithm to base 2.", "gt.log2(8.0)", "Tensor(3.0)"),
)
log10 = elementwise(
    "log10",
    "log10",
    lambda y, x: 1 / (x * _LN10),
    domain=(0.1, 3.0),
    singular={"0": "+inf"},
    doc=documented("Logarithm to base 10.", "gt.log10(1000.0)", "Tensor(3.0)"),
)
log1p = elementwise(
    "log1p",
    "log1p",
    lambda y, x: 1 / (1 + x),
    domain=(-0.5, 3.0),
    singular={"-1": "+inf"},
    doc=documented("``log(1 + x)``, accurate near 0.", "gt.log1p(1e-12)", "Tensor(9.999999999995e-13)"),
)

# -- roots ------------------------------------------------------------------------------------------------------

sqrt = elementwise(
    "sqrt",
    "sqrt",
    lambda y, x: 0.5 / y,
    domain=(0.1, 3.0),
    singular={"0": "+inf"},
    doc=documented("Square root.", "gt.sqrt([4.0, 9.0])", "Tensor([2., 3.])"),
)
rsqrt = elementwise(
    "rsqrt",
    lambda xp, x: 1 / xp.sqrt(x),
    lambda y, x: -0.5 * y / x,
    domain=(0.1, 3.0),
    singular={"0": "-inf"},
    doc=documented("``1 / sqrt(x)``.", "gt.rsqrt([4.0, 16.0])", "Tensor([0.5 , 0.25])"),
)
#: cbrt(x)**k: what the cube root differentiates to, at 0 without a product of 0 and infinity.
cbrt_power = elementwise(
    "cbrt_power",
    lambda xp, x, *, k: xp.cbrt(x) ** k,
    lambda y, x, *, k: k / 3 * cbrt_power(x, k=k - 3),
    quotient=lambda y, x, *, k: (x, (k / 3 * y,)) if regular(x) else None,
    params={"k": [-2, -5]},
    domain=(0.5, 3.0),
    doc="``x**(k/3)``, real also for negative x.",
    public=False,
)
cbrt = elementwise(
    "cbrt",
    "cbrt",
    lambda y, x: cbrt_power(x, k=-2) / 3,
    domain=(0.5, 3.0),
    singular={"0": "+inf; its slope -inf, that of the right side"},
    doc=documented("Cube root, real also for negative ``x``.", "gt.cbrt([8.0, -27.0])", "Tensor([ 2., -3.])"),
)

# -- trigonometric functions --------------------------------------------------------------------------------------

sin = elementwise(
    "sin",
    "sin",
    lambda y, x: cos(x),
    doc=documented("Sine, ``x`` in radians.", "gt.sin([0.0, 0.5])", "Tensor([0.        , 0.47942554])"),
)
cos = elementwise(
    "cos", "cos", lambda y, x: -sin(x), doc=documented("Cosine, ``x`` in radians.", "gt.cos(0.0)", "Tensor(1.0)")
)
tan = elementwise(
    "tan",
    "tan",
    lambda y, x: 1 + y * y,
    doc=documented("Tangent, ``x`` in radians.", "gt.tan([0.0, 0.5])", "Tensor([0.        , 0.54630249])"),
)


# x**j (1 - x**2)**(-k/2) and x**j (x**2 + s)**(-k/2): what the inverse functions differentiate to.  The factor
# 1 - x**2 is computed as (1 - x)(1 + x), exact at both ends; with t = x / sqrt(x**2 + s) the powers of a large
# x neither overflow nor vanish.


def _on_circle(xp: Any, x: Any, *, j: int, k: int) -> Any:
    y = 1 / xp.sqrt((1 - x) * (1 + x)) ** k
    return x**j * y if j else y


def _on_circle_slope(y: Any, x: Any, *, j: int, k: int) -> Any:
    slope = k * on_circle(x, j=j + 1, k=k + 2)
    return j * on_circle(x, j=j - 1, k=k) + slope if j else slope


def _on_circle_quotient(y: Any, x: Any, *, j: int, k: int) -> Any:
    """(1 - x**2) y' = (j x**(j-1) (1 - x**2)**(-k/2) + (k - j) x y) x'; not at the ends."""
    w = (1 - x) * (1 + x)
    if not regular(w):
        return None
    u = (k - j) * x * y
    return w, (u + j * on_circle(x, j=j - 1, k=k) if j else u,)


def _on_hyperbola(xp: Any, x: Any, *, j: int, k: int, s: int) -> Any:
    if s < 0:
        h = xp.sqrt(x - 1) * xp.sqrt(x + 1)
    else:
        h = xp.sqrt(1 + x * x) if _is_complex(x) else xp.hypot(x, 1.0)
    if _is_complex(x):
        t = x / h
    else:
        infinite = xp.isinf(x)
        t = xp.where(infinite, xp.sign(x), x / xp.where(infinite, 1, h))[()]
    y = (1 / h) ** (k - j)
    return t**j * y if j else y


def _on_hyperbola_slope(y: Any, x: Any, *, j: int, k: int, s: int) -> Any:
    # With x**2 + s taken out: two terms that never cancel, neither far out nor at a singular point.
    slope = (j - k) * on_hyperbola(x, j=j + 1, k=k + 2, s=s)
    return slope + j * s * on_hyperbola(x, j=j - 1, k=k + 2, s=s) if j else slope


def _on_hyperbola_quotient(y: Any, x: Any, *, j: int, k: int, s: int) -> Any:
    """(x**2 + s) y' = (j s x**(j-1) (x**2 + s)**(-k/2) + (j - k) x y) x'; not where x**2 + s is 0 or overflows."""
    w = x * x + 1.0 if s > 0 else (x - 1) * (x + 1)
    if not regular(w):
        return None
    u = (j - k) * x * y
    return w, (u + j * s * on_hyperbola(x, j=j - 1, k=k, s=s) if j else u,)


on_circle = elementwise(
    "on_circle",
    _on_circle,
    _on_circle_slope,
    quotient=_on_circle_quotient,
    params={"j": [0, 1], "k": [1, 2]},
    domain=(-0.7, 0.7),
    doc="``x**j (1 - x**2)**(-k/2)``: the slopes of arcsin, arccos and arctanh.",
    public=False,
)
on_hyperbola = elementwise(
    "on_hyperbola",
    _on_hyperbola,
    _on_hyperbola_slope,
    quotient=_on_hyperbola_quotient,
    params={"j": [0, 1], "k": [1, 2], "s": [1, -1]},
    domain=(1.5, 3.0),
    doc="``x**j (x**2 + s)**(-k/2)``: the slopes of arctan, arcsinh and arccosh.",
    public=False,
)

arcsin = elementwise(
    "arcsin",
    "arcsin",
    lambda y, x: on_circle(x, j=0, k=1),
    domain=(-0.7, 0.7),
    singular={"1 and -1": "+inf"},
    doc=documented("Inverse sine, in ``[-pi/2, pi/2]``.", "gt.arcsin(1.0)", "Tensor(1.5707963267948966)"),
)
arccos = elementwise(
    "arccos",
    "arccos",
    lambda y, x: -on_circle(x, j=0, k=1),
    domain=(-0.7, 0.7),
    singular={"1 and -1": "-inf"},
    doc=documented("Inverse cosine, in ``[0, pi]``.", "gt.arccos(0.0)", "Tensor(1.5707963267948966)"),
)
arctan = elementwise(
    "arctan",
    "arctan",
    lambda y, x: on_hyperbola(x, j=0, k=2, s=1),
    doc=documented("Inverse tangent, in ``[-pi/2, pi/2]``.", "gt.arctan(1.0)", "Tensor(0.7853981633974483)"),
)

# -- hyperbolic functions -------------------------------------------------------------------------------------------

sinh = elementwise(
    "sinh",
    "sinh",
    lambda y, x: cosh(x),
    doc=documented("Hyperbolic sine.", "gt.sinh(1.0)", "Tensor(1.1752011936438014)"),
)
cosh = elementwise(
    "cosh", "cosh", lambda y, x: sinh(x), doc=documented("Hyperbolic cosine.", "gt.cosh(0.0)", "Tensor(1.0)")
)


def _sech_squared(xp: Any, x: Any) -> Any:
    if _is_complex(x):
        y = xp.tanh(x)
        return 1 - y * y
    e = xp.exp(-2 * xp.abs(x))
    return 4 * e / ((1 + e) * (1 + e))


sech_squared = elementwise(
    "sech_squared",
    _sech_squared,
    lambda y, x: -2 * tanh(x) * y,
    doc="``1 / cosh(x)**2``, the slope of tanh, to full relative accuracy and without overflow.",
    public=False,
)
tanh = elementwise(
    "tanh",
    "tanh",
    lambda y, x: sech_squared(x),
    doc=documented("Hyperbolic tangent.", "gt.tanh([0.0, 0.5])", "Tensor([0.        , 0.46211716])"),
)
arcsinh = elementwise(
    "arcsinh",
    "arcsinh",
    lambda y, x: on_hyperbola(x, j=0, k=1, s=1),
    doc=documented("Inverse hyperbolic sine.", "gt.arcsinh(1.0)", "Tensor(0.881373587019543)"),
)
arccosh = elementwise(
    "arccosh",
    "arccosh",
    lambda y, x: on_hyperbola(x, j=0, k=1, s=-1),
    domain=(1.5, 3.0),
    singular={"1": "+inf"},
    doc=documented("Inverse hyperbolic cosine, of ``x >= 1``.", "gt.arccosh(1.0)", "Tensor(0.0)"),
)
arctanh = elementwise(
    "arctanh",
    "arctanh",
    lambda y, x: on_circle(x, j=0, k=2),
    domain=(-0.7, 0.7),
    singular={"1 and -1": "+inf"},
    doc=documented("Inverse hyperbolic tangent, of ``-1 < x < 1``.", "gt.arctanh(0.5)", "Tensor(0.5493061443340549)"),
)
