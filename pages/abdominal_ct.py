"""Abdominal CT: a volume in; levels, attenuation, hips, what each source says and heat maps out."""

from __future__ import annotations

import streamlit as st

from bmd.app import results, session, shell, work
from bmd.app.ct import choose as ct_inputs
from bmd.app.ct import result as ct
from bmd.text import text

shell.open_page(__file__)


def main() -> None:
    """Choose a CT, or look at the one that is held."""
    held = session.held("ct")
    if held is None:
        st.title(text("modality.ct.title"), anchor=False)
        st.markdown(text("app.ct.lead"))
        ct_inputs.choose_ct()
        return
    results.title_row(held)
    with st.container(key="wide"):
        left, right = st.columns([7, 5], gap="medium")
    st.empty()  # takes the place of the picker at once, not only when the analysis is done
    with left:
        ct.viewer(held)
    with right, shell.guard():
        results.result(held, ct.result)


with shell.guard():
    main()
work.warm_up()
