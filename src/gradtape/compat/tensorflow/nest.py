"""tf.nest: trees of values."""

from __future__ import annotations

from typing import Any

from ... import trees
from .names import fallback

_gradtape_composes = True

__all__ = ["assert_same_structure", "flatten", "is_nested", "map_structure", "pack_sequence_as"]


def flatten(structure: Any, expand_composites: bool = False) -> list[Any]:
    """The leaves, in order."""
    return trees.flatten(structure)[0]


def map_structure(func: Any, *structure: Any, **_: Any) -> Any:
    """``func`` applied to the leaves of structures that match."""
    return trees.tree_map(func, structure[0], *structure[1:])


def pack_sequence_as(structure: Any, flat_sequence: Any, expand_composites: bool = False) -> Any:
    """The structure with other leaves."""
    return trees.unflatten(trees.flatten(structure)[1], list(flat_sequence))


def assert_same_structure(nest1: Any, nest2: Any, check_types: bool = True, expand_composites: bool = False) -> None:
    """Raise TreeError, a ValueError, where the structures differ."""
    trees.flatten_like(nest1, nest2, "assert_same_structure")


def is_nested(structure: Any) -> bool:
    """Whether it is a container."""
    return isinstance(structure, list | tuple | dict)


__getattr__ = fallback(__name__)
