"""Tensors and Variables as values: making them, operators, methods, NumPy's protocols, Python's protocols."""

from __future__ import annotations

import copy
import operator
import pickle
from typing import Any

import numpy as np
import pytest

import gradtape as gt


def same(found: Any, expected: Any) -> None:
    assert isinstance(found, gt.Tensor)
    assert found.dtype == np.asarray(expected).dtype
    np.testing.assert_array_equal(found.numpy(), expected)


def gradient(f: Any, *xs: Any) -> Any:
    tensors = [gt.asarray(x) for x in xs]
    with gt.GradientTape() as tape:
        y = gt.sum(f(*tensors))
    found = [g.numpy() for g in tape.gradient(y, tensors)]
    return found[0] if len(found) == 1 else found


# -- making Tensors ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "value", [1, 2.5, True, 1j, [1, 2], [[1.0], [2.0]], np.float32(2), np.arange(3, dtype=np.int8), (1.0, 2), []]
)
def test_asarray(value: Any) -> None:
    same(gt.asarray(value), np.asarray(value))
    same(gt.array(value, dtype=gt.complex64), np.asarray(value, dtype=np.complex64))


def test_arrays_are_copied_in_and_read_only_out() -> None:
    a = np.array([1.0, 2.0])
    t, v = gt.asarray(a), gt.Variable(a)
    a[0] = 9.0
    assert t.tolist() == v.tolist() == [1.0, 2.0]
    for out in (t.numpy(), v.numpy(), np.asarray(t)):
        with pytest.raises(ValueError, match="read-only"):
            out[0] = 9.0
    writable = np.array(t)
    writable[0] = 9.0
    assert t.tolist() == [1.0, 2.0]


def test_operands_are_copied_while_a_tape_is_open() -> None:
    a, x = np.array([1.0, 2.0]), gt.asarray([3.0, 4.0])
    with gt.GradientTape() as tape:
        y = x * a
    a[:] = 0.0
    assert tape.gradient(y, x).tolist() == [1.0, 2.0]


def test_lists_with_tensors_are_stacked() -> None:
    x = gt.asarray(3.0)
    with gt.GradientTape() as tape:
        y = gt.asarray([[x, 2 * x], [1.0, x * x]])
    same(y, [[3.0, 6.0], [1.0, 9.0]])
    assert tape.gradient(y, x).item() == 1 + 2 + 6
    assert gt.asarray([gt.asarray(1, gt.float32), 2.0]).dtype == np.float32
    same(gt.sum([x, x]), 6.0)
    same([1.0, 2.0] * x, [3.0, 6.0])
    with pytest.raises(gt.ShapeError, match="different shapes"):
        gt.asarray([x, gt.ones(2)])
    with pytest.raises(gt.DtypeError):
        gt.asarray(["a", "b"])


def test_conversion_is_differentiated() -> None:
    x = gt.asarray(3.0)
    with gt.GradientTape() as tape:
        y = gt.asarray(x, dtype=gt.float32) ** 2
    assert y.dtype == np.float32
    same(tape.gradient(y, x), 6.0)
    assert gt.asarray(x) is x


@pytest.mark.parametrize(
    ("name", "args", "kwargs"),
    [
        ("zeros", (3,), {}),
        ("zeros", ((2, 3),), {"dtype": "float32"}),
        ("ones", ((2, 0),), {}),
        ("ones", ((),), {"dtype": "int64"}),
        ("full", ((2,), 3), {}),
        ("full", ((2,), 3.5), {}),
        ("arange", (5,), {}),
        ("arange", (1.0, 2.0, 0.25), {}),
        ("arange", (5, 1, -1), {"dtype": "float32"}),
        ("linspace", (0, 1, 5), {}),
        ("linspace", (0, 1), {"num": 4, "endpoint": False}),
        ("linspace", ([0.0, 1.0], 2.0, 3), {"axis": 1}),
        ("logspace", (0, 2, 3), {}),
        ("geomspace", (1, 8, 4), {}),
        ("eye", (3,), {}),
        ("eye", (2, 3), {"k": 1}),
        ("identity", (2,), {}),
        ("indices", ((2, 3),), {}),
        ("vander", ([1.0, 2.0, 3.0],), {}),
        ("zeros_like", (np.ones(2, np.float32),), {}),
        ("ones_like", (np.ones((2, 1), np.int64),), {}),
        ("full_like", (np.ones(2), 3), {}),
    ],
)
def test_creation(name: str, args: Any, kwargs: Any) -> None:
    expected = getattr(np, name)(*args, **kwargs)
    found = getattr(gt, name)(*args, **kwargs)
    assert found.dtype == expected.dtype
    np.testing.assert_allclose(found.numpy(), expected, rtol=1e-15)


