"""Tapes with a budget: the same answers from a record that lets its values go, and computes them again."""

from __future__ import annotations

import gc
import os
import tracemalloc
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import gradtape as gt
from gradtape.memory import disk
from gradtape.memory.stretch import Stretch
from gradtape.record.tensor import Tensor

BUDGETS: dict[str, dict[str, Any]] = {
    "few arrays": {"budget": 4},
    "arrays": {"budget": 60},
    "bytes": {"budget": "1KB"},
    "disk": {"budget": "1KB", "offload": "disk"},
}


def close(a: Any, b: Any, rtol: float = 1e-11) -> None:
    for x, y in zip(gt.trees.flatten(a)[0], gt.trees.flatten(b)[0], strict=True):
        x, y = np.asarray(x), np.asarray(y)
        assert x.dtype == y.dtype
        np.testing.assert_allclose(x, y, rtol=rtol, atol=rtol * max(1.0, np.max(np.abs(y), initial=0.0)))


@pytest.fixture(autouse=True)
def small_arrays_go_to_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(disk, "SMALLEST", 1)


def chain(tape: Any, n: int = 150) -> dict[str, Any]:
    """A recurrent computation that holds on to some of its values, with everything that may stand on a record."""
    x = gt.asarray(np.linspace(0.1, 0.9, 8))
    w, b = gt.Variable(np.full(8, 0.9), name="w"), gt.Variable(0.1)
    rng = gt.random.Generator(0)
    held, h, total = [], x, 0.0
    with tape:
        for i in range(n):
            h = gt.sin(h * w) + b * x
            if i % 40 == 0:
                held.append(h)
            if i % 50 == 10:
                w.assign(w * gt.exp(-0.01 * h))
            if i == 75:
                b.assign(0.2)
            if i % 30 == 3:
                h = h * (1 + 0.01 * rng.normal(size=8))
            if i % 60 == 5 and gt.sum(h) > 0:
                h = h + 0.01 * float(b)
            if i % 70 == 20:
                h = gt.where(h > 0.5, h, 0.5 * h[::-1])
            total = total + gt.sum(h * h)
        norm = gt.linalg.norm(h - h) ** 2 + gt.linalg.norm(h)
        y = total * 0.1 + norm
    return {"x": x, "w": w, "b": b, "held": held, "y": y, "h": h, "tape": tape}


@pytest.mark.parametrize("kind", BUDGETS)
def test_gradients_of_everything_held(kind: str) -> None:
    """Sources may be leaves, Variables, and any value on the way that is still held."""
    plain, few = chain(gt.GradientTape()), chain(gt.GradientTape(**BUDGETS[kind]))
    assert few["tape"].stats()["blocks"] > 0
    assert few["tape"].stats()["bytes"] < 0.95 * plain["tape"].stats()["bytes"]
    for target in ("y", "h"):
        found, expected = [
            run["tape"].gradient(run[target], [run["x"], run["w"], run["b"], *run["held"]]) for run in (few, plain)
        ]
        close(found, expected)
    for _ in range(2):  # a tape answers any number of times
        close(*[run["tape"].gradient(run["held"][3], [run["held"][1], run["b"]]) for run in (few, plain)])
    close(*[run["tape"].hessian(run["y"], run["b"]) for run in (few, plain)])
    close(*[run["tape"].jacobian(run["h"], run["held"][2]) for run in (few, plain)])
    close(*[run["tape"].hvp(run["y"], run["x"], gt.ones(8)) for run in (few, plain)])
    close(*[run["tape"].jvp(run["y"], run["x"], gt.ones(8)) for run in (few, plain)])
    assert few["tape"].watched_variables() == (few["w"], few["b"]) or set(few["tape"].watched_variables()) == {
        few["w"], few["b"]
    }  # fmt: skip


@pytest.mark.parametrize("kind", BUDGETS)
def test_no_path_is_none(kind: str) -> None:
    a, b = gt.asarray(1.0), gt.asarray(2.0)
    with gt.GradientTape(**BUDGETS[kind]) as tape:
        y, z = a, b
        for _ in range(100):
            y, z = gt.sin(y) + y, gt.cos(z)
    with pytest.warns(gt.errors.UnconnectedGradientWarning):
        assert tape.gradient(z, a) is None
    assert tape.gradient(y, a) is not None


def nested(inner_options: Any, outer_options: Any, steps: int = 12) -> Any:
    """Steps of gradient descent, differentiated through: a tape inside a tape at every step."""
    rate, w = gt.Variable(0.1), gt.asarray(np.linspace(-1.0, 1.0, 6))
    start = w
    with gt.GradientTape(**outer_options) as outer:
        for _ in range(steps):
            with gt.GradientTape(**inner_options) as inner:
                v = w
                for _ in range(10):
                    v = gt.tanh(v) + 0.3 * w
                loss = gt.sum(v * v)
            w = w - rate * inner.gradient(loss, w)
        final = gt.sum(w**2)
    return outer.gradient(final, [rate, start]), outer


