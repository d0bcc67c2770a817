"""tf.function and what goes with it.  For now it passes calls through: every call is eager and recorded."""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable
from typing import Any

import numpy as np

from ...record.tensor import Tensor
from .convert import TensorShape, is_value
from .dtypes import DType, as_dtype

_gradtape_composes = True

__all__ = ["TensorSpec", "autograph", "function", "py_function", "recompute_grad"]

_print = print


class Function:
    """What ``tf.function`` returns: the function itself, with TensorFlow's attributes."""

    def __init__(self, python_function: Callable[..., Any], input_signature: Any = None) -> None:
        functools.update_wrapper(self, python_function)
        self.python_function = python_function
        self.input_signature = input_signature

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self.python_function(*args, **kwargs)

    def __get__(self, instance: Any, owner: Any = None) -> Any:
        return (
            self if instance is None else Function(self.python_function.__get__(instance, owner), self.input_signature)
        )

    def get_concrete_function(self, *args: Any, **kwargs: Any) -> Function:
        """Itself: nothing is traced."""
        return self


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
    """Decorator, with or without arguments; the function runs eagerly, recorded."""
    if func is None:
        return lambda f: Function(f, input_signature)  # pyright: ignore[reportUnknownVariableType, reportUnknownLambdaType, reportUnknownArgumentType]
    return Function(func, input_signature)


def py_function(func: Any = None, inp: Any = (), Tout: Any = None, name: Any = None) -> Any:
    """``func(*inp)``; what it computes with Tensors is recorded."""
    return func(*inp)


def recompute_grad(f: Any) -> Any:
    """The function itself: nothing is recomputed, the derivative is the same."""
    return f


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
    """tf.print: the values, to standard error unless a stream is named."""
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
