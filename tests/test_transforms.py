"""Fourier transforms, convolutions, pooling, resampling, segments: against NumPy, closed forms and plain loops."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import gradtape as gt
from gradtape.compat import tensorflow as tf
from gradtape.errors import DtypeError, ShapeError
from gradtape.numpy import convolution, fourier, pooling, resampling, segments

RNG = np.random.default_rng(31)


def close(found: Any, expected: Any, rtol: float = 1e-12) -> None:
    found, expected = np.asarray(found), np.asarray(expected)
    assert found.shape == expected.shape
    largest = np.max(np.abs(expected), initial=1e-300, where=np.isfinite(expected))
    np.testing.assert_allclose(found, expected, rtol=rtol, atol=rtol * largest)


def gradient(f: Callable[..., Any], *xs: Any, seed: Any = None) -> list[Any]:
    ts = [gt.asarray(x) for x in xs]
    with gt.GradientTape() as tape:
        y = f(*ts)
    return [g.numpy() for g in tape.gradient(y, ts, output_gradients=seed)]


def jacobian_transposed(f: Callable[[Any], Any], x: Any, ct: Any) -> Any:
    """J' ct of a linear function of a real array, column by column."""
    columns = [np.asarray(f(e.reshape(x.shape))) for e in np.eye(x.size)]
    return np.array([np.sum(np.real(np.conj(c) * ct)) for c in columns]).reshape(x.shape)


def draw(*shape: int, complex: bool = False) -> Any:
    x = RNG.normal(size=shape)
    return x + 1j * RNG.normal(size=shape) if complex else x


# -- Fourier -------------------------------------------------------------------------------------------------------

CALLS = [
    ("fft", {}), ("fft", {"n": 3, "axis": 0}), ("fft", {"n": 7, "norm": "ortho"}), ("ifft", {"axis": 1}),
    ("ifft", {"norm": "forward"}), ("fftn", {}), ("fftn", {"s": (3, 5), "axes": (1, 2)}),
    ("fftn", {"axes": (2, 0), "norm": "ortho"}),
    ("ifftn", {"s": (6, 2), "axes": (0, 1)}), ("fft2", {}), ("ifft2", {"axes": (0, 1)}), ("hfft", {}),
    ("hfft", {"n": 5, "norm": "ortho"}), ("irfft", {}), ("irfft", {"n": 5}), ("irfft", {"n": 9, "norm": "forward"}),
    ("irfftn", {}), ("irfftn", {"s": (4, 7), "axes": (0, 2)}), ("irfft2", {}), ("fftshift", {}),
    ("fftshift", {"axes": (0, 2)}), ("ifftshift", {}), ("ifftshift", {"axes": 1}),
]  # fmt: skip
REAL = [
    ("rfft", {}), ("rfft", {"n": 3, "axis": 0}), ("rfft", {"n": 8, "norm": "ortho"}), ("ihfft", {}),
    ("ihfft", {"n": 6, "norm": "forward"}), ("rfftn", {}), ("rfftn", {"s": (3, 6), "axes": (2, 1)}), ("rfft2", {}),
]  # fmt: skip


def name_and_call(case: Any) -> str:
    return f"{case}".replace(" ", "")


@pytest.mark.parametrize(("name", "params"), CALLS + REAL, ids=name_and_call)
@pytest.mark.parametrize("complex", [False, True], ids=["real", "complex"])
def test_fourier_is_numpys(name: str, params: dict[str, Any], complex: bool) -> None:
    x = draw(4, 3, 5, complex=complex)
    if complex and (name, params) in REAL:
        with pytest.raises(DtypeError, match="real values"):
            getattr(fourier, name)(x, **params)
        return
    function = getattr(np.fft, name)
    expected = function(x, **params)
    close(getattr(fourier, name)(gt.asarray(x), **params), expected)
    close(function(gt.asarray(x), **params), expected)  # by the protocol
    ct = draw(*expected.shape, complex=np.iscomplexobj(expected))
    (found,) = gradient(lambda t: getattr(fourier, name)(t, **params), x, seed=gt.asarray(ct))
    close(np.real(found), jacobian_transposed(lambda e: function(e, **params), np.real(x), ct), 1e-11)
    if complex:
        close(np.imag(found), jacobian_transposed(lambda e: function(1j * e, **params), np.real(x), ct), 1e-11)


