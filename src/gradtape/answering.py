"""How a question to a tape is answered, and remembered: a gradient that nobody recorded can be made again, recorded.

Each answering method returns its results and the segments that its sweeps went over.
"""

from __future__ import annotations

import weakref
from collections.abc import Sequence
from typing import Any

import numpy as np

from .primitives.shapes import astype, identity
from .record.segment import Pause, Segment, Window, cut, union
from .record.tensor import Tensor
from .record.variable import Variable
from .sweeps import query
from .sweeps.query import ones, zeros

_gradtape_composes = True


class Answers:
    """The questions that were put to one window, for as long as one of their results lives."""

    __slots__ = ("remembered", "watched", "watches_all", "window")

    def __init__(self, window: Window, watches_all: bool) -> None:
        self.window = window
        self.watches_all = watches_all
        self.watched: dict[Tensor | Variable, None] = {}
        # id(result) -> (weak reference to it, method, arguments, place): how to make the result again.
        self.remembered: dict[int, tuple[weakref.ref[Tensor], str, tuple[Any, ...], int]] = {}

    def ask(self, method: str, *args: Any) -> list[Any]:
        """Answer, and remember how, for as long as one of the results lives."""
        results, _ = getattr(self, method)(*args)
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
        return query.gradients(segments, targets, weights, sources, holomorphic), segments

    def jacobians(self, targets: list[Tensor], leaves: list[Any]) -> tuple[list[Any], list[Segment]]:
        targets, segments = self._found(targets)
        sources = [self.values_of(leaf, segments) for leaf in leaves]
        return [b for t in targets for b in query.jacobian_rows(segments, t, sources)], segments

    def batch_jacobians(self, y: Tensor, leaves: list[Any]) -> tuple[list[Any], list[Segment]]:
        (y,), segments = self._found([y])
        sources = [self.values_of(leaf, segments) for leaf in leaves]
        return [query.batch_jacobian(segments, y, sources)], segments

    def hessians(self, targets: list[Tensor], leaves: list[Any]) -> tuple[list[Any], list[Segment]]:
        grads, segments, sources = self._recorded_gradients(targets, leaves)
        rows = [query.jacobian_rows(segments, g, sources) for g in grads]
        blocks = [
            Tensor(np.zeros(g.shape + values[0].shape, g.dtype)) if b is None else b
            for g, row in zip(grads, rows, strict=True)
            for b, values in zip(row, sources, strict=True)
        ]
        return blocks, segments

    def hvps(self, targets: list[Tensor], vectors: list[Tensor], leaves: list[Any]) -> tuple[list[Any], list[Segment]]:
        grads, segments, sources = self._recorded_gradients(targets, leaves)
        products = query.gradients(segments, grads, vectors, sources)
        return [zeros(v) if p is None else p for p, v in zip(products, vectors, strict=True)], segments

    def _recorded_gradients(self, targets: list[Tensor], leaves: list[Any]) -> tuple[list[Tensor], list[Segment], Any]:
        """First derivatives made under a window of their own, for a second sweep over them."""
        with Window() as window:
            found, segments = self.gradients(targets, [ones(t) for t in targets], leaves)
        segments = union(segments, window.segments)
        sources = [self.values_of(leaf, segments) or [leaf] for leaf in leaves]
        return (
            [zeros(x[0]) if g is None else g for g, x in zip(found, sources, strict=True)],
            segments,
            sources,
        )

    def _found(self, targets: list[Tensor]) -> tuple[list[Tensor], list[Segment]]:
        """The targets and the segments to sweep; gradients that nobody recorded are made again, recorded."""
        cut()
        segments = list(self.window.segments)
        if not any(id(t) in self.remembered for t in targets):
            return targets, segments
        again: list[Tensor] = []
        for target in targets:
            answer = self.remembered.get(id(target))
            if (
                answer is None
                or answer[0]() is not target
                or any(o is target for s in segments for e in s for o in outputs(e))
            ):
                again.append(target)
                continue
            _, method, args, place = answer
            with Window() as window:
                results, earlier = getattr(self, method)(*args)
            again.append(results[place])
            segments = union(segments, earlier, window.segments)
        return again, segments

    def found_quietly(self, targets: list[Tensor]) -> tuple[list[Tensor], list[Segment]]:
        """As for a sweep, but for those who only look: no open tape records what is made again."""
        with Pause():
            return self._found(targets)

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
