"""custom_gradient: a function with a derivative rule of your own."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from functools import wraps
from typing import Any

import numpy as np

from . import trees
from .errors import RuleError, message
from .primitives.complexes import conj
from .primitives.shapes import identity
from .record import sites
from .record.segment import Window, current, is_recording
from .record.tensor import Tensor, value_of
from .record.variable import Variable
from .record.writer import lift, strong
from .rules.primitive import Primitive
from .sweeps.reverse import reverse

_gradtape_composes = True

__all__ = ["custom_gradient"]


def custom_gradient(f: Callable[..., Any]) -> Callable[..., Any]:
    """Decorate ``f(*args) -> (y, grad_fn)``: the derivative of y is ``grad_fn(ct) -> J^T ct``, one entry per argument.

    - Arguments are arguments however they are passed, by position or by keyword; trees of them are flattened in order.
    - ``grad_fn`` gets one cotangent per output and returns one per differentiable argument (a single one as it is).
    - ``grad_fn`` is recorded code: it may use values computed in ``f``, and its own derivative is taken through
      them, so higher orders are right.  Rules may be used in rules.
    - Variables and Tensors that ``f`` captures keep the derivative of the body; a ``grad_fn`` with a keyword
      ``variables`` gets the captured Variables and returns ``(grads, variable_grads)``, as in TensorFlow.

    Raises RuleError, naming the rule, when it returns the wrong number or shape of cotangents.

    >>> import gradtape as gt
    >>> @gt.custom_gradient
    ... def log1pexp(x):
    ...     e = gt.exp(x)
    ...     return gt.log(1 + e), lambda ct: ct * (1 - 1 / (1 + e))
    >>> x = gt.Variable(100.0)
    >>> with gt.GradientTape() as tape:
    ...     y = log1pexp(x)
    >>> tape.gradient(y, x)
    Tensor(1.0)
    """
    signature = inspect.signature(f)

    @wraps(f)
    def ruled(*args: Any, **kwargs: Any) -> Any:
        bound = signature.bind(*args, **kwargs)
        # Keywords as a list: a tree would sort their names, and the rule answers in the order of the signature.
        leaves, structure = trees.flatten((bound.args, list(bound.kwargs.values())))
        leaves = [_argument(leaf) for leaf in leaves]
        new_args, values = trees.unflatten(structure, leaves)
        new_kwargs = dict(zip(bound.kwargs, values, strict=True))
        if not is_recording():
            return trees.tree_map(lambda y: strong(lift(y)), f(*new_args, **new_kwargs)[0])
        with Window() as window:
            result, grad_fn = f(*new_args, **new_kwargs)
        outputs, out_structure = trees.flatten(result)
        outputs = [strong(lift(y)) for y in outputs]
        tensors = [x for x in leaves if isinstance(x, Tensor)]
        arguments = [x for x in tensors if x.dtype.kind in "fc"]
        rule = _Rule(f, grad_fn, window, tensors, outputs)
        row = Primitive(
            getattr(f, "__name__", "custom"),
            "composite",
            lambda xp, *xs: xs,
            None,
            vjp=rule.pull,
            stands_for=tuple(outputs),
        )
        inputs = (*arguments, *rule.captured)
        renamed = tuple([Tensor(y.data) for y in outputs])
        segment = current.get()
        assert segment is not None
        segment.append((row, None, inputs, renamed[0] if len(renamed) == 1 else renamed, *sites.here()))
        return trees.unflatten(out_structure, list(renamed))

    return ruled


def _argument(x: Any) -> Any:
    """Arrays, numbers and Variables as Tensors; anything else (strings, functions ...) as it is."""
    if isinstance(x, Tensor):
        return x
    if isinstance(x, Variable | np.ndarray | np.generic | float | complex):
        return strong(lift(x))
    return x


class _Rule:
    """A user's rule at one call: what it captured, and how it answers for its inputs."""

    def __init__(self, f: Any, grad_fn: Any, window: Window, tensors: list[Tensor], outputs: list[Tensor]) -> None:
        self.name = getattr(f, "__qualname__", "custom_gradient")
        self.grad_fn = grad_fn
        self.window = window
        self.outputs = outputs
        self.wants_variables = "variables" in inspect.signature(grad_fn).parameters
        #: Which of the Tensors passed have a derivative.
        self.differentiable = [x.dtype.kind in "fc" for x in tensors]
        made: set[Tensor] = set(tensors)
        free: dict[Tensor, None] = {}
        for row, _, inputs, output, _, _ in window.entries():
            if row.kind == "event":
                continue
            free.update((x, None) for x in inputs if isinstance(x, Tensor) and x not in made and x.dtype.kind in "fc")
            made.update(output if type(output) is tuple else (output,))
        free.update((y, None) for y in outputs if y not in made and y.dtype.kind in "fc")
        self.known = made.union(free)
        touched = {value: v for s in window.segments for v, value in s.touched if value not in made}
        self.variables = [v for v in dict.fromkeys(touched.values()) if v.trainable] if self.wants_variables else []
        self.captured = [v.current for v in self.variables] if self.wants_variables else list(free)
        self.count = sum(self.differentiable)

    def pull(self, ct: Any, y: Any, *xs: Any) -> Sequence[Any]:
        """Cotangents of the arguments, by the rule, and of what was captured, by the body."""
        # The sweep hands plain transposes the conjugate of ct; a user's rule works with ct itself.
        conjugated = not isinstance(ct, tuple) and ct.dtype.kind == "c"
        cts = ct if isinstance(ct, tuple) else (conj(ct) if conjugated else ct,)
        given = [
            Tensor(np.zeros_like(value_of(o))) if c is None else c if isinstance(c, Tensor) else Tensor(c)
            for c, o in zip(cts, self.outputs, strict=True)
        ]
        if self.wants_variables:
            grads, variable_grads = self.grad_fn(*given, variables=self.variables)
            found = self._checked(grads, xs[: self.count]) + self._checked(variable_grads, xs[self.count :])
        else:
            found = self._checked(self.grad_fn(*given), xs[: self.count])
            if self.captured:
                seeds = [(o, c if is_recording() else c.data) for o, c in zip(self.outputs, given, strict=True)]
                body = reverse(self.window.segments, seeds, self.captured)
                found += [body.get(x) for x in self.captured]
        # A value of the body may be an answer of the rule, but not under the same identity.
        found = [identity(c) if isinstance(c, Tensor) and c in self.known else c for c in found]
        found = [None if c is None else conj(c) if conjugated else c for c in found]
        return [None if c is None else c if is_recording() else value_of(c) for c in found]

    def _checked(self, grads: Any, xs: Sequence[Any]) -> list[Any]:
        """The rule's answers: as many as there are arguments, of their shapes."""
        flat = [None if g is None else strong(lift(g)) for g in trees.leaves_and_nones(grads)]
        if len(xs) < len(flat) == len(self.differentiable):  # integers were answered for too, as in TensorFlow
            flat = [g for g, wanted in zip(flat, self.differentiable, strict=True) if wanted]
        if len(flat) != len(xs):
            raise RuleError(
                message(
                    f"the derivative rule of {self.name} returned {len(flat)} cotangents",
                    f"it has {len(xs)} differentiable arguments",
                    remedy="Return one per argument, None where there is no derivative.",
                )
            )
        for i, (g, x) in enumerate(zip(flat, xs, strict=True)):
            if g is not None and g.shape != np.shape(value_of(x)):
                raise RuleError(
                    message(
                        f"the derivative rule of {self.name} returned a cotangent of shape {g.shape} for argument {i}",
                        f"the argument has shape {np.shape(value_of(x))}",
                        remedy="Sum over broadcast axes in the rule.",
                    )
                )
        return flat
