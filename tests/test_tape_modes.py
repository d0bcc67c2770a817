"""Forward and Taylor mode over what a tape has recorded (``tape.jvp``, ``tape.derivative``), and Modules as trees."""

from __future__ import annotations

import dataclasses
import math
import warnings

import mpmath
import numpy as np
import pytest

import gradtape as gt
from gradtape.state.module import Module
from gradtape.state.optimizers import SGD

A = np.array([[0.3, -1.2], [0.7, 0.5]])


def program(x, w):
    """One of everything: elementwise, matmul, index, reduction; a vector of two."""
    h = gt.tanh(A @ x) * gt.exp(0.3 * x) + w
    return gt.stack([gt.sum(h * h), h[0] * gt.sin(x[1])])


def close(found, expected, rel=1e-12):
    np.testing.assert_allclose(np.asarray(found), np.asarray(expected), rtol=rel, atol=1e-14)


# -- jvp ------------------------------------------------------------------------------------------------
def test_jvp_is_the_jacobian_times_the_tangents():
    x, w = gt.asarray([0.4, -0.9]), gt.asarray(1.3)
    with gt.GradientTape() as tape:
        y = program(x, w)
    v, u = np.array([0.7, -2.0]), 0.6
    jx, jw = tape.jacobian(y, [x, w])
    close(tape.jvp(y, x, v), jx.numpy() @ v)
    close(tape.jvp(y, [x, w], [v, u]), jx.numpy() @ v + jw.numpy() * u)
    close(tape.jvp(y, {"w": w}, {"w": u}), jw.numpy() * u)


def test_jvp_of_a_tree_has_its_structure():
    x = gt.asarray([0.4, -0.9])
    with gt.GradientTape() as tape:
        y = {"a": x * x, "b": (gt.sum(x), gt.sin(x))}
    found = tape.jvp(y, x, [1.0, 2.0])
    close(found["a"], [0.8, -3.6])
    assert float(found["b"][0]) == 3.0
    close(found["b"][1], np.cos([0.4, -0.9]) * [1.0, 2.0])


def test_jvp_with_respect_to_an_intermediate_value_and_what_it_came_from():
    x = gt.asarray(0.7)
    with gt.GradientTape() as tape:
        z = gt.sin(x)
        y = z**2 * x
    assert float(tape.jvp(y, z, 1.0)) == pytest.approx(2 * math.sin(0.7) * 0.7, rel=1e-14)
    both = 2 * math.sin(0.7) * 0.7 * (math.cos(0.7) * 3.0 + 5.0) + math.sin(0.7) ** 2 * 3.0
    assert float(tape.jvp(y, [x, z], [3.0, 5.0])) == pytest.approx(both, rel=1e-14)


def test_jvp_with_one_source_twice_adds_the_tangents():
    x = gt.asarray(2.0)
    with gt.GradientTape() as tape:
        y = x**3
    assert float(tape.jvp(y, [x, x], [1.0, 10.0])) == 132.0


def test_jvp_of_a_variable_moves_what_the_gradient_is_taken_of():
    v = gt.Variable(3.0)
    with gt.GradientTape() as tape:
        a = v * v
        v.assign(5.0)  # a constant: another value that nothing computed
        b = v * v
        v.assign_add(a)  # computed
        y = a + 10.0 * b + 100.0 * v
    assert float(tape.gradient(y, v)) == 6.0 + 100.0 + 100.0 * (1.0 + 6.0)
    assert float(tape.jvp(y, v, 1.0)) == float(tape.gradient(y, v))
    assert float(tape.derivative(y, v, 1)) == float(tape.gradient(y, v))
    assert float(tape.derivative(y, v, 2)) == 2.0 + 20.0 + 200.0


def test_jvp_and_gradient_are_adjoint_through_assignments():
    rng = np.random.default_rng(3)
    v, w = gt.Variable(rng.normal(size=3)), gt.Variable(rng.normal(size=3))
    with gt.GradientTape() as tape:
        for _ in range(3):
            v.assign_sub(0.1 * gt.sin(v * w))
            w.assign(gt.tanh(w) + v[::-1])
        y = gt.exp(v) * w
    ct, dv, dw = (rng.normal(size=3) for _ in range(3))
    gv, gw = tape.gradient(y, [v, w], output_gradients=ct)
    assert ct @ tape.jvp(y, [v, w], [dv, dw]).numpy() == pytest.approx(gv.numpy() @ dv + gw.numpy() @ dw, rel=1e-13)


