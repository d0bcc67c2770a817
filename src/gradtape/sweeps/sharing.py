"""Common subexpressions: the entries of a record with every operation on the same values once.

What several sweeps wrote about one program names the same values several times: a record that is walked again for many
points need not compute them so often.  The names that are left out are told, with those that stand for them.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from ..primitives.shapes import identity
from ..record.segment import Entry
from ..record.tensor import SCALARS, Tensor

_IDENTITY = identity.primitive  # type: ignore[attr-defined]


def shared(entries: Iterable[Entry]) -> tuple[list[Entry], dict[Any, Tensor]]:
    """The entries without repetitions, and for each value that was left out the one that is the same."""
    same: dict[Any, Tensor] = {}
    seen: dict[Any, Any] = {}
    kept: list[Entry] = []
    for row, params, inputs, output, code, lasti in entries:
        inputs = tuple([same.get(x, x) if isinstance(x, Tensor) else x for x in inputs])
        if row is _IDENTITY:
            same[output] = inputs[0]
            continue
        if row.kind != "event" and (row.kind != "composite" or row.body is not None) and _plain(params):
            key = (row, repr(params), tuple([id(x) if isinstance(x, Tensor) else repr(x) for x in inputs]))
            before = seen.setdefault(key, output)
            if before is not output:
                pairs = zip(output, before, strict=True) if type(output) is tuple else ((output, before),)
                same.update(pairs)
                continue
        kept.append((row, params, inputs, output, code, lasti))
    return kept, same


def _plain(x: Any) -> bool:
    """Whether ``repr`` tells all of a parameter: not of a large array, not of a function."""
    if isinstance(x, dict):
        return all(_plain(v) for v in x.values())  # pyright: ignore[reportUnknownVariableType]
    if isinstance(x, tuple | list):
        return all(_plain(v) for v in x)  # pyright: ignore[reportUnknownVariableType]
    if isinstance(x, slice):
        return _plain((x.start, x.stop, x.step))
    return x is None or x is Ellipsis or type(x) in SCALARS or isinstance(x, str)
