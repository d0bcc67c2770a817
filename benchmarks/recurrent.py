"""A recurrent net over 2,000 steps: what a budget of states costs in time, and what it saves in memory.

h <- tanh(h W + x_t U + b) with 256 hidden units on a batch of 32, in float64; the loss reads every state. One state is
64 KB, so that keeping every state takes 2,000 of them, 125 MB. Printed for each way, each in a process of its own: the
processor time of a gradient with respect to W, U, b and v (best and median), and the growth of the process's resident
memory over its state right before the measured gradient, at its peak; MB are 2**20 bytes. Ratios are to gt.scan that
keeps every state; "loop" is Python's own loop on a tape, which keeps what every operation needs.

"second order": the derivative of that gradient along a direction, forward over reverse. There the record of the
gradient is kept, budget or not.

Memory is measured with MALLOC_MMAP_THRESHOLD_=65536 (glibc only), under which each state has pages of its own that go
back when it is freed: what is really kept. Times are those of the C library's malloc as it comes.
"""

import harness  # first: it sets the thread counts
import argparse
import gc
import json
import statistics
import time

import numpy as np
from memory import MB, reset_peak, status, subprocess_json

STEPS, HIDDEN, BATCH, INPUTS = 2000, 256, 32, 16
WAYS = {"all": None, "64": 64, "32": 32}


def data(steps):
    rng = np.random.default_rng(0)
    weights = {
        "w": rng.normal(size=(HIDDEN, HIDDEN)) / HIDDEN**0.5,
        "u": rng.normal(size=(INPUTS, HIDDEN)) * 0.1,
        "b": rng.normal(size=HIDDEN) * 0.1,
        "v": rng.normal(size=HIDDEN) / HIDDEN,
    }
    return weights, rng.normal(size=(steps, BATCH, INPUTS)), rng.normal(size=(steps, BATCH))


def loss_of(gt, xs, targets, way):
    def loss(weights):
        w, u, b, v = (weights[k] for k in "wubv")

        def turn(h, step):
            x, target = step
            h = gt.tanh(gt.matmul(h, w) + gt.matmul(x, u) + b)
            error = gt.matmul(h, v) - target
            return h, gt.sum(error * error)

        h = gt.asarray(np.zeros((BATCH, HIDDEN)))
        if way == "loop":
            total = 0.0
            for k in range(len(xs)):
                h, error = turn(h, (xs[k], targets[k]))
                total = total + error
            return total
        return gt.sum(gt.scan(turn, h, (xs, targets), budget=WAYS[way])[1])

    return loss


def reference(weights, xs, targets):
    """The gradient by hand, with every state kept."""
    w, u, b, v = (weights[k] for k in "wubv")
    states, errors = [np.zeros((BATCH, HIDDEN))], []
    for x, target in zip(xs, targets, strict=True):
        states.append(np.tanh(states[-1] @ w + x @ u + b))
        errors.append(2 * (states[-1] @ v - target))
    found = {k: np.zeros_like(a) for k, a in weights.items()}
    ct = np.zeros_like(states[0])
    for k in range(len(xs) - 1, -1, -1):
        found["v"] += errors[k] @ states[k + 1]
        ct = (ct + errors[k][:, None] * v) * (1 - states[k + 1] ** 2)
        found["w"] += states[k].T @ ct
        found["u"] += xs[k].T @ ct
        found["b"] += ct.sum(0)
        ct = ct @ w.T
    return found


def child(way, order, steps, rounds):
    gt = harness.load("gradtape")
    weights, xs, targets = data(steps)
    weights = {k: gt.asarray(a) for k, a in weights.items()}
    xs, targets = gt.asarray(xs), gt.asarray(targets)
    direction = {k: np.ones(a.shape) for k, a in weights.items()}

    def ask(xs, targets):
        gradient = gt.grad(loss_of(gt, xs, targets, way))
        return gradient(weights) if order == "1" else gt.jvp(gradient, (weights,), (direction,))

    ask(xs[:40], targets[:40])
    gc.collect()
    base = status("VmRSS")
    reset_peak()
    found = ask(xs, targets)
    peak = status("VmHWM")
    plain = {k: a.numpy() for k, a in weights.items()}
    given = xs.numpy(), targets.numpy()
    if order == "1":
        for k, a in reference(plain, *given).items():
            harness.check(way, found[k], a, 1e-8)
    else:
        e = 1e-6
        ahead, behind = (reference({k: a + s * e for k, a in plain.items()}, *given) for s in (1, -1))
        for k, a in found[1].items():
            expected = (ahead[k] - behind[k]) / (2 * e)
            np.testing.assert_allclose(a, expected, rtol=1e-3, atol=1e-4 * np.abs(expected).max())
    del found
    times = []
    for _ in range(rounds):
        start = time.process_time()  # one thread: a slow spell of the machine falls on one way alone
        ask(xs, targets)
        times.append(time.process_time() - start)
    return {"times": times, "peak": (peak - base) / MB}


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--steps", type=int, default=STEPS)
    p.add_argument("--rounds", type=int, default=5)
    p.add_argument("--order", choices=("1", "2", "all"), default="all")
    p.add_argument("--child", nargs=2, help=argparse.SUPPRESS)
    args = p.parse_args()
    if args.child:
        print(json.dumps(child(*args.child, args.steps, args.rounds)))
        return
    state = BATCH * HIDDEN * 8 / MB
    print(f"gradient of a recurrent net, {args.steps} steps, one state {state:.4f} MB")
    print(f"  {'order':<14}{'states kept':<13}{'best s':>8}{'median s':>10}{'peak MB':>10}{'time':>9}{'memory':>9}")
    for order, name in (("1", "gradient"), ("2", "second order")):
        if args.order not in (order, "all"):
            continue
        first = None
        for way in (*WAYS, "loop"):
            rest = ("--child", way, order, "--steps", args.steps, "--rounds")
            got = subprocess_json(*rest, args.rounds)
            kept = subprocess_json(*rest, 0, MALLOC_MMAP_THRESHOLD_="65536")
            if not got or not kept:
                continue
            got["peak"] = kept["peak"]
            first = first or got
            best, median = min(got["times"]), statistics.median(got["times"])
            print(
                f"  {name:<14}{way:<13}{best:>8.3f}{median:>10.3f}{got['peak']:>10.1f}"
                f"{best / min(first['times']):>8.2f}x{got['peak'] / first['peak']:>8.3f}x",
                flush=True,
            )


if __name__ == "__main__":
    main()
