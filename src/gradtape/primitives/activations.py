"""Activation functions of neural networks, element by element; each with slopes to full relative accuracy.

sigmoid' = sech(x/2)^2 / 4 and softplus' = sigmoid(x) lose nothing in either tail nor at 0, at any order
(singular-points table, rule 5).  At a kink the slope is the one that the row states.
"""

from __future__ import annotations

from typing import Any

from ..rules.batching import lanes
from ..rules.kinds import constant, elementwise
from .docs import documented
from .rounding import abs
from .selection import clip, where
from .transcendental import exp, sech_squared, tanh

# Slopes of the form x g(x), where g has vanished in floating point long before x is infinite, take x no further than
# that: at an infinity they are their limit, to every order.


def _within(x: Any, far: float) -> Any:
    return x if x.dtype.kind == "c" else clip(x, -far, far)


# -- sigmoid and its family -------------------------------------------------------------------------------------


def _sigmoid(xp: Any, x: Any) -> Any:
    if x.dtype.kind == "c":
        return 1 / (1 + xp.exp(-x))
    e = xp.exp(-xp.abs(x))
    return xp.where(x >= 0, 1, e)[()] / (1 + e)


sigmoid = elementwise(
    "sigmoid",
    _sigmoid,
    lambda y, x: 0.25 * sech_squared(0.5 * x),
    doc=documented(
        "``1 / (1 + exp(-x))``, accurate in both tails.", "gt.sigmoid([0.0, 1.0])", "Tensor([0.5       , 0.73105858])"
    ),
)
softplus = elementwise(
    "softplus",
    lambda xp, x: xp.logaddexp(x, 0.0),
    lambda y, x: sigmoid(x),
    doc=documented(
        "``log(1 + exp(x))``, without overflow.",
        "gt.softplus([0.0, 1000.0])",
        "Tensor([6.93147181e-01, 1.00000000e+03])",
    ),
)
log_sigmoid = elementwise(
    "log_sigmoid",
    lambda xp, x: -xp.logaddexp(-x, 0.0),
    lambda y, x: sigmoid(-x),
    doc=documented("``log(sigmoid(x)) = -softplus(-x)``.", "gt.log_sigmoid(-1000.0)", "Tensor(-1000.0)"),
)


def _no_less(xp: Any, x: Any, low: float) -> Any:
    """The factor x of something that has vanished at ``low``: not infinite times zero."""
    return x if x.dtype.kind == "c" else xp.maximum(x, low)


def _silu_slope(y: Any, x: Any) -> Any:
    near = _within(x, 800.0)
    return sigmoid(x) + near * (0.25 * sech_squared(0.5 * near))


silu = elementwise(
    "silu",
    lambda xp, x: _no_less(xp, x, -800.0) * _sigmoid(xp, x),
    _silu_slope,
    doc=documented("``x * sigmoid(x)`` (also named swish).", "gt.silu([0.0, 1.0])", "Tensor([0.        , 0.73105858])"),
)


def _mish_slope(y: Any, x: Any) -> Any:
    near = _within(x, 800.0)
    s = softplus(near)
    return tanh(s) + near * sech_squared(s) * sigmoid(near)


mish = elementwise(
    "mish",
    lambda xp, x: _no_less(xp, x, -800.0) * xp.tanh(xp.logaddexp(x, 0.0)),
    _mish_slope,
    doc=documented("``x * tanh(softplus(x))``.", "gt.mish(1.0)", "Tensor(0.8650983882673103)"),
)

# -- rectifiers ---------------------------------------------------------------------------------------------------

#: ``low`` where x <= 0, else ``high``, in the dtype of x.
step = constant(
    "step",
    lambda xp, x, *, low, high: xp.where(x > 0, high, low).astype(x.dtype)[()],
    carries=True,
    params={"low": [0.0, 0.25], "high": [1.0]},
    batch=lanes,
    doc="``low`` where x <= 0, else ``high``.",
    public=False,
)


def _between(low: float, high: float) -> Any:
    return lambda y, x, **_: (x > low) & (x < high)


