"""New primitives, the table of coverage, the reference pages: what is declared, claimed and written is true."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import gradtape as gt
from gradtape import extend
from gradtape.cli import reference
from gradtape.rules.coverage import coverage
from gradtape.rules.primitive import registry
from tests import modes
from tests.cases import cases
from tests.laws import KNOWN_GAPS, LAWS
from tests.test_batch import ONE_BY_ONE

ROOT = Path(__file__).resolve().parents[1]
WEIGHTS = np.array([0.3, -0.7, 1.1])


@pytest.fixture(autouse=True)
def _clean() -> Iterator[None]:
    """Leave the registry as it was."""
    before = dict(registry)
    yield
    for name in set(registry) - set(before):
        del registry[name]
    registry.update(before)


def cube(**fields: Any) -> Callable[..., Any]:
    return extend.elementwise("t_cube", lambda xp, x: x * x * x, lambda y, x: 3 * x * x, **fields)


def backwards() -> Callable[..., Any]:
    return extend.linear(
        "t_backwards", lambda xp, x: x[..., ::-1], lambda ct, x: ct[..., ::-1], batch=extend.leading(1)
    )


def product() -> Callable[..., Any]:
    return extend.multilinear(
        "t_product",
        "matmul",
        lambda ct, a, b: ct @ b.mT,
        lambda ct, a, b: a.mT @ ct,
        sample=lambda rng: [((rng.normal(size=(3, 2)), rng.normal(size=(2, 3))), {})],
        batch=extend.leading(2),
    )


def length() -> Callable[..., Any]:
    """Its rule calls functions that know arrays only: Taylor mode and batches show them one, and replay."""
    return extend.differential(
        "t_length",
        lambda xp, x: xp.sqrt(xp.sum(x * x)),
        lambda y, xs, dxs: gt.sum(xs[0] * dxs[0]) / y,
        sample=lambda rng: [((rng.normal(size=3),), {})],
    )


def lse() -> Callable[..., Any]:
    return extend.composite(
        "t_lse",
        lambda xp, x, *, axis: xp.log(xp.sum(xp.exp(x), axis=axis)),
        lambda x, *, axis: gt.log(gt.sum(gt.exp(x), axis=axis)),
        params={"axis": [0, -1]},
        batch=extend.shift_axis("axis"),
    )


EACH = [
    pytest.param(cube, lambda f, x: f(x), lambda x: x**3, id="elementwise"),
    pytest.param(backwards, lambda f, x: f(x) * x, lambda x: x[::-1] * x, id="linear"),
    pytest.param(
        product,
        lambda f, x: f(gt.reshape(x, (3, 1)), gt.reshape(x, (1, 3))),
        lambda x: gt.outer(x, x),
        id="multilinear",
    ),
    pytest.param(length, lambda f, x: f(x), lambda x: gt.sqrt(gt.sum(x * x)), id="differential"),
    pytest.param(lse, lambda f, x: f(x, axis=0), gt.logsumexp, id="composite"),
]


@pytest.mark.parametrize(("declare", "use", "same"), EACH)
def test_every_mode_to_every_order(
    declare: Callable[[], Any], use: Callable[..., Any], same: Callable[..., Any]
) -> None:
    """Against the same function in gradtape's own operations."""
    op = declare()
    assert extend.check(op, order=3, verbose=False).ok

    def f(x: Any) -> Any:
        return gt.sum(gt.sin(use(op, x)))

    def g(x: Any) -> Any:
        return gt.sum(gt.sin(same(x)))

    def agree(found: Any, expected: Any) -> None:
        np.testing.assert_allclose(found.numpy(), expected.numpy(), rtol=1e-12, atol=1e-13)

    x = WEIGHTS
    agree(f(x), g(x))
    agree(gt.grad(f)(x), gt.grad(g)(x))
    agree(gt.jvp(f, (x,), (x,))[1], gt.jvp(g, (x,), (x,))[1])
    agree(gt.hessian(f)(x), gt.hessian(g)(x))
    agree(gt.jacfwd(gt.grad(f))(x), gt.hessian(g)(x))
    agree(gt.grad(lambda x: gt.sum(gt.hessian(f)(x)))(x), gt.grad(lambda x: gt.sum(gt.hessian(g)(x)))(x))
    for order in (2, 5):
        agree(gt.derivative(f, order=order)(x), gt.derivative(g, order=order)(x))
    batch = np.stack([x, 0.5 * x, x + 0.1])
    agree(gt.vmap(gt.grad(f))(batch), gt.vmap(gt.grad(g))(batch))
    np.testing.assert_allclose(gt.vmap(f)(batch).numpy(), [f(b).numpy() for b in batch], rtol=1e-13)


