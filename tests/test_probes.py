"""Small programs that tape-based libraries get wrong, each with the right answer at every order that has one.

Collected from users' reports: where it went wrong is the reason for each test, the answer is mathematics.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import gradtape as gt
from gradtape.rules.primitive import registry


def derivatives(f: Callable[[Any], Any], x: Any, count: int) -> list[Any]:
    """f' .. f^(count), element by element, by nested tapes (f acts on each element of x by itself)."""
    x = gt.asarray(x)

    def nth(order: int) -> list[Any]:
        if order == 0:
            return [f(x)]
        with gt.GradientTape() as tape:
            found = nth(order - 1)
        return [*found, tape.gradient(found[-1], x)]

    return [d.data for d in nth(count)[1:]]


def afterwards(f: Callable[[Any], Any], x: Any, count: int) -> list[Any]:
    """The same by one tape, every gradient asked of it after it has closed."""
    x = gt.asarray(x)
    with gt.GradientTape() as tape:
        d = f(x)
    found: list[Any] = []
    for _ in range(count):
        d = tape.gradient(d, x)
        found.append(d.data)
    return found


def hessian(f: Callable[[Any], Any], x: Any) -> Any:
    x = gt.asarray(x)
    with gt.GradientTape() as outer:
        with gt.GradientTape() as tape:
            y = f(x)
        g = tape.gradient(y, x)
    basis = np.eye(x.size).reshape(x.size, *x.shape)
    rows = [outer.gradient(g, x, output_gradients=e).data for e in basis]
    return np.stack(rows).reshape(*x.shape, *x.shape)


def gradient(f: Callable[[Any], Any], x: Any) -> Any:
    x = gt.asarray(x)
    with gt.GradientTape() as tape:
        y = f(x)
    return tape.gradient(y, x).data


def check(f: Callable[[Any], Any], x: Any, right: list[Any]) -> None:
    """The derivatives of f at x are ``right``, inside and after."""
    for way in (derivatives, afterwards):
        with np.errstate(all="ignore"):  # branches that are not taken may overflow or divide by zero
            results = way(f, x, len(right))
        for order, (found, expected) in enumerate(zip(results, right, strict=True), 1):
            np.testing.assert_allclose(
                found, expected, rtol=1e-10, atol=1e-12, err_msg=f"order {order}, {way.__name__}"
            )


# -- the branch not taken, removable points, ties -----------------------------------------------------------


def test_branch_not_taken() -> None:
    right = [
        [0.5, 0.25, 1.0],
        [-0.25, 0.25, -1.0],
        [0.25, 0.375, 2.0],
        [-0.375, 0.75, -6.0],
    ]
    check(lambda x: gt.where(x < 0, 1 / (1 - x), gt.log(x + 1)), [1.0, -1.0, 0.0], right)


def test_branch_not_taken_behind_index_maps() -> None:
    def f(x: Any) -> Any:
        spread = gt.reshape(gt.sqrt(x), (2, 2)).T
        return gt.sum(gt.where(np.array([[True, False], [True, True]]), spread, 0.0))

    # x[2] ends up at [0, 1], the lane that is not chosen.
    np.testing.assert_allclose(gradient(f, [1.0, 4.0, 0.0, 0.25]), [0.5, 0.25, 0.0, 1.0])
    np.testing.assert_allclose(np.diag(hessian(f, [1.0, 4.0, 0.0, 0.25])), [-0.25, -1 / 32, 0.0, -2.0])


def test_nested_branches() -> None:
    def f(x: Any) -> Any:
        return gt.where(x > 0, gt.where(x > 1, gt.log(x - 1 + 1e-300), gt.sqrt(x)), -x)

    check(f, [3.0, 0.25, -2.0], [[0.5, 1.0, -1.0], [-0.25, -2.0, 0.0], [0.25, 12.0, 0.0]])


def test_norm_at_zero() -> None:
    zero = np.zeros(3)
    assert np.array_equal(gradient(gt.linalg.norm, zero), zero)
    assert np.array_equal(hessian(gt.linalg.norm, zero), np.zeros((3, 3)))
    np.testing.assert_allclose(gradient(lambda x: gt.linalg.norm(x) ** 2, zero), zero)
    np.testing.assert_allclose(hessian(lambda x: gt.linalg.norm(x) ** 2, zero), 2 * np.eye(3))


