"""vmap and the batched Jacobians: nesting with every other mode, guards, chunks, cost."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import gradtape as gt
from gradtape.sweeps import batch as sweep
from gradtape.sweeps import jacobians

X = np.random.default_rng(0).normal(size=(4, 3))
W = np.random.default_rng(1).normal(size=(3, 3))


def f(x: Any) -> Any:
    return gt.sum(gt.sin(gt.asarray(W) @ x) * x) + gt.exp(x[0]) * x[1]


def loop(g: Callable[..., Any], *xs: Any) -> Any:
    """What vmap should give."""
    rows = [g(*[x[b] for x in xs]) for b in range(len(xs[0]))]
    return np.stack([r.data for r in rows])


def same(found: Any, expected: Any, rtol: float = 1e-12) -> None:
    found = found.data if isinstance(found, gt.Tensor) else found
    expected = expected.data if isinstance(expected, gt.Tensor) else expected
    assert found.shape == expected.shape
    np.testing.assert_allclose(found, expected, rtol=rtol, atol=1e-12)


MODES: dict[str, Callable[[Any], Any]] = {
    "value": f,
    "grad": gt.grad(f),
    "grad of grad": gt.grad(lambda x: gt.sum(gt.grad(f)(x) ** 2)),
    "jvp": lambda x: gt.jvp(f, (x,), (x * 2.0,))[1],
    "grad of jvp": gt.grad(lambda x: gt.jvp(f, (x,), (gt.asarray(W[0]),))[1]),
    "hessian": gt.hessian(f),
    "jacrev": gt.jacrev(lambda x: gt.tanh(x) * x[0]),
    "jacfwd": gt.jacfwd(lambda x: gt.tanh(x) * x[0]),
    "hvp": lambda x: gt.hvp(f, x, np.ones(3)),
    "vmap": lambda x: gt.vmap(lambda y: gt.sin(y) * x)(x),
    "grad of vmap": gt.grad(lambda x: gt.sum(gt.vmap(lambda y: gt.sin(y) * x)(x))),
}


@pytest.mark.parametrize("name", MODES)
def test_inside(name: str) -> None:
    same(gt.vmap(MODES[name])(X), loop(MODES[name], X))


@pytest.mark.parametrize("name", ["value", "grad", "jvp", "hessian", "vmap"])
def test_inside_and_outside(name: str) -> None:
    """The gradient, the tangent and another vmap of a vmap, with another derivative inside."""
    g = MODES[name]

    def whole(x: Any) -> Any:
        return gt.sum(gt.vmap(g)(x) ** 2)

    def one_by_one(x: Any) -> Any:
        return gt.sum(gt.stack([g(x[b]) for b in range(len(X))]) ** 2)

    same(gt.grad(whole)(X), gt.grad(one_by_one)(X))
    same(gt.jvp(whole, (X,), (X,))[1], gt.jvp(one_by_one, (X,), (X,))[1])
    same(gt.hvp(whole, X, X), gt.hvp(one_by_one, X, X))
    xs = np.stack([X, X + 0.1])
    same(gt.vmap(gt.vmap(g))(xs), np.stack([loop(g, x) for x in xs]))
    same(gt.vmap(gt.grad(whole))(xs), np.stack([gt.grad(one_by_one)(x).data for x in xs]))


def test_a_tape_around_sees_what_is_shared() -> None:
    w = gt.Variable([1.0, -2.0, 0.5])
    with gt.GradientTape() as outer:
        with gt.GradientTape() as tape:
            y = gt.vmap(lambda x: gt.sum(gt.exp(w) * x) ** 2)(X)
        g = tape.gradient(y, w)
    h = outer.gradient(g, w)
    e = np.exp(w.numpy())
    same(g, 2 * e * (X.T @ (X @ e)))
    same(h, 2 * e * (X.T @ (X @ e)) + 2 * e * (X.T @ X @ e))


def test_axes() -> None:
    a, b = X, np.arange(3.0)
    same(gt.vmap(lambda x, y: x * y, in_axes=(1, 0))(a, b), (a * b).T)
    same(gt.vmap(lambda x, y: x * y, in_axes=(1, None), out_axes=1)(a, 2.0), a * 2)
    same(gt.vmap(lambda x, y: x * y, in_axes=(-1, 0), out_axes=-1)(a, b), a * b)
    out = gt.vmap(lambda p, x: {"s": p["w"] * x, "t": (x + p["b"],)}, in_axes=({"w": None, "b": 0}, 0))(
        {"w": 2.0, "b": np.arange(4.0)}, X
    )
    same(out["s"], 2 * X)
    same(out["t"][0], X + np.arange(4.0)[:, None])
    same(gt.vmap(lambda x, scale, n: x * scale * n)(X, scale=np.arange(4.0), n=2), X * np.arange(4.0)[:, None] * 2)
    shared, each = gt.vmap(lambda x: (gt.asarray(W) * 2, x), out_axes=(None, 0))(X)
    same(shared, W * 2)
    same(each, X)
    same(gt.vmap(lambda x: 3.0)(X), np.full(4, 3.0))
    assert gt.vmap(lambda x: x * 2)(np.zeros((0, 3))).shape == (0, 3)


def test_what_does_not_fit() -> None:
    with pytest.raises(gt.ShapeError, match="not equally many"):
        gt.vmap(lambda x, y: x)(X, X[:2])
    with pytest.raises(gt.ShapeError, match="no axis"):
        gt.vmap(lambda x: x)(1.0)
    with pytest.raises(gt.ShapeError, match="no examples"):
        gt.vmap(lambda x: x, in_axes=None)(X)
    with pytest.raises(gt.ShapeError, match="depends on the example"):
        gt.vmap(lambda x: x, out_axes=None)(X)
    with pytest.raises(gt.TreeError, match="in_axes"):
        gt.vmap(lambda x: x, in_axes=(0, 0))(X)


def test_guards(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the batch agrees it is fine; where not, the line is named."""
    monkeypatch.setattr(sweep, "reported", set())
    same(gt.vmap(lambda x: x * 2 if gt.sum(x) < 100 else x)(X), X * 2)
    with pytest.raises(gt.GuardError, match=r"test_vmap\.py:\d+ .*gt.where"):
        gt.vmap(lambda x: x * 2 if x[0] > 0 else x)(X)  # gt.where
    with pytest.raises(gt.GuardError, match=r"left the record \(float\(\)\)"):
        gt.vmap(lambda x: x * float(x[0]))(X)
    with pytest.raises(gt.GuardError, match="asked by Python"):
        gt.vmap(lambda i: gt.asarray(X)[int(i), 0])(np.array([0, 1, 2]))
    with pytest.raises(gt.GuardError, match="shape"), pytest.warns(gt.GradtapeWarning):
        gt.vmap(lambda x: x[x > 0])(X)
    same(gt.vmap(lambda i: gt.take(gt.asarray(X), i, axis=0))(np.array([0, 2])), X[[0, 2]])


