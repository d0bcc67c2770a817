"""The XLA engine: a program as a function of ``jax.numpy`` calls, compiled by ``jax.jit``.

JAX is the machine here, not the mathematician: derivatives are gradtape's programs, and JAX only runs them.  It is an
extra, ``gradtape[xla]``, imported when a program first asks for it.
"""
