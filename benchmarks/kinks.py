"""What looking for kinks of means over random draws costs: its share of the calls that ask for a derivative.

Nested derivatives of sin(exp(tanh x)) * x**2 on 10 elements; a gradient and a Hessian-vector product of a network of
four layers with relu; the same with noise; a loss of noise that is written with a comparison.  "no draws": in a process
that never made one, where a question asks nothing more than that; "draws": in one that did.
"""

import harness  # first: it sets the thread counts
import time

import numpy as np


def cases(gt):
    x = gt.asarray(np.linspace(0.2, 0.9, 10))
    rng = np.random.default_rng(0)
    weights = [gt.Variable(rng.normal(size=(32, 32)) / 6) for _ in range(4)]
    data = rng.normal(size=(64, 32))
    noise = gt.random.default_rng(0)

    def nested(order):
        if order == 0:
            return gt.sin(gt.exp(gt.tanh(x))) * x**2
        with gt.GradientTape() as tape:
            y = nested(order - 1)
        return tape.gradient(y, x)

    def network(x):
        for w in weights:
            x = gt.relu(x @ w)
        return x

    def train(loss):
        with gt.GradientTape() as tape:
            y = loss()
        return tape.gradient(y, weights)

    def product():
        with gt.GradientTape() as tape:
            y = gt.sum(network(data) ** 2)
        return tape.hvp(y, weights, [w.numpy() for w in weights])

    def noisy(choice):
        r = network(data + 0.1 * noise.normal(size=data.shape)) - 1.0
        return gt.mean(gt.where(abs(r) < 0.5, r * r, abs(r) - 0.25) if choice else r * r)

    return {
        "order 1": lambda: nested(1),
        "order 2": lambda: nested(2),
        "order 4": lambda: nested(4),
        "network": lambda: train(lambda: gt.sum(network(data) ** 2)),
        "network, H v": product,
        "network with noise": lambda: train(lambda: noisy(False)),
        "noise and a comparison": lambda: train(lambda: noisy(True)),
    }


def main():
    args = harness.parser(__doc__, libs=("gradtape",)).parse_args()
    gt = harness.load_all(args.only)["gradtape"]
    from gradtape.answering import Answers
    from gradtape.record import draws

    looks, spent = Answers._check, [0.0]

    def timed(self, *rest):
        start = time.perf_counter()
        looks(self, *rest)
        spent[0] += time.perf_counter() - start

    Answers._check = timed
    print(f"{'share of the call':24}{'no draws':>10}{'draws':>10}")
    for name, call in cases(gt).items():
        shares = []
        for seen in (False, True):
            best = np.inf
            for _ in range(args.rounds):
                draws._seen[0] = seen
                spent[0], start = 0.0, time.perf_counter()
                for _ in range(32):
                    call()
                    draws._seen[0] = seen
                best = min(best, spent[0] / (time.perf_counter() - start))
            shares.append("-" if "noise" in name and not seen else f"{100 * best:.2f} %")
        print(f"{name:24}{shares[0]:>10}{shares[1]:>10}")


if __name__ == "__main__":
    main()
