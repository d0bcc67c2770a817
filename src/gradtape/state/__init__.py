"""State: modules, layers, optimizers, losses, initializers and random numbers, all of it plain recorded code."""
