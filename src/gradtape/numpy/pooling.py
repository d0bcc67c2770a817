"""Pooling: the mean or the largest entry of windows that slide over a batch with channels; the windows themselves."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..errors import DtypeError, ShapeError, message
from ..primitives import windows as rows
from ..primitives.indexing import setitem
from ..primitives.shapes import reshape, transpose
from ..record import sites
from ..record.tensor import Tensor
from ..record.writer import lift, strong
from .casting import cast
from .convolution import channels_last, inside, margins, padded, per_axis, to_first, to_last
from .shapes import axes_tuple, shape_tuple

_gradtape_composes = True

__all__ = ["avg_pool", "max_pool", "sliding_window_view"]

Sizes = tuple[int, ...]


def _prepared(
    x: Any, window: Any, strides: Any, padding: Any, dilation: Any, channels: str, asked: str
) -> tuple[Tensor, dict[str, Any], list[Sizes], bool]:
    """``x`` with its channels first, what the rows want, the margins, and whether there was no batch axis."""
    x = strong(lift(x))
    last = channels_last(channels, asked)
    m = len(shape_tuple(window)) if not isinstance(window, int) else x.ndim - 2
    if not 1 <= m <= 3 or x.ndim not in (m + 1, m + 2):
        raise ShapeError(
            message(
                f"{asked}: windows {window!r} in an array of shape {x.shape}",
                where=str(sites.user_line()),
                remedy="The array is (batch, *size, channels) with one to three axes of size, and the window has a "
                "length for each of them; a batch axis may be left away where the window is a tuple.",
            )
        )
    alone = x.ndim == m + 1
    x = reshape(x, shape=(1, *x.shape)) if alone else x
    x = to_first(x) if last else x
    sizes = per_axis(window, m, asked, "window")
    steps = sizes if strides is None else per_axis(strides, m, asked, "strides")
    gaps = per_axis(dilation, m, asked, "dilation")
    pads = margins(padding, x.shape[2:], sizes, steps, gaps, asked)
    whole = inside(x.shape[2:], pads)[1]
    if 0 in rows.places(whole, sizes, steps, gaps):
        raise ShapeError(
            message(
                f"{asked}: a window that reaches over {rows.reach(sizes, gaps)} in a padded array of {whole}",
                where=str(sites.user_line()),
                remedy='Pad the array, for example with padding="same", or use a smaller window.',
            )
        )
    return x, {"window": sizes, "strides": steps, "dilation": gaps}, pads, alone


def _result(y: Tensor, channels: str, alone: bool) -> Tensor:
    y = to_last(y) if channels == "last" else y
    return reshape(y, shape=y.shape[1:]) if alone else y


def avg_pool(
    x: Any,
    window: Any,
    *,
    strides: Any = None,
    padding: Any = "valid",
    dilation: Any = 1,
    channels: str = "last",
    count_padding: bool = False,
) -> Tensor:
    """The mean of each window: y[n, p, c] = mean over k of x[n, strides p + dilation k, c].

    ``x`` is (batch, *size, channels), or with ``channels="first"`` (batch, channels, *size), with one to three axes of
    size; ``window`` is a number or one for each of them.  ``strides`` are by default the window.  ``padding`` is as for
    :func:`gradtape.conv`; padded entries are left out of the mean unless ``count_padding``.

    >>> import gradtape as gt
    >>> gt.avg_pool(gt.asarray([[[1.0], [3.0], [5.0], [7.0]]]), 2)
    Tensor([[[2.],
             [6.]]])
    """
    x, setting, pads, alone = _prepared(x, window, strides, padding, dilation, channels, "avg_pool")
    x = x if x.dtype.kind in "fc" else cast(x, np.float64)
    total = rows.window_sum(padded(x, pads), **setting)
    number: Any = math.prod(setting["window"])
    if any(lo or hi for lo, hi in pads) and not count_padding:
        where, whole = inside(x.shape[2:], pads)
        real = np.zeros(whole, dtype=np.zeros(0, x.dtype).real.dtype)
        real[where] = 1
        number = rows.window_sum(real, **setting)  # on an array: nothing is recorded
        number = np.maximum(number, 1, dtype=number.dtype)
    return _result(total / number, channels, alone)


def max_pool(
    x: Any, window: Any, *, strides: Any = None, padding: Any = "valid", dilation: Any = 1, channels: str = "last"
) -> Tensor:
    """The largest entry of each window: y[n, p, c] = max over k of x[n, strides p + dilation k, c].

    Arguments as for :func:`gradtape.avg_pool`; padded entries are never the largest.  As for :func:`gradtape.max`, the
    derivative is split evenly over ties, and what is not the largest has no influence on any derivative.

    >>> import gradtape as gt
    >>> x = gt.asarray([[[1.0], [3.0], [5.0], [5.0]]])
    >>> with gt.GradientTape() as tape:
    ...     y = gt.max_pool(x, 2)
    >>> gt.reshape(y, -1), gt.reshape(tape.gradient(y, x), -1)
    (Tensor([3., 5.]), Tensor([0. , 1. , 0.5, 0.5]))
    """
    x, setting, pads, alone = _prepared(x, window, strides, padding, dilation, channels, "max_pool")
    if x.dtype.kind not in "fiu":
        raise DtypeError(message(f"max_pool of {x.dtype}", where=str(sites.user_line()), remedy="Use real numbers."))
    if any(lo or hi for lo, hi in pads):
        lowest = -math.inf if x.dtype.kind == "f" else np.iinfo(x.dtype).min
        where, whole = inside(x.shape[2:], pads)
        x = setitem(np.full((*x.shape[:2], *whole), lowest, dtype=x.dtype), x, index=where)
    return _result(rows.window_max(x, **setting), channels, alone)


def sliding_window_view(x: Any, window_shape: Any, axis: Any = None) -> Tensor:
    """Every window of ``window_shape`` along ``axis`` (by default all axes), its entries in new axes at the end.

    >>> import gradtape as gt
    >>> gt.sliding_window_view(gt.asarray([1.0, 2.0, 3.0]), 2)
    Tensor([[1., 2.],
            [2., 3.]])
    """
    x, window = strong(lift(x)), shape_tuple(window_shape)
    axes = tuple(range(x.ndim)) if axis is None else axes_tuple(axis, x.ndim, "sliding_window_view")
    if len(window) != len(axes) or any(not 0 < k <= x.shape[a] for k, a in zip(window, axes, strict=False)):
        raise ShapeError(
            message(
                f"sliding_window_view: windows {window} along the axes {axes} of an array of shape {x.shape}",
                where=str(sites.user_line()),
                remedy="Give a length for each axis, between 1 and its own.",
            )
        )
    n, m = x.ndim, len(axes)
    rest = [a for a in range(n) if a not in axes]
    ones = (1,) * m
    y = rows.windows(transpose(x, axes=(*rest, *axes)), window=window, strides=ones, dilation=ones)
    # y has the axes that stay, the windows' entries, their places; wanted are x's axes, then the entries.
    order = [rest.index(a) if a in rest else n + axes.index(a) for a in range(n)]
    return transpose(y, axes=(*order, *range(n - m, n)))
