"""gradtape.linalg: functions of matrices, and equations between them."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ..errors import ShapeError, message
from ..primitives import factorizations, matrix_functions, systems
from ..primitives.contractions import matmul
from ..primitives.shapes import reshape, transpose
from ..record.segment import Window
from ..record.tensor import Tensor
from .decompositions import adjoint, floating, square
from .programs import program_from
from .reductions import tensor

_gradtape_composes = True

__all__ = [
    "expm",
    "funm",
    "logdet",
    "logm",
    "solve_continuous_lyapunov",
    "solve_discrete_lyapunov",
    "solve_sylvester",
    "sqrtm",
    "tensorinv",
    "tensorsolve",
]


def expm(x: Any, /) -> Tensor:
    """The matrix exponential, sum x^k / k!, by scaling and squaring (Al-Mohy & Higham 2009).

    Its derivative of order k is the corner of the exponential of a block matrix 2^k times as large.

    >>> import gradtape as gt
    >>> gt.linalg.expm(gt.asarray([[0.0, 1.0], [0.0, 0.0]]))
    Tensor([[1., 1.],
            [0., 1.]])
    """
    return matrix_functions.matrix_function(square(x, "expm"), f="expm")


def logm(x: Any, /) -> Tensor:
    """The principal logarithm of each matrix: expm(logm(x)) = x; complex where x has eigenvalues below zero.

    >>> import gradtape as gt
    >>> gt.round(gt.linalg.logm(gt.asarray([[1.0, 2.0], [0.0, 1.0]])), 12)
    Tensor([[0., 2.],
            [0., 0.]])
    """
    return matrix_functions.matrix_function(square(x, "logm"), f="logm")


def sqrtm(x: Any, /) -> Tensor:
    """The principal square root of each matrix: sqrtm(x) @ sqrtm(x) = x; complex where x has eigenvalues below zero.

    >>> import gradtape as gt
    >>> gt.linalg.sqrtm(gt.asarray([[4.0, 0.0], [0.0, 9.0]]))
    Tensor([[2., 0.],
            [0., 3.]])
    """
    return matrix_functions.matrix_function(square(x, "sqrtm"), f="sqrtm")


def funm(x: Any, f: Callable[[Any], Any], /) -> Tensor:
    """f of each symmetric or Hermitian matrix: V f(w) V' of (x + x')/2 = V diag(w) V', f of one real number.

    ``f`` is written with gradtape's element-wise operations; Tensors with no dimensions that it uses are
    differentiated too.  Derivatives are made from divided differences of f (Daleckii & Krein 1965), right where
    eigenvalues are repeated, to every order; order k costs n^(k + 1) differences.

    >>> import gradtape as gt
    >>> x = gt.asarray([[1.0, 0.0], [0.0, 1.0]])
    >>> with gt.GradientTape() as tape:
    ...     y = gt.sum(gt.linalg.funm(x, lambda w: w**3))
    >>> tape.gradient(y, x)
    Tensor([[3., 3.],
            [3., 3.]])
    """
    x = square(x, "funm")
    at = Tensor(np.float64(1.0))
    with Window() as window:
        y = tensor(f(at))
    if y.ndim:
        raise ShapeError(message("funm: f is to take one number to one number", f"of shape {y.shape}"))
    made = {e[3]: (e[0], e[1] or {}, e[2]) for e in window.entries() if type(e[3]) is Tensor}
    theta = _free(y, made, at)
    program = program_from(y, made.get, [at, *theta])
    return matrix_functions.spectral_function(x, *theta, f=program, parameters=len(theta))


def _free(y: Any, made: dict[Any, Any], at: Any) -> list[Any]:
    """The Tensors that a function used and did not make."""
    found: dict[Any, None] = {}
    seen: set[Any] = set()
    waiting = [y]
    while waiting:
        x = waiting.pop()
        if not isinstance(x, Tensor) or x is at or x in seen:
            continue
        seen.add(x)
        if x in made:
            waiting += made[x][2]
        elif x.ndim == 0 and x.dtype.kind == "f":
            found[x] = None
    return list(found)


def logdet(x: Any, /) -> Tensor:
    """log|det x| of each square matrix, without overflow; its gradient is the transposed inverse.

    >>> import gradtape as gt
    >>> gt.linalg.logdet(gt.asarray([[1.0, 0.0], [0.0, 1.0]]))
    Tensor(0.0)
    """
    return factorizations.logabsdet(square(x, "logdet"))


# -- equations --------------------------------------------------------------------------------------------------


def solve_sylvester(a: Any, b: Any, q: Any, /) -> Tensor:
    return systems.solve_sylvester(square(a, "solve_sylvester"), square(b, "solve_sylvester"), floating(q, "q"))


solve_sylvester.__doc__ = systems.solve_sylvester.__doc__


def solve_continuous_lyapunov(a: Any, q: Any, /) -> Tensor:
    """The solution y of a @ y + y @ a' = q, a' the conjugate transpose; as SciPy's.

    >>> import gradtape as gt
    >>> gt.linalg.solve_continuous_lyapunov(gt.asarray([[-1.0]]), gt.asarray([[4.0]]))
    Tensor([[-2.]])
    """
    a = square(a, "solve_continuous_lyapunov")
    return systems.solve_sylvester(a, adjoint(a), square(q, "solve_continuous_lyapunov"))


def solve_discrete_lyapunov(a: Any, q: Any, /) -> Tensor:
    """The solution y of a @ y @ a' - y + q = 0, by the bilinear map to the continuous equation; as SciPy's.

    >>> import gradtape as gt
    >>> gt.round(gt.linalg.solve_discrete_lyapunov(gt.asarray([[0.5]]), gt.asarray([[3.0]])), 12)
    Tensor([[4.]])
    """
    a, q = square(a, "solve_discrete_lyapunov"), square(q, "solve_discrete_lyapunov")
    eye = np.eye(a.shape[-1], dtype=a.dtype)
    back = adjoint(a)
    inverse = factorizations.inv(back + eye)
    b = matmul(back - eye, inverse)
    c = 2.0 * matmul(matmul(factorizations.inv(a + eye), q), inverse)
    return systems.solve_sylvester(adjoint(b), b, -c)


def tensorinv(a: Any, ind: int = 2) -> Tensor:
    """The inverse for tensordot(a, ., ind): as NumPy's.

    >>> import gradtape as gt
    >>> gt.linalg.tensorinv(gt.asarray([[2.0, 0.0], [0.0, 4.0]]), ind=1)
    Tensor([[0.5 , 0.  ],
            [0.  , 0.25]])
    """
    a = floating(a, "tensorinv")
    before, after = a.shape[:ind], a.shape[ind:]
    if ind <= 0 or math.prod(before) != math.prod(after):
        raise ShapeError(message(f"tensorinv: ind={ind}", f"shape {a.shape}", remedy="Both parts must be as large."))
    y = factorizations.inv(reshape(a, shape=(math.prod(before), math.prod(after))))
    return reshape(y, shape=(*after, *before))


def tensorsolve(a: Any, b: Any, axes: Sequence[int] | None = None) -> Tensor:
    """The x with tensordot(a, x, x.ndim) = b: as NumPy's.

    >>> import gradtape as gt
    >>> gt.linalg.tensorsolve(gt.asarray([[2.0, 0.0], [0.0, 4.0]]), gt.asarray([2.0, 2.0]))
    Tensor([1. , 0.5])
    """
    a, b = floating(a, "tensorsolve"), tensor(b)
    if axes is not None:
        last = [i % a.ndim for i in axes]
        a = transpose(a, axes=(*[i for i in range(a.ndim) if i not in last], *last))
    shape = a.shape[b.ndim :]
    if math.prod(shape) != b.size:
        raise ShapeError(message("tensorsolve: a is not square", [f"a of shape {a.shape}", f"b of shape {b.shape}"]))
    y = factorizations.solve(reshape(a, shape=(b.size, b.size)), reshape(b, shape=(b.size, 1)))
    return reshape(y, shape=shape)
