"""The command line: what it prints, what it returns, and what it says when it was not understood."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import xml.etree.ElementTree as ET
from pathlib import Path
from textwrap import dedent

import numpy as np
import pytest

from gradtape.cli import main
from gradtape.cli.expression import Expression, ExpressionError
from gradtape.cli.picture import derivatives
from gradtape.cli.programs import PROGRAMS
from gradtape.cli.report import wrapped
from gradtape.cli.seeds import numbers
from gradtape.rules.primitive import registry

ROOT = Path(__file__).resolve().parents[1]
Captured = pytest.CaptureFixture[str]


def script(folder: Path, source: str) -> str:
    path = folder / "program.py"
    path.write_text(dedent(source).lstrip("\n"))
    return str(path)


# -- run --------------------------------------------------------------------------------------------------


def test_run_is_like_python(tmp_path: Path, capsys: Captured) -> None:
    path = script(
        tmp_path,
        """
        import sys
        import tensorflow as tf
        from helper import double

        if __name__ == "__main__":
            x = tf.Variable(3.0)
            with tf.GradientTape() as tape:
                y = double(x) * x
            print(sys.argv[1:], tape.gradient(y, x).numpy(), __file__.endswith("program.py"))
        """,
    )
    (tmp_path / "helper.py").write_text("def double(x):\n    return 2 * x\n")
    argv, searched = sys.argv[:], sys.path[:]
    assert main(["run", path, "a", "--flag"]) == 0
    assert capsys.readouterr().out == "['a', '--flag'] 12.0 True\n"
    assert (sys.argv, sys.path) == (argv, searched)
    sys.modules.pop("helper", None)


def test_tensorflow_is_only_there_while_the_script_runs(tmp_path: Path) -> None:
    before = {n for n in sys.modules if n.partition(".")[0] == "tensorflow"}
    assert main(["run", script(tmp_path, "import tensorflow")]) == 0
    assert {n for n in sys.modules if n.partition(".")[0] == "tensorflow"} == before


def test_run_shows_a_warning_once_and_readable(tmp_path: Path, capsys: Captured) -> None:
    path = script(
        tmp_path,
        """
        import tensorflow as tf
        x, w = tf.Variable(3.0), tf.Variable(2.0)
        for _ in range(3):
            with tf.GradientTape() as tape:
                y = w * float(x)
            assert tape.gradient(y, x) is None
        """,
    )
    assert main(["run", path]) == 0
    told = capsys.readouterr().err
    assert told.startswith("warning: the gradient of y with respect to x is None: x left the tape at program.py:5")
    assert told.count("warning:") == 1
    assert "UserWarning" not in told
    assert "site-packages" not in told


def test_run_shows_the_users_lines_of_an_error(tmp_path: Path, capsys: Captured) -> None:
    path = script(
        tmp_path,
        """
        import tensorflow as tf
        def f(a, b):
            return tf.matmul(a, b)
        f(tf.zeros((2, 3)), tf.zeros((2, 3)))
        """,
    )
    assert main(["run", path]) == 1
    told = capsys.readouterr().err
    assert 'program.py", line 4, in <module>' in told
    assert 'program.py", line 3, in f' in told
    assert "gradtape/" not in told.replace("gradtape/tests", "")
    assert "runpy" not in told
    assert "matmul" in told.strip().split("\n", 1)[1]


@pytest.mark.parametrize(
    ("source", "code"),
    [
        ("import sys; sys.exit(3)", 3),
        ("import sys; sys.exit()", 0),
        ("raise SystemExit('told')", 1),
        ("1 +", 1),
        ("1/0", 1),
    ],
)
def test_run_exit_codes(tmp_path: Path, source: str, code: int) -> None:
    assert main(["run", script(tmp_path, source)]) == code


def test_run_without_a_script(tmp_path: Path, capsys: Captured) -> None:
    script(tmp_path, "pass")
    assert main(["run", str(tmp_path / "absent.py")]) == 2
    told = capsys.readouterr().err
    assert "there is no such file" in told
    assert "program.py" in told


def test_long_lines_are_wrapped_and_carets_stay() -> None:
    text = "word " * 40 + "\n  f.py:1  y = " + "x + " * 30 + "z\n          ^^^"
    lines = wrapped(text, 80).split("\n")
    assert max(len(line) for line in lines[:-2]) <= 80
    assert lines[-1] == "          ^^^"
    assert lines[-2].endswith("z")


# -- seeds --------------------------------------------------------------------------------------------------


def test_seeds(tmp_path: Path, capsys: Captured, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    picture = tmp_path / "out" / "seeds.svg"
    assert main(["seeds", "--picture", str(picture)]) == 0
    told = capsys.readouterr().out
    assert f"{len(PROGRAMS)} of {len(PROGRAMS)} as they must be: 15 programs as they stand" in told
    assert "computed before the step" in told
    assert "WRONG" not in told
    words = {e.text for e in ET.parse(picture).iter() if e.tag.endswith("text")}
    assert {p.name for p in PROGRAMS} <= words


def test_a_seed_that_misbehaves_is_found(tmp_path: Path, capsys: Captured) -> None:
    for program in PROGRAMS:
        text = (ROOT / "examples" / "seeds" / program.file).read_text()
        (tmp_path / program.file).write_text(text.replace("x**3", "x**4"))
    assert main(["seeds", str(tmp_path)]) == 1
    told = capsys.readouterr().out
    assert "printed 48.0, expected 12.0" in told
    assert "WRONG" in told


def test_seeds_that_are_not_there(tmp_path: Path, capsys: Captured) -> None:
    assert main(["seeds", str(tmp_path)]) == 2
    assert "not there" in capsys.readouterr().err


def test_numbers_are_read_as_printed() -> None:
    assert numbers("Second derivative (6x): 18.0\n") == [18.0]
    assert numbers("tf.Tensor(3.0, shape=(), dtype=float32)\n") == [3.0]
    assert numbers("First 0 : [[7. 8.]]\nSecond 0 : [[4. 4.]]\nSecond 1 : [1.\n 1.]\n", ("Second",)) == [
        4.0,
        4.0,
        1.0,
        1.0,
    ]


def test_curves_of_the_picture() -> None:
    grid = np.linspace(0.0, 1.0, 5)
    value, slope, bend = derivatives("x**3", grid)
    assert np.allclose(value, grid**3)
    assert np.allclose(slope, 3 * grid**2)
    assert np.allclose(bend, 6 * grid)


# -- derive -------------------------------------------------------------------------------------------------


def test_derive(capsys: Captured) -> None:
    assert main(["derive", "x**2*y + y**3", "x=2", "y=1", "--order", "3"]) == 0
    lines = [line.split() for line in capsys.readouterr().out.split("\n")]
    assert ["value", "5"] in lines
    assert ["df", "/", "dy", "7", "difference", "7", "ok"] in lines
    assert ["d2f", "/", "dx", "dy", "4", "difference", "4", "ok"] in lines
    assert ["[[2.", "4.]"] in lines
    assert ["d3f", "/", "dy", "dy", "dy", "6", "difference", "6", "ok"] in lines


def test_derive_of_vectors(capsys: Captured) -> None:
    assert main(["derive", "sum(sin(x)*x**2)", "x=[1, 2, 3]"]) == 0
    told = capsys.readouterr().out
    assert "df / dx[2]  -8.06321242104" in told
    assert "d2f / dx[0] dx[1]" in told
    assert "9 ok" in told


@pytest.mark.parametrize(("expression", "code", "verdict"), [("abs(x)", 0, "not smooth"), ("log(x)", 1, "not finite")])
def test_derive_at_singular_points(capsys: Captured, expression: str, code: int, verdict: str) -> None:
    assert main(["derive", expression, "x=0"]) == code
    assert verdict in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["sinn(x)", "x=1"], "'sin'"),
        (["x^2", "x=1"], "x**2"),
        (["x*z", "x=1"], "z has no value"),
        (["x*x", "x=[1, 2]"], "sum(x*x)"),
        (["x.data", "x=1"], "Attribute is not arithmetic"),
        (["__import__('os')", "x=1"], "no function __import__"),
        (["x +", "x=1"], "cannot read"),
        (["x", "x=a"], "a number or a list"),
        (["x", "x"], "is not a value"),
        (["3", "x=1"], "int64"),
        (["x @ x", "x=1"], "cannot evaluate"),
        (["x", "x=1", "--order", "9"], "invalid choice"),
    ],
)
def test_derive_says_what_is_wrong(capsys: Captured, arguments: list[str], told: str) -> None:
    assert main(["derive", *arguments]) == 2
    assert told in capsys.readouterr().err


@pytest.mark.parametrize(
    "text", ["(lambda: x)()", "[x for x in y]", "x if x else 1", "x and x", "f'{x}'", "x := 1", "open('f')"]
)
def test_expressions_are_arithmetic_only(text: str) -> None:
    with pytest.raises(ExpressionError):
        Expression(text, ["x", "y"])


# -- table, doctor, the command itself --------------------------------------------------------------------------


def test_table(capsys: Captured) -> None:
    assert main(["table"]) == 0
    told = capsys.readouterr().out
    own = [row for row in registry.values() if row.module.startswith("gradtape.primitives.")]
    assert all(f"\n{row.name} " in told or f"\n({row.name}) " in told for row in own)
    assert f"\n{len(own)} primitives: " in told
    assert main(["table", "--markdown", "--kind", "multilinear"]) == 0
    lines = [line for line in capsys.readouterr().out.split("\n") if line.startswith("|")]
    assert lines[0].startswith("| primitive | kind | inputs | forward | reverse | Taylor | batch | orders |")
    assert sum("| multilinear |" in line for line in lines) == sum(row.kind == "multilinear" for row in own)
    assert main(["table", "hypot", "--format", "json"]) == 0
    (found,) = json.loads(capsys.readouterr().out)
    assert (found["name"], found["orders"], found["conventions"]) == ("hypot", "all", "at (0, 0): 0 at every order")
    assert main(["table", "no such primitive"]) == 1
    assert "gradtape table prints all of them" in capsys.readouterr().out


def test_reference(tmp_path: Path, capsys: Captured) -> None:
    assert main(["reference", str(tmp_path / "made")]) == 0
    assert "operations.md" in capsys.readouterr().out
    assert "| `gt.jet` |" in (tmp_path / "made" / "names.md").read_text()


def test_doctor(capsys: Captured) -> None:
    assert main(["doctor"]) == 0
    told = capsys.readouterr().out
    assert "64 bits" in told
    assert "12.0: ok" in told
    assert "numpy" in told


def test_usage_errors(capsys: Captured) -> None:
    assert main([]) == 2
    assert "seeds" in capsys.readouterr().out
    assert main(["derrive"]) == 2
    assert "Did you mean 'derive'" in capsys.readouterr().err
    assert main(["table", "--wide"]) == 2
    assert "gradtape table --help" in capsys.readouterr().err


def test_as_a_command(tmp_path: Path) -> None:
    path = script(tmp_path, "import tensorflow as tf\nprint(tf.constant([1.0, 2.0]) * 2)")
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(p for p in sys.path if p)}
    done = subprocess.run(
        [sys.executable, "-m", "gradtape", "run", path], capture_output=True, text=True, env=environment, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert "[2. 4.]" in done.stdout.replace(",", "")
