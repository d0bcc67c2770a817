"""What happened: values, the one record, its segments and windows, and the one writer."""
