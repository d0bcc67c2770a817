"""Compiled derivatives on XLA beside jax.jit's: steady state, and until the first compiled answer is there.

Workloads, all float64 on one CPU thread: the gradient of an MLP (2x512, batch 256), a Hessian-vector product of an MLP
with 10^6 parameters, the dense Hessian of an MLP loss with 1,000 parameters, a PINN step with fourth derivatives in x,
and objectives after ADBench: GMM (d=10, k=25, n=1,000), BA (reprojection errors of 2,000 observations), LSTM (2 layers,
14 characters, 100 steps).  Both libraries compute the same numbers, which is checked.

"first" is everything from the function to the first answer of the compiled program: for gradtape the recorded eager
call, the sweep, simplifying, tracing and compiling; for JAX tracing, transforming and compiling.
"""

import harness  # first: it sets the thread counts
import time
from itertools import pairwise

import numpy as np

RNG = np.random.default_rng(0)


def mlp(xp, params, x):
    for i, (w, b) in enumerate(params):
        x = x @ w + b
        x = xp.tanh(x) if i + 1 < len(params) else x
    return x


def layers(*sizes):
    return [(RNG.normal(size=(m, n)) / np.sqrt(m), np.zeros(n)) for m, n in pairwise(sizes)]


def loss(xp, params, x, y):
    d = mlp(xp, params, x) - y
    return xp.mean(d * d)


def mlp_gradient(lib):
    params, x, y = layers(64, 512, 512, 10), RNG.normal(size=(256, 64)), RNG.normal(size=(256, 10))
    return lib.grad(lambda p, x, y: loss(lib.xp, p, x, y)), (params, x, y)


def hvp(lib):
    params, x, y = layers(100, 900, 900, 100), RNG.normal(size=(64, 100)), RNG.normal(size=(64, 100))
    v = [(RNG.normal(size=w.shape), RNG.normal(size=b.shape)) for w, b in params]
    g = lib.grad(lambda p, x, y: loss(lib.xp, p, x, y))
    return lambda p, v, x, y: lib.jvp(lambda p: g(p, x, y), p, v), (params, v, x, y)


def hessian(lib):
    shapes = [(20, 30), (30,), (30, 11), (11,), (11, 2), (2,)]
    sizes = np.cumsum([int(np.prod(s)) for s in shapes])
    theta, x, y = 0.3 * RNG.normal(size=sizes[-1]), RNG.normal(size=(100, 20)), RNG.normal(size=(100, 2))

    def f(theta, x, y):
        parts = [theta[lo:hi].reshape(s) for lo, hi, s in zip([0, *sizes[:-1]], sizes, shapes, strict=True)]
        return loss(lib.xp, list(zip(parts[::2], parts[1::2], strict=True)), x, y)

    return lib.hessian(f), (theta, x, y)


def pinn(lib):
    """The gradient of the residual u'''' - sin in a beam's equation, u a small network of x."""
    params, x = layers(1, 32, 32, 1), np.linspace(0.0, 1.0, 64)

    def residual(p, x):
        def u(t):
            return mlp(lib.xp, p, t.reshape((1, 1)))[0, 0]

        r = lib.vmap(lib.fourth(u))(x) - lib.xp.sin(np.pi * x)
        return lib.xp.mean(r * r) + u(x[0]) ** 2 + u(x[-1]) ** 2

    return lib.grad(residual), (params, x)


