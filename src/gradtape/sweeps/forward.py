"""The forward sweep: walks the record forwards, pushing tangents (Wengert 1964).

For every entry y = f(x1, x2, ...) it turns the tangents of the inputs into dy = sum_i J_i dx_i.  As in the reverse
sweep, it computes on raw arrays where nobody records, and on Tensors, recorded, where somebody does.

Complex values: dy = f'(x) dx for a holomorphic f; for a real f of a complex x, Re(conj(gradient) dx).
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Any

import numpy as np

from ..errors import RuleError
from ..primitives.complexes import conj, real
from ..primitives.selection import where
from ..primitives.shapes import astype, broadcast_to, identity
from ..record.events import QUERY
from ..record.segment import Entry, Window, is_recording
from ..record.tensor import Tensor, value_of
from .company import carried_out, reachable, seen_through
from .failing import located
from .reverse import reverse

#: The tangents of what depends on the sources; None: it does, with slope zero.
Tangents = dict[Tensor, Any]
_NONE: dict[str, Any] = {}


def forward(
    entries: Iterable[Entry],
    tangents: Mapping[Tensor, Any],
    *,
    sources: Collection[Tensor] | None = None,
    before: Iterable[Entry] = (),
) -> Tangents:
    """The tangents of all that ``entries`` computed from the keys of ``tangents``, with those themselves.

    Raw arrays where nobody records, else Tensors, as are the given ones.  ``before``: entries swept over earlier, which
    peepholes may look back at; ``sources``: the keys of ``tangents`` that were given, where some were computed then.
    A source that ``entries`` compute from others has its own tangent and theirs.
    """
    known: Tangents = dict(tangents)
    given = tangents.keys() if sources is None else sources
    made: dict[Any, Entry] = {e[3]: e for e in before}
    recording = is_recording()
    with np.errstate(all="ignore"):
        for entry in entries:
            row, params, inputs, output, code, lasti = entry
            if row.kind == "event":
                if row is QUERY and any(x in known for x in inputs):
                    for o in output:  # a derivative is connected to what its target was connected to
                        known.setdefault(o, None)
                continue
            made[output] = entry
            if not row.carries or not any(x in known for x in inputs):
                continue
            live = [i for i, x in enumerate(inputs) if known.get(x) is not None]
            dy: Any = None
            try:
                if live:
                    seen = row.peepholes and (not row.makers or _meets(row, inputs, made))
                    match = seen_through(row, params or _NONE, inputs, made.get, given) if seen else None
                    if match is None:
                        dy = _push(row, params or _NONE, inputs, output, live, known, recording)
                    else:
                        window, whole, arguments = carried_out(*match)
                        starts = {f: dx for f, x in arguments.items() if (dx := known.get(x)) is not None}
                        dy = forward(window.entries(), starts).get(whole)
                        dy = None if dy is None else _fitted(dy, output if recording else output.data)
            except Exception as error:
                raise located(error, row, code, lasti, "forward") from error
            if type(output) is tuple:
                for o, do in zip(output, dy if dy is not None else (None,) * len(output), strict=True):
                    known[o] = _sum(do, tangents.get(o))
            else:
                known[output] = _sum(dy, tangents.get(output)) if output in given else dy
    return known


def _meets(row: Any, inputs: Any, made: dict[Any, Entry]) -> bool:
    """Whether one of ``inputs`` was made by a row that the peepholes of ``row`` look for."""
    return any(x in made and made[x][0] in row.makers for x in inputs)


def _sum(a: Any, b: Any) -> Any:
    return b if a is None else a if b is None else a + b


def _push(row: Any, params: Any, inputs: Any, output: Any, live: list[int], known: Tangents, recording: bool) -> Any:
    """The tangent of one entry's output."""
    dxs = [known.get(x) if i in live else None for i, x in enumerate(inputs)]
    if recording:
        y, xs = output, inputs
    else:
        y = tuple([value_of(o) for o in output]) if type(output) is tuple else output.data
        xs = [value_of(x) for x in inputs]
    dy = ANSWERS[row.kind](row, params, xs, y, dxs)
    if type(dy) is tuple:
        return tuple([None if d is None else _fitted(d, o) for d, o in zip(dy, y, strict=True)])
    return None if dy is None else _fitted(dy, y)


def _fitted(dy: Any, y: Any) -> Any:
    """A tangent in the shape and dtype of the value."""
    if dy.dtype != y.dtype:
        dy = real(dy) if dy.dtype.kind == "c" and y.dtype.kind != "c" else dy
        dy = dy if dy.dtype == y.dtype else astype(dy, dtype=y.dtype)
    return dy if dy.shape == y.shape else broadcast_to(dy, shape=y.shape)


