"""A program as a function of ``jax.numpy`` calls, to be traced by JAX.

Each step is its row's implementation over ``jax.numpy``.  What comes out must have the shape and dtype that were
recorded: where NumPy and JAX promote differently, inputs are converted first; where a row cannot be traced at all, the
host does it.  Guards, and what NumPy would have refused with an error, become flags among the outputs.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, ExitStack
from typing import Any

import numpy as np

from ...program.program import Guard, Program, Step, Value
from ...rules.primitive import bind
from .callbacks import call_host
from .device import jax
from .rows import (
    CHECKED,
    DRAWS,
    MANY,
    ON_HOST,
    ON_HOST_WHERE_COMPLEX,
    REFUSES,
    TRANSLATED,
    finite_as_input,
    sech_squared,
    within,
)

#: Rows that hold programs, which are lowered in their turn: name -> function(lowering, step, inputs).
HOLDERS: dict[str, Callable[[Lowering, Step, list[Any]], Sequence[Any]]] = {}

#: Rows that are one function of ``jax.lax`` where operands agree in shape and dtype: traced three times faster.
_DIRECT = {
    "add": "add",
    "subtract": "sub",
    "multiply": "mul",
    "divide": "div",
    "negative": "neg",
    "sin": "sin",
    "cos": "cos",
    "exp": "exp",
    "log": "log",
    "tanh": "tanh",
    "sqrt": "sqrt",
}


#: The reason of a check that fails because a loop took more turns than there is room for.
MORE_ROOM = "a loop takes more turns than there is room for what is kept of them"


class Lowering:
    """The flags that one traced function collects on its way."""

    def __init__(self, room: int = 0, *, draws_on_host: bool = False) -> None:
        #: For how many turns of a while_loop values are kept for its later passes; 0: the host does such loops.
        self.room = room
        #: Whether the host makes many draws at once: on a CPU, where NumPy's own Philox is the faster one.
        self.draws_on_host = draws_on_host
        #: (why not, flag) of what NumPy would refuse: a Python bool or an array of one.
        self.checks: list[tuple[str, Any]] = []
        #: (guard, flag, value) in the order in which Python asked.
        self.guards: list[tuple[Guard, Any, Any]] = []
        #: Rows that the host carries out though nothing says so: name -> the error that JAX met.
        self.surprises: dict[str, str] = {}
        #: Rows that the host carries out.
        self.hosted: set[str] = set()
        self.lax = jax().lax

    def run(self, program: Program, inputs: Sequence[Any], constants: dict[Value, Any] | None = None) -> list[Any]:
        """The outputs of ``program`` at traced inputs; ``constants``: those that are passed in instead of written."""
        known: dict[Any, Any] = dict(constants or {})
        known.update((v, _constant(c)) for v, c in program.constants.items() if v not in known)
        known.update(zip(program.inputs, inputs, strict=True))
        tanhs: dict[Any, Any] = {}
        guards = iter([*program.guards, (len(program.steps) + 1, None)])
        at, guard = next(guards)
        for i, step in enumerate([*program.steps, None]):
            while guard is not None and at <= i:
                value = known[guard.value]
                self.guards.append((guard, agrees(guard, value), value))
                at, guard = next(guards)
            if step is None:
                break
            xs = [known[x] if type(x) is Value else x for x in step.inputs]
            if step.row.name == "sech_squared" and self.shares(step, tanhs):
                known[step.outputs[0]] = fitted(sech_squared(xs[0], tanhs[step.inputs[0]]), step.outputs[0])
                continue
            known.update(zip(step.outputs, self.step(step, xs), strict=True))
            if step.row.name == "tanh":
                tanhs[step.inputs[0]] = known[step.outputs[0]]
        return [jax().numpy.asarray(known[o]) for o in program.outputs]

    # -- one step ------------------------------------------------------------------------------------------------------
    def step(self, step: Step, xs: list[Any]) -> list[Any]:
        """The outputs of one step."""
        name = step.row.name
        held = HOLDERS.get(name)
        if held is not None:
            return [fitted(y, o) for y, o in zip(held(self, step, xs), step.outputs, strict=True)]
        direct = _DIRECT.get(name)
        if direct is not None and _agree(xs, step.outputs[0]):
            dtype = step.outputs[0].dtype.type
            return [getattr(self.lax, direct)(*[dtype(x) if type(x) is float else x for x in xs])]
        if self.is_hosted(step):
            return self.on_host(step, xs)
        try:
            made = self.translated(step, xs)
        except Exception as error:
            if not _is_refusal(error):
                raise
            self.surprises[name] = f"{type(error).__name__}: {str(error)[:200]}"
            return self.on_host(step, xs)
        if name in REFUSES:
            self.checks.append((f"{name} of a matrix that it refuses", finite_as_input(xs, made)))
        traced = [i for i, x in enumerate(xs) if hasattr(x, "dtype") and not isinstance(x, np.ndarray | np.generic)]
        inside = within(name, xs, step.params, traced)
        if inside is not None:
            self.checks.append((f"an index of {name} is out of range", inside))
        return made

    def translated(self, step: Step, xs: list[Any]) -> list[Any]:
        """By the row's implementation, or its wording for JAX; with what has to be converted first converted."""
        name, params = step.row.name, step.params or {}
        if name in CHECKED:
            made, flag = CHECKED[name](*xs, **params)
            self.checks.append((f"{name} is not determined there", flag))
            return [fitted(made, step.outputs[0])]
        run = TRANSLATED.get(name) or bind(step.row.impl, jax().numpy)
        made = run(*_promoted(step.row, xs, name in TRANSLATED), **params)
        outputs = made if step.several else (made,)
        if all(_fits(y, o) for y, o in zip(outputs, step.outputs, strict=True)):
            return [fitted(y, o) for y, o in zip(outputs, step.outputs, strict=True)]
        wide = _widest(step.outputs)
        xs = [x.astype(wide) if _is_number(x) and x.dtype != wide else x for x in xs]
        made = run(*xs, **params)
        outputs = made if step.several else (made,)
        for y, o in zip(outputs, step.outputs, strict=True):
            if not _fits(y, o):
                raise TypeError(f"gives {y.dtype}{list(y.shape)}, not {o!r}")
        return [fitted(y, o) for y, o in zip(outputs, step.outputs, strict=True)]

    def on_host(self, step: Step, xs: list[Any]) -> list[Any]:
        """By NumPy, called back; an error there is a flag here."""
        self.hosted.add(step.row.name)
        places = [i for i, x in enumerate(xs) if hasattr(x, "dtype")]

        def run(arrays: list[Any]) -> Sequence[Any]:
            given = list(xs)
            for i, x in zip(places, arrays, strict=True):
                given[i] = x
            made = step.row.run(*given, **(step.params or {}))
            return made if step.several else (made,)

        xp = jax().numpy
        *made, good = call_host(run, [xp.asarray(xs[i]) for i in places], step.outputs)
        self.checks.append((f"{step.row.name} raised an error, or gave another shape", good))
        return made

    def shares(self, step: Step, known: dict[Any, Any]) -> bool:
        """Whether a step may use what another row made of the same real input."""
        return step.inputs[0] in known and step.outputs[0].dtype.kind == "f"

    def is_hosted(self, step: Step) -> bool:
        """Whether the host carries the row out."""
        name = step.row.name
        if self.draws_on_host and name in DRAWS and step.outputs[0].size >= MANY:
            return step.inputs[0].shape == (2,) and step.inputs[1].shape == ()
        return name in ON_HOST or (name in ON_HOST_WHERE_COMPLEX and any(_is_complex(x) for x in step.inputs))

    def inner(self) -> Lowering:
        """One for a body that a step holds."""
        return Lowering()

    # -- flags ---------------------------------------------------------------------------------------------------------
    @property
    def flagged(self) -> bool:
        """Whether there is anything to look at after a run."""
        return bool(self.guards) or any(flag is not True for _, flag in self.checks)

    def all_good(self) -> Any:
        """One flag for all of them, as a traced array."""
        xp = jax().numpy
        flags = [flag for _, flag in self.checks if flag is not True] + [flag for _, flag, _ in self.guards]
        return xp.all(xp.stack([xp.asarray(flag) for flag in flags])) if flags else xp.asarray(True)


