"""The table of cases for the laws: those of gradtape.testing, and their variants in other dtypes and memory."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import cache

import numpy as np

from gradtape.rules.primitive import registry
from gradtape.testing.cases import Case, cases_of, is_inexact, outputs, runs

__all__ = ["Case", "cases", "is_inexact", "outputs"]

#: Rows whose implementation takes complex numbers but which say nothing about them: name -> why.
NOT_COMPLEX: dict[str, str] = {
    "abs": "of real numbers; that of complex ones is their hypot",
    "p_norm": "of real vectors",
    "softsign": "of real numbers",
}


#: Rows that hold programs or rules of the user's: there is nothing to draw for them, test_program_rows.py tries them.
HOLDERS = {"computed_again", "ruled", "scan", "switch", "while_loop"}


@cache
def cases(name: str) -> tuple[Case, ...]:
    """The float64 cases of the row ``name``, those with elements first."""
    return cases_of(registry[name])


# -- variants -----------------------------------------------------------------------------------------------


def to_complex(case: Case) -> Case:
    rng = case.rng("imaginary parts")
    return case.cast(lambda x: (x + 1j * rng.uniform(-0.4, 0.4, np.shape(x)))[()], "complex128")


def to_mixed(case: Case, to: Callable[[Case], Case], slot: int) -> Case:
    """``to`` for one slot alone."""
    turned = to(case)
    inputs = [new if i == slot else x for i, (x, new) in enumerate(zip(case.inputs, turned.inputs, strict=True))]
    return replace(turned, inputs=tuple(inputs), tag=f"{turned.tag} in slot {slot}")


@cache
def complex_cases(name: str) -> tuple[Case, ...]:
    """The cases at complex points, where the implementation takes them."""
    if name in NOT_COMPLEX or registry[name].kind == "constant":
        return ()
    turned = [to_complex(case) for case in cases(name) if case.slots and case.size]
    return tuple(case for case in turned if runs(case))


@cache
def half_complex_cases(name: str) -> tuple[Case, ...]:
    """The cases with one slot complex, the others real."""
    if not complex_cases(name):
        return ()
    several = [case for case in cases(name) if len(case.slots) > 1 and case.size]
    turned = [to_mixed(case, to_complex, slot) for case in several[:2] for slot in case.slots]
    return tuple(case for case in turned if runs(case))


@cache
def half_float32_cases(name: str) -> tuple[Case, ...]:
    """The cases with one slot in float32, the others in float64."""
    several = [case for case in cases(name) if len(case.slots) > 1 and case.size]
    return tuple(to_mixed(rounded(case), to_float32, slot) for case in several[:2] for slot in case.slots)


def to_strided(case: Case) -> Case:
    """The same values in memory that is not contiguous."""
    return case.cast(lambda x: np.repeat(x, 2, axis=-1)[..., ::2] if np.ndim(x) else x, "strided")


def rounded(case: Case) -> Case:
    """The same case at points that float32 holds exactly."""
    return case.cast(lambda x: x.astype(np.float32).astype(np.float64), "")


def to_float32(case: Case) -> Case:
    return case.cast(lambda x: x.astype(np.float32), "float32")
