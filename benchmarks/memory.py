"""Peak memory of long gradients, and memory over many iterations.

Peak: each library in a process of its own computes one gradient through 1,000
operations on float64 arrays of 131072 elements (1 MB each), for three chains.
Printed is the growth of the process's resident memory over its state right
before the measured run (the library imported and warmed up on a small array,
the input made): "forward" is the peak at the end of the recorded forward pass,
"peak" that of the whole run. MB are 2**20 bytes, so that one array is 1.00.

Each is measured twice. "default" is the C library's malloc as it comes: there
the freed megabytes between kept ones are often not used again, because a small
block was put in them, and the numbers vary with what else was allocated. "mmap"
sets MALLOC_MMAP_THRESHOLD_=65536 (glibc only), under which each array has pages
of its own that go back when it is freed: what the library really keeps.

Budget: the gradient of a recurrent net of 2,000 steps (hidden 256, batch 32,
float64), each way in a process of its own: everything kept, an eager tape with a
budget of 64 arrays and of 64 MB, with states on disk, steps under gt.checkpoint,
and gt.scan with all carries and with a budget of 64. "peak" is as above; "told" is
what the tape's stats() says that it keeps and that a sweep makes again and holds.

Flat: gradtape's resident memory during 10,000 iterations of a training loop and
of nested tapes, with Python's garbage collector on and off.
"""

import harness  # first: it sets the thread counts
import argparse
import gc
import json
import os
import resource
import subprocess
import sys
import time

import numpy as np

OPS = 1000
MB = 2**20
MALLOCS = {"default": {}, "mmap": {"MALLOC_MMAP_THRESHOLD_": "65536"}}
CHAINS = ("sin-mul-add", "tanh", "add")


def build(chain, lib, y):
    """The chain, `OPS` operations long, on y."""
    if chain == "sin-mul-add":
        for i in range(OPS):
            y = lib.sin(y) if i % 3 == 0 else y * 1.01 if i % 3 == 1 else y + 0.1
    elif chain == "tanh":
        for _ in range(OPS):
            y = lib.tanh(y)
    else:
        for _ in range(OPS):
            y = y + 0.1
    return y


def reference(chain, x):
    y, g = x, np.ones_like(x)
    for i in range(OPS):
        kind = ("sin", "mul", "add")[i % 3] if chain == "sin-mul-add" else chain
        if kind == "sin":
            g, y = g * np.cos(y), np.sin(y)
        elif kind == "mul":
            g, y = g * 1.01, y * 1.01
        elif kind == "tanh":
            y = np.tanh(y)
            g = g * (1 - y * y)
        else:
            y = y + 0.1
    return g


def status(field):
    """A field of /proc/self/status in bytes; ru_maxrss where there is no /proc."""
    try:
        with open("/proc/self/status") as f:
            return next(int(line.split()[1]) for line in f if line.startswith(field)) * 1024
    except FileNotFoundError:
        unit = 1 if sys.platform == "darwin" else 1024
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


def reset_peak():
    """Set the process's recorded peak back to what it uses now (Linux)."""
    try:
        with open("/proc/self/clear_refs", "w") as f:
            f.write("5")
    except OSError:
        pass


def run(name, lib, chain, data, note=lambda: None):
    """One gradient; `note` is called between the forward and the backward pass."""
    if name == "torch":
        x = lib.tensor(data, requires_grad=True)
        note()
        loss = lib.sum(build(chain, lib, x))
        note()
        return lib.autograd.grad(loss, x)[0].numpy()
    x = lib.constant(data) if name == "tensorflow" else lib.asarray(data)
    sum_ = lib.reduce_sum if name == "tensorflow" else lib.sum
    note()
    with lib.GradientTape() as tape:
        tape.watch(x)
        loss = sum_(build(chain, lib if name != "tensorflow" else lib.math, x))
    note()
    return np.asarray(tape.gradient(loss, x))


