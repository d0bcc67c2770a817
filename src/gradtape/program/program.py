"""Program: a slice of the record, from inputs to outputs, with its constants and guards.  It holds no values of inputs.

A program is a Wengert list over *values*, places that an array goes to.  Every step is one row of the table, so what is
known of a row holds of a step: how it is differentiated, batched, printed.  A guard is a place where Python went one
way on the value that it saw: at other inputs the program is right as long as its guards see the same.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from ..errors import GuardError, message
from ..record.sites import Site, decode


class Value:
    """A place in a program that one array goes to: its shape and dtype."""

    __slots__ = ("dtype", "shape")

    def __init__(self, shape: tuple[int, ...], dtype: Any) -> None:
        self.shape = shape
        self.dtype = np.dtype(dtype)

    @classmethod
    def like(cls, data: Any) -> Value:
        """The place of a value such as ``data``."""
        return cls(tuple(data.shape), data.dtype)

    @property
    def size(self) -> int:
        """The number of elements."""
        return int(np.prod(self.shape, dtype=np.int64))

    @property
    def nbytes(self) -> int:
        """The memory that the array takes, in bytes."""
        return self.size * self.dtype.itemsize

    def __repr__(self) -> str:
        return f"{self.dtype}{list(self.shape)}"


class Step:
    """One operation: a row, its parameters, what goes in (Values and Python numbers) and what comes out."""

    __slots__ = ("code", "inputs", "lasti", "outputs", "params", "row", "several")

    def __init__(
        self,
        row: Any,
        params: dict[str, Any] | None,
        inputs: tuple[Any, ...],
        outputs: tuple[Value, ...],
        several: bool = False,
        code: Any = None,
        lasti: int = 0,
    ) -> None:
        self.row = row
        self.params = params
        self.inputs = inputs
        self.outputs = outputs
        #: The row returns a tuple, be it of one.
        self.several = several
        self.code = code
        self.lasti = lasti

    def taking(self, inputs: tuple[Any, ...]) -> Step:
        """The same step of other inputs."""
        return Step(self.row, self.params, inputs, self.outputs, self.several, self.code, self.lasti)

    @property
    def site(self) -> Site | None:
        """The user's line that it comes from."""
        return decode(self.code, self.lasti)

    def __repr__(self) -> str:
        return f"<{self.row.name} -> {', '.join(map(repr, self.outputs))}>"


class Guard:
    """What Python saw: ``value`` was ``expected`` (a number; an array, where a whole value left the record)."""

    __slots__ = ("code", "expected", "how", "lasti", "value")

    def __init__(self, value: Value, expected: Any, how: str, code: Any = None, lasti: int = 0) -> None:
        self.value = value
        self.expected = expected
        self.how = how
        self.code = code
        self.lasti = lasti

    @property
    def site(self) -> Site | None:
        """The user's line that asked."""
        return decode(self.code, self.lasti)

    def agrees(self, seen: Any) -> bool:
        """Whether Python would have seen the same."""
        expected = self.expected
        if isinstance(expected, bool):
            return bool(seen) == expected
        if isinstance(expected, int):
            return int(seen) == expected
        same = np.shape(seen) == np.shape(expected) and np.array_equal(seen, expected, equal_nan=_has_nan(expected))
        return same and (not self.signed or np.array_equal(np.signbit(seen), np.signbit(expected)))

    @property
    def signed(self) -> bool:
        """Whether a zero was seen whose sign Python may have looked at."""
        expected = np.asarray(self.expected)
        return expected.dtype.kind == "f" and not expected.all()


