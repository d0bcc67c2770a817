"""Bessel functions of real argument: J, Y, I, K of any fixed order, and the scaled I.

d^n/dx^n of each is a sum of n + 1 functions of neighbouring orders with binomial weights (DLMF 10.6.7, 10.29.5), one
row per family with n as a parameter, so no recurrence divides by x.  No derivative in the order is offered: it is held.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from ..rules.kinds import elementwise
from .docs import documented
from .special_values import in_double, scipy_values, special

#: Of each family: the sign between J[v-1] and J[v+1] in 2 J', and the sign in front.
_SIGNS = {"jv": (-1, 1), "yv": (-1, 1), "iv": (1, 1), "kv": (1, -1)}


def _points(rng: Any) -> Any:
    return [
        ((orders, rng.uniform(0.6, 4.5, shape)), {})
        for orders, shape in [
            (np.float64(0.0), (3,)),
            (np.array([1.0, 2.5, -0.5]), (2, 3)),
            (np.float64(1.5), ()),
            (np.float64(1.0), (0,)),
        ]
    ]


def _family(name: str) -> Callable[..., Any]:
    between, front = _SIGNS[name]

    def values(v: Any, x: Any, *, n: int) -> Any:
        f = getattr(special(), name)
        terms = [math.comb(n, k) * between**k * f(v - n + 2 * k, x) for k in range(n + 1)]
        return (front / 2.0) ** n * sum(terms)

    row = elementwise(
        f"{name}_derivative",
        in_double(values),
        None,
        lambda y, v, x, *, n: row(v, x, n=n + 1),
        params={"n": [1, 2, 3]},
        sample=lambda rng: [(xs, {"n": n}) for n in (1, 2) for xs, _ in _points(rng)],
        doc=f"Derivative n of {name} in its argument.",
        public=False,
    )
    return row


jv_derivative, yv_derivative, iv_derivative, kv_derivative = (_family(name) for name in ("jv", "yv", "iv", "kv"))
_HELD = "Differentiable in ``x`` to every order; the order ``v`` carries no derivative."


def _of_order(name: str, derivative: Any, text: str, result: str) -> Callable[..., Any]:
    return elementwise(
        name,
        scipy_values(name),
        None,
        lambda y, v, x: derivative(v, x, n=1),
        sample=_points,
        doc=documented(text, f"gt.special.{name}(0.5, [1.0])", f"Tensor([{result}])", _HELD),
    )


jv = _of_order("jv", jv_derivative, "Bessel function of the first kind, ``J_v(x)``.", "0.67139671")
yv = _of_order("yv", yv_derivative, "Bessel function of the second kind, ``Y_v(x)``.", "-0.43109887")
iv = _of_order("iv", iv_derivative, "Modified Bessel function of the first kind, ``I_v(x)``.", "0.93767489")
kv = _of_order("kv", kv_derivative, "Modified Bessel function of the second kind, ``K_v(x)``.", "0.4610685")

# -- orders 0 and 1 -----------------------------------------------------------------------------------------------


_LINE, _HALF = (-4.0, 4.0), (0.4, 4.0)


def _row(name: str, slope: Any, kind: str, result: str, domain: tuple[float, float] = _LINE) -> Callable[..., Any]:
    text = f"{kind} kind, ``{name[0].upper()}_{name[1]}(x)``."
    return elementwise(
        name,
        scipy_values(name),
        slope,
        domain=domain,
        doc=documented(text, f"gt.special.{name}([1.0])", f"Tensor([{result}])"),
    )


def _first(derivative: Any) -> Any:
    return lambda y, x: derivative(1.0, x, n=1)


j0 = _row("j0", lambda y, x: -j1(x), "Bessel function of the first", "0.76519769")
j1 = _row("j1", _first(jv_derivative), "Bessel function of the first", "0.44005059")
y0 = _row("y0", lambda y, x: -y1(x), "Bessel function of the second", "0.08825696", _HALF)
y1 = _row("y1", _first(yv_derivative), "Bessel function of the second", "-0.78121282", _HALF)
i0 = _row("i0", lambda y, x: i1(x), "Modified Bessel function of the first", "1.26606588")
i1 = _row("i1", _first(iv_derivative), "Modified Bessel function of the first", "0.5651591")
k0 = _row("k0", lambda y, x: -k1(x), "Modified Bessel function of the second", "0.42102444", _HALF)
k1 = _row("k1", _first(kv_derivative), "Modified Bessel function of the second", "0.60190723", _HALF)

# -- scaled -----------------------------------------------------------------------------------------------------------


def _moment(x: Any, n: int, extra: bool) -> Any:
    """The integral over the angle of (1 - cos t)^n exp(-x (1 - cos t)) / pi, times cos t if ``extra``; x >= 0."""
    near = np.where(x < 30, x, 0.0)[..., None]
    t = (np.arange(64) + 0.5) * (math.pi / 64)
    u = 2 * np.sin(t / 2) ** 2
    by_angle = np.mean(u**n * np.exp(-near * u) * (np.cos(t) if extra else 1.0), axis=-1)
    # The asymptotic series differentiated term by term (DLMF 10.40.1).
    far = np.where(x < 30, 30.0, x)
    tail, c, square = np.zeros_like(x), 1 / math.sqrt(2 * math.pi), 4.0 if extra else 0.0
    for k in range(30):
        rising = math.prod(k + 0.5 + j for j in range(n))
        tail = tail + c * rising * far ** -(k + 0.5 + n)
        c *= ((2 * k + 1) ** 2 - square) / (8 * (k + 1))
    return np.where(x < 30, by_angle, tail)


def _scaled(x: Any, order: int, n: int) -> Any:
    """d^n/dx^n of exp(-|x|) I_order(x); of an even order the odd ones at the kink 0 are 0."""
    side = np.sign(x) if (n + order) % 2 else np.ones_like(x)
    return side * (-1) ** n * _moment(np.abs(x), n, order == 1)


scaled_i_derivative = elementwise(
    "scaled_i_derivative",
    in_double(lambda x, *, order, n: _scaled(x, order, n)),
    lambda y, x, *, order, n: scaled_i_derivative(x, order=order, n=n + 1),
    params={"order": [0, 1], "n": [1, 2, 3]},
    domain=(-4.0, 4.0),
    doc="Derivative n of exp(-abs(x)) times I_0(x) or I_1(x).",
    public=False,
)
i0e = elementwise(
    "i0e",
    scipy_values("i0e"),
    lambda y, x: scaled_i_derivative(x, order=0, n=1),
    domain=_LINE,
    singular={"0": "0, the mean of both sides; the second derivative is that of either side"},
    doc=documented("``exp(-|x|) * I_0(x)``, without overflow.", "gt.special.i0e([1000.0])", "Tensor([0.01261724])"),
)
i1e = elementwise(
    "i1e",
    scipy_values("i1e"),
    lambda y, x: scaled_i_derivative(x, order=1, n=1),
    domain=_LINE,
    singular={"0": "1/2; the second derivative, which jumps, is 0"},
    doc=documented("``exp(-|x|) * I_1(x)``, without overflow.", "gt.special.i1e([1000.0])", "Tensor([0.01261093])"),
)