def test_linspace_is_differentiable() -> None:
    same(gt.linspace(gt.asarray(1.0), gt.asarray(2.0), 3), [1.0, 1.5, 2.0])
    assert [float(g) for g in gradient(lambda a, b: gt.linspace(a, b, 3), 1.0, 2.0)] == [1.5, 1.5]
    a, b = np.array([0.0, 1.0]), np.array([2.0, 3.0])
    for axis in (0, 1):
        expected = np.linspace(a, b, 4, axis=axis)
        np.testing.assert_allclose(gt.linspace(gt.asarray(a), b, 4, axis=axis).numpy(), expected)
    same(gt.linspace(gt.asarray(1.0), 2.0, 1), [1.0])
    assert gradient(lambda a: gt.full((4,), a), 2.0) == 4.0
    assert gradient(lambda a: gt.geomspace(a, 4.0, 3), 1.0) == pytest.approx(1 + 0.5 * 2.0)


def test_there_is_one_device() -> None:
    assert gt.zeros(2, device="cpu").device == "cpu"
    with pytest.raises(ValueError, match="no device"):
        gt.zeros(2, device="cuda")
    with pytest.raises(ValueError, match="no device"):
        gt.zeros(2).to_device("cuda")


# -- operators -----------------------------------------------------------------------------------------------

BINARY = [
    operator.add,
    operator.sub,
    operator.mul,
    operator.truediv,
    operator.floordiv,
    operator.mod,
    operator.pow,
    operator.lt,
    operator.le,
    operator.gt,
    operator.ge,
]
OPERANDS: list[Any] = [2.0, 3, np.float64(1.5), np.array([1.0, 2.0]), [1.0, 2.0]]


@pytest.mark.parametrize("other", OPERANDS, ids=[type(x).__name__ for x in OPERANDS])
@pytest.mark.parametrize("op", BINARY, ids=[op.__name__ for op in BINARY])
def test_operators_in_both_orders(op: Any, other: Any) -> None:
    x = np.array([2.0, 5.0])
    for kind in (gt.asarray, gt.Variable):
        np.testing.assert_array_equal(op(kind(x), other).numpy(), op(x, other))
        np.testing.assert_array_equal(op(other, kind(x)).numpy(), op(other, x))


@pytest.mark.parametrize("kind", [gt.asarray, gt.Variable])
@pytest.mark.parametrize("other", [2.0, np.float64(2.0), np.array([2.0])], ids=["float", "float64", "array"])
def test_operators_in_both_orders_are_recorded(kind: Any, other: Any) -> None:
    for f, slope in [
        (lambda x: other + x, 1.0),
        (lambda x: other - x, -1.0),
        (lambda x: other * x, 2.0),
        (lambda x: other / x, -2.0 / 9),
        (lambda x: other**x, 8 * np.log(2)),
        (lambda x: x**other, 6.0),
        (lambda x: x - other, 1.0),
        (lambda x: x / other, 0.5),
        (lambda x: other % x, -0.0),
        (lambda x: abs(-x) + +x, 2.0),
    ]:
        x = kind(3.0)
        with gt.GradientTape() as tape:
            y = f(x)
        assert tape.gradient(y, x).item() == pytest.approx(slope)


def test_matmul_operator() -> None:
    a = np.arange(6.0).reshape(2, 3)
    same(gt.asarray(a) @ a.T, a @ a.T)
    same(a @ gt.asarray(a.T), a @ a.T)
    same(gt.Variable(a) @ a.T, a @ a.T)


def test_bits_and_inversion() -> None:
    a, b = np.array([True, False]), np.array([True, True])
    for op in (operator.and_, operator.or_, operator.xor):
        same(op(gt.asarray(a), b), op(a, b))
        same(op(b, gt.asarray(a)), op(a, b))
    same(~gt.asarray(a), ~a)
    same(gt.asarray([1, 2]) << 2, [4, 8])
    same(1 << gt.asarray([1, 2]), [2, 4])


