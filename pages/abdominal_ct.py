"""Abdominal CT: a volume in; levels, attenuation, hips, what each source says and heat maps out."""

from __future__ import annotations

from bmd.app import results, shell, work
from bmd.app.ct.choose import PICKER
from bmd.app.ct.result import result, viewer

shell.open_page(__file__)
with shell.guard():
    results.page(PICKER, viewer, result)
work.warm_up()
