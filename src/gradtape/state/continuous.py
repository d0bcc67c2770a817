"""The continuous distributions of a generator: each a quantile function of uniform draws."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ..errors import message
from ..numpy import sampling
from ..numpy.creation import asarray
from ..primitives.shapes import astype
from ..record import sites
from ..record.draws import mark
from ..record.tensor import SCALARS, Tensor, value_of
from ..record.writer import lift, strong
from .streams import Stream, broadcast_shape

_gradtape_composes = True

__all__ = ["Continuous"]


def _above(asked: str, *, zero: bool = False, **parameters: Any) -> None:
    """Tell early of a parameter that is not positive (``zero``: that is negative); nan passes."""
    for name, x in parameters.items():
        raw = value_of(lift(x))
        if type(raw) in SCALARS and (raw > 0 or (zero and raw == 0)):
            continue
        if np.any(np.less(raw, 0) if zero else np.less_equal(raw, 0)):
            raise ValueError(
                message(
                    f"{asked}: {name} must {'not be negative' if zero else 'be positive'}",
                    [f"the least is {np.min(raw)}"],
                    str(sites.user_line()),
                    f"Make it so, by softplus or exp for instance, where {name} is learnt.",
                )
            )


def _dtype(dtype: Any, parameters: Any) -> str:
    """The dtype of the result: the one asked for, else the parameters', float64 where these are numbers."""
    if dtype is not None:
        return np.dtype(dtype).name
    strong_ones = [p.dtype for p in parameters if isinstance(p, Tensor)]
    found = np.result_type(*strong_ones) if strong_ones else np.dtype(np.float64)
    return found.name if found.kind == "f" else "float64"


