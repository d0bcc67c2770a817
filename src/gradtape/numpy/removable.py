"""Functions with a hole that their limit fills: sinc, x log y, (exp(x) - 1) / x ..."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..primitives import series
from ..record.tensor import Tensor
from ..record.writer import public
from .elementwise import tensor

_gradtape_composes = True

__all__ = ["entr", "expm1_over_x", "log1p_over_x", "logit", "sinc", "sinx_over_x", "xlog1py", "xlogy"]

entr = public(series.entr)
logit = public(series.logit)
xlogy = public(series.xlogy)
xlog1py = public(series.xlog1py)


def sinc(x: Any, /) -> Tensor:
    """``sin(pi x) / (pi x)``, and 1 at 0; accurate at and near 0 in every derivative.

    >>> import gradtape as gt
    >>> gt.sinc([0.0, 0.5])
    Tensor([1.        , 0.63661977])
    """
    return series.sinx_over_x(tensor(x) * np.pi, n=0)


def sinx_over_x(x: Any, /) -> Tensor:
    """``sin(x) / x``, and 1 at 0; accurate at and near 0 in every derivative.

    >>> import gradtape as gt
    >>> gt.sinx_over_x([0.0, 0.5])
    Tensor([1.        , 0.95885108])
    """
    return series.sinx_over_x(tensor(x), n=0)


def expm1_over_x(x: Any, /) -> Tensor:
    """``(exp(x) - 1) / x``, and 1 at 0; accurate at and near 0 in every derivative.

    >>> import gradtape as gt
    >>> gt.expm1_over_x([0.0, 0.5])
    Tensor([1.        , 1.29744254])
    """
    return series.expm1_over_x(tensor(x), n=0)


def log1p_over_x(x: Any, /) -> Tensor:
    """``log(1 + x) / x``, and 1 at 0; accurate at and near 0 in every derivative.

    >>> import gradtape as gt
    >>> gt.log1p_over_x([0.0, 0.5])
    Tensor([1.        , 0.81093022])
    """
    return series.log1p_over_x(tensor(x), n=0)


#: The docstrings of the rows are doctests too.
__test__ = {name: globals()[name].__doc__ for name in __all__ if hasattr(globals()[name], "primitive")}
