"""Learning-rate schedules: functions of the step number, of which every parameter may be a Tensor."""

from __future__ import annotations

from collections.abc import Sequence
from math import pi
from typing import Any

from ..numpy.elementwise import cos, floor, minimum, where
from ..primitives.shapes import astype
from ..record.writer import to_tensor

_gradtape_composes = True

__all__ = [
    "CosineDecay",
    "ExponentialDecay",
    "InverseTimeDecay",
    "PiecewiseConstantDecay",
    "PolynomialDecay",
    "Schedule",
]


def _float(step: Any) -> Any:
    return astype(to_tensor(step), dtype="float64")


class Schedule:
    """Base of the schedules: ``schedule(step)`` is the learning rate of that step, counted from 0."""

    def __call__(self, step: Any) -> Any:
        raise NotImplementedError


class ExponentialDecay(Schedule):
    """``initial * rate**(step / steps)``; ``staircase=True`` rounds the exponent down.

    >>> from gradtape.state.schedules import ExponentialDecay
    >>> ExponentialDecay(0.8, 1, 0.5)(2)
    Tensor(0.2)
    """

    def __init__(
        self, initial_learning_rate: Any, decay_steps: Any, decay_rate: Any, staircase: bool = False, name: Any = None
    ) -> None:
        self.initial_learning_rate, self.decay_steps = initial_learning_rate, decay_steps
        self.decay_rate, self.staircase = decay_rate, staircase

    def __call__(self, step: Any) -> Any:
        p = _float(step) / self.decay_steps
        return self.initial_learning_rate * self.decay_rate ** (floor(p) if self.staircase else p)


class InverseTimeDecay(ExponentialDecay):
    """``initial / (1 + rate * step / steps)``."""

    def __call__(self, step: Any) -> Any:
        p = _float(step) / self.decay_steps
        return self.initial_learning_rate / (1 + self.decay_rate * (floor(p) if self.staircase else p))


class CosineDecay(Schedule):
    """Half a cosine from ``initial`` down to ``alpha * initial``."""

    def __init__(self, initial_learning_rate: Any, decay_steps: Any, alpha: Any = 0.0, name: Any = None) -> None:
        self.initial_learning_rate, self.decay_steps, self.alpha = initial_learning_rate, decay_steps, alpha

    def __call__(self, step: Any) -> Any:
        share = minimum(_float(step) / self.decay_steps, 1.0)
        return self.initial_learning_rate * ((1 - self.alpha) * 0.5 * (1 + cos(pi * share)) + self.alpha)


class PolynomialDecay(Schedule):
    """From ``initial`` to ``end``, as ``(1 - step / steps)**power``."""

    def __init__(
        self,
        initial_learning_rate: Any,
        decay_steps: Any,
        end_learning_rate: Any = 0.0001,
        power: Any = 1.0,
        name: Any = None,
    ) -> None:
        self.initial_learning_rate, self.decay_steps = initial_learning_rate, decay_steps
        self.end_learning_rate, self.power = end_learning_rate, power

    def __call__(self, step: Any) -> Any:
        share = minimum(_float(step) / self.decay_steps, 1.0)
        span = self.initial_learning_rate - self.end_learning_rate
        return span * (1 - share) ** self.power + self.end_learning_rate


class PiecewiseConstantDecay(Schedule):
    """``values[k]`` up to and including step ``boundaries[k]``; the last value after that."""

    def __init__(self, boundaries: Sequence[Any], values: Sequence[Any], name: Any = None) -> None:
        self.boundaries, self.values = list(boundaries), list(values)

    def __call__(self, step: Any) -> Any:
        at = _float(step)
        rate: Any = self.values[-1]
        for boundary, value in zip(reversed(self.boundaries), reversed(self.values[:-1]), strict=True):
            rate = where(at <= boundary, value, rate)
        return rate
