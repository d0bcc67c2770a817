"""``gradtape table``: the primitives, with their kind and the modes that follow from it."""

from __future__ import annotations

from collections import Counter
from typing import Any

from ..rules.primitive import Primitive, registry

#: What a kind supplies; the modes follow from it.
RULES = {
    "constant": "zero slope",
    "elementwise": "partials",
    "linear": "transposes",
    "multilinear": "transposes",
    "differential": "a differential",
    "composite": "a body",
}
HEADS = ["primitive", "kind", "inputs", "parameters", "rule", "reverse"]


def add(commands: Any) -> None:
    """Declare the command."""
    command = commands.add_parser("table", help="print the primitives with their kind and modes")
    command.add_argument("--markdown", action="store_true", help="as a Markdown table")
    command.add_argument("--kind", choices=list(RULES), help="only the primitives of one kind")
    command.set_defaults(run=run)


def run(options: Any) -> int:
    """Carry the command out."""
    chosen = [row for row in registry.values() if options.kind in (None, row.kind)]
    rows = [cells(row) for row in sorted(chosen, key=lambda row: row.name)]
    if options.markdown:
        print("\n".join(f"| {' | '.join(r)} |" for r in [HEADS, ["---"] * len(HEADS), *rows]))
        return 0
    widths = [max(len(r[i]) for r in [HEADS, *rows]) for i in range(len(HEADS))]
    for r in [HEADS, ["-" * w for w in widths], *rows]:
        print("  ".join(cell.ljust(w) for cell, w in zip(r, widths, strict=True)).rstrip())
    counts = Counter(row.kind for row in chosen)
    print(f"\n{len(chosen)} primitives: " + ", ".join(f"{counts[k]} {k}" for k in RULES if counts[k]))
    print(
        "reverse: to any order, since rules are written in the same operations. Forward, Taylor and batch sweeps follow"
    )
    print("from the kinds, without another line per primitive; they are not there yet.")
    return 0


def cells(row: Primitive) -> list[str]:
    """The line of one primitive."""
    if not row.carries:
        reverse = "cut: no derivative"
    elif row.kind == "constant":
        reverse = "zero"
    else:
        reverse = "yes, with a rule of its own" if row.vjp is not None else "yes"
    inputs = "any" if row.arity is None else str(row.arity)
    return [row.name, row.kind, inputs, ", ".join(row.params) or "-", RULES[row.kind], reverse]
