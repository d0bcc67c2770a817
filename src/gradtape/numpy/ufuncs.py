"""Ufuncs of NumPy and SciPy on Tensors: ``np.sin(t)``, ``np.add.reduce(t)``, ``scipy.special.erf(t)`` are recorded.

A ufunc is answered by gradtape's function of its name: NumPy's by gradtape's own, SciPy's by ``gt.special``.
``reduce``, ``accumulate`` and ``outer`` work for every ufunc of two arguments, by a reduction of gradtape's where
there is one, otherwise one step after the other; ``reduceat`` for sums, products and extrema.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ..errors import DtypeError, ImmutableError, ShapeError, UnknownNameError, message, nearest
from ..primitives.shapes import reshape
from ..record import sites
from ..record.tensor import read
from ..record.writer import lift, strong
from .axes import moveaxis
from .casting import cast
from .joining import stack
from .names import functions
from .segments import segment_max, segment_min, segment_prod, segment_sum
from .shapes import axes_tuple, axis_number

_gradtape_composes = True

__all__: list[str] = []

_REDUCE = {
    "add": "sum",
    "multiply": "prod",
    "maximum": "max",
    "minimum": "min",
    "logical_and": "all",
    "logical_or": "any",
    "logaddexp": "logsumexp",
}
_ACCUMULATE = {
    "add": "cumsum",
    "multiply": "cumprod",
    "maximum": "cummax",
    "minimum": "cummin",
    "logaddexp": "cumulative_logsumexp",
}
_REDUCEAT = {"add": segment_sum, "multiply": segment_prod, "maximum": segment_max, "minimum": segment_min}
#: Arguments that only say how memory is used.
_LAYOUT = ("casting", "order", "subok", "signature", "extobj")


def refuse_out(name: str, out: Any) -> None:
    """ImmutableError where ``out`` is given."""
    given = out if isinstance(out, tuple) else (out,)
    if any(x is not None for x in given):
        raise ImmutableError(
            message(
                f"{name}(..., out=): the result of an operation on Tensors cannot be written into an array",
                where=str(sites.user_line()),
                remedy="Leave out= away; write `a = a + t` instead of `a += t` where a is a NumPy array.",
            )
        )


def _found(ufunc: Any) -> Callable[..., Any]:
    """gradtape's function for a ufunc of NumPy's or SciPy's."""
    name: str = ufunc.__name__
    if getattr(np, name, None) is ufunc:
        function = functions().get(name)
        if function is not None:
            return function
        raise UnknownNameError(
            message(
                f"np.{name}: gradtape has no function of this name" + nearest(name, functions()),
                where=str(sites.user_line()),
                remedy="Use other functions, or t.numpy() for a value without a derivative.",
            )
        )
    name = _RENAMED.get(name, name)
    special = functions("special").get(name) or (functions().get(name) if name in _SHARED else None)
    if special is not None:
        return special
    raise UnknownNameError(
        message(
            f"{name}, a ufunc that is not NumPy's: gradtape has no rule for it" + nearest(name, functions("special")),
            where=str(sites.user_line()),
            remedy="Say what its derivative is (gt.custom_gradient), or use t.numpy() for a value without one.",
        )
    )


#: Ufuncs of scipy.special that NumPy has too, by the same name.
_SHARED = frozenset({"cbrt", "exp2", "expm1", "log1p"})
#: The ufuncs behind functions of scipy.special.
_RENAMED: dict[str, str] = {"_riemann_zeta": "zeta", "_zeta": "zeta"}


def array_ufunc(self: Any, ufunc: Any, method: str, *inputs: Any, **kwargs: Any) -> Any:
    """Answer a ufunc, called or reduced, with gradtape's function of its name."""
    if not kwargs and method == "__call__":
        return _found(ufunc)(*inputs)
    name = ufunc.__name__
    if method != "at":
        refuse_out(name if method == "__call__" else f"{name}.{method}", kwargs.pop("out", None))
    for key in _LAYOUT:
        kwargs.pop(key, None)
    if method == "at":
        raise ImmutableError(
            message(
                f"{name}.at: it would write into its argument, and Tensors are immutable",
                where=str(sites.user_line()),
                remedy="Use gt.index_add, t.at[index].add(...) or gt.scatter_reduce, which return a new Tensor.",
            )
        )
    return _METHODS[method](ufunc, *inputs, **kwargs)


def _call(ufunc: Any, *inputs: Any, where: Any = True, dtype: Any = None) -> Any:
    if where is not True:
        raise DtypeError(
            message(
                f"{ufunc.__name__}(..., where=): without out= the other elements would be undefined",
                where=str(sites.user_line()),
                remedy="Use gt.where(mask, f(x), other).",
            )
        )
    if dtype is not None:
        inputs = tuple([cast(strong(lift(x)), dtype) for x in inputs])
    return _found(ufunc)(*inputs)


