"""GradientTape: questions, trees, weights, Variables, custom rules, bad input."""

from __future__ import annotations

import copy
import dataclasses

import numpy as np
import pytest

import gradtape as gt


def grad_of(f, x, **kwargs):
    with gt.GradientTape() as tape:
        y = f(x)
    return tape.gradient(y, x, **kwargs)


# -- gradient ------------------------------------------------------------------------------------------
def test_sources_may_be_any_tree():
    @dataclasses.dataclass
    class Model:
        w: gt.Tensor
        b: dict

    model = Model(gt.asarray([1.0, 2.0]), {"bias": gt.Variable(3.0), "rest": [gt.asarray(4.0), None]})
    with gt.GradientTape() as tape:
        y = gt.sum(model.w * model.w) * model.b["bias"] + model.b["rest"][0]
    g = tape.gradient(y, model)
    assert isinstance(g, Model)
    assert g.w.tolist() == [6.0, 12.0]
    assert float(g.b["bias"]) == 5.0
    assert float(g.b["rest"][0]) == 1.0
    assert g.b["rest"][1] is None


def test_targets_may_be_a_tree_and_weights_like_it():
    x = gt.asarray([1.0, 2.0])
    with gt.GradientTape() as tape:
        y = {"a": x * x, "b": gt.sum(x)}
    assert tape.gradient(y, x).tolist() == [3.0, 5.0]
    g = tape.gradient(y, x, output_gradients={"a": [1.0, 10.0], "b": 0.0})
    assert g.tolist() == [2.0, 40.0]


def test_output_gradient_is_accepted_for_output_gradients():
    x = gt.Variable([2.0, 3.0])
    with gt.GradientTape() as tape:
        y = x**3
    assert tape.gradient(y, x, output_gradient=[1.0, 2.0]).tolist() == [12.0, 54.0]
    with pytest.raises(TypeError, match="both"):
        tape.gradient(y, x, output_gradients=[1.0, 1.0], output_gradient=[1.0, 2.0])


def test_any_number_of_questions_in_the_block_and_after_it():
    x = gt.Variable(2.0)
    with gt.GradientTape() as tape:
        y = x * x
        first = tape.gradient(y, x)
        z = y * x
    assert [float(first), float(tape.gradient(y, x)), float(tape.gradient(z, x))] == [4.0, 4.0, 12.0]


def test_gradient_with_respect_to_an_intermediate_value():
    x = gt.Variable(2.0)
    with gt.GradientTape() as tape:
        u = x * x
        y = gt.sin(u)
    assert float(tape.gradient(y, u)) == pytest.approx(np.cos(4.0))
    g = tape.gradient(y, [u, x])
    assert float(g[1]) == pytest.approx(4.0 * np.cos(4.0))
    assert float(tape.gradient(y, y)) == 1.0


def test_only_watched_ones_with_watch_accessed_variables_false():
    a, b = gt.Variable(2.0), gt.Variable(3.0)
    with gt.GradientTape(watch_accessed_variables=False) as tape:
        tape.watch(a)
        y = a * b
    assert float(tape.gradient(y, a)) == 3.0
    with pytest.warns(gt.UnconnectedGradientWarning):
        assert tape.gradient(y, b) is None
    assert tape.watched_variables() == (a,)


def test_watched_variables_in_the_order_of_their_use():
    a, b, c = gt.Variable(2.0, name="a"), gt.Variable(3.0), gt.Variable(1.0, trainable=False)
    with gt.GradientTape() as tape:
        b * a * c
    assert tape.watched_variables() == (b, a)


def test_unconnected_none_zero_and_shapes():
    x, z = gt.asarray([1.0, 2.0]), gt.asarray(np.ones((2, 3), np.float32))
    with gt.GradientTape() as tape:
        y = gt.sum(x)
    with pytest.warns(gt.UnconnectedGradientWarning):
        assert tape.gradient(y, z) is None
    for zero in ("zero", gt.UnconnectedGradients.ZERO):
        g = tape.gradient(y, z, unconnected_gradients=zero)
        assert g.shape == (2, 3)
        assert g.dtype == np.float32
        assert not g.numpy().any()
    j = tape.jacobian(x * 1.0, z, unconnected_gradients="zero")
    assert j.shape == (2, 2, 3)


