"""Differential operators in many dimensions, estimated from random directions, with their standard error.

Hutchinson (1989) for second order: E v' H v is the trace of H where E v v' = 1.  With coordinates drawn without
replacement the estimate is that of Hu, Shi, Karniadakis & Kawaguchi (2024), and exact when all are drawn.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import wraps
from typing import Any, Literal, NamedTuple

import numpy as np

from . import trees
from .differential import Direction, along
from .errors import DtypeError, message
from .primitives.joining import stack
from .primitives.norms import std
from .primitives.reductions import mean
from .record import sites

_gradtape_composes = True

__all__ = ["Estimate", "biharmonic_estimate", "laplacian_estimate"]

Probes = Literal["rademacher", "gaussian", "coordinates"]


class Estimate(NamedTuple):
    """A mean over random directions, and its standard error (nan where there was one direction only)."""

    value: Any
    standard_error: Any


def laplacian_estimate(
    f: Callable[..., Any], samples: int, argnums: int = 0, *, probes: Probes = "rademacher", seed: Any = 0
) -> Callable[..., Estimate]:
    """An unbiased estimate of the Laplacian of ``f`` from ``samples`` jets of order 2, however many the dimensions.

    ``probes``: ``"rademacher"`` (signs; of least variance where nothing is known), ``"gaussian"``, or ``"coordinates"``
    (axes drawn without replacement: exact when ``samples`` is their number).  ``seed``: a number, or a NumPy generator.

    >>> import gradtape as gt
    >>> gt.laplacian_estimate(lambda x: gt.sum(x**3), 5)([1.0, 2.0])
    Estimate(value=Tensor(18.0), standard_error=Tensor(0.0))
    """
    _check(samples, probes, ("rademacher", "gaussian", "coordinates"), "laplacian_estimate")

    def directions(x: Any) -> Iterable[Direction]:
        rng = np.random.default_rng(seed)
        if probes == "coordinates":
            for i in rng.permutation(x.size)[:samples]:
                e = np.zeros(x.size, x.dtype)
                e[i] = 1
                yield float(x.size), e.reshape(x.shape)[()]
            return
        for _ in range(samples):
            draw = rng.normal(size=x.shape) if probes == "gaussian" else rng.choice([-1.0, 1.0], x.shape)
            yield 1.0, np.asarray(draw, x.dtype)[()]

    return _estimated(f, argnums, 2, directions, without_replacement=probes == "coordinates")


def biharmonic_estimate(
    f: Callable[..., Any], samples: int, argnums: int = 0, *, seed: Any = 0
) -> Callable[..., Estimate]:
    """An unbiased estimate of the biharmonic of ``f`` from ``samples`` jets of order 4 along Gaussian directions.

    E D^4 f[v, v, v, v] is three times the biharmonic for Gaussian v (it is not for signs).

    >>> import gradtape as gt
    >>> value, error = gt.biharmonic_estimate(lambda x: gt.sum(x**4), 400)([1.0, 2.0])
    >>> abs(value - 48) < 4 * error
    Tensor(True)
    """
    _check(samples, "gaussian", ("gaussian",), "biharmonic_estimate")

    def directions(x: Any) -> Iterable[Direction]:
        rng = np.random.default_rng(seed)
        return ((1 / 3, np.asarray(rng.normal(size=x.shape), x.dtype)[()]) for _ in range(samples))

    return _estimated(f, argnums, 4, directions)


def _check(samples: int, probes: str, known: tuple[str, ...], asked: str) -> None:
    if samples < 1 or probes not in known:
        raise DtypeError(
            message(
                f"{asked}: samples={samples}, probes={probes!r}",
                where=str(sites.user_line()),
                remedy=f"One sample or more; probes are one of {', '.join(known)}.",
            )
        )


def _estimated(
    f: Callable[..., Any],
    argnums: int,
    order: int,
    directions: Callable[[Any], Iterable[Direction]],
    without_replacement: bool = False,
) -> Callable[..., Estimate]:
    @wraps(f)
    def estimate(*args: Any, **kwargs: Any) -> Estimate:
        population = [0.0]

        def drawn(x: Any) -> Iterable[Direction]:
            population[0] = float(x.size)
            return directions(x)

        structure, _, found = along(f, argnums, order, drawn, args, kwargs)
        samples = [[d if weight == 1.0 else d * weight for d in derivatives] for weight, derivatives in found]
        values: list[Any] = []
        errors: list[Any] = []
        for each in zip(*samples, strict=True):
            n = len(each)
            rest = max(0.0, 1 - n / population[0]) if without_replacement else 1.0
            draws = stack(*each, axis=0)
            values.append(mean(draws, axis=0))
            # The whole population has no error, even where it is one.
            errors.append(std(draws, axis=0, correction=1 if n > 1 or rest else 0) * ((rest / n) ** 0.5))
        return Estimate(trees.unflatten(structure, values), trees.unflatten(structure, errors))

    return estimate
