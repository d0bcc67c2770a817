"""Random draws: they replay, batch, have the right distributions, and derivatives that are right to second order.

Expectations are exact sums over the uniform draw: the trapezoidal rule in t, u = sigmoid(t), converges exponentially
for analytic integrands, so the derivatives of the sampler itself are tested, without noise.  Truths: closed forms.
"""

from __future__ import annotations

import copy
import warnings
from collections.abc import Callable
from typing import Any

import mpmath
import numpy as np
import pytest
import scipy.special
import scipy.stats

import gradtape as gt
from gradtape.errors import ShapeError, UnconnectedGradientWarning
from gradtape.numpy import sampling
from gradtape.primitives import random_bits, random_discrete

# -- bits ----------------------------------------------------------------------------------------------------------


def test_philox_is_numpys() -> None:
    """The array program, which batches and other engines run, gives the words of NumPy's generator."""
    rng = np.random.default_rng(0)
    keys = rng.integers(0, 2**63, (4, 2), dtype=np.uint64) * np.uint64(2) + np.uint64(1)
    numbers = np.array([0, 1, 2**40, 2**64 - 1], np.uint64)
    made = random_bits.random_bits(keys, numbers, shape=(3, 3), purpose=1)
    for key, number, words in zip(keys, numbers, made, strict=True):
        expected = np.random.Philox(key=key, counter=np.array([0, number, 1, 0], np.uint64)).random_raw(9)
        np.testing.assert_array_equal(words.ravel(), expected)


def test_high_product() -> None:
    rng = np.random.default_rng(1)
    b = rng.integers(0, 2**64, 50, dtype=np.uint64, endpoint=False)
    for a in (0, 1, 7, 2**32 - 1, 2**64 - 1, 0xD2E7470EE14C6C93):
        expected = [(a * int(x)) >> 64 for x in b]
        np.testing.assert_array_equal(random_bits.high_product(np, a, b), np.array(expected, np.uint64))


def test_uniform_draws_are_inside() -> None:
    """The least and the largest word: never 0, never 1, in either dtype."""
    words = np.array([0, 2**64 - 1], np.uint64)
    for dtype in ("float64", "float32"):
        original, random_bits._bits = random_bits._bits, lambda *_, **__: words  # type: ignore[assignment]
        try:
            u = random_bits._uniform(np, None, None, shape=(2,), dtype=dtype)
        finally:
            random_bits._bits = original
        assert u.dtype == dtype
        assert 0 < u[0] < 1e-6
        assert 1 - 1e-6 < u[1] < 1


def test_integers_are_uniform_and_exact() -> None:
    rng = gt.random.Generator(2)
    found = rng.integers(-3, 4, 70_000).data
    counts = np.bincount(found + 3, minlength=7)
    assert counts.size == 7
    assert scipy.stats.chisquare(counts).pvalue > 1e-4
    assert set(rng.integers(2, size=50).data.tolist()) == {0, 1}
    assert rng.integers(5, 5, endpoint=True) == 5
    assert rng.integers(0, 2**64, 4, dtype=np.uint64).dtype == np.uint64
    extremes = random_bits.random_integers(np.array([0, 2**64 - 1], np.uint64), low=-(2**63), high=2**63, dtype="int64")
    np.testing.assert_array_equal(extremes, [-(2**63), 2**63 - 1])
    with pytest.raises(ValueError, match="low must be less than high"):
        rng.integers(3, 3)


# -- generators ----------------------------------------------------------------------------------------------------


def test_draws_replay() -> None:
    a, b = gt.random.Generator([1, 2]), gt.random.default_rng([1, 2])
    for _ in range(2):
        np.testing.assert_array_equal(a.normal(size=3).data, b.normal(size=3).data)
    assert not np.array_equal(a.normal(size=3).data, gt.random.Generator([1, 3]).normal(size=3).data)
    assert gt.random.default_rng(a) is a
    # A draw depends on its number alone, not on how much the draws before it took.
    c, d = gt.random.Generator(5), gt.random.Generator(5)
    c.normal(size=1000)
    d.uniform()
    np.testing.assert_array_equal(c.normal(size=4).data, d.normal(size=4).data)
    gt.random.seed(7)
    first = gt.random.normal(size=2).data
    gt.random.seed(7)
    np.testing.assert_array_equal(gt.random.normal(size=2).data, first)


