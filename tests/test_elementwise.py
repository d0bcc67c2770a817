"""Element-wise functions: values against NumPy, derivatives against closed forms, conventions at singular points."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import mpmath
import numpy as np
import pytest
import scipy.special

import gradtape as gt

# Names whose NumPy function has the same name, with the interval from which arguments are drawn.
ONE = {
    **dict.fromkeys(
        [
            "abs",
            "absolute",
            "cos",
            "cosh",
            "sin",
            "sinh",
            "tan",
            "tanh",
            "exp",
            "exp2",
            "expm1",
            "square",
            "negative",
            "positive",
            "sign",
            "floor",
            "ceil",
            "trunc",
            "fix",
            "rint",
            "round",
            "around",
            "sinc",
            "deg2rad",
            "rad2deg",
            "degrees",
            "radians",
            "conj",
            "conjugate",
            "real",
            "imag",
            "angle",
            "isnan",
            "isinf",
            "isfinite",
            "signbit",
            "isposinf",
            "isneginf",
            "isreal",
            "iscomplex",
            "atan",
            "arctan",
            "asinh",
            "arcsinh",
            "logical_not",
            "cbrt",
            "fabs",
            "spacing",
            "nan_to_num",
        ],
        (-2.0, 2.0),
    ),
    **dict.fromkeys(["sqrt", "log", "log2", "log10", "log1p", "reciprocal"], (0.1, 3.0)),
    **dict.fromkeys(["asin", "arcsin", "acos", "arccos", "atanh", "arctanh"], (-0.9, 0.9)),
    **dict.fromkeys(["acosh", "arccosh"], (1.1, 3.0)),
}
TWO = {
    **dict.fromkeys(
        [
            "add",
            "subtract",
            "multiply",
            "divide",
            "true_divide",
            "floor_divide",
            "remainder",
            "mod",
            "fmod",
            "maximum",
            "minimum",
            "fmax",
            "fmin",
            "equal",
            "not_equal",
            "less",
            "less_equal",
            "greater",
            "greater_equal",
            "logical_and",
            "logical_or",
            "logical_xor",
            "arctan2",
            "atan2",
            "hypot",
            "logaddexp",
            "logaddexp2",
            "copysign",
            "heaviside",
            "nextafter",
            "isclose",
        ],
        (-2.0, 2.0),
    ),
    **dict.fromkeys(["power", "pow", "float_power"], (0.2, 2.0)),
}
INTEGERS = [
    "bitwise_and",
    "bitwise_or",
    "bitwise_xor",
    "bitwise_left_shift",
    "bitwise_right_shift",
    "left_shift",
    "right_shift",
    "gcd",
    "lcm",
]
COMPLEX = [
    "abs",
    "cos",
    "cosh",
    "sin",
    "sinh",
    "tan",
    "tanh",
    "exp",
    "expm1",
    "square",
    "negative",
    "positive",
    "sign",
    "conj",
    "real",
    "imag",
    "angle",
    "sqrt",
    "log",
    "log2",
    "log10",
    "reciprocal",
    "asin",
    "acos",
    "atan",
    "asinh",
    "acosh",
    "atanh",
    "sinc",
    "isnan",
    "isreal",
    "iscomplex",
]


def drawn(interval: tuple[float, float], shape: tuple[int, ...], seed: int = 0) -> Any:
    return np.random.default_rng(seed).uniform(*interval, size=shape)


def same(found: Any, expected: Any, eps: float = 8.0) -> None:
    assert isinstance(found, gt.Tensor)
    assert found.dtype == expected.dtype
    assert found.shape == expected.shape
    rtol = eps * np.finfo(expected.dtype).eps if expected.dtype.kind in "fc" else 0
    np.testing.assert_allclose(found.numpy(), expected, rtol=rtol, atol=rtol)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", ONE)
def test_values_of_one_argument(name: str, dtype: str) -> None:
    numpy_function = getattr(np, name)
    for shape in [(), (3,), (2, 3), (0,), (2, 0)]:
        x = drawn(ONE[name], shape).astype(dtype) if shape else np.dtype(dtype).type(drawn(ONE[name], ()))
        expected = np.asarray(numpy_function(x))
        same(getattr(gt, name)(gt.asarray(x)), expected)
        same(getattr(gt, name)(x), expected)


@pytest.mark.parametrize("name", COMPLEX)
def test_values_of_complex_arguments(name: str) -> None:
    for dtype in (np.complex64, np.complex128):
        x = (drawn((-1.5, 1.5), (4,)) + 1j * drawn((0.1, 1.0), (4,), 1)).astype(dtype)
        same(getattr(gt, name)(x), getattr(np, name)(x), eps=32)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", TWO)
def test_values_of_two_arguments(name: str, dtype: str) -> None:
    numpy_function = getattr(np, name)
    for first, second in [((), ()), ((3,), (3,)), ((2, 1), (3,)), ((), (2, 2)), ((0,), (1,))]:
        a, b = drawn(TWO[name], first).astype(dtype), drawn(TWO[name], second, 1).astype(dtype)
        same(getattr(gt, name)(gt.asarray(a), gt.asarray(b)), np.asarray(numpy_function(a, b)))
        same(getattr(gt, name)(a, gt.asarray(b)), np.asarray(numpy_function(a, b)))
        same(getattr(gt, name)(gt.asarray(a), 0.5), np.asarray(numpy_function(a, 0.5)))


@pytest.mark.parametrize("name", INTEGERS)
def test_values_of_integers(name: str) -> None:
    a, b = np.array([[1], [6]]), np.array([2, 3, 5])
    same(getattr(gt, name)(a, gt.asarray(b)), getattr(np, name)(a, b))


@pytest.mark.parametrize(
    "name", ["add", "subtract", "multiply", "divide", "floor_divide", "remainder", "power", "maximum"]
)
@pytest.mark.parametrize(
    ("first", "second"), [("float32", "float64"), ("int32", "float32"), ("int8", "int64"), ("bool", "float32")]
)
def test_dtypes_promote_as_in_numpy(name: str, first: str, second: str) -> None:
    a, b = np.ones(2, first), np.full(2, 2, second)
    assert getattr(gt, name)(gt.asarray(a), gt.asarray(b)).dtype == getattr(np, name)(a, b).dtype
    if first != "bool":
        assert getattr(gt, name)(gt.asarray(a), 2).dtype == getattr(np, name)(a, 2).dtype


def test_shifts_and_inversion() -> None:
    x = gt.asarray([1, 2])
    same(~x, ~np.array([1, 2]))
    same(gt.invert(gt.asarray([True, False])), np.array([False, True]))
    same(2 << x, 2 << np.array([1, 2]))


def test_divmod_and_modf() -> None:
    x = np.array([7.5, -7.5])
    for found, expected in zip(divmod(gt.asarray(x), 2.0), np.divmod(x, 2.0), strict=True):
        same(found, expected)
    for found, expected in zip(gt.modf(x), np.modf(x), strict=True):
        same(found, expected)


@pytest.mark.parametrize("bounds", [(0.0, 1.0), (None, 1.0), (0.0, None), (np.array([0.0, 0.5, 1.0]), 2.0)])
def test_clip(bounds: Any) -> None:
    x = np.array([-1.0, 0.5, 3.0])
    same(gt.clip(gt.asarray(x), *bounds), np.clip(x, *bounds))
    assert gt.clip(gt.asarray([1, 5]), None, 3).dtype == np.int64
    assert gt.clip(gt.asarray(x, gt.float32), 0, 1).dtype == np.float32


SCIPY: dict[str, tuple[str, tuple[float, float]]] = {
    "expit": ("expit", (-4, 4)),
    "sigmoid": ("expit", (-4, 4)),
    "log_sigmoid": ("log_expit", (-4, 4)),
    "logit": ("logit", (0.01, 0.99)),
    "entr": ("entr", (0.0, 2.0)),
}


@pytest.mark.parametrize("name", SCIPY)
def test_values_of_scipy_functions(name: str) -> None:
    other, interval = SCIPY[name]
    for dtype in ("float32", "float64"):
        x = drawn(interval, (50,)).astype(dtype)
        same(getattr(gt, name)(x), getattr(scipy.special, other)(x), eps=16)


def test_xlogy_values() -> None:
    x, y = np.array([0.0, 0.0, 2.0, 0.0]), np.array([0.0, 3.0, 3.0, np.nan])
    same(gt.xlogy(x, y), scipy.special.xlogy(x, y))
    same(gt.xlog1py(x, y), scipy.special.xlog1py(x, y))


ACTIVATIONS: dict[str, Callable[[Any], Any]] = {
    "relu": lambda x: np.maximum(x, 0),
    "relu6": lambda x: np.clip(x, 0, 6),
    "leaky_relu": lambda x: np.where(x > 0, x, 0.01 * x),
    "elu": lambda x: np.where(x > 0, x, np.expm1(x)),
    "celu": lambda x: np.where(x > 0, x, np.expm1(x)),
    "selu": lambda x: 1.0507009873554805 * np.where(x > 0, x, 1.6732632423543772 * np.expm1(x)),
    "silu": lambda x: x * scipy.special.expit(x),
    "swish": lambda x: x * scipy.special.expit(x),
    "gelu": lambda x: x * scipy.special.ndtr(x),
    "softplus": lambda x: np.log1p(np.exp(x)),
    "softsign": lambda x: x / (1 + np.abs(x)),
    "mish": lambda x: x * np.tanh(np.log1p(np.exp(x))),
    "hard_tanh": lambda x: np.clip(x, -1, 1),
    "hard_sigmoid": lambda x: np.clip(x + 3, 0, 6) / 6,
    "hard_swish": lambda x: x * np.clip(x + 3, 0, 6) / 6,
}


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_activations(name: str) -> None:
    x = drawn((-5.0, 8.0), (40,))
    np.testing.assert_allclose(getattr(gt, name)(x).numpy(), ACTIVATIONS[name](x), rtol=1e-13, atol=1e-15)
    assert getattr(gt, name)(x.astype(np.float32)).dtype == np.float32
    assert getattr(gt, name)(gt.asarray([1, 2])).dtype in (np.float64, np.int64)


def test_gelu_approximation() -> None:
    x = drawn((-3.0, 3.0), (20,))
    np.testing.assert_allclose(gt.gelu(x, approximate="tanh").numpy(), gt.gelu(x).numpy(), atol=1e-3)


# -- derivatives ---------------------------------------------------------------------------------------------


def derivatives(f: Callable[[Any], Any], x: Any, order: int) -> list[Any]:
    """f and its derivatives at x, by nested tapes."""
    x = gt.asarray(x)
    tapes = [gt.GradientTape() for _ in range(order)]
    for tape in tapes:
        tape.__enter__()
    y = f(x)
    found = [y.numpy()]
    for tape in reversed(tapes):
        tape.__exit__(None, None, None)
        y = tape.gradient(y, x)
        found.append(y.numpy())
    return found


def gradients(f: Callable[..., Any], *xs: float) -> tuple[list[float], list[list[float]]]:
    """First and second derivatives of a scalar function of several variables."""
    tensors = [gt.asarray(x) for x in xs]
    with gt.GradientTape() as outer:
        with gt.GradientTape() as inner:
            y = f(*tensors)
        first = inner.gradient(y, tensors)
    second = [outer.gradient(g, tensors) for g in first]
    return [g.item() for g in first], [[h.item() for h in row] for row in second]


SMOOTH: dict[str, tuple[Callable[[Any], Any], Callable[[Any], Any], tuple[float, ...]]] = {
    "tanh": (gt.tanh, mpmath.tanh, (-20.0, -0.5, 0.0, 1.0, 20.0)),
    "sigmoid": (gt.sigmoid, lambda x: 1 / (1 + mpmath.exp(-x)), (-40.0, 0.0, 1.0, 40.0)),
    "softplus": (gt.softplus, lambda x: mpmath.log1p(mpmath.exp(x)), (-40.0, 0.0, 25.0, 40.0)),
    "log_sigmoid": (gt.log_sigmoid, lambda x: -mpmath.log1p(mpmath.exp(-x)), (-40.0, 0.0, 40.0)),
    "arcsin": (gt.arcsin, mpmath.asin, (-0.9, 0.1, 0.999999)),
    "arccos": (gt.arccos, mpmath.acos, (-0.9, 0.1, 0.999999)),
    "arctan": (gt.arctan, mpmath.atan, (-3.0, 0.0, 1e5)),
    "arcsinh": (gt.arcsinh, mpmath.asinh, (-3.0, 0.0, 1e5)),
    "arccosh": (gt.arccosh, mpmath.acosh, (1.000001, 2.0, 1e5)),
    "arctanh": (gt.arctanh, mpmath.atanh, (-0.9, 0.1, 0.999999)),
    "cbrt": (gt.cbrt, mpmath.cbrt, (0.1, 8.0)),
    "log1p": (gt.log1p, mpmath.log1p, (-0.9, 1e-10, 3.0)),
    "expm1": (gt.expm1, mpmath.expm1, (-40.0, 1e-10, 3.0)),
    "logit": (gt.logit, lambda x: mpmath.log(x / (1 - x)), (1e-10, 0.3, 0.999)),
    "x**2.5": (lambda x: x**2.5, lambda x: x ** mpmath.mpf(2.5), (0.1, 3.0)),
    "x**-3": (lambda x: x**-3, lambda x: x**-3, (0.1, 3.0)),
    "2**x": (lambda x: 2.0**x, lambda x: mpmath.mpf(2) ** x, (-1.0, 3.0)),
    "silu": (gt.silu, lambda x: x / (1 + mpmath.exp(-x)), (-30.0, 0.0, 5.0)),
    "gelu": (gt.gelu, lambda x: x * mpmath.ncdf(x), (-6.0, 0.0, 2.0)),
    "rsqrt": (gt.rsqrt, lambda x: 1 / mpmath.sqrt(x), (0.1, 3.0)),
}


@pytest.mark.parametrize("name", SMOOTH)
def test_derivatives_keep_their_digits(name: str) -> None:
    f, exact, points = SMOOTH[name]
    with mpmath.workdps(60):
        for x in points:
            for order, found in enumerate(derivatives(f, x, 3)):
                expected = float(mpmath.diff(exact, mpmath.mpf(x), order))
                # Relative: 4e-18 is not 0.  The oracle's own zeros are below 1e-20 of the function's scale here.
                zero = 1e-14 if abs(expected) < 1e-20 and abs(x) < 10 else 0.0
                assert found == pytest.approx(expected, rel=2e-11, abs=zero), f"order {order} at {x}"


REMOVABLE: dict[str, tuple[Callable[[Any], Any], Callable[[Any], Any]]] = {
    "sinx_over_x": (gt.sinx_over_x, lambda x: mpmath.sinc(x)),
    "sinc": (gt.sinc, lambda x: mpmath.sincpi(x)),
    "expm1_over_x": (gt.expm1_over_x, lambda x: mpmath.expm1(x) / x if x else mpmath.mpf(1)),
    "log1p_over_x": (gt.log1p_over_x, lambda x: mpmath.log1p(x) / x if x else mpmath.mpf(1)),
}


@pytest.mark.parametrize("name", REMOVABLE)
def test_holes_are_filled_at_every_order(name: str) -> None:
    f, exact = REMOVABLE[name]
    with mpmath.workdps(80):
        for x in (0.0, 1e-300, 1e-8, 1e-3, 0.3, -0.32, -0.36, 1.01, 2.0, 3.0, 6.5):
            near = mpmath.mpf(x) if x else mpmath.mpf("1e-40")
            for order, found in enumerate(derivatives(f, x, 5)):
                expected = mpmath.diff(exact, near, order, h=mpmath.mpf("1e-12")) if order else exact(near)
                assert found == pytest.approx(float(expected), rel=1e-9, abs=1e-9), f"order {order} at {x}"


def test_second_derivative_of_sinc_near_zero() -> None:
    _, first, second = derivatives(gt.sinc, 1e-8, 2)
    assert first == pytest.approx(-1e-8 * np.pi**2 / 3, rel=1e-14)
    assert second == pytest.approx(-(np.pi**2) / 3, rel=1e-14)


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize(
    ("f", "x", "first", "second"),
    [
        (lambda x: x**0, 0.0, 0.0, 0.0),
        (lambda x: x**1, 0.0, 1.0, 0.0),
        (lambda x: x**2, 0.0, 0.0, 2.0),
        (lambda x: x**3, 0.0, 0.0, 0.0),
        (lambda x: x**1.0, 0.0, 1.0, 0.0),
        (lambda x: x**2.0, 0.0, 0.0, 2.0),
        (lambda x: x**0.5, 0.0, np.inf, -np.inf),
        (lambda x: x**1.5, 0.0, 0.0, np.inf),
        (lambda x: x**-1, 0.0, -np.inf, np.inf),
        (lambda x: x**x, 0.0, -np.inf, np.inf),
        (gt.sqrt, 0.0, np.inf, -np.inf),
        (gt.cbrt, 0.0, np.inf, -np.inf),
        (gt.rsqrt, 0.0, -np.inf, np.inf),
        (gt.log, 0.0, np.inf, -np.inf),
        (gt.arcsin, 1.0, np.inf, np.inf),
        (gt.arccosh, 1.0, np.inf, -np.inf),
        (gt.arctanh, 1.0, np.inf, np.inf),
        (gt.entr, 0.0, np.inf, -np.inf),
        (gt.abs, 0.0, 0.0, 0.0),
        (gt.sign, 0.0, 0.0, 0.0),
        (gt.relu, 0.0, 0.0, 0.0),
        (gt.relu6, 6.0, 0.0, 0.0),
        (gt.elu, 0.0, 1.0, 1.0),
        (gt.floor, 0.0, 0.0, 0.0),
        (lambda x: x % 1, 0.0, 1.0, 0.0),
        (lambda x: gt.clip(x, 0, 1), 0.0, 1.0, 0.0),
        (lambda x: gt.clip(x, 0, 1), 1.0, 1.0, 0.0),
        (lambda x: gt.maximum(x, 0), 0.0, 0.5, 0.0),
        (lambda x: gt.maximum(x, x), 1.0, 1.0, 0.0),
        (lambda x: gt.relu(gt.log(x)), 0.0, 0.0, 0.0),
        (lambda x: gt.where(x > 0, gt.sqrt(x), 0), 0.0, 0.0, 0.0),
        (lambda x: gt.where(x > 0, gt.sqrt(x), 0), -1.0, 0.0, 0.0),
        (lambda x: gt.where(x < 50, gt.exp(x), x), 1000.0, 1.0, 0.0),
        (gt.arctan, np.inf, 0.0, 0.0),
        (gt.softplus, 1000.0, 1.0, 0.0),
    ],
)
def test_singular_points(f: Any, x: float, first: float, second: float) -> None:
    assert derivatives(f, x, 2)[1:] == [first, second]


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize(
    ("f", "point", "first", "second"),
    [
        (gt.power, (0.0, 2.0), [0, 0], [[2, 0], [0, 0]]),
        (gt.power, (0.0, 1.0), [1, 0], [[0, -np.inf], [-np.inf, 0]]),
        (gt.power, (0.0, 3.0), [0, 0], [[0, 0], [0, 0]]),
        (gt.power, (2.0, 0.0), [0, np.log(2)], [[0, 0.5], [0.5, np.log(2) ** 2]]),
        (gt.power, (-2.0, 2.0), [-4, np.nan], [[2, np.nan], [np.nan, np.nan]]),
        (gt.hypot, (0.0, 0.0), [0, 0], [[0, 0], [0, 0]]),
        (gt.hypot, (0.0, 2.0), [0, 1], [[0.5, 0], [0, 0]]),
        (gt.hypot, (1.0, 1.0), [0.5**0.5, 0.5**0.5], [[8**-0.5, -(8**-0.5)], [-(8**-0.5), 8**-0.5]]),
        (gt.arctan2, (0.0, 1.0), [1, 0], [[0, -1], [-1, 0]]),
        (gt.arctan2, (0.0, -1.0), [-1, 0], [[0, -1], [-1, 0]]),
        (gt.maximum, (1.0, 1.0), [0.5, 0.5], [[0, 0], [0, 0]]),
        (gt.xlogy, (0.0, 1.0), [0, 0], [[0, 1], [1, 0]]),
        (gt.xlogy, (0.0, 2.0), [np.log(2), 0], [[0, 0.5], [0.5, 0]]),
        (gt.xlog1py, (0.0, 1.0), [np.log(2), 0], [[0, 0.5], [0.5, 0]]),
        (gt.logaddexp, (0.0, 0.0), [0.5, 0.5], [[0.25, -0.25], [-0.25, 0.25]]),
        (gt.logaddexp, (-np.inf, -np.inf), [0.5, 0.5], [[0, 0], [0, 0]]),
        (gt.logaddexp, (np.inf, 0.0), [1, 0], [[0, 0], [0, 0]]),
        (gt.copysign, (2.0, -1.0), [-1, 0], [[0, 0], [0, 0]]),
        (gt.heaviside, (0.0, 0.5), [0, 1], [[0, 0], [0, 0]]),
        (gt.fmod, (7.0, 4.0), [1, -1], [[0, 0], [0, 0]]),
        (gt.remainder, (-7.0, 4.0), [1, 2], [[0, 0], [0, 0]]),
    ],
)
def test_singular_points_of_two_arguments(f: Any, point: Any, first: Any, second: Any) -> None:
    found = gradients(f, *point)
    np.testing.assert_allclose(found[0], first, rtol=1e-14, atol=1e-15)
    np.testing.assert_allclose(found[1], second, rtol=1e-14, atol=1e-15)


@pytest.mark.parametrize("size", [1e200, 1e-200])
def test_lengths_and_angles_of_any_size(size: float) -> None:
    first, _ = gradients(gt.hypot, size, size)
    assert first == pytest.approx([0.5**0.5, 0.5**0.5])
    first, _ = gradients(gt.arctan2, size, size)
    assert first == pytest.approx([0.5 / size, -0.5 / size], rel=1e-12)


def test_powers_of_an_array_of_exponents_at_zero() -> None:
    x = gt.asarray(0.0)
    exponents = gt.asarray([1.0, 2.0, 3.0])
    tapes = [gt.GradientTape() for _ in range(4)]
    for tape in tapes:
        tape.__enter__()
    y, found = gt.sum(x**exponents), []
    for tape in reversed(tapes):
        tape.__exit__(None, None, None)
        y = tape.gradient(y, x)
        found.append(y.item())
    assert found == [1.0, 2.0, 6.0, 0.0]


def test_gradients_keep_the_dtype() -> None:
    x = gt.asarray([0.5, 0.7], dtype=gt.float32)
    for name in [
        *[
            "sin",
            "tanh",
            "relu",
            "elu",
            "leaky_relu",
            "clip",
            "sinc",
            "log_sigmoid",
            "softplus",
            "abs",
            "gelu",
            "mish",
            "expm1_over_x",
        ]
    ]:
        f = getattr(gt, name)
        with gt.GradientTape() as outer:
            with gt.GradientTape() as inner:
                y = f(x, 0, 1) if name == "clip" else f(x)
            first = inner.gradient(y, x)
        assert y.dtype == first.dtype == outer.gradient(first, x).dtype == np.float32, name


def test_high_orders_do_not_overflow() -> None:
    # A quotient by cosh(x)**2 overflows from x = 355 on, at order 8 long before.
    found = derivatives(gt.tanh, 100.0, 8)
    assert np.all(np.isfinite(found))
    assert found[8] == pytest.approx(-(2.0**9) * np.exp(-200.0), rel=1e-10)


@pytest.mark.parametrize(
    "name", ["sin", "exp", "log", "sqrt", "tanh", "arctan", "arcsinh", "sinh", "cosh", "tan", "reciprocal"]
)
def test_holomorphic_derivatives(name: str) -> None:
    z, h = 0.7 + 0.4j, 1e-6
    x = gt.asarray(z)
    with gt.GradientTape() as tape:
        y = getattr(gt, name)(x)
    f = getattr(np, name)
    assert tape.gradient(y, x, holomorphic=True).item() == pytest.approx((f(z + h) - f(z - h)) / (2 * h), rel=1e-8)


def test_gradients_of_real_functions_of_complex_values() -> None:
    z = gt.asarray(3 + 4j)
    for f, expected in [
        (gt.abs, (3 + 4j) / 5),
        (gt.real, 1),
        (gt.imag, 1j),
        (gt.angle, (-4 + 3j) / 25),
        (lambda z: gt.real(gt.conj(z) * z), 6 + 8j),
    ]:
        with gt.GradientTape() as tape:
            y = f(z)
        assert tape.gradient(y, z).item() == pytest.approx(expected)


def nested_slopes(f: Callable[[Any], Any], x: float, order: int) -> list[float]:
    """f'(x), f''(x), ... by nested tapes."""
    found: list[float] = []
    for _ in range(order):
        f = gt.grad(f)
        found.append(f(x).item())
    return found


