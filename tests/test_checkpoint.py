"""gt.checkpoint: the derivatives of the plain function, in every mode and order, and nothing kept in between."""

from __future__ import annotations

import gc
import tracemalloc
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import gradtape as gt
from gradtape.memory.again import Again

RNG = np.random.default_rng(0)
X, W = RNG.normal(size=(2, 3)), RNG.normal(size=(3, 3)) * 0.5


def layer(x: Any, w: Any) -> Any:
    return gt.tanh(x @ w) * gt.sum(w) + x


def model(wrap: Callable[[Any], Any]) -> Callable[[Any, Any], Any]:
    f = wrap(layer)
    nested = wrap(lambda x, w: f(f(x, w), w))
    return lambda x, w: gt.sum(f(nested(x, w), w) ** 2)


PLAIN = model(lambda f: f)

#: Every way to ask for derivatives.
QUESTIONS: dict[str, Callable[[Any], Any]] = {
    "value": lambda f: f(X, W),
    "grad": lambda f: gt.grad(f, (0, 1))(X, W),
    "jvp": lambda f: gt.jvp(f, (X, W), (np.ones_like(X), np.cos(W))),
    "vjp": lambda f: (lambda y, back: back(2.0))(*gt.vjp(f, X, W)),
    "hessian": lambda f: gt.hessian(lambda x: f(x, W))(X),
    "jacobian": lambda f: gt.jacobian(lambda x: gt.stack([f(x, W), f(x, 2 * W)]))(X),
    "jacfwd": lambda f: gt.jacfwd(lambda x: f(x, W))(X),
    "hvp": lambda f: gt.hvp(lambda w: f(X, w), W, np.sin(W)),
    "forward over reverse": lambda f: gt.jvp(gt.grad(f, 1), (X, W), (np.ones_like(X), np.cos(W))),
    "reverse over forward": lambda f: gt.grad(lambda w: gt.jvp(lambda x: f(x, w), (X,), (np.ones_like(X),))[1])(W),
    "third": lambda f: gt.grad(lambda w: gt.sum(gt.grad(lambda v: gt.sum(gt.grad(f, 1)(X, v) ** 2))(w)))(W),
    "derivative 4": lambda f: gt.derivative(lambda t: f(X * t, W), order=4)(1.3),
    "jet": lambda f: gt.jet(lambda x: f(x, W), (X,), ([np.ones_like(X), np.sin(X)],)),
    "vmap": lambda f: gt.vmap(f, in_axes=(0, None))(np.stack([X, 2 * X]), W),
    "vmap of grad": lambda f: gt.vmap(gt.grad(f, 1), in_axes=(0, None))(np.stack([X, 2 * X]), W),
    "grad of vmap": lambda f: gt.grad(lambda w: gt.sum(gt.vmap(f, in_axes=(0, None))(np.stack([X, -X]), w) ** 2))(W),
    "compiled": lambda f: (lambda g: (g(X, W), g(X + 1, W)))(gt.function(gt.grad(f, (0, 1)))),
    "of compiled": lambda f: (lambda g: (gt.grad(g, 1)(X, W), gt.hvp(lambda w: g(X, w), W, W)))(gt.function(f)),
    "in scan": lambda f: gt.grad(lambda w: gt.scan(lambda c, x: (c + f(x, w) * c, c), 1.0, np.stack([X, X / 2]))[0])(W),
    "in scan, second": lambda f: gt.hvp(
        lambda w: gt.scan(lambda c, x: (c + f(x, w) * c, c), 1.0, np.stack([X, X / 2]))[0], W, W
    ),
}


def close(a: Any, b: Any, rtol: float = 1e-11) -> None:
    for x, y in zip(gt.trees.flatten(a)[0], gt.trees.flatten(b)[0], strict=True):
        x, y = np.asarray(x), np.asarray(y)
        assert x.dtype == y.dtype
        np.testing.assert_allclose(x, y, rtol=rtol, atol=rtol * max(1.0, np.max(np.abs(y), initial=0.0)))


@pytest.mark.parametrize("question", QUESTIONS)
def test_every_mode_is_as_without(question: str) -> None:
    close(QUESTIONS[question](model(gt.checkpoint)), QUESTIONS[question](PLAIN))


