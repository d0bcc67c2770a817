"""Loops and branches in a printed program, as Python's own: a function for each program that an entry holds.

    scan          for k in range(n): carry = turn(*carry, x[k], *constants)
    while_loop    while test(*carry, *constants)[0]: ...
    switch        (first, second)[index](*operands)
    computed_again, ruled    what stands inside

Budgets are left out: they decide what is kept, not what is computed.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ..program.program import Program, Value
from .library import Library
from .literals import SMALL, literal

Lines = list[str]


class Structured:
    """Writes the entries that hold programs; ``print_body(program, names)`` prints the lines of a function."""

    def __init__(self, library: Library, print_body: Callable[[Program, dict[Value, str]], Lines]) -> None:
        self.library = library
        self.print_body = print_body
        self._functions: dict[int, tuple[str, Program]] = {}

    def lines(self, step: Any, names: dict[Value, str]) -> Lines | None:
        """What the step comes to; None where it is no entry that holds programs."""
        write = _WRITERS.get(step.row.name)
        if write is None:
            return None
        given = [names[x] if type(x) is Value else literal(x) for x in step.inputs]
        made = [names[o] for o in step.outputs]
        return write(self, step.params, given, made)

    def function(self, program: Program, hint: str) -> str:
        """The name of a function that gives the outputs of ``program`` as a tuple, written above."""
        known = self._functions.get(id(program))
        if known is not None:
            return known[0]
        library = self.library
        name = library.fresh(hint)
        given, program = program, program.simplified()
        names = program.names()
        for v, data in program.constants.items():
            names[v] = library.fresh(f"{name}_{names[v]}")
            if np.size(data) <= SMALL:
                library.definitions.append(f"{names[v]} = {literal(data)}")
            else:
                library.externals[names[v]] = data
                library.helpers_need_externals = True
        library.taken |= set(names.values())
        body = self.print_body(program, names)
        head = f"def {name}({', '.join(names[v] for v in program.inputs)}):"
        library.definitions.append("\n".join([head, *[f"    {part}" for line in body for part in line.split("\n")]]))
        self._functions[id(given)] = name, given
        return name

    def scan(self, params: Any, given: Lines, made: Lines) -> Lines:
        body, n = params["body"], params["length"]
        outputs = body.program.outputs[body.carries :]
        turn = self.function((body.plain or body).program, "turn")
        at = f"at_{made[0]}"
        carry, xs, constants = body.split(given)
        call = _called(turn, [f"*carry_{made[0]}", *[f"{x}[{at}]" for x in xs], *constants])
        if body.plain is not None:
            call = f"(*{call}, *carry_{made[0]})"
        o, n_carries = made[0], body.carries
        results = [f"np.empty({(n, *y.shape)!r}, {str(y.dtype)!r})" for y in outputs]
        lines = [
            f"carry_{o} = {_tuple(carry)}",
            f"results_{o} = {_tuple(results)}",
            f"for {at} in {f'range({n} - 1, -1, -1)' if params['backwards'] else f'range({n})'}:",
            f"    made_{o} = {call}",
            f"    carry_{o} = made_{o}[:{n_carries}]",
        ]
        if outputs:
            lines.append(f"    for whole_{o}, y_{o} in zip(results_{o}, made_{o}[{n_carries}:]):")
            lines.append(f"        whole_{o}[{at}] = y_{o}")
        return [*lines, f"{_tuple(made)} = (*carry_{o}, *results_{o})"]

    def switch(self, params: Any, given: Lines, made: Lines) -> Lines:
        functions = [self.function(b.program, "branch") for b in params["blocks"]]
        index = f"min(max(int({given[0]}), 0), {len(functions) - 1})"
        return [f"{_tuple(made)} = {_called(f'{_tuple(functions)}[{index}]', given[1:])}"]

    def while_loop(self, params: Any, given: Lines, made: Lines) -> Lines:
        loop, o = params["loop"], made[0]
        starts, constants = loop.split(given)
        test = self.function(loop.test.program, "goes_on")
        read = sorted({r for p in loop.passes for r in p.reads})
        lines = [f"carry_{o} = {_tuple(starts[0])}", f"turns_{o} = []"]
        lines.append(f"while {_called(test, [f'*carry_{o}', *constants])}[0]:")
        for i, p in enumerate(loop.passes):
            kept = [f"kept_{o}[{r!r}]" for r in p.reads]
            call = _called(self.function(p.block.program, "turn"), [f"*carry_{o}", *kept, *constants])
            if i:
                before = "" if i == 1 else f"*finals_{o}, "
                lines.append(f"finals_{o} = ({before}*carry_{o},)")
                lines.append(f"carry_{o} = {_tuple(starts[i])}")
                lines.append(f"for kept_{o} in {f'turns_{o}' if p.up else f'reversed(turns_{o})'}:")
            else:
                lines.append(f"    kept_{o} = {{}}")
            wanted = [slot for of, slot in read if of == i]
            lines.append(f"    made_{o} = {call}")
            if wanted:
                every = f"every_{o} = (*carry_{o}, *made_{o}[{p.carries}:])"
                lines += [f"    {every}", *[f"    kept_{o}[{(i, slot)!r}] = every_{o}[{slot}]" for slot in wanted]]
            lines.append(f"    carry_{o} = made_{o}[:{p.carries}]")
            if not i and len(loop.passes) > 1:
                lines.append(f"    turns_{o}.append(kept_{o})")
        before = f"*finals_{o}, " if len(loop.passes) > 1 else ""
        return [*lines, f"{_tuple(made)} = ({before}*carry_{o},)"]

    def computed_again(self, params: Any, given: Lines, made: Lines) -> Lines:
        if not made:
            return []
        return [f"{_tuple(made)} = {_called(self.function(params['again'].program, 'inside'), given)}"]

    def ruled(self, params: Any, given: Lines, made: Lines) -> Lines:
        return [f"{y} = {x}" for y, x in zip(made, given, strict=False)]


_WRITERS: dict[str, Callable[[Structured, Any, Lines, Lines], Lines]] = {
    name: getattr(Structured, name) for name in ("scan", "switch", "while_loop", "computed_again", "ruled")
}


def _tuple(parts: Sequence[str]) -> str:
    return f"({parts[0]},)" if len(parts) == 1 else f"({', '.join(parts)})"


def _called(function: str, arguments: Sequence[str]) -> str:
    return f"{function}({', '.join(arguments)})"
