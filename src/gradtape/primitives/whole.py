"""Dead lanes of rows that do the same for every matrix, or every line, of a stack: alive or dead as a whole."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .reductions import any as any_of
from .selection import where
from .shapes import broadcast_to, reshape, sum_to


def whole(out: int, core_of: Callable[..., int]) -> Callable[..., Any]:
    """``met`` of a row that makes ``out`` last axes of the last ``core_of(i, **params)`` axes of each input i.

    For the rows of spectra: where values are repeated, their short way is right and the parts it stands for are not.
    """

    def met(alive: Any, i: int, *xs: Any, **params: Any) -> Any:
        x = xs[i]
        core = min(core_of(i, **params), x.ndim)
        lanes = any_of(alive, axis=tuple(range(-out, 0)), keepdims=False)
        lead = x.shape[: x.ndim - core]
        if lanes.shape != lead:
            lanes = sum_to(where(lanes, 1.0, 0.0), shape=lead) > 0
        return broadcast_to(reshape(lanes, shape=(*lead, *(1,) * core)), shape=x.shape)

    return met


def lines(alive: Any, x: Any, axes: Any) -> Any:
    """The same for a row of one input that mixes what stands along ``axes``, and nothing else."""
    return broadcast_to(any_of(alive, axis=axes, keepdims=True), shape=x.shape)