def test_augmented_assignment() -> None:
    t = before = gt.asarray([1.0, 2.0])
    t += 1.0
    assert before.tolist() == [1.0, 2.0]
    assert t.tolist() == [2.0, 3.0]
    v = same_one = gt.Variable([1.0, 2.0])
    v += 1.0
    v *= 2.0
    assert v is same_one
    assert v.tolist() == [4.0, 6.0]


def test_unknown_operands() -> None:
    class Other:
        def __radd__(self, x: Any) -> str:
            return "other's"

    x = gt.asarray(1.0)
    assert x + Other() == "other's"
    assert gt.Variable(1.0) + Other() == "other's"
    for bad in (None, object()):
        with pytest.raises(TypeError):
            x + bad
        with pytest.raises(TypeError):
            bad - x
    assert (x == None) is False  # noqa: E711
    assert (x != None) is True  # noqa: E711


def test_errors_name_the_operation_and_the_line() -> None:
    with pytest.raises(gt.ShapeError, match=r"add.*\n.*shape \(2,\).*\n.*shape \(3,\).*\n.*test_values"):
        gt.ones(2) + gt.ones(3)


def test_recorded_lines_are_the_users() -> None:
    x = gt.asarray(2.0)
    with gt.GradientTape() as tape:
        2.0 - x
        np.sin(x)
        x.sum()
        gt.sinc(x)
    entries = list(tape._window.entries())
    assert len(entries) >= 4
    assert {entry[4].co_filename for entry in entries} == {__file__}


# -- methods -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "args", "kwargs"),
    [
        ("sum", (), {}),
        ("sum", (0,), {"keepdims": True}),
        ("mean", (1,), {}),
        ("prod", (), {"axis": 0}),
        ("max", (), {}),
        ("min", (), {"axis": -1}),
        ("std", (), {}),
        ("var", (0,), {}),
        ("all", (), {}),
        ("any", (0,), {}),
        ("argmax", (), {}),
        ("argmin", (1,), {}),
        ("argsort", (), {}),
        ("cumsum", (0,), {}),
        ("cumprod", (1,), {}),
        ("reshape", (3, 2), {}),
        ("reshape", ((6,),), {}),
        ("reshape", (-1,), {}),
        ("transpose", (), {}),
        ("transpose", (1, 0), {}),
        ("swapaxes", (0, 1), {}),
        ("ravel", (), {}),
        ("flatten", (), {}),
        ("squeeze", (), {}),
        ("astype", (np.float32,), {}),
        ("clip", (0.0, 2.0), {}),
        ("round", (1,), {}),
        ("conj", (), {}),
        ("repeat", (2,), {}),
        ("take", ([0, 1],), {}),
        ("diagonal", (), {}),
        ("trace", (), {}),
        ("copy", (), {}),
        ("dot", (np.arange(3.0),), {}),
        ("ptp", (), {}),
    ],
)
def test_methods(name: str, args: Any, kwargs: Any) -> None:
    a = np.array([[1.5, 2.25, 0.5], [3.0, -1.0, 2.0]])
    expected = np.ptp(a) if name == "ptp" else getattr(a, name)(*args, **kwargs)
    for x in (gt.asarray(a), gt.Variable(a)):
        found = getattr(x, name)(*args, **kwargs)
        assert isinstance(found, gt.Tensor)
        np.testing.assert_allclose(found.numpy(), expected, rtol=1e-14)
        assert found.dtype == expected.dtype


def test_attributes() -> None:
    a = np.arange(6.0).reshape(2, 3) + 1j
    for x in (gt.asarray(a), gt.Variable(a)):
        same(x.T, a.T)
        same(x.mT, a.T)
        same(x.real, a.real)
        same(x.imag, a.imag)
        assert (x.shape, x.dtype, x.ndim, x.size, x.nbytes, x.itemsize) == ((2, 3), a.dtype, 2, 6, 96, 16)
        assert len(x) == 2
        assert x.tobytes() == a.tobytes()
        assert [row.tolist() for row in x] == a.tolist()
        assert [e.item() for e in x.flat] == list(a.flat)
        assert 2 + 1j in x
        assert 9.0 not in x
    with pytest.raises(TypeError, match="0-d"):
        len(gt.asarray(1.0))
    with pytest.raises(TypeError, match="0-d"):
        iter(gt.asarray(1.0))


