"""Tells a visitor who does not look at the page what has changed: tab title, spoken word, focus.

A component without anything to see. The browser's side (``rules.js`` decides, ``announce.js`` acts) moves the focus
only where it was lost: the button of a case is gone when its result is there.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

import streamlit as st
from streamlit.components.v2.types import ComponentRenderer

from bmd.app import session
from bmd.app.viewers.bundle import bundle
from bmd.text import text

CHOOSE, WORKING, RESULT, REFUSED, PROBLEM = "choose", "working", "result", "refused", "problem"
"""What a page can be at: waiting for an input, at work on it, or done in one of three ways."""

_HERE = Path(__file__).parent


@cache
def _component() -> ComponentRenderer:
    return st.components.v2.component("announce", html="<span hidden></span>", js=bundle(_HERE / "announce.js"))


def held(kind: session.Kind) -> None:
    """Tell how it stands with what is held of this kind."""
    now = session.shown(kind)
    if now is None:
        tell(kind, "", CHOOSE)
        return
    state = RESULT
    if now.problem is not None:
        state = PROBLEM
    elif now.report is None:
        state = WORKING
    elif not now.report.suitability.suitable:
        state = REFUSED
    tell(kind, now.study.uid or kind, state)


def tell(kind: session.Kind, subject: str, state: str, words: str = "") -> None:
    """Tell what a page is at.

    Parameters
    ----------
    kind : str
        Whose page.
    subject : str
        What is looked at; another one means that the visitor opened something. Empty where nothing is.
    state : str
        One of the constants above.
    words : str
        Said aloud when they change; by default those of "app.say.<state>".
    """
    title = text(f"modality.{kind}.title")
    st.set_page_config(page_title=text(f"app.tab.{state}", page=title))
    said = words or ("" if state == CHOOSE else text(f"app.say.{state}"))
    with st.container(key="announce_box"):
        _component()(data={"page": kind, "subject": subject, "state": state, "words": said}, key="announce", height=1)
