"""What is known of the patient: the form below every picture, and values offered from page to page."""

from __future__ import annotations

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from bmd.app import session
from bmd.findings import note
from bmd.text import text
from bmd.types import Demographics, Sex

LIMITS = {"age_y": (0.0, 120.0), "height_cm": (50.0, 250.0), "weight_kg": (10.0, 400.0)}
"""What a person can be; beyond, a value is a slip of the hand or of the unit."""
NAMES = {"age_y": "age", "height_cm": "height", "weight_kg": "weight"}
SEXES: tuple[Sex, ...] = ("F", "M")


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
                values = {"age_y": age, "height_cm": height, "weight_kg": weight}
                wrong = [impossible(name, text(f"app.{NAMES[name]}"), value) for name, value in values.items()]
                if not any(wrong):  # each of them is said, not the first alone
                    _use(held.kind, Demographics(age, sex, height, weight))
                    st.rerun()


def offer(kind: session.Kind, given: Demographics) -> None:
    """A button for the values given on each other page, where they differ; they are never used without it."""
    for other, patient in session.patients().items():
        if other != kind and patient != given:
            label = text("app.offer", page=note(f"modality.{other}.title"), values=patient_words(patient))
            if st.button(label, key=f"{kind}_offer_{other}", icon=":material/input:"):
                _use(kind, patient)
                st.rerun()  # the whole page, from a fragment too


def impossible(name: str, label: str, value: float | None, size: float = 1.0) -> bool:
    """Whether a value lies outside ``LIMITS``; says so, with what is allowed in the unit that is shown.

    Parameters
    ----------
    name : str
        Key of ``LIMITS``.
    label : str
        What the field is called.
    value : float or None
        As typed; nothing typed is not impossible.
    size : float
        Years, cm or kg in one of the shown unit.
    """
    low, high = (limit / size for limit in LIMITS[name])
    if value is None or low <= value <= high:
        return False
    st.error(text("app.impossible", label=label, value=value, least=low, most=high), icon=":material/error:")
    return True


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
    low, high = LIMITS[name]
    value = getattr(held.study.patient, name)
    value = float(value) if value is not None and low <= value <= high else None
    key = _start(name, value, held)
    return column.number_input(
        label, None, None, None, step=1.0, format="%.0f", placeholder=text("app.unknown"), key=key
    )


def _start(name: str, value: float | str | None, held: session.Held) -> str:
    """Key of a field that starts with this value. As a default the value could not be emptied again."""
    key = f"{held.kind}_field_{name}_{held.study.uid}"
    if key not in st.session_state:
        st.session_state[key] = value
    return key
