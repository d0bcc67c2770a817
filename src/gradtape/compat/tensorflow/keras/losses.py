"""tf.keras.losses: gradtape's losses by Keras's names, as functions and as objects."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ....errors import UnknownNameError, message, nearest
from ....state import losses as core
from ..convert import is_value, operands, tensor
from ..names import fallback, gt

_gradtape_composes = True

__all__ = [
    "KLD",
    "MAE",
    "MAPE",
    "MSE",
    "MSLE",
    "BinaryCrossentropy",
    "CategoricalCrossentropy",
    "CosineSimilarity",
    "Hinge",
    "Huber",
    "KLDivergence",
    "LogCosh",
    "Loss",
    "MeanAbsoluteError",
    "MeanAbsolutePercentageError",
    "MeanSquaredError",
    "MeanSquaredLogarithmicError",
    "Poisson",
    "Reduction",
    "SparseCategoricalCrossentropy",
    "SquaredHinge",
    "binary_crossentropy",
    "categorical_crossentropy",
    "cosine_similarity",
    "get",
    "hinge",
    "huber",
    "kl_divergence",
    "kld",
    "log_cosh",
    "logcosh",
    "mae",
    "mape",
    "mean_absolute_error",
    "mean_absolute_percentage_error",
    "mean_squared_error",
    "mean_squared_logarithmic_error",
    "mse",
    "msle",
    "poisson",
    "sparse_categorical_crossentropy",
    "squared_hinge",
]


def _function(loss: Callable[..., Any]) -> Callable[..., Any]:
    def f(y_true: Any, y_pred: Any, *args: Any, **kwargs: Any) -> Any:
        if is_value(y_true):
            return loss(y_true, tensor(y_pred), *args, **kwargs)
        true, pred = operands(y_true, tensor(y_pred))
        return loss(true, pred, *args, **kwargs)

    f.__name__ = f.__qualname__ = loss.__name__
    f.__doc__ = loss.__doc__
    return f


binary_crossentropy = _function(core.binary_crossentropy)
categorical_crossentropy = _function(core.categorical_crossentropy)
cosine_similarity = _function(core.cosine_similarity)
hinge = _function(core.hinge)
huber = _function(core.huber)
kl_divergence = kld = KLD = _function(core.kl_divergence)
log_cosh = logcosh = _function(core.log_cosh)
mean_absolute_error = mae = MAE = _function(core.mean_absolute_error)
mean_absolute_percentage_error = mape = MAPE = _function(core.mean_absolute_percentage_error)
mean_squared_error = mse = MSE = _function(core.mean_squared_error)
mean_squared_logarithmic_error = msle = MSLE = _function(core.mean_squared_logarithmic_error)
poisson = _function(core.poisson)
sparse_categorical_crossentropy = _function(core.sparse_categorical_crossentropy)
squared_hinge = _function(core.squared_hinge)


class Reduction:
    """How a loss is summed up."""

    NONE = "none"
    SUM = "sum"
    AUTO = SUM_OVER_BATCH_SIZE = "sum_over_batch_size"


class Loss:
    """Base of the losses: define ``call(y_true, y_pred)``; the mean over the batch is taken for you."""

    def __init__(self, name: Any = None, reduction: Any = "sum_over_batch_size", dtype: Any = None) -> None:
        self.name = name or type(self).__name__
        self.reduction = reduction

    def call(self, y_true: Any, y_pred: Any) -> Any:
        """The loss of each example."""
        raise NotImplementedError

    def __call__(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> Any:
        values = self.call(y_true, y_pred)
        if sample_weight is not None:
            weight = tensor(sample_weight, values.dtype)
            if weight.ndim == values.ndim + 1 and weight.shape[-1] == 1:
                weight = gt.squeeze(weight, axis=-1)
            values = values * weight
        if self.reduction in (None, "none"):
            return values
        return gt.sum(values) if self.reduction == "sum" else gt.mean(values)


def of_function(function: Callable[..., Any]) -> Loss:
    """A function of (y_true, y_pred) as a loss, the mean over the batch."""
    return _class("Loss", function)()


def _class(name: str, function: Callable[..., Any]) -> type[Loss]:
    class Made(Loss):
        def __init__(
            self, *args: Any, name: Any = None, reduction: Any = "sum_over_batch_size", **options: Any
        ) -> None:
            super().__init__(name, reduction)
            self._args, self._options = args, {k: v for k, v in options.items() if k != "dtype"}

        def call(self, y_true: Any, y_pred: Any) -> Any:
            return function(y_true, y_pred, *self._args, **self._options)

    Made.__name__ = Made.__qualname__ = name
    Made.__doc__ = function.__doc__
    return Made


BinaryCrossentropy = _class("BinaryCrossentropy", binary_crossentropy)
CategoricalCrossentropy = _class("CategoricalCrossentropy", categorical_crossentropy)
CosineSimilarity = _class("CosineSimilarity", cosine_similarity)
Hinge = _class("Hinge", hinge)
Huber = _class("Huber", huber)
KLDivergence = _class("KLDivergence", kl_divergence)
LogCosh = _class("LogCosh", log_cosh)
MeanAbsoluteError = _class("MeanAbsoluteError", mean_absolute_error)
MeanAbsolutePercentageError = _class("MeanAbsolutePercentageError", mean_absolute_percentage_error)
MeanSquaredError = _class("MeanSquaredError", mean_squared_error)
MeanSquaredLogarithmicError = _class("MeanSquaredLogarithmicError", mean_squared_logarithmic_error)
Poisson = _class("Poisson", poisson)
SparseCategoricalCrossentropy = _class("SparseCategoricalCrossentropy", sparse_categorical_crossentropy)
SquaredHinge = _class("SquaredHinge", squared_hinge)


def get(identifier: Any) -> Any:
    """A loss from its name; a callable is returned as it is."""
    if identifier is None or callable(identifier):
        return identifier
    if identifier not in __all__:
        raise UnknownNameError(message(f"losses: there is none named {identifier!r}.{nearest(identifier, __all__)}"))
    found = globals()[identifier]
    return found() if isinstance(found, type) else found


__getattr__ = fallback(__name__)
