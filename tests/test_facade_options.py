"""The facade takes arguments by TensorFlow's names and places, and refuses options that it would have to ignore."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from gradtape.compat import tensorflow as tf


def close(found: Any, expected: Any) -> None:
    np.testing.assert_allclose(np.asarray(found), expected, rtol=1e-6)


def test_operands_by_name_are_those_names() -> None:
    x, y = tf.constant([3.0, 1.0]), tf.constant([2.0, 5.0])
    close(tf.subtract(y=y, x=x), [1.0, -4.0])
    close(tf.subtract(x, y=y), [1.0, -4.0])
    close(tf.math.divide(y=y, x=x), [1.5, 0.2])
    assert tf.greater(y=y, x=x).numpy().tolist() == [True, False]
    close(tf.math.atan2(x=x, y=y), np.arctan2([2.0, 5.0], [3.0, 1.0]))
    close(tf.math.igamma(x=1.0, a=2.0), 1.0 - 2.0 / np.e)
    close(tf.math.zeta(q=1.0, x=2.0), np.pi**2 / 6)
    close(tf.nn.relu(features=[-1.0, 2.0]), [0.0, 2.0])
    for call in (
        lambda: tf.subtract(x, z=y),
        lambda: tf.subtract(x),
        lambda: tf.subtract(x, x=y),
        lambda: tf.math.exp(x, alpha=1.0),
        lambda: tf.math.exp(),
    ):
        with pytest.raises(TypeError, match="not its operands"):
            call()


def test_gather_takes_its_axis_where_tensorflow_does() -> None:
    x = tf.constant([[1.0, 2.0], [3.0, 4.0]])
    close(tf.gather(x, [1], None, 1), [[2.0], [4.0]])
    close(tf.gather(x, [[1], [0]], None, 1, 1), [[2.0], [3.0]])


def test_results_have_tensorflows_form() -> None:
    found = tf.math.top_k([1.0, 3.0, 2.0], 2)
    close(found.values, [3.0, 2.0])
    assert found.indices.numpy().tolist() == [1, 2]
    unit, length = tf.linalg.normalize([[3.0, 4.0]])
    close(unit, [[0.6, 0.8]])
    assert length.shape == (1, 1)


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"max_value": 1.0}, [0.0, 0.0, 0.5, 1.0]),
        ({"threshold": 0.75}, [0.0, 0.0, 0.0, 2.0]),
        ({"negative_slope": 0.1, "threshold": 0.5, "max_value": 1.0}, [-0.25, -0.1, 0.5, 1.0]),
    ],
)
def test_relu_has_its_three_options(options: dict[str, float], expected: list[float]) -> None:
    x = tf.constant([-2.0, -0.5, 0.5, 2.0])
    close(tf.keras.layers.ReLU(**options)(x), expected)
    close(tf.keras.activations.relu(x, **options), expected)
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = tf.keras.layers.ReLU(max_value=1.0, negative_slope=0.1, threshold=0.25)(x)
    close(tape.gradient(y, x), [0.1, 0.1, 1.0, 0.0])


def test_activations_have_theirs() -> None:
    x = tf.constant([-1.0, 2.0])
    close(tf.keras.activations.elu(x, 0.5), [0.5 * np.expm1(-1.0), 2.0])
    close(tf.keras.activations.leaky_relu(x, negative_slope=0.3), [-0.3, 2.0])
    close(tf.keras.activations.log_softmax(tf.constant([[1.0], [1.0]]), axis=0), np.full((2, 1), -np.log(2.0)))


def test_layers_have_theirs() -> None:
    image = tf.constant(np.arange(4.0).reshape(1, 2, 2, 1))
    found = tf.keras.layers.UpSampling2D(2, interpolation="bilinear")(image)
    close(found[0, 0, :, 0], [0.0, 0.25, 0.75, 1.0])
    x = tf.constant(np.arange(12.0).reshape(1, 3, 4) ** 2)
    y = tf.keras.layers.LayerNormalization(axis=[1, 2], gamma_initializer=tf.keras.initializers.Constant(2.0))(x)
    values = np.arange(12.0) ** 2
    close(y, 2.0 * ((values - values.mean()) / np.sqrt(values.var() + 1e-3)).reshape(1, 3, 4))
    y = tf.keras.layers.LayerNormalization(axis=1, beta_initializer="ones")(x)
    close(tf.reduce_mean(y, axis=1), np.ones((1, 4)))
    y = tf.keras.layers.BatchNormalization(moving_mean_initializer="ones", epsilon=0.0)(x)
    close(y, x.numpy() - 1.0)


def refused() -> list[Any]:
    keras = tf.keras
    model = keras.Sequential([keras.layers.Dense(1)])
    model.compile("sgd", "mse")
    x, y = np.ones((2, 1)), np.ones((2, 1))
    return [
        lambda: keras.layers.Dense(2, activaton="relu"),
        lambda: keras.layers.Dense(2, use_bais=False),
        lambda: keras.layers.Dense(2, activity_regularizer="l2"),
        lambda: keras.layers.Conv2D(2, 3, kernel_constraint="non_neg"),
        lambda: keras.layers.Conv2DTranspose(2, 3, output_padding=1),
        lambda: keras.layers.LSTM(2, dropout=0.1),
        lambda: keras.layers.Embedding(3, 2, mask_zero=True),
        lambda: keras.layers.Dropout(0.5, noise_shape=(2, 1)),
        lambda: keras.optimizers.SGD(use_ema=True),
        lambda: keras.optimizers.Adam(loss_scale_factor=2.0),
        lambda: keras.optimizers.Adam(gradient_accumulation_steps=2),
        lambda: tf.linalg.diag([1.0], padding_value=9.0),
        lambda: tf.linalg.diag([1.0], num_rows=4),
        lambda: tf.linalg.diag_part([[1.0]], k=(0, 1)),
        lambda: model.compile("sgd", "mse", loss_weights=[2.0]),
        lambda: model.fit(x, y, class_weight={0: 1.0}),
        lambda: model.fit(x, y, validation_split=0.5),
        lambda: model.fit(x, y, callbacks=[object()]),
    ]


@pytest.mark.parametrize("k", range(18))
def test_options_that_would_be_ignored_are_refused(k: int) -> None:
    with pytest.raises(TypeError):
        refused()[k]()


def test_options_that_change_nothing_pass() -> None:
    tf.keras.layers.Dense(2, kernel_constraint=None, input_shape=(3,), autocast=True)
    tf.keras.layers.LSTM(2, dropout=0.0, recurrent_dropout=0, stateful=False, unroll=True, implementation=2)
    tf.keras.layers.Flatten(data_format="channels_last")
    tf.keras.optimizers.SGD(use_ema=False, ema_momentum=0.9, jit_compile=True, loss_scale_factor=None)
    close(tf.linalg.diag([1.0, 2.0], padding_value=0, num_rows=-1), np.diag([1.0, 2.0]))


def test_fit_weights_its_examples() -> None:
    x, y, weight = np.array([[1.0], [1.0]]), np.array([[0.0], [4.0]]), np.array([3.0, 1.0])
    for loss in ("mse", tf.keras.losses.MeanSquaredError()):
        model = tf.keras.Sequential([tf.keras.layers.Dense(1, use_bias=False, kernel_initializer="zeros")])
        model.compile(tf.keras.optimizers.SGD(0.1), loss)
        model.fit(x, y, sample_weight=weight)
        close(model.weights[0], [[0.4]])  # -0.1 * mean(2 w (k - y)) from k = 0
        close(model.evaluate(x, y, sample_weight=weight), (3 * 0.4**2 + 3.6**2) / 2)
