"""A mean of many paths, a part of them at a time: as many as fit into a budget of memory."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import numpy as np

from ..control.checkpoint import checkpoint
from ..primitives.joining import stack
from ..primitives.shapes import identity
from ..record.segment import Pause, Window
from ..record.tensor import Tensor
from ..state.random import Generator
from .designs import REPLICATES, Seeded

__all__ = ["chunk_sizes", "in_chunks", "told_to"]

#: No fewer parts, for the standard error is estimated from how they differ.
FEWEST = 16
_PILOT = 4 * REPLICATES


def chunk_sizes(estimate: Callable[[int, Any], Any], samples: int, budget: int) -> tuple[int, int]:
    """(number of parts, paths in each): what the record of a part holds fits into ``budget`` bytes.

    ``estimate(n, seed)`` is the expectation of n paths; it is tried with a few, and what they hold is multiplied.
    """
    with Pause(), Window() as window:
        estimate(_PILOT, 0)
    held = {id(t): t.nbytes for e in window.entries() for t in _tensors(e) if t.shape[:1] == (_PILOT,)}
    each = max(1, sum(held.values()) // _PILOT)
    fitting = max(REPLICATES, budget // each)
    parts = max(FEWEST, -(-samples // fitting))
    paths = -(-samples // parts)
    return parts, max(2 * REPLICATES, -(-paths // REPLICATES) * REPLICATES)


def _tensors(entry: Any) -> list[Tensor]:
    output = entry[3] if type(entry[3]) is tuple else (entry[3],)
    return [x for x in (*entry[2], *output) if isinstance(x, Tensor)]


def in_chunks(
    estimate: Callable[[int, Any], Any],
    parts: int,
    paths: int,
    seed: Any,
    progress: Callable[[int, int, float, float], Any] | None,
) -> tuple[Tensor, list[str]]:
    """The means of the parts, of shape (parts,), all that the tape keeps of them; the estimator and its reason."""
    means: list[Tensor] = []
    values: list[float] = []
    told = ["", ""]

    def part(k: int) -> Any:
        own = (
            seed
            if seed is None or isinstance(seed, Generator)
            else Seeded([*np.atleast_1d(seed).tolist(), k], kept=False)
        )
        made = estimate(paths, own)
        told[:] = made.estimator, made.reason
        return identity(made)

    for k in range(parts):
        mean = checkpoint(lambda k=k: part(k))()
        means.append(mean)
        values.append(float(np.mean(mean.data)))
        if progress is not None:
            error = np.std(values, ddof=1) / np.sqrt(k + 1) if k else np.nan
            progress((k + 1) * paths, parts * paths, float(np.mean(values)), float(error))
    return stack(*means, axis=0), told


def told_to(progress: Any) -> Callable[[int, int, float, float], Any] | None:
    """Who is told of progress: nobody, a function of the user's, or whoever reads the standard error stream."""
    if progress is None or progress is False:
        return None
    return _printed if progress is True else progress


def _printed(done: int, total: int, mean: float, error: float) -> None:
    end = "\n" if done == total else "\r"
    print(f"expectation: {done} of {total} paths, {mean:.6g} +- {error:.2g}", end=end, file=sys.stderr, flush=True)
