"""tf.data: the few Datasets that training loops go over."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import chain, islice
from itertools import count as counted
from typing import Any

import numpy as np

from ... import trees
from ...state import random as core
from .convert import tensor
from .names import fallback, gt

_gradtape_composes = True

__all__ = ["AUTOTUNE", "Dataset"]

AUTOTUNE = -1


class Dataset:
    """Elements one after the other: trees of Tensors.  Iterating starts from the beginning."""

    def __init__(self, start: Callable[[], Iterator[Any]], length: int | None = None) -> None:
        self._start = start
        self._length = length

    @classmethod
    def from_tensor_slices(cls, tensors: Any) -> Dataset:
        """The slices along the first axis."""
        values = trees.tree_map(tensor, tensors) if not isinstance(tensors, list) else tensor(tensors)
        length: int = trees.flatten(values)[0][0].shape[0]

        def row(i: int) -> Any:
            return trees.tree_map(lambda x: x[i], values)

        return cls(lambda: map(row, range(length)), length)

    @classmethod
    def from_tensors(cls, tensors: Any) -> Dataset:
        """One element."""
        return cls(lambda: iter([trees.tree_map(tensor, tensors)]), 1)

    @classmethod
    def range(cls, *limits: int) -> Dataset:
        """Integers, as Python's range has them."""
        numbers = range(*limits)
        return cls(lambda: (tensor(np.int64(n)) for n in numbers), len(numbers))

    @classmethod
    def zip(cls, *datasets: Any) -> Dataset:
        """Elements of several datasets, side by side."""
        parts = datasets[0] if len(datasets) == 1 else datasets
        return cls(lambda: zip(*parts, strict=False))

    def __iter__(self) -> Iterator[Any]:
        return self._start()

    def __len__(self) -> int:
        if self._length is None:
            raise TypeError("the length of this dataset is not known")
        return self._length

    def batch(self, batch_size: int, drop_remainder: bool = False, **_: Any) -> Dataset:
        """Several elements stacked to one."""

        def start() -> Iterator[Any]:
            elements = iter(self)
            while rows := list(islice(elements, batch_size)):
                if len(rows) == batch_size or not drop_remainder:
                    yield trees.tree_map(lambda *xs: gt.stack(xs), rows[0], *rows[1:])

        n = self._length
        return Dataset(start, None if n is None else n // batch_size if drop_remainder else -(-n // batch_size))

    def shuffle(self, buffer_size: int, seed: Any = None, reshuffle_each_iteration: bool = True) -> Dataset:
        """In random order, chosen anew every time."""
        rng = None if seed is None else core.Generator(seed)

        def start() -> Iterator[Any]:
            elements = list(self)
            order = (rng or core.shared()).numpy_generator.permutation(len(elements))
            return (elements[i] for i in order)

        return Dataset(start, self._length)

    def repeat(self, count: int | None = None) -> Dataset:
        """Again and again, or ``count`` times."""
        endless = count is None or count < 0
        rounds = counted() if endless else range(count or 0)
        length = None if endless or self._length is None else self._length * (count or 0)
        return Dataset(lambda: chain.from_iterable(iter(self) for _ in rounds), length)

    def map(self, function: Callable[..., Any], *_: Any, **__: Any) -> Dataset:
        """``function`` of each element; tuples are passed as several arguments."""
        return Dataset(lambda: (function(*x) if isinstance(x, tuple) else function(x) for x in self), self._length)

    def filter(self, predicate: Callable[..., Any]) -> Dataset:
        """The elements for which the predicate holds."""
        return Dataset(lambda: (x for x in self if bool(predicate(*x) if isinstance(x, tuple) else predicate(x))))

    def take(self, count: int) -> Dataset:
        """The first ``count`` elements."""
        length = count if self._length is None else min(count, self._length)
        return Dataset(lambda: islice(iter(self), count), length)

    def skip(self, count: int) -> Dataset:
        """Without the first ``count`` elements."""
        length = None if self._length is None else max(0, self._length - count)
        return Dataset(lambda: islice(iter(self), count, None), length)

    def enumerate(self, start: int = 0) -> Dataset:
        """Pairs of number and element."""
        return Dataset(
            lambda: ((tensor(np.int64(i)), x) for i, x in zip(counted(start), self, strict=False)), self._length
        )

    def prefetch(self, *_: Any, **__: Any) -> Dataset:
        """Itself."""
        return self

    cache = prefetch

    def as_numpy_iterator(self) -> Iterator[Any]:
        """The elements as NumPy arrays."""
        return (trees.tree_map(lambda x: x.numpy(), x) for x in self)


__getattr__ = fallback(__name__)
