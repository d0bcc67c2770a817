"""The Taylor sweep is quadratic in the order for every row of the registry: operations at orders 4, 8 and 16."""

from __future__ import annotations

from collections.abc import Iterator
from zlib import crc32

import mpmath
import numpy as np
import pytest

import gradtape as gt
from gradtape.record.segment import Window
from gradtape.rules.primitive import registry
from gradtape.sweeps.expansion import expansions
from gradtape.testing.cases import Case, cases_of

#: (K + 1)(K + 2) / 2 products are 4 times as many at twice the order; at low orders what is done once adds to it, or
#: what is shared by the first orders is missing.
LIMITS = {8: 5.5, 16: 4.75}

#: Rows that may take more where arguments move together, and by how much at twice the order.  In a shape parameter
#: these functions satisfy no differential equation: their mixed derivatives are as many functions as pairs of orders.
PAIRS, TRIPLES = 13.0, 24.0
JOINTLY: dict[str, float] = {
    **dict.fromkeys(["beta", "betaln", "binom", "polygamma_gap", "hurwitz"], PAIRS),
    **dict.fromkeys(["gamma_density", "gammainc_shape", "gammainc", "gammaincc", "gammaincinv", "gammainccinv"], PAIRS),
    **dict.fromkeys([f"log_gamma_{of}" for of in ("density", "shape", "quantile")], PAIRS),
    **dict.fromkeys([f"von_mises_{of}" for of in ("density", "shape", "cdf", "quantile")], PAIRS),
    **dict.fromkeys(["beta_density", "betainc_shape", "betainc", "betaincc", "betaincinv"], TRIPLES),
}
#: The same along one argument.
ALONG: dict[str, tuple[tuple[int, ...], float, str]] = {
    **{
        name: (slots, PAIRS, "the quantile moves with the shape: both arguments of the distribution function")
        for name, slots in {
            "gammaincinv": (0,),
            "gammainccinv": (0,),
            "betaincinv": (0, 1),
            "log_gamma_quantile": (0,),
            "von_mises_quantile": (0,),
        }.items()
    },
    "binom": ((1,), PAIRS, "along k both arguments of the beta function move"),
    "hurwitz": ((1,), PAIRS, "derivatives in the exponent along the other argument meet neighbours of both"),
}
#: Rows that are not quadratic along any path, and why.
NOT_QUADRATIC = {
    "spectral_function": "at repeated eigenvalues: divided differences, which have one more index at every order",
}


def chosen(name: str) -> Iterator[Case]:
    """One case with elements for each setting of the row's parameters."""
    seen: set[str] = set()
    for case in cases_of(registry[name]):
        if case.size and repr(case.params) not in seen:
            seen.add(repr(case.params))
            yield case


def operations(case: Case, slots: list[int], order: int) -> int:
    """How many operations a jet carries out along a curved path of these arguments; recorded, each is an entry."""
    rng = np.random.default_rng(crc32(case.row.name.encode()))
    xs = [gt.Tensor(x) for x in case.xs]
    with Window() as window:
        ys = case.function()(xs)
    path = {
        x: [gt.Tensor((0.1**k * rng.normal(size=x.shape)).astype(x.dtype)[()]) for k in range(order)]
        for i, x in enumerate(xs)
        if i in slots
    }
    with Window() as sweep:
        expansions(list(window.entries()), path, ys, order)
    return len(list(sweep.entries()))


