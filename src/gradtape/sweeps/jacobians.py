"""Jacobians and Hessians: one sweep with many cotangents or tangents at a time, as many as memory and caches like.

Where nobody records, the sweep is given bundles (bundle.py) and computes all rows, or all columns, with each of its
operations.  Where somebody does, or a user's rule must be asked, one sweep is recorded and walked again with the rows
of the identity in place of its cotangent (batch.py): what that does is on the record in its turn.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Iterator, Sequence
from itertools import accumulate
from math import prod
from typing import Any

import numpy as np

from ..errors import GuardError, RuleError
from ..primitives.joining import concat, stack
from ..primitives.shapes import reshape, transpose
from ..record.segment import Entry, Segment, Window, in_order, is_recording
from ..record.tensor import Tensor, value_of
from .batch import Replay, with_axis
from .bundle import Bundle
from .company import reachable
from .connection import connected
from .forward import forward
from .query import BUDGET, Sources, gradients, note, ones
from .reverse import reverse

#: How many rows at a time, or None: as many as memory and caches like; and how many bytes they may take, or None.
Chunk = tuple[int | None, int | None]
AUTO: Chunk = (None, None)
#: Cotangents of some targets, with a leading axis.
Seeds = list[tuple[Tensor, Any]]
#: How large the arrays of a bundle best are (a cache's size), in bytes.
BEST = 1 << 17
#: Fewer rows than this at a time do not pay.
FEWEST = 8


def jacobian_rows(
    segments: Sequence[Segment], target: Tensor, sources: Sources, chunk: Chunk = AUTO
) -> list[Tensor | None]:
    """dy_k/dx_l for each source x, of shape y.shape + x.shape; None where there is no path.  By reverse sweeps."""
    segments = in_order(segments)
    every = [t for values in sources for t in values]
    if is_recording() or has_rules(segments):
        results = _recorded_rows(segments, target, sources, chunk)
    else:
        results = collected(row_blocks(segments, [target], sources, chunk), prod(target.shape), sources)
        for i, (values, block) in enumerate(zip(sources, results, strict=True)):
            if block is not None:
                results[i] = Tensor(block.reshape(target.shape + values[0].shape)[()])
            elif values and connected(segments, [target], values):
                results[i] = Tensor(np.zeros(target.shape + values[0].shape, values[0].dtype)[()])
    note([target], every, results)
    return results


def row_blocks(
    segments: Sequence[Segment], targets: Sequence[Tensor], sources: Sources, chunk: Chunk = AUTO
) -> Iterator[tuple[slice, list[Any]]]:
    """The rows of the Jacobian of all elements of ``targets``, a block at a time, as raw arrays; nobody records here.

    Each block is the slice of the rows that it holds, and for each source an array (rows, *x.shape), or None where
    none of them depends on it.
    """
    if has_rules(segments):
        (target,) = targets
        row, blocks = _recorded_blocks(segments, target, sources, chunk)
        for rows, found in blocks:
            each = iter(found)
            yield rows, [None if ct is None else value_of(next(each)) for ct in row]
        return
    starts = [0, *accumulate(prod(t.shape) for t in targets)]

    def seeds(first: int, last: int) -> Seeds:
        pairs = [(t, _unit_rows(t, start, first, last)) for t, start in zip(targets, starts, strict=False)]
        return [(t, seed) for t, seed in pairs if seed is not None]

    yield from pulled(segments, targets, seeds, starts[-1], sources, chunk)


def pulled(
    segments: Sequence[Segment],
    targets: Sequence[Tensor],
    seeds: Callable[[int, int], Seeds],
    size: int,
    sources: Sources,
    chunk: Chunk,
) -> Iterator[tuple[slice, list[Any]]]:
    """Reverse sweeps from ``seeds(first, last)``, cotangents of the targets with a leading axis, for all rows."""
    segments = list(in_order(segments))
    every = [t for values in sources for t in values]
    company: dict[Tensor, Any] = {}
    active = reachable(segments, set(every), company)
    step = _rows_at_a_time(segments, targets, active, size, chunk)
    for first in range(0, size, step):
        last = min(first + step, size)
        given = [(t, seed) for t, seed in seeds(first, last) if t in active]
        with np.errstate(all="ignore"):
            if last - first == 1:  # scalars are faster without
                alone = reverse(segments, [(t, s[0]) for t, s in given], every, reached=(active, company))
                found = {x: Bundle(np.asarray(ct)[None]) for x, ct in alone.items()}
            else:
                try:
                    bundles = [(t, Bundle(seed)) for t, seed in given]
                    found = reverse(segments, bundles, every, reached=(active, company))
                except (GuardError, RuleError):  # a rule that looks at its cotangent: it is asked row by row
                    found = _row_by_row(segments, given, every, last - first)
        yield slice(first, last), [_summed(found, values, last - first) for values in sources]


def _summed(found: dict[Tensor, Any], values: Sequence[Tensor], size: int) -> Any:
    """The rows for one source: summed over the Tensors that stand for it."""
    total: Any = None
    for value in values:
        ct = found.get(value)
        if ct is not None:
            total = ct if total is None else total + ct
    if total is None or type(total) is Bundle:
        return None if total is None else total.data
    return np.broadcast_to(total, (size, *np.shape(total)))


def _unit_rows(t: Tensor, start: int, first: int, last: int) -> Any:
    """Rows first to last of the identity, as far as they are elements of ``t``, whose first element is row start."""
    n = prod(t.shape)
    low, high = max(first, start), min(last, start + n)
    if low >= high and first < last:
        return None
    seed = np.zeros((last - first, n), t.dtype)
    rows = np.arange(low, high)
    seed[rows - first, rows - start] = 1
    return seed.reshape(last - first, *t.shape)


def _row_by_row(segments: Sequence[Segment], seeds: Seeds, every: Sequence[Tensor], size: int) -> dict[Tensor, Any]:
    """The bundles that a sweep should give, by a sweep for each element."""
    rows = [reverse(segments, [(t, seed[b]) for t, seed in seeds], every) for b in range(size)]
    reached = {x for row in rows for x in row}
    return {x: Bundle(np.stack([row.get(x, np.zeros_like(x.data)) for row in rows])) for x in reached}


def _rows_at_a_time(
    segments: Sequence[Segment], targets: Sequence[Tensor], active: set[Tensor], size: int, chunk: Chunk
) -> int:
    """How many rows a sweep takes: what waits in it at a time has to fit into the budget, and best into a cache."""
    asked, budget = chunk
    if asked is not None or (size <= FEWEST and budget is None):
        return max(1, min(asked or size, size))
    waiting = {t for t in targets if t in active}
    now = sum([t.nbytes for t in waiting])
    most = mean = now
    count = 1
    for segment in reversed(segments):
        for row, _, inputs, output, _, _ in reversed(segment):
            if row.kind == "event":
                continue
            for o in output if type(output) is tuple else (output,):
                if o in waiting:
                    waiting.remove(o)
                    now -= o.nbytes
                    break
            else:
                continue
            for x in inputs:
                if x in active and x not in waiting:
                    waiting.add(x)
                    now += x.nbytes
                    mean += x.nbytes
                    count += 1
            most = max(most, now)
    return _step(size, most * 3, mean / count, budget)


def _step(size: int, most: float, each: float, budget: int | None) -> int:
    """Rows at a time, of which each takes at most ``most`` bytes, in arrays of ``each`` bytes."""
    fitting = (BUDGET if budget is None else budget) / max(most, 1)
    return int(max(1, min(size, fitting, max(BEST / max(each, 1), FEWEST))))


def collected(blocks: Iterator[tuple[slice, list[Any]]], size: int, sources: Sources) -> list[Any]:
    """All the rows: for each source an array (rows, *x.shape), or None."""
    whole: list[Any] = [None] * len(sources)
    for rows, found in blocks:
        for i, (values, block) in enumerate(zip(sources, found, strict=True)):
            if block is None:
                continue
            if rows.stop - rows.start == size:
                whole[i] = block
                continue
            if whole[i] is None:
                whole[i] = np.zeros((size, *values[0].shape), block.dtype)
            whole[i][rows] = block
    return whole


def has_rules(segments: Sequence[Segment]) -> bool:
    """Whether a user's own rule (custom_gradient) may be asked: it works with Tensors."""
    return any(entry[0].kind == "composite" and entry[0].stands_for for segment in segments for entry in segment)


