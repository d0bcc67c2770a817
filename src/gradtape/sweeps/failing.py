"""What goes wrong inside a sweep is told with the operation and the user's line whose derivative was being taken."""

from __future__ import annotations

from typing import Any

from ..errors import GradtapeError, RuleError, message
from ..record.sites import decode


def located(error: Exception, row: Any, code: Any, lasti: int, sweep: str = "reverse") -> Exception:
    """``error``, with the operation and the user's line whose derivative was being taken."""
    site = decode(code, lasti)
    error.add_note(
        f"gradtape: in the {sweep} sweep, at the derivative of {row.name}" + (f", recorded at {site}" if site else "")
    )
    if isinstance(error, GradtapeError | Warning | KeyboardInterrupt):
        return error
    return RuleError(message(f"the derivative of {row.name} failed: {type(error).__name__}: {error}", where=str(site)))
