"""The laws that hold for the derivatives of every function.

Each is a function of a ``Study``; it returns what it saw, as (largest relative difference, words), and raises
``BrokenError`` where it does not hold, or ``NotTriedError`` where it says nothing about this function.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from itertools import product
from math import factorial
from typing import Any

import numpy as np

from ..errors import DerivativeError
from ..record.tensor import Tensor
from . import diagnosis
from .differences import noise_of, observed_orders
from .problem import Facts
from .study import Study
from .tools import F, close, derivatives, inner, like, nested, nested_jvp, path, pullback, pushed, raw, size, tensors

_gradtape_composes = True

#: No power of the step falls by so much from one step to the next.
VANISHES = 2.0**12

Seen = tuple[float | None, str]


class NotTriedError(Exception):
    """The law says nothing about this function: why."""


class BrokenError(Exception):
    """The law does not hold."""

    def __init__(self, what: str, input: str, found: Any, expected: Any, cause: str) -> None:
        super().__init__(what)
        self.what, self.input, self.found, self.expected, self.cause = what, input, found, expected, cause


def value(study: Study) -> Seen:
    """The function gives the same value each time, on a tape or not, and it is finite."""
    problem = study.problem
    names = ", ".join(problem.names)
    if not study.outputs:
        raise BrokenError(
            "the function has no floating-point result", names, "none", "a float", "its result is an integer"
        )
    again = problem.values(problem.points)
    recorded = [y.data for y in study.facts.outputs]
    for i, (y, other, on_tape) in enumerate(zip(study.outputs, again, recorded, strict=True)):
        if not (np.array_equal(y, other, equal_nan=True) and np.array_equal(y, on_tape, equal_nan=True)):
            cause = "the function is random, or changes what it reads: fix the seed, or draw before"
            raise BrokenError(f"result {i} differs between two calls", names, other, y, cause)
        if not np.all(np.isfinite(y)):
            cause = "the point is outside of the domain, or too large"
            raise BrokenError(f"result {i} is not finite", names, y, "finite numbers", cause)
    n = sum(y.size for y in study.outputs)
    return 0.0, f"{n} number{'s' if n != 1 else ''} from {sum(x.size for x in problem.points)}"


def tangent(study: Study) -> Seen:
    """<ct, J v> by forward mode is what differences of f give, for each input and each result."""
    problem = study.problem
    worst = 0.0
    for slot, name in enumerate(problem.names):
        if not problem.points[slot].size:
            continue
        unsettled: dict[int, Any] = {}
        settled: set[int] = set()
        for vs in study.families("tangent"):
            vs = problem.only(slot, vs)
            dys = pushed(problem, tensors(problem.points), tensors(vs))
            line = study.along(vs)
            for i, (ct, dy) in enumerate(zip(study.cts, dys, strict=True)):
                if not dy.size:
                    continue
                found = float(inner([ct], [dy]))
                seen = line.compare([ct], found, size([ct], [dy]), 1, output=i)
                if not np.isfinite(found):
                    raise BrokenError(_of(i, "the derivative"), name, found, seen.expected, _not_finite(seen.expected))
                if not seen.holds and not study.agree(found, seen.expected, size([ct], [dy]), 1, 0.0):
                    cause = diagnosis.first_order(study, slot, i, line, seen.noise, reverse=False)
                    raise BrokenError(_of(i, "<ct, J v> by forward mode"), name, found, seen.expected, cause)
                if seen.settled:
                    settled.add(i)
                    worst = max(worst, seen.off)
                else:
                    unsettled[i] = (seen, line)
        for i in set(unsettled) - settled:
            seen, line = unsettled[i]
            cause = diagnosis.rough(study, 1, lambda t, line=line, i=i: inner([study.cts[i]], [line(t)[i]]), seen.noise)
            cause = cause or "the function jumps, or is noisier than its precision: differences do not settle"
            raise BrokenError(_of(i, "differences"), name, seen.found, seen.expected, cause)
    how = "differences, complex step where analytic" if study.analytic else "differences"
    return worst, f"forward mode against {how}"


def duality(study: Study) -> Seen:
    """<ct, J v> = <J' ct, v>: reverse mode is the transpose of forward mode."""
    problem = study.problem
    xs = tensors(problem.points)
    worst = 0.0
    for i in range(len(study.cts)):
        f, ct = problem.alone(i), [study.cts[i]]
        gradients = pullback(f, xs, tensors(ct))
        for slot, name in enumerate(problem.names):
            if gradients[slot].shape != xs[slot].shape or gradients[slot].dtype != xs[slot].dtype:
                found, expected = (f"{x.dtype}{list(x.shape)}" for x in (gradients[slot], xs[slot]))
                raise BrokenError(_of(i, "the gradient"), name, found, expected, "not of the input's shape and dtype")
            for vs in study.families("duality"):
                vs = problem.only(slot, vs)
                dys = pushed(f, xs, tensors(vs))
                left, right = float(inner(ct, dys)), float(inner(gradients, vs))
                scale = size(ct, dys) + size(gradients, vs)
                if not study.agree(left, right, scale, 1, 1e-3 * study.floor()):
                    noise = 2 * study.eps * size(ct, [study.outputs[i]])
                    cause = diagnosis.first_order(study, slot, i, study.along(vs), noise, reverse=True)
                    raise BrokenError(_of(i, "<J' ct, v> by reverse mode"), name, right, left, cause)
                worst = max(worst, abs(left - right) / scale if scale else 0.0)
    return worst, "<ct, J v> = <J' ct, v>"


