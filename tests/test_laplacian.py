"""Differential operators against closed forms and second modes: one point, many points, weights, gradients, memory."""

from __future__ import annotations

import math
import tracemalloc
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import numpy as np
import pytest

import gradtape as gt
from gradtape.errors import GradtapeError
from gradtape.primitives.contractions import matmul
from gradtape.record.segment import Window
from gradtape.sweeps.collapse import Collapse


def layers(*sizes: int, seed: int = 0) -> list[tuple[Any, Any]]:
    rng = np.random.default_rng(seed)
    pairs = pairwise(sizes)
    return [(gt.asarray(rng.normal(size=p) / p[0] ** 0.5), gt.asarray(rng.normal(size=p[1]) * 0.1)) for p in pairs]


def network(net: list[tuple[Any, Any]], x: Any) -> Any:
    for i, (w, b) in enumerate(net):
        x = x @ w + b
        x = gt.tanh(x) if i < len(net) - 1 else x
    return x[..., 0]


def by_hand(net: list[tuple[Any, Any]], x: Any) -> Any:
    """The Laplacian by the chain rule for (value, Jacobian, Laplacian), layer by layer, in NumPy."""
    y, jacobian, lap = x, np.broadcast_to(np.eye(x.shape[-1]), (len(x), x.shape[-1], x.shape[-1])), np.zeros_like(x)
    for i, (w, b) in enumerate(net):
        y, jacobian, lap = y @ w.data + b.data, jacobian @ w.data, lap @ w.data
        if i < len(net) - 1:
            y = np.tanh(y)
            slope = 1 - y * y
            lap = slope * lap - 2 * y * slope * np.sum(jacobian**2, axis=1)
            jacobian = slope[:, None] * jacobian
    return lap[:, 0]


@pytest.mark.parametrize("dimension", [10, 100])
def test_of_a_network(dimension: int) -> None:
    net = layers(dimension, 64, 64, 64, 64, 1)
    x = np.random.default_rng(1).normal(size=(6, dimension))
    exact = by_hand(net, x)
    scale = np.abs(exact).max()
    np.testing.assert_allclose(gt.laplacian(lambda x: network(net, x), axis=-1)(x).data, exact, atol=1e-12 * scale)
    np.testing.assert_allclose(gt.vmap(gt.laplacian(lambda x: network(net, x)))(x).data, exact, atol=1e-12 * scale)
    np.testing.assert_allclose(
        gt.laplacian(lambda x: network(net, x.mT), axis=0)(x.T.copy()).data, exact, atol=1e-12 * scale
    )


EXACT: dict[str, tuple[Callable[[Any], Any], Callable[[Any], Any]]] = {
    "exponential of a sum": (lambda x: gt.exp(gt.sum(x) * 0.3), lambda x: x.size * 0.09 * np.exp(0.3 * x.sum())),
    "quotient": (lambda x: x[0] / x[1], lambda x: 2 * x[0] / x[1] ** 3),
    "norm": (gt.linalg.norm, lambda x: (x.size - 1) / np.linalg.norm(x)),
    "where": (
        lambda x: gt.sum(gt.where(x > 0.6, x**4, 3.0 * x)),
        lambda x: np.sum(np.where(x > 0.6, 12 * x**2, 0)),
    ),
    "determinant": (
        lambda x: gt.linalg.det(gt.outer(x, x) + gt.eye(x.size)),
        lambda x: 2.0 * x.size,
    ),
    "quadratic form": (
        lambda x: gt.matmul(x, gt.matmul(gt.asarray(np.outer([1.0, 2.0, 3.0], [4.0, 5.0, 6.0])), x)),
        lambda x: 2.0 * 32,
    ),
    "constant": (lambda x: gt.asarray(3.0), lambda x: 0.0),
    "linear": (lambda x: gt.sum(x) + 1.0, lambda x: 0.0),
    "rounded": (lambda x: gt.sum(gt.floor(x)) + gt.sum(x**2), lambda x: 2.0 * x.size),
    "complex on the way": (lambda x: gt.sum(gt.real(gt.exp(1j * x))), lambda x: -np.sum(np.cos(x))),
    "scan of products": (lambda x: gt.cumprod(x)[-1] + x[0] ** 2 * x[1] ** 2, lambda x: 2 * (x[0] ** 2 + x[1] ** 2)),
}


