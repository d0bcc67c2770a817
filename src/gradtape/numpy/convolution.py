"""Convolutions: of two signals by NumPy's names, and of batches with channels over one to three axes."""

from __future__ import annotations

from collections.abc import Sequence
from operator import index
from typing import Any

from ..errors import ShapeError, message
from ..primitives import convolution as rows
from ..primitives.complexes import conj
from ..primitives.indexing import getitem, place
from ..primitives.shapes import flip, reshape, transpose
from ..primitives.windows import places, reach
from ..record import sites
from ..record.tensor import Tensor
from ..record.writer import lift, strong
from . import fourier

_gradtape_composes = True

__all__ = ["conv", "conv_transpose", "convolve", "correlate"]

Sizes = tuple[int, ...]


# -- two signals -------------------------------------------------------------------------------------------------


def _signal(x: Any, asked: str) -> Tensor:
    x = strong(lift(x))
    x = reshape(x, shape=(1,)) if x.ndim == 0 else x
    if x.ndim != 1 or not x.size:
        raise ShapeError(
            message(
                f"{asked}: an array of shape {x.shape}",
                where=str(sites.user_line()),
                remedy="One axis with at least one entry is wanted; gt.conv takes batches, channels and more axes.",
            )
        )
    return x


def _full(a: Tensor, v: Tensor) -> Tensor:
    """The full convolution: y_k = sum_j a_j v_(k-j)."""
    n = a.size + v.size - 1
    a, v = reshape(a, shape=(1, 1, -1)), reshape(v, shape=(1, 1, -1))
    return reshape(rows.conv_input(a, v, size=(n,), strides=(1,), dilation=(1,), groups=1), shape=(n,))


