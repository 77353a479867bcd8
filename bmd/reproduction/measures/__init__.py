"""What networks say of a test set, and the figures of that: one file a sort of picture."""
