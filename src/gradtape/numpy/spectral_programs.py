"""Spectral functions recognised on the record: where eigenvalues are repeated, their derivatives are those of f(A).

V f(w) V' of a symmetric matrix is smooth where V and w are not, and so is sum(f(w)).  Each peephole here finds such a
function among the entries that made a product (or what ``eigvalsh`` hands back), replays its element-wise part as a
``Program`` of one variable, and names ``spectral_function`` as the body.  Singular values are the eigenvalues of
[[0, x], [x', 0]]: U f(s) V' is the corner of the odd continuation of f.  All this only where values are repeated or
nearly so; elsewhere the rows' own rules are as good and faster.

    (V * f(w)) @ V.T    V @ diag(f(w)) @ V.T    V[:, a:b] @ V[:, a:b].T    (U * f(s)) @ Vh    (Vh.T / s) @ U.T
    sum(f(eigvalsh(A)))    sum(f(svdvals(A)))    and the same by einsum
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np

from ..primitives import singular_values as svd_rows
from ..primitives import spectra
from ..primitives.complexes import conj
from ..primitives.contractions import einsum, matmul, matrix_transpose
from ..primitives.gaps import adjoint, ascending_values, lie_near
from ..primitives.indexing import getitem
from ..primitives.joining import concat
from ..primitives.matrix_functions import spectral_function
from ..primitives.reductions import any as any_of
from ..primitives.reductions import sum
from ..primitives.shapes import diagonal, transpose
from ..primitives.softmax import logsumexp
from ..primitives.transcendental import exp, log1p
from ..record.tensor import Tensor, read, value_of
from ..rules.primitive import look_past, registry
from .programs import Continued, Within
from .spectral_reading import (
    LEFT,
    LONGEST,
    RIGHT,
    SYMMETRIC,
    VALUES,
    Made,
    Reader,
    Side,
    UnknownError,
    function_of,
    read_side,
)

__all__: list[str] = []

Match = tuple[Callable[..., Any], tuple[Any, ...]] | None

# -- where it is asked for ------------------------------------------------------------------------------------------


def _value(x: Any) -> Any:
    """The array behind a Tensor, or behind a series; None where there is none to be seen."""
    while hasattr(x, "term"):
        x = x.term(0)
    x = value_of(x)
    return x if isinstance(x, np.ndarray) else None


def _near(x: Any, symmetric: bool) -> bool:
    """Whether values of x lie near each other (or, singular ones, near 0); so where they are not to be seen."""
    a = _value(x)
    if a is None or np.any(lie_near(a, symmetric=symmetric)):
        return True  # divided differences are right for all matrices
    if isinstance(x, Tensor):  # the short way is not: asked on the record, as a guard
        bool(any_of(lie_near(x, symmetric=symmetric), axis=None, keepdims=False))
    return False


def _ascending(x: Any, symmetric: bool) -> Any:
    """The values of x, which the body holds constant: they leave the record."""
    a = _value(x)
    if isinstance(x, Tensor):
        read(x, "bounds between its eigenvalues")
    return None if a is None or not a.size else ascending_values(a, symmetric)


def _bounds(w: Any, cut: tuple[int, int], symmetric: bool) -> tuple[Any, Any] | None:
    """Values between those that are kept and the others; None where they are not apart."""
    n = w.shape[-1]
    start, stop = cut if symmetric else (n - cut[1], n - cut[0])
    ends: list[Any] = []
    for at in (start, stop):
        if at in (0, n):
            ends.append(np.full((*w.shape[:-1], 1), -np.inf if at == 0 and at == start else np.inf))
            continue
        below, above = w[..., at - 1 : at], w[..., at : at + 1]
        if np.any(above - below <= 1e-8 * np.max(np.abs(w), initial=0.0)):
            return None
        ends.append((below + above) / 2)
    return ends[0], ends[1]


def _match(kind: str, x: Any, cut: Any, factors: Any, made: Made, *, trace: bool = False) -> Match:
    """The body for the vectors of x times the product of ``factors``, times the vectors again; or for its trace."""
    symmetric = kind == SYMMETRIC
    reader = Reader(made, x, cut)
    try:
        program: Any = function_of(reader, factors)
    except UnknownError:
        return None
    if (trace and not reader.found) or not _near(x, symmetric):
        return None
    w = None if symmetric and cut is None else _ascending(x, symmetric)
    bounds: tuple[Any, ...] = ()
    if cut is not None:
        found = None if w is None else _bounds(w, cut, symmetric)
        if found is None:
            return None
        bounds, program = tuple([Tensor(b) for b in found]), Within(program)
    makers = [maker for _, maker in reader.theta]
    m, n = x.shape[-2:]
    if not symmetric:
        floor = 0.0 if w is None else 1e-13 * max(m, n) * float(np.max(w, initial=0.0))
        program = Continued(program, not trace, floor)

    def body(x: Any, *rest: Any) -> Any:
        bounds, given = rest[: len(rest) - len(makers)], rest[len(rest) - len(makers) :]
        theta = [t if maker is None else maker(t) for t, maker in zip(given, makers, strict=True)]
        whole = x if symmetric else _doubled(x)
        y = spectral_function(whole, *bounds, *theta, f=program, parameters=len(bounds) + len(theta))
        if trace:
            total = sum(diagonal(y, offset=0), axis=-1)
            return total if symmetric else 0.5 * total
        if symmetric:
            return y
        corner = getitem(y, index=(..., slice(0, m), slice(m, None)))
        return adjoint(corner) if kind == RIGHT else corner

    return body, (x, *bounds, *[t for t, _ in reader.theta])


def _doubled(x: Any) -> Any:
    """[[0, x], [x', 0]]."""
    m, n = x.shape[-2:]
    lead, dtype = x.shape[:-2], x.dtype
    upper = concat(np.zeros((*lead, m, m), dtype), x, axis=-1)
    return concat(upper, concat(adjoint(x), np.zeros((*lead, n, n), dtype), axis=-1), axis=-2)


def _joined(left: Side | None, right: Side | None, made: Made) -> Match:
    """The body for the product of two sides, whose vectors meet."""
    if left is None or right is None or left.matrix is not right.matrix or left.cut != right.cut:
        return None
    if not left.standing or right.standing:
        return None
    conjugates = left.matrix.dtype.kind == "c"
    both = (left.name, right.name)
    # As they come the vectors are V, U and V' (conjugated already); turned round they want the conjugate.
    wanted = {
        (SYMMETRIC, SYMMETRIC): (False, conjugates),
        (LEFT, RIGHT): (False, False),
        (RIGHT, LEFT): (conjugates, conjugates),
    }
    if both not in wanted or (left.conjugated, right.conjugated) != wanted[both]:
        return None
    return _match(left.name, left.matrix, left.cut, (*left.factors, *right.factors), made)


def _product(inputs: Any, params: Any, made: Made) -> Match:
    """(V * f(w)) @ V.T and its like."""
    right = read_side(inputs[1], made)
    return None if right is None or right.standing else _joined(read_side(inputs[0], made), right, made)


def _einsum(inputs: Any, params: Any, made: Made) -> Match:
    """einsum("ij,j,kj->ik", V, f(w), V) and its like."""
    labels, output = params["subscripts"].split("->")
    terms = labels.split(",")
    matrices = [i for i, t in enumerate(terms) if len(t) == 2]
    vectors = [i for i, t in enumerate(terms) if len(t) == 1]
    if len(matrices) != 2 or len(matrices) + len(vectors) != len(terms) or len(output) != 2:
        return None
    sides: list[Side] = []
    for i, outer in zip(matrices, output, strict=True):
        side = read_side(inputs[i], made)
        if side is None or outer not in terms[i] or terms[i][0] == terms[i][1]:
            return None
        # Stand the first up and lay the second down, as a product would have them.
        if side.standing != (terms[i][0] == outer):
            return None
        sides.append(replace(side, standing=not sides))
    shared = {next(c for c in terms[i] if c != outer) for i, outer in zip(matrices, output, strict=True)}
    if len(shared) != 1 or any(terms[i] not in shared for i in vectors):
        return None
    sides[0] = replace(sides[0], factors=(*sides[0].factors, *[(inputs[i], False) for i in vectors]))
    return _joined(sides[0], sides[1], made)


def _handed_back(kind: str) -> Callable[[Any, Any, Made], Match]:
    """V diag(g) V', where g turns out to be a function of the values."""
    return lambda inputs, params, made: _match(kind, inputs[0], None, ((inputs[1], False),), made)


def _total(inputs: Any, params: Any, made: Made, *, mean: bool = False) -> Match:
    """sum(f(eigvalsh(x))), sum(f(svdvals(x))): asked in forward sweeps alone."""
    x, axis = inputs[0], params.get("axis")
    if not hasattr(x, "ndim") or params.get("keepdims") or x.ndim == 0 or (x.ndim > 1 and axis not in (-1, x.ndim - 1)):
        return None
    found: list[Any] = []
    seen: set[int] = set()

    def look(x: Any, depth: int = 0) -> None:
        entry = made(x) if hasattr(x, "ndim") and id(x) not in seen and depth < LONGEST else None
        seen.add(id(x))
        if entry is None or len(seen) > LONGEST:
            return
        if entry[0].name in VALUES:
            found.append((entry[0].name, entry[2][VALUES[entry[0].name]]))
        elif entry[0].kind == "elementwise" or entry[0].broadcasts:
            for source in entry[2]:
                look(source, depth + 1)

    look(x)
    if len({id(matrix) for _, matrix in found}) != 1:
        return None
    name, matrix = found[0]
    symmetric = name in ("eigvalsh", "eigenvalues")
    if not symmetric and matrix.shape[-1] != matrix.shape[-2]:
        return None
    match = _match(SYMMETRIC if symmetric else LEFT, matrix, None, ((x, False),), made, trace=True)
    if match is None or not mean:
        return match
    n = x.shape[-1]
    return (lambda *xs: match[0](*xs) / n), match[1]


def _log_total(inputs: Any, params: Any, made: Made) -> Match:
    """logsumexp(eigvalsh(x)): that of its parts, which is recognised in its turn."""
    x, axis = inputs[0], params.get("axis")
    if params.get("keepdims") or (x.ndim > 1 and axis not in (-1, x.ndim - 1)):
        return None
    shift = float(np.max(_value(x), initial=-np.inf)) if _value(x) is not None else 0.0
    entry = made(x)
    if entry is None or entry[0].name not in ("eigvalsh", "svdvals"):
        return None
    of = entry[0].op
    # Not written as a logarithm of a sum, which would be recognised as this function again.
    return (lambda matrix: log1p(sum(exp(of(matrix) - shift), axis=-1) - 1.0) + shift), (entry[2][0],)


def attach() -> None:
    # A total is asked for by sweeps that go forwards: its makers are not marked as seen, so reverse ones do not look.
    ours = (spectra.eigvalsh, spectra.eigenvalues, svd_rows.svdvals, svd_rows.singular_values)
    values = {op.primitive for op in ours}  # type: ignore[attr-defined]
    for row in (registry["sum"], registry["mean"]):
        row.peepholes += (partial(_total, mean=row.name == "mean"),)
        row.makers |= values | {r for r in registry.values() if r.kind == "elementwise" or r.broadcasts}
    look_past(logsumexp, _log_total, makers=ours)
    vectors = (spectra.eigenvectors, svd_rows.left_vectors, svd_rows.right_vectors)
    look_past(matmul, _product, makers=(*vectors, matrix_transpose, transpose, conj))
    look_past(einsum, _einsum, makers=vectors)
    look_past(spectra.spectral, _handed_back(SYMMETRIC))
    look_past(svd_rows.singular, _handed_back(LEFT))
