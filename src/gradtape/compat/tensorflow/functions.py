"""tf.function and what goes with it."""

from __future__ import annotations

import functools
import inspect
import sys
import weakref
from collections.abc import Callable
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np

from ... import trees
from ...compiling.arguments import Fixed
from ...compiling.tracing import must_repeat, tracing
from ...errors import message
from ...record import sites
from ...record.tensor import Tensor
from . import config
from .convert import TensorShape, is_value, tensor
from .dtypes import DType, as_dtype, numpy_dtype
from .names import gt

_gradtape_composes = True

__all__ = ["TensorSpec", "autograph", "function", "py_function", "recompute_grad"]

_print = print


class Function:
    """What ``tf.function`` returns: the function compiled by ``gt.function``, with TensorFlow's attributes."""

    def __init__(self, python_function: Callable[..., Any], input_signature: Any = None) -> None:
        functools.update_wrapper(self, python_function)
        self.python_function = python_function
        self.input_signature = None if input_signature is None else tuple(input_signature)
        self._compiled = gt.function(self._traced)
        self._methods: WeakKeyDictionary[Any, Function] = WeakKeyDictionary()

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        if self.input_signature is not None:
            args, kwargs = bound(self, args, kwargs), {}
        if tracing.get() or config.functions_run_eagerly():
            return self.python_function(*args, **kwargs)
        # Python's numbers are a part of the program, as in TensorFlow: each value has one of its own.
        args, kwargs = trees.tree_map(lambda x: Fixed(x) if type(x) in (float, complex) else x, (args, kwargs))
        return self._compiled(*args, **kwargs)

    def _traced(self, *args: Any, **kwargs: Any) -> Any:
        """The function, with numbers that it returns as Tensors."""
        leaves, structure = trees.flatten(self.python_function(*args, **kwargs))
        for x in leaves:
            if not (is_value(x) or isinstance(x, _PLAIN)):
                must_repeat(f"it returns an object of type {type(x).__name__}")
        return trees.unflatten(structure, [tensor(x) if isinstance(x, _NUMBERS) or is_value(x) else x for x in leaves])

    def __get__(self, instance: Any, owner: Any = None) -> Any:
        """A method: each object has programs of its own, for as long as it lives."""
        if instance is None:
            return self
        try:
            made = self._methods.get(instance)
            if made is None:
                made = self._methods[instance] = Function(_method(self.python_function, instance), self.input_signature)
        except TypeError:  # an object without a hash or weak references
            return self.python_function.__get__(instance, owner)
        return made

    def get_concrete_function(self, *args: Any, **kwargs: Any) -> Function:
        """Itself: it is recorded when it is called, for the arguments that it is called with."""
        return self

    def experimental_get_tracing_count(self) -> int:
        """How many paths have been recorded."""
        return sum([len(paths.paths) for paths in self._compiled.kinds.values()])

    def report(self) -> str:
        """The paths, their guards and costs: as of :func:`gradtape.function`."""
        return self._compiled.report()


_NUMBERS = (bool, int, float, complex, np.ndarray, np.generic)
_PLAIN = (*_NUMBERS, str, bytes)


def _method(f: Callable[..., Any], instance: Any) -> Callable[..., Any]:
    """The method of an object that may die: its programs do not keep it alive."""
    alive = weakref.ref(instance)

    @functools.wraps(f)
    def method(*args: Any, **kwargs: Any) -> Any:
        return f(alive(), *args, **kwargs)

    del method.__wrapped__  # its arguments are fewer
    parameters = list(inspect.signature(f).parameters.values())[1:]
    method.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    return method


def bound(function: Function, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[Any, ...]:
    """The arguments as ``input_signature`` wants them, in its order."""
    signature = inspect.signature(function.python_function)
    given = signature.bind(*args, **kwargs)
    values = list(given.arguments.values())
    specs = function.input_signature or ()
    if len(values) != len(specs) or given.kwargs:
        raise TypeError(
            message(
                f"{function.__name__}: {len(values)} arguments where input_signature has {len(specs)}",  # type: ignore[attr-defined]
                where=str(sites.user_line()),
            )
        )
    return tuple(
        [_fitted(function, x, spec, f"argument {i}") for i, (x, spec) in enumerate(zip(values, specs, strict=True))]
    )


def _fitted(function: Function, x: Any, spec: Any, name: str) -> Any:
    """One argument, or a tree of them, in the dtypes that are asked for."""
    if isinstance(spec, dict):
        return {k: _fitted(function, x[k], s, f"{name}[{k!r}]") for k, s in spec.items()}  # pyright: ignore[reportUnknownVariableType]
    if isinstance(spec, list | tuple):
        parts = [_fitted(function, y, s, f"{name}[{i}]") for i, (y, s) in enumerate(zip(x, spec, strict=True))]  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]
        return type(x)(parts) if type(x) in (list, tuple) else parts
    if not isinstance(spec, TensorSpec):
        return x
    value = x if is_value(x) else tensor(x, spec.dtype)
    known = None if spec.shape is None else tuple(spec.shape)
    fits = known is None or (
        len(known) == len(value.shape) and all(n is None or n == m for n, m in zip(known, value.shape, strict=True))
    )
    if not fits or value.dtype != numpy_dtype(spec.dtype):
        raise TypeError(
            message(
                f"{function.__name__}: {name} does not fit input_signature",  # type: ignore[attr-defined]
                [f"wanted {spec}", f"found {value.dtype}{list(value.shape)}"],
                str(sites.user_line()),
            )
        )
    return value


