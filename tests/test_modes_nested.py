"""Every nesting of reverse, forward, Taylor and batch mode, three deep, gives one derivative, and the right one.

A *word* says which modes are nested, the innermost first.  R, F and T make of a function its derivative along one
direction; B makes of it one example of its own batch, and no derivative.  The programs are random; the truth comes
from hyper-dual numbers (``tests.hyperdual``), which share no code with gradtape.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import mpmath
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import gradtape as gt
from tests import hyperdual

F = Callable[[Any], Any]
N = 3
WORDS = ["".join(w) for n in (1, 2, 3) for w in itertools.product("RFTB", repeat=n)]
#: Constants of the programs.
C = np.random.default_rng(7).uniform(-1.0, 1.0, (4, N, N))
RELATIVE = 1e-9

# -- random programs -------------------------------------------------------------------------------------------------

# Each operation takes vectors of length N, and gives one; no composition of them grows much.  ``xp`` is gradtape or
# the hyper-dual numbers.  A where chooses by value, so that its condition is one of the guards that never happen.


def _outer(xp: Any, a: Any, b: Any) -> Any:
    return xp.reshape(a, (N, 1)) * xp.reshape(b, (1, N))


def _solved(xp: Any, a: Any, b: Any) -> Any:
    return xp.inv(0.3 * _outer(xp, xp.sin(a), xp.cos(b)) + (C[1] + 4.0 * np.eye(N))) @ b


UNARY: dict[str, Callable[[Any, Any], Any]] = {
    "sin": lambda xp, a: xp.sin(1.3 * a),
    "cos": lambda xp, a: xp.cos(a) - 0.2,
    "tanh": lambda xp, a: xp.tanh(a) + 0.5,
    "arctan": lambda xp, a: xp.arctan(2.0 * a),
    "exp": lambda xp, a: xp.exp(-a * a),
    "log": lambda xp, a: xp.log(a * a + 1.0),
    "sqrt": lambda xp, a: xp.sqrt(a * a + 0.5),
    "quotient": lambda xp, a: a / (a * a + 1.0),
    "reciprocal": lambda xp, a: 1.0 / (xp.cos(a) + 2.0),
    "matmul": lambda xp, a: C[0] @ a,
    "quadratic": lambda xp, a: xp.tanh(_outer(xp, a, a)) @ a,
    "matrix": lambda xp, a: xp.sum(xp.sin(_outer(xp, a, a[::-1]) + C[2]), axis=0),
    "norm": lambda xp, a: a / xp.sqrt(xp.sum(a * a) + 1.0),
    "softmax": lambda xp, a: xp.exp(xp.sin(a)) / xp.sum(xp.exp(xp.sin(a))),
    "index": lambda xp, a: xp.stack([a[2], a[0] * a[1], a[1]]),
    "gather": lambda xp, a: a[np.array([1, 1, 0])],
    "slice": lambda xp, a: xp.concat([a[1:], xp.sin(a[:1])]),
    "cumsum": lambda xp, a: 0.5 * xp.cumulative_sum(a, axis=0),
    "reshape": lambda xp, a: xp.sum(xp.reshape(xp.concat([a, xp.cos(a)]), (2, N)) * C[3][:2], axis=0),
    "where": lambda xp, a: xp.where(a > 0.1, xp.sin(a), a * a),
}
BINARY: dict[str, Callable[[Any, Any, Any], Any]] = {
    "add": lambda xp, a, b: a + b,
    "subtract": lambda xp, a, b: a - 0.5 * b,
    "multiply": lambda xp, a, b: a * xp.tanh(b),
    "divide": lambda xp, a, b: a / (b * b + 1.0),
    "product": lambda xp, a, b: (xp.sin(a) @ b) * xp.cos(a),
    "solve": _solved,
    "choose": lambda xp, a, b: xp.where(a > b, a, xp.sin(b)),
}
OPERATIONS: list[tuple[str, Callable[..., Any]]] = [*UNARY.items(), *BINARY.items()]


class Program(NamedTuple):
    """What to do, with which of the values made so far, counted from the last."""

    steps: tuple[tuple[int, int, int], ...]
    x: tuple[float, ...]
    styles: int

    def run(self, xp: Any, x: Any) -> Any:
        values = [x]
        for operation, i, j in self.steps:
            name, op = OPERATIONS[operation]
            a, b = values[-1 - i % len(values)], values[-1 - j % len(values)]
            values.append(op(xp, a, b) if name in BINARY else op(xp, a))
        return xp.sum(values[-1] * np.array([1.0, -0.7, 0.4]) + 0.1 * values[len(values) // 2])

    def __str__(self) -> str:
        return " ".join(f"{OPERATIONS[k][0]}({i},{j})" for k, i, j in self.steps) + f" at {self.x}, {self.styles}"


def programs(longest: int) -> st.SearchStrategy[Program]:
    step = st.tuples(st.integers(0, len(OPERATIONS) - 1), st.integers(0, 2), st.integers(0, 3))
    point = st.integers(-16, 16).map(lambda k: k / 16 + 0.03125)
    return st.builds(
        Program,
        st.lists(step, min_size=5, max_size=longest).map(tuple),
        st.tuples(*[point] * N),
        st.integers(0, 2**16 - 1),
    )


class _Gradtape:
    """gradtape by the names that the programs use."""

    inv = staticmethod(gt.linalg.inv)

    def __getattr__(self, name: str) -> Any:
        return getattr(gt, name)


OURS = _Gradtape()

# -- the modes, each in several spellings ----------------------------------------------------------------------------


def _tape(f: F, x: Any) -> tuple[gt.GradientTape, Any, Any]:
    x = gt.asarray(x) if not isinstance(x, gt.Tensor) else gt.positive(x)
    with gt.GradientTape() as tape:
        y = f(x)
    return tape, x, y


def by_tape(f: F, v: Any) -> F:
    def g(x: Any) -> Any:
        tape, x, y = _tape(f, x)
        return gt.sum(tape.gradient(y, x, unconnected_gradients="zero") * v)

    return g


def by_tape_forward(f: F, v: Any) -> F:
    def g(x: Any) -> Any:
        tape, x, y = _tape(f, x)
        return tape.jvp(y, x, v, unconnected_gradients="zero")

    return g


def by_tape_taylor(f: F, v: Any) -> F:
    def g(x: Any) -> Any:
        tape, t, y = _tape(lambda t: f(x + t * v), 0.0)
        return tape.derivative(y, t, 1, unconnected_gradients="zero")

    return g


def by_accumulator(f: F, v: Any) -> F:
    def g(x: Any) -> Any:
        x = gt.positive(x)
        with gt.ForwardAccumulator(x, v) as accumulator:
            y = f(x)
        return accumulator.jvp(y, unconnected_gradients="zero")

    return g


def by_variable(f: F, v: Any) -> F:
    def g(x: Any) -> Any:
        t = gt.Variable(0.0)
        with gt.GradientTape() as tape:
            y = f(x + t * v)
        return tape.gradient(y, t, unconnected_gradients="zero")

    return g


def batched(f: F, place: int) -> F:
    """One example of a batch: the other ones are somewhere else."""
    shifts = np.array([[0.3], [-0.2]]) * np.ones(N)
    shifts[place] = 0.0
    return lambda x: gt.vmap(f)(x + shifts)[place]


def batched_over_weights(f: F) -> F:
    """A batch of which f's argument is a part that is shared."""
    return lambda x: gt.vmap(lambda x, w: f(x) * w, in_axes=(None, 0), out_axes=0)(x, np.array([2.0, 1.0]))[1]


