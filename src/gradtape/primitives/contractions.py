"""Rows that contract: matmul and einsum, with the swap of the last two axes.  All others are written with these.

Both are multilinear; their transposes are contractions again, so every order stays a contraction.
"""

from __future__ import annotations

import operator
from functools import lru_cache
from typing import Any

import numpy as np

from ..rules.batching import Batched, aligned, leading, reshaped, shape_of
from ..rules.kinds import linear, multilinear
from .shapes import broadcast_to, reshape, sum_to

matrix_transpose = linear(
    "matrix_transpose",
    lambda xp, x: xp.swapaxes(x, -1, -2),
    lambda ct, x: matrix_transpose(ct),
    moves=True,
    batch=leading(),
    sample=lambda rng: [((rng.normal(size=s),), {}) for s in ((2, 3), (1, 1), (4, 2, 3), (0, 2))],
    doc="""The transpose of each matrix: the last two axes are exchanged.

    >>> import gradtape as gt
    >>> gt.matrix_transpose(gt.asarray([[1.0, 2.0, 3.0]])).shape
    (3, 1)
    """,
)


def _row(x: Any) -> Any:
    return reshape(x, shape=(*x.shape[:-1], 1, x.shape[-1]))


def _column(x: Any) -> Any:
    return reshape(x, shape=(*x.shape, 1))


def _fold(c: Any, x: Any) -> Any:
    """Sum over the batch axes along which ``x`` was repeated."""
    return c if c.shape == x.shape else sum_to(c, shape=x.shape)


def _matmul_left(ct: Any, a: Any, b: Any) -> Any:
    if b.ndim == 1:
        return ct * b if a.ndim == 1 else _column(ct) * b
    if a.ndim == 1:
        c = matmul(b, _column(ct))  # (..., k, 1)
        return sum_to(reshape(c, shape=c.shape[:-1]), shape=a.shape)
    return _fold(matmul(ct, matrix_transpose(b)), a)


def _matmul_right(ct: Any, a: Any, b: Any) -> Any:
    if a.ndim == 1:
        return ct * a if b.ndim == 1 else _fold(_column(a) * _row(ct), b)
    if b.ndim == 1:
        c = matmul(_row(ct), a)  # (..., 1, k)
        return sum_to(reshape(c, shape=(*c.shape[:-2], c.shape[-1])), shape=b.shape)
    return _fold(matmul(matrix_transpose(a), ct), b)


def _matmul_cases(rng: Any) -> list[Any]:
    shapes = [
        ((2, 3), (3, 4)), ((3,), (3,)), ((2, 3), (3,)), ((3,), (3, 4)), ((5, 2, 3), (5, 3, 4)), ((5, 2, 3), (3, 4)),
        ((2, 3), (5, 3, 4)), ((1, 2, 3), (5, 3, 1)), ((2, 1, 2, 3), (4, 3, 2)), ((5, 2, 3), (3,)), ((3,), (5, 3, 2)),
        ((0, 3), (3, 2)), ((2, 0), (0, 3)), ((1, 1), (1, 1)),
    ]  # fmt: skip
    return [((rng.normal(size=a), rng.normal(size=b)), {}) for a, b in shapes]


def _without(axis: int) -> Any:
    """What takes an axis of length 1 away again."""
    return lambda y: reshaped(y, tuple([n for i, n in enumerate(y.shape) if i != y.ndim + axis]))


def _matmul_batch(size: int, flags: Any, xs: Any, params: Any) -> Batched:
    """As few and as large products as there can be: one, where one side is the same for the whole batch."""
    (a, b), (m, n) = xs, [len(shape_of(x, flag)) for x, flag in zip(xs, flags, strict=True)]
    if not flags[1] and m == 2 and n <= 2:
        rows, columns = a.shape[1:]
        flat = reshaped(a, (size * rows, columns))
        return (flat, b), params, lambda y: reshaped(y, (size, rows, *y.shape[1:]))
    if not flags[0] and n == 1 and m <= 2:
        return (b, a if m == 1 else matrix_transpose(a)), params
    if m == 1 and n == 1 and all(flags):
        k = a.shape[1]
        return (reshaped(a, (size, 1, k)), reshaped(b, (size, k, 1))), params, lambda y: reshaped(y, (size,))
    if n == 1 and flags[1]:
        column = reshaped(b, (size, *(1,) * (m - 2), b.shape[1], 1))
        return (a, column), params, _without(-1)
    if m == 1 and flags[0] and (flags[1] or n > 2):
        row = reshaped(a, (size, *(1,) * (n - 2), 1, a.shape[1]))
        return (row, b), params, _without(-2)
    return (xs if 1 in (m, n) else aligned(flags, xs)), params


matmul = multilinear(
    "matmul",
    operator.matmul,
    _matmul_left,
    _matmul_right,
    sample=_matmul_cases,
    batch=_matmul_batch,
    doc="""The matrix product ``a @ b``: y[..., i, j] = sum_k a[..., i, k] b[..., k, j].

    A vector on the left is a row, on the right a column, and its axis is dropped again; batch axes broadcast.

    >>> import gradtape as gt
    >>> gt.matmul(gt.asarray([[1.0, 2.0], [3.0, 4.0]]), gt.asarray([1.0, 1.0]))
    Tensor([3., 7.])
    """,
)