def test_integer_powers_in_an_array_at_zero() -> None:
    """x + x^2 + x^3 as one power with an array of exponents."""
    check(lambda x: gt.sum(x ** gt.asarray([1.0, 2.0, 3.0])), 0.0, [1.0, 2.0, 6.0, 0.0])


def test_python_integer_powers_at_zero() -> None:
    check(lambda x: x**0 + x**1 + x**2 + x**3 + x**4, 0.0, [1.0, 2.0, 6.0, 24.0, 0.0])


def test_ties_are_split_evenly() -> None:
    assert gradient(lambda x: gt.maximum(x, 0.0), 0.0) == 0.5
    assert gradient(lambda x: gt.maximum(x, x), 3.0) == 1.0
    assert gradient(gt.abs, 0.0) == 0.0
    np.testing.assert_array_equal(gradient(gt.max, [2.0, 2.0, 1.0]), [0.5, 0.5, 0.0])


def test_smooth_functions_have_no_kink_where_their_arguments_meet() -> None:
    r8 = 8**-0.5
    np.testing.assert_allclose(hessian(lambda v: gt.hypot(v[0], v[1]), [1.0, 1.0]), [[r8, -r8], [-r8, r8]], rtol=1e-12)
    np.testing.assert_allclose(
        hessian(lambda v: gt.logaddexp(v[0], v[1]), [0.0, 0.0]), [[0.25, -0.25], [-0.25, 0.25]], rtol=1e-12
    )


# -- compositions that are seen through ---------------------------------------------------------------------

COMPOSITIONS: dict[str, Callable[[Any], Any]] = {
    "sqrt(x*x)": lambda x: gt.sqrt(x * x),
    "sqrt(x**4)": lambda x: gt.sqrt(x**4),
    "sqrt(x)**2": lambda x: gt.sqrt(x) ** 2,
    "sqrt(x)*sqrt(x)": lambda x: gt.sqrt(x) * gt.sqrt(x),
    "sqrt(sum of squares, axis 1)": lambda x: gt.sqrt(gt.sum(x * x, axis=1)),
    "sqrt(mean of squares)": lambda x: gt.sqrt(gt.mean(x**2, axis=0)),
    "sqrt(sum, keepdims)": lambda x: gt.sqrt(gt.sum(gt.square(x), axis=0, keepdims=True)) * x,
    "sqrt(a*a + b*b)": lambda x: gt.sqrt(x * x + x[:, :1] * x[:, :1]),
    "norm(axis 1)**2": lambda x: gt.linalg.norm(x, axis=1) ** 2,
    "norm**4": lambda x: gt.linalg.norm(x) ** 4,
    "norm*norm": lambda x: gt.linalg.norm(x) * gt.linalg.norm(x),
    "std**2": lambda x: gt.std(x, axis=0) ** 2,
    "sqrt(var)": lambda x: gt.sqrt(gt.var(x, axis=1)),
    "x**0.5 of a square": lambda x: (x * x) ** 0.5,
    "sin(x)/x": lambda x: gt.sin(x) / x,
    "expm1(x)/x": lambda x: gt.expm1(x) / x,
    "log1p(x)/x": lambda x: gt.log1p(x) / x,
    "x*log(x)": lambda x: x * gt.log(x),
    "log2(x)*-x": lambda x: gt.log2(x) * -x,
    "log(1+exp(x))": lambda x: gt.log(1 + gt.exp(x)),
    "log1p(exp(x))": lambda x: gt.log1p(gt.exp(x)),
    "log(cosh(x))": lambda x: gt.log(gt.cosh(x)),
    "log(sum(exp(x)))": lambda x: gt.log(gt.sum(gt.exp(x), axis=0)),
    "log(softmax(x))": lambda x: gt.log(gt.softmax(x, axis=1)),
    "log(sigmoid(x))": lambda x: gt.log(gt.sigmoid(x)),
    "arccos(x)**2": lambda x: gt.arccos(x) ** 2,
    "x**x": lambda x: x**x,
}


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("name", COMPOSITIONS)
def test_seeing_through_changes_nothing_at_regular_points(
    name: str, dtype: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A composition has the derivatives that its rows' own rules give it, where those are right."""
    f = COMPOSITIONS[name]
    x = np.random.default_rng(5).uniform(0.2, 0.8, (2, 3)).astype(dtype)
    found = afterwards(f, x, 3)
    for row in registry.values():
        monkeypatch.setattr(row, "peepholes", ())
    for order, (a, b) in enumerate(zip(found, afterwards(f, x, 3), strict=True), 1):
        scale = np.max(np.abs(b)) + (10 if dtype is np.float32 else 1)
        assert a.dtype == b.dtype == dtype
        np.testing.assert_allclose(a, b, atol=2e3**order * np.finfo(dtype).eps * scale, err_msg=f"order {order}")


ELEMENTWISE = [
    "sqrt(x*x)",
    "sqrt(x**4)",
    "sqrt(x)**2",
    "sqrt(x)*sqrt(x)",
    "x**0.5 of a square",
    "sin(x)/x",
    "expm1(x)/x",
    "log1p(x)/x",
    "x*log(x)",
    "log2(x)*-x",
    "log(1+exp(x))",
    "log1p(exp(x))",
    "log(cosh(x))",
    "log(sigmoid(x))",
    "arccos(x)**2",
]


@pytest.mark.parametrize("name", ELEMENTWISE)
def test_dead_lanes_are_seen_through(name: str) -> None:
    """Behind a branch that is not taken nothing matters, also where the branch is seen through."""
    taken = np.array([[True, False, True], [True, True, False]])

    def f(d: Any) -> Any:
        return gt.where(taken, COMPOSITIONS[name](gt.sqrt(d)), 0.0)

    with np.errstate(all="ignore"):
        found, full = afterwards(f, taken * 0.5, 2), afterwards(f, np.full((2, 3), 0.5), 2)
    for a, b in zip(found, full, strict=True):
        np.testing.assert_allclose(a, np.where(taken, b, 0.0), rtol=1e-12)


def test_gradient_with_respect_to_a_value_that_is_seen_through() -> None:
    x = gt.asarray(0.7)
    with gt.GradientTape() as tape:
        u = gt.cosh(x)
        y = gt.log(u)
    du, dx = (g.data for g in tape.gradient(y, [u, x]))
    np.testing.assert_allclose([du, dx], [1 / math.cosh(0.7), math.tanh(0.7)])


# -- products with zero factors -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("x", "right"),
    [
        ([0.0, 2.0, 3.0], [[0, 3, 2], [3, 0, 0], [2, 0, 0]]),
        ([0.0, 0.0, 2.0], [[0, 2, 0], [2, 0, 0], [0, 0, 0]]),
        ([0.0, 0.0, 0.0], np.zeros((3, 3))),
        ([1.0, 2.0, 3.0], [[0, 3, 2], [3, 0, 1], [2, 1, 0]]),
    ],
)
def test_hessian_of_a_product(x: Any, right: Any) -> None:
    np.testing.assert_allclose(hessian(gt.prod, x), right, atol=1e-15)


