"""gradtape.fft: discrete Fourier transforms by the names and conventions of numpy.fft.

Along each axis, with w = exp(2 pi i / n): fft is y_k = sum_j x_j w^(-jk), ifft is x_j = 1/n sum_k y_k w^(jk).
``norm`` says where the 1/n goes: "backward" (the default) to the inverse, "forward" to the direct transform, "ortho"
its square root to both.  ``n`` and ``s`` crop the input, or fill it up with zeros, first.  float32 gives complex64.
"""

from __future__ import annotations

from collections.abc import Sequence
from operator import index
from typing import Any

import numpy as np

from ..errors import DtypeError, ShapeError, message
from ..primitives import fourier as rows
from ..primitives.complexes import conj
from ..primitives.indexing import getitem, place
from ..record import sites
from ..record.tensor import Tensor
from ..record.writer import lift, strong
from .axes import roll
from .casting import cast
from .creation import on_this_device
from .shapes import axes_tuple, axis_number

_gradtape_composes = True

__all__ = [
    "fft",
    "fft2",
    "fftfreq",
    "fftn",
    "fftshift",
    "hfft",
    "ifft",
    "ifft2",
    "ifftn",
    "ifftshift",
    "ihfft",
    "irfft",
    "irfft2",
    "irfftn",
    "rfft",
    "rfft2",
    "rfftfreq",
    "rfftn",
]


# -- arguments -----------------------------------------------------------------------------------------------------


def _inexact(a: Any, asked: str, real: bool = False) -> Tensor:
    """``a`` as a floating or complex Tensor."""
    x = strong(lift(a))
    if real and x.dtype.kind == "c":
        raise DtypeError(
            message(
                f"{asked} of a complex array: it is a transform of real values",
                where=str(sites.user_line()),
                remedy=f"Use gt.fft.{asked.replace('rfft', 'fft').replace('ihfft', 'ifft')}, or gt.real(x).",
            )
        )
    return x if x.dtype.kind in "fc" else cast(x, np.float64)


def _norm(norm: Any) -> str:
    norm = "backward" if norm is None else norm
    if norm not in rows.SWAPPED:
        raise ValueError(
            message(f"norm={norm!r}", where=str(sites.user_line()), remedy='Use "backward", "ortho" or "forward".')
        )
    return norm


def _sized(x: Tensor, axis: int, n: int) -> Tensor:
    """``x`` cropped, or filled up with zeros, to ``n`` entries along ``axis``."""
    have = x.shape[axis]
    if n == have:
        return x
    cut = (slice(None),) * axis + (slice(0, min(n, have)),)
    return getitem(x, index=cut) if n < have else place(x, index=cut, shape=(*x.shape[:axis], n, *x.shape[axis + 1 :]))


def _length(n: Any, have: int, asked: str) -> int:
    n = have if n is None else index(n)
    if n < 1:
        raise ShapeError(
            message(f"{asked}: {n} points to transform", where=str(sites.user_line()), remedy="At least one is needed.")
        )
    return n


def _sizes_axes(x: Tensor, s: Any, axes: Any, asked: str) -> tuple[list[int | None], tuple[int, ...]]:
    """The lengths wanted (None: as it is) and the axes, as numpy.fft reads them."""
    if axes is None:
        axes = range(-len(s), 0) if s is not None else range(x.ndim)
    found = axes_tuple(tuple(axes), x.ndim, asked)
    sizes: list[int | None] = [None] * len(found) if s is None else [None if n in (None, -1) else index(n) for n in s]
    if len(sizes) != len(found):
        raise ShapeError(message(f"{asked}: {len(sizes)} lengths for {len(found)} axes", where=str(sites.user_line())))
    return sizes, found


def _full(row: Any, a: Any, s: Any, axes: Any, norm: Any, asked: str) -> Tensor:
    x = _inexact(a, asked)
    sizes, found = _sizes_axes(x, s, axes, asked)
    for n, axis in zip(sizes, found, strict=True):
        x = _sized(x, axis, _length(n, x.shape[axis], asked))
    return row(x, axes=found, norm=_norm(norm)) if found else cast(x, np.result_type(x.dtype, np.complex64))


# -- complex transforms --------------------------------------------------------------------------------------------


def fft(a: Any, n: int | None = None, axis: int = -1, norm: str | None = None) -> Tensor:
    """The discrete Fourier transform along an axis: y_k = sum_j a_j exp(-2 pi i j k / n).

    >>> import gradtape as gt
    >>> gt.fft.fft([1.0, 2.0, 3.0, 4.0])
    Tensor([10.+0.j, -2.+2.j, -2.+0.j, -2.-2.j])
    """
    return _full(rows.fft, a, None if n is None else (n,), (axis,), norm, "fft")


