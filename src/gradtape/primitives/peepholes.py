"""Formulas that are right only in company: what a row's derivative is where another row made its input.

norm(x)**2 is smooth at 0 where norm(x) is not; log(1 + exp(x)) has a slope at 1000 where exp(x) has overflowed;
x log(x) has one at 0 where log(x) has none.  No rule of a single row can know.  A peephole looks at the entries
that made an entry's inputs and, where it knows the whole, names a body that has the same derivative and is right
everywhere.  The value on the record stays what it was.

    peephole(inputs, params, made) -> (body, arguments) or None;  made(x) -> (row, params, inputs) or None
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from ..rules.kinds import elementwise
from ..rules.primitive import look_past
from .activations import log_sigmoid, softplus
from .arithmetic import divide, integer_power, multiply, power, square
from .complexes import conj, real
from .contractions import matmul
from .joining import stack
from .norms import norm, std, var
from .reductions import count_over, mean, sum
from .rounding import abs
from .selection import where
from .series import expm1_over_x, log1p_over_x, sinx_over_x
from .shapes import broadcast_to
from .softmax import log_softmax, logsumexp
from .transcendental import arccos, expm1, log, log1p, log2, log10, sin, sqrt, tanh

Made = Callable[[Any], Any]
Match = tuple[Callable[..., Any], tuple[Any, ...]] | None


# -- two rows of the peepholes' own --------------------------------------------------------------------------

xlogx = elementwise(
    "xlogx",
    lambda xp, x: x * xp.log(xp.where(x == 0, 1, x)),
    lambda y, x: log(x) + 1.0,
    domain=(0.5, 3.0),
    singular={"0": "-inf, then +inf: the limits"},
    doc="x log(x), 0 at 0.",
    public=False,
)


log_cosh = elementwise(
    "log_cosh",
    lambda xp, x: xp.logaddexp(x, -x) - math.log(2.0),
    lambda y, x: tanh(x),
    doc="log(cosh(x)), without overflow.",
    public=False,
)


def _acos_ratio(xp: Any, x: Any, *, n: int) -> Any:
    """Near 1 the series of 2F1(1, 1; 3/2; (1 - x)/2), away from it (1 - x^2) g' = x g - 1 differentiated."""
    near = x > 0.5
    w = xp.where(near, (1 - x) / 2, 0)
    term = total = xp.ones_like(w) * (-0.5) ** n * math.prod(k * k / (k + 0.5) for k in range(1, n + 1))
    for k in range(60):
        term = term * w * ((n + 1 + k) ** 2 / ((n + 1.5 + k) * (k + 1)))
        total = total + term
    z = xp.where(near, 0, x)
    s = 1 - z * z
    g = xp.arccos(z) / xp.sqrt(s)
    before, g = (xp.zeros_like(z), g) if n == 0 else (g, (z * g - 1) / s)
    for k in range(1, n):
        before, g = g, ((2 * k + 1) * z * g + k * k * before) / s
    return xp.where(near, total, g)[()]


acos_ratio = elementwise(
    "acos_ratio",
    _acos_ratio,
    lambda y, x, *, n: acos_ratio(x, n=n + 1),
    params={"n": [0, 1, 2, 3]},
    domain=(-0.6, 0.98),
    singular={"1": "the limit, to every order"},
    doc="Derivative n of arccos(x) / sqrt(1 - x^2), which is analytic at 1.",
    public=False,
)
arccos_squared = elementwise(
    "arccos_squared",
    lambda xp, x: xp.arccos(x) ** 2,
    lambda y, x: -2.0 * acos_ratio(x, n=0),
    domain=(-0.6, 0.98),
    singular={"1": "-2, then 2/3: the limits"},
    doc="arccos(x)^2, which is analytic at 1.",
    public=False,
)


# -- what made a value -----------------------------------------------------------------------------------------


def _whole(n: Any) -> bool:
    return type(n) in (int, float) and n == int(n) if type(n) is not float or math.isfinite(n) else False


