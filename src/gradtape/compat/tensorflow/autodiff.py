"""tf.autodiff: the tape and the accumulator."""

from __future__ import annotations

from .names import fallback, gt

GradientTape = gt.GradientTape
ForwardAccumulator = gt.ForwardAccumulator

__all__ = ["ForwardAccumulator", "GradientTape"]

__getattr__ = fallback(__name__)
