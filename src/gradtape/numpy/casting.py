"""Another dtype, by the row that fits: what the other modules of this room use on a user's behalf."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..primitives.shapes import astype, reshape, sum_to, truncate

_gradtape_composes = True

__all__: list[str] = []


def cast(x: Any, dtype: Any) -> Any:
    """``x`` in ``dtype``: as it is where it has it already, ``truncate`` to integers and booleans."""
    dtype = np.dtype(dtype)
    if x.dtype == dtype:
        return x
    return astype(x, dtype=dtype) if dtype.kind in "fc" else truncate(x, dtype=dtype)


def sum_last(x: Any) -> Any:
    """The sum over the last axis."""
    return reshape(sum_to(x, shape=(*x.shape[:-1], 1)), shape=x.shape[:-1])
