"""Factorizations, eigenvalues, singular values and matrix functions: values, closed forms, repeated values, errors.

That every row's derivatives agree with differences, in every mode, is in ``test_laws``.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import scipy.linalg

import gradtape as gt
from gradtape.errors import DegenerateError
from gradtape.primitives.divided_differences import divided_differences

L = gt.linalg
RNG = np.random.default_rng(3)
A = RNG.normal(size=(3, 3)) + 2.0 * np.eye(3)
TALL, WIDE = RNG.normal(size=(4, 2)), RNG.normal(size=(2, 4))
BATCH = RNG.normal(size=(2, 3, 3)) + 2.0 * np.eye(3)
SPD = (A @ A.T + np.eye(3)) / 4
COMPLEX = A + 1j * RNG.normal(size=(3, 3))
HERMITIAN = COMPLEX @ COMPLEX.conj().T
C = RNG.normal(size=(3, 3))
Q, _ = np.linalg.qr(C)
#: A symmetric matrix with the eigenvalues 2, 2, 3.
DOUBLE = (Q * [2.0, 2.0, 3.0]) @ Q.T


def slopes(f: Callable[[Any], Any], x: Any, orders: int = 2) -> list[Any]:
    """f's derivatives at x along the direction D (all symmetric parts of it): f', f'', ... by nested tapes."""
    direction = np.cos(np.arange(np.size(x))).reshape(np.shape(x)) + 0.3

    def along(t: Any) -> Any:
        return f(x + t * direction)

    t = gt.Tensor(np.float64(0.0))
    with gt.GradientTape() as tape:
        y: Any = along(t)
        found = []
        for _ in range(orders):
            y = tape.gradient(y, t)
            found.append(y)
    return [float(np.real(d.data)) for d in found]


def gradient(f: Callable[[Any], Any], x: Any) -> Any:
    x = gt.Tensor(x)
    with gt.GradientTape() as tape:
        y = f(x)
    return tape.gradient(y, x).data


def hessian(f: Callable[[Any], Any], x: Any) -> Any:
    x = gt.Tensor(x)
    with gt.GradientTape() as outer:
        with gt.GradientTape() as tape:
            y = f(x)
        g = tape.gradient(y, x)
    units = np.eye(x.size).reshape(x.size, *x.shape)
    return np.array([outer.gradient(g, x, output_gradients=gt.Tensor(u)).data.ravel() for u in units])


def symmetric(x: Any) -> Any:
    return (x + gt.matrix_transpose(x)) * 0.5


# -- values -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("x", [A, TALL, WIDE, BATCH, COMPLEX], ids=["square", "tall", "wide", "batch", "complex"])
def test_factors_make_the_matrix(x: Any) -> None:
    def turned(y: Any) -> Any:
        return np.conj(np.swapaxes(y, -1, -2))

    q, r = (t.data for t in L.qr(x))
    np.testing.assert_allclose(q @ r, x, atol=1e-13)
    np.testing.assert_allclose(
        turned(q) @ q, np.broadcast_to(np.eye(q.shape[-1]), (*q.shape[:-2], *q.shape[-1:] * 2)), atol=1e-13
    )
    np.testing.assert_allclose(r, np.linalg.qr(x).R, atol=1e-13)
    np.testing.assert_array_equal(L.qr(x, mode="r").data, r)
    p, lower, upper = (t.data for t in L.lu(x))
    np.testing.assert_allclose(p @ lower @ upper, x, atol=1e-13)
    u, s, vh = (t.data for t in L.svd(x))
    np.testing.assert_allclose((u * s[..., None, :]) @ vh, x, atol=1e-13)
    np.testing.assert_allclose(L.svdvals(x).data, np.linalg.svd(x, compute_uv=False), atol=1e-13)
    np.testing.assert_allclose(L.pinv(x).data, np.linalg.pinv(x), atol=1e-12)
    assert np.all(L.matrix_rank(x).data == np.linalg.matrix_rank(x))


@pytest.mark.parametrize("x", [SPD, HERMITIAN, BATCH @ np.swapaxes(BATCH, -1, -2)], ids=["real", "complex", "batch"])
def test_eigenvalues_make_the_matrix(x: Any) -> None:
    w, v = (t.data for t in L.eigh(x))
    np.testing.assert_allclose((v * w[..., None, :]) @ np.conj(np.swapaxes(v, -1, -2)), x, atol=1e-12)
    np.testing.assert_allclose(L.eigvalsh(x).data, np.linalg.eigvalsh(x), rtol=1e-13)
    w, v = (t.data for t in L.eig(x))
    np.testing.assert_allclose(x @ v, v * w[..., None, :], atol=1e-11)
    np.testing.assert_allclose(np.sort(L.eigvals(x).data.real), np.sort(np.linalg.eigvals(x).real), rtol=1e-12)


def test_functions_agree_with_scipy() -> None:
    for ours, theirs in ((L.expm, scipy.linalg.expm), (L.logm, scipy.linalg.logm), (L.sqrtm, scipy.linalg.sqrtm)):
        np.testing.assert_allclose(ours(SPD).data, theirs(SPD), rtol=1e-12, atol=1e-12)
        assert ours(SPD.astype(np.float32)).dtype == np.float32
        assert ours(np.stack([SPD, 2 * SPD])).shape == (2, 3, 3)
        assert ours(np.zeros((0, 3, 3))).shape == (0, 3, 3)
    np.testing.assert_allclose(L.logm(-np.eye(2)).data, 1j * math.pi * np.eye(2), atol=1e-14)
    q = SPD[:, :2]
    np.testing.assert_allclose(
        L.solve_sylvester(A, C[:2, :2] + np.eye(2), q).data, scipy.linalg.solve_sylvester(A, C[:2, :2] + np.eye(2), q)
    )
    np.testing.assert_allclose(
        L.solve_continuous_lyapunov(A, SPD).data, scipy.linalg.solve_continuous_lyapunov(A, SPD), rtol=1e-10
    )
    np.testing.assert_allclose(
        L.solve_discrete_lyapunov(A / 9, SPD).data, scipy.linalg.solve_discrete_lyapunov(A / 9, SPD), rtol=1e-10
    )


def test_norms_and_condition_numbers_agree_with_numpy() -> None:
    for p in ("nuc", 2, -2):
        np.testing.assert_allclose(L.norm(A, p).data, np.linalg.norm(A, p), rtol=1e-13)
        np.testing.assert_allclose(
            L.norm(BATCH, p, axis=(2, 0), keepdims=True).data, np.linalg.norm(BATCH, p, axis=(2, 0), keepdims=True)
        )
    for p in (None, 2, -2, 1, "fro", "nuc"):
        np.testing.assert_allclose(L.cond(A, p).data, np.linalg.cond(A, p), rtol=1e-12)
    with pytest.raises(ValueError, match="ord='x'"):
        L.matrix_norm(A, ord="x")


def test_systems_agree_with_numpy() -> None:
    b = RNG.normal(size=4)
    for a, right in ((TALL, b), (TALL, RNG.normal(size=(4, 3))), (WIDE, b[:2]), (TALL @ WIDE, b)):
        ours, theirs = L.lstsq(a, right), np.linalg.lstsq(a, right)
        for one, other in zip(ours, theirs, strict=True):
            np.testing.assert_allclose(one.data, other, atol=1e-12)
    lower = np.tril(A)
    for trans, of in ((0, lower), ("T", lower.T)):
        np.testing.assert_allclose(L.solve_triangular(A, b[:3], trans, lower=True).data, np.linalg.solve(of, b[:3]))
    factor = np.linalg.cholesky(SPD)
    np.testing.assert_allclose(L.cholesky_solve(b[:3], factor).data, np.linalg.solve(SPD, b[:3]))
    np.testing.assert_allclose(L.cholesky_solve(C, factor.T, upper=True).data, np.linalg.solve(SPD, C))
    a = RNG.normal(size=(2, 3, 6))
    np.testing.assert_allclose(L.tensorinv(a).data, np.linalg.tensorinv(a))
    np.testing.assert_allclose(L.tensorsolve(a, a[..., 0]).data, np.linalg.tensorsolve(a, a[..., 0]), atol=1e-12)
    moved = np.moveaxis(a, 2, 0)
    np.testing.assert_allclose(
        L.tensorsolve(moved, a[..., 0], axes=(0,)).data, np.linalg.tensorsolve(moved, a[..., 0], axes=(0,)), atol=1e-12
    )
    np.testing.assert_allclose(L.logdet(SPD).data, np.linalg.slogdet(SPD)[1])


# -- closed forms -------------------------------------------------------------------------------------------------

IDENTITIES: dict[str, tuple[Callable[[Any], Any], Callable[[Any], Any], Any]] = {
    "QR": (lambda x: L.qr(x).Q @ L.qr(x).R, lambda x: x * 1, TALL),
    "QR, wide": (lambda x: L.qr(x).Q @ L.qr(x).R, lambda x: x * 1, WIDE),
    "R'R": (lambda x: L.qr(x).R.T @ L.qr(x).R, lambda x: x.T @ x, TALL),
    "LU": (lambda x: L.lu(x).P @ L.lu(x).L @ L.lu(x).U, lambda x: x * 1, A),
    "LU, tall": (lambda x: L.lu(x).P @ L.lu(x).L @ L.lu(x).U, lambda x: x * 1, TALL),
    "LU, wide": (lambda x: L.lu(x).P @ L.lu(x).L @ L.lu(x).U, lambda x: x * 1, WIDE),
    "SVD": (lambda x: (L.svd(x).U * L.svd(x).S) @ L.svd(x).Vh, lambda x: x * 1, WIDE),
    "pinv": (L.pinv, lambda x: L.inv(x.T @ x) @ x.T, TALL),
    "pinv, wide": (L.pinv, lambda x: x.T @ L.inv(x @ x.T), WIDE),
    "lstsq": (lambda x: L.lstsq(x, C[0, 0] + x**2).x, lambda x: L.inv(x.T @ x) @ x.T @ (C[0, 0] + x**2), TALL),
    "lstsq, wide": (lambda x: L.lstsq(x, C[:2]).x, lambda x: x.T @ L.inv(x @ x.T) @ C[:2], WIDE),
    "eig": (lambda x: gt.real((L.eig(x)[1] * L.eig(x)[0] ** 2) @ L.inv(L.eig(x)[1])), lambda x: x @ x, A),
    "eigvals": (lambda x: gt.real(L.eigvals(x) ** 3), lambda x: L.diagonal(x @ x @ x), A),
    "expm and logm": (lambda x: L.logm(L.expm(x * 0.3)), lambda x: x * 0.3, A),
    "sqrtm": (lambda x: L.sqrtm(x @ x.T), lambda x: L.funm(x @ x.T, gt.sqrt), A),
    "expm": (lambda x: L.expm(symmetric(x)), lambda x: L.funm(x, gt.exp), A),
    "logm": (lambda x: L.logm(x @ x.T), lambda x: L.funm(x @ x.T, gt.log), A),
    "cholesky_solve": (lambda x: L.cholesky_solve(C, L.cholesky(x @ x.T)), lambda x: L.solve(x @ x.T, C), A),
    "triangles": (lambda x: L.solve_triangular(x, C), lambda x: L.solve(gt.triu(x), C), A),
    "lyapunov": (
        lambda x: L.solve_continuous_lyapunov(x, C),
        lambda x: gt.reshape(L.solve(L.kron(x, np.eye(3)) + L.kron(np.eye(3), x), gt.ravel(C)), (3, 3)),
        A,
    ),
    "discrete lyapunov": (
        lambda x: L.solve_discrete_lyapunov(x / 9, C),
        lambda x: gt.reshape(L.solve(np.eye(9) - L.kron(x, x) / 81, gt.ravel(gt.asarray(C))), (3, 3)),
        A,
    ),
    "funm of x**3": (lambda x: L.funm(x, lambda w: w**3), lambda x: symmetric(x) @ symmetric(x) @ symmetric(x), A),
    "logdet": (lambda x: L.logdet(x @ x.T), lambda x: gt.sum(gt.log(L.eigvalsh(x @ x.T))), A),
}


@pytest.mark.parametrize("name", IDENTITIES)
def test_identities(name: str) -> None:
    f, g, x = IDENTITIES[name]
    # eigvals: the sum of all is what does not depend on their order.
    weights = 1.0 if name == "eigvals" else np.sin(np.arange(g(gt.Tensor(x)).size)).reshape(g(gt.Tensor(x)).shape)
    np.testing.assert_allclose(
        slopes(lambda x: gt.sum(weights * f(x)), x, 3),
        slopes(lambda x: gt.sum(weights * g(x)), x, 3),
        rtol=1e-7,
        atol=1e-8,
    )


def test_the_derivative_of_the_exponential_commutes() -> None:
    """d/dt expm(t x) = x expm(t x), and on."""
    t = gt.Tensor(np.float64(0.7))
    with gt.GradientTape() as tape:
        y = gt.sum(C * L.expm(t * A))
        for k in range(1, 4):
            y = tape.gradient(y, t)
            truth = np.sum(C * (np.linalg.matrix_power(A, k) @ scipy.linalg.expm(0.7 * A)))
            np.testing.assert_allclose(y.data, truth, rtol=1e-11)


def test_a_rotating_matrix_has_constant_eigenvalues() -> None:
    def turned(t: Any) -> Any:
        c, s = gt.cos(t), gt.sin(t)
        r = gt.stack([gt.stack([c, -s]), gt.stack([s, c])])
        return r @ gt.asarray(np.diag([1.0, 2.0])) @ r.T

    t = gt.Tensor(np.float64(0.4))
    with gt.GradientTape() as tape:
        w, v = L.eigh(turned(t))
        d: Any = w[0]
        angle: Any = v[0, 0] ** 2
        for k in range(1, 5):
            d, angle = tape.gradient(d, t), tape.gradient(angle, t)
            assert abs(d.data) < 1e-12
            truth = 2 ** (k - 1) * math.cos(0.8 + k * math.pi / 2)
            np.testing.assert_allclose(angle.data, truth, atol=1e-12)


def test_complex_rules_by_reconstruction() -> None:
    weights = C + 1j * A
    for f, g in (
        (lambda x: (L.svd(x).U * L.svd(x).S) @ L.svd(x).Vh, lambda x: x * 1),
        (lambda x: L.qr(x).Q @ L.qr(x).R, lambda x: x * 1),
        (lambda x: L.lu(x).P @ L.lu(x).L @ L.lu(x).U, lambda x: x * 1),
        (lambda x: L.funm(x, lambda w: w * w), lambda x: (x + gt.conj(x).mT) @ (x + gt.conj(x).mT) * 0.25),
        (lambda x: L.pinv(x), L.inv),
        (lambda x: L.expm(L.logm(x)), lambda x: x * 1),
    ):

        def total(h: Any, x: Any) -> Any:
            return gt.sum(gt.real(weights * h(x) ** 2))

        np.testing.assert_allclose(
            gradient(lambda x, f=f: total(f, x), COMPLEX),
            gradient(lambda x, g=g: total(g, x), COMPLEX),
            rtol=1e-9,
            atol=1e-9,
        )
        direction = COMPLEX * (0.3 + 0.2j)
        xs = gt.Tensor(COMPLEX)
        found = gt.jvp(lambda x, f=f: total(f, x), (xs,), (direction,))[1]
        np.testing.assert_allclose(
            found.data, gt.jvp(lambda x, g=g: total(g, x), (xs,), (direction,))[1].data, rtol=1e-9
        )


# -- repeated values ----------------------------------------------------------------------------------------------

#: Functions of eigenvectors, and the same as functions of the matrix: at matrices with repeated eigenvalues.
SPECTRAL: dict[str, tuple[Callable[[Any], Any], Callable[[Any], Any]]] = {
    "sum(w)": (lambda x: gt.sum(L.eigvalsh(x)), L.trace),
    "sum(w**3)": (lambda x: gt.sum(L.eigvalsh(x) ** 3), lambda x: L.trace(symmetric(x) @ symmetric(x) @ symmetric(x))),
    "sum(log w)": (lambda x: gt.sum(gt.log(L.eigh(x)[0])), lambda x: L.logdet(symmetric(x))),
    "mean(exp w)": (lambda x: gt.mean(gt.exp(L.eigvalsh(x))), lambda x: L.trace(L.expm(symmetric(x))) / 3),
    "logsumexp": (lambda x: gt.logsumexp(L.eigvalsh(x)), lambda x: gt.log(L.trace(L.expm(symmetric(x))))),
    "entropy": (
        lambda x: gt.sum(L.eigvalsh(x) / gt.sum(L.eigvalsh(x)) * gt.log(L.eigvalsh(x) / gt.sum(L.eigvalsh(x)))),
        lambda x: L.trace(symmetric(x) / L.trace(x) @ L.logm(symmetric(x) / L.trace(x))),
    ),
    "V w V'": (
        lambda x: gt.sum(C * ((L.eigh(x)[1] * L.eigh(x)[0]) @ L.eigh(x)[1].T)),
        lambda x: gt.sum(C * symmetric(x)),
    ),
    "(V * w**2) @ V.T": (
        lambda x: _applied(x, lambda w, v: (v * w**2) @ v.T),
        lambda x: gt.sum(C * (symmetric(x) @ symmetric(x))),
    ),
    "V diag V'": (
        lambda x: _applied(x, lambda w, v: v @ gt.diag(gt.exp(w)) @ v.T),
        lambda x: gt.sum(C * L.expm(symmetric(x))),
    ),
    "V (diag V')": (
        lambda x: _applied(x, lambda w, v: v @ (gt.diag(gt.exp(w)) @ v.mT)),
        lambda x: gt.sum(C * L.expm(symmetric(x))),
    ),
    "einsum": (
        lambda x: _applied(x, lambda w, v: gt.einsum("ij,j,kj->ik", v, gt.sqrt(w), v)),
        lambda x: gt.sum(C * L.sqrtm(symmetric(x))),
    ),
    "(V / w) @ V.T": (lambda x: _applied(x, lambda w, v: (v / w) @ v.T), lambda x: gt.sum(C * L.inv(symmetric(x)))),
    "V V'": (lambda x: _applied(x, lambda w, v: v @ v.T), lambda x: gt.sum(x) * 0 + np.sum(np.diag(C))),
    "w from its own total": (
        lambda x: _applied(x, lambda w, v: (v * (w / gt.sum(w))) @ v.T),
        lambda x: gt.sum(C * symmetric(x)) / L.trace(x),
    ),
}


def _chosen(values: Callable[[Any], Any]) -> dict[str, Callable[[Any], Any]]:
    return {
        "maximum": lambda x: gt.sum(gt.maximum(values(x), 0.1) ** 3),
        "where": lambda x: gt.sum(gt.where(values(x) > 0.1, values(x), 0.0) ** 3),
        "where, of the sum": lambda x: gt.where(gt.sum(x) > 0.1, gt.sum(values(x) ** 3), gt.log(-gt.sum(values(x)))),
    }


CHOSEN = {
    "eigvalsh": _chosen(L.eigvalsh),
    "eigh": _chosen(lambda x: L.eigh(x)[0]),
    "svdvals": _chosen(L.svdvals),
}


@pytest.mark.parametrize("x", [np.eye(3), DOUBLE], ids=["I", "2, 2, 3"])
@pytest.mark.parametrize("name", CHOSEN["eigh"])
@pytest.mark.parametrize("values", CHOSEN)
def test_chosen_values_may_be_repeated(values: str, name: str, x: Any) -> None:
    def along(f: Callable[[Any], Any]) -> Callable[[Any], Any]:
        return lambda x: f(symmetric(x))

    expected = slopes(along(lambda x: L.trace(x @ x @ x)), x, 3)
    with np.errstate(invalid="ignore"):  # of the branch that is not taken
        np.testing.assert_allclose(slopes(along(CHOSEN[values][name]), x, 3), expected, rtol=1e-8)


def _applied(x: Any, f: Callable[[Any, Any], Any]) -> Any:
    w, v = L.eigh(x)
    return gt.sum(C * f(w, v))


@pytest.mark.parametrize("x", [np.eye(3), 2 * np.eye(3), DOUBLE, SPD], ids=["I", "2 I", "2, 2, 3", "distinct"])
@pytest.mark.parametrize("name", SPECTRAL)
def test_spectral_functions_are_functions_of_the_matrix(name: str, x: Any) -> None:
    f, g = SPECTRAL[name]
    np.testing.assert_allclose(f(x).data, g(gt.Tensor(x)).data, rtol=1e-12, atol=1e-12)
    truth = gradient(g, x)
    np.testing.assert_allclose(gradient(f, x), (truth + truth.T) / 2, rtol=1e-9, atol=1e-10)
    np.testing.assert_allclose(slopes(f, x, 3), slopes(g, x, 3), rtol=1e-8, atol=1e-8)
    second = hessian(lambda x: g(symmetric(x)), x)
    np.testing.assert_allclose(hessian(f, x), second, rtol=1e-8, atol=1e-9)


@pytest.mark.parametrize("name", SPECTRAL)
def test_spectral_functions_in_forward_modes(name: str) -> None:
    f, g = SPECTRAL[name]
    direction = np.cos(np.arange(9.0)).reshape(3, 3)

    def pushed(f: Any, x: Any) -> Any:
        return gt.jvp(f, (x,), (direction,))[1]

    for x in (np.eye(3), DOUBLE):
        x = gt.Tensor(x)
        np.testing.assert_allclose(pushed(f, x).data, pushed(g, x).data, rtol=1e-9, atol=1e-10)
        twice = [pushed(lambda x, h=h: pushed(h, x), x).data for h in (f, g)]
        np.testing.assert_allclose(*twice, rtol=1e-8, atol=1e-9)
        mixed = [gradient(lambda x, h=h: pushed(h, x), x.data) for h in (f, g)]
        np.testing.assert_allclose(mixed[0], (mixed[1] + mixed[1].T) / 2, rtol=1e-8, atol=1e-9)
        jets = [gt.jet(h, (x,), [[gt.Tensor(direction), np.zeros((3, 3)), np.zeros((3, 3))]])[1] for h in (f, g)]
        np.testing.assert_allclose(*[[float(c.data) for c in jet] for jet in jets], rtol=1e-8, atol=1e-8)


def test_projectors_on_repeated_values() -> None:
    """dP for the space of the values 2, 2: off it by the gap, to second order too."""
    f: Callable[[Any], Any] = lambda x: _applied(x, lambda w, v: v[:, :2] @ v[:, :2].T)  # noqa: E731
    g: Callable[[Any], Any] = lambda x: gt.sum(C * (3.0 * np.eye(3) - symmetric(x)))  # noqa: E731
    np.testing.assert_allclose(f(DOUBLE).data, g(gt.Tensor(DOUBLE)).data, rtol=1e-12)
    third = Q[:, 2]
    both = np.eye(3) - np.outer(third, third)
    s = (C + C.T) / 2
    truth = -(np.outer(third, third) @ s @ both + both @ s @ np.outer(third, third))
    np.testing.assert_allclose(gradient(f, DOUBLE), truth, rtol=1e-10, atol=1e-12)

    def near(t: float) -> Any:
        x = DOUBLE + t * (A + A.T)
        _, v = np.linalg.eigh(x)
        return np.sum(C * (v[:, :2] @ v[:, :2].T))

    h = 1e-3
    second = (near(h) - 2 * near(0.0) + near(-h)) / h**2
    x = gt.Tensor(DOUBLE)
    found = gt.jet(f, (x,), [[gt.Tensor(A + A.T), np.zeros((3, 3))]])[1]
    np.testing.assert_allclose(float(found[1].data), second, rtol=1e-4)
    np.testing.assert_allclose(np.sum(hessian(f, DOUBLE) * np.outer((A + A.T), (A + A.T))), second, rtol=1e-4)


SINGULAR: dict[str, tuple[Callable[[Any], Any], Callable[[Any], Any]]] = {
    "(U * s) @ Vh": (lambda x: _parts(x, lambda u, s, vh: (u * s) @ vh), lambda x: gt.sum(C * x)),
    "U @ diag(s) @ Vh": (lambda x: _parts(x, lambda u, s, vh: u @ gt.diag(s) @ vh), lambda x: gt.sum(C * x)),
    "U @ (s[:, None] * Vh)": (lambda x: _parts(x, lambda u, s, vh: u @ (s[:, None] * vh)), lambda x: gt.sum(C * x)),
    "(U * s**3) @ Vh": (lambda x: _parts(x, lambda u, s, vh: (u * s**3) @ vh), lambda x: gt.sum(C * (x @ x.T @ x))),
    "U @ Vh": (lambda x: _parts(x, lambda u, s, vh: u @ vh), lambda x: gt.sum(C * (x @ L.inv(L.sqrtm(x.T @ x))))),
    "(Vh.T / s) @ U.T": (
        lambda x: gt.sum(C * ((L.svd(x).Vh.T / L.svd(x).S) @ L.svd(x).U.T)),
        lambda x: gt.sum(C * L.inv(x)),
    ),
    "einsum": (lambda x: _parts(x, lambda u, s, vh: gt.einsum("ij,j,jk->ik", u, s, vh)), lambda x: gt.sum(C * x)),
    "nuclear norm": (lambda x: L.norm(x, "nuc"), lambda x: L.trace(L.sqrtm(x.T @ x))),
    "sum(s**4)": (lambda x: gt.sum(L.svdvals(x) ** 4), lambda x: L.trace(x.T @ x @ x.T @ x)),
    "sum(log s)": (lambda x: gt.sum(gt.log(L.svd(x).S)), L.logdet),
}


def _parts(x: Any, f: Callable[[Any, Any, Any], Any]) -> Any:
    return gt.sum(C * f(*L.svd(x)))


@pytest.mark.parametrize("x", [np.eye(3), DOUBLE @ Q, A], ids=["I", "2, 2, 3", "distinct"])
@pytest.mark.parametrize("name", SINGULAR)
def test_functions_of_singular_values_are_functions_of_the_matrix(name: str, x: Any) -> None:
    f, g = SINGULAR[name]
    np.testing.assert_allclose(f(x).data, g(gt.Tensor(x)).data, rtol=1e-12)
    np.testing.assert_allclose(gradient(f, x), gradient(g, x), rtol=1e-9, atol=1e-10)
    np.testing.assert_allclose(hessian(f, x), hessian(g, x), rtol=1e-8, atol=1e-8)
    np.testing.assert_allclose(slopes(f, x, 3), slopes(g, x, 3), rtol=1e-7, atol=1e-7)
    direction = np.cos(np.arange(9.0)).reshape(3, 3)
    mixed = [gradient(lambda x, h=h: gt.jvp(h, (x,), (direction,))[1], x) for h in (f, g)]
    np.testing.assert_allclose(*mixed, rtol=1e-8, atol=1e-8)


@pytest.mark.parametrize("x", [np.zeros((3, 2)), np.eye(2, 3), np.ones((3, 3))], ids=["0", "wide I", "rank 1"])
def test_the_reconstruction_is_the_identity_at_any_rank(x: Any) -> None:
    weights = np.cos(np.arange(x.size)).reshape(x.shape)

    def back(x: Any) -> Any:
        u, s, vh = L.svd(x)
        return gt.sum(weights * ((u * s) @ vh))

    np.testing.assert_allclose(gradient(back, x), weights, atol=1e-12)
    np.testing.assert_allclose(hessian(back, x), 0, atol=1e-10)
    np.testing.assert_allclose(hessian(lambda x: gt.sum(L.svdvals(x) ** 2), x), 2 * np.eye(x.size), atol=1e-9)


def test_parameters_of_spectral_functions() -> None:
    """Derivatives in t, x, t and x, of sum(C * V exp(t w) V') at a repeated eigenvalue."""
    for x in (np.eye(3), DOUBLE):
        found = []
        for f in (
            lambda x, t: _applied(x, lambda w, v: (v * gt.exp(t * w)) @ v.T),
            lambda x, t: gt.sum(C * L.expm(t * symmetric(x))),
            lambda x, t: gt.sum(C * L.funm(x, lambda w: gt.exp(t * w))),
        ):
            xs, t = gt.Tensor(x), gt.Tensor(np.float64(0.8))
            with gt.GradientTape() as tape:
                y = f(xs, t)
                dt = tape.gradient(y, t)
                dx = tape.gradient(y, xs)
                mixed = tape.gradient(dx, t, output_gradients=C)
                both = tape.gradient(dx, xs, output_gradients=C)
            found.append([dt.data, dx.data, mixed.data, both.data, tape.gradient(mixed, xs).data])
    for other in found[1:]:
        for a, b in zip(found[0], other, strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-10, atol=1e-11)


def test_batches_with_repeated_values() -> None:
    x = np.stack([np.eye(3), DOUBLE, SPD])
    f: Callable[[Any], Any] = lambda x: gt.sum(gt.exp(L.eigvalsh(x)) * gt.asarray([[1.0], [2.0], [3.0]]))  # noqa: E731
    g: Callable[[Any], Any] = lambda x: gt.sum(L.trace(L.expm(symmetric(x))) * gt.asarray([1.0, 2.0, 3.0]))  # noqa: E731
    np.testing.assert_allclose(gradient(f, x), gradient(g, x), rtol=1e-10, atol=1e-10)
    np.testing.assert_allclose(hessian(f, x), hessian(g, x), rtol=1e-9, atol=1e-9)

    def back(x: Any) -> Any:
        w, v = L.eigh(x)
        return gt.sum(C * ((v * w[:, None, :]) @ v.mT))

    np.testing.assert_allclose(gradient(back, x), np.broadcast_to((C + C.T) / 2, x.shape), rtol=1e-10, atol=1e-10)


def test_vmap_and_hessian_with_repeated_values() -> None:
    xs, ts = np.stack([np.eye(3), DOUBLE, SPD]), np.array([0.5, 0.7, 0.9])

    def f(x: Any, t: Any) -> Any:
        return _applied(x, lambda w, v: (v * gt.exp(t * w)) @ v.T) + gt.sum(C * L.funm(x, lambda w: gt.sin(t * w)))

    def slope(x: Any, t: Any) -> Any:
        with gt.GradientTape() as tape:
            tape.watch([x, t])
            y = f(x, t)
        return tape.gradient(y, [x, t])

    def curve(x: Any, t: Any) -> Any:
        with gt.GradientTape() as tape:
            tape.watch([x, t])
            y = gt.sum(C * slope(x, t)[0])
        return tape.gradient(y, [x, t])

    for h in (slope, curve):
        together = gt.vmap(h)(gt.asarray(xs), gt.asarray(ts))
        apart = [h(gt.asarray(x), gt.asarray(t)) for x, t in zip(xs, ts, strict=True)]
        for k in range(2):
            np.testing.assert_allclose(together[k].data, np.stack([a[k].data for a in apart]), rtol=1e-11, atol=1e-12)
    for x in xs:
        y = gt.asarray(x)
        np.testing.assert_allclose(
            gt.hessian(lambda x: gt.sum(L.eigvalsh(x) ** 3))(y).data,
            gt.hessian(lambda x: L.trace(symmetric(x) @ symmetric(x) @ symmetric(x)))(y).data,
            rtol=1e-10,
            atol=1e-11,
        )


def test_complex_matrices_with_repeated_values() -> None:
    x = np.eye(3) + 0j
    weights = C + 1j * A

    def f(x: Any) -> Any:
        w, v = L.eigh(x)
        return gt.real(gt.sum(weights * ((v * gt.exp(w)) @ gt.conj(v).T)))

    def g(x: Any) -> Any:
        return gt.real(gt.sum(weights * L.expm((x + gt.conj(x).T) * 0.5)))

    np.testing.assert_allclose(gradient(f, x), gradient(g, x), rtol=1e-10, atol=1e-11)
    np.testing.assert_allclose(slopes(f, x, 3), slopes(g, x, 3), rtol=1e-9, atol=1e-10)

    def back(x: Any) -> Any:
        u, s, vh = L.svd(x)
        return gt.real(gt.sum(weights * ((u * s) @ vh)))

    np.testing.assert_allclose(gradient(back, x), weights.conj(), rtol=1e-10)


def test_vectors_that_are_not_determined_are_refused() -> None:
    x = gt.Tensor(DOUBLE)
    with gt.GradientTape() as tape:
        w, v = L.eigh(x)
        one, coupled = v[0, 0], gt.sum((v.T @ C @ v) ** 2) + gt.sum(w * gt.asarray([1.0, 2.0, 3.0]))
        free = gt.sum((v.T @ C @ v) ** 2)
    with pytest.raises(DegenerateError, match=r"w\[[01]\] = 2(\.0*\d*|) and w\[[01]\]|count as one"):
        tape.gradient(one, x)
    with pytest.raises(DegenerateError, match="Vectors and values both enter"):
        tape.gradient(coupled, x)
    # |V' C V|^2 = |C|^2, whatever V: the vectors enter alone, and their choice does not matter.
    np.testing.assert_allclose(tape.gradient(free, x).data, 0, atol=1e-12)
    pushed = gt.jvp(lambda x: L.eigh(x)[1], (x,), (C,))[1]
    assert np.any(np.isnan(pushed.data))


def test_a_weighted_sum_of_repeated_values_has_no_second_derivative() -> None:
    x = gt.Tensor(np.eye(2))
    with gt.GradientTape() as outer:
        with gt.GradientTape() as tape:
            y = L.eigvalsh(x)[0]
        g = tape.gradient(y, x)
    assert np.trace(g.data) == pytest.approx(1.0)  # one of the subgradients
    with pytest.raises(DegenerateError, match="count as one"):
        outer.gradient(g, x, output_gradients=gt.Tensor(np.array([[0.3, 1.0], [1.0, 0.1]])))


# -- divided differences ------------------------------------------------------------------------------------------


class Exp:
    def __call__(self, x: Any) -> Any:
        return np.exp(x)

    def derivative(self, slot: int = 0) -> Exp:
        return self

    def kinds(self, w: Any) -> Any:
        return 0


@pytest.mark.parametrize("gap", [0.0, 1e-14, 1e-9, 1e-5, 1e-3, 1e-2, 0.1, 1.0])
@pytest.mark.parametrize("k", [1, 2, 3])
def test_divided_differences_at_any_gap(gap: float, k: int) -> None:
    """exp[w, ..., w + k gap] = exp(w) (expm1(gap) / gap)^k / k! for equally spaced points."""
    w = 0.3 + gap * np.arange(k + 1.0)
    found = divided_differences(Exp(), w, [], k)[tuple(range(k + 1))]
    exact_gap = w[1] - w[0]
    ratio = math.expm1(exact_gap) / exact_gap if exact_gap else 1.0
    np.testing.assert_allclose(
        found, math.exp(0.3) * ratio**k / math.factorial(k), rtol=2e-12 if gap > 1e-12 else 1e-13
    )


def test_nearly_repeated_values_lose_no_digits() -> None:
    for gap in (1e-12, 1e-7, 1e-4, 3e-2, 0.3):
        x = (Q * [1.0, 1.0 + gap, 2.0]) @ Q.T
        f, g = SPECTRAL["V diag V'"]
        np.testing.assert_allclose(gradient(f, x), (gradient(g, x) + gradient(g, x).T) / 2, rtol=1e-11)
        np.testing.assert_allclose(slopes(f, x, 3), slopes(g, x, 3), rtol=1e-9)


# -- errors and dtypes --------------------------------------------------------------------------------------------


def test_errors_say_what_to_do() -> None:
    with pytest.raises(gt.ShapeError, match="eigh: square matrices are wanted"):
        L.eigh(TALL)
    with pytest.raises(gt.ShapeError, match="svd: matrices are wanted"):
        L.svd([1.0, 2.0])
    with pytest.raises(ValueError, match="full_matrices=False"):
        L.svd(TALL, full_matrices=True)
    with pytest.raises(ValueError, match="the other columns of Q may be any"):
        L.qr(TALL, mode="complete")
    with pytest.raises(ValueError, match="UPLO"):
        L.eigh(SPD, UPLO="X")


@pytest.mark.parametrize("f", [L.eigvalsh, L.svdvals, L.pinv, L.expm, lambda x: L.qr(x).R, lambda x: L.lu(x).U])
def test_float32_stays_float32(f: Callable[[Any], Any]) -> None:
    x = SPD.astype(np.float32)
    assert f(x).dtype == np.float32
    assert gradient(lambda x: gt.sum(f(x)), x).dtype == np.float32
    assert f(np.array([[2, 1], [1, 3]])).dtype == np.float64
