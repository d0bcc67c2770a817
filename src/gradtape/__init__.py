"""gradtape: gradient tapes of any order on NumPy arrays."""

# The explicit, sorted list comes when the rooms are full; until then every numpy/*.py module's __all__ is public.
from importlib import import_module as _import_module
from pkgutil import iter_modules as _iter_modules

from . import numpy as _numpy
from .custom import custom_gradient
from .errors import *
from .operators import grad, hessian, hvp, jacrev, value_and_grad, vjp
from .record.tensor import Tensor
from .record.variable import Variable
from .tape import GradientTape, UnconnectedGradients

__all__ = [
    "GradientTape",
    "Tensor",
    "UnconnectedGradients",
    "Variable",
    "custom_gradient",
    "grad",
    "hessian",
    "hvp",
    "jacrev",
    "value_and_grad",
    "vjp",
]
for _info in _iter_modules(_numpy.__path__):
    _module = _import_module(f"{_numpy.__name__}.{_info.name}")
    for _name in getattr(_module, "__all__", []):
        globals()[_name] = getattr(_module, _name)
        __all__.append(_name)
