"""Recording the bodies of entries: what a function of the user's does, unless only Python can do it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from .. import trees
from ..compiling.tracing import Traced, trace
from ..errors import ShapeError, TreeError, message
from ..primitives.shapes import astype
from ..program.program import Program, Value
from ..record import sites
from ..record.segment import Pause
from ..record.tensor import SCALARS, Tensor, value_of
from ..record.writer import is_number, lift, strong
from .block import Block, Sketch

_gradtape_composes = True


def traced_body(flat: Callable[[Sequence[Any]], list[Tensor]], inputs: Sequence[Any], name: str) -> Traced | None:
    """What ``flat`` does at these inputs; None where only Python can do it, as if it had not been called.

    That is so where Python asks for values (its way may differ from turn to turn), where Variables are assigned or
    made, and where random numbers are drawn: each turn draws its own, the number of the next is such a Variable.
    """
    with Sketch(), np.errstate(all="ignore"):  # a branch may be recorded at values that it is not for
        traced = trace(flat, [_input(x) for x in inputs], name, whole=True)
    if not (traced.program.guards or traced.assigned or traced.once):
        return traced
    with Pause():
        for v, value in zip(traced.assigned, traced.before, strict=True):
            v.rename(value)
    return None


def _input(x: Any) -> Any:
    """A Tensor under an identity of its own; Python's floats as they are, which are weak in promotion."""
    if is_number(x) and type(x) not in (bool, int):
        return x
    return Tensor(np.asarray(x)[()] if type(x) in SCALARS else x.data)


class Captured:
    """What several bodies take from outside, each once: Tensors, and Variables by their values."""

    def __init__(self) -> None:
        self._places: dict[Any, int] = {}

    def add(self, traced: Traced) -> None:
        """Note what this body takes."""
        for x in (*traced.read, *traced.captured):
            self._places.setdefault(x, len(self._places))

    def values(self) -> list[Tensor]:
        """What is to be passed behind the operands."""
        return [x if isinstance(x, Tensor) else x.value for x in self._places]

    def block(self, traced: Traced, operands: Sequence[Any]) -> Block:
        """The program of (operands, all that was captured)."""
        p = traced.program
        own = dict(zip((*traced.read, *traced.captured), p.inputs[len(operands) :], strict=True))
        values = [x if isinstance(x, Tensor) else x.current for x in self._places]
        more = [own.get(x) or Value.like(v.data) for x, v in zip(self._places, values, strict=True)]
        program = Program([*p.inputs[: len(operands)], *more], p.steps, p.outputs, p.constants, p.guards, name=p.name)
        return Block(program, [*[value_of(x) for x in operands], *[v.data for v in values]])


def structure_of(tree: Any) -> tuple[list[Any], Any]:
    """The leaves and the structure of a tree; a Tensor's is that of any leaf."""
    leaves, structure = trees.flatten(tree)
    return leaves, _LEAF if structure is None else structure


_LEAF = trees.flatten(0)[1]


def raw(x: Any) -> Any:
    """A leaf as a body gives it: a Tensor, or a Python number."""
    return x if is_number(x) else lift(x)


def agreed(asked: str, leaves: Sequence[Sequence[Any]], names: Sequence[str]) -> list[Any]:
    """The dtypes on which the bodies agree; Python numbers take the others' dtype."""
    found: list[Any] = []
    for i, each in enumerate(zip(*leaves, strict=True)):
        shapes = [getattr(x, "shape", ()) for x in each]
        fixed = {x.dtype for x in each if type(x) not in SCALARS}
        if len(set(shapes)) > 1 or len(fixed) > 1:
            raise ShapeError(
                message(
                    f"{asked}: result {i} is not of one kind",
                    [f"{n} gives {_described(x)}" for n, x in zip(names, each, strict=True)],
                    str(sites.user_line()),
                    "Give results of the same shapes and dtypes, whichever is chosen.",
                )
            )
        found.append(np.result_type(*fixed, *[x for x in each if type(x) in SCALARS]))
    return found


def _described(x: Any) -> str:
    return f"the number {x!r}" if type(x) in SCALARS else f"{x.dtype}{list(x.shape)}"


def same_structure(asked: str, structures: Sequence[Any], names: Sequence[str]) -> None:
    """Raise TreeError where the results are of different structures."""
    if any(s != structures[0] for s in structures[1:]):
        raise TreeError(
            message(
                f"{asked}: the results are trees of different structures",
                [f"{n} gives {s}" for n, s in zip(names, structures, strict=True)],
                str(sites.user_line()),
                "Return the same containers, whichever is chosen.",
            )
        )


def fixed(x: Any, dtype: Any) -> Tensor:
    """A Python number as a Tensor of this dtype; others as they are."""
    if type(x) in SCALARS:
        return Tensor(np.asarray(x, dtype)[()])
    return astype(strong(x), dtype=np.dtype(dtype)) if is_number(x) and dtype is not None else strong(x)


def settled(carry: Sequence[Any], after: Sequence[Value] | None) -> tuple[list[Any], bool]:
    """The carry of a loop as Tensors, and whether a turn has to be recorded once more for it.

    Python's numbers take the dtypes that one turn makes of them, and so do Tensors where that loses nothing.
    """
    if after is None:
        return list(carry), False
    made: list[Any] = []
    for c, o in zip(carry, after, strict=False):
        if not is_number(c):
            wide = np.result_type(c.dtype, o.dtype)
            made.append(c if wide == c.dtype else astype(c, dtype=wide))
        elif o.shape == ():
            whole = o.dtype.kind in "iu"  # a float that turns into an integer stays what it is, and is told of
            number = c if type(c) in SCALARS else value_of(c).item()
            made.append(fixed(c, np.result_type(type(number), o.dtype) if whole else o.dtype))
        else:
            made.append(strong(c))
    return made, any(strong(c).dtype != m.dtype for c, m in zip(carry, made, strict=True))


_UNITS = {"B": 1, "KB": 10**3, "MB": 10**6, "GB": 10**9}


def states_of(budget: int | str, carry: Sequence[Tensor]) -> int:
    """A budget as a number of carries."""
    if isinstance(budget, int):
        return max(budget, 1)
    text = budget.upper().replace(" ", "")
    unit = next((u for u in ("GB", "MB", "KB", "B") if text.endswith(u)), "")
    each = max(sum([c.nbytes for c in carry]), 1)
    return max(int(float(text.removesuffix(unit)) * _UNITS[unit or "B"] / each), 1)
