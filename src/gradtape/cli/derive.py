"""``gradtape derive "x**2*y + y**3" x=2 y=1``: value and derivatives of an expression, with a check beside each."""

from __future__ import annotations

import sys
from typing import Any

import numpy as np

from ..record.tensor import describe
from .differentiate import Entry, derivatives
from .expression import Expression, ExpressionError, parse_value


def add(commands: Any) -> None:
    """Declare the command."""
    command = commands.add_parser(
        "derive",
        help="value and derivatives of an expression",
        description='For example: gradtape derive "x**2*y + y**3" x=2 y=1 --order 2;  '
        'gradtape derive "sum(sin(x)*x**2)" "x=[1,2,3]"',
    )
    command.add_argument(
        "expression", metavar="EXPRESSION", help="in Python's notation, with the names of gradtape: sin, exp, ..."
    )
    command.add_argument("values", metavar="NAME=VALUE", nargs="*", help="x=2, or x=[1,2,3]")
    command.add_argument("--order", type=int, default=2, choices=[0, 1, 2, 3, 4], help="highest derivative (default 2)")
    command.set_defaults(run=run)


def run(options: Any) -> int:
    """Carry the command out."""
    try:
        values = dict(parse_value(text) for text in options.values)
        expression = Expression(options.expression, list(values))
        found = derivatives(expression, values, options.order)
    except ExpressionError as error:
        print(f"gradtape derive: {error}", file=sys.stderr)
        return 2
    at = ", ".join(f"{k} = {describe(v)}" for k, v in values.items())
    print(f"f({', '.join(values)}) = {options.expression}" + (f"   at {at}" if at else ""))
    print(f"\nvalue  {found.value:.12g}")
    for order, entries in enumerate(found.orders, 1):
        print(f"\n{_TITLES[order]}")
        _print(entries)
        if order == 2 and len(found.labels) > 1:
            print(_matrix(entries, found.labels))
    verdicts = [e.verdict for entries in found.orders for e in entries]
    if verdicts:
        right, wrong = verdicts.count("ok"), verdicts.count("DIFFERS")
        told = f"{right} of {len(verdicts)} ok" if right < len(verdicts) else f"{right} ok"
        print(f"\ncheck against finite differences (Richardson): {told}" + (f", {wrong} DIFFER" if wrong else ""))
    if "DIFFERS" in verdicts:
        print("gradtape derive: a derivative and its finite difference disagree; please report it", file=sys.stderr)
    return 1 if {"DIFFERS", "not finite"} & set(verdicts) else 0


_TITLES = {1: "gradient", 2: "Hessian", 3: "third derivatives", 4: "fourth derivatives"}


def _print(entries: list[Entry]) -> None:
    rows = [(e.name, f"{e.value:.12g}", f"{e.difference:.12g}", e.verdict) for e in entries]
    wide = [max(len(r[i]) for r in rows) for i in range(3)]
    for name, value, difference, verdict in rows:
        print(f"  {name:<{wide[0]}}  {value:>{wide[1]}}   difference {difference:>{wide[2]}}   {verdict}")


def _matrix(entries: list[Entry], labels: list[str]) -> str:
    n = len(labels)
    matrix = np.zeros((n, n))
    for e in entries:
        i, j = e.index
        matrix[i, j] = matrix[j, i] = e.value
    return "\n".join("  " + row for row in np.array2string(matrix, precision=6, suppress_small=True).split("\n"))
