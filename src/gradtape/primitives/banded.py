"""Systems with banded matrices, stored as SciPy and LAPACK do: ab[above + i - j, j] = A[i, j].

dy = A^-1 (db - dA y), in time proportional to the number of entries: the product goes diagonal by diagonal, and the
transposed matrix is banded too.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..rules.batching import leading
from ..rules.kinds import differential
from .indexing import getitem, place
from .joining import concat
from .loops import each
from .reductions import sum
from .shapes import reshape, sum_to


def _solve_banded(xp: Any, ab: Any, b: Any, *, below: int, above: int) -> Any:
    from scipy.linalg import solve_banded as solve  # SciPy is imported when it is first used

    def one(ab: Any, b: Any) -> Any:
        return solve((below, above), ab, b, check_finite=False) if b.size else b + 0 * ab[:1, :1]

    return each(one, ab, b)


def _diagonals(n: int, below: int, above: int) -> list[tuple[int, slice, slice]]:
    """(row of ab, columns j, rows i = j + d) for each diagonal d = -above .. below that has entries."""
    found: list[tuple[int, slice, slice]] = []
    for d in range(-above, below + 1):
        first, last = max(0, -d), min(n, n - d)
        if first < last:
            found.append((above + d, slice(first, last), slice(first + d, last + d)))
    return found


def _line(ab: Any, row: int, columns: slice) -> Any:
    return getitem(ab, index=(..., row, columns))


def _apply(ab: Any, y: Any, below: int, above: int) -> Any:
    """A @ y"""
    total: Any = None
    shape = (*np.broadcast_shapes(ab.shape[:-2], y.shape[:-2]), *y.shape[-2:])
    for row, columns, rows in _diagonals(ab.shape[-1], below, above):
        line = _line(ab, row, columns)
        part = reshape(line, shape=(*line.shape, 1)) * getitem(y, index=(..., columns, slice(None)))
        part = place(part, index=(..., rows, slice(None)), shape=shape)
        total = part if total is None else total + part
    return 0.0 * y if total is None else total


def _transposed(ab: Any, below: int, above: int) -> Any:
    """The transposed matrix, with ``above`` diagonals below and ``below`` above: its row below + e is row above - e."""
    n = ab.shape[-1]
    lines: list[Any] = []
    for e in range(-below, above + 1):
        first, last = max(0, -e), min(n, n - e)
        whole = (*ab.shape[:-2], 1, n)
        row = slice(above - e, above - e + 1)
        if first >= last:
            lines.append(0.0 * getitem(ab, index=(..., row, slice(None))))
            continue
        line = getitem(ab, index=(..., row, slice(first + e, last + e)))
        lines.append(place(line, index=(..., slice(first, last)), shape=whole))
    return concat(*lines, axis=-2)


def _differential(y: Any, xs: Any, dxs: Any, *, below: int, above: int) -> Any:
    ab, (dab, db) = xs[0], dxs
    change = None if dab is None else _apply(dab, y, below, above)
    right = db if change is None else -change if db is None else db - change
    return solve_banded(ab, right, below=below, above=above)


def _vjp(ct: Any, y: Any, ab: Any, b: Any, *, below: int, above: int) -> tuple[Any, Any]:
    w = solve_banded(_transposed(ab, below, above), ct, below=above, above=below)
    total: Any = None
    shape = (*w.shape[:-2], *ab.shape[-2:])
    for row, columns, rows in _diagonals(ab.shape[-1], below, above):
        met = getitem(w, index=(..., rows, slice(None))) * getitem(y, index=(..., columns, slice(None)))
        part = place(-sum(met, axis=-1), index=(..., row, columns), shape=shape)
        total = part if total is None else total + part
    total = 0.0 * ab if total is None else total
    return _fold(total, ab), _fold(w, b)


def _fold(c: Any, x: Any) -> Any:
    return c if c.shape == x.shape else sum_to(c, shape=x.shape)


def _cases(rng: Any) -> list[Any]:
    made: list[Any] = []
    for below, above, n, before in ((1, 1, 4, ()), (2, 0, 3, ()), (0, 1, 2, (2,)), (1, 2, 1, ())):
        ab = 0.3 * rng.normal(size=(*before, below + above + 1, n))
        ab[..., above, :] += 2.0
        made.append(((ab, rng.normal(size=(*before, n, 2))), {"below": below, "above": above}))
    return made


solve_banded = differential(
    "solve_banded",
    _solve_banded,
    _differential,
    vjp=_vjp,
    system=(lambda ab, y, *, below, above: _apply(ab, y, below, above),),
    arity=2,
    params={"below": [1], "above": [1]},
    sample=_cases,
    batch=leading(),
    doc="The solution of a system with a banded matrix.",
    public=False,
)
