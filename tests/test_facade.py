"""Programs in the manner of the GradientTape guides, on the facade, with known answers."""

from __future__ import annotations

import importlib
import sys
from typing import Any

import numpy as np
import pytest

import gradtape as gt
from gradtape import UnconnectedGradientWarning
from gradtape.compat import tensorflow as tf
from gradtape.compat.tensorflow import tables
from gradtape.errors import UnknownNameError


def close(found: Any, expected: Any, rtol: float = 1e-5, atol: float = 1e-6) -> None:
    np.testing.assert_allclose(np.asarray(found), expected, rtol=rtol, atol=atol)


# -- values ------------------------------------------------------------------------------------------------
def test_python_numbers_become_tensorflows_dtypes() -> None:
    assert tf.constant(1.0).dtype == tf.float32
    assert tf.constant([1, 2]).dtype == tf.int32
    assert tf.constant(np.array([1.0])).dtype == tf.float64
    assert tf.constant([True]).dtype == tf.bool
    assert tf.Variable(1.0).dtype == tf.float32
    assert tf.Variable([1.0], dtype=tf.float64).dtype == tf.float64
    assert tf.constant(2**40).dtype == tf.int64
    assert (tf.constant([1.0, 2.0]) * 2.0).dtype == tf.float32
    assert tf.add(tf.constant(1.0, tf.float64), 0.1).dtype == tf.float64
    assert tf.sin(0.5).dtype == tf.float32
    assert tf.reduce_mean([1.0, 2.0]).dtype == tf.float32
    assert tf.convert_to_tensor([tf.constant(1.0), 2.0]).dtype == tf.float32
    assert tf.cast([1.7, -1.7], tf.int32).numpy().tolist() == [1, -1]


def test_dtypes_are_accepted_wherever_numpys_are() -> None:
    assert np.zeros(2, dtype=tf.float32).dtype == np.float32
    assert tf.float32 == np.float32
    assert tf.as_dtype("int64") is not None
    assert tf.float64.as_numpy_dtype is np.float64
    assert tf.float32 in {tf.constant(1.0).dtype}
    assert (tf.float32 == None) is False  # noqa: E711
    assert tf.int8.max == 127
    assert tf.float32.is_floating
    assert repr(tf.float32) == "tf.float32"


def test_variables() -> None:
    v = tf.Variable([1.0, 2.0], name="v", trainable=False)
    assert isinstance(v, tf.Variable)
    assert isinstance(gt.Variable(1.0), tf.Variable)
    assert not isinstance(tf.constant(1.0), tf.Variable)
    assert isinstance(v.read_value(), tf.Tensor)
    assert (v.name, v.trainable, v.get_shape().as_list()) == ("v", False, [2])
    v.assign([3.0, 4.0])
    v.assign_add([1.0, 1.0])
    v.scatter_nd_update([[0]], [10.0])
    v[1].assign(7.0)
    assert v.numpy().tolist() == [10.0, 7.0]
    assert tf.Variable(lambda: tf.zeros((2, 2))).shape == (2, 2)
    assert {v.ref(): 1}[v.ref()] == 1


def test_making_and_shaping() -> None:
    assert tf.shape(tf.zeros((2, 3))).numpy().tolist() == [2, 3]
    n = tf.shape(tf.ones((4, 2)))[0]
    assert tf.reshape(tf.range(8), (n, -1)).shape == (4, 2)
    assert tf.range(1.0, 2.0, 0.5).numpy().tolist() == [1.0, 1.5]
    assert [int(i) for i in tf.range(3)] == [0, 1, 2]
    close(tf.linspace(0.0, 1.0, 3), [0, 0.5, 1])
    close(tf.transpose([[1.0, 2.0], [3.0, 4.0]]), [[1, 3], [2, 4]])
    assert tf.concat([[1.0], tf.constant([2.0])], 0).numpy().tolist() == [1, 2]
    a, b = tf.split(tf.range(5), [2, -1])
    assert (a.shape, b.shape) == ((2,), (3,))
    assert [x.shape for x in tf.unstack(tf.zeros((2, 3)), axis=1)] == [(2,)] * 3
    close(tf.eye(2, batch_shape=[3])[1], np.eye(2))
    close(tf.pad([1.0, 2.0], [[1, 0]], constant_values=9.0), [9, 1, 2])
    close(tf.repeat([1, 2], [2, 1]), [1, 1, 2])
    close(tf.fill((2,), 3.0), [3, 3])
    close(tf.squeeze(tf.ones((1, 2, 1))), [1, 1])
    x, y = tf.meshgrid([1.0, 2.0], [3.0])
    assert (x.shape, y.shape) == ((1, 2), (1, 2))
    assert tf.where([True, False, True]).numpy().tolist() == [[0], [2]]
    v = tf.constant([[1.0, 2.0], [3.0, 4.0]])
    close(v[..., tf.newaxis][:, 0, 0], [1, 3])
    assert tf.rank(v).numpy() == 2


