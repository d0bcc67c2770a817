"""The laws on a primitive: what can be seen of its rules at a point, and ``check``, all laws at all its points."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np

from ..errors import DerivativeError, GradtapeError, RuleError, message
from ..record import sites
from ..record.segment import Pause, Window
from ..record.tensor import Tensor, value_of
from ..rules.coverage import HOME
from ..rules.primitive import Primitive, registry
from .cases import Case, cases_of, has_rule, is_inexact, outputs, runs
from .check import chosen_laws, run
from .problem import Facts, Problem
from .report import Report, Result
from .tools import close, like, pullback, tensors

_gradtape_composes = True

#: So many points are given all the laws; the others, the empty ones among them, those about values and shapes.
POINTS = 6
REMEDY = "Write the rule with operators and gradtape's functions (gt.cos, not math.cos or x.data)."


def check(op: Any, *, order: int = 2, seed: int = 0, verbose: bool = True) -> Report:
    """Run the laws of derivatives on a primitive, at the points that its ``sample`` or ``domain`` give.

    Beside those of :func:`gradtape.check_derivatives`: the operation gives one value for Tensors and for arrays; rules
    are closed, and of the right shape; a composite's body computes its value; an explicit ``vjp`` gives what the row's
    kind derives; empty arrays have empty gradients.  Returns a Report; raises DerivativeError, or RuleError, at the
    first law that does not hold.  ``op``: the operation, or the name of its row.

    >>> import gradtape as gt
    >>> gt.extend.check(gt.tanh, verbose=False).ok
    True
    """
    row: Any = registry.get(op) if isinstance(op, str) else getattr(op, "primitive", None)
    if not isinstance(row, Primitive):
        told = f"{getattr(op, '__name__', op)!r} is not a primitive"
        raise RuleError(message("extend.check", told, str(sites.user_line()), "For functions: gt.check_derivatives."))
    with Pause(), np.errstate(all="ignore"):
        cases = points_of(row)
        merged = Report(row.name, f"{len(cases)} points")
        seen: dict[str, list[Result]] = {}
        for case in cases:
            for name, law in LAWS.items():
                _try(name, partial(law, case), case, seen, merged)
        if row.kind != "constant":
            for case in [c for c in cases if c.size][:POINTS]:
                problem = Problem(_of_arrays(case), case.xs)
                problem.name = f"{row.name} ({case.id})"
                for result in run(problem, chosen_laws(order, ()), order, seed, verbose=False):
                    seen.setdefault(result.law, []).append(result)
        merged.results = [_merged(law, results) for law, results in seen.items()]
    if verbose:
        merged.show()
    return merged


def probe(row: Primitive) -> None:
    """Try a new row's rules at its first point, so that what cannot be right is told where it was written."""
    with Pause(), np.errstate(all="ignore"):
        case = next((c for c in points_of(row) if c.size or row.kind == "constant"), None)
        if case is not None:
            closed(case)


def points_of(row: Primitive) -> list[Case]:
    """The points of a row: those that it gives, or of the ones drawn for it those that its value takes."""
    # A point of nothing but Python's numbers has no derivative to look at.
    cases = [c for c in cases_of(row) if row.kind == "constant" or c.slots or not row.module.startswith(HOME)]
    if row.sample is None:
        many = row.kind not in ("elementwise", "constant")  # what acts on axes need not know what to do without them
        cases = [c for c in cases if runs(c) and not (many and min(map(np.size, c.inputs)) < 2)]
    if not row.module.startswith(HOME):  # of a user's, who means an input by a float
        cases = [_strong(c) for c in cases]
        untried = [
            i for i in range(row.arity or 0) if has_rule(row, i) and not any(i in c.slots for c in cases)
        ] if row.partials or row.transposes else []  # fmt: skip
        if untried and cases:
            told = f"input {untried[0]} has a rule, and no point has a floating-point number there"
            raise RuleError(message(f"{row.name}: {told}", remedy="Give one by sample=, or None for the rule."))
    if not cases:
        raise RuleError(
            message(
                f"{row.name}: there are no points to try it at",
                f"{row.kind}, {'any number of' if row.arity is None else row.arity} inputs",
                str(sites.user_line()),
                "Give sample=lambda rng: [((x1, x2), {}), ...], with floating-point arrays that fit each other"
                + ("; or domain=(lo, hi)." if row.kind == "elementwise" else "."),
            )
        )
    return cases


def _strong(case: Case) -> Case:
    """The case with Python's floats as NumPy's: inputs, not parameters."""
    return replace(case, inputs=tuple([np.float64(x) if type(x) is float else x for x in case.inputs]))


def _of_arrays(case: Case) -> Callable[..., Any]:
    f = case.function()
    return lambda *xs: f(xs)


