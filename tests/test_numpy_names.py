"""Every name of numpy, numpy.linalg and numpy.fft works on Tensors through NumPy's protocols, or is explained."""
# ruff: noqa: SIM905 (long lists of names)

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import gradtape as gt

rng = np.random.default_rng(7)
X = rng.uniform(0.2, 0.9, (2, 3))  # inside the domain of every elementary function
Y = rng.uniform(1.1, 1.9, (2, 3))
V = rng.uniform(0.2, 0.9, 5)
W = rng.uniform(0.2, 0.9, 5)
N = np.array([[1.0, np.nan, 2.5], [np.nan, 4.0, 3.5]])
S = rng.normal(size=(3, 3)) + 3 * np.eye(3)
SPD = S @ S.T + np.eye(3)
B = X > 0.5
I = np.array([[6, 4, 9], [1, 2, 12]])  # noqa: E741
C = X + 1j * Y
UP = np.array([0.1, 0.4, 0.5, 0.8, 0.95])  # increasing

PADS = ["constant", "edge", "reflect", "symmetric", "wrap", "mean", "maximum", "minimum", "median", "linear_ramp"]
QUANTILES = [
    "linear",
    "lower",
    "higher",
    "nearest",
    "midpoint",
    "inverted_cdf",
    "averaged_inverted_cdf",
    "hazen",
    "closest_observation",
    "interpolated_inverted_cdf",
    "weibull",
    "median_unbiased",
    "normal_unbiased",
]

Call = Callable[[Any, Any], Any]


def one(x: Any) -> Call:
    return lambda f, t: f(t(x))


def two(x: Any, y: Any) -> Call:
    return lambda f, t: f(t(x), t(y))


CASES: dict[str, Call] = {}
for (
    _name
) in """abs absolute acos arccos asin arcsin arcsinh asinh arctan atan arctanh atanh cbrt ceil conj conjugate cos cosh
    deg2rad degrees exp exp2 expm1 fabs floor frexp isfinite isinf isnan log log10 log1p log2 logical_not modf
    negative positive rad2deg radians reciprocal rint sign signbit sin sinh spacing sqrt square tan tanh trunc
    all any amax amin max min argmax argmin argsort sort sort_complex argwhere around round atleast_1d
    atleast_2d atleast_3d average mean median std var sum prod ptp copy corrcoef cov count_nonzero cumsum
    cumprod cumulative_sum cumulative_prod diagonal diff ediff1d fix flatnonzero flip fliplr flipud i0 imag real
    angle iscomplex iscomplexobj isreal isrealobj isneginf isposinf nan_to_num ndim nonzero nansum ones_like
    zeros_like ravel real_if_close rot90 shape size sinc squeeze trace transpose permute_dims matrix_transpose
    tril triu unique unique_all unique_counts unique_inverse unique_values unwrap trapezoid gradient
    histogram_bin_edges nancumsum nancumprod""".split():
    CASES[_name] = one(V if _name in ("cumulative_sum", "cumulative_prod", "sort_complex") else X)
for _name in """add arctan2 atan2 copysign divide true_divide equal float_power floor_divide fmax fmin fmod greater
    greater_equal heaviside hypot less less_equal logaddexp logaddexp2 logical_and logical_or logical_xor
    maximum minimum mod multiply nextafter not_equal pow power remainder subtract divmod allclose array_equal
    array_equiv isclose kron inner append union1d intersect1d setdiff1d setxor1d isin vecdot result_type""".split():
    CASES[_name] = two(X, Y)
for _name in """bitwise_and bitwise_or bitwise_xor gcd lcm bitwise_left_shift left_shift bitwise_right_shift
    right_shift""".split():
    CASES[_name] = two(I, np.array([2, 1, 3]))
for _name in "bitwise_not bitwise_invert invert bitwise_count".split():
    CASES[_name] = one(I)
for _name in "nanargmax nanargmin nanmax nanmin nanmean nanmedian nanprod nanstd nanvar".split():
    CASES[_name] = lambda f, t: (f(t(N)), f(t(N), axis=1))
for _name in "acosh arccosh".split():
    CASES[_name] = one(Y)
