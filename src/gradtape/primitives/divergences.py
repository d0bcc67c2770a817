"""Element-wise terms of divergences and robust losses, by SciPy's names."""

from __future__ import annotations

from typing import Any

from ..rules.kinds import elementwise
from .docs import documented
from .rounding import abs, sign
from .selection import where
from .special_values import scipy_values
from .transcendental import log, sqrt

kl_div = elementwise(
    "kl_div",
    scipy_values("kl_div"),
    lambda z, x, y: log(x / y),
    lambda z, x, y: 1.0 - x / y,
    domain=(0.4, 3.0),
    singular={"x = 0": "(-inf, 1)"},
    doc=documented(
        "``x log(x/y) - x + y``, a term of a Kullback-Leibler divergence.",
        "gt.special.kl_div([1.0, 0.0], [1.0, 2.0])",
        "Tensor([0., 2.])",
    ),
)
rel_entr = elementwise(
    "rel_entr",
    scipy_values("rel_entr"),
    lambda z, x, y: log(x / y) + 1.0,
    lambda z, x, y: -x / y,
    domain=(0.4, 3.0),
    singular={"x = 0": "(-inf, 0)"},
    doc=documented(
        "``x log(x/y)``, a term of a relative entropy.",
        "gt.special.rel_entr([1.0, 0.0], [1.0, 2.0])",
        "Tensor([0., 0.])",
    ),
)


def _losses(rng: Any) -> Any:
    return [
        ((rng.uniform(0.8, 1.2, d), rng.uniform(*ends, r) * rng.choice([-1.0, 1.0], r)), {})
        for d, r, ends in [
            ((3,), (3,), (0.2, 0.7)),
            ((3,), (3,), (1.4, 3.0)),
            ((2, 1), (3,), (1.4, 3.0)),
            ((), (), (0.2, 0.7)),
            ((1,), (0,), (0.2, 0.7)),
        ]
    ]


huber = elementwise(
    "huber",
    scipy_values("huber"),
    lambda y, delta, r: where(abs(r) <= delta, 0.0, abs(r) - delta),
    lambda y, delta, r: where(abs(r) <= delta, r, delta * sign(r)),
    sample=_losses,
    singular={"|r| = delta": "second derivatives are those inside"},
    doc=documented(
        "Huber's loss: ``r**2 / 2`` where ``|r| <= delta``, else ``delta (|r| - delta/2)``.",
        "gt.special.huber(1.0, [0.5, 3.0])",
        "Tensor([0.125, 2.5  ])",
    ),
)


def _root(delta: Any, r: Any) -> Any:
    return sqrt(1.0 + (r / delta) * (r / delta))


def _in_delta(y: Any, delta: Any, r: Any) -> Any:
    """delta (s - 1)^2 / s with s - 1 = q^2 / (1 + s)."""
    q, s = r / delta, _root(delta, r)
    rest = q * q / (1.0 + s)
    return delta * rest * rest / s


pseudo_huber = elementwise(
    "pseudo_huber",
    scipy_values("pseudo_huber"),
    _in_delta,
    lambda y, delta, r: r / _root(delta, r),
    sample=_losses,
    doc=documented(
        "The smooth form of Huber's loss: ``delta**2 (sqrt(1 + (r/delta)**2) - 1)``.",
        "gt.special.pseudo_huber(1.0, [0.0, 3.0])",
        "Tensor([0.        , 2.16227766])",
    ),
)
