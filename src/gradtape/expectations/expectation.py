"""``gt.expectation``: the mean of a function of random draws, with derivatives that are right at every order."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import nullcontext
from typing import Any

import numpy as np

from ..asking import chunk_of
from ..errors import ShapeError, message
from ..numpy.creation import asarray
from ..primitives.reductions import mean
from ..primitives.shapes import reshape
from ..record import sites
from ..record.draws import mark
from ..record.segment import Pause, Window
from ..record.tensor import Tensor, value_of
from ..record.writer import lift, strong
from ..state import random
from ..stochastic.distribution import Distribution
from ..stochastic.normal import LogNormal, MultivariateNormal, Normal
from .choice import ESTIMATORS, pick
from .chunks import chunk_sizes, in_chunks, told_to
from .designs import REPLICATES, Design, Seeded
from .directions import has_parameters, standard_form
from .estimators import Problem, pathwise_then_score, preintegrated, scored
from .integrand import Integrand
from .marks import settled
from .result import Expectation, made

_gradtape_composes = True

__all__ = ["expectation"]


def expectation(
    f: Callable[[Any], Any],
    distribution: Distribution,
    *,
    samples: int = 10_000,
    seed: Any = None,
    estimator: str = "auto",
    points: str = "random",
    coordinate: int | None = None,
    strata: int = 2,
    controls: Sequence[tuple[Callable[[Any], Any], Any]] = (),
    budget: int | str | None = None,
    progress: Any = None,
) -> Expectation:
    """The mean of ``f(z)`` over draws z of ``distribution``: a Tensor that knows its standard error.

    ``f`` takes a batch of draws, of shape ``(samples, *batch_shape, *event_shape)``, and gives one value per path, of
    shape ``(samples,)``; what it does to one path does not depend on the others.  It may use any Variable or Tensor, as
    the parameters of the distribution may be: tapes, jets, ``gt.vmap`` and compiled functions differentiate through the
    estimate, to every order.

    A derivative may be taken path by path as long as ``f`` has no kink (``maximum``, ``abs``, a comparison) that
    depends on the draws: behind one, the next derivative loses the mass on the crossing.  ``estimator`` says what to
    do:

    - ``"pathwise"``: path by path, right up to the order of the kink alone.
    - ``"score"``: the likelihood ratio: the kink is held where it is, the density of the draws takes the derivatives.
    - ``"pathwise-then-score"``: the first derivative path by path, the others by the likelihood ratio.
    - ``"vibrato"``: the likelihood ratio of the last coordinate only, the others path by path (Giles 2009).
    - ``"preintegration"``: one coordinate is integrated on both sides of the kink, whose place is found by Newton's
      method and differentiated implicitly (Griebel, Kuo & Sloan 2013).  The least variance.
    - ``"conditional"``: the same along the last coordinate.
    - ``"auto"``: pathwise where the record shows no kink; preintegration where it is crossed once along a coordinate;
      else score.  ``.reason`` says what was found.

    ``points``: ``"random"``, ``"antithetic"``, ``"strata"`` or ``"sobol"`` (16 sets, scrambled; SciPy).  ``coordinate``
    is the one to integrate or move; by default normal draws are turned to where the kink is steepest.  ``strata``:
    points for either side.  ``controls``: pairs (h, exact mean of h(z)) of control variates; the mean is a Tensor, so
    its own derivatives are exact.  ``seed`` as for ``gt.random.default_rng``; the same seed gives the same draws.

    ``budget``, bytes or text such as ``"256MB"``: paths are done a part at a time, of each of which a tape keeps the
    mean alone and computes the rest again.  ``progress``: True, or a function of (paths done, of how many, mean so far,
    its standard error), called after each part.

    Several kinks are treated as one where the integrand is zero unless all are on one side (a barrier at many dates).
    What moves them against each other then has derivatives up to order one (by preintegration) or none (by the score);
    the next one raises GradtapeError.

    Raises ShapeError where ``f`` does not give one value per path, GradtapeError where the estimator does not fit.

    >>> import gradtape as gt
    >>> s, k = gt.Variable(1.0), 1.0
    >>> with gt.GradientTape() as outer, gt.GradientTape() as inner:
    ...     price = gt.expectation(
    ...         lambda z: gt.maximum(s * gt.exp(0.2 * z - 0.02) - k, 0.0), gt.stochastic.Normal(), samples=1600, seed=1
    ...     )
    ...     delta = inner.gradient(price, s)
    >>> gamma = outer.gradient(delta, s)  # the density at the strike: 1.984763
    >>> abs(gamma - 1.984763) < 0.02
    Tensor(True)
    >>> price.estimator
    'preintegration'
    """
    n = _number(samples, points, estimator)
    if budget is not None or told_to(progress) is not None:

        def part(n: int, seed: Any) -> Expectation:
            return expectation(
                f, distribution, samples=n, seed=seed, estimator=estimator, points=points, coordinate=coordinate,
                strata=strata, controls=controls,
            )  # fmt: skip

        return _by_parts(part, n, seed, budget, progress)
    if isinstance(distribution, MultivariateNormal):
        f, distribution = standard_form(f, distribution)
    rng = random.shared() if seed is None else seed if isinstance(seed, random.Generator | Seeded) else Seeded(seed)
    with Window() as window:
        design = Design(points, n, rng)
        shape = (*distribution.batch_shape, *distribution.noise_shape)
        constant = isinstance(rng, Seeded) and rng.kept
        with Pause() if constant else nullcontext():
            u = design.draw(shape, distribution.draws)
        if controls:
            f = _controlled(f, controls, distribution.from_uniform(*u))

        def problem_of(f: Callable[[Any], Any], distribution: Distribution) -> Problem:
            with Pause() if constant and not has_parameters(distribution) else nullcontext():
                z = mark(distribution.from_uniform(*u))
            with Window() as inside:
                y = strong(lift(f(z)))
            _check(y, n)
            integrand = Integrand(inside, z, y)
            return Problem(distribution, design, z, y, integrand, integrand.with_arguments(), strata, integrand.free)

        def standard(direction: Any) -> Problem:
            return problem_of(*standard_form(f, distribution, direction))

        normal = type(distribution) in (Normal, LogNormal)
        problem, choice = pick(problem_of(f, distribution), estimator, coordinate, standard if normal else None)
        y = problem.value
        if choice.estimator == "pathwise":
            contributions = y
        elif choice.estimator in ("score", "vibrato"):
            contributions = scored(problem, choice.section, last=choice.estimator == "vibrato")
        elif choice.estimator == "pathwise-then-score":
            assert choice.section is not None
            contributions = pathwise_then_score(problem, choice.section)
        else:
            assert choice.section is not None
            contributions = preintegrated(problem, choice.section, choice.dead)
        if choice.estimator != "pathwise":
            contributions = settled(contributions)
        average, weights = _mean(contributions)
    kept = {"contributions": contributions, "design": design, "weights": weights, "window": window}
    return made(average, {**kept, "estimator": choice.estimator, "reason": choice.reason})


def _mean(contributions: Any) -> tuple[Tensor, Tensor]:
    """The mean, and the weights of the contributions, all 1, on the record."""
    n = contributions.shape[0]
    weights = Tensor(np.ones(n))
    column = weights if contributions.ndim == 1 else reshape(weights, shape=(n, *(1,) * (contributions.ndim - 1)))
    return mean(contributions * column, axis=0, keepdims=False), weights


def _by_parts(part: Callable[[int, Any], Expectation], n: int, seed: Any, budget: Any, progress: Any) -> Expectation:
    """The mean of the means of parts, each of which fits into the budget."""
    parts, paths = chunk_sizes(part, n, chunk_of(None, budget or "256MB", "expectation")[1] or 0)
    with Window() as window:
        means, told = in_chunks(part, parts, paths, seed, told_to(progress))
        average, weights = _mean(means)
    design = Design("random", parts, None)
    design.paths = parts * paths
    kept = {"contributions": means, "design": design, "weights": weights, "window": window}
    return made(average, {**kept, "estimator": told[0], "reason": told[1]})


def _number(samples: int, points: str, estimator: str) -> int:
    if estimator not in ESTIMATORS:
        raise ValueError(
            message(f"expectation: estimator is {estimator!r}", remedy=f"Say one of {', '.join(ESTIMATORS)}.")
        )
    divisors = {"random": 1, "antithetic": 2, "strata": REPLICATES, "sobol": REPLICATES}
    if points not in divisors:
        raise ValueError(message(f"expectation: points is {points!r}", remedy=f"Say one of {', '.join(divisors)}."))
    n = int(samples)
    if n < 2 * divisors[points] or n % divisors[points]:
        raise ValueError(
            message(
                f"expectation: {n} samples with points={points!r}",
                where=str(sites.user_line()),
                remedy=f"Take a multiple of {divisors[points]}, at least {2 * divisors[points]}.",
            )
        )
    return n


def _check(y: Tensor, n: int) -> None:
    if y.shape[:1] != (n,) or y.dtype.kind != "f":
        raise ShapeError(
            message(
                "expectation: f gives one value per path",
                [f"{n} paths", f"a value of shape {y.shape}, {y.dtype}"],
                str(sites.user_line()),
                "Reduce the axes of one draw, not the first one, which counts the paths; a condition becomes a number "
                "by gt.where(condition, 1.0, 0.0).",
            )
        )


def _controlled(f: Callable[[Any], Any], controls: Sequence[tuple[Callable[[Any], Any], Any]], z: Tensor) -> Any:
    """f - sum_k beta_k (h_k - E h_k), with the betas that fit f best at these draws, held."""
    with Pause():
        fixed = Tensor(z.data)
        y = np.asarray(value_of(strong(lift(f(fixed)))))
        hs = np.stack([np.asarray(value_of(strong(lift(h(fixed))))) for h, _ in controls], axis=-1)
    off = hs - hs.mean(axis=0)
    betas = np.linalg.lstsq(off, y - y.mean(), rcond=None)[0]
    means = [strong(lift(asarray(m))) for _, m in controls]

    def whole(z: Any) -> Any:
        total = strong(lift(f(z)))
        for beta, (h, _), exact in zip(betas, controls, means, strict=True):
            total = total - float(beta) * (strong(lift(h(z))) - exact)
        return total

    return whole