def test_jvp_inside_the_block_is_recorded_there():
    x = gt.asarray([0.4, -0.9])
    v = gt.asarray([1.0, 2.0])
    with gt.GradientTape() as tape:
        y = gt.sum(gt.exp(x * x[::-1]))
        dy = tape.jvp(y, x, v)
        z = dy * dy
    h = tape.hessian(y, x).numpy()
    close(tape.gradient(dy, x), h @ v.numpy())
    close(tape.gradient(z, x), 2 * float(dy) * (h @ v.numpy()))
    close(tape.gradient(dy, v), tape.gradient(y, x))  # linear in the tangent
    close(tape.jvp(dy, x, [0.0, 1.0]), (h @ v.numpy())[1])


@pytest.mark.parametrize("inner", ["gradient", "jvp", "derivative"])
@pytest.mark.parametrize("outer", ["gradient", "jvp", "derivative"])
@pytest.mark.parametrize("when", ["open", "closed", "later"])
def test_second_derivatives_by_every_pair_of_questions(inner, outer, when):
    x = gt.asarray(0.7)

    def asked(tape, how, y):
        if how == "gradient":
            return tape.gradient(y, x)
        return tape.jvp(y, x, 1.0) if how == "jvp" else tape.derivative(y, x)

    if when == "later":  # one tape, long closed
        with gt.GradientTape() as one:
            y = gt.sin(x * x)
        found = asked(one, outer, asked(one, inner, y))
    else:
        with gt.GradientTape() as two:
            with gt.GradientTape() as one:
                y = gt.sin(x * x)
                dy = asked(one, inner, y) if when == "open" else None
            dy = asked(one, inner, y) if dy is None else dy
        found = asked(two, outer, dy)
    assert float(found) == pytest.approx(2 * math.cos(0.49) - 4 * 0.49 * math.sin(0.49), rel=1e-13)


def test_a_tangent_that_was_zero_has_slopes():
    x, v = gt.asarray(2.0), gt.asarray(0.0)
    with gt.GradientTape() as tape:
        y = x**3
    dy = tape.jvp(y, x, v)
    assert float(dy) == 0.0
    assert float(tape.gradient(dy, v)) == 12.0


def test_jvp_is_none_or_zero_where_there_is_no_path():
    x, z = gt.asarray([1.0, 2.0]), gt.asarray(3.0)
    with gt.GradientTape() as tape:
        y = {"near": gt.sum(x), "far": z * 2.0}
    with pytest.warns(gt.UnconnectedGradientWarning, match=r"far.*GT-None") as told:
        found = tape.jvp(y, x, [1.0, 1.0])
    assert len(told) == 1
    assert found["far"] is None
    assert float(found["near"]) == 2.0
    found = tape.jvp(y, x, [1.0, 1.0], unconnected_gradients="zero")
    assert found["far"].shape == ()
    assert float(found["far"]) == 0.0
    with pytest.warns(gt.UnconnectedGradientWarning) as told:  # a reason for each source
        assert tape.jvp(y["far"], [x, x[0]], [[1.0, 1.0], 1.0]) is None
    assert len(told) == 2


def test_jvp_with_slope_zero_is_zero_without_a_word():
    x = gt.asarray([1.5, 2.5])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with gt.GradientTape() as tape:
            y = gt.floor(x)
        assert tape.jvp(y, x, [1.0, 1.0]).tolist() == [0.0, 0.0]
        assert tape.derivative(y, x, 2).tolist() == [0.0, 0.0]
        with gt.GradientTape() as tape:
            y = 3.0 * x
        assert tape.derivative(y, x, 2).tolist() == [0.0, 0.0]


@pytest.mark.parametrize(
    ("tangent", "error", "told"),
    [
        ([1.0], gt.errors.ShapeError, r"jvp.*do not fit"),
        (1.0, gt.errors.ShapeError, r"expected shape \(2,\)"),
        ([1.0 + 1.0j, 0.0], gt.errors.DtypeError, r"complex128"),
        (None, gt.errors.DtypeError, r"not an array of numbers"),
        ({"a": [1.0, 2.0]}, gt.errors.DtypeError, r"not an array of numbers"),
        ("ab", gt.errors.DtypeError, r"not an array of numbers"),
    ],
)
def test_tangents_that_do_not_fit_are_refused(tangent, error, told):
    x = gt.asarray([1.0, 2.0])
    with gt.GradientTape() as tape:
        y = x * x
    with pytest.raises(error, match=told):
        tape.jvp(y, x, tangent)


