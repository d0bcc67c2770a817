"""The Jacobian of each example by itself: one sweep per element of one example, and one that verifies independence."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Any

import numpy as np

from ..errors import ShapeError, message
from ..primitives.joining import concat
from ..primitives.shapes import reshape, transpose
from ..record import sites
from ..record.segment import Pause, Segment, Window, in_order, is_recording
from ..record.tensor import Tensor, value_of
from .connection import connected
from .jacobians import AUTO, Chunk, Seeds, collected, has_rules, pulled, walked
from .query import Sources, gradients, note, ones


def batch_jacobian(segments: Sequence[Segment], y: Tensor, sources: Sources, chunk: Chunk = AUTO) -> Tensor | None:
    """J[b] = dy[b]/dx[b], from one sweep per element of one example; that the examples are independent is verified.

    An independent batch gives sum_bk r_b s_k dy[b,k]/dx[b'] = r_b' sum_k s_k J[b',k] for any weights r and s.  With
    random ones the two sides differ wherever an example depends on another one.
    """
    if not sources[0]:
        return None
    x = sources[0][0]
    batch, inner = y.shape[0], prod(y.shape[1:])
    shape = y.shape + x.shape[1:]
    segments = in_order(segments)
    blocks: Any = None
    if not inner or not batch:
        blocks = np.zeros((inner, *x.shape), x.dtype)
    elif is_recording() or has_rules(segments):
        seed = ones(y)
        with Window() as window:
            (row,) = gradients(segments, [y], [seed], sources)
        if row is not None:
            found = walked(window, seed, lambda a, b: _same_in_each(y, a, b), inner, [row], chunk)
            parts = [block for _, (block,) in found]
            blocks = parts[0] if len(parts) == 1 else concat(*parts, axis=0)
    else:

        def seeds(first: int, last: int) -> Seeds:
            return [(y, _same_in_each(y, first, last))]

        (blocks,) = collected(pulled(segments, [y], seeds, inner, sources, chunk), inner, sources)
        if blocks is None and connected(segments, [y], sources[0]):
            blocks = np.zeros((inner, *x.shape), x.dtype)
    if blocks is None:
        return None
    _verify_independence(segments, y, sources, value_of(blocks))
    blocks = reshape(transpose(blocks, axes=(1, 0, *range(2, len(blocks.shape)))), shape=shape)
    result = blocks if isinstance(blocks, Tensor) else Tensor(blocks)
    note([y], [t for values in sources for t in values], [result])
    return result


def _same_in_each(y: Tensor, first: int, last: int) -> Any:
    """Rows first to last of the identity for one example, in every example at once."""
    batch, inner = y.shape[0], prod(y.shape[1:])
    seed = np.zeros((last - first, batch, inner), y.dtype)
    seed[np.arange(last - first), :, np.arange(first, last)] = 1
    return seed.reshape(last - first, *y.shape)


def _verify_independence(segments: Sequence[Segment], y: Tensor, sources: Sources, rows: Any) -> None:
    x = sources[0][0]
    batch, inner = y.shape[0], prod(y.shape[1:])
    random = np.random.default_rng(0)
    r, s = random.uniform(0.5, 1.5, batch), random.uniform(0.5, 1.5, inner)
    with Pause():
        (probe,) = gradients(segments, [y], [Tensor(np.outer(r, s).reshape(y.shape).astype(y.dtype))], sources)
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
