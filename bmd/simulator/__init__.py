"""Physics: a person of known bone density -> pictures with truth. No torch, no model; ``case`` is the door."""
