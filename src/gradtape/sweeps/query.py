"""Questions about derivatives: a gradient is one reverse sweep, a tangent one forward sweep.

What a query computes is recorded when somebody records, and a query event notes what was asked, so that a
gradient counts as connected to whatever its target was connected to.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ..primitives.complexes import conj
from ..primitives.shapes import identity
from ..record import events, sites
from ..record.segment import Segment, current, in_order, is_recording
from ..record.tensor import Tensor
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


def tangents(
    segments: Sequence[Segment], targets: list[Tensor], given: Mapping[Tensor, Tensor | None]
) -> list[Tensor | None]:
    """sum_x dy/dx dx for each target y, where ``given`` has dx (None: zero): None where there is no path."""
    recording = is_recording()
    starts: dict[Tensor, Any] = dict(given)
    if not recording:  # nobody will ask for the slope in a tangent of zeros
        starts = {x: dx.data if dx is not None and dx.data.any() else None for x, dx in given.items()}
    segments = in_order(segments)
    known = forward([e for s in segments for e in s], starts)  # a list: what the sweep does may be recorded there
    results: list[Tensor | None] = []
    for y in targets:
        dy = known.get(y)
        if dy is None:
            dy = zeros(y) if y in known or connected(segments, [y], given) else None
        results.append(dy if dy is None or isinstance(dy, Tensor) else Tensor(dy))
    if recording:  # an answer is not its own question, nor the answer to another one
        times = Counter(id(x) for x in (*given.values(), *results))
        results = [x if x is None or times[id(x)] == 1 else identity(x) for x in results]
    note(targets, list(given), results)
    return results


#: The values that a batched sweep may keep at a time, and how large one of them best is (a cache's size), in bytes.
BUDGET = 1 << 28
BEST = 1 << 16


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
