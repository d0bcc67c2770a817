"""Which engine runs a program, and why."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Protocol

import numpy as np

from ..engines import numpy as by_numpy
from ..engines.xla.device import DeviceTensor, given, host, installed, jax
from ..engines.xla.rows import ON_HOST
from ..engines.xla.spread import Spread
from ..errors import GradtapeError, GuardError, message
from ..program.program import Program, disagreement
from ..record.tensor import SCALARS, Tensor, value_of


class Run(Protocol):
    """A program that can be called with prepared arguments; GuardError where a guard disagrees."""

    def __call__(self, arrays: Sequence[Any], /) -> list[Any]: ...

    @property
    def take(self) -> Callable[[Any], Any]:
        """Prepares an argument: a Tensor, an array, a Python number."""
        ...

    @property
    def wrap(self) -> Callable[[Any], Tensor]:
        """Makes a Tensor of a result."""
        ...

    def hosted(self) -> list[str]:
        """Rows that another engine than this one carries out."""
        ...

    @property
    def host(self) -> Callable[[Any], Any]:
        """Makes NumPy's array of a result."""
        ...


#: ``auto`` takes XLA for programs that move as many bytes a call: below, NumPy is done before XLA has begun.
MOVED = 4_000_000
#: ... and as many bytes a step, for compiling takes about as long for a step of any size.
MOVED_A_STEP = 100_000


def chosen(program: Program, engine: Any) -> tuple[str, str, Run]:
    """The engine, the reason, and the program as it runs it; ``engine`` is a name, or how it is spread over devices."""
    if isinstance(engine, Spread):
        return "xla", str(engine), _Spread(program, engine)
    if engine not in ("auto", "numpy", "xla"):
        raise GradtapeError(
            message(
                f"function: there is no engine {engine!r}", remedy="Use engine='numpy', engine='xla' or engine='auto'."
            )
        )
    name, why = (engine, "asked for") if engine != "auto" else _by_size(program)
    return name, why, _ByXla(program) if name == "xla" else _ByNumpy(program)


def _by_size(program: Program) -> tuple[str, str]:
    """By the bytes that a call moves: what XLA fuses is traffic."""
    moved = program.cost().bytes
    size = f"a call moves {moved / 1e6:.3g} MB in {len(program)} steps"
    if moved < MOVED or moved < MOVED_A_STEP * len(program):
        return "numpy", f"{size}: XLA's call, or its compiling, would cost more than it saves"
    if not installed():
        return "numpy", f"{size}: XLA might be faster, but JAX is not installed (pip install gradtape[xla])"
    called_back = sum([v.nbytes for step in program.steps if step.row.name in ON_HOST for v in step.outputs])
    if called_back > moved / 16:
        return "numpy", f"{size}, too much of it in rows that XLA would call the host for"
    try:
        jax()
    except Exception as error:  # JAX may be there and not work: nobody asked for it by name
        return "numpy", f"{size}: XLA might be faster, but JAX does not work here ({type(error).__name__}: {error})"
    return "xla", f"{size}, which XLA fuses"


class _ByNumpy:
    """The program as the engine runs it, printed and compiled when it is called first: many paths never are again."""

    __slots__ = ("program", "run")
    wrap = Tensor

    def __init__(self, program: Program) -> None:
        self.program = program
        self.run: Callable[[Sequence[Any]], list[Any]] | None = None

    def __call__(self, arrays: Sequence[Any]) -> list[Any]:
        run = self.run
        if run is None:
            run = self.run = by_numpy.compile(self.program)
        try:
            return run(arrays)
        except by_numpy.OtherPath as other:
            raise disagreement(self.program.name, self.program.guards[other.index][1], other.seen) from None

    @staticmethod
    def take(x: Any) -> Any:
        """An argument as NumPy's array or scalar."""
        return x.data if type(x) is Tensor else np.asarray(x)[()] if type(x) in SCALARS else value_of(x)

    @staticmethod
    def host(y: Any) -> Any:
        """A result as NumPy's array."""
        return y

    @staticmethod
    def hosted() -> list[str]:
        """Rows that NumPy carries out instead of this engine: all are NumPy's here."""
        return []


class _ByXla:
    """The program as XLA runs it."""

    __slots__ = ("compiled",)
    wrap = DeviceTensor
    host = staticmethod(host)

    def __init__(self, program: Program, spread: Spread | None = None) -> None:
        from ..engines.xla.engine import Compiled  # read when JAX is first asked for

        jax()
        self.compiled = Compiled(program, spread)

    @staticmethod
    def take(x: Any) -> Any:
        """An argument, on the device if it lies there or has been there before."""
        return given(np.asarray(x)[()] if type(x) in SCALARS else x)

    def __call__(self, arrays: Sequence[Any]) -> list[Any]:
        try:
            return self.compiled(arrays)
        except (GuardError, GradtapeError, RuntimeError):
            raise
        except Exception as error:  # no error of the user's values: those come out as flags
            raise RuntimeError(f"{self.compiled.program.name}: XLA could not run it: {error}") from error

    def hosted(self) -> list[str]:
        """Rows that NumPy carries out, called back: known once it was compiled."""
        return sorted(self.compiled.hosted)


class _Spread(_ByXla):
    """The program over many devices: arguments are placed by their specifications, one by one."""

    @staticmethod
    def take(x: Any) -> Any:
        """An argument as it is; where it goes depends on its place."""
        return np.asarray(x)[()] if type(x) in SCALARS else x
