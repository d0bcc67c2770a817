"""What a primitive is: the six kinds, the registry.  Data only: no algorithm, no loop over a record."""
