"""Voigt's profile by Faddeeva's function w(z) = exp(-z^2) erfc(-iz), with all its derivatives (DLMF 7.7.1, 7.12)."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..rules.kinds import composite, elementwise
from .complexes import real
from .special_values import gauss, in_double, special

_FAR = 6.3  # from here on the asymptotic series has all digits


def _derivative(z: Any, n: int) -> Any:
    """d^n w/dz^n in the upper half plane: 2/sqrt(pi) times the integral of (2it)^n exp(-t^2 + 2izt) over t > 0."""
    far = np.abs(z) > _FAR
    near = np.where(far, 1j, z)
    if n == 0:
        w = special().wofz(near)
    else:
        nodes, weights = gauss(20, 6)
        s = 7.0 * nodes
        waves = np.exp(s * (2j * near[..., None] - s)) * (s**n * weights)
        w = (2j) ** n * (14 / math.sqrt(math.pi)) * np.sum(waves, axis=-1)
    t = 1 / np.where(far, z, 7j)
    # w ~ i/sqrt(pi) sum_k (1/2)_k z^(-2k-1), term by term
    coefficient, power, total = 1j / math.sqrt(math.pi), t ** (n + 1), np.zeros_like(t)
    for k in range(38):
        rising = math.prod(2 * k + 1 + j for j in range(n)) * (-1) ** n
        total = total + coefficient * rising * power
        coefficient, power = coefficient * (k + 0.5), power * t * t
    return np.where(far, total, w)


def _values(xp: Any, z: Any, *, n: int) -> Any:
    with np.errstate(all="ignore"):
        y = _derivative(np.asarray(z, np.complex128), n)
    return np.asarray(y).astype(np.result_type(z, np.complex64), copy=False)[()]


faddeeva = elementwise(
    "faddeeva",
    _values,
    lambda y, z, *, n: faddeeva(z, n=n + 1),
    params={"n": [0, 1, 2]},
    sample=lambda rng: [
        ((rng.normal(size=s) + 1j * rng.uniform(0.3, 2.0, s) + shift,), {"n": n})
        for n in (0, 1, 2)
        for s, shift in (((3,), 0.0), ((2,), 9.0))
    ],
    doc="Derivative n of Faddeeva's function w(z), in the upper half plane.",
    public=False,
)


def _profile(x: Any, sigma: Any, gamma: Any) -> Any:
    scale = 1.0 / (sigma * math.sqrt(2.0))
    return real(faddeeva((x + gamma * 1j) * scale, n=0)) * (scale * (1.0 / math.sqrt(math.pi)))


voigt_profile = composite(
    "voigt_profile",
    in_double(lambda x, sigma, gamma: special().voigt_profile(x, sigma, gamma)),
    _profile,
    arity=3,
    sample=lambda rng: [
        ((rng.normal(size=a), np.asarray(rng.uniform(0.5, 2.0, b))[()], np.asarray(rng.uniform(0.2, 1.0, c))[()]), {})
        for a, b, c in [((3,), (3,), (3,)), ((2, 1), (3,), ()), ((0,), (), ())]
    ],
    doc="Voigt's profile of x, sigma and gamma.",
    public=False,
)
