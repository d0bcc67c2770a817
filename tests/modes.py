"""What holds for every row in forward and Taylor mode: one statement each, as in ``laws``.

A nesting is a word of letters F (forward) and R (reverse), the innermost first: RF is the derivative by reverse mode,
differentiated by forward mode.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import product
from typing import Any

import numpy as np

import gradtape as gt
from gradtape.rules.primitive import Primitive
from gradtape.testing.tools import (
    evaluate,
    inner,
    like,
    nested,
    nested_jvp,
    path,
    pullback,
    pushed,
    size,
    tensors,
)
from tests import cases as table
from tests.cases import Case
from tests.laws import FLOOR, WIDER, Law, differentiable, nonempty, rest, some

#: Relative disagreement allowed between ways to compute one number, by the order of the derivative.
ROUNDING = {1: 1e-13, 2: 1e-12, 3: 1e-11, 4: 1e-10, 5: 1e-9, 6: 1e-8}

#: Laws of this file that do not hold yet: (row, law, why).  Strict, as in ``laws``.
KNOWN_GAPS: list[tuple[str, str, str]] = []


def by(word: str, case: Case, cts: Sequence[Any], directions: Sequence[Sequence[Any]]) -> tuple[float, float]:
    """D^n <cts, row>[directions], by the nesting ``word``, and what it would be if nothing cancelled."""
    return nested(word, case.function(), case.xs, cts, directions)


def limit(case: Case, law: str, order: int) -> float:
    return ROUNDING[order] * WIDER.get((case.row.name, law), (1.0, ""))[0]


# -- the laws -------------------------------------------------------------------------------------------------


def tangent(case: Case) -> None:
    """<ct, J v> = <J' ct, v> to rounding; J v has the output's shape and dtype, by every way of asking for it."""
    f, xs = case.function(), tensors(case.xs)
    rng = case.rng("tangent")
    vs, cts = tensors(like(rng, case.xs)), tensors(like(rng, evaluate(f, case.xs)))
    with np.errstate(all="ignore"):
        ys, dys = gt.jvp(lambda *xs: f(xs), tuple(xs), tuple(vs))
        with gt.ForwardAccumulator(xs, vs) as accumulator:
            again = f(xs)
        raws = accumulator.jvp(again, unconnected_gradients="zero")
        with gt.GradientTape(), gt.ForwardAccumulator(xs, vs) as accumulator:
            again = f(xs)
        recorded = accumulator.jvp(again, unconnected_gradients="zero")
    for y, dy, a, b in zip(ys, dys, raws, recorded, strict=True):
        assert type(dy) is gt.Tensor
        assert dy.shape == y.shape, f"tangent of shape {dy.shape} for an output of {y.shape}"
        assert dy.dtype == y.dtype, f"tangent of dtype {dy.dtype} for an output of {y.dtype}"
        assert not (isinstance(dy.data, np.ndarray) and dy.ndim == 0), "a 0-d tangent is not a scalar"
        np.testing.assert_array_equal(a.data, dy.data)
        np.testing.assert_allclose(b.data, dy.data, rtol=1e-13, atol=1e-15)
    gradients = pullback(f, xs, cts)
    left, right = float(inner(cts, dys)), float(inner(gradients, vs))
    scale = size(cts, dys) + size(gradients, vs)
    eps = max((float(np.finfo(x.dtype).eps) for x in case.xs), default=0.0)
    allowed = max(limit(case, "tangent", 1), 400 * eps)
    assert abs(left - right) <= allowed * scale + FLOOR, f"<ct, J v> = {left!r}, <J' ct, v> = {right!r}"


def nestings(order: int) -> Callable[[Case], None]:
    def law(case: Case) -> None:
        rng = case.rng(f"nestings {order}")
        cts = like(rng, evaluate(case.function(), case.xs))
        directions = [like(rng, case.xs) for _ in range(order)]
        expected, scale = by("R" * order, case, cts, directions)
        for word in ("".join(letters) for letters in product("FR", repeat=order)):
            if word == "R" * order:
                continue
            found, other = by(word, case, cts, directions)
            allowed = limit(case, f"nestings-{order}", order) * (scale + other) + FLOOR * 10**order
            assert abs(found - expected) <= allowed, f"{word}: {found!r}, {'R' * order}: {expected!r}"

    law.__doc__ = f"Derivative {order} is the same by every nesting of forward and reverse mode."
    return law


def jets(orders: Sequence[int]) -> Callable[[Case], None]:
    def law(case: Case) -> None:
        rng = case.rng("jet")
        top = max(orders)
        curve = [[d * 0.5**k for k, d in enumerate(like(rng, [x] * top))] for x in case.xs]
        f = case.function()
        with np.errstate(all="ignore"):
            ys, found = gt.jet(lambda *xs: f(xs), tuple(tensors(case.xs)), [tensors(ds) for ds in curve])
        at = path(case.xs, curve)
        for k in orders:
            expected = nested_jvp(lambda t: f(at(t)), k)
            for y, a, b in zip(ys, found[k - 1], expected, strict=True):
                assert a.shape == y.shape, f"coefficient {k}: shape {a.shape} for an output of {y.shape}"
                assert a.dtype == y.dtype, f"coefficient {k}: dtype {a.dtype} for an output of {y.dtype}"
                scale = float(np.max(np.abs(b.data), initial=0.0)) + 1e-3
                allowed = limit(case, "jet", k) * scale
                np.testing.assert_allclose(a.data, b.data, rtol=0, atol=allowed, err_msg=f"derivative {k}")

    law.__doc__ = "k! y[k] along a random curve is the k-fold nested JVP."
    return law


def recorded_jet(case: Case) -> None:
    """The gradient of a jet's coefficient is the derivative one order up; a JVP of it too."""
    rng = case.rng("recorded jet")
    f, xs = case.function(), case.xs
    vs, us, cts = like(rng, xs), like(rng, xs), like(rng, evaluate(f, xs))

    def second(points: Sequence[Any]) -> list[Any]:
        series = [[v, gt.Tensor(np.zeros_like(v.data))] for v in tensors(vs)]
        return gt.jet(lambda *xs: f(xs), tuple(points), series)[1][1]

    expected, scale = by("FFF", case, cts, [vs, vs, us])
    with np.errstate(all="ignore"):
        gradients = pullback(second, tensors(xs), tensors(cts))
        tangents = pushed(second, tensors(xs), tensors(us))
    for name, found, other in [
        ("gradient", inner(gradients, us), size(gradients, us)),
        ("jvp", inner(cts, tangents), size(cts, tangents)),
    ]:
        allowed = limit(case, "recorded-jet", 3) * (scale + other) + FLOOR * 1e3
        assert abs(float(found) - expected) <= allowed, f"{name} of a jet: {float(found)!r}, D^3 f = {expected!r}"


