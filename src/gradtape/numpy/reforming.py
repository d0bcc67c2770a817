"""Small functions by NumPy's names: unwrap, frexp, trim_zeros, real_if_close, sort_complex, index helpers, reads."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..errors import ShapeError, message
from ..primitives import arithmetic, rounding
from ..primitives.complexes import real
from ..primitives.rounding import floor
from ..primitives.selection import where
from ..primitives.shapes import held
from ..record import sites
from ..record.tensor import Tensor, read
from .casting import cast
from .choosing import tril_indices, triu_indices
from .creation import asarray
from .joining import concat, vstack
from .reductions import tensor
from .running import cumsum, diff
from .sorting import sort

_gradtape_composes = True

__all__ = [
    "asarray_chkfinite",
    "asfortranarray",
    "diag_indices_from",
    "frexp",
    "mask_indices",
    "real_if_close",
    "require",
    "row_stack",
    "sort_complex",
    "tril_indices_from",
    "trim_zeros",
    "triu_indices_from",
    "unwrap",
]


def frexp(x: Any, /) -> tuple[Tensor, Tensor]:
    """``(m, e)`` with ``x = m * 2**e`` and ``0.5 <= |m| < 1``. ``e`` is a whole number, held constant: dm/dx = 2**-e.

    >>> import gradtape as gt
    >>> gt.frexp(10.0)
    (Tensor(0.625), Tensor(4, dtype=int32))
    """
    x = tensor(x)
    x = x if x.dtype.kind == "f" else cast(x, np.float64)
    e = rounding.exponent(x)
    return arithmetic.ldexp(x, -e), e


def unwrap(p: Any, discont: float | None = None, axis: int = -1, *, period: Any = 2 * math.pi) -> Tensor:
    """``p`` with multiples of ``period`` added from where it jumps by more than half a period (or ``discont``) on.

    How many periods are added is held constant: the derivative is that of ``p`` and, in ``period``, of the multiples.

    >>> import gradtape as gt
    >>> gt.unwrap(gt.asarray([0.0, 1.0, 6.5, 7.0]), period=6.0)
    Tensor([0. , 1. , 0.5, 1. ])
    """
    p = tensor(p)
    if p.ndim == 0:
        return p * 1
    axis %= p.ndim
    steps = held(diff(p, axis=axis))
    width: Any = period if not isinstance(period, Tensor) else held(period)
    turns = floor(steps / width + 0.5)
    # A step of just half a period keeps its direction.
    turns = where((steps / width + 0.5 == turns) & (steps > 0), turns - 1, turns)
    turns = where(abs(steps) < (width / 2 if discont is None else discont), 0, turns)
    lead = tuple([1 if i == axis else n for i, n in enumerate(p.shape)])
    whole = concat([np.zeros(lead, steps.dtype), -cumsum(turns, axis)], axis)
    return p + whole * period


def real_if_close(a: Any, tol: float = 100) -> Tensor:
    """The real part, if no imaginary part exceeds ``tol`` roundings (or ``tol`` itself, where it is below 1).

    >>> import gradtape as gt
    >>> gt.real_if_close(gt.asarray([2.0 + 1e-16j]))
    Tensor([2.])
    """
    a = tensor(a)
    if a.dtype.kind != "c":
        return a
    limit = tol * float(np.finfo(a.dtype).eps) if tol > 1 else tol
    return real(a) if np.all(np.abs(np.imag(read(a, "real_if_close()"))) < limit) else a


def sort_complex(a: Any) -> Tensor:
    """The values in order, by real and then by imaginary part, as complex numbers.

    >>> import gradtape as gt
    >>> gt.sort_complex([2.0, 1.0])
    Tensor([1.+0.j, 2.+0.j])
    """
    a = sort(a)
    return a if a.dtype.kind == "c" else cast(a, np.result_type(a.dtype, np.complex64))


def trim_zeros(filt: Any, trim: str = "fb") -> Tensor:
    """A row of values without the zeros at its front ("f") and its back ("b").

    >>> import gradtape as gt
    >>> gt.trim_zeros([0.0, 1.0, 0.0, 2.0, 0.0])
    Tensor([1., 0., 2.])
    """
    x = tensor(filt)
    if x.ndim != 1:
        raise ShapeError(message(f"trim_zeros: shape {x.shape}", where=str(sites.user_line()), remedy="Pass one row."))
    there = np.flatnonzero(read(x, "trim_zeros()"))
    if not there.size:
        return x[:0]
    start = int(there[0]) if "f" in trim.lower() else 0
    return x[start : int(there[-1]) + 1 if "b" in trim.lower() else x.size]


def asarray_chkfinite(a: Any, dtype: Any = None, order: Any = None) -> Tensor:
    """:func:`asarray`; ValueError where an element is infinite or NaN.

    >>> import gradtape as gt
    >>> gt.asarray_chkfinite([1.0, 2.0])
    Tensor([1., 2.])
    """
    y = asarray(a, dtype)
    if not np.all(np.isfinite(read(y, "asarray_chkfinite()"))):
        raise ValueError(message("asarray_chkfinite: infinite or nan", where=str(sites.user_line())))
    return y


def asfortranarray(a: Any, dtype: Any = None, *, like: Any = None) -> Tensor:
    """:func:`asarray`: how a Tensor lies in memory is not the user's to choose.

    >>> import gradtape as gt
    >>> gt.asfortranarray([1.0])
    Tensor([1.])
    """
    return asarray(a, dtype)


def require(a: Any, dtype: Any = None, requirements: Any = None, *, like: Any = None) -> Tensor:
    """:func:`asarray`: a Tensor is never written into, and how it lies in memory is not the user's to choose.

    >>> import gradtape as gt
    >>> gt.require([1, 2], dtype=gt.float64)
    Tensor([1., 2.])
    """
    return asarray(a, dtype)


def row_stack(arrays: Any, *, dtype: Any = None) -> Tensor:
    """:func:`vstack` by its old name.

    >>> import gradtape as gt
    >>> gt.row_stack([[1.0, 2.0], [3.0, 4.0]]).shape
    (2, 2)
    """
    return vstack(arrays, dtype=dtype)


def diag_indices_from(arr: Any) -> tuple[Tensor, ...]:
    """The indices of the main diagonal of an array with all axes of one length.

    >>> import gradtape as gt
    >>> gt.ones((2, 2))[gt.diag_indices_from(gt.ones((2, 2)))]
    Tensor([1., 1.])
    """
    x = tensor(arr)
    if x.ndim < 2 or len(set(x.shape)) != 1:
        raise ShapeError(message(f"diag_indices_from: shape {x.shape} is not square", where=str(sites.user_line())))
    return (Tensor(np.arange(x.shape[0])),) * x.ndim


def _matrix(arr: Any, asked: str) -> Tensor:
    x = tensor(arr)
    if x.ndim != 2:
        raise ShapeError(message(f"{asked}: shape {x.shape} is not that of a matrix", where=str(sites.user_line())))
    return x


def tril_indices_from(arr: Any, k: int = 0) -> tuple[Tensor, ...]:
    """The indices of the lower triangle of a matrix.

    >>> import gradtape as gt
    >>> gt.asarray([[1.0, 2.0], [3.0, 4.0]])[gt.tril_indices_from(gt.ones((2, 2)))]
    Tensor([1., 3., 4.])
    """
    x = _matrix(arr, "tril_indices_from")
    return tril_indices(x.shape[0], k, x.shape[1])


def triu_indices_from(arr: Any, k: int = 0) -> tuple[Tensor, ...]:
    """The indices of the upper triangle of a matrix.

    >>> import gradtape as gt
    >>> gt.asarray([[1.0, 2.0], [3.0, 4.0]])[gt.triu_indices_from(gt.ones((2, 2)))]
    Tensor([1., 2., 4.])
    """
    x = _matrix(arr, "triu_indices_from")
    return triu_indices(x.shape[0], k, x.shape[1])


def mask_indices(n: int, mask_func: Any, k: Any = 0) -> tuple[Tensor, ...]:
    """The indices where ``mask_func`` (such as triu) of an (n, n) array of ones is not 0.

    >>> import gradtape as gt
    >>> gt.mask_indices(2, gt.triu, 1)
    (Tensor([0]), Tensor([1]))
    """
    found = mask_func(asarray(np.ones((n, n), int)), k)
    return tuple([Tensor(at) for at in np.nonzero(read(tensor(found), "mask_indices()"))])