def test_explain_knows_it() -> None:
    op = extend.constant("t_bucket", lambda xp, x: xp.floor(x).astype(int))
    x = gt.Variable(1.5, name="x")
    with gt.GradientTape() as tape:
        y = gt.sum(op(x) * 2.0)
    with pytest.warns(gt.UnconnectedGradientWarning, match=r"t_bucket gives int64.*GT-None-3"):
        assert tape.gradient(y, x) is None
    square = extend.elementwise("t_square", lambda xp, x: x * x, lambda y, x: 2 * x)
    with gt.GradientTape() as tape:
        y = square(x)
    assert "GT-Path" in str(tape.explain(y, x)) or "x" in str(tape.explain(y, x))


def test_constants() -> None:
    step = extend.constant("t_step", lambda xp, x: xp.floor(x), carries=True)
    assert extend.check(step, verbose=False).ok
    np.testing.assert_array_equal(gt.grad(lambda x: gt.sum(step(x) * x))([1.5, 2.5]).numpy(), [1.0, 2.0])


def test_operations_take_anything_and_return_tensors() -> None:
    op = cube()
    for x in ([1.0, 2.0], np.array([1.0, 2.0]), gt.Variable([1.0, 2.0]), gt.asarray([1.0, 2.0])):
        assert isinstance(op(x), gt.Tensor)
    assert op(np.float32(2.0)).dtype == np.float32
    assert "t_cube" in registry
    assert op.__name__ == "t_cube"


# -- what is refused ------------------------------------------------------------------------------------------


def value(xp: Any, x: Any) -> Any:
    return xp.sin(x)


def two(xp: Any, a: Any, b: Any) -> Any:
    return a * b


@pytest.mark.parametrize(
    ("declare", "told"),
    [
        (lambda: extend.elementwise("sin", value, lambda y, x: gt.cos(x)), "of that name exists already"),
        (lambda: extend.elementwise("t", value), "no partial derivative"),
        (lambda: extend.elementwise("t", value, None), "Then it is extend.constant"),
        (lambda: extend.elementwise("t", value, 3.0), "not a function"),
        (lambda: extend.elementwise("t", two, lambda y, a, b: b), r"value does not take \(xp, x1\)"),
        (lambda: extend.elementwise("t", value, lambda x: gt.cos(x)), r"rule 0 does not take \(y, x1\)"),
        (lambda: extend.elementwise("t", value, lambda y, x: gt.cos(x), params={"k": [1]}), "k="),
        (lambda: extend.elementwise("t", value, lambda y, x: gt.cos(x), params={"k": 1}), "table of values"),
        (lambda: extend.elementwise("t", value, lambda y, x: gt.cos(x), domains=(0, 1)), "Did you mean 'domain'"),
        (lambda: extend.elementwise("t", value, lambda y, x: math.cos(x)), "partial 0 raised|not closed"),
        (lambda: extend.elementwise("t", value, lambda y, x: np.cos(x.data)), "returns a NumPy array that depends"),
        (lambda: extend.elementwise("t", value, lambda y, x: np.cos(x.numpy())), r"left the record by .*numpy\(\)"),
        (lambda: extend.elementwise("t", value, lambda y, x: 1 / 0), "partial 0 raised ZeroDivisionError"),
        (lambda: extend.elementwise("t", lambda xp, x: xp.nosuch(x), lambda y, x: x), "no points"),
        (lambda: extend.elementwise("t", lambda xp, x: gt.sin(gt.Tensor(x)), lambda y, x: x), "not an array"),
        (
            lambda: extend.elementwise("t", lambda xp, x: xp.log(x), lambda y, x: 1 / x),
            "not finite.*a domain or a sample",
        ),
        (lambda: extend.linear("t", lambda xp, x: xp.cumsum(x), lambda ct, x: ct[:1]), "transpose 0 returns shape"),
        (lambda: extend.multilinear("t", two, lambda ct, a, b: b, lambda ct, a, b: a), "Give sample="),
        (lambda: extend.linear("t", lambda xp, *xs: xs[0], variadic=lambda i, ct, *xs: ct), "any number of inputs"),
        (lambda: extend.differential("t", value, 3), "dy is not a function"),  # type: ignore[arg-type]
        (lambda: extend.differential("t", value, lambda y, xs, dxs: gt.sum(dxs[0])), r"dy returns shape \(\)"),
        (lambda: extend.composite("t", value, lambda x: gt.sum(x)), r"body returns shape \(\)"),
        (lambda: extend.constant("t", lambda xp, x: (x, x)), "outputs=1"),
    ],
)
def test_what_cannot_be_right_is_told_at_once(declare: Callable[[], Any], told: str) -> None:
    before = dict(registry)
    with pytest.raises(gt.RuleError, match=f"(?s){told}") as caught:
        declare()
    assert registry == before
    assert "cannot be declared" in str(caught.value)
    assert "test_extend.py" in str(caught.value)


def test_declared_again() -> None:
    first = cube()
    with pytest.raises(gt.RuleError, match="replace=True"):
        cube()
    again = cube(replace=True)
    assert registry["t_cube"] is again.primitive is not first.primitive
    with pytest.raises(gt.RuleError, match="exists already"):  # gradtape's own stay
        extend.elementwise("sin", value, lambda y, x: gt.cos(x), replace=True)