def test_guards_of_an_inner_batch() -> None:
    """The inner batch agrees for the first example of the outer one, not for the second."""
    xs = np.array([[1.0, 2.0], [1.0, -2.0]])

    def inner(x: Any) -> Any:
        return gt.vmap(lambda y: y * 2 if y > 0 else y)(x)

    same(inner(xs[0]), 2 * xs[0])
    with pytest.raises(gt.GuardError, match="asked by Python"):
        gt.vmap(inner)(xs)


def test_variables() -> None:
    v = gt.Variable(0.0)
    with pytest.raises(gt.TapeError, match="Variable was given"):
        gt.vmap(lambda x: v.assign(gt.sum(x)))(X)

    def total(x: Any) -> Any:
        own = gt.Variable(0.0)
        for i in range(3):
            own.assign_add(x[i])
        return own.value

    same(gt.vmap(total)(X), X.sum(1))


@gt.custom_gradient
def softplus(x: Any) -> Any:
    e = gt.exp(x)
    return gt.log(1 + e), lambda ct: ct * (2 - 2 / (1 + e))


@pytest.mark.parametrize("order", [0, 1, 2])
def test_rules_of_the_users_own(order: int) -> None:
    """A rule that is not the derivative of the value, so that it shows which one was used."""
    g: Any = softplus
    for _ in range(order):
        g = gt.grad(g)
    same(gt.vmap(g)(X[0]), loop(g, X[0]))
    same(gt.vmap(gt.vmap(g))(X), np.stack([loop(g, x) for x in X]))
    h = gt.grad(lambda x: gt.sum(gt.vmap(g)(x)))
    same(h(X[0]), loop(gt.grad(g), X[0]))
    same(gt.vmap(h)(X), np.stack([loop(gt.grad(g), x) for x in X]))
    same(gt.grad(lambda x: gt.sum(gt.vmap(gt.vmap(g))(x)))(X), np.stack([loop(gt.grad(g), x) for x in X]))


