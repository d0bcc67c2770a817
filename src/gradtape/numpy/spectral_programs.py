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
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

import numpy as np

from ..primitives import singular_values as svd_rows
from ..primitives import spectra
from ..primitives.arithmetic import divide, multiply, subtract
from ..primitives.complexes import conj
from ..primitives.contractions import einsum, matmul, matrix_transpose
from ..primitives.gaps import adjoint
from ..primitives.indexing import getitem
from ..primitives.joining import concat
from ..primitives.matrix_functions import spectral_function
from ..primitives.reductions import sum
from ..primitives.shapes import diagonal, reshape, transpose
from ..primitives.softmax import logsumexp
from ..primitives.transcendental import exp, log1p
from ..record.tensor import Tensor
from ..rules.primitive import look_past, registry
from .programs import Continued, Program, Within

__all__: list[str] = []

Made = Callable[[Any], Any]
Match = tuple[Callable[..., Any], tuple[Any, ...]] | None

#: Where values are nearer to each other than this part of the largest, derivatives go by divided differences.
NEAR = 1e-2
#: How many entries a function of eigenvalues may have to be looked at.
LONGEST = 60

_SYMMETRIC, _LEFT, _RIGHT = "eigenvectors", "left_vectors", "right_vectors"
_VALUES = {"eigvalsh": 0, "svdvals": 0, "eigenvalues": 1, "singular_values": 1}  # name -> the slot of the matrix
_ALSO_ELEMENTWISE = {"identity", "real", "conj", "positive"}


# -- what made a factor ---------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Side:
    """One side of a product: vectors of a matrix, columns ``start:stop`` of them, times functions of their values."""

    name: str
    matrix: Any
    count: int
    standing: bool  # the vectors are its columns
    conjugated: bool = False
    cut: tuple[int, int] | None = None
    factors: tuple[tuple[Any, bool], ...] = field(default=())  # (g, whether it divides)


def _side(x: Any, made: Made, depth: int = 0) -> Side | None:
    entry = made(x) if depth < 8 else None
    if entry is None:
        return None
    row, params, inputs = entry
    name = row.name
    if name in (_SYMMETRIC, _LEFT, _RIGHT):
        return Side(name, inputs[1], x.shape[-2] if name == _RIGHT else x.shape[-1], name != _RIGHT)
    if name in ("matrix_transpose", "transpose", "conj", "getitem"):
        side = _side(inputs[0], made, depth + 1)
        if side is None:
            return None
        if name == "conj":
            return replace(side, conjugated=not side.conjugated)
        if name == "getitem":
            return _cut(side, inputs[0], params["index"])
        n = x.ndim
        swaps = name == "matrix_transpose" or tuple(params["axes"]) == (*range(n - 2), n - 1, n - 2)
        return replace(side, standing=not side.standing) if swaps else None
    if name in ("multiply", "divide"):
        for a, b in (inputs, inputs[::-1]) if name == "multiply" else (inputs,):
            side = _side(a, made, depth + 1) if hasattr(a, "shape") else None
            if side is not None and (g := _scale(b, a, side, made)) is not None:
                return replace(side, factors=(*side.factors, (g, name == "divide")))
    if name == "matmul":
        for a, b, first in ((*inputs, True), (*inputs[::-1], False)):
            entry = made(b)
            if entry is not None and entry[0].name == "on_diagonal" and entry[1]["offset"] == 0:
                side = _side(a, made, depth + 1)
                if side is not None and side.standing == first and b.shape[-1] == b.shape[-2]:
                    return replace(side, factors=(*side.factors, (entry[2][0], False)))
    return None


def _cut(side: Side, x: Any, index: Any) -> Side | None:
    """The side with some of its vectors alone, neighbours all of them."""
    index = index if isinstance(index, tuple) else (index,)
    if side.cut is not None or side.factors or any(i is not Ellipsis and not isinstance(i, slice) for i in index):
        return None
    full = tuple([s for i in index for s in ([slice(None)] * (x.ndim - len(index) + 1) if i is Ellipsis else [i])])
    full = (*full, *[slice(None)] * (x.ndim - len(full)))
    axis = x.ndim - 1 if side.standing else x.ndim - 2
    if any(full[i].indices(x.shape[i]) != (0, x.shape[i], 1) for i in range(x.ndim) if i != axis):
        return None
    start, stop, step = full[axis].indices(x.shape[axis])
    return replace(side, cut=(start, max(start, stop))) if step == 1 else None


