"""Slopes far out, at infinities, in mixed precision, and of entries that are left out: nothing lost, nothing nan."""

from __future__ import annotations

from collections.abc import Callable
from itertools import product
from typing import Any

import mpmath as mp
import numpy as np
import pytest

import gradtape as gt
from gradtape.primitives.precision import as_result
from gradtape.rules.primitive import registry
from tests.cases import cases

INF = np.inf


def slopes(f: Callable[[Any], Any], x: Any, order: int) -> Any:
    """Derivatives by nested tapes, each summed."""
    for _ in range(order):
        f = gt.grad(lambda x, f=f: gt.sum(f(x)))
    return f(gt.asarray(x)).numpy()


# -- the softmax family -----------------------------------------------------------------------------------------------

POINT = [40.0, 0.0, -3.0]
FAMILY: dict[str, tuple[Callable[[Any], Any], Callable[[Any], Any]]] = {
    "largest weight": (lambda x: gt.softmax(x)[0], lambda e: e[0] / sum(e)),
    "small weight": (lambda x: gt.softmax(x)[1], lambda e: e[1] / sum(e)),
    "logarithm of the largest": (lambda x: gt.log_softmax(x)[0], lambda e: mp.log(e[0] / sum(e))),
    "logsumexp": (gt.logsumexp, lambda e: mp.log(sum(e))),
}


@pytest.mark.parametrize("name", FAMILY)
def test_weights_keep_their_digits_beside_a_dominant_one(name: str) -> None:
    f, exact = FAMILY[name]
    x = gt.asarray(POINT)
    with mp.workdps(60):

        def truth(*places: int) -> float:
            orders = tuple([places.count(i) for i in range(3)])
            point = tuple([mp.mpf(v) for v in POINT])
            return float(mp.diff(lambda *x: exact([mp.exp(v) for v in x]), point, orders))

        assert f(x).item() == pytest.approx(truth(), rel=1e-14)
        found = {
            1: [gt.grad(f)(x), gt.jacfwd(f)(x)],
            2: [gt.jacfwd(gt.jacfwd(f))(x), gt.jacfwd(gt.grad(f))(x), gt.jacrev(gt.grad(f))(x)],
            3: [gt.jacrev(gt.jacfwd(gt.grad(f)))(x)],
        }
        for order, arrays in found.items():
            for places in product(range(3), repeat=order):
                expected = truth(*places)
                for a in arrays:
                    assert a.numpy()[places] == pytest.approx(expected, rel=1e-12), (order, places)


def test_the_tail_of_log_softmax_over_several_axes() -> None:
    x = np.zeros((2, 3, 2))
    x[:, 1, 1] = 45.0
    g = slopes(lambda x: gt.log_softmax(x, axis=(1, 2))[:, 1, 1], x, 1)
    assert g[:, 1, 1] == pytest.approx([5 * np.exp(-45.0)] * 2, rel=1e-14)
    assert gt.logsumexp(gt.asarray(x) - 45.0, axis=(1, 2)).numpy() == pytest.approx([5 * np.exp(-45.0)] * 2, rel=1e-14)
    assert np.isnan(gt.log_softmax(gt.asarray([np.nan, 0.0])).numpy()).all()
    assert gt.logsumexp(gt.asarray([0.0, 0.0])).item() == np.log(2)


# -- infinities -------------------------------------------------------------------------------------------------------

