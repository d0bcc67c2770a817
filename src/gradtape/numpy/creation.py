"""Making Tensors: asarray, zeros, ones, arange, linspace ..."""

from __future__ import annotations

from operator import index
from typing import Any

import numpy as np

from ..errors import DtypeError, ShapeError, message
from ..primitives import joining
from ..primitives.shapes import broadcast_to, reshape
from ..record import sites
from ..record.tensor import Tensor
from ..record.variable import Variable
from ..record.writer import lift, sequence_lifter, strong, to_tensor
from .casting import cast

_gradtape_composes = True

__all__ = [
    "array",
    "asanyarray",
    "asarray",
    "ascontiguousarray",
    "constant",
    "empty",
    "empty_like",
    "eye",
    "from_dlpack",
    "full",
    "full_like",
    "identity",
    "ones",
    "ones_like",
    "zeros",
    "zeros_like",
]

_HERE = (None, "cpu")


def on_this_device(device: Any, asked: str) -> None:
    if device not in _HERE:
        raise ValueError(message(f"{asked}: there is no device {device!r}", remedy='Tensors lie on "cpu".'))


def made(data: Any) -> Tensor:
    """A Tensor around an array that nobody else holds."""
    return Tensor(data[()] if data.ndim == 0 else data)


def shape_of(shape: Any) -> tuple[int, ...]:
    """A shape argument as a tuple of integers."""
    return tuple([index(n) for n in shape]) if isinstance(shape, tuple | list) else (index(shape),)


# -- from values -----------------------------------------------------------------------------------------------


def asarray(
    x: Any, /, dtype: Any = None, *, device: Any = None, copy: bool | None = None, order: Any = None, like: Any = None
) -> Tensor:
    """A Tensor from numbers, NumPy arrays, nested lists (which may hold Tensors), Variables or DLPack arrays.

    Arrays are copied, so that nobody can change a recorded value behind the tape's back.  A Tensor is returned
    as it is, or converted, recorded, where ``dtype`` asks for another one.  A list with Tensors inside is stacked,
    recorded: derivatives flow to each of them.

    >>> import gradtape as gt
    >>> gt.asarray([1, 2], dtype=gt.float32)
    Tensor([1., 2.], dtype=float32)
    >>> x = gt.asarray(3.0)
    >>> with gt.GradientTape() as tape:
    ...     y = gt.sum(gt.asarray([x, x * x]))
    >>> tape.gradient(y, x)
    Tensor(7.0)
    """
    on_this_device(device, "asarray")
    if isinstance(x, Tensor | Variable | list | tuple):
        value = strong(lift(x))
        return value if dtype is None else cast(value, dtype)
    if hasattr(x, "__dlpack__") and not isinstance(x, np.ndarray | np.generic):
        return from_dlpack(x) if dtype is None else cast(from_dlpack(x), dtype)
    return to_tensor(x, dtype)


def array(
    x: Any,
    dtype: Any = None,
    *,
    copy: bool = True,
    order: Any = None,
    subok: bool = False,
    ndmin: int = 0,
    like: Any = None,
) -> Tensor:
    """A Tensor from anything array-like, with at least ``ndmin`` axes: see :func:`asarray`.

    >>> import gradtape as gt
    >>> gt.array([1.0, 2.0], ndmin=2)
    Tensor([[1., 2.]])
    """
    y = asarray(x, dtype)
    return y if y.ndim >= ndmin else reshape(y, shape=(1,) * (ndmin - y.ndim) + y.shape)


asanyarray = ascontiguousarray = asarray


def constant(value: Any, dtype: Any = None, shape: Any = None, name: str | None = None) -> Tensor:
    """A Tensor of ``value``, repeated to ``shape`` where it is one number or laid out in it.

    >>> import gradtape as gt
    >>> gt.constant(2.0, shape=(2,))
    Tensor([2., 2.])
    """
    y = asarray(value, dtype)
    if shape is None:
        return y
    wanted = shape_of(shape)
    return broadcast_to(y, shape=wanted) if y.size == 1 else reshape(y, shape=wanted)


def from_dlpack(x: Any, /, *, device: Any = None, copy: bool | None = None) -> Tensor:
    """A Tensor with a copy of an array of another library, by the DLPack protocol.

    >>> import gradtape as gt, numpy as np
    >>> gt.from_dlpack(np.asarray([1.0, 2.0]))
    Tensor([1., 2.])
    """
    on_this_device(device, "from_dlpack")
    return x if isinstance(x, Tensor) else made(np.array(np.from_dlpack(x)))


def _has_tensor(items: Any) -> bool:
    return any(isinstance(x, Tensor | Variable) or (isinstance(x, list | tuple) and _has_tensor(x)) for x in items)