@pytest.mark.parametrize("f", [gt.floor, gt.round, gt.sign, lambda x: gt.clip(x, 5.0, 6.0), lambda x: 0.0 * x])
def test_connected_with_slope_zero_is_zero_not_none(f):
    g = grad_of(f, gt.asarray([0.3, 1.7]))
    assert g.tolist() == [0.0, 0.0]


def test_float32_stays_float32_and_mixed_dtypes_go_home():
    a, b = gt.asarray(np.ones(3, np.float32)), gt.asarray(np.ones(3))
    with gt.GradientTape() as tape:
        y = gt.sum(a * b * 2.0)
    ga, gb = tape.gradient(y, [a, b])
    assert (y.dtype, ga.dtype, gb.dtype) == (np.float64, np.float32, np.float64)


# -- complex ---------------------------------------------------------------------------------------------
def test_complex_gradient_of_a_real_function_is_the_direction_of_steepest_ascent():
    z = gt.asarray(1.0 + 2.0j)
    assert complex(grad_of(lambda z: gt.abs(z) ** 2, z)) == pytest.approx(2 + 4j)
    assert complex(grad_of(lambda z: gt.real(z * z), z)) == pytest.approx(2 - 4j)
    assert complex(grad_of(lambda z: gt.imag(z * z), z)) == pytest.approx(4 + 2j)


def test_a_complex_target_must_say_what_is_meant():
    z = gt.asarray(1.0 + 2.0j)
    with gt.GradientTape() as tape:
        y = z * z
    with pytest.raises(gt.DtypeError, match="holomorphic"):
        tape.gradient(y, z)
    assert complex(tape.gradient(y, z, holomorphic=True)) == pytest.approx(2 + 4j)
    assert complex(tape.gradient(y, z, output_gradients=1.0)) == pytest.approx(2 - 4j)


def test_a_real_source_of_a_complex_value_has_a_real_gradient():
    x = gt.asarray(2.0)
    g = grad_of(lambda x: gt.abs(x * (3.0 + 4.0j)), x)
    assert g.dtype == np.float64
    assert float(g) == pytest.approx(5.0)


# -- jacobian, hessian, hvp ----------------------------------------------------------------------------------
def test_jacobian_of_trees_in_and_after_the_block():
    x, v = gt.asarray([1.0, 2.0]), gt.Variable([[3.0]])
    with gt.GradientTape() as tape:
        y = x * x * v[0, 0]
        inside = tape.jacobian(y, x)
    after = tape.jacobian({"y": y}, [x, v])
    assert inside.tolist() == [[6.0, 0.0], [0.0, 12.0]]
    assert after["y"][0].tolist() == inside.tolist()
    assert after["y"][1].shape == (2, 1, 1)
    assert after["y"][1].numpy().ravel().tolist() == [1.0, 4.0]


def test_jacobian_can_be_differentiated_afterwards():
    x = gt.asarray([1.0, 2.0])
    with gt.GradientTape() as tape:
        y = x**3
    j = tape.jacobian(y, x)
    assert tape.gradient(j, x).tolist() == [6.0, 12.0]


def test_batch_jacobian_is_verified():
    x = gt.asarray(np.arange(6.0).reshape(3, 2))
    with gt.GradientTape() as tape:
        y = gt.stack([x[:, 0] * x[:, 1], x[:, 0] ** 2, x[:, 1]], axis=1)
        mixed = y + gt.sum(x)
    j = tape.batch_jacobian(y, x)
    assert j.shape == (3, 3, 2)
    for b in range(3):
        assert j.numpy()[b].tolist() == [[x.data[b, 1], x.data[b, 0]], [2 * x.data[b, 0], 0.0], [0.0, 1.0]]
    with pytest.raises(gt.ShapeError, match="not independent"):
        tape.batch_jacobian(mixed, x)
    with pytest.raises(gt.ShapeError, match="leading axis"):
        tape.batch_jacobian(gt.sum(y), x)