CASES |= {
    "apply_along_axis": lambda f, t: f(lambda row: row * row.sum(), 1, t(X)),
    "apply_over_axes": lambda f, t: f(lambda a, axis: a.sum(axis=axis), t(X), [0, 1]),
    "argpartition": lambda f, t: f(t(UP), 2),
    "array2string": one(X),
    "array_repr": lambda f, t: f(t(X)).replace("Tensor", "array"),
    "array_split": lambda f, t: f(t(V), 3),
    "array_str": one(X),
    "astype": lambda f, t: f(t(X), np.float32),
    "average": lambda f, t: f(t(X), axis=1, weights=t(Y), returned=True),
    "bincount": lambda f, t: f(I.ravel(), weights=t(X.ravel())),
    "block": lambda f, t: f([[t(X), t(Y)], [t(Y), t(X)]]),
    "broadcast_arrays": lambda f, t: f(t(X), t(Y[0])),
    "broadcast_to": lambda f, t: f(t(X), (4, 2, 3)),
    "can_cast": lambda f, t: f(np.float32, t(X).dtype),
    "choose": lambda f, t: f([1, 0, 1], [t(X[0]), t(X[1])]),
    "clip": lambda f, t: (f(t(X), 0.4, 0.6), f(t(X), a_min=0.4, a_max=None), f(t(X), min=0.4, max=t(Y))),
    "column_stack": lambda f, t: f([t(V), t(W)]),
    "common_type": lambda f, t: f(t(X), t(C)),
    "compress": lambda f, t: f([True, False, True], t(X), axis=1),
    "concat": lambda f, t: f([t(X), t(Y)], axis=1),
    "concatenate": lambda f, t: f([t(X), t(Y)]),
    "convolve": lambda f, t: [f(t(V), t(UP[:3]), mode) for mode in ("full", "same", "valid")],
    "correlate": lambda f, t: [f(t(V), t(UP[:3]), mode) for mode in ("full", "same", "valid")],
    "cov": lambda f, t: (f(t(X), bias=True), f(t(V), t(W))),
    "cross": lambda f, t: f(t(X), t(Y)),
    "delete": lambda f, t: f(t(V), [1, 3]),
    "diag": lambda f, t: (f(t(V)), f(t(S), 1)),
    "diag_indices_from": one(S),
    "diagflat": one(X),
    "diff": lambda f, t: (f(t(X), n=2), f(t(V), prepend=0.0, append=t(W))),
    "digitize": lambda f, t: f(t(V), t(UP)),
    "dot": lambda f, t: (f(t(X), t(S)), f(t(V), t(W))),
    "dsplit": lambda f, t: f(t(X.reshape(1, 2, 3)), 3),
    "dstack": lambda f, t: f([t(X), t(Y)]),
    "einsum": lambda f, t: f("ij,kj->ik", t(X), t(Y)),
    "einsum_path": lambda f, t: f("ij,kj->ik", t(X), t(Y)),
    "empty_like": lambda f, t: f(t(X)).shape,
    "expand_dims": lambda f, t: f(t(X), axis=(0, 2)),
    "extract": lambda f, t: f(B, t(X)),
    "full_like": lambda f, t: f(t(X), 2.5),
    "geomspace": lambda f, t: f(t(np.float64(1.0)), t(np.float64(8.0)), 4),
    "gradient": lambda f, t: (f(t(X)), f(t(V), t(UP), edge_order=2), f(t(X), 0.1, axis=1)),
    "histogram": lambda f, t: (f(t(V), bins=3), f(t(V), bins=4, range=(0, 1), weights=t(W), density=True)),
    "histogram2d": lambda f, t: f(t(V), t(W), bins=3, weights=t(UP)),
    "histogramdd": lambda f, t: (f(t(X.T), bins=(2, 3)), f(t(X.T), bins=2, weights=t(X[0]), density=True)),
    "hsplit": lambda f, t: f(t(X), 3),
    "hstack": lambda f, t: f([t(X), t(Y)]),
    "insert": lambda f, t: f(t(V), [1, 3], t(W[:2])),
    "interp": lambda f, t: (f(t(V), t(UP), t(W)), f(t(V * 7), t(UP * 7), t(W), period=3.0)),
    "ix_": lambda f, t: f(t(np.array([0, 1])), t(np.array([2, 0]))),
    "ldexp": lambda f, t: f(t(X), I),
    "lexsort": lambda f, t: f((t(V), t(W))),
    "linspace": lambda f, t: (f(t(V), t(W), 4), f(t(V), t(W), 4, retstep=True), f(t(V), t(W), 4, endpoint=False)),
    "logspace": lambda f, t: f(t(V), t(W), 4),
    "matmul": two(X, S),
    "matvec": two(S, X[0]),
    "vecmat": two(X[0], S),
    "may_share_memory": two(X, Y),
    "meshgrid": lambda f, t: (f(t(V), t(W)), f(t(V), t(W), indexing="ij", sparse=True)),
    "min_scalar_type": lambda f, t: f(t(np.int64(3))),
    "moveaxis": lambda f, t: f(t(X), 0, 1),
    "nancumprod": one(N),
    "nancumsum": one(N),
    "nansum": lambda f, t: (f(t(N)), f(t(N), axis=0, keepdims=True)),
    "nanpercentile": lambda f, t: f(t(N), [10, 50], axis=1),
    "nanquantile": lambda f, t: [
        f(t(N), q, axis=0, keepdims=True, method=m) for m in QUANTILES for q in (0.0, 0.3, 0.5, 1.0)
    ],
    "outer": two(V, W),
    "pad": lambda f, t: [f(t(X), ((1, 2), (2, 0)), mode=m) for m in PADS],
    "partition": lambda f, t: f(t(UP), 2),
    "percentile": lambda f, t: (f(t(X), 30), f(t(X), [10, 90], axis=0, method="hazen")),
    "piecewise": lambda f, t: f(t(X), [B, ~B], [lambda v: v * v, 3.0]),
    "poly": one(V),
    "polyadd": two(V, W[:2]),
    "polyder": lambda f, t: f(t(V), 2),
    "polydiv": two(V, W[:2]),
    "polyfit": lambda f, t: (f(t(UP), t(W), 2), f(t(UP), t(W), 2, w=t(V), cov=True)),
    "polyint": lambda f, t: f(t(V), 2, k=[1.0, 2.0]),
    "polymul": two(V, W),
    "polysub": two(V, W[:2]),
    "polyval": two(V, X),
    "quantile": lambda f, t: [f(t(W), q, method=m) for m in QUANTILES for q in (0.0, 0.1, 0.3, 0.4, 0.5, 0.75, 1.0)],
    "ravel_multi_index": lambda f, t: f((t(np.array([1, 0])), t(np.array([2, 1]))), (2, 3)),
    "repeat": lambda f, t: f(t(X), [1, 2, 0], axis=1),
    "reshape": lambda f, t: (f(t(X), (3, 2)), f(t(X), shape=(6,), order="F")),
    "resize": lambda f, t: f(t(X), (3, 3)),
    "roll": lambda f, t: f(t(X), 1, axis=1),
    "rollaxis": lambda f, t: f(t(X), 1),
    "roots": one(V),
    "round": lambda f, t: f(t(X), decimals=1),
    "searchsorted": lambda f, t: f(t(UP), t(V), side="right"),
    "select": lambda f, t: f([B, ~B], [t(X), t(Y)], default=1.0),
    "shares_memory": two(X, Y),
    "split": lambda f, t: f(t(V), [1, 3]),
    "stack": lambda f, t: f([t(X), t(Y)], axis=1),
    "swapaxes": lambda f, t: f(t(X), 0, 1),
    "take": lambda f, t: (f(t(X), [0, 2], axis=1), f(t(V), [9, -1], mode="wrap")),
    "take_along_axis": lambda f, t: f(t(X), np.array([[0], [2]]), axis=1),
    "tensordot": lambda f, t: f(t(X), t(Y), axes=((1,), (1,))),
    "tile": lambda f, t: f(t(X), (2, 1)),
    "trapezoid": lambda f, t: (f(t(V), x=t(UP)), f(t(X), dx=0.1, axis=0)),
    "tril_indices_from": one(S),
    "triu_indices_from": one(S),
    "trim_zeros": one(np.array([0.0, 1.0, 0.0, 2.0, 0.0])),
    "unravel_index": lambda f, t: f(t(np.array([1, 5])), (2, 3)),
    "unstack": one(X),
    "unwrap": lambda f, t: (f(t(V * 20)), f(t(X * 20), axis=0, period=4.0)),
    "vander": lambda f, t: f(t(V), 3, increasing=True),
    "vdot": two(C, C + 1j),
    "vsplit": lambda f, t: f(t(X), 2),
    "vstack": lambda f, t: f([t(X), t(Y)]),
    "where": lambda f, t: (f(B, t(X), t(Y)), f(t(B))),
    "std": lambda f, t: (f(t(X), ddof=1), f(t(X), axis=1, where=B | True, keepdims=True)),
    "var": lambda f, t: (f(t(X), ddof=1), f(t(X), axis=1, correction=1), f(t(X), where=Y > X)),
    "sum": lambda f, t: (f(t(X), axis=0, where=B, initial=2.0), f(t(X), dtype=np.float32, keepdims=True)),
    "mean": lambda f, t: (f(t(X), axis=(0, 1)), f(t(X), where=B)),
    "max": lambda f, t: (f(t(X), axis=0), f(t(X), where=B, initial=0.0)),
    "all": lambda f, t: (f(t(X), axis=0), f(t(X), axis=1, where=B, keepdims=True)),
    "any": lambda f, t: (f(t(X), axis=0), f(t(X), axis=1, where=B)),
    "count_nonzero": lambda f, t: f(t(X), axis=1),
}

