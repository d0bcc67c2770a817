"""What a compiled function tells of itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .function import Function


def report(function: Function) -> str:
    """One block for each kind of arguments, one line for each path and each guard."""
    lines = [f"{function.name}: {len(function.kinds)} kind(s) of arguments"]
    for paths in function.kinds.values():
        lines.append("  " + (paths.paths[0].signature() if paths.paths else "no path kept"))
        for i, path in enumerate(sorted(paths.paths, key=lambda p: -p.calls)):
            lines.append(
                f"    path {i + 1}: {path.calls} calls after the first, {len(path.program)} steps "
                f"(recorded: {path.recorded}), engine {path.engine}: {path.why}"
            )
            lines += [f"      recorded because {path.reason}"] if path.reason else []
            lines += [f"      guard: {g.expected!r} at {g.site}" for _, g in path.program.guards]
        if paths.given_up:
            lines.append(f"    stays plain Python: {paths.given_up}")
    return "\n".join(lines)
