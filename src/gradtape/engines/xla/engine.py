"""Compiling a program by ``jax.jit``, and calling it: guards are outputs, looked at after the run."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ...errors import GuardError, message
from ...program.program import Program, disagreement
from .device import jax, x64
from .loops import HELD
from .lowering import HOLDERS, MORE_ROOM, Lowering, settings, uniform
from .spread import Spread

HOLDERS.update(HELD)

#: Constants of more bytes are arguments of the compiled function instead of a part of it.
WRITTEN = 1024
#: Turns of a while_loop that there is room for at first, and at most, for what its later passes read.
ROOM, LARGEST_ROOM = 64, 1 << 20


class Compiled:
    """The program as XLA runs it, traced and compiled when it is called first.

    Called with the list of raw inputs (of the host or of the device) it gives the list of the device's arrays;
    GuardError where a guard disagrees, or where Python would have raised an error.
    """

    def __init__(self, program: Program, spread: Spread | None = None) -> None:
        self.program = program
        self.spread = spread
        self.room = ROOM
        self.large = [v for v, c in program.constants.items() if c.nbytes > WRITTEN and not uniform(c)]
        self._constants: list[Any] = []
        self._run: Callable[..., Any] | None = None
        self._lowering: Lowering | None = None
        #: Rows that turned out to need the host, and all rows that the host carries out.
        self.surprises: dict[str, str] = {}
        self.hosted: set[str] = set()

    def traced(self, inputs: Sequence[Any], constants: Sequence[Any]) -> tuple[list[Any], Any, list[Any]]:
        """Outputs, whether all is well, and the values that guards saw: what ``jax.jit`` compiles."""
        with settings():
            alone = self.spread is None and jax().default_backend() == "cpu"
            lowering = Lowering(self.room, draws_on_host=alone)
            outputs = lowering.run(self.program, inputs, dict(zip(self.large, constants, strict=True)))
            if self.spread is not None and self.spread.results is not None:
                outputs = [jax().lax.with_sharding_constraint(y, self.spread.results) for y in outputs]
            self._lowering = lowering
            self.surprises, self.hosted = lowering.surprises, lowering.hosted
            if not lowering.flagged:
                return outputs, None, []
            flags = [flag for _, flag in lowering.checks]
            seen = [jax().numpy.asarray(x) for _, _, x in lowering.guards]
            return outputs, lowering.all_good(), [*flags, *seen]

    def __call__(self, arrays: Sequence[Any]) -> list[Any]:
        spread = self.spread
        with x64():
            run = self._run
            if run is None:
                put = jax().device_put if spread is None else lambda x: spread.place(len(self.program.inputs), x)
                self._constants = [put(self.program.constants[v]) for v in self.large]
                # A function of its own: what JAX traced of one with less room it would take again.
                run = self._run = jax().jit(lambda arrays, constants: self.traced(arrays, constants))
            if spread is not None:
                arrays = [spread.place(i, x) for i, x in enumerate(arrays)]
            outputs, good, details = run(arrays, self._constants)
        if good is not None and not good:
            if self._needs_room(details):
                self.room *= 16
                self._run = None
                return self(arrays)
            self._refuse(details)
        return outputs

    def _needs_room(self, details: Sequence[Any]) -> bool:
        """Whether nothing is wrong but that loops took more turns than there is room for."""
        lowering = self._lowering
        assert lowering is not None
        n = len(lowering.checks)
        values = zip(self.program.guards, details[n:], strict=False)
        if not all(guard.agrees(np.asarray(seen)[()]) for (_, guard), seen in values):
            return False
        failed = {told for (told, _), flag in zip(lowering.checks, details[:n], strict=True) if not np.all(flag)}
        return failed == {MORE_ROOM} and self.room < LARGEST_ROOM

    def _refuse(self, details: Sequence[Any]) -> None:
        """Tell which guard disagreed first, or what would have been an error."""
        lowering = self._lowering
        assert lowering is not None
        n = len(lowering.checks)
        for guard, _, seen in zip(self.program.guards, lowering.guards, details[n:], strict=False):
            value = np.asarray(seen)[()]
            if not guard[1].agrees(value):
                raise disagreement(self.program.name, guard[1], value)
        why = [told for (told, _), flag in zip(lowering.checks, details[:n], strict=True) if not np.all(flag)]
        raise GuardError(
            message(
                f"{self.program.name}: at these inputs a step fails",
                why,
                remedy="Call the plain function: it raises the error where it happens.",
            )
        )


def inside_jax(lowering: Lowering, program: Program, inputs: Sequence[Any]) -> list[Any]:
    """The outputs at arrays of JAX's, traced or not, under the settings that NumPy's semantics need."""
    with settings():
        return lowering.run(program, inputs)
