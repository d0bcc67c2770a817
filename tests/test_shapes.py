"""Shapes, joining, diagonals, order and sets: values against NumPy, derivatives of both orders by differences."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import gradtape as gt

RNG = np.random.default_rng(7)
A = RNG.normal(size=(2, 3, 4))
B = RNG.normal(size=(3, 4))
V = RNG.normal(size=5)
S = RNG.permutation(15).reshape(3, 5) * 0.5

# (name, arguments, keywords): the same call to NumPy and to gradtape.
SAME: list[tuple[str, tuple[Any, ...], dict[str, Any]]] = [
    ("reshape", (A, (6, 4)), {}),
    ("reshape", (A, -1), {}),
    ("reshape", (A, (4, -1)), {"order": "F"}),
    ("ravel", (A,), {"order": "F"}),
    ("transpose", (A,), {}),
    ("transpose", (A, (1, 0, 2)), {}),
    ("permute_dims", (A, (2, 0, 1)), {}),
    ("matrix_transpose", (A,), {}),
    ("swapaxes", (A, 0, -1), {}),
    ("moveaxis", (A, (2, 0), (0, 1)), {}),
    ("rollaxis", (A, 2, 1), {}),
    ("rollaxis", (A, 0, 3), {}),
    ("expand_dims", (A, (0, -1)), {}),
    ("squeeze", (A[:1, :, :1],), {}),
    ("squeeze", (A[:1],), {"axis": 0}),
    ("broadcast_to", (B, (2, 3, 4)), {}),
    ("broadcast_arrays", (A, B, 1.0), {}),
    ("atleast_1d", (1.0,), {}),
    ("atleast_2d", (V,), {}),
    ("atleast_3d", (V,), {}),
    ("atleast_3d", (B,), {}),
    ("concat", ([B, B],), {"axis": 1}),
    ("concatenate", ([B, V],), {"axis": None}),
    ("concat", ([B, B.astype(np.float32), np.ones((1, 4), int)],), {}),
    ("stack", ([B, B],), {"axis": -1}),
    ("stack", ([1.0, 2.0],), {}),
    ("vstack", ([V, V],), {}),
    ("hstack", ([V, V],), {}),
    ("hstack", ([B, B],), {}),
    ("dstack", ([B, B],), {}),
    ("column_stack", ([V, V],), {}),
    ("append", (B, V), {}),
    ("append", (B, B[:1]), {"axis": 0}),
    ("split", (B, [1, 2]), {"axis": 1}),
    ("array_split", (V, 3), {}),
    ("vsplit", (B, 3), {}),
    ("hsplit", (B, 2), {}),
    ("dsplit", (A, 2), {}),
    ("tile", (B, (2, 1)), {}),
    ("tile", (B, (2, 1, 3)), {}),
    ("tile", (B, 0), {}),
    ("repeat", (B, 2), {}),
    ("repeat", (B, [1, 0, 2]), {"axis": 0}),
    ("flip", (A,), {}),
    ("flip", (A, (0, 2)), {}),
    ("fliplr", (B,), {}),
    ("flipud", (B,), {}),
    ("rot90", (A, 1, (1, 2)), {}),
    ("rot90", (A, -1, (2, 0)), {}),
    ("rot90", (B, 2), {}),
    ("roll", (B, 1), {}),
    ("roll", (B, (1, -5), (0, 1)), {}),
    ("roll", (B, 1, (0, 1)), {}),
    ("pad", (B, 1), {"mode": "constant"}),
    ("pad", (B, ((1, 2), (0, 3))), {"constant_values": ((1.0, 2.0), (3.0, 4.0))}),
    ("pad", (B, ((1, 0), (0, 7))), {"mode": "edge"}),
    ("pad", (B, 7), {"mode": "reflect"}),
    ("pad", (B, 7), {"mode": "symmetric"}),
    ("pad", (B, 7), {"mode": "wrap"}),
    ("diag", (V, 1), {}),
    ("diag", (B, -1), {}),
    ("diagflat", (B,), {}),
    ("diagonal", (A, 1, 1, 2), {}),
    ("diagonal", (A, -1, 2, 0), {}),
    ("trace", (A, 1), {}),
    ("trace", (B,), {}),
    ("tril", (A, 1), {}),
    ("triu", (B, -1), {}),
    ("tri", (3, 4, 1), {}),
    ("insert", (B, 1, 9.0), {"axis": 0}),
    ("insert", (B, [1, 1], [[1.0], [2.0]]), {"axis": 0}),
    ("insert", (B, 1, [1.0, 2.0, 3.0]), {"axis": 1}),
    ("insert", (B, slice(0, 2), 9.0), {}),
    ("insert", (V, [1, 3], [1.0, 2.0]), {}),
    ("delete", (B, 1), {"axis": 1}),
    ("delete", (B, slice(0, 2)), {}),
    ("resize", (B, (5, 5)), {}),
    ("meshgrid", (V, B[0], V[:2]), {}),
    ("meshgrid", (V, B[0]), {"indexing": "ij", "sparse": True}),
    ("copy", (B,), {}),
    ("sort", (S,), {}),
    ("sort", (S,), {"axis": None}),
    ("partition", (V, 2), {}),
    ("argmax", (S,), {"axis": 0, "keepdims": True}),
    ("argmin", (S,), {}),
    ("searchsorted", (np.sort(V), B), {"side": "right"}),
    ("digitize", (B, np.sort(V)), {}),
    ("bincount", ([0, 3, 3],), {"weights": [0.1, 0.2, 0.3], "minlength": 6}),
    ("bincount", ([0, 3, 3],), {}),
    ("histogram", (B, 5), {"weights": B, "range": (-1.0, 1.0)}),
    ("histogram", (B, [-1.0, 0.0, 0.5]), {"density": True}),
    ("unique", ([3.0, 1.0, 3.0, np.nan, np.nan],), {"return_index": True, "return_counts": True}),
    ("unique", ([[1.0, 2.0], [1.0, 2.0], [0.0, 5.0]],), {"axis": 0, "return_inverse": True}),
    ("unique_all", ([3.0, 1.0, 3.0, np.nan, np.nan],), {}),
    ("unique_inverse", ([[3.0, 1.0], [3.0, 3.0]],), {}),
    ("isin", (S, [1.0, 2.0]), {"invert": True}),
    ("union1d", ([1.0, 5.0, 2.0, 2.0], [2.0, 7.0]), {}),
    ("intersect1d", ([1.0, 5.0, 2.0, 2.0], [2.0, 7.0, 1.0]), {}),
    ("setdiff1d", ([1.0, 5.0, 2.0, 2.0], [2.0, 7.0]), {}),
    ("setxor1d", ([1.0, 5.0, 2.0, 2.0], [2.0, 7.0]), {}),
]


def same(found: Any, expected: Any) -> None:
    """Tensors of NumPy's values, shapes and dtypes; 0-d values kept as NumPy scalars."""
    if isinstance(expected, tuple | list):
        assert len(found) == len(expected)
        for one, other in zip(found, expected, strict=True):
            same(one, other)
        return
    expected = np.asarray(expected)
    assert isinstance(found, gt.Tensor)
    assert found.shape == expected.shape
    assert found.dtype == expected.dtype
    assert found.shape or isinstance(found.data, np.generic)
    np.testing.assert_allclose(found.data, expected)


