"""What a tape sees, shows and explains; the questions about derivatives are in tape.py."""

from __future__ import annotations

from os import PathLike
from pathlib import Path
from threading import get_ident
from typing import Any, Self

import numpy as np

from . import asking, trees
from .answering import Answers, outputs
from .asking import UnconnectedGradients
from .errors import TapeError, UnconnectedGradientWarning, message
from .program.program import Program
from .program.slicing import sliced
from .record import sites
from .record.segment import Pause, Window, current, cut, in_order, settle
from .record.tensor import Tensor
from .record.variable import Variable

_gradtape_composes = True


class Recording:
    """A window on the record that is opened and closed, read, drawn and explained: the base of GradientTape."""

    def __init__(
        self,
        persistent: bool = False,
        watch_accessed_variables: bool = True,
        *,
        strict: bool = False,
        budget: int | str | None = None,
        offload: str | None = None,
    ) -> None:
        self._window = Window() if budget is None and offload is None else _budgeted(budget, offload)
        self._answers = Answers(self._window, watch_accessed_variables, strict)

    # -- recording ----------------------------------------------------------------------------------
    def __enter__(self) -> Self:
        settle()
        self._window.open()
        return self

    def __exit__(self, *exc: object) -> None:
        try:
            if exc[0] is None:
                settle()
        finally:
            self._window.close()

    def watch(self, tensor: Any) -> None:
        """Note that derivatives with respect to ``tensor`` (a tree of Tensors and Variables) will be asked for.

        Needed only with ``watch_accessed_variables=False``.  Raises DtypeError for a dtype that has no derivative.
        """
        self._check_thread("watch")
        leaves, _ = asking.sources_of(tensor, "watch")
        self._answers.watched.update(dict.fromkeys(leaves))

    def stop_recording(self) -> Pause:
        """``with tape.stop_recording(): ...``: what is done inside is not recorded by this tape."""
        if self._window.thread is None:
            raise TapeError(
                message("stop_recording: this tape is not recording", remedy="Call it in the tape's block.")
            )
        self._check_thread("stop_recording")
        settle()
        self._window.wall()
        return Pause(self._window)

    def reset(self) -> None:
        """Forget everything recorded so far; in the block, recording goes on from here."""
        self._check_thread("reset")
        cut()
        segments = self._window.segments
        del segments[: -1 if segments and segments[-1] is current.get() else None]
        self._answers.watched.clear()
        self._answers.remembered.clear()

    def watched_variables(self) -> tuple[Variable, ...]:
        """The Variables that were watched, or (unless told otherwise) read in the block, in that order."""
        found = {v: None for v in self._answers.watched if isinstance(v, Variable)}
        if self._answers.watches_all:
            for segment in self._window.segments:
                found.update((v, None) for v, _ in segment.touched if v.trainable)
        return tuple(found)

    def stats(self) -> dict[str, int]:
        """What the tape holds: ``entries`` (operations), ``events``, ``segments``, and ``bytes`` of values kept.

        With checkpoints or a budget some entries stand for many operations: ``blocks`` is how many such entries there
        are, ``operations`` how many they stand for, ``recomputed`` the bytes of values that a gradient makes again,
        ``sweep`` the most bytes of those, and of their cotangents, that it holds at a time, ``on_disk`` the bytes of
        values in files.
        """
        entries = list(self._window.entries())
        operations = [e for e in entries if e[0].kind != "event"]
        values = {id(t): t.nbytes for e in operations for t in (*e[2], *outputs(e)) if isinstance(t, Tensor)}
        blocks = [e[1]["again"] for e in operations if e[1] and "again" in e[1]]
        on_disk = self._window.on_disk
        return {
            "entries": len(operations),
            "events": len(entries) - len(operations),
            "segments": len(self._window.segments),
            "bytes": sum(values.values()) - on_disk,
            "blocks": len(blocks),
            "operations": len(operations) - len(blocks) + sum([a.operations for a in blocks]),
            "recomputed": sum([a.dropped for a in blocks]),
            "sweep": max([a.peak for a in blocks], default=0),
            "on_disk": on_disk,
        }

    # -- reasons and pictures ----------------------------------------------------------------------
    def explain(self, target: Any, sources: Any) -> Any:
        """Why the gradient of ``target`` with respect to each source is None, zero or not finite, in words.

        The answer, one per source in their structure, prints as text and has a stable ``.code``: GT-None-...,
        GT-Zero-..., GT-NaN-..., or GT-Path with the way from source to target where all is well.
        """
        from .explain.reasons import explain

        targets = asking.targets_of(target, "explain")
        leaves, structure = asking.sources_of(sources, "explain")
        targets, segments = self._answers.found_quietly(targets)
        answers = [
            explain(segments, targets, leaf, path, **self._seen(leaf))
            for leaf, path in zip(leaves, trees.paths(sources, "source"), strict=True)
        ]
        return trees.unflatten(structure, answers)

    def program(self, inputs: Any, outputs: Any, *, guarded: bool = True) -> Program:
        """The program that computes ``outputs`` from ``inputs`` as it was recorded: a function of raw arrays.

        ``inputs`` and ``outputs`` are trees of Tensors (a Variable stands for the value that it had first).  All else
        is a constant of the program.  Where Python asked for values that depend on the inputs there are guards, unless
        ``guarded`` is False; called at inputs where they disagree, the program raises GuardError.

        It takes the leaves of ``inputs`` as arrays, and gives one array for one output, else a tuple.  It prints as a
        list of steps; ``simplified()``, ``cost()``, ``jvp()``, ``vjp()`` and ``hessian()`` are its methods.

        >>> import gradtape as gt
        >>> x = gt.asarray(2.0)
        >>> with gt.GradientTape() as tape:
        ...     y = gt.exp(x) * x
        ...     g = tape.gradient(y, x)
        >>> slope = tape.program(x, g)
        >>> round(float(slope(0.0)), 12)
        1.0
        """
        leaves, _ = asking.sources_of(inputs, "program")
        targets, _ = trees.flatten(outputs)
        targets = [asking.targets_of(y, "program")[0] for y in targets]
        targets, segments = self._answers.found_quietly(targets)
        first = [self._answers.values_of(x, segments)[0] if isinstance(x, Variable) else x for x in leaves]
        entries = [e for s in in_order(segments) for e in s]
        made, _ = sliced(entries, first, targets, several=not isinstance(outputs, Tensor), guarded=guarded)
        return made

    def text(self) -> str:
        """The record as a Wengert list: one operation a line, with dtype, shape and source line."""
        from .explain import listing

        return listing.text(self._window.segments)

    def tree(self, target: Tensor | None = None) -> str:
        """How ``target`` (by default, each value that nothing else used) was computed: a tree with local slopes."""
        from .explain import listing

        return listing.tree(self._window.segments, target)

    def save(self, path: str | PathLike[str], target: Tensor | None = None) -> None:
        """Draw the record as an SVG picture into the file ``path``; nothing else needs to be installed."""
        Path(path).write_text(self._drawn(target), encoding="utf-8")

    def __str__(self) -> str:
        return self.tree()

    def __repr__(self) -> str:
        state = "recording" if self._window.thread is not None else "closed"
        return f"<GradientTape, {state}, {self.stats()['entries']} operations>"

    def _repr_svg_(self) -> str:
        return self._drawn(None)

    def _drawn(self, target: Tensor | None) -> str:
        from .explain.drawing import draw

        return draw(self._window.segments, target)

    # -- checks --------------------------------------------------------------------------------------
    def _seen(self, leaf: Any) -> dict[str, bool]:
        watched = self._answers.watches_all or leaf in self._answers.watched
        return {"watched": watched, "open_now": self._window.thread is not None}

    def _settle(
        self,
        results: list[Any],
        targets: list[Tensor],
        leaves: list[Any],
        sources: Any,
        mode: Any,
        shape: Any = (),
        place: str = "",
    ) -> None:
        """Where there is no path: zeros if they were asked for, else None and the reason."""
        zero = UnconnectedGradients(mode) is UnconnectedGradients.ZERO
        for i, result in enumerate(results):
            if result is not None:
                continue
            leaf = leaves[i]
            if zero:
                results[i] = Tensor(np.zeros(shape + leaf.shape, leaf.dtype)[()])
                continue
            self._warn(targets, leaf, trees.paths(sources, "source")[i], place=place)

    def _settle_targets(
        self,
        results: list[Any],
        targets: list[Tensor],
        leaves: list[Any],
        sources: Any,
        mode: Any,
        places: list[str],
        first: int = 0,
    ) -> None:
        """The same where there is one result for each target; ``leaves`` are the sources from ``first`` on."""
        zero = UnconnectedGradients(mode) is UnconnectedGradients.ZERO
        for i, (result, target) in enumerate(zip(results, targets, strict=True)):
            if result is not None:
                continue
            if zero:
                results[i] = Tensor(np.zeros(target.shape, target.dtype)[()])
                continue
            for j, leaf in enumerate(leaves, first):
                self._warn([target], leaf, trees.paths(sources, "source")[j], place=places[i])

    def _settle_second(self, products: list[Any], targets: list[Tensor], leaves: list[Any], sources: Any) -> None:
        """A second derivative is zero where there is no path, but not without a word."""
        for i, leaf in enumerate(leaves):
            if not np.any(products[i].data) and not self._answers.reaches(targets, leaf):
                self._warn(targets, leaf, trees.paths(sources, "source")[i], answer="zero")

    def _warn(self, targets: list[Tensor], leaf: Any, path: str, place: str = "", answer: str = "None") -> None:
        from .explain.reasons import why_none  # reasons are imported when somebody asks

        remade, segments = self._answers.found_quietly(targets)
        text = why_none(segments, remade, leaf, path, **self._seen(leaf), place=place, answer=answer)
        asking.warn_user(text, UnconnectedGradientWarning)

    def _check_thread(self, asked: str) -> None:
        thread = self._window.thread
        if thread is not None and thread != get_ident():
            raise TapeError(
                message(
                    f"{asked}: this tape is recording in another thread",
                    where=str(sites.user_line()),
                    remedy="Use one tape per thread, or ask after its `with` block has ended.",
                )
            )


def _budgeted(budget: int | str | None, offload: str | None) -> Window:
    """A window that keeps no more than so many bytes, or arrays."""
    from .memory.budget import Budgeted  # opened when first used

    if offload not in (None, "disk") or (isinstance(budget, int) and budget < 4):
        raise ValueError(
            message(
                f"GradientTape: budget={budget!r}, offload={offload!r}",
                remedy='budget is a number of arrays, from 4 on, or text such as "64MB"; offload is "disk" or None.',
            )
        )
    if isinstance(budget, int):
        return Budgeted(budget, True, offload is not None)
    return Budgeted(asking.chunk_of(None, budget or "64MB", "GradientTape")[1] or 0, False, offload is not None)
