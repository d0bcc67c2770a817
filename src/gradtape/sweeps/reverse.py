"""The reverse sweep: walks the record backwards, summing cotangents (Speelpenning 1980; Griewank & Walther, ch. 3).

For every entry y = f(x1, x2, ...) between the sources and the target it turns the cotangent of y into
contributions J_i^T ct to the inputs.  With nobody recording it computes on raw arrays; when somebody records,
on Tensors, so what it does is recorded in its turn and derivatives nest to any order.

Complex values: the gradient is dL/dRe + i dL/dIm (the convention of TensorFlow and PyTorch), J^H ct for a
holomorphic function.  Rules are plain transposes, so they are applied to conj(ct), and conjugated back.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from contextvars import ContextVar
from typing import Any

import numpy as np

from ..errors import RuleError
from ..primitives.complexes import conj, real
from ..primitives.selection import where
from ..primitives.shapes import astype, identity
from ..record.segment import Segment, Window, is_recording
from ..record.tensor import Tensor, value_of
from ..rules.lanes import Lanes
from .company import carried_out, meets, reachable, seen_through
from .cotangents import Pending, Pieces, accumulate, dense
from .failing import located
from .lanes import beyond, has_nan, met_by, met_by_outputs, transposed, unbroadcast

Contributions = list[tuple[int, Any]]

_F64 = np.dtype(np.float64)
_NONE: dict[str, Any] = {}


#: Whether entries left out are told from those that got zero: where the faster sweep without masks has made a nan.
_careful: ContextVar[bool] = ContextVar("gradtape_careful", default=False)


def reverse(
    segments: Sequence[Segment],
    seeds: Iterable[tuple[Tensor, Any]],
    sources: Iterable[Tensor],
    *,
    keep_lanes: bool = False,
    onward: bool = False,
    reached: tuple[set[Tensor], dict[Tensor, Any]] | None = None,
) -> dict[Tensor, Any]:
    """Cotangents of ``sources`` given those of some targets; a source that got none is not in the result.

    ``seeds`` are pairs (target, cotangent).  Where nobody records, seeds and results are raw arrays; else Tensors.
    ``keep_lanes``: for a sweep inside a sweep, which goes on with the results: they may be Lanes.  ``onward``: entries
    of the sources that were left out are told from zeros, too.
    ``reached``: what :func:`reachable` found for these sources and its ``company``, for those who ask several times.
    """
    wanted = set(sources)
    company: dict[Tensor, Any] = {} if reached is None else reached[1]
    active = reachable(segments, wanted, company) if reached is None else reached[0]
    given = [(target, seed) for target, seed in seeds if target in active]
    with np.errstate(all="ignore"):
        sweep = _Sweep(segments, active, company, onward)
        found = sweep.run(wanted, given)
        if sweep.dropped and any(has_nan(dense(ct)) for ct in found.values()):
            token = _careful.set(True)
            try:
                found = _Sweep(segments, active, company, onward).run(wanted, given)
            finally:
                _careful.reset(token)
        results = {source: fitted(ct, source) for source, ct in found.items()}
        if keep_lanes:
            results.update((s, Lanes(results[s], ct.alive)) for s, ct in found.items() if type(ct) is Lanes)
        return results


def keeps_lanes() -> bool:
    """Whether a rule that takes Lanes at a price should: no, where the sweep is done again if that makes a nan."""
    return is_recording() or _careful.get()


class _Sweep:
    """The state of one walk: cotangents that wait for the entry that made their value."""

    __slots__ = (
        "active", "careful", "company", "dropped", "last", "made", "onward",
        "pending", "recording", "segments", "wanted",
    )  # fmt: skip

    def __init__(self, segments: Sequence[Segment], active: set[Tensor], company: Any, onward: bool) -> None:
        self.segments = segments
        self.company = company
        self.active = active
        self.recording = is_recording()
        self.careful = self.recording or _careful.get()
        self.dropped = False
        self.pending: Pending = {}
        self.made: dict[Tensor, Any] | None = None
        self.onward = onward
        #: What derivatives are asked for, and those of it with which nobody goes on.
        self.wanted: set[Tensor] = set()
        self.last: set[Tensor] = set()

    def run(self, wanted: set[Tensor], seeds: Iterable[tuple[Tensor, Any]]) -> Pending:
        """Walk from the last entry to the first; what the wanted Tensors got is returned."""
        for target, seed in seeds:
            accumulate(self.pending, target, seed)
        found: Pending = {}
        self.wanted = wanted
        self.last = set() if self.onward else wanted
        pending, active, pull = self.pending, self.active, self.pull
        company = self.company
        recording = self.recording
        for segment in reversed(self.segments):
            for row, params, inputs, output, code, lasti in reversed(segment):
                if type(output) is tuple:
                    if row.kind == "event" or not any(o in pending for o in output):
                        continue
                    takes_lanes = row.takes_lanes or row.met is not None
                    ct: Any = tuple([_pop(o, pending, found, wanted, takes_lanes) for o in output])
                else:
                    ct = pending.pop(output, None)
                    if ct is None:
                        continue
                    if type(ct) is Pieces:
                        ct = ct.total()
                    if output in wanted:
                        found[output] = ct
                try:
                    if (
                        row.plain
                        and params is None
                        and type(ct) is not Lanes
                        and ct.dtype is _F64
                        and not (row.peepholes and company and meets(row, inputs, company))
                    ):
                        _plain(row, inputs, output, ct, active, pending, recording)
                    else:
                        pull(row, params or _NONE, inputs, output, ct)
                except Exception as error:
                    raise located(error, row, code, lasti) from error
        for source in wanted:
            ct = pending.pop(source, None)
            if ct is not None:
                found[source] = ct.total() if type(ct) is Pieces else ct
        return found

    def pull(self, row: Any, params: Any, inputs: Any, output: Any, ct: Any) -> None:
        """Turn the cotangent of one entry's output into contributions to its inputs."""
        asked = row.peepholes and (not row.makers or meets(row, inputs, self.company))
        if asked and self.seen_through(row, params, inputs, ct):
            return
        alive = None
        if type(ct) is Lanes:
            alive, ct = ct.alive, ct.ct
            recorded = isinstance(alive, Tensor)  # that holds at other values too: it may not look at these
            if not recorded and not alive.any():
                return  # structurally zero, whatever the row
            if not recorded and alive.all() and not row.moves:  # what moves entries may leave inputs out
                alive = None
        if row.gathered is not None and alive is None:
            self.gather(row, params, inputs[0], ct)
            return
        # The parts of a row keep lanes apart, its short way does not, unless it says what meets what.
        apart = alive is not None and not (row.moves or row.met) and (row.body or row.differential)
        explicit = row.vjp is not None and not apart
        # Kinds that sweep over entries of their own are right for complex values already: see the module's docstring.
        transposes = explicit or row.kind not in ("composite", "differential")
        conjugated = transposes and type(ct) is not tuple and ct.dtype is not _F64 and ct.dtype.kind == "c"
        if conjugated:
            ct = conj(ct)
        if self.recording:
            y, xs = output, inputs
        else:
            y = tuple([value_of(o) for o in output]) if type(output) is tuple else output.data
            xs = [x.data if type(x) is Tensor else value_of(x) for x in inputs]
        self.dropped = self.dropped or not transposes or row.takes_lanes  # among the entries of its own
        answer = _explicit if explicit else ANSWERS[row.kind]
        met = None
        if type(ct) is tuple and row.met is not None:
            met, ct = met_by_outputs(row, xs, ct, params)
        if alive is not None and row.kind == "multilinear" and not row.broadcasts:
            met = met_by(row, xs, alive, params)
            xs = xs if met is None else [where(m, x, 0.0) for m, x in zip(met, xs, strict=True)]
        for i, c in answer(row, params, inputs, xs, y, ct, alive, self.active):
            x = inputs[i]
            if conjugated:
                c = conj(dense(c))
            if row.broadcasts or row.alive:
                c = unbroadcast(row, params, i, x, xs, c, alive)
            elif alive is not None and row.kind == "elementwise":
                c = Lanes(where(alive, c, 0.0), alive)
            elif alive is not None and row.moves:
                c = Lanes(c, transposed(row, i, where(alive, 1.0, 0.0), xs, params) != 0)
            elif met is not None:
                c = Lanes(where(met[i], dense(c), 0.0), met[i])
            elif alive is not None and type(c) is not Lanes:
                c = beyond(row, params, i, xs, c, alive)
            elif row.drops and x not in self.last and type(c) is not Lanes:
                if self.careful:
                    c = Lanes(c, transposed(row, i, np.ones(value_of(output).shape), xs, params) != 0)
                else:
                    self.dropped = True
            if dense(c).dtype.kind == "c" and x.data.dtype.kind != "c":
                c = Lanes(real(c.ct), c.alive) if type(c) is Lanes else real(c)  # a real input of a complex value
            accumulate(self.pending, x, c)

    def gather(self, row: Any, params: Any, x: Tensor, ct: Any) -> None:
        """Keep the cotangent of a part of ``x`` until those of the others are there."""
        pieces = self.pending.get(x)
        if type(pieces) is not Pieces:
            pieces = Pieces(x, pieces, self.careful and x not in self.last)
            self.pending[x] = pieces
        self.dropped = self.dropped or not (pieces.masked or x in self.last)
        pieces.parts.setdefault(row, []).append((ct, params))

    def seen_through(self, row: Any, params: Any, inputs: Any, ct: Any) -> bool:
        """Whether a peephole of the row answers for this entry together with those that made its inputs."""
        if self.made is None:
            self.made = {e[3]: e for s in self.segments for e in s if type(e[3]) is Tensor}
        match = seen_through(row, params, inputs, self._maker, self.wanted)
        if match is None:
            return False
        window, output, arguments = carried_out(*match)
        active = {f: x for f, x in arguments.items() if x in self.active}
        for f, c in reverse(window.segments, [(output, ct)], active, keep_lanes=True).items():
            accumulate(self.pending, active[f], c)
        return True

    def _maker(self, x: Any) -> Any:
        entry = self.made.get(x) if self.made is not None and isinstance(x, Tensor) else None
        return None if entry is None else entry[:3]


