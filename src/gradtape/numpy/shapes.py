"""Shapes and dtypes: reshape, squeeze, broadcasting, astype; what the other modules here check arguments with."""

from __future__ import annotations

from collections.abc import Sequence
from operator import index
from typing import Any

import numpy as np

from ..errors import AxisError, DtypeError, ShapeError, message
from ..primitives import shapes as rows
from ..record import sites
from ..record.tensor import Tensor
from ..record.writer import lift, public, to_tensor
from .casting import cast
from .creation import on_this_device

_gradtape_composes = True

__all__ = [
    "astype",
    "atleast_1d",
    "atleast_2d",
    "atleast_3d",
    "broadcast_arrays",
    "broadcast_shapes",
    "broadcast_to",
    "copy",
    "expand_dims",
    "flatten",
    "meshgrid",
    "ravel",
    "reshape",
    "squeeze",
    "stop_gradient",
]

stop_gradient = public(rows.stop_gradient)


def tensor(x: Any) -> Tensor:
    """What a function of this room computes with: a Tensor whose array nobody else holds."""
    return x if type(x) is Tensor else to_tensor(strong(x))


def strong(x: Any) -> Any:
    """A Python number as a 0-d array of NumPy's default dtype; anything else as it is."""
    return np.asarray(x)[()] if isinstance(x, bool | int | float | complex) else x


def axes_tuple(axis: Any, ndim: int, asked: str) -> tuple[int, ...]:
    """One axis or several, as numbers from 0 on; each at most once."""
    axes = [index(a) for a in (axis if isinstance(axis, Sequence) else (axis,))]
    for a in axes:
        if not -ndim <= a < ndim:
            raise AxisError(
                message(
                    f"{asked}: axis {a} does not exist in {ndim} dimensions",
                    where=str(sites.user_line()),
                    remedy=f"Use an axis from {-ndim} to {ndim - 1}." if ndim else "A 0-d value has no axes.",
                )
            )
    normal = tuple([a % ndim for a in axes])
    if len(set(normal)) != len(normal):
        raise ShapeError(message(f"{asked}: an axis is repeated in {tuple(axes)}", where=str(sites.user_line())))
    return normal


def axis_number(axis: int, ndim: int, asked: str) -> int:
    """One axis, as a number from 0 on."""
    return axes_tuple(index(axis), ndim, asked)[0]


def shape_tuple(shape: Any) -> tuple[int, ...]:
    """A shape from an integer or a sequence of them."""
    return tuple([index(n) for n in shape]) if isinstance(shape, Sequence | np.ndarray) else (index(shape),)


# -- shape ------------------------------------------------------------------------------------------------


def reshape(x: Any, /, shape: Any, order: str = "C", *, copy: bool | None = None) -> Tensor:
    """The entries of ``x``, in the same order, in another shape; one length may be -1.

    Raises ShapeError where the number of entries differs.

    >>> import gradtape as gt
    >>> gt.reshape(gt.asarray([1.0, 2.0, 3.0, 4.0]), (2, -1))
    Tensor([[1., 2.],
            [3., 4.]])
    """
    x, shape = tensor(x), shape_tuple(shape)
    if order == "F":
        backwards = rows.reshape(_reversed(x), shape=rows.full_shape(x, shape)[::-1])
        return _reversed(backwards)
    if order not in ("C", "A"):
        raise ValueError(message(f"reshape: order {order!r}", remedy="Use 'C' or 'F'."))
    return rows.reshape(x, shape=shape)


def _reversed(x: Any) -> Any:
    return rows.transpose(x, axes=tuple(range(x.ndim))[::-1])


def ravel(x: Any, order: str = "C") -> Tensor:
    """The entries of ``x`` in one dimension.

    >>> import gradtape as gt
    >>> gt.ravel(gt.asarray([[1.0, 2.0], [3.0, 4.0]]))
    Tensor([1., 2., 3., 4.])
    """
    return reshape(x, (-1,), order)


def flatten(x: Any, order: str = "C") -> Tensor:
    """The entries of ``x`` in one dimension.

    >>> import gradtape as gt
    >>> gt.flatten(gt.asarray([[1.0, 2.0], [3.0, 4.0]]))
    Tensor([1., 2., 3., 4.])
    """
    return reshape(x, (-1,), order)


def expand_dims(x: Any, /, axis: Any = 0) -> Tensor:
    """``x`` with new axes of length 1 at the places ``axis`` of the result.

    >>> import gradtape as gt
    >>> gt.expand_dims(gt.asarray([1.0, 2.0]), axis=1).shape
    (2, 1)
    """
    x = tensor(x)
    axes = axis if isinstance(axis, Sequence) else (axis,)
    new = axes_tuple(axes, x.ndim + len(axes), "expand_dims")
    lengths = iter(x.shape)
    return rows.reshape(x, shape=tuple([1 if i in new else next(lengths) for i in range(x.ndim + len(new))]))


def squeeze(x: Any, /, axis: Any = None) -> Tensor:
    """``x`` without its axes of length 1, or without those of ``axis``. Raises ShapeError where one is longer.

    >>> import gradtape as gt
    >>> gt.squeeze(gt.asarray([[1.0, 2.0]]))
    Tensor([1., 2.])
    """
    x = tensor(x)
    drop = tuple([i for i, n in enumerate(x.shape) if n == 1]) if axis is None else axes_tuple(axis, x.ndim, "squeeze")
    if any(x.shape[i] != 1 for i in drop):
        raise ShapeError(
            message(f"squeeze: an axis of {drop} is longer than 1", f"shape {x.shape}", str(sites.user_line()))
        )
    return rows.reshape(x, shape=tuple([n for i, n in enumerate(x.shape) if i not in drop]))


