"""Special functions against mpmath: values and derivatives of order 1 to 4, in the tails and at the edges too."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Sequence
from typing import Any

import mpmath as mp
import numpy as np
import pytest
import scipy.special

import gradtape as gt
from gradtape.numpy import special

INF = np.inf


def nested(f: Callable[..., Any], order: int, *xs: float) -> float:
    """The derivative of that order in the first argument, by nested tapes."""
    x = gt.Tensor(np.float64(xs[0]))
    with gt.GradientTape() as tape:
        y = f(x, *xs[1:])
    for _ in range(order):
        y = tape.gradient(y, x)
    return float(y)


def truth(f: Callable[..., Any], order: int, x: float) -> float:
    with mp.workdps(80 if max(abs(x), 1 / (abs(x) + 1e-99)) > 1e8 else 30):  # the truth by differences
        return float(mp.re(mp.diff(f, mp.mpf(x), order) if order else f(mp.mpf(x))))


#: name -> (gradtape's, mpmath's, points, relative error allowed for values and four derivatives)
FUNCTIONS: dict[str, tuple[Callable[..., Any], Callable[..., Any], Sequence[float], float]] = {
    "gammaln": (special.gammaln, mp.loggamma, [1e-5, 0.3, 1.3, 3.0, 50.0, 1e10], 2e-13),
    "gamma": (special.gamma, mp.gamma, [0.01, 0.6, 3.5, 20.0, 150.0, -0.4, -3.7], 2e-12),
    "rgamma": (special.rgamma, mp.rgamma, [-3.0, -1.0, 0.0, 0.2, 3.5, 20.0, -2.4], 1e-12),
    "digamma": (special.digamma, lambda x: mp.psi(0, x), [1e-5, 0.3, 1.3, 50.0, 1e8, -0.4, -10.3], 2e-13),
    "polygamma 2": (lambda x: special.polygamma(2, x), lambda x: mp.psi(2, x), [1e-3, 0.3, 5.0, 1e4, -1.4], 2e-13),
    "betaln": (lambda x: special.betaln(x, 0.7), lambda x: mp.log(mp.beta(x, mp.mpf(0.7))), [0.01, 1.0, 1e6], 1e-12),
    "multigammaln": (
        lambda x: special.multigammaln(x, 2),
        lambda x: mp.log(mp.pi) / 2 + mp.loggamma(x) + mp.loggamma(x - mp.mpf(0.5)),
        [0.6, 2.0, 50.0],
        1e-12,
    ),
    "zeta": (special.zeta, mp.zeta, [1.1, 2.0, 6.0, 25.0, 0.5], 1e-12),
    "erf": (special.erf, mp.erf, [0.3, 1.0, 5.0, -8.0], 1e-12),
    "erfc": (special.erfc, mp.erfc, [0.3, 1.0, 5.0, 20.0], 1e-12),
    "erfcx": (special.erfcx, lambda x: mp.exp(x * x) * mp.erfc(x), [-5.0, 0.0, 0.7, 10.0, 1e4, 1e8], 1e-13),
    "erfinv": (special.erfinv, mp.erfinv, [1e-10, 0.5, -0.9, 0.999999], 1e-9),
    "erfcinv": (special.erfcinv, lambda x: mp.erfinv(1 - x), [1e-12, 0.3, 1.4], 1e-11),
    "ndtri": (special.ndtri, lambda p: mp.sqrt(2) * mp.erfinv(2 * p - 1), [1e-12, 0.3, 0.9], 1e-11),
    "log_ndtr": (special.log_ndtr, lambda x: mp.log(mp.ncdf(x)), [-400.0, -40.0, -11.0, -3.0, 0.0, 2.0, 9.0], 5e-12),
    "dawsn": (special.dawsn, lambda x: mp.sqrt(mp.pi) / 2 * mp.exp(-x * x) * mp.erfi(x), [0.3, 2.0, 7.0, 40.0], 1e-11),
    "i0": (special.i0, lambda x: mp.besseli(0, x), [0.1, 3.0, 100.0], 1e-12),
    "i1": (special.i1, lambda x: mp.besseli(1, x), [0.1, 3.0, 100.0], 1e-12),
    "i0e": (special.i0e, lambda x: mp.exp(-abs(x)) * mp.besseli(0, x), [0.1, -3.0, 29.0, 31.0, 1e5], 1e-12),
    "i1e": (special.i1e, lambda x: mp.exp(-abs(x)) * mp.besseli(1, x), [0.1, -3.0, 29.0, 31.0, 1e5], 1e-12),
    "j0": (special.j0, lambda x: mp.besselj(0, x), [0.1, 3.0, 30.0], 1e-11),
    "j1": (special.j1, lambda x: mp.besselj(1, x), [0.1, 3.0, 30.0], 1e-11),
    "y0": (special.y0, lambda x: mp.bessely(0, x), [0.1, 3.0, 30.0], 1e-11),
    "y1": (special.y1, lambda x: mp.bessely(1, x), [0.1, 3.0, 30.0], 1e-11),
    "k0": (special.k0, lambda x: mp.besselk(0, x), [0.1, 3.0, 30.0], 1e-12),
    "k1": (special.k1, lambda x: mp.besselk(1, x), [0.1, 3.0, 30.0], 1e-12),
    "jv": (lambda x: special.jv(2.5, x), lambda x: mp.besselj(2.5, x), [0.1, 3.0, 30.0], 1e-11),
    "yv": (lambda x: special.yv(-0.5, x), lambda x: mp.bessely(-0.5, x), [0.1, 3.0, 30.0], 1e-11),
    "iv": (lambda x: special.iv(20.0, x), lambda x: mp.besseli(20, x), [0.1, 3.0, 30.0], 1e-11),
    "kv": (lambda x: special.kv(1.5, x), lambda x: mp.besselk(1.5, x), [0.1, 3.0, 30.0], 1e-12),
    "exp1": (special.exp1, mp.e1, [1e-6, 0.7, 30.0], 1e-12),
    "expi": (special.expi, mp.ei, [1e-6, 0.7, 30.0], 1e-11),
    "expn": (lambda x: special.expn(2, x), lambda x: mp.expint(2, x), [1e-3, 0.7, 30.0], 1e-12),
    "Si": (lambda x: special.sici(x)[0], mp.si, [1e-6, 0.7, 30.0, 1e3], 1e-11),
    "Ci": (lambda x: special.sici(x)[1], mp.ci, [1e-3, 0.7, 30.0], 1e-11),
    "spence": (special.spence, lambda x: mp.polylog(2, 1 - x), [1e-6, 0.4, 0.999, 1.3, 10.0], 1e-12),
    "dilog": (special.dilog, lambda x: mp.polylog(2, x), [-4.0, 0.3, 0.9], 1e-12),
    "S": (lambda x: special.fresnel(x)[0], mp.fresnels, [0.3, 2.2, 30.3], 1e-11),
    "C": (lambda x: special.fresnel(x)[1], mp.fresnelc, [0.3, 2.2, 30.3], 1e-11),
    "lambertw": (special.lambertw, mp.lambertw, [-0.3, 1e-9, 2.0, 1e8], 1e-12),
    "lambertw -1": (lambda x: special.lambertw(x, k=-1), lambda x: mp.lambertw(x, -1), [-0.3, -1e-3], 1e-11),
    "ellipk": (special.ellipk, mp.ellipk, [-1e4, -0.6, 1e-9, 0.5, 0.999], 1e-12),
    "ellipe": (special.ellipe, mp.ellipe, [-1e4, -0.6, 1e-9, 0.5, 0.999], 1e-12),
    "ellipkm1": (special.ellipkm1, lambda p: mp.ellipk(1 - p), [1e-25, 0.3, 0.7, 2.0], 1e-12),
    "gammaincc in x": (
        lambda x: special.gammaincc(3.5, x),
        lambda x: mp.gammainc(3.5, x, mp.inf, regularized=True),
        [1e-6, 0.3, 3.4, 80.0],
        1e-11,
    ),
    "betainc in x": (
        lambda x: special.betainc(2.5, 3.5, x),
        lambda x: mp.betainc(2.5, 3.5, 0, x, regularized=True),
        [1e-6, 0.3, 0.99],
        1e-11,
    ),
}


@pytest.mark.parametrize("order", range(5))
@pytest.mark.parametrize("name", FUNCTIONS)
def test_against_mpmath(name: str, order: int) -> None:
    f, exact, points, rtol = FUNCTIONS[name]
    for x in points:
        expected = truth(exact, order, x)
        assert nested(f, order, x) == pytest.approx(expected, rel=rtol, abs=1e-300), f"{name} at {x}"


def of_gamma(a: Any, x: Any, left: bool) -> Any:
    """The smaller tail, with the sign of the lower one's derivatives."""
    return mp.gammainc(a, 0, x, regularized=True) if left else -mp.gammainc(a, x, mp.inf, regularized=True)


