"""Structured control flow: loops as one entry with a body."""
