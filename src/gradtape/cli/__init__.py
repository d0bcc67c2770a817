"""The command ``gradtape``: run a TensorFlow script, take a derivative, look at the table, check the installation.

    gradtape run SCRIPT [ARGS]        a script that says `import tensorflow as tf`, on gradtape
    gradtape seeds [FOLDER]           the fifteen seed programs, against what each must do
    gradtape derive "x**2*y" x=2 y=1  value, gradient, Hessian, checked against finite differences
    gradtape table [NAME ...]         what every primitive can do, by mode and order
    gradtape reference FOLDER         the reference pages that are made from the code
    gradtape doctor                   versions, float width, extras

Exit codes: 0 all is well, 1 something that was run failed, 2 the command was not understood, 130 interrupted.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from typing import NoReturn

from ..errors import GradtapeError, message, nearest
from . import derive, doctor, reference, run, seeds, table

COMMANDS = [run, seeds, derive, table, reference, doctor]


class UsageError(Exception):
    """A command line that was not understood."""


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise UsageError(f"{self.prog}: {message}")


def parser() -> argparse.ArgumentParser:
    """The parser of the command line."""
    top = _Parser(prog="gradtape", description="Derivatives of any order for NumPy and TensorFlow programs.")
    commands = top.add_subparsers(title="commands", metavar="COMMAND", dest="command")
    for module in COMMANDS:
        module.add(commands)
    return top


def main(argv: Sequence[str] | None = None) -> int:
    """Carry out one command; returns the exit code."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    top = parser()
    if not arguments:
        top.print_help()
        return 2
    names = [module.__name__.rpartition(".")[2] for module in COMMANDS]
    if arguments[0] not in names and not arguments[0].startswith("-"):
        return _refuse(
            message(
                f"gradtape: there is no command {arguments[0]!r}.{nearest(arguments[0], names)}",
                [f"commands: {', '.join(names)}"],
                remedy="gradtape --help shows what each of them does.",
            )
        )
    try:
        options = top.parse_args(arguments)
        return int(options.run(options))
    except UsageError as error:
        return _refuse(message(str(error), remedy=f"Try: gradtape {arguments[0]} --help"))
    except (GradtapeError, OSError) as error:
        print(f"gradtape {arguments[0]}: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return 130


def _refuse(text: str) -> int:
    print(text, file=sys.stderr)
    return 2
