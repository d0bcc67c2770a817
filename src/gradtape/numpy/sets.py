"""Sets: the distinct values of an array, and what two arrays have in common.

Values differentiate: a distinct value is the entry where it stands first, so that entry gets the derivative.
Indices, counts and tests of membership are integers and booleans and have none.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from ..primitives import indexing, sorting
from ..primitives import shapes as rows
from ..record.tensor import Tensor
from .cutting import pick
from .joining import concat
from .shapes import axis_number, ravel, tensor

_gradtape_composes = True

__all__ = [
    "in1d",
    "intersect1d",
    "isin",
    "setdiff1d",
    "setxor1d",
    "union1d",
    "unique",
    "unique_all",
    "unique_counts",
    "unique_inverse",
    "unique_values",
]


class UniqueAll(NamedTuple):
    """What unique_all returns."""

    values: Tensor
    indices: Tensor
    inverse_indices: Tensor
    counts: Tensor


class UniqueCounts(NamedTuple):
    """What unique_counts returns."""

    values: Tensor
    counts: Tensor


class UniqueInverse(NamedTuple):
    """What unique_inverse returns."""

    values: Tensor
    inverse_indices: Tensor


def unique(
    x: Any,
    return_index: bool = False,
    return_inverse: bool = False,
    return_counts: bool = False,
    axis: int | None = None,
    *,
    equal_nan: bool = True,
    sorted: bool = True,
) -> Any:
    """The sorted distinct values of ``x``, or its distinct slices along ``axis``; with more results if asked.

    >>> import gradtape as gt
    >>> x = gt.asarray([2.0, 1.0, 2.0])
    >>> with gt.GradientTape() as tape:
    ...     y = gt.unique(x)
    >>> y, tape.gradient(y, x)
    (Tensor([1., 2.]), Tensor([1., 1., 0.]))
    """
    x = tensor(x)
    if axis is not None:
        axis = axis_number(axis, x.ndim, "unique")
    how: dict[str, Any] = {"axis": axis, "equal_nan": equal_nan}
    first = sorting.first_places(x, **how)
    values = pick(ravel(x), first, 0) if axis is None else pick(x, first, axis)
    found = [values]
    if return_index:
        found.append(first)
    if return_inverse:
        found.append(sorting.ranks(x, **how))
    if return_counts:
        found.append(sorting.occurrences(x, **how))
    return found[0] if len(found) == 1 else tuple(found)


def unique_values(x: Any, /) -> Tensor:
    """The sorted distinct values of ``x``; every nan is its own.

    >>> import gradtape as gt
    >>> gt.unique_values([2.0, 1.0, 2.0])
    Tensor([1., 2.])
    """
    return unique(x, equal_nan=False)


def unique_counts(x: Any, /) -> UniqueCounts:
    """The sorted distinct values of ``x``, and how often each stands there.

    >>> import gradtape as gt
    >>> gt.unique_counts([2.0, 1.0, 2.0]).counts
    Tensor([1, 2])
    """
    return UniqueCounts(*unique(x, return_counts=True, equal_nan=False))


def unique_inverse(x: Any, /) -> UniqueInverse:
    """The sorted distinct values of ``x``, and for each entry which of them it is.

    >>> import gradtape as gt
    >>> gt.unique_inverse([2.0, 1.0, 2.0]).inverse_indices
    Tensor([1, 0, 1])
    """
    values, inverse = unique(x, return_inverse=True, equal_nan=False)
    return UniqueInverse(values, rows.reshape(inverse, shape=np.shape(tensor(x).data)))


def unique_all(x: Any, /) -> UniqueAll:
    """The sorted distinct values of ``x``, where each stands first, which of them each entry is, and their counts.

    >>> import gradtape as gt
    >>> gt.unique_all([2.0, 1.0, 2.0]).indices
    Tensor([1, 0])
    """
    values, first, inverse, counts = unique(x, True, True, True, equal_nan=False)
    return UniqueAll(values, first, rows.reshape(inverse, shape=np.shape(tensor(x).data)), counts)


def isin(x: Any, values: Any, assume_unique: bool = False, invert: bool = False) -> Tensor:
    """Whether each entry of ``x`` is among ``values``.

    >>> import gradtape as gt
    >>> gt.isin([1.0, 2.0], [2.0, 3.0])
    Tensor([False,  True])
    """
    return sorting.isin(tensor(x), tensor(values), invert=invert)


def in1d(x: Any, values: Any, assume_unique: bool = False, invert: bool = False) -> Tensor:
    """Whether each entry of the flattened ``x`` is among ``values``.

    >>> import gradtape as gt
    >>> gt.in1d([[1.0, 2.0]], [2.0, 3.0])
    Tensor([False,  True])
    """
    return isin(ravel(x), values, invert=invert)


def union1d(x: Any, y: Any) -> Tensor:
    """The sorted distinct values of both; where both have one, the entry of ``x`` stands for it.

    >>> import gradtape as gt
    >>> gt.union1d([1.0, 2.0], [2.0, 3.0])
    Tensor([1., 2., 3.])
    """
    return unique(concat([ravel(x), ravel(y)]))


def intersect1d(x: Any, y: Any) -> Tensor:
    """The sorted distinct values of ``x`` that ``y`` has too, as entries of ``x``.

    >>> import gradtape as gt
    >>> gt.intersect1d([1.0, 2.0], [2.0, 3.0])
    Tensor([2.])
    """
    values = unique(x)
    return _where(values, sorting.isin(values, tensor(y)))


def setdiff1d(x: Any, y: Any) -> Tensor:
    """The sorted distinct values of ``x`` that ``y`` does not have.

    >>> import gradtape as gt
    >>> gt.setdiff1d([1.0, 2.0], [2.0, 3.0])
    Tensor([1.])
    """
    values = unique(x)
    return _where(values, sorting.isin(values, tensor(y), invert=True))


def setxor1d(x: Any, y: Any) -> Tensor:
    """The sorted values that just one of ``x`` and ``y`` has.

    >>> import gradtape as gt
    >>> gt.setxor1d([1.0, 2.0], [2.0, 3.0])
    Tensor([1., 3.])
    """
    return unique(concat([setdiff1d(x, y), setdiff1d(y, x)]))


def _where(values: Tensor, mask: Tensor) -> Tensor:
    return indexing.gather(values, mask, index=(indexing.ARRAY,))
