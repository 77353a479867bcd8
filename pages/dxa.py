"""DXA image: the front scan of a lumbar spine in; regions, measured and estimated density, what may be left out."""

from __future__ import annotations

import streamlit as st

from bmd.app import results, session, shell, work
from bmd.app.dxa import choose as dxa_inputs
from bmd.app.dxa import result as dxa
from bmd.text import text

shell.open_page(__file__)


def main() -> None:
    """Choose an image, or look at the one that is held."""
    held = session.held("dxa")
    if held is None:
        st.title(text("modality.dxa.title"), anchor=False)
        st.markdown(text("app.dxa.lead"))
        dxa_inputs.choose_dxa()
        return
    results.title_row(held)
    left, right = st.columns([6, 5], gap="medium")
    st.empty()  # takes the place of the picker at once, not only when the analysis is done
    with left:
        dxa.viewer()
    with right, shell.guard():
        results.result(held, dxa.result)


with shell.guard():
    main()
work.warm_up()
