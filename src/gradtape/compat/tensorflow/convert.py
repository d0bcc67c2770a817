"""Making Tensors the way TensorFlow does: Python's floats are float32, its integers int32."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from ...record.tensor import Tensor
from ...record.variable import Variable as CoreVariable
from .dtypes import numpy_dtype
from .names import gt
from .tensorshape import TensorShape as TensorShape

_gradtape_composes = True

_NARROW = {np.dtype(np.float64): np.float32, np.dtype(np.int64): np.int32}


def is_value(x: Any) -> bool:
    """Whether ``x`` is a Tensor or a Variable."""
    return isinstance(x, Tensor | CoreVariable)


def _leaves(x: Any) -> Iterator[Any]:
    if isinstance(x, list | tuple):
        for y in x:  # pyright: ignore[reportUnknownVariableType]
            yield from _leaves(y)
    else:
        yield x


def tensor(x: Any, dtype: Any = None, hint: Any = None) -> Any:
    """A Tensor from anything; ``hint`` is the dtype to take where ``x`` itself does not say."""
    wanted = numpy_dtype(dtype)
    if isinstance(x, CoreVariable):
        x = x.value
    if isinstance(x, Tensor):
        return x if wanted is None or x.dtype == wanted else gt.astype(x, wanted)
    if hasattr(x, "as_tensor"):
        return tensor(x.as_tensor(), dtype)
    if isinstance(x, list | tuple):
        leaves = list(_leaves(x))
        values = [leaf for leaf in leaves if is_value(leaf)]
        if values:
            kind = wanted or values[0].dtype
            return gt.stack([tensor(each, kind) for each in x])  # pyright: ignore[reportUnknownVariableType]
        python = not any(isinstance(leaf, np.ndarray | np.generic) for leaf in leaves)
    else:
        python = not isinstance(x, np.ndarray | np.generic)
    if wanted is None and python:
        data = np.array(x)
        likely = numpy_dtype(hint)
        if likely is not None and (likely.kind in "fc" or data.dtype.kind == likely.kind) and data.dtype.kind in "fi":
            wanted = likely
        else:
            wanted = _NARROW.get(data.dtype, data.dtype)
            if wanted is np.int32 and data.size and int(np.abs(data).max()) > 0x7FFFFFFF:
                wanted = data.dtype
        return gt.asarray(data.astype(wanted))
    return gt.asarray(np.array(x, dtype=wanted))


def operands(x: Any, y: Any) -> tuple[Any, Any]:
    """Two operands of one operation: what has no dtype of its own takes the other's."""
    if is_value(x):
        return x, y if is_value(y) else tensor(y, hint=x.dtype)
    if is_value(y):
        return tensor(x, hint=y.dtype), y
    first = tensor(x)
    return first, tensor(y, hint=first.dtype)


def ints(shape: Any) -> tuple[int, ...]:
    """A shape (numbers, Tensors, a Tensor) as a tuple of Python integers."""
    if isinstance(shape, Tensor | CoreVariable | np.ndarray):
        return tuple(int(n) for n in np.atleast_1d(np.asarray(shape)))
    if isinstance(shape, Sequence):
        return tuple(int(n) for n in shape)  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]
    return (int(shape),)


def axes(axis: Any) -> Any:
    """An axis argument: None, an integer, or a tuple of integers."""
    if axis is None or isinstance(axis, int):
        return axis
    found = ints(axis)
    return found[0] if isinstance(axis, Tensor | np.ndarray) and axis.ndim == 0 else found


def constant(value: Any, dtype: Any = None, shape: Any = None, name: Any = None) -> Any:
    """A Tensor; with ``shape`` the value is reshaped, or repeated to fill it."""
    x = tensor(value, dtype)
    if shape is None:
        return x
    sizes = ints(shape)
    return gt.broadcast_to(x, sizes) if x.size == 1 else gt.reshape(x, sizes)


def convert_to_tensor(value: Any, dtype: Any = None, dtype_hint: Any = None, name: Any = None) -> Any:
    """A Tensor; a Variable gives its current one."""
    return tensor(value, dtype, dtype_hint)


def cast(x: Any, dtype: Any, name: Any = None) -> Any:
    """``x`` in another dtype, recorded."""
    wanted = numpy_dtype(dtype)
    found = x if is_value(x) else tensor(x)
    if found.dtype.kind == "c" and wanted.kind in "fiu":
        found = gt.real(found)
    return tensor(found, wanted)
