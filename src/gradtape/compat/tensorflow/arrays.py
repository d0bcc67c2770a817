"""Making, shaping and joining Tensors by TensorFlow's names."""

from __future__ import annotations

from typing import Any

import numpy as np

from .convert import axes, ints, is_value, operands, tensor
from .dtypes import numpy_dtype
from .names import gt

_gradtape_composes = True

__all__ = [
    "broadcast_to",
    "concat",
    "expand_dims",
    "eye",
    "fill",
    "linspace",
    "meshgrid",
    "ones",
    "ones_like",
    "pad",
    "range",
    "rank",
    "repeat",
    "reshape",
    "reverse",
    "roll",
    "shape",
    "size",
    "split",
    "squeeze",
    "stack",
    "tile",
    "transpose",
    "unstack",
    "where",
    "zeros",
    "zeros_like",
]

_range = range


def zeros(shape: Any, dtype: Any = np.float32, name: Any = None, **_: Any) -> Any:
    """Zeros."""
    return tensor(np.zeros(ints(shape), numpy_dtype(dtype)))


def ones(shape: Any, dtype: Any = np.float32, name: Any = None, **_: Any) -> Any:
    """Ones."""
    return tensor(np.ones(ints(shape), numpy_dtype(dtype)))


def fill(dims: Any, value: Any, name: Any = None) -> Any:
    """``value`` everywhere."""
    return gt.broadcast_to(tensor(value), ints(dims))


def zeros_like(input: Any, dtype: Any = None, name: Any = None, **_: Any) -> Any:
    """Zeros of the same shape."""
    return gt.zeros_like(tensor(input), dtype=numpy_dtype(dtype))


def ones_like(input: Any, dtype: Any = None, name: Any = None, **_: Any) -> Any:
    """Ones of the same shape."""
    return gt.ones_like(tensor(input), dtype=numpy_dtype(dtype))


def eye(
    num_rows: Any, num_columns: Any = None, batch_shape: Any = None, dtype: Any = np.float32, name: Any = None
) -> Any:
    """Ones on the diagonal."""
    one = np.eye(int(num_rows), None if num_columns is None else int(num_columns), dtype=numpy_dtype(dtype))
    return tensor(np.broadcast_to(one, (*(() if batch_shape is None else ints(batch_shape)), *one.shape)))


def range(start: Any, limit: Any = None, delta: Any = 1, dtype: Any = None, name: Any = None) -> Any:
    """start, start + delta, ... below limit; int32, or float32 where one of them is a float."""
    first, last = (0, start) if limit is None else (start, limit)
    given: list[Any] = [np.asarray(tensor(x)) for x in (first, last, delta)]
    kind = numpy_dtype(dtype) or np.result_type(*[g.dtype for g in given])
    return tensor(np.arange(*[g[()] for g in given]).astype(kind))


def linspace(start: Any, stop: Any, num: Any, axis: int = 0, name: Any = None) -> Any:
    """``num`` values from start to stop, both included; derivatives flow to both."""
    first, last = operands(start, stop)
    first, last = tensor(first), tensor(last)
    steps = np.linspace(0.0, 1.0, int(num), dtype=first.dtype).reshape((int(num),) + (1,) * first.ndim)
    return gt.moveaxis(first * (1 - steps) + last * steps, 0, axis)


def shape(input: Any, out_type: Any = np.int32, name: Any = None) -> Any:
    """The lengths of the axes, as a Tensor."""
    return tensor(np.array(_sized(input).shape, numpy_dtype(out_type)))


def size(input: Any, out_type: Any = np.int32, name: Any = None) -> Any:
    """The number of entries, as a Tensor."""
    return tensor(np.array(_sized(input).size, numpy_dtype(out_type)))


def rank(input: Any, name: Any = None) -> Any:
    """The number of axes, as a Tensor."""
    return tensor(np.array(_sized(input).ndim, np.int32))


def _sized(x: Any) -> Any:
    return x if is_value(x) else tensor(x)


def reshape(tensor: Any, shape: Any, name: Any = None) -> Any:
    """The same entries in another shape; one length may be -1."""
    return gt.reshape(_tensor(tensor), ints(shape) if not isinstance(shape, list | tuple) or len(shape) else ())


_tensor = tensor


