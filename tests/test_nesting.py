"""Nested tapes to any order; perturbation confusion; gradients of gradients taken afterwards."""

from __future__ import annotations

import math

import mpmath
import numpy as np
import pytest

import gradtape as gt


def nested(f, x, order):
    """The order-th derivative by tapes inside tapes."""
    if order == 0:
        return f(x)
    with gt.GradientTape() as tape:
        y = nested(f, x, order - 1)
    return tape.gradient(y, x)


FUNCTIONS = {
    "sin": (gt.sin, mpmath.sin),
    "exp": (gt.exp, mpmath.exp),
    "tanh": (gt.tanh, mpmath.tanh),
    "sin(exp(tanh))": (lambda x: gt.sin(gt.exp(gt.tanh(x))), lambda x: mpmath.sin(mpmath.exp(mpmath.tanh(x)))),
    "tanh(sin)*exp": (lambda x: gt.tanh(gt.sin(x)) * gt.exp(x), lambda x: mpmath.tanh(mpmath.sin(x)) * mpmath.exp(x)),
}


@pytest.mark.parametrize("order", [1, 2, 3, 4, 5])
@pytest.mark.parametrize("name", FUNCTIONS)
def test_orders_one_to_five_against_mpmath(name, order):
    ours, theirs = FUNCTIONS[name]
    with mpmath.workdps(40):
        truth = float(mpmath.diff(theirs, mpmath.mpf("0.7"), order))
    assert float(nested(ours, gt.asarray(0.7), order)) == pytest.approx(truth, rel=1e-10)


@pytest.mark.parametrize("order", [1, 2, 3, 4, 5])
def test_gradients_of_gradients_after_every_tape_has_closed(order):
    x = gt.asarray(0.7)
    with gt.GradientTape() as tape:
        y = gt.sin(2.0 * x)
    for _ in range(order):
        y = tape.gradient(y, x)
    assert float(y) == pytest.approx(
        2.0**order * [math.sin, math.cos][order % 2](1.4) * (1, 1, -1, -1)[order % 4], rel=1e-12
    )


def test_functional_operators_nest():
    assert float(gt.grad(gt.grad(gt.grad(gt.sin)))(1.0)) == pytest.approx(-math.cos(1.0), rel=1e-14)
    h = gt.hessian(lambda x: gt.sum(x**3))([1.0, 2.0])
    assert h.tolist() == [[6.0, 0.0], [0.0, 12.0]]


def test_perturbation_confusion_closure():
    d = gt.grad
    assert float(d(lambda x: x * d(lambda y: x + y)(1.0))(1.0)) == 1.0


def test_perturbation_confusion_reassigned_variable():
    d = gt.grad

    def f(x):
        def g(y):
            nonlocal x
            x = x * y
            return x

        d(g)(1.0)
        return d(g)(1.0)

    assert float(d(f)(1.0)) == 1.0


def test_a_tensor_watched_by_an_old_tape_is_a_constant_under_a_new_one():
    a, b = gt.asarray(2.0), gt.asarray(3.0)
    with gt.GradientTape():
        c = a * b
    with gt.GradientTape() as tape:
        y = c * a
    assert float(tape.gradient(y, a)) == 6.0  # not 6 + d(c)/da * a: c is from another tape
    assert float(tape.gradient(y, c)) == 2.0


def test_second_derivative_of_a_linear_function_is_zero_not_none():
    x = gt.Variable(2.0)
    with gt.GradientTape() as outer:
        with gt.GradientTape() as inner:
            y = 3.0 * x
        g = inner.gradient(y, x)
    h = outer.gradient(g, x)
    assert h.shape == ()
    assert float(h) == 0.0


def test_mixed_partials_in_both_orders():
    x, y = gt.Variable(2.0), gt.Variable(3.0)
    with gt.GradientTape() as outer:
        with gt.GradientTape() as inner:
            f = gt.sin(x * y) * x
        gx, gy = inner.gradient(f, [x, y])
    assert float(outer.gradient(gx, y)) == pytest.approx(float(outer.gradient(gy, x)), rel=1e-14)


