"""Divided differences f[w_i0, ..., w_ik] of a scalar function at all tuples of k + 1 of n points, repeated ones too.

Newton's quotient where the points lie apart; the Hermite-Genocchi integral of the k-th derivative over the simplex,
by Gauss and Legendre, where they lie near each other.  Each is computed with an estimate of its error, and the better
one taken, tuple by tuple: no threshold has to be known for the function.  Higham, "Functions of Matrices" (2008), B.16.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from itertools import combinations_with_replacement, product
from typing import Any

import numpy as np

EPS = float(np.finfo(np.float64).eps)
COARSE, FINE = 5, 8


@lru_cache(maxsize=64)
def _tuples(n: int, k: int) -> tuple[Any, Any]:
    """The ascending tuples of k + 1 places, and for every tuple of places the number of its ascending one."""
    ascending = np.array(list(combinations_with_replacement(range(n), k + 1)), dtype=int).reshape(-1, k + 1)
    weights = n ** np.arange(k, -1, -1)
    number = np.zeros(n ** (k + 1), dtype=int)
    number[ascending @ weights] = np.arange(len(ascending))
    every = np.sort(np.indices((n,) * (k + 1)).reshape(k + 1, -1).T, axis=1)
    return ascending, number[every @ weights].reshape((n,) * (k + 1))


@lru_cache(maxsize=64)
def _simplex_rule(k: int, nodes: int) -> list[tuple[float, tuple[float, ...]]]:
    """Weights, and nodes as what to take of x_1 - x_0, x_2 - x_1, ...; x_0 + s_1 (x_1 - x_0) + s_1 s_2 (...) + ..."""
    points, weights = np.polynomial.legendre.leggauss(nodes)
    pairs = list(zip((points + 1) / 2, weights / 2, strict=True))
    rule: list[tuple[float, tuple[float, ...]]] = []
    for chosen in product(pairs, repeat=k):
        weight, reach, parts = 1.0, 1.0, []
        for i, (s, w) in enumerate(chosen):
            reach *= s
            weight *= w * s ** (k - 1 - i)
            parts.append(float(reach))
        rule.append((float(weight), tuple(parts)))
    return rule


def _integral(f: Any, x: Any, theta: Sequence[Any], nodes: int) -> Any:
    k = x.shape[-1] - 1
    total: Any = 0.0
    for weight, parts in _simplex_rule(k, nodes):
        at = x[..., 0]
        for i, part in enumerate(parts):
            at = at + part * (x[..., i + 1] - x[..., i])
        total = total + weight * f(at, *theta)
    return total


def _table(fs: Sequence[Any], x: Any, kinds: Any, theta: Sequence[Any]) -> tuple[Any, Any]:
    """The divided differences at ascending points x[..., 0:k + 1], and estimates of their errors."""
    k = x.shape[-1] - 1
    if k == 0:
        y = np.broadcast_to(fs[0](x[..., 0], *theta), x.shape[:-1])
        return y, EPS * np.abs(y)
    high, high_error = _table(fs, x[..., 1:], kinds[..., 1:], theta)
    low, low_error = _table(fs, x[..., :-1], kinds[..., :-1], theta)
    gap = x[..., -1] - x[..., 0]
    quotient = (high - low) / gap
    error = (high_error + low_error) / gap + EPS * np.abs(quotient)
    near = ~(error <= 4 * EPS * np.abs(quotient)) & (kinds[..., 0] == kinds[..., -1])
    if np.any(near):
        points, those = x[near], [np.broadcast_to(t, near.shape)[near] for t in theta]
        fine = np.broadcast_to(_integral(fs[k], points, those, FINE), points.shape[:-1])
        coarse = _integral(fs[k], points, those, COARSE)
        its_error = np.abs(fine - coarse) + EPS * np.abs(fine)
        better = ~(error[near] <= its_error)
        quotient[near] = np.where(better, fine, quotient[near])
        error[near] = np.where(better, its_error, error[near])
    return quotient, error


def divided_differences(f: Any, w: Any, theta: Sequence[Any], k: int) -> Any:
    """f[w_i0, ..., w_ik] over the last k + 1 axes, for ascending real w[..., n] and parameters [..., 1] or 0-d.

    ``f(x, *theta)`` is a function of arrays; ``f.derivative()`` its derivative in x, ``f.kinds(w, *theta)`` numbers
    such that f is smooth between points of one number.
    """
    fs = [f]
    for _ in range(k):
        fs.append(fs[-1].derivative())
    n = w.shape[-1]
    ascending, number = _tuples(n, k)
    with np.errstate(all="ignore"):
        values, _ = _table(fs, w[..., ascending], np.broadcast_to(f.kinds(w, *theta), w.shape)[..., ascending], theta)
    return np.asarray(values)[..., number]
