"""Element-wise functions by the Array API's and NumPy's names."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..errors import DtypeError, message
from ..primitives import arithmetic, complexes, polar, predicates, rounding, selection, transcendental
from ..primitives.shapes import astype
from ..record.tensor import Tensor
from ..record.writer import lift, public, strong
from .names import functions

_gradtape_composes = True

__all__ = [
    "abs",
    "absolute",
    "acos",
    "acosh",
    "add",
    "angle",
    "arccos",
    "arccosh",
    "arcsin",
    "arcsinh",
    "arctan",
    "arctan2",
    "arctanh",
    "around",
    "asin",
    "asinh",
    "atan",
    "atan2",
    "atanh",
    "cbrt",
    "ceil",
    "clip",
    "conj",
    "conjugate",
    "copysign",
    "cos",
    "cosh",
    "deg2rad",
    "degrees",
    "divide",
    "divmod",
    "exp",
    "exp2",
    "expm1",
    "fabs",
    "fix",
    "float_power",
    "floor",
    "floor_divide",
    "fmax",
    "fmin",
    "fmod",
    "heaviside",
    "hypot",
    "imag",
    "ldexp",
    "log",
    "log1p",
    "log2",
    "log10",
    "logaddexp",
    "logaddexp2",
    "maximum",
    "minimum",
    "mod",
    "modf",
    "multiply",
    "nan_to_num",
    "negative",
    "nextafter",
    "positive",
    "pow",
    "power",
    "rad2deg",
    "radians",
    "real",
    "reciprocal",
    "remainder",
    "rint",
    "round",
    "rsqrt",
    "sign",
    "sin",
    "sinh",
    "spacing",
    "sqrt",
    "square",
    "subtract",
    "tan",
    "tanh",
    "true_divide",
    "trunc",
    "where",
]


def tensor(x: Any) -> Tensor:
    """A Tensor from anything array-like."""
    return x if type(x) is Tensor else strong(lift(x))


def operands(*xs: Any) -> tuple[Any, ...]:
    """Tensors and weak Python numbers; at least the first is a Tensor where all are numbers."""
    lifted = tuple([lift(x) for x in xs])
    return lifted if any(type(x) is Tensor for x in lifted) else (strong(lifted[0]), *lifted[1:])


# -- arithmetic ----------------------------------------------------------------------------------------------

add = public(arithmetic.add)
subtract = public(arithmetic.subtract)
multiply = public(arithmetic.multiply)
divide = true_divide = public(arithmetic.divide)
negative = public(arithmetic.negative)
positive = public(arithmetic.positive)
reciprocal = public(arithmetic.reciprocal)
square = public(arithmetic.square)
floor_divide = public(arithmetic.floor_divide)
remainder = mod = public(arithmetic.remainder)
fmod = public(arithmetic.fmod)
ldexp = public(arithmetic.ldexp)
deg2rad = radians = public(arithmetic.deg2rad)
rad2deg = degrees = public(arithmetic.rad2deg)


power = pow = public(arithmetic.power)


def float_power(x1: Any, x2: Any, /) -> Tensor:
    """``x1 ** x2`` in float64 (complex128) whatever the dtypes.

    >>> import gradtape as gt
    >>> gt.float_power(2, -2)
    Tensor(0.25)
    """
    x1, x2 = tensor(x1), tensor(x2)
    dtype = np.result_type(x1.dtype, x2.dtype, np.float64)
    return arithmetic.power(_as(x1, dtype), _as(x2, dtype))


def _as(x: Tensor, dtype: Any) -> Tensor:
    return x if x.dtype == dtype else astype(x, dtype=np.dtype(dtype))


def divmod(x1: Any, x2: Any, /) -> tuple[Tensor, Tensor]:
    """``(x1 // x2, x1 % x2)``.

    >>> import gradtape as gt
    >>> gt.divmod(7.0, 4.0)
    (Tensor(1.0), Tensor(3.0))
    """
    x1, x2 = operands(x1, x2)
    return arithmetic.floor_divide(x1, x2), arithmetic.remainder(x1, x2)


def modf(x: Any, /) -> tuple[Tensor, Tensor]:
    """The fractional and the whole part of ``x``, both with its sign.

    >>> import gradtape as gt
    >>> gt.modf(-2.5)
    (Tensor(-0.5), Tensor(-2.0))
    """
    x = tensor(x)
    whole = rounding.trunc(x)
    return arithmetic.fmod(x, 1.0), whole


# -- exponentials, logarithms, roots -------------------------------------------------------------------------

exp = public(transcendental.exp)
exp2 = public(transcendental.exp2)
expm1 = public(transcendental.expm1)
log = public(transcendental.log)
log2 = public(transcendental.log2)
log10 = public(transcendental.log10)
log1p = public(transcendental.log1p)
logaddexp = public(polar.logaddexp)
logaddexp2 = public(polar.logaddexp2)
sqrt = public(transcendental.sqrt)
rsqrt = public(transcendental.rsqrt)
cbrt = public(transcendental.cbrt)
hypot = public(polar.hypot)

# -- trigonometric and hyperbolic functions ------------------------------------------------------------------

sin = public(transcendental.sin)
cos = public(transcendental.cos)
tan = public(transcendental.tan)
asin = arcsin = public(transcendental.arcsin)
acos = arccos = public(transcendental.arccos)
atan = arctan = public(transcendental.arctan)
atan2 = arctan2 = public(polar.arctan2)
sinh = public(transcendental.sinh)
cosh = public(transcendental.cosh)
tanh = public(transcendental.tanh)
asinh = arcsinh = public(transcendental.arcsinh)
acosh = arccosh = public(transcendental.arccosh)
atanh = arctanh = public(transcendental.arctanh)

# -- complex values ------------------------------------------------------------------------------------------

conj = conjugate = public(complexes.conj)
real = public(complexes.real)
imag = public(complexes.imag)


def abs(x: Any, /) -> Tensor:
    """``|x|``; of a complex value its length. The slope at 0 is 0.

    >>> import gradtape as gt
    >>> gt.abs([-1.0, 2.0]), gt.abs(3 + 4j)
    (Tensor([1., 2.]), Tensor(5.0))
    """
    x = tensor(x)
    return polar.hypot(complexes.real(x), complexes.imag(x)) if x.dtype.kind == "c" else rounding.abs(x)


absolute = abs


def fabs(x: Any, /) -> Tensor:
    """``|x|`` of real values, as a float.

    >>> import gradtape as gt
    >>> gt.fabs(-2)
    Tensor(2.0)
    """
    x = tensor(x)
    if x.dtype.kind == "c":
        raise DtypeError(message("fabs: complex values are not accepted", f"dtype {x.dtype}", remedy="Use gt.abs."))
    return rounding.abs(x if x.dtype.kind == "f" else _as(x, np.float64))


def angle(z: Any, deg: bool = False) -> Tensor:
    """The angle of ``z`` in the complex plane, in radians or in degrees; 0 has the derivative 0.

    >>> import gradtape as gt
    >>> gt.angle(1j)
    Tensor(1.5707963267948966)
    """
    z = tensor(z)
    y = polar.arctan2(complexes.imag(z), complexes.real(z))
    return arithmetic.rad2deg(y) if deg else y


# -- rounding and signs --------------------------------------------------------------------------------------

floor = public(rounding.floor)
ceil = public(rounding.ceil)
trunc = fix = public(rounding.trunc)
heaviside = public(rounding.heaviside)
spacing = public(rounding.spacing)
nextafter = public(rounding.nextafter)
copysign = public(rounding.copysign)


def sign(x: Any, /) -> Tensor:
    """-1, 0 or 1; of a complex value ``x / |x|``. The slope of a real sign is zero.

    >>> import gradtape as gt
    >>> gt.sign([-2.0, 0.0, 3.0])
    Tensor([-1.,  0.,  1.])
    """
    x = tensor(x)
    if x.dtype.kind != "c":
        return rounding.sign(x)
    size = abs(x)
    zero = predicates.equal(size, 0)
    return selection.where(zero, 0.0, x / selection.where(zero, 1.0, size))


def round(x: Any, /, decimals: int = 0) -> Tensor:
    """``x`` rounded to ``decimals`` places, halves to even; its slope is zero.

    >>> import gradtape as gt
    >>> gt.round([1.5, 2.5, 1.23])
    Tensor([2., 2., 1.])
    """
    return rounding.round(tensor(x), decimals=int(decimals))


around = round


def rint(x: Any, /) -> Tensor:
    """``x`` rounded to whole numbers, halves to even; its slope is zero.

    >>> import gradtape as gt
    >>> gt.rint([0.5, 1.5])
    Tensor([0., 2.])
    """
    x = tensor(x)
    return rounding.round(x if x.dtype.kind in "fc" else _as(x, np.float64), decimals=0)


# -- choices -------------------------------------------------------------------------------------------------

maximum = public(selection.maximum)
minimum = public(selection.minimum)
fmax = public(selection.fmax)
fmin = public(selection.fmin)


def where(condition: Any, /, x1: Any = None, x2: Any = None) -> Any:
    if x1 is None and x2 is None:
        return functions()["nonzero"](condition)
    return selection.where(tensor(condition), *operands(x1, x2))


where.__doc__ = selection.where.__doc__


def clip(x: Any, /, min: Any = None, max: Any = None, *, a_min: Any = None, a_max: Any = None) -> Tensor:
    """``x`` held between ``min`` and ``max``, numbers or arrays; None sets no bound.

    The slope is 1 on the closed interval and 0 outside; there the bound's slope is 1.

    >>> import gradtape as gt
    >>> gt.clip([-1.0, 0.5, 3.0], 0, 1)
    Tensor([0. , 0.5, 1. ])
    """
    x = tensor(x)
    low = lift(min if min is not None else a_min) if min is not None or a_min is not None else _lowest(x)
    high = lift(max if max is not None else a_max) if max is not None or a_max is not None else _highest(x)
    return selection.clip(x, low, high)


def _lowest(x: Tensor) -> Any:
    return int(np.iinfo(x.dtype).min) if x.dtype.kind in "iu" else -np.inf


def _highest(x: Tensor) -> Any:
    return int(np.iinfo(x.dtype).max) if x.dtype.kind in "iu" else np.inf


def nan_to_num(
    x: Any, /, copy: bool = True, nan: float = 0.0, posinf: float | None = None, neginf: float | None = None
) -> Tensor:
    """``x`` with nan and the infinities replaced by numbers (default: 0 and the largest ones).

    The derivative is 1 where ``x`` is finite, else 0.

    >>> import gradtape as gt
    >>> gt.nan_to_num([gt.nan, 1.0], nan=-1.0)
    Tensor([-1.,  1.])
    """
    return selection.nan_to_num(tensor(x), nan=nan, posinf=posinf, neginf=neginf)


#: The docstrings of the rows are doctests too.
__test__ = {name: globals()[name].__doc__ for name in __all__ if hasattr(globals()[name], "primitive")}
