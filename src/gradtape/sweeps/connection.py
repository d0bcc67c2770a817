"""The connection sweep: does a target depend on a source at all, be it with derivative zero?

It follows carriers (floor and round among them, whose slope is zero) and queries: a gradient counts as
connected to whatever its target was connected to, so the second derivative of 3 * x is zero, not None.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from ..record import events
from ..record.segment import Segment
from ..record.tensor import Tensor


def connected(segments: Sequence[Segment], targets: Iterable[Tensor], sources: Iterable[Tensor]) -> bool:
    """Whether one of ``targets`` was computed from one of ``sources``, derivatives included."""
    reached = set(sources)
    for segment in segments:
        for row, params, inputs, output, _, _ in segment:
            if (row.carries or row is events.QUERY) and any(x in reached for x in inputs):
                program = row.program_of(params) if row.kind == "composite" else None
                if program is None:
                    reached.update(output if type(output) is tuple else (output,))
                else:
                    flags = program.dependent([x in reached for x in inputs], carried=True)
                    reached.update([o for o, f in zip(output, flags, strict=True) if f])
    return any(t in reached for t in targets)