def test_positions() -> None:
    rng = gt.random.Generator(0)
    rng.normal()
    twin = copy.deepcopy(rng)
    before = gt.random.positions()
    x, y = rng.normal(size=3), rng.numpy_generator.random(2)
    with gt.random.rewound(before):
        np.testing.assert_array_equal(rng.normal(size=3).data, x.data)
        np.testing.assert_array_equal(rng.numpy_generator.random(2), y)
    after = rng.normal(size=3)
    np.testing.assert_array_equal(twin.normal(size=3).data, x.data)
    np.testing.assert_array_equal(twin.normal(size=3).data, after.data)
    with gt.random.rewound(before):
        np.testing.assert_array_equal(twin.normal(size=3).data, x.data)


def test_streams_are_independent() -> None:
    rng = gt.random.Generator(0)
    children = rng.split(3)
    draws = [g.normal(size=2000).data for g in (rng, *children, *children[0].spawn(2))]
    correlations = np.corrcoef(draws) - np.eye(6)
    assert np.max(np.abs(correlations)) < 4 / np.sqrt(2000)
    again = gt.random.Generator(0).split(3)
    np.testing.assert_array_equal(
        again[2].normal(size=3).data, children[2].__class__.from_key(children[2].key).normal(size=3).data
    )


def test_keys_are_checked() -> None:
    with pytest.raises(ShapeError, match="a key has two numbers"):
        gt.random.Generator.from_key([1.0, 2.0])
    for bad in (-1, 1.5, [[1]]):
        with pytest.raises(ValueError, match="a seed is a whole number"):
            gt.random.Generator(bad)


def test_vmap_draws_once_or_by_keys() -> None:
    """The same draw for every example, unless the generator is made of a key of the example's own."""
    rng = gt.random.Generator(3)
    x = gt.Tensor(np.arange(4.0))
    shared = gt.vmap(lambda x: x + rng.normal(size=2))(x).data - np.arange(4.0)[:, None]
    np.testing.assert_allclose(shared, np.broadcast_to(shared[0], (4, 2)), atol=1e-15)

    def sample(key: Any, a: Any) -> Any:
        own = gt.random.Generator.from_key(key)
        return own.gamma(a, size=2) + own.normal()

    keys, shapes = rng.keys(4), gt.Tensor(np.array([0.5, 1.0, 2.0, 30.0]))
    batched = gt.vmap(sample)(keys, shapes)
    for key, a, row in zip(gt.unstack(keys), gt.unstack(shapes), batched.data, strict=True):
        np.testing.assert_allclose(row, sample(key, a).data, rtol=1e-14)
    slopes = gt.vmap(gt.grad(lambda a, key: gt.sum(sample(key, a))))(shapes, keys)
    for key, a, slope in zip(gt.unstack(keys), gt.unstack(shapes), slopes.data, strict=True):
        assert slope == pytest.approx(gt.grad(lambda a, key=key: gt.sum(sample(key, a)))(a).data, rel=1e-13)
    # Keys within keys.
    square = gt.vmap(gt.vmap(lambda key: gt.random.Generator.from_key(key).uniform()))(rng.keys(3, 2))
    assert np.unique(square.data).size == 6


def test_a_record_makes_its_draws_again() -> None:
    """Derivatives walk the record: the draw of the value, not another one."""
    a = gt.Tensor(np.float64(2.5))
    u = gt.random.Generator(4).draw((5,))
    by_hand = gt.grad(gt.grad(lambda a: gt.sum(sampling.gamma(u, a) ** 2)))(a)
    rng = gt.random.Generator(4)
    with gt.GradientTape() as outer:
        with gt.GradientTape() as tape:
            total = gt.sum(rng.gamma(a, size=5) ** 2)
        slope = tape.gradient(total, a)
    assert outer.gradient(slope, a).data == pytest.approx(by_hand.data, rel=1e-14)
    value, bends = gt.jvp(gt.grad(lambda a: gt.sum(gt.random.Generator(4).gamma(a, size=5) ** 2)), (a,), (1.0,))
    assert value.data == pytest.approx(slope.data, rel=1e-14)
    assert bends.data == pytest.approx(by_hand.data, rel=1e-14)


