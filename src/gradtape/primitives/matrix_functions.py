"""Rows of matrix functions, with the derivatives of every order of each in one family.

    matrix_function(x, e1, ..., ek, f=...)      D^k f(x)[e1, ..., ek] for any square x: the corner of f of a block
                                                matrix with x on its diagonal (Mathias 1996; Higham & Relton 2014)
    spectral_function(x, *theta, e1, ..., ek)   the same for symmetric x and a scalar f(w, *theta), by its divided
                                                differences at the eigenvalues (Daleckii & Krein 1965): right where
                                                they are repeated

The next derivative is the form of one more direction, and what it hands back is a form again, so both families are
closed: no eigenvector is ever differentiated.
"""

from __future__ import annotations

import math
import warnings
from itertools import permutations
from typing import Any

import numpy as np

from ..record.tensor import value_of
from ..rules.batching import full, leading, reshaped
from ..rules.kinds import differential
from .complexes import conj, is_complex, real
from .contractions import matrix_transpose
from .divided_differences import divided_differences
from .indexing import getitem
from .joining import concat
from .loops import each
from .reductions import sum
from .shapes import broadcast_to, reshape
from .spectra import hermitian, symmetric_cases
from .triangles import fold
from .whole import whole

# -- any square matrix ----------------------------------------------------------------------------------------------


def _scipy(f: Any) -> Any:
    from scipy import linalg  # SciPy is imported when it is first used

    if isinstance(f, tuple):
        return lambda x: linalg.fractional_matrix_power(x, f[1])  # pyright: ignore[reportUnknownLambdaType]
    return getattr(linalg, f)


def _corner(f: Any) -> Any:
    """A function of (x, e1, ..., ek): f of a block matrix with x on its diagonal, its last corner."""
    of = _scipy(f)

    def form(x: Any, *es: Any) -> Any:
        n = x.shape[0]
        scale = 1.0
        for i, e in enumerate(es):
            size = float(np.max(np.abs(e), initial=0.0))
            if size == 0.0 or not math.isfinite(size):
                return np.full((n, n), size * 0.0, x.dtype)
            unit = float(np.max(np.abs(x), initial=0.0)) or 1.0
            scale *= size / unit
            e = np.kron(np.eye(2**i), e * (unit / size))
            x = np.block([[x, e], [np.zeros_like(x), x]])
        if not n:
            return x
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", RuntimeWarning)  # logm doubts its last three digits
            return np.asarray(of(x))[:n, -n:] * scale

    return form


def _as_real(y: Any, xs: Any) -> Any:
    """A complex result of real matrices whose imaginary part is rounding, made real."""
    if y.dtype.kind == "c" and all(x.dtype.kind != "c" for x in xs):
        largest = np.max(np.abs(y), initial=0.0)
        if np.max(np.abs(y.imag), initial=0.0) <= 1e-11 * largest:
            return y.real.copy()
    return y


def _matrix_function(xp: Any, *xs: Any, f: Any) -> Any:
    return _as_real(each(_corner(f), *xs), xs)


def _function_differential(y: Any, xs: Any, dxs: Any, *, f: Any) -> Any:
    total: Any = None
    for i, dx in enumerate(dxs):
        if dx is not None:
            kept = xs if i == 0 else (*xs[:i], *xs[i + 1 :])
            term = matrix_function(*kept, dx, f=f)
            total = term if total is None else total + term
    return total


def _function_vjp(ct: Any, y: Any, *xs: Any, f: Any) -> tuple[Any, ...]:
    """trace(ct' D^k f(x)[e1, ..., ek]) is symmetric in ct' and the directions."""
    t = matrix_transpose(ct)
    parts = [xs if i == 0 else (*xs[:i], *xs[i + 1 :]) for i in range(len(xs))]
    return tuple([fold(matrix_transpose(matrix_function(*p, t, f=f)), x) for p, x in zip(parts, xs, strict=True)])


def _blocks(rows: list[list[Any]]) -> Any:
    """A matrix of square blocks of one shape; None is zero."""
    like = next(b for row in rows for b in row if b is not None)
    shape = np.broadcast_shapes(*[b.shape for row in rows for b in row if b is not None])
    zero = np.zeros(shape, like.dtype)
    made = [
        concat(*[zero if b is None else b if b.shape == shape else broadcast_to(b, shape=shape) for b in row], axis=-1)
        for row in rows
    ]
    return concat(*made, axis=-2)


