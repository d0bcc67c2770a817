"""gt.function against the plain function: arguments that are told apart, results, errors, and Python's numbers."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import gradtape as gt
from gradtape import trees


def alike(found: Any, expected: Any) -> None:
    for f, e in zip(trees.flatten(found)[0], trees.flatten(expected)[0], strict=True):
        f, e = np.asarray(f), np.asarray(e)
        assert f.dtype == e.dtype
        assert f.shape == e.shape
        np.testing.assert_allclose(f, e, rtol=1e-6 if f.dtype == np.float32 else 1e-13)


LARGE = [np.ones(2000), np.ones(2000)]
LARGE[1][1000] = 100.0


@pytest.mark.parametrize(
    "values",
    [[(1,), (1.0,), (True,)], [0.0, -0.0], [(LARGE[0],), (LARGE[1],)], [slice(0, 1), slice(0, 2)], [[1.0], [2.0]]],
)
def test_static_arguments_are_told_apart(values: list[Any]) -> None:
    def f(x: Any, by: Any) -> Any:
        if isinstance(by, slice):
            return x[by]
        if isinstance(by, float):
            return gt.copysign(x, by)
        return gt.sum(x[:1] * by[0])

    compiled = gt.function(f, static=["by"])
    for _ in range(2):
        for by in values:
            alike(compiled(gt.asarray([3, 4]), by), f(gt.asarray([3, 4]), by))


def test_static_arguments_that_change_are_looked_at_again() -> None:
    def f(x: Any, by: Any) -> Any:
        return x * by[0] if x > 0 else x * by[0] - 1.0

    compiled = gt.function(f, static=["by"])
    for by in ([2.0], np.array([2.0])):
        assert float(compiled(gt.asarray(1.0), by)) == 2.0
        by[0] = 5.0
        assert float(compiled(gt.asarray(1.0), by)) == 5.0
        # A path that is recorded later, for the value from before.
        assert float(compiled(gt.asarray(-1.0), type(by)([2.0]) if type(by) is list else np.array([2.0]))) == -3.0


def test_the_order_of_dicts_and_keywords_is_part_of_the_kind() -> None:
    @gt.function
    def digits(one: dict[str, Any], **more: Any) -> Any:
        total = 0.0
        for v in (*one.values(), *more.values()):
            total = 10.0 * total + v
        return gt.asarray(total)

    assert float(digits({"a": 1.0, "b": 2.0}, c=3.0, d=4.0)) == 1234.0
    assert float(digits({"b": 2.0, "a": 1.0}, c=3.0, d=4.0)) == 2134.0
    assert float(digits({"a": 1.0, "b": 2.0}, d=4.0, c=3.0)) == 1243.0
    assert float(digits({"a": 5.0, "b": 6.0}, c=7.0, d=8.0)) == 5678.0


def test_objects_among_the_results_are_made_at_every_call() -> None:
    class Holder:
        def __init__(self, x: Any) -> None:
            self.x = x

    held = gt.function(lambda x: (Holder(x), x))
    numbers = gt.function(lambda x: (x * i for i in range(3)))
    closure = gt.function(lambda x: lambda: 2.0 * x)
    for value in (1.0, 2.0, 3.0):
        assert float(held(gt.asarray(value))[0].x) == value
        assert [float(y) for y in numbers(gt.asarray(value))] == [0.0, value, 2.0 * value]
        assert float(closure(gt.asarray(value))()) == 2.0 * value
    assert "only Python can make again" in held.report()
    # What came as an argument, or is a Variable, may be given back.
    given, v = Holder(None), gt.Variable(1.0)
    back = gt.function(lambda x, o: (x, o, v))
    assert back(1.0, given)[1:] == back(1.0, given)[1:] == (given, v)
    assert len(next(iter(back.kinds.values())).paths) == 1


def test_errors_that_python_catches() -> None:
    def factor(a: Any) -> Any:
        try:
            return gt.linalg.cholesky(a)
        except np.linalg.LinAlgError:
            return 0.0 * a

    def entry(x: Any, i: Any) -> Any:
        try:
            return gt.take(x, i)
        except IndexError:
            return -x[0]

    good, bad, x = gt.asarray(np.eye(2)), gt.asarray(-np.eye(2)), gt.asarray([1.0, 2.0])
    for order in ((good, bad, good, bad), (bad, good, bad, good)):
        compiled = gt.function(factor)
        for a in order:
            alike(compiled(a), factor(a))
    for places in ((1, 5, 0, 7, 1), (5, 1, 7, 0)):
        compiled = gt.function(entry)
        for i in places:
            alike(compiled(x, gt.asarray(i)), entry(x, gt.asarray(i)))


def test_errors_of_later_calls_tell_the_line() -> None:
    compiled = gt.function(lambda a: gt.linalg.cholesky(a))
    compiled(gt.asarray(np.eye(2)))
    with pytest.raises(np.linalg.LinAlgError, match=r"at test_function_arguments\.py"):
        compiled(gt.asarray(-np.eye(2)))


F = np.ones(3, np.float32)
NUMBERS: dict[str, Callable[[Any, Any], Any]] = {
    "asarray": lambda x, s: gt.asarray(s) * x,
    "positive": lambda x, s: (+s) * x,
    "dot": gt.dot,
    "quantile": lambda x, s: gt.quantile(x, s / 10),
    "percentile": lambda x, s: gt.percentile(x, s),
    "gradient": lambda x, s: gt.gradient(x, s),
    "select": lambda x, s: gt.select([x > 2], [s], x),
    "linspace": lambda x, s: gt.linspace(x[0], s, 3),
    "reshape": lambda x, s: gt.reshape(s, (1,)) * x,
    "fori_loop": lambda x, s: gt.fori_loop(0, 3, lambda i, c: (c[0] * 2.0, c[1] * c[0]), (s, x)),
    "while_loop": lambda x, s: gt.while_loop(lambda c: c[0] < 20, lambda c: (c[0] * 2.0, c[1] * c[0]), (s, x)),
    "scan": lambda x, s: gt.scan(lambda c, a: (c * a, c), s, x),
    "cond": lambda x, s: gt.cond(x[0] > 0, lambda a, b: a * b, lambda a, b: a + b, x, s),
    "cond result": lambda x, s: gt.cond(x[0] > 0, lambda: s * x[0], lambda: x[0]),
    "round": lambda x, s: round(s) * x + round(s, 1) + math.floor(s) + math.ceil(s) + math.trunc(s),
}


@pytest.mark.parametrize("name", NUMBERS)
def test_python_s_numbers_are_as_weak_as_they_are_to_python(name: str) -> None:
    f = NUMBERS[name]
    compiled = gt.function(f)
    for s in (2.5, 3.5, 2.5, 1.25):
        alike(compiled(gt.asarray(F), s), f(gt.asarray(F), s))


def test_python_s_numbers_stay_weak_when_no_more_paths_are_recorded() -> None:
    compiled = gt.function(lambda x, s: x * s + float(s), max_paths=1)
    assert compiled(gt.asarray(F), 0.5).dtype == np.float32
    with pytest.warns(gt.GradtapeWarning, match="plain Python"):
        assert compiled(gt.asarray(F), 1.5).dtype == np.float32
    alike(compiled(gt.asarray(F), 2.5), 5.0 * F)


def test_rounding_by_python() -> None:
    x = gt.asarray(2.567)
    assert (round(x), math.trunc(x), math.floor(-x), math.ceil(x)) == (3, 2, -3, 3)
    assert type(round(gt.Variable(2.7))) is int
    alike(round(gt.asarray([1.26, 2.5]), 1), np.array([1.3, 2.5]))


@pytest.mark.parametrize("wrapped", [lambda f: f, gt.function])
def test_loops_of_no_turns_have_results(wrapped: Any) -> None:
    nothing = gt.asarray(np.zeros((0, 3), np.float32))
    last, ys = wrapped(lambda xs: gt.scan(lambda c, x: (c + x[0], {"a": c * x, "b": None}), 0.0, xs))(nothing)
    alike(last, np.float32(0.0))
    alike(ys, {"a": np.zeros((0, 3), np.float32), "b": None})
    alike(wrapped(lambda xs: gt.map(lambda x: 2 * x.sum(), xs))(nothing), np.zeros(0, np.float32))
    alike(wrapped(lambda x: gt.fori_loop(3, 3, lambda i, c: c * i, x))(2.0), np.float64(2.0))
    assert float(gt.grad(lambda a: gt.scan(lambda c, x: (c * a, x), a, nothing)[0])(2.0)) == 1.0


def test_arguments_are_checked_at_every_call() -> None:
    from gradtape.compat import tensorflow as tf

    x = gt.asarray([1.0, 2.0, 4.0])
    cases: list[tuple[Any, Any, Any, type[Exception]]] = [
        (lambda q: gt.quantile(x, q), 0.5, 1.5, ValueError),
        (lambda q: gt.nanquantile(x, q), 0.5, -0.5, ValueError),
        (lambda q: gt.percentile(x, q), 50.0, 200.0, ValueError),
        (lambda i: gt.choose(i, [x, x]), gt.asarray([0, 1, 0]), gt.asarray([0, 2, 0]), IndexError),
        (lambda i: gt.bincount(i, x), gt.asarray([0, 1, 0]), gt.asarray([0, -1, 0]), gt.DtypeError),
        (lambda i: x[i], gt.asarray(1), gt.asarray(3), IndexError),
        (lambda y: tf.debugging.check_numerics(y, "y"), x, math.inf * x, tf.errors.InvalidArgumentError),
    ]
    for f, good, bad, error in cases:
        compiled = gt.function(f)
        for _ in range(2):
            alike(compiled(good), f(good))
            with pytest.raises(error):
                compiled(bad)


SIZED: dict[str, Callable[[Any], Any]] = {
    "mean of a mask": lambda x: gt.mean(x[x > 0] * x[x > 0]),
    "length of a mask": lambda x: x * len(x[x > 0]),
    "unique": lambda x: gt.sum(x) * len(gt.unique(x)),
    "counts": lambda x: x * gt.unique_counts(x).counts.size,
    "nonzero": lambda x: x * gt.nonzero(x)[0].size,
    "argwhere": lambda x: x * len(gt.argwhere(x > 0)),
    "flatnonzero": lambda x: x * gt.flatnonzero(x).size,
    "compress": lambda x: gt.mean(gt.compress(x > 0, x) ** 2) * x,
    "bincount": lambda x: x * gt.bincount(gt.astype(gt.abs(x), gt.int64)).size,
    "setdiff1d": lambda x: x * gt.setdiff1d(x, [1.0]).size,
}


@pytest.mark.parametrize("name", SIZED)
def test_shapes_that_values_decide_are_guards(name: str) -> None:
    f = SIZED[name]
    compiled = gt.function(f)
    for values in ([1.0, -2.0, 3.0], [1.0, 1.0, 4.0], [0.0, 0.0, 2.0], [1.0, -2.0, 3.0]):
        x = gt.asarray(values)
        alike(compiled(x), f(x))
        alike(gt.grad(lambda x: gt.sum(compiled(x)))(x), gt.grad(lambda x: gt.sum(f(x)))(x))


def test_a_program_says_so_where_a_shape_would_be_another() -> None:
    x = gt.asarray([1.0, -2.0, 3.0])
    with gt.GradientTape() as tape:
        tape.watch(x)
        g = tape.gradient(gt.mean(x[x > 0] ** 2), x)
    program = tape.program(x, g)
    alike(program([2.0, -1.0, 4.0]), np.array([2.0, 0.0, 4.0]))
    with pytest.raises(gt.GuardError, match="as long as it says"):
        program([1.0, 2.0, 3.0])


def test_the_sign_of_a_zero_that_left_the_record_is_a_guard() -> None:
    for f in (lambda x: x + math.copysign(1.0, float(x[0])), lambda x: x + np.copysign(1.0, x.numpy())):
        compiled = gt.function(f)
        for zero in (0.0, -0.0, 0.0):
            alike(compiled(gt.asarray([zero, 1.0])), f(gt.asarray([zero, 1.0])))


class Plain:
    def __init__(self, k: float) -> None:
        self.k = k

    @gt.function
    def times(self, x: Any) -> Any:
        return x * self.k


class Equal(Plain):
    def __eq__(self, other: object) -> bool:
        return isinstance(other, Equal)

    def __hash__(self) -> int:
        return 1


class Unhashable(Plain):
    __hash__ = None  # type: ignore[assignment]

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Unhashable)


class Slotted:
    __slots__ = ("k",)
    __init__ = Plain.__init__  # type: ignore[assignment]
    times = Plain.times


@pytest.mark.parametrize("kind", [Plain, Equal, Unhashable, Slotted])
def test_methods_go_by_the_identity_of_their_object(kind: Any) -> None:
    one, two = kind(2.0), kind(3.0)
    for _ in range(2):
        assert float(one.times(gt.asarray(1.0))) == 2.0
        assert float(two.times(gt.asarray(1.0))) == 3.0
    # An object that only the call holds.
    assert float(kind(4.0).times(gt.asarray(1.0))) == 4.0
    held = kind(5.0).times
    assert float(held(gt.asarray(1.0))) == 5.0
    assert "1 path" in repr(held)