def _power_of(x: Any, made: Made) -> tuple[Any, int] | None:
    """(t, n) where x is t**n for an even n > 0 and a real t."""
    entry = made(x)
    if entry is None or x.dtype.kind != "f":
        return None
    return _as_power(entry[0].name, entry[1], entry[2])


def _as_power(name: str, params: Any, inputs: Any) -> tuple[Any, int] | None:
    """(t, n) where an entry is t**n for an even n > 0."""
    n: Any = 0
    if name == "square" or (name == "multiply" and inputs[0] is inputs[1]):
        n = 2
    elif name == "integer_power":
        n = params["n"]
    elif name == "power" and _whole(inputs[1]):
        n = int(inputs[1])
    return (inputs[0], n) if n > 0 and n % 2 == 0 else None


def _squared(x: Any, made: Made) -> Any:
    """t where x is t**2, or None."""
    found = _power_of(x, made)
    return found[0] if found is not None and found[1] == 2 else None


# -- powers of norms and roots -------------------------------------------------------------------------------


def _even_power(name: str) -> Callable[[Any, Any, Made], Match]:
    """norm(x)**n, std(x)**n, sqrt(x)**n, arccos(x)**2 for an even n, written as a power of the smooth square."""

    def peephole(inputs: Any, params: Any, made: Made) -> Match:
        found = _as_power(name, params, inputs) or (_same_twice(inputs, made) if name == "multiply" else None)
        entry = made(found[0]) if found is not None else None
        # A root of a complex value needs no help; the norm of one is real.
        if found is None or entry is None or entry[0].name not in _SMOOTH_SQUARE or found[0].dtype.kind != "f":
            return None
        row, its_params, its_inputs = entry
        half = found[1] // 2

        def body(x: Any) -> Any:
            y = _SMOOTH_SQUARE[row.name](x, **its_params)
            return y if half == 1 else integer_power(y, n=half)

        return body, (its_inputs[0],)

    return peephole


def _same_twice(inputs: Any, made: Made) -> tuple[Any, int] | None:
    """norm(x) * norm(x), computed twice."""
    first, second = made(inputs[0]), made(inputs[1])
    if first is None or second is None or first[0] is not second[0] or first[0].name not in _SMOOTH_SQUARE:
        return None
    return (inputs[0], 2) if first[2][0] is second[2][0] and first[1] == second[1] else None


def _sum_of_squares(x: Any, **params: Any) -> Any:
    return sum(real(x * conj(x)) if x.dtype.kind == "c" else x * x, **params)


_SMOOTH_SQUARE: dict[str, Callable[..., Any]] = {
    "norm": _sum_of_squares,
    "std": var,
    "sqrt": lambda x: where(x < 0.0, x * math.nan, x),
    "arccos": arccos_squared,
}


def _root(inputs: Any, params: Any, made: Made) -> Match:
    """sqrt of an even power, of a sum of squares, of a mean of squares, of a variance."""
    u = inputs[0]
    entry = made(u)
    if entry is None or u.dtype.kind != "f":
        return None
    row, how, sources = entry
    if (found := _as_power(row.name, how, sources)) is not None:
        t, half = found[0], found[1] // 2
        return (lambda t: integer_power(abs(t), n=half) if half % 2 else integer_power(t, n=half)), (t,)
    if row.name in ("sum", "mean") and (t := _squared(sources[0], made)) is not None:
        scale = 1.0 if row.name == "sum" else 1 / math.sqrt(count_over(t.shape, how.get("axis")) or 1)
        return (lambda t: norm(t, **how) * scale), (t,)
    if row.name == "var":
        return (lambda x: std(x, **how)), (sources[0],)
    if row.name == "matmul" and sources[0] is sources[1] and sources[0].ndim == 1:
        return norm, (sources[0],)
    if row.name == "add":
        terms = _squares_in(u, made)
        if terms is not None:
            return _length_of, tuple(terms)
    return None


