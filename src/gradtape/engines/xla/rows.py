"""How single rows run on XLA, where their own implementation over ``jax.numpy`` is not the way.

Most rows are in neither table: ``impl(jax.numpy, ...)`` is what runs.  ``TRANSLATED`` has another wording of the same
for rows whose implementation works with NumPy arrays inside; ``ON_HOST`` the rows that NumPy and SciPy carry out,
called back from the compiled function, each with the reason.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ...primitives.gaps import NEAR, ROUNDINGS, VANISHED
from ...primitives.templates import ARRAY, filled
from . import indexing
from .device import jax

Row = Callable[..., Any]

_SHAPES = "the shape of its result depends on values"
_SCIPY = "jax.scipy.special has no such function"
_OWN = "computed in float64 on NumPy arrays by gradtape: series, continued fractions and cuts chosen by value"
_POOR = "JAX's values are not good to twelve digits"
_LAPACK = "SciPy's LAPACK routine, which JAX does not have"

#: Rows that the host carries out, and why.
ON_HOST: dict[str, str] = {
    **dict.fromkeys(["argwhere", "bincount", "flatnonzero", "first_places", "occurrences"], _SHAPES),
    **dict.fromkeys(
        [
            *("erfcinv", "ndtri_exp", "jv", "yv", "iv", "kv", "j0", "j1", "y0", "y1", "k0", "k1", "gammaincinv"),
            *("gammainccinv", "betaincc", "betaincinv", "rgamma", "binom", "elliprf", "elliprd", "elliprc", "hyp0f1"),
            *("struve", "modstruve", "struve_derivative", "modstruve_derivative"),
        ],
        _SCIPY,
    ),
    **dict.fromkeys(
        [
            *("poisson_quantile", "binomial_quantile", "erfcx_derivative", "normal_hazard", "dawsn_derivative"),
            *("log_gamma_density", "log_gamma_shape", "log_gamma_quantile", "log_inverse_gaussian_quantile"),
            *("log_normal_mass", "truncated_normal_quantile", "von_mises_density", "von_mises_shape"),
            *("von_mises_cdf", "von_mises_quantile", "student_root", "jv_derivative", "yv_derivative"),
            *("iv_derivative", "kv_derivative", "scaled_i_derivative", "elliptic_derivative", "ellipk", "ellipkm1"),
            *("ellipe", "gamma_density", "gammainc_shape", "beta_density", "betainc_shape", "expn", "sine_integral"),
            *("cosine_integral", "fresnel_wave", "fresnel_sine", "fresnel_cosine", "lambertw", "polygamma_gap"),
            *("multigammaln", "hurwitz", "ellipkinc", "ellipeinc", "faddeeva", "voigt_profile", "airy_ai"),
            *("airy_ai_slope", "airy_bi", "airy_bi_slope", "spherical_jn", "spherical_yn", "spherical_in"),
            *("spherical_kn", "eval_jacobi", "eval_gegenbauer", "eval_chebyt", "eval_genlaguerre", "eval_hermite"),
            *("cauchy_quantile", "laplace_quantile", "gumbel_quantile", "polygamma", "beta", "betaln"),
        ],
        _OWN,
    ),
    **dict.fromkeys(["hyp2f1"], _POOR),
    **dict.fromkeys(["solve_sylvester", "matrix_function", "solve_banded", "lu"], _LAPACK),
    "spectral_function": "its parameter is an object of the user's whose methods are asked for values",
}

#: Rows of which JAX has the real function alone.
#: Draws, which the host makes ten times faster than XLA does on a CPU, from this many on.
DRAWS, MANY = frozenset({"random_bits", "random_uniform"}), 4096
ON_HOST_WHERE_COMPLEX = frozenset({"erf", "erfc", "from_peak", "gelu", "log_softmax", "normal_cdf", "onto_peak"})


# -- wordings for JAX ------------------------------------------------------------------------------------------------


def _special(name: str) -> Row:
    return lambda *xs: getattr(jax().scipy.special, name)(*xs)


def _huber(delta: Any, r: Any) -> Any:
    xp = jax().numpy
    inside = xp.abs(r) <= delta
    y = xp.where(inside, 0.5 * r * r, delta * (xp.abs(r) - 0.5 * delta))
    return xp.where(delta < 0, np.inf, y)


def _pseudo_huber(delta: Any, r: Any) -> Any:
    xp = jax().numpy
    safe = xp.where((delta == 0) | (r == 0), 1.0, delta)
    v = r / safe
    y = delta * delta * (v * v / (1.0 + xp.sqrt(1.0 + v * v)))
    return xp.where(delta < 0, np.inf, xp.where((delta == 0) | (r == 0), 0.0, y))


def sech_squared(x: Any, tanh: Any = None) -> Any:
    """``1 / cosh(x)**2``; without a division where the tanh is there: 1 + |tanh x| = 2 / (1 + exp(-2 |x|))."""
    xp = jax().numpy
    if x.dtype.kind == "c":
        y = xp.tanh(x)
        return 1 - y * y
    e = xp.exp(-2 * xp.abs(x))
    if tanh is None:
        r = 1 / (1 + e)
        return 4 * e * r * r
    t = 1 + xp.abs(tanh)
    return e * t * t


def _sigmoid(x: Any) -> Any:
    return jax().lax.logistic(x)


def _segment(ids: Any, count: int) -> Any:
    """Ids with those out of range beyond the last place, where a scatter drops them."""
    return jax().numpy.where((ids >= 0) & (ids < count), ids, count)


def _segment_count(ids: Any, *, count: int, dtype: Any) -> Any:
    return jax().numpy.zeros(count, dtype).at[_segment(ids, count)].add(1, mode="drop")


def _segment_extremum(method: str, first: float) -> Row:
    def extremum(x: Any, ids: Any, *, count: int, empty: float) -> Any:
        xp = jax().numpy
        at = _segment(ids, count)
        full = xp.full((count, *x.shape[1:]), first, dtype=x.dtype)
        y = getattr(full.at[at], method)(x, mode="drop")
        there = xp.zeros(count, bool).at[at].set(True, mode="drop")
        return xp.where(there.reshape((-1,) + (1,) * (x.ndim - 1)), y, xp.asarray(empty, x.dtype))

    return extremum


def _lie_near(x: Any, *, symmetric: bool) -> Any:
    xp = jax().numpy
    if not x.size:
        return xp.zeros(x.shape[:-2], bool)
    if symmetric:
        w = xp.linalg.eigvalsh((x + xp.conj(xp.swapaxes(x, -1, -2))) / 2)
    else:
        w = xp.linalg.svd(x, compute_uv=False)[..., ::-1]
    limit = NEAR / w.shape[-1] * xp.max(xp.abs(w), axis=-1, keepdims=True)
    near = xp.any(xp.diff(w, axis=-1) <= limit, axis=-1)
    return near if symmetric else near | xp.any(w[..., :1] <= limit, axis=-1)


def _last_writes(*arrays: Any, index: Any, shape: Any) -> Any:
    xp = jax().numpy
    places = xp.arange(int(np.prod(shape))).reshape(shape)[filled(index, arrays)]
    number = xp.arange(places.size)
    latest = xp.zeros(int(np.prod(shape)), number.dtype).at[places.ravel()].max(number)
    return (latest[places.ravel()] == number).reshape(places.shape)


def _setitem(x: Any, u: Any, *, index: Any) -> Any:
    xp = jax().numpy
    return xp.asarray(x).at[index].set(xp.asarray(u).astype(x.dtype))


def _scatter_set(x: Any, u: Any, *arrays: Any, index: Any) -> Any:
    return _setitem(x, u, index=filled(index, arrays))


def _argpartition(x: Any, *, kth: Any, axis: Any) -> Any:
    """Sorted all the way, which is one of the partitions."""
    return jax().numpy.argsort(x, axis=axis, stable=True)


def _ranks(x: Any, *, axis: Any = None, equal_nan: bool = True) -> Any:
    """The rank among the distinct values, counted along the sorted order."""
    xp = jax().numpy
    if axis is not None or not equal_nan:
        raise NotImplementedError
    flat = x.ravel()
    order = xp.argsort(flat, stable=True)
    s = flat[order]
    new = (s[1:] != s[:-1]) & ~((s[1:] != s[1:]) & (s[:-1] != s[:-1]))
    rank = xp.concatenate([xp.zeros(min(s.size, 1), int), xp.cumsum(new.astype(int))])
    return xp.zeros(flat.size, int).at[order].set(rank).reshape(x.shape)


def _solve_triangular(a: Any, b: Any, *, lower: bool, unit: bool) -> Any:
    xp = jax().numpy
    lead = np.broadcast_shapes(a.shape[:-2], b.shape[:-2])
    dtype = np.result_type(a.dtype, b.dtype)
    a = xp.broadcast_to(a.astype(dtype), (*lead, *a.shape[-2:]))
    b = xp.broadcast_to(b.astype(dtype), (*lead, *b.shape[-2:]))
    return jax().scipy.linalg.solve_triangular(a, b, lower=lower, unit_diagonal=unit)


def _denominators(w: Any, sign: int) -> tuple[Any, Any]:
    xp = jax().numpy
    n = w.shape[-1]
    d = w[..., None, :] + sign * w[..., :, None]
    largest = xp.max(xp.abs(w), axis=-1, keepdims=True, initial=0.0)
    close = xp.abs(d) <= (ROUNDINGS * n * np.finfo(w.real.dtype).eps) * largest[..., None]
    return d, close & ~np.eye(n, dtype=bool) if sign < 0 else close


def _over_gaps(x: Any, w: Any, *, sign: int, missing: str) -> tuple[Any, Any]:
    xp = jax().numpy
    d, close = _denominators(w, sign)
    zero = close | (d == 0)
    y = xp.where(zero, 0, x) / xp.where(zero, 1, d)
    if missing == "nan":
        return xp.where(close, np.nan, y), True
    if missing == "error":
        bad = close & ~(xp.abs(x) <= VANISHED * xp.max(xp.abs(x), initial=0.0))
        return y, ~xp.any(bad)
    return y, True


def _skew_over_gaps(k: Any, w: Any, *, sign: int, coupled: bool) -> tuple[Any, Any]:
    xp = jax().numpy
    x = k - xp.conj(xp.swapaxes(k, -1, -2))
    d, close = _denominators(w, sign)
    zero = close | (d == 0)
    size = xp.max(xp.abs(k), axis=(-2, -1), keepdims=True, initial=0.0)
    bad = close & ~(xp.abs(x) <= VANISHED * size)
    if coupled and sign < 0:
        bad = bad | (close & ~(xp.abs(k) <= VANISHED * size))
    return xp.where(zero, 0, x) / xp.where(zero, 1, d), ~xp.any(bad)


#: Rows in another wording for JAX: functions of arrays, parameters as keywords.
TRANSLATED: dict[str, Row] = {
    "argpartition": _argpartition,
    "digamma": _special("digamma"),
    "gather": indexing.gather,
    "getitem": indexing.getitem,
    "huber": _huber,
    "last_writes": _last_writes,
    "lie_near": _lie_near,
    "place": indexing.place,
    "place_all": indexing.place_all,
    "pseudo_huber": _pseudo_huber,
    "ranks": _ranks,
    "scatter_add": indexing.scatter_add,
    "scatter_set": _scatter_set,
    "sech_squared": sech_squared,
    "segment_count": _segment_count,
    "segment_max": _segment_extremum("max", -np.inf),
    "segment_min": _segment_extremum("min", np.inf),
    "setitem": _setitem,
    "sigmoid": _sigmoid,
    "solve_triangular": _solve_triangular,
}

#: The same for rows that may refuse their input: (result, whether they took it).
CHECKED: dict[str, Row] = {
    "over_gaps": _over_gaps,
    "skew_over_gaps": _skew_over_gaps,
}

# -- what NumPy would refuse -----------------------------------------------------------------------------------------

#: Rows for which NumPy raises where a matrix is singular or not definite; JAX gives nan or inf.
REFUSES = frozenset({"inv", "solve", "cholesky", "solve_triangular"})


def finite_as_input(inputs: Any, outputs: Any) -> Any:
    """Whether results are finite, unless an input was not."""
    xp = jax().numpy

    def finite(xs: Any) -> Any:
        flags = [xp.all(xp.isfinite(x)) for x in xs if hasattr(x, "dtype") and x.dtype.kind in "fc"]
        return xp.all(xp.stack(flags)) if flags else True

    return finite(outputs) | ~finite(inputs)


def within(name: str, inputs: Any, params: Any, indices: list[int]) -> Any:
    """Whether all indices that are inputs (the places ``indices``) lie in their axes; None: there is nothing to ask."""
    xp = jax().numpy
    flags: list[Any] = []
    for i, n in _lengths(name, inputs, params):
        x = inputs[i]
        if i in indices and x.dtype.kind in "iu" and x.size:
            flags.append(xp.all((x >= -n) & (x < n)))
    return xp.all(xp.stack(flags)) if flags else None


def _lengths(name: str, inputs: Any, params: Any) -> list[tuple[int, int]]:
    """(which input, the length of the axis that it picks from) for the rows that pick by arrays."""
    if name == "take_along_axis":
        return [(1, inputs[0].shape[params["axis"]])]
    if name == "add_along_axis":
        return [(1, params["length"])]
    if name not in ("gather", "scatter_add", "scatter_set", "last_writes"):
        return []
    first = {"gather": 1, "scatter_add": 1, "scatter_set": 2, "last_writes": 0}[name]
    shape = params["shape"] if name in ("scatter_add", "last_writes") else inputs[0].shape
    found: list[tuple[int, int]] = []
    index, arrays = params["index"], iter(range(first, len(inputs)))
    places = [next(arrays) if item is ARRAY else None for item in index]

    def taken(item: Any, place: int | None) -> int:
        if item is None or item is Ellipsis:
            return 0
        return inputs[place].ndim if place is not None and inputs[place].dtype.kind == "b" else 1

    total = sum(taken(item, place) for item, place in zip(index, places, strict=True))
    axis = 0
    for item, place in zip(index, places, strict=True):
        if item is Ellipsis:
            axis += len(shape) - total
            continue
        if place is not None and inputs[place].dtype.kind != "b":
            found.append((place, shape[axis]))
        axis += taken(item, place)
    return found