# -- einsum -------------------------------------------------------------------------------------------

_LETTERS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"


def _einsum(xp: Any, *xs: Any, subscripts: str) -> Any:
    # Large products go through matmul; for small ones looking for the path costs more than it saves.
    large = len(xs) > 1 and sum(x.size for x in xs) > 512 and _is_product(subscripts)
    y = xp.einsum(subscripts, *xs, optimize="greedy" if large else False)
    return y[()] if y.ndim == 0 else y


@lru_cache(maxsize=1024)
def _is_product(subscripts: str) -> bool:
    """Whether there is a product of matrices to be found: not in a sum of element-wise products of two arrays."""
    inputs, output = subscripts.split("->")
    labels = inputs.split(",")
    return len(labels) > 2 or any(label in output for label in set(labels[0]) ^ set(labels[-1]))


@lru_cache(maxsize=1024)
def _plan(subscripts: str, i: int) -> tuple[str, tuple[str, ...], tuple[str, ...]]:
    """How slot ``i`` is transposed: the einsum to do, the labels of identities to add, the labels it leaves out.

    A label that stands twice in the slot (a diagonal) gets another name, tied to the first by an identity
    matrix; a label that stands in no other place was summed, so the result is constant along it.
    """
    inputs, output = subscripts.split("->")
    labels = inputs.split(",")
    unused = iter([c for c in _LETTERS if c not in subscripts])
    wanted: list[str] = []
    identities: list[str] = []
    for label in labels[i]:
        if label in wanted:
            identities.append(label + next(unused))
            wanted.append(identities[-1][1])
        else:
            wanted.append(label)
    given = [output, *labels[:i], *labels[i + 1 :], *identities]
    known = "".join(label for label in wanted if any(label in g for g in given))
    return ",".join(given) + "->" + known, tuple(identities), tuple(wanted)


def _einsum_transpose(i: int, ct: Any, *xs: Any, subscripts: str) -> Any:
    plan, identities, wanted = _plan(subscripts, i)
    sizes: dict[str, int] = {}
    for labels, x in zip(subscripts.split("->")[0].split(","), xs, strict=True):
        for label, n in zip(labels, x.shape, strict=True):
            sizes[label] = n if n != 1 else sizes.get(label, 1)
    eyes = [np.eye(sizes[pair[0]], dtype=ct.dtype) for pair in identities]
    c = einsum(ct, *xs[:i], *xs[i + 1 :], *eyes, subscripts=plan)
    known = plan.split("->")[1]
    sizes.update((pair[1], sizes[pair[0]]) for pair in identities)
    if len(known) < len(wanted):
        c = reshape(c, shape=tuple([sizes[label] if label in known else 1 for label in wanted]))
        c = broadcast_to(c, shape=tuple([sizes[label] for label in wanted]))
    return _fold(c, xs[i])


def _einsum_cases(rng: Any) -> list[Any]:
    cases = {
        "ij,jk->ik": [(2, 3), (3, 4)],
        "bij,bjk->bik": [(2, 2, 3), (2, 3, 2)],
        "ij->ji": [(2, 3)],
        "ij->": [(2, 3)],
        "ij->j": [(2, 3)],
        "ii->": [(3, 3)],
        "ii->i": [(3, 3)],
        "iij->j": [(2, 2, 3)],
        "iii->i": [(2, 2, 2)],
        "i,j->ij": [(2,), (3,)],
        "i,i->": [(3,), (3,)],
        "i,ij,j->": [(2,), (2, 3), (3,)],
        "ij,k->i": [(2, 3), (4,)],
        "ij,ij->ij": [(1, 3), (2, 3)],
        "ii,ij->j": [(2, 2), (2, 3)],
        ",i->i": [(), (3,)],
        "->": [()],
        "i,i->i": [(0,), (0,)],
    }
    return [(tuple(rng.normal(size=s) for s in shapes), {"subscripts": name}) for name, shapes in cases.items()]


def _einsum_batch(size: int, flags: Any, xs: Any, params: Any) -> Batched:
    """One more label."""
    inputs, output = params["subscripts"].split("->")
    label = next(c for c in _LETTERS if c not in params["subscripts"])
    labels = [label + given if flag else given for given, flag in zip(inputs.split(","), flags, strict=True)]
    return xs, {"subscripts": ",".join(labels) + "->" + label + output}


def _einsum_in_pairs(*xs: Any, subscripts: str) -> Any:
    """The same contraction, two operands at a time."""
    inputs, output = subscripts.split("->")
    labels = inputs.split(",")
    y, known = xs[0], labels[0]
    for i, x in enumerate(xs[1:], start=1):
        later = "".join([*labels[i + 1 :], output])
        kept = output if i == len(xs) - 1 else "".join([c for c in dict.fromkeys(known + labels[i]) if c in later])
        y, known = einsum(y, x, subscripts=f"{known},{labels[i]}->{kept}"), kept
    return y


einsum = multilinear(
    "einsum",
    _einsum,
    variadic=_einsum_transpose,
    body=_einsum_in_pairs,
    params={"subscripts": ["ij,jk->ik"]},
    sample=_einsum_cases,
    batch=_einsum_batch,
    doc="Einstein summation by explicit subscripts without ellipsis; see ``gradtape.einsum``.",
    public=False,
)
