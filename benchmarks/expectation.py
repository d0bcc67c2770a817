"""Greeks of an Asian call by Monte Carlo, compiled: 100,000 paths of 50 steps.

The price and all first derivatives (spot, volatility, rate) path by path: `gt.function` of `gt.expectation` and a tape
around it, beside `jax.jit(jax.value_and_grad(...))` of the same program. Then the price alone, and the price with the
first derivatives and gamma by gradtape's estimators that get gamma right (JAX has none: path by path gamma is 0).

With `--draws fresh` (the default) every call draws anew, by each library's own generator; with `--draws kept` the draws
are made before, a constant of gradtape's program (a fixed seed) and an argument of JAX's, and the numbers are checked
against each other.

Every case runs in one process, interleaved, on one thread.
"""

import harness  # first: it sets the thread counts
import numpy as np

STRIKE, MATURITY = 100.0, 1.0
AT = (100.0, 0.2, 0.05)


def payoff(xp, cumsum, s, sigma, rate, z):
    steps = z.shape[1]
    dt = MATURITY / steps
    times = dt * np.arange(1, steps + 1)
    paths = s * xp.exp((rate - 0.5 * sigma * sigma) * times + sigma * dt**0.5 * cumsum(z))
    return xp.exp(-rate * MATURITY) * xp.maximum(xp.mean(paths, axis=1) - STRIKE, 0.0)


def gradtape(gt, samples, steps, engine, fresh):
    law = gt.stochastic.Normal(np.zeros(steps), 1.0)

    def price(s, sigma, rate, estimator, coordinate=None):
        def f(z):
            return payoff(gt, lambda x: gt.cumsum(x, axis=1), s, sigma, rate, z)

        return gt.expectation(
            f, law, samples=samples, seed=None if fresh else 7, estimator=estimator, coordinate=coordinate
        )

    def first(estimator):
        def run(*at):
            with gt.GradientTape() as tape:
                y = price(*at, estimator)
            return [y, *tape.gradient(y, list(at))]

        return run

    def second(estimator, coordinate=None):
        def run(*at):
            with gt.GradientTape() as outer:
                with gt.GradientTape() as tape:
                    y = price(*at, estimator, coordinate)
                slopes = tape.gradient(y, list(at))
            return [y, *slopes, outer.gradient(slopes[0], at[0])]

        return run

    at = tuple(gt.asarray(x) for x in AT)
    cases = {
        "gradtape": first("pathwise"),
        "price alone": lambda *at: [price(*at, "pathwise")],
        "gamma, p.-s.": second("pathwise-then-score"),
        "gamma, p.-s. 0": second("pathwise-then-score", 0),
        "gamma, score": second("score"),
        "gamma, pre.": second("preintegration"),
    }
    compiled = {name: gt.function(f, engine=engine) for name, f in cases.items()}
    z = law.sample(samples, seed=7)
    return {name: (lambda f=f: [float(x) for x in f(*at)]) for name, f in compiled.items()}, np.asarray(z)


def jax(jax, z, fresh):
    jnp = jax.numpy
    z, key = jnp.asarray(z), jax.random.key(0)
    calls = iter(range(10**9))

    def price(s, sigma, rate, z):
        return jnp.mean(payoff(jnp, lambda x: jnp.cumsum(x, axis=1), s, sigma, rate, z))

    f = jax.jit(jax.value_and_grad(price, argnums=(0, 1, 2)))

    def drawn(s, sigma, rate, number):
        normal = jax.random.normal(jax.random.fold_in(key, number), z.shape, z.dtype)
        return jax.value_and_grad(price, argnums=(0, 1, 2))(s, sigma, rate, normal)

    g = jax.jit(drawn)

    def run():
        value, slopes = g(*AT, next(calls)) if fresh else f(*AT, z)
        return [float(value), *map(float, slopes)]

    return run


def main():
    parser = harness.parser(__doc__, ("gradtape", "jax"))
    parser.add_argument("--samples", type=int, default=100_000)
    parser.add_argument("--steps", type=int, default=50)
    parser.add_argument("--engine", default="auto", help="numpy, xla or auto (default)")
    parser.add_argument("--without", default="", help="cases to leave out, comma-separated")
    parser.add_argument("--draws", default="fresh", choices=("fresh", "kept"))
    args = parser.parse_args()
    libs = harness.load_all(args.only)
    cases, z = gradtape(libs["gradtape"], args.samples, args.steps, args.engine, args.draws == "fresh")
    if "jax" in libs:
        cases = {"jax": jax(libs["jax"], z, args.draws == "fresh"), **cases}
    cases = {name: run for name, run in cases.items() if name not in args.without.split(",")}
    found = {name: run() for name, run in cases.items()}
    for name, values in found.items():
        print(f"  {name:<14}" + "  ".join(f"{v:.6g}" for v in values))
    if "jax" in found and args.draws == "kept":
        harness.check("first derivatives", found["gradtape"], found["jax"], 1e-9)
    times = harness.measure(cases, args.rounds, limit_s=60.0)
    title = f"{args.samples} paths of {args.steps} steps, price and three first derivatives (and gamma)"
    harness.report(title, times, unit="ms", scale=1e3)
    alone = min(times["price alone"])
    for name in cases:
        print(f"  {name:<14} takes {min(times[name]) / alone:.2f} times the price alone")


if __name__ == "__main__":
    main()
