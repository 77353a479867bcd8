"""A person in a CT scanner: scene on a grid, organs, metal, scanner, reformats."""
