"""From a function object to the text that it was compiled from, as a syntax tree.

The tree is believed only after it has been compiled again and gives the same instructions: a file may have changed
since it was imported, and a line may hold two lambdas.
"""

from __future__ import annotations

import ast
import linecache
import types
import weakref
from collections import Counter
from copy import deepcopy
from functools import lru_cache
from typing import Any

from .literals import UnprintableError

_annotations = annotations.compiler_flag

Definition = ast.FunctionDef | ast.Lambda


_known: weakref.WeakKeyDictionary[types.CodeType, Definition] = weakref.WeakKeyDictionary()


def definition(function: Any) -> Definition:
    """The `def` or `lambda` of a Python function; it is shared, so do not change it."""
    code: types.CodeType = function.__code__
    found = _known.get(code)
    if found is None:
        found = _known[code] = _Plainer().visit(deepcopy(_find(code)))
    return found


class _Plainer(ast.NodeTransformer):
    """``y if y.ndim else y[()]`` is ``y[()]`` of any array, which is one use of y instead of three."""

    def visit_IfExp(self, node: ast.IfExp) -> ast.expr:
        self.generic_visit(node)
        for array, number, test in ((node.body, node.orelse, "{0}.ndim"), (node.orelse, node.body, "{0}.ndim == 0")):
            if (
                isinstance(array, ast.Name)
                and ast.unparse(number) == f"{array.id}[()]"
                and ast.unparse(node.test) == test.format(array.id)
            ):
                return number
        return node


def resolve(function: Any, name: str) -> Any:
    """What a name that is not local means in a function: a cell's content, a global or a builtin."""
    code = function.__code__
    if name in code.co_freevars:
        return function.__closure__[code.co_freevars.index(name)].cell_contents
    if name in function.__globals__:
        return function.__globals__[name]
    builtins = function.__globals__["__builtins__"]
    return (builtins if isinstance(builtins, dict) else vars(builtins))[name]


def parameters(node: Definition) -> list[str]:
    """The names of all parameters."""
    a = node.args
    return [p.arg for p in (*a.posonlyargs, *a.args, a.vararg, *a.kwonlyargs, a.kwarg) if p is not None]


SCOPES = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda, ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)


def stored(nodes: list[Any]) -> set[str]:
    """The names that these statements bind, scopes inside them left out."""
    names: set[str] = set()
    waiting = list(nodes)
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load):
            names.add(node.id)
        elif isinstance(node, ast.FunctionDef | ast.ClassDef):
            names.add(node.name)
        elif isinstance(node, ast.ExceptHandler) and node.name:
            names.add(node.name)
        elif isinstance(node, ast.Import | ast.ImportFrom):
            names.update((a.asname or a.name).split(".")[0] for a in node.names)
        if not isinstance(node, SCOPES):
            waiting.extend(ast.iter_child_nodes(node))
    return names


class Facts:
    """What is asked of a definition again and again."""

    def __init__(self, node: Definition) -> None:
        self.body: list[ast.stmt] = [ast.Return(node.body)] if isinstance(node, ast.Lambda) else node.body
        self.stored = stored(self.body)
        self.parameters = parameters(node)
        #: How often each name is read, and which are read inside another scope.
        self.reads: Counter[str] = Counter()
        self.scoped: set[str] = set()
        #: It has functions or comprehensions inside.
        self.has_scopes = False
        self.size = 0
        self._walk(self.body, False)
        #: It may come to one expression.
        self.straight = all(
            isinstance(s, ast.Return | ast.If | ast.Assign | ast.Expr | ast.ImportFrom) for s in self.body
        )

    def _walk(self, nodes: Any, inner: bool) -> None:
        for node in nodes:
            self.size += 1
            if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load):
                self.reads[node.id] += 1
                if inner:
                    self.scoped.add(node.id)
            scope = isinstance(node, (*SCOPES, ast.NamedExpr))
            self.has_scopes = self.has_scopes or scope
            self._walk(ast.iter_child_nodes(node), inner or scope)

    def once(self, name: str) -> bool:
        """A name is read at most once, and not inside another scope."""
        return self.reads[name] <= 1 and name not in self.scoped


