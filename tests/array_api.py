"""Runs the Array API's test suite, from a checkout of it, on NumPy and on gradtape, and compares what fails."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[1]
KNOWN = ROOT / "tests" / "array_api_known.txt"
VERSION = "2025.12"


class Entry(NamedTuple):
    """One line of the list: a test that fails, whether it must, and why."""

    test: str
    must: bool
    reason: str

    def covers(self, failed: str) -> bool:
        """Whether ``failed`` is this test, or one of its parameters or cases."""
        opened = self.test.endswith("(")  # all the cases of a function
        return failed == self.test or failed.startswith(self.test if opened else (self.test + "[", self.test + "::"))


def known(text: str) -> list[Entry]:
    """The entries of the list: ``must|may  test  # reason``."""
    entries: list[Entry] = []
    for line in text.splitlines():
        if line.strip() and not line.startswith("#"):
            found = re.fullmatch(r"(must|may) +(\S.*?) +# (\S.*)", line)
            if found is None:
                raise ValueError(f"not `must|may  test  # reason`: {line!r}")
            entries.append(Entry(found[2], found[1] == "must", found[3]))
    return entries


def failures(report: str) -> set[str]:
    """The tests that pytest's short summary says failed."""
    lines = re.findall(
        r"^(?:FAILED|ERROR) (\S+?\.py(?:::[^\s\[]+)*(?:\[.*?\](?= - |$))?)(?: - .*)?$", report, re.MULTILINE
    )
    return {name.removeprefix("array_api_tests/") for name in lines}


def verdict(of_numpy: set[str], of_gradtape: set[str], entries: list[Entry]) -> list[str]:
    """What is wrong: failures that nothing explains, and explanations that nothing needs."""
    new = sorted(t for t in of_gradtape - of_numpy if not any(e.covers(t) for e in entries))
    idle = [e.test for e in entries if e.must and not any(e.covers(t) for t in of_gradtape)]
    return [f"fails, and passes on NumPy: {t}" for t in new] + [f"is listed, and passes: {t}" for t in idle]


def run(checkout: Path, module: str, arguments: list[str]) -> set[str]:
    """The tests of the suite that fail on a module."""
    environment = {
        **os.environ,
        "ARRAY_API_TESTS_MODULE": module,
        "ARRAY_API_TESTS_VERSION": VERSION,
        "COLUMNS": "1000",
    }
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--derandomize", "--disable-deadline"]
    command += ["-W", "ignore", "-rfE", "--tb=no", "--max-examples", "30", *arguments, "array_api_tests"]
    done = subprocess.run(command, cwd=checkout, env=environment, capture_output=True, text=True, check=False)
    if done.returncode not in (0, 1):
        raise SystemExit(f"the suite did not run on {module}:\n{done.stdout[-2000:]}{done.stderr[-2000:]}")
    print(f"{module}: {done.stdout.strip().splitlines()[-1]}")
    return failures(done.stdout)


def main(arguments: list[str]) -> int:
    """Run the suite on both and print what is wrong."""
    if not arguments or not (Path(arguments[0]) / "array_api_tests").is_dir():
        print("usage: scripts/array-api-tests CHECKOUT [arguments of pytest]", file=sys.stderr)
        return 2
    checkout, more = Path(arguments[0]).resolve(), arguments[1:]
    wrong = verdict(run(checkout, "numpy", more), run(checkout, "gradtape", more), known(KNOWN.read_text()))
    print("\n".join(wrong) if wrong else "gradtape fails nothing that NumPy passes, but what is listed and explained")
    return 1 if wrong else 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
