"""Elliptic integrals by Carlson's symmetric forms, and the incomplete ones of Legendre (DLMF 19.16, 19.25.5, 19.25.9).

Values are SciPy's.  Derivatives are those of Carlson's duplication, in which the arguments approach their mean by a
factor of four at each step and a short series is left (Carlson 1995): a program like any other, and smooth where
arguments coincide, which closed formulas for the derivatives, with differences of arguments below, are not.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..rules.kinds import composite, elementwise
from .docs import documented
from .elliptic import elliptic_derivative
from .precision import as_result
from .rounding import round
from .selection import equal, where
from .special_values import in_double, scipy_values, special
from .transcendental import cos, sin, sqrt

_STEPS = 10
_PI = 3.141592653589793


def _doubled(x: Any, y: Any, z: Any) -> tuple[Any, Any, Any, Any]:
    a, b, c = sqrt(x), sqrt(y), sqrt(z)
    shift = a * b + b * c + c * a
    return (x + shift) * 0.25, (y + shift) * 0.25, (z + shift) * 0.25, shift


def _rf_body(x: Any, y: Any, z: Any) -> Any:
    for _ in range(_STEPS):
        x, y, z, _ = _doubled(x, y, z)
    mean = (x + y + z) / 3.0
    u, v = 1.0 - x / mean, 1.0 - y / mean
    w = -(u + v)
    e2, e3 = u * v - w * w, u * v * w
    series = 1.0 - e2 / 10.0 + e3 / 14.0 + e2 * e2 / 24.0 - 3.0 * e2 * e3 / 44.0
    return series / sqrt(mean)


def _rd_body(x: Any, y: Any, z: Any) -> Any:
    total: Any = 0.0
    scale = 1.0
    for _ in range(_STEPS):
        before = z
        x, y, z, shift = _doubled(x, y, z)
        total = total + scale / (sqrt(before) * (before + shift))
        scale *= 0.25
    mean = (x + y + 3.0 * z) / 5.0
    u, v = 1.0 - x / mean, 1.0 - y / mean
    w = -(u + v) / 3.0
    p = u * v
    e2, e3 = p - 6.0 * (w * w), (3.0 * p - 8.0 * (w * w)) * w
    e4, e5 = 3.0 * (p - w * w) * (w * w), p * (w * w * w)
    series = 1.0 - 3.0 * e2 / 14.0 + e3 / 6.0 + 9.0 * e2 * e2 / 88.0 - 3.0 * e4 / 22.0
    series = series - 9.0 * e2 * e3 / 52.0 + 3.0 * e5 / 26.0
    return 3.0 * total + scale * series / (mean * sqrt(mean))


def _positive(count: int) -> Any:
    return lambda rng: [
        (tuple([np.asarray(rng.uniform(0.3, 3.0, ()))[()] for _ in range(count)]), {}),
        ((np.array([[0.7], [2.0]]), *[rng.uniform(0.3, 3.0, (2,)) for _ in range(count - 1)]), {}),
    ]


elliprf = composite(
    "elliprf",
    scipy_values("elliprf"),
    _rf_body,
    arity=3,
    sample=_positive(3),
    doc=documented(
        "Carlson's symmetric integral of the first kind: half that of ``((t+x)(t+y)(t+z))**(-1/2)`` over ``t > 0``.",
        "gt.special.elliprf(1.0, 1.0, [4.0])",
        "Tensor([0.760346])",
        "Differentiable in all arguments, where they are positive.",
    ),
)
elliprd = composite(
    "elliprd",
    scipy_values("elliprd"),
    _rd_body,
    arity=3,
    sample=_positive(3),
    doc=documented(
        "Carlson's symmetric integral of the second kind: 3/2 that of ``((t+x)(t+y))**(-1/2) (t+z)**(-3/2)``.",
        "gt.special.elliprd(1.0, 1.0, [1.0])",
        "Tensor([1.])",
        "Differentiable in all arguments, where they are positive.",
    ),
)
elliprc = composite(
    "elliprc",
    scipy_values("elliprc"),
    lambda x, y: _rf_body(x, y, y),
    arity=2,
    sample=_positive(2),
    doc=documented(
        "Carlson's degenerate integral ``elliprf(x, y, y)``, of ``y > 0``.",
        "gt.special.elliprc(1.0, [2.0])",
        "Tensor([0.78539816])",
        "Differentiable in both arguments, where they are positive.",
    ),
)

# -- Legendre's incomplete integrals --------------------------------------------------------------------------------


def _root(phi: Any, m: Any) -> Any:
    s = sin(phi)
    return sqrt(1.0 - m * (s * s))


def _reduced(phi: Any) -> tuple[Any, Any]:
    """How many half turns phi is from zero, and what is left of it."""
    turns = round(phi * (1.0 / _PI), decimals=0)
    return turns, phi - turns * _PI


def _slope_in_m(phi: Any, m: Any, second: bool) -> Any:
    """sin^3/6 R_D(..): of the first kind (cos^2, 1, 1 - m sin^2), of the second minus (cos^2, 1 - m sin^2, 1)."""
    turns, rest = _reduced(phi)
    s, c = sin(rest), cos(rest)
    square, root = s * s, 1.0 - m * (s * s)
    part = elliprd(c * c, root, 1.0 + 0.0 * m) if second else elliprd(c * c, 1.0 + 0.0 * m, root)
    part = square * s * part * (-1.0 / 6.0 if second else 1.0 / 6.0)
    none = equal(turns, 0.0)
    whole = elliptic_derivative(where(none, 0.0, m), second=second, complementary=False, n=1)
    return part + where(none, 0.0, 2.0 * turns * whole)


def _wide(slope: Any) -> Any:
    return lambda y, phi, m: slope(as_result(phi, y), as_result(m, y))


_ANGLES = ((0.1, 1.4), (-1.5, 0.9))

ellipkinc = elementwise(
    "ellipkinc",
    in_double(lambda phi, m: special().ellipkinc(phi, m)),
    _wide(lambda phi, m: 1.0 / _root(phi, m)),
    _wide(lambda phi, m: _slope_in_m(phi, m, False)),
    domain=_ANGLES,
    doc=documented(
        "Incomplete elliptic integral of the first kind: that of ``(1 - m sin(t)**2)**(-1/2)`` from 0 to ``phi``.",
        "gt.special.ellipkinc(1.0, [0.5])",
        "Tensor([1.08321677])",
    ),
)
ellipeinc = elementwise(
    "ellipeinc",
    in_double(lambda phi, m: special().ellipeinc(phi, m)),
    _wide(_root),
    _wide(lambda phi, m: _slope_in_m(phi, m, True)),
    domain=_ANGLES,
    doc=documented(
        "Incomplete elliptic integral of the second kind: that of ``(1 - m sin(t)**2)**(1/2)`` from 0 to ``phi``.",
        "gt.special.ellipeinc(1.0, [0.5])",
        "Tensor([0.92732988])",
    ),
)
