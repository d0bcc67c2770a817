"""The batch sweep: walks the record forwards once more, with a leading axis on whatever depends on the batch.

What does not depend on the batch is not computed again: it is used as it is.  Each other entry is one call of its own
operation for the whole batch; the row's ``batch`` says with which inputs and parameters (rules/batching.py).  As in the
other sweeps, it computes on raw arrays where nobody records, and on Tensors, recorded, where somebody does.

A record holds the path that was taken.  Where Python asked for a value (a guard), the whole batch must agree with what
was recorded; where a value left the record (an escape), it must be the same for the whole batch.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any
from warnings import warn

import numpy as np

from ..errors import GradtapeWarning, GuardError, message
from ..primitives.indexing import getitem
from ..primitives.joining import stack
from ..primitives.predicates import equal
from ..primitives.reductions import all as all_of
from ..primitives.reductions import sum as sum_of
from ..primitives.shapes import broadcast_to, identity, truncate
from ..record import events
from ..record.segment import Entry, Window, current, is_recording
from ..record.sites import decode
from ..record.tensor import Tensor, value_of
from ..rules.batching import lanes
from ..rules.primitive import Primitive

Values = dict[Tensor, Any]
_NONE: dict[str, Any] = {}


def batch(
    entries: Iterable[Entry], batched: Mapping[Tensor, Any], size: int, wanted: Iterable[Tensor] | None = None
) -> Values:
    """The values, with a leading axis of length ``size``, of what ``entries`` computed from the keys of ``batched``.

    Raw arrays where nobody records, else Tensors, as are the given ones.  With ``wanted``, only what those values
    need is computed.  A Tensor that is not in the result does not depend on the batch.
    """
    return Replay(entries, batched, wanted).run(batched, size)


class Replay:
    """The entries of a record that depend on a batch, ready to be walked again for one batch after another."""

    __slots__ = ("dependent", "row_bytes", "steps")

    def __init__(
        self, entries: Iterable[Entry], sources: Iterable[Tensor], wanted: Iterable[Tensor] | None = None
    ) -> None:
        #: What depends on the batch.
        self.dependent = dependent = set(sources)
        found: list[Entry] = []
        whole = wanted is None
        for entry in entries:
            row, _, inputs, output, _, _ = entry
            if row is events.QUERY:  # it made none of its answers: what did is on the record, unless they are zeros
                continue
            for x in inputs:
                if x in dependent:
                    found.append(entry)
                    if type(output) is tuple:
                        dependent.update(_depending(entry, dependent))
                    elif output is not None:
                        dependent.add(output)
                    whole = whole or bool(getattr(row, "stands_for", ()))
                    break
        #: (entry, the values that nobody needs after it, the inputs of a row that broadcasts or None)
        self.steps: list[tuple[Entry, tuple[Tensor, ...], Any]] = []
        #: What the values of one element of the batch take if all are kept.
        self.row_bytes = 0
        needed = set(wanted or ())
        for entry in reversed(found):
            row, _, inputs, output, _, _ = entry
            outputs = output if type(output) is tuple else (output,)
            if row.kind == "event":
                if row is events.ASSIGN:
                    continue
            elif not (whole or any(o in needed for o in outputs)):
                continue
            else:
                self.row_bytes += sum([o.nbytes for o in outputs])
            last: tuple[Tensor, ...] = ()
            if not whole:
                for x in inputs:
                    if x in dependent and x not in needed:
                        needed.add(x)
                        last = (*last, x)
            self.steps.append((entry, last, _operands(row, inputs, dependent)))
        self.steps.reverse()

    def run(self, batched: Mapping[Tensor, Any], size: int) -> Values:
        """Walk once, with these values of the sources."""
        known: Values = dict(batched)
        recording = is_recording()
        for entry, last, operands in self.steps:
            row, params, _, output, code, lasti = entry
            try:
                if operands is not None and not recording:  # the common case, without its cases
                    xs = [
                        x
                        if more < 0
                        else known[x]
                        if not more
                        else known[x].reshape((size,) + (1,) * more + known[x].shape[1:])
                        for x, more in operands
                    ]
                    value = row.run(*xs, **params) if params else row.run(*xs)
                else:
                    value = ANSWERS[row.kind](row, params or _NONE, entry, known, size)
            except Exception as error:
                site = decode(code, lasti)
                error.add_note(
                    f"gradtape: in the batch sweep, at {row.name}" + (f", recorded at {site}" if site else "")
                )
                raise
            if type(output) is tuple:
                if value is not None:
                    known.update(zip(output, value, strict=True))
            elif output is not None:
                known[output] = value
            if not recording:
                for x in last:
                    known.pop(x, None)
        return known


def _depending(entry: Entry, dependent: set[Tensor]) -> Iterable[Tensor]:
    """The outputs that depend on the batch: of the call of a program, not all of them need to."""
    program = entry[0].program_of(entry[1]) if entry[0].kind == "composite" else None
    if program is None:
        return entry[3]
    flags = program.dependent([x in dependent for x in entry[2]])
    return [o for o, f in zip(entry[3], flags, strict=True) if f]


def _operands(row: Any, inputs: Sequence[Any], dependent: set[Tensor]) -> Any:
    """For a row that broadcasts: its inputs, with how many axes each needs behind the leading one (-1: a constant)."""
    if row.kind == "event" or how_of(row) is not lanes:
        return None
    if len(inputs) == 1:
        return ((inputs[0], 0),)
    ranks = [len(x.data.shape) if isinstance(x, Tensor) else 0 for x in inputs]
    rank = max(ranks)
    return tuple([(x, rank - r) if x in dependent else (value_of(x), -1) for x, r in zip(inputs, ranks, strict=True)])


def how_of(row: Any) -> Any:
    """How the row takes a batch: as it says, or as broadcasting does; None where nobody says.

    Rows that act element by element broadcast; constants without parameters do, unless they say otherwise.
    """
    if row.batch is not None:
        return row.batch
    broadcasts = row.broadcasts or row.kind == "elementwise" or (row.kind == "constant" and not row.params)
    return lanes if broadcasts else None


def with_axis(known: Values, x: Tensor, size: int) -> Any:
    """The value of ``x`` with the leading axis, whether it depends on the batch or not."""
    if x in known:
        return known[x]
    return broadcast_to(x if is_recording() else x.data, shape=(size, *x.shape))


# One answer per kind: (row, params, entry, known, size) -> the value, or a tuple of them.


def _by_itself(row: Any, params: Any, entry: Entry, known: Values, size: int) -> Any:
    """By the row's own operation, as the row says, or as broadcasting does."""
    return _declared(row, params, entry, known, size, how_of(row))


