"""Samples from uniform draws: quantile functions, and what is made of several, differentiable in the parameters.

Each function takes uniform draws u between 0 and 1 (neither included) first; parameters are Tensors, arrays or numbers,
and broadcast.  With u random they are samplers, with u from a low-discrepancy sequence or strata as well, and with u a
probability those of one u are the inverse distribution functions.  Derivatives with respect to the parameters hold u:
reparametrised where the quantile has a formula, implicit where it has none, right at every order.
"""

from __future__ import annotations

from math import isfinite
from typing import Any

import numpy as np

from ..primitives import random_quantiles as rows
from ..primitives.activations import sigmoid
from ..primitives.error_functions import ndtri
from ..primitives.incomplete import betaincinv
from ..primitives.predicates import isfinite as finite
from ..primitives.selection import where
from ..primitives.series import logit as logit_row
from ..primitives.transcendental import exp, log, log1p
from ..record.tensor import SCALARS, Tensor
from ..record.writer import lift, strong
from .activations import log_softmax, softmax
from .contractions import matmul
from .creation import asarray
from .linalg import cholesky

_gradtape_composes = True

__all__ = [
    "beta",
    "beta_quantile",
    "cauchy",
    "chisquare",
    "dirichlet",
    "exponential",
    "gamma",
    "gumbel",
    "inverse_gaussian",
    "laplace",
    "log_dirichlet",
    "log_gamma",
    "logistic",
    "lognormal",
    "multivariate_normal",
    "normal",
    "standardised",
    "student_t",
    "truncated_normal",
    "truncated_normal_within",
    "uniform",
    "von_mises",
    "weibull",
]


def _value(x: Any) -> Any:
    return strong(lift(x))


def _placed(z: Any, loc: Any, scale: Any) -> Tensor:
    """``loc + scale * z``, without what a plain 0 or 1 would do."""
    loc, scale = lift(loc), lift(scale)
    if not (type(scale) in SCALARS and scale == 1):
        z = z * scale
    return z if type(loc) in SCALARS and loc == 0 else z + loc


# -- with a formula --------------------------------------------------------------------------------------------------


def uniform(u: Any, low: Any = 0.0, high: Any = 1.0) -> Tensor:
    """``low + (high - low) u``."""
    return _placed(_value(u), low, lift(high) - lift(low))


def normal(u: Any, loc: Any = 0.0, scale: Any = 1.0) -> Tensor:
    """The normal quantile: mean ``loc``, standard deviation ``scale``."""
    return _placed(ndtri(_value(u)), loc, scale)


def lognormal(u: Any, mean: Any = 0.0, sigma: Any = 1.0) -> Tensor:
    """``exp`` of the normal quantile of mean ``mean`` and standard deviation ``sigma``."""
    return exp(normal(u, mean, sigma))


def exponential(u: Any, scale: Any = 1.0) -> Tensor:
    """``-scale log(1 - u)``: mean ``scale``."""
    return _placed(-log1p(-_value(u)), 0.0, scale)


def laplace(u: Any, loc: Any = 0.0, scale: Any = 1.0) -> Tensor:
    """The Laplace quantile: density ``exp(-abs(x - loc) / scale) / (2 scale)``."""
    return _placed(rows.laplace_quantile(_value(u)), loc, scale)


def logistic(u: Any, loc: Any = 0.0, scale: Any = 1.0) -> Tensor:
    """``loc + scale log(u / (1 - u))``."""
    return _placed(logit_row(_value(u)), loc, scale)


def cauchy(u: Any, loc: Any = 0.0, scale: Any = 1.0) -> Tensor:
    """``loc - scale / tan(pi u)``."""
    return _placed(rows.cauchy_quantile(_value(u)), loc, scale)


def gumbel(u: Any, loc: Any = 0.0, scale: Any = 1.0) -> Tensor:
    """``loc - scale log(-log(u))``: the distribution of maxima."""
    return _placed(rows.gumbel_quantile(_value(u)), loc, scale)


def weibull(u: Any, shape: Any, scale: Any = 1.0) -> Tensor:
    """``scale (-log(1 - u))**(1 / shape)``."""
    return _placed(exp(log(-log1p(-_value(u))) / _value(shape)), 0.0, scale)


