"""What each path contributes to the estimate, as a Tensor whose derivatives of every order are contributions too.

``Problem`` is what they all start from: the draws, their distribution, and the integrand as a program.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..primitives.indexing import getitem
from ..primitives.reductions import sum as sum_of
from ..primitives.selection import where
from ..primitives.shapes import held, reshape
from ..primitives.transcendental import log
from ..program.program import Program, Value
from ..program.replay import replayed
from ..program.slicing import sliced
from ..record.private import private_among
from ..record.segment import Pause, Window, is_recording
from ..record.tensor import Tensor, value_of
from ..record.writer import operation
from ..rules.primitive import Primitive, bind
from ..stochastic.distribution import Distribution
from ..sweeps.batch import reported
from ..sweeps.query import zeros
from ..sweeps.reverse import reverse
from .designs import Design, marginal
from .integrand import Integrand, column_of, directional, replaced, shifted
from .marks import likelihood_ratio
from .sections import Section, carried

_gradtape_composes = True

__all__ = ["Problem", "pathwise_then_score", "preintegrated", "scored", "transposed"]

#: The probability that is left out at either end where a crossing is looked for.
_END = 1e-16
#: Nearer to an end, by its probability, there are no points: one less it would not be told from one.
_LEAST = 1e-15


@dataclass
class Problem:
    """Draws of a distribution, and what the integrand makes of them."""

    distribution: Distribution
    design: Design
    draws: Tensor
    value: Tensor
    integrand: Integrand
    #: (z, theta1, ...) -> (y, c1, ...)
    whole: Program
    sides: int
    #: What the integrand captured.
    captured: list[Tensor]


def log_weight(distribution: Distribution, x: Any) -> Any:
    """The log density of each path's draw, of shape (n,)."""
    found = distribution.log_prob(x)
    n = x.shape[0]
    return found if found.shape == (n,) else sum_of(reshape(found, shape=(n, found.size // n)), axis=1, keepdims=False)


def scored(p: Problem, section: Section | None, *, last: bool = False) -> Any:
    """The likelihood ratio: the draws stay where they are, and their density depends on the parameters.

    Where the kink depends on parameters that the integrand captured, one coordinate of the draws moves so that the kink
    stays where it is, and the density is that of the moved draw.  ``last``: that coordinate alone, the others pathwise.
    """
    if section is None:
        x = held(p.draws)
        return likelihood_ratio(log_weight(p.distribution, x)) * replayed(p.integrand.program, [x, *p.captured])[0]
    z = p.draws if last else held(p.draws)
    x, weight = _moved(p, section, z, p.captured, last, not last)
    return weight * replayed(p.integrand.program, [x, *p.captured])[0]


def _moved(p: Problem, section: Section, z: Any, captured: Sequence[Any], last: bool, still: bool) -> tuple[Any, Any]:
    """The draws with one coordinate moved, and the weight of the move: the ratio of densities, and its Jacobian."""
    at = held(column_of(z, section.coordinate))
    step = section.step(at, [z, *captured])
    t = at + step
    # The other draws may depend on parameters, this one may not; where none does, a step of zero leaves them all.
    x = shifted(z, step, section.coordinate) if still else replaced(z, t, section.coordinate)
    density = marginal(p.distribution, section.coordinate).log_prob(t) if last else log_weight(p.distribution, x)
    slope = carried(section.slope, [t, z, *captured])
    return x, likelihood_ratio(density - log(abs(slope)))


def pathwise_then_score(p: Problem, section: Section) -> Any:
    """The first derivative path by path, which takes a kink to a jump; those of it by the likelihood ratio."""
    rules = _PathwiseThenScore(p, section)
    row = Primitive(
        "pathwise_then_score",
        "differential",
        lambda xp, *xs: rules.value(xp, *xs),
        None,
        differential=rules.push,
        vjp=rules.pull,
    )
    row.op = operation(row)
    reported.add(row.name)
    return row.op(p.draws, *p.captured)


class _PathwiseThenScore:
    """dy = w g_theta dtheta, at the draws that keep the kink where it is, with their weight w.

    So the derivatives of dy are those of the likelihood ratio.  The draws themselves depend on nothing.
    """

    def __init__(self, p: Problem, section: Section) -> None:
        self.program = p.integrand.program
        given = [p.draws, *p.captured]
        with Pause(), Window() as window:
            x, weight = _moved(p, section, p.draws, p.captured, True, True)
        #: (z, theta1, ...) -> (the draws that keep the kink, their weight)
        self.weighted = sliced(window.entries(), given, [x, weight], name="weights", guarded=False)[0]
        self._directions: dict[tuple[int, ...], Program] = {}
        self._pull: Program | None = None

    def value(self, xp: Any, *xs: Any) -> Any:
        """The integrand by the implementations of its rows over NumPy, or JAX inside a compiled one."""
        known: dict[Any, Any] = {**self.program.constants, **dict(zip(self.program.inputs, xs, strict=True))}
        with np.errstate(all="ignore"):
            for step in self.program.steps:
                run = step.row.run if xp is np else bind(step.row.impl, xp)
                made = run(*[known[x] if type(x) is Value else x for x in step.inputs], **(step.params or {}))
                known.update(zip(step.outputs, made if step.several else (made,), strict=True))
        return known[self.program.outputs[0]]

    def push(self, y: Any, xs: Sequence[Any], dxs: Sequence[Any]) -> Any:
        slots = tuple([i for i, dx in enumerate(dxs) if dx is not None])
        if slots not in self._directions:
            self._directions[slots] = directional(self.program, slots)
        slope, given = self._directions[slots], [dxs[i] for i in slots]
        if not is_recording() and private_among([*xs, *given]) is None:
            return slope.interpret([*map(value_of, xs), *map(value_of, given)])[0]
        x, weight = replayed(self.weighted, xs)
        return weight * carried(slope, [x, *xs[1:], *given])

    def pull(self, ct: Any, y: Any, *xs: Any) -> Sequence[Any]:
        if self._pull is None:
            self._pull = transposed(self.program)
        if not is_recording():
            return self._pull.interpret([*xs, ct])
        x, weight = replayed(self.weighted, xs)
        return replayed(self._pull, [x, *xs[1:], ct * weight])


def transposed(program: Program) -> Program:
    """(x1, ..., ct) -> ct dy/dx for each input; not simplified, for it will be differentiated."""
    xs = [Tensor(x) for x in program.examples]
    with Pause(), Window() as window:
        (y,) = replayed(program, xs)
        ct = Tensor(np.ones_like(y.data))
        found = reverse(list(window.segments), [(y, ct)], xs)
        answers = [found[x] if x in found else zeros(x) for x in xs]
    return sliced(window.entries(), [*xs, ct], answers, name="integrand_transposed", guarded=False)[0]


def preintegrated(p: Problem, section: Section, dead: Sequence[bool]) -> Any:
    """The integral over one coordinate, on either side of the kink by points in strata (Griebel, Kuo & Sloan 2013).

    With F the probability below the crossing t*, and q the coordinate's quantile, it is the mean over v of
    F g(q(F v)) + (1 - F) g(q(1 - (1 - F) v)).  ``dead``: the sides, below and above, on which the integrand is zero,
    and whether the crossing rises from negative to positive.
    """
    own = marginal(p.distribution, section.coordinate)
    arguments = [p.draws, *p.captured]
    n = p.draws.shape[0]
    low, high = held(own.icdf(_END)), held(own.icdf(1.0 - _END))
    crossing = section.root(low, high, arguments)
    below = own.cdf(crossing)
    above = 1.0 - below
    m = p.sides
    points = p.design.more(2 * m, alone=p.draws.size == n)
    total: Any = None
    for side, share in enumerate((below, above)):
        if dead[side]:
            continue
        program = section.side(1.0 if bool(dead[2]) == (side == 1) else -1.0)
        for k in range(m):
            v = (getitem(points, index=(slice(None), side * m + k)) + float(k)) * (1.0 / m)
            mass = share * v
            there = mass > _LEAST
            mass = where(there, mass, 0.5)
            value = carried(program, [own.icdf(mass if side == 0 else 1.0 - mass), *arguments])
            term = where(there, share * value, 0.0)
            total = term if total is None else total + term
    if total is None:
        return Tensor(np.zeros(n))
    return total * (1.0 / m) if m > 1 else total