@pytest.mark.parametrize("order", [1, 2, 3, 4])
def test_incomplete_gamma_in_its_shape(order: int) -> None:
    for a, x in [
        (1e-4, 2.0),
        (0.3, 1e-6),
        (1.0, 1.0),
        (3.0, 2.9),
        (3.0, 20.0),
        (0.5, 30.0),
        (100.0, 60.0),
        (1e3, 1010.0),
    ]:
        expected = truth(lambda s, x=x, left=x < a: of_gamma(s, mp.mpf(x), left), order, a)
        assert nested(special.gammainc, order, a, x) == pytest.approx(expected, rel=1e-11), (a, x)
        assert nested(special.gammaincc, order, a, x) == pytest.approx(-expected, rel=1e-11), (a, x)


@pytest.mark.parametrize("order", [1, 2, 3])
def test_incomplete_beta_in_its_shapes(order: int) -> None:
    points = [
        (0.5, 0.5, 0.3),
        (2.0, 3.0, 0.9),
        (0.01, 0.02, 1e-9),
        (0.01, 50.0, 0.4),
        (200.0, 300.0, 0.35),
        (50.0, 0.1, 0.99),
    ]
    for a, b, x in points:
        with mp.workdps(50):
            in_a = float(mp.diff(lambda s, b=b, x=x: mp.betainc(s, b, 0, x, regularized=True), a, order))
            in_b = float(mp.diff(lambda s, a=a, x=x: mp.betainc(a, s, 0, x, regularized=True), b, order))
        assert nested(special.betainc, order, a, b, x) == pytest.approx(in_a, rel=1e-10), (a, b, x)
        assert nested(lambda b, a, x: special.betainc(a, b, x), order, b, a, x) == pytest.approx(in_b, rel=1e-10)
        assert nested(special.betaincc, order, a, b, x) == pytest.approx(-in_a, rel=1e-10), (a, b, x)


