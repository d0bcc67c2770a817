"""The precision of slopes: where inputs have several dtypes, a slope is computed in that of the result."""

from __future__ import annotations

from typing import Any

from .shapes import astype


def as_result(x: Any, y: Any) -> Any:
    """``x`` in the dtype of the result ``y``; Python numbers are weak, and stay what they are.

    One over a float32 number is a float32 number, however precise what it is multiplied with.
    """
    dtype = getattr(x, "dtype", None)
    return x if dtype is None or dtype == y.dtype else astype(x, dtype=y.dtype)