def holds(case: Case, slots: list[int], order: int) -> None:
    """That twice the order takes not much more than four times the operations."""
    low, high = (operations(case, slots, k) for k in (order // 2, order))
    limit, name = LIMITS[order], case.row.name
    if len(slots) > 1:
        limit = JOINTLY.get(name, limit)
    elif name in ALONG and slots[0] in ALONG[name][0]:
        limit = ALONG[name][1]
    assert high <= limit * low, f"{case.id}, along {slots}: {low} operations at order {order // 2}, {high} at {order}"


def paths(case: Case) -> Iterator[list[int]]:
    """Each argument by itself, and all of them at once."""
    every = list(range(len(case.slots)))
    if len(every) > 1 and case.row.arity is not None:
        yield from ([i] for i in every)
    yield every


ROWS = [
    name for name, row in registry.items() if row.kind != "constant" and name not in NOT_QUADRATIC and any(chosen(name))
]


@pytest.mark.parametrize("name", ROWS)
def test_cost_is_quadratic_in_the_order(name: str) -> None:
    case = next(chosen(name))
    for slots in paths(case):
        if len(slots) == 1 or JOINTLY.get(name) != TRIPLES:  # those take seconds
            holds(case, slots, 8)


@pytest.mark.slow
@pytest.mark.parametrize("name", ROWS)
def test_cost_is_quadratic_at_high_orders_and_for_all_parameters(name: str) -> None:
    for case in chosen(name):
        for slots in paths(case):
            holds(case, slots, 16 if len(slots) == 1 or name not in JOINTLY else 8)


@pytest.mark.slow
def test_exceptions_are_needed() -> None:
    """Those who are said to take more do."""
    for name in JOINTLY:
        case = next(chosen(name))
        assert operations(case, list(range(len(case.slots))), 8) > 4.5 * operations(
            case, list(range(len(case.slots))), 4
        ), name
    for name, (slots, _, _) in ALONG.items():
        for slot in slots:
            ratios = [operations(case, [slot], 16) / operations(case, [slot], 8) for case in chosen(name)]
            assert max(ratios) > LIMITS[16], (name, slot)


@pytest.mark.parametrize(("n", "singular"), [(4, []), (4, [0.0]), (4, [0.0, 1e-5]), (4, [0.0] * 4), (10, [0.0, 1e-4])])
def test_determinants_along_a_curve(n: int, singular: list[float]) -> None:
    """det(A + t B + t^2 C) at any rank of A, however near to singular, has the coefficients of a polynomial."""
    rng = np.random.default_rng(n + len(singular))
    u, s, v = np.linalg.svd(rng.normal(size=(n, n)))
    s[n - len(singular) :] = singular
    a = u * s @ v
    b, c, w = rng.normal(size=(3, n, n))

    def gradient(x: gt.Tensor) -> gt.Tensor:
        return gt.sum(gt.grad(gt.linalg.det)(x) * w)

    # On a circle in the complex plane the values at 32 points give the coefficients up to 20, the degree, exactly.
    t = np.exp(2j * np.pi * np.arange(32) / 32)
    path = a + t[:, None, None] * b + (t * t)[:, None, None] * c
    determinants = np.linalg.det(path)
    slopes = np.sum(determinants[:, None, None] * np.swapaxes(np.linalg.inv(path), 1, 2) * w, axis=(1, 2))
    for f, values in ((gt.linalg.det, determinants), (gradient, slopes)):
        expected = np.fft.fft(values).real[:9] / 32
        y, derivatives = gt.jet(f, (gt.asarray(a),), ([b, 2 * c, *[np.zeros((n, n))] * 6],))
        found = np.array([float(d) for d in (y, *derivatives)]) / np.cumprod([1, *range(1, 9)])
        np.testing.assert_allclose(found, expected, atol=1e-12 * np.abs(values).max(), rtol=0)


def test_determinants_of_one_and_no_row() -> None:
    for n, exact in ((1, [3.0, 4.0]), (0, [0.0, 0.0])):
        b, c = np.full((n, n), 3.0), np.full((n, n), 4.0)
        _, derivatives = gt.jet(gt.linalg.det, (np.ones((n, n)),), ([b, c],))
        assert [float(d) for d in derivatives] == exact


@pytest.mark.parametrize("name", ["struve", "modstruve"])
@pytest.mark.parametrize("order", [0.0, 1.0, 1.3, -0.5])
def test_struve_functions_along_a_curve(name: str, order: float) -> None:
    function = {"struve": mpmath.struveh, "modstruve": mpmath.struvel}[name]
    for x in (0.2, 0.9, 2.2):
        series = [1.0] + [0.0] * 7
        found = gt.jet(lambda x: getattr(gt.special, name)(order, 2 * gt.sin(x) + x), (x,), (series,))[1]
        with mpmath.workdps(40):
            exact = mpmath.taylor(lambda x: function(order, 2 * mpmath.sin(x) + x), x, 8)
        expected = [float(mpmath.re(c * mpmath.factorial(k))) for k, c in enumerate(exact)][1:]
        np.testing.assert_allclose([float(d) for d in found], expected, rtol=1e-11)


def test_struve_functions_at_zero() -> None:
    """H_0 = (2 / pi) (x - x^3 / 9 + x^5 / 225 - ...)"""
    found = [float(d) for d in gt.jet(lambda x: gt.special.struve(0.0, x), (0.0,), ([1.0, 0.0, 0.0, 0.0, 0.0],))[1]]
    assert found == pytest.approx([2 / np.pi * c for c in (1, 0, -6 / 9, 0, 120 / 225)])


def test_one_argument_of_a_family_along_a_curve() -> None:
    """P(a(t), x) for several a and x that broadcast: along a there are as many functions as orders."""
    starts, x = np.array([0.3, 0.8]), np.array([[0.5], [1.5], [2.5]])

    def f(t: gt.Tensor) -> gt.Tensor:
        return gt.special.gammainc(1.5 + gt.sin(t), x)

    one, zero = np.ones_like(starts), np.zeros_like(starts)
    _, found = gt.jet(f, (starts,), ([one, zero, zero, zero, zero],))
    for i, start in enumerate(starts):
        for j, at in enumerate(x[:, 0]):
            with mpmath.workdps(30):
                exact = mpmath.taylor(
                    lambda t, at=at: mpmath.gammainc(1.5 + mpmath.sin(t), 0, at, regularized=True), start, 5
                )
            expected = [float(c * mpmath.factorial(k)) for k, c in enumerate(exact)][1:]
            np.testing.assert_allclose([d.data[j, i] for d in found], expected, rtol=1e-9)
