"""Questions about derivatives: a gradient is one reverse sweep, a Jacobian one a row.

What a query computes is recorded when somebody records, and a query event notes what was asked, so that a
gradient counts as connected to whatever its target was connected to.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..errors import ShapeError, message
from ..primitives.complexes import conj
from ..primitives.joining import stack
from ..primitives.shapes import identity, reshape
from ..record import events, sites
from ..record.segment import Pause, Segment, current, is_recording
from ..record.tensor import Tensor
from .connection import connected
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
        else:
            total = conj(total) if holomorphic else total
            if not isinstance(total, Tensor):
                total = Tensor(total)
            elif any(total is seed for seed in seeds):
                total = identity(total)  # an answer is not its own question
        results.append(total)
    _note(targets, sources, results)
    return results


def jacobian_rows(segments: Sequence[Segment], target: Tensor, sources: Sources) -> list[Tensor | None]:
    """dy_k/dx_l for each source x, of shape y.shape + x.shape; None where there is no path.  One sweep a row."""
    size = int(np.prod(target.shape, dtype=int))
    blocks: list[list[Any]] = [[] for _ in sources]
    for k in range(size):
        seed = np.zeros(size, target.dtype)
        seed[k] = 1
        row = gradients(segments, [target], [Tensor(seed.reshape(target.shape)[()])], sources)
        for block, ct in zip(blocks, row, strict=True):
            block.append(ct)
    results: list[Tensor | None] = []
    for values, block in zip(sources, blocks, strict=True):
        if not values or (block and block[0] is None):
            results.append(None)  # whether there is a path does not depend on the row
            continue
        shape = target.shape + values[0].shape
        results.append(
            reshape(stack(*block, axis=0), shape=shape) if block else Tensor(np.zeros(shape, values[0].dtype))
        )
    return results


def batch_jacobian(segments: Sequence[Segment], y: Tensor, sources: Sources) -> Tensor | None:
    """J[b] = dy[b]/dx[b], from one sweep per element of one example; that the examples are independent is verified.

    An independent batch gives sum_bk r_b s_k dy[b,k]/dx[b'] = r_b' sum_k s_k J[b',k] for any weights r and s.  With
    random ones the two sides differ wherever an example depends on another one.
    """
    batch, inner = y.shape[0], int(np.prod(y.shape[1:], dtype=int))
    blocks: list[Tensor] = []
    for k in range(inner):
        seed = np.zeros((batch, inner), y.dtype)
        seed[:, k] = 1
        (row,) = gradients(segments, [y], [Tensor(seed.reshape(y.shape))], sources)
        if row is None:
            return None
        blocks.append(row)
    x = sources[0][0]
    shape = y.shape + x.shape[1:]
    if not blocks:
        return Tensor(np.zeros(shape, x.dtype))
    random = np.random.default_rng(0)
    r, s = random.uniform(0.5, 1.5, batch), random.uniform(0.5, 1.5, inner)
    with Pause():
        (probe,) = gradients(segments, [y], [Tensor(np.outer(r, s).reshape(y.shape).astype(y.dtype))], sources)
    rows = np.stack([row.data for row in blocks])
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
    return reshape(stack(*blocks, axis=1), shape=shape)


def zeros(x: Tensor) -> Tensor:
    """Zeros of the shape and dtype of ``x``."""
    return Tensor(np.zeros_like(x.data)[()])


def ones(x: Tensor) -> Tensor:
    """Ones of the shape and dtype of ``x``: the seed of a gradient."""
    return Tensor(np.ones_like(x.data)[()])


def _note(targets: list[Tensor], sources: Sources, results: list[Any]) -> None:
    segment = current.get()
    if segment is not None:
        inputs = (*targets, *(t for values in sources for t in values))
        given = tuple([r for r in results if r is not None])
        segment.append((events.QUERY, {"targets": len(targets)}, inputs, given, *sites.here()))
