"""Rows that reduce over axes: sum, mean, prod, max, min, any, all, var, std.

Everywhere ``axis`` is None (all axes), an integer or a tuple of integers, and ``keepdims`` keeps the reduced axes
at length 1.

Conventions (singular-points table, rules 2, 4 and 8): max and min split evenly over all ties; prod is a
polynomial, so it is never divided by its factors; std has derivative 0 where nothing is spread.
"""

from __future__ import annotations

from typing import Any

from ..rules.batching import Batched, shift_axis, shifted
from ..rules.kinds import composite, constant, differential, linear
from ..rules.lanes import Lanes
from .indexing import getitem
from .joining import concat
from .selection import where
from .shapes import reshape, transpose

_AXES: dict[str, Any] = {"axis": [None, 0, -1, (0, 1)], "keepdims": [False, True]}
_OVER = shift_axis("axis")


def axes_of(axis: Any, ndim: int) -> tuple[int, ...]:
    """The reduced axes as a tuple of numbers from 0 on."""
    if axis is None:
        return tuple(range(ndim))
    return tuple([a % ndim if ndim else a for a in (axis if isinstance(axis, tuple) else (axis,))])


def kept(shape: tuple[int, ...], axis: Any) -> tuple[int, ...]:
    """``shape`` with the reduced axes at length 1."""
    axes = axes_of(axis, len(shape))
    return tuple([1 if i in axes else n for i, n in enumerate(shape)])


def count_over(shape: tuple[int, ...], axis: Any) -> int:
    """How many elements go into one result."""
    n = 1
    for a in axes_of(axis, len(shape)):
        n *= shape[a]
    return n


def reduction_cases(rng: Any) -> list[Any]:
    """Points for rows that reduce: 0-d, one axis, several, length 1 and empty."""
    cases: list[Any] = []
    for shape, axes in (((), (None, ())), ((3,), (None, 0, -1)), ((1,), (0,)), ((2, 3), (None, 0, 1, (0, 1), ()))):
        cases += [((rng.normal(size=shape),), {"axis": a, "keepdims": k}) for a in axes for k in (False, True)]
    return [*cases, ((rng.normal(size=(2, 3, 2)),), {"axis": (0, -1), "keepdims": False})]


def _cases_and_empty(rng: Any) -> list[Any]:
    return [
        *reduction_cases(rng),
        ((rng.normal(size=(0,)),), {"axis": None, "keepdims": False}),
        ((rng.normal(size=(2, 0)),), {"axis": 1, "keepdims": True}),
    ]


# -- sum and its transpose ------------------------------------------------------------------------------


def _spread(xp: Any, x: Any, *, shape: tuple[int, ...], axis: Any = None) -> Any:
    if x.ndim == 0 and len(shape) and count_over(shape, None) < 4096:
        return xp.full(shape, x, dtype=x.dtype)  # several times faster than a small broadcast
    if not shape:
        return x.reshape(shape)[()]
    return xp.broadcast_to(x.reshape(kept(shape, axis)), shape)


def _spread_batch(size: int, flags: Any, xs: Any, params: Any) -> Batched:
    shape = params["shape"]
    return xs, {"shape": (size, *shape), "axis": shifted(params.get("axis"), len(shape))}


spread = linear(
    "spread",
    _spread,
    lambda ct, x, *, shape, axis=None: reshape(sum(ct, axis=axis), shape=x.shape),
    params={"shape": [(2, 3)], "axis": [None, 0, 1]},
    moves=True,
    sample=lambda rng: [
        ((rng.normal(size=()),), {"shape": (2, 3), "axis": None}),
        ((rng.normal(size=()),), {"shape": (), "axis": None}),
        ((rng.normal(size=(3,)),), {"shape": (2, 3), "axis": 0}),
        ((rng.normal(size=(2, 1)),), {"shape": (2, 3), "axis": -1}),
        ((rng.normal(size=(2,)),), {"shape": (2, 0), "axis": 1}),
    ],
    batch=_spread_batch,
    doc="Repeat the result of a reduction over ``axis`` back to ``shape``: the transpose of sum.",
    public=False,
)

sum = linear(
    "sum",
    lambda xp, x, *, axis=None, keepdims=False: x.sum(axis=axis, keepdims=keepdims),
    lambda ct, x, *, axis=None, keepdims=False: spread(ct, shape=x.shape, axis=axis),
    params=_AXES,
    moves=True,
    sample=_cases_and_empty,
    batch=_OVER,
    doc="""Sum over axes: y = sum_i x_i.

    >>> import gradtape as gt
    >>> x = gt.asarray([[1.0, 2.0], [3.0, 4.0]])
    >>> gt.sum(x), gt.sum(x, axis=0)
    (Tensor(10.0), Tensor([4., 6.]))
    """,
)


def _mean(xp: Any, x: Any, *, axis: Any = None, keepdims: bool = False) -> Any:
    if x.dtype.kind in "fc" and x.dtype.itemsize == 2:
        return xp.mean(x, axis=axis, keepdims=keepdims)  # half precision: sums in a wider type
    return x.sum(axis=axis, keepdims=keepdims) / count_over(x.shape, axis)