def test_gradient_inside_its_own_block_is_recorded_there():
    x = gt.Variable(2.0)
    with gt.GradientTape() as tape:
        y = x**3
        g = tape.gradient(y, x)
        z = g * x
    assert float(tape.gradient(z, x)) == pytest.approx(36.0)
    assert float(tape.gradient(g, x)) == pytest.approx(12.0)


def test_hessian_by_reverse_over_reverse_is_symmetric_for_random_programs():
    rng = np.random.default_rng(0)
    a = rng.normal(size=(4, 4))
    f = lambda x: gt.sum(gt.tanh(a @ x) * gt.exp(0.1 * x)) ** 2  # noqa: E731
    h = gt.hessian(f)(rng.normal(size=4)).numpy()
    assert np.allclose(h, h.T, rtol=1e-12, atol=0)


def test_equal_answers_are_not_the_same_tensor():
    a, b = gt.asarray(1.0), gt.asarray(2.0)
    with gt.GradientTape() as outer:
        with gt.GradientTape() as inner:
            y = (a + b) ** 2
        da, db = inner.gradient(y, [a, b])  # both 2 (a + b), by one cotangent
        z = da * db
    assert float(outer.gradient(z, da)) == 6.0
    assert float(outer.gradient(z, a)) == 24.0


def test_a_gradient_made_after_the_tape_closed_may_be_computed_with():
    x = gt.asarray([1.0, 2.0, 3.0])
    with gt.GradientTape() as tape:
        y = gt.sum(x**4) + gt.prod(x)
    g, h = tape.gradient(y, x), tape.hessian(y, x).numpy()
    with tape:
        s = g @ g
    assert np.allclose(tape.gradient(s, x).numpy(), 2 * h @ g.numpy())
    third = tape.jacobian(tape.hessian(y, x), x).numpy()
    assert np.allclose(tape.hessian(s, x).numpy(), 2 * (h @ h + np.tensordot(g.numpy(), third, 1)))
    with tape:  # twice removed
        r = gt.sum(tape.gradient(s, x)) * s  # sum(2 h g) g.g
    assert np.allclose(tape.gradient(r, g).numpy(), 2 * np.sum(2 * h @ g.numpy()) * g.numpy() + 2 * h.sum(0) * float(s))


def test_weights_may_change_after_the_question():
    x, w = gt.asarray([1.0, 2.0]), np.ones(2)
    with gt.GradientTape() as tape:
        y = x**3
    g = tape.gradient(y, x, output_gradients=w)
    w[:] = 100.0
    assert tape.gradient(g, x).tolist() == [6.0, 12.0]


@pytest.mark.parametrize("ask", ["hessian", "hvp"])
def test_second_derivatives_of_no_path_are_zero_with_a_reason(ask):
    v = gt.Variable([2.0, 3.0])
    with gt.GradientTape(watch_accessed_variables=False) as tape:
        y = gt.sum(v**3)
    with pytest.warns(gt.UnconnectedGradientWarning, match="is zero: .* was not watched"):
        found = tape.hvp(y, v, [1.0, 1.0]) if ask == "hvp" else tape.hessian(y, v)
    assert not np.any(found.numpy())
    tape.watch(v)
    found = tape.hvp(y, v, [1.0, 1.0]) if ask == "hvp" else tape.hessian(y, v)
    assert found.numpy().sum() == 30.0


def test_a_tape_that_opens_after_another_closed_differentiates_its_gradients():
    x = gt.asarray(1.0)
    with gt.GradientTape() as a:
        y = x * gt.exp(x)
    with gt.GradientTape() as b:
        g = a.gradient(y, x)
        z = g * g
    assert float(b.gradient(g, x)) == pytest.approx(3 * math.e, rel=1e-14)
    assert float(b.gradient(z, x)) == pytest.approx(2 * 2 * math.e * 3 * math.e, rel=1e-14)
    assert float(a.gradient(g, x)) == pytest.approx(3 * math.e, rel=1e-14)
