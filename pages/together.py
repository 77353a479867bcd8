"""Together: what every input of this session says of one patient, and where they disagree."""

from __future__ import annotations

from bmd.app import shell
from bmd.app.together import page as together

shell.open_page(__file__)
with shell.guard():
    shell.lead("app.together.title", "app.together.lead")
    together.page()
