"""Every row in a compiled function on the NumPy engine: values and derivatives, from inside and outside, as eager."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import gradtape as gt
from gradtape.rules.primitive import registry
from gradtape.testing.tools import like, pullback, tensors
from tests.cases import HOLDERS, Case, cases

ROWS = [n for n, row in registry.items() if n not in HOLDERS and any(c.slots and c.size for c in cases(n))]


def moved(x: Any) -> Any:
    """A point nearby, where what was baked into a program would be wrong."""
    return np.asarray(x * (1.0 + 1e-3 * np.cos(np.arange(np.size(x))).reshape(np.shape(x))))[()]


def agree(found: Any, expected: Any) -> None:
    assert len(found) == len(expected)
    for a, b in zip(found, expected, strict=True):
        assert a.dtype == b.dtype
        scale = float(np.max(np.abs(b.data), initial=0.0, where=np.isfinite(b.data)))
        np.testing.assert_allclose(a.data, b.data, rtol=1e-10, atol=1e-12 * scale)


def compare(case: Case, order: int) -> None:
    f = case.function()

    def plain(*xs: Any) -> Any:
        return f(list(xs))

    def derived(of: Any, count: int) -> Any:
        """What ``of`` gives, and its cotangents for weights, ``count`` times over."""
        if not count:
            return lambda *xs: list(of(*xs))
        inner = derived(of, count - 1)
        weights = tensors(like(np.random.default_rng(count), [y.data for y in inner(*tensors(case.xs))]))
        return lambda *xs: [*inner(*xs), *pullback(lambda ys: inner(*ys), list(xs), weights)]

    eager = derived(plain, order)
    inside, outside = gt.function(eager), derived(gt.function(plain), order)
    nearby = [moved(x) for x in case.xs]
    for xs in (case.xs, nearby, case.xs):
        try:
            expected = eager(*tensors(xs))
        except gt.GradtapeError:
            assert xs is nearby  # where it may be undefined
            continue
        agree(inside(*tensors(xs)), expected)
        agree(outside(*tensors(xs)), expected)


def first(name: str) -> Case:
    return next(c for c in cases(name) if c.slots and c.size)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", ROWS)
def test_first_derivatives(name: str) -> None:
    with np.errstate(all="ignore"):
        compare(first(name), 1)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", ROWS)
def test_second_derivatives(name: str) -> None:
    with np.errstate(all="ignore"):
        compare(first(name), 2)
