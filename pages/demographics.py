"""Demographics: age, sex, height and weight in; probabilities, T- or Z-scores and screening scores out."""

from __future__ import annotations

from bmd.app import shell, work
from bmd.app.demographics import result as demographics

shell.open_page(__file__)
with shell.guard():
    shell.lead("modality.demographics.title", "app.demographics.lead")
    demographics.page()
work.warm_up()
