"""The record: a Wengert list cut into segments, and the windows that look at it.

An *entry* is a plain tuple ``(primitive, params, inputs, output, code, lasti)``.  ``inputs`` holds
Tensors and Python scalars; ``output`` is a Tensor, a tuple of Tensors, or None for an event;
``code`` and ``lasti`` are the user's code object and instruction, decoded only when somebody asks.

A *segment* is a list of entries.  It is cut whenever the set of open windows changes, so that every
open window owns exactly the segments that were written while it was open, and nested windows own
the same ones: an operation is recorded once, however many tapes are open.

The open segment lives in a context variable: each thread (and each asyncio task) has its own.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextvars import ContextVar
from itertools import count
from threading import get_ident
from typing import Any

from ..errors import TapeError, message

Entry = tuple[Any, Any, tuple[Any, ...], Any, Any, int]


class Segment(list[Entry]):
    """A stretch of the record during which the set of open windows did not change.

    ``touched`` lists the Variables that were read or given a value meanwhile, with that value, in order.
    """

    __slots__ = ("serial", "touched")
    _serials = count(1)

    def __init__(self) -> None:
        super().__init__()
        self.serial = next(Segment._serials)
        self.touched: list[tuple[Any, Any]] = []


class Window:
    """A view on the record: the segments that were written while it was open."""

    __slots__ = ("__weakref__", "segments", "thread")

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

    def __enter__(self) -> Window:
        self.open()
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()


current: ContextVar[Segment | None] = ContextVar("gradtape_segment", default=None)
_windows: ContextVar[tuple[Window, ...]] = ContextVar("gradtape_windows", default=())


def _cut(windows: tuple[Window, ...]) -> None:
    """Begin a new segment, owned by ``windows``; with no window open nothing is recorded."""
    _windows.set(windows)
    if not windows:
        current.set(None)
        return
    segment = Segment()
    for window in windows:
        # A segment in which nothing was written is dropped: memory must not grow with idle cuts.
        if window.segments and not window.segments[-1] and not window.segments[-1].touched:
            window.segments[-1] = segment
        else:
            window.segments.append(segment)
    current.set(segment)


def cut() -> None:
    """Begin a new segment for the windows that are open now, so that the earlier ones stay as they are."""
    if current.get() is not None:
        _cut(_windows.get())


def union(*lists: Iterable[Segment]) -> list[Segment]:
    """The segments of several windows, each once, in the order in which they were written."""
    return sorted({s.serial: s for segments in lists for s in segments}.values(), key=lambda s: s.serial)


class Pause:
    """Nothing is recorded inside: ``with Pause(): ...``.  ``Pause(window)`` pauses that window alone."""

    __slots__ = ("only", "saved")

    def __init__(self, only: Window | None = None) -> None:
        self.only = only

    def __enter__(self) -> None:
        self.saved = _windows.get()
        _cut(() if self.only is None else tuple(w for w in self.saved if w is not self.only))

    def __exit__(self, *exc: object) -> None:
        # Windows that were closed inside stay closed, those opened inside and still open stay open.
        now = _windows.get()
        kept = tuple(w for w in self.saved if w.thread is not None)
        _cut(kept + tuple(w for w in now if w not in kept))


def is_recording() -> bool:
    """Whether an operation carried out now would be recorded."""
    return current.get() is not None
