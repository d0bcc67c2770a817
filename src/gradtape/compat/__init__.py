"""Facades: other libraries' names over gradtape's operations.  Names only, no mathematics."""
