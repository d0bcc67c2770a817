"""gt.function: the same answers as plain Python, by programs; paths, guards, state, every mode and order."""

from __future__ import annotations

import copy
import pickle
import threading
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import gradtape as gt

RNG = np.random.default_rng(0)
X = RNG.normal(size=(4, 3))
W = RNG.normal(size=(3, 5)) * 0.5


def model(x: Any, w: Any) -> Any:
    return gt.sum(gt.tanh(x @ w) ** 2, axis=-1)


def close(a: Any, b: Any, rtol: float = 1e-12) -> None:
    a, b = gt.trees.flatten(a)[0], gt.trees.flatten(b)[0]
    for x, y in zip(a, b, strict=True):
        x, y = np.asarray(x), np.asarray(y)
        assert x.dtype == y.dtype
        np.testing.assert_allclose(x, y, rtol=rtol, atol=rtol * max(1.0, np.max(np.abs(y), initial=0.0)))


def scalar(x: Any, w: Any) -> Any:
    return gt.sum(model(x, w))


#: Every way to ask for derivatives, from outside.
QUESTIONS: dict[str, Callable[[Any], Any]] = {
    "value": lambda f: f(X, W),
    "grad": lambda f: gt.grad(f, (0, 1))(X, W),
    "value_and_grad": lambda f: gt.value_and_grad(f, 1)(X, W),
    "jvp": lambda f: gt.jvp(f, (X, W), (np.ones_like(X), np.cos(W))),
    "vjp": lambda f: (lambda y, back: back(2.0))(*gt.vjp(f, X, W)),
    "hessian": lambda f: gt.hessian(lambda w: f(X, w))(W),
    "hvp": lambda f: gt.hvp(lambda w: f(X, w), W, np.sin(W)),
    "forward over reverse": lambda f: gt.jvp(gt.grad(f, 1), (X, W), (np.ones_like(X), np.cos(W))),
    "reverse over forward": lambda f: gt.grad(lambda w: gt.jvp(lambda x: f(x, w), (X,), (np.ones_like(X),))[1])(W),
    "third": lambda f: gt.grad(lambda w: gt.sum(gt.grad(lambda v: gt.sum(gt.grad(f, 1)(X, v) ** 2))(w)))(W),
    "derivative 4": lambda f: gt.derivative(lambda t: f(X * t, W), order=4)(1.3),
    "jet": lambda f: gt.jet(lambda x: f(x, W), (X,), ([np.ones_like(X), np.sin(X)],)),
    "vmap": lambda f: gt.vmap(f, in_axes=(0, None))(X, W),
    "vmap of grad": lambda f: gt.vmap(gt.grad(f, 1), in_axes=(0, None))(X, W),
    "grad of vmap": lambda f: gt.grad(lambda w: gt.sum(gt.vmap(f, in_axes=(0, None))(X, w)))(W),
    "jacobian": lambda f: gt.jacobian(lambda x: f(x, W) * gt.asarray([1.0, 2.0]))(X),
}


@pytest.mark.parametrize("question", QUESTIONS)
def test_every_mode_from_outside_is_as_eager(question: str) -> None:
    ask = QUESTIONS[question]
    expected = ask(scalar)
    compiled = gt.function(scalar)
    for _ in range(3):  # the first call records, later ones run what was recorded
        close(ask(compiled), expected)


@pytest.mark.parametrize("question", QUESTIONS)
def test_every_mode_inside_is_as_eager(question: str) -> None:
    ask = QUESTIONS[question]
    expected = ask(scalar)

    @gt.function
    def whole(x: Any, w: Any) -> Any:
        return ask(lambda *args: scalar(*args))

    @gt.function
    def scaled(t: float) -> Any:
        return ask(lambda x, w: scalar(x, w) * t)

    for _ in range(3):
        close(whole(X, W), expected)
    first = scaled(1.0)
    close(first, expected)
    close(scaled(2.0), gt.trees.tree_map(lambda y: y, ask(lambda x, w: scalar(x, w) * 2.0)))


def test_the_second_call_does_not_run_python() -> None:
    seen = []

    @gt.function
    def f(x: Any) -> Any:
        seen.append(1)
        return gt.sin(x)

    assert [float(f(v)) for v in (0.0, 1.0, 2.0)] == [float(np.sin(v)) for v in (0.0, 1.0, 2.0)]
    assert len(seen) == 1


