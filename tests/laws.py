"""What holds for every row of the registry: one statement each, applied by kind to every case.

A law is a function of a case that raises AssertionError where it does not hold.  ``LAWS`` says which cases of
which rows each one is tried on; ``KNOWN_GAPS`` is the strict list of those that do not hold yet.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

import gradtape as gt
from gradtape.errors import UnconnectedGradientWarning
from gradtape.rules.primitive import Primitive, registry
from gradtape.testing.rows import override
from gradtape.testing.tools import F, evaluate, inner, like, pullback, raw, size, tensors
from tests import cases as table
from tests import oracles
from tests.cases import Case, is_inexact, outputs

#: Relative error allowed, by the order of the derivative; the truth is extrapolated differences.
TOLERANCE = {0: 1e-13, 1: 1e-9, 2: 1e-8, 3: 1e-7, 4: 1e-6}
#: Where the answer is zero by cancellation: inputs, weights and directions are all of size one.
FLOOR = 1e-12
#: float32 gradients may be off by this many roundings of their largest element.
ROUNDINGS = 200
#: Rows that may be less accurate: (row, law) -> (factor, why).
WIDER: dict[tuple[str, str], tuple[float, str]] = {}

#: Laws that do not hold yet: (row, law, why).  Strict: one that has come to hold fails until it is taken off.
KNOWN_GAPS: list[tuple[str, str, str]] = []

# -- tools --------------------------------------------------------------------------------------------------


def pulled(f: F, cts: Sequence[Any], xs: Sequence[Any]) -> list[Any]:
    """``pullback`` with raw weights, in the order in which ``partial`` wants its arguments."""
    return pullback(f, xs, tensors(cts))


def nested(case: Case, order: int, rng: np.random.Generator) -> tuple[F, list[Any]]:
    """The VJP of the VJP ... of the row, ``order`` - 1 times, each with weights of its own, and weights for it.

    Order 1 is the row itself: its derivative is the first one.
    """
    f = case.function()
    cts = like(rng, evaluate(f, case.xs))
    for _ in range(order - 1):
        f = partial(pulled, f, cts)
        cts = like(rng, case.xs)
    return f, cts


def allowed(case: Case, law: str, order: int) -> float:
    return TOLERANCE[order] * WIDER.get((case.row.name, law), (1.0, ""))[0]


def close(found: Sequence[Any], expected: Sequence[Any], rtol: float, what: str) -> None:
    """Element by element, relative to the largest element (nan equals nan)."""
    assert len(found) == len(expected), f"{what}: {len(found)} results for {len(expected)}"
    for i, (a, b) in enumerate(zip(found, expected, strict=True)):
        assert np.shape(a) == np.shape(b), f"{what} {i}: shape {np.shape(a)}, not {np.shape(b)}"
        scale = float(np.max(np.abs(raw(b)), initial=0.0, where=np.isfinite(raw(b))))
        np.testing.assert_allclose(raw(a), raw(b), rtol=rtol, atol=rtol * scale, err_msg=f"{what} {i}")


# -- the laws -----------------------------------------------------------------------------------------------


def value(case: Case) -> None:
    """The operation on Tensors, on raw arrays and the implementation give one value; 0-d values are scalars."""
    row, params = case.row, case.params
    expected = outputs(row.run(*case.inputs, **params))
    lifted = outputs(row.op(*[gt.Tensor(x) if hasattr(x, "dtype") else x for x in case.inputs], **params))
    unlifted = outputs(row.op(*case.inputs, **params))
    assert len(expected) == len(lifted) == len(unlifted)
    for e, t, u in zip(expected, lifted, unlifted, strict=True):
        assert type(t) is gt.Tensor, f"a {type(t).__name__} came back for Tensors"
        assert not isinstance(u, gt.Tensor), "a Tensor came back for raw arrays"
        assert not (isinstance(t.data, np.ndarray) and t.ndim == 0), "a 0-d value is not a NumPy scalar"
        assert t.dtype == np.asarray(e).dtype == np.asarray(u).dtype
        np.testing.assert_array_equal(t.data, e)
        np.testing.assert_array_equal(u, e)
        if row.kind != "constant" and t.dtype.kind in "fc":
            assert np.all(np.isfinite(e)), f"not finite at {case.inputs}: give the row a domain or a sample"


def body(case: Case) -> None:
    """A composite's value is its body's."""
    row = case.row
    assert row.body is not None
    found = outputs(row.body(*[gt.Tensor(x) if is_inexact(x) else x for x in case.inputs], **case.params))
    expected = outputs(row.run(*case.inputs, **case.params))
    close([raw(y) for y in found], expected, allowed(case, "body", 0), "the body's value")


def strided(case: Case) -> None:
    """Arrays that are not contiguous give what contiguous ones do, gradients too."""
    other = table.to_strided(case)
    cts = like(case.rng("strided"), evaluate(case.function(), case.xs))
    close(evaluate(other.function(), other.xs), evaluate(case.function(), case.xs), 1e-14, "value")
    for a, b in zip(
        pullback(other.function(), tensors(other.xs), cts),
        pullback(case.function(), tensors(case.xs), cts),
        strict=True,
    ):
        close([a.data], [b.data], 1e-13, "gradient")


def order_law(order: int) -> Callable[[Case], None]:
    def law(case: Case) -> None:
        rng = case.rng(f"order {order}")
        f, cts = nested(case, order, rng)
        xs = case.xs
        vs = like(rng, xs)
        gradients = pullback(f, tensors(xs), tensors(cts))
        found = float(inner(gradients, vs))

        def phi(t: Any) -> Any:
            return inner(cts, evaluate(f, [x + t * v for x, v in zip(xs, vs, strict=True)]))

        real = not any(np.iscomplexobj(x) for x in (*xs, *cts))
        # Only the row itself: a sweep over complex values conjugates, so a pullback is never analytic.
        expected, error = oracles.directional(phi, analytic=real and order == 1)
        scale = abs(expected) + size(gradients, vs)
        ys = evaluate(f, xs)
        # What rounding the values may do to their differences; more where the row itself rounds to float32.
        noise = max((5e3 * float(np.finfo(y.dtype).eps) for y in ys), default=0.0) * size(cts, ys) + FLOOR * 10**order
        limit = allowed(case, f"order-{order}", order) * scale + noise
        assert error <= 1e-4 * scale + 100 * noise, f"the oracle is too poor here: {expected} +- {error}"
        assert abs(found - expected) <= limit + 2 * error, (
            f"<J' ct, v> = {found!r}, <ct, dJ/dv> = {expected!r} (oracle +- {error:.1e}, allowed {limit:.1e})"
        )

    law.__doc__ = f"Derivative {order}: <J' ct, v> = <ct, dJ/dv>, J the row differentiated {order - 1} times."
    return law


def shapes(case: Case) -> None:
    """A gradient has its input's shape and dtype, to second order, and asking for one slot alone gives the same."""
    rng = case.rng("shapes")
    f, cts = nested(case, 1, rng)
    xs = tensors(case.xs)
    together = pullback(f, xs, tensors(cts))
    second = pullback(lambda ts: pullback(f, ts, tensors(cts)), xs, tensors(like(rng, case.xs)))
    for x, g, h in zip(xs, together, second, strict=True):
        for name, d in (("gradient", g), ("second derivative", h)):
            assert type(d) is gt.Tensor
            assert d.shape == x.shape, f"{name}: shape {d.shape} for an input of {x.shape}"
            assert d.dtype == x.dtype, f"{name}: dtype {d.dtype} for an input of {x.dtype}"
            assert not (isinstance(d.data, np.ndarray) and d.ndim == 0), f"{name}: a 0-d value is not a scalar"
    for i, x in enumerate(xs):
        (alone,) = pullback(lambda ts, i=i: f([*xs[:i], *ts, *xs[i + 1 :]]), [x], tensors(cts))
        close([alone.data], [together[i].data], 1e-12, f"gradient of slot {i} alone")


