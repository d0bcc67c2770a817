"""Programs over many devices, by XLA's own partitioning: arguments are placed on a mesh, and the rest follows them.

A mesh has named axes of devices; a specification says along which of them each axis of an argument is cut.  XLA cuts
the program accordingly and puts in the communication.  The processes of ``jax.distributed`` run the same program, each
on its own devices.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ...errors import GradtapeError, message
from ...record.tensor import Tensor
from .device import ByIdentity, DeviceTensor, jax, raw, x64


class Spread:
    """Where arguments and results lie: ``specs`` for the first inputs, one for all results or None."""

    def __init__(self, mesh: Any, specs: Sequence[Any] = (), results: Any = None) -> None:
        self.mesh = mesh_of(mesh)
        self.specs = [self.sharding(s) for s in specs]
        self.results = None if results is None else self.sharding(results)
        self.everywhere = self.sharding(())
        self._placed = ByIdentity()

    def sharding(self, spec: Any) -> Any:
        """A specification, as JAX has it: names of axes of the mesh for the axes of an array, None for one not cut."""
        s = jax().sharding
        if isinstance(spec, s.NamedSharding):
            return spec
        parts = () if spec is None else (spec,) if isinstance(spec, str) else tuple(spec)
        names = [n for part in parts if part is not None for n in ((part,) if isinstance(part, str) else part)]
        unknown = [n for n in names if n not in self.mesh.axis_names]
        if unknown:
            raise GradtapeError(
                message(
                    f"function: in_specs names {unknown[0]!r}, which is no axis of the mesh",
                    f"axes of the mesh: {', '.join(self.mesh.axis_names)}",
                )
            )
        return s.NamedSharding(self.mesh, s.PartitionSpec(*parts))

    def place(self, i: int, x: Any) -> Any:
        """Input ``i`` on the mesh; what is not specified stays as it lies there, or goes to every device."""
        wanted = self.specs[i] if i < len(self.specs) else None
        array = x.device_array if type(x) is DeviceTensor else raw(x)
        if isinstance(array, jax().Array):
            if wanted is None and array.sharding.device_set == self.everywhere.device_set:
                return array
            return jax().device_put(array, wanted or self.everywhere)
        wanted = wanted or self.everywhere
        if not isinstance(array, Tensor):
            return self._cut(np.asarray(array), wanted)
        kept = self._placed.get(array)
        if kept is None:
            kept = self._placed.keep(array, {})
        if wanted not in kept:
            kept[wanted] = self._cut(np.array(array.data), wanted)
        return kept[wanted]

    def _cut(self, x: Any, wanted: Any) -> Any:
        """An array of the host's, each process with the parts of its own devices."""
        if x.ndim < len(wanted.spec) and x.ndim == 0:
            wanted = self.everywhere
        for axis, part in enumerate(wanted.spec):
            names = () if part is None else (part,) if isinstance(part, str) else part
            parts = int(np.prod([self.mesh.shape[n] for n in names], dtype=int))
            if axis >= x.ndim or x.shape[axis] % parts:
                raise GradtapeError(
                    message(
                        f"function: an argument of shape {x.shape} cannot be cut as {wanted.spec}",
                        f"axis {axis} in {parts} parts",
                        remedy="Make the length a multiple of the number of devices, or leave that axis whole (None).",
                    )
                )
        with x64():
            return jax().make_array_from_callback(x.shape, wanted, lambda index: x[index])

    def __str__(self) -> str:
        axes = ", ".join(f"{name}={n}" for name, n in self.mesh.shape.items())
        return f"spread over {self.mesh.size} devices ({axes})"


def mesh_of(mesh: Any) -> Any:
    """A mesh of JAX's whose axes XLA cuts by itself, from one, or from a mapping of names to lengths."""
    s = jax().sharding
    if isinstance(mesh, Mapping):
        axes: Mapping[str, int] = mesh
        lengths = dict(axes)
        count = int(np.prod(list(lengths.values()), dtype=int))
        if count > jax().device_count():
            raise GradtapeError(
                message(
                    f"function: a mesh of {count} devices where there are {jax().device_count()}",
                    f"mesh={lengths}",
                    remedy="Ask for fewer, or start more processes with jax.distributed.initialize.",
                )
            )
        devices = np.array(jax().devices()[:count]).reshape(tuple(lengths.values()))
        names = tuple(lengths)
    else:
        devices, names = mesh.devices, mesh.axis_names
    if hasattr(s, "AxisType"):
        return s.Mesh(devices, names, axis_types=(s.AxisType.Auto,) * len(names))
    return s.Mesh(devices, names)


def specs_of(in_specs: Any, args: Sequence[Any], leaves_of: Any) -> list[Any]:
    """The specification of each leaf of the positional arguments: one for each argument, or lists and dicts of them."""
    given = [in_specs] if in_specs is None or isinstance(in_specs, str) else list(in_specs)
    if len(given) > len(args):
        raise GradtapeError(
            message(f"function: in_specs has {len(given)} entries for {len(args)} positional arguments")
        )
    given += [None] * (len(args) - len(given))
    return [s for spec, x in zip(given, args, strict=True) for s in _leaf_specs(spec, x, leaves_of)]


def _leaf_specs(spec: Any, x: Any, leaves_of: Any) -> list[Any]:
    if isinstance(spec, dict):
        named: dict[Any, Any] = spec
        return [s for key in sorted(x) for s in _leaf_specs(named.get(key), x[key], leaves_of)]
    if isinstance(spec, list):
        several: list[Any] = spec
        return [s for one, part in zip(several, x, strict=True) for s in _leaf_specs(one, part, leaves_of)]
    return [spec] * len(leaves_of(x))
