"""The Together page: what several inputs say of one patient."""
