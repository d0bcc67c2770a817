"""vmap: a function of one example, for a whole batch."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import wraps
from typing import Any

import numpy as np

from . import trees
from .errors import ShapeError, TapeError, TreeError, message
from .numpy.creation import asarray
from .primitives.indexing import getitem
from .primitives.shapes import transpose
from .record import events, sites
from .record.segment import Entry, Window, is_recording
from .record.tensor import Tensor
from .record.variable import Variable
from .record.writer import lift, strong
from .sweeps.batch import Replay, with_axis

_gradtape_composes = True

__all__ = ["vmap"]


def vmap(f: Callable[..., Any], in_axes: Any = 0, out_axes: Any = 0) -> Callable[..., Any]:
    """The function that does for every example of a batch what ``f`` does for one, at once.

    ``f`` runs once, on the first example; what it did is carried out again for the whole batch, an operation at a
    time.  What does not depend on the batch is not computed again.

    Parameters
    ----------
    f
        A function of one example; it takes and returns trees of arrays.
    in_axes
        Along which axis each argument has its examples: a number, None for an argument that all examples share, or a
        tuple with one of these, or a tree of them, for each argument.  Arrays in keyword arguments have them along
        axis 0; numbers and other objects there are shared.
    out_axes
        Where the results have them: a number, or a tree of numbers as ``f`` returns; None for a result that does not
        depend on the example.

    Raises
    ------
    GuardError
        Where the examples do not take one way: Python asked for a value (``if x > 0``) and the answers differ, or an
        operation gives another shape.  Choose with ``gt.where``.
    ShapeError
        Where the arguments do not have equally many examples.

    Notes
    -----
    Any derivative may be inside and outside: ``gt.vmap(gt.grad(loss), in_axes=(None, 0))`` are the gradients of each
    example by itself.

    >>> import gradtape as gt
    >>> gt.vmap(gt.grad(lambda x: x[0] * x[1]))([[1.0, 2.0], [3.0, 4.0]])
    Tensor([[2., 1.],
            [4., 3.]])
    """

    @wraps(f)
    def mapped(*args: Any, **kwargs: Any) -> Any:
        given = _Arguments(args, kwargs, in_axes)
        born = next(Variable.births)
        args, kwargs = given.first()
        with Window() as window:
            result = f(*args, **kwargs)
        leaves, structure = trees.flatten(result)
        outputs = [strong(lift(y)) for y in leaves]
        values = _replayed(window.entries(), given, outputs, born)
        places = _places(result, out_axes, len(outputs))
        placed = [_placed(values, y, place, given.size) for y, place in zip(outputs, places, strict=True)]
        return trees.unflatten(structure, placed)

    return mapped


class _Arguments:
    """The arguments of one call: which have examples, along which axis, and how many."""

    def __init__(self, args: Sequence[Any], kwargs: dict[str, Any], in_axes: Any) -> None:
        if not isinstance(in_axes, list | tuple):
            axes: list[Any] = [in_axes] * len(args)
        elif len(in_axes) != len(args):  # pyright: ignore[reportUnknownArgumentType]
            raise TreeError(
                message(
                    f"vmap: in_axes has {len(in_axes)} entries for {len(args)} arguments",  # pyright: ignore[reportUnknownArgumentType]
                    where=str(sites.user_line()),
                    remedy="Give one number for all of them, or one for each.",
                )
            )
        else:
            axes = list(in_axes)  # pyright: ignore[reportUnknownArgumentType]
        self.leaves: list[Any] = []
        self.axes: list[int | None] = []
        names: list[str] = []
        structures: list[Any] = []
        for i, (arg, axis) in enumerate(zip(args, axes, strict=True)):
            arg = _array(arg)
            leaves, structure = trees.flatten(arg)
            structures.append((structure, len(leaves)))
            self.leaves += leaves
            self.axes += _axes_of(arg, axis, len(leaves))
            names += trees.paths(arg, f"argument {i}")
        self.kwargs = list(kwargs)
        for name, arg in kwargs.items():
            leaves, structure = trees.flatten(arg)
            structures.append((structure, len(leaves)))
            self.leaves += leaves
            self.axes += [0 if getattr(x, "ndim", 0) else None for x in leaves]
            names += trees.paths(arg, name)
        self.structures = structures
        self.batched: dict[int, Tensor] = {}
        sizes: dict[str, int] = {}
        for i, (x, axis, name) in enumerate(zip(self.leaves, self.axes, names, strict=True)):
            if axis is None:
                continue
            value = strong(lift(x))
            if not -value.ndim <= axis < value.ndim:
                raise ShapeError(
                    message(
                        f"vmap: {name} has no axis {axis} for its examples",
                        f"shape {value.shape}",
                        str(sites.user_line()),
                        "Say where they are by in_axes; None for an argument that all examples share.",
                    )
                )
            sizes[name] = value.shape[axis]
            self.batched[i] = _moved(value, axis % value.ndim, 0)
        if len(set(sizes.values())) != 1:
            raise ShapeError(
                message(
                    "vmap: the arguments have no examples" if not sizes else "vmap: not equally many examples",
                    [f"{name}: {size}" for name, size in sizes.items()],
                    str(sites.user_line()),
                    "At least one argument needs an axis in in_axes, and all of these the same length.",
                )
            )
        (self.size,) = set(sizes.values())
        self.examples: dict[Tensor, Tensor] = {}

    def first(self) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """The arguments of the first example; of an example of ones, where there is none."""
        leaves = [_shared(x) for x in self.leaves]
        for i, value in self.batched.items():
            one = getitem(value, index=(0,)) if self.size else Tensor(np.ones(value.shape[1:], value.dtype)[()])
            leaves[i] = one
            self.examples[one] = value
        rest = iter(leaves)
        made = [trees.unflatten(structure, [next(rest) for _ in range(n)]) for structure, n in self.structures]
        n = len(made) - len(self.kwargs)
        return tuple(made[:n]), dict(zip(self.kwargs, made[n:], strict=True))


def _array(x: Any) -> Any:
    """A list of numbers is an array, as in NumPy."""
    return asarray(x) if isinstance(x, list) and not any(trees.is_leaf(leaf) for leaf in trees.flatten(x)[0]) else x


def _shared(x: Any) -> Any:
    return strong(lift(x)) if isinstance(x, np.ndarray | np.generic) else x


def _axes_of(arg: Any, axis: Any, n: int) -> list[int | None]:
    """The axis of each leaf of an argument: one for all, or a tree that is a part of the argument's."""
    if axis is None or isinstance(axis, int):
        return [axis] * n
    found: list[int | None] = []
    for part, below in _parts(arg, axis):
        found += _axes_of(part, below, len(trees.flatten(part)[0]))
    return found


