"""First and second derivatives of expectations through every sampler, and what points and controls do to the error."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from scipy import special

import gradtape as gt

law = gt.stochastic
psi = special.polygamma

#: name -> (distribution of a parameter, integrand, parameter, exact first derivative, exact second derivative)
CASES: dict[str, tuple[Callable[[Any], Any], Callable[[Any], Any], float, float, float]] = {
    f"gamma, shape {a}": (lambda t: law.Gamma(t), gt.log, a, float(psi(1, a)), float(psi(2, a)))
    for a in (0.05, 0.3, 1.0, 7.0, 3000.0)
}
CASES["gamma, scale"] = (lambda t: law.Gamma(2.5, t), gt.log, 1.5, 1 / 1.5, -1 / 1.5**2)
CASES["beta"] = (
    lambda t: law.Beta(t, 2.0), gt.log, 0.7,
    float(psi(1, 0.7) - psi(1, 2.7)), float(psi(2, 0.7) - psi(2, 2.7)),
)  # fmt: skip
CASES["dirichlet"] = (
    lambda t: law.Dirichlet(gt.stack([t, gt.asarray(0.5), gt.asarray(3.0)])), lambda z: gt.log(z[:, 0]), 1.2,
    float(psi(1, 1.2) - psi(1, 4.7)), float(psi(2, 1.2) - psi(2, 4.7)),
)  # fmt: skip
CASES["student"] = (lambda t: law.StudentT(t), lambda z: 1 / (1 + z * z / 4.0), 4.0, np.nan, np.nan)
CASES["inverse gaussian, mu"] = (lambda t: law.InverseGaussian(t, 2.0), lambda z: 1 / z, 1.3, -1 / 1.3**2, 2 / 1.3**3)
CASES["inverse gaussian, scale"] = (lambda t: law.InverseGaussian(1.3, t), lambda z: 1 / z, 2.0, -1 / 4, 2 / 8)
CASES["von mises"] = (lambda t: law.VonMises(0.0, t), gt.cos, 2.0, 0.16422, -0.13685)


def _student(df: float) -> float:
    """E[1 / (1 + z**2 / 4)] of Student's t, by quadrature."""
    from scipy import integrate, stats

    return 2 * integrate.quad(lambda z: stats.t.pdf(z, df) / (1 + z * z / 4), 0, np.inf, epsabs=1e-13)[0]


def _exact(name: str, first: float, second: float) -> tuple[float, float]:
    if name != "student":
        return first, second
    h = 1e-2
    f = [_student(4.0 + k * h) for k in (-2, -1, 0, 1, 2)]
    return (f[0] - 8 * f[1] + 8 * f[3] - f[4]) / (12 * h), (-f[0] + 16 * f[1] - 30 * f[2] + 16 * f[3] - f[4]) / (
        12 * h * h
    )


@pytest.mark.parametrize("name", CASES)
def test_two_derivatives_through_a_sampler(name: str) -> None:
    make, f, at, *exact = CASES[name]
    first, second = _exact(name, *exact)
    t = gt.Variable(at, name="t")
    with gt.GradientTape() as tape:
        y = gt.expectation(f, make(t), samples=8000, seed=4, points="strata")
    assert y.estimator == "pathwise"
    told = y.derivatives(t, order=2, tape=tape)
    for key, truth in ((("t",), first), (("t", "t"), second)):
        assert abs(told[key].value - truth) <= 4.5 * told[key].stderr + 1e-5 * abs(truth), key
        assert told[key].stderr < 0.05 * abs(truth), key


def test_truncated_normal() -> None:
    at = [gt.Variable(v, name=n) for n, v in (("loc", 0.3), ("scale", 1.2), ("low", -0.5), ("high", 2.0))]
    with gt.GradientTape(persistent=True) as tape:
        y = gt.expectation(lambda z: z, law.TruncatedNormal(*at), samples=8000, seed=4, points="strata")
        exact = law.TruncatedNormal(*at).mean
    told = y.derivatives(at, order=2, tape=tape)
    hessian = tape.hessian(exact, at)
    gradient = tape.gradient(exact, at)
    for i, a in enumerate(at):
        assert abs(told[a.name].value - float(gradient[i])) < 4.5 * told[a.name].stderr + 1e-6
        for j, b in enumerate(at):
            if j >= i:
                one = told[a.name, b.name]
                assert abs(one.value - float(hessian[i][j])) < 4.5 * one.stderr + 1e-6, (a.name, b.name)


@pytest.mark.parametrize("rate", [0.4, 6.0])
def test_discrete_draws_by_their_score(rate: float) -> None:
    r = gt.Variable(rate, name="r")
    y = gt.expectation(lambda z: gt.astype(z, gt.float64) ** 2, law.Poisson(r), samples=40_000, seed=2)
    assert y.estimator == "score"
    told = y.derivatives(r, order=2)
    assert abs(told["r"].value - (1 + 2 * rate)) < 4 * told["r"].stderr
    assert abs(told["r", "r"].value - 2) < 4 * told["r", "r"].stderr


# -- points ------------------------------------------------------------------------------------------------------------