def test_a_batch_of_ends_finite_and_not() -> None:
    """What the first example's ends are says nothing about the others'."""
    for lows in ([-np.inf, -1.0, -np.inf], [-1.0, -np.inf, 0.5]):
        f = gt.grad(lambda low, s: sampling.truncated_normal(0.3, 0.2, s, low, np.inf), argnums=(0, 1))
        batched = gt.vmap(f, in_axes=(0, None))(np.array(lows), 1.5)
        for i, low in enumerate(lows):
            for found, expected in zip(batched, f(np.float64(low), 1.5), strict=True):
                assert np.isfinite(expected.data)
                assert found.data[i] == pytest.approx(expected.data, rel=1e-13)


# -- distributions, by tests of Kolmogorov and Smirnov ---------------------------------------------------------------

N = 4000
CONTINUOUS: dict[str, tuple[Callable[[Any], Any], Any]] = {
    "uniform": (lambda g: g.uniform(-1.0, 3.0, N), scipy.stats.uniform(-1, 4)),
    "normal": (lambda g: g.normal(1.0, 2.0, N), scipy.stats.norm(1, 2)),
    "lognormal": (lambda g: g.lognormal(0.3, 0.7, N), scipy.stats.lognorm(0.7, scale=np.exp(0.3))),
    "exponential": (lambda g: g.exponential(2.0, N), scipy.stats.expon(scale=2)),
    "laplace": (lambda g: g.laplace(1.0, 2.0, N), scipy.stats.laplace(1, 2)),
    "logistic": (lambda g: g.logistic(1.0, 2.0, N), scipy.stats.logistic(1, 2)),
    "cauchy": (lambda g: g.cauchy(1.0, 2.0, N), scipy.stats.cauchy(1, 2)),
    "gumbel": (lambda g: g.gumbel(1.0, 2.0, N), scipy.stats.gumbel_r(1, 2)),
    "weibull": (lambda g: g.weibull(1.7, N, scale=2.0), scipy.stats.weibull_min(1.7, scale=2)),
    "gamma": (lambda g: g.gamma(0.4, 3.0, N), scipy.stats.gamma(0.4, scale=3)),
    "log_gamma": (lambda g: g.log_gamma(0.3, N), scipy.stats.loggamma(0.3)),
    "chisquare": (lambda g: g.chisquare(5.0, N), scipy.stats.chi2(5)),
    "beta": (lambda g: g.beta(0.6, 2.5, N), scipy.stats.beta(0.6, 2.5)),
    "student_t": (lambda g: g.student_t(2.5, 1.0, 2.0, N), scipy.stats.t(2.5, 1, 2)),
    "von_mises": (lambda g: g.von_mises(0.5, 1.5, N), scipy.stats.vonmises(1.5, 0.5)),
    "inverse_gaussian": (lambda g: g.wald(1.5, 2.0, N), scipy.stats.invgauss(0.75, scale=2)),
    "truncated": (lambda g: g.truncated_normal(1.0, 2.0, N), scipy.stats.truncnorm(-2, 2, 1, 2)),
    "one-sided": (lambda g: g.truncated_normal(0.0, 1.0, N, low=2.0), scipy.stats.truncnorm(2, np.inf)),
}


@pytest.mark.parametrize("name", CONTINUOUS)
def test_distribution(name: str) -> None:
    draw, law = CONTINUOUS[name]
    x = draw(gt.random.Generator(len(name))).data
    assert x.shape == (N,)
    assert x.dtype == np.float64
    assert scipy.stats.kstest(x, law.cdf).pvalue > 1e-3


DISCRETE: dict[str, tuple[Callable[[Any], Any], Callable[[Any], Any], int]] = {
    "poisson": (lambda g: g.poisson(3.5, N), scipy.stats.poisson(3.5).pmf, 9),
    "binomial": (lambda g: g.binomial(6, 0.3, N), scipy.stats.binom(6, 0.3).pmf, 7),
    "bernoulli": (lambda g: g.bernoulli(0.3, N, np.int64), scipy.stats.bernoulli(0.3).pmf, 2),
    "categorical": (
        lambda g: g.categorical(np.log([0.2, 0.5, 0.0, 0.3]), N),
        lambda k: np.array([2, 5, 0, 3])[k] / 10,
        4,
    ),
    "choice": (lambda g: g.choice(4, N, p=[0.2, 0.5, 0.0, 0.3]), lambda k: np.array([2, 5, 0, 3])[k] / 10, 4),
}