LINALG: dict[str, Call] = {
    "cholesky": one(SPD),
    "cond": lambda f, t: (f(t(S)), f(t(S), 1)),
    "cross": two(X, Y),
    "det": one(S),
    "diagonal": one(S),
    "eig": one(SPD + 1j * S),  # of real matrices gradtape's are complex, as the Array API has it
    "eigh": one(SPD),
    "eigvals": one(SPD + 1j * S),
    "eigvalsh": lambda f, t: f(t(SPD), UPLO="U"),
    "inv": one(S),
    "lstsq": lambda f, t: f(t(X.T), t(np.array([1.0, 2.0, 3.0])))[0],
    "matmul": two(X, S),
    "matrix_norm": lambda f, t: (f(t(S)), f(t(S), ord=1)),
    "matrix_power": lambda f, t: (f(t(S), 3), f(t(S), -2)),
    "matrix_rank": one(S),
    "matrix_transpose": one(X),
    "multi_dot": lambda f, t: f([t(X), t(S), t(X.T)]),
    "norm": lambda f, t: (f(t(X)), f(t(X), 2, 1), f(t(S), "nuc"), f(t(S), ord=2), f(t(V), 3)),
    "outer": two(V, W),
    "pinv": one(X),
    "qr": lambda f, t: (f(t(S)), f(t(X.T)), f(t(S), mode="r")),
    "slogdet": one(S),
    "solve": two(S, X.T),
    "svd": lambda f, t: (f(t(X), full_matrices=False)[1], f(t(X), compute_uv=False)),
    "svdvals": one(X),
    "tensordot": two(S, SPD),
    "tensorinv": lambda f, t: f(t(S.reshape(3, 1, 3)), ind=2),
    "tensorsolve": two(S, X[0]),
    "trace": one(S),
    "vecdot": two(X, Y),
    "vector_norm": lambda f, t: (f(t(X)), f(t(X), axis=1, ord=1)),
}

