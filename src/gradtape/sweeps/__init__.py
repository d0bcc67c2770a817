"""The readers of the record.  One file a sweep: one fold over entries, and one answer per kind."""
