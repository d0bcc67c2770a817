"""cond, switch, while_loop and associative_scan against the same in plain Python, in every mode and order."""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import gradtape as gt

A = np.array([1.3, 0.4, 2.2])
DIRECTION = np.array([0.3, -1.1, 0.7])
BATCH = np.array([[1.3, 0.4, 2.2], [-0.5, 0.9, 0.1], [0.2, -0.7, 3.0], [2.0, 2.0, -1.0]])


def plain_cond(pred: Any, yes: Any, no: Any, *xs: Any) -> Any:
    return yes(*xs) if bool(pred) else no(*xs)


def plain_switch(i: Any, branches: Any, *xs: Any) -> Any:
    return branches[min(max(int(i), 0), len(branches) - 1)](*xs)


def plain_while(test: Any, body: Any, x: Any) -> Any:
    while bool(test(x)):
        x = body(x)
    return x


def plain_scan(fn: Any, xs: Any) -> Any:
    rows = [xs[0]]
    for k in range(1, xs.shape[0]):
        rows.append(fn(rows[-1], xs[k]))
    return gt.stack(rows)


class Ours:
    """gradtape's; looked up when called, for importing them enters their rows in the registry."""

    cond = staticmethod(lambda *args: gt.cond(*args))
    switch = staticmethod(lambda *args: gt.switch(*args))
    loop = staticmethod(lambda *args: gt.while_loop(*args))
    scan = staticmethod(lambda *args: gt.associative_scan(*args))


class Plain:
    cond, switch, loop, scan = (staticmethod(f) for f in (plain_cond, plain_switch, plain_while, plain_scan))


def chosen(api: Any) -> Callable[..., Any]:
    """A choice by value, with something from outside, and a branch that is not to be evaluated elsewhere."""

    def f(x: Any) -> Any:
        outside = gt.sin(x)
        yes = lambda x: {"a": gt.sqrt(x[0]) * x, "b": outside[1]}  # noqa: E731
        no = lambda x: {"a": gt.exp(x) * outside, "b": x[0] ** 3}  # noqa: E731
        y = api.cond(x[0] > 0, yes, no, x)
        return gt.sum(y["a"] ** 2) * y["b"]

    return f


def switched(api: Any) -> Callable[..., Any]:
    def f(x: Any) -> Any:
        i = gt.astype(gt.floor(x[2]), "int64")
        branches = [lambda x: gt.sin(x), lambda x: x**3, lambda x: x[0] * x + gt.log(x[2])]
        return gt.sum(api.switch(i, branches, x) * gt.cos(x))

    return f


def doubling(api: Any) -> Callable[..., Any]:
    """The number of turns depends on the value."""

    def f(x: Any) -> Any:
        turn = lambda s: (s[0] * (1.5 + 0.1 * gt.sin(x[1])) + 0.1 * s[1][0], s[1] * gt.tanh(x), s[2] + 1)  # noqa: E731
        a, b, n = api.loop(lambda s: s[0] < 10.0, turn, (x[0] ** 2 + 0.5, x, gt.asarray(0)))
        return gt.sum(a * b) + a * gt.astype(n, "float64")

    return f


def counted(api: Any) -> Callable[..., Any]:
    """The number of turns does not depend on the batch."""

    def f(x: Any) -> Any:
        _, y = api.loop(lambda s: s[0] < 4, lambda s: (s[0] + 1, gt.sin(s[1]) * x), (gt.asarray(0), x))
        return gt.sum(y)

    return f


def nested(api: Any) -> Callable[..., Any]:
    """A loop in a branch in a loop; the inner loop does not end where the branch is not taken."""

    def root(a: Any) -> Any:
        return api.loop(lambda z: abs(z * z - a) > 1e-9, lambda z: 0.5 * (z + a / z), 1.0 + a)

    def f(x: Any) -> Any:
        def turn(s: Any) -> Any:
            k, y = s
            return k + 1, api.cond(y > 0, lambda y: root(y) - 1.5 + x[1], lambda y: y * y + x[0], y)

        return api.loop(lambda s: s[0] < 5, turn, (gt.asarray(0), x[0] + 0.0))[1]

    return f


