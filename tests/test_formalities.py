"""What holds for the code as text: who imports whom, file lengths, what importing costs, what is public."""

from __future__ import annotations

import ast
import importlib
import inspect
import os
import re
import statistics
import subprocess
import sys
import time
import types
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).resolve().parents[1]
SOURCE = ROOT / "src" / "gradtape"

# The rooms, lowest floor first. A room is a module or a folder directly under gradtape; "" is
# gradtape/__init__.py. A file may import from its own room and from every floor below.
FLOORS: list[list[str]] = [
    ["errors"],
    ["record"],
    ["rules"],
    ["primitives"],
    ["sweeps"],
    ["program"],
    ["engines"],
    ["memory"],
    ["trees"],
    ["explain"],
    ["asking"],
    ["answering"],
    ["recording"],
    ["numpy", "tape"],
    ["compiling", "custom", "operators"],
    ["jaxed"],
    ["batching", "forwardmode", "jacobians", "jets"],
    ["differential"],
    ["hutchinson"],
    ["control", "curvature", "implicit", "sparse", "state", "stochastic", "testing"],
    ["expectations", "extend"],
    [""],
    ["compat"],
    ["cli"],
    ["__main__"],
]

# Who may import from a room on the same floor: (importer, imported) -> why.
NEIGHBOURS: dict[tuple[str, str], str] = {
    ("stochastic", "state"): "distributions draw from the generators of gt.random",
}

# Single imports that go up or sideways all the same: (importing module, imported module) -> why.
# Only imports inside a function or under `if TYPE_CHECKING` can be listed; there is no excuse for the others.
EXCUSED: dict[tuple[str, str], str] = {
    ("gradtape.program.program", "gradtape.engines.printing"): "program.source(): the printer knows programs",
    ("gradtape.program.program", "gradtape.engines.xla.export"): "program.to_jax() and its like: JAX is an extra",
}

# Files above LONGEST lines: path under src/gradtape -> why it is not cut in two.
LONGEST = 400
LONGEST_MEDIAN = 200
LONG: dict[str, str] = {
    "__init__.py": "the public names, one a line",
}

IMPORT_SECONDS = 0.25
NOT_IMPORTED_BY_THE_CORE = ["jax", "matplotlib", "rich", "scipy"]

FILES = sorted(SOURCE.rglob("*.py"))
LEVEL = {room: level for level, rooms in enumerate(FLOORS) for room in rooms}


class Import(NamedTuple):
    importer: str
    imported: str
    line: int
    deferred: bool  # inside a function, or under `if TYPE_CHECKING`