def _of_two(ufunc: Any, method: str) -> Callable[..., Any]:
    """gradtape's function for a ufunc that takes two arguments and returns one result."""
    if ufunc.nin != 2 or ufunc.nout != 1:
        raise ValueError(
            message(
                f"{ufunc.__name__}.{method}: the function takes {ufunc.nin} arguments and returns {ufunc.nout}",
                where=str(sites.user_line()),
                remedy="Only functions of two arguments reduce.",
            )
        )
    return _found(ufunc)


def _reduce(ufunc: Any, x: Any, /, axis: Any = 0, dtype: Any = None, keepdims: bool = False, **kwargs: Any) -> Any:
    function = _of_two(ufunc, "reduce")
    more = {k: v for k, v in kwargs.items() if not (k == "where" and v is True)}
    if ufunc.__name__ in _REDUCE:
        if dtype is not None:
            more["dtype"] = dtype
        return functions()[_REDUCE[ufunc.__name__]](x, axis=axis, keepdims=keepdims, **more)
    if "where" in more:
        raise DtypeError(
            message(
                f"{ufunc.__name__}.reduce(..., where=): only sums, products and extrema can leave elements out",
                where=str(sites.user_line()),
            )
        )
    x = strong(lift(x))
    x = x if dtype is None else cast(x, dtype)
    over = tuple(range(x.ndim)) if axis is None else axes_tuple(axis, x.ndim, f"{ufunc.__name__}.reduce")
    rest = [i for i in range(x.ndim) if i not in over]
    first = moveaxis(x, over, tuple(range(len(over))))
    first = first.reshape((-1, *[x.shape[i] for i in rest]))
    start = more.get("initial")
    if first.shape[0] == 0 and start is None:
        raise ShapeError(
            message(
                f"{ufunc.__name__}.reduce: nothing to reduce in shape {x.shape}",
                where=str(sites.user_line()),
                remedy="Give initial=.",
            )
        )
    parts = [first[i] for i in range(first.shape[0])]
    y = parts.pop(0) if start is None else np.broadcast_to(start, first.shape[1:])
    for part in parts:
        y = function(y, part)
    return y.reshape(tuple([1 if i in over else n for i, n in enumerate(x.shape)])) if keepdims else y


def _accumulate(ufunc: Any, x: Any, /, axis: int = 0, dtype: Any = None) -> Any:
    function = _of_two(ufunc, "accumulate")
    x = strong(lift(x))
    x = x if dtype is None else cast(x, dtype)
    if ufunc.__name__ in _ACCUMULATE:
        return functions()[_ACCUMULATE[ufunc.__name__]](x, axis=axis)
    axis = axis_number(axis, x.ndim, f"{ufunc.__name__}.accumulate")
    first = moveaxis(x, axis, 0)
    if first.shape[0] < 2:
        return x
    parts = [first[0]]
    for i in range(1, first.shape[0]):
        parts.append(function(parts[-1], first[i]))
    return stack(parts, axis=axis)


def _reduceat(ufunc: Any, x: Any, indices: Any, /, axis: int = 0, dtype: Any = None) -> Any:
    """Part i goes from indices[i] up to indices[i + 1]; where that is not further on, it is the one element."""
    _of_two(ufunc, "reduceat")
    if ufunc.__name__ not in _REDUCEAT:
        raise UnknownNameError(
            message(
                f"{ufunc.__name__}.reduceat: only {', '.join(_REDUCEAT)} can be reduced in parts",
                where=str(sites.user_line()),
                remedy="Use slices, or gt.segment_sum and its kin.",
            )
        )
    x = strong(lift(x))
    x = x if dtype is None else cast(x, dtype)
    axis = axis_number(axis, x.ndim, f"{ufunc.__name__}.reduceat")
    starts = np.asarray(read(indices, "reduceat() cutting there"))
    n = x.shape[axis]
    if np.any((starts < 0) | (starts >= n)):
        raise IndexError(
            message(
                f"{ufunc.__name__}.reduceat: an index of {starts.tolist()} is not in an axis of length {n}",
                where=str(sites.user_line()),
            )
        )
    stops = np.append(starts[1:], n)
    lengths = np.maximum(stops - starts, 1)
    rows = np.concatenate([np.arange(s, s + k) for s, k in zip(starts, lengths, strict=True)] or [starts])
    ids = np.repeat(np.arange(starts.size), lengths)
    picked = moveaxis(x, axis, 0)[rows.astype(np.intp)]
    return moveaxis(_REDUCEAT[ufunc.__name__](picked, ids, starts.size), 0, axis)


def _outer(ufunc: Any, a: Any, b: Any, /, **kwargs: Any) -> Any:
    a, b = strong(lift(a)), strong(lift(b))
    return _call(ufunc, reshape(a, shape=a.shape + (1,) * b.ndim), b, **kwargs)


_METHODS: dict[str, Callable[..., Any]] = {
    "__call__": _call,
    "reduce": _reduce,
    "accumulate": _accumulate,
    "reduceat": _reduceat,
    "outer": _outer,
}
