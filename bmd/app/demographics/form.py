"""The form of the demographics page: values stay as typed when the unit or the page changes; empty stays unknown."""

from __future__ import annotations

import streamlit as st

from bmd.app import choices, session
from bmd.app.patient import SEXES, impossible, offer, sex_name
from bmd.inference.demographics.terms import POPULATIONS
from bmd.text import text
from bmd.types import Demographics, Study

KIND: session.Kind = "demographics"
FIELD = f"{KIND}_field_"
"""Start of the keys of all fields, so that values offered by another page can replace them (``patient.offer``)."""
CM_PER_IN, KG_PER_LB = 2.54, 0.45359237
UNITS = {"height": {"cm": 1.0, "in": CM_PER_IN}, "weight": {"kg": 1.0, "lb": KG_PER_LB}}
FIELDS = {"height": "height_cm", "weight": "weight_kg"}
MODE = f"{KIND}_unit_"
REFERENCE = f"{KIND}_reference"
WIDTH = 190
"""Of a number with its buttons, pixels; what does not fit beside it goes below."""


def show() -> tuple[Demographics | None, str]:
    """Draw the form; what is known of the patient, and the key of the reference population.

    None instead of a patient while a field holds an impossible value: the last answer belongs to nobody then.
    """
    held = session.held(KIND) or session.Held("form", Study("", (), Demographics(), "form"), KIND)
    session.hold(held)  # values offered by another page go there
    now = held.study.patient
    with st.container(border=True, key="demographics_form"):
        st.header(text("app.demographics.form_title"), anchor=False)
        offer(KIND, now)
        row = st.container(horizontal=True, vertical_alignment="top")
        start, unknown = _start("age", now.age_y), text("app.unknown")
        age = row.number_input(text("app.age"), None, None, None, 1.0, "%.0f", start, placeholder=unknown, width=WIDTH)
        sex = row.segmented_control(text("app.sex"), SEXES, format_func=sex_name, key=_start("sex", now.sex))
        wrong = [impossible("age_y", text("app.age"), age)]
        height = _measure("height", now.height_cm, wrong)
        weight = _measure("weight", now.weight_kg, wrong)
        patient = Demographics(age, sex, height, weight)
        st.caption(
            text("app.demographics.bmi_needs") if patient.bmi is None else text("app.demographics.bmi", bmi=patient.bmi)
        )
        reference = st.selectbox(
            text("app.demographics.reference"),
            POPULATIONS,
            format_func=lambda key: text(f"app.demographics.population.{key}"),
            key=choices.start(REFERENCE, next(iter(POPULATIONS)), [*POPULATIONS]),
            help=text("app.demographics.reference_help"),
        )
        st.button(
            text("app.demographics.clear"),
            icon=":material/restart_alt:",
            on_click=clear,
            disabled=patient == Demographics(),
        )
    st.caption(text("app.demographics.form_note"))
    if any(wrong):
        return None, reference
    if patient != now:
        session.set_patient(patient, KIND)
    return patient, reference


def clear() -> None:
    """Empty every field."""
    session.drop(KIND)


def _measure(name: str, metric: float | None, wrong: list[bool]) -> float | None:
    """A length or weight in the chosen unit; returned in cm or kg, as typed. Adds whether it is impossible."""
    units = UNITS[name]
    row = st.container(horizontal=True, vertical_alignment="bottom")
    mode, first = f"{MODE}{name}", next(iter(units))
    unit = st.session_state[choices.start(mode, first, [*units])]
    shown = None if metric is None else round(metric / units[unit], 1)
    key = _start(f"{name}_{unit}", shown)
    for other in units:
        if other != unit:  # drawn in the other unit it starts from the value again
            st.session_state.pop(f"{FIELD}{name}_{other}", None)
    label = text("app.demographics.in_unit", name=text(f"app.demographics.{name}"), unit=unit)
    value = row.number_input(label, None, None, None, 1.0, "%.1f", key, placeholder=text("app.unknown"), width=WIDTH)
    row.segmented_control(
        text("app.demographics.unit"),
        [*units],
        key=mode,
        label_visibility="collapsed",
        required=True,
        width="content",
    )
    choices.keep(mode)
    wrong.append(impossible(FIELDS[name], label, value, units[unit]))
    if value is None:
        return None
    return metric if metric is not None and value == shown else round(value * units[unit], 2)


def _start(name: str, value: float | str | None) -> str:
    """Key of a field that starts with this value. As a default the value could not be emptied again."""
    key = FIELD + name
    if key not in st.session_state:
        st.session_state[key] = value
    return key
