"""Products and contractions by the Array API's and NumPy's names: matmul, einsum, tensordot, outer, kron ..."""

from __future__ import annotations

from functools import lru_cache
from operator import index
from typing import Any

import numpy as np

from ..errors import ShapeError, message
from ..primitives import contractions as rows
from ..primitives.arithmetic import multiply
from ..primitives.complexes import conj
from ..primitives.shapes import reshape, roll
from ..record import sites
from ..record.tensor import Tensor
from ..record.writer import public, to_tensor
from .reductions import sum, tensor

_gradtape_composes = True

__all__ = [
    "cross",
    "dot",
    "einsum",
    "inner",
    "kron",
    "matmul",
    "matrix_transpose",
    "matvec",
    "outer",
    "tensordot",
    "vdot",
    "vecdot",
    "vecmat",
]

matmul = public(rows.matmul)
matrix_transpose = public(rows.matrix_transpose)

_LETTERS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"


def einsum(subscripts: Any, /, *operands: Any, optimize: Any = None) -> Tensor:
    """Einstein summation: products of entries, summed over every index that the output does not have.

    ``subscripts`` is NumPy's: ``"ij,jk->ik"``, with ``...`` for broadcast axes; without ``->`` the output has the
    indices that stand once, in alphabetical order.  NumPy's other form, operands that alternate with lists of
    index numbers, works too.  ``optimize`` is accepted and chosen for you.

    Differentiable in every operand to any order; an index may be repeated in an operand (a diagonal or a trace).

    >>> import gradtape as gt
    >>> a = gt.asarray([[1.0, 2.0], [3.0, 4.0]])
    >>> gt.einsum("ii->", a), gt.einsum("ij,j->i", a, gt.asarray([1.0, 1.0]))
    (Tensor(5.0), Tensor([3., 7.]))
    """
    if not isinstance(subscripts, str):
        subscripts, operands = _from_lists((subscripts, *operands))
    tensors = [to_tensor(x) for x in operands]  # its answer may be a view: an array stays the caller's
    return rows.einsum(*tensors, subscripts=_explicit(subscripts, tuple([x.ndim for x in tensors])))


def _from_lists(given: tuple[Any, ...]) -> tuple[str, tuple[Any, ...]]:
    """einsum(a, [0, 1], b, [1, 2], [0, 2]) in letters."""

    def letters(numbers: Any) -> str:
        return "".join(["..." if n is Ellipsis else _LETTERS[index(n)] for n in numbers])

    pairs = len(given) // 2
    subscripts = ",".join([letters(given[2 * i + 1]) for i in range(pairs)])
    if len(given) % 2:
        subscripts += "->" + letters(given[-1])
    return subscripts, tuple([given[2 * i] for i in range(pairs)])


@lru_cache(maxsize=1024)
def _explicit(subscripts: str, ranks: tuple[int, ...]) -> str:
    """``subscripts`` with an output and with letters for the ellipsis."""
    inputs, arrow, output = subscripts.replace(" ", "").partition("->")
    labels = inputs.split(",")
    if len(labels) != len(ranks):
        raise ShapeError(
            message(
                f"einsum: {subscripts!r} speaks of {len(labels)} operands",
                f"{len(ranks)} were passed",
                remedy="Write one group of indices per operand, between commas.",
            )
        )
    free = [c for c in reversed(_LETTERS) if c not in subscripts]
    widths = [rank - len(label.replace("...", "")) for label, rank in zip(labels, ranks, strict=True)]
    for label, width, rank in zip(labels, widths, ranks, strict=True):
        if width < 0 or (width and "..." not in label):
            raise ShapeError(
                message(
                    f"einsum: the indices {label!r} of {subscripts!r} do not fit their operand",
                    f"it has {rank} axes",
                    remedy="Name every axis, or write ... for the ones in front.",
                )
            )
    widest = max([w for w, label in zip(widths, labels, strict=True) if "..." in label], default=0)
    dots = "".join(sorted(free[:widest]))
    explicit = [label.replace("...", dots[widest - w :]) for w, label in zip(widths, labels, strict=True)]
    if not arrow:
        every = inputs.replace(",", "").replace("...", "")
        output = "..." + "".join(sorted(c for c in set(every) if every.count(c) == 1))
    return ",".join(explicit) + "->" + output.replace("...", dots)


