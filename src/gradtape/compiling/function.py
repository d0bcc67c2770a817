"""@gt.function: a Python function whose calls run as compiled programs, read off its own record."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from functools import partial, update_wrapper, wraps
from threading import RLock
from typing import Any
from weakref import ref

from numpy import ndarray

from .. import trees
from ..engines.xla.spread import Spread, mesh_of, specs_of
from ..record.tensor import Tensor
from .arguments import Fixed, Marker, Signature, is_input, kind_of
from .paths import Paths
from .report import report
from .tracing import tracing

_gradtape_composes = True

__all__ = ["function"]


def function(
    f: Callable[..., Any] | None = None,
    *,
    engine: str = "auto",
    static: Sequence[str] = (),
    input_signature: Sequence[Any] | None = None,
    max_paths: int = 16,
    mesh: Any = None,
    in_specs: Any = None,
    out_specs: Any = None,
) -> Any:
    """Compile ``f``: the first call at arguments of a kind runs as it is, recorded; later ones run the record.

    The first call is plain Python: its answer is right, its side effects happen, its ``if`` and ``for`` go their way.
    What it recorded is sliced, simplified and handed to an engine.  Later calls at arguments of the same shapes and
    dtypes run that program, and check its *guards*: where Python asked for a value (``if x > 0``, ``int(n)``, a value
    that left the record by ``float`` or ``.numpy()``) and would now see another one, another path is recorded and kept
    beside it.

    Parameters
    ----------
    f
        A function of trees of Tensors, arrays, Variables and numbers; a method; it returns a tree of Tensors.
    engine
        ``"numpy"``, ``"xla"`` (needs gradtape[xla]), or ``"auto"``: by the size of the program; the report says why.
    static
        Names of arguments whose values are a part of the program, each value with programs of its own.  Integers,
        booleans, strings and other objects are static by themselves; Python floats, Tensors and arrays are inputs.
    input_signature
        For each positional argument an array whose shape and dtype it must have (converted where that loses nothing).
    max_paths
        After so many paths for one kind of arguments the function stays plain Python; a warning names the lines.
    mesh
        Devices to spread over by XLA (needs gradtape[xla]): a ``jax.sharding.Mesh``, or names and lengths of its axes,
        ``{"data": 8}``.  With ``jax.distributed.initialize`` they may belong to several processes.
    in_specs
        For each positional argument along which axes of the mesh it is cut: ``("data", None)`` cuts the first axis and
        not the second, ``"data"`` the first; None: every device has all of it.  Lists and dicts of these for trees.
    out_specs
        The same for all results together; None leaves it to XLA, ``()`` gives every device (and process) all of them.

    Notes
    -----
    - Variables that ``f`` reads or assigns are state: read at every call, assigned at every call.
    - Python's own side effects (``print``, ``list.append``) happen when a path is recorded, and not after.
    - Arrays and other objects that ``f`` takes from outside its arguments are constants of the program; Tensors and
      Variables from outside are inputs, and derivatives with respect to them are right.  Which ones they are is settled
      when a path is recorded: a name or an attribute that gets another Tensor afterwards is not looked up again.
    - A function that returns other objects than arrays, numbers, texts and containers of them (a generator, another
      function), makes Variables anew or draws from a ``numpy_generator`` runs as plain Python at every call.
    - A call is one operation on a tape.  Its derivatives, in every mode and to any order, are compiled programs too.
    - ``f.report()`` tells the paths, their calls, guards and costs; ``f.python`` is the plain function.

    Raises the errors of ``f``; TreeError for arguments that do not fit ``input_signature``.

    >>> import gradtape as gt
    >>> @gt.function
    ... def step(x, rate):
    ...     return x - rate * gt.sin(x) if x > 0 else x
    >>> step(1.0, 0.5), step(1.0, 0.25), step(-1.0, 0.5)
    (Tensor(0.5792645075960517), Tensor(0.7896322537980258), Tensor(-1.0))
    >>> gt.grad(step)(1.0, 0.5)
    Tensor(0.7298488470659301)
    """
    options = (engine, static, input_signature, max_paths, mesh, in_specs, out_specs)
    return Function(f, *options) if f is not None else lambda f: Function(f, *options)  # pyright: ignore[reportUnknownLambdaType]


class Function:
    """A compiled function: see :func:`gradtape.function`."""

    def __init__(
        self,
        f: Callable[..., Any],
        engine: str = "auto",
        static: Sequence[str] = (),
        input_signature: Sequence[Any] | None = None,
        max_paths: int = 16,
        mesh: Any = None,
        in_specs: Any = None,
        out_specs: Any = None,
    ) -> None:
        update_wrapper(self, f)
        self.python = f
        self.engine = engine
        self.max_paths = max_paths
        self.name: str = getattr(f, "__name__", type(f).__name__)
        self._marked = Marker(f, static) if static else None
        self._fitted = None if input_signature is None else Signature(self.name, input_signature)
        self._plain = not static and input_signature is None
        #: kind of the arguments -> their paths.
        self.kinds: dict[Any, Paths] = {}
        self._lock = RLock()
        #: id of an object -> the object, weakly where that can be, and its own programs.
        self._methods: dict[int, tuple[Any, Function]] = {}
        self._options = (engine, static, input_signature, max_paths, mesh, in_specs, out_specs)
        self._mesh = None if mesh is None else mesh_of(mesh)
        self._specs = (in_specs, out_specs)

    def __get__(self, instance: Any, owner: Any = None) -> Any:
        """A method: each object has programs of its own, for as long as it lives."""
        if instance is None:
            return self
        key = id(instance)
        found = self._methods.get(key)
        if found is None:
            methods = self._methods
            try:
                kept = ref(instance, lambda _: methods.pop(key, None))
            except TypeError:  # an object with __slots__: it lives as long as its programs
                kept = partial(_itself, instance)
            found = methods[key] = kept, Function(_method(self.python, kept), *self._options)
        return Method(instance, found[1])

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        if tracing.get():  # a part of the function that is being recorded
            return self.python(*args, **kwargs)
        if self._plain and not kwargs:
            key: list[Any] = []
            for x in args:  # the common case, without its cases
                kind = type(x)
                if kind is Tensor:
                    data = x.data
                    key += (data.shape, data.dtype)
                elif kind is float:
                    key.append(float)
                elif kind is ndarray:
                    key += (x.shape, x.dtype)
                elif isinstance(x, Tensor):  # one that lies on a device
                    key += (x.shape, x.dtype)
                else:
                    break
            else:
                paths = self.kinds.get(tuple(key))
                if paths is not None:
                    return paths.call(args)
                return self._paths(tuple(key), *trees.flatten((args, kwargs))).call(args)
        if self._fitted is not None:
            args = self._fitted(args)
        if self._marked is not None:
            args, kwargs = self._marked(args, kwargs)
        leaves, structure = trees.flatten((args, kwargs))
        found, inputs = kind_of(leaves, structure, trees.orders((args, kwargs)))
        return (self.kinds.get(found) or self._paths(found, leaves, structure)).call(inputs)

    def _paths(self, key: Any, leaves: Sequence[Any], structure: Any) -> Paths:
        """The paths for a new kind of arguments."""
        template = [None if is_input(x) else x.kept() if type(x) is Fixed else x for x in leaves]
        places = [i for i, x in enumerate(leaves) if is_input(x)]

        def whole(values: Sequence[Any]) -> Any:
            filled = list(template)
            for i, x in zip(places, values, strict=True):
                filled[i] = x
            args, kwargs = trees.unflatten(structure, filled)
            return self.python(*args, **kwargs)

        engine: Any = self.engine
        if self._mesh is not None:
            args, _ = trees.unflatten(structure, list(leaves))
            every = specs_of(self._specs[0], args, lambda x: trees.flatten(x)[0])
            engine = Spread(self._mesh, [s for s, x in zip(every, leaves, strict=False) if is_input(x)], self._specs[1])
        with self._lock:
            own = [x for x in template if x is not None]
            return self.kinds.setdefault(key, Paths(whole, self.name, engine, self.max_paths, own))

    def report(self) -> str:
        """A table of the paths: kinds of arguments, calls, steps, guards, engine, and why."""
        return report(self)

    def __repr__(self) -> str:
        n = sum(len(p.paths) for p in self.kinds.values())
        return f"<gt.function {self.name}: {n} path{'' if n == 1 else 's'}>"


class Method:
    """A compiled function of one object, which is alive as long as this is."""

    __slots__ = ("__func__", "__self__")

    def __init__(self, instance: Any, function: Function) -> None:
        self.__self__ = instance
        self.__func__ = function

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self.__func__(*args, **kwargs)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.__func__, name)

    def __repr__(self) -> str:
        return repr(self.__func__)


def _itself(x: Any) -> Any:
    return x


def _method(f: Callable[..., Any], found: Callable[[], Any]) -> Callable[..., Any]:
    """The method of an object that may die: the programs of an object do not keep it alive."""

    @wraps(f)
    def method(*args: Any, **kwargs: Any) -> Any:
        return f(found(), *args, **kwargs)

    signature = inspect.signature(f)
    method.__signature__ = signature.replace(parameters=list(signature.parameters.values())[1:])  # type: ignore[attr-defined]
    return method