def test_fourier_single_precision() -> None:
    x = gt.asarray(draw(6).astype(np.float32))
    with gt.GradientTape() as tape:
        y = fourier.rfft(x)
        energy = gt.sum(gt.abs(y) ** 2)
    assert y.dtype == np.complex64
    assert tape.gradient(energy, x).dtype == np.float32
    assert fourier.irfft(y).dtype == np.float32


def test_fourier_derivatives_of_every_order() -> None:
    # The energy of a spectrum is n times that of the signal (Parseval), so its Hessian is 2 n I.
    x = gt.asarray(draw(6))
    with gt.GradientTape() as outer:
        with gt.GradientTape() as inner:
            energy = gt.sum(gt.abs(fourier.fft(x)) ** 2)
        g = inner.gradient(energy, x)
    close(g, 12 * x.numpy())
    v = draw(6)
    close(outer.gradient(g, x, output_gradients=gt.asarray(v)), 12 * v)


def test_frequencies() -> None:
    close(fourier.fftfreq(5, 0.1), np.fft.fftfreq(5, 0.1))
    close(fourier.rfftfreq(6, 0.1), np.fft.rfftfreq(6, 0.1))
    (g,) = gradient(lambda d: gt.sum(fourier.rfftfreq(4, d)), 0.5)
    close(g, -0.75 / 0.5**2)


def test_fourier_refusals() -> None:
    with pytest.raises(ShapeError, match="0 points"):
        fourier.fft(np.zeros(0))
    with pytest.raises(ShapeError, match="axis 2"):
        fourier.fft(np.zeros((2, 2)), axis=2)
    with pytest.raises(ValueError, match="norm="):
        fourier.fft(np.zeros(2), norm="none")
    with pytest.raises(ShapeError, match="lengths"):
        fourier.fftn(np.zeros((2, 2)), s=(2, 2), axes=(0,))


# -- two signals -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("mode", ["full", "same", "valid"])
@pytest.mark.parametrize("sizes", list(itertools.product([1, 2, 3, 4, 7], repeat=2)), ids=str)
@pytest.mark.parametrize("complex", [False, True], ids=["real", "complex"])
def test_convolve_and_correlate_are_numpys(sizes: tuple[int, int], mode: str, complex: bool) -> None:
    a, v = draw(sizes[0], complex=complex), draw(sizes[1], complex=complex)
    for name in ("convolve", "correlate"):
        expected = getattr(np, name)(a, v, mode)
        close(getattr(convolution, name)(a, v, mode), expected, 1e-11)
        close(getattr(np, name)(gt.asarray(a), v, mode), expected, 1e-11)


def test_convolve_gradient() -> None:
    a, v, ct = draw(6), draw(3), draw(8)
    da, dv = gradient(convolution.convolve, a, v, seed=gt.asarray(ct))
    close(da, np.correlate(ct, v, "valid"))
    close(dv, np.correlate(ct, a, "valid"))


def test_convolve_refusals() -> None:
    with pytest.raises(ShapeError, match="One axis"):
        convolution.convolve(np.zeros((2, 2)), np.zeros(2))
    with pytest.raises(ShapeError, match="One axis"):
        convolution.correlate(np.zeros(0), np.zeros(2))
    with pytest.raises(ValueError, match="mode="):
        convolution.convolve(np.zeros(2), np.zeros(2), "wide")


# -- convolutions with channels ----------------------------------------------------------------------------------------


