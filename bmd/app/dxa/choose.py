"""Choosing a DXA image: upload and built-in cases."""

from __future__ import annotations

import streamlit as st

from bmd.app import session, shell, work
from bmd.app.dxa import samples as dxa_samples
from bmd.app.dxa import text as dxa_text
from bmd.app.film import choose as inputs
from bmd.app.film import samples


def choose_dxa() -> None:
    """Upload on the left, built-in cases on the right; a chosen image is held and the page drawn again."""
    left, right = st.columns([5, 9], gap="large")
    with left:
        _upload()
        inputs.what_you_get(dxa_text.GET)
    with right:
        inputs.sample_cards(dxa_samples.shipped(), dxa_text.SAMPLES_NOTE, _open)


def _upload() -> None:
    st.subheader(dxa_text.UPLOAD_TITLE, anchor=False)
    upload = st.file_uploader(dxa_text.UPLOAD_LABEL, key="dxa_upload")
    st.caption(dxa_text.UPLOAD_NOTE)
    if upload is None:
        return
    with shell.guard():
        with st.spinner(dxa_text.READING):
            study = work.read(upload.name, upload.getvalue(), "dxa")
        session.hold(session.Held(upload.name, study, "dxa"))
        st.rerun()


def _open(sample: samples.Sample) -> None:
    with shell.guard():
        study = work.read(sample.path.name, sample.path.read_bytes(), "dxa")
        session.hold(session.Held(sample.title, study, "dxa", sample=sample.name))
        st.rerun()
