"""Random bits as pure functions of a key and the number of the draw: Philox4x64 with ten rounds (Salmon et al. 2011).

A generator counts; it keeps no other state.  Block i of draw d under a key is the cipher of the counter (i + 1, d,
purpose, 0), so a draw can be made again, at any time and anywhere: by a checkpoint, a compiled program, a batch.  Other
draws, and keys derived from the same key (another purpose), never touch its blocks.
"""

from __future__ import annotations

import threading
from math import prod
from typing import Any

import numpy as np

from ..rules.batching import lanes, leading
from ..rules.kinds import constant

_MULTIPLIERS = (0xD2E7470EE14C6C93, 0xCA5A826395121157)
_WEYL = (0x9E3779B97F4A7C15, 0xBB67AE8584CAA73B)
_LOW = 0xFFFFFFFF
_kept = threading.local()  # NumPy's generator: putting it at a counter is ten times faster than making one


def high_product(xp: Any, a: int, b: Any) -> Any:
    """The upper 64 bits of the product of a number below 2**64 and an array of uint64, in parts of 32 bits."""
    low, high = xp.uint64(a & _LOW), xp.uint64(a >> 32)
    mask, half = xp.uint64(_LOW), xp.uint64(32)
    b_low, b_high = b & mask, b >> half
    outer, inner = low * b_high, high * b_low
    middle = ((low * b_low) >> half) + (outer & mask) + (inner & mask)
    return high * b_high + (outer >> half) + (inner >> half) + (middle >> half)


def philox(xp: Any, key: Any, counter: Any) -> Any:
    """Four words for each key (pair) and counter (quadruple): tuples of uint64 arrays that broadcast."""
    (k0, k1), (c0, c1, c2, c3) = key, counter
    for step in range(10):
        if step:
            k0, k1 = k0 + xp.uint64(_WEYL[0]), k1 + xp.uint64(_WEYL[1])
        first, second = high_product(xp, _MULTIPLIERS[0], c0), high_product(xp, _MULTIPLIERS[1], c2)
        low_first, low_second = c0 * xp.uint64(_MULTIPLIERS[0]), c2 * xp.uint64(_MULTIPLIERS[1])
        c0, c1, c2, c3 = second ^ c1 ^ k0, low_second, first ^ c3 ^ k1, low_first
    return c0, c1, c2, c3


def _by_numpy(key: Any, number: Any, count: int, purpose: int) -> Any:
    """The words of one draw by NumPy's own Philox, which is several times faster."""
    if not hasattr(_kept, "philox"):
        _kept.philox = np.random.Philox(0)
        _kept.state = _kept.philox.state  # its buffer is empty
    counter = np.array([0, number, purpose, 0], np.uint64)
    state: Any = {**_kept.state, "state": {"counter": counter, "key": key}}
    _kept.philox.state = state
    return _kept.philox.random_raw(count)


def _by_blocks(xp: Any, key: Any, number: Any, count: int, purpose: int) -> Any:
    """The words of a batch of draws: keys (..., 2), numbers (...)."""
    block = xp.arange(1, (count + 3) // 4 + 1, dtype=xp.uint64)
    number = number[..., None]
    zero = xp.zeros_like(block)
    with np.errstate(over="ignore"):  # arithmetic modulo 2**64 is meant
        words = philox(xp, (key[..., 0:1], key[..., 1:2]), (block, number, zero + xp.uint64(purpose), zero))
    shape = (*np.broadcast_shapes((*key.shape[:-1], 1), number.shape)[:-1], block.shape[0])
    stacked = xp.stack([xp.broadcast_to(w, shape) for w in words], axis=-1)
    return xp.reshape(stacked, (*shape[:-1], 4 * block.shape[0]))[..., :count]


def _bits(xp: Any, key: Any, number: Any, *, shape: tuple[int, ...], purpose: int = 0) -> Any:
    count = prod(shape)
    several = np.broadcast_shapes(key.shape[:-1], np.shape(number))
    if xp is np and prod(several) == 1:
        words = _by_numpy(key.reshape(2), np.reshape(number, ()), count, purpose)
    else:
        words = _by_blocks(xp, key, xp.asarray(number), count, purpose)
    return xp.reshape(words, (*several, *shape))[()]


def _uniform(xp: Any, key: Any, number: Any, *, shape: tuple[int, ...], dtype: str) -> Any:
    """(k + 1/2) / 2**52: all exact, none 0 or 1; as many bits as float32 holds where that is wanted."""
    words = _bits(xp, key, number, shape=shape)
    bits = 23 if dtype == "float32" else 52
    floats = (words >> xp.uint64(64 - bits)).astype(dtype)
    return ((floats + 0.5) * 2.0**-bits).astype(dtype)[()]


def _cases(**params: Any) -> Any:
    def sample(rng: Any) -> Any:
        def key(*shape: int) -> Any:
            return rng.integers(0, 2**63, (*shape, 2), dtype=np.uint64)

        return [
            ((key(), np.uint64(3)), {"shape": (2, 3), **params}),
            ((key(), np.uint64(2**64 - 1)), {"shape": (), **params}),
            ((key(), np.uint64(0)), {"shape": (0,), **params}),
            ((key(4), np.arange(4, dtype=np.uint64)), {"shape": (3,), **params}),
            ((key(2, 1), np.arange(3, dtype=np.uint64)), {"shape": (5,), **params}),
        ]

    return sample


random_bits = constant(
    "random_bits",
    _bits,
    arity=2,
    params={"shape": [(3,)], "purpose": [0, 1]},
    sample=_cases(purpose=1),
    batch=leading(1, 0),
    doc="Random uint64 of the given shape, from a key (two uint64) and the number of the draw; purpose 1: new keys.",
    public=False,
)
random_uniform = constant(
    "random_uniform",
    _uniform,
    arity=2,
    params={"shape": [(3,)], "dtype": ["float64", "float32"]},
    sample=_cases(dtype="float64"),
    batch=leading(1, 0),
    doc="Uniform draws between 0 and 1, neither included, from a key and the number of the draw.",
    public=False,
)


def _integers(xp: Any, bits: Any, *, low: int, high: int, dtype: str) -> Any:
    """floor(bits / 2**64 * (high - low)) + low: off uniform by less than (high - low) / 2**64."""
    if high - low >= 2**64:
        span = bits
    else:
        with np.errstate(over="ignore"):
            span = high_product(xp, high - low, xp.asarray(bits))
    with np.errstate(over="ignore"):
        return (span + xp.uint64(low % 2**64)).astype(dtype)[()]


random_integers = constant(
    "random_integers",
    _integers,
    params={"low": [-3], "high": [4], "dtype": ["int64"]},
    sample=lambda rng: [
        ((rng.integers(0, 2**63, shape, dtype=np.uint64),), {"low": -3, "high": 4, "dtype": "int64"})
        for shape in ((), (3,), (2, 3), (0,))
    ],
    batch=lanes,
    doc="Integers from low up to high, high excluded, from random bits.",
    public=False,
)