def child_peak(name, chain, elements):
    lib = harness.load(name)
    if lib is None:
        return {}
    run(name, lib, chain, np.linspace(0.1, 0.9, 16))
    data = np.linspace(0.1, 0.9, elements)
    expected = reference(chain, data)
    gc.collect()
    marks = []

    def note():
        marks.append((status("VmRSS"), status("VmHWM")))
        if len(marks) == 1:
            reset_peak()

    grad = run(name, lib, chain, data, note)
    peak = status("VmHWM")
    harness.check(name, grad, expected)
    base = marks[0][0]
    return {"forward": (marks[1][1] - base) / MB, "peak": (peak - base) / MB}


def training(gt):
    """A step of gradient descent on a small two-layer network."""
    rng = np.random.default_rng(0)
    xs, ys = rng.normal(size=(64, 8)), rng.normal(size=(64, 1))
    state = [rng.normal(size=(8, 16)) * 0.3, np.zeros(16), rng.normal(size=(16, 1)) * 0.3]

    def step():
        weights = [gt.asarray(w) for w in state]
        with gt.GradientTape() as tape:
            for w in weights:
                tape.watch(w)
            w1, b1, w2 = weights
            error = gt.matmul(gt.tanh(gt.matmul(xs, w1) + b1), w2) - ys
            loss = gt.sum(error * error) / 64
        for w, g in zip(state, tape.gradient(loss, weights), strict=True):
            w -= 0.01 * np.asarray(g)

    return step


def nested(gt):
    """A third derivative of a vector function, by three nested tapes."""
    data = np.linspace(0.1, 0.9, 1000)

    def step():
        x = gt.asarray(data)
        with gt.GradientTape() as t3:
            t3.watch(x)
            with gt.GradientTape() as t2:
                t2.watch(x)
                with gt.GradientTape() as t1:
                    t1.watch(x)
                    y = gt.sum(gt.sin(x) * x)
                first = t1.gradient(y, x)
            second = t2.gradient(first, x)
        t3.gradient(second, x)

    return step


LOOPS = {"training": training, "nested": nested}


