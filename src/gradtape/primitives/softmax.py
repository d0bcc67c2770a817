"""Rows of the softmax family: logsumexp, softmax, log_softmax over one axis or several.

Infinities (singular-points table, rule 11): logsumexp's weights are exp(x - y) with (-inf) - (-inf) := -inf, so
entries at -inf weigh nothing, entries at +inf share all the weight, and where all entries are -inf every weight is
zero.  Derivatives of the weights are polynomials in the weights, so nothing new can become infinite.
"""

from __future__ import annotations

import math
from typing import Any

from ..rules.batching import shift_axis
from ..rules.kinds import differential
from .reductions import spread, sum

_AXES: dict[str, Any] = {"axis": [None, 0, -1]}


def _parts(xp: Any, x: Any, axis: Any) -> tuple[Any, Any, Any]:
    """(the largest entry t, z = x - t, the sum of exp(z)), axes kept; the sum of nothing but -inf counts as 1."""
    top = x.max(axis=axis, keepdims=True) if x.size else x.sum(axis=axis, keepdims=True) - math.inf
    z = x - xp.where(xp.isfinite(top), top, xp.zeros_like(top))
    z = xp.where(top == math.inf, xp.where(x == math.inf, 0, -math.inf), z).astype(x.dtype)
    total = xp.exp(z).sum(axis=axis, keepdims=True)
    return top, z, xp.where(total == 0, xp.ones_like(total), total)


def _logsumexp(xp: Any, x: Any, *, axis: Any = None, keepdims: bool = False) -> Any:
    top, _, total = _parts(xp, x, axis)
    y = top + xp.log(total)  # with the axes kept
    return y if keepdims else y.sum(axis=axis)  # over axes of length 1


def _plain(y: Any) -> Any:
    return y[()] if y.ndim == 0 else y


def _softmax(xp: Any, x: Any, *, axis: Any = -1) -> Any:
    _, z, total = _parts(xp, x, axis)
    return _plain(xp.exp(z) / total)


def _log_softmax(xp: Any, x: Any, *, axis: Any = -1) -> Any:
    _, z, total = _parts(xp, x, axis)
    return _plain(z - xp.log(total))


def _cases(rng: Any) -> list[Any]:
    shapes: list[tuple[tuple[int, ...], tuple[Any, ...]]] = [
        ((), (None,)), ((3,), (None, 0)), ((1,), (-1,)), ((2, 3), (None, 0, -1, (0, 1))), ((2, 3, 2), (1, (0, -1))),
    ]  # fmt: skip
    return [((rng.normal(size=shape),), {"axis": a}) for shape, axes in shapes for a in axes]


def _less(v: Any, y: Any, axis: Any) -> Any:
    """v - y sum(v)."""
    return v - y * sum(v, axis=axis, keepdims=True)


softmax = differential(
    "softmax",
    _softmax,
    lambda y, xs, dxs, *, axis=-1: _less(y * dxs[0], y, axis),
    vjp=lambda ct, y, x, *, axis=-1: (_less(y * ct, y, axis),),
    params=_AXES,
    sample=_cases,
    singular={"all -inf": "zeros"},
    batch=shift_axis("axis", default=-1),
    doc="""exp(x) / sum(exp(x)) over an axis, without overflow.

    Entries at -inf get nothing; where all entries are -inf, all are 0; entries at +inf share everything.

    >>> import gradtape as gt
    >>> gt.softmax(gt.asarray([0.0, 0.0]))
    Tensor([0.5, 0.5])
    """,
)

logsumexp = differential(
    "logsumexp",
    _logsumexp,
    lambda y, xs, dxs, *, axis=None, keepdims=False: sum(
        softmax(xs[0], axis=axis) * dxs[0], axis=axis, keepdims=keepdims
    ),
    vjp=lambda ct, y, x, *, axis=None, keepdims=False: (softmax(x, axis=axis) * spread(ct, shape=x.shape, axis=axis),),
    params={**_AXES, "keepdims": [False, True]},
    sample=lambda rng: [(xs, {**p, "keepdims": k}) for xs, p in _cases(rng) for k in (False, True)],
    singular={"-inf": "weighs nothing, even among its like", "+inf": "takes all the weight"},
    batch=shift_axis("axis"),
    doc="""log(sum(exp(x))) over axes, without overflow; its gradient is softmax(x).

    >>> import gradtape as gt
    >>> gt.logsumexp(gt.asarray([1000.0, 1000.0]))
    Tensor(1000.6931471805599)
    """,
)

log_softmax = differential(
    "log_softmax",
    _log_softmax,
    lambda y, xs, dxs, *, axis=-1: dxs[0] - sum(softmax(xs[0], axis=axis) * dxs[0], axis=axis, keepdims=True),
    vjp=lambda ct, y, x, *, axis=-1: (_less(ct, softmax(x, axis=axis), axis),),
    params=_AXES,
    sample=_cases,
    singular={"-inf": "stays -inf and has no influence"},
    batch=shift_axis("axis", default=-1),
    doc="""log(softmax(x)) over an axis, accurate where softmax underflows.

    >>> import gradtape as gt
    >>> gt.log_softmax(gt.asarray([0.0, -1000.0]))
    Tensor([    0., -1000.])
    """,
)
