"""The row of ``scan``: a loop of known length as one entry, whose derivatives are scans again.

    carry[k + 1], y[k] = body(carry[k], x[k], constants)

Tangents ride along as more carries.  Backwards, the carries that came in are needed: they are kept by the forward pass
where it was recorded, or made again; with a ``budget`` of states only so many are held at a time (memory/binomial.py).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..memory.binomial import pieces, reach
from ..primitives.indexing import getitem
from ..primitives.joining import concat
from ..primitives.shapes import reshape, transpose
from ..record.tensor import Tensor
from ..rules.kinds import composite
from ..rules.lanes import Lanes
from ..sweeps.cotangents import dense
from ..sweeps.reverse import keeps_lanes
from .block import Carried, filled, mask_of, sketching
from .body import Body


def _scan(xp: Any, *values: Any, body: Body, length: int, backwards: bool, budget: int | None) -> tuple[Any, ...]:
    carry, xs, constants = body.split(values)
    made = [np.empty((length, *o.shape), o.dtype) for o in body.program.outputs[body.carries :]]
    n = body.carries
    if sketching.get():  # one turn stands for all
        outputs = body.program.interpret([*carry, *[x[0] for x in xs], *constants])
        return (*outputs[:n], *[np.broadcast_to(y, whole.shape) for y, whole in zip(outputs[n:], made, strict=True)])
    run = (body.plain or body).block.run
    for k in range(length - 1, -1, -1) if backwards else range(length):
        outputs = run([*carry, *[x[k] for x in xs], *constants])
        if body.plain is not None:
            outputs += carry
        for whole, y in zip(made, outputs[n:], strict=True):
            whole[k] = y
        carry = outputs[:n]
    return (*carry, *made)


def _unrolled(*values: Any, body: Body, length: int, backwards: bool, budget: int | None) -> tuple[Any, ...]:
    """The loop, turn by turn: what Taylor mode walks over."""
    from ..program.replay import replayed

    carry, xs, constants = body.split(values)
    turns: list[list[Any]] = []
    for k in range(length - 1, -1, -1) if backwards else range(length):
        outputs = replayed(body.program, [*carry, *[getitem(x, index=(k,)) for x in xs], *constants])
        carry = outputs[: body.carries]
        turns.append(outputs[body.carries :])
    if backwards:
        turns.reverse()
    stacked = [
        concat(*[reshape(t[i], shape=(1, *o.shape)) for t in turns], axis=0)
        if turns
        else Tensor(np.zeros((0, *o.shape)))
        for i, o in enumerate(body.program.outputs[body.carries :])
    ]
    return (*carry, *stacked)


def _jvp(y: Any, xs: Any, dxs: Any, **params: Any) -> tuple[Any, ...]:
    return _coefficient([[x, dx] for x, dx in zip(xs, dxs, strict=True)], **params)


def _coefficient(
    terms: Sequence[Sequence[Any]], *, body: Body, length: int, backwards: bool, budget: int | None
) -> tuple[Any, ...]:
    """Coefficient k of the outputs, from the coefficients 0 .. k of the inputs."""
    order = len(terms[0]) - 1
    orders = range(1, order + 1)
    carries = body.floats()[0]
    carry, by, constants = body.split(terms)
    scanned = [i for i, row in enumerate(by) if any(c is not None for c in row[1:])]
    held = [i for i, row in enumerate(constants) if any(c is not None for c in row[1:])]
    wide = body.expanded(scanned, held, order)
    found = scan_row(
        *[row[0] for row in carry],
        *[filled(carry[i][k], carry[i][0]) for k in orders for i in carries],
        *[row[0] for row in by],
        *[filled(by[i][k], by[i][0]) for k in orders for i in scanned],
        *[row[0] for row in constants],
        *[filled(constants[i][k], constants[i][0]) for k in orders for i in held],
        body=wide,
        length=length,
        backwards=backwards,
        budget=budget,
    )
    n = len(carries)
    tangents = iter([*found[wide.carries - n : wide.carries], *found[len(found) - (len(body.block.results) - n) :]])
    return tuple([next(tangents) if o.dtype.kind in "fc" else None for o in body.program.outputs])


def _vjp(
    ct: Any,
    y: Any,
    *values: Any,
    body: Body,
    length: int,
    backwards: bool,
    budget: int | None,
    wanted: Sequence[int] | None = None,
) -> list[Any]:
    carry, xs, constants = body.split(values)
    floating, scanned, held = body.floats()
    n = body.carries
    if wanted is not None:
        scanned = [i for i in scanned if n + i in wanted]
        held = [i for i in held if n + body.scanned + i in wanted]
    results = [i for i, c in enumerate(ct[n:]) if c is not None and body.program.outputs[n + i].dtype.kind in "fc"]
    # Where nothing in it can be infinite, zeros do for the dead, and only who goes on with them is to be told.
    onward = wanted is None or any(i < n + body.scanned for i in wanted)
    dead = body.block.drops or any(type(c) is Lanes for c in ct)
    masked = dead and keeps_lanes() and (onward or body.block.singular)
    back = body.pulled(results, scanned, held, masked)
    state = [filled(dense(ct[i]), y[i]) for i in floating]
    cts = [dense(ct[n + i]) for i in results]
    if masked:
        state += [mask_of(ct[i], y[i]) for i in floating]
        cts += [mask_of(ct[n + i], y[n + i]) for i in results]
    state += [filled(None, constants[i]) for i in held]
    kept = list(y[len(y) - n :]) if body.saved else None

    def reverse(state: list[Any], first: int, last: int, carry: list[Any], room: int) -> tuple[list[Any], Any]:
        """The cotangents before turns first .. last, and those of what was scanned there."""
        count = last - first
        part = [_part(x, first, last) for x in (*xs, *cts)]
        if kept is not None or count <= room + 1:  # each piece but the last needs a state
            came = kept
            if came is None:
                found = scan_row(
                    *carry, *part[: len(xs)], *constants,
                    body=body.saving(), length=count, backwards=backwards, budget=None,
                )  # fmt: skip
                came = list(found[len(found) - n :])
            found = scan_row(
                *state, *came, *part, *constants, body=back, length=count, backwards=not backwards, budget=budget
            )
            return list(found[: len(state)]), list(found[len(state) :])
        cut = _pieces(first, last, room, backwards)
        starts = [carry]
        for lo, hi in cut[:-1]:
            found = scan_row(
                *starts[-1], *[_part(x, lo, hi) for x in xs], *constants,
                body=body, length=hi - lo, backwards=backwards, budget=budget,
            )  # fmt: skip
            starts.append(list(found[:n]))
            found = None
        blocks: list[Any] = []
        for j, (lo, hi) in reversed(list(enumerate(cut))):
            state, block = reverse(state, lo, hi, starts.pop(), room - j)
            blocks.append(block)
        if not backwards:
            blocks.reverse()
        return state, [concat(*each, axis=0) for each in zip(*blocks, strict=True)]

    state, by = reverse(state, 0, length, carry, length if budget is None else _states(budget, length))
    answers: list[Any] = [None] * len(values)
    for i, c in zip(floating, _apart(state[: len(state) - len(held)], masked), strict=True):
        answers[i] = c
    for i, c in zip(held, state[len(state) - len(held) :], strict=True):
        answers[n + body.scanned + i] = c
    for i, c in zip(scanned, _apart(by, masked), strict=True):
        answers[n + i] = c
    return answers


def _apart(cts: Sequence[Any], masked: bool) -> list[Any]:
    """Cotangents, of which the second half may be the masks of the first."""
    n = len(cts) // 2
    return [Lanes(c, m) for c, m in zip(cts[:n], cts[n:], strict=True)] if masked else list(cts)


def _part(x: Any, first: int, last: int) -> Any:
    return x if first == 0 and last == x.shape[0] else getitem(x, index=(slice(first, last),))


def _states(budget: int, length: int) -> int:
    """The states that are kept beside the one at work: no less than a hundred runs forwards need."""
    states = max(budget - 1, 1)
    while reach(states, 100) < length:
        states += 1
    return states


def _pieces(first: int, last: int, states: int, backwards: bool) -> list[tuple[int, int]]:
    """Where the turns are cut; in the order they are run."""
    found: list[tuple[int, int]] = []
    lo = first
    for count in pieces(last - first, states):
        found.append((lo, lo + count))
        lo += count
    if backwards:
        found = [(last - (hi - first), last - (lo - first)) for lo, hi in found]
    return found


def _batch(size: int, flags: Sequence[bool], values: Sequence[Any], params: dict[str, Any]) -> Any:
    """A scan of the batched body; batches lead everywhere but in what is scanned, where turns do."""
    body: Body = params["body"]
    carry, xs, constants = body.split(values)
    fc, fx, fk = body.split(flags)
    wide = body.batched(size, tuple(fx), tuple(fk))
    carry = [c if f else _repeated(c, size) for c, f in zip(carry, fc, strict=True)]
    xs = [_swapped(x) if f else x for x, f in zip(xs, fx, strict=True)]
    n = body.carries

    def after(found: Any) -> Any:
        return (*found[:n], *[_swapped(y) for y in found[n:]])

    return [*carry, *xs, *constants], {**params, "body": wide}, after


def _repeated(x: Any, size: int) -> Any:
    from ..primitives.shapes import broadcast_to

    return broadcast_to(x, shape=(size, *x.shape))


def _swapped(x: Any) -> Any:
    return transpose(x, axes=(1, 0, *range(2, len(x.shape))))


scan_row = composite(
    "scan",
    Carried(_scan),
    _unrolled,
    arity=None,
    params={"body": [], "length": [], "backwards": [False, True], "budget": [None]},
    vjp=_vjp,
    jvp=_jvp,
    coefficient=_coefficient,
    batch=_batch,
    outputs=2,
    selective=True,
    takes_lanes=True,
    sample=lambda rng: [],
    doc="A loop of known length; see ``gradtape.scan``.",
    public=False,
)
