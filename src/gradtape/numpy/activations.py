"""The softmax family by SciPy's and JAX's names."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..primitives import cumulative, transcendental
from ..primitives import softmax as rows
from ..primitives.reductions import max as largest
from ..primitives.reductions import sum as total
from ..primitives.selection import equal, isfinite, where
from ..primitives.shapes import broadcast_to, flip, held
from ..record.tensor import Tensor
from .casting import cast
from .reductions import axes, tensor

_gradtape_composes = True

__all__ = ["cumulative_logsumexp", "log_softmax", "logsumexp", "softmax"]


def _float(x: Any) -> Tensor:
    """A floating-point Tensor."""
    x = tensor(x)
    return x if x.dtype.kind in "fc" else cast(x, np.float64)


def softmax(x: Any, /, axis: Any = -1) -> Tensor:
    return rows.softmax(_float(x), axis=axes(axis))


def log_softmax(x: Any, /, axis: Any = -1) -> Tensor:
    return rows.log_softmax(_float(x), axis=axes(axis))


def logsumexp(x: Any, /, axis: Any = None, b: Any = None, *, keepdims: bool = False) -> Tensor:
    x = _float(x)
    if b is None:
        return rows.logsumexp(x, axis=axes(axis), keepdims=keepdims)
    # log(sum(b exp(x - m))) + m: the shift m is held, since the sum does not depend on it.
    weights = _float(b)
    shape = np.broadcast_shapes(x.shape, weights.shape)
    x = x if x.shape == shape else broadcast_to(x, shape=shape)
    none = equal(weights, 0.0)  # what has no weight must neither set the shift nor overflow
    top = largest(where(none, -math.inf, x), axis=axes(axis), keepdims=True)
    shift = held(where(isfinite(top), top, 0.0))
    z = x - shift
    beyond = none & (z > math.log(np.finfo(z.dtype).max))
    sizes = transcendental.exp(where(beyond, 0.0, z))
    scaled = total(where(beyond, 0.0, weights * sizes), axis=axes(axis), keepdims=True)
    y = transcendental.log(scaled) + shift
    return y if keepdims else total(y, axis=axes(axis))


softmax.__doc__ = rows.softmax.__doc__
log_softmax.__doc__ = rows.log_softmax.__doc__
logsumexp.__doc__ = (
    str(rows.logsumexp.__doc__)
    + """
    With weights ``b``: log(sum(b * exp(x))), differentiable in both.
    """
)


def cumulative_logsumexp(x: Any, /, axis: int = 0, *, reverse: bool = False) -> Tensor:
    """Running log-sum-exp along an axis: y_k = log(exp(x_0) + ... + exp(x_k)), without overflow.

    ``reverse=True`` runs from the other end.

    >>> import gradtape as gt
    >>> gt.cumulative_logsumexp(gt.asarray([0.0, 0.0]))
    Tensor([0.        , 0.69314718])
    """
    x = _float(x)
    if not reverse:
        return cumulative.cumulative_logsumexp(x, axis=axis)
    return flip(cumulative.cumulative_logsumexp(flip(x, axis=(axis,)), axis=axis), axis=(axis,))
