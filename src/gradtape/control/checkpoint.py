"""checkpoint: a function whose values in between are not kept for derivatives, but computed again."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

from .. import trees
from ..compiling.tracing import Traced, trace
from ..memory.again import Again, noted
from ..record.segment import Pause, is_recording
from ..record.tensor import Tensor

_gradtape_composes = True

__all__ = ["checkpoint"]


def checkpoint(f: Callable[..., Any]) -> Callable[..., Any]:
    """``f``, of whose computation a tape keeps what goes in and what comes out; sweeps compute the rest again.

    Memory for time: where a chain of n pieces is checkpointed piece by piece, the tape holds n states and, while it
    sweeps, the values of one piece, at the cost of carrying out each piece once more.  See
    Griewank & Walther, *Evaluating Derivatives*, ch. 12.  ``gt.GradientTape(budget=...)`` places checkpoints itself.

    Parameters
    ----------
    f
        A function of any arguments, by position or keyword, that returns a tree.  It may read Variables and use Tensors
        from outside: derivatives with respect to these are right.

    Returns
    -------
    A function with the same arguments and results.  With nobody recording it is ``f``.

    Notes
    -----
    - What is computed again is the record of the call, not the Python code: side effects happen once, a Variable is
      assigned once, random draws are the same ones, Python's ``if`` has gone the same way.
    - It is one operation in every mode and to any order.  Derivatives that a tape records are checkpointed as well.
    - Inside ``gt.function`` what is dropped is dropped in the compiled program, too.

    Raises the errors of ``f``.

    >>> import gradtape as gt
    >>> @gt.checkpoint
    ... def layer(x, w):
    ...     return gt.tanh(x * w)
    >>> x, w = gt.asarray(0.5), gt.Variable(2.0)
    >>> with gt.GradientTape() as tape:
    ...     y = layer(layer(x, w), w)
    >>> tape.stats()["entries"], tape.gradient(y, w)
    (2, Tensor(0.2047202042082168))
    """

    @wraps(f)
    def checkpointed(*args: Any, **kwargs: Any) -> Any:
        if not is_recording():
            return f(*args, **kwargs)
        call = _Call(f, args, kwargs)
        for _ in range(2):
            traced = trace(call, [], getattr(f, "__name__", "checkpoint"), whole=True)
            made = [v.current.data for v in traced.assigned]
            with Pause():  # it is the entry that assigns
                for v, value in zip(traced.assigned, traced.before, strict=True):
                    v.rename(value)
            if not traced.makes_variables:
                return call.joined(_entered(traced, made))
        # Variables that the first call made are there in the second one, unless each call makes some.
        return f(*args, **kwargs)

    return checkpointed


def _entered(traced: Traced, made: list[Any]) -> list[Tensor]:
    """The call as one entry on the record: its results, under identities of their own."""
    results = [Tensor(y.data) for y in traced.results]
    values = [Tensor(data) for data in made]
    inputs = [*[v.value for v in traced.read], *traced.captured]
    noted(Again(traced.program), inputs, [*results, *values])
    for v, value in zip(traced.assigned, values, strict=True):
        v.rename(value)
    return results


class _Call:
    """The call, and how its result is put together."""

    def __init__(self, f: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        self.f, self.args, self.kwargs = f, args, kwargs
        self.leaves: list[Any] = []
        self.structure: Any = None

    def __call__(self, _: Any) -> list[Tensor]:
        leaves, self.structure = trees.flatten(self.f(*self.args, **self.kwargs))
        self.leaves = [None if isinstance(y, Tensor) else y for y in leaves]
        return [y for y in leaves if isinstance(y, Tensor)]

    def joined(self, results: list[Tensor]) -> Any:
        """The result, of these Tensors."""
        rest = iter(results)
        # None that the function returned is no leaf: every leaf that is None stands for a Tensor.
        return trees.unflatten(self.structure, [next(rest) if y is None else y for y in self.leaves])
