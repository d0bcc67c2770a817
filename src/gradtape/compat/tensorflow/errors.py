"""tf.errors: the exceptions that programs catch."""

from __future__ import annotations

from .names import fallback

__all__ = ["FailedPreconditionError", "InvalidArgumentError", "OpError", "OutOfRangeError", "UnimplementedError"]


class OpError(Exception):
    """Base of TensorFlow's exceptions."""

    @property
    def message(self) -> str:
        """The text."""
        return str(self)


class InvalidArgumentError(OpError, ValueError):
    """A value that is not allowed."""


class FailedPreconditionError(OpError):
    """A state that does not allow it."""


class OutOfRangeError(OpError):
    """Iterated past the end."""


class UnimplementedError(OpError):
    """Not there."""


__getattr__ = fallback(__name__)
