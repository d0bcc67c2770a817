"""Variable: a mutable name for a Tensor.  Reading yields its current Tensor; assigning gives it another.

A Variable holds no history: reads and assignments are events on the record, and the derivative flows
through the Tensors.  Operators and the conversions that need operations are attached by ``gradtape.numpy``.
"""

from __future__ import annotations

from itertools import count
from typing import TYPE_CHECKING, Any

import numpy as np

from . import events
from .segment import current
from .sites import here
from .tensor import Tensor, describe

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


class Variable:
    """A mutable name for a Tensor: ``v.assign(x)`` renames, and derivatives flow through it.

    ``Variable(initial, trainable=True, name=None, dtype=None)``.  Arithmetic works as on Tensors;
    comparison with ``==`` and hashing go by identity, so Variables are dictionary keys.

    >>> import gradtape as gt
    >>> v = gt.Variable(3.0, name="v")
    >>> with gt.GradientTape() as tape:
    ...     v.assign_add(v * v)  # 3 + 9
    ...     y = 2.0 * v
    Variable(12.0, name='v')
    >>> tape.gradient(y, v)  # 2 * (1 + 2 * 3), with respect to the first value
    Tensor(14.0)
    """

    __slots__ = ("__weakref__", "_seen", "_value", "born", "name", "trainable")
    births = count()
    __hash__ = object.__hash__
    _value: Tensor

    def __init__(self, initial_value: Any, trainable: bool = True, name: str | None = None, dtype: Any = None) -> None:
        from .writer import to_tensor  # the writer knows Variables: the two modules meet at run time only

        self._value = to_tensor(initial_value, dtype, fresh=True)
        self.trainable = trainable
        self.name = name
        self._seen = 0
        self.born = next(Variable.births)  # so that one that is older than a call can be told from one made in it

    @property
    def value(self) -> Tensor:
        """The current Tensor. Reading is noted on the record, once a segment."""
        segment = current.get()
        if segment is not None and self._seen != segment.serial:
            self._seen = segment.serial
            segment.touched.append((self, self._value))
        return self._value

    @property
    def current(self) -> Tensor:
        """The current Tensor, without a note on the record: for those who look at the record afterwards."""
        return self._value

    def settle(self, value: Tensor) -> None:
        """Make this Variable a name for ``value``, with no note on the record: it is not for the record to know."""
        self._value = value
        self._seen = 0

    def rename(self, value: Tensor) -> None:
        """Make this Variable a name for ``value``, and note it on the record."""
        before, self._value = self._value, value
        segment = current.get()
        if segment is not None:
            self._seen = segment.serial
            segment.touched.append((self, value))
            segment.append((events.ASSIGN, {"variable": self, "before": before}, (value,), None, *here()))

    # -- what it is ---------------------------------------------------------------------------------
    @property
    def shape(self) -> tuple[int, ...]:
        """The lengths of the axes."""
        return self._value.shape

    @property
    def dtype(self) -> np.dtype[Any]:
        """The element type."""
        return self._value.dtype

    @property
    def ndim(self) -> int:
        """The number of axes."""
        return self._value.ndim

    @property
    def size(self) -> int:
        """The number of elements."""
        return self._value.size

    def __repr__(self) -> str:
        name = f", name={self.name!r}" if self.name else ""
        return f"Variable({describe(self._value.data)}{name})"

    def __format__(self, spec: str) -> str:
        return format(self._value, spec)

    def __eq__(self, other: object) -> bool:
        return self is other

    def __ne__(self, other: object) -> bool:
        return self is not other

    # -- the value, by Python's protocols: events are noted as on the Tensor -----------------------------
    def __len__(self) -> int:
        return len(self._value)

    def __bool__(self) -> bool:
        return bool(self.value)

    def __index__(self) -> int:
        return self.value.__index__()

    def __float__(self) -> float:
        return float(self.value)

    def __int__(self) -> int:
        return int(self.value)

    def __complex__(self) -> complex:
        return complex(self.value)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Any:
        return self.value.__array__(dtype, copy)

    def numpy(self) -> Any:
        """The value as a read-only NumPy array. It leaves the record."""
        return self.value.numpy()

    def item(self) -> Any:
        """The one element as a Python number. It leaves the record."""
        return self.value.item()

    if TYPE_CHECKING:  # attached by gradtape.numpy
        assign: Callable[..., Variable]
        assign_add: Callable[..., Variable]
        assign_sub: Callable[..., Variable]

        def __getitem__(self, index: Any) -> Tensor: ...
        def __setitem__(self, index: Any, value: Any) -> None: ...
        def __iter__(self) -> Iterator[Tensor]: ...
        def __add__(self, other: Any) -> Tensor: ...
        def __radd__(self, other: Any) -> Tensor: ...
        def __sub__(self, other: Any) -> Tensor: ...
        def __rsub__(self, other: Any) -> Tensor: ...
        def __mul__(self, other: Any) -> Tensor: ...
        def __rmul__(self, other: Any) -> Tensor: ...
        def __truediv__(self, other: Any) -> Tensor: ...
        def __rtruediv__(self, other: Any) -> Tensor: ...
        def __pow__(self, other: Any) -> Tensor: ...
        def __rpow__(self, other: Any) -> Tensor: ...
        def __matmul__(self, other: Any) -> Tensor: ...
        def __neg__(self) -> Tensor: ...
        def __lt__(self, other: Any) -> Tensor: ...
        def __le__(self, other: Any) -> Tensor: ...
        def __gt__(self, other: Any) -> Tensor: ...
        def __ge__(self, other: Any) -> Tensor: ...


def bare(kind: type[Variable], value: Tensor, trainable: bool, name: str | None) -> Variable:
    """A Variable that names ``value`` itself, for copies: no constructor runs, not that of a subclass either."""
    new = object.__new__(kind)
    new._value = value  # pyright: ignore[reportPrivateUsage]
    new._seen = 0  # pyright: ignore[reportPrivateUsage]
    new.trainable, new.name = trainable, name
    new.born = next(Variable.births)
    return new
