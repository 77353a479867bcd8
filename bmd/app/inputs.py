"""Choosing a film and saying what is known of the patient."""

from __future__ import annotations

from typing import cast

import streamlit as st

from bmd.app import samples, session, shell, text, work
from bmd.types import Demographics, Sex

_RANGES = {"age_y": (0.0, 120.0), "height_cm": (50.0, 250.0), "weight_kg": (10.0, 400.0)}


def choose_film() -> None:
    """Upload on the left, built-in cases on the right; a chosen film is held and the page drawn again."""
    left, right = st.columns([5, 9], gap="large")
    with left:
        _upload()
        _what_you_get()
    with right:
        _sample_cards()


def _upload() -> None:
    st.subheader(text.UPLOAD_TITLE, anchor=False)
    upload = st.file_uploader(text.UPLOAD_LABEL, key="upload")
    st.caption(text.UPLOAD_NOTE)
    if upload is None:
        return
    with shell.guard():
        with st.spinner(text.READING):
            study = work.read(upload.name, upload.getvalue())
        session.hold(session.Film(upload.name, study))
        st.rerun()


def _what_you_get() -> None:
    with st.container(border=True, key="what_you_get"):
        st.markdown(f"**{text.GET_TITLE}**")
        st.markdown("\n\n".join(f"{icon} {line}" for icon, line in text.GET))


def _sample_cards() -> None:
    st.subheader(text.SAMPLES_TITLE, anchor=False)
    st.caption(text.SAMPLES_NOTE)
    with st.grid(4, min_column_width=140, gap="xsmall", key="samples"):
        for sample in samples.shipped():
            with st.container(border=True, key=f"sample_{sample.name}"):
                st.image(sample.thumbnail, width="stretch", alt=f"Thumbnail of the simulated case: {sample.title}")
                if st.button(sample.title, key=f"open_{sample.name}", width="stretch"):
                    _open(sample)
                st.caption(sample.description)


def _open(sample: samples.Sample) -> None:
    with shell.guard():
        study = work.read(sample.path.name, sample.path.read_bytes())
        session.hold(session.Film(sample.title, study, sample=sample.name))
        st.rerun()


def patient_form(film: session.Film) -> None:
    """Optional age, sex, height and weight; empty fields stay unknown."""
    given = film.study.patient
    known = given != Demographics()
    with (
        st.expander(text.PATIENT_TITLE, expanded=False, icon=":material/person:"),
        st.form(f"patient_{film.study.uid}", border=False),
    ):
        st.caption(text.PATIENT_FROM_FILE if known else text.PATIENT_NOTE)
        first, second = st.columns(2)
        age = first.number_input(text.AGE, *_RANGES["age_y"], _within("age_y", given.age_y), step=1.0, format="%.0f")
        sex = second.selectbox(
            text.SEX,
            [*text.SEXES],
            [*text.SEXES].index(given.sex) if given.sex else None,
            format_func=text.SEXES.__getitem__,
            placeholder="Unknown",
        )
        height = first.number_input(text.HEIGHT, *_RANGES["height_cm"], _within("height_cm", given.height_cm), step=1.0)
        weight = second.number_input(
            text.WEIGHT, *_RANGES["weight_kg"], _within("weight_kg", given.weight_kg), step=1.0
        )
        if st.form_submit_button(text.USE_VALUES):
            session.set_patient(Demographics(age, cast("Sex | None", sex), height, weight))
            st.rerun()


def _within(name: str, value: float | None) -> float | None:
    low, high = _RANGES[name]
    return float(value) if value is not None and low <= value <= high else None