_facts: dict[int, tuple[Definition, Facts]] = {}


def facts(node: Definition) -> Facts:
    """The facts of a definition."""
    found = _facts.get(id(node))
    if found is None:
        found = _facts[id(node)] = (node, Facts(node))
    return found[1]


@lru_cache(maxsize=256)
def _definitions(file: str) -> tuple[dict[tuple[str, int], list[Definition]], list[ast.stmt]]:
    """All definitions of a file, by name and first line; and its imports, by which methods are told from functions."""
    lines = linecache.getlines(file)
    if not lines:
        raise UnprintableError(f"the source of {file} is not at hand")
    try:
        tree = ast.parse("".join(lines))
    except SyntaxError as error:
        raise UnprintableError(f"{file} has changed since it was imported") from error
    found: dict[tuple[str, int], list[Definition]] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef):
            line = min([node.lineno, *[d.lineno for d in node.decorator_list]])
            found.setdefault((node.name, line), []).append(node)
        elif isinstance(node, ast.Lambda):
            found.setdefault(("<lambda>", node.lineno), []).append(node)
    return found, [s for s in tree.body if isinstance(s, ast.Import | ast.ImportFrom) and not _is_future(s)]


def _is_future(s: ast.stmt) -> bool:
    return isinstance(s, ast.ImportFrom) and s.module == "__future__"


def _find(code: types.CodeType) -> Definition:
    definitions, imports = _definitions(code.co_filename)
    candidates = definitions.get((code.co_name, code.co_firstlineno), [])
    same = [node for node in candidates if _alike(_compiled(node, code, imports), code)]
    texts = {ast.dump(node) for node in same}
    if len(texts) != 1:
        raise UnprintableError(f"{code.co_name}, {code.co_filename}:{code.co_firstlineno}, is not what was imported")
    return same[0]


def _compiled(node: Definition, code: types.CodeType, imports: list[ast.stmt]) -> types.CodeType:
    """The code of ``node``, compiled inside a function that has the free variables of ``code``."""
    if isinstance(node, ast.FunctionDef):
        bare = ast.FunctionDef(node.name, node.args, node.body, [], node.returns)
        body: list[ast.stmt] = [ast.copy_location(bare, node)]
        if node.name not in code.co_freevars:  # it may call itself
            body.insert(0, ast.Global([node.name]))
    else:
        body = [ast.copy_location(ast.Expr(node), node)]
    cells = [ast.arg(name) for name in code.co_freevars]
    nothing = ast.arguments(posonlyargs=[], args=cells, kwonlyargs=[], kw_defaults=[], defaults=[])
    outer = ast.copy_location(ast.FunctionDef("outer", nothing, body, []), node)
    module = ast.fix_missing_locations(ast.Module([*imports, outer], []))
    flags = _annotations if code.co_flags & _annotations else 0
    compiled = compile(module, code.co_filename, "exec", flags=flags, dont_inherit=True)
    return _inner(_inner(compiled, "outer"), code.co_name)


def _inner(code: types.CodeType, name: str) -> types.CodeType:
    return next(c for c in code.co_consts if isinstance(c, types.CodeType) and c.co_name == name)


def _alike(a: types.CodeType, b: types.CodeType) -> bool:
    """Whether two codes do the same, wherever they stand."""
    if a.co_code != b.co_code or a.co_names != b.co_names or a.co_varnames != b.co_varnames:
        return False
    if a.co_freevars != b.co_freevars or len(a.co_consts) != len(b.co_consts):
        return False
    for x, y in zip(a.co_consts, b.co_consts, strict=True):
        nested = isinstance(x, types.CodeType) and isinstance(y, types.CodeType)
        if not (_alike(x, y) if nested else type(x) is type(y) and repr(x) == repr(y)):
            return False
    return True
