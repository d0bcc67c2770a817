"""tf.function and TensorFlow's control flow: compiled and eager, with TensorFlow's results."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import gradtape.compat.tensorflow as tf

E = np.array([1.0, 2.0, 3.0, 4.0], np.float32)


def close(found: Any, expected: Any) -> None:
    np.testing.assert_allclose(np.asarray(found), expected, rtol=2e-6)


# name -> the function, its value at E by TensorFlow's definition, the gradient of its sum
LOOPS: dict[str, tuple[Callable[[Any], Any], Any, Any]] = {
    "scan": (lambda e: tf.scan(lambda a, x: a * x + a, e), [1, 3, 12, 60], [76, 25, 18, 12]),
    "scan, reverse": (lambda e: tf.scan(lambda a, x: a * x, e, reverse=True), [24, 24, 12, 4], [24, 24, 20, 16]),
    "scan from 2": (lambda e: tf.scan(lambda a, x: a * x + 1, e, initializer=2.0), [3, 7, 22, 89], [66, 48, 35, 22]),
    "scan of trees": (
        lambda e: tf.scan(lambda a, x: (a[0] + x[0], a[1] * x[1]), (e, e + 1.0))[1],
        [2, 6, 24, 120],
        [76, 50, 36, 24],
    ),
    "map_fn": (lambda e: tf.map_fn(lambda x: x * x, e), [1, 4, 9, 16], [2, 4, 6, 8]),
    "map_fn of trees": (
        lambda e: tf.map_fn(lambda x: (x[0] * x[1], x[0]), (e, e + 1.0), fn_output_signature=(tf.float32,) * 2)[0],
        [2, 6, 12, 20],
        [3, 5, 7, 9],
    ),
    "foldl": (lambda e: tf.foldl(lambda a, x: a * x - x, e), -16, [24, 0, -4, -4]),
    "foldr": (lambda e: tf.foldr(lambda a, x: a * x - x, e), 15, [15, 8, 6, 6]),
    "foldr from a half": (lambda e: tf.foldr(lambda a, x: a + x * a, e, initializer=0.5), 60, [30, 20, 15, 12]),
    "while_loop": (
        lambda e: tf.while_loop(lambda i, y: i < 3, lambda i, y: (i + 1, y * e), (tf.constant(0), e))[1],
        [1, 16, 81, 256],
        [4, 32, 108, 256],
    ),
    "while_loop of a dict": (
        lambda e: tf.while_loop(lambda s: s["i"] < 2, lambda s: [{"i": s["i"] + 1, "v": s["v"] * e}],
                                [{"i": tf.constant(0), "v": e}])[0]["v"],
        [1, 8, 27, 64],
        [3, 12, 27, 48],
    ),
    "at most 3 turns": (
        lambda e: tf.while_loop(lambda k: k[0] < 100, lambda k: [k * 2.0], [e], maximum_iterations=3)[0],
        [8, 16, 24, 32],
        [8, 8, 8, 8],
    ),
    "no back_prop": (
        lambda e: e + tf.while_loop(lambda k: k[0] < 4, lambda k: [k * 2.0], [e], back_prop=False)[0],
        [5, 10, 15, 20],
        [1, 1, 1, 1],
    ),
    "cond": (lambda e: tf.cond(e[0] > 0, lambda: e * 2.0, lambda: 1.0 / e), [2, 4, 6, 8], [2, 2, 2, 2]),
    "case": (
        lambda e: tf.case([(e[0] > 1.5, lambda: e * 2.0), (e[1] > 1.5, lambda: e * 3.0)], default=lambda: e * 4.0),
        [3, 6, 9, 12],
        [3, 3, 3, 3],
    ),
    "switch_case": (
        lambda e: tf.switch_case(tf.cast(e[1], tf.int32), [lambda: e, lambda: e * 3.0], default=lambda: e * 4.0),
        [4, 8, 12, 16],
        [4, 4, 4, 4],
    ),
    "switch_case, the last": (
        lambda e: tf.switch_case(tf.cast(-e[1], tf.int32), {1: lambda: e * 3.0, 0: lambda: e}),
        [3, 6, 9, 12],
        [3, 3, 3, 3],
    ),
}  # fmt: skip


@pytest.mark.parametrize("compiled", [False, True])
@pytest.mark.parametrize("name", LOOPS)
def test_control_flow(name: str, compiled: bool) -> None:
    f, value, slope = LOOPS[name]
    g = tf.function(f) if compiled else f
    for _ in range(3):
        x = tf.constant(E)
        with tf.GradientTape() as tape:
            tape.watch(x)
            y = g(x)
        close(y, value)
        close(tape.gradient(y, x), slope)


def test_another_way_is_the_same_path() -> None:
    @tf.function
    def f(x: Any, n: Any) -> Any:
        y = tf.while_loop(lambda i, y: i < n, lambda i, y: (i + 1, y * x), (0, 1.0))[1]
        return tf.cond(x > 0, lambda: y, lambda: tf.switch_case(n, [lambda: x, lambda: x * 5.0, lambda: y * 10.0]))

    for x, n, value in ((2.0, 3, 8), (2.0, 5, 32), (-2.0, 0, -2), (-2.0, 1, -10), (-2.0, 3, -80), (3.0, 0, 1)):
        assert float(f(tf.constant(x), tf.constant(n))) == value
    assert f.experimental_get_tracing_count() == 1


def test_what_only_python_can_do_is_pythons() -> None:
    @tf.function
    def grows(n: Any) -> Any:
        y = tf.constant([1.0])
        return tf.while_loop(lambda i, y: i < n, lambda i, y: (i + 1, tf.concat([y, y], 0)), (tf.constant(0), y))[1]

    @tf.function
    def rows(x: Any) -> Any:
        array = tf.TensorArray(tf.float32, size=3)
        array = tf.while_loop(lambda i, _: i < 3, lambda i, a: (i + 1, a.write(i, x * tf.cast(i, tf.float32))),
                              (tf.constant(0), array))[1]  # fmt: skip
        return array.stack()

    assert [grows(tf.constant(n)).shape[0] for n in (0, 2, 3, 2)] == [1, 4, 8, 4]
    for x in (1.0, 2.0):
        close(rows(tf.constant(x)), [0, x, 2 * x])


def test_pythons_numbers_are_parts_of_the_program() -> None:
    traced: list[Any] = []

    @tf.function
    def f(x: Any, n: Any, scale: Any = 1.0) -> Any:
        traced.append((n, scale))
        return x**n * scale, {"n": n, "scale": scale}

    for n, scale in ((2, 1.0), (3, 2.0), (2, 2.0), (2, 1.0)):
        y, given = f(tf.constant(3.0), n, scale=scale)
        assert float(y) == 3.0**n * scale
        assert (float(given["n"]), float(given["scale"])) == (n, scale)
        assert (given["n"].dtype, given["scale"].dtype) == ("int32", "float32")
    assert traced == [(2, 1.0), (3, 2.0), (2, 2.0)]


def test_python_branches_and_side_effects() -> None:
    log: list[str] = []

    @tf.function(jit_compile=True, reduce_retracing=True, autograph=True)
    def f(x: Any) -> Any:
        log.append("traced")
        return x * 2.0 if x > 0 else -x

    assert [float(f(tf.constant(v))) for v in (1.0, -3.0, 2.0, -4.0)] == [2.0, 3.0, 4.0, 4.0]
    assert len(log) == 2
    tf.config.run_functions_eagerly(True)
    try:
        f(tf.constant(1.0))
    finally:
        tf.config.run_functions_eagerly(False)
    assert len(log) == 3


def test_prints_and_python_functions_run_at_every_call(capsys: pytest.CaptureFixture[str]) -> None:
    seen: list[float] = []

    @tf.function
    def printed(x: Any) -> Any:
        tf.print("x =", x, output_stream="stdout")
        return x + 1.0

    @tf.function
    def called(x: Any) -> Any:
        tf.py_function(lambda x: seen.append(float(x)), [x], tf.float32)
        return x + 1.0

    for v in (1.0, 2.0, 2.0):
        assert float(printed(tf.constant(v))) == float(called(tf.constant(v))) == v + 1
    assert capsys.readouterr().out == "x = 1.0\nx = 2.0\nx = 2.0\n"
    assert seen == [1.0, 2.0, 2.0]


def test_assertions_hold_at_every_call() -> None:
    @tf.function
    def f(x: Any) -> Any:
        tf.debugging.assert_positive(x)
        tf.debugging.assert_near(x, x)
        return tf.debugging.check_numerics(x * 2.0, "twice")

    assert float(f(tf.constant(1.0))) == 2.0
    for bad in (-1.0, np.inf):
        with pytest.raises(tf.errors.InvalidArgumentError):
            f(tf.constant(bad))
    assert float(f(tf.constant(3.0))) == 6.0


def test_input_signature() -> None:
    @tf.function(input_signature=[tf.TensorSpec([None], tf.float32), {"k": tf.TensorSpec(None, tf.int32)}])
    def f(x: Any, more: Any) -> Any:
        return tf.reduce_sum(x) * tf.cast(more["k"], tf.float32)

    one = {"k": tf.constant(2)}
    assert float(f(tf.constant([1.0, 2.0]), one)) == 6.0
    assert float(f(np.array([1.0, 2.0, 3.0]), more=one)) == 12.0  # NumPy's float64 is converted
    assert float(f([1.0], {"k": 3})) == 3.0
    v = tf.Variable([1.0, 2.0])
    with tf.GradientTape() as tape:
        y = f(v, one)
    close(tape.gradient(y, v), [2, 2])
    for bad in ((tf.constant(1.0), one), (tf.constant([1]), one), (tf.constant([1.0]),), (tf.constant([1.0]), one, 1)):
        with pytest.raises(TypeError):
            f(*bad)


def test_methods_have_programs_of_their_own() -> None:
    class Scale(tf.Module):
        def __init__(self, a: float) -> None:
            super().__init__()
            self.a = tf.Variable(a)

        @tf.function
        def __call__(self, x: Any) -> Any:
            return self.a * x

    two, three = Scale(2.0), Scale(3.0)
    for x in (1.0, 5.0):
        assert (float(two(tf.constant(x))), float(three(tf.constant(x)))) == (2 * x, 3 * x)
    two.a.assign(7.0)
    assert float(two(tf.constant(1.0))) == 7.0


@pytest.mark.parametrize("optimizer", ["SGD", "Adam", "RMSprop"])
def test_a_training_step_is_the_same_compiled(optimizer: str) -> None:
    x, y = np.linspace(0, 1, 12).reshape(4, 3).astype(np.float32), np.ones((4, 2), np.float32)
    found = []
    for compiled in (False, True):
        w = tf.Variable(np.linspace(-1, 1, 6).reshape(3, 2).astype(np.float32))
        b = tf.Variable(np.zeros(2, np.float32))
        opt = getattr(tf.keras.optimizers, optimizer)(0.05)
        mean = tf.keras.metrics.Mean()

        def step(x: Any, y: Any, w: Any = w, b: Any = b, opt: Any = opt, mean: Any = mean) -> Any:
            with tf.GradientTape() as tape:
                loss = tf.reduce_mean((tf.tanh(x @ w + b) - y) ** 2)
            opt.apply_gradients(zip(tape.gradient(loss, [w, b]), [w, b], strict=True))
            mean.update_state(loss)
            return loss

        run = tf.function(step) if compiled else step
        losses = [float(run(tf.constant(x), tf.constant(y))) for _ in range(5)]
        found.append([*losses, *w.numpy().ravel(), *b.numpy(), float(mean.result())])
    np.testing.assert_allclose(found[1], found[0], rtol=1e-5)
    assert found[0][0] > found[0][4]


def test_errors_of_case() -> None:
    yes, no = tf.constant(True), tf.constant(False)
    with pytest.raises(tf.errors.InvalidArgumentError, match="no predicate"):
        tf.case([(no, lambda: 1)])
    with pytest.raises(tf.errors.InvalidArgumentError, match="more than one"):
        tf.case([(yes, lambda: 1), (yes, lambda: 2)], exclusive=True)
    assert tf.case([(no, lambda: 1), (yes, lambda: 2)], exclusive=True) == 2


def test_recompute_grad_keeps_what_goes_in_and_comes_out() -> None:
    v, calls = tf.Variable(0.5), [0]

    def layer(x: Any) -> Any:
        calls[0] += 1
        for _ in range(5):
            x = tf.tanh(x * v)
        return x

    x = tf.constant([0.3, 0.8])
    expected = []
    for f in (layer, tf.recompute_grad(layer)):
        with tf.GradientTape() as outer:
            with tf.GradientTape() as tape:
                y = tf.reduce_sum(f(f(x)))
            entries = tape.stats()["entries"]
            slope = tape.gradient(y, v)
        expected.append((float(y), float(slope), float(outer.gradient(slope, v)), entries))
    np.testing.assert_allclose(expected[1][:3], expected[0][:3], rtol=1e-5)
    assert (expected[0][3], expected[1][3]) == (21, 3)
    assert calls == [4]