def test_third_derivatives_of_a_product_at_zero() -> None:
    x = gt.asarray([0.0, 0.0, 0.0])
    with gt.GradientTape() as tape:
        y = gt.prod(x)
    g = tape.gradient(y, x)
    for i in range(3):
        row = tape.gradient(g, x, output_gradients=np.eye(3)[i])
        for j in range(3):
            third = tape.gradient(row, x, output_gradients=np.eye(3)[j])
            expected = [float(len({i, j, k}) == 3) for k in range(3)]
            np.testing.assert_array_equal(third.data, expected)


def test_cumprod_with_a_zero() -> None:
    def f(x: Any) -> Any:
        return gt.sum(gt.cumprod(x))

    np.testing.assert_allclose(gradient(f, [2.0, 0.0, 3.0]), [1.0, 8.0, 0.0])
    np.testing.assert_allclose(hessian(f, [2.0, 0.0, 3.0]), [[0, 4, 0], [4, 0, 2], [0, 2, 0]], atol=1e-15)


# -- tails --------------------------------------------------------------------------------------------------


def test_tails_keep_their_relative_accuracy() -> None:
    """silu''(x) = e^x (x + 2) far down, to first order in e^x."""
    (_, second) = afterwards(gt.silu, -700.0, 2)
    np.testing.assert_allclose(second, math.exp(-700) * -698, rtol=1e-12)
    (first, second) = afterwards(gt.sigmoid, 40.0, 2)
    np.testing.assert_allclose([first, second], [math.exp(-40), -math.exp(-40)], rtol=1e-12)


