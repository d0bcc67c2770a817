"""What a question to a tape is made of: targets, sources and weights, checked early and by name."""

from __future__ import annotations

import sys
from enum import Enum
from typing import Any
from warnings import warn

import numpy as np

from . import trees
from .errors import DtypeError, ShapeError, message
from .record import sites
from .record.segment import is_recording
from .record.tensor import Tensor
from .record.variable import Variable
from .record.writer import lift, strong
from .sweeps.query import ones

_gradtape_composes = True


class UnconnectedGradients(Enum):
    """What a gradient is where the target does not depend on the source: None, or zeros."""

    NONE = "none"
    ZERO = "zero"

    @classmethod
    def _missing_(cls, value: object) -> None:
        raise ValueError(
            message(
                f"unconnected_gradients is {value!r}",
                remedy="Say 'none' (None and a warning that says why) or 'zero'.",
            )
        )


def check_source(leaf: Any, path: str, asked: str) -> None:
    """What cannot have a derivative is refused by name."""
    if not isinstance(leaf, Tensor | Variable):
        raise DtypeError(
            message(
                f"{asked}: {path} is a {type(leaf).__name__}, not a Tensor or a Variable",
                where=str(sites.user_line()),
                remedy="Derivatives are taken with respect to a Tensor's identity: first x = gt.asarray(x).",
            )
        )
    if leaf.dtype.kind not in "fc":
        name = f" {leaf.name!r}" if isinstance(leaf, Variable) and leaf.name else ""
        raise DtypeError(
            message(
                f"{asked}: {path}{name} has dtype {leaf.dtype}, which has no derivative",
                where=str(sites.user_line()),
                remedy="Make it a float: 3.0 instead of 3, or gt.astype(x, gt.float64).",
            )
        )


def targets_of(target: Any, asked: str) -> list[Tensor]:
    """The leaves of a target, as Tensors."""
    leaves = trees.flatten(target)[0]
    if not leaves:
        raise DtypeError(
            message(
                f"{asked}: the target is {target!r}",
                where=str(sites.user_line()),
                remedy="Pass the Tensor to differentiate; a gradient that was None has nothing to differentiate.",
            )
        )
    tensors: list[Tensor] = []
    for i, leaf in enumerate(leaves):
        if not isinstance(leaf, Tensor | Variable):
            raise DtypeError(
                message(
                    f"{asked}: {trees.paths(target, 'target')[i]} is a {type(leaf).__name__}, not a Tensor",
                    where=str(sites.user_line()),
                    remedy="Compute it with gradtape or NumPy functions of Tensors inside the tape's block.",
                )
            )
        if leaf.dtype.kind not in "fc":
            raise DtypeError(
                message(
                    f"{asked}: {trees.paths(target, 'target')[i]} has dtype {leaf.dtype}, which has no derivative",
                    where=str(sites.user_line()),
                    remedy="Differentiate a floating-point value.",
                )
            )
        tensors.append(leaf.value if isinstance(leaf, Variable) else leaf)
    return tensors


def sources_of(sources: Any, asked: str) -> tuple[list[Any], Any]:
    """The leaves of the sources, checked, and their structure."""
    leaves, structure = trees.flatten(sources)
    for i, leaf in enumerate(leaves):
        if not isinstance(leaf, Tensor | Variable) or leaf.dtype.kind not in "fc":
            check_source(leaf, trees.paths(sources, "source")[i], asked)
    return leaves, structure


def weights_of(target: Any, targets: list[Tensor], weights: Any, asked: str, holomorphic: bool = False) -> list[Tensor]:
    """The cotangents of the targets, as Tensors of their shapes and dtypes; ones where no weights are given."""
    if weights is None:
        for t in targets:
            if t.dtype.kind == "c" and not holomorphic:
                raise DtypeError(
                    message(
                        f"{asked}: the target is complex, so it has no one gradient",
                        where=str(sites.user_line()),
                        remedy="Differentiate a real function of it (gt.real, gt.abs), pass output_gradients=, "
                        "or holomorphic=True for f'(z).",
                    )
                )
        return [ones(t) for t in targets]
    given = trees.flatten_like(target, weights, f"{asked}: output_gradients")
    return [fitting(w, t, asked) for w, t in zip(given, targets, strict=True)]


def fitting(weight: Any, target: Tensor, asked: str) -> Tensor:
    """``weight`` as a Tensor of the shape and dtype of ``target``."""
    seed = strong(lift(weight.copy() if isinstance(weight, np.ndarray) else weight))  # answers are remembered
    if seed.shape != target.shape:
        raise ShapeError(
            message(
                f"{asked}: the weights do not fit",
                [f"expected shape {target.shape}", f"found shape    {seed.shape}"],
                str(sites.user_line()),
                "Pass one weight per element.",
            )
        )
    return seed if seed.dtype == target.dtype else seed.astype(target.dtype)


def direction(tangent: Any, x: Tensor, asked: str) -> Tensor | None:
    """``tangent`` as a Tensor of the shape and dtype of ``x``; None where it is zero, and nobody asks for slopes in it.

    A zero that is told is a zero at infinite slopes too.
    """
    fits = fitting(tangent, x, asked)
    constant = not isinstance(tangent, Tensor | Variable) or not is_recording()
    return None if constant and not fits.data.any() else fits


def warn_user(text: str, category: type[Warning]) -> None:
    """Issue a warning at the user's line, not at gradtape's."""
    users = sites.user_frame(1)
    depth, frame = 1, sys._getframe(1)  # pyright: ignore[reportPrivateUsage]
    while frame is not users and frame.f_back is not None:
        depth, frame = depth + 1, frame.f_back
    warn(text, category, stacklevel=depth + 1)
