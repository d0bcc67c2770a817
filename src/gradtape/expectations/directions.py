"""Normal draws in other coordinates: standard ones, turned so that the first goes where the kink moves most.

Independent standard normal draws are so in every orthogonal basis.  Along the direction in which the kink is steepest a
crossing is found, and integrated, with the least variance left in the other coordinates.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ..numpy.creation import asarray
from ..primitives.shapes import reshape
from ..primitives.transcendental import exp
from ..program.replay import replayed
from ..program.slicing import sliced
from ..record.segment import Pause, Window
from ..record.tensor import Tensor
from ..stochastic.distribution import Distribution
from ..stochastic.mixture import Mixture
from ..stochastic.normal import LogNormal, MultivariateNormal, Normal
from .estimators import Problem, transposed
from .integrand import by_path, combined

_gradtape_composes = True

__all__ = ["has_parameters", "standard_form", "steepest"]


def has_parameters(distribution: Distribution) -> bool:
    """Whether a parameter may depend on something: a number or an array does not."""
    if isinstance(distribution, Mixture):
        return True
    values = [getattr(distribution, name) for name in distribution.parameters]
    return any(not isinstance(v, int | float | np.ndarray | np.generic) for v in values)


def standard_form(
    f: Callable[[Any], Any], distribution: Distribution, direction: Any = None
) -> tuple[Callable[[Any], Any], Distribution]:
    """The same integrand of independent standard normal draws, the first of them along ``direction``."""
    event = (*distribution.batch_shape, *distribution.event_shape)
    if isinstance(distribution, MultivariateNormal):
        factor, loc = distribution._factor(), distribution._values()[0]  # pyright: ignore[reportPrivateUsage]

        def placed(z: Any) -> Any:
            return z @ factor.mT + loc
    else:
        plain = not has_parameters(distribution)

        def placed(z: Any) -> Any:
            loc, scale = distribution._values()  # pyright: ignore[reportPrivateUsage]
            x = z if plain and np.all(scale.data == 1) else z * scale
            x = x if plain and not np.any(loc.data) else x + loc
            return exp(x) if isinstance(distribution, LogNormal) else x

    turn = _turned(direction, event) if direction is not None else lambda z: z
    base = Normal(np.zeros(event), 1.0) if event else Normal()
    return lambda z: f(placed(turn(z))), base


def _turned(direction: Any, event: tuple[int, ...]) -> Callable[[Any], Any]:
    """z - 2 (z v) v, the reflection that takes the first axis to the direction (Householder 1958)."""
    a = direction / np.linalg.norm(direction)
    v = a.copy()
    v[0] += np.copysign(1.0, a[0])
    v = asarray(v / np.linalg.norm(v))

    def turn(z: Any) -> Any:
        flat = reshape(z, shape=(z.shape[0], v.size))
        back = reshape(flat @ v, shape=(z.shape[0], 1)) * (2.0 * v)
        return reshape(flat - back, shape=z.shape)

    return turn if event else lambda z: z


def steepest(problem: Problem, signs: Any) -> Any:
    """The mean gradient of the crossing in standard normal draws, over the half of the paths next to it."""
    whole = problem.whole
    xs = [Tensor(x) for x in whole.examples]
    n = xs[0].shape[0]
    with Pause(), Window() as window:
        _, *differences = replayed(whole, xs)
        c = combined([by_path(d, n) for d in differences], signs)
    program = sliced(window.entries(), xs, [c], name="crossing", guarded=False)[0]
    slopes = transposed(program).interpret([*[x.data for x in xs], np.ones(n)])[0].reshape(n, -1)
    near = np.abs(c.data) <= np.median(np.abs(c.data))
    direction = slopes[near].mean(axis=0)
    return direction if np.all(np.isfinite(direction)) and np.any(direction) else None
