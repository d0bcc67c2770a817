"""The XLA engine: what compiling and calling cost beside jax.jit, and where auto changes over.

Latency: the gradient of 100, 500 and 2,500 operations (sin, multiply, add) in a row on ten numbers, from the Python
function to the compiled program: recording, sweeping, simplifying, tracing, compiling, beside jax.jit(jax.grad(f)).

Calls: the same chain of 10 and 100 operations on ten numbers through gt.function on both engines, and through jax.jit.

Sizes: the engines side by side over the number of elements, which is what ``engine="auto"`` goes by.
"""

import harness  # first: it sets the thread counts
import time

import numpy as np


def chain(sin, x, count):
    for i in range(count):
        x = sin(x) if i % 3 == 0 else x * 1.1 if i % 3 == 1 else x + -0.2
    return x


def compiled(gt, f, x):
    """The compiled program of ``f`` as gt.function makes it, called once."""
    function = gt.function(f, engine="xla")
    function(x)
    function(x).device_array.block_until_ready()
    return function


def twins(libs, count, derive):
    """The chain, or the gradient of its sum, in both libraries."""
    gt, jax = libs["gradtape"], libs["jax"]
    f, g = lambda x: chain(gt.sin, x, count), lambda x: chain(jax.numpy.sin, x, count)
    return (gt.grad(lambda x: gt.sum(f(x))), jax.grad(lambda x: jax.numpy.sum(g(x)))) if derive else (f, g)


def latency(libs, counts, repeats):
    gt, jax = libs["gradtape"], libs["jax"]
    compiled(gt, lambda x: x + 1.0, gt.asarray(1.0))
    jax.jit(lambda x: x + 1.0)(1.0)
    x = np.linspace(0.0, 1.0, 10)
    for count in counts:
        times = {"gradtape": [], "jax": []}
        for _ in range(repeats):
            f, g = twins(libs, count, True)
            start = time.perf_counter()
            f = compiled(gt, f, gt.asarray(x))
            times["gradtape"].append(time.perf_counter() - start)
            start = time.perf_counter()
            found = jax.jit(g)(x).block_until_ready()
            times["jax"].append(time.perf_counter() - start)
            harness.check("gradient", f(gt.asarray(x)), found)
        harness.report(f"first compiled gradient of {count} operations", times, unit="ms", scale=1e3)


def calls(libs, rounds):
    gt, jax = libs["gradtape"], libs["jax"]
    x = np.linspace(0.0, 1.0, 10)
    tensor, device = gt.asarray(x), jax.numpy.asarray(x)
    for count in (10, 100):
        f, g = twins(libs, count, False)
        cases = {
            "gradtape": called(compiled(gt, f, tensor), tensor),
            "numpy engine": called(gt.function(f, engine="numpy"), tensor),
            "jax": called(jax.jit(g), device),
        }
        harness.report(f"a call of {count} operations on ten numbers", harness.measure(cases, rounds), unit="us/call")


def called(f, x):
    return lambda: waited(f(x))


def waited(y):
    """The result, when it is there."""
    y = getattr(y, "device_array", y)
    return y.block_until_ready() if hasattr(y, "block_until_ready") else y


def sizes(libs, rounds):
    gt = libs["gradtape"]
    functions = {
        "exp, sin, products": lambda x: gt.sum(gt.exp(-x * x) * gt.sin(x) + x * x * x),
        "its gradient": gt.grad(lambda x: gt.sum(gt.exp(-x * x) * gt.sin(x) + x * x * x)),
        "products and sums": lambda x: gt.sum((x * x + x - 2.0) * x + 0.5 * x * x),
    }
    print("\nengines by size: elements, bytes moved by a call, NumPy's time, XLA's time, XLA's gain")
    for name, f in functions.items():
        for n in (100, 1_000, 10_000, 100_000, 1_000_000):
            x = gt.asarray(np.linspace(-1.0, 1.0, n))
            made = {engine: gt.function(f, engine=engine) for engine in ("numpy", "xla")}
            times = harness.measure({engine: called(g, x) for engine, g in made.items()}, rounds)
            a, b = (min(times[engine]) * 1e6 for engine in made)
            moved = next(iter(made["xla"].kinds.values())).paths[0].program.cost().bytes / 1e6
            print(f"  {name:<20}{n:>9}{moved:>10.3f} MB{a:>10.0f} us{b:>10.0f} us{a / b:>8.2f}x")


def main():
    parser = harness.parser(__doc__, ("gradtape", "jax"))
    parser.add_argument("--part", choices=["latency", "calls", "sizes", "all"], default="all")
    parser.add_argument("--counts", default="100,500,2500", help="operations for the latency (default: %(default)s)")
    parser.add_argument("--repeats", type=int, default=3, help="times each is compiled (default: %(default)s)")
    options = parser.parse_args()
    libs = harness.load_all(options.only)
    if options.part in ("latency", "all"):
        latency(libs, [int(c) for c in options.counts.split(",")], options.repeats)
    if options.part in ("calls", "all"):
        calls(libs, options.rounds)
    if options.part in ("sizes", "all"):
        sizes(libs, min(options.rounds, 12))


if __name__ == "__main__":
    main()