def _try(name: str, law: Callable[[], Any], case: Case, seen: dict[str, list[Result]], report: Report) -> None:
    try:
        worst = law()
    except (DerivativeError, RuleError) as error:
        text = message(
            f"extend.check: the law {name!r} does not hold for {report.name}", str(error), f"point {case.id}"
        )
        if isinstance(error, RuleError):
            raise RuleError(text) from error
        broken = DerivativeError(text)
        broken.law, broken.report, broken.cause = name, report, str(error)
        raise broken from error
    if worst is not None:
        seen.setdefault(name, []).append(Result(name, "holds", worst, DETAILS[name]))


def _merged(law: str, results: Sequence[Result]) -> Result:
    """One line for a law from those of all points."""
    held = [r for r in results if r.status == "holds"]
    worst = max([r.worst for r in held if r.worst is not None], default=None)
    detail = (held or results)[0].detail
    return Result(law, "holds" if held else "not tried", worst, f"{len(held or results)} points: {detail}")


# -- the laws of a row ----------------------------------------------------------------------------------------------


def value(case: Case) -> float:
    """The operation on Tensors, on raw arrays and the implementation give one value."""
    row, params = case.row, case.params
    try:
        expected = outputs(row.run(*case.inputs, **params))
    except Exception as error:
        raise RuleError(f"the value raised {type(error).__name__}: {error}") from error
    lifted = outputs(row.op(*[Tensor(x) if hasattr(x, "dtype") else x for x in case.inputs], **params))
    if not len(expected) == len(lifted) == row.outputs:
        raise RuleError(f"the value is {len(expected)} results, the row says outputs={row.outputs}")
    for e, t in zip(expected, lifted, strict=True):
        if isinstance(e, Tensor) or not isinstance(e, np.ndarray | np.generic):
            raise RuleError(
                f"the value on arrays is a {type(e).__name__}, not an array: compute with xp, on raw arrays"
            )
        if not np.array_equal(np.asarray(t.data), e, equal_nan=e.dtype.kind in "fc"):
            raise DerivativeError(f"the value differs from one call to the next: {t.data} and {e}")
        if row.kind != "constant" and e.dtype.kind in "fc" and not np.all(np.isfinite(e)):
            raise RuleError(f"the value is not finite there: {e}; give the row a domain or a sample")
    return 0.0


def closed(case: Case) -> float | None:
    """Each rule gives something of the right shape, made of what it was given, with nothing that leaves the record."""
    row = case.row
    value(case)
    if row.kind == "constant":
        return None
    y = row.run(*case.inputs, **case.params)
    for name, rule, shape in rules_of(row, case, y):
        facts = _called(name, rule, case)
        escaped = facts.escape()
        found = facts.result
        if escaped:
            raise RuleError(f"{name} is not closed: {escaped}\n{REMEDY}")
        for part, wanted in zip(outputs(found), shape, strict=False):
            if part is None:
                continue
            if not isinstance(part, Tensor) and isinstance(part, np.ndarray | np.generic) and _varies(rule, case, part):
                raise RuleError(
                    f"{name} is not closed: it returns a NumPy array that depends on its arguments\n{REMEDY}"
                )
            if wanted is not None and not _fits(
                np.shape(value_of(part)), wanted, row.kind == "elementwise" or row.broadcasts
            ):
                raise RuleError(f"{name} returns shape {np.shape(value_of(part))}, where {wanted} is wanted")
        if len(outputs(found)) != len(shape):
            raise RuleError(f"{name} returns {len(outputs(found))} results, where {len(shape)} are wanted")
    return 0.0


def rules_of(row: Primitive, case: Case, y: Any) -> list[tuple[str, Callable[[Sequence[Any]], Any], list[Any]]]:
    """Each rule as a function of the inputs, with the shapes that it has to return."""
    params = case.params
    shapes = [np.shape(o) for o in outputs(y)]
    several = isinstance(y, tuple)

    def lifted(values: Any) -> Any:
        return tuple(tensors(values)) if several else Tensor(values)

    made: list[tuple[str, Callable[[Sequence[Any]], Any], list[Any]]] = []
    for i in [i for i in case.slots if has_rule(row, i)]:
        x = np.shape(case.inputs[i])
        if row.partials:
            made.append((f"partial {i}", lambda xs, phi=row.partials[i]: phi(lifted(y), *xs, **params), shapes))  # pyright: ignore[reportOptionalCall]
        elif row.variadic is not None:
            made.append((f"transpose {i}", lambda xs, t=row.variadic, i=i: t(i, lifted(y), *xs, **params), [x]))
        elif row.transposes:
            made.append((f"transpose {i}", lambda xs, t=row.transposes[i]: t(lifted(y), *xs, **params), [x]))  # pyright: ignore[reportOptionalCall]
    if row.differential is not None:
        dy = row.differential

        def slope(xs: Sequence[Any]) -> Any:
            dxs = [Tensor(np.ones_like(value_of(x))) if i in case.slots else None for i, x in enumerate(xs)]
            return dy(lifted(y), list(xs), dxs, **params)

        made.append(("dy", slope, shapes))
    if row.kind == "composite" and row.body is not None:
        made.append(("body", lambda xs, b=row.body: b(*xs, **params), shapes))
    if row.vjp is not None:
        anything = [None] * len(case.inputs)  # what it gives may still be summed or spread
        made.append(("vjp", lambda xs, v=row.vjp: tuple(v(lifted(y), lifted(y), *xs, **params)), anything))
    return made