def zero_tangent(case: Case) -> None:
    """What has no tangent costs no entries, in forward mode and in Taylor mode."""
    f, xs = case.function(), tensors(case.xs)
    vs = tensors(like(case.rng("zero tangent"), case.xs))
    stranger = gt.Tensor(np.float64(1.0))

    def entries(accumulator: Any, asked: bool = True) -> int:
        with gt.GradientTape() as tape:
            with accumulator:
                ys = f(xs)
            if asked:
                accumulator.jvp(list(ys), unconnected_gradients="zero")
        return tape.stats()["entries"]

    with np.errstate(all="ignore"):
        with gt.GradientTape() as tape:
            ys = f(xs)
        alone = tape.stats()["entries"]
        accumulator = gt.ForwardAccumulator(stranger, 1.0)
        assert entries(accumulator) == alone, "a source that was not used made entries"
        assert accumulator.jvp(list(ys)) == [None] * len(ys)
        together = entries(gt.ForwardAccumulator(xs, vs))
        for x, v in zip(xs, vs, strict=True):
            # One sum less, and perhaps a broadcast in its place.
            assert entries(gt.ForwardAccumulator([x], [v])) <= together + 1


def forward_lanes(case: Case) -> None:
    """Lanes that ``where`` did not choose are zero in forward and Taylor mode, and in every nesting of two."""
    row, xs, f = case.row, case.xs, case.function()
    rng = case.rng("forward lanes")
    (y,) = evaluate(f, xs)
    mask = (rng.random(np.shape(y)) < 0.5) if np.ndim(y) else np.bool_(False)
    mask = mask & (np.arange(mask.size) > 0).reshape(mask.shape)
    chooses = row.moves or bool(row.alive)
    reaches = [g.data != 0 if chooses else mask for g in pullback(f, tensors(xs), [mask * 1.0])]
    shift = 1.0 if len(xs) == 1 and not row.alive else 0.0  # out of the domain, where it does not matter
    (weights,), vs = like(rng, [y]), like(rng, xs)

    def chosen(ds: Sequence[Any]) -> list[Any]:
        roots = [gt.sqrt(d) for d in ds]
        inputs = [x - (shift if shift else r.data) + r for x, r in zip(xs, roots, strict=True)]
        return [gt.where(mask, f(inputs)[0], 0.0)]

    def derivatives(starts: Sequence[Any]) -> dict[str, Any]:
        ds, dirs = tensors(starts), tensors(vs)
        with np.errstate(all="ignore"):
            first = pushed(chosen, ds, dirs)
            forward = pushed(lambda ds: pushed(chosen, ds, dirs), ds, dirs)
            over_reverse = pushed(lambda ds: pullback(chosen, ds, [weights]), ds, dirs)
            over_forward = pullback(lambda ds: pushed(chosen, ds, dirs), ds, [weights])
            series = [[v, gt.Tensor(np.zeros_like(v.data))] for v in dirs]
            (one,), (two,) = gt.jet(lambda *ds: chosen(ds), tuple(ds), series)[1]
        named = {"F": first, "FF": forward, "jet 1": [one], "jet 2": [two]}
        return {**named, "RF": over_reverse, "FR": over_forward}

    everywhere = derivatives([np.ones_like(x) for x in xs])
    found = derivatives([np.where(r, 1.0, 0.0)[()] for r in reaches])
    for name, values in found.items():
        masks = reaches if name in ("RF", "FR") else [mask]
        for a, b, m in zip(values, everywhere[name], masks, strict=True):
            expected = np.where(m, b.data, 0.0)
            scale = float(np.max(np.abs(expected), initial=0.0))
            np.testing.assert_allclose(a.data, expected, rtol=0, atol=1e-12 * scale + 1e-14, err_msg=name)


