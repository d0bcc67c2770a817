"""More special functions by SciPy's names: polynomials, spherical Bessel, Airy, elliptic forms, Voigt's profile."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..primitives import carlson, faddeeva, families
from ..primitives.shapes import held
from ..record.tensor import Tensor
from ..record.writer import lift, public
from .parameters import tensor, whole

_gradtape_composes = True

__all__ = [
    "airy",
    "ellipeinc",
    "ellipkinc",
    "elliprc",
    "elliprd",
    "elliprf",
    "eval_chebyt",
    "eval_chebyu",
    "eval_gegenbauer",
    "eval_genlaguerre",
    "eval_hermite",
    "eval_hermitenorm",
    "eval_jacobi",
    "eval_laguerre",
    "eval_legendre",
    "hyp0f1",
    "hyp1f1",
    "hyp2f1",
    "modstruve",
    "spherical_in",
    "spherical_jn",
    "spherical_kn",
    "spherical_yn",
    "struve",
    "voigt_profile",
]

elliprf, elliprd, elliprc = public(carlson.elliprf), public(carlson.elliprd), public(carlson.elliprc)
ellipkinc, ellipeinc = public(carlson.ellipkinc), public(carlson.ellipeinc)


def _parameters_held(row: Any) -> Callable[..., Tensor]:
    """A function whose arguments but the last are held, so a gradient in them is None and says so."""
    function = public(row)

    def of_parameters(*arguments: Any) -> Tensor:
        *parameters, x = arguments
        lifted = [lift(p) for p in parameters]
        return function(*[held(p) if isinstance(p, Tensor) else p for p in lifted], tensor(x))

    of_parameters.__name__ = of_parameters.__qualname__ = row.primitive.name
    of_parameters.__doc__ = row.__doc__
    return of_parameters


hyp2f1, hyp1f1 = _parameters_held(families.hyp2f1), _parameters_held(families.hyp1f1)
hyp0f1 = _parameters_held(families.hyp0f1)
struve, modstruve = _parameters_held(families.struve), _parameters_held(families.modstruve)


def airy(x: Any, /) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Airy's functions ``(Ai(x), Ai'(x), Bi(x), Bi'(x))``, the solutions of ``y'' = x y``.

    >>> import gradtape as gt
    >>> gt.special.airy([0.0])[0]
    Tensor([0.35502805])
    """
    x = tensor(x)
    return (families.airy_ai(x), families.airy_ai_slope(x), families.airy_bi(x), families.airy_bi_slope(x))


def voigt_profile(x: Any, sigma: Any, gamma: Any, /) -> Tensor:
    """Voigt's profile: a normal density of width ``sigma`` convolved with Cauchy's of half width ``gamma``.

    It is ``Re w((x + i gamma) / (sigma sqrt(2))) / (sigma sqrt(2 pi))`` with Faddeeva's function w, of ``sigma > 0``
    and ``gamma >= 0``; differentiable in all three to every order.  Derivatives have an error of 1e-14 of w's, so
    where ``gamma`` is zero the normal density's tail has lost its digits from five ``sigma`` on.

    >>> import gradtape as gt
    >>> gt.special.voigt_profile([2.0], 1.0, 1.0)
    Tensor([0.0907152])
    """
    return faddeeva.voigt_profile(tensor(x), tensor(sigma), tensor(gamma))


def _degree(n: Any, asked: str) -> int:
    return whole(n, f"{asked}: the degree n")


def eval_jacobi(n: Any, alpha: float, beta: float, x: Any, /) -> Tensor:
    """Jacobi's polynomial of whole degree ``n``, with numbers ``alpha`` and ``beta``.

    >>> import gradtape as gt
    >>> gt.special.eval_jacobi(1, 0.0, 0.0, [0.5])
    Tensor([0.5])
    """
    return families.eval_jacobi(tensor(x), n=_degree(n, "eval_jacobi"), a=float(alpha), b=float(beta))


def eval_gegenbauer(n: Any, alpha: float, x: Any, /) -> Tensor:
    """Gegenbauer's polynomial of whole degree ``n``, with a number ``alpha``.

    >>> import gradtape as gt
    >>> gt.special.eval_gegenbauer(1, 2.0, [0.5])
    Tensor([2.])
    """
    return families.eval_gegenbauer(tensor(x), n=_degree(n, "eval_gegenbauer"), a=float(alpha))