@pytest.mark.parametrize("name", EXACT)
def test_closed_forms(name: str) -> None:
    f, exact = EXACT[name]
    x = np.array([0.4, 0.7, -0.8])
    assert float(gt.laplacian(f)(x)) == pytest.approx(float(exact(x)), rel=1e-11, abs=1e-14)


def test_trees_and_dtypes() -> None:
    x = np.array([[0.5, 2.0]], dtype=np.float32)
    found = gt.laplacian(lambda k, x: {"a": k * gt.sum(x**2), "b": (gt.exp(x), 1.5)}, argnums=1)(3.0, x)
    assert float(found["a"]) == 12.0
    np.testing.assert_allclose(found["b"][0].data, np.exp(x), rtol=1e-6)
    assert found["b"][0].dtype == np.float32
    assert float(found["b"][1]) == 0.0


def test_no_coordinates_no_points() -> None:
    assert float(gt.laplacian(lambda x: gt.sum(x) + 1.0)(np.zeros(0))) == 0.0
    assert gt.laplacian(lambda x: gt.sum(x**2, axis=-1), axis=-1)(np.zeros((0, 3))).shape == (0,)


def test_weights() -> None:
    x = np.array([0.4, 0.7, -0.8])
    w = np.array([2.0, 0.0, -0.5])
    found = gt.laplacian(lambda x: gt.sum(x**4), weights=w)(x)
    assert float(found) == pytest.approx(float(12 * w @ x**2), rel=1e-13)
    many = gt.laplacian(lambda x: gt.sum(x**4, axis=0), axis=0, weights=w)(np.stack([x, 2 * x], axis=1))
    np.testing.assert_allclose(many.data, [12 * w @ x**2, 48 * w @ x**2], rtol=1e-13)
    with pytest.raises(GradtapeError, match="2 weights for 3 coordinates"):
        gt.laplacian(gt.sum, weights=[1.0, 2.0])(x)


def test_biharmonic_of_many_points() -> None:
    x = np.random.default_rng(0).normal(size=(2, 3, 2))
    found = gt.biharmonic(lambda x: x[..., 0] ** 4 * x[..., 1] ** 4, axis=-1)(x)
    a, b = x[..., 0], x[..., 1]
    np.testing.assert_allclose(found.data, 24 * b**4 + 288 * a**2 * b**2 + 24 * a**4, rtol=1e-11, atol=1e-9)


@pytest.mark.parametrize("axis", [None, -1])
def test_gradient_of_a_residual(axis: int | None) -> None:
    """As a network for Poisson's equation is trained: against differences of the loss, and against reverse mode."""
    net = layers(2, 5, 5, 1)
    x = np.random.default_rng(1).normal(size=(4, 2))

    def residual(w: Any) -> Any:
        def f(x: Any) -> Any:
            return network([(w, net[0][1]), *net[1:]], x)

        lap = gt.laplacian(f, axis=-1)(x) if axis else gt.vmap(gt.laplacian(f))(x)
        return gt.sum((lap - 1.0) ** 2)

    def by_reverse(w: Any) -> Any:
        hessians = gt.vmap(gt.hessian(lambda x: network([(w, net[0][1]), *net[1:]], x)))(x)
        return gt.sum((gt.trace(hessians, axis1=1, axis2=2) - 1.0) ** 2)

    w = net[0][0]
    np.testing.assert_allclose(gt.grad(residual)(w).data, gt.grad(by_reverse)(w).data, rtol=1e-10)
    v = np.random.default_rng(2).normal(size=w.shape)
    h = 1e-5
    slope = (float(residual(w + h * v)) - float(residual(w - h * v))) / (2 * h)
    assert float(gt.sum(gt.grad(residual)(w) * v)) == pytest.approx(slope, rel=1e-7)


