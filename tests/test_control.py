"""Loops as one entry: the same as Python's loop, in every mode and order, with and without a budget."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import gradtape as gt

RNG = np.random.default_rng(0)
W = RNG.normal(size=(3, 3)) * 0.5
XS = RNG.normal(size=(7, 3))
H = np.ones(3)


def net(loop: Any, reverse: bool = False) -> Callable[..., Any]:
    """A recurrent net; ``loop`` is "python", or the budget of a scan."""

    def f(w: Any, xs: Any, h: Any) -> Any:
        def turn(h: Any, x: Any) -> tuple[Any, Any]:
            h = gt.tanh(w @ h + x)
            return h, gt.sum(h)

        if loop == "python":
            rows = []
            order = range(6, -1, -1) if reverse else range(7)
            for k in order:
                h, y = turn(h, xs[k])
                rows.append(y)
            ys = gt.stack(rows[::-1] if reverse else rows)
        else:
            h, ys = gt.scan(turn, h, xs, reverse=reverse, budget=loop)
        return gt.sum(h) + gt.sum(ys**2 * np.arange(1.0, 8.0))

    return f


MANY = np.stack([XS, 2 * XS])
QUESTIONS: dict[str, Callable[[Any], Any]] = {
    "value": lambda f: f(W, XS, H),
    "grad": lambda f: gt.grad(f, (0, 1, 2))(W, XS, H),
    "jvp": lambda f: gt.jvp(f, (W, XS, H), (np.cos(W), np.sin(XS), H)),
    "jvp of one": lambda f: gt.jvp(lambda x: f(W, x, H), (XS,), (np.sin(XS),)),
    "hessian": lambda f: gt.hessian(lambda h: f(W, XS, h))(H),
    "reverse over reverse": lambda f: gt.grad(lambda w: gt.sum(gt.grad(f)(w, XS, H) ** 2))(W),
    "forward over reverse": lambda f: gt.jvp(gt.grad(f), (W, XS, H), (np.cos(W), np.sin(XS), H)),
    "third": lambda f: gt.derivative(lambda t: f(W * t, XS, H), order=3)(1.0),
    "three times reverse": lambda f: gt.grad(
        lambda h: gt.sum(gt.grad(lambda h: gt.sum(gt.grad(f, 2)(W, XS, h) ** 2))(h) ** 2)
    )(H),
    "reverse over jet": lambda f: gt.grad(lambda w: gt.derivative(lambda t: f(w * t, XS, H), order=2)(1.0))(W),
    "jet of compiled": lambda f: gt.derivative(gt.function(lambda t: f(W * t, XS, H)), order=2)(1.0),
    "vmap of jet": lambda f: gt.vmap(lambda x: gt.derivative(lambda t: f(W * t, x, H), order=2)(1.0))(MANY),
    "vmap of hessian": lambda f: gt.vmap(lambda x: gt.hessian(lambda h: f(W, x, h))(H))(MANY),
    "grad of vmap": lambda f: gt.grad(lambda w: gt.sum(gt.vmap(lambda x: f(w, x, H))(MANY)))(W),
    "vmap": lambda f: gt.vmap(f, in_axes=(None, 0, None))(W, MANY, H),
    "vmap of grad": lambda f: gt.vmap(gt.grad(f), in_axes=(None, 0, None))(W, MANY, H),
    "compiled, grad outside": lambda f: gt.grad(gt.function(f), 1)(W, XS, H),
    "compiled, grad inside": lambda f: gt.function(gt.grad(f, 1))(W, XS, H),
}


@pytest.mark.parametrize(("budget", "reverse"), [(None, False), (None, True), (2, True), (3, False), ("48B", False)])
@pytest.mark.parametrize("question", QUESTIONS)
def test_scan_is_the_loop(question: str, budget: Any, reverse: bool) -> None:
    ask = QUESTIONS[question]
    found = gt.trees.flatten(ask(net(budget, reverse)))[0]
    expected = gt.trees.flatten(ask(net("python", reverse)))[0]
    for a, b in zip(found, expected, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-11, atol=1e-11)


def test_a_scan_is_one_entry() -> None:
    w = gt.asarray(W)
    with gt.GradientTape() as tape:
        net(None)(w, XS, H)
    assert tape.text().count("= scan(") == 1
    assert tape.stats()["entries"] < 12


def test_carries_take_the_dtype_of_a_turn() -> None:
    total, ys = gt.scan(lambda c, x: (c + x, c), 0, np.array([0.5, 1.5]))
    assert float(total) == 2.0
    np.testing.assert_array_equal(ys, [0.0, 0.5])
    total = gt.scan(lambda c, x: (c + x, None), gt.asarray(np.float32(1.0)), np.array([0.5, 1.5]))[0]
    assert (float(total), total.dtype) == (3.0, "float64")
    last = gt.while_loop(lambda c: c < 3, lambda c: c + 0.75, gt.asarray(1))
    assert (float(last), last.dtype) == (3.25, "float64")


def test_python_ifs_and_assignments_in_a_body() -> None:
    v = gt.Variable(0.0)

    def turn(c: Any, x: Any) -> tuple[Any, Any]:
        v.assign_add(x)
        return (c * x, None) if x > 0 else (c - x, None)

    xs = gt.asarray([2.0, -1.0, 3.0])
    with gt.GradientTape() as tape:
        y, _ = gt.scan(turn, 1.0, xs)
    assert float(y) == 9.0
    assert float(v) == 4.0
    np.testing.assert_array_equal(tape.gradient(y, xs), [3.0, -3.0, 3.0])


def test_errors() -> None:
    with pytest.raises(gt.ShapeError, match="carry 0 changes"):
        gt.scan(lambda c, x: (gt.stack([c, c]), None), 0.0, np.ones(3))
    with pytest.raises(gt.ShapeError, match="number of turns"):
        gt.scan(lambda c, x: (c, None), 0.0)
    with pytest.raises(gt.ShapeError, match="number of turns"):
        gt.scan(lambda c, x: (c, None), 0.0, np.ones(3), length=4)
    assert gt.scan(lambda c, x: (c, None), 2.0, np.ones(0)) == (2.0, None)


def test_fori_loop_with_bounds_that_are_tensors() -> None:
    f = gt.function(lambda n, x: gt.fori_loop(0, n, lambda i, y: y * x + i, 1.0))
    for n, x in ((4, 2.0), (2, 3.0), (0, 3.0)):
        plain = 1.0
        for i in range(n):
            plain = plain * x + i
        assert float(f(np.asarray(n), x)) == plain
    (paths,) = f.kinds.values()
    assert len(paths.paths) == 1
    powers = gt.vmap(lambda n: gt.grad(lambda x: gt.fori_loop(1, n, lambda i, y: y * x, 1.0))(2.0))
    np.testing.assert_array_equal(powers(np.array([1, 2, 5])), [0.0, 1.0, 32.0])
    with pytest.raises(gt.ShapeError, match="whole number"):
        gt.fori_loop(0, gt.asarray(2.5), lambda i, y: y, 1.0)


def test_fori_loop_and_map() -> None:
    assert float(gt.fori_loop(0, 4, lambda i, x: x * (i + 1), 1.0)) == 24.0
    assert float(gt.grad(lambda x: gt.fori_loop(0, 4, lambda i, y: y * x, 1.0))(2.0)) == 32.0
    np.testing.assert_array_equal(gt.map(lambda x: x * x, np.arange(3.0)), [0.0, 1.0, 4.0])
    x = gt.asarray([1.0, 2.0])
    with gt.GradientTape() as tape:
        y = gt.sum(gt.map(gt.exp, x))
    np.testing.assert_allclose(tape.gradient(y, x), np.exp([1.0, 2.0]))


def test_a_budget_is_kept_to(monkeypatch: pytest.MonkeyPatch) -> None:
    """The states held at a time, in bytes, and how often turns are carried out."""
    import tracemalloc

    from gradtape.control.block import Run
    from gradtape.memory.binomial import repetitions

    size, turns = 20_000, 100
    h, xs = np.linspace(0.1, 0.9, size), gt.asarray(np.linspace(0.5, 1.5, turns))
    runs = [0]
    call = Run.__call__

    def counted(run: Run, values: Any) -> Any:
        runs[0] += run.program.name == "scan" and len(values) == 2
        return call(run, values)

    monkeypatch.setattr(Run, "__call__", counted)

    def gradient(budget: Any) -> Any:
        return gt.grad(lambda x: gt.sum(gt.scan(lambda h, x: (gt.sin(h * x), None), h, x, budget=budget)[0]))(xs)

    expected = gradient(None)
    for budget in (5, 9, 101):
        gradient(budget)
        runs[0] = 0
        tracemalloc.start()
        found = gradient(budget)
        peak = tracemalloc.get_traced_memory()[1] / (8 * size)
        tracemalloc.stop()
        np.testing.assert_allclose(found, expected, rtol=1e-12)
        assert peak < budget + 11
        assert runs[0] <= turns * (1 + max(repetitions(turns, budget - 1), 1)), runs


def test_gradients_that_are_not_wanted_are_not_computed(monkeypatch: pytest.MonkeyPatch) -> None:
    from gradtape.control.body import Body

    asked: list[Any] = []
    pulled = Body.pulled

    def noted(body: Body, results: Any, scanned: Any, constants: Any, *rest: Any) -> Body:
        asked.append((len(scanned), len(constants)))
        return pulled(body, results, scanned, constants, *rest)

    monkeypatch.setattr(Body, "pulled", noted)
    f = net(None)
    for place, expected in ((0, (0, 1)), (1, (1, 0)), (2, (0, 0))):
        gt.grad(f, place)(gt.asarray(W), gt.asarray(XS), gt.asarray(H))
        assert asked.pop() == expected
    compiled = gt.function(f)
    gt.grad(compiled, 0)(W, XS, H)
    gt.grad(compiled, 0)(W, XS, H)
    assert asked.pop() == (0, 1)
