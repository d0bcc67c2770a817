"""The reasons why there is no path from a source to a target, each found on the record.

    GT-None-1   the value left the record: NumPy arrays and Python numbers have no history
    GT-None-2   the target was computed before the tape opened, after it closed, or where nothing records
    GT-None-3   an integer or a boolean lies on the path
    GT-None-4   stop_gradient lies on the path
    GT-None-5   the source is not what the target was computed from: it was overwritten
    GT-None-6   the target was computed before the source was used
    GT-None-7   a copy: the target was computed from another Tensor of the same value
    GT-None-8   the target does not depend on the source
    GT-None-9   the source was not watched, and watch_accessed_variables=False

Each finder gets the case, and returns (code, headline, findings, remedy) or None if it is not the reason.  They are
asked in the order of certainty: what is seen on the path itself before what only the order of events suggests.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import numpy as np

from ..record import events
from ..record.tensor import Tensor
from ..record.variable import Variable
from .places import Place, is_own
from .reading import Reading, carries, outputs_of, tensors_of

Reason = tuple[str, str, list[str], str]

_DISCRETE_DRAWS = ("bernoulli_quantile", "binomial_quantile", "categorical_quantile", "poisson_quantile")
IF_ZERO = 'If 0 is meant: unconnected_gradients="zero".'


class Case:
    """One question that had None for an answer, with what the finders ask about again and again."""

    def __init__(
        self,
        reading: Reading,
        targets: list[Tensor],
        leaf: Any,
        t: str,
        s: str,
        names: dict[int, str],
        *,
        watched: bool,
        open_now: bool,
    ) -> None:
        self.reading = reading
        self.targets = targets
        self.leaf = leaf
        self.t = t
        self.s = s
        self.names = names
        self.watched = watched
        self.open_now = open_now
        self.sources = reading.values_of(leaf)
        self.needed = reading.ancestors(targets)
        self.touched = reading.reached(self.sources, carried=False)
        made = [reading.made[x] for x in targets if x in reading.made]
        #: The entry that computed the target: the last one, where there are several targets.
        self.at = max(made) if made else None
        uses = [reading.used[x] for x in self.sources if x in reading.used]
        self.first_use = min(uses) if uses else None

    @property
    def target_made_source(self) -> bool:
        """Whether the source was computed from the target: the question the wrong way round."""
        return bool(self.reading.reached(self.targets, carried=False).intersection(self.sources))

    def line(self, number: int | None) -> str:
        """' (model.py:3)', or nothing where no line is known."""
        place = self.place(number)
        return f" ({place.name})" if place else ""

    def place(self, number: int | None) -> Place | None:
        """The user's line of an entry."""
        return None if number is None else self.reading.place(number)

    def show(self, label: str, number: int | None, marked: bool = False) -> list[str]:
        """A labelled source line, with carets below the operation on request."""
        place = self.place(number)
        if place is None:
            return []
        first, *rest = place.marked() if marked else [str(place)]
        return [f"{label}  {first}"] + [" " * (len(label) + 2) + line for line in rest]

    def depends(self) -> list[str]:
        """What the target does depend on, in one finding."""
        roots = [x for x, _ in self.reading.roots(self.needed) if x.dtype.kind in "fc"]
        variables = [x for x in roots if x in self.reading.variables]
        names = list(dict.fromkeys(self.reading.describe(x, self.names) for x in (variables or roots)))
        more = f" and {len(names) - 4} more" if len(names) > 4 else ""
        return [f"{self.t} does depend on: {', '.join(names[:4])}{more}"] if names else []

    @property
    def on_this_tape(self) -> str:
        """'on this tape ' where the target was computed from Tensors whose own past the tape did not see."""
        unseen = (x for x, _ in self.reading.roots(self.needed) if x.dtype.kind in "fc")
        return "on this tape " if any(x not in self.reading.variables for x in unseen) else ""


def not_watched(case: Case) -> Reason | None:
    """GT-None-9."""
    if case.watched:
        return None
    return (
        "GT-None-9",
        f"the tape was told to watch only what it is asked to, and {case.s} was not watched",
        [],
        f"Call tape.watch({case.s}) in the tape's block, or leave out watch_accessed_variables=False.",
    )


