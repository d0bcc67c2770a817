"""The table of cases: for every row of the registry, inputs and parameters to try its laws on.

A row may give its own by ``sample``.  Else: an element-wise or one-input row is tried on arrays of several shapes
(0-d, empty, of size one, broadcasting), drawn from its ``domain``; a row with parameters on each value of each.
Everything is drawn from a seed of the row's name, so a row's cases do not change when others come and go.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any
from zlib import crc32

import numpy as np

from ..record.tensor import Tensor
from ..rules.primitive import Primitive

DOMAIN = (-2.0, 2.0)
ONE_INPUT = [((3,),), ((2, 3),), ((),), ((0,),), ((1,),)]
TWO_INPUTS = [((2, 1), (3,)), ((3,), (3,)), ((2, 3), ()), ((), (3,)), ((), ()), ((1,), (2, 1)), ((0,), (1,))]


@dataclass(frozen=True, eq=False)
class Case:
    """One row at one point. ``inputs`` are raw; ``slots`` are the inputs that derivatives are taken for."""

    row: Primitive
    inputs: tuple[Any, ...]
    params: dict[str, Any] = field(default_factory=dict)
    tag: str = ""

    @property
    def slots(self) -> list[int]:
        return [i for i, x in enumerate(self.inputs) if is_inexact(x) and has_rule(self.row, i)]

    @property
    def id(self) -> str:
        shapes = "x".join(short(x) if type(x) is float else str(np.shape(x)) for x in self.inputs)
        params = ",".join(f"{name}={short(value)}" for name, value in self.params.items())
        return ":".join(part for part in (shapes.replace(" ", ""), params, self.tag) if part)

    @property
    def size(self) -> int:
        return sum(np.size(self.inputs[i]) for i in self.slots)

    @property
    def xs(self) -> list[Any]:
        return [self.inputs[i] for i in self.slots]

    def rng(self, purpose: str) -> np.random.Generator:
        return np.random.default_rng(crc32(f"{self.row.name} {self.id} {purpose}".encode()))

    def function(self) -> Callable[[Sequence[Any]], list[Any]]:
        """The row as a function from a list (one Tensor per slot) to the list of its differentiable outputs."""

        def f(xs: Sequence[Any]) -> list[Any]:
            inputs = list(self.inputs)
            for i, x in zip(self.slots, xs, strict=True):
                inputs[i] = x
            return [y for y in outputs(self.row.op(*inputs, **self.params)) if is_inexact(y)]

        return f

    def cast(self, to: Callable[[Any], Any], tag: str) -> Case:
        """The same case with ``to`` applied to every floating-point input."""
        inputs = tuple(to(x) if is_inexact(x) else x for x in self.inputs)
        return replace(self, inputs=inputs, tag=":".join(t for t in (self.tag, tag) if t))


def is_inexact(x: Any) -> bool:
    """Whether ``x`` is an array of floats or complex numbers (a Python number is a parameter, not an input)."""
    return isinstance(x, np.ndarray | np.generic | Tensor) and x.dtype.kind in "fc"


def outputs(y: Any) -> tuple[Any, ...]:
    return y if isinstance(y, tuple) else (y,)


def has_rule(row: Primitive, slot: int) -> bool:
    rules = row.partials or row.transposes
    return row.kind != "constant" and (row.variadic is not None or not rules or rules[slot] is not None)


def short(value: Any) -> str:
    if type(value) is float:
        return f"{value:.2f}"
    if isinstance(value, np.ndarray):
        return f"array{value.shape}".replace(" ", "")
    text = "None" if value is None else getattr(value, "__name__", str(value)) if callable(value) else str(value)
    return text.replace(" ", "").replace("slice", "")[:40]


# -- points -------------------------------------------------------------------------------------------------


def draw(rng: np.random.Generator, shape: tuple[int, ...], domain: tuple[float, float]) -> Any:
    """Numbers inside ``domain``, not too near its ends nor to multiples of a half, where kinks like to be."""
    low, high = (np.clip(end, -5.0, 5.0) for end in domain)
    margin = 0.05 * (high - low)
    x = rng.uniform(low + margin, high - margin, shape)
    near = np.round(2 * x) / 2
    side = np.where(x >= near, 1.0, -1.0)
    return np.where(np.abs(x - near) < 0.2 * margin, near + 0.2 * margin * side, x)[()]


def domain_of(row: Primitive, slot: int) -> tuple[float, float]:
    domain: Any = row.domain or DOMAIN
    return domain[slot] if np.ndim(domain[0]) else domain


def settings(row: Primitive) -> list[dict[str, Any]]:
    """Each value of each parameter in turn, the others at their first value."""
    first = {name: values[0] for name, values in row.params.items()}
    turns = [{**first, name: value} for name, values in row.params.items() for value in values]
    return [turn for i, turn in enumerate(turns) if turn not in turns[:i]] or [{}]


def default_cases(row: Primitive, rng: np.random.Generator) -> list[Case]:
    if row.arity is None or (row.arity > 1 and not row.broadcasts and row.kind not in ("elementwise", "constant")):
        return []  # only the row knows which inputs fit each other
    params = settings(row)
    if row.arity == 1:
        shapes: list[Any] = ONE_INPUT if row.kind in ("elementwise", "constant") or not row.params else [((2, 3),)]
    else:
        shapes = [tuple(pair[i % 2] for i in range(row.arity)) for pair in TWO_INPUTS]
    points = [(s, params[0]) for s in shapes] + [(((2, 3),) * row.arity, p) for p in params[1:]]
    kinds = ("float", "bool", "int") if row.kind == "constant" else ("float",)
    for kind in kinds:
        made = [Case(row, inputs_of(rng, row, shapes, kind), p) for shapes, p in points]
        if len(kinds) == 1 or runs(made[0]):
            return made + with_numbers(made)
    return []


def with_numbers(made: list[Case]) -> list[Case]:
    """Cases of several inputs with a Python number, which is weak in promotion and no input, for all but one."""
    found: list[Case] = []
    for kept in range(made[0].row.arity or 0):
        for case in made[2:4] if made[0].row.arity != 1 else []:
            inputs = [x if i == kept or not is_inexact(x) else float(np.ravel(x)[0]) for i, x in enumerate(case.inputs)]
            if kept in case.slots or case.row.kind == "constant":
                found.append(replace(case, inputs=tuple(inputs)))
    return found


def inputs_of(rng: np.random.Generator, row: Primitive, shapes: Any, kind: str) -> tuple[Any, ...]:
    """Inputs of ``shapes`` such that no two float ones nearly meet: where they do, many functions have a kink."""
    inputs: tuple[Any, ...] = ()
    for _ in range(100):
        inputs = tuple(point(rng, row, i, shape, kind) for i, shape in enumerate(shapes))
        floats = [x for x in inputs if is_inexact(x)]
        gaps = [np.min(np.abs(a - b), initial=1.0) for i, a in enumerate(floats) for b in floats[:i]]
        if min(gaps, default=1.0) > 0.05:
            break
    return inputs


def point(rng: np.random.Generator, row: Primitive, slot: int, shape: tuple[int, ...], kind: str) -> Any:
    if row.kind != "constant" and not has_rule(row, slot):
        return (rng.random(shape) < 0.5)[()] if shape else np.bool_(True)  # the only such inputs are conditions
    if kind == "bool":
        return (rng.random(shape) < 0.5)[()] if shape else np.bool_(True)
    if kind == "int":
        return np.asarray(rng.integers(1, 5, shape))[()]
    return draw(rng, shape, domain_of(row, slot))


def runs(case: Case) -> bool:
    """Whether the implementation takes these inputs."""
    try:
        with np.errstate(all="ignore"):
            case.row.run(*case.inputs, **case.params)
    except Exception:
        return False
    return True


def sampled_cases(row: Primitive, rng: np.random.Generator) -> list[Case]:
    return [
        Case(row, tuple(plain(x) for x in inputs), dict(params))
        for inputs, params in row.sample(rng)  # pyright: ignore[reportOptionalCall]
    ]


def plain(x: Any) -> Any:
    """A sample's input as gradtape keeps it: 0-d values are NumPy scalars."""
    return x[()] if isinstance(x, np.ndarray) and x.ndim == 0 else x


def cases_of(row: Primitive) -> tuple[Case, ...]:
    """The float64 cases of a row, those with elements first."""
    rng = np.random.default_rng(crc32(row.name.encode()))
    found = sampled_cases(row, rng) if row.sample else default_cases(row, rng)
    seen: dict[str, int] = {}
    numbered: list[Case] = []
    for case in found:
        seen[case.id] = seen.get(case.id, 0) + 1
        numbered.append(case if seen[case.id] == 1 else replace(case, tag=f"{seen[case.id]}"))
    return tuple(sorted(numbered, key=lambda c: c.size == 0))
