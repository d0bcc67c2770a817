"""Partial evaluation of statements, and of whole functions that come to one expression."""

from __future__ import annotations

import ast
import importlib
from typing import Any

from .definitions import Facts, stored
from .folding import Expressions
from .known import Known, Row, Static
from .literals import UnprintableError


class Folder(Expressions):
    """Folds the source of one function: expressions and statements."""

    def block(self, statements: list[ast.stmt]) -> list[ast.stmt]:
        """The folded statements: no docstrings, no annotations, decided conditions gone."""
        made: list[ast.stmt] = []
        for s in statements:
            if isinstance(s, ast.Expr) and isinstance(s.value, ast.Constant):
                continue
            if isinstance(s, ast.If):
                test = self.fold(s.test)
                if isinstance(test, Static):
                    made += self.block(s.body if test.value else s.orelse)
                else:
                    made.append(ast.If(test, self.block(s.body) or [ast.Pass()], self.block(s.orelse)))
            elif isinstance(s, ast.AnnAssign):
                if s.value is not None:
                    made.append(ast.Assign([self.lowered(s.target)], self.lowered(s.value)))
            elif isinstance(s, ast.Import | ast.ImportFrom):
                if not self.imported(s):
                    made.append(s)
            elif isinstance(s, ast.FunctionDef):
                made.append(self.nested(s))
            elif isinstance(s, ast.Global | ast.ClassDef | ast.AsyncFunctionDef | ast.Match):
                raise UnprintableError(f"{self.function.__name__} has a statement that is not printed")
            else:
                made.append(self._rebuilt(s))
            if made and isinstance(made[-1], ast.Return | ast.Raise | ast.Continue | ast.Break):
                break
        return made

    def nested(self, node: ast.FunctionDef) -> ast.FunctionDef:
        """A function inside the function."""
        bound = {a.arg for a in ast.walk(node.args) if isinstance(a, ast.arg)} | stored(node.body)
        for s in ast.walk(node):
            if isinstance(s, ast.Nonlocal):
                bound -= set(s.names)
        body = self.inside(bound).block(node.body) or [ast.Pass()]
        return ast.FunctionDef(node.name, self.bare(node.args), body, [self.lowered(d) for d in node.decorator_list])

    def imported(self, node: ast.Import | ast.ImportFrom) -> bool:
        """An import of the package's own, or of SciPy's: its names are known from here on."""
        if isinstance(node, ast.Import):
            return False
        package = self.function.__globals__.get("__package__") or ""
        name = "." * node.level + (node.module or "")
        module: Any = importlib.import_module(name, package)
        for alias in node.names:
            found = getattr(module, alias.name, None)
            if found is None:
                found = importlib.import_module(f"{name}{'' if name.endswith('.') else '.'}{alias.name}", package)
            self.names[alias.asname or alias.name] = Static(found, alias.name)
        return True


def is_atom(x: Known) -> bool:
    """A name or a constant: it may be written twice."""
    return isinstance(x, Static | ast.Name) or (isinstance(x, Row) and all(is_atom(e) for e in x.items))


def reduced(folder: Folder, about: Facts) -> Known | None:
    """The value of a function's body as one expression, or None where it is not one."""
    waiting = list(about.body)
    while waiting:
        s = waiting.pop(0)
        if isinstance(s, ast.Expr) and isinstance(s.value, ast.Constant):
            continue
        if isinstance(s, ast.Return):
            return Static(None) if s.value is None else folder.fold(s.value)
        if isinstance(s, ast.If):
            test = folder.fold(s.test)
            if not isinstance(test, Static):
                return None
            waiting = [*(s.body if test.value else s.orelse), *waiting]
        elif isinstance(s, ast.Assign) and len(s.targets) == 1 and isinstance(s.targets[0], ast.Name):
            value, name = folder.fold(s.value), s.targets[0].id
            if not is_atom(value) and not about.once(name):
                return None
            folder.names[name] = value
        elif isinstance(s, ast.ImportFrom) and folder.imported(s):
            continue
        else:
            return None
    return None
