"""NumPy's own functions on Tensors: ``np.sin(t)``, ``np.sum(t)``, ``np.linalg.solve(A, t)`` are recorded.

NumPy hands such a call over (``__array_ufunc__``, ``__array_function__``), and it is answered by gradtape's
function of the same name; one that gradtape lacks is refused by name, never computed without a derivative.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ..errors import DtypeError, ImmutableError, UnknownNameError, message, nearest
from ..primitives.shapes import reshape
from ..record import sites
from ..record.tensor import Tensor
from ..record.variable import Variable
from ..record.writer import lift, strong
from .casting import cast
from .names import NAMESPACES, functions

_gradtape_composes = True

__all__: list[str] = []

_REDUCE = {
    "add": "sum",
    "multiply": "prod",
    "maximum": "max",
    "minimum": "min",
    "logical_and": "all",
    "logical_or": "any",
}
_ACCUMULATE = {"add": "cumsum", "multiply": "cumprod", "maximum": "cummax", "minimum": "cummin"}
#: Arguments that only say how memory is used.
_LAYOUT = ("casting", "order", "subok", "signature", "extobj")


def _refuse_out(name: str, out: Any) -> None:
    given = out if isinstance(out, tuple) else (out,)
    if any(x is not None for x in given):
        raise ImmutableError(
            message(
                f"np.{name}(..., out=): the result of an operation on Tensors cannot be written into an array",
                where=str(sites.user_line()),
                remedy="Leave out= away; write `a = a + t` instead of `a += t` where a is a NumPy array.",
            )
        )


def _unknown(name: str, namespace: str = "") -> UnknownNameError:
    full = f"{namespace}.{name}" if namespace else name
    return UnknownNameError(
        message(
            f"np.{full}: gradtape has no function of this name" + nearest(name, functions(namespace)),
            where=str(sites.user_line()),
            remedy="Use other functions, or t.numpy() for a value without a derivative.",
        )
    )


def _found(name: str, namespace: str = "") -> Callable[..., Any]:
    function = functions(namespace).get(name)
    if function is None:
        raise _unknown(name, namespace)
    return function


# -- ufuncs -----------------------------------------------------------------------------------------------------


def array_ufunc(self: Any, ufunc: Any, method: str, *inputs: Any, **kwargs: Any) -> Any:
    """Answer a NumPy ufunc, called or reduced, with gradtape's function of its name."""
    name = ufunc.__name__
    if not kwargs and method == "__call__":
        function = functions().get(name)
        if function is not None:
            return function(*inputs)
    _refuse_out(name, kwargs.pop("out", None))
    for key in _LAYOUT:
        kwargs.pop(key, None)
    answer = _METHODS.get(method)
    if answer is None:
        raise DtypeError(
            message(
                f"np.{name}.{method}: not available for Tensors",
                where=str(sites.user_line()),
                remedy="Use gt.index_add or t.at[index].add(...)" if method == "at" else "Use gt.sum over slices.",
            )
        )
    return answer(name, *inputs, **kwargs)


def _call(name: str, *inputs: Any, where: Any = True, dtype: Any = None) -> Any:
    if where is not True:
        raise DtypeError(
            message(
                f"np.{name}(..., where=): without out= the other elements would be undefined",
                where=str(sites.user_line()),
                remedy="Use gt.where(mask, f(x), other).",
            )
        )
    if dtype is not None:
        inputs = tuple([cast(strong(lift(x)), dtype) for x in inputs])
    return _found(name)(*inputs)


def _reduce(name: str, x: Any, /, axis: Any = 0, dtype: Any = None, **kwargs: Any) -> Any:
    if name not in _REDUCE:
        raise _unknown(f"{name}.reduce")
    more = {k: v for k, v in kwargs.items() if not (k == "where" and v is True)}
    if dtype is not None:
        more["dtype"] = dtype
    return functions()[_REDUCE[name]](x, axis=axis, **more)


def _accumulate(name: str, x: Any, /, axis: int = 0, dtype: Any = None) -> Any:
    if name not in _ACCUMULATE:
        raise _unknown(f"{name}.accumulate")
    x = strong(lift(x))
    return _found(_ACCUMULATE[name])(x if dtype is None else cast(x, dtype), axis=axis)


def _outer(name: str, a: Any, b: Any, /, **kwargs: Any) -> Any:
    a, b = strong(lift(a)), strong(lift(b))
    return _call(name, reshape(a, shape=a.shape + (1,) * b.ndim), b, **kwargs)


_METHODS: dict[str, Callable[..., Any]] = {
    "__call__": _call,
    "reduce": _reduce,
    "accumulate": _accumulate,
    "outer": _outer,
}

# -- functions ----------------------------------------------------------------------------------------------------

#: Questions about shape and type: NumPy's own answer, and nothing leaves the record.
_QUERIES = frozenset(
    {
        "can_cast",
        "common_type",
        "iscomplexobj",
        "isrealobj",
        "may_share_memory",
        "min_scalar_type",
        "ndim",
        "result_type",
        "shape",
        "shares_memory",
        "size",
    }
)
#: What prints or saves values: they leave the record.
_ESCAPES = frozenset({"array2string", "array_repr", "array_str", "save", "savetxt", "savez", "savez_compressed"})
#: What writes into its argument.
_IN_PLACE = frozenset({"copyto", "fill_diagonal", "place", "put", "put_along_axis", "putmask"})


def _raw(x: Any, escapes: bool) -> Any:
    """``x`` with arrays for Tensors."""
    if isinstance(x, Variable):
        x = x.value
    if isinstance(x, Tensor):
        return np.asarray(x) if escapes else x.data
    if isinstance(x, list | tuple):
        return type(x)([_raw(y, escapes) for y in x])  # pyright: ignore[reportUnknownVariableType]
    return x


def array_function(self: Any, func: Any, types: Any, args: Any, kwargs: Any) -> Any:
    """Answer a NumPy function with gradtape's function of its name."""
    name = func.__name__
    namespace = func.__module__.rpartition(".")[2] if func.__module__ else ""
    namespace = namespace if namespace in NAMESPACES else ""
    if not namespace and (name in _QUERIES or name in _ESCAPES):
        escapes = name in _ESCAPES
        return func(*[_raw(x, escapes) for x in args], **{k: _raw(v, escapes) for k, v in kwargs.items()})
    if name in _IN_PLACE and not isinstance(args[0], Tensor | Variable):
        raise ImmutableError(
            message(
                f"np.{name}: a Tensor cannot be written into a NumPy array: its derivative would be lost",
                where=str(sites.user_line()),
                remedy="Keep the array in a gt.Variable, or use gt.index_update(x, index, values).",
            )
        )
    if name in _IN_PLACE and name not in functions(namespace):
        raise ImmutableError(
            message(
                f"np.{name}: a Tensor cannot be changed in place",
                where=str(sites.user_line()),
                remedy="Use t.at[index].set(values), or gt.where.",
            )
        )
    if "out" in kwargs:
        kwargs = dict(kwargs)
        _refuse_out(name, kwargs.pop("out"))
    return _found(name, namespace)(*args, **kwargs)


for _kind in (Tensor, Variable):
    _kind.__array_ufunc__ = array_ufunc  # type: ignore[attr-defined]
    _kind.__array_function__ = array_function  # type: ignore[attr-defined]
