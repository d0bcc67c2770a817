"""Draws the pictures of the documents about kinked expectations: python docs/pictures/draw.py [folder]

The same numbers give the same files: draws are seeded, and the SVG has no date in it and no random names.
"""

import sys
import warnings
from pathlib import Path

import matplotlib

matplotlib.use("svg")
import matplotlib.pyplot as plt
import numpy as np
from scipy.stats import norm

import gradtape as gt

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent / "recipes"))
import references  # noqa: E402  (it lies in the folder of the recipes)

K, R, SIGMA, T = references.K, references.R, references.SIGMA, references.T
INK, TRUTH, WRONG, SCORE, OURS = "#444444", "#111111", "#c0392b", "#d68910", "#1f618d"
STYLE = {
    "svg.hashsalt": "gradtape",
    "svg.fonttype": "none",
    "font.size": 9,
    "font.family": "sans-serif",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.edgecolor": INK,
    "legend.frameon": False,
}


def terminal(s, z):
    return s * gt.exp((R - SIGMA**2 / 2) * T + SIGMA * np.sqrt(T) * z)


def call(s, z):
    return np.exp(-R * T) * gt.maximum(terminal(s, z) - K, 0.0)


def asian(s, z):
    dates = references.FIXINGS
    steps = (R - SIGMA**2 / 2) * T / dates + SIGMA * np.sqrt(T / dates) * z
    return np.exp(-R * T) * gt.maximum(gt.mean(s * gt.exp(gt.cumsum(steps, axis=1)), axis=1) - K, 0.0)


def gamma(payoff, distribution, spot, **how):
    """Gamma by tapes within tapes, and its standard error."""
    s = gt.Variable(spot)
    with gt.GradientTape() as all_of_it:
        with gt.GradientTape() as outer:
            with gt.GradientTape() as inner:
                price = gt.expectation(lambda z: payoff(s, z), distribution, seed=1, **how)
            delta = inner.gradient(price, s)
        found = outer.gradient(delta, s)
        error = price.stderr_of(found, all_of_it)
    return float(found), float(error)


def why(path):
    """Prices on single paths have kinks, their slopes jump; the mean of the prices has neither."""
    spots = np.linspace(70.0, 130.0, 241)
    draws = np.linspace(-1.6, 1.6, 9)
    growth = np.exp((R - SIGMA**2 / 2) * T + SIGMA * np.sqrt(T) * draws)
    d1 = (np.log(spots / K) + (R + SIGMA**2 / 2) * T) / (SIGMA * np.sqrt(T))
    mean = [references.call(spots, SIGMA), norm.cdf(d1), norm.pdf(d1) / (spots * SIGMA * np.sqrt(T))]
    paths = [
        [np.exp(-R * T) * np.maximum(spots * g - K, 0.0) for g in growth],
        [np.exp(-R * T) * g * (spots * g > K) for g in growth],
        [0.0 * spots for _ in growth],
    ]
    titles = ["price", "first derivative", "second derivative"]
    figure, axes = plt.subplots(1, 3, figsize=(9.0, 2.8), layout="constrained")
    for axis, title, whole, single in zip(axes, titles, mean, paths, strict=True):
        for k, y in enumerate(single):
            axis.plot(spots, y, color=WRONG, lw=0.7, alpha=0.55, label=None if k else "single paths")
        axis.plot(spots, whole, color=TRUTH, lw=1.8, label="the mean over all paths")
        axis.set_title(title, fontsize=9)
        axis.set_xlabel("spot")
    axes[0].legend(loc="upper left", fontsize=8)
    save(figure, path)


def gammas(path):
    """Gamma across spots: truth, nested pathwise, likelihood ratio, gradtape with its error band."""
    spots = np.linspace(70.0, 140.0, 29)
    near, fixings = references.sobol(references.FIXINGS - 1, 9), references.FIXINGS
    truths = [lambda s: references.call(s, SIGMA), lambda s: references.asian(s, SIGMA, near)]
    payoffs = [call, asian]
    normals = [gt.stochastic.Normal(), gt.stochastic.Normal(np.zeros(fixings), 1.0)]
    titles = ["European call, one draw a path", f"Asian call, {fixings} draws a path"]
    figure, axes = plt.subplots(1, 2, figsize=(9.0, 3.4), sharey=False, layout="constrained")
    for axis, title, price, payoff, normal in zip(axes, titles, truths, payoffs, normals, strict=True):
        truth = [np.mean(references.second(price, s)) for s in spots]
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", gt.KinkedExpectationWarning)
            nested = [gamma(payoff, normal, s, samples=2000, estimator="pathwise")[0] for s in spots]
        ratio = np.array([gamma(payoff, normal, s, samples=2000, estimator="score") for s in spots])
        ours = np.array([gamma(payoff, normal, s, samples=2000) for s in spots])
        for found, color, name in ((ratio, SCORE, "likelihood ratio"), (ours, OURS, "gt.expectation")):
            y, e = found.T
            axis.fill_between(spots, y - 2 * e, y + 2 * e, color=color, alpha=0.25, lw=0)
            axis.plot(spots, y, color=color, lw=1.2, label=f"{name} ± 2 standard errors")
        axis.plot(spots, nested, color=WRONG, lw=1.6, label="nested tapes, path by path")
        axis.plot(spots, truth, color=TRUTH, lw=1.0, ls=(0, (4, 3)), label="truth")
        axis.set_title(title, fontsize=9)
        axis.set_xlabel("spot")
        axis.set_ylabel("gamma")
    figure.legend(*axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=4, fontsize=8)
    save(figure, path)


def save(figure, path):
    figure.savefig(path, metadata={"Date": None})
    plt.close(figure)
    print(path.name, path.stat().st_size, "bytes")


def main(folder=HERE):
    with plt.rc_context(STYLE):
        why(Path(folder) / "paths-and-mean.svg")
        gammas(Path(folder) / "gamma.svg")


if __name__ == "__main__":
    main(*sys.argv[1:])
