"""The XLA engine: compiled functions, guards, state on the device, loops, and the user's JAX left as it was."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import Any

import numpy as np
import pytest

import gradtape as gt
from gradtape.engines.xla.device import DeviceTensor
from gradtape.engines.xla.engine import Compiled
from gradtape.rules.primitive import registry

os.environ.setdefault("JAX_PLATFORMS", "cpu")
jax = pytest.importorskip("jax")

RNG = np.random.default_rng(5)


def xla(f: Any) -> Any:
    return gt.function(f, engine="xla")


def close(found: Any, expected: Any, tolerance: float = 1e-13) -> None:
    np.testing.assert_allclose(np.asarray(found), np.asarray(expected), rtol=tolerance, atol=tolerance)


# -- calls -----------------------------------------------------------------------------------------------------------


def test_a_function_and_its_derivatives() -> None:
    def f(x: Any, rate: Any) -> Any:
        return gt.sum(gt.sin(x) * rate + gt.tanh(x @ x))

    compiled, x = xla(f), gt.asarray(RNG.normal(size=5))
    for rate in (1.0, 2.0, 3.0):
        close(compiled(x, rate), f(x, rate))
    for transform in (gt.grad, gt.hessian, gt.jacfwd, gt.jacrev):
        close(transform(compiled)(x, 2.0), transform(f)(x, 2.0), 1e-12)
    third = [
        gt.grad(lambda x, g=g: gt.sum(gt.grad(lambda x: gt.sum(gt.grad(g)(x, 2.0) ** 2))(x) ** 2))
        for g in (compiled, f)
    ]
    close(third[0](x), third[1](x), 1e-11)
    wide = gt.asarray(RNG.normal(size=(3, 5)))
    close(gt.vmap(lambda x: compiled(x, 2.0))(wide), gt.vmap(lambda x: f(x, 2.0))(wide))
    _, dy = gt.jvp(lambda x: compiled(x, 2.0), (x,), (x,))
    close(dy, gt.jvp(lambda x: f(x, 2.0), (x,), (x,))[1])
    assert "engine xla: asked for" in compiled.report()


def test_both_sides_of_a_guard() -> None:
    calls = []

    @xla
    def f(x: Any) -> Any:
        calls.append(1)
        return gt.sin(x) if gt.sum(x) > 0 else x * 2.0

    x = gt.asarray([1.0, 2.0])
    for _ in range(3):
        close(f(x), np.sin([1.0, 2.0]))
        close(f(-x), [-2.0, -4.0])
    assert len(calls) == 2


@pytest.mark.parametrize("how", [float, int, lambda x: x.numpy()])
def test_what_left_the_record_is_guarded(how: Any) -> None:
    f = xla(lambda x: x * how(x[0]))
    for first in (2.0, 3.0, 2.0, np.nan if how is float else 4.0):
        close(f(gt.asarray([first, 5.0])), np.array([first, 5.0]) * first)


def test_errors_are_those_of_the_plain_function() -> None:
    f, x = xla(gt.linalg.inv), gt.asarray(np.diag([2.0, 4.0]))
    for _ in range(2):
        close(f(x), np.diag([0.5, 0.25]))
    with pytest.raises(np.linalg.LinAlgError, match="Singular"):
        f(gt.asarray(np.zeros((2, 2))))
    g, i = xla(lambda x, i: x[i]), gt.asarray(np.array([0, 1]))
    for _ in range(2):
        close(g(x, i), x)
    with pytest.raises(IndexError, match="out of bounds"):
        g(x, i + 5)
    h = xla(gt.special.j0)  # on the host
    for _ in range(2):
        close(h(gt.asarray([1.0])), [0.7651976865579666])


def test_no_effects_before_the_guards_agree() -> None:
    v = gt.Variable(1.0)

    @xla
    def f(x: Any) -> Any:
        v.assign_add(x)
        return v * 1.0 if x > 0 else v * 0.0

    for x, total in ((1.0, 2.0), (2.0, 4.0), (-1.0, 3.0), (-1.0, 2.0)):
        f(gt.asarray(x))
        assert v.numpy() == total


# -- on the device -----------------------------------------------------------------------------------------------


def test_state_and_chains_stay_on_the_device() -> None:
    v = gt.Variable(np.ones(1000))
    step = xla(lambda g: v.assign_sub(0.1 * g))
    norm = xla(lambda x: gt.sum(x * x))
    for _ in range(3):
        step(np.ones(1000))
    norm(v.value)  # recorded on the host
    step(np.ones(1000))
    assert type(v.value) is DeviceTensor
    found = norm(v.value), norm(v.value)
    assert not _is_on_host(v.value)
    assert type(found[1]) is DeviceTensor
    assert not _is_on_host(found[1])
    close(found[1], 360.0)
    assert _is_on_host(found[1])


def _is_on_host(x: Any) -> bool:
    try:
        gt.Tensor.__dict__["data"].__get__(x)
    except AttributeError:
        return False
    return True


def test_a_device_tensor_is_a_tensor() -> None:
    f = xla(lambda x: x * 2.0)
    x = gt.asarray([1.0, 2.0])
    f(x)
    y = f(x)
    assert type(y) is DeviceTensor
    assert repr(y) == "Tensor([2., 4.])"
    assert (y.shape, y.dtype, y.ndim, y.size, y.nbytes, y.itemsize, len(y)) == ((2,), np.float64, 1, 2, 16, 8, 2)
    assert "cpu" in y.device.lower()
    close(y + 1, [3.0, 5.0])
    close(2 - y, [0.0, -2.0])
    assert isinstance((y @ y).data, np.float64)
    close(gt.grad(lambda x: gt.sum(f(x) ** 3))(y), 24 * np.array([2.0, 4.0]) ** 2)
    close(gt.hessian(lambda x: gt.sum(x**3))(y), np.diag([12.0, 24.0]))
    close(gt.vmap(lambda a: a * y)(y), np.outer([2.0, 4.0], [2.0, 4.0]))
    assert [float(a) for a in y] == [2.0, 4.0]
    import pickle

    close(pickle.loads(pickle.dumps(y)), [2.0, 4.0])
    with pytest.raises(gt.errors.ImmutableError):
        y[0] = 1.0
    with pytest.raises(ValueError, match="read-only"):
        y.numpy()[0] = 1.0


def test_an_array_may_be_written_into_after_the_call() -> None:
    f = xla(lambda x: gt.sum(gt.sin(x)) * 0.0 + x + 1.0)  # long enough for the write to come first
    for n in (4096, 200_000):
        x = np.zeros(n)
        for k in range(20):
            x[:] = k
            y = f(x)
            x[:] = -1.0
            close(y, np.full(n, k + 1.0))


# -- the user's JAX ----------------------------------------------------------------------------------------------


def test_settings_are_left_alone() -> None:
    before = dict(jax.config.values)
    f = xla(lambda x: gt.special.j1(x) * gt.sum(x))
    x = gt.asarray(RNG.normal(size=3))
    for _ in range(2):
        assert f(x).dtype == np.float64
    assert dict(jax.config.values) == before
    assert jax.numpy.asarray(1.0).dtype == (np.float64 if jax.config.jax_enable_x64 else np.float32)


def test_settings_do_not_matter() -> None:
    f = xla(lambda x, y: gt.sum(x * y[:, None]) + 0.1)
    x, y = gt.asarray(RNG.normal(size=3)), gt.asarray(RNG.normal(size=3).astype(np.float32))
    with jax.numpy_dtype_promotion("strict"), jax.numpy_rank_promotion("raise"):
        found = [f(x, y), f(x, y)]
    close(found[1], found[0])
    close(f(x, y), found[0])
    assert f(x, y).dtype == np.float64


# -- numbers -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", ["float32", "float64", "complex64", "complex128", "int32", "int64"])
def test_numbers_keep_their_dtypes(dtype: str) -> None:
    f = lambda x: (x * 2, x + 0.5, x @ x, gt.sum(x), gt.sin(x), x / 3)  # noqa: E731
    x = gt.asarray(np.arange(1, 5).astype(dtype))
    compiled = xla(f)
    compiled(x)
    for a, b in zip(compiled(x), f(x), strict=True):
        assert a.dtype == b.dtype
        close(a, b, 1e-6 if "32" in dtype or dtype == "complex64" else 1e-14)


def test_large_numbers_of_the_host_keep_their_digits() -> None:
    """Callbacks come on a thread on which JAX would round to 32 bits."""
    f = xla(lambda x: gt.special.j0(x))
    for n in (3, 100_000):
        x = gt.asarray(RNG.uniform(0, 20, n))
        f(x)
        close(f(x), gt.special.j0(x), 1e-15)
    assert "on the host, called back by XLA: j0" in f.report()


@pytest.mark.parametrize("size", [5, 5000])  # the host makes many at once
def test_random_draws_are_the_same_bits(size: int) -> None:
    f = xla(lambda key: gt.random.Generator.from_key(key).normal(size=size) * 2.0)
    keys = [gt.asarray(np.array([k, 7], np.uint64)) for k in range(3)]
    for key in keys:
        close(f(key), f.python(key))
    assert not np.array_equal(f(keys[1]).numpy(), f(keys[2]).numpy())


# -- loops -------------------------------------------------------------------------------------------------------


def recurrent(w: Any, xs: Any, h: Any) -> Any:
    h, ys = gt.scan(lambda h, x: (gt.tanh(w @ h + x), gt.sum(h)), h, xs)
    return gt.sum(h * h) + gt.sum(ys)


@pytest.mark.parametrize("order", [0, 1, 2])
def test_scan(order: int) -> None:
    f = recurrent
    for _ in range(order):
        f = lambda w, xs, h, f=f: gt.sum(gt.grad(f)(w, xs, h) ** 2)  # noqa: E731
    args = [gt.asarray(RNG.normal(size=s)) for s in ((4, 4), (20, 4), (4,))]
    compiled = xla(f)
    compiled(*args)
    close(compiled(*args), f(*args), 1e-11)
    close(gt.grad(xla(recurrent))(*args), gt.grad(recurrent)(*args), 1e-12)


def test_an_error_inside_of_a_loop() -> None:
    def f(a: Any) -> Any:
        return gt.scan(lambda c, _: (gt.linalg.inv(c - np.eye(2)), None), a, length=2)[0]

    compiled, a = xla(f), gt.asarray(np.diag([3.0, 4.0]))
    for _ in range(2):
        close(compiled(a), f(a))
    with pytest.raises(np.linalg.LinAlgError):
        compiled(gt.asarray(np.eye(2)))


# -- choosing ----------------------------------------------------------------------------------------------------


def test_auto_goes_by_size_and_says_so() -> None:
    small, large = gt.function(lambda x: gt.sin(x) * 2.0), gt.function(lambda x: gt.sum(gt.exp(-x * x) * gt.sin(x)))
    small(gt.asarray(1.0))
    x = gt.asarray(np.linspace(0.0, 1.0, 300_000))
    large(x)
    assert "engine numpy: a call moves" in small.report()
    assert "engine xla: a call moves" in large.report()
    close(large(x), large.python(x), 1e-12)


def test_auto_stays_with_numpy_where_xla_would_call_it_back_or_does_not_work(monkeypatch: pytest.MonkeyPatch) -> None:
    x = gt.asarray(np.linspace(0.0, 1.0, 300_000))
    f = gt.function(lambda x: gt.sum(gt.special.j0(x) * x))
    f(x)
    assert "rows that XLA would call the host for" in f.report()

    def broken() -> Any:
        raise RuntimeError("jaxlib is older than jax")

    monkeypatch.setattr("gradtape.compiling.engine.jax", broken)
    g = gt.function(lambda x: gt.sum(gt.exp(-x * x) * gt.sin(x)))
    g(x)
    close(g(x), g.python(x))
    assert "engine numpy" in g.report()
    assert "jaxlib is older than jax" in g.report()


def test_an_unknown_engine() -> None:
    with pytest.raises(gt.errors.GradtapeError, match="engine='xla'"):
        gt.function(lambda x: x, engine="tpu")(gt.asarray(1.0))


def test_large_constants_are_not_written_out() -> None:
    table = RNG.normal(size=(1000,))
    f = xla(lambda x: gt.sum(x * table))
    x = gt.asarray(RNG.normal(size=1000))
    f(x)
    close(f(x), f.python(x))
    program = next(iter(f.kinds.values())).paths[0].program
    assert len(Compiled(program).large) == 1
    assert set(registry) >= {step.row.name for step in program.steps}


def test_without_jax() -> None:
    script = (
        "import sys; sys.modules['jax'] = None\n"
        "import gradtape as gt\n"
        "f = gt.function(lambda x: x * 2.0, engine='xla')\n"
        "try: f(1.0)\n"
        "except gt.errors.GradtapeError as error: print(error)\n"
        "else: raise SystemExit('no error')\n"
    )
    made = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert "pip install gradtape[xla]" in made.stdout
