"""The Taylor sweep: walks the record forwards, pushing truncated power series (Griewank & Walther, ch. 13).

x(t) = sum_k x[k] t^k, with normalised coefficients: the k-th derivative along the path is k! x[k].  Series are *lazy*:
coefficient k is computed when somebody asks for it, and kept.  A rule is then read as a differential equation,

    y' = sum_i phi_i(y, x) x_i'    =>    k y[k] = sum_i sum_{j=1..k} j x_i[j] phi_i[k - j],

where phi_i, made by the row's own partial from the series of y and x, may depend on y: the coefficients it needs are
known by then.  The cost is quadratic in the order for every operation.  A coefficient that is None is zero.

As in the other sweeps, coefficients are raw arrays where nobody records, and Tensors, recorded, where somebody does.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import numpy as np

from ..errors import RuleError
from ..primitives.complexes import conj, real
from ..primitives.selection import where
from ..primitives.shapes import broadcast_to
from ..record.segment import Entry, Window, is_recording
from ..record.tensor import Tensor, value_of
from .company import seen_through
from .composition import Powers, climbing
from .failing import located
from .forward import differentiable, transposed_rule, zeros
from .series import Series, added, by_coefficients, first

_NONE: dict[str, Any] = {}


class Taylor:
    """One sweep: the series it made, each once for the same operation on the same series."""

    def __init__(self) -> None:
        self._memo: dict[Any, Any] = {}
        self._kept: list[Any] = []  # keys of the memo go by id: what they name must live
        #: The series of each Tensor that the sweep has come past.
        self.known: dict[Tensor, Any] = {}
        #: Those that were given: peepholes may not pass them by.
        self.given: set[Series] = set()
        self._nested: list[Series] | None = None
        self._powers: dict[Series, Powers] = {}
        self._straight: set[Series] = set()

    def series(self, coefficients: list[Any]) -> Series:
        """A series of given coefficients, zero beyond."""
        s = Series(self, coefficients)
        self.given.add(s)
        return s

    def apply(self, row: Any, inputs: tuple[Any, ...], params: dict[str, Any], value: Any = None) -> Any:
        """The series of ``row``'s output; of a row without a slope, its value."""
        # What the record holds under a name of its own may be known to other windows than what a rule computes now.
        own = value is not None and is_recording()
        key = (row, tuple([id(x) for x in inputs]), repr(params) if params else "")
        found = None if own else self._memo.get(key)
        if found is None:
            if value is None:
                if row.kind == "composite" and row.stands_for:
                    raise RuleError(f"the rule of {row.name} is applied to a cotangent: Taylor mode cannot replay it")
                value = row.op(*[first(x) for x in inputs], **params)
            if row.peepholes and (match := self._seen_through(row, params, inputs)) is not None:
                found = _whole(self, match[0], match[1], value)
            else:
                found = ANSWERS[row.kind](self, row, params, inputs, value)
            if type(found) is Series:
                found.made = (row, params, inputs)
                if self._nested is not None:
                    self._nested.append(found)
            if not own:
                self._memo[key] = found
            self._kept.append(inputs)
        return found

    def composed(self, row: Any, inputs: tuple[Any, ...], x: Series, params: dict[str, Any], k: int) -> Any:
        """Coefficient k of ``row`` along ``x``, the one input that moves, from its derivatives at x(0)."""
        powers = self._powers.get(x)
        if powers is None:
            powers = self._powers[x] = Powers(x, self)
            self._straight.add(powers.straight)
        straight = tuple([powers.straight if i is x else i for i in inputs])
        return powers.coefficient(self.apply(row, straight, params), k)

    def climbs(self, row: Any, inputs: tuple[Any, ...], y0: Any, on_the_way: list[Series]) -> Series | None:
        """The one input that moves, if ``row`` is of a family that differentiates within itself, and so on for ever."""
        x = climbing(row, inputs, on_the_way)
        return None if x is None or x in self._straight or x.dtype.kind != y0.dtype.kind else x

    def nested(self, rule: Callable[[], Any]) -> tuple[Any, list[Series]]:
        """What a rule makes, and the series on the way to it, in the order of the rule's own program."""
        outer, self._nested = self._nested, []
        try:
            return rule(), self._nested
        finally:
            self._nested = outer

    def _seen_through(self, row: Any, params: Any, inputs: Any) -> Any:
        company = [x.made[0] for x in inputs if type(x) is Series and x.made is not None]
        if not company or (row.makers and row.makers.isdisjoint(company)):
            return None
        return seen_through(row, params, inputs, lambda x: x.made if type(x) is Series else None, self.given)


