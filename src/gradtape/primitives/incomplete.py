"""The incomplete gamma and beta functions, and their inverses: derivatives in every argument, the shapes too.

Each row has the orders of differentiation as parameters, so every order is one evaluation of what tails.py computes.
"""

from __future__ import annotations

from typing import Any

from ..rules.kinds import elementwise
from .docs import documented
from .special_values import in_double, scipy_values
from .tails import beta_density_values, betainc_shape_values, gamma_density_values, gammainc_shape_values

_GAMMA = ((0.6, 4.0), (0.4, 5.0))
_SHAPES = "Differentiable in the shapes too, by quadrature over a tail: about 12 digits to second order."


gamma_density = elementwise(
    "gamma_density",
    in_double(lambda a, x, *, n, m: gamma_density_values(a, x, n, m)),
    lambda y, a, x, *, n, m: gamma_density(a, x, n=n + 1, m=m),
    lambda y, a, x, *, n, m: gamma_density(a, x, n=n, m=m + 1),
    params={"n": [0, 1, 2], "m": [0, 1, 2]},
    domain=_GAMMA,
    doc="d^n/da^n d^m/dx^m of ``x**(a-1) exp(-x) / gamma(a)``.",
    public=False,
)
gammainc_shape = elementwise(
    "gammainc_shape",
    in_double(lambda a, x, *, n: gammainc_shape_values(a, x, n)),
    lambda y, a, x, *, n: gammainc_shape(a, x, n=n + 1),
    lambda y, a, x, *, n: gamma_density(a, x, n=n, m=0),
    params={"n": [1, 2]},
    domain=_GAMMA,
    doc="Derivative n of the lower incomplete gamma function in its shape.",
    public=False,
)
gammainc = elementwise(
    "gammainc",
    scipy_values("gammainc"),
    lambda y, a, x: gammainc_shape(a, x, n=1),
    lambda y, a, x: gamma_density(a, x, n=0, m=0),
    domain=_GAMMA,
    doc=documented(
        "The regularised lower incomplete gamma function: the integral of ``t**(a-1) exp(-t) / gamma(a)`` up to ``x``.",
        "gt.special.gammainc(1.0, [2.0])",
        "Tensor([0.86466472])",
        _SHAPES,
    ),
)
gammaincc = elementwise(
    "gammaincc",
    scipy_values("gammaincc"),
    lambda y, a, x: -gammainc_shape(a, x, n=1),
    lambda y, a, x: -gamma_density(a, x, n=0, m=0),
    domain=_GAMMA,
    doc=documented(
        "The regularised upper incomplete gamma function ``1 - gammainc(a, x)``, accurate where it is small.",
        "gt.special.gammaincc(1.0, [2.0])",
        "Tensor([0.13533528])",
        _SHAPES,
    ),
)
gammaincinv = elementwise(
    "gammaincinv",
    scipy_values("gammaincinv"),
    lambda x, a, p: -gammainc_shape(a, x, n=1) / gamma_density(a, x, n=0, m=0),
    lambda x, a, p: 1.0 / gamma_density(a, x, n=0, m=0),
    domain=((0.6, 4.0), (0.15, 0.85)),
    doc=documented(
        "The ``x`` with ``gammainc(a, x) = p``: quantiles of the gamma distribution.",
        "gt.special.gammaincinv(1.0, [0.5])",
        "Tensor([0.69314718])",
        _SHAPES,
    ),
)
gammainccinv = elementwise(
    "gammainccinv",
    scipy_values("gammainccinv"),
    lambda x, a, q: -gammainc_shape(a, x, n=1) / gamma_density(a, x, n=0, m=0),
    lambda x, a, q: -1.0 / gamma_density(a, x, n=0, m=0),
    domain=((0.6, 4.0), (0.15, 0.85)),
    doc=documented(
        "The ``x`` with ``gammaincc(a, x) = q``.",
        "gt.special.gammainccinv(1.0, [0.25])",
        "Tensor([1.38629436])",
        _SHAPES,
    ),
)


def _beta_points(rng: Any) -> Any:
    return [
        ((rng.uniform(0.6, 4.0, s[0]), rng.uniform(0.6, 4.0, s[1]), rng.uniform(0.2, 0.8, s[2])), {})
        for s in [((), (), ()), ((3,), (3,), (3,)), ((2, 1), (), (3,)), ((0,), (1,), ()), ((1,), (2, 1), (3,))]
    ]