SPELLINGS: dict[str, list[Callable[[F, Any], F]]] = {
    "R": [
        lambda f, v: lambda x: gt.sum(gt.grad(f)(x) * v),
        lambda f, v: lambda x: gt.sum(gt.vjp(f, x)[1](1.0)[0] * v),
        by_tape,
        by_variable,
    ],
    "F": [
        lambda f, v: lambda x: gt.jvp(f, (x,), (v,))[1],
        by_accumulator,
        by_tape_forward,
        lambda f, v: lambda x: gt.jacfwd(lambda t: f(x + t * v))(0.0),
    ],
    "T": [
        lambda f, v: lambda x: gt.jet(f, (x,), ([v],))[1][0],
        lambda f, v: lambda x: gt.derivative(lambda t: f(x + t * v))(0.0),
        by_tape_taylor,
        lambda f, v: lambda x: gt.jet(f, (x,), ([v, np.ones(N), np.ones(N)],))[1][0],
    ],
    "B": [
        lambda f, v: batched(f, 1),
        lambda f, v: batched(f, 0),
        lambda f, v: batched_over_weights(f),
        lambda f, v: lambda x: gt.vmap(f, in_axes=1)(gt.stack([x, x * 0.5], axis=1))[0],
    ],
}


def nested(f: F, word: str, directions: Sequence[Any], styles: int) -> F:
    """The derivative of ``f`` by the modes of ``word``, the first letter innermost."""
    left = iter(directions)
    for k, mode in enumerate(word):
        spelling = SPELLINGS[mode][(styles >> 2 * k) % 4]
        f = spelling(f, None if mode == "B" else next(left))
    return f


def disagreements(program: Program, words: Sequence[str] = WORDS) -> list[str]:
    """The words whose derivative is not the truth."""
    directions = np.random.default_rng(program.styles).uniform(0.4, 1.0, (3, N)) * [1.0, -1.0, 1.0]
    truth = program.run(hyperdual, hyperdual.along(np.array(program.x), directions)).parts
    size = float(np.max(np.abs(truth)))
    wrong: list[str] = []
    for k, word in enumerate(words):
        order = len(word.replace("B", ""))
        right = truth[(1 << order) - 1]
        found = nested(lambda x: program.run(OURS, x), word, directions, program.styles + 37 * k)(gt.asarray(program.x))
        # What cancels in a sum of terms is as large as the largest derivative.
        if found.shape != () or not abs(float(found) - right) <= RELATIVE * max(abs(right), 1e-3 * size):
            wrong.append(f"{word}: {found!r}, not {right!r}")
    return wrong