# One answer per kind: (row, params, xs, y, dxs) -> dy; dxs[i] is None where input i has no tangent.


def _nothing(*_: Any) -> None:
    return None


def _elementwise(row: Any, params: Any, xs: Any, y: Any, dxs: Any) -> Any:
    total: Any = None
    for i, (phi, dx) in enumerate(zip(row.partials, dxs, strict=True)):
        if phi is None or dx is None:
            continue
        slope = phi(y, *xs, **params)
        term = real(conj(slope) * dx) if dx.dtype.kind == "c" and y.dtype.kind != "c" else slope * dx
        if row.alive and row.alive[i] is not None:
            term = where(row.alive[i](*xs, **params), term, 0.0)
        total = term if total is None else total + term
    return total


def _linear(row: Any, params: Any, xs: Any, y: Any, dxs: Any) -> Any:
    slots = [
        dx if dx is not None else x if not differentiable(row, i, x) else 0.0 if row.broadcasts else zeros(x)
        for i, (x, dx) in enumerate(zip(xs, dxs, strict=True))
    ]
    return row.op(*slots, **params)


def differentiable(row: Any, i: int, x: Any) -> bool:
    """Whether slot ``i`` of a linear row is one of those it is linear in: not an index, not a condition."""
    if row.variadic is None and row.transposes[i] is None:
        return False
    return not hasattr(x, "dtype") or x.dtype.kind in "fc"


def zeros(x: Any) -> Any:
    zeros = np.zeros_like(value_of(x))[()]
    return Tensor(zeros) if isinstance(x, Tensor) else zeros


def _multilinear(row: Any, params: Any, xs: Any, y: Any, dxs: Any) -> Any:
    """Leibniz: the sum over the slots with that slot's tangent in its place."""
    total: Any = None
    for i, dx in enumerate(dxs):
        if dx is not None:
            term = row.op(*[dx if j == i else x for j, x in enumerate(xs)], **params)
            total = term if total is None else total + term
    return total


def _differential(row: Any, params: Any, xs: Any, y: Any, dxs: Any) -> Any:
    return row.differential(y, list(xs), dxs, **params)


def _composite(row: Any, params: Any, xs: Any, y: Any, dxs: Any) -> Any:
    """Run the body, recorded, and sweep forwards over what it did."""
    if row.jvp is not None:
        return row.jvp(y, list(xs), dxs, **params)
    if row.body is None:
        return transposed_rule(row, params, xs, y, dxs)
    arguments = [identity(x) if isinstance(x, Tensor) else _tensor(x) for x in xs]
    with Window() as window:
        output = row.body(*arguments, **params)
    given = {x: dx for x, dx in zip(arguments, dxs, strict=True) if dx is not None}
    known = forward(window.entries(), given)
    return tuple([known.get(o) for o in output]) if isinstance(output, tuple) else known.get(output)


def transposed_rule(row: Any, params: Any, xs: Any, y: Any, dxs: Any) -> Any:
    """A rule that was given backwards only, ct -> J^T ct, transposed: it is linear in ct, so any ct serves."""
    several = isinstance(y, tuple)
    cts = [Tensor(np.ones_like(value_of(o))) for o in (y if several else (y,))]
    with Window() as window:
        pulled = row.vjp(tuple(cts) if several else cts[0], y, *xs, **params)
    pairs = [(p, dx) for p, dx in zip(pulled, dxs, strict=True) if dx is not None and p is not None]
    active = reachable(window.segments, set(cts))
    if any(p not in active and np.any(p.data) for p, _ in pairs):
        raise RuleError(f"the rule of {row.name} is not recorded code, so it has no forward derivative")
    # The reverse sweep gives the conjugate transpose.
    found = reverse(window.segments, [(p, _conj(dx)) for p, dx in pairs], cts)
    dy = tuple([None if (c := found.get(ct)) is None else _conj(c) for ct in cts])
    return dy if several else dy[0]


def _conj(x: Any) -> Any:
    return conj(x) if x.dtype.kind == "c" else x


def _tensor(x: Any) -> Any:
    return Tensor(x) if isinstance(x, np.ndarray | np.generic) else x


ANSWERS: dict[str, Callable[..., Any]] = {
    "constant": _nothing,
    "elementwise": _elementwise,
    "linear": _linear,
    "multilinear": _multilinear,
    "differential": _differential,
    "composite": _composite,
    "event": _nothing,
}
