"""Rows that round: floor, round, sign ... Their slope is zero, and connected: a gradient through them is zeros."""

from __future__ import annotations

from ..rules.batching import lanes
from ..rules.kinds import constant, elementwise
from .docs import documented
from .predicates import equal

_STEP = {"a step": "0"}

sign = constant(
    "sign",
    "sign",
    carries=True,
    singular=_STEP,
    doc="-1, 0 or 1: the sign of each real element; its slope is zero.",
    public=False,
)
floor = constant(
    "floor",
    "floor",
    carries=True,
    singular=_STEP,
    doc=documented(
        "The largest integer not above each element; its slope is zero.", "gt.floor([1.5, -1.5])", "Tensor([ 1., -2.])"
    ),
)
ceil = constant(
    "ceil",
    "ceil",
    carries=True,
    singular=_STEP,
    doc=documented(
        "The smallest integer not below each element; its slope is zero.", "gt.ceil([1.5, -1.5])", "Tensor([ 2., -1.])"
    ),
)
trunc = constant(
    "trunc",
    "trunc",
    carries=True,
    singular=_STEP,
    doc=documented(
        "Each element rounded towards zero; its slope is zero.", "gt.trunc([1.5, -1.5])", "Tensor([ 1., -1.])"
    ),
)
round = constant(
    "round",
    lambda xp, x, *, decimals: xp.round(x, decimals),
    carries=True,
    params={"decimals": [0, 2, -1]},
    singular=_STEP,
    batch=lanes,
    doc="Each element rounded to ``decimals`` places, halves to even; its slope is zero.",
    public=False,
)
exponent = constant(
    "exponent",
    lambda xp, x: xp.frexp(x)[1],
    domain=(0.1, 9.0),
    doc="The whole number ``e`` with ``x = m * 2**e`` and ``0.5 <= |m| < 1``, of each element.",
    public=False,
)
heaviside = elementwise(
    "heaviside",
    "heaviside",
    lambda y, x, h: 0.0,
    lambda y, x, h: equal(x, 0),
    singular={"x = 0": "0 in x, 1 in h"},
    doc=documented(
        "0 where ``x < 0``, ``h`` where ``x = 0``, 1 where ``x > 0``; its slope in ``x`` is zero.",
        "gt.heaviside([-1.0, 0.0, 2.0], 0.5)",
        "Tensor([0. , 0.5, 1. ])",
    ),
)
spacing = constant(
    "spacing",
    "spacing",
    carries=True,
    doc=documented(
        "The distance to the next floating-point number; its slope is zero.",
        "gt.spacing(1.0)",
        "Tensor(2.220446049250313e-16)",
    ),
)
nextafter = elementwise(
    "nextafter",
    "nextafter",
    lambda y, a, b: 1.0,
    lambda y, a, b: 0.0,
    doc=documented(
        "The floating-point number after ``a`` in the direction of ``b``; its slope is that of ``a``.",
        "gt.nextafter(1.0, 2.0)",
        "Tensor(1.0000000000000002)",
    ),
)
#: The sign of b on the size 1: copysign(1, b), in the dtype of both.
unit_sign = constant(
    "unit_sign",
    lambda xp, a, b: xp.copysign(xp.ones_like(a), b),
    arity=2,
    carries=True,
    doc="1 with the sign of b.",
    public=False,
)
copysign = elementwise(
    "copysign",
    "copysign",
    lambda y, a, b: sign(a) * unit_sign(a, b),
    lambda y, a, b: 0.0,
    singular={"a = 0": "0, as for abs"},
    doc=documented("The size of ``a`` with the sign of ``b``.", "gt.copysign([1.0, -2.0], -1.0)", "Tensor([-1., -2.])"),
)
abs = elementwise(
    "abs",
    "abs",
    lambda y, x: sign(x),
    singular={"0": "0"},
    doc="``|x|`` of real values; of complex ones it is a hypot.",
    public=False,
)