def function(
    func: Any = None,
    input_signature: Any = None,
    autograph: bool = True,
    jit_compile: Any = None,
    reduce_retracing: bool = False,
    experimental_implements: Any = None,
    experimental_autograph_options: Any = None,
    experimental_attributes: Any = None,
    experimental_relax_shapes: Any = None,
    experimental_compile: Any = None,
    experimental_follow_type_hints: Any = None,
) -> Any:
    """Decorator, with or without arguments: the function compiled by :func:`gradtape.function`.

    The first call for arguments of a kind runs as it is and is recorded, with Python's side effects; later ones run the
    record.  Python's numbers are a part of the program, so that each value has one of its own; Tensors and arrays are
    inputs.  Python's ``if`` and ``while`` on Tensors are right without AutoGraph: each way they go is recorded, and
    guarded.  ``jit_compile``, ``autograph`` and ``reduce_retracing`` are accepted; the engine chooses for itself.

    ``input_signature``: TensorSpecs of the arguments, or trees of them; TypeError where an argument does not fit.

    >>> import gradtape.compat.tensorflow as tf
    >>> @tf.function
    ... def f(x, n):
    ...     return x**n if x > 0 else -x
    >>> f(tf.constant(3.0), 2), f(tf.constant(-3.0), 2), f(tf.constant(2.0), 3)
    (Tensor(9.0, dtype=float32), Tensor(3.0, dtype=float32), Tensor(8.0, dtype=float32))
    """
    if func is None:
        return lambda f: Function(f, input_signature)  # pyright: ignore[reportUnknownVariableType, reportUnknownLambdaType, reportUnknownArgumentType]
    return Function(func, input_signature)


def py_function(func: Any = None, inp: Any = (), Tout: Any = None, name: Any = None) -> Any:
    """``func(*inp)``; what it computes with Tensors is recorded.  Inside ``tf.function`` it runs at every call."""
    must_repeat("tf.py_function is called")
    return func(*inp)


def recompute_grad(f: Any) -> Any:
    """The function, of whose computation a tape keeps what goes in and comes out: ``gt.checkpoint``."""
    return gt.checkpoint(f)


class TensorSpec:
    """A shape and a dtype, for signatures."""

    def __init__(self, shape: Any, dtype: Any = np.float32, name: Any = None) -> None:
        self.shape = None if shape is None else TensorShape(shape)
        self.dtype: DType = as_dtype(dtype)
        self.name = name

    def __repr__(self) -> str:
        return f"TensorSpec(shape={self.shape}, dtype={self.dtype!r}, name={self.name!r})"


class autograph:  # noqa: N801
    """tf.autograph: Python's control flow is simply carried out."""

    @staticmethod
    def to_graph(entity: Any, *_: Any, **__: Any) -> Any:
        """The function itself."""
        return entity

    class experimental:  # noqa: N801
        """tf.autograph.experimental."""

        @staticmethod
        def do_not_convert(func: Any = None) -> Any:
            """The function itself."""
            return func if func is not None else lambda f: f  # pyright: ignore[reportUnknownVariableType, reportUnknownLambdaType]

        @staticmethod
        def set_loop_options(*_: Any, **__: Any) -> None:
            """Accepted; it changes nothing."""


def show(
    *inputs: Any, output_stream: Any = None, end: str = "\n", sep: str = " ", summarize: Any = 3, name: Any = None
) -> None:
    """tf.print: the values, to standard error unless a stream is named; inside ``tf.function`` too, at every call."""
    must_repeat("tf.print prints")
    texts = [_text(x) for x in inputs]
    stream = sys.stdout if output_stream in ("stdout", sys.stdout) else output_stream
    _print(*texts, sep=sep, end=end, file=stream if hasattr(stream, "write") else sys.stderr)


def _text(x: Any) -> str:
    if is_value(x):
        data = np.asarray(x.data if isinstance(x, Tensor) else x.value.data)
        return np.array2string(data) if data.ndim else str(data[()])
    if isinstance(x, list | tuple):
        return "[" + ", ".join(_text(y) for y in x) + "]"  # pyright: ignore[reportUnknownVariableType]
    return str(x)
