"""Curvature as matrices that are never written down."""