def partial_sums(api: Any) -> Callable[..., Any]:
    def f(x: Any) -> Any:
        y = api.scan(lambda a, b: a * b + 0.0 * a, gt.concat([x, gt.cos(x)]))
        return gt.sum(y**2)

    return f


PROGRAMS = [chosen, switched, doubling, counted, nested, partial_sums]


def along(f: Callable[..., Any]) -> Callable[..., Any]:
    return lambda t: f(A + t * DIRECTION)


MODES: dict[str, Callable[[Any, Any], Any]] = {
    "value": lambda f, x: f(x),
    "grad": lambda f, x: gt.grad(f)(x),
    "jvp": lambda f, x: gt.jvp(f, (x,), (DIRECTION,)),
    "hessian": lambda f, x: gt.hessian(f)(x),
    "reverse over reverse": lambda f, x: gt.grad(lambda x: gt.sum(gt.grad(f)(x) ** 2))(x),
    "forward over reverse": lambda f, x: gt.jvp(gt.grad(f), (x,), (DIRECTION,)),
    "reverse over forward": lambda f, x: gt.grad(lambda x: gt.jvp(f, (x,), (DIRECTION,))[1])(x),
    "three times reverse": lambda f, x: gt.grad(
        lambda x: gt.sum(gt.grad(lambda x: gt.sum(gt.grad(f)(x) * DIRECTION))(x) ** 2)
    )(x),
    "forward over two reverses": lambda f, x: gt.jvp(
        gt.grad(lambda x: gt.sum(gt.grad(f)(x) ** 2)), (x,), (DIRECTION,)
    ),
    "jet": lambda f, x: gt.derivative(lambda t: f(x + t * DIRECTION), order=3)(0.0),
    "reverse over jet": lambda f, x: gt.grad(
        lambda x: gt.derivative(lambda t: f(x + t * DIRECTION), order=2)(0.0)
    )(x),
    "compiled": lambda f, x: gt.function(f)(x),
    "grad of compiled": lambda f, x: gt.grad(gt.function(f))(x),
    "compiled hessian": lambda f, x: gt.function(gt.hessian(f))(x),
}  # fmt: skip


def same(found: Any, expected: Any, rtol: float = 1e-9) -> None:
    found, expected = gt.trees.flatten(found)[0], gt.trees.flatten(expected)[0]
    for a, b in zip(found, expected, strict=True):
        np.testing.assert_allclose(a, b, rtol=rtol, atol=1e-10 * max(1.0, float(np.max(np.abs(b)))))


@pytest.mark.parametrize("program", PROGRAMS)
@pytest.mark.parametrize("mode", MODES)
def test_the_same_as_python(mode: str, program: Any) -> None:
    for x in (A, BATCH[1]):
        same(MODES[mode](program(Ours), x), MODES[mode](program(Plain), x))


@pytest.mark.parametrize("program", PROGRAMS)
@pytest.mark.parametrize("mode", ["value", "grad", "jvp", "hessian", "reverse over forward", "jet", "grad of compiled"])
def test_a_batch_is_each_example(mode: str, program: Any) -> None:
    ask, f = MODES[mode], program(Ours)
    each = [gt.trees.flatten(ask(program(Plain), x))[0] for x in BATCH]
    expected = [np.stack(rows) for rows in zip(*each, strict=True)]
    same(gt.vmap(lambda x: ask(f, x))(BATCH), gt.trees.unflatten(gt.trees.flatten(ask(f, BATCH[0]))[1], expected))


@pytest.mark.parametrize("program", PROGRAMS)
def test_derivatives_of_a_batch(program: Any) -> None:
    def total(f: Any) -> Any:
        return lambda xs: gt.sum(f(xs) ** 2)

    def each(xs: Any) -> Any:
        return gt.stack([program(Plain)(xs[i]) for i in range(len(BATCH))])

    batched = gt.vmap(program(Ours))
    for ask in (gt.grad, lambda f: gt.grad(lambda xs: gt.sum(gt.grad(f)(xs) ** 2)), lambda f: gt.grad(gt.function(f))):
        same(ask(total(batched))(BATCH), ask(total(each))(BATCH))