def test_indexing_and_writing() -> None:
    x = tf.constant([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]])
    close(tf.gather(x, [2, 0], axis=1), [[3, 1], [6, 4]])
    close(tf.gather(x, [[2], [0]], batch_dims=1), [[3], [4]])
    close(tf.gather_nd(x, [[0, 1], [1, 2]]), [2, 6])
    close(tf.scatter_nd([[1], [1]], [1.0, 2.0], [3]), [0, 3, 0])
    close(tf.tensor_scatter_nd_sub([1.0, 2.0], [[0]], [5.0]), [-4, 2])
    close(tf.tensor_scatter_nd_max([1.0, 2.0], [[0], [1]], [5.0, 0.0]), [5, 2])
    close(tf.boolean_mask(x, [False, True]), [[4, 5, 6]])
    close(tf.one_hot([1, -1], 3, on_value=2.0), [[0, 2, 0], [0, 0, 0]])
    close(tf.slice(x, [0, 1], [2, -1]), [[2, 3], [5, 6]])
    close(tf.sort([2.0, 3.0, 1.0], direction="DESCENDING"), [3, 2, 1])
    assert tf.argsort([2.0, 3.0, 1.0]).numpy().tolist() == [2, 0, 1]
    values, places = tf.math.top_k([1.0, 5.0, 3.0], k=2)
    assert (values.numpy().tolist(), places.numpy().tolist()) == ([5, 3], [1, 2])
    y, index = tf.unique([3, 1, 3])
    assert (y.numpy().tolist(), index.numpy().tolist()) == ([3, 1], [0, 1, 0])
    close(tf.math.segment_sum([1.0, 2.0, 3.0], [0, 0, 1]), [3, 3])
    close(tf.convert_to_tensor(tf.IndexedSlices([[1.0], [2.0]], [1, 1], (2, 1))), [[0], [3]])
    close(tf.math.unsorted_segment_mean([1.0, 3.0], [1, 1], 3), [0, 2, 0])


def test_mathematics() -> None:
    close(tf.math.cumsum([1.0, 2.0, 3.0], exclusive=True, reverse=True), [5, 3, 0])
    close(tf.math.cumprod([1.0, 2.0, 3.0], exclusive=True), [1, 1, 2])
    close(tf.math.divide_no_nan(1.0, [0.0, 2.0]), [0, 0.5])
    close(tf.math.multiply_no_nan([np.inf, 2.0], [0.0, 3.0]), [0, 6])
    close(tf.clip_by_norm([3.0, 4.0], 1.0), [0.6, 0.8])
    clipped, norm = tf.clip_by_global_norm([tf.constant([3.0]), None, tf.constant([4.0])], 2.5)
    close([clipped[0], clipped[2], [norm]], [[1.5], [2], [5]])
    close(tf.linalg.matvec([[1.0, 2.0]], [3.0, 4.0]), [11])
    close(tf.linalg.trace(tf.eye(3)), 3)
    close(tf.linalg.band_part(tf.ones((2, 2)), 0, -1), [[1, 1], [0, 1]])
    close(tf.norm([[3.0, 4.0]], axis=1), [5])
    close(tf.matmul([[1.0, 2.0]], [[3.0, 4.0]], transpose_b=True), [[11]])
    close(tf.einsum("ij,j->i", [[1.0, 2.0]], [1.0, 1.0]), [3])
    mean, variance = tf.nn.moments([1.0, 3.0], axes=[0])
    close([mean, variance], [2, 1])
    close(tf.reduce_logsumexp([0.0, 0.0]), np.log(2))
    close(tf.argmax([[1, 5], [7, 2]], axis=1), [1, 0])
    close(tf.add_n([1.0, tf.constant(2.0)]), 3)
    close(tf.math.polyval([2.0, 1.0], 3.0), 7)
    close(tf.nn.gelu(0.0), 0)
    close(tf.nn.leaky_relu([-1.0, 1.0]), [-0.2, 1])


