"""A program for users of JAX, who transform it: each step carries gradtape's derivative.

Linear and multilinear rows are differentiated by JAX, where there is one answer.  Constant rows are cut.  Every other
step is a ``jax.custom_jvp`` function whose rule is the tangent program of that one step, lowered the same way: so the
conventions at singular points are gradtape's in ``jax.grad``, ``jax.jvp`` and ``jax.hessian``, to any order.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ...program.derivatives import jvp
from ...program.program import Program, Step, Value
from .device import jax
from .lowering import HOLDERS, Lowering


class Differentiable(Lowering):
    """Lowers steps as functions that JAX may differentiate."""

    def step(self, step: Step, xs: list[Any]) -> list[Any]:
        """The outputs of one step, differentiable as gradtape says."""
        kind, name = step.row.kind, step.row.name
        places = [i for i, x in enumerate(xs) if hasattr(x, "dtype")]
        floating = [i for i in places if xs[i].dtype.kind in "fc"]
        if kind == "constant":
            stop = jax().lax.stop_gradient
            return super().step(step, [stop(x) if i in floating else x for i, x in enumerate(xs)])
        if not floating or name in HOLDERS or (kind in ("linear", "multilinear") and not self.is_hosted(step)):
            return super().step(step, xs)
        return self.ruled(step, xs, places, floating)

    def shares(self, step: Step, known: dict[Any, Any]) -> bool:
        """Never: each step has a derivative of its own."""
        return False

    def inner(self) -> Lowering:
        return Differentiable()

    def ruled(self, step: Step, xs: list[Any], places: list[int], floating: list[int]) -> list[Any]:
        """A step with a rule of its own."""
        before = len(self.checks)

        def given(arrays: Any) -> list[Any]:
            filled = list(xs)
            for i, x in zip(places, arrays, strict=True):
                filled[i] = x
            return filled

        def value(*arrays: Any) -> tuple[Any, ...]:
            lowering = Lowering()
            made = lowering.step(step, given(arrays))
            self.checks[before:] = [(told, True) for told, _ in lowering.checks]
            return (*made, lowering.all_good())

        ruled = jax().custom_jvp(value)

        @ruled.defjvp
        def rule(primals: Any, tangents: Any) -> Any:  # pyright: ignore[reportUnusedFunction]
            program = tangent_program(step, given(primals))
            lowering = Differentiable()
            some = [t for i, t in zip(places, tangents, strict=True) if i in floating]
            made = lowering.run(program, [*primals, *some])
            n = len(step.outputs)
            good = lowering.all_good()
            return (*made[:n], good), (
                *[_tangent(y, dy) for y, dy in zip(made[:n], made[n:], strict=True)],
                _none(good),
            )

        *made, good = ruled(*[jax().numpy.asarray(xs[i]) for i in places])
        self.checks[before:] = [(f"{step.row.name} fails", good)] if self.checks[before:] else []
        return made


def tangent_program(step: Step, xs: list[Any]) -> Program:
    """(x1, ..., dx1, ...) -> (y1, ..., dy1, ...) of one step, at its shapes."""
    values = [Value.like(x) if hasattr(x, "dtype") else x for x in xs]
    inputs = [v for v in values if type(v) is Value]
    outputs = tuple([Value(o.shape, o.dtype) for o in step.outputs])
    alone = Program(inputs, [Step(step.row, step.params, tuple(values), outputs, step.several)], outputs)
    return jvp(alone, [_somewhere(v) for v in inputs])


def _somewhere(v: Value) -> Any:
    """Values of a shape, to record rules at: small, different from each other, inside of most domains."""
    if v.dtype.kind not in "fc":
        return np.zeros(v.shape, v.dtype)[()]
    x = 0.25 + 0.5 * np.linspace(0.0, 1.0, max(v.size, 1))[: v.size].reshape(v.shape)
    if len(v.shape) >= 2 and v.shape[-1] == v.shape[-2]:
        x = x * 0.1 + np.diag(1.0 + np.arange(v.shape[-1]))
    return x.astype(v.dtype)[()]


def _tangent(y: Any, dy: Any) -> Any:
    return dy if y.dtype.kind in "fc" else _none(y)


def _none(y: Any) -> Any:
    """What JAX calls the tangent of an integer or boolean."""
    return np.zeros(y.shape, jax().dtypes.float0)
