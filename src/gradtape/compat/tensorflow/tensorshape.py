"""tf.TensorShape: a tuple with TensorFlow's questions, which ``x.shape`` is once the facade has been imported."""

from __future__ import annotations

from math import prod
from typing import Any

from ...record.tensor import Tensor
from ...record.variable import Variable


class TensorShape(tuple[Any, ...]):
    """A shape: a tuple of lengths, None where one is not known, with TensorFlow's questions.

    >>> from gradtape.compat import tensorflow as tf
    >>> x = tf.zeros((2, 3))
    >>> x.shape, x.shape.as_list(), x.shape.rank, x.shape[:1].concatenate([None]).is_fully_defined()
    ((2, 3), [2, 3], 2, False)
    """

    __slots__ = ()

    def __new__(cls, dims: Any = ()) -> TensorShape:
        return super().__new__(cls, (dims,) if isinstance(dims, int) else tuple(dims))

    def __getitem__(self, index: Any) -> Any:
        found = tuple.__getitem__(self, index)
        return TensorShape(found) if type(index) is slice else found

    def __add__(self, other: Any) -> Any:
        return TensorShape((*self, *_dims(other)))

    def __radd__(self, other: Any) -> Any:
        return TensorShape((*_dims(other), *self))

    @property
    def rank(self) -> int:
        """The number of axes."""
        return len(self)

    ndims = rank

    @property
    def dims(self) -> list[Any]:
        """The lengths of the axes."""
        return list(self)

    def as_list(self) -> list[Any]:
        """The lengths of the axes, as a list."""
        return list(self)

    def num_elements(self) -> int | None:
        """The product of the lengths; None where one is not known."""
        return prod(self) if self.is_fully_defined() else None

    def is_fully_defined(self) -> bool:
        """Whether every length is known."""
        return None not in self

    def assert_is_fully_defined(self) -> None:
        """Raise ValueError where a length is not known."""
        if not self.is_fully_defined():
            raise ValueError(f"TensorShape {self} is not fully defined")

    def assert_has_rank(self, rank: int) -> None:
        """Raise ValueError where there are more axes, or fewer."""
        if len(self) != rank:
            raise ValueError(f"TensorShape {self} does not have rank {rank}")

    def is_compatible_with(self, other: Any) -> bool:
        """Whether the lengths agree wherever both are known."""
        other = _dims(other)
        return len(self) == len(other) and all(
            a is None or b is None or a == b for a, b in zip(self, other, strict=True)
        )

    def concatenate(self, other: Any) -> TensorShape:
        """These axes, and then those of ``other``."""
        return TensorShape((*self, *_dims(other)))

    def merge_with(self, other: Any) -> TensorShape:
        """What is known of both together; ValueError where they do not agree."""
        if not self.is_compatible_with(other):
            raise ValueError(f"TensorShapes {self} and {TensorShape(other)} are not compatible")
        return TensorShape([b if a is None else a for a, b in zip(self, _dims(other), strict=True)])

    def with_rank(self, rank: int) -> TensorShape:
        """The shape itself; ValueError where it has another rank."""
        self.assert_has_rank(rank)
        return self


def _dims(x: Any) -> tuple[Any, ...]:
    return (x,) if isinstance(x, int) else tuple(x)


_new = tuple.__new__

# gradtape's own Tensors and Variables answer: there is one class of them.  A TensorShape is a tuple, prints as one and
# equals one, so that nobody who asks for a tuple is told another thing.
Tensor.shape = property(lambda x: _new(TensorShape, x.data.shape), doc="The lengths of the axes.")  # type: ignore[assignment]
Variable.shape = property(lambda v: v.current.shape, doc="The lengths of the axes.")  # type: ignore[assignment]
Tensor.get_shape = lambda x: x.shape  # type: ignore[attr-defined]
