"""How the facade finds gradtape's functions, and what it says about a name that is not there."""

from __future__ import annotations

import sys
from collections.abc import Callable
from importlib import import_module
from typing import Any, NoReturn

from ...errors import UnknownNameError, message, nearest

#: gradtape itself; its names are looked up when they are called, so that the facade's tables stay one line a name.
gt: Any = import_module("gradtape")

PACKAGE = __name__.rpartition(".")[0]


def public_name(module: str) -> str:
    """What TensorFlow programs call a module of the facade: ``tf.math``."""
    return "tf" + module.removeprefix(PACKAGE)


def _known() -> dict[str, list[str]]:
    """Every name of the facade, with the namespaces that have it."""
    found: dict[str, list[str]] = {}
    for module in sorted(m for m in sys.modules if m == PACKAGE or m.startswith(PACKAGE + ".")):
        namespace: Any = sys.modules[module]
        for name in getattr(namespace, "__all__", ()):
            found.setdefault(name, []).append(f"{public_name(module)}.{name}")
    return found


def fallback(module: str) -> Callable[[str], NoReturn]:
    """The ``__getattr__`` of a module of the facade: it says that the name is not there, and names the nearest."""

    def __getattr__(name: str) -> NoReturn:  # noqa: N807
        asked = f"{public_name(module)}.{name}"
        if name.startswith("__"):
            raise AttributeError(f"module {asked!r} has no attribute {name!r}")  # Python's own probes
        known = _known()
        if name in known:
            near = f" Did you mean {' or '.join(repr(n) for n in known[name])}?"
        else:
            own: Any = getattr(sys.modules.get(module), "__all__", ())
            near = nearest(name, own) or nearest(name, known)
        raise UnknownNameError(
            message(
                f"{asked} is not in gradtape's TensorFlow facade.{near}",
                remedy=f"dir({public_name(module)}) lists what is there.",
            )
        )

    return __getattr__