class Program:
    """A function of arrays, read off a record: call it, print it, count it, differentiate it.

    ``program(*arrays)`` gives raw arrays, one or a tuple as when it was made.  ``print(program)`` lists the steps with
    shapes, dtypes and the user's lines.

    Made by :meth:`gradtape.GradientTape.program` and by :func:`gradtape.function`.

    >>> import gradtape as gt
    >>> x = gt.asarray([1.0, 2.0])
    >>> with gt.GradientTape() as tape:
    ...     y = gt.sum(gt.sin(x) * x)
    >>> program = tape.program(x, y)
    >>> program([0.0, 1.0]).round(6)
    np.float64(0.841471)
    """

    __slots__ = ("_run", "constants", "examples", "guards", "inputs", "name", "outputs", "several", "steps")

    def __init__(
        self,
        inputs: Sequence[Value],
        steps: Sequence[Step],
        outputs: Sequence[Any],
        constants: dict[Value, Any] | None = None,
        guards: Sequence[tuple[int, Guard]] = (),
        *,
        several: bool = True,
        name: str = "program",
        examples: Sequence[Any] = (),
    ) -> None:
        self.inputs = tuple(inputs)
        self.steps = list(steps)
        #: Values; an output that is an input or a constant is that Value.
        self.outputs = tuple(outputs)
        self.constants = dict(constants or {})
        #: (before which step it is asked, what was seen), in their order.
        self.guards = list(guards)
        self.several = several
        self.name = name
        #: Inputs at which it was recorded: derivatives are recorded there.
        self.examples = tuple(examples)
        self._run: Callable[..., Any] | None = None

    # -- running -------------------------------------------------------------------------------------
    def __call__(self, *arrays: Any) -> Any:
        """The outputs at other inputs of the same shapes; GuardError where Python would have gone another way."""
        if len(arrays) != len(self.inputs):
            raise TypeError(f"{self.name} takes {len(self.inputs)} arrays, {len(arrays)} were given")
        given = [_fitted(self.name, i, v, x) for i, (v, x) in enumerate(zip(self.inputs, arrays, strict=True))]
        found = self.interpret(given)
        return tuple(found) if self.several else found[0]

    def interpret(self, given: Sequence[Any]) -> list[Any]:
        """Step by step, each row by its own implementation: what every engine is measured by."""
        known: dict[Any, Any] = dict(self.constants)
        known.update(zip(self.inputs, given, strict=True))
        guards = iter(self.guards)
        at, guard = next(guards, (-1, None))
        last = self.last_uses()
        with np.errstate(all="ignore"):
            for i, step in enumerate(self.steps):
                while guard is not None and at <= i:
                    self.ask(guard, known)
                    at, guard = next(guards, (-1, None))
                xs = [known[x] if type(x) is Value else x for x in step.inputs]
                made = step.row.run(*xs, **step.params) if step.params else step.row.run(*xs)
                known.update(zip(step.outputs, made if step.several else (made,), strict=True))
                for x in last[i]:
                    del known[x]
            while guard is not None:
                self.ask(guard, known)
                at, guard = next(guards, (-1, None))
        return [known[o] for o in self.outputs]

    def ask(self, guard: Guard, known: dict[Any, Any]) -> None:
        """Raise GuardError where Python would have seen something else."""
        if not guard.agrees(known[guard.value]):
            raise disagreement(self.name, guard, known[guard.value])

    def last_uses(self) -> list[tuple[Value, ...]]:
        """For each step, the values that nobody needs after it: computed ones, neither inputs nor constants."""
        kept = {*self.outputs, *self.inputs, *self.constants, *[g.value for _, g in self.guards]}
        result: list[tuple[Value, ...]] = []
        for step in reversed(self.steps):
            dead = [x for x in dict.fromkeys((*step.inputs, *step.outputs)) if type(x) is Value and x not in kept]
            kept.update(dead)
            result.append(tuple(dead))
        return result[::-1]

    def dependent(self, flags: Sequence[bool], *, carried: bool = False) -> list[bool]:
        """Which outputs depend on the flagged inputs; ``carried``: by steps that carry derivatives, be they zero."""
        known: set[Any] = {v for v, flag in zip(self.inputs, flags, strict=True) if flag}
        for step in self.steps:
            if (step.row.carries or not carried) and any(x in known for x in step.inputs if type(x) is Value):
                inner = step.row.program_of(step.params)
                if inner is None:
                    known.update(step.outputs)
                    continue
                reached = inner.dependent([type(x) is Value and x in known for x in step.inputs], carried=carried)
                known.update([o for o, f in zip(step.outputs, reached, strict=True) if f])
        return [o in known for o in self.outputs]

    # -- derivatives and costs ------------------------------------------------------------------------
    def jvp(self, at: Sequence[Any] | None = None) -> Program:
        """The program (x1, ..., dx1, ...) -> (y1, ..., dy1, ...) with dy = sum_i J_i dx_i.

        Recorded at ``at``, by default where this program was recorded.
        """
        from .derivatives import jvp  # a program of a program: the sweeps stand in between

        return jvp(self, at)

    def vjp(self, at: Sequence[Any] | None = None) -> Program:
        """The program (x1, ..., ct1, ...) -> (y1, ..., g1, ...) with g_i = sum_k ct_k dy_k/dx_i."""
        from .derivatives import vjp

        return vjp(self, at)

    def hessian(self, at: Sequence[Any] | None = None) -> Program:
        """The program (x1, ...) -> (H11, H12, ...), the blocks d2 y / dx_i dx_j of a scalar output."""
        from .derivatives import hessian

        return hessian(self, at)

    def simplified(self) -> Program:
        """The same values by fewer and cheaper steps: dead code, common steps, constants, algebra, contractions."""
        from .simplify import simplified

        return simplified(self)

    def cost(self) -> Any:
        """Operations, bytes moved, and the most memory held, from the shapes."""
        from .cost import cost

        return cost(self)

    # -- reading -------------------------------------------------------------------------------------
    def values(self) -> Iterator[Value]:
        """Every place, in order: inputs, constants, what the steps make."""
        yield from self.inputs
        yield from self.constants
        for step in self.steps:
            yield from step.outputs

    def names(self) -> dict[Value, str]:
        """A short name for every place: x0 for inputs, c0 for constants, v0 for the rest."""
        named = {v: f"x{i}" for i, v in enumerate(self.inputs)}
        named.update((v, f"c{i}") for i, v in enumerate(self.constants))
        made = [o for step in self.steps for o in step.outputs]
        named.update((v, f"v{i}") for i, v in enumerate(made))
        return named

    def source(self) -> str:
        """The program as straight-line Python over NumPy, with no gradtape in it, to read, run and check in."""
        from ..engines.printing import source  # the printer knows programs: the two meet at run time only

        return source(self)

    # -- for others ------------------------------------------------------------------------------------
    def to_jax(self) -> Callable[..., Any]:
        """A function of JAX arrays that a user of JAX can call and transform: jax.jit, grad, vmap, hessian.

        Derivatives are gradtape's rules, step by step, with its conventions at singular points, to any order.  Where a
        guard disagrees, or NumPy would raise an error, floating outputs are nan.

        Needs gradtape[xla].  Raises GradtapeError for a program with guards that has integer outputs, and, when it is
        called, where the program has 64-bit numbers and JAX is not set to have them (``jax_enable_x64``).
        """
        from ..engines.xla.export import for_jax

        return for_jax(self)

    def to_stablehlo(self) -> str:
        """The program as StableHLO text, the input language of XLA; guards as for :meth:`to_jax`.

        Needs gradtape[xla].  Raises GradtapeError for steps that XLA cannot carry out.
        """
        from ..engines.xla.export import stablehlo

        return stablehlo(self)

    def export(self, platforms: Sequence[str] | None = None) -> bytes:
        """The program as bytes that run without gradtape: ``jax.export.deserialize(bytes).call(*arrays)``.

        ``platforms``: those that it shall run on, such as ``["cpu", "cuda"]``; by default the one of this machine.
        64-bit arrays reach it only where JAX's own x64 setting is on.  Guards and errors as for :meth:`to_stablehlo`.
        """
        from ..engines.xla.export import exported

        return exported(self, platforms)

    def __len__(self) -> int:
        return len(self.steps)

    def __str__(self) -> str:
        from .listing import listing

        return listing(self)

    def __repr__(self) -> str:
        ins, outs = ", ".join(map(repr, self.inputs)), ", ".join(map(repr, self.outputs))
        return f"<Program {self.name}: {len(self.steps)} steps, ({ins}) -> ({outs})>"