def standardised(end: Any, loc: Any, scale: Any) -> Any:
    """``(end - loc) / scale``; an infinite end stays, without a slope in ``loc`` and ``scale``."""
    end = lift(end)
    if type(end) in SCALARS:
        return (end - lift(loc)) / lift(scale) if isfinite(end) else Tensor(np.float64(end))
    inside = finite(end)
    return where(inside, (where(inside, end, 0.0) - lift(loc)) / lift(scale), end)


def truncated_normal(u: Any, loc: Any, scale: Any, low: Any, high: Any) -> Tensor:
    """The quantile of a normal distribution held between ``low`` and ``high``, which may be infinite."""
    a, b = (_value(standardised(end, loc, scale)) for end in (low, high))
    return _placed(rows.truncated_normal_quantile(a, b, _value(u)), loc, scale)


def truncated_normal_within(u: Any, loc: Any = 0.0, scale: Any = 1.0, ends: float = 2.0) -> Tensor:
    """The same between ``loc - ends * scale`` and ``loc + ends * scale``."""
    z = rows.truncated_normal_quantile(Tensor(np.float64(-ends)), Tensor(np.float64(ends)), _value(u))
    return _placed(z, loc, scale)


# -- implicit --------------------------------------------------------------------------------------------------------


def log_gamma(u: Any, shape: Any) -> Tensor:
    """The logarithm of the gamma quantile: it does not underflow, and has its derivative, for shapes however small."""
    return rows.log_gamma_quantile(_value(shape), _value(u))


def gamma(u: Any, shape: Any, scale: Any = 1.0) -> Tensor:
    """The gamma quantile: density ``x**(shape-1) exp(-x/scale) / (gamma(shape) scale**shape)``."""
    return _placed(exp(log_gamma(u, shape)), 0.0, scale)


def chisquare(u: Any, df: Any) -> Tensor:
    """Twice the gamma quantile of shape ``df / 2``."""
    return 2.0 * gamma(u, 0.5 * _value(df))


def inverse_gaussian(u: Any, mean: Any, scale: Any = 1.0) -> Tensor:
    """The inverse Gaussian quantile.

    The density is ``sqrt(scale / (2 pi x**3)) exp(-scale (x - mean)**2 / (2 mean**2 x))``.
    """
    mean, scale = _value(mean), lift(scale)
    return mean * exp(rows.log_inverse_gaussian_quantile(scale / mean, _value(u)))


def von_mises(u: Any, mu: Any, kappa: Any) -> Tensor:
    """``mu`` plus the quantile, between -pi and pi, of density ``exp(kappa cos z) / (2 pi I0(kappa))``; not wrapped."""
    return _placed(rows.von_mises_quantile(_value(kappa), _value(u)), mu, 1.0)


def beta_quantile(u: Any, a: Any, b: Any) -> Tensor:
    """The beta quantile: density ``x**(a-1) (1-x)**(b-1) / beta(a, b)``."""
    return betaincinv(_value(a), _value(b), _value(u))


# -- of several uniform draws ------------------------------------------------------------------------------------------


def beta(u: Any, v: Any, a: Any, b: Any) -> Tensor:
    """``X / (X + Y)`` of gamma draws of shapes ``a`` and ``b``, by their logarithms: both ends keep their digits."""
    return sigmoid(log_gamma(u, a) - log_gamma(v, b))


def log_dirichlet(u: Any, alpha: Any) -> Tensor:
    """The logarithms of :func:`dirichlet`, which do not underflow."""
    return log_softmax(log_gamma(u, alpha), axis=-1)


def dirichlet(u: Any, alpha: Any) -> Tensor:
    """Gamma draws of shapes ``alpha`` over their sum along the last axis."""
    return softmax(log_gamma(u, alpha), axis=-1)


def student_t(u: Any, v: Any, df: Any, loc: Any = 0.0, scale: Any = 1.0) -> Tensor:
    """A normal draw over the root of a gamma draw of shape and rate ``df / 2``."""
    half = 0.5 * _value(df)
    return _placed(ndtri(_value(u)) * exp(0.5 * (log(half) - log_gamma(v, half))), loc, scale)


def multivariate_normal(u: Any, mean: Any, cov: Any = None, *, scale_tril: Any = None) -> Tensor:
    """``mean + L z`` of normal draws z along the last axis; ``L`` is given, or Cholesky's factor of ``cov``."""
    factor = asarray(scale_tril) if cov is None else cholesky(asarray(cov))
    z = ndtri(_value(u))
    return lift(mean) + matmul(factor, z[..., None])[..., 0]