def taylor(
    entries: Iterable[Entry],
    given: Mapping[Tensor, Series],
    reader: Taylor,
    order: int,
    changed: Iterable[Tensor] = (),
) -> dict[Tensor, Any]:
    """The series of all that ``entries`` computed from the keys of ``given``, known up to ``order``.

    A source that ``entries`` compute from others has its own changes and theirs.  ``changed``: keys of ``given`` whose
    series begin with another value than the recorded one; what depends on them is computed anew.
    """
    anew = set(changed)
    known = reader.known
    known.update(given)
    recording = is_recording()
    with np.errstate(all="ignore"):
        for row, params, inputs, output, code, lasti in entries:
            if not row.carries or not any(x in known for x in inputs):
                continue
            args = tuple([known.get(x, x if recording else value_of(x)) for x in inputs])
            several = type(output) is tuple
            outputs = output if several else (output,)
            value = output if recording else tuple([value_of(o) for o in output]) if several else value_of(output)
            if anew and any(x in anew for x in inputs):
                anew.update(outputs)
                value = None
            try:
                made = reader.apply(row, args, params or _NONE, value)
                for o, s in zip(outputs, made if several else (made,), strict=True):
                    s = s if isinstance(s, Series) else Series(reader, [s])
                    known[o] = given[o].plus(s) if o in given else s
                    _ = known[o].term(order)  # in the order of the program, so that no recursion gets deep
            except Exception as error:
                raise located(error, row, code, lasti, "Taylor") from error
    return known


# One answer per kind: (reader, row, params, inputs, y0) -> the output's series.


def _constant(reader: Taylor, row: Any, params: Any, inputs: Any, y0: Any) -> Any:
    return y0


def _elementwise(reader: Taylor, row: Any, params: Any, inputs: Any, y0: Any) -> Series:
    """k y[k] = sum_i [x_i' phi_i][k - 1]; with a quotient, k w[0] y[k] = [sum_i x_i' u_i - w y'][k - 1]."""
    made: list[Any] = []
    ladder: list[Series | None] = []
    y = Series(reader, [y0])

    def slopes() -> tuple[Any, list[tuple[Any, Any, Any]]]:
        quotient = row.quotient(y, *inputs, **params) if row.quotient else None
        w, us = quotient or (None, row.partials)
        found: list[tuple[Any, Any, Any]] = []
        for i, (phi, x) in enumerate(zip(us, inputs, strict=True)):
            if phi is not None and isinstance(x, Series):
                mask = row.alive[i](*[first(z) for z in inputs], **params) if row.alive and row.alive[i] else None
                found.append((x, phi(y, *inputs, **params) if quotient is None else phi, mask))
        return w, found

    def make(k: int) -> Any:
        if not made:
            (w, found), on_the_way = reader.nested(slopes)
            made.extend((w, found, on_the_way))
            ladder.append(reader.climbs(row, inputs, y0, on_the_way) if w is None else None)
        w, found, on_the_way = made
        x = ladder[0]
        if x is not None and any(x.term(j) is not None for j in range(2, k + 1)):
            return _shaped(reader.composed(row, inputs, x, params, k), y0)
        _settle(on_the_way, k - 1)
        total: Any = None
        for x, phi, mask in found:
            part = _convolved(x, phi, k, y0)
            if part is not None and mask is not None:
                part = where(mask, part, 0.0)
            total = added(total, part)
        if w is not None:
            rest = _convolved(y, w, k, y0, k - 1)
            total = total if rest is None else -rest if total is None else total - rest
            total = None if total is None else total / first(w)
        return None if total is None else _shaped(total / k if k > 1 else total, y0)

    y._make = make  # pyright: ignore[reportPrivateUsage]
    return y