def test_losses() -> None:
    logits, labels = tf.constant([[1.0, 2.0, 0.5]]), [1]
    p = np.exp(logits) / np.exp(logits).sum()
    close(tf.nn.sparse_softmax_cross_entropy_with_logits(labels, logits), -np.log(p[:, 1]))
    close(tf.nn.softmax_cross_entropy_with_logits([[0.0, 1.0, 0.0]], logits), -np.log(p[:, 1]))
    close(tf.nn.sigmoid_cross_entropy_with_logits(1.0, tf.constant([0.0, 100.0])), [np.log(2), 0])
    losses = tf.keras.losses
    close(losses.SparseCategoricalCrossentropy(from_logits=True)(np.array([1]), logits), -np.log(p[0, 1]))
    close(losses.CategoricalCrossentropy()([[0.0, 1.0, 0.0]], tf.constant(p)), -np.log(p[0, 1]))
    close(losses.BinaryCrossentropy(from_logits=True)([[1.0]], tf.constant([[0.0]])), np.log(2))
    close(losses.MeanSquaredError(reduction="sum")([[1.0, 2.0]], tf.constant([[0.0, 0.0]])), 2.5)
    close(losses.Huber()([[0.0, 0.0]], tf.constant([[0.5, 3.0]])), (0.125 + 2.5) / 2)
    close(losses.get("mse")([1.0], tf.constant([3.0])), 4)
    close(losses.KLDivergence()([[0.5, 0.5]], tf.constant([[0.25, 0.75]])), 0.5 * np.log(2) + 0.5 * np.log(2 / 3))
    x = tf.Variable(0.0)
    with tf.GradientTape() as tape:
        y = tf.nn.sigmoid_cross_entropy_with_logits(1.0, x)
    close([tape.gradient(y, x), tape.hessian(y, x)], [-0.5, 0.25])


def test_random_is_seeded() -> None:
    draws: list[Any] = []
    for _ in range(2):
        tf.random.set_seed(3)
        draws.append([tf.random.normal((2,)), tf.random.uniform((2,), -1.0, 1.0), tf.random.shuffle([1.0, 2.0])])
    assert all(np.array_equal(a, b) for a, b in zip(*draws, strict=True))
    assert np.array_equal(tf.random.stateless_normal([2], seed=[1, 2]), tf.random.stateless_normal([2], seed=[1, 2]))
    generator = tf.random.Generator.from_seed(1)
    assert not np.array_equal(generator.normal([2]), generator.normal([2]))
    assert tf.random.uniform((3,), 0, 5, dtype=tf.int32).dtype == tf.int32
    scale = tf.Variable(2.0)
    with tf.GradientTape() as tape:
        y = tf.random.normal((), stddev=scale)
    close(tape.gradient(y, scale), y / 2.0)


# -- the tape ----------------------------------------------------------------------------------------------
def test_persistent_tape_watch_and_stop_recording() -> None:
    x = tf.constant([1.0, 3.0])
    with tf.GradientTape(persistent=True) as tape:
        tape.watch(x)
        y = x * x
        z = y * y
        with tape.stop_recording():
            w = x * y
    close(tape.gradient(z, x), [4, 108])
    close(tape.gradient(y, x), [2, 6])
    with pytest.warns(UnconnectedGradientWarning):
        assert tape.gradient(w, x) is None
    del tape


def test_unconnected_gradients_zero() -> None:
    x, y = tf.Variable(2.0), tf.Variable([3.0, 4.0])
    with tf.GradientTape() as tape:
        z = y * y
    close(tape.gradient(z, x, unconnected_gradients=tf.UnconnectedGradients.ZERO), 0.0)


