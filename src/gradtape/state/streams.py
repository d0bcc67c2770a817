"""Where random draws come from: a key, and the number of the next draw.

A draw is a pure function of both (primitives/random_bits.py), and both are inputs of its entry on the record.  So a
program that is replayed makes the same draws; one that is given other numbers makes fresh ones.  What runs a function
again, instead of its record, puts the numbers back before: ``rewound``.

Key and number are Variables.  While a compiled function is recorded, drawing reads and assigns them as any other
Variables: they are state of its program, in and out, so that every call makes the draws that plain Python would make.
"""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from typing import Any
from weakref import WeakSet

import numpy as np

from ..compiling.tracing import must_repeat, tracing
from ..errors import ShapeError, message
from ..numpy.cutting import unstack
from ..primitives import random_bits as rows
from ..record import sites
from ..record.draws import mark
from ..record.tensor import Tensor, value_of
from ..record.variable import Variable
from ..record.writer import lift

_gradtape_composes = True

__all__ = ["Stream", "broadcast_shape", "positions", "rewound"]

_NEW_KEYS, _NUMPY = 1, 2  # what a key is used for, besides draws

_alive: WeakSet[Stream] = WeakSet()


class Stream:
    """A key and a counter: the part of a generator that has state."""

    def __init__(self, seed: Any = None) -> None:
        if seed is None:
            must_repeat("a generator without a seed is made")
        self._start(_key_of(seed))

    def _start(self, key: Tensor) -> None:
        self._key = Variable(key, trainable=False)
        self._count = Variable(np.uint64(0), trainable=False)
        self._numpy: np.random.Generator | None = None
        _alive.add(self)

    def restart(self, seed: Any = None) -> None:
        """Begin anew, as a generator of that seed does."""
        self.position = Tensor(np.uint64(0)), _key_of(seed), None

    @property
    def key(self) -> Tensor:
        """The two numbers, of type uint64, that make its draws differ from those of others."""
        return self._key.value if tracing.get() else self._key.current

    @classmethod
    def from_key(cls, key: Any) -> Any:
        """The generator of a key, two uint64: one of :meth:`keys`, whole or an example of it inside ``gt.vmap``."""
        key = lift(key)
        if not (isinstance(key, Tensor) and key.shape == (2,) and key.dtype == np.uint64):
            raise ShapeError(
                message(
                    "a key has two numbers of type uint64",
                    [f"{type(key).__name__}" if not isinstance(key, Tensor) else f"shape {key.shape}, {key.dtype}"],
                    str(sites.user_line()),
                    "Take one row of rng.keys(n).",
                )
            )
        made = object.__new__(cls)
        made._start(key)
        return made

    def __setstate__(self, state: dict[str, Any]) -> None:  # a copy has draws of its own to count
        self.__dict__.update(state)
        _alive.add(self)

    def _number(self) -> Tensor:
        """The number of the next draw."""
        if tracing.get():
            number = self._count.value
            self._count.rename(number + 1)
            return number
        number = self._count.current
        self._count.settle(Tensor(np.uint64(int(number.data) + 1)))
        return number

    def draw(self, shape: tuple[int, ...], dtype: str = "float64") -> Tensor:
        """Uniform draws between 0 and 1, neither included: one recorded entry that takes the key and the number."""
        return mark(rows.random_uniform(self.key, self._number(), shape=shape, dtype=dtype))

    def bits(self, shape: tuple[int, ...]) -> Tensor:
        """Random uint64."""
        return rows.random_bits(self.key, self._number(), shape=shape, purpose=0)

    def keys(self, *shape: int) -> Tensor:
        """New keys, of shape (\\*shape, 2): as an argument of ``gt.vmap``, draws of its own for every example.

        >>> import gradtape as gt
        >>> rng = gt.random.default_rng(0)
        >>> draw = gt.vmap(lambda key: gt.random.Generator.from_key(key).normal(size=3))
        >>> draw(rng.keys(5)).shape
        (5, 3)
        """
        return rows.random_bits(self.key, self._number(), shape=(*shape, 2), purpose=_NEW_KEYS)

    def split(self, n: int = 2) -> list[Any]:
        """``n`` generators whose streams are independent of this one's and of each other's."""
        return [type(self).from_key(key) for key in unstack(self.keys(n))]

    spawn = split

    @property
    def numpy_generator(self) -> np.random.Generator:
        """A NumPy generator of the same key, for draws that no record needs to know."""
        must_repeat("NumPy's generator is drawn from")
        if self._numpy is None:
            counter = np.array([0, 0, _NUMPY, 0], np.uint64)
            bits = np.random.Philox(key=np.asarray(self._key.current.data), counter=counter)
            self._numpy = np.random.Generator(bits)
        return self._numpy

    @property
    def position(self) -> Any:
        """How far the stream is; may be set, to an earlier position too, and the same draws follow."""
        state = None if self._numpy is None else self._numpy.bit_generator.state
        return self._count.current, self._key.current, state

    @position.setter
    def position(self, position: Any) -> None:
        count, key, state = position
        for variable, value in ((self._count, count), (self._key, key)):
            if variable.current is not value:
                if tracing.get():
                    variable.rename(value)
                else:
                    variable.settle(value)
        if state is None:
            self._numpy = None
        else:
            self.numpy_generator.bit_generator.state = state


def _key_of(seed: Any) -> Tensor:
    sequence = seed if isinstance(seed, np.random.SeedSequence) else np.random.SeedSequence(_entropy(seed))
    return Tensor(sequence.generate_state(2, np.uint64))


def _entropy(seed: Any) -> Any:
    """What NumPy makes a seed of: None, a whole number that is not negative, or several."""
    if seed is None:
        return None
    found = np.asarray(value_of(lift(seed)))
    if found.dtype.kind not in "iu" or found.ndim > 1 or (found.size and found.min() < 0):
        raise ValueError(
            message(
                "a seed is a whole number that is not negative, or a sequence of them",
                [f"{seed!r}"],
                str(sites.user_line()),
            )
        )
    return int(found) if found.ndim == 0 else [int(n) for n in found]


def positions() -> dict[Stream, Any]:
    """How far every generator is."""
    return {stream: stream.position for stream in list(_alive)}


@contextmanager
def rewound(to: dict[Stream, Any]) -> Generator[None]:
    """In the block, the generators make again the draws that followed ``positions()``; after it they go on.

    >>> import gradtape as gt
    >>> before = gt.random.positions()
    >>> x = gt.random.normal(size=3)
    >>> with gt.random.rewound(before):
    ...     print(gt.all(gt.random.normal(size=3) == x))
    Tensor(True)
    """
    now = positions()
    for stream, position in to.items():
        stream.position = position
    try:
        yield
    finally:
        for stream in to:
            stream.position = now.get(stream, stream.position)


def broadcast_shape(size: Any, *shapes: tuple[int, ...]) -> tuple[int, ...]:
    """``size``, which parameters of these shapes must fit into; where it is None, what they broadcast to."""
    whole = np.broadcast_shapes(*shapes)
    if size is None:
        return whole
    wanted = (int(size),) if np.ndim(size) == 0 else tuple(int(n) for n in size)
    try:
        fits = np.broadcast_shapes(wanted, whole) == wanted
    except ValueError:
        fits = False
    if not fits:
        raise ShapeError(
            message(
                f"size {wanted} does not hold the parameters",
                [f"they broadcast to {whole}"],
                str(sites.user_line()),
                "size is the whole shape of the result.",
            )
        )
    return wanted
