"""Derivatives of functions: grad, value_and_grad, vjp, jacrev, hessian, hvp.

Each takes a function and returns one, or its result; each opens a tape, and differentiates with respect to
fresh Tensors, so that nesting them in any way keeps every level apart.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import wraps
from typing import Any

import numpy as np

from . import trees
from .errors import ShapeError, message
from .numpy.creation import asarray
from .primitives.shapes import identity
from .record import sites
from .record.tensor import Tensor
from .record.variable import Variable
from .tape import GradientTape

_gradtape_composes = True

__all__ = ["grad", "hessian", "hvp", "jacrev", "value_and_grad", "vjp"]


def value_and_grad(
    f: Callable[..., Any], argnums: int | Sequence[int] = 0, *, has_aux: bool = False
) -> Callable[..., Any]:
    """The function ``(*args) -> (f(*args), df/d args[argnums])`` for a scalar ``f``.

    ``argnums`` is a position or several; each argument may be a tree of floating arrays, numbers, Tensors or
    Variables.  With ``has_aux=True``, ``f`` returns ``(y, aux)`` and the result is ``((y, aux), gradient)``.

    >>> import gradtape as gt
    >>> gt.value_and_grad(lambda x: x**3)(2.0)
    (Tensor(8.0), Tensor(12.0))
    """

    @wraps(f)
    def value_and_gradient(*args: Any, **kwargs: Any) -> Any:
        args, sources = fresh(args, argnums)
        with GradientTape() as tape:
            result = f(*args, **kwargs)
        y = _scalar(result[0] if has_aux else result, "grad")
        return (y, result[1]) if has_aux else y, _gradient(tape, y, sources)

    return value_and_gradient


def grad(f: Callable[..., Any], argnums: int | Sequence[int] = 0, *, has_aux: bool = False) -> Callable[..., Any]:
    """The gradient function of a scalar ``f``: ``(*args) -> df/d args[argnums]``.

    See :func:`value_and_grad`; with ``has_aux=True`` the result is ``(gradient, aux)``.

    >>> import gradtape as gt
    >>> gt.grad(gt.grad(gt.sin))(2.0)
    Tensor(-0.9092974268256817)
    """
    both = value_and_grad(f, argnums, has_aux=has_aux)

    @wraps(f)
    def gradient(*args: Any, **kwargs: Any) -> Any:
        value, g = both(*args, **kwargs)
        return (g, value[1]) if has_aux else g

    return gradient


def vjp(f: Callable[..., Any], *primals: Any) -> tuple[Any, Callable[..., tuple[Any, ...]]]:
    """``(f(*primals), pullback)``, where ``pullback(ct)`` is the tuple of J_i^T ct, one per argument.

    ``ct`` has the structure and shapes of the output.  The pullback can be called as often as you like.

    >>> import gradtape as gt
    >>> y, pullback = gt.vjp(lambda a, b: a * b, 2.0, 3.0)
    >>> y, pullback(1.0)
    (Tensor(6.0), (Tensor(3.0), Tensor(2.0)))
    """
    args, _ = fresh(primals, range(len(primals)))
    with GradientTape() as tape:
        out = f(*args)

    def pullback(ct: Any) -> tuple[Any, ...]:
        return tape.gradient(out, args, output_gradients=ct, unconnected_gradients="zero")

    return out, pullback


def jacrev(
    f: Callable[..., Any],
    argnums: int | Sequence[int] = 0,
    *,
    chunk: int | None = None,
    budget: int | str | None = None,
) -> Callable[..., Any]:
    """The Jacobian function of ``f`` by reverse sweeps: blocks of shape ``f(x).shape + x.shape``.

    All rows are computed at once, or ``chunk`` at a time; by default as many as caches like and as fit into
    ``budget``, bytes or text such as ``"1GB"`` (default 256 MB).

    >>> import gradtape as gt
    >>> gt.jacrev(lambda x: x * x)([1.0, 2.0])
    Tensor([[2., 0.],
            [0., 4.]])
    """

    @wraps(f)
    def jacobian(*args: Any, **kwargs: Any) -> Any:
        args, sources = fresh(args, argnums)
        with GradientTape() as tape:
            y = f(*args, **kwargs)
        return tape.jacobian(y, sources, "zero", parallel_iterations=chunk, budget=budget)

    return jacobian


def hessian(
    f: Callable[..., Any], argnums: int | Sequence[int] = 0, *, budget: int | str | None = None
) -> Callable[..., Any]:
    """The Hessian function of a scalar ``f``: blocks of shape ``x.shape + x.shape``, exactly symmetric.

    Reverse sweeps over a recorded reverse sweep, for many rows at a time: as many as caches like and as fit into
    ``budget``, bytes or text such as ``"1GB"`` (default 256 MB).

    >>> import gradtape as gt
    >>> gt.hessian(lambda x: x[0] ** 2 * x[1])([1.0, 2.0])
    Tensor([[4., 2.],
            [2., 0.]])
    """

    @wraps(f)
    def second(*args: Any, **kwargs: Any) -> Any:
        args, sources = fresh(args, argnums)
        with GradientTape() as tape:
            y = _scalar(f(*args, **kwargs), "hessian")
        return tape.hessian(y, sources, budget=budget)

    return second


def hvp(f: Callable[..., Any], primals: Any, tangents: Any) -> Any:
    """The Hessian-vector product H v of a scalar ``f`` at ``primals``, without the Hessian.

    ``primals`` is the tuple of arguments, or the one argument itself; ``tangents`` and the result are like it.
    A reverse sweep over a recorded reverse sweep (Pearlmutter 1994).

    >>> import gradtape as gt
    >>> gt.hvp(lambda x: x[0] ** 2 * x[1], [1.0, 2.0], [1.0, 0.0])
    Tensor([4., 2.])
    """
    single = not isinstance(primals, tuple)
    args, sources = fresh((primals,) if single else primals, 0 if single else range(len(primals)))
    with GradientTape() as tape:
        y = _scalar(f(*args), "hvp")
    return tape.hvp(y, sources, _like(sources, tangents))


def _like(sources: Any, tangents: Any) -> Any:
    """Lists that stand for arrays become arrays where the source is one."""
    return asarray(tangents) if isinstance(sources, Tensor | Variable) else tangents


def fresh(args: Sequence[Any], argnums: int | Sequence[int]) -> tuple[tuple[Any, ...], Any]:
    """The arguments with fresh identities where derivatives are taken, and those arguments alone."""
    wanted = [argnums] if isinstance(argnums, int) else list(argnums)
    new = list(args)
    for i in wanted:
        new[i] = identified(new[i])
    sources = new[wanted[0]] if isinstance(argnums, int) else tuple(new[i] for i in wanted)
    return tuple(new), sources


def identified(x: Any) -> Any:
    """``x`` under a fresh identity, connected to the old one if somebody records; Variables, Modules are their own."""
    if isinstance(x, list) and not any(trees.is_leaf(leaf) for leaf in trees.flatten(x)[0]):
        return asarray(x)  # a list of numbers is an array, as in NumPy
    return trees.tree_map(_identified_leaf, x)


def _identified_leaf(x: Any) -> Any:
    if isinstance(x, Variable) or trees.is_module(x):
        return x
    return identity(x) if isinstance(x, Tensor) else asarray(x)


def _scalar(y: Any, asked: str) -> Tensor:
    y = y if isinstance(y, Tensor | Variable) else asarray(y)
    if y.size != 1:
        raise ShapeError(
            message(
                f"{asked}: the function's value is not a scalar",
                f"shape {y.shape}",
                str(sites.user_line()),
                "Sum it, or use gt.jacrev.",
            )
        )
    return y  # type: ignore[return-value]


def _gradient(tape: GradientTape, y: Tensor, sources: Any) -> Any:
    """A function that ignores an argument has the slope zero; a path that broke is told by the tape's warning."""
    leaves, structure = trees.flatten(trees.opened(sources))
    found = tape.gradient(y, leaves)
    zeros = [Tensor(np.zeros(x.shape, x.dtype)[()]) if g is None else g for x, g in zip(leaves, found, strict=True)]
    return trees.unflatten(structure, zeros)
