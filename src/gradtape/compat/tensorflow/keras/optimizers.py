"""tf.keras.optimizers: gradtape's optimizers, whose ``learning_rate`` is a Variable as in Keras."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ....errors import UnknownNameError, message, nearest
from ....state import optimizers as core
from ..convert import is_value
from ..names import fallback
from ..options import refuse
from ..variables import Variable
from . import schedules

_gradtape_composes = True

__all__ = ["SGD", "Adagrad", "Adam", "AdamW", "Optimizer", "RMSprop", "get", "legacy", "schedules"]


class Optimizer(core.Optimizer):
    """Base of the optimizers.  ``apply_gradients`` is recorded: derivatives flow through a step."""

    @property
    def learning_rate(self) -> Any:
        """The learning rate: a Variable, or the schedule that was given."""
        return self.__dict__["_learning_rate"]

    @learning_rate.setter
    def learning_rate(self, value: Any) -> None:
        known = self.__dict__.get("_learning_rate")
        if callable(value) or is_value(value):
            self.__dict__["_learning_rate"] = value
        elif isinstance(known, Variable):
            known.assign(value)
        else:
            self.__dict__["_learning_rate"] = Variable(float(value), trainable=False, name="learning_rate")

    lr = learning_rate

    def apply_gradients(self, grads_and_vars: Any, name: Any = None, first_order: bool = False, **_: Any) -> Any:  # type: ignore[override]
        """Take one step, recorded; with ``first_order=True`` the gradients count as constants."""
        return super().apply_gradients(grads_and_vars, first_order=first_order)

    def apply(self, grads: Any, trainable_variables: Any) -> Any:
        """Take one step, recorded."""
        return self.apply_gradients(zip(grads, trainable_variables, strict=True))

    def minimize(self, loss: Any, var_list: Any, tape: Any = None, name: Any = None, **options: Any) -> Any:  # type: ignore[override]
        """Compute the gradients and take one step."""
        return super().minimize(loss, var_list, tape, **options)

    def build(self, var_list: Any) -> None:
        """Make the slots."""
        for v in var_list:
            self._slots_of(v)

    def get_config(self) -> dict[str, Any]:
        """The learning rate and the name."""
        rate = self.learning_rate
        return {"name": self.name, "learning_rate": float(rate) if is_value(rate) else rate}


def _optimizer(base: Any) -> Any:
    """gradtape's optimizer as a Keras optimizer."""

    def __init__(self: Any, *args: Any, **options: Any) -> None:  # noqa: N807
        others = ("use_ema", "ema_momentum", "ema_overwrite_frequency", "jit_compile", "loss_scale_factor")
        others = {n: options.pop(n) for n in (*others, "gradient_accumulation_steps") if n in options}
        off = "use_ema loss_scale_factor gradient_accumulation_steps"
        refuse(base.__name__, others, "ema_momentum ema_overwrite_frequency jit_compile", off)
        if "lr" in options:
            options["learning_rate"] = options.pop("lr")
        base.__init__(self, *args, **options)

    return type(
        base.__name__, (base, Optimizer), {"__init__": __init__, "__doc__": base.__doc__, "__module__": __name__}
    )


Adagrad = _optimizer(core.Adagrad)
Adam = _optimizer(core.Adam)
AdamW = _optimizer(core.AdamW)
RMSprop = _optimizer(core.RMSprop)
SGD = _optimizer(core.SGD)


class legacy:  # noqa: N801
    """tf.keras.optimizers.legacy: the same optimizers."""

    Adagrad, Adam, RMSprop, SGD = Adagrad, Adam, RMSprop, SGD


_by_name: dict[str, Callable[..., Any]] = {
    "adagrad": Adagrad,
    "adam": Adam,
    "adamw": AdamW,
    "rmsprop": RMSprop,
    "sgd": SGD,
}


def get(identifier: Any) -> Any:
    """An optimizer from its name."""
    if not isinstance(identifier, str):
        return identifier
    if identifier.lower() not in _by_name:
        raise UnknownNameError(
            message(f"optimizers: there is none named {identifier!r}.{nearest(identifier, _by_name)}")
        )
    return _by_name[identifier.lower()]()


__getattr__ = fallback(__name__)