FFT: dict[str, Call] = {
    name: one(X) for name in "fft fft2 fftn fftshift hfft ifft ifft2 ifftn ifftshift ihfft irfft irfft2 irfftn".split()
} | {name: one(X) for name in "rfft rfft2 rfftn".split()}
FFT["fft"] = lambda f, t: (f(t(X), 5), f(t(X), axis=0, norm="ortho"))

#: What refuses, with a remedy: it would write into its argument.
IN_PLACE = "copyto fill_diagonal place put put_along_axis putmask".split()

#: Names that never meet a Tensor, or for which a derivative has no meaning, and why.
EXPLAINED: dict[str, str] = {
    name: why
    for why, names in {
        "dates and times": "busday_count busday_offset busdaycalendar datetime64 datetime_as_string datetime_data "
        "is_busday isnat timedelta64",
        "bits in bytes": "packbits unpackbits",
        "files and buffers: what is read is an array, which gt.asarray takes": "fromfile fromregex fromstring "
        "frombuffer genfromtxt load loadtxt memmap save savetxt savez savez_compressed fromiter",
        "text": "base_repr binary_repr char format_float_positional format_float_scientific get_printoptions info "
        "printoptions set_printoptions strings str_ bytes_ typename",
        "dtypes, which gradtape names itself or takes from NumPy": "False_ ScalarType True_ bool bool_ byte cdouble "
        "character clongdouble complex128 complex256 complex64 complexfloating csingle double dtype dtypes finfo "
        "flexible float128 float16 float32 float64 floating generic half iinfo inexact int16 int32 int64 int8 int_ "
        "intc integer intp isdtype issubdtype long longdouble longlong mintypecode number object_ promote_types "
        "sctypeDict short signedinteger single typecodes ubyte uint uint16 uint32 uint64 uint8 uintc uintp "
        "ulong ulonglong unsignedinteger ushort void",
        "numbers and settings": "__version__ e errstate euler_gamma get_include getbufsize geterr geterrcall inf "
        "little_endian nan newaxis pi setbufsize seterr seterrcall show_config show_runtime test isscalar iterable "
        "isfortran exceptions __array_namespace_info__",
        "modules": "core ctypeslib emath f2py fft lib linalg ma polynomial random rec testing typing",
        "classes of arrays and iterators of NumPy's own": "asmatrix bmat broadcast flatiter matrix ndarray ndenumerate "
        "ndindex nditer nested_iters poly1d recarray record ufunc",
        "makes arrays, and NumPy hands nothing over: gradtape has its own by this name": "arange array asanyarray "
        "asarray asarray_chkfinite ascontiguousarray asfortranarray bartlett blackman broadcast_shapes diag_indices "
        "empty eye from_dlpack fromfunction full hamming hanning identity indices kaiser mask_indices ones require "
        "row_stack tri tril_indices triu_indices zeros",
        "notation that makes arrays, where NumPy hands nothing over: gt.concat, gt.meshgrid, gt.linspace": (
            "c_ index_exp mgrid ogrid r_ s_"
        ),
        "wraps a Python function for NumPy's loops: gt.vmap does that": "frompyfunc vectorize",
    }.items()
    for name in names.split()
}