def settings() -> AbstractContextManager[Any]:
    """JAX's settings under which NumPy's semantics hold, for the time of a trace in this thread."""
    stack = ExitStack()
    stack.enter_context(jax().numpy_dtype_promotion("standard"))
    stack.enter_context(jax().numpy_rank_promotion("allow"))
    stack.enter_context(jax().default_matmul_precision("highest"))
    return stack


def agrees(guard: Guard, value: Any) -> Any:
    """Whether Python would see the same, traced: ``Guard.agrees``."""
    xp = jax().numpy
    expected = guard.expected
    value = xp.asarray(value)
    if isinstance(expected, bool):
        return (value.reshape(()) != 0) == expected
    if isinstance(expected, int):
        return xp.trunc(value.reshape(())) == expected if value.dtype.kind == "f" else value.reshape(()) == expected
    wanted: Any = np.asarray(expected)
    if value.shape != wanted.shape:
        return xp.asarray(False)
    same = xp.array_equal(value, wanted, equal_nan=wanted.dtype.kind in "fc")
    return same & xp.array_equal(xp.signbit(value), np.signbit(wanted)) if guard.signed else same


# -- promotion -----------------------------------------------------------------------------------------------------


def _constant(c: Any) -> Any:
    """Integers and booleans stay NumPy's, so that they are known while JAX traces (an index, a mask)."""
    if c.dtype.kind in "biu":
        return c
    return jax().lax.full(c.shape, c.flat[0], c.dtype) if uniform(c) else jax().numpy.asarray(c)


