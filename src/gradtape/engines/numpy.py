"""The NumPy engine: a program's printed text, compiled once and called with raw arrays."""

from __future__ import annotations

import builtins
import contextvars
import linecache
import weakref
from collections.abc import Callable, Sequence
from itertools import count
from typing import Any

import numpy as np

from ..program.program import Program
from .printing import Text

_numbers = count()
_code = builtins.compile


class OtherPath(Exception):  # noqa: N818 - not an error: another path is recorded
    """A guard disagreed: ``args`` are where it stands, its number in ``program.guards``, and the value seen."""

    @property
    def index(self) -> int:
        """Which guard."""
        return self.args[1]

    @property
    def seen(self) -> Any:
        """The value that Python would have seen."""
        return self.args[2]


def compile(program: Program) -> Callable[[Sequence[Any]], list[Any]]:
    """A function of the list of raw inputs that gives the list of raw outputs; OtherPath where a guard disagrees.

    The inputs have the program's shapes and dtypes, 0-d ones are NumPy scalars.  Floating-point warnings are off.  The
    outputs share no memory with the inputs, the program's constants, or each other.
    """
    function = loaded(Text(program))
    # A context in which errors are ignored: entering it costs a tenth of what np.errstate does, and a copy of it can be
    # entered by any number of threads.
    quiet = contextvars.Context()
    quiet.run(np.seterr, all="ignore")
    copy = quiet.copy
    if program.several:
        return lambda arrays: list(copy().run(function, *arrays))
    return lambda arrays: [copy().run(function, *arrays)]


def loaded(text: Text) -> Callable[..., Any]:
    """The function that a text defines."""
    file = f"<program {text.name} {next(_numbers)}>"
    space: dict[str, Any] = {"__name__": text.name}
    exec(_code(text.source, file, "exec"), space)
    # gradtape's own exceptions instead of the text's of the same names
    space.update(text.exceptions, OtherPath=OtherPath)
    function = space["make"](text.externals) if text.externals else space[text.name]
    # A traceback shows the line, for as long as the function lives.
    linecache.cache[file] = (len(text.source), None, text.source.splitlines(keepends=True), file)
    weakref.finalize(function, linecache.cache.pop, file, None)
    return function
