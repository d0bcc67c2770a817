"""A reverse sweep over a record of its own, which frees what it has passed: the states of a chain, from the last on."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..record.segment import Entry, Segment, Window, is_recording
from ..record.tensor import Tensor
from ..sweeps.company import reachable
from ..sweeps.reverse import accumulate, reverse


def pulled(
    window: Window, seeds: Sequence[tuple[Tensor, Any]], sources: Sequence[Tensor], again: Any
) -> dict[Any, Any]:
    """Cotangents of ``sources``, Lanes among them; the window is emptied where values can be freed on the way.

    That is where it has entries of the row ``again``: each of them will make values of its own.
    """
    entries = [e for segment in window.segments for e in segment]
    piecewise = any(e[0] is again for e in entries) and not _apart(entries, again)
    if is_recording() or not piecewise:
        return reverse(list(window.segments), seeds, sources, keep_lanes=True, onward=True)
    reached = reachable(window.segments, set(sources))
    active = {id(x) for x in reached}  # of Tensors that stay as long as their entries
    window.segments.clear()
    del reached
    pending: dict[Tensor, Any] = {}
    for target, ct in seeds:
        if id(target) in active:
            accumulate(pending, target, ct)
    while entries:
        part = _last(entries, again)
        given = [(o, pending.pop(o)) for e in part for o in _outputs(e) if o in pending]
        if given:
            made = {o for e in part for o in _outputs(e)}
            inputs = {x: None for e in part for x in e[2] if isinstance(x, Tensor) and id(x) in active}
            found = reverse([part], given, [x for x in inputs if x not in made], keep_lanes=True, onward=True)
            for x, ct in found.items():
                accumulate(pending, x, ct)
            del made, inputs, found
        del part, given
    return {x: pending[x] for x in sources if x in pending}


def _apart(entries: Sequence[Entry], again: Any) -> bool:
    """Whether an entry and one that its peepholes look for are apart, with some of ``again`` between them."""
    made: dict[Tensor, tuple[Any, int]] = {}
    part = 0
    for row, _, inputs, output, _, _ in entries:
        if row is again:
            part += 1
        elif row.kind != "event":
            for x in inputs if row.peepholes else ():
                maker = made.get(x) if isinstance(x, Tensor) else None
                if maker is not None and maker[1] != part and (not row.makers or maker[0] in row.makers):
                    return True
            if row.seen:
                made.update((o, (row, part)) for o in (output if type(output) is tuple else (output,)))
    return False


def _last(entries: list[Entry], again: Any) -> Segment:
    """The last entry, if it is one of ``again``, else all those after the last such; they are taken off."""
    part = Segment()
    part.append(entries.pop())
    if part[0][0] is not again:
        while entries and entries[-1][0] is not again:
            part.append(entries.pop())
        part.reverse()
    return part


def _outputs(entry: Entry) -> tuple[Any, ...]:
    return entry[3] if type(entry[3]) is tuple else () if entry[3] is None else (entry[3],)