def test_what_is_read_captured_and_passed_by_keyword() -> None:
    v, k = gt.Variable(2.0), gt.asarray(3.0)

    @gt.checkpoint
    def f(tree: dict[str, Any], *, power: int, shift: Any) -> Any:
        return {"y": v * tree["a"] ** power + k * shift, "name": "kept", "none": None}

    a, shift = gt.asarray(1.5), gt.asarray(0.5)
    with gt.GradientTape() as tape:
        made = f({"a": a}, power=2, shift=shift)
        y = made["y"] * 2.0
    assert made["name"] == "kept"
    assert made["none"] is None
    close(tape.gradient(y, [v, k, a, shift]), [gt.asarray(x) for x in (4.5, 1.0, 12.0, 6.0)])
    assert tape.stats()["entries"] == 2
    assert float(f({"a": a}, power=2, shift=shift)["y"]) == float(made["y"])  # nobody records


def test_unconnected_is_none() -> None:
    @gt.checkpoint
    def f(a: Any, b: Any) -> Any:
        return a * 2.0, b * 3.0

    a, b = gt.asarray(1.0), gt.asarray(2.0)
    with gt.GradientTape() as tape:
        y, _ = f(a, b)
    with pytest.warns(gt.errors.UnconnectedGradientWarning):
        assert tape.gradient(y, b) is None
    close(tape.gradient(y, a), gt.asarray(2.0))


def test_a_place_is_no_path() -> None:
    a, b = gt.asarray([1.0, 3.0]), gt.asarray([2.0, 4.0])
    with gt.GradientTape() as tape:
        y = gt.checkpoint(lambda a, b: gt.take(b, gt.argmax(a)) * 2.0)(a, b)
    with pytest.warns(gt.errors.UnconnectedGradientWarning):
        assert tape.gradient(y, a) is None
    close(tape.gradient(y, b), gt.asarray([0.0, 2.0]))


def test_assignments_and_side_effects_happen_once() -> None:
    v, calls = gt.Variable(1.0), []

    @gt.checkpoint
    def f(x: Any) -> Any:
        calls.append(1)
        v.assign_add(x * x)
        return v * x

    x = gt.asarray(3.0)
    with gt.GradientTape() as tape:
        y = f(x) + v  # (1 + x^2) x + 1 + x^2
    close(v.value, gt.asarray(10.0))
    close(tape.gradient(y, [x, v]), [gt.asarray(1 + 27.0 + 6.0), gt.asarray(4.0)])
    close(tape.hessian(y, x), gt.asarray(18.0 + 2.0))
    close(v.value, gt.asarray(10.0))
    assert len(calls) == 1
    with pytest.raises(ZeroDivisionError), gt.GradientTape():
        gt.checkpoint(lambda: v.assign(7.0) and 1 / 0)()
    close(v.value, gt.asarray(10.0))


def test_draws_are_the_same_ones() -> None:
    @gt.checkpoint
    def dropout(x: Any) -> Any:
        return gt.sum(x * x * (gt.random.uniform(size=x.shape) > 0.5)) * gt.random.normal()

    x = gt.asarray(np.arange(1.0, 9.0))
    gt.random.seed(1)
    expected = [gt.grad(dropout)(x) for _ in range(2)]  # each draws anew
    gt.random.seed(1)
    after = []
    for e in expected:
        with gt.GradientTape() as tape:
            y = dropout(x)
        close(tape.gradient(y, x), e)
        close(gt.sum(tape.gradient(y, x) * x), 2 * y)  # the mask of the value, not another one
        after.append(float(gt.random.uniform()))
        gt.random.seed(1)
        dropout(x)
    gt.random.seed(1)
    float(dropout(x))
    assert after[0] == float(gt.random.uniform())


def test_layers_built_in_the_first_call() -> None:
    made: list[Any] = []

    @gt.checkpoint
    def f(x: Any) -> Any:
        if not made:
            made.append(gt.Variable(2.0))
        return made[0] * x

    with gt.GradientTape() as tape:
        y = f(gt.asarray(3.0))
    close(tape.gradient(y, made[0]), gt.asarray(3.0))


