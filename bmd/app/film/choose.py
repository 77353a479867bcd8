"""Choosing a film: upload and built-in cases."""

from __future__ import annotations

from bmd.app import work
from bmd.app.choose import of_pictures
from bmd.app.film import samples

ICONS = ("straighten", "speed", "local_fire_department", "download")
"""Signs before the lines of "app.film.get"."""

PICKER = of_pictures("film", ICONS, samples.SAMPLES, lambda name, data: work.read(name, data))
"""Upload and built-in cases of the Spine X-ray page."""
