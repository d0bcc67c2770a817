"""Names for what a printed program needs from outside: imports, constants, exceptions, objects that are handed in."""

from __future__ import annotations

import ast
import functools
import importlib
import math
import sys
import types
from functools import partial
from typing import Any

import numpy as np

from .known import Known, Static, plain
from .literals import UnprintableError, literal

_BUILTINS = set(dir(importlib.import_module("builtins")))
_PACKAGE = __name__.split(".")[0]
#: Packages that the text may import.
STANDARD = {*sys.stdlib_module_names, "numpy", "scipy"} - {"__main__"}
CACHED = functools._lru_cache_wrapper  # pyright: ignore[reportPrivateUsage]
_SHORT = {"numpy": "np"}


class Names:
    """Names for everything that the text needs from outside, each once; ``taken`` are names it must not use."""

    def __init__(self, taken: set[str]) -> None:
        self.taken = taken | _BUILTINS | {"np", "constants", "OtherPath"}
        #: alias -> import statement
        self.imports: dict[str, str] = {"np": "import numpy as np"}
        #: Constants, classes and functions, each after what it needs to be defined.
        self.definitions: list[str] = []
        #: name -> an object that cannot be written out: the text gets it from a dict
        self.externals: dict[str, Any] = {}
        #: exceptions of the package: the text has its own classes of these names
        self.exceptions: dict[str, Any] = {}
        #: A helper needs one of the externals.
        self.helpers_need_externals = False
        self._names: dict[Any, ast.expr] = {}
        self._kept: list[Any] = []
        self._depth = 0
        self._writing = 0

    # -- from what is known to text ----------------------------------------------------------------
    def lower(self, known: Known) -> ast.expr:
        """A tree for a folded expression."""
        if not isinstance(known, Static):
            return known
        value, origin = known.value, known.origin
        kind = type(value)
        if kind is str or kind is bool or value is None or (kind is int and value >= 0):
            return ast.Constant(value)
        if kind is float and 0.0 <= value < np.inf and math.copysign(1.0, value) > 0:
            return ast.Constant(value)
        if isinstance(value, types.ModuleType):
            return self.module(value)
        if isinstance(origin, tuple):
            if not plain(value) or isinstance(value, np.dtype | type):
                return ast.Attribute(self.lower(origin[0]), origin[1], ast.Load())
            origin = None
        if plain(value) and not isinstance(value, type):
            try:
                text = literal(value)
            except UnprintableError:
                return self.reference(value, origin)
            if origin is not None and len(text) > 24:
                return self._named(value, origin, text)
            return expression(text)
        return self.reference(value, origin)

    def index(self, known: Known) -> ast.expr:
        """The same inside square brackets, where slices have a form of their own."""
        if not isinstance(known, Static):
            return known
        if isinstance(known.value, slice):
            s = known.value
            parts = [None if p is None else self.lower(Static(p)) for p in (s.start, s.stop, s.step)]
            return ast.Slice(*parts)
        if isinstance(known.value, tuple) and known.value:
            return ast.Tuple([self.index(Static(v)) for v in known.value], ast.Load())
        return self.lower(known)

    def reference(self, x: Any, hint: str | None = None, *, drop: bool = False) -> ast.expr:
        """A name for any object; with ``drop``, of the function without its first parameter, ``xp``."""
        key = (id(x), drop)
        if key not in self._names:
            self._kept.append(x)  # so that no other object gets its id
            self._names[key] = self._outside(x) or self._made(x, hint, drop)
        elif self._writing and isinstance(node := self._names[key], ast.Name) and node.id in self.externals:
            self.helpers_need_externals = True
        return self._names[key]

    def _outside(self, x: Any) -> ast.expr | None:
        """Something of a library's: its dotted name."""
        if isinstance(x, types.ModuleType):
            return self.module(x)
        module, name = getattr(x, "__module__", None), getattr(x, "__name__", None)
        if isinstance(x, np.ufunc):
            module = "numpy" if vars(np).get(x.__name__) is x else "scipy.special"
        if module == "_operator":
            module = "operator"
        if not isinstance(module, str) or not isinstance(name, str) or not name.isidentifier():
            return None
        if module.split(".")[0] not in STANDARD or isinstance(x, np.ndarray | np.generic):
            return None
        if vars(np).get(name) is x:
            module = "numpy"
        found = sys.modules.get(module)
        if module == "builtins" and name in _BUILTINS:
            return ast.Name(name, ast.Load())
        if found is None or getattr(found, name, None) is not x:
            return None
        return ast.Attribute(self.module(found), name, ast.Load())

    def module(self, x: types.ModuleType) -> ast.expr:
        """An import."""
        if x.__name__.split(".")[0] == _PACKAGE:
            raise UnprintableError("a module of the package itself")
        parent, _, last = x.__name__.rpartition(".")
        if parent == "numpy" and vars(np).get(last) is x:
            return ast.Attribute(ast.Name("np", ast.Load()), last, ast.Load())
        alias = _SHORT.get(x.__name__, last)
        statement = f"from {parent} import {last}" if parent else f"import {last}"
        if x.__name__ in _SHORT:
            statement = f"import {x.__name__} as {alias}"
        if self.imports.get(alias) != statement:
            if alias in self.taken:
                alias = self.fresh(f"{parent}_{last}".replace(".", "_"))
                statement += f" as {alias}"
            self.imports[alias] = statement
            self.taken.add(alias)
        return ast.Name(alias, ast.Load())

    def _made(self, x: Any, hint: str | None, drop: bool) -> ast.expr:
        """Something of the package's or the user's: written out above, or handed in."""
        if not isinstance(x, types.FunctionType | CACHED | partial) and not isinstance(x, type) and not drop:
            return self._data(x, hint)
        try:
            row = getattr(x, "primitive", None)
            if row is not None:
                return self.implementation(row)
            if isinstance(x, partial):
                inner = [self.lower(Static(a)) for a in x.args]
                words = [ast.keyword(k, self.lower(Static(v))) for k, v in x.keywords.items()]
                return ast.Call(self.reference(partial), [self.reference(x.func), *inner], words)
            if isinstance(x, type) and issubclass(x, Exception):
                return self._exception(x)
            if isinstance(x, types.FunctionType | CACHED):
                return self.helper(x, hint, drop)
        except UnprintableError:
            pass
        return self.external(partial(x, np) if drop else x, hint or getattr(x, "__name__", None))

    def lower_array(self, x: Any) -> str:
        """The name of an array that is handed in."""
        return ast.unparse(self.reference(x, "seen"))

    def _data(self, x: Any, hint: str | None) -> ast.expr:
        if type(x).__module__.split(".")[0] == _PACKAGE and isinstance(x.__reduce__(), str):
            return self._named(x, x.__reduce__(), "object()")  # the only one of its kind: it is asked who it is
        try:
            text = literal(x, self._written)
        except UnprintableError:
            return self.external(x, hint)
        return self._named(x, hint, text) if hint or isinstance(x, np.ndarray) else expression(text)

    def _written(self, x: Any) -> str:
        """Part of a tuple or dict that has no literal."""
        return ast.unparse(self.reference(x))

    def _named(self, x: Any, hint: str | None, text: str) -> ast.expr:
        key = (id(x), "constant")
        if key not in self._names:
            self._kept.append(x)
            name = self.fresh(hint or "k")
            self.definitions.append(f"{name} = {text}")
            self._names[key] = ast.Name(name, ast.Load())
        return self._names[key]

    def external(self, x: Any, hint: str | None = None) -> ast.expr:
        """A name for an object that the text gets handed in."""
        name = self.fresh(hint or "k")
        self.externals[name] = x
        self.helpers_need_externals = self.helpers_need_externals or self._writing > 0
        return ast.Name(name, ast.Load())

    def fresh(self, hint: str) -> str:
        """A name that nothing else has."""
        base = "".join(c if c.isalnum() or c == "_" else "_" for c in hint) or "f"
        base = f"f_{base}" if base[0].isdigit() or base == "_" else base
        name, n = base, 1
        while name in self.taken:
            n += 1
            name = f"{base}__{n}"
        self.taken.add(name)
        return name

    def _exception(self, x: type[Exception]) -> ast.expr:
        if x.__module__.split(".")[0] != _PACKAGE:
            raise UnprintableError(f"{x.__name__} is an exception of another package")
        name = self.fresh(x.__name__)
        bases = [ast.unparse(self.reference(b)) for b in x.__bases__]
        self.definitions.append(f"class {name}({', '.join(bases)}):\n    pass")
        self.exceptions[name] = x
        return ast.Name(name, ast.Load())

    # -- what library.py adds -------------------------------------------------------------------------
    def helper(self, f: Any, hint: str | None, drop: bool) -> ast.expr:
        """The name of a function that is written out above the program."""
        raise NotImplementedError

    def implementation(self, row: Any) -> ast.expr:
        """The function of a row."""
        raise NotImplementedError


def expression(text: str) -> ast.expr:
    """The tree of an expression."""
    return ast.parse(text, mode="eval").body
