"""Programs for others: StableHLO text, an artifact that runs without gradtape, a function for users of JAX.

A program is one path of Python's.  Where a guard of it disagrees, or NumPy would have raised an error, these give nan:
they have no Python to go back to.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ...errors import GradtapeError, message
from ...program.program import Program
from .device import jax, x64
from .differentiable import Differentiable
from .engine import inside_jax
from .lowering import Lowering


def stablehlo(program: Program) -> str:
    """The text of ``program`` in StableHLO."""
    with x64():
        return jax().jit(_alone(program)).lower(*_shapes(program)).as_text()


def exported(program: Program, platforms: Sequence[str] | None = None) -> bytes:
    """``program`` serialized by ``jax.export``."""
    from importlib import import_module

    export = import_module("jax.export")
    with x64():
        made = export.export(jax().jit(_alone(program)), platforms=platforms)(*_shapes(program))
    return bytes(made.serialize())


def for_jax(program: Program) -> Callable[..., Any]:
    """``program`` as a function of JAX arrays, every step differentiated by gradtape's rule for it."""

    wide = any(v.dtype.itemsize >= (16 if v.dtype.kind == "c" else 8) for v in program.values())

    def function(*arrays: Any) -> Any:
        if len(arrays) != len(program.inputs):
            raise TypeError(f"{program.name} takes {len(program.inputs)} arrays, {len(arrays)} were given")
        if wide and jax().dtypes.canonicalize_dtype(np.float64) != np.float64:
            raise GradtapeError(
                message(
                    f"{program.name}: it computes with 64-bit numbers, which JAX is set to round to 32 bits",
                    remedy="jax.config.update('jax_enable_x64', True), or `with jax.enable_x64(True):` around all that "
                    "JAX does with it.",
                )
            )
        xs = [jax().numpy.asarray(x, v.dtype) for x, v in zip(arrays, program.inputs, strict=True)]
        for i, (x, v) in enumerate(zip(xs, program.inputs, strict=True)):
            if tuple(x.shape) != v.shape:
                raise TypeError(
                    message(
                        f"{program.name}: argument {i} does not fit",
                        [f"wanted {v!r}", f"found {x.dtype}{list(x.shape)}"],
                        remedy="A program is for the shapes it was recorded with; jax.vmap adds axes.",
                    )
                )
        found = _poisoned(program, Differentiable(), xs)
        return tuple(found) if program.several else found[0]

    function.__name__ = function.__qualname__ = program.name
    function.__doc__ = f"{program!r}"
    return function


def _alone(program: Program) -> Callable[..., Any]:
    """The function that is exported; GradtapeError for steps that only the host can do."""

    def function(*arrays: Any) -> Any:
        lowering = Lowering()
        found = _poisoned(program, lowering, arrays)
        if lowering.hosted:
            raise GradtapeError(
                message(
                    f"{program.name}: it cannot be exported, for steps of it are carried out by NumPy and SciPy",
                    sorted(lowering.hosted),
                    remedy="Leave them out of what is exported, or write the program's NumPy text: program.source().",
                )
            )
        return tuple(found) if program.several else found[0]

    return function


def _shapes(program: Program) -> list[Any]:
    return [jax().ShapeDtypeStruct(v.shape, v.dtype) for v in program.inputs]


def _poisoned(program: Program, lowering: Lowering, xs: Sequence[Any]) -> list[Any]:
    """The outputs, nan where a guard disagrees or a step fails."""
    whole = [o for o in program.outputs if o.dtype.kind not in "fc"]
    if program.guards and whole:
        raise GradtapeError(
            message(
                f"{program.name}: it has guards, and outputs that cannot be nan where these disagree",
                [f"output of {o!r}" for o in whole],
                remedy="Choose with gt.where or gt.cond instead of Python's if.",
            )
        )
    found = inside_jax(lowering, program, xs)
    if not lowering.flagged:
        return found
    good, xp = lowering.all_good(), jax().numpy
    return [xp.where(good, y, xp.asarray(np.nan, y.dtype)) if y.dtype.kind in "fc" else y for y in found]
