"""The helper functions above a printed program, and calls of the package's own functions put in one line."""

from __future__ import annotations

import ast
import functools
import types
from typing import Any

import numpy as np

from .definitions import Definition, definition, facts
from .known import INFIX, Known, Static, plain
from .literals import UnprintableError
from .names import CACHED, STANDARD, Names
from .statements import Folder, is_atom, reduced

#: A call longer than this is better a function with a name.
LONGEST = 110
_DEEPEST = 4
#: A function of more nodes than this is not put in place of its calls.
_LARGEST = 100


class Library(Names):
    """Names, and functions: what a program's lines call."""

    def implementation(self, row: Any) -> ast.expr:
        """The function of a row, over NumPy."""
        impl = row.impl
        if isinstance(impl, str):
            owner: Known = Static(np)
            for part in impl.split("."):
                owner = Static(getattr(owner.value, part), (owner, part))
            return self.lower(owner)
        if isinstance(impl, types.BuiltinFunctionType):
            return self.reference(impl)
        return self.reference(impl, row.name if impl.__name__ in ("<lambda>", "impl") else None, drop=True)

    def application(self, function: Static, args: list[Known], keywords: dict[str, Known]) -> Known | None:
        """A call of a function of ours: what it comes to, if that is one line, else a call of the helper."""
        f = function.value
        if hasattr(f, "primitive"):
            return self.applied(f.primitive, args, keywords)
        if not isinstance(f, types.FunctionType) or (f.__module__ or "").split(".")[0] in STANDARD:
            return None
        try:
            node = definition(f)
        except UnprintableError:
            return None
        drop = bool(args) and _takes_namespace(node) and isinstance(args[0], Static) and args[0].value is np
        inline = self.inlined(f, node, args, keywords)
        if inline is not None:
            return inline
        if not drop and _takes_namespace(node):
            return None
        args = args[1:] if drop else args
        words = _without_defaults(f, keywords)
        name = self.reference(f, function.origin if isinstance(function.origin, str) else None, drop=drop)
        return ast.Call(name, [self.lower(a) for a in args], [ast.keyword(k, self.lower(v)) for k, v in words.items()])

    def applied(self, row: Any, args: list[Known], keywords: dict[str, Known]) -> Known:
        """A row's implementation on folded arguments."""
        impl = row.impl
        lowered = [self.lower(a) for a in args]
        if isinstance(impl, types.BuiltinFunctionType) and impl.__name__ in INFIX and not keywords:
            return infix(INFIX[impl.__name__], lowered)
        if isinstance(impl, types.FunctionType):
            try:
                node = definition(impl)
                inline = self.inlined(impl, node, [Static(np), *args], keywords, top=self._depth == 0)
                if inline is not None:
                    return inline
            except UnprintableError:
                pass
            keywords = _without_defaults(impl, keywords)
        words = [ast.keyword(k, self.lower(v)) for k, v in keywords.items()]
        return ast.Call(self.implementation(row), lowered, words)

    def inlined(
        self, f: Any, node: Definition, args: list[Known], keywords: dict[str, Known], top: bool = False
    ) -> Known | None:
        """The value of a call as one expression, or None."""
        about = facts(node)
        if not about.straight or self._depth >= _DEEPEST or (not top and (about.has_scopes or about.size > _LARGEST)):
            return None
        names = bound(self, f, node, args, keywords)
        if names is None or not all(is_atom(v) or about.once(k) for k, v in names.items()):
            return None
        folder = Folder(self, f, names, about.stored - set(names))
        self._depth += 1
        try:
            made = reduced(folder, about)
            if made is None or isinstance(made, Static):
                return made
            return made if len(ast.unparse(made)) <= LONGEST else None
        except UnprintableError:
            return None
        finally:
            self._depth -= 1

    def helper(self, f: Any, hint: str | None, drop: bool) -> ast.expr:
        """The name of a function that is written out above the program."""
        cached: Any = f.cache_parameters() if isinstance(f, CACHED) else None
        f = f.__wrapped__ if cached else f
        node = definition(f)
        name = self.fresh(hint or (f.__name__ if f.__name__ != "<lambda>" else "f"))
        self._names[id(f), drop] = ast.Name(name, ast.Load())  # before its body, which may call it
        about = facts(node)
        known: dict[str, Known] = {about.parameters[0]: Static(np)} if drop else {}
        folder = Folder(self, f, known, {*about.parameters, *about.stored} - set(known))
        self._writing += 1
        depth, self._depth = self._depth, 1
        try:
            arguments = _signature(self, f, node, drop)
            decorators = [self._cache(cached)] if cached else []
            made = ast.FunctionDef(name, arguments, folder.block(about.body) or [ast.Pass()], decorators)
            text = ast.unparse(_located(made))
        except (UnprintableError, ValueError) as error:
            del self._names[id(f), drop]
            raise UnprintableError(str(error)) from error
        finally:
            self._writing -= 1
            self._depth = depth
        self._kept.append(f)
        self.definitions.append(text)
        return ast.Name(name, ast.Load())

    def _cache(self, cached: dict[str, Any]) -> ast.expr:
        words = [ast.keyword(k, self.lower(Static(v))) for k, v in cached.items()]
        return ast.Call(self.reference(functools.lru_cache), [], words)