def nesting(case: Case) -> None:
    """The gradient of a gradient is the same however the tapes nest, also when it is asked for afterwards."""
    rng = case.rng("nesting")
    f, cts = nested(case, 1, rng)
    vs = tensors(like(rng, case.xs))
    cts = tensors(cts)

    xs = tensors(case.xs)
    with gt.GradientTape() as outer, gt.GradientTape() as tape:
        ys = f(xs)
        g = tape.gradient(ys, xs, output_gradients=cts)
    inside = outer.gradient(g, xs, output_gradients=vs)

    with gt.GradientTape() as outer:
        with gt.GradientTape() as tape:
            ys = f(xs)
        g = tape.gradient(ys, xs, output_gradients=cts)
    between = outer.gradient(g, xs, output_gradients=vs)

    with gt.GradientTape() as tape:
        ys = f(xs)
    g = tape.gradient(ys, xs, output_gradients=cts)
    after = tape.gradient(g, xs, output_gradients=vs)

    close([t.data for t in between], [t.data for t in inside], 1e-13, "inner gradient taken outside its block")
    close([t.data for t in after], [t.data for t in inside], 1e-13, "gradient of a gradient afterwards")


def symmetry(case: Case) -> None:
    """u' H v = v' H u, H the second derivative of <ct, row>."""
    rng = case.rng("symmetry")
    f, cts = nested(case, 1, rng)
    us, vs = like(rng, case.xs), like(rng, case.xs)
    with gt.GradientTape() as outer:
        xs = tensors(case.xs)
        gradients = pullback(f, xs, tensors(cts))
    hv = outer.gradient(gradients, xs, output_gradients=tensors(vs))
    hu = outer.gradient(gradients, xs, output_gradients=tensors(us))
    a, b = float(inner(us, hv)), float(inner(vs, hu))
    scale = size(us, hv) + size(vs, hu)
    assert abs(a - b) <= 1e-12 * WIDER.get((case.row.name, "symmetry"), (1.0, ""))[0] * scale + FLOOR, (
        f"u'Hv = {a!r}, v'Hu = {b!r}"
    )


