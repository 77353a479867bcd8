"""DXA image: the front scan of a lumbar spine in; regions, measured and estimated density, what may be left out."""

from __future__ import annotations

from bmd.app import results, shell, work
from bmd.app.dxa.choose import choose_dxa
from bmd.app.dxa.result import result, viewer

shell.open_page(__file__)
with shell.guard():
    results.page("dxa", choose_dxa, viewer, result, alone=True)
work.warm_up()