def test_a_batch_of_batches() -> None:
    many = np.stack([BATCH, BATCH[::-1] + 0.25])
    for program in (chosen, doubling, nested):
        expected = [[gt.grad(program(Plain))(x) for x in xs] for xs in many]
        same(gt.vmap(gt.vmap(gt.grad(program(Ours))))(many), np.array(expected))


def test_orders_by_nested_reverse_sweeps() -> None:
    """Against the Taylor sweep over the loop in plain Python."""
    turn = lambda y, x: y * x * (1.0 + 0.1 * gt.sin(y))  # noqa: E731

    def f(loop: Any) -> Callable[..., Any]:
        return lambda x: loop(lambda y: y < 9.0, lambda y: turn(y, x), 1.0 + 0.1 * x)

    nested = f(gt.while_loop)
    for order in range(1, 6):
        nested = gt.grad(nested)
        same(nested(1.7), gt.derivative(f(plain_while), order=order)(1.7), 1e-10)


def test_a_compiled_function_has_one_path() -> None:
    for program in (chosen, switched, doubling, nested):
        compiled, slopes = gt.function(program(Ours)), gt.function(gt.grad(program(Ours)))
        for x in BATCH:
            same(compiled(x), program(Plain)(x))
            same(slopes(x), gt.grad(program(Plain))(x))
        for f in (compiled, slopes):
            (paths,) = f.kinds.values()
            assert len(paths.paths) == 1
            assert not paths.paths[0].program.guards


def test_one_entry_each() -> None:
    x = gt.asarray(A)
    for program, row in ((chosen, "switch"), (doubling, "while_loop"), (partial_sums, "switch")):
        with gt.GradientTape() as tape:
            program(Ours)(x)
        assert tape.text().count(f"= {row}(") == 1


# -- Newton's iteration --------------------------------------------------------------------------------------------


def newton(a: Any) -> Any:
    """The square root, until the iteration stands still to rounding, and once more for the derivatives."""
    step = lambda s: (0.5 * (s[0] + a / s[0]), s[0])  # noqa: E731
    return gt.while_loop(lambda s: abs(s[0] - s[1]) > 1e-15 * s[0], step, (1.0 + a, gt.asarray(0.0)))[0]


@pytest.mark.parametrize("a", [2.0, 0.01, 1.0, 9.0, 12345.678])
@pytest.mark.parametrize("compiled", [False, True])
def test_newtons_iteration_for_the_square_root(a: float, compiled: bool) -> None:
    f = gt.function(newton) if compiled else newton
    slope = gt.function(gt.grad(newton)) if compiled else gt.grad(newton)
    bend = gt.function(gt.grad(gt.grad(newton))) if compiled else gt.grad(gt.grad(newton))
    for _ in range(2):
        assert float(f(a)) == pytest.approx(a**0.5, rel=1e-15)
        for g in (slope, gt.grad(f)):
            assert float(g(a)) == pytest.approx(0.5 * a**-0.5, rel=1e-14)
        for g in (bend, gt.grad(gt.grad(f)), lambda a: gt.derivative(f, order=2)(a)):
            assert float(g(a)) == pytest.approx(-0.25 * a**-1.5, rel=1e-13)


def test_newtons_iteration_in_a_batch_stops_for_each() -> None:
    a = np.array([1e-6, 1.0, 2.0, 1e6])
    np.testing.assert_allclose(gt.vmap(newton)(a), np.sqrt(a), rtol=1e-15)
    np.testing.assert_allclose(gt.vmap(gt.grad(newton))(a), 0.5 * a**-0.5, rtol=1e-14)
    np.testing.assert_allclose(gt.vmap(gt.grad(gt.grad(newton)))(a), -0.25 * a**-1.5, rtol=1e-13)


# -- tapes, Variables, kinds of values -----------------------------------------------------------------------------