def _with(points: Any, **orders: list[int]) -> Any:
    """The points at each value of each order, the others 0."""
    settings = [dict.fromkeys(orders, 0) | {name: k} for name, values in orders.items() for k in values]

    def sample(rng: Any) -> Any:
        first = [(xs, settings[0]) for xs, _ in points(rng)]
        return first + [(points(rng)[1][0], s) for s in settings[1:]]

    return sample


beta_density = elementwise(
    "beta_density",
    in_double(lambda a, b, x, *, i, j, m: beta_density_values(a, b, x, i, j, m)),
    lambda y, a, b, x, *, i, j, m: beta_density(a, b, x, i=i + 1, j=j, m=m),
    lambda y, a, b, x, *, i, j, m: beta_density(a, b, x, i=i, j=j + 1, m=m),
    lambda y, a, b, x, *, i, j, m: beta_density(a, b, x, i=i, j=j, m=m + 1),
    params={"i": [0, 1], "j": [0, 1], "m": [0, 1]},
    sample=_with(_beta_points, i=[0, 1, 2], j=[1], m=[1, 2]),
    doc="d^i/da^i d^j/db^j d^m/dx^m of ``x**(a-1) (1-x)**(b-1) / beta(a, b)``.",
    public=False,
)
betainc_shape = elementwise(
    "betainc_shape",
    in_double(lambda a, b, x, *, i, j: betainc_shape_values(a, b, x, i, j)),
    lambda y, a, b, x, *, i, j: betainc_shape(a, b, x, i=i + 1, j=j),
    lambda y, a, b, x, *, i, j: betainc_shape(a, b, x, i=i, j=j + 1),
    lambda y, a, b, x, *, i, j: beta_density(a, b, x, i=i, j=j, m=0),
    params={"i": [1, 0], "j": [0, 1]},
    sample=_with(_beta_points, i=[1, 2], j=[1]),
    doc="d^i/da^i d^j/db^j of the regularised incomplete beta function.",
    public=False,
)
betainc = elementwise(
    "betainc",
    scipy_values("betainc"),
    lambda y, a, b, x: betainc_shape(a, b, x, i=1, j=0),
    lambda y, a, b, x: betainc_shape(a, b, x, i=0, j=1),
    lambda y, a, b, x: beta_density(a, b, x, i=0, j=0, m=0),
    sample=_beta_points,
    doc=documented(
        "The regularised incomplete beta function: the integral of ``t**(a-1) (1-t)**(b-1) / beta(a, b)`` up to ``x``.",
        "gt.special.betainc(1.0, 2.0, 0.5)",
        "Tensor(0.75)",
        _SHAPES,
    ),
)
betaincc = elementwise(
    "betaincc",
    scipy_values("betaincc"),
    lambda y, a, b, x: -betainc_shape(a, b, x, i=1, j=0),
    lambda y, a, b, x: -betainc_shape(a, b, x, i=0, j=1),
    lambda y, a, b, x: -beta_density(a, b, x, i=0, j=0, m=0),
    sample=_beta_points,
    doc=documented(
        "``1 - betainc(a, b, x)``, accurate where it is small.",
        "gt.special.betaincc(1.0, 2.0, 0.5)",
        "Tensor(0.25)",
        _SHAPES,
    ),
)
betaincinv = elementwise(
    "betaincinv",
    scipy_values("betaincinv"),
    lambda x, a, b, p: -betainc_shape(a, b, x, i=1, j=0) / beta_density(a, b, x, i=0, j=0, m=0),
    lambda x, a, b, p: -betainc_shape(a, b, x, i=0, j=1) / beta_density(a, b, x, i=0, j=0, m=0),
    lambda x, a, b, p: 1.0 / beta_density(a, b, x, i=0, j=0, m=0),
    sample=_beta_points,
    doc=documented(
        "The ``x`` with ``betainc(a, b, x) = p``: quantiles of the beta distribution.",
        "gt.special.betaincinv(1.0, 1.0, 0.25)",
        "Tensor(0.25)",
        _SHAPES,
    ),
)
