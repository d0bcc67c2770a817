"""First and second derivatives at singular points: the answers that are right, or the one convention stated.

Kinks, ties, removable singularities, overflowing tails, branches not taken, degenerate matrices: the points at
which derivative programs return nan, or a plausible number that is not the derivative.  First derivatives by one
tape, second ones by nested tapes.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import pytest

import gradtape as gt

INF, NAN = math.inf, math.nan
PI = math.pi


class MissingError(Exception):
    """A function that gradtape does not have yet."""


class Names:
    """gradtape's functions by name, whichever room they live in; raises MissingError for one that is not there."""

    def __getattr__(self, name: str) -> Any:
        for room in (gt, *(getattr(gt, r, None) for r in ("linalg", "nn", "special", "activations"))):
            found = getattr(room, name, None)
            if callable(found):
                return found
        raise MissingError(name)


n = Names()


class Point(NamedTuple):
    name: str
    f: Callable[..., Any]
    at: tuple[Any, ...]  # one argument of f each
    first: list[Any] | None  # acceptable answers, the recommended one first; None: nothing is right
    second: list[Any] | None


POINTS: list[Point] = []


def case(name: str, f: Callable[..., Any], at: Any, first: Any, second: Any) -> None:
    """Enter a point; ``either(...)`` gives several answers, a number alone stands for all elements."""
    at = tuple(np.asarray(a, np.float64)[()] for a in (at if isinstance(at, tuple) else (at,)))
    POINTS.append(Point(name, f, at, answers(first), answers(second)))


class either(tuple[Any, ...]):  # noqa: N801 - reads as a word in the table
    """Several legitimate answers, the recommended one first."""

    def __new__(cls, *alternatives: Any) -> either:
        return super().__new__(cls, alternatives)


def answers(given: Any) -> list[Any] | None:
    return None if given is None else list(given) if isinstance(given, either) else [given]


UNDEFINED = None

# -- powers and roots
for exponent, d1, d2 in [
    (0, 0, 0),
    (1, 1, 0),
    (2, 0, 2),
    (3, 0, 0),
    (1.0, 1, 0),
    (2.0, 0, 2),
    (0.5, INF, -INF),
    (1.5, 0, INF),
    (2.5, 0, 0),
    (-1, -INF, either(INF, -INF)),
]:
    case(f"x**{exponent} at 0", lambda x, p=exponent: x**p, 0, d1, d2)
for (base, exponent), d1, d2 in [
    ((0, 2), [0, 0], [[2, 0], [0, 0]]),
    ((0, 1), [1, 0], [[0, -INF], [-INF, 0]]),
    ((0, 3), [0, 0], 0),
    ((0, 0), either([0, -INF], [0, 0]), UNDEFINED),
    ((-2, 2), [-4, NAN], [[2, NAN], [NAN, NAN]]),
    ((-2, 3), [12, NAN], [[-12, NAN], [NAN, NAN]]),
]:
    case(f"x**y at ({base},{exponent})", lambda x, y: x**y, (base, exponent), d1, d2)
case("x**tensor(2) at -2", lambda x: x ** gt.asarray(2.0), -2, -4, 2)
case("x**tensor(2) at 0", lambda x: x ** gt.asarray(2.0), 0, 0, 2)
case("x**x at 0", lambda x: x**x, 0, -INF, INF)
case("sqrt(x) at 0", lambda x: n.sqrt(x), 0, INF, -INF)
case("sqrt(x*x) at 0", lambda x: n.sqrt(x * x), 0, 0, 0)
case("sqrt(x**4) at 0", lambda x: n.sqrt(x**4), 0, 0, 2)
case("cbrt(x) at 0", lambda x: n.cbrt(x), 0, INF, either(-INF, INF))
case("rsqrt(x) at 0", lambda x: n.rsqrt(x), 0, -INF, INF)
case("log(x) at 0", lambda x: n.log(x), 0, INF, -INF)
case("x*log(x) at 0", lambda x: x * n.log(x), 0, -INF, INF)

