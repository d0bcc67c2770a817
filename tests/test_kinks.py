"""The kinks of values that depend on random draws: which, of what order, on which line."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import gradtape as gt
from gradtape.explain.kinks import kinks
from gradtape.record.segment import Window


def found(f: Callable[[Any], Any], draws: Any = None) -> list[tuple[str, int]]:
    z = gt.random.default_rng(0).normal(size=500) if draws is None else draws
    with Window() as window:
        y = f(z)
    return [(k.row, k.order) for k in kinks(window.entries(), [z], [y])]


CASES: dict[str, tuple[Callable[[Any], Any], list[tuple[str, int]]]] = {
    "smooth": (lambda z: gt.exp(z) * gt.tanh(z), []),
    "call": (lambda z: gt.maximum(gt.exp(z) - 1.0, 0.0), [("maximum", 1)]),
    "call by choice": (lambda z: gt.where(z > 0.3, gt.exp(z) - np.exp(0.3), 0.0), [("greater", 1)]),
    "digital": (lambda z: gt.where(z > 0.3, 1.0, 0.0), [("greater", 0)]),
    "digital by type": (lambda z: gt.astype(z > 0.3, gt.float64), [("greater", 0)]),
    "clip": (lambda z: gt.clip(z, -1.0, 2.0), [("clip", 1), ("clip", 1)]),
    "floor": (lambda z: gt.floor(z), [("floor", 0)]),
    "relu": (lambda z: gt.relu(z), [("relu", 1)]),
    "sort": (lambda z: gt.sort(z)[3], [("argsort", 1)]),
    "no way to the target": (lambda z: (gt.maximum(z, 0.0), gt.exp(z))[1], []),
    "held": (lambda z: gt.stop_gradient(gt.sign(z)) * z, [("sign", 0)]),
    "in a compiled call": (lambda z: gt.function(lambda x: gt.maximum(x, 0.0) * 2.0)(z), [("maximum", 1)]),
}


@pytest.mark.parametrize("name", CASES)
def test_what_depends_on_draws(name: str) -> None:
    f, expected = CASES[name]
    assert found(f) == expected


def test_a_kink_of_what_is_not_random_is_none() -> None:
    s = gt.asarray(2.0)
    assert found(lambda z: gt.maximum(s, 1.0) * z) == []


def test_draws_of_the_generators_are_found_by_themselves() -> None:
    with Window() as window:
        z = gt.random.default_rng(0).normal(size=100)
        y = gt.mean(gt.maximum(z, 0.0))
    assert [k.row for k in kinks(window.entries(), targets=[y])] == ["maximum"]


def test_the_line_is_the_users() -> None:
    with Window() as window:
        z = gt.random.default_rng(0).normal(size=100)
        gt.maximum(z, 0.0)
    (kink,) = kinks(window.entries())
    assert kink.site is not None
    assert "maximum" in str(kink.site)
    assert kink.argument is not None
    assert kink.argument[0] is z