@pytest.mark.parametrize("name", DISCRETE)
@pytest.mark.filterwarnings("ignore:divide by zero")
def test_discrete_distribution(name: str) -> None:
    draw, law, top = DISCRETE[name]
    x = draw(gt.random.Generator(11)).data
    assert x.dtype == np.int64
    expected = law(np.arange(top)) * N
    counts = np.bincount(np.minimum(x, top - 1), minlength=top)
    expected[-1] = N - expected[:-1].sum()
    inside = expected > 1e-9
    assert not counts[~inside].any()
    assert scipy.stats.chisquare(counts[inside], expected[inside]).pvalue > 1e-3


@pytest.mark.parametrize(("rate", "law"), [(r, scipy.stats.poisson(r)) for r in (1e-3, 0.5, 20.0, 4000.0)])
def test_poisson_quantile_is_exact(rate: float, law: Any) -> None:
    u = np.concatenate([np.random.default_rng(0).random(300), [1e-12, 1 - 1e-12], np.exp([-rate])])
    k = random_discrete.poisson_quantile(np.float64(rate), u)
    assert np.all((law.cdf(k) >= u) & ((k == 0) | (law.cdf(k - 1) < u)))


@pytest.mark.parametrize(("n", "p"), [(1, 0.3), (20, 0.01), (50, 0.999), (1000, 0.4), (5, 0.0), (5, 1.0), (0, 0.5)])
def test_binomial_quantile_is_exact(n: int, p: float) -> None:
    u = np.concatenate([np.random.default_rng(0).random(300), [1e-12, 1 - 1e-12]])
    k = random_discrete.binomial_quantile(np.float64(n), np.float64(p), u)
    cdf = lambda k: np.where(k < 0, 0.0, np.where(k >= n, 1.0, scipy.special.bdtr(k, n, p)))  # noqa: E731
    near = 1e-13
    assert np.all((cdf(k) >= u - near) & ((k == 0) | (cdf(k - 1) < u + near)))
    assert np.all((k >= 0) & (k <= n))


def test_vectors() -> None:
    rng = gt.random.Generator(5)
    cov = np.array([[2.0, 0.6], [0.6, 0.5]])
    x = rng.multivariate_normal(np.array([1.0, -1.0]), cov, N).data
    y = rng.multivariate_normal(np.zeros(2), scale_tril=np.linalg.cholesky(cov), size=N).data
    np.testing.assert_allclose(x.mean(0), [1.0, -1.0], atol=4 * np.sqrt(2 / N))
    for z in (x, y):
        np.testing.assert_allclose(np.cov(z.T), cov, atol=0.2)
    alpha = np.array([0.3, 1.0, 4.0])
    d = rng.dirichlet(alpha, (N,)).data
    np.testing.assert_allclose(d.sum(-1), 1.0, rtol=1e-14)
    for i in range(3):
        law = scipy.stats.beta(alpha[i], alpha.sum() - alpha[i])
        assert scipy.stats.kstest(d[:, i], law.cdf).pvalue > 1e-3
    with pytest.raises(ValueError, match="cov or scale_tril"):
        rng.multivariate_normal(np.zeros(2))


def test_order_and_choice() -> None:
    rng = gt.random.Generator(6)
    p = rng.permutation(50).data
    assert sorted(p) == list(range(50))
    assert list(p) != list(range(50))
    x = gt.Tensor(np.arange(6.0).reshape(3, 2))
    slope = gt.grad(lambda x: gt.sum(rng.shuffle(x) * np.array([[1.0], [2.0], [3.0]])))(x).data
    assert sorted(slope[:, 0]) == [1.0, 2.0, 3.0]
    assert np.unique(rng.choice(10, 10, replace=False).data).size == 10
    assert set(rng.choice(4, 3, replace=False, p=[0.5, 0.0, 0.25, 0.25]).data.tolist()) == {0, 2, 3}
    assert rng.choice(x, (5, 2)).shape == (5, 2, 2)
    with pytest.raises(ValueError, match="each at most once"):
        rng.choice(3, 4, replace=False)
    with pytest.raises(ValueError, match="probabilities"):
        rng.choice(3, 1, p=[0.5, 0.5, 0.5])
    # All 24 orders are as likely.
    orders = np.array([rng.permutation(4).data for _ in range(2400)]) @ [64, 16, 4, 1]
    _, counts = np.unique(orders, return_counts=True)
    assert counts.size == 24
    assert scipy.stats.chisquare(counts).pvalue > 1e-3


