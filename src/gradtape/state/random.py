"""``gt.random``: seeded generators, and samples that are differentiable in their parameters to every order.

A draw is uniform, made from the generator's key and the draw's number (streams.py), and recorded as a constant; the
sample is a function of it and of the parameters (numpy/sampling.py), so that every mode of differentiation, at every
order, goes through it.  Samples of discrete distributions are constants: a derivative through one is None, never 0.

Inside ``gt.vmap`` a draw is the same for every example, unless the generator is made there from a key of the example's
own (``keys``); a size with one more axis outside does as well.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from functools import wraps
from typing import Any

import numpy as np

from ..compiling.tracing import must_repeat
from ..errors import message
from ..numpy import sampling
from ..numpy.creation import asarray
from ..numpy.sorting import argsort
from ..primitives import random_discrete as discrete
from ..primitives.random_bits import random_integers
from ..primitives.selection import maximum
from ..primitives.shapes import astype, identity
from ..record import sites
from ..record.draws import mark
from ..record.tensor import Tensor, value_of
from ..record.writer import lift, strong
from .continuous import Continuous
from .streams import broadcast_shape, positions, rewound

_gradtape_composes = True

__all__ = [
    "Generator",
    "as_draws",
    "bernoulli",
    "beta",
    "binomial",
    "categorical",
    "cauchy",
    "chisquare",
    "choice",
    "default_rng",
    "dirichlet",
    "exponential",
    "gamma",
    "gumbel",
    "integers",
    "inverse_gaussian",
    "laplace",
    "log_gamma",
    "logistic",
    "lognormal",
    "multivariate_normal",
    "normal",
    "permutation",
    "poisson",
    "positions",
    "randint",
    "rewound",
    "seed",
    "shared",
    "shuffle",
    "standard_normal",
    "student_t",
    "truncated_normal",
    "uniform",
    "von_mises",
    "vonmises",
    "wald",
    "weibull",
]


class Generator(Continuous):
    """A seeded source of random Tensors; names and order of arguments are those of ``numpy.random.Generator``.

    ``size`` is the whole shape of the result, by default what the parameters broadcast to.  ``dtype`` is by default
    the parameters' (float64 for numbers).  The same seed and the same calls give the same draws, on every machine.

    >>> import gradtape as gt
    >>> rng = gt.random.Generator(0)
    >>> gt.all(rng.normal(size=3) == gt.random.Generator(0).normal(size=3))
    Tensor(True)
    >>> with gt.GradientTape() as tape:
    ...     shape = gt.asarray(2.0)
    ...     mean = gt.mean(rng.gamma(shape, size=1000))
    >>> abs(tape.gradient(mean, shape) - 1.0) < 0.1
    Tensor(True)
    """

    # -- discrete: constants ---------------------------------------------------------------------------------------

    def integers(
        self, low: int, high: int | None = None, size: Any = None, dtype: Any = np.int64, endpoint: bool = False
    ) -> Tensor:
        """Integers from ``low`` up to ``high``, ``high`` excluded unless ``endpoint``; from 0 up to ``low`` alone."""
        first, last = (0, int(low)) if high is None else (int(low), int(high))
        last += endpoint
        if last <= first or last - first > 2**64:
            raise ValueError(
                message(
                    "integers: there is no integer to draw, or too many",
                    [f"low = {first}, high = {last}"],
                    str(sites.user_line()),
                    "low must be less than high.",
                )
            )
        bits = self.bits(broadcast_shape(() if size is None else size))
        return random_integers(bits, low=first, high=last, dtype=np.dtype(dtype).name)

    def randint(self, low: int, high: int | None = None, size: Any = None, dtype: Any = np.int64) -> Tensor:
        """Integers from [low, high), or from [0, low)."""
        return self.integers(low, high, size, dtype)

    def bernoulli(self, p: Any = 0.5, size: Any = None, dtype: Any = np.bool_) -> Tensor:
        """True with probability ``p``.  A constant; for the derivative of a mean see :meth:`poisson`."""
        return self._discrete(discrete.bernoulli_quantile, size, dtype, p)

    def binomial(self, n: Any, p: Any, size: Any = None, dtype: Any = np.int64) -> Tensor:
        """How many of ``n`` trials succeed that each do with probability ``p``.  A constant."""
        return self._discrete(discrete.binomial_quantile, size, dtype, n, p)

    def poisson(self, lam: Any = 1.0, size: Any = None, dtype: Any = np.int64) -> Tensor:
        """Poisson draws of mean ``lam``.

        A constant: a draw jumps as ``lam`` moves, so its own derivative is none of the mean's.  That of the mean of
        f(k) is the mean of ``f(k) * d log_prob(k)`` (the score function).
        """
        return self._discrete(discrete.poisson_quantile, size, dtype, lam)

    def _discrete(self, quantile: Callable[..., Any], size: Any, dtype: Any, *parameters: Any) -> Tensor:
        values = [strong(lift(p)) for p in parameters]
        u = self.draw(broadcast_shape(size, *[p.shape for p in values]))
        return _cast(quantile(*values, u), dtype)

    def categorical(self, logits: Any, size: Any = None, dtype: Any = np.int64) -> Tensor:
        """Numbers of classes, with probabilities proportional to ``exp(logits)`` along the last axis.  Constants."""
        x = asarray(logits)
        x = x if x.dtype.kind == "f" else astype(x, dtype="float64")
        u = self.draw(broadcast_shape(size, x.shape[:-1]))
        return _cast(discrete.categorical_quantile(x, u, logs=True), dtype)

    # -- order and choice ------------------------------------------------------------------------------------------

    def permutation(self, x: Any) -> Tensor:
        """The integers below ``x`` in random order, or ``x`` with its first axis in random order, recorded."""
        if isinstance(x, int | np.integer):
            return argsort(self.bits((int(x),)), axis=0)
        value = asarray(x)
        return value[argsort(self.bits(value.shape[:1]), axis=0)]

    shuffle = permutation

    def choice(self, a: Any, size: Any = None, replace: bool = True, p: Any = None) -> Tensor:
        """Elements of ``a`` along its first axis (or integers below it) drawn at random, recorded as a lookup.

        ``p``: the probability of each, else all are as likely; ``replace=False``: each at most once.
        """
        value = None if isinstance(a, int | np.integer) else asarray(a)
        count: int = int(a) if value is None else value.shape[0]
        shape = broadcast_shape(() if size is None else size)
        total = int(np.prod(shape))
        if not replace and total > count:
            raise ValueError(
                message(
                    f"choice: {total} of {count} elements, each at most once",
                    where=str(sites.user_line()),
                    remedy="Ask for fewer, or say replace=True.",
                )
            )
        if p is None:
            places = self.integers(count, size=shape) if replace else self.permutation(count)[:total].reshape(shape)
        else:
            weights = _probabilities(p, count, 1 if replace else total)
            if replace:
                places = discrete.categorical_quantile(weights, self.draw(shape), logs=False)
            else:  # who comes first in a race at these rates: Efraimidis & Spirakis 2006
                times = sampling.exponential(self.draw((count,))) / maximum(weights, 1e-300)
                places = argsort(times, axis=0)[:total].reshape(shape)
        return places if value is None else value[places]


def _cast(x: Any, dtype: Any) -> Tensor:
    name = np.dtype(dtype).name
    return x if x.dtype == name else astype(x, dtype=name)


def _probabilities(p: Any, count: int, needed: int) -> Tensor:
    weights = asarray(p)
    raw = np.asarray(value_of(weights), np.float64)
    good = raw.shape == (count,) and np.all(raw >= 0) and abs(raw.sum() - 1) < 1e-6
    if not good or np.count_nonzero(raw) < needed:
        raise ValueError(
            message(
                f"choice: p must be {count} probabilities that add up to 1, {needed} of them not 0",
                [f"shape {raw.shape}, sum {raw.sum()}"],
                str(sites.user_line()),
            )
        )
    return weights


# -- the shared generator ------------------------------------------------------------------------------------------

_shared = [Generator()]


def default_rng(seed: Any = None) -> Generator:
    """A generator from a seed; a generator as it is.

    >>> import gradtape as gt
    >>> gt.random.default_rng(0).uniform(size=2).shape
    (2,)
    """
    return seed if isinstance(seed, Generator) else Generator(seed)


def seed(seed: Any = None) -> None:
    """Start the shared generator, which the functions of this module draw from, anew."""
    if seed is None:
        must_repeat("the shared generator is started without a seed")
    _shared[0].restart(seed)


def shared() -> Generator:
    """The generator that the functions of this module draw from."""
    return _shared[0]


def as_draws(x: Any) -> Tensor:
    """``x`` as a Tensor that counts as random draws: what another library drew, or what was made of draws before.

    What the generators here give counts so by itself, and what a tape sees made of it.  Where a tape differentiates a
    mean over draws path by path, and would miss what a kink or a jump contributes, it warns: see
    :class:`gradtape.KinkedExpectationWarning`.  The value is not changed, and derivatives pass.

    >>> import numpy as np
    >>> import gradtape as gt
    >>> z = gt.random.as_draws(np.random.default_rng(0).normal(size=3))
    >>> z.shape
    (3,)
    """
    return mark(identity(asarray(x)))


def _of_shared(name: str) -> Callable[..., Any]:
    """The method of that name of the shared generator, as a function."""
    method = getattr(Generator, name)

    @wraps(method)
    def draw(*args: Any, **kwargs: Any) -> Any:
        return method(_shared[0], *args, **kwargs)

    signature = inspect.signature(method)
    draw.__signature__ = signature.replace(parameters=list(signature.parameters.values())[1:])  # type: ignore[attr-defined]
    draw.__name__ = draw.__qualname__ = name
    return draw


bernoulli = _of_shared("bernoulli")
beta = _of_shared("beta")
binomial = _of_shared("binomial")
categorical = _of_shared("categorical")
cauchy = _of_shared("cauchy")
chisquare = _of_shared("chisquare")
choice = _of_shared("choice")
dirichlet = _of_shared("dirichlet")
exponential = _of_shared("exponential")
gamma = _of_shared("gamma")
gumbel = _of_shared("gumbel")
integers = _of_shared("integers")
inverse_gaussian = wald = _of_shared("inverse_gaussian")
laplace = _of_shared("laplace")
log_gamma = _of_shared("log_gamma")
logistic = _of_shared("logistic")
lognormal = _of_shared("lognormal")
multivariate_normal = _of_shared("multivariate_normal")
normal = _of_shared("normal")
permutation = _of_shared("permutation")
poisson = _of_shared("poisson")
randint = _of_shared("randint")
shuffle = _of_shared("shuffle")
standard_normal = _of_shared("standard_normal")
student_t = _of_shared("student_t")
truncated_normal = _of_shared("truncated_normal")
uniform = _of_shared("uniform")
von_mises = vonmises = _of_shared("von_mises")
weibull = _of_shared("weibull")