def tensors(x: Any) -> gt.Tensor:
    return gt.asarray(x)


def raw(x: Any) -> Any:
    return x


def same(found: Any, wanted: Any, tolerance: float) -> None:
    if isinstance(wanted, dict):
        wanted, found = list(wanted.values()), list(found.values())
    if isinstance(wanted, list | tuple) and not np.isscalar(wanted):
        assert len(found) == len(wanted)
        for f, w in zip(found, wanted, strict=True):
            same(f, w, tolerance)
    elif isinstance(wanted, np.ndarray | np.number) and wanted.dtype.kind in "biufc":
        assert isinstance(found, gt.Tensor | np.dtype | bool)
        assert found.shape == wanted.shape
        assert found.dtype == wanted.dtype
        np.testing.assert_allclose(found.numpy(), wanted, rtol=tolerance, atol=tolerance)
    else:
        assert found == wanted or (isinstance(wanted, str) and found.split() == wanted.split())


@pytest.mark.parametrize("name", sorted(CASES))
def test_numpy(name: str) -> None:
    same(CASES[name](getattr(np, name), tensors), CASES[name](getattr(np, name), raw), 1e-12)


@pytest.mark.parametrize("name", sorted(LINALG))
def test_numpy_linalg(name: str) -> None:
    f = getattr(np.linalg, name)
    same(LINALG[name](f, tensors), LINALG[name](f, raw), 1e-9)


@pytest.mark.parametrize("name", sorted(FFT))
def test_numpy_fft(name: str) -> None:
    f = getattr(np.fft, name)
    same(FFT[name](f, tensors), FFT[name](f, raw), 1e-12)


@pytest.mark.parametrize("name", IN_PLACE)
def test_what_writes_into_its_argument_refuses(name: str) -> None:
    more: dict[str, Any] = {
        "copyto": (X,), "fill_diagonal": (1.0,), "place": (B, [1.0]), "put": ([0], [1.0]), "putmask": (B, X),
    }  # fmt: skip
    if name == "put_along_axis":
        with pytest.raises(gt.ImmutableError, match="a Tensor cannot be written into a NumPy array"):
            np.put_along_axis(X.copy(), np.array([[0], [1]]), gt.ones((2, 1)), 1)
        return
    with pytest.raises(gt.ImmutableError, match=r"t\.at\[index\]"):
        getattr(np, name)(gt.asarray(X), *more[name])