def test_methods_that_would_change_a_tensor() -> None:
    t = gt.asarray([2.0, 1.0])
    for name in ("fill", "put", "resize"):
        with pytest.raises(gt.ImmutableError, match=name):
            getattr(t, name)(0)
    with pytest.raises(gt.ImmutableError, match="at"):
        t[0] = 1.0
    same(t.sort(), [1.0, 2.0])
    assert t.tolist() == [2.0, 1.0]


# -- NumPy's protocols ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("f", "slope"),
    [
        (np.sin, np.cos(0.5)),
        (np.exp, np.exp(0.5)),
        (lambda x: np.multiply(x, 3.0), 3.0),
        (lambda x: np.add.reduce(np.stack([x, 2 * x])), 3.0),
        (lambda x: np.multiply.reduce(np.stack([x, 2 * x])), 2.0),
        (lambda x: np.add.accumulate(np.stack([x, x]))[-1], 2.0),
        (lambda x: np.sum(np.multiply.outer(np.array([1.0, 2.0]), np.stack([x, x]))), 6.0),
        (lambda x: np.sum(np.concatenate([np.atleast_1d(x), np.ones(2)])), 1.0),
        (lambda x: np.where(True, x, 0.0), 1.0),
        (lambda x: np.linalg.norm(np.stack([x, x])), 2**0.5),
        (lambda x: np.einsum("i,i->", np.stack([x, x]), np.array([1.0, 2.0])), 3.0),
        (lambda x: np.mean(np.full_like(np.zeros(2), x)) if False else np.mean(np.stack([x, 0 * x])), 0.5),
        (lambda x: np.clip(x, 0, 1), 1.0),
        (lambda x: np.max(np.stack([x, 2 * x])), 2.0),
        (lambda x: np.reshape(x, (1,))[0], 1.0),
        (lambda x: np.float64(2.0) * x, 2.0),
        (lambda x: (np.ones(3) * x)[1], 1.0),
        (lambda x: np.dot(np.ones(2), np.stack([x, x])), 2.0),
        (lambda x: np.add(x, 1.0, dtype=np.float32), 1.0),
    ],
)
def test_numpy_functions_are_recorded(f: Any, slope: float) -> None:
    for kind in (gt.asarray, gt.Variable):
        x = kind(0.5)
        with gt.GradientTape() as tape:
            y = f(x)
        assert isinstance(y, gt.Tensor)
        assert tape.gradient(y, x).item() == pytest.approx(slope)


def test_questions_about_shape_and_type() -> None:
    t = gt.ones((2, 3), dtype=gt.float32)
    for x in (t, gt.Variable(t)):
        assert np.shape(x) == (2, 3)
        assert np.ndim(x) == 2
        assert np.size(x) == 6
        assert np.result_type(x, np.float64) == np.float64
        assert not np.iscomplexobj(x)
        assert np.array_repr(x).startswith("array(")
    assert np.zeros_like(t).shape == (2, 3)
    assert isinstance(np.zeros_like(t), gt.Tensor)


def test_what_numpy_would_do_without_a_derivative_is_refused() -> None:
    t, a = gt.ones(2), np.ones(2)
    with pytest.raises(gt.UnknownNameError, match=r"busday_count"):
        np.busday_count(t, t)
    with pytest.raises(gt.ImmutableError, match="out="):
        np.sin(t, out=a)
    with pytest.raises(gt.ImmutableError, match="a = a \\+ t"):
        a += t
    with pytest.raises(gt.ImmutableError):
        np.copyto(a, t)
    with pytest.raises(gt.DtypeError, match="where"):
        np.sin(t, where=np.array([True, False]))
    with pytest.raises(gt.ImmutableError, match="index_add"):
        np.add.at(a, [0], t)
    with pytest.raises(ValueError, match="binary"):
        np.sin.reduce(t)


def test_scipy_ufuncs_are_recorded() -> None:
    special = pytest.importorskip("scipy.special")
    assert gradient(special.expit, 0.0) == 0.25


# -- Python's protocols --------------------------------------------------------------------------------------


def test_numbers() -> None:
    for x in (gt.asarray(2.0), gt.Variable(2.0)):
        assert float(x) == 2.0
        assert int(x) == 2
        assert complex(x) == 2
        assert bool(x)
        assert f"{x:.2f}" == "2.00"
    assert [10, 20, 30][gt.asarray(1)] == 20
    assert list(range(gt.asarray(2))) == [0, 1]
    with pytest.raises(TypeError):
        operator.index(gt.asarray(1.0))


