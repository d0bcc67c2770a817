"""Places in the user's source: the line of an entry, the part of it that made the entry, and what things are called.

Python keeps, for every instruction, the columns of the expression that it belongs to.  That is enough to underline
the operation that an entry stands for, and to read off what the user calls the target and the source of a question.
"""

from __future__ import annotations

import ast
import linecache
import os
from dataclasses import dataclass
from itertools import islice
from types import CodeType
from typing import Any

from ..record import sites
from ..record.tensor import Tensor
from ..record.variable import Variable

#: The folder of the package: code in it is not the user's.
OWN = os.path.dirname(os.path.dirname(os.path.abspath(sites.__file__))) + os.sep

#: The questions whose first two arguments are a target and its sources.
QUESTIONS = frozenset({"gradient", "jacobian", "batch_jacobian", "hessian", "hvp", "derivative", "explain", "depends"})

#: The name of a target that the question does not name.
NO_NAME = "the target"


@dataclass(frozen=True, slots=True)
class Place:
    """A stretch of one source line: ``file``, ``line`` and the byte columns ``start`` to ``end``."""

    file: str
    line: int
    start: int | None = None
    end: int | None = None

    @property
    def name(self) -> str:
        """File and line, short: ``model.py:12``."""
        return f"{os.path.basename(self.file)}:{self.line}"

    @property
    def text(self) -> str:
        """The source line, stripped; empty where the source is not at hand."""
        return linecache.getline(self.file, self.line).strip()

    @property
    def piece(self) -> str:
        """The expression itself: the part of the line between the columns."""
        raw = linecache.getline(self.file, self.line).encode()
        return raw[self.start : self.end].decode(errors="replace").strip() if self.start is not None else ""

    def __str__(self) -> str:
        return f"{self.name}  {self.text}".rstrip()

    def marked(self) -> list[str]:
        """The line with its place, and carets below the expression where that is a part of the line."""
        head = f"{self.name}  "
        text, piece = self.text, self.piece
        if not piece or piece == text or piece not in text:
            return [str(self)]
        raw = linecache.getline(self.file, self.line)
        indent = len(raw) - len(raw.lstrip())
        before = len(raw.encode()[: self.start].decode(errors="replace")) - indent
        return [str(self), " " * (len(head) + before) + "^" * len(piece)]


def is_own(code: Any) -> bool:
    """Whether a code object belongs to gradtape itself."""
    return code is not None and code.co_filename.startswith(OWN)


