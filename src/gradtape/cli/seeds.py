"""``gradtape seeds``: runs the fifteen seed programs as they stand, and compares with what each must do."""

from __future__ import annotations

import contextlib
import io
import re
import sys
import tempfile
from pathlib import Path
from typing import Any

from ..errors import message
from .outcome import Outcome, as_list, numbers
from .programs import PROGRAMS, Program
from .report import readable_warnings, wrapped
from .run import execute

#: Where the programs lie in a checkout, and beside one.
FOLDERS = ["examples/seeds", "shared/seeds/programs", "../shared/seeds/programs"]


def add(commands: Any) -> None:
    """Declare the command."""
    command = commands.add_parser("seeds", help="run the fifteen seed programs and check what they print")
    command.add_argument("folder", metavar="FOLDER", nargs="?", help="where they lie (default: examples/seeds)")
    command.add_argument("--picture", metavar="FILE", help="draw the result as an SVG picture")
    command.set_defaults(run=run)


def run(options: Any) -> int:
    """Carry the command out."""
    folder = _folder(options.folder)
    if folder is None:
        asked = options.folder or " or ".join(FOLDERS)
        print(
            message(
                "gradtape seeds: the seed programs are not there",
                [f"looked for 000_1.py ... 004_3.py in {asked}"],
                remedy="Run it in a checkout of gradtape, or name their folder: gradtape seeds FOLDER.",
            ),
            file=sys.stderr,
        )
        return 2
    outcomes: list[Outcome] = []
    for i, program in enumerate(PROGRAMS, 1):
        progress(f"{i}/{len(PROGRAMS)}  {program.name}  {program.about}")
        outcomes.append(check(program, folder))
    progress("")
    print(summary(outcomes))
    if options.picture:
        from .picture import picture

        Path(options.picture).parent.mkdir(parents=True, exist_ok=True)
        Path(options.picture).write_text(picture(outcomes), encoding="utf-8")
        print(f"\npicture: {options.picture}")
    return 1 if any(o.wrong for o in outcomes) else 0


def progress(text: str) -> None:
    """One line that replaces itself on a terminal; nothing where the output is kept."""
    if sys.stderr.isatty():
        print(f"\r\033[K{text}", end="", file=sys.stderr, flush=True)


def _folder(given: str | None) -> Path | None:
    candidates = [given] if given else FOLDERS
    return next((Path(c) for c in candidates if (Path(c) / "000_1.py").is_file()), None)


def check(program: Program, folder: Path) -> Outcome:
    """Run one program and compare."""
    path = folder / program.file
    if not path.is_file():
        return Outcome(program, "", [], "", [f"{path} is missing"])
    if not program.amended:
        return _judge(program, *_capture(path))
    text = path.read_text(encoding="utf-8")
    for old, new in program.amended:
        if old not in text:
            return Outcome(program, "", [], "", [f"{path} has changed: {old.strip()!r} is not in it"])
        text = text.replace(old, new)
    with tempfile.TemporaryDirectory() as temporary:
        changed = Path(temporary) / path.name
        changed.write_text(text, encoding="utf-8")
        return _judge(program, *_capture(changed))


def _capture(path: Path) -> tuple[str, list[str], str]:
    """What a program printed, its warnings, and the message of the exception that ended it."""
    out, err = io.StringIO(), io.StringIO()
    told: list[str] = []
    with contextlib.redirect_stdout(out), readable_warnings(io.StringIO(), told), contextlib.redirect_stderr(err):
        code = execute(path, [])
    lines = [line for line in err.getvalue().strip().split("\n") if line and not line.startswith(" ")]
    errors = [line for line in lines if re.match(r"[A-Za-z_.]*(Error|Exception)\b", line)]
    return out.getvalue(), told, (errors[-1] if errors else "failed") if code else ""


def _judge(program: Program, printed: str, told: list[str], error: str) -> Outcome:
    wrong: list[str] = []
    everything = "\n".join([printed, *told, error])
    if error.partition(":")[0] != program.error:
        wrong.append(f"ended with {error or 'no error'}, expected {program.error or 'none'}")
    if program.reason and not any(program.reason in w for w in told):
        wrong.append(f"no warning {program.reason}")
    wrong += [f"does not say {words!r}" for words in program.words if words not in everything]
    if program.numbers:
        found = numbers(printed, program.only)
        close = len(found) == len(program.numbers) and all(
            abs(a - b) <= 1e-5 * max(1.0, abs(b)) for a, b in zip(found, program.numbers, strict=True)
        )
        if not close:
            wrong.append(f"printed {as_list(found)}, expected {as_list(program.numbers)}")
    return Outcome(program, printed, told, error, wrong)


def summary(outcomes: list[Outcome]) -> str:
    """The table, and below it the warnings and what went wrong."""
    rows = [("program", "TensorFlow 2.21", "gradtape", "", "what it is")]
    rows += [
        (o.program.name, o.program.tensorflow or "-", o.shown, "WRONG" if o.wrong else "ok", o.program.about)
        for o in outcomes
    ]
    widths = [max(len(r[i]) for r in rows) for i in range(5)]
    lines = ["  ".join(c.ljust(w) for c, w in zip(r, widths, strict=True)).rstrip() for r in rows]
    lines.insert(1, "  ".join("-" * w for w in widths))
    for o in outcomes:
        notes = list(o.warnings) + ([o.error] if o.error and not o.warnings else [])
        if notes or o.wrong:
            lines += ["", f"{o.program.name}:"]
            lines += [_indented(wrapped(note)) for note in notes]
            lines += [_indented(f"WRONG: {w}") for w in o.wrong]
    good = sum(not o.wrong for o in outcomes)
    stands = [o for o in outcomes if not o.program.amended]
    fails = sum(o.program.tensorflow_fails for o in stands)
    lines += [
        "",
        f"{good} of {len(outcomes)} as they must be: {len(stands)} programs as they stand, "
        f"{len(outcomes) - len(stands)} asked again as they were meant (+).",
        f"TensorFlow 2.21 fails on {fails} of the {len(stands)}, or prints nothing.",
    ]
    return "\n".join(lines)


def _indented(text: str) -> str:
    return "\n".join(f"  {line}" for line in text.split("\n"))
