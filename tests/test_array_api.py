"""The Array API: what a namespace must answer, and the comparison of data-apis/array-api-tests with NumPy."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import Any

import numpy as np
import pytest

import gradtape as gt
from tests import array_api

REPORT = """
FAILED array_api_tests/test_a.py::test_one - AssertionError: x
FAILED array_api_tests/test_a.py::test_two[f(x - y) -> 0] - Boom - bang
ERROR array_api_tests/test_b.py::TestC::test_three
3 failed, 4 passed in 1.00s
"""


def test_failures_are_read_from_the_summary() -> None:
    found = array_api.failures(REPORT)
    assert found == {"test_a.py::test_one", "test_a.py::test_two[f(x - y) -> 0]", "test_b.py::TestC::test_three"}


def test_verdict_is_strict() -> None:
    entries = array_api.known("# why\n\nmust  test_a.py::test_one  # reason\nmay  test_a.py::test_two[f(  # drawn\n")
    failed = array_api.failures(REPORT)
    assert array_api.verdict(set(), failed, entries) == ["fails, and passes on NumPy: test_b.py::TestC::test_three"]
    assert array_api.verdict(failed, failed, entries) == []
    assert array_api.verdict(set(), set(), entries) == ["is listed, and passes: test_a.py::test_one"]
    with pytest.raises(ValueError, match="reason"):
        array_api.known("must  test_a.py::test_one\n")


def test_list_is_short_and_explained() -> None:
    entries = array_api.known(array_api.KNOWN.read_text())
    assert len({e.test for e in entries}) == len(entries) <= 8
    assert all(len(e.reason) > 20 for e in entries)


if "ARRAY_API_TESTS" in os.environ:  # a checkout of the suite, which is no part of this project

    @pytest.mark.slow
    def test_the_suite_itself() -> None:
        command = [sys.executable, array_api.__file__, os.environ["ARRAY_API_TESTS"]]
        done = subprocess.run(command, check=False, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr


# -- what the suite asks, in short ------------------------------------------------------------------------------------


def test_namespace() -> None:
    t = gt.ones(2)
    assert t.__array_namespace__() is gt
    assert t.__array_namespace__(api_version="2024.12") is gt
    assert gt.__array_api_version__ == array_api.VERSION
    with pytest.raises(ValueError, match=r"2020\.1"):
        t.__array_namespace__(api_version="2020.1")


def test_inspection() -> None:
    info = gt.__array_namespace_info__()
    assert info.devices() == ("cpu",)
    assert info.default_device() == gt.ones(1).device
    assert info.dtypes(kind="real floating") == {"float32": gt.float32, "float64": gt.float64}
    assert info.default_dtypes()["integral"] == gt.asarray(1).dtype
    assert info.capabilities()["boolean indexing"] is True


def test_limits_are_plain_numbers() -> None:
    for dtype in (gt.float32, gt.complex64, gt.ones(1, dtype=gt.float32)):
        info = gt.finfo(dtype)
        assert (type(info.eps), info.eps, info.bits) == (float, 2.0**-23, 32)
        assert info.dtype == gt.float32
        assert info.max == float(np.finfo(np.float32).max)
    assert (gt.ones(1, dtype=gt.float32) * gt.finfo(gt.float32).eps).dtype == gt.float32


def test_dlpack_goes_both_ways() -> None:
    t = gt.asarray([1.0, 2.0])
    out = np.from_dlpack(t)
    np.testing.assert_array_equal(out, [1.0, 2.0])
    assert not out.flags.writeable
    assert t.__dlpack_device__() == (1, 0)
    copied = np.from_dlpack(t, copy=True)
    copied[0] = 7.0
    assert float(t[0]) == 1.0
    np.testing.assert_array_equal(gt.from_dlpack(np.arange(3.0)), [0.0, 1.0, 2.0])


ELSEWHERE: list[Any] = [
    lambda: gt.zeros(2, device="gpu"),
    lambda: gt.astype(gt.ones(1), gt.int64, device="gpu"),
    lambda: gt.ones(1).to_device("gpu"),
    lambda: gt.fft.fftfreq(3, device="gpu"),
]


@pytest.mark.parametrize("make", ELSEWHERE)
def test_there_is_one_device(make: Any) -> None:
    with pytest.raises(ValueError, match="cpu"):
        make()


def test_small_integers_keep_the_dtype_that_is_asked_for() -> None:
    x = gt.ones((2, 2), dtype=gt.uint8) * 200
    assert gt.sum(x).dtype == gt.uint64
    assert (gt.sum(x, dtype=gt.uint8).dtype, int(gt.sum(x, dtype=gt.uint8))) == (gt.uint8, 800 % 256)
    for f in (gt.cumulative_sum, gt.cumulative_prod):
        assert f(x[0], dtype=gt.uint8).dtype == gt.uint8
    assert gt.prod(x, dtype=gt.uint8).dtype == gt.uint8
    assert gt.trace(x).dtype == gt.uint64
    assert gt.vecdot(x, x, axis=0).dtype == gt.uint8


def test_vecdot_broadcasts_only_the_other_axes() -> None:
    for axis in (-1, -2):
        with pytest.raises(gt.ShapeError, match="lengths 1 and 3"):
            gt.vecdot(gt.ones((1, 1)), gt.ones((3, 3)), axis=axis)


def test_an_axis_that_is_not_there_is_an_index_error() -> None:
    for ask in (lambda: gt.expand_dims(gt.ones(2), axis=3), lambda: gt.sum(gt.ones(2), axis=3)):
        with pytest.raises(IndexError):
            ask()
        with pytest.raises(gt.ShapeError):
            ask()


def test_frequencies_have_the_dtype_that_is_asked_for() -> None:
    assert gt.fft.fftfreq(4, dtype=gt.float32).dtype == gt.float32
    assert gt.fft.rfftfreq(4, 0.5, dtype=gt.float32).dtype == gt.float32
