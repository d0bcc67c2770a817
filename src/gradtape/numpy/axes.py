"""Order: transpose and its kin, flips, turns and rolls."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..errors import ShapeError, message
from ..primitives import shapes as rows
from ..record import sites
from ..record.tensor import Tensor
from .shapes import axes_tuple, axis_number, ravel, tensor

_gradtape_composes = True

__all__ = [
    "flip",
    "fliplr",
    "flipud",
    "moveaxis",
    "permute_dims",
    "roll",
    "rollaxis",
    "rot90",
    "swapaxes",
    "transpose",
]


def transpose(x: Any, /, axes: Any = None) -> Tensor:
    """``x`` with its axes in the order ``axes``; by default reversed.

    >>> import gradtape as gt
    >>> gt.transpose(gt.asarray([[1.0, 2.0], [3.0, 4.0]]))
    Tensor([[1., 3.],
            [2., 4.]])
    """
    x = tensor(x)
    order = tuple(range(x.ndim))[::-1] if axes is None else axes_tuple(axes, x.ndim, "transpose")
    if len(order) != x.ndim:
        raise ShapeError(
            message(
                f"transpose: axes {order} for {x.ndim} dimensions",
                where=str(sites.user_line()),
                remedy="Name each axis once.",
            )
        )
    return rows.transpose(x, axes=order)


def permute_dims(x: Any, /, axes: Any) -> Tensor:
    """``x`` with its axes in the order ``axes``.

    >>> import gradtape as gt
    >>> gt.permute_dims(gt.zeros((2, 3, 4)), (2, 0, 1)).shape
    (4, 2, 3)
    """
    return transpose(x, axes)


def swapaxes(x: Any, axis1: int, axis2: int) -> Tensor:
    """``x`` with two axes exchanged.

    >>> import gradtape as gt
    >>> gt.swapaxes(gt.zeros((2, 3, 4)), 0, 2).shape
    (4, 3, 2)
    """
    x = tensor(x)
    a, b = axis_number(axis1, x.ndim, "swapaxes"), axis_number(axis2, x.ndim, "swapaxes")
    order = list(range(x.ndim))
    order[a], order[b] = order[b], order[a]
    return rows.transpose(x, axes=tuple(order))


def moveaxis(x: Any, source: Any, destination: Any) -> Tensor:
    """``x`` with the axes ``source`` at the places ``destination``, the others in their order.

    >>> import gradtape as gt
    >>> gt.moveaxis(gt.zeros((2, 3, 4)), 0, -1).shape
    (3, 4, 2)
    """
    x = tensor(x)
    old, new = axes_tuple(source, x.ndim, "moveaxis"), axes_tuple(destination, x.ndim, "moveaxis")
    if len(old) != len(new):
        raise ShapeError(message(f"moveaxis: {len(old)} axes to {len(new)} places", where=str(sites.user_line())))
    order = [i for i in range(x.ndim) if i not in old]
    for place, axis in sorted(zip(new, old, strict=True)):
        order.insert(place, axis)
    return rows.transpose(x, axes=tuple(order))


def rollaxis(x: Any, axis: int, start: int = 0) -> Tensor:
    """``x`` with ``axis`` moved back until it stands before the axis ``start``.

    >>> import gradtape as gt
    >>> gt.rollaxis(gt.zeros((2, 3, 4)), 2).shape
    (4, 2, 3)
    """
    x = tensor(x)
    axis = axis_number(axis, x.ndim, "rollaxis")
    start = start + x.ndim if start < 0 else start
    return moveaxis(x, axis, start - 1 if axis < start else start)


def flip(x: Any, /, axis: Any = None) -> Tensor:
    """``x`` with its entries in reverse order along ``axis``; by default along all axes.

    >>> import gradtape as gt
    >>> gt.flip(gt.asarray([1.0, 2.0, 3.0]))
    Tensor([3., 2., 1.])
    """
    x = tensor(x)
    axes = tuple(range(x.ndim)) if axis is None else axes_tuple(axis, x.ndim, "flip")
    return rows.flip(x, axis=axes) if axes else rows.identity(x)


def fliplr(x: Any) -> Tensor:
    """``x`` with its columns (axis 1) in reverse order.

    >>> import gradtape as gt
    >>> gt.fliplr(gt.asarray([[1.0, 2.0]]))
    Tensor([[2., 1.]])
    """
    return flip(x, 1)


def flipud(x: Any) -> Tensor:
    """``x`` with its rows (axis 0) in reverse order.

    >>> import gradtape as gt
    >>> gt.flipud(gt.asarray([1.0, 2.0]))
    Tensor([2., 1.])
    """
    return flip(x, 0)


def rot90(x: Any, k: int = 1, axes: Sequence[int] = (0, 1)) -> Tensor:
    """``x`` turned by k quarters in the plane of two axes, from the first towards the second.

    >>> import gradtape as gt
    >>> gt.rot90(gt.asarray([[1.0, 2.0], [3.0, 4.0]]))
    Tensor([[2., 4.],
            [1., 3.]])
    """
    x = tensor(x)
    a, b = axes_tuple(axes, x.ndim, "rot90")
    k %= 4
    if k == 2:
        return flip(x, (a, b))
    if k == 1:
        return swapaxes(flip(x, b), a, b)
    return flip(swapaxes(x, a, b), b) if k == 3 else rows.identity(x)


def roll(x: Any, /, shift: Any, axis: Any = None) -> Tensor:
    """``x`` moved on by ``shift`` places along ``axis`` (by default in the flattened array), round the end.

    >>> import gradtape as gt
    >>> gt.roll(gt.asarray([1.0, 2.0, 3.0]), 1)
    Tensor([3., 1., 2.])
    """
    x = tensor(x)
    if axis is None:
        return rows.reshape(roll(ravel(x), shift, 0), shape=x.shape)
    pairs = list(np.broadcast(np.asarray(shift), np.asarray(axis)))
    shifts = tuple([int(s) for s, _ in pairs])
    return rows.roll(x, shift=shifts, axis=tuple([axis_number(int(a), x.ndim, "roll") for _, a in pairs]))
