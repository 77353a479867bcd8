"""What if: sliders that start at the patient, and the network's answer for the person they describe."""

from __future__ import annotations

import html
from dataclasses import replace
from typing import Any

import streamlit as st

from bmd.app import sites
from bmd.app.markup import table
from bmd.app.patient import SEXES, sex_name
from bmd.inference.demographics.terms import LOWEST, SITES
from bmd.text import entry, sentences, text
from bmd.types import Demographics, Prediction, Report

SLIDER = "demographics_slider_"
RANGES = {
    "age_y": ("app.demographics.slider_age", 20.0, 85.0, 1.0),
    "height_cm": ("app.demographics.slider_height", 140.0, 200.0, 1.0),
    "weight_kg": ("app.demographics.slider_weight", 38.0, 150.0, 1.0),
}
"""Label, ends and step of each slider."""


@st.fragment
def show(report: Report, reference: str) -> None:
    """Sliders for the known fields on the left, the two answers side by side on the right; redrawn alone."""
    patient = report.patient
    st.caption(text("app.demographics.what_if_note"))
    left, right = st.columns([5, 6], gap="medium")
    with left:
        changed = _sliders(patient)
        st.button(
            text("app.demographics.what_if_reset"), icon=":material/undo:", on_click=_reset, disabled=changed == patient
        )
    with right:
        from bmd.inference import assess

        _compare(report, report if changed == patient else assess(changed, reference=reference))


def _sliders(patient: Demographics) -> Demographics:
    """The patient with the values of the sliders; what is unknown has no slider and stays unknown."""
    changed = patient
    if all(getattr(patient, name) is None for name in RANGES) and patient.sex is None:
        st.info(text("app.demographics.what_if_none"))
    for name, (label, low, high, step) in RANGES.items():
        value = getattr(patient, name)
        if value is None:
            continue
        low, high = min(low, value), max(high, value)
        # The key holds the patient's value: a new patient gets new sliders that start there.
        moved = st.slider(text(label), float(low), float(high), float(value), step, "%.0f", f"{SLIDER}{name}_{value:g}")
        changes: dict[str, Any] = {name: moved}
        changed = replace(changed, **changes)
    if patient.sex is not None:
        key = f"{SLIDER}sex_{patient.sex}"
        sex = st.segmented_control(
            text("app.sex"), SEXES, default=patient.sex, format_func=sex_name, key=key, required=True
        )
        changed = replace(changed, sex=sex or patient.sex)
    return changed


def _reset() -> None:
    for key in [str(key) for key in st.session_state]:
        if key.startswith(SLIDER):
            del st.session_state[key]


def _compare(now: Report, then: Report) -> None:
    if not then.suitability.suitable:
        st.warning(" ".join(sentences(then.suitability.reasons)))
        return
    rows = []
    for level in (*SITES, LOWEST):
        pair = [_of(report, level) for report in (now, then)]
        if any(pair):
            rows.append([html.escape(sites.name(level)), *(_words(prediction) for prediction in pair)])
    st.html(table(entry("app.demographics.what_if_head"), rows))


def _of(report: Report, level: str) -> Prediction | None:
    return next((p for p in report.answers if p.level == level), None)


def _words(prediction: Prediction | None) -> str:
    """T-score and chance of osteoporosis, or the Z-score, or the density."""
    if prediction is None:
        return "–"
    if prediction.t_score is not None:
        share = prediction.probabilities["osteoporosis"]
        return text("app.demographics.what_if_t", t=prediction.t_score, share=share)
    if prediction.z_score is not None:
        return text("app.demographics.what_if_z", z=prediction.z_score)
    return "–" if prediction.bmd_g_cm2 is None else text("app.demographics.density", bmd=prediction.bmd_g_cm2)
