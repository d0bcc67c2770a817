"""Cofactors and the mixed derivatives of a determinant, written in operations: for power series of matrices.

The rows in factorizations.py differentiate a determinant by forms of one more argument at every order, right at every
rank.  Along a path that would be exponential in the order; the formulas here are differentiated as they stand.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import combinations, permutations
from typing import Any

import numpy as np

from .contractions import matmul, matrix_transpose
from .indexing import getitem
from .joining import concat
from .reductions import sum
from .shapes import reshape

#: Small blocks up to this size are expanded without division.
LARGEST = 6


def trace(m: Any) -> Any:
    return sum(m * np.eye(m.shape[-1]), axis=(-2, -1))


def scalar(t: Any) -> Any:
    """One number for each matrix, to multiply matrices with."""
    return reshape(t, shape=(*t.shape, 1, 1))


def _arranged(places: tuple[int, ...]) -> Iterator[tuple[int, ...]]:
    """Every selection of ``places``, in every order."""
    for size in range(len(places) + 1):
        for chosen in combinations(places, size):
            yield from permutations(chosen)


def form_of_regular(c: Any, d: Any, ms: Sequence[Any]) -> Any:
    """The matrix G with sum(G * N) = D^(k+1) det(x)[m_1, ..., m_k, N], from c = inv(x) and d = det(x).

    det(x) times the sum over permutations of k + 1 places, with their signs, of the traces along their cycles.
    """
    products = [matmul(c, m) for m in ms]

    def along(order: tuple[int, ...], end: Any) -> Any:
        """c m_i c m_j ... end, with the sign of the cycle."""
        for i in reversed(order):
            end = -matmul(products[i], end)
        return end

    def cycles(places: tuple[int, ...]) -> Any:
        """The sum over the permutations of ``places``, by the cycle that the first is in."""
        if not places:
            return d
        first, total = places[0], None
        for order in _arranged(places[1:]):
            rest = tuple([p for p in places[1:] if p not in order])
            part = -trace(along((first, *order), np.eye(c.shape[-1]))) * cycles(rest)
            total = part if total is None else total + part
        return total

    places, total = tuple(range(len(ms))), None
    for order in _arranged(places):
        rest = tuple([p for p in places if p not in order])
        part = scalar(cycles(rest)) * matrix_transpose(along(order, c))
        total = part if total is None else total + part
    return total


def _adjugate(s: Any) -> tuple[Any, Any]:
    """The adjugate and the determinant of a small matrix, by polynomials (Faddeev and LeVerrier)."""
    r = s.shape[-1]
    identity = np.eye(r)
    adjugate = identity
    for j in range(1, r):
        product = matmul(s, adjugate)
        adjugate = scalar(trace(product) / j) * identity - product
    return adjugate, trace(matmul(s, adjugate)) / r


def nullity(x: Any) -> int:
    """How many singular values of the raw matrices ``x`` are next to nothing, in the worst of them."""
    s = np.linalg.svd(x, compute_uv=False)
    return int(np.max(np.sum(s <= 1e-6 * s[..., :1], axis=-1), initial=0))


def of_nearly_singular(x: Any, inv: Any, det: Any) -> Any:
    """The matrices of cofactors of ``x`` from blocks in its singular basis, which is held.

    The block of the large singular values is inverted; what it leaves of the small ones (Schur's complement) is
    expanded without division.
    """
    value = x.example()
    u, _, vh = np.linalg.svd(value)
    turned = matmul(matmul(np.conj(np.swapaxes(u, -1, -2)), x), np.conj(np.swapaxes(vh, -1, -2)))
    n, small = value.shape[-1], nullity(value)
    large = slice(0, n - small), slice(n - small, n)
    if small == n:
        adjugate = _adjugate(turned)[0]
    else:
        a, b, c, d = [getitem(turned, index=(..., rows, columns)) for rows in large for columns in large]
        inverse = inv(a)
        left, right = matmul(c, inverse), matmul(inverse, b)
        rest, determinant = _adjugate(d - matmul(left, b))
        upper = concat(inverse * scalar(determinant) + matmul(right, matmul(rest, left)), -matmul(right, rest), axis=-1)
        adjugate = scalar(det(a)) * concat(upper, concat(-matmul(rest, left), _like(rest, d), axis=-1), axis=-2)
    turn = np.asarray(np.linalg.det(u) * np.linalg.det(vh))[..., None, None]
    return turn * matmul(np.conj(u), matmul(matrix_transpose(adjugate), np.conj(vh)))


def _like(m: Any, d: Any) -> Any:
    """``m``, which is the plain number 1 for blocks of size one, as a block of the shape of ``d``."""
    return m if m.shape == d.shape else m + 0.0 * d