def test_hessian_blocks_and_matrix():
    x, y = gt.Variable([1.0, 2.0]), gt.Variable(3.0)
    with gt.GradientTape() as tape:
        f = x[0] ** 2 * x[1] * y
    blocks = tape.hessian(f, {"x": x, "y": y})
    assert blocks["x"]["x"].tolist() == [[12.0, 6.0], [6.0, 0.0]]
    assert blocks["x"]["y"].tolist() == [4.0, 1.0]
    matrix = tape.hessian(f, [x, y], as_matrix=True)
    assert matrix.tolist() == [[12.0, 6.0, 4.0], [6.0, 0.0, 1.0], [4.0, 1.0, 0.0]]
    assert tape.hvp(f, [x, y], [[1.0, 0.0], 2.0])[0].tolist() == [20.0, 8.0]


def test_third_derivatives_of_a_hessian_taken_afterwards():
    x = gt.Variable([1.0, 2.0])
    with gt.GradientTape() as tape:
        f = gt.sum(x**3)
    assert tape.gradient(tape.hessian(f, x), x).tolist() == [6.0, 6.0]


def test_hessian_of_a_vector_raises():
    x = gt.Variable([1.0, 2.0])
    with gt.GradientTape() as tape:
        f = x**2
    with pytest.raises(gt.ShapeError, match="not a scalar"):
        tape.hessian(f, x)


# -- Variables -----------------------------------------------------------------------------------------------
def test_assignment_is_differentiated():
    v, x = gt.Variable(1.0), gt.asarray(2.0)
    with gt.GradientTape() as tape:
        v.assign_add(x)
        loss = v * v
    assert float(tape.gradient(loss, x)) == 6.0
    assert float(tape.gradient(loss, v)) == 6.0


def test_several_constant_values_are_summed():
    v = gt.Variable(2.0)
    with gt.GradientTape() as tape:
        a = v * v
        v.assign(5.0)
        b = v * v
        y = a + b
    assert float(tape.gradient(y, v)) == 4.0 + 10.0


def test_deepcopy_is_a_differentiable_copy():
    v = gt.Variable(2.0, name="v")
    with gt.GradientTape() as tape:
        w = copy.deepcopy(v)
        w.assign_sub(0.5 * v)
        y = w * w
    assert w is not v
    assert float(tape.gradient(y, v)) == pytest.approx(2 * 1.0 * 0.5)
    assert float(v) == 2.0


# -- custom rules ------------------------------------------------------------------------------------------
def test_custom_rule_by_keyword_and_by_position():
    @gt.custom_gradient
    def f(x, y):
        return x * y, lambda ct: (100.0 * ct, 200.0 * ct)

    x, y = gt.asarray(2.0), gt.asarray(3.0)
    for call in (lambda: f(x, y), lambda: f(x=x, y=y), lambda: f(y=y, x=x), lambda: f(x, y=y)):
        with gt.GradientTape() as tape:
            z = call()
        assert [float(g) for g in tape.gradient(z, [x, y])] == [100.0, 200.0]


def test_custom_rule_with_a_keepsake_is_right_at_every_order():
    @gt.custom_gradient
    def quartic(x):
        s = x * x
        return s * s, lambda ct: 4.0 * s * x * ct

    x = gt.asarray(2.0)
    d = gt.grad(quartic)
    assert float(d(x)) == 32.0
    assert float(gt.grad(d)(x)) == 48.0
    assert float(gt.grad(gt.grad(d))(x)) == 48.0


def test_custom_rule_captures_variables_without_a_change_of_signature():
    v = gt.Variable(3.0)

    @gt.custom_gradient
    def f(x):
        return x * v, lambda ct: ct * v

    x = gt.asarray(2.0)
    with gt.GradientTape() as tape:
        y = f(x)
    assert [float(g) for g in tape.gradient(y, [x, v])] == [3.0, 2.0]


def test_custom_rule_with_tensorflows_variables_keyword():
    v = gt.Variable(3.0)

    @gt.custom_gradient
    def f(x):
        def rule(ct, variables=None):
            assert variables == [v]
            return ct * v, [ct * 1000.0]

        return x * v, rule

    x = gt.asarray(2.0)
    with gt.GradientTape() as tape:
        y = f(x)
    assert [float(g) for g in tape.gradient(y, [x, v])] == [3.0, 1000.0]


