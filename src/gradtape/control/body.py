"""Bodies of loops: programs of (carry, x, constants) -> (carry, y), and what sweeps make of them, as bodies again."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ..compiling.engine import chosen
from ..compiling.tracing import trace
from ..program.program import Program
from ..program.replay import replayed
from ..program.simplify import simplified
from ..program.slicing import sliced
from ..record.segment import Pause, Window
from ..record.tensor import Tensor, value_of
from ..sweeps.batch import batch, with_axis
from ..sweeps.forward import forward
from ..sweeps.reverse import reverse


class Body:
    """What one turn of a loop does: ``carries`` values that it hands on, ``scanned`` ones that come by, constants."""

    __slots__ = ("carries", "derived", "examples", "program", "run", "saved", "scanned")

    def __init__(
        self, program: Program, carries: int, scanned: int, examples: Sequence[Any], saved: bool = False
    ) -> None:
        #: inputs: carries, scanned, constants; outputs: carries, results of the turn.
        self.program = program
        self.carries = carries
        self.scanned = scanned
        #: Values of the inputs at which it was recorded.
        self.examples = tuple(examples)
        #: The last results of a turn are the carries that came in.
        self.saved = saved
        self.run = chosen(simplified(program), "numpy")[2]
        self.derived: dict[Any, Any] = {}

    @property
    def constants(self) -> int:
        """How many inputs are the same at every turn."""
        return len(self.program.inputs) - self.carries - self.scanned

    @property
    def results(self) -> int:
        """How many values a turn gives beside the carries."""
        return len(self.program.outputs) - self.carries

    def split(self, values: Sequence[Any]) -> tuple[list[Any], list[Any], list[Any]]:
        """Carries, scanned, constants."""
        n, m = self.carries, self.carries + self.scanned
        return list(values[:n]), list(values[n:m]), list(values[m:])

    def floats(self) -> tuple[list[int], list[int], list[int]]:
        """Which carries, scanned and constants have derivatives, by their places in each group."""
        flags = [v.dtype.kind in "fc" for v in self.program.inputs]
        return tuple([i for i, f in enumerate(group) if f] for group in self.split(flags))  # type: ignore[return-value]

    def kept(self, key: Any, make: Callable[[], Any]) -> Any:
        """A derived body, made once."""
        if key not in self.derived:
            self.derived[key] = make()
        return self.derived[key]

    def saving(self) -> Body:
        """The body that gives the carries that came in as well."""
        if self.saved:
            return self
        return self.kept("saving", self._saving)

    def _saving(self) -> Body:
        p = self.program
        program = _with(p, p.inputs, (*p.outputs, *p.inputs[: self.carries]))
        return Body(program, self.carries, self.scanned, self.examples, saved=True)

    def recorded(
        self, derive: Callable[[list[Tensor], list[Tensor], Window], tuple[list[Tensor], list[Tensor]]]
    ) -> Program:
        """(inputs, more) -> outputs, where ``derive`` looks at the record of a turn."""
        xs = [Tensor(x) for x in self.examples]
        with Pause(), Window() as window:
            ys = replayed(self.program, xs)
            more, outputs = derive(xs, ys, window)
        return simplified_once(sliced(window.entries(), [*xs, *more], outputs, name=self.program.name)[0])

    # -- what the sweeps make of it -----------------------------------------------------------------------
    def pushed(self, scanned: Sequence[int], constants: Sequence[int]) -> Body:
        """With the tangents of all floating carries, and of these scanned values and constants."""
        return self.kept(("pushed", *scanned, -1, *constants), lambda: self._pushed(scanned, constants))

    def _pushed(self, scanned: Sequence[int], constants: Sequence[int]) -> Body:
        floating = self.floats()[0]
        n, m = self.carries, self.carries + self.scanned
        places = [*floating, *[n + i for i in scanned], *[m + i for i in constants]]
        tangents: list[Tensor] = []

        def derive(xs: list[Tensor], ys: list[Tensor], window: Window) -> tuple[list[Tensor], list[Tensor]]:
            tangents[:] = [ones(xs[i]) for i in places]
            known = forward(list(window.entries()), {xs[i]: t for i, t in zip(places, tangents, strict=True)})
            made = [zeros(y) if known.get(y) is None else known[y] for y in ys if y.dtype.kind in "fc"]
            return tangents, [*ys, *made]

        p = self.recorded(derive)
        total, k = len(self.program.inputs), len(self.program.outputs)
        carries, by, constant = self.split(p.inputs[:total])
        d = list(p.inputs[total:])
        a, b = len(floating), len(floating) + len(scanned)
        dys = list(p.outputs[k:])
        inputs = [*carries, *d[:a], *by, *d[a:b], *constant, *d[b:]]
        outputs = [*p.outputs[:n], *dys[:a], *p.outputs[n:k], *dys[a:]]
        values = [value_of(t) for t in tangents]
        e = self.split(self.examples)
        examples = [*e[0], *values[:a], *e[1], *values[a:b], *e[2], *values[b:]]
        return Body(_with(p, inputs, outputs), n + a, self.scanned + len(scanned), examples)

    def pulled(self, results: Sequence[int]) -> Body:
        """One turn backwards, given cotangents of all floating carries and of these results.

        Carries: the cotangents of the carries, sums for the constants; scanned: carries that came in, scanned,
        cotangents of the results; gives the cotangents of what was scanned.
        """
        return self.kept(("pulled", *results), lambda: self._pulled(results))

    def _pulled(self, results: Sequence[int]) -> Body:
        carries, scanned, constants = self.floats()
        n, m = self.carries, self.carries + self.scanned
        cts: list[Tensor] = []
        sums: list[Tensor] = []

        def derive(xs: list[Tensor], ys: list[Tensor], window: Window) -> tuple[list[Tensor], list[Tensor]]:
            targets = [ys[i] for i in carries] + [ys[n + i] for i in results]
            cts[:] = [ones(y) for y in targets]
            sources = [xs[i] for i in carries] + [xs[n + i] for i in scanned] + [xs[m + i] for i in constants]
            sums[:] = [ones(xs[m + i]) for i in constants]
            found = reverse(list(window.segments), list(zip(targets, cts, strict=True)), sources)
            given = [found[x] if x in found else zeros(x) for x in sources]
            first = len(carries) + len(scanned)
            totals = [t + g for t, g in zip(sums, given[first:], strict=True)]
            return [*cts, *sums], [*given[: len(carries)], *totals, *given[len(carries) : first]]

        p = self.recorded(derive)
        total = len(self.program.inputs)
        before, by, constant = self.split(p.inputs[:total])
        a, b = len(carries), len(carries) + len(results)
        more = list(p.inputs[total:])
        values = [value_of(t) for t in (*cts, *sums)]
        e = self.split(self.examples)
        inputs = [*more[:a], *more[b:], *before, *by, *more[a:b], *constant]
        examples = [*values[:a], *values[b:], *e[0], *e[1], *values[a:b], *e[2]]
        return Body(
            _with(p, inputs, p.outputs), a + len(constants), self.carries + self.scanned + len(results), examples
        )

    def batched(self, size: int, scanned: tuple[bool, ...], constants: tuple[bool, ...]) -> Body:
        """For a whole batch along a leading axis: of all carries, and of these scanned values and constants."""
        return self.kept(("batched", size, scanned, constants), lambda: self._batched(size, scanned, constants))

    def _batched(self, size: int, scanned: tuple[bool, ...], constants: tuple[bool, ...]) -> Body:
        flags = [True] * self.carries + [*scanned, *constants]
        xs = [Tensor(x) for x in self.examples]
        with Pause(), Window() as inner:
            ys = replayed(self.program, xs)
        with Pause(), Window() as window:
            wide = [
                Tensor(np.broadcast_to(x.data, (size, *x.shape)).copy()) if f else x
                for x, f in zip(xs, flags, strict=True)
            ]
            given = {x: w for x, w, f in zip(xs, wide, flags, strict=True) if f}
            known = batch(list(inner.entries()), given, size, ys)
            outputs = [with_axis(known, y, size) for y in ys]
        p = simplified_once(sliced([*inner.entries(), *window.entries()], wide, outputs, name=self.program.name)[0])
        return Body(p, self.carries, self.scanned, [value_of(w) for w in wide], self.saved)


def body_of(
    flat: Callable[[Sequence[Any]], list[Tensor]], carries: Sequence[Any], scanned: Sequence[Any], name: str
) -> tuple[Body, list[Any]] | None:
    """The body that ``flat(carries + scanned)`` is, and its constants; None where only Python can do it.

    That is so where Python asks for values (its way may differ from turn to turn), and where Variables are assigned.
    """
    values = [*[value_of(x) for x in carries], *[value_of(x) for x in scanned]]
    traced = trace(flat, [Tensor(v) for v in values], name)
    if traced.program.guards or traced.assigned or traced.makes_variables:
        with Pause():  # the turn is taken back: Python will do it again
            for v, value in zip(traced.assigned, traced.before, strict=True):
                v.rename(value)
        return None
    outside = [*traced.initial, *traced.captured]
    examples = [*values, *[x.data for x in outside]]
    constants = [*[v.value for v in traced.read], *traced.captured]
    return Body(traced.program, len(carries), len(scanned), examples), constants


def simplified_once(program: Program) -> Program:
    """Without what nobody needs; all else stays as recorded, for it will be differentiated."""
    from ..program.simplify.needed import alive

    return alive(program)


def _with(p: Program, inputs: Sequence[Any], outputs: Sequence[Any]) -> Program:
    """The same steps between other inputs and outputs."""
    return Program(inputs, p.steps, outputs, p.constants, p.guards, name=p.name)


def ones(x: Any) -> Tensor:
    return Tensor(np.ones(x.shape, x.dtype)[()])


def zeros(x: Any) -> Tensor:
    return Tensor(np.zeros(x.shape, x.dtype)[()])