def _estimate(points: str, seed: int, samples: int = 1024) -> Any:
    s = gt.Variable(0.5, name="s")
    f = lambda z: gt.exp(s * gt.sum(z, axis=1) / 2.0)  # noqa: E731
    y = gt.expectation(f, law.Normal(np.zeros(4), 1.0), samples=samples, seed=seed, points=points)
    return y, y.derivatives(s)["s"]


@pytest.mark.parametrize("points", ["random", "antithetic", "strata", "sobol"])
def test_standard_errors_are_what_repetition_shows(points: str) -> None:
    found = [_estimate(points, seed) for seed in range(60)]
    truth, slope = np.exp(0.5**2 / 2), 0.5 * np.exp(0.5**2 / 2)
    for values, errors, exact in (
        ([float(y) for y, _ in found], [float(y.stderr) for y, _ in found], truth),
        ([float(d.value) for _, d in found], [float(d.stderr) for _, d in found], slope),
    ):
        spread = np.std(values)
        assert np.sqrt(np.mean(np.square(errors))) == pytest.approx(spread, rel=0.35)
        assert abs(np.mean(values) - exact) < 4 * spread / np.sqrt(60)


def test_which_points_have_less_error() -> None:
    errors = {kind: float(_estimate(kind, 1, 4096)[0].stderr) for kind in ("random", "antithetic", "strata", "sobol")}
    assert errors["antithetic"] < 0.5 * errors["random"]
    assert errors["strata"] < 0.5 * errors["random"]
    assert errors["sobol"] < 0.3 * errors["strata"]


def test_control_variates_have_their_own_derivatives() -> None:
    """An arithmetic Asian option, controlled by the geometric one, whose price has a formula."""
    s, sigma = gt.Variable(100.0, name="s"), gt.Variable(0.2, name="v")
    m, r = 12, 0.05
    times = np.arange(1, m + 1) / m

    def path(z: Any) -> Any:
        return s * gt.exp((r - 0.5 * sigma * sigma) * times + sigma * np.sqrt(1 / m) * gt.cumsum(z, axis=1))

    def arithmetic(z: Any) -> Any:
        return np.exp(-r) * gt.mean(path(z), axis=1)

    def geometric(z: Any) -> Any:
        return np.exp(-r) * gt.exp(gt.mean(gt.log(path(z)), axis=1))

    normal = law.Normal(np.zeros(m), 1.0)
    plain = gt.expectation(arithmetic, normal, samples=4000, seed=1)
    with gt.GradientTape() as tape:
        spread = sigma * np.sqrt(np.sum(np.minimum.outer(times, times))) / m
        exact = np.exp(-r) * gt.exp(gt.log(s) + (r - 0.5 * sigma * sigma) * np.mean(times) + 0.5 * spread * spread)
        y = gt.expectation(arithmetic, normal, samples=4000, seed=1, controls=[(geometric, exact)])
    truth = np.exp(-r) * 100.0 * np.mean(np.exp(r * times))
    assert abs(float(y) - truth) < 4 * float(y.stderr)
    assert float(y.stderr) < 0.1 * float(plain.stderr)
    told = y.derivatives([s, sigma], order=2, tape=tape)
    assert abs(told["s"].value - truth / 100.0) < 4 * told["s"].stderr
    assert abs(told["v"].value) < 4 * told["v"].stderr  # the mean of a forward does not depend on sigma
    assert abs(told["v", "v"].value) < 4 * told["v", "v"].stderr
    assert told["v"].stderr < 0.2 * plain.derivatives(sigma)["v"].stderr


def test_parts_fit_into_a_budget_and_progress_is_told() -> None:
    s, sigma = gt.Variable(100.0, name="s"), gt.Variable(0.2, name="v")
    seen: list[tuple[int, int, float, float]] = []

    def f(z: Any) -> Any:
        return gt.maximum(s * gt.exp(0.03 + sigma * z) - 100.0, 0.0)

    with gt.GradientTape() as second:
        with gt.GradientTape() as first:
            y = gt.expectation(
                f, law.Normal(), samples=20_000, seed=1, budget="100KB", progress=lambda *told: seen.append(told)
            )
        held = first.stats()["bytes"]
        delta = first.gradient(y, s)
    gamma = second.gradient(delta, s)
    whole = gt.expectation(f, law.Normal(), samples=20_000, seed=1)
    exact = whole.derivatives(s, order=2)
    told = y.derivatives(s, order=2)
    assert seen[-1][0] == seen[-1][1] >= 20_000
    assert len(seen) >= 16
    assert seen[-1][2] == pytest.approx(float(y))
    assert seen[-1][3] == pytest.approx(float(y.stderr))
    assert held < 100_000
    assert f"from {seen[-1][1]} paths" in repr(y)
    assert "preintegration" in repr(y)
    assert float(gamma) == pytest.approx(float(told["s", "s"].value), rel=1e-9)
    assert abs(float(gamma) - exact["s", "s"].value) < 5 * told["s", "s"].stderr
    assert abs(float(delta) - exact["s"].value) < 5 * told["s"].stderr
