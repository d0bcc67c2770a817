"""``gradtape reference FOLDER``: writes the reference pages that are made from the code itself.

operations.md   the table of primitives
names.md        every public name, with the first line of its docstring
"""

from __future__ import annotations

import importlib
import inspect
import types
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from . import table

#: Modules with public names of their own, and what they hold.
MODULES = {
    "gradtape": "functions of arrays, tapes, derivatives",
    "gradtape.fft": "discrete Fourier transforms",
    "gradtape.linalg": "linear algebra",
    "gradtape.special": "special functions",
    "gradtape.random": "random draws",
    "gradtape.layers": "layers",
    "gradtape.losses": "losses",
    "gradtape.optimizers": "optimizers",
    "gradtape.schedules": "schedules of the learning rate",
    "gradtape.initializers": "initial values",
    "gradtape.testing": "testing derivatives",
    "gradtape.extend": "new primitives",
}


def add(commands: Any) -> None:
    """Declare the command."""
    command = commands.add_parser("reference", help="write the reference pages made from the code")
    command.add_argument("folder", metavar="FOLDER", help="where to, docs/reference in gradtape's own sources")
    command.set_defaults(run=run)


def run(options: Any) -> int:
    """Carry the command out."""
    folder = Path(options.folder)
    folder.mkdir(parents=True, exist_ok=True)
    for name, page in pages().items():
        (folder / name).write_text(page, encoding="utf-8")
        print(folder / name)
    return 0


def pages() -> dict[str, str]:
    """Each page, by its file's name."""
    return {"operations.md": table.document(), "names.md": names()}


def names() -> str:
    """The index of public names."""
    head = (
        "# Names\n\nEvery public name, with the first line of its docstring. Made by `scripts/reference`; do not edit."
    )
    parts = [head]
    top = importlib.import_module("gradtape")
    for path, holds in MODULES.items():
        module: Any = top
        for part in path.split(".")[1:]:
            module = getattr(module, part)
        lines = list(entries(module, path))
        if lines:
            title = path.replace("gradtape", "gt", 1)
            parts.append("\n".join([f"## {title}: {holds}", "", "| name | |", "| --- | --- |", *lines]))
    return "\n\n".join(parts) + "\n"


def entries(module: Any, path: str) -> Iterator[str]:
    """A line for each public name of a module."""
    prefix = path.replace("gradtape", "gt", 1)
    public: list[str] = sorted({*getattr(module, "__all__", ()), *(dir(module) if path == "gradtape" else ())})
    for name in public:
        if name.startswith("__"):
            continue
        yield f"| `{prefix}.{name}` | {first_line(getattr(module, name), name)} |"


def first_line(thing: Any, name: str) -> str:
    """The first sentence of a docstring; of a constant, its value."""
    if inspect.isclass(thing) or callable(thing) or isinstance(thing, types.ModuleType):
        lines = (inspect.getdoc(thing) or "").strip().split("\n\n")[0].split("\n")
        text = " ".join(line.strip() for line in lines)
        if isinstance(thing, type) and thing.__module__ == "numpy":
            text = f"NumPy's dtype {name.rstrip('_')}."
        end = text.find(". ")
        text = text if end < 0 else text[: end + 1]
    else:
        text = f"the constant {thing!r}"
    return text.replace("|", "\\|").replace("<", "&lt;")
