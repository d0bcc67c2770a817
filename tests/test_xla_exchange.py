"""Programs for users of JAX and of XLA, and functions of theirs as operations here."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import gradtape as gt
from gradtape.engines.xla.engine import Compiled
from gradtape.errors import GradtapeError

os.environ.setdefault("JAX_PLATFORMS", "cpu")
jax = pytest.importorskip("jax")
jnp = jax.numpy

RNG = np.random.default_rng(9)


def close(found: Any, expected: Any, tolerance: float = 1e-13) -> None:
    np.testing.assert_allclose(np.asarray(found), np.asarray(expected), rtol=tolerance, atol=tolerance)


def recorded(f: Any, *arrays: Any) -> Any:
    xs = [gt.asarray(a) for a in arrays]
    with gt.GradientTape() as tape:
        y = f(*xs)
    return tape.program(xs, y)


def f(x: Any, y: Any) -> Any:
    """With a host's row, a kink, a cut, a contraction, an eigenvalue."""
    m = x[:, None] * x + np.diag([1.0, 2.0, 3.0])
    cut = gt.stop_gradient(x[0] * 2.0) * x[1]
    return gt.sum(gt.sin(x) * gt.tanh(x @ x) + gt.special.j0(x) * y) + gt.linalg.eigvalsh(m)[1] + cut


X, Y = np.array([0.3, 1.2, -0.5]), np.float64(2.0)

# -- to JAX ------------------------------------------------------------------------------------------------------


def test_to_jax_is_differentiated_by_gradtapes_rules() -> None:
    F, xs = recorded(f, X, Y).to_jax(), (gt.asarray(X), gt.asarray(Y))
    with jax.enable_x64(True):
        close(F(X, Y), f(*xs))
        close(jax.jit(F)(X, Y), f(*xs))
        close(jax.grad(F)(X, Y), gt.grad(f)(*xs), 1e-12)
        close(jax.jit(jax.grad(F, 1))(X, Y), gt.grad(f, argnums=1)(*xs), 1e-12)
        close(jax.hessian(F)(X, Y), gt.hessian(f)(*xs), 1e-12)
        again = jax.grad(lambda x: jnp.sum(jax.grad(F)(x, Y) ** 2))(X)
        close(again, gt.grad(lambda x: gt.sum(gt.grad(f)(x, Y) ** 2))(xs[0]), 1e-11)
        close(jax.vmap(F, (0, None))(np.stack([X, 2 * X]), Y), [f(xs[0], Y), f(2 * xs[0], Y)], 1e-12)
        close(jax.vmap(jax.grad(F), (0, None))(np.stack([X, 2 * X]), Y)[1], gt.grad(f)(2 * xs[0], Y), 1e-11)
        close(jax.jvp(lambda x: F(x, Y), (X,), (X,))[1], np.vdot(X, gt.grad(f)(*xs)), 1e-12)


def test_to_jax_keeps_the_conventions_at_singular_points() -> None:
    """The gradient of the norm at 0 is 0 here, nan in JAX."""
    F = recorded(gt.linalg.norm, np.ones(3)).to_jax()
    with jax.enable_x64(True):
        assert np.isnan(jax.grad(jnp.linalg.norm)(np.zeros(3))).all()
        close(jax.grad(F)(np.zeros(3)), gt.grad(gt.linalg.norm)(gt.asarray(np.zeros(3))))


def test_to_jax_of_a_derivative_is_differentiated_by_the_rules_too() -> None:
    """tanh beside its slope: at 0 the third derivative of tanh is -2."""
    program = recorded(lambda x: gt.tanh(x) + gt.grad(gt.tanh)(x), np.float64(0.5))
    with jax.enable_x64(True):
        second = jax.grad(jax.grad(program.to_jax()))
        close(second(0.0), -2.0)
    x = np.linspace(-30.0, 30.0, 121)
    both = recorded(lambda x: gt.sum(gt.tanh(x)) + gt.grad(lambda x: gt.sum(gt.tanh(x)))(x), x)
    close(Compiled(both)([x])[0], both(x), 1e-14)


def test_to_jax_gives_nan_where_a_guard_disagrees() -> None:
    F = recorded(lambda x: x * 2.0 if gt.sum(x) > 0 else x, np.ones(2)).to_jax()
    with jax.enable_x64(True):
        close(F(np.ones(2)), [2.0, 2.0])
        assert np.isnan(F(-np.ones(2))).all()
        inverse = recorded(gt.linalg.inv, np.eye(2)).to_jax()
        assert np.isnan(inverse(np.zeros((2, 2)))).all()
    f = gt.function(lambda x: gt.argmax(x) if gt.sum(x) > 0 else gt.argmin(x))
    f(np.ones(2))
    guarded = next(iter(f.kinds.values())).paths[0].program
    with jax.enable_x64(True), pytest.raises(GradtapeError, match="guards"):
        guarded.to_jax()(np.ones(2))


def test_to_jax_refuses_to_round() -> None:
    with jax.enable_x64(False):
        with pytest.raises(GradtapeError, match="jax_enable_x64"):
            recorded(gt.sin, X).to_jax()(X)
        small = recorded(gt.sin, X.astype(np.float32)).to_jax()
        assert jax.jacfwd(small)(X.astype(np.float32)).dtype == np.float32
    with pytest.raises(TypeError, match="takes 1"):
        small()
    with pytest.raises(TypeError, match="vmap"):
        small(np.ones((2, 3), np.float32))