def test_a_tape_in_the_body_and_one_outside() -> None:
    def descent(loop: Any) -> Callable[..., Any]:
        def f(x: Any) -> Any:
            def step(s: Any) -> Any:
                k, y = s
                with gt.GradientTape() as tape:
                    tape.watch(y)
                    z = gt.sum(gt.cos(y) * x)
                return k + 1, y - 0.3 * tape.gradient(z, y)

            return gt.sum(loop(lambda s: s[0] < 4, step, (gt.asarray(0), x + 0.0))[1] ** 2)

        return f

    for order in (gt.grad, gt.hessian):
        same(order(descent(gt.while_loop))(A), order(descent(plain_while))(A))
    x = gt.asarray(A)
    with gt.GradientTape(persistent=True) as outer:
        outer.watch(x)
        with gt.GradientTape(persistent=True) as tape:
            tape.watch(x)
            y = gt.sum(x**3)
        # a gradient of an earlier record, asked inside the body
        total = gt.while_loop(lambda s: s[0] < 2, lambda s: (s[0] + 1, s[1] + tape.gradient(y, x)), (gt.asarray(0), x))[
            1
        ]
    same(total, A + 6 * A**2)
    same(outer.gradient(total, x), 1 + 12 * A)


def test_variables_from_outside() -> None:
    v = gt.Variable(2.0)

    def f(x: Any) -> Any:
        y = gt.while_loop(lambda y: y < 10 * v, lambda y: y * v, x)
        return gt.cond(y > 20, lambda: y * v, lambda: v + 0.0)

    x = gt.asarray(1.5)
    with gt.GradientTape() as tape:
        tape.watch(x)
        y = f(x)  # 1.5 * 2**4 = 24, then once more
    dv, dx = tape.gradient(y, [v, x])
    assert (float(y), float(dv), float(dx)) == (48.0, 5 * 1.5 * 2**4, 2.0**5)
    compiled = gt.function(f)
    for value in (2.0, 3.0, 2.5):
        v.assign(value)
        assert float(compiled(1.5)) == float(f(1.5))


def test_assignments_and_python_values_are_pythons() -> None:
    v, x = gt.Variable(0.0), gt.asarray(3.0)

    def count(y: Any) -> Any:
        v.assign_add(1.0)
        return y / 2

    with gt.GradientTape() as tape:
        tape.watch(x)
        y = gt.while_loop(lambda y: y > 0.5, count, x)
        z = gt.cond(y > 0, lambda: y * (2.0 if y < 1 else 3.0), lambda: v.assign_add(100.0).value)
    assert (float(v), float(y), float(z)) == (3.0, 0.375, 0.75)
    assert float(tape.gradient(z, x)) == 0.25


def test_random_draws_are_new_at_every_turn() -> None:
    def turn(c: Any, _: Any) -> Any:
        draw = gt.random.normal()
        return c, draw

    with gt.GradientTape():
        _, draws = gt.scan(turn, 0.0, length=5)
    assert len(set(draws.numpy().tolist())) == 5


def test_a_branch_that_would_raise_or_never_end() -> None:
    x = gt.asarray(-1.0)

    def bad(x: Any) -> Any:
        raise RuntimeError("not here")

    endless = lambda x: gt.while_loop(lambda y: y < 0, lambda y: y * 2, x)  # noqa: E731
    with gt.GradientTape() as tape:
        tape.watch(x)
        y = gt.cond(x < 0, lambda x: x * 3, bad, x)
        z = gt.cond(x > 0, endless, lambda x: x * 5, x)
    assert float(tape.gradient(y, x)) == 3.0
    assert float(tape.gradient(z, x)) == 5.0
    with pytest.raises(RuntimeError, match="not here"):
        gt.grad(lambda x: gt.cond(x > 0, lambda x: x * 3, bad, x))(-1.0)


