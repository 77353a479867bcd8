"""DXA: image -> regions, measured or estimated density; ``without`` leaves vertebrae out of what was measured."""

from bmd.inference.dxa.densitometry import without

__all__ = ["without"]