def tensordot(a: Any, b: Any, axes: Any = 2) -> Tensor:
    """Sum over ``axes``: a number n (the last n of ``a`` with the first n of ``b``), or two lists of axes.

    >>> import gradtape as gt
    >>> gt.tensordot(gt.asarray([[1.0, 2.0]]), gt.asarray([[1.0], [1.0]]), axes=1)
    Tensor([[3.]])
    """
    a, b = tensor(a), tensor(b)
    if isinstance(axes, tuple | list):
        left, right = axes
        left = [left] if not isinstance(left, tuple | list) else list(left)
        right = [right] if not isinstance(right, tuple | list) else list(right)
    else:
        n = index(axes)
        left, right = list(range(a.ndim - n, a.ndim)), list(range(n))
    labels = list(_LETTERS[: a.ndim])
    others = list(_LETTERS[a.ndim : a.ndim + b.ndim])
    if len(left) != len(right):
        raise ShapeError(
            message("tensordot: as many axes of a as of b are summed", f"{len(left)} of a, {len(right)} of b")
        )
    for i, j in zip(left, right, strict=True):
        if a.shape[i] != b.shape[j]:
            raise ShapeError(
                message(
                    "tensordot: axes that are summed together have the same length",
                    f"axis {i} of a has {a.shape[i]}, axis {j} of b has {b.shape[j]}",
                )
            )
        others[j] = labels[i]
    summed = {labels[i] for i in left}
    output = [c for c in labels + others if c not in summed]
    return rows.einsum(a, b, subscripts=f"{''.join(labels)},{''.join(others)}->{''.join(output)}")


def dot(a: Any, b: Any) -> Tensor:
    """NumPy's dot: the product of scalars, the inner product of vectors, the matrix product of matrices.

    With more axes: the sum over the last axis of ``a`` and the last but one of ``b``.

    >>> import gradtape as gt
    >>> gt.dot(gt.asarray([1.0, 2.0]), gt.asarray([3.0, 4.0]))
    Tensor(11.0)
    """
    a, b = tensor(a), tensor(b)
    if a.ndim == 0 or b.ndim == 0:
        return multiply(a, b)
    if b.ndim <= 2:
        return rows.matmul(a, b)
    return tensordot(a, b, ([a.ndim - 1], [b.ndim - 2]))


def vdot(a: Any, b: Any) -> Tensor:
    """sum(conj(a) * b) over all entries.

    >>> import gradtape as gt
    >>> gt.vdot(gt.asarray([[1.0, 2.0]]), gt.asarray([[3.0, 4.0]]))
    Tensor(11.0)
    """
    a, b = reshape(tensor(a), shape=(-1,)), reshape(tensor(b), shape=(-1,))
    return rows.matmul(_conjugate(a), b)


def vecdot(a: Any, b: Any, /, *, axis: int = -1) -> Tensor:
    """sum(conj(a) * b) over one axis; the other axes broadcast.

    >>> import gradtape as gt
    >>> gt.vecdot(gt.asarray([[1.0, 2.0], [0.0, 1.0]]), gt.asarray([3.0, 4.0]))
    Tensor([11.,  4.])
    """
    a, b = tensor(a), tensor(b)
    if a.ndim and b.ndim and a.shape[axis] != b.shape[axis]:
        raise ShapeError(
            message(
                f"vecdot: lengths {a.shape[axis]} and {b.shape[axis]} along axis {axis}",
                where=str(sites.user_line()),
                remedy="Only the other axes broadcast.",
            )
        )
    if axis == -1:
        return einsum("...i,...i->...", _conjugate(a), b)
    return sum(_conjugate(a) * b, axis, np.result_type(a.dtype, b.dtype))