def test_numbers_take_the_dtype_of_the_others() -> None:
    x = gt.asarray(np.float32(2.0))
    with gt.GradientTape():
        y = gt.cond(x > 5, lambda: x, lambda: 1.0)
        n, z = gt.while_loop(lambda s: s[0] < 3, lambda s: (s[0] + 1, s[1] * x), (0, 1.0))
        c, _ = gt.scan(lambda c, _: (c * x, None), 1.0, length=2)
    assert (y.dtype, z.dtype, c.dtype, n.dtype) == ("float32", "float32", "float32", "int64")
    assert (float(y), float(z), float(c)) == (1.0, 8.0, 4.0)
    for loop in (
        lambda: gt.while_loop(lambda s: s[0] < 3, lambda s: (s[0] + 1, s[1] * x), (0, 1.0)),
        lambda: gt.while_loop(lambda s: s[1], lambda s: (s[0] * x, s[0] < 9), (1, True)),
        lambda: gt.scan(lambda c, k: ((c[0] * x, c[1] + k), None), (1.0, 0), np.arange(3)),
        lambda: gt.cond(x > 3, lambda: (1.0, 2, True), lambda: (x, 3, False)),
    ):
        with gt.GradientTape() as tape:
            loop()
        assert tape.stats()["entries"] <= 3, tape.text()


def test_whole_numbers_from_outside_are_inputs_of_a_body() -> None:
    with gt.GradientTape():
        y = gt.fori_loop(0, 4, lambda i, x: x + gt.cond(i > 2, lambda: 10.0 * i, lambda: 1.0), 0.0)
        z = gt.fori_loop(0, 4, lambda i, x: gt.fori_loop(0, 3, lambda j, y: y + 1.0 * i * j, x), 0.0)
    assert (float(y), float(z)) == (33.0, 18.0)


def test_complex_carries() -> None:
    c = 0.3 + 0.4j

    def f(loop: Any) -> Callable[..., Any]:
        return lambda z: gt.real(loop(lambda w: gt.abs(w) < 8.0, lambda w: w * w + 1.2 + z, z + 0.0))

    same(gt.grad(f(gt.while_loop))(c), gt.grad(f(plain_while))(c))


def test_errors() -> None:
    x = gt.asarray(1.0)
    with gt.GradientTape():
        with pytest.raises(gt.ShapeError, match="result 0 is not of one kind"):
            gt.cond(x > 0, lambda: x, lambda: gt.stack([x, x]))
        with pytest.raises(gt.TreeError, match="different structures"):
            gt.cond(x > 0, lambda: x, lambda: (x, x))
        with pytest.raises(gt.ShapeError, match="one value"):
            gt.cond(gt.asarray([True, False]), lambda: x, lambda: x)
        with pytest.raises(gt.ShapeError, match="not a whole number"):
            gt.switch(x, [lambda: x])
        with pytest.raises(gt.ShapeError, match="no branches"):
            gt.switch(0, [])
        with pytest.raises(gt.ShapeError, match="carry 0 changes"):
            gt.while_loop(lambda y: y.sum() < 3, lambda y: gt.stack([y, y]), x)
        with pytest.raises(gt.ShapeError, match="one truth value"):
            gt.while_loop(lambda y: y < 3, lambda y: y + 1, gt.stack([x, x]))
        with pytest.raises(gt.ShapeError, match="no common length"):
            gt.associative_scan(gt.add, (np.ones(3), np.ones(4)))
        with pytest.raises(gt.ShapeError, match="changes the shape"):
            gt.associative_scan(lambda a, b: gt.sum(a + b), np.ones(3))


def test_associative_scan_of_matrices() -> None:
    rng = np.random.default_rng(0)
    for n in range(1, 10):
        m, w = rng.normal(size=(2, n, 3, 3)), rng.normal(size=(2, n, 3, 3))

        def ours(m: Any, reverse: bool = False) -> Any:
            return gt.associative_scan(lambda a, b: b @ a, m, axis=1, reverse=reverse)

        def loop(m: Any, n: int = n) -> Any:
            rows = [m[:, 0]]
            for k in range(1, n):
                rows.append(m[:, k] @ rows[-1])
            return gt.stack(rows, axis=1)

        same(ours(m), loop(m))
        same(ours(m, True), loop(m[:, ::-1])[:, ::-1])
        for f in (ours, loop):
            assert f(m).shape == m.shape
        same(gt.grad(lambda m: gt.sum(ours(m) ** 2 * w))(m), gt.grad(lambda m: gt.sum(loop(m) ** 2 * w))(m), 1e-8)  # noqa: B023


