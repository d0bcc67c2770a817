"""What a program costs: operations, bytes moved, and the most memory that its values take at a time."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from typing import Any

from .program import Program, Step, Value


@dataclass(frozen=True)
class Cost:
    """``flops``: arithmetic operations; ``bytes``: read and written; ``peak``: most bytes of values held at a time.

    ``peak`` counts what the steps make, not inputs and constants.  ``dropped``: bytes of values that are made inside
    checkpoints and not kept; a derivative makes them again, and counts them again.
    """

    steps: int
    flops: int
    bytes: int
    peak: int
    dropped: int = 0

    def __str__(self) -> str:
        return (
            f"{self.steps} steps, {self.flops:.4g} operations, {self.bytes:.4g} bytes moved, "
            f"{self.peak:.4g} bytes at most held" + (f", {self.dropped:.4g} dropped" if self.dropped else "")
        )


def cost(program: Program) -> Cost:
    """The cost of a program, from the shapes of its values."""
    held = peak = flops = moved = dropped = steps = 0
    for step, dead in zip(program.steps, program.last_uses(), strict=True):
        made = sum([o.nbytes for o in step.outputs])
        again = step.row.program_of(step.params)
        if again is not None:
            inside = cost(again)
            steps, flops, moved = steps + inside.steps, flops + inside.flops, moved + inside.bytes
            dropped += sum([o.nbytes for s in again.steps for o in s.outputs]) - made + inside.dropped
            peak = max(peak, held + inside.peak)
        else:
            steps, flops = steps + 1, flops + _flops(step)
            moved += sum([x.nbytes for x in (*step.inputs, *step.outputs) if type(x) is Value])
        held += made
        peak = max(peak, held)
        held -= sum([x.nbytes for x in dead])
    return Cost(steps, flops, moved, peak, max(dropped, 0))


def _flops(step: Step) -> int:
    """Multiplications and additions: of contractions from the lengths that meet, else one for each element."""
    sizes = [x.size for x in (*step.inputs, *step.outputs) if type(x) is Value]
    name = step.row.name
    if name == "matmul":
        return 2 * step.outputs[0].size * step.inputs[0].shape[-1]
    if name == "einsum":
        return 2 * _joint((step.params or {}).get("subscripts", ""), step.inputs)
    if step.row.kind in ("linear", "constant") and step.row.moves and not step.row.broadcasts:
        return 0
    return max(sizes, default=0)


def _joint(subscripts: str, operands: Any) -> int:
    """The number of terms of an einsum: the product of all its lengths."""
    lengths: dict[str, int] = {}
    for term, x in zip(subscripts.split("->")[0].split(","), operands, strict=False):
        letters = term.replace("...", "")
        lengths.update(zip(letters, x.shape[len(x.shape) - len(letters) :], strict=True))
    return prod(lengths.values())