def _plain(row: Any, inputs: Any, output: Any, ct: Any, active: set[Tensor], pending: Pending, recording: bool) -> None:
    """The common case of ``pull``, without its cases: one or two inputs, float64 cotangents, no lanes."""
    first, y = inputs[0], output if recording else output.data
    if len(inputs) == 1:
        a = first if recording else first.data
        c = row.partials[0](y, a) * ct if row.partials else row.transposes[0](ct, a)
        if first in pending:
            accumulate(pending, first, c)
        else:
            pending[first] = c
        return
    second = inputs[1]
    if recording:
        a, b = first, second
    else:
        a = first.data if type(first) is Tensor else value_of(first)
        b = second.data if type(second) is Tensor else value_of(second)
    for i, x in ((0, first), (1, second)):
        if x in active:
            if row.partials:
                c = row.partials[i](y, a, b) * ct
            else:
                c = row.transposes[i](ct, a, b)
            data = x.data
            if c.shape != data.shape or data.dtype is not _F64:
                c = unbroadcast(row, _NONE, i, x, (a, b), c, None)
            if x in pending:
                accumulate(pending, x, c)
            else:
                pending[x] = c


def fitted(ct: Any, x: Tensor) -> Any:
    """A cotangent as ``x`` wants it: without lanes, in its dtype (real for a real ``x``) and shape."""
    ct, dtype = dense(ct), x.data.dtype
    if ct.dtype != dtype:
        ct = real(ct) if ct.dtype.kind == "c" and dtype.kind != "c" else ct
        ct = ct if ct.dtype == dtype else astype(ct, dtype=dtype)
    if ct.shape != x.data.shape:
        raise RuleError(f"a rule returned a cotangent of shape {ct.shape} for an input of shape {x.data.shape}")
    return ct


