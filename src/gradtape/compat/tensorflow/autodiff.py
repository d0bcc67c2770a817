"""tf.autodiff: the tape and, when gradtape has forward mode, the accumulator."""

from __future__ import annotations

from .names import fallback, gt

GradientTape = gt.GradientTape

__all__ = ["GradientTape"]

if hasattr(gt, "ForwardAccumulator"):
    ForwardAccumulator = gt.ForwardAccumulator
    __all__ += ["ForwardAccumulator"]

__getattr__ = fallback(__name__)
