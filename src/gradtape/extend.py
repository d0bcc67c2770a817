"""The door for new primitives: one declaration, and every mode to every order follows from it.

A primitive is one row: a name, an implementation, a kind, and the one rule that its kind asks for.

    kind          the rule                                              for
    elementwise   partial derivatives ``phi_i(y, x1, x2, ...)``         functions of single elements
    linear        transposes ``t_i(ct, x1, x2, ...)``                   maps that are linear in all inputs together
    multilinear   transposes ``t_i(ct, x1, x2, ...)``                   products: linear in each input by itself
    differential  ``dy(y, xs, dxs)``, the textbook's formula            solvers, decompositions, implicit functions
    composite     ``body(x1, x2, ...)``                                 what other operations make up, computed better
    constant      none: the derivative is zero                          steps, comparisons, counts

Rules are *closed*: written with operators and gradtape's functions, so that they can be differentiated in their turn.
``value(xp, x1, x2, ..., **params)`` computes the value on raw arrays; ``xp`` is NumPy, or a namespace like it.

:func:`check` runs the law tests on a row; documents with an example of each kind: docs/how-to/new-primitive.md.

>>> import gradtape as gt
>>> cube = gt.extend.elementwise("doc_cube", lambda xp, x: x * x * x, lambda y, x: 3 * x * x)
>>> gt.grad(cube)(2.0), gt.derivative(cube, order=3)(2.0)
(Tensor(12.0), Tensor(6.0))
>>> gt.extend.check(cube, verbose=False).ok
True
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from .errors import RuleError, message, nearest
from .record import events, sites
from .record.private import Private, private_among
from .record.segment import Pause, Window
from .record.tensor import Tensor
from .record.variable import Variable
from .record.writer import public
from .rules import kinds
from .rules.batching import lanes, leading, one_axis, prepend, shift_axis
from .rules.primitive import Primitive, Rule, registry
from .testing.rows import check, probe

_gradtape_composes = True

__all__ = [
    "check",
    "composite",
    "constant",
    "differential",
    "elementwise",
    "lanes",
    "leading",
    "linear",
    "multilinear",
    "one_axis",
    "prepend",
    "shift_axis",
]

#: The rows that were declared here, which may be declared again: a notebook runs its cells more than once.
_own: dict[str, Primitive] = {}
_VALUES = (Tensor, Variable, Private)
_FIELDS = ("alive", "batch", "carries", "doc", "domain", "outputs", "params", "quotient", "sample", "singular", "vjp")


def elementwise(name: str, value: Rule | str, *partials: Rule | None, **row: Any) -> Callable[..., Any]:
    """A primitive that acts element by element, by its partial derivatives.

    ``partials``: one ``phi_i(y, x1, x2, ..., **params)`` per input, dy/dx_i at the value ``y`` = f(x1, x2, ...); None
    for an input without derivative (a condition, an integer).  Inputs broadcast against each other.

    Further fields, the same for every kind:

    ``domain=(lo, hi)``, or a pair per input: where :func:`check` draws points (elementwise; default (-2, 2));
    ``sample=lambda rng: [((x1, x2), {"axis": 0}), ...]``: the points themselves, where only you know which inputs fit;
    ``params={"axis": [0, 1]}``: keyword parameters, with values to try; ``singular={"0": "convention"}``: what holds
    at singular points; ``vjp=``: a quicker reverse rule, ``vjp(ct, y, x1, ..., **params)`` -> one cotangent per input;
    ``batch=``: how a leading axis is taken, where it does not broadcast (``extend.leading()``, ``shift_axis("axis")``);
    ``outputs=2``: the value is a tuple; ``doc=``; ``probe=False``: do not try the rules out now; ``replace=True``: in
    place of an earlier row of yours.

    Returns the operation: it takes anything array-like and returns Tensors, recorded.  Raises RuleError where the
    declaration cannot be right: a name that is taken, a wrong number of rules, arguments that do not fit, a rule that
    is not closed.

    >>> import gradtape as gt
    >>> softstep = gt.extend.elementwise("doc_softstep", lambda xp, x: 1 / (1 + xp.exp(-x)), lambda y, x: y * (1 - y))
    >>> gt.grad(gt.grad(softstep))(0.0)
    Tensor(0.0)
    """
    _rules("elementwise", name, partials, 1, "partial derivative", "phi(y, x1, ...)")
    return _declared("elementwise", name, value, kinds.elementwise, tuple(map(_closed, partials)), row)


def linear(
    name: str, value: Rule | str, *transposes: Rule | None, variadic: Rule | None = None, **row: Any
) -> Callable[..., Any]:
    """A primitive that is linear in all its inputs together, by its transposes.

    ``transposes``: one ``t_i(ct, x1, x2, ..., **params)`` per input: the cotangent of input i.  They may use the shapes
    of the inputs, not their values.  ``variadic=t`` with ``t(i, ct, *xs, **params)``: any number of inputs.

    For the other fields see :func:`elementwise`; a row that is not elementwise needs ``sample=`` or one input.

    >>> import gradtape as gt
    >>> backwards = gt.extend.linear(
    ...     "doc_backwards", lambda xp, x: x[::-1], lambda ct, x: ct[::-1], batch=gt.extend.leading(1)
    ... )
    >>> gt.jacobian(backwards)([1.0, 2.0])
    Tensor([[0., 1.],
            [1., 0.]])
    """
    _rules("linear", name, transposes, 1 - bool(variadic), "transpose", "t(ct, x1, ...)")
    rules = tuple(map(_closed, transposes))
    return _declared("linear", name, value, kinds.linear, rules, {**row, "variadic": _closed(variadic)})


def multilinear(
    name: str, value: Rule | str, *transposes: Rule | None, variadic: Rule | None = None, **row: Any
) -> Callable[..., Any]:
    """A primitive that is linear in each input by itself, such as a product, by its transposes.

    ``transposes``: one ``t_i(ct, x1, x2, ..., **params)`` per input: the cotangent of input i, which uses the others.

    >>> import gradtape as gt
    >>> pair = gt.extend.multilinear(
    ...     "doc_pair",
    ...     lambda xp, a, b: xp.sum(a * b),
    ...     lambda ct, a, b: ct * b,
    ...     lambda ct, a, b: ct * a,
    ...     sample=lambda rng: [((rng.normal(size=3), rng.normal(size=3)), {})],
    ... )
    >>> gt.grad(pair, argnums=1)([1.0, 2.0, 3.0], [4.0, 5.0, 6.0])
    Tensor([1., 2., 3.])
    """
    _rules("multilinear", name, transposes, 1 - bool(variadic), "transpose", "t(ct, x1, ...)")
    rules = tuple(map(_closed, transposes))
    return _declared("multilinear", name, value, kinds.multilinear, rules, {**row, "variadic": _closed(variadic)})


def differential(name: str, value: Rule | str, dy: Rule, *, arity: int | None = 1, **row: Any) -> Callable[..., Any]:
    """A primitive by its differential ``dy(y, xs, dxs, **params)``: the textbook's formula is the rule.

    ``xs`` and ``dxs`` are lists, ``dxs[i]`` is None where input i is held; dy is linear in ``dxs``.  The reverse rule
    is the transpose of what ``dy`` does, and Taylor coefficients follow from k y_k = dy(y, x, x')_(k-1).

    Kepler's equation y - e sin(y) = m: (1 - e cos y) dy = dm + sin(y) de.

    >>> import gradtape as gt
    >>> def solve(xp, m, e):
    ...     y = m
    ...     for _ in range(50):
    ...         y = y - (y - e * xp.sin(y) - m) / (1 - e * xp.cos(y))
    ...     return y
    >>> def dy(y, xs, dxs):
    ...     (m, e), (dm, de) = xs, dxs
    ...     right = (0.0 if dm is None else dm) + (0.0 if de is None else gt.sin(y) * de)
    ...     return right / (1 - e * gt.cos(y))
    >>> kepler = gt.extend.differential(
    ...     "doc_kepler", solve, dy, arity=2, batch=gt.extend.lanes, sample=lambda rng: [((rng.normal(), 0.3), {})]
    ... )
    >>> gt.grad(kepler)(0.0, 0.5)
    Tensor(2.0)
    """
    if not callable(dy):
        raise _refused("differential", name, "dy is not a function", "Write dy(y, xs, dxs, **params).")
    return _declared("differential", name, value, kinds.differential, (_closed(dy),), {**row, "arity": arity})


def composite(name: str, value: Rule | str, body: Rule, *, arity: int | None = 1, **row: Any) -> Callable[..., Any]:
    """A primitive whose value has an implementation of its own, and whose derivatives are those of ``body``.

    ``body(x1, x2, ..., **params)`` computes the same in gradtape's functions; ``value`` does it better, or elsewhere.

    >>> import gradtape as gt
    >>> from math import fsum
    >>> exact_sum = gt.extend.composite("doc_fsum", lambda xp, x: xp.float64(fsum(x)), gt.sum, batch=None)
    >>> exact_sum([1e16, 1.0, -1e16]), gt.grad(exact_sum)([1.0, 2.0])
    (Tensor(1.0), Tensor([1., 1.]))
    """
    if not callable(body):
        raise _refused("composite", name, "body is not a function", "Write body(x1, x2, ..., **params).")
    return _declared("composite", name, value, kinds.composite, (_closed(body),), {**row, "arity": arity})


def constant(name: str, value: Rule | str, *, arity: int | None = 1, **row: Any) -> Callable[..., Any]:
    """A primitive whose derivative is zero: a step, a comparison, a count.

    ``carries=True``: the result is a float and counts as connected, with slope zero; else a gradient through it is
    None, with a warning that says why.

    >>> import gradtape as gt
    >>> quantised = gt.extend.constant("doc_quantised", lambda xp, x: xp.floor(8 * x) / 8, carries=True)
    >>> gt.grad(quantised)(0.3)
    Tensor(0.0)
    """
    return _declared("constant", name, value, kinds.constant, (), {**row, "arity": arity})


# -- what can be seen to be wrong at once -------------------------------------------------------------------------


def _declared(
    kind: str,
    name: str,
    value: Rule | str,
    constructor: Callable[..., Any],
    rules: tuple[Any, ...],
    row: dict[str, Any],
) -> Callable[..., Any]:
    replace, trying = row.pop("replace", False), row.pop("probe", True)
    known = {*_FIELDS, "arity", "variadic"}
    for key in row:
        if key not in known:
            raise _refused(
                kind, name, f"there is no field {key!r}.{nearest(key, known)}", f"Fields: {', '.join(_FIELDS)}."
            )
    if not isinstance(name, str) or not name:  # pyright: ignore[reportUnnecessaryIsInstance]
        raise _refused(kind, str(name), "the name is not a text", 'Write extend.elementwise("cube", ...).')
    if name in registry and not (replace and name in _own):
        remedy = "Choose another name" + ("; or replace=True, where it is to take its place." if name in _own else ".")
        raise _refused(kind, name, "a primitive of that name exists already", remedy)
    params = row.get("params", {})
    if not isinstance(params, Mapping) or any(
        isinstance(v, str) or not isinstance(v, Sequence) for v in params.values()
    ):  # pyright: ignore[reportUnknownVariableType, reportUnknownMemberType]
        raise _refused(kind, name, "params is not a table of values to try", 'Write params={"axis": [0, 1]}.')
    arity = (
        len(rules) if kind in ("elementwise", "linear", "multilinear") and not row.get("variadic") else row.get("arity")
    )
    _takes(kind, name, "value", value, arity, 1, params)
    shift = 1 if kind in ("elementwise", "linear", "multilinear") else 0
    for i, rule in enumerate(rules):
        if rule is not None and kind != "differential":
            _takes(kind, name, f"rule {i}", rule, arity, shift, params)
    row["vjp"] = _closed(row.get("vjp"))
    row = {k: v for k, v in row.items() if v is not None or k == "arity"}
    before = registry.pop(name, None) if replace else None
    try:
        op = constructor(name, value, *rules, **row)
        if trying:
            probe(op.primitive)
    except Exception as error:
        registry.pop(name, None)
        if before is not None:
            registry[name] = before
        if not isinstance(error, RuleError):
            raise
        told = str(error).split("\n")
        text = message(
            f"extend.{kind}: {name!r} cannot be declared", told, str(sites.user_line()), "probe=False skips this."
        )
        raise RuleError(text) from error
    _own[name] = op.primitive
    return public(op)


def _rules(kind: str, name: str, rules: Sequence[Any], least: int, what: str, form: str) -> None:
    if len(rules) < least:
        raise _refused(
            kind, name, f"there is no {what}", f"Give one {form} per input, None where there is no derivative."
        )
    for i, rule in enumerate(rules):
        if rule is not None and not callable(rule):
            raise _refused(kind, name, f"{what} {i} is {rule!r}, not a function", f"Write it as {form}.")
    if rules and all(rule is None for rule in rules):
        raise _refused(kind, name, f"every {what} is None", "Then it is extend.constant.")


def _takes(kind: str, name: str, what: str, function: Any, arity: int | None, shift: int, params: Any) -> None:
    """Whether a function can be called with its ``shift`` first arguments, the inputs and the parameters."""
    if isinstance(function, str) or arity is None:
        return
    try:
        signature = inspect.signature(function)
    except (TypeError, ValueError):
        return
    try:
        signature.bind(*[None] * (shift + arity), **dict.fromkeys(params))
    except TypeError as error:
        first = {"value": "xp", "rule": "y" if kind == "elementwise" else "ct"}[what.split()[0]] if shift else ""
        inputs = [first] * bool(first) + [f"x{i + 1}" for i in range(arity)] + [f"{p}=" for p in params]
        told = f"{what} does not take ({', '.join(inputs)}): {error}"
        remedy = f"The row has {arity} input{'s' if arity != 1 else ''}"
        remedy += f" and the parameters {', '.join(params)}." if params else " and no parameters (params=)."
        raise _refused(kind, name, told, remedy) from error


def _refused(kind: str, name: str, found: str, remedy: str) -> RuleError:
    return RuleError(message(f"extend.{kind}: {name!r} cannot be declared", found, str(sites.user_line()), remedy))


def _closed(rule: Rule | None) -> Any:
    """A user's rule, written in public functions, which return Tensors: on raw arrays it returns raw arrays."""
    if rule is None or not callable(rule):
        return rule

    def closed(*args: Any, **params: Any) -> Any:
        if private_among(_flat(args)) is not None:
            return _replayed(rule, args, params)
        result = rule(*args, **params)
        return result if _recorded(args) else _raw(result)

    closed.__wrapped__ = rule  # type: ignore[attr-defined]
    closed.__name__ = closed.__qualname__ = getattr(rule, "__name__", "rule")
    return closed


def _recorded(args: Any) -> bool:
    """Whether a Tensor, a Variable or a sweep's own value is among some arguments."""
    return any(_recorded(x) if isinstance(x, list | tuple) else isinstance(x, _VALUES) for x in args)


def _flat(args: Any) -> list[Any]:
    return [part for x in args for part in (_flat(x) if isinstance(x, list | tuple) else [x])]


def _replayed(rule: Rule, args: Any, params: dict[str, Any]) -> Any:
    """A rule in public functions, which know arrays only, on what a sweep has in their place.

    The rule is shown an array, on a record of its own, and what it did there is done again with the sweep's values.
    """
    known: dict[Tensor, Any] = {}

    def shown(x: Any) -> Any:
        if isinstance(x, list | tuple):
            return type(x)([shown(part) for part in x])  # pyright: ignore[reportUnknownVariableType]
        if isinstance(x, Private):
            example = x.example()
            if example is None:
                raise RuleError(
                    f"{getattr(rule, '__name__', 'a rule')} meets a {type(x).__name__}, which shows no array"
                )
            tensor = Tensor(example)
            known[tensor] = x
            return tensor
        return x

    with Pause(), Window() as window:
        result = rule(*[shown(x) for x in args], **params)
    for row, settings, inputs, output, _, _ in window.entries():
        if not any(isinstance(x, Tensor) and x in known for x in inputs):
            continue
        if row.kind == "event":
            if row is events.GUARD:
                bool(known[inputs[0]])  # it says so itself where it has no one answer
            continue
        made = row.op(*[known.get(x, x) if isinstance(x, Tensor) else x for x in inputs], **(settings or {}))
        known.update(zip(output, made, strict=True) if isinstance(output, tuple) else [(output, made)])

    def answer(x: Any) -> Any:
        if isinstance(x, list | tuple):
            return tuple([answer(part) for part in x])  # pyright: ignore[reportUnknownVariableType]
        return known.get(x, x) if isinstance(x, Tensor) else x

    return answer(result)


def _raw(x: Any) -> Any:
    if isinstance(x, list | tuple):
        return tuple([_raw(part) for part in x])  # pyright: ignore[reportUnknownVariableType]
    return x.data if isinstance(x, Tensor) else x
