"""Derivatives of a program, as programs: recorded by the sweeps at one point, sliced and simplified."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ..errors import TapeError, message
from ..record.segment import Pause, Window
from ..record.tensor import Tensor
from ..sweeps.forward import forward
from ..sweeps.jacobians import jacobian_rows
from ..sweeps.query import zeros
from ..sweeps.reverse import reverse
from .program import Program
from .replay import replayed
from .simplify import simplified
from .slicing import sliced


def jvp(program: Program, at: Sequence[Any] | None = None) -> Program:
    """(x1, ..., dx1, ...) -> (y1, ..., dy1, ...): dy = sum_i J_i dx_i, for the floating inputs."""

    def derive(xs: list[Tensor], ys: list[Tensor], entries: Window) -> tuple[list[Tensor], list[Tensor]]:
        floating = [x for x in xs if x.dtype.kind in "fc"]
        tangents = [Tensor(np.ones(x.shape, x.dtype)[()]) for x in floating]
        known = forward(list(entries.entries()), dict(zip(floating, tangents, strict=True)))
        return tangents, [*ys, *[zeros(y) if known.get(y) is None else known[y] for y in ys]]

    return _derived(program, at, "jvp", derive)


def vjp(program: Program, at: Sequence[Any] | None = None) -> Program:
    """(x1, ..., ct1, ...) -> (y1, ..., g1, ...): g_i = sum_k ct_k dy_k/dx_i, for the floating inputs and outputs."""

    def derive(xs: list[Tensor], ys: list[Tensor], entries: Window) -> tuple[list[Tensor], list[Tensor]]:
        targets = [y for y in ys if y.dtype.kind in "fc"]
        sources = [x for x in xs if x.dtype.kind in "fc"]
        cotangents = [Tensor(np.ones(y.shape, y.dtype)[()]) for y in targets]
        found = reverse(list(entries.segments), zip(targets, cotangents, strict=True), sources)
        return cotangents, [*ys, *[found[x] if x in found else zeros(x) for x in sources]]

    return _derived(program, at, "vjp", derive)


def hessian(program: Program, at: Sequence[Any] | None = None) -> Program:
    """(x1, ...) -> (H11, H12, ..., H21, ...): H_ij = d2 y / dx_i dx_j of a scalar first output."""

    def derive(xs: list[Tensor], ys: list[Tensor], entries: Window) -> tuple[list[Tensor], list[Tensor]]:
        if ys[0].shape != ():
            raise TapeError(
                message(f"{program.name}: a Hessian is of a scalar", f"the first output has shape {ys[0].shape}")
            )
        sources = [x for x in xs if x.dtype.kind in "fc"]
        found = reverse(list(entries.segments), [(ys[0], Tensor(np.ones((), ys[0].dtype)[()]))], sources)
        segments = list(entries.segments)
        blocks: list[Tensor] = []
        for x in sources:
            rows = jacobian_rows(segments, found[x], [[s] for s in sources]) if x in found else [None] * len(sources)
            blocks += [
                Tensor(np.zeros(x.shape + s.shape, x.dtype)[()]) if b is None else b
                for s, b in zip(sources, rows, strict=True)
            ]
        return [], blocks

    return _derived(program, at, "hessian", derive)


def _derived(
    program: Program,
    at: Sequence[Any] | None,
    what: str,
    derive: Callable[[list[Tensor], list[Tensor], Window], tuple[list[Tensor], list[Tensor]]],
) -> Program:
    points = program.examples if at is None else at
    if len(points) != len(program.inputs):
        raise TapeError(
            message(
                f"{program.name}.{what}: no point to record it at",
                remedy=f"Pass one, with one array for each input: program.{what}(at=[...]).",
            )
        )
    xs = [Tensor(np.asarray(x, v.dtype)[()]) for x, v in zip(points, program.inputs, strict=True)]
    with Pause(), Window() as window:
        ys = replayed(program, xs)
        more, outputs = derive(xs, ys, window)
    made, _ = sliced(window.entries(), [*xs, *more], outputs, name=f"{program.name}_{what}")
    return simplified(made)
