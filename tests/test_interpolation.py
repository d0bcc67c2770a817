"""Interpolation in several dimensions against SciPy, and its derivatives by differences and closed forms."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.interpolate
import scipy.ndimage

import gradtape as gt

rng = np.random.default_rng(5)
MODES = ["constant", "nearest", "reflect", "mirror", "grid-wrap"]


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("order", [0, 1])
@pytest.mark.parametrize("shape", [(5,), (4, 3), (3, 2, 4), (1, 3)])
def test_values_are_scipys(shape: tuple[int, ...], order: int, mode: str) -> None:
    x = rng.normal(size=shape)
    at = rng.uniform(-4.3, 8.3, (len(shape), 6, 7))
    expected = scipy.ndimage.map_coordinates(x, at, order=order, mode=mode, cval=0.5)
    np.testing.assert_allclose(gt.map_coordinates(x, at, order, mode, 0.5).numpy(), expected, atol=1e-12)


def test_slopes_of_map_coordinates() -> None:
    x, at = rng.normal(size=(4, 5)), rng.uniform(0.1, 2.9, (2, 6))
    at[:, 0] = [1.3, 7.0]  # outside
    weights, h = rng.normal(size=6), 1e-6

    def loss(x: object, at: object) -> gt.Tensor:
        return gt.sum(weights * gt.map_coordinates(x, at) ** 2)

    gx, ga = gt.grad(loss, argnums=(0, 1))(gt.asarray(x), gt.asarray(at))
    vx, va = rng.normal(size=x.shape), rng.normal(size=at.shape)
    difference = (loss(x + h * vx, at + h * va).item() - loss(x - h * vx, at - h * va).item()) / (2 * h)
    slope = np.sum(gx.numpy() * vx) + np.sum(ga.numpy() * va)
    assert slope == pytest.approx(difference, rel=1e-7)
    assert not ga.numpy()[:, 0].any()
    starts, moves = (gt.asarray(x), gt.asarray(at)), (gt.asarray(vx), gt.asarray(va))
    assert gt.jvp(loss, starts, moves)[1].item() == pytest.approx(slope, rel=1e-12)
    # Bilinear: the mixed second derivative is the twist of the cell.
    f = lambda at: gt.sum(gt.map_coordinates(x, at[:, None]))  # noqa: E731
    hessian = gt.hessian(f)(gt.asarray([1.25, 2.5])).numpy()
    twist = x[2, 3] - x[1, 3] - x[2, 2] + x[1, 2]
    np.testing.assert_allclose(hessian, [[0, twist], [twist, 0]], atol=1e-13)


def test_interpn() -> None:
    grid = [np.array([0.0, 0.5, 2.0]), np.array([-1.0, 1.0, 1.5, 4.0])]
    values, xi = rng.normal(size=(3, 4, 2)), rng.uniform(-0.5, 3.0, (5, 2))
    xi[0] = [2.0, 4.0]  # the last corner
    expected = scipy.interpolate.interpn(grid, values, xi, bounds_error=False, fill_value=None)
    np.testing.assert_allclose(gt.interpn(grid, values, xi).numpy(), expected, atol=1e-13)
    x, y = gt.asarray([0.25, 1.25]), np.add.outer(3 * grid[0], 2 * grid[1])
    np.testing.assert_allclose(gt.grad(lambda p: gt.interpn(grid, y, p))(x).numpy(), [3, 2], rtol=1e-13)
    spread = gt.grad(lambda v: gt.interpn(grid, v, x))(gt.asarray(y)).numpy()
    assert spread.sum() == pytest.approx(1.0)
    assert np.count_nonzero(spread) == 4


def test_batches_of_places() -> None:
    x, at = rng.normal(size=(4, 3)), rng.uniform(0, 2, (5, 2, 6))
    found = gt.vmap(lambda at: gt.map_coordinates(x, at, 1, "reflect"))(gt.asarray(at)).numpy()
    expected = [scipy.ndimage.map_coordinates(x, a, order=1, mode="reflect") for a in at]
    np.testing.assert_allclose(found, expected, atol=1e-13)


def test_errors_and_empties() -> None:
    with pytest.raises(gt.ShapeError, match="each axis"):
        gt.map_coordinates(np.zeros((2, 2)), np.zeros((3, 4)))
    with pytest.raises(ValueError, match="order"):
        gt.map_coordinates(np.zeros(2), np.zeros((1, 4)), order=3)
    with pytest.raises(ValueError, match="ascend"):
        gt.interpn([[1.0, 0.0]], [1.0, 2.0], [[0.5]])
    assert gt.map_coordinates(np.zeros((2, 2)), np.zeros((2, 0))).shape == (0,)
    assert np.isnan(gt.median(gt.asarray(np.zeros(0))).item())
    assert gt.linalg.lu(gt.asarray(np.zeros((0, 3, 3)))).L.shape == (0, 3, 3)
    none = gt.asarray(np.zeros((0, 0)))
    assert gt.grad(lambda x: gt.sum(gt.real(gt.linalg.eig(x).eigenvectors)))(none).shape == (0, 0)
