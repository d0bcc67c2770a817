"""Rules of the user's own (custom_gradient) in programs: what a rule does to a cotangent is recorded, as a program.

On the record such a rule is a Python function; a program holds no functions.  The rule is asked once, when the program
is made, with cotangents of ones: what it does is linear in them, so what was recorded serves for all.
"""

from __future__ import annotations

from collections.abc import Container, Sequence
from typing import Any

import numpy as np

from ..primitives.reductions import sum as sum_of
from ..primitives.shapes import broadcast_to
from ..record.private import private_among
from ..record.segment import Pause, Window, is_recording
from ..record.tensor import Tensor, value_of
from ..rules.kinds import composite
from ..sweeps.batch import batch, with_axis


class Ruled:
    """A rule as a program: (cotangents, arguments, what else it uses) -> cotangents of the arguments."""

    def __init__(self, values: int, arguments: int, program: Any, places: Sequence[int], error: Any = None) -> None:
        #: How many outputs the ruled function has, and how many differentiable arguments.
        self.values = values
        self.arguments = arguments
        self.program = program
        #: The arguments that the outputs of the program answer for.
        self.places = tuple(places)
        #: Why the rule could not be asked: told when a derivative is.
        self.error = error


def asked(row: Any, inputs: Sequence[Any]) -> tuple[Window, list[Tensor], list[Any]]:
    """What the rule of an entry does: its record, the cotangents that it was given, and its answers."""
    outputs = row.stands_for
    with Pause(), Window() as window:
        cts = [Tensor(np.ones(o.shape, o.dtype)[()]) for o in outputs]
        given: Any = tuple(cts) if len(cts) > 1 else cts[0]
        answers = list(row.vjp(given, outputs if len(cts) > 1 else outputs[0], *inputs))
    return window, cts, answers


def ruled(row: Any, inputs: Sequence[Any], dependent: Container[Tensor]) -> tuple[Ruled, list[Tensor]]:
    """The rule of an entry as a program, and what it uses beside the arguments that depends on a program's inputs."""
    from .slicing import sliced  # rules lie in programs, and are programs

    n, m = len(row.stands_for), len(inputs)
    try:
        window, cts, answers = asked(row, inputs)
    except Exception as error:
        return Ruled(n, m, None, (), error), []
    made: set[Tensor] = {*cts, *[x for x in inputs if isinstance(x, Tensor)]}
    free: dict[Tensor, None] = {}
    entries = list(window.entries())
    for entry in entries:
        if entry[0].kind != "event":
            used = (*entry[2], *entry[0].stands_for)
            free.update((x, None) for x in used if isinstance(x, Tensor) and x not in made and x in dependent)
            made.update(entry[3] if type(entry[3]) is tuple else (entry[3],))
    free.update((c, None) for c in answers if isinstance(c, Tensor) and c not in made and c in dependent)
    places = [i for i, c in enumerate(answers) if c is not None]
    results = [answers[i] if isinstance(answers[i], Tensor) else Tensor(answers[i]) for i in places]
    program, _ = sliced(entries, [*cts, *inputs, *free], results, name=row.name)
    return Ruled(n, m, program, places), list(free)


class _Values:
    """The implementation: the values that were computed are its first inputs."""

    __name__ = "ruled"

    def __call__(self, xp: Any, *xs: Any, rule: Ruled) -> Any:
        values = tuple([xp.asarray(x).copy()[()] for x in xs[: rule.values]])
        return values if rule.values > 1 else values[0]


def _vjp(ct: Any, y: Any, *xs: Any, rule: Ruled) -> list[Any]:
    from .replay import replayed

    if rule.program is None:
        raise rule.error
    ys, cts = (y, ct) if rule.values > 1 else ((y,), (ct,))
    recording = is_recording()
    filled = [np.zeros(o.shape, o.dtype)[()] if c is None else c for c, o in zip(cts, ys, strict=True)]
    inputs = [*filled, *xs[rule.values :]]
    if recording or private_among(inputs) is not None:
        found = replayed(rule.program, inputs)
        found = [c if recording or not isinstance(c, Tensor) else c.data for c in found]
    else:
        found = rule.program.interpret([value_of(x) for x in inputs])
    answers: list[Any] = [None] * len(xs)
    for i, c in zip(rule.places, found, strict=True):
        answers[rule.values + i] = c
    return answers


def _batch(size: int, flags: Sequence[bool], values: Sequence[Any], params: dict[str, Any]) -> Any:
    rule: Ruled = params["rule"]
    n = rule.values
    given = [v if f else broadcast_to(v, shape=(size, *v.shape)) for v, f in zip(values[:n], flags[:n], strict=True)]
    wide = [Tensor(value_of(v)) for v in values[n:]]
    if rule.program is None:
        return [*given, *values[n:]], params
    flagged = [*[True] * n, *flags[n:]]
    with Pause(), Window() as window:
        cts = [Tensor(np.ones((size, *value_of(v).shape[1:]), v.dtype)) for v in given]
        all_inputs = [*cts, *wide]
        xs = [Tensor(_one(x.data, size)) if f else x for x, f in zip(all_inputs, flagged, strict=True)]
        from .replay import replayed

        with Window() as inner:
            ys = replayed(rule.program, xs)
        known = batch(
            list(inner.entries()), {x: w for x, w, f in zip(xs, all_inputs, flagged, strict=True) if f}, size, ys
        )
        outputs = [with_axis(known, y, size) for y in ys]
        outputs = [
            y if flags[n + i] else sum_of(y, axis=0, keepdims=False) for i, y in zip(rule.places, outputs, strict=True)
        ]
    from .slicing import sliced

    program, _ = sliced(window.entries(), all_inputs, outputs, name=rule.program.name)
    return [*given, *values[n:]], {"rule": Ruled(n, rule.arguments, program, rule.places)}


def _one(data: Any, size: int) -> Any:
    return data[0] if size else np.ones(data.shape[1:], data.dtype)[()]


ruled_row = composite(
    "ruled",
    _Values(),
    None,  # type: ignore[arg-type]
    arity=None,
    params={"rule": []},
    vjp=_vjp,
    batch=_batch,
    sample=lambda rng: [],
    doc="The values of a function that has a rule of its own for derivatives; see ``gradtape.custom_gradient``.",
    public=False,
).primitive  # type: ignore[attr-defined]
