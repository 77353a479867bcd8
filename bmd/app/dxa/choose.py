"""Choosing a DXA image: upload and built-in cases."""

from __future__ import annotations

from bmd.app import work
from bmd.app.choose import choose_picture
from bmd.app.dxa import samples

ICONS = ("view_agenda", "calculate", "speed", "rule", "receipt_long")
"""Signs before the lines of "app.dxa.get"."""


def choose_dxa() -> None:
    """Upload on the left, built-in cases on the right; a chosen image is held and the page drawn again."""
    choose_picture("dxa", ICONS, samples.SAMPLES.shipped(), lambda name, data: work.read(name, data, "dxa"))
