"""Losses, element by element or row by row; a mean or a sum over them is the caller's.

Cross entropies are computed from logits in forms that neither overflow nor cancel, and whose derivatives of every
order are those of the formula.
"""

from __future__ import annotations

from typing import Any

from ..numpy.activations import log_softmax
from ..numpy.creation import asarray
from ..numpy.elementwise import abs, clip, exp, log, maximum, where
from ..numpy.indexing import take_along_axis
from ..numpy.reductions import mean, sum
from ..numpy.shapes import expand_dims, squeeze
from ..numpy.units import softplus
from ..primitives.shapes import astype
from ..record.tensor import Tensor
from .functional import l2_normalize

_gradtape_composes = True

__all__ = [
    "binary_crossentropy",
    "categorical_crossentropy",
    "cosine_similarity",
    "hinge",
    "huber",
    "kl_divergence",
    "log_cosh",
    "mean_absolute_error",
    "mean_absolute_percentage_error",
    "mean_squared_error",
    "mean_squared_logarithmic_error",
    "poisson",
    "sigmoid_cross_entropy",
    "softmax_cross_entropy",
    "sparse_categorical_crossentropy",
    "sparse_softmax_cross_entropy",
    "squared_hinge",
]

_TINY = 1e-7


def _pair(y_true: Any, y_pred: Any) -> tuple[Any, Any]:
    pred = asarray(y_pred)
    true = asarray(y_true)
    return (true if true.dtype == pred.dtype else astype(true, dtype=pred.dtype)), pred


def softmax_cross_entropy(labels: Any, logits: Any, axis: int = -1) -> Tensor:
    """``-sum(labels * log_softmax(logits))`` over ``axis``.

    >>> import gradtape as gt
    >>> from gradtape.state.losses import softmax_cross_entropy
    >>> x = gt.asarray([0.0, 0.0])
    >>> with gt.GradientTape() as tape:
    ...     loss = softmax_cross_entropy([0.0, 1.0], x)
    >>> tape.hessian(loss, x)
    Tensor([[ 0.25, -0.25],
            [-0.25,  0.25]])
    """
    labels, logits = _pair(labels, logits)
    return -sum(labels * log_softmax(logits, axis=axis), axis=axis)


def sparse_softmax_cross_entropy(labels: Any, logits: Any, axis: int = -1) -> Tensor:
    """``-log_softmax(logits)[label]``: the labels are integers."""
    rows = log_softmax(asarray(logits), axis=axis)
    places = expand_dims(astype(asarray(labels), dtype="int64"), axis=axis)
    return -squeeze(take_along_axis(rows, places, axis=axis), axis=axis)


def sigmoid_cross_entropy(labels: Any, logits: Any, pos_weight: Any = 1.0) -> Tensor:
    """``-z log(sigmoid(x)) - (1 - z) log(1 - sigmoid(x))``, as ``z softplus(-x) + (1 - z) softplus(x)``."""
    z, x = _pair(labels, logits)
    return z * softplus(-x) * pos_weight + (1 - z) * softplus(x)


def categorical_crossentropy(
    y_true: Any, y_pred: Any, from_logits: bool = False, label_smoothing: float = 0.0, axis: int = -1
) -> Tensor:
    """Cross entropy of one-hot labels and probabilities (or logits)."""
    true, pred = _pair(y_true, y_pred)
    if label_smoothing:
        true = true * (1 - label_smoothing) + label_smoothing / pred.shape[axis]
    if from_logits:
        return softmax_cross_entropy(true, pred, axis)
    pred = pred / sum(pred, axis=axis, keepdims=True)
    return -sum(true * log(clip(pred, _TINY, 1 - _TINY)), axis=axis)


def sparse_categorical_crossentropy(y_true: Any, y_pred: Any, from_logits: bool = False, axis: int = -1) -> Tensor:
    """Cross entropy of integer labels and probabilities (or logits)."""
    pred, true = asarray(y_pred), asarray(y_true)
    if true.ndim == pred.ndim and true.shape[axis] == 1:
        true = squeeze(true, axis=axis)
    if not from_logits:
        pred = log(clip(pred / sum(pred, axis=axis, keepdims=True), _TINY, 1 - _TINY))
    return sparse_softmax_cross_entropy(true, pred, axis)


