"""What a wrong derivative looks like: the likely cause of a law that does not hold."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ..explain.reasons import explain
from .differences import one_sided, searched
from .problem import Facts
from .study import Line, Study
from .tools import F, inner, like, pullback, pushed, tensors

_gradtape_composes = True

REMEDY = "use gradtape's functions (or NumPy's, on Tensors)"
ROUNDING = "rounding: the function loses most of its digits here (cancellation?); write it in a stable form"
KINK = "the point sits at a kink or a jump, where there is no derivative: move it"
FACTORS = {2.0: "a factor of 2 too large", 0.5: "a factor of 2 is missing (found is half)", -1.0: "the sign is wrong"}


def kink(phi: Callable[[float], Any], noise: float) -> str:
    """Whether the slopes on the two sides of 0 differ, on every scale that is small."""
    with np.errstate(all="ignore"):
        for step in (1e-4, 1e-6):
            left, right = one_sided(phi, step)
            if not abs(left - right) > 0.02 * max(abs(left), abs(right)) + 20 * noise / step:
                return ""
    return f"{KINK} (slope {left:.6g} on one side, {right:.6g} on the other)"


def rough(study: Study, order: int, phi: Callable[[float], Any], noise: float) -> str:
    """Whether rounding is to blame, or a kink of ``phi``."""
    return ROUNDING if study.loss(order) > 1e-5 else kink(phi, noise)


def cut(facts: Facts, slots: Sequence[int]) -> str:
    """Where the path from some inputs is cut, as a cause."""
    found = facts.escape() or facts.cut(slots)
    return f"not closed: {found}; {REMEDY}" if found else ""


def ratio(pairs: Sequence[tuple[float, float]]) -> float | None:
    """The number c with found = c * expected for all pairs, if there is one."""
    usable = [(f, e) for f, e in pairs if np.isfinite(f) and np.isfinite(e) and e != 0.0]
    if len(usable) < 2:
        return None
    cs = np.array([f / e for f, e in usable])
    middle = float(np.median(cs))
    return middle if np.all(np.abs(cs - middle) <= 1e-5 * max(abs(middle), 1e-5)) else None


def named(c: float, elements: int) -> str:
    """A constant factor in words."""
    for factor, words in FACTORS.items():
        if abs(c - factor) < 1e-4 * abs(factor):
            return words
    if abs(c) < 1e-7:
        return "the derivative is zero: the whole term is missing, or the path is cut"
    for n, what in ((float(elements), "multiplied"), (1.0 / elements, "divided")):
        if elements > 2 and abs(c - n) < 1e-4 * n:
            return f"{what} by the number of elements, {elements}: a sum for a mean, or the other way round"
    return f"a constant factor of {c:.6g}"


def first_order(study: Study, slot: int, output: int, line: Line, noise: float, reverse: bool) -> str:
    """Why the derivative of one result by one input is wrong."""
    problem, rng = study.problem, study.rng("diagnosis")
    ct = [study.cts[output]]
    found = rough(study, 1, lambda t: inner(ct, [line(t)[output]]), noise)
    if found:
        return found
    f = problem.alone(output)
    gone = cut(study.facts, [slot])
    if gone:
        return gone
    pairs: list[tuple[float, float]] = []
    y = study.facts.outputs[output].data
    swapped: list[tuple[float, float]] = []
    conjugated: list[tuple[float, float]] = []
    xs = tensors(problem.points)
    for _ in range(4):
        cts, vs = (
            like(rng, [y]),
            problem.only(slot, [v * s for v, s in zip(like(rng, problem.points), _sizes(line.vs), strict=True)]),
        )
        if reverse:
            gradients = pullback(f, xs, tensors(cts))
            value = float(inner(gradients, vs))
            conjugated.append((float(inner([np.conj(g.data) for g in gradients], vs)), 0.0))
        else:
            value = float(inner(cts, pushed(f, xs, tensors(vs))))
        at = study.along(vs)
        exact = searched(lambda t, at=at, cts=cts: inner(cts, [at(t)[output]]), value, 1e-6, noise)[0]
        pairs.append((value, exact))
        if y.shape == problem.points[slot].shape and reverse:
            other = pullback(f, xs, tensors([np.asarray(vs[slot]).astype(y.dtype)[()]]))
            swapped.append((float(inner([other[slot]], [cts[0].astype(xs[slot].dtype)])), exact))
    c = ratio(pairs)
    if c is not None:
        words = named(c, problem.points[slot].size)
        if abs(c) < 1e-7:
            # Not connected at all: the record knows why.
            reason = explain(
                study.facts.segments, [study.facts.outputs[output]], study.facts.inputs[slot], problem.names[slot]
            )
            if reason.code.startswith("GT-None"):
                words = reason.text.split("\n")[0].partition(": ")[2] or words
        return words
    if ratio(swapped) is not None and abs((ratio(swapped) or 0) - 1) < 1e-5:
        return "the Jacobian is transposed"
    if conjugated and ratio([(a, e) for (a, _), (_, e) in zip(conjugated, pairs, strict=True)]) is not None:
        return "the cotangent is conjugated (gradients are J^H ct)"
    return "no constant factor relates the two: a term is missing or wrong"


def _sizes(vs: Sequence[Any]) -> list[Any]:
    """The sizes of a direction's elements; where it is zero, one."""
    return [np.where(np.abs(v) == 0, 1.0, np.abs(v)) for v in vs]


def higher_order(study: Study, f: F, found: float, expected: float, at_kink: str) -> str:
    """Why a derivative of a derivative is wrong, the first one being right."""
    xs = study.problem.points
    if at_kink:
        return at_kink
    gone = cut(Facts(f, xs), range(len(xs)))
    if gone:
        return gone
    c = found / expected if expected else np.inf
    if abs(c) < 1e-7:
        return "zero: what the rule computes with is not on the record (x.data, or values held constant)"
    words = named(c, 1) if any(abs(c - factor) < 1e-4 * abs(factor) for factor in FACTORS) else ""
    return words or "the rule of the first derivative holds something constant that depends on the input"
