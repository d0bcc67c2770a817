"""Rows of sliding windows over the last axes: the windows themselves, their sums and their maxima.

A window of ``window`` entries, ``dilation`` apart, stands at every ``strides``-th place where it fits: along each of
the last axes out = (size - dilation (window - 1) - 1) // strides + 1.  windows and overlap_add are transposes of each
other, as are window_sum and window_spread.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np

from ..rules.batching import Batched, full, leading
from ..rules.kinds import constant, differential, linear
from ..rules.lanes import Lanes
from .reductions import sum
from .selection import where
from .shapes import drawn

Sizes = tuple[int, ...]


def reach(window: Sizes, dilation: Sizes) -> Sizes:
    """How far a window reaches from its first entry to its last, both counted."""
    return tuple([d * (k - 1) + 1 for k, d in zip(window, dilation, strict=True)])


def places(size: Sizes, window: Sizes, strides: Sizes, dilation: Sizes) -> Sizes:
    """How many windows stand along each axis of ``size``."""
    fits = zip(size, reach(window, dilation), strides, strict=True)
    return tuple([max((n - r) // s + 1, 0) for n, r, s in fits])


def slices(window: Sizes, out: Sizes, strides: Sizes, dilation: Sizes) -> Iterator[tuple[Sizes, tuple[Any, ...]]]:
    """For each entry of the window, the index of what it meets in all its places."""
    for k in np.ndindex(*window):
        yield k, (..., *[slice(i * d, i * d + s * p, s) for i, d, s, p in zip(k, dilation, strides, out, strict=True)])


def view(xp: Any, x: Any, window: Sizes, out: Sizes, strides: Sizes, dilation: Sizes) -> Any:
    """``x[..., *k, *p]``: entry k of the window at place p; in NumPy a view."""
    m = len(window)
    lead = x.shape[: x.ndim - m]
    if xp is np:
        ahead, along = x.strides[: x.ndim - m], x.strides[x.ndim - m :]
        steps = [b * d for b, d in zip(along, dilation, strict=True)]
        jumps = [b * s for b, s in zip(along, strides, strict=True)]
        return np.lib.stride_tricks.as_strided(x, (*lead, *window, *out), (*ahead, *steps, *jumps), writeable=False)
    index: list[Any] = []
    for a, (k, p, s, d) in enumerate(zip(window, out, strides, dilation, strict=True)):
        at = np.arange(k)[:, None] * d + np.arange(p) * s
        index.append(at.reshape([k if i == a else p if i == a + m else 1 for i in range(2 * m)]))
    return x[(..., *index)]


def overlapped(xp: Any, y: Any, size: Sizes, window: Sizes, strides: Sizes, dilation: Sizes) -> Any:
    """Zeros of ``size`` along the last axes, to which ``y[..., *k, *p]`` is added where ``view`` would find it."""
    m = len(window)
    out = xp.zeros((*y.shape[: y.ndim - 2 * m], *size), dtype=y.dtype)
    for k, index in slices(window, y.shape[y.ndim - m :], strides, dilation):
        piece = y[(..., *k, *(slice(None),) * m)]
        if xp is np:
            out[index] += piece
        else:
            out = out.at[index].add(piece)
    return out


def _windows(xp: Any, x: Any, *, window: Sizes, strides: Sizes, dilation: Sizes) -> Any:
    return view(xp, x, window, places(x.shape[x.ndim - len(window) :], window, strides, dilation), strides, dilation)


_SETTINGS: list[tuple[Sizes, dict[str, Any]]] = [
    ((5,), {"window": (2,), "strides": (1,), "dilation": (1,)}),
    ((2, 6), {"window": (3,), "strides": (2,), "dilation": (1,)}),
    ((7,), {"window": (2,), "strides": (3,), "dilation": (2,)}),
    ((3, 5), {"window": (2, 2), "strides": (1, 2), "dilation": (2, 1)}),
    ((1, 2, 3, 2), {"window": (2, 1, 2), "strides": (1, 1, 1), "dilation": (1, 1, 1)}),
    ((1,), {"window": (1,), "strides": (1,), "dilation": (1,)}),
    ((0, 4), {"window": (2,), "strides": (1,), "dilation": (1,)}),
]
_PARAMS: dict[str, Any] = {"window": [(2,)], "strides": [(1,), (2,)], "dilation": [(1,)]}


def _out(shape: Sizes, p: dict[str, Any]) -> tuple[Sizes, Sizes, Sizes]:
    """The leading axes, the windowed ones, and how many places there are along those."""
    m = len(p["window"])
    lead, size = shape[: len(shape) - m], shape[len(shape) - m :]
    return lead, size, places(size, p["window"], p["strides"], p["dilation"])


def _transposed_cases(wide: bool) -> Any:
    """Inputs for the transposes: windows apart, or what stands for their sums."""
    made: list[Any] = []
    for shape, p in _SETTINGS:
        lead, size, out = _out(shape, p)
        made.append(((*lead, *(p["window"] if wide else ()), *out), {"size": size, **p}))
    return drawn(*made)


windows = linear(
    "windows",
    _windows,
    lambda ct, x, *, window, strides, dilation: overlap_add(
        ct, size=x.shape[len(x.shape) - len(window) :], window=window, strides=strides, dilation=dilation
    ),
    params=_PARAMS,
    moves=True,
    sample=drawn(*_SETTINGS),
    batch=leading(),
    doc="The windows apart: y[..., *k, *p] = x[..., *(strides p + dilation k)].",
    public=False,
)

overlap_add = linear(
    "overlap_add",
    lambda xp, y, *, size, window, strides, dilation: overlapped(xp, y, size, window, strides, dilation),
    lambda ct, y, *, size, window, strides, dilation: windows(ct, window=window, strides=strides, dilation=dilation),
    params={"size": [(5,)], **_PARAMS},
    moves=True,
    sample=_transposed_cases(True),
    batch=leading(),
    doc="The sum of windows laid over each other: the transpose of ``windows``.",
    public=False,
)


# -- sums ---------------------------------------------------------------------------------------------------------


def _window_sum(xp: Any, x: Any, *, window: Sizes, strides: Sizes, dilation: Sizes) -> Any:
    out = places(x.shape[x.ndim - len(window) :], window, strides, dilation)
    parts = slices(window, out, strides, dilation)
    y = xp.array(x[next(parts)[1]], copy=True)
    for _, index in parts:
        y += x[index]
    return y


def _window_spread(xp: Any, y: Any, *, size: Sizes, window: Sizes, strides: Sizes, dilation: Sizes) -> Any:
    m = len(window)
    lead, out = y.shape[: y.ndim - m], y.shape[y.ndim - m :]
    repeated = xp.broadcast_to(y.reshape((*lead, *(1,) * m, *out)), (*lead, *window, *out))
    return overlapped(xp, repeated, size, window, strides, dilation)


window_sum = linear(
    "window_sum",
    _window_sum,
    lambda ct, x, *, window, strides, dilation: window_spread(
        ct, size=x.shape[len(x.shape) - len(window) :], window=window, strides=strides, dilation=dilation
    ),
    params=_PARAMS,
    moves=True,
    sample=drawn(*_SETTINGS),
    batch=leading(),
    doc="The sum over each window.",
    public=False,
)

window_spread = linear(
    "window_spread",
    _window_spread,
    lambda ct, y, *, size, window, strides, dilation: window_sum(ct, window=window, strides=strides, dilation=dilation),
    params={"size": [(5,)], **_PARAMS},
    moves=True,
    sample=_transposed_cases(False),
    batch=leading(),
    doc="Each entry added to all the places of its window: the transpose of ``window_sum``.",
    public=False,
)


# -- maxima --------------------------------------------------------------------------------------------------------


def _axes(window: Sizes) -> Sizes:
    """The axes of ``windows`` that run inside a window."""
    return tuple(range(-2 * len(window), -len(window)))


def _window_max(xp: Any, x: Any, *, window: Sizes, strides: Sizes, dilation: Sizes) -> Any:
    out = places(x.shape[x.ndim - len(window) :], window, strides, dilation)
    parts = slices(window, out, strides, dilation)
    y = xp.array(x[next(parts)[1]], copy=True)
    for _, index in parts:
        y = xp.maximum(y, x[index])
    return y


def _hits(xp: Any, x: Any, y: Any, *, window: Sizes, strides: Sizes, dilation: Sizes) -> Any:
    out = y.shape[y.ndim - len(window) :]
    found = [x[index] for _, index in slices(window, out, strides, dilation)]
    hits = xp.stack([xp.logical_or(each == y, each != each) for each in found], axis=y.ndim - len(window))
    return hits.reshape((*y.shape[: y.ndim - len(window)], *window, *out))


#: Where in each window its maximum is attained; where there is a nan, that is the maximum.
window_hits = constant(
    "window_hits",
    _hits,
    arity=2,
    params=_PARAMS,
    batch=leading(),
    sample=lambda rng: [
        ((x := rng.normal(size=shape), _window_max(np, x, **p)), p) for shape, p in _SETTINGS if math.prod(shape)
    ],
    doc="For each entry of each window, whether it is the largest of the window (or nan).",
    public=False,
)


def _dealt(xp: Any, y: Any, hits: Any, *, size: Sizes, window: Sizes, strides: Sizes, dilation: Sizes) -> Any:
    m = len(window)
    out = xp.zeros((*y.shape[: y.ndim - m], *size), dtype=y.dtype)
    for k, index in slices(window, y.shape[y.ndim - m :], strides, dilation):
        piece = xp.where(hits[(..., *k, *(slice(None),) * m)], y, y.dtype.type(0))
        if xp is np:
            out[index] += piece
        else:
            out = out.at[index].add(piece)
    return out


def _collected(xp: Any, x: Any, hits: Any, *, window: Sizes, strides: Sizes, dilation: Sizes) -> Any:
    m = len(window)
    y: Any = None
    for k, index in slices(window, hits.shape[hits.ndim - m :], strides, dilation):
        piece = xp.where(hits[(..., *k, *(slice(None),) * m)], x[index], x.dtype.type(0))
        y = piece if y is None else y + piece
    return y


def _both(size: int, flags: Any, xs: Any, params: Any) -> Batched:
    """A batch of both: all that is done is done along the last axes."""
    return full(size, flags, xs), params


def _with_hits(wide: bool) -> Any:
    """Cases with an array and places in windows, on either side of the transposition."""

    def sample(rng: Any) -> list[Any]:
        made: list[Any] = []
        for shape, p in _SETTINGS:
            lead, size, out = _out(shape, p)
            hits = rng.random((*lead, *p["window"], *out)) < 0.6
            made.append(((rng.normal(size=shape if wide else (*lead, *out)), hits), p if wide else {"size": size, **p}))
        return made

    return sample


#: The entries of each window where it says so, summed; and their transpose, which deals a number out to such entries.
window_collect = linear(
    "window_collect",
    _collected,
    lambda ct, x, hits, *, window, strides, dilation: window_deal(
        ct, hits, size=x.shape[len(x.shape) - len(window) :], window=window, strides=strides, dilation=dilation
    ),
    None,
    params=_PARAMS,
    moves=True,
    batch=_both,
    sample=_with_hits(True),
    doc="The sum over each window of the entries that ``hits[..., *k, *p]`` names.",
    public=False,
)

window_deal = linear(
    "window_deal",
    _dealt,
    lambda ct, y, hits, *, size, window, strides, dilation: window_collect(
        ct, hits, window=window, strides=strides, dilation=dilation
    ),
    None,
    params={"size": [(5,)], **_PARAMS},
    moves=True,
    batch=_both,
    sample=_with_hits(False),
    doc="Each entry added to the places of its window that ``hits`` names: the transpose of ``window_collect``.",
    public=False,
)


def _shares(y: Any, x: Any, setting: dict[str, Any]) -> tuple[Any, Any]:
    """Where each window's maximum is attained, and at how many places."""
    hits = window_hits(x, y, **setting)
    return hits, sum(where(hits, y.dtype.type(1), y.dtype.type(0)), axis=_axes(setting["window"]))


def _window_max_vjp(ct: Any, y: Any, x: Any, **setting: Any) -> tuple[Any]:
    """The cotangent of each window to the places where its maximum is attained; the others are dead."""
    hits, ties = _shares(y, x, setting)
    share = ct / ties
    size = x.shape[len(x.shape) - len(setting["window"]) :]
    alive = window_deal(ties, hits, size=size, **setting) > 0
    return (Lanes(window_deal(share, hits, size=size, **setting), alive),)


def _window_max_differential(y: Any, xs: Any, dxs: Any, **setting: Any) -> Any:
    hits, ties = _shares(y, xs[0], setting)
    return window_collect(dxs[0], hits, **setting) / ties


window_max = differential(
    "window_max",
    _window_max,
    _window_max_differential,
    vjp=_window_max_vjp,
    params=_PARAMS,
    batch=leading(),
    sample=drawn(*[(shape, p) for shape, p in _SETTINGS if math.prod(shape)]),
    singular={"ties": "splits evenly over all ties in a window, with second derivative 0"},
    doc="The largest entry of each window; the derivative is split evenly over ties.",
    public=False,
)
