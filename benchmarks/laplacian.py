"""The Laplacian of a tanh network of 4 layers of 64 in 10 and 100 dimensions: time and peak memory.

For a batch of points, sum_i d^2 f / dx_i^2 at each: gradtape's collapsed Taylor
mode, the trace of its Hessian, and a loop of forward-over-reverse over the axes
(nested first-order differentiation, batched over the points); the same by JAX
(trace of jax.hessian; jax.experimental.jet, a batch of directions) and torch
(torch.func.hessian; the loop that PINN codes write), each as it is (eager) and JAX
under jit too. Values are checked against the chain rule for (value, Jacobian,
Laplacian) written out in NumPy.

Memory is the growth of resident memory over the state before the call, at its
peak, with every large array on pages of its own (see memory.py), of the second
call; each in a process of its own.
"""

import harness  # first: it sets the thread counts
import ctypes
import os
import subprocess
import sys
import threading
from itertools import pairwise

import numpy as np


def weights(dimension, seed=0):
    rng = np.random.default_rng(seed)
    sizes = [dimension, 64, 64, 64, 64, 1]
    return [(rng.normal(size=(m, n)) / m**0.5, rng.normal(size=n) * 0.1) for m, n in pairwise(sizes)]


def by_hand(layers, x):
    y, jacobian, lap = x, np.broadcast_to(np.eye(x.shape[1]), (len(x), x.shape[1], x.shape[1])), np.zeros_like(x)
    for i, (w, b) in enumerate(layers):
        y, jacobian, lap = y @ w + b, jacobian @ w, lap @ w
        if i < len(layers) - 1:
            y = np.tanh(y)
            slope = 1 - y * y
            lap = slope * lap - 2 * y * slope * np.sum(jacobian**2, axis=1)
            jacobian = slope[:, None] * jacobian
    return lap[:, 0]


def network(tanh, layers):
    def f(x):
        for w, b in layers[:-1]:
            x = tanh(x @ w + b)
        w, b = layers[-1]
        return (x @ w + b)[..., 0]

    return f


def gradtape(gt, layers, data):
    x = gt.asarray(data)
    f = network(gt.tanh, [(gt.asarray(w), gt.asarray(b)) for w, b in layers])
    collapsed = gt.laplacian(f, axis=-1)
    hessian = gt.vmap(gt.hessian(f))

    def nested():
        total = 0.0
        for i in range(data.shape[1]):
            e = np.zeros_like(data)
            e[:, i] = 1
            total = total + gt.hvp(lambda x: gt.sum(f(x)), x, gt.asarray(e))[:, i]
        return total

    return {
        "gradtape": lambda: collapsed(x),
        "gt hessian": lambda: gt.trace(hessian(x), axis1=1, axis2=2),
        "gt nested": nested,
    }


def jax(jax, layers, data):
    from jax.experimental.jet import jet

    jnp = jax.numpy
    x = jnp.asarray(data)
    f = network(jnp.tanh, [(jnp.asarray(w), jnp.asarray(b)) for w, b in layers])
    eye = jnp.eye(data.shape[1])
    trace = jax.vmap(lambda x: jnp.trace(jax.hessian(f)(x)))

    def second(x, v):
        return jet(f, (x,), ((v, jnp.zeros_like(v)),))[1][1]

    taylor = jax.vmap(lambda x: jnp.sum(jax.vmap(lambda v: second(x, v))(eye)))
    cases = {"jax hessian": trace, "jax jet": taylor, "jit hessian": jax.jit(trace), "jit jet": jax.jit(taylor)}
    return {name: lambda call=call: call(x).block_until_ready() for name, call in cases.items()}


def torch(torch, layers, data):
    x = torch.tensor(data)
    f = network(torch.tanh, [(torch.tensor(w), torch.tensor(b)) for w, b in layers])
    hessian = torch.func.vmap(torch.func.hessian(f))

    def loop():
        leaf = x.clone().requires_grad_()
        (g,) = torch.autograd.grad(f(leaf).sum(), leaf, create_graph=True)
        total = 0.0
        for i in range(data.shape[1]):
            (row,) = torch.autograd.grad(g[:, i].sum(), leaf, retain_graph=True)
            total = total + row[:, i]
        return total

    return {
        "torch hess": lambda: torch.einsum("bii->b", hessian(x)),
        "torch loop": loop,
    }


def resident():
    with open("/proc/self/statm") as f:
        return int(f.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def peak(call):
    """Growth of resident memory during a call, in bytes."""
    libc = ctypes.CDLL(None)
    libc.mallopt(-3, 16384)  # M_MMAP_THRESHOLD: large arrays come and go with their pages
    call()
    libc.malloc_trim(0)
    before, highest, done = resident(), [0], threading.Event()

    def watch():
        while not done.is_set():
            highest[0] = max(highest[0], resident())

    sys.setswitchinterval(1e-5)
    watcher = threading.Thread(target=watch)
    watcher.start()
    for _ in range(5):
        call()
    done.set()
    watcher.join()
    return highest[0] - before


def cases_of(libs, dimension, points):
    layers = weights(dimension)
    data = np.random.default_rng(1).normal(size=(points, dimension))
    made = {}
    for name, lib in libs.items():
        made.update(globals()[name](lib, layers, data))
    return made, by_hand(layers, data)


def memory(names, dimension, points):
    found = {}
    for lib, name in names:
        command = [sys.executable, __file__, "--only", lib, "--peak", name, "--dimensions", str(dimension)]
        out = subprocess.run([*command, "--points", str(points)], capture_output=True, text=True, check=True).stdout
        found[name] = float(out.split()[-1])
    print(f"\npeak memory, {dimension} dimensions, {points} points")
    for name, size in found.items():
        ratio = f"{found['gradtape'] / size:>21.2f}x" if name != "gradtape" and size else ""
        print(f"  {name:<12}{size / 2**20:>14.2f} MiB {ratio}")


def main():
    p = harness.parser(__doc__, ("gradtape", "torch", "jax"))
    p.add_argument("--dimensions", default="10,100", help="(default: %(default)s)")
    p.add_argument("--points", type=int, default=100, help="(default: %(default)s)")
    p.add_argument("--peak", help=argparse_suppress())
    args = p.parse_args()
    libs = harness.load_all(args.only)
    for dimension in map(int, args.dimensions.split(",")):
        cases, exact = cases_of(libs, dimension, args.points)
        if args.peak:
            print(peak(cases[args.peak]))
            return
        scale = np.abs(exact).max()
        for name, case in cases.items():
            value = np.asarray(case(), dtype=float)
            assert np.abs(value - exact).max() <= 1e-10 * scale, f"{name} is wrong"
        times = harness.measure(cases, args.rounds, limit_s=4.0)
        harness.report(f"{dimension} dimensions, {args.points} points", times, unit="ms", scale=1e3)
        owner = {"jit": "jax", "gt": "gradtape"}
        if os.path.exists("/proc/self/statm"):
            memory([(owner.get(n.split()[0], n.split()[0]), n) for n in cases], dimension, args.points)


def argparse_suppress():
    import argparse

    return argparse.SUPPRESS


if __name__ == "__main__":
    main()
