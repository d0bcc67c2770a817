"""Who computes a Program: `numpy`, the program printed as straight-line Python over NumPy."""
