"""Reductions, running totals and statistics: NumPy's values, and derivatives at zeros, ties and infinities."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import gradtape as gt

INF, NAN = math.inf, math.nan
RNG = np.random.default_rng(11)
X = RNG.normal(size=(2, 3, 4))


def slopes(f: Callable[[Any], Any], at: Any) -> tuple[Any, Any]:
    """Gradient and Hessian of a scalar function, by two tapes."""
    x = gt.asarray(np.asarray(at, dtype=float))
    with gt.GradientTape() as outer:
        with gt.GradientTape() as inner:
            y = f(x)
        g = inner.gradient(y, x)
        parts = [gt.sum(g * np.eye(x.size)[i].reshape(x.shape)) for i in range(x.size)]
    rows = [outer.gradient(p, x, unconnected_gradients="zero").numpy().ravel() for p in parts]
    return g.numpy(), np.array(rows)


def check(f: Callable[[Any], Any], at: Any, first: Any, second: Any = None) -> None:
    with np.errstate(all="ignore"):
        g, h = slopes(f, at)
    np.testing.assert_allclose(g, first, rtol=1e-12, atol=1e-14)
    if second is not None:
        np.testing.assert_allclose(h, second, rtol=1e-12, atol=1e-14)


def difference(f: Callable[[Any], Any], at: Any, h: float = 1e-6) -> Any:
    """The gradient of a scalar function of a raw array by central differences."""
    at = np.asarray(at, dtype=float)
    g = np.zeros(at.shape)
    for i in np.ndindex(at.shape):
        step = np.zeros(at.shape)
        step[i] = h
        g[i] = (f(at + step) - f(at - step)) / (2 * h)
    return g


# -- values ---------------------------------------------------------------------------------------------------

NAMES = ["sum", "mean", "prod", "max", "min", "amax", "amin", "ptp", "any", "all", "var", "std", "median"]
NAMES += ["nansum", "nanmean", "nanprod", "nanmax", "nanmin", "nanvar", "nanstd"]


@pytest.mark.parametrize("axis", [None, 0, -1, 1, (0, 2), (-1, 0)])
@pytest.mark.parametrize("name", NAMES)
def test_values_are_numpys(name: str, axis: Any) -> None:
    for keepdims in (False, True):
        if name == "ptp" and keepdims:
            continue
        found = getattr(gt, name)(X, axis=axis, keepdims=keepdims)
        expected = getattr(np, name)(X, axis=axis, keepdims=keepdims)
        assert isinstance(found, gt.Tensor)
        assert found.dtype == expected.dtype
        assert found.shape == np.shape(expected)
        np.testing.assert_allclose(found.numpy(), expected, rtol=1e-12)


@pytest.mark.parametrize("dtype", ["float32", "float64", "int32", "int64", "bool", "complex128"])
@pytest.mark.parametrize("name", ["sum", "mean", "prod", "any", "cumsum", "cumprod"])
def test_dtypes_are_numpys(name: str, dtype: str) -> None:
    x = np.array([1, 2, 1]).astype(dtype)
    found, expected = getattr(gt, name)(x), getattr(np, name)(x)
    assert found.dtype == expected.dtype
    np.testing.assert_allclose(found.numpy(), expected)


def test_zero_dimensional_and_empty() -> None:
    for name in ("sum", "mean", "prod", "max", "min", "var", "std"):
        found = getattr(gt, name)(3.0)
        assert found.shape == ()
        assert found.numpy() == getattr(np, name)(3.0)
    assert gt.sum(np.zeros((0, 3)), axis=0).shape == (3,)
    assert gt.prod(np.zeros(0)).numpy() == 1.0
    with pytest.raises(ValueError, match="max"):
        gt.max(np.zeros(0))
    assert gt.max(np.zeros(0), initial=-1.0).numpy() == -1.0


def test_numpys_keywords() -> None:
    mask = np.median(X, axis=1, keepdims=True) < X
    for name in ("sum", "prod", "mean"):
        np.testing.assert_allclose(
            getattr(gt, name)(X, axis=1, where=mask).numpy(), getattr(np, name)(X, axis=1, where=mask)
        )
    np.testing.assert_allclose(gt.max(X, axis=0, initial=0.5).numpy(), np.max(X, axis=0, initial=0.5))
    np.testing.assert_allclose(gt.sum(X, initial=2.0).numpy(), np.sum(X, initial=2.0))
    assert gt.sum(np.float32([1.0]), dtype=np.float64).dtype == np.float64
    np.testing.assert_allclose(gt.var(X, axis=0, ddof=1).numpy(), np.var(X, axis=0, ddof=1))
    np.testing.assert_allclose(gt.std(X, axis=0, correction=1).numpy(), np.std(X, axis=0, ddof=1))


@pytest.mark.parametrize("axis", [None, 0, 1, -1])
def test_running_values(axis: Any) -> None:
    np.testing.assert_allclose(gt.cumsum(X, axis).numpy(), np.cumsum(X, axis))
    np.testing.assert_allclose(gt.cumprod(X, axis).numpy(), np.cumprod(X, axis))
    if axis is not None:
        np.testing.assert_allclose(gt.cummax(X, axis).numpy(), np.maximum.accumulate(X, axis))
        np.testing.assert_allclose(gt.cummin(X, axis).numpy(), np.minimum.accumulate(X, axis))
        np.testing.assert_allclose(gt.cumulative_logsumexp(X, axis).numpy(), np.logaddexp.accumulate(X, axis))
        for initial in (False, True):
            for ours, theirs in ((gt.cumulative_sum, np.cumulative_sum), (gt.cumulative_prod, np.cumulative_prod)):
                np.testing.assert_allclose(
                    ours(X, axis=axis, include_initial=initial).numpy(), theirs(X, axis=axis, include_initial=initial)
                )
        np.testing.assert_allclose(gt.diff(X, axis=axis, n=2).numpy(), np.diff(X, axis=axis, n=2))
        np.testing.assert_allclose(gt.trapezoid(X, axis=axis).numpy(), np.trapezoid(X, axis=axis))


def test_differences() -> None:
    x = np.array([0.0, 0.5, 1.5, 2.0])
    f = np.sin(X[0, 0])
    np.testing.assert_allclose(gt.gradient(f).numpy(), np.gradient(f))
    np.testing.assert_allclose(gt.gradient(f, x).numpy(), np.gradient(f, x))
    np.testing.assert_allclose(gt.gradient(f, x, edge_order=2).numpy(), np.gradient(f, x, edge_order=2))
    for ours, theirs in zip(gt.gradient(X, 0.5, axis=(1, 2)), np.gradient(X, 0.5, axis=(1, 2)), strict=True):
        np.testing.assert_allclose(ours.numpy(), theirs)
    np.testing.assert_allclose(gt.trapezoid(f, x).numpy(), np.trapezoid(f, x))
    np.testing.assert_allclose(gt.trapezoid(X, x, axis=2).numpy(), np.trapezoid(X, x, axis=2))
    np.testing.assert_allclose(gt.ediff1d(f, to_end=[1.0], to_begin=2.0).numpy(), np.ediff1d(f, [1.0], 2.0))
    np.testing.assert_allclose(gt.diff(f, prepend=1.0, append=[2.0]).numpy(), np.diff(f, prepend=1.0, append=[2.0]))


# -- products -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("zeros", [0, 1, 2, 3])
def test_products_with_zeros(zeros: int) -> None:
    """prod and the last of cumprod are x0 x1 x2 x3: every derivative is the product of the other factors."""
    x = np.array([2.0, 3.0, 5.0, 7.0])
    x[:zeros] = 0.0
    first = [np.prod(np.delete(x, i)) for i in range(4)]
    second = [[0.0 if i == j else np.prod(np.delete(x, [i, j])) for j in range(4)] for i in range(4)]
    check(gt.prod, x, first, second)
    check(lambda x: gt.cumprod(x)[-1], x, first, second)
    check(lambda x: gt.prod(gt.reshape(x, (2, 2)), axis=(0, 1)), x, first, second)


def test_third_and_fourth_derivative_of_a_product_of_zeros() -> None:
    xs = [gt.Variable(0.0) for _ in range(4)]
    with gt.GradientTape() as tape:
        y = gt.prod(gt.stack([v.value for v in xs]))
        for v in xs[:3]:
            y = tape.gradient(y, v)
    assert tape.gradient(y, xs[3]).numpy() == 1.0


# -- extrema --------------------------------------------------------------------------------------------------


def test_extrema_split_evenly() -> None:
    check(gt.max, [1.0, 1.0], [0.5, 0.5], np.zeros((2, 2)))
    check(gt.min, [1.0, 1.0, 2.0], [0.5, 0.5, 0.0], np.zeros((3, 3)))
    check(lambda x: gt.max(x * x), [1.0, 1.0], [1.0, 1.0], np.eye(2))
    check(lambda x: gt.sum(gt.max(x, axis=0)), [[1.0, 2.0], [1.0, 1.0]], [[0.5, 1.0], [0.5, 0.0]])
    check(gt.ptp, [1.0, 3.0, 3.0], [-1.0, 0.5, 0.5])


def test_what_is_not_extreme_has_no_influence() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        check(lambda x: gt.max(gt.log(x)), [0.0, 4.0], [0.0, 0.25], [[0.0, 0.0], [0.0, -1 / 16]])
        check(lambda x: gt.max(gt.sqrt(x), axis=0), [0.0, 4.0], [0.0, 0.25])
        check(lambda x: gt.max(x, where=x < 3.0), [1.0, 4.0], [1.0, 0.0])
    check(gt.max, [-INF, 1.0], [0.0, 1.0], np.zeros((2, 2)))


def test_extrema_with_nan() -> None:
    check(gt.max, [NAN, 1.0], [1.0, 0.0])
    check(gt.nanmax, [NAN, 1.0], [0.0, 1.0], np.zeros((2, 2)))


def test_running_extrema() -> None:
    check(lambda x: gt.sum(gt.cummax(x)), [1.0, 3.0, 2.0], [1.0, 2.0, 0.0])
    check(lambda x: gt.sum(gt.cummin(x)), [1.0, 3.0, 2.0], [3.0, 0.0, 0.0])


# -- spread ---------------------------------------------------------------------------------------------------


def test_spread_of_nothing() -> None:
    check(gt.std, [1.0, 1.0], [0.0, 0.0], np.zeros((2, 2)))
    check(gt.std, [0.1, 0.1, 0.1], np.zeros(3), np.zeros((3, 3)))
    check(gt.var, [1.0, 1.0], [0.0, 0.0], [[0.5, -0.5], [-0.5, 0.5]])
    check(lambda x: gt.std(x) ** 2, [1.0, 1.0], [0.0, 0.0], [[0.5, -0.5], [-0.5, 0.5]])
    check(lambda x: gt.sqrt(gt.var(x)), [1.0, 1.0], [0.0, 0.0], np.zeros((2, 2)))
    check(gt.nanstd, [1.0, 1.0, NAN], np.zeros(3), np.zeros((3, 3)))


def test_average_differentiates_its_weights() -> None:
    x, w = RNG.normal(size=3), RNG.uniform(1.0, 2.0, size=3)
    g, _ = slopes(lambda w: gt.average(x, weights=w), w)
    np.testing.assert_allclose(g, (x - np.average(x, weights=w)) / w.sum())
    ours, total = gt.average(X, axis=1, weights=w, returned=True)
    theirs, theirs_total = np.average(X, axis=1, weights=w, returned=True)
    np.testing.assert_allclose(ours.numpy(), theirs)
    np.testing.assert_allclose(total.numpy(), theirs_total)


@pytest.mark.parametrize("name", ["nansum", "nanmean", "nanprod", "nanmax", "nanmin", "nanvar", "nanstd"])
def test_what_is_nan_has_no_influence(name: str) -> None:
    x = np.array([2.0, NAN, 3.0, 5.0])
    rest = slopes(getattr(gt, name.removeprefix("nan")), x[[0, 2, 3]])
    g, h = slopes(getattr(gt, name), x)
    np.testing.assert_allclose(g, np.insert(rest[0], 1, 0.0), rtol=1e-12, atol=1e-14)
    full = np.insert(np.insert(rest[1], 1, 0.0, axis=0), 1, 0.0, axis=1)
    np.testing.assert_allclose(h, full, rtol=1e-12, atol=1e-14)


# -- order statistics -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("method", ["linear", "lower", "higher", "nearest", "midpoint"])
@pytest.mark.parametrize("axis", [None, 0, -1, (0, 2)])
def test_quantiles(method: Any, axis: Any) -> None:
    for q in (0.0, 0.3, 1.0, [0.25, 0.5], [[0.1], [0.9]]):
        for keepdims in (False, True):
            found = gt.quantile(X, q, axis=axis, method=method, keepdims=keepdims).numpy()
            np.testing.assert_allclose(found, np.quantile(X, q, axis=axis, method=method, keepdims=keepdims))
    np.testing.assert_allclose(gt.percentile(X, 30, axis=axis).numpy(), np.percentile(X, 30, axis=axis))


def test_slopes_of_order_statistics() -> None:
    check(gt.median, [3.0, 1.0, 2.0], [0.0, 0.0, 1.0], np.zeros((3, 3)))
    check(gt.median, [3.0, 1.0, 2.0, 7.0], [0.5, 0.0, 0.5, 0.0])
    check(lambda x: gt.quantile(x, 0.25), [3.0, 1.0, 2.0], [0.0, 0.5, 0.5])
    check(lambda q: gt.quantile([3.0, 1.0, 2.0], q), 0.3, 2.0)
    assert np.isnan(gt.median([1.0, NAN, 2.0]).numpy())
    assert np.isnan(gt.quantile([1.0, NAN, 2.0], 0.0).numpy())
    with pytest.raises(ValueError, match="0, 1"):
        gt.quantile([1.0], 30)


def test_several_variables() -> None:
    x, y = X[0], X[1, 0]
    np.testing.assert_allclose(gt.cov(x).numpy(), np.cov(x))
    np.testing.assert_allclose(gt.cov(x, y, bias=True).numpy(), np.cov(x, y, bias=True))
    np.testing.assert_allclose(gt.cov(x, rowvar=False, ddof=0).numpy(), np.cov(x, rowvar=False, ddof=0))
    np.testing.assert_allclose(gt.cov(y).numpy(), np.cov(y))
    np.testing.assert_allclose(gt.corrcoef(x).numpy(), np.corrcoef(x))
    weights = RNG.normal(size=(3, 3))
    g, h = slopes(lambda x: gt.sum(gt.cov(x) * weights), x)
    np.testing.assert_allclose(g, difference(lambda x: np.sum(np.cov(x) * weights), x), rtol=1e-6, atol=1e-8)
    np.testing.assert_allclose(h, h.T, atol=1e-13)


def test_interpolation() -> None:
    places, values = np.array([0.0, 1.0, 3.0]), np.array([1.0, 2.0, -2.0])
    x = np.array([-1.0, 0.5, 1.0, 2.5, 3.0, 4.0])
    np.testing.assert_allclose(gt.interp(x, places, values).numpy(), np.interp(x, places, values))
    np.testing.assert_allclose(
        gt.interp(x, places, values, left=7.0, right=8.0).numpy(), np.interp(x, places, values, 7.0, 8.0)
    )
    check(lambda x: gt.sum(gt.interp(x, places, values)), x, [0.0, 1.0, -2.0, -2.0, -2.0, 0.0])
    inside = x[[1, 3]]
    for f, g, at in (
        (lambda v: gt.sum(gt.interp(inside, places, v)), lambda v: np.sum(np.interp(inside, places, v)), values),
        (lambda p: gt.sum(gt.interp(inside, p, values)), lambda p: np.sum(np.interp(inside, p, values)), places),
    ):
        np.testing.assert_allclose(slopes(f, at)[0], difference(g, at), rtol=1e-7, atol=1e-8)


# -- the softmax family -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("x", "weights"),
    [
        ([0.0, -INF], [1.0, 0.0]),
        ([-INF, -INF], [0.0, 0.0]),
        ([INF, 0.0], [1.0, 0.0]),
        ([INF, INF], [0.5, 0.5]),
        ([1000.0, 1000.0], [0.5, 0.5]),
        ([-1000.0, -1000.0], [0.5, 0.5]),
    ],
)
def test_logsumexp_at_infinities(x: Any, weights: Any) -> None:
    p = np.array(weights)
    check(gt.logsumexp, x, p, np.diag(p) - np.outer(p, p))
    np.testing.assert_array_equal(gt.softmax(x).numpy(), p)


def test_softmax_family_values() -> None:
    e = np.exp(X)
    for axis in (0, -1, (0, 1)):
        total = e.sum(axis=axis, keepdims=True)
        np.testing.assert_allclose(gt.softmax(X, axis=axis).numpy(), e / total)
        np.testing.assert_allclose(gt.log_softmax(X, axis=axis).numpy(), np.log(e / total))
        np.testing.assert_allclose(gt.logsumexp(X, axis=axis, keepdims=True).numpy(), np.log(total))
    assert gt.logsumexp(np.zeros(0)).numpy() == -INF
    assert gt.log_softmax([0.0, -1000.0]).numpy()[1] == -1000.0


def test_logsumexp_with_weights() -> None:
    x, b = RNG.normal(size=4), RNG.uniform(0.5, 2.0, size=4)
    y = np.log(np.sum(b * np.exp(x)))
    np.testing.assert_allclose(gt.logsumexp(x, b=b).numpy(), y)
    check(lambda x: gt.logsumexp(x, b=b), x, b * np.exp(x - y))
    check(lambda b: gt.logsumexp(x, b=b), b, np.exp(x - y), -np.exp(np.add.outer(x, x) - 2 * y))
    assert gt.logsumexp([1000.0, 1000.0], b=[1.0, 1.0]).numpy() == 1000.0 + math.log(2.0)


def test_third_derivative_of_a_running_logsumexp() -> None:
    x = gt.Variable([0.0, -INF, 1000.0])
    with gt.GradientTape() as tape:
        y = gt.sum(gt.cumulative_logsumexp(x))
        for _ in range(3):
            y = tape.gradient(y, x)
            assert np.all(np.isfinite(y.numpy()))


@pytest.mark.parametrize("name", ["nanmean", "nanvar", "nanstd"])
@pytest.mark.parametrize("dtype", [np.float32, np.complex64, np.complex128])
def test_what_ignores_nan_keeps_the_dtype_and_measures_complex_values(name: str, dtype: Any) -> None:
    x = (RNG.normal(size=(3, 4)) + (1j * RNG.normal(size=(3, 4)) if dtype is not np.float32 else 0)).astype(dtype)
    x[0, 1] = x[2, 0] = NAN
    for axis in (None, 0, (0, 1)):
        y = getattr(gt, name)(x, axis=axis).numpy()
        expected = getattr(np, name)(x, axis=axis)
        assert y.dtype == expected.dtype
        np.testing.assert_allclose(y, expected, rtol=1e-5)


def test_gradient_of_a_complex_nanvar_is_that_of_var() -> None:
    z = gt.asarray(RNG.normal(size=4) + 1j * RNG.normal(size=4))
    with gt.GradientTape() as tape:
        a, b = gt.nanvar(z), gt.var(z)
    np.testing.assert_allclose(tape.gradient(a, z).numpy(), tape.gradient(b, z).numpy(), atol=1e-15)


def test_medians_of_nothing_have_a_shape() -> None:
    x = gt.asarray(np.zeros((0, 3)))
    with gt.GradientTape() as tape:
        y = gt.median(x, axis=1), gt.quantile(x, 0.5, axis=1)
    assert y[0].shape == y[1].shape == (0,)
    assert tape.gradient(y, x).shape == (0, 3)


def test_python_numbers_do_not_widen_a_float32() -> None:
    x = np.array([1.0, 2.0, 4.0], np.float32)
    found = [
        gt.mean(x, where=np.array([True, False, True])),
        *[gt.quantile(x, 0.3, method=m) for m in ("linear", "lower", "higher", "nearest", "midpoint")],
        gt.percentile(x, 30),
        gt.gradient(x),
        gt.gradient(x, 0.5),
        gt.ediff1d(x, to_begin=np.array([1.0, 2.0]), to_end=3.0),
        gt.linspace(0.0, gt.asarray(x[0]), 3),
    ]
    assert {y.dtype for y in found} == {np.dtype(np.float32)}
    np.testing.assert_allclose(found[1].numpy(), np.quantile(x, 0.3), rtol=1e-6)


def test_std_of_very_large_and_very_small_values() -> None:
    for scale in (1e200, 1e-200):
        x = np.array([1.0, -1.0, 3.0]) * scale
        y = gt.asarray(x)
        with gt.GradientTape() as tape:
            s = gt.std(y)
        assert s.item() == pytest.approx(np.std([1.0, -1.0, 3.0]) * scale)
        np.testing.assert_allclose(tape.gradient(s, y).numpy(), gt.grad(gt.std)([1.0, -1.0, 3.0]).numpy(), atol=1e-14)


def test_weights_of_a_logsumexp_that_are_zero_or_broadcast() -> None:
    assert gt.logsumexp([1000.0, 1.0], b=[0.0, 2.0]).item() == pytest.approx(1 + math.log(2))
    assert gt.grad(lambda x: gt.logsumexp(x, b=[0.0, 2.0]))([1000.0, 1.0]).numpy().tolist() == [0.0, 1.0]
    np.testing.assert_allclose(
        gt.logsumexp([0.0, 1000.0], axis=0, b=np.ones((3, 2))).numpy(), [math.log(3), 1000 + math.log(3)]
    )


def test_max_with_a_mask_of_complex_values() -> None:
    z = np.array([1 + 1j, 5.0, 2.0])
    assert gt.max(z, initial=-9.0, where=np.array([True, False, True])).item() == 2.0


@pytest.mark.parametrize(
    "name", ["nansum", "nanprod", "nanmax", "nanmin", "nancumsum", "nancumprod", "nanargmax", "nanargmin"]
)
def test_integers_have_no_nan_and_stay_integers(name: str) -> None:
    """As floats, 2**60 and 2**60 + 1 are one number."""
    large = np.array([[2**60, 2**60 + 1, 3], [5, 2**62 + 1, 2**62]])
    for x in (large, large.astype(np.uint8), large > 4):
        for axis in (None, 0, 1):
            found, expected = getattr(gt, name)(x, axis=axis), np.asarray(getattr(np, name)(x, axis=axis))
            assert found.dtype == expected.dtype
            np.testing.assert_array_equal(found.data, expected)
            assert type(found) is gt.Tensor


def test_neighbours_that_are_booleans_differ_or_not() -> None:
    x = np.array([[True, False, False], [True, True, False]])
    for axis in (0, 1):
        found = gt.diff(x, axis=axis)
        assert found.dtype == bool
        np.testing.assert_array_equal(found.data, np.diff(x, axis=axis))
