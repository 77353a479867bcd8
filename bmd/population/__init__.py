"""The survey NHANES: reading it, fitting the population to it, and checking simulated people against it."""
