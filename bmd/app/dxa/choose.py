"""Choosing a DXA image: upload and built-in cases."""

from __future__ import annotations

from bmd.app import work
from bmd.app.choose import of_pictures
from bmd.app.dxa import samples

ICONS = ("view_agenda", "calculate", "speed", "rule", "receipt_long")
"""Signs before the lines of "app.dxa.get"."""

PICKER = of_pictures("dxa", ICONS, samples.SAMPLES, lambda name, data: work.read(name, data, "dxa"))
"""Upload and built-in cases of the DXA page."""