mean = linear(
    "mean",
    _mean,
    lambda ct, x, *, axis=None, keepdims=False: spread(ct / max_1(count_over(x.shape, axis)), shape=x.shape, axis=axis),
    params=_AXES,
    moves=True,
    sample=reduction_cases,
    batch=_OVER,
    doc="""Mean over axes: y = sum_i x_i / n.

    >>> import gradtape as gt
    >>> gt.mean(gt.asarray([1.0, 2.0, 6.0]))
    Tensor(3.0)
    """,
)


def max_1(n: int) -> int:
    """A number of elements to divide by: at least 1, since an empty reduction has nothing to hand back."""
    return n or 1


# -- prod ---------------------------------------------------------------------------------------------


def _product_tree(x: Any, *, axis: Any = None, keepdims: bool = False) -> Any:
    """Multiply halves with halves: a polynomial, right with zeros at every order."""
    shape = x.shape
    axes = axes_of(axis, len(shape))
    rest = [i for i in range(len(shape)) if i not in axes]
    n = count_over(shape, axis)
    order = (*axes, *rest)
    x = x if order == tuple(range(len(shape))) else transpose(x, axes=order)
    x = reshape(x, shape=(n, *[shape[i] for i in rest]))
    while n > 1:
        half = n // 2
        pairs = getitem(x, index=(slice(0, half),)) * getitem(x, index=(slice(half, 2 * half),))
        x = pairs if n == 2 * half else concat(pairs, getitem(x, index=(slice(n - 1, n),)), axis=0)
        n = n - half
    y = getitem(x, index=(0,)) if n else sum(x, axis=0) + 1.0
    return reshape(y, shape=kept(shape, axis)) if keepdims else y


prod = composite(
    "prod",
    lambda xp, x, *, axis=None, keepdims=False: x.prod(axis=axis, keepdims=keepdims),
    _product_tree,
    params=_AXES,
    sample=_cases_and_empty,
    singular={"zeros": "a polynomial: right with any number of zeros, to every order"},
    batch=_OVER,
    doc="""Product over axes: y = prod_i x_i.

    Its derivatives are products of the other factors, never a quotient, so zeros do no harm.

    >>> import gradtape as gt
    >>> x = gt.asarray([0.0, 2.0, 3.0])
    >>> with gt.GradientTape() as tape:
    ...     y = gt.prod(x)
    >>> tape.gradient(y, x)
    Tensor([6., 0., 0.])
    """,
)


# -- max and min ----------------------------------------------------------------------------------------

#: Where the extremum is attained; where there is a NaN, that is the extremum.
attained = constant(
    "attained",
    lambda xp, x, y, *, axis=None: xp.logical_or(x == y.reshape(kept(x.shape, axis)), x != x),
    arity=2,
    params={"axis": [None, 0, -1]},
    sample=lambda rng: [((x := rng.normal(size=(2, 3)), x.max(axis=0)), {"axis": 0})],
    batch=_OVER,
    doc="Where ``x`` equals its extremum ``y`` over ``axis`` (or is NaN).",
    public=False,
)


def _extremum_differential(y: Any, xs: Any, dxs: Any, *, axis: Any = None, keepdims: bool = False) -> Any:
    """The mean of dx over the places where the extremum is attained; the others have no influence at all."""
    won = attained(xs[0], y, axis=axis)
    ties = sum(where(won, 1.0, 0.0), axis=axis, keepdims=keepdims)
    return sum(where(won, dxs[0], 0.0), axis=axis, keepdims=keepdims) / ties


def _extremum_vjp(ct: Any, y: Any, x: Any, *, axis: Any = None, keepdims: bool = False) -> tuple[Any]:
    won = attained(x, y, axis=axis)
    ties = sum(where(won, 1.0, 0.0), axis=axis, keepdims=keepdims)
    share = spread(ct / ties, shape=x.shape, axis=axis)
    return (Lanes(where(won, share, 0.0), won),)


def _extremum(name: str, word: str) -> Any:
    return differential(
        name,
        lambda xp, x, *, axis=None, keepdims=False: getattr(x, name)(axis=axis, keepdims=keepdims),
        _extremum_differential,
        vjp=_extremum_vjp,
        params=_AXES,
        sample=reduction_cases,
        batch=_OVER,
        singular={"ties": "splits evenly over all ties, with second derivative 0"},
        doc=f"""The {word} element over axes; the derivative is split evenly over ties.

    Elements that are not the {word} have no influence on any derivative, even where they are infinite.

    >>> import gradtape as gt
    >>> x = gt.asarray([2.0, 2.0, 2.0, 2.0])
    >>> with gt.GradientTape() as tape:
    ...     y = gt.{name}(x)
    >>> tape.gradient(y, x)
    Tensor([0.25, 0.25, 0.25, 0.25])
    """,
    )


max = _extremum("max", "largest")
min = _extremum("min", "smallest")

any = constant(
    "any",
    lambda xp, x, *, axis=None, keepdims=False: xp.any(x, axis=axis, keepdims=keepdims),
    params=_AXES,
    batch=_OVER,
    doc="""Whether any element over axes is true (non-zero).

    >>> import gradtape as gt
    >>> gt.any(gt.asarray([0.0, 2.0]))
    Tensor(True)
    """,
)
all = constant(
    "all",
    lambda xp, x, *, axis=None, keepdims=False: xp.all(x, axis=axis, keepdims=keepdims),
    params=_AXES,
    batch=_OVER,
    doc="""Whether all elements over axes are true (non-zero).

    >>> import gradtape as gt
    >>> gt.all(gt.asarray([0.0, 2.0]))
    Tensor(False)
    """,
)
