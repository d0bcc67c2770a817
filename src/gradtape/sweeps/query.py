"""Questions about derivatives: a gradient is one reverse sweep, a Jacobian one too, walked as a batch.

What a query computes is recorded when somebody records, and a query event notes what was asked, so that a
gradient counts as connected to whatever its target was connected to.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from math import prod
from typing import Any

import numpy as np

from ..errors import GuardError, ShapeError, message
from ..primitives.complexes import conj
from ..primitives.joining import concat, stack
from ..primitives.shapes import identity, reshape, transpose
from ..record import events, sites
from ..record.segment import Pause, Segment, Window, current, in_order, is_recording
from ..record.tensor import Tensor, value_of
from .batch import Replay, with_axis
from .connection import connected
from .forward import forward
from .reverse import reverse

#: For each source, the Tensors that stand for it: several where a Variable had several values.
Sources = Sequence[Sequence[Tensor]]


def gradients(
    segments: Sequence[Segment],
    targets: list[Tensor],
    seeds: Sequence[Tensor],
    sources: Sources,
    holomorphic: bool = False,
) -> list[Tensor | None]:
    """sum_k seed_k dy_k/dx for each source x: a Tensor, zeros where the slope is zero, None where there is no path."""
    recording = is_recording()
    segments = in_order(segments)
    cotangents = seeds if recording else [s.data for s in seeds]
    found = reverse(segments, zip(targets, cotangents, strict=True), [t for values in sources for t in values])
    results: list[Tensor | None] = []
    for values in sources:
        total: Any = None
        for value in values:
            ct = found.get(value)
            if ct is not None:
                total = ct if total is None else total + ct
        if total is None:
            total = zeros(values[0]) if values and connected(segments, targets, values) else None
        elif holomorphic:
            total = conj(total)
        results.append(total if total is None or isinstance(total, Tensor) else Tensor(total))
    if recording:  # an answer is not its own question, nor the answer to another one
        times = Counter(id(x) for x in (*seeds, *results))
        results = [x if x is None or times[id(x)] == 1 else identity(x) for x in results]
    note(targets, [t for values in sources for t in values], results)
    return results


def jacobian_rows(
    segments: Sequence[Segment], target: Tensor, sources: Sources, chunk: int | str = "auto"
) -> list[Tensor | None]:
    """dy_k/dx_l for each source x, of shape y.shape + x.shape; None where there is no path.

    One reverse sweep is recorded, and walked again with the rows of the identity in place of its cotangent.
    """
    size = prod(target.shape)
    seed = ones(target)
    with Window() as window:
        row = gradients(segments, [target], [seed], sources)
    wanted = [ct for ct in row if ct is not None]
    seeds = np.eye(size, dtype=target.dtype).reshape(size, *target.shape)
    try:
        with np.errstate(all="ignore"):
            blocks = iter(_chunked(window, seed, seeds, wanted, chunk))
    except GuardError:  # a user's rule that looks at its cotangent: it is asked row by row
        each = [gradients(segments, [target], [Tensor(s[()])], sources) for s in seeds]
        blocks = iter([stack(*rows, axis=0) for rows in zip(*each, strict=True) if rows[0] is not None])
    results: list[Tensor | None] = []
    for values, ct in zip(sources, row, strict=True):
        if not values or ct is None:
            results.append(None)
            continue
        block = reshape(next(blocks), shape=target.shape + values[0].shape)
        results.append(block if isinstance(block, Tensor) else Tensor(block))
    note([target], [t for values in sources for t in values], results)
    return results


def jacobian_columns(
    segments: Sequence[Segment], targets: Sequence[Tensor], source: Tensor, chunk: int | str = "auto"
) -> list[Tensor | None]:
    """dy/dx for each target y, of shape y.shape + x.shape; None where there is no path, by one forward sweep."""
    size = prod(source.shape)
    seed = ones(source)
    segments = in_order(segments)
    with Window() as window:
        known = forward((e for s in segments for e in s), {source: seed})
    found = [known.get(y) for y in targets]
    wanted = [dy for dy in found if dy is not None]
    seeds = np.eye(size, dtype=source.dtype).reshape(size, *source.shape)
    with np.errstate(all="ignore"):
        blocks = iter(_chunked(window, seed, seeds, wanted, chunk))
    results: list[Tensor | None] = []
    for y, dy in zip(targets, found, strict=True):
        shape = y.shape + source.shape
        if dy is None:
            results.append(Tensor(np.zeros(shape, y.dtype)[()]) if y in known else None)
            continue
        block = next(blocks)
        block = reshape(transpose(block, axes=(*range(1, len(y.shape) + 1), 0)), shape=shape)
        results.append(block if isinstance(block, Tensor) else Tensor(block))
    note(list(targets), [source], results)
    return results


#: The values that a batched sweep may keep at a time, and how large one of them best is (a cache's size), in bytes.
BUDGET = 1 << 28
BEST = 1 << 16


def _chunked(window: Window, seed: Tensor, rows: Any, wanted: Sequence[Tensor], chunk: int | str) -> list[Any]:
    """The values of ``wanted`` with ``rows`` in place of ``seed``, as many rows at a time as memory allows."""
    replay = Replay(window.entries(), [seed], wanted)
    recording = is_recording()
    size = len(rows)
    step = size
    if isinstance(chunk, int):
        step = chunk
    elif not recording:  # what is recorded is kept in any case
        each = replay.row_bytes / max(len(replay.steps), 1)
        step = int(min(BUDGET / max(replay.row_bytes, 1), max(BEST / max(each, 1), 8)))
    step = min(max(step, 1), max(size, 1))
    parts: list[list[Any]] = []
    for start in range(0, max(size, 1), step):
        part = rows[start : start + step]
        known = replay.run({seed: Tensor(part) if recording else part}, len(part))
        parts.append([with_axis(known, x, len(part)) for x in wanted])
    return parts[0] if len(parts) == 1 else [concat(*[p[i] for p in parts], axis=0) for i in range(len(wanted))]


def batch_jacobian(
    segments: Sequence[Segment], y: Tensor, sources: Sources, chunk: int | str = "auto"
) -> Tensor | None:
    """J[b] = dy[b]/dx[b], from one sweep per element of one example; that the examples are independent is verified.

    An independent batch gives sum_bk r_b s_k dy[b,k]/dx[b'] = r_b' sum_k s_k J[b',k] for any weights r and s.  With
    random ones the two sides differ wherever an example depends on another one.
    """
    batch, inner = y.shape[0], prod(y.shape[1:])
    seed = ones(y)
    with Window() as window:
        (row,) = gradients(segments, [y], [seed], sources)
    if row is None:
        return None
    x = sources[0][0]
    shape = y.shape + x.shape[1:]
    if not inner or not batch:
        return Tensor(np.zeros(shape, x.dtype))
    seeds = np.zeros((inner, batch, inner), y.dtype)
    seeds[np.arange(inner), :, np.arange(inner)] = 1
    with np.errstate(all="ignore"):
        (blocks,) = _chunked(window, seed, seeds.reshape(inner, *y.shape), [row], chunk)
    random = np.random.default_rng(0)
    r, s = random.uniform(0.5, 1.5, batch), random.uniform(0.5, 1.5, inner)
    with Pause():
        (probe,) = gradients(segments, [y], [Tensor(np.outer(r, s).reshape(y.shape).astype(y.dtype))], sources)
    rows = value_of(blocks)
    expected = np.tensordot(s, rows, 1) * r.reshape((batch,) + (1,) * (x.ndim - 1))
    close = 1e3 * np.finfo(x.dtype).eps * (np.abs(rows).max(initial=0.0) + 1e-300) * inner
    if probe is None or not np.allclose(probe.data, expected, rtol=0, atol=close, equal_nan=True):
        raise ShapeError(
            message(
                "batch_jacobian: the examples are not independent",
                ["target[b] depends on source[b'] for some b' != b"],
                str(sites.user_line()),
                "Use jacobian(), which has all the blocks.",
            )
        )
    blocks = reshape(transpose(blocks, axes=(1, 0, *range(2, len(blocks.shape)))), shape=shape)
    result = blocks if isinstance(blocks, Tensor) else Tensor(blocks)
    note([y], [t for values in sources for t in values], [result])
    return result


def zeros(x: Any) -> Tensor:
    """Zeros of the shape and dtype of ``x``."""
    return Tensor(np.zeros(x.shape, x.dtype)[()])


def ones(x: Tensor) -> Tensor:
    """Ones of the shape and dtype of ``x``: the seed of a gradient."""
    return Tensor(np.ones_like(x.data)[()])


def note(targets: Sequence[Tensor], sources: Sequence[Tensor], results: Sequence[Any]) -> None:
    """Put on the record that derivatives of ``targets`` with respect to ``sources`` were asked for, and the answers."""
    segment = current.get()
    if segment is not None:
        given = tuple([r for r in results if r is not None])
        segment.append((events.QUERY, {"targets": len(targets)}, (*targets, *sources), given, *sites.here()))
