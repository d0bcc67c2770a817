"""Python numbers as inputs of a program: Tensors that are weak in promotion, as Python's own numbers are (NEP 50).

``2.0 * x`` of a float32 ``x`` is float32.  So that one program serves all Python floats, it gets them as inputs; while
it is recorded they are weak Tensors, which take the dtype of what they meet, by a recorded conversion.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..primitives.shapes import astype, identity
from ..record.private import Private
from ..record.segment import current
from ..record.sites import here
from ..record.tensor import SCALARS, Tensor

_gradtape_composes = True

#: Python's arithmetic: of Python numbers it makes Python numbers.
_ARITHMETIC = frozenset(
    {
        "abs",
        "add",
        "conj",
        "divide",
        "floor_divide",
        "imag",
        "multiply",
        "negative",
        "positive",
        "power",
        "real",
        "remainder",
        "round",
        "subtract",
    }
)


class WeakTensor(Tensor, Private):
    """A Python float or complex number that a program gets as an input."""

    __slots__ = ()
    weak = True

    def strong(self) -> Any:
        """The number as a Tensor of NumPy's default dtype."""
        return _renamed(self, Tensor)

    def take(self, primitive: Any, inputs: tuple[Any, ...], params: dict[str, Any]) -> Any:
        """The operation on strong Tensors: of the dtype of what the number meets, weak again where it meets none."""
        numbers = all(type(x) is WeakTensor or type(x) in SCALARS for x in inputs)
        others = [x.dtype for x in inputs if hasattr(x, "dtype") and type(x) is not WeakTensor]
        meets = len(inputs) > 1 and others and (primitive.broadcasts or primitive.kind == "constant")
        settled = [
            _strong(x, np.result_type(*others, x.data.item()) if meets else x.dtype) if type(x) is WeakTensor else x
            for x in inputs
        ]
        y = primitive.op(*settled, **params)
        return _renamed(y, WeakTensor) if numbers and primitive.name in _ARITHMETIC else y


def _strong(x: Tensor, dtype: Any) -> Any:
    y = _renamed(x, Tensor)
    return y if y.dtype == dtype else astype(y, dtype=np.dtype(dtype))


def _renamed(x: Tensor, kind: type[Tensor]) -> Tensor:
    """The same value, recorded, as another kind of Tensor."""
    y = kind(x.data)
    segment = current.get()
    if segment is not None:
        segment.append((identity.primitive, None, (x,), y, *here()))  # type: ignore[attr-defined]
    return y