def _composite(row: Any, params: Any, entry: Entry, known: Values, size: int) -> Any:
    """By its own implementation where the row says how, else by its body, recorded and walked in its turn."""
    if row.stands_for:
        return _ruled(row, entry, known, size)
    if row.batch is not None or row.body is None:
        return _by_itself(row, params, entry, known, size)
    arguments = [identity(x) if isinstance(x, Tensor) else x for x in entry[2]]
    with Window() as window:
        outputs = row.body(*arguments, **params)
    given = {a: known[x] for a, x in zip(arguments, entry[2], strict=True) if x in known}
    wanted = outputs if isinstance(outputs, tuple) else (outputs,)
    found = batch(window.entries(), given, size, wanted)
    values = tuple([with_axis(found, o, size) for o in wanted])
    return values if isinstance(outputs, tuple) else values[0]


def _event(row: Any, params: Any, entry: Entry, known: Values, size: int) -> None:
    """A guard or an escape: the batch must agree.  The agreement is recorded as a guard, for a replay of the replay."""
    _, _, inputs, _, code, lasti = entry
    x = inputs[0]
    guard = row is events.GUARD
    expected = params["value"] if guard else x.data
    values = known[x]
    seen = values
    if guard:
        dtype = "bool" if type(expected) is bool else "int64"
        seen = values if values.dtype == dtype else truncate(values, dtype=dtype)
    agree = np.equal(value_of(seen), expected) | ((value_of(seen) != value_of(seen)) & (expected != expected))
    if not np.all(agree):
        raise _disagreement(guard, params, expected, value_of(values), agree, decode(code, lasti))
    segment = current.get()
    if segment is not None:
        same = all_of(equal(seen, expected), axis=None, keepdims=False)
        segment.append((events.GUARD, {"value": bool(same.data)}, (same,), None, code, lasti))


ANSWERS: dict[str, Callable[..., Any]] = {
    "constant": _by_itself,
    "elementwise": _by_itself,
    "linear": _by_itself,
    "multilinear": _by_itself,
    "differential": _by_itself,
    "composite": _composite,
    "event": _event,
}


def _disagreement(guard: bool, params: Any, expected: Any, values: Any, agree: Any, site: Any) -> GuardError:
    place = np.unravel_index(int(np.argmin(agree)), agree.shape)[0] if agree.ndim else 0
    taken = f"asked by Python for a value ({expected!r} when it was recorded)" if guard else params.get("how", "")
    return GuardError(
        message(
            f"vmap: a value that depends on the batch was {taken}"
            if guard
            else f"vmap: a value that depends on the batch left the record ({taken})",
            f"element {place} of the batch has {np.asarray(values[place])[()]!r}" if np.size(values) < 1e6 else (),
            str(site) if site else None,
            "One path was recorded for the whole batch: choose with gt.where, or gt.cond, instead of a Python `if`; "
            "compute with Tensors."
            if guard
            else "Compute with the Tensor itself, by gradtape's or NumPy's functions.",
        )
    )


# -- one entry -------------------------------------------------------------------------------------------------


def _declared(row: Any, params: Any, entry: Entry, known: Values, size: int, how: Any) -> Any:
    """Carry out the row once for the whole batch, as ``how`` says; one by one where nobody says how."""
    recording = current.get() is not None
    xs: list[Any] = []
    flags: list[bool] = []
    for x in entry[2]:
        value = known.get(x)
        flags.append(value is not None)
        xs.append(value if value is not None else x if recording or not isinstance(x, Tensor) else x.data)
    answer = how(size, flags, xs, params) if how is not None else ()
    if not answer:
        return one_by_one(row, params, xs, flags, size, entry)
    inputs, params = answer[0], answer[1]
    if not recording:
        value = row.run(*inputs, **params)
    else:
        value = _recorded(row, params, inputs, entry)
    return answer[2](value) if len(answer) == 3 else value