def taylor(study: Study) -> Seen:
    """What Taylor's polynomial of order K leaves of f(x + h v) is of order h^(K+1)."""
    problem = study.problem
    best: list[str] = []
    for vs in study.families("taylor"):
        zero = [Tensor(np.zeros_like(v)) for v in vs]
        series = [[v, *[z] * (study.order - 1)] for v, z in zip(tensors(vs), zero, strict=True)]
        terms = derivatives(problem, tensors(problem.points), series)
        line = study.along(vs)
        noise = min(noise_of(lambda t, line=line: inner(study.cts, line(t)), spacing) for spacing in (1e-8, 1e-12))
        eps = float(np.finfo(float).eps)
        first = size(study.cts, [t.data for t in terms[0]])
        floor = max(1e2 * study.eps * size(study.cts, study.outputs), 30 * noise, 1e2 * eps * line.reach * first)
        steps = 0.5 ** np.arange(45)
        residuals = np.full((study.order, len(steps)), np.nan)
        for j, h in enumerate(steps):
            rest = [y - y0 for y, y0 in zip(line(float(h)), study.outputs, strict=True)]
            for k in range(study.order):
                rest = [r - raw(c) * (h ** (k + 1) / factorial(k + 1)) for r, c in zip(rest, terms[k], strict=True)]
                residuals[k, j] = size(study.cts, rest)
            if j > 8 and np.all(residuals[:, j] <= floor):
                break
        shown: list[str] = []
        for k in range(study.order):
            slopes = observed_orders(steps, residuals[k], floor)
            above = residuals[k] > floor
            # A residual that vanishes from one step to the next was made by something farther away: a kink, a jump.
            vanishes = not above[-1] and np.any(above) and residuals[k][above][-1] > VANISHES * floor
            if len(slopes) < 3 or vanishes:
                shown.append("exact")
                continue
            observed = max(slopes[-3:])
            shown.append(f"{observed:.2f}")
            if observed < k + 1.5:
                cause = diagnosis.rough(study, k + 1, lambda t, line=line: inner(study.cts, line(t)), noise)
                if not cause and k:
                    cause = diagnosis.cut(Facts(partial(_pulled, problem, study.cts), problem.points), range(len(vs)))
                wrong = max(round(observed), 1)
                reason = "" if wrong == 1 else "; the rule of the one below computes with something not on the record?"
                cause = cause or f"the derivative of order {wrong} along v is wrong{reason}"
                what = f"the order of what Taylor's polynomial of order {k + 1} leaves"
                raise BrokenError(what, ", ".join(problem.names), round(observed, 2), k + 2, cause)
        best = shown if not best or sum(s == "exact" for s in shown) < sum(s == "exact" for s in best) else best
    study.observed = [float("inf") if s == "exact" else float(s) for s in best]
    return None, f"remainders of order {', '.join(best)}"


def higher(order: int) -> Callable[[Study], Seen]:
    """The law of one order: reverse mode of reverse mode ... against differences of the order below."""

    def law(study: Study) -> Seen:
        problem = study.problem
        worst = 0.0
        for number, family in enumerate(study.families(f"order {order}")):
            f: F = problem
            weights: Sequence[Any] = study.cts
            for n in range(1, order):
                f = partial(_pulled, f, weights)
                weights = study.families(f"weights {n}")[number]
            line = study.along(family, lambda xs, f=f: [raw(y) for y in f(tensors(xs))])
            gradients = pullback(f, tensors(problem.points), tensors(weights))
            for slot, name in enumerate(problem.names):
                vs = problem.only(slot, family)
                along = study.along(vs, line.f)
                found = float(inner(gradients, vs))
                seen = along.compare(weights, found, size(gradients, vs), order)
                if not np.isfinite(found):
                    raise BrokenError(f"derivative {order}", name, found, seen.expected, _not_finite(seen.expected))
                floor = seen.allowed + 1e-3 * study.floor(order=order)  # what rounding leaves of a zero
                if not study.agree(found, seen.expected, size(gradients, vs), order, floor):
                    at_kink = diagnosis.rough(study, order, lambda t, a=along, w=weights: inner(w, a(t)), seen.noise)
                    cause = diagnosis.higher_order(study, f, found, seen.expected, at_kink)
                    raise BrokenError(f"derivative {order} by reverse mode", name, found, seen.expected, cause)
                if seen.settled:
                    worst = max(worst, seen.off if abs(found) > study.floor(order=order) else 0.0)
        return worst, f"reverse mode, {order} deep, against differences"

    law.__doc__ = f"Derivative {order}: <J' ct, v> = <ct, dJ/dv>, J the function differentiated {order - 1} times."
    return law


