"""The record: a Wengert list cut into segments, and the windows that look at it.

An *entry* is a plain tuple ``(primitive, params, inputs, output, code, lasti)``.  ``inputs`` holds
Tensors and Python scalars; ``output`` is a Tensor, a tuple of Tensors, or None for an event;
``code`` and ``lasti`` are the user's code object and instruction, decoded only when somebody asks.

A *segment* is a list of entries.  It is cut whenever the set of open windows changes, so that every
open window owns exactly the segments that were written while it was open, and nested windows own
the same ones: an operation is recorded once, however many tapes are open.

The open segment lives in a context variable: each thread has its own.  An asyncio task starts with the windows of
the task that made it and cuts for itself from then on; what several tasks wrote is sorted by ``in_order``.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextvars import ContextVar
from itertools import count
from threading import get_ident
from typing import Any
from weakref import ref

from ..errors import TapeError, message

Entry = tuple[Any, Any, tuple[Any, ...], Any, Any, int]


class Segment(list[Entry]):
    """A stretch of the record during which the set of open windows did not change.

    ``touched`` lists the Variables that were read or given a value meanwhile, with that value, in order.
    ``end`` is its length when it was cut: it is another one where another task wrote on, and -1 where that cut too.
    """

    __slots__ = ("__weakref__", "end", "serial", "touched")
    _serials = count(1)

    def __init__(self) -> None:
        super().__init__()
        self.serial = next(Segment._serials)
        self.end: int | None = None
        self.touched: list[tuple[Any, Any]] = []

    @property
    def idle(self) -> bool:
        """Whether nothing was written, read or assigned."""
        return not self and not self.touched


class FoldedSegment(Segment):
    """A segment some of whose windows do not keep what they saw: they are told of every entry."""

    __slots__ = ("folding", "owners")

    def __init__(self, folding: list[Window], owners: int) -> None:
        super().__init__()
        self.folding = folding
        #: How many windows look at it.
        self.owners = owners

    def append(self, entry: Entry) -> None:
        """Write an entry, and tell the windows that fold."""
        super().append(entry)
        for window in self.folding:
            window.noted(entry)


class Window:
    """A view on the record: the segments that were written while it was open."""

    __slots__ = ("__weakref__", "segments", "thread")
    #: A window that reads its entries as they come and lets them go overrides ``noted`` and says so here.
    folds = False
    #: A window that is told of every entry, but keeps them (memory/budget.py), says so here.
    watches = False
    #: The bytes of values that it has put into files.
    on_disk = 0

    def __init__(self) -> None:
        self.segments: list[Segment] = []
        self.thread: int | None = None  # the thread in which it is open now

    def open(self) -> None:
        """Start to look: every entry written from now on belongs to this window too."""
        windows = _windows.get()
        if self.thread is not None:
            raise TapeError(
                message(
                    "GradientTape: this tape is already recording"
                    + ("" if self.thread == get_ident() else " in another thread"),
                    remedy="Leave its `with` block first, or use one tape per thread.",
                )
            )
        self.thread = get_ident()
        _cut((*windows, self))

    def close(self) -> None:
        """Stop to look. The segments stay for as long as the window lives."""
        self.thread = None
        _cut(tuple(w for w in _windows.get() if w is not self))

    def entries(self) -> Iterator[Entry]:
        """Every entry of the window, in the order in which it was written."""
        for segment in self.segments:
            yield from segment

    def noted(self, entry: Entry) -> None:
        """An entry was written; called for windows with ``folds`` or ``watches`` alone."""

    def asked(self, on: bool) -> None:
        """A question about what it saw begins (``on``) or ends."""

    def wall(self) -> None:
        """It did not see what happened between the last entry and the next one."""

    def fold(self) -> None:
        """Read what was written and not read yet; called for windows with ``folds`` alone."""

    def adopt(self, segments: Sequence[Segment]) -> None:
        """Own ``segments`` too, if they began before this window opened."""
        if segments and self.segments and self.segments[0].serial > segments[0].serial:
            self.segments[:] = union(segments, self.segments)

    def __enter__(self) -> Window:
        self.open()
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()


current: ContextVar[Segment | None] = ContextVar("gradtape_segment", default=None)
_windows: ContextVar[tuple[Window, ...]] = ContextVar("gradtape_windows", default=())


def _cut(windows: tuple[Window, ...]) -> None:
    """Begin a new segment, owned by ``windows``; with no window open nothing is recorded."""
    before = current.get()
    if before is not None:
        before.end = len(before) if before.end is None else -1
        del before
    windows = tuple([w for w in windows if w.thread is not None])  # a task may outlive the block it was made in
    for window in _windows.get():
        if window not in windows and window.segments and window.segments[-1].idle:
            window.segments.pop()
    _windows.set(windows)
    if not windows:
        current.set(None)
        return
    folding = [w for w in windows if w.folds or w.watches]
    segment = FoldedSegment(folding, len(windows)) if folding else Segment()
    dropped: list[tuple[Window, ref[Segment]]] = []
    for window in windows:
        # A segment in which nothing was written is dropped: memory must not grow with idle cuts.
        if window.segments and window.segments[-1].idle:
            dropped.append((window, ref(window.segments[-1])))
            window.segments[-1] = segment
        else:
            window.segments.append(segment)
    current.set(segment)
    for window, held in dropped:
        kept = held()
        if kept is not None:  # another task writes into it still
            window.segments.insert(-1, kept)


def cut() -> None:
    """Begin a new segment for the windows that are open now, so that the earlier ones stay as they are."""
    if current.get() is not None:
        _cut(_windows.get())


def adopt(segments: Sequence[Segment]) -> None:
    """Let the open windows that were opened after ``segments`` began own them too.

    A window that records a derivative of a record must see that record: else what lies on it would be constant.
    """
    for window in _windows.get():
        window.adopt(segments)


def settle() -> None:
    """Let the windows that fold read what was written so far, the last opened first.

    Called before a tape begins or ceases to look: what a window makes of an entry is recorded by those, and only
    those, that recorded the entry.
    """
    if type(current.get()) is FoldedSegment:
        for window in reversed(_windows.get()):
            if window.folds:
                window.fold()


def folding_since(window: Window) -> tuple[Window, ...]:
    """``window`` and the windows that fold and were opened after it."""
    windows = _windows.get()
    later = windows[windows.index(window) + 1 :] if window in windows else ()
    return (window, *[w for w in later if w.folds])


def union(*lists: Iterable[Segment]) -> list[Segment]:
    """The segments of several windows, each once, in the order in which they were written."""
    return sorted({s.serial: s for segments in lists for s in segments}.values(), key=lambda s: s.serial)


def in_order(segments: Sequence[Segment]) -> Sequence[Segment]:
    """The segments so that every entry stands after those that made its inputs.

    They are so already, unless several tasks wrote at the same time: then it is one segment, sorted.
    """
    if all(s.end is None or s.end == len(s) for s in segments):
        return segments
    entries = [e for s in segments for e in s]
    makers: dict[int, Entry] = {}
    for entry in entries:
        for x in entry[3] if type(entry[3]) is tuple else (entry[3],):
            makers.setdefault(id(x), entry)  # a query notes its answers after they were made
    merged = Segment()
    merged.touched = [pair for s in segments for pair in s.touched]
    written: set[int] = set()
    for entry in entries:
        waiting = [entry]
        while waiting:
            last = waiting[-1]
            if id(last) not in written:
                before = [makers[id(x)] for x in last[2] if id(x) in makers]
                before = [e for e in before if id(e) not in written and e is not last]
                if before:
                    waiting += before
                    continue
                written.add(id(last))
                merged.append(last)
            waiting.pop()
    return [merged]


class Pause:
    """Nothing is recorded inside: ``with Pause(): ...``.  ``Pause(window, ...)`` pauses those windows alone."""

    __slots__ = ("only", "saved")

    def __init__(self, *only: Window) -> None:
        self.only = only

    def __enter__(self) -> None:
        self.saved = _windows.get()
        _cut(tuple(w for w in self.saved if w not in self.only) if self.only else ())

    def __exit__(self, *exc: object) -> None:
        # Windows that were closed inside stay closed, those opened inside and still open stay open.
        now = _windows.get()
        kept = tuple(w for w in self.saved if w.thread is not None)
        _cut(kept + tuple(w for w in now if w not in kept))


def is_recording() -> bool:
    """Whether an operation carried out now would be recorded."""
    return current.get() is not None
