"""``gradtape table``: what every primitive can do, by mode and order, read off the registry."""

from __future__ import annotations

import importlib
import json
from dataclasses import asdict
from functools import cache
from typing import Any

from ..errors import message
from ..rules.coverage import Coverage, coverage, summary

KINDS = ["constant", "elementwise", "linear", "multilinear", "differential", "composite"]
HEADS = ["primitive", "kind", "inputs", "forward", "reverse", "Taylor", "batch", "orders", "at singular points"]
EXPLAINED = """\
- derived: it follows from the one rule that the row gives. declared: the row gives a rule for this mode itself.
- zero: connected, with slope zero. none: an integer, a boolean or a cut; a gradient through it is None, and says so.
- batch: derived by broadcasting or from the body; declared by the row; one by one where NumPy itself takes one at a
  time, or the shape of the result depends on values ("in part": for some of the inputs).
- inputs: "1 of 2" have a derivative, the others are indices, conditions or orders.
- A name in parentheses is no public function's: functions of other names, and rules, are written with it."""
#: Where the public functions are.
PUBLIC = ["gradtape", "gradtape.numpy.linalg", "gradtape.numpy.special", "gradtape.numpy.fourier"]


def add(commands: Any) -> None:
    """Declare the command."""
    command = commands.add_parser("table", help="print the primitives: what each can do, by mode and order")
    command.add_argument("names", metavar="NAME", nargs="*", help="only primitives or modules with this in their name")
    command.add_argument("--format", choices=["text", "markdown", "json"], default="text", help="how to print it")
    command.add_argument("--markdown", action="store_const", const="markdown", dest="format", help="--format markdown")
    command.add_argument("--kind", choices=KINDS, help="only the primitives of one kind")
    command.set_defaults(run=run)


def run(options: Any) -> int:
    """Carry the command out."""
    lines = [
        c
        for c in coverage()
        if options.kind in (None, c.kind)
        and (not options.names or any(n in c.name or n in c.module for n in options.names))
    ]
    if not lines:
        print(message("gradtape table: no primitive of that name", remedy="gradtape table prints all of them."))
        return 1
    print({"text": text, "markdown": markdown, "json": as_json}[options.format](lines))
    return 0


@cache
def public_names() -> frozenset[str]:
    """The names of the functions that users call."""
    return frozenset(name for module in PUBLIC for name in importlib.import_module(module).__all__)


def cells(c: Coverage) -> list[str]:
    """The line of one primitive."""
    name = c.name if c.name in public_names() else f"({c.name})"
    return [name, c.kind, c.inputs, c.forward, c.reverse, c.taylor, c.batch, c.orders, c.conventions]


def groups(lines: list[Coverage]) -> dict[str, list[Coverage]]:
    """The lines by module, in alphabetical order."""
    found: dict[str, list[Coverage]] = {}
    for c in sorted(lines, key=lambda c: (c.module, c.name)):
        found.setdefault(c.module, []).append(c)
    return found


def text(lines: list[Coverage]) -> str:
    """For a terminal."""
    rows = [cells(c) for c in lines]
    widths = [max(len(r[i]) for r in [HEADS, *rows]) for i in range(len(HEADS) - 1)]

    def row(r: list[str]) -> str:
        return "  ".join([*[c.ljust(w) for c, w in zip(r, widths, strict=False)], r[-1]]).rstrip()

    parts = [row(HEADS)]
    for module, members in groups(lines).items():
        parts += ["", module.replace("_", " "), *[row(cells(c)) for c in members]]
    return "\n".join([*parts, "", summary(lines)])


def markdown(lines: list[Coverage]) -> str:
    """For a document."""
    parts = [summary(lines), "", EXPLAINED]
    for module, members in groups(lines).items():
        table = [HEADS, ["---"] * len(HEADS), *[cells(c) for c in members]]
        parts += ["", f"## {module.replace('_', ' ')}", ""]
        parts += ["| " + " | ".join(cell.replace("|", "\\|") for cell in r) + " |" for r in table]
    return "\n".join(parts)


def as_json(lines: list[Coverage]) -> str:
    """For programs."""
    return json.dumps([asdict(c) for c in lines], indent=1)


def document() -> str:
    """docs/reference/operations.md."""
    head = "What every primitive can do, by mode. Made from the registry by `scripts/reference`; do not edit."
    return f"# Operations\n\n{head}\n\n{markdown(coverage())}\n"