def test_shapes_and_dtypes() -> None:
    rng = gt.random.Generator(0)
    assert rng.normal().shape == ()
    assert rng.normal(np.zeros(3), np.ones((2, 1))).shape == (2, 3)
    assert rng.normal(np.float32(1.0), np.ones(3, np.float32)).dtype == np.float32
    assert rng.gamma(gt.Tensor(np.float32(2.0)), size=3).dtype == np.float32
    assert rng.gamma(np.array([1, 2])).dtype == np.float64
    assert rng.uniform(size=3, dtype=np.float32).dtype == np.float32
    assert rng.bernoulli(0.5, 3, np.float32).dtype == np.float32
    assert rng.dirichlet(np.ones((2, 3)), (5, 2)).shape == (5, 2, 3)
    a = gt.Tensor(np.ones(2, np.float32))
    assert gt.grad(lambda a: gt.sum(rng.gamma(a, size=(4, 2))))(a).dtype == np.float32
    with pytest.raises(ShapeError, match="does not hold the parameters"):
        rng.normal(np.zeros(3), size=2)


@pytest.mark.parametrize(
    ("asked", "named"),
    [
        (lambda g: g.gamma(-1.0), "gamma: shape"),
        (lambda g: g.normal(0.0, -1.0), "normal: scale"),
        (lambda g: g.beta(1.0, 0.0), "beta: b"),
        (lambda g: g.student_t(gt.Tensor(np.array([1.0, -2.0]))), "student_t: df"),
        (lambda g: g.truncated_normal(low=2.0, high=1.0), "low must be below high"),
    ],
)
def test_parameters_are_checked(asked: Callable[[Any], Any], named: str) -> None:
    with pytest.raises(ValueError, match=named):
        asked(gt.random.Generator(0))


# -- derivatives of expectations ---------------------------------------------------------------------------------------


def grid(nodes: int, end: float) -> tuple[Any, Any]:
    t = np.linspace(-end, end, nodes)
    u = scipy.special.expit(t)
    return gt.Tensor(u), gt.Tensor((t[1] - t[0]) * u * scipy.special.expit(-t))


U, W = grid(400, 36.0)


def derivatives(f: Callable[[Any], Any], x: float, order: int) -> list[float]:
    """f and its derivatives, by tapes in tapes."""
    found = []
    for k in range(order + 1):
        found.append(float(f(gt.Tensor(np.float64(x)))))
        f = gt.grad(f) if k < order else f
    return found


def truths(f: Callable[[Any], Any], x: float, order: int) -> list[float]:
    with mpmath.workdps(50):
        return [float(mpmath.diff(f, mpmath.mpf(x), k)) for k in range(order + 1)]


def agree(
    sample: Callable[[Any], Any], f: Callable[[Any], Any], truth: Any, x: float, rtol: float, order: int = 2
) -> None:
    found = derivatives(lambda theta: gt.sum(W * f(sample(theta))), x, order)
    np.testing.assert_allclose(found, truths(truth, x, order), rtol=rtol, atol=1e-14)


@pytest.mark.parametrize("a", [0.05, 0.3, 1.0, 5.0, 70.0, 3000.0])
def test_gamma_expectations(a: float) -> None:
    agree(lambda a: sampling.log_gamma(U, a), lambda w: w, mpmath.digamma, a, 1e-12, order=3)
    agree(lambda a: sampling.gamma(U, a), lambda z: z * z, lambda a: a * (a + 1), a, 1e-11)
    agree(lambda a: sampling.gamma(U, a), lambda z: gt.exp(-z / a), lambda s: (1 + 1 / mpmath.mpf(a)) ** -s, a, 1e-12)
    agree(lambda a: sampling.chisquare(U, a), lambda z: z**3, lambda d: d * (d + 2) * (d + 4), a, 1e-9)


