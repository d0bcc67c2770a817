"""Explanations: why a gradient is None, zero or not finite, with the right lines; the record as text and picture."""

from __future__ import annotations

import runpy
import threading
import warnings
import xml.etree.ElementTree as ET
from collections.abc import Callable
from pathlib import Path
from textwrap import dedent
from typing import Any

import numpy as np
import pytest

import gradtape as gt
from gradtape.errors import UnconnectedGradientWarning
from gradtape.explain import drawing

Told = Callable[[str], str]


@pytest.fixture
def told(tmp_path: Path) -> Told:
    """Runs a program from a file of its own, model.py, whose fourth line is the first one given; its warnings."""

    def run(source: str) -> str:
        path = tmp_path / "model.py"
        path.write_text("import numpy as np\nimport gradtape as gt\n\n" + dedent(source).lstrip("\n"))
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            runpy.run_path(str(path))
        assert all(w.category is UnconnectedGradientWarning and w.filename == str(path) for w in caught)
        return "\n".join(str(w.message) for w in caught)

    return run


def says(text: str, *phrases: str) -> None:
    missing = [p for p in phrases if p not in text]
    assert not missing, f"{missing} not in:\n{text}"


# -- (a) outside of the tape --------------------------------------------------------------------------------


def test_target_computed_after_the_tape_closed(told: Told) -> None:
    text = told("""
        x = gt.Variable(2.0)
        with gt.GradientTape() as tape:
            z = x * x
        y = x * x
        assert tape.gradient(y, x) is None
    """)
    says(
        text,
        "the gradient of y with respect to x is None",
        "GT-None-2",
        "after it closed",
        "model.py:8",
        "with tape: y = ...",
    )


def test_target_computed_before_the_tape_opened(told: Told) -> None:
    text = told("""
        x = gt.Variable(2.0)
        y = x * x
        with gt.GradientTape() as tape:
            z = y + 1.0
        tape.gradient(y, x)
    """)
    says(text, "GT-None-2", "y was computed before the tape opened", "used as an input", "model.py:7  z = y + 1.0")


def test_gradient_changed_outside(told: Told) -> None:
    text = told("""
        x = gt.Variable(2.0)
        with gt.GradientTape() as tape:
            y = x * x * x
        g = tape.gradient(y, x) * 2.0
        tape.gradient(g, x)
    """)
    says(text, "GT-None-2", "g was computed before the tape opened or after it closed", "with tape: g = ...")


def test_nothing_recorded(told: Told) -> None:
    text = told("""
        x = gt.Variable(2.0)
        y = x * x
        with gt.GradientTape() as tape:
            pass
        tape.gradient(y, x)
    """)
    says(text, "GT-None-2", "recorded nothing at all")


def test_recorded_in_another_thread() -> None:
    x = gt.Variable(2.0)
    made: list[Any] = []
    with gt.GradientTape() as tape:
        thread = threading.Thread(target=lambda: made.append(x * x))
        thread.start()
        thread.join()
    with pytest.warns(UnconnectedGradientWarning, match="another thread is not recorded"):
        assert tape.gradient(made[0], x) is None


# -- (b) NumPy and Python numbers ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("leaving", "how"),
    [
        ("x.numpy() ** 2", ".numpy()"),
        ("float(x) ** 2", "float()"),
        ("np.asarray(x) ** 2", "np.asarray()"),
        ("x.item() ** 2", ".item()"),
        ("int(x) ** 2", "int()"),
    ],
)
def test_value_left_the_record(told: Told, leaving: str, how: str) -> None:
    text = told(f"""
        x, w = gt.Variable(3.0), gt.Variable(5.0)
        with gt.GradientTape() as tape:
            h = {leaving}
            y = w * h
        tape.gradient(y, x)
    """)
    says(
        text, "GT-None-1", f"x left the tape at model.py:6: {how}", f"model.py:6  h = {leaving}", "y does depend on: w"
    )
    assert "^" * len(leaving.partition(" ")[0]) in text


def test_an_intermediate_value_left_and_came_back(told: Told) -> None:
    text = told("""
        x = gt.Variable([1.0, 2.0])
        with gt.GradientTape() as tape:
            h = x * 3.0
            k = np.sin(h.numpy())
            y = gt.asarray(k) * 2.0
        tape.gradient(y, x)
    """)
    says(text, "GT-None-1", "a value computed from x left the tape at model.py:7")


def test_a_target_made_by_numpy(told: Told) -> None:
    text = told("""
        x = gt.Variable(2.0)
        with gt.GradientTape() as tape:
            y = gt.asarray(x.numpy() ** 2)
        tape.gradient(y, x)
    """)
    says(text, "GT-None-1", "model.py:6")


