"""Putting the facade in TensorFlow's place, for programs that say ``import tensorflow as tf``."""

from __future__ import annotations

import sys
from collections.abc import Generator
from contextlib import contextmanager
from types import ModuleType

PACKAGE = __name__.rpartition(".")[0]
TAKEN = ("tensorflow", "keras")


def modules() -> dict[str, ModuleType]:
    """The facade's modules by the names under which programs import them."""
    found: dict[str, ModuleType] = {}
    for name, module in list(sys.modules.items()):
        if name == PACKAGE or name.startswith(PACKAGE + "."):
            rest = name.removeprefix(PACKAGE)
            found["tensorflow" + rest] = module
            if rest.startswith(".keras"):
                found[rest[1:]] = module
    schedules = sys.modules[PACKAGE + ".keras.schedules"]
    for root in ("tensorflow.keras", "keras"):
        found[root + ".optimizers.schedules"] = schedules
    return found


@contextmanager
def install() -> Generator[None]:
    """``with install(): ...``: inside, ``import tensorflow`` and ``import keras`` give the facade.

    What was imported under those names before comes back afterwards.

    >>> from gradtape.compat.tensorflow import install
    >>> with install():
    ...     import tensorflow as tf
    ...     from tensorflow.keras.layers import Dense
    >>> tf.sin(0.0)
    Tensor(0.0, dtype=float32)
    """
    saved = {n: m for n, m in sys.modules.items() if n.partition(".")[0] in TAKEN}
    for name in saved:
        del sys.modules[name]
    sys.modules.update(modules())
    try:
        yield
    finally:
        for name in [n for n in sys.modules if n.partition(".")[0] in TAKEN]:
            del sys.modules[name]
        sys.modules.update(saved)