def _part(y: Tensor, long: int, short: int, mode: Any, asked: str, turned: bool = False) -> Tensor:
    """What ``mode`` keeps of a full convolution; ``turned``: of its mirror image."""
    mode = {0: "valid", 1: "same", 2: "full"}.get(mode, mode)
    if mode == "full":
        return y
    if mode == "same":
        start, n = (short // 2 if turned else (short - 1) // 2), long
    elif mode == "valid":
        start, n = short - 1, long - short + 1
    else:
        raise ValueError(
            message(f"{asked}: mode={mode!r}", where=str(sites.user_line()), remedy='Use "full", "same" or "valid".')
        )
    return getitem(y, index=(slice(start, start + n),))


#: From so many products on the transform is quicker than the sum.
_MANY = 1 << 18


def _by_transform(a: Tensor, v: Tensor) -> Tensor:
    """The full convolution by the convolution theorem, in O(n log n); both padded with zeros to a quick length."""
    n = a.size + v.size - 1
    length = quick_length(n)
    if "c" in (a.dtype.kind, v.dtype.kind):
        y = fourier.ifft(fourier.fft(a, length) * fourier.fft(v, length), length)
    else:
        y = fourier.irfft(fourier.rfft(a, length) * fourier.rfft(v, length), length)
    return getitem(y, index=(slice(0, n),))


def quick_length(n: int) -> int:
    """The least length from ``n`` on that has no prime factor above 5."""
    best = 1 << max(n - 1, 0).bit_length()
    five = 1
    while five < best:
        three = five
        while three < best:
            found = three << max(-(-n // three) - 1, 0).bit_length()
            best = min(best, found)
            three *= 3
        five *= 5
    return best


def _product(a: Tensor, v: Tensor, method: str, asked: str) -> Tensor:
    if method not in ("direct", "fft", "auto"):
        raise ValueError(
            message(
                f"{asked}: method={method!r}",
                where=str(sites.user_line()),
                remedy='Use "direct", "fft" or "auto".',
            )
        )
    floating = a.dtype.kind in "fc" or v.dtype.kind in "fc"
    if method == "fft" or (method == "auto" and floating and min(a.size, v.size) > 64 and a.size * v.size > _MANY):
        return _by_transform(a, v)
    return _full(a, v)


def convolve(a: Any, v: Any, mode: str = "full", *, method: str = "direct") -> Tensor:
    """The convolution of two signals: y_k = sum_j a_j v_(k-j).

    ``mode`` "full" keeps all n + m - 1 entries, "same" the max(n, m) in the middle, "valid" those where the shorter
    signal lies inside the longer.  ShapeError unless both have one axis and are not empty.

    ``method`` "direct" takes n m products, each entry to its own rounding; "fft" goes by the transform in
    O((n + m) log(n + m)), to the rounding of the largest entry, in floating dtypes; "auto" chooses by the lengths.

    >>> import gradtape as gt
    >>> gt.convolve(gt.asarray([1.0, 2.0, 3.0]), [0.0, 1.0, 0.5])
    Tensor([0. , 1. , 2.5, 4. , 1.5])
    """
    a, v = _signal(a, "convolve"), _signal(v, "convolve")
    return _part(_product(a, v, method, "convolve"), max(a.size, v.size), min(a.size, v.size), mode, "convolve")


def correlate(a: Any, v: Any, mode: str = "valid", *, method: str = "direct") -> Tensor:
    """The cross-correlation of two signals: y_k = sum_n a_(n+k) conj(v_n); modes and methods as for :func:`convolve`.

    >>> import gradtape as gt
    >>> gt.correlate(gt.asarray([1.0, 2.0, 3.0]), [0.0, 1.0, 0.5], "full")
    Tensor([0.5, 2. , 3.5, 3. , 0. ])
    """
    a, v = _signal(a, "correlate"), _signal(v, "correlate")
    other = flip(conj(v) if v.dtype.kind == "c" else v, axis=(0,))
    turned = a.size < v.size
    y = _product(a, other, method, "correlate")
    return _part(y, max(a.size, v.size), min(a.size, v.size), mode, "correlate", turned)


# -- batches with channels ---------------------------------------------------------------------------------------


def per_axis(value: Any, m: int, asked: str, what: str) -> Sizes:
    """One positive number for each of ``m`` axes, from a number or from as many."""
    found = tuple([index(v) for v in value]) if isinstance(value, Sequence) else (index(value),) * m
    if len(found) != m or any(v < 1 for v in found):
        raise ShapeError(
            message(
                f"{asked}: {what}={value!r} for {m} axes",
                where=str(sites.user_line()),
                remedy="Give one positive number, or one for each axis.",
            )
        )
    return found


def margins(padding: Any, size: Sizes, window: Sizes, strides: Sizes, dilation: Sizes, asked: str) -> list[Sizes]:
    """How many entries to add before and after each axis: for "valid", "same", a number, or one or two for each."""
    m = len(size)
    word = padding.lower() if isinstance(padding, str) else None
    if word == "valid":
        return [(0, 0)] * m
    if word == "same":
        out = [-(-n // s) for n, s in zip(size, strides, strict=True)]
        spans = [(o - 1) * s + r for o, s, r in zip(out, strides, reach(window, dilation), strict=True)]
        totals = [max(span - n, 0) for span, n in zip(spans, size, strict=True)]
        return [(t // 2, t - t // 2) for t in totals]
    if word is None:
        each: Any = padding if isinstance(padding, Sequence) else (padding,) * m
        pairs = [tuple([index(q) for q in p]) if isinstance(p, Sequence) else (index(p),) * 2 for p in each]
        if len(pairs) == m and all(len(p) == 2 and min(p) >= 0 for p in pairs):
            return pairs
    raise ShapeError(
        message(
            f"{asked}: padding={padding!r} for {m} axes",
            where=str(sites.user_line()),
            remedy='Use "valid", "same", a number, or a number or a pair (before, after) for each axis.',
        )
    )


def inside(size: Sizes, pads: list[Sizes]) -> tuple[tuple[Any, ...], Sizes]:
    """The index of an array of ``size`` along its last axes in one that is padded, and the padded size."""
    index_ = (Ellipsis, *[slice(lo, lo + n) for n, (lo, _) in zip(size, pads, strict=True)])
    return index_, tuple([n + lo + hi for n, (lo, hi) in zip(size, pads, strict=True)])


def padded(x: Tensor, pads: list[Sizes]) -> Tensor:
    """``x`` with zeros around its last axes."""
    if not any(lo or hi for lo, hi in pads):
        return x
    m = len(pads)
    where, size = inside(x.shape[x.ndim - m :], pads)
    return place(x, index=where, shape=(*x.shape[: x.ndim - m], *size))


def channels_last(channels: str, asked: str) -> bool:
    """Whether ``channels`` says "last"; ValueError unless it says "last" or "first"."""
    if channels not in ("first", "last"):
        raise ValueError(
            message(f"{asked}: channels={channels!r}", where=str(sites.user_line()), remedy='Use "last" or "first".')
        )
    return channels == "last"


def to_first(x: Tensor) -> Tensor:
    """(batch, *size, channels) to (batch, channels, *size)."""
    return transpose(x, axes=(0, x.ndim - 1, *range(1, x.ndim - 1)))


def to_last(x: Tensor) -> Tensor:
    """(batch, channels, *size) to (batch, *size, channels)."""
    return transpose(x, axes=(0, *range(2, x.ndim), 1))


def _operands(x: Any, w: Any, channels: str, asked: str) -> tuple[Tensor, Tensor, int, bool]:
    """Both with their channels first, how many axes the convolution runs over, whether there was no batch axis."""
    x, w = strong(lift(x)), strong(lift(w))
    last = channels_last(channels, asked)
    m = w.ndim - 2
    if not 1 <= m <= 3 or x.ndim not in (m + 1, m + 2):
        raise ShapeError(
            message(
                f"{asked}: an input of shape {x.shape} and a kernel of shape {w.shape}",
                where=str(sites.user_line()),
                remedy="The input is (batch, *size, channels), or without a batch axis, and the kernel (*size, "
                'channels in, channels out), with one to three axes of size; channels="first" puts channels first.',
            )
        )
    alone = x.ndim == m + 1
    x = reshape(x, shape=(1, *x.shape)) if alone else x
    if last:
        x, w = to_first(x), transpose(w, axes=(m + 1, m, *range(m)))
    return x, w, m, alone


def _result(y: Tensor, channels: str, alone: bool) -> Tensor:
    y = to_last(y) if channels == "last" else y
    return reshape(y, shape=y.shape[1:]) if alone else y


def _misfit(asked: str, x: Tensor, w: Tensor, groups: int) -> ShapeError:
    return ShapeError(
        message(
            f"{asked}: {x.shape[1]} channels in {groups} groups, a kernel of {w.shape[1]} channels into {w.shape[0]}",
            where=str(sites.user_line()),
            remedy="Each group of input channels meets the kernel's input channels, and has as many of its outputs.",
        )
    )


def conv(
    x: Any,
    w: Any,
    *,
    strides: Any = 1,
    padding: Any = "valid",
    dilation: Any = 1,
    groups: int = 1,
    channels: str = "last",
) -> Tensor:
    """The convolution of a batch with a kernel over one to three axes (as networks have it: nothing is mirrored).

    y[n, p, o] = sum over c, k of x[n, strides p + dilation k, c] w[k, c, o], with p and k running over all the axes.

    ``channels="last"`` (TensorFlow's): x is (batch, *size, in), w is (*kernel, in / groups, out), y is (batch, *places,
    out).  ``channels="first"`` (PyTorch's): (batch, in, *size), (out, in / groups, *kernel), (batch, out, *places).
    The batch axis may be left away.  ``strides`` and ``dilation`` are a number or one for each axis; ``padding`` is
    "valid", "same" (places = size / strides, rounded up), a number, or a number or (before, after) for each axis.
    With ``groups`` the channels are cut into as many parts, convolved apart: as many as there are channels is the
    depthwise convolution.  ShapeError where shapes do not fit.

    >>> import gradtape as gt
    >>> x, w = gt.asarray([[1.0], [2.0], [3.0], [4.0]]), gt.asarray([[[1.0]], [[-1.0]]])
    >>> with gt.GradientTape() as tape:
    ...     y = gt.conv(x, w)
    >>> gt.reshape(y, -1), gt.reshape(tape.gradient(y, w), -1)
    (Tensor([-1., -1., -1.]), Tensor([6., 9.]))
    """
    x, w, m, alone = _operands(x, w, channels, "conv")
    steps, gaps = per_axis(strides, m, "conv", "strides"), per_axis(dilation, m, "conv", "dilation")
    if groups < 1 or x.shape[1] != w.shape[1] * groups or w.shape[0] % groups:
        raise _misfit("conv", x, w, groups)
    x = padded(x, margins(padding, x.shape[2:], w.shape[2:], steps, gaps, "conv"))
    if 0 in w.shape[2:] or 0 in places(x.shape[2:], w.shape[2:], steps, gaps):
        raise ShapeError(
            message(
                f"conv: a kernel that reaches over {reach(w.shape[2:], gaps)} in a padded input of {x.shape[2:]}",
                where=str(sites.user_line()),
                remedy='Pad the input, for example with padding="same", or use a smaller kernel.',
            )
        )
    return _result(rows.conv(x, w, strides=steps, dilation=gaps, groups=groups), channels, alone)


def conv_transpose(
    x: Any,
    w: Any,
    *,
    strides: Any = 1,
    padding: Any = "valid",
    dilation: Any = 1,
    groups: int = 1,
    channels: str = "last",
    size: Any = None,
) -> Tensor:
    """The transpose of :func:`conv` in its input: from outputs of a convolution with ``w`` back to inputs.

    y[n, strides p + dilation k, c] = sum over o, p, k of x[n, p, o] w[k, c, o].

    The kernel is that of the convolution, so its *last* channels (the first ones with ``channels="first"``) are those
    of ``x``: (*kernel, out / groups, in) or (in, out / groups, *kernel), as in TensorFlow and PyTorch.  ``size`` are
    the lengths of the result, where the convolution with these strides could have come from several; by default the
    smallest, for "same" places times strides.

    >>> import gradtape as gt
    >>> x, w = gt.asarray([[1.0], [2.0]]), gt.asarray([[[1.0]], [[10.0]]])
    >>> gt.reshape(gt.conv_transpose(x, w, strides=2), -1)
    Tensor([ 1., 10.,  2., 20.])
    """
    x, w, m, alone = _operands(x, w, channels, "conv_transpose")
    steps = per_axis(strides, m, "conv_transpose", "strides")
    gaps = per_axis(dilation, m, "conv_transpose", "dilation")
    if groups < 1 or x.shape[1] != w.shape[0] or w.shape[0] % groups:
        raise _misfit("conv_transpose", x, w, groups)
    out, kernel = x.shape[2:], w.shape[2:]
    spans = [(p - 1) * s + r for p, s, r in zip(out, steps, reach(kernel, gaps), strict=True)]
    if size is not None:
        sizes = per_axis(size, m, "conv_transpose", "size")
        pads = margins(padding, sizes, kernel, steps, gaps, "conv_transpose")
    elif isinstance(padding, str) and padding.lower() == "same":
        sizes = tuple([p * s for p, s in zip(out, steps, strict=True)])
        pads = margins(padding, sizes, kernel, steps, gaps, "conv_transpose")
    else:
        pads = margins(padding, out, kernel, steps, gaps, "conv_transpose")
        sizes = tuple([n - lo - hi for n, (lo, hi) in zip(spans, pads, strict=True)])
    where, whole = inside(sizes, pads)
    if places(whole, kernel, steps, gaps) != out or min(sizes) < 0:
        raise ShapeError(
            message(
                f"conv_transpose: a convolution of {sizes} has {places(whole, kernel, steps, gaps)} places, not {out}",
                where=str(sites.user_line()),
                remedy="Use another size or padding, or leave size away.",
            )
        )
    y = rows.conv_input(x, w, size=whole, strides=steps, dilation=gaps, groups=groups)
    return _result(getitem(y, index=where) if whole != sizes else y, channels, alone)
