"""Special functions over wide domains against mpmath: values and derivatives of order 1 to 4.

An error is allowed of one part in 1e10, and of what half a rounding of the argument does (near a zero that is all that
can be asked).  The default run takes two points of most functions; ``-m slow`` takes them all.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import mpmath as mp
import numpy as np
import pytest

import gradtape as gt
from gradtape.numpy import special

EPS = 2.0**-52
F = Callable[[Any], Any]


def log(low: float, high: float, n: int = 24) -> list[float]:
    return [float(v) for v in np.geomspace(low, high, n)]


def line(low: float, high: float, n: int = 24) -> list[float]:
    return [float(v) for v in np.linspace(low, high, n)]


def both(low: float, high: float) -> list[float]:
    return [-v for v in log(low, high, 12)][::-1] + log(low, high, 12)


def _voigt(x: Any, sigma: Any, gamma: Any) -> Any:
    z = mp.mpc(x, gamma) / (sigma * mp.sqrt(2))
    return mp.re(mp.exp(-z * z) * mp.erfc(-1j * z)) / (sigma * mp.sqrt(2 * mp.pi))


#: name -> (gradtape's, mpmath's, points)
SWEEP: dict[str, tuple[F, F, list[float]]] = {
    "gammaln": (special.gammaln, mp.loggamma, log(1e-8, 1e12)),
    "gammaln near its zeros": (special.gammaln, mp.loggamma, [1 + 1e-7, 1 - 1e-4, 2 + 1e-7, 1.999, 1.05]),
    "gamma": (special.gamma, mp.gamma, [*log(1e-6, 170), *line(-6.3, -0.3, 7)]),
    "rgamma": (special.rgamma, mp.rgamma, [*line(-8, 8, 33), 100.0, 170.0]),
    "digamma": (special.digamma, lambda x: mp.psi(0, x), [*log(1e-6, 1e12), *line(-6.3, -0.3, 7)]),
    "polygamma 1": (lambda x: special.polygamma(1, x), lambda x: mp.psi(1, x), log(1e-4, 1e10)),
    "polygamma 5": (lambda x: special.polygamma(5, x), lambda x: mp.psi(5, x), log(1e-3, 1e6)),
    "beta": (lambda x: special.beta(x, 2.3), lambda x: mp.beta(x, mp.mpf(2.3)), log(1e-6, 1e6)),
    "betaln": (lambda x: special.betaln(x, 0.7), lambda x: mp.log(mp.beta(x, mp.mpf(0.7))), log(1e-6, 1e8)),
    "zeta": (special.zeta, mp.zeta, [1.001, 1.01, *log(1.1, 50)]),
    "hurwitz in x": (lambda x: special.zeta(2.5, x), lambda x: mp.zeta(mp.mpf(2.5), x), log(1e-3, 1e4)),
    "erf": (special.erf, mp.erf, [*both(1e-10, 6)]),
    "erfc": (special.erfc, mp.erfc, line(-6, 26, 33)),
    "erfcx": (special.erfcx, lambda x: mp.exp(x * x) * mp.erfc(x), [*line(-6, 0, 7), *log(1e-6, 1e10)]),
    "erfinv": (special.erfinv, mp.erfinv, [*both(1e-12, 0.99), 0.9999]),
    "ndtr": (special.ndtr, mp.ncdf, line(-37, 8, 46)),
    "ndtri": (special.ndtri, lambda p: mp.sqrt(2) * mp.erfinv(2 * p - 1), [*log(1e-20, 0.4), 0.5, 0.9, 0.999]),
    "log_ndtr": (special.log_ndtr, lambda x: mp.log(mp.ncdf(x)), [*line(-60, 8, 69), -1e3, -1e6]),
    "dawsn": (special.dawsn, lambda x: mp.sqrt(mp.pi) / 2 * mp.exp(-x * x) * mp.erfi(x), both(1e-6, 1e4)),
    "expit": (special.expit, lambda x: 1 / (1 + mp.exp(-x)), line(-90, 90, 19)),
    "log_expit": (special.log_expit, lambda x: -mp.log1p(mp.exp(-x)), line(-90, 90, 19)),
    "logit": (special.logit, lambda p: mp.log(p) - mp.log1p(-p), [*log(1e-50, 0.4), 0.6, 0.9, 0.999999]),
    "entr": (special.entr, lambda x: -x * mp.log(x), log(1e-20, 1e10)),
    "xlogy": (lambda x: special.xlogy(x, x + 2.0), lambda x: x * mp.log(x + 2), log(1e-10, 1e10)),
    "xlog1py": (lambda x: special.xlog1py(2.5, x), lambda x: mp.mpf(2.5) * mp.log1p(x), log(1e-10, 1e10)),
    "i0": (special.i0, lambda x: mp.besseli(0, x), both(1e-6, 600)),
    "i1": (special.i1, lambda x: mp.besseli(1, x), both(1e-6, 600)),
    "i0e": (special.i0e, lambda x: mp.exp(-abs(x)) * mp.besseli(0, x), log(1e-3, 1e4)),
    "j0": (special.j0, lambda x: mp.besselj(0, x), both(1e-3, 100)),
    "j1": (special.j1, lambda x: mp.besselj(1, x), both(1e-3, 100)),
    "y0": (special.y0, lambda x: mp.bessely(0, x), log(1e-3, 100)),
    "k0": (special.k0, lambda x: mp.besselk(0, x), log(1e-6, 600)),
    "k1": (special.k1, lambda x: mp.besselk(1, x), log(1e-6, 600)),
    "jv 2.5": (lambda x: special.jv(2.5, x), lambda x: mp.besselj(2.5, x), log(1e-3, 100)),
    "yv 0.3": (lambda x: special.yv(0.3, x), lambda x: mp.bessely(mp.mpf(0.3), x), log(1e-3, 100)),
    "iv 7": (lambda x: special.iv(7.0, x), lambda x: mp.besseli(7, x), log(1e-2, 600)),
    "kv 1.5": (lambda x: special.kv(1.5, x), lambda x: mp.besselk(1.5, x), log(1e-4, 600)),
    "exp1": (special.exp1, mp.e1, log(1e-8, 600)),
    "expi": (special.expi, mp.ei, log(1e-6, 600)),
    "expn 3": (lambda x: special.expn(3, x), lambda x: mp.expint(3, x), log(1e-6, 600)),
    "Si": (lambda x: special.sici(x)[0], mp.si, log(1e-6, 1e4)),
    "Ci": (lambda x: special.sici(x)[1], mp.ci, log(1e-6, 1e3)),
    "spence": (special.spence, lambda x: mp.polylog(2, 1 - x), [*log(1e-10, 0.9), 0.99999, 1.00001, *log(1.1, 1e4)]),
    "S": (lambda x: special.fresnel(x)[0], mp.fresnels, log(1e-3, 50)),
    "C": (lambda x: special.fresnel(x)[1], mp.fresnelc, log(1e-3, 50)),
    "lambertw": (special.lambertw, lambda x: mp.lambertw(x).real, [*line(-0.36, 0, 8), *log(1e-10, 1e20)]),
    "lambertw -1": (
        lambda x: special.lambertw(x, k=-1),
        lambda x: mp.lambertw(x, -1).real,
        [-v for v in log(1e-10, 0.36)],
    ),
    "ellipk": (special.ellipk, mp.ellipk, [*[-v for v in log(1e-3, 1e6, 12)], *line(0.01, 0.99, 12), 1 - 1e-6]),
    "ellipe": (special.ellipe, mp.ellipe, [*[-v for v in log(1e-3, 1e6, 12)], *line(0.01, 0.99, 12), 1 - 1e-6]),
    "owens_t in h": (
        lambda h: special.owens_t(h, 0.7),
        lambda h: mp.quad(lambda t: mp.exp(-h * h * (1 + t * t) / 2) / (1 + t * t), [0, mp.mpf(0.7)]) / (2 * mp.pi),
        line(-4, 4, 9),
    ),
    "sinc": (special.sinc, lambda x: mp.sincpi(x), [*log(1e-10, 30), 1.0, 2.0]),
    "exprel": (special.exprel, lambda x: mp.expm1(x) / x, [*both(1e-10, 300)]),
    "multigammaln": (
        lambda a: special.multigammaln(a, 3),
        lambda a: 3 * mp.log(mp.pi) / 2 + sum(mp.loggamma(a - mp.mpf(j) / 2) for j in range(3)),
        log(1.01, 1e6),
    ),
    "gammainc in a": (
        lambda a: special.gammainc(a, 2.0),
        lambda a: mp.gammainc(a, 0, 2, regularized=True),
        log(1e-2, 40, 8),
    ),
    "gammainc in x": (
        lambda x: special.gammainc(2.5, x),
        lambda x: mp.gammainc(2.5, 0, x, regularized=True),
        log(1e-6, 100),
    ),
    "betainc in a": (
        lambda a: special.betainc(a, 1.7, 0.3),
        lambda a: mp.betainc(a, mp.mpf(1.7), 0, mp.mpf(0.3), regularized=True),
        log(1e-2, 40, 8),
    ),
    "betainc in x": (
        lambda x: special.betainc(0.5, 3.5, x),
        lambda x: mp.betainc(mp.mpf(0.5), mp.mpf(3.5), 0, x, regularized=True),
        [*log(1e-8, 0.5), 0.9, 0.999],
    ),
    "ellipkinc in m": (
        lambda m: special.ellipkinc(1.1, m),
        lambda m: mp.ellipf(mp.mpf(1.1), m),
        [*[-v for v in log(1e-3, 1e4, 8)], *line(-0.1, 1.0, 7)],
    ),
    "ellipeinc in m": (
        lambda m: special.ellipeinc(4.2, m),
        lambda m: mp.ellipe(mp.mpf(4.2), m),
        [*[-v for v in log(1e-3, 1e4, 8)], *line(-0.1, 0.9, 6)],
    ),
    "ellipkinc in phi": (lambda p: special.ellipkinc(p, 0.7), lambda p: mp.ellipf(p, mp.mpf(0.7)), line(-7, 7, 15)),
    "elliprf": (lambda x: special.elliprf(x, 2.0, 1.0), lambda x: mp.elliprf(x, 2, 1), log(1e-6, 1e6, 12)),
    "elliprd": (lambda x: special.elliprd(1.0, 2.0, x), lambda x: mp.elliprd(1, 2, x), log(1e-6, 1e6, 12)),
    "elliprc": (lambda x: special.elliprc(1.0, x), lambda x: mp.elliprc(1, x), log(1e-6, 1e6, 12)),
    "hyp2f1": (
        lambda x: special.hyp2f1(0.7, 1.3, 2.6, x),
        lambda x: mp.hyp2f1(mp.mpf(0.7), mp.mpf(1.3), mp.mpf(2.6), x),
        [*line(-30, 0.9, 12), 1e-6, 0.99],
    ),
    "hyp1f1": (
        lambda x: special.hyp1f1(0.7, 1.6, x),
        lambda x: mp.hyp1f1(mp.mpf(0.7), mp.mpf(1.6), x),
        [*line(-30, 30, 13), 1e-6],
    ),
    "hyp0f1": (lambda x: special.hyp0f1(1.6, x), lambda x: mp.hyp0f1(mp.mpf(1.6), x), [*line(-30, 30, 13), 1e-6]),
    "struve": (lambda x: special.struve(0.5, x), lambda x: mp.struveh(0.5, x), log(1e-3, 30, 12)),
    "modstruve": (lambda x: special.modstruve(0.5, x), lambda x: mp.struvel(0.5, x), log(1e-3, 30, 12)),
    "Ai": (lambda x: special.airy(x)[0], mp.airyai, [*line(-20, 20, 17), 1e-6]),
    "Bi": (lambda x: special.airy(x)[2], mp.airybi, [*line(-20, 20, 17), 1e-6]),
    "Legendre": (lambda x: special.eval_legendre(7, x), lambda x: mp.legendre(7, x), line(-1.3, 1.3, 12)),
    "Jacobi": (
        lambda x: special.eval_jacobi(5, 0.5, -0.3, x),
        lambda x: mp.jacobi(5, mp.mpf(0.5), mp.mpf(-0.3), x),
        line(-1.3, 1.3, 12),
    ),
    "Chebyshev": (lambda x: special.eval_chebyt(9, x), lambda x: mp.chebyt(9, x), line(-1.3, 1.3, 12)),
    "Laguerre": (
        lambda x: special.eval_genlaguerre(5, 0.5, x),
        lambda x: mp.laguerre(5, mp.mpf(0.5), x),
        line(-3, 20, 12),
    ),
    "Hermite": (lambda x: special.eval_hermite(6, x), lambda x: mp.hermite(6, x), line(-5, 5, 12)),
    "spherical j": (
        lambda x: special.spherical_jn(2, x),
        lambda x: mp.sqrt(mp.pi / 2 / x) * mp.besselj(2.5, x),
        log(1e-2, 100, 12),
    ),
    "spherical y": (
        lambda x: special.spherical_yn(2, x),
        lambda x: mp.sqrt(mp.pi / 2 / x) * mp.bessely(2.5, x),
        log(1e-2, 100, 12),
    ),
    "spherical i": (
        lambda x: special.spherical_in(2, x),
        lambda x: mp.sqrt(mp.pi / 2 / x) * mp.besseli(2.5, x),
        log(1e-2, 100, 12),
    ),
    "spherical k": (
        lambda x: special.spherical_kn(2, x),
        lambda x: mp.sqrt(mp.pi / 2 / x) * mp.besselk(2.5, x),
        log(1e-2, 100, 12),
    ),
    "Voigt in x": (
        lambda x: special.voigt_profile(x, 1.0, 0.5),
        lambda x: _voigt(x, 1, mp.mpf(0.5)),
        line(-12, 12, 13),
    ),
    "Voigt in sigma": (
        lambda s: special.voigt_profile(2.0, s, 0.5),
        lambda s: _voigt(2, s, mp.mpf(0.5)),
        log(0.2, 20, 8),
    ),
}


def truth(f: F, order: int, x: float) -> tuple[float, float]:
    """Derivatives of that order and of the next one."""
    with mp.workdps(160 if max(abs(x), 1 / (abs(x) + 1e-99)) > 30 else 50):  # the truth by differences
        at = mp.mpf(x)
        pair = [mp.re(mp.diff(f, at, k)) if k else mp.re(f(at)) for k in (order, order + 1)]
        return float(pair[0]), float(pair[1])


def check(name: str, points: list[float], orders: range) -> None:
    f, exact, _ = SWEEP[name]
    wrong: list[str] = []
    for order in orders:
        g = f if order == 0 else gt.derivative(f, order=order)
        for x in points:
            found = g(gt.asarray(x)).item()
            expected, next_one = truth(exact, order, x)
            allowed = 1e-10 * abs(expected) + EPS * abs(x * next_one) + 1e-100
            if not abs(found - expected) <= allowed:
                wrong.append(f"order {order} at {x!r}: {found!r}, not {expected!r}")
    assert not wrong, "\n".join([name, *wrong])


#: Those whose truth takes mpmath long.
LONG = {
    *("owens_t in h", "zeta", "hurwitz in x", "expn 3", "ndtri", "spence", "Ai", "ellipeinc in m", "elliprd"),
    *("elliprf", "y0", "k0", "k1", "gammaln", "digamma"),
}


@pytest.mark.parametrize("name", [name for name in SWEEP if name not in LONG])
def test_a_few_points(name: str) -> None:
    points = SWEEP[name][2]
    check(name, [points[1], points[len(points) // 2]], range(2, 3))


@pytest.mark.slow
@pytest.mark.parametrize("name", SWEEP)
@pytest.mark.parametrize("order", range(5))
def test_sweep(name: str, order: int) -> None:
    check(name, SWEEP[name][2], range(order, order + 1))
