"""What is dead outside a compiled function, a loop or a branch is dead inside, and the other way round."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import gradtape as gt

pytestmark = pytest.mark.filterwarnings("ignore::RuntimeWarning")
X = gt.asarray([0.5, -1.0, 0.0, 2.0])

#: Each is the square root at the entries, by another way.
ROOTS: dict[str, Callable[[Any], Any]] = {
    "function": gt.function(lambda x: gt.sqrt(x)),
    "checkpoint": gt.checkpoint(gt.sqrt),
    "fori_loop": lambda x: gt.fori_loop(0, 2, lambda i, c: gt.where(i == 0, gt.sqrt(c), c), x),
    "carry": lambda x: gt.fori_loop(0, 1, lambda i, c: gt.sqrt(c), x),
    "scan": lambda x: gt.scan(lambda c, a: (c, gt.sqrt(a)), 0.0, x)[1],
    "reversed": lambda x: gt.scan(lambda c, a: (c, gt.sqrt(a)), 0.0, x, reverse=True)[1],
    "budget": lambda x: gt.scan(lambda c, a: (c + 1.0, gt.sqrt(a)), 0.0, x, budget=2)[1],
    "map": lambda x: gt.map(gt.sqrt, x),
    "cond": lambda x: gt.cond(x[0] > -5, gt.sqrt, gt.sin, x),
    "switch": lambda x: gt.switch(gt.asarray(1), [gt.sin, gt.sqrt], x),
    "while_loop": lambda x: gt.while_loop(lambda c: c[1] < 1, lambda c: (gt.sqrt(c[0]), c[1] + 1), (x, 0))[0],
}


def masked(x: Any, y: Any) -> Any:
    return gt.where(x > 0, y, 0.0) * x


#: Each leaves out what stands where x is not positive.
MASKS: dict[str, Callable[[Any, Any], Any]] = {
    "function": gt.function(masked),
    "checkpoint": gt.checkpoint(masked),
    "carry": lambda x, y: gt.fori_loop(0, 1, lambda i, c: (c[0], masked(*c)), (x, y))[1],
    "map": lambda x, y: gt.map(lambda t: masked(*t), (x, y)),
    "switch": lambda x, y: gt.switch(gt.asarray(1), [lambda x, y: y, masked], x, y),
}


def agree(f: Callable[[Any], Any], plain: Callable[[Any], Any]) -> None:
    """In all that goes backwards, compiled too."""
    one = gt.asarray(np.ones(4))
    for g in (f, gt.function(f)):
        for _ in range(2):
            for asked in (
                lambda h: gt.grad(h)(X),
                lambda h: gt.hvp(h, X, one),
                lambda h: gt.hessian(h)(X),
                lambda h: gt.vmap(gt.grad(h))(gt.stack([X, 2.0 * X])),
                lambda h: gt.grad(lambda x: gt.sum(gt.grad(h)(x) ** 2))(X),
            ):
                expected = np.asarray(asked(plain))
                assert np.isfinite(expected).all()
                np.testing.assert_allclose(np.asarray(asked(g)), expected, rtol=1e-12)


@pytest.mark.parametrize("name", ROOTS)
def test_dead_outside_is_dead_inside(name: str) -> None:
    root = ROOTS[name]
    agree(lambda x: gt.sum(gt.where(x > 0, root(x), 0.0)), lambda x: gt.sum(gt.where(x > 0, gt.sqrt(x), 0.0)))


@pytest.mark.parametrize("name", MASKS)
def test_dead_inside_is_dead_outside(name: str) -> None:
    inside = MASKS[name]
    agree(lambda x: gt.sum(inside(x, gt.sqrt(x))), lambda x: gt.sum(masked(x, gt.sqrt(x))))