def test_guards_make_two_paths_and_the_report_says_so() -> None:
    @gt.function
    def f(x: Any) -> Any:
        if x > 0:
            return gt.log(x)
        return x * x

    assert float(f(2.0)) == np.log(2.0)
    assert float(f(-3.0)) == 9.0
    assert float(f(4.0)) == np.log(4.0)
    assert float(f(-1.0)) == 1.0
    assert float(gt.grad(f)(-3.0)) == -6.0
    assert float(gt.grad(f)(4.0)) == 0.25
    report = f.report()
    assert "path 2" in report
    assert "if x > 0" in report
    assert "another way" in report


def test_loops_of_unknown_length_are_paths() -> None:
    @gt.function
    def root(a: Any) -> Any:
        x = a
        while abs(x * x - a) > 1e-14 * a:
            x = 0.5 * (x + a / x)
        return x

    for a in (2.0, 3.0, 1e6, 2.0, 1e6):
        np.testing.assert_allclose(float(root(a)), np.sqrt(a), rtol=1e-14)
        np.testing.assert_allclose(float(gt.grad(root)(a)), 0.5 / np.sqrt(a), rtol=1e-10)


def test_too_many_paths_end_in_plain_python_with_a_reason() -> None:
    @gt.function(max_paths=3)
    def f(x: Any) -> Any:
        return x * float(x)

    for v in range(3):
        assert float(f(float(v))) == v * v
    with pytest.warns(gt.GradtapeWarning, match=r"float\(x\)"):
        assert float(f(3.0)) == 9.0
    assert [float(f(float(v))) for v in range(6)] == [v * v for v in range(6)]
    assert "plain Python" in f.report()
    assert float(gt.grad(f)(3.0)) == 3.0


def test_python_floats_are_inputs_and_weak() -> None:
    calls = []

    @gt.function
    def f(x: Any, rate: float) -> Any:
        calls.append(1)
        return x * (2 * rate + 1) - rate / 2 + gt.where(x > 0, rate, x)

    x = np.ones(3, np.float32)
    for rate in (0.5, 0.25, 3.0):
        y = f(x, rate)
        eager = f.python(gt.asarray(x), rate)
        assert y.dtype == eager.dtype == np.float32
        np.testing.assert_array_equal(y.numpy(), eager.numpy())
    assert len(calls) == 1 + 3


def test_integers_are_static_and_shapes_have_their_own_paths() -> None:
    @gt.function
    def f(x: Any, n: int) -> Any:
        for _ in range(n):
            x = x * x
        return x

    assert float(f(2.0, 1)) == 4.0
    assert float(f(2.0, 3)) == 256.0
    assert f(np.ones(2), 1).shape == (2,)
    assert f(np.ones(3), 1).shape == (3,)
    assert len(f.kinds) == 4


def test_static_by_name_and_keywords_and_trees() -> None:
    @gt.function(static=("scale",))
    def f(params: dict[str, Any], *, scale: float, more: tuple[Any, ...] = ()) -> dict[str, Any]:
        assert type(scale) is float
        return {"y": params["a"] * scale, "n": len(more), "z": [m + 1.0 for m in more]}

    result = f({"a": np.ones(2)}, scale=2.0, more=(1.0, np.zeros(2)))
    again = f({"a": np.ones(2)}, scale=2.0, more=(5.0, np.zeros(2)))
    assert result["n"] == again["n"] == 2
    assert float(again["z"][0]) == 6.0
    np.testing.assert_array_equal(f({"a": np.ones(2)}, scale=3.0)["y"].numpy(), [3.0, 3.0])
    with pytest.raises(gt.TreeError, match="no arguments"):
        gt.function(lambda x: x, static=("y",))


def test_variables_are_state_in_and_out() -> None:
    v, w = gt.Variable(1.0), gt.Variable([1.0, 2.0])

    @gt.function
    def step(x: Any) -> Any:
        v.assign_add(x)
        w[0] = v
        return v * gt.sum(w)

    eager_v, eager_w = 1.0, np.array([1.0, 2.0])
    for x in (1.0, 2.0, 0.5):
        eager_v += x
        eager_w[0] = eager_v
        assert float(step(x)) == eager_v * eager_w.sum()
        assert float(v) == eager_v
        np.testing.assert_array_equal(w.numpy(), eager_w)
    v.assign(10.0)
    assert float(step(0.0)) == 10.0 * (10.0 + 2.0)


def test_gradients_flow_through_assignments_in_functions() -> None:
    def both(compiled: bool) -> Any:
        v = gt.Variable(3.0)

        def update(x: Any) -> Any:
            v.assign(v * x)
            return v + 1.0

        f = gt.function(update) if compiled else update
        f(gt.asarray(1.0))
        x = gt.asarray(2.0)
        with gt.GradientTape() as tape:
            y = f(x) * v
            y = y + f(x)
        return tape.gradient(y, [x, v]), v.numpy()

    close(both(True), both(False))


