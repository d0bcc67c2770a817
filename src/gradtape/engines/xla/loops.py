"""Rows that hold programs, as JAX's structured control flow: scan, switch, while_loop.

The bodies are lowered like any program.  What would have been an error inside comes out as one more result.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ...program.program import Program, Step, Value
from ...program.simplify import simplified
from .device import jax
from .lowering import MORE_ROOM, Lowering

#: Bytes up to which values of all turns of a scan are made at once.
AT_ONCE = 256_000_000
TURN_FAILS = "a step inside of it fails"


def _inside(lowering: Lowering, program: Program, values: Sequence[Any]) -> tuple[list[Any], Any]:
    """The outputs of a body, strong in their dtypes, and whether all went well in it."""
    inner = lowering.inner()
    outputs = inner.run(program, values)
    lowering.surprises.update(inner.surprises)
    lowering.hosted.update(inner.hosted)
    return outputs, inner.all_good() if inner.flagged else True


def _scan(lowering: Lowering, step: Step, values: list[Any]) -> Sequence[Any]:
    """carry, y = body(carry, x, constants) for each x, by ``jax.lax.scan``."""
    params = step.params or {}
    body, n = params["body"], params["body"].carries
    xp = jax().numpy
    carry, xs, constants = body.split([xp.asarray(x) for x in values])
    program = simplified(body.program)
    if params.get("budget") is None and (parts := apart(program, n, len(xs), params["length"])) is not None:
        before, program, varying, same = parts
        made, fixed = _before(lowering, before, varying, same, xs, constants)
        xs, constants = [*xs, *made], [*constants, *fixed]

    def turn(carry: list[Any], x: list[Any]) -> tuple[list[Any], tuple[list[Any], Any]]:
        outputs, good = _inside(lowering, program, [*carry, *x, *constants])
        return outputs[:n], (outputs[n:], good)

    carry, (made, good) = jax().lax.scan(turn, carry, xs, length=params["length"], reverse=params["backwards"])
    lowering.checks.append((f"scan: {TURN_FAILS}", xp.all(good)))
    return [*carry, *made]


def _before(
    lowering: Lowering, program: Program, varying: int, same: int, xs: list[Any], constants: list[Any]
) -> tuple[list[Any], list[Any]]:
    """What no carry is needed for, of all turns at once: what differs from turn to turn, and what does not."""

    def turn(x: list[Any]) -> tuple[list[Any], list[Any], Any]:
        outputs, good = _inside(lowering, program, [*x, *constants])
        return outputs[:varying], outputs[varying:], jax().numpy.asarray(good)

    if not xs:
        _, fixed, good = turn([])
        made: list[Any] = []
    else:
        made, fixed, good = jax().vmap(turn, out_axes=([0] * varying, [None] * same, 0))(xs)
    lowering.checks.append((f"scan: {TURN_FAILS}", jax().numpy.all(good)))
    return made, fixed


def apart(program: Program, carries: int, scanned: int, length: int) -> tuple[Program, Program, int, int] | None:
    """The body as what no carry is needed for, and the rest, which gets that: (x, constants) and then the turn.

    The first part is carried out for all turns at once, as one larger operation each: backwards that is the turn's
    forward computation once more.  None where there is nothing of the kind, or where it would take too much memory.
    """
    if program.guards:
        return None
    n, m = carries, carries + scanned
    inputs = program.inputs
    dependent, differs = set(inputs[:n]), set(inputs[n:m])
    first: list[Step] = []
    rest: list[Step] = []
    for step in program.steps:
        values = [x for x in step.inputs if type(x) is Value]
        if any(x in dependent for x in values):
            dependent.update(step.outputs)
            rest.append(step)
        else:
            if any(x in differs for x in values):
                differs.update(step.outputs)
            first.append(step)
    wanted = {x for step in rest for x in step.inputs if type(x) is Value} | set(program.outputs)
    crossing = [o for step in first for o in step.outputs if o in wanted]
    varying, same = [o for o in crossing if o in differs], [o for o in crossing if o not in differs]
    if not crossing or length * sum([o.nbytes for o in varying]) > AT_ONCE:
        return None
    before = Program([*inputs[n:m], *inputs[m:]], first, [*varying, *same], program.constants, name=program.name)
    after = Program([*inputs[:m], *varying, *inputs[m:], *same], rest, program.outputs, program.constants)
    return before, after, len(varying), len(same)


def _switch(lowering: Lowering, step: Step, values: list[Any]) -> Sequence[Any]:
    """One of several blocks, by ``jax.lax.switch``, which keeps the index in range as gradtape does."""
    xp = jax().numpy
    index, *operands = [xp.asarray(x) for x in values]
    programs = [simplified(block.program) for block in (step.params or {})["blocks"]]

    def branch(program: Program) -> Any:
        def run(*xs: Any) -> tuple[list[Any], Any]:
            outputs, good = _inside(lowering, program, xs)
            return outputs, xp.asarray(good)

        return run

    outputs, good = jax().lax.switch(index.astype("int32"), [branch(p) for p in programs], *operands)
    lowering.checks.append((f"cond: {TURN_FAILS}", good))
    return outputs


def _while_loop(lowering: Lowering, step: Step, values: list[Any]) -> Sequence[Any]:
    """A loop in passes, each by ``jax.lax.while_loop``.

    What later passes read of every turn goes into buffers for ``lowering.room`` turns; where that is not enough, the
    program is compiled once more with more room.  Inside of other loops, and in what is exported, the host does it.
    """
    loop = (step.params or {})["loop"]
    passes = loop.passes
    if len(passes) > 1 and not lowering.room:
        return lowering.on_host(step, values)
    xp, lax = jax().numpy, jax().lax
    starts, constants = loop.split([xp.asarray(x) for x in values])
    bodies = [simplified(p.block.program) for p in passes]
    test = simplified(loop.test.program)
    # On another path than Python's the loop might never end: it does not begin.
    alive = lowering.all_good()
    kept: dict[Any, Any] = {}
    for of, slot in {r for p in passes for r in p.reads}:
        p = passes[of]
        v = bodies[of].inputs[slot] if slot < p.carries else bodies[of].outputs[slot]
        kept[of, slot] = xp.zeros((lowering.room, *v.shape), v.dtype)

    def asked(carry: Sequence[Any]) -> tuple[Any, Any]:
        outputs, good = _inside(lowering, test, [*carry, *constants])
        return outputs[0].astype(bool), xp.asarray(good)

    def turn(i: int, at: Any, carry: list[Any], kept: dict[Any, Any]) -> tuple[list[Any], dict[Any, Any], Any]:
        p = passes[i]
        outputs, good = _inside(lowering, bodies[i], [*carry, *[kept[r][at] for r in p.reads], *constants])
        every = [*carry, *outputs[p.carries :]]
        stored = {r: b.at[at].set(every[r[1]]) if r[0] == i else b for r, b in kept.items()}
        return outputs[: p.carries], stored, good

    def first(state: Any) -> Any:
        carry, kept, good, _, count = state
        after, kept, fine = turn(0, count, carry, kept)
        truth, well = asked(after)
        return after, kept, good & fine & well, truth, count + 1

    def goes_on(state: Any) -> Any:
        _, _, good, truth, count = state
        return truth & good & (count < lowering.room) if kept else truth & good

    truth, well = asked(starts[0])
    state = (starts[0], kept, alive & well, truth, xp.asarray(0))
    carry, kept, good, truth, count = lax.while_loop(goes_on, first, state)
    finals = list(carry)
    for i, p in enumerate(passes[1:], 1):

        def again(k: Any, state: Any, i: int = i, up: bool = p.up) -> Any:
            carry, kept, good = state
            after, kept, fine = turn(i, k if up else count - 1 - k, carry, kept)
            return after, kept, good & fine

        carry, kept, good = lax.fori_loop(0, count, again, (starts[i], kept, good))
        finals += carry
    if kept:
        lowering.checks.append((MORE_ROOM, ~(truth & good) | ~alive))
    lowering.checks.append((f"while_loop: {TURN_FAILS}", good | ~alive))
    return finals


def _computed_again(lowering: Lowering, step: Step, values: list[Any]) -> Sequence[Any]:
    """A checkpoint: XLA may not put together what is computed twice so that it need not be kept."""
    program = (step.params or {})["again"].program
    if program.guards:  # another path is another block
        return lowering.on_host(step, values)
    xs = jax().lax.optimization_barrier([jax().numpy.asarray(x) for x in values])
    outputs, good = _inside(lowering, simplified(program), xs)
    lowering.checks.append((f"checkpoint: {TURN_FAILS}", good))
    return outputs


#: Rows that hold programs.
HELD = {"computed_again": _computed_again, "scan": _scan, "switch": _switch, "while_loop": _while_loop}