def matvec(a: Any, x: Any, /) -> Tensor:
    """Matrices times vectors: y[..., i] = sum_k a[..., i, k] x[..., k]; the batch axes broadcast.

    >>> import gradtape as gt
    >>> gt.matvec(gt.asarray([[1.0, 2.0], [3.0, 4.0]]), gt.asarray([[1.0, 0.0], [0.0, 1.0]]))
    Tensor([[1., 3.],
            [2., 4.]])
    """
    return einsum("...ij,...j->...i", a, x)


def vecmat(x: Any, a: Any, /) -> Tensor:
    """Vectors, conjugated, times matrices: y[..., j] = sum_k conj(x[..., k]) a[..., k, j].

    >>> import gradtape as gt
    >>> gt.vecmat(gt.asarray([1.0, 1.0]), gt.asarray([[1.0, 2.0], [3.0, 4.0]]))
    Tensor([4., 6.])
    """
    return einsum("...i,...ij->...j", _conjugate(tensor(x)), a)


def _conjugate(x: Tensor) -> Tensor:
    return conj(x) if x.dtype.kind == "c" else x


def inner(a: Any, b: Any) -> Tensor:
    """The sum over the last axis of ``a`` and the last axis of ``b``.

    >>> import gradtape as gt
    >>> gt.inner(gt.asarray([1.0, 2.0]), gt.asarray([3.0, 4.0]))
    Tensor(11.0)
    """
    a, b = tensor(a), tensor(b)
    if a.ndim == 0 or b.ndim == 0:
        return multiply(a, b)
    return tensordot(a, b, ([a.ndim - 1], [b.ndim - 1]))


def outer(a: Any, b: Any) -> Tensor:
    """The matrix of all products: y[i, j] = a[i] b[j]; arguments are flattened.

    >>> import gradtape as gt
    >>> gt.outer(gt.asarray([1.0, 2.0]), gt.asarray([3.0, 4.0]))
    Tensor([[3., 4.],
            [6., 8.]])
    """
    return multiply(reshape(tensor(a), shape=(-1, 1)), reshape(tensor(b), shape=(1, -1)))


def kron(a: Any, b: Any) -> Tensor:
    """The Kronecker product: blocks a[i, j] * b; with fewer axes, length-1 axes are put in front.

    >>> import gradtape as gt
    >>> gt.kron(gt.asarray([1.0, 10.0]), gt.asarray([1.0, 2.0]))
    Tensor([ 1.,  2., 10., 20.])
    """
    a, b = tensor(a), tensor(b)
    n = max(a.ndim, b.ndim)
    left = (1,) * (n - a.ndim) + a.shape
    right = (1,) * (n - b.ndim) + b.shape
    spaced = reshape(a, shape=tuple([m for k in left for m in (k, 1)]))
    dense = reshape(b, shape=tuple([m for k in right for m in (1, k)]))
    return reshape(multiply(spaced, dense), shape=tuple(np.multiply(left, right).tolist()))


def cross(a: Any, b: Any, /, *, axis: int = -1) -> Tensor:
    """The cross product of 3-vectors along ``axis``.

    >>> import gradtape as gt
    >>> gt.cross(gt.asarray([1.0, 0.0, 0.0]), gt.asarray([0.0, 1.0, 0.0]))
    Tensor([0., 0., 1.])
    """
    a, b = tensor(a), tensor(b)
    if a.shape[axis] != 3 or b.shape[axis] != 3:
        raise ShapeError(
            message(
                "cross: the vectors have three components",
                [f"shape {a.shape} and {b.shape}, axis {axis}"],
                remedy="For vectors in the plane: a[..., 0] * b[..., 1] - a[..., 1] * b[..., 0].",
            )
        )
    return _rolled(a, 1, axis) * _rolled(b, 2, axis) - _rolled(a, 2, axis) * _rolled(b, 1, axis)


def _rolled(x: Tensor, by: int, axis: int) -> Tensor:
    return roll(x, shift=(-by,), axis=(axis,))
