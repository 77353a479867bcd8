"""Choosing a film and saying what is known of the patient."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import cast

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from bmd.app import session, shell, work
from bmd.app.film import samples
from bmd.findings import note
from bmd.text import entry, text
from bmd.types import Demographics, Sex

ICONS = ("straighten", "speed", "local_fire_department", "download")
"""Signs before the lines of "app.film.get"."""
_RANGES = {"age_y": (0.0, 120.0), "height_cm": (50.0, 250.0), "weight_kg": (10.0, 400.0)}


SEXES: tuple[Sex, ...] = ("F", "M")


def choose_film() -> None:
    """Upload on the left, built-in cases on the right; a chosen film is held and the page drawn again."""
    left, right = st.columns([5, 9], gap="large")
    with left:
        _upload()
        what_you_get([(f":material/{icon}:", line) for icon, line in zip(ICONS, entry("app.film.get"), strict=True)])
    with right:
        sample_cards(samples.shipped(), text("app.film.samples_note"), _open)


def _upload() -> None:
    st.subheader(text("app.film.upload_title"), anchor=False)
    upload = st.file_uploader(text("app.film.upload_label"), key="upload")
    st.caption(text("app.film.upload_note"))
    if upload is None:
        return
    with shell.guard():
        with st.spinner(text("app.film.reading")):
            study = work.read(upload.name, upload.getvalue())
        session.hold(session.Held(upload.name, study))
        st.rerun()


def what_you_get(lines: Sequence[tuple[str, str]]) -> None:
    """What the page gives: an icon and a sentence a line."""
    with st.container(border=True, key="what_you_get"):
        st.markdown(f"**{text('app.get_title')}**")
        st.markdown("\n\n".join(f"{icon} {line}" for icon, line in lines))


def sample_cards(shown: Sequence[samples.Sample], note: str, open_case: Callable[[samples.Sample], None]) -> None:
    """The built-in cases as cards with a thumbnail and a button."""
    st.subheader(text("app.samples_title"), anchor=False)
    st.caption(note)
    with st.grid(4, min_column_width=140, gap="xsmall", key="samples"):
        for sample in shown:
            with st.container(border=True, key=f"sample_{sample.name}"):
                st.image(sample.thumbnail, width="stretch", alt=text("app.thumbnail_alt", title=sample.title))
                if st.button(sample.title, key=f"open_{sample.name}", width="stretch"):
                    open_case(sample)
                st.caption(sample.description)


def _open(sample: samples.Sample) -> None:
    with shell.guard():
        study = work.read(sample.path.name, sample.path.read_bytes())
        session.hold(session.Held(sample.title, study, sample=sample.name))
        st.rerun()


def patient_form(held: session.Held) -> None:
    """Optional age, sex, height and weight; empty fields stay unknown, and a field that came filled can be emptied."""
    given = held.study.patient
    known = given != Demographics()
    with st.expander(text("app.patient_title"), expanded=False, icon=":material/person:"):
        offer(held.kind, given)
        with st.form(f"{held.kind}_patient_{held.study.uid}", border=False, enter_to_submit=False):
            st.caption(text("app.patient_from_file") if known else text("app.patient_note"))
            first, second = st.columns(2)
            age = _number(first, text("app.age"), "age_y", held)
            sex = second.selectbox(
                text("app.sex"),
                SEXES,
                None,
                format_func=sex_name,
                placeholder=text("app.unknown"),
                key=_start("sex", given.sex, held),
            )
            height = _number(first, text("app.height"), "height_cm", held)
            weight = _number(second, text("app.weight"), "weight_kg", held)
            if st.form_submit_button(text("app.use_values")):
                _use(held.kind, Demographics(age, cast("Sex | None", sex), height, weight))
                st.rerun()


def offer(kind: session.Kind, given: Demographics) -> None:
    """A button for the values given on each other page, where they differ; they are never used without it."""
    for other, patient in session.patients().items():
        if other != kind and patient != given:
            label = text("app.offer", page=note(f"modality.{other}.title"), values=patient_words(patient))
            if st.button(label, key=f"{kind}_offer_{other}", icon=":material/input:"):
                _use(kind, patient)
                st.rerun()  # the whole page, from a fragment too


def sex_name(sex: str) -> str:
    """A sex as it is chosen in a form: "Female"."""
    return text(f"app.{sex}")


def patient_words(patient: Demographics) -> str:
    """What is known of the patient in a few words: "71 years, female, 158 cm, 60 kg"."""
    known: dict[str, float | None] = {"y": patient.age_y, "cm": patient.height_cm, "kg": patient.weight_kg}
    words = [note(f"app.patient.{unit}", value=value) for unit, value in known.items() if value is not None]
    if patient.sex is not None:
        words.insert(0 if patient.age_y is None else 1, note(f"app.patient.{patient.sex}"))
    return text("app.patient.words", words=tuple(words))


def _use(kind: session.Kind, patient: Demographics) -> None:
    session.set_patient(patient, kind)
    for key in [str(key) for key in st.session_state]:
        if key.startswith(f"{kind}_field_"):
            del st.session_state[key]


def _number(column: DeltaGenerator, label: str, name: str, held: session.Held) -> float | None:
    low, high = _RANGES[name]
    value = getattr(held.study.patient, name)
    value = float(value) if value is not None and low <= value <= high else None
    key = _start(name, value, held)
    return column.number_input(
        label, low, high, None, step=1.0, format="%.0f", placeholder=text("app.unknown"), key=key
    )


def _start(name: str, value: float | str | None, held: session.Held) -> str:
    """Key of a field that starts with this value. As a default the value could not be emptied again."""
    key = f"{held.kind}_field_{name}_{held.study.uid}"
    if key not in st.session_state:
        st.session_state[key] = value
    return key
