"""tf.config: what programs ask and set about the machine.  gradtape computes on the CPU, eagerly."""

from __future__ import annotations

from typing import Any, NamedTuple

from .names import fallback

__all__ = [
    "PhysicalDevice",
    "experimental",
    "functions_run_eagerly",
    "get_visible_devices",
    "list_logical_devices",
    "list_physical_devices",
    "optimizer",
    "run_functions_eagerly",
    "set_visible_devices",
    "threading",
]


class PhysicalDevice(NamedTuple):
    """A device."""

    name: str
    device_type: str


_CPU = PhysicalDevice("/physical_device:CPU:0", "CPU")


def list_physical_devices(device_type: str | None = None) -> list[PhysicalDevice]:
    """The devices: one CPU."""
    return [_CPU] if device_type in (None, "CPU") else []


list_logical_devices = list_physical_devices
get_visible_devices = list_physical_devices


def _accepted(*_: Any, **__: Any) -> None:
    """Accepted; it changes nothing."""


set_visible_devices = _accepted
_eager = [False]


def run_functions_eagerly(run_eagerly: Any) -> None:
    """Whether what ``tf.function`` made runs as plain Python."""
    _eager[0] = bool(run_eagerly)


def functions_run_eagerly() -> bool:
    """Whether what ``tf.function`` made runs as plain Python."""
    return _eager[0]


class experimental:  # noqa: N801
    """tf.config.experimental."""

    list_physical_devices = staticmethod(list_physical_devices)
    set_memory_growth = staticmethod(_accepted)
    enable_op_determinism = staticmethod(_accepted)
    enable_tensor_float_32_execution = staticmethod(_accepted)


class threading:  # noqa: N801
    """tf.config.threading."""

    set_inter_op_parallelism_threads = staticmethod(_accepted)
    set_intra_op_parallelism_threads = staticmethod(_accepted)


class optimizer:  # noqa: N801
    """tf.config.optimizer."""

    set_jit = staticmethod(_accepted)
    set_experimental_options = staticmethod(_accepted)


__getattr__ = fallback(__name__)