def test_logaddexp_far_apart() -> None:
    h = hessian(lambda v: gt.logaddexp(v[0], v[1]), [800.0, -800.0])
    assert np.array_equal(h, np.zeros((2, 2)))
    np.testing.assert_allclose(
        hessian(lambda v: gt.logaddexp(v[0], v[1]), [40.0, 0.0]),
        np.exp(-40.0) * np.array([[1, -1], [-1, 1]]),
        rtol=1e-12,
    )


def test_exp2_near_overflow() -> None:
    log2 = math.log(2)
    expected = [float(2.0**1022 * log2**k) for k in (1, 2)]
    np.testing.assert_allclose(afterwards(gt.exp2, 1022.0, 2), expected, rtol=1e-13)


# -- connected or not ---------------------------------------------------------------------------------------


def test_linear_functions_have_second_derivative_zero() -> None:
    check(lambda x: 3 * x, 2.0, [3.0, 0.0, 0.0, 0.0])
    check(lambda x: -x + 1, [1.0, 2.0], [[-1.0, -1.0], [0.0, 0.0], [0.0, 0.0]])


def test_flat_functions_are_zero_not_none() -> None:
    check(gt.round, [1.2, 3.4], [[0.0, 0.0], [0.0, 0.0]])
    check(gt.floor, 0.5, [0.0, 0.0])
    check(lambda x: gt.clip(x, 0.0, 1.0), [2.0, 0.5], [[0.0, 1.0], [0.0, 0.0]])


def test_integer_sources_are_refused_by_name() -> None:
    v = gt.Variable(3)
    with gt.GradientTape() as tape:
        y = v * 2.0
    with pytest.raises(gt.DtypeError, match="float"):
        tape.gradient(y, v)


def test_what_ran_after_the_tape_closed_is_said() -> None:
    x = gt.asarray(2.0)
    with gt.GradientTape() as tape:
        x * x
    with pytest.warns(gt.UnconnectedGradientWarning):
        assert tape.gradient(x * x, x) is None


def test_value_that_left_the_record_is_said() -> None:
    x = gt.asarray(2.0)
    with gt.GradientTape() as tape:
        y = gt.asarray(float(x)) * 3.0
    with pytest.warns(gt.UnconnectedGradientWarning):
        assert tape.gradient(y, x) is None


def test_watching_too_late_does_not_matter() -> None:
    x = gt.asarray(2.0)
    with gt.GradientTape() as tape:
        y = x * x
        tape.watch(x)
    assert tape.gradient(y, x).data == 4.0


def test_arrays_overwritten_afterwards_do_not_change_derivatives() -> None:
    a = np.array([1.0, 2.0])
    x = gt.asarray([3.0, 4.0])
    with gt.GradientTape() as tape:
        y = gt.sum(x * a)
    a[:] = 7.0
    np.testing.assert_array_equal(tape.gradient(y, x).data, [1.0, 2.0])


def test_complex_convention() -> None:
    """The gradient of |z|^2 is 2z: the direction of steepest ascent."""
    z = gt.asarray(1.0 + 2.0j)
    with gt.GradientTape() as tape:
        y = gt.real(z * gt.conj(z))
    assert tape.gradient(y, z).data == 2.0 + 4.0j


# -- state --------------------------------------------------------------------------------------------------


def test_assignment_is_differentiated() -> None:
    v, x = gt.Variable(1.0), gt.asarray(2.0)
    with gt.GradientTape() as outer:
        with gt.GradientTape() as tape:
            v.assign_add(x)
            loss = v * v
        g = tape.gradient(loss, x)
    assert g.data == 6.0
    assert outer.gradient(g, x).data == 2.0


def test_one_step_of_descent() -> None:
    """d/dw of (w - 2 r w - 3)^2 is 2 (w - 2 r w - 3) (1 - 2 r): the step's own slope counts."""
    w, rate = gt.Variable(1.0), gt.asarray(0.1)
    with gt.GradientTape() as outer:
        with gt.GradientTape() as inner:
            loss = w * w
        w.assign_sub(rate * inner.gradient(loss, w))
        after = (w - 3.0) ** 2
    np.testing.assert_allclose(outer.gradient(after, w).data, -3.52)
    np.testing.assert_allclose(outer.gradient(after, rate).data, 2 * -2.2 * -2)
    d = outer.gradient(after, rate)
    np.testing.assert_allclose(outer.gradient(d, rate).data, 8.0)