def test_a_printed_value_is_not_the_reason(told: Told) -> None:
    text = told("""
        x, w = gt.Variable(2.0), gt.Variable(5.0)
        with gt.GradientTape() as tape:
            print(float(x))
            y = 3.5 * w
        tape.gradient(y, x)
    """)
    says(text, "GT-None-8", "y does not depend on x", "y does depend on: w")


def test_a_constant_of_the_program_is_not_a_value_that_came_back(told: Told) -> None:
    text = told("""
        x, w = gt.Variable(2.0), gt.Variable(5.0)
        with gt.GradientTape() as tape:
            seen = float(x)
            y = 3.5 * w
        tape.gradient(y, x)
    """)
    says(text, "GT-None-8")


# -- (c), (d) cuts on the path --------------------------------------------------------------------------------


def test_integers_on_the_path(told: Told) -> None:
    text = told("""
        x, w = gt.Variable([1.0, 3.0]), gt.Variable(5.0)
        with gt.GradientTape() as tape:
            k = gt.argmax(x)
            y = w * k
        tape.gradient(y, x)
    """)
    says(text, "GT-None-3", "argmax gives int64", "model.py:6  k = gt.argmax(x)", "softmax")


def test_a_cast_to_integers(told: Told) -> None:
    text = told("""
        x = gt.Variable(2.7)
        with gt.GradientTape() as tape:
            k = gt.astype(x * 2.0, "int64")
            y = gt.astype(k, "float64") * 2.0
        tape.gradient(y, x)
    """)
    says(text, "GT-None-3", "int64")


def test_a_comparison(told: Told) -> None:
    text = told("""
        x, w = gt.Variable(2.0), gt.Variable(5.0)
        with gt.GradientTape() as tape:
            y = gt.where(x > 1.0, w, 0.0)
        tape.gradient(y, x)
    """)
    says(text, "GT-None-3", "greater gives bool", "model.py:6", "^^^^^^^")


def test_stop_gradient(told: Told) -> None:
    text = told("""
        x = gt.Variable(2.0)
        with gt.GradientTape() as tape:
            h = x * x
            k = gt.stop_gradient(h)
            y = k * 3.0
        tape.gradient(y, x)
    """)
    says(text, "GT-None-4", "every path from x to y passes stop_gradient (model.py:7)", "k = gt.stop_gradient(h)")


# -- (e) overwritten, too early ---------------------------------------------------------------------------------


def test_a_name_rebound(told: Told) -> None:
    text = told("""
        x = gt.asarray(2.0)
        with gt.GradientTape() as tape:
            y = x * x
            x = x + 1
        tape.gradient(y, x)
    """)
    says(text, "GT-None-5", "x was overwritten", "(model.py:7) after y was (model.py:6)", "x = x + 1", "gt.Variable")


def test_a_variable_assigned_something_else(told: Told) -> None:
    text = told("""
        x, w = gt.Variable(2.0), gt.Variable(5.0)
        with gt.GradientTape() as tape:
            before = x * 1.0
            x.assign(w * 3.0)
            y = x * x
        tape.gradient(y, x)
    """)
    says(text, "GT-None-5", "x was overwritten (model.py:7)", "x.assign(w * 3.0)", "model.py:8")


def test_the_loss_before_the_step(told: Told) -> None:
    text = told("""
        rate, w = gt.Variable(0.1, name="rate"), gt.Variable(5.0)
        def step():
            loss = w * w
            w.assign_sub(rate * 2.0 * w)
            return loss
        with gt.GradientTape() as tape:
            after = step()
        tape.gradient(after, rate)
    """)
    says(
        text,
        "GT-None-6",
        "after is computed before the step, so it does not depend on rate",
        "model.py:6  loss = w * w",
        "model.py:7  w.assign_sub(rate * 2.0 * w)",
        "again after the step (model.py:7)",
    )


def test_the_source_used_only_later(told: Told) -> None:
    text = told("""
        x, w = gt.Variable(2.0), gt.Variable(5.0)
        with gt.GradientTape() as tape:
            y = w * w
            z = y * x
        tape.gradient(y, x)
    """)
    says(text, "GT-None-6", "y was computed before x was first used", "model.py:6", "model.py:7")


# -- (f) copies, (g) no dependence, not watched -------------------------------------------------------------------


def test_a_copy(told: Told) -> None:
    text = told("""
        x = gt.asarray([1.0, 2.0])
        copy = gt.asarray(x.numpy())
        with gt.GradientTape() as tape:
            tape.watch(copy)
            y = x * x
        tape.gradient(y, copy)
    """)
    says(text, "GT-None-7", "copy is a copy: y was computed from x", "identity", "model.py:8  y = x * x")


def test_a_deep_copy_of_a_variable(told: Told) -> None:
    text = told("""
        import copy
        x = gt.Variable([1.0, 2.0], name="weights")
        twin = copy.deepcopy(x)
        with gt.GradientTape() as tape:
            y = x * x
        tape.gradient(y, twin)
    """)
    says(text, "GT-None-7", "twin (Variable 'weights')", "y was computed from x")


