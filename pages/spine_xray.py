"""Spine X-ray: a lateral lumbar film in; levels, outlines, bone density, category and heat maps out."""

from __future__ import annotations

import streamlit as st

from bmd.app import results, session, shell, work
from bmd.app.film import choose as inputs
from bmd.app.film import result as outputs
from bmd.text import text

shell.open_page(__file__)


def main() -> None:
    """Choose a film, or look at the one that is held."""
    film = session.film()
    if film is None:
        st.title(text("modality.film.title"), anchor=False)
        st.markdown(text("app.film.lead"))
        inputs.choose_film()
        return
    results.title_row(film)
    left, right = st.columns([6, 5], gap="medium")
    st.empty()  # takes the place of the picker at once, not only when the analysis is done
    with left:
        outputs.viewer()
    with right, shell.guard():
        results.result(film, outputs.result)


with shell.guard():
    main()
work.warm_up()