def _convolved(x: Series, phi: Any, k: int, y0: Any, last: int | None = None) -> Any:
    """sum_{j=1..k} j x[j] phi[k - j], or up to j = ``last``."""
    total: Any = None
    for j in range(1, (k if last is None else last) + 1):
        xj = x.term(j)
        if xj is None:
            continue
        slope = phi.term(k - j) if isinstance(phi, Series) else phi if j == k else None
        if slope is None:
            continue
        to_real = xj.dtype.kind == "c" and y0.dtype.kind != "c"
        term = real(conj(slope) * xj) if to_real else slope * xj
        total = added(total, term if j == 1 else j * term)
    return total


def _linear(reader: Taylor, row: Any, params: Any, inputs: Any, y0: Any) -> Series:
    def make(k: int) -> Any:
        coefficients = [x.term(k) if isinstance(x, Series) else None for x in inputs]
        if all(c is None for c in coefficients):
            return None
        if row.broadcasts and any(c is None for c in coefficients):
            # Element by element a linear row is its own transpose: no zeros need be added.
            total: Any = None
            for i, c in enumerate(coefficients):
                total = total if c is None else added(total, row.transposes[i](c, *inputs, **params))
            return _shaped(total, y0)
        slots = [
            c if c is not None else first(x) if not differentiable(row, i, first(x)) else _zero(row, first(x))
            for i, (x, c) in enumerate(zip(inputs, coefficients, strict=True))
        ]
        return _shaped(row.op(*slots, **params), y0)

    return Series(reader, [y0], make)


def _zero(row: Any, x: Any) -> Any:
    return 0.0 if row.broadcasts else zeros(x)


def _multilinear(reader: Taylor, row: Any, params: Any, inputs: Any, y0: Any) -> Any:
    """Cauchy's product: the sum over all ways to share the order out among the slots."""
    if row.body is not None and sum([isinstance(x, Series) for x in inputs]) > 2:
        return _composite(reader, row, params, inputs, y0)

    def share(slots: tuple[Any, ...], k: int) -> Iterable[tuple[Any, ...]]:
        x, rest = slots[0], slots[1:]
        if not rest:
            last = x.term(k) if isinstance(x, Series) else x if k == 0 else None
            return [] if last is None else [(last,)]
        orders = range(k + 1) if isinstance(x, Series) else range(1)
        heads = ((x.term(j) if isinstance(x, Series) else x, j) for j in orders)
        return [(head, *tail) for head, j in heads if head is not None for tail in share(rest, k - j)]

    def make(k: int) -> Any:
        total: Any = None
        for slots in share(inputs, k):
            total = added(total, row.op(*slots, **params))
        return None if total is None else _shaped(total, y0)

    return Series(reader, [y0], make)


def _differential(reader: Taylor, row: Any, params: Any, inputs: Any, y0: Any) -> Any:
    """k y[k] = dy(y, x, x')[k - 1]."""

    if row.system:
        return _solution(reader, row, params, inputs, y0)
    if row.coefficient is not None:
        return by_coefficients(reader, row, params, inputs, y0)

    def slope(y: Any) -> Any:
        dxs = [x.derivative() if isinstance(x, Series) else None for x in inputs]
        found = row.quotient(y, list(inputs), dxs, **params) if row.quotient else None
        return row.differential(y, list(inputs), dxs, **params) if found is None else found

    return _integrated(reader, y0, slope)


def _solution(reader: Taylor, row: Any, params: Any, inputs: Any, y0: Any) -> Series:
    """sum_i A_i y = b:  sum_i A_i[0] y[k] = b[k] - sum_i sum_{j=1..k} A_i[j] y[k - j]."""
    *heads, b = inputs
    y = Series(reader, [y0])

    def make(k: int) -> Any:
        right = b.term(k) if isinstance(b, Series) else None
        for x, product in zip(heads, row.system, strict=True):
            for j in range(1, k + 1) if isinstance(x, Series) else ():
                xj, before = x.term(j), y.term(k - j)
                if xj is not None and before is not None:
                    part = product(xj, before, **params)
                    right = -part if right is None else right - part
        return None if right is None else _shaped(row.op(*[first(x) for x in heads], right, **params), y0)

    y._make = make  # pyright: ignore[reportPrivateUsage]
    return y


