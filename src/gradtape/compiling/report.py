"""What a compiled function tells of itself."""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .function import Function


def report(function: Function) -> str:
    """One block for each kind of arguments, one line for each path and each guard."""
    lines = [f"{function.name}: {_times(len(function.kinds), 'kind')} of arguments"]
    for paths in function.kinds.values():
        lines.append("  " + (paths.paths[0].signature() if paths.paths else "no path kept"))
        for i, path in enumerate(sorted(paths.paths, key=lambda p: -p.calls)):
            lines.append(
                f"    path {i + 1}: {_times(path.calls, 'call')} after the first, {len(path.program)} steps "
                f"(recorded: {path.recorded}), engine {path.engine}: {path.why}"
            )
            hosted = path.run.hosted()
            lines += [f"      on the host, called back by XLA: {', '.join(hosted)}"] if hosted else []
            lines += [f"      recorded because {_indented(path.reason)}"] if path.reason else []
            guards = [f"{guard.expected!r} at {guard.site}" for _, guard in path.program.guards]
            for guard, alike in groupby(guards):
                count = len(list(alike))
                lines.append(f"      guard: {guard}" + (f"  ({count} times)" if count > 1 else ""))
        if paths.once:
            lines.append(f"    runs as plain Python: {paths.once}")
        if paths.given_up:
            lines.append(f"    stays plain Python: {paths.given_up}")
    return "\n".join(lines)


def _times(n: int, what: str) -> str:
    return f"{n} {what}" if n == 1 else f"{n} {what}s"


def _indented(text: str) -> str:
    return text.replace("\n", "\n        ")
