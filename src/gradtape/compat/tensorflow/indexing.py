"""Looking up, writing and sorting entries by TensorFlow's names."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...state import functional
from .convert import axes, ints, is_value, tensor
from .dtypes import numpy_dtype
from .names import gt
from .variables import gt_scatter

_gradtape_composes = True

__all__ = [
    "argsort",
    "boolean_mask",
    "clip_by_global_norm",
    "clip_by_norm",
    "clip_by_value",
    "gather",
    "gather_nd",
    "one_hot",
    "scatter_nd",
    "searchsorted",
    "slice",
    "sort",
    "tensor_scatter_nd_add",
    "tensor_scatter_nd_max",
    "tensor_scatter_nd_min",
    "tensor_scatter_nd_sub",
    "tensor_scatter_nd_update",
    "unique",
]

_slice = slice


def gather(
    params: Any, indices: Any, validate_indices: Any = None, axis: Any = None, batch_dims: int = 0, name: Any = None
) -> Any:
    """The slices of ``params`` at ``indices`` along ``axis``."""
    x = tensor(params)
    along = int(batch_dims) if axis is None else int(axis) % x.ndim
    return gt.gather(x, tensor(indices), axis=along, batch_dims=int(batch_dims))


def gather_nd(params: Any, indices: Any, batch_dims: int = 0, name: Any = None, **_: Any) -> Any:
    """The entries (or slices) of ``params`` at the index tuples along the last axis of ``indices``."""
    return gt.gather_nd(tensor(params), tensor(indices), batch_dims=int(batch_dims))


def scatter_nd(indices: Any, updates: Any, shape: Any, name: Any = None) -> Any:
    """Zeros of that shape, with ``updates`` added at ``indices``."""
    return gt.scatter_nd(tensor(indices), tensor(updates), ints(shape))


def tensor_scatter_nd_update(tensor: Any, indices: Any, updates: Any, name: Any = None) -> Any:
    """``tensor`` with ``updates`` written at ``indices``."""
    return gt_scatter("set", _tensor(tensor), indices, updates)


def tensor_scatter_nd_add(tensor: Any, indices: Any, updates: Any, name: Any = None) -> Any:
    """``tensor`` with ``updates`` added at ``indices``."""
    return gt_scatter("add", _tensor(tensor), indices, updates)


def tensor_scatter_nd_sub(tensor: Any, indices: Any, updates: Any, name: Any = None) -> Any:
    """``tensor`` with ``updates`` subtracted at ``indices``."""
    return gt_scatter("add", _tensor(tensor), indices, -_tensor(updates, hint=_tensor(tensor).dtype))


def tensor_scatter_nd_max(tensor: Any, indices: Any, updates: Any, name: Any = None) -> Any:
    """``tensor`` with the larger of it and ``updates`` at ``indices``."""
    return gt_scatter("max", _tensor(tensor), indices, updates)


def tensor_scatter_nd_min(tensor: Any, indices: Any, updates: Any, name: Any = None) -> Any:
    """``tensor`` with the smaller of it and ``updates`` at ``indices``."""
    return gt_scatter("min", _tensor(tensor), indices, updates)


_tensor = tensor


def boolean_mask(tensor: Any, mask: Any, axis: Any = None, name: Any = None) -> Any:
    """The entries (or slices) where the mask holds."""
    along = 0 if axis is None else int(axis)
    return _tensor(tensor)[(_slice(None),) * along + (_tensor(mask),)]


def slice(input_: Any, begin: Any, size: Any, name: Any = None) -> Any:
    """A box: from ``begin``, of ``size`` (-1: to the end)."""
    box = [_slice(b, None if n == -1 else b + n) for b, n in zip(ints(begin), ints(size), strict=True)]
    return tensor(input_)[tuple(box)]


def one_hot(
    indices: Any,
    depth: Any,
    on_value: Any = None,
    off_value: Any = None,
    axis: Any = None,
    dtype: Any = None,
    name: Any = None,
) -> Any:
    """Each index as a vector that is 1 there and 0 elsewhere."""
    places = indices if is_value(indices) else np.asarray(indices)
    on, off = 1 if on_value is None else on_value, 0 if off_value is None else off_value
    return functional.one_hot(
        places, int(depth), on, off, -1 if axis is None else int(axis), numpy_dtype(dtype) or np.float32
    )


def sort(values: Any, axis: Any = -1, direction: str = "ASCENDING", name: Any = None) -> Any:
    """The entries in order along ``axis``."""
    return gt.sort(tensor(values), axis=int(axis), descending=direction == "DESCENDING")


def argsort(values: Any, axis: Any = -1, direction: str = "ASCENDING", stable: bool = False, name: Any = None) -> Any:
    """The places of the entries in order along ``axis``."""
    places = gt.argsort(tensor(values), axis=int(axis), descending=direction == "DESCENDING")
    return gt.astype(places, np.int32)


def searchsorted(
    sorted_sequence: Any, values: Any, side: str = "left", out_type: Any = np.int32, name: Any = None
) -> Any:
    """Where the values belong in the sorted sequence."""
    return gt.astype(gt.searchsorted(tensor(sorted_sequence), tensor(values), side=side), numpy_dtype(out_type))


def unique(x: Any, out_idx: Any = np.int32, name: Any = None) -> tuple[Any, Any]:
    """The different values, in the order in which they appear, and which of them each entry is."""
    values = np.asarray(tensor(x))
    _, first, inverse = np.unique(values, return_index=True, return_inverse=True)
    order = np.argsort(first)
    return tensor(x)[first[order]], tensor(np.argsort(order)[inverse.reshape(-1)].astype(numpy_dtype(out_idx)))


def clip_by_value(t: Any, clip_value_min: Any, clip_value_max: Any, name: Any = None) -> Any:
    """Held between two bounds."""
    x = tensor(t)
    return functional.clip_by_value(x, _bound(clip_value_min, x), _bound(clip_value_max, x))


def _bound(value: Any, x: Any) -> Any:
    return value if is_value(value) or isinstance(value, int | float) else tensor(value, hint=x.dtype)


def clip_by_norm(t: Any, clip_norm: Any, axes: Any = None, name: Any = None) -> Any:
    """Made shorter where the norm exceeds ``clip_norm``."""
    return functional.clip_by_norm(tensor(t), clip_norm, _axes(axes))


_axes = axes


def clip_by_global_norm(t_list: Any, clip_norm: Any, use_norm: Any = None, name: Any = None) -> tuple[list[Any], Any]:
    """All made shorter by one factor where their norm together exceeds ``clip_norm``; and that norm."""
    values = [None if t is None else tensor(t) for t in t_list]
    return functional.clip_by_global_norm(values, clip_norm, use_norm)
