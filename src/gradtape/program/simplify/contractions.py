"""Contractions in the cheapest order: products of three matrices, and einsum of more than two operands."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np

from ...rules.primitive import registry
from ..program import Guard, Program, Step, Value
from .needed import rebuilt


def reassociated(program: Program) -> Program:
    """(a @ b) @ c as a @ (b @ c), or the other way round, where that costs less; einsum two operands at a time."""
    uses: Counter[Any] = Counter(x for step in program.steps for x in step.inputs if type(x) is Value)
    uses.update(program.outputs)
    uses.update(g.value for _, g in program.guards)
    maker: dict[Value, Step] = {}
    steps: list[Step] = []
    guards: list[tuple[int, Guard]] = []
    waiting = iter([*program.guards, (len(program.steps) + 1, None)])
    at, guard = next(waiting)
    for i, step in enumerate([*program.steps, None]):
        while guard is not None and at <= i:
            guards.append((len(steps), guard))
            at, guard = next(waiting)
        if step is None:
            break
        made = [step]
        if step.row.name == "matmul":
            made = _chain(step, maker, uses)
        elif step.row.name == "einsum" and len(step.inputs) > 2:
            made = _pairs(step)
        for new in made:
            steps.append(new)
            maker.update((o, new) for o in new.outputs)
    return rebuilt(program, steps, program.constants, guards)


def _matrix(x: Any) -> bool:
    return type(x) is Value and len(x.shape) in (1, 2)


def _chain(step: Step, maker: dict[Value, Step], uses: Counter[Any]) -> list[Step]:
    """One product of three factors, in the cheaper order."""
    left, right = step.inputs
    for inner, side in ((left, 0), (right, 1)):
        before = maker.get(inner)
        if before is None or before.row.name != "matmul" or uses[inner] != 1:
            continue
        a, b, c = (*before.inputs, right) if side == 0 else (left, *before.inputs)
        if not all(map(_matrix, (a, b, c))) or len(b.shape) != 2:
            continue
        m = a.shape[0] if len(a.shape) == 2 else 1
        k, n = b.shape
        p = c.shape[1] if len(c.shape) == 2 else 1
        first, last = m * k * n + m * n * p, k * n * p + m * k * p
        now, other = (first, last) if side == 0 else (last, first)
        if other >= 0.8 * now:
            continue
        pair = (b, c) if side == 0 else (a, b)
        shape = np.matmul(np.zeros(pair[0].shape), np.zeros(pair[1].shape)).shape
        middle = Value(shape, np.result_type(pair[0].dtype, pair[1].dtype))
        new = Step(step.row, None, pair, (middle,), False, before.code, before.lasti)
        return [new, step.taking((a, middle) if side == 0 else (middle, c))]
    return [step]


def _pairs(step: Step) -> list[Step]:
    """An einsum of several operands, two at a time, in the order that NumPy's path finder names."""
    subscripts = (step.params or {}).get("subscripts", "")
    if "->" not in subscripts or "." in subscripts or any(type(x) is not Value for x in step.inputs):
        return [step]
    ins, out = subscripts.split("->")
    terms, operands = ins.split(","), list(step.inputs)
    sizes = {s: n for term, x in zip(terms, operands, strict=True) for s, n in zip(term, x.shape, strict=True)}
    path, _ = np.einsum_path(subscripts, *[np.empty(x.shape) for x in operands], optimize="greedy")
    made: list[Step] = []
    for places in path[1:]:
        chosen = sorted(places, reverse=True)
        taken = [(terms.pop(p), operands.pop(p)) for p in chosen][::-1]
        rest = set(out).union(*terms)
        last = not terms
        new = out if last else "".join(sorted({s for term, _ in taken for s in term if s in rest}))
        dtype = np.result_type(*[x.dtype for _, x in taken])
        value = step.outputs[0] if last else Value(tuple([sizes[s] for s in new]), dtype)
        params = {**(step.params or {}), "subscripts": f"{','.join(term for term, _ in taken)}->{new}"}
        made.append(
            Step(registry["einsum"], params, tuple([x for _, x in taken]), (value,), False, step.code, step.lasti)
        )
        terms.append(new)
        operands.append(value)
    return made