def cut_on_the_path(case: Case) -> Reason | None:
    """GT-None-3 and GT-None-4: every path passes an operation that carries no derivative."""
    reading = case.reading
    carried = reading.reached(case.sources)
    cuts = [
        n
        for n, entry in enumerate(reading.entries)
        if entry[0].kind != "event"
        and not carries(entry)
        and any(x in carried for x in tensors_of(entry))
        and any(o in case.needed for o in outputs_of(entry))
    ]
    if not cuts:
        return None
    stops = [n for n in cuts if all(o.dtype.kind in "fc" for o in outputs_of(reading.entries[n]))]
    findings: list[str] = []
    for n in (stops or cuts)[:3]:
        findings += case.show(f"{reading.entries[n][0].name}:", n, marked=True)
    where = case.line((stops or cuts)[0])
    if stops:
        name = reading.entries[stops[0]][0].name
        remedy = f"Leave {name} out where the derivative is wanted. {IF_ZERO}"
        return "GT-None-4", f"every path from {case.s} to {case.t} passes {name}{where}", findings, remedy
    entry = reading.entries[cuts[0]]
    dtype = outputs_of(entry)[0].dtype
    remedy = (
        "Stay with floating point: drop the conversion, or use a smooth stand-in (softmax for argmax, sigmoid for a "
        "comparison)."
    )
    if entry[0].name in _DISCRETE_DRAWS:
        remedy = (
            "A discrete draw jumps: the derivative of E[f(k)] is E[f(k) d log_prob(k)] (the score function). "
            "Differentiate the mean of f(k) * log_prob(k), f(k) held by gt.stop_gradient."
        )
    return (
        "GT-None-3",
        f"on the path from {case.s} to {case.t}, {entry[0].name} gives {dtype}, which has no derivative{where}",
        findings,
        f"{remedy} {IF_ZERO}",
    )


def target_not_on_the_tape(case: Case) -> Reason | None:
    """GT-None-2: no entry computed the target."""
    if case.at is not None or any(x in case.reading.variables for x in case.targets):
        return None
    uses = [case.reading.used[x] for x in case.targets if x in case.reading.used]
    findings = case.show(f"{case.t} is used as an input:", min(uses, default=None))
    if findings:
        headline = f"{case.t} was computed before the tape opened: the tape saw it only as an input"
    elif not case.reading.entries:
        headline = f"{case.t} was not computed on this tape, which recorded nothing at all"
    elif case.open_now:
        headline = f"{case.t} was computed before the tape opened, or where it was not recording"
    else:
        headline = f"{case.t} was computed before the tape opened or after it closed"
    if case.target_made_source:
        findings.append(f"{case.s} was computed from {case.t}: were target and source exchanged?")
    if not findings:
        findings = ["what runs outside the tape's block, under stop_recording or in another thread is not recorded"]
    name = case.t if case.t.isidentifier() else "y"
    return (
        "GT-None-2",
        headline,
        findings,
        f"Compute it inside the block, `with tape: {name} = ...`; a tape that has closed may be entered again.",
    )


def left_the_record(case: Case) -> Reason | None:
    """GT-None-1: the value went through NumPy or a Python number, and what was made of it came back as a constant."""
    reading = case.reading
    for number, entry in enumerate(reading.entries):
        row, params, inputs = entry[0], entry[1], entry[2]
        if row is events.ESCAPE:
            how = params["how"]
        elif row is events.GUARD and type(params["value"]) is int:
            how = "int()"
        else:
            continue
        if inputs[0] not in case.touched or not _came_back(case, number, inputs[0]):
            continue
        place = case.place(number)
        what = case.s if any(inputs[0] is x for x in case.sources) else f"a value computed from {case.s}"
        into = (
            "a Python number" if how in ("float()", "int()", "complex()", ".item()", ".tolist()") else "a plain array"
        )
        here = f" at {place.name}" if place else ""
        return (
            "GT-None-1",
            f"{what} left the tape{here}: {how} makes it {into}, which has no history",
            case.show(f"{how}:", number, marked=True) + case.depends(),
            "Compute with the Tensor itself: gt.sin(x), np.sin(x), x.sum() and operators are recorded; x.numpy(), "
            f"float(x), x.item() and np.asarray(x) are not. {IF_ZERO}",
        )
    return None


#: Lines that take a value out to look at it, keep it in a list, or compare it: it need not come back.
_SHOWN = re.compile(
    r"^(print|log\w*|logging\.\w+|logger\.\w+)\(|^(assert|if|elif|while)\b|\.(append|format|set_description)\(|\bf['\"]"
)


def _came_back(case: Case, number: int, escaped: Tensor) -> bool:
    """Whether what left at entry ``number`` seems to be what the target was computed from."""
    reading = case.reading
    place = reading.place(number)
    shown = place is not None and _SHOWN.search(place.text) is not None
    if case.at is None:
        return not shown
    for n, entry in enumerate(reading.entries[number:], number):
        if entry[0].kind == "event" or not any(o in case.needed for o in outputs_of(entry)):
            continue
        for x in entry[2]:
            if isinstance(x, Tensor):
                fresh = x not in reading.made and x not in reading.variables and reading.used.get(x) == n
                fresh = fresh and x is not escaped
            else:
                at = reading.place(n)
                fresh = at is None or not _is_written(x, at.text)
            if fresh and (not shown or same_value(x, escaped)):
                return True
    return False


def _is_written(x: Any, text: str) -> bool:
    """Whether a number stands in the source line as it is: a constant of the program's, not a value that came back."""
    for literal in re.findall(r"(?<![\w.])(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?", text):
        if float(literal) == abs(x):
            return True
    return False


