"""What every law is made of: inner products, random directions, derivatives by reverse and by forward mode.

A function here takes a sequence of Tensors and returns a list of Tensors.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import factorial
from typing import Any

import numpy as np

from ..errors import DerivativeError
from ..forwardmode import jvp
from ..jets import jet
from ..primitives.shapes import astype
from ..record.tensor import Tensor
from ..tape import GradientTape

_gradtape_composes = True

F = Callable[[Sequence[Any]], list[Any]]


def tensors(xs: Sequence[Any]) -> list[Any]:
    """Each value as a Tensor."""
    return [x if isinstance(x, Tensor) else Tensor(x) for x in xs]


def raw(x: Any) -> Any:
    """The array of a Tensor; anything else as it is."""
    return x.data if isinstance(x, Tensor) else x


def inner(a: Sequence[Any], b: Sequence[Any]) -> Any:
    """The real inner product; linear in ``b``, without conjugation, where only ``b`` is complex."""
    total: Any = 0.0
    for u, v in zip(a, b, strict=True):
        u, v = raw(u), raw(v)
        total = total + (np.sum(u.real * v.real + u.imag * v.imag) if np.iscomplexobj(u) else np.sum(u * v))
    return total


def size(a: Sequence[Any], b: Sequence[Any]) -> float:
    """What the inner product would be if nothing cancelled."""
    return float(sum(np.sum(np.abs(raw(u)) * np.abs(raw(v))) for u, v in zip(a, b, strict=True)))


def like(rng: np.random.Generator, values: Sequence[Any]) -> list[Any]:
    """Random directions of the shapes and dtypes of ``values``, no element near zero."""
    made: list[Any] = []
    for value in values:
        x = rng.uniform(0.3, 1.0, np.shape(value)) * rng.choice([-1.0, 1.0], np.shape(value))
        if raw(value).dtype.kind == "c":
            x = x + 1j * rng.uniform(0.3, 1.0, np.shape(value))
        made.append(np.asarray(x).astype(raw(value).dtype)[()])
    return made


def evaluate(f: F, xs: Sequence[Any]) -> list[Any]:
    """The raw values of ``f``."""
    with np.errstate(all="ignore"):
        return [raw(y) for y in f(tensors(xs))]


def pullback(f: F, xs: Sequence[Any], cts: Sequence[Any]) -> list[Any]:
    """The VJP of ``f`` at the Tensors ``xs``; recorded if a tape is open around it."""
    with GradientTape() as tape:
        ys = f(xs)
    return tape.gradient(list(ys), list(xs), output_gradients=list(cts), unconnected_gradients="zero")


def pushed(f: F, xs: Sequence[Any], vs: Sequence[Any]) -> list[Any]:
    """The JVP of ``f`` at the Tensors ``xs``."""
    return list(jvp(lambda *xs: f(xs), tuple(xs), tuple(vs))[1])


def derivatives(f: F, xs: Sequence[Any], series: Sequence[Sequence[Any]]) -> list[list[Any]]:
    """The derivatives of ``f`` along the path whose derivatives are ``series[i]``: one list per order."""
    return jet(lambda *xs: f(xs), tuple(xs), [list(s) for s in series])[1]


def inside(f: F, direction: Sequence[Any], mode: str, cts: Sequence[Any]) -> tuple[F, Sequence[Any]]:
    """A function and weights whose inner product is d/dt <cts, f(x + t direction)>, by mode F or R."""
    if mode == "F":
        return (lambda xs: pushed(f, xs, direction)), cts
    return (lambda xs: pullback(f, xs, cts)), direction


def nested(
    word: str, f: F, xs: Sequence[Any], cts: Sequence[Any], directions: Sequence[Sequence[Any]]
) -> tuple[float, float]:
    """D^n <cts, f>[directions], by the nesting ``word``, and what it would be if nothing cancelled.

    A word has a letter F (forward) or R (reverse) for each order, the innermost first.
    """
    weights: Sequence[Any] = tensors(cts)
    for mode, direction in zip(word, directions, strict=True):
        f, weights = inside(f, tensors(direction), mode, weights)
    with np.errstate(all="ignore"):
        results = f(tensors(xs))
    return float(inner(weights, results)), size(weights, results)


def path(xs: Sequence[Any], series: Sequence[Sequence[Any]]) -> Callable[[Any], list[Any]]:
    """The curve with the given derivatives at t = 0; ``series[i]`` are those of input i."""

    def at(t: Any) -> list[Any]:
        points: list[Any] = []
        for x, ds in zip(xs, series, strict=True):
            point: Any = Tensor(x)
            power: Any = 1.0
            for k, d in enumerate(ds, start=1):
                power = power * t
                point = point + Tensor(d * (1 / factorial(k))) * astype(power, dtype=raw(x).dtype)
            points.append(point)
        return points

    return at


def nested_jvp(f: Callable[[Any], list[Any]], order: int) -> list[Any]:
    """d^order f / dt^order at t = 0, by forward mode in forward mode."""
    for _ in range(order):
        f = lambda t, f=f: jvp(f, (t,), (1.0,))[1]  # noqa: E731
    with np.errstate(all="ignore"):
        return f(Tensor(np.float64(0.0)))


def close(found: Sequence[Any], expected: Sequence[Any], rtol: float, what: str, atol: float = 0.0) -> float:
    """Element by element, relative to the largest element (nan equals nan); the largest relative difference."""
    if len(found) != len(expected):
        raise DerivativeError(f"{what}: {len(found)} results for {len(expected)}")
    worst = 0.0
    for i, (a, b) in enumerate(zip(found, expected, strict=True)):
        a, b = np.asarray(raw(a)), np.asarray(raw(b))
        if a.shape != b.shape:
            raise DerivativeError(f"{what} {i}: shape {a.shape}, not {b.shape}")
        scale = float(np.max(np.abs(b), initial=0.0, where=np.isfinite(b)))
        with np.errstate(all="ignore"):
            same = (a == b) | (np.isnan(a) & np.isnan(b))
            off = np.where(same, 0.0, np.abs(a - b))
        off = np.where(np.isnan(off), np.inf, off)
        bad = off > rtol * scale + atol
        if np.any(bad):
            at = np.unravel_index(int(np.argmax(off)), off.shape)
            place = f"[{', '.join(str(int(k)) for k in at)}]" if at else ""
            error = DerivativeError(f"{what} {i}{place}: found {a[at]!s}, expected {b[at]!s}")
            if a.dtype.kind != "c":
                error.found, error.expected = float(a[at]), float(b[at])
            raise error
        worst = max(worst, float(np.max(off, initial=0.0)) / scale if scale else 0.0)
    return worst
