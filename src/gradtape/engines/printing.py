"""A program as straight-line Python over NumPy, which a person can read, run and check in.

One line a step, under the user's line that it comes from.  The lines come from the implementations of the rows: their
source with what is known put in (parameters, shapes, dtypes), or a call of a helper that stands above.  Large arrays
that die are let go, or written over; everything else keeps the name it was given.
"""

from __future__ import annotations

import keyword
from pathlib import Path
from typing import Any

import numpy as np

from ..program.program import Guard, Program, Value
from .buffers import Buffers
from .library import Library
from .literals import SMALL, literal
from .steps import OPAQUE, Form, Forms
from .structured import Structured

#: Where gradtape's own lines are: they are no line of the user's.
_PACKAGE = str(Path(__file__).parents[1])

_OTHER_PATH = '''\
class OtherPath(Exception):
    """At these inputs Python would have gone another way: (where, which guard, the value seen)."""'''


class Text:
    """A printed program: ``source``, and what it needs to run.

    ``externals`` are the arrays that are too large to write out (and objects that have no text), by name: the source
    then defines ``make(constants)``, which returns the function.  ``exceptions`` are gradtape's own, of which the
    source defines its own under the same names.
    """

    def __init__(self, program: Program, *, readable: bool = False) -> None:
        names = program.names()
        self.name = _identifier(program.name, set(names.values()))
        self.library = library = Library({*names.values(), self.name, "make"})
        written: list[str] = []
        for v, data in program.constants.items():
            if np.size(data) <= SMALL:
                written.append(f"{names[v]} = {literal(data)}")
            else:
                library.externals[names[v]] = data
        body = _Body(program, names, library, structured(library) if readable else None).lines
        self.externals = library.externals
        self.exceptions = library.exceptions
        self.source = self._assembled(program, names, written, body)

    def _assembled(self, program: Program, names: dict[Value, str], written: list[str], body: list[str]) -> str:
        library = self.library
        head = f"def {self.name}({', '.join(names[v] for v in program.inputs)}):"
        takes = _listed([f"{names[v]}: {v!r}" for v in program.inputs])
        doc = [f'"""({takes}) -> {_listed(list(map(repr, program.outputs)))}"""']
        function = [head, *_indented([*doc, *body])]
        exceptions = [_OTHER_PATH] if program.guards else []  # at the top, where they can be exchanged: numpy.loaded
        exceptions += [d for d in library.definitions if d.startswith("class ")]
        above = [*written, *[d for d in library.definitions if not d.startswith("class ")]]
        if self.externals:
            doc = ['"""The function, given a dict of the arrays that are not written out here."""']
            loaded = [f'{n} = constants["{n}"]{_shape(x)}' for n, x in self.externals.items()]
            inner = _spaced(above, 1) if library.helpers_need_externals else []
            above = exceptions if library.helpers_need_externals else [*exceptions, *above]
            last = [
                "def make(constants):",
                *_indented([*doc, *loaded, *inner, "", *function, "", f"return {self.name}"]),
            ]
        else:
            above, last = [*exceptions, *above], function
        imports = [library.imports["np"], *sorted(s for a, s in library.imports.items() if a != "np")]
        return "\n".join([*imports, *_spaced([*above, "\n".join(last)], 2)]) + "\n"


def _spaced(blocks: list[str], apart: int) -> list[str]:
    """Definitions of one line under each other, longer ones with blank lines around."""
    lines: list[str] = []
    before = True
    for block in blocks:
        long = "\n" in block
        lines += [*([""] * (apart if long else 1) if long or before else []), *block.split("\n")]
        before = long
    return lines


