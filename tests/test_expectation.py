"""gt.expectation against closed forms: every estimator, three orders, nested tapes, jets, vmap, compiled functions."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import gradtape as gt
from gradtape.errors import GradtapeError, KinkedExpectationWarning, ShapeError

K, R, T = 100.0, 0.05, 1.0
#: Of a call at S = K = 100, r = 0.05, sigma = 0.2, T = 1, by the formulas of Black & Scholes.
CALL = {
    "price": 10.45058357218557,
    "delta": 0.6368306511756191,
    "gamma": 0.01876201734584689,
    "vega": 37.52403469169379,
    "vanna": -0.2814302601877034,
    "volga": 9.850059106569619,
    "speed": -0.0005159554770107896,
    "zomma": -0.08888505717594966,
}
DIGITAL = {
    "price": 0.5323248154537634,
    "delta": 0.01876201734584689,
    "gamma": -0.0003283353035523206,
    "vega": -0.6566706071046413,
}
#: Exact standard deviations per path over the truth, by quadrature: of the likelihood ratio, of pathwise then it.
SCORE = {"delta": 2.30, "vega": 7.34, "gamma": 7.34, "vanna": 107, "volga": 761, "speed": 24.6, "zomma": 41.3}
PATHWISE_FIRST = {"delta": 0.905, "vega": 2.02, "gamma": 2.02, "vanna": 25.0, "volga": 138, "speed": 5.70, "zomma": 6.9}
DIGITAL_SCORE = {"delta": 1.49, "gamma": 6.86, "vega": 6.86}


def call(x: Any) -> Any:
    return np.exp(-R * T) * gt.maximum(x - K, 0.0)


def digital(x: Any) -> Any:
    return np.exp(-R * T) * gt.where(x > K, 1.0, 0.0)


def end(s: Any, sigma: Any, z: Any) -> Any:
    return s * gt.exp((R - 0.5 * sigma * sigma) * T + sigma * np.sqrt(T) * z)


def by_program(payoff: Any, s: Any, sigma: Any, **options: Any) -> Any:
    """The parameters are in the integrand."""
    return gt.expectation(lambda z: payoff(end(s, sigma, z)), gt.stochastic.Normal(), **options)


def by_distribution(payoff: Any, s: Any, sigma: Any, **options: Any) -> Any:
    """The parameters are the distribution's."""
    law = gt.stochastic.LogNormal(gt.log(s) + (R - 0.5 * sigma * sigma) * T, sigma * np.sqrt(T))
    return gt.expectation(payoff, law, **options)


def greeks(price: Callable[[Any, Any], Any]) -> tuple[dict[str, Any], Any]:
    """By nested tapes, as a user writes them."""
    s, sigma = gt.Variable(100.0, name="S"), gt.Variable(0.2, name="sigma")
    with gt.GradientTape() as third:
        with gt.GradientTape(persistent=True) as second:
            with gt.GradientTape() as first:
                y = price(s, sigma)
            delta, vega = first.gradient(y, [s, sigma])
        gamma, vanna = second.gradient(delta, [s, sigma])
        volga = second.gradient(vega, sigma)
    speed, zomma = third.gradient(gamma, [s, sigma])
    names = ("price", "delta", "vega", "gamma", "vanna", "volga", "speed", "zomma")
    return dict(zip(names, (y, delta, vega, gamma, vanna, volga, speed, zomma), strict=True)), y


def close(found: dict[str, Any], truths: dict[str, float], deviations: dict[str, float], n: int) -> None:
    """Within four exact standard errors."""
    for name, c in deviations.items():
        error = abs(float(found[name]) - truths[name])
        assert error <= 4 * c * abs(truths[name]) / np.sqrt(n), name


N = 100_000


@pytest.mark.parametrize("seed", [1, 2, 3])
@pytest.mark.parametrize(("estimator", "deviations"), [("score", SCORE), ("pathwise-then-score", PATHWISE_FIRST)])
def test_call(estimator: str, deviations: dict[str, float], seed: int) -> None:
    found, y = greeks(lambda s, sigma: by_program(call, s, sigma, samples=N, seed=seed, estimator=estimator))
    close(found, CALL, deviations, N)
    assert abs(y.data - CALL["price"]) < 4 * y.stderr.data


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_call_by_what_is_chosen(seed: int) -> None:
    found, y = greeks(lambda s, sigma: by_program(call, s, sigma, samples=N, seed=seed))
    assert y.estimator == "preintegration"
    assert "crossed once" in y.reason
    assert "maximum" in y.reason
    for name, truth in CALL.items():
        assert float(found[name]) == pytest.approx(truth, rel=2e-2 if name == "volga" else 2e-3), name


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_digital(seed: int) -> None:
    found, _ = greeks(lambda s, sigma: by_program(digital, s, sigma, samples=N, seed=seed, estimator="score"))
    close(found, DIGITAL, DIGITAL_SCORE, N)
    found, y = greeks(lambda s, sigma: by_program(digital, s, sigma, samples=N, seed=seed))
    assert y.estimator == "preintegration"
    for name, truth in DIGITAL.items():  # nothing is left to chance
        assert float(found[name]) == pytest.approx(truth, rel=1e-9), name


