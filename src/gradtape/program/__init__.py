"""Programs: the record as a function that engines run."""
