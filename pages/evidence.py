"""Evidence: the papers' tables, ours beside theirs, plots, every network's card, and networks side by side."""

from __future__ import annotations

from bmd.app import shell
from bmd.app.evidence import page as evidence

shell.open_page(__file__)
with shell.guard():
    shell.lead("app.evidence.title", "app.evidence.lead")
    evidence.page()
