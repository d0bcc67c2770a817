"""Testing derivatives: ``check_derivatives`` for functions, and what the laws of primitives are made of."""

from ..errors import DerivativeError
from .check import check_derivatives
from .report import Report, Result

__all__ = ["DerivativeError", "Report", "Result", "check_derivatives"]
