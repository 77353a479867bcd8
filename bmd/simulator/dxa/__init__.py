"""A person on a densitometer: content maps, console picture."""