@pytest.mark.parametrize(("name", "arguments", "keywords"), SAME, ids=[f"{i}-{c[0]}" for i, c in enumerate(SAME)])
def test_value_is_numpys(name: str, arguments: Any, keywords: Any) -> None:
    same(getattr(gt, name)(*arguments, **keywords), getattr(np, name)(*arguments, **keywords))


def total(parts: Any) -> Any:
    """A scalar that weighs every entry differently, and is not linear in it."""
    parts = parts if isinstance(parts, tuple | list) else (parts,)
    value: Any = 0.0
    for k, part in enumerate(parts):
        weights = np.cos(np.arange(part.size) + k).reshape(part.shape)
        value = value + gt.sum(weights * part * part * part)
    return value


def gradient(f: Callable[[Any], Any], x: Any) -> Any:
    x = gt.asarray(x)
    with gt.GradientTape() as tape:
        y = f(x)
    return tape.gradient(y, x).numpy()


def hessian_vector(f: Callable[[Any], Any], x: Any, v: Any) -> Any:
    x = gt.asarray(x)
    with gt.GradientTape() as outer:
        with gt.GradientTape() as inner:
            y = f(x)
        s = gt.sum(inner.gradient(y, x) * v)
    return outer.gradient(s, x).numpy()


def directional(f: Callable[[Any], Any], x: Any, v: Any, h: float) -> Any:
    """df/dx v by central differences with one Richardson step."""
    d = [(f(x + k * h * v) - f(x - k * h * v)) / (2 * k * h) for k in (1, 2)]
    return (4 * d[0] - d[1]) / 3


