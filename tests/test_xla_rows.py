"""Every row on the XLA engine: its values and its gradient are those of NumPy's implementation."""

from __future__ import annotations

import os
from collections.abc import Sequence
from itertools import groupby
from typing import Any

import numpy as np
import pytest

import gradtape as gt
from gradtape.engines.xla.engine import Compiled
from gradtape.engines.xla.rows import CHECKED, ON_HOST, TRANSLATED
from gradtape.program.program import Program, Step, Value
from gradtape.program.simplify.needed import alive
from gradtape.rules.primitive import registry
from gradtape.testing.cases import Case
from gradtape.testing.tools import like, pullback, tensors
from tests import laws
from tests.cases import HOLDERS, cases, complex_cases, half_float32_cases, to_float32
from tests.test_engine_numpy import one_step

os.environ.setdefault("JAX_PLATFORMS", "cpu")
pytest.importorskip("jax")

#: Rows whose cases have masks among their inputs: a mask that is not known while tracing is NumPy's affair.
MASKS = {"gather", "scatter_add", "scatter_set"}
#: Rows that JAX carries out at most of their cases only: name -> the others.
IN_PART = {
    "ldexp": "exponents that are no integers",
    "matrix_rank": "empty matrices",
    "owens_t": "float32 beside float64",
    "ranks": "along an axis, or with NaNs apart",
}
#: Rows for which JAX has an algorithm of its own that is good to fewer digits: name -> (relative error, why).
WIDER: dict[str, tuple[float, str]] = {}

MODULES = [m for m, _ in groupby(sorted(row.module for row in registry.values() if row.name not in HOLDERS))]


def rows_of(module: str) -> list[str]:
    return [name for name, row in registry.items() if row.module == module and name not in HOLDERS]


def joined(programs: Sequence[Program]) -> Program:
    """Several programs as one, so that XLA compiles once."""
    inputs = [v for p in programs for v in p.inputs]
    constants = {v: c for p in programs for v, c in p.constants.items()}
    return Program(inputs, [s for p in programs for s in p.steps], [o for p in programs for o in p.outputs], constants)


def check(found: Sequence[Any], expected: Sequence[Any], names: Sequence[Any], tolerance: float = 1e-12) -> None:
    """Element by element, relative to the largest one; shapes and dtypes are NumPy's."""
    for (name, single), a, b in zip(names, found, expected, strict=True):
        a, b = np.asarray(a), np.asarray(b)
        assert (a.dtype, a.shape) == (b.dtype, b.shape), name
        if b.dtype.kind not in "fc":
            np.testing.assert_array_equal(a, b, err_msg=name)
            continue
        rtol = WIDER.get(name, (tolerance,))[0]
        if single:
            rtol = max(rtol, 2e-5)
        scale = float(np.max(np.abs(b), initial=0.0, where=np.isfinite(b)))
        np.testing.assert_allclose(a, b, rtol=rtol, atol=rtol * scale, err_msg=name)


def check_values(points: Sequence[tuple[str, Case]]) -> Compiled:
    programs, inputs, expected, names = [], [], [], []
    for name, case in points:
        program, given, made = one_step(case.row, case.inputs, case.params)
        programs.append(program)
        inputs += given
        expected += made
        single = any(getattr(x, "dtype", None) == np.float32 for x in case.inputs)
        names += [(name, single)] * len(made)
    compiled = Compiled(joined(programs))
    check(compiled(inputs), expected, names)
    return compiled


@pytest.mark.parametrize("module", MODULES)
@pytest.mark.filterwarnings("ignore::numpy.exceptions.ComplexWarning")
def test_values(module: str) -> None:
    compiled = check_values([(name, cases(name)[0]) for name in rows_of(module)])
    assert set(compiled.surprises) <= MASKS, f"say in rows.py how these run: {compiled.surprises}"


@pytest.mark.slow
@pytest.mark.parametrize("name", [n for n in registry if n not in HOLDERS])
@pytest.mark.filterwarnings("ignore::numpy.exceptions.ComplexWarning")
def test_values_everywhere(name: str) -> None:
    floats = [c for c in (to_float32(case) for case in cases(name)[:2]) if c.slots]
    points = [*cases(name)[1:], *floats, *complex_cases(name)[:2], *half_float32_cases(name)]
    if points:
        compiled = check_values([(name, case) for case in points])
        assert set(compiled.surprises) <= {*MASKS, *IN_PART}, compiled.surprises


