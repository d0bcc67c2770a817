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
        elif step.row.name in ("sum", "sum_to"):
            made = _summed(step, maker, uses)
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


def _summed(step: Step, maker: dict[Value, Step], uses: Counter[Any]) -> list[Step]:
    """A sum over axes of an einsum of two operands, as one with fewer labels; what only one of them has goes first."""
    x, y = step.inputs[0], step.outputs[0]
    before = maker.get(x)
    if before is None or before.row.name != "einsum" or uses[x] != 1 or len(before.inputs) != 2:
        return [step]
    subscripts = (before.params or {}).get("subscripts", "")
    if "->" not in subscripts or "." in subscripts or any(type(v) is not Value for v in before.inputs):
        return [step]
    axes = _axes_of(step, x)
    ins, out = subscripts.split("->")
    gone = {out[a] for a in axes}
    if not gone or any(len(set(term)) < len(term) for term in (*ins.split(","), out)):
        return [step]
    left = "".join([s for s in out if s not in gone])
    made: list[Step] = []
    terms, operands = ins.split(","), list(before.inputs)
    for i in (0, 1):
        alone = [a for a, s in enumerate(terms[i]) if s in gone and s not in terms[1 - i]]
        if alone:
            shape = tuple([n for a, n in enumerate(operands[i].shape) if a not in alone])
            value = Value(shape, operands[i].dtype)
            params = {"axis": tuple(alone), "keepdims": False}
            made.append(Step(registry["sum"], params, (operands[i],), (value,), False, step.code, step.lasti))
            terms[i], operands[i] = "".join([s for a, s in enumerate(terms[i]) if a not in alone]), value
    shape = tuple([n for a, n in enumerate(x.shape) if a not in axes])
    value = y if shape == y.shape else Value(shape, y.dtype)
    params = {**(before.params or {}), "subscripts": f"{terms[0]},{terms[1]}->{left}"}
    made.append(Step(before.row, params, tuple(operands), (value,), False, before.code, before.lasti))
    if value is not y:
        made.append(Step(registry["reshape"], {"shape": y.shape}, (value,), (y,), False, step.code, step.lasti))
    return made


def _axes_of(step: Step, x: Value) -> set[int]:
    """The axes that a sum, or a sum to a shape, goes over."""
    rank, params = len(x.shape), step.params or {}
    if step.row.name == "sum":
        axis = params.get("axis")
        axes = range(rank) if axis is None else axis if isinstance(axis, tuple) else (axis,)
        return {a % rank for a in axes}
    shape = (1,) * (rank - len(params["shape"])) + tuple(params["shape"])
    return {a for a in range(rank) if a < rank - len(params["shape"]) or (shape[a] == 1 != x.shape[a])}


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