def test_only_watched_variables() -> None:
    a, b = tf.Variable(1.0), tf.Variable(2.0)
    with tf.GradientTape(watch_accessed_variables=False) as tape:
        tape.watch(a)
        y = a * b
    close(tape.gradient(y, a), 2)
    with pytest.warns(UnconnectedGradientWarning):
        assert tape.gradient(y, b) is None
    assert tape.watched_variables() == (a,)


def test_jacobian_and_batch_jacobian() -> None:
    x = tf.linspace(-1.0, 1.0, 5)
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = tf.nn.sigmoid(x)
    s = 1 / (1 + np.exp(-np.asarray(x)))
    close(tape.jacobian(y, x), np.diag(s * (1 - s)))
    x = tf.constant([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]])
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = tf.stack([x[:, 0] * x[:, 1], x[:, 0] ** 2], axis=1)
    v = np.asarray(x)
    expected = np.stack([np.stack([v[:, 1], v[:, 0]], 1), np.stack([2 * v[:, 0], 0 * v[:, 0]], 1)], 1)
    close(tape.batch_jacobian(y, x), expected)


def test_custom_gradient() -> None:
    @tf.custom_gradient
    def log1pexp(x: Any) -> Any:
        e = tf.exp(x)

        def grad(upstream: Any) -> Any:
            return upstream * (1 - 1 / (1 + e))

        return tf.math.log(1 + e), grad

    x = tf.constant(100.0)
    with tf.GradientTape() as tape, np.errstate(over="ignore"):
        tape.watch(x)
        y = log1pexp(x)
    close(tape.gradient(y, x), 1.0)
    x = tf.Variable(0.5)
    with tf.GradientTape() as outer:
        with tf.GradientTape() as inner:
            y = log1pexp(x)
        dy = inner.gradient(y, x)
    s = 1 / (1 + np.exp(-0.5))
    close([dy, outer.gradient(dy, x)], [s, s * (1 - s)])


def test_stop_gradient_and_assignment() -> None:
    x = tf.Variable(3.0)
    with tf.GradientTape() as tape:
        y = x * tf.stop_gradient(x * x)
    close(tape.gradient(y, x), 9)
    v, x = tf.Variable(1.0), tf.constant(2.0)
    with tf.GradientTape() as tape:
        tape.watch(x)
        v.assign_add(x)
        loss = v * v
    close(tape.gradient(loss, x), 6)


@pytest.mark.parametrize(
    "arguments", [None, {"jit_compile": True}, {"input_signature": [tf.TensorSpec((), tf.float32)]}]
)
def test_functions_loops_and_branches(arguments: Any) -> None:
    def power(x: Any) -> Any:
        y = x
        for _ in tf.range(3):
            y = y * x
        return y if y > 0 else -y

    f = tf.function(power) if arguments is None else tf.function(**arguments)(power)
    x = tf.Variable(-2.0)
    with tf.GradientTape() as tape:
        y = f(x)
    close([y, tape.gradient(y, x)], [16, -32])
    assert f.python_function is power
    assert f.get_concrete_function(x)(x).numpy() == 16


def test_structured_control_flow() -> None:
    x = tf.Variable(3.0)
    with tf.GradientTape() as tape:
        i, y = tf.while_loop(lambda i, y: i < 3, lambda i, y: (i + 1, y * x), (tf.constant(0), tf.constant(1.0)))
        z = tf.cond(y > 10.0, lambda: y * y, lambda: y)
    close([float(i), z, tape.gradient(z, x)], [3, 729, 6 * 3**5])
    elems = tf.constant([1.0, 2.0, 3.0])
    with tf.GradientTape() as tape:
        mapped = tf.map_fn(lambda e: e * x, elems)
        scanned = tf.scan(lambda a, e: a * e, elems)
        folded = tf.foldl(lambda a, e: a + e * x, elems, initializer=0.0)
    close(mapped, [3, 6, 9])
    close(scanned, [1, 2, 6])
    close(tape.gradient(folded, x), 6)
    close(tf.vectorized_map(lambda p: p[0] * p[1], (elems, elems)), [1, 4, 9])
    assert tf.switch_case(tf.constant(1), [lambda: "a", lambda: "b"]) == "b"
    assert tf.case([(tf.constant(False), lambda: 1), (tf.constant(True), lambda: 2)]) == 2
    with tf.GradientTape() as tape:
        array = tf.TensorArray(tf.float32, size=0, dynamic_size=True)
        for i in tf.range(3):
            array = array.write(i, x * float(i))
        total = tf.reduce_sum(array.stack() ** 2)
    close([total, tape.gradient(total, x)], [45, 30])
    assert tf.while_loop(lambda k: k < 5, lambda k: k + 1, [tf.constant(0)], maximum_iterations=2)[0].numpy() == 2


