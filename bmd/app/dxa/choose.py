"""Choosing a DXA image: upload and built-in cases."""

from __future__ import annotations

import streamlit as st

from bmd.app import session, shell, work
from bmd.app.dxa import samples as dxa_samples
from bmd.app.film import choose as inputs
from bmd.app.film import samples
from bmd.text import entry, text

ICONS = ("view_agenda", "calculate", "speed", "rule")
"""Signs before the lines of "app.dxa.get"."""


def choose_dxa() -> None:
    """Upload on the left, built-in cases on the right; a chosen image is held and the page drawn again."""
    left, right = st.columns([5, 9], gap="large")
    with left:
        _upload()
        inputs.what_you_get(
            [(f":material/{icon}:", line) for icon, line in zip(ICONS, entry("app.dxa.get"), strict=True)]
        )
    with right:
        inputs.sample_cards(dxa_samples.shipped(), text("app.dxa.samples_note"), _open)


def _upload() -> None:
    st.subheader(text("app.dxa.upload_title"), anchor=False)
    upload = st.file_uploader(text("app.dxa.upload_label"), key="dxa_upload")
    st.caption(text("app.dxa.upload_note"))
    if upload is None:
        return
    with shell.guard():
        with st.spinner(text("app.dxa.reading")):
            study = work.read(upload.name, upload.getvalue(), "dxa")
        session.hold(session.Held(upload.name, study, "dxa"))
        st.rerun()


def _open(sample: samples.Sample) -> None:
    with shell.guard():
        study = work.read(sample.path.name, sample.path.read_bytes(), "dxa")
        session.hold(session.Held(sample.title, study, "dxa", sample=sample.name))
        st.rerun()
