"""The rows of the table: what can be recorded, with the one rule each.  No ``if mode`` anywhere."""

from . import peepholes

__all__ = ["peepholes"]  # they attach themselves to their rows
