"""Reasons, reports, drawings: readers of the record that answer in words."""