def test_path_by_path_is_wrong_and_says_what_it_is() -> None:
    with pytest.warns(KinkedExpectationWarning, match="maximum"):
        found, y = greeks(lambda s, sigma: by_program(call, s, sigma, samples=1000, seed=1, estimator="pathwise"))
    assert y.estimator == "pathwise"
    assert float(found["gamma"]) == 0.0


def test_standard_deviations_are_the_exact_ones() -> None:
    s, sigma = gt.Variable(100.0, name="S"), gt.Variable(0.2, name="sigma")
    n = 40_000
    keys = {"delta": ("S",), "vega": ("sigma",), "gamma": ("S", "S"), "vanna": ("S", "sigma")}
    for estimator, exact in (("score", SCORE), ("pathwise-then-score", PATHWISE_FIRST)):
        y = by_program(call, s, sigma, samples=n, seed=5, estimator=estimator)
        found = y.derivatives([s, sigma], order=2)
        for name, key in keys.items():
            deviation = found[key].stderr * np.sqrt(n) / abs(CALL[name])
            assert deviation == pytest.approx(exact[name], rel=0.06), (estimator, name)


def two_steps(s: Any, sigma: Any, last: float = 0.5) -> Callable[[Any], Any]:
    def f(z: Any) -> Any:
        w = np.sqrt(1 - last) * z[:, 0] + np.sqrt(last) * z[:, 1]
        return call(end(s, sigma, w))

    return f


def test_gamma_of_two_steps_has_little_variance() -> None:
    s, sigma = gt.Variable(100.0, name="S"), gt.Variable(0.2, name="sigma")
    law = gt.stochastic.Normal(np.zeros(2), 1.0)
    deviations: dict[str, float] = {}
    for estimator in ("preintegration", "conditional", "score", "vibrato"):
        y = gt.expectation(two_steps(s, sigma), law, samples=20_000, seed=3, estimator=estimator, strata=6)
        gamma = y.derivatives(s, order=2)["S", "S"]
        assert abs(gamma.value - CALL["gamma"]) < 4 * gamma.stderr, estimator
        deviations[estimator] = float(gamma.stderr) * np.sqrt(20_000) / CALL["gamma"]
    assert deviations["preintegration"] <= 0.2
    assert deviations["conditional"] <= 0.42  # 0.404 for the last half, and what the strata leave
    assert deviations["score"] == pytest.approx(7.34, rel=0.1)
    assert deviations["vibrato"] > deviations["score"]


@pytest.mark.parametrize("estimator", ["preintegration", "score", "pathwise-then-score", "vibrato"])
@pytest.mark.parametrize("kind", [by_program, by_distribution])
def test_every_mode_gives_the_same(kind: Any, estimator: str) -> None:
    def price(s: Any, sigma: Any) -> Any:
        return kind(call, s, sigma, samples=320, seed=1, estimator=estimator)

    x = gt.asarray(105.0), gt.asarray(0.25)
    compiled = gt.function(price)
    compiled(gt.asarray(100.0), gt.asarray(0.2))  # recorded elsewhere
    first = gt.grad(price, (0, 1))(*x)
    outer = gt.hessian(lambda p: price(p[0], p[1]))(np.array([105.0, 0.25])).numpy()
    third = float(gt.grad(gt.grad(gt.grad(price)))(*x))
    assert np.allclose(gt.grad(compiled, (0, 1))(*x), first, rtol=1e-9)
    assert float(gt.grad(gt.grad(compiled), 1)(*x)) == pytest.approx(outer[0, 1], rel=1e-8)
    assert float(gt.grad(gt.grad(compiled, 1), 1)(*x)) == pytest.approx(outer[1, 1], rel=1e-8)
    assert float(gt.grad(gt.grad(gt.grad(compiled)))(*x)) == pytest.approx(third, rel=1e-7)
    assert float(gt.jvp(gt.grad(price), x, (1.0, 0.0))[1]) == pytest.approx(outer[0, 0], rel=1e-9)
    for order, expected in ((1, float(first[0])), (2, outer[0, 0]), (3, third)):
        assert float(gt.derivative(lambda s: price(s, x[1]), order)(105.0)) == pytest.approx(expected, rel=1e-7)
    batched = gt.vmap(gt.grad(gt.grad(price)), (0, None))(np.array([95.0, 105.0]), 0.25)
    assert float(batched[1]) == pytest.approx(outer[0, 0], rel=1e-8)
    s, sigma = gt.Variable(105.0, name="s"), gt.Variable(0.25, name="v")
    with gt.GradientTape() as tape:
        y = price(s, sigma)
    told = y.derivatives([s, sigma], order=3, tape=tape)
    assert told["s", "v"].value == pytest.approx(outer[0, 1], rel=1e-8)
    assert told["s", "s", "s"].value == pytest.approx(third, rel=1e-7)


