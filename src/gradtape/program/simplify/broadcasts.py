"""Repeated values that an element-wise step would repeat by itself: ``full(shape, c) * x`` is ``c * x``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ...primitives.reductions import kept
from ...rules.primitive import registry
from ..program import Step, Value

if TYPE_CHECKING:
    from .forward_pass import Pass


def unspread(walk: Pass, step: Step) -> Step | None:
    """The step with a repeated input as it was before, where the others have the whole shape."""
    for i, x in enumerate(step.inputs):
        maker = walk.made_by(x, "spread", "broadcast_to")
        if maker is None:
            continue
        source = maker.inputs[0]
        if type(source) is not Value:
            continue
        shape = source.shape
        if maker.row.name == "spread":
            params: Any = maker.params
            shape = kept(params["shape"], params.get("axis")) if source.shape else ()
        others = [y.shape for j, y in enumerate(step.inputs) if j != i and type(y) is Value]
        if np.broadcast_shapes(shape, *others) != step.outputs[0].shape:
            continue
        if shape != source.shape:
            source = walk.value(step, registry["reshape"], (source,), {"shape": shape})
        return step.taking((*step.inputs[:i], source, *step.inputs[i + 1 :]))
    return None
