"""Between which two entries in order a quantile lies: the nine methods of Hyndman and Fan (1996) and NumPy's others."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..errors import message
from ..primitives.rounding import ceil, floor
from ..primitives.rounding import round as rounded
from ..primitives.selection import maximum, minimum, where
from ..primitives.shapes import held
from ..record import sites
from ..record.tensor import Tensor
from .casting import cast

_gradtape_composes = True

__all__: list[str] = []

#: How the distances between entries count: (alpha, beta) of Hyndman and Fan's continuous methods.
_CONTINUOUS = {
    "interpolated_inverted_cdf": (0.0, 1.0),
    "hazen": (0.5, 0.5),
    "weibull": (0.0, 0.0),
    "median_unbiased": (1 / 3, 1 / 3),
    "normal_unbiased": (3 / 8, 3 / 8),
}
METHODS = (
    "linear",
    "lower",
    "higher",
    "nearest",
    "midpoint",
    "inverted_cdf",
    "averaged_inverted_cdf",
    "closest_observation",
    *_CONTINUOUS,
)
#: Methods whose result is one of the entries.
PICKS = ("lower", "nearest", "inverted_cdf", "closest_observation")


def between(q: Tensor, last: Any, method: str, asked: str) -> tuple[Any, Any, Any]:
    """(low, high, share): quantile ``q`` is entry ``low`` plus ``share`` of what ``high`` is further on.

    ``last`` is the index of the last entry, a number or one for each row.  The indices are integers; the share is
    differentiable in ``q`` for "linear" and its kin, and 0, 1/2 or 1 for the methods that pick entries.
    """
    if method not in METHODS:
        raise ValueError(
            message(
                f"{asked}: method={method!r}",
                where=str(sites.user_line()),
                remedy="Use " + ", ".join(repr(m) for m in METHODS) + ".",
            )
        )
    if method in _CONTINUOUS:
        a, b = _CONTINUOUS[method]
        place = minimum(maximum(q * (last + 1.0) + (q * (1.0 - a - b) + (a - 1.0)), 0.0), last * 1.0)
    elif method in ("inverted_cdf", "averaged_inverted_cdf"):
        place = q * (last + 1.0) - 1.0
    elif method == "closest_observation":
        place = held(q * (last + 1.0) - 1.5)
        below = floor(place)
        even = (place == below) & (below % 2.0 == 1.0)
        place = where(even, below, below + 1.0)
    else:
        place = q * (last * 1.0)
    if method == "nearest":
        place = rounded(place, decimals=0)
    elif method == "inverted_cdf":
        place = ceil(place)
    elif method == "lower":
        place = floor(place)
    below = floor(place)
    low = minimum(maximum(cast(below, np.intp), 0), maximum(_whole(last), 0))
    high = minimum(maximum(cast(below, np.intp) + 1, 0), maximum(_whole(last), 0))
    if method in ("linear", *_CONTINUOUS):
        return low, high, place - below
    whole = held(place) == held(below)
    full, half = {"averaged_inverted_cdf": (1.0, 0.5), "higher": (1.0, 0.0), "midpoint": (0.5, 0.0)}.get(
        method, (0.0, 0.0)
    )
    return low, high, cast(where(whole, half, full), q.dtype)


def _whole(last: Any) -> Any:
    return cast(last, np.intp) if isinstance(last, Tensor) else int(last)
