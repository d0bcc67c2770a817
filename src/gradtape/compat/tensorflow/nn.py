"""tf.nn: TensorFlow's names for activations, convolutions, normalisation and cross entropies."""

from __future__ import annotations

from typing import Any

from ...state import functional, losses
from . import convolution as convolutions
from .convert import axes, ints, is_value, operands, tensor
from .convolution import *  # noqa: F403
from .math import l2_normalize, log_softmax, sigmoid, softmax, softplus, tanh, top_k
from .names import fallback, gt
from .tables import unary

_gradtape_composes = True

__all__ = [
    "batch_normalization",
    "bias_add",
    "dropout",
    "elu",
    "embedding_lookup",
    "gelu",
    "l2_loss",
    "l2_normalize",
    "leaky_relu",
    "log_poisson_loss",
    "log_softmax",
    "moments",
    "relu",
    "relu6",
    "selu",
    "sigmoid",
    "sigmoid_cross_entropy_with_logits",
    "silu",
    "softmax",
    "softmax_cross_entropy_with_logits",
    "softplus",
    "softsign",
    "sparse_softmax_cross_entropy_with_logits",
    "swish",
    "tanh",
    "top_k",
    "weighted_cross_entropy_with_logits",
    "zero_fraction",
]
__all__ += convolutions.__all__

elu = unary("elu")
relu = unary("relu")
relu6 = unary("relu6")
selu = unary("selu")
softsign = unary("softsign")


def silu(features: Any, beta: Any = 1.0, name: Any = None) -> Any:
    """x sigmoid(beta x)."""
    x = tensor(features)
    return gt.silu(x) if not is_value(beta) and beta == 1 else x * gt.sigmoid(beta * x)


swish = silu


def gelu(features: Any, approximate: bool = False, name: Any = None) -> Any:
    """x Phi(x), with Phi the normal distribution function, or its approximation by a tanh."""
    return gt.gelu(tensor(features), approximate=approximate)


def leaky_relu(features: Any, alpha: Any = 0.2, name: Any = None) -> Any:
    """x where it is positive, else alpha x."""
    return gt.leaky_relu(tensor(features), alpha)


def sigmoid_cross_entropy_with_logits(labels: Any = None, logits: Any = None, name: Any = None) -> Any:
    """Cross entropy of probabilities and logits, element by element."""
    z, x = operands(labels, logits)
    return losses.sigmoid_cross_entropy(z, x)


def weighted_cross_entropy_with_logits(labels: Any, logits: Any, pos_weight: Any, name: Any = None) -> Any:
    """The same, with the positive term weighted."""
    z, x = operands(labels, logits)
    return losses.sigmoid_cross_entropy(z, x, pos_weight)


def softmax_cross_entropy_with_logits(labels: Any, logits: Any, axis: Any = -1, name: Any = None) -> Any:
    """Cross entropy of distributions and logits along ``axis``."""
    p, x = operands(labels, logits)
    return losses.softmax_cross_entropy(p, x, int(axis))


def sparse_softmax_cross_entropy_with_logits(labels: Any, logits: Any, name: Any = None) -> Any:
    """Cross entropy of integer labels and logits along the last axis."""
    return losses.sparse_softmax_cross_entropy(tensor(labels), tensor(logits))


def log_poisson_loss(targets: Any, log_input: Any, compute_full_loss: bool = False, name: Any = None) -> Any:
    """exp(log_input) - log_input * targets."""
    if compute_full_loss:
        raise NotImplementedError("tf.nn.log_poisson_loss: compute_full_loss=True is not there")
    z, x = operands(targets, log_input)
    return gt.exp(x) - x * z


def l2_loss(t: Any, name: Any = None) -> Any:
    """Half the sum of squares."""
    x = tensor(t)
    return gt.sum(x * x) * 0.5


def moments(x: Any, axes: Any, shift: Any = None, keepdims: bool = False, name: Any = None) -> tuple[Any, Any]:
    """Mean and variance over the axes given."""
    return functional.moments(tensor(x), _axes(axes), keepdims)


_axes = axes


def batch_normalization(
    x: Any, mean: Any, variance: Any, offset: Any, scale: Any, variance_epsilon: Any, name: Any = None
) -> Any:
    """(x - mean) / sqrt(variance + epsilon) * scale + offset."""
    return functional.batch_normalization(tensor(x), mean, variance, offset, scale, variance_epsilon)


def dropout(x: Any, rate: Any, noise_shape: Any = None, seed: Any = None, name: Any = None) -> Any:
    """Each entry 0 with probability ``rate``, the others divided by 1 - rate."""
    from ...state.random import Generator

    generator = None if seed is None else Generator(seed)
    return functional.dropout(tensor(x), float(rate), generator, None if noise_shape is None else ints(noise_shape))


def bias_add(value: Any, bias: Any, data_format: Any = None, name: Any = None) -> Any:
    """The bias added along the last axis."""
    x, b = operands(value, bias)
    return gt.add(x, b)


def embedding_lookup(params: Any, ids: Any, max_norm: Any = None, name: Any = None) -> Any:
    """Rows of a table."""
    rows = gt.gather(tensor(params), tensor(ids), axis=0)
    return rows if max_norm is None else functional.clip_by_norm(rows, max_norm, -1)


def zero_fraction(value: Any, name: Any = None) -> Any:
    """The share of entries that are zero."""
    return gt.mean(gt.astype(tensor(value) == 0, "float32"))


__getattr__ = fallback(__name__)