def test_what_is_captured_has_derivatives() -> None:
    c = gt.asarray([1.0, 2.0])
    v = gt.Variable([3.0, 4.0])

    @gt.function
    def f(x: Any) -> Any:
        d = c * 2.0
        return gt.sum(x * d * v)

    x = gt.asarray([5.0, 6.0])
    for _ in range(3):
        with gt.GradientTape() as tape:
            y = f(x)
        gx, gc, gv = tape.gradient(y, [x, c, v])
        np.testing.assert_array_equal(gx.numpy(), [6.0, 16.0])
        np.testing.assert_array_equal(gc.numpy(), [30.0, 48.0])
        np.testing.assert_array_equal(gv.numpy(), [10.0, 24.0])


def test_variables_made_in_the_first_call() -> None:
    class Layer:
        w: Any = None

        @gt.function
        def __call__(self, x: Any) -> Any:
            if self.w is None:
                self.w = gt.Variable(2.0)
            return x * self.w

    layer = Layer()
    assert [float(layer(v)) for v in (1.0, 2.0, 3.0)] == [2.0, 4.0, 6.0]
    layer.w.assign(5.0)
    assert float(layer(3.0)) == 15.0
    x = gt.asarray(3.0)
    with gt.GradientTape() as tape:
        y = layer(x)
    assert float(tape.gradient(y, layer.w)) == 3.0


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda v: pickle.loads(pickle.dumps(v)), lambda v: v.clone()])
def test_copies_of_variables_are_state(copied: Callable[[Any], Any]) -> None:
    w = copied(gt.Variable(2.0))

    @gt.function
    def step(x: Any) -> Any:
        w.assign_add(x)
        inner = w.clone()
        inner.assign(inner * 10.0)
        return inner.value + w

    assert [float(step(gt.asarray(1.0))) for _ in range(3)] == [33.0, 44.0, 55.0]
    assert w.value.item() == 5.0
    assert gt.vmap(lambda x: x * w)(gt.asarray([1.0, 2.0])).tolist() == [5.0, 10.0]


def test_methods_have_programs_of_their_own_and_die_with_their_object() -> None:
    import gc
    import weakref

    class Scale:
        def __init__(self, k: float) -> None:
            self.k = k

        @gt.function
        def __call__(self, x: Any) -> Any:
            return self.k * x

    one, two = Scale(1.0), Scale(2.0)
    assert (float(one(3.0)), float(two(3.0)), float(one(4.0))) == (3.0, 6.0, 4.0)
    alive = weakref.ref(one)
    del one
    gc.collect()
    assert alive() is None


def test_functions_call_functions_and_themselves() -> None:
    @gt.function
    def power(x: Any, n: int) -> Any:
        return x if n == 1 else x * power(x, n - 1)

    @gt.function
    def f(x: Any) -> Any:
        return gt.sin(power(x, 3))

    for v in (0.5, 1.5):
        np.testing.assert_allclose(float(f(v)), np.sin(v**3), rtol=1e-15)
        np.testing.assert_allclose(float(gt.grad(f)(v)), 3 * v * v * np.cos(v**3), rtol=1e-14)


def test_escapes_are_guards() -> None:
    @gt.function
    def f(x: Any) -> Any:
        return x + np.asarray(x).sum()

    for v in ([1.0, 2.0], [3.0, 4.0], [1.0, 2.0]):
        np.testing.assert_array_equal(f(np.array(v)).numpy(), np.array(v) + sum(v))


def test_results_do_not_alias_arguments_or_constants() -> None:
    big = np.ones(4)

    @gt.function
    def f(x: Any) -> Any:
        return x, gt.reshape(x, (2, 2)), gt.asarray(big)

    for _ in range(2):
        given = np.arange(4.0)
        same, shaped, constant = f(given)
        given[:] = -1.0
        big[:] = 7.0
        np.testing.assert_array_equal(same.numpy(), np.arange(4.0))
        np.testing.assert_array_equal(shaped.numpy(), np.arange(4.0).reshape(2, 2))
        np.testing.assert_array_equal(constant.numpy(), np.ones(4))


def test_arguments_may_change_after_a_recorded_call() -> None:
    f = gt.function(lambda x, w: gt.sum(x * x * w))
    w = gt.asarray(np.ones(3))
    f(np.zeros(3), w)
    given = np.arange(3.0)
    with gt.GradientTape() as tape:
        y = f(given, w)
    given[:] = 100.0
    np.testing.assert_array_equal(tape.gradient(y, w).numpy(), [0.0, 1.0, 4.0])