def check(f: Callable[[Any], Any], x: Any) -> None:
    """First and second derivative of ``total(f(x))``, each against differences of the one before."""
    x = np.asarray(x, float)
    v = np.sin(3.0 * np.arange(x.size) + 1).reshape(x.shape)

    def g(t: Any) -> Any:
        return total(f(t))

    expected = directional(lambda p: float(g(gt.asarray(p)).data), x, v, 1e-3)
    np.testing.assert_allclose(np.sum(gradient(g, x) * v), expected, rtol=1e-7, atol=1e-8)
    expected = directional(lambda p: gradient(g, p), x, v, 1e-3)
    np.testing.assert_allclose(hessian_vector(g, x, v), expected, rtol=1e-7, atol=1e-8)


DIFFERENTIATED: dict[str, tuple[Callable[[Any], Any], Any]] = {
    "reshape F": (lambda t: gt.reshape(t, (4, -1), "F"), A),
    "moveaxis": (lambda t: gt.moveaxis(t, 0, -1), A),
    "concat with itself": (lambda t: gt.concat([t, t * t, t[:, 1:]], axis=1), B),
    "stack": (lambda t: gt.stack([t, 2.0 * t], axis=1), B),
    "nested lists": (lambda t: gt.asarray([[t[0], 1.0], [t[1] * t[2], t[0]]]), V),
    "split": (lambda t: gt.array_split(t * t, 3), V),
    "unstack": (lambda t: gt.unstack(t, axis=1), B),
    "tile": (lambda t: gt.tile(t, (2, 1, 3)), B),
    "repeat": (lambda t: gt.repeat(t, [1, 0, 2], axis=0), B),
    "rot90": (lambda t: gt.rot90(t, 3), B),
    "roll": (lambda t: gt.roll(t, (1, -5), (0, 1)), B),
    "pad reflect": (lambda t: gt.pad(t, 5, mode="reflect"), B),
    "pad constant": (lambda t: gt.pad(B, 2, constant_values=t), [1.0, 2.0]),
    "diag": (lambda t: gt.diag(t, 1), V),
    "diagonal": (lambda t: gt.diagonal(t, -1, 2, 0), A),
    "trace": (lambda t: gt.trace(t), B),
    "tril": (lambda t: gt.tril(t, -1), B),
    "insert": (lambda t: gt.insert(t, [0, 2], t[:2], axis=0), B),
    "delete": (lambda t: gt.delete(t, 1, axis=1), B),
    "resize": (lambda t: gt.resize(t, (5, 5)), B),
    "meshgrid": (lambda t: gt.meshgrid(t, t[:2] * 2.0), V),
    "sort": (lambda t: gt.sort(t, axis=0, descending=True), S),
    "partition": (lambda t: gt.partition(t, 2), V),
    "top_k": (lambda t: gt.top_k(t, 2)[0], S),
    "unique": (lambda t: gt.unique(t), V),
    "union1d": (lambda t: gt.union1d(t[:3], t[3:]), V),
    "bincount": (lambda t: gt.bincount([0, 2, 2, 0, 1], weights=t), V),
    "complex and back": (lambda t: gt.real(gt.astype(t, np.complex128) * (1 + 2j)), V),
}


