"""The fifteen programs that the project started from, run unchanged on the facade; what they must give."""

from __future__ import annotations

import contextlib
import io
import re
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gradtape import UnconnectedGradientWarning
from gradtape.compat import tensorflow as tf
from gradtape.compat.tensorflow import install

SEEDS = Path(__file__).resolve().parents[1] / "examples" / "seeds"


def run(name: str, source: str | None = None) -> tuple[dict[str, Any], str]:
    """Run a program as a script; its names and what it printed."""
    path = SEEDS / f"{name}.py"
    names: dict[str, Any] = {"__name__": "__main__", "__file__": str(path)}
    printed = io.StringIO()
    with install(), contextlib.redirect_stdout(printed):
        exec(compile(source or path.read_text(), str(path), "exec"), names)
    return names, printed.getvalue()


def numbers(text: str) -> list[float]:
    """The number that each line shows, after a colon or in a Tensor."""
    found = [re.search(r"(?:: |Tensor\()(-?\d[\d.e+-]*)", line) for line in text.splitlines()]
    return [float(match[1]) for match in found if match]


def line_of(name: str, text: str) -> int:
    """The number of the line that holds ``text``."""
    lines = (SEEDS / f"{name}.py").read_text().splitlines()
    return next(i for i, line in enumerate(lines, 1) if text in line)


def close(found: Any, expected: Any) -> None:
    np.testing.assert_allclose(np.asarray(found), expected, rtol=1e-6)


def test_000_1() -> None:
    names, printed = run("000_1")
    close(names["d2y_dx2"], 2.0)
    assert numbers(printed) == [2.0]


def test_000_2() -> None:
    names, printed = run("000_2")
    close(names["d2y_dx2"], -np.sin(2.0))
    close(numbers(printed), [-0.9092974])


def test_000_3() -> None:
    names, printed = run("000_3")
    close(names["hessian"], -np.sin(3.0))
    close(numbers(printed), [-0.1411200])


def test_001_1() -> None:
    names, printed = run("001_1")
    close(names["hessian_v"], 12.0)
    assert "12.0" in printed


def test_001_2_says_why_there_is_none() -> None:
    with (
        pytest.warns(UnconnectedGradientWarning) as caught,
        pytest.raises(AttributeError, match=r"'NoneType'.*'numpy'"),
    ):
        run("001_2")
    (warning,) = caught
    text = str(warning.message)
    # The loss was computed on one line, the learning rate first used on another, after it.
    assert f"001_2.py:{line_of('001_2', 'return vars[0]**2')}" in text
    assert f"001_2.py:{line_of('001_2', 'optimizer.apply_gradients')}" in text


def test_001_2_with_the_loss_evaluated_after_the_step() -> None:
    source = (SEEDS / "001_2.py").read_text()
    names, printed = run("001_2", source.replace("    return loss\n", "    return loss_fn(variables)\n"))
    close(names["grad_wrt_learning_rate"], -16.0)
    assert "-16.0" in printed


def test_001_3() -> None:
    names, printed = run("001_3")
    close(names["dy_dx"], 4.0)
    close(names["dy_dx_correct"], 2.0)
    assert "4.0" in printed


def test_002_1() -> None:
    names, printed = run("002_1")
    close(names["first_derivative"], 27.0)
    close(names["second_derivative"], 18.0)
    assert printed.splitlines() == [
        "Value of x: 3.0",
        "First derivative (3x^2): 27.0",
        "Second derivative (6x): 18.0",
    ]


def test_002_2() -> None:
    names, _ = run("002_2")
    close(names["second_der_xx"], 2.0)
    close(names["second_der_yy"], 6.0)


def test_002_3() -> None:
    tf.random.set_seed(0)
    names, printed = run("002_3")
    w, b = names["layer"].trainable_variables
    miss = 2.0 * np.asarray(w) + np.asarray(b) - np.array([[3.0, 5.0]])
    first: Sequence[Any] = names["gradients_of_loss_wrt_weights"]
    close(first[0], 2.0 * miss)  # d/dw mean((2 w + b - y)^2) over two outputs
    close(first[1], miss[0])
    second = names["gradients_of_grads"]
    close(second[0], [[4.0, 4.0]])
    close(second[1], [1.0, 1.0])
    assert printed.count("derivative") == 4


def test_003_1() -> None:
    _, printed = run("003_1")
    assert numbers(printed) == [3.0, 3.0]


def test_003_2() -> None:
    _, printed = run("003_2")
    assert numbers(printed) == [5.0, 2.0]


def test_003_3() -> None:
    names, printed = run("003_3")
    close(names["dz_dx"], 3.0)
    assert numbers(printed) == [3.0]


def test_004_1() -> None:
    names, _ = run("004_1")
    close(names["second_derivative"], 12.0)


def test_004_2_makes_its_own_mistake() -> None:
    with pytest.raises(ValueError, match="setting an array element with a sequence"):
        run("004_2")


def test_004_2_with_the_hessian_of_each_output() -> None:
    x = tf.constant([1.0, 2.0], dtype=tf.float64)
    with tf.GradientTape() as tape:
        outputs = tf.unstack(tf.reshape(tf.stack([x**2, tf.math.sin(x)]), [-1]))
    squares = [tape.hessian(y, x) for y in outputs[:2]]
    sines = [tape.hessian(y, x) for y in outputs[2:]]
    close(squares, [np.diag([2.0, 0.0]), np.diag([0.0, 2.0])])
    close(sines, [np.diag([-np.sin(1.0), 0.0]), np.diag([0.0, -np.sin(2.0)])])


def test_004_3() -> None:
    names, _ = run("004_3")
    close(names["d2loss_dw2"], 28.0 / 3.0)
    close(names["d2loss_db2"], 2.0)


def test_all_fifteen_programs_are_here() -> None:
    assert len(list(SEEDS.glob("*.py"))) == 15


def test_no_other_program_warns() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for path in sorted(SEEDS.glob("*.py")):
            if path.stem not in ("001_2", "004_2"):
                run(path.stem)
