"""Demographics: the networks on real people of the survey."""
