"""Hessians: reverse sweeps over a recorded reverse sweep, for the half that symmetry leaves.

A gradient on the record is a program like any other; its Jacobian is the Hessian (jacobians.py).  Of the blocks
d2y / dx_j dx_i of several sources only those with i >= j are computed, and the others are their transposes; what lies
on the diagonal is averaged with its transpose, so that the result is symmetric to the last bit.

Where a user's own rule (custom_gradient) is on the record, or values are complex, the Jacobian of the gradient need not
be symmetric: there it is computed whole.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Any

import numpy as np

from ..primitives.shapes import reshape, transpose
from ..record.segment import Segment, is_recording
from ..record.tensor import Tensor
from .jacobians import AUTO, Chunk, collected, has_rules, jacobian_rows, row_blocks
from .query import Sources, note

Blocks = list[list[Tensor]]

#: Sources with no more elements than this are swept together.
TOGETHER = 64


def hessian_blocks(
    segments: Sequence[Segment], grads: Sequence[Tensor], sources: Sources, chunk: Chunk = AUTO
) -> Blocks:
    """d g_j / d x_i for the gradients g_j with respect to the sources x_j; zeros where there is no path."""
    if has_rules(segments) or any(g.dtype.kind == "c" for g in grads):
        rows = [jacobian_rows(segments, g, sources, chunk) for g in grads]
        return [
            [_zeros(g, other) if b is None else b for b, other in zip(row, grads, strict=True)]
            for g, row in zip(grads, rows, strict=True)
        ]
    if is_recording():
        blocks = _recorded(segments, grads, sources, chunk)
    else:
        blocks = _raw(segments, grads, sources, chunk)
    every = [t for values in sources for t in values]
    note(list(grads), every, [b for row in blocks for b in row])
    return blocks


def _zeros(a: Tensor, b: Tensor) -> Tensor:
    return Tensor(np.zeros(a.shape + b.shape, a.dtype)[()])


def _recorded(segments: Sequence[Segment], grads: Sequence[Tensor], sources: Sources, chunk: Chunk) -> Blocks:
    n = len(grads)
    blocks: list[list[Any]] = [[None] * n for _ in range(n)]
    for j, g in enumerate(grads):
        found = jacobian_rows(segments, g, sources[j:], chunk)
        for i, block in enumerate(found, start=j):
            x = grads[i]
            if block is None:
                blocks[j][i] = _zeros(g, x)
                blocks[i][j] = blocks[j][i] if i == j else _zeros(x, g)
                continue
            flat = reshape(block, shape=(prod(g.shape), prod(x.shape)))
            turned = transpose(flat, axes=(1, 0))
            if i == j:
                flat = 0.5 * (flat + turned)
            else:
                blocks[i][j] = reshape(turned, shape=x.shape + g.shape)
            blocks[j][i] = reshape(flat, shape=g.shape + x.shape)
    return blocks


def _raw(segments: Sequence[Segment], grads: Sequence[Tensor], sources: Sources, chunk: Chunk) -> Blocks:
    n = len(grads)
    sizes = [prod(g.shape) for g in grads]
    # Flat blocks: flat[j, i] is d g_j / d x_i as a matrix.
    flat: dict[tuple[int, int], Any] = {}
    for group in _groups(sizes):
        first = group[0]
        targets = [grads[j] for j in group]
        size = sum(sizes[j] for j in group)
        found = collected(row_blocks(segments, targets, sources[first:], chunk), size, sources[first:])
        for i, block in enumerate(found, start=first):
            start = 0
            for j in group:
                if block is None:
                    flat[j, i] = np.zeros((sizes[j], sizes[i]), grads[j].dtype)
                else:
                    flat[j, i] = block[start : start + sizes[j]].reshape(sizes[j], sizes[i])
                start += sizes[j]
    results: list[list[Any]] = [[None] * n for _ in range(n)]
    for j in range(n):
        for i in range(j, n):
            one, other = flat[j, i], flat.get((i, j))
            if other is not None:
                one = (one + other.T) * one.dtype.type(0.5)
            results[j][i] = Tensor(one.reshape(grads[j].shape + grads[i].shape)[()])
            if i != j:
                results[i][j] = Tensor(one.T.reshape(grads[i].shape + grads[j].shape)[()])
    return results


def _groups(sizes: Sequence[int]) -> list[list[int]]:
    """Neighbours that are swept together: as many as have no more than TOGETHER elements."""
    groups: list[list[int]] = []
    room = 0
    for i, size in enumerate(sizes):
        if groups and size <= room:
            groups[-1].append(i)
            room -= size
        else:
            groups.append([i])
            room = TOGETHER - size
    return groups