def child_flat(loop, collector, iterations):
    gt = harness.load("gradtape")
    if gt is None:
        return {}
    if collector == "off":
        gc.disable()
    step = LOOPS[loop](gt)
    samples = []
    for i in range(iterations + 1):
        if i == iterations // 100:  # what is made once and kept does not count
            samples.append(status("VmRSS"))
        elif i and i % (iterations // 4) == 0:
            samples.append(status("VmRSS"))
        step()
    return {"growth": [(s - samples[0]) / MB for s in samples[1:]]}


def recurrent(gt, way, steps, hidden, batch):
    """Loss, gradient and what the tape told, of a recurrent net: h = tanh(h @ u + x w), one number a step."""
    rng = np.random.default_rng(0)
    u, w = gt.asarray(rng.normal(size=(hidden, hidden)) / hidden**0.5), gt.asarray(rng.normal(size=(1, hidden)))
    xs, h = rng.normal(size=(steps, batch, 1)), np.zeros((batch, hidden))

    def step(h, x):
        return gt.tanh(gt.matmul(h, u) + x * w)

    options = {"arrays": {"budget": 64}, "bytes": {"budget": "64MB"}, "disk": {"budget": "64MB", "offload": "disk"}}
    with gt.GradientTape(**options.get(way, {})) as tape:
        if way.startswith("scan"):
            budget = 64 if way == "scan 64" else None
            h, _ = gt.scan(lambda h, x: (step(h, x), None), gt.asarray(h), xs, budget=budget)
        else:
            turn = gt.checkpoint(step) if way == "checkpoint" else step
            h = gt.asarray(h)
            for x in xs:
                h = turn(h, x)
        loss = gt.sum(h * h)
    return float(loss), tape.gradient(loss, [u, w]), tape.stats()


WAYS = ("all", "arrays", "bytes", "disk", "checkpoint", "scan", "scan 64")


def child_budget(way, steps):
    gt = harness.load("gradtape")
    recurrent(gt, way, 200, 8, 2)
    gc.collect()
    base = status("VmRSS")
    reset_peak()
    start = time.perf_counter()
    loss, grads, stats = recurrent(gt, way, steps, 256, 32)
    seconds = time.perf_counter() - start
    check = [loss, *[float(np.sum(np.asarray(g) ** 2)) for g in grads]]
    told = (stats["bytes"] + stats["sweep"]) / MB
    return {"seconds": seconds, "peak": (status("VmHWM") - base) / MB, "told": told, "check": check}


def report_budget(steps):
    print(f"\ngradient of a recurrent net of {steps} steps, hidden 256, batch 32: one state is 0.06 MB")
    print(f"  {'way':<12}{'seconds':>9}{'to all':>8}{'peak MB':>10}{'of all':>8}{'told MB':>10}")
    results = {}
    for way in WAYS:
        got = subprocess_json("--child", "budget", way, "--steps", steps, **MALLOCS["mmap"])
        if not got:
            continue
        results[way] = got
        first = results["all"]
        np.testing.assert_allclose(got["check"], first["check"], rtol=1e-8)
        told = "" if way.startswith("scan") else f"{got['told']:>10.1f}"
        print(
            f"  {way:<12}{got['seconds']:>9.2f}{got['seconds'] / first['seconds']:>7.2f}x{got['peak']:>10.1f}"
            f"{got['peak'] / first['peak']:>8.3f}{told}",
            flush=True,
        )


def subprocess_json(*arguments, **environment):
    result = subprocess.run(
        [sys.executable, sys.argv[0], *map(str, arguments)],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, **environment},
    )
    if result.returncode:
        print(f"  failed: {' '.join(map(str, arguments))}")
        return {}
    return json.loads(result.stdout.splitlines()[-1])


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--only", default="gradtape,torch,tensorflow")
    p.add_argument("--elements", type=int, default=MB // 8)
    p.add_argument("--iterations", type=int, default=10_000)
    p.add_argument("--part", choices=("peak", "flat", "budget", "all"), default="all")
    p.add_argument("--steps", type=int, default=2000)
    p.add_argument("--child", nargs=2, help=argparse.SUPPRESS)
    args = p.parse_args()

    if args.child:
        first, second = args.child
        if first in LOOPS:
            print(json.dumps(child_flat(first, second, args.iterations)))
        elif first == "budget":
            print(json.dumps(child_budget(second, args.steps)))
        else:
            print(json.dumps(child_peak(first, second, args.elements)))
        return

    names = args.only.split(",")
    if args.part in ("peak", "all"):
        size = args.elements * 8 / MB
        print(f"peak memory over {OPS} operations on {size:.2f} MB arrays")
        print(f"  {'chain':<14}{'library':<12}{'malloc':<9}{'forward MB':>10}{'peak MB':>10}{'arrays/op':>11}")
        for chain in CHAINS:
            for name in names:
                for malloc, variables in MALLOCS.items():
                    arguments = ("--child", name, chain, "--elements", args.elements)
                    got = subprocess_json(*arguments, **variables)
                    if got:
                        print(
                            f"  {chain:<14}{name:<12}{malloc:<9}{got['forward']:>10.1f}"
                            f"{got['peak']:>10.1f}{got['peak'] / size / OPS:>11.3f}",
                            flush=True,
                        )
    if args.part in ("budget", "all") and "gradtape" in names:
        report_budget(args.steps)
    if args.part in ("flat", "all") and "gradtape" in names:
        n = args.iterations
        print(f"\ngrowth of gradtape's resident memory over {n} iterations, MB at each quarter")
        print(f"  {'loop':<14}{'collector':<12}{'since iteration ' + str(n // 100):>24}")
        for loop in LOOPS:
            for collector in ("on", "off"):
                got = subprocess_json("--child", loop, collector, "--iterations", n)
                if got:
                    quarters = "".join(f"{g:>9.2f}" for g in got["growth"])
                    print(f"  {loop:<14}{collector:<12}{quarters}", flush=True)


if __name__ == "__main__":
    main()
