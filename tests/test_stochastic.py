"""Distributions: densities against SciPy's, cdf and icdf against each other and by quadrature, derivatives twice."""

from __future__ import annotations

import inspect
import math
from typing import Any

import mpmath
import numpy as np
import pytest
import scipy.special
import scipy.stats

import gradtape as gt
from gradtape import stochastic as st
from gradtape.errors import GuardError

S = scipy.stats

# name -> (class, parameters, SciPy's, points)
CONTINUOUS: dict[str, tuple[Any, tuple[float, ...], Any, list[float]]] = {
    "normal": (st.Normal, (0.5, 2.0), lambda m, s: S.norm(m, s), [-3.0, 0.1, 4.0]),
    "lognormal": (st.LogNormal, (0.3, 0.7), lambda m, s: S.lognorm(s, scale=np.exp(m)), [0.1, 1.0, 5.0]),
    "truncated": (
        st.TruncatedNormal,
        (0.5, 1.5, -1.0, 3.0),
        lambda m, s, a, b: S.truncnorm((a - m) / s, (b - m) / s, m, s),
        [-0.9, 0.1, 2.9],
    ),
    "uniform": (st.Uniform, (-1.0, 3.0), lambda a, b: S.uniform(a, b - a), [-0.5, 1.0, 2.9]),
    "exponential": (st.Exponential, (2.0,), lambda s: S.expon(scale=s), [0.1, 1.0, 9.0]),
    "gamma": (st.Gamma, (0.7, 2.0), lambda a, s: S.gamma(a, scale=s), [0.1, 1.0, 9.0]),
    "beta": (st.Beta, (0.7, 2.5), lambda a, b: S.beta(a, b), [0.05, 0.5, 0.9]),
    "student": (st.StudentT, (2.7, 0.5, 2.0), lambda n, m, s: S.t(n, m, s), [-9.0, 0.4, 0.6, 3.0]),
    "student heavy": (st.StudentT, (0.2, 0.5, 2.0), lambda n, m, s: S.t(n, m, s), [-9.0, 0.4, 0.6, 3.0]),
    "von mises": (st.VonMises, (0.5, 1.5), lambda m, k: S.vonmises(k, m), [-2.0, 0.5, 3.0]),
    "inverse gaussian": (st.InverseGaussian, (1.5, 2.0), lambda m, s: S.invgauss(m / s, scale=s), [0.2, 1.0, 6.0]),
    "laplace": (st.Laplace, (0.5, 2.0), lambda m, s: S.laplace(m, s), [-3.0, 0.1, 4.0]),
    "logistic": (st.Logistic, (0.5, 2.0), lambda m, s: S.logistic(m, s), [-3.0, 0.1, 4.0]),
    "cauchy": (st.Cauchy, (0.5, 2.0), lambda m, s: S.cauchy(m, s), [-3.0, 0.1, 4.0]),
    "gumbel": (st.Gumbel, (0.5, 2.0), lambda m, s: S.gumbel_r(m, s), [-3.0, 0.1, 4.0]),
    "weibull": (st.Weibull, (1.7, 2.0), lambda k, s: S.weibull_min(k, scale=s), [0.1, 1.0, 4.0]),
}
DISCRETE: dict[str, tuple[Any, tuple[float, ...], Any, list[float]]] = {
    "poisson": (st.Poisson, (2.5,), lambda r: S.poisson(r), [0.0, 2.0, 7.0]),
    "binomial": (st.Binomial, (5.0, 0.3), lambda n, p: S.binom(n, p), [0.0, 2.0, 5.0]),
    "bernoulli": (st.Bernoulli, (0.3,), lambda p: S.bernoulli(p), [0.0, 1.0]),
}


def made(name: str) -> tuple[Any, Any, Any, Any]:
    cls, parameters, law, points = {**CONTINUOUS, **DISCRETE}[name]
    return cls, [np.float64(p) for p in parameters], law(*parameters), gt.Tensor(np.array(points))


@pytest.mark.parametrize("name", [*CONTINUOUS, *DISCRETE])
def test_values(name: str) -> None:
    cls, parameters, law, x = made(name)
    d = cls(*parameters)
    log_density = law.logpmf if name in DISCRETE else law.logpdf
    np.testing.assert_allclose(d.log_prob(x).data, log_density(x.data), rtol=1e-12, atol=1e-13)
    np.testing.assert_allclose(d.prob(x).data, np.exp(log_density(x.data)), rtol=1e-12)
    np.testing.assert_allclose(d.cdf(x).data, law.cdf(x.data), rtol=1e-11, atol=1e-15)
    p = np.array([0.01, 0.3, 0.5, 0.72, 0.99])
    np.testing.assert_allclose(np.asarray(d.icdf(gt.Tensor(p)).data, float), law.ppf(p), rtol=1e-10, atol=1e-12)
    if name not in ("cauchy", "student heavy", "von mises"):
        np.testing.assert_allclose(d.mean.data, law.mean(), rtol=1e-11)
        if name != "student":
            np.testing.assert_allclose(d.stddev.data, law.std(), rtol=1e-9)
    assert d.sample((3, 2), seed=1).shape == (3, 2)
    np.testing.assert_array_equal(d.sample(4, seed=7).data, d.sample(4, seed=gt.random.Generator(7)).data)


