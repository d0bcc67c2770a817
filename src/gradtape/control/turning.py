"""The row of ``while_loop``: a loop of unknown length as one entry, in passes (passes.py).

Of each turn only what a later pass reads is kept.  With a ``budget`` of carries, a first derivative backwards keeps so
many of them and computes the others again (memory/binomial.py); higher ones, which are more than two passes, keep all.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from ..memory.binomial import reach, schedule
from ..primitives.predicates import isnan
from ..primitives.reductions import any as any_of
from ..primitives.shapes import broadcast_to, identity
from ..program.replay import replayed
from ..record.segment import Window, is_recording
from ..record.tensor import Tensor
from ..rules.kinds import composite
from ..rules.lanes import Lanes
from ..sweeps.reverse import keeps_lanes, reverse
from .block import Carried, filled, sketching
from .passes import Loop


def _carried_out(xp: Any, *values: Any, loop: Loop, budget: int | None) -> tuple[Any, ...]:
    starts, constants = loop.split(values)
    sketch = sketching.get()
    read = {r for p in loop.passes for r in p.reads}
    wanted = [sorted(slot for of, slot in read if of == i) for i in range(len(loop.passes))]

    def turn(i: int, carry: list[Any], kept: Kept) -> list[Any]:
        p = loop.passes[i]
        inputs = [*carry, *[kept[r] for r in p.reads], *constants]
        outputs = p.block.program.interpret(inputs) if sketch else p.block.run(inputs)
        if wanted[i]:
            every = [*carry, *outputs[p.carries :]]
            kept.update([((i, slot), every[slot]) for slot in wanted[i]])
        return outputs[: p.carries]

    checkpointed = budget is not None and [p.up for p in loop.passes] == [True, False]
    turns: list[Kept] = []
    carry, count = starts[0], 0
    test = loop.test.program.interpret if sketch else loop.test.run
    while bool(test([*carry, *constants])[0]) and not (sketch and count):
        kept: Kept = {}
        carry = turn(0, carry, kept)
        if len(loop.passes) > 1 and not checkpointed:
            turns.append(kept)
        count += 1
    if checkpointed:
        return (*carry, *_back(turn, starts, count, max(budget or 0, 2) - 1))
    finals = carry
    for i, p in enumerate(loop.passes[1:], 1):
        carry = starts[i]
        for kept in turns if p.up else reversed(turns):
            carry = turn(i, carry, kept)
        finals += carry
    return tuple(finals)


#: What the passes had at one turn, for those that read it.
Kept = dict[tuple[int, int], Any]


def _back(turn: Callable[[int, list[Any], Kept], list[Any]], starts: Any, count: int, states: int) -> list[Any]:
    """Two passes, up and down, with so many carries of the first one kept beside the one at work."""
    state, pulled = starts
    known = {0: state}
    while reach(states, 100) < count:
        states += 1
    for what, first, last in schedule(count, states):
        if what == "advance":
            for _ in range(first, last):
                state = turn(0, state, {})
        elif what == "keep":
            known[first] = state
        elif what == "restore":
            state = known[first]
        elif what == "drop":
            del known[first]
        else:
            kept: Kept = {}
            turn(0, state, kept)
            pulled = turn(1, pulled, kept)
    return pulled


def _body(*values: Any, loop: Loop, budget: int | None) -> tuple[Any, ...]:
    """The loop on the record, turn by turn, for those who want to look into it as it goes here."""
    starts, constants = loop.split(values)
    turns: list[dict[tuple[int, int], Any]] = []
    finals: list[Any] = []
    for i, p in enumerate(loop.passes):
        carry, at = starts[i], 0
        order = turns if p.up else turns[::-1]
        while at < len(order) if i else bool(replayed(loop.test.program, [*carry, *constants])[0]):
            if not i:
                turns.append({})
            kept = order[at]
            every = [*carry, *replayed(p.block.program, [*carry, *[kept[r] for r in p.reads], *constants])]
            kept.update([((i, slot), x) for slot, x in enumerate([*carry, *every[2 * p.carries :]])])
            carry, at = every[p.carries : 2 * p.carries], at + 1
        finals += carry
    return tuple(finals)


def _jvp(y: Any, xs: Any, dxs: Any, **params: Any) -> tuple[Any, ...]:
    return _coefficient([[x, dx] for x, dx in zip(xs, dxs, strict=True)], **params)


def _coefficient(terms: Sequence[Sequence[Any]], *, loop: Loop, budget: int | None) -> tuple[Any, ...]:
    """Coefficient k of the outputs, from the coefficients 0 .. k of the inputs."""
    order = len(terms[0]) - 1
    starts, constants = loop.split(terms)
    held = tuple([i for i, row in enumerate(constants) if _is_float(row[0]) and any(c is not None for c in row[1:])])
    wide = loop.expanded(held, order)
    given: list[Any] = []
    for p, rows in zip(loop.passes, starts, strict=True):
        given += [row[0] for row in rows]
        given += [filled(rows[i][k], rows[i][0]) for k in range(1, order + 1) for i in p.floating()[0]]
    given += [row[0] for row in constants]
    given += [filled(constants[i][k], constants[i][0]) for k in range(1, order + 1) for i in held]
    found, _ = wide.split(while_row(*given, loop=wide, budget=budget))
    outputs: list[Any] = []
    for p, made in zip(loop.passes, found, strict=True):
        floating = p.floating()[0]
        last = dict(zip(floating, made[len(made) - len(floating) :], strict=True))
        outputs += [last.get(i) for i in range(p.carries)]
    return tuple(outputs)


def _is_float(x: Any) -> bool:
    return x.dtype.kind in "fc"


def _vjp(
    ct: tuple[Any, ...], y: Any, *values: Any, loop: Loop, budget: int | None, wanted: Sequence[int] | None = None
) -> list[Any]:
    """By a loop backwards; where dead lanes are met by a nan, over a record of every turn, which they cross."""
    if not any(type(c) is Lanes for c in ct):
        return _backwards(ct, y, values, loop, budget, wanted)
    if keeps_lanes() and not is_recording():  # a sweep without lanes has made a nan
        return _turn_by_turn(ct, values, loop, wanted)
    found = _backwards(tuple([c.ct if type(c) is Lanes else c for c in ct]), y, values, loop, budget, wanted)
    if is_recording() and any(bool(any_of(isnan(c))) for c in found if c is not None):  # a guard: see decision 008
        return _turn_by_turn(ct, values, loop, wanted)
    return found


def _backwards(
    ct: Sequence[Any], y: Any, values: Sequence[Any], loop: Loop, budget: int | None, wanted: Sequence[int] | None
) -> list[Any]:
    starts, constants = loop.split(values)
    n = len(values) - len(constants)
    slots = set(range(len(values)) if wanted is None else wanted)
    held = tuple([i for i, x in enumerate(constants) if n + i in slots and _is_float(x)])
    back = loop.pulled(held)
    cts, _ = loop.split([*ct, *constants])
    finals, _ = loop.split([*y, *constants])
    given = [x for each in starts for x in each]
    for p, c, f in zip(reversed(loop.passes), reversed(cts), reversed(finals), strict=True):
        given += [filled(c[i], f[i]) for i in p.floating()[0]]
        given += [filled(None, constants[i]) for i in held]
    found, _ = back.split(while_row(*given, *constants, loop=back, budget=budget))
    answers: list[Any] = [None] * len(values)
    totals: list[Any] = [None] * len(held)
    at = n
    for p, made in zip(reversed(loop.passes), found[len(loop.passes) :], strict=True):
        floating = p.floating()[0]
        at -= p.carries
        for i, c in zip(floating, made, strict=False):
            answers[at + i] = c
        for j, c in enumerate(made[len(floating) :]):
            totals[j] = c if totals[j] is None else totals[j] + c
    for i, c in zip(held, totals, strict=True):
        answers[n + i] = c
    return answers


def _turn_by_turn(ct: tuple[Any, ...], values: Sequence[Any], loop: Loop, wanted: Sequence[int] | None) -> list[Any]:
    """The same over a record of every turn, which dead lanes cross."""
    inputs = [identity(x) if isinstance(x, Tensor) else Tensor(x) for x in values]
    with Window() as window:
        outputs = _body(*inputs, loop=loop, budget=None)
    seeds = [(o, c) for o, c in zip(outputs, ct, strict=True) if c is not None]
    places = range(len(values)) if wanted is None else wanted
    found = reverse(window.segments, seeds, [inputs[i] for i in places], keep_lanes=True)
    return [found.get(x) if i in places else None for i, x in enumerate(inputs)]


def _batch(size: int, flags: Sequence[bool], values: Sequence[Any], params: dict[str, Any]) -> Any:
    loop: Loop = params["loop"]
    starts, constants = loop.split(values)
    fs, fc = loop.split(flags)
    wide, carried = loop.batched(size, tuple([tuple(f) for f in fs]), tuple(fc))
    given: list[Any] = []
    for start, have, need in zip(starts, fs, carried, strict=True):
        given += [x if f or not g else _repeated(x, size) for x, f, g in zip(start, have, need, strict=True)]
    leading = [f for each in carried for f in each]

    def after(found: Any) -> Any:
        return tuple([y if f else _repeated(y, size) for y, f in zip(found, leading, strict=True)])

    return [*given, *constants], {**params, "loop": wide}, after


def _repeated(x: Any, size: int) -> Any:
    return broadcast_to(x, shape=(size, *x.shape))


while_row = composite(
    "while_loop",
    Carried(_carried_out),
    _body,
    arity=None,
    params={"loop": [], "budget": [None]},
    vjp=_vjp,
    jvp=_jvp,
    coefficient=_coefficient,
    batch=_batch,
    outputs=2,
    selective=True,
    takes_lanes=True,
    sample=lambda rng: [],
    doc="A loop of unknown length; see ``gradtape.while_loop``.",
    public=False,
)
