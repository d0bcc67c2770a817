"""Ranges, grids and powers of a range: arange, linspace, geomspace, indices, vander ..."""

from __future__ import annotations

import math
from operator import index
from typing import Any

import numpy as np

from ..errors import ShapeError, message
from ..primitives.arithmetic import power
from ..primitives.shapes import reshape, transpose
from ..primitives.transcendental import exp, log
from ..record import sites
from ..record.tensor import Tensor
from ..record.variable import Variable
from ..record.writer import is_number, lift
from .casting import cast
from .creation import asarray, made, on_this_device, shape_of

_gradtape_composes = True

__all__ = ["arange", "fromfunction", "geomspace", "indices", "linspace", "logspace", "vander"]


def arange(
    start: Any, /, stop: Any = None, step: Any = 1, *, dtype: Any = None, device: Any = None, like: Any = None
) -> Tensor:
    """``start, start + step, ...`` below ``stop``; with one argument from 0. Bounds that are Tensors are held.

    >>> import gradtape as gt
    >>> gt.arange(3), gt.arange(1.0, 2.0, 0.5)
    (Tensor([0, 1, 2]), Tensor([1. , 1.5]))
    """
    on_this_device(device, "arange")
    first, last, by = [x.item() if isinstance(x, Tensor | Variable) else x for x in (start, stop, step)]
    return made(np.arange(first, step=by, dtype=dtype) if last is None else np.arange(first, last, by, dtype=dtype))


def _traced(*xs: Any) -> bool:
    return any(isinstance(x, Tensor | Variable) for x in xs)


def linspace(
    start: Any,
    stop: Any,
    /,
    num: int = 50,
    *,
    endpoint: bool = True,
    retstep: bool = False,
    dtype: Any = None,
    axis: int = 0,
    device: Any = None,
) -> Any:
    """``num`` numbers at equal distances from ``start`` to ``stop``; differentiable in both.

    >>> import gradtape as gt
    >>> gt.linspace(0.0, 1.0, 5)
    Tensor([0.  , 0.25, 0.5 , 0.75, 1.  ])
    """
    on_this_device(device, "linspace")
    num = index(num)
    parts = num - 1 if endpoint else num
    if not _traced(start, stop):
        data, width = np.linspace(start, stop, num, endpoint=endpoint, retstep=True, dtype=dtype, axis=axis)
        return (made(data), Tensor(width)) if retstep else made(data)
    # A Python number does not widen the other end.
    a, b = [x if is_number(x) else asarray(x) for x in (start, stop)]
    step = (b - a) / (parts or math.nan)
    ndim = step.ndim
    t = np.arange(num, dtype=np.float64).reshape((num,) + (1,) * ndim)
    real = np.result_type(step.dtype, np.float32) if step.dtype.kind == "f" else np.float64
    t = (t / parts if parts else t).astype(real)
    # (1 - t) a + t b meets both ends exactly.
    y = (1 - t) * a + t * b
    if axis != 0 and ndim:
        y = _first_axis_to(y, axis)
    y = y if dtype is None else cast(y, dtype)
    return (y, step) if retstep else y


def _first_axis_to(y: Any, axis: int) -> Tensor:
    order = list(range(1, y.ndim))
    order.insert(axis % y.ndim, 0)
    return transpose(y, axes=tuple(order))


def logspace(
    start: Any, stop: Any, num: int = 50, endpoint: bool = True, base: Any = 10.0, dtype: Any = None, axis: int = 0
) -> Tensor:
    """``base ** linspace(start, stop, num)``; differentiable in ``start``, ``stop`` and ``base``.

    >>> import gradtape as gt
    >>> gt.logspace(0, 2, 3)
    Tensor([  1.,  10., 100.])
    """
    y = power(lift(base), linspace(start, stop, num, endpoint=endpoint, axis=axis))
    return y if dtype is None else cast(y, dtype)


def geomspace(start: Any, stop: Any, num: int = 50, endpoint: bool = True, dtype: Any = None, axis: int = 0) -> Tensor:
    """``num`` numbers in constant ratio from ``start`` to ``stop``; differentiable in both where they are positive.

    >>> import gradtape as gt
    >>> gt.geomspace(1.0, 4.0, 3)
    Tensor([1., 2., 4.])
    """
    if not _traced(start, stop):
        return made(np.geomspace(start, stop, num, endpoint=endpoint, dtype=dtype, axis=axis))
    y = exp(linspace(log(asarray(start)), log(asarray(stop)), num, endpoint=endpoint, axis=axis))
    return y if dtype is None else cast(y, dtype)


def indices(dimensions: Any, dtype: Any = int, sparse: bool = False) -> Any:
    """The indices of a grid: one array for each axis.

    >>> import gradtape as gt
    >>> gt.indices((1, 2))
    Tensor([[[0, 0]],
    <BLANKLINE>
            [[0, 1]]])
    """
    found: Any = np.indices(shape_of(dimensions), dtype=dtype, sparse=sparse)
    return tuple([Tensor(x) for x in found]) if sparse else Tensor(found)


def fromfunction(function: Any, shape: Any, *, dtype: Any = float, **kwargs: Any) -> Tensor:
    """``function`` of the coordinate arrays of a grid.

    >>> import gradtape as gt
    >>> gt.fromfunction(lambda i, j: i + j, (2, 2))
    Tensor([[0., 1.],
            [1., 2.]])
    """
    return asarray(function(*indices(shape, dtype=dtype), **kwargs))


def vander(x: Any, n: int | None = None, increasing: bool = False) -> Tensor:
    """The Vandermonde matrix: the powers of ``x``, the highest first unless ``increasing``.

    >>> import gradtape as gt
    >>> gt.vander([2.0, 3.0], 3)
    Tensor([[4., 2., 1.],
            [9., 3., 1.]])
    """
    x = asarray(x)
    if x.ndim != 1:
        raise ShapeError(message("vander: x has one axis", f"shape {x.shape}", str(sites.user_line())))
    count = x.size if n is None else index(n)
    exponents = np.arange(count) if increasing else np.arange(count)[::-1]
    return power(reshape(x, shape=(x.size, 1)), Tensor(exponents))