def test_gradients_of_each_example() -> None:
    w = gt.Variable(W)

    def loss(w: Any, x: Any) -> Any:
        return gt.sum(gt.tanh(w @ x) ** 2)

    same(gt.vmap(gt.grad(loss), in_axes=(None, 0))(w, X), np.stack([gt.grad(loss)(w, x).data for x in X]))


# -- Jacobians --------------------------------------------------------------------------------------------------


def vector(x: Any) -> Any:
    return gt.concat([gt.tanh(gt.asarray(W) @ x), x[:2] * x[1:], gt.reshape(gt.sum(x**3), (1,))])


def by_rows(x: Any) -> Any:
    return np.stack([gt.grad(lambda x, k=k: vector(x)[k])(x).data for k in range(6)])


@pytest.mark.parametrize("chunk", [None, 1, 2, 4, 6, 100])
def test_jacobians_equal_the_loop(chunk: int | None) -> None:
    for operator in (gt.jacrev, gt.jacfwd, gt.jacobian):
        same(operator(vector, chunk=chunk)(X[0]), by_rows(X[0]))
    with gt.GradientTape() as tape:
        x = gt.asarray(X[0])
        y = vector(x)
    same(tape.jacobian(y, x, parallel_iterations=chunk), by_rows(X[0]))


@pytest.mark.parametrize("operator", [gt.jacrev, gt.jacfwd, gt.jacobian])
def test_jacobians_of_jacobians(operator: Any) -> None:
    second = operator(operator(vector))(X[0])
    expected = np.stack([gt.hessian(lambda x, k=k: vector(x)[k])(X[0]).data for k in range(6)])
    same(second, expected)
    same(gt.grad(lambda x: gt.sum(operator(vector)(x) ** 2))(X[0]), 2 * np.einsum("ij,ijk->k", by_rows(X[0]), expected))


def test_jacobian_chooses_and_keeps_trees() -> None:
    out = gt.jacobian(lambda p, q: {"a": p * q, "b": gt.sum(p)}, argnums=(0, 1))(X[0], 2.0)
    same(out["a"][0], 2 * np.eye(3))
    same(out["a"][1], X[0])
    same(out["b"][0], np.ones(3))
    same(out["b"][1], np.zeros(()))


def test_batch_jacobian_and_hessian() -> None:
    with gt.GradientTape() as tape:
        x = gt.asarray(X)
        y = gt.vmap(vector)(x)
        z = gt.vmap(f)(x)
    same(tape.batch_jacobian(y, x), np.stack([by_rows(row) for row in X]))
    same(tape.batch_hessian(z, x), loop(gt.hessian(f), X))


def test_a_rule_that_looks_at_its_cotangent() -> None:
    @gt.custom_gradient
    def clipped(x: Any) -> Any:
        return x * 1.0, lambda ct: ct * (1.0 if float(gt.sum(ct)) > 0 else 0.5)

    same(gt.jacrev(clipped)(X[0]), np.eye(3))


