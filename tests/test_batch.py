"""The batch sweep: vmap equals a loop, for every row; nesting, guards, Jacobians, cost."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from itertools import product
from typing import Any

import numpy as np
import pytest

import gradtape as gt
from gradtape.record.segment import Window
from gradtape.rules.primitive import registry
from gradtape.sweeps import batch as sweep
from gradtape.sweeps.batch import batch
from tests.cases import Case, cases, outputs

SIZE = 3
Flags = tuple[bool, ...]

#: Rows that are carried out one by one: name -> (when, why).  Strict: one that is not any more fails.
ONE_BY_ONE: dict[str, tuple[Callable[[Case, Flags], bool], str]] = {
    "apart": (lambda case, flags: True, "one verdict on all the values"),
    "far_from_singular": (lambda case, flags: True, "one verdict on all the matrices"),
    "argwhere": (lambda case, flags: True, "the shape of the result depends on values"),
    "flatnonzero": (lambda case, flags: True, "the shape of the result depends on values"),
    "first_places": (lambda case, flags: True, "the shape of the result depends on values"),
    "occurrences": (lambda case, flags: True, "the shape of the result depends on values"),
    "ranks": (lambda case, flags: True, "numbers among distinct values, which np.unique finds in one array"),
    "length": (lambda case, flags: True, "it is asked of rows whose examples are done one by one"),
    "bincount": (lambda case, flags: True, "the shape of the result depends on values"),
    "searchsorted": (lambda case, flags: flags[0], "NumPy searches one sorted array"),
    "digitize": (lambda case, flags: flags[1], "NumPy searches one sorted array"),
    "isin": (lambda case, flags: flags[1], "NumPy looks in one array"),
    "gather": (lambda case, flags: masks(case, flags), "a mask picks as many entries as it likes"),
    "scatter_add": (lambda case, flags: masks(case, flags), "a mask picks as many entries as it likes"),
    "scatter_set": (lambda case, flags: masks(case, flags), "a mask picks as many entries as it likes"),
    "last_writes": (lambda case, flags: masks(case, flags), "a mask picks as many entries as it likes"),
}


def masks(case: Case, flags: Flags) -> bool:
    return any(f and x.dtype.kind == "b" for x, f in zip(case.inputs, flags, strict=True) if f)


def stacked(case: Case, i: int) -> Any:
    """Input ``i`` for the whole batch: itself, and its like, moved a little."""
    x = np.asarray(case.inputs[i])
    rng = case.rng(f"batch {i}")
    if x.dtype.kind == "b":
        return np.stack([rng.permutation(x.ravel()).reshape(x.shape) for _ in range(SIZE)])
    if x.dtype.kind in "iu":
        return np.stack([x.ravel()[rng.permutation(x.size)].reshape(x.shape) for _ in range(SIZE)])
    near = np.stack([x + 1e-3 * k * rng.uniform(-1, 1, x.shape) for k in range(SIZE)])
    return near.astype(x.dtype)


def is_array(x: Any) -> bool:
    return isinstance(x, np.ndarray | np.generic)


def combinations(case: Case) -> list[Flags]:
    """Every way in which one input or more may have the leading axis."""
    choices = [(False, True) if is_array(x) else (False,) for x in case.inputs]
    return [flags for flags in product(*choices) if any(flags)]


@pytest.mark.parametrize("name", registry)
@pytest.mark.parametrize("recorded", [False, True], ids=["raw", "recorded"])
def test_batch_equals_loop(name: str, recorded: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    looped: list[str] = []
    slow = sweep.one_by_one
    monkeypatch.setattr(sweep, "one_by_one", lambda row, *args: looped.append(row.name) or slow(row, *args))
    for case in cases(name):
        for flags in combinations(case):
            looped.clear()
            check(case, flags, recorded)
            when = ONE_BY_ONE[name][0] if name in ONE_BY_ONE else lambda case, flags: False
            assert bool(looped) == when(case, flags), f"{case.id} {flags}: one by one"


def test_rows_one_by_one_exist() -> None:
    assert set(ONE_BY_ONE) <= set(registry)


def check(case: Case, flags: Flags, recorded: bool) -> None:
    row = case.row
    whole = [stacked(case, i) if flag else x for i, (x, flag) in enumerate(zip(case.inputs, flags, strict=True))]
    xs = [gt.Tensor(x[0][()] if f else x) if is_array(x) else x for x, f in zip(whole, flags, strict=True)]
    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with Window() as window:
            y = row.op(*xs, **case.params)
        each = [
            outputs(row.run(*[w[b] if f else w for w, f in zip(whole, flags, strict=True)], **case.params))
            for b in range(SIZE)
        ]
        given = {x: w for x, w, f in zip(xs, whole, flags, strict=True) if f}
        if any(len({np.shape(e[k]) for e in each}) > 1 for k in range(len(each[0]))):
            with pytest.raises(gt.GuardError):
                batch(window.entries(), given, SIZE)
            return
        if recorded:
            with Window():
                found = batch(window.entries(), {x: gt.Tensor(w) for x, w in given.items()}, SIZE)
        else:
            found = batch(window.entries(), given, SIZE)
    for k, o in enumerate(outputs(y)):
        value = found[o].data if recorded else found[o]
        expected = np.stack([e[k] for e in each])
        assert value.shape == expected.shape, (case.id, flags)
        assert value.dtype == expected.dtype, (case.id, flags)
        np.testing.assert_allclose(value, expected, rtol=1e-12, atol=1e-12, err_msg=f"{case.id} {flags}")
