"""Hessians and Gauss-Newton matrices as linear operators: products alone, for SciPy's iterative solvers.

What one product does is recorded once, with placeholders for the vector, and carried out again for every vector: for a
block of vectors at once.  Parameters may be a tree of arrays or Variables: their elements, in order, are the rows.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import accumulate
from typing import Any

import numpy as np

from .. import asking, trees
from ..errors import ShapeError, message
from ..explain import kinked
from ..operators import fresh
from ..record import sites
from ..record.segment import Pause, Segment, Window
from ..record.tensor import Tensor
from ..record.variable import Variable
from ..sweeps.batch import Replay, with_axis
from ..sweeps.forward import forward
from ..sweeps.query import gradients, ones, zeros

_gradtape_composes = True

__all__ = ["gauss_newton_operator", "gauss_newton_vp", "hessian_operator"]


def hessian_operator(f: Callable[..., Any], x: Any) -> Any:
    """The Hessian of a scalar ``f`` at ``x`` as a ``scipy.sparse.linalg.LinearOperator`` on flattened vectors.

    ``x`` is an array, a Variable or a tree of them; a vector has the elements of its leaves one after the other.  A
    product costs a few evaluations of ``f``; the matrix is never made (Pearlmutter 1994).

    >>> import numpy as np
    >>> import gradtape as gt
    >>> h = gt.hessian_operator(lambda x: gt.sum(x**3) + x[0] * x[1], [1.0, 2.0])
    >>> h @ np.array([1.0, 0.0])
    array([6., 1.])
    """
    with Pause():
        x, xs = _parameters(x, "hessian_operator")
        segments, y = _run(f, x)
        if y.size != 1:
            raise ShapeError(
                message("hessian_operator: the value is not a scalar", f"shape {y.shape}", str(sites.user_line()))
            )
        sources = [[leaf] for leaf in xs]
        with Window() as first:
            gs = gradients(segments, [y], [ones(y)], sources)
        kinked.check([*segments, *first.segments], [g for g in gs if g is not None], xs)
        pairs = [(g, ones(leaf)) for g, leaf in zip(gs, xs, strict=True)]
        used = [(g, v) for g, v in pairs if g is not None]
        with Window() as second:
            targets, vs = [g for g, _ in used], [v for _, v in used]
            products = gradients([*segments, *first.segments], targets, vs, sources) if used else [None] * len(xs)
        return _operator(second, [v for _, v in pairs], products, xs)


def gauss_newton_operator(f: Callable[..., Any], x: Any, loss: Callable[..., Any] | None = None) -> Any:
    """The Gauss-Newton matrix J' H J of ``loss(f(x))`` as a ``scipy.sparse.linalg.LinearOperator``.

    J is the Jacobian of ``f`` at ``x`` and H the Hessian of ``loss`` at ``f(x)``; without a loss, half the sum of
    squares, H is the identity.  Where ``loss`` is convex it is positive semidefinite (Schraudolph 2002).  ``x`` may be
    a tree, as in :func:`hessian_operator`.

    >>> import numpy as np
    >>> import gradtape as gt
    >>> g = gt.gauss_newton_operator(lambda x: x * x, [1.0, 2.0])
    >>> g @ np.array([1.0, 1.0])
    array([ 4., 16.])
    """
    with Pause():
        x, xs = _parameters(x, "gauss_newton_operator")
        vs = [ones(leaf) for leaf in xs]
        window, products = _gauss_newton(f, x, xs, loss, vs)
        return _operator(window, vs, products, xs)


def gauss_newton_vp(f: Callable[..., Any], x: Any, v: Any, loss: Callable[..., Any] | None = None) -> Any:
    """The product J' H J v of the Gauss-Newton matrix of ``loss(f(x))``, in the structure and shapes of ``x``.

    See :func:`gauss_newton_operator`; one forward and one reverse sweep, without the matrix.

    >>> import gradtape as gt
    >>> gt.gauss_newton_vp(lambda x: x * x, [1.0, 2.0], [1.0, 1.0])
    Tensor([ 4., 16.])
    """
    x, xs = _parameters(x, "gauss_newton_vp")
    (v,), _ = fresh((v,), 0)
    given = asking.alike(x, v, "gauss_newton_vp: v")
    vs = [asking.fitting(dx, leaf, "gauss_newton_vp") for dx, leaf in zip(given, xs, strict=True)]
    _, products = _gauss_newton(f, x, xs, loss, vs)
    structure = trees.flatten(trees.opened(x))[1]
    found = [zeros(leaf) if p is None else p for p, leaf in zip(products, xs, strict=True)]
    return trees.unflatten(structure, found)


def _parameters(x: Any, asked: str) -> tuple[Any, list[Tensor]]:
    """The parameters under fresh identities, and the Tensors that they are; Variables are their own."""
    (x,), _ = fresh((x,), 0)
    leaves, _ = asking.sources_of(x, asked)
    return x, [leaf.value if isinstance(leaf, Variable) else leaf for leaf in leaves]


def _run(f: Callable[..., Any], x: Any) -> tuple[list[Segment], Tensor]:
    with Window() as window:
        y = f(x)
    return window.segments, y


def _gauss_newton(
    f: Callable[..., Any], x: Any, xs: Sequence[Tensor], loss: Callable[..., Any] | None, vs: Sequence[Tensor]
) -> tuple[Window, list[Tensor | None]]:
    """The window that saw the product with ``vs`` made, and the product."""
    segments, y = _run(f, x)
    gradient: Tensor | None = None
    behind: list[Segment] = []
    if loss is not None:
        behind, value = _run(loss, y)
        with Window() as window:
            (gradient,) = gradients(behind, [value], [ones(value)], [[y]])
        behind = [*behind, *window.segments]
    products: list[Tensor | None] = [None] * len(xs)
    with Window() as window:
        u = forward([e for s in segments for e in s], dict(zip(xs, vs, strict=True))).get(y)
        if u is not None and loss is not None:
            (u,) = gradients(behind, [gradient], [u], [[y]]) if gradient is not None else (None,)
        if u is not None:
            products = gradients(segments, [y], [u], [[leaf] for leaf in xs])
    return window, products


def _operator(window: Window, vs: Sequence[Tensor], products: Sequence[Tensor | None], xs: Sequence[Tensor]) -> Any:
    """What the window saw, as a symmetric linear operator."""
    from scipy.sparse.linalg import LinearOperator

    replay = Replay(window.entries(), vs, [p for p in products if p is not None])
    ends = list(accumulate(x.size for x in xs))
    n = ends[-1] if ends else 0
    dtype = np.result_type(*[x.dtype for x in xs])

    def several(vectors: Any) -> Any:
        k = vectors.shape[1]
        rows = np.ascontiguousarray(vectors.T)
        columns = {
            v: rows[:, end - x.size : end].astype(x.dtype).reshape(k, *x.shape)
            for v, x, end in zip(vs, xs, ends, strict=True)
        }
        with Pause(), np.errstate(all="ignore"):
            known = replay.run(columns, k)
            parts = [
                np.zeros((k, x.size), x.dtype) if p is None else with_axis(known, p, k).reshape(k, x.size)
                for p, x in zip(products, xs, strict=True)
            ]
        return np.concatenate(parts, axis=1).T

    def one(vector: Any) -> Any:
        return several(np.reshape(vector, (-1, 1)))[:, 0]

    return LinearOperator((n, n), matvec=one, rmatvec=one, matmat=several, rmatmat=several, dtype=dtype)  # type: ignore[call-arg]
