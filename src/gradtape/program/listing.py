"""A program as text: a Wengert list with shapes, dtypes and the user's lines."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from .program import Program, Value

WIDTH = 62
_OURS = str(Path(__file__).parents[1])


def listing(program: Program) -> str:
    """One line a step: ``v3 = multiply(v1, v2)    float64[10]    file.py:7  y = a * b``."""
    names = program.names()
    ins = ", ".join(f"{names[v]}: {v!r}" for v in program.inputs)
    lines = [f"{program.name}({ins}):"]
    lines += [f"    {names[v]} = {_constant(c)}    {v!r}" for v, c in program.constants.items()]
    guards = iter([*program.guards, (len(program.steps) + 1, None)])
    at, guard = next(guards)
    for i, step in enumerate([*program.steps, None]):
        while guard is not None and at <= i:
            seen = guard.expected if np.ndim(guard.expected) == 0 else "the recorded value"
            lines.append(_line(f"guard {names[guard.value]} is {seen}", "", guard.site))
            at, guard = next(guards)
        if step is None:
            break
        args = [names[x] if type(x) is Value else repr(x) for x in step.inputs]
        args += [f"{k}={v!r}" for k, v in (step.params or {}).items()]
        made = ", ".join(names[o] for o in step.outputs)
        types = ", ".join(map(repr, step.outputs))
        lines.append(_line(f"{made} = {step.row.name}({', '.join(args)})", types, _theirs(step.site)))
    lines.append(f"    return {', '.join(names[o] for o in program.outputs)}")
    return "\n".join(lines)


def _theirs(site: Any) -> Any:
    """The user's line; a rule's own line says nothing to the user."""
    return "" if site is None or site.file.startswith(_OURS) else site


def _line(text: str, types: str, site: Any) -> str:
    return f"    {text:<{WIDTH}} {types:<16} {site or ''}".rstrip()


def _constant(c: Any) -> str:
    if np.size(c) > 8:
        return "..."
    return np.array2string(np.asarray(c), separator=", ").replace("\n", "")
