"""A primitive is one row: its name, its implementation, its kind, and the one rule that its kind asks for.

The six kinds and what each row supplies:

    constant       nothing: the derivative is zero wherever there is one (floor, sign, comparisons)
    elementwise    partials   phi_i(y, x1, x2, ..., **params), in gradtape operations
    linear         transposes t_i(ct, x1, x2, ..., **params): jointly linear in all differentiable inputs
    multilinear    transposes t_i(ct, x1, x2, ..., **params): linear in each input by itself
    differential   dy(y, xs, dxs, **params), linear in dxs: the textbook's formula is the rule
    composite      body(x1, x2, ..., **params) in other operations; the value still comes from ``impl``

Names inside rules: ``y`` the result, ``x1, x2`` (or a, b) the arguments, ``ct`` the cotangent, ``dx`` a tangent.
Rules are polymorphic: on raw arrays they run at NumPy's speed, on Tensors what they do is recorded.

A partial or transpose that is None says: no derivative with respect to that input (an index, a condition).
A transpose for a primitive of any number of inputs is one function ``t(i, ct, *xs, **params)``, given as
``variadic=t``.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from sys import _getframe  # pyright: ignore[reportPrivateUsage]
from types import BuiltinFunctionType
from typing import Any, Literal

import numpy as np

from ..record.writer import operation

Rule = Callable[..., Any]
Kind = Literal["constant", "elementwise", "linear", "multilinear", "differential", "composite"]


@dataclass(slots=True, eq=False, repr=False)
class Primitive:
    """One row of the table. ``run`` is the implementation bound to NumPy; ``op`` the recorded operation."""

    name: str
    kind: Kind
    impl: Rule | str
    arity: int | None
    doc: str = ""
    params: dict[str, Any] = field(default_factory=dict[str, Any])
    partials: tuple[Rule | None, ...] = ()
    transposes: tuple[Rule | None, ...] = ()
    variadic: Rule | None = None
    differential: Rule | None = None
    #: Of a multilinear row of more than two inputs: the same by operations of two, for the Taylor sweep.
    body: Rule | None = None
    vjp: Rule | None = None
    #: quotient(y, x1, x2, ..., **params) -> (w, (u_1, u_2, ...)) with w y' = sum_i u_i x_i', or None where w is zero:
    #: the Taylor sweep's recurrence where the partials would make new quotients for every order.
    #: Of a differential row: quotient(y, xs, dxs, **params) -> dy, or None where the differential has to be asked.
    quotient: Rule | None = None
    #: The Taylor sweep's own formula of a differential or composite row: coefficient(xs, **params) -> y[k], where xs[i]
    #: lists the coefficients 0 .. k of input i (None: zero).
    coefficient: Rule | None = None
    #: For a row that solves sum_i system_i(x_i, y, **params) = x_last for y: the terms, each bilinear.
    system: tuple[Rule, ...] = ()
    #: alive_i(x1, x2, ..., **params): the lanes where input i matters at all (see rules/lanes.py); None: all of them.
    alive: tuple[Rule | None, ...] = ()
    #: The slots of an elementwise row in which it is linear while the others are held: a sum goes past them.
    linear_in: tuple[int, ...] = ()
    #: How many outputs; more than one: ``impl`` returns a tuple, and rules get tuples for ``y`` and ``ct``.
    outputs: int = 1
    #: gathered(cts, params, x): the transposes of many entries of this row that read the one input x, summed at once.
    gathered: Rule | None = None
    #: Inputs broadcast against each other, so cotangents are summed back to each input's shape.
    broadcasts: bool = False
    #: Moves entries only (a map of indices): a dead-lane mask can be moved with the same transpose.
    moves: bool = False
    #: What it moves may leave entries of its inputs out: these have no influence, at any order.
    drops: bool = False
    #: met(alive, i, x1, x2, ..., **params): the lanes of input i that meet one of the output's that is alive, for a row
    #: that neither moves nor broadcasts.  Without it the lanes of a row are kept apart by its parts, or, where it has a
    #: transpose or a vjp alone, it is dead where all of its lanes are.
    met: Rule | None = None
    #: The output depends differentiably on the inputs (false where it is an integer or a boolean).
    carries: bool = True
    #: peephole(inputs, params, made) -> (body, arguments) or None: in the company of the entries that made its inputs,
    #: ``made(x)`` = (row, params, inputs) or None, this entry's derivative is that of ``body(*arguments)``.
    peepholes: tuple[Rule, ...] = ()
    #: The rows in whose company the peepholes are asked; none: they are asked always.
    makers: frozenset[Primitive] = field(init=False, default=frozenset())
    #: A peephole of another row looks for this one.
    seen: bool = field(init=False, default=False)
    #: batch(size, flags, xs, params) -> (xs, params) or (xs, params, after): inputs and parameters with which ``op``
    #: computes a whole batch along a leading axis; ``flags[i]``: input i has that axis.  One word of rules/batching.py
    #: for most rows; none needed for elementwise rows, rows that broadcast, constants without parameters.  An empty
    #: answer: one by one.
    batch: Rule | None = None
    #: jvp(y, xs, dxs, **params) -> dy for a composite row whose body need not be walked forwards; dxs as for ``dy``.
    jvp: Rule | None = None
    #: Its vjp takes cotangents that are Lanes, and may give some.
    takes_lanes: bool = False
    #: Its vjp takes ``wanted``, the slots whose cotangents are wanted, and leaves the others out.
    selective: bool = False
    #: A row that has a vjp alone: the values, computed on the record, that its outputs are.
    stands_for: tuple[Any, ...] = ()
    #: A row that is the call of a compiled function: the Program whose steps it stands for.
    program: Any = None
    #: For the tests: how to draw points, the singular points and the conventions there.
    sample: Rule | None = None
    domain: tuple[float, float] | None = None
    singular: dict[str, str] = field(default_factory=dict[str, str])
    public: bool = True
    #: The module that declared it.
    module: str = field(init=False, default="")
    run: Rule = field(init=False)
    op: Rule = field(init=False)
    #: The common case, for which the reverse sweep has a short way: a rule per input, one or two of them, nothing else.
    plain: bool = field(init=False, default=False)

    def __post_init__(self) -> None:
        self.run = bind(self.impl, np)
        rules = self.partials or self.transposes
        special = self.vjp or self.alive or self.variadic
        self.plain = not special and 1 <= len(rules) <= 2 and all(rule is not None for rule in rules)

    def program_of(self, params: Any) -> Any:
        """The Program that an entry of this row stands for, where it is one."""
        return self.program or (getattr(params.get("again"), "program", None) if params else None)

    def __repr__(self) -> str:
        return f"<{self.kind} {self.name}>"


def bind(impl: Rule | str, xp: Any) -> Rule:
    """``impl`` over the array namespace ``xp``: a dotted name in it, ``operator``'s, or a function of ``xp``."""
    if isinstance(impl, str):
        found: Any = xp
        for part in impl.split("."):
            found = getattr(found, part)
        return found

    if isinstance(impl, BuiltinFunctionType):  # operator.add and its like work in every namespace
        return impl
    return partial(impl, xp)


