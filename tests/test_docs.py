"""Runs what the documents show: the Python blocks of README.md and docs/, and the doctests of every module.

The ``python`` blocks of one file are one program: they share a namespace and run in order.

- A ``text`` or ``output`` block right after a ``python`` block is what that block prints, exactly. (An
  ``output`` block belongs to the last ``python`` block above it, whatever stands between.)
- ``# raises NameOfError`` as a block's first line: the block must raise that error. The printed text, if
  shown, ends with ``NameOfError: message``.
"""

from __future__ import annotations

import contextlib
import doctest
import importlib
import io
import re
import traceback
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest

ROOT = Path(__file__).resolve().parents[1]
SOURCE = ROOT / "src"
DOCUMENTS = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
MODULES = sorted(
    ".".join(path.relative_to(SOURCE).with_suffix("").parts).removesuffix(".__init__")
    for path in (SOURCE / "gradtape").rglob("*.py")
    if path.name != "__main__.py"
)
NEAR_MISSES = {"py", "python3", "pycon", "Python"}  # would look like a program and never run


class Block(NamedTuple):
    language: str
    line: int  # of the first line inside the fences
    text: str
    adjacent: bool  # nothing but blank lines since the block before


class Program(NamedTuple):
    code: Block
    prints: Block | None


def blocks_of(document: str) -> list[Block]:
    """Return the fenced blocks of a Markdown document."""
    blocks: list[Block] = []
    fence, indent, language, start, adjacent = "", 0, "", 0, False
    inside: list[str] = []
    for number, line in enumerate(document.splitlines(), 1):
        mark = re.match(r"( *)(`{3,}|~{3,})\s*([^\s`]*)", line)
        if not fence:
            if mark:
                indent, fence, language = len(mark[1]), mark[2], mark[3]
                start, inside = number + 1, []
            elif line.strip():
                adjacent = False
        elif mark and mark[2].startswith(fence) and not mark[3]:
            blocks.append(Block(language, start, "\n".join(inside), adjacent))
            fence, adjacent = "", True
        else:
            inside.append(line[min(indent, len(line) - len(line.lstrip())) :])
    assert not fence, f"the block that starts on line {start - 1} is not closed"
    return blocks


def programs_of(document: str) -> list[Program]:
    """Return the Python blocks of a document, each with the block that shows what it prints."""
    programs: list[Program] = []
    before = ""
    for block in blocks_of(document):
        where = f"line {block.line - 1}"
        assert block.language not in NEAR_MISSES, f"{where}: say ```python, not ```{block.language}"
        if block.language == "python":
            programs.append(Program(block, None))
        elif block.language == "output" or (block.language == "text" and block.adjacent and before == "python"):
            assert programs, f"{where}: output without a program"
            assert programs[-1].prints is None, f"{where}: a second output of one program"
            programs[-1] = Program(programs[-1].code, block)
        before = block.language
    return programs


def run(block: Block, path: str, namespace: dict[str, Any]) -> str:
    """Run a block and return what it printed; its line numbers are those of the document."""
    expected = re.match(r"# raises ([\w.]+)", block.text)
    code = compile("\n" * (block.line - 1) + block.text, path, "exec", dont_inherit=True)
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        if expected is None:
            exec(code, namespace)
        else:
            name = expected[1].rpartition(".")[2]
            try:
                exec(code, namespace)
            except Exception as error:
                if name not in {kind.__name__ for kind in type(error).__mro__}:
                    raise
                print(f"{type(error).__name__}: {error}")
            else:
                pytest.fail(f"{path}:{block.line}: {name} was not raised")
    return printed.getvalue()


def trimmed(text: str) -> list[str]:
    return [line.rstrip() for line in text.rstrip().splitlines()]


def check(document: str, path: str) -> None:
    namespace: dict[str, Any] = {"__name__": "__main__", "__file__": path}
    with np.printoptions():
        for program in programs_of(document):
            printed = run(program.code, path, namespace)
            if program.prints is not None:
                assert trimmed(printed) == trimmed(program.prints.text), f"{path}:{program.prints.line}"


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let documents write files and draw without a screen."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MPLBACKEND", "Agg")


@pytest.mark.parametrize("path", DOCUMENTS, ids=[path.relative_to(ROOT).as_posix() for path in DOCUMENTS])
def test_document(path: Path) -> None:
    check(path.read_text(), str(path))


@pytest.mark.parametrize("name", MODULES)
def test_doctests(name: str) -> None:
    with np.printoptions():
        assert doctest.testmod(importlib.import_module(name)).failed == 0


# The rest tests this file: a check of documents that cannot fail is none.


def markdown(*blocks: str) -> str:
    return "\n\n".join(f"```{block}\n```" for block in blocks)


@pytest.mark.parametrize(
    "document",
    [
        markdown("python\nx = 2", "python\nprint(x)", "text\n2"),
        markdown("python\n# raises ZeroDivisionError\n1 / 0", "text\nZeroDivisionError: division by zero"),
        markdown("python\n# raises ArithmeticError\nprint(1)\n1 / 0"),
        markdown("python\nprint(1)") + "\n\nA drawing:\n\n" + markdown("text\n[]--[]"),
        markdown("python\nprint(1)") + "\n\nwhich prints\n\n" + markdown("output\n1"),
        markdown("python\nprint(1)", "bash\nls", "text\na listing"),
        "1. In a list:\n\n   ```python\n   if True:\n       print(1)\n   ```\n\n   ```text\n   1\n   ```\n",
        "````text\n```python\nraise\n```\n````",
    ],
)
def test_documents_that_are_right(document: str) -> None:
    check(document, "right.md")


@pytest.mark.parametrize(
    "document",
    [
        markdown("python\nprint(1)", "text\n2"),
        markdown("python\nprint(1)", "text\n1\n2"),
        markdown("python\nprint(1)") + "\n\nwhich prints\n\n" + markdown("output\n2"),
        markdown("python\n# raises ValueError\n1 / 0"),
        markdown("python\n# raises ValueError\npass"),
        markdown("python\n1 / 0"),
        markdown("py\nprint(1)"),
        markdown("output\n1"),
        "```python\nprint(1)",
    ],
)
def test_documents_that_are_wrong(document: str) -> None:
    with pytest.raises((AssertionError, ZeroDivisionError, pytest.fail.Exception)):
        check(document, "wrong.md")


def test_errors_name_the_line_of_the_document() -> None:
    with pytest.raises(ZeroDivisionError) as caught:
        check("# Title\n\nWords.\n\n```python\nx = 0\n1 / x\n```\n", "lines.md")
    last = traceback.extract_tb(caught.tb)[-1]
    assert (last.filename, last.lineno) == ("lines.md", 7)
