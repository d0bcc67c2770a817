"""Structured control flow on the XLA engine: values and derivatives are those of plain calls."""

from __future__ import annotations

import os
from typing import Any

import numpy as np
import pytest

import gradtape as gt
from gradtape.engines.xla import loops
from gradtape.engines.xla.engine import Compiled

os.environ.setdefault("JAX_PLATFORMS", "cpu")
pytest.importorskip("jax")


def close(found: Any, expected: Any, tolerance: float = 1e-12) -> None:
    np.testing.assert_allclose(np.asarray(found), np.asarray(expected), rtol=tolerance, atol=tolerance)


def root(a: Any) -> Any:
    """Newton's iteration for the square root."""
    return gt.while_loop(lambda x: abs(x * x - a) > 1e-15 * a, lambda x: 0.5 * (x + a / x), (a + 1) / 2)


def chosen(x: Any) -> Any:
    return gt.cond(gt.sum(x) > 0, lambda x: gt.sum(gt.sin(x)), lambda x: gt.sum(x * x * x), x)


def switched(x: Any) -> Any:
    branches = [lambda x: gt.sum(x), lambda x: gt.sum(gt.exp(x)), lambda x: gt.sum(gt.special.j0(x))]
    return gt.switch(gt.astype(x[0], "int64"), branches, x)


def powers(x: Any) -> Any:
    return gt.sum(gt.fori_loop(0, 5, lambda i, c: c * x + i, x))


def products(x: Any) -> Any:
    return gt.sum(gt.associative_scan(gt.multiply, x) ** 2)


def nested(x: Any) -> Any:
    """A loop in a loop, with a branch inside."""

    def body(c: Any, t: Any) -> Any:
        inner = gt.fori_loop(0, 3, lambda i, u: gt.tanh(u + t), c)
        return gt.cond(t > 0, lambda u: u * 2.0, lambda u: -u, inner), inner

    c, ys = gt.scan(body, gt.sum(x), x)
    return c + gt.sum(ys * ys)


CASES = {
    "root": (root, [np.float64(2.0), np.float64(9.0), np.float64(1e4)]),
    "chosen": (chosen, [np.array([0.5, 1.0]), np.array([-0.5, -1.0]), np.array([2.0, -1.0])]),
    "switched": (switched, [np.array([0.5, 1.0]), np.array([1.5, 2.0]), np.array([7.0, 3.0]), np.array([-3.0, 3.0])]),
    "powers": (powers, [np.array([0.5, 1.0]), np.array([-0.5, 2.0])]),
    "products": (products, [np.array([0.5, 1.0, 2.0]), np.array([-0.5, 2.0, 0.0])]),
    "nested": (nested, [np.array([0.5, -1.0, 2.0]), np.array([-0.5, 2.0, 0.1])]),
}


@pytest.mark.parametrize("name", CASES)
def test_values_and_first_derivatives(name: str) -> None:
    f, points = CASES[name]
    for g in (f, gt.grad(f)):
        compiled = gt.function(lambda x, g=g: g(x), engine="xla")
        for x in [points[0], *points]:
            close(compiled(gt.asarray(x)), g(gt.asarray(x)))
        kinds = next(iter(compiled.kinds.values()))
        assert len(kinds.paths) == 1, compiled.report()


@pytest.mark.parametrize("name", CASES)
def test_second_derivatives_and_from_outside(name: str) -> None:
    f, points = CASES[name]
    compiled = gt.function(f, engine="xla")
    inside = gt.function(gt.hessian(f), engine="xla")
    for x in points[:2]:
        x = gt.asarray(x)
        close(compiled(x), f(x))
        close(gt.grad(compiled)(x), gt.grad(f)(x))
        close(inside(x), gt.hessian(f)(x), 1e-11)


def test_a_batch_of_loops_of_different_lengths() -> None:
    compiled = gt.function(lambda x: gt.vmap(gt.grad(root))(x), engine="xla")
    for x in ([1.0, 9.0, 100.0], [2.0, 3.0, 1e6]):
        close(compiled(gt.asarray(x)), 0.5 / np.sqrt(x), 1e-9)


