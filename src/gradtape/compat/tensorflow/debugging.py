"""tf.debugging: assertions about values."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from .convert import operands, tensor
from .errors import InvalidArgumentError
from .names import fallback, gt

_gradtape_composes = True

__all__ = [
    "assert_all_finite",
    "assert_equal",
    "assert_greater",
    "assert_greater_equal",
    "assert_less",
    "assert_less_equal",
    "assert_near",
    "assert_negative",
    "assert_non_negative",
    "assert_non_positive",
    "assert_none_equal",
    "assert_positive",
    "assert_rank",
    "assert_scalar",
    "assert_shapes",
    "assert_type",
    "check_numerics",
    "enable_check_numerics",
]


def _values(x: Any, y: Any) -> tuple[Any, Any]:
    x, y = operands(x, y)
    return tensor(x), tensor(y)


def _everywhere(holds: Any) -> bool:
    """Asked on the record: a compiled function asks again at every call."""
    return bool(gt.all(holds))


def _comparison(says: str, holds: Callable[[Any, Any], Any]) -> Callable[..., None]:
    def check(x: Any, y: Any, message: Any = None, summarize: Any = None, name: Any = None) -> None:
        a, b = _values(x, y)
        if not _everywhere(holds(a, b)):
            raise InvalidArgumentError(f"{message or ''} x {says} y does not hold: x = {a.data}, y = {b.data}".strip())

    check.__doc__ = f"Raise InvalidArgumentError unless x {says} y everywhere."
    return check


assert_equal = _comparison("==", lambda a, b: a == b)
assert_none_equal = _comparison("!=", lambda a, b: a != b)
assert_less = _comparison("<", lambda a, b: a < b)
assert_less_equal = _comparison("<=", lambda a, b: a <= b)
assert_greater = _comparison(">", lambda a, b: a > b)
assert_greater_equal = _comparison(">=", lambda a, b: a >= b)


def _sign(says: str, holds: Callable[[Any], Any]) -> Callable[..., None]:
    def check(x: Any, message: Any = None, summarize: Any = None, name: Any = None) -> None:
        value = tensor(x)
        if not _everywhere(holds(value)):
            raise InvalidArgumentError(f"{message or ''} x {says} does not hold: x = {value.data}".strip())

    check.__doc__ = f"Raise InvalidArgumentError unless x {says} everywhere."
    return check


assert_positive = _sign("> 0", lambda a: a > 0)
assert_negative = _sign("< 0", lambda a: a < 0)
assert_non_negative = _sign(">= 0", lambda a: a >= 0)
assert_non_positive = _sign("<= 0", lambda a: a <= 0)


def assert_near(
    x: Any, y: Any, rtol: Any = None, atol: Any = None, message: Any = None, summarize: Any = None, name: Any = None
) -> None:
    """Raise InvalidArgumentError unless |x - y| <= atol + rtol |y|; both are 10 eps unless said otherwise."""
    a, b = _values(x, y)
    usual = 10 * np.finfo(a.dtype).eps
    room = (usual if atol is None else atol) + (usual if rtol is None else rtol) * gt.abs(b)
    with np.errstate(invalid="ignore"):  # inf - inf is not near
        near = gt.abs(a - b) <= room
    if not _everywhere(near):
        raise InvalidArgumentError(f"{message or ''} x and y are not near: x = {a.data}, y = {b.data}".strip())


def check_numerics(tensor: Any, message: Any = "", name: Any = None) -> Any:
    """The Tensor, if it is finite; else raise InvalidArgumentError."""
    x = _tensor(tensor)
    if not _everywhere(gt.isfinite(x)):
        raise InvalidArgumentError(f"{message} : Tensor had NaN or Inf values: {x.data}")
    return x


_tensor = tensor


def assert_all_finite(x: Any, message: Any = "", name: Any = None) -> Any:
    """The Tensor, if it is finite; else raise InvalidArgumentError."""
    return check_numerics(x, message)


def assert_rank(x: Any, rank: Any, message: Any = None, name: Any = None) -> None:
    """Raise ValueError unless x has that many axes."""
    if tensor(x).ndim != int(rank):
        raise ValueError(f"{message or ''} x has {tensor(x).ndim} axes, not {int(rank)}".strip())


def assert_scalar(tensor: Any, message: Any = None, name: Any = None) -> Any:
    """The Tensor, if it has no axes; else raise ValueError."""
    assert_rank(tensor, 0, message)
    return tensor


def assert_shapes(shapes: Any, data: Any = None, summarize: Any = None, message: Any = None, name: Any = None) -> None:
    """Raise ValueError unless the shapes fit; the same letter stands for the same length."""
    known: dict[Any, int] = {}
    for x, wanted in shapes.items() if isinstance(shapes, dict) else shapes:
        found = tensor(x).shape
        if len(found) != len(tuple(wanted)):
            raise ValueError(f"{message or ''} shape {found}, expected {tuple(wanted)}".strip())
        for n, letter in zip(found, wanted, strict=True):
            expected = known.setdefault(letter, n) if isinstance(letter, str) else n if letter is None else int(letter)
            if n != expected:
                raise ValueError(f"{message or ''} shape {found}, expected {tuple(wanted)}".strip())


def assert_type(tensor: Any, tf_type: Any, message: Any = None, name: Any = None) -> None:
    """Raise TypeError unless the Tensor has that dtype."""
    if tf_type != tensor.dtype:
        raise TypeError(f"{message or ''} dtype {tensor.dtype}, expected {tf_type}".strip())


def enable_check_numerics(*_: Any, **__: Any) -> None:
    """Accepted; use ``check_numerics`` where it matters."""


__getattr__ = fallback(__name__)