def test_every_name_is_supported_or_explained() -> None:
    """Strict both ways: nothing is left out, and nothing is explained that NumPy does not have or that works."""
    left_out = set(np.__all__) - set(CASES) - set(EXPLAINED) - set(IN_PLACE)
    assert not left_out
    assert not (set(CASES) | set(IN_PLACE)) & set(EXPLAINED)
    assert set(EXPLAINED) <= set(dir(np)) | {"complex256", "float128", "clongdouble"}
    assert set(np.linalg.__all__) - set(LINALG) == {"LinAlgError"}
    assert set(np.fft.__all__) - set(FFT) == {"fftfreq", "rfftfreq"}  # make arrays: gt.fft has them


def test_what_dispatches_and_is_not_supported_says_so() -> None:
    t = gt.ones(8)
    for name in ("busday_count", "packbits", "unpackbits", "isnat"):
        with pytest.raises(gt.UnknownNameError, match=f"np.{name}"):
            getattr(np, name)(*[t] * (2 if name == "busday_count" else 1))


# -- ufuncs' methods -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "ufunc", [np.add, np.multiply, np.maximum, np.minimum, np.logaddexp, np.hypot, np.subtract, np.divide]
)
def test_methods_of_ufuncs(ufunc: Any) -> None:
    t = gt.asarray(X)
    for axis in (0, 1):
        same(ufunc.reduce(t, axis=axis), ufunc.reduce(X, axis=axis), 1e-13)
        same(ufunc.reduce(t, axis=axis, keepdims=True), ufunc.reduce(X, axis=axis, keepdims=True), 1e-13)
        same(ufunc.accumulate(t, axis=axis), ufunc.accumulate(X, axis=axis), 1e-13)
    same(ufunc.outer(t, gt.asarray(V)), ufunc.outer(X, V), 1e-13)


@pytest.mark.parametrize("ufunc", [np.add, np.multiply, np.maximum, np.minimum])
def test_reduceat(ufunc: Any) -> None:
    for starts in ([0, 2, 1], [1], [0, 1, 2]):
        same(ufunc.reduceat(gt.asarray(X), starts, axis=1), ufunc.reduceat(X, starts, axis=1), 1e-13)
    v = gt.asarray(V)
    with gt.GradientTape() as tape:
        y = np.add.reduceat(v, [0, 3, 1])
    np.testing.assert_array_equal(tape.gradient(y, v, output_gradients=[1.0, 10.0, 100.0]), [1, 101, 101, 110, 100])
    with pytest.raises(IndexError, match="length 5"):
        np.add.reduceat(v, [0, 5])


def test_reduction_of_a_ufunc_differentiates() -> None:
    x = gt.asarray([3.0, 4.0, 12.0])
    with gt.GradientTape() as tape:
        y = np.hypot.reduce(x)
    np.testing.assert_allclose(tape.gradient(y, x), np.array([3, 4, 12]) / 13, rtol=1e-15)


# -- SciPy's ufuncs --------------------------------------------------------------------------------------------------


def test_scipy_ufuncs() -> None:
    special = pytest.importorskip("scipy.special")
    t = gt.asarray(X)
    for name in (
        "erf",
        "erfc",
        "ndtr",
        "gammaln",
        "digamma",
        "expit",
        "logit",
        "j0",
        "i1",
        "cbrt",
        "exp2",
        "zeta",
        "fresnel",
    ):
        f = getattr(special, name)
        same(f(t), f(X), 1e-12)
    same(special.zeta(t + 1), special.zeta(X + 1), 1e-12)
    same(special.gammainc(t, 2.0), special.gammainc(X, 2.0), 1e-12)
    same(special.jv(1, t), special.jv(1, X), 1e-12)
    x = gt.asarray(0.5)
    with gt.GradientTape() as tape:
        y = special.erf(x)
    assert float(tape.gradient(y, x)) == pytest.approx(2 / np.pi**0.5 * np.exp(-0.25), rel=1e-15)
    with pytest.raises(gt.UnknownNameError, match=r"mathieu_a(.|\n)*custom_gradient"):
        special.mathieu_a(1, t)