def _parts(arg: Any, axis: Any) -> list[tuple[Any, Any]]:
    if isinstance(axis, dict) and isinstance(arg, dict) and set(axis) == set(arg):  # pyright: ignore[reportUnknownArgumentType]
        return [(arg[key], axis[key]) for key in trees.flatten({k: k for k in arg})[0]]  # pyright: ignore[reportUnknownVariableType]
    if isinstance(axis, list | tuple) and isinstance(arg, list | tuple) and len(axis) == len(arg):  # pyright: ignore[reportUnknownArgumentType]
        return list(zip(arg, axis, strict=True))  # pyright: ignore[reportUnknownArgumentType]
    raise TreeError(
        message(
            "vmap: in_axes does not fit the arguments",
            [f"in_axes {axis!r}", f"argument of type {type(arg).__name__}"],
            str(sites.user_line()),
            "Give a number, None, or a container of the argument's structure.",
        )
    )


def _moved(x: Tensor, source: int, target: int) -> Tensor:
    if source == target:
        return x
    rest = [i for i in range(x.ndim) if i != source]
    return transpose(x, axes=(*rest[:target], source, *rest[target:]))


def _replayed(entries: Any, given: _Arguments, outputs: list[Tensor], born: int) -> dict[Tensor, Any]:
    """What the function did, for the whole batch."""
    recorded: list[Entry] = list(entries)
    replay = Replay(recorded, given.examples, outputs)
    recording = is_recording()
    values = replay.run({x: v if recording else v.data for x, v in given.examples.items()}, given.size)
    for row, params, inputs, _, code, lasti in recorded:
        if row is events.ASSIGN and inputs[0] in replay.dependent:
            variable = params["variable"]
            if variable.born < born and variable.current in replay.dependent:
                raise TapeError(
                    message(
                        "vmap: a Variable was given a value that depends on the example",
                        [f"Variable {variable.name!r}" if variable.name else "a Variable without a name"],
                        str(sites.decode(code, lasti)),
                        "Return the value instead: a Variable has one value, not one for each example.",
                    )
                )
    return values


def _places(result: Any, out_axes: Any, n: int) -> list[int | None]:
    if out_axes is None or isinstance(out_axes, int):
        return [out_axes] * n
    return _axes_of(result, out_axes, n)


def _placed(values: dict[Tensor, Any], y: Tensor, place: int | None, size: int) -> Tensor:
    if place is None:
        if y in values:
            raise ShapeError(
                message(
                    "vmap: out_axes is None for a result that depends on the example",
                    where=str(sites.user_line()),
                    remedy="Give it an axis.",
                )
            )
        return y
    value = with_axis(values, y, size)
    value = value if isinstance(value, Tensor) else Tensor(value)
    if not -value.ndim <= place < value.ndim:
        raise ShapeError(
            message(f"vmap: out_axes is {place}", f"a result of shape {value.shape}", str(sites.user_line()))
        )
    return _moved(value, 0, place % value.ndim)