class Continuous(Stream):
    """Samples of continuous distributions, differentiable in the parameters."""

    def _sample(
        self, quantile: Callable[..., Any], size: Any, dtype: Any, *parameters: Any, draws: int = 1, **more: Any
    ) -> Tensor:
        values = [lift(p) for p in parameters]
        shape = broadcast_shape(size, *[getattr(p, "shape", ()) for p in values])
        us = [self.draw(shape) for _ in range(draws)]
        return self._as(quantile(*us, *values, **more), dtype, values)

    @staticmethod
    def _as(z: Any, dtype: Any, parameters: Any) -> Tensor:
        z, name = strong(z), _dtype(dtype, parameters)
        return mark(z if z.dtype == name else astype(z, dtype=name))

    def uniform(self, low: Any = 0.0, high: Any = 1.0, size: Any = None, dtype: Any = None) -> Tensor:
        """Uniform draws between ``low`` and ``high``."""
        return self._sample(sampling.uniform, size, dtype, low, high)

    random = uniform

    def normal(self, loc: Any = 0.0, scale: Any = 1.0, size: Any = None, dtype: Any = None) -> Tensor:
        """Normal draws with mean ``loc`` and standard deviation ``scale``."""
        _above("normal", zero=True, scale=scale)
        return self._sample(sampling.normal, size, dtype, loc, scale)

    def standard_normal(self, size: Any = None, dtype: Any = None) -> Tensor:
        """Normal draws with mean 0 and variance 1."""
        return self._sample(sampling.normal, size, dtype)

    def lognormal(self, mean: Any = 0.0, sigma: Any = 1.0, size: Any = None, dtype: Any = None) -> Tensor:
        """``exp`` of normal draws with mean ``mean`` and standard deviation ``sigma``."""
        _above("lognormal", zero=True, sigma=sigma)
        return self._sample(sampling.lognormal, size, dtype, mean, sigma)

    def truncated_normal(
        self,
        loc: Any = 0.0,
        scale: Any = 1.0,
        size: Any = None,
        dtype: Any = None,
        *,
        low: Any = None,
        high: Any = None,
    ) -> Tensor:
        """Normal draws between ``low`` and ``high``, which may be infinite; by default within two ``scale`` of ``loc``.

        ``loc`` and ``scale`` are those of the normal distribution before it is truncated.
        """
        _above("truncated_normal", scale=scale)
        if low is None and high is None:  # the ends move along: all is loc + scale * z
            return self._sample(sampling.truncated_normal_within, size, dtype, loc, scale)
        ends = [-np.inf if low is None else low, np.inf if high is None else high]
        if np.any(np.greater_equal(value_of(lift(ends[0])), value_of(lift(ends[1])))):
            raise ValueError(message("truncated_normal: low must be below high", where=str(sites.user_line())))
        return self._sample(sampling.truncated_normal, size, dtype, loc, scale, *ends)

    def multivariate_normal(
        self, mean: Any, cov: Any = None, size: Any = None, dtype: Any = None, *, scale_tril: Any = None
    ) -> Tensor:
        """Normal vectors of mean ``mean`` and covariance ``cov``, or ``L L'`` of a triangle ``scale_tril``.

        ``size``: the shape of the result without the last axis, that of the vector.
        """
        if (cov is None) == (scale_tril is None):
            raise ValueError(
                message("multivariate_normal: give cov or scale_tril, one of them", where=str(sites.user_line()))
            )
        mean, matrix = asarray(mean), asarray(scale_tril if cov is None else cov)
        batch = broadcast_shape(size, mean.shape[:-1], matrix.shape[:-2])
        u = self.draw((*batch, matrix.shape[-1]))
        z = sampling.multivariate_normal(u, mean, **{"scale_tril" if cov is None else "cov": matrix})
        return self._as(z, dtype, [mean, matrix])

    def exponential(self, scale: Any = 1.0, size: Any = None, dtype: Any = None) -> Tensor:
        """Exponential draws with mean ``scale``."""
        _above("exponential", zero=True, scale=scale)
        return self._sample(sampling.exponential, size, dtype, scale)

    def laplace(self, loc: Any = 0.0, scale: Any = 1.0, size: Any = None, dtype: Any = None) -> Tensor:
        """Laplace draws: density ``exp(-abs(x - loc) / scale) / (2 scale)``."""
        _above("laplace", zero=True, scale=scale)
        return self._sample(sampling.laplace, size, dtype, loc, scale)

    def logistic(self, loc: Any = 0.0, scale: Any = 1.0, size: Any = None, dtype: Any = None) -> Tensor:
        """Logistic draws: distribution ``sigmoid((x - loc) / scale)``."""
        _above("logistic", zero=True, scale=scale)
        return self._sample(sampling.logistic, size, dtype, loc, scale)

    def cauchy(self, loc: Any = 0.0, scale: Any = 1.0, size: Any = None, dtype: Any = None) -> Tensor:
        """Cauchy draws: density ``1 / (pi scale (1 + ((x - loc) / scale)**2))``."""
        _above("cauchy", zero=True, scale=scale)
        return self._sample(sampling.cauchy, size, dtype, loc, scale)

    def gumbel(self, loc: Any = 0.0, scale: Any = 1.0, size: Any = None, dtype: Any = None) -> Tensor:
        """Gumbel draws: distribution ``exp(-exp(-(x - loc) / scale))``."""
        _above("gumbel", zero=True, scale=scale)
        return self._sample(sampling.gumbel, size, dtype, loc, scale)

    def weibull(self, a: Any, size: Any = None, dtype: Any = None, *, scale: Any = 1.0) -> Tensor:
        """Weibull draws of shape ``a``: distribution ``1 - exp(-(x / scale)**a)``."""
        _above("weibull", a=a, scale=scale)
        return self._sample(sampling.weibull, size, dtype, a, scale)

    def gamma(self, shape: Any, scale: Any = 1.0, size: Any = None, dtype: Any = None) -> Tensor:
        """Gamma draws: density ``x**(shape-1) exp(-x/scale) / (gamma(shape) scale**shape)``.

        For shapes below 0.05 draws underflow, which is right for them; their logarithms do not: :meth:`log_gamma`.
        """
        _above("gamma", shape=shape, scale=scale)
        return self._sample(sampling.gamma, size, dtype, shape, scale)

    def log_gamma(self, shape: Any, size: Any = None, dtype: Any = None) -> Tensor:
        """The logarithms of gamma draws of scale 1: finite, with all derivatives, for shapes however small."""
        _above("log_gamma", shape=shape)
        return self._sample(sampling.log_gamma, size, dtype, shape)

    def chisquare(self, df: Any, size: Any = None, dtype: Any = None) -> Tensor:
        """Sums of the squares of ``df`` normal draws, for any positive ``df``."""
        _above("chisquare", df=df)
        return self._sample(sampling.chisquare, size, dtype, df)

    def beta(self, a: Any, b: Any, size: Any = None, dtype: Any = None) -> Tensor:
        """Beta draws: density ``x**(a-1) (1-x)**(b-1) / beta(a, b)``."""
        _above("beta", a=a, b=b)
        return self._sample(sampling.beta, size, dtype, a, b, draws=2)

    def dirichlet(self, alpha: Any, size: Any = None, dtype: Any = None) -> Tensor:
        """Dirichlet draws, positive and of sum 1 along the last axis; ``size`` is the shape without that axis."""
        _above("dirichlet", alpha=alpha)
        alpha = asarray(alpha)
        u = self.draw((*broadcast_shape(size, alpha.shape[:-1]), alpha.shape[-1]))
        return self._as(sampling.dirichlet(u, alpha), dtype, [alpha])

    def student_t(self, df: Any, loc: Any = 0.0, scale: Any = 1.0, size: Any = None, dtype: Any = None) -> Tensor:
        """Student's t draws of ``df`` degrees of freedom."""
        _above("student_t", df=df)
        return self._sample(sampling.student_t, size, dtype, df, loc, scale, draws=2)

    def standard_t(self, df: Any, size: Any = None, dtype: Any = None) -> Tensor:
        """Student's t draws, by NumPy's name."""
        return self.student_t(df, size=size, dtype=dtype)

    def von_mises(self, mu: Any, kappa: Any, size: Any = None, dtype: Any = None) -> Tensor:
        """``mu`` plus an angle between -pi and pi, of density ``exp(kappa cos z) / (2 pi I0(kappa))``; not wrapped."""
        _above("von_mises", zero=True, kappa=kappa)
        return self._sample(sampling.von_mises, size, dtype, mu, kappa)

    vonmises = von_mises

    def inverse_gaussian(self, mean: Any, scale: Any = 1.0, size: Any = None, dtype: Any = None) -> Tensor:
        """Inverse Gaussian (Wald) draws: density ``sqrt(s/(2 pi x**3)) exp(-s (x-m)**2 / (2 m**2 x))``, s the scale."""
        _above("inverse_gaussian", mean=mean, scale=scale)
        return self._sample(sampling.inverse_gaussian, size, dtype, mean, scale)

    wald = inverse_gaussian
