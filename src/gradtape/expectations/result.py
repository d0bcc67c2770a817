"""The estimate: a Tensor that knows its standard error, how it was made, and its derivatives with their errors."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import combinations_with_replacement
from typing import Any, NamedTuple

import numpy as np

from .. import trees
from ..asking import sources_of
from ..errors import TapeError, message
from ..primitives.shapes import identity
from ..program.program import Program
from ..program.slicing import sliced
from ..record import sites
from ..record.segment import Pause, Window, current
from ..record.tensor import Tensor
from ..record.variable import Variable
from .designs import Design
from .integrand import directional

_gradtape_composes = True

__all__ = ["Derivatives", "Estimate", "Expectation"]

_IDENTITY = identity.primitive  # type: ignore[attr-defined]


class Estimate(NamedTuple):
    """A number estimated from draws, and its standard error."""

    value: Any
    stderr: Any

    def __str__(self) -> str:
        return told(self.value, self.stderr)


def told(value: Any, stderr: Any) -> str:
    """A value and its standard error, in as many digits as the error leaves."""
    if np.ndim(value):
        return f"{np.asarray(value)} +- {np.asarray(stderr)}"
    if not stderr > 0 or not np.isfinite(stderr):
        return f"{float(value):.10g} +- {float(stderr):.2g}"
    digits = min(max(0, 1 - int(np.floor(np.log10(stderr)))), 15)
    return f"{float(value):.{digits}f} +- {float(stderr):.{digits}f}"


class Expectation(Tensor):
    """An estimated expectation: a Tensor like any other, that also knows how precise it is.

    ``stderr`` is its standard error; ``stderr_of`` that of anything that a tape computed from it, ``derivatives`` gives
    derivatives with theirs; ``estimator`` and ``reason`` say how it was estimated and why so.
    """

    __slots__ = ("_stderr", "contributions", "design", "estimator", "reason", "weights", "window")
    contributions: Tensor
    design: Design
    estimator: str
    reason: str
    weights: Tensor
    window: Window

    def __repr__(self) -> str:
        spread = self.stderr.data if current.get() is None else self._quiet()
        return f"Expectation({told(self.data, spread)}, by {self.estimator} from {self.design.paths} paths)"

    def __reduce__(self) -> tuple[Any, ...]:
        return (Tensor, (self.data,))

    def _quiet(self) -> Any:
        with Pause():
            return self.design.spread(Tensor(self.contributions.data)).data

    @property
    def stderr(self) -> Tensor:
        """The standard error of the value: of its shape."""
        found = getattr(self, "_stderr", None)
        if found is None:
            found = self._stderr = self.design.spread(self.contributions)
        return found

    def report(self) -> str:
        """The value, its standard error, which estimator was used, and why."""
        paths = f"{self.design.paths} paths, {self.design.kind} points"
        return f"{told(self.data, self._quiet())} ({paths})\nestimator: {self.estimator}\nbecause: {self.reason}"

    def stderr_of(self, derived: Tensor, tape: Any) -> Tensor:
        """The standard error of ``derived``, which ``tape`` saw computed from this: a derivative, or anything smooth.

        Each path has a weight, 1, on the record; n times the derivative of ``derived`` in a weight is what that path
        contributes to it, to first order (the infinitesimal jackknife: Efron 1982, ch. 6).  Derivatives of the value
        are linear in the weights, so for them this is exact.

        >>> import gradtape as gt
        >>> s = gt.Variable(1.0)
        >>> with gt.GradientTape(persistent=True) as tape:
        ...     y = gt.expectation(lambda z: gt.exp(s * z), gt.stochastic.Normal(), samples=1000, seed=0)
        ...     slope = tape.gradient(y, s)
        >>> y.stderr_of(slope, tape).shape
        ()
        """
        n = self.design.n
        if derived.shape == ():
            influence = tape.gradient(derived, self.weights, unconnected_gradients="zero")
        else:
            rows = tape.jacobian(derived, self.weights, unconnected_gradients="zero")
            influence = Tensor(np.moveaxis(np.asarray(rows.data), -1, 0))
        return self.design.spread(influence * float(n))

    def derivatives(self, sources: Any, order: int = 1, *, tape: Any = None) -> Derivatives:
        """All derivatives up to ``order`` with respect to ``sources``, each with its standard error.

        ``sources``: Tensors and Variables that the integrand, or the distribution, uses; with a ``tape`` that saw the
        estimate made, any that it was computed from.  Path by path by forward mode: what a path contributes to a
        derivative is the derivative of what it contributes to the value.

        >>> import gradtape as gt
        >>> s = gt.Variable(1.0, name="s")
        >>> y = gt.expectation(lambda z: gt.exp(s * z), gt.stochastic.Normal(), samples=1000, seed=0)
        >>> sorted(y.derivatives(s, order=2))
        [('s',), ('s', 's')]
        """
        leaves, _ = sources_of(sources, "derivatives")
        window = self.window if tape is None else tape._window
        tensors = [_value_of(leaf, window) for leaf in leaves]
        names = [_name(leaf, path) for leaf, path in zip(leaves, trees.paths(sources, "source"), strict=True)]
        program, _ = sliced(window.entries(), tensors, [self.contributions], guarded=False)
        unused = [name for name, place in zip(names, program.inputs, strict=True) if not _used(program, place)]
        if unused:
            raise TapeError(
                message(
                    f"derivatives: the expectation does not use {', '.join(unused)}",
                    where=str(sites.user_line()),
                    remedy="Pass what the integrand or the distribution uses itself; for what that was computed from, "
                    "derivatives(..., tape=tape) with a tape around it all.",
                )
            )
        return Derivatives(_all(self, program, tensors, names, order))


def made(mean: Tensor, kept: dict[str, Any]) -> Expectation:
    """The estimate under its own identity, on the record."""
    result = Expectation(mean.data)
    for name, value in kept.items():
        setattr(result, name, value)
    segment = current.get()
    if segment is not None:
        segment.append((_IDENTITY, None, (mean,), result, *sites.here()))
    return result


class Derivatives(Mapping[tuple[str, ...], Estimate]):
    """Derivatives by the names of what they are taken in, each an Estimate; in any order: ``d["sigma", "S"]``."""

    def __init__(self, found: dict[tuple[str, ...], Estimate]) -> None:
        self._found = found

    def __getitem__(self, names: Any) -> Estimate:
        wanted = (names,) if isinstance(names, str) else tuple(names)
        for key, estimate in self._found.items():
            if sorted(key) == sorted(wanted):
                return estimate
        raise KeyError(names)

    def __iter__(self) -> Iterator[tuple[str, ...]]:
        return iter(self._found)

    def __len__(self) -> int:
        return len(self._found)

    def __str__(self) -> str:
        width = max(len(" ".join(key)) for key in self._found)
        return "\n".join(f"d/d({' '.join(key):<{width}})  {estimate}" for key, estimate in self._found.items())

    __repr__ = __str__


def _all(
    estimate: Expectation, program: Program, tensors: Sequence[Tensor], names: Sequence[str], order: int
) -> dict[tuple[str, ...], Estimate]:
    xs = [t.data for t in tensors]
    directions: list[tuple[int, Any, str]] = []
    for slot, (x, name) in enumerate(zip(xs, names, strict=True)):
        for index in np.ndindex(x.shape):
            unit = np.zeros(x.shape, x.dtype)
            unit[index] = 1.0
            place = f"{name}[{', '.join(map(str, index))}]" if index else name
            directions.append((slot, unit[()], place))
    programs: dict[tuple[int, ...], Program] = {(): program}
    found: dict[tuple[str, ...], Estimate] = {}
    for k in range(1, order + 1):
        for chosen in combinations_with_replacement(directions, k):
            slots = tuple(slot for slot, _, _ in chosen)
            for j in range(1, k + 1):
                if slots[:j] not in programs:
                    programs[slots[:j]] = directional(programs[slots[: j - 1]], [slots[j - 1]])
            value = programs[slots].interpret([*xs, *[unit for _, unit, _ in chosen]])[0]
            with Pause():
                spread = estimate.design.spread(Tensor(value)).data
            found[tuple(name for _, _, name in chosen)] = Estimate(np.mean(value, axis=0), spread)
    return found


def _value_of(leaf: Any, window: Window) -> Tensor:
    """The first value that a Variable had in a window."""
    if not isinstance(leaf, Variable):
        return leaf
    seen = [value for s in window.segments for v, value in s.touched if v is leaf]
    return seen[0] if seen else leaf.current


def _used(program: Program, place: Any) -> bool:
    return place in program.outputs or any(place is x for step in program.steps for x in step.inputs)


def _name(leaf: Any, path: str) -> str:
    return leaf.name if isinstance(leaf, Variable) and leaf.name else path
