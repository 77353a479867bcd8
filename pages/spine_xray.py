"""Spine X-ray: a lateral lumbar film in; levels, outlines, bone density, category and heat maps out."""

from __future__ import annotations

from bmd.app import results, shell, work
from bmd.app.film.choose import PICKER
from bmd.app.film.result import result, viewer

shell.open_page(__file__)
with shell.guard():
    results.page(PICKER, viewer, result)
work.warm_up()