@pytest.mark.parametrize("name", CONTINUOUS)
def test_outside_the_support(name: str) -> None:
    """-inf, 0 and 1, without a nan in the derivatives."""
    cls, parameters, law, _ = made(name)
    low, high = law.support() if name != "von mises" else (-np.inf, np.inf)
    for x, expected in ((low - 1.0, 0.0), (high + 1.0, 1.0)):
        if not np.isfinite(x):
            continue
        assert cls(*parameters).log_prob(x) == -np.inf
        assert cls(*parameters).cdf(x) == expected
        slopes = gt.grad(lambda *ps, x=x: cls(*ps).cdf(x), argnums=tuple(range(len(parameters))))(*parameters)
        assert all(s == 0 for s in slopes)


@pytest.mark.parametrize("name", CONTINUOUS)
def test_distribution_function_and_density(name: str) -> None:
    """The slope of cdf is prob; icdf undoes cdf, to second order in every parameter."""
    cls, parameters, _, x = made(name)
    slope = gt.grad(lambda x: gt.sum(cls(*parameters).cdf(x)))(x)
    np.testing.assert_allclose(slope.data, cls(*parameters).prob(x).data, rtol=1e-10)
    p = gt.Tensor(np.array([0.05, 0.4, 0.8]))
    for i in range(len(parameters)):

        def back(theta: Any, i: int = i) -> Any:
            d = cls(*parameters[:i], theta, *parameters[i + 1 :])
            return gt.sum(d.cdf(d.icdf(p)) * np.array([1.0, 2.0, 3.0]))

        scale = np.abs(
            gt.grad(lambda t, i=i: gt.sum(cls(*parameters[:i], t, *parameters[i + 1 :]).icdf(p)))(parameters[i]).data
        )
        assert abs(gt.grad(back)(parameters[i]).data) < 1e-10 * (1 + scale)
        assert abs(gt.grad(gt.grad(back))(parameters[i]).data) < 1e-7 * (1 + scale)


@pytest.mark.parametrize("name", [*CONTINUOUS, *DISCRETE])
def test_scores_integrate_to_zero(name: str) -> None:
    """The mean of d log_prob is 0 for every parameter that does not move the support."""
    cls, parameters, law, _ = made(name)
    if name in DISCRETE:
        x = np.arange(60.0 if name == "poisson" else parameters[0] + 1 if name == "binomial" else 2.0)
        weights = law.pmf(x)
    else:
        t = np.linspace(-36, 36, 600)
        u = scipy.special.expit(t)
        x = np.asarray(cls(*parameters).icdf(gt.Tensor(u)).data)
        weights = (t[1] - t[0]) * u * scipy.special.expit(-t)
    for i, parameter in enumerate(inspect.signature(cls).parameters):
        if parameter in ("low", "high", "n") or (name == "von mises" and parameter == "mu"):
            continue
        total = lambda t, i=i: gt.sum(weights * cls(*parameters[:i], t, *parameters[i + 1 :]).log_prob(x))  # noqa: E731
        assert abs(gt.grad(total)(parameters[i]).data) < (0.05 if name == "laplace" else 1e-7)


def student_cdf(n: Any, t: float) -> Any:
    """1/2 + the integral of the density from 0 to t, in mpmath."""
    top = mpmath.gamma((n + 1) / 2) / mpmath.gamma(n / 2) / mpmath.sqrt(n * mpmath.pi)
    pieces = [0, min(t, 0.3), min(t, 2.0), t]
    return mpmath.quad(lambda s: top * (1 + s * s / n) ** (-(n + 1) / 2), pieces)


@pytest.mark.parametrize("df", [0.3, 3.0, 500.0])
def test_student_cdf_has_its_slope_in_df(df: float) -> None:
    """By quadrature: through 0, where the beta function's argument has a root's slope, and far out."""
    for t in (0.0, 1e-8, 0.1, 0.6, 30.0):
        found = gt.grad(lambda n, t=t: st.StudentT(n).cdf(t))(np.float64(df)).data
        with mpmath.workdps(20):
            expected = float(mpmath.diff(lambda n, t=t: student_cdf(n, t), df))
        assert found == pytest.approx(expected, rel=1e-9, abs=1e-14)