def test_a_large_shape() -> None:
    """P(a, a + z sqrt(a)) tends to the normal distribution: its slope in a is that of the argument."""
    a = gt.Tensor(np.float64(1e12))
    with gt.GradientTape() as tape:
        y = special.gammainc(a, 1e12 + 1e6)
    assert float(tape.gradient(y, a)) == pytest.approx(-0.24197072451914337 * 1e-6, rel=1e-5)


def test_quantiles_undo_distributions() -> None:
    for order in (1, 2):
        f = lambda a: special.gammaincinv(a, special.gammainc(a, 1.7))  # noqa: E731
        assert nested(f, order, 2.3) == pytest.approx(0, abs=1e-11)
        g = lambda b: special.betaincinv(1.5, b, special.betainc(1.5, b, 0.4))  # noqa: E731
        assert nested(g, order, 2.3) == pytest.approx(0, abs=1e-11)
    assert nested(lambda x: special.ndtri_exp(special.log_ndtr(x)), 1, -30.0) == pytest.approx(1, rel=1e-12)
    assert nested(lambda x: special.gammainccinv(2.0, special.gammaincc(2.0, x)), 1, 3.0) == pytest.approx(1, rel=1e-12)


def test_small_slopes_of_ratios() -> None:
    """psi(a) - psi(a + b) for large a: no digits lost."""
    for b in (0.5, 3.0):
        expected = truth(lambda a, b=b: mp.log(mp.beta(a, mp.mpf(b))), 1, 1e9)
        assert nested(special.betaln, 1, 1e9, b) == pytest.approx(expected, rel=1e-14)
    expected = truth(lambda n: mp.binomial(n, 2), 1, 1e7)
    assert nested(special.binom, 1, 1e7, 2.0) == pytest.approx(expected, rel=1e-13)
    assert nested(lambda k: special.binom(2.0, k), 1, 4.0) == pytest.approx(
        truth(lambda k: mp.binomial(2, k), 1, 4.0), rel=1e-12
    )