@pytest.mark.parametrize("inner", [{}, {"budget": 8}])
def test_nested_tapes(inner: dict[str, Any]) -> None:
    expected, _ = nested({}, {})
    found, tape = nested(inner, {"budget": 60})
    close(found, expected)
    assert tape.stats()["blocks"] > 0


def test_third_order_by_tapes() -> None:
    def third(**options: Any) -> Any:
        x = gt.asarray(0.3)
        with gt.GradientTape(**options) as t3:
            with gt.GradientTape(**options) as t2:
                with gt.GradientTape(**options) as t1:
                    y = x
                    for _ in range(30):
                        y = gt.sin(y) * 1.1
                a = t1.gradient(y, x)
            b = t2.gradient(a, x)
        return t3.gradient(b, x)

    close(third(budget=8), third())


def test_the_second_derivative_of_a_line_is_zero() -> None:
    x = gt.asarray(2.0)
    with gt.GradientTape(budget=4) as outer:
        with gt.GradientTape() as inner:
            y = 3.0 * x
        g = inner.gradient(y, x)
        del inner, y
        z = gt.asarray(1.0)
        for _ in range(40):
            z = gt.sin(z)
    close(outer.gradient(g, x), gt.asarray(0.0))


def in_company(options: Any, gap: int, apart: int) -> Any:
    """sqrt(y)**2 and norm(y)**2 at 0, with much between their parts, and much behind that lets them go."""
    x = gt.asarray(np.zeros(3))
    with gt.GradientTape(**options) as tape:
        y, z = x, gt.asarray(1.0)
        for _ in range(10 + gap):
            y = y * 2.0 + x
        keep = gt.cos(z)
        root, norm = gt.sqrt(y), gt.linalg.norm(y)
        for k in range(apart):
            z = gt.sin(z) + (keep if k == 1 else 0.0)
        s = gt.sum(root**2) + norm**2
        del root, norm
        for _ in range(60):
            s = s * 1.0 + 0.0 * z
    return tape.gradient(s, x), tape.hessian(s, x)


@pytest.mark.parametrize("apart", [0, 2, 30])
@pytest.mark.parametrize("gap", range(2))
def test_formulas_that_are_right_in_company(gap: int, apart: int) -> None:
    """They are smooth at 0 wherever the record is cut, and whatever has become of its parts."""
    expected = in_company({}, gap, apart)
    assert np.all(np.asarray(expected[0]) > 1.0)
    assert np.all(np.diag(np.asarray(expected[1])) > 1.0)
    for budget in (4, 8, 80, 200):
        close(in_company({"budget": budget}, gap, apart), expected)


def test_custom_gradients_keep_their_rule() -> None:
    @gt.custom_gradient
    def clipped(x: Any) -> Any:
        return gt.sin(x), lambda ct: gt.clip(ct, -0.1, 0.1)

    x = gt.asarray(0.5)
    found = []
    for options in ({}, {"budget": 4}):
        with gt.GradientTape(**options) as tape:
            y = x
            for _ in range(20):
                y = gt.cos(clipped(y) * 1.5) + 0.1
        found.append(tape.gradient(y, x))
        assert bool(options) == (tape.stats()["blocks"] > 0)
    close(found[1], found[0])


def test_stopping_and_going_on() -> None:
    found = []
    for options in ({}, {"budget": 4}):
        x = gt.asarray(0.5)
        tape = gt.GradientTape(**options)
        with tape:
            y = x
            for i in range(40):
                if i % 10 == 5:
                    with tape.stop_recording():
                        k = gt.exp(y)
                    y = y * k
                y = gt.sin(y) + 0.1 * x
        with tape:
            for _ in range(20):
                y = y * y + 0.1
        found.append(tape.gradient(y, x))
    close(found[1], found[0])


def test_programs_loops_and_vmap_on_it() -> None:
    step = gt.function(lambda h: gt.tanh(h) * 1.1)
    found = []
    for options in ({}, {"budget": 6}):
        x = gt.asarray(np.linspace(0.0, 1.0, 4))
        with gt.GradientTape(**options) as tape:
            h = x
            for _ in range(10):
                h = step(h)
                h = gt.vmap(lambda a: gt.sin(a) + a)(h)
                h = gt.fori_loop(0, 3, lambda i, c: c * 0.9 + 0.1, h)
                h = gt.checkpoint(lambda c: gt.cos(c) * c)(h)
            y = gt.sum(h)
        found.append((tape.gradient(y, x), tape.hvp(y, x, gt.ones(4))))
        assert float(tape.program(x, y)(x)) == pytest.approx(float(y), rel=1e-13)
    close(found[1], found[0])


