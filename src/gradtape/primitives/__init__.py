"""The rows of the table: what can be recorded, with the one rule each.  No ``if mode`` anywhere."""
