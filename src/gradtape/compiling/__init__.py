"""Functions compiled from the record: @gt.function, its paths, and the report on them."""
