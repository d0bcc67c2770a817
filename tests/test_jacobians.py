"""Jacobians and Hessians: every row in one sweep, symmetry, chunks and budgets, blocks of rows, linear operators."""

from __future__ import annotations

import sys
import tracemalloc
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

import gradtape as gt
from gradtape.rules.primitive import registry
from gradtape.sweeps import batch, bundle, jacobians
from tests.cases import Case, cases
from tests.laws import WIDER, close, like, tensors

ROWS = [name for name, row in registry.items() if row.kind != "constant"]


def points(name: str, count: int = 2) -> list[Case]:
    """Small cases of a row with something to differentiate."""
    return [case for case in cases(name) if 0 < case.size <= 40][:count]


@pytest.fixture
def no_loops(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever carries out anything element by element, or row by row, fails."""

    def refused(*args: Any) -> Any:
        raise AssertionError(f"a loop over the batch: {args[0]}")

    monkeypatch.setattr(batch, "one_by_one", refused)
    monkeypatch.setattr(bundle, "one_by_one", refused)
    monkeypatch.setattr(jacobians, "_row_by_row", refused)


def weighted(case: Case) -> Callable[..., Any]:
    """<ct, row> as a function of the slots: a scalar with a Hessian."""
    f = case.function()
    with np.errstate(all="ignore"):
        cts = like(case.rng("weights"), [y.data for y in f(tensors(case.xs))])

    def scalar(*xs: Any) -> Any:
        terms = [gt.sum(gt.real(ct * y) if y.dtype.kind == "c" else ct * y) for ct, y in zip(cts, f(xs), strict=True)]
        return sum(terms[1:], terms[0])

    return scalar


def by_rows(tape: Any, y: Any, xs: list[Any]) -> list[Any]:
    """The Jacobian by one gradient for each element."""
    units = np.eye(y.size, dtype=y.dtype).reshape(y.size, *y.shape)
    each = [tape.gradient(y, xs, output_gradients=u[()], unconnected_gradients="zero") for u in units]
    return [np.stack([row[i].data for row in each]).reshape(y.shape + x.shape) for i, x in enumerate(xs)]


def allowed(case: Case) -> float:
    return 1e-11 * max([1.0, *[factor for (name, _), (factor, _) in WIDER.items() if name == case.row.name]])


@pytest.mark.parametrize("name", ROWS)
def test_every_row_in_one_sweep(name: str, no_loops: None) -> None:
    """Jacobians by rows and by columns, Hessians, Jacobians of batches, vmap: no loop, and what a loop gives."""
    for number, case in enumerate(points(name)):
        f, xs = case.function(), tensors(case.xs)
        rtol = allowed(case)
        with np.errstate(all="ignore"):
            with gt.GradientTape() as tape:
                ys = f(xs)
            for k, y in enumerate(ys):
                if not y.size:
                    continue
                expected = by_rows(tape, y, xs)
                found = tape.jacobian(y, xs, unconnected_gradients="zero")
                close([b.data for b in found], expected, rtol, f"{case.id} rows")
                if any(t.dtype.kind == "c" for t in (y, *xs)):
                    continue  # a tangent is not a column there, but a direction in the plane
                columns = gt.jacfwd(lambda *xs, f=f, k=k: f(xs)[k], range(len(xs)))(*xs)
                close([b.data for b in columns], expected, rtol, f"{case.id} columns")
            if number or any(x.dtype.kind == "c" for x in xs):
                continue
            scalar = weighted(case)
            gradients = gt.grad(scalar, range(len(xs)))
            twice = gt.vmap(gradients)(*[np.stack([x.data, x.data]) for x in xs])
            close([t.data[1] for t in twice], [g.data for g in gradients(*xs)], rtol, f"{case.id} vmap of grad")
            with gt.GradientTape() as tape:
                pair = [gt.stack([x, x]) for x in xs]
                total = gt.vmap(scalar)(*pair)
            for x, g in zip(pair, gradients(*xs), strict=True):
                found = tape.batch_jacobian(total, x, unconnected_gradients="zero")
                close([found.data[0], found.data[1]], [g.data, g.data], rtol, f"{case.id} batch_jacobian")
            with gt.GradientTape() as outer:
                with gt.GradientTape() as tape:
                    y = scalar(*xs)
                gs = tape.gradient(y, xs, unconnected_gradients="zero")
            blocks = tape.hessian(y, xs) if connected(outer, gs, xs) else None
            if blocks is not None:
                for g, row in zip(gs, blocks, strict=True):
                    close([b.data for b in row], by_rows(outer, g, xs), 10 * rtol, f"{case.id} Hessian")


def connected(tape: Any, gs: list[Any], xs: list[Any]) -> bool:
    """Whether a Hessian is there to speak of: for a linear row it is zero, with a warning."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("gradtape.recording.Recording._warn", lambda *args, **kwargs: None)
        return any(np.any(g.data) for g in tape.gradient(gs, xs, unconnected_gradients="zero"))


# -- symmetry -----------------------------------------------------------------------------------------------------

RNG = np.random.default_rng(0)
A = RNG.normal(size=(4, 3))
PARAMETERS = {"w": RNG.normal(size=(4, 3)), "b": RNG.normal(size=4), "c": np.float64(0.3)}


def network(p: Any) -> Any:
    h = gt.tanh(p["w"] @ gt.asarray([0.3, -1.0, 0.7]) + p["b"] * p["c"])
    return gt.logsumexp(h) + gt.sum(h**3) * p["c"] + gt.sum(p["w"] ** 2)


def flat_hessian(parameters: Any) -> Any:
    """By a gradient of each element of the gradient."""
    variables = {name: gt.Variable(value) for name, value in parameters.items()}
    with gt.GradientTape() as outer:
        with gt.GradientTape() as inner:
            y = network(variables)
        gs = inner.gradient(y, variables)
        g = gt.concat([gt.reshape(gs[name], (-1,)) for name in variables])
    rows: list[Any] = []
    for k in range(g.size):
        row = outer.gradient(g, variables, output_gradients=np.eye(g.size)[k], unconnected_gradients="zero")
        rows.append(np.concatenate([np.ravel(row[name].data) for name in variables]))
    return np.stack(rows)


@pytest.mark.parametrize("together", [0, 13, 64])
@pytest.mark.parametrize("recorded", [False, True])
def test_hessian_of_a_tree_is_symmetric_to_the_last_bit(
    together: int, recorded: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    from gradtape.sweeps import hessians

    monkeypatch.setattr(hessians, "TOGETHER", together)
    variables = {name: gt.Variable(value) for name, value in PARAMETERS.items()}
    with gt.GradientTape() as tape:
        y = network(variables)
    if recorded:
        with gt.GradientTape():
            matrix = tape.hessian(y, variables, as_matrix=True)
    else:
        matrix = tape.hessian(y, variables, as_matrix=True)
    np.testing.assert_array_equal(matrix.data, matrix.data.T)
    # The matrix has the leaves in the order of the tree: by name.
    order = {"w": range(12), "b": range(12, 16), "c": range(16, 17)}
    places = [i for name in sorted(order) for i in order[name]]
    np.testing.assert_allclose(matrix.data, flat_hessian(PARAMETERS)[np.ix_(places, places)], rtol=1e-12, atol=1e-13)


def test_only_half_of_the_blocks_is_computed(monkeypatch: pytest.MonkeyPatch) -> None:
    from gradtape.sweeps import hessians

    asked: list[tuple[int, int]] = []
    plain = hessians.row_blocks

    def counted(segments: Any, targets: Any, sources: Any, chunk: Any) -> Iterator[Any]:
        asked.append((len(targets), len(sources)))
        return plain(segments, targets, sources, chunk)

    monkeypatch.setattr(hessians, "row_blocks", counted)
    monkeypatch.setattr(hessians, "TOGETHER", 0)
    xs = [gt.Variable(RNG.normal(size=3)) for _ in range(3)]
    with gt.GradientTape() as tape:
        y = gt.sum(gt.sin(xs[0] * xs[1]) * xs[2])
    tape.hessian(y, xs)
    assert asked == [(1, 3), (1, 2), (1, 1)]


def test_a_rule_of_the_users_own_is_taken_as_it_is() -> None:
    """Its gradient field may have a Jacobian that is not symmetric: it is not made so."""

    @gt.custom_gradient
    def rotated(x: Any) -> Any:
        return gt.sum(x) * 0.0, lambda ct: ct * gt.stack([-x[1] * x[0], x[0]])

    h = gt.hessian(rotated)([1.0, 2.0])
    np.testing.assert_allclose(h.data, [[-2.0, -1.0], [1.0, 0.0]])


def test_hessian_of_a_variable_with_several_values() -> None:
    v = gt.Variable([1.0, 2.0])
    with gt.GradientTape() as tape:
        y = gt.sum(v**3)
        v.assign([3.0, 4.0])
        y = y + gt.sum(v**3) * 2.0
    np.testing.assert_allclose(tape.hessian(y, v).data, np.diag([6.0 + 36.0, 12.0 + 48.0]))
    np.testing.assert_allclose(tape.jacobian(y, v).data, [3 + 54.0, 12 + 96.0])


# -- chunks, budgets, blocks of rows ---------------------------------------------------------------------------------


def vector(x: Any) -> Any:
    return gt.tanh(gt.asarray(A) @ x) * x[0]


@pytest.mark.parametrize("chunk", [1, 2, 3, 4, 9])
def test_blocks_of_rows(chunk: int) -> None:
    x = RNG.normal(size=3)
    expected = gt.jacrev(vector)(x).data
    found = list(gt.jacobian_rows(vector, x, chunk=chunk))
    assert found[0][0] == slice(0, min(chunk, 4))
    np.testing.assert_array_equal(np.concatenate([np.arange(9)[rows] for rows, _ in found]), np.arange(4))
    np.testing.assert_allclose(np.concatenate([b.data for _, b in found]), expected, rtol=1e-14)
    trees = list(gt.jacobian_rows(lambda p: vector(p["x"]) * p["s"], {"x": x, "s": 2.0}, chunk=chunk))
    np.testing.assert_allclose(np.concatenate([b["x"].data for _, b in trees]), 2 * expected, rtol=1e-14)
    np.testing.assert_allclose(np.concatenate([b["s"].data for _, b in trees]), vector(x).data, rtol=1e-14)


def test_blocks_of_rows_of_a_rule_and_of_no_path() -> None:
    @gt.custom_gradient
    def cube(x: Any) -> Any:
        return x**3, lambda ct: ct * 3 * x**2

    found = [b.data for _, b in gt.jacobian_rows(cube, [1.0, 2.0, 3.0], chunk=2)]
    np.testing.assert_allclose(np.concatenate(found), np.diag([3.0, 12.0, 27.0]))
    (_, block) = next(gt.jacobian_rows(lambda x, s: gt.asarray(x) * 2, np.ones(3), 1.0, argnums=1, chunk=3))
    np.testing.assert_array_equal(block.data, np.zeros(3))
    with pytest.raises(gt.ShapeError, match="not one target"):
        gt.jacobian_rows(lambda x: (x, x), np.ones(3))


def test_blocks_of_rows_are_not_recorded() -> None:
    x = gt.asarray(np.ones(3))
    with gt.GradientTape() as tape:
        y = vector(x)
        before = tape.stats()["entries"]
        blocks = list(tape.jacobian_rows(y, x, chunk=2))
        assert tape.stats()["entries"] == before
    assert len(blocks) == 2


def test_a_budget_is_kept() -> None:
    """A Jacobian of 2000 x 2000 elements (32 MB), a block of rows at a time, within 4 MB."""
    x = np.linspace(0.0, 1.0, 2000)

    def f(x: Any) -> Any:
        return gt.cumsum(gt.sin(x)) * x

    total = np.zeros(2000)
    blocks = gt.jacobian_rows(f, x, budget="1MB")
    tracemalloc.start()
    for _, block in blocks:
        total += block.data.sum(axis=0)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 4 << 20
    np.testing.assert_allclose(total, gt.grad(lambda x: gt.sum(f(x)))(x).data, rtol=1e-12)


def test_budgets_in_words() -> None:
    x = RNG.normal(size=3)
    for budget in (1, 1 << 20, "1B", "64MB", "1.5 GB", "2kb"):
        for operator in (gt.jacobian, gt.jacrev, gt.jacfwd):
            np.testing.assert_allclose(operator(vector, budget=budget)(x).data, gt.jacrev(vector)(x).data, rtol=1e-14)
        h = gt.hessian(lambda x: gt.sum(vector(x)), budget=budget)(x)
        np.testing.assert_allclose(h.data, gt.jacrev(gt.grad(lambda x: gt.sum(vector(x))))(x).data, rtol=1e-12)
    with pytest.raises(ValueError, match="budget is '1 apple'"):
        gt.jacobian(vector, budget="1 apple")(x)
    with pytest.raises(ValueError, match="0 rows"):
        gt.jacobian(vector, chunk=0)(x)


def test_jacobian_takes_the_cheaper_mode(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    sweeps = {"rows": jacobians.reverse, "columns": jacobians.forward}
    for name, sweep in sweeps.items():
        where = "reverse" if name == "rows" else "forward"
        monkeypatch.setattr(
            jacobians, where, lambda *a, name=name, sweep=sweep, **k: asked.append(name) or sweep(*a, **k)
        )
    gt.jacobian(lambda x: gt.sum(x**2))(np.ones(5))
    gt.jacobian(lambda x: x * gt.asarray(np.ones(5)))(1.0)
    assert asked == ["rows", "columns"]


@pytest.mark.parametrize("n", [1, 2, 3])
def test_small_ones_cost_no_more_than_a_loop(n: int) -> None:
    """Calls of Python and NumPy functions, of a Hessian and of the loop that stands for it."""
    matrix = RNG.normal(size=(n, n))

    def f(x: Any) -> Any:
        h = gt.asarray(matrix) @ gt.sin(x)
        for a in (1.1, 0.9, 0.7):
            h = gt.tanh(h * a + x) * x
        return gt.sum(h * h)

    def loop(x: Any) -> Any:
        with gt.GradientTape() as outer:
            with gt.GradientTape() as inner:
                y = f(x)
            g = inner.gradient(y, x)
        return np.stack([outer.gradient(g, x, output_gradients=e).data for e in np.eye(n)])

    x = gt.asarray(RNG.normal(size=n))
    np.testing.assert_allclose(gt.hessian(f)(x).data, loop(x), rtol=1e-12, atol=1e-14)
    assert calls(gt.hessian(f), x) < calls(loop, x) * (1.6 if n == 1 else 1.1)


def calls(f: Callable[[Any], Any], x: Any) -> int:
    f(x)
    count = 0

    def profile(frame: Any, event: str, arg: Any) -> None:
        nonlocal count
        count += event in ("call", "c_call")

    sys.setprofile(profile)
    try:
        f(x)
    finally:
        sys.setprofile(None)
    return count


# -- many slices of one array ----------------------------------------------------------------------------------------


def recurrence(x: Any) -> Any:
    """Reads parts of x, and the whole of it before, between and after."""
    h = x[0] * 0.5 + gt.sum(x**2, axis=0)
    for t in range(len(x)):
        h = gt.tanh(h * 0.9 + x[t] * x[-1 - t])
        if t % 2:
            h = h + gt.mean(x * x, axis=0) * 0.1
    return gt.sum(h) + gt.sum(x[1:3] ** 2) + gt.sum(gt.sin(x))


def test_slices_of_one_array_cost_one_buffer() -> None:
    """Bytes that a gradient allocates for 200 slices, and for twice as many: twice, not four times."""
    x = RNG.normal(size=(6, 2))
    g = gt.grad(recurrence)(x).data
    step = 1e-6
    for index in np.ndindex(6, 2):
        e = np.zeros((6, 2))
        e[index] = step
        slope = (recurrence(gt.asarray(x + e)).data - recurrence(gt.asarray(x - e)).data) / (2 * step)
        np.testing.assert_allclose(g[index], slope, rtol=1e-7, atol=1e-9)
    v = RNG.normal(size=(6, 2))
    hv = gt.hvp(recurrence, x, v).data
    difference = (gt.grad(recurrence)(x + step * v).data - gt.grad(recurrence)(x - step * v).data) / (2 * step)
    np.testing.assert_allclose(hv, difference, rtol=1e-6, atol=1e-8)
    np.testing.assert_allclose(np.tensordot(gt.hessian(recurrence)(x).data, v, 2), hv, rtol=1e-11, atol=1e-12)

    def entries(n: int) -> int:
        x = gt.asarray(np.linspace(0.1, 1.0, n))
        with gt.GradientTape() as outer:
            with gt.GradientTape() as inner:
                y = x[0]
                for t in range(n):
                    y = y * 0.5 + x[t]
            before = outer.stats()
            inner.gradient(y, x)
        after = outer.stats()
        return after["bytes"] - before["bytes"]

    assert entries(400) < 2.5 * entries(200)


# -- products ----------------------------------------------------------------------------------------------------------


def test_linear_operators_of_trees() -> None:
    from scipy.sparse.linalg import cg, eigsh

    variables = {name: gt.Variable(value) for name, value in PARAMETERS.items()}
    order = sorted(PARAMETERS)
    with gt.GradientTape() as tape:
        y = network(variables)
    matrix = tape.hessian(y, variables, as_matrix=True).data
    for x in (variables, PARAMETERS):
        h = gt.hessian_operator(network, x)
        assert h.shape == (17, 17)
        v = RNG.normal(size=(17, 5))
        np.testing.assert_allclose(h @ v, matrix @ v, rtol=1e-11, atol=1e-12)
        found = eigsh(h, k=3, which="LA", return_eigenvectors=False)
        np.testing.assert_allclose(np.sort(found), np.linalg.eigvalsh(matrix)[-3:], rtol=1e-9)

    def outputs(p: Any) -> Any:
        h = gt.tanh(p["w"] @ gt.asarray([0.3, -1.0, 0.7]) + p["b"] * p["c"])
        return gt.concat([h, gt.reshape(p["w"], (-1,)), p["b"] * 2.0, gt.reshape(p["c"], (1,))])

    blocks = gt.jacobian(outputs)(variables)
    j = np.concatenate([blocks[name].data.reshape(21, -1) for name in order], axis=1)
    g = gt.gauss_newton_operator(outputs, variables)
    b = RNG.normal(size=17)
    np.testing.assert_allclose(g @ b, j.T @ (j @ b), rtol=1e-11, atol=1e-12)
    solution, info = cg(g, b, rtol=1e-13)
    assert info == 0
    np.testing.assert_allclose(solution, np.linalg.solve(j.T @ j, b), rtol=1e-8)
    v = {name: RNG.normal(size=np.shape(PARAMETERS[name])) for name in order}
    flat = np.concatenate([np.ravel(v[name]) for name in order])
    found = gt.gauss_newton_vp(outputs, variables, v)
    np.testing.assert_allclose(
        np.concatenate([np.ravel(found[name].data) for name in order]), j.T @ (j @ flat), rtol=1e-11, atol=1e-12
    )


def test_what_is_independent_of_the_batch_is_computed_once() -> None:
    """What is recorded outside: ten operations on what is shared, and one for the batch."""
    w = gt.asarray(RNG.normal(size=(50, 50)))

    def f(x: Any) -> Any:
        h = w
        for _ in range(10):
            h = gt.sin(h @ w)
        return gt.sum(h[0] * x)

    with gt.GradientTape() as tape:
        gt.vmap(f)(RNG.normal(size=(30, 50)))
    heavy = [e for s in tape._window.segments for e in s if e[0].name == "matmul"]  # pyright: ignore[reportPrivateUsage]
    assert len(heavy) == 10
    assert all(e[3].shape == (50, 50) for e in heavy)
