"""Activation functions by the names that deep learning gave them; softmax and its kin are in numpy.activations."""

from __future__ import annotations

from typing import Any

from ..primitives import activations as rows
from ..primitives import arithmetic
from ..primitives.complexes import absolute
from ..primitives.selection import where
from ..record.tensor import Tensor
from ..record.writer import lift, public, strong
from .casting import cast

_gradtape_composes = True

__all__ = [
    "celu",
    "elu",
    "expit",
    "gelu",
    "hard_sigmoid",
    "hard_swish",
    "hard_tanh",
    "leaky_relu",
    "log_sigmoid",
    "mish",
    "relu",
    "relu6",
    "selu",
    "sigmoid",
    "silu",
    "softplus",
    "softsign",
    "swish",
    "threshold",
]

log_sigmoid = public(rows.log_sigmoid)
mish = public(rows.mish)
relu = public(rows.relu)
relu6 = public(rows.relu6)
hard_tanh = public(rows.hard_tanh)
sigmoid = expit = public(rows.sigmoid)
silu = public(rows.silu)
softplus = public(rows.softplus)


def _float(x: Any) -> Tensor:
    x = strong(lift(x))
    return x if x.dtype.kind in "fc" else cast(x, "float64")


def swish(x: Any, /, beta: Any = 1.0) -> Tensor:
    """``x * sigmoid(beta * x)``; with ``beta = 1`` it is silu.

    >>> import gradtape as gt
    >>> gt.swish(1.0)
    Tensor(0.7310585786300049)
    """
    x = _float(x)
    return rows.silu(x) if type(beta) is float and beta == 1.0 else x * rows.sigmoid(beta * x)


def softsign(x: Any, /) -> Tensor:
    x = strong(lift(x))
    return x / (1.0 + absolute(x)) if x.dtype.kind == "c" else rows.softsign(x)


softsign.__doc__ = rows.softsign.__doc__


def leaky_relu(x: Any, /, negative_slope: float = 0.01) -> Tensor:
    """``x`` where positive, else ``negative_slope * x``; at 0 the slope is that of the left side.

    >>> import gradtape as gt
    >>> gt.leaky_relu([-1.0, 2.0])
    Tensor([-0.01,  2.  ])
    """
    return rows.leaky_relu(_float(x), slope=float(negative_slope))


def elu(x: Any, /, alpha: float = 1.0) -> Tensor:
    """``x`` where positive, else ``alpha * (exp(x) - 1)``; at 0 the slopes are those of the left side.

    >>> import gradtape as gt
    >>> gt.elu([-1.0, 2.0])
    Tensor([-0.63212056,  2.        ])
    """
    return rows.elu(_float(x), alpha=float(alpha), scale=1.0)


def selu(x: Any, /) -> Tensor:
    """The scaled elu of self-normalising networks: 1.0507 elu(x, 1.6733).

    >>> import gradtape as gt
    >>> gt.selu(1.0)
    Tensor(1.0507009873554805)
    """
    return rows.elu(_float(x), alpha=1.6732632423543772, scale=1.0507009873554805)


def celu(x: Any, /, alpha: float = 1.0) -> Tensor:
    """``x`` where positive, else ``alpha * (exp(x / alpha) - 1)``.

    >>> import gradtape as gt
    >>> gt.celu([-1.0, 2.0])
    Tensor([-0.63212056,  2.        ])
    """
    return rows.celu(_float(x), alpha=float(alpha))


def gelu(x: Any, /, approximate: bool | str = False) -> Tensor:
    """``x`` times the standard normal distribution function of ``x``.

    ``approximate=True`` (or ``"tanh"``) is 0.5 x (1 + tanh(sqrt(2/pi) (x + 0.044715 x**3))).

    >>> import gradtape as gt
    >>> gt.gelu(1.0)
    Tensor(0.8413447460685429)
    """
    x = _float(x)
    if approximate in (False, "none"):
        return rows.gelu(x)
    # (1 + tanh(u)) / 2 = sigmoid(2 u), which keeps its digits in the left tail.
    return x * rows.sigmoid(1.5957691216057308 * (x + 0.044715 * arithmetic.power(x, 3)))


def hard_sigmoid(x: Any, /) -> Tensor:
    """``relu6(x + 3) / 6``.

    >>> import gradtape as gt
    >>> gt.hard_sigmoid([-4.0, 0.0])
    Tensor([0. , 0.5])
    """
    return rows.relu6(_float(x) + 3.0) / 6.0


def hard_swish(x: Any, /) -> Tensor:
    """``x * hard_sigmoid(x)``.

    >>> import gradtape as gt
    >>> gt.hard_swish([-4.0, 1.0])
    Tensor([-0.        ,  0.66666667])
    """
    x = _float(x)
    return x * hard_sigmoid(x)


def threshold(x: Any, /, threshold: float, value: float) -> Tensor:
    """``x`` where it is above ``threshold``, else ``value``.

    >>> import gradtape as gt
    >>> gt.threshold([0.5, 2.0], 1.0, 0.0)
    Tensor([0., 2.])
    """
    x = _float(x)
    return where(x > threshold, x, value)


#: The docstrings of the rows are doctests too.
__test__ = {name: globals()[name].__doc__ for name in __all__ if hasattr(globals()[name], "primitive")}