def test_custom_rule_nested_in_a_rule_and_trees():
    @gt.custom_gradient
    def double(x):
        return x, lambda ct: 2.0 * ct

    @gt.custom_gradient
    def f(tree):
        a, b = tree["a"], tree["b"]
        return {"s": double(a) + b, "p": a * b}, lambda p, s: {"a": 10.0 * s + p, "b": double(s)}

    a, b = gt.asarray(2.0), gt.asarray(3.0)
    with gt.GradientTape() as tape:
        y = f({"a": a, "b": b})
    assert [float(g) for g in tape.gradient(y["s"], [a, b])] == [10.0, 1.0]
    assert [float(g) for g in tape.gradient(y["p"], [a, b])] == [1.0, 0.0]


def test_custom_rule_that_breaks_its_contract():
    @gt.custom_gradient
    def two(x, y):
        return x * y, lambda ct: ct

    @gt.custom_gradient
    def shape(x):
        return gt.sum(x), lambda ct: ct

    x = gt.asarray([1.0, 2.0])
    for f, text in ((lambda: two(x, x), "returned 1 cotangents"), (lambda: shape(x), "shape \\(\\) for argument 0")):
        with gt.GradientTape() as tape:
            y = f()
        with pytest.raises(gt.RuleError, match=text):
            tape.gradient(y, x)


def test_custom_rule_of_a_complex_value_gets_the_cotangent_itself():
    seen = []

    @gt.custom_gradient
    def f(z):
        def rule(ct):
            seen.append(complex(ct))
            return ct * gt.conj(2.0 * z)

        return z * z, rule

    z = gt.asarray(1.0 + 2.0j)
    with gt.GradientTape() as tape:
        y = gt.imag(f(z))
    assert complex(tape.gradient(y, z)) == pytest.approx(4 + 2j)
    assert seen == [1j]


# -- bad input -----------------------------------------------------------------------------------------------
def test_integers_are_refused_by_name():
    n = gt.Variable(3, name="count")
    with gt.GradientTape() as tape:
        with pytest.raises(gt.DtypeError, match=r"count.*int64") as caught:
            tape.watch(n)
        y = n * 2.0
    assert "test_tape.py" in str(caught.value)
    assert "3.0 instead of 3" in str(caught.value)
    with pytest.raises(gt.DtypeError, match="int64"):
        tape.gradient(y, n)
    with pytest.raises(gt.DtypeError, match="int64"):
        tape.gradient(n.value, gt.asarray(1.0))


@pytest.mark.parametrize("target", [None, [], [None]])
def test_a_target_that_is_none(target):
    x = gt.asarray(1.0)
    with gt.GradientTape() as tape:
        pass
    with pytest.raises(gt.DtypeError, match="the target is"):
        tape.gradient(target, x)


def test_raw_arrays_and_numbers_as_sources_and_targets_are_refused():
    x = gt.asarray(1.0)
    with gt.GradientTape() as tape:
        y = x * 2.0
    with pytest.raises(gt.DtypeError, match="source is a ndarray"):
        tape.gradient(y, np.ones(2))
    with pytest.raises(gt.DtypeError, match="target is a float"):
        tape.gradient(3.0, x)
    with pytest.raises(gt.DtypeError, match=r"source\[1\] is a str"):
        tape.gradient(y, [x, "x"])


def test_weights_that_do_not_fit():
    x = gt.asarray([1.0, 2.0])
    with gt.GradientTape() as tape:
        y = x * 2.0
    with pytest.raises(gt.ShapeError, match=r"expected shape \(2,\)"):
        tape.gradient(y, x, output_gradients=[1.0, 2.0, 3.0])
    with pytest.raises(gt.TreeError, match="do not match"):
        tape.gradient([y, y], x, output_gradients=[[1.0, 2.0]])
    assert tape.gradient(y, x).tolist() == [2.0, 2.0]


