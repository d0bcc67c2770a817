"""tf.keras: layers, models, losses and optimizers by Keras's names."""

from __future__ import annotations

from ..names import fallback
from ..variables import Variable
from . import (
    activations,
    backend,
    initializers,
    layers,
    losses,
    metrics,
    models,
    optimizers,
    regularizers,
    utils,
)
from .layers import Input, Layer
from .models import Model, Sequential

__all__ = [
    "Input",
    "Layer",
    "Model",
    "Sequential",
    "Variable",
    "activations",
    "backend",
    "initializers",
    "layers",
    "losses",
    "metrics",
    "models",
    "optimizers",
    "regularizers",
    "utils",
]
__version__ = "3.0.0-gradtape"

__getattr__ = fallback(__name__)
