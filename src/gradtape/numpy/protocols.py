"""NumPy's own functions on Tensors: ``np.sum(t)``, ``np.linalg.solve(A, t)`` are recorded; ufuncs are in ufuncs.

NumPy hands such a call over (``__array_ufunc__``, ``__array_function__``), and it is answered by gradtape's
function of the same name; one that gradtape lacks is refused by name, never computed without a derivative.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ..errors import ImmutableError, UnknownNameError, message, nearest
from ..record import sites
from ..record.tensor import Tensor
from ..record.variable import Variable
from .names import NAMESPACES, functions
from .ufuncs import array_ufunc, refuse_out

_gradtape_composes = True

__all__: list[str] = []


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


# -- functions ----------------------------------------------------------------------------------------------------

#: Questions about shape and type: NumPy's own answer, and nothing leaves the record.
_QUERIES = frozenset(
    {
        "can_cast",
        "common_type",
        "einsum_path",
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
        refuse_out(name, kwargs.pop("out"))
    return _found(name, namespace)(*args, **kwargs)


for _kind in (Tensor, Variable):
    _kind.__array_ufunc__ = array_ufunc  # type: ignore[attr-defined]
    _kind.__array_function__ = array_function  # type: ignore[attr-defined]
