"""Complete elliptic integrals, as functions of the parameter m = k^2, or of 1 - m.

K and E are pi/2 times hypergeometric functions F(s, 1/2; 1; m) with s = 1/2 and -1/2; derivative n is
(s)_n (1/2)_n / n! F(s+n, 1/2+n; 1+n; m) (DLMF 15.5.2): summed near m = 0, else by the differential equation, whose
solutions that matter dominate there.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..rules.kinds import elementwise
from .docs import documented
from .special_values import in_double, special


def _derivative(m: Any, p: Any, s: float, n: int) -> Any:
    """d^n/dm^n of K (s = 1/2) or E (s = -1/2) at m = 1 - p."""
    near = np.abs(m) < 0.5
    z = np.where(near, m, 0.0)
    start = math.pi / 2 * math.prod((s + j) * (0.5 + j) / (1 + j) for j in range(n))
    term = total = np.full_like(m, start)
    for k in range(70 + 8 * n):
        term = term * z * ((s + n + k) * (0.5 + n + k) / ((1 + n + k) * (1 + k)))
        total = total + term
    m, p = np.where(near, 0.6, m), np.where(near, 0.4, p)
    k, e = special().ellipkm1(p), special().ellipe(m)
    before, y = (k, (e - p * k) / (2 * m * p)) if s > 0 else (e, (e - k) / (2 * m))
    for j in range(n - 1):
        # m (1-m) F'' + (1 - (s + 3/2) m) F' - s/2 F = 0, differentiated j times
        after = ((s + j) * (0.5 + j) * before - (1 + j - (s + 1.5 + 2 * j) * m) * y) / (m * p)
        before, y = y, after
    return np.where(near, total, y if n else before)


def _values(x: Any, *, second: bool, complementary: bool, n: int) -> Any:
    s = -0.5 if second else 0.5
    if complementary:
        return (-1) ** n * _derivative(1 - x, x, s, n)
    return _derivative(x, 1 - x, s, n)


def _slope(y: Any, x: Any, *, second: bool, complementary: bool, n: int) -> Any:
    return elliptic_derivative(x, second=second, complementary=complementary, n=n + 1)


elliptic_derivative = elementwise(
    "elliptic_derivative",
    in_double(_values),
    _slope,
    params={"second": [False, True], "complementary": [False, True], "n": [1, 2, 3]},
    domain=(0.05, 0.95),
    doc="Derivative n >= 1 of a complete elliptic integral of the first or second kind, at m or at 1 - m.",
    public=False,
)


def _first(complementary: bool, second: bool = False) -> Any:
    return lambda y, x: elliptic_derivative(x, second=second, complementary=complementary, n=1)


ellipk = elementwise(
    "ellipk",
    in_double(lambda m: special().ellipk(m)),
    _first(False),
    domain=(-2.0, 0.95),
    doc=documented(
        "Complete elliptic integral of the first kind: that of ``(1 - m sin(t)**2)**(-1/2)`` from 0 to ``pi/2``.",
        "gt.special.ellipk([0.0, 0.5])",
        "Tensor([1.57079633, 1.85407468])",
    ),
)
ellipkm1 = elementwise(
    "ellipkm1",
    in_double(lambda p: special().ellipkm1(p)),
    _first(True),
    domain=(0.05, 2.0),
    doc=documented(
        "``ellipk(1 - p)``, accurate for small ``p``.", "gt.special.ellipkm1([1e-100])", "Tensor([116.51554901])"
    ),
)
ellipe = elementwise(
    "ellipe",
    in_double(lambda m: special().ellipe(m)),
    _first(False, second=True),
    domain=(-2.0, 0.95),
    doc=documented(
        "Complete elliptic integral of the second kind: that of ``(1 - m sin(t)**2)**(1/2)`` from 0 to ``pi/2``.",
        "gt.special.ellipe([0.0, 1.0])",
        "Tensor([1.57079633, 1.        ])",
    ),
)
