"""Rows that measure: Euclidean and p-norms, variance and standard deviation.

At zero a norm has no derivative; the subgradient of least norm, 0, stands in for it, and the second derivative
there is 0 by an explicit select (singular-points table, rule 4).  The rules divide by the result where it is not
zero and by infinity where it is: the quotient and all its derivatives are then zero, with nothing to mask.
Values are scaled where squares would overflow or underflow.
"""

from __future__ import annotations

import builtins
import math
from typing import Any

import numpy as np

from ..rules.batching import shift_axis
from ..rules.kinds import composite, differential
from .arithmetic import integer_power, power
from .complexes import conj, real
from .reductions import axes_of, count_over, mean, reduction_cases, spread, sum
from .rounding import abs, sign
from .selection import equal, where

_AXES: dict[str, Any] = {"axis": [None, 0, (0, 1)], "keepdims": [False, True]}


def _is_complex(x: Any) -> bool:
    return x.dtype.kind == "c"


def _over(x: Any, y: Any, axis: Any) -> Any:
    """x / y with ``y`` a result over ``axis``; zero, and so are its derivatives, where y is zero."""
    return x / spread(where(equal(y, 0.0), math.inf, y), shape=x.shape, axis=axis)


def _inner(u: Any, dx: Any, axis: Any, keepdims: bool) -> Any:
    """The real inner product of two directions."""
    product = real(conj(u) * dx) if _is_complex(u) else u * dx
    return sum(product, axis=axis, keepdims=keepdims)


# -- norms ----------------------------------------------------------------------------------------------


def _scaled_norm(xp: Any, x: Any, p: float, axis: Any, keepdims: bool) -> Any:
    size = xp.abs(x)
    if size.size == 0:
        return size.sum(axis=axis, keepdims=keepdims)
    scale = size.max(axis=axis, keepdims=True)
    scale = xp.where((scale > 0) & (scale < math.inf), scale, 1).astype(size.dtype)
    y = ((size / scale) ** p).sum(axis=axis, keepdims=True) ** (1 / p) * scale
    y = y if keepdims else xp.reshape(y, tuple([n for i, n in enumerate(y.shape) if i not in axes_of(axis, y.ndim)]))
    return y[()] if y.ndim == 0 else y


def _norm(xp: Any, x: Any, *, axis: Any = None, keepdims: bool = False) -> Any:
    if xp is np:
        with np.errstate(over="ignore", under="ignore"):
            total = (x * x if not _is_complex(x) else x.real**2 + x.imag**2).sum(axis=axis, keepdims=keepdims)
            limits = np.finfo(total.dtype)
            if np.all((total > limits.tiny / limits.eps) & (total <= limits.max)):
                return np.sqrt(total)
            return _scaled_norm(xp, x, 2, axis, keepdims)
    return _scaled_norm(xp, x, 2, axis, keepdims)


def _norm_vjp(ct: Any, y: Any, x: Any, *, axis: Any = None, keepdims: bool = False) -> tuple[Any]:
    return (_over(x, y, axis) * spread(ct, shape=x.shape, axis=axis),)


norm = differential(
    "norm",
    _norm,
    lambda y, xs, dxs, *, axis=None, keepdims=False: _inner(_over(xs[0], y, axis), dxs[0], axis, keepdims),
    vjp=_norm_vjp,
    params=_AXES,
    sample=reduction_cases,
    singular={"0": "derivative 0 (the subgradient of least norm), second derivative 0"},
    batch=shift_axis("axis"),
    doc="Euclidean norm over axes: sqrt(sum |x|^2), scaled against overflow.",
    public=False,
)


def _p_norm(xp: Any, x: Any, *, p: float, axis: Any = None, keepdims: bool = False) -> Any:
    if _is_complex(x):
        raise TypeError("p_norm is of real values: take their sizes first")
    return _scaled_norm(xp, x, p, axis, keepdims)


def _p_direction(y: Any, x: Any, p: float, axis: Any) -> Any:
    u = _over(x, y, axis)
    if p == int(p):  # polynomials, right at zero entries to every order
        return integer_power(u, n=int(p) - 1) * (1.0 if p % 2 == 0 else sign(x))
    y = spread(equal(y, 0.0), shape=x.shape, axis=axis)
    return where(y, 0.0, sign(x) * power(abs(u), p - 1))  # a root of zero has no slope to multiply by zero


