"""Rows that hold programs of the user's (loops, branches, checkpoints): mistakes in their rules, and what sees them.

The laws of test_laws.py draw no cases for them; here each is a function, against the same in plain Python.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

import gradtape as gt
from gradtape.control import branching, checkpoint, scanning, turning  # noqa: F401  (they declare the rows)
from gradtape.record.tensor import value_of
from gradtape.rules.primitive import registry
from tests.cases import HOLDERS

Function = Callable[[Any], Any]
X = 0.7


def turn(c: Any, y: Any, x: Any) -> Any:
    return gt.sin(c) * x + y * y


def by_scan(x: Any) -> Any:
    last, ys = gt.scan(lambda c, y: (turn(c, y, x), c * y), x, gt.stack([x, 2.0 * x, x * x]))
    return last + gt.sum(ys)


def by_turns(x: Any) -> Any:
    c, total = x, 0.0
    for y in (x, 2.0 * x, x * x):
        c, total = turn(c, y, x), total + c * y
    return c + total


def in_pieces(x: Any) -> Any:
    inside = gt.checkpoint(lambda a: gt.exp(gt.sin(a) * x))
    return inside(x * x) * x


@gt.custom_gradient
def cube(x: Any) -> Any:
    return x**3, lambda ct: 3.0 * x * x * ct


USES: dict[str, tuple[Function, Function]] = {
    "scan": (by_scan, by_turns),
    "switch": (
        lambda x: gt.switch(gt.astype(x > 0.0, int), [gt.cos, lambda a: gt.exp(gt.sin(a) * x), gt.tanh], x * x),
        lambda x: gt.exp(gt.sin(x * x) * x),
    ),
    "while_loop": (
        lambda x: gt.while_loop(lambda c: gt.sum(c[1]) < 3.0, lambda c: (gt.sin(c[0]) * x, c[1] + 1.0), (x, 0.0))[0],
        lambda x: gt.sin(gt.sin(gt.sin(x) * x) * x) * x,
    ),
    "ruled": (lambda x: gt.checkpoint(lambda a: gt.sin(cube(a)))(x) * x, lambda x: gt.sin(x**3) * x),
    "computed_again": (in_pieces, lambda x: gt.exp(gt.sin(x * x) * x) * x),
}

WAYS: dict[str, Callable[[Function], Any]] = {
    "gradient": lambda f: gt.grad(f)(X),
    "second": lambda f: gt.grad(gt.grad(f))(X),
    "tangent": lambda f: gt.jvp(f, (X,), (1.0,))[1],
    "tangent of a gradient": lambda f: gt.jvp(gt.grad(f), (X,), (1.0,))[1],
    "series": lambda f: gt.derivative(f, order=3)(X),
    "values of a batch": lambda f: gt.vmap(f)(np.array([X, 0.3])),
    "behind a mask": lambda f: gt.grad(gt.grad(lambda x: gt.where(x > 0.0, f(x), 0.0)))(X),
    "batch": lambda f: gt.vmap(gt.grad(f))(np.array([X, 0.3])),
}


def disagreements(name: str) -> Iterator[str]:
    """The ways in which the row's function and the plain one differ."""
    f, plain = USES[name]
    for way, derive in WAYS.items():
        try:
            np.testing.assert_allclose(derive(f), derive(plain), rtol=1e-9)
        except AssertionError:
            yield way


def test_they_are_all_here() -> None:
    assert set(USES) == HOLDERS <= set(registry)
    assert {n for n, row in registry.items() if row.module.startswith("gradtape.control")} <= HOLDERS


@pytest.mark.parametrize("name", USES)
def test_every_way_agrees_with_plain_python(name: str) -> None:
    assert list(disagreements(name)) == []


@pytest.mark.parametrize(
    ("name", "rule"),
    [(n, r) for n in USES for r in ("vjp", "jvp", "coefficient", "batch") if getattr(registry[n], r) is not None],
)
def test_a_mistake_in_a_rule_is_seen(name: str, rule: str, monkeypatch: pytest.MonkeyPatch) -> None:
    row: Any = registry[name]
    right = getattr(row, rule)

    def wrong(*args: Any, **params: Any) -> Any:
        found = right(*args, **params)
        if rule == "batch":
            xs, params, *after = found
            after = after[0] if after else tuple
            return xs, params, lambda ys: tuple([y if value_of(y).dtype.kind != "f" else y * 1.001 for y in after(ys)])
        return tuple([None if c is None else c * 1.001 for c in found])

    monkeypatch.setattr(row, rule, wrong)
    assert any(disagreements(name))