@pytest.mark.parametrize("x", [1e-200, -1e-20, 1e-8, 3.0, -40.0, 40.0, 700.0])
def test_sigmoid_keeps_its_digits_at_zero_and_in_the_tails_at_every_order(x: float) -> None:
    with mpmath.workdps(700):
        s = 1 / (1 + mpmath.exp(-mpmath.mpf(x)))
        first, t = s * (1 - s), -mpmath.tanh(mpmath.mpf(x) / 2)
        second, third = first * t, first * (t * t - 2 * first)
        assert nested_slopes(gt.sigmoid, x, 3) == pytest.approx([float(first), float(second), float(third)], rel=1e-13)
        bend = 2 * first + x * second
        slope = 3 * second + x * third
        silu = [float(s + x * first), float(bend), float(slope)]
        assert nested_slopes(gt.silu, x, 3) == pytest.approx(silu, rel=1e-12)
        assert nested_slopes(gt.softplus, x, 3) == pytest.approx([float(s), float(first), float(second)], rel=1e-13)


def test_approximate_gelu_keeps_its_digits_in_the_left_tail() -> None:
    def exact(x: Any) -> Any:
        u = mpmath.sqrt(2 / mpmath.pi) * (x + mpmath.mpf(0.044715) * x**3)
        return x * (1 + mpmath.tanh(u)) / 2

    with mpmath.workdps(120):
        for x in (-5.0, -10.0):
            value = gt.gelu(x, approximate=True).item()
            assert value == pytest.approx(float(exact(mpmath.mpf(x))), rel=1e-12)
            (slope,) = nested_slopes(lambda x: gt.gelu(x, approximate=True), x, 1)
            assert slope == pytest.approx(float(mpmath.diff(exact, x)), rel=1e-11)