# -- programs ------------------------------------------------------------------------------------------------
def test_custom_training_loop_fits_a_line() -> None:
    tf.random.set_seed(1)

    class Line(tf.Module):
        def __init__(self) -> None:
            super().__init__()
            self.w = tf.Variable(5.0)
            self.b = tf.Variable(0.0)

        @tf.function
        def __call__(self, x: Any) -> Any:
            return self.w * x + self.b

    x = tf.linspace(-2.0, 2.0, 41)
    y = 3.0 * x + 2.0
    model = Line()
    for _ in range(60):
        with tf.GradientTape() as t:
            loss = tf.reduce_mean(tf.square(y - model(x)))
        dw, db = t.gradient(loss, [model.w, model.b])
        model.w.assign_sub(0.1 * dw)
        model.b.assign_sub(0.1 * db)
    close([model.w, model.b], [3, 2], rtol=1e-3)
    assert {v.name for v in model.trainable_variables} == {None}
    assert model.trainable_variables == (model.b, model.w)  # by attribute name, as in TensorFlow


def test_keras_training_loop_with_a_dataset() -> None:
    tf.keras.utils.set_random_seed(0)
    x = np.random.default_rng(0).normal(size=(64, 2)).astype(np.float32)
    y = (x @ np.array([[2.0], [-1.0]], np.float32) > 0).astype(np.int32)[:, 0]
    model = tf.keras.Sequential([tf.keras.layers.Dense(8, activation="relu"), tf.keras.layers.Dense(2)])
    loss_fn = tf.keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    optimizer = tf.keras.optimizers.Adam(0.05)
    accuracy = tf.keras.metrics.SparseCategoricalAccuracy()
    data = tf.data.Dataset.from_tensor_slices((x, y)).shuffle(64).batch(16)
    assert len(data) == 4
    for _ in range(15):
        accuracy.reset_state()
        for xs, ys in data:
            with tf.GradientTape() as tape:
                logits = model(xs, training=True)
                loss = loss_fn(ys, logits)
            grads = tape.gradient(loss, model.trainable_weights)
            optimizer.apply_gradients(zip(grads, model.trainable_weights, strict=True))
            accuracy.update_state(ys, logits)
    assert float(accuracy.result()) > 0.95
    assert model(x).dtype == tf.float32


def test_wgan_gradient_penalty() -> None:
    # Critic f(x) = |x|^2 w: its gradient has norm 2 |x| w, the penalty is mean (norm - 1)^2.
    w = tf.Variable(0.5)
    x = tf.constant([[3.0, 4.0], [0.6, 0.8]])
    with tf.GradientTape() as tape:
        with tf.GradientTape() as gp_tape:
            gp_tape.watch(x)
            scores = tf.reduce_sum(x * x, axis=1) * w
        norms = tf.sqrt(tf.reduce_sum(tf.square(gp_tape.gradient(scores, [x])[0]), axis=1))
        penalty = tf.reduce_mean((norms - 1.0) ** 2)
    close(penalty, (16 + 0) / 2)
    close(tape.gradient(penalty, w), np.mean([2 * (5 - 1) * 10, 0]))


def test_maml_inner_loop_is_exact() -> None:
    # Inner steps w <- w - a 2 (w - c), outer loss (w_k - d)^2: w_k = c + (w - c)(1 - 2 a)^k.
    w, rate, c, d = tf.Variable(2.0), tf.Variable(0.1), 1.0, 3.0
    with tf.GradientTape() as outer:
        fast = tf.Variable(w)
        for _ in range(3):
            with tf.GradientTape() as inner:
                loss = (fast - c) ** 2
            fast.assign_sub(rate * inner.gradient(loss, fast))
        outer_loss = (fast - d) ** 2
    end = c + 0.8**3
    close(outer.gradient(outer_loss, w), 2 * (end - d) * 0.8**3)
    close(outer.gradient(outer_loss, rate), 2 * (end - d) * 3 * 0.8**2 * -2)
    first, second = 3 * 0.8**2 * -2, 6 * 0.8 * 4
    close(outer.hessian(outer_loss, rate), 2 * first**2 + 2 * (end - d) * second)


