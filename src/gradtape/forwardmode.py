"""Forward mode for users: ForwardAccumulator, jvp."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from . import asking, trees
from .errors import TreeError, message
from .explain import kinked
from .operators import fresh
from .primitives.shapes import identity
from .record import sites
from .record.segment import Pause, folding_since
from .record.tensor import Tensor
from .record.variable import Variable
from .sweeps.accumulator import Accumulator
from .sweeps.query import note, zeros
from .tape import UnconnectedGradients

_gradtape_composes = True

__all__ = ["ForwardAccumulator", "jvp"]


class ForwardAccumulator:
    """Pushes tangents while its ``with`` block runs: ``acc.jvp(y)`` is J v for what was computed inside.

    ``ForwardAccumulator(primals, tangents)``: a Tensor or Variable and its tangent, or trees of them.  Memory does
    not grow with the length of the program.  Accumulators nest in each other and in tapes, to any order: one that was
    opened earlier sees the tangents of one that was opened later, not the other way round.

    Forward mode goes back to Wengert (1964); the interface is TensorFlow's.

    >>> import gradtape as gt
    >>> x = gt.asarray(3.0)
    >>> with gt.ForwardAccumulator(x, 1.0) as acc:
    ...     y = x**2
    >>> acc.jvp(y)
    Tensor(6.0)
    """

    def __init__(self, primals: Any, tangents: Any) -> None:
        leaves, _ = asking.sources_of(primals, "ForwardAccumulator")
        given = asking.alike(primals, tangents, "ForwardAccumulator: tangents")
        values = [leaf.value if isinstance(leaf, Variable) else leaf for leaf in leaves]
        dxs = [asking.direction(dx, x, "ForwardAccumulator") for dx, x in zip(given, values, strict=True)]
        self._tangents = dxs
        self._accumulator = Accumulator(dict(zip(values, dxs, strict=True)))

    def __enter__(self) -> ForwardAccumulator:
        self._accumulator.open()
        return self

    def __exit__(self, *exc: object) -> None:
        self._accumulator.close()

    def jvp(self, primals: Any, unconnected_gradients: UnconnectedGradients | str = UnconnectedGradients.NONE) -> Any:
        """The tangents of ``primals`` (a tree): J v; None where they do not depend on the accumulator's primals."""
        zero = UnconnectedGradients(unconnected_gradients) is UnconnectedGradients.ZERO
        leaves, structure = trees.flatten(primals)
        targets = [leaf.value if isinstance(leaf, Variable) else leaf for leaf in leaves]
        pushed = self._accumulator
        pushed.fold()
        if pushed.kept:
            kinked.check_entries(pushed.kept, targets, pushed.started, pushed.state)
        results: list[Any] = []
        for y in targets:
            connected, dy = self._accumulator.tangent(y)
            if dy is None:
                dy = zeros(y) if connected or zero else None
            elif not isinstance(dy, Tensor):
                dy = Tensor(dy)
            elif any(dy is x for x in (*self._tangents, *results)):
                dy = identity(dy)  # an answer is not its own question, nor another answer
            results.append(dy)
        with Pause(*folding_since(self._accumulator)):  # who did not see the tangents computed is not told of them
            note(targets, (), results)
        return trees.unflatten(structure, results)


def jvp(f: Callable[..., Any], primals: Sequence[Any], tangents: Sequence[Any]) -> tuple[Any, Any]:
    """``(f(*primals), J v)``: the value, and the derivative along ``tangents``, one per argument and of its shape.

    One forward sweep while ``f`` runs: about twice the cost of ``f``, and no memory for a record.

    >>> import gradtape as gt
    >>> gt.jvp(gt.sin, (0.0,), (2.0,))
    (Tensor(0.0), Tensor(2.0))
    """
    if not isinstance(primals, list | tuple) or not isinstance(tangents, list | tuple) or len(primals) != len(tangents):
        raise TreeError(
            message(
                "jvp: primals and tangents are not tuples of the same length",
                where=str(sites.user_line()),
                remedy="Write gt.jvp(f, (x,), (v,)).",
            )
        )
    args, sources = fresh(primals, range(len(primals)))
    with ForwardAccumulator(sources, tuple(tangents)) as accumulator:
        y = f(*args)
    return y, accumulator.jvp(y, unconnected_gradients="zero")