def uniform(c: Any) -> bool:
    """Whether all elements are the same number: XLA broadcasts it where it is used."""
    return c.size > 1 and bool((c == c.flat[0]).all())


def _agree(xs: list[Any], wanted: Value) -> bool:
    """Whether operands are arrays of the output's shape and floating dtype, or Python's real numbers."""
    shape, dtype = wanted.shape, wanted.dtype
    if dtype.kind != "f":
        return False
    arrays = 0
    for x in xs:
        if type(x) is not float:
            if getattr(x, "shape", None) != shape or x.dtype != dtype:
                return False
            arrays += 1
    return arrays > 0


def _is_complex(x: Any) -> bool:
    return type(x) is Value and x.dtype.kind == "c"


def _is_number(x: Any) -> bool:
    return hasattr(x, "dtype") and x.dtype.kind in "iufc"


def _promoted(row: Any, xs: list[Any], always: bool) -> list[Any]:
    """Inputs of a row that broadcasts in the dtype that NumPy would compute in, where JAX would take another one."""
    if not row.broadcasts and row.kind != "constant":
        return xs
    dtypes = {x.dtype for x in xs if _is_number(x)}
    if len(dtypes) < 2:
        return xs
    wide = np.result_type(*dtypes)
    if not always and wide == jax().numpy.result_type(*dtypes):
        return xs
    return [x.astype(wide) if _is_number(x) else x for x in xs]


def _widest(outputs: Sequence[Value]) -> np.dtype[Any]:
    return np.result_type(*[o.dtype for o in outputs])


def _fits(y: Any, wanted: Value) -> bool:
    """Of the shape that was recorded, and of its dtype but for the width of integers."""
    kinds = (y.dtype.kind, wanted.dtype.kind)
    return tuple(y.shape) == wanted.shape and (y.dtype == wanted.dtype or (kinds[0] in "iu" and kinds[1] in "iu"))


def fitted(y: Any, wanted: Value) -> Any:
    """In the very dtype, strong in promotion."""
    if y.dtype != wanted.dtype or getattr(y, "weak_type", False):
        return jax().lax.convert_element_type(y, wanted.dtype)
    return y


def _is_refusal(error: Exception) -> bool:
    """What tells that JAX cannot trace something, or lacks it; errors of JAX itself are left alone."""
    return isinstance(error, TypeError | AttributeError | ValueError | NotImplementedError | IndexError | ImportError)
