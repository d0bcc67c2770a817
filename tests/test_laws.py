"""Every law on every row: one function, thousands of cases.

Ids read ``row:law:case``; ``-k "exp and order-2"`` picks.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from gradtape.rules.primitive import registry
from tests import modes, oracles
from tests.cases import HOLDERS, NOT_COMPLEX, Case, cases
from tests.laws import KNOWN_GAPS as REVERSE_GAPS
from tests.laws import LAWS as REVERSE_LAWS
from tests.laws import WIDER, Law

LAWS = [*REVERSE_LAWS, *modes.LAWS]
KNOWN_GAPS = [*REVERSE_GAPS, *modes.KNOWN_GAPS]
GAPS = {(row, law) for row, law, _ in KNOWN_GAPS}
TABLE = [
    pytest.param(law, case, id=f"{name}:{law.name}:{case.id}", marks=[pytest.mark.slow] if law.slow else [])
    for name, row in registry.items()
    for law in LAWS
    if (name, law.name) not in GAPS
    for case in law.cases(row)
]


@pytest.mark.parametrize(("law", "case"), TABLE)
def test_law(law: Law, case: Case) -> None:
    law.check(case)


@pytest.mark.parametrize("name", [name for name in registry if name not in HOLDERS])
def test_every_row_has_cases(name: str) -> None:
    assert cases(name), f"give the row {name} a sample, or a domain and params that fit a (2, 3) array"
    assert registry[name].kind == "constant" or any(case.slots and case.size for case in cases(name))


def test_gaps_are_still_there() -> None:
    for name, law, why in KNOWN_GAPS:
        assert why
        tried = [(one, case) for one in LAWS if one.name == law for case in one.cases(registry[name])]
        assert any(fails(one, case) for one, case in tried), f"{name} keeps the law {law}: take it off KNOWN_GAPS"


def fails(law: Law, case: Case) -> bool:
    try:
        law.check(case)
    except Exception:
        return True
    return False


def test_oracles() -> None:
    """Squire & Trapp's function at 1.5, whose derivative is known to the last digit."""

    def f(x: Any) -> Any:
        return np.exp(x) / np.sqrt(np.sin(x) ** 3 + np.cos(x) ** 3)

    right = 4.053427893898621
    assert abs(oracles.complex_step(lambda t: f(1.5 + t)) - right) < 1e-14
    value, error = oracles.ridders(lambda t: f(1.5 + t))
    assert abs(value - right) < 1e-11
    assert error < 1e-11
    assert oracles.directional(lambda t: f(1.5 + t), analytic=True)[0] == pytest.approx(right, rel=1e-15)
    # Not analytic: the complex step would say 0, the differences know better.
    value, _ = oracles.directional(lambda t: np.abs(3.0 + 2 * t), analytic=True)
    assert value == pytest.approx(2.0, rel=1e-12)
    assert oracles.mp_derivative("tanh", 0.5, 2) == pytest.approx(-2 * np.tanh(0.5) / np.cosh(0.5) ** 2, rel=1e-14)


def test_exceptions_name_rows_and_reasons() -> None:
    names = {row for row, _ in WIDER} | set(NOT_COMPLEX)
    assert names <= set(registry), f"no such rows: {names - set(registry)}"
    assert all(why for _, why in WIDER.values())
    assert all(NOT_COMPLEX.values())