def _atleast(ndim: int, x: Any) -> Tensor:
    x = tensor(x)
    if x.ndim >= ndim:
        return x
    shape = x.shape
    if ndim == 3:
        shape = {0: (1, 1, 1), 1: (1, *shape, 1), 2: (*shape, 1)}[x.ndim]
    else:
        shape = (1,) * (ndim - x.ndim) + shape
    return rows.reshape(x, shape=shape)


def atleast_1d(*xs: Any) -> Any:
    """Each input with at least one dimension: one Tensor, or a tuple of them for several inputs.

    >>> import gradtape as gt
    >>> gt.atleast_1d(2.0)
    Tensor([2.])
    """
    return _atleast(1, xs[0]) if len(xs) == 1 else tuple([_atleast(1, x) for x in xs])


def atleast_2d(*xs: Any) -> Any:
    """Each input with at least two dimensions, new ones in front.

    >>> import gradtape as gt
    >>> gt.atleast_2d([1.0, 2.0])
    Tensor([[1., 2.]])
    """
    return _atleast(2, xs[0]) if len(xs) == 1 else tuple([_atleast(2, x) for x in xs])


def atleast_3d(*xs: Any) -> Any:
    """Each input with at least three dimensions, as NumPy adds them: (n,) to (1, n, 1), (m, n) to (m, n, 1).

    >>> import gradtape as gt
    >>> gt.atleast_3d([1.0, 2.0]).shape
    (1, 2, 1)
    """
    return _atleast(3, xs[0]) if len(xs) == 1 else tuple([_atleast(3, x) for x in xs])


# -- repetition ----------------------------------------------------------------------------------------------


def broadcast_to(x: Any, /, shape: Any) -> Tensor:
    """``x`` repeated along new axes and axes of length 1, to ``shape``. Raises ShapeError where it does not fit.

    >>> import gradtape as gt
    >>> gt.broadcast_to(gt.asarray([1.0, 2.0]), (2, 2))
    Tensor([[1., 2.],
            [1., 2.]])
    """
    return rows.broadcast_to(tensor(x), shape=shape_tuple(shape))


def broadcast_shapes(*shapes: Any) -> tuple[int, ...]:
    """The shape that arrays of these shapes have together.

    >>> import gradtape as gt
    >>> gt.broadcast_shapes((3, 1), (4,))
    (3, 4)
    """
    try:
        return np.broadcast_shapes(*shapes)
    except ValueError as error:
        raise ShapeError(message(f"broadcast_shapes: {error}", where=str(sites.user_line()))) from error


def broadcast_arrays(*xs: Any) -> tuple[Tensor, ...]:
    """The inputs, each repeated to the shape that they have together.

    >>> import gradtape as gt
    >>> gt.broadcast_arrays([1.0, 2.0], 5.0)
    (Tensor([1., 2.]), Tensor([5., 5.]))
    """
    tensors = [tensor(x) for x in xs]
    shape = broadcast_shapes(*[x.shape for x in tensors])
    return tuple([x if x.shape == shape else rows.broadcast_to(x, shape=shape) for x in tensors])


def meshgrid(*xs: Any, indexing: str = "xy", sparse: bool = False, copy: bool = True) -> tuple[Tensor, ...]:
    """Coordinate arrays of a grid from its axes: ``out[k][i0, i1, ..] = xs[k][ik]``.

    ``indexing="xy"`` exchanges the first two axes (rows are y), ``"ij"`` keeps their order.

    >>> import gradtape as gt
    >>> x, y = gt.meshgrid(gt.asarray([1.0, 2.0]), gt.asarray([3.0, 4.0]))
    >>> y
    Tensor([[3., 3.],
            [4., 4.]])
    """
    if indexing not in ("xy", "ij"):
        raise ValueError(message(f"meshgrid: indexing {indexing!r}", remedy="Use 'xy' or 'ij'."))
    n = len(xs)
    places = list(range(n))
    if indexing == "xy" and n > 1:
        places[:2] = [1, 0]
    lines = [
        reshape(x, tuple([-1 if i == place else 1 for i in range(n)])) for x, place in zip(xs, places, strict=True)
    ]
    return tuple(lines) if sparse else broadcast_arrays(*lines)


# -- dtype and identity ---------------------------------------------------------------------------------------------


def astype(x: Any, dtype: Any, /, *, copy: bool = True, device: Any = None) -> Tensor:
    """``x`` in another dtype.

    Between floating dtypes the derivative passes, in the dtype of each side.  An integer or boolean dtype cuts
    it.  Complex to real raises DtypeError: say ``gt.real(x)``.

    >>> import gradtape as gt
    >>> gt.astype(gt.asarray([1.5, 2.5]), gt.int64)
    Tensor([1, 2])
    """
    on_this_device(device, "astype")
    x, dtype = tensor(x), np.dtype(dtype)
    if x.dtype.kind == "c" and dtype.kind not in "cb":
        raise DtypeError(
            message(
                f"astype: {x.dtype} to {dtype} would drop the imaginary part",
                where=str(sites.user_line()),
                remedy="Use gt.real(x), gt.imag(x) or gt.abs(x).",
            )
        )
    return cast(x, dtype)


def copy(x: Any, order: str = "K", subok: bool = False) -> Tensor:
    """The same value under a new identity, so that derivatives can be taken with respect to the copy alone.

    >>> import gradtape as gt
    >>> gt.copy(gt.asarray([1.0, 2.0]))
    Tensor([1., 2.])
    """
    return rows.identity(lift(tensor(x)))