@pytest.mark.parametrize("kappa", [0.01, 2.0, 40.0, 700.0])
def test_von_mises_expectations(kappa: float) -> None:
    def ratio(n: int) -> Any:
        return lambda k: mpmath.besseli(n, k) / mpmath.besseli(0, k)

    agree(lambda k: sampling.von_mises(U, 0.0, k), gt.cos, ratio(1), kappa, 1e-11)
    agree(lambda k: sampling.von_mises(U, 0.0, k), lambda z: gt.cos(2 * z), ratio(2), kappa, 1e-10)


def test_von_mises_fourth_derivative() -> None:
    """The fourth cumulant of the cosine is the first that is not a central moment."""
    truth = lambda k: mpmath.besseli(1, k) / mpmath.besseli(0, k)  # noqa: E731
    agree(lambda k: sampling.von_mises(U, 0.0, k), gt.cos, truth, 2.0, 1e-10, order=4)


def test_von_mises_second_derivative_is_the_published_one() -> None:
    found = derivatives(lambda k: gt.sum(W * gt.cos(sampling.von_mises(U, 0.0, k))), 2.0, 2)
    assert found[2] == pytest.approx(-0.13685, abs=5e-6)


@pytest.mark.parametrize("scale", [0.05, 1.0, 30.0, 1e4])
def test_inverse_gaussian_expectations(scale: float) -> None:
    def laplace(m: Any, s: Any) -> Any:
        return mpmath.exp(s / m * (1 - mpmath.sqrt(1 + 2 * m * m * mpmath.mpf(0.75) / s)))

    damped = lambda x: gt.exp(-0.75 * x)  # noqa: E731
    agree(lambda s: sampling.inverse_gaussian(U, 1.5, s), damped, lambda s: laplace(1.5, s), scale, 2e-11)
    agree(lambda m: sampling.inverse_gaussian(U, m, scale), damped, lambda m: laplace(m, scale), 1.5, 1e-12)


@pytest.mark.parametrize(("low", "high"), [(-1.0, 2.0), (3.0, np.inf), (-np.inf, -6.0), (0.1, 0.4), (20.0, np.inf)])
def test_truncated_normal_expectations(low: float, high: float) -> None:
    def mean(loc: Any, scale: Any, low: Any = low, high: Any = high) -> Any:
        a, b = (mpmath.mpf(low) - loc) / scale, (mpmath.mpf(high) - loc) / scale
        density = [0 if mpmath.isinf(e) else mpmath.npdf(e) for e in (a, b)]
        return loc + scale * (density[0] - density[1]) / (mpmath.ncdf(-a) - mpmath.ncdf(-b))

    identity = lambda x: x  # noqa: E731
    draw = sampling.truncated_normal
    agree(lambda m: draw(U, m, 1.25, low, high), identity, lambda m: mean(m, 1.25), 0.25, 1e-8)
    agree(lambda s: draw(U, 0.25, s, low, high), identity, lambda s: mean(0.25, s), 1.25, 1e-8)
    if np.isfinite(low):
        agree(lambda a: draw(U, 0.25, 1.25, a, high), identity, lambda a: mean(0.25, 1.25, low=a), low, 1e-8)
    if np.isfinite(high):
        agree(lambda b: draw(U, 0.25, 1.25, low, b), identity, lambda b: mean(0.25, 1.25, high=b), high, 1e-8)


