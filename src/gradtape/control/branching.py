"""The row of ``cond`` and ``switch``: one of several blocks, chosen by value, as one entry.

    y = block[index](operands)

Its derivatives, its power series and its batches are entries of the same row with other blocks.  For a batch of indices
every block that any element asks for is carried out once, for all of them, and the results are selected; elements that
do not ask for a block are not evaluated in it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..primitives.predicates import equal
from ..primitives.reductions import any as any_of
from ..primitives.selection import where
from ..program.program import Program, Value
from ..program.replay import replayed
from ..program.simplify.needed import alive
from ..program.slicing import sliced
from ..record.segment import Pause, Window
from ..record.tensor import Tensor
from ..rules.kinds import composite
from ..rules.lanes import Lanes
from ..sweeps.cotangents import dense
from ..sweeps.reverse import keeps_lanes
from .block import Block, Carried, Sketch, filled, lined_up, mask_of, repeated, sketching

Blocks = tuple[Block, ...]


def _switch(xp: Any, index: Any, *operands: Any, blocks: Blocks) -> tuple[Any, ...]:
    block = blocks[_chosen(index, blocks)]
    return tuple(block.program.interpret(operands) if sketching.get() else block.run(operands))


def _chosen(index: Any, blocks: Blocks) -> int:
    return min(max(int(index), 0), len(blocks) - 1)


def _body(index: Any, *operands: Any, blocks: Blocks) -> tuple[Any, ...]:
    """What the chosen block does, on the record, for those who want to look into it at this index."""
    return tuple(replayed(blocks[_chosen(index, blocks)].program, operands))


def _floating(block: Block, places: Sequence[int]) -> list[int]:
    return [i for i in places if block.program.inputs[i].dtype.kind in "fc"]


def _jvp(y: Any, xs: Any, dxs: Any, *, blocks: Blocks) -> tuple[Any, ...]:
    return _coefficient([[x, dx] for x, dx in zip(xs, dxs, strict=True)], blocks=blocks)


def _coefficient(terms: Sequence[Sequence[Any]], *, blocks: Blocks) -> tuple[Any, ...]:
    """Coefficient k of the outputs, from the coefficients 0 .. k of the inputs."""
    order = len(terms[0]) - 1
    index, operands = terms[0][0], terms[1:]
    there = [i for i, row in enumerate(operands) if any(c is not None for c in row[1:])]
    places = _floating(blocks[0], there)
    results = blocks[0].results
    if not places:
        return (None,) * len(blocks[0].program.outputs)
    wide = tuple([b.expanded(places, order) for b in blocks])
    given = [filled(operands[i][k], operands[i][0]) for k in range(1, order + 1) for i in places]
    found = switch_row(index, *[row[0] for row in operands], *given, blocks=wide)
    last = dict(zip(results, found[len(found) - len(results) :], strict=True))
    return tuple([last.get(i) for i in range(len(blocks[0].program.outputs))])


def _vjp(ct: Any, y: Any, index: Any, *operands: Any, blocks: Blocks, wanted: Sequence[int] | None = None) -> list[Any]:
    slots = range(1, len(operands) + 1) if wanted is None else wanted
    places = _floating(blocks[0], [i - 1 for i in slots if i])
    results = [i for i in blocks[0].results if ct[i] is not None]
    answers: list[Any] = [None] * (len(operands) + 1)
    if places and results:
        masked = keeps_lanes() and (any(type(c) is Lanes for c in ct) or any(b.drops for b in blocks))
        masks = [mask_of(ct[i], y[i]) for i in results] if masked else []
        back = tuple([b.pulled(results, places, masked) for b in blocks])
        found = switch_row(index, *operands, *[dense(ct[i]) for i in results], *masks, blocks=back)
        for j, i in enumerate(places):
            answers[i + 1] = Lanes(found[j], found[len(places) + j]) if masked else found[j]
    return answers


def _batch(size: int, flags: Sequence[bool], values: Sequence[Any], params: dict[str, Any]) -> Any:
    blocks: Blocks = params["blocks"]
    if not flags[0]:
        return values, {"blocks": tuple([b.batched(size, flags[1:]) for b in blocks])}
    key = ("selected", size, values[0].dtype, *flags, *blocks)
    selected = blocks[0].kept(key, lambda: _selected(size, values[0].dtype, flags[1:], blocks))
    return [np.int64(0), *values], {"blocks": (selected,)}


def _selected(size: int, dtype: Any, flags: Sequence[bool], blocks: Blocks) -> Block:
    """(indices, operands) -> the outputs for a whole batch."""
    examples = [np.zeros(size, dtype)]
    examples += [repeated(x, size) if f else x for x, f in zip(blocks[0].examples, flags, strict=True)]
    xs = [Tensor(x) for x in examples]
    index, operands = xs[0], xs[1:]
    with Sketch(), Pause(), Window() as window:
        found: list[Any] = []
        for j, block in enumerate(blocks):
            # Numbers beyond the ends stand for the first and the last block.
            mask = index <= 0 if j == 0 else index >= j if j == len(blocks) - 1 else equal(index, j)
            some = any_of(mask, axis=None, keepdims=False)
            masked = block.masked(size, flags)
            made = switch_row(some, mask, *operands, blocks=(_nothing(masked), masked))
            if not found:
                found = list(made)
                continue
            found = [where(lined_up(mask, y), y, z) for y, z in zip(made, found, strict=True)]
    return Block(alive(sliced(window.entries(), xs, found, name="selected")[0]), examples)


def _nothing(block: Block) -> Block:
    """Zeros in place of what ``block`` gives."""
    return block.kept("nothing", lambda: _zeros_of(block))


def _zeros_of(block: Block) -> Block:
    p = block.program
    outputs = [Value(o.shape, o.dtype) for o in p.outputs]
    constants = {o: np.zeros(o.shape, o.dtype)[()] for o in outputs}
    inputs = [Value(v.shape, v.dtype) for v in p.inputs]
    return Block(Program(inputs, [], outputs, constants, name="nothing"), block.examples)


switch_row = composite(
    "switch",
    Carried(_switch),
    _body,
    arity=None,
    params={"blocks": []},
    vjp=_vjp,
    jvp=_jvp,
    coefficient=_coefficient,
    batch=_batch,
    outputs=2,
    selective=True,
    takes_lanes=True,
    sample=lambda rng: [],
    doc="One of several programs, chosen by an index; see ``gradtape.switch``.",
    public=False,
)
