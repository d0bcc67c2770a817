"""Blocks: programs that entries with bodies hold, and what the sweeps make of them, as blocks again."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextvars import ContextVar
from typing import Any

import numpy as np

from ..compiling.engine import chosen
from ..primitives.indexing import ARRAY, gather
from ..primitives.selection import where
from ..primitives.shapes import broadcast_to, held, reshape
from ..primitives.sorting import argmax
from ..program.program import Program, Value
from ..program.replay import replayed
from ..program.simplify import simplified
from ..program.simplify.needed import alive
from ..program.slicing import sliced
from ..record.segment import Pause, Window
from ..record.tensor import Tensor, value_of
from ..rules.lanes import Lanes
from ..sweeps.batch import batch, with_axis
from ..sweeps.cotangents import dense
from ..sweeps.forward import forward
from ..sweeps.reverse import reverse
from ..sweeps.taylor import Taylor, taylor

#: Whether a body is being recorded: what it computes is looked at for its shapes alone, so loops take one turn.
sketching: ContextVar[bool] = ContextVar("gradtape_sketching", default=False)

Derive = Callable[[list[Tensor], list[Tensor], Window], tuple[list[Tensor], list[Tensor]]]


class Sketch:
    """``with Sketch(): ...``: loops inside take one turn at most; ``Sketch(False)``: all of them."""

    def __init__(self, on: bool = True) -> None:
        self.on = on

    def __enter__(self) -> None:
        self.token = sketching.set(self.on)

    def __exit__(self, *exc: object) -> None:
        sketching.reset(self.token)


class Run:
    """A program as the engine runs it, simplified and compiled when it is called first: many never are."""

    __slots__ = ("made", "program")

    def __init__(self, program: Program) -> None:
        self.program = program
        self.made: Any = None

    def __call__(self, values: Sequence[Any]) -> list[Any]:
        if self.made is None:
            with Sketch(False):  # constants are folded
                self.made = chosen(simplified(self.program), "numpy")[2]
        return self.made(values)


class Carried:
    """The implementation of a row with blocks: programs are printed with a reference to it, not with its text."""

    def __init__(self, implementation: Callable[..., Any]) -> None:
        self.implementation = implementation
        self.__name__ = implementation.__name__.strip("_")

    def __call__(self, xp: Any, *values: Any, **params: Any) -> Any:
        return self.implementation(xp, *values, **params)


class Block:
    """A program, the values of its inputs at which it was recorded, and the blocks that were derived from it."""

    def __init__(self, program: Program, examples: Sequence[Any]) -> None:
        self.program = program
        self.examples = tuple(examples)
        self.run = Run(program)
        self.derived: dict[Any, Any] = {}

    def kept(self, key: Any, make: Callable[[], Any]) -> Any:
        """What was derived, made once."""
        if key not in self.derived:
            self.derived[key] = make()
        return self.derived[key]

    @property
    def results(self) -> list[int]:
        """The outputs that have derivatives."""
        return [i for i, o in enumerate(self.program.outputs) if o.dtype.kind in "fc"]

    @property
    def drops(self) -> bool:
        """Whether something in it leaves lanes dead: a choice, or a block that does."""
        return self.kept("drops", lambda: any(_drops(step) for step in self.program.steps))

    @property
    def singular(self) -> bool:
        """Whether something in it may have an infinite derivative at finite values."""
        return self.kept("singular", lambda: any(_singular(step.row) for step in self.program.steps))

    def recorded(self, derive: Derive, examples: Sequence[Any] | None = None) -> Block:
        """(inputs, more) -> outputs, where ``derive`` looks at the record of the program and says more and outputs."""
        xs = [Tensor(x) for x in (self.examples if examples is None else examples)]
        with Sketch(), Pause(), Window() as window:
            ys = replayed(self.program, xs)
            more, outputs = derive(xs, ys, window)
        program = alive(sliced(window.entries(), [*xs, *more], outputs, name=self.program.name)[0])
        return Block(program, [value_of(x) for x in (*xs, *more)])

    # -- what the sweeps make of it ---------------------------------------------------------------------------
    def expanded(self, places: Sequence[int], order: int = 1) -> Block:
        """(inputs, their coefficients 1, .., coefficients order) -> (outputs, coefficients 1, ..), along power series.

        ``places``: the inputs that have coefficients; outputs have them all, where they are floating.
        """
        return self.kept(("expanded", order, *places), lambda: self._expanded(places, order))

    def _expanded(self, places: Sequence[int], order: int) -> Block:
        def derive(xs: list[Tensor], ys: list[Tensor], window: Window) -> tuple[list[Tensor], list[Tensor]]:
            rows = [[ones(xs[i]) for i in places] for _ in range(order)]
            entries = list(window.entries())
            made: list[Tensor] = []
            if order == 1:
                known = forward(entries, {xs[i]: t for i, t in zip(places, rows[0], strict=True)})
                found = [[known.get(ys[i]) for i in self.results]]
            else:
                reader = Taylor()
                given = {xs[i]: reader.series([xs[i], *each]) for i, *each in zip(places, *rows, strict=True)}
                series = taylor(entries, given, reader, order)
                found = [[_term(series.get(ys[i]), k) for i in self.results] for k in range(1, order + 1)]
            for row in found:
                made += [zeros(ys[i]) if c is None else c for i, c in zip(self.results, row, strict=True)]
            return [t for row in rows for t in row], [*ys, *made]

        return self.recorded(derive)

    def pulled(self, results: Sequence[int], places: Sequence[int], masked: bool = False) -> Block:
        """(inputs, cotangents of ``results``) -> cotangents of the inputs at ``places``.

        ``masked``: cotangents are followed by the masks of the lanes that are alive, those that come out too.
        """
        return self.kept(("pulled", masked, *results, -1, *places), lambda: self._pulled(results, places, masked))

    def _pulled(self, results: Sequence[int], places: Sequence[int], masked: bool) -> Block:
        def derive(xs: list[Tensor], ys: list[Tensor], window: Window) -> tuple[list[Tensor], list[Tensor]]:
            given, seeds = seeded([ys[i] for i in results], masked)
            found = pulled_back(window, seeds, [xs[i] for i in places], masked)
            return given, found

        return self.recorded(derive)

    def dependent(self, flags: Sequence[bool]) -> list[bool]:
        """Which outputs depend on the flagged inputs."""
        known = {v for v, f in zip(self.program.inputs, flags, strict=True) if f}
        for step in self.program.steps:
            if any(type(x) is Value and x in known for x in step.inputs):
                known.update(step.outputs)
        return [o in known for o in self.program.outputs]

    def batched(self, size: int, flags: Sequence[bool], outputs: Sequence[bool] | None = None) -> Block:
        """For a whole batch along a leading axis of the flagged inputs, and of the flagged outputs (None: of all)."""
        outputs = [True] * len(self.program.outputs) if outputs is None else outputs
        key = ("batched", size, *flags, *outputs)
        return self.kept(key, lambda: self._batched(size, flags, outputs))

    def masked(self, size: int, flags: Sequence[bool], kept: Sequence[int] = ()) -> Block:
        """(mask, inputs) -> outputs for a batch, computed where the mask holds.

        Elsewhere another element, one for which it holds, is computed in its place: nothing is evaluated where it may
        not be.  The first outputs are there the inputs of the places ``kept``; what the others are there says nothing.
        """
        key = ("masked", size, *flags, -1, *kept)
        return self.kept(key, lambda: self._masked(size, flags, kept))

    def _masked(self, size: int, flags: Sequence[bool], kept: Sequence[int]) -> Block:
        mask = Tensor(np.ones(size, dtype=bool))
        wide = [Tensor(repeated(x, size)) if f else Tensor(x) for x, f in zip(self.examples, flags, strict=True)]
        with Sketch(), Pause(), Window() as window:
            first = argmax(mask, axis=0, keepdims=False)
            given = [
                where(lined_up(mask, x), x, held(gather(x, first, index=(ARRAY,)))) if f else x
                for x, f in zip(wide, flags, strict=True)
            ]
            ys = self.walked(given, size, flags)
            for i, place in enumerate(kept):
                ys[i] = where(lined_up(mask, ys[i]), ys[i], wide[place])
        program = alive(sliced(window.entries(), [mask, *wide], ys, name=self.program.name)[0])
        return Block(program, [value_of(x) for x in (mask, *wide)])

    def _batched(self, size: int, flags: Sequence[bool], outputs: Sequence[bool]) -> Block:
        wide = [Tensor(repeated(x, size)) if f else Tensor(x) for x, f in zip(self.examples, flags, strict=True)]
        with Sketch(), Pause(), Window() as window:
            ys = self.walked(wide, size, flags, outputs)
        program = alive(sliced(window.entries(), wide, ys, name=self.program.name)[0])
        return Block(program, [value_of(w) for w in wide])

    def walked(
        self, wide: Sequence[Tensor], size: int, flags: Sequence[bool], outputs: Sequence[bool] | None = None
    ) -> list[Any]:
        """The outputs for a batch of the flagged inputs, on the record that is open."""
        xs = [Tensor(x) if f else w for x, w, f in zip(self.examples, wide, flags, strict=True)]
        with Window() as inner:
            ys = replayed(self.program, xs)
        given = {x: w for x, w, f in zip(xs, wide, flags, strict=True) if f}
        known = batch(list(inner.entries()), given, size, ys)
        outputs = [True] * len(ys) if outputs is None else outputs
        return [with_axis(known, y, size) if f else y for y, f in zip(ys, outputs, strict=True)]


def _drops(step: Any) -> bool:
    row = step.row
    return bool(row.takes_lanes or row.drops) or any(a is not None for a in row.alive or ())


_SMOOTH = frozenset(
    {
        "abs",
        "add",
        "arctan",
        "clip",
        "cos",
        "erf",
        "gelu",
        "logaddexp",
        "maximum",
        "minimum",
        "multiply",
        "negative",
        "positive",
        "relu",
        "sigmoid",
        "silu",
        "sin",
        "softplus",
        "square",
        "subtract",
        "tanh",
        "where",
    }
)


def _singular(row: Any) -> bool:
    return not (row.moves or row.kind in ("constant", "linear", "multilinear") or row.name in _SMOOTH)


def seeded(targets: Sequence[Tensor], masked: bool) -> tuple[list[Tensor], list[tuple[Tensor, Any]]]:
    """Any cotangents of the targets, then their masks, and both as what a sweep begins with."""
    cts = [ones(y) for y in targets]
    if not masked:
        return cts, list(zip(targets, cts, strict=True))
    masks = [Tensor(np.broadcast_to(np.True_, y.shape)[()]) for y in targets]
    return [*cts, *masks], [(y, Lanes(c, m)) for y, c, m in zip(targets, cts, masks, strict=True)]


def pulled_back(
    window: Window, seeds: Sequence[tuple[Tensor, Any]], sources: Sequence[Tensor], masked: bool
) -> list[Tensor]:
    """The cotangents of the sources, then their masks: without an influence, zeros and dead."""
    found = reverse(list(window.segments), seeds, sources, keep_lanes=masked)
    cts = [found[x] if x in found else zeros(x) for x in sources]
    if not masked:
        return cts
    masks = [mask_of(found.get(x), x) for x in sources]
    return [*[dense(c) for c in cts], *masks]


def mask_of(ct: Any, x: Any) -> Any:
    """Where a cotangent of ``x`` is alive, as an array of its own: everywhere if it does not say."""
    if type(ct) is not Lanes:
        mask = np.full(x.shape, ct is not None)[()]
        return Tensor(mask) if isinstance(x, Tensor) else mask
    return ct.alive if ct.alive.shape == x.shape else broadcast_to(ct.alive, shape=x.shape)


def _term(series: Any, k: int) -> Any:
    return None if series is None else series.term(k)


def lined_up(mask: Tensor, x: Any) -> Any:
    """A mask over the first axis of ``x`` in a shape that broadcasts with it."""
    return mask if len(x.shape) == 1 else reshape(mask, shape=(*mask.shape, *(1,) * (len(x.shape) - 1)))


def repeated(x: Any, size: int) -> Any:
    """A raw value for each element of a batch, in the memory of one."""
    return np.broadcast_to(x, (size, *np.shape(x)))


def joined(groups: Sequence[Sequence[Any]]) -> list[Any]:
    """One list of several."""
    return [x for group in groups for x in group]


def between(p: Program, inputs: Sequence[Any], outputs: Sequence[Any]) -> Program:
    """The same steps between other inputs and outputs."""
    return Program(inputs, p.steps, outputs, p.constants, p.guards, name=p.name)


def filled(c: Any, x: Any) -> Any:
    """A coefficient, tangent or cotangent; zeros where there is none."""
    if c is not None:
        return c
    zero = np.zeros(x.shape, x.dtype)[()]
    return Tensor(zero) if isinstance(x, Tensor) else zero


def ones(x: Any) -> Tensor:
    """Any values of the shape and dtype of ``x``: in the memory of one number, for blocks keep them."""
    return Tensor(np.broadcast_to(np.ones((), x.dtype), x.shape)[()])


def zeros(x: Any) -> Tensor:
    return Tensor(np.zeros(x.shape, x.dtype)[()])
