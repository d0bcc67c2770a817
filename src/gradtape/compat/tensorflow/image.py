"""tf.image: resizing."""

from __future__ import annotations

from typing import Any

from ...numpy.resampling import resample
from .convert import ints, tensor
from .names import fallback, gt

_gradtape_composes = True

__all__ = ["ResizeMethod", "resize"]


class ResizeMethod:
    """The methods of ``tf.image.resize`` that there are."""

    BILINEAR = "bilinear"
    NEAREST_NEIGHBOR = "nearest"
    BICUBIC = "bicubic"
    LANCZOS3 = "lanczos3"
    LANCZOS5 = "lanczos5"


def resize(
    images: Any,
    size: Any,
    method: str = "bilinear",
    preserve_aspect_ratio: bool = False,
    antialias: bool = False,
    name: Any = None,
) -> Any:
    """Images (batch, height, width, channels), or one without a batch axis, of another size."""
    x = tensor(images)
    height, width = ints(size)
    old = x.shape[-3:-1]
    if preserve_aspect_ratio:
        scale = min(height / old[0], width / old[1])
        height, width = [max(round(n * scale), 1) for n in old]
    y = resample(x, (*x.shape[:-3], height, width, x.shape[-1]), method, antialias=antialias)
    return y if x.dtype.kind in "fc" or method == "nearest" else gt.astype(y, "float32")


__getattr__ = fallback(__name__)