def test_containers_of_tangents_that_do_not_match_are_refused():
    x = gt.asarray([1.0, 2.0])
    with gt.GradientTape() as tape:
        y = x * x
    with pytest.raises(gt.errors.TreeError, match="jvp: tangents"):
        tape.jvp(y, {"x": x}, [[1.0, 2.0]])
    with pytest.raises(gt.errors.DtypeError, match="has no derivative"):
        tape.jvp(y, gt.asarray([1, 2]), [1.0, 2.0])


def test_tangents_take_the_dtype_of_their_source():
    x = gt.asarray([1.0, 2.0], dtype=gt.float32)
    with gt.GradientTape() as tape:
        y = x * x
    for tangent in ([1, 2], np.array([1.0, 2.0]), gt.asarray([1.0, 2.0])):
        dy = tape.jvp(y, x, tangent)
        assert dy.dtype == np.float32
        assert dy.tolist() == [2.0, 8.0]


def test_only_what_was_watched_moves():
    x = gt.asarray(2.0)
    with gt.GradientTape(watch_accessed_variables=False) as tape:
        y = x * x
    for asked in (lambda: tape.jvp(y, x, 1.0), lambda: tape.derivative(y, x, 1)):
        with pytest.warns(gt.UnconnectedGradientWarning, match="watch"):
            assert asked() is None


# -- derivative -------------------------------------------------------------------------------------------
@pytest.mark.parametrize("order", range(9))
def test_derivative_against_mpmath(order):
    x = gt.asarray(0.7)
    with gt.GradientTape() as tape:
        y = gt.sin(gt.exp(gt.tanh(x))) * x**2
    with mpmath.workdps(40):
        f = lambda x: mpmath.sin(mpmath.exp(mpmath.tanh(x))) * x**2  # noqa: E731
        truth = float(mpmath.diff(f, mpmath.mpf("0.7"), order))
    assert float(tape.derivative(y, x, order)) == pytest.approx(truth, rel=1e-11)


def test_derivative_acts_on_each_element():
    points = np.linspace(0.2, 2.0, 6).reshape(2, 3)
    x = gt.Variable(points)
    with gt.GradientTape() as tape:
        y = {"log": gt.log(x), "pair": [x**4, gt.sum(x**2)]}
    found = tape.derivative(y, x, 3)
    close(found["log"], 2 / points**3)
    close(found["pair"][0], 24 * points)
    assert float(found["pair"][1]) == 0.0


def test_derivative_of_trees_nests_as_the_jacobian_does():
    x, z = gt.asarray(0.5), gt.asarray(2.0)
    with gt.GradientTape() as tape:
        y = [x**3 * z**2, x * z]
    found = tape.derivative(y, {"x": x, "z": z}, 2)
    assert [{k: float(v) for k, v in row.items()} for row in found] == [{"x": 12.0, "z": 0.25}, {"x": 0.0, "z": 0.0}]
    assert tape.derivative(y, {"x": x}, 0)[0]["x"] is y[0]


def test_derivative_is_differentiated_again():
    x, a = gt.Variable(0.5), gt.Variable(2.0)
    with gt.GradientTape() as tape:
        y = gt.sin(a * x)
        third = tape.derivative(y, x, 3)  # -a^3 cos(a x)
    assert float(third) == pytest.approx(-8 * math.cos(1.0), rel=1e-13)
    assert float(tape.gradient(third, x)) == pytest.approx(16 * math.sin(1.0), rel=1e-13)
    assert float(tape.gradient(third, a)) == pytest.approx(-12 * math.cos(1.0) + 4 * math.sin(1.0), rel=1e-13)
    assert float(tape.derivative(third, x, 2)) == pytest.approx(32 * math.cos(1.0), rel=1e-13)
    later = tape.derivative(tape.derivative(y, x, 2), x, 2)
    assert float(later) == pytest.approx(16 * math.sin(1.0), rel=1e-13)


