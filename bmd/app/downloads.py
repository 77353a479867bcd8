"""Taking the result away: CSV, JSON and an annotated picture. Made only when asked for."""

from __future__ import annotations

from dataclasses import replace

import streamlit as st

from bmd import modality
from bmd.app.session import Held
from bmd.report import to_csv, to_json
from bmd.text import text
from bmd.types import Report


def row(film: Held, report: Report) -> None:
    """Download buttons. Names of files say nothing of the patient or of the uploaded file."""
    whole = replace(report, explanations=film.maps or ())
    stem = f"osteolens_{film.sample or film.study.uid[:8]}"
    files = (
        ("CSV", lambda: to_csv([whole]).encode(), f"{stem}.csv", "text/csv"),
        ("JSON", lambda: to_json([whole]).encode(), f"{stem}.json", "application/json"),
        (text("app.picture"), lambda: modality.picture(film.study, whole) or b"", f"{stem}.png", "image/png"),
    )
    with st.container(horizontal=True, key="downloads"):
        for label, make, name, mime in files:
            st.download_button(
                label, make, name, mime, key=f"download_{label}", on_click="ignore", icon=":material/download:"
            )
