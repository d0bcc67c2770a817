"""Forward mode while the program runs: a window that pushes tangents as entries come, and lets them go.

A forward-only program of any length needs memory for the values that it still uses itself, not for its record: every
few thousand entries the window sweeps forwards over what it saw, keeps the tangents of the Tensors that are still
alive, and drops the entries of the stretch before.  What the sweep computes is recorded by the tapes that are open, and
by the accumulators that were opened before this one: so accumulators nest in each other and in tapes.  One that was
opened later must not see it, since this one sees what that one computes: there would be no end.
"""

from __future__ import annotations

import weakref
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ..record import draws
from ..record.segment import Entry, Pause, Segment, Window, folding_since, is_recording, union
from ..record.tensor import Tensor
from .forward import Tangents, forward
from .query import BUDGET

#: The window sweeps over what it saw after so many entries, or so many bytes of values.
STRETCH_ENTRIES = 4096
STRETCH_BYTES = 1 << 24


class Accumulator(Window):
    """Tangents of everything that is computed from ``tangents``' keys while the window is open."""

    __slots__ = (
        "_before", "_bytes", "_known", "_read", "_room", "_since", "_sources", "_table", "_unread",
        "kept", "started", "state",
    )  # fmt: skip
    folds = True

    def __init__(self, tangents: Mapping[Tensor, Any]) -> None:
        super().__init__()
        # id(x) -> (weak reference to x, tangent): a Tensor that nobody refers to needs no tangent.
        self._table: dict[int, tuple[weakref.ref[Tensor], Any]] = {}
        self._unread = self._bytes = 0
        self._sources = set(tangents)
        # The first segment of its own, and the earlier ones that it has come to own.
        self._since = 0
        self._known: set[int] = set()
        # What was swept over lately: peepholes look back at it.
        self._before: list[Entry] = []
        self._read: list[Entry] = []
        #: Where random draws come in: what was done from then on, if it is not too much, what moved before, and the
        #: values of Variables: for those who ask whether a slope jumps with the draws.
        self.kept: list[Entry] = []
        self.started: list[Tensor] = []
        self.state: set[Tensor] = set()
        self._room = BUDGET
        self._keep(tangents.items())

    def open(self) -> None:
        """Begin to push tangents."""
        super().open()
        self._since = self._since or self.segments[-1].serial

    def close(self) -> None:
        """Push what is left, and cease."""
        try:
            self.fold()
        finally:
            super().close()

    def adopt(self, segments: Sequence[Segment]) -> None:
        """A derivative of what was recorded before is about to be computed: that record moves, too."""
        earlier = [s for s in segments if s.serial < self._since and s.serial not in self._known]
        self._known.update([s.serial for s in earlier])
        self.segments[:] = union(earlier, self.segments)

    def noted(self, entry: Entry) -> None:
        output = entry[3]
        self._unread += 1
        self._bytes += output.data.nbytes if type(output) is Tensor else 0
        if self._unread >= STRETCH_ENTRIES or self._bytes >= STRETCH_BYTES:
            self._unread = self._bytes = 0
            self.fold()
            self._before, self._read = self._read, []

    def fold(self) -> None:
        """Sweep over the entries seen since the last time, and let go those of the stretch before this one."""
        if not any(self.segments):
            return
        with Pause(*folding_since(self)):
            fresh = [e for s in self.segments for e in s]
            state = [value for s in self.segments for _, value in s.touched] if draws.seen() else []
            self.segments = []
            given = self._alive()
            if draws.seen():
                self._watch(fresh, state, given)
            known = forward(fresh, given, sources=self._sources, before=(*self._before, *self._read))
            self._keep([(x, dx) for x, dx in known.items() if x not in given])
            self._read += fresh
            del known, given, fresh
            self._table = {key: kept for key, kept in self._table.items() if kept[0]() is not None}

    def _watch(self, fresh: list[Entry], state: list[Tensor], given: Tangents) -> None:
        """Keep what was done with random draws."""
        self.state.update(state)
        if not self.kept:
            if not any(e[0].kind == "composite" or any(draws.marked(x) for x in (*e[2], e[3])) for e in fresh):
                return
            self.started = list(given)
        if self._room > 0:
            self.kept += fresh
            self._room -= sum(e[3].data.nbytes for e in fresh if type(e[3]) is Tensor)
            if self._room <= 0:
                self.kept.clear()

    def tangent(self, x: Tensor) -> tuple[bool, Any]:
        """Whether ``x`` depends on the sources, and its tangent (None: zero)."""
        self.fold()
        kept = self._table.get(id(x))
        return (False, None) if kept is None or kept[0]() is not x else (True, kept[1])

    def _keep(self, pairs: Iterable[tuple[Tensor, Any]]) -> None:
        for x, dx in pairs:
            self._table[id(x)] = (weakref.ref(x), dx)

    def _alive(self) -> Tangents:
        """The known tangents, as the sweep wants them: Tensors if somebody records, else raw arrays."""
        recording = is_recording()
        alive: Tangents = {}
        for reference, dx in self._table.values():
            x = reference()
            if x is not None:
                wrapped = isinstance(dx, Tensor)
                alive[x] = dx if dx is None or wrapped == recording else Tensor(dx) if recording else dx.data
        return alive