# -- recorded ------------------------------------------------------------------------------------------------


def _recorded_rows(segments: Sequence[Segment], target: Tensor, sources: Sources, chunk: Chunk) -> list[Tensor | None]:
    """As jacobian_rows, by one recorded sweep that is walked again."""
    row, blocks = _recorded_blocks(segments, target, sources, chunk)
    try:
        parts = [found for _, found in blocks]
    except GuardError:  # a user's rule that looks at its cotangent: it is asked row by row
        seeds = _unit_rows(target, 0, 0, prod(target.shape))
        each = [gradients(segments, [target], [Tensor(s[()])], sources) for s in seeds]
        parts = [[stack(*rows, axis=0) for rows in zip(*each, strict=True) if rows[0] is not None]]
    together = iter(parts[0] if len(parts) == 1 else [concat(*p, axis=0) for p in zip(*parts, strict=True)])
    results: list[Tensor | None] = []
    for values, ct in zip(sources, row, strict=True):
        if ct is None:
            results.append(None)
            continue
        block = reshape(next(together), shape=target.shape + values[0].shape)
        results.append(block if isinstance(block, Tensor) else Tensor(block))
    return results


def _recorded_blocks(
    segments: Sequence[Segment], target: Tensor, sources: Sources, chunk: Chunk
) -> tuple[list[Tensor | None], Iterator[tuple[slice, list[Any]]]]:
    """One gradient, recorded, and the blocks of rows of those sources for which it is not None."""
    seed = ones(target)
    with Window() as window:
        row = gradients(segments, [target], [seed], sources)
    wanted = [ct for ct in row if ct is not None]
    return row, walked(window, seed, lambda a, b: _unit_rows(target, 0, a, b), prod(target.shape), wanted, chunk)


