"""Clinical constants, each with its source."""

from __future__ import annotations

LEVELS = ("T10", "T11", "T12", "L1", "L2", "L3", "L4", "L5", "S1")
"""Levels the simulator draws and the localiser looks for, cranial to caudal; label-map value = index + 1."""

LUMBAR = ("L1", "L2", "L3", "L4", "L5")
"""Levels shown to the user. Counted up from the sacrum: L5 is the last vertebra above it."""

CATEGORIES = ("normal", "osteopenia", "osteoporosis")
"""WHO classes, in the order of every probability vector."""