p_norm = differential(
    "p_norm",
    _p_norm,
    lambda y, xs, dxs, *, p, axis=None, keepdims=False: sum(
        _p_direction(y, xs[0], p, axis) * dxs[0], axis=axis, keepdims=keepdims
    ),
    vjp=lambda ct, y, x, *, p, axis=None, keepdims=False: (
        _p_direction(y, x, p, axis) * spread(ct, shape=x.shape, axis=axis),
    ),
    params={"p": [3, 2.5, 4.0], **_AXES},
    sample=lambda rng: [(x, {"p": p, **params}) for x, params in reduction_cases(rng) for p in (3, 2.5, 4.0, 1.5)],
    singular={"0": "derivative 0, second derivative 0"},
    batch=shift_axis("axis"),
    doc="The norm (sum |x|^p)^(1/p) of real x over axes, for a number p > 1, scaled against overflow.",
    public=False,
)


# -- variance and standard deviation ------------------------------------------------------------------------


def _from_first(x: Any, axis: Any) -> Any:
    """Measured from one of the elements, a constant sample has a spread of exactly zero."""
    first = tuple([slice(0, 1) if i in axes_of(axis, x.ndim) else slice(None) for i in range(x.ndim)])
    return x - x[first]


def _var(xp: Any, x: Any, *, axis: Any = None, correction: float = 0, keepdims: bool = False) -> Any:
    if x.size and x.dtype.itemsize > 2:
        x = _from_first(x, axis)
    return xp.var(x, axis=axis, ddof=correction, keepdims=keepdims)


def _deviations(x: Any, axis: Any) -> Any:
    return x - mean(x, axis=axis, keepdims=True)


def _freedom(x: Any, axis: Any, correction: float) -> float:
    """n - correction; where that is not positive the value is inf or nan, and so is the derivative."""
    n = count_over(x.shape, axis) - correction
    return n if n > 0 else math.nan


def _var_body(x: Any, *, axis: Any = None, correction: float = 0, keepdims: bool = False) -> Any:
    d = _deviations(x, axis)
    squares = real(d * conj(d)) if _is_complex(x) else d * d
    return sum(squares, axis=axis, keepdims=keepdims) / _freedom(x, axis, correction)


def _var_vjp(ct: Any, y: Any, x: Any, *, axis: Any = None, correction: float = 0, keepdims: bool = False) -> tuple[Any]:
    weight = ct * (2 / _freedom(x, axis, correction))
    return (_deviations(x, axis) * spread(weight, shape=x.shape, axis=axis),)


def _moment_cases(rng: Any) -> list[Any]:
    cases = [(xs, {**p, "correction": 0}) for xs, p in reduction_cases(rng) if count_over(xs[0].shape, p["axis"]) > 1]
    return [*cases, ((rng.normal(size=(3, 4)),), {"axis": 1, "keepdims": False, "correction": 1})]


_MOMENTS: dict[str, Any] = {"axis": [None, 0, (0, 1)], "correction": [0, 1], "keepdims": [False, True]}

var = composite(
    "var",
    _var,
    _var_body,
    vjp=_var_vjp,
    params=_MOMENTS,
    sample=_moment_cases,
    batch=shift_axis("axis"),
    doc="Variance over axes: sum |x - mean x|^2 / (n - correction).",
    public=False,
)


def _std(xp: Any, x: Any, *, axis: Any = None, correction: float = 0, keepdims: bool = False) -> Any:
    if not x.size or x.dtype.itemsize == 2:
        return xp.sqrt(_var(xp, x, axis=axis, correction=correction, keepdims=keepdims))
    x = _from_first(x, axis)
    d = x - x.mean(axis=axis, keepdims=True)  # a norm is scaled where the squares would overflow or vanish
    n = builtins.max(count_over(x.shape, axis) - correction, 0.0)
    return _norm(xp, d, axis=axis, keepdims=keepdims) / xp.sqrt(n).astype(d.real.dtype)


def _std_direction(y: Any, x: Any, axis: Any, correction: float) -> Any:
    return _over(_deviations(x, axis), y, axis) * (1 / _freedom(x, axis, correction))


std = differential(
    "std",
    _std,
    lambda y, xs, dxs, *, axis=None, correction=0, keepdims=False: _inner(
        _std_direction(y, xs[0], axis, correction), dxs[0], axis, keepdims
    ),
    vjp=lambda ct, y, x, *, axis=None, correction=0, keepdims=False: (
        _std_direction(y, x, axis, correction) * spread(ct, shape=x.shape, axis=axis),
    ),
    params=_MOMENTS,
    sample=_moment_cases,
    singular={"no spread": "derivative 0, second derivative 0"},
    batch=shift_axis("axis"),
    doc="Standard deviation over axes: sqrt(var).",
    public=False,
)
