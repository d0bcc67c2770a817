"""custom_gradient inside compiled functions, loops, checkpoints, programs: the rule of the user's, not the body's."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import gradtape as gt

X = np.array([0.3, -0.8, 1.2])


@gt.custom_gradient
def clipped(x: Any) -> Any:
    """The sine, with three times its slope where that is small: a rule that is not the body's."""
    e = gt.cos(x)
    return gt.sin(x), lambda ct: ct * 3.0 * gt.where(e > 0.5, e, 0.5 * x)


@gt.custom_gradient
def both(a: Any, b: Any) -> Any:
    return (a * b, gt.sum(a)), lambda p, q: (2.0 * p * b + q, 5.0 * p * a * b)


def f(x: Any) -> Any:
    p, q = both(clipped(x), gt.exp(x))
    return gt.sum(p * p) + q * gt.sum(clipped(p))


QUESTIONS: dict[str, Callable[[Any], Any]] = {
    "value": lambda f: f(X),
    "grad": lambda f: gt.grad(f)(X),
    "jvp": lambda f: gt.jvp(f, (X,), (np.cos(X),)),
    "hessian": lambda f: gt.hessian(f)(X),
    "forward over reverse": lambda f: gt.jvp(gt.grad(f), (X,), (np.cos(X),)),
    "third": lambda f: gt.grad(lambda x: gt.sum(gt.grad(lambda z: gt.sum(gt.grad(f)(z) ** 2))(x)))(X),
    "jet": lambda f: gt.derivative(lambda t: f(X * t), order=3)(1.1),
    "jacobian": lambda f: gt.jacobian(lambda x: f(x) * x)(X),
    "vmap": lambda f: gt.vmap(f)(np.stack([X, 2 * X])),
    "vmap of grad": lambda f: gt.vmap(gt.grad(f))(np.stack([X, 2 * X])),
    "grad of vmap, shared": lambda f: gt.grad(
        lambda w: gt.sum(gt.vmap(lambda x: f(w) * gt.sum(both(x, w)[0]))(np.stack([X, 2 * X])) ** 2)
    )(X),
    "of what is shared": lambda f: gt.grad(
        lambda w: gt.sum(gt.vmap(lambda x: gt.function(lambda x, w: f(both(x, w)[0]))(x, w))(np.stack([X, 2 * X])))
    )(X),
    "grad of vmap": lambda f: gt.grad(lambda x: gt.sum(gt.vmap(f)(x) ** 2))(np.stack([X, 2 * X])),
}
HOLDERS: dict[str, Callable[[Any], Any]] = {
    "function": gt.function,
    "checkpoint": gt.checkpoint,
    "both": lambda f: gt.function(gt.checkpoint(f)),
    "scan": lambda f: lambda x: gt.scan(lambda c, _: (c + f(x), None), 0.0, length=1)[0],
}


@pytest.mark.parametrize("holder", HOLDERS)
@pytest.mark.parametrize("question", QUESTIONS)
def test_the_rule_is_the_user_s(question: str, holder: str) -> None:
    expected = QUESTIONS[question](f)
    held = HOLDERS[holder](f)
    for _ in range(2):
        found = QUESTIONS[question](held)
        for a, b in zip(gt.trees.flatten(found)[0], gt.trees.flatten(expected)[0], strict=True):
            np.testing.assert_allclose(np.asarray(a), np.asarray(b), rtol=1e-11, atol=1e-11)


def test_programs_have_it() -> None:
    x = gt.asarray(0.3)
    with gt.GradientTape() as tape:
        y = clipped(x) * 2.0
    program = tape.program(x, y)
    assert float(program(1.4)) == pytest.approx(2 * np.sin(1.4))
    assert float(program.vjp(at=[0.3])(1.4, 1.0)[-1]) == pytest.approx(2 * 3.0 * 0.5 * 1.4)


def test_what_a_rule_reads_may_change() -> None:
    scale, captured = gt.Variable(2.0), gt.asarray(3.0)

    @gt.custom_gradient
    def g(x: Any) -> Any:
        return x * captured, lambda ct: ct * scale * x

    compiled = gt.function(gt.grad(lambda x: g(x) * 1.0))
    found = []
    for value in (2.0, 5.0):
        scale.assign(value)
        found.append(float(compiled(4.0)))
    assert found == [8.0, 20.0]
    outer = gt.function(lambda x: g(x) * 1.0)
    with gt.GradientTape() as tape:
        y = outer(4.0)
    assert float(tape.gradient(y, captured)) == 4.0
    scale.assign(7.0)
    assert float(gt.grad(outer)(4.0)) == 28.0


def test_a_rule_that_refuses_does_so_when_it_is_asked() -> None:
    @gt.custom_gradient
    def g(x: Any) -> Any:
        def rule(ct: Any) -> Any:
            raise NotImplementedError("no derivative of this")

        return x * 2.0, rule

    for held in (gt.function(g), gt.checkpoint(g)):
        assert float(held(gt.asarray(2.0))) == 4.0
        with pytest.raises(Exception, match="no derivative of this"):
            gt.grad(lambda x, held=held: held(x) * 1.0)(2.0)