def _pop(x: Tensor, pending: Pending, found: Pending, wanted: set[Tensor], lanes: bool) -> Any:
    """The cotangent of one of several outputs; None where it got none."""
    ct = pending.pop(x, None)
    if type(ct) is Pieces:
        ct = ct.total()
    if ct is not None and x in wanted:
        found[x] = ct
    return ct if lanes else dense(ct)


# One answer per kind: (row, params, inputs, xs, y, ct, alive, active) -> [(slot, contribution)].
# ``inputs`` are the identities on the record; ``xs`` and ``y`` what the rules compute with.


def _elementwise(
    row: Any, params: Any, inputs: Any, xs: Any, y: Any, ct: Any, alive: Any, active: Any
) -> Contributions:
    return [
        (i, phi(y, *xs, **params) * ct) for i, phi in enumerate(row.partials) if phi is not None and inputs[i] in active
    ]


def _transposed(row: Any, params: Any, inputs: Any, xs: Any, y: Any, ct: Any, alive: Any, active: Any) -> Contributions:
    return [
        (i, transposed(row, i, ct, xs, params))
        for i, x in enumerate(inputs)
        if x in active and (row.variadic is not None or row.transposes[i] is not None)
    ]


def _composite(row: Any, params: Any, inputs: Any, xs: Any, y: Any, ct: Any, alive: Any, active: Any) -> Contributions:
    """Run the body, recorded, and sweep backwards over what it did."""
    arguments = [identity(x) if isinstance(x, Tensor) else _tensor(x) for x in xs]
    with Window() as window:
        outputs = row.body(*arguments, **params)
    return _through(window, outputs, ct, alive, inputs, arguments, active)