# -- loops --------------------------------------------------------------------------------------------------


def power_by_loop(x: Any) -> Any:
    y, steps = gt.asarray(1.0), gt.asarray(0.0)
    while steps < 3:  # its length is known only by running it
        y, steps = y * x, steps + 1
    return y


def test_loop_of_dynamic_length() -> None:
    check(power_by_loop, 2.0, [12.0, 12.0, 6.0, 0.0])


def test_gradient_inside_a_loop() -> None:
    """Newton's iteration for sqrt(a) on y^2 - a, its own derivatives by tapes: the result knows a's derivatives."""

    def root(a: Any) -> Any:
        y = a
        for _ in range(12):
            with gt.GradientTape() as tape:
                r = y * y - a
            y = y - r / tape.gradient(r, y)
        return y

    # y is an intermediate of the outer tapes, and a enters r twice: only the identity of y counts.
    check(root, 4.0, [0.25, -1 / 32])


# -- perturbation confusion ---------------------------------------------------------------------------------


def derivative(f: Callable[[Any], Any], at: Any) -> Any:
    """D(f)(at), with respect to a Tensor of its own."""
    x = gt.asarray(at) * 1.0
    with gt.GradientTape() as tape:
        y = f(x)
    return tape.gradient(y, x)


def test_inner_derivative_of_a_closure() -> None:
    """d/dx [x d/dy (x + y)] = 1."""
    assert derivative(lambda x: x * derivative(lambda y: x + y, 1.0), 1.0).data == 1.0


def test_inner_derivative_of_a_product_with_the_outer_variable() -> None:
    """d/dx [x d/dy (x y)] = 2 x, and at y = x too."""
    assert derivative(lambda x: x * derivative(lambda y: x * y, 1.0), 3.0).data == 6.0
    # y = 1 * x is computed from x, but only y is varied: d/dy (x y) = x; then d/dx (x x) = 2 x.
    assert derivative(lambda x: x * derivative(lambda y: x * y, x), 3.0).data == 6.0


def test_outer_variable_reassigned_inside() -> None:
    def f(x: Any) -> Any:
        def g(y: Any) -> Any:
            nonlocal x
            x = x * y
            return x

        derivative(g, 1.0)
        return derivative(g, 1.0)

    # The second run sees x * 1, so d/dy (x * 1 * y) = x, and d/dx of that is 1.
    assert derivative(f, 1.0).data == 1.0


def test_three_levels() -> None:
    """d/dx d/dy d/dz (x y^2 z^3) = 6 y z^2."""

    def f(x: Any) -> Any:
        return derivative(lambda y: derivative(lambda z: x * y**2 * z**3, 2.0), 5.0)

    assert derivative(f, 7.0).data == 6 * 5 * 4


def test_constant_of_another_tape() -> None:
    """A tensor that an old tape knew is a constant of a new one, whatever else the new one holds."""
    x = gt.asarray(3.0)
    with gt.GradientTape():
        old = x * x
    z = gt.asarray(2.0)
    with gt.GradientTape() as tape:
        y = old + z * 2.0
    assert tape.gradient(y, z).data == 2.0


# -- custom rules -------------------------------------------------------------------------------------------


def test_rule_that_captures_an_intermediate() -> None:
    """x^4 by a rule that keeps s = x^2: the second derivative goes through s too (48, not 16)."""

    @gt.custom_gradient
    def quartic(x: Any) -> Any:
        s = x * x
        return s * s, lambda ct: 4 * s * x * ct

    check(quartic, 2.0, [32.0, 48.0, 48.0, 24.0, 0.0])


def test_rule_with_keyword_arguments() -> None:
    @gt.custom_gradient
    def f(x: Any, y: Any) -> Any:
        return x * y, lambda ct: (100.0 * ct, 200.0 * ct)

    x, y = gt.asarray(2.0), gt.asarray(3.0)
    with gt.GradientTape() as tape:
        z = f(x=x, y=y)
    assert [g.data for g in tape.gradient(z, [x, y])] == [100.0, 200.0]


def test_rule_inside_a_rule() -> None:
    @gt.custom_gradient
    def cube(x: Any) -> Any:
        return x**3, lambda ct: 3 * x**2 * ct

    @gt.custom_gradient
    def sixth(x: Any) -> Any:
        y = cube(x)
        return y * y, lambda ct: 2 * y * 3 * x**2 * ct

    check(sixth, 2.0, [192.0, 480.0, 960.0])