def test_maml_with_a_cloned_model_and_a_stock_optimizer() -> None:
    model = tf.keras.Sequential([tf.keras.layers.Dense(1, use_bias=False, kernel_initializer="ones", input_shape=(1,))])
    x, y = tf.constant([[1.0]]), tf.constant([[3.0]])
    with tf.GradientTape() as outer:
        fast = tf.keras.models.clone_model(model)
        optimizer = tf.keras.optimizers.SGD(0.1)
        with tf.GradientTape() as inner:
            loss = tf.reduce_sum(fast(x) ** 2)
        optimizer.apply_gradients(
            zip(inner.gradient(loss, fast.trainable_variables), fast.trainable_variables, strict=True)
        )
        after = tf.reduce_sum((fast(x) - y) ** 2)
    (g,) = outer.gradient(after, model.trainable_variables)
    close(g, [[-3.52]])


def test_pinn_second_derivatives() -> None:
    model = tf.keras.Sequential([tf.keras.layers.Dense(5, activation="tanh"), tf.keras.layers.Dense(1)])
    x = tf.constant([[0.1], [0.7]])
    with tf.GradientTape() as weights:
        with tf.GradientTape() as second:
            second.watch(x)
            with tf.GradientTape() as first:
                first.watch(x)
                u = model(x)
            u_x = first.gradient(u, x)
        u_xx = second.gradient(u_x, x)
        residual = tf.reduce_mean((u_xx + u) ** 2)
    w1, b1, w2, b2 = (np.asarray(v, np.float64) for v in model.trainable_variables)
    t = np.tanh(np.asarray(x, np.float64) @ w1 + b1)
    close(u_x, ((1 - t**2) * w1) @ w2)
    expected = (-2 * t * (1 - t**2) * w1**2) @ w2
    close(u_xx, expected, atol=1e-5)
    grads = weights.gradient(residual, model.trainable_variables)
    close(grads[3], [2 * np.mean(expected + t @ w2 + b2)], atol=1e-5)


def test_subclassed_model_with_bare_variables_and_lists() -> None:
    class Net(tf.keras.Model):
        def __init__(self) -> None:
            super().__init__()
            self.scale = tf.Variable(2.0)
            self.blocks = [tf.keras.layers.Dense(3), tf.keras.layers.Dense(1, name="last")]
            self.heads = {"a": tf.Variable([1.0], trainable=False)}
            self.dropout = tf.keras.layers.Dropout(0.5)

        def call(self, inputs: Any, training: bool = False) -> Any:
            for block in self.blocks:
                inputs = block(inputs)
            return self.dropout(inputs * self.scale + self.heads["a"], training=training)

    net = Net()
    assert net(np.ones((2, 4))).shape == (2, 1)
    assert len(net.trainable_variables) == 5
    assert len(net.weights) == 6
    assert net.trainable_variables[0] is net.scale
    net.blocks[1].trainable = False
    assert len(net.trainable_variables) == 3
    values = net.get_weights()
    net.set_weights([v * 0 for v in values])
    close(net(np.ones((2, 4))), [[0], [0]])


def test_functional_models_and_fit() -> None:
    tf.keras.utils.set_random_seed(0)
    inputs = tf.keras.Input(shape=(2,))
    hidden = tf.keras.layers.Dense(4, activation="tanh", kernel_regularizer=tf.keras.regularizers.l2(0.5))(inputs)
    outputs = tf.keras.layers.Dense(1)(tf.keras.layers.Concatenate()([hidden, inputs * 2.0]))
    model = tf.keras.Model(inputs, outputs)
    assert [layer.name for layer in model.layers] == ["dense", "concatenate", "dense"]
    assert model.count_params() == 8 + 4 + 6 + 1
    close(model.losses[0], 0.5 * np.sum(np.asarray(model.layers[0].kernel) ** 2))
    x = np.random.default_rng(0).normal(size=(32, 2)).astype(np.float32)
    model.compile(optimizer=tf.keras.optimizers.SGD(0.05), loss="mse")
    history = model.fit(x, x[:, :1], epochs=20, batch_size=8).history["loss"]
    assert history[-1] < 0.5 * history[0]
    assert model.predict(x).shape == (32, 1)


