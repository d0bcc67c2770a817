"""Rows that run along an axis: cumsum, cumprod, cummax, cummin, cumulative_logsumexp.

cumsum is linear; its transpose is the same from the other end.  The others differentiate as a scan in log2(n)
steps (Hillis & Steele 1986), each step one application of the operation they repeat, so what is right for that
operation is right for its scan: products stay polynomials (zeros do no harm at any order), log-sums stay stable.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..rules.batching import shift_axis
from ..rules.kinds import composite, linear
from .indexing import getitem
from .joining import concat
from .polar import logaddexp
from .selection import maximum, minimum

_AXIS: dict[str, Any] = {"axis": [0, -1]}


def _cases(rng: Any) -> list[Any]:
    shapes: list[tuple[tuple[int, ...], tuple[int, ...]]] = [
        ((1,), (0,)), ((5,), (0, -1)), ((2, 3), (0, 1)), ((0,), (0,)), ((2, 0), (0, 1)),
    ]  # fmt: skip
    return [((rng.normal(size=shape),), {"axis": a}) for shape, axes in shapes for a in axes]


def _cumsum(xp: Any, x: Any, *, axis: int, reverse: bool = False) -> Any:
    if reverse:
        return xp.flip(xp.cumsum(xp.flip(x, axis=axis), axis=axis), axis=axis)
    return x.cumsum(axis=axis)


cumsum = linear(
    "cumsum",
    _cumsum,
    lambda ct, x, *, axis, reverse=False: cumsum(ct, axis=axis, reverse=not reverse),
    params={**_AXIS, "reverse": [False, True]},
    moves=True,
    sample=lambda rng: [(xs, {**p, "reverse": r}) for xs, p in _cases(rng) for r in (False, True)],
    batch=shift_axis("axis"),
    doc="Running sum along an axis: y_k = x_0 + ... + x_k; from the other end if ``reverse``.",
    public=False,
)


def _between(axis: int, ndim: int, start: int | None, stop: int | None) -> tuple[Any, ...]:
    return (*(slice(None),) * (axis % ndim), slice(start, stop))


def scan(combine: Callable[[Any, Any], Any], x: Any, axis: int) -> Any:
    """Run an associative operation along ``axis``: after step s every entry combines the 2^s entries up to it."""
    n, ndim, done = x.shape[axis], len(x.shape), 1
    while done < n:
        earlier = getitem(x, index=_between(axis, ndim, None, n - done))
        later = getitem(x, index=_between(axis, ndim, done, None))
        first = getitem(x, index=_between(axis, ndim, None, done))
        x = concat(first, combine(later, earlier), axis=axis)
        done *= 2
    return x


def _scanned(name: str, accumulate: str, combine: Callable[[Any, Any], Any], doc: str, singular: dict[str, str]) -> Any:
    def impl(xp: Any, x: Any, *, axis: int) -> Any:
        return getattr(xp, accumulate).accumulate(x, axis=axis)

    def body(x: Any, *, axis: int) -> Any:
        return scan(combine, x, axis)

    return composite(
        name,
        impl,
        body,
        params=_AXIS,
        sample=_cases,
        batch=shift_axis("axis"),
        singular=singular,
        doc=doc,
        public=False,
    )


cumprod = _scanned(
    "cumprod",
    "multiply",
    lambda a, b: a * b,
    "Running product along an axis: y_k = x_0 ... x_k.",
    {"zeros": "polynomials: right with any number of zeros, to every order"},
)
cummax = _scanned(
    "cummax",
    "maximum",
    maximum,
    "Running maximum along an axis: y_k = max(x_0, ..., x_k).",
    {"ties": "shared, as by maximum"},
)
cummin = _scanned(
    "cummin",
    "minimum",
    minimum,
    "Running minimum along an axis: y_k = min(x_0, ..., x_k).",
    {"ties": "shared, as by minimum"},
)
cumulative_logsumexp = _scanned(
    "cumulative_logsumexp",
    "logaddexp",
    logaddexp,
    "Running log-sum-exp along an axis: y_k = log(exp(x_0) + ... + exp(x_k)).",
    {"-inf": "as logaddexp"},
)
