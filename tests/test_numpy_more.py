"""Derivatives of NumPy's smaller functions: polynomials, windows, piecewise, unwrap, quantiles, convolution."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import gradtape as gt

rng = np.random.default_rng(11)
V = rng.uniform(0.5, 2.0, 5)
W = rng.uniform(0.5, 2.0, 5)
UP = np.array([0.1, 0.4, 0.5, 0.8, 0.95])


def slopes(f: Callable[[Any], Any], x: Any, h: float = 1e-6) -> Any:
    """Central differences of a sum of outputs, weighed differently."""
    found = np.zeros(x.shape)
    for at in np.ndindex(x.shape):
        step = np.zeros(x.shape)
        step[at] = h
        found[at] = (weighed(f(x + step)) - weighed(f(x - step))) / (2 * h)
    return found


def weighed(y: Any) -> Any:
    parts = y if isinstance(y, tuple | list) else [y]
    total: Any = 0.0
    for k, part in enumerate(parts):
        if np.asarray(part).dtype.kind == "f":
            weights = np.cos(np.arange(np.asarray(part).size) + k).reshape(np.asarray(part).shape)
            total = total + (part * weights).sum()
    return total


CASES: dict[str, tuple[Callable[[Any], Any], Any]] = {
    "poly": (lambda x: np.poly(x), V),
    "polyval in p": (lambda x: np.polyval(x, W), V),
    "polyval in x": (lambda x: np.polyval(W, x), V),
    "polyadd": (lambda x: np.polyadd(x, W[:3]), V),
    "polysub": (lambda x: np.polysub(W[:3], x), V),
    "polymul": (lambda x: np.polymul(x, W[:3]), V),
    "polydiv in u": (lambda x: np.polydiv(x, W[:3]), V),
    "polydiv in v": (lambda x: np.polydiv(V, x), W[:3]),
    "polyder": (lambda x: np.polyder(x, 2), V),
    "polyint": (lambda x: np.polyint(x, 2), V),
    "polyfit in y": (lambda x: np.polyfit(UP, x, 2), V),
    "polyfit in x": (lambda x: np.polyfit(x, W, 2), UP),
    "polyfit in w": (lambda x: np.polyfit(UP, W, 2, w=x), V),
    "roots": (lambda x: np.sort(np.roots(x).real), np.array([1.0, -6.1, 11.2, -6.0])),
    "unwrap": (lambda x: np.unwrap(x), V * 9),
    "frexp": (lambda x: np.frexp(x)[0], V * 5),
    "piecewise": (lambda x: np.piecewise(x, [x < 1.0, x > 1.5], [lambda v: v**3, lambda v: 1 / v, 2.0]), V),
    "interp with a period": (lambda x: np.interp(x, UP, W, period=0.9), V),
    "interp with a period, values": (lambda x: np.interp(W, UP, x, period=0.9), V),
    "nanmedian": (lambda x: np.nanmedian(x, axis=1), np.where(rng.random((3, 6)) < 0.3, np.nan, rng.random((3, 6)))),
    "nanquantile": (lambda x: np.nanquantile(x, [0.2, 0.7], axis=0), rng.random((4, 3))),
    "quantile hazen": (lambda x: np.quantile(x, 0.3, method="hazen"), V),
    "nancumprod": (lambda x: np.nancumprod(x), np.array([2.0, np.nan, 3.0])),
    "std where": (lambda x: np.std(x, where=np.array([True, False, True, True, False])), V),
    "histogram weights": (lambda x: np.histogramdd(UP, bins=3, weights=x, density=True)[0], V),
    "pad ramp": (lambda x: np.pad(x, 2, mode="linear_ramp", end_values=3.0), V),
    "pad mean": (lambda x: np.pad(x, (1, 2), mode="mean", stat_length=2), V),
    "apply_along_axis": (lambda x: np.apply_along_axis(lambda r: r * r[0], 0, x), rng.random((3, 2))),
    "trim_zeros": (lambda x: np.trim_zeros(x), np.array([0.0, 1.0, 2.0, 0.0])[1:3]),
    "hypot.reduce": (lambda x: np.hypot.reduce(x), V),
    "divide.accumulate": (lambda x: np.divide.accumulate(x), V),
    "multiply.reduceat": (lambda x: np.multiply.reduceat(x, [0, 3, 1]), V),
}


@pytest.mark.parametrize("name", sorted(CASES))
def test_gradient(name: str) -> None:
    f, value = CASES[name]
    x = gt.asarray(value)
    with gt.GradientTape() as tape:
        y = weighed(f(x))
    clear = np.isfinite(value)
    np.testing.assert_allclose(tape.gradient(y, x).numpy()[clear], slopes(f, value)[clear], rtol=1e-6, atol=1e-7)


def test_unwrap_in_its_period() -> None:
    period = gt.asarray(2.0)
    with gt.GradientTape() as tape:
        y = gt.unwrap(gt.asarray([0.0, 1.9, 3.7]), period=period)  # 0, 1.9 - 2, 3.7 - 4
    np.testing.assert_allclose(tape.jacobian(y, period), [0.0, -1.0, -2.0])


def test_unwrap_keeps_the_direction_of_half_a_period() -> None:
    for p in ([0.0, 2.0, 4.0, 1.0, 3.0, 0.0], [0.0, -2.0, -4.0, -1.0]):
        np.testing.assert_allclose(gt.unwrap(p, period=4.0), np.unwrap(p, period=4.0))


def test_kaiser_in_its_shape() -> None:
    """d/dbeta I0(beta r) / I0(beta) = (r I1(beta r) I0(beta) - I0(beta r) I1(beta)) / I0(beta)^2."""
    special = pytest.importorskip("scipy.special")
    beta = gt.asarray(3.0)
    with gt.GradientTape() as tape:
        y = gt.kaiser(6, beta)
    r = np.sqrt(1 - (2 * np.arange(6) / 5 - 1) ** 2)
    i0, i1 = special.i0, special.i1
    truth = (r * i1(3 * r) * i0(3.0) - i0(3 * r) * i1(3.0)) / i0(3.0) ** 2
    np.testing.assert_allclose(tape.jacobian(y, beta), truth, rtol=1e-13)
    np.testing.assert_array_equal(gt.kaiser(1, 3.0), np.kaiser(1, 3.0))


def test_roots_have_the_slope_of_the_implicit_function() -> None:
    """dz/dp_i = -z**(n - i) / p'(z)."""
    p = gt.asarray([1.0, -6.0, 11.0, -6.0])
    with gt.GradientTape() as tape:
        z = gt.sort(gt.real(gt.roots(p)))
    truth = [[-(r ** (3 - i)) / np.polyval([3.0, -12.0, 11.0], r) for i in range(4)] for r in (1.0, 2.0, 3.0)]
    np.testing.assert_allclose(tape.jacobian(z, p), truth, rtol=1e-9, atol=1e-9)


