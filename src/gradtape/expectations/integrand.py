"""The integrand as a program: what ``f`` did to the draws, read off the record, with all it depends on as inputs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..explain.kinks import Kink, kinks
from ..primitives.arithmetic import subtract
from ..primitives.indexing import getitem
from ..primitives.joining import concat
from ..primitives.reductions import min as min_of
from ..primitives.selection import where
from ..primitives.shapes import broadcast_to, reshape, transpose
from ..program.program import Program, Value
from ..program.replay import replayed
from ..program.slicing import sliced
from ..record.segment import Entry, Pause, Window
from ..record.tensor import Tensor, value_of
from ..sweeps.forward import forward
from ..sweeps.query import zeros

__all__ = [
    "Integrand",
    "by_path",
    "column_of",
    "combined",
    "directional",
    "free_tensors",
    "mask_of",
    "replaced",
    "shifted",
]


#: Rows that take one of several values: where two of them meet is a kink of what is taken.
_SWITCHES = {"min", "max", "cummin", "cummax"}


def free_tensors(entries: Sequence[Entry], draws: Tensor, y: Tensor) -> list[Tensor]:
    """The floating Tensors from outside that ``y`` was computed from, beside ``draws``."""
    makers: dict[Tensor, tuple[Any, ...]] = {}
    for row, _, inputs, output, _, _ in entries:
        if row.kind != "event":
            outputs = output if type(output) is tuple else (output,)
            makers.update((o, (*inputs, *row.stands_for)) for o in outputs)
    free: dict[Tensor, None] = {}
    seen: set[Tensor] = {draws}
    waiting = [y]
    while waiting:
        x = waiting.pop()
        if x in seen:
            continue
        seen.add(x)
        if x in makers:
            waiting += [i for i in makers[x] if isinstance(i, Tensor)]
        elif x.dtype.kind == "f":
            free[x] = None
    return list(free)


def directional(program: Program, slots: Sequence[int], *, given: bool = True) -> Program:
    """(x1, ..., dx for each slot) -> dy for each output: the derivative in the direction of some inputs.

    Without ``given`` the directions are ones, and no inputs.  It is not simplified: what is simplified keeps its values
    and not its derivatives (``x - held(x)`` is 0).
    """
    xs = [Tensor(x) for x in program.examples]
    tangents = [Tensor(np.ones_like(xs[i].data)) for i in slots]
    with Pause(), Window() as window:
        ys = replayed(program, xs)
        known = forward(list(window.entries()), dict(zip([xs[i] for i in slots], tangents, strict=True)))
        dys = [zeros(y) if known.get(y) is None else known[y] for y in ys]
    made, _ = sliced(
        window.entries(), [*xs, *(tangents if given else ())], dys, name=f"{program.name}_derivative", guarded=False
    )
    return made


class Integrand:
    """``f`` at a batch of draws: the program (z, theta1, ...) -> y, and where its kinks are."""

    def __init__(self, window: Window, draws: Tensor, y: Tensor) -> None:
        entries = list(window.entries())
        self.draws = draws
        self.free = free_tensors(entries, draws, y)
        self.program, _ = sliced(entries, [draws, *self.free], [y], name="integrand")
        #: The kinks as the record shows them, for what is told to the user.
        self.kinks: list[Kink] = kinks(entries, [draws], [y])
        self.found = self._arguments()

    @property
    def inputs(self) -> list[Tensor]:
        """The Tensors that it was recorded with: the draws, and what ``f`` captured."""
        return [self.draws, *self.free]

    def _arguments(self) -> list[Kink]:
        """The kinks again, as places of the program, in which calls of compiled functions are open."""
        p = self.program
        entries = [
            (s.row, s.params, s.inputs, s.outputs if s.several else s.outputs[0], s.code, s.lasti) for s in p.steps
        ]
        return kinks(entries, [p.inputs[0]], [p.outputs[0]])

    @property
    def elsewhere(self) -> list[str]:
        """The kinks of which it is not known where they cross."""
        return sorted({k.row for k in self.found if k.argument is None and k.row not in _SWITCHES})

    @property
    def several(self) -> bool:
        """Whether there are several kinks, or a least or largest of several values."""
        return len([k for k in self.found if k.argument is not None]) != 1 or len(self.found) != 1

    def moving(self) -> Program:
        """(z, theta1, ...) -> (c1, ..., x1, ...): the kinks' arguments, and the inputs of those that have none."""
        p = self.with_arguments()
        unknown = {k.output for k in self.found if k.argument is None}
        taken = [
            x
            for s in self.program.steps
            if not unknown.isdisjoint(s.outputs)
            for x in s.inputs
            if type(x) is Value and x.dtype.kind == "f"
        ]
        xs = [Tensor(x) for x in p.examples]
        whole = Program(p.inputs, self.program.steps, taken, self.program.constants, self.program.guards)
        whole.inputs = self.program.inputs
        with Pause(), Window() as window:
            outputs = [*replayed(p, xs)[1:], *replayed(whole, xs)]
        return sliced(window.entries(), xs, outputs, name="kinks", guarded=False)[0]

    def with_arguments(self) -> Program:
        """(z, theta1, ...) -> (y, c1, ...): with the difference a - b that each kink is the sign of."""
        p = self.program
        pairs = [k.argument for k in self.found if k.argument is not None]
        places = [x for pair in pairs for x in pair if type(x) is Value]
        whole = Program(
            p.inputs, p.steps, [*p.outputs, *places], p.constants, p.guards, name="integrand", examples=p.examples
        )
        xs = [Tensor(x) for x in p.examples]
        with Pause(), Window() as window:
            y, *values = replayed(whole, xs)
            left = iter(values)
            differences = [subtract(*[next(left) if type(x) is Value else _strong(x) for x in pair]) for pair in pairs]
        made, _ = sliced(window.entries(), xs, [y, *differences], name="integrand")
        return made