def test_accumulators_beside_it() -> None:
    found = []
    for options in ({}, {"budget": 6}):
        x = gt.asarray(0.7)
        with gt.GradientTape(**options) as tape, gt.ForwardAccumulator(x, gt.asarray(1.0)) as forward:
            y = x
            for _ in range(40):
                y = gt.sin(y) * 1.05
        with gt.GradientTape(**options) as outer:
            with gt.ForwardAccumulator(x, gt.asarray(1.0)) as acc:
                z = x
                for _ in range(40):
                    z = gt.sin(z) * 1.05
            slope = acc.jvp(z)
        found.append((forward.jvp(y), tape.gradient(y, x), outer.gradient(slope, x)))
    close(found[1], found[0])


def peak(f: Callable[[], Any]) -> float:
    gc.collect()
    tracemalloc.start()
    f()
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return most


def long_chain(n: int, size: int, **options: Any) -> Any:
    x = gt.asarray(np.linspace(0.0, 1.0, size))
    with gt.GradientTape(**options) as tape:
        y = x
        for _ in range(n):
            y = gt.sin(y) * 1.01 + 0.1 * x
    return tape, tape.gradient(y, x)


@pytest.mark.parametrize("budget", ["2MB", 30])
def test_memory_stays_within_it(budget: Any) -> None:
    """What 400 or 800 operations on 64 KB each make: values within the budget, and the peak is as stats() says."""
    size = 1 << 13
    bytes_of = 8 * size
    allowed = 2 << 20 if budget == "2MB" else 30 * bytes_of
    for n in (100, 200) if budget == 30 else (100,):
        tape, g = long_chain(n, size, budget=budget)
        stats = tape.stats()
        assert stats["operations"] == 4 * n
        assert stats["recomputed"] > (4 * n - 30) * bytes_of
        assert stats["bytes"] < 0.6 * allowed
        assert stats["entries"] - stats["blocks"] < 12
        assert stats["blocks"] <= 7
        close(g, long_chain(n, size)[1], 1e-10)
        del tape
        most = peak(lambda n=n: long_chain(n, size, budget=budget)) - 1500 * 4 * n  # the record itself
        assert 0.6 < most / (stats["bytes"] + stats["sweep"]) < 1.25


def test_values_on_disk_and_files_that_go() -> None:
    tape, g = long_chain(100, 1 << 12, budget="256KB", offload="disk")
    folder = tape._window._disk._folder.name
    stats = tape.stats()
    assert stats["on_disk"] == sum(os.path.getsize(os.path.join(folder, f)) for f in os.listdir(folder)) > 0
    close(g, long_chain(100, 1 << 12)[1], 1e-10)
    del tape
    gc.collect()
    assert not os.path.exists(folder)


def test_what_is_asked_for_must_make_sense() -> None:
    for options in ({"budget": 1}, {"budget": "many"}, {"offload": "tape"}):
        with pytest.raises(ValueError, match="budget"):
            gt.GradientTape(**options)  # type: ignore[arg-type]


def test_tensors_that_are_held_stay_themselves() -> None:
    x = gt.asarray(np.arange(4.0))
    with gt.GradientTape(budget=4) as tape:
        values: list[Tensor] = []
        y = x
        for i in range(30):
            y = y + 1.0
            if i % 3 == 0:
                values.append(y)
    for i, v in enumerate(values):
        np.testing.assert_array_equal(np.asarray(v), np.arange(4.0) + 3 * i + 1)
        close(tape.gradient(y, v), gt.ones(4))


def test_a_border_does_not_part_a_formula() -> None:
    """``keep`` is held and used: what comes after it is another block, but for the square of the root before it."""
    x, z = gt.asarray(np.zeros(3)), gt.asarray(np.ones(3))
    with gt.GradientTape() as tape:
        keep = gt.cos(gt.cos(z) * 2.0)
        s = gt.sqrt(x * 3.0)
        after = gt.exp(keep * 2.0)
        s = s**2
        last = s * after
    segment = tape._window.segments[0]
    entries = list(segment)
    del segment[:]
    stretch = Stretch(entries, lambda x: False, lambda x: None)
    segment.extend(stretch.folded(len(stretch.items)))
    segment.end = len(segment)
    del stretch, s, after
    close(tape.gradient(last, x), 3.0 * gt.exp(2.0 * keep))
    close(tape.gradient(last, keep), gt.asarray(np.zeros(3)))
    assert tape.stats()["blocks"] > 0
