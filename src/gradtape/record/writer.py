"""The one writer: carries out a primitive, and appends an entry while a tape is open.

This is the hot path.  An eager recorded operation costs a few tenths of a microsecond beside NumPy's own
time, so everything that can be checked when something has gone wrong is checked then, and not before.

``operation(primitive)`` makes the function that the rest of gradtape calls.  With no Tensor among its
arguments it computes on raw arrays and returns one: rules run at NumPy's speed when nobody records.
``public(primitive)`` makes its twin for users, which always returns a Tensor.

The line kept with an entry is the caller's.  Modules whose functions compose operations on a user's behalf say
so with ``_gradtape_composes = True``: for them the stack is walked up to the user's line.  Rules and sweeps do
not: their entries belong to the derivative that was asked for, which a query event names.
"""

from __future__ import annotations

from collections.abc import Callable
from sys import _getframe  # pyright: ignore[reportPrivateUsage]
from typing import Any

import numpy as np

from ..errors import AxisError, DegenerateError, DtypeError, GradtapeError, ShapeError, message
from . import sites
from .private import Private, private_among
from .segment import current
from .sites import user_frame
from .tensor import SCALARS, Tensor, read, value_of
from .variable import Variable

_new = object.__new__
_VALUES = (Tensor, Variable, Private)

#: Turns a list or tuple with Tensors inside into one Tensor; set by the room that knows how to stack.
sequence_lifter: list[Callable[[Any], Tensor]] = []
#: The recorded identity, set by the room where it is declared: the same value under another name.
renamer: list[Callable[[Tensor], Tensor]] = []


def lift(x: Any) -> Any:
    """A Tensor, or a Python number, from anything that an operation accepts as an operand."""
    if isinstance(x, Tensor) or type(x) in SCALARS:
        return x
    if isinstance(x, Variable):
        return x.value
    if isinstance(x, np.ndarray | np.generic):
        # Copied only when a record will keep it: the caller may write into the array afterwards.
        _numbers(x, x)
        return Tensor(x if isinstance(x, np.generic) or current.get() is None else x.copy())
    if isinstance(x, list | tuple):
        if sequence_lifter:
            return sequence_lifter[0](x)
        return Tensor(_numbers(np.array(x), x))
    return Tensor(_numbers(np.array(x), x))


def _lifted(primitive: Any, x: Any) -> Any:
    """``lift(x)`` for a row whose answer may be a view of its input: an array stays the caller's."""
    views = primitive.kind in ("linear", "constant") or primitive.variadic is not None
    return lift(x.copy() if views and isinstance(x, np.ndarray) and current.get() is None else x)


def _numbers(data: Any, x: Any) -> Any:
    """``data`` if it holds numbers; else the user is told what was found."""
    if data.dtype.kind not in "biufc":
        raise DtypeError(
            message(
                f"an operand of type {type(x).__name__} ({data.dtype}) is not an array of numbers",
                where=str(sites.user_line()),
                remedy="Pass numbers, NumPy arrays, Tensors or Variables.",
            )
        )
    return data


def to_tensor(x: Any, dtype: Any = None, *, fresh: bool = False) -> Tensor:
    """A Tensor of its own from anything: arrays are copied, Python numbers become strong 0-d values.

    A Tensor of the wanted dtype is returned as it is; one of another dtype must be converted by the
    caller with the recorded ``astype``, and is refused here.  ``fresh``: under an identity of its own, recorded.
    """
    lifted = strong(x) if isinstance(x, Private) else lift(x)
    if isinstance(lifted, Tensor) and (dtype is None or lifted.dtype == dtype):
        # Arrays that were passed in stay the caller's: keep a copy of our own.
        if lifted is x or isinstance(x, Variable | list | tuple) or isinstance(lifted.data, np.generic):
            return renamer[0](lifted) if fresh and isinstance(x, Tensor | Variable) else lifted
        return Tensor(scalar(lifted.data.copy()))
    if isinstance(x, Tensor | Variable):
        raise DtypeError(
            message(
                f"a value of dtype {lifted.dtype} where {np.dtype(dtype)} is wanted",
                remedy="Convert it first: gt.astype(t, dtype).",
            )
        )
    return Tensor(scalar(np.array(value_of(lifted), dtype=dtype)))


def is_number(x: Any) -> bool:
    """Whether ``x`` is a Python number, or stands for one that a program gets."""
    return type(x) in SCALARS or (isinstance(x, Private) and x.weak)


