"""Bodies of loops: programs of (carry, x, constants) -> (carry, y), and what sweeps make of them, as bodies again."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from ..record.segment import Window
from ..record.tensor import Tensor
from ..record.writer import strong
from .block import Block, between, joined, ones, pulled_back, seeded
from .tracing import Captured, traced_body


class Body:
    """What one turn of a loop does: ``carries`` values that it hands on, ``scanned`` ones that come by, constants."""

    def __init__(
        self, block: Block, carries: int, scanned: int, saved: bool = False, plain: Body | None = None
    ) -> None:
        #: inputs: carries, scanned, constants; outputs: carries, results of the turn.
        self.block = block
        self.carries = carries
        self.scanned = scanned
        #: The last results of a turn are the carries that came in.
        self.saved = saved
        #: The same without these.
        self.plain = plain

    @property
    def program(self) -> Any:
        """What is carried out at each turn."""
        return self.block.program

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

    def saving(self) -> Body:
        """The body that gives the carries that came in as well."""
        if self.saved:
            return self
        return self.block.kept(("saving", self.carries), self._saving)

    def _saving(self) -> Body:
        p = self.program
        program = between(p, p.inputs, (*p.outputs, *p.inputs[: self.carries]))
        return Body(Block(program, self.block.examples), self.carries, self.scanned, saved=True, plain=self)

    # -- what the sweeps make of it -----------------------------------------------------------------------
    def expanded(self, scanned: Sequence[int], constants: Sequence[int], order: int = 1) -> Body:
        """With coefficients of power series of all floating carries, and of these scanned values and constants.

        Each group is followed by its coefficients 1, .., those of the turn's results too.
        """
        key = ("expanded loop", self.carries, self.scanned, order, *scanned, -1, *constants)
        return self.block.kept(key, lambda: self._expanded(scanned, constants, order))

    def _expanded(self, scanned: Sequence[int], constants: Sequence[int], order: int) -> Body:
        floating = self.floats()[0]
        n, m = self.carries, self.carries + self.scanned
        wide = self.block.expanded([*floating, *[n + i for i in scanned], *[m + i for i in constants]], order)
        total, each = len(self.program.inputs), len(floating) + len(scanned) + len(constants)
        values, ys = wide.program.inputs, wide.program.outputs
        c, x, k = self.split(values[:total])
        rows = [values[total + j * each : total + (j + 1) * each] for j in range(order)]
        a, b = len(floating), len(floating) + len(scanned)
        count, of = len(self.program.outputs), len(self.block.results)
        dys = [ys[count + j * of : count + (j + 1) * of] for j in range(order)]
        inputs = [c, *[d[:a] for d in rows], x, *[d[a:b] for d in rows], k, *[d[b:] for d in rows]]
        outputs = [ys[:n], *[d[:a] for d in dys], ys[n:count], *[d[a:] for d in dys]]
        program = between(wide.program, joined(inputs), joined(outputs))
        known = dict(zip(values, wide.examples, strict=True))
        block = Block(program, [known[v] for v in program.inputs])
        return Body(block, n + order * a, self.scanned + order * len(scanned))

    def pulled(
        self, results: Sequence[int], scanned: Sequence[int], constants: Sequence[int], masked: bool = False
    ) -> Body:
        """One turn backwards, given cotangents of all floating carries and of these results.

        Carries: the cotangents of the carries, sums for these constants; scanned: carries that came in, scanned,
        cotangents of the results; gives the cotangents of these of the scanned.  ``masked``: each group of cotangents
        is followed by the masks of the lanes that are alive, the sums are not.
        """
        key = ("pulled loop", masked, self.carries, self.scanned, *results, -1, *scanned, -1, *constants)
        return self.block.kept(key, lambda: self._pulled(results, scanned, constants, masked))

    def _pulled(self, results: Sequence[int], scanned: Sequence[int], constants: Sequence[int], masked: bool) -> Body:
        carries = self.floats()[0]
        n, m = self.carries, self.carries + self.scanned

        def derive(xs: list[Tensor], ys: list[Tensor], window: Window) -> tuple[list[Tensor], list[Tensor]]:
            targets = [ys[i] for i in carries] + [ys[n + i] for i in results]
            cts, seeds = seeded(targets, masked)
            sources = [xs[i] for i in carries] + [xs[n + i] for i in scanned] + [xs[m + i] for i in constants]
            sums = [ones(xs[m + i]) for i in constants]
            given = pulled_back(window, seeds, sources, masked)
            first = len(carries) + len(scanned)
            totals = [t + g for t, g in zip(sums, given[first : len(sources)], strict=True)]
            masks = given[len(sources) :]
            left = [*given[: len(carries)], *masks[: len(carries)]]
            return [*cts, *sums], [*left, *totals, *given[len(carries) : first], *masks[len(carries) : first]]

        made = self.block.recorded(derive)
        total = len(self.program.inputs)
        before, by, constant = self.split(made.program.inputs[:total])
        a, b = len(carries), len(carries) + len(results)
        more = made.program.inputs[total:]
        own = [*more[:a], *(more[b : b + a] if masked else ())]
        given = [*more[a:b], *(more[b + a : 2 * b] if masked else ())]
        inputs = [*own, *more[2 * b if masked else b :], *before, *by, *given, *constant]
        known = dict(zip(made.program.inputs, made.examples, strict=True))
        block = Block(between(made.program, inputs, made.program.outputs), [known[v] for v in inputs])
        return Body(block, len(own) + len(constants), self.carries + self.scanned + len(given))

    def batched(self, size: int, scanned: tuple[bool, ...], constants: tuple[bool, ...]) -> Body:
        """For a whole batch along a leading axis: of all carries, and of these scanned values and constants."""
        block = self.block.batched(size, (*(True,) * self.carries, *scanned, *constants))
        return Body(block, self.carries, self.scanned, self.saved)


def body_of(
    flat: Callable[[Sequence[Any]], list[Tensor]], carries: Sequence[Any], scanned: Sequence[Any], name: str
) -> tuple[Body, list[Any]] | None:
    """The body that ``flat(carries + scanned)`` is, and its constants; None where only Python can do it."""
    traced = traced_body(flat, [*carries, *scanned], name)
    if traced is None:
        return None
    captured = Captured()
    captured.add(traced)
    values = [*[strong(x) for x in carries], *scanned]
    return Body(captured.block(traced, values), len(carries), len(scanned)), captured.values()
