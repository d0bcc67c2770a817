"""Expectations over random draws, whose derivatives are right at every order also where the integrand has a kink."""

from .expectation import expectation
from .result import Derivatives, Estimate, Expectation

__all__ = ["Derivatives", "Estimate", "Expectation", "expectation"]
