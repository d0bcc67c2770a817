"""Optimizers as recorded code: a step assigns to Variables through operations that a tape can see.

So derivatives flow through a step, with respect to the weights before it, to the momenta, and to every
hyper-parameter, each of which may be a number, a Tensor or a Variable; second derivatives too.
``apply_gradients(pairs, first_order=True)`` holds the gradients constant, by name and on purpose.

The steps are those of Keras, whose forms of Adam and RMSprop differ from PyTorch's in where epsilon stands.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any
from warnings import warn

import numpy as np

from .. import trees
from ..errors import GradtapeWarning, ShapeError, TreeError, message
from ..primitives.selection import where
from ..primitives.shapes import astype, stop_gradient
from ..primitives.transcendental import sqrt
from ..record.sites import user_line
from ..record.tensor import Tensor
from ..record.variable import Variable
from ..record.writer import to_tensor
from ..tape import GradientTape
from .functional import clip_by_global_norm, clip_by_norm, clip_by_value
from .module import Module

_gradtape_composes = True

__all__ = ["SGD", "Adagrad", "Adam", "AdamW", "Optimizer", "RMSprop"]

Slots = dict[str, Any]


def root(v: Any) -> Any:
    """The square root of a running mean of squares, with slope 0 where it is 0.

    There sqrt alone has an infinite slope, which meets the zero derivative of g**2 as a nan.  With it, the
    derivative of a step g / (|g| + epsilon) at g = 0 is 1 / epsilon, which is the true one.
    """
    return where(v > 0, sqrt(v), 0.0)


class Optimizer(Module):
    """Base of the optimizers: what a subclass supplies is ``slot_names`` and ``step``.

    ``learning_rate`` may be a number, a Tensor, a Variable, or a function of the step number (a schedule).
    ``weight_decay`` is decoupled (Loshchilov & Hutter 2019): ``w`` loses ``learning_rate * weight_decay * w``.
    """

    slot_names: tuple[str, ...] = ()

    def __init__(
        self,
        learning_rate: Any,
        weight_decay: Any = None,
        clipnorm: Any = None,
        clipvalue: Any = None,
        global_clipnorm: Any = None,
        name: str | None = None,
    ) -> None:
        super().__init__(name)
        self.learning_rate = learning_rate
        self.weight_decay = weight_decay
        self.clipnorm = clipnorm
        self.clipvalue = clipvalue
        self.global_clipnorm = global_clipnorm
        self.iterations = Variable(0, trainable=False, name="iterations")
        self.slots: dict[Variable, dict[str, Variable]] = {}

    # -- what a subclass supplies -------------------------------------------------------------------------
    def slot_value(self, name: str, parameter: Any) -> Any:
        """The first value of the slot ``name``: zeros unless a subclass says otherwise."""
        return np.zeros(parameter.shape, parameter.dtype)

    def step(self, g: Any, slots: Slots, t: Any, rate: Any) -> tuple[Any, Slots]:
        """What is added to a weight with gradient ``g`` in step number ``t``, and the slots afterwards."""
        raise NotImplementedError

    # -- with Variables ---------------------------------------------------------------------------------
    def apply_gradients(self, grads_and_vars: Iterable[tuple[Any, Any]], first_order: bool = False) -> Any:
        """Take one step: every Variable is assigned its new value, recorded. Returns ``iterations``.

        ``grads_and_vars`` holds pairs (gradient, Variable); where the gradient is None the Variable is left alone,
        with a warning.  With ``first_order=True`` the gradients count as constants in later derivatives.

        >>> import gradtape as gt
        >>> from gradtape.state.optimizers import SGD
        >>> w, rate = gt.Variable(1.0), gt.Variable(0.25)
        >>> with gt.GradientTape() as outer:
        ...     with gt.GradientTape() as inner:
        ...         loss = w * w
        ...     _ = SGD(rate).apply_gradients([(inner.gradient(loss, w), w)])
        ...     after = (w - 3.0) ** 2
        >>> outer.gradient(after, w), outer.gradient(after, rate)
        (Tensor(-2.5), Tensor(10.0))
        """
        pairs = list(grads_and_vars)
        for _, v in pairs:
            if not isinstance(v, Variable):
                raise TypeError(
                    message(
                        f"apply_gradients: {type(v).__name__} is not a Variable, so it cannot be assigned to",
                        where=str(user_line()),
                        remedy="Pass pairs (gradient, Variable), in that order.",
                    )
                )
        found = [(g, v) for g, v in pairs if g is not None]
        if not found:
            raise TreeError(
                message(
                    "apply_gradients: there is no gradient for any variable",
                    where=str(user_line()),
                    remedy="Compute the loss from the variables inside the tape's block.",
                )
            )
        if len(found) < len(pairs):
            names = [str(v.name or v) for g, v in pairs if g is None]
            warn(f"apply_gradients: no gradient for {', '.join(names)}: left as it is", GradtapeWarning, stacklevel=2)
        for g, v in found:  # before anything is changed
            if not _fits(np.shape(g), v.shape):
                raise ShapeError(
                    message(
                        f"apply_gradients: a gradient does not fit its variable {v.name or ''}".rstrip(),
                        [f"expected shape {v.shape}", f"found shape    {np.shape(g)}"],
                        str(user_line()),
                        "Nothing was changed.",
                    )
                )
        self.iterations.assign(self.iterations + 1)
        grads = self._prepared([g for g, _ in found], first_order)
        for g, (_, v) in zip(grads, found, strict=True):
            slots = self._slots_of(v)
            change, after = self._change(g, v.value, {n: s.value for n, s in slots.items()}, self.iterations.value)
            for name, value in after.items():
                slots[name].assign(value)
            v.assign(v + change)
        return self.iterations

    def minimize(self, loss: Any, var_list: Any, tape: GradientTape | None = None, *, first_order: bool = False) -> Any:
        """One step down ``loss``: a function of no arguments, or a Tensor and the ``tape`` that saw it computed."""
        if callable(loss):
            with GradientTape() as own:
                value = loss()
            tape = own
        elif tape is None:
            raise TypeError(message("minimize: a loss that is a Tensor needs the tape on which it was computed"))
        else:
            value = loss
        named = callable(var_list) and not trees.is_module(var_list)  # a Module may be callable
        given: Any = var_list() if named else trees.flatten(trees.opened(var_list))[0]
        variables = list(given)
        return self.apply_gradients(zip(tape.gradient(value, variables), variables, strict=True), first_order)

    def _slots_of(self, v: Variable) -> dict[str, Variable]:
        if v not in self.slots:
            self.slots[v] = {n: Variable(self.slot_value(n, v), False, n) for n in self.slot_names}
        return self.slots[v]

    # -- with trees of Tensors --------------------------------------------------------------------------
    def init(self, params: Any) -> dict[str, Any]:
        """The state of a fresh optimizer for a tree of parameters: a dictionary of Tensors."""
        leaves = trees.flatten(params)[0]
        slots = [{n: to_tensor(self.slot_value(n, to_tensor(p))) for n in self.slot_names} for p in leaves]
        return {"step": Tensor(np.int64(0)), "slots": slots}

    def update(self, grads: Any, state: dict[str, Any], params: Any) -> tuple[Any, dict[str, Any]]:
        """The changes to add to ``params`` and the next state, as a pure function.

        >>> import gradtape as gt
        >>> from gradtape.state.optimizers import SGD
        >>> sgd, params = SGD(0.5), {"w": gt.asarray(4.0)}
        >>> changes, state = sgd.update({"w": gt.asarray(2.0)}, sgd.init(params), params)
        >>> changes
        {'w': Tensor(-1.0)}
        """
        leaves, structure = trees.flatten(params)
        step = state["step"] + 1
        given = self._prepared(trees.flatten_like(params, grads, "update: grads"), False)
        changes = [
            self._change(g, to_tensor(p), slots, step)
            for g, p, slots in zip(given, leaves, state["slots"], strict=True)
        ]
        return trees.unflatten(structure, [c for c, _ in changes]), {"step": step, "slots": [s for _, s in changes]}

    # -- shared -----------------------------------------------------------------------------------------
    def _prepared(self, grads: list[Any], first_order: bool) -> list[Any]:
        if first_order:
            grads = [stop_gradient(g) for g in grads]
        if self.clipnorm is not None:
            grads = [clip_by_norm(g, self.clipnorm) for g in grads]
        if self.global_clipnorm is not None:
            grads = clip_by_global_norm(grads, self.global_clipnorm)[0]
        if self.clipvalue is not None:
            grads = [clip_by_value(g, -self.clipvalue, self.clipvalue) for g in grads]
        return grads

    def _change(self, g: Any, p: Tensor, slots: Slots, step: Tensor) -> tuple[Any, Slots]:
        """The change of a parameter in its own dtype, and its next slots."""
        rate = self.learning_rate
        t = astype(step, dtype=np.dtype(np.float64))
        if callable(rate) and not isinstance(rate, Tensor | Variable):
            rate = rate(step - 1)
        change, after = self.step(g, slots, t, rate)
        if self.weight_decay is not None and self.weight_decay is not False:
            change = change - rate * self.weight_decay * p
        return _in(change, p.dtype), {n: _in(value, p.dtype) for n, value in after.items()}


def _fits(shape: tuple[int, ...], wanted: tuple[int, ...]) -> bool:
    """Whether a gradient of ``shape`` is one for a variable of shape ``wanted``, or broadcasts to it."""
    try:
        return np.broadcast_shapes(shape, wanted) == wanted
    except ValueError:
        return False


def _in(x: Any, dtype: Any) -> Any:
    """``x`` in ``dtype``: a float64 learning rate must not widen float32 weights."""
    return x if x.dtype == dtype else astype(x, dtype=dtype)


class SGD(Optimizer):
    """Gradient descent: ``w -= rate g``; with momentum ``m = momentum m - rate g``, ``w += m``.

    With ``nesterov=True``: ``w += momentum m - rate g``.
    """

    def __init__(
        self,
        learning_rate: Any = 0.01,
        momentum: Any = 0.0,
        nesterov: bool = False,
        weight_decay: Any = None,
        **options: Any,
    ) -> None:
        super().__init__(learning_rate, weight_decay, **options)
        self.momentum = momentum
        self.nesterov = nesterov
        plain = not isinstance(momentum, Tensor | Variable) and momentum == 0
        self.slot_names = () if plain else ("momentum",)

    def step(self, g: Any, slots: Slots, t: Any, rate: Any) -> tuple[Any, Slots]:
        if not self.slot_names:
            return -(rate * g), {}
        m = self.momentum * slots["momentum"] - rate * g
        return (self.momentum * m - rate * g if self.nesterov else m), {"momentum": m}


class Adam(Optimizer):
    """Adam (Kingma & Ba 2015) in the efficient form that ends their section 2.

    ``m += (1 - beta_1)(g - m)``, ``v += (1 - beta_2)(g**2 - v)``,
    ``w -= rate sqrt(1 - beta_2**t) / (1 - beta_1**t) m / (sqrt(v) + epsilon)``.

    Its derivative is finite where a gradient is 0: there d(step)/dg is that of ``g / (|g| + epsilon)``.
    """

    slot_names = ("momentum", "velocity")

    def __init__(
        self,
        learning_rate: Any = 0.001,
        beta_1: Any = 0.9,
        beta_2: Any = 0.999,
        epsilon: Any = 1e-7,
        amsgrad: bool = False,
        weight_decay: Any = None,
        **options: Any,
    ) -> None:
        super().__init__(learning_rate, weight_decay, **options)
        self.beta_1 = beta_1
        self.beta_2 = beta_2
        self.epsilon = epsilon
        self.amsgrad = amsgrad
        if amsgrad:
            self.slot_names = (*self.slot_names, "largest")

    def step(self, g: Any, slots: Slots, t: Any, rate: Any) -> tuple[Any, Slots]:
        # The corrections are powers close to 1: in float64 (t is), whatever the weights' dtype.
        correction = sqrt(1 - self.beta_2**t) / (1 - self.beta_1**t)
        m, v = slots["momentum"], slots["velocity"]
        m = m + (1 - self.beta_1) * (g - m)
        v = v + (1 - self.beta_2) * (g * g - v)
        after = {"momentum": m, "velocity": v}
        if self.amsgrad:
            v = after["largest"] = where(v > slots["largest"], v, slots["largest"])
        return -(rate * _in(correction, g.dtype)) * m / (root(v) + self.epsilon), after


class AdamW(Adam):
    """Adam with decoupled weight decay (Loshchilov & Hutter 2019), 0.004 unless said otherwise."""

    def __init__(self, learning_rate: Any = 0.001, weight_decay: Any = 0.004, **options: Any) -> None:
        super().__init__(learning_rate, weight_decay=weight_decay, **options)


class RMSprop(Optimizer):
    """RMSprop (Hinton 2012): ``v = rho v + (1 - rho) g**2``, ``w -= rate g / sqrt(v + epsilon)``.

    ``centered=True`` subtracts the square of the running mean of g from v; ``momentum`` accumulates the steps.
    """

    def __init__(
        self,
        learning_rate: Any = 0.001,
        rho: Any = 0.9,
        momentum: Any = 0.0,
        epsilon: Any = 1e-7,
        centered: bool = False,
        weight_decay: Any = None,
        **options: Any,
    ) -> None:
        super().__init__(learning_rate, weight_decay, **options)
        self.rho = rho
        self.momentum = momentum
        self.epsilon = epsilon
        self.centered = centered
        heavy = isinstance(momentum, Tensor | Variable) or momentum != 0
        self.slot_names = ("velocity", *(["average"] if centered else []), *(["momentum"] if heavy else []))

    def step(self, g: Any, slots: Slots, t: Any, rate: Any) -> tuple[Any, Slots]:
        v = self.rho * slots["velocity"] + (1 - self.rho) * (g * g)
        after = {"velocity": v}
        if self.centered:
            mean = after["average"] = self.rho * slots["average"] + (1 - self.rho) * g
            v = v - mean * mean
        step = rate * g / sqrt(v + self.epsilon)
        if "momentum" in slots:
            step = after["momentum"] = self.momentum * slots["momentum"] + step
        return -step, after


class Adagrad(Optimizer):
    """Adagrad (Duchi, Hazan & Singer 2011): ``a += g**2``, ``w -= rate g / sqrt(a + epsilon)``."""

    slot_names = ("accumulator",)

    def __init__(
        self,
        learning_rate: Any = 0.001,
        initial_accumulator_value: float = 0.1,
        epsilon: Any = 1e-7,
        weight_decay: Any = None,
        **options: Any,
    ) -> None:
        super().__init__(learning_rate, weight_decay, **options)
        self.initial_accumulator_value = initial_accumulator_value
        self.epsilon = epsilon

    def slot_value(self, name: str, parameter: Any) -> Any:
        return np.full(parameter.shape, self.initial_accumulator_value, parameter.dtype)

    def step(self, g: Any, slots: Slots, t: Any, rate: Any) -> tuple[Any, Slots]:
        a = slots["accumulator"] + g * g
        return -(rate * g) / sqrt(a + self.epsilon), {"accumulator": a}


by_name: dict[str, Callable[..., Optimizer]] = {
    "adagrad": Adagrad,
    "adam": Adam,
    "adamw": AdamW,
    "rmsprop": RMSprop,
    "sgd": SGD,
}
