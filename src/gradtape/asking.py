"""What a question to a tape is made of: targets, sources and weights, checked early and by name."""

from __future__ import annotations

import re
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
    if any(trees.is_module(leaf) for leaf in leaves):
        return targets_of(trees.opened(target), asked)
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


def scalar_of(target: Any, asked: str) -> list[Tensor]:
    """The one number that ``target`` is, in a list."""
    targets = targets_of(target, asked)
    if len(targets) != 1 or targets[0].size != 1:
        raise ShapeError(
            message(
                f"{asked}: the target is not a scalar",
                [f"shape {t.shape}" for t in targets],
                str(sites.user_line()),
                "Sum it, or ask for jacobian(gradient(...), x) of each of its elements.",
            )
        )
    return targets


def sources_of(sources: Any, asked: str) -> tuple[list[Any], Any]:
    """The leaves of the sources, checked, and their structure."""
    leaves, structure = trees.flatten(sources)
    for i, leaf in enumerate(leaves):
        if not isinstance(leaf, Tensor | Variable) or leaf.dtype.kind not in "fc":
            if any(trees.is_module(x) for x in leaves):
                return sources_of(trees.opened(sources), asked)
            check_source(leaf, trees.paths(sources, "source")[i], asked)
    return leaves, structure


def alike(tree: Any, given: Any, what: str) -> list[Any]:
    """What ``given`` has at each leaf of the targets or sources ``tree``."""
    return trees.flatten_like(trees.opened(tree), trees.opened(given), what)


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
    given = alike(target, weights, f"{asked}: output_gradients")
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
    if seed.dtype.kind == "c" and target.dtype.kind != "c":
        raise DtypeError(
            message(
                f"{asked}: the weights do not fit",
                [f"expected dtype {target.dtype}", f"found dtype    {seed.dtype}"],
                str(sites.user_line()),
                "Real values have real weights and tangents: pass the real part.",
            )
        )
    return seed if seed.dtype == target.dtype else seed.astype(target.dtype)


def direction(tangent: Any, x: Tensor, asked: str, remembered: bool = False) -> Tensor | None:
    """``tangent`` as a Tensor of the shape and dtype of ``x``; None where it is zero, and nobody asks for slopes in it.

    A zero that is told is a zero at infinite slopes too.  ``remembered``: slopes in it may be asked for later.
    """
    fits = fitting(tangent, x, asked)
    constant = not isinstance(tangent, Tensor | Variable) or not (remembered or is_recording())
    return None if constant and not fits.data.any() else fits


def check_order(order: Any, asked: str) -> None:
    """The order of a derivative is a number that counts: 0, 1, 2, ..."""
    if isinstance(order, bool) or not isinstance(order, int | np.integer) or order < 0:
        raise DtypeError(
            message(
                f"{asked}: the order is {order!r}",
                where=str(sites.user_line()),
                remedy="Give a whole number: 0 for the value itself, 1 for the slope, and so on.",
            )
        )


def warn_user(text: str, category: type[Warning]) -> None:
    """Issue a warning at the user's line, not at gradtape's."""
    users = sites.user_frame(1)
    depth, frame = 1, sys._getframe(1)  # pyright: ignore[reportPrivateUsage]
    while frame is not users and frame.f_back is not None:
        depth, frame = depth + 1, frame.f_back
    warn(text, category, stacklevel=depth + 1)


_UNITS = {"B": 1, "KB": 2**10, "MB": 2**20, "GB": 2**30}


def chunk_of(rows: int | None, budget: int | str | None, asked: str) -> tuple[int | None, int | None]:
    """How many rows of a Jacobian at a time, and how many bytes they may take: a number, or text such as "256MB"."""
    if rows is not None and rows < 1:
        raise ValueError(message(f"{asked}: {rows} rows at a time", remedy="Give a number from 1 on, or None."))
    if budget is None or isinstance(budget, int):
        return rows, budget
    found = re.fullmatch(r"\s*(\d+(?:\.\d*)?)\s*([KMG]?B)\s*", budget, re.IGNORECASE)
    if found is None:
        raise ValueError(message(f"{asked}: budget is {budget!r}", remedy='Give bytes, or text such as "256MB".'))
    return rows, int(float(found[1]) * _UNITS[found[2].upper()])
