"""DXA image: the front scan of a lumbar spine in; regions, measured and estimated density, what may be left out."""

from __future__ import annotations

from bmd.app import results, shell, work
from bmd.app.dxa.choose import PICKER
from bmd.app.dxa.result import result, viewer

shell.open_page(__file__)
with shell.guard():
    results.page(PICKER, viewer, result, alone=True)
work.warm_up()
