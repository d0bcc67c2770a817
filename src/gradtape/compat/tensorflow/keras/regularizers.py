"""tf.keras.regularizers: penalties on weights, summed up in ``layer.losses``."""

from __future__ import annotations

from typing import Any

from ..math import abs, reduce_sum, square
from ..names import fallback

_gradtape_composes = True

__all__ = ["L1", "L1L2", "L2", "Regularizer", "get", "l1", "l1_l2", "l2"]


class Regularizer:
    """Base of the regularizers."""

    def __call__(self, x: Any) -> Any:
        raise NotImplementedError


class L1L2(Regularizer):
    """l1 * sum(|x|) + l2 * sum(x**2)."""

    def __init__(self, l1: Any = 0.0, l2: Any = 0.0) -> None:
        self.l1, self.l2 = l1, l2

    def __call__(self, x: Any) -> Any:
        terms: list[Any] = []
        if not isinstance(self.l1, float) or self.l1:
            terms.append(self.l1 * reduce_sum(abs(x)))
        if not isinstance(self.l2, float) or self.l2:
            terms.append(self.l2 * reduce_sum(square(x)))
        return sum(terms[1:], terms[0]) if terms else 0.0 * reduce_sum(x)


class L1(L1L2):
    """l1 * sum(|x|)."""

    def __init__(self, l1: Any = 0.01) -> None:
        super().__init__(l1, 0.0)


class L2(L1L2):
    """l2 * sum(x**2)."""

    def __init__(self, l2: Any = 0.01) -> None:
        super().__init__(0.0, l2)


l1, l2, l1_l2 = L1, L2, L1L2


def get(identifier: Any) -> Any:
    """A regularizer from its name."""
    if identifier is None or callable(identifier):
        return identifier
    return {"l1": L1, "l2": L2, "l1_l2": L1L2, "L1": L1, "L2": L2, "L1L2": L1L2}[identifier]()


__getattr__ = fallback(__name__)