def _squares_in(x: Any, made: Made) -> list[Any] | None:
    """[a, b, ...] where x is a**2 + b**2 + ..."""
    if (t := _squared(x, made)) is not None:
        return [t]
    entry = made(x)
    if entry is None or entry[0].name != "add":
        return None
    left, right = (_squares_in(s, made) for s in entry[2])
    return None if left is None or right is None else left + right


def _length_of(*parts: Any) -> Any:
    shape = np.broadcast_shapes(*[p.shape for p in parts])
    return norm(stack(*[broadcast_to(p, shape=shape) if p.shape != shape else p for p in parts], axis=0), axis=0)


# -- quotients, products and logarithms --------------------------------------------------------------------------

_REMOVABLE = {"sin": sinx_over_x, "expm1": expm1_over_x, "log1p": log1p_over_x}
_LOGARITHMS = {"log": 1.0, "log2": 1 / math.log(2.0), "log10": 1 / math.log(10.0)}


def _quotient(inputs: Any, params: Any, made: Made) -> Match:
    """sin(x)/x, expm1(x)/x, log1p(x)/x."""
    entry = made(inputs[0])
    if entry is None or entry[0].name not in _REMOVABLE or entry[2][0] is not inputs[1]:
        return None
    return (lambda x: _REMOVABLE[entry[0].name](x, n=0)), (inputs[1],)


def _times_logarithm(inputs: Any, params: Any, made: Made) -> Match:
    """x log(x), and -x log(x)."""
    for a, b in (inputs, inputs[::-1]):
        entry = made(b)
        if entry is None or entry[0].name not in _LOGARITHMS:
            continue
        scale, t = _LOGARITHMS[entry[0].name], entry[2][0]
        other = made(a)
        if a is not t and other is not None and other[0].name == "negative" and other[2][0] is t:
            a, scale = t, -scale
        if a is t:
            return (lambda x, scale=scale: xlogx(x) * scale), (t,)
    return None


def _logarithm(inputs: Any, params: Any, made: Made) -> Match:
    """log of 1 + exp(x), cosh(x), sum(exp(x)), softmax(x), sigmoid(x)."""
    entry = made(inputs[0])
    if entry is None or inputs[0].dtype.kind != "f":
        return None
    row, how, sources = entry
    if row.name == "add":
        for one, other in (sources, sources[::-1]):
            made_other = made(other)
            if type(one) in (int, float) and one == 1 and made_other is not None and made_other[0].name == "exp":
                return softplus, (made_other[2][0],)
    if row.name == "cosh":
        return log_cosh, (sources[0],)
    if row.name == "sum":
        summed = made(sources[0])
        if summed is not None and summed[0].name == "exp":
            return (lambda x: logsumexp(x, **how)), (summed[2][0],)
    if row.name == "softmax":
        return (lambda x: log_softmax(x, **how)), (sources[0],)
    if row.name == "sigmoid":
        return log_sigmoid, (sources[0],)
    return None


def _logarithm_of_1p(inputs: Any, params: Any, made: Made) -> Match:
    """log1p(exp(x))."""
    entry = made(inputs[0])
    if entry is None or entry[0].name != "exp" or inputs[0].dtype.kind != "f":
        return None
    return softplus, (entry[2][0],)


def _square_root_power(inputs: Any, params: Any, made: Made) -> Match:
    """x**0.5, as sqrt."""
    return _root(inputs, params, made) if type(inputs[1]) is float and inputs[1] == 0.5 else None


_ROOTS = (norm, std, sqrt, arccos)
look_past(square, _even_power("square"), makers=_ROOTS)
look_past(integer_power, _even_power("integer_power"), makers=_ROOTS)
look_past(power, _even_power("power"), makers=_ROOTS)
look_past(multiply, _even_power("multiply"), _times_logarithm, makers=(*_ROOTS, log, log2, log10))
look_past(divide, _quotient, makers=(sin, expm1, log1p))
look_past(power, _square_root_power, makers=(sum, mean, var, square, matmul))
look_past(sqrt, _root)
look_past(log, _logarithm)
look_past(log1p, _logarithm_of_1p)