def test_errors_of_anything_computed() -> None:
    s, sigma = gt.Variable(100.0, name="S"), gt.Variable(0.2, name="sigma")
    with gt.GradientTape(persistent=True) as tape:
        with gt.GradientTape(persistent=True) as second:
            with gt.GradientTape() as first:
                y = by_program(call, s, sigma, samples=2000, seed=1, estimator="pathwise-then-score")
            delta = first.gradient(y, s)
        gamma = second.gradient(delta, s)
        ratio = gamma / y
    told = y.derivatives(s, order=2)
    assert float(y.stderr_of(y, tape)) == pytest.approx(float(y.stderr), rel=1e-9)
    assert float(y.stderr_of(delta, tape)) == pytest.approx(float(told["S"].stderr), rel=1e-9)
    assert float(y.stderr_of(gamma, tape)) == pytest.approx(float(told["S", "S"].stderr), rel=1e-9)
    seeds = [float(_ratio(seed)) for seed in range(60)]
    assert float(y.stderr_of(ratio, tape)) == pytest.approx(np.std(seeds), rel=0.35)


def _ratio(seed: int) -> Any:
    def price(s: Any) -> Any:
        return by_program(call, s, gt.asarray(0.2), samples=2000, seed=seed, estimator="pathwise-then-score")

    s = gt.asarray(100.0)
    return gt.grad(gt.grad(price))(s) / price(s)


def test_what_is_printed() -> None:
    s = gt.Variable(100.0, name="S")
    y = by_program(call, s, 0.2, samples=1600, seed=1, estimator="score")
    assert repr(y).startswith("Expectation(")
    assert " +- " in repr(y)
    assert "by score from 1600 paths" in repr(y)
    assert "estimator: score\nbecause: it was asked for" in y.report()
    told = str(y.derivatives(s, order=2))
    assert "d/d(S  )" in told
    assert "d/d(S S)" in told
    assert told.count(" +- ") == 2


def barrier(s: Any, sigma: Any, how: str) -> Callable[[Any], Any]:
    times = np.arange(1, 51) / 50

    def f(z: Any) -> Any:
        path = s * gt.exp((R - 0.5 * sigma * sigma) * times + sigma * np.sqrt(1 / 50) * gt.cumsum(z, axis=1))
        alive = gt.all(path > 85.0, axis=1) if how == "all" else gt.min(path, axis=1) > 85.0
        return gt.where(alive, call(path[:, -1]), 0.0)

    return f


#: By quadrature on 459 panels of 8 Gauss points from date to date.
BARRIER = {"price": 10.11812243338615, "delta": 0.6818865605223817, "gamma": 0.012853375061354604, "vega": 29.17348969}


@pytest.mark.parametrize("how", ["all", "min"])
def test_a_barrier_at_fifty_dates(how: str) -> None:
    s, sigma = gt.Variable(100.0, name="S"), gt.Variable(0.2, name="sigma")
    law = gt.stochastic.Normal(np.zeros(50), 1.0)
    errors: dict[str, float] = {}
    for estimator in ("auto", "score"):
        y = gt.expectation(barrier(s, sigma, how), law, samples=1000, seed=2, estimator=estimator)
        told = y.derivatives(s, order=2)
        assert abs(y.data - BARRIER["price"]) < 4 * y.stderr.data
        assert abs(told["S"].value - BARRIER["delta"]) < 4 * told["S"].stderr
        assert abs(told["S", "S"].value - BARRIER["gamma"]) < 4 * told["S", "S"].stderr
        errors[estimator] = float(told["S", "S"].stderr)
    assert errors["auto"] < 0.1 * errors["score"]


def test_derivatives_that_would_be_wrong_are_refused() -> None:
    s, sigma = gt.Variable(100.0), gt.Variable(0.2)
    law = gt.stochastic.Normal(np.zeros(50), 1.0)
    with gt.GradientTape() as second:
        with gt.GradientTape() as first:
            y = gt.expectation(barrier(s, sigma, "all"), law, samples=2000, seed=2)
        vega = first.gradient(y, sigma)
    assert abs(float(vega) - BARRIER["vega"]) < 8.0
    with pytest.raises(GradtapeError, match="moves them against each other"):
        second.gradient(vega, sigma)


