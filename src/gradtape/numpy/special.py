"""Special functions by SciPy's names, differentiable to every order: ``gt.special``.

Values are SciPy's (imported when a function is first called); derivatives are closed rules, accurate in the tails.
All are of real arguments, element by element, with NumPy's broadcasting and promotion; erf and erfc are complex too.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..errors import ShapeError, message
from ..primitives import activations as neural
from ..primitives import bessel, divergences, elliptic, error_functions, incomplete, integrals
from ..primitives import gamma as gammas
from ..primitives.shapes import held
from ..record import sites
from ..record.tensor import Tensor
from ..record.writer import lift, public
from .activations import log_softmax, logsumexp, softmax
from .families import (
    airy,
    ellipeinc,
    ellipkinc,
    elliprc,
    elliprd,
    elliprf,
    eval_chebyt,
    eval_chebyu,
    eval_gegenbauer,
    eval_genlaguerre,
    eval_hermite,
    eval_hermitenorm,
    eval_jacobi,
    eval_laguerre,
    eval_legendre,
    hyp0f1,
    hyp1f1,
    hyp2f1,
    modstruve,
    spherical_in,
    spherical_jn,
    spherical_kn,
    spherical_yn,
    struve,
    voigt_profile,
)
from .parameters import tensor, whole
from .removable import entr, expm1_over_x, logit, sinc, xlog1py, xlogy

_gradtape_composes = True

__all__ = [
    "airy",
    "beta",
    "betainc",
    "betaincc",
    "betaincinv",
    "betaln",
    "binom",
    "dawsn",
    "digamma",
    "dilog",
    "ellipe",
    "ellipeinc",
    "ellipk",
    "ellipkinc",
    "ellipkm1",
    "elliprc",
    "elliprd",
    "elliprf",
    "entr",
    "erf",
    "erfc",
    "erfcinv",
    "erfcx",
    "erfinv",
    "eval_chebyt",
    "eval_chebyu",
    "eval_gegenbauer",
    "eval_genlaguerre",
    "eval_hermite",
    "eval_hermitenorm",
    "eval_jacobi",
    "eval_laguerre",
    "eval_legendre",
    "exp1",
    "expi",
    "expit",
    "expn",
    "exprel",
    "factorial",
    "fresnel",
    "gamma",
    "gammainc",
    "gammaincc",
    "gammainccinv",
    "gammaincinv",
    "gammaln",
    "huber",
    "hyp0f1",
    "hyp1f1",
    "hyp2f1",
    "i0",
    "i0e",
    "i1",
    "i1e",
    "iv",
    "j0",
    "j1",
    "jn",
    "jv",
    "k0",
    "k1",
    "kl_div",
    "kn",
    "kv",
    "lambertw",
    "lgamma",
    "log_expit",
    "log_ndtr",
    "log_softmax",
    "loggamma",
    "logit",
    "logsumexp",
    "modstruve",
    "multigammaln",
    "ndtr",
    "ndtri",
    "ndtri_exp",
    "owens_t",
    "polygamma",
    "pseudo_huber",
    "psi",
    "rel_entr",
    "rgamma",
    "sici",
    "sinc",
    "softmax",
    "spence",
    "spherical_in",
    "spherical_jn",
    "spherical_kn",
    "spherical_yn",
    "struve",
    "voigt_profile",
    "xlog1py",
    "xlogy",
    "y0",
    "y1",
    "yn",
    "yv",
    "zeta",
]


def _first_held(row: Any) -> Callable[[Any, Any], Tensor]:
    """A function of an order and an argument: the order is held, so a gradient in it is None and says so."""
    function = public(row)

    def of_order(v: Any, x: Any, /) -> Tensor:
        v = lift(v)
        return function(held(v) if isinstance(v, Tensor) else v, tensor(x))

    of_order.__name__ = of_order.__qualname__ = row.primitive.name
    of_order.__doc__ = row.__doc__
    return of_order


# -- gamma and its kin ---------------------------------------------------------------------------------------------

gamma = public(gammas.gamma)
rgamma = public(gammas.rgamma)
gammaln = lgamma = public(gammas.gammaln)
loggamma = public(gammas.loggamma)
digamma = psi = public(gammas.digamma)
beta = public(gammas.beta)
betaln = public(gammas.betaln)
binom = public(gammas.binom)
gammainc = public(incomplete.gammainc)
gammaincc = public(incomplete.gammaincc)
gammaincinv = public(incomplete.gammaincinv)
gammainccinv = public(incomplete.gammainccinv)
betainc = public(incomplete.betainc)
betaincc = public(incomplete.betaincc)
betaincinv = public(incomplete.betaincinv)


def polygamma(n: Any, x: Any, /) -> Tensor:
    """Derivative ``n`` (a whole number) of the digamma function at ``x``.

    >>> import gradtape as gt
    >>> gt.special.polygamma(1, [1.0])
    Tensor([1.64493407])
    """
    n = whole(n, "polygamma: the order n")
    return gammas.polygamma(tensor(x), n=n) if n else digamma(x)


def factorial(n: Any, /) -> Tensor:
    """``n! = gamma(n + 1)``, of real ``n``, also where SciPy's factorial says 0 below 0.

    >>> import gradtape as gt
    >>> gt.special.factorial([3.0, 0.5])
    Tensor([6.        , 0.88622693])
    """
    return gammas.gamma(tensor(n) + 1.0)


def multigammaln(a: Any, d: int, /) -> Tensor:
    """log of the multivariate gamma function of dimension ``d``: a sum of ``gammaln(a - j/2)``, j = 0 .. d-1.

    >>> import gradtape as gt
    >>> gt.special.multigammaln(1.0, 1)
    Tensor(0.0)
    """
    return gammas.multigammaln(tensor(a), d=whole(d, "multigammaln: the dimension d", 1))


def zeta(s: Any, x: Any = None, /) -> Tensor:
    """Riemann's zeta function, or Hurwitz's: the sum over k >= 0 of ``(x + k)**(-s)``.

    Differentiable in both arguments, by the formula of Euler and Maclaurin; to rounding for ``s > 0``, to nine digits
    down to ``s = -4``.

    >>> import gradtape as gt
    >>> gt.special.zeta([2.0]), gt.special.zeta(2.0, [0.5])
    (Tensor([1.64493407]), Tensor([4.9348022]))
    """
    return gammas.hurwitz(tensor(s), 1.0 if x is None else lift(x), n=0)


# -- error functions and the normal distribution -------------------------------------------------------------------

erf = public(error_functions.erf)
erfc = public(error_functions.erfc)
erfcx = public(error_functions.erfcx)
erfinv = public(error_functions.erfinv)
erfcinv = public(error_functions.erfcinv)
ndtr = public(error_functions.ndtr)
ndtri = public(error_functions.ndtri)
log_ndtr = public(error_functions.log_ndtr)
ndtri_exp = public(error_functions.ndtri_exp)
dawsn = public(error_functions.dawsn)
owens_t = public(integrals.owens_t)

# -- logistic functions, entropies, losses ---------------------------------------------------------------------------

expit = public(neural.sigmoid)
log_expit = public(neural.log_sigmoid)
exprel = expm1_over_x
kl_div = public(divergences.kl_div)
rel_entr = public(divergences.rel_entr)
huber = public(divergences.huber)
pseudo_huber = public(divergences.pseudo_huber)

# -- Bessel functions ------------------------------------------------------------------------------------------------

j0, j1, y0, y1 = public(bessel.j0), public(bessel.j1), public(bessel.y0), public(bessel.y1)
i0, i1, k0, k1 = public(bessel.i0), public(bessel.i1), public(bessel.k0), public(bessel.k1)
i0e, i1e = public(bessel.i0e), public(bessel.i1e)
jv = jn = _first_held(bessel.jv)
yv = yn = _first_held(bessel.yv)
iv = _first_held(bessel.iv)
kv = kn = _first_held(bessel.kv)

# -- integrals ---------------------------------------------------------------------------------------------------------

exp1 = public(integrals.exp1)
expi = public(integrals.expi)
spence = public(integrals.spence)
ellipk = public(elliptic.ellipk)
ellipkm1 = public(elliptic.ellipkm1)
ellipe = public(elliptic.ellipe)


def expn(n: Any, x: Any, /) -> Tensor:
    """The exponential integral ``E_n(x)``: that of ``exp(-x t) / t**n`` over ``t > 1``, of a whole ``n``.

    >>> import gradtape as gt
    >>> gt.special.expn(2, 0.0)
    Tensor(1.0)
    """
    return integrals.expn(tensor(x), n=whole(n, "expn: the order n"))


def sici(x: Any, /) -> tuple[Tensor, Tensor]:
    """The sine and the cosine integral ``(Si(x), Ci(x))``.

    >>> import gradtape as gt
    >>> gt.special.sici([1.0])
    (Tensor([0.94608307]), Tensor([0.33740392]))
    """
    x = tensor(x)
    return integrals.sine_integral(x), integrals.cosine_integral(x)


def fresnel(x: Any, /) -> tuple[Tensor, Tensor]:
    """The Fresnel integrals ``(S(x), C(x))`` of sin and cos of ``pi t**2 / 2`` from 0 to ``x``.

    >>> import gradtape as gt
    >>> gt.special.fresnel([1.0])
    (Tensor([0.43825915]), Tensor([0.7798934]))
    """
    x = tensor(x)
    return integrals.fresnel_sine(x), integrals.fresnel_cosine(x)


def dilog(x: Any, /) -> Tensor:
    """The dilogarithm: the sum of ``x**k / k**2``, of ``x <= 1``; it is ``spence(1 - x)``.

    >>> import gradtape as gt
    >>> gt.special.dilog([1.0])
    Tensor([1.64493407])
    """
    return integrals.spence(1.0 - tensor(x))


def lambertw(x: Any, /, k: int = 0) -> Tensor:
    """The real ``w`` with ``w exp(w) = x``: branch 0 for ``x >= -1/e``, branch -1 for ``-1/e <= x < 0``; else nan.

    >>> import gradtape as gt
    >>> gt.special.lambertw([1.0])
    Tensor([0.56714329])
    """
    if k not in (0, -1):
        raise ShapeError(message("lambertw: only branches 0 and -1 are real", [f"k = {k!r}"], str(sites.user_line())))
    return integrals.lambertw(tensor(x), k=k)


#: The docstrings of the rows are doctests too.
__test__ = {name: globals()[name].__doc__ for name in __all__ if name not in ("log_softmax", "logsumexp", "softmax")}
