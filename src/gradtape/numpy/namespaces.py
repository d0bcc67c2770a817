"""The namespaces of the public interface: ``gradtape.linalg``."""

from __future__ import annotations

from . import linalg

__all__ = ["linalg"]