def overwritten(case: Case) -> Reason | None:
    """GT-None-5: the name was given another value; the target was computed from the one before."""
    reading = case.reading
    if isinstance(case.leaf, Variable):
        for number, entry in enumerate(reading.entries):
            if entry[0] is events.ASSIGN and entry[1]["variable"] is case.leaf and entry[2][0] in case.needed:
                return (
                    "GT-None-5",
                    f"{case.s} was overwritten{case.line(number)}: {case.t} was computed from the value assigned "
                    "there, and that one does not depend on the value before",
                    case.show("assigned:", number) + case.show("target:  ", case.at),
                    f"Ask for what {case.t} was computed from, or assign a value computed from {case.s} itself "
                    "(assign_add): derivatives flow through assignment.",
                )
        return None
    made = reading.made.get(case.leaf)
    if made is None or reading.entries[made][0].kind == "event" or case.at is None or made < case.at:
        return None
    shared = reading.ancestors([case.leaf]) & case.needed
    if not shared:
        return None
    return (
        "GT-None-5",
        f"{case.s} was overwritten: this value of it was computed{case.line(made)} after {case.t} was"
        + case.line(case.at),
        case.show("target:", case.at) + case.show("source:", made),
        f"Keep the value that {case.t} was computed from under a name of its own, or use a gt.Variable and assign.",
    )


def too_early(case: Case) -> Reason | None:
    """GT-None-6: everything that the source did, it did after the target was there."""
    reading, at, first = case.reading, case.at, case.first_use
    made = reading.made.get(case.leaf) if isinstance(case.leaf, Tensor) else None
    first = made if made is not None else first
    if at is None or first is None or first <= at:
        return None
    step = _steps_with(case, at)
    if step is not None:
        return (
            "GT-None-6",
            f"{case.t} is computed before the step, so it does not depend on {case.s}",
            case.show(f"{case.t} is computed at", at) + case.show(f"{case.s} is first used, by the step, at", first),
            f"Evaluate it again after the step{case.line(step)}, inside the tape, and differentiate that value.",
        )
    return (
        "GT-None-6",
        f"{case.t} was computed before {case.s} was {'computed' if made is not None else 'first used'}, so "
        f"{case.on_this_tape}it does not depend on it",
        case.show(f"{case.t}:", at) + case.show(f"{case.s}:", first),
        f"Compute {case.t} after that line, from {case.s}. {IF_ZERO}",
    )


def _steps_with(case: Case, at: int) -> int | None:
    """The assignment, after the target, of a value computed from the source to a Variable that the target used."""
    reading = case.reading
    used = {reading.variables[x] for x in case.needed if x in reading.variables}
    for number, entry in enumerate(reading.entries[at:], at):
        if entry[0] is events.ASSIGN and entry[2][0] in case.touched and entry[1]["variable"] in used:
            return number
    return None


def copied(case: Case) -> Reason | None:
    """GT-None-7: the target depends on something that looks exactly like the source."""
    reading = case.reading
    if any(x in case.needed for x in case.sources):
        return None
    source = case.leaf.current if isinstance(case.leaf, Variable) else case.leaf
    if source.ndim == 0 and case.first_use is not None:
        return None  # numbers are often equal; one that is used for something else is hardly a copy
    twins = [
        x
        for x, first in reading.roots(case.needed)
        if x.dtype == source.dtype and same_value(x, source) and not is_own(reading.entries[first][4])
    ]
    twins.sort(key=lambda x: x not in reading.variables)
    if not twins:
        return None
    made = reading.made.get(source)
    twin = reading.describe(twins[0], case.names)
    return (
        "GT-None-7",
        f"{case.s} is a copy: {case.t} was computed from {twin}, which has the same value and another identity",
        case.show("copied:", made) + case.show("used:  ", reading.used[twins[0]]),
        f"Ask for the one that was used, or compute {case.t} from {case.s}. Derivatives go by identity, not by value.",
    )


def no_dependence(case: Case) -> Reason:
    """GT-None-8: nothing broke, there is simply no path."""
    findings = case.depends()
    guards = [
        n
        for n, e in enumerate(case.reading.entries)
        if e[0] is events.GUARD and e[2][0] in case.touched and type(e[1]["value"]) is bool
    ]
    if case.target_made_source:
        findings.append(f"{case.s} was computed from {case.t}: were target and source exchanged?")
    elif guards:
        findings += case.show(f"{case.s} only decided which way to go:", guards[0])
    elif case.first_use is None:
        findings.append(f"{case.s} was not used on this tape at all")
    else:
        findings += case.show(f"{case.s} is used, for something else, at", case.first_use)
    return (
        "GT-None-8",
        f"{case.on_this_tape}{case.t} does not depend on {case.s}",
        findings,
        f"Compute {case.t} from {case.s} inside the tape, or ask for what it does depend on. {IF_ZERO}",
    )


def same_value(a: Any, b: Tensor) -> bool:
    """Whether two values are equal: shape and every element."""
    x = a.data if isinstance(a, Tensor) else a
    return np.shape(x) == b.shape and bool(np.array_equal(x, b.data, equal_nan=b.dtype.kind in "fc"))


FINDERS: list[Callable[[Case], Reason | None]] = [
    not_watched,
    cut_on_the_path,
    left_the_record,
    target_not_on_the_tape,
    overwritten,
    too_early,
    copied,
    no_dependence,
]
