"""Resampling: arrays and images of another size by interpolation."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..errors import ShapeError, message
from ..primitives import resampling as rows
from ..primitives.shapes import identity
from ..record import sites
from ..record.tensor import Tensor
from ..record.writer import lift, strong
from .casting import cast
from .shapes import shape_tuple

_gradtape_composes = True

__all__ = ["resample"]

_NAMES = {"bilinear": "linear", "trilinear": "linear", "bicubic": "cubic"}


def resample(x: Any, shape: Any, method: str = "linear", *, antialias: bool = False) -> Tensor:
    """``x`` over the same extent with another number of entries: ``shape``, as many lengths as ``x`` has axes.

    Axes of which the length stays are left alone, such as batch and channels.  Entry i of n stands at (i + 1/2) / n.
    ``method`` is "nearest", "linear" ("bilinear"), "cubic" ("bicubic": Keys 1981, a = -1/2), or "lanczos3" or
    "lanczos5": sinc(x) sinc(x / a) for |x| < a (Duchon 1979).  With ``antialias`` the kernel is widened where the array
    gets smaller, so that every old entry counts.

    ShapeError where ``shape`` is not as long as that of ``x``, or an empty axis would have to grow.  (What NumPy calls
    ``resize`` repeats entries instead: :func:`gradtape.resize`.)

    >>> import gradtape as gt
    >>> gt.resample(gt.asarray([0.0, 4.0]), 4)
    Tensor([0., 1., 3., 4.])
    >>> gt.resample(gt.zeros((8, 32, 32, 3)), (8, 64, 48, 3), "bicubic").shape
    (8, 64, 48, 3)
    """
    x = strong(lift(x))
    if x.dtype.kind not in "fc" and method != "nearest":
        x = cast(x, np.float64)
    sizes = shape_tuple(shape)
    method = _NAMES.get(method, method)
    if method not in rows.KERNELS:
        raise ValueError(
            message(
                f"resample: method={method!r}",
                where=str(sites.user_line()),
                remedy="Use " + ", ".join(repr(name) for name in rows.KERNELS) + ".",
            )
        )
    if len(sizes) != x.ndim or any(n < 0 or (n and not have) for n, have in zip(sizes, x.shape, strict=False)):
        raise ShapeError(
            message(
                f"resample: from shape {x.shape} to {sizes}",
                where=str(sites.user_line()),
                remedy="Give the length of every axis, also of those that stay; an empty axis stays empty.",
            )
        )
    y = x
    for axis, (n, have) in enumerate(zip(sizes, x.shape, strict=True)):
        if n != have:
            y = rows.resample(y, axis=axis, size=n, method=method, smooth=antialias and n < have)
    return identity(x) if y is x else y