def test_layers() -> None:
    x = tf.constant([[1.0, 2.0], [3.0, 6.0]])
    layers = tf.keras.layers
    normalised = layers.BatchNormalization(epsilon=0.0)
    close(normalised(x, training=True), [[-1, -1], [1, 1]])
    close(normalised.moving_mean, 0.01 * np.array([2, 4]))
    close(layers.LayerNormalization(epsilon=0.0)(x), [[-1, 1], [-1, 1]], rtol=1e-4)
    table = layers.Embedding(4, 3)
    with tf.GradientTape() as tape:
        y = tf.reduce_sum(table(tf.constant([1, 1, 2])) ** 2)
    g = tape.gradient(y, table.embeddings)
    close(g, 2 * np.asarray(table.embeddings) * np.array([[0], [2], [1], [0]]))
    close(2 * g, 2 * np.asarray(g))  # a gradient of a lookup is an ordinary array
    close(layers.Flatten()(tf.ones((2, 3, 4))).shape, (2, 12))
    close(layers.Activation("softplus")(0.0), np.log(2))
    tf.random.set_seed(0)
    dropped = np.asarray(layers.Dropout(0.25)(tf.ones((1000,)), training=True))
    assert set(np.unique(dropped)) == {0.0, np.float32(4 / 3)}
    assert layers.Dense(2, dtype=tf.float64)(np.ones((1, 3))).dtype == tf.float64


def test_optimizer_learning_rate_is_a_variable() -> None:
    optimizer = tf.keras.optimizers.SGD(learning_rate=0.1)
    assert isinstance(optimizer.learning_rate, tf.Variable)
    kept = optimizer.learning_rate
    optimizer.learning_rate = 0.5
    assert optimizer.learning_rate is kept
    close(kept, 0.5)
    w = tf.Variable(1.0)
    optimizer.apply_gradients([(tf.constant(1.0), w)])
    close([w, float(optimizer.iterations)], [0.5, 1])
    decaying = tf.keras.optimizers.SGD(tf.keras.optimizers.schedules.ExponentialDecay(1.0, 1, 0.5))
    w = tf.Variable(0.0)
    for _ in range(3):
        decaying.apply_gradients([(tf.constant(1.0), w)])
    close(w, -1.75)
    assert isinstance(tf.keras.optimizers.get("adam"), tf.keras.optimizers.Adam)
    assert isinstance(tf.keras.optimizers.Adam(), tf.keras.optimizers.Optimizer)


# -- the house ---------------------------------------------------------------------------------------------
def test_debugging_and_nest(capsys: pytest.CaptureFixture[str]) -> None:
    tf.debugging.assert_near(tf.constant(1.0), 1.0 + 1e-7)
    tf.debugging.assert_equal([1, 2], [1, 2])
    with pytest.raises(tf.errors.InvalidArgumentError, match="x == y does not hold"):
        tf.debugging.assert_equal(1, 2)
    with pytest.raises(tf.errors.InvalidArgumentError, match="NaN"):
        tf.debugging.check_numerics(tf.constant(np.nan), "loss")
    assert tf.nest.flatten({"b": 2, "a": [1]}) == [1, 2]
    assert tf.nest.map_structure(lambda a, b: a + b, [1, {"x": 2}], [10, {"x": 20}]) == [11, {"x": 22}]
    tf.print("value:", tf.constant([1.0, 2.0]), tf.constant(3.0))
    assert capsys.readouterr().err == "value: [1. 2.] 3.0\n"
    assert tf.config.list_physical_devices("GPU") == []
    assert tf.executing_eagerly()
    assert tf.__version__ == "2.21.0-gradtape"


