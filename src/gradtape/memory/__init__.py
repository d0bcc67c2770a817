"""What is kept and what is computed again: plans, blocks of the record without their values, tapes with a budget."""