def test_mixture() -> None:
    w = gt.Tensor(np.array([0.3, -0.2]))
    parts = [st.Normal(-1.0, 0.5), st.StudentT(3.0, 2.0)]
    d = st.Mixture(w, parts)
    p = gt.Tensor(np.linspace(0.01, 0.99, 9))
    np.testing.assert_allclose(d.cdf(d.icdf(p)).data, p.data, rtol=1e-13)
    shares = scipy.special.softmax(w.data)
    expected = shares[0] * S.norm(-1, 0.5).pdf(0.3) + shares[1] * S.t(3, 2).pdf(0.3)
    assert d.prob(0.3).data == pytest.approx(expected, rel=1e-13)
    # E[z**2] through the samples, in a weight and in a component, three times.
    t = np.linspace(-30, 30, 2400)
    u = gt.Tensor(scipy.special.expit(t))
    weights = (t[1] - t[0]) * u.data * scipy.special.expit(-t)

    def second_moment(theta: Any) -> Any:
        z = st.Mixture(gt.stack([theta, 0.0 * theta]), [st.Normal(-1.0, theta), st.Normal(2.0, 1.0)]).icdf(u)
        return gt.sum(weights * z * z)

    truth = lambda a: (1 + a * a) / (1 + mpmath.exp(-a)) + 5 / (1 + mpmath.exp(a))  # noqa: E731
    f: Any = second_moment
    for k in range(4):
        assert f(np.float64(0.7)).data == pytest.approx(float(mpmath.diff(truth, 0.7, k)), rel=1e-8)
        f = gt.grad(f)
    with pytest.raises(GuardError, match="left the record"):
        gt.vmap(lambda m: st.Mixture(w, [st.Normal(m), st.Normal(1.0)]).icdf(0.3))(np.arange(3.0))


def test_vectors() -> None:
    cov = np.array([[2.0, 0.6], [0.6, 0.5]])
    x = np.array([[0.3, -1.0], [2.0, 0.1]])
    for d in (
        st.MultivariateNormal(np.ones(2), cov),
        st.MultivariateNormal(np.ones(2), scale_tril=np.linalg.cholesky(cov)),
    ):
        np.testing.assert_allclose(d.log_prob(x).data, S.multivariate_normal(np.ones(2), cov).logpdf(x), rtol=1e-13)
        np.testing.assert_allclose(d.covariance.data, cov, rtol=1e-13)
        np.testing.assert_allclose(d.variance.data, np.diag(cov), rtol=1e-13)
        assert d.sample((4, 3), seed=0).shape == (4, 3, 2)
    alpha = np.array([0.5, 1.0, 2.5])
    d = st.Dirichlet(alpha)
    y = d.sample(5, seed=0)
    np.testing.assert_allclose(d.log_prob(y).data, [S.dirichlet(alpha).logpdf(v / v.sum()) for v in y.data], rtol=1e-10)
    np.testing.assert_allclose(d.mean.data, S.dirichlet(alpha).mean())
    np.testing.assert_allclose(d.variance.data, S.dirichlet(alpha).var())
    with pytest.raises(NotImplementedError, match="no order"):
        d.icdf(0.5)


def test_categorical() -> None:
    logits = np.log(np.array([[0.2, 0.5, 0.3], [0.1, 0.1, 0.8]]))
    d = st.Categorical(logits)
    assert d.batch_shape == (2,)
    np.testing.assert_allclose(d.log_prob(np.array([1, 2])).data, np.log([0.5, 0.8]))
    np.testing.assert_allclose(
        d.log_prob(np.array([[0, 0], [3, 1]])).data, [np.log([0.2, 0.1]), [-np.inf, np.log(0.1)]]
    )
    np.testing.assert_allclose(d.cdf(np.array(1.0)).data, [0.7, 0.2])
    np.testing.assert_allclose(d.mean.data, [1.1, 1.7])
    np.testing.assert_allclose(d.variance.data, [0.49, 0.41])
    assert d.sample(7, seed=0).shape == (7, 2)


def test_score_function_gives_the_derivative_of_a_discrete_mean() -> None:
    """What the message about discrete draws recommends: E[k**2] of a Poisson variable, once and twice."""

    def mean(rate: Any) -> Any:
        d = st.Poisson(rate)
        k = d.sample(40_000, seed=0)
        log_prob = d.log_prob(k)
        return gt.mean(gt.astype(k * k, "float64") * gt.exp(log_prob - gt.stop_gradient(log_prob)))

    assert mean(np.float64(2.0)).data == pytest.approx(6.0, rel=0.03)
    assert gt.grad(mean)(np.float64(2.0)).data == pytest.approx(5.0, rel=0.05)
    assert gt.grad(gt.grad(mean))(np.float64(2.0)).data == pytest.approx(2.0, abs=0.8)


def test_variables_are_followed() -> None:
    loc = gt.Variable(1.0, name="loc")
    d = st.Normal(loc, 2.0)
    loc.assign(3.0)
    assert d.mean == 3.0
    with gt.GradientTape() as tape:
        y = gt.sum(d.sample(5, seed=0))
    assert tape.gradient(y, loc) == 5.0
    assert "Normal(loc=" in repr(d)
    assert st.Normal(np.zeros((2, 1)), np.ones(3)).batch_shape == (2, 3)
    for wrong in (lambda: st.Gamma(-1.0), lambda: st.Mixture([0.0], []), lambda: st.TruncatedNormal(low=1.0, high=0.0)):
        with pytest.raises(ValueError, match=r"Gamma: shape|Mixture: 0|low must be below"):
            wrong()
    assert math.isnan(st.Cauchy().mean)