@pytest.mark.parametrize(
    ("path", "near"),
    [
        ("sinn", "'sin'"),
        ("softmax", "'tf.nn.softmax'"),
        ("math.reduce_summ", "'reduce_sum'"),
        ("keras.layers.Dence", "'Dense'"),
        ("hessians", ""),
        ("linalg.tridiagonal_solve", ""),
    ],
)
def test_unknown_names_say_so(path: str, near: str) -> None:
    where, _, name = path.rpartition(".")
    module = importlib.import_module("gradtape.compat.tensorflow" + (f".{where}" if where else ""))
    with pytest.raises(UnknownNameError, match=rf"tf\.{path} is not in gradtape's TensorFlow facade") as caught:
        getattr(module, name)
    assert near in str(caught.value)
    assert not hasattr(module, name)


def test_every_row_of_the_tables_leads_somewhere() -> None:
    assert len(tables.rows) > 60
    for path in tables.rows:
        assert callable(tables.core(path))


def test_every_name_is_there() -> None:
    for module in [m for n, m in sys.modules.items() if n.startswith("gradtape.compat.tensorflow")]:
        for name in getattr(module, "__all__", ()):
            assert hasattr(module, name), (module.__name__, name)


def test_installing_leaves_things_as_they_were() -> None:
    assert "tensorflow" not in sys.modules
    with tf.install():
        from tensorflow import keras  # type: ignore[import-not-found]
        from tensorflow.keras.optimizers.schedules import ExponentialDecay  # type: ignore[import-not-found]

        assert keras.layers.Dense is tf.keras.layers.Dense
        assert ExponentialDecay(1.0, 1, 0.5)(1).numpy() == 0.5
        assert importlib.import_module("keras") is tf.keras
        with pytest.raises(ImportError):
            importlib.import_module("tensorflow.lite")
    assert not any(name.partition(".")[0] in ("tensorflow", "keras") for name in sys.modules)


def test_entries_keep_the_users_line() -> None:
    x = tf.Variable(1.0)
    with tf.GradientTape() as tape:
        tf.nn.softplus(x)
    files = {e[4].co_filename for e in tape._window.entries() if e[4] is not None}  # pyright: ignore[reportPrivateUsage]
    assert files == {__file__}


# -- shapes and forward mode -----------------------------------------------------------------------------------------
def test_the_shape_of_a_tensor_answers_tensorflows_questions():
    x, v = tf.zeros((2, 3)), tf.Variable(tf.ones((4,)))
    for shape, dims in ((x.shape, (2, 3)), (v.shape, (4,)), ((x @ tf.ones((3, 4)) + v).shape, (2, 4))):
        assert isinstance(shape, tf.TensorShape)
        assert shape == dims
        assert shape.as_list() == list(dims)
        assert shape.rank == shape.ndims == len(dims)
        assert shape.num_elements() == np.prod(dims)
        assert shape.is_fully_defined()
        assert str(shape) == str(dims)
    assert x.get_shape() == (2, 3)
    assert x.shape[1] == 3
    assert x.shape[1:].as_list() == [3]
    assert (x.shape.__radd__((7,))).as_list() == [7, 2, 3]
    assert x.shape.concatenate([5]).as_list() == [2, 3, 5]


def test_shapes_with_unknown_lengths():
    shape = tf.TensorShape([None, 3])
    assert not shape.is_fully_defined()
    assert shape.num_elements() is None
    assert shape.is_compatible_with((2, 3))
    assert shape.merge_with([2, None]).as_list() == [2, 3]
    with pytest.raises(ValueError, match="not compatible"):
        shape.merge_with([2, 4])
    with pytest.raises(ValueError, match="rank"):
        shape.with_rank(3)


def test_autodiff_has_the_accumulator():
    x = tf.constant([[2.0, 3.0], [1.0, 4.0]])
    with tf.autodiff.ForwardAccumulator(x, tf.ones_like(x)) as acc:
        y = tf.reduce_sum(x**2, axis=1)
    assert acc.jvp(y).numpy().tolist() == [10.0, 10.0]
    v = tf.Variable(2.0)
    with tf.autodiff.ForwardAccumulator(v, tf.constant(1.0)) as acc:
        with tf.GradientTape() as tape:
            z = v**3
        g = tape.gradient(z, v)
    assert float(acc.jvp(g)) == 12.0