def test_log_cosh_is_flat_in_the_middle_and_straight_far_out() -> None:
    def f(x: Any) -> Any:
        return gt.log(gt.cosh(x))

    assert nested_slopes(f, 1e-20, 3) == pytest.approx([1e-20, 1.0, -2e-20], rel=1e-15)
    with np.errstate(over="ignore"):
        assert nested_slopes(f, 1000.0, 3) == [1.0, 0.0, 0.0]


def test_softsign_of_complex_values_and_far_out() -> None:
    z = gt.asarray(0.3 + 0.4j)
    with gt.GradientTape() as tape:
        y = gt.real(gt.softsign(z))  # x / (1 + r): d/dx = (1 + r - x^2/r) / (1 + r)^2, d/dy = -x y / (r (1 + r)^2)
    expected = (1.5 - 0.09 / 0.5) / 2.25 - 0.12 / 0.5 / 2.25 * 1j
    assert tape.gradient(y, z).item() == pytest.approx(expected)
    assert nested_slopes(gt.softsign, 1e100, 2) == pytest.approx([1e-200, -2e-300], rel=1e-12)


def test_arccosh_at_one_and_at_infinity() -> None:
    assert nested_slopes(gt.arccosh, 1.0, 3) == [np.inf, -np.inf, np.inf]
    assert nested_slopes(gt.arccosh, np.inf, 3) == [0.0, 0.0, 0.0]


