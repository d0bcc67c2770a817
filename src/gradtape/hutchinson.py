"""Differential operators in many dimensions, estimated from random directions, with their standard error.

Hutchinson (1989) for second order: E v' H v is the trace of H where E v v' = 1.  With coordinates drawn without
replacement the estimate is that of Hu, Shi, Karniadakis & Kawaguchi (2024), and exact when all are drawn.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, Literal, NamedTuple

import numpy as np

from . import trees
from .differential import Along, tensor
from .errors import DtypeError, message
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

    def directions(n: int) -> Any:
        rng = np.random.default_rng(seed)
        if probes == "coordinates":
            places = rng.permutation(n)[:samples]
            rows = np.zeros((len(places), n))
            rows[np.arange(len(places)), places] = n**0.5  # each stands for n of them
            return rows
        return rng.normal(size=(samples, n)) if probes == "gaussian" else rng.choice([-1.0, 1.0], (samples, n))

    return _estimated(f, argnums, 2, directions, 1.0, without_replacement=probes == "coordinates")


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

    def directions(n: int) -> Any:
        return np.random.default_rng(seed).normal(size=(samples, n))

    return _estimated(f, argnums, 4, directions, 1 / 3)


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
    directions: Callable[[int], Any],
    weight: float,
    without_replacement: bool = False,
) -> Callable[..., Estimate]:
    @wraps(f)
    def estimate(*args: Any, **kwargs: Any) -> Estimate:
        record = Along(f, argnums, order, args, kwargs)
        rows = directions(record.x.size)
        n = len(rows)
        rest = max(0.0, 1 - n / record.x.size) if without_replacement else 1.0
        values: list[Any] = []
        errors: list[Any] = []
        for draws in record.each(rows):
            draws = draws if weight == 1.0 else draws * weight
            values.append(tensor(mean(draws, axis=0)))
            # The whole population has no error, even where it is one.
            error = std(draws, axis=0, correction=1 if n > 1 or rest else 0) * ((rest / n) ** 0.5)
            errors.append(tensor(error))
        return Estimate(trees.unflatten(record.structure, values), trees.unflatten(record.structure, errors))

    return estimate
