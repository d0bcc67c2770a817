"""Contractions, norms and linear algebra: NumPy's values, derivatives, and what happens at zero and singular points."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import gradtape as gt

RNG = np.random.default_rng(12)


def slopes(f: Callable[[Any], Any], at: Any) -> tuple[Any, Any]:
    """Gradient and Hessian (of the flattened argument) of a scalar function, by two tapes."""
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
    np.testing.assert_allclose(g, first, rtol=1e-10, atol=1e-13)
    if second is not None:
        np.testing.assert_allclose(h, second, rtol=1e-10, atol=1e-13)


def agrees(f: Callable[[Any], Any], g: Callable[[Any], Any], at: Any) -> None:
    """f on Tensors and g on arrays: values, gradient by central differences, a symmetric Hessian."""
    at = np.asarray(at, dtype=float)
    np.testing.assert_allclose(f(gt.asarray(at)).numpy(), g(at), rtol=1e-12, atol=1e-13)
    found, hessian = slopes(f, at)
    expected = np.zeros(at.shape)
    for i in np.ndindex(at.shape):
        step = np.zeros(at.shape)
        step[i] = 1e-6
        expected[i] = (g(at + step) - g(at - step)) / 2e-6
    np.testing.assert_allclose(found, expected, rtol=1e-6, atol=1e-7)
    np.testing.assert_allclose(hessian, hessian.T, rtol=1e-10, atol=1e-11)


def draw(*shape: int) -> Any:
    return RNG.normal(size=shape)


# -- contractions ---------------------------------------------------------------------------------------------

PAIRS = [
    ("matmul", (2, 3), (3, 4)), ("matmul", (3,), (3,)), ("matmul", (5, 2, 3), (3,)), ("matmul", (3,), (5, 3, 2)),
    ("matmul", (5, 1, 2, 3), (4, 3, 2)), ("dot", (2, 3), (3,)), ("dot", (), (3,)), ("dot", (2, 3), (4, 3, 2)),
    ("vdot", (2, 3), (2, 3)), ("inner", (2, 3), (4, 3)), ("inner", (3,), (3,)), ("outer", (2, 2), (3,)),
    ("kron", (2, 3), (2, 2)), ("kron", (2,), (2, 2)), ("kron", (2, 1, 2), (3,)), ("cross", (3,), (3,)),
    ("cross", (2, 3), (3,)), ("vecdot", (2, 3), (3,)), ("matvec", (4, 2, 3), (3,)), ("vecmat", (2,), (4, 2, 3)),
]  # fmt: skip


@pytest.mark.parametrize(("name", "a", "b"), PAIRS)
def test_products(name: str, a: tuple[int, ...], b: tuple[int, ...]) -> None:
    ours, theirs = getattr(gt, name), getattr(np, name)
    x, y = draw(*a), draw(*b)
    found, expected = ours(x, y), theirs(x, y)
    assert found.shape == np.shape(expected)
    np.testing.assert_allclose(found.numpy(), expected, rtol=1e-12, atol=1e-14)
    w = RNG.normal(size=np.shape(expected))
    agrees(lambda x: gt.sum(ours(x, y) * w), lambda x: np.sum(theirs(x, y) * w), x)
    agrees(lambda y: gt.sum(ours(x, y) * w), lambda y: np.sum(theirs(x, y) * w), y)


@pytest.mark.parametrize("axes", [0, 1, 2, ([0, 1], [1, 0]), (1, 0), ([-1], [0])])
def test_tensordot(axes: Any) -> None:
    a, b = draw(2, 2), draw(2, 2)
    np.testing.assert_allclose(gt.tensordot(a, b, axes).numpy(), np.tensordot(a, b, axes))
    w = RNG.normal(size=np.tensordot(a, b, axes).shape)
    agrees(lambda a: gt.sum(gt.tensordot(a, b, axes) * w), lambda a: np.sum(np.tensordot(a, b, axes) * w), a)


SUMS: list[tuple[str, list[tuple[int, ...]]]] = [
    ("ij,jk", [(2, 3), (3, 2)]), ("ji", [(2, 3)]), ("ii", [(3, 3)]), ("...ii->...i", [(2, 3, 3)]),
    ("...ij,...jk->...ik", [(4, 2, 3), (3, 2)]), ("...ij,...jk", [(1, 2, 3), (4, 3, 2)]),
    (" i j , j -> i ", [(2, 3), (3,)]), ("i...,i...->...", [(3, 2), (3,)]), ("...,...", [(2, 1), (3,)]),
    ("ij,jk,kl,l->i", [(2, 3), (3, 2), (2, 2), (2,)]), ("iij,jkk->ik", [(2, 2, 3), (3, 2, 2)]),
]  # fmt: skip


@pytest.mark.parametrize(("subscripts", "shapes"), SUMS)
def test_einsum(subscripts: str, shapes: list[tuple[int, ...]]) -> None:
    xs = [draw(*s) for s in shapes]
    expected = np.einsum(subscripts, *xs)
    np.testing.assert_allclose(gt.einsum(subscripts, *xs).numpy(), expected, rtol=1e-12, atol=1e-14)
    w = RNG.normal(size=expected.shape)
    for i in range(len(xs)):

        def with_slot(x: Any, i: int = i) -> list[Any]:
            return [*xs[:i], x, *xs[i + 1 :]]

        agrees(
            lambda x, f=with_slot: gt.sum(gt.einsum(subscripts, *f(x)) * w),
            lambda x, f=with_slot: np.sum(np.einsum(subscripts, *f(x)) * w),
            xs[i],
        )


def test_einsum_of_one_tensor_twice_and_with_lists() -> None:
    a = draw(2, 2)
    agrees(lambda a: gt.einsum("ij,jk,ki->", a, a, a), lambda a: np.trace(a @ a @ a), a)
    np.testing.assert_allclose(gt.einsum(a, [0, 1], a, [1, 2], [0, 2]).numpy(), a @ a)
    with pytest.raises(gt.ShapeError, match="2 operands"):
        gt.einsum("ij,jk->ik", a)
    with pytest.raises(gt.ShapeError, match="do not fit"):
        gt.einsum("ijk->i", a)


def test_dtypes() -> None:
    a32, a64 = draw(2, 2).astype(np.float32), draw(2, 2)
    x = gt.asarray(a32)
    with gt.GradientTape() as tape:
        y = gt.sum(x @ gt.asarray(a64))
    assert y.dtype == np.float64
    assert tape.gradient(y, x).dtype == np.float32
    z = gt.asarray(a64 + 1j * a64.T)
    with gt.GradientTape() as tape:
        y = gt.sum(gt.real(gt.matmul(gt.asarray(a64), z)))
    np.testing.assert_allclose(tape.gradient(y, z).numpy(), a64.T @ np.ones((2, 2)))


def test_powers_and_chains() -> None:
    a = np.array([[1.0, 0.5], [0.2, 1.5]])
    for n in (-2, 0, 1, 2, 5):
        agrees(
            lambda a, n=n: gt.sum(gt.linalg.matrix_power(a, n) * a),
            lambda a, n=n: np.sum(np.linalg.matrix_power(a, n) * a),
            a,
        )
    xs = [draw(10, 2), draw(2, 30), draw(30, 3), draw(3)]
    np.testing.assert_allclose(gt.linalg.multi_dot(xs).numpy(), np.linalg.multi_dot(xs))
    np.testing.assert_allclose(gt.linalg.multi_dot([xs[1][0], xs[2]]).numpy(), np.linalg.multi_dot([xs[1][0], xs[2]]))


# -- norms ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("ord", [None, 1, 2, 3, 2.5, 4, 0, math.inf, -math.inf])
@pytest.mark.parametrize("axis", [0, -1])
def test_vector_norms(ord: Any, axis: int) -> None:
    x = draw(3, 2)
    for keepdims in (False, True):
        np.testing.assert_allclose(
            gt.linalg.norm(x, ord, axis, keepdims).numpy(), np.linalg.norm(x, ord, axis, keepdims)
        )
    agrees(
        lambda x: gt.sum(gt.linalg.norm(x, ord, axis) * [1.0, 2.0, 3.0][: 3 if axis else 2]),
        lambda x: np.sum(np.linalg.norm(x, ord, axis) * [1.0, 2.0, 3.0][: 3 if axis else 2]),
        x,
    )


@pytest.mark.parametrize("ord", ["fro", 1, -1, math.inf, -math.inf])
def test_matrix_norms(ord: Any) -> None:
    x = draw(2, 3, 4)
    np.testing.assert_allclose(gt.linalg.matrix_norm(x, ord=ord).numpy(), np.linalg.matrix_norm(x, ord=ord))
    np.testing.assert_allclose(
        gt.linalg.norm(x, ord, (0, 2), True).numpy(), np.linalg.norm(x, ord, (0, 2), keepdims=True)
    )
    agrees(lambda x: gt.linalg.norm(x, ord), lambda x: np.linalg.norm(x, ord), x[0])


def test_norm_at_zero_and_at_the_ends_of_the_range() -> None:
    norm, zero = gt.linalg.norm, np.zeros((2, 2))
    check(norm, [0.0, 0.0], [0.0, 0.0], zero)
    check(lambda x: norm(x, 3), [0.0, 0.0], [0.0, 0.0], zero)
    check(lambda x: norm(x, 1), [0.0, 2.0], [0.0, 1.0], zero)
    check(norm, [3.0, 0.0], [1.0, 0.0], [[0.0, 0.0], [0.0, 1 / 3]])
    check(norm, [1e200, 1e200], [0.5**0.5] * 2)
    check(norm, [1e-200, 1e-200], [0.5**0.5] * 2, 0.5**1.5 * 1e200 * np.array([[1, -1], [-1, 1]]))
    assert norm([3e200, 4e200]).numpy() == pytest.approx(5e200)
    assert norm([3e-200, 4e-200]).numpy() == pytest.approx(5e-200)
    assert norm(np.zeros(0)).numpy() == 0.0


def test_norm_squared_has_its_true_hessian_at_zero() -> None:
    norm, zero = gt.linalg.norm, [0.0, 0.0]

    def twice(x: Any) -> Any:
        n = norm(x)
        return n * n

    for f in (lambda x: norm(x) ** 2, lambda x: gt.square(norm(x)), twice, lambda x: norm(x) * norm(x)):
        check(f, zero, zero, 2 * np.eye(2))
        check(f, [1.0, 2.0], [2.0, 4.0], 2 * np.eye(2))
    check(lambda x: norm(x) ** 4, zero, zero, np.zeros((2, 2)))
    check(lambda x: gt.sum(norm(x, axis=0) ** 2.0), np.zeros((2, 1)), np.zeros((2, 1)), 2 * np.eye(2))


@pytest.mark.parametrize(
    "length",
    [
        lambda d: gt.linalg.norm(d, axis=-1),
        lambda d: gt.sqrt(gt.sum(d**2, axis=-1)),
        lambda d: gt.sum(d * d, axis=-1) ** 0.5,
        lambda d: gt.sqrt(d[..., 0] ** 2 + d[..., 1] ** 2),
    ],
)
def test_distance_matrices(length: Callable[[Any], Any]) -> None:
    """The diagonal of a distance matrix is a kink: derivatives 0 there, and nothing infinite elsewhere."""
    p = draw(3, 2)

    def total(p: Any) -> Any:
        return gt.sum(length(gt.reshape(p, (3, 1, 2)) - gt.reshape(p, (1, 3, 2))))

    g, h = slopes(total, p)
    d = p[:, None] - p[None, :]
    r = np.linalg.norm(d, axis=-1) + np.eye(3)
    np.testing.assert_allclose(g, 2 * (d / r[..., None]).sum(axis=1))
    np.testing.assert_allclose(h, h.T, atol=1e-12)
    assert np.all(np.isfinite(h))


# -- peepholes ------------------------------------------------------------------------------------------------

INF = math.inf
COMPANY: list[tuple[str, Callable[[Any], Any], float, float, float]] = [
    ("sqrt(x**2)", lambda x: gt.sqrt(x**2), 0.0, 0.0, 0.0),
    ("sqrt(x*x)", lambda x: gt.sqrt(x * x), -2.0, -1.0, 0.0),
    ("sqrt(x**4)", lambda x: gt.sqrt(x**4), 0.0, 0.0, 2.0),
    ("sqrt(x)**2", lambda x: gt.sqrt(x) ** 2, 0.0, 1.0, 0.0),
    ("sqrt(x)*sqrt(x)", lambda x: gt.sqrt(x) * gt.sqrt(x), 0.0, 1.0, 0.0),
    ("log(1+exp(x))", lambda x: gt.log(1 + gt.exp(x)), 1000.0, 1.0, 0.0),
    ("log1p(exp(x))", lambda x: gt.log1p(gt.exp(x)), 1000.0, 1.0, 0.0),
    ("log(cosh(x))", lambda x: gt.log(gt.cosh(x)), 1000.0, 1.0, 0.0),
    ("log(cosh(x))", lambda x: gt.log(gt.cosh(x)), 0.0, 0.0, 1.0),
    ("x*log(x)", lambda x: x * gt.log(x), 0.0, -INF, INF),
    ("log(x)*x", lambda x: gt.log(x) * x, 2.0, 1 + math.log(2), 0.5),
    ("-x*log(x)", lambda x: -x * gt.log(x), 0.0, INF, -INF),
    ("sin(x)/x", lambda x: gt.sin(x) / x, 0.0, 0.0, -1 / 3),
    ("expm1(x)/x", lambda x: gt.expm1(x) / x, 0.0, 0.5, 1 / 3),
    ("log1p(x)/x", lambda x: gt.log1p(x) / x, 0.0, -0.5, 2 / 3),
    ("arccos(x)**2", lambda x: gt.arccos(x) ** 2, 1.0, -2.0, 2 / 3),
    ("arccos(x)**2", lambda x: gt.arccos(x) ** 2, 0.0, -math.pi, 2.0),
]


@pytest.mark.parametrize(("name", "f", "at", "first", "second"), COMPANY, ids=[f"{c[0]} at {c[2]}" for c in COMPANY])
def test_company(name: str, f: Callable[[Any], Any], at: float, first: float, second: float) -> None:
    check(f, at, first, np.array([[second]]))


def test_company_of_several_entries() -> None:
    half = np.array([[0.25, -0.25], [-0.25, 0.25]])
    check(lambda x: gt.log(gt.sum(gt.exp(x))), [1000.0, 1000.0], [0.5, 0.5], half)
    check(lambda x: gt.sqrt(x @ x), [0.0, 0.0], [0.0, 0.0], np.zeros((2, 2)))
    check(lambda x: gt.sqrt(gt.mean(x**2)), [0.0, 0.0], [0.0, 0.0], np.zeros((2, 2)))
    check(lambda x: gt.log(gt.softmax(x))[0], [-1000.0, 0.0], [1.0, -1.0], np.zeros((2, 2)))


def test_values_on_the_way_keep_their_own_gradients() -> None:
    x = gt.asarray([3.0, 4.0])
    with gt.GradientTape() as tape:
        squares = x * x
        length = gt.sqrt(gt.sum(squares))
    for sources in (squares, [squares, x]):
        found = tape.gradient(length, sources)
        np.testing.assert_allclose((found[0] if isinstance(found, list) else found).numpy(), [0.1, 0.1])
    np.testing.assert_allclose(tape.gradient(length, x).numpy(), [0.6, 0.8])


# -- inverses and determinants ----------------------------------------------------------------------------------

SQUARE = np.array([[2.0, 0.3, -0.1], [0.4, -1.5, 0.2], [0.1, 0.6, 1.2]])


def test_inverse_and_systems() -> None:
    w, b = draw(3, 3), draw(3)
    agrees(lambda a: gt.sum(gt.linalg.inv(a) * w), lambda a: np.sum(np.linalg.inv(a) * w), SQUARE)
    agrees(lambda a: gt.sum(gt.linalg.solve(a, b) * b), lambda a: np.sum(np.linalg.solve(a, b) * b), SQUARE)
    agrees(
        lambda b: gt.sum(gt.linalg.solve(SQUARE, b) ** 2), lambda b: np.sum(np.linalg.solve(SQUARE, b) ** 2), draw(3, 2)
    )
    batch = np.stack([SQUARE, SQUARE.T])
    np.testing.assert_allclose(gt.linalg.solve(batch, b).numpy(), np.stack([np.linalg.solve(m, b) for m in batch]))
    with pytest.raises(gt.ShapeError, match="square"):
        gt.linalg.inv(draw(2, 3))
    with pytest.raises(np.linalg.LinAlgError, match=r"[Ss]ingular"):
        gt.linalg.inv(np.zeros((2, 2)))


def minors(a: Any) -> Any:
    """The Hessian of det, minor by minor."""
    n = len(a)
    h = np.zeros((n, n, n, n))
    for i, j, k, m in itertools.product(range(n), repeat=4):
        if i != k and j != m:
            sign = (-1) ** (i + j + k + m) * (1 if (i - k) * (j - m) > 0 else -1)
            h[i, j, k, m] = sign * np.linalg.det(np.delete(np.delete(a, [i, k], 0), [j, m], 1))
    return h.reshape(n * n, n * n)


@pytest.mark.parametrize(
    "a",
    [SQUARE, [[1.0, 2.0], [2.0, 4.0]], np.zeros((2, 2)), np.diag([1.0, 1.0, 0.0, 0.0]), np.ones((3, 3)), [[2.0]]],
    ids=["regular", "corank 1", "zero", "4x4 of corank 2", "ones", "1x1"],
)
def test_det_at_any_rank(a: Any) -> None:
    a = np.asarray(a)
    n = len(a)
    cofactors = [
        [(-1) ** (i + j) * np.linalg.det(np.delete(np.delete(a, i, 0), j, 1)) for j in range(n)] for i in range(n)
    ]
    check(gt.linalg.det, a, cofactors, minors(a))


def test_third_derivative_of_det_of_zero() -> None:
    x = gt.Variable(np.zeros((3, 3)))
    with gt.GradientTape() as tape:
        y = gt.linalg.det(x)
        for i in range(3):
            y = tape.gradient(y, x)[i, i]
    assert y.numpy() == 1.0


def test_slogdet_and_cholesky() -> None:
    sign, size = gt.linalg.slogdet(SQUARE)
    assert sign.numpy() == -1.0
    agrees(lambda a: gt.linalg.slogdet(a).logabsdet, lambda a: np.linalg.slogdet(a)[1], SQUARE)
    np.testing.assert_allclose(size.numpy(), np.log(abs(np.linalg.det(SQUARE))))
    spd = SQUARE @ SQUARE.T
    w = draw(3, 3)

    def symmetric(a: Any) -> Any:
        return np.sum(np.linalg.cholesky((a + a.T) / 2) * w)

    agrees(lambda a: gt.sum(gt.linalg.cholesky(a) * w), symmetric, spd)
    upper = gt.linalg.cholesky(spd, upper=True).numpy()
    np.testing.assert_allclose(upper.T @ upper, spd)


def test_p_norm_at_zero_has_derivatives_zero_for_every_p() -> None:
    for p in (1.5, 2.5, 3):
        gradient = gt.grad(lambda x, p=p: gt.linalg.vector_norm(x, ord=p))
        assert gradient([0.0, 0.0]).numpy().tolist() == [0.0, 0.0]
        second = gt.hessian(lambda x, p=p: gt.linalg.vector_norm(x, ord=p))
        assert second([0.0, 0.0]).numpy().tolist() == [[0.0, 0.0], [0.0, 0.0]]
