"""A test that cannot fail is no test: every rule of every row, made wrong, must break a law.

Wrong by a factor 1.001 by default; with the sign flipped or returning zero in the slow sweep.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cache, partial
from typing import Any, NamedTuple

import numpy as np
import pytest

from gradtape.rules.lanes import Lanes
from gradtape.rules.primitive import Primitive, registry
from gradtape.sweeps import forward, taylor
from tests import modes
from tests.cases import HOLDERS, Case, cases
from tests.laws import LAWS as REVERSE_LAWS
from tests.laws import Law

LAWS = [*REVERSE_LAWS, *modes.LAWS]
Rule = Callable[..., Any]
Mistake = Callable[[Any], Any]

#: What is done to what a rule returns.
MISTAKES: dict[str, Mistake] = {
    "x1.001": lambda c: alive(c, lambda ct: ct * 1.001),
    "sign": lambda c: alive(c, lambda ct: -1.0 * ct),
    "dropped": lambda c: alive(c, lambda ct: 0.0 * ct),
    "shifted": lambda c: alive(c, lambda ct: ct + 0.001),
}


def alive(c: Any, mistake: Mistake) -> Any:
    """The mistake in a cotangent, which may have dead lanes."""
    return Lanes(mistake(c.ct), c.alive) if isinstance(c, Lanes) else mistake(c)


#: Laws that are quick and see first derivatives; those that a mutant is shown to, in this order.
SHOWN = ("order-1", "override", "complex-1", "low-precision", "order-2", "body", "shapes", "lanes", "jet")

#: Rules that return zero wherever they are tried, so that only a shift is a mistake: "row:rule" -> why.
ZERO: dict[str, str] = {
    "heaviside:partials[0]": "a step",
    "heaviside:partials[1]": "counts at 0 alone",
    "nextafter:partials[1]": "only says which way to go",
    "copysign:partials[1]": "only gives its sign",
}


class Mutant(NamedTuple):
    """One rule of a row: its name, the field that holds it, and what that field is with a mistake in the rule."""

    rule: str
    attribute: str
    make: Callable[[Mistake], Any]


def mutants(row: Primitive) -> Iterator[Mutant]:
    """Every rule of the row."""
    slots = sorted({slot for case in cases(row.name) for slot in case.slots})
    for attribute in ("partials", "transposes"):
        rules = getattr(row, attribute)
        for i, rule in enumerate(rules):
            if rule is not None:
                yield Mutant(f"{attribute}[{i}]", attribute, partial(in_tuple, rules, i))
    for attribute in ("differential", "body"):
        rule = getattr(row, attribute)
        if rule is not None:
            yield Mutant(attribute, attribute, partial(in_all, rule))
    if row.quotient is not None:
        yield Mutant("quotient", "quotient", partial(in_quotient, row.quotient))
    if row.coefficient is not None:
        yield Mutant("coefficient", "coefficient", partial(in_all, row.coefficient))
    for i in range(len(row.system)):
        yield Mutant(f"system[{i}]", "system", partial(in_tuple, row.system, i))
    for slot in slots:
        if row.variadic is not None:
            yield Mutant(f"variadic[{slot}]", "variadic", partial(in_variadic, row.variadic, slot))
        if row.differential is not None:
            yield Mutant(f"differential[{slot}]", "differential", partial(in_tangent, row.differential, slot))
        if row.vjp is not None:
            yield Mutant(f"vjp[{slot}]", "vjp", partial(in_all, row.vjp, only=slot))


def in_tuple(rules: tuple[Rule | None, ...], at: int, mistake: Mistake) -> tuple[Rule | None, ...]:
    rule = rules[at]
    assert rule is not None
    return (*rules[:at], in_all(rule, mistake), *rules[at + 1 :])


def in_all(rule: Rule, mistake: Mistake, only: int | None = None) -> Rule:
    """The rule with the mistake in what it returns; of a tuple, in every element or in one."""

    def wrong(*args: Any, **params: Any) -> Any:
        c = rule(*args, **params)
        if isinstance(c, tuple | list):
            return tuple(x if x is None or only not in (None, i) else mistake(x) for i, x in enumerate(c))
        return mistake(c)

    return wrong


def in_variadic(rule: Rule, slot: int, mistake: Mistake) -> Rule:
    def wrong(i: int, *args: Any, **params: Any) -> Any:
        c = rule(i, *args, **params)
        return mistake(c) if i == slot else c

    return wrong


def in_quotient(rule: Rule, mistake: Mistake) -> Rule:
    """The mistake in the slope, or in the numerators over a denominator; where the rule does not serve, none."""

    def wrong(*args: Any, **params: Any) -> Any:
        found = rule(*args, **params)
        if not isinstance(found, tuple):
            return None if found is None else mistake(found)
        w, us = found
        return w, tuple(None if u is None else mistake(u) for u in us)

    return wrong


def in_tangent(rule: Rule, slot: int, mistake: Mistake) -> Rule:
    def wrong(y: Any, xs: Any, dxs: Any, **params: Any) -> Any:
        spoilt = [d if d is None or i != slot else mistake(d) for i, d in enumerate(dxs)]
        return rule(y, xs, spoilt, **params)

    return wrong


def shows(rule: str, attribute: str, mistake: str) -> bool:
    """Whether a mistake makes the rule wrong: not a constant added to what is differentiated again."""
    return attribute not in ("differential", "body") if mistake == "shifted" else rule not in ZERO


def quick(rule: str, mistake: str) -> bool:
    return mistake == ("shifted" if rule in ZERO else "x1.001")


TABLE = [
    pytest.param(
        row,
        mutant,
        mistake,
        id=f"{name}:{mutant.rule}:{mistake}",
        marks=[] if quick(f"{name}:{mutant.rule}", mistake) else [pytest.mark.slow],
    )
    for name, row in registry.items()
    if row.kind != "constant" and name not in HOLDERS
    for mutant in mutants(row)
    for mistake in MISTAKES
    if shows(f"{name}:{mutant.rule}", mutant.attribute, mistake)
]


def failures(row: Primitive) -> Iterator[str]:
    """The laws and cases that fail for the row as it is now."""
    for shown in SHOWN:
        for law in LAWS:
            if law.name != shown or law.slow:
                continue
            for case in law.cases(row):
                try:
                    law.check(case)
                except AssertionError:
                    yield f"{law.name} at {case.id}"


@cache
def fails_anyway(name: str) -> frozenset[str]:
    """What fails for the row without any mistake: its known gaps."""
    return frozenset(failures(registry[name]))


@pytest.mark.parametrize(("row", "mutant", "mistake"), TABLE)
@pytest.mark.filterwarnings("ignore")
def test_mutant_is_caught(row: Primitive, mutant: Mutant, mistake: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with np.errstate(all="ignore"):
        anyway = fails_anyway(row.name)
        monkeypatch.setattr(row, mutant.attribute, mutant.make(MISTAKES[mistake]))
        caught = next((failure for failure in failures(row) if failure not in anyway), None)
    assert caught is not None, "no law sees this mistake: the row's cases are too tame"


def wrong_tangent(answer: Rule) -> Rule:
    """A forward sweep's answer with a mistake."""

    def wrong(*args: Any) -> Any:
        dy = answer(*args)
        return None if dy is None else dy * 1.001

    return wrong


