"""Derivatives without derivatives: complex step and extrapolated differences, with what is known of their error.

Nothing here knows gradtape.  The derivatives are of a scalar function ``phi(t)`` of a real number, at t = 0.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np

#: Step of the complex-step formula: nothing is subtracted, so it may be as small as it likes.
TINY = 1e-100
#: First steps of the extrapolations that are tried, one after another, until one settles.
STEPS = (2e-2, 1e-3, 1e-5, 1e-7, 1e-9, 1e-11)


def complex_step(phi: Callable[[complex], Any]) -> float:
    """phi'(0) = Im phi(ih) / h: full accuracy where phi is analytic and real on the real axis.

    Squire & Trapp 1998.

    >>> abs(complex_step(lambda t: np.sin(1.0 + t)) - float(np.cos(1.0))) < 1e-15
    True
    """
    return float(np.imag(phi(1j * TINY)) / TINY)


def ridders(phi: Callable[[float], Any], step: float = 2e-2, rows: int = 8, noise: float = 0.0) -> tuple[float, float]:
    """phi'(0) and an estimate of its error: central differences, extrapolated to step 0 (Ridders 1982).

    The step is halved ``rows`` times; the entry of the tableau that differs least from its neighbours is taken,
    so a kink farther away than the smaller steps does no harm.  Entries that are not finite are passed over.
    ``noise``: the error of a value of phi, which a difference divides by the step.

    >>> value, error = ridders(lambda t: np.sin(1.0 + t))
    >>> abs(value - float(np.cos(1.0))) < 1e-12 and error < 1e-12
    True
    """
    best, error = np.nan, np.inf
    before: list[float] = []
    for _ in range(rows):
        line = [float((phi(step) - phi(-step)) / (2 * step))]
        for j, upper in enumerate(before):
            factor = 4.0 ** (j + 1)
            value = (factor * line[-1] - upper) / (factor - 1)
            spread = max(abs(value - line[-1]), abs(value - upper)) + 2 * noise / step
            line.append(value)
            if spread < error:
                best, error = value, spread
        before = line
        step /= 2
    return best, error


def noise_of(phi: Callable[[float], Any], spacing: float = 1e-8) -> float:
    """The standard deviation of the rounding errors of phi near 0, from the fourth differences of nine values.

    Moré & Wild 2011: differences of that order leave nothing of a smooth function, and all of its noise.  They are
    taken on one side of 0 and on the other, since phi may jump there.
    """
    seen = 0.0
    for side in (-1, 1):
        fourth = np.diff([float(phi(side * k * spacing)) for k in range(1, 10)], 4)
        fourth = fourth[np.isfinite(fourth)]
        seen = max(seen, float(np.sqrt(np.mean(fourth**2) / 70)) if fourth.size else 0.0)
    return seen


def directional(phi: Callable[[Any], Any], analytic: bool = False) -> tuple[float, float]:
    """phi'(0), with an estimate of its error: the complex step where it agrees with differences, else those.

    ``analytic``: phi accepts complex arguments; whether it is analytic there the differences decide.
    """
    value, error = ridders(phi)
    if not error <= 1e-9 * abs(value):
        value, error = min((value, error), ridders(phi, 1e-3, 5), key=lambda found: found[1])
    return exactly(phi, value, error) if analytic else (value, error)


def searched(
    phi: Callable[[Any], Any], hint: float, rtol: float, rounding: float = 0.0, analytic: bool = False
) -> tuple[float, float, float]:
    """phi'(0), an estimate of its error, and the noise of phi, where phi may change on any scale.

    Coarse steps see nothing of a function that changes fast, however well they settle, and fine ones see rounding.
    So steps get smaller until the differences settle at ``hint``, the derivative as somebody else found it, to
    ``rtol``; where they never do, what they settled at first is the answer.  ``rounding``: what is known of the noise;
    what is seen of it at the scale of the steps counts too.
    """
    tried: list[tuple[float, float, float]] = []
    for step in STEPS:
        noise = max(rounding, noise_of(phi, step / 1024))
        value, error = ridders(phi, step, 8, noise)
        small = error <= max(1e-2 * abs(value), 1e5 * rounding)
        if analytic and small:
            value, error = exactly(phi, value, error)
        agrees = small and abs(value - hint) <= rtol * (abs(value) + abs(hint)) + 2 * error
        # A poor estimate does not overrule a good one, unless that saw another function altogether.
        if agrees and all(error <= 10 * e or abs(value - v) > 0.1 * max(abs(value), abs(v)) for v, e, _ in tried):
            return value, error, noise
        if small or not tried or np.isnan(tried[0][0]):
            tried.append((value, error, noise))
        else:
            tried[0] = min(tried[0], (value, error, noise), key=lambda c: c[1] / (abs(c[0]) + 1e-300))
    settled = [c for c in tried if c[1] <= max(1e-2 * abs(c[0]), 1e5 * rounding)]
    return (settled or [c for c in tried if not np.isnan(c[0])] or tried)[0]


def exactly(phi: Callable[[Any], Any], value: float, error: float) -> tuple[float, float]:
    """The complex step in place of the differences ``value``, where it agrees with them."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # that an imaginary part is thrown away: then phi is not analytic
            exact = complex_step(phi)
    except Exception:  # an implementation that refuses complex numbers is not analytic, which is all we ask
        return value, error
    return (exact, 1e-15 * abs(exact)) if abs(exact - value) <= 1e-7 * abs(value) + 2 * error else (value, error)


def one_sided(phi: Callable[[float], Any], step: float) -> tuple[float, float]:
    """The slopes of phi on the left and on the right of 0, extrapolated once: they differ at a kink."""
    at = float(phi(0.0))

    def slope(h: float) -> float:
        return float((phi(h) - at) / h)

    return 2 * slope(-step / 2) - slope(-step), 2 * slope(step / 2) - slope(step)


def observed_orders(steps: np.ndarray[Any, Any], residuals: np.ndarray[Any, Any], floor: float) -> list[float]:
    """The slopes of log residual against log step between neighbouring steps, where both residuals are above ``floor``.

    >>> h = 2.0 ** -np.arange(5)
    >>> observed_orders(h, 3 * h**2, 0.0)
    [2.0, 2.0, 2.0, 2.0]
    """
    slopes: list[float] = []
    for i in range(len(steps) - 1):
        a, b = residuals[i], residuals[i + 1]
        if np.isfinite(a) and np.isfinite(b) and b > floor and a > floor:
            slopes.append(float(np.log(a / b) / np.log(steps[i] / steps[i + 1])))
    return slopes