def test_roots_at_the_ends() -> None:
    np.testing.assert_allclose(np.sort(gt.roots([0.0, 1.0, -3.0, 2.0, 0.0, 0.0]).numpy().real), [0, 0, 1, 2])
    assert gt.roots([0.0, 0.0]).shape == (0,)
    assert gt.roots([0.0, 5.0]).shape == (0,)


# -- convolution by the transform ----------------------------------------------------------------------------------


@pytest.mark.parametrize("mode", ["full", "same", "valid"])
@pytest.mark.parametrize("sizes", [(1, 1), (7, 3), (3, 8), (20, 20)])
def test_convolution_by_the_transform(mode: str, sizes: tuple[int, int]) -> None:
    a, v = rng.normal(size=sizes[0]), rng.normal(size=sizes[1])
    for f, g in ((gt.convolve, np.convolve), (gt.correlate, np.correlate)):
        np.testing.assert_allclose(f(a, v, mode, method="fft"), g(a, v, mode), atol=1e-12)
        np.testing.assert_allclose(f(a, v + 1j, mode, method="fft"), g(a, v + 1j, mode), atol=1e-12)
    x, y = gt.asarray(a), gt.asarray(v)
    with gt.GradientTape() as tape:
        parts = [gt.sum(gt.convolve(x, y, mode, method=m) ** 3) for m in ("fft", "direct")]
    for first, second in zip(*[tape.gradient(p, [x, y]) for p in parts], strict=True):
        np.testing.assert_allclose(first, second, atol=1e-9)


def test_convolution_chooses_by_length(monkeypatch: pytest.MonkeyPatch) -> None:
    from gradtape.numpy import convolution

    asked: list[int] = []
    by_transform = convolution._by_transform  # pyright: ignore[reportPrivateUsage]
    monkeypatch.setattr(convolution, "_by_transform", lambda a, v: asked.append(a.size) or by_transform(a, v))
    long = rng.normal(size=3000)
    np.testing.assert_allclose(gt.convolve(long, long, method="auto"), np.convolve(long, long), atol=1e-10)
    assert asked == [3000]
    gt.convolve(long, long[:8], method="auto")
    gt.convolve(np.arange(3000), np.arange(3000), method="auto")  # integers stay exact
    assert asked == [3000]
    with pytest.raises(ValueError, match="method='quick'"):
        gt.convolve(long, long, method="quick")


def test_quick_lengths() -> None:
    from gradtape.numpy.convolution import quick_length

    smooth = sorted(2**i * 3**j * 5**k for i in range(12) for j in range(8) for k in range(6))
    for n in range(1, 1000):
        assert quick_length(n) == next(m for m in smooth if m >= n)


# -- resampling ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("a", [3, 5])
def test_lanczos(a: int) -> None:
    """Entry i of the result is the sum of the kernel's weights, of sum 1, times the entries within reach."""
    x = rng.normal(size=12)
    at = (np.arange(20) + 0.5) * 12 / 20 - 0.5
    weights = np.sinc(at[:, None] - np.arange(12)) * np.sinc((at[:, None] - np.arange(12)) / a)
    weights = np.where(np.abs(at[:, None] - np.arange(12)) < a, weights, 0.0)
    truth = weights @ x / weights.sum(axis=1)
    np.testing.assert_allclose(gt.resample(x, 20, f"lanczos{a}"), truth, rtol=1e-12)
