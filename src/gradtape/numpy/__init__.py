"""The Array API and NumPy names over Tensors, NumPy's protocols, and Tensor's operators.

Importing it attaches operators, methods, protocols and assignment to Tensor and Variable.
"""

from . import assignment, methods, operators, protocols

__all__ = ["assignment", "methods", "operators", "protocols"]