def transpose(a: Any, perm: Any = None, conjugate: bool = False, name: Any = None) -> Any:
    """The axes in another order; without one, reversed."""
    x = tensor(a)
    y = gt.permute_dims(x, tuple(reversed(_range(x.ndim))) if perm is None else ints(perm))
    return gt.conj(y) if conjugate else y


def expand_dims(input: Any, axis: Any, name: Any = None) -> Any:
    """A new axis of length 1."""
    return gt.expand_dims(tensor(input), axis=int(axis))


def squeeze(input: Any, axis: Any = None, name: Any = None) -> Any:
    """Without the axes of length 1, or those named."""
    x = tensor(input)
    wanted = tuple(i for i, n in enumerate(x.shape) if n == 1) if axis is None else axes(axis)
    return gt.squeeze(x, axis=wanted)


def broadcast_to(input: Any, shape: Any, name: Any = None) -> Any:
    """Repeated along axes of length 1, and new ones."""
    return gt.broadcast_to(tensor(input), ints(shape))


def _alike(values: Any) -> list[Any]:
    """Several operands; those without a dtype of their own take that of the others."""
    values = list(values)
    kinds = [v.dtype for v in values if is_value(v)]
    return [tensor(v, hint=kinds[0] if kinds else None) for v in values]


def stack(values: Any, axis: Any = 0, name: Any = None) -> Any:
    """Joined along a new axis."""
    return gt.stack(_alike(values), axis=int(axis))


def unstack(value: Any, num: Any = None, axis: Any = 0, name: Any = None) -> list[Any]:
    """The slices along ``axis``, as a list."""
    return list(gt.unstack(tensor(value), axis=int(axis)))


def concat(values: Any, axis: Any, name: Any = None) -> Any:
    """Joined along an axis that is there."""
    return gt.concat(_alike(values), axis=int(axis))


def split(value: Any, num_or_size_splits: Any, axis: Any = 0, num: Any = None, name: Any = None) -> list[Any]:
    """Equal parts, or parts of the sizes given (one may be -1)."""
    x = tensor(value)
    if isinstance(num_or_size_splits, int):
        return list(gt.split(x, num_or_size_splits, axis=int(axis)))
    sizes = list(ints(num_or_size_splits))
    if -1 in sizes:
        sizes[sizes.index(-1)] = x.shape[int(axis)] - sum(sizes) - 1
    return list(gt.split(x, [int(n) for n in np.cumsum(sizes)[:-1]], axis=int(axis)))


def tile(input: Any, multiples: Any, name: Any = None) -> Any:
    """Repeated as a whole along each axis."""
    return gt.tile(tensor(input), ints(multiples))


def repeat(input: Any, repeats: Any, axis: Any = None, name: Any = None) -> Any:
    """Each entry repeated."""
    times = ints(repeats)
    return gt.repeat(tensor(input), times[0] if len(times) == 1 else np.array(times), axis=axes(axis))


def pad(tensor: Any, paddings: Any, mode: str = "CONSTANT", constant_values: Any = 0, name: Any = None) -> Any:
    """Padded at both ends of each axis."""
    x, widths = _tensor(tensor), [tuple(int(n) for n in w) for w in np.asarray(paddings)]
    if mode.upper() == "CONSTANT":
        return gt.pad(x, widths, mode="constant", constant_values=constant_values)
    return gt.pad(x, widths, mode=mode.lower())


def reverse(tensor: Any, axis: Any, name: Any = None) -> Any:
    """In the opposite order along the axes given."""
    return gt.flip(_tensor(tensor), axis=axes(axis))


def roll(input: Any, shift: Any, axis: Any, name: Any = None) -> Any:
    """Shifted along the axes given, what falls off coming in again."""
    return gt.roll(tensor(input), axes(shift), axis=axes(axis))


def meshgrid(*args: Any, indexing: str = "xy", name: Any = None) -> list[Any]:
    """Coordinate grids."""
    return list(gt.meshgrid(*[tensor(x) for x in args], indexing=indexing))


def where(condition: Any, x: Any = None, y: Any = None, name: Any = None) -> Any:
    """x where the condition holds, else y; without them, the indices where it holds."""
    c = tensor(condition)
    if x is None or y is None:
        return tensor(np.argwhere(np.asarray(c)).astype(np.int64))
    return gt.where(c, *operands(x, y))
