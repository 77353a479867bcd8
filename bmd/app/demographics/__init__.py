"""The Demographics page: the form, its result, what-if."""
