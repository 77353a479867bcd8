"""One file per paper's network. ``registry`` is the door: ``names``, ``spec``, ``build``, ``load``."""