def _scale(g: Any, x: Any, side: Side, made: Made) -> Any:
    """The function of the values that multiplies the vectors of x one by one; None where g is something else."""
    if not hasattr(g, "shape"):
        return g
    if g.ndim == 0:
        return g
    lines = x.shape[-1] if side.standing else x.shape[-2]
    if side.standing and g.shape[-1] == lines and (g.ndim == 1 or g.shape[-2] == 1 or g.ndim < x.ndim):
        return _without_axis(g, made) if g.ndim == x.ndim else g if g.ndim == 1 or g.ndim == x.ndim - 1 == 1 else None
    if not side.standing and g.ndim == x.ndim and g.shape[-1] == 1 and g.shape[-2] == lines:
        return _without_axis(g, made)
    return None


def _without_axis(g: Any, made: Made) -> Any:
    """What g was made from by adding an axis of length 1."""
    entry = made(g)
    if entry is None or entry[0].name not in ("reshape", "getitem"):
        return None
    source = entry[2][0]
    return source if source.size == g.size and source.ndim == g.ndim - 1 else None


# -- the function of the values -------------------------------------------------------------------------------------


class _UnknownError(Exception):
    """Not a function of the values that is known here."""


class _Reader:
    """Collects the steps of a program from the record, and the parameters that it has."""

    def __init__(self, made: Made, matrix: Any, cut: tuple[int, int] | None) -> None:
        self.made, self.matrix, self.cut = made, matrix, cut
        self.found = False
        self.theta: list[Any] = []
        self.places: dict[int, int] = {}
        self.pending: list[tuple[Any, Any, tuple[Any, ...]]] = []

    def read(self, x: Any) -> Any:
        """("x",), ("theta", i), ("step", i), or a number in a list of one."""
        if not hasattr(x, "shape"):
            return [x]
        if id(x) in self.places:
            return ("step", self.places[id(x)])
        entry = self.made(x)
        if entry is not None and self._is_variable(entry):
            self.found = True
            return ("x",)
        if (leaf := self._leaf(x, entry)) is not None:
            return leaf
        if entry is None:
            raise _UnknownError
        row, params, inputs = entry
        if row.name == "softmax" and params.get("axis", -1) in (-1, x.ndim - 1, None if x.ndim == 1 else -1):
            # exp(u - log sum exp u), the second of which is one number for all.
            shift = self._parameter(inputs[0], lambda u: logsumexp(u, axis=-1, keepdims=True))
            return self.step(exp, {}, (self.step(subtract, {}, (self.read(inputs[0]), shift)),), x)
        plain = row.kind == "elementwise" or row.broadcasts or row.name in _ALSO_ELEMENTWISE
        if (not plain and not (row.kind == "constant" and not params)) or len(self.pending) > LONGEST:
            raise _UnknownError
        return self.step(row.op, params, tuple([self.read(s) for s in inputs]), x)

    def step(self, op: Any, params: Any, refs: tuple[Any, ...], x: Any = None) -> Any:
        self.pending.append((op, params, refs))
        if x is not None:
            self.places[id(x)] = len(self.pending) - 1
        return ("step", len(self.pending) - 1)

    def _is_variable(self, entry: Any) -> bool:
        row, params, inputs = entry
        if row.name == "getitem" and self.cut is not None:
            before = self.made(inputs[0])
            index = params["index"]
            if before is None or not self._values(before) or len(index) != 1 or not isinstance(index[0], slice):
                return False
            start, stop, step = index[0].indices(inputs[0].shape[0])
            return inputs[0].ndim == 1 and (start, stop) == self.cut and step == 1
        return self.cut is None and self._values(entry)

    def _values(self, entry: Any) -> bool:
        slot = _VALUES.get(entry[0].name)
        return slot is not None and entry[2][slot] is self.matrix

    def _leaf(self, x: Any, entry: Any) -> Any:
        """A parameter: one number for all the values of a matrix, by the way in which it was made."""
        if x.ndim == 0:
            return self._parameter(x, None)
        if entry is None:
            if x.shape[-1] == 1:
                return self._parameter(x, None)
            raise _UnknownError
        row, params, inputs = entry
        if row.name == "spread":
            source, axis = inputs[0], params.get("axis")
            axes = axis if isinstance(axis, tuple) else (axis,)
            if source.ndim == 0:
                return self._parameter(source, None)
            if -1 in axes or x.ndim - 1 in axes:
                shape = (*x.shape[:-1], 1)
                if source.size == int(np.prod(shape)):
                    return self._parameter(source, lambda t: reshape(t, shape=shape))
            raise _UnknownError
        if row.name == "broadcast_to" and (inputs[0].ndim == 0 or inputs[0].shape[-1] == 1):
            return self._parameter(inputs[0], None)
        return None

    def _parameter(self, x: Any, made_of: Any) -> Any:
        self.theta.append((x, made_of))
        return ("theta", len(self.theta) - 1)

    def program(self, root: Any) -> Program:
        """The program whose last value is ``root``."""
        first = 1 + len(self.theta)

        def place(ref: Any) -> Any:
            if isinstance(ref, list):
                return ref
            return 0 if ref[0] == "x" else 1 + ref[1] if ref[0] == "theta" else first + ref[1]

        steps = [(op, params, tuple([place(r) for r in refs])) for op, params, refs in self.pending]
        last = place(root)
        if isinstance(last, list):
            steps.append((lambda x, c: x * 0.0 + c, {}, (0, last)))
            last = first + len(steps) - 1
        return Program(steps, first, last)


