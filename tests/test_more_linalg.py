"""Functions of matrices, polar factors, structured systems: values are SciPy's, derivatives by differences."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import scipy.linalg

import gradtape as gt

rng = np.random.default_rng(3)
A = rng.normal(size=(3, 3))
P = A @ A.T + np.eye(3)
TALL = rng.normal(size=(4, 2))
V, W = rng.normal(size=3), rng.normal(size=(3, 2))
BAND = rng.normal(size=(4, 3)) + np.array([[0.0], [5.0], [0.0], [0.0]])
SHIFTED = V + np.array([5.0, 0.0, 0.0])
L = gt.linalg

#: name -> (gradtape's, SciPy's, arguments)
PAIRS: dict[str, tuple[Callable[..., Any], Callable[..., Any], tuple[Any, ...]]] = {
    "cosm": (L.cosm, scipy.linalg.cosm, (A,)),
    "sinm": (L.sinm, scipy.linalg.sinm, (A,)),
    "tanm": (L.tanm, scipy.linalg.tanm, (A,)),
    "coshm": (L.coshm, scipy.linalg.coshm, (A,)),
    "sinhm": (L.sinhm, scipy.linalg.sinhm, (A,)),
    "tanhm": (L.tanhm, scipy.linalg.tanhm, (A,)),
    "signm": (L.signm, scipy.linalg.signm, (A,)),
    "power": (
        lambda x: L.fractional_matrix_power(x, 0.3),
        lambda x: scipy.linalg.fractional_matrix_power(x, 0.3),
        (P,),
    ),
    "expm_multiply": (L.expm_multiply, lambda x, b: scipy.linalg.expm(x) @ b, (A, W)),
    "polar": (lambda x: L.polar(x).u, lambda x: scipy.linalg.polar(x)[0], (TALL,)),
    "polar, left": (lambda x: L.polar(x, "left").p, lambda x: scipy.linalg.polar(x, "left")[1], (A,)),
    "polar at the identity": (lambda x: L.polar(x).u, lambda x: scipy.linalg.polar(x)[0], (np.eye(3),)),
    "lu_solve": (lambda a, b: L.lu_solve(L.lu(a), b), np.linalg.solve, (A, W)),
    "block_diag": (L.block_diag, scipy.linalg.block_diag, (A, TALL)),
    "toeplitz": (L.toeplitz, scipy.linalg.toeplitz, (V, W[:, 0])),
    "circulant": (L.circulant, scipy.linalg.circulant, (V,)),
    "solve_toeplitz": (
        lambda c, b: L.solve_toeplitz(c, b),
        lambda c, b: scipy.linalg.solve_toeplitz(c, b),
        (SHIFTED, W),
    ),
    "solve_circulant": (L.solve_circulant, scipy.linalg.solve_circulant, (SHIFTED, V)),
    "solve_banded": (
        lambda ab, b: L.solve_banded((2, 1), ab, b),
        lambda ab, b: scipy.linalg.solve_banded((2, 1), ab, b),
        (BAND, V),
    ),
}


@pytest.mark.parametrize("name", PAIRS)
def test_values_are_scipys(name: str) -> None:
    f, exact, xs = PAIRS[name]
    np.testing.assert_allclose(f(*xs).numpy(), exact(*xs), rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("name", PAIRS)
def test_derivatives_are_those_of_scipys_values(name: str) -> None:
    """Order 1 against central differences of SciPy's values, order 2 against those of the gradient, in every mode."""
    f, exact, xs = PAIRS[name]
    y = exact(*xs)
    weights = np.random.default_rng(1).normal(size=y.shape)
    moves = [np.random.default_rng(2 + i).normal(size=x.shape) for i, x in enumerate(xs)]

    def loss(*xs: Any) -> Any:
        return gt.sum(f(*xs) * weights)

    gradient = gt.grad(loss, argnums=tuple(range(len(xs))))

    def along(t: float) -> list[Any]:
        return [gt.asarray(x + t * v) for x, v in zip(xs, moves, strict=True)]

    def slope(t: float) -> float:
        return float(sum(np.sum(g.numpy() * v) for g, v in zip(gradient(*along(t)), moves, strict=True)))

    h = 1e-5
    ahead, behind = ([x.numpy() for x in along(t)] for t in (h, -h))
    first = np.sum((exact(*ahead) - exact(*behind)) * weights) / (2 * h)
    second = (slope(h) - slope(-h)) / (2 * h)
    assert slope(0.0) == pytest.approx(first, rel=1e-6, abs=1e-7)
    assert gt.jvp(loss, tuple(along(0.0)), tuple(moves))[1].item() == pytest.approx(slope(0.0), rel=1e-10, abs=1e-12)
    t = gt.asarray(0.0)

    def curve(t: Any) -> Any:
        return loss(*[x + t * v for x, v in zip(xs, moves, strict=True)])

    for order, expected in ((1, slope(0.0)), (2, second)):
        assert gt.derivative(curve, order=order)(t).item() == pytest.approx(expected, rel=1e-6, abs=1e-6)
    assert gt.grad(gt.grad(curve))(t).item() == pytest.approx(second, rel=1e-6, abs=1e-6)


def test_batches_of_banded_systems() -> None:
    ab = np.stack([BAND, 2 * BAND])
    y = gt.vmap(lambda ab, b: L.solve_banded((2, 1), ab, b))(gt.asarray(ab), gt.asarray(np.stack([V, V])))
    np.testing.assert_allclose(y.numpy()[1], y.numpy()[0] / 2, rtol=1e-14)
    corner = np.zeros((2, 2))
    corner[1] = 2.0
    corner[0, 0] = np.nan  # outside the matrix: not read
    g = gt.grad(lambda ab: gt.sum(L.solve_banded((0, 1), ab, [1.0, 1.0])))(gt.asarray(corner)).numpy()
    assert g[0, 0] == 0.0
    assert np.isfinite(g).all()


def test_errors_name_the_shapes() -> None:
    with pytest.raises(gt.ShapeError, match="diagonals"):
        L.solve_banded((1, 1), BAND, V)
    with pytest.raises(gt.ShapeError, match="vector"):
        L.toeplitz(A)
    with pytest.raises(ValueError, match="side"):
        L.polar(A, "up")