def disagreement(name: str, guard: Guard, seen: Any) -> GuardError:
    """What to tell where Python would have gone another way."""
    array = np.asarray(seen)
    found = (
        f"{guard.expected!r} when it was recorded, {array.tolist()!r} now" if array.size < 20 else "another value now"
    )
    return GuardError(
        message(
            f"{name}: at these inputs Python would go another way ({guard.how})",
            found,
            str(guard.site) if guard.site else None,
            "A program is one path; gt.function records another one where a guard disagrees, gt.where and gt.cond "
            "need none.",
        )
    )


def _fitted(name: str, i: int, value: Value, x: Any) -> Any:
    """An argument as the program wants it."""
    data = getattr(x, "data", x) if not isinstance(x, np.ndarray | np.generic) else x
    array: Any = np.asarray(data) if not hasattr(data, "dtype") else data
    if array.dtype != value.dtype and np.can_cast(array.dtype, value.dtype, "same_kind"):
        array = array.astype(value.dtype)
    if tuple(array.shape) != value.shape or array.dtype != value.dtype:
        raise TypeError(
            message(
                f"{name}: argument {i} does not fit",
                [f"wanted {value!r}", f"found {array.dtype}{list(array.shape)}"],
                remedy="A program is for the shapes and dtypes that it was recorded with.",
            )
        )
    return array[()] if array.ndim == 0 else array


def _has_nan(x: Any) -> bool:
    return np.asarray(x).dtype.kind in "fc"
