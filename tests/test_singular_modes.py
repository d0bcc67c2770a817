"""First and second derivatives at singular points, by every mode: what reverse mode has right the others have too.

The points are those of ``test_singular``.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest

import gradtape as gt
from tests.test_singular import THERE, Point, agrees

Vector = Sequence[Any]


def directions(xs: Vector) -> list[list[Any]]:
    """The unit vectors of all the elements of ``xs``, in order."""
    found: list[list[Any]] = []
    for i, x in enumerate(xs):
        for k in range(x.size):
            unit = [np.zeros(y.shape) for y in xs]
            unit[i].flat[k] = 1.0
            found.append(unit)
    return found


def pushed(f: Callable[..., Any], xs: Vector, v: Vector) -> Any:
    return gt.jvp(f, tuple(xs), tuple(v))[1]


def gradient(f: Callable[..., Any], xs: Vector) -> list[Any]:
    with gt.GradientTape() as tape:
        y = f(*xs)
    return tape.gradient(y, list(xs), unconnected_gradients="zero")


def flat(parts: Any) -> Any:
    return np.concatenate([np.ravel(part.data) for part in parts])


def matrix(rows: Sequence[Any]) -> Any:
    return np.stack([flat(row) for row in rows])


def forward_first(point: Point, xs: Vector) -> Any:
    return flat([pushed(point.f, xs, v) for v in directions(xs)])


def jet_first(point: Point, xs: Vector) -> Any:
    return flat([gt.jet(point.f, tuple(xs), [[t] for t in v])[1][0] for v in directions(xs)])


def forward_forward(point: Point, xs: Vector) -> Any:
    units = directions(xs)
    return matrix([[pushed(lambda *xs, v=v: pushed(point.f, xs, v), xs, u) for u in units] for v in units])


def forward_over_reverse(point: Point, xs: Vector) -> Any:
    return matrix([pushed(lambda *xs: gradient(point.f, xs), xs, v) for v in directions(xs)])


def reverse_over_forward(point: Point, xs: Vector) -> Any:
    return matrix([gradient(lambda *xs, v=v: pushed(point.f, xs, v), xs) for v in directions(xs)])


def jet_second(point: Point, xs: Vector) -> Any:
    """The diagonal."""
    series = [[[t, np.zeros_like(t)] for t in v] for v in directions(xs)]
    return flat([gt.jet(point.f, tuple(xs), s)[1][1] for s in series])


MODES: dict[str, tuple[int, Callable[[Point, Vector], Any]]] = {
    "F": (1, forward_first),
    "jet 1": (1, jet_first),
    "FF": (2, forward_forward),
    "RF": (2, forward_over_reverse),
    "FR": (2, reverse_over_forward),
    "jet 2": (2, jet_second),
}

#: What is not right yet: (point, mode) -> why.  Strict: what heals fails until it is taken off.
GAPS: dict[tuple[str, str], str] = {}


def wrong_by(point: Point, mode: str) -> str | None:
    order, derive = MODES[mode]
    expected = point.first if order == 1 else point.second
    if expected is None:
        return None
    xs = [gt.Tensor(a) for a in point.at]
    with np.errstate(all="ignore"):
        found = derive(point, xs)
    size = sum(x.size for x in xs)
    if mode == "jet 2":
        expected = [np.diagonal(np.broadcast_to(np.asarray(e, float), (size, size))) for e in expected]
    if any(agrees(found, e) for e in expected):
        return None
    return f"{mode} at {point.name}: {found.tolist()}, right is {expected[0]}"


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("point", THERE, ids=lambda point: point.name)
def test_derivative(point: Point, mode: str) -> None:
    why = GAPS.get((point.name, mode))
    if why is None:
        found = wrong_by(point, mode)
        assert found is None, found
        return
    assert why
    assert wrong_by(point, mode) is not None, f"{mode} at {point.name} is right now: take it off GAPS"


def test_gaps_name_points_and_modes() -> None:
    names = {point.name for point in THERE}
    assert all(name in names and mode in MODES for name, mode in GAPS)