def _called(name: str, rule: Callable[[Sequence[Any]], Any], case: Case) -> Any:
    """What a rule does with Tensors: its result, and what the record shows of it."""
    kept: list[Any] = []

    def f(xs: Sequence[Any]) -> list[Any]:
        inputs = list(case.inputs)
        for i, x in zip(case.slots, xs, strict=True):
            inputs[i] = x
        kept.append(rule(inputs))
        return [part for part in outputs(kept[-1]) if isinstance(part, Tensor)]

    try:
        facts: Any = Facts(f, case.xs)
    except Exception as error:
        told = str(error).split("\n")[0]
        remedy = "" if isinstance(error, GradtapeError) else f"\n{REMEDY}"
        raise RuleError(f"{name} raised {type(error).__name__} on Tensors: {told}{remedy}") from error
    facts.result = kept[-1]
    return facts


def _varies(rule: Callable[[Sequence[Any]], Any], case: Case, before: Any) -> bool:
    """Whether a rule's raw result changes with its inputs."""
    moved = [x * (1 + 1e-3) if is_inexact(x) else x for x in case.inputs]
    with Window():
        after = rule([Tensor(x) if is_inexact(x) else x for x in moved])
    return not any(np.array_equal(np.asarray(value_of(part)), before, equal_nan=True) for part in outputs(after))


def _fits(found: tuple[int, ...], wanted: tuple[int, ...], broadcasts: bool) -> bool:
    if not broadcasts or found == wanted:
        return found == wanted
    try:
        return len(np.broadcast_shapes(found, wanted)) >= 0
    except ValueError:
        return False


def body(case: Case) -> float | None:
    """A composite's value is its body's."""
    row = case.row
    if row.kind != "composite" or row.body is None:
        return None
    found = outputs(row.body(*[Tensor(x) if is_inexact(x) else x for x in case.inputs], **case.params))
    expected = outputs(row.run(*case.inputs, **case.params))
    return close(found, expected, 1e-10, "the body's value", atol=1e-13)


def override(case: Case) -> float | None:
    """An explicit vjp gives what the row's kind derives."""
    row = case.row
    vjp, dy = row.vjp, row.differential
    if vjp is None or not case.slots or not (dy or row.body or row.partials or row.transposes or row.variadic):
        return None
    f, xs = case.function(), tensors(case.xs)
    cts = tensors(like(case.rng("override"), [y.data for y in f(xs)]))
    found = pullback(f, xs, cts)

    def dy_once(*args: Any, **params: Any) -> Any:
        row.vjp = vjp  # a differential may use its own row: that of solve solves
        assert dy is not None
        return dy(*args, **params)

    row.vjp = None
    if dy is not None:
        row.differential = dy_once
    try:
        expected = pullback(f, xs, cts)
    finally:
        row.vjp, row.differential = vjp, dy
    return close(found, expected, 1e-9, "the explicit vjp", atol=1e-13)


def shapes(case: Case) -> float | None:
    """A gradient has its input's shape and dtype, of empty arrays too; a constant's is zero."""
    if not case.slots and case.row.kind != "constant":
        return None
    f, xs = case.function(), tensors(case.xs)
    if case.row.kind == "constant":
        if not case.row.carries:
            return None
        inputs = [Tensor(x) if is_inexact(x) else x for x in case.inputs]
        xs = [x for x in inputs if isinstance(x, Tensor)]
        f = lambda _: [y for y in outputs(case.row.op(*inputs, **case.params)) if is_inexact(y)]  # noqa: E731
    for x, g in zip(xs, pullback(f, xs, [Tensor(np.ones_like(y.data)) for y in f(xs)]), strict=True):
        if g.shape != x.shape or g.dtype != x.dtype:
            raise DerivativeError(f"a gradient of {g.dtype}{list(g.shape)} for an input of {x.dtype}{list(x.shape)}")
        if case.row.kind == "constant" and np.any(g.data):
            raise DerivativeError("the gradient of a constant is not zero")
    return 0.0


LAWS: dict[str, Callable[[Case], float | None]] = {
    "one value": value,
    "closed": closed,
    "body": body,
    "override": override,
    "shapes": shapes,
}
DETAILS = {
    "one value": "the same for Tensors and for arrays",
    "closed": "each rule alone: its shape, and that nothing leaves the record",
    "body": "the body's value is the row's",
    "override": "the explicit vjp is what the kind derives",
    "shapes": "gradients of the inputs' shapes and dtypes",
}
