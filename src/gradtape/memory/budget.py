"""A window that keeps a bounded part of what it sees: stretches of the record let their values go, one after another.

A stretch becomes one entry that keeps what goes in and what comes out (stretch.py); several such become one in their
turn, as binomial checkpointing says (Griewank 1992; ``Growing`` in binomial.py).  So a record of any length keeps a
number of states, and a sweep computes the rest again, piece by piece, freeing what it has passed.
"""

from __future__ import annotations

from fractions import Fraction
from itertools import count
from typing import Any
from weakref import ref

from ..program.program import Value
from ..record.segment import Entry, FoldedSegment, Segment, Window, current
from ..record.tensor import Tensor
from .again import again_row
from .binomial import Growing
from .disk import Disk
from .stretch import Stretch

#: Of the budget a tenth is for what was just written, and half as much for what waits from before; as much for a
#: stretch that is computed again; a fifth each for states on the record and states in what is computed again.
_STRETCH, _STATES = 10, 5
#: Entries of a stretch, at least.
_SHORTEST = 4
#: States that there are at least, however many values they have: fewer would mean to compute very often.
_FEWEST = 4


class Piece(Segment):
    """A stretch that was let go: few entries, in place of many."""

    __slots__ = ("chain",)
    numbers = count(1)

    def __init__(self, entries: list[Entry], touched: list[tuple[Any, Any]], serial: Any, chain: int) -> None:
        super().__init__()
        self.extend(entries)
        self.touched = touched
        self.end = len(self)
        self.serial = serial
        #: Pieces of one chain follow on each other.
        self.chain = chain


