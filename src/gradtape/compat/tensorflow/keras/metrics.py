"""tf.keras.metrics: running means of what a training loop reports.  They are not recorded."""

from __future__ import annotations

from typing import Any

import numpy as np

from ....compiling.tracing import must_repeat
from ..convert import tensor
from ..names import fallback

_gradtape_composes = True

__all__ = [
    "Accuracy",
    "BinaryAccuracy",
    "CategoricalAccuracy",
    "Mean",
    "MeanAbsoluteError",
    "MeanSquaredError",
    "Metric",
    "SparseCategoricalAccuracy",
    "Sum",
]


class Metric:
    """Base of the metrics: a sum and a count."""

    def __init__(self, name: Any = None, dtype: Any = None) -> None:
        self.name = name or type(self).__name__.lower()
        self.reset_state()

    def reset_state(self) -> None:
        """Start anew."""
        must_repeat("a metric starts anew")
        self.total, self.count = 0.0, 0.0

    def reset_states(self) -> None:
        """Start anew."""
        self.reset_state()

    def values(self, *given: Any) -> Any:
        """The numbers to be averaged; what a subclass supplies."""
        raise NotImplementedError

    def update_state(self, *given: Any, sample_weight: Any = None) -> None:
        """Take in values."""
        must_repeat("a metric takes in values")
        numbers = np.asarray(self.values(*[tensor(g).data for g in given]), np.float64)
        weights = (
            np.ones_like(numbers)
            if sample_weight is None
            else np.broadcast_to(tensor(sample_weight).data, numbers.shape)
        )
        self.total += float((numbers * weights).sum())
        self.count += float(weights.sum())

    def __call__(self, *given: Any, **options: Any) -> Any:
        self.update_state(*given, **options)
        return self.result()

    def result(self) -> Any:
        """The mean so far."""
        must_repeat("a metric is read")
        return tensor(self.total / self.count if self.count else 0.0)


class Mean(Metric):
    """The mean of the values."""

    def values(self, *given: Any) -> Any:
        return given[0]


class Sum(Mean):
    """The sum of the values."""

    def result(self) -> Any:
        return tensor(self.total)


class MeanSquaredError(Metric):
    """Mean of the squared differences."""

    def values(self, *given: Any) -> Any:
        return (given[1] - given[0]) ** 2


class MeanAbsoluteError(Metric):
    """Mean of the absolute differences."""

    def values(self, *given: Any) -> Any:
        return np.abs(given[1] - given[0])


class Accuracy(Metric):
    """How often the two are equal."""

    def values(self, *given: Any) -> Any:
        return given[0] == given[1]


class BinaryAccuracy(Metric):
    """How often a probability lies on the side of the label."""

    def __init__(self, name: Any = None, dtype: Any = None, threshold: float = 0.5) -> None:
        super().__init__(name)
        self.threshold = threshold

    def values(self, *given: Any) -> Any:
        return (given[1] > self.threshold) == (given[0] > 0.5)


class CategoricalAccuracy(Metric):
    """How often the largest probability is that of the one-hot label."""

    def values(self, *given: Any) -> Any:
        return given[0].argmax(-1) == given[1].argmax(-1)


class SparseCategoricalAccuracy(Metric):
    """How often the largest probability is that of the label."""

    def values(self, *given: Any) -> Any:
        labels = given[0].reshape(given[1].shape[:-1])
        return labels == given[1].argmax(-1)


__getattr__ = fallback(__name__)
