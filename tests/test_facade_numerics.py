"""tf.linalg and tf.math's special functions: TensorFlow's conventions over gradtape's numbers."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import gradtape as gt
import gradtape.compat.tensorflow as tf

rng = np.random.default_rng(9)
A = rng.normal(size=(2, 3, 3)) + 3 * np.eye(3)
SPD = A @ A.transpose(0, 2, 1) + np.eye(3)
TALL = rng.normal(size=(2, 5, 3))
B = rng.normal(size=(2, 3, 2))
T = np.swapaxes


def near(found: Any, wanted: Any, tolerance: float = 1e-10) -> None:
    np.testing.assert_allclose(np.asarray(found), wanted, rtol=tolerance, atol=tolerance)


def test_equations() -> None:
    near(tf.linalg.inv(A, adjoint=True), T(np.linalg.inv(A), -1, -2))
    near(tf.linalg.solve(A, B, adjoint=True), np.linalg.solve(T(A, -1, -2), B))
    low = np.tril(A)
    near(tf.linalg.triangular_solve(A, B), np.linalg.solve(low, B))
    near(tf.linalg.triangular_solve(A, B, adjoint=True), np.linalg.solve(T(low, -1, -2), B))
    near(tf.linalg.triangular_solve(A, B, lower=False), np.linalg.solve(np.triu(A), B))
    near(tf.linalg.cholesky_solve(tf.linalg.cholesky(SPD), B), np.linalg.solve(SPD, B))
    near(tf.linalg.lstsq(TALL, TALL[..., :1]), np.broadcast_to([[1.0], [0.0], [0.0]], (2, 3, 1)))
    ridge = np.linalg.solve(T(TALL, -1, -2) @ TALL + 0.3 * np.eye(3), T(TALL, -1, -2) @ TALL[..., :1])
    near(tf.linalg.lstsq(TALL, TALL[..., :1], l2_regularizer=0.3), ridge)
    wide = T(TALL, -1, -2)
    flat = T(wide, -1, -2) @ np.linalg.solve(wide @ T(wide, -1, -2) + 0.3 * np.eye(3), B)
    near(tf.linalg.lstsq(wide, B, l2_regularizer=0.3), flat)
    near(tf.linalg.pinv(TALL), np.linalg.pinv(TALL))


def test_factorizations() -> None:
    s, u, v = tf.linalg.svd(TALL)
    near((u * s[:, None, :]) @ tf.linalg.adjoint(v), TALL)
    near(tf.linalg.svd(TALL, compute_uv=False), s)
    q, r = tf.linalg.qr(TALL)
    near(q @ r, TALL)
    e, vectors = tf.linalg.eigh(SPD)
    near(vectors * e[:, None, :] @ tf.linalg.adjoint(vectors), SPD)
    near(tf.linalg.eigvalsh(SPD), e)
    near(np.sort(np.asarray(tf.linalg.eigvals(SPD)).real), e)
    both, p = tf.linalg.lu(A)
    assert p.dtype == np.int32
    lower = np.tril(both, -1) + np.eye(3)
    near(lower @ np.triu(both), np.take_along_axis(A, np.asarray(p)[..., None], axis=-2))
    near(tf.linalg.logdet(SPD), np.linalg.slogdet(SPD)[1])
    near(tf.linalg.slogdet(A)[1], np.linalg.slogdet(A)[1])
    near(tf.linalg.expm(tf.linalg.logm(SPD)), SPD)
    near(tf.linalg.sqrtm(SPD) @ tf.linalg.sqrtm(SPD), SPD)
    assert np.asarray(tf.linalg.matrix_rank(TALL)).tolist() == [3, 3]


def test_diagonals() -> None:
    d = rng.normal(size=(2, 2))
    y = np.asarray(tf.linalg.set_diag(A, d, k=1))
    near(np.diagonal(y, 1, -2, -1), d)
    near(y - np.triu(np.tril(y, 1), 1), A - np.triu(np.tril(A, 1), 1))
    x = rng.normal(size=(2, 3))
    whole = tf.linalg.tensor_diag(x)
    assert whole.shape == (2, 3, 2, 3)
    assert float(whole[1, 2, 1, 2]) == x[1, 2]
    near(gt.sum(whole), x.sum())
    near(tf.linalg.tensor_diag_part(whole), x)


def test_derivatives_are_there() -> None:
    """d log det A / dA = A^-T; d |A^-1 B|^2 / dB = 2 A^-T A^-1 B."""
    a, b = tf.constant(SPD), tf.constant(B)
    with tf.GradientTape() as tape:
        y = tf.reduce_sum(tf.linalg.logdet(a))
        z = tf.reduce_sum(tf.linalg.solve(a, b) ** 2)
    inverse = np.linalg.inv(SPD)
    near(tape.gradient(y, a) + tf.linalg.adjoint(tape.gradient(y, a)), 2 * inverse)
    near(tape.gradient(z, b), 2 * inverse @ inverse @ B)


X = rng.uniform(0.3, 0.8, (2, 3))
Y = rng.uniform(1.2, 2.0, (2, 3))
#: name in tf.math -> (name in scipy.special, arguments)
SPECIAL: dict[str, tuple[str, tuple[Any, ...]]] = {
    name: (scipys, (X,))
    for name, scipys in {
        "bessel_i0": "i0", "bessel_i0e": "i0e", "bessel_i1": "i1", "bessel_i1e": "i1e", "bessel_j0": "j0",
        "bessel_j1": "j1", "bessel_k0": "k0", "bessel_k0e": "k0e", "bessel_k1": "k1", "bessel_k1e": "k1e",
        "bessel_y0": "y0", "bessel_y1": "y1", "dawsn": "dawsn", "digamma": "digamma", "erf": "erf", "erfc": "erfc",
        "erfcinv": "erfcinv", "erfinv": "erfinv", "expint": "expi", "lgamma": "gammaln", "ndtri": "ndtri",
        "spence": "spence",
    }.items()
} | {"igamma": ("gammainc", (Y, X)), "igammac": ("gammaincc", (Y, X)), "betainc": ("betainc", (Y, Y + 1, X)),
     "zeta": ("zeta", (Y + 1, Y))}  # fmt: skip


@pytest.mark.parametrize("name", sorted(SPECIAL))
def test_special(name: str) -> None:
    special = pytest.importorskip("scipy.special")
    scipys, arguments = SPECIAL[name]
    f = getattr(tf.math, name, None) or getattr(tf.math.special, name)
    near(f(*[tf.constant(a) for a in arguments]), getattr(special, scipys)(*arguments))
    x = tf.constant(arguments[-1])
    with tf.GradientTape() as tape:
        y = tf.reduce_sum(f(*[tf.constant(a) for a in arguments[:-1]], x))
    h = 1e-6
    sides = [getattr(special, scipys)(*arguments[:-1], arguments[-1] + d) for d in (h, -h)]
    near(tape.gradient(y, x), (sides[0] - sides[1]) / (2 * h), 1e-7)


def test_special_of_several_results_or_orders() -> None:
    special = pytest.importorskip("scipy.special")
    near(tf.math.special.fresnel_sin(X), special.fresnel(X)[0], 1e-12)
    near(tf.math.special.fresnel_cos(X), special.fresnel(X)[1], 1e-12)
    near(tf.math.polygamma(tf.constant(2.0, tf.float64), tf.constant(X)), special.polygamma(2, X))
    with pytest.raises(gt.ShapeError, match="once for each order"):
        tf.math.polygamma([1.0, 2.0], [1.0, 2.0])
    near(tf.math.lbeta(X), special.gammaln(X).sum(-1) - special.gammaln(X.sum(-1)))


def test_quotients_at_zero() -> None:
    x, y = tf.constant([0.0, 0.0, 2.0, 0.0]), tf.constant([4.0, 0.0, 4.0, float("nan")])
    with tf.GradientTape() as tape:
        z = tf.math.xdivy(x, y)
    assert np.asarray(z).tolist() == [0.0, 0.0, 0.5, 0.0]
    gx, gy = tape.gradient(z, [x, y])
    assert np.asarray(gx).tolist() == [0.25, 0.0, 0.25, 0.0]
    assert np.asarray(gy).tolist() == [0.0, 0.0, -0.125, 0.0]
    with tf.GradientTape() as tape:
        z = tf.math.reciprocal_no_nan(y[:3])
    assert np.asarray(z).tolist() == [0.25, 0.0, 0.25]
    assert np.asarray(tape.gradient(z, y)).tolist() == [-0.0625, 0.0, -0.0625, 0.0]


@pytest.mark.parametrize("reverse", [False, True])
def test_cumulative_logsumexp(reverse: bool) -> None:
    x = X[:, ::-1] if reverse else X
    truth = np.log(np.cumsum(np.exp(x), axis=1))
    found = np.asarray(tf.math.cumulative_logsumexp(X, axis=1, reverse=reverse))
    near(found[:, ::-1] if reverse else found, truth)
    shifted = np.asarray(tf.math.cumulative_logsumexp(X, axis=1, reverse=reverse, exclusive=True))
    shifted = shifted[:, ::-1] if reverse else shifted
    assert (shifted[:, 0] == -np.inf).all()
    near(shifted[:, 1:], truth[:, :-1])