class Budgeted(Window):
    """A window with a budget: of bytes, or of a number of arrays; ``offload``: states go to files."""

    __slots__ = ("_busy", "_chain", "_disk", "_fresh", "_growing", "_limit", "_met", "_since", "_wall", "_weigh")
    watches = True
    _chains = count(1)

    def __init__(self, limit: int, arrays: bool, offload: bool = False) -> None:
        super().__init__()
        self._limit = limit
        self._weigh = _one if arrays else _bytes
        self._disk = Disk() if offload else None
        self._fresh = self._since = 0
        self._busy = 0
        self._met: dict[int, tuple[ref[Tensor], Any]] = {}
        self._wall: Any = 0
        self._start()

    def _start(self) -> None:
        """Begin a new chain of pieces."""
        self._chain = next(Budgeted._chains)
        self._growing = Growing(_FEWEST)

    # -- what the record says ---------------------------------------------------------------------------------
    def open(self) -> None:
        """Start to look, or go on."""
        self.wall()
        super().open()

    def close(self) -> None:
        """Stop to look: the segments need not know it any more, which would keep it, and with it them, alive."""
        super().close()
        for s in self.segments:
            if type(s) is FoldedSegment and self in s.folding:
                s.folding = [w for w in s.folding if w is not self]

    def wall(self) -> None:
        """What is on the record stays as it is: what comes next does not follow on it."""
        if self.segments:
            self._wall = self.segments[-1].serial
            self._start()

    def asked(self, on: bool) -> None:
        """While a question is answered nothing is let go: the answer goes over what there is."""
        self._busy += 1 if on else -1

    def noted(self, entry: Entry) -> None:
        output = entry[3]
        if type(output) is Tensor:
            self._fresh += self._weigh(output)
        elif output is not None and entry[0].kind != "event":
            self._fresh += sum([self._weigh(o) for o in output])
        self._since += 1
        if self._fresh > self._limit // _STRETCH and self._since >= _SHORTEST and not self._busy:
            self._fresh = self._since = 0
            self._let_go()

    # -- letting go -------------------------------------------------------------------------------------------
    def _let_go(self) -> None:
        """Make a piece of what was written since the last one."""
        segments = self.segments
        first = next((i for i, s in enumerate(segments) if s.serial > self._wall and type(s) is not Piece), None)
        if first is None:
            return
        entries: list[Entry] = []
        touched: list[tuple[Any, Any]] = []
        while first < len(segments) - 1 and _claimed(segments, first, entries, touched):
            pass
        now = segments[first]
        whole = now is current.get() and type(now) is FoldedSegment and now.owners == 1
        tail = 0
        if whole and len(now) > 1:
            tail = len(now)
            entries += now
            del now[:]
        if not entries:
            return
        _forget(touched, entries)
        if tail:
            _forget(now.touched, entries)
        variables = {id(x) for _, x in (*touched, *now.touched)}
        stretch = Stretch(entries, lambda x: id(x) in variables, self._was_met)
        n = len(stretch.items)
        cut = stretch.narrowest(max(n // 4, n - tail, 1), n - 1, self._weigh) if tail else n
        made = stretch.folded(cut)
        rest = [stretch.entry(item) for item in stretch.items[cut:]]
        del stretch
        if rest:
            now[:] = rest
        if made or touched:
            self._add(made, touched, first)

    def _add(self, made: list[Entry], touched: list[tuple[Any, Any]], at: int) -> None:
        segments = self.segments
        self._note(made)
        serial = segments[at].serial - 1 + Fraction(n := next(Piece.numbers), n + 1)
        segments.insert(at, Piece(made, touched, serial, self._chain))
        if self._disk is not None:
            self._disk.take(made, again_row)
            return
        made.clear()  # they are the segment's alone: else what they hold would count as held
        pieces = [i for i, s in enumerate(segments) if type(s) is Piece and s.chain == self._chain]
        if len(pieces) != len(self._growing.sizes) + 1:  # the tape was reset
            self._growing = Growing(_FEWEST)
            for _ in pieces[1:]:
                self._growing.grown()
        kept = sum([self._weigh(o) for i in pieces for e in segments[i] for o in _outputs(e)])
        self._growing.states = max(_FEWEST, self._limit * len(pieces) // (_STATES * max(kept, 1)))
        merged = self._growing.grown()
        if merged:
            self._merge(pieces[-merged], pieces[-1] + 1)

    def _merge(self, first: int, last: int) -> None:
        """Make one piece of several that follow on each other."""
        serial = self.segments[first].serial
        entries = [e for s in self.segments[first:last] for e in s]
        touched = [pair for s in self.segments[first:last] for pair in s.touched]
        _forget(touched, entries)
        variables = {id(x) for _, x in touched}
        del self.segments[first:last]
        stretch = Stretch(entries, lambda x: id(x) in variables, self._was_met)
        made = stretch.folded(len(stretch.items))
        del stretch
        self._note(made)
        self.segments.insert(first, Piece(made, touched, serial, self._chain))

    def _note(self, made: list[Entry]) -> None:
        """Remember what peepholes will look for."""
        self._met = {key: (r, row) for key, (r, row) in self._met.items() if r() is not None}
        self._met.update(
            (id(o), (ref(o), e[0])) for e in made if e[0].kind != "event" and e[0].seen for o in _outputs(e)
        )

    def _was_met(self, x: Tensor) -> Any:
        found = self._met.get(id(x))
        return None if found is None or found[0]() is not x else found[1]

    @property
    def on_disk(self) -> int:  # type: ignore[override]
        """The bytes of values that it has put into files."""
        return self._disk.bytes if self._disk is not None else 0


def _bytes(x: Tensor | Value) -> int:
    return x.nbytes


def _one(x: Tensor | Value) -> int:
    return 1


def _claimed(segments: list[Segment], place: int, entries: list[Entry], touched: list[tuple[Any, Any]]) -> bool:
    """Take a segment off the list, and its entries; other windows that have it keep it, and so its values."""
    segment = segments[place]
    if segment.end is not None and segment.end != len(segment):  # another task writes into it
        return False
    entries += segment
    touched += segment.touched
    del segments[place]
    return True


def _forget(touched: list[tuple[Any, Any]], entries: list[Entry]) -> None:
    """Of the values of Variables, those that operations made need not be known: the first one is, and the others."""
    computed: set[int] = set()
    for row, _, inputs, output, _, _ in entries:
        if row.kind != "event" and (row.name not in ("identity", "astype") or id(inputs[0]) in computed):
            computed.update(id(o) for o in (output if type(output) is tuple else (output,)))
    seen: set[int] = set()
    kept: list[tuple[Any, Any]] = []
    for v, x in touched:
        if id(v) not in seen or id(x) not in computed:
            kept.append((v, x))
        seen.add(id(v))
    touched[:] = kept


def _outputs(entry: Entry) -> tuple[Any, ...]:
    return entry[3] if type(entry[3]) is tuple else () if entry[3] is None else (entry[3],)