# -- norms, hypot, atan2
case("norm([0,0])", lambda x: n.norm(x), [0, 0], 0, UNDEFINED)
case("norm([0,0])**2", lambda x: n.norm(x) ** 2, [0, 0], 0, [[2, 0], [0, 2]])
case("norm([3,0])", lambda x: n.norm(x), [3, 0], [1, 0], [[0, 0], [0, 1 / 3]])
case("norm([0,2], ord=1)", lambda x: n.norm(x, ord=1), [0, 2], [0, 1], 0)
case("hypot(0,0)", lambda x, y: n.hypot(x, y), (0, 0), 0, UNDEFINED)
case("hypot(0,2)", lambda x, y: n.hypot(x, y), (0, 2), [0, 1], [[0.5, 0], [0, 0]])
R8 = 8**-0.5
case("hypot(1,1)", lambda x, y: n.hypot(x, y), (1, 1), [0.5**0.5] * 2, [[R8, -R8], [-R8, R8]])
case("hypot(1e200,1e200)", lambda x, y: n.hypot(x, y), (1e200, 1e200), [0.5**0.5] * 2, 0)
case("arctan2(0,0)", lambda y, x: n.arctan2(y, x), (0, 0), UNDEFINED, UNDEFINED)
case("arctan2(0,1)", lambda y, x: n.arctan2(y, x), (0, 1), [1, 0], [[0, -1], [-1, 0]])
case("arctan2(0,-1)", lambda y, x: n.arctan2(y, x), (0, -1), [-1, 0], [[0, -1], [-1, 0]])
case("arctan2(1e-200,1e-200)", lambda y, x: n.arctan2(y, x), (1e-200, 1e-200), [5e199, -5e199], UNDEFINED)
case("std([1,1])", lambda x: n.std(x), [1, 1], 0, UNDEFINED)
case("var([1,1])", lambda x: n.var(x), [1, 1], 0, [[0.5, -0.5], [-0.5, 0.5]])

# -- kinks and ties
case("abs(x) at 0", lambda x: n.abs(x), 0, 0, 0)
case("x*abs(x) at 0", lambda x: x * n.abs(x), 0, 0, 0)
case("sign(x) at 0", lambda x: n.sign(x), 0, 0, 0)
case("relu(x) at 0", lambda x: n.relu(x), 0, 0, 0)
case("maximum(x,0) at 0", lambda x: n.maximum(x, 0.0), 0, 0.5, 0)
case("maximum(x,0)**2 at 0", lambda x: n.maximum(x, 0.0) ** 2, 0, 0, either(1, 0.5))
case("maximum(x,y) at a tie", lambda x, y: n.maximum(x, y), (1, 1), [0.5, 0.5], 0)
case("maximum(x,x)", lambda x: n.maximum(x, x), 1, 1, 0)
case("max([1,1])", lambda x: n.max(x), [1, 1], [0.5, 0.5], 0)
case("max([1,1], axis=0)", lambda x: n.max(x, axis=0), [1, 1], [0.5, 0.5], 0)
case("max(x*x) at [1,1]", lambda x: n.max(x * x), [1, 1], [1, 1], [[1, 0], [0, 1]])
case("sort([1,1])[0]", lambda x: n.sort(x)[0], [1, 1], either([0.5, 0.5], [1, 0], [0, 1]), 0)
case("clip(x,0,1) at 0", lambda x: n.clip(x, 0.0, 1.0), 0, 1, 0)
case("clip(x,0,1) at 1", lambda x: n.clip(x, 0.0, 1.0), 1, 1, 0)
case("relu6(x) at 6", lambda x: n.relu6(x), 6, 0, 0)
case("elu(x) at 0", lambda x: n.elu(x), 0, 1, either(1, 0))
case("floor(x) at 0", lambda x: n.floor(x), 0, 0, 0)
case("mod(x,1) at 0", lambda x: x % 1.0, 0, 1, 0)

# -- branches not taken
case("where(x>0, sqrt(x), 0) at 0", lambda x: n.where(x > 0, n.sqrt(x), 0.0), 0, 0, 0)
case("where(x>0, sqrt(x), 0) at -1", lambda x: n.where(x > 0, n.sqrt(x), 0.0), -1, 0, 0)
case("where(x>0, log(x), x) at 0", lambda x: n.where(x > 0, n.log(x), x), 0, 1, 0)
case("where(x>0, 1/x, x) at 0", lambda x: n.where(x > 0, 1.0 / x, x), 0, 1, 0)
case("where(x<50, exp(x), x) at 1000", lambda x: n.where(x < 50, n.exp(x), x), 1000, 1, 0)
case(
    "where(x==0, 1-x*x/6, sin(x)/x) at 0",
    lambda x: n.where(x == 0, 1.0 - x * x / 6.0, n.sin(x) / x),
    0,
    0,
    -1 / 3,
)
case("where(x>0, x*log(x), 0) at 0", lambda x: n.where(x > 0, x * n.log(x), 0.0), 0, 0, 0)

