"""The laws about doing the same elsewhere: for a whole batch at once, and in single precision."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np

from ..batching import vmap
from ..errors import DerivativeError, GradtapeWarning, GuardError, TapeError
from .laws import BrokenError, NotTriedError, Seen, self_scale
from .problem import SINGLE
from .study import Study
from .tools import close, pullback, raw, tensors

_gradtape_composes = True

#: How many examples a batch has.
SIZE = 3
#: Single-precision gradients may be off by this many roundings of their largest element.
ROUNDINGS = 400


def batch(study: Study) -> Seen:
    """vmap of the function, and of its gradient, is a loop over the examples."""
    problem = study.problem
    directions = study.families("batch")[-1]
    examples = [problem.moved(1e-3 * k, directions) for k in range(SIZE)]
    stacked = [np.stack([np.asarray(e[i]) for e in examples]) for i in range(len(problem.points))]

    def gradient(*xs: Any) -> list[Any]:
        return pullback(problem, xs, tensors(study.cts))

    worst = 0.0
    floors = [10 * study.eps * self_scale(study, i) for i in range(len(study.outputs))]
    for what, f in (("values", lambda *xs: list(problem(xs))), ("gradients", gradient)):
        try:
            with warnings.catch_warnings(), np.errstate(all="ignore"):
                warnings.simplefilter("ignore", GradtapeWarning)
                found = vmap(f)(*tensors(stacked))
                each = [f(*tensors(e)) for e in examples]
        except GuardError as error:
            raise NotTriedError(str(error).split("\n")[0]) from error
        except TapeError as error:
            raise NotTriedError(str(error).split("\n")[0]) from error
        for i, a in enumerate(found):
            expected = np.stack([raw(e[i]) for e in each])
            scale = float(np.max(np.abs(expected), initial=0.0))
            atol = floors[i] if what == "values" else 1e-12 * scale
            try:
                worst = max(worst, close([a], [expected], study.tolerance(1), f"{what} of a batch", atol))
            except DerivativeError as error:
                cause = "an operation does something else with a leading axis: see its batch="
                raise BrokenError(str(error), ", ".join(problem.names), error.found, error.expected, cause) from error
    return worst, f"vmap over {SIZE} points is a loop, gradients too"


def low_precision(study: Study) -> Seen:
    """In single precision: gradients of the inputs' dtype, as near to the others as single precision allows."""
    problem = study.problem
    with np.errstate(all="ignore"):
        singles = [x.astype(SINGLE[x.dtype.kind])[()] for x in problem.points]
    if not all(np.all(np.isfinite(x)) for x in singles):
        raise NotTriedError("the point is too large for single precision")
    # What rounding does to the gradient anyway: it is taken at points one rounding apart, too.
    eps = float(np.finfo(np.float32).eps)
    exact = [x.astype(d.dtype)[()] for x, d in zip(singles, problem.points, strict=True)]
    signs = [np.sign(v.real) for v in study.families("low precision")[0]]
    near = [x * (1 + 4 * eps * s) for x, s in zip(exact, signs, strict=True)]
    with np.errstate(all="ignore"):
        y32 = problem(tensors(singles))
    y64, moved = problem.values(exact), problem.values(near)
    if not all(np.all(np.isfinite(raw(y))) for y in y32):
        raise NotTriedError("not finite in single precision")
    losses: list[float] = []
    for y, a, b in zip(y32, y64, moved, strict=True):
        scale = float(np.max(np.abs(a), initial=0.0))
        off = float(np.max(np.abs(raw(y) - a), initial=0.0)) + float(np.max(np.abs(b - a), initial=0.0))
        losses.append(off / scale if scale else 0.0)
    loss = max(losses, default=0.0) / eps
    if loss > 1e3:
        raise NotTriedError(f"the value itself loses {np.log10(loss):.0f} digits more than single precision has to")
    found, beside = (
        _gradients(study, singles),
        _gradients(study, [x.astype(s.dtype)[()] for x, s in zip(near, singles, strict=True)]),
    )
    expected, other = _gradients(study, exact), _gradients(study, near)
    worst = 0.0
    for slot, name in enumerate(problem.names):
        if found[slot].dtype != singles[slot].dtype:
            cause = "a rule converts to a dtype of its own"
            raise BrokenError("the dtype of a gradient", name, found[slot].dtype, singles[slot].dtype, cause)
        if not np.all(np.isfinite(found[slot])) and np.all(np.isfinite(expected[slot])):
            largest = float(np.max(np.abs(expected[slot]), initial=0.0))
            if largest > 1e30 or largest < 1e-30:
                raise NotTriedError("the gradient is too large or too small for single precision")
        spread = 50 * float(np.max(np.abs(other[slot] - expected[slot]), initial=0.0))
        spread += 20 * float(np.max(np.abs(beside[slot] - found[slot]), initial=0.0))
        rtol = ROUNDINGS * eps * max(1.0, loss)
        try:
            worst = max(worst, close([found[slot]], [expected[slot]], rtol, f"the gradient of {name}", spread))
        except DerivativeError as error:
            cause = "a rule computes in another way, or with a constant that suits double precision only"
            raise BrokenError(str(error), name, error.found, error.expected, cause) from error
    return worst, f"float32 within {ROUNDINGS} roundings of float64"


def _gradients(study: Study, xs: Sequence[Any]) -> list[Any]:
    """The gradients of the weighted results at a point of any precision."""
    with np.errstate(all="ignore"):
        return [g.data for g in pullback(study.problem, tensors(xs), tensors(study.cts))]
