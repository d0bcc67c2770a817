"""Assignment to Variables, and copies of them: recorded, so derivatives flow through.

``v.assign(x)`` gives the Variable another Tensor: ``x`` under a new identity, made by an operation of the record.
The old value stays what it was, wherever it was used.  A value that does not fit raises before anything changed.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..errors import ShapeError, message
from ..primitives import arithmetic, shapes
from ..record import sites
from ..record.segment import current
from ..record.tensor import Tensor, describe
from ..record.variable import Variable, bare
from ..record.writer import lift, scalar
from .indexing import getitem
from .updates import fitted, index_add, index_update

_gradtape_composes = True

__all__: list[str] = []


class VariableItem(Tensor):
    """``v[index]``: the Tensor that stands there, with ``assign`` to write there.

    >>> import gradtape as gt
    >>> v = gt.Variable([1.0, 2.0, 3.0])
    >>> v[1:].assign([8.0, 9.0])
    Variable([1., 8., 9.])
    """

    __slots__ = ("index", "variable")
    variable: Variable
    index: Any

    def __repr__(self) -> str:
        return f"Tensor({describe(self.data)})"

    def assign(self, value: Any) -> Variable:
        """Write ``value`` there: ``v[index] = value``."""
        variable = self.variable
        variable.rename(index_update(variable.value, self.index, value))
        return variable

    def assign_add(self, delta: Any) -> Variable:
        """Add ``delta`` to what stands there; an entry that is named twice gets both."""
        variable = self.variable
        variable.rename(index_add(variable.value, self.index, delta))
        return variable

    def assign_sub(self, delta: Any) -> Variable:
        """Subtract ``delta`` from what stands there."""
        variable = self.variable
        minus = arithmetic.negative(fitted(delta, variable, "assign_sub"))
        variable.rename(index_add(variable.value, self.index, minus))
        return variable


def _item(variable: Variable, index: Any) -> Tensor:
    """``v[index]``."""
    plain = getitem(variable.value, index)
    item = object.__new__(VariableItem)
    item.data = plain.data
    item.variable = variable
    item.index = index
    segment = current.get()
    if segment is not None:  # the entry just written is the one that made it
        primitive, params, inputs, _, code, lasti = segment[-1]
        segment[-1] = (primitive, params, inputs, item, code, lasti)
    return item


def _set_item(variable: Variable, index: Any, value: Any) -> None:
    """``v[index] = value``: write into the Variable, recorded. Values broadcast to the entries named."""
    variable.rename(index_update(variable.value, index, value))


def _check(variable: Variable, shape: tuple[int, ...], asked: str, *, broadcasts: bool) -> None:
    wanted = variable.shape
    if shape == wanted:
        return
    if broadcasts:
        try:
            if np.broadcast_shapes(shape, wanted) == wanted:
                return
        except ValueError:
            pass
    name = f" {variable.name!r}" if variable.name else ""
    raise ShapeError(
        message(
            f"{asked}: the value does not fit the Variable{name}",
            [f"expected shape {wanted}", f"found shape    {shape}"],
            str(sites.user_line()),
            "Nothing was changed. A Variable keeps its shape; `v[...] = x` broadcasts.",
        )
    )


def assign(variable: Variable, value: Any) -> Variable:
    """Give the Variable another value, of its shape: ``v = value``. Derivatives flow on to ``value``.

    Raises ShapeError or DtypeError, and changes nothing, where it does not fit.  Returns the Variable.

    >>> import gradtape as gt
    >>> v, x = gt.Variable(1.0), gt.asarray(2.0)
    >>> with gt.GradientTape() as tape:
    ...     v.assign(3.0 * x)
    ...     y = v * v
    Variable(6.0)
    >>> tape.gradient(y, x)
    Tensor(36.0)
    """
    own = isinstance(value, Tensor | Variable)
    lifted = lift(value)
    _check(variable, np.shape(lifted.data if isinstance(lifted, Tensor) else lifted), "assign", broadcasts=False)
    new = fitted(lifted, variable, "assign")
    if own:
        new = shapes.identity(new) if new is lifted else new
    elif isinstance(value, np.ndarray) and new is lifted:
        new = Tensor(scalar(new.data.copy()))  # the array stays the caller's
    variable.rename(new)
    return variable


def assign_add(variable: Variable, delta: Any) -> Variable:
    """Add ``delta``, which broadcasts to the Variable's shape: ``v += delta``. Returns the Variable.

    >>> import gradtape as gt
    >>> v = gt.Variable([1.0, 2.0])
    >>> v.assign_add([1.0, 1.0])
    Variable([2., 3.])
    """
    return _assign_sum(variable, delta, arithmetic.add, "assign_add")


def assign_sub(variable: Variable, delta: Any) -> Variable:
    """Subtract ``delta``, which broadcasts to the Variable's shape: ``v -= delta``. Returns the Variable.

    >>> import gradtape as gt
    >>> v = gt.Variable([1.0, 2.0])
    >>> v.assign_sub(1.0)
    Variable([0., 1.])
    """
    return _assign_sum(variable, delta, arithmetic.subtract, "assign_sub")


def _assign_sum(variable: Variable, delta: Any, op: Any, asked: str) -> Variable:
    delta = fitted(delta, variable, asked)
    _check(variable, delta.shape, asked, broadcasts=True)
    variable.rename(op(variable.value, delta))
    return variable


def _in_place(op: Any, asked: str) -> Any:
    def method(variable: Variable, other: Any) -> Variable:
        other = lift(other)
        _check(variable, np.shape(other.data if isinstance(other, Tensor) else other), asked, broadcasts=True)
        new = op(variable.value, other)
        variable.rename(fitted(new, variable, asked))
        return variable

    return method


# -- copies -----------------------------------------------------------------------------------------------


def clone(variable: Variable, detach: bool = False) -> Variable:
    """A Variable of the same value, a differentiable copy: derivatives flow on to this one's value.

    ``detach=True`` severs it: the copy starts as a constant.

    >>> import gradtape as gt
    >>> v = gt.Variable(3.0)
    >>> with gt.GradientTape() as tape:
    ...     y = v.clone() ** 2
    >>> tape.gradient(y, v)
    Tensor(6.0)
    """
    value = variable.value
    copied = shapes.stop_gradient(value) if detach else shapes.identity(value)
    new = bare(type(variable), copied, variable.trainable, variable.name)
    if hasattr(variable, "__dict__"):  # subclasses may have attributes of their own
        new.__dict__.update(variable.__dict__)
    return new


def _deepcopy(variable: Variable, memo: dict[int, Any]) -> Variable:
    """``copy.deepcopy(v)``: a differentiable copy, the same one wherever ``v`` occurs in what is copied."""
    found = memo.get(id(variable))
    if found is None:
        found = memo[id(variable)] = clone(variable)
    return found


def _restored(kind: type[Variable], data: Any, trainable: bool, name: str | None, more: dict[str, Any]) -> Variable:
    """A pickled Variable."""
    new = bare(kind, Tensor(data), trainable, name)
    if more:
        new.__dict__.update(more)
    return new


def _reduce(variable: Variable) -> tuple[Any, ...]:
    value = variable._value  # pyright: ignore[reportPrivateUsage]
    more = dict(getattr(variable, "__dict__", {}))
    return (_restored, (type(variable), value.data, variable.trainable, variable.name, more))


def _iterate(variable: Variable) -> Any:
    return iter(variable.value)


_METHODS: dict[str, Any] = {
    "assign": assign,
    "assign_add": assign_add,
    "assign_sub": assign_sub,
    "clone": clone,
    "__getitem__": _item,
    "__setitem__": _set_item,
    "__iter__": _iterate,
    "__copy__": clone,
    "__deepcopy__": _deepcopy,
    "__reduce__": _reduce,
    "__iadd__": assign_add,
    "__isub__": assign_sub,
    "__imul__": _in_place(arithmetic.multiply, "*="),
    "__itruediv__": _in_place(arithmetic.divide, "/="),
    "__ipow__": _in_place(arithmetic.power, "**="),
}
for _name, _method in _METHODS.items():
    setattr(Variable, _name, _method)
