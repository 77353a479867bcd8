"""Heat maps that say where a result comes from, each with the numbers that say how far to trust it."""