# -- what a gradient of several values means ------------------------------------------------------------------


def test_gradient_of_an_array_is_of_its_sum() -> None:
    x = gt.asarray([1.0, 2.0])
    with gt.GradientTape() as outer:
        with gt.GradientTape() as tape:
            y = x[0] ** 2 * x[1]
        g = tape.gradient(y, x)
    np.testing.assert_allclose(outer.gradient(g, x).data, [6.0, 2.0])
    np.testing.assert_allclose(hessian(lambda v: v[0] ** 2 * v[1], [1.0, 2.0]), [[4, 2], [2, 0]])


def test_lookup_twice_differentiated() -> None:
    """sum of cubes of rows 0, 0 and 2 of a table: second derivatives 12 x0, 0, 6 x2."""

    def f(table: Any) -> Any:
        return gt.sum(gt.take(table, np.array([0, 0, 2]), axis=0) ** 3)

    table = np.array([[1.0], [2.0], [3.0]])
    np.testing.assert_allclose(gradient(f, table), [[6.0], [0.0], [27.0]])
    x = gt.asarray(table)
    with gt.GradientTape() as outer:
        with gt.GradientTape() as tape:
            y = f(x)
        g = tape.gradient(y, x)
    np.testing.assert_allclose(outer.gradient(g, x).data, [[12.0], [0.0], [18.0]])


def test_five_orders_of_a_composition() -> None:
    x = 0.7
    check(
        lambda t: gt.exp(gt.sin(t)),
        x,
        [
            math.exp(math.sin(x)) * p
            for p in (
                math.cos(x),
                math.cos(x) ** 2 - math.sin(x),
                math.cos(x) ** 3 - 3 * math.sin(x) * math.cos(x) - math.cos(x),
            )
        ],
    )


# -- dead lanes through rows that are not element-wise -----------------------------------------------------


def matrices(x: Any) -> Any:
    """A positive definite matrix for each row of x."""
    return gt.exp(x)[:, :, None] * gt.eye(3) * 5.0 + x[:, :, None] * x[:, None, :]


POISONED = {
    "matmul": lambda x: gt.sqrt(x) @ gt.asarray([[1.0, -2.0], [0.5, 1.0], [2.0, 3.0]]),
    "matvec": lambda x: gt.sqrt(x) @ gt.asarray([1.0, -2.0, 3.0]),
    "batched matmul": lambda x: gt.sqrt(x)[:, :, None] @ gt.log(x)[:, None, :],
    "einsum": lambda x: gt.einsum("ij,ij->i", gt.sqrt(x), gt.log(x)),
    "vecdot": lambda x: gt.vecdot(gt.sqrt(x), gt.log(x)),
    "norm": lambda x: gt.linalg.norm(gt.sqrt(x), axis=1),
    "logsumexp": lambda x: gt.logsumexp(gt.sqrt(x), axis=1),
    "softmax": lambda x: gt.softmax(gt.sqrt(x), axis=1),
    "log_softmax": lambda x: gt.log_softmax(gt.sqrt(x), axis=1),
    "var": lambda x: gt.var(gt.sqrt(x), axis=1),
    "std": lambda x: gt.std(gt.log(x), axis=1),
    "max": lambda x: gt.max(gt.sqrt(x), axis=1),
    "inv": lambda x: gt.linalg.inv(gt.sqrt(x)[:, :, None] * gt.eye(3) + gt.eye(3)[::-1] / 9),
    "complex": lambda x: gt.real(gt.exp(1j * gt.sqrt(x))),
    "solve": lambda x: gt.linalg.solve(matrices(gt.log(x)), gt.sqrt(x)[:, :, None])[..., 0],
    "cholesky": lambda x: gt.linalg.cholesky(matrices(gt.log(x))),
    "complex cholesky": lambda x: gt.real(gt.linalg.cholesky(matrices(gt.log(x)) + 0j) * (1 + gt.log(x)[:, :, None])),
    "triangular solve": lambda x: gt.linalg.solve_triangular(matrices(gt.log(x)), gt.sqrt(x)[:, :, None], lower=True),
    "qr": lambda x: sum(gt.linalg.qr(matrices(gt.log(x)))),
    "complex qr": lambda x: gt.abs(gt.linalg.qr(matrices(gt.log(x)) * (1 + 1j * gt.log(x)[:, :, None]))[1]) ** 2,
    "lu": lambda x: sum(gt.linalg.lu(matrices(gt.log(x)))[1:]),
    "fft": lambda x: gt.imag(gt.fft.fft(gt.log(x)) ** 2),
    "inverse fft": lambda x: gt.real(gt.fft.ifft(gt.log(x) * 1j, axis=-1) ** 2),
    "half spectrum": lambda x: gt.real(gt.fft.rfft(gt.log(x)) ** 2),
    "array of a half spectrum": lambda x: gt.fft.irfft(gt.log(x) * (1 + 1j), n=4) ** 2,
}


