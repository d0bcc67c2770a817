"""Interleaved timing of several libraries in one process, on one thread.

Import this module before any library: the thread counts below are read when
a library is first imported.
"""

import os

for _name in (
    "OMP_NUM_THREADS",
    "MKL_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "TF_NUM_INTRAOP_THREADS",
    "TF_NUM_INTEROP_THREADS",
):
    os.environ[_name] = "1"
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("JAX_PLATFORMS", "cpu")
os.environ.setdefault("JAX_ENABLE_X64", "1")
os.environ.setdefault("XLA_FLAGS", "--xla_cpu_multi_thread_eigen=false")

import argparse
import gc
import importlib
import statistics
import sys
import time

MODULES = {
    "gradtape": "gradtape",
    "torch": "torch",
    "tensorflow": "tensorflow",
    "jax": "jax",
    "autograd": "autograd",
}


def load(name):
    """Import one library and hold it to one thread; None if it is absent."""
    try:
        module = importlib.import_module(MODULES[name])
    except ImportError as error:
        print(f"skipped: {name} cannot be imported ({error})", file=sys.stderr)
        return None
    if name == "torch":
        module.set_num_threads(1)
        module.set_num_interop_threads(1)
    elif name == "tensorflow":
        module.config.threading.set_intra_op_parallelism_threads(1)
        module.config.threading.set_inter_op_parallelism_threads(1)
    return module


def parser(doc, libs=tuple(MODULES)):
    """An argument parser with the options every benchmark here shares."""
    p = argparse.ArgumentParser(description=doc, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--only", default=",".join(libs), help="libraries, comma-separated (default: %(default)s)")
    p.add_argument("--rounds", type=int, default=30, help="interleaved rounds per case (default: %(default)s)")
    return p


def load_all(only):
    """The libraries of a comma-separated list that are installed, by name."""
    found = {name: load(name) for name in only.split(",")}
    found = {name: module for name, module in found.items() if module is not None}
    versions = (f"{n} {getattr(m, '__version__', '')}".strip() for n, m in found.items())
    print(f"# python {sys.version.split()[0]}, {', '.join(versions)}")
    return found


def measure(cases, rounds=30, slice_s=0.02, limit_s=10.0):
    """Time each callable of `cases`, interleaved; name -> list of seconds per call.

    Every round gives each case, in turn, one slice of about `slice_s` seconds
    (at least one call), so that a slow spell of the machine falls on all of
    them. A case stops taking part after `limit_s` seconds in total.
    """
    calls = {}
    for name, function in cases.items():
        function()  # warm-up: caches, lazy imports, thread pools
        start = time.perf_counter()
        function()
        calls[name] = max(1, int(slice_s / max(time.perf_counter() - start, 1e-9)))
    # What the libraries made at import is not part of any case's garbage.
    gc.collect()
    gc.freeze()
    times = {name: [] for name in cases}
    spent = dict.fromkeys(cases, 0.0)
    for _ in range(rounds):
        for name, function in cases.items():
            if spent[name] > limit_s:
                continue
            count = range(calls[name])
            start = time.perf_counter()
            for _ in count:
                function()
            seconds = time.perf_counter() - start
            spent[name] += seconds
            times[name].append(seconds / calls[name])
    gc.unfreeze()
    return times


def report(title, times, per=1, unit="us/op", scale=1e6, subject="gradtape"):
    """Print best and median of each case and the subject's ratio to each peer."""
    if not times:
        return
    print(f"\n{title}")
    print(f"  {'':<12}{'best ' + unit:>14}{'median ' + unit:>16}", end="")
    print(f"{subject + '/peer best':>22}{'median':>9}" if subject in times else "")
    for name, values in times.items():
        best, median = min(values), statistics.median(values)
        line = f"  {name:<12}{best / per * scale:>14.3f}{median / per * scale:>16.3f}"
        if subject in times and name != subject:
            line += f"{min(times[subject]) / best:>21.2f}x"
            line += f"{statistics.median(times[subject]) / median:>8.2f}x"
        print(line)
    sys.stdout.flush()


def check(name, value, expected, tolerance=1e-10):
    """Fail loudly when a library's number is not the reference's."""
    import numpy as np

    np.testing.assert_allclose(np.asarray(value, dtype=float), expected, rtol=tolerance, atol=1e-300, err_msg=name)
