"""Eager Hessians of a function of 30 operations, of n = 3, 30, 100 and 300 elements.

    h = A sin(x);  5 times: h = tanh(a h + x) x + 0.1;  y = sum(0.5 h h)

gradtape's hessian, TensorFlow's nested tapes with tape.jacobian (by pfor and by its
loop, both eager), torch.func.hessian, torch.autograd.functional.hessian (by a loop,
and vectorized), and jax.hessian without jit (and once with it, its compile time left
out). All compute the whole matrix; each is checked against a closed form in NumPy.
"""

import harness  # first: it sets the thread counts

import numpy as np

COEFFICIENTS = (1.1, 0.9, 0.7, 1.3, 0.8)


def function(lib, total, matrix, times):
    """The function in a library's own operations: 2 + 5 * 5 + 3 = 30 of them."""

    def f(x):
        h = times(matrix, lib.sin(x))
        for a in COEFFICIENTS:
            h = lib.tanh(h * a + x) * x + 0.1
        h = h * h
        return total(h * 0.5)

    return f


def gradtape(gt, a, x):
    f = function(gt, gt.sum, gt.asarray(a), lambda a, h: a @ h)
    hessian, x = gt.hessian(f), gt.asarray(x)
    return {"gradtape": lambda: hessian(x).data}


def tensorflow(tf, a, x):
    f = function(tf, tf.reduce_sum, tf.constant(a), tf.linalg.matvec)
    x = tf.constant(x)

    def by(pfor):
        def call():
            with tf.GradientTape(persistent=not pfor) as outer:
                outer.watch(x)
                with tf.GradientTape() as inner:
                    inner.watch(x)
                    y = f(x)
                g = inner.gradient(y, x)
            return outer.jacobian(g, x, experimental_use_pfor=pfor).numpy()

        return call

    return {"tf pfor": by(True), "tf loop": by(False)}


def torch(torch, a, x):
    f = function(torch, torch.sum, torch.tensor(a), lambda a, h: a @ h)
    x = torch.tensor(x)
    functional = torch.autograd.functional.hessian
    return {
        "torch.func": lambda: torch.func.hessian(f)(x).numpy(),
        "torch loop": lambda: functional(f, x).numpy(),
        "torch vect.": lambda: functional(f, x, vectorize=True).numpy(),
    }


def jax(jax, a, x):
    f = function(jax.numpy, jax.numpy.sum, jax.numpy.asarray(a), lambda a, h: a @ h)
    x = jax.numpy.asarray(x)
    jitted = jax.jit(jax.hessian(f))
    return {"jax": lambda: np.asarray(jax.hessian(f)(x)), "jax_jit": lambda: np.asarray(jitted(x))}


def reference(a, x):
    """The Hessian in closed form: the chain of Jacobians of h, diagonal but for A, and their slopes, by hand."""
    # h = t(A sin x, x); per element i, u = (h_i, dh_i/ds, dh_i/dx, second derivatives) along s = (A sin x)_i and x_i.
    s = a @ np.sin(x)
    h, hs, hx = s, np.ones_like(s), np.zeros_like(s)
    hss, hsx, hxx = np.zeros_like(s), np.zeros_like(s), np.zeros_like(s)
    for c in COEFFICIENTS:
        t = np.tanh(h * c + x)
        d, dd = 1 - t * t, -2 * t * (1 - t * t)
        us, ux = c * hs, c * hx + 1
        tss, tsx, txx = dd * us * us + d * c * hss, dd * us * ux + d * c * hsx, dd * ux * ux + d * c * hxx
        h, hs, hx = t * x + 0.1, d * us * x, d * ux * x + t
        hss, hsx, hxx = tss * x, tsx * x + d * us, txx * x + 2 * d * ux
    # y = sum h^2 / 2
    yss, ysx, yxx, ys = hs * hs + h * hss, hs * hx + h * hsx, hx * hx + h * hxx, h * hs
    j = a * np.cos(x)  # ds/dx
    mixed = ysx[:, None] * j
    return j.T @ (yss[:, None] * j) + mixed + mixed.T + np.diag(yxx - (a.T @ ys) * np.sin(x))


def main():
    p = harness.parser(__doc__, ("gradtape", "tensorflow", "torch", "jax"))
    p.add_argument("--sizes", default="3,30,100,300")
    args = p.parse_args()
    libs = harness.load_all(args.only)
    for n in map(int, args.sizes.split(",")):
        rng = np.random.default_rng(0)
        a, x = rng.normal(size=(n, n)) / np.sqrt(n), rng.uniform(0.3, 0.9, n)
        expected = reference(a, x)
        cases = {}
        for name, lib in libs.items():
            cases.update(globals()[name](lib, a, x))
        for name, case in cases.items():
            np.testing.assert_allclose(case(), expected, rtol=0, atol=1e-10 * np.abs(expected).max(), err_msg=name)
        times = harness.measure(cases, args.rounds, limit_s=4.0)
        harness.report(f"n = {n}: Hessian", times, unit="us")
        if "gradtape" in times:
            best = {name: min(values) for name, values in times.items()}
            faster = [f"{name} {t / best['gradtape']:.1f}x" for name, t in best.items() if name != "gradtape"]
            print("  times of the others in gradtape's:", ", ".join(faster))


if __name__ == "__main__":
    main()
