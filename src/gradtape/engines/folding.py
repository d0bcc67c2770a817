"""Partial evaluation of an implementation's source: what is known when a program is printed is computed then.

The names ``xp``, the parameters, globals and cells are known; of the inputs the shapes and dtypes.  Conditions on them
are decided, helpers of one line put in place of their calls, and what remains is NumPy on names.
"""

from __future__ import annotations

import ast
from typing import Any, Self

from .definitions import resolve, stored
from .known import Known, Place, Row, Static, called, comprehended, evaluated, fact_of, kind_of
from .literals import UnprintableError


class Expressions:
    """Folds the source of one function; ``names`` are those with a known meaning, ``local`` those with none."""

    def __init__(self, library: Any, function: Any, names: dict[str, Known], local: set[str]) -> None:
        self.library = library
        self.function = function
        self.names = names
        self.local = local

    def block(self, statements: list[ast.stmt]) -> list[ast.stmt]:
        """The folded statements."""
        raise NotImplementedError

    # -- expressions ---------------------------------------------------------------------------------
    def lowered(self, node: ast.expr) -> ast.expr:
        """The folded expression as a tree."""
        return self.library.lower(self.fold(node))

    def fold(self, node: Any) -> Known:
        """The folded expression: a tree, or a value where all is known."""
        rule = getattr(self, "_" + type(node).__name__, None)
        return rule(node) if rule is not None else self._rebuilt(node)

    def _rebuilt(self, node: Any) -> Any:
        fields: dict[str, Any] = {}
        for name, value in ast.iter_fields(node):
            if isinstance(value, ast.expr):
                fields[name] = self.lowered(value)
            elif isinstance(value, ast.AST):
                fields[name] = self._rebuilt(value)
            elif isinstance(value, list) and value and isinstance(value[0], ast.stmt):
                fields[name] = self.block(value) or [ast.Pass()]
            elif isinstance(value, list):
                fields[name] = [
                    self.lowered(v) if isinstance(v, ast.expr) else self._rebuilt(v) if isinstance(v, ast.AST) else v
                    for v in value
                ]
            else:
                fields[name] = value
        return type(node)(**fields)

    def _Constant(self, node: ast.Constant) -> Known:
        return Static(node.value)

    def _Name(self, node: ast.Name) -> Known:
        if not isinstance(node.ctx, ast.Load):
            return node
        if node.id in self.names:
            return self.names[node.id]
        if node.id in self.local:
            return node
        try:
            return Static(resolve(self.function, node.id), node.id)
        except (KeyError, ValueError) as error:
            raise UnprintableError(f"{node.id} in {self.function.__name__} has no value") from error

    def _Attribute(self, node: ast.Attribute) -> Known:
        return self.attribute(self.fold(node.value), node.attr, node.ctx)

    def attribute(self, owner: Known, name: str, ctx: Any = None) -> Known:
        """``owner.name``."""
        if isinstance(owner, Static):
            try:
                return Static(getattr(owner.value, name), (owner, name))
            except AttributeError:
                pass
        elif isinstance(owner, Place):
            try:
                return Static(fact_of(owner, name), (owner, name))
            except AttributeError:
                pass
        return ast.Attribute(self.library.lower(owner), name, ctx or ast.Load())

    def _operated(self, op: ast.AST, *operands: Known) -> Static | None:
        """The operator's result, where all operands are known and it is best computed now."""
        if all(isinstance(v, Static) for v in operands):
            try:
                return Static(evaluated(type(op), *[v.value for v in operands]))  # type: ignore[union-attr]
            except Exception:
                pass
        return None

    def _UnaryOp(self, node: ast.UnaryOp) -> Known:
        operand = self.fold(node.operand)
        return self._operated(node.op, operand) or ast.UnaryOp(node.op, self.library.lower(operand))

    def _BinOp(self, node: ast.BinOp) -> Known:
        left, right = self.fold(node.left), self.fold(node.right)
        lower = self.library.lower
        return self._operated(node.op, left, right) or ast.BinOp(lower(left), node.op, lower(right))

    def _Compare(self, node: ast.Compare) -> Known:
        values = [self.fold(x) for x in (node.left, *node.comparators)]
        parts = [self._compared(op, *values[i : i + 2]) for i, op in enumerate(node.ops)]
        if all(p is not None for p in parts):
            return parts[0] if len(parts) == 1 else Static(all(p.value for p in parts))  # type: ignore[union-attr,return-value]
        lowered = [self.library.lower(v) for v in values]
        return ast.Compare(lowered[0], node.ops, lowered[1:])

    def _compared(self, op: ast.cmpop, left: Known, right: Known) -> Static | None:
        if isinstance(op, ast.Is | ast.IsNot) and isinstance(right, Static) and right.value is None:
            if isinstance(left, Place | Row):
                return Static(isinstance(op, ast.IsNot))
            if isinstance(left, Static):
                return Static((left.value is None) == isinstance(op, ast.Is))
        return self._operated(op, left, right)

    def _BoolOp(self, node: ast.BoolOp) -> Known:
        stops = isinstance(node.op, ast.Or)
        kept: list[Known] = []
        for i, part in enumerate(node.values):
            value = self.fold(part)
            if isinstance(value, Static):
                try:
                    decided = bool(value.value) == stops
                except Exception:
                    decided = None
                if decided:
                    kept.append(value)
                    break
                if decided is False and i < len(node.values) - 1:
                    continue
            kept.append(value)
        return kept[0] if len(kept) == 1 else ast.BoolOp(node.op, [self.library.lower(k) for k in kept])

    def _IfExp(self, node: ast.IfExp) -> Known:
        test = self.fold(node.test)
        if isinstance(test, Static):
            return self.fold(node.body if test.value else node.orelse)
        return ast.IfExp(test, self.lowered(node.body), self.lowered(node.orelse))

    def elements(self, nodes: list[ast.expr]) -> list[Known]:
        """The folded elements, known tuples behind a star spread out."""
        found: list[Known] = []
        for node in nodes:
            if not isinstance(node, ast.Starred):
                found.append(self.fold(node))
                continue
            inner = self.fold(node.value)
            if isinstance(inner, Row):
                found += inner.items
            elif isinstance(inner, Static) and isinstance(inner.value, tuple | list | range):
                found += [Static(v) for v in inner.value]
            else:
                found.append(ast.Starred(self.library.lower(inner), ast.Load()))
        return found

    def _Tuple(self, node: ast.Tuple) -> Known:
        if not isinstance(node.ctx, ast.Load):
            return self._rebuilt(node)
        return self.row(self.elements(node.elts))

    def row(self, items: list[Known]) -> Known:
        """A tuple of folded elements."""
        if all(isinstance(e, Static) for e in items):
            return Static(tuple([e.value for e in items]))  # type: ignore[union-attr]
        made = Row([self.library.lower(e) for e in items], ast.Load())
        if any(isinstance(e, ast.Starred) for e in items):
            return ast.Tuple(made.elts, ast.Load())
        made.items = items
        return made

    def _List(self, node: ast.List) -> Known:
        if not isinstance(node.ctx, ast.Load):
            return self._rebuilt(node)
        return ast.List([self.library.lower(e) for e in self.elements(node.elts)], ast.Load())

    def _Slice(self, node: ast.Slice) -> Known:
        parts = [Static(None) if p is None else self.fold(p) for p in (node.lower, node.upper, node.step)]
        if all(isinstance(p, Static) for p in parts):
            return Static(slice(*[p.value for p in parts]))  # type: ignore[union-attr]
        return ast.Slice(*[None if isinstance(p, Static) and p.value is None else self.library.lower(p) for p in parts])

    def _Subscript(self, node: ast.Subscript) -> Known:
        owner = self.fold(node.value)
        if isinstance(node.slice, ast.Tuple):
            items = self.elements(node.slice.elts)
            index: Any = self.row(items)
            written = ast.Tuple([self.library.index(e) for e in items], ast.Load())
        else:
            index = self.fold(node.slice)
            written = self.library.index(index)
        if isinstance(index, Static):
            if isinstance(owner, Row) and isinstance(index.value, int) and abs(index.value) < len(owner.items):
                return owner.items[index.value]
            if isinstance(owner, Static) and isinstance(owner.value, tuple | str | dict):
                try:
                    return Static(owner.value[index.value])
                except (LookupError, TypeError):
                    pass
            written = self.library.index(index)
        return ast.Subscript(self.library.lower(owner), written, node.ctx)

    def _JoinedStr(self, node: ast.JoinedStr) -> Known:
        text = ""
        for part in node.values:
            inner = self.fold(part.value) if isinstance(part, ast.FormattedValue) else Static(part.value)  # type: ignore[attr-defined]
            formatted = isinstance(part, ast.FormattedValue) and (part.conversion != -1 or part.format_spec)
            if not isinstance(inner, Static) or formatted or not isinstance(inner.value, str | int):
                return self._rebuilt(node)
            text += str(inner.value)
        return Static(text)

    def _FormattedValue(self, node: ast.FormattedValue) -> Known:
        spec = node.format_spec and self._rebuilt(node.format_spec)
        return ast.FormattedValue(self.lowered(node.value), node.conversion, spec)

    # -- scopes ---------------------------------------------------------------------------------------
    def inside(self, bound: set[str]) -> Self:
        """The folder of a scope in this one that binds ``bound``."""
        names = {k: v for k, v in self.names.items() if k not in bound}
        return type(self)(self.library, self.function, names, self.local | bound)

    def _scope(self, node: Any) -> Known:
        if isinstance(node, ast.Lambda):
            inner = self.inside({a.arg for a in ast.walk(node.args) if isinstance(a, ast.arg)})
            return ast.Lambda(self.bare(node.args), inner.lowered(node.body))
        bound = stored([g.target for g in node.generators])
        made = self.inside(bound)._rebuilt(node)
        if isinstance(made, ast.GeneratorExp):
            try:
                return Static(comprehended(made, bound))
            except Exception:
                pass
        return made

    _Lambda = _ListComp = _SetComp = _DictComp = _GeneratorExp = _scope

    def bare(self, arguments: ast.arguments) -> ast.arguments:
        """Parameters without annotations."""
        made = self._rebuilt(arguments)
        for argument in ast.walk(made):
            if isinstance(argument, ast.arg):
                argument.annotation = None
        return made

    # -- calls ----------------------------------------------------------------------------------------
    def _Call(self, node: ast.Call) -> Known:
        function = self.fold(node.func)
        args = self.elements(node.args)
        keywords: list[tuple[str | None, Known]] = []
        for k in node.keywords:
            value = self.fold(k.value)
            if k.arg is None and isinstance(value, Static) and isinstance(value.value, dict):
                keywords += [(name, Static(v)) for name, v in value.value.items()]
            else:
                keywords.append((k.arg, value))
        return self.call(function, args, keywords)

    def call(self, function: Known, args: list[Known], keywords: list[tuple[str | None, Known]]) -> Known:
        """``function(*args, **keywords)``, computed, put in place, or called."""
        if isinstance(function, Static):
            known = self._known_call(function.value, args, keywords)
            if known is not None:
                return known
            if all(k is not None for k, _ in keywords):
                made = self.library.application(function, args, dict(keywords))  # type: ignore[arg-type]
                if made is not None:
                    return made
        lower = self.library.lower
        return ast.Call(lower(function), [lower(a) for a in args], [ast.keyword(k, lower(v)) for k, v in keywords])

    def _known_call(self, function: Any, args: list[Known], keywords: list[Any]) -> Known | None:
        given = [*args, *[v for _, v in keywords]]
        if all(isinstance(v, Static) for v in given) and all(k is not None for k, _ in keywords):
            try:
                return Static(called(function, [a.value for a in args], {k: v.value for k, v in keywords}))  # type: ignore[union-attr]
            except Exception:
                pass
        first = args[0] if args else None
        if function is getattr and len(args) == 2 and isinstance(args[1], Static):
            return self.attribute(args[0], args[1].value)
        if function is len and isinstance(first, Row):
            return Static(len(first.items))
        if isinstance(first, Place) and not keywords:
            if function is type:
                return Static(kind_of(first))
            if len(args) == 2 and isinstance(args[1], Static):
                if function is hasattr:
                    return Static(hasattr(kind_of(first), args[1].value))
                if function is isinstance:
                    return Static(issubclass(kind_of(first), args[1].value))
        return None
