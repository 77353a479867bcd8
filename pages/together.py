"""Together: what every input of this session says of one patient, and where they disagree."""

from __future__ import annotations

import streamlit as st

from bmd.app import shell
from bmd.app.together import page as together
from bmd.text import text

shell.open_page(__file__)


def main() -> None:
    """All results side by side."""
    st.title(text("app.together.title"), anchor=False)
    st.markdown(text("app.together.lead"))
    together.page()


with shell.guard():
    main()
