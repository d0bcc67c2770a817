"""Module: a thing with Variables in it, found by looking at its attributes."""

from __future__ import annotations

import copy
import re
from collections import OrderedDict
from collections.abc import Iterable, Iterator
from typing import Any

from ..errors import ShapeError, TreeError, message
from ..numpy.assignment import clone
from ..primitives.shapes import astype
from ..record.variable import Variable
from ..record.writer import to_tensor

_gradtape_composes = True

__all__ = ["Module"]


class Module:
    """An object whose Variables and sub-modules are found in its attributes, also inside lists, tuples and dicts.

    Nothing needs to be registered, and no base-class constructor needs to be called.

    >>> import gradtape as gt
    >>> from gradtape.state.module import Module
    >>> class Line(Module):
    ...     def __init__(self):
    ...         self.w = gt.Variable(2.0)
    ...         self.b = gt.Variable(1.0)
    ...
    ...     def __call__(self, x):
    ...         return self.w * x + self.b
    >>> line = Line()
    >>> line.named_variables()
    {'w': Variable(2.0), 'b': Variable(1.0)}
    >>> with gt.GradientTape() as tape:
    ...     y = line(3.0)
    >>> tape.gradient(y, line.trainable_variables)
    (Tensor(3.0), Tensor(1.0))

    A Module may stand wherever derivatives are asked with respect to a tree.  It means its trainable Variables, and the
    answer is a dict like :meth:`named_variables`, in that order:

    >>> dict(tape.gradient(y, line))
    {'w': Tensor(3.0), 'b': Tensor(1.0)}
    """

    def __init__(self, name: str | None = None) -> None:
        self._name = name

    @property
    def name(self) -> str:
        """The name it was given, or its class's in snake case."""
        given = self.__dict__.get("_name")
        return given or re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", type(self).__name__).lower()

    # -- what is inside ---------------------------------------------------------------------------------
    def _attributes(self) -> Iterable[tuple[str, Any]]:
        """Name and value of the attributes that are looked at, in the order in which they were set."""
        return list(self.__dict__.items())

    def named_variables(self) -> dict[str, Variable]:
        """Every Variable by the way to it (``"layers[0].w"``), each once, in the order of the attributes."""
        found = {v: path for path, v in reversed(list(_walk(self, "", set())))}
        return {path: v for v, path in reversed(list(found.items()))}

    @property
    def variables(self) -> tuple[Variable, ...]:
        """Every Variable of this module and of the modules inside it."""
        return tuple(self.named_variables().values())

    @property
    def trainable_variables(self) -> tuple[Variable, ...]:
        """The Variables that are trainable."""
        return tuple(v for v in self.variables if v.trainable)

    @property
    def non_trainable_variables(self) -> tuple[Variable, ...]:
        """The Variables that are not trainable: running statistics, counters."""
        return tuple(v for v in self.variables if not v.trainable)

    @property
    def submodules(self) -> tuple[Module, ...]:
        """Every module inside this one, at any depth."""
        return tuple(_modules(self, set()))

    def __gradtape_tree__(self) -> dict[str, Variable]:
        """What this module means where a tree of sources is wanted: see :mod:`gradtape.trees`."""
        return OrderedDict((path, v) for path, v in self.named_variables().items() if v.trainable)

    # -- weights and copies -----------------------------------------------------------------------------
    def get_weights(self) -> list[Any]:
        """The current values, as NumPy arrays, in the order of :attr:`variables`. They leave the record."""
        return [v.numpy() for v in self.variables]

    def set_weights(self, weights: Iterable[Any]) -> None:
        """Assign to every Variable, in the order of :attr:`variables`.

        Tensors keep their history: a later derivative flows through them.
        """
        variables, given = self.variables, list(weights)
        if len(variables) != len(given):
            raise TreeError(
                message(
                    f"set_weights: {len(given)} weights for the {len(variables)} variables of {type(self).__name__}",
                    [f"{path}: shape {v.shape}" for path, v in self.named_variables().items()],
                    remedy="Pass one weight per variable, in that order.",
                )
            )
        values = [to_tensor(w) for w in given]
        for (path, v), w in zip(self.named_variables().items(), values, strict=True):
            if v.shape != w.shape:
                raise ShapeError(
                    message(
                        f"set_weights: the weight for {path} does not fit",
                        [f"expected shape {v.shape}", f"found shape    {w.shape}"],
                        remedy="Nothing was assigned. Pass the weights in the order of `variables`.",
                    )
                )
        for v, w in zip(variables, values, strict=True):
            v.assign(w if w.dtype == v.dtype else astype(w, dtype=v.dtype))

    def clone(self, detach: bool = False) -> Any:
        """A copy with Variables of its own, whose values are differentiable functions of this module's.

        Inside a tape a derivative with respect to this module flows through the copy (``copy.deepcopy`` does the
        same); ``detach=True`` severs the two.

        >>> import copy
        >>> import gradtape as gt
        >>> from gradtape.state.module import Module
        >>> m = Module()
        >>> m.w = gt.Variable(3.0)
        >>> with gt.GradientTape() as tape:
        ...     fast = m.clone()
        ...     y = fast.w * fast.w
        >>> tape.gradient(y, m.w)
        Tensor(6.0)
        """
        return _copied(self, {}, detach)

    def __deepcopy__(self, memo: dict[int, Any]) -> Any:
        return _copied(self, memo, detach=False)


def _copied(module: Module, memo: dict[int, Any], detach: bool) -> Any:
    for v in module.variables:
        if id(v) not in memo:
            memo[id(v)] = clone(v, detach)
    made = object.__new__(type(module))
    memo[id(module)] = made
    made.__dict__.update({name: _copy(value, memo, detach) for name, value in module.__dict__.items()})
    return made


def _copy(x: Any, memo: dict[int, Any], detach: bool) -> Any:
    if id(x) in memo:
        return memo[id(x)]
    if isinstance(x, Module):
        return _copied(x, memo, detach)
    if type(x) is dict:
        # Keys that are Variables of somebody else, such as an optimizer's, stay who they are.
        items: Any = x.items()  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]
        return {memo.get(id(k), k): _copy(v, memo, detach) for k, v in items}
    if type(x) in (list, tuple):
        return type(x)(_copy(v, memo, detach) for v in x)
    return copy.deepcopy(x, memo)


def _inside(x: Any, path: str) -> Iterator[tuple[str, Any]]:
    """What a container or a module holds, with the way to it."""
    if isinstance(x, Module):
        for name, value in x._attributes():  # pyright: ignore[reportPrivateUsage]
            yield f"{path}.{name}" if path else name, value
    elif isinstance(x, dict):
        for key, value in x.items():  # pyright: ignore[reportUnknownVariableType]
            yield f"{path}[{key!r}]", value
    elif isinstance(x, list | tuple):
        for i, value in enumerate(x):  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]
            yield f"{path}[{i}]", value


def _walk(x: Any, path: str, seen: set[int]) -> Iterator[tuple[str, Variable]]:
    if isinstance(x, Variable):
        yield path, x
    elif isinstance(x, Module | dict | list | tuple) and id(x) not in seen:  # pyright: ignore[reportUnknownArgumentType]
        seen.add(id(x))  # pyright: ignore[reportUnknownArgumentType]
        for inner, value in _inside(x, path):
            yield from _walk(value, inner, seen)


def _modules(x: Any, seen: set[int]) -> Iterator[Module]:
    seen.add(id(x))
    for _, value in _inside(x, ""):
        if id(value) not in seen and isinstance(value, Module | dict | list | tuple):
            if isinstance(value, Module):
                yield value
            yield from _modules(value, seen)