def _function_coefficient(terms: list[list[Any]], *, f: Any) -> Any:
    """f of the block Toeplitz matrix of x[0], ..., x[k] has y[0], ..., y[k] in its first row of blocks.

    With directions, x[j] is the block matrix of x[j] and e[j], and y[k] its corner.
    """
    coefficients = list(zip(*terms, strict=True))
    if all(c is None for cs in coefficients[1:] for c in cs):
        return None
    n = terms[0][0].shape[-1]
    sizes = [max([float(np.max(np.abs(value_of(c)), initial=0.0)) for c in cs if c is not None], default=0.0)
             for cs in coefficients]  # fmt: skip
    # The path slowed down by h, so that no coefficient is larger than the matrix itself.
    unit = sizes[0] or 1.0
    h = min([(unit / s) ** (1 / j) for j, s in enumerate(sizes) if j and 0.0 < s < math.inf], default=1.0)
    large: list[Any] = []
    for j, (x, *es) in enumerate(coefficients):
        m = x
        for i, e in enumerate(es):
            # e stands in each of the 2**i places beside the diagonal of what there is.
            side = 2**i
            beside = None if e is None else _blocks([[e if r == c else None for c in range(side)] for r in range(side)])
            m = None if m is None and beside is None else _blocks([[m, beside], [None, m]])
        large.append(None if m is None else m * h**j if j else m)
    k = len(large) - 1
    y = matrix_function(_blocks([[large[c - r] if c >= r else None for c in range(k + 1)] for r in range(k + 1)]), f=f)
    return getitem(y, index=(Ellipsis, slice(0, n), slice(y.shape[-1] - n, None))) / h**k


def _positive_cases(rng: Any) -> list[Any]:
    made: list[Any] = []
    for f in ("expm", "logm", "sqrtm", "cosm", "sinm", "coshm", "sinhm", ("power", 0.3)):
        for k, s in ((0, (3, 3)), (0, (2, 2, 2)), (0, (1, 1)), (1, (2, 2)), (2, (2, 2))):
            x = 0.2 * rng.normal(size=s) + np.diag(1.0 + 0.4 * np.arange(s[-1]))
            made.append(((x, *[rng.normal(size=s) for _ in range(k)]), {"f": f}))
    return made


matrix_function = differential(
    "matrix_function",
    _matrix_function,
    _function_differential,
    vjp=_function_vjp,
    met=whole(2, lambda i, *, f: 2),
    coefficient=_function_coefficient,
    arity=None,
    params={"f": ["expm", "logm", "sqrtm", "cosm", "sinm", "coshm", "sinhm", ("power", 0.3)]},
    batch=leading(),
    sample=_positive_cases,
    doc="A matrix function of x by SciPy's name, or a power; or its derivative in the directions e1, ..., ek.",
    public=False,
)


# -- symmetric matrices ---------------------------------------------------------------------------------------------


def _contracted(xp: Any, d: Any, turned: list[Any]) -> Any:
    """The sum over orders of the directions of d[i0, ..., ik] e1[i0, i1] ... ek[i(k-1), ik]."""
    k = len(turned)
    letters = "abcdefghijkl"[: k + 1]
    operands = ",".join(["..." + letters[r : r + 2] for r in range(k)])
    total: Any = 0.0
    for order in permutations(range(k)):
        total = total + xp.einsum(
            f"...{letters},{operands}->...{letters[0]}{letters[-1]}", d, *[turned[o] for o in order]
        )
    return total


def _spectral_function(xp: Any, x: Any, *rest: Any, f: Any, parameters: int) -> Any:
    theta, es = rest[:parameters], rest[parameters:]
    if any(is_complex(t) for t in theta):
        raise TypeError("the parameters of a spectral function are real")
    dtype = np.result_type(x, *es)
    wide = [a.astype(np.result_type(a, np.float64)) for a in (x, *es)]
    w, v = xp.linalg.eigh(hermitian(xp, wide[0]))
    back = xp.conj(xp.swapaxes(v, -1, -2))
    d = divided_differences(f, w, theta, len(es))
    if not es:
        return ((v * d[..., None, :]) @ back).astype(dtype)
    turned = [back @ hermitian(xp, e) @ v for e in wide[1:]]
    return (v @ _contracted(xp, d, turned) @ back).astype(dtype)


def _as_matrix(t: Any) -> Any:
    """A parameter [..., 1] of eigenvalues as one of matrices."""
    return t if t.ndim == 0 else reshape(t, shape=(*t.shape, 1))


