"""One person: body, densities, skeleton."""
