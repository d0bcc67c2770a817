"""Derivatives of any order along a path: jet, derivative, partial."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import wraps
from typing import Any

import numpy as np

from . import asking, trees
from .errors import TreeError, message
from .explain import kinked
from .operators import fresh
from .record import sites
from .record.segment import Window
from .record.tensor import Tensor
from .record.variable import Variable
from .sweeps.expansion import expansions
from .sweeps.query import ones

_gradtape_composes = True

__all__ = ["derivative", "jet", "partial"]


def jet(f: Callable[..., Any], primals: Sequence[Any], series: Sequence[Sequence[Any]]) -> tuple[Any, list[Any]]:
    """``(f(*primals), series_out)``: derivatives of ``f`` along a path, given those of the arguments.

    ``series[i]`` lists the derivatives d^k x_i/dt^k, k = 1 .. K, not divided by factorials; so does the result.
    One Taylor sweep, cost about K^2/2 times that of ``f`` (Griewank & Walther, ch. 13).

    >>> import gradtape as gt
    >>> y, (dy, ddy, dddy) = gt.jet(gt.sin, (0.0,), ([1.0, 0.0, 0.0],))
    >>> dy, ddy, dddy
    (Tensor(1.0), Tensor(-0.0), Tensor(-1.0))
    """
    orders = {len(s) for s in series}
    if len(primals) != len(series) or len(orders) != 1:
        raise TreeError(
            message(
                "jet: one list of derivatives per argument, all of one length",
                [f"{len(primals)} arguments, lists of length {[len(s) for s in series]}"],
                str(sites.user_line()),
                "Write gt.jet(f, (x,), ([1.0, 0.0],)) for the first two derivatives along x.",
            )
        )
    (order,) = orders
    args, _ = fresh(primals, range(len(primals)))
    with Window() as window:
        y = f(*args)
    given: dict[Tensor, list[Any]] = {}
    for x, derivatives in zip(args, series, strict=True):
        leaves = trees.flatten(x)[0]
        each = [trees.flatten_like(x, d, "jet: series") for d in derivatives]
        for i, leaf in enumerate(leaves):
            value = leaf.value if isinstance(leaf, Variable) else leaf
            given[value] = [asking.direction(d[i], value, "jet") for d in each]
    outputs, structure = trees.flatten(y)
    kinked.check(window.segments, _tensors(outputs), given, order)
    found = expansions(window.entries(), given, outputs, order)
    return y, [trees.unflatten(structure, [o[k] for o in found]) for k in range(order)]


def derivative(f: Callable[..., Any], order: int = 1) -> Callable[..., Any]:
    """The function ``x -> d^order f / dx^order``, element by element along the path x + t.

    For a scalar x the derivative of that order; for an array x, the ``order``-th derivative along the direction of all
    ones, which for a function that acts on each element by itself is the element's own derivative.  One Taylor sweep.

    >>> import gradtape as gt
    >>> gt.derivative(gt.exp, order=8)(0.0)
    Tensor(1.0)
    """

    asking.check_order(order, "derivative")

    @wraps(f)
    def along(x: Any) -> Any:
        if order == 0:
            return f(x)
        (x,), _ = fresh((x,), 0)
        with Window() as window:
            y = f(x)
        outputs, structure = trees.flatten(y)
        kinked.check(window.segments, _tensors(outputs), [x], order)
        found = expansions(window.entries(), {x: [ones(x)]}, outputs, order)
        return trees.unflatten(structure, [o[-1] for o in found])

    return along


def partial(f: Callable[..., Any], orders: Sequence[int]) -> Callable[..., Any]:
    """The mixed partial derivative of ``f``: ``orders[i]`` times with respect to variable i.

    The variables are the elements of one array argument, in order, or the arguments themselves: ``partial(f, (2, 1))``
    is d^3 f / dx_0^2 dx_1 of ``f(x)`` with two elements, and d^3 f / dx^2 dy of ``f(x, y)``; arguments that are arrays
    are varied element by element, as in :func:`derivative`.  One jet within another for each variable: without the
    cancellation of polarisation formulas.

    >>> import gradtape as gt
    >>> gt.partial(lambda x: x[0] ** 3 * x[1] ** 2 * x[2], (2, 0, 1))([2.0, 3.0, 5.0])
    Tensor(108.0)
    >>> gt.partial(lambda x, y: x**2 * gt.sin(y), (2, 1))(1.0, 0.0)
    Tensor(2.0)
    """
    orders = tuple(orders)

    @wraps(f)
    def mixed(*args: Any) -> Any:
        args, _ = fresh(args, range(len(args)))
        single = len(args) == 1 and len(orders) > 1
        count = args[0].size if single else len(args)
        if count != len(orders) or any(n < 0 for n in orders):
            raise TreeError(
                message(
                    f"partial: {orders} does not fit",
                    f"{count} variables",
                    str(sites.user_line()),
                    "Give one order, 0 or more, per element of the argument, or per argument.",
                )
            )

        def unit(i: int) -> list[Any]:
            if not single:
                return [ones(x) if j == i else None for j, x in enumerate(args)]
            v = np.zeros(count, args[0].dtype)
            v[i] = 1
            return [Tensor(v.reshape(args[0].shape)[()])]

        g = f
        for i, n in enumerate(orders):
            if n:
                g = _along(g, unit(i), n)
        return g(*args)

    return mixed


def _tensors(outputs: Sequence[Any]) -> list[Tensor]:
    return [y for y in outputs if isinstance(y, Tensor)]


def _along(f: Callable[..., Any], direction: Sequence[Any], order: int) -> Callable[..., Any]:
    """The derivative of that order of ``f`` along ``direction``, one Tensor or None per argument."""

    def g(*args: Any) -> Any:
        args, _ = fresh(args, range(len(args)))
        with Window() as window:
            y = f(*args)
        outputs, structure = trees.flatten(y)
        given = {x: [v] for x, v in zip(args, direction, strict=True) if v is not None}
        kinked.check(window.segments, _tensors(outputs), given, order)
        return trees.unflatten(structure, [o[-1] for o in expansions(window.entries(), given, outputs, order)])

    return g