def _differential(
    row: Any, params: Any, inputs: Any, xs: Any, y: Any, ct: Any, alive: Any, active: Any
) -> Contributions:
    """Record dy as a function of dx, and transpose those entries: dy is linear in dx, so any dx serves."""
    arguments = [_tensor(x) for x in xs]
    result = tuple([_tensor(v) for v in y]) if isinstance(y, tuple) else _tensor(y)
    tangents = [Tensor(np.ones_like(value_of(x))) if inputs[i] in active else None for i, x in enumerate(xs)]
    with Window() as window:
        outputs = row.differential(result, arguments, tangents, **params)
    if alive is not None and row.vjp is not None and any(entry[0] is row for entry in window.entries()):
        # Its parts are no smaller than itself.  The short way is a plain transpose, not conjugated by the caller.
        return [(i, conj(c)) for i, c in _explicit(row, params, inputs, xs, y, conj(ct), alive, active)]
    return _through(window, outputs, ct, alive, inputs, tangents, active)


def _through(
    window: Window, outputs: Any, ct: Any, alive: Any, inputs: Any, sources: Sequence[Any], active: Any
) -> Contributions:
    """Sweep backwards over a window of its own, from ``outputs`` to the sources of the active slots."""
    if isinstance(outputs, tuple):
        seeds: list[tuple[Any, Any]] = [(o, c) for o, c in zip(outputs, ct, strict=True) if c is not None]
    else:
        seeds = [(outputs, ct if alive is None else Lanes(ct, alive))]
    slots = [i for i, x in enumerate(inputs) if x in active]
    found = reverse(window.segments, seeds, [sources[i] for i in slots], keep_lanes=True)
    return [(i, found[sources[i]]) for i in slots if sources[i] in found]


def _explicit(row: Any, params: Any, inputs: Any, xs: Any, y: Any, ct: Any, alive: Any, active: Any) -> Contributions:
    selected = {"wanted": [i for i, x in enumerate(inputs) if x in active]} if row.selective else _NONE
    contributions = row.vjp(ct, y, *xs, **params, **selected)
    return [(i, c) for i, c in enumerate(contributions) if c is not None and inputs[i] in active]


def _nothing(*_: Any) -> Contributions:
    return []


def _tensor(x: Any) -> Any:
    return Tensor(x) if isinstance(x, np.ndarray | np.generic) else x


ANSWERS: dict[str, Callable[..., Contributions]] = {
    "constant": _nothing,
    "elementwise": _elementwise,
    "linear": _transposed,
    "multilinear": _transposed,
    "differential": _differential,
    "composite": _composite,
    "event": _nothing,
}
