"""Families that differentiate within themselves: hypergeometric and Struve functions, polynomials, spherical Bessels.

Each derivative is a neighbour in the same family, so every order is closed and nothing is divided by the argument:
DLMF 13.3.15, 15.5.1, 16.3.1 (hypergeometric), 11.4.29 and 11.4.30 (Struve), 18.9 (orthogonal polynomials),
10.51 (spherical Bessel), 9.2.1 (Airy).  Parameters other than the argument are held.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from ..rules.kinds import elementwise
from .docs import documented
from .special_values import in_double, scipy_values, special

_HELD = "Differentiable in ``x`` to every order; the parameters carry no derivative."

# -- hypergeometric functions --------------------------------------------------------------------------------------


def _at(parameters: tuple[float, ...], low: float, high: float) -> Any:
    """Points in the argument, at parameters that broadcast against it."""
    shapes: list[tuple[int, ...]] = [(3,), (2, 3), (), (0,)]
    return lambda rng: [
        ((*[np.float64(p) for p in parameters], np.asarray(rng.uniform(low, high, shape))[()]), {}) for shape in shapes
    ]


hyp2f1 = elementwise(
    "hyp2f1",
    scipy_values("hyp2f1"),
    None,
    None,
    None,
    lambda y, a, b, c, x: hyp2f1(a + 1.0, b + 1.0, c + 1.0, x) * (a * b / c),
    sample=_at((0.7, 1.3, 2.6), -1.5, 0.7),
    doc=documented(
        "Gauss's hypergeometric function: the sum of ``(a)_k (b)_k / (c)_k x**k / k!``.",
        "gt.special.hyp2f1(1.0, 1.0, 2.0, [0.5])",
        "Tensor([1.38629436])",
        _HELD,
    ),
)
hyp1f1 = elementwise(
    "hyp1f1",
    scipy_values("hyp1f1"),
    None,
    None,
    lambda y, a, b, x: hyp1f1(a + 1.0, b + 1.0, x) * (a / b),
    sample=_at((0.7, 1.6), -3.0, 3.0),
    doc=documented(
        "Kummer's confluent hypergeometric function: the sum of ``(a)_k / (b)_k x**k / k!``.",
        "gt.special.hyp1f1(1.0, 2.0, [1.0])",
        "Tensor([1.71828183])",
        _HELD,
    ),
)
hyp0f1 = elementwise(
    "hyp0f1",
    scipy_values("hyp0f1"),
    None,
    lambda y, b, x: hyp0f1(b + 1.0, x) / b,
    sample=_at((1.6,), -3.0, 3.0),
    doc=documented(
        "The confluent limit function: the sum of ``x**k / ((b)_k k!)``.",
        "gt.special.hyp0f1(0.5, [1.0])",
        "Tensor([3.76219569])",
        _HELD,
    ),
)

# -- Struve functions ----------------------------------------------------------------------------------------------


#: The sign of the upper neighbour in 2 f_v' = f[v-1] -+ f[v+1] + s_v,  s_v = (x/2)^v / (sqrt(pi) gamma(v + 3/2)),
#: and between the terms of the power series.
_STRUVE = {"struve": -1, "modstruve": 1}


def _power_slope(q: Any, x: Any, n: int) -> Any:
    """d^n/dx^n (x/2)^q; a polynomial that has ended is zero, at x = 0 too."""
    factor = np.prod([q - i for i in range(n)], axis=0) if n else np.ones_like(q)
    return factor * 0.5**n * (0.5 * x) ** np.where(factor == 0, 0.0, q - n)


def _struve_slopes(name: str) -> Callable[..., Any]:
    """Derivative n: by the power series near zero (DLMF 11.2.1); else by binomial sums of neighbours, for the steps
    down and up in 11.4.29 and 11.4.30 commute."""
    between = _STRUVE[name]

    def near_zero(v: Any, x: Any, n: int) -> Any:
        rgamma = special().rgamma
        terms = [
            between**m * _power_slope(2 * m + v + 1, x, n) * rgamma(m + 1.5) * rgamma(m + v + 1.5)
            for m in range(25 + n)
        ]
        return sum(terms)

    def by_neighbours(v: Any, x: Any, n: int) -> Any:
        f = getattr(special(), name)
        total = 0.5**n * sum(math.comb(n, k) * between**k * f(v - n + 2 * k, x) for k in range(n + 1))
        for m in range(n):
            for k in range(m + 1):
                w = v - m + 2 * k
                s = _power_slope(w, x, n - 1 - m) * special().rgamma(w + 1.5) / math.sqrt(math.pi)
                total = total + 0.5 ** (m + 1) * math.comb(m, k) * between**k * s
        return total

    def values(v: Any, x: Any, *, n: int) -> Any:
        return np.where(np.abs(x) < 2.0, near_zero(v, x, n), by_neighbours(v, x, n))

    row = elementwise(
        f"{name}_derivative",
        in_double(values),
        None,
        lambda y, v, x, *, n: row(v, x, n=n + 1),
        params={"n": [1, 2, 3]},
        sample=lambda rng: [(xs, {"n": n}) for n in (1, 2) for xs, _ in _at((1.3,), 0.4, 6.0)(rng)],
        doc=f"Derivative n of {name} in its argument.",
        public=False,
    )
    return row


struve_derivative, modstruve_derivative = (_struve_slopes(name) for name in _STRUVE)
struve = elementwise(
    "struve",
    scipy_values("struve"),
    None,
    lambda y, v, x: struve_derivative(v, x, n=1),
    sample=_at((1.3,), 0.4, 6.0),
    doc=documented("Struve's function ``H_v(x)``.", "gt.special.struve(0.0, [1.0])", "Tensor([0.56865663])", _HELD),
)
modstruve = elementwise(
    "modstruve",
    scipy_values("modstruve"),
    None,
    lambda y, v, x: modstruve_derivative(v, x, n=1),
    sample=_at((1.3,), 0.4, 6.0),
    doc=documented(
        "The modified Struve function ``L_v(x)``.", "gt.special.modstruve(0.0, [1.0])", "Tensor([0.71024319])", _HELD
    ),
)

# -- Airy functions --------------------------------------------------------------------------------------------------


def _airy(name: str, place: int, slope: Any, text: str) -> Callable[..., Any]:
    return elementwise(
        name,
        in_double(lambda x: special().airy(x)[place]),
        slope,
        domain=(-4.0, 3.0),
        doc=text,
        public=False,
    )


airy_ai = _airy("airy_ai", 0, lambda y, x: airy_ai_slope(x), "Airy's function Ai.")
airy_ai_slope = _airy("airy_ai_slope", 1, lambda y, x: x * airy_ai(x), "The derivative of Ai.")
airy_bi = _airy("airy_bi", 2, lambda y, x: airy_bi_slope(x), "Airy's function Bi.")
airy_bi_slope = _airy("airy_bi_slope", 3, lambda y, x: x * airy_bi(x), "The derivative of Bi.")

# -- spherical Bessel functions --------------------------------------------------------------------------------------

#: (sign of the upper neighbour, sign in front): f_n' = front (n f[n-1] + sign (n+1) f[n+1]) / (2n+1).
_SPHERICAL = {"spherical_jn": (-1, 1), "spherical_yn": (-1, 1), "spherical_in": (1, 1), "spherical_kn": (1, -1)}


def _spherical(name: str) -> Callable[..., Any]:
    sign, front = _SPHERICAL[name]

    def slope(y: Any, x: Any, *, n: int) -> Any:
        upper = (front * sign * (n + 1) / (2 * n + 1)) * row(x, n=n + 1)
        return upper + (front * n / (2 * n + 1)) * row(x, n=n - 1) if n else upper

    row = elementwise(
        name,
        in_double(lambda x, *, n: getattr(special(), name)(n, x)),
        slope,
        params={"n": [0, 1, 3]},
        domain=(0.6, 5.0),
        doc=f"The spherical Bessel function {name} of a whole order n.",
        public=False,
    )
    return row


spherical_jn, spherical_yn, spherical_in, spherical_kn = (_spherical(name) for name in _SPHERICAL)

# -- orthogonal polynomials ------------------------------------------------------------------------------------------


def _jacobi_values(x: Any, *, n: int, a: float, b: float) -> Any:
    return special().eval_jacobi(n, a, b, x) if n >= 0 else np.zeros_like(x)


eval_jacobi = elementwise(
    "eval_jacobi",
    in_double(_jacobi_values),
    lambda y, x, *, n, a, b: (0.5 * (n + a + b + 1)) * eval_jacobi(x, n=n - 1, a=a + 1, b=b + 1),
    params={"n": [0, 1, 4], "a": [0.5], "b": [-0.3]},
    domain=(-2.0, 2.0),
    doc="Jacobi's polynomial of degree n with exponents a and b.",
    public=False,
)


def _gegenbauer_values(x: Any, *, n: int, a: float) -> Any:
    return special().eval_gegenbauer(n, a, x) if n >= 0 else np.zeros_like(x)


eval_gegenbauer = elementwise(
    "eval_gegenbauer",
    in_double(_gegenbauer_values),
    lambda y, x, *, n, a: (2.0 * a) * eval_gegenbauer(x, n=n - 1, a=a + 1),
    params={"n": [0, 1, 4], "a": [0.5, 1.0]},
    domain=(-2.0, 2.0),
    doc="Gegenbauer's polynomial of degree n with exponent a: Legendre's for a = 1/2, Chebyshev's second for a = 1.",
    public=False,
)
eval_chebyt = elementwise(
    "eval_chebyt",
    in_double(lambda x, *, n: special().eval_chebyt(n, x)),
    lambda y, x, *, n: float(n) * eval_gegenbauer(x, n=n - 1, a=1.0),
    params={"n": [0, 1, 4]},
    domain=(-2.0, 2.0),
    doc="Chebyshev's polynomial of the first kind of degree n.",
    public=False,
)


def _laguerre_values(x: Any, *, n: int, a: float) -> Any:
    return special().eval_genlaguerre(n, a, x) if n >= 0 else np.zeros_like(x)


eval_genlaguerre = elementwise(
    "eval_genlaguerre",
    in_double(_laguerre_values),
    lambda y, x, *, n, a: -eval_genlaguerre(x, n=n - 1, a=a + 1),
    params={"n": [0, 1, 4], "a": [0.0, 0.5]},
    domain=(-1.0, 4.0),
    doc="Laguerre's generalised polynomial of degree n.",
    public=False,
)


def _hermite_values(x: Any, *, n: int, normal: bool) -> Any:
    if n < 0:
        return np.zeros_like(x)
    return special().eval_hermitenorm(n, x) if normal else special().eval_hermite(n, x)


eval_hermite = elementwise(
    "eval_hermite",
    in_double(_hermite_values),
    lambda y, x, *, n, normal: float(n if normal else 2 * n) * eval_hermite(x, n=n - 1, normal=normal),
    params={"n": [0, 1, 4], "normal": [False, True]},
    doc="Hermite's polynomial of degree n: the physicists', or the probabilists' (normal).",
    public=False,
)