@pytest.mark.parametrize(
    ("f", "x", "first", "second"),
    [
        (special.gammaln, 0.0, -INF, INF),
        (special.erfinv, 1.0, INF, INF),
        (special.erfcinv, 0.0, -INF, INF),
        (special.ndtri, 0.0, INF, -INF),
        (special.rgamma, 0.0, 1.0, 2 * 0.5772156649015329),
        (special.rgamma, -1.0, -1.0, 2 * (1 - 0.5772156649015329)),
        (special.spence, 1.0, -1.0, 0.5),
        (special.i0e, 0.0, 0.0, 1.5),
        (special.dawsn, 0.0, 1.0, 0.0),
        (lambda x: special.gammainc(1.0, x), 0.0, 1.0, -1.0),
        (lambda x: special.gammainc(2.0, x), 0.0, 0.0, 1.0),
        (lambda x: special.gammainc(1.5, x), 0.0, 0.0, INF),
        (lambda x: special.betainc(1.0, 3.0, x), 0.0, 3.0, -6.0),
        (lambda x: special.betainc(3.0, 1.0, x), 1.0, 3.0, 6.0),
        (lambda x: special.jv(0, x), 0.0, 0.0, -0.5),
        (lambda x: gt.log(special.erfc(x)), 30.0, -60.033296398756228, -1.998892575543838),
        (lambda x: gt.log(special.ndtr(x)), -40.0, 40.02496884720726, -0.9993773316214086),
    ],
)
def test_edges(f: Any, x: float, first: float, second: float) -> None:
    with np.errstate(all="ignore"):
        assert nested(f, 1, x) == pytest.approx(first, rel=1e-12, abs=1e-14)
        assert nested(f, 2, x) == pytest.approx(second, rel=1e-10, abs=1e-14)


def test_divergences_and_losses() -> None:
    assert nested(special.kl_div, 1, 1.0 + 1e-9, 1.0) == pytest.approx(1e-9, rel=1e-6)
    assert nested(special.rel_entr, 2, 2.0, 1.0) == pytest.approx(0.5)
    assert nested(lambda r: special.huber(1.0, r), 1, -3.0) == -1.0
    assert nested(lambda r: special.huber(1.0, r), 2, 0.5) == 1.0
    assert nested(lambda d: special.huber(d, 3.0), 1, 1.0) == 2.0
    # d^5/4 r^4: no cancellation for a small residual
    assert nested(lambda d: special.pseudo_huber(d, 1e-6), 1, 1.0) == pytest.approx(0.25e-24, rel=1e-9)


def test_owens_t() -> None:
    def exact(h: Any, a: Any) -> Any:
        return mp.quad(lambda t: mp.exp(-h * h * (1 + t * t) / 2) / (1 + t * t), [0, a]) / (2 * mp.pi)

    with mp.workdps(30):
        for order in (1, 2, 3):
            in_h = float(mp.diff(lambda h: exact(h, mp.mpf(0.7)), mp.mpf(1.3), order))
            in_a = float(mp.diff(lambda a: exact(mp.mpf(1.3), a), mp.mpf(0.7), order))
            assert nested(special.owens_t, order, 1.3, 0.7) == pytest.approx(in_h, rel=1e-10)
            assert nested(lambda a: special.owens_t(1.3, a), order, 0.7) == pytest.approx(in_a, rel=1e-10)


