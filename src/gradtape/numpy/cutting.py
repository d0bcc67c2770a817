"""Cutting: unstack, split and its kin, and picking along one axis."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from operator import index
from typing import Any

import numpy as np

from ..errors import ShapeError, message
from ..primitives.indexing import ARRAY, gather, getitem
from ..record import sites
from ..record.tensor import Tensor
from .shapes import axis_number, tensor

_gradtape_composes = True

__all__ = [
    "array_split",
    "dsplit",
    "hsplit",
    "split",
    "unstack",
    "vsplit",
]


def pick(x: Any, indices: Any, axis: int) -> Tensor:
    """The entries at ``indices`` along ``axis``."""
    return gather(x, indices, index=(*(slice(None),) * axis, ARRAY))


def unstack(x: Any, /, *, axis: int = 0) -> tuple[Tensor, ...]:
    """The slices of ``x`` along ``axis``, without that axis.

    >>> import gradtape as gt
    >>> gt.unstack(gt.asarray([1.0, 2.0]))
    (Tensor(1.0), Tensor(2.0))
    """
    x = tensor(x)
    front = (slice(None),) * axis_number(axis, x.ndim, "unstack")
    return tuple([getitem(x, index=(*front, i)) for i in range(x.shape[len(front)])])


def array_split(x: Any, indices_or_sections: Any, axis: int = 0) -> list[Tensor]:
    """``x`` cut along ``axis`` into sections whose lengths differ by at most one, or before the given indices.

    >>> import gradtape as gt
    >>> gt.array_split(gt.asarray([1.0, 2.0, 3.0]), 2)
    [Tensor([1., 2.]), Tensor([3.])]
    """
    x = tensor(x)
    axis = axis_number(axis, x.ndim, "split")
    n = x.shape[axis]
    if isinstance(indices_or_sections, Sequence | np.ndarray | Tensor):
        bounds = [0, *[index(i) for i in indices_or_sections], n]
    else:
        sections = index(indices_or_sections)
        if sections <= 0:
            raise ShapeError(message(f"split: {sections} sections", where=str(sites.user_line())))
        short, longer = divmod(n, sections)
        bounds = [i * short + min(i, longer) for i in range(sections + 1)]
    front = (slice(None),) * axis
    return [getitem(x, index=(*front, slice(a, b))) for a, b in pairwise(bounds)]


def split(x: Any, indices_or_sections: Any, axis: int = 0) -> list[Tensor]:
    """``x`` cut along ``axis`` into equal sections, or before the given indices.

    Raises ShapeError where the sections would not be equal; :func:`array_split` allows that.

    >>> import gradtape as gt
    >>> gt.split(gt.asarray([1.0, 2.0, 3.0, 4.0]), 2)
    [Tensor([1., 2.]), Tensor([3., 4.])]
    """
    x = tensor(x)
    if not isinstance(indices_or_sections, Sequence | np.ndarray | Tensor):
        n = x.shape[axis_number(axis, x.ndim, "split")]
        if index(indices_or_sections) <= 0 or n % index(indices_or_sections):
            raise ShapeError(
                message(
                    f"split: {n} entries do not make {index(indices_or_sections)} equal sections",
                    where=str(sites.user_line()),
                    remedy="Use gt.array_split for sections that differ by one.",
                )
            )
    return array_split(x, indices_or_sections, axis)


def vsplit(x: Any, indices_or_sections: Any) -> list[Tensor]:
    """``x`` cut along axis 0.

    >>> import gradtape as gt
    >>> gt.vsplit(gt.asarray([[1.0], [2.0]]), 2)
    [Tensor([[1.]]), Tensor([[2.]])]
    """
    return split(x, indices_or_sections, 0)


def hsplit(x: Any, indices_or_sections: Any) -> list[Tensor]:
    """``x`` cut along axis 1 (axis 0 where it is 1-d).

    >>> import gradtape as gt
    >>> gt.hsplit(gt.asarray([1.0, 2.0, 3.0, 4.0]), [1])
    [Tensor([1.]), Tensor([2., 3., 4.])]
    """
    x = tensor(x)
    return split(x, indices_or_sections, 0 if x.ndim == 1 else 1)


def dsplit(x: Any, indices_or_sections: Any) -> list[Tensor]:
    """``x`` cut along axis 2.

    >>> import gradtape as gt
    >>> [part.shape for part in gt.dsplit(gt.zeros((1, 2, 4)), 2)]
    [(1, 2, 2), (1, 2, 2)]
    """
    return split(x, indices_or_sections, 2)