def test_a_quotient_that_overflows_is_infinite_not_nan() -> None:
    with np.errstate(over="ignore"):
        assert gt.expm1_over_x(1000.0).item() == np.inf
        assert nested_slopes(gt.expm1_over_x, 1000.0, 3) == [np.inf] * 3
    assert gt.sinx_over_x(np.float16(0.0)).item() == 1.0


@pytest.mark.parametrize("dtype", [np.int8, np.int32, np.float16, np.float32])
def test_logarithms_in_slopes_are_taken_in_the_dtype_of_the_result(dtype: Any) -> None:
    b = gt.asarray(dtype(3))
    assert nested_slopes(lambda x: b**x, 1.5, 2) == pytest.approx([3**1.5 * np.log(3), 3**1.5 * np.log(3) ** 2])
    assert gt.xlogy(1.5, b).item() == pytest.approx(1.5 * np.log(3), rel=1e-14 if b.dtype.kind == "i" else 1e-3)
    x = gt.asarray(np.array([1.5, 2.5]))
    assert gt.xlogy(x, b).numpy() == pytest.approx(x.numpy() * np.log(3), rel=1e-14)
    assert gt.xlog1py(x, b).numpy() == pytest.approx(x.numpy() * np.log(4), rel=1e-14)
    assert gt.grad(lambda x: gt.sum(gt.xlogy(x, b)))(x).numpy() == pytest.approx([np.log(3)] * 2, rel=1e-14)
    assert gt.grad(lambda x: gt.sum(gt.xlog1py(x, b)))(x).numpy() == pytest.approx([np.log(4)] * 2, rel=1e-14)
