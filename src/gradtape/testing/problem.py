"""A user's function as the laws see it: of its floating-point inputs, one array each, to its floating-point results."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from .. import trees
from ..errors import DtypeError, message
from ..explain.reading import Reading
from ..record import events, sites
from ..record.segment import Window
from ..record.tensor import Tensor
from ..record.variable import Variable
from ..record.writer import lift, strong
from .tools import F, tensors

_gradtape_composes = True

#: The dtype in which differences are taken, by the kind of an input's.
DOUBLE = {"f": np.dtype(np.float64), "c": np.dtype(np.complex128)}
SINGLE = {"f": np.dtype(np.float32), "c": np.dtype(np.complex64)}


class Problem:
    """``f`` at a point: called with one Tensor per floating-point leaf of ``primals``, it returns a list of Tensors.

    Integers, booleans, strings and the like are held.  Variables get the values asked for while ``f`` runs, and their
    own back afterwards, so that functions which read them from elsewhere are right too.
    """

    def __init__(self, f: Callable[..., Any], primals: Sequence[Any]) -> None:
        self.f = f
        self.name = getattr(f, "__name__", type(f).__name__)
        self.name = "f" if self.name == "<lambda>" else self.name
        self.leaves: list[Any] = []
        self.structures: list[tuple[Any, int]] = []
        names: list[str] = []
        for arg, name in zip(map(_array, primals), _names(f, len(primals)), strict=True):
            leaves, structure = trees.flatten(arg)
            self.leaves += leaves
            self.structures.append((structure, len(leaves)))
            names += trees.paths(arg, name)
        self.slots = [i for i, x in enumerate(self.leaves) if _dtype(x).kind in "fc"]
        self.names = [names[i] for i in self.slots]
        if not self.slots:
            raise DtypeError(
                message(
                    f"check_derivatives: {self.name} has no floating-point input",
                    [f"{n}: {_kind(x)}" for n, x in zip(names, self.leaves, strict=True)],
                    str(sites.user_line()),
                    "Make it a float: 3.0 instead of 3, or gt.astype(x, gt.float64); integers are held constant.",
                )
            )
        #: The values as they were given, and in double precision, in which differences are taken.
        self.given = [_value(self.leaves[i]) for i in self.slots]
        self.points = [x.astype(DOUBLE[x.dtype.kind])[()] for x in self.given]
        self.has_variables = any(isinstance(self.leaves[i], Variable) for i in self.slots)

    @property
    def is_real(self) -> bool:
        """Whether no input is complex."""
        return all(x.dtype.kind == "f" for x in self.points)

    def __call__(self, xs: Sequence[Any]) -> list[Any]:
        leaves = list(self.leaves)
        renamed: list[tuple[Variable, Tensor]] = []
        try:
            for i, x in zip(self.slots, xs, strict=True):
                if isinstance(leaves[i], Variable):
                    renamed.append((leaves[i], leaves[i].current))
                    leaves[i].rename(x)
                else:
                    leaves[i] = x
            rest = iter(leaves)
            args = [trees.unflatten(structure, [next(rest) for _ in range(n)]) for structure, n in self.structures]
            outputs = [strong(lift(y)) for y in trees.flatten(self.f(*args))[0]]
        finally:
            for variable, value in reversed(renamed):
                variable.rename(value)
        return [y for y in outputs if y.dtype.kind in "fc"]

    def alone(self, output: int) -> Callable[[Sequence[Any]], list[Any]]:
        """The function with one result only."""
        return lambda xs: [self(xs)[output]]

    def values(self, xs: Sequence[Any]) -> list[Any]:
        """Raw results in double precision."""
        with np.errstate(all="ignore"):
            ys = [y.data for y in self(tensors(xs))]
        return [y.astype(DOUBLE[y.dtype.kind])[()] for y in ys]

    def moved(self, t: Any, vs: Sequence[Any]) -> list[Any]:
        """The point x + t v."""
        return [x + t * v for x, v in zip(self.points, vs, strict=True)]

    def only(self, slot: int, vs: Sequence[Any]) -> list[Any]:
        """The direction ``vs`` in one input, zero in the others."""
        return [v if i == slot else np.zeros_like(v) for i, v in enumerate(vs)]


class Facts:
    """One call of a function on record: the precision it worked in, and where paths are cut."""

    result: Any = None

    def __init__(self, f: F, points: Sequence[Any]) -> None:
        self.inputs = tensors(points)
        with np.errstate(all="ignore"), Window() as window:
            self.outputs = f(self.inputs)
        self.segments = window.segments
        self.reading = Reading(window.segments)

    @property
    def eps(self) -> float:
        """The coarsest precision of what was computed from the inputs."""
        touched = self.reading.reached(self.inputs, carried=False)
        floats = [x.dtype for x in (*touched, *self.outputs) if x.dtype.kind in "fc"]
        return max(float(np.finfo(dtype).eps) for dtype in floats)

    def escape(self) -> str:
        """Where a value that depends on an input left the record, if one did."""
        touched = self.reading.reached(self.inputs, carried=False)
        for row, params, inputs, _, code, lasti in self.reading.entries:
            if row is events.ESCAPE and inputs[0] in touched:
                how = (params or {}).get("how", "np.asarray()")
                return f"a value left the record by {how} at {sites.decode(code, lasti)}"
        return ""

    def cut(self, slots: Sequence[int]) -> str:
        """Where the path from some inputs was cut: a value left the record, was held, or is a copy."""
        sources = [self.inputs[slot] for slot in slots]
        touched = self.reading.reached(sources, carried=False)
        for row, _, inputs, output, code, lasti in self.reading.entries:
            used = [u for u in inputs if isinstance(u, Tensor)]
            if row.kind == "event" or not used:
                continue
            if row.name == "stop_gradient" and used[0] in touched and output.dtype.kind in "fc":
                return f"stop_gradient at {sites.decode(code, lasti)}"
            if any(u not in touched and any(_copy(u, x) for x in sources) for u in used):
                return f"a copy of the input that is not on the record (x.data?) is used at {sites.decode(code, lasti)}"
        return ""


def _copy(u: Tensor, x: Tensor) -> bool:
    """Whether ``u`` has the values of ``x``, which nobody would write by chance."""
    return bool(u.shape == x.shape and u.size and np.array_equal(u.data, x.data) and np.any(u.data != np.round(u.data)))


def _names(f: Callable[..., Any], count: int) -> list[str]:
    """What the function calls its arguments."""
    try:
        parameters = list(inspect.signature(f).parameters.values())
    except (TypeError, ValueError):
        parameters = []
    names = [p.name for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    return [names[i] if i < len(names) else f"argument {i}" for i in range(count)]


def _array(x: Any) -> Any:
    """A list of numbers, some of them floats, is an array, as in NumPy."""
    if isinstance(x, list):
        flat = trees.flatten(x)[0]
        if flat and not any(hasattr(leaf, "dtype") or isinstance(leaf, str) for leaf in flat):
            return np.array(x)
    return x


def _dtype(x: Any) -> np.dtype[Any]:
    if isinstance(x, Tensor | Variable | np.ndarray | np.generic):
        return x.dtype
    return np.dtype(type(x)) if isinstance(x, float | complex) else np.dtype(object)


def _kind(x: Any) -> str:
    return str(x.dtype) if hasattr(x, "dtype") else type(x).__name__


def _value(x: Any) -> Any:
    """A raw copy of a leaf."""
    x = x.current if isinstance(x, Variable) else x
    return np.array(x.data if isinstance(x, Tensor) else x)[()]
