"""``gt.stochastic``: distributions with samples, log densities, distribution functions, quantiles and moments.

Parameters are Tensors, Variables, arrays or numbers; samples are differentiable in them to every order.
"""

from .discrete import Bernoulli, Binomial, Categorical, Poisson
from .distribution import Distribution
from .implicit import Beta, Dirichlet, Gamma, InverseGaussian, StudentT, VonMises
from .mixture import Mixture
from .normal import LogNormal, MultivariateNormal, Normal, TruncatedNormal
from .scaled import Cauchy, Exponential, Gumbel, Laplace, Logistic, Uniform, Weibull

__all__ = [
    "Bernoulli",
    "Beta",
    "Binomial",
    "Categorical",
    "Cauchy",
    "Dirichlet",
    "Distribution",
    "Exponential",
    "Gamma",
    "Gumbel",
    "InverseGaussian",
    "Laplace",
    "LogNormal",
    "Logistic",
    "Mixture",
    "MultivariateNormal",
    "Normal",
    "Poisson",
    "StudentT",
    "TruncatedNormal",
    "Uniform",
    "VonMises",
    "Weibull",
]