def gmm(lib):
    d, k, n = 10, 25, 1000
    alphas, means, logs = RNG.normal(size=k), RNG.normal(size=(k, d)), 0.1 * RNG.normal(size=(k, d))
    below, x = 0.1 * RNG.normal(size=(k, d * (d - 1) // 2)), RNG.normal(size=(n, d))
    rows, columns = np.tril_indices(d, -1)
    places = np.zeros((d * (d - 1) // 2, d, d))
    places[np.arange(len(rows)), rows, columns] = 1.0
    eye = np.eye(d)
    xp = lib.xp

    def f(alphas, means, logs, below, x):
        q = xp.exp(logs)[:, :, None] * eye + xp.einsum("kl,lij->kij", below, places)
        z = xp.einsum("kij,nkj->nki", q, x[:, None, :] - means)
        inner = alphas + xp.sum(logs, axis=1) - 0.5 * xp.sum(z * z, axis=2)
        prior = 0.5 * xp.sum(xp.exp(2.0 * logs)) + 0.5 * xp.sum(below * below) - xp.sum(logs)
        return xp.sum(lib.logsumexp(inner, axis=1)) - n * lib.logsumexp(alphas, axis=0) - prior

    return lib.grad(lambda p, x: f(*p, x)), ((alphas, means, logs, below), x)


def ba(lib):
    cameras, points, n = 20, 500, 2000
    c = np.concatenate([0.1 * RNG.normal(size=(cameras, 6)), np.tile([500.0, 0.0, 0.0, 0.01, 0.001], (cameras, 1))], 1)
    p = RNG.normal(size=(points, 3)) + np.array([0.0, 0.0, 8.0])
    at, of = RNG.integers(0, cameras, n), RNG.integers(0, points, n)
    seen, xp = RNG.normal(size=(n, 2)), lib.xp

    def f(c, p):
        c, p = c[at], p[of]
        r, centre, focal, x0, kappa = c[:, :3], c[:, 3:6], c[:, 6:7], c[:, 7:9], c[:, 9:]
        angle2 = xp.sum(r * r, axis=1)[:, None]
        angle = xp.sqrt(angle2)
        axis, v = r / angle, p - centre
        cosine, sine = xp.cos(angle), xp.sin(angle)
        a = xp.stack([axis[:, 1] * v[:, 2] - axis[:, 2] * v[:, 1], axis[:, 2] * v[:, 0] - axis[:, 0] * v[:, 2],
                      axis[:, 0] * v[:, 1] - axis[:, 1] * v[:, 0]], axis=1)  # fmt: skip
        v = v * cosine + a * sine + axis * xp.sum(axis * v, axis=1)[:, None] * (1.0 - cosine)
        u = v[:, :2] / v[:, 2:]
        r2 = xp.sum(u * u, axis=1)[:, None]
        u = u * (1.0 + kappa[:, :1] * r2 + kappa[:, 1:] * r2 * r2)
        e = u * focal + x0 - seen
        return xp.sum(e * e)

    return lib.grad(lambda p: f(*p)), ((c, p),)


def lstm(lib):
    n, steps, xp = 14, 100, lib.xp
    main = [0.3 * RNG.normal(size=(2, 4 * n)) for _ in range(2)]
    extra, state, text = 0.3 * RNG.normal(size=(3, n)), 0.1 * RNG.normal(size=(2, 2, n)), RNG.random((steps, n))

    def gate(w, b, i, v):
        return v * w[i * n : (i + 1) * n] + b[i * n : (i + 1) * n]

    def turn(params, state, x):
        main, extra = params
        h, new = x * extra[0], []
        for layer in range(2):
            w, b = main[layer][0], main[layer][1]
            hidden, cell = state[layer][0], state[layer][1]
            forget, into = lib.sigmoid(gate(w, b, 0, h)), lib.sigmoid(gate(w, b, 1, hidden))
            out, change = lib.sigmoid(gate(w, b, 2, h)), xp.tanh(gate(w, b, 3, hidden))
            cell = cell * forget + into * change
            h = out * xp.tanh(cell)
            new.append(xp.stack([h, cell]))
        return xp.stack(new), h * extra[1] + extra[2]

    def f(params, state, text):
        def body(state, pair):
            state, y = turn(params, state, pair[0])
            return state, xp.sum(pair[1] * (y - xp.log(2.0 + xp.sum(xp.exp(y)))))

        _, each = lib.scan(body, state, (text[:-1], text[1:]))
        return -xp.mean(each)

    return lib.grad(f), ((main, extra), state, text)


class Gradtape:
    """The names that the workloads use, of gradtape."""

    def __init__(self, gt):
        self.gt = self.xp = gt
        self.grad, self.hessian, self.vmap = gt.grad, gt.hessian, gt.vmap
        self.scan, self.sigmoid, self.logsumexp = gt.scan, gt.sigmoid, gt.logsumexp
        self.fourth = lambda u: lambda t: gt.derivative(u, 4)(t)

    def jvp(self, f, x, v):
        return self.gt.jvp(f, (x,), (v,))[1]

    def compiled(self, f, args):
        args = self.gt.trees.tree_map(self.gt.asarray, args)
        function = self.gt.function(f, engine="xla")
        function(*args)
        wait = self.waited(function(*args))
        return (lambda: self.waited(function(*args))), wait

    @staticmethod
    def waited(y):
        import jax
        from gradtape import trees

        return jax.block_until_ready([t.device_array for t in trees.flatten(y)[0]])


class Jax:
    """The names that the workloads use, of JAX."""

    def __init__(self, jax):
        self.jax, self.xp = jax, jax.numpy
        self.grad, self.hessian, self.vmap, self.scan = jax.grad, jax.hessian, jax.vmap, jax.lax.scan
        self.sigmoid, self.logsumexp = jax.nn.sigmoid, jax.scipy.special.logsumexp
        self.fourth = lambda u: jax.grad(jax.grad(jax.grad(jax.grad(u))))

    def jvp(self, f, x, v):
        return self.jax.jvp(f, (x,), (v,))[1]

    def compiled(self, f, args):
        args = self.jax.tree.map(self.xp.asarray, args)
        function = self.jax.jit(f)
        first = self.jax.block_until_ready(self.jax.tree.leaves(function(*args)))
        return (lambda: self.jax.block_until_ready(function(*args))), first


WORKLOADS = {
    "mlp": (mlp_gradient, "gradient of an MLP, 2x512, batch 256"),
    "hvp": (hvp, "HVP of an MLP with 10^6 parameters"),
    "hessian": (hessian, "Hessian of an MLP with 1,000 parameters"),
    "pinn": (pinn, "PINN step with fourth derivatives"),
    "gmm": (gmm, "GMM gradient, d=10, k=25, n=1000"),
    "ba": (ba, "BA gradient, 2000 observations"),
    "lstm": (lstm, "LSTM gradient, 100 steps"),
}


def main():
    global RNG
    parser = harness.parser(__doc__, ("gradtape", "jax"))
    parser.add_argument("--part", default=",".join(WORKLOADS), help="workloads (default: %(default)s)")
    options = parser.parse_args()
    libs = harness.load_all(options.only)
    kinds = {"gradtape": Gradtape, "jax": Jax}
    if "jax" in libs:
        libs["jax"].jit(lambda x: x + 1.0)(1.0)  # what is made once for a process
    for name in options.part.split(","):
        make, title = WORKLOADS[name]
        cases, first, values = {}, {}, {}
        for library, module in libs.items():
            RNG = np.random.default_rng(0)
            f, args = make(kinds[library](module))
            start = time.perf_counter()
            cases[library], values[library] = kinds[library](module).compiled(f, args)
            first[library] = [time.perf_counter() - start]
        if len(libs) == 2:
            for a, b in zip(values["gradtape"], values["jax"], strict=True):
                np.testing.assert_allclose(np.asarray(a), np.asarray(b), rtol=1e-7, atol=1e-9)
        harness.report(f"{title}: first", first, unit="ms", scale=1e3)
        harness.report(f"{title}: steady", harness.measure(cases, options.rounds, limit_s=8.0), unit="us/call")


if __name__ == "__main__":
    main()