# -- budgets -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("mode", ["grad", "hessian", "reverse over reverse", "compiled hessian", "reverse over jet"])
@pytest.mark.parametrize("budget", [1, 3, "32B"])
def test_a_budget_changes_no_derivative(mode: str, budget: Any) -> None:
    class Budgeted(Ours):
        loop = staticmethod(lambda test, body, x: gt.while_loop(test, body, x, budget=budget))

    for program in (doubling, counted, nested):
        same(MODES[mode](program(Budgeted), A), MODES[mode](program(Plain), A))
        each = gt.vmap(gt.grad(program(Budgeted)))(BATCH)
        same(each, np.stack([np.asarray(gt.grad(program(Plain))(x)) for x in BATCH]))


def test_a_budget_is_kept_to() -> None:
    size, turns = 5_000, 100
    h = np.linspace(0.1, 0.9, size)

    def gradient(budget: Any) -> Any:
        def f(x: Any) -> Any:
            turn = lambda s: (s[0] + 1, gt.sin(s[1] * x))  # noqa: E731
            return gt.sum(gt.while_loop(lambda s: s[0] < turns, turn, (0, h), budget=budget)[1])

        return gt.grad(f)(1.2)

    expected = gradient(None)
    for budget, most in ((5, 25), (20, 40), (None, 120)):
        gradient(budget)
        tracemalloc.start()
        found = gradient(budget)
        peak = tracemalloc.get_traced_memory()[1] / (8 * size)
        tracemalloc.stop()
        np.testing.assert_allclose(found, expected, rtol=1e-12)
        assert most - 25 < peak < most


# -- what is not wanted is not computed ----------------------------------------------------------------------------


def test_unwanted_gradients_are_not_computed(monkeypatch: pytest.MonkeyPatch) -> None:
    from gradtape.control import passes

    asked: list[Any] = []
    pulled = passes.Loop.pulled

    def noted(loop: Any, constants: Any) -> Any:
        asked.append(constants)
        return pulled(loop, constants)

    monkeypatch.setattr(passes.Loop, "pulled", noted)
    w, x = gt.asarray(A), gt.asarray(1.1)
    with gt.GradientTape() as tape:
        tape.watch(x)
        y = gt.sum(gt.while_loop(lambda y: y[0] < 9, lambda y: y * x + gt.sin(w), w * 0.5))
    tape.gradient(y, x)
    tape.gradient(y, [x, w])
    assert [len(c) for c in asked] == [1, 2]


# -- the laws of every row -----------------------------------------------------------------------------------------


def scanned(api: Any) -> Callable[..., Any]:
    def f(x: Any) -> Any:
        turn = lambda c, k: (gt.sin(c) * x + k, gt.sum(c) * k)  # noqa: E731
        return gt.sum(gt.scan(turn, x, np.array([0.3, -0.2, 0.7]), reverse=api is Plain)[1])

    return f


@pytest.mark.parametrize(
    ("name", "program", "api"),
    [
        ("switch", chosen, Ours),
        ("switch", switched, Ours),
        ("scan", scanned, Ours),
        ("scan", scanned, Plain),
    ],
)
def test_the_laws_of_primitives(name: str, program: Any, api: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Those that every row of the table keeps, at the inputs and with the bodies of a program.

    Not of ``while_loop``: the laws ask at other inputs too, and there it need not end.
    """
    from gradtape.record.segment import Window

    points: list[Any] = []
    for x in (A, BATCH[1]):
        with Window() as window:
            program(api)(gt.asarray(x))
        entry = next(e for e in window.entries() if e[0].name == name)
        points.append((tuple([x.data for x in entry[2]]), entry[1]))
    row = entry[0]
    monkeypatch.setattr(row, "sample", lambda rng: points)
    monkeypatch.setattr(row, "outputs", len(entry[3]))  # the row says only that there are several
    assert gt.extend.check(row.op, order=2, verbose=False).ok
