"""Compiled programs: what a call costs, and what compiling costs.

Calls: a function of one number with 1, 10 and 100 operations (sin, multiply, add): gradtape eager without a tape, the
program of the NumPy engine, gt.function, jax.jit, and the same lines written by hand with NumPy scalars.

Latency: the gradient of 100, 500 and 2500 such operations in a row, on a number and on a vector: recording and taking
the program, printing and compiling it, and jax.jit's tracing, lowering and compiling of jax.grad.

Replay: value and gradient of 300 such operations on a number, again and again: gradtape's tape opened anew each time,
the program of one such tape, and torch eager, forward and backward.
"""

import harness  # first: it sets the thread counts
import time

import numpy as np

A, B = 1.1, -0.2


def chain(sin, x, count):
    """``count`` operations: sin, multiply, add, in turn."""
    for i in range(count):
        x = sin(x) if i % 3 == 0 else x * A if i % 3 == 1 else x + B
    return x


def by_hand(count):
    """The chain as a person would write it."""
    lines = ["def f(x):"]
    lines += [f"    x = {('np.sin(x)', f'x * {A}', f'x + {B}')[i % 3]}" for i in range(count)]
    space = {"np": np}
    exec("\n".join([*lines, "    return x"]), space)
    return space["f"]


def recorded(gt, x, count, gradient):
    """The program of the chain, or of its gradient."""
    with gt.GradientTape() as outer:
        with gt.GradientTape() as tape:
            y = chain(gt.sin, x, count)
            y = gt.sum(y) if y.ndim else y
        result = tape.gradient(y, x) if gradient else y
    return outer.program(x, result)


def called(libs, count, x=0.7):
    """The chain as each library calls it."""
    cases = {}
    if "gradtape" in libs:
        gt = libs["gradtape"]
        from gradtape.engines.numpy import compile as compiled

        tensor, raw = gt.asarray(x), [np.float64(x)]
        run, function = compiled(recorded(gt, tensor, count, False)), gt.function(lambda x: chain(gt.sin, x, count))
        cases["gradtape"] = lambda: run(raw)[0]
        cases["gt.function"] = lambda: function(tensor)
        cases["eager"] = lambda: chain(gt.sin, tensor, count)
    hand, scalar = by_hand(count), np.float64(x)
    cases["by hand"] = lambda: hand(scalar)
    if "jax" in libs:
        jax = libs["jax"]
        jitted, device = jax.jit(lambda x: chain(jax.numpy.sin, x, count)), jax.numpy.asarray(x)
        cases["jax.jit"] = lambda: jitted(device).block_until_ready()
    for name, case in cases.items():
        result = case()
        harness.check(name, result.numpy() if hasattr(result, "numpy") else result, hand(scalar))
    return cases


def calls(libs, rounds):
    for count in (1, 10, 100):
        harness.report(
            f"a call of {count} operations on a number", harness.measure(called(libs, count), rounds), unit="us/call"
        )


def latency(libs, counts, repeats):
    for x in (0.7, np.linspace(0.0, 1.0, 10)):
        for count in counts:
            times, steps = {}, 0
            for _ in range(repeats):
                if "gradtape" in libs:
                    gt = libs["gradtape"]
                    from gradtape.engines.numpy import compile as compiled

                    start = time.perf_counter()
                    program = recorded(gt, gt.asarray(x), count, True)
                    middle = time.perf_counter()
                    run = compiled(program)
                    done = time.perf_counter()
                    times.setdefault("record", []).append(middle - start)
                    times.setdefault("print+compile", []).append(done - middle)
                    times.setdefault("gradtape", []).append(done - start)
                    steps, found = len(program.steps), run([np.asarray(x)[()]])[0]
                if "jax" in libs:
                    jax = libs["jax"]

                    def total(x, jax=jax, count=count):
                        return jax.numpy.sum(chain(jax.numpy.sin, x, count))

                    start = time.perf_counter()
                    run = jax.jit(jax.grad(total)).lower(jax.numpy.asarray(x)).compile()
                    times.setdefault("jax.jit", []).append(time.perf_counter() - start)
                    if "gradtape" in libs:
                        harness.check("gradient", run(jax.numpy.asarray(x)), found)
            title = f"first call of the gradient of {count} operations, {np.size(x)} numbers ({steps} steps)"
            harness.report(title, times, unit="ms", scale=1e3)


def replays(libs, rounds, count=300, x=0.7):
    cases, found = {}, {}
    if "gradtape" in libs:
        gt = libs["gradtape"]
        from gradtape.engines.numpy import compile as compiled

        tensor, raw = gt.asarray(x), [np.float64(x), np.float64(1.0)]
        with gt.GradientTape() as tape:
            y = chain(gt.sin, tensor, count)
        run = compiled(tape.program(tensor, y).vjp().simplified())

        def eager():
            with gt.GradientTape() as tape:
                y = chain(gt.sin, tensor, count)
            return tape.gradient(y, tensor)

        cases["program"], cases["eager"] = (lambda: run(raw)), eager
        found["program"], found["eager"] = run(raw)[1], eager().numpy()
    if "torch" in libs:
        torch = libs["torch"]
        leaf = torch.tensor(x, dtype=torch.float64, requires_grad=True)

        def both():
            return torch.autograd.grad(chain(torch.sin, leaf, count), leaf)[0]

        cases["torch"] = both
        found["torch"] = both().numpy()
    expected = next(iter(found.values()))
    for name, value in found.items():
        harness.check(name, value, expected)
    harness.report(
        f"value and gradient of {count} operations on a number", harness.measure(cases, rounds), unit="us/call"
    )


def main():
    parser = harness.parser(__doc__, ("gradtape", "jax", "torch"))
    parser.add_argument("--part", choices=["calls", "latency", "replay", "all"], default="all")
    parser.add_argument("--counts", default="100,500,2500", help="operations for the latency (default: %(default)s)")
    parser.add_argument("--repeats", type=int, default=3, help="times each program is compiled (default: %(default)s)")
    options = parser.parse_args()
    libs = harness.load_all(options.only)
    if options.part in ("calls", "all"):
        calls(libs, options.rounds)
    if options.part in ("replay", "all"):
        replays(libs, options.rounds)
    if options.part in ("latency", "all"):
        latency(libs, [int(c) for c in options.counts.split(",")], options.repeats)


if __name__ == "__main__":
    main()