def strong(x: Any) -> Any:
    """A Python number as a Tensor of NumPy's default dtype; a Tensor as it is."""
    if isinstance(x, Private):
        return x.strong()
    return x if isinstance(x, Tensor) else Tensor(np.asarray(x)[()])


def scalar(data: Any) -> Any:
    """0-d arrays as NumPy scalars, on which arithmetic is several times faster; others as they are."""
    return data[()] if data.ndim == 0 else data


def record(primitive: Any, params: Any, inputs: tuple[Any, ...], value: Any) -> Any:
    """Wrap ``value`` as the output of ``primitive`` and append the entry if somebody is recording."""
    output = tuple(Tensor(v) for v in value) if type(value) is tuple else Tensor(value)
    segment = current.get()
    if segment is not None:
        frame = _getframe(3)
        if "_gradtape_composes" in frame.f_globals:
            frame = sites.user_frame(3)
        segment.append((primitive, params, inputs, output, frame.f_code, frame.f_lasti))
    return output


def evaluate(primitive: Any, inputs: tuple[Any, ...], params: dict[str, Any]) -> Any:
    """The raw value of ``primitive`` at raw or recorded inputs."""
    try:
        return primitive.run(*[value_of(x) for x in inputs], **params)
    except Exception as error:
        raise failure(primitive, inputs, params, error) from error


def failure(primitive: Any, inputs: tuple[Any, ...], params: dict[str, Any] | None, error: Exception) -> Exception:
    """What to tell the user when an operation raised: made only then."""
    if isinstance(error, np.linalg.LinAlgError | DegenerateError | IndexError):
        for x in inputs:  # Python may catch it, and goes its way by what the values were
            read(x, f"{primitive.name} raised")
    if isinstance(error, GradtapeError | FloatingPointError | MemoryError):
        return error
    found = [
        f"argument {i}: " + (f"shape {x.shape}, {x.dtype}" if isinstance(x, Tensor) else repr(x))
        for i, x in enumerate(inputs)
    ] + [f"{name} = {value!r}" for name, value in (params or {}).items()]
    told = str(error).removeprefix(f"{primitive.name}: ")
    asked = f"{primitive.name}: {told}"
    text = message(asked, found, str(sites.user_line()))
    if isinstance(error, np.linalg.LinAlgError):
        return np.linalg.LinAlgError(text)
    if isinstance(error, ValueError):  # NumPy's AxisError is an IndexError too
        return AxisError(text) if isinstance(error, IndexError) else ShapeError(text)
    if isinstance(error, IndexError):
        return IndexError(text)
    if isinstance(error, TypeError):
        return DtypeError(text)
    return error


def operation(primitive: Any, lifts: bool = False, operator: str = "") -> Callable[..., Any]:
    """The function that carries out ``primitive``; see the module's docstring for ``lifts``.

    ``operator="plain"`` makes the method behind Python's operator, which leaves operands that it does not know to
    their own methods; ``operator="reflected"`` the one whose operands arrive exchanged.
    """
    several = primitive.outputs > 1
    if primitive.arity == 2 and not primitive.params and not several:
        made = _reflected(primitive) if operator == "reflected" else _binary(primitive, lifts, bool(operator))
    elif primitive.arity == 1:
        several = primitive.params or primitive.outputs > 1
        made = _unary_with_params(primitive, lifts) if several else _unary(primitive, lifts)
    else:
        made = _with_params(primitive, lifts)
    made.__name__ = made.__qualname__ = primitive.name
    made.__doc__ = primitive.doc
    made.primitive = primitive  # type: ignore[attr-defined]
    return made


def public(function: Callable[..., Any]) -> Callable[..., Any]:
    """The user's twin of an operation: it accepts anything array-like and always returns Tensors."""
    return operation(function.primitive, lifts=True)  # type: ignore[attr-defined]


def _unary(primitive: Any, lifts: bool) -> Callable[..., Any]:
    run = primitive.run
    get = current.get

    def op(x: Any, /) -> Any:
        if type(x) is not Tensor:
            if not lifts and not isinstance(x, _VALUES):
                return run(x)
            if isinstance(x, Private):
                return x.take(primitive, (x,), {})
            x = strong(_lifted(primitive, x))
        try:
            value = run(x.data)
        except Exception as error:
            raise failure(primitive, (x,), None, error) from error
        output = _new(Tensor)
        output.data = value
        segment = get()
        if segment is not None:
            frame = _getframe(1)
            if "_gradtape_composes" in frame.f_globals:
                frame = user_frame(2)
            segment.append((primitive, None, (x,), output, frame.f_code, frame.f_lasti))
        return output

    return op


