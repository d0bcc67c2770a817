"""Reference values for the options of greeks.md, by NumPy and SciPy alone: nothing of gradtape is used here.

    python docs/recipes/references.py

European and digital call: closed forms.  Basket and Asian call: every path's price is integrated exactly along one
direction of its draws (the integrand is zero up to one root, found by bisection and Newton's method), the others are
Sobol' points in 16 scrambled sets.  Down-and-out call watched at a few dates: the density's recursion from date to
date by Gauss-Legendre quadrature.  What is left is smooth, so that derivatives are differences of high order.
"""

import numpy as np
from scipy.special import ndtr, ndtri
from scipy.stats import norm, qmc

S, K, R, SIGMA, T = 100.0, 100.0, 0.05, 0.2, 1.0
BARRIER, DATES = 85.0, 12
ASSETS, CORRELATION = 5, 0.5
FIXINGS = 12


def call(s, sigma):
    d1 = (np.log(s / K) + (R + sigma**2 / 2) * T) / (sigma * np.sqrt(T))
    return s * ndtr(d1) - K * np.exp(-R * T) * ndtr(d1 - sigma * np.sqrt(T))


def digital(s, sigma):
    return np.exp(-R * T) * ndtr((np.log(s / K) + (R - sigma**2 / 2) * T) / (sigma * np.sqrt(T)))


def mean_of_lognormals(levels, loadings, rest):
    """E max(mean_i exp(level_i + loading_i . z) - K, 0) for each set of points ``rest``, (sets, n, dimension - 1)."""
    direction = loadings.sum(axis=0)
    direction = direction / np.linalg.norm(direction)
    frame = np.linalg.qr(np.column_stack([direction, np.eye(len(direction))[:, 1:]]))[0]
    frame[:, 0] *= np.sign(frame[:, 0] @ direction)
    along, across = loadings @ frame[:, 0], loadings @ frame[:, 1:]
    assert np.all(along > 0)
    prices = []
    for points in rest:
        base = levels + ndtri(points) @ across.T
        low, high = np.full(len(base), -12.0), np.full(len(base), 12.0)
        root = np.zeros(len(base))
        for _ in range(60):
            terms = np.exp(base + along * root[:, None])
            value = terms.mean(axis=1) - K
            low, high = np.where(value < 0, root, low), np.where(value < 0, high, root)
            newton = root - value / (terms * along).mean(axis=1)
            following = np.where((newton > low) & (newton < high), newton, (low + high) / 2)
            done = np.max(np.abs(following - root)) < 1e-14
            root = following
            if done:
                break
        above = (np.exp(base + along**2 / 2) * ndtr(along - root[:, None])).mean(axis=1) - K * ndtr(-root)
        prices.append(np.exp(-R * T) * above.mean())
    return np.array(prices)


def sobol(dimension, log2_points, sets=16):
    return [qmc.Sobol(dimension, scramble=True, seed=i).random_base2(log2_points) for i in range(sets)]


def basket(s, sigma, points):
    """Equal weights, every pair of assets with the same correlation."""
    covariance = CORRELATION + (1 - CORRELATION) * np.eye(ASSETS)
    loadings = sigma * np.sqrt(T) * np.linalg.cholesky(covariance)
    return mean_of_lognormals(np.full(ASSETS, np.log(s) + (R - sigma**2 / 2) * T), loadings, points)


def asian(s, sigma, points):
    """The mean of the fixings at equal intervals."""
    times = np.arange(1, FIXINGS + 1) * T / FIXINGS
    loadings = sigma * np.sqrt(T / FIXINGS) * np.tri(FIXINGS)
    return mean_of_lognormals(np.log(s) + (R - sigma**2 / 2) * times, loadings, points)


def down_and_out(s, sigma, nodes=400):
    """The call that dies if it is at or below the barrier at one of the dates."""
    step, dt = sigma * np.sqrt(T / DATES), T / DATES
    drift = (R - sigma**2 / 2) * dt
    width = 9 * sigma * np.sqrt(T)
    low, strike = np.log(BARRIER), np.log(K)
    pieces = [(low, strike), (strike, np.log(s) + width)]
    xs, ws = [], []
    for a, b in pieces:
        x, w = np.polynomial.legendre.leggauss(nodes)
        xs.append((b - a) / 2 * x + (a + b) / 2)
        ws.append((b - a) / 2 * w)
    x, w = np.concatenate(xs), np.concatenate(ws)
    kernel = norm.pdf(x[None, :], x[:, None] + drift, step) * w
    value = np.maximum(np.exp(x) - K, 0.0)
    for _ in range(DATES - 1):
        value = kernel @ value
    return np.exp(-R * T) * (norm.pdf(x, np.log(s) + drift, step) * w) @ value


def second(price, s, h=1.0):
    """The second derivative of a smooth function by differences of order 4."""
    return (16 * (price(s + h) + price(s - h)) - (price(s + 2 * h) + price(s - 2 * h)) - 30 * price(s)) / (12 * h**2)


def greeks(price):
    """Price, delta, gamma, vega by differences of order 4, with standard errors where there are several sets."""
    h, k = 1.0, 0.01
    at = {(i, 0): price(S + i * h, SIGMA) for i in range(-2, 3)} | {
        (0, j): price(S, SIGMA + j * k) for j in (-2, -1, 1, 2)
    }
    found = {
        "price": at[0, 0],
        "delta": (8 * (at[1, 0] - at[-1, 0]) - (at[2, 0] - at[-2, 0])) / (12 * h),
        "gamma": second(lambda s: at[round((s - S) / h), 0], S, h),
        "vega": (8 * (at[0, 1] - at[0, -1]) - (at[0, 2] - at[0, -2])) / (12 * k),
    }
    return {
        name: (np.mean(v), np.std(v) / np.sqrt(np.size(v) - 1) if np.size(v) > 1 else 0.0) for name, v in found.items()
    }


def main():
    four, eleven = sobol(ASSETS - 1, 14), sobol(FIXINGS - 1, 14)
    options = {
        "call": call,
        "digital": digital,
        "basket": lambda s, sigma: basket(s, sigma, four),
        "asian": lambda s, sigma: asian(s, sigma, eleven),
        "down-and-out": down_and_out,
    }
    for name, price in options.items():
        print(f"{name:13}", "  ".join(f"{g} {v:.8g} +- {e:.1g}" for g, (v, e) in greeks(price).items()))


if __name__ == "__main__":
    main()