def test_a_derivative_is_not_its_own_question():
    x, v = gt.asarray(2.0), gt.asarray(3.0)
    with gt.GradientTape() as tape:
        dy = tape.jvp(x, x, v)  # v, by another name
        y = dy * v
        one, two = tape.derivative([x, x], x, 1)
    assert dy is not v
    assert float(tape.gradient(y, dy)) == 3.0
    assert float(tape.gradient(y, v)) == 6.0
    assert one is not two


@pytest.mark.parametrize("order", [-1, 1.5, "2", True, None])
def test_an_order_that_is_none_is_refused(order):
    x = gt.asarray(2.0)
    with gt.GradientTape() as tape:
        y = x * x
    with pytest.raises(gt.errors.DtypeError, match="the order is"):
        tape.derivative(y, x, order)
    with pytest.raises(gt.errors.DtypeError, match="the order is"):
        gt.derivative(gt.sin, order)


def test_derivative_is_none_or_zero_where_there_is_no_path():
    x, z = gt.asarray([1.0, 2.0]), gt.asarray(3.0)
    with gt.GradientTape() as tape:
        y = [x * x, z * 2.0]
    with pytest.warns(gt.UnconnectedGradientWarning, match=r"y\[1\] with respect to x is None") as told:
        found = tape.derivative(y, {"x": x}, 2)
    assert len(told) == 1
    assert found[1]["x"] is None
    assert found[0]["x"].tolist() == [2.0, 2.0]
    assert float(tape.derivative(y, x, 2, "zero")[1]) == 0.0


def test_tape_derivative_costs_no_second_record():
    x = gt.asarray(0.3)
    with gt.GradientTape() as tape:
        y = x
        for _ in range(20):
            y = gt.sin(y)
    before = tape.stats()
    tape.derivative(y, x, 6)
    tape.jvp(y, x, 1.0)
    assert tape.stats() == before


def test_what_a_pause_hid_is_not_taken_for_what_a_rule_computes():
    x = gt.asarray(0.7)
    with gt.GradientTape() as tape:

        def f(x):
            with tape.stop_recording():
                hidden = gt.cos(x)  # the tape does not know that this is a function of x
            return gt.sin(x) + 0.0 * hidden

        slope = gt.derivative(f)(x)  # cos(x), by a rule
    assert float(tape.gradient(slope, x)) == pytest.approx(-math.sin(0.7), rel=1e-14)


# -- Modules ----------------------------------------------------------------------------------------------
class Layer(Module):
    def __init__(self, w, b):
        self.w, self.b = gt.Variable(w), gt.Variable(b)
        self.count = gt.Variable(0.0, trainable=False)

    def __call__(self, x):
        return gt.tanh(self.w * x + self.b)


class Net(Module):
    def __init__(self):
        self.layers = [Layer(0.3, -0.1), Layer(1.2, 0.4)]

    def __call__(self, x):
        for layer in self.layers:
            x = layer(x)
        return x


NAMES = ["layers[0].w", "layers[0].b", "layers[1].w", "layers[1].b"]


def test_a_module_is_a_tree_of_its_trainable_variables():
    net = Net()
    with gt.GradientTape() as tape:
        y = net(0.7)
    expected = [float(g) for g in tape.gradient(y, net.trainable_variables)]
    found = tape.gradient(y, net)
    assert list(found) == NAMES
    assert [float(g) for g in found.values()] == expected
    nested = tape.gradient(y, {"net": net, "one": [net.layers[0], net.layers[1].w]})
    assert {k: float(g) for k, g in nested["net"].items()} == dict(zip(NAMES, expected, strict=True))
    assert {k: float(g) for k, g in nested["one"][0].items()} == {"w": expected[0], "b": expected[1]}
    assert float(nested["one"][1]) == expected[2]


def test_every_question_takes_a_module():
    net = Net()
    with gt.GradientTape() as tape:
        y = net(0.7)
    flat = list(net.trainable_variables)
    v = dict(zip(NAMES, [0.5, -1.0, 2.0, 0.25], strict=True))
    gradient = tape.gradient(y, net)
    jvp = sum(float(gradient[k]) * v[k] for k in NAMES)
    assert float(tape.jvp(y, net, v)) == pytest.approx(jvp, rel=1e-14)
    assert {k: float(x) for k, x in tape.jacobian(y, net).items()} == {k: float(x) for k, x in gradient.items()}
    h = tape.hessian(y, flat, as_matrix=True).numpy()
    close(tape.hessian(y, net, as_matrix=True), h)
    blocks = tape.hessian(y, net)
    close([[blocks[a][b] for b in NAMES] for a in NAMES], h)
    close([tape.hvp(y, net, v)[k] for k in NAMES], h @ list(v.values()))
    close([tape.derivative(y, net, 2)[k] for k in NAMES], np.diag(h))
    assert set(tape.explain(y, net)) == set(NAMES)
    with gt.ForwardAccumulator(net, v) as accumulator:
        again = net(0.7)
    assert float(accumulator.jvp(again)) == pytest.approx(jvp, rel=1e-14)


