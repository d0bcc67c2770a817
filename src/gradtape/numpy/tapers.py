"""Window functions by NumPy's names: weights that fall off towards both ends; kaiser is differentiable in its shape."""

from __future__ import annotations

from operator import index
from typing import Any

import numpy as np

from ..primitives.bessel import i0 as bessel_i0
from ..primitives.transcendental import sqrt
from ..record.tensor import Tensor
from .reductions import tensor

_gradtape_composes = True

__all__ = ["bartlett", "blackman", "hamming", "hanning", "i0", "kaiser"]


def i0(x: Any, /) -> Tensor:
    """The modified Bessel function of order 0, ``gt.special.i0``.

    >>> import gradtape as gt
    >>> gt.i0(0.0)
    Tensor(1.0)
    """
    return bessel_i0(tensor(x))


def bartlett(M: Any) -> Tensor:
    """A triangle over ``M`` points, 0 at both ends.

    >>> import gradtape as gt
    >>> gt.bartlett(5)
    Tensor([0. , 0.5, 1. , 0.5, 0. ])
    """
    return Tensor(np.bartlett(index(M)))


def blackman(M: Any) -> Tensor:
    """0.42 + 0.5 cos(t) + 0.08 cos(2 t) at ``M`` points t from -pi to pi.

    >>> import gradtape as gt
    >>> gt.round(gt.blackman(5), 2)
    Tensor([-0.  ,  0.34,  1.  ,  0.34, -0.  ])
    """
    return Tensor(np.blackman(index(M)))


def hamming(M: Any) -> Tensor:
    """0.54 + 0.46 cos(t) at ``M`` points t from -pi to pi.

    >>> import gradtape as gt
    >>> gt.round(gt.hamming(5), 2)
    Tensor([0.08, 0.54, 1.  , 0.54, 0.08])
    """
    return Tensor(np.hamming(index(M)))


def hanning(M: Any) -> Tensor:
    """0.5 + 0.5 cos(t) at ``M`` points t from -pi to pi.

    >>> import gradtape as gt
    >>> gt.hanning(5)
    Tensor([0. , 0.5, 1. , 0.5, 0. ])
    """
    return Tensor(np.hanning(index(M)))


def kaiser(M: Any, beta: Any) -> Tensor:
    """I0(beta sqrt(1 - t**2)) / I0(beta) at ``M`` points t from -1 to 1, differentiable in ``beta``.

    >>> import gradtape as gt
    >>> gt.round(gt.kaiser(5, 8.0), 3)
    Tensor([0.002, 0.369, 1.   , 0.369, 0.002])
    """
    n = index(M)
    if n <= 1:
        return Tensor(np.ones(max(n, 0)))
    t = (np.arange(n) - (n - 1) / 2) / ((n - 1) / 2)
    beta = tensor(beta)
    return bessel_i0(sqrt(1 - t * t) * beta) / bessel_i0(beta * 1.0)
