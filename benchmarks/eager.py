"""Forward and backward time of 300 chained eager operations, per operation.

y = x; 100 times: y = sin(y); y = y * 1.01; y = y + 0.1; loss = sum(y).
float64, on a scalar and on vectors of 10, 100 and 1000 elements.

Three tables per size: the forward pass with no tape, the forward pass while it
is recorded, and the forward pass with the gradient of the loss.
"""

import harness  # first: it sets the thread counts
import numpy as np

A, B, TIMES = 1.01, 0.1, 100
OPS = 3 * TIMES


def chain(sin, y):
    for _ in range(TIMES):
        y = sin(y)
        y = y * A
        y = y + B
    return y


def reference(x):
    y, g = x, np.ones_like(x)
    for _ in range(TIMES):
        g = g * np.cos(y) * A
        y = np.sin(y) * A + B
    return y.sum(), g


def tape_library(lib, x, sum_):
    """gradtape and TensorFlow: the same program with each library's names."""

    def forward():
        return sum_(chain(lib.sin, x))

    def record():
        with lib.GradientTape() as tape:
            tape.watch(x)
            loss = sum_(chain(lib.sin, x))
        return loss

    def gradient():
        with lib.GradientTape() as tape:
            tape.watch(x)
            loss = sum_(chain(lib.sin, x))
        return tape.gradient(loss, x)

    return forward, record, gradient


def gradtape(gt, data):
    return tape_library(gt, gt.asarray(data), gt.sum)


def tensorflow(tf, data):
    return tape_library(tf, tf.constant(data), tf.reduce_sum)


def torch(torch, data):
    plain = torch.tensor(data)
    x = torch.tensor(data, requires_grad=True)

    def forward():
        return torch.sum(chain(torch.sin, plain))

    def record():
        return torch.sum(chain(torch.sin, x)).detach()

    def gradient():
        return torch.autograd.grad(torch.sum(chain(torch.sin, x)), x)[0]

    return forward, record, gradient


def jax(jax, data):
    jnp = jax.numpy
    x = jnp.asarray(data)

    def loss(x):
        return jnp.sum(chain(jnp.sin, x))

    grad = jax.grad(loss)
    return (
        lambda: loss(x).block_until_ready(),
        None,
        lambda: grad(x).block_until_ready(),
    )


def autograd(autograd, data):
    import autograd.numpy as anp

    def loss(x):
        return anp.sum(chain(anp.sin, x))

    grad = autograd.grad(loss)
    # numpy turns a 0-d array into a scalar at the first operation; a python
    # float is what autograd itself takes for a scalar.
    x = data if data.ndim else float(data)
    return lambda: loss(x), None, lambda: grad(x)


def main():
    p = harness.parser(__doc__)
    p.add_argument("--sizes", default="0,10,100,1000", help="0 is a scalar (default: %(default)s)")
    args = p.parse_args()
    libs = harness.load_all(args.only)
    for size in map(int, args.sizes.split(",")):
        data = np.linspace(0.2, 0.9, size) if size else np.array(0.5)
        value, grad = reference(data)
        forward, record, gradient = {}, {}, {}
        for name, lib in libs.items():
            f, r, g = globals()[name](lib, data)
            harness.check(f"{name} loss", f(), value)
            harness.check(f"{name} gradient", g(), grad)
            forward[name], gradient[name] = f, g
            if r is not None:
                harness.check(f"{name} recorded loss", r(), value)
                record[name] = r
        label = f"{size} elements" if size else "scalar"
        for title, cases in (
            ("forward, no tape", forward),
            ("forward, recorded", record),
            ("forward + backward", gradient),
        ):
            harness.report(f"{label}: {title}", harness.measure(cases, args.rounds), per=OPS)


if __name__ == "__main__":
    main()
