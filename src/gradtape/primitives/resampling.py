"""Rows of resampling along one axis: another number of entries over the same extent, by interpolation.

Entry i of n stands at (i + 1/2) / n, so the ends of the extent stay where they are.  Each new entry is a weighted sum
of a few neighbours; the weights depend on the lengths and the method alone.  Kernels: a box, a triangle, and the cubic
convolution of Keys (1981) with a = -1/2; where they reach over the ends, the weights that remain are scaled to sum to
one.
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import Any

import numpy as np

from ..rules.batching import shift_axis
from ..rules.kinds import linear
from .shapes import drawn


def _cubic(x: Any) -> Any:
    near = ((1.5 * x - 2.5) * x) * x + 1.0
    far = ((-0.5 * x + 2.5) * x - 4.0) * x + 2.0
    return np.where(x < 1, near, np.where(x < 2, far, 0.0))


def _lanczos(reach: int) -> Any:
    return lambda x: np.where(x < reach, np.sinc(x) * np.sinc(x / reach), 0.0)


#: method -> how far the kernel reaches to each side, the kernel
KERNELS: dict[str, tuple[int, Any]] = {
    "nearest": (0, None),
    "linear": (1, lambda x: np.maximum(1.0 - x, 0.0)),
    "cubic": (2, _cubic),
    "lanczos3": (3, _lanczos(3)),
    "lanczos5": (5, _lanczos(5)),
}


@lru_cache(maxsize=256)
def taps(n: int, size: int, method: str, smooth: bool) -> tuple[Any, Any]:
    """(indices, weights), both (size, taps): entry i is the sum over t of weights[i, t] * x[indices[i, t]].

    ``smooth``: where entries are left out, the kernel is as wide as their distance (no aliasing).
    """
    reach, kernel = KERNELS[method]
    if not reach:
        at = (2 * np.arange(size) + 1) * n // (2 * size)
        return at[:, None], np.ones((size, 1))
    at = (np.arange(size) + 0.5) * (n / size) - 0.5
    width = max(n / size, 1.0) if smooth else 1.0
    first = np.floor(at - reach * width).astype(np.intp) + 1
    indices = first[:, None] + np.arange(math.ceil(2 * reach * width))
    weights = np.asarray(kernel(np.abs(indices - at[:, None]) / width))
    weights = np.where((indices >= 0) & (indices < n), weights, 0.0)
    return np.clip(indices, 0, n - 1), weights / weights.sum(axis=1, keepdims=True)


def _matrix(n: int, size: int, method: str, smooth: bool) -> Any:
    indices, weights = taps(n, size, method, smooth)
    matrix = np.zeros((size, n))
    np.add.at(matrix, (np.arange(size)[:, None], indices), weights)
    return matrix


def _along(weights: Any, x: Any, axis: int) -> Any:
    """Weights in the precision of ``x``, in the shape that broadcasts along ``axis``."""
    return weights.astype(np.zeros(0, x.dtype).real.dtype).reshape((-1,) + (1,) * (x.ndim - 1 - axis))


def _resample(xp: Any, x: Any, *, axis: int, size: int, method: str, smooth: bool) -> Any:
    axis %= x.ndim
    indices, weights = taps(x.shape[axis], size, method, smooth)
    y = xp.take(x, indices[:, 0], axis=axis) * _along(weights[:, 0], x, axis)
    for at, w in zip(indices.T[1:], weights.T[1:], strict=True):
        y = y + xp.take(x, at, axis=axis) * _along(w, x, axis)
    return y


def _resample_back(xp: Any, y: Any, *, axis: int, size: int, method: str, smooth: bool) -> Any:
    """The transposed weights: from ``y`` back to ``size`` entries along ``axis``."""
    axis %= y.ndim
    if xp is not np:
        matrix = _along(_matrix(size, y.shape[axis], method, smooth).ravel(), y, y.ndim - 1)
        return xp.moveaxis(xp.tensordot(y, matrix.reshape(-1, size), axes=((axis,), (0,))), -1, axis)
    indices, weights = taps(size, y.shape[axis], method, smooth)
    out = np.zeros((*y.shape[:axis], size, *y.shape[axis + 1 :]), dtype=y.dtype)
    lead = (slice(None),) * axis
    for at, w in zip(indices.T, weights.T, strict=True):
        # The indices of one tap never decrease, so each place's share is a run.
        starts = np.flatnonzero(np.append(True, at[1:] != at[:-1]))
        out[(*lead, at[starts])] += np.add.reduceat(y * _along(w, y, axis), starts, axis=axis)
    return out


_CASES: list[tuple[tuple[int, ...], int, int, str, bool]] = [
    ((4,), 0, 7, "linear", False),
    ((5,), 0, 3, "linear", True),
    ((2, 4), -1, 3, "cubic", False),
    ((5, 2), 0, 9, "cubic", False),
    ((3, 2), 0, 5, "nearest", False),
    ((5,), 0, 2, "nearest", False),
    ((7,), 0, 3, "cubic", True),
    ((1,), 0, 3, "linear", False),
    ((5,), 0, 8, "lanczos3", False),
    ((9, 2), 0, 4, "lanczos5", True),
    ((0, 3), 1, 2, "linear", False),
]
_PARAMS: dict[str, Any] = {"axis": [0], "size": [3], "method": list(KERNELS), "smooth": [False, True]}


def _setting(axis: Any, size: Any, method: Any, smooth: Any) -> dict[str, Any]:
    return {"axis": axis, "size": size, "method": method, "smooth": smooth}


def _other(shape: tuple[int, ...], axis: int, size: int) -> tuple[int, ...]:
    return tuple([size if i == axis % len(shape) else n for i, n in enumerate(shape)])


resample = linear(
    "resample",
    _resample,
    lambda ct, x, *, axis, size, method, smooth: resample_back(
        ct, axis=axis, size=x.shape[axis], method=method, smooth=smooth
    ),
    params=_PARAMS,
    batch=shift_axis("axis"),
    sample=drawn(*[(shape, _setting(axis, *more)) for shape, axis, *more in _CASES]),
    doc="``size`` entries along ``axis`` in the place of those there are, by interpolation.",
    public=False,
)

resample_back = linear(
    "resample_back",
    _resample_back,
    lambda ct, y, *, axis, size, method, smooth: resample(
        ct, axis=axis, size=y.shape[axis], method=method, smooth=smooth
    ),
    params=_PARAMS,
    batch=shift_axis("axis"),
    sample=drawn(
        *[
            (_other(shape, axis, size), _setting(axis, shape[axis], method, smooth))
            for shape, axis, size, method, smooth in _CASES
        ]
    ),
    doc="The transpose of ``resample``: each entry handed back to those it was interpolated from.",
    public=False,
)