def _strong(x: Any) -> Any:
    return x if type(x) in (int, float) else Tensor(np.asarray(value_of(x))[()])


def mask_of(shape: tuple[int, ...], coordinate: int) -> Any:
    """Which entry of one draw a coordinate is."""
    mask = np.zeros(shape, bool)
    mask.reshape(-1)[coordinate] = True
    return mask


def replaced(z: Any, t: Any, coordinate: int) -> Any:
    """The draws ``z``, of shape (n, ...), with ``t``, of shape (n,), in one coordinate."""
    event = z.shape[1:]
    if not event:
        return t
    column = broadcast_to(reshape(t, shape=(z.shape[0], *(1,) * len(event))), shape=z.shape)
    return where(mask_of(event, coordinate), column, z)


def shifted(z: Any, step: Any, coordinate: int) -> Any:
    """The draws with a step, of shape (n,), added in one coordinate."""
    event = z.shape[1:]
    if not event:
        return z + step
    return z + reshape(step, shape=(z.shape[0], *(1,) * len(event))) * mask_of(event, coordinate).astype(float)


def column_of(z: Any, coordinate: int) -> Any:
    """One coordinate of the draws: of shape (n,)."""
    if not z.shape[1:]:
        return z
    return getitem(z, index=(slice(None), *[int(i) for i in np.unravel_index(coordinate, z.shape[1:])]))


def by_path(c: Any, n: int) -> Any:
    """The kinks of each path, of shape (n, number of them); None where ``c`` has no axis of paths."""
    if c.shape[:1] == (n,):
        return reshape(c, shape=(n, c.size // n))
    if c.shape[-1:] == (n,):
        return transpose(reshape(c, shape=(c.size // n, n)), axes=(1, 0))
    return None


def combined(parts: Sequence[Any], signs: Any) -> Any:
    """The crossing of each path: of one kink, or of several of which all signed ones have to be positive, the least."""
    n = parts[0].shape[0]
    if len(signs) == 1:
        return reshape(parts[0], shape=(n,)) * float(signs[0])
    return min_of(concat(*parts, axis=1) * np.asarray(signs, float), axis=1, keepdims=False)