def symmetry(study: Study) -> Seen:
    """u' H v = v' H u, H the second derivative of <ct, f>."""
    problem, xs = study.problem, tensors(study.problem.points)
    worst = 0.0
    for us, vs in zip(study.families("u"), study.families("v"), strict=True):
        f = partial(_pulled, problem, study.cts)
        hv, hu = pullback(f, xs, tensors(vs)), pullback(f, xs, tensors(us))
        a, b = float(inner(us, hv)), float(inner(vs, hu))
        scale = size(us, hv) + size(vs, hu)
        if not study.agree(a, b, scale, 2, 1e-3 * study.floor(order=2)):
            cause = "the first derivative is not a gradient: its own derivative, or a term of it, is wrong"
            raise BrokenError("u' H v against v' H u", ", ".join(problem.names), a, b, cause)
        worst = max(worst, abs(a - b) / scale if scale else 0.0)
    return worst, "u' H v = v' H u"


def nestings(study: Study) -> Seen:
    """A derivative of order 2 (and 3) is the same by every nesting of forward and reverse mode."""
    problem = study.problem
    worst = 0.0
    for order in range(2, min(study.order, 3) + 1):
        count = len(study.families("n0"))
        for family in range(count):
            directions = [study.families(f"n{k}")[family] for k in range(order)]
            expected, scale = nested("R" * order, problem, problem.points, study.cts, directions)
            words = ["".join(w) for w in product("FR", repeat=order)] if order == 2 else ["RRF", "RFF", "FFR", "FFF"]
            for word in words:
                found, other = nested(word, problem, problem.points, study.cts, directions)
                if not study.agree(found, expected, scale + other, order, 1e-3 * study.floor(order=order)):
                    cause = "a rule has different derivatives by forward and by reverse mode"
                    what = f"derivative {order} by {word} (F forward, R reverse, innermost first)"
                    raise BrokenError(what, ", ".join(problem.names), found, expected, cause)
                worst = max(worst, abs(found - expected) / (scale + other) if scale + other else 0.0)
    return worst, "forward and reverse mode in each other"


def jet(study: Study) -> Seen:
    """Taylor mode gives the derivatives along a curve that nested forward mode gives."""
    problem = study.problem
    top = max(study.order, 2)
    worst = 0.0
    for family in study.families("jet"):
        bends = like(study.rng("bends"), family)
        curve = [[v, *[0.5 * b * np.abs(v) for _ in range(top - 1)]] for v, b in zip(family, bends, strict=True)]
        curve = [[np.asarray(d).astype(x.dtype)[()] for d in c] for c, x in zip(curve, problem.points, strict=True)]
        found = derivatives(problem, tensors(problem.points), [tensors(c) for c in curve])
        for k in range(1, top + 1):
            at = path(problem.points, curve)
            expected = nested_jvp(lambda t, at=at: problem(at(t)), k)
            for i, (a, b) in enumerate(zip(found[k - 1], expected, strict=True)):
                atol = 10 * study.eps * 10.0**k * self_scale(study, i)
                worst = max(worst, _close(study, k, [a], [b], f"derivative {k} along a curve", atol))
    return worst, f"Taylor mode against nested forward mode, to order {top}"


def self_scale(study: Study, output: int) -> float:
    """The largest element of a result."""
    return float(np.max(np.abs(study.outputs[output]), initial=0.0))


def _close(study: Study, order: int, a: Any, b: Any, what: str, atol: float) -> float:
    try:
        return close(a, b, study.tolerance(order), what, atol)
    except DerivativeError:
        pass
    try:
        return close(a, b, study.tolerance(order, lenient=True), what, atol)
    except DerivativeError as error:
        cause = "a rule that is right for arrays treats what this mode hands it (a series, a batch) in another way"
        names = ", ".join(study.problem.names)
        raise BrokenError(str(error), names, error.found, error.expected, cause) from error


def _pulled(f: F, cts: Sequence[Any], xs: Sequence[Any]) -> list[Any]:
    return pullback(f, xs, tensors(cts))


def _of(i: int, what: str) -> str:
    return what if i == 0 else f"{what} of result {i}"


def _not_finite(expected: float) -> str:
    if np.isfinite(expected):
        return "a rule divides by zero or overflows where the function is smooth"
    return "the point is at the edge of the domain or a singular point: move it"