def test_integers_from_outside_are_followed() -> None:
    """A place that depends on the argument of a compiled or batched function is not a constant of the checkpoint."""

    def f(x: Any) -> Any:
        k = gt.argmax(x)
        return gt.checkpoint(lambda y: gt.take(y, k) * 2.0)(x)

    a = np.array([1.0, 5.0, 2.0])
    compiled = gt.function(f)
    close([compiled(a), compiled(-a)], [gt.asarray(10.0), gt.asarray(-2.0)])
    close(gt.vmap(f)(np.stack([a, -a])), gt.asarray([10.0, -2.0]))
    close(gt.vmap(gt.grad(f))(np.stack([a, -a])), gt.asarray([[0.0, 2.0, 0.0], [2.0, 0.0, 0.0]]))


def test_ways_of_python_inside_compiled_and_batched() -> None:
    f = gt.checkpoint(lambda x: x * x if x > 0 else -x)
    compiled = gt.function(lambda x: f(x) * 2.0)
    slopes = gt.function(gt.grad(lambda x: f(x) * 2.0))
    for x in (3.0, -2.0, 1.0):
        close(compiled(x), gt.asarray(2 * x * x if x > 0 else -2 * x))
        close(slopes(x), gt.asarray(4 * x if x > 0 else -2.0))
    for k in range(60):  # whatever runs it
        assert float(compiled(2.0 if k % 2 else -2.0)) == (8.0 if k % 2 else 4.0)
    with pytest.raises(gt.errors.GuardError):
        gt.vmap(f)(np.array([1.0, -1.0]))


@pytest.mark.parametrize("order", [1, 2])
def test_dead_lanes_cross_its_border(order: int) -> None:
    """A branch that is not taken has no slope, wherever the border is: before the choice, or behind it."""
    x = np.array([0.0, 4.0])
    cases = [
        lambda wrap, x: gt.where(x > 0, wrap(gt.sqrt)(x), 0.0),
        lambda wrap, x: wrap(lambda y: gt.where(x > 0, y, 0.0))(gt.sqrt(x)),
        lambda wrap, x: wrap(lambda y: y[1])(gt.sqrt(x)),
        lambda wrap, x: wrap(lambda y: y)(wrap(gt.sqrt)(x))[1],
    ]
    for case in cases:
        found = [
            gt.grad(lambda x, wrap=wrap, case=case: gt.sum(case(wrap, x)))
            if order == 1
            else gt.grad(lambda x, wrap=wrap, case=case: gt.sum(gt.grad(lambda z: gt.sum(case(wrap, z)))(x)))
            for wrap in (lambda f: f, gt.checkpoint)
        ]
        close(found[1](x), found[0](x))
        assert np.all(np.isfinite(np.asarray(found[1](x))))


def chain(wrap: Callable[[Any], Any], pieces: int, n: int) -> Callable[[Any], Any]:
    def piece(x: Any) -> Any:
        for _ in range(n):
            x = gt.sin(x) * 1.01
        return x

    f = wrap(piece)

    def whole(x: Any) -> Any:
        for _ in range(pieces):
            x = f(x)
        return gt.sum(x)

    return whole


def peak(f: Callable[[], Any]) -> float:
    """The most memory that arrays take, in bytes, while ``f`` runs."""
    gc.collect()
    tracemalloc.start()
    f()
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return most


@pytest.mark.parametrize("order", [1, 2])
def test_memory_is_that_of_the_states_and_one_piece(order: int) -> None:
    x = np.linspace(0.0, 1.0, 20_000)

    def ask(f: Any) -> Any:
        return gt.grad(f)(x) if order == 1 else gt.hvp(f, x, np.ones_like(x))

    with_all, with_states = (chain(wrap, 10, 10) for wrap in (lambda f: f, gt.checkpoint))
    close(ask(with_states), ask(with_all), 1e-10)
    everything, few = peak(lambda: ask(with_all)), peak(lambda: ask(with_states))
    assert everything > 200 * x.nbytes
    assert few < (45 if order == 1 else 130) * x.nbytes


def test_programs_keep_what_it_drops() -> None:
    f = gt.function(gt.grad(chain(gt.checkpoint, 4, 5)))
    g = gt.function(gt.grad(chain(lambda f: f, 4, 5)))
    x = np.linspace(0.0, 1.0, 1000)
    close(f(x), g(x))
    close(f(x), g(x))
    dropped, kept = (next(iter(h.kinds.values())).paths[0].program for h in (f, g))
    assert dropped.cost().peak < 0.7 * kept.cost().peak
    assert dropped.cost().flops > kept.cost().flops
    assert (
        sum(isinstance((s.params or {}).get("again"), Again) for s in dropped.steps) == 7
    )  # the last value is not asked for