#: Every primitive by name, in the order of declaration.
registry: dict[str, Primitive] = {}


def declare(row: Primitive) -> Rule:
    """Enter ``row`` in the registry, and return the operation that the other rows and sweeps call."""
    if row.name in registry:
        raise ValueError(f"a primitive named {row.name!r} exists already")
    row.doc = row.doc or f"{row.name}: a {row.kind} primitive."
    row.op = operation(row)
    row.module = _module_that_declares()
    registry[row.name] = row
    return row.op


def _module_that_declares() -> str:
    """The module whose own code runs: a row may be declared by a helper that sits in another one."""
    frame: Any = _getframe(2)
    nearest = frame.f_globals.get("__name__", "")
    while frame is not None and frame.f_code.co_name != "<module>":
        frame = frame.f_back
    return nearest if frame is None else frame.f_globals.get("__name__", nearest)


def look_past(op: Rule, *peepholes: Rule, makers: Sequence[Rule] = ()) -> None:
    """Give the row of ``op`` peepholes: see ``Primitive.peepholes``.

    With ``makers`` they are asked only where one of these rows made an input: a row on the hot path stays fast.
    """
    row: Primitive = op.primitive  # type: ignore[attr-defined]
    row.peepholes += peepholes
    if not makers:
        row.plain = False
    row.makers |= {maker.primitive for maker in makers}  # type: ignore[attr-defined]
    for maker in row.makers:
        maker.seen = True
