"""Rows of the discrete Fourier transform: fft, ifft over any axes; rfft, irfft along one.

All are linear.  The complex transforms are symmetric matrices, so each is its own transpose.  rfft keeps the first
half of a spectrum that is its own mirror image: its transpose is irfft with the weight of the entries that have a
mirror image halved, and the other way round.  The Hermitian transforms and those of real arrays over several axes are
written with these.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np

from ..rules.batching import shift_axis
from ..rules.kinds import linear
from .complexes import conj
from .shapes import astype
from .whole import lines

#: The normalisation of the transpose: backward scales the inverse transform by 1/n, forward the other one.
SWAPPED = {"backward": "forward", "ortho": "ortho", "forward": "backward"}

_NORMS = ("backward", "ortho", "forward")


def _fitted(c: Any, x: Any) -> Any:
    """A cotangent in the dtype of the input: the real part for a real one."""
    return c if c.dtype == x.dtype else astype(c, dtype=x.dtype)


def _transform(xp: Any, x: Any, name: str, axes: tuple[int, ...], norm: str) -> Any:
    if len(axes) == 1:
        return getattr(xp.fft, name)(x, axis=axes[0], norm=norm)
    return getattr(xp.fft, name + "n")(x, axes=axes, norm=norm)


def _cases(rng: Any) -> list[Any]:
    """Real and complex arrays, over one axis and several, in each normalisation."""
    made: list[Any] = []
    shapes: list[tuple[tuple[int, ...], tuple[int, ...]]] = [
        ((4,), (0,)), ((3,), (-1,)), ((1,), (0,)), ((2, 3), (0,)), ((2, 3), (0, 1)), ((3, 0), (0,)),
        ((2, 3, 2), (2, 0)),
    ]  # fmt: skip
    for i, (shape, axes) in enumerate(shapes):
        made.append(((rng.normal(size=shape),), {"axes": axes, "norm": _NORMS[i % 3]}))
    return made


fft = linear(
    "fft",
    lambda xp, x, *, axes, norm: _transform(xp, x, "fft", axes, norm),
    lambda ct, x, *, axes, norm: _fitted(fft(ct, axes=axes, norm=norm), x),
    params={"axes": [(0,), (0, 1)], "norm": list(_NORMS)},
    sample=_cases,
    met=lambda alive, i, x, *, axes, norm: lines(alive, x, axes),
    batch=shift_axis("axes"),
    doc="The discrete Fourier transform over ``axes``: y_k = s sum_j x_j exp(-2 pi i j k / n) along each.",
    public=False,
)

ifft = linear(
    "ifft",
    lambda xp, x, *, axes, norm: _transform(xp, x, "ifft", axes, norm),
    lambda ct, x, *, axes, norm: _fitted(ifft(ct, axes=axes, norm=norm), x),
    params={"axes": [(0,), (0, 1)], "norm": list(_NORMS)},
    sample=_cases,
    met=lambda alive, i, x, *, axes, norm: lines(alive, x, axes),
    batch=shift_axis("axes"),
    doc="The inverse discrete Fourier transform over ``axes``: y_j = s sum_k x_k exp(2 pi i j k / n) along each.",
    public=False,
)


# -- half spectra ------------------------------------------------------------------------------------------------


@lru_cache(maxsize=256)
def _mirrored(n: int, weight: float, after: int, dtype: str) -> Any:
    """``weight`` for the entries of a half spectrum that have a mirror image, 1 for those at its ends that have none.

    In the shape that broadcasts along an axis with ``after`` axes behind it.
    """
    weights = np.full(n // 2 + 1, weight, dtype=dtype)
    weights[0] = 1
    if n % 2 == 0:
        weights[-1] = 1
    return weights.reshape((-1,) + (1,) * after)


def _weighted(c: Any, n: int, weight: float, axis: int) -> Any:
    after = c.ndim - 1 - axis % c.ndim
    return c * _mirrored(n, weight, after, "float32" if c.dtype.itemsize == 8 else "float64")


def _rfft_transposed(ct: Any, x: Any, *, axis: int, norm: str) -> Any:
    """Re sum_k ct_k exp(-2 pi i j k / n), over the half of the spectrum that there is."""
    n = x.shape[axis]
    half = _weighted(conj(ct), n, 0.5, axis)
    return _fitted(irfft(half, n=n, axis=axis, norm=SWAPPED[norm]), x)


def _irfft_transposed(ct: Any, x: Any, *, n: int, axis: int, norm: str) -> Any:
    """The gradient: y is real, so nothing conjugates it, and d<ct, y> = Re(conj(gradient) dx)."""
    return _fitted(_weighted(rfft(ct, axis=axis, norm=SWAPPED[norm]), n, 2.0, axis), x)


def _half_spectra(rng: Any) -> list[Any]:
    made: list[Any] = []
    shapes: list[tuple[tuple[int, ...], int, int]] = [
        ((3,), 4, 0), ((3,), 5, -1), ((1,), 1, 0), ((2,), 2, 0), ((3, 2), 4, 0), ((2, 3), 5, 1), ((0, 2), 3, 1),
    ]  # fmt: skip
    for i, (shape, n, axis) in enumerate(shapes):
        x = rng.normal(size=shape) + 1j * rng.normal(size=shape) * (i != 4)
        made.append(((x if i != 4 else x.real,), {"n": n, "axis": axis, "norm": _NORMS[i % 3]}))
    return made


rfft = linear(
    "rfft",
    lambda xp, x, *, axis, norm: xp.fft.rfft(x, axis=axis, norm=norm),
    _rfft_transposed,
    params={"axis": [0, -1], "norm": list(_NORMS)},
    sample=lambda rng: [
        ((rng.normal(size=shape),), {"axis": axis, "norm": _NORMS[i % 3]})
        for i, (shape, axis) in enumerate(
            [((4,), 0), ((5,), -1), ((1,), 0), ((2,), 0), ((4, 2), 0), ((2, 3), 1), ((2, 6), -1), ((0, 3), 1)]
        )
    ],
    met=lambda alive, i, x, *, axis, norm: lines(alive, x, axis),
    batch=shift_axis("axis"),
    doc="The first n // 2 + 1 entries of the Fourier transform of a real array: the others are their mirror images.",
    public=False,
)

irfft = linear(
    "irfft",
    lambda xp, x, *, n, axis, norm: xp.fft.irfft(x, n=n, axis=axis, norm=norm),
    _irfft_transposed,
    params={"n": [4], "axis": [0], "norm": list(_NORMS)},
    sample=_half_spectra,
    met=lambda alive, i, x, *, n, axis, norm: lines(alive, x, axis),
    batch=shift_axis("axis"),
    doc="The real array of length n along ``axis`` whose spectrum begins with the n // 2 + 1 entries of the input.",
    public=False,
)