def test_a_basket_of_five() -> None:
    factor = np.linalg.cholesky(0.5 * np.ones((5, 5)) + 0.5 * np.eye(5))
    vol = np.array([0.2, 0.25, 0.15, 0.3, 0.22])
    spots = gt.Variable(np.array([100.0, 95.0, 105.0, 98.0, 102.0]), name="S")

    def f(z: Any) -> Any:
        return call(gt.mean(spots * gt.exp((R - 0.5 * vol**2) * T + np.sqrt(T) * vol * (z @ factor.T)), axis=1))

    errors: dict[str, Any] = {}
    for estimator in ("auto", "score"):
        y = gt.expectation(f, gt.stochastic.Normal(np.zeros(5), 1.0), samples=4000, seed=1, estimator=estimator)
        errors[estimator] = y.derivatives(spots, order=2)
    for key in (("S[0]", "S[0]"), ("S[0]", "S[3]"), ("S[1]", "S[2]")):
        a, b = errors["auto"][key], errors["score"][key]
        assert abs(a.value - BASKET[key]) < 4 * a.stderr
        assert a.stderr < 0.2 * b.stderr


#: By Black & Scholes' formula along the steepest direction, and 4 x 2**19 scrambled Sobol' points in the four others;
#: they agree to 2e-10.
BASKET = {
    ("S[0]", "S[0]"): 0.0008942590885822884,
    ("S[0]", "S[3]"): 0.0008397514403184486,
    ("S[1]", "S[2]"): 0.0008743041002761759,
}


def test_estimators_that_do_not_fit_say_so() -> None:
    normal = gt.stochastic.Normal()
    with pytest.raises(ShapeError, match="one value per path"):
        gt.expectation(gt.mean, normal, samples=10)
    with pytest.raises(ValueError, match="Say one of"):
        gt.expectation(gt.exp, normal, estimator="best")
    with pytest.raises(ValueError, match="multiple of 16"):
        gt.expectation(gt.exp, normal, samples=100, points="sobol")
    s = gt.asarray(1.0)
    with pytest.raises(GradtapeError, match="floor has no one place"):
        gt.expectation(lambda z: gt.floor(s * z), normal, samples=100)
    with pytest.raises(GradtapeError, match="Python took a branch"):
        gt.expectation(lambda z: z * s if gt.any(z > 0) else z, normal, samples=100)
    with pytest.raises(GradtapeError, match="support"):
        gt.expectation(lambda z: gt.maximum(z, 0.5), gt.stochastic.Uniform(0.0, gt.asarray(1.0)), estimator="score")
    with pytest.raises(GradtapeError, match="cannot be moved"):
        gt.expectation(lambda z: gt.maximum(s * z - 0.5, 0.0), gt.stochastic.Uniform(), estimator="score")
    with pytest.raises(GradtapeError, match="crossed once"):
        gt.expectation(lambda z: gt.maximum(s * z * z - 0.5, 0.0), normal, estimator="preintegration")


def test_what_auto_chooses() -> None:
    normal, s = gt.stochastic.Normal(), gt.asarray(1.0)
    assert gt.expectation(lambda z: gt.exp(s * z), normal, samples=100).estimator == "pathwise"
    assert "no kink" in gt.expectation(lambda z: gt.exp(s * z), normal, samples=100).reason
    floor = gt.expectation(gt.floor, gt.stochastic.Normal(s), samples=100)
    assert floor.estimator == "score"
    assert "floor" in floor.reason
    assert gt.expectation(lambda z: z * s, gt.stochastic.Poisson(s), samples=100).estimator == "score"


def test_several_kinks_that_move_together_are_held_together() -> None:
    """A call spread: two strikes, one price of the underlying."""

    def gamma_of(strike: float) -> float:
        d1 = (np.log(100.0 / strike) + (R + 0.02) * T) / 0.2
        return float(np.exp(-0.5 * d1 * d1) / np.sqrt(2 * np.pi) / (100.0 * 0.2))

    s, sigma, other = gt.Variable(100.0, name="S"), gt.Variable(0.2, name="v"), gt.Variable(120.0, name="K")

    def f(z: Any) -> Any:
        x = end(s, sigma, gt.sum(z, axis=1) / np.sqrt(2.0))
        return call(x) - np.exp(-R * T) * gt.maximum(x - other, 0.0)

    with gt.GradientTape() as tape:
        y = gt.expectation(f, gt.stochastic.Normal(np.zeros(2), 1.0), samples=40_000, seed=1)
    assert y.estimator == "score"
    assert "2 kinks" in y.reason
    told = y.derivatives([s, sigma], order=2)
    assert abs(told["S", "S"].value - (gamma_of(100.0) - gamma_of(120.0))) < 4 * told["S", "S"].stderr
    vega = 100.0**2 * 0.2 * (gamma_of(100.0) - gamma_of(120.0))
    assert abs(told["v"].value - vega) < 4 * told["v"].stderr
    with pytest.raises(GradtapeError, match="moves them against each other"):
        tape.gradient(y, other)
