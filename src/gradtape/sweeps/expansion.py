"""Derivatives of any order along a path, read off a record by one Taylor sweep."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ..primitives.shapes import identity
from ..record.segment import Entry, is_recording
from ..record.tensor import Tensor, value_of
from .query import note, zeros
from .taylor import Series, Taylor, taylor


def expansions(
    entries: Iterable[Entry], given: Mapping[Tensor, Sequence[Any]], outputs: Sequence[Any], order: int
) -> list[list[Tensor]]:
    """The derivatives 1 .. order of each output along the path whose derivatives are given."""
    recording = is_recording()
    reader = Taylor()
    factors = _factorials(order)
    paths: dict[Tensor, Series] = {}
    for x, derivatives in given.items():
        scaled = [
            None if d is None else d / factors[k] if factors[k] != 1 else d for k, d in enumerate(derivatives, start=1)
        ]
        paths[x] = reader.series([x, *scaled] if recording else [x.data, *[value_of(d) for d in scaled]])
    known = taylor(entries, paths, reader, order)
    results: list[list[Tensor]] = []
    for output in outputs:
        s = known.get(output)
        made: list[Tensor] = []
        for k in range(1, order + 1):
            c = None if s is None else s.term(k)
            dk = zeros(output) if c is None else c * factors[k] if factors[k] != 1 else c
            made.append(dk if isinstance(dk, Tensor) else Tensor(dk))
        results.append(made)
    if recording:  # an answer is not its own question, nor the answer to another one
        times = Counter(id(d) for ds in (*given.values(), *results) for d in ds)
        results = [[d if times[id(d)] == 1 else identity(d) for d in made] for made in results]
    note([o for o in outputs if isinstance(o, Tensor)], list(given), [d for made in results for d in made])
    return results


def _factorials(order: int) -> list[float]:
    """k! / h^k for k = 0 .. order, where coefficients are those of the path slowed down by h, a power of two.

    h is 1 at moderate orders; at high ones so large that k! / h^k, and with it the coefficients, stay numbers.
    """
    power = round(math.lgamma(order + 1) / math.log(2) / order) if order > 25 else 0
    return [math.factorial(k) / (1 << power * k) for k in range(order + 1)]
