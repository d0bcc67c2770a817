"""Quantile functions of discrete distributions: constant rows.  A draw jumps as its parameters move, flat between.

So the derivative of one draw says nothing about that of its mean: the rows give integers or booleans, and a gradient
through them is None, with the remedy named, not a silent zero.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..rules.batching import leading
from ..rules.kinds import constant
from .special_values import special


def _whole(start: Any, u: Any, distribution: Any) -> Any:
    """The least whole k >= 0 with distribution(k) >= u, near to ``start``."""
    k = np.maximum(np.ceil(start - 1e-9), 0.0)
    for _ in range(3):  # the inverse is a step out where u lies on, or next to, a jump
        k = np.where((k > 0) & (distribution(k - 1) >= u), k - 1, k)
        k = np.where(distribution(k) < u, k + 1, k)
    return k


def _poisson(xp: Any, rate: Any, u: Any) -> Any:
    rate, u = np.broadcast_arrays(np.asarray(rate, np.float64), np.asarray(u, np.float64))
    s = special()
    with np.errstate(all="ignore"):
        start = np.where(u <= np.exp(-rate), 0.0, s.pdtrik(u, np.where(rate > 0, rate, 1.0)))
        k = _whole(start, u, lambda k: np.where(k < 0, 0.0, s.pdtr(np.maximum(k, 0.0), rate)))
    return np.where(np.isnan(rate) | (rate < 0), -1, k).astype(np.int64)[()]


def _binomial(xp: Any, n: Any, p: Any, u: Any) -> Any:
    n, p, u = np.broadcast_arrays(*[np.asarray(x, np.float64) for x in (n, p, u)])
    s = special()

    def below(k: Any) -> Any:
        return np.where(k < 0, 0.0, np.where(k >= n, 1.0, s.betaincc(k + 1.0, np.maximum(n - k, 0.5), p)))

    with np.errstate(all="ignore"):
        start = s.bdtrik(u, n, p)
        start = np.where(np.isfinite(start), start, np.where(p >= 1, n, 0.0))
        k = np.minimum(_whole(np.minimum(start, n), u, below), n)
    return np.where(np.isnan(p) | (p < 0) | (p > 1) | (n < 0), -1, k).astype(np.int64)[()]


def _categorical(xp: Any, weights: Any, u: Any, *, logs: bool) -> Any:
    """The number of the class in whose share of [0, 1) u lies."""
    if logs:
        weights = xp.exp(weights - xp.max(weights, axis=-1, keepdims=True))
    heaps = xp.cumulative_sum(weights, axis=-1)
    whole = heaps[..., -1:]
    # Where rounding takes u up to the whole, the last class that has any weight is meant.
    below = (heaps <= u[..., None] * whole) & (heaps < whole)
    return xp.sum(below, axis=-1)[()]


def _drawn(*domains: tuple[float, float]) -> Any:
    def sample(rng: Any) -> Any:
        shapes = [[(3,)] * len(domains), [(), *[(2, 3)] * (len(domains) - 1)], [()] * len(domains)]
        return [(tuple(rng.uniform(*d, s) for d, s in zip(domains, each, strict=True)), {}) for each in shapes]

    return sample


poisson_quantile = constant(
    "poisson_quantile",
    _poisson,
    arity=2,
    sample=_drawn((0.0, 9.0), (0.05, 0.95)),
    doc="The least whole k with a Poisson probability of at least u up to k.",
    public=False,
)
binomial_quantile = constant(
    "binomial_quantile",
    _binomial,
    arity=3,
    sample=lambda rng: [
        ((np.array([4.0, 9.0]), rng.uniform(0.1, 0.9, 2), rng.uniform(0.1, 0.9, 2)), {}),
        ((np.float64(3.0), np.float64(0.5), rng.uniform(0.1, 0.9, (2, 3))), {}),
    ],
    doc="The least whole k with a binomial probability of at least u up to k.",
    public=False,
)
bernoulli_quantile = constant(
    "bernoulli_quantile",
    lambda xp, p, u: u < p,
    arity=2,
    sample=_drawn((0.1, 0.9), (0.1, 0.9)),
    doc="Whether u < p.",
    public=False,
)
categorical_quantile = constant(
    "categorical_quantile",
    _categorical,
    arity=2,
    sample=lambda rng: [
        ((rng.uniform(-1.0, 1.0, (4,)), np.float64(rng.uniform(0.1, 0.9))), {"logs": True}),
        ((rng.uniform(0.1, 1.0, (4,)), rng.uniform(0.1, 0.9, (5,))), {"logs": False}),
        ((rng.uniform(-1.0, 1.0, (2, 4)), rng.uniform(0.1, 0.9, (3, 2))), {"logs": True}),
    ],
    params={"logs": [True, False]},
    batch=leading(1, 0),
    doc="A class along the last axis of weights, or of their logarithms, from a uniform draw.",
    public=False,
)
