"""Marks on the record: where derivatives of every order are right whatever kinks lie before, and where they are not."""

from __future__ import annotations

from typing import Any

from ..errors import GradtapeError, message
from ..record import sites
from ..rules.batching import lanes
from ..rules.kinds import differential, linear

__all__ = ["likelihood_ratio", "limited", "settled"]

settled = linear(
    "settled",
    lambda xp, x: x,
    lambda ct, x: ct,
    batch=lanes,
    doc="The contributions of paths to an expectation, whose kinks an estimator has taken care of.",
    public=False,
)

likelihood_ratio = differential(
    "likelihood_ratio",
    lambda xp, x: xp.ones_like(x)[()],
    lambda y, xs, dxs: y * dxs[0],
    batch=lanes,
    doc="exp(x - x held), which is 1: of log densities, with the derivatives of their ratio (Foerster et al. 2018).",
    public=False,
)


def _next(y: Any, xs: Any, dxs: Any, *, order: int) -> Any:
    """dx, which may be differentiated ``order - 1`` times more."""
    if order == 0:
        raise GradtapeError(
            message(
                "expectation: this derivative would be wrong",
                "several kinks are treated as one, and what it is taken in moves them against each other: the mass "
                "where they meet would be lost",
                str(sites.user_line()),
                "Take it by differences of the derivatives of lower order, at the same seed.",
            )
        )
    return dxs[0] + limited_zero(xs[0], order=order - 1) * dxs[0]


limited = differential(
    "limited",
    lambda xp, x, *, order: x,
    lambda y, xs, dxs, *, order: _next(y, xs, dxs, order=order),
    params={"order": [9]},
    batch=lanes,
    doc="The value, which may be differentiated ``order`` times: the next derivative raises.",
    public=False,
)

limited_zero = differential(
    "limited_zero",
    lambda xp, x, *, order: xp.zeros_like(x)[()],
    lambda y, xs, dxs, *, order: _next(y, xs, dxs, order=order) * 0.0,
    params={"order": [9]},
    batch=lanes,
    doc="Zero, which may be differentiated ``order`` times: the next derivative raises.",
    public=False,
)
