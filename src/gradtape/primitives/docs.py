"""The public docstring of a row: what it computes, its shapes and dtypes, and an example that runs."""

from __future__ import annotations


def documented(text: str, call: str, result: str, notes: str = "") -> str:
    """Lay out a docstring: ``text``, then ``notes``, then ``>>> call`` with its result.

    >>> documented("``-x``.", "gt.negative(2.0)", "Tensor(-2.0)").splitlines()
    ['``-x``.', '', '>>> import gradtape as gt', '>>> gt.negative(2.0)', 'Tensor(-2.0)']
    """
    lines = [text, ""]
    if notes:
        lines += [notes, ""]
    lines += [">>> import gradtape as gt", f">>> {call}", result]
    return "\n".join(lines)
