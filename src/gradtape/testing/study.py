"""One function under study: directions, weights, the noise of its values, and the comparison with differences.

Directions come in two families: of the size of each element but at least one, and of the size of each element, however
small.  A function changes on one scale or the other; what rounding makes worthless on one is compared on the other.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from .differences import noise_of, searched
from .problem import Facts, Problem
from .tools import inner, like, nested, size

EPS = float(np.finfo(float).eps)
#: Relative error allowed, by the order of the derivative; more where a function works in less than double precision.
TOLERANCE = {0: 1e-12, 1: 1e-9, 2: 1e-8, 3: 1e-7, 4: 1e-6, 5: 1e-5, 6: 1e-4}


@dataclass(frozen=True)
class Comparison:
    """A derivative against differences: ``settled`` says whether the differences mean anything."""

    found: float
    expected: float
    allowed: float
    settled: bool
    noise: float

    @property
    def holds(self) -> bool:
        """Whether the two agree, as far as can be told."""
        return bool(abs(self.found - self.expected) <= self.allowed)

    @property
    def off(self) -> float:
        """The relative difference."""
        scale = max(abs(self.found), abs(self.expected))
        return abs(self.found - self.expected) / scale if scale else 0.0


class Study:
    """A problem with what the laws need to look at it."""

    def __init__(self, problem: Problem, order: int, seed: int) -> None:
        self.problem = problem
        self.order = order
        self.seed = seed
        self.facts = Facts(problem, problem.points)
        self.eps = self.facts.eps
        self._losses: dict[int, float] = {}
        #: The orders of the remainders of Taylor's theorem, once they have been seen.
        self.observed: list[float] = []
        self.outputs = problem.values(problem.points)
        #: A power of two near the largest element of each result, so that results of all sizes count alike.
        self.scales = [_power(y) for y in self.outputs]
        rng = self.rng("weights")
        ys = [y.data for y in self.facts.outputs]
        self.cts = [(ct / s).astype(ct.dtype) for ct, s in zip(like(rng, ys), self.scales, strict=True)]
        self.analytic = problem.is_real and not any(y.dtype.kind == "c" for y in self.outputs)

    def rng(self, purpose: str) -> np.random.Generator:
        """Random numbers for one purpose, the same in every run."""
        return np.random.default_rng([self.seed, *purpose.encode()])

    def tolerance(self, order: int, lenient: bool = False) -> float:
        """The relative error allowed at an order; ``lenient``: more where rounding takes digits, but not much more."""
        usual = max(TOLERANCE.get(order, 1e-3), 1e3 * self.eps * 10.0 ** max(order - 1, 0))
        return max(usual, min(100 * self.loss(order), 1e-3)) if lenient else usual

    def agree(self, a: float, b: float, scale: float, order: int, floor: float) -> bool:
        """Whether two numbers, ``scale`` if nothing cancelled, are one derivative of that order."""
        off = abs(a - b)
        if off <= self.tolerance(order) * scale + floor:
            return True
        return bool(off <= self.tolerance(order, lenient=True) * scale + floor)

    def loss(self, order: int) -> float:
        """The relative noise of a derivative of that order: what rounding in the function's own formula makes of it."""
        if order and order not in self._losses:
            worst = 0.0
            for family in self.families("loss"):
                on_the_way = [v * np.where(x == 0, 1.0, np.minimum(np.abs(x / v), 1.0)) for x, v in
                              zip(self.problem.points, family, strict=True)]  # fmt: skip

                def derivative(t: float, family: Any = family, vs: Any = on_the_way) -> float:
                    xs = self.problem.moved(t, vs)
                    return nested("R" * order, self.problem, xs, self.cts, [family] * order)[0]

                scale = nested("R" * order, self.problem, self.problem.points, self.cts, [family] * order)[1]
                noise = min(noise_of(derivative, 1e-6), noise_of(derivative, 1e-8))
                worst = max(worst, noise / scale if scale else 0.0)
            self._losses[order] = worst
        return self._losses.get(order, 0.0)

    def families(self, purpose: str) -> list[list[Any]]:
        """Directions through all inputs: of size one; of the inputs' own size too, where that is another."""
        units = like(self.rng(purpose), self.problem.points)
        sizes = [np.abs(x) for x in self.problem.points]
        # An element that is zero has no size of its own: its neighbours' largest is as good as any.
        own = [np.where(s == 0, np.max(s, initial=0.0) or 1.0, s) for s in sizes]
        families = [[(u * np.maximum(s, 1.0))[()] for u, s in zip(units, sizes, strict=True)]]
        if any(np.any(s < 0.1) for s in own):
            families.append([(u * s)[()] for u, s in zip(units, own, strict=True)])
        return families

    def along(self, vs: Sequence[Any], f: Callable[[Sequence[Any]], list[Any]] | None = None) -> Line:
        """The function ``f`` (the problem itself) on the line x + t v."""
        return Line(self, vs, f or self.problem.values)

    def floor(self, cts: Sequence[Any] | None = None, order: int = 1) -> float:
        """What rounding leaves of an inner product with the derivative where the true answer is zero."""
        return 1e3 * self.eps * 10.0 ** (order - 1) * size(self.cts if cts is None else cts, self.outputs)


class Line:
    """A function on a line: its values by t, kept, since several results ask for the same."""

    def __init__(self, study: Study, vs: Sequence[Any], f: Callable[[Sequence[Any]], list[Any]]) -> None:
        self.study = study
        self.vs = vs
        self.f = f
        self._values: dict[Any, list[Any]] = {}
        xs = study.problem.points
        moving = [(np.max(np.abs(x), initial=0.0), np.max(np.abs(v), initial=0.0)) for x, v in zip(xs, vs, strict=True)]
        #: By how much more than t the rounding of x + t v counts.
        self.reach = max([float(x / v) for x, v in moving if v], default=0.0)

    def __call__(self, t: Any) -> list[Any]:
        """The values at t."""
        if t not in self._values:
            self._values[t] = self.f(self.study.problem.moved(t, self.vs))
        return self._values[t]

    def compare(
        self, weights: Sequence[Any], found: float, scale: float, order: int, output: int | None = None
    ) -> Comparison:
        """<weights, derivative along the line>, as it was found, against differences.

        ``scale``: what ``found`` would be if nothing cancelled; ``output``: of one result alone, the only weight's.
        """
        study = self.study

        def phi(t: Any) -> Any:
            values = self(t)
            return inner(weights, values if output is None else [values[output]])

        ys = self(0.0)
        rounding = max(2 * study.eps * size(weights, ys if output is None else [ys[output]]), EPS * self.reach * scale)
        rtol = study.tolerance(order)
        expected, error, noise = searched(phi, found, rtol, rounding, study.analytic and order == 1)
        magnitude = max(abs(found), abs(expected))
        allowed = rtol * (abs(expected) + scale) + 2 * error + 50 * noise
        settled = bool(error <= max(0.05 * magnitude, 1e4 * noise))
        return Comparison(found, expected, allowed, settled, noise)


def _power(y: Any) -> float:
    largest = float(np.max(np.abs(y), initial=0.0))
    return float(2.0 ** np.round(np.log2(largest))) if np.isfinite(largest) and largest > 0 else 1.0
