"""What a loop of unknown length is made of: passes over its turns, and what the sweeps make of these.

The first pass goes on as long as the test of its carry holds, and so says how many turns there are.  Others go over the
same turns, up or down: what an earlier pass had at a turn, the carry that came in and the results, a later one may read
there.  Derivatives backwards are more passes, each pass once more in the other direction; those forwards, power series
and batches are the same passes of wider values.  So the family is closed, whatever is asked of it, and in which order.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ..primitives.reductions import any as any_of
from ..program.replay import replayed
from ..program.simplify.needed import alive
from ..program.slicing import sliced
from ..record.segment import Pause, Window
from ..record.tensor import Tensor
from ..sweeps.reverse import reverse
from .block import Block, Sketch, between, joined, ones, zeros

#: What a pass reads: of which pass, and which of (the carries that came in, the results) at the same turn.
Read = tuple[int, int]


@dataclass(frozen=True, eq=False)
class Pass:
    """``block``: (carries, what is read, constants) -> (carries, results), at every turn from the first or the last."""

    block: Block
    carries: int
    reads: tuple[Read, ...] = ()
    up: bool = True

    @property
    def results(self) -> int:
        """How many values a turn gives beside the carries."""
        return len(self.block.program.outputs) - self.carries

    def split(self, values: Sequence[Any]) -> tuple[list[Any], list[Any], list[Any]]:
        """Inputs of the block: carries, what is read, constants."""
        n, m = self.carries, self.carries + len(self.reads)
        return list(values[:n]), list(values[n:m]), list(values[m:])

    def floating(self) -> tuple[list[int], list[int], list[int]]:
        """Which carries, reads and constants have derivatives."""
        flags = [v.dtype.kind in "fc" for v in self.block.program.inputs]
        return tuple([i for i, f in enumerate(group) if f] for group in self.split(flags))  # type: ignore[return-value]

    def results_floating(self) -> list[int]:
        """Which results have derivatives."""
        return [i - self.carries for i in self.block.results if i >= self.carries]


@dataclass(frozen=True, eq=False)
class Loop:
    """The passes, and the test of the first one's carries: (carries, constants) -> whether there is another turn."""

    passes: tuple[Pass, ...]
    test: Block

    def split(self, values: Sequence[Any]) -> tuple[list[list[Any]], list[Any]]:
        """What each pass starts from, and the constants."""
        starts: list[list[Any]] = []
        at = 0
        for p in self.passes:
            starts.append(list(values[at : at + p.carries]))
            at += p.carries
        return starts, list(values[at:])

    def kept(self, key: Any, make: Any) -> Any:
        """What was derived of it, made once."""
        return self.test.kept((id(self), *key), make)

    # -- power series ----------------------------------------------------------------------------------------
    def expanded(self, constants: tuple[int, ...], order: int) -> Loop:
        """With coefficients up to ``order`` of all floating carries, and of these constants, each group behind its own.

        A pass starts from (carries, coefficients 1 of the floating ones, ..); the constants stand likewise.
        """
        return self.kept(("expanded", order, *constants), lambda: self._expanded(constants, order))

    def _expanded(self, constants: tuple[int, ...], order: int) -> Loop:
        orders = range(order)

        def slots(read: Read) -> list[Read]:
            """Where coefficients 1, .. of what was read are now."""
            of, slot = read
            p = self.passes[of]
            floating, results = p.floating()[0], p.results_floating()
            n = p.carries + order * len(floating)
            if slot < p.carries:
                return [(of, p.carries + k * len(floating) + floating.index(slot)) for k in orders]
            return [(of, n + p.results + k * len(results) + results.index(slot - p.carries)) for k in orders]

        def value(read: Read) -> Read:
            of, slot = read
            p = self.passes[of]
            return (of, slot if slot < p.carries else slot + order * len(p.floating()[0]))

        passes: list[Pass] = []
        for p in self.passes:
            floating, read, _ = p.floating()
            n, m = p.carries, p.carries + len(p.reads)
            wide = p.block.expanded([*floating, *[n + i for i in read], *[m + i for i in constants]], order)
            total, each = len(p.block.program.inputs), len(floating) + len(read) + len(constants)
            c, r, k = p.split(wide.program.inputs[:total])
            rows = [wide.program.inputs[total + j * each : total + (j + 1) * each] for j in orders]
            a, b = len(floating), len(floating) + len(read)
            inputs = [c, *[d[:a] for d in rows], r, *[d[a:b] for d in rows], k, *[d[b:] for d in rows]]
            known = dict(zip(wide.program.inputs, wide.examples, strict=True))
            count, of = len(p.block.program.outputs), len(p.block.results)
            ys = wide.program.outputs
            dys = [ys[count + j * of : count + (j + 1) * of] for j in orders]
            outputs = [ys[:n], *[d[:a] for d in dys], ys[n:count], *[d[a:] for d in dys]]
            found = [slots(p.reads[i]) for i in read]
            reads = [*map(value, p.reads), *[found[i][j] for j in orders for i in range(len(read))]]
            program = between(wide.program, joined(inputs), joined(outputs))
            passes.append(Pass(Block(program, [known[v] for v in program.inputs]), n + order * a, tuple(reads), p.up))
        first = self.passes[0]
        more = order * len(first.floating()[0])
        return Loop(tuple(passes), self._test(passes[0], first.carries, more, order * len(constants)))

    def _test(self, wide: Pass, carries: int, more: int, constants: int) -> Block:
        """The test, of ``more`` carries and constants than it looks at."""
        p = self.test.program
        c, _, k = wide.split(wide.block.program.inputs)
        inputs = [*p.inputs[:carries], *c[carries:], *p.inputs[carries:], *k[len(k) - constants :]]
        values = dict(zip(wide.block.program.inputs, wide.block.examples, strict=True))
        own = dict(zip(p.inputs, self.test.examples, strict=True))
        return Block(between(p, inputs, p.outputs), [own[v] if v in own else values[v] for v in inputs])

    # -- backwards --------------------------------------------------------------------------------------------
    def pulled(self, constants: tuple[int, ...]) -> Loop:
        """These passes, and each once more in the other direction, the last first.

        Those start from the cotangents of the floating carries, and zeros for the sums for ``constants``.
        """
        return self.kept(("pulled", *constants), lambda: self._pulled(constants))

    def _pulled(self, constants: tuple[int, ...]) -> Loop:
        # For each value of a turn, the cotangents that later passes give for it.
        given: dict[Read, list[Read]] = {}
        passes = list(self.passes)
        for i in reversed(range(len(self.passes))):
            p = self.passes[i]
            floating, read, _ = p.floating()
            came = [given.get((i, j), []) for j in floating]
            results = [j for j in p.results_floating() if (i, p.carries + j) in given]
            gave = [given[i, p.carries + j] for j in results]
            block = self._turn(p, constants, [len(x) for x in came], results, [len(x) for x in gave])
            reads = [*[(i, j) for j in range(p.carries)], *p.reads, *joined(came), *joined(gave)]
            carries = len(floating) + len(constants)
            for at, j in enumerate(read):
                given.setdefault(p.reads[j], []).append((len(passes), carries + at))
            passes.append(Pass(block, carries, tuple(reads), not p.up))
        return Loop(tuple(passes), self.test)

    def _turn(
        self, p: Pass, constants: Sequence[int], came: Sequence[int], results: Sequence[int], gave: Sequence[int]
    ) -> Block:
        """One turn of ``p`` backwards.

        (cotangents of the carries, sums; carries, reads, cotangents that the carries that came in got elsewhere,
        cotangents of the results, in parts; constants) -> (cotangents of the carries, sums; cotangents of the reads).
        """
        floating, read, _ = p.floating()
        n, m = p.carries, p.carries + len(p.reads)
        total = len(p.block.program.inputs)

        def derive(xs: list[Tensor], ys: list[Tensor], window: Window) -> tuple[list[Tensor], list[Tensor]]:
            cts = [ones(ys[i]) for i in floating]
            sums = [ones(xs[m + i]) for i in constants]
            extra = [[ones(xs[i]) for _ in range(k)] for i, k in zip(floating, came, strict=True)]
            parts = [[ones(ys[n + i]) for _ in range(k)] for i, k in zip(results, gave, strict=True)]
            sources = [xs[i] for i in floating] + [xs[n + i] for i in read] + [xs[m + i] for i in constants]
            seeds = [*zip([ys[i] for i in floating], cts, strict=True)]
            seeds += [(ys[n + i], _sum(each)) for i, each in zip(results, parts, strict=True)]
            found = reverse(list(window.segments), seeds, sources)
            pulled = [found[x] if x in found else zeros(x) for x in sources]
            a, b = len(floating), len(floating) + len(read)
            before = [_sum([c, *each]) for c, each in zip(pulled[:a], extra, strict=True)]
            totals = [s + c for s, c in zip(sums, pulled[b:], strict=True)]
            return [*cts, *sums, *joined(extra), *joined(parts)], [*before, *totals, *pulled[a:b]]

        made = p.block.recorded(derive)
        values = list(made.program.inputs)
        more = values[total:]
        a, b = len(floating) + len(constants), len(floating) + len(constants) + sum(came)
        inputs = [*more[:a], *values[:m], *more[a:b], *more[b:], *values[m:total]]
        known = dict(zip(values, made.examples, strict=True))
        return Block(between(made.program, inputs, made.program.outputs), [known[v] for v in inputs])

    # -- batches ----------------------------------------------------------------------------------------------
    def batched(self, size: int, starts: tuple[tuple[bool, ...], ...], constants: tuple[bool, ...]) -> Any:
        """The loop of a whole batch, and which carries then have the leading axis."""
        return self.kept(("batched", size, starts, constants), lambda: self._batched(size, starts, constants))

    def _batched(self, size: int, starts: tuple[tuple[bool, ...], ...], constants: tuple[bool, ...]) -> Any:
        flags, results = self._dependent(starts, constants)
        if self.test.dependent([*flags[0], *constants])[0]:
            return self._masked(size, constants), tuple([(True,) * p.carries for p in self.passes])
        passes: list[Pass] = []
        for p, f, r in zip(self.passes, flags, results, strict=True):
            reads = [(*flags[of], *results[of])[slot] for of, slot in p.reads]
            block = p.block.batched(size, (*f, *reads, *constants), (*f, *r))
            passes.append(Pass(block, p.carries, p.reads, p.up))
        test = self.test.batched(size, (*flags[0], *constants), (False,))
        return Loop(tuple(passes), test), tuple(flags)

    def _dependent(
        self, starts: Sequence[Sequence[bool]], constants: Sequence[bool]
    ) -> tuple[list[tuple[bool, ...]], list[tuple[bool, ...]]]:
        """Which carries and results depend on the batch, once they have gone round."""
        flags = [tuple(s) for s in starts]
        results: list[tuple[bool, ...]] = []
        for i, p in enumerate(self.passes):
            while True:
                reads = [(*flags[of], *results[of])[slot] for of, slot in p.reads]
                found = p.block.dependent([*flags[i], *reads, *constants])
                after = tuple([a or b for a, b in zip(flags[i], found, strict=False)])
                if after == flags[i]:
                    break
                flags[i] = after
            results.append(tuple(found[p.carries :]))
        return flags, results

    def _masked(self, size: int, constants: Sequence[bool]) -> Loop:
        """Turns until all are done.  An element that is done keeps its carry, and is not evaluated any more."""
        first = self.passes[0]
        read_mask: Read = (0, first.carries + first.results)
        test = self.test.batched(size, (*(True,) * first.carries, *constants))
        passes = [self._going_on(first, test, size, constants)]
        for p in self.passes[1:]:
            block = p.block.masked(size, (*(True,) * (p.carries + len(p.reads)), *constants), tuple(range(p.carries)))
            values = list(block.program.inputs)
            carries, reads, rest = p.split(values[1:])
            known = dict(zip(values, block.examples, strict=True))
            inputs = [*carries, *reads, values[0], *rest]
            program = between(block.program, inputs, block.program.outputs)
            passes.append(Pass(Block(program, [known[v] for v in inputs]), p.carries, (*p.reads, read_mask), p.up))
        xs = [Tensor(x) for x in test.examples]
        with Sketch(), Pause(), Window() as window:
            (active,) = replayed(test.program, xs)
            some = any_of(active, axis=None, keepdims=False)
        program = alive(sliced(window.entries(), xs, [some], name="any")[0])
        return Loop(tuple(passes), Block(program, test.examples))

    def _going_on(self, first: Pass, test: Block, size: int, constants: Sequence[bool]) -> Pass:
        """The first pass: the elements for which the test holds, and which those were as one more result."""
        block = first.block.masked(size, (*(True,) * first.carries, *constants), tuple(range(first.carries)))
        xs = [Tensor(x) for x in block.examples[1:]]
        with Sketch(), Pause(), Window() as window:
            (active,) = replayed(test.program, xs)
            outputs = replayed(block.program, [active, *xs])
        program = alive(sliced(window.entries(), xs, [*outputs, active], name=block.program.name)[0])
        return Pass(Block(program, block.examples[1:]), first.carries)


def _sum(parts: Sequence[Any]) -> Any:
    total = parts[0]
    for part in parts[1:]:
        total = total + part
    return total
