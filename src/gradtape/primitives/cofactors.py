"""Cofactors and the mixed derivatives of a determinant, written in operations: for power series of matrices.

The rows in factorizations.py differentiate a determinant by forms of one more argument at every order, right at every
rank.  Along a path that would be exponential in the order; the formulas here are differentiated as they stand.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from functools import cache
from itertools import combinations, permutations
from typing import Any

import numpy as np

from .contractions import matmul, matrix_transpose
from .indexing import getitem
from .joining import concat, stack
from .reductions import sum
from .shapes import reshape

#: Blocks up to this size are expanded without a division.
LARGEST = 8


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


@cache
def _plan(r: int, k: int) -> tuple[Any, Any, Any]:
    """For each choice of k of r columns: its columns, the choices without each of them, and the sign of the place."""
    before = {chosen: i for i, chosen in enumerate(combinations(range(r), k - 1))}
    choices = list(combinations(range(r), k))
    without = [[before[c[:p] + c[p + 1 :]] for p in range(k)] for c in choices]
    return np.array(choices), np.array(without), (-1.0) ** np.arange(k)


@cache
def _shares(r: int, i: int) -> tuple[Any, Any, Any]:
    """For each column j: the minors of i rows above and of the rest below that share out the other columns; signs."""
    above = {chosen: n for n, chosen in enumerate(combinations(range(r), i))}
    below = {chosen: n for n, chosen in enumerate(combinations(range(r), r - 1 - i))}
    firsts: list[list[int]] = []
    seconds: list[list[int]] = []
    signs: list[list[float]] = []
    for j in range(r):
        others = [c for c in range(r) if c != j]
        places = list(combinations(range(r - 1), i))
        firsts.append([above[tuple(others[p] for p in chosen)] for chosen in places])
        seconds.append([below[tuple(others[p] for p in range(r - 1) if p not in chosen)] for chosen in places])
        signs.append([(-1.0) ** (i + j + math.fsum(chosen) - i * (i - 1) // 2) for chosen in places])
    return np.array(firsts), np.array(seconds), np.array(signs)


def _minors(s: Any, rows: Sequence[int]) -> list[Any]:
    """The minors of the first 0, 1, 2, ... of ``rows``, each row put before those already there."""
    r = s.shape[-1]
    found = [np.ones((1,), s.dtype)]
    for k, row in enumerate(rows, start=1):
        columns, without, signs = _plan(r, k)
        found.append(sum(s[..., row, columns] * found[-1][..., without] * signs, axis=-1))
    return found


def by_minors(s: Any) -> Any:
    """The matrix of cofactors without a division: from the minors of the rows above and below each element."""
    r = s.shape[-1]
    below = _minors(s, range(r - 1, 0, -1))
    # Rows put before others, from the first to the last, are in the reverse order.
    above = [m * (-1.0) ** (k * (k - 1) // 2) for k, m in enumerate(_minors(s, range(r - 1)))]
    lines: list[Any] = []
    for i in range(r):
        firsts, seconds, signs = _shares(r, i)
        line = sum(above[i][..., firsts] * below[r - 1 - i][..., seconds] * signs, axis=-1)
        lines.append(line if r > 1 else line + 0.0 * s[..., i, :])  # the empty product, for each matrix
    return stack(*lines, axis=-2)


def splits(x: Any) -> bool:
    """Whether the raw matrices ``x`` have few enough singular values so small that nothing may be divided by them."""
    n = x.shape[-1]
    if n <= LARGEST:
        return n > 0
    s = np.linalg.svd(x, compute_uv=False)
    return bool(np.all(s[..., -LARGEST - 1] > 1e-4 * s[..., 0]))


def of_matrix(x: Any, inv: Any, det: Any) -> Any:
    """The matrices of cofactors of ``x``, as polynomials in what the small singular values belong to.

    Beyond the size of those, in the singular basis, which is held: the block of the large singular values is inverted,
    and what it leaves of the small ones (Schur's complement) expanded by minors.
    """
    n = x.shape[-1]
    if n <= LARGEST:
        return by_minors(x)
    u, _, vh = np.linalg.svd(x.example())
    turned = matmul(matmul(np.conj(np.swapaxes(u, -1, -2)), x), np.conj(np.swapaxes(vh, -1, -2)))
    halves = slice(0, n - LARGEST), slice(n - LARGEST, n)
    a, b, c, d = [getitem(turned, index=(..., rows, columns)) for rows in halves for columns in halves]
    inverse = inv(a)
    left, right = matmul(c, inverse), matmul(inverse, b)
    complement = d - matmul(left, b)
    cofactors = by_minors(complement)
    rest = matrix_transpose(cofactors)
    determinant = sum(getitem(complement * cofactors, index=(..., 0, slice(None))), axis=-1)
    upper = concat(inverse * scalar(determinant) + matmul(right, matmul(rest, left)), -matmul(right, rest), axis=-1)
    adjugate = scalar(det(a)) * concat(upper, concat(-matmul(rest, left), rest, axis=-1), axis=-2)
    turn = np.asarray(np.linalg.det(u) * np.linalg.det(vh))[..., None, None]
    return turn * matmul(np.conj(u), matmul(matrix_transpose(adjugate), np.conj(vh)))
