"""The rows of the table: what can be recorded, with the one rule each.  No ``if mode`` anywhere."""

from . import peepholes, random_bits, random_discrete, random_quantiles

#: They attach themselves to their rows; the rows of random draws are in the table before somebody draws.
__all__ = ["peepholes", "random_bits", "random_discrete", "random_quantiles"]