def place_of(code: CodeType, lasti: int) -> Place:
    """Where the instruction at offset ``lasti`` comes from."""
    line = sites.line_of(code, lasti)
    found = next(islice(code.co_positions(), lasti // 2, None), None)
    if found is None or found[0] != line or found[0] != found[1] or found[2] is None:
        return Place(code.co_filename, line)
    return Place(code.co_filename, line, found[2], found[3])


def called(code: Any, lasti: int) -> str:
    """What the user calls the result of an expression: the ``y`` of ``y = ...``; empty where it has no name."""
    if code is None or is_own(code):
        return ""
    place = place_of(code, lasti)
    if place.start is None:
        return ""
    statement = _statement(place.text)
    if isinstance(statement, ast.Assign) and len(statement.targets) == 1:
        target, value = statement.targets[0], statement.value
    elif isinstance(statement, ast.AnnAssign) and statement.value is not None:
        target, value = statement.target, statement.value
    else:
        return ""
    raw = linecache.getline(place.file, place.line).encode()
    indent = len(raw) - len(raw.lstrip())
    if (value.col_offset + indent, (value.end_col_offset or 0) + indent) != (place.start, place.end):
        return ""
    return ast.unparse(target) if isinstance(target, ast.Name | ast.Attribute | ast.Subscript) else ""


@dataclass(frozen=True, slots=True)
class Question:
    """What the user wrote when asking: the names of the target and of the sources, and the place.

    ``names`` says what the Tensors and Variables at hand are called there, by id.
    """

    target: str
    sources: str
    place: Place | None
    names: dict[int, str]

    def called(self, targets: list[Tensor], leaf: Tensor | Variable, path: str) -> tuple[str, str]:
        """What to call the target and the source: as the question does, else as the user's names do."""
        target = (
            self.names.get(id(targets[0]), self.target) if self.target == NO_NAME and len(targets) == 1 else self.target
        )
        source = self.source(path)
        return target, self.names.get(id(leaf), source) if source == path else source

    def source(self, path: str) -> str:
        """The name of one source, given its path in the tree of sources: ``source[0]``, ``source['w']``."""
        root = next((r for r in ("sources", "source") if path.startswith(r)), None)
        if not self.sources or root is None:
            return path
        rest = path[len(root) :]
        tree = _expression(self.sources)
        steps = _expression(f"_{rest}") if rest else None
        while isinstance(tree, ast.List | ast.Tuple | ast.Dict) and steps is not None:
            chain: list[ast.Subscript] = []
            at: ast.expr = steps
            while isinstance(at, ast.Subscript):
                chain.append(at)
                at = at.value
            if not chain or not isinstance(chain[-1].slice, ast.Constant):
                break
            picked = _pick(tree, chain[-1].slice.value)
            if picked is None:
                break
            tree = picked
            rest = rest[len(ast.unparse(chain[-1])) - 1 :]
            steps = _expression(f"_{rest}") if rest else None
        return (ast.unparse(tree) if tree is not None else self.sources) + rest


def question() -> Question:
    """The question that is being answered now, read from the user's line that asks it."""
    frame: Any = sites.user_frame(2)
    if is_own(frame.f_code):
        return Question(NO_NAME, "", None, {})
    place = Place(frame.f_code.co_filename, frame.f_lineno)
    names = {id(v): k for k, v in {**frame.f_globals, **frame.f_locals}.items() if isinstance(v, Tensor | Variable)}
    call = _expression(_source_of(frame.f_code, frame.f_lasti))
    if not isinstance(call, ast.Call) or not isinstance(call.func, ast.Attribute) or call.func.attr not in QUESTIONS:
        return Question(NO_NAME, "", place, names)
    named = {k.arg: k.value for k in call.keywords}
    target = call.args[0] if call.args else named.get("target")
    sources = call.args[1] if len(call.args) > 1 else named.get("sources")
    if target is None or sources is None or any(isinstance(a, ast.Starred) for a in call.args[:2]):
        return Question(NO_NAME, "", place, names)
    return Question(_short(ast.unparse(target), NO_NAME), _short(ast.unparse(sources), ""), place, names)


def _short(text: str, otherwise: str) -> str:
    return text if len(text) <= 60 else otherwise


def _pick(tree: ast.List | ast.Tuple | ast.Dict, key: Any) -> ast.expr | None:
    if isinstance(tree, ast.Dict):
        found = [
            v for k, v in zip(tree.keys, tree.values, strict=True) if isinstance(k, ast.Constant) and k.value == key
        ]
        return found[0] if found else None
    plain = isinstance(key, int) and key < len(tree.elts) and not any(isinstance(e, ast.Starred) for e in tree.elts)
    return tree.elts[key] if plain else None


def _source_of(code: CodeType, lasti: int) -> str:
    """The text of the expression of an instruction, over several lines if it has them."""
    found = next(islice(code.co_positions(), lasti // 2, None), None)
    if found is None:
        return ""
    line, end_line, start, end = found
    if line is None or end_line is None or start is None or end is None:
        return ""
    lines = [linecache.getline(code.co_filename, n).encode() for n in range(line, end_line + 1)]
    lines[-1] = lines[-1][:end]
    lines[0] = lines[0][start:]
    return b"".join(lines).decode(errors="replace")


def _expression(text: str) -> ast.expr | None:
    try:
        return ast.parse(text.strip(), mode="eval").body
    except (SyntaxError, ValueError):
        return None


def _statement(text: str) -> ast.stmt | None:
    try:
        body = ast.parse(text).body
    except (SyntaxError, ValueError):
        return None
    return body[0] if len(body) == 1 else None
