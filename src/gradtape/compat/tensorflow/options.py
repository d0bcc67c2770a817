"""Options of TensorFlow's that the facade does not have: what changes no number passes, the rest is refused."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ...errors import message

__all__ = ["refuse", "refuse_of_layer"]

#: Values that say that an option is not used.
_OFF = (None, False, 0, "channels_last", "auto")

#: Options of Keras's layers: hints about shapes, and how the work is to be done.
_HINTS = """autocast batch_input_shape batch_shape dynamic fused implementation input_dim input_length input_shape
    output_shape renorm_clipping renorm_momentum seed unroll use_cudnn"""
#: Options of Keras's layers that change what is computed, if they are used.
_OTHERS = """activity_regularizer arguments batch_size beta_constraint beta_regularizer bias_constraint data_format
    depthwise_constraint dropout embeddings_constraint embeddings_regularizer gamma_constraint gamma_regularizer
    kernel_constraint lora_alpha lora_rank mask mask_zero noise_shape output_padding quantization_config ragged
    recurrent_constraint recurrent_dropout renorm sparse stateful synchronized time_major weights"""


def refuse(asked: str, options: Mapping[str, Any], harmless: str = "", off: str = "", remedy: Any = None) -> None:
    """Raise TypeError for an option that would change what is computed.

    ``harmless`` names options that change no number, whatever their value; ``off`` those that may be given if they
    say that they are not used.  Anything else is unknown, a slip of the pen perhaps.
    """
    for name, value in options.items():
        plain = value is None or isinstance(value, str | int | float)
        if name in harmless.split() or (name in off.split() and plain and value in _OFF):
            continue
        why = "not in gradtape's TensorFlow facade" if name in off.split() else "an argument that it does not have"
        raise TypeError(message(f"{asked}: {name}={value!r} is {why}", remedy=remedy))


def refuse_of_layer(asked: str, options: Mapping[str, Any]) -> None:
    """The same for what is left of the arguments of a layer."""
    refuse(asked, options, _HINTS, _OTHERS)