#: name -> slopes of order 1 and 2 at +inf and at -inf; None: not defined there
LIMITS: dict[str, tuple[Any, Any]] = {
    "silu": ((1, 0), (0, 0)),
    "gelu": ((1, 0), (0, 0)),
    "mish": ((1, 0), (0, 0)),
    "sigmoid": ((0, 0), (0, 0)),
    "tanh": ((0, 0), (0, 0)),
    "softplus": ((1, 0), (0, 0)),
    "exp": ((INF, INF), (0, 0)),
    "arctan": ((0, 0), (0, 0)),
    "arcsinh": ((0, 0), (0, 0)),
    "softsign": ((0, 0), (0, 0)),
    "log": ((0, 0), None),
    "sqrt": ((0, 0), None),
    "reciprocal": ((0, 0), (0, 0)),
    "erf": ((0, 0), (0, 0)),
    "erfc": ((0, 0), (0, 0)),
    "erfcx": ((0, 0), (-INF, INF)),
    "ndtr": ((0, 0), (0, 0)),
    "log_ndtr": ((0, 0), (INF, -1)),
    "dawsn": ((0, 0), (0, 0)),
    "i0e": ((0, 0), (0, 0)),
    "expi": ((INF, INF), (0, 0)),
    "exp1": ((0, 0), None),
}


@pytest.mark.parametrize("name", LIMITS)
def test_slopes_at_infinity(name: str) -> None:
    f = getattr(gt, name, None) or getattr(gt.special, name)
    with np.errstate(all="ignore"):
        for x, expected in zip((INF, -INF), LIMITS[name], strict=True):
            if expected is not None:
                assert [slopes(f, x, k).item() for k in (1, 2)] == list(expected), x
                assert [gt.derivative(f, order=k)(x).item() for k in (1, 2)] == list(expected), x


@pytest.mark.parametrize("name", ["silu", "gelu", "mish"])
def test_units_vanish_at_minus_infinity(name: str) -> None:
    with np.errstate(all="ignore"):
        y = getattr(gt, name)(gt.asarray([-INF, INF, np.nan]))
    assert y.numpy() == pytest.approx([0, INF, np.nan], nan_ok=True)


# -- mixed precision --------------------------------------------------------------------------------------------------


def _of_two_floats() -> list[str]:
    several = [name for name, row in registry.items() if row.kind == "elementwise" and (row.arity or 0) > 1]
    return [name for name in several if any(len(case.slots) > 1 for case in cases(name))]


def _slopes(row: Any, case: Any, inputs: list[Any], slot: int) -> tuple[Any, Any]:
    xs = [gt.Tensor(x) if hasattr(x, "dtype") else x for x in inputs]
    with gt.GradientTape(persistent=True) as tape:
        y = row.op(*xs, **case.params)
        first = tape.gradient(y, xs[slot])
    return first.numpy(), tape.gradient(first, xs[slot]).numpy()


@pytest.mark.parametrize("name", _of_two_floats())
def test_slopes_have_the_precision_of_the_result(name: str) -> None:
    """With one input in float32, the others' gradients are those of the same numbers in float64."""
    row = registry[name]
    for case in [c for c in cases(name) if len(c.slots) > 1 and c.size and not c.tag][:3]:
        for narrow, slot in [(i, j) for i in case.slots for j in case.slots if i != j]:
            mixed, wide = list(case.inputs), list(case.inputs)
            mixed[narrow] = np.asarray(mixed[narrow]).astype(np.float32)[()]
            wide[narrow] = mixed[narrow].astype(np.float64)
            for a, b in zip(_slopes(row, case, mixed, slot), _slopes(row, case, wide, slot), strict=True):
                assert a.dtype == np.float64
                scale = np.max(np.abs(b), initial=0.0)
                np.testing.assert_allclose(a, b, rtol=1e-11, atol=1e-13 * scale, err_msg=f"{case.id} {narrow} {slot}")


def test_python_numbers_stay_weak() -> None:
    y = np.float64(1.0)
    assert as_result(3.0, y) == 3.0
    assert type(as_result(3.0, y)) is float
    assert as_result(np.float32(3.0), y).dtype == np.float64


@pytest.mark.parametrize("n", [0, 1, 2, 3, 4])
def test_powers_of_booleans(n: int) -> None:
    for x in (np.array([True, False]), np.bool_(True)):
        expected = x**n
        assert (gt.asarray(x) ** n).dtype == expected.dtype
        np.testing.assert_array_equal((gt.asarray(x) ** n).numpy(), expected)
        assert gt.square(gt.asarray(x)).dtype == np.square(x).dtype