def _spectral_differential(y: Any, xs: Any, dxs: Any, *, f: Any, parameters: int) -> Any:
    total: Any = None
    for i, dx in enumerate(dxs):
        if dx is None:
            continue
        if 0 < i <= parameters:
            term = spectral_function(*xs, f=f.derivative(i), parameters=parameters) * _as_matrix(dx)
        else:
            kept = xs if i == 0 else (*xs[:i], *xs[i + 1 :])
            term = spectral_function(*kept, dx, f=f, parameters=parameters)
        total = term if total is None else total + term
    return total


def _spectral_vjp(ct: Any, y: Any, *xs: Any, f: Any, parameters: int) -> tuple[Any, ...]:
    c = conj(ct) if is_complex(ct) else ct
    found: list[Any] = []
    for i, x in enumerate(xs):
        if 0 < i <= parameters:
            slope = spectral_function(*xs, f=f.derivative(i), parameters=parameters)
            part = sum(real(slope * ct) if is_complex(ct) else slope * ct, axis=(-2, -1))
            found.append(fold(reshape(part, shape=(*part.shape, 1)) if x.ndim else part, x))
        else:
            kept = xs if i == 0 else (*xs[:i], *xs[i + 1 :])
            back = fold(spectral_function(*kept, c, f=f, parameters=parameters), x)
            found.append(conj(back) if is_complex(back) else back)
    return tuple(found)


def _spectral_batch(size: int, flags: Any, xs: Any, params: Any) -> Any:
    """A parameter that was one number for the whole matrix becomes one per matrix, [..., 1]."""
    xs, parameters = full(size, flags, xs), params["parameters"]
    cores = [1 if 0 < i <= parameters and x.ndim > 1 else 0 if 0 < i <= parameters else 2 for i, x in enumerate(xs)]
    most = max(x.ndim - core for x, core in zip(xs, cores, strict=True))
    shaped = [
        reshaped(x, (size, *(1,) * (most - x.ndim + core), *x.shape[1:], *(1,) * (core == 0)))
        for x, core in zip(xs, cores, strict=True)
    ]
    return shaped, params


class Sine:
    """cos and sin with a frequency, by turns: a function to try the family with."""

    def __init__(self, turns: int = 0, by: int = 0) -> None:
        self.turns, self.by = turns, by

    def __call__(self, x: Any, t: Any) -> Any:
        """The derivative of sin(t x), ``turns`` times in x and ``by`` times in t."""
        total = 0.0
        for j in range(min(self.turns, self.by) + 1):
            ways = math.comb(self.by, j) * math.perm(self.turns, j)
            rest = np.sin(t * x + (self.turns + self.by - j) * math.pi / 2)
            total = total + ways * t ** (self.turns - j) * x ** (self.by - j) * rest
        return total

    def derivative(self, slot: int = 0) -> Sine:
        """In x (slot 0) or in t."""
        return Sine(self.turns + (slot == 0), self.by + (slot == 1))

    def kinds(self, w: Any, *theta: Any) -> Any:
        """It is smooth everywhere."""
        return 0

    def __repr__(self) -> str:
        return f"Sine({self.turns}, {self.by})"


def _spectral_cases(rng: Any) -> list[Any]:
    made: list[Any] = []
    for (x,), _ in symmetric_cases(rng):
        if x.size:
            t = 0.9 if x.ndim == 2 else rng.uniform(0.7, 1.1, (*x.shape[:-2], 1))
            made.append(((x, t), {"f": Sine(), "parameters": 1}))
    x = np.array([[0.7, 0.0], [0.0, 0.7]])
    made.append(((x, 1.1), {"f": Sine(), "parameters": 1}))
    made.append(((x, 1.1, rng.normal(size=(2, 2))), {"f": Sine(), "parameters": 1}))
    return [(tuple([np.asarray(a)[()] for a in xs]), p) for xs, p in made]


spectral_function = differential(
    "spectral_function",
    _spectral_function,
    _spectral_differential,
    vjp=_spectral_vjp,
    met=whole(2, lambda i, *, f, parameters: 1 if 0 < i <= parameters else 2),
    arity=None,
    params={"f": [Sine()], "parameters": [1]},
    batch=_spectral_batch,
    sample=_spectral_cases,
    singular={"repeated eigenvalues": "smooth, to every order"},
    doc="V f(w) V' of (x + x')/2 = V diag(w) V', or its derivative in the directions e1, ..., ek.",
    public=False,
)
