"""Independent truths: complex step, Richardson's differences, mpmath.

Nothing here knows gradtape's derivatives; the differences are those that users' functions are checked with.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import mpmath

from gradtape.testing.differences import complex_step, directional, ridders

__all__ = ["complex_step", "directional", "mp_derivative", "mp_value", "ridders"]


def _sigmoid(x: Any) -> Any:
    return 1 / (1 + mpmath.exp(-x))


#: Scalar functions that mpmath computes too, by the name of their row.
SCALARS: dict[str, Callable[..., Any]] = {
    "abs": abs,
    "add": lambda a, b: a + b,
    "arccos": mpmath.acos,
    "arccosh": mpmath.acosh,
    "arcsin": mpmath.asin,
    "arcsinh": mpmath.asinh,
    "arctan": mpmath.atan,
    "arctan2": mpmath.atan2,
    "arctanh": mpmath.atanh,
    "cbrt": mpmath.cbrt,
    "cos": mpmath.cos,
    "cosh": mpmath.cosh,
    "deg2rad": mpmath.radians,
    "digamma": lambda x: mpmath.psi(0, x),
    "divide": lambda a, b: a / b,
    "entr": lambda x: -x * mpmath.log(x),
    "erf": mpmath.erf,
    "erfc": mpmath.erfc,
    "erfinv": mpmath.erfinv,
    "exp": mpmath.exp,
    "exp2": lambda x: mpmath.mpf(2) ** x,
    "expit": _sigmoid,
    "expm1": mpmath.expm1,
    "gammaln": mpmath.loggamma,
    "gelu": lambda x: x * mpmath.ncdf(x),
    "hypot": mpmath.hypot,
    "lgamma": mpmath.loggamma,
    "log": mpmath.log,
    "log10": mpmath.log10,
    "log1p": mpmath.log1p,
    "log2": lambda x: mpmath.log(x, 2),
    "log_sigmoid": lambda x: mpmath.log(_sigmoid(x)),
    "logaddexp": lambda a, b: mpmath.log(mpmath.exp(a) + mpmath.exp(b)),
    "logaddexp2": lambda a, b: mpmath.log(mpmath.mpf(2) ** a + mpmath.mpf(2) ** b, 2),
    "logit": lambda x: mpmath.log(x / (1 - x)),
    "mish": lambda x: x * mpmath.tanh(mpmath.log(1 + mpmath.exp(x))),
    "multiply": lambda a, b: a * b,
    "negative": lambda x: -x,
    "normal_cdf": mpmath.ncdf,
    "power": lambda a, b: a**b,
    "rad2deg": mpmath.degrees,
    "reciprocal": lambda x: 1 / x,
    "rsqrt": lambda x: 1 / mpmath.sqrt(x),
    "sech_squared": lambda x: mpmath.sech(x) ** 2,
    "sigmoid": _sigmoid,
    "silu": lambda x: x * _sigmoid(x),
    "sin": mpmath.sin,
    "sinc": lambda x: mpmath.sinc(mpmath.pi * x),
    "sinh": mpmath.sinh,
    "sinx_over_x": mpmath.sinc,
    "softplus": lambda x: mpmath.log(1 + mpmath.exp(x)),
    "softsign": lambda x: x / (1 + abs(x)),
    "sqrt": mpmath.sqrt,
    "square": lambda x: x * x,
    "subtract": lambda a, b: a - b,
    "tan": mpmath.tan,
    "tanh": mpmath.tanh,
    "xlog1py": lambda a, b: a * mpmath.log(1 + b),
    "xlogy": lambda a, b: a * mpmath.log(b),
}


def mp_value(name: str, *xs: float) -> float:
    """The function at ``xs``, rounded from 50 digits."""
    with mpmath.workdps(50):
        return float(mpmath.re(SCALARS[name](*[mpmath.mpf(x) for x in xs])))


def mp_derivative(name: str, x: float, order: int) -> float:
    """Its derivative of ``order``, by differences of 50-digit numbers at a working precision that suits them."""
    with mpmath.workdps(50):
        return float(mpmath.re(mpmath.diff(SCALARS[name], mpmath.mpf(x), order)))