def test_cost_does_not_grow_with_the_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    """The number of calls of Python and NumPy functions is the same for 10 and for 50 elements."""
    monkeypatch.setattr(jacobians, "BEST", 1 << 40)

    def calls(n: int) -> int:
        x, a = np.linspace(0, 1, n), np.eye(n)
        operators = [gt.hessian(lambda x: gt.sum(gt.sin(gt.asarray(a) @ x) * x)), gt.jacfwd(gt.exp), gt.vmap(gt.sin)]
        for g in operators:
            g(x)
        count = 0

        def profile(frame: Any, event: str, arg: Any) -> None:
            nonlocal count
            count += event in ("call", "c_call")

        sys.setprofile(profile)
        try:
            for g in operators:
                g(x)
        finally:
            sys.setprofile(None)
        return count

    assert abs(calls(10) - calls(50)) < 20


# -- linear operators ----------------------------------------------------------------------------------------------


def test_linear_operators() -> None:
    from scipy.sparse.linalg import cg

    v = np.arange(3.0)
    h, exact = gt.hessian_operator(f, X[0]), gt.hessian(f)(X[0]).data
    same(h @ v, exact @ v)
    same(h @ X.T, exact @ X.T)
    j = by_rows(X[0])
    g = gt.gauss_newton_operator(vector, X[0])
    same(g @ v, j.T @ (j @ v))
    solution, info = cg(g, v, rtol=1e-12)
    assert info == 0
    same(j.T @ j @ solution, v, 1e-8)

    def loss(y: Any) -> Any:
        return gt.logsumexp(y)

    hl = gt.hessian(loss)(vector(gt.asarray(X[0]))).data
    same(gt.gauss_newton_operator(vector, X[0], loss) @ v, j.T @ hl @ j @ v)
    same(gt.gauss_newton_vp(vector, X[0], v, loss), j.T @ hl @ j @ v)
    same(gt.grad(lambda v: v @ gt.gauss_newton_vp(vector, X[0], v))(v), 2 * j.T @ (j @ v))
    same(gt.vmap(lambda v: gt.gauss_newton_vp(vector, X[0], v))(X), X @ j.T @ j)
    assert not np.any(gt.hessian_operator(lambda x: gt.sum(x), X[0]) @ v)


@pytest.mark.parametrize(
    "write",
    [
        lambda x: x.at[1].set(x[2] ** 2),
        lambda x: x.at[::2].multiply(x[1]),
        lambda x: x.at[np.array([1])].set(x[2] ** 2),
        lambda x: x.at[np.array([[0], [2]])].set(x[2] ** 2),
    ],
)
def test_second_derivatives_of_what_is_written_are_taken_for_a_whole_batch(write: Callable[[Any], Any]) -> None:
    """The zero that a derivative writes is one number, whatever it is written into."""

    def along(x: Any, v: Any) -> Any:
        return gt.jvp(gt.grad(lambda x: gt.sum(write(x) ** 3)), (x,), (v,))[1]

    same(gt.vmap(along)(X, X[::-1]), loop(along, gt.asarray(X), gt.asarray(X[::-1].copy())))
    same(gt.vmap(lambda v: along(X[0], v))(X), loop(lambda v: along(X[0], v), gt.asarray(X)))


@pytest.mark.parametrize("mode", ["gradient", "tape.jvp"])
def test_derivatives_that_are_zero_whatever_the_example_can_be_computed_with(mode: str) -> None:
    """The zeros that answer for a slope that no longer depends on x are one array for the whole batch."""

    def h(x: Any) -> Any:
        with gt.GradientTape() as tape:
            tape.watch(x)
            slope = gt.sum(gt.grad(lambda q: gt.sum(2.0 * q))(x)) + gt.sum(gt.stop_gradient(x))
        if mode == "gradient":
            zero = tape.gradient(slope, x, unconnected_gradients="zero")
        else:
            zero = tape.jvp(slope, [x], [gt.ones_like(x)], unconnected_gradients="zero")
        return 3.0 * zero + x[0]

    same(gt.vmap(h)(X), loop(h, gt.asarray(X)))
    same(gt.vmap(gt.vmap(h))(np.stack([X, -X]))[1], loop(h, gt.asarray(-X)))
