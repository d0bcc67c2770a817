"""Forward mode: accumulators and their nestings, users' rules in every mode, memory, what is seen through."""

from __future__ import annotations

import itertools
import math
import tracemalloc
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import gradtape as gt
from gradtape.errors import RuleError, TreeError


def along(f: Callable[[Any], Any]) -> Callable[[Any], Any]:
    return lambda x: gt.jvp(f, (x,), (1.0,))[1]


def by(word: str, f: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """The derivative by forward (F), reverse (R) or Taylor (T) mode, nested, the first letter innermost."""
    modes: dict[str, Callable[..., Any]] = {"F": along, "R": gt.grad, "T": gt.derivative}
    for mode in word:
        f = modes[mode](f)
    return f


WORDS = ["".join(w) for n in (1, 2, 3) for w in itertools.product("FRT", repeat=n)]


# -- users' rules ----------------------------------------------------------------------------------------------------

scale = gt.Variable(1.5)


@gt.custom_gradient
def cube(x: Any) -> Any:
    return x * x * x, lambda ct: ct * 3.0 * x * x


@gt.custom_gradient
def cube_by_its_value(x: Any) -> Any:
    y = x * x
    return y * x, lambda ct: 3.0 * y * ct


@gt.custom_gradient
def scaled_cube(x: Any) -> Any:
    return scale * cube(x), lambda ct: ct * scale * 3.0 * x**2


@pytest.mark.parametrize("word", WORDS)
@pytest.mark.parametrize(
    ("f", "factor"), [(cube, 1.0), (cube_by_its_value, 1.0), (scaled_cube, 1.5), (lambda x: cube(cube(x)), None)]
)
def test_rules_in_every_nesting(f: Any, factor: float | None, word: str) -> None:
    n, x = len(word), 0.7
    power = 3 if factor is not None else 9
    exact = (factor or 1.0) * math.perm(power, n) * x ** (power - n)
    assert float(by(word, f)(x)) == pytest.approx(exact, rel=1e-12)


@pytest.mark.parametrize("order", range(1, 8))
def test_rules_in_taylor_mode(order: int) -> None:
    found = gt.derivative(lambda x: gt.exp(cube(gt.sin(x))), order)(0.4)
    exact = gt.derivative(lambda x: gt.exp(gt.sin(x) ** 3), order)(0.4)
    assert float(found) == pytest.approx(float(exact), rel=1e-11)


def test_captured_values_are_differentiated() -> None:
    with gt.ForwardAccumulator(scale, 2.0) as accumulator:
        y = scaled_cube(0.5)
    assert float(accumulator.jvp(y)) == pytest.approx(0.25)
    slope = gt.jvp(lambda a: gt.grad(lambda x: inner(a, x))(0.5), (2.0,), (1.0,))[1]
    assert float(slope) == pytest.approx(0.75)
    _, (one, two) = gt.jet(lambda a: inner(a * a, 0.5), (2.0,), ([1.0, 0.0],))
    assert (float(one), float(two)) == pytest.approx((0.5, 0.25))


def inner(a: Any, x: Any) -> Any:
    """a x^3 by a rule that captures a."""

    @gt.custom_gradient
    def f(x: Any) -> Any:
        return a * x**3, lambda ct: ct * a * 3.0 * x**2

    return f(x)


@gt.custom_gradient
def polar(r: Any, t: Any) -> Any:
    c, s = gt.cos(t), gt.sin(t)
    return (r * c, r * s), lambda cx, cy: (cx * c + cy * s, r * (cy * c - cx * s))


@pytest.mark.parametrize("word", WORDS)
def test_rules_with_several_outputs(word: str) -> None:
    def f(x: Any) -> Any:
        a, b = polar(x * x, 2.0 * x)
        return a + 3.0 * b

    def plain(x: Any) -> Any:
        return x * x * (gt.cos(2.0 * x) + 3.0 * gt.sin(2.0 * x))

    assert float(by(word, f)(0.7)) == pytest.approx(float(by("R" * len(word), plain)(0.7)), rel=1e-12)


def test_one_of_several_outputs() -> None:
    assert float(gt.jvp(lambda x: polar(x, 0.3)[1], (2.0,), (1.0,))[1]) == pytest.approx(math.sin(0.3))


def test_complex_rules() -> None:
    @gt.custom_gradient
    def square(z: Any) -> Any:
        return z * z, lambda ct: ct * 2.0 * gt.conj(z)

    z, v, ct = 0.3 + 0.4j, 1.0 - 2.0j, 0.5 + 0.7j
    _, dy = gt.jvp(square, (z,), (v,))
    assert complex(dy) == pytest.approx(2 * z * v)
    _, pull = gt.vjp(square, z)
    (g,) = pull(ct)
    assert (np.conj(ct) * complex(dy)).real == pytest.approx((np.conj(complex(g)) * v).real)
    _, (one, two) = gt.jet(square, (z,), ([v, 0.0],))
    assert complex(one) == pytest.approx(2 * z * v)
    assert complex(two) == pytest.approx(2 * v * v)


def test_rule_without_a_derivative() -> None:
    @gt.custom_gradient
    def cut(x: Any) -> Any:
        return x * x, lambda ct: None

    assert float(gt.jvp(cut, (2.0,), (1.0,))[1]) == 0.0
    assert float(gt.derivative(cut, 2)(2.0)) == 0.0


def test_rule_that_leaves_the_record_is_refused() -> None:
    @gt.custom_gradient
    def escaped(x: Any) -> Any:
        return x * x, lambda ct: 2.0 * x.numpy() * ct.numpy()

    with pytest.raises(RuleError, match="not recorded"):
        gt.jvp(escaped, (2.0,), (1.0,))


# -- accumulators -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("word", WORDS)
def test_nestings_agree(word: str) -> None:
    def f(x: Any) -> Any:
        return gt.sin(x) * gt.exp(x**2) / (1.0 + x * x)

    exact = float(gt.derivative(f, len(word))(0.6))
    assert float(by(word, f)(0.6)) == pytest.approx(exact, rel=1e-11)


def test_tape_and_accumulator_in_either_order() -> None:
    x = gt.asarray(2.0)
    with gt.GradientTape() as tape, gt.ForwardAccumulator(x, 1.0) as accumulator:
        y = x**4
        dy = accumulator.jvp(y)
    assert float(tape.gradient(dy, x)) == pytest.approx(48.0)
    with gt.ForwardAccumulator(x, 1.0) as accumulator, gt.GradientTape() as tape:
        y = x**4
        g = tape.gradient(y, x)
    assert float(accumulator.jvp(g)) == pytest.approx(48.0)
    with gt.ForwardAccumulator(x, 1.0) as outer, gt.ForwardAccumulator(x, 1.0) as accumulator:
        dy = accumulator.jvp(x**4)
    assert float(outer.jvp(dy)) == pytest.approx(48.0)


def test_connected_and_unconnected() -> None:
    x = gt.asarray(2.0)
    with gt.ForwardAccumulator(x, 1.0) as accumulator:
        rounded, free = gt.floor(x), gt.asarray(3.0) * 2.0
        assert float(accumulator.jvp(rounded)) == 0.0
        assert accumulator.jvp(free) is None
        assert float(accumulator.jvp(free, unconnected_gradients="zero")) == 0.0
    # A tangent is connected to whatever its target was: the second derivative of 3 x is zero, not None.
    with gt.GradientTape() as tape:
        dy = gt.jvp(lambda x: 3.0 * x, (x,), (1.0,))[1]
    assert float(tape.gradient(dy, x)) == 0.0
    with gt.ForwardAccumulator(x, 1.0) as accumulator, gt.GradientTape() as tape:
        g = tape.gradient(3.0 * x, x)
    assert float(accumulator.jvp(g)) == 0.0


def test_a_zero_tangent_is_a_zero_at_infinite_slopes() -> None:
    x, y = gt.asarray(0.0), gt.asarray(3.0)
    _, dz = gt.jvp(lambda x, y: gt.sqrt(x) + y, (x, y), (0.0, 1.0))
    assert float(dz) == 1.0


def test_tangents_of_tangents_given() -> None:
    """A tangent may depend on what is differentiated."""
    found = gt.grad(lambda x: gt.jvp(gt.sin, (x,), (x * x,))[1])(0.5)
    assert float(found) == pytest.approx(-math.sin(0.5) * 0.25 + math.cos(0.5))
    found = gt.grad(lambda v: gt.jvp(gt.sin, (0.5,), (v,))[1])(0.0)
    assert float(found) == pytest.approx(math.cos(0.5))


def test_memory_does_not_grow_with_the_program() -> None:
    def peak(steps: int) -> int:
        x = gt.asarray(np.ones(50_000))
        tracemalloc.start()
        with gt.ForwardAccumulator(x, np.ones(50_000)) as accumulator:
            y = x
            for _ in range(steps):
                y = y * 1.0001
        assert accumulator.jvp(y).shape == (50_000,)
        _, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        return most

    peak(10)
    assert peak(800) < 1.3 * peak(300)


def test_peepholes_across_stretches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gradtape.sweeps.accumulator.STRETCH_ENTRIES", 1)
    x = gt.asarray(0.0)
    with np.errstate(all="ignore"), gt.ForwardAccumulator(x, 1.0) as accumulator:
        y = gt.sin(x) / x
    assert float(accumulator.jvp(y)) == 0.0


def test_what_was_asked_for_is_not_seen_past() -> None:
    x = gt.asarray(4.0)
    s = gt.asarray(2.0)
    with gt.ForwardAccumulator(s, 1.0) as accumulator:
        y = s * s
    assert float(accumulator.jvp(y)) == 4.0
    with gt.ForwardAccumulator(x, 1.0) as accumulator:
        root = gt.sqrt(x)
        first = accumulator.jvp(root)
        second = accumulator.jvp(root * root)
    assert (float(first), float(second)) == (0.25, 1.0)


def test_jvp_refuses() -> None:
    with pytest.raises(TreeError, match="same length"):
        gt.jvp(gt.sin, (1.0,), ())


# -- formulas right only in company, dead lanes: orders beyond the singular table --------------------------------

COMPANY: list[tuple[str, Callable[[Any], Any], float, list[float]]] = [
    ("sin(x)/x", lambda x: gt.sin(x) / x, 0.0, [0.0, -1 / 3, 0.0, 1 / 5]),
    ("expm1(x)/x", lambda x: gt.expm1(x) / x, 0.0, [1 / 2, 1 / 3, 1 / 4, 1 / 5]),
    ("sqrt(x**4)", lambda x: gt.sqrt(x**4), 0.0, [0.0, 2.0, 0.0, 0.0]),
    ("norm**4", lambda x: gt.linalg.norm(gt.stack([x, 2.0 * x])) ** 4, 0.0, [0.0, 0.0, 0.0, 600.0]),
    ("arccos**2", lambda x: gt.arccos(x) ** 2, 1.0, [-2.0, 2 / 3, -8 / 15, 24 / 35]),
    ("log(1+exp)", lambda x: gt.log(1.0 + gt.exp(x)), 1000.0, [1.0, 0.0, 0.0, 0.0]),
    ("log(cosh)", lambda x: gt.log(gt.cosh(x)), 1000.0, [1.0, 0.0, 0.0, 0.0]),
    ("where", lambda x: gt.where(x > 0, gt.sqrt(x) * gt.log(x), x**3), 0.0, [0.0, 0.0, 6.0, 0.0]),
    ("fmax", lambda x: gt.fmax(gt.log(x), x**3), -1.0,
     [3.0, -6.0, 6.0, 0.0]),
    ("clip", lambda x: gt.clip(1.0 / x, 0.0, 1.0) + x**2, 0.0, [0.0, 2.0, 0.0, 0.0]),
    ("relu", lambda x: gt.relu(-1.0 / gt.abs(x)) + x**3, 0.0, [0.0, 0.0, 6.0, 0.0]),
]  # fmt: skip


@pytest.mark.parametrize(("f", "x", "exact"), [pytest.param(*c[1:], id=c[0]) for c in COMPANY])
def test_company_and_dead_lanes(f: Any, x: float, exact: list[float]) -> None:
    with np.errstate(all="ignore"):
        for order, right in enumerate(exact, start=1):
            assert float(gt.derivative(f, order)(x)) == pytest.approx(right, rel=1e-12, abs=1e-12), f"jet {order}"
        for word in WORDS:
            found = float(by(word, f)(x))
            assert found == pytest.approx(exact[len(word) - 1], rel=1e-12, abs=1e-12), word


# -- accumulators that let their record go, in company -------------------------------------------------------------


@pytest.mark.parametrize("stretch", [1, 2, 3, 5, 7, 20])
@pytest.mark.parametrize("word", [w for w in WORDS if "F" in w])
def test_nestings_agree_whatever_the_stretch(word: str, stretch: int, monkeypatch: pytest.MonkeyPatch) -> None:
    def f(x: Any) -> Any:
        return gt.sin(x) * gt.exp(x**2) / (1.0 + x * x)

    exact = float(gt.derivative(f, len(word))(0.6))
    monkeypatch.setattr("gradtape.sweeps.accumulator.STRETCH_ENTRIES", stretch)
    assert float(by(word, f)(0.6)) == pytest.approx(exact, rel=1e-11)


def test_forward_mode_in_itself_over_long_programs() -> None:
    def f(x: Any) -> Any:
        for _ in range(5000):
            x = x + 1e-4 * x * x
        return x

    def exact(x: float, order: int) -> list[float]:
        s = [x, 1.0, *[0.0] * order]
        for _ in range(5000):
            square = [sum(s[i] * s[k - i] for i in range(k + 1)) for k in range(order + 1)]
            s = [a + 1e-4 * b for a, b in zip(s, square, strict=False)]
        return [math.factorial(k) * c for k, c in enumerate(s)]

    right = exact(0.6, 2)
    assert float(along(along(f))(0.6)) == pytest.approx(right[2], rel=1e-10)
    assert float(gt.grad(along(f))(0.6)) == pytest.approx(right[2], rel=1e-10)
    assert float(along(gt.grad(f))(0.6)) == pytest.approx(right[2], rel=1e-10)


@pytest.mark.parametrize("stretch", [1, 3, 4096])
def test_a_gradient_of_what_was_recorded_before_the_accumulator(stretch: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gradtape.sweeps.accumulator.STRETCH_ENTRIES", stretch)
    x = gt.asarray(0.5)
    with gt.GradientTape() as tape:
        y = x * gt.exp(x)
    with gt.ForwardAccumulator(x, 1.0) as accumulator:
        first, second = tape.gradient(y, x), tape.gradient(y, x)
    assert float(accumulator.jvp(first)) == pytest.approx(2.5 * math.exp(0.5), rel=1e-14)
    assert float(accumulator.jvp(second)) == pytest.approx(2.5 * math.exp(0.5), rel=1e-14)


@pytest.mark.parametrize("stretch", [1, 2, 3, 4, 4096])
def test_tangents_are_recorded_by_the_tapes_that_recorded_the_values(
    stretch: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gradtape.sweeps.accumulator.STRETCH_ENTRIES", stretch)
    x = gt.asarray(0.5)
    with gt.GradientTape() as tape, gt.ForwardAccumulator(x, 1.0) as accumulator:
        y = x * gt.exp(x)
        with tape.stop_recording():
            z = gt.sin(y)
        w = y * y
    assert float(accumulator.jvp(z)) == pytest.approx(math.cos(y) * 1.5 * math.exp(0.5), rel=1e-14)
    dw = accumulator.jvp(w)  # x**2 exp(2 x): asked for when the tape has closed
    assert float(tape.gradient(dw, x)) == pytest.approx((2 + 8 * 0.5 + 4 * 0.25) * math.exp(1.0), rel=1e-14)


@pytest.mark.parametrize("stretch", [1, 4, 4096])
def test_who_did_not_see_a_tangent_computed_is_not_told_zero(stretch: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gradtape.sweeps.accumulator.STRETCH_ENTRIES", stretch)
    x = gt.asarray(0.5)
    with gt.ForwardAccumulator(x, 1.0) as outer:
        with gt.ForwardAccumulator(x, 1.0) as inner:
            y = x * gt.exp(x)
            dy = outer.jvp(y)
            assert inner.jvp(dy) is None  # it was opened later
            assert outer.jvp(dy) is None  # its own
            assert float(outer.jvp(inner.jvp(y))) == pytest.approx(2.5 * math.exp(0.5), rel=1e-14)
        with gt.GradientTape() as tape:
            dy = outer.jvp(y)
    with pytest.warns(gt.UnconnectedGradientWarning):
        assert tape.gradient(dy, x) is None  # y was there before the tape
