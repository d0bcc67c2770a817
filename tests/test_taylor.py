"""Taylor mode against mpmath, its cost, long programs and high orders, and what is built on it."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from typing import Any

import mpmath
import numpy as np
import pytest

import gradtape as gt
from gradtape.errors import GradtapeError
from gradtape.rules.primitive import registry
from gradtape.sweeps.series import Series
from gradtape.sweeps.taylor import Taylor
from gradtape.testing.cases import domain_of
from tests import oracles

ORDER = 12


def truth(f: Callable[[Any], Any], x: float, order: int = ORDER) -> list[float]:
    """The derivatives 1 .. order, from numbers of 50 digits (mpmath takes more where its differences need them)."""
    with mpmath.workdps(50):
        coefficients = mpmath.taylor(f, mpmath.mpf(x), order)
        return [float(mpmath.re(c * mpmath.factorial(k))) for k, c in enumerate(coefficients)][1:]


def jets_of(f: Callable[[Any], Any], x: float, order: int = ORDER) -> list[float]:
    series = [1.0] + [0.0] * (order - 1)
    return [float(d) for d in gt.jet(f, (x,), (series,))[1]]


def close(found: list[float], exact: list[float], rtol: float = 1e-10) -> None:
    """To ``rtol``; where a derivative is small by cancellation, relative to what the lower orders would make of it."""
    for k, (a, b) in enumerate(zip(found, exact, strict=True), start=1):
        usual = max(abs(e) * math.factorial(k) / math.factorial(j) for j, e in enumerate(exact[:k], start=1))
        assert abs(a - b) <= rtol * abs(b) + 1e-14 * usual, f"derivative {k}: {a!r}, right is {b!r}"


SCALARS = [
    name for name in oracles.SCALARS if name in registry and registry[name].arity == 1 and not registry[name].params
]


@pytest.mark.parametrize("name", SCALARS)
def test_derivatives_to_order_12_agree_with_mpmath(name: str) -> None:
    low, high = domain_of(registry[name], 0)
    low, high = max(low, -5.0), min(high, 5.0)
    for part in (0.3, 0.77):
        x = low + part * (high - low)
        close(jets_of(registry[name].op, x), truth(oracles.SCALARS[name], x))


@pytest.mark.parametrize(
    ("name", "n", "f"),
    [("sinx_over_x", n, lambda x: mpmath.sin(x) / x) for n in (0, 2)]
    + [("expm1_over_x", n, lambda x: mpmath.expm1(x) / x) for n in (0, 2)]
    + [("log1p_over_x", n, lambda x: mpmath.log1p(x) / x) for n in (0, 2)],
)
def test_quotients_near_their_hole(name: str, n: int, f: Any) -> None:
    x = 0.125
    exact = truth(f, x, ORDER + n)[n:]
    close(jets_of(lambda x: registry[name].op(x, n=n), x), exact)


def mp_program(x: Any) -> Any:
    return mpmath.sin(mpmath.exp(mpmath.tanh(x))) * x**2


def program(x: Any) -> Any:
    return gt.sin(gt.exp(gt.tanh(x))) * x**2


@pytest.mark.parametrize("x", [0.3, -1.25, 2.0])
def test_composition(x: float) -> None:
    exact = truth(mp_program, x)
    close(jets_of(program, x), exact)
    for k in (1, 5, 12):
        assert float(gt.derivative(program, k)(x)) == pytest.approx(exact[k - 1], rel=1e-10)


def weights(seed: int = 3) -> list[tuple[Any, Any]]:
    rng = np.random.default_rng(seed)
    sizes = [1, 4, 5, 1]
    return [(rng.normal(size=(m, n)) * 0.7, rng.normal(size=m) * 0.5) for n, m in itertools.pairwise(sizes)]


def test_network() -> None:
    layers = weights()

    def net(x: Any) -> Any:
        h = gt.reshape(x, (1,))
        for i, (w, b) in enumerate(layers):
            h = w @ h + b
            h = gt.tanh(h) if i < len(layers) - 1 else h
        return h[0]

    def mp_net(x: Any) -> Any:
        h = [x]
        for i, (w, b) in enumerate(layers):
            h = [mpmath.fsum(mpmath.mpf(w[r, c]) * h[c] for c in range(len(h))) + b[r] for r in range(len(b))]
            h = [mpmath.tanh(v) for v in h] if i < len(layers) - 1 else h
        return h[0]

    close(jets_of(net, 0.4), truth(mp_net, 0.4))


# -- cost -----------------------------------------------------------------------------------------------------


def operations(f: Callable[[Any], Any], order: int) -> int:
    """How many operations a derivative carries out: while somebody records, each is an entry."""
    with gt.GradientTape() as tape:
        gt.derivative(f, order)(0.3)
    return tape.stats()["entries"]


def deep(x: Any) -> Any:
    for layer in range(3):
        x = gt.tanh(0.7 * x + 0.1 * layer)
    return x


@pytest.mark.parametrize(
    "f",
    [program, deep, gt.exp, gt.tan, gt.softplus, lambda x: 1 / x, gt.sqrt, gt.log, lambda x: x**2.5, lambda x: 2.0**x],
)
def test_cost_grows_quadratically(f: Any) -> None:
    counts = [operations(f, k) for k in (8, 16, 32)]
    for low, high in itertools.pairwise(counts):
        assert high <= 4.25 * low, f"operations at orders 8, 16, 32: {counts}"


# -- long programs and high orders ------------------------------------------------------------------------------


def test_long_program() -> None:
    def f(x: Any) -> Any:
        for _ in range(10_000):
            x = x * 1.0001 + 1e-5
        return x * x

    rate = 1.0001**10_000
    (one, two, three) = gt.jet(f, (1.0,), ([1.0, 0.0, 0.0],))[1]
    assert float(two) == pytest.approx(2 * rate**2, rel=1e-9)
    assert float(three) == 0.0
    assert float(one) == pytest.approx(float(gt.grad(f)(1.0)), rel=1e-12)


def test_long_rule_is_no_deep_recursion() -> None:
    @gt.custom_gradient
    def same(x: Any) -> Any:
        def rule(ct: Any) -> Any:
            for _ in range(3000):
                ct = ct * 1.0
            return ct * 2.0 * x

        return x * x, rule

    found = [float(d) for d in gt.jet(same, (1.5,), ([1.0, 0.0, 0.0, 0.0],))[1]]
    assert found == pytest.approx([3.0, 2.0, 0.0, 0.0])


@pytest.mark.parametrize("order", [30, 60, 100])
def test_high_order(order: int) -> None:
    assert float(gt.derivative(gt.exp, order)(0.5)) == pytest.approx(math.exp(0.5), rel=1e-11)
    assert float(gt.derivative(lambda x: 1 / (1 - x), order)(0.0)) == pytest.approx(float(math.factorial(order)))
    assert float(gt.derivative(gt.sin, order)(0.5)) == pytest.approx(math.sin(0.5 + order * math.pi / 2), rel=1e-9)


def test_order_beyond_the_largest_factorial() -> None:
    assert float(gt.derivative(lambda x: gt.exp(x * 0.25), 180)(0.0)) == pytest.approx(0.25**180, rel=1e-8, abs=0)
    assert float(gt.derivative(gt.exp, 40)(np.float32(0.5))) == pytest.approx(math.exp(0.5), rel=1e-4)
    many = [0.0] * 180
    many[0] = 1.0
    assert all(np.isfinite(float(d)) for d in gt.jet(lambda x: gt.exp(x * 0.25), (0.0,), (many,))[1])


def test_float32_keeps_its_dtype() -> None:
    assert all(d.dtype == np.float32 for d in gt.jet(program, (np.float32(0.3),), ([np.float32(1), 0.0, 0.0],))[1])


# -- series in rules ----------------------------------------------------------------------------------------------


def test_series_act_like_arrays() -> None:
    reader = Taylor()
    m = np.array([[1.0, 2.0], [3.0, 5.0]])
    s = reader.series([m, np.eye(2)])
    other = np.array([[2.0, 0.5], [1.0, 4.0]])
    pairs: list[tuple[Any, Any, Any]] = [
        (s @ other, m @ other, other),
        (other @ s, other @ m, other),
        (s.T, m.T, np.eye(2)),
        (s.mT, m.mT, np.eye(2)),
        (s[0], m[0], np.eye(2)[0]),
        (s[:, [1, 0]], m[:, [1, 0]], np.eye(2)[:, [1, 0]]),
        (2.0**s, 2.0**m, 2.0**m * math.log(2) * np.eye(2)),
        (s**2, m**2, 2 * m * np.eye(2)),
        (1.0 - s, 1.0 - m, -np.eye(2)),
        (1.0 / s, 1.0 / m, -np.eye(2) / m**2),
        (abs(-s), m, np.eye(2)),
        (s % 2.0, m % 2.0, np.eye(2)),
        (7.0 % s, 7.0 % m, -(7.0 // m) * np.eye(2)),
        (+s, m, np.eye(2)),
        (s.astype(np.float32), m, np.eye(2)),
        (s.real, m, np.eye(2)),
        (s.conj(), m, np.eye(2)),
    ]
    for found, value, slope in pairs:
        assert isinstance(found, Series)
        np.testing.assert_allclose(found.term(0), value)
        np.testing.assert_allclose(found.term(1), slope, atol=1e-15)
    for found, right in [(s == 1.0, m == 1), (s != 1.0, m != 1), (s < 2.0, m < 2), (s <= 2.0, m <= 2)]:
        np.testing.assert_array_equal(found, right)
    assert len(s) == 2
    assert (s.shape, s.ndim, s.size, s.dtype) == ((2, 2), 2, 4, np.float64)
    assert s in {s}


# -- derivatives under a tape, and with trees -----------------------------------------------------------------------


def test_gradient_of_a_jet() -> None:
    x = gt.asarray(0.3)
    with gt.GradientTape() as tape:
        third = gt.derivative(program, 3)(x)
    assert float(tape.gradient(third, x)) == pytest.approx(truth(mp_program, 0.3, 4)[3], rel=1e-11)


def test_gradient_with_respect_to_the_series_given() -> None:
    """The first coefficient may be zero: it counts all the same."""
    v = gt.asarray(0.0)
    with gt.GradientTape() as tape:
        _, (one, two) = gt.jet(gt.exp, (0.5,), ([v, 0.0],))
        y = one + two
    assert float(tape.gradient(y, v)) == pytest.approx(math.exp(0.5))


def test_trees() -> None:
    y, (dy, ddy) = gt.jet(
        lambda p: {"y": p["a"] * p["b"]}, ({"a": 2.0, "b": 3.0},), ([{"a": 1.0, "b": 0.0}, {"a": 0.0, "b": 4.0}],)
    )
    assert (float(y["y"]), float(dy["y"]), float(ddy["y"])) == (6.0, 3.0, 8.0)


def test_what_does_not_depend_has_zero_derivatives() -> None:
    _, (one, two) = gt.jet(lambda x: gt.asarray(3.0), (1.0,), ([1.0, 0.0],))
    assert (float(one), float(two)) == (0.0, 0.0)
    _, (one, _) = gt.jet(lambda x: gt.floor(x) + x, (1.5,), ([1.0, 0.0],))
    assert float(one) == 1.0


# -- mixed partials and operators -------------------------------------------------------------------------------------


@pytest.mark.parametrize("orders", [(2, 0, 1), (1, 1, 1), (4, 2, 0), (0, 0, 3), (0, 0, 0), (3, 3, 3)])
def test_partial(orders: tuple[int, ...]) -> None:
    a = np.array([0.7, -0.4, 1.2])
    x = np.array([0.3, 0.5, -0.2])
    found = gt.partial(lambda x: gt.exp(gt.sum(a * x)), orders)(x)
    assert float(found) == pytest.approx(float(np.prod(a**orders) * np.exp(a @ x)), rel=1e-12)


def test_partial_of_several_arguments() -> None:
    x, y = np.array([0.5, 1.0]), np.array([2.0, 0.25])
    found = gt.partial(lambda x, y: gt.sin(x * y), (1, 2))(x, y)
    np.testing.assert_allclose(found.data, -2 * x * np.sin(x * y) - x**2 * y * np.cos(x * y), rtol=1e-12)
    mixed = gt.grad(lambda x: gt.partial(lambda x, y: gt.sin(x * y), (1, 2))(x, 2.0))(0.5)
    assert float(mixed) == pytest.approx(float(gt.partial(lambda x, y: gt.sin(x * y), (2, 2))(0.5, 2.0)), rel=1e-12)


@pytest.mark.parametrize(("orders", "args"), [((1, 1), (np.ones(3),)), ((1, 1), (1.0,)), ((1, -1), (1.0, 2.0))])
def test_partial_that_does_not_fit(orders: Any, args: Any) -> None:
    with pytest.raises(GradtapeError, match="partial"):
        gt.partial(lambda *xs: xs[0], orders)(*args)


@pytest.mark.parametrize("dimension", [1, 2, 3, 4, 5])
@pytest.mark.parametrize("p", [4, 6])
def test_operators_on_a_power_of_the_distance(dimension: int, p: int) -> None:
    x = np.linspace(0.5, 1.5, dimension)
    r, n = float(np.sqrt(x @ x)), dimension

    def f(x: Any) -> Any:
        return gt.sum(x * x) ** (p // 2)

    assert float(gt.laplacian(f)(x)) == pytest.approx(p * (p + n - 2) * r ** (p - 2), rel=1e-12)
    exact = p * (p - 2) * (p + n - 2) * (p + n - 4) * r ** (p - 4)
    assert float(gt.biharmonic(f)(x)) == pytest.approx(exact, rel=1e-10)


def test_laplacian_of_several_outputs_and_its_gradient() -> None:
    w = gt.asarray(0.7)
    x = np.array([0.3, -0.5])

    def f(x: Any) -> Any:
        return gt.stack([gt.exp(w * gt.sum(x)), gt.sum(x**3)])

    e = math.exp(0.7 * -0.2)
    with gt.GradientTape() as tape:
        lap = gt.laplacian(f)(x)
        total = gt.sum(lap)
    np.testing.assert_allclose(lap.data, [2 * 0.49 * e, 6 * -0.2], rtol=1e-13)
    assert float(tape.gradient(total, w)) == pytest.approx((4 * 0.7 + 2 * 0.49 * -0.2) * e, rel=1e-12)


def test_laplacian_is_the_trace_of_the_hessian() -> None:
    def f(x: Any, y: Any) -> Any:
        return gt.sin(x[0, 0] * x[1, 1]) * gt.exp(x[0, 1]) * y + x[1, 0] ** 4

    x = np.array([[0.3, -0.5], [0.2, 0.9]])
    hessian = gt.hessian(f)(x, 2.0).data.reshape(4, 4)
    assert float(gt.laplacian(f)(x, 2.0)) == pytest.approx(np.trace(hessian), rel=1e-12)


def test_estimates() -> None:
    x = np.linspace(-1.0, 1.0, 12)

    def f(x: Any) -> Any:
        return gt.sum(gt.sin(x)) + gt.prod(x[:3]) + gt.sum(x**2) ** 2

    exact = float(gt.laplacian(f)(x))
    for probes in ("rademacher", "gaussian", "coordinates"):
        value, error = gt.laplacian_estimate(f, 10, probes=probes, seed=1)(x)
        again, _ = gt.laplacian_estimate(f, 10, probes=probes, seed=1)(x)
        assert float(value) == float(again)
        assert float(error) > 0
        assert abs(float(value) - exact) < 4 * float(error)
    value, error = gt.laplacian_estimate(f, 12, probes="coordinates")(x)
    assert float(value) == pytest.approx(exact, rel=1e-12)
    assert float(error) == 0.0
    value, error = gt.biharmonic_estimate(f, 200, seed=2)(x)
    assert abs(float(value) - float(gt.biharmonic(f)(x))) < 4 * float(error)


def test_standard_errors_say_what_repetitions_show() -> None:
    x = np.linspace(-1.0, 1.0, 6)

    def f(x: Any) -> Any:
        return gt.sum(x[:-1] * x[1:] * 3.0) + gt.sum(gt.cos(x))

    runs = [gt.laplacian_estimate(f, 8, seed=s)(x) for s in range(60)]
    spread = np.std([float(r.value) for r in runs])
    told = np.sqrt(np.mean([float(r.standard_error) ** 2 for r in runs]))
    assert told == pytest.approx(spread, rel=0.3)


@pytest.mark.parametrize(("samples", "probes"), [(0, "gaussian"), (3, "uniform")])
def test_estimates_refuse(samples: int, probes: Any) -> None:
    with pytest.raises(GradtapeError, match="probes"):
        gt.laplacian_estimate(gt.sum, samples, probes=probes)
