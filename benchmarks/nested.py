"""Nested tapes: what they record, and derivatives of order 1 to 6 by nesting.

Entries: a chain of 300 operations under 1, 2 and 5 open tapes of gradtape; the
entries that each tape answers for, how many there are in all, and the time per
operation. One entry per operation, however many tapes are open, means that the
last tape's number is the total and that the time does not grow.

Orders: the k-th derivative of sin(exp(tanh x)) * x**2 at each element of x by
k nested tapes (torch: create_graph; JAX and autograd: nested grad), against the
derivative by Cauchy's integral.
"""

import harness  # first: it sets the thread counts
import contextlib
import math

import numpy as np


def cauchy(k, x, radius=0.7, points=64):
    """The k-th derivative at x from values on a circle in the complex plane."""
    w = np.exp(2j * np.pi * np.arange(points) / points)
    z = np.asarray(x)[..., None] + radius * w
    values = np.sin(np.exp(np.tanh(z))) * z**2
    return math.factorial(k) / radius**k * np.real(np.mean(values * w**-k, axis=-1))


def by_tapes(lib):
    def f(x):
        return lib.sin(lib.exp(lib.tanh(x))) * x**2

    def derivative(k, x):
        if k == 0:
            return f(x)
        with lib.GradientTape() as tape:
            tape.watch(x)
            y = derivative(k - 1, x)
        return tape.gradient(y, x)

    return derivative


def gradtape(gt, data):
    derivative, x = by_tapes(gt), gt.asarray(data)
    return lambda k: lambda: derivative(k, x)


def tensorflow(tf, data):
    derivative, x = by_tapes(tf), tf.constant(data)
    return lambda k: lambda: derivative(k, x)


def torch(torch, data):
    def derivative(k):
        x = torch.tensor(data, requires_grad=True)

        def call():
            y = torch.sin(torch.exp(torch.tanh(x))) * x**2
            for order in range(1, k + 1):
                (y,) = torch.autograd.grad(y.sum(), x, create_graph=order < k)
            return y

        return call

    return derivative


def nested_grad(grad, np_, data, wrap=lambda f: f):
    def f(x):
        return np_.sin(np_.exp(np_.tanh(x))) * x**2

    def derivative(k):
        g = f
        for _ in range(k):
            g = grad(lambda x, g=g: np_.sum(g(x)))
        g = wrap(g)
        return lambda: g(data)

    return derivative


def jax(jax, data, wrap=lambda f: f):
    derivative = nested_grad(jax.grad, jax.numpy, jax.numpy.asarray(data), wrap)

    def order(k):
        call = derivative(k)
        return lambda: call().block_until_ready()

    return order


def jax_jit(jax_, data):
    return jax(jax_, data, jax_.jit)


def autograd(autograd, data):
    import autograd.numpy as anp

    return nested_grad(autograd.grad, anp, data if data.ndim else float(data))


def entries(gt, rounds):
    x = gt.asarray(np.linspace(0.2, 0.9, 10))

    def under(count):
        tapes = [gt.GradientTape() for _ in range(count)]
        with contextlib.ExitStack() as stack:
            for tape in tapes:
                stack.enter_context(tape)
                tape.watch(x)
            y = x
            for _ in range(100):
                y = gt.sin(y)
                y = y * 1.01
                y = y + 0.1
        return tapes

    print("\nentries of a chain of 300 operations under n open tapes")
    for count in (1, 2, 5):
        print(f"  {count}: {[tape.stats()['entries'] for tape in under(count)]}")
    cases = {f"{count} open": lambda count=count: under(count) for count in (1, 2, 5)}
    times = harness.measure(cases, rounds)
    harness.report("recording, forward only, 10 elements", times, per=300, subject=None)


def main():
    p = harness.parser(__doc__)
    p.add_argument("--orders", type=int, default=6, help="highest order (default: %(default)s)")
    p.add_argument("--sizes", default="0,100", help="0 is a scalar (default: %(default)s)")
    args = p.parse_args()
    libs = harness.load_all(args.only)
    if "gradtape" in libs:
        entries(libs["gradtape"], args.rounds)
    if "jax" in libs:
        libs["jax_jit"] = libs["jax"]
    for size in map(int, args.sizes.split(",")):
        data = np.linspace(0.2, 0.9, size) if size else np.array(0.5)
        made = {name: globals()[name](lib, data) for name, lib in libs.items()}
        for k in range(1, args.orders + 1):
            cases = {name: derivative(k) for name, derivative in made.items()}
            for name, case in cases.items():
                harness.check(f"{name}, order {k}", case(), cauchy(k, data), tolerance=1e-8)
            label = f"{size} elements" if size else "scalar"
            times = harness.measure(cases, args.rounds, limit_s=2.0)
            harness.report(f"{label}: derivative of order {k}", times, unit="us")


if __name__ == "__main__":
    main()
