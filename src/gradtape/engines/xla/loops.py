"""Rows that hold programs, as JAX's structured control flow: scan, switch, while_loop.

The bodies are lowered like any program.  What would have been an error inside comes out as one more result.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ...program.program import Program, Step
from ...program.simplify import simplified
from .device import jax
from .lowering import Lowering

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

    def turn(carry: list[Any], x: list[Any]) -> tuple[list[Any], tuple[list[Any], Any]]:
        outputs, good = _inside(lowering, program, [*carry, *x, *constants])
        return outputs[:n], (outputs[n:], good)

    carry, (made, good) = jax().lax.scan(turn, carry, xs, length=params["length"], reverse=params["backwards"])
    lowering.checks.append((f"scan: {TURN_FAILS}", xp.all(good)))
    return [*carry, *made]


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
    """A loop of one pass, by ``jax.lax.while_loop``; one of several keeps what each turn had, which the host does."""
    loop = (step.params or {})["loop"]
    if len(loop.passes) > 1:
        return lowering.on_host(step, values)
    xp = jax().numpy
    (start,), constants = loop.split([xp.asarray(x) for x in values])
    body, test = simplified(loop.passes[0].block.program), simplified(loop.test.program)
    n = len(start)
    # On another path than Python's the loop might never end: it does not begin.
    alive = lowering.all_good()

    def goes_on(state: Any) -> Any:
        return state[1] & state[2]

    def asked(carry: Sequence[Any]) -> tuple[Any, Any]:
        outputs, good = _inside(lowering, test, [*carry, *constants])
        return outputs[0].astype(bool), xp.asarray(good)

    def turn(state: Any) -> Any:
        carry, good, _ = state
        outputs, fine = _inside(lowering, body, [*carry, *constants])
        after = outputs[:n]
        truth, well = asked(after)
        return after, good & fine & well, truth

    truth, well = asked(start)
    carry, good, _ = jax().lax.while_loop(goes_on, turn, (start, alive & well, truth))
    lowering.checks.append((f"while_loop: {TURN_FAILS}", good | ~alive))
    return carry


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
