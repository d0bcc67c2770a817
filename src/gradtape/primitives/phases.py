"""The phases of complex vectors: the largest entry of each column is real and positive.

An eigenvector is determined up to a phase.  With this choice it is a function of the matrix, with derivatives to every
order; those of a function that does not depend on the phase do not depend on the choice either.
"""

from __future__ import annotations

from typing import Any

from .complexes import conj, imag, real
from .indexing import add_along_axis, take_along_axis
from .reductions import sum
from .sorting import argmax


def phases(xp: Any, v: Any) -> Any:
    """What the columns of v are to be multiplied with, as a row."""
    size = xp.abs(v)
    largest = xp.argmax(size, axis=-2, keepdims=True)
    top = xp.take_along_axis(v, largest, axis=-2)
    length = xp.abs(top)
    return xp.where(length > 0, xp.conj(top) / xp.where(length > 0, length, 1), 1)


def _largest(v: Any) -> Any:
    return argmax(real(v) * real(v) + imag(v) * imag(v), axis=-2, keepdims=True)


def turning(dv: Any, v: Any) -> Any:
    """How fast a tangent of v turns the largest entries: dv - 1j * v * turning keeps them real."""
    if not v.shape[-2]:
        return 0j * sum(dv, axis=-2, keepdims=True)  # nothing can turn
    place = _largest(v)
    return imag(take_along_axis(dv, place, axis=-2) / take_along_axis(v, place, axis=-2)) + 0j


def against_turning(ct: Any, v: Any, more: Any = 0.0) -> Any:
    """The transpose of dv -> dv - 1j * v * turning(dv, v); ``more``: sums of conj(ct) * u for a u that turns too."""
    if not v.shape[-2]:
        return ct
    place = _largest(v)
    pull = imag(sum(conj(ct) * v, axis=-2, keepdims=True) + more) * 1j
    return ct + add_along_axis(pull / take_along_axis(v, place, axis=-2), place, axis=-2, length=v.shape[-2])