def slow_conv(x: Any, w: Any, strides: Any, pads: Any, dilation: Any, groups: int) -> Any:
    """The definition, channels first, as loops."""
    m = w.ndim - 2
    x = np.pad(x, [(0, 0), (0, 0), *pads])
    out = [
        (n - d * (k - 1) - 1) // s + 1 for n, k, s, d in zip(x.shape[2:], w.shape[2:], strides, dilation, strict=True)
    ]
    y = np.zeros((x.shape[0], w.shape[0], *out))
    per, each = w.shape[1], w.shape[0] // groups
    for o in range(w.shape[0]):
        part = x[:, o // each * per : (o // each + 1) * per]
        for p in np.ndindex(*out):
            for k in np.ndindex(*w.shape[2:]):
                at = tuple(p[i] * strides[i] + k[i] * dilation[i] for i in range(m))
                y[(slice(None), o, *p)] += part[(slice(None), slice(None), *at)] @ w[(o, slice(None), *k)]
    return y


CONVS = [
    ((7,), (3,), 1, "valid", [(0, 0)], 1, 1),
    ((7,), (2,), 2, "same", [(0, 1)], 1, 2),
    ((8,), (3,), 3, [(2, 1)], [(2, 1)], 2, 1),
    ((5, 6), (3, 2), (2, 1), "same", [(1, 1), (0, 1)], 1, 1),
    ((5, 6), (2, 2), 1, 1, [(1, 1), (1, 1)], (1, 2), 4),
    ((4, 3, 3), (2, 1, 2), (1, 2, 1), (1, 0, 1), [(1, 1), (0, 0), (1, 1)], 1, 2),
]


@pytest.mark.parametrize(("size", "kernel", "strides", "padding", "pads", "dilation", "groups"), CONVS)
def test_conv_is_its_definition(
    size: Any, kernel: Any, strides: Any, padding: Any, pads: Any, dilation: Any, groups: int
) -> None:
    m = len(size)
    x, w = draw(2, 4, *size), draw(8, 4 // groups, *kernel)
    each = [v if isinstance(v, tuple) else (v,) * m for v in (strides, dilation)]
    more: dict[str, Any] = {"strides": strides, "padding": padding, "dilation": dilation, "groups": groups}
    expected = slow_conv(x, w, each[0], pads, each[1], groups)
    close(convolution.conv(x, w, channels="first", **more), expected)
    last = np.moveaxis(x, 1, -1), np.moveaxis(w, (1, 0), (-2, -1))
    close(convolution.conv(*last, **more), np.moveaxis(expected, 1, -1))
    close(convolution.conv(last[0][0], last[1], **more), np.moveaxis(expected, 1, -1)[0])  # no batch

    # The gradient in x is the transposed convolution; <ct, conv(x, w)> = <x, dx> = <w, dw>.
    ct = draw(*expected.shape)
    dx, dw = gradient(lambda x, w: convolution.conv(x, w, channels="first", **more), x, w, seed=gt.asarray(ct))
    total = np.sum(ct * expected)
    close(np.sum(dx * x), total, 1e-10)
    close(np.sum(dw * w), total, 1e-10)
    back = convolution.conv_transpose(ct, w, channels="first", size=size if m > 1 else size[0], **more)
    close(back, dx)


def test_conv_transpose_sizes() -> None:
    x, w = draw(1, 3, 2), draw(2, 5, 2)
    assert convolution.conv_transpose(x, w, strides=2).shape == (1, 6, 5)
    assert convolution.conv_transpose(x, w, strides=2, size=7).shape == (1, 7, 5)
    assert convolution.conv_transpose(x, w, strides=3, padding="same").shape == (1, 9, 5)
    assert convolution.conv_transpose(x, w, strides=2, padding=1).shape == (1, 4, 5)
    with pytest.raises(ShapeError, match="places"):
        convolution.conv_transpose(x, w, strides=2, size=8)


def test_conv_large_batches_are_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    from gradtape.primitives import convolution as rows

    x, w = draw(5, 6, 6, 2), draw(3, 3, 2, 4)
    whole = gradient(lambda x, w: gt.sum(convolution.conv(x, w) ** 2), x, w)
    monkeypatch.setattr(rows, "_LARGEST", 1000)
    for a, b in zip(gradient(lambda x, w: gt.sum(convolution.conv(x, w) ** 2), x, w), whole, strict=True):
        close(a, b)


def test_conv_refusals() -> None:
    with pytest.raises(ShapeError, match="3 channels"):
        convolution.conv(np.zeros((1, 4, 3)), np.zeros((2, 2, 1)))
    with pytest.raises(ShapeError, match="reaches over"):
        convolution.conv(np.zeros((1, 4, 2)), np.zeros((5, 2, 1)))
    with pytest.raises(ShapeError, match="padding"):
        convolution.conv(np.zeros((1, 4, 2)), np.zeros((2, 2, 1)), padding="wide")
    with pytest.raises(ShapeError, match="strides"):
        convolution.conv(np.zeros((1, 4, 2)), np.zeros((2, 2, 1)), strides=0)
    with pytest.raises(ShapeError, match="one to three axes"):
        convolution.conv(np.zeros((1, 4)), np.zeros((2, 2)))
    with pytest.raises(ValueError, match="channels="):
        convolution.conv(np.zeros((1, 4, 2)), np.zeros((2, 2, 1)), channels="middle")


# -- pooling -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("padding", ["valid", "same", 1])
@pytest.mark.parametrize("strides", [1, 2, None])
def test_pools_are_their_definitions(padding: Any, strides: Any) -> None:
    x = draw(2, 7, 6, 3)
    # The reference: nan around it, and what is not nan in each window.
    window, step = (3, 2), (strides or 3, strides or 2)
    pads = convolution.margins(padding, (7, 6), window, step, (1, 1), "test")
    around = np.pad(x, [(0, 0), *pads, (0, 0)], constant_values=np.nan)
    view = np.lib.stride_tricks.sliding_window_view(around, window, axis=(1, 2))[:, :: step[0], :: step[1]]
    close(pooling.max_pool(x, window, strides=strides, padding=padding), np.nanmax(view, axis=(-2, -1)))
    close(pooling.avg_pool(x, window, strides=strides, padding=padding), np.nanmean(view, axis=(-2, -1)))
    zeros = np.where(np.isnan(view), 0.0, view)
    found = pooling.avg_pool(x, window, strides=strides, padding=padding, count_padding=True)
    close(found, np.mean(zeros, axis=(-2, -1)))
    first = pooling.max_pool(np.moveaxis(x, -1, 1), window, strides=strides, padding=padding, channels="first")
    close(np.moveaxis(first.numpy(), 1, -1), np.nanmax(view, axis=(-2, -1)))


def test_max_pool_shares_ties_and_forgets_the_others() -> None:
    (g,) = gradient(lambda x: gt.sum(pooling.max_pool(x, (3,), strides=(1,))), [[1.0], [1.0], [1.0], [0.0]])
    close(g, [[1 / 3], [1 / 3 + 1 / 2], [1 / 3 + 1 / 2], [0.0]])
    # An infinite slope where nothing is largest does not come through, to second order.
    x = gt.asarray([[0.0], [4.0]])
    with gt.GradientTape() as outer:
        with gt.GradientTape() as inner:
            y = gt.sum(pooling.max_pool(gt.sqrt(x), (2,)))
        g = inner.gradient(y, x)
    close(g, [[0.0], [0.25]])
    close(outer.gradient(g, x), [[0.0], [-1 / 32]])


def test_sliding_windows_are_numpys() -> None:
    x = draw(4, 5, 6)
    for window, axis in ((2, 1), ((2, 3), (0, 2)), ((3, 2), (2, 0)), ((1, 2, 3), None)):
        expected = np.lib.stride_tricks.sliding_window_view(x, window, axis)
        close(pooling.sliding_window_view(x, window, axis), expected)
        close(np.lib.stride_tricks.sliding_window_view(gt.asarray(x), window, axis), expected)
    with pytest.raises(ShapeError, match="between 1"):
        pooling.sliding_window_view(x, 7, 0)


# -- resampling ----------------------------------------------------------------------------------------------------


def test_resample_values() -> None:
    x = np.array([0.0, 4.0, 8.0])
    close(resampling.resample(x, 6), [0, 1, 3, 5, 7, 8])
    close(resampling.resample(x, 6, "nearest"), [0, 0, 4, 4, 8, 8])
    close(resampling.resample(x, 1), [4])
    close(resampling.resample(draw(4) * 0 + 2.5, 7, "cubic"), [2.5] * 7)
    # Keys' kernel half-way between places: -1/16, 9/16, 9/16, -1/16.
    y = draw(8)
    expected = (9 * (y[2] + y[3]) - y[1] - y[4]) / 16
    close(resampling.resample(y, 4, "cubic").numpy()[1], expected)
    # Halving with the kernel widened: a triangle over four entries.
    close(resampling.resample(y, 4, antialias=True).numpy()[1], (y[1] + 3 * y[2] + 3 * y[3] + y[4]) / 8)


@pytest.mark.parametrize("method", ["nearest", "bilinear", "bicubic"])
@pytest.mark.parametrize("antialias", [False, True])
def test_resample_gradient(method: str, antialias: bool) -> None:
    x = draw(2, 5, 4)

    def f(x: Any) -> Any:
        return resampling.resample(x, (2, 3, 9), method, antialias=antialias)

    ct = draw(2, 3, 9)
    (found,) = gradient(f, x, seed=gt.asarray(ct))
    close(found, jacobian_transposed(f, x, ct))


def test_resample_refusals() -> None:
    with pytest.raises(ShapeError, match="every axis"):
        resampling.resample(np.zeros((2, 2)), (4,))
    with pytest.raises(ValueError, match="method="):
        resampling.resample(np.zeros(2), 4, "lanczos")
    assert resampling.resample(np.zeros((0, 2)), (0, 4)).shape == (0, 4)


def test_interp_is_differentiable_in_all_three() -> None:
    dx, dxp, dfp = gradient(gt.interp, 2.5, [1.0, 2.0, 4.0], [3.0, 2.0, 6.0])
    slope, t = 2.0, 0.25
    close(dx, slope)
    close(dxp, [0.0, -slope * (1 - t), -slope * t])
    close(dfp, [0.0, 1 - t, t])


# -- segments ----------------------------------------------------------------------------------------------------------

IDS = np.array([3, -1, 0, 0, 2, 3, 0, 9])
REDUCE = {"sum": np.sum, "mean": np.mean, "max": np.max, "min": np.min, "prod": np.prod}
EMPTY = {"sum": 0.0, "mean": 0.0, "max": -np.inf, "min": np.inf, "prod": 1.0}


@pytest.mark.parametrize("name", REDUCE)
@pytest.mark.parametrize("rest", [(), (3,), (2, 3)])
def test_segments_are_loops(name: str, rest: tuple[int, ...]) -> None:
    x = draw(8, *rest)
    groups = [x[k == IDS] for k in range(5)]
    expected = np.array([REDUCE[name](g, axis=0) if len(g) else np.full(rest, EMPTY[name]) for g in groups])
    close(getattr(segments, f"segment_{name}")(x, IDS, 5), expected)
    close(getattr(segments, f"unsorted_segment_{name}")(x, gt.asarray(IDS), 5), expected)
    # Every group by itself has the gradient of the reduction over it.
    ct = draw(5, *rest)

    def total(x: Any) -> Any:
        y = getattr(segments, f"segment_{name}")(x, IDS, 5)
        return gt.sum(gt.where(np.isin(np.arange(5), IDS).reshape((5,) + (1,) * len(rest)), y * ct, 0.0))

    def apart(x: Any) -> Any:
        reduce = getattr(gt, name)
        return sum(gt.sum(reduce(x[np.flatnonzero(k == IDS)], axis=0) * ct[k]) for k in (0, 2, 3))

    close(gradient(total, x)[0], gradient(apart, x)[0])


def test_segment_shapes_and_counts() -> None:
    x = draw(2, 3, 4)
    ids = np.array([[0, 1, 0], [2, 2, 1]])
    close(segments.segment_sum(x, ids), [x[0, 0] + x[0, 2], x[0, 1] + x[1, 2], x[1, 0] + x[1, 1]])
    assert segments.segment_sum(np.zeros((0, 3)), np.zeros(0, int)).shape == (0, 3)
    close(segments.unsorted_segment_sqrt_n(np.array([1.0, 2.0, 3.0, 4.0]), [0, 0, 0, 0], 1), [5.0])
    assert segments.segment_mean(np.ones(3, np.float32), [0, 0, 1]).dtype == np.float32
    assert segments.segment_max(np.array([1, 2]), [0, 2]).numpy().tolist() == [1, np.iinfo(int).min, 2]
    close(segments.segment_max(np.ones(1), [1], empty=7.0), [7.0, 1.0])
    with pytest.raises(ShapeError, match="one id for each row"):
        segments.segment_sum(np.zeros(3), [0, 1])
    with pytest.raises(DtypeError, match="integers"):
        segments.segment_sum(np.zeros(2), [0.0, 1.0])


def test_segment_prod_with_zeros() -> None:
    x = gt.asarray([0.0, 2.0, 0.0, 3.0, 5.0])
    with gt.GradientTape() as outer:
        with gt.GradientTape() as inner:
            y = gt.sum(segments.segment_prod(x, [0, 0, 0, 1, 1]))
        g = inner.gradient(y, x)
    close(g, [0.0, 0.0, 0.0, 5.0, 3.0])
    close(outer.gradient(g, x, output_gradients=gt.asarray([1.0, 0, 0, 0, 0])), [0.0, 0.0, 2.0, 0.0, 0.0])


@pytest.mark.parametrize("name", REDUCE)
def test_scatter_reduce(name: str) -> None:
    x, values = draw(4), draw(5)
    at = np.array([2, 0, 2, 2, -1])
    expected = [REDUCE[name](np.append(values[at % 4 == i], x[i])) for i in range(4)]
    close(segments.scatter_reduce(x, at, values, name), expected)
    dx, dv = gradient(lambda x, v: gt.sum(segments.scatter_reduce(x, at, v, name)), x, values)
    assert dx.shape == (4,)
    assert dv.shape == (5,)
    if name == "mean":
        close(dx, [1 / 2, 1, 1 / 4, 1 / 2])
        close(dv, [1 / 4, 1 / 2, 1 / 4, 1 / 4, 1 / 2])


def test_scatter_reduce_in_several_axes() -> None:
    x = np.zeros((2, 3))
    found = segments.scatter_reduce(x, (slice(None), [0, 0, 2]), 2.0, "sum")
    close(found, [[4.0, 0.0, 2.0]] * 2)
    with pytest.raises(ValueError, match="reduce="):
        segments.scatter_reduce(x, 0, 1.0, "median")


# -- TensorFlow's names ------------------------------------------------------------------------------------------------


def test_tensorflow_convolutions() -> None:
    x, w = draw(2, 5, 6, 4).astype(np.float32), draw(3, 2, 4, 6).astype(np.float32)
    y = tf.nn.conv2d(tf.constant(x), tf.constant(w), strides=[1, 2, 1, 1], padding="SAME")
    close(y, convolution.conv(x, w, strides=(2, 1), padding="same"), 1e-6)
    assert y.dtype == tf.float32
    first = tf.nn.conv2d(np.moveaxis(x, -1, 1), w, [1, 1, 2, 1], "SAME", data_format="NCHW")
    close(np.moveaxis(first.numpy(), 1, -1), y, 1e-6)
    assert tf.nn.conv1d(x[0], w[0], 1, "VALID").shape == (5, 5, 6)
    assert tf.nn.conv3d(x[None], w[None], 1, "SAME").shape == (1, 2, 5, 6, 6)
    assert tf.nn.depthwise_conv2d(x, w, [1, 1, 1, 1], "VALID").shape == (2, 3, 5, 24)
    assert tf.nn.conv2d_transpose(y, w, (2, 5, 6, 4), [2, 1]).shape == (2, 5, 6, 4)
    assert tf.nn.max_pool2d(x, 2, 2, "VALID").shape == tf.nn.avg_pool(x, [1, 2, 2, 1], 2, "VALID").shape == (2, 2, 3, 4)


def test_tensorflow_signal_image_and_segments() -> None:
    x = draw(2, 4, 6, 3)
    close(tf.signal.fft2d(x), np.fft.fft2(x))
    close(tf.signal.irfft(tf.signal.rfft(x, [5]), [5]), np.fft.irfft(np.fft.rfft(x, 5), 5))
    close(tf.signal.fftshift(x, axes=[1]), np.fft.fftshift(x, 1))
    assert tf.image.resize(x, (8, 3)).shape == (2, 8, 3, 3)
    assert tf.image.resize(x[0], (8, 8), "bicubic", preserve_aspect_ratio=True).shape == (5, 8, 3)
    assert tf.image.resize(np.ones((2, 2, 1), np.int32), (4, 4)).dtype == tf.float32
    close(tf.math.segment_max(np.array([1.0, 2.0]), [0, 2]), [1.0, 0.0, 2.0])
    assert tf.math.unsorted_segment_max(tf.constant([1.0]), [1], 2).numpy()[0] == np.finfo(np.float32).min