def wrong_series(answer: Rule) -> Rule:
    """A Taylor sweep's answer with a mistake in the second coefficient."""

    def wrong(*args: Any) -> Any:
        s = answer(*args)
        make = s._make
        s._make = lambda k: c * 1.001 if (c := make(k)) is not None and k == 2 else c
        return s

    return wrong


@pytest.mark.parametrize("kind", ["elementwise", "linear", "multilinear", "differential", "composite"])
@pytest.mark.parametrize(
    ("answers", "make", "law"), [(forward.ANSWERS, wrong_tangent, "tangent"), (taylor.ANSWERS, wrong_series, "jet")]
)
def test_mistake_in_a_sweep_is_caught(
    answers: dict[str, Rule], make: Callable[[Rule], Rule], law: str, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(answers, kind, make(answers[kind]))
    checks = [each for each in LAWS if each.name == law and not each.slow]
    rows = [row for row in registry.values() if row.kind == kind][:8]
    assert any(fails(check, case) for row in rows for check in checks for case in check.cases(row))


def fails(law: Law, case: Case) -> bool:
    try:
        law.check(case)
    except AssertionError:
        return True
    return False


@pytest.mark.parametrize(
    ("row", "slot"),
    [
        pytest.param(row, slot, id=f"{name}:{slot}")
        for name, row in registry.items()
        for slot, rule in enumerate(row.alive)
        if rule is not None and name != "nan_to_num"  # its cases are numbers: none is dead
    ],
)
def test_forgotten_dead_lane_is_caught(row: Primitive, slot: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """A row whose slot says nothing about its dead lanes lets 0 times infinity through."""
    assert "lanes" not in {failure.split()[0] for failure in failures(row)}
    monkeypatch.setattr(row, "alive", (*row.alive[:slot], None, *row.alive[slot + 1 :]))
    assert any(failure.startswith("lanes") for failure in failures(row))


def test_exceptions_name_rules_and_reasons() -> None:
    there = {f"{name}:{rule}" for name, row in registry.items() for rule, *_ in mutants(row)}
    assert set(ZERO) <= there, f"no such rules: {set(ZERO) - there}"
    assert all(ZERO.values())
    assert {law.name for law in LAWS} >= set(SHOWN)
