"""Taking the result away: CSV, JSON and an annotated picture."""

from __future__ import annotations

import streamlit as st

from bmd.app import shell
from bmd.app.session import Film
from bmd.types import Report


def row(film: Film, report: Report) -> None:
    """Download buttons."""
    with shell.guard():
        files = _files(film, report)
        with st.container(horizontal=True, key="downloads"):
            for label, (data, name, mime) in files.items():
                st.download_button(label, data, name, mime, on_click="ignore", icon=":material/download:")


def _files(film: Film, report: Report) -> dict[str, tuple[bytes, str, str]]:
    return {}
