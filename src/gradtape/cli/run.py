"""``gradtape run SCRIPT [ARGS]``: a script that says ``import tensorflow as tf`` runs on gradtape, unchanged."""

from __future__ import annotations

import argparse
import runpy
import sys
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import message
from .report import error_text, readable_warnings


def add(commands: Any) -> None:
    """Declare the command."""
    command = commands.add_parser(
        "run",
        help="run a TensorFlow script on gradtape, unchanged",
        description="Runs SCRIPT as `python SCRIPT ARGS` would, with gradtape under the name tensorflow.",
    )
    command.add_argument("script", metavar="SCRIPT")
    command.add_argument("arguments", metavar="ARGS", nargs=argparse.REMAINDER)
    command.set_defaults(run=run)


def run(options: Any) -> int:
    """Carry the command out."""
    script = Path(options.script)
    if not script.is_file():
        found = "it is a folder" if script.is_dir() else "there is no such file"
        near = sorted(p.name for p in script.parent.glob("*.py"))[:6] if script.parent.is_dir() else []
        told = [f"{script}: {found}"] + ([f"scripts there: {', '.join(near)}"] if near else [])
        print(
            message("gradtape run: no script to run", told, remedy="Pass the path of a Python file."), file=sys.stderr
        )
        return 2
    with readable_warnings():
        return execute(script, options.arguments)


def execute(script: Path, arguments: list[str]) -> int:
    """Run a script as the main program, with gradtape as tensorflow; its exit code."""
    from ..compat import tensorflow  # the widest room of the house: opened only when it is needed

    argv, path = sys.argv[:], sys.path[:]
    sys.argv = [str(script), *arguments]
    sys.path.insert(0, str(script.resolve().parent))
    try:
        # TensorFlow computes inf and nan in silence; NumPy would warn at every one of them.
        with tensorflow.install(), np.errstate(all="ignore"):
            runpy.run_path(str(script), run_name="__main__")
    except SystemExit as leaving:
        if leaving.code is None or isinstance(leaving.code, int):
            return leaving.code or 0
        print(leaving.code, file=sys.stderr)
        return 1
    except Exception as error:
        sys.stdout.flush()
        print(error_text(error), file=sys.stderr)
        return 1
    finally:
        sys.argv, sys.path[:] = argv, path
    return 0