def _stacked(items: Any) -> Tensor:
    """A list or tuple as one Tensor: stacked, recorded, where there are Tensors inside."""
    if not _has_tensor(items):
        data = np.array(items)
        if data.dtype.kind not in "biufc":
            raise DtypeError(
                message(
                    f"a list that NumPy makes an array of dtype {data.dtype}",
                    where=str(sites.user_line()),
                    remedy="Pass lists of numbers, arrays or Tensors, all of one shape.",
                )
            )
        return made(data)
    parts = [lift(x) for x in items]
    # Python's numbers are weak here too: [x, 1.0] has the dtype of x.
    dtype = np.result_type(*[p.dtype if isinstance(p, Tensor) else p for p in parts])
    tensors = [p if isinstance(p, Tensor) else Tensor(np.asarray(p, dtype=dtype)[()]) for p in parts]
    shapes = {t.shape for t in tensors}
    if len(shapes) > 1:
        raise ShapeError(
            message(
                "a list of Tensors of different shapes is not an array",
                [f"shapes {', '.join(str(t.shape) for t in tensors[:6])}"],
                str(sites.user_line()),
                "Join them with gt.concat, or make their shapes equal.",
            )
        )
    return joining.stack(*tensors, axis=0)


if not sequence_lifter:
    sequence_lifter.append(_stacked)


# -- of one value ------------------------------------------------------------------------------------------------


def zeros(shape: Any, dtype: Any = None, order: Any = "C", *, device: Any = None, like: Any = None) -> Tensor:
    """Zeros, of dtype float64 unless told otherwise.

    >>> import gradtape as gt
    >>> gt.zeros((2,))
    Tensor([0., 0.])
    """
    on_this_device(device, "zeros")
    return made(np.zeros(shape_of(shape), dtype))


def ones(shape: Any, dtype: Any = None, order: Any = "C", *, device: Any = None, like: Any = None) -> Tensor:
    """Ones, of dtype float64 unless told otherwise.

    >>> import gradtape as gt
    >>> gt.ones((2,), dtype=gt.int64)
    Tensor([1, 1])
    """
    on_this_device(device, "ones")
    return made(np.ones(shape_of(shape), dtype))


empty = zeros


def full(
    shape: Any, fill_value: Any, dtype: Any = None, order: Any = "C", *, device: Any = None, like: Any = None
) -> Tensor:
    """``fill_value``, which may be a Tensor, repeated to ``shape``.

    >>> import gradtape as gt
    >>> gt.full((2,), 3.0)
    Tensor([3., 3.])
    """
    on_this_device(device, "full")
    wanted = shape_of(shape)
    if isinstance(fill_value, Tensor | Variable):
        return broadcast_to(asarray(fill_value, dtype), shape=wanted)
    return made(np.full(wanted, fill_value, dtype))


def _like(x: Any, dtype: Any, shape: Any) -> tuple[Any, Any]:
    value = x if isinstance(x, Tensor | Variable) else asarray(x)
    return value.shape if shape is None else shape, value.dtype if dtype is None else dtype


def zeros_like(
    x: Any, /, dtype: Any = None, order: Any = "K", subok: bool = True, shape: Any = None, *, device: Any = None
) -> Tensor:
    """Zeros of the shape and dtype of ``x``.

    >>> import gradtape as gt
    >>> gt.zeros_like([1.0, 2.0])
    Tensor([0., 0.])
    """
    return zeros(*_like(x, dtype, shape), device=device)


def ones_like(
    x: Any, /, dtype: Any = None, order: Any = "K", subok: bool = True, shape: Any = None, *, device: Any = None
) -> Tensor:
    """Ones of the shape and dtype of ``x``.

    >>> import gradtape as gt
    >>> gt.ones_like([1.0, 2.0])
    Tensor([1., 1.])
    """
    return ones(*_like(x, dtype, shape), device=device)


empty_like = zeros_like


def full_like(
    x: Any,
    /,
    fill_value: Any,
    dtype: Any = None,
    order: Any = "K",
    subok: bool = True,
    shape: Any = None,
    *,
    device: Any = None,
) -> Tensor:
    """``fill_value`` repeated to the shape of ``x``, in its dtype.

    >>> import gradtape as gt
    >>> gt.full_like([1.0, 2.0], 3)
    Tensor([3., 3.])
    """
    wanted, kind = _like(x, dtype, shape)
    return full(wanted, fill_value, kind, device=device)


def eye(
    n_rows: int, n_cols: int | None = None, /, k: int = 0, dtype: Any = None, order: Any = "C", *, device: Any = None
) -> Tensor:
    """Ones on diagonal ``k``, zeros elsewhere.

    >>> import gradtape as gt
    >>> gt.eye(2)
    Tensor([[1., 0.],
            [0., 1.]])
    """
    on_this_device(device, "eye")
    return made(np.eye(n_rows, n_cols, k=k, dtype=float if dtype is None else dtype))


def identity(n: int, dtype: Any = None) -> Tensor:
    """The identity matrix of ``n`` rows.

    >>> import gradtape as gt
    >>> gt.identity(1)
    Tensor([[1.]])
    """
    return eye(n, dtype=dtype)
