"""Layers of convolution, pooling and recurrence, against formulas written out in NumPy, and by central differences."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import gradtape as gt
import gradtape.compat.tensorflow as tf

rng = np.random.default_rng(5)


def built(layer: Any, x: Any) -> Any:
    """The layer with random weights."""
    layer(gt.asarray(x))
    for v in layer.variables:
        v.assign(rng.normal(size=v.shape))
    return layer


def check_slopes(layer: Any, x: Any) -> None:
    """The gradient in the input and in every weight, against central differences in some direction."""
    t = gt.asarray(x)
    weights = list(layer.trainable_variables)

    def loss(at: Any) -> Any:
        y = layer(at)
        return gt.sum(y * np.cos(np.arange(y.size)).reshape(y.shape))

    with gt.GradientTape() as tape:
        y = loss(t)
    found = tape.gradient(y, [t, *weights])
    h = 1e-6
    d = rng.normal(size=x.shape)
    slope = (float(loss(gt.asarray(x + h * d))) - float(loss(gt.asarray(x - h * d)))) / (2 * h)
    assert float(gt.sum(found[0] * d)) == pytest.approx(slope, rel=1e-6, abs=1e-7)
    for v, g in zip(weights, found[1:], strict=True):
        value, d = v.numpy().copy(), rng.normal(size=v.shape)
        sides: list[float] = []
        for sign in (1, -1):
            v.assign(value + sign * h * d)
            sides.append(float(loss(t)))
        v.assign(value)
        assert float(gt.sum(g * d)) == pytest.approx((sides[0] - sides[1]) / (2 * h), rel=1e-6, abs=1e-7)


def windows(x: Any, size: int, step: int) -> Any:
    return np.lib.stride_tricks.sliding_window_view(x, size, axis=1)[:, ::step]


# -- convolution -----------------------------------------------------------------------------------------------------


def test_conv1d_is_its_formula() -> None:
    x = rng.normal(size=(2, 9, 3))
    layer = built(gt.layers.Conv1D(4, 3, strides=2, activation="tanh"), x)
    kernel, bias = layer.kernel.numpy(), layer.bias.numpy()
    truth = np.tanh(np.einsum("bpck,kco->bpo", windows(x, 3, 2), kernel) + bias)
    np.testing.assert_allclose(layer(gt.asarray(x)), truth, rtol=1e-12)
    check_slopes(layer, x)


def test_causal_convolution_sees_nothing_later() -> None:
    x = rng.normal(size=(1, 8, 2))
    layer = built(gt.layers.Conv1D(3, 3, padding="causal", dilation_rate=2), x)
    t = gt.asarray(x)
    with gt.GradientTape() as tape:
        y = gt.sum(layer(t)[:, 4])
    reached = np.flatnonzero(np.abs(tape.gradient(y, t).numpy()).sum(axis=(0, 2)))
    assert reached.tolist() == [0, 2, 4]
    assert layer(t).shape == (1, 8, 3)


def test_channels_first_is_channels_last_transposed() -> None:
    x = rng.normal(size=(2, 7, 6, 3))
    layer = built(gt.layers.Conv2D(4, (3, 2), padding="same"), x)
    first = built(gt.layers.Conv2D(4, (3, 2), padding="same", data_format="channels_first"), x.transpose(0, 3, 1, 2))
    for a, b in zip(first.variables, layer.variables, strict=True):
        a.assign(b)
    y = first(gt.asarray(x.transpose(0, 3, 1, 2))).numpy()
    np.testing.assert_allclose(y.transpose(0, 2, 3, 1), layer(gt.asarray(x)), rtol=1e-12)
    with pytest.raises(ValueError, match="channels_last"):
        gt.layers.Conv2D(4, 3, data_format="last")


@pytest.mark.parametrize("padding", ["valid", "same"])
@pytest.mark.parametrize("strides", [1, 2, 3])
def test_transposed_convolution_is_the_transpose(padding: str, strides: int) -> None:
    """<conv(x), y> = <x, conv_transpose(y)> with the same kernel."""
    y = rng.normal(size=(1, 5, 3))
    back = built(gt.layers.Conv1DTranspose(2, 2, strides=strides, padding=padding, use_bias=False), y)
    made = back(gt.asarray(y)).numpy()
    x = rng.normal(size=made.shape)
    ahead = built(gt.layers.Conv1D(3, 2, strides=strides, padding=padding, use_bias=False), x)
    ahead.kernel.assign(back.kernel)
    assert np.vdot(ahead(gt.asarray(x)), y) == pytest.approx(np.vdot(x, made), rel=1e-12)
    check_slopes(back, y)


def test_depthwise_convolution_keeps_channels_apart() -> None:
    x = rng.normal(size=(2, 6, 5, 3))
    layer = built(gt.layers.DepthwiseConv2D(2, depth_multiplier=2), x)
    y = layer(gt.asarray(x)).numpy()
    kernel, bias = layer.depthwise_kernel.numpy(), layer.bias.numpy()
    for c in range(3):
        for m in range(2):
            alone = sum(x[:, i : i + 5, j : j + 4, c] * kernel[i, j, c, m] for i in range(2) for j in range(2))
            np.testing.assert_allclose(y[..., 2 * c + m], alone + bias[2 * c + m], rtol=1e-12)
    check_slopes(layer, x)


def test_pooling() -> None:
    x = rng.normal(size=(2, 8, 3))
    cut = windows(x, 2, 2)
    np.testing.assert_allclose(gt.layers.MaxPooling1D()(x), cut.max(axis=-1))
    np.testing.assert_allclose(gt.layers.AveragePooling1D()(x), cut.mean(axis=-1))
    image = rng.normal(size=(2, 4, 6, 3))
    np.testing.assert_allclose(gt.layers.GlobalAveragePooling2D()(image), image.mean(axis=(1, 2)))
    np.testing.assert_allclose(
        gt.layers.GlobalMaxPooling2D(keepdims=True)(image), image.max(axis=(1, 2), keepdims=True)
    )
    up = gt.layers.UpSampling2D((2, 3))(image).numpy()
    np.testing.assert_array_equal(up, image.repeat(2, axis=1).repeat(3, axis=2))
    assert gt.layers.ZeroPadding2D(((1, 2), (0, 3)))(image).shape == (2, 7, 9, 3)
    check_slopes(gt.layers.AveragePooling2D((2, 3), padding="same"), image)


# -- recurrence --------------------------------------------------------------------------------------------------------


def sigmoid(x: Any) -> Any:
    return 1 / (1 + np.exp(-x))


def test_lstm_is_its_formula() -> None:
    x = rng.normal(size=(3, 5, 2))
    layer = built(gt.layers.LSTM(4, return_sequences=True), x)
    kernel, recurrent, bias = [v.numpy() for v in (layer.kernel, layer.recurrent_kernel, layer.bias)]
    h, c = np.zeros((3, 4)), np.zeros((3, 4))
    truth: list[Any] = []
    for t in range(5):
        i, f, new, o = np.split(x[:, t] @ kernel + h @ recurrent + bias, 4, axis=1)
        c = sigmoid(f) * c + sigmoid(i) * np.tanh(new)
        h = sigmoid(o) * np.tanh(c)
        truth.append(h)
    np.testing.assert_allclose(layer(gt.asarray(x)), np.stack(truth, axis=1), rtol=1e-12)
    check_slopes(layer, x)
    assert gt.layers.LSTM(2)(x).shape == (3, 2)


def test_lstm_starts_out_remembering() -> None:
    layer = gt.layers.LSTM(2)
    layer(gt.ones((1, 1, 3)))
    np.testing.assert_array_equal(layer.bias.numpy(), [0, 0, 1, 1, 0, 0, 0, 0])


@pytest.mark.parametrize("reset_after", [True, False])
def test_gru_is_its_formula(reset_after: bool) -> None:
    x = rng.normal(size=(3, 4, 2))
    layer = built(gt.layers.GRU(5, reset_after=reset_after), x)
    kernel, recurrent, bias = [v.numpy() for v in (layer.kernel, layer.recurrent_kernel, layer.bias)]
    first, second = bias if reset_after else (bias, np.zeros(15))
    h = np.zeros((3, 5))
    for t in range(4):
        xz, xr, xh = np.split(x[:, t] @ kernel + first, 3, axis=1)
        uz, ur, uh = np.split(recurrent, 3, axis=1)
        bz, br, bh = np.split(second, 3)
        z, r = sigmoid(xz + h @ uz + bz), sigmoid(xr + h @ ur + br)
        new = np.tanh(xh + (r * (h @ uh + bh) if reset_after else (r * h) @ uh))
        h = z * h + (1 - z) * new
    np.testing.assert_allclose(layer(gt.asarray(x)), h, rtol=1e-12)
    check_slopes(layer, x)


def test_states_go_in_and_out() -> None:
    x = rng.normal(size=(2, 6, 3))
    layer = built(gt.layers.LSTM(4, return_state=True), x)
    whole = layer(gt.asarray(x))
    _, h, c = layer(gt.asarray(x[:, :2]))
    rest = layer(gt.asarray(x[:, 2:]), initial_state=[h, c])
    for a, b in zip(whole, rest, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-12)
    simple = built(gt.layers.SimpleRNN(4), x)
    back = gt.layers.SimpleRNN(4, go_backwards=True)
    back(gt.asarray(x))
    for a, b in zip(back.variables, simple.variables, strict=True):
        a.assign(b)
    np.testing.assert_allclose(back(gt.asarray(x)), simple(gt.asarray(x[:, ::-1].copy())), rtol=1e-12)


# -- Keras's names -----------------------------------------------------------------------------------------------------


def test_keras_layers_are_float32_and_have_keras_weights() -> None:
    x = tf.constant(rng.normal(size=(2, 8, 8, 3)))
    model = tf.keras.Sequential(
        [
            tf.keras.layers.Conv2D(4, 3, activation="relu", kernel_regularizer=tf.keras.regularizers.L2(0.1)),
            tf.keras.layers.MaxPool2D(),
            tf.keras.layers.Flatten(),
            tf.keras.layers.Dense(2),
        ]
    )
    y = model(tf.cast(x, tf.float32))
    assert (y.shape, y.dtype) == ((2, 2), np.float32)
    assert [tuple(w.shape) for w in model.weights] == [(3, 3, 3, 4), (4,), (36, 2), (2,)]
    kernel = model.weights[0]
    with tf.GradientTape() as tape:
        loss = tf.add_n(model.layers[0].losses)
    np.testing.assert_allclose(tape.gradient(loss, kernel), 0.2 * kernel.numpy(), rtol=1e-6)
    recurrent = tf.keras.layers.LSTM(3, return_sequences=True)(tf.ones((2, 5, 4)))
    assert (recurrent.shape, recurrent.dtype) == ((2, 5, 3), np.float32)
    assert tf.keras.layers.AvgPool1D is tf.keras.layers.AveragePooling1D
    with pytest.raises(AttributeError, match="no attribute 'Conv9D'"):
        _ = gt.layers.Conv9D
