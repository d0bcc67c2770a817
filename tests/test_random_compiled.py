"""Random draws in compiled functions: those of plain Python, fresh at every call, replayed by derivatives."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import gradtape as gt
import gradtape.compat.tensorflow as tf

X = np.array([0.5, 1.0, 2.0])


def noisy(x: Any) -> Any:
    e = gt.random.normal(size=3)
    return gt.sum(gt.sin(x * e) + gt.random.gamma(x) * gt.random.uniform())


def several(ask: Callable[[Callable[[Any], Any]], Any], n: int = 4, seed: int = 3, of: Any = noisy) -> list[Any]:
    """``ask(f)`` again and again, by plain Python."""
    gt.random.seed(seed)
    return [ask(of) for _ in range(n)]


def same(a: Any, b: Any, rtol: float = 0.0) -> None:
    for x, y in zip(gt.trees.flatten(a)[0], gt.trees.flatten(b)[0], strict=True):
        np.testing.assert_allclose(np.asarray(x), np.asarray(y), rtol=rtol, atol=rtol)


QUESTIONS: dict[str, Callable[[Any], Any]] = {
    "value": lambda f: f(X),
    "grad": lambda f: gt.grad(f)(X),
    "value_and_grad": lambda f: gt.value_and_grad(f)(X),
    "jvp": lambda f: gt.jvp(f, (X,), (np.cos(X),)),
    "hessian": lambda f: gt.hessian(f)(X),
    "forward over reverse": lambda f: gt.jvp(gt.grad(f), (X,), (np.cos(X),)),
    "third": lambda f: gt.derivative(lambda t: f(X * t), order=3)(1.1),
    "vmap": lambda f: gt.vmap(f)(np.stack([X, 2 * X])),
    "vmap of grad": lambda f: gt.vmap(gt.grad(f))(np.stack([X, 2 * X])),
}


@pytest.mark.parametrize("question", QUESTIONS)
def test_draws_are_those_of_plain_python(question: str) -> None:
    ask = QUESTIONS[question]
    expected = several(ask)
    assert np.any(np.asarray(gt.trees.flatten(expected[0])[0][0]) != np.asarray(gt.trees.flatten(expected[1])[0][0]))
    compiled = gt.function(noisy)
    for seed in (3, 4):  # the same program after another seed
        gt.random.seed(seed)
        same([ask(compiled) for _ in range(4)], several(ask, seed=seed), 1e-12)
    gt.random.seed(3)
    same([ask((compiled, noisy)[i % 2]) for i in range(4)], expected, 1e-12)  # one stream for both
    inside = gt.function(lambda: ask(noisy))
    gt.random.seed(3)
    same([inside() for _ in range(4)], expected, 1e-12)


def test_the_program_is_run_and_has_the_stream_as_state() -> None:
    calls = []

    def f(x: Any) -> Any:
        calls.append(1)
        return x + gt.random.normal()

    compiled = gt.function(f)
    drawn = [float(compiled(0.0)) for _ in range(5)]
    assert len(calls) == 1
    assert len(set(drawn)) == 5


def test_generators_of_one_s_own() -> None:
    rng = gt.random.Generator(5)
    twin = gt.random.Generator(5)
    compiled = gt.function(lambda x: x * rng.normal() + rng.poisson(3.0))
    same([compiled(2.0) for _ in range(3)], [2.0 * twin.normal() + twin.poisson(3.0) for _ in range(3)])
    same(rng.uniform(), twin.uniform())
    before = gt.random.positions()
    x = compiled(1.0)
    with gt.random.rewound(before):
        same(compiled(1.0), x)
    # As an argument, and of a key.
    draw = gt.function(lambda rng: rng.normal())
    a, b = gt.random.Generator(6), gt.random.Generator(6)
    same([draw(a) for _ in range(3)], [b.normal() for _ in range(3)])
    keyed = gt.function(lambda key: gt.random.Generator.from_key(key).normal(size=2))
    for key in gt.unstack(a.keys(3)):
        same(keyed(key), gt.random.Generator.from_key(key).normal(size=2))
    # Made in the function, of a seed: the same draw at every call, as in plain Python.
    fixed = gt.function(lambda: gt.random.Generator(7).normal())
    assert len({float(fixed()) for _ in range(3)}) == 1


def test_what_no_program_can_draw_is_left_to_python() -> None:
    for f in (
        lambda: gt.random.default_rng().normal(),
        lambda: gt.asarray(gt.random.shared().numpy_generator.normal()),
    ):
        compiled = gt.function(f)
        assert len({float(compiled()) for _ in range(4)}) == 4
    kept: list[Any] = []

    def lazily() -> Any:
        if not kept:
            kept.append(gt.random.Generator(1))
        return kept[0].normal()

    compiled, twin = gt.function(lazily), gt.random.Generator(1)
    same([compiled() for _ in range(4)], [twin.normal() for _ in range(4)])


def test_reseeding_inside() -> None:
    def f(x: Any) -> Any:
        gt.random.seed(11)
        return x + gt.random.normal()

    compiled = gt.function(f)
    assert len({float(compiled(0.0)) for _ in range(4)}) == 1
    same(gt.random.uniform(), (gt.random.seed(11), gt.random.normal(), gt.random.uniform())[2])


def test_paths_go_by_what_is_drawn() -> None:
    def walk(x: Any) -> Any:
        return x + gt.random.normal() if gt.random.uniform() > 0.5 else -x

    compiled = gt.function(walk)
    expected = several(lambda f: f(1.0), 20, of=walk)
    gt.random.seed(3)
    same([compiled(1.0) for _ in range(20)], expected)
    assert "2 path" in repr(compiled)


def test_rewound_inside() -> None:
    """Positions are values of the program: the second draw repeats the first at every call."""

    def twice() -> Any:
        before = gt.random.positions()
        a = gt.random.normal()
        with gt.random.rewound(before):
            b = gt.random.normal()
        return a, b, gt.random.normal()

    compiled = gt.function(twice)
    found = []
    for _ in range(3):
        a, b, c = map(float, compiled())
        assert a == b != c
        found += [a, c]
    assert len(set(found)) == 6


def test_loops_draw_at_every_turn() -> None:
    def total() -> Any:
        return gt.scan(lambda c, _: (c + gt.random.normal(), None), 0.0, length=4)[0]

    gt.random.seed(3)
    expected = [float(sum(gt.random.normal() for _ in range(4))) for _ in range(3)]
    for f in (total, gt.function(total)):
        gt.random.seed(3)
        np.testing.assert_allclose([float(f()) for _ in range(3)], expected, rtol=1e-13)


def test_distributions_and_the_facade() -> None:
    law = gt.stochastic.Normal(0.5, 2.0)
    compiled = gt.function(lambda x: law.sample((2,)) * x)
    gt.random.seed(3)
    expected = [law.sample((2,)) * 1.5 for _ in range(3)]
    gt.random.seed(3)
    same([compiled(1.5) for _ in range(3)], expected, 1e-14)

    def draws() -> Any:
        return [
            tf.random.normal([2]),
            tf.random.uniform([2]),
            tf.random.gamma([2], 1.5),
            tf.random.poisson([2], 4.0),
            tf.random.categorical([[0.0, 1.0]], 3),
        ]

    tf.random.set_seed(1)
    expected = [draws() for _ in range(3)]
    tf.random.set_seed(1)
    step = tf.function(draws)
    found = [step() for _ in range(3)]
    same(found, expected, 1e-6)
    assert [x.shape for x in found[0]] == [(2,), (2,), (2,), (2,), (1, 3)]
    rng = tf.random.Generator.from_seed(4)
    sample = tf.function(lambda: rng.normal([2]))
    assert len({float(sample()[0]) for _ in range(3)}) == 3
