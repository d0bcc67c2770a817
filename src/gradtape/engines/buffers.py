"""Who holds which memory: what dies where, what may share memory, and which step may write over a dead input.

A value's *roots* are the values whose memory it may share.  Only what an element-wise step, a product of matrices and
their like return is known to be memory of its own; everything else may be a view of any of its inputs.  A step may
write over an input that dies there if the input's memory is the program's own, nothing else that is alive may
share it, and the result would have been laid out in the same way: the order of a sum, and so its last bit, depends on
the layout.  The layout of an array is a mark: equal marks, equal order of the axes; None is that of rows first.
"""

from __future__ import annotations

from collections import Counter
from typing import Any

from ..program.program import Program, Step, Value
from .steps import Form

#: A buffer of at least so many bytes is written over; allocating a smaller one costs less than choosing.
WORTH = 1 << 15
#: A dead value of at least so many bytes is let go at once.
LARGE = 1 << 10

_Mark = object | None


class Buffers:
    """Followed step by step, in the order of the program."""

    def __init__(self, program: Program) -> None:
        foreign = [*program.inputs, *program.constants]
        self.roots: dict[Value, frozenset[Value]] = {v: frozenset([v]) if v.shape else frozenset() for v in foreign}
        self.foreign = frozenset(foreign)
        self.marks: dict[Value, _Mark] = {v: object() for v in program.inputs}
        self.marks.update((v, None if c.flags.c_contiguous else object()) for v, c in program.constants.items())
        #: Values whose memory is theirs, whole, and the program's.
        self.own: set[Value] = set()
        #: How many living values may share the memory of a root.
        self.sharing: Counter[Value] = Counter(r for v in foreign for r in self.roots[v])
        self.last = program.last_uses()
        self._sizes: dict[Any, int] = {}

    def step(self, i: int, step: Step, form: Form) -> tuple[Value | None, list[Value]]:
        """Which input step ``i`` may write over, and the large values to let go after it."""
        values = [x for x in dict.fromkeys(step.inputs) if type(x) is Value]
        made = step.outputs[0]
        mark = self._mark(values, made, form)
        dying = [v for v in self.last[i] if self.roots.get(v)]
        over = None
        if form.ufunc is not None and dying and self.bytes(made) >= WORTH:
            over = next((v for v in values if v in dying and self._may_be_written(v, made, mark)), None)
        for o in step.outputs:
            if not o.shape:
                self.roots[o] = frozenset()
            elif form.fresh:
                self.roots[o] = frozenset([o])
                self.own.add(o)
            else:
                self.roots[o] = frozenset(step.outputs).union(*[self.roots[v] for v in values])
            self.marks[o] = mark if len(step.outputs) == 1 else object()
            self.sharing.update(self.roots[o])
        dying = [v for v in self.last[i] if self.roots[v]]
        for v in dying:
            self.sharing.subtract(self.roots[v])
        large = [v for v in dying if v is not over and any(self.bytes(r) >= LARGE for r in self.roots[v])]
        return over, large

    def bytes(self, v: Value) -> int:
        """The memory of a value."""
        key = (v.shape, v.dtype)
        size = self._sizes.get(key)
        if size is None:
            size = self._sizes[key] = v.nbytes
        return size

    def _may_be_written(self, v: Value, made: Value, mark: _Mark) -> bool:
        same = v.shape == made.shape and v.dtype == made.dtype
        return same and v in self.own and self.sharing[v] == 1 and (_flat(v) or self.marks[v] is mark)

    def _mark(self, values: list[Value], made: Value, form: Form) -> _Mark:
        """The layout of what a step makes."""
        if form.rows_first:
            return None
        if not form.elementwise:
            return object()
        # Axes along which an operand does not run say nothing about the order.
        telling = [v for v in values if not _flat(v) and self.marks[v] is not NOWHERE]
        marks = {self.marks[v] for v in telling}
        if any(v.shape != made.shape for v in telling):
            return object()
        if not marks or None in marks:  # in a conflict NumPy puts rows first
            return None
        return marks.pop() if len(marks) == 1 else object()

    def spread(self, v: Value) -> None:
        """``v`` is one number broadcast: it runs along no axis."""
        self.marks[v] = NOWHERE

    def to_copy(self, outputs: Any) -> list[bool]:
        """For each output: it may share memory with what the caller or the program keeps, or with one before it."""
        seen: set[Value] = set(self.foreign)
        found: list[bool] = []
        for o in outputs:
            found.append(bool(self.roots[o] & seen))
            seen |= self.roots[o]
        return found


#: The layout of one number broadcast.
NOWHERE = object()


def _flat(v: Value) -> bool:
    """At most one axis is longer than 1, so there is one order only."""
    return sum(n > 1 for n in v.shape) <= 1