# -- which law is for which row -------------------------------------------------------------------------------


def chooses_or_acts(row: Primitive) -> bool:
    return differentiable(row) and (row.kind == "elementwise" or row.broadcasts or row.moves)


def real_aligned(name: str) -> list[Case]:
    found = [c for c in table.cases(name) if c.size and not any(np.iscomplexobj(x) for x in c.xs)]
    return [
        c for c in found if c.row.moves or c.row.alive or all(np.shape(x) == np.shape(c.inputs[0]) for x in c.inputs)
    ]


def of_series(row: Primitive) -> bool:
    """Whether the row has a rule that the Taylor sweep alone reads; it is tried on every case."""
    product = row.kind == "multilinear" and row.body is not None
    return product or row.quotient is not None or row.coefficient is not None or bool(row.system)


def read_otherwise(row: Primitive) -> bool:
    return differentiable(row) and not of_series(row)


LAWS = [
    Law("tangent", tangent),
    Law("tangent-complex", tangent, choose=some(2, table.complex_cases)),
    Law("tangent-half-complex", tangent, choose=table.half_complex_cases),
    Law("tangent-half-float32", tangent, choose=table.half_float32_cases),
    Law("nestings-2", nestings(2), choose=some(3)),
    Law("nestings-2", nestings(2), choose=rest(3), slow=True),
    Law("nestings-3", nestings(3), choose=some(1)),
    Law("nestings-3", nestings(3), choose=rest(1), slow=True),
    Law("nestings-2-complex", nestings(2), choose=some(1, table.complex_cases)),
    Law("nestings-2-complex", nestings(2), choose=rest(1, table.complex_cases), slow=True),
    Law("jet", jets([1, 2, 3, 4]), of_series, choose=nonempty),
    Law("jet", jets([1, 2, 3, 4]), read_otherwise, choose=some(2)),
    Law("jet", jets([1, 2, 3, 4]), read_otherwise, choose=rest(2), slow=True),
    Law("jet-6", jets([5, 6]), choose=some(2), slow=True),
    Law("jet-complex", jets([1, 3]), choose=some(1, table.complex_cases)),
    Law("recorded-jet", recorded_jet, choose=some(1)),
    Law("recorded-jet", recorded_jet, choose=rest(1), slow=True),
    Law("zero-tangent", zero_tangent, choose=some(1)),
    Law("forward-lanes", forward_lanes, chooses_or_acts, choose=some(2, real_aligned)),
    Law("forward-lanes", forward_lanes, chooses_or_acts, choose=rest(2, real_aligned), slow=True),
]