def test_shapes_that_do_not_broadcast_name_the_operation_and_the_line():
    a, b = gt.asarray(np.ones(3)), gt.asarray(np.ones(4))
    with gt.GradientTape() as tape, pytest.raises(gt.ShapeError, match="multiply") as caught:
        a * b
    assert "(3,)" in str(caught.value)
    assert "test_tape.py" in str(caught.value)
    assert tape.stats()["entries"] == 0


def test_writing_into_a_tensor_is_refused_with_both_ways():
    t = gt.asarray([1.0, 2.0])
    with pytest.raises(gt.ImmutableError, match=r"at\[index\].set.*Variable"):
        t[0] = 5.0
    with pytest.raises(ValueError, match="read-only"):
        t.numpy()[0] = 5.0
    assert t.tolist() == [1.0, 2.0]


def test_an_error_in_a_rule_names_the_operation_and_the_users_line():
    @gt.custom_gradient
    def broken(x):
        return x * 1.0, lambda ct: 1 / 0

    x = gt.asarray(2.0)
    with gt.GradientTape() as tape:
        y = broken(x)
    with pytest.raises(gt.RuleError, match="broken failed: ZeroDivisionError") as caught:
        tape.gradient(y, x)
    assert "y = broken(x)" in str(caught.value)


def test_a_constant_assigned_under_another_name_is_a_value_of_the_variable():
    v, x = gt.Variable(1.0), gt.asarray(2.0)
    with gt.GradientTape() as tape:
        v * 1.0
        v.assign(x)
        y = v * v
    assert [float(g) for g in tape.gradient(y, [v, x])] == [4.0, 4.0]


def test_a_variable_made_from_a_tensor_has_an_identity_of_its_own():
    x = gt.asarray(2.0)
    with gt.GradientTape() as tape:
        v = gt.Variable(x)
        y = v * v + x
    assert float(tape.gradient(y, v)) == 4.0
    assert float(tape.gradient(y, x)) == 5.0


# -- custom rules: what is passed and what is answered ---------------------------------------------------
def test_a_rule_answers_for_keywords_in_the_order_of_the_signature():
    @gt.custom_gradient
    def line(x, *, w, b):
        return x * w + b, lambda ct: (ct * w, ct * x, ct)

    x, w, b = gt.asarray(2.0), gt.asarray(3.0), gt.asarray(5.0)
    with gt.GradientTape() as tape:
        y = line(x, b=b, w=w)
    assert [float(g) for g in tape.gradient(y, [x, w, b])] == [3.0, 2.0, 1.0]


def test_a_rule_may_answer_for_integers_too():
    @gt.custom_gradient
    def times(x, n):
        return x * n, lambda ct: (ct * n, None)

    x = gt.asarray(2.0)
    with gt.GradientTape() as tape:
        y = times(x, gt.asarray(3))
    assert float(tape.gradient(y, x)) == 3.0


def test_a_rule_that_answers_with_a_captured_value():
    w, x = gt.asarray(3.0), gt.asarray(2.0)

    @gt.custom_gradient
    def f(x):
        return w * x, lambda ct: w

    with gt.GradientTape() as outer:
        with gt.GradientTape() as tape:
            y = f(x)
        g = tape.gradient(y, x)
        z = g * w
    assert float(outer.gradient(z, g)) == 3.0  # not 6: g is not w
    assert float(outer.gradient(z, w)) == 6.0


def test_a_captured_value_may_be_the_output():
    w, x = gt.asarray(3.0), gt.asarray(2.0)

    @gt.custom_gradient
    def f(x):
        return w, lambda ct: ct * 10.0

    with gt.GradientTape() as tape:
        y = f(x)
    assert [float(g) for g in tape.gradient(y, [x, w])] == [10.0, 1.0]


def test_a_rule_answers_for_every_captured_variable():
    v, x = gt.Variable(3.0), gt.asarray(2.0)

    @gt.custom_gradient
    def f(x):
        return v * x, lambda ct, variables=None: (ct * v, [])

    with gt.GradientTape() as tape:
        y = f(x)
    with pytest.raises(gt.RuleError, match="0 cotangents"):
        tape.gradient(y, v)


def test_a_rule_gives_tensors_also_when_nobody_records():
    assert isinstance(gt.custom_gradient(lambda x: (np.float64(2.0), None))(1.0), gt.Tensor)