@settings(max_examples=8, deadline=None, derandomize=True, database=None)
@given(programs(8))
def test_all_nestings_agree_with_hyper_dual_numbers(program: Program) -> None:
    assert not disagreements(program), str(program)


@pytest.mark.slow
@settings(max_examples=150, deadline=None, derandomize=True, database=None)
@given(programs(12))
def test_all_nestings_of_long_programs_agree_with_hyper_dual_numbers(program: Program) -> None:
    assert not disagreements(program), str(program)


@settings(max_examples=4, deadline=None, derandomize=True, database=None)
@given(programs(8), st.sampled_from([1, 7, 30]))
def test_nestings_with_forward_mode_agree_whatever_the_stretch(program: Program, stretch: int) -> None:
    words = [w for w in WORDS if "F" in w and len(w) > 1][program.styles % 3 :: 3]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("gradtape.sweeps.accumulator.STRETCH_ENTRIES", stretch)
        assert not disagreements(program, words), f"{program}, {stretch}"


@pytest.mark.parametrize("operation", range(len(OPERATIONS)), ids=[name for name, _ in OPERATIONS])
def test_each_operation_in_some_nestings(operation: int) -> None:
    """So that an operation that random programs happen to leave out is tried all the same."""
    program = Program(((0, 0, 0), (operation, 0, 1), (2, 0, 0)), (0.2, -0.55, 0.8), operation)
    assert not disagreements(program, WORDS[operation % 5 :: 5]), str(program)


@pytest.mark.parametrize("order", [1, 2, 3, 4])
def test_a_batch_of_derivatives_of_a_power_where_one_base_is_zero(order: int) -> None:
    x = np.array([-1.5, 0.0, 2.0])
    found = gt.vmap(gt.derivative(lambda x: x**3 + 0.5 * x, order))(x)
    expected = [3 * x**2 + 0.5, 6 * x, np.full(3, 6.0), np.zeros(3)][order - 1]
    np.testing.assert_allclose(found.numpy(), expected, rtol=1e-14, atol=0)


# -- the truth is true -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("word", [w for w in WORDS if len(w) == 3])
def test_nestings_of_a_closed_form_agree_with_mpmath(word: str) -> None:
    order = len(word.replace("B", ""))
    v = np.array([1.0, -0.5, 0.25])
    f = lambda x: gt.sin(gt.exp(gt.tanh(x @ C[0][0]))) * x[0] ** 2  # noqa: E731
    start, slope = 0.4 * C[0][0].sum(), float(v @ C[0][0])

    def line(t: Any) -> Any:
        return mpmath.sin(mpmath.exp(mpmath.tanh(mpmath.mpf(start) + t * slope))) * (mpmath.mpf(0.4) + t) ** 2

    with mpmath.workdps(40):
        truth = float(mpmath.diff(line, 0, order))
    for styles in range(4):
        found = nested(f, word, [v] * 3, styles * 21)(gt.asarray(np.full(N, 0.4)))
        assert float(found) == pytest.approx(truth, rel=1e-10), styles


@pytest.mark.parametrize("name", [n for n, _ in OPERATIONS])
def test_hyper_dual_operations_have_the_slopes_of_their_values(name: str) -> None:
    """Central differences of a value that gradtape did not compute: enough to tell a wrong formula."""
    rng = np.random.default_rng(1)
    op = dict(OPERATIONS)[name]
    xs, vs = rng.uniform(0.2, 0.9, (2, N)), rng.uniform(0.4, 1.0, (2, N))
    n = 2 if name in BINARY else 1

    def at(t: float) -> Any:
        return op(hyperdual, *[hyperdual.constant(x + t * v) for x, v in zip(xs[:n], vs, strict=False)]).value

    found = op(hyperdual, *[hyperdual.along(x, [v]) for x, v in zip(xs[:n], vs, strict=False)]).parts[1]
    np.testing.assert_allclose(found, (at(1e-5) - at(-1e-5)) / 2e-5, rtol=1e-7, atol=1e-9)


@pytest.mark.parametrize("name", ["sin", "cos", "exp", "log", "sqrt", "reciprocal", "tanh", "arctan"])
def test_hyper_dual_functions_have_mpmaths_derivatives(name: str) -> None:
    theirs = {"arctan": mpmath.atan, "reciprocal": lambda x: 1 / x}.get(name) or getattr(mpmath, name)
    found = getattr(hyperdual, name)(hyperdual.along(0.7, [1.0, 1.0, 1.0])).parts
    with mpmath.workdps(30):
        exact = [float(mpmath.diff(theirs, mpmath.mpf(0.7), k)) for k in range(4)]
    assert [found[0], found[1], found[3], found[7]] == pytest.approx(exact, rel=1e-12)


def test_hyper_dual_inverse() -> None:
    rng = np.random.default_rng(2)
    a, vs = rng.normal(size=(N, N)) + 3 * np.eye(N), rng.normal(size=(3, N, N))
    product = (hyperdual.inv(hyperdual.along(a, vs)) @ hyperdual.along(a, vs)).parts
    np.testing.assert_allclose(product[0], np.eye(N), atol=1e-12)
    np.testing.assert_allclose(product[1:], 0.0, atol=1e-12)
