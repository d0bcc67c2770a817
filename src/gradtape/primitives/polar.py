"""Lengths and directions in the plane: hypot, arctan2; and sums of exponentials: logaddexp.

Everything is written with direction(a, b) = a / hypot(a, b), which is scaled as hypot is: 1e200 and 1e-200 work
at every order.  At the origin the slope of a length is 0 (the smallest subgradient; singular-points table, rule 4).
"""

from __future__ import annotations

from typing import Any

from ..rules.kinds import elementwise
from .activations import sigmoid
from .docs import documented
from .selection import isinf, where

_ORIGIN = {"(0, 0)": "0 at every order"}


def _over(a: Any, b: Any) -> Any:
    """a / b, and 0 where b = 0."""
    zero = b == 0
    return where(zero, 0.0, a / where(zero, 1.0, b))


def _direction(xp: Any, a: Any, b: Any) -> Any:
    h = xp.hypot(a, b)
    zero = h == 0
    return xp.where(zero, 0, a / xp.where(zero, 1, h))[()]


direction = elementwise(
    "direction",
    _direction,
    lambda y, a, b: _over(direction(b, a) * direction(b, a), hypot(a, b)),
    lambda y, a, b: -_over(y * direction(b, a), hypot(a, b)),
    singular=_ORIGIN,
    doc="``a / sqrt(a**2 + b**2)``, and 0 at the origin.",
    public=False,
)
hypot = elementwise(
    "hypot",
    "hypot",
    lambda y, a, b: direction(a, b),
    lambda y, a, b: direction(b, a),
    singular=_ORIGIN,
    doc=documented(
        "``sqrt(a**2 + b**2)`` without overflow or underflow on the way.",
        "gt.hypot(3.0, 4.0)",
        "Tensor(5.0)",
        "At the origin the derivative is 0.",
    ),
)
arctan2 = elementwise(
    "arctan2",
    "arctan2",
    lambda y, a, b: _over(direction(b, a), hypot(a, b)),
    lambda y, a, b: -_over(direction(a, b), hypot(a, b)),
    singular=_ORIGIN,
    doc=documented(
        "The angle of the point ``(x2, x1)``, in ``[-pi, pi]``.",
        "gt.arctan2([1.0, -1.0], -1.0)",
        "Tensor([ 2.35619449, -2.35619449])",
        "At the origin, where there is no angle, the derivative is 0.",
    ),
)


def _difference(a: Any, b: Any) -> Any:
    """a - b, and 0 where both are the same infinity."""
    return where((a == b) & isinf(a), 0.0, a - b)


_BOTH = {"both -inf or both +inf": "(1/2, 1/2), and 0 at higher orders"}

logaddexp = elementwise(
    "logaddexp",
    "logaddexp",
    lambda y, a, b: sigmoid(_difference(a, b)),
    lambda y, a, b: sigmoid(_difference(b, a)),
    singular=_BOTH,
    doc=documented(
        "``log(exp(a) + exp(b))`` without overflow.", "gt.logaddexp(1000.0, 1000.0)", "Tensor(1000.6931471805599)"
    ),
)
logaddexp2 = elementwise(
    "logaddexp2",
    "logaddexp2",
    lambda y, a, b: sigmoid(_difference(a, b) * 0.6931471805599453),
    lambda y, a, b: sigmoid(_difference(b, a) * 0.6931471805599453),
    singular=_BOTH,
    doc=documented("``log2(2**a + 2**b)`` without overflow.", "gt.logaddexp2(2.0, 2.0)", "Tensor(3.0)"),
)
