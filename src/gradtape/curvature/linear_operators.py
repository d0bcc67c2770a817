"""Hessians and Gauss-Newton matrices as linear operators: products alone, for SciPy's iterative solvers.

What one product does is recorded once, with a placeholder for the vector, and carried out again for every vector: for
a block of vectors at once.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ..errors import ShapeError, message
from ..operators import fresh
from ..record import sites
from ..record.segment import Pause, Segment, Window
from ..record.tensor import Tensor
from ..sweeps.batch import Replay, with_axis
from ..sweeps.forward import forward
from ..sweeps.query import gradients, ones, zeros

_gradtape_composes = True

__all__ = ["gauss_newton_operator", "gauss_newton_vp", "hessian_operator"]


def hessian_operator(f: Callable[..., Any], x: Any) -> Any:
    """The Hessian of a scalar ``f`` at ``x`` as a ``scipy.sparse.linalg.LinearOperator`` on flattened vectors.

    A product costs a few evaluations of ``f``; the matrix is never made.

    >>> import numpy as np
    >>> import gradtape as gt
    >>> h = gt.hessian_operator(lambda x: gt.sum(x**3) + x[0] * x[1], [1.0, 2.0])
    >>> h @ np.array([1.0, 0.0])
    array([6., 1.])
    """
    with Pause():
        (x,), _ = fresh((x,), 0)
        segments, y = _run(f, x)
        if y.size != 1:
            raise ShapeError(
                message("hessian_operator: the value is not a scalar", f"shape {y.shape}", str(sites.user_line()))
            )
        with Window() as first:
            (g,) = gradients(segments, [y], [ones(y)], [[x]])
        v = ones(x)
        with Window() as second:
            (hv,) = gradients([*segments, *first.segments], [g], [v], [[x]]) if g is not None else (None,)
        return _operator(second, v, hv, x)


def gauss_newton_operator(f: Callable[..., Any], x: Any, loss: Callable[..., Any] | None = None) -> Any:
    """The Gauss-Newton matrix J' H J of ``loss(f(x))`` as a ``scipy.sparse.linalg.LinearOperator``.

    J is the Jacobian of ``f`` at ``x`` and H the Hessian of ``loss`` at ``f(x)``; without a loss, half the sum of
    squares, H is the identity.  Where ``loss`` is convex it is positive semidefinite (Schraudolph 2002).

    >>> import numpy as np
    >>> import gradtape as gt
    >>> g = gt.gauss_newton_operator(lambda x: x * x, [1.0, 2.0])
    >>> g @ np.array([1.0, 1.0])
    array([ 4., 16.])
    """
    with Pause():
        (x,), _ = fresh((x,), 0)
        v, window, product = _gauss_newton(f, x, loss)
        return _operator(window, v, product, x)


def gauss_newton_vp(f: Callable[..., Any], x: Any, v: Any, loss: Callable[..., Any] | None = None) -> Tensor:
    """The product J' H J v of the Gauss-Newton matrix of ``loss(f(x))``, of the shape of ``x``.

    See :func:`gauss_newton_operator`; one forward and one reverse sweep, without the matrix.

    >>> import gradtape as gt
    >>> gt.gauss_newton_vp(lambda x: x * x, [1.0, 2.0], [1.0, 1.0])
    Tensor([ 4., 16.])
    """
    (x, v), _ = fresh((x, v), (0, 1))
    _, _, product = _gauss_newton(f, x, loss, v)
    return zeros(x) if product is None else product


def _run(f: Callable[..., Any], x: Tensor) -> tuple[list[Segment], Tensor]:
    with Window() as window:
        y = f(x)
    return window.segments, y


def _gauss_newton(
    f: Callable[..., Any], x: Tensor, loss: Callable[..., Any] | None, v: Tensor | None = None
) -> tuple[Tensor, Window, Tensor | None]:
    """The vector (a placeholder if there is none), the window that saw the product made, and the product."""
    segments, y = _run(f, x)
    v = ones(x) if v is None else v
    gradient: Tensor | None = None
    behind: list[Segment] = []
    if loss is not None:
        behind, value = _run(loss, y)
        with Window() as window:
            (gradient,) = gradients(behind, [value], [ones(value)], [[y]])
        behind = [*behind, *window.segments]
    with Window() as window:
        u = forward((e for s in segments for e in s), {x: v}).get(y)
        if u is not None and loss is not None:
            (u,) = gradients(behind, [gradient], [u], [[y]]) if gradient is not None else (None,)
        (product,) = gradients(segments, [y], [u], [[x]]) if u is not None else (None,)
    return v, window, product


def _operator(window: Window, v: Tensor, product: Tensor | None, x: Tensor) -> Any:
    """What the window saw, as a symmetric linear operator."""
    from scipy.sparse.linalg import LinearOperator

    replay = Replay(window.entries(), [v], [product] if product is not None else [])

    def several(vectors: Any) -> Any:
        k = vectors.shape[1]
        if product is None:
            return np.zeros((x.size, k), x.dtype)
        columns = np.ascontiguousarray(vectors.T, dtype=x.dtype).reshape(k, *x.shape)
        with Pause(), np.errstate(all="ignore"):
            value = with_axis(replay.run({v: columns}, k), product, k)
        return value.reshape(k, x.size).T

    def one(vector: Any) -> Any:
        return several(np.reshape(vector, (-1, 1)))[:, 0]

    n = x.size
    return LinearOperator((n, n), matvec=one, rmatvec=one, matmat=several, rmatmat=several, dtype=x.dtype)  # type: ignore[call-arg]