def low_precision(case: Case) -> None:
    """At float32 points: float32 results and gradients, within n eps of those in float64."""
    case64 = table.rounded(case)
    case32 = table.to_float32(case64)
    y64, y32 = evaluate(case64.function(), case64.xs), evaluate(case32.function(), case32.xs)
    halved = {"f8": np.float32, "c16": np.complex64}
    if "dtype" not in case.params:
        for a, b in zip(y64, y32, strict=True):
            assert b.dtype == halved.get(a.dtype.str[1:], a.dtype), f"float32 gives {b.dtype}, float64 {a.dtype}"
    cts = [ct.astype(np.float32) if ct.dtype == np.float64 else ct for ct in like(case.rng("low precision"), y64)]
    g64 = pullback(case64.function(), tensors(case64.xs), [ct.astype(y.dtype) for ct, y in zip(cts, y64, strict=True)])
    g32 = pullback(case32.function(), tensors(case32.xs), [ct.astype(y.dtype) for ct, y in zip(cts, y32, strict=True)])
    limit = ROUNDINGS * float(np.finfo(np.float32).eps) * WIDER.get((case.row.name, "low-precision"), (1.0, ""))[0]
    for x, a, b in zip(case32.xs, g64, g32, strict=True):
        assert b.dtype == x.dtype == np.float32, f"gradient of dtype {b.dtype} for an input of {x.dtype}"
        close([b.data], [a.data], limit, "float32 gradient")


def zero(case: Case) -> None:
    """What is not asked for costs nothing: a source that was not used makes no entries, nor does a held input."""
    f, cts = nested(case, 1, case.rng("zero"))
    xs = tensors(case.xs)
    stranger = gt.Tensor(np.float64(1.0))
    with gt.GradientTape() as outer:
        with gt.GradientTape() as tape:
            ys = f(xs)
        before = outer.stats()["entries"]
        nothing = tape.gradient(ys, stranger, tensors(cts), unconnected_gradients="zero")
        assert outer.stats()["entries"] == before, "a gradient of an unused source recorded entries"
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            assert tape.gradient(ys, stranger, tensors(cts)) is None
        assert [w.category for w in caught] == [UnconnectedGradientWarning]
        tape.gradient(ys, xs, tensors(cts))
        all_slots = outer.stats()["entries"] - before
        for x in xs:
            before = outer.stats()["entries"]
            tape.gradient(ys, x, tensors(cts))
            one = outer.stats()["entries"] - before
            assert one <= all_slots, f"{one} entries for one slot, {all_slots} for all"
    assert nothing.shape == ()
    assert nothing.data == 0.0


def constancy(case: Case) -> None:
    """A constant row: zeros where it carries (slope zero), else None and a warning that says so."""
    xs = [gt.Tensor(x) if hasattr(x, "dtype") else x for x in case.inputs]
    sources = [x for x in xs if is_inexact(x)]
    with gt.GradientTape() as tape:
        ys = outputs(case.row.op(*xs, **case.params))
    for y in ys:
        if not is_inexact(y):
            assert not case.row.carries or len(ys) > 1, "an integer or boolean output cannot carry a derivative"
            continue
        for x in sources:
            if case.row.carries:
                g = tape.gradient(y, x)
                assert g.shape == x.shape
                assert g.dtype == x.dtype
                assert not np.any(g.data)
            else:
                with warnings.catch_warnings(record=True) as caught:
                    warnings.simplefilter("always")
                    assert tape.gradient(y, x) is None
                assert [w.category for w in caught] == [UnconnectedGradientWarning]


