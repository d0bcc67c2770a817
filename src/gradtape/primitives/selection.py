"""Rows that choose between values: where, maximum, minimum, clip; ties and dead lanes.

Conventions at ties (singular-points table, rule 2): maximum and minimum split evenly, clip' = 1 on the closed
interval.  Lanes that were not chosen are dead: structurally zero at every order.  A slope that is 0 or 1 is a
boolean: multiplied with a cotangent it keeps the cotangent's dtype.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..rules.kinds import elementwise, linear
from .docs import documented

# Every comparison is a row of selection too, for the rules of other files.
from .predicates import equal as equal
from .predicates import greater as greater
from .predicates import greater_equal as greater_equal
from .predicates import isfinite as isfinite
from .predicates import isinf as isinf
from .predicates import isnan as isnan
from .predicates import less as less
from .predicates import less_equal as less_equal
from .predicates import logical_not as logical_not
from .predicates import not_equal as not_equal


def _where(xp: Any, c: Any, a: Any, b: Any) -> Any:
    # NumPy takes two microseconds over a choice between two scalars.
    if type(c) is np.bool_ and type(a) is np.float64 and type(b) in _FLOATS:
        return a if c else np.float64(b)
    return xp.where(c, a, b)[()]


_FLOATS = (np.float64, float)


def _holds(c: Any) -> Any:
    """A condition as a mask: numbers hold where they are not zero."""
    return c if getattr(c, "dtype", None) == np.bool_ else not_equal(c, 0)


where = linear(
    "where",
    _where,
    None,
    lambda ct, c, a, b: where(c, ct, 0.0),
    lambda ct, c, a, b: where(c, 0.0, ct),
    alive=(None, lambda c, a, b: _holds(c), lambda c, a, b: logical_not(c)),
    broadcasts=True,
    sample=lambda rng: [
        ((rng.random(shape) < 0.5, rng.normal(size=first), rng.normal(size=second)), {})
        for shape, first, second in [((), (), ()), ((3,), (3,), (3,)), ((2, 1), (3,), ()), ((0,), (0,), (1,))]
    ],
    doc="""Element-wise choice: ``a`` where the condition holds, else ``b``.

    The branch that is not taken has no influence on any derivative, whatever its value (also inf or nan).

    >>> import numpy as np
    >>> import gradtape as gt
    >>> x = gt.asarray([1.0, -1.0, 0.0])
    >>> with np.errstate(divide="ignore"), gt.GradientTape() as tape:
    ...     y = gt.where(x < 0, 1 / (1 - x), gt.log1p(x))
    >>> tape.gradient(y, x)
    Tensor([0.5 , 0.25, 1.  ])
    """,
)


def _half_at_tie(wins: Any, ties: Any) -> Any:
    return 0.5 * wins + 0.5 * (wins | ties)


_TIE = {"tie": "splits evenly: (1/2, 1/2)"}

maximum = elementwise(
    "maximum",
    "maximum",
    lambda y, a, b: _half_at_tie(a > b, a == b),
    lambda y, a, b: _half_at_tie(b > a, a == b),
    alive=(lambda a, b: a >= b, lambda a, b: b >= a),
    singular=_TIE,
    doc=documented(
        "Element-wise larger value; nan where either is nan.",
        "gt.maximum([1.0, 5.0], 3.0)",
        "Tensor([3., 5.])",
        "At a tie the derivative is split evenly.",
    ),
)
minimum = elementwise(
    "minimum",
    "minimum",
    lambda y, a, b: _half_at_tie(a < b, a == b),
    lambda y, a, b: _half_at_tie(b < a, a == b),
    alive=(lambda a, b: a <= b, lambda a, b: b <= a),
    singular=_TIE,
    doc=documented(
        "Element-wise smaller value; nan where either is nan.",
        "gt.minimum([1.0, 5.0], 3.0)",
        "Tensor([1., 3.])",
        "At a tie the derivative is split evenly.",
    ),
)
fmax = elementwise(
    "fmax",
    "fmax",
    lambda y, a, b: _half_at_tie((a > b) | isnan(b), a == b),
    lambda y, a, b: _half_at_tie((b > a) | isnan(a), a == b),
    alive=(lambda a, b: (a >= b) | isnan(b), lambda a, b: (b >= a) | isnan(a)),
    singular=_TIE,
    doc=documented(
        "Element-wise larger value; the other one where one is nan.",
        "gt.fmax([1.0, gt.nan], 3.0)",
        "Tensor([3., 3.])",
    ),
)
fmin = elementwise(
    "fmin",
    "fmin",
    lambda y, a, b: _half_at_tie((a < b) | isnan(b), a == b),
    lambda y, a, b: _half_at_tie((b < a) | isnan(a), a == b),
    alive=(lambda a, b: (a <= b) | isnan(b), lambda a, b: (b <= a) | isnan(a)),
    singular=_TIE,
    doc=documented(
        "Element-wise smaller value; the other one where one is nan.",
        "gt.fmin([1.0, gt.nan], 3.0)",
        "Tensor([1., 3.])",
    ),
)


# clip(x, low, high) = minimum(maximum(x, low), high): high wins where the bounds cross.
def _inside(x: Any, low: Any, high: Any) -> Any:
    return (x >= low) & (x <= high)


def _below(x: Any, low: Any, high: Any) -> Any:
    return (low > x) & (high >= low)


def _above(x: Any, low: Any, high: Any) -> Any:
    return (high < x) | (high < low)


clip = elementwise(
    "clip",
    lambda xp, x, low, high: xp.minimum(xp.maximum(x, low), high),
    lambda y, x, low, high: _inside(x, low, high),
    lambda y, x, low, high: _below(x, low, high),
    lambda y, x, low, high: _above(x, low, high),
    alive=(_inside, _below, _above),
    singular={"a bound": "1 for x on the closed interval, 0 for the bound"},
    sample=lambda rng: [
        ((2 * rng.normal(size=shape), rng.uniform(-1.5, -0.5, low), rng.uniform(0.5, 1.5, high)), {})
        for shape, low, high in [((), (), ()), ((5,), (), ()), ((2, 3), (3,), (2, 1)), ((0,), (), ())]
    ],
    doc="``x`` held between ``low`` and ``high``; the derivative is 1 on the closed interval.",
    public=False,
)

nan_to_num = elementwise(
    "nan_to_num",
    lambda xp, x, *, nan, posinf, neginf: xp.nan_to_num(x, nan=nan, posinf=posinf, neginf=neginf),
    lambda y, x, **_: isfinite(x),
    alive=(lambda x, **_: isfinite(x),),
    params={"nan": [0.0], "posinf": [None, 1.0], "neginf": [None]},
    doc="``x`` with nan and the infinities replaced by numbers; the derivative is 1 where x is finite, else 0.",
    public=False,
)