@pytest.mark.parametrize(
    ("sample", "f", "truth", "x"),
    [
        (lambda s: sampling.weibull(U, s), lambda z: z, lambda s: mpmath.gamma(1 + 1 / s), 1.7),
        (lambda s: sampling.lognormal(U, 0.2, s), lambda z: z, lambda s: mpmath.exp(mpmath.mpf(0.2) + s * s / 2), 0.8),
        (lambda s: sampling.exponential(U, s), lambda z: z**3, lambda s: 6 * s**3, 0.7),
        (lambda s: sampling.logistic(U, 0.0, s), lambda z: z**4, lambda s: 7 * (mpmath.pi * s) ** 4 / 15, 0.7),
        (lambda s: sampling.gumbel(U, 0.0, s), lambda z: gt.exp(-z), lambda s: mpmath.gamma(1 + s), 0.7),
        (
            lambda s: sampling.cauchy(U, 0.5, s),
            lambda z: 1 / (1 + z * z),
            lambda s: (1 + s) / ((1 + s) ** 2 + 0.25),
            0.7,
        ),
        (lambda s: sampling.uniform(U, s, 2.0), gt.exp, lambda s: (mpmath.exp(2) - mpmath.exp(s)) / (2 - s), 0.7),
        (lambda s: sampling.normal(U, s, s), gt.exp, lambda s: mpmath.exp(s + s * s / 2), 0.7),
        (lambda a: sampling.beta_quantile(U, a, 2.0), lambda z: z**2, lambda a: a * (a + 1) / (a + 2) / (a + 3), 0.7),
        (lambda b: sampling.beta_quantile(U, 2.0, b), lambda z: z**2, lambda b: 6 / (b + 2) / (b + 3), 40.0),
    ],
    ids=[
        "weibull",
        "lognormal",
        "exponential",
        "logistic",
        "gumbel",
        "cauchy",
        "uniform",
        "normal",
        "a",
        "b",
    ],
)
def test_other_expectations(sample: Any, f: Any, truth: Any, x: float) -> None:
    agree(sample, f, truth, x, 1e-10)


def test_laplace_expectations() -> None:
    """The quantile has a kink in its second derivative in u, where the trapezoidal rule converges slowly."""
    agree(lambda s: sampling.laplace(U, 1.0, s), lambda z: z**4, lambda s: 1 + 12 * s**2 + 24 * s**4, 0.7, 1e-4)


# Two draws: sums over a square.  Gamma variables are smooth in t, so that fewer nodes do.


def square(nodes: int) -> tuple[Any, Any, Any]:
    u, w = grid(nodes, 30.0)
    return gt.Tensor(u.data[:, None]), u, gt.Tensor(w.data[:, None] * w.data)


@pytest.mark.parametrize(("a", "b"), [(0.6, 0.9), (3.0, 40.0)])
def test_beta_expectations(a: float, b: float) -> None:
    u, v, w = square(150)
    for f, truth in [
        (lambda x: x**2, lambda a: a * (a + 1) / (a + b) / (a + b + 1)),
        (gt.log, lambda a: mpmath.digamma(a) - mpmath.digamma(a + b)),
    ]:
        found = derivatives(lambda a, f=f: gt.sum(w * f(sampling.beta(u, v, a, b))), a, 2)
        np.testing.assert_allclose(found, truths(truth, a, 2), rtol=1e-7)


def test_student_t_expectations() -> None:
    u, v, w = square(150)
    found = derivatives(lambda n: gt.sum(w * sampling.student_t(u, v, n) ** 2), 9.0, 2)
    np.testing.assert_allclose(found, truths(lambda n: n / (n - 2), 9.0, 2), rtol=1e-7)
    found = derivatives(lambda n: gt.sum(w * gt.cos(sampling.student_t(u, v, n))), 9.0, 2)

    def characteristic(n: Any) -> Any:
        return (
            mpmath.besselk(n / 2, mpmath.sqrt(n)) * mpmath.sqrt(n) ** (n / 2) / mpmath.gamma(n / 2) / 2 ** (n / 2 - 1)
        )

    np.testing.assert_allclose(found, truths(characteristic, 9.0, 2), rtol=1e-6)


# -- from seeded draws, within four standard errors --------------------------------------------------------------------


def check_draws(f: Callable[[Any, Any], Any], theta: float, truth: Callable[[Any], Any]) -> None:
    """Value, first and second derivative per draw: their means lie within four standard errors of the truth."""
    n = 1500
    thetas = gt.Tensor(np.full(n, theta))
    for seed in (0, 1, 2):
        total = lambda t, seed=seed: gt.sum(f(gt.random.Generator(seed), t))  # noqa: E731
        slopes = gt.grad(total)(thetas)
        bends = gt.grad(lambda t, total=total: gt.sum(gt.grad(total)(t)))(thetas)
        values = f(gt.random.Generator(seed), thetas)
        for found, expected in zip((values, slopes, bends), truths(truth, theta, 2), strict=True):
            error = found.data.std() / np.sqrt(n)
            assert abs(found.data.mean() - expected) <= 4 * error + 1e-12, (seed, expected, error)


