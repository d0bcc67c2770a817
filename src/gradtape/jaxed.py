"""from_jax: a function written for JAX as an operation of gradtape's."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import update_wrapper
from typing import Any

import numpy as np

from . import trees
from .compiling.arguments import Fixed, is_input, kind_of
from .engines.xla.device import host, jax, x64
from .primitives.complexes import conj
from .record.variable import Variable
from .record.writer import lift, operation, strong
from .rules.primitive import Primitive

_gradtape_composes = True

__all__ = ["from_jax"]

#: Which inputs had a leading axis, and how long it was: one for each batch, the innermost first.
Axes = tuple[tuple[tuple[bool, ...], int], ...]


def from_jax(f: Callable[..., Any]) -> Callable[..., Any]:
    """A function of JAX arrays as an operation: it takes and gives Tensors, and every mode differentiates it.

    Values, tangents and cotangents are JAX's own (``jax.jvp``, ``jax.vjp``), a batch is ``jax.vmap`` of it.  They are
    operations of the same kind, so every order works, and modes may be mixed.  ``f`` is compiled by ``jax.jit``, with
    64-bit numbers switched on while it runs, and is a part of the program where the XLA engine runs it.

    Parameters
    ----------
    f
        A pure function of trees of JAX arrays that returns a tree of JAX arrays.  Arguments that are Tensors,
        Variables, arrays, floats and complex numbers are inputs; all others are what they are for ``f`` too.

    Needs gradtape[xla]; GradtapeError where JAX is not installed.  Raises what ``f`` raises.

    >>> import gradtape as gt
    >>> import jax.numpy as jnp
    >>> f = gt.from_jax(lambda x: jnp.sum(jnp.sin(x) ** 2))
    >>> gt.hessian(f)(gt.asarray([0.0, 1.0]))
    Tensor([[ 2.        ,  0.        ],
            [ 0.        , -0.83229367]])
    """
    jax()  # its absence is told here
    rows: dict[Any, tuple[_Operation, list[Any]]] = {}

    def call(*args: Any, **kwargs: Any) -> Any:
        leaves, structure = trees.flatten((args, kwargs))
        leaves = [x.value if isinstance(x, Variable) else x for x in leaves]
        static = [None if is_input(x) else Fixed(x) for x in leaves]
        key, inputs = kind_of(leaves, structure)
        found = rows.get(key)
        if found is None:
            found = rows[key] = _operation(f, structure, static)
        operation, shape = found
        outputs = operation.row.op(*[strong(lift(x)) for x in inputs])
        return jax().tree_util.tree_unflatten(shape[0], list(outputs))

    update_wrapper(call, f)
    return call


def _operation(f: Callable[..., Any], structure: Any, static: Sequence[Any]) -> tuple[_Operation, list[Any]]:
    """``f`` as a function of the list of its inputs, and the structure of what it returns, once it has been called."""
    shape: list[Any] = []

    def flat(*arrays: Any) -> list[Any]:
        rest = iter(arrays)
        args, kwargs = trees.unflatten(structure, [next(rest) if s is None else s.value for s in static])
        leaves, returned = jax().tree_util.tree_flatten(f(*args, **kwargs))
        shape[:] = [returned]
        return [jax().numpy.asarray(y) for y in leaves]

    return _Operation(flat, getattr(f, "__name__", "from_jax")), shape


class _Operation:
    """A function of JAX arrays that gives a list of them, as a row, with its derivatives as rows of the same kind."""

    def __init__(self, f: Callable[..., list[Any]], name: str) -> None:
        self.f = f
        self.name = name
        self.derived: dict[Any, _Operation] = {}
        self.jitted: dict[Axes, Any] = {}
        self.row = Primitive(
            f"jax:{name}",
            "differential",
            self.value,
            None,
            params={"axes": [()]},
            differential=self.push,
            vjp=self.pull,
            batch=self.batch,
            outputs=2,
            public=False,
        )
        self.row.op = operation(self.row)

    def value(self, xp: Any, *xs: Any, axes: Axes = ()) -> tuple[Any, ...]:
        """By JAX, compiled; as it is where JAX is tracing already."""
        if xp is not np:
            return tuple(_batched(self.f, axes)(*xs))
        with x64():
            run = self.jitted.get(axes)
            if run is None:
                run = self.jitted[axes] = jax().jit(_batched(self.f, axes))
            return tuple([host(y) for y in run(*xs)])

    def kept(self, key: Any, make: Callable[[], Callable[..., list[Any]]]) -> Callable[..., Any]:
        """The operation of a derived function, made once."""
        found = self.derived.get(key)
        if found is None:
            found = self.derived[key] = _Operation(make(), f"{self.name}_{key[0]}")
        return found.row.op

    def push(self, y: Any, xs: Sequence[Any], dxs: Sequence[Any], *, axes: Axes = ()) -> tuple[Any, ...]:
        """The tangents, by ``jax.jvp``."""
        there = tuple([d is not None for d in dxs])

        def make() -> Callable[..., list[Any]]:
            def pushed(*args: Any) -> list[Any]:
                values, tangents = args[: len(there)], args[len(there) :]
                moving = [x for x, t in zip(values, there, strict=True) if t]
                held, f = _holding(_batched(self.f, axes), values, there), jax()
                ys, dys = f.jvp(held, tuple(moving), tuple(tangents))
                return [f.numpy.zeros(v.shape) if v.dtype.kind not in "fc" else d for v, d in zip(ys, dys, strict=True)]

            return pushed

        found = self.kept(("jvp", there, axes), make)(*xs, *[d for d in dxs if d is not None])
        return tuple([d if v.dtype.kind in "fc" else None for v, d in zip(y, found, strict=True)])

    def pull(self, ct: Sequence[Any], y: Any, *xs: Any, axes: Axes = ()) -> list[Any]:
        """The cotangents, by ``jax.vjp``, which does not conjugate."""
        asked = tuple([c is not None and v.dtype.kind in "fc" for c, v in zip(ct, y, strict=True)])
        floating = tuple([x.dtype.kind in "fc" for x in xs])

        def make() -> Callable[..., list[Any]]:
            def pulled(*args: Any) -> list[Any]:
                values, rest = args[: len(floating)], iter(args[len(floating) :])
                moving = [x for x, t in zip(values, floating, strict=True) if t]
                ys, back = jax().vjp(_holding(_batched(self.f, axes), values, floating), *moving)
                return list(back([next(rest) if a else _zero(v) for a, v in zip(asked, ys, strict=True)]))

            return pulled

        given = [_conjugate(c) for c, a in zip(ct, asked, strict=True) if a]
        found = iter(self.kept(("vjp", asked, axes), make)(*xs, *given))
        return [_conjugate(next(found)) if t else None for t in floating]

    def batch(self, size: int, flags: Sequence[bool], xs: Sequence[Any], params: dict[str, Any]) -> Any:
        """One more axis for ``jax.vmap``."""
        return xs, {"axes": (*params.get("axes", ()), (tuple(flags), size))}


def _batched(f: Callable[..., list[Any]], axes: Axes) -> Callable[..., list[Any]]:
    for flags, size in axes:
        f = jax().vmap(f, in_axes=tuple([0 if b else None for b in flags]), axis_size=size)
    return f


def _holding(f: Callable[..., list[Any]], values: Sequence[Any], moving: Sequence[bool]) -> Callable[..., list[Any]]:
    """``f`` of the inputs that move, the others held."""

    def held(*xs: Any) -> list[Any]:
        rest = iter(xs)
        return f(*[next(rest) if m else v for v, m in zip(values, moving, strict=True)])

    return held


def _zero(y: Any) -> Any:
    """No cotangent: zero, of the type that JAX wants for it."""
    return jax().numpy.zeros_like(y) if y.dtype.kind in "fc" else np.zeros(y.shape, jax().dtypes.float0)


def _conjugate(x: Any) -> Any:
    return conj(x) if x.dtype.kind == "c" else x
