"""Rows about complex values: conj, real, imag, angle ... (real-linear, not holomorphic: their own conventions).

The length and the angle of a complex value are those of the point (real, imag), hypot and arctan2 of primitives.polar:
nothing needs a rule that is not a real function's.
"""

from __future__ import annotations

from typing import Any

from ..rules.batching import lanes
from ..rules.kinds import linear
from . import rounding
from .docs import documented
from .polar import hypot


def is_complex(x: Any) -> bool:
    """Whether the dtype of x is a complex one."""
    return x.dtype.kind == "c"


conj = linear(
    "conj",
    "conj",
    lambda ct, x: conj(ct),
    batch=lanes,
    moves=True,
    doc=documented("Complex conjugate; of a real value, itself.", "gt.conj(1 + 2j)", "Tensor((1-2j))"),
)
real = linear(
    "real",
    lambda xp, x: xp.real(x),
    lambda ct, x: ct + 0j if is_complex(x) else ct,
    batch=lanes,
    moves=True,
    doc=documented("Real part; of a real value, itself.", "gt.real(1 + 2j)", "Tensor(1.0)"),
)
imag = linear(
    "imag",
    lambda xp, x: xp.imag(x),
    lambda ct, x: ct * 1j if is_complex(x) else 0 * ct,
    batch=lanes,
    moves=True,
    doc=documented("Imaginary part; of a real value, zero.", "gt.imag(1 + 2j)", "Tensor(2.0)"),
)


def absolute(x: Any) -> Any:
    """``|x|``: of a complex value the length of (real, imag). Its slope at 0 is 0."""
    return hypot(real(x), imag(x)) if is_complex(x) else rounding.abs(x)
