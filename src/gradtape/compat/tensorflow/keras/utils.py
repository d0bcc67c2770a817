"""tf.keras.utils: the bits that training programs use."""

from __future__ import annotations

from typing import Any

import numpy as np

from ....state import random
from ..names import fallback

__all__ = ["set_random_seed", "to_categorical"]


def set_random_seed(seed: int) -> None:
    """Start Python's, NumPy's and gradtape's generators anew."""
    import random as python

    python.seed(seed)
    np.random.seed(seed)
    random.seed(seed)


def to_categorical(x: Any, num_classes: Any = None) -> Any:
    """One-hot rows, as a NumPy array."""
    labels = np.asarray(x, np.int64)
    return np.eye(int(labels.max()) + 1 if num_classes is None else num_classes, dtype=np.float32)[labels]


__getattr__ = fallback(__name__)