def test_nested() -> None:
    """The Laplacian of a Laplacian is the biharmonic, and its gradient that of the exact function."""
    x = np.array([0.3, -0.5, 0.8])

    def f(x: Any) -> Any:
        return gt.exp(0.5 * gt.sum(x)) * gt.sin(x[0])

    twice = gt.laplacian(gt.laplacian(f))
    assert float(twice(x)) == pytest.approx(float(gt.biharmonic(f)(x)), rel=1e-11)

    def lap(x: Any) -> Any:
        return gt.exp(0.5 * gt.sum(x)) * (-0.25 * gt.sin(x[0]) + gt.cos(x[0]))

    np.testing.assert_allclose(gt.grad(gt.laplacian(f))(x).data, gt.grad(lap)(x).data, rtol=1e-11)
    np.testing.assert_allclose(gt.jvp(gt.laplacian(f), (x,), (x,))[1].data, gt.jvp(lap, (x,), (x,))[1].data, rtol=1e-11)


# -- what is refused -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "f",
    [
        lambda x: gt.sum(x**2, axis=-1) - gt.mean(x),  # points that influence each other
        lambda x: gt.sum(x**2),
        lambda x: gt.sum(x**2, axis=0),
    ],
)
def test_points_must_be_independent(f: Any) -> None:
    x = np.random.default_rng(0).normal(size=(3, 2))
    with pytest.raises(GradtapeError, match="each point by itself"):
        gt.laplacian(f, axis=-1)(x)


def test_a_variable_takes_no_value_of_a_point() -> None:
    v = gt.Variable(0.0)

    def f(x: Any) -> Any:
        v.assign(gt.sum(x))
        return gt.sum(x**2, axis=-1)

    with pytest.raises(GradtapeError, match="depends on the point"):
        gt.laplacian(f, axis=-1)(np.ones((3, 2)))


# -- the collapse -----------------------------------------------------------------------------------------------------


def test_highest_coefficient_is_carried_once() -> None:
    """Of a Taylor sweep of order 2 every product with the second coefficient is one, not one for each direction."""
    a = gt.asarray(np.arange(6.0).reshape(2, 3))
    b = gt.asarray(np.arange(3.0))
    with Window() as window:
        v = gt.asarray(np.ones(3)) * 1.0
        y = gt.sum(matmul(a, v) * 2.0 + v[0] / 4.0 + 1.0) + gt.sum(v * v * b)
    collapse = Collapse(window.entries(), v, [y])
    rows = np.random.default_rng(0).normal(size=(5, 3))
    kept = [entry[0].name for entry, how, _, _ in collapse.steps if how == 0]
    assert kept == []
    (total,) = collapse.run(rows)
    each = 2 * np.sum(rows @ a.data.T, axis=1) + 2 * rows[:, 0] / 4 + 2.0 + np.sum(rows**2 * b.data, axis=1)
    assert float(total) == pytest.approx(float(each.sum()), rel=1e-13)


def test_memory_is_below_the_trace_of_the_hessian() -> None:
    net = layers(40, 64, 64, 64, 64, 1)
    x = np.random.default_rng(1).normal(size=(30, 40))

    def peak(call: Callable[[], Any]) -> int:
        call()
        tracemalloc.start()
        call()
        found = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return found

    collapsed = peak(lambda: gt.laplacian(lambda x: network(net, x), axis=-1)(x))
    trace = peak(lambda: gt.vmap(gt.hessian(lambda x: network(net, x)))(x))
    assert collapsed < trace / 2.4


def test_estimates_are_one_batch() -> None:
    """As many operations for 100 directions as for 10."""

    def count(samples: int) -> int:
        with gt.GradientTape() as tape:
            gt.laplacian_estimate(lambda x: gt.sum(gt.sin(x) * x), samples)(np.linspace(0, 1, 4))
        return tape.stats()["entries"]

    assert count(100) == count(10)
    assert math.isfinite(count(10))
