"""A function of single matrices, over the leading axes of batches of them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np


def each(function: Callable[..., Any], *xs: Any) -> Any:
    """``function`` of the matrices in the last two axes, for every entry of the axes before them, which broadcast.

    It is carried out in double precision; the result has the inputs' dtype, complex where it came out so.
    """
    dtype = np.result_type(*xs)
    wide = [x.astype(np.result_type(dtype, np.float64)) for x in xs]
    lead = np.broadcast_shapes(*[x.shape[:-2] for x in xs])
    if not lead:
        y = np.asarray(function(*wide))
    else:
        spread = [np.broadcast_to(x, (*lead, *x.shape[-2:])) for x in wide]
        values = [np.asarray(function(*[x[i] for x in spread])) for i in np.ndindex(*lead)]
        if not values:
            probe = np.asarray(function(*[np.eye(*x.shape[-2:]) for x in wide]))
            return np.zeros((*lead, *probe.shape), dtype)
        y = np.stack(values).reshape(*lead, *values[0].shape)
    if dtype.kind == "c" or y.dtype.kind != "c":
        return y.astype(dtype)
    return y.astype(np.result_type(dtype, np.complex64))
