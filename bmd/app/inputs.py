"""Choosing a film and saying what is known of the patient."""

from __future__ import annotations

from typing import cast

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

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
    """Optional age, sex, height and weight; empty fields stay unknown, and a field that came filled can be emptied."""
    given = film.study.patient
    known = given != Demographics()
    with (
        st.expander(text.PATIENT_TITLE, expanded=False, icon=":material/person:"),
        st.form(f"patient_{film.study.uid}", border=False, enter_to_submit=False),
    ):
        st.caption(text.PATIENT_FROM_FILE if known else text.PATIENT_NOTE)
        first, second = st.columns(2)
        age = _number(first, text.AGE, "age_y", film)
        sex = second.selectbox(
            text.SEX,
            [*text.SEXES],
            None,
            format_func=text.SEXES.__getitem__,
            placeholder=text.UNKNOWN,
            key=_start("sex", given.sex, film),
        )
        height = _number(first, text.HEIGHT, "height_cm", film)
        weight = _number(second, text.WEIGHT, "weight_kg", film)
        if st.form_submit_button(text.USE_VALUES):
            session.set_patient(Demographics(age, cast("Sex | None", sex), height, weight))
            st.rerun()


def _number(column: DeltaGenerator, label: str, name: str, film: session.Film) -> float | None:
    low, high = _RANGES[name]
    value = getattr(film.study.patient, name)
    value = float(value) if value is not None and low <= value <= high else None
    key = _start(name, value, film)
    return column.number_input(label, low, high, None, step=1.0, format="%.0f", placeholder=text.UNKNOWN, key=key)


def _start(name: str, value: float | str | None, film: session.Film) -> str:
    """Key of a field that starts with this value. As a default the value could not be emptied again."""
    key = f"{name}_{film.study.uid}"
    if key not in st.session_state:
        st.session_state[key] = value
    return key
