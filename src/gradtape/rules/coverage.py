"""What every primitive can do, mode by mode, read off its declaration: the table that ``gradtape table`` prints.

``derived``: it follows from the one rule that the row gives; ``declared``: the row gives a rule for this mode, for
which the derived one, where there is one, is the test; ``zero``: connected, with slope zero; ``none``: no derivative.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from .batching import one_by_one
from .primitive import Primitive, registry

#: Which mode the rule of a kind is already.
DECLARED = {"linear": "reverse", "multilinear": "reverse", "differential": "forward"}
HOME = "gradtape.primitives."


@dataclass(frozen=True)
class Coverage:
    """One line of the table."""

    name: str
    module: str
    kind: str
    inputs: str
    parameters: tuple[str, ...]
    forward: str
    reverse: str
    taylor: str
    batch: str
    orders: str
    conventions: str


def coverage(rows: Iterable[Primitive] | None = None) -> list[Coverage]:
    """The table, in the order of declaration; of gradtape's own primitives, where nothing else is said."""
    chosen = [row for row in registry.values() if row.module.startswith(HOME)] if rows is None else rows
    return [line(row) for row in chosen]


def line(row: Primitive) -> Coverage:
    """What one primitive can do."""
    forward, reverse, taylor = modes(row)
    none = row.kind == "constant"
    return Coverage(
        row.name,
        row.module.removeprefix(HOME),
        row.kind,
        inputs(row),
        tuple(row.params),
        forward,
        reverse,
        taylor,
        batch(row),
        "-" if none and not row.carries else "all, zero" if none else "all",
        "; ".join(f"at {point}: {told}" for point, told in row.singular.items()),
    )


def modes(row: Primitive) -> tuple[str, str, str]:
    """Forward, reverse and Taylor mode."""
    if row.kind == "constant":
        return ("zero", "zero", "zero") if row.carries else ("none", "none", "none")
    given = DECLARED.get(row.kind)
    forward = "declared" if given == "forward" or row.jvp is not None else "derived"
    reverse = "declared" if given == "reverse" or row.vjp is not None else "derived"
    return forward, reverse, "declared" if row.quotient is not None else "derived"


def inputs(row: Primitive) -> str:
    """How many inputs, and by how many of them there are derivatives, where not by all."""
    if row.arity is None:
        return "any"
    rules = row.partials or row.transposes
    count = sum(rule is not None for rule in rules)
    return f"{count} of {row.arity}" if rules and count < row.arity else str(row.arity)


def batch(row: Primitive) -> str:
    """How a leading axis is taken: by broadcasting, by the body, as the row says, or one by one."""
    if row.batch is one_by_one:
        return "one by one"
    if row.batch is not None:
        return "declared, in part" if getattr(row.batch, "partial", False) else "declared"
    if row.broadcasts or row.kind == "elementwise" or (row.kind == "constant" and not row.params):
        return "derived"
    return "derived" if row.body is not None else "one by one"


def summary(lines: Iterable[Coverage]) -> str:
    """The table in a sentence."""
    lines = list(lines)
    with_slope = [c for c in lines if c.kind != "constant"]
    looped = [c.name for c in lines if c.batch == "one by one"]
    steps = sum(c.forward == "zero" for c in lines)
    cut = sum(c.forward == "none" for c in lines)
    return (
        f"{len(lines)} primitives: {len(with_slope)} with derivatives of every order by forward, reverse and "
        f"Taylor mode, {steps} with slope zero, {cut} without (integers, booleans); {len(looped)} batched one by one."
    )
