"""Indexing, writing into copies, and assignment to Variables: values against NumPy, derivatives by differences."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import gradtape as gt
from gradtape.record import events
from tests.test_shapes import check, gradient, same

RNG = np.random.default_rng(11)
A = RNG.normal(size=(2, 3, 4))
MASK = A > 0
ROWS = np.array([[0, 1], [1, 1]])

INDICES: dict[str, Any] = {
    "integer": 1,
    "negative": -1,
    "all integers": (1, 2, -3),
    "slice": slice(0, 2),
    "steps": (slice(None), slice(None, None, -2)),
    "newaxis": (None, 0, Ellipsis, None),
    "ellipsis": (Ellipsis, 2),
    "nothing": (),
    "empty slice": slice(2, 2),
    "list": [1, 0, 1],
    "empty list": [],
    "array": ROWS,
    "array in the middle": (slice(None), np.array([2, 0, 2])),
    "two arrays": (ROWS, np.array([2, 0])),
    "apart": (ROWS[0], slice(None), np.array([3, -1])),
    "mask": MASK,
    "mask of rows": (slice(None), np.array([True, False, True])),
    "mask and array": (np.array([True, True]), np.array([0, 2])),
    "true": True,
    "numpy integer": np.int64(1),
    "0-d array": (slice(None), np.array(1)),
}


@pytest.mark.parametrize("name", INDICES)
def test_getitem(name: str) -> None:
    index = INDICES[name]
    same(gt.asarray(A)[index], A[index])
    check(lambda t: t[index], A)


@pytest.mark.parametrize("name", INDICES)
def test_set_and_add(name: str) -> None:
    index = INDICES[name]
    value = RNG.normal(size=A[index].shape)
    written, added = A.copy(), A.copy()
    written[index] = value
    np.add.at(added, index, value)
    t = gt.asarray(A)
    same(t.at[index].set(value), written)
    same(t.at[index].add(value), added)
    check(lambda t: t.at[index].set(t[index] ** 2), A)
    check(lambda t: t.at[index].add(t[index] ** 2), A)
    check(lambda t: t.at[index].set(2.0), A)


def test_tensors_are_indices() -> None:
    t, i, k = gt.asarray(A), gt.asarray([1, 0]), gt.asarray(1)
    same(t[i], A[[1, 0]])
    same(t[t > 0], A[A > 0])
    same(t[k], A[1])
    same(t[k : k + 1, gt.Variable(2)], A[1:2, 2])
    with gt.GradientTape() as tape:
        t[k]
    guards = [e for e in tape._window.entries() if e[0] is events.GUARD]
    assert [e[1]["value"] for e in guards] == [1]


def test_the_last_of_repeated_writes_counts() -> None:
    u = gt.asarray([1.0, 2.0, 3.0])
    with gt.GradientTape() as tape:
        y = gt.asarray(np.zeros(4)).at[[2, 0, 2]].set(u)
    same(y, [2.0, 0.0, 3.0, 0.0])
    assert tape.gradient(y, u).tolist() == [0, 1, 1]


@pytest.mark.parametrize("index", [[0, 2, 0, 0], slice(0, 4), [3, 1, 0, 2], 2, np.array([True, False] * 2 + [False])])
@pytest.mark.parametrize("method", ["subtract", "multiply", "divide", "power", "min", "max"])
def test_at_methods_apply_one_after_the_other(method: str, index: Any) -> None:
    ufunc = {"min": np.minimum, "max": np.maximum}.get(method) or getattr(np, method)
    x = np.array([1.5, 2.0, 0.7, 1.2, 3.0])
    u = np.array([1.7, 0.6, 1.1, 1.3])[: x[index].size].reshape(x[index].shape)
    expected = x.copy()
    ufunc.at(expected, index, u)
    same(getattr(gt.asarray(x).at[index], method)(u), expected)
    check(lambda t: getattr(t.at[index], method)(u), x)
    check(lambda t: getattr(gt.asarray(x).at[index], method)(t), u)


def test_at_apply_and_get() -> None:
    t = gt.asarray([1.0, 4.0])
    same(t.at[1].get(), 4.0)
    same(t.at[1].apply(gt.sqrt), [1.0, 2.0])


def test_taking() -> None:
    b = A[0]
    at = np.array([[0, 2, 1, 1], [2, 2, 0, 1]])
    same(gt.take(b, at, axis=0), np.take(b, at, axis=0))
    same(gt.take(b, [5, -9], axis=1, mode="wrap"), np.take(b, [5, -9], axis=1, mode="wrap"))
    same(gt.take(b, [5, -9], mode="clip"), np.take(b, [5, -9], mode="clip"))
    same(gt.take_along_axis(b, at, axis=0), np.take_along_axis(b, at, axis=0))
    same(gt.take_along_axis(b, at[:, :1], axis=0), np.take_along_axis(b, at[:, :1], axis=0))
    expected = b.copy()
    np.put_along_axis(expected, at, 9.0, axis=0)
    same(gt.put_along_axis(b, at, 9.0, axis=0), expected)
    same(gt.compress([True, False, True], b, axis=0), b[[0, 2]])
    same(gt.extract(b > 0, b), b[b > 0])
    same(gt.select([b > 0, b < -1], [b, 2 * b], 7.0), np.select([b > 0, b < -1], [b, 2 * b], 7.0))
    same(gt.choose([0, 1, 1], [[1.0, 2, 3], [4.0, 5, 6]]), np.array([1.0, 5, 6]))
    same(gt.nonzero(b > 0), np.nonzero(b > 0))
    same(gt.argwhere(b > 0), np.argwhere(b > 0))
    same(gt.unravel_index([3, 5], (2, 4)), np.unravel_index([3, 5], (2, 4)))
    same(gt.one_hot([0, 2, 5], 3), np.array([[1.0, 0, 0], [0, 0, 1], [0, 0, 0]]))
    same(gt.count_nonzero(b > 0, axis=0), np.count_nonzero(b > 0, axis=0))
    for f in (
        lambda t: gt.take(t, at, axis=0),
        lambda t: gt.take_along_axis(t, at[:, :1], axis=0),
        lambda t: gt.put_along_axis(t, at[:1], t[:1] ** 2, axis=0),
        lambda t: gt.compress([True, False, True], t, axis=0),
        lambda t: gt.select([b > 0], [t], t * t),
        lambda t: gt.choose([0, 2, 1, 0], t),
    ):
        check(f, b)


def test_gather_and_scatter_nd() -> None:
    at = np.array([[2, 0], [1, 1]])
    same(gt.gather(A, at, axis=1), np.take(A, at, axis=1))
    same(gt.gather(A, at, axis=1, batch_dims=1), np.stack([A[i][at[i]] for i in range(2)]))
    same(gt.gather(A, at, axis=2, batch_dims=1), np.stack([A[i][:, at[i]] for i in range(2)]))
    pairs = np.array([[0, 2], [1, 1], [0, 2]])
    same(gt.gather_nd(A, pairs), A[pairs[:, 0], pairs[:, 1]])
    same(gt.gather_nd(A, at[:, None, :1], batch_dims=1), np.stack([A[0][[2]], A[1][[1]]]))
    expected = np.zeros((2, 3))
    np.add.at(expected, tuple(pairs.T), [1.0, 2.0, 4.0])
    same(gt.scatter_nd(pairs, [1.0, 2.0, 4.0], (2, 3)), expected)
    check(lambda t: gt.gather(t, at, axis=2, batch_dims=1), A)
    check(lambda t: gt.gather_nd(t, pairs), A)
    check(lambda t: gt.scatter_nd(pairs, t, (2, 3)), [1.0, 2.0, 4.0])


def test_iteration_differentiates() -> None:
    x = gt.asarray([1.0, 2.0, 3.0])
    with gt.GradientTape() as tape:
        y: Any = 1.0
        for entry in x:
            y = y * entry
    assert tape.gradient(y, x).tolist() == [6, 3, 2]
    with pytest.raises(TypeError, match="0-d"):
        iter(gt.asarray(1.0))


def test_an_embedding_at_second_order() -> None:
    # The second derivative of a sum of cubes of rows looked up, one of them twice, is 6 x per look-up.
    table = np.array([[1.0], [2.0], [3.0]])
    found = gradient(lambda t: gt.sum(gt.take(t, [0, 2, 2], axis=0) ** 3), table)
    np.testing.assert_allclose(found, [[3.0], [0.0], [54.0]])
    check(lambda t: gt.take(t, [0, 2, 2], axis=0), table)


@pytest.mark.parametrize(
    ("call", "error"),
    [
        (lambda t: t[7], IndexError),
        (lambda t: t[0, 0, 0, 0], IndexError),
        (lambda t: t[[0.5]], IndexError),
        (lambda t: t["a"], IndexError),
        (lambda t: t[[9]], IndexError),
        (lambda t: t[MASK[0]], IndexError),
        (lambda t: t.at[7].set(1.0), IndexError),
        (lambda t: t.at[0].set([1.0, 2.0]), gt.errors.ShapeError),
        (lambda t: t.at[0].set(1j), gt.errors.DtypeError),
        (lambda t: gt.take(t, [0.5]), gt.errors.DtypeError),
        (lambda t: gt.take_along_axis(t, [0], axis=0), gt.errors.ShapeError),
        (lambda t: gt.choose([5], [t[0, 0, :1]]), IndexError),
    ],
)
def test_what_does_not_fit_raises_and_says_where(call: Callable[[Any], Any], error: type[Exception]) -> None:
    with pytest.raises(error, match=r"test_indexing\.py"):
        call(gt.asarray(A))


def test_a_tensor_cannot_be_written_into() -> None:
    with pytest.raises(gt.errors.ImmutableError, match="at"):
        gt.asarray([1.0])[0] = 2.0  # type: ignore[index]


# -- assignment -------------------------------------------------------------------------------------------


def test_assign_add_differentiates() -> None:
    v, x = gt.Variable(1.0), gt.asarray(2.0)
    with gt.GradientTape() as tape:
        assert v.assign_add(x) is v
        loss = v * v
    assert tape.gradient(loss, x).item() == 6
    assert tape.gradient(loss, v).item() == 6  # with respect to its value before


def test_a_variable_and_what_it_was_assigned_are_two() -> None:
    v, x = gt.Variable(1.0), gt.asarray(2.0)
    with gt.GradientTape() as tape:
        first = v * 5.0
        v.assign(x)
        loss = first + v * v + 7.0 * x
    assert tape.gradient(loss, x).item() == 4 + 7
    with gt.GradientTape() as tape:
        v.assign(3.0)
        loss = v * v
    assert tape.gradient(loss, v).item() == 6


def test_a_buffer_is_filled_in_a_loop() -> None:
    x = gt.asarray(np.arange(1.0, 6.0))
    buffer = gt.Variable(np.zeros(5))
    with gt.GradientTape() as outer:
        with gt.GradientTape() as inner:
            for i in range(5):
                buffer[i] = x[i] ** 2
            loss = gt.sum(buffer * buffer)
        first = inner.gradient(loss, x)
    np.testing.assert_allclose(first.data, 4 * x.data**3)
    np.testing.assert_allclose(outer.gradient(first, x).data, 12 * x.data**2)


def test_a_long_loop_of_writes_is_linear() -> None:
    buffer, x = gt.Variable(np.zeros(1000)), gt.asarray(1.5)
    with gt.GradientTape() as tape:
        for i in range(1000):
            buffer[i] = x * i
        loss = gt.sum(buffer)
    assert tape.gradient(loss, x).item() == 499500
    assert tape.stats()["entries"] == 2001


def test_items_of_a_variable() -> None:
    def program(x: Any) -> Any:
        w = gt.Variable(np.ones((2, 3)))
        w[0, 1:].assign(x[:2])
        w[1].assign_add(x[2] * x[0])
        w[:, 0].assign_sub(x[3:] ** 2)
        w[[0, 0], [1, 1]].assign_add(x[:2])
        w[-1, -1] = x[1] * w[0, 1]
        return w.value

    check(program, RNG.normal(size=5))
    w = gt.Variable(np.ones((2, 3)))
    with gt.GradientTape() as tape:
        item = w[0, 1:]
        y = gt.sum(item**3 * 2.0)
    assert isinstance(item, gt.Tensor)
    assert repr(item) == "Tensor([1., 1.])"
    assert tape.gradient(y, item).tolist() == [6, 6]
    assert tape.gradient(y, w).tolist() == [[0, 6, 6], [0, 0, 0]]


def test_in_place_operators_write_into_the_variable() -> None:
    x = gt.asarray([1.0, 2.0])
    v = gt.Variable([3.0, 4.0])
    alias = v
    with gt.GradientTape() as tape:
        v += x
        v *= x
        v -= 1.0
        v /= 2.0
        v **= 2
    assert alias is v
    same(v.value, (((np.array([3.0, 4.0]) + x.data) * x.data - 1) / 2) ** 2)
    gradient_x = tape.gradient(v, x)
    np.testing.assert_allclose(gradient_x.data, ((4 + x.data - 1) * x.data) * 0 + [1.5 * 5, 5.5 * 8])


def test_the_dtype_of_a_variable_stays() -> None:
    v = gt.Variable(np.zeros(3, np.float32))
    x = gt.asarray(np.ones(3))
    with gt.GradientTape() as tape:
        v.assign(x)
        v.assign_add([1, 2, 3])
        y = gt.sum(v * v)
    assert v.dtype == np.float32
    assert tape.gradient(y, x).tolist() == [4, 6, 8]
    assert tape.gradient(y, x).dtype == np.float64


BAD: list[tuple[Callable[[Any], Any], type[Exception]]] = [
    (lambda v: v.assign([1.0, 2.0, 3.0]), gt.errors.ShapeError),
    (lambda v: v.assign(1.0), gt.errors.ShapeError),
    (lambda v: v.assign([1j, 2.0]), gt.errors.DtypeError),
    (lambda v: v.assign(["a", "b"]), gt.errors.DtypeError),
    (lambda v: v.assign_add(np.ones((2, 2))), gt.errors.ShapeError),
    (lambda v: v.assign_sub(1j), gt.errors.DtypeError),
    (lambda v: v.__setitem__(5, 1.0), IndexError),
    (lambda v: v.__setitem__(0, [1.0, 2.0]), gt.errors.ShapeError),
    (lambda v: v.__setitem__([0.5], 1.0), IndexError),
    (lambda v: v[0].assign([1.0, 2.0, 3.0]), gt.errors.ShapeError),
    (lambda v: v.__iadd__(np.ones(3)), gt.errors.ShapeError),
    (lambda v: v.__imul__(1j), gt.errors.DtypeError),
]


@pytest.mark.parametrize(("call", "error"), BAD)
def test_what_does_not_fit_changes_nothing(call: Callable[[Any], Any], error: type[Exception]) -> None:
    v = gt.Variable([1.0, 2.0])
    before = v.value
    with pytest.raises(error, match=r"test_indexing\.py"):
        call(v)
    assert v.value is before
    assert before.tolist() == [1, 2]


def test_an_array_assigned_stays_the_callers() -> None:
    array, v = np.ones(2), gt.Variable([0.0, 0.0])
    v.assign(array)
    array[:] = 5.0
    assert v.value.tolist() == [1, 1]


def test_integer_variables() -> None:
    n = gt.Variable([1, 2])
    n[0] = 7
    n += 1
    assert n.value.tolist() == [8, 3]
    with pytest.raises(gt.errors.DtypeError):
        n.assign([1.5, 2.0])
    with pytest.raises(gt.errors.DtypeError):
        n /= 2


@pytest.mark.parametrize("copied", [copy.deepcopy, copy.copy, lambda v: v.clone()])
def test_a_copy_is_differentiable(copied: Callable[[Any], Any]) -> None:
    v = gt.Variable(3.0, name="v")
    with gt.GradientTape() as tape:
        w = copied(v)
        w.assign_sub(0.1 * v * v)
        loss = w * w
    assert (w.name, v.value.item()) == ("v", 3)
    np.testing.assert_allclose(tape.gradient(loss, v).item(), 2 * 2.1 * (1 - 0.6))


def test_a_detached_copy_is_not() -> None:
    v = gt.Variable(3.0)
    with gt.GradientTape() as tape:
        w = v.clone(detach=True)
        loss = w * w + v
    assert tape.gradient(loss, v).item() == 1
    assert tape.gradient(loss, w).item() == 6


def test_deepcopy_of_a_container_copies_each_variable_once() -> None:
    v = gt.Variable(3.0)
    found = copy.deepcopy({"a": v, "b": [v]})
    assert found["a"] is found["b"][0]
    assert found["a"] is not v
    found["a"].assign(1.0)
    assert v.value.item() == 3


def test_variables_are_pickled() -> None:
    v = gt.Variable([1.0, 2.0], trainable=False, name="v")
    found = pickle.loads(pickle.dumps(v))
    assert (found.value.tolist(), found.trainable, found.name) == ([1, 2], False, "v")
    found.assign_add([1.0, 1.0])
    assert v.value.tolist() == [1, 2]
