"""GradientTape: a window on the record, and the questions that can be asked of it."""

from __future__ import annotations

from os import PathLike
from pathlib import Path
from threading import get_ident
from typing import Any

import numpy as np

from . import asking, trees
from .answering import Answers, outputs
from .asking import UnconnectedGradients as UnconnectedGradients
from .errors import ShapeError, TapeError, UnconnectedGradientWarning, message
from .explain import listing
from .explain.drawing import draw
from .explain.reasons import explain, why_none
from .primitives.joining import concat
from .primitives.shapes import reshape
from .record import sites
from .record.segment import Pause, Window, current, cut
from .record.tensor import Tensor
from .record.variable import Variable

_gradtape_composes = True


class GradientTape:
    """Records what is done inside its ``with`` block and answers for its derivatives, as often as asked.

    ``tape.gradient(y, x)`` is the sum over the elements of ``y`` of dy/dx, in the structure of ``x``.

    - Every Tensor and Variable that the tape saw can be asked about; nothing needs to be watched.  With
      ``watch_accessed_variables=False`` only what was watched can.
    - A tape answers in its block and after it, any number of times, as long as it lives (``persistent=`` is
      accepted and not needed), and it may be entered again.  It frees what it kept when it dies.
    - Tapes nest to any order: each operation is recorded once, however many tapes are open.  A gradient that was
      computed after the tape closed can be differentiated too: the tape makes it again, recorded.
    - No path from source to target: None, with an :class:`UnconnectedGradientWarning` that says where it broke.
      A path whose derivative is zero: zeros.

    The reverse mode of Speelpenning (1980) on a Wengert list; Griewank & Walther, *Evaluating Derivatives*, ch. 3.

    >>> import gradtape as gt
    >>> x = gt.Variable(3.0)
    >>> with gt.GradientTape() as outer:
    ...     with gt.GradientTape() as inner:
    ...         y = x**3
    ...     dy = inner.gradient(y, x)
    >>> dy, outer.gradient(dy, x)
    (Tensor(27.0), Tensor(18.0))
    """

    def __init__(self, persistent: bool = False, watch_accessed_variables: bool = True) -> None:
        self._window = Window()
        self._answers = Answers(self._window, watch_accessed_variables)

    # -- recording ----------------------------------------------------------------------------------
    def __enter__(self) -> GradientTape:
        self._window.open()
        return self

    def __exit__(self, *exc: object) -> None:
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
        """What the tape holds: ``entries`` (operations), ``events``, ``segments``, and ``bytes`` of values kept."""
        entries = list(self._window.entries())
        operations = [e for e in entries if e[0].kind != "event"]
        values = {id(t): t.nbytes for e in operations for t in (*e[2], *outputs(e)) if isinstance(t, Tensor)}
        return {
            "entries": len(operations),
            "events": len(entries) - len(operations),
            "segments": len(self._window.segments),
            "bytes": sum(values.values()),
        }

    # -- questions ----------------------------------------------------------------------------------
    def gradient(
        self,
        target: Any,
        sources: Any,
        output_gradients: Any = None,
        unconnected_gradients: UnconnectedGradients | str = UnconnectedGradients.NONE,
        *,
        holomorphic: bool = False,
        output_gradient: Any = None,
    ) -> Any:
        """The derivative of ``target`` by ``sources``: sum_k ct_k dy_k/dx, with ct = ``output_gradients`` or ones.

        Parameters
        ----------
        target
            A Tensor or Variable, or a tree of them (the sum of all their elements is differentiated).
        sources
            A Tensor or Variable, or a tree of them.
        output_gradients
            Weights with the structure and shapes of ``target``; default ones.  ``output_gradient`` is accepted too.
        unconnected_gradients
            ``"none"`` (None and a warning that says why) or ``"zero"``, where there is no path.
        holomorphic
            For complex sources: return f'(z) instead of its conjugate, the direction of steepest ascent.

        Returns
        -------
        Tensors with the shapes and dtypes of the sources, in their structure.

        Raises
        ------
        DtypeError, ShapeError, TreeError
            For an integer source or target, weights that do not fit, a target that is None.

        Notes
        -----
        Complex values follow TensorFlow and PyTorch: the gradient of a real L is dL/dRe + i dL/dIm.

        >>> import gradtape as gt
        >>> x = gt.asarray([1.0, 2.0])
        >>> with gt.GradientTape() as tape:
        ...     y = gt.sum(x * x)
        >>> tape.gradient(y, x)
        Tensor([2., 4.])
        """
        self._check_thread("gradient")
        if output_gradient is not None and output_gradients is not None:
            raise TypeError("gradient: both output_gradients and output_gradient were given")
        targets = asking.targets_of(target, "gradient")
        leaves, structure = asking.sources_of(sources, "gradient")
        given = output_gradients if output_gradients is not None else output_gradient
        weights = asking.weights_of(target, targets, given, "gradient", holomorphic)
        results = self._answers.ask("gradients", targets, weights, leaves, holomorphic)
        self._settle(results, targets, leaves, sources, unconnected_gradients)
        return trees.unflatten(structure, results)

    def jacobian(
        self,
        target: Any,
        sources: Any,
        unconnected_gradients: UnconnectedGradients | str = UnconnectedGradients.NONE,
        parallel_iterations: int | None = None,
        experimental_use_pfor: bool = True,
    ) -> Any:
        """The Jacobian dy_k/dx_l, of shape ``target.shape + source.shape``, for each source.

        ``target`` may be a tree: the result then has its structure, with the structure of ``sources`` inside.
        ``parallel_iterations``: how many rows at a time; by default as many as memory and caches like.  The last
        parameter is TensorFlow's; it is accepted and changes nothing.

        >>> import gradtape as gt
        >>> x = gt.asarray([1.0, 2.0])
        >>> with gt.GradientTape() as tape:
        ...     y = x * x
        >>> tape.jacobian(y, x)
        Tensor([[2., 0.],
                [0., 4.]])
        """
        self._check_thread("jacobian")
        targets = asking.targets_of(target, "jacobian")
        leaves, structure = asking.sources_of(sources, "jacobian")
        results = self._answers.ask("jacobians", targets, leaves, parallel_iterations or "auto")
        rows = [results[i : i + len(leaves)] for i in range(0, len(results), len(leaves))]
        for row, t, place in zip(rows, targets, trees.paths(target, ""), strict=True):
            self._settle(row, [t], leaves, sources, unconnected_gradients, t.shape, place)
        return trees.unflatten(trees.flatten(target)[1], [trees.unflatten(structure, row) for row in rows])

    def batch_jacobian(
        self,
        target: Any,
        source: Any,
        unconnected_gradients: UnconnectedGradients | str = UnconnectedGradients.NONE,
        parallel_iterations: int | None = None,
        experimental_use_pfor: bool = True,
    ) -> Any:
        """The Jacobian of each example by itself: J[b] = dy[b]/dx[b], of shape (b, *y.shape[1:], *x.shape[1:]).

        The examples must be independent: that y[b] depends on x[b] alone is verified with one more sweep of random
        weights, and a ShapeError is raised where it does not hold.
        """
        self._check_thread("batch_jacobian")
        (y,) = asking.targets_of(target, "batch_jacobian")
        leaves, _ = asking.sources_of(source, "batch_jacobian")
        if len(leaves) != 1 or y.ndim == 0 or leaves[0].ndim == 0 or y.shape[0] != leaves[0].shape[0]:
            raise ShapeError(
                message(
                    "batch_jacobian: target and source need one leading axis of the same length",
                    [f"target shape {y.shape}", f"source shape {leaves[0].shape if leaves else None}"],
                    str(sites.user_line()),
                    "Use jacobian() for a target without a batch axis.",
                )
            )
        results = self._answers.ask("batch_jacobians", y, leaves, parallel_iterations or "auto")
        self._settle(results, [y], leaves, source, unconnected_gradients, y.shape)
        return results[0]

    def hessian(self, target: Any, sources: Any, *, as_matrix: bool = False) -> Any:
        """The second derivatives d2y / dx_k dx_l of a scalar ``target``.

        One source: a Tensor of shape ``x.shape + x.shape``.  A tree of sources: a tree of trees of blocks, or with
        ``as_matrix=True`` one (n, n) matrix over all their elements in order.  No path: zeros, with a warning.

        >>> import gradtape as gt
        >>> x = gt.Variable([1.0, 2.0])
        >>> with gt.GradientTape() as tape:
        ...     y = x[0] ** 2 * x[1]
        >>> tape.hessian(y, x)
        Tensor([[4., 2.],
                [2., 0.]])
        """
        self._check_thread("hessian")
        targets = self._scalar(target, "hessian")
        leaves, structure = asking.sources_of(sources, "hessian")
        blocks = self._answers.ask("hessians", targets, leaves)
        rows = [blocks[i : i + len(leaves)] for i in range(0, len(blocks), len(leaves))]
        self._settle_second([row[i] for i, row in enumerate(rows)], targets, leaves, sources)
        if not as_matrix:
            return trees.unflatten(structure, [trees.unflatten(structure, row) for row in rows])
        sizes = [leaf.size for leaf in leaves]
        flat = [
            concat(*[reshape(b, shape=(m, n)) for b, n in zip(row, sizes, strict=True)], axis=1)
            for row, m in zip(rows, sizes, strict=True)
        ]
        return concat(*flat, axis=0)

    def batch_hessian(self, target: Any, source: Any) -> Tensor:
        """The Hessian of each example by itself: H[b] = d2y[b]/dx[b]2, of shape (b, *x.shape[1:], *x.shape[1:]).

        ``target`` has one number for each example, and the examples must be independent, as in batch_jacobian.
        """
        self._check_thread("batch_hessian")
        (y,) = asking.targets_of(target, "batch_hessian")
        leaves, _ = asking.sources_of(source, "batch_hessian")
        if len(leaves) != 1 or y.ndim != 1 or leaves[0].ndim == 0 or y.shape[0] != leaves[0].shape[0]:
            found = [f"target shape {y.shape}", f"source shape {leaves[0].shape if leaves else None}"]
            asked = "batch_hessian: the target is not one number for each example of the source"
            raise ShapeError(message(asked, found, str(sites.user_line()), "Use hessian() for a scalar target."))
        return self._answers.ask("batch_hessians", y, leaves)[0]

    def hvp(self, target: Any, sources: Any, vectors: Any) -> Any:
        """The Hessian-vector product H v of a scalar ``target``, without the Hessian: d/dx <dy/dx, v>.

        ``vectors`` has the structure and shapes of ``sources``, and so has the result.  Two reverse sweeps
        (Pearlmutter 1994).

        >>> import gradtape as gt
        >>> x = gt.Variable([1.0, 2.0])
        >>> with gt.GradientTape() as tape:
        ...     y = x[0] ** 2 * x[1]
        >>> tape.hvp(y, x, [1.0, 0.0])
        Tensor([4., 2.])
        """
        self._check_thread("hvp")
        targets = self._scalar(target, "hvp")
        leaves, structure = asking.sources_of(sources, "hvp")
        given = trees.flatten_like(sources, vectors, "hvp: vectors")
        shaped = [leaf.value if isinstance(leaf, Variable) else leaf for leaf in leaves]
        weights = [asking.fitting(v, x, "hvp") for v, x in zip(given, shaped, strict=True)]
        products = self._answers.ask("hvps", targets, weights, leaves)
        self._settle_second(products, targets, leaves, sources)
        return trees.unflatten(structure, products)

    # -- reasons and pictures ----------------------------------------------------------------------
    def explain(self, target: Any, sources: Any) -> Any:
        """Why the gradient of ``target`` with respect to each source is None, zero or not finite, in words.

        The answer, one per source in their structure, prints as text and has a stable ``.code``: GT-None-...,
        GT-Zero-..., GT-NaN-..., or GT-Path with the way from source to target where all is well.
        """
        targets = asking.targets_of(target, "explain")
        leaves, structure = asking.sources_of(sources, "explain")
        targets, segments = self._answers.found_quietly(targets)
        answers = [
            explain(segments, targets, leaf, path, **self._seen(leaf))
            for leaf, path in zip(leaves, trees.paths(sources, "source"), strict=True)
        ]
        return trees.unflatten(structure, answers)

    def text(self) -> str:
        """The record as a Wengert list: one operation a line, with dtype, shape and source line."""
        return listing.text(self._window.segments)

    def tree(self, target: Tensor | None = None) -> str:
        """How ``target`` (by default, each value that nothing else used) was computed: a tree with local slopes."""
        return listing.tree(self._window.segments, target)

    def save(self, path: str | PathLike[str], target: Tensor | None = None) -> None:
        """Draw the record as an SVG picture into the file ``path``; nothing else needs to be installed."""
        Path(path).write_text(draw(self._window.segments, target), encoding="utf-8")

    def __str__(self) -> str:
        return self.tree()

    def __repr__(self) -> str:
        state = "recording" if self._window.thread is not None else "closed"
        return f"<GradientTape, {state}, {self.stats()['entries']} operations>"

    def _repr_svg_(self) -> str:
        return draw(self._window.segments)

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

    def _settle_second(self, products: list[Any], targets: list[Tensor], leaves: list[Any], sources: Any) -> None:
        """A second derivative is zero where there is no path, but not without a word."""
        for i, leaf in enumerate(leaves):
            if not np.any(products[i].data) and not self._answers.reaches(targets, leaf):
                self._warn(targets, leaf, trees.paths(sources, "source")[i], answer="zero")

    def _warn(self, targets: list[Tensor], leaf: Any, path: str, place: str = "", answer: str = "None") -> None:
        remade, segments = self._answers.found_quietly(targets)
        text = why_none(segments, remade, leaf, path, **self._seen(leaf), place=place, answer=answer)
        asking.warn_user(text, UnconnectedGradientWarning)

    def _scalar(self, target: Any, asked: str) -> list[Tensor]:
        targets = asking.targets_of(target, asked)
        if len(targets) != 1 or targets[0].size != 1:
            raise ShapeError(
                message(
                    f"{asked}: the target is not a scalar",
                    [f"shape {t.shape}" for t in targets],
                    str(sites.user_line()),
                    "Sum it, or ask for jacobian(gradient(...), x) of each of its elements.",
                )
            )
        return targets

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
