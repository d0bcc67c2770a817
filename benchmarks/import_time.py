"""Import time: each library in a fresh interpreter, against numpy alone.

The time is that of the import statement; starting Python does not count. The
libraries take turns. The first turn, which fills the page cache and writes the
bytecode, is thrown away. "over numpy" is the median less numpy's median.
"""

import argparse
import importlib.util
import os
import statistics
import subprocess
import sys

CODE = "import time; t = time.perf_counter(); import {}; print(time.perf_counter() - t)"
LIBRARIES = ("numpy", "gradtape", "torch", "tensorflow", "jax", "autograd")


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--rounds", type=int, default=10)
    p.add_argument("--only", default=",".join(LIBRARIES))
    args = p.parse_args()
    names = []
    for name in args.only.split(","):
        if importlib.util.find_spec(name) is None:
            print(f"skipped: {name} is not installed", file=sys.stderr)
        else:
            names.append(name)
    times = {name: [] for name in names}
    # Where it is set, every import would compile what has no bytecode yet.
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    for turn in range(args.rounds + 1):
        for name in names:
            out = subprocess.run(
                [sys.executable, "-c", CODE.format(name)],
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                env=environment,
                check=True,
            ).stdout
            if turn:
                times[name].append(float(out) * 1e3)
    numpy = statistics.median(times["numpy"]) if "numpy" in times else None
    print(f"  {'':<12}{'best ms':>10}{'median ms':>12}{'over numpy ms':>16}")
    for name, values in times.items():
        median = statistics.median(values)
        over = "" if numpy is None or name == "numpy" else f"{median - numpy:>16.1f}"
        print(f"  {name:<12}{min(values):>10.1f}{median:>12.1f}{over}")


if __name__ == "__main__":
    main()
