"""About: what OsteoLens is, what it is for, its networks, its sources, and what it holds of the visitor."""

from __future__ import annotations

import streamlit as st

from bmd.app import about, session, shell
from bmd.findings import note
from bmd.reference import HOLOGIC
from bmd.text import entry, text

shell.open_page(__file__)


def main() -> None:
    """The ways in and what their networks learned from, intended use, sources and privacy."""
    st.title(text("app.about.title"), anchor=False)
    st.markdown(text("app.about.lead"))
    about.ways_in()
    with st.container(key="about"):
        left, right = st.columns(2, gap="large")
    with left:
        st.header(text("app.about.intended_title"), anchor=False)
        st.markdown("\n".join(entry("app.about.intended")))
        st.header(text("app.about.sources_title"), anchor=False)
        st.markdown("\n".join(entry("app.about.sources")).format(reference=HOLOGIC.name))
    with right:
        privacy()


def privacy() -> None:
    """What is held, for how long, and the button that removes it."""
    st.header(text("app.about.privacy_title"), anchor=False)
    st.markdown("\n".join(entry("app.about.privacy")))
    lines = []
    for now in session.holdings():
        result = note("app.about.held_result" if now.report is not None else "app.about.held_no_result")
        lines.append(text("app.about.held_one", what=note(f"modality.{now.kind}.held"), mb=now.held_mb, result=result))
    if not lines:
        st.info(text("app.about.held_nothing"), icon=":material/lock:")
        return
    st.info(text("app.about.held", what="; ".join(lines)), icon=":material/lock_open:")
    st.button(text("app.about.purge"), icon=":material/delete:", on_click=session.purge, key="purge")


with shell.guard():
    main()