def module_name(path: Path) -> str:
    parts = path.relative_to(SOURCE.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {module_name(path): path for path in FILES}


def room(module: str) -> str:
    return module.split(".")[1] if "." in module else ""


def imports_of(path: Path, source: str | None = None) -> Iterator[Import]:
    """Yield each import of a gradtape module: at the top, deferred, or by a literal import_module call."""
    importer = module_name(path)
    package = importer.split(".") if path.name == "__init__.py" else importer.split(".")[:-1]

    def names(node: ast.AST) -> Iterator[str]:
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = package[: len(package) - node.level + 1] if node.level else []
            base = ".".join([*above, *([node.module] if node.module else [])])
            for alias in node.names:
                inner = f"{base}.{alias.name}"
                yield inner if inner in MODULES else base
        elif isinstance(node, ast.Call) and node.args and isinstance(node.args[0], ast.Constant):
            called = ast.unparse(node.func).rpartition(".")[2]
            if called in {"import_module", "__import__"} and isinstance(node.args[0].value, str):
                name = node.args[0].value
                yield ".".join([*package, name.lstrip(".")]) if name.startswith(".") else name

    def walk(node: ast.AST, deferred: bool) -> Iterator[Import]:
        for name in names(node):
            if name.partition(".")[0] == "gradtape":
                yield Import(importer, name, getattr(node, "lineno", 0), deferred)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            deferred = True
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            for child in node.body:
                yield from walk(child, True)
            for child in node.orelse:
                yield from walk(child, deferred)
            return
        for child in ast.iter_child_nodes(node):
            yield from walk(child, deferred)

    yield from walk(ast.parse(path.read_text() if source is None else source, str(path)), False)


def goes_down(entry: Import) -> bool:
    upper, lower = room(entry.importer), room(entry.imported)
    return upper == lower or LEVEL[lower] < LEVEL[upper] or (upper, lower) in NEIGHBOURS


def paths(files: list[Path]) -> list[str]:
    return [path.relative_to(SOURCE).as_posix() for path in files]


def test_every_file_is_in_a_room() -> None:
    homeless = {name: room(name) for name in MODULES if room(name) not in LEVEL}
    assert not homeless, f"put these rooms on a floor in FLOORS: {homeless}"


@pytest.mark.parametrize("path", FILES, ids=paths(FILES))
def test_imports_go_down(path: Path) -> None:
    wrong = [
        f"{path.relative_to(ROOT)}:{entry.line}: {entry.importer} imports {entry.imported}"
        for entry in imports_of(path)
        if not goes_down(entry) and not (entry.deferred and (entry.importer, entry.imported) in EXCUSED)
    ]
    assert not wrong, "imports that go up or sideways:\n" + "\n".join(wrong)


def test_excuses_are_needed() -> None:
    used = {(entry.importer, entry.imported) for path in FILES for entry in imports_of(path) if not goes_down(entry)}
    assert set(EXCUSED) <= used, f"no longer needed in EXCUSED: {set(EXCUSED) - used}"
    assert all(EXCUSED.values())
    assert all(NEIGHBOURS.values())


@pytest.mark.parametrize(
    ("source", "imported", "deferred"),
    [
        ("import gradtape.sweeps.reverse", "gradtape.sweeps.reverse", False),
        ("import gradtape", "gradtape", False),
        ("from gradtape import grad", "gradtape", False),
        ("from . import nothing", "gradtape.record", False),
        ("from .. import errors", "gradtape.errors", False),
        ("from ..tape import GradientTape", "gradtape.tape", False),
        ("def f():\n    from ..tape import GradientTape", "gradtape.tape", True),
        ("if TYPE_CHECKING:\n    from ..tape import GradientTape", "gradtape.tape", True),
        ("if not fast:\n    from ..tape import GradientTape", "gradtape.tape", False),
        ("importlib.import_module('gradtape.tape')", "gradtape.tape", False),
        ("import numpy", None, False),
        ("from numpy import sin", None, False),
    ],
)
def test_imports_are_found(source: str, imported: str | None, deferred: bool) -> None:
    found = list(imports_of(SOURCE / "record" / "__init__.py", source))
    expected = [] if imported is None else [("gradtape.record", imported, deferred)]
    assert [(entry.importer, entry.imported, entry.deferred) for entry in found] == expected


@pytest.mark.parametrize(
    ("importer", "imported", "allowed"),
    [
        ("gradtape.sweeps.reverse", "gradtape.record.tensor", True),
        ("gradtape.record.tensor", "gradtape.sweeps.reverse", False),
        ("gradtape.operators", "gradtape.tape", True),
        ("gradtape.tape", "gradtape.operators", False),
        ("gradtape.sparse.colour", "gradtape.curvature.fisher", False),
        ("gradtape.sparse.colour", "gradtape.sparse.pattern", True),
        ("gradtape.compat.tensorflow", "gradtape", True),
        ("gradtape.explain.why", "gradtape", False),
    ],
)
def test_up_and_sideways_are_told_from_down(importer: str, imported: str, allowed: bool) -> None:
    assert goes_down(Import(importer, imported, 1, False)) is allowed


def test_files_are_short() -> None:
    lines = {name: len(path.read_text().splitlines()) for name, path in zip(paths(FILES), FILES, strict=True)}
    long = {name: count for name, count in lines.items() if count > LONGEST}
    assert set(long) <= set(LONG), f"cut these in two, or say in LONG why not: {long}"
    assert set(LONG) <= set(long), f"no longer needed in LONG: {set(LONG) - set(long)}"
    assert all(LONG.values())
    assert statistics.median(lines.values()) <= LONGEST_MEDIAN


def test_source_is_finished_and_knows_no_machine() -> None:
    unwanted = re.compile(r"\b(TODO|FIXME)\b|(?<![\w.)\]])/(home|root|tmp|opt|work|usr|Users)/|\b[A-Z]:\\\\")
    found = [
        f"{path.relative_to(ROOT)}:{number}: {line.strip()}"
        for path in sorted(SOURCE.rglob("*"))
        if path.is_file() and "__pycache__" not in path.parts
        for number, line in enumerate(path.read_text().splitlines(), 1)
        if unwanted.search(line)
    ]
    assert not found, "\n".join(found)


def ruff_order(name: str) -> tuple[int, list[tuple[bool, int | str]]]:
    """Return the key that ruff's RUF022 sorts by: CONSTANTS, Classes, then the rest, with 2 before 10."""
    kind = 0 if name.isupper() and len(name) > 1 else 1 if name[0].isupper() else 2
    return kind, [(not part.isdigit(), int(part) if part.isdigit() else part) for part in re.findall(r"\d+|\D+", name)]


def test_public_names_are_sorted_and_there() -> None:
    gradtape = importlib.import_module("gradtape")
    names: list[str] = list(gradtape.__all__)
    assert names == sorted(names, key=ruff_order)
    assert len(names) == len(set(names))
    missing = [name for name in names if not hasattr(gradtape, name)]
    assert not missing


def test_public_names_are_documented() -> None:
    gradtape = importlib.import_module("gradtape")
    bare: list[str] = []
    for name in gradtape.__all__:
        thing = getattr(gradtape, name)
        if inspect.isclass(thing):
            documented = thing.__dict__.get("__doc__")  # its own, not its base's
        elif callable(thing) or isinstance(thing, types.ModuleType):
            documented = thing.__doc__
        else:
            continue  # a constant, such as pi
        if not (documented or "").strip():
            bare.append(name)
    assert not bare, f"public names without a docstring: {bare}"


def seconds(code: str, bytecode: Path) -> float:
    """Return how long a fresh Python takes over the code, as the best of five, with its bytecode kept in a folder."""
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    environment["PYTHONPYCACHEPREFIX"] = str(bytecode)

    def once() -> float:
        start = time.perf_counter()
        subprocess.run([sys.executable, "-c", code], check=True, env=environment)
        return time.perf_counter() - start

    once()  # warms the disk and writes the bytecode
    return min(once() for _ in range(5))


def test_importing_is_quick(tmp_path: Path) -> None:
    bare, needed, core = (seconds(code, tmp_path) for code in ("pass", "import numpy, optree", "import gradtape"))
    # On a slow machine, where NumPy and optree alone take most of that, gradtape may take as long again.
    allowed = max(IMPORT_SECONDS, 2 * (needed - bare))
    assert core - bare < allowed, f"import gradtape took {core - bare:.3f} s; NumPy and optree {needed - bare:.3f} s"


def test_importing_brings_in_no_extras() -> None:
    code = "import sys, gradtape; print(*{name.partition('.')[0] for name in sys.modules})"
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    loaded = set(done.stdout.split())
    assert "gradtape" in loaded
    assert not loaded & set(NOT_IMPORTED_BY_THE_CORE)


def test_lock_holds_hashes_and_no_address() -> None:
    lock = (ROOT / "requirements-dev.lock").read_text()
    assert "http" not in lock
    assert "://" not in lock
    pins = re.split(r"\n(?=\S)", lock.strip())
    loose = [pin for pin in pins if not re.match(r"[\w.-]+==\S+ \\\n    --hash=sha256:", pin)]
    assert not loose
