"""The paths of a compiled function, for arguments of one kind.

The path whose guards agree is run; where none does, another one is recorded.  The call of a path is an operation like
any other: one entry on the record, whose derivatives are compiled functions in their turn.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from enum import Enum
from threading import RLock
from typing import Any
from warnings import warn

import numpy as np

from .. import trees
from ..errors import GradtapeWarning, GuardError, message
from ..program.program import Program
from ..program.replay import replayed
from ..program.simplify import simplified
from ..record import sites
from ..record.private import Private, private_among
from ..record.segment import Window, current
from ..record.tensor import SCALARS, Tensor
from ..record.variable import Variable
from ..record.writer import lift, strong
from ..rules.lanes import Lanes, flattened, rebuilt
from ..rules.primitive import Primitive
from ..sweeps.forward import forward
from ..sweeps.reverse import reverse
from .engine import chosen
from .tracing import Traced, must_repeat, trace

_gradtape_composes = True

#: What an operation may raise for the values that it meets.
_OF_VALUES = (np.linalg.LinAlgError, IndexError, ValueError, ArithmeticError)
#: Results beside arrays that are the same at every call.
_KEPT = (type(None), bool, int, float, complex, str, bytes, range, slice, type, np.dtype, Enum, Variable)


class Path:
    """One path: its program as an engine runs it, and as a row of its own on the record."""

    def __init__(self, traced: Traced, engine: Any, structure: Any, reason: str) -> None:
        self.recorded = len(traced.program)
        #: As it runs; derivatives are taken of what was recorded, where ``stop_gradient`` still stands.
        self.program: Program = simplified(traced.program)
        self.engine, self.why, self.run = chosen(self.program, engine)
        #: What derived functions run on: the same.
        self.asked = self.engine if isinstance(engine, str) else engine
        self.traced = traced
        #: How the results are put together: (structure, leaves, places of the results among them).
        self.structure = structure
        #: Why it was recorded, where there was one already.
        self.reason = reason
        self.calls = 0
        self.derived: dict[Any, Paths] = {}
        self.row = Primitive(
            self.program.name,
            "composite",
            lambda xp, *xs: tuple([self.run.host(y) for y in self.run([self.run.take(x) for x in xs])]),
            None,
            body=self._body,
            vjp=self._pull,
            jvp=self._push,
            outputs=len(self.program.outputs),
            selective=True,
            takes_lanes=True,
            program=traced.program,
        )

    def __call__(self, arguments: Sequence[Any]) -> list[Tensor]:
        """The results, on the record if there is one; GuardError where a guard disagrees."""
        traced = self.traced
        run, take, wrap = self.run, self.run.take, self.run.wrap
        if current.get() is None:
            inputs = [take(x) for x in arguments]
            if traced.read or traced.captured:
                inputs += [take(v.current) for v in traced.read]
                inputs += [take(x) for x in traced.captured]
            outputs = [wrap(y) for y in run(inputs)]
        else:
            given = (*_kept(arguments), *[v.value for v in traced.read], *traced.captured)
            outputs = [wrap(y) for y in run([take(x) for x in given])]
            self._note(given, outputs)
        self.calls += 1
        if traced.assigned:
            n = len(outputs) - len(traced.assigned)
            for v, value in zip(traced.assigned, outputs[n:], strict=True):
                v.rename(value)
            del outputs[n:]
        return outputs

    def first(self, arguments: Sequence[Any]) -> list[Tensor]:
        """The results of the call that was recorded, which is one entry as well."""
        traced = self.traced
        outputs = [Tensor(y.data) for y in traced.results]
        segment = current.get()
        if segment is not None:
            segment.touched += zip(traced.read, traced.initial, strict=True)
            given = (*_kept(arguments), *traced.initial, *traced.captured)
            self._note(given, [*outputs, *[v.current for v in traced.assigned]])
            for v in traced.assigned:
                v.rename(v.current)
        traced.results, traced.initial = [], []
        return outputs

    def _note(self, given: tuple[Any, ...], outputs: Sequence[Tensor]) -> None:
        segment = current.get()
        if segment is not None:
            segment.append((self.row, None, given, tuple(outputs), *sites.here()))

    def signature(self) -> str:
        """The shapes and dtypes that go in and come out."""
        n = len(self.traced.read) + len(self.traced.captured)
        ins = self.program.inputs[: len(self.program.inputs) - n]
        more = f" and {n} from outside" if n else ""
        return f"({', '.join(map(repr, ins))}){more} -> ({', '.join(map(repr, self.program.outputs))})"

    # -- as a row --------------------------------------------------------------------------------------
    def _body(self, *xs: Any) -> tuple[Any, ...]:
        return tuple(replayed(self.traced.program, xs))

    def _pull(self, ct: tuple[Any, ...], y: Any, *xs: Any, wanted: Sequence[int] | None = None) -> list[Any]:
        """Cotangents of the wanted inputs, by a compiled function of the inputs and the cotangents there are.

        What is dead in the record around the call is dead in it, and the other way round: Lanes go in and come out.
        """
        outputs = self.program.outputs
        kinds, cts = flattened([c if o.dtype.kind in "fc" else None for c, o in zip(ct, outputs, strict=True)])
        slots = range(len(xs)) if wanted is None else wanted
        sources = tuple([i for i in slots if self.program.inputs[i].dtype.kind in "fc"])
        # Nothing is behind the values of Variables, as a rule.
        end = len(xs) - len(self.traced.captured)
        ends = range(end - len(self.traced.read), end)

        def backward(values: Sequence[Any]) -> list[Any]:
            inputs, seeds = values[: len(xs)], rebuilt(kinds, values[len(xs) :])
            with Window() as window:
                ys = replayed(self.traced.program, inputs)
            given = [(o, c) for o, c in zip(ys, seeds, strict=True) if c is not None]
            found = reverse(window.segments, given, [inputs[i] for i in sources], keep_lanes=True)
            made = [found.get(inputs[i]) for i in sources]
            masks = [
                c.alive if type(c) is Lanes and i not in ends else None for i, c in zip(sources, made, strict=True)
            ]
            return [*[c.ct if type(c) is Lanes else c for c in made], *masks]

        found = self._derivative(("vjp", kinds, sources), backward, [*xs, *cts])
        answers: list[Any] = [None] * len(xs)
        for i, c, alive in zip(sources, found[: len(sources)], found[len(sources) :], strict=True):
            answers[i] = c if alive is None else Lanes(c, alive)
        return answers

    def _push(self, y: Any, xs: Sequence[Any], dxs: Sequence[Any]) -> tuple[Any, ...]:
        """Tangents of the outputs, by a compiled function of the inputs and the tangents there are."""
        asked = tuple([dx is not None for dx in dxs])

        def pushed(values: Sequence[Any]) -> list[Any]:
            inputs, tangents = values[: len(xs)], iter(values[len(xs) :])
            with Window() as window:
                outputs = replayed(self.traced.program, inputs)
            given = {x: next(tangents) for x, there in zip(inputs, asked, strict=True) if there}
            known = forward(window.entries(), given)
            return [known.get(o) for o in outputs]

        return tuple(self._derivative(("jvp", asked), pushed, [*xs, *[dx for dx in dxs if dx is not None]]))

    def _derivative(self, key: Any, f: Callable[[Sequence[Any]], list[Any]], values: list[Any]) -> list[Any]:
        """By the compiled function that is kept for it; Tensors where somebody records, else raw arrays."""
        if private_among(values) is not None:  # a sweep's own values: it knows what to do with each row
            return f([x if isinstance(x, Private) else strong(lift(x)) for x in values])
        made = self.derived.get(key)
        if made is None:
            made = self.derived.setdefault(key, Paths(f, f"{self.program.name}_{key[0]}", self.asked))
        recording = current.get() is not None
        return [y if y is None or recording else y.data for y in made.call(values)]


class Paths:
    """The paths of one function of a list of inputs, which are of the same shapes and dtypes at every call."""

    def __init__(
        self,
        f: Callable[[Sequence[Any]], Any],
        name: str,
        engine: Any = "numpy",
        most: int = 16,
        own: Sequence[Any] = (),
    ) -> None:
        self.f = f
        self.name = name
        self.engine = engine
        self.most = most
        #: Objects that the calls have in common: they may be among the results.
        self.own = own
        #: The one that was taken last stands first.
        self.paths: list[Path] = []
        self.lock = RLock()
        #: Why no more paths are recorded.
        self.given_up = ""
        #: Why the last one was not kept.
        self.once = ""

    def call(self, arguments: Sequence[Any]) -> Any:
        """What ``f`` gives at these arguments."""
        reason = ""
        for i, path in enumerate(self.paths):
            try:
                outputs = path(arguments)
            except GuardError as error:
                reason = reason or str(error)
                continue
            except _OF_VALUES:  # Python's own run tells where, or knows what to do then
                return self._plainly(arguments)
            if i:
                self.paths = [path, *[p for p in self.paths if p is not path]]
            return _joined(path.structure, outputs)
        with self.lock:
            if self.given_up:
                return self._plainly(arguments)
            split = _Split(self.f, self.own)
            traced = trace(split, arguments, self.name)
            path = Path(traced, self.engine, split.structure, reason)
            self.once = traced.once
            if not traced.once:
                self._keep(path)
            return _joined(path.structure, path.first(arguments))

    def _plainly(self, arguments: Sequence[Any]) -> Any:
        """What Python does at these arguments, of which its own numbers stay what they are."""
        split = _Split(self.f, self.own)
        outputs = split([x if type(x) in SCALARS else lift(x) for x in arguments])
        return _joined(split.structure, outputs)

    def _keep(self, path: Path) -> None:
        self.paths = [path, *self.paths]
        if len(self.paths) > self.most:
            lines = sorted({str(g.site) for p in self.paths for _, g in p.program.guards})
            self.given_up = f"{len(self.paths)} paths, for Python asks for values at {'; '.join(lines)}"
            warn(
                message(
                    f"{self.name}: every call goes another way: from now on it runs as plain Python",
                    [f"values are asked for at {line}" for line in lines],
                    remedy="Choose with gt.where or gt.cond, return the value instead of printing it, or pass what is "
                    "asked for as a static argument.",
                ),
                GradtapeWarning,
                stacklevel=3,
            )


class _Split:
    """Calls ``f``, and takes its result apart into the Tensors that a program gives and all the rest."""

    def __init__(self, f: Callable[[Sequence[Any]], Any], own: Sequence[Any]) -> None:
        self.f = f
        self.own = own
        self.structure: Any = None

    def __call__(self, values: Sequence[Any]) -> list[Tensor]:
        leaves, structure = trees.flatten(self.f(values))
        places = [i for i, y in enumerate(leaves) if isinstance(y, Tensor | np.ndarray | np.generic)]
        outputs = [strong(lift(leaves[i])) for i in places]
        for i in places:
            leaves[i] = None
        for y in leaves:
            # An object may hold anything: a closure, a generator, a Tensor of this call.
            if not (isinstance(y, _KEPT) or trees.is_module(y) or any(y is x for x in self.own)):
                must_repeat(f"a {type(y).__name__} is returned, which only Python can make again")
        single = structure is None or (len(leaves) == 1 and structure == trees.flatten(0)[1])
        self.structure = None if single and places else (structure, leaves, places)
        return outputs


def _joined(structure: Any, outputs: Sequence[Tensor]) -> Any:
    """The result, put together again."""
    if structure is None:
        return outputs[0]
    structure, leaves, places = structure
    leaves = list(leaves)
    for i, y in zip(places, outputs, strict=True):
        leaves[i] = y
    return trees.unflatten(structure, leaves)


def _kept(arguments: Sequence[Any]) -> tuple[Any, ...]:
    """Arguments as the record keeps them: arrays stay the caller's."""
    return tuple([x if isinstance(x, Tensor) else Tensor(np.array(x)[()]) for x in arguments])
