"""tf.TensorArray and tf.IndexedSlices: values in parts."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...numpy.segments import segment_sum
from .convert import tensor
from .dtypes import numpy_dtype
from .names import gt

_gradtape_composes = True

__all__ = ["IndexedSlices", "TensorArray"]


class TensorArray:
    """A list of Tensors that loops write into: ``array = array.write(i, x)``, and at the end ``array.stack()``."""

    def __init__(self, dtype: Any = np.float32, size: Any = 0, dynamic_size: Any = None, **_: Any) -> None:
        self.dtype = numpy_dtype(dtype)
        self._rows: list[Any] = [None] * int(size)

    def write(self, index: Any, value: Any, name: Any = None) -> TensorArray:
        """Put a value at a place; returns the array."""
        place = int(index)
        self._rows += [None] * (place + 1 - len(self._rows))
        self._rows[place] = tensor(value, self.dtype)
        return self

    def read(self, index: Any, name: Any = None) -> Any:
        """The value at a place."""
        return self._rows[int(index)]

    def size(self, name: Any = None) -> Any:
        """The number of places."""
        return tensor(len(self._rows))

    def unstack(self, value: Any, name: Any = None) -> TensorArray:
        """Fill the places with the slices of a Tensor."""
        self._rows = list(gt.unstack(tensor(value, self.dtype)))
        return self

    def _filled(self) -> list[Any]:
        like = next((row for row in self._rows if row is not None), None)
        if like is None:
            raise ValueError("tf.TensorArray: nothing has been written")
        return [gt.zeros_like(like) if row is None else row for row in self._rows]

    def stack(self, name: Any = None) -> Any:
        """All values along a new axis; zeros where nothing was written."""
        return gt.stack(self._filled())

    def concat(self, name: Any = None) -> Any:
        """All values along the first axis."""
        return gt.concat(self._filled())

    def gather(self, indices: Any, name: Any = None) -> Any:
        """The values at some places along a new axis."""
        rows = self._filled()
        return gt.stack([rows[int(i)] for i in np.asarray(indices)])


class IndexedSlices:
    """Some rows of a Tensor that is zero elsewhere.  gradtape's gradients are never of this kind."""

    def __init__(self, values: Any, indices: Any, dense_shape: Any = None) -> None:
        self.values = tensor(values)
        self.indices = tensor(indices)
        self.dense_shape = dense_shape

    def as_tensor(self) -> Any:
        """The Tensor with those rows, and zeros elsewhere."""
        if self.dense_shape is None:
            raise ValueError("tf.IndexedSlices: the dense shape is not known")
        return segment_sum(self.values, self.indices, int(np.asarray(self.dense_shape)[0]))
