"""The six constructors: each asks for the one rule that its kind needs, and declares the row.

>>> from gradtape.rules.kinds import elementwise
>>> cube = elementwise("cube_example", lambda xp, x: x * x * x, lambda y, x: 3 * x * x)
>>> cube(2.0)
8.0
"""

from __future__ import annotations

from typing import Any

from .primitive import Primitive, Rule, declare


def constant(name: str, impl: Rule | str, *, arity: int | None = 1, carries: bool = False, **row: Any) -> Rule:
    """A primitive whose derivative is zero. ``carries=True``: the output is a float, connected with zero slope."""
    return declare(Primitive(name, "constant", impl, arity, carries=carries, **row))


def elementwise(name: str, impl: Rule | str, *partials: Rule | None, **row: Any) -> Rule:
    """A primitive that acts element by element, by its partial derivatives ``phi_i(y, x1, x2, ...)``."""
    return declare(
        Primitive(name, "elementwise", impl, len(partials), partials=partials, broadcasts=len(partials) > 1, **row)
    )


def linear(name: str, impl: Rule | str, *transposes: Rule | None, variadic: Rule | None = None, **row: Any) -> Rule:
    """A primitive that is jointly linear in its inputs, by its transposes ``t_i(ct, x1, x2, ...)``."""
    arity = None if variadic else len(transposes)
    return declare(Primitive(name, "linear", impl, arity, transposes=transposes, variadic=variadic, **row))


def multilinear(
    name: str, impl: Rule | str, *transposes: Rule | None, variadic: Rule | None = None, **row: Any
) -> Rule:
    """A primitive that is linear in each input by itself, by its transposes ``t_i(ct, x1, x2, ...)``."""
    arity = None if variadic else len(transposes)
    return declare(Primitive(name, "multilinear", impl, arity, transposes=transposes, variadic=variadic, **row))


def differential(name: str, impl: Rule | str, dy: Rule, *, arity: int | None = 1, **row: Any) -> Rule:
    """A primitive by its differential ``dy(y, xs, dxs, **params)``, linear in ``dxs`` (None: that input is held)."""
    return declare(Primitive(name, "differential", impl, arity, differential=dy, **row))


def composite(name: str, impl: Rule | str, body: Rule, *, arity: int | None = 1, **row: Any) -> Rule:
    """A primitive whose derivatives are those of ``body(x1, x2, ..., **params)``; its value is ``impl``'s."""
    return declare(Primitive(name, "composite", impl, arity, body=body, **row))