def gradient_program(case: Case) -> Program | None:
    """(values of the slots) -> (what the row gives, its gradients with weights)."""
    if not case.slots:
        return None
    rng = case.rng("xla")
    xs = tensors(case.xs)
    with np.errstate(all="ignore"), gt.GradientTape() as tape:
        ys = case.function()(xs)
        found = pullback(case.function(), xs, tensors(like(rng, [y.data for y in ys])))
    program = tape.program(xs, [*ys, *found])
    return None if program.guards else program


#: Modules whose gradients are tried by default; those of the others take longer to compile.
QUICK = {f"gradtape.primitives.{m}" for m in ("arithmetic", "contractions", "indexing", "norms", "selection", "shapes")}


@pytest.mark.parametrize("module", [pytest.param(m, marks=[] if m in QUICK else [pytest.mark.slow]) for m in MODULES])
@pytest.mark.filterwarnings("ignore")
def test_gradients(module: str) -> None:
    check_gradients([(name, cases(name)[0]) for name in rows_of(module)])


def check_gradients(points: Sequence[tuple[str, Case]]) -> None:
    programs, names, inputs, expected = [], [], [], []
    for name, case in points:
        program = gradient_program(case)
        if program is not None:
            programs.append(program)
            inputs += case.xs
            made = program.interpret(case.xs)
            expected += made
            names += [(name, False)] * len(made)
    if programs:
        check(Compiled(joined(programs).simplified())(inputs), expected, names, 1e-11)


@pytest.mark.slow
@pytest.mark.parametrize("name", [n for n in registry if n not in HOLDERS])
@pytest.mark.filterwarnings("ignore")
def test_gradients_everywhere(name: str) -> None:
    check_gradients([(name, case) for case in cases(name)[1:]])


class OnXla(Case):
    """A case whose function is compiled for XLA."""

    def function(self) -> Any:
        plain = super().function()
        return gt.function(lambda xs: plain(xs), engine="xla")


#: The laws that are tried on compiled rows: those that look at values and derivatives.
TRIED = ("shapes", "order-1", "order-2", "nesting", "symmetry")


@pytest.mark.slow
@pytest.mark.parametrize("name", [n for n in registry if n not in HOLDERS])
@pytest.mark.filterwarnings("ignore")
def test_laws(name: str) -> None:
    row = registry[name]
    gaps = {(r, law) for r, law, _ in laws.KNOWN_GAPS}
    for law in laws.LAWS:
        if law.name in TRIED and not law.slow and (name, law.name) not in gaps:
            # Of one element alone, what NumPy makes exactly zero may be 1e-17 where XLA fuses a product with a sum.
            several = [c for c in (*law.cases(row), *cases(name)) if c.size > 1]
            for case in [*several, *[c for c in law.cases(row) if c.size]][:1]:
                law.check(OnXla(case.row, case.inputs, case.params, case.tag))


def test_tables_name_rows_and_reasons() -> None:
    tables = {*ON_HOST, *TRANSLATED, *CHECKED}
    assert tables <= set(registry), f"no such rows: {tables - set(registry)}"
    assert not set(ON_HOST) & {*TRANSLATED, *CHECKED}
    assert all(ON_HOST.values())


def test_a_step_of_a_dtype_that_jax_promotes_otherwise() -> None:
    """int32 + float32 is float64 in NumPy, float32 in JAX; 1 + 2**-30 tells them apart."""
    xs = [np.array([1 << 30], np.int32), np.array([1.0], np.float32)]
    made = registry["add"].run(*xs)
    values = [Value.like(x) for x in xs]
    step = Step(registry["add"], None, tuple(values), (Value.like(made),))
    program = Program(values, [step], step.outputs)
    (found,) = Compiled(alive(program))(xs)
    assert found.dtype == np.float64
    assert np.asarray(found) == [2**30 + 1.0]