def test_no_dependence(told: Told) -> None:
    text = told("""
        x, v, w = gt.Variable(2.0), gt.Variable(7.0), gt.Variable(5.0)
        with gt.GradientTape() as tape:
            y = v * w
        tape.gradient(y, x)
    """)
    says(text, "GT-None-8", "y does not depend on x", "y does depend on: v, w", "x was not used on this tape at all")


def test_only_a_condition(told: Told) -> None:
    text = told("""
        x, w = gt.Variable(2.0), gt.Variable(5.0)
        with gt.GradientTape() as tape:
            if x > 1.0:
                y = w * 2.0
        tape.gradient(y, x)
    """)
    says(text, "GT-None-8", "only decided which way to go", "model.py:6  if x > 1.0:")


def test_not_watched(told: Told) -> None:
    text = told("""
        x, w = gt.Variable(2.0), gt.Variable(5.0)
        with gt.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(w)
            y = x * w
        tape.gradient(y, x)
    """)
    says(text, "GT-None-9", "x was not watched", "tape.watch(x)")


# -- names ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("asked", "name"),
    [
        ("tape.gradient(y, [w, x])", "x"),
        ("tape.gradient(y, {'a': w, 'b': x})", "x"),
        ("tape.gradient(y, params)", "params['b'][0]"),
        ("tape.gradient(target=y, sources=x)", "x"),
        ("tape.gradient(\n    y,\n    (w, [x]),\n)", "x"),
    ],
)
def test_sources_are_called_what_the_user_calls_them(told: Told, asked: str, name: str) -> None:
    source = "x, w = gt.Variable(2.0), gt.Variable(5.0)\nparams = {'a': w, 'b': [x]}\n"
    text = told(source + "with gt.GradientTape() as tape:\n    y = w * w\n" + asked)
    says(text, f"the gradient of y with respect to {name} is None")


# -- zero, not finite, connected -----------------------------------------------------------------------------------


def asked(tape: gt.GradientTape, y: Any, x: Any) -> Any:
    return tape.explain(y, x)


def test_zero_slope_of_a_step_function() -> None:
    x = gt.Variable(2.3)
    with gt.GradientTape() as tape:
        y = gt.round(x) * 2.0
    found = asked(tape, y, x)
    assert found.code == "GT-Zero-1"
    says(repr(found), "the gradient of y with respect to x is zero", "round", "y = gt.round(x) * 2.0", "stop_gradient")


@pytest.mark.parametrize(
    ("function", "op"),
    [
        (lambda x: gt.clip(x, 0.0, 1.0), "clip"),
        (lambda x: gt.where(x > 5.0, x, 1.0), "where"),
        (lambda x: gt.maximum(x, 9.0), "maximum"),
    ],
)
def test_zero_since_the_branch_is_not_taken(function: Any, op: str) -> None:
    x = gt.Variable(2.3)
    with gt.GradientTape() as tape:
        y = function(x)
    says(asked(tape, y, x).text, "GT-Zero-2", op, "not taken")


def test_zero_factor_and_zero_slope() -> None:
    x, w = gt.Variable(2.3), gt.Variable(0.0)
    with gt.GradientTape() as tape:
        y = x * w
        z = w * w
    says(asked(tape, y, x).text, "GT-Zero-3", "multiply", "which is zero here")
    says(asked(tape, z, w).text, "GT-Zero-3")


def test_zero_since_contributions_cancel() -> None:
    x = gt.Variable(2.3)
    with gt.GradientTape() as tape:
        y = x * 3.0 - 3.0 * x
    says(asked(tape, y, x).text, "GT-Zero-4", "cancel")


def test_second_derivative_of_a_linear_function() -> None:
    x = gt.Variable(2.3)
    with gt.GradientTape() as outer:
        with gt.GradientTape() as inner:
            y = 3.0 * x
        slope = inner.gradient(y, x)
    says(asked(outer, slope, x).text, "GT-Zero-5", "linear")


def test_not_finite() -> None:
    x = gt.Variable([1.0, 0.0])
    with gt.GradientTape() as tape:
        h = x * 2.0
        y = gt.sum(gt.sqrt(h) * 0.5)
    says(asked(tape, y, x).text, "GT-NaN-1", "begins at sqrt", "slope is inf at the input 0.0", "gt.where")


def test_connected() -> None:
    x = gt.Variable(2.0)
    with gt.GradientTape() as tape:
        y = gt.sin(x) * x
    found = asked(tape, y, x)
    assert found.code == "GT-Path"
    says(found.text, "y depends on x through 2 operations", "sin", "multiply")


