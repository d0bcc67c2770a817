"""check_derivatives: every law catches a mistake of its own and names its cause; ordinary functions raise no alarm."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import gradtape as gt
from gradtape.record.tensor import value_of
from gradtape.rules.primitive import Primitive, registry
from gradtape.testing import DerivativeError, Report, check_derivatives
from gradtape.testing.differences import noise_of, observed_orders, ridders, searched

RNG = np.random.default_rng(5)
MATRIX = RNG.normal(size=(3, 3)) + 3 * np.eye(3)
Wrong = Callable[[pytest.MonkeyPatch], None]


def check(f: Callable[..., Any], *primals: Any, **options: Any) -> Report:
    return check_derivatives(f, *primals, verbose=False, **options)


# -- no false alarm -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("f", "primals", "orders"),
    [
        pytest.param(gt.sin, (0.3,), [2, 3], id="scalar"),
        pytest.param(lambda x: gt.sum(gt.exp(x) * gt.sin(x)), ([0.1, 2.0],), [2, 3], id="list"),
        pytest.param(lambda x: np.sin(x) * np.exp(x), (0.3,), [2, 3], id="NumPy's names"),
        pytest.param(
            lambda p, x: gt.tanh(x @ p["w"]) + p["b"], ({"w": MATRIX, "b": [0.1, 2.0, 3.0]}, MATRIX), [2, 3], id="tree"
        ),
        pytest.param(lambda x: (x * x, {"y": gt.exp(x)}), ([0.4, 1.1],), [2, 3], id="several results"),
        pytest.param(lambda x, n: x**n, (1.7, 3), [2, 3], id="integer held"),
        pytest.param(lambda x, i: x[i] * x, ([1.0, 2.0, 4.0], np.array([2, 0, 0])), [2, None], id="indices held"),
        pytest.param(lambda x: gt.sum(gt.exp(x)), (np.float32([0.1, 2.0]),), [2, 3], id="float32"),
        pytest.param(lambda x: gt.sum(gt.exp(gt.astype(x, gt.float32))), ([0.1, 2.0],), [2, 3], id="float32 inside"),
        pytest.param(lambda x: gt.sum(x**2), (np.float16([1.0, 2.0]),), [2, None], id="float16"),
        pytest.param(lambda x: gt.sin(x * 1e-8), (1e8,), [2, 3], id="slow at 1e8"),
        pytest.param(gt.sin, (1e8,), [2, 3], id="fast at 1e8"),
        pytest.param(lambda x: x**3, ([1e8, -2e8],), [2, 3], id="large"),
        pytest.param(lambda x: gt.sin(x * 1e8), (1e-8,), [2, 3], id="fast at 1e-8"),
        pytest.param(lambda x: gt.sin(x * 1e8), (0.3,), [2, 3], id="fast at 0.3"),
        pytest.param(gt.cos, (1e-8,), None, id="flat at 1e-8"),
        pytest.param(lambda x: gt.sum(x**3) / gt.sum(x), ([1e-8, 1.0, 1e8],), None, id="all scales"),
        pytest.param(gt.linalg.solve, (1e-8 * MATRIX, [1e8, -3e8, 2e8]), None, id="solve at all scales"),
        pytest.param(gt.linalg.inv, (1.0 / (np.arange(6)[:, None] + np.arange(6) + 1),), None, id="ill-conditioned"),
        pytest.param(lambda x: (1 - gt.cos(x)) / x**2, (1e-2,), None, id="some cancellation"),
        pytest.param(lambda a: gt.linalg.eigh(a + a.T)[0], (MATRIX,), [2, 3], id="eigh"),
        pytest.param(lambda z: gt.sin(z) * z, (np.array([1 + 2j, 0.3 - 0.1j]),), [2, 3], id="complex"),
        pytest.param(lambda z: gt.abs(z) ** 2, (1.0 + 2j,), [2, None], id="complex to real"),
        pytest.param(lambda x: gt.sin(x) if x > 0 else x, (1.0,), [2, 3], id="decides"),
        pytest.param(lambda x: gt.sum(2 * x), ([1.0, 2.0],), [None, None], id="linear"),
        pytest.param(lambda x: 0.0 * x + 3.0, (1.0,), [None, None], id="constant"),
        pytest.param(gt.floor, (0.3,), [None, None], id="step"),
        pytest.param(lambda x: gt.sum(gt.relu(x)), ([0.004, -0.003, 1.0],), None, id="near a kink"),
        pytest.param(gt.exp, (300.0,), [2, 3], id="too large for float32"),
        pytest.param(gt.exp, (np.zeros((0, 2)),), None, id="empty"),
    ],
)
def test_no_false_alarm(f: Callable[..., Any], primals: tuple[Any, ...], orders: list[int | None] | None) -> None:
    report = check(f, *primals)
    assert report.ok
    if orders is not None:
        seen = [None if np.isinf(order) else round(order) for order in report.orders]
        assert seen == orders


def test_high_orders() -> None:
    report = check(lambda x: gt.tanh(x) * x, 0.4, order=6)
    assert [round(order) for order in report.orders] == [2, 3, 4, 5, 6, 7]
    assert {f"order {n}" for n in range(2, 7)} <= {result.law for result in report}


def test_random_functions_raise_no_alarm() -> None:
    """Compositions of everything smooth, at random points."""
    rng = np.random.default_rng(8)
    steps: list[Callable[[Any], Any]] = [
        gt.sin,
        gt.tanh,
        gt.exp,
        lambda x: x * x,
        lambda x: x / (2 + gt.cos(x)),
        gt.arctan,
    ]
    for seed in range(12):
        chosen = [steps[i] for i in rng.integers(0, len(steps), 4)]

        def f(x: Any, chosen: Any = chosen) -> Any:
            for step in chosen:
                x = step(x) * 0.7
            return x

        assert check(f, rng.normal(size=3), order=3, seed=seed).ok


# -- Variables ----------------------------------------------------------------------------------------------


def test_variables_are_moved_and_get_their_values_back() -> None:
    w, b = gt.Variable([1.0, 2.0]), gt.Variable(0.5)
    before = w.current
    assert check(lambda ignored: gt.sum(w * w * w) * b, {"w": w, "b": b}).ok  # read from elsewhere
    assert w.current is before
    assert check(lambda v: gt.sum(v * v), w)["batch"].status == "holds"


def test_a_variable_keeps_its_value_where_the_function_fails() -> None:
    w = gt.Variable([1.0, 2.0])

    def f(v: Any) -> Any:
        if value_of(v.value)[0] != 1.0:
            raise KeyError("moved")
        return gt.sum(v)

    with pytest.raises(DerivativeError, match="KeyError"):
        check(f, w)
    np.testing.assert_array_equal(w.numpy(), [1.0, 2.0])


# -- every law has a mistake that it alone sees first ------------------------------------------------------------


def made(rule: Callable[[Any, Any], Any]) -> Callable[[Any], Any]:
    """x**3 with a rule of its own: ``rule(ct, x)``."""

    @gt.custom_gradient
    def cube(x: Any) -> Any:
        return x * x * x, lambda ct: rule(ct, x)

    return cube


def unit(row: Primitive) -> Callable[..., Any]:
    """A row made for one test, which is not in the registry."""
    from gradtape.record.writer import operation

    row.op = operation(row)
    return row.op


def cube_row(**fields: Any) -> Callable[..., Any]:
    first = fields.pop("partials", (lambda y, x: 3 * x * x,))
    return unit(Primitive("cube", "elementwise", lambda xp, x: x * x * x, 1, partials=first, **fields))


def wrong_batch(size: int, flags: Any, xs: Any, params: Any) -> Any:
    return xs, params, lambda y: y * 1.001


def wrong_in_single(y: Any, x: Any) -> Any:
    return 3 * x * x * (1.01 if x.dtype == np.float32 else 1.0)


def wrong_series(y: Any, x: Any) -> Any:
    from gradtape.sweeps.series import Series

    return 3 * x * x + (0.01 * x if isinstance(x, Series) else 0.0)


@pytest.mark.parametrize(
    ("f", "law", "cause"),
    [
        pytest.param(made(lambda ct, x: -3 * ct * x * x), "tangent", "the sign is wrong", id="sign"),
        pytest.param(made(lambda ct, x: 6 * ct * x * x), "tangent", "a factor of 2 too large", id="twice"),
        pytest.param(made(lambda ct, x: 1.5 * ct * x * x), "tangent", "a factor of 2 is missing", id="half"),
        pytest.param(made(lambda ct, x: 3.003 * ct * x * x), "tangent", "a constant factor of 1.001", id="0.1 %"),
        pytest.param(
            made(lambda ct, x: 9 * ct * x * x), "tangent", "multiplied by the number of elements, 3", id="sum"
        ),
        pytest.param(made(lambda ct, x: 3 * ct * x), "tangent", "a term is missing or wrong", id="term"),
        pytest.param(made(lambda ct, x: 0.0 * ct), "tangent", "zero: the whole term is missing", id="zero"),
        pytest.param(made(lambda ct, x: 3 * ct * x * x + 0.001), "duality", "a term is missing", id="shift"),
        pytest.param(made(lambda ct, x: ct * x.data**2 * 3), "taylor", "not on the record", id="raw rule"),
        pytest.param(made(lambda ct, x: ct * 3 * gt.stop_gradient(x * x)), "taylor", "stop_gradient", id="held rule"),
        pytest.param(lambda x: x * x.numpy(), "tangent", r"left the record by .*numpy\(\)", id="numpy()"),
        pytest.param(lambda x: gt.sum(x) * float(gt.sum(x)), "tangent", r"left the record by float\(\)", id="float()"),
        pytest.param(lambda x: x * x.data, "tangent", "a copy of the input", id=".data"),
        pytest.param(lambda x: x * gt.stop_gradient(x), "tangent", "stop_gradient", id="stop_gradient"),
        pytest.param(lambda x: x * np.random.default_rng().normal(), "value", "random", id="random"),
        pytest.param(lambda x: gt.log(x - 10), "value", "outside of the domain", id="nan"),
        pytest.param(lambda x: gt.argmax(x), "value", "integer", id="integer"),
        pytest.param(cube_row(vjp=lambda ct, y, x: (6 * ct * x * x,)), "duality", "a factor of 2 too large", id="vjp"),
        pytest.param(
            cube_row(vjp=lambda ct, y, x: (gt.stop_gradient(3 * x * x) * ct,)), "order 2", "stop_gradient", id="vjp 2"
        ),
        pytest.param(cube_row(quotient=lambda y, x: (1.0, (3.003 * x * x,))), "taylor", "of order", id="quotient"),
        pytest.param(cube_row(partials=(wrong_series,)), "taylor", "of order", id="series"),
        pytest.param(cube_row(batch=wrong_batch), "batch", "leading axis", id="batch"),
        pytest.param(cube_row(partials=(wrong_in_single,)), "low precision", "another way", id="single"),
    ],
)
def test_a_planted_mistake_is_caught(f: Callable[[Any], Any], law: str, cause: str) -> None:
    with pytest.raises(DerivativeError, match=cause) as caught:
        check(f, np.array([0.7, 1.3, 2.1]))
    error = caught.value
    assert isinstance(error, AssertionError)
    assert error.law == law
    assert isinstance(error.report, Report)
    assert not error.report.ok
    assert error.report[law].status == "broken"


@pytest.mark.parametrize(
    ("law", "f"),
    [
        ("symmetry", cube_row(vjp=lambda ct, y, x: (gt.stop_gradient(3 * x * x) * ct,))),
        ("nestings", cube_row(vjp=lambda ct, y, x: (gt.stop_gradient(3 * x * x) * ct,))),
        ("jet", cube_row(partials=(wrong_series,))),
        ("order 2", cube_row(vjp=lambda ct, y, x: (gt.stop_gradient(3 * x * x) * ct + 0 * x,))),
    ],
)
def test_laws_that_come_later_see_it_too(law: str, f: Callable[[Any], Any]) -> None:
    """With those before them left out."""
    laws = ["value", "tangent", "duality", "taylor", "order 2", "symmetry", "nestings", "jet", "batch", "low precision"]
    if law == "symmetry":  # a vector field that is no gradient: its Jacobian is not symmetric

        @gt.custom_gradient
        def f(x: Any) -> Any:
            return gt.sum(x * x), lambda ct: ct * gt.stack([2 * x[0], 2 * x[1] + gt.stop_gradient(x[0]) - x[0] * 1.0])

        point = np.array([0.7, 1.3])
    else:
        point = np.array([0.7, 1.3, 2.1])
    with pytest.raises(DerivativeError) as caught:
        check(f, point, skip=[other for other in laws if other != law])
    assert caught.value.law == law


def test_a_transposed_jacobian_is_named() -> None:
    a = np.array([[1.0, 2.0], [3.0, 4.0]])
    row = Primitive("times", "linear", lambda xp, x: a @ x, 1, transposes=(lambda ct, x: gt.matmul(a, ct),))
    with pytest.raises(DerivativeError, match="transposed") as caught:
        check(unit(row), np.array([0.3, 0.4]))
    assert caught.value.law == "duality"


def test_the_wrong_input_is_named() -> None:
    @gt.custom_gradient
    def f(a: Any, b: Any) -> Any:
        return a * b, lambda ct: (ct * b, 2 * ct * a)

    with pytest.raises(DerivativeError) as caught:
        check(lambda p: f(p["left"], p["right"]), {"left": 2.0, "right": 3.0})
    error = caught.value
    assert error.input == "p['right']"
    assert error.cause == "a factor of 2 too large"
    assert error.expected is not None
    assert error.found == pytest.approx(2 * error.expected)
    assert "p['left'] = 2." in str(error)
    assert "test_testing.py" in str(error)


@pytest.mark.parametrize(
    ("f", "primals"),
    [
        (gt.abs, (0.0,)),
        (gt.relu, (0.0,)),
        (gt.maximum, (1.0, 1.0)),
        (gt.floor, (1.0,)),
        (lambda x: gt.max(x), ([2.0, 2.0],)),
    ],
)
def test_kinks_are_named(f: Callable[..., Any], primals: Any) -> None:
    with pytest.raises(DerivativeError, match="a kink or a jump"):
        check(f, *primals)


def test_edges_and_cancellation_are_named() -> None:
    with pytest.raises(DerivativeError, match="edge of the domain"):
        check(gt.sqrt, 0.0)
    with pytest.raises(DerivativeError, match="loses most of its digits"):
        check(lambda x: (1 - gt.cos(x)) / x**2, 1e-4)


# -- what it is called with, and what it says ---------------------------------------------------------------------


def test_a_function_that_decides_is_not_tried_as_a_batch() -> None:
    point = np.array(1.0)
    report = check(lambda x: gt.sin(x) if x > point else x * 2.0, 1.0 + 1e-9)
    assert report["batch"].status in ("holds", "not tried")
    # One example takes the other way: the guard says so, and that is no mistake of a derivative.
    ways = check(lambda x: x * float(1 + 0 * gt.floor(x * 1e6)) + 0 * float(gt.floor(x * 1e6)), 1.0)
    assert ways["batch"].status == "not tried"
    assert "left the record" in ways["batch"].detail


def test_refusals() -> None:
    with pytest.raises(gt.DtypeError, match="no floating-point input"):
        check(gt.sin, 3)
    with pytest.raises(ValueError, match="from 1 to 6"):
        check(gt.sin, 0.3, order=7)
    with pytest.raises(ValueError, match="Did you mean 'tangent'"):
        check(gt.sin, 0.3, skip=["tangents"])
    with pytest.raises(ZeroDivisionError):  # the function's own error is told as it is
        check(lambda x: 1 / 0, 0.3)


def test_the_same_every_time_and_other_directions() -> None:
    reports = [str(check(lambda x: gt.sum(gt.exp(x)), [0.1, 0.2], seed=seed)) for seed in (3, 3, 4)]
    assert reports[0] == reports[1] != reports[2]


def test_nothing_is_left_on_an_open_tape() -> None:
    with gt.GradientTape() as tape:
        before = tape.stats()["entries"]
        check(gt.sin, 0.3)
        assert tape.stats()["entries"] == before


def test_the_table(capsys: pytest.CaptureFixture[str]) -> None:
    report = check_derivatives(gt.sin, 0.3, skip="batch")
    printed = capsys.readouterr().out
    assert printed == f"{report}\n"
    lines = printed.split("\n")
    assert lines[0] == "derivatives of sin at x = 0.3"
    assert lines[1].split() == ["law", "holds", "off", "by", "what", "was", "seen"]
    assert lines[2].startswith("value")
    assert "remainders of order 2.00, 3.00" in printed
    assert "batch" not in printed
    with pytest.raises(KeyError):
        report["batch"]


def test_the_table_in_a_terminal(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdout.isatty", lambda: True, raising=False)
    monkeypatch.setenv("COLUMNS", "120")
    check_derivatives(gt.sin, 0.3)
    assert "tangent" in capsys.readouterr().out


# -- differences ----------------------------------------------------------------------------------------------


def test_noise_is_seen_and_smooth_functions_have_none() -> None:
    rng = np.random.default_rng(0)
    assert noise_of(np.sin, 1e-6) < 1e-15
    assert 3e-9 < noise_of(lambda t: np.sin(t) + 1e-8 * rng.normal(), 1e-6) < 3e-8


@pytest.mark.parametrize("scale", [1e-8, 1.0, 1e3, 1e8, 1e10])
def test_steps_find_the_scale_of_the_function(scale: float) -> None:
    def phi(t: Any) -> Any:
        return np.sin(0.3 + scale * t)

    exact = scale * np.cos(0.3)
    value, error, _ = searched(phi, exact, 1e-9)
    assert abs(value - exact) <= max(2 * error, 1e-6 * exact)
    wrong = searched(phi, 2 * exact, 1e-9)[0]  # a wrong hint does not make it true
    assert abs(wrong - 2 * exact) > 0.1 * exact


def test_ridders_tells_its_error() -> None:
    value, error = ridders(np.exp, noise=1e-6)
    assert abs(value - 1) < error < 1e-2


def test_orders_are_observed() -> None:
    h = 0.5 ** np.arange(10)
    np.testing.assert_allclose(observed_orders(h, 5 * h**3, 0.0), 3.0)
    assert observed_orders(h, 1e-20 * h, 1e-16) == []


def test_mistakes_in_the_registry_are_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same laws on gradtape's own rows: a wrong rule of tanh, by the function that uses it."""
    assert check(lambda x: gt.sum(gt.tanh(x)), [0.3, 0.4]).ok
    monkeypatch.setattr(registry["tanh"], "partials", (lambda y, x: 1.001 * (1 - y * y),))
    with pytest.raises(DerivativeError, match=r"a constant factor of 1\.001"):
        check(lambda x: gt.sum(gt.tanh(x)), [0.3, 0.4])
