"""Choosing a film: upload and built-in cases."""

from __future__ import annotations

from bmd.app import work
from bmd.app.choose import choose_picture
from bmd.app.film import samples

ICONS = ("straighten", "speed", "local_fire_department", "download")
"""Signs before the lines of "app.film.get"."""


def choose_film() -> None:
    """Upload on the left, built-in cases on the right; a chosen film is held and the page drawn again."""
    choose_picture("film", ICONS, samples.SAMPLES.shipped(), lambda name, data: work.read(name, data))