def ifft(a: Any, n: int | None = None, axis: int = -1, norm: str | None = None) -> Tensor:
    """The inverse of :func:`fft`: y_j = 1/n sum_k a_k exp(2 pi i j k / n).

    >>> import gradtape as gt
    >>> gt.fft.ifft([4.0, 0.0, 0.0, 0.0])
    Tensor([1.+0.j, 1.+0.j, 1.+0.j, 1.+0.j])
    """
    return _full(rows.ifft, a, None if n is None else (n,), (axis,), norm, "ifft")


def fftn(a: Any, s: Any = None, axes: Sequence[int] | None = None, norm: str | None = None) -> Tensor:
    """The Fourier transform over several axes, by default all.

    >>> import gradtape as gt
    >>> gt.fft.fftn([[1.0, 2.0], [3.0, 4.0]])
    Tensor([[10.+0.j, -2.+0.j],
            [-4.+0.j,  0.+0.j]])
    """
    return _full(rows.fft, a, s, axes, norm, "fftn")


def ifftn(a: Any, s: Any = None, axes: Sequence[int] | None = None, norm: str | None = None) -> Tensor:
    """The inverse of :func:`fftn`.

    >>> import gradtape as gt
    >>> gt.real(gt.fft.ifftn([[4.0, 0.0], [0.0, 0.0]]))
    Tensor([[1., 1.],
            [1., 1.]])
    """
    return _full(rows.ifft, a, s, axes, norm, "ifftn")


def fft2(a: Any, s: Any = None, axes: Sequence[int] = (-2, -1), norm: str | None = None) -> Tensor:
    """The Fourier transform over two axes, by default the last.

    >>> import gradtape as gt
    >>> gt.fft.fft2(gt.ones((5, 2, 4))).shape
    (5, 2, 4)
    """
    return _full(rows.fft, a, s, axes, norm, "fft2")


def ifft2(a: Any, s: Any = None, axes: Sequence[int] = (-2, -1), norm: str | None = None) -> Tensor:
    """The inverse of :func:`fft2`.

    >>> import gradtape as gt
    >>> gt.fft.ifft2(gt.ones((5, 2, 4))).shape
    (5, 2, 4)
    """
    return _full(rows.ifft, a, s, axes, norm, "ifft2")


# -- real transforms: half a spectrum --------------------------------------------------------------------------------


def rfft(a: Any, n: int | None = None, axis: int = -1, norm: str | None = None) -> Tensor:
    """The first n // 2 + 1 entries of the Fourier transform of a real array; the others are their mirror images.

    >>> import gradtape as gt
    >>> x = gt.asarray([1.0, 2.0, 3.0, 4.0])
    >>> with gt.GradientTape() as tape:
    ...     y = gt.fft.rfft(x)
    ...     energy = gt.sum(gt.abs(y) ** 2)
    >>> y, tape.gradient(energy, x)
    (Tensor([10.+0.j, -2.+2.j, -2.+0.j]), Tensor([12., 20., 20., 28.]))
    """
    x = _inexact(a, "rfft", real=True)
    axis = axis_number(axis, x.ndim, "rfft")
    return rows.rfft(_sized(x, axis, _length(n, x.shape[axis], "rfft")), axis=axis, norm=_norm(norm))