def test_errors_are_python_s_and_nothing_is_kept() -> None:
    @gt.function
    def f(x: Any) -> Any:
        raise KeyError("mine")

    for _ in range(2):
        with pytest.raises(KeyError, match="mine"):
            f(1.0)
    assert not any(p.paths for p in f.kinds.values())


def test_input_signature() -> None:
    @gt.function(input_signature=[np.zeros((2,), np.float32)])
    def f(x: Any) -> Any:
        return x * 2

    assert f(np.ones(2, np.float32)).dtype == np.float32
    assert f(np.ones(2)).dtype == np.float32
    assert len(f.kinds) == 1
    with pytest.raises(gt.ShapeError, match="input_signature"):
        f(np.ones(3))


def test_threads() -> None:
    @gt.function
    def f(x: Any, w: Any) -> Any:
        return gt.sum(gt.tanh(x @ w)) if gt.sum(x) > 0 else gt.sum(x @ w)

    expected = [float(f.python(gt.asarray(X * s), gt.asarray(W))) for s in (1, -1)]
    wrong: list[Any] = []

    def work() -> None:
        for i in range(50):
            s = 1 if i % 2 else -1
            y = float(f(X * s, W))
            if abs(y - expected[0 if s == 1 else 1]) > 1e-12:
                wrong.append(y)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert not wrong


def test_a_training_step_with_an_optimizer() -> None:
    def train(compiled: bool) -> Any:
        w = gt.Variable(W[:, :1].copy())
        optimizer = gt.optimizers.Adam(0.1)

        def step(x: Any, y: Any) -> Any:
            with gt.GradientTape() as tape:
                loss = gt.mean((x @ w - y) ** 2)
            optimizer.apply_gradients([(tape.gradient(loss, w), w)])
            return loss

        f = gt.function(step) if compiled else step
        losses = [float(f(X, np.ones((4, 1)))) for _ in range(20)]
        return losses, w.numpy()

    a, b = train(True), train(False)
    np.testing.assert_allclose(a[0], b[0], rtol=1e-12)
    np.testing.assert_allclose(a[1], b[1], rtol=1e-12)
    assert a[0][-1] < a[0][0]


def test_differentiating_through_compiled_steps() -> None:
    def unrolled(compiled: bool) -> Any:
        def inner(w: Any, rate: Any) -> Any:
            g = gt.grad(lambda v: gt.sum((X @ v) ** 2))(w)
            return w - rate * g

        f = gt.function(inner) if compiled else inner

        def outer(rate: Any) -> Any:
            w = gt.asarray(W)
            for _ in range(3):
                w = f(w, rate)
            return gt.sum(w**2)

        rate = gt.asarray(0.01)
        return gt.grad(outer)(rate), gt.grad(gt.grad(outer))(rate)

    for _ in range(2):
        close(unrolled(True), unrolled(False), rtol=1e-10)


def test_dead_lanes_in_programs_go_by_the_values_of_the_call() -> None:
    """The mask of the call that was recorded must not decide for later ones."""

    @gt.function
    def slope(x: Any) -> Any:
        return gt.grad(lambda x: gt.sum(gt.where(x > 0, gt.sqrt(x), 3.0 * x)))(x)

    for x in ([1.0, 4.0], [1.0, -4.0], [-1.0, -1.0], [-1.0, 4.0], [0.0, 4.0]):
        expected = [0.5 / np.sqrt(v) if v > 0 else 3.0 for v in x]
        np.testing.assert_array_equal(slope(np.array(x)).numpy(), expected)
    each = gt.vmap(gt.grad(lambda x: gt.where(x > 0, gt.sqrt(x), 3.0 * x)))
    for x in ([1.0, -4.0], [-1.0, 4.0]):
        with np.errstate(all="ignore"):
            found = each(np.array(x)).numpy()
        np.testing.assert_array_equal(found, [0.5 / np.sqrt(v) if v > 0 else 3.0 for v in x])


def test_repr() -> None:
    f = gt.function(lambda x: x)
    assert "0 paths" in repr(f)
    f(1.0)
    assert "1 path>" in repr(f)


@pytest.mark.parametrize("order", [1, 2, 3])
def test_what_stops_a_derivative_stops_that_of_a_compiled_function(order: int) -> None:
    def f(x: Any) -> Any:
        return x * gt.exp(x - gt.stop_gradient(x)) * gt.stop_gradient(x)

    plain, compiled = f, gt.function(f)
    for _ in range(order):
        plain, compiled = gt.grad(plain), gt.grad(compiled)
    assert float(compiled(2.0)) == pytest.approx(float(plain(2.0)))
    assert float(compiled(3.0)) == pytest.approx(3.0 * (3.0 + order))
