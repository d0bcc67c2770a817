"""Public functions by name, found when they are first asked for: methods and NumPy's protocols call through here."""

from __future__ import annotations

from functools import cache
from importlib import import_module
from pkgutil import iter_modules
from types import MappingProxyType
from typing import Any

__all__: list[str] = []


@cache
def functions(namespace: str = "") -> MappingProxyType[str, Any]:
    """Every public function of a namespace: ``""`` for gradtape's own, ``"linalg"``, ``"fft"`` ..."""
    package = import_module(__package__ or "")
    found: dict[str, Any] = {}
    for info in iter_modules(package.__path__):
        module = import_module(f"{package.__name__}.{info.name}")
        # A module of a namespace holds that namespace's functions; all the others hold gradtape's own.
        if next((name for name, home in NAMESPACES.items() if home == info.name), "") == namespace:
            found.update({name: getattr(module, name) for name in getattr(module, "__all__", ())})
    return MappingProxyType(found)


#: numpy.<name> and gradtape.<name> that are modules of their own, and the modules here that hold them.
NAMESPACES = {"fft": "fourier", "linalg": "linalg", "special": "special"}