def _unary_with_params(primitive: Any, lifts: bool) -> Callable[..., Any]:
    run = primitive.run
    get = current.get

    def op(x: Any, /, **params: Any) -> Any:
        if type(x) is not Tensor:
            if not lifts and not isinstance(x, _VALUES):
                return run(x, **params)
            if isinstance(x, Private):
                return x.take(primitive, (x,), params)
            x = strong(_lifted(primitive, x))
        try:
            value = run(x.data, **params)
        except Exception as error:
            raise failure(primitive, (x,), params, error) from error
        if type(value) is tuple:
            output: Any = tuple([Tensor(v) for v in value])
        else:
            output = _new(Tensor)
            output.data = value
        segment = get()
        if segment is not None:
            frame = _getframe(1)
            if "_gradtape_composes" in frame.f_globals:
                frame = user_frame(2)
            segment.append((primitive, params, (x,), output, frame.f_code, frame.f_lasti))
        return output

    return op


def _binary(primitive: Any, lifts: bool, defers: bool = False) -> Callable[..., Any]:
    run = primitive.run
    get = current.get

    def op(a: Any, b: Any, /) -> Any:
        try:
            if type(a) is Tensor and type(b) is Tensor:
                value = run(a.data, b.data)
            elif type(a) is Tensor and type(b) in SCALARS:
                value = run(a.data, b)
            elif type(b) is Tensor and type(a) in SCALARS:
                value = run(a, b.data)
            else:
                if not lifts and not isinstance(a, _VALUES) and not isinstance(b, _VALUES):
                    return run(a, b)
                if (private := private_among((a, b))) is not None:
                    return private.take(primitive, (a, b), {})
                a = a.value if type(a) is Variable else lift(a)
                b = b.value if type(b) is Variable else lift(b)
                if type(a) is not Tensor and type(b) is not Tensor:
                    a = strong(a)
                value = run(value_of(a), value_of(b))
        except Exception as error:
            if defers and isinstance(error, DtypeError):
                return NotImplemented
            raise failure(primitive, (a, b), None, error) from error
        output = _new(Tensor)
        output.data = value
        segment = get()
        if segment is not None:
            frame = _getframe(1)
            if "_gradtape_composes" in frame.f_globals:
                frame = user_frame(2)
            segment.append((primitive, None, (a, b), output, frame.f_code, frame.f_lasti))
        return output

    return op


def _reflected(primitive: Any) -> Callable[..., Any]:
    """``other - x`` as a method of x; written out because one more call would cost a quarter of its time."""
    run = primitive.run
    get = current.get

    def op(x: Any, other: Any, /) -> Any:
        try:
            x = x if type(x) is Tensor else lift(x)
            other = other if type(other) in SCALARS else lift(other)
            value = run(value_of(other), x.data)
        except Exception as error:
            if isinstance(error, DtypeError):
                return NotImplemented
            raise failure(primitive, (other, x), None, error) from error
        output = _new(Tensor)
        output.data = value
        segment = get()
        if segment is not None:
            frame = _getframe(1)
            if "_gradtape_composes" in frame.f_globals:
                frame = user_frame(2)
            segment.append((primitive, None, (other, x), output, frame.f_code, frame.f_lasti))
        return output

    return op


def _with_params(primitive: Any, lifts: bool) -> Callable[..., Any]:
    def op(*inputs: Any, **params: Any) -> Any:
        return _general(primitive, inputs, params, lifts)

    return op


def _general(primitive: Any, inputs: tuple[Any, ...], params: dict[str, Any], lifts: bool) -> Any:
    """Every case that is not the hot one: Variables, arrays, lists, parameters, raw operands."""
    if not lifts and not any(isinstance(x, _VALUES) for x in inputs):
        return primitive.run(*inputs, **params)
    if (private := private_among(inputs)) is not None:
        return private.take(primitive, inputs, params)
    lifted = tuple([_lifted(primitive, x) for x in inputs])
    if lifted and not any(isinstance(x, Tensor) for x in lifted):
        lifted = (strong(lifted[0]), *lifted[1:])
    return record(primitive, params or None, lifted, evaluate(primitive, lifted, params))
