"""Which estimator fits an integrand: read off its kinks, and off its values along the coordinates of some paths."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ..errors import GradtapeError, message
from ..record import sites
from ..record.tensor import value_of
from ..stochastic.distribution import Distribution
from ..stochastic.implicit import InverseGaussian, StudentT
from ..stochastic.normal import LogNormal, Normal, TruncatedNormal
from ..stochastic.scaled import Cauchy, Gumbel, Laplace, Logistic, Uniform
from .designs import marginal
from .directions import has_parameters, steepest
from .estimators import Problem
from .integrand import by_path, directional, replaced
from .marks import limited
from .sections import Section

__all__ = ["ESTIMATORS", "Choice", "pick"]

#: Estimators by the names that users give.
ESTIMATORS = (
    "auto", "pathwise", "score", "pathwise-then-score", "vibrato", "conditional", "preintegration",
)  # fmt: skip
#: The same problem of standard normal draws, turned into a direction.
Standard = Callable[[Any], Problem]
#: Densities that are smooth and vanish at both ends: a draw may be moved without anything falling off.
_MOVABLE = (Normal, LogNormal, StudentT, Logistic, Cauchy, Gumbel, InverseGaussian)
#: How many paths, and places along a coordinate, are looked at.
_PATHS = 400
_LEVELS = np.concatenate([[1e-16, 1e-8, 1e-4], (np.arange(32) + 0.5) / 32, [1 - 1e-4, 1 - 1e-8, 1 - 1e-16]])
_TAIL = 3
_MOST_COORDINATES = 8


@dataclass
class Choice:
    """What was chosen, and why."""

    estimator: str
    reason: str
    section: Section | None = None
    dead: tuple[bool, bool, bool] = (False, False, True)


def movable(distribution: Distribution) -> bool:
    """Whether the score of a draw that is moved is right: nothing leaves the support."""
    return type(distribution) in _MOVABLE


def fixed_support(distribution: Distribution) -> bool:
    """Whether the density is smooth in its parameters wherever it is positive, and where that is stays put."""
    edges: dict[type[Distribution], tuple[str, ...]] = {
        Uniform: ("low", "high"),
        Laplace: ("loc",),
        TruncatedNormal: ("low", "high"),
    }
    names = edges.get(type(distribution), ())
    return all(isinstance(getattr(distribution, name), int | float) for name in names)


class Look:
    """The values of an integrand and of its kinks' arguments, at some paths and places along each coordinate."""

    def __init__(self, problem: Problem) -> None:
        self.problem = problem
        self.inputs = [value_of(x) for x in problem.integrand.inputs]
        self.n = self.inputs[0].shape[0]
        y, *parts = problem.whole.interpret(self.inputs)
        self.y = y
        self.parts = [by_path(c, self.n) for c in parts]
        #: (n, number of kinks); None where a kink is not one of single paths.
        self.kinks = None if not parts or any(c is None for c in self.parts) else np.concatenate([*self.parts], axis=1)

    def column(self, section: Section) -> Any:
        """The draws of the coordinate that a section goes along."""
        return np.array(self.inputs[0].reshape(self.n, -1)[:, section.coordinate])

    def signs(self) -> Any:
        """+-1 per kink such that the integrand is dead unless all signed kinks are positive; None if that is not so."""
        c = self.kinks
        assert c is not None
        if c.shape[1] == 1:
            return np.ones(1)
        lively = self.y != 0
        if not np.any(lively):
            return None
        above = c[lively] > 0
        share = above.mean(axis=0)
        if np.any((share > 0) & (share < 1)):
            return None
        signs = np.where(share > 0, 1.0, -1.0)
        return signs if self.dead_below(signs) else None

    def dead_below(self, signs: Any, side: float = 1.0) -> bool:
        """Whether the integrand is exactly zero where the crossing is negative, at other parameters too.

        At parameters drawn at random, a smooth function that is not zero is not found to be zero.
        """
        generator = np.random.Generator(np.random.PCG64(1))
        for k in range(4):
            inputs = list(self.inputs)
            for i, x in enumerate(inputs[1:] if k else [], 1):
                size = 10.0 ** (-k)
                inputs[i] = x * (1 + size * generator.uniform(-1, 1, x.shape)) + 1e-3 * size * generator.normal(
                    size=x.shape
                )
            y, *parts = self.problem.whole.interpret(inputs)
            c = side * np.min(np.concatenate([by_path(p, self.n) for p in parts], axis=1) * signs, axis=1)
            y = np.asarray(y)[c < 0]
            if not np.all(y == 0):
                return False
        return True

    def along(self, coordinate: int, signs: Any) -> tuple[bool, float]:
        """(whether the paths looked at cross once at most, all in one direction; how far the crossing goes)."""
        own = marginal(self.problem.distribution, coordinate)
        places = value_of(own.icdf(_LEVELS))
        k = min(self.n, _PATHS)
        which = np.arange(self.n) % k  # every program is for n paths: the paths looked at are repeated
        z = self.inputs[0][which]
        per = max(1, self.n // k)
        seen: list[Any] = []
        for start in range(0, len(_LEVELS), per):
            chunk = places[start : start + per]
            t = (
                np.resize(np.repeat(chunk, k), self.n)
                if len(chunk) * k >= self.n
                else np.concatenate([np.repeat(chunk, k), np.full(self.n - len(chunk) * k, chunk[-1])])
            )
            _, *parts = self.problem.whole.interpret([replaced(z, t, coordinate), *self.inputs[1:]])
            c = np.min(np.concatenate([by_path(p, self.n) for p in parts], axis=1) * signs, axis=1)
            seen.append(c[: len(chunk) * k].reshape(len(chunk), k))
        values = np.concatenate(seen)
        above = values > 0
        crossings = np.count_nonzero(np.diff(above, axis=0), axis=0)
        rises, falls = (~above[0] & above[-1]).any(), (above[0] & ~above[-1]).any()
        reach = float(np.mean(np.abs(values[_TAIL] - values[-1 - _TAIL])))
        return bool(np.all(crossings <= 1) and not (rises and falls)), reach


def crossing_of(look: Look, coordinates: list[int]) -> tuple[Section, Any] | str:
    """The section along the coordinate that moves the kink most, or what is in the way, in words."""
    problem = look.problem
    if problem.integrand.elsewhere:
        return f"{', '.join(problem.integrand.elsewhere)} has no one place where it crosses"
    if look.kinks is None:
        return "a kink is not one of single paths"
    signs = look.signs()
    if signs is None:
        return f"there are {look.kinks.shape[1]} kinks, of which not one alone decides where the integrand is alive"
    if problem.distribution.event_shape or not _has_quantile(problem.distribution):
        return f"{type(problem.distribution).__name__} has no quantile along one coordinate"
    found = [(look.along(j, signs), j) for j in coordinates]
    usable = [(reach, j) for (once, reach), j in found if once and reach > 0]
    if not usable:
        return "along no coordinate is the kink crossed once"
    _, best = max(usable, key=lambda pair: (round(pair[0], 12), -pair[1]))
    return Section(problem.integrand, problem.whole, best, signs), signs


def _has_quantile(distribution: Distribution) -> bool:
    return not distribution.discrete


def dead_sides(look: Look, section: Section, signs: Any) -> tuple[bool, bool, bool]:
    """Whether the integrand is zero below, and above, the crossing along the coordinate; whether the crossing rises."""
    negative = look.dead_below(signs)
    positive = len(signs) == 1 and look.dead_below(signs, -1.0)
    slope = section.slope.interpret([look.column(section), *look.inputs])[0]
    rising = float(np.median(slope)) > 0
    return (negative, positive, rising) if rising else (positive, negative, rising)


def held_flags(look: Look, section: Section | None) -> list[bool]:
    """Of each thing that the integrand captured: whether no kink moves with it, while the draws are held or moved."""
    problem = look.problem
    arguments = problem.integrand.moving()
    generator = np.random.Generator(np.random.PCG64(2))
    by_draws = directional(arguments, [0]) if section is not None else None
    flags: list[bool] = []
    for i in range(1, len(problem.captured) + 1):
        dx = generator.normal(size=look.inputs[i].shape)
        changes = directional(arguments, [i]).interpret([*look.inputs, dx])
        if section is None or by_draws is None:
            flags.append(all(not np.any(c) for c in changes))
            continue
        directions = [None] * i + [dx] + [None] * (len(problem.captured) - i)
        dt = np.broadcast_to(section.moved(look.column(section), look.inputs, directions), (look.n,))
        dz = replaced(np.zeros_like(look.inputs[0]), dt, section.coordinate)
        back = by_draws.interpret([*look.inputs, dz])
        flags.append(all(_cancel(a, b) for a, b in zip(changes, back, strict=True)))
    return flags


def _cancel(a: Any, b: Any) -> bool:
    return bool(np.all(np.abs(a + b) <= 1e-9 * (np.abs(a) + np.abs(b)) + 1e-300))


def held_by(look: Look) -> bool:
    """Whether no kink moves while the draws are held."""
    return all(held_flags(look, None))


def pick(problem: Problem, wanted: str, coordinate: int | None, standard: Standard | None) -> tuple[Problem, Choice]:
    """The estimator that was asked for, with what it needs; with ``"auto"``, the one that fits.

    ``standard(direction)`` is the same problem of standard normal draws, turned into a direction, where there is one.
    """
    kinks, kind = problem.integrand.kinks, type(problem.distribution).__name__
    asked = "" if wanted == "auto" else "it was asked for; "
    if problem.distribution.discrete:
        if wanted not in ("auto", "score"):
            raise unfit(wanted, f"draws of {kind} are whole numbers: they do not move")
        return problem, Choice("score", f"{asked}draws of {kind} are whole numbers, which have no derivative")
    if wanted == "pathwise":
        return problem, Choice("pathwise", "it was asked for")
    if not kinks and wanted != "score":
        why = "the record shows no kink that depends on the draws"
        return problem, Choice("pathwise", why if wanted == "auto" else f"{wanted} was asked for, but {why}")
    if any(k.row == "bool()" for k in kinks):
        raise unfit(wanted, "Python took a branch, or a number, by a value of the draws: one way for all paths")
    told = _told(kinks)
    look = Look(problem)
    if wanted == "score" and (not kinks or held_by(look)):
        if not fixed_support(problem.distribution):
            raise unfit(wanted, f"the support or the peak of {kind} moves with its parameters")
        return problem, Choice("score", f"{asked}{told} stays where it is while the draws are held")
    if wanted == "pathwise-then-score" and has_parameters(problem.distribution):
        if standard is None:
            raise unfit(wanted, f"the draws of {kind} depend on its parameters")
        problem = standard(None)
        look = Look(problem)
    found = _found(problem, look, wanted, coordinate, standard)
    if isinstance(found, str):
        if wanted == "auto" and held_by(look) and fixed_support(problem.distribution):
            return problem, Choice("score", f"{told}; {found}; the kinks stay where they are while the draws are held")
        moved = _by_the_first(problem, look, standard) if wanted in ("auto", "score") and coordinate is None else None
        if moved is None:
            raise unfit(wanted, found)
        problem, section, flags = moved
        reason = f"{asked}{told}; {found}; a move of the draws that holds the first holds those that move with it"
        return limited_by(problem, flags, 0), Choice("score", reason, section)
    problem, look, section, signs, where, flags = found
    if wanted in ("score", "pathwise-then-score", "vibrato"):
        own = marginal(problem.distribution, section.coordinate)
        if not movable(own):
            raise unfit(wanted, f"a draw of {type(own).__name__} cannot be moved: its density does not vanish smoothly")
        reason = f"{asked}{told} is held by a move along {where}"
        return limited_by(problem, flags, 0), Choice(wanted, reason, section)
    name = "conditional" if wanted == "conditional" else "preintegration"
    reason = f"{asked}{told} is crossed once along {where}"
    return limited_by(problem, flags, 1), Choice(name, reason, section, dead_sides(look, section, signs))


def _found(problem: Problem, look: Look, wanted: str, coordinate: int | None, standard: Standard | None) -> Any:
    """(problem, look, section, signs, its name) for the coordinate or direction that serves best; else why not."""
    size = int(np.prod(problem.draws.shape[1:], dtype=np.int64))
    if coordinate is not None:
        places = [coordinate % size]
    elif wanted in ("conditional", "vibrato"):
        places = [size - 1]
    else:
        places = list(range(size)) if size <= _MOST_COORDINATES else [0, size // 2, size - 1]
        if size > 1 and standard is not None and (signs := usable_signs(look)) is not None:
            direction = steepest(standard(None), signs)
            if direction is not None:
                turned = standard(direction)
                look_there = Look(turned)
                found = crossing_of(look_there, [0])
                if not isinstance(found, str) and all(flags := _flags(look_there, *found)):
                    return turned, look_there, *found, "the direction of the draws in which it is steepest", flags
    found = crossing_of(look, places)
    if isinstance(found, str):
        return found
    where = "the draws" if size == 1 else f"coordinate {found[0].coordinate} of the draws"
    return problem, look, *found, where, _flags(look, *found)


def _by_the_first(problem: Problem, look: Look, standard: Standard | None) -> Any:
    """(problem, section, flags) of the move that holds the first of several kinks; None where there is none."""
    if problem.integrand.elsewhere or look.kinks is None or look.parts[0].shape[1] != 1:
        return None
    if problem.draws.shape[1:]:
        direction = steepest(standard(None), np.ones(1)) if standard is not None else None
        if standard is None or direction is None:
            return None
        problem = standard(direction)
        look = Look(problem)
    if not movable(marginal(problem.distribution, 0)):
        return None
    section = Section(problem.integrand, problem.whole, 0, np.ones(1))
    slope = section.slope.interpret([look.column(section), *look.inputs])[0]
    if not np.all(np.isfinite(slope) & (slope != 0)):
        return None
    flags = held_flags(look, section)
    return (problem, section, flags) if any(flags) else None


def _flags(look: Look, section: Section, signs: Any) -> list[bool]:
    """Of each thing captured, whether it moves the kinks as one; a single one moves as one."""
    single = len(signs) == 1 and not look.problem.integrand.several
    return [True] * len(look.problem.captured) if single else held_flags(look, section)


def limited_by(problem: Problem, flags: list[bool], order: int) -> Problem:
    """The problem in which what moves several kinks against each other may be differentiated ``order`` times."""
    if all(flags):
        return problem
    captured = [x if held else limited(x, order=order) for x, held in zip(problem.captured, flags, strict=True)]
    draws = limited(problem.draws, order=order)
    return replace(problem, draws=draws, captured=captured)


def usable_signs(look: Look) -> Any:
    """The signs of the kinks, where all of them have an argument on each path."""
    if look.problem.integrand.elsewhere or look.kinks is None:
        return None
    return look.signs()


def _told(kinks: Any) -> str:
    if not kinks:
        return "nothing"
    first = kinks[0]
    what = "a kink" if first.order else "a jump"
    others = f" and {len(kinks) - 1} more" if len(kinks) > 1 else ""
    return f"{what} ({first.row}, {first.site}){others}"


def unfit(wanted: str, why: str) -> GradtapeError:
    return GradtapeError(
        message(
            f"expectation: no estimator fits ({wanted} was asked for)"
            if wanted == "auto"
            else f"expectation: estimator={wanted!r} does not fit",
            why,
            str(sites.user_line()),
            "Write the kink as a comparison or maximum of values of single paths, choose another estimator or "
            "coordinate, or estimator='pathwise', whose derivatives are right up to the order of the kink alone.",
        )
    )
