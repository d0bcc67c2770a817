"""GradientTape: a window on the record, and the questions that can be asked of it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from . import asking, trees
from .asking import UnconnectedGradients as UnconnectedGradients
from .errors import ShapeError, message
from .primitives.joining import concat
from .primitives.shapes import reshape
from .record import sites
from .record.tensor import Tensor
from .record.variable import Variable
from .recording import Recording

_gradtape_composes = True


class GradientTape(Recording):
    """Records what is done inside its ``with`` block and answers for its derivatives, as often as asked.

    ``tape.gradient(y, x)`` is the sum over the elements of ``y`` of dy/dx, in the structure of ``x``.

    - Every Tensor and Variable that the tape saw can be asked about; nothing needs to be watched.  With
      ``watch_accessed_variables=False`` only what was watched can.
    - A tape answers in its block and after it, any number of times, as long as it lives (``persistent=`` is
      accepted and not needed), and it may be entered again.  It frees what it kept when it dies.
    - Tapes nest to any order: each operation is recorded once, however many tapes are open.  A gradient that was
      computed after the tape closed can be differentiated too: the tape makes it again, recorded.
    - ``budget="64MB"``, or a number of arrays: so much of what was computed is kept, by the record and by a sweep over
      it; the rest is let go while the tape records and computed again, stretch by stretch, when a derivative is asked
      for (binomial checkpointing; Griewank & Walther, ch. 12).  What is still referred to stays, and may be a source
      or a target as ever.  Nothing is let go while another tape without a budget keeps it.  Cotangents and the record
      of what was done, about a kilobyte an operation, come on top.  ``offload="disk"``: states go to temporary files,
      which are removed when the tape dies, and every stretch is computed again once.  :meth:`stats` tells the figures.
    - No path from source to target: None, with an :class:`UnconnectedGradientWarning` that says where it broke.
      A path whose derivative is zero: zeros.
    - A mean over random draws whose derivative misses what a kink or a jump contributes is told by a
      :class:`KinkedExpectationWarning`; with ``strict=True`` that is raised.

    The reverse mode of Speelpenning (1980) on a Wengert list; Griewank & Walther, *Evaluating Derivatives*, ch. 3.

    >>> import gradtape as gt
    >>> x = gt.Variable(3.0)
    >>> with gt.GradientTape() as outer:
    ...     with gt.GradientTape() as inner:
    ...         y = x**3
    ...     dy = inner.gradient(y, x)
    >>> dy, outer.gradient(dy, x)
    (Tensor(27.0), Tensor(18.0))
    >>> with gt.GradientTape(budget=60) as tape:
    ...     y = x
    ...     for _ in range(1000):
    ...         y = gt.sin(y) + x
    >>> tape.stats()["entries"] < 60, tape.stats()["operations"]
    (True, 2000)
    >>> tape.gradient(y, x).data.round(6)
    np.float64(0.358621)
    """

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
            A Tensor or Variable, or a tree of them.  A Module stands for the dict of its trainable Variables.
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
        *,
        budget: int | str | None = None,
    ) -> Any:
        """The Jacobian dy_k/dx_l, of shape ``target.shape + source.shape``, for each source.

        ``target`` may be a tree: the result then has its structure, with the structure of ``sources`` inside.
        ``parallel_iterations``: how many rows at a time; by default as many as caches like and as fit into ``budget``,
        bytes or text such as ``"1GB"`` (default 256 MB), beside the result.  ``experimental_use_pfor`` is TensorFlow's;
        it is accepted and changes nothing.  See :func:`jacobian_rows` for a result that does not fit into memory.

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
        results = self._answers.ask(
            "jacobians", targets, leaves, asking.chunk_of(parallel_iterations, budget, "jacobian")
        )
        rows = [results[i : i + len(leaves)] for i in range(0, len(results), len(leaves))]
        for row, t, place in zip(rows, targets, trees.paths(target, ""), strict=True):
            self._settle(row, [t], leaves, sources, unconnected_gradients, t.shape, place)
        return _nested(target, structure, rows)

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
        results = self._answers.ask(
            "batch_jacobians", y, leaves, asking.chunk_of(parallel_iterations, None, "batch_jacobian")
        )
        self._settle(results, [y], leaves, source, unconnected_gradients, y.shape)
        return results[0]

    def jacobian_rows(
        self, target: Any, sources: Any, *, chunk: int | None = None, budget: int | str | None = None
    ) -> Iterator[tuple[slice, Any]]:
        """The Jacobian of one ``target``, a block of rows at a time: for one that does not fit into memory.

        Gives ``(rows, block)``: the slice of the elements of the target, flattened, and their derivatives, of shape
        ``(rows, *source.shape)``, in the structure of ``sources``.  ``chunk`` says how many rows at a time, or
        ``budget`` how many bytes the sweep may take.  The blocks are numbers to look at: no tape records them.

        >>> import gradtape as gt
        >>> x = gt.asarray([1.0, 2.0, 3.0])
        >>> with gt.GradientTape() as tape:
        ...     y = x * x
        >>> [block.shape for _, block in tape.jacobian_rows(y, x, chunk=2)]
        [(2, 3), (1, 3)]
        """
        self._check_thread("jacobian_rows")
        targets = asking.targets_of(target, "jacobian_rows")
        leaves, structure = asking.sources_of(sources, "jacobian_rows")
        if len(targets) != 1:
            found = f"{len(targets)} arrays"
            remedy = "Ask for the rows of each by itself."
            raise ShapeError(message("jacobian_rows: not one target", found, str(sites.user_line()), remedy))
        blocks = self._answers.blocks(targets[0], leaves, asking.chunk_of(chunk, budget, "jacobian_rows"))
        return ((rows, trees.unflatten(structure, found)) for rows, found in blocks)

    def hessian(self, target: Any, sources: Any, *, as_matrix: bool = False, budget: int | str | None = None) -> Any:
        """The second derivatives d2y / dx_k dx_l of a scalar ``target``.

        One source: a Tensor of shape ``x.shape + x.shape``.  A tree of sources: a tree of trees of blocks, or with
        ``as_matrix=True`` one (n, n) matrix over all their elements in order.  No path: zeros, with a warning.
        The result is exactly symmetric: only the blocks on and above the diagonal are computed.  (Where a
        custom_gradient is on the way, it is the Jacobian of the gradient as that rule has it, and computed whole.)
        ``budget``: as in :meth:`jacobian`.

        >>> import gradtape as gt
        >>> x = gt.Variable([1.0, 2.0])
        >>> with gt.GradientTape() as tape:
        ...     y = x[0] ** 2 * x[1]
        >>> tape.hessian(y, x)
        Tensor([[4., 2.],
                [2., 0.]])
        """
        self._check_thread("hessian")
        targets = asking.scalar_of(target, "hessian")
        leaves, structure = asking.sources_of(sources, "hessian")
        blocks = self._answers.ask("hessians", targets, leaves, asking.chunk_of(None, budget, "hessian"))
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
        targets = asking.scalar_of(target, "hvp")
        leaves, structure = asking.sources_of(sources, "hvp")
        given = asking.alike(sources, vectors, "hvp: vectors")
        shaped = [leaf.value if isinstance(leaf, Variable) else leaf for leaf in leaves]
        weights = [asking.fitting(v, x, "hvp") for v, x in zip(given, shaped, strict=True)]
        products = self._answers.ask("hvps", targets, weights, leaves)
        self._settle_second(products, targets, leaves, sources)
        return trees.unflatten(structure, products)

    def jvp(
        self,
        target: Any,
        sources: Any,
        tangents: Any,
        unconnected_gradients: UnconnectedGradients | str = UnconnectedGradients.NONE,
    ) -> Any:
        """The derivative of ``target`` along ``tangents``: sum_i dy/dx_i v_i, by one forward sweep over the record.

        ``tangents`` has the structure and shapes of ``sources``, the result those of ``target``; a tangent is converted
        to the dtype of its source.  A Variable moves as in :meth:`gradient`: with every value of it that nothing
        computed.  Where a target depends on none of the sources: None with a warning, or zeros.

        Raises ShapeError, DtypeError and TreeError for tangents that do not fit.  Wengert (1964).

        >>> import gradtape as gt
        >>> x = gt.asarray([1.0, 2.0])
        >>> with gt.GradientTape() as tape:
        ...     y = x**3
        >>> tape.jvp(y, x, [1.0, 10.0])
        Tensor([  3., 120.])
        """
        self._check_thread("jvp")
        targets = asking.targets_of(target, "jvp")
        leaves, _ = asking.sources_of(sources, "jvp")
        given = asking.alike(sources, tangents, "jvp: tangents")
        values = [leaf.current if isinstance(leaf, Variable) else leaf for leaf in leaves]
        moves = [asking.direction(v, x, "jvp", remembered=True) for v, x in zip(given, values, strict=True)]
        results = self._answers.ask("jvps", targets, moves, leaves)
        self._settle_targets(results, targets, leaves, sources, unconnected_gradients, trees.paths(target, ""))
        return trees.unflatten(trees.flatten(trees.opened(target))[1], results)

    def derivative(
        self,
        target: Any,
        sources: Any,
        order: int = 1,
        unconnected_gradients: UnconnectedGradients | str = UnconnectedGradients.NONE,
    ) -> Any:
        """The derivative d^k y / dx^k of that order, 0 or more, by one Taylor sweep over the record.

        The path is x + t: for a scalar ``x`` this is the derivative; for an array the one along the direction of all
        ones, which for what acts on each element by itself is the element's own derivative, as in
        :func:`gradtape.derivative`.  The result has the shape of ``target``.  For trees it has the structure of
        ``target``, with the structure of ``sources`` inside, as in :meth:`jacobian`; each source moves by itself.
        The cost is quadratic in the order (Griewank & Walther, *Evaluating Derivatives*, ch. 13).

        >>> import gradtape as gt
        >>> x = gt.Variable(2.0)
        >>> with gt.GradientTape() as tape:
        ...     y = x**5
        >>> tape.derivative(y, x, 3)
        Tensor(240.0)
        """
        self._check_thread("derivative")
        asking.check_order(order, "derivative")
        targets = asking.targets_of(target, "derivative")
        leaves, structure = asking.sources_of(sources, "derivative")
        if order == 0:
            return _nested(target, structure, [[t] * len(leaves) for t in targets])
        results = self._answers.ask("derivatives", targets, leaves, order)
        rows = [results[i * len(leaves) : (i + 1) * len(leaves)] for i in range(len(targets))]
        for i, leaf in enumerate(leaves):
            column = [row[i] for row in rows]
            self._settle_targets(column, targets, [leaf], sources, unconnected_gradients, trees.paths(target, ""), i)
            for row, result in zip(rows, column, strict=True):
                row[i] = result
        return _nested(target, structure, rows)


def _nested(target: Any, structure: Any, rows: list[list[Any]]) -> Any:
    """One row for each leaf of the target, in its structure, with that of the sources inside."""
    return trees.unflatten(trees.flatten(trees.opened(target))[1], [trees.unflatten(structure, row) for row in rows])