SEEDED: dict[str, tuple[Callable[[Any, Any], Any], float, Callable[[Any], Any]]] = {
    "gamma 0.05": (lambda g, a: gt.exp(-g.gamma(a)), 0.05, lambda a: mpmath.mpf(2) ** -a),
    "gamma 3000": (lambda g, a: g.log_gamma(a), 3000.0, mpmath.digamma),
    "beta 0.05": (lambda g, a: g.beta(a, 0.05) ** 2, 0.05, lambda a: a * (a + 1) / (a + 0.05) / (a + 1.05)),
    "student 3": (
        lambda g, n: gt.log1p(g.student_t(n) ** 2 / n),
        3.0,
        lambda n: mpmath.digamma((n + 1) / 2) - mpmath.digamma(n / 2),
    ),
    "dirichlet": (
        lambda g, a: gt.sum(
            g.dirichlet(gt.stack([a, 2 * a, 0 * a + 0.5], axis=-1)) ** 2 * np.array([1.0, 0.0, 0.0]), axis=-1
        ),
        0.3,
        lambda a: a * (a + 1) / (3 * a + 0.5) / (3 * a + 1.5),
    ),
    "von mises": (lambda g, k: gt.cos(g.von_mises(0.0, k)), 2.0, lambda k: mpmath.besseli(1, k) / mpmath.besseli(0, k)),
    "inverse gaussian": (lambda g, m: g.inverse_gaussian(m, 2.0) ** 2, 1.5, lambda m: m**3 / 2 + m**2),
    "normal": (
        lambda g, s: gt.cos(g.normal(0.3, s)),
        0.8,
        lambda s: mpmath.cos(mpmath.mpf(0.3)) * mpmath.exp(-s * s / 2),
    ),
}


@pytest.mark.parametrize("name", SEEDED)
def test_seeded_draws(name: str) -> None:
    check_draws(*SEEDED[name])


def test_small_shapes_keep_their_gradient() -> None:
    """Gamma draws of shape 1e-3 underflow; their logarithms and Dirichlet's do not, nor do the derivatives."""
    rng = gt.random.Generator(0)
    a = gt.Tensor(np.full(200, 1e-3))
    u = rng.draw((200,))
    w = sampling.log_gamma(u, a).data
    assert np.sum(np.exp(w) == 0) > 50
    np.testing.assert_allclose(
        w[w < -40], ((np.log(u.data) + scipy.special.gammaln(1.001)) / 1e-3)[w < -40], rtol=1e-13
    )
    slope = gt.grad(lambda a: gt.sum(sampling.log_gamma(u, a)))(a).data
    exact = -(np.log(u.data) + scipy.special.gammaln(1.001)) / 1e-6 + scipy.special.psi(1.001) / 1e-3
    np.testing.assert_allclose(slope[w < -40], exact[w < -40], rtol=1e-12)
    logs = sampling.log_dirichlet(gt.Tensor(u.data.reshape(100, 2)), gt.Tensor(np.array([1e-3, 1e-3])))
    assert np.all(np.isfinite(logs.data))


# -- discrete draws have no derivative, and say so -----------------------------------------------------------------


@pytest.mark.parametrize(
    ("draw", "name"),
    [
        (lambda g, p: g.poisson(p), "poisson"),
        (lambda g, p: g.bernoulli(p, dtype=np.float64), "bernoulli"),
        (lambda g, p: g.binomial(5, p), "binomial"),
        (lambda g, p: g.categorical(gt.stack([p, -p])), "categorical"),
    ],
)
def test_discrete_draws_explain_their_none(draw: Callable[..., Any], name: str) -> None:
    p = gt.Variable(0.4, name="p")
    with gt.GradientTape() as tape:
        y = draw(gt.random.Generator(0), p) * 2.0
    with pytest.warns(UnconnectedGradientWarning, match=name) as told:
        assert tape.gradient(y, p) is None
    assert "log_prob" in str(told[0].message)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert tape.gradient(y, p, unconnected_gradients="zero") == 0