def _recorded(row: Any, params: Any, inputs: Sequence[Any], entry: Entry) -> Any:
    """Carry out the row, recorded under the line of the entry that it repeats."""
    inputs = tuple([Tensor(x) if isinstance(x, np.ndarray | np.generic) else x for x in inputs])
    value = row.run(*[value_of(x) for x in inputs], **params)
    output = tuple([Tensor(v) for v in value]) if type(value) is tuple else Tensor(value)
    segment = current.get()
    if segment is not None:
        segment.append((row, params or None, inputs, output, entry[4], entry[5]))
    return output


#: Rows that have been reported to be carried out one by one.
reported: set[str] = set()


def one_by_one(
    row: Any, params: Any, xs: Sequence[Any], flags: Sequence[bool], size: int, entry: Entry | None = None
) -> Any:
    """A loop over the batch: for rows whose results need not even have one shape."""
    site = decode(entry[4], entry[5]) if entry is not None else None
    if row.name not in reported and size > 1:
        reported.add(row.name)
        warn(
            message(
                f"{row.name} has no rule for a whole batch: it is carried out {size} times",
                where=str(site) if site else None,
                remedy="This is told once.",
            ),
            GradtapeWarning,
            stacklevel=2,
        )
    rows = [
        row.op(*[getitem(x, index=(b,)) if f else x for x, f in zip(xs, flags, strict=True)], **params)
        for b in range(size)
    ]
    several = [r if type(r) is tuple else (r,) for r in rows]
    first = several[0] if entry is None else entry[3] if type(entry[3]) is tuple else (entry[3],)
    for place, o in enumerate(first):
        for b, r in enumerate(several):
            if r[place].shape != o.shape:
                raise GuardError(
                    message(
                        f"vmap: the shape of what {row.name} gives depends on the batch",
                        [f"element {b} gives {r[place].shape}, the first {o.shape}"],
                        str(site) if site else None,
                        "Choose with gt.where, which keeps the shape, instead of picking entries.",
                    )
                )
    if not size:
        values = tuple([np.zeros((0, *o.shape), o.dtype) for o in first])
        values = tuple([Tensor(v) for v in values]) if is_recording() else values
    else:
        values = tuple([stack(*[r[place] for r in several], axis=0) for place in range(len(first))])
    return values if row.outputs > 1 else values[0]


# -- rows that have a rule of the user's alone --------------------------------------------------------------------


def _ruled(row: Any, entry: Entry, known: Values, size: int) -> Any:
    """The values are on the record already; the rule is asked about one element, and its answer walked as a batch."""
    values = [with_axis(known, o, size) for o in row.stands_for]
    segment = current.get()
    if segment is None:
        return tuple(values) if type(entry[3]) is tuple else values[0]
    flags = [x in known for x in entry[2]]
    inputs = tuple([known.get(x, x) for x in entry[2]])
    rule = _BatchedRule(row.vjp, entry, dict(known), flags, size)
    new = Primitive(row.name, "composite", row.impl, None, vjp=rule.pull, stands_for=tuple(values))
    renamed = tuple([Tensor(v.data) for v in values])
    output = renamed if type(entry[3]) is tuple else renamed[0]
    segment.append((new, None, inputs, output, entry[4], entry[5]))
    return output


class _BatchedRule:
    """A user's rule for a whole batch."""

    def __init__(self, rule: Any, entry: Entry, known: Values, flags: list[bool], size: int) -> None:
        self.rule = rule
        self.entry = entry
        self.known = known
        self.flags = flags
        self.size = size

    def pull(self, ct: Any, y: Any, *xs: Any) -> list[Any]:
        """Cotangents of the inputs: with the leading axis where the input has it, summed over it elsewhere."""
        _, _, inputs, output, _, _ = self.entry
        several = type(output) is tuple
        cts = ct if several else (ct,)
        outputs: tuple[Any, ...] = output if several else (output,)
        one = [None if c is None else Tensor(np.ones(c.shape[1:], c.dtype)[()]) for c in cts]
        with Window() as window:
            answer = self.rule(tuple(one) if several else one[0], output, *inputs)
        recording = is_recording()
        known = self.known if recording else {x: value_of(v) for x, v in self.known.items()}
        known = {**known, **{o: c for o, c in zip(one, cts, strict=True) if o is not None}}
        assert len(outputs) == len(one)
        found = batch(window.entries(), known, self.size)
        results: list[Any] = []
        for c, flag in zip(answer, self.flags, strict=True):
            value = None if c is None else with_axis(found, c if isinstance(c, Tensor) else Tensor(c), self.size)
            results.append(value if value is None or flag else sum_of(value, axis=0, keepdims=False))
        return results
