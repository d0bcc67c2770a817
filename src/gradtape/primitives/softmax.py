"""Rows of the softmax family: logsumexp, softmax, log_softmax over one axis or several.

Infinities (singular-points table, rule 11): logsumexp's weights are exp(x - y) with (-inf) - (-inf) := -inf, so
entries at -inf weigh nothing, entries at +inf share all the weight, and where all entries are -inf every weight is
zero.  Derivatives of the weights are polynomials in the weights, so nothing new can become infinite.

A weight y near 1 has the slope y (1 - y), which is lost in rounding from a margin of 37 on (rule 5).  The slopes of all
weights sum to zero, so everything is measured from the largest entry: its own part is then exactly zero, and its slope
the sum of the others', however small.
"""

from __future__ import annotations

import math
from typing import Any

from ..rules.batching import shift_axis
from ..rules.kinds import differential, linear
from .reductions import any, axes_of, spread, sum
from .shapes import broadcast_to

_AXES: dict[str, Any] = {"axis": [None, 0, -1]}


def _parts(xp: Any, x: Any, axis: Any) -> tuple[Any, Any, Any]:
    """(the largest entry t, z = x - t, the sum of exp(z)), axes kept; the sum of nothing but -inf counts as 1."""
    top = x.max(axis=axis, keepdims=True) if x.size else x.sum(axis=axis, keepdims=True) - math.inf
    z = x - xp.where(xp.isfinite(top), top, xp.zeros_like(top))
    z = xp.where(top == math.inf, xp.where(x == math.inf, 0, -math.inf), z).astype(x.dtype)
    total = xp.exp(z).sum(axis=axis, keepdims=True)
    return top, z, xp.where(total == 0, xp.ones_like(total), total)


def _is_peak(xp: Any, x: Any, axis: Any) -> Any:
    """True at the first largest entry over the axes, and nowhere else."""
    axes = axes_of(axis, x.ndim)
    if not x.ndim or not axes:
        return xp.ones(x.shape, dtype=bool)
    if not x.size:
        return xp.zeros(x.shape, dtype=bool)
    order = (*[i for i in range(x.ndim) if i not in axes], *axes)
    last = xp.transpose(x, order)
    flat = xp.reshape(last, (*last.shape[: x.ndim - len(axes)], -1))
    peak = xp.arange(flat.shape[-1]) == xp.argmax(flat, axis=-1)[..., None]
    back = tuple([order.index(i) for i in range(x.ndim)])
    return xp.transpose(xp.reshape(peak, last.shape), back)


def _log_total(xp: Any, z: Any, axis: Any) -> Any:
    """log(sum(exp(z))) where the largest z is 0: log1p of what the others sum to, which may be far below rounding."""
    e = xp.exp(z)
    others = xp.where(_is_peak(xp, z, axis), e - e, e).sum(axis=axis, keepdims=True)  # nan stays nan
    return xp.log1p(others)


def _logsumexp(xp: Any, x: Any, *, axis: Any = None, keepdims: bool = False) -> Any:
    top, z, _ = _parts(xp, x, axis)
    y = top + _log_total(xp, z, axis)  # with the axes kept
    return y if keepdims else y.sum(axis=axis)  # over axes of length 1


def _plain(y: Any) -> Any:
    return y[()] if y.ndim == 0 else y


def _softmax(xp: Any, x: Any, *, axis: Any = -1) -> Any:
    _, z, total = _parts(xp, x, axis)
    return _plain(xp.exp(z) / total)


def _log_softmax(xp: Any, x: Any, *, axis: Any = -1) -> Any:
    _, z, _ = _parts(xp, x, axis)
    return _plain(z - _log_total(xp, z, axis))


def _cases(rng: Any) -> list[Any]:
    shapes: list[tuple[tuple[int, ...], tuple[Any, ...]]] = [
        ((), (None,)), ((3,), (None, 0)), ((1,), (-1,)), ((2, 3), (None, 0, -1, (0, 1))), ((2, 3, 2), (1, (0, -1))),
    ]  # fmt: skip
    return [((rng.normal(size=shape),), {"axis": a}) for shape, axes in shapes for a in axes]


# -- measuring from the largest entry --------------------------------------------------------------------------------


def _from_peak(xp: Any, x: Any, y: Any, *, axis: Any = -1) -> Any:
    peak = _is_peak(xp, y, axis)
    return _plain(x - xp.where(peak, x, 0).sum(axis=axis, keepdims=True) if x.ndim else x - x)


def _onto_peak(xp: Any, x: Any, y: Any, *, axis: Any = -1) -> Any:
    peak = _is_peak(xp, y, axis)
    others = xp.where(peak, 0, x).astype(x.dtype)
    return _plain(xp.where(peak, -others.sum(axis=axis, keepdims=True), x).astype(x.dtype) if x.ndim else x - x)


def _pairs(rng: Any) -> list[Any]:
    return [((x, rng.normal(size=x.shape)), p) for (x,), p in _cases(rng)]


def _whole(alive: Any, i: int, x: Any, y: Any, *, axis: Any = -1) -> Any:
    return broadcast_to(any(alive, axis=axis, keepdims=True), shape=alive.shape) if alive.ndim else alive


from_peak = linear(
    "from_peak",
    _from_peak,
    lambda ct, x, y, *, axis=-1: onto_peak(ct, y, axis=axis),
    None,
    params=_AXES,
    met=_whole,
    sample=_pairs,
    batch=shift_axis("axis", default=-1),
    doc="x less its entry where y is largest: exactly 0 there.",
    public=False,
)
onto_peak = linear(
    "onto_peak",
    _onto_peak,
    lambda ct, x, y, *, axis=-1: from_peak(ct, y, axis=axis),
    None,
    params=_AXES,
    met=_whole,
    sample=_pairs,
    batch=shift_axis("axis", default=-1),
    doc="x, but minus the sum of the others where y is largest: what from_peak hands back.",
    public=False,
)

# -- the family ------------------------------------------------------------------------------------------------------


def _centred(v: Any, y: Any, axis: Any) -> Any:
    """v less its mean with the weights y, measured from the largest weight."""
    v = from_peak(v, y, axis=axis)
    return v - sum(y * v, axis=axis, keepdims=True)


def _log_softmax_vjp(ct: Any, y: Any, x: Any, *, axis: Any = -1) -> tuple[Any]:
    """Its entries sum to zero, so the largest one is what the others leave."""
    weights = softmax(x, axis=axis)
    return (onto_peak(ct - weights * sum(ct, axis=axis, keepdims=True), weights, axis=axis),)


softmax = differential(
    "softmax",
    _softmax,
    lambda y, xs, dxs, *, axis=-1: y * _centred(dxs[0], y, axis),
    vjp=lambda ct, y, x, *, axis=-1: (y * _centred(ct, y, axis),),
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
    lambda y, xs, dxs, *, axis=-1: _centred(dxs[0], softmax(xs[0], axis=axis), axis),
    vjp=_log_softmax_vjp,
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