def _integrated(reader: Taylor, y0: Any, slope: Callable[[Any], Any]) -> Any:
    """The series of y from that of y' = slope(y), made when it is first needed."""
    several = isinstance(y0, tuple)
    ys = tuple([Series(reader, [v]) for v in (y0 if several else (y0,))])
    made: list[Any] = []

    def make(k: int, i: int) -> Any:
        if not made:
            dy, on_the_way = reader.nested(lambda: slope(ys if several else ys[0]))
            made.extend((on_the_way, *(dy if isinstance(dy, tuple) else (dy,) * len(ys))))
        _settle(made[0], k - 1)
        dy = made[i + 1]
        before = dy.term(k - 1) if isinstance(dy, Series) else dy if k == 1 else None
        return None if before is None else _shaped(before / k, ys[i].term(0))

    for i, y in enumerate(ys):
        y._make = lambda k, i=i: make(k, i)  # pyright: ignore[reportPrivateUsage]
    return ys if several else ys[0]


def _composite(reader: Taylor, row: Any, params: Any, inputs: Any, y0: Any) -> Any:
    """The body's series; its value is the row's own."""
    if row.coefficient is not None:
        return by_coefficients(reader, row, params, inputs, y0)
    if row.body is None:
        return _rule(reader, row, params, inputs, y0)
    several = isinstance(y0, tuple)
    bodies: list[Any] = []

    def make(k: int, i: int) -> Any:
        if not bodies:
            output, on_the_way = reader.nested(lambda: row.body(*inputs, **params))
            bodies.extend((on_the_way, *(output if several else (output,))))
        _settle(bodies[0], k)
        return bodies[i + 1].term(k) if isinstance(bodies[i + 1], Series) else None

    ys = [Series(reader, [v], lambda k, i=i: make(k, i)) for i, v in enumerate(y0 if several else (y0,))]
    return tuple(ys) if several else ys[0]


def _whole(reader: Taylor, body: Callable[..., Any], arguments: tuple[Any, ...], y0: Any) -> Series:
    """The series of what a peephole saw: the value is the record's own."""
    made: list[Any] = []

    def make(k: int) -> Any:
        if not made:
            made.extend(reader.nested(lambda: body(*arguments)))
        _settle(made[1], k)
        return made[0].term(k) if isinstance(made[0], Series) else None

    return Series(reader, [y0], make)


def _rule(reader: Taylor, row: Any, params: Any, inputs: Any, y0: Any) -> Any:
    """A rule that was given backwards only: its transpose, dy(x, dx), recorded once and replayed on series."""
    fresh = [_tensor(value_of(first(x))) for x in inputs]
    tangents = [
        Tensor(np.ones_like(value_of(x))) if isinstance(s, Series) else None for x, s in zip(fresh, inputs, strict=True)
    ]
    with Window() as window:
        dy = transposed_rule(row, params, fresh, y0, tangents)
    entries = list(window.entries())

    def slope(y: Any) -> Any:
        # What the rule captured lies on the record that is being swept: its series are known to the reader.
        given: dict[Tensor, Any] = {}
        for x, dx, s in zip(fresh, tangents, inputs, strict=True):
            if dx is not None:
                given[x], given[dx] = s, s.derivative()
        found = taylor(entries, given, reader, 0, [dx for dx in tangents if dx is not None])
        return tuple([found.get(d) for d in dy]) if isinstance(dy, tuple) else found.get(dy)

    return _integrated(reader, y0, slope)


def _tensor(x: Any) -> Any:
    return Tensor(x) if isinstance(x, np.ndarray | np.generic) else x


def _settle(series: list[Series], k: int) -> None:
    """Coefficient k of a rule's intermediate series, in order where there are so many that recursion would get deep."""
    if len(series) > 30 and k >= 0:
        for s in series:
            s.term(k)


def _shaped(c: Any, y0: Any) -> Any:
    """A coefficient in the shape of the value."""
    return c if c.shape == y0.shape else broadcast_to(c, shape=y0.shape)


ANSWERS: dict[str, Callable[..., Any]] = {
    "constant": _constant,
    "elementwise": _elementwise,
    "linear": _linear,
    "multilinear": _multilinear,
    "differential": _differential,
    "composite": _composite,
}