def irfft(a: Any, n: int | None = None, axis: int = -1, norm: str | None = None) -> Tensor:
    """The inverse of :func:`rfft`: the real array of length ``n``, by default 2 (m - 1), of m entries of a spectrum.

    >>> import gradtape as gt
    >>> gt.fft.irfft(gt.fft.rfft([1.0, 2.0, 3.0, 4.0]))
    Tensor([1., 2., 3., 4.])
    """
    x = _inexact(a, "irfft")
    axis = axis_number(axis, x.ndim, "irfft")
    n = _length(n, 2 * (x.shape[axis] - 1), "irfft")
    return rows.irfft(_sized(x, axis, n // 2 + 1), n=n, axis=axis, norm=_norm(norm))


def hfft(a: Any, n: int | None = None, axis: int = -1, norm: str | None = None) -> Tensor:
    """The Fourier transform, which is real, of a signal that is its own conjugate mirror image, given by its half.

    >>> import gradtape as gt
    >>> gt.fft.hfft([1.0, 2.0, 3.0])
    Tensor([ 8., -2.,  0., -2.])
    """
    return irfft(conj(_inexact(a, "hfft")), n, axis, rows.SWAPPED[_norm(norm)])


def ihfft(a: Any, n: int | None = None, axis: int = -1, norm: str | None = None) -> Tensor:
    """The inverse of :func:`hfft`.

    >>> import gradtape as gt
    >>> gt.real(gt.fft.ihfft([8.0, -2.0, 0.0, -2.0]))
    Tensor([1., 2., 3.])
    """
    return conj(rfft(_inexact(a, "ihfft", real=True), n, axis, rows.SWAPPED[_norm(norm)]))


def rfftn(a: Any, s: Any = None, axes: Sequence[int] | None = None, norm: str | None = None) -> Tensor:
    """The Fourier transform of a real array over several axes, by default all: along the last of them a half of it.

    >>> import gradtape as gt
    >>> gt.fft.rfftn(gt.ones((4, 6))).shape
    (4, 4)
    """
    x = _inexact(a, "rfftn", real=True)
    sizes, found = _sizes_axes(x, s, axes, "rfftn")
    if not found:
        raise ShapeError(message("rfftn: at least one axis is needed", where=str(sites.user_line())))
    y = rfft(x, sizes[-1], found[-1], norm)
    return _full(rows.fft, y, sizes[:-1], found[:-1], norm, "rfftn") if found[1:] else y


def irfftn(a: Any, s: Any = None, axes: Sequence[int] | None = None, norm: str | None = None) -> Tensor:
    """The inverse of :func:`rfftn`; ``s`` says whether the last length was odd.

    >>> import gradtape as gt
    >>> gt.fft.irfftn(gt.fft.rfftn(gt.ones((4, 5))), s=(4, 5), axes=(0, 1)).shape
    (4, 5)
    """
    x = _inexact(a, "irfftn")
    sizes, found = _sizes_axes(x, s, axes, "irfftn")
    if not found:
        raise ShapeError(message("irfftn: at least one axis is needed", where=str(sites.user_line())))
    y = _full(rows.ifft, x, sizes[:-1], found[:-1], norm, "irfftn") if found[1:] else x
    return irfft(y, sizes[-1], found[-1], norm)


def rfft2(a: Any, s: Any = None, axes: Sequence[int] = (-2, -1), norm: str | None = None) -> Tensor:
    """:func:`rfftn` over two axes, by default the last.

    >>> import gradtape as gt
    >>> gt.fft.rfft2(gt.ones((5, 2, 4))).shape
    (5, 2, 3)
    """
    return rfftn(a, s, axes, norm)


def irfft2(a: Any, s: Any = None, axes: Sequence[int] = (-2, -1), norm: str | None = None) -> Tensor:
    """:func:`irfftn` over two axes, by default the last.

    >>> import gradtape as gt
    >>> gt.fft.irfft2(gt.ones((5, 2, 3))).shape
    (5, 2, 4)
    """
    return irfftn(a, s, axes, norm)


# -- frequencies and their order -------------------------------------------------------------------------------------


def fftshift(x: Any, axes: Any = None) -> Tensor:
    """The spectrum with frequency zero in the middle of each of ``axes``, by default of all.

    >>> import gradtape as gt
    >>> gt.fft.fftshift(gt.fft.fftfreq(5, 0.2))
    Tensor([-2., -1.,  0.,  1.,  2.])
    """
    return _shifted(x, axes, "fftshift", lambda n: n // 2)


def ifftshift(x: Any, axes: Any = None) -> Tensor:
    """The inverse of :func:`fftshift`.

    >>> import gradtape as gt
    >>> gt.fft.ifftshift([-2.0, -1.0, 0.0, 1.0, 2.0])
    Tensor([ 0.,  1.,  2., -2., -1.])
    """
    return _shifted(x, axes, "ifftshift", lambda n: -(n // 2))


def _shifted(x: Any, axes: Any, asked: str, by: Any) -> Tensor:
    t = strong(lift(x))
    found = tuple(range(t.ndim)) if axes is None else axes_tuple(axes, t.ndim, asked)
    return roll(t, tuple([by(t.shape[a]) for a in found]), found) if found else t


def fftfreq(n: int, /, d: Any = 1.0, *, dtype: Any = None, device: Any = None) -> Tensor:
    """The frequencies of the entries of :func:`fft`: [0, 1, ..., -2, -1] / (n d), d the distance of the samples.

    >>> import gradtape as gt
    >>> gt.fft.fftfreq(4, 0.5)
    Tensor([ 0. ,  0.5, -1. , -0.5])
    """
    return _frequencies(np.fft.fftfreq, n, d, dtype, device)


def rfftfreq(n: int, /, d: Any = 1.0, *, dtype: Any = None, device: Any = None) -> Tensor:
    """The frequencies of the entries of :func:`rfft`: [0, 1, ..., n // 2] / (n d).

    >>> import gradtape as gt
    >>> gt.fft.rfftfreq(4, 0.5)
    Tensor([0. , 0.5, 1. ])
    """
    return _frequencies(np.fft.rfftfreq, n, d, dtype, device)


def _frequencies(made: Any, n: int, d: Any, dtype: Any, device: Any) -> Tensor:
    on_this_device(device, made.__name__)
    y = Tensor(made(_length(n, 0, made.__name__))) / strong(lift(d))
    return y if dtype is None else cast(y, dtype)
