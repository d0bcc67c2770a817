"""Removable singularities: sin(x)/x, (exp(x)-1)/x, log(1+x)/x, x log y; right at and near the hole at every order.

The n-th derivative of each quotient is a row with the parameter n, and its derivative is that of n + 1.  For
f(x)/x, x g_n + n g_(n-1) = f^(n)(x) holds: solved for g_n it loses digits below |x| = n, solved for g_(n-1) and
begun far enough above n it gains them (Miller 1952).
"""

from __future__ import annotations

from math import factorial
from typing import Any

from ..record.tensor import SCALARS
from ..rules.kinds import elementwise
from .docs import documented
from .selection import where
from .shapes import astype
from .transcendental import log, log1p


def _steps(n: int) -> int:
    """How far above n to begin, so that what is left out is below 1e-18 for |x| <= n + 1."""
    error, m = 1.0, 0
    while error > 1e-18:
        m += 1
        error *= (n + 1) / (n + m)
    return m


def _quotient(xp: Any, x: Any, n: int, derivatives: Any, value: Any) -> Any:
    """The n-th derivative of f(x)/x; ``derivatives[k]`` is f^(k)(x) near 0, ``value(x, k)`` it anywhere."""
    near = xp.abs(x) <= n + 1
    small = xp.where(near, x, 0)
    large = xp.where(near, n + 1, x)
    g = derivatives(small, n + _steps(n)) / (n + _steps(n) + 1)
    for k in range(n + _steps(n), n, -1):
        g = (derivatives(small, k) - small * g) / k
    h = value(large) / large
    for k in range(1, n + 1):
        h = (derivatives(large, k) - k * h) / large
    return xp.where(near, g, h)[()]


def _sinx_over_x(xp: Any, x: Any, *, n: int) -> Any:
    if n == 0:
        zero = x == 0
        return xp.where(zero, 1, xp.sin(x) / xp.where(zero, 1, x))[()]
    made: dict[int, Any] = {}  # sine and cosine of either part are used over and over

    def derivative(part: Any, k: int) -> Any:
        if id(part) not in made:
            made[id(part)] = part, xp.sin(part), xp.cos(part)
        y = made[id(part)][1 + k % 2]
        return -y if k % 4 > 1 else y

    return _quotient(xp, x, n, derivative, xp.sin)


sinx_over_x = elementwise(
    "sinx_over_x",
    _sinx_over_x,
    lambda y, x, *, n: sinx_over_x(x, n=n + 1),
    params={"n": [0, 1, 2, 5]},
    domain=(-9.0, 9.0),
    singular={"0": "the limit, at every order"},
    doc="The n-th derivative of ``sin(x) / x``.",
    public=False,
)


def _expm1_over_x(xp: Any, x: Any, *, n: int) -> Any:
    overflows = xp.exp(x) == xp.inf  # where the quotient would be inf - inf
    x = xp.where(overflows, 0, x)
    if n == 0:
        zero = x == 0
        y = xp.where(zero, 1, xp.expm1(x) / xp.where(zero, 1, x))
    else:
        y = _quotient(xp, x, n, lambda x, k: xp.exp(x), xp.expm1)
    return xp.where(overflows, xp.inf, y)[()]


expm1_over_x = elementwise(
    "expm1_over_x",
    _expm1_over_x,
    lambda y, x, *, n: expm1_over_x(x, n=n + 1),
    params={"n": [0, 1, 2, 5]},
    domain=(-3.0, 3.0),
    singular={"0": "the limit, at every order"},
    doc="The n-th derivative of ``(exp(x) - 1) / x``.",
    public=False,
)


def _log1p_over_x(xp: Any, x: Any, *, n: int) -> Any:
    """(-1)^n n! a_n with a_n = (a_(n-1) - u^n / n) / x, u = 1/(1+x).

    Near 0, a_n = u^(n+1) sum_k w^k / (n+1+k) with w = x u.
    """
    if n == 0:
        zero = x == 0
        return xp.where(zero, 1, xp.log1p(x) / xp.where(zero, 1, x))[()]
    near = (xp.real(x) > -0.34) & (xp.abs(x) < 1)
    small = xp.where(near, x, 0)
    large = xp.where(near, 1, x)
    u = 1 / (1 + small)
    w = small * u
    g = w * 0
    for k in range(60, -1, -1):
        g = g * w + 1 / (n + 1 + k)
    g = g * u ** (n + 1)
    h = xp.log1p(large) / large
    v = 1 / (1 + large)
    for k in range(1, n + 1):
        h = (h - v**k / k) / large
    return (-1) ** n * factorial(n) * xp.where(near, g, h)[()]