def test_a_tensor_of_several_elements_has_no_truth_value() -> None:
    with pytest.raises(ValueError, match=r"gt\.any"):
        bool(gt.ones(2))


def test_identity_equality_and_hash() -> None:
    t, v = gt.asarray([1.0, 2.0]), gt.Variable([1.0, 2.0])
    same(t == [1.0, 3.0], [True, False])
    same(t != [1.0, 3.0], [False, True])
    assert len({t, gt.asarray([1.0, 2.0])}) == 2
    assert v == v
    assert v != gt.Variable([1.0, 2.0])
    assert [gt.Variable(0.0), v].index(v) == 1
    assert {v: "v"}[v] == "v"


def test_repr() -> None:
    assert repr(gt.asarray([1.0, 2.0])) == "Tensor([1., 2.])"
    assert repr(gt.asarray(1.5, gt.float32)) == "Tensor(1.5, dtype=float32)"
    assert repr(gt.zeros((0, 2))) == "Tensor([], shape=(0, 2))"
    assert repr(gt.Variable(1.0, name="w")) == "Variable(1.0, name='w')"


def test_copies_and_pickles() -> None:
    t = gt.asarray([1.0, 2.0])
    assert copy.copy(t) is t
    assert copy.deepcopy([t])[0] is t
    same(pickle.loads(pickle.dumps(t)), [1.0, 2.0])
    v = gt.Variable([1.0, 2.0], name="w", trainable=False)
    other = pickle.loads(pickle.dumps(v))
    assert (other.name, other.trainable, other.tolist()) == ("w", False, [1.0, 2.0])
    twin = copy.deepcopy(v)
    twin += 1.0
    assert v.tolist() == [1.0, 2.0]


def test_dlpack() -> None:
    t = gt.asarray([1.0, 2.0])
    out = np.from_dlpack(t)
    np.testing.assert_array_equal(out, [1.0, 2.0])
    if out.flags.writeable:
        out[0] = 9.0
    assert t.tolist() == [1.0, 2.0]
    a = np.array([1.0, 2.0])
    copied = gt.from_dlpack(a)
    a[0] = 9.0
    assert copied.tolist() == [1.0, 2.0]


def test_zero_dimensional_results_are_tensors() -> None:
    x = gt.asarray([1.0, 2.0])
    for y in (
        x.sum(),
        x[0],
        gt.where(True, x[0], 0.0),
        gt.maximum(x[0], 0),
        gt.clip(x[0], 0, 1),
        x[0] == 1.0,
        np.sum(x),
    ):
        assert isinstance(y, gt.Tensor)
        assert isinstance(y.data, np.generic)


# -- dtypes --------------------------------------------------------------------------------------------------


def test_dtypes_and_constants() -> None:
    assert {gt.float64: 1}[gt.ones(1).dtype] == 1
    assert gt.ones(1, dtype=gt.float32).dtype == gt.float32
    assert gt.asarray(True).dtype == gt.bool
    assert gt.finfo(gt.ones(1, dtype=gt.float32)).eps == np.finfo(np.float32).eps
    assert gt.iinfo(gt.int8).max == 127
    assert gt.isdtype(gt.complex64, "complex floating")
    assert gt.result_type(gt.ones(1, dtype=gt.float32), 1.0) == gt.float32
    assert gt.promote_types(gt.int8, gt.uint8) == gt.int16
    assert gt.can_cast(gt.ones(1, dtype=gt.float32), gt.float64)
    assert (gt.pi, gt.e, gt.inf, gt.newaxis) == (np.pi, np.e, np.inf, None)


def test_array_namespace() -> None:
    t = gt.ones(2)
    assert t.__array_namespace__() is gt
    assert gt.Variable(t).__array_namespace__(api_version="2024.12") is gt
    with pytest.raises(ValueError, match="not supported"):
        t.__array_namespace__(api_version="1999.01")
    info = gt.__array_namespace_info__()
    assert info.default_device() == "cpu"
    assert info.default_dtypes()["real floating"] == gt.float64
    assert set(info.dtypes(kind="bool")) == {"bool"}
    assert all(hasattr(gt, name) for name in info.dtypes())
