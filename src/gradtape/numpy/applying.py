"""Functions that are given functions: piecewise, apply_along_axis, apply_over_axes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ..errors import ShapeError, message
from ..record import sites
from ..record.tensor import Tensor, read
from .axes import moveaxis
from .casting import cast
from .creation import asarray, zeros_like
from .joining import stack
from .reductions import tensor
from .shapes import axis_number, expand_dims
from .updates import index_update

_gradtape_composes = True

__all__ = ["apply_along_axis", "apply_over_axes", "piecewise"]


def piecewise(x: Any, condlist: Any, funclist: Sequence[Any], *args: Any, **kw: Any) -> Tensor:
    """The function (or number) of ``funclist`` at those elements of ``x`` where its condition of ``condlist`` holds.

    A function is called with the elements where its condition holds, and with no others; the last condition that
    holds counts.  One function more than conditions stands for all other elements, else they are 0.

    >>> import gradtape as gt
    >>> x = gt.asarray([-2.0, 1.0, 3.0])
    >>> with gt.GradientTape() as tape:
    ...     y = gt.piecewise(x, [x < 0, x >= 0], [lambda v: -v, lambda v: v * v])
    >>> y, tape.gradient(y, x)
    (Tensor([2., 1., 9.]), Tensor([-1.,  2.,  6.]))
    """
    x = tensor(x)
    listed = isinstance(condlist, list | tuple) and len(condlist) and not np.isscalar(condlist[0])
    single = not listed or (not isinstance(condlist[0], list | np.ndarray | Tensor) and x.ndim != 0)
    conditions = [condlist] if single else list(condlist)
    masks = [np.asarray(read(c, "piecewise() choosing by it"), dtype=bool) for c in conditions]
    if len(funclist) == len(masks) + 1:
        masks.append(~np.any(masks, axis=0))
    elif len(funclist) != len(masks):
        raise ShapeError(
            message(
                f"piecewise: {len(funclist)} functions for {len(masks)} conditions",
                where=str(sites.user_line()),
                remedy="Give as many, or one more for where none holds.",
            )
        )
    y = zeros_like(x)
    for mask, f in zip(masks, funclist, strict=True):
        inside = np.broadcast_to(mask, x.shape)
        if not callable(f):
            y = index_update(y, inside, cast(asarray(f), x.dtype))
        elif inside.any():
            y = index_update(y, inside, cast(asarray(f(x[inside], *args, **kw)), x.dtype))
    return y


def apply_along_axis(func1d: Callable[..., Any], axis: int, arr: Any, *args: Any, **kwargs: Any) -> Tensor:
    """``func1d`` of each row along ``axis``; the axes of its results stand in the place of ``axis``.

    It is called row by row: :func:`gradtape.vmap` is faster where the function allows it.

    >>> import gradtape as gt
    >>> gt.apply_along_axis(lambda row: gt.sum(row * row), 1, gt.asarray([[1.0, 2.0], [3.0, 4.0]]))
    Tensor([ 5., 25.])
    """
    x = tensor(arr)
    axis = axis_number(axis, x.ndim, "apply_along_axis")
    rows = moveaxis(x, axis, -1)
    outer = rows.shape[:-1]
    if 0 in outer:
        raise ShapeError(
            message(
                f"apply_along_axis: no rows along axis {axis} of shape {x.shape}",
                where=str(sites.user_line()),
                remedy="There must be one row at least: nothing else says what the function returns.",
            )
        )
    found = [asarray(func1d(rows[at], *args, **kwargs)) for at in np.ndindex(outer)]
    y = stack(found).reshape((*outer, *found[0].shape))
    inner = found[0].ndim
    places = range(len(outer), len(outer) + inner)
    return moveaxis(y, tuple(places), tuple(range(axis, axis + inner))) if inner else y


def apply_over_axes(func: Callable[..., Any], a: Any, axes: Any) -> Tensor:
    """``func(a, axis)`` for one axis after the other; an axis that ``func`` takes away comes back with length 1.

    >>> import gradtape as gt
    >>> gt.apply_over_axes(gt.sum, gt.ones((2, 3, 4)), [0, 2]).shape
    (1, 3, 1)
    """
    y = x = tensor(a)
    for axis in axes if isinstance(axes, Sequence) else (axes,):
        at = axis_number(axis, x.ndim, "apply_over_axes")
        found = asarray(func(y, at))
        y = found if found.ndim == x.ndim else expand_dims(found, axis=at)
        if y.ndim != x.ndim:
            raise ShapeError(
                message(
                    f"apply_over_axes: a result of shape {found.shape} for an array of {x.ndim} axes",
                    where=str(sites.user_line()),
                    remedy="The function must keep the axes, or take away the one it is given.",
                )
            )
    return y