@pytest.mark.parametrize("poison", [math.nan, math.inf, 0.0])
@pytest.mark.parametrize("name", POISONED)
def test_rows_that_were_not_chosen_are_as_if_they_were_not_there(name: str, poison: float) -> None:
    f, alive = POISONED[name], np.array([True, False, True, False])
    good = np.random.default_rng(0).uniform(0.5, 1.5, (4, 3))
    x, alone = gt.asarray(np.where(alive[:, None], good, poison)), gt.asarray(good[alive])
    with np.errstate(all="ignore"), gt.GradientTape() as tape:
        y = f(x)
        chosen = gt.sum(gt.sin(gt.where(alive.reshape((4,) + (1,) * (y.ndim - 1)), y, 0.0)))
    with gt.GradientTape() as other:
        right = gt.sum(gt.sin(f(alone)))
    for found, expected in [
        (tape.gradient(chosen, x), other.gradient(right, alone)),
        (tape.hvp(chosen, x, np.ones((4, 3))), other.hvp(right, alone, np.ones((2, 3)))),
    ]:
        np.testing.assert_allclose(found.numpy()[alive], expected.numpy(), rtol=1e-9, atol=1e-12)
        assert not found.numpy()[~alive].any()


def test_weights_do_not_see_masked_inputs() -> None:
    data = np.array([[1.0, 2.0], [np.nan, np.inf], [3.0, 4.0]])
    w = gt.Variable([[1.0], [2.0]])
    with gt.GradientTape() as tape:
        loss = gt.sum(gt.where([[True], [False], [True]], (data @ w) ** 2, 0.0))
    assert tape.gradient(loss, w).tolist() == [[76.0], [108.0]]
    assert tape.hessian(loss, w).reshape((2, 2)).tolist() == [[20.0, 28.0], [28.0, 40.0]]


def test_a_rule_of_the_users_is_not_asked_where_nothing_depends_on_it() -> None:
    @gt.custom_gradient
    def log(x: Any) -> Any:
        return gt.log(x), lambda ct: ct / x

    with np.errstate(all="ignore"):
        assert derivatives(lambda x: gt.where(x > 0, log(x), x**3), 0.0, 3) == [0.0, 0.0, 6.0]


@pytest.mark.parametrize("condition", [2, 2.0, np.array([2, 0, 4]), np.array([2.0, 0.0, np.nan])])
def test_conditions_that_are_numbers(condition: Any) -> None:
    x = gt.asarray([1.0, 2.0, 3.0])
    with gt.GradientTape() as tape:
        y = gt.sum(gt.where(condition, gt.maximum(gt.where(condition, x * x, 0.0), 0.5), 0.0))
    assert tape.gradient(y, x).tolist() == np.where(condition, [2.0, 4.0, 6.0], 0.0).tolist()


@pytest.mark.parametrize("z", [-1 + 1j, 0.3 - 2j, -0.4 - 0.3j])
def test_formulas_in_company_leave_complex_values_alone(z: complex) -> None:
    for f, slope in [
        (lambda z: gt.sqrt(z) ** 2, 1.0),
        (lambda z: gt.sqrt(z) ** 4, 2 * z),
        (lambda z: gt.arccos(z) ** 2, -2 * np.arccos(z) / np.sqrt(1 - z * z)),
        (lambda z: gt.log1p(gt.exp(z)), 1 / (1 + np.exp(-z))),
    ]:
        x = gt.asarray(z)
        with gt.GradientTape() as tape:
            y = f(x)
        assert np.allclose(tape.gradient(y, x, holomorphic=True).numpy(), slope)
