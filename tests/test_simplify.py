"""Every rewrite of a program: it costs less, and the values stay."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import gradtape as gt
from gradtape.primitives import contractions, indexing, predicates, reductions, shapes
from gradtape.program.program import Program
from gradtape.program.slicing import sliced
from gradtape.record.segment import Window
from gradtape.record.tensor import Tensor

X = np.linspace(-1.0, 2.0, 6).reshape(2, 3)
V = np.array([0.5, -1.5, 2.5])
M = X > 0.3


def program_of(f: Callable[..., Any], *arrays: Any) -> Program:
    xs = [gt.asarray(a) for a in arrays]
    with Window() as window:
        found = f(*xs)
        found = found if isinstance(found, tuple) else (found,)
    return sliced(window.entries(), xs, found)[0]


def names(program: Program) -> list[str]:
    return [step.row.name for step in program.steps]


def masked(x: Tensor, y: Tensor) -> Tensor:
    m = x > 0
    return gt.where(m, gt.exp(gt.where(m, gt.sin(gt.where(m, x, 0.0)), 0.0)), 0.0) * y


def by_einsum(a: Tensor, b: Tensor, c: Tensor) -> Tensor:
    return contractions.einsum(a, b, c, subscripts="ij,jk,k->i")


# name: (function, inputs, the steps that are left)
REWRITES: dict[str, tuple[Callable[..., Any], tuple[Any, ...], list[str]]] = {
    "dead code": (lambda x: (gt.sin(x), gt.exp(x))[0], (X,), ["sin"]),
    "common steps": (lambda x: gt.sin(x) * gt.sin(x), (X,), ["sin", "multiply"]),
    "times one": (lambda x: gt.sin(x * 1.0), (X,), ["sin"]),
    "times an array of ones": (lambda x: gt.sin(x * np.ones(3)), (V,), ["sin"]),
    "times minus one": (lambda x: gt.sin(x * -1.0), (V,), ["negative", "sin"]),
    "factors joined": (lambda x: x * 2.0 * 3.0, (V,), ["multiply"]),
    "divided by one": (lambda x: gt.sin(x / 1.0), (V,), ["sin"]),
    "plus zero": (lambda x: gt.sin(x + 0.0), (V,), ["sin"]),
    "minus zero": (lambda x: gt.sin(x - np.zeros(3)), (V,), ["sin"]),
    "a sum of negatives": (
        lambda x: shapes.sum_to(-x, shape=(3,)),
        (X,),
        ["sum_to", "negative"],
    ),
    "from zero": (lambda x: gt.sin(0.0 - x), (V,), ["negative", "sin"]),
    "plus a negative": (lambda x, y: x + (-y), (V, 2 * V), ["subtract"]),
    "minus a negative": (lambda x, y: x - (-y), (V, 2 * V), ["add"]),
    "square": (lambda x: x**2, (V,), ["multiply"]),
    "cube": (lambda x: x**3, (V,), ["multiply", "multiply"]),
    "fourth power": (lambda x: x**4, (V,), ["multiply", "multiply"]),
    "first power": (lambda x: gt.sin(x**1), (V,), ["sin"]),
    "negative twice": (lambda x: gt.sin(gt.negative(gt.negative(x))), (V,), ["sin"]),
    "transposed twice": (lambda x: gt.sin(gt.matrix_transpose(gt.matrix_transpose(x))), (X,), ["sin"]),
    "permuted there and back": (
        lambda x: gt.sin(shapes.transpose(shapes.transpose(x, axes=(1, 2, 0)), axes=(2, 0, 1))),
        (X.reshape(1, 2, 3),),
        ["sin"],
    ),
    "permuted twice": (
        lambda x: shapes.transpose(shapes.transpose(x, axes=(1, 2, 0)), axes=(1, 2, 0)),
        (X.reshape(1, 2, 3),),
        ["transpose"],
    ),
    "reshaped to its own shape": (lambda x: gt.sin(shapes.reshape(x, shape=(2, 3))), (X,), ["sin"]),
    "reshaped twice": (lambda x: gt.reshape(gt.reshape(x, (6,)), (3, 2)), (X,), ["reshape"]),
    "broadcast to its own shape": (lambda x: gt.sin(shapes.broadcast_to(x, shape=(2, 3))), (X,), ["sin"]),
    "summed to its own shape": (lambda x: gt.sin(shapes.sum_to(x, shape=(2, 3))), (X,), ["sin"]),
    "converted to its own dtype": (lambda x: gt.sin(shapes.astype(x, dtype=np.dtype(float))), (X,), ["sin"]),
    "held": (lambda x: gt.sin(shapes.held(x)), (X,), ["sin"]),
    "one choice": (lambda x: gt.sin(gt.where(x > 0, x, x)), (X,), ["sin"]),
    "a mask and its contrary": (
        lambda x: gt.where(predicates.bitwise_or(x > 0, gt.logical_not(x > 0)), gt.sin(x), 0.0),
        (X,),
        ["sin"],
    ),
    "a mask with itself": (lambda x: predicates.bitwise_and(x > 0, x > 0), (X,), ["greater"]),
    "absorbed": (
        lambda x, y: predicates.bitwise_and(x > 0, predicates.bitwise_or(x > 0, y > 0)),
        (X, -X),
        ["greater"],
    ),
    "absorbed the other way": (
        lambda x, y: predicates.bitwise_or(x > 0, predicates.bitwise_and(x > 0, y > 0)),
        (X, -X),
        ["greater"],
    ),
    "a mask as numbers": (lambda x: gt.where(x > 0, 1.0, 0.0) > 0, (X,), ["greater"]),
    "a mask as shares, repeated": (
        lambda x: reductions.spread(gt.where(x > 0, 1.0, 0.0) / 4.0, shape=(3, 4), axis=1) != 0,
        (V,),
        ["greater", "spread"],
    ),
    "turned choice": (
        lambda x: gt.where(gt.logical_not(x > 0), gt.sin(x), x),
        (X,),
        ["greater", "sin", "where"],
    ),
    "choice in a choice": (
        lambda x: gt.where(x > 0, gt.where(x > 0, gt.sin(x), gt.cos(x)), x),
        (X,),
        ["greater", "sin", "where"],
    ),
    "choices joined": (
        lambda x: gt.where(x > 0, gt.sin(x), 0.0) + gt.where(x > 0, 0.0, gt.cos(x)),
        (X,),
        ["greater", "sin", "cos", "where"],
    ),
    "the slope of relu": (lambda x, y: gt.where(x > 0, (x > 0) * y, 0.0), (X, 2 * X), ["greater", "where"]),
    "masks thinned out": (masked, (X, 2 * X), ["greater", "sin", "exp", "where", "multiply"]),
    "placed and picked": (
        lambda x: gt.sin(indexing.getitem(indexing.place(x, index=(slice(1, 4),), shape=(6,)), index=(slice(1, 4),))),
        (V,),
        ["sin"],
    ),
    "transposes into the product": (
        lambda a, b: gt.matrix_transpose(gt.matrix_transpose(a) @ gt.matrix_transpose(b)),
        (X, np.ones((4, 2))),
        ["matmul"],
    ),
    "matrices on a vector": (
        lambda a, b, v: (a @ b) @ v,
        (np.ones((30, 40)), np.ones((40, 50)), np.ones(50)),
        ["matmul", "matmul"],
    ),
    "a vector on matrices": (
        lambda a, b, v: v @ (a @ b),
        (np.ones((30, 40)), np.ones((40, 50)), np.ones(30)),
        ["matmul", "matmul"],
    ),
    "new axes there and back": (
        lambda x: gt.sin(indexing.place(gt.sin(x)[:, None], index=(slice(None), None), shape=(3,))),
        (V,),
        ["sin", "sin"],
    ),
    "a sum of a contraction": (
        lambda a, b: reductions.sum(contractions.einsum(a, b, subscripts="nki,kij->nkj"), axis=0),
        (np.ones((50, 3, 4)), np.ones((3, 4, 5))),
        ["sum", "einsum"],
    ),
    "a contraction summed to a shape": (
        lambda a, b: shapes.sum_to(contractions.einsum(a, b, subscripts="nki,kij->nkj"), shape=(1, 5)),
        (np.ones((50, 3, 4)), np.ones((3, 4, 5))),
        ["sum", "einsum", "reshape"],
    ),
    "a number repeated": (lambda x, c: gt.broadcast_to(c, (2, 3)) * x, (X, 2.0), ["multiply"]),
    "a sum repeated": (
        lambda x, c: x - reductions.spread(c, shape=(2, 3), axis=1),
        (X, np.array([2.0, -1.0])),
        ["reshape", "subtract"],
    ),
    "einsum by pairs": (by_einsum, (np.ones((30, 40)), np.ones((40, 50)), np.ones(50)), ["einsum", "einsum"]),
}


@pytest.mark.parametrize("name", REWRITES)
def test_costs_less_and_has_the_same_value(name: str) -> None:
    f, arrays, left = REWRITES[name]
    program = program_of(f, *arrays)
    simple = program.simplified()
    assert sorted(names(simple)) == sorted(left)
    before, after = program.cost(), simple.cost()
    as_long = {"square", "times minus one", "from zero", "cube", "fourth power"}  # other rows, which are faster
    cheaper = after.steps < before.steps or after.flops < before.flops or after.bytes < before.bytes
    assert cheaper or name in as_long or name == "dead code"  # slicing has left it out already
    rng = np.random.default_rng(0)
    for scale in (1.0, 1e-3, 1e3):
        others = [rng.normal(size=np.shape(a)) * scale for a in arrays]
        for y, z in zip(program(*others), simple(*others), strict=True):
            contracted = np.size(y) and any("matmul" in n or "einsum" in n for n in left)
            np.testing.assert_allclose(z, y, rtol=1e-14, atol=1e-13 * np.max(np.abs(y)) if contracted else 0)
            assert z.dtype == y.dtype


#: What must stay: each is near to a rule, and the rule would be wrong.
KEPT: dict[str, tuple[Callable[..., Any], tuple[Any, ...]]] = {
    "times one, broadcast": (lambda x: x * np.ones((2, 3)), (V,)),
    "times one, converted": (lambda x: x * np.float64(1.0), (V.astype(np.float32),)),
    "plus zero of integers": (lambda x: x + 0.0, (np.arange(3),)),
    "times zero": (lambda x: x * 0.0, (V,)),
    "a choice by another mask": (lambda x: gt.where(x > 0, gt.where(x > 1, x, -x), x), (X,)),
    "inner mask used elsewhere": (
        lambda x: (lambda a: gt.where(x > 0, gt.exp(a), 0.0) + a)(gt.where(x > 0, x, 0.0)),
        (X,),
    ),
    "inner mask summed": (lambda x: gt.where(x > 0, x - gt.sum(gt.where(x > 0, x, 0.0)), 0.0), (X,)),
    "placed here, picked there": (
        lambda x: indexing.getitem(indexing.place(x, index=(slice(1, 4),), shape=(6,)), index=(slice(0, 3),)),
        (V,),
    ),
    "both repeated": (lambda v, c: reductions.spread(c, shape=(2, 3), axis=1) * gt.broadcast_to(v, (2, 3)), (V, V[:2])),
    "repeated for a smaller one": (lambda v, c: gt.broadcast_to(c, (2, 3)) * v, (V, np.array(2.0))),
    "power of integers": (lambda x: x**2.0, (np.arange(3),)),
    "integers or-ed": (lambda x: predicates.bitwise_or(x, gt.logical_not(x)), (np.arange(3),)),
}


@pytest.mark.parametrize("name", KEPT)
def test_keeps_its_hands_off(name: str) -> None:
    f, arrays = KEPT[name]
    program = program_of(f, *arrays)
    for y, z in zip(program(*arrays), program.simplified()(*arrays), strict=True):
        assert y.dtype == z.dtype
        np.testing.assert_array_equal(z, y)
    special = [
        np.where(np.arange(np.size(a)).reshape(np.shape(a)) % 2, np.inf, a) for a in arrays if a.dtype.kind == "f"
    ]
    if len(special) == len(arrays):
        with np.errstate(all="ignore"):
            for y, z in zip(program(*special), program.simplified()(*special), strict=True):
                np.testing.assert_array_equal(z, y)


def test_gradients_of_a_masked_network_lose_their_inner_masks() -> None:
    rng = np.random.default_rng(1)
    w1, w2, x = rng.normal(size=(5, 8)), rng.normal(size=(8, 2)), rng.normal(size=(16, 5))

    def f(w1: Tensor, w2: Tensor, x: Tensor) -> tuple[Tensor, ...]:
        with gt.GradientTape() as tape:
            y = gt.mean(gt.exp(gt.relu(gt.sin(gt.relu(x @ w1)))) @ w2)
        return tuple(tape.gradient(y, [w1, w2]))

    program = program_of(f, w1, w2, x)
    simple = program.simplified()
    assert names(simple).count("where") < names(program).count("where")
    for y, z in zip(program(w1, w2, x), simple(w1, w2, x), strict=True):
        np.testing.assert_allclose(z, y, rtol=1e-12)


def test_constants_are_folded() -> None:
    program = program_of(lambda x, c: x * gt.exp(gt.sin(c)), V, X[0])
    held = Program(
        program.inputs[:1], program.steps, program.outputs, {program.inputs[1]: X[0]}, several=True, name="held"
    )
    assert names(held.simplified()) == ["multiply"]
    np.testing.assert_array_equal(held.simplified()(V)[0], program(V, X[0])[0])


def test_time_is_linear() -> None:
    """Work per step, counted by calls of the forward pass, does not grow with the length."""
    from gradtape.program.simplify import forward_pass

    def chain(n: int) -> Callable[[Tensor], Tensor]:
        def f(x: Tensor) -> Tensor:
            for _ in range(n):
                x = gt.sin(x) * 1.0 + 0.0
            return x

        return f

    counts = []
    take = forward_pass.Pass.take
    for n in (50, 200):
        calls = [0]

        def counting(self: Any, step: Any, calls: list[int] = calls) -> Any:
            calls[0] += 1
            return take(self, step)

        forward_pass.Pass.take = counting  # type: ignore[method-assign]
        try:
            program = program_of(chain(n), V)
            assert len(program.simplified()) == n
        finally:
            forward_pass.Pass.take = take  # type: ignore[method-assign]
        counts.append(calls[0] / n)
    assert counts[1] <= counts[0] * 1.01


def test_guards_survive() -> None:
    def f(x: Tensor) -> Tensor:
        y = gt.sum(x) * 1.0
        return gt.sin(y) if y > 0 else gt.cos(y)

    program = program_of(f, V)
    simple = program.simplified()
    assert len(simple.guards) == 1
    assert simple(V) == program(V)
    with pytest.raises(gt.GuardError, match="another way"):
        simple(-V)


def test_reductions_are_left_alone() -> None:
    program = program_of(lambda x: reductions.sum(x, axis=0, keepdims=False), X)
    assert names(program.simplified()) == ["sum"]
