"""tf.keras.optimizers.schedules: gradtape's."""

from __future__ import annotations

from ....state.schedules import CosineDecay, ExponentialDecay, InverseTimeDecay, PiecewiseConstantDecay, PolynomialDecay
from ....state.schedules import Schedule as LearningRateSchedule
from ..names import fallback

__all__ = [
    "CosineDecay",
    "ExponentialDecay",
    "InverseTimeDecay",
    "LearningRateSchedule",
    "PiecewiseConstantDecay",
    "PolynomialDecay",
]

__getattr__ = fallback(__name__)