def test_a_loop_behind_a_guard_that_disagrees_does_not_begin() -> None:
    """On the path of positive numbers it would never end for negative ones."""

    @gt.function(engine="xla")
    def f(x: Any) -> Any:
        if x > 0:
            return gt.while_loop(lambda c: c[0] < 100.0, lambda c: (c[0] + x, c[1] + 1.0), (x, 0.0))[1]
        return x

    for x in (1.0, 2.0, -1.0, -1.0, 0.0, 50.0):
        close(f(gt.asarray(x)), f.python(gt.asarray(x)))


def test_loops_are_loops_of_xla() -> None:
    """One program for any number of turns: the text does not grow with the loop."""
    sizes = []
    for n in (10, 1000):
        f = gt.function(lambda x, n=n: gt.fori_loop(0, n, lambda i, c: gt.sin(c), x))
        f(gt.asarray(1.0))
        program = next(iter(f.kinds.values())).paths[0].program
        close(Compiled(program)([np.float64(1.0)])[0], f(gt.asarray(1.0)))
        sizes.append(len(program.to_stablehlo()))
    assert sizes[1] < sizes[0] + 100


def weighted(w: Any, xs: Any) -> Any:
    """Of each turn: what needs the carry, what needs only the slice, and what is the same at every turn."""
    c, ys = gt.scan(lambda c, x: (gt.tanh(c @ w + gt.special.j0(x)), gt.sum(gt.exp(w)) + gt.sum(x)), xs[0], xs)
    return gt.sum(c) + gt.sum(ys * ys)


@pytest.mark.parametrize("limit", [0, 10**9])
def test_what_needs_no_carry_is_done_for_all_turns_at_once(limit: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loops, "AT_ONCE", limit)
    rng = np.random.default_rng(3)
    w, xs = gt.asarray(0.3 * rng.normal(size=(3, 3))), gt.asarray(rng.normal(size=(7, 3)))
    for g in (weighted, gt.grad(weighted), gt.grad(weighted, argnums=1), gt.hessian(weighted)):
        compiled = gt.function(lambda w, xs, g=g: g(w, xs), engine="xla")
        compiled(w, xs)
        close(compiled(w, xs), g(w, xs))


def test_the_parts_of_a_body() -> None:
    f = gt.function(weighted)
    f(np.eye(3), np.ones((7, 3)))
    (step,) = [s for s in next(iter(f.kinds.values())).paths[0].program.steps if s.row.name == "scan"]
    body = step.params["body"]
    parts = loops.apart(body.program, body.carries, body.scanned, 7)
    assert parts is not None
    before, after, varying, same = parts
    # sum(exp(w)) may be found to be the same at every turn, j0(x) and what is added to sum(x) not.
    assert {"j0", "exp"} <= {s.row.name for s in before.steps}
    assert {"matmul", "tanh"} <= {s.row.name for s in after.steps}
    assert not {"j0", "exp"} & {s.row.name for s in after.steps}
    assert varying == 2
    assert same == 0
    assert loops.apart(body.program, body.carries, body.scanned, 10**9) is None


def test_an_error_in_what_is_done_at_once() -> None:
    f = gt.function(lambda c, xs: gt.scan(lambda c, x: (c + gt.linalg.inv(x), None), c, xs)[0], engine="xla")
    xs = gt.asarray(np.stack([np.eye(2) * k for k in (1.0, 2.0, 4.0)]))
    for _ in range(2):
        close(f(gt.asarray(np.eye(2)), xs), np.eye(2) * 2.75)
    with pytest.raises(np.linalg.LinAlgError):
        f(gt.asarray(np.eye(2)), xs * gt.asarray(np.array([1.0, 0.0, 1.0])[:, None, None]))


def test_backwards_through_a_loop_there_is_room_for_all_turns() -> None:
    """Halving until small: as many turns as the number asks for, more than there is room for at first."""

    def f(x: Any) -> Any:
        return gt.while_loop(lambda c: c[0] > 1.0, lambda c: (c[0] - 1.0, c[1] * gt.sin(c[0])), (x, x))[1]

    for g in (gt.grad(f), gt.grad(gt.grad(f))):
        compiled = gt.function(lambda x, g=g: g(x), engine="xla")
        for x in (3.5, 3.5, 10.25, 99.5, 0.5, 40.125):
            close(compiled(gt.asarray(x)), g(gt.asarray(x)), 1e-11)
        report = compiled.report()
        assert "path 2" not in report
        assert "on the host" not in report
