"""Printed programs with loops and branches: Python's own, with no gradtape in them, that compute the same."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import gradtape as gt
from gradtape.program.program import Program

X = np.array([0.3, 0.5, 0.7])


def both(x: Any) -> Any:
    return gt.fori_loop(0, 4, lambda i, c: gt.scan(lambda d, y: (d * y, d), c, x)[0] + i, x)


@gt.custom_gradient
def cube(x: Any) -> Any:
    return x**3, lambda ct: 3.0 * x * x * ct


PROGRAMS: dict[str, Callable[[Any], Any]] = {
    "scan": lambda x: gt.scan(lambda c, y: (gt.sin(c) * y, c), x[0], x)[1],
    "scan backwards": lambda x: gt.scan(lambda c, y: (gt.sin(c) * y, c), x[0], x, reverse=True)[1],
    "scan in a budget": lambda x: gt.scan(lambda c, y: (gt.sin(c) * y, None), x, gt.stack([x] * 9), budget=3)[0],
    "while_loop": lambda x: gt.while_loop(lambda c: c[1] < 3.0, lambda c: (gt.sin(c[0]) * x, c[1] + 1.0), (x, 0.0))[0],
    "cond": lambda x: gt.cond(gt.sum(x) > 0, gt.sin, gt.exp, x),
    "switch": lambda x: gt.switch(gt.astype(x[0] > 0.2, int), [gt.sin, lambda a: gt.exp(a) * x], x),
    "checkpoint": lambda x: gt.checkpoint(lambda a: gt.exp(gt.sin(a) * x))(x * x) * x,
    "custom_gradient": lambda x: gt.sin(cube(x)) * x,
    "loops in loops": both,
}


def derived(f: Callable[[Any], Any], order: int) -> Callable[[Any], Any]:
    return f if not order else gt.grad(lambda x: gt.sum(derived(f, order - 1)(x)))


@pytest.mark.parametrize("order", [0, 1, 2])
@pytest.mark.parametrize("name", PROGRAMS)
def test_it_runs_without_gradtape(name: str, order: int) -> None:
    g, x = derived(PROGRAMS[name], order), gt.asarray(X)
    program: Any = _program(g, x)
    text = program.source()
    assert "gradtape" not in text
    assert "constants" not in text  # everything is written out
    space: dict[str, Any] = {}
    exec(text, space)
    last = re.findall(r"^def (\w+)\(", text, re.MULTILINE)[-1]
    for scale in (1.0, 1.1):
        found = space[last](X * scale)
        found = found[0] if isinstance(found, tuple) else found
        np.testing.assert_allclose(found, np.asarray(g(gt.asarray(X * scale))), rtol=1e-12)


def _program(g: Any, x: Any) -> Program:
    function = gt.function(g)
    function(x)
    function(x)
    return next(iter(function.kinds.values())).paths[0].program


def test_large_arrays_of_a_body_are_given_to_make() -> None:
    weights = np.linspace(0.0, 1.0, 20)
    f = lambda x: gt.scan(lambda c, y: (c * y + gt.sum(gt.sin(y) * weights), None), x[0], x)[0]  # noqa: E731
    program: Any = _program(f, gt.asarray(X))
    text = program.source()
    space: dict[str, Any] = {}
    exec(text, space)
    names = re.findall(r"(\w+) = constants\[", text)
    assert names
    run = space["make"](dict.fromkeys(names, weights))
    np.testing.assert_allclose(run(X)[0], f(gt.asarray(X)).data, rtol=1e-13)