def _function(reader: _Reader, factors: tuple[tuple[Any, bool], ...]) -> Program:
    """The product of the factors, as one program."""
    root: Any = [1.0]
    for g, divides in factors:
        root = reader.step(divide if divides else multiply, {}, (root, reader.read(g)))
    return reader.program(root)


# -- where it is asked for ------------------------------------------------------------------------------------------


def _value(x: Any) -> Any:
    """The array behind a Tensor, or behind a series; None where there is none to be seen."""
    while hasattr(x, "term"):
        x = x.term(0)
    x = x.data if isinstance(x, Tensor) else x
    return x if isinstance(x, np.ndarray) else None


def _near(x: Any, symmetric: bool) -> tuple[bool, Any]:
    """Whether values of x lie near each other (or, singular ones, near 0), and the values, ascending."""
    a = _value(x)
    if a is None or not a.size:
        return a is None, None
    w = np.linalg.eigvalsh((a + np.conj(np.swapaxes(a, -1, -2))) / 2) if symmetric else None
    w = np.linalg.svd(a, compute_uv=False)[..., ::-1] if w is None else w
    limit = NEAR * np.max(np.abs(w), axis=-1, keepdims=True)
    near = bool(np.any(np.diff(w, axis=-1) <= limit))
    return near or (not symmetric and bool(np.any(w[..., :1] <= limit))), w


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
    symmetric = kind == _SYMMETRIC
    reader = _Reader(made, x, cut)
    try:
        program: Any = _function(reader, factors)
    except _UnknownError:
        return None
    near, w = _near(x, symmetric)
    if not near or (trace and not reader.found):
        return None
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
        return adjoint(corner) if kind == _RIGHT else corner

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
        (_SYMMETRIC, _SYMMETRIC): (False, conjugates),
        (_LEFT, _RIGHT): (False, False),
        (_RIGHT, _LEFT): (conjugates, conjugates),
    }
    if both not in wanted or (left.conjugated, right.conjugated) != wanted[both]:
        return None
    return _match(left.name, left.matrix, left.cut, (*left.factors, *right.factors), made)


def _product(inputs: Any, params: Any, made: Made) -> Match:
    """(V * f(w)) @ V.T and its like."""
    right = _side(inputs[1], made)
    return None if right is None or right.standing else _joined(_side(inputs[0], made), right, made)


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
        side = _side(inputs[i], made)
        if side is None or outer not in terms[i] or terms[i][0] == terms[i][1]:
            return None
        # Stand the first up and lay the second down, as a product would have them.
        stands = side.standing == (terms[i][0] == outer)
        if not stands:
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
        if entry[0].name in _VALUES:
            found.append((entry[0].name, entry[2][_VALUES[entry[0].name]]))
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
    match = _match(_SYMMETRIC if symmetric else _LEFT, matrix, None, ((x, False),), made, trace=True)
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
    look_past(spectra.spectral, _handed_back(_SYMMETRIC))
    look_past(svd_rows.singular, _handed_back(_LEFT))
