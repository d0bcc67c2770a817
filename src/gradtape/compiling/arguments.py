"""Arguments of a compiled function: which are inputs, which are a part of the program, and the kind they are of."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from .. import trees
from ..errors import ShapeError, TreeError, message
from ..record import sites
from ..record.tensor import Tensor
from ..record.variable import Variable
from ..record.writer import lift, value_of

_BY_VALUE = (bool, int, str, bytes, type(None), np.dtype, type, range)


class Fixed:
    """A value that is a part of the program: programs for equal values are shared, others by identity."""

    __slots__ = ("key", "value")

    def __init__(self, value: Any) -> None:
        self.value = value
        self.key: Any = _content(value)

    def __hash__(self) -> int:
        return hash(self.key)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Fixed) and self.key == other.key

    def kept(self) -> Any:
        """The value as it is now: lists and arrays that the caller may change afterwards are copied."""
        return _copied(self.value)


class _Same:
    """An object, equal to itself alone; alive for as long as it is compared with."""

    __slots__ = ("value",)

    def __init__(self, value: Any) -> None:
        self.value = value

    def __hash__(self) -> int:
        return id(self.value)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Same) and self.value is other.value


def _content(x: Any) -> Any:
    """What a program may depend on, to be compared: 1, 1.0 and True differ, and so do 0.0 and -0.0."""
    kind = type(x)
    if isinstance(x, _BY_VALUE):
        return kind, x
    if kind is float or kind is complex:
        return kind, repr(x)
    if isinstance(x, tuple | list):
        return kind, tuple([_content(e) for e in x])  # pyright: ignore[reportUnknownVariableType]
    if isinstance(x, dict):
        return kind, tuple([(_content(k), _content(v)) for k, v in x.items()])  # pyright: ignore[reportUnknownVariableType]
    if isinstance(x, set | frozenset):
        return kind, frozenset([_content(e) for e in x])  # pyright: ignore[reportUnknownVariableType]
    if isinstance(x, slice):
        return kind, _content((x.start, x.stop, x.step))
    if isinstance(x, np.ndarray | np.generic) and x.dtype.kind in "biufc":
        return kind, x.shape, x.dtype, x.tobytes()
    return _Same(x)


def _copied(x: Any) -> Any:
    if type(x) in (list, tuple, set):
        return type(x)([_copied(e) for e in x])
    if type(x) is dict:
        return {k: _copied(v) for k, v in x.items()}  # pyright: ignore[reportUnknownVariableType]
    return x.copy() if isinstance(x, np.ndarray) else x


def is_input(x: Any) -> bool:
    """Whether a leaf is an input: arrays, and Python's floats and complex numbers."""
    return isinstance(x, Tensor | np.ndarray | np.generic) or type(x) is float or type(x) is complex


def kind_of(leaves: Sequence[Any], structure: Any, orders: Any = ()) -> tuple[Any, list[Any]]:
    """What the arguments must have in common to run the same programs, and those that are inputs.

    ``orders`` of their dicts: a function may go through one, and equal structures do not tell.
    """
    key: list[Any] = [structure, orders]
    inputs: list[Any] = []
    for x in leaves:
        if is_input(x):
            key += (x.shape, x.dtype) if hasattr(x, "dtype") else (type(x),)
            inputs.append(x)
        else:
            key.append(x if type(x) is Fixed else Fixed(x))
    return tuple(key), inputs


class Marker:
    """Marks the arguments that the user calls static, however they are passed."""

    def __init__(self, f: Callable[..., Any], names: Sequence[str]) -> None:
        self.signature = inspect.signature(f)
        self.names = (names,) if isinstance(names, str) else tuple(names)
        unknown = [n for n in self.names if n not in self.signature.parameters]
        if unknown:
            raise TreeError(
                message(
                    f"function: static={unknown} are no arguments of {getattr(f, '__name__', f)}",
                    f"its arguments: {', '.join(self.signature.parameters)}",
                )
            )

    def __call__(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[tuple[Any, ...], dict[str, Any]]:
        bound = self.signature.bind(*args, **kwargs)
        for name in self.names:
            if name in bound.arguments:
                bound.arguments[name] = Fixed(bound.arguments[name])
        return bound.args, bound.kwargs


class Signature:
    """What ``input_signature`` asks of the positional arguments."""

    def __init__(self, name: str, wanted: Sequence[Any]) -> None:
        self.name = name
        self.wanted = [x if hasattr(x, "shape") and hasattr(x, "dtype") else lift(x) for x in wanted]

    def __call__(self, args: tuple[Any, ...]) -> tuple[Any, ...]:
        if len(args) != len(self.wanted):
            raise TreeError(
                message(
                    f"{self.name}: {len(args)} arguments where input_signature has {len(self.wanted)}",
                    where=str(sites.user_line()),
                )
            )
        return tuple([self.fitted(i, x, w) for i, (x, w) in enumerate(zip(args, self.wanted, strict=True))])

    def fitted(self, i: int, x: Any, wanted: Any) -> Any:
        """One argument in the dtype that is asked for; an axis of None may have any length."""
        x = x.value if isinstance(x, Variable) else x
        array = value_of(x)
        array = array if hasattr(array, "dtype") else np.asarray(array, dtype=np.dtype(wanted.dtype))[()]
        shape = tuple(wanted.shape)
        fits = len(shape) == array.ndim and all(w in (None, n) for w, n in zip(shape, array.shape, strict=True))
        if not fits or not np.can_cast(array.dtype, wanted.dtype, "same_kind"):
            raise ShapeError(
                message(
                    f"{self.name}: argument {i} does not fit input_signature",
                    [f"wanted {wanted.dtype}{list(shape)}", f"found {array.dtype}{list(array.shape)}"],
                    str(sites.user_line()),
                )
            )
        if array.dtype == wanted.dtype:
            return x if isinstance(x, Tensor) else array
        return trees.tree_map(lambda t: t.astype(np.dtype(wanted.dtype)), x if isinstance(x, Tensor) else array)
