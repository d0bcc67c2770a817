"""Derivatives of order 1 to 12 along a line: one Taylor sweep beside the nesting of first derivatives.

The k-th derivative at a number of sin(exp(tanh x)) * x**2, and of a network of 3
layers with tanh: gradtape's `derivative`, jax.experimental.jet, and nested first
derivatives by TensorFlow's tapes and torch.autograd.grad, each as it is (eager).
Values are checked against mpmath in 60 digits: its own differences, and for the
network the recurrence of tanh. Nesting grows exponentially: a library stops after
the order whose call takes longer than `--limit`.

At the end: how many of gradtape's times the others take, order by order, and the
power of k that fits the growth from the middle to the highest order.
"""

import harness  # first: it sets the thread counts
import itertools
import math

import numpy as np

WIDTH = 32


def weights(seed=0):
    rng = np.random.default_rng(seed)
    sizes = [1, WIDTH, WIDTH, 1]
    return [(rng.normal(size=(m, n)) * 0.7 / m**0.5, rng.normal(size=n) * 0.3) for m, n in itertools.pairwise(sizes)]


def functions(lib, asarray, reshape):
    """The two functions of a number, in one library's words."""
    layers = [(asarray(w), asarray(b)) for w, b in weights()]

    def program(x):
        return lib.sin(lib.exp(lib.tanh(x))) * x**2

    def network(x):
        h = reshape(x, (1, 1))
        for w, b in layers[:-1]:
            h = lib.tanh(h @ w + b)
        w, b = layers[-1]
        return reshape(h @ w + b, ())

    return {"sin(exp(tanh x)) * x**2": program, f"3 layers of {WIDTH}, tanh": network}


def by_nesting(gradient, f, k):
    """x -> the k-th derivative, by k first derivatives within each other."""

    def derivative(x):
        return f(x) if k == 0 else gradient(by_nesting(gradient, f, k - 1), x)

    return derivative


def gradtape(gt, point):
    x = gt.asarray(point)
    return {
        name: lambda k, f=f: lambda: gt.derivative(f, k)(x) for name, f in functions(gt, gt.asarray, gt.reshape).items()
    }


def tensorflow(tf, point):
    x = tf.constant(point)

    def gradient(f, x):
        with tf.GradientTape() as tape:
            tape.watch(x)
            y = f(x)
        return tape.gradient(y, x)

    made = functions(tf, tf.constant, tf.reshape)
    return {name: lambda k, f=f: lambda: by_nesting(gradient, f, k)(x) for name, f in made.items()}


def torch(torch, point):
    def cases(f):
        def derivative(k):
            x = torch.tensor(point, requires_grad=True)

            def call():
                y = f(x)
                for order in range(1, k + 1):
                    (y,) = torch.autograd.grad(y, x, create_graph=order < k)
                return y.detach()

            return call

        return derivative

    return {name: cases(f) for name, f in functions(torch, torch.tensor, torch.reshape).items()}


def jax(jax, point):
    from jax.experimental.jet import jet

    jnp = jax.numpy
    x = jnp.asarray(point)
    one, zero = jnp.ones_like(x), jnp.zeros_like(x)

    def cases(f):
        return lambda k: lambda: jet(f, (x,), ([one] + [zero] * (k - 1),))[1][-1].block_until_ready()

    return {name: cases(f) for name, f in functions(jnp, jnp.asarray, jnp.reshape).items()}


# -- the truth, in 60 digits --------------------------------------------------------------------------------


def product(a, b):
    return [mp.fsum(a[j] * b[k - j] for j in range(k + 1)) for k in range(len(a))]


def tanh_series(x):
    """k y[k] = sum_j j x[j] (1 - y^2)[k - j]."""
    y = [mp.tanh(x[0])]
    for k in range(1, len(x)):
        g = [-c for c in product(y, y)]
        g[0] += 1
        y.append(mp.fsum(j * x[j] * g[k - j] for j in range(1, k + 1)) / k)
    return y


def truth(order, point):
    """The derivatives 0 .. order of both functions, of the network by power series."""
    first = [
        c * mp.factorial(k) for k, c in enumerate(mp.taylor(lambda x: mp.sin(mp.exp(mp.tanh(x))) * x**2, point, order))
    ]
    h = [[mp.mpf(point), mp.mpf(1), *[mp.mpf(0)] * (order - 1)]]
    layers = weights()
    for i, (w, b) in enumerate(layers):
        sums = [[mp.fsum(w[r, c] * h[r][k] for r in range(len(h))) for k in range(order + 1)] for c in range(len(b))]
        for c, series in enumerate(sums):
            series[0] += b[c]
        h = [tanh_series(s) for s in sums] if i < len(layers) - 1 else sums
    return [first, [c * mp.factorial(k) for k, c in enumerate(h[0])]]


def growth(best):
    """From the best times of each order: the exponent of the power of k that fits the last half."""
    orders = sorted(best)
    orders = orders[len(orders) // 2 :]
    return np.polyfit(np.log(orders), np.log([best[k] for k in orders]), 1)[0] if len(orders) > 1 else math.nan


def main():
    p = harness.parser(__doc__, ("gradtape", "tensorflow", "torch", "jax"))
    p.add_argument("--orders", type=int, default=12, help="highest order (default: %(default)s)")
    p.add_argument("--limit", type=float, default=2.0, help="seconds a call may take (default: %(default)s)")
    p.add_argument("--point", type=float, default=0.3, help="where (default: %(default)s)")
    args = p.parse_args()
    libs = harness.load_all(args.only)
    made = {name: globals()[name](lib, np.float64(args.point)) for name, lib in libs.items()}
    for title, exact in zip(next(iter(made.values())), truth(args.orders, args.point), strict=True):
        best = {name: {} for name in libs}
        running = list(libs)
        for k in range(1, args.orders + 1):
            cases = {name: made[name][title](k) for name in running}
            for name, case in cases.items():
                harness.check(f"{name}, order {k}", case(), float(exact[k]))
            times = harness.measure(cases, args.rounds, limit_s=2.0)
            harness.report(f"{title}: derivative of order {k}", times, unit="us")
            for name, values in times.items():
                best[name][k] = min(values)
            running = [name for name in running if best[name][k] < args.limit]
        print(f"\n{title}: time over gradtape's, best of order")
        orders = range(1, args.orders + 1)
        print(f"  {'':<12}" + "".join(f"{k:>9}" for k in orders) + "   grows like")
        for name, found in best.items():
            ratios = [f"{found[k] / best['gradtape'][k]:>8.1f}x" if k in found else f"{'-':>9}" for k in orders]
            print(f"  {name:<12}" + "".join(ratios) + f"   k^{growth(found):.1f}")


if __name__ == "__main__":
    import mpmath

    mp = mpmath.mp.clone()
    mp.dps = 60
    main()
