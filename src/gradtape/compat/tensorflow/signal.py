"""tf.signal: TensorFlow's names for gradtape's Fourier transforms."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ...numpy import fourier
from .convert import axes, ints, tensor
from .names import fallback

_gradtape_composes = True

__all__ = [
    "fft",
    "fft2d",
    "fft3d",
    "fftshift",
    "ifft",
    "ifft2d",
    "ifft3d",
    "ifftshift",
    "irfft",
    "irfft2d",
    "irfft3d",
    "rfft",
    "rfft2d",
    "rfft3d",
]


def _complex(transform: Callable[..., Any], rank: int) -> Callable[..., Any]:
    """``f(input, name=None)`` over the last ``rank`` axes."""

    def f(input: Any, name: Any = None) -> Any:
        return transform(tensor(input), axes=range(-rank, 0))

    f.__doc__ = f"{transform.__name__} over the last axes, {rank} of them."
    return f


def _real(transform: Callable[..., Any], rank: int) -> Callable[..., Any]:
    """``f(input_tensor, fft_length=None, name=None)`` over the last ``rank`` axes."""

    def f(input_tensor: Any, fft_length: Any = None, name: Any = None) -> Any:
        lengths = None if fft_length is None else ints(fft_length)
        return transform(tensor(input_tensor), s=lengths, axes=range(-rank, 0))

    f.__doc__ = f"{transform.__name__} over the last axes, {rank} of them, cropped or filled up to ``fft_length``."
    return f


fft, fft2d, fft3d = [_complex(fourier.fftn, rank) for rank in (1, 2, 3)]
ifft, ifft2d, ifft3d = [_complex(fourier.ifftn, rank) for rank in (1, 2, 3)]
rfft, rfft2d, rfft3d = [_real(fourier.rfftn, rank) for rank in (1, 2, 3)]
irfft, irfft2d, irfft3d = [_real(fourier.irfftn, rank) for rank in (1, 2, 3)]


def fftshift(x: Any, axes: Any = None, name: Any = None) -> Any:
    """Frequency zero in the middle."""
    return fourier.fftshift(tensor(x), _axes(axes))


def ifftshift(x: Any, axes: Any = None, name: Any = None) -> Any:
    """The inverse of fftshift."""
    return fourier.ifftshift(tensor(x), _axes(axes))


_axes = axes

__getattr__ = fallback(__name__)
