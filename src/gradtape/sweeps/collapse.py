"""The collapsed sweep: sum_r y(v_r) over many directions, from one record of y(v).

What was recorded along one direction is walked again for all of them, as in the batch sweep, but a value of which only
the weighted sum over the directions is wanted is carried as that sum: backwards from the outputs, the sum goes past
every operation that is linear in what depends on the direction.  In a Taylor sweep the highest coefficient enters
linearly everywhere, so it is one array instead of one per direction (Dangel, Siebert, Zeinhofer & Walther 2025; for
order 2 the forward Laplacian), and the products of lower coefficients are contracted where they meet it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from ..primitives.arithmetic import multiply
from ..primitives.contractions import einsum
from ..primitives.reductions import sum as sum_of
from ..record import events
from ..record.segment import Entry, is_recording
from ..record.sites import decode
from ..record.tensor import Tensor, value_of
from ..rules.batching import aligned
from .batch import ANSWERS
from .forward import differentiable

_NONE: dict[str, Any] = {}
_LABELS = "abcdefghijklmnopqrstuvwxyABCDEFGHIJKLMNOPQRSTUVWXYZ"  # all but z, the directions
_EACH, _SUMMED, _CONTRACTED = 0, 1, 2


class Collapse:
    """The entries of a record that depend on ``source``, ready to be walked for the sums of ``wanted``."""

    def __init__(self, entries: Iterable[Entry], source: Tensor, wanted: Sequence[Tensor]) -> None:
        self.source = source
        self.wanted = wanted
        self.dependent: set[Any] = {source}
        found: list[Entry] = []
        for entry in entries:
            if any(x in self.dependent for x in entry[2]):
                found.append(entry)
                self.dependent.update(_outputs(entry))
        #: (entry, how it is carried out, outputs to be summed afterwards, values that nobody needs after it)
        self.steps: list[tuple[Entry, int, tuple[Tensor, ...], tuple[Tensor, ...]]] = []
        #: What the values of one direction take if all are kept.
        self.row_bytes = 0
        self._mark(found)

    def _mark(self, found: list[Entry]) -> None:
        """Backwards: of which values each one is needed, and of which the sum."""
        each: set[Any] = set()
        self.summed = summed = {y for y in self.wanted if y in self.dependent}
        keep = set(self.wanted)
        needed: set[Any] = set()
        for entry in reversed(found):
            row, _, inputs, _, _, _ = entry
            outputs = _outputs(entry)
            sums = tuple([o for o in outputs if o in summed])
            how = _EACH
            if row.kind == "event":
                if row is events.QUERY or row is events.ASSIGN:
                    continue
            elif not sums and not any(o in each for o in outputs):
                continue
            elif sums and len(outputs) == 1 and outputs[0] not in each:
                how = self._past(row, inputs)
            sources = [x for x in inputs if x in self.dependent]
            (summed if how == _SUMMED else each).update(sources)
            if how == _EACH:
                self.row_bytes += sum([o.nbytes for o in outputs])
            last = tuple([x for x in dict.fromkeys(sources) if x not in needed and x not in keep])
            needed.update(sources)
            self.steps.append((entry, how, () if how else sums, last))
        self.steps.reverse()

    def _past(self, row: Any, inputs: Any) -> int:
        """How an entry is carried out of which the sum alone is wanted."""
        slots = [i for i, x in enumerate(inputs) if x in self.dependent]
        if row.kind == "linear" and all(differentiable(row, i, inputs[i]) for i in slots):
            return _SUMMED
        if row.kind == "multilinear" and len(slots) == 1:
            return _SUMMED if differentiable(row, slots[0], inputs[slots[0]]) else _EACH
        if row is multiply.primitive:  # type: ignore[attr-defined]
            return _CONTRACTED
        return _SUMMED if slots and all(i in row.linear_in for i in slots) else _EACH

    def run(self, rows: Any) -> list[Any]:
        """The sums of ``wanted`` for these directions, along the first axis.

        Raw arrays where nobody records, else Tensors, as are the given ones.
        """
        recording = is_recording()
        size = rows.shape[0]
        known: dict[Any, Any] = {self.source: rows}
        sums: dict[Any, Any] = {}
        if self.source in self.summed:
            sums[self.source] = _sum(rows)
        with np.errstate(all="ignore"):
            for entry, how, summed, last in self.steps:
                row, params, inputs, output, code, lasti = entry
                params = params or _NONE
                try:
                    if how == _SUMMED:
                        slots = [self._slot(row, i, x, sums, size, recording) for i, x in enumerate(inputs)]
                        sums[output] = row.op(*slots, **params)
                    elif how == _CONTRACTED:
                        sums[output] = _contracted(known[inputs[0]], known[inputs[1]])
                    else:
                        value = ANSWERS[row.kind](row, params, entry, known, size)
                        if output is not None:
                            known.update(
                                zip(_outputs(entry), value if type(output) is tuple else (value,), strict=True)
                            )
                        for o in summed:
                            sums[o] = _sum(known[o])
                except Exception as error:
                    site = decode(code, lasti)
                    error.add_note(
                        f"gradtape: in the collapsed sweep, at {row.name}" + (f", recorded at {site}" if site else "")
                    )
                    raise
                if not recording:
                    for x in last:
                        known.pop(x, None)
                        sums.pop(x, None)
        return [sums[y] if y in sums else (y if recording else y.data) * float(size) for y in self.wanted]

    def _slot(self, row: Any, i: int, x: Any, sums: dict[Any, Any], size: int, recording: bool) -> Any:
        """An input of an entry that is carried out once for the sum over the directions."""
        if x in self.dependent:
            return sums[x]
        x = x if recording else value_of(x)
        # What does not depend on the direction is counted once for each.
        return x * float(size) if row.kind == "linear" and differentiable(row, i, x) else x


def _outputs(entry: Entry) -> tuple[Tensor, ...]:
    output = entry[3]
    return output if type(output) is tuple else () if output is None else (output,)


def _sum(x: Any) -> Any:
    """sum_r x_r."""
    return sum_of(x, axis=0, keepdims=False)


def _contracted(a: Any, b: Any) -> Any:
    """sum_r a_r b_r, element by element, without the products by themselves."""
    a, b = aligned((True, True), (a, b))
    rest = _LABELS[: a.ndim - 1]
    return einsum(a, b, subscripts=f"z{rest},z{rest}->{rest}")
