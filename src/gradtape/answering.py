"""How a question to a tape is answered, and remembered: a gradient that nobody recorded can be made again, recorded.

Each answering method returns its results and the segments that its sweeps went over.
"""

from __future__ import annotations

import weakref
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from .explain import kinked
from .primitives.shapes import astype, identity
from .record import draws, sites
from .record.segment import Pause, Segment, Window, adopt, current, cut, in_order, union
from .record.tensor import Tensor
from .record.variable import Variable
from .sweeps import jacobians, query
from .sweeps.connection import connected
from .sweeps.examples import batch_jacobian
from .sweeps.expansion import expansions
from .sweeps.hessians import hessian_blocks
from .sweeps.jacobians import AUTO, Chunk
from .sweeps.query import ones, zeros

_gradtape_composes = True


class Answers:
    """The questions that were put to one window, for as long as one of their results lives."""

    __slots__ = ("asked", "remembered", "strict", "watched", "watches_all", "window")

    def __init__(self, window: Window, watches_all: bool, strict: bool = False) -> None:
        self.window = window
        self.watches_all = watches_all
        self.strict = strict
        self.watched: dict[Tensor | Variable, None] = {}
        self.asked = 0  # the last segment when the first of those that are remembered was asked
        # id(result) -> (weak reference to it, method, arguments, place): how to make the result again.
        self.remembered: dict[int, tuple[weakref.ref[Tensor], str, tuple[Any, ...], int]] = {}

    def ask(self, method: str, *args: Any) -> list[Any]:
        """Answer, and remember how, for as long as one of the results lives."""
        segments = self.window.segments
        adopt(segments)
        self.window.asked(True)
        try:
            results, _ = getattr(self, method)(*args)
        finally:
            self.window.asked(False)
        if segments and segments[-1] is current.get():
            return results  # they are on the record
        if not self.remembered:
            self.asked = segments[-1].serial if segments else 0
        if len(self.remembered) > 64:
            self.remembered = {k: a for k, a in self.remembered.items() if a[0]() is not None}
        for place, result in enumerate(results):
            if result is not None:
                self.remembered[id(result)] = (weakref.ref(result), method, args, place)
        return results

    def gradients(
        self, targets: list[Tensor], weights: list[Tensor], leaves: list[Any], holomorphic: bool = False
    ) -> tuple[list[Any], list[Segment]]:
        targets, segments = self._found(targets)
        sources = [self.values_of(leaf, segments) for leaf in leaves]
        self._check(segments, targets, sources)
        return query.gradients(segments, targets, weights, sources, holomorphic), segments

    def jacobians(
        self, targets: list[Tensor], leaves: list[Any], chunk: Chunk = AUTO
    ) -> tuple[list[Any], list[Segment]]:
        targets, segments = self._found(targets)
        sources = [self.values_of(leaf, segments) for leaf in leaves]
        self._check(segments, targets, sources)
        return [b for t in targets for b in jacobians.jacobian_rows(segments, t, sources, chunk)], segments

    def blocks(self, target: Tensor, leaves: list[Any], chunk: Chunk) -> Iterator[tuple[slice, list[Tensor]]]:
        """The rows of a Jacobian, a block at a time; nobody records them."""
        (target,), segments = self.found_quietly([target])
        sources = [self.values_of(leaf, segments) for leaf in leaves]
        self._check(segments, [target], sources)
        found = jacobians.row_blocks(segments, [target], sources, chunk)
        while True:
            with Pause():
                step = next(found, None)
            if step is None:
                return
            rows, arrays = step
            size = rows.stop - rows.start
            yield (
                rows,
                [
                    Tensor(np.zeros((size, *x.shape), x.dtype) if a is None else a)
                    for a, x in zip(arrays, leaves, strict=True)
                ],
            )

    def batch_jacobians(self, y: Tensor, leaves: list[Any], chunk: Chunk = AUTO) -> tuple[list[Any], list[Segment]]:
        (y,), segments = self._found([y])
        sources = [self.values_of(leaf, segments) for leaf in leaves]
        self._check(segments, [y], sources)
        return [batch_jacobian(segments, y, sources, chunk)], segments

    def batch_hessians(self, y: Tensor, leaves: list[Any]) -> tuple[list[Any], list[Segment]]:
        (g,), segments, sources = self._recorded_gradients([y], leaves)
        self._check(segments, [g], sources)
        found = batch_jacobian(segments, g, sources)
        return [Tensor(np.zeros(g.shape + g.shape[1:], g.dtype)) if found is None else found], segments

    def hessians(
        self, targets: list[Tensor], leaves: list[Any], chunk: Chunk = AUTO
    ) -> tuple[list[Any], list[Segment]]:
        grads, segments, sources = self._recorded_gradients(targets, leaves)
        self._check(segments, grads, sources)
        return [b for row in hessian_blocks(segments, grads, sources, chunk) for b in row], segments

    def hvps(self, targets: list[Tensor], vectors: list[Tensor], leaves: list[Any]) -> tuple[list[Any], list[Segment]]:
        grads, segments, sources = self._recorded_gradients(targets, leaves)
        self._check(segments, grads, sources)
        products = query.gradients(segments, grads, vectors, sources)
        return [zeros(v) if p is None else p for p, v in zip(products, vectors, strict=True)], segments

    def jvps(
        self, targets: list[Tensor], tangents: list[Tensor | None], leaves: list[Any]
    ) -> tuple[list[Any], list[Segment]]:
        targets, segments = self._found(targets)
        given: dict[Tensor, Tensor | None] = {}
        for leaf, dx in zip(leaves, tangents, strict=True):
            for x in self.values_of(leaf, segments):
                before = given.get(x)
                given[x] = dx if before is None else before if dx is None else before + dx
        self._check(segments, targets, [given])
        return query.tangents(segments, targets, given), segments

    def derivatives(self, targets: list[Tensor], leaves: list[Any], order: int) -> tuple[list[Any], list[Segment]]:
        """For each target, those with respect to each leaf."""
        targets, segments = self._found(targets)
        segments = in_order(segments)
        entries = [e for s in segments for e in s]  # a list: what the sweep does may be recorded there
        columns: list[list[Any]] = []
        for leaf in leaves:
            sources = self.values_of(leaf, segments)
            self._check(segments, targets, [sources], order)
            reached = [i for i, t in enumerate(targets) if connected(segments, [t], sources)]
            found = expansions(entries, {x: [ones(x)] for x in sources}, [targets[i] for i in reached], order)
            highest = {i: derivatives[-1] for i, derivatives in zip(reached, found, strict=True)}
            columns.append([highest.get(i) for i in range(len(targets))])
        return [column[i] for i in range(len(targets)) for column in columns], list(segments)

    def _check(self, segments: Sequence[Segment], targets: list[Tensor], sources: Any, order: int = 1) -> None:
        """Tell of means over random draws whose derivative path by path is not theirs."""
        if draws.seen():
            kinked.check(segments, targets, {t for values in sources for t in values}, order, self.strict)

    def _recorded_gradients(self, targets: list[Tensor], leaves: list[Any]) -> tuple[list[Tensor], list[Segment], Any]:
        """First derivatives made under a window of their own, for a second sweep over them."""
        with Window() as window:
            found, segments = self.gradients(targets, [ones(t) for t in targets], leaves)
        segments = union(segments, window.segments)
        sources = [self.values_of(leaf, segments) for leaf in leaves]
        return (
            [zeros(leaf) if g is None else g for g, leaf in zip(found, leaves, strict=True)],
            segments,
            sources,
        )

    def _found(self, targets: list[Tensor]) -> tuple[list[Tensor], list[Segment]]:
        """The targets and the segments to sweep; gradients that nobody recorded are made again, recorded."""
        cut()
        segments = list(self.window.segments)
        for gradient in self._unrecorded(targets, segments):
            _, method, args, place = self.remembered[id(gradient)]
            with Window() as window:
                results, earlier = getattr(self, method)(*args)
                segment = window.segments[-1]
                segment.append((identity.primitive, None, (results[place],), gradient, *sites.here()))  # type: ignore[attr-defined]
            if not any(gradient is t for t in targets):
                segment.end = -1  # it was used before it was made again: see in_order
            segments = union(segments, earlier, window.segments)
        return targets, segments

    def _unrecorded(self, targets: list[Tensor], segments: Sequence[Segment]) -> list[Tensor]:
        """The answers of this tape that ``targets`` are, or were computed from, and that no entry made."""
        if not self.remembered:
            return []
        needed: dict[Tensor, None] = dict.fromkeys(targets)
        if segments and segments[-1].serial > self.asked:  # something was recorded since: it may have used an answer
            made: set[Tensor] = set()
            for entry in reversed([e for s in in_order(segments) for e in s]):
                if entry[3] is not None and any(o in needed for o in outputs(entry)):
                    made.update(outputs(entry))
                    needed.update((x, None) for x in entry[2] if isinstance(x, Tensor))
            for x in made:
                needed.pop(x, None)
        found: list[Tensor] = []
        for x in needed:
            answer = self.remembered.get(id(x))
            if answer is not None and answer[0]() is x:
                found.append(x)
        return found

    def found_quietly(self, targets: list[Tensor]) -> tuple[list[Tensor], list[Segment]]:
        """As for a sweep, but for those who only look: no open tape records what is made again."""
        with Pause():
            return self._found(targets)

    def reaches(self, targets: list[Tensor], leaf: Any) -> bool:
        """Whether there is a path from a source to one of the targets."""
        targets, segments = self.found_quietly(targets)
        return connected(segments, targets, self.values_of(leaf, segments))

    def values_of(self, leaf: Any, segments: Sequence[Segment]) -> list[Tensor]:
        """The Tensors that stand for a source: itself, or every value of a Variable that nothing computed."""
        if not self.watches_all and leaf not in self.watched:
            return []
        if not isinstance(leaf, Variable):
            return [leaf]
        values = list(dict.fromkeys(value for s in segments for v, value in s.touched if v is leaf))
        if len(values) > 1:
            computed = _computed(segments)
            values = [v for v in values if v not in computed] or values[:1]
        return values or [leaf.current]


def _computed(segments: Sequence[Segment]) -> set[Tensor]:
    """What the entries computed; giving a constant another name (``v.assign(x)``) is not computing."""
    renaming = (identity.primitive, astype.primitive)  # type: ignore[attr-defined]
    computed: set[Tensor] = set()
    for segment in segments:
        for entry in segment:
            if entry[0].kind != "event" and (entry[0] not in renaming or entry[2][0] in computed):
                computed.update(outputs(entry))
    return computed


def outputs(entry: Any) -> tuple[Tensor, ...]:
    """The outputs of an entry, as a tuple."""
    return entry[3] if type(entry[3]) is tuple else (entry[3],)
