"""Source lines: kept as (code object, instruction offset), decoded only when somebody asks."""

from __future__ import annotations

import linecache
import sys
from dataclasses import dataclass
from types import CodeType
from typing import Any

#: Every module of gradtape has this prefix: a frame below it is ours, not the user's.
PACKAGE = __name__.split(".", 1)[0]


@dataclass(frozen=True, slots=True)
class Site:
    """A place in the user's source."""

    file: str
    line: int
    function: str

    @property
    def text(self) -> str:
        """The source line itself, stripped; empty where the source is not at hand."""
        return linecache.getline(self.file, self.line).strip()

    def __str__(self) -> str:
        name = self.file.rsplit("/", 1)[-1]
        text = self.text
        return f"{name}:{self.line}" + (f"  {text}" if text else "")


def line_of(code: CodeType, lasti: int) -> int:
    """The line of the instruction at offset ``lasti``."""
    for start, end, line in code.co_lines():
        if start <= lasti < end and line is not None:
            return line
    return code.co_firstlineno


def decode(code: Any, lasti: int) -> Site | None:
    """The Site of an entry, or None where no line was kept."""
    if code is None:
        return None
    return Site(code.co_filename, line_of(code, lasti), code.co_name)


def user_frame(depth: int = 1) -> Any:
    """The nearest frame above that is not gradtape's own; the outermost one if all are."""
    frame: Any = sys._getframe(depth)  # pyright: ignore[reportPrivateUsage]
    while frame.f_globals.get("__name__", "").split(".", 1)[0] == PACKAGE and frame.f_back is not None:
        frame = frame.f_back
    return frame


def here() -> tuple[Any, int]:
    """(code, lasti) of the user's line that led here; for events, where the walk's cost does not matter."""
    frame = user_frame(2)
    return frame.f_code, frame.f_lasti


def user_line() -> Site:
    """The user's line that led here, for error messages."""
    frame = user_frame(2)
    return Site(frame.f_code.co_filename, frame.f_lineno, frame.f_code.co_name)