# -- exports -----------------------------------------------------------------------------------------------------


def test_stablehlo() -> None:
    text = recorded(lambda x: gt.sum(gt.sin(x) * x), X).to_stablehlo()
    assert "stablehlo.sine" in text
    assert "tensor<3xf64>" in text
    with pytest.raises(GradtapeError, match="j0"):
        recorded(f, X, Y).to_stablehlo()


def test_an_artifact_runs_without_gradtape(tmp_path: Path) -> None:
    w = RNG.normal(size=(40, 40))
    program = recorded(lambda x: gt.sum(gt.tanh(w @ x) ** 2), np.ones(40)).vjp()
    x = RNG.normal(size=40)
    (tmp_path / "program").write_bytes(program.export())
    np.save(tmp_path / "x.npy", x)
    script = (
        "import sys, numpy as np, jax\nfrom jax import export\njax.config.update('jax_enable_x64', True)\n"
        "run = export.deserialize(bytearray(open(sys.argv[1] + '/program', 'rb').read()))\n"
        "y, g = run.call(np.load(sys.argv[1] + '/x.npy'), np.float64(1.0))\n"
        "np.save(sys.argv[1] + '/g.npy', g)\nassert 'gradtape' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", script, str(tmp_path)], check=True)
    close(np.load(tmp_path / "g.npy"), program(x, 1.0)[1], 1e-12)


# -- from JAX ----------------------------------------------------------------------------------------------------


def twin(x: Any, y: Any) -> Any:
    return gt.sum(gt.sin(x) * y) + gt.sum(x**3)


def theirs(x: Any, y: Any) -> Any:
    return jnp.sum(jnp.sin(x) * y) + jnp.sum(x**3)


@pytest.mark.parametrize("transform", [gt.grad, gt.hessian, gt.jacfwd, gt.jacrev, lambda f: f])
def test_from_jax_in_every_mode(transform: Any) -> None:
    args = gt.asarray(X), gt.asarray(np.array([1.0, -2.0, 0.5]))
    close(transform(gt.from_jax(theirs))(*args), transform(twin)(*args), 1e-12)


def test_from_jax_to_higher_orders() -> None:
    x, y = gt.asarray(X), gt.asarray(np.array([1.0, -2.0, 0.5]))
    made = []
    for g in (gt.from_jax(theirs), twin):
        third = gt.grad(lambda x, g=g: gt.sum(gt.hessian(g)(x, y) ** 2))(x)
        mixed = gt.jacfwd(gt.grad(g, argnums=1))(x, y)
        wide = gt.vmap(gt.grad(g), in_axes=(0, None))(gt.stack([x, 2 * x]), y)
        deep = gt.vmap(lambda x, g=g: gt.vmap(lambda y: g(x, y))(gt.stack([y, -y])))(gt.stack([x, 2 * x]))
        taylor = gt.jvp(lambda x, g=g: gt.jvp(lambda x: g(x, y), (x,), (x,))[1], (x,), (x,))[1]
        made.append([third, mixed, wide, deep, taylor])
    for a, b in zip(*made, strict=True):
        close(a, b, 1e-11)


def test_from_jax_takes_trees_and_static_arguments() -> None:
    g = gt.from_jax(lambda p, n, scale=1.0: {"y": p["a"] ** n * scale, "k": jnp.argmax(p["b"])})
    p = {"a": gt.asarray([1.0, 2.0]), "b": gt.Variable([3.0, 5.0])}
    found = g(p, 3, scale=2.0)
    close(found["y"], [2.0, 16.0])
    assert int(found["k"]) == 1
    with gt.GradientTape() as tape:
        y = g(p, 2)["y"] * p["b"]
    got = tape.gradient(y, [p["a"], p["b"]])
    close(got[0], [6.0, 20.0])
    close(got[1], [1.0, 4.0])


def test_from_jax_with_complex_numbers() -> None:
    z = gt.asarray(np.array([1.0 + 2.0j, 0.5 - 1.0j]))
    g = gt.from_jax(lambda z: z * z * jnp.exp(z))
    loss = lambda g: lambda z: gt.sum(gt.abs(g(z)) ** 2)  # noqa: E731
    close(gt.grad(loss(g))(z), gt.grad(loss(lambda z: z * z * gt.exp(z)))(z), 1e-12)


@pytest.mark.parametrize("engine", ["numpy", "xla"])
def test_from_jax_inside_of_a_compiled_function(engine: str) -> None:
    g = gt.from_jax(theirs)
    h = lambda x, y: gt.grad(g)(x, y) * gt.exp(x)  # noqa: E731
    compiled, x, y = gt.function(h, engine=engine), gt.asarray(X), gt.asarray(np.ones(3))
    for _ in range(2):
        close(compiled(x, y), gt.grad(twin)(x, y) * gt.exp(x), 1e-13)
    close(gt.jacrev(compiled)(x, y), gt.jacrev(h)(x, y), 1e-12)


def test_from_jax_at_another_output_structure() -> None:
    g = gt.from_jax(lambda x: (x, x) if x.shape == (2,) else [x])
    for _ in range(2):
        assert isinstance(g(gt.asarray([1.0, 2.0])), tuple)
        assert isinstance(g(gt.asarray([1.0])), list)
