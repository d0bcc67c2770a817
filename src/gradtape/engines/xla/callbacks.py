"""Rows that only the host can carry out: NumPy's implementation, called from inside the compiled function.

64-bit numbers travel as pairs of 32-bit words, for the thread that JAX calls back on has JAX's own settings, under
which it would round them.  An error on the host cannot leave a compiled function well: it comes out as a flag, like a
guard that disagrees, and the step is then done in Python, where it is raised with the user's line.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from .device import jax


def call_host(run: Callable[[list[Any]], Sequence[Any]], xs: Sequence[Any], outputs: Sequence[Any]) -> list[Any]:
    """``run`` of NumPy arrays as a step of a compiled function: ``outputs`` tell shapes and dtypes.

    The last of the results is the flag: whether it went well, and fitted.
    """
    dtypes = [np.dtype(x.dtype) for x in xs]
    shapes = [tuple(x.shape) for x in xs]
    results = [(tuple(o.shape), np.dtype(o.dtype)) for o in outputs]

    def on_host(*words: Any) -> list[Any]:
        rest = iter(words)
        arrays = [_joined(rest, s, d) for s, d in zip(shapes, dtypes, strict=True)]
        try:
            with np.errstate(all="ignore"):
                made = [np.asarray(y) for y in run(arrays)]
            good = [(y.shape, y.dtype) for y in made] == results
        except Exception:
            good, made = False, []
        if not good:
            made = [np.zeros(s, d) for s, d in results]
        return [*[word for y in made for word in _words(y)], np.asarray(good)]

    xla = jax()
    like = [np.zeros(s, d) for s, d in results]
    shapes_of_words = [xla.ShapeDtypeStruct(w.shape, w.dtype) for y in like for w in _words(y)]
    words = xla.pure_callback(
        on_host,
        [*shapes_of_words, xla.ShapeDtypeStruct((), np.dtype(bool))],
        *[word for x in xs for word in _device_words(x)],
        vmap_method="sequential",
    )
    rest = iter(words[:-1])
    return [*[_device_joined(rest, d) for _, d in results], words[-1]]


# -- on the host ---------------------------------------------------------------------------------------------------


def _words(y: Any) -> list[Any]:
    """An array as arrays of at most 32 bits an element."""
    y = np.ascontiguousarray(y).reshape(y.shape)
    if y.dtype == np.complex128:
        return [*_words(y.real), *_words(y.imag)]
    if y.dtype.itemsize == 8 and y.dtype.kind in "fiu":
        return [y.reshape(*y.shape, 1).view(np.uint32)]
    return [y]


def _joined(words: Any, shape: tuple[int, ...], dtype: Any) -> Any:
    if dtype == np.complex128:
        real = _joined(words, shape, np.dtype(np.float64))
        return (real + 1j * _joined(words, shape, np.dtype(np.float64)))[()]
    word = np.array(next(words))
    if dtype.itemsize == 8 and dtype.kind in "fiu":
        word = word.view(dtype).reshape(shape)
    return word[()] if word.ndim == 0 else word


# -- on the device -------------------------------------------------------------------------------------------------


def _device_words(x: Any) -> list[Any]:
    lax = jax().lax
    if x.dtype == np.complex128:
        return [*_device_words(lax.real(x)), *_device_words(lax.imag(x))]
    if x.dtype.itemsize == 8 and x.dtype.kind in "fiu":
        return [lax.bitcast_convert_type(x, np.uint32)]
    return [x]


def _device_joined(words: Any, dtype: Any) -> Any:
    lax = jax().lax
    if dtype == np.complex128:
        real = _device_joined(words, np.dtype(np.float64))
        return lax.complex(real, _device_joined(words, np.dtype(np.float64)))
    word = next(words)
    if dtype.itemsize == 8 and dtype.kind in "fiu":
        return lax.bitcast_convert_type(word, dtype)
    return word
