"""Demographics: age, sex, height and weight in; probabilities, T- or Z-scores and screening scores out."""

from __future__ import annotations

import streamlit as st

from bmd.app import shell, work
from bmd.app.demographics import result as demographics
from bmd.text import text

shell.open_page(__file__)


def main() -> None:
    """The form beside its answer."""
    st.title(text("modality.demographics.title"), anchor=False)
    st.markdown(text("app.demographics.lead"))
    demographics.page()


with shell.guard():
    main()
work.warm_up()
