"""The gamma function and what is built of it: log-gamma, digamma, polygamma, beta, binomials, Hurwitz's zeta.

Each derivative is again a row, so every order is closed: psi^(n) differentiates to psi^(n+1), zeta(s, x) in x to
-s zeta(s + 1, x) (DLMF 5.15, 25.11.17).
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..rules.kinds import elementwise
from .arithmetic import remainder
from .docs import documented
from .precision import as_result
from .rounding import round
from .selection import where
from .special_values import (
    beta_values,
    betaln_values,
    hurwitz_values,
    in_double,
    polygamma_gap_values,
    polygamma_values,
    scipy_values,
    special,
)
from .transcendental import cos, sin

digamma = elementwise(
    "digamma",
    scipy_values("psi"),
    lambda y, x: polygamma(x, n=1),
    domain=(0.4, 4.0),
    singular={"0": "+inf, the second derivative -inf: the limits from the right"},
    doc=documented(
        "The logarithmic derivative of the gamma function, ``psi(x)``.",
        "gt.special.digamma([1.0])",
        "Tensor([-0.57721566])",
    ),
)
polygamma = elementwise(
    "polygamma",
    in_double(lambda x, *, n: polygamma_values(x, n)),
    lambda y, x, *, n: polygamma(x, n=n + 1),
    params={"n": [1, 2, 3, 0]},
    sample=lambda rng: [
        ((x,), {"n": n})
        for n in (0, 1, 2, 3)
        for x in (rng.uniform(0.6, 4.0, (2, 3)), np.array([-0.4, -1.45]), np.float64(1.5), np.zeros(0))
    ],
    doc="Derivative n of the digamma function.",
    public=False,
)
gammaln = elementwise(
    "gammaln",
    scipy_values("gammaln"),
    lambda y, x: digamma(x),
    domain=(0.4, 4.0),
    singular={"0": "-inf, the second derivative +inf: the limits from the right"},
    doc=documented(
        "``log |gamma(x)|``, of real ``x``.", "gt.special.gammaln([1.0, 5.0])", "Tensor([0.        , 3.17805383])"
    ),
)
loggamma = elementwise(
    "loggamma",
    scipy_values("loggamma"),
    lambda y, x: digamma(x),
    domain=(0.4, 4.0),
    doc=documented(
        "``log(gamma(x))`` of real ``x > 0``; nan below.", "gt.special.loggamma([5.0])", "Tensor([3.17805383])"
    ),
)
gamma = elementwise(
    "gamma",
    scipy_values("gamma"),
    lambda y, x: y * digamma(x),
    domain=(0.4, 4.0),
    doc=documented(
        "The gamma function, of real ``x``.", "gt.special.gamma([5.0, 0.5])", "Tensor([24.        ,  1.77245385])"
    ),
)


def _turns(x: Any) -> tuple[Any, Any]:
    """sin(pi x) and cos(pi x), by the distance to the nearest integer."""
    whole = round(x, decimals=0)
    sign = 1.0 - 2.0 * remainder(whole, 2.0)
    angle = (x - whole) * math.pi
    return sin(angle) * sign, cos(angle) * sign


def _reciprocal_slope(y: Any, x: Any) -> Any:
    """-psi(x) / gamma(x); left of 1/2, where gamma has poles, of 1 / gamma(x) = gamma(1 - x) sin(pi x) / pi."""
    sine, cosine = _turns(x)
    left = gamma(1.0 - x) * (cosine - digamma(1.0 - x) * sine / math.pi)
    return where(x > 0.5, -y * digamma(x), left)


rgamma = elementwise(
    "rgamma",
    scipy_values("rgamma"),
    _reciprocal_slope,
    sample=lambda rng: [
        ((x,), {})
        for x in (rng.uniform(0.6, 4.0, (2, 3)), np.array([-1.0, 0.0, -2.4, 0.3]), np.float64(1.3), np.zeros(0))
    ],
    doc=documented(
        "``1 / gamma(x)``: 0 at 0, -1, -2 ..., and differentiable there too.",
        "gt.special.rgamma([0.0, 3.0])",
        "Tensor([0. , 0.5])",
    ),
)

# -- ratios of gamma functions ---------------------------------------------------------------------------------

polygamma_gap = elementwise(
    "polygamma_gap",
    in_double(lambda x, d, *, n: polygamma_gap_values(x, d, n)),
    lambda y, x, d, *, n: polygamma_gap(x, d, n=n + 1),
    lambda y, x, d, *, n: polygamma(x + d, n=n + 1),
    params={"n": [0, 1, 2]},
    domain=((0.5, 4.0), (0.2, 1.5)),
    doc="``psi^(n)(x + d) - psi^(n)(x)``, accurate also where d is small beside x.",
    public=False,
)
beta = elementwise(
    "beta",
    in_double(beta_values),
    lambda y, a, b: -y * polygamma_gap(a, b, n=0),
    lambda y, a, b: -y * polygamma_gap(b, a, n=0),
    domain=(0.4, 4.0),
    doc=documented(
        "The beta function ``gamma(a) gamma(b) / gamma(a + b)``.",
        "gt.special.beta(2.0, [3.0])",
        "Tensor([0.08333333])",
    ),
)
betaln = elementwise(
    "betaln",
    in_double(betaln_values),
    lambda y, a, b: -polygamma_gap(a, b, n=0),
    lambda y, a, b: -polygamma_gap(b, a, n=0),
    domain=(0.4, 4.0),
    doc=documented(
        "``log |beta(a, b)|``, without overflow.", "gt.special.betaln(1.0, [1e300])", "Tensor([-690.7755279])"
    ),
)


# For -1 < k < n + 1 the logarithmic slope of a binomial is a difference of digammas; beyond, it has zeros at integers,
# and only the entire functions that it is made of have slopes there.


def _inside(n: Any, k: Any) -> Any:
    return (k > -1) & (n - k > -1)


def _binomial_in_n(y: Any, n: Any, k: Any) -> Any:
    n, k = as_result(n, y), as_result(k, y)
    rest = n - k + 1.0
    beyond = gamma(n + 1.0) * rgamma(k + 1.0)
    beyond = beyond * (digamma(n + 1.0) * rgamma(rest) + _reciprocal_slope(rgamma(rest), rest))
    return where(_inside(n, k), y * polygamma_gap(rest, k, n=0), beyond)


def _binomial_in_k(y: Any, n: Any, k: Any) -> Any:
    n, k = as_result(n, y), as_result(k, y)
    one, rest = k + 1.0, n - k + 1.0
    u, v = rgamma(one), rgamma(rest)
    beyond = gamma(n + 1.0) * (_reciprocal_slope(u, one) * v - u * _reciprocal_slope(v, rest))
    return where(_inside(n, k), y * polygamma_gap(one, n - 2.0 * k, n=0), beyond)


binom = elementwise(
    "binom",
    scipy_values("binom"),
    _binomial_in_n,
    _binomial_in_k,
    sample=lambda rng: [
        *[
            ((rng.uniform(3.0, 5.0, shapes[0]), rng.uniform(0.2, 2.6, shapes[1])), {})
            for shapes in [((3,), (3,)), ((2, 1), (3,)), ((), ()), ((0,), (1,))]
        ],
        ((np.array([2.0, 3.0]), np.array([4.0, 5.2])), {}),
    ],
    doc=documented(
        "The binomial coefficient ``gamma(n+1) / (gamma(k+1) gamma(n-k+1))`` of real ``n`` and ``k``.",
        "gt.special.binom(5.0, 2.0)",
        "Tensor(10.0)",
    ),
)


def _multigammaln_slope(y: Any, a: Any, *, d: int) -> Any:
    total: Any = digamma(a)
    for j in range(1, d):
        total = total + digamma(a - j / 2)
    return total


multigammaln = elementwise(
    "multigammaln",
    in_double(lambda a, *, d: _multivariate(a, d)),
    _multigammaln_slope,
    params={"d": [1, 2, 4]},
    domain=(2.0, 5.0),
    doc="log of the multivariate gamma function of dimension d.",
    public=False,
)


def _multivariate(a: Any, d: int) -> Any:
    total = d * (d - 1) / 4 * math.log(math.pi) + sum(special().gammaln(a - j / 2) for j in range(d))
    return np.where(a > (d - 1) / 2, total, np.nan)


# -- zeta --------------------------------------------------------------------------------------------------------

hurwitz = elementwise(
    "hurwitz",
    in_double(lambda s, x, *, n: hurwitz_values(s, x, n)),
    lambda y, s, x, *, n: hurwitz(s, x, n=n + 1),
    lambda y, s, x, *, n: _zeta_slope(as_result(s, y), x, n),
    params={"n": [0, 1, 2]},
    domain=((1.6, 4.0), (0.6, 3.0)),
    doc="Derivative n in s of Hurwitz's zeta function ``sum over k >= 0 of (x + k)**(-s)``.",
    public=False,
)


def _zeta_slope(s: Any, x: Any, n: int) -> Any:
    """d^n/ds^n of -s zeta(s + 1, x)."""
    slope = -s * hurwitz(s + 1.0, x, n=n)
    return slope - n * hurwitz(s + 1.0, x, n=n - 1) if n else slope