log1p_over_x = elementwise(
    "log1p_over_x",
    _log1p_over_x,
    lambda y, x, *, n: log1p_over_x(x, n=n + 1),
    params={"n": [0, 1, 2, 5]},
    domain=(-0.7, 3.0),
    singular={"0": "the limit, at every order"},
    doc="The n-th derivative of ``log(1 + x) / x``.",
    public=False,
)


# -- x log y: only 0/0 is masked, so that x and y are not hidden from the next derivative (rule 7) -------


def _product(xp: Any, log: Any, x: Any, y: Any, neutral: int) -> Any:
    """x log(y), and 0 where x = 0; ``neutral`` is where the logarithm vanishes."""
    dtype = xp.result_type(x, y)
    y = xp.asarray(y, dtype=dtype if dtype.kind in "fc" else float)  # the logarithm of a short dtype would be short too
    zero = (x == 0) & ~xp.isnan(y)
    return xp.where(zero, 0, x * log(xp.where(zero, neutral, y)))[()]


def _wide(y: Any, z: Any) -> Any:
    """y in the dtype of z, the result: functions of y alone are as accurate as z is."""
    return y if type(y) in SCALARS or y.dtype == z.dtype else astype(y, dtype=z.dtype)


def _over(a: Any, b: Any) -> Any:
    """a / b, with 0 / 0 = 0."""
    return where((a == 0) & (b == 0), 0.0, a / b)


xlogy = elementwise(
    "xlogy",
    lambda xp, x, y: _product(xp, xp.log, x, y, 1),
    lambda z, x, y: log(_wide(y, z)),
    lambda z, x, y: _over(x, y),
    domain=(0.5, 2.0),
    singular={"(0, 0)": "(-inf, 0)", "x = 0": "(log y, 0)"},
    doc=documented("``x * log(y)``, and 0 where ``x = 0``.", "gt.xlogy([0.0, 2.0], [0.0, 1.0])", "Tensor([0., 0.])"),
)
xlog1py = elementwise(
    "xlog1py",
    lambda xp, x, y: _product(xp, xp.log1p, x, y, 0),
    lambda z, x, y: log1p(_wide(y, z)),
    lambda z, x, y: _over(x, 1 + y),
    domain=(0.5, 2.0),
    singular={"(0, -1)": "(-inf, 0)", "x = 0": "(log1p(y), 0)"},
    doc=documented(
        "``x * log(1 + y)``, and 0 where ``x = 0``.", "gt.xlog1py([0.0, 2.0], [-1.0, 0.0])", "Tensor([0., 0.])"
    ),
)


def _entr(xp: Any, x: Any) -> Any:
    inside = x > 0
    return xp.where(inside, -x * xp.log(xp.where(inside, x, 1)), xp.where(x == 0, 0, xp.where(x < 0, -xp.inf, x)))[()]


entr = elementwise(
    "entr",
    _entr,
    lambda y, x: -1 - log(x),
    domain=(0.1, 3.0),
    singular={"0": "+inf"},
    doc=documented(
        "The entropy term ``-x * log(x)``: 0 at 0, -inf below.", "gt.entr([0.0, 1.0])", "Tensor([ 0., -0.])"
    ),
)


def _logit(xp: Any, x: Any) -> Any:
    centre = xp.abs(x - 0.5) < 0.25
    return xp.where(
        centre, 2 * xp.arctanh(2 * xp.where(centre, x, 0.5) - 1), xp.log(xp.where(centre, 0.5, x) / (1 - x))
    )[()]


logit = elementwise(
    "logit",
    _logit,
    lambda y, x: 1 / x + 1 / (1 - x),
    domain=(0.1, 0.9),
    singular={"0 and 1": "+inf"},
    doc=documented(
        "``log(x / (1 - x))``, the inverse of sigmoid.", "gt.logit([0.5, 0.75])", "Tensor([0.        , 1.09861229])"
    ),
)