def lanes(case: Case) -> None:
    """Lanes that ``where`` did not choose are zero at orders 1 and 2, though an infinite slope lies on the way.

    Each input is x + sqrt(d) - 1 with d = 1 where it matters and d = 0, where sqrt has no slope, where it does not.
    """
    row, xs, f = case.row, case.xs, case.function()
    rng = case.rng("lanes")
    (y,) = evaluate(f, xs)
    mask = (rng.random(np.shape(y)) < 0.5) if np.ndim(y) else np.bool_(False)
    # Which inputs matter: of a row that moves or chooses, those from which a chosen output is reached.
    chooses = row.moves or bool(row.alive)
    reaches = [g.data != 0 if chooses else mask for g in pullback(f, tensors(xs), [mask * 1.0])]
    # One input may leave the domain where it does not matter; several must keep their order.
    shift = 1.0 if len(xs) == 1 else 0.0
    (weights,), vs = like(rng, [y]), like(rng, xs)
    where, sqrt = registry["where"].op, registry["sqrt"].op

    def derivatives(starts: Sequence[Any]) -> list[Any]:
        ds = tensors(starts)
        with np.errstate(all="ignore"), gt.GradientTape() as outer:
            with gt.GradientTape() as tape:
                roots = [sqrt(d) for d in ds]
                inputs = [x - (shift if shift else r.data) + r for x, r in zip(xs, roots, strict=True)]
                chosen = where(mask, f(inputs)[0], 0.0)
            g = tape.gradient(chosen, ds, output_gradients=weights)
            h = outer.gradient(g, ds, output_gradients=vs)
        return [t.data for t in (*g, *h)]

    everywhere = derivatives([np.ones_like(x) for x in xs])
    expected = [np.where(r, g, 0.0) for r, g in zip([*reaches, *reaches], everywhere, strict=True)]
    close(
        derivatives([np.where(r, 1.0, 0.0).astype(raw(x).dtype)[()] for r, x in zip(reaches, xs, strict=True)]),
        expected,
        1e-13,
        "derivative with dead lanes",
    )


def high_precision(case: Case) -> None:
    """The value and four derivatives agree with mpmath."""
    name, law = case.row.name, "mpmath"
    inputs = [np.ravel(x) for x in np.broadcast_arrays(*case.inputs)]
    found = np.ravel(case.row.run(*case.inputs))
    exact = [oracles.mp_value(name, *point) for point in zip(*inputs, strict=True)]
    factor = WIDER.get((name, law), (1.0, ""))[0]
    np.testing.assert_allclose(found, exact, rtol=2e-15 * factor, atol=1e-15 * factor)
    if len(inputs) > 1:
        return
    x = gt.Tensor(case.inputs[0])
    with gt.GradientTape() as tape:
        d: Any = case.row.op(x)
    largest = 0.0
    for order in range(1, 5):
        d = tape.gradient(d, x)
        exact = [oracles.mp_derivative(name, float(point), order) for point in inputs[0]]
        largest = max([largest, *np.abs(exact)])
        atol = 1e-12 * factor * largest
        np.testing.assert_allclose(np.ravel(d.data), exact, 1e-11 * factor, atol, err_msg=f"derivative {order}")


def singular(case: Case) -> None:
    """At the singular points that the row declares, two derivatives are numbers (or infinite), never nan."""
    for text in case.row.singular:
        try:
            point = float(text)
        except ValueError:
            continue  # a convention about more than one number: tests/test_singular.py knows it
        x = gt.Tensor(np.full_like(case.xs[0], point)[()])
        with np.errstate(all="ignore"), gt.GradientTape() as tape:
            y = case.row.op(x, **case.params)
        g = tape.gradient(y, x)
        h = tape.gradient(g, x)
        assert not np.any(np.isnan(g.data)), f"first derivative at {text}: {g.data}"
        assert not np.any(np.isnan(h.data)), f"second derivative at {text}: {h.data}"


# -- which law is for which row -----------------------------------------------------------------------------


