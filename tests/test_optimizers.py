"""Optimizers: steps against closed forms, and derivatives through steps, of first and second order."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import gradtape as gt
from gradtape.errors import GradtapeWarning
from gradtape.state import initializers, layers, losses, optimizers, random, schedules
from gradtape.state.module import Module
from gradtape.state.optimizers import SGD, Adagrad, Adam, AdamW, Optimizer, RMSprop

GRADIENTS = [np.array([0.3, -2.0, 0.0]), np.array([-0.1, 0.5, 1.0]), np.array([0.7, 0.0, -0.2])]
START = np.array([1.0, -2.0, 0.5])


def steps(optimizer: Optimizer) -> np.ndarray:
    w = gt.Variable(START)
    for g in GRADIENTS:
        optimizer.apply_gradients([(gt.asarray(g), w)])
    assert int(optimizer.iterations) == len(GRADIENTS)
    return w.numpy()


def sgd(rate: float, momentum: float, nesterov: bool, decay: float) -> np.ndarray:
    w, m = START.copy(), np.zeros(3)
    for g in GRADIENTS:
        w -= decay * rate * w
        m = momentum * m - rate * g
        w += momentum * m - rate * g if nesterov else m
    return w


def adam(rate: float, b1: float, b2: float, epsilon: float, decay: float = 0.0) -> np.ndarray:
    w, m, v = START.copy(), np.zeros(3), np.zeros(3)
    for t, g in enumerate(GRADIENTS, 1):
        m, v = b1 * m + (1 - b1) * g, b2 * v + (1 - b2) * g**2
        w = w - decay * rate * w - rate * np.sqrt(1 - b2**t) / (1 - b1**t) * m / (np.sqrt(v) + epsilon)
    return w


def rmsprop(rate: float, rho: float, momentum: float, epsilon: float, centered: bool) -> np.ndarray:
    w, v, a, m = START.copy(), np.zeros(3), np.zeros(3), np.zeros(3)
    for g in GRADIENTS:
        v, a = rho * v + (1 - rho) * g**2, rho * a + (1 - rho) * g
        m = momentum * m + rate * g / np.sqrt(v - (a**2 if centered else 0) + epsilon)
        w -= m
    return w


def adagrad(rate: float, start: float, epsilon: float) -> np.ndarray:
    w, a = START.copy(), np.full(3, start)
    for g in GRADIENTS:
        a += g**2
        w -= rate * g / np.sqrt(a + epsilon)
    return w


@pytest.mark.parametrize(
    ("optimizer", "expected"),
    [
        (SGD(0.1), sgd(0.1, 0.0, False, 0.0)),
        (SGD(0.1, momentum=0.9), sgd(0.1, 0.9, False, 0.0)),
        (SGD(0.1, momentum=0.9, nesterov=True), sgd(0.1, 0.9, True, 0.0)),
        (SGD(0.1, momentum=0.9, weight_decay=0.05), sgd(0.1, 0.9, False, 0.05)),
        (Adam(0.1), adam(0.1, 0.9, 0.999, 1e-7)),
        (AdamW(0.1, weight_decay=0.3), adam(0.1, 0.9, 0.999, 1e-7, 0.3)),
        (RMSprop(0.1), rmsprop(0.1, 0.9, 0.0, 1e-7, False)),
        (RMSprop(0.1, momentum=0.5, centered=True), rmsprop(0.1, 0.9, 0.5, 1e-7, True)),
        (Adagrad(0.1), adagrad(0.1, 0.1, 1e-7)),
    ],
    ids=["sgd", "momentum", "nesterov", "sgd-decay", "adam", "adamw", "rmsprop", "rmsprop-centered", "adagrad"],
)
def test_steps_are_the_formulas(optimizer: Optimizer, expected: np.ndarray) -> None:
    np.testing.assert_allclose(steps(optimizer), expected, rtol=1e-12, atol=1e-15)


def test_amsgrad_never_forgets_the_largest() -> None:
    w = gt.Variable(0.0)
    optimizer = Adam(1.0, beta_1=0.0, beta_2=0.5, epsilon=0.0, amsgrad=True)
    for g in (4.0, 1.0):
        optimizer.apply_gradients([(gt.asarray(g), w)])
    # v is 8, then 4.5 but 8 is kept; corrections sqrt(0.5) and sqrt(0.75)
    np.testing.assert_allclose(w.numpy(), -np.sqrt(0.5) * 4 / np.sqrt(8) - np.sqrt(0.75) / np.sqrt(8), rtol=1e-12)


def after_one_step(make: Callable[[Any], Optimizer], hyper: Any, w0: float, first_order: bool = False) -> Any:
    """The derivatives of L = (w - 3)^2 after one step on w^2, with respect to the start."""
    w = gt.Variable(w0)
    with gt.GradientTape() as outer:
        with gt.GradientTape() as inner:
            loss = w * w
        make(hyper).apply_gradients([(inner.gradient(loss, w), w)], first_order=first_order)
        after = (w - 3.0) ** 2
    return outer, after, w


def test_derivative_through_a_step() -> None:
    outer, after, w = after_one_step(SGD, 0.1, 1.0)
    np.testing.assert_allclose(outer.gradient(after, w).numpy(), 2 * (0.8 - 3) * 0.8, rtol=1e-12)  # -3.52


def test_first_order_mode_holds_the_gradients() -> None:
    outer, after, w = after_one_step(SGD, 0.1, 1.0, first_order=True)
    np.testing.assert_allclose(outer.gradient(after, w).numpy(), 2 * (0.8 - 3), rtol=1e-12)  # -4.4


@pytest.mark.parametrize("kind", ["tensor", "variable"])
def test_learning_rate_has_first_and_second_derivatives(kind: str) -> None:
    rate: Any = gt.asarray(0.1) if kind == "tensor" else gt.Variable(0.1)
    outer, after, _ = after_one_step(SGD, rate, 1.0)
    # L = (w0 (1 - 2 r) - 3)^2
    np.testing.assert_allclose(outer.gradient(after, rate).numpy(), 2 * (0.8 - 3) * -2, rtol=1e-12)
    np.testing.assert_allclose(outer.hessian(after, rate).numpy(), 8.0, rtol=1e-12)


def numerically(f: Callable[[float], float], x: float, order: int, h: float = 1e-3) -> float:
    """Extrapolated central differences."""

    def once(h: float) -> float:
        if order == 1:
            return (f(x + h) - f(x - h)) / (2 * h)
        return (f(x + h) - 2 * f(x) + f(x - h)) / h**2

    return (4 * once(h / 2) - once(h)) / 3


HYPERS: list[tuple[str, float, Callable[[Any], Optimizer]]] = [
    ("sgd rate", 0.1, lambda h: SGD(h)),
    ("sgd momentum", 0.8, lambda h: SGD(0.1, momentum=h)),
    ("nesterov momentum", 0.8, lambda h: SGD(0.1, momentum=h, nesterov=True)),
    ("sgd decay", 0.3, lambda h: SGD(0.1, weight_decay=h)),
    ("adam rate", 0.1, lambda h: Adam(h)),
    ("adam beta_1", 0.7, lambda h: Adam(0.1, beta_1=h)),
    ("adam beta_2", 0.8, lambda h: Adam(0.1, beta_2=h)),
    ("adam epsilon", 0.1, lambda h: Adam(0.1, epsilon=h)),
    ("adamw decay", 0.2, lambda h: AdamW(0.1, weight_decay=h)),
    ("rmsprop rho", 0.7, lambda h: RMSprop(0.1, rho=h)),
    ("rmsprop momentum", 0.4, lambda h: RMSprop(0.1, momentum=h)),
    ("adagrad rate", 0.2, lambda h: Adagrad(h)),
    ("schedule rate", 0.6, lambda h: SGD(schedules.ExponentialDecay(0.2, 1, h))),
]


@pytest.mark.parametrize(("value", "make"), [h[1:] for h in HYPERS], ids=[h[0] for h in HYPERS])
def test_every_hyper_parameter_has_its_derivatives(value: float, make: Callable[[Any], Optimizer]) -> None:
    def trained(hyper: Any) -> Any:
        w, optimizer = gt.Variable([1.5, -0.5]), make(hyper)
        for _ in range(3):
            with gt.GradientTape() as tape:
                loss = gt.sum(w * w * w * w) + w[0] * w[1]
            optimizer.apply_gradients([(tape.gradient(loss, w), w)])
        return gt.sum((w - 2.0) ** 2)

    def plain(hyper: float) -> float:
        return float(trained(hyper))

    hyper = gt.Variable(value)
    with gt.GradientTape() as tape:
        after = trained(hyper)
    np.testing.assert_allclose(float(tape.gradient(after, hyper)), numerically(plain, value, 1), rtol=2e-6, atol=1e-9)
    np.testing.assert_allclose(float(tape.hessian(after, hyper)), numerically(plain, value, 2), rtol=2e-4, atol=1e-6)


@pytest.mark.parametrize("make", [Adam, AdamW, RMSprop, Adagrad])
def test_a_zero_gradient_gives_finite_derivatives(make: Callable[..., Optimizer]) -> None:
    rate, w = gt.Variable(0.1), gt.Variable([0.0, 1.0])
    with gt.GradientTape() as outer:
        optimizer = make(rate)
        for _ in range(2):
            with gt.GradientTape() as inner:
                loss = gt.sum(w * w)  # its gradient at the first weight is 0
            optimizer.apply_gradients([(inner.gradient(loss, w), w)])
        after = gt.sum(w * w)
    for source in (rate, w):
        assert np.isfinite(outer.gradient(after, source).numpy()).all()
        assert np.isfinite(outer.hessian(after, source).numpy()).all()


def test_adam_at_a_zero_gradient_has_the_true_slope() -> None:
    # The first step is -rate g / (|g| + e'), e' = epsilon / sqrt(1 - beta_2): its slope at g = 0 is -rate / e'.
    g = gt.asarray(0.0)
    with gt.GradientTape() as tape:
        w = gt.Variable(0.0)
        Adam(0.1, epsilon=0.5).apply_gradients([(g * 1.0, w)])
        y = w * 1.0
    np.testing.assert_allclose(tape.gradient(y, g).numpy(), -0.1 * np.sqrt(1 - 0.999) / 0.5, rtol=1e-12)


def test_momenta_are_variables_with_derivatives() -> None:
    optimizer, w = SGD(0.1, momentum=0.9), gt.Variable(1.0)
    optimizer.apply_gradients([(gt.asarray(1.0), w)])
    (momentum,) = optimizer.slots[w].values()
    assert not momentum.trainable
    assert momentum in optimizer.variables
    with gt.GradientTape() as tape:
        optimizer.apply_gradients([(gt.asarray(1.0), w)])
        y = w * w
    np.testing.assert_allclose(tape.gradient(y, momentum).numpy(), 2 * w.numpy() * 0.9, rtol=1e-12)


def test_float32_weights_stay_float32() -> None:
    w = gt.Variable(np.float32(1.0))
    optimizer = Adam(gt.asarray(0.1), weight_decay=gt.asarray(0.1))
    optimizer.apply_gradients([(gt.asarray(np.float32(2.0)), w)])
    assert w.dtype == np.float32
    assert all(s.dtype == np.float32 for s in optimizer.slots[w].values())


def test_minimize_takes_a_function_or_a_tape() -> None:
    w = gt.Variable(4.0)
    SGD(0.25).minimize(lambda: w * w, [w])
    assert w.numpy() == 2.0
    with gt.GradientTape() as tape:
        loss = w * w
    SGD(0.25).minimize(loss, w, tape)
    assert w.numpy() == 1.0
    with pytest.raises(TypeError, match="needs the tape"):
        SGD(0.25).minimize(loss, w)


def test_update_is_a_pure_function_of_trees() -> None:
    params = {"a": gt.asarray(START), "b": [gt.asarray(2.0)]}
    optimizer = Adam(0.1)
    state = optimizer.init(params)
    for g in GRADIENTS:
        changes, state = optimizer.update({"a": gt.asarray(g), "b": [gt.asarray(1.0)]}, state, params)
        params = {"a": params["a"] + changes["a"], "b": [params["b"][0] + changes["b"][0]]}
    np.testing.assert_allclose(params["a"].numpy(), adam(0.1, 0.9, 0.999, 1e-7), rtol=1e-12)
    assert int(state["step"]) == 3
    assert int(optimizer.iterations) == 0


def test_clipping() -> None:
    def stepped(**options: Any) -> list[np.ndarray]:
        a, b = gt.Variable([0.0, 0.0]), gt.Variable(0.0)
        SGD(1.0, **options).apply_gradients([(gt.asarray([3.0, 4.0]), a), (gt.asarray(12.0), b)])
        return [-a.numpy(), -b.numpy()]

    np.testing.assert_allclose(stepped(clipnorm=1.0)[0], [0.6, 0.8])
    np.testing.assert_allclose(stepped(clipvalue=3.5)[0], [3.0, 3.5])
    a, b = stepped(global_clipnorm=6.5)
    np.testing.assert_allclose(a, [1.5, 2.0])
    np.testing.assert_allclose(b, 6.0)
    np.testing.assert_allclose(stepped(global_clipnorm=100.0)[1], 12.0)


def test_what_cannot_be_done_is_said_early() -> None:
    w, other = gt.Variable(1.0, name="w"), gt.Variable(2.0, name="other")
    optimizer = SGD(0.1)
    with pytest.raises(ValueError, match="no gradient for any variable"):
        optimizer.apply_gradients([(None, w)])
    with pytest.raises(TypeError, match="is not a Variable"):
        optimizer.apply_gradients([(w, gt.asarray(1.0))])
    assert int(optimizer.iterations) == 0
    with pytest.warns(GradtapeWarning, match="other"):
        optimizer.apply_gradients([(gt.asarray(1.0), w), (None, other)])
    np.testing.assert_allclose([w.numpy(), other.numpy()], [0.9, 2.0])


def test_copies_are_differentiable_and_keep_their_optimizer() -> None:
    class Net(Module):
        def __init__(self) -> None:
            self.w = gt.Variable(2.0)
            self.more = {"list": [gt.Variable(3.0, name="v")]}

    net = Net()
    with gt.GradientTape() as tape:
        twin, severed = copy.deepcopy(net), net.clone(detach=True)
        y = twin.w * twin.more["list"][0] + severed.w * 100.0
    assert [float(g) for g in tape.gradient(y, net.trainable_variables)] == [3.0, 2.0]
    assert twin.more["list"][0].name == "v"
    optimizer = Adam(0.1)
    optimizer.apply_gradients([(gt.asarray(1.0), net.w)])
    twin, other = copy.deepcopy((net, optimizer))
    assert set(other.slots) == {twin.w}
    assert set(optimizer.clone().slots) == {net.w}  # a copy of the optimizer alone goes on with the same weights


def test_set_weights_keeps_history() -> None:
    net, x = Module(), gt.asarray(2.0)
    net.w = gt.Variable(1.0)  # type: ignore[attr-defined]
    with gt.GradientTape() as tape:
        net.set_weights([x * 3.0])
        y = net.w * net.w  # type: ignore[attr-defined]
    np.testing.assert_allclose(tape.gradient(y, x).numpy(), 36.0)
    with pytest.raises(ValueError, match="2 weights for the 1"):
        net.set_weights([1.0, 2.0])
    with pytest.raises(ValueError, match="expected shape"):
        net.set_weights([[1.0, 2.0]])


@pytest.mark.parametrize("name", sorted(optimizers.by_name))
def test_memory_stays_flat_over_steps(name: str) -> None:
    w, optimizer = gt.Variable([1.0, 2.0]), optimizers.by_name[name](0.01)
    for _ in range(50):
        with gt.GradientTape() as tape:
            loss = gt.sum(w * w)
        optimizer.apply_gradients([(tape.gradient(loss, w), w)])
    assert len(optimizer.variables) == 1 + len(optimizer.slots[w])
    with gt.GradientTape() as tape:
        optimizer.apply_gradients([(gt.asarray([1.0, 1.0]), w)])
    assert tape.stats()["entries"] < 60


@pytest.mark.parametrize(
    ("schedule", "expected"),
    [
        (schedules.ExponentialDecay(0.8, 2, 0.5), [0.8, 0.8 * 0.5**0.5, 0.4, 0.8 * 0.5**1.5]),
        (schedules.ExponentialDecay(0.8, 2, 0.5, staircase=True), [0.8, 0.8, 0.4, 0.4]),
        (schedules.InverseTimeDecay(1.0, 1, 0.5), [1.0, 1 / 1.5, 0.5, 0.4]),
        (schedules.CosineDecay(1.0, 2, alpha=0.1), [1.0, 0.55, 0.1, 0.1]),
        (schedules.PolynomialDecay(1.0, 2, 0.0, power=2.0), [1.0, 0.25, 0.0, 0.0]),
        (schedules.PiecewiseConstantDecay([1, 2], [3.0, 2.0, 1.0]), [3.0, 3.0, 2.0, 1.0]),
    ],
    ids=["exponential", "staircase", "inverse-time", "cosine", "polynomial", "piecewise"],
)
def test_schedules(schedule: schedules.Schedule, expected: list[float]) -> None:
    np.testing.assert_allclose([float(schedule(k)) for k in range(4)], expected, rtol=1e-12, atol=1e-15)


def test_initializers_have_the_variances_that_they_promise() -> None:
    shape = (200, 300)
    variances = {
        "glorot_uniform": 2 / 500,
        "glorot_normal": 2 / 500,
        "he_normal": 2 / 200,
        "he_uniform": 2 / 200,
        "lecun_normal": 1 / 200,
        "random_normal": 0.05**2,
        "random_uniform": 0.1**2 / 12,
        "zeros": 0.0,
    }
    random.seed(0)
    for name, variance in variances.items():
        values = initializers.get(name)(shape, np.float32)
        assert values.dtype == np.float32
        np.testing.assert_allclose(values.numpy().var(), variance, rtol=0.02, err_msg=name)
    q = initializers.get("orthogonal")((5, 3)).numpy()
    np.testing.assert_allclose(q.T @ q, np.eye(3), atol=1e-12)
    assert initializers.Constant(2.0)(()).numpy() == 2.0
    with pytest.raises(AttributeError, match="Did you mean 'zeros'"):
        initializers.get("zeroes")


def test_weights_are_float64_unless_told_otherwise() -> None:
    model = layers.Sequential([layers.Dense(3, activation="tanh"), layers.Flatten(), layers.Dense(1, use_bias=False)])
    x = np.ones((2, 4))
    assert model(x).dtype == np.float64
    assert list(model.named_variables()) == ["layers[0].kernel", "layers[0].bias", "layers[2].kernel"]
    with gt.GradientTape() as tape:
        y = gt.sum(model(x))
    w1, b1, w2 = (v.numpy() for v in model.variables)
    t = np.tanh(x @ w1 + b1)
    g = tape.gradient(y, model.trainable_variables)
    np.testing.assert_allclose(g[0].numpy(), x.T @ ((1 - t**2) * w2[:, 0]), rtol=1e-12)
    np.testing.assert_allclose(g[2].numpy(), t.sum(0)[:, None], rtol=1e-12)
    with pytest.raises(ValueError, match="no axis to multiply along"):
        layers.Dense(2)(1.0)


@pytest.mark.parametrize(
    "name", ["log_cosh", "sigmoid_cross_entropy", "softmax_cross_entropy", "kl_divergence", "huber"]
)
def test_losses_have_exact_hessians(name: str) -> None:
    loss = getattr(losses, name)
    true, start = np.array([0.2, 0.5, 0.3]), np.array([0.3, 0.6, 0.8])
    x = gt.asarray(start)
    with gt.GradientTape() as tape:
        y = gt.sum(loss(true, x))

    def gradient(at: np.ndarray) -> np.ndarray:
        source = gt.asarray(at)
        with gt.GradientTape() as inner:
            value = gt.sum(loss(true, source))
        return inner.gradient(value, source).numpy()

    def value(at: np.ndarray) -> float:
        return float(gt.sum(loss(true, at)))

    steps = 1e-4 * np.eye(3)
    np.testing.assert_allclose(
        gradient(start), [(value(start + h) - value(start - h)) / 2e-4 for h in steps], rtol=1e-6, atol=1e-9
    )
    expected = [(gradient(start + h) - gradient(start - h)) / 2e-4 for h in steps]
    np.testing.assert_allclose(tape.hessian(y, x).numpy(), expected, rtol=1e-6, atol=1e-8)


def test_losses_neither_overflow_nor_cancel() -> None:
    far = gt.asarray([-800.0, 800.0])
    np.testing.assert_allclose(losses.sigmoid_cross_entropy([0.0, 1.0], far).numpy(), [0.0, 0.0])
    np.testing.assert_allclose(losses.sigmoid_cross_entropy([1.0, 0.0], far).numpy(), [800.0, 800.0])
    np.testing.assert_allclose(losses.log_cosh([0.0, 0.0], far).numpy(), 800 - np.log(2))
    np.testing.assert_allclose(losses.sparse_softmax_cross_entropy(0, far).numpy(), 1600.0)


def test_a_gradient_that_does_not_fit_changes_nothing() -> None:
    a, b, adam = gt.Variable([1.0, 2.0]), gt.Variable(3.0, name="b"), Adam(0.1)
    with pytest.raises(gt.ShapeError, match="does not fit its variable b"):
        adam.apply_gradients([(gt.ones(2), a), (gt.ones(2), b)])
    with pytest.raises(gt.ShapeError, match="does not fit"):
        adam.apply_gradients([(gt.ones(3), a)])
    assert a.numpy().tolist() == [1.0, 2.0]
    assert int(adam.iterations) == 0
