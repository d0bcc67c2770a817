"""Derivatives of means over random draws, path by path: warned of where a kink or a jump is missed, and only there."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import gradtape as gt
from gradtape.explain import missed
from gradtape.record import draws

N = 20_000
Z = gt.random.default_rng(0).normal(size=N)
U = gt.random.default_rng(1).uniform(size=N)
K = 100.0


def told(call: Callable[[], Any]) -> list[warnings.WarningMessage]:
    """The warnings about kinks of a call."""
    with warnings.catch_warnings(record=True) as found:
        warnings.simplefilter("always")
        call()
    return [w for w in found if w.category is gt.KinkedExpectationWarning]


def orders(found: list[warnings.WarningMessage]) -> set[str]:
    return {str(w.message).split()[1] for w in found}


def terminal(s: Any, sigma: Any = 0.2, z: Any = Z) -> Any:
    return s * gt.exp(sigma * z - 0.5 * sigma**2)


def nested(f: Callable[[Any], Any], order: int) -> Any:
    """The derivative of that order by tapes within tapes, at 100."""
    x = gt.Variable(100.0)

    def derivative(order: int) -> Any:
        if order == 0:
            return f(x)
        with gt.GradientTape() as tape:
            y = derivative(order - 1)
        return tape.gradient(y, x, unconnected_gradients="zero")

    return derivative(order)


# -- which payoffs, and from which order on --------------------------------------------------------------------------

PAYOFFS: dict[str, tuple[Callable[[Any], Any], int | None]] = {
    "maximum": (lambda s: gt.maximum(s - K, 0.0), 2),
    "minimum": (lambda s: gt.minimum(K, s), 2),
    "where that is continuous": (lambda s: gt.where(s > K, s - K, 0.0), 2),
    "where of shifted branches": (lambda s: gt.where(s > K, 2.0 * s, s + K), 2),
    "mask": (lambda s: (s > K) * (s - K), 2),
    "hidden on one side": (lambda s: (s > K) * gt.maximum(s - K, 0.0), 2),
    "relu": (lambda s: gt.relu(s - K), 2),
    "leaky_relu": (lambda s: gt.leaky_relu(s - K), 2),
    "abs": (lambda s: abs(s - K), 2),
    "clip": (lambda s: gt.clip(s, 90.0, 110.0), 2),
    "max of a row": (lambda s: gt.max(gt.stack([s, 0.5 * s + 50.0], axis=1), axis=1), 2),
    "sort": (lambda s: gt.sort(gt.stack([s, 0.5 * s + 50.0], axis=1), axis=1)[:, 1], 2),
    "digital": (lambda s: gt.where(s > K, 1.0, 0.0 * s), 1),
    "mask of something else": (lambda s: (s > K) * s, 1),
    "floor": (lambda s: gt.floor(s / 10.0) * s, 1),
    "remainder": (lambda s: s % 10.0, 1),
    "sign": (lambda s: gt.sign(s - K) * s, 1),
    "squared": (lambda s: gt.maximum(s - K, 0.0) ** 2, 3),
    "smooth": (lambda s: s**2, None),
    "logsumexp": (lambda s: gt.logsumexp(gt.stack([s, 0.0 * s + K]), axis=0), None),
    "softplus": (lambda s: gt.softplus(s - K), None),
    "smooth on both sides": (lambda s: gt.where(s > K, (s - K) ** 3, 0.0), None),
    "far away": (lambda s: gt.maximum(s - 1e4, 0.0) + s, None),
    "never crossed": (lambda s: gt.where(s > 0.0, gt.log(s), -1.0), None),
    "at the end of the draws": (lambda s: gt.where(s * U > 0.0, s * U, -50.0), None),
    "a condition on draws alone": (lambda s: s * (Z > 0.0), None),
    "not of the source": (lambda s: s * gt.maximum(Z, 0.0), None),
    "held": (lambda s: s * gt.stop_gradient(gt.maximum(s - K, 0.0)), None),
    "of a mean": (lambda s: gt.maximum(gt.mean(s) - 100.5, 0.0), None),
    "only looked at": (lambda s: (gt.mean(s > K), s)[1], None),
}


@pytest.mark.parametrize("name", PAYOFFS)
def test_which_orders_are_wrong(name: str) -> None:
    payoff, first = PAYOFFS[name]
    for order in (1, 2, 3):
        found = orders(told(lambda order=order: nested(lambda x: gt.mean(payoff(terminal(x))), order)))
        if first is None or order < first:
            assert found == set(), order
        elif order == first:
            assert found == {["first", "second", "third"][order - 1]}


def test_the_slope_of_a_cubic_choice_jumps_at_order_four() -> None:
    f = PAYOFFS["smooth on both sides"][0]
    assert orders(told(lambda: nested(lambda x: gt.mean(f(terminal(x))), 4))) == {"4th"}


def mean_of(f: Callable[[Any], Any]) -> Callable[[Any], Any]:
    return lambda x: gt.mean(f(x * Z[:3000] + 0.1))


D = gt.stochastic
LIBRARY: dict[str, Callable[[Any], Any]] = {
    "softplus": mean_of(gt.softplus),
    "gelu": mean_of(gt.gelu),
    "silu": mean_of(gt.silu),
    "sigmoid": mean_of(gt.sigmoid),
    "log_ndtr": mean_of(gt.special.log_ndtr),
    "erf": mean_of(gt.special.erf),
    "dawsn": mean_of(gt.special.dawsn),
    "gammaln": mean_of(lambda y: gt.special.gammaln(gt.exp(0.5 * y))),
    "betainc": mean_of(lambda y: gt.special.betainc(2.0, 3.0, gt.sigmoid(y))),
    "softmax": mean_of(lambda y: gt.softmax(y.reshape(-1, 5), axis=1)[:, 0]),
    "norm": mean_of(lambda y: gt.linalg.norm(y.reshape(-1, 5), axis=1)),
    "prod": mean_of(lambda y: gt.prod(y.reshape(-1, 5), axis=1)),
    "inverse": mean_of(lambda y: gt.linalg.inv(9.0 * gt.eye(2) + y.reshape(-1, 2, 2))),
    "Student's distribution function": mean_of(D.StudentT(4.0).cdf),
    "von Mises' distribution function": mean_of(lambda y: D.VonMises(0.0, 2.0).cdf(0.3 * y)),
    "Wald's distribution function": mean_of(lambda y: D.InverseGaussian(1.0, 2.0).cdf(gt.exp(y))),
    "a log density": lambda x: gt.mean(D.TruncatedNormal(0.0, x, -2.0, 2.0).log_prob(gt.tanh(x * Z))),
    "a truncated normal": lambda x: gt.mean(D.TruncatedNormal(x, 1.0, -1.0, 2.0).sample(3000, seed=1) ** 2),
    "Laplace": lambda x: gt.mean(D.Laplace(0.0, x).sample(3000, seed=1) ** 2),
    "Beta": lambda x: gt.mean(D.Beta(x, 2.0).sample(1000, seed=1) ** 2),
}


@pytest.mark.parametrize("name", LIBRARY)
def test_smooth_functions_whose_own_code_compares(name: str) -> None:
    f = LIBRARY[name]
    assert told(lambda: gt.grad(gt.grad(f))(1.3)) == []
    assert told(lambda: gt.derivative(f, 2)(1.3)) == []


# -- every way to ask ------------------------------------------------------------------------------------------------


def call(s: Any, sigma: Any = 0.2) -> Any:
    return gt.mean(gt.maximum(terminal(s, sigma) - K, 0.0))


def smooth(s: Any, sigma: Any = 0.2) -> Any:
    return gt.mean(terminal(s, sigma) ** 2)


def digital(s: Any, sigma: Any = 0.2) -> Any:
    return gt.mean(gt.where(terminal(s, sigma) > K, 1.0, 0.0 * s))


def within(s: Any, sigma: Any = 0.2) -> Any:
    """The draws are made inside."""
    return gt.sum(gt.maximum(terminal(s, sigma, gt.random.default_rng(0).normal(size=N)) - K, 0.0))


def looped(s: Any, sigma: Any = 0.2) -> Any:
    rng, total = gt.random.default_rng(0), 0.0
    for _ in range(200):
        total = total + gt.maximum(terminal(s, sigma, rng.normal()) - K, 0.0)
    return total / 200


def scanned(s: Any, sigma: Any = 0.2) -> Any:
    z = gt.random.default_rng(0).normal(size=(5, 5000))
    last, _ = gt.scan(lambda s, z: (s * gt.exp(0.1 * sigma * z), None), s * gt.ones(5000), z)
    return gt.mean(gt.maximum(last - K, 0.0))


def whiled(s: Any, sigma: Any = 0.2) -> Any:
    z = gt.random.default_rng(0).normal(size=(5, 5000))
    state = (0, s * gt.ones(5000))
    _, last = gt.while_loop(lambda c: c[0] < 5, lambda c: (c[0] + 1, c[1] * gt.exp(0.1 * sigma * z[c[0]])), state)
    return gt.mean(gt.maximum(last - K, 0.0))


def branched(s: Any, sigma: Any = 0.2) -> Any:
    return gt.cond(s > 0.0, lambda: call(s, sigma), lambda: smooth(s, sigma))


def checkpointed(s: Any, sigma: Any = 0.2) -> Any:
    return gt.checkpoint(call)(s, sigma)


def batched(s: Any, sigma: Any = 0.2) -> Any:
    return gt.mean(gt.vmap(lambda z: gt.maximum(terminal(s, sigma, z) - K, 0.0))(Z))


def second_tape(f: Any) -> Any:
    s = gt.Variable(100.0)
    with gt.GradientTape() as tape:
        y = f(s)
    return tape.derivative(y, s, 2)


def tape_jacobian(f: Any) -> Any:
    s = gt.Variable(100.0)
    with gt.GradientTape() as outer:
        with gt.GradientTape() as inner:
            y = f(s)
        g = inner.gradient(y, s)
    return outer.jacobian(g, s)


def tape_jvp(f: Any) -> Any:
    s = gt.Variable(100.0)
    with gt.GradientTape() as outer:
        with gt.GradientTape() as inner:
            y = f(s)
        g = inner.gradient(y, s)
    return outer.jvp(g, s, 1.0)


FIRST: dict[str, Callable[[Any], Any]] = {
    "grad": lambda f: gt.grad(f)(100.0),
    "jvp": lambda f: gt.jvp(f, (100.0,), (1.0,)),
    "jacfwd": lambda f: gt.jacfwd(f)(100.0),
    "derivative": lambda f: gt.derivative(f)(100.0),
    "compiled": lambda f: gt.grad(gt.function(f))(100.0),
    "compiled jvp": lambda f: gt.jvp(gt.function(f), (100.0,), (1.0,)),
}
SECOND: dict[str, Callable[[Any], Any]] = {
    "grad of grad": lambda f: gt.grad(gt.grad(f))(100.0),
    "hessian": lambda f: gt.hessian(f)(100.0),
    "hessian of two": lambda f: gt.hessian(f, argnums=(0, 1))(100.0, 0.2),
    "hvp": lambda f: gt.hvp(f, 100.0, 1.0),
    "jvp of grad": lambda f: gt.jvp(gt.grad(f), (100.0,), (1.0,)),
    "grad of jvp": lambda f: gt.grad(lambda s: gt.jvp(f, (s,), (1.0,))[1])(100.0),
    "jvp of jvp": lambda f: gt.jvp(lambda s: gt.jvp(f, (s,), (1.0,))[1], (100.0,), (1.0,)),
    "jacfwd of jacrev": lambda f: gt.jacfwd(gt.jacrev(f))(100.0),
    "derivative": lambda f: gt.derivative(f, 2)(100.0),
    "jet": lambda f: gt.jet(f, (100.0,), ([1.0, 0.0],)),
    "partial": lambda f: gt.partial(f, (1, 1))(100.0, 0.2),
    "laplacian": lambda f: gt.laplacian(f)(100.0),
    "hessian_operator": lambda f: gt.hessian_operator(f, 100.0),
    "tape.derivative": second_tape,
    "tape.jacobian": tape_jacobian,
    "tape.jvp": tape_jvp,
    "compiled": lambda f: gt.grad(gt.grad(gt.function(f)))(100.0),
    "compiled gradient": lambda f: gt.grad(gt.function(gt.grad(f)))(100.0),
    "compiled whole": lambda f: gt.function(gt.grad(gt.grad(f)))(100.0),
    "compiled derivative": lambda f: gt.derivative(gt.function(f), 2)(100.0),
}


@pytest.mark.parametrize("way", FIRST)
def test_the_first_derivative_in_every_mode(way: str) -> None:
    assert orders(told(lambda: FIRST[way](digital))) == {"first"}
    assert told(lambda: FIRST[way](call)) == []
    assert told(lambda: FIRST[way](smooth)) == []


@pytest.mark.parametrize("way", SECOND)
def test_the_second_derivative_in_every_mode(way: str) -> None:
    assert orders(told(lambda: SECOND[way](call))) == {"second"}
    assert told(lambda: SECOND[way](smooth)) == []


@pytest.mark.parametrize("way", ["grad of grad", "jvp of jvp", "derivative", "compiled"])
@pytest.mark.parametrize("f", [within, scanned, whiled, branched, checkpointed, batched])
def test_wherever_the_draws_are_made(f: Any, way: str) -> None:
    assert orders(told(lambda: SECOND[way](f))) == {"second"}


def test_a_loop_over_paths() -> None:
    assert orders(told(lambda: gt.grad(gt.grad(looped))(100.0))) == {"second"}
    assert told(lambda: gt.grad(looped)(100.0)) == []


def test_cross_derivatives() -> None:
    """Vanna: delta jumps, whatever it is differentiated by next."""
    s, sigma = gt.Variable(100.0), gt.Variable(0.2)

    def vanna() -> Any:
        with gt.GradientTape() as outer:
            with gt.GradientTape() as inner:
                y = call(s, sigma)
            delta = inner.gradient(y, s)
        return outer.gradient(delta, sigma)

    assert orders(told(vanna)) == {"second"}


def test_a_barrier_jumps_and_kinks() -> None:
    def barrier(s: Any) -> Any:
        z = gt.random.default_rng(0).normal(size=(4, 5000))
        alive: Any = 1.0
        for k in range(4):
            s = s * gt.exp(0.1 * z[k])
            alive = alive * (s > 95.0)
        return gt.mean(alive * gt.maximum(s - K, 0.0))

    found = told(lambda: gt.grad(barrier)(100.0))
    assert [str(w.message).split()[1] for w in found] == ["first"]
    assert "s > 95.0" in str(found[0].message)


# -- where draws come from -------------------------------------------------------------------------------------------


def price_at(z: Any) -> list[warnings.WarningMessage]:
    return told(lambda: gt.grad(gt.grad(lambda s: gt.mean(gt.maximum(terminal(s, 0.2, z) - K, 0.0))))(100.0))


def test_numbers_of_other_libraries_are_draws_when_one_says_so() -> None:
    z = np.random.default_rng(0).normal(size=N)
    assert price_at(z) == []
    assert len(price_at(gt.random.as_draws(z))) == 1
    assert price_at(0.5 * Z) == []  # made before the tape opened, so it did not see of what
    assert len(price_at(gt.random.as_draws(0.5 * Z))) == 1


def test_draws_that_are_data_are_told() -> None:
    assert price_at(gt.asarray(np.asarray(Z))) == []


@pytest.mark.parametrize("name", ["Normal", "StudentT", "Gamma"])
def test_distributions(name: str) -> None:
    d = {"Normal": gt.stochastic.Normal(), "StudentT": gt.stochastic.StudentT(5.0), "Gamma": gt.stochastic.Gamma(2.0)}
    z = d[name].sample((5000,), seed=0)
    assert len(told(lambda: gt.grad(gt.grad(lambda s: gt.mean(gt.maximum(s * z - 1.0, 0.0))))(1.0))) == 1


def test_through_a_sampler_from_its_parameter() -> None:
    def f(shape: Any) -> Any:
        return gt.mean(gt.maximum(gt.stochastic.Gamma(shape).sample((5000,), seed=0) - 2.0, 0.0))

    assert told(lambda: gt.grad(f)(2.0)) == []
    assert orders(told(lambda: gt.grad(gt.grad(f))(2.0))) == {"second"}


def test_a_random_point_is_no_draw_to_average_over() -> None:
    x = gt.random.default_rng(0).normal(size=200)
    assert told(lambda: gt.hvp(lambda x: gt.sum(gt.relu(x) * x[::-1]), x, gt.ones(200))) == []
    with gt.GradientTape() as tape:
        y = gt.sum(gt.relu(x) * x[::-1])
    assert told(lambda: tape.hvp(y, x, np.ones(200))) == []


def test_random_weights_are_parameters() -> None:
    rng = gt.random.default_rng(0)
    x = np.random.default_rng(1).normal(size=(64, 8))
    with gt.GradientTape() as tape:
        w, b = gt.Variable(rng.normal(size=(8, 16))), gt.Variable(np.zeros(16))
        y = gt.mean(gt.relu(x @ w + b) ** 1.0)
    assert told(lambda: tape.hessian(y, b)) == []


def test_networks_with_noise_at_first_order() -> None:
    rng = gt.random.default_rng(0)
    w, v = gt.Variable(rng.normal(size=(8, 16))), gt.Variable(rng.normal(size=(16, 1)))
    x = np.random.default_rng(1).normal(size=(128, 8))

    def loss() -> Any:
        hidden = gt.relu((x + rng.normal(size=x.shape)) @ w)
        kept = hidden * rng.bernoulli(0.5, size=hidden.shape)
        return gt.mean(gt.maximum(kept @ v, 0.0))

    def train() -> Any:
        with gt.GradientTape() as tape:
            y = loss()
        return tape.gradient(y, [w, v])

    assert told(train) == []
    with gt.GradientTape() as tape:
        y = loss()
    vectors = [np.ones(w.shape), np.ones(v.shape)]
    assert orders(told(lambda: tape.hvp(y, [w, v], vectors))) == {"second"}


def test_a_few_draws_are_no_expectation() -> None:
    z = gt.random.default_rng(0).normal(size=10)
    assert price_at(z) == []


# -- what is told ----------------------------------------------------------------------------------------------------


def test_the_line_the_order_and_the_remedy() -> None:
    def price(s: Any) -> Any:
        end = terminal(s)
        return gt.mean(gt.maximum(end - K, 0.0))

    with pytest.warns(gt.KinkedExpectationWarning) as found:
        gt.grad(gt.grad(price))(100.0)
    (one,) = found
    assert one.filename == __file__
    assert one.lineno == price.__code__.co_firstlineno + 2
    text = str(one.message)
    assert "second derivative" in text
    assert "gt.maximum(end - K, 0.0)" in text
    assert "gt.expectation" in text


def test_once_a_line() -> None:
    with warnings.catch_warnings(record=True) as found:
        warnings.simplefilter("default")
        for _ in range(3):
            gt.grad(gt.grad(call))(100.0)
    assert len(found) == 1


def test_strict_tapes_raise() -> None:
    s = gt.Variable(100.0)
    with gt.GradientTape(strict=True) as tape:
        y, z = call(s), smooth(s)
    assert told(lambda: tape.gradient(y, s)) == []
    with pytest.raises(gt.KinkedExpectationWarning, match="second"):
        tape.hvp(y, s, 1.0)
    assert abs(tape.hvp(z, s, 1.0) - 2 * np.exp(0.04)) < 0.1


def test_the_answer_is_what_it_was() -> None:
    """Looking changes nothing, neither the value nor the record."""
    s = gt.Variable(100.0)
    with gt.GradientTape() as outer:
        with gt.GradientTape() as inner:
            y = digital(s) + call(s)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            g = inner.gradient(y, s)
        before = outer.stats()["entries"]
    held = gt.asarray(np.asarray(Z))
    end = 100.0 * np.exp(0.2 * held.numpy() - 0.02)
    assert abs(g - np.mean((end > K) * end / 100.0)) < 1e-12
    assert outer.stats()["entries"] == before


# -- gt.expectation takes care ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("estimator", ["auto", "score", "pathwise-then-score", "preintegration", "pathwise"])
def test_expectation(estimator: str) -> None:
    def price(s: Any) -> Any:
        return gt.expectation(
            lambda z: gt.maximum(terminal(s, 0.2, z) - K, 0.0),
            gt.stochastic.Normal(),
            samples=2000,
            seed=1,
            estimator=estimator,
        )

    expected = {"second"} if estimator == "pathwise" else set()
    assert orders(told(lambda: gt.grad(gt.grad(price))(100.0))) == expected
    assert orders(told(lambda: gt.jvp(gt.grad(price), (100.0,), (1.0,)))) == expected
    assert orders(told(lambda: gt.grad(gt.grad(gt.grad(price)))(100.0))) - {"third"} == expected


def test_an_estimator_that_does_not_fit_is_not_passed() -> None:
    """Two crossings along one coordinate: which is the later one changes from path to path, so its place has a kink."""

    def either(s: Any) -> Any:
        def payoff(z: Any) -> Any:
            one, other = terminal(s, 0.2, z[:, 0] + 0.5 * z[:, 1]), terminal(s, 0.3, z[:, 0] - 0.5 * z[:, 1])
            return gt.where(one > K, gt.where(other > K, 1.0, 0.0), 0.0)

        normal = gt.stochastic.Normal(np.zeros(2), 1.0)
        return gt.expectation(payoff, normal, samples=4000, seed=0, estimator="preintegration", coordinate=0)

    with warnings.catch_warnings():
        warnings.simplefilter("error", gt.KinkedExpectationWarning)
        with pytest.raises((gt.KinkedExpectationWarning, gt.GradtapeError)):
            gt.grad(gt.grad(either))(100.0)


# -- cost ------------------------------------------------------------------------------------------------------------


def test_what_was_smooth_is_not_tried_every_time(monkeypatch: pytest.MonkeyPatch) -> None:
    tried: list[Any] = []
    whole = missed.jumps
    monkeypatch.setattr(missed, "jumps", lambda *args: (tried.append(args), whole(*args))[1])

    def train(strict: bool = False) -> None:
        s = gt.Variable(100.0)
        with gt.GradientTape(strict=strict) as tape:
            end = terminal(s)
            y = gt.mean(gt.where(end > K, end - K, 0.0))
        tape.gradient(y, s)

    for _ in range(64):
        train()
    assert 4 <= len(tried) <= 8
    tried.clear()
    for _ in range(5):
        train(strict=True)
    assert len(tried) == 5


def test_without_draws_nothing_is_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(draws, "_seen", [False])
    monkeypatch.setattr(missed, "holds", lambda *_: pytest.fail("looked"))
    assert gt.grad(gt.grad(lambda x: gt.sum(gt.relu(x * np.ones(100)))))(1.0) == 0.0
    assert gt.jvp(gt.relu, (1.0,), (1.0,))[1] == 1.0