def differentiable(row: Primitive) -> bool:
    return row.kind != "constant"


@dataclass(frozen=True)
class Law:
    """``check`` holds for the cases that ``choose`` picks of every row for which ``holds_for``; ``slow`` ones later."""

    name: str
    check: Callable[[Case], None]
    holds_for: Callable[[Primitive], bool] = differentiable
    choose: Callable[[str], Sequence[Case]] = table.cases
    slow: bool = False

    def cases(self, row: Primitive) -> list[Case]:
        if not self.holds_for(row):
            return []
        return [c for c in self.choose(row.name) if row.kind == "constant" or c.slots]


def nonempty(name: str) -> list[Case]:
    return [case for case in table.cases(name) if case.size]


def some(count: int, choose: Callable[[str], Sequence[Case]] = nonempty) -> Callable[[str], Sequence[Case]]:
    """The first ``count`` of the cases."""
    return lambda name: choose(name)[:count]


def rest(count: int, choose: Callable[[str], Sequence[Case]] = nonempty) -> Callable[[str], Sequence[Case]]:
    return lambda name: choose(name)[count:]


def real_points(name: str) -> list[Case]:
    return [c for c in nonempty(name) if not any(np.iscomplexobj(x) for x in c.xs)]


def lane_by_lane(row: Primitive) -> bool:
    """Element by element, or moving entries only: what a dead-lane mask passes through."""
    return differentiable(row) and (row.kind == "elementwise" or row.broadcasts or row.moves)


def aligned(name: str) -> list[Case]:
    """Cases in which no input is repeated, unless the row moves or chooses."""
    return [
        c
        for c in real_points(name)
        if c.row.moves or c.row.alive or all(np.shape(x) == np.shape(c.inputs[0]) for x in c.inputs)
    ]


def complex_aligned(name: str) -> list[Case]:
    """The same at complex points, where the rows that choose have no order to choose by."""
    return [
        c
        for c in table.complex_cases(name)
        if c.row.moves or all(np.shape(x) == np.shape(c.inputs[0]) for x in c.inputs)
    ]


def scalar(row: Primitive) -> bool:
    return row.name in oracles.SCALARS and not row.params


LAWS = [
    Law("value", value, lambda row: True),
    Law("body", body, lambda row: row.kind == "composite"),
    Law("strided", strided, choose=some(2)),
    Law("order-1", order_law(1)),
    Law("order-2", order_law(2)),
    Law("order-3", order_law(3), choose=some(2)),
    Law("order-3", order_law(3), choose=rest(2), slow=True),
    Law("order-4", order_law(4), choose=nonempty, slow=True),
    Law("shapes", shapes),
    Law("nesting", nesting, choose=some(2)),
    Law("symmetry", symmetry, choose=some(3)),
    Law("symmetry", symmetry, choose=rest(3), slow=True),
    Law("override", override, lambda row: row.vjp is not None and bool(derived(row))),
    Law("low-precision", low_precision, choose=real_points),
    Law("zero", zero, choose=some(1)),
    Law("constant", constancy, lambda row: row.kind == "constant"),
    Law("lanes", lanes, lane_by_lane, choose=some(6, aligned)),
    Law("complex-lanes", lanes, lane_by_lane, choose=some(2, complex_aligned)),
    Law("mpmath", high_precision, scalar, choose=some(2)),
    Law("singular", singular, lambda row: row.arity == 1 and bool(row.singular), choose=some(1)),
    Law("complex-1", order_law(1), choose=some(2, table.complex_cases)),
    Law("complex-2", order_law(2), choose=some(2, table.complex_cases)),
    Law("half-complex-1", order_law(1), choose=table.half_complex_cases),
    Law("half-complex-2", order_law(2), choose=table.half_complex_cases),
    Law("half-complex-shapes", shapes, choose=table.half_complex_cases),
    Law("half-float32", shapes, choose=table.half_float32_cases),
    Law("complex-1", order_law(1), choose=rest(2, table.complex_cases), slow=True),
    Law("complex-2", order_law(2), choose=rest(2, table.complex_cases), slow=True),
    Law("complex-3", order_law(3), choose=table.complex_cases, slow=True),
    Law("complex-symmetry", symmetry, choose=table.complex_cases, slow=True),
]


def derived(row: Primitive) -> Any:
    """The rule of the row's kind, beside an explicit vjp."""
    return row.partials or row.transposes or row.variadic or row.differential or row.body