@pytest.mark.parametrize(
    ("declare", "told"),
    [
        (lambda: extend.elementwise("t", value, lambda y, x: 1.001 * gt.cos(x)), r"constant factor of 1\.001"),
        (lambda: extend.elementwise("t", value, lambda y, x: -gt.cos(x)), "the sign is wrong"),
        (lambda: extend.elementwise("t", value, lambda y, x: gt.stop_gradient(gt.cos(x))), "stop_gradient"),
        (lambda: extend.elementwise("t", value, lambda y, x: gt.cos(x), vjp=lambda ct, y, x: (ct,)), "explicit vjp"),
        (
            lambda: extend.linear("t", lambda xp, x: xp.flip(x, -1), lambda ct, x: ct, batch=extend.leading(1)),
            "duality",
        ),
        (lambda: extend.linear("t", lambda xp, x: x * x, lambda ct, x: ct), "tangent"),
        (lambda: extend.linear("t", lambda xp, x: x[::-1], lambda ct, x: ct[::-1], batch=extend.leading(1)), "batch"),
        (lambda: extend.composite("t", value, gt.cos), "the body's value"),
        (
            lambda: extend.differential("t", value, lambda y, xs, dxs: 2 * gt.cos(xs[0]) * dxs[0], batch=extend.lanes),
            "a factor of 2 too large",
        ),
    ],
)
def test_check_catches_a_wrong_row(declare: Callable[[], Any], told: str) -> None:
    op = declare()
    with pytest.raises((gt.DerivativeError, gt.RuleError), match=f"(?s){told}"):
        extend.check(op, verbose=False)


def test_check_takes_operations_and_names(capsys: pytest.CaptureFixture[str]) -> None:
    assert extend.check("hypot").ok
    assert "derivatives of hypot at" in capsys.readouterr().out
    with pytest.raises(gt.RuleError, match=r"For functions: gt\.check_derivatives"):
        extend.check(math.sin)


# -- what the table claims is true --------------------------------------------------------------------------------

TABLE = {c.name: c for c in coverage()}


def tried(name: str) -> set[str]:
    return {law.name for law in (*LAWS, *modes.LAWS) if law.cases(registry[name])}


def test_orders_and_modes_are_those_that_the_laws_try() -> None:
    gaps = {row for row, _, _ in (*KNOWN_GAPS, *modes.KNOWN_GAPS)}
    for name, c in TABLE.items():
        if c.kind == "constant":
            assert "constant" in tried(name), name
        else:
            assert c.orders == "all"
            assert {"order-1", "order-2", "order-3", "order-4", "tangent", "nestings-3", "jet"} <= tried(name), name
            assert name not in gaps, f"{name} has a known gap: the table must say so"
        assert any(case.size or c.kind == "constant" for case in cases(name))


def test_batch_column_is_what_happens() -> None:
    """tests/test_batch.py asserts, for every row and every way to batch its inputs, that only these go one by one."""
    for name, c in TABLE.items():
        row = registry[name]
        if name not in ONE_BY_ONE:
            assert c.batch in ("derived", "declared"), name
        elif c.batch == "declared":  # indices that may be masks
            assert "mask" in ONE_BY_ONE[name][1], name
        else:
            assert c.batch == ("one by one" if all_ways(name) else "declared, in part"), name
        assert (row.batch is None) == (c.batch == "derived"), name


def all_ways(name: str) -> bool:
    case = cases(name)[0]
    return all(ONE_BY_ONE[name][0](case, tuple(i == k for i in range(3))) for k in range(len(case.inputs)))


def test_declared_rules_are_there() -> None:
    assert (TABLE["solve"].forward, TABLE["solve"].reverse) == ("declared", "declared")
    assert (TABLE["divide"].taylor, TABLE["tanh"].taylor) == ("declared", "derived")
    assert (TABLE["matmul"].forward, TABLE["matmul"].reverse) == ("derived", "declared")
    assert (TABLE["floor"].orders, TABLE["argmax"].orders) == ("all, zero", "-")
    assert TABLE["jv"].inputs == "1 of 2"
    assert "splits evenly" in TABLE["maximum"].conventions


# -- the pages made from the code ------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["operations.md", "names.md"])
def test_reference_is_up_to_date(name: str) -> None:
    found = (ROOT / "docs" / "reference" / name).read_text(encoding="utf-8")
    assert found == reference.pages()[name], "run scripts/reference"


def test_every_public_name_is_in_the_index() -> None:
    page = reference.names()
    assert all(f"| `gt.{name}` |" in page for name in dir(gt) if not name.startswith("__"))
    assert "| `gt.extend.elementwise` | A primitive that acts element by element" in page
    empty = [line for line in page.split("\n") if line.startswith("| `") and line.endswith("|  |")]
    assert not empty