def test_functions_of_a_module_are_called_with_the_module():
    net = Net()
    with gt.GradientTape() as tape:
        y = net(0.7)
    expected = {k: float(g) for k, g in tape.gradient(y, net).items()}

    def loss(net, x):
        assert isinstance(net, Net)
        return net(x)

    assert {k: float(g) for k, g in gt.grad(loss)(net, 0.7).items()} == expected
    assert {k: float(g) for k, g in gt.vjp(loss, net, 0.7)[1](1.0)[0].items()} == expected
    assert {k: float(g) for k, g in gt.jacrev(loss)(net, 0.7).items()} == expected
    assert {k: float(g) for k, g in gt.jacfwd(loss)(net, 0.7).items()} == pytest.approx(expected, rel=1e-13)
    v = dict.fromkeys(NAMES, 1.0)
    assert float(gt.jvp(loss, (net, 0.7), (v, 0.0))[1]) == pytest.approx(sum(expected.values()), rel=1e-14)


def test_a_module_may_be_a_target_and_may_be_watched():
    net, x = Net(), gt.asarray(2.0)
    with gt.GradientTape(watch_accessed_variables=False) as tape:
        tape.watch([net, x])
        net.layers[0].w.assign(x * x)
        net.layers[1].b.assign(3.0 * x)
    with pytest.warns(gt.UnconnectedGradientWarning):
        slopes = tape.jacobian({"net": net}, x)["net"]
    assert {k: None if g is None else float(g) for k, g in slopes.items()} == dict(
        zip(NAMES, [4.0, None, None, 3.0], strict=True)
    )
    assert float(tape.gradient(net, x)) == 7.0
    assert float(tape.gradient(net, x, output_gradients=dict(zip(NAMES, [1.0, 0.0, 0.0, 10.0], strict=True)))) == 34.0


def test_an_unconnected_variable_of_a_module_is_named():
    net = Net()
    with gt.GradientTape() as tape:
        y = net.layers[1](0.3)
    with pytest.warns(gt.UnconnectedGradientWarning, match=r"layers\[0\]\.[wb]") as told:
        found = tape.gradient(y, net)
    assert len(told) == 2
    assert [found[k] is None for k in NAMES] == [True, True, False, False]


def test_modules_inside_dataclasses_and_dataclasses_that_are_modules():
    @dataclasses.dataclass
    class State:
        net: Module
        scale: gt.Variable

    @dataclasses.dataclass
    class Scaled(Module):
        factor: gt.Variable
        units: int = 3

    state, scaled = State(Net(), gt.Variable(2.0)), Scaled(gt.Variable(5.0))
    with gt.GradientTape() as tape:
        y = state.net(0.7) * state.scale * scaled.factor
    found = tape.gradient(y, (state, scaled))
    assert isinstance(found[0], State)
    assert list(found[0].net) == NAMES
    assert float(found[0].scale) == pytest.approx(float(y) / 2.0, rel=1e-14)
    assert {k: float(g) for k, g in found[1].items()} == {"factor": pytest.approx(float(y) / 5.0, rel=1e-14)}


def test_a_module_whose_variable_is_an_integer_is_refused_by_name():
    net = Net()
    net.layers[1].steps = gt.Variable(3)
    with gt.GradientTape() as tape:
        y = net(0.7)
    with pytest.raises(gt.errors.DtypeError, match=r"layers\[1\]\.steps"):
        tape.gradient(y, net)


def test_minimize_takes_a_module():
    net, other = Net(), Net()
    for model, variables in ((net, net), (other, other.trainable_variables)):
        with gt.GradientTape() as tape:
            loss = (model(0.7) - 0.2) ** 2
        SGD(0.1).minimize(loss, variables, tape)
    assert [float(v) for v in net.variables] == [float(v) for v in other.variables]
    assert float(net.layers[0].w) != 0.3
