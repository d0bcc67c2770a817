"""``gradtape doctor``: what is installed, and whether it works; the first thing that a bug report asks for."""

from __future__ import annotations

import os
import platform
import sys
from importlib import metadata
from typing import Any

import numpy as np

from ..primitives.arithmetic import multiply
from ..record.tensor import Tensor
from ..tape import GradientTape

REQUIRED = ["gradtape", "numpy", "scipy", "optree"]
#: extra -> (package, what it is for)
EXTRAS = {
    "xla": ("jax", "compiled functions, GPUs"),
    "cli": ("rich", "colour in the terminal"),
    "plot": ("matplotlib", "plots"),
}
PEERS = ["tensorflow", "torch"]


def add(commands: Any) -> None:
    """Declare the command."""
    command = commands.add_parser("doctor", help="versions, float width, what is there and what is not")
    command.set_defaults(run=run)


def run(options: Any) -> int:
    """Carry the command out."""
    missing = [name for name in REQUIRED if version(name) is None]
    _print("Python", f"{platform.python_version()} ({platform.python_implementation()}), {platform.platform()}")
    for name in REQUIRED:
        _print(name, version(name) or "MISSING: python -m pip install " + name)
    _print("float width", f"{np.dtype(float).itemsize * 8} bits by default, eps {np.finfo(float).eps:.3g}")
    _print("processors", str(os.cpu_count()))
    print("\nextras")
    for extra, (package, purpose) in EXTRAS.items():
        found = version(package)
        _print(f"  {extra}", f"{package} {found}" if found else f"absent ({purpose}): {install(extra)}")
    print("\npeers (not needed; scripts that import tensorflow run on gradtape: gradtape run SCRIPT)")
    for name in PEERS:
        _print(f"  {name}", version(name) or "absent")
    value = second_derivative()
    good = value == 12.0
    print(f"\nself-check: second derivative of x*x*x at 2 is {value}: " + ("ok" if good else "WRONG, expected 12.0"))
    return 1 if not good or [m for m in missing if m != "gradtape"] else 0


def version(package: str) -> str | None:
    """The installed version of a package, found without importing it."""
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        if package == "gradtape":
            return "run from its source folder (not installed)"
        return None


def install(extra: str) -> str:
    """The command that installs an extra into this Python."""
    return f"{os.path.basename(sys.executable)} -m pip install 'gradtape[{extra}]'"


def second_derivative() -> float:
    """d2(x^3)/dx2 at 2, by two nested tapes."""
    x = Tensor(np.float64(2.0))
    with GradientTape() as outer:
        with GradientTape() as inner:
            y = multiply(multiply(x, x), x)
        slope = inner.gradient(y, x)
    return float(outer.gradient(slope, x))


def _print(name: str, text: str) -> None:
    print(f"{name:<14} {text}")