def infix(op: type[ast.AST], args: list[ast.expr]) -> ast.expr:
    """``a op b`` or ``op a``."""
    if len(args) == 1:
        return ast.UnaryOp(op(), args[0])  # type: ignore[arg-type]
    if issubclass(op, ast.cmpop):
        return ast.Compare(args[0], [op()], [args[1]])
    return ast.BinOp(args[0], op(), args[1])  # type: ignore[arg-type]


def _located(node: ast.FunctionDef) -> ast.FunctionDef:
    """With the line numbers that ast.unparse asks for."""
    for n in ast.walk(node):
        if isinstance(n, ast.stmt):
            n.lineno = 0
    return node


def bound(
    library: Library, f: Any, node: Definition, args: list[Known], keywords: dict[str, Known]
) -> dict[str, Known] | None:
    """What each parameter of ``f`` is in a call; None where that is not known now."""
    a = node.args
    positional = [p.arg for p in (*a.posonlyargs, *a.args)]
    names: dict[str, Known] = {}
    if any(isinstance(x, ast.Starred) for x in args) or (len(args) > len(positional) and a.vararg is None):
        return None
    defaults = f.__defaults__ or ()
    names.update(zip(positional[len(positional) - len(defaults) :], map(Static, defaults), strict=True))
    names.update((k, Static(v)) for k, v in (f.__kwdefaults__ or {}).items())
    names.update(zip(positional, args, strict=False))
    if a.vararg is not None:
        names[a.vararg.arg] = Folder(library, f, {}, set()).row(list(args[len(positional) :]))
    known = {*positional, *[p.arg for p in a.kwonlyargs]}
    extra = {k: v for k, v in keywords.items() if k not in known}
    names.update((k, v) for k, v in keywords.items() if k in known)
    if a.kwarg is not None:
        if not all(isinstance(v, Static) for v in extra.values()):
            return None
        names[a.kwarg.arg] = Static({k: v.value for k, v in extra.items()})  # type: ignore[union-attr]
    elif extra:
        return None
    return names if known <= set(names) else None


def _takes_namespace(node: Definition) -> bool:
    return bool(node.args.args) and node.args.args[0].arg == "xp"


def _without_defaults(f: Any, keywords: dict[str, Known]) -> dict[str, Known]:
    """The keywords that say something else than the default."""
    defaults = f.__kwdefaults__ or {}

    def said(k: str, v: Known) -> bool:
        if k not in defaults or not isinstance(v, Static):
            return True
        return type(v.value) is not type(defaults[k]) or not plain(v.value) or repr(v.value) != repr(defaults[k])

    return {k: v for k, v in keywords.items() if said(k, v)}


def _signature(library: Library, f: Any, node: Definition, drop: bool) -> ast.arguments:
    """The parameters, with the defaults that the function object has."""
    a = node.args

    def plain_arg(p: ast.arg | None) -> ast.arg | None:
        return None if p is None else ast.arg(p.arg)

    words = [p.arg for p in a.kwonlyargs]
    defaults = f.__kwdefaults__ or {}
    first = 1 if drop and not a.posonlyargs else 0
    return ast.arguments(
        posonlyargs=[ast.arg(p.arg) for p in a.posonlyargs],
        args=[ast.arg(p.arg) for p in a.args[first:]],
        vararg=plain_arg(a.vararg),
        kwonlyargs=[ast.arg(w) for w in words],
        kw_defaults=[library.lower(Static(defaults[w])) if w in defaults else None for w in words],
        kwarg=plain_arg(a.kwarg),
        defaults=[library.lower(Static(v)) for v in f.__defaults__ or ()],
    )