relu = elementwise(
    "relu",
    lambda xp, x: xp.maximum(x, 0),
    lambda y, x: x > 0,
    alive=(lambda x: x > 0,),
    singular={"0": "0"},
    doc=documented("``max(x, 0)``; its slope at 0 is 0.", "gt.relu([-1.0, 2.0])", "Tensor([0., 2.])"),
)
relu6 = elementwise(
    "relu6",
    lambda xp, x: xp.minimum(xp.maximum(x, 0), 6),
    _between(0, 6),
    alive=(lambda x: (x > 0) & (x < 6),),
    singular={"0 and 6": "0"},
    doc=documented(
        "``min(max(x, 0), 6)``; its slope at 0 and 6 is 0.", "gt.relu6([-1.0, 2.0, 8.0])", "Tensor([0., 2., 6.])"
    ),
)
hard_tanh = elementwise(
    "hard_tanh",
    lambda xp, x: xp.minimum(xp.maximum(x, -1), 1),
    _between(-1, 1),
    alive=(lambda x: (x > -1) & (x < 1),),
    singular={"-1 and 1": "0"},
    doc=documented("``min(max(x, -1), 1)``.", "gt.hard_tanh([-2.0, 0.5])", "Tensor([-1. ,  0.5])"),
)
leaky_relu = elementwise(
    "leaky_relu",
    lambda xp, x, *, slope: xp.where(x > 0, x, x * slope)[()],
    lambda y, x, *, slope: step(x, low=slope, high=1.0),
    params={"slope": [0.01, 0.2]},
    singular={"0": "the slope of the left side"},
    doc="``x`` where positive, else ``slope * x``.",
    public=False,
)


def _elu(xp: Any, x: Any, *, alpha: float, scale: float) -> Any:
    return scale * xp.where(x > 0, x, alpha * xp.expm1(xp.minimum(x, 0)))[()]


elu = elementwise(
    "elu",
    _elu,
    lambda y, x, *, alpha, scale: scale * where(x > 0, 1.0, alpha * exp(x)),
    params={"alpha": [1.0, 0.5], "scale": [1.0, 1.5]},
    singular={"0": "scale * alpha, the slopes of the left side"},
    doc="``scale * x`` where positive, else ``scale * alpha * (exp(x) - 1)``.",
    public=False,
)
celu = elementwise(
    "celu",
    lambda xp, x, *, alpha: xp.where(x > 0, x, alpha * xp.expm1(xp.minimum(x, 0) / alpha))[()],
    lambda y, x, *, alpha: where(x > 0, 1.0, exp(x / alpha)),
    params={"alpha": [1.0, 0.5]},
    singular={"0": "1, and at higher orders the slopes of the left side"},
    doc="``x`` where positive, else ``alpha * (exp(x / alpha) - 1)``.",
    public=False,
)
softsign = elementwise(
    "softsign",
    lambda xp, x: x / (1 + xp.abs(x)),
    lambda y, x: (u := 1 / (1 + abs(x))) * u,
    singular={"0": "1; the second derivative, which jumps from 2 to -2, is 0"},
    doc=documented("``x / (1 + |x|)``.", "gt.softsign([-1.0, 3.0])", "Tensor([-0.5 ,  0.75])"),
)

# -- Gaussian error linear units -------------------------------------------------------------------------------------


def _normal_cdf(xp: Any, x: Any) -> Any:
    if xp.__name__ == "numpy":
        from scipy.special import ndtr  # SciPy is imported when it is first used
    else:
        from importlib import import_module

        ndtr = import_module(f"{xp.__name__.partition('.')[0]}.scipy.special").ndtr
    return ndtr(x)


def normal_density(x: Any) -> Any:
    """The density of the standard normal distribution."""
    x = _within(x, 39.0)
    return exp(-0.5 * (x * x)) * 0.3989422804014327


normal_cdf = elementwise(
    "normal_cdf",
    _normal_cdf,
    lambda y, x: normal_density(x),
    doc="The distribution function of the standard normal distribution.",
    public=False,
)
gelu = elementwise(
    "gelu",
    lambda xp, x: _no_less(xp, x, -40.0) * _normal_cdf(xp, x),
    lambda y, x: normal_cdf(x) + _within(x, 39.0) * normal_density(x),
    doc="``x`` times the standard normal distribution function of ``x``.",
    public=False,
)