def binary_crossentropy(
    y_true: Any, y_pred: Any, from_logits: bool = False, label_smoothing: float = 0.0, axis: int = -1
) -> Tensor:
    """Mean over ``axis`` of the cross entropy of 0/1 labels and probabilities (or logits)."""
    true, pred = _pair(y_true, y_pred)
    if label_smoothing:
        true = true * (1 - label_smoothing) + 0.5 * label_smoothing
    if from_logits:
        return mean(sigmoid_cross_entropy(true, pred), axis=axis)
    pred = clip(pred, _TINY, 1 - _TINY)
    return mean(-(true * log(pred) + (1 - true) * log(1 - pred)), axis=axis)


def mean_squared_error(y_true: Any, y_pred: Any, axis: int = -1) -> Tensor:
    """Mean of the squared differences over ``axis``."""
    true, pred = _pair(y_true, y_pred)
    away = pred - true
    return mean(away * away, axis=axis)


def mean_absolute_error(y_true: Any, y_pred: Any, axis: int = -1) -> Tensor:
    """Mean of the absolute differences over ``axis``."""
    true, pred = _pair(y_true, y_pred)
    return mean(abs(pred - true), axis=axis)


def mean_absolute_percentage_error(y_true: Any, y_pred: Any, axis: int = -1) -> Tensor:
    """100 times the mean of the absolute differences relative to ``y_true``."""
    true, pred = _pair(y_true, y_pred)
    return 100.0 * mean(abs((true - pred) / maximum(abs(true), _TINY)), axis=axis)


def mean_squared_logarithmic_error(y_true: Any, y_pred: Any, axis: int = -1) -> Tensor:
    """Mean of the squared differences of ``log(1 + y)``."""
    true, pred = _pair(y_true, y_pred)
    away = log(maximum(pred, _TINY) + 1) - log(maximum(true, _TINY) + 1)
    return mean(away * away, axis=axis)


def huber(y_true: Any, y_pred: Any, delta: float = 1.0, axis: int = -1) -> Tensor:
    """Quadratic within ``delta``, linear outside."""
    true, pred = _pair(y_true, y_pred)
    away = pred - true
    far = abs(away)
    return mean(where(far <= delta, 0.5 * away * away, delta * far - 0.5 * delta * delta), axis=axis)


def log_cosh(y_true: Any, y_pred: Any, axis: int = -1) -> Tensor:
    """Mean of ``log(cosh(y_pred - y_true))``, which neither overflows nor cancels."""
    true, pred = _pair(y_true, y_pred)
    away = pred - true
    return mean(away + softplus(-2.0 * away) - 0.6931471805599453, axis=axis)


def hinge(y_true: Any, y_pred: Any, axis: int = -1) -> Tensor:
    """Mean of ``max(1 - y_true * y_pred, 0)``; labels 0/1 count as -1/1."""
    true, pred = _signed(y_true, y_pred)
    return mean(maximum(1 - true * pred, 0.0), axis=axis)


def squared_hinge(y_true: Any, y_pred: Any, axis: int = -1) -> Tensor:
    """Mean of ``max(1 - y_true * y_pred, 0)**2``; labels 0/1 count as -1/1."""
    true, pred = _signed(y_true, y_pred)
    room = maximum(1 - true * pred, 0.0)
    return mean(room * room, axis=axis)


def _signed(y_true: Any, y_pred: Any) -> tuple[Any, Any]:
    true, pred = _pair(y_true, y_pred)
    binary = bool(((true.data == 0) | (true.data == 1)).all())
    return (2.0 * true - 1.0 if binary else true), pred


def kl_divergence(y_true: Any, y_pred: Any, axis: int = -1) -> Tensor:
    """``sum(y_true * log(y_true / y_pred))``."""
    true, pred = _pair(y_true, y_pred)
    true, pred = clip(true, _TINY, 1.0), clip(pred, _TINY, 1.0)
    return sum(true * log(true / pred), axis=axis)


def poisson(y_true: Any, y_pred: Any, log_input: bool = False, axis: int = -1) -> Tensor:
    """Mean of ``y_pred - y_true * log(y_pred)``; with ``log_input=True`` the predictions are logarithms."""
    true, pred = _pair(y_true, y_pred)
    return mean(exp(pred) - true * pred if log_input else pred - true * log(pred + _TINY), axis=axis)


def cosine_similarity(y_true: Any, y_pred: Any, axis: int = -1) -> Tensor:
    """The cosine of the angle between the two, negated: smallest where they agree, as Keras has it."""
    true, pred = _pair(y_true, y_pred)
    return -sum(l2_normalize(true, axis) * l2_normalize(pred, axis), axis=axis)
