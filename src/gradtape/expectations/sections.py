"""An integrand along one coordinate of the draws: where it crosses its kink, and how that place moves.

Along the coordinate t, with the other coordinates z and what the integrand captured, theta, as parameters, the kink is
where c(t, z, theta) = 0.  Two rows have the derivative that this defines, dt = -(c_z dz + c_theta dtheta) / c_t: the
root t*, and a draw t that is moved so that c keeps the value that it has.  The rule holds wherever it is evaluated, so
it is right at every order.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..errors import GradtapeError, message
from ..primitives.selection import equal, where
from ..program.program import Program
from ..program.replay import replayed
from ..program.slicing import sliced
from ..record import sites
from ..record.private import private_among
from ..record.segment import Pause, Window
from ..record.tensor import Tensor
from ..record.writer import operation
from ..rules.primitive import Primitive
from ..sweeps.batch import reported
from .integrand import Integrand, by_path, column_of, combined, directional, replaced
from .sides import one_sided

__all__ = ["Section", "carried"]

_STEPS = 100
#: A step of Newton's method that is smaller leaves an error of its square.
_SMALL = 3e-9


def carried(program: Program, inputs: Sequence[Any]) -> Any:
    """The one output of a program: recorded where an input is a Tensor or a sweep's own value, else raw."""
    if any(isinstance(x, Tensor) for x in inputs) or private_among(inputs) is not None:
        return replayed(program, inputs)[0]
    return program.interpret(inputs)[0]


class Section:
    """The integrand along one coordinate: programs of (t, z, theta1, ...) for its kink, and for its value."""

    def __init__(self, integrand: Integrand, whole: Program, coordinate: int, signs: Any) -> None:
        self.coordinate = coordinate
        self.integrand, self.signs = integrand, signs
        xs = [Tensor(x) for x in whole.examples]
        n = xs[0].shape[0]
        t = Tensor(np.array(column_of(xs[0].data, coordinate)))
        with Pause(), Window() as window:
            _, *differences = replayed(whole, [replaced(xs[0], t, coordinate), *xs[1:]])
            parts = [by_path(c, n) for c in differences]
            crossing = combined(parts, signs)
        self._widths = [part.shape[1] for part in parts]
        self.crossing: Program = sliced(window.entries(), [t, *xs], [crossing], name="crossing")[0]
        self.slope: Program = directional(self.crossing, [0], given=False)
        #: The same for values alone, of which the search for the root takes many.
        self._quick = self.crossing.simplified(), self.slope.simplified()
        self._directions: dict[tuple[int, ...], Program] = {}

    def side(self, sign: float) -> Program:
        """(t, z, theta1, ...) -> y where the crossing is positive, or negative: every kink is to one side."""
        split = np.split(np.asarray(self.signs), np.cumsum(self._widths)[:-1])
        program = one_sided(self.integrand.program, self.integrand.found, split, sign)
        xs = [Tensor(x) for x in program.examples]
        t = Tensor(np.array(column_of(xs[0].data, self.coordinate)))
        with Pause(), Window() as window:
            (y,) = replayed(program, [replaced(xs[0], t, self.coordinate), *xs[1:]])
        return sliced(window.entries(), [t, *xs], [y], name="side")[0]

    def direction(self, slots: tuple[int, ...]) -> Program:
        """The derivative of the crossing in the direction of some of (z, theta1, ...)."""
        if slots not in self._directions:
            self._directions[slots] = directional(self.crossing, [i + 1 for i in slots])
        return self._directions[slots]

    def moved(self, t: Any, arguments: Sequence[Any], dxs: Sequence[Any]) -> Any:
        """-(c_z dz + c_theta dtheta) / c_t at t; None where no direction is given."""
        slots = tuple([i for i, dx in enumerate(dxs) if dx is not None])
        if not slots:
            return None
        change = carried(self.direction(slots), [t, *arguments, *[dxs[i] for i in slots]])
        slope = carried(self.slope, [t, *arguments])
        return -change / where(equal(slope, 0.0), 1.0, slope)

    def step(self, t: Any, arguments: Sequence[Any]) -> Tensor:
        """The step from ``t`` that keeps c where it is, whatever becomes of the arguments: zero, with derivatives."""

        def rule(y: Any, xs: Sequence[Any], dxs: Sequence[Any]) -> Any:
            dy = self.moved(xs[0] + y, xs[1:], dxs[1:])
            return y * 0.0 if dy is None else dy

        return _row("kink_step", lambda xp, t, *arguments: xp.zeros_like(t), rule)(t, *arguments)

    def root(self, low: Any, high: Any, arguments: Sequence[Any]) -> Tensor:
        """t* between ``low`` and ``high`` with c = 0; the end next to it on a path that does not cross."""

        def rule(y: Any, xs: Sequence[Any], dxs: Sequence[Any]) -> Any:
            dy = self.moved(y, xs[2:], dxs[2:])
            return y * 0.0 if dy is None else where((y > xs[0]) & (y < xs[1]), dy, 0.0)

        return _row("kink_crossing", lambda xp, *xs: self.solved(*xs), rule)(low, high, *arguments)

    def solved(self, low: Any, high: Any, *arguments: Any) -> Any:
        """The root on raw arrays: Newton's method, held in a bracket (Brent 1973, ch. 4; here with derivatives)."""
        shape = self.crossing.inputs[0].shape
        low, high = (np.array(np.broadcast_to(x, shape), np.float64) for x in (low, high))

        crossing, slope = self._quick

        def c(t: Any) -> Any:
            return crossing.interpret([t, *arguments])[0]

        at_low, at_high = c(low), c(high)
        crosses = (at_low > 0) != (at_high > 0)
        rising = bool(np.count_nonzero(crosses & (at_high > 0)) >= np.count_nonzero(crosses & (at_low > 0)))
        if np.any(crosses & ((at_high > 0) != rising)):
            raise GradtapeError(
                message(
                    f"preintegration: the kink rises along coordinate {self.coordinate} on some paths, falls on others",
                    where=str(sites.user_line()),
                    remedy="Choose another coordinate, or estimator='score'.",
                )
            )
        a, b = low.copy(), high.copy()  # c is of one sign at a, of the other at b, on the paths that cross
        t = 0.5 * (a + b)
        for step in range(_STEPS):
            value = c(t)
            if step == 0 and np.any(~crosses & ((value > 0) != (at_low > 0))):
                raise GradtapeError(
                    message(
                        f"preintegration: some paths cross the kink more than once along coordinate {self.coordinate}",
                        where=str(sites.user_line()),
                        remedy="Choose another coordinate, or estimator='score'.",
                    )
                )
            above = (value > 0) == rising
            a, b = np.where(above, a, t), np.where(above, t, b)
            with np.errstate(all="ignore"):
                newton = t - value / slope.interpret([t, *arguments])[0]
            new = np.where((newton >= a) & (newton <= b), newton, 0.5 * (a + b))
            done = np.abs(new - t) <= _SMALL * (1 + np.abs(t))
            t = new
            if np.all(done | ~crosses):
                break
        return np.where(crosses, t, np.where((at_high > 0) == rising, low, high))


def _row(name: str, impl: Any, rule: Any) -> Any:
    """The operation of a row that belongs to one integrand."""
    row = Primitive(name, "differential", impl, None, differential=rule)
    row.op = operation(row)
    reported.add(name)  # under vmap a root is found for one example after the other, which needs no remark
    return row.op
