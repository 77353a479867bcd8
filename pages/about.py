"""About: what OsteoLens is, what it is for, its models, its sources, and what it holds of the visitor."""

from __future__ import annotations

import streamlit as st

from bmd.app import about, session, shell, text
from bmd.reference import HOLOGIC

shell.open_page(__file__)


def main() -> None:
    """The ways in and what their networks learned from, intended use and privacy, then every network's figures."""
    st.title(text.ABOUT, anchor=False)
    st.markdown(text.ABOUT_LEAD)
    about.ways_in()
    left, right = st.columns([5, 6], gap="large")
    with left:
        st.subheader(text.INTENDED_TITLE, anchor=False)
        st.markdown("\n".join(text.INTENDED))
        privacy()
        st.subheader(text.SOURCES_TITLE, anchor=False)
        st.markdown("\n".join(text.SOURCES).format(reference=HOLOGIC.name))
    with right:
        about.models()


def privacy() -> None:
    """What is held, for how long, and the button that removes it."""
    st.subheader(text.PRIVACY_TITLE, anchor=False)
    st.markdown("\n".join(text.PRIVACY))
    lines = []
    for now in session.holdings():
        result = text.HELD_RESULT if now.report is not None else text.HELD_NO_RESULT
        lines.append(text.HELD_ONE.format(what=text.HELD_KINDS[now.kind], mb=now.held_mb, result=result))
    if not lines:
        st.info(text.HELD_NOTHING, icon=":material/lock:")
        return
    st.info(text.HELD.format(what="; ".join(lines)), icon=":material/lock_open:")
    st.button(text.PURGE, icon=":material/delete:", on_click=session.purge, key="purge")


with shell.guard():
    main()