# -- removable singularities
case("sinc(x) at 0", lambda x: n.sinc(x), 0, 0, -(PI**2) / 3)
case("sinc(x) at 1e-8", lambda x: n.sinc(x), 1e-8, -(PI**2) / 3 * 1e-8, -(PI**2) / 3)
case("sin(x)/x at 0", lambda x: n.sin(x) / x, 0, 0, -1 / 3)
case("expm1(x)/x at 0", lambda x: n.expm1(x) / x, 0, 0.5, 1 / 3)
case("log1p(x)/x at 0", lambda x: n.log1p(x) / x, 0, -0.5, 2 / 3)
case("xlogy(0,0)", lambda x, y: n.xlogy(x, y), (0, 0), [-INF, 0], UNDEFINED)
case("xlogy(0,1)", lambda x, y: n.xlogy(x, y), (0, 1), 0, [[0, 1], [1, 0]])
case("xlogy(0,2)", lambda x, y: n.xlogy(x, y), (0, 2), [math.log(2), 0], [[0, 0.5], [0.5, 0]])
case("xlog1py(0,1)", lambda x, y: n.xlog1py(x, y), (0, 1), [math.log(2), 0], [[0, 0.5], [0.5, 0]])
case("entr(x) at 0", lambda x: n.entr(x), 0, INF, -INF)

# -- tails
Q = [[0.25, -0.25], [-0.25, 0.25]]
T40 = 4.248354255291589e-18  # exp(-40) to double precision
case("logsumexp([0,-inf])", lambda x: n.logsumexp(x), [0, -INF], [1, 0], 0)
case("logsumexp([-inf,-inf])", lambda x: n.logsumexp(x), [-INF, -INF], either([0.5, 0.5], 0), either(0, Q))
case("logsumexp([inf,0])", lambda x: n.logsumexp(x), [INF, 0], [1, 0], 0)
case("logsumexp([1000,1000])", lambda x: n.logsumexp(x), [1000, 1000], [0.5, 0.5], Q)
case("logaddexp(-inf,-inf)", lambda x, y: n.logaddexp(x, y), (-INF, -INF), either([0.5, 0.5], 0), either(0, Q))
case("logaddexp(0,0)", lambda x, y: n.logaddexp(x, y), (0, 0), [0.5, 0.5], Q)
for at, d1, d2 in [(0, 0.5, 0.25), (25, 1, 1.3887943864578e-11), (1000, 1, 0), (-40, T40, T40), (-1000, 0, 0)]:
    case(f"softplus(x) at {at}", lambda x: n.softplus(x), at, d1, d2)
case("log(1+exp(x)) at 1000", lambda x: n.log(1.0 + n.exp(x)), 1000, 1, 0)
for at, d1, d2 in [(-1000, 1, 0), (1000, 0, 0), (40, T40, -T40)]:
    case(f"log_sigmoid(x) at {at}", lambda x: n.log_sigmoid(x), at, d1, d2)
for at, d1, d2 in [(40, T40, -T40), (-40, T40, T40), (1000, 0, 0)]:
    case(f"sigmoid(x) at {at}", lambda x: n.sigmoid(x), at, d1, d2)
case("tanh(x) at 20", lambda x: n.tanh(x), 20, 1.6993417021166356e-17, -3.398683404233271e-17)
case("log_ndtr(x) at -40", lambda x: n.log_ndtr(x), -40, 40.02496884720726, -0.9993773316214086)
case("log(erfc(x)) at 30", lambda x: n.log(n.erfc(x)), 30, -60.033296398756228, -1.998892575543838)
case("log(cosh(x)) at 1000", lambda x: n.log(n.cosh(x)), 1000, 1, 0)
case("log_softmax([-inf,0])[1]", lambda x: n.log_softmax(x)[1], [-INF, 0], 0, 0)

# -- edges of domains
case("arcsin(x) at 1", lambda x: n.arcsin(x), 1, INF, INF)
case("arccos(x) at 1", lambda x: n.arccos(x), 1, -INF, -INF)
case("arccosh(x) at 1", lambda x: n.arccosh(x), 1, INF, -INF)
case("arctanh(x) at 1", lambda x: n.arctanh(x), 1, INF, INF)
case("arccos(x)**2 at 1", lambda x: n.arccos(x) ** 2, 1, -2, 2 / 3)
case("lgamma(x) at 0", lambda x: n.lgamma(x), 0, -INF, INF)
case("digamma(x) at 1", lambda x: n.digamma(x), 1, PI**2 / 6, -2.4041138063191885)
case("erfinv(x) at 0", lambda x: n.erfinv(x), 0, PI**0.5 / 2, 0)
case("erfinv(x) at 1", lambda x: n.erfinv(x), 1, INF, INF)

# -- products and matrices
P23 = [[0, 3, 2], [3, 0, 0], [2, 0, 0]]
case("prod([0,2,3])", lambda x: n.prod(x), [0, 2, 3], [6, 0, 0], P23)
case("prod([0,0,3])", lambda x: n.prod(x), [0, 0, 3], 0, [[0, 3, 0], [3, 0, 0], [0, 0, 0]])
case("cumprod([0,2,3])[-1]", lambda x: n.cumprod(x)[-1], [0, 2, 3], [6, 0, 0], P23)
MINORS = [[0, 0, 0, 1], [0, 0, -1, 0], [0, -1, 0, 0], [1, 0, 0, 0]]
case("det([[1,2],[2,4]])", lambda x: n.det(n.reshape(x, (2, 2))), [1, 2, 2, 4], [4, -2, -2, 1], MINORS)
case("det(0)", lambda x: n.det(n.reshape(x, (2, 2))), [0, 0, 0, 0], 0, MINORS)
H4 = np.zeros((16, 16))
H4[10, 15] = H4[15, 10] = 1
H4[11, 14] = H4[14, 11] = -1
case("det(diag(1,1,0,0))", lambda x: n.det(n.reshape(x, (4, 4))), np.diag([1, 1, 0, 0]).ravel(), 0, H4)