def eval_legendre(n: Any, x: Any, /) -> Tensor:
    """Legendre's polynomial of whole degree ``n``.

    >>> import gradtape as gt
    >>> gt.special.eval_legendre(2, [0.5])
    Tensor([-0.125])
    """
    return families.eval_gegenbauer(tensor(x), n=_degree(n, "eval_legendre"), a=0.5)


def eval_chebyt(n: Any, x: Any, /) -> Tensor:
    """Chebyshev's polynomial of the first kind of whole degree ``n``: ``cos(n arccos(x))``.

    >>> import gradtape as gt
    >>> gt.special.eval_chebyt(2, [0.5])
    Tensor([-0.5])
    """
    return families.eval_chebyt(tensor(x), n=_degree(n, "eval_chebyt"))


def eval_chebyu(n: Any, x: Any, /) -> Tensor:
    """Chebyshev's polynomial of the second kind of whole degree ``n``.

    >>> import gradtape as gt
    >>> gt.special.eval_chebyu(2, [1.0])
    Tensor([3.])
    """
    return families.eval_gegenbauer(tensor(x), n=_degree(n, "eval_chebyu"), a=1.0)


def eval_genlaguerre(n: Any, alpha: float, x: Any, /) -> Tensor:
    """Laguerre's generalised polynomial of whole degree ``n``, with a number ``alpha``.

    >>> import gradtape as gt
    >>> gt.special.eval_genlaguerre(1, 1.0, [0.5])
    Tensor([1.5])
    """
    return families.eval_genlaguerre(tensor(x), n=_degree(n, "eval_genlaguerre"), a=float(alpha))


def eval_laguerre(n: Any, x: Any, /) -> Tensor:
    """Laguerre's polynomial of whole degree ``n``.

    >>> import gradtape as gt
    >>> gt.special.eval_laguerre(1, [0.5])
    Tensor([0.5])
    """
    return families.eval_genlaguerre(tensor(x), n=_degree(n, "eval_laguerre"), a=0.0)


def eval_hermite(n: Any, x: Any, /) -> Tensor:
    """The physicists' Hermite polynomial of whole degree ``n``.

    >>> import gradtape as gt
    >>> gt.special.eval_hermite(2, [1.0])
    Tensor([2.])
    """
    return families.eval_hermite(tensor(x), n=_degree(n, "eval_hermite"), normal=False)


def eval_hermitenorm(n: Any, x: Any, /) -> Tensor:
    """The probabilists' Hermite polynomial of whole degree ``n``.

    >>> import gradtape as gt
    >>> gt.special.eval_hermitenorm(2, [2.0])
    Tensor([3.])
    """
    return families.eval_hermite(tensor(x), n=_degree(n, "eval_hermitenorm"), normal=True)


def spherical_jn(n: Any, x: Any, /) -> Tensor:
    """The spherical Bessel function of the first kind, of whole order ``n``.

    >>> import gradtape as gt
    >>> gt.special.spherical_jn(0, [1.0])
    Tensor([0.84147098])
    """
    return families.spherical_jn(tensor(x), n=_degree(n, "spherical_jn"))


def spherical_yn(n: Any, x: Any, /) -> Tensor:
    """The spherical Bessel function of the second kind, of whole order ``n``.

    >>> import gradtape as gt
    >>> gt.special.spherical_yn(0, [1.0])
    Tensor([-0.54030231])
    """
    return families.spherical_yn(tensor(x), n=_degree(n, "spherical_yn"))


def spherical_in(n: Any, x: Any, /) -> Tensor:
    """The modified spherical Bessel function of the first kind, of whole order ``n``.

    >>> import gradtape as gt
    >>> gt.special.spherical_in(0, [1.0])
    Tensor([1.17520119])
    """
    return families.spherical_in(tensor(x), n=_degree(n, "spherical_in"))


def spherical_kn(n: Any, x: Any, /) -> Tensor:
    """The modified spherical Bessel function of the second kind, of whole order ``n``.

    >>> import gradtape as gt
    >>> gt.special.spherical_kn(0, [1.0])
    Tensor([0.57786367])
    """
    return families.spherical_kn(tensor(x), n=_degree(n, "spherical_kn"))


#: The docstrings of the rows are doctests too.
__test__ = {name: globals()[name].__doc__ for name in __all__}