def walked(
    window: Window,
    seed: Tensor,
    rows: Callable[[int, int], Any],
    size: int,
    wanted: Sequence[Tensor],
    chunk: Chunk,
) -> Iterator[tuple[slice, list[Any]]]:
    """The values of ``wanted`` with ``rows(first, last)`` in place of ``seed``, as many rows at a time as fit."""
    replay = Replay(window.entries(), [seed], wanted)
    recording = is_recording()
    asked, budget = chunk
    step = size if asked is None else min(asked, size)
    if asked is None and not recording:  # what is recorded is kept in any case
        step = _step(size, replay.row_bytes, replay.row_bytes / max(len(replay.steps), 1), budget)
    for first in range(0, max(size, 1), max(step, 1)):
        last = min(first + step, size)
        part = rows(first, last)
        with np.errstate(all="ignore"):
            known = replay.run({seed: Tensor(part) if recording else part}, last - first)
            found = [with_axis(known, x, last - first) for x in wanted]
        yield slice(first, last), found


# -- columns -------------------------------------------------------------------------------------------------


def jacobian_columns(
    segments: Sequence[Segment], targets: Sequence[Tensor], source: Tensor, chunk: Chunk = AUTO
) -> list[Tensor | None]:
    """dy/dx for each target y, of shape y.shape + x.shape; None where there is no path, by forward sweeps."""
    segments = in_order(segments)
    if is_recording() or has_rules(segments):
        found, connections = _recorded_columns(segments, targets, source, chunk)
    else:
        found, connections = _pushed(segments, targets, source, chunk)
    results: list[Tensor | None] = []
    for y, block in zip(targets, found, strict=True):
        shape = y.shape + source.shape
        if block is None:
            results.append(Tensor(np.zeros(shape, y.dtype)[()]) if y in connections else None)
            continue
        block = reshape(transpose(block, axes=(*range(1, len(y.shape) + 1), 0)), shape=shape)
        results.append(block if isinstance(block, Tensor) else Tensor(block))
    note(list(targets), [source], results)
    return results


def _pushed(
    segments: Sequence[Segment], targets: Sequence[Tensor], source: Tensor, chunk: Chunk
) -> tuple[list[Any], Container[Tensor]]:
    """For each target its columns along a leading axis, or None, and what depends on the source."""
    entries = _between(segments, targets, source)
    size = prod(source.shape)
    taken = [o.nbytes for e in entries for o in _outputs(e)]
    asked, budget = chunk
    step = asked or _step(size, sum(taken) + source.nbytes, sum(taken) / max(len(taken), 1), budget)
    whole: list[Any] = [None] * len(targets)
    known: dict[Tensor, Any] = {}
    for first in range(0, size, step):
        last = min(first + step, size)
        seed = _unit_rows(source, 0, first, last)
        try:
            known = forward(entries, {source: Bundle(seed)})
        except (GuardError, RuleError):  # a rule that looks at its tangent: it is asked column by column
            each = [forward(entries, {source: s}) for s in seed]
            known = {y: None if dy is None else Bundle(np.stack([k[y] for k in each])) for y, dy in each[0].items()}
        for i, y in enumerate(targets):
            dy = known.get(y)
            if dy is None:
                continue
            block = dy.data if type(dy) is Bundle else np.broadcast_to(dy, (last - first, *y.shape))
            if step >= size:
                whole[i] = block
                continue
            if whole[i] is None:
                whole[i] = np.zeros((size, *y.shape), block.dtype)
            whole[i][first:last] = block
    return whole, known if size else targets


def _between(segments: Sequence[Segment], targets: Sequence[Tensor], source: Tensor) -> list[Entry]:
    """The entries that the targets need and that depend on the source, and those that peepholes may look back at."""
    needed = set(targets)
    entries: list[Entry] = []
    for segment in reversed(segments):
        for entry in reversed(segment):
            if any(o in needed for o in _outputs(entry)):
                needed.update([x for x in entry[2] if isinstance(x, Tensor)])
                entries.append(entry)
    entries.reverse()
    return entries


def _outputs(entry: Entry) -> tuple[Any, ...]:
    return entry[3] if type(entry[3]) is tuple else (entry[3],)


def _recorded_columns(
    segments: Sequence[Segment], targets: Sequence[Tensor], source: Tensor, chunk: Chunk
) -> tuple[list[Any], Container[Tensor]]:
    """As _pushed, by one recorded sweep that is walked again."""
    seed = ones(source)
    with Window() as window:
        known = forward([e for s in segments for e in s], {source: seed})
    found = [known.get(y) for y in targets]
    wanted = [dy for dy in found if dy is not None]
    blocks = walked(window, seed, lambda a, b: _unit_rows(source, 0, a, b), prod(source.shape), wanted, chunk)
    parts = [block for _, block in blocks]
    together = iter(parts[0] if len(parts) == 1 else [concat(*p, axis=0) for p in zip(*parts, strict=True)])
    return [None if dy is None else next(together) for dy in found], known
