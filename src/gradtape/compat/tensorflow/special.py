"""tf.math's special functions, and tf.math.special: TensorFlow's names for gradtape's."""

from __future__ import annotations

from typing import Any

from ...errors import ShapeError, message
from ...numpy import special
from ...record import sites
from ...record.tensor import read
from .convert import operands, tensor
from .names import fallback, gt
from .tables import binary, unary

_gradtape_composes = True

__all__ = [
    "bessel_i0",
    "bessel_i0e",
    "bessel_i1",
    "bessel_i1e",
    "bessel_j0",
    "bessel_j1",
    "bessel_k0",
    "bessel_k0e",
    "bessel_k1",
    "bessel_k1e",
    "bessel_y0",
    "bessel_y1",
    "betainc",
    "dawsn",
    "digamma",
    "erf",
    "erfc",
    "erfcinv",
    "erfinv",
    "expint",
    "fresnel_cos",
    "fresnel_sin",
    "igamma",
    "igammac",
    "lbeta",
    "lgamma",
    "ndtri",
    "polygamma",
    "reciprocal_no_nan",
    "spence",
    "xdivy",
    "zeta",
]

bessel_i0 = unary("special.i0")
bessel_i0e = unary("special.i0e")
bessel_i1 = unary("special.i1")
bessel_i1e = unary("special.i1e")
bessel_j0 = unary("special.j0")
bessel_j1 = unary("special.j1")
bessel_k0 = unary("special.k0")
bessel_k1 = unary("special.k1")
bessel_y0 = unary("special.y0")
bessel_y1 = unary("special.y1")
dawsn = unary("special.dawsn")
digamma = unary("special.digamma")
erf = unary("special.erf")
erfc = unary("special.erfc")
erfcinv = unary("special.erfcinv")
erfinv = unary("special.erfinv")
expint = unary("special.expi")
igamma = binary("special.gammainc", "a", "x")
igammac = binary("special.gammaincc", "a", "x")
lgamma = unary("special.gammaln")
ndtri = unary("special.ndtri")
spence = unary("special.spence")
zeta = binary("special.zeta", "x", "q")


def bessel_k0e(x: Any, name: Any = None) -> Any:
    """exp(x) K0(x)."""
    x = tensor(x)
    return gt.exp(x) * special.k0(x)


def bessel_k1e(x: Any, name: Any = None) -> Any:
    """exp(x) K1(x)."""
    x = tensor(x)
    return gt.exp(x) * special.k1(x)


def betainc(a: Any, b: Any, x: Any, name: Any = None) -> Any:
    """The regularised incomplete beta function."""
    a, b = operands(a, b)
    return special.betainc(a, b, operands(a, x)[1])


def fresnel_cos(x: Any, name: Any = None) -> Any:
    """The Fresnel integral of the cosine."""
    return special.fresnel(tensor(x))[1]


def fresnel_sin(x: Any, name: Any = None) -> Any:
    """The Fresnel integral of the sine."""
    return special.fresnel(tensor(x))[0]


def lbeta(x: Any, name: Any = None) -> Any:
    """The logarithm of the multivariate beta function along the last axis."""
    x = tensor(x)
    return gt.sum(special.gammaln(x), axis=-1) - special.gammaln(gt.sum(x, axis=-1))


def polygamma(a: Any, x: Any, name: Any = None) -> Any:
    """The derivative of order ``a`` (one whole number) of the digamma function."""
    order, x = operands(a, x)
    values = read(order, "polygamma() of that order")
    n = int(values.reshape(-1)[0])
    if (values != n).any():
        raise ShapeError(
            message(
                "tf.math.polygamma: orders that differ, or are not whole",
                where=str(sites.user_line()),
                remedy="Call it once for each order.",
            )
        )
    y = special.polygamma(n, x)
    return gt.broadcast_to(y, gt.broadcast_shapes(order.shape, y.shape))


def reciprocal_no_nan(x: Any, name: Any = None) -> Any:
    """1 / x, and 0 where x is 0."""
    x = tensor(x)
    zero = gt.stop_gradient(x) == 0
    return gt.where(zero, 0.0, 1.0 / gt.where(zero, 1.0, x))


def xdivy(x: Any, y: Any, name: Any = None) -> Any:
    """x / y, and 0 where x is 0, whatever y is. The slope in x is 1 / y there too, and 0 where y is 0 or nan."""
    x, y = operands(x, y)
    held = gt.stop_gradient(y)
    zero = (gt.stop_gradient(x) == 0) & ((held == 0) | gt.isnan(held))
    return gt.where(zero, 0.0, x / gt.where(zero, 1.0, y))


__getattr__ = fallback(__name__)