def symmetric(x: Any) -> Any:
    a = n.reshape(x, (2, 2))
    return (a + a.T) * 0.5


def projected(x: Any) -> Any:
    _, v = n.eigh(symmetric(x))
    return n.sum((v @ v.T) * symmetric(x))


I2 = [1, 0, 0, 1]
SQUARES = [[2, 0, 0, 0], [0, 1, 1, 0], [0, 1, 1, 0], [0, 0, 0, 2]]
ROTATION = [[0, 0, 0, 0], [0, 0.5, -0.5, 0], [0, -0.5, 0.5, 0], [0, 0, 0, 0]]
case("sum(eigvalsh(A)**2) at I", lambda x: n.sum(n.eigvalsh(symmetric(x)) ** 2), I2, [2, 0, 0, 2], SQUARES)
case("sum(V V' * A) at I", projected, I2, I2, 0)
case("nuclear norm at I", lambda x: n.sum(n.svdvals(n.reshape(x, (2, 2)))), I2, I2, ROTATION)

#: Points of functions that gradtape does not have yet.  Strict: when the function comes, its points count.
NOT_YET: set[str] = set()

#: Points at which gradtape is not right yet: name -> (the orders, why).  Strict: one that heals fails.
GAPS: dict[str, tuple[tuple[int, ...], str]] = {}


def derivatives(point: Point) -> tuple[Any, Any]:
    """The gradient, and the matrix of second derivatives by nested tapes."""
    with np.errstate(all="ignore"), gt.GradientTape() as outer:
        xs = [gt.Tensor(a) for a in point.at]
        with gt.GradientTape() as tape:
            y = point.f(*xs)
        gradient = tape.gradient(y, xs)
        flat = [g if g.ndim == 0 else g[i] for g in gradient for i in range(max(g.size, 1) if g.ndim else 1)]
    rows = [outer.gradient(g, xs) for g in flat]
    return joined(gradient), np.stack([joined(row) for row in rows])


def joined(parts: Any) -> Any:
    return np.concatenate([np.ravel(part.data) for part in parts])


def agrees(found: Any, expected: Any) -> bool:
    """To seven digits; infinities with their sign, nan where nan is right, zeros to 1e-12."""
    expected = np.broadcast_to(np.asarray(expected, np.float64), found.shape)
    finite = np.isfinite(expected)
    if not np.array_equal(found[~finite], expected[~finite], equal_nan=True) or not np.all(np.isfinite(found[finite])):
        return False
    found, expected = found[finite], expected[finite]
    return bool(np.all(np.abs(found - expected) <= np.where(expected == 0, 1e-12, 1e-7 * np.abs(expected))))


def wrong(point: Point, order: int) -> str | None:
    """What is wrong with a derivative at a point, or None."""
    expected = point.first if order == 1 else point.second
    found = derivatives(point)[order - 1]
    if expected is None or any(agrees(found, e) for e in expected):
        return None
    return f"derivative {order} of {point.name}: {found.tolist()}, right is {expected[0]}"


def exists(point: Point) -> bool:
    try:
        with np.errstate(all="ignore"):
            point.f(*[gt.Tensor(a) for a in point.at])
    except MissingError:
        return False
    except Exception:
        return True  # the test will tell
    return True


THERE = [point for point in POINTS if exists(point)]


@pytest.mark.parametrize("order", [1, 2], ids=["first", "second"])
@pytest.mark.parametrize("point", THERE, ids=lambda point: point.name)
def test_derivative(point: Point, order: int) -> None:
    orders, why = GAPS.get(point.name, ((), ""))
    if order not in orders:
        found = wrong(point, order)
        assert found is None, found
        return
    assert why
    try:
        healed = wrong(point, order) is None
    except Exception:
        healed = False
    assert not healed, f"derivative {order} of {point.name} is right now: take it off GAPS"


def test_functions_that_do_not_exist_yet() -> None:
    missing = {point.name for point in POINTS} - {point.name for point in THERE}
    assert missing == NOT_YET, f"come: {sorted(NOT_YET - missing)}; gone: {sorted(missing - NOT_YET)}"


def test_the_table_is_whole() -> None:
    names = [point.name for point in POINTS]
    assert len(names) == len(set(names)) == 116
    assert set(GAPS) <= set(names)
