"""Every exception and warning of gradtape, and the one function that lays out their messages.

    GradtapeError
    ├── ShapeError (ValueError)        shapes that do not fit
    ├── DtypeError (TypeError)         a dtype that has no derivative, or does not fit
    ├── TreeError (ValueError)         containers that do not match
    ├── TapeError (RuntimeError)       a tape used in a way that has no meaning
    │   └── GuardError                 a batch that does not agree with the path that was recorded
    ├── ImmutableError (TypeError)     writing into a Tensor
    ├── DegenerateError (LinAlgError)  eigenvalues that coincide where the derivative needs them apart
    ├── RuleError (RuntimeError)       a primitive or a custom rule that breaks its contract
    ├── DerivativeError (AssertionError) a law of derivatives that does not hold (check_derivatives)
    └── UnknownNameError (AttributeError)
    GradtapeWarning (UserWarning)
    ├── UnconnectedGradientWarning     a gradient is None: why, and what to do
    └── KinkedExpectationWarning       a derivative of a mean over random draws that misses a kink or a jump

This module imports nothing of gradtape.
"""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches

import numpy as np


class GradtapeError(Exception):
    """Base of every exception that gradtape raises on purpose."""


class ShapeError(GradtapeError, ValueError):
    """Shapes that do not fit together."""


class AxisError(ShapeError, IndexError):
    """An axis that is not there; as NumPy's own AxisError it is an IndexError too."""


class DtypeError(GradtapeError, TypeError):
    """A dtype that has no derivative, or an argument of a kind that is not accepted."""


class TreeError(GradtapeError, ValueError):
    """Containers (lists, dicts, dataclasses ...) whose structures do not match."""


class TapeError(GradtapeError, RuntimeError):
    """A tape used in a way that has no meaning."""


class GuardError(TapeError):
    """A batch that does not agree with the path that was recorded: Python asked for a value, or took it away."""


class ImmutableError(GradtapeError, TypeError):
    """An attempt to write into a Tensor, which is an immutable value."""


class RuleError(GradtapeError, RuntimeError):
    """A primitive or a custom derivative rule that breaks its contract."""


class DerivativeError(GradtapeError, AssertionError):
    """A law of derivatives that does not hold: which law, for which input, what was expected and found, and why.

    The text says it all; ``law``, ``input``, ``expected``, ``found``, ``cause`` and ``report`` are for programs.
    """

    law: str = ""
    input: str = ""
    expected: float | None = None
    found: float | None = None
    cause: str = ""
    report: object = None


class DegenerateError(GradtapeError, np.linalg.LinAlgError):
    """A derivative with respect to eigenvectors or singular vectors that repeated values leave undetermined."""


class UnknownNameError(GradtapeError, AttributeError):
    """A name that gradtape does not have."""


class GradtapeWarning(UserWarning):
    """Base of every warning that gradtape issues."""


class UnconnectedGradientWarning(GradtapeWarning):
    """A gradient is None: names the target, the source, where the path broke, and the remedy."""


class KinkedExpectationWarning(GradtapeWarning):
    """A derivative of a mean over random draws, path by path, that misses what a kink or a jump contributes.

    Names the line of the kink, the order that is wrong, and the remedy.  A tape with ``strict=True`` raises it.
    """


def message(
    asked: str,
    found: str | Iterable[str] = (),
    where: str | None = None,
    remedy: str | None = None,
) -> str:
    """Lay out one message: what was asked, what was found, where, and what to do.

    >>> print(message("gradient: the seed does not fit", ["shape (3,), expected (4,)"], "model.py:3", "Pass (4,)."))
    gradient: the seed does not fit
      shape (3,), expected (4,)
      at model.py:3
    Pass (4,).
    """
    lines = [asked]
    lines += [f"  {line}" for line in ([found] if isinstance(found, str) else found)]
    if where:
        lines.append(f"  at {where}")
    if remedy:
        lines.append(remedy)
    return "\n".join(lines)


def nearest(name: str, names: Iterable[str]) -> str:
    """' Did you mean ...?' for a name that is not there, or an empty string."""
    close = get_close_matches(name, list(names), n=3, cutoff=0.6)
    return f" Did you mean {' or '.join(repr(c) for c in close)}?" if close else ""
