"""tf.Variable, tf.Module and tf.TensorShape's company: values with state."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from ...record.variable import Variable as CoreVariable
from ...state.module import Module as CoreModule
from .convert import TensorShape, is_value, tensor
from .names import gt

_gradtape_composes = True


class _AnyVariable(type):
    """Every gradtape Variable counts as a tf.Variable, whoever made it."""

    def __instancecheck__(cls, instance: object) -> bool:
        return isinstance(instance, CoreVariable) if cls is Variable else super().__instancecheck__(instance)


class Variable(CoreVariable, metaclass=_AnyVariable):
    """gradtape's Variable with TensorFlow's arguments and methods; Python's floats make it float32.

    >>> from gradtape.compat import tensorflow as tf
    >>> v = tf.Variable(1.0, name="v")
    >>> v.assign_add(2.0).read_value()
    Tensor(3.0, dtype=float32)
    """

    __slots__ = ()

    def __init__(
        self,
        initial_value: Any = None,
        trainable: bool | None = True,
        validate_shape: bool = True,
        caching_device: Any = None,
        name: str | None = None,
        variable_def: Any = None,
        dtype: Any = None,
        import_scope: Any = None,
        constraint: Any = None,
        synchronization: Any = None,
        aggregation: Any = None,
        shape: Any = None,
    ) -> None:
        value = initial_value() if callable(initial_value) else initial_value
        if value is None:
            raise ValueError("tf.Variable: pass an initial value")
        super().__init__(tensor(value, dtype), True if trainable is None else trainable, name)

    def read_value(self) -> Any:
        """The current Tensor."""
        return self.value

    def get_shape(self) -> TensorShape:
        """The shape, with TensorFlow's questions."""
        return TensorShape(self.shape)

    def ref(self) -> CoreVariable:
        """Something to use as a key: the Variable itself, which compares by identity."""
        return self

    def deref(self) -> CoreVariable:
        """What ``ref`` refers to."""
        return self

    def assign(self, value: Any, use_locking: Any = False, name: Any = None, read_value: bool = True) -> Any:
        """Make this a name for ``value``, recorded."""
        return super().assign(value if is_value(value) else tensor(value, self.dtype))

    def assign_add(self, delta: Any, use_locking: Any = False, name: Any = None, read_value: bool = True) -> Any:
        """Add ``delta``, recorded."""
        return super().assign_add(delta if is_value(delta) else tensor(delta, self.dtype))

    def assign_sub(self, delta: Any, use_locking: Any = False, name: Any = None, read_value: bool = True) -> Any:
        """Subtract ``delta``, recorded."""
        return super().assign_sub(delta if is_value(delta) else tensor(delta, self.dtype))

    def scatter_nd_update(self, indices: Any, updates: Any, name: Any = None) -> Any:
        """Put ``updates`` where ``indices`` say, recorded."""
        return self.assign(gt_scatter("set", self.value, indices, updates))

    def scatter_nd_add(self, indices: Any, updates: Any, name: Any = None) -> Any:
        """Add ``updates`` where ``indices`` say, recorded."""
        return self.assign(gt_scatter("add", self.value, indices, updates))

    def scatter_nd_sub(self, indices: Any, updates: Any, name: Any = None) -> Any:
        """Subtract ``updates`` where ``indices`` say, recorded."""
        return self.assign(gt_scatter("add", self.value, indices, -tensor(updates, self.dtype)))


def gt_scatter(how: str, x: Any, indices: Any, updates: Any) -> Any:
    """``x.at[indices].set/add/...(updates)``, where the last axis of ``indices`` is one index tuple each."""
    places = tensor(indices)
    index = tuple(places[..., k] for k in range(places.shape[-1]))
    return getattr(x.at[index], how)(tensor(updates, x.dtype))


class Module(CoreModule):
    """gradtape's Module, its attributes looked at in the order of their names as TensorFlow does."""

    def _attributes(self) -> Iterable[tuple[str, Any]]:
        return sorted(self.__dict__.items())

    @property
    def name_scope(self) -> Any:
        """A context manager; names are given where Variables are made."""
        return name_scope(self.name)

    @classmethod
    def with_name_scope(cls, method: Any) -> Any:
        """The method itself."""
        return method


class name_scope:  # noqa: N801
    """``with tf.name_scope("layer"): ...``: accepted; it changes nothing."""

    def __init__(self, name: str = "", *_: Any, **__: Any) -> None:
        self.name = name

    def __enter__(self) -> str:
        return self.name + "/"

    def __exit__(self, *exc: object) -> None:
        pass


def zeros_initializer() -> Any:
    """An initializer of zeros."""
    return gt_initializer("zeros")


def ones_initializer() -> Any:
    """An initializer of ones."""
    return gt_initializer("ones")


def gt_initializer(name: str) -> Any:
    """One of gradtape's initializers, giving float32 unless told otherwise."""
    from .keras.initializers import get

    return get(name)


def identity(x: Any, name: Any = None) -> Any:
    """The same value under a new identity, recorded."""
    return gt.positive(tensor(x))