def test_hurwitz_in_both_arguments() -> None:
    for order in (1, 2, 3):
        for s, x in [(1.01, 0.5), (3.3, 100.0), (20.0, 2.5)]:
            in_s = float(mp.zeta(mp.mpf(s), mp.mpf(x), order))
            assert nested(special.zeta, order, s, x) == pytest.approx(in_s, rel=1e-12)
            in_x = truth(lambda x, s=s: mp.zeta(mp.mpf(s), x), order, x)
            assert nested(lambda x, s: special.zeta(s, x), order, x, s) == pytest.approx(in_x, rel=1e-12)


# -- values, names, dtypes -----------------------------------------------------------------------------------------

ONE = "digamma erf erfc erfcx gamma gammaln i0 i0e i1 i1e j0 j1 k0 k1 psi rgamma y0 y1 dawsn exp1 expi spence log_ndtr"


@pytest.mark.parametrize("name", ONE.split())
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_values_are_scipys(name: str, dtype: Any) -> None:
    x = np.linspace(0.3, 4, 6, dtype=dtype).reshape(2, 3)
    y = getattr(special, name)(x)
    expected = getattr(scipy.special, name)(x)
    assert y.dtype == expected.dtype == dtype
    np.testing.assert_array_equal(y.data, expected)
    assert getattr(special, name)(2).dtype == np.float64  # a Python int


def test_orders_carry_no_derivative() -> None:
    v, x = gt.Tensor(np.float64(1.5)), gt.Tensor(np.float64(2.0))
    with gt.GradientTape() as tape:
        y = special.jv(v, x)
    with pytest.warns(gt.UnconnectedGradientWarning):
        assert tape.gradient(y, v) is None
    assert float(tape.gradient(y, x)) == pytest.approx(scipy.special.jvp(1.5, 2.0))
    for f in (special.polygamma, special.expn):
        with pytest.raises(gt.ShapeError, match="whole number"):
            f(0.5, 1.0)
    with pytest.raises(gt.ShapeError, match="branches"):
        special.lambertw(1.0, k=2)
    assert np.isnan(float(special.lambertw(-1.0)))


def test_complex_arguments_are_refused_or_right() -> None:
    with pytest.raises(gt.DtypeError, match="real arguments"):
        special.gammaln(1.0 + 1.0j)
    np.testing.assert_allclose(special.erf(1.0 + 1.0j).data, scipy.special.erf(1.0 + 1.0j))


def test_many_elements_at_once() -> None:
    a, x = np.linspace(0.1, 30, 5000), np.linspace(25, 0.2, 5000)
    t = gt.Tensor(a)
    with gt.GradientTape() as tape:
        y = special.gammainc(t, x)
    g = tape.gradient(y, t).data
    h = 1e-5
    np.testing.assert_allclose(
        g, (scipy.special.gammainc(a + h, x) - scipy.special.gammainc(a - h, x)) / (2 * h), atol=1e-8
    )


def test_names_are_scipys() -> None:
    extra = {"dilog", "lgamma", "log_softmax", "loggamma", "sinc", "y0", "y1"}
    assert [n for n in special.__all__ if n not in extra and not hasattr(scipy.special, n)] == []
    assert special.__all__ == sorted(special.__all__, key=lambda n: n)


def test_scipy_is_imported_when_first_called() -> None:
    code = (
        "import sys; from gradtape.numpy import special; assert 'scipy' not in sys.modules; "
        "special.gamma(2.0); assert 'scipy' in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_every_function_has_a_docstring_with_an_example() -> None:
    for name in special.__all__:
        assert name == "ndtr" or ">>> " in (getattr(special, name).__doc__ or ""), name


def test_series_of_high_order() -> None:
    """One Taylor sweep to order 10."""
    f = gt.derivative(lambda x: special.gammaln(special.erf(x) + 1.0), order=10)
    expected = truth(lambda x: mp.loggamma(mp.erf(x) + 1), 10, 0.4)
    assert float(f(0.4)) == pytest.approx(expected, rel=1e-9)
