"""The Array API and NumPy names over Tensors, NumPy's protocols, and Tensor's operators."""