class _Body:
    """The lines of the function."""

    def __init__(
        self,
        program: Program,
        names: dict[Value, str],
        library: Library,
        inner: Structured | None,
        several: bool | None = None,
    ) -> None:
        self.names = dict(names)
        self.library = library
        self.lines: list[str] = []
        self._site: Any = None
        self._told = ""
        self._shown: dict[Any, str] = {}
        forms, buffers = Forms(library), Buffers(program)
        guards = iter([*enumerate(program.guards), (-1, (len(program.steps) + 1, None))])
        k, (at, guard) = next(guards)
        for i, step in enumerate([*program.steps, None]):
            while guard is not None and at <= i:
                self.guard(k, guard)
                k, (at, guard) = next(guards)
            if step is None:
                break
            self.mention(step)
            lines = None if inner is None else inner.lines(step, self.names)
            if lines is not None:
                self.lines += lines
                if step.outputs:
                    buffers.step(i, step, OPAQUE)
                continue
            form = forms.form(step)
            over, large = buffers.step(i, step, form)
            if form.spread:
                buffers.spread(step.outputs[0])
            self.step(step, form, over)
            if large:
                self.lines.append(f"del {', '.join(dict.fromkeys(self.names[v] for v in large))}")
        copies = buffers.to_copy(program.outputs)
        outputs = [
            f"np.copy({self.names[v]})" if c else self.names[v] for v, c in zip(program.outputs, copies, strict=True)
        ]
        together = f"({outputs[0]},)" if len(outputs) == 1 else f"({', '.join(outputs)})"
        several = program.several if several is None else several
        self.lines.append(f"return {together if several else outputs[0]}")

    def mention(self, step: Any) -> None:
        """The user's line, where it changes."""
        here = (step.code, step.lasti)
        if step.code is None or here == self._site:
            return
        self._site = here
        own = step.code.co_filename.startswith(_PACKAGE)
        told = "# derivative" if own else f"# {step.site}"
        if told != self._told:
            self._told = told
            self.lines.append(told)

    def step(self, step: Any, form: Form, over: Value | None) -> None:
        """``v3 = v1 * v2``, or what writes over v1 and calls it v3 from here on."""
        given = [self.names[x] if type(x) is Value else "" for x in step.inputs]
        if over is not None:
            name = self.names[step.outputs[0]] = self.names[over]
            if form.left is not None and step.inputs[form.left[0]] is over:
                self.lines.append(f"{name} {form.fill(given, form.left[1])}")
            else:
                self.lines.append(f"{name} = {form.fill(given, form.ufunc)}, out={name})")
            return
        made = ", ".join(self.names[o] for o in step.outputs) + ("," if step.several and len(step.outputs) == 1 else "")
        shown = f"  # {', '.join(map(self.shown, step.outputs))}" if any(o.shape for o in step.outputs) else ""
        self.lines.append(f"{made} = {form.fill(given)}{shown}")

    def shown(self, v: Value) -> str:
        """The shape and dtype."""
        key = (v.shape, v.dtype)
        if key not in self._shown:
            self._shown[key] = repr(v)
        return self._shown[key]

    def guard(self, k: int, guard: Guard) -> None:
        """What Python saw."""
        name, expected = self.names[guard.value], guard.expected
        seen = str(guard.site or guard.how)
        if isinstance(expected, bool):
            test = f"not {name}" if expected else name
        elif isinstance(expected, int):
            test = f"int({name}) != {expected}"
        elif np.ndim(expected) == 0 and expected == expected:
            test = f"{name} != {literal(np.asarray(expected).item())}"
        else:
            array: Any = np.asarray(expected)
            what = literal(expected) if array.size <= SMALL else self.library.lower_array(expected)
            test = f"not np.array_equal({name}, {what}, equal_nan={array.dtype.kind in 'fc'})"
        if guard.signed:
            what = literal(expected) if np.size(expected) <= SMALL else self.library.lower_array(expected)
            test += f" or not np.array_equal(np.signbit({name}), np.signbit({what}))"
        self.lines.append(f"if {test}:")
        self.lines.append(f"    raise OtherPath({seen!r}, {k}, {name})")


def structured(library: Library) -> Structured:
    """What writes loops and branches, for a program that a person is to read."""

    def print_body(program: Program, names: dict[Value, str]) -> list[str]:
        return _Body(program, names, library, inner, several=True).lines

    inner = Structured(library, print_body)
    return inner


def source(program: Program) -> str:
    """The text of ``program``: imports, constants, helpers, and one function, with no gradtape in it.

    Arrays that are too large to write out are arguments of ``make(constants)``, which returns the function.

    >>> import gradtape as gt
    >>> x = gt.asarray([1.0, 2.0])
    >>> with gt.GradientTape() as tape:
    ...     y = gt.sum(gt.sin(x) * x)
    >>> for line in source(tape.program(x, y)).splitlines():
    ...     if line.startswith("    v"):
    ...         print(line.strip())
    v0 = np.sin(x0)  # float64[2]
    v1 = v0 * x0  # float64[2]
    v2 = v1.sum()
    """
    return Text(program, readable=True).source


def _identifier(name: str, taken: set[str]) -> str:
    made = "".join(c if c.isalnum() or c == "_" else "_" for c in name) or "program"
    made = f"f_{made}" if made[0].isdigit() or keyword.iskeyword(made) else made
    return f"{made}_" if made in taken or made in ("np", "make") else made


def _listed(parts: list[str]) -> str:
    text = ", ".join(parts)
    return text if len(text) <= 80 else f"{len(parts)} arrays"


def _indented(lines: list[str]) -> list[str]:
    return [f"    {part}" if part else "" for line in lines for part in line.split("\n")]


def _shape(x: Any) -> str:
    return f"  # {x.dtype}{list(x.shape)}" if hasattr(x, "dtype") else ""