@pytest.mark.parametrize("name", DIFFERENTIATED)
def test_first_and_second_derivative(name: str) -> None:
    check(*DIFFERENTIATED[name])


def test_unique_differentiates_through_the_first_occurrence() -> None:
    found = gradient(lambda t: gt.sum(gt.unique(t)), [2.0, 1.0, 2.0, 1.0])
    assert found.tolist() == [1, 1, 0, 0]


def test_sort_with_ties_is_a_permutation() -> None:
    found = gradient(lambda t: gt.sort(t)[0], [2.0, 1.0, 1.0])
    assert found.tolist() == [0, 1, 0]


def test_joining_different_dtypes_gives_each_its_own() -> None:
    a, b = gt.asarray(np.ones(2, np.float32)), gt.asarray(np.ones(2))
    with gt.GradientTape() as tape:
        y = gt.concat([a, b, a])
    da, db = tape.gradient(y, [a, b])
    assert (da.dtype, db.dtype, y.dtype) == (np.float32, np.float64, np.float64)
    assert da.tolist() == [2.0, 2.0]


def test_astype_between_floats_differentiates_and_integers_cut() -> None:
    x = gt.asarray(np.ones(3, np.float32))
    with gt.GradientTape() as tape:
        y = gt.astype(x, np.float64) * 2.0
        n = gt.astype(x, np.int64)
        z = n * 1.0
    assert tape.gradient(y, x).dtype == np.float32
    assert n.dtype == np.int64
    with pytest.warns(gt.errors.UnconnectedGradientWarning):
        assert tape.gradient(z, x) is None


def test_many_pieces_cost_linear_time() -> None:
    x = gt.asarray(np.arange(2000.0))
    with gt.GradientTape() as tape:
        y = gt.sum(gt.concat([x[i : i + 1] for i in range(2000)]) ** 2)
    np.testing.assert_allclose(tape.gradient(y, x).data, 2 * np.arange(2000.0))


def test_arrays_passed_in_stay_the_callers() -> None:
    array = np.ones((2, 3))
    views = [gt.reshape(array, 6), gt.transpose(array), gt.flip(array), gt.squeeze(array[:, :1]), gt.copy(array)]
    array[:] = 7.0
    assert all(bool((v.data == 1).all()) for v in views)


@pytest.mark.parametrize(
    ("call", "error"),
    [
        (lambda: gt.reshape(B, (5, 5)), gt.errors.ShapeError),
        (lambda: gt.transpose(B, (0, 0)), gt.errors.ShapeError),
        (lambda: gt.transpose(B, (0,)), gt.errors.ShapeError),
        (lambda: gt.swapaxes(B, 0, 2), gt.errors.ShapeError),
        (lambda: gt.squeeze(B, 0), gt.errors.ShapeError),
        (lambda: gt.broadcast_to(B, (2, 2)), gt.errors.ShapeError),
        (lambda: gt.broadcast_arrays(B, V), gt.errors.ShapeError),
        (lambda: gt.concat([B, V]), gt.errors.ShapeError),
        (lambda: gt.concat([]), gt.errors.ShapeError),
        (lambda: gt.stack([B, V]), gt.errors.ShapeError),
        (lambda: gt.split(V, 2), gt.errors.ShapeError),
        (lambda: gt.pad(B, -1), gt.errors.ShapeError),
        (lambda: gt.repeat(B, [1, 2], axis=0), gt.errors.ShapeError),
        (lambda: gt.diag(A), gt.errors.ShapeError),
        (lambda: gt.top_k(V, 6), gt.errors.ShapeError),
        (lambda: gt.astype(gt.asarray(1j), np.float64), gt.errors.DtypeError),
        (lambda: gt.bincount([0.5]), gt.errors.DtypeError),
    ],
)
def test_what_does_not_fit_raises_and_says_where(call: Callable[[], Any], error: type[Exception]) -> None:
    with pytest.raises(error, match=r"test_shapes\.py"):
        call()
