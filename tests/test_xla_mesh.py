"""Programs over many devices: eight virtual ones in a process, and two processes on loopback."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("jax")

SOURCE = Path(__file__).resolve().parents[1] / "src"

EIGHT = """
import numpy as np, gradtape as gt, jax
from gradtape.engines.xla.device import DeviceTensor
rng = np.random.default_rng(0)
close = lambda a, b: np.testing.assert_allclose(np.asarray(a), np.asarray(b), rtol=1e-12, atol=1e-13)

W = gt.Variable(rng.normal(size=(5, 4)))
@gt.function(mesh={"data": 8}, in_specs=("data",))
def loss(x, scale):
    return gt.mean(gt.tanh(x @ W) ** 2) * scale
x = gt.asarray(rng.normal(size=(64, 5)))
for scale in (1.0, 2.0, 3.0):
    close(loss(x, scale), loss.python(x, scale))
assert type(loss(x, 1.0)) is DeviceTensor
close(gt.grad(loss)(x, 2.0), gt.grad(loss.python)(x, 2.0))
close(gt.jacfwd(lambda s: loss(x, s))(2.0), gt.jacfwd(lambda s: loss.python(x, s))(2.0))

# A step of training: state and gradient are spread with the program.
@gt.function(mesh={"data": 8}, in_specs=("data",))
def step(x):
    with gt.GradientTape() as tape:
        y = gt.mean(gt.tanh(x @ W) ** 2)
    W.assign_sub(0.5 * tape.gradient(y, W))
    return y
V = W.numpy().copy()
values = [float(step(x)) for _ in range(4)]
twin = gt.Variable(V)
for value in values:
    with gt.GradientTape() as tape:
        y = gt.mean(gt.tanh(x @ twin) ** 2)
    twin.assign_sub(0.5 * tape.gradient(y, twin))
    close(value, y)
close(W, twin)

# A batch sweep, cut along the batch; rows of the host too.
@gt.function(mesh={"data": 8}, in_specs="data")
def rows(x):
    return gt.vmap(gt.grad(lambda x: gt.sum(gt.special.j0(x)) * gt.sum(x)))(x)
close(rows(x), rows(x))
y = rows(x)
assert len(y.device_array.addressable_shards) == 8
assert y.device_array.addressable_shards[0].data.shape == (8, 5)
close(y, rows.python(x))

# A Monte Carlo mean: the same draws as on one device.
@gt.function(mesh={"draws": 8}, in_specs="draws")
def mean(keys):
    draw = lambda key: gt.sum(gt.random.Generator.from_key(key).normal(size=100) ** 2)
    return gt.mean(gt.vmap(draw)(keys))
keys = gt.asarray(rng.integers(0, 2**60, (16, 2)).astype(np.uint64))
for _ in range(3):
    close(mean(keys), mean.python(keys))

# A mesh of two axes, trees, a mesh of JAX's own, results everywhere.
mesh = jax.make_mesh((4, 2), ("rows", "columns"))
@gt.function(mesh=mesh, in_specs=({"a": ("rows", "columns"), "b": ("columns", None)}, [None, "rows"]), out_specs=())
def product(p, q):
    return p["a"] @ p["b"] * q[0] + q[1][:, None]
p = {"a": gt.asarray(rng.normal(size=(8, 6))), "b": gt.asarray(rng.normal(size=(6, 3)))}
q = [gt.asarray(2.0), gt.asarray(rng.normal(size=8))]
close(product(p, q), product(p, q))
found = product(p, q)
assert found.device_array.is_fully_replicated
close(found, product.python(p, q))
assert "spread over 8 devices (rows=4, columns=2)" in product.report()

for wrong, told in (
    (lambda: [loss(x[:3], 1.0) for _ in range(2)], "cannot be cut"),
    (lambda: gt.function(lambda x: x, mesh={"data": 9}), "9 devices where there are 8"),
    (lambda: gt.function(lambda x: x, mesh={"data": 8}, in_specs="batch")(x), "no axis of the mesh"),
    (lambda: gt.function(lambda x: x, mesh={"data": 8}, in_specs=("data", "data"))(x), "1 positional"),
):
    try:
        wrong()
    except gt.errors.GradtapeError as error:
        assert told in str(error), error
    else:
        raise SystemExit(f"no error: {told}")
"""

TWO = """
import sys, numpy as np, jax
jax.distributed.initialize(f"127.0.0.1:{sys.argv[1]}", num_processes=2, process_id=int(sys.argv[2]))
import gradtape as gt
assert jax.device_count() == 4 and jax.local_device_count() == 2
rng = np.random.default_rng(0)
x, w = gt.asarray(rng.normal(size=(16, 5))), gt.asarray(rng.normal(size=(5, 4)))
f = lambda x, w: gt.mean(gt.tanh(x @ w) ** 2)
loss = gt.function(f, mesh={"data": 4}, in_specs=("data",), out_specs=())
gradient = gt.function(gt.grad(f, argnums=1), mesh={"data": 4}, in_specs=("data",), out_specs=())
for _ in range(3):
    np.testing.assert_allclose(loss(x, w).numpy(), f(x, w).numpy(), rtol=1e-13)
    np.testing.assert_allclose(gradient(x, w).numpy(), gt.grad(f, argnums=1)(x, w).numpy(), rtol=1e-12)
spread = gt.function(lambda x: x * 2.0, mesh={"data": 4}, in_specs=("data",))
spread(x)
y = spread(x)
try:
    y.numpy()
except gt.errors.GradtapeError as error:
    assert "out_specs" in str(error)
else:
    raise SystemExit("half of an array was taken for all of it")
"""


def environment(devices: int) -> dict[str, str]:
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("JAX_", "XLA_"))}
    flags = f"--xla_force_host_platform_device_count={devices}"
    return {**kept, "XLA_FLAGS": flags, "JAX_PLATFORMS": "cpu", "PYTHONPATH": str(SOURCE)}


def test_eight_devices() -> None:
    made = subprocess.run([sys.executable, "-c", EIGHT], env=environment(8), capture_output=True, text=True)
    assert made.returncode == 0, made.stderr[-3000:]


def test_two_processes() -> None:
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        port = s.getsockname()[1]
    started = [
        subprocess.Popen(
            [sys.executable, "-c", TWO, str(port), str(i)],
            env=environment(2),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        for i in range(2)
    ]
    try:
        told = [p.communicate(timeout=120)[0] for p in started]
    finally:
        for p in started:
            p.kill()
    assert [p.returncode for p in started] == [0, 0], "\n".join(told)[-3000:]
