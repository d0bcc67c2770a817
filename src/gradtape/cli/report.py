"""How the command line shows warnings and errors of a program: wrapped, with the user's lines and no others."""

from __future__ import annotations

import shutil
import site
import sys
import sysconfig
import textwrap
import traceback
import warnings
from collections.abc import Generator
from contextlib import contextmanager
from typing import Any, TextIO

from ..errors import GradtapeError, GradtapeWarning
from ..explain.places import OWN, Place


def wrapped(text: str, width: int = 0) -> str:
    """``text`` wrapped to the terminal, line by line; a line with carets below it stays whole, so that they fit."""
    width = width or max(60, min(shutil.get_terminal_size((100, 24)).columns, 120))
    lines = text.split("\n")
    result: list[str] = []
    for i, line in enumerate(lines):
        marked = i + 1 < len(lines) and set(lines[i + 1].strip()) == {"^"}
        if len(line) <= width or marked:
            result.append(line)
            continue
        indent = line[: len(line) - len(line.lstrip())]
        result += textwrap.wrap(line, width, subsequent_indent=indent + "  ", break_long_words=False) or [""]
    return "\n".join(result)


def foreign(file: str) -> bool:
    """Whether a file is not the user's: gradtape's, Python's own, or an installed package's."""
    libraries = (OWN, *_library_folders())
    return file.startswith(libraries) or file.startswith("<frozen")


def _library_folders() -> list[str]:
    paths = sysconfig.get_paths()
    return [paths["stdlib"], paths["platstdlib"], paths["purelib"], paths["platlib"], *site.getsitepackages()]


def users_place() -> Place | None:
    """The nearest line above, on the stack, that is the user's."""
    frame: Any = sys._getframe(1)  # pyright: ignore[reportPrivateUsage]
    while frame is not None and foreign(frame.f_code.co_filename):
        frame = frame.f_back
    return None if frame is None else Place(frame.f_code.co_filename, frame.f_lineno)


@contextmanager
def readable_warnings(stream: TextIO | None = None, seen: list[str] | None = None) -> Generator[None]:
    """Warnings are printed once each, as text with the user's line; what was printed is added to ``seen``."""
    shown: list[str] = [] if seen is None else seen

    def show(text: Any, category: type[Warning], file: str, number: int, *_: Any) -> None:
        told = str(text)
        if not issubclass(category, GradtapeWarning):
            place = users_place() if foreign(file) else Place(file, number)
            told = f"{told} ({category.__name__})" + (f"\n  at {place}" if place else "")
        if told not in shown:
            shown.append(told)
            print(wrapped(f"warning: {told}"), file=stream or sys.stderr, flush=True)

    with warnings.catch_warnings():
        warnings.simplefilter("default")
        warnings.simplefilter("always", GradtapeWarning)
        warnings.filterwarnings("ignore", category=DeprecationWarning, module=r"(?!__main__)")
        warnings.showwarning = show
        yield


def error_text(error: BaseException) -> str:
    """A traceback of the user's lines only, then the message; gradtape's own errors without the chain below them."""
    told = traceback.TracebackException.from_exception(error, compact=True)
    _keep_users_lines(told, isinstance(error, GradtapeError))
    return "".join(told.format()).rstrip()


def _keep_users_lines(told: traceback.TracebackException, own: bool) -> None:
    users = [frame for frame in told.stack if not foreign(frame.filename)]
    told.stack = traceback.StackSummary.from_list(users)
    if own:
        told.__cause__ = told.__context__ = None
    for chained in (told.__cause__, told.__context__):
        if chained is not None:
            _keep_users_lines(chained, False)
