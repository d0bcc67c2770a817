"""tf.keras.initializers: gradtape's, giving float32 unless told otherwise."""

from __future__ import annotations

from typing import Any

import numpy as np

from ....state import initializers as core
from ..dtypes import numpy_dtype
from ..names import fallback

__all__ = [
    "Constant",
    "GlorotNormal",
    "GlorotUniform",
    "HeNormal",
    "HeUniform",
    "Identity",
    "Initializer",
    "LecunNormal",
    "LecunUniform",
    "Ones",
    "Orthogonal",
    "RandomNormal",
    "RandomUniform",
    "TruncatedNormal",
    "VarianceScaling",
    "Zeros",
    "get",
]


class Initializer:
    """Base of the initializers: ``initializer(shape, dtype)`` gives a Tensor."""

    def __call__(self, shape: Any, dtype: Any = None, **_: Any) -> Any:
        raise NotImplementedError


class _Named(Initializer):
    """One of gradtape's initializers."""

    made_by: Any

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self._core = self.made_by(*args, **kwargs)

    def __call__(self, shape: Any, dtype: Any = None, **_: Any) -> Any:
        return self._core(shape, numpy_dtype(dtype) or np.float32)


def _named(name: str, made_by: Any) -> type[_Named]:
    return type(name, (_Named,), {"made_by": staticmethod(made_by), "__doc__": made_by.__doc__ or f"{name}."})


Constant = _named("Constant", core.Constant)
GlorotNormal = _named("GlorotNormal", core.by_name["glorot_normal"])
GlorotUniform = _named("GlorotUniform", core.by_name["glorot_uniform"])
HeNormal = _named("HeNormal", core.by_name["he_normal"])
HeUniform = _named("HeUniform", core.by_name["he_uniform"])
Identity = _named("Identity", core.Identity)
LecunNormal = _named("LecunNormal", core.by_name["lecun_normal"])
LecunUniform = _named("LecunUniform", core.by_name["lecun_uniform"])
Ones = _named("Ones", core.Ones)
Orthogonal = _named("Orthogonal", core.Orthogonal)
RandomNormal = _named("RandomNormal", core.RandomNormal)
RandomUniform = _named("RandomUniform", core.RandomUniform)
TruncatedNormal = _named("TruncatedNormal", core.TruncatedNormal)
VarianceScaling = _named("VarianceScaling", core.VarianceScaling)
Zeros = _named("Zeros", core.Zeros)


def get(identifier: Any) -> Any:
    """An initializer from its name, ``"glorot_uniform"`` or ``"GlorotUniform"``."""
    if callable(identifier):
        return identifier() if isinstance(identifier, type) else identifier
    name = str(identifier).replace("_", "").lower()
    for known, kind in globals().items():
        if isinstance(kind, type) and known.lower() == name and issubclass(kind, _Named):
            return kind()
    return core.get(identifier)


__getattr__ = fallback(__name__)
