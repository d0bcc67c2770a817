"""Containers in, containers out: lists, tuples, dicts, dataclasses and None, by optree.

A leaf is a Tensor, a Variable, an array or a number.  None is an empty container, as in optree's default.

A Module is a leaf too: a function that takes one is called with it.  Where derivatives are asked with respect to a
Module, it is ``opened`` first: it stands for the dict of its trainable Variables by their names.  More generally, any
object that has a method ``__gradtape_tree__`` stands for the tree that the method returns.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from functools import partial
from typing import Any

import optree

from .errors import TreeError, message
from .record.tensor import Tensor
from .record.variable import Variable

_gradtape_composes = True
_NAMESPACE = "gradtape"
_known: set[type] = set()


def is_leaf(x: Any) -> bool:
    """Whether ``x`` is taken as one value, not as a container."""
    return isinstance(x, Tensor | Variable)


def is_module(x: Any) -> bool:
    """Whether ``x`` stands for a tree: a Module, and whatever else has ``__gradtape_tree__``."""
    return hasattr(type(x), "__gradtape_tree__")


def opened(tree: Any) -> Any:
    """``tree`` with the dict of its trainable Variables in the place of each Module."""
    if is_leaf(tree):
        return tree
    if is_module(tree):
        return opened(tree.__gradtape_tree__())
    leaves, structure = flatten(tree)
    return unflatten(structure, [opened(x) if is_module(x) else x for x in leaves])


def flatten(tree: Any) -> tuple[list[Any], Any]:
    """The leaves of ``tree`` and its structure."""
    if type(tree) is Tensor or type(tree) is Variable:
        return [tree], None
    _open_dataclasses(tree)
    leaves, structure = optree.tree_flatten(tree, is_leaf, namespace=_NAMESPACE)
    return leaves, structure


def unflatten(structure: Any, leaves: list[Any]) -> Any:
    """The tree of that structure with these leaves."""
    return leaves[0] if structure is None else optree.tree_unflatten(structure, leaves)


def paths(tree: Any, name: str) -> list[str]:
    """How to write each leaf of ``tree``: ``params['w'][0]``."""
    if is_leaf(tree):
        return [name]
    tree = opened(tree)
    _open_dataclasses(tree)
    accessors = optree.tree_accessors(tree, is_leaf, namespace=_NAMESPACE)
    return [accessor.codify(name) for accessor in accessors]


def tree_map(function: Callable[..., Any], tree: Any, *rest: Any) -> Any:
    """``function`` applied to the leaves; further trees must have the same structure."""
    leaves, structure = flatten(tree)
    others = [flatten_like(tree, other, "tree_map") for other in rest]
    return unflatten(structure, [function(*each) for each in zip(leaves, *others, strict=True)])


def flatten_like(tree: Any, other: Any, asked: str) -> list[Any]:
    """What ``other`` has at each leaf of ``tree``: its containers must be those of ``tree``, its leaves may be any."""
    structure = flatten(tree)[1]
    if structure is None:
        return [other]
    try:
        return structure.flatten_up_to(other)
    except ValueError as error:
        raise TreeError(
            message(
                f"{asked}: the containers do not match",
                [f"expected  {structure}", f"found     {flatten(other)[1] or '*'}"],
                remedy="Pass a container of the same structure.",
            )
        ) from error


def leaves_and_nones(tree: Any) -> list[Any]:
    """The leaves of ``tree``, None among them."""
    return optree.tree_leaves(tree, is_leaf, none_is_leaf=True, namespace=_NAMESPACE)


def orders(tree: Any) -> tuple[Any, ...]:
    """The keys of the dicts of ``tree``, in their order, which the structure does not tell."""
    kind = type(tree)
    if kind is Tensor or kind is Variable:
        return ()
    if isinstance(tree, dict):
        inner = [orders(x) for x in tree.values()]  # pyright: ignore[reportUnknownVariableType]
        return (tuple(tree), *[o for o in inner if o])  # pyright: ignore[reportUnknownArgumentType]
    if isinstance(tree, list | tuple):
        return tuple([o for x in tree if (o := orders(x))])  # pyright: ignore[reportUnknownVariableType]
    if kind in _known:
        return tuple([o for f in dataclasses.fields(tree) if (o := orders(getattr(tree, f.name, None)))])
    return ()


def _open_dataclasses(tree: Any) -> None:
    """Register the dataclasses of ``tree`` on sight: a plain ``@dataclass`` is a container, not a leaf."""
    if dataclasses.is_dataclass(tree) and not isinstance(tree, type) and not is_module(tree):
        kind: type = type(tree)
        if kind not in _known:
            optree.register_pytree_node(kind, _fields, partial(_rebuilt, kind), namespace=_NAMESPACE)
            _known.add(kind)
        for field in dataclasses.fields(tree):
            _open_dataclasses(getattr(tree, field.name, None))
    elif isinstance(tree, list | tuple):
        for x in tree:  # pyright: ignore[reportUnknownVariableType]
            _open_dataclasses(x)
    elif isinstance(tree, dict):
        for x in tree.values():  # pyright: ignore[reportUnknownVariableType]
            _open_dataclasses(x)


def _fields(x: Any) -> tuple[list[Any], Any, list[str]]:
    names = [f.name for f in dataclasses.fields(x) if f.init]
    return [getattr(x, name) for name in names], tuple(names), names


def _rebuilt(kind: Any, names: Any, children: Any) -> Any:
    return kind(**dict(zip(names, children, strict=True)))