# -- entries that are left out ----------------------------------------------------------------------------------------

ROOTS: dict[str, Callable[[Any], Any]] = {
    "index": lambda y: y[1],
    "slice": lambda y: y[1:],
    "array": lambda y: y[gt.asarray([2, 1, 2])],
    "mask": lambda y: y[np.array([False, True, True])],
    "take": lambda y: gt.take(y, [1, 2]),
    "take along an axis": lambda y: gt.take_along_axis(y, gt.asarray([1, 2]), axis=0),
    "a sorted one": lambda y: gt.sort(y)[1:],
    "median": gt.median,
    "quantile": lambda y: gt.quantile(y, 0.9),
    "largest two": lambda y: gt.top_k(y, 2)[0],
    "maximum": gt.max,
    "split": lambda y: gt.split(y, [1])[1],
    "overwritten": lambda y: gt.put_along_axis(y, gt.asarray([0]), 5.0, axis=0),
    "upper triangle": lambda y: gt.triu(gt.stack([y, y]), 1),
    "diagonal": lambda y: gt.diag(gt.stack([y[::-1], y])),
    "where": lambda y: gt.where(gt.asarray([False, True, True]), y, 1.0)[np.array([0, 1])],
}


@pytest.mark.parametrize("name", ROOTS)
@pytest.mark.parametrize("power", [0.5, 1.5])
def test_entries_left_out_have_no_influence(name: str, power: float) -> None:
    """x**p has no derivative at 0, of some order; where that entry is left out nobody should see it."""

    def f(x: Any) -> Any:
        return gt.sum(ROOTS[name](x**power) ** 2)

    point, near = [0.0, 4.0, 9.0], [1e-3, 4.0, 9.0]
    for order in (1, 2, 3):
        found, expected = slopes(f, point, order), slopes(f, near, order)
        if name == "diagonal":
            assert np.isfinite(found[1:]).all()  # there the first entry stands on it
            continue
        assert found[0] == 0.0, order
        np.testing.assert_allclose(found[1:], expected[1:], rtol=1e-12)
    if name != "diagonal":
        x = gt.asarray(point)
        hessian = gt.jacrev(gt.grad(f))(x).numpy()
        assert np.isfinite(hessian).all()
        assert not hessian[0].any()
        assert not hessian[:, 0].any()


def test_a_nan_that_is_meant_stays() -> None:
    with np.errstate(all="ignore"):
        g = slopes(lambda x: gt.sqrt(x)[:2], [0.0, -1.0, 4.0], 1)
    assert g[0] == INF
    assert np.isnan(g[1])
    assert g[2] == 0.0


# -- log|det| ---------------------------------------------------------------------------------------------------------


def test_log_det_at_a_singular_matrix() -> None:
    x = gt.asarray([[1.0, 2.0], [2.0, 4.0]])
    with pytest.raises(gt.DegenerateError, match="singular"):
        gt.grad(lambda x: gt.linalg.slogdet(x).logabsdet)(x)
    assert np.isnan(gt.jvp(lambda x: gt.linalg.slogdet(x).logabsdet, (x,), (x,))[1].item())
    both = gt.asarray(np.stack([x.numpy(), 2 * np.eye(2)]))

    def f(x: Any) -> Any:
        return gt.sum(gt.where(gt.linalg.det(x) > 1e-9, gt.linalg.slogdet(x).logabsdet, 0.0))

    g = gt.grad(f)(both).numpy()
    np.testing.assert_allclose(g, [np.zeros((2, 2)), np.eye(2) / 2])
    second = slopes(f, both.numpy(), 2)
    np.testing.assert_allclose(second, [np.zeros((2, 2)), np.full((2, 2), -0.25)], atol=1e-15)
