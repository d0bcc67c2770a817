"""Rows of convolution: the three slots of one trilinear form, each a function of the other two.

    T(x, w, g) = sum over n, o, c, p, k of x[n, c, strides p + dilation k] w[o, c, k] g[n, o, p]

conv is its derivative with respect to g, conv_input to x, conv_kernel to w; so each is bilinear, and its transposes
are the other two.  x is (batch, channels, *size), w (out channels, channels / groups, *kernel), g (batch, out channels,
*places); p and k run over one to three axes.  Padding is somebody else's row.

The products are matrix products with the windows as columns (Chellapilla, Puri & Simard 2006).
"""

from __future__ import annotations

from collections.abc import Iterator
from math import prod
from typing import Any

from ..rules.batching import Batch, Batched, permuted, reshaped
from ..rules.kinds import multilinear
from .shapes import astype
from .windows import Sizes, overlapped, places, view

#: How many numbers the columns of one matrix product may have: a few megabytes, which caches like.
_LARGEST = 1 << 20


def _fitted(c: Any, x: Any) -> Any:
    """A cotangent in the dtype of the input: the real part for a real one."""
    return c if c.dtype == x.dtype else astype(c, dtype=x.dtype)


def _batches(n: int, each: int) -> Iterator[slice]:
    """The batch in parts whose columns are not too many."""
    step = max(1, _LARGEST // max(each, 1))
    for start in range(0, n, step):
        yield slice(start, start + step)


def _columns(xp: Any, x: Any, kernel: Sizes, out: Sizes, strides: Sizes, dilation: Sizes, groups: int) -> Any:
    """(batch, groups, channels per group * kernel, places)."""
    n, c = x.shape[:2]
    apart = view(xp, x, kernel, out, strides, dilation)
    return apart.reshape((n, groups, c // groups * prod(kernel), prod(out)))


def _single(x: Any, w: Any, strides: Sizes, dilation: Sizes) -> bool:
    """One signal, one kernel, nothing left out: what np.convolve does without making columns."""
    return len(strides) == 1 and x.shape[:2] == w.shape[:2] == (1, 1) and strides == dilation == (1,)


def _conv(xp: Any, x: Any, w: Any, *, strides: Sizes, dilation: Sizes, groups: int) -> Any:
    kernel = w.shape[2:]
    out = places(x.shape[2:], kernel, strides, dilation)
    n, o = x.shape[0], w.shape[0]
    if _single(x, w, strides, dilation) and min(*kernel, *out):
        return xp.convolve(x[0, 0], w[0, 0, ::-1], "valid")[None, None]
    rows = w.reshape((groups, o // groups, prod(w.shape[1:])))
    parts = [
        xp.matmul(rows, _columns(xp, x[part], kernel, out, strides, dilation, groups))
        for part in _batches(n, x.shape[1] * prod(kernel) * prod(out))
    ]
    y = parts[0] if len(parts) == 1 else xp.concatenate(parts) if parts else xp.zeros((0,), dtype=xp.result_type(x, w))
    return y.reshape((n, o, *out))


def _conv_input(xp: Any, g: Any, w: Any, *, size: Sizes, strides: Sizes, dilation: Sizes, groups: int) -> Any:
    kernel, out = w.shape[2:], g.shape[2:]
    n, o = g.shape[:2]
    c = w.shape[1] * groups
    if _single(g, w, strides, dilation) and min(*kernel, *out) and size[0] == kernel[0] + out[0] - 1:
        return xp.convolve(g[0, 0], w[0, 0])[None, None]
    rows = xp.swapaxes(w.reshape((groups, o // groups, prod(w.shape[1:]))), -1, -2)
    parts = [
        overlapped(
            xp,
            xp.matmul(rows, g[part].reshape((-1, groups, o // groups, prod(out)))).reshape((-1, c, *kernel, *out)),
            size,
            kernel,
            strides,
            dilation,
        )
        for part in _batches(n, c * prod(kernel) * prod(out))
        if w.size and g.size
    ]
    if not parts:
        return xp.zeros((n, c, *size), dtype=xp.result_type(g, w))
    return parts[0] if len(parts) == 1 else xp.concatenate(parts)


def _conv_kernel(xp: Any, x: Any, g: Any, *, kernel: Sizes, strides: Sizes, dilation: Sizes, groups: int) -> Any:
    out = g.shape[2:]
    (n, c), o = x.shape[:2], g.shape[1]
    if _single(x, g, strides, dilation) and min(*kernel, *out) and x.shape[2] == kernel[0] + out[0] - 1:
        return xp.convolve(x[0, 0], g[0, 0, ::-1], "valid")[None, None]
    y: Any = xp.zeros((groups, o // groups, c // groups * prod(kernel)), dtype=xp.result_type(x, g))
    for part in _batches(n, c * prod(kernel) * prod(out)):
        columns = _columns(xp, x[part], kernel, out, strides, dilation, groups)
        left = g[part].reshape((-1, groups, o // groups, prod(out)))
        for one, other in zip(left, columns, strict=True):
            y = y + xp.matmul(one, xp.swapaxes(other, -1, -2))
    return y.reshape((o, c // groups, *kernel))


# -- batches ---------------------------------------------------------------------------------------------------------

# The indices of T that have no extent: batch N, groups G, out channels O and channels C of a group.
_AXES = {"x": "NGC", "w": "GOC", "g": "NGO"}


def _joined(slot: str, three: list[int]) -> Sizes:
    """The first two lengths of a slot from those of its three indices."""
    return (three[0] * three[1], three[2]) if slot == "w" else (three[0], three[1] * three[2])


def _taken_in(x: Any, slot: str, letter: str, groups: int) -> Any:
    """``x`` with its leading axis made part of the index ``letter``."""
    size, a, b, *rest = x.shape
    three = [groups, a // groups, b] if slot == "w" else [a, groups, b // groups]
    at = _AXES[slot].index(letter)
    apart = permuted(reshaped(x, (size, *three, *rest)), (*range(1, at + 1), 0, *range(at + 1, len(rest) + 4)))
    three[at] *= size
    return reshaped(apart, (*_joined(slot, three), *rest))


def _given_out(y: Any, slot: str, letter: str, groups: int, size: int) -> Any:
    """The inverse of :func:`_taken_in`; ``groups`` as without the batch."""
    a, b, *rest = y.shape
    every = groups * size if letter == "G" else groups
    three = [every, a // every, b] if slot == "w" else [a, every, b // every]
    at = _AXES[slot].index(letter)
    three[at] //= size
    apart = reshaped(y, (*three[:at], size, *three[at:], *rest))
    apart = permuted(apart, (at, *range(at), *range(at + 1, len(rest) + 4)))
    return reshaped(apart, (size, *_joined(slot, three), *rest))


def _batched(first: str, second: str, result: str) -> Batch:
    """One convolution for the whole batch, as more of the one index that the result shares with what differs over it.

    Where both inputs differ these are the groups.
    """

    def batch(size: int, flags: Any, xs: Any, params: Any) -> Batched:
        differ = [_AXES[slot] for slot, flag in zip((first, second), flags, strict=True) if flag]
        letter = next(c for c in "NOCG" if c in _AXES[result] and all(c in axes for axes in differ))
        groups = params["groups"]
        parts = [
            _taken_in(x, slot, letter, groups) if flag else x
            for x, slot, flag in zip(xs, (first, second), flags, strict=True)
        ]
        params = {**params, "groups": groups * size if letter == "G" else groups}
        return parts, params, lambda y: _given_out(y, result, letter, groups, size)

    return batch


# -- the rows --------------------------------------------------------------------------------------------------------

_SETTINGS: list[tuple[Sizes, Sizes, dict[str, Any]]] = [
    ((2, 3, 5), (4, 3, 2), {"strides": (1,), "dilation": (1,), "groups": 1}),
    ((1, 1, 6), (1, 1, 3), {"strides": (1,), "dilation": (1,), "groups": 1}),
    ((2, 4, 6), (6, 2, 2), {"strides": (2,), "dilation": (3,), "groups": 2}),
    ((1, 2, 4, 5), (3, 2, 2, 2), {"strides": (2, 1), "dilation": (1, 2), "groups": 1}),
    ((1, 2, 3, 3), (2, 1, 2, 2), {"strides": (1, 1), "dilation": (1, 1), "groups": 2}),
    ((1, 1, 3, 2, 3), (2, 1, 2, 2, 2), {"strides": (1, 1, 1), "dilation": (1, 1, 1), "groups": 1}),
    ((0, 2, 4), (2, 2, 2), {"strides": (1,), "dilation": (1,), "groups": 1}),
]
_PARAMS: dict[str, Any] = {"strides": [(1,), (2,)], "dilation": [(1,), (3,)], "groups": [1, 2]}


def _cases(slot: str) -> Any:
    """The settings above, with the shapes of the two inputs that remain when ``slot`` is the result."""

    def sample(rng: Any) -> list[Any]:
        made: list[Any] = []
        for x, w, p in _SETTINGS:
            g = (x[0], w[0], *places(x[2:], w[2:], p["strides"], p["dilation"]))
            shapes, more = {
                "g": ((x, w), {}),
                "x": ((g, w), {"size": x[2:]}),
                "w": ((x, g), {"kernel": w[2:]}),
            }[slot]
            made.append((tuple([rng.normal(size=s) for s in shapes]), {**more, **p}))
        return made

    return sample


conv = multilinear(
    "conv",
    _conv,
    lambda ct, x, w, **p: _fitted(conv_input(ct, w, size=x.shape[2:], **p), x),
    lambda ct, x, w, **p: _fitted(conv_kernel(x, ct, kernel=w.shape[2:], **p), w),
    params=_PARAMS,
    sample=_cases("g"),
    batch=_batched("x", "w", "g"),
    doc="y[n, o, p] = sum over c, k of x[n, c, strides p + dilation k] w[o, c, k].",
    public=False,
)

conv_input = multilinear(
    "conv_input",
    _conv_input,
    lambda ct, g, w, *, size, **p: _fitted(conv(ct, w, **p), g),
    lambda ct, g, w, *, size, **p: _fitted(conv_kernel(ct, g, kernel=w.shape[2:], **p), w),
    params={"size": [(5,)], **_PARAMS},
    sample=_cases("x"),
    batch=_batched("g", "w", "x"),
    doc="y[n, c, strides p + dilation k] = sum over o, p, k of w[o, c, k] g[n, o, p]: conv transposed in its input.",
    public=False,
)

conv_kernel = multilinear(
    "conv_kernel",
    _conv_kernel,
    lambda ct, x, g, *, kernel, **p: _fitted(conv_input(g, ct, size=x.shape[2:], **p), x),
    lambda ct, x, g, *, kernel, **p: _fitted(conv(x, ct, **p), g),
    params={"kernel": [(2,)], **_PARAMS},
    sample=_cases("w"),
    batch=_batched("x", "g", "w"),
    doc="y[o, c, k] = sum over n, p of x[n, c, strides p + dilation k] g[n, o, p]: conv transposed in its kernel.",
    public=False,
)