def test_an_explanation_per_source() -> None:
    x, w = gt.Variable(2.0), gt.Variable(3.0)
    with gt.GradientTape() as tape:
        y = x * 2.0
    found = tape.explain(y, {"a": x, "b": [w]})
    assert (found["a"].code, found["b"][0].code) == ("GT-Path", "GT-None-8")
    says(found["b"][0].text, "the gradient of y with respect to w is None")


def test_explaining_records_nothing() -> None:
    x = gt.Variable(2.0)
    with gt.GradientTape() as outer, gt.GradientTape() as tape:
        y = gt.sin(x) * x
        before = outer.stats()["entries"]
        asked(tape, y, x)
        assert outer.stats()["entries"] == before


# -- text and pictures ----------------------------------------------------------------------------------------------


def small_record() -> tuple[gt.GradientTape, gt.Tensor]:
    x, w = gt.Variable(2.0, name="x"), gt.Variable([1.0, 2.0])
    with gt.GradientTape() as tape:
        h = gt.sin(x) * w
        y = gt.sum(h)
        float(y)
    return tape, y


def test_listing() -> None:
    tape, _ = small_record()
    lines = tape.text().split("\n")
    assert [line.partition("  ")[0].strip() for line in lines[:6]] == [
        "x = Variable",
        "%1 = sin(x)",
        "v2 = Variable",
        "%2 = multiply(%1, v2)",
        "%3 = sum(%2, axis=None, keepdims=False)",
        "escape(%3, how='float()')",
    ]
    assert "float64 (2,)" in lines[3]
    assert lines[3].split()[-1].startswith("test_explain.py:")
    assert lines[-1].startswith("3 operations, ")
    assert lines[-1].endswith(" bytes kept, 2 variables")


def test_derivative_entries_are_attributed_to_the_question() -> None:
    x = gt.Variable(2.0)
    with gt.GradientTape() as outer:
        with gt.GradientTape() as inner:
            y = x * x * x
        g = inner.gradient(y, x)
    assert g is not None
    lines = [line.split() for line in outer.text().split("\n")]
    question = next(line[-1] for line in lines if "gradient" in line)
    assert sum(line[-1] == question for line in lines) > 3


def test_tree() -> None:
    tape, y = small_record()
    text = tape.tree(y)
    lines = text.split("\n")
    assert lines[0].startswith("y = 2.728")
    assert lines[1].startswith("└ h = (2,)")
    assert "slope [1. 1.]" in lines[1]
    assert any(line.startswith("  │ └ x") for line in lines)


def test_deep_and_long_records_stay_readable() -> None:
    x = gt.Variable(np.ones(3))
    with gt.GradientTape() as tape:
        y = x * 1.0
        for _ in range(200):
            y = gt.sin(y * x)
    assert len(tape.tree().split("\n")) < 70
    root = ET.fromstring(drawing.draw(tape._window.segments))
    boxes = [e for e in root.iter() if e.tag.endswith("rect")]
    assert 3 < len(boxes) < 60


def test_drawing() -> None:
    tape, _ = small_record()
    picture = drawing.draw(tape._window.segments)
    root = ET.fromstring(picture)
    words = [e.text for e in root.iter() if e.tag.endswith("text")]
    assert {"x", "v2", "sin", "multiply", "sum", "y = 2.728"} <= set(words)
    assert ET.fromstring(drawing.draw([])) is not None


# -- nothing is said that is not so -------------------------------------------------------------------------


def test_what_the_tape_did_not_see_may_depend_on_the_source(told: Told) -> None:
    text = told("""
        x, w = gt.asarray(2.0), gt.Variable(3.0)
        before = x * x
        with gt.GradientTape() as tape:
            z = before * w
        tape.gradient(z, x)
    """)
    says(text, "GT-None-8", "on this tape z does not depend on x", "z does depend on: ")


def test_one_target_of_several_is_named(told: Told) -> None:
    text = told("""
        x, v = gt.Variable(2.0), gt.Variable(3.0)
        with gt.GradientTape() as tape:
            z = {"b": x * x, "a": v * x}
        tape.jacobian(z, [x, v])
    """)
    says(text, "the gradient of z['b'] with respect to v is None")


def test_a_value_kept_in_a_list_need_not_come_back(told: Told) -> None:
    text = told("""
        x, w, history = gt.Variable(2.0), gt.asarray(3.0), []
        with gt.GradientTape() as tape:
            loss = x * x
            history.append(float(loss))
            s = f"{x.numpy()}"
            z = w * w
        tape.gradient(z, x)
    """)
    says(text, "GT-None-8", "z does not depend on x")


def test_target_and_source_exchanged(told: Told) -> None:
    text = told("""
        x = gt.asarray(2.0)
        with gt.GradientTape() as tape:
            z = x * x
        tape.gradient(x, z)
    """)
    says(text, "GT-None-2", "were target and source exchanged?")
