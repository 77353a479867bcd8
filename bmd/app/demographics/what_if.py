"""What if: sliders that start at the patient, and the network's answer for the person they describe."""

from __future__ import annotations

import html
from dataclasses import replace
from typing import Any, cast

import streamlit as st

from bmd.app.demographics import text
from bmd.app.markup import percent, signed, table
from bmd.app.text import SEX, SEXES
from bmd.text import sentences
from bmd.types import Demographics, Prediction, Report, Sex

SLIDER = "demographics_slider_"
RANGES = {
    "age_y": (text.AGE, 20.0, 85.0, 1.0),
    "height_cm": (text.HEIGHT_CM, 140.0, 200.0, 1.0),
    "weight_kg": (text.WEIGHT_KG, 38.0, 150.0, 1.0),
}


@st.fragment
def show(report: Report, reference: str) -> None:
    """Sliders for the known fields on the left, the two answers side by side on the right; redrawn alone."""
    patient = report.patient
    st.caption(text.WHAT_IF_NOTE)
    left, right = st.columns([5, 6], gap="medium")
    with left:
        changed = _sliders(patient)
        st.button(text.WHAT_IF_RESET, icon=":material/undo:", on_click=_reset, disabled=changed == patient)
    with right:
        from bmd.inference import assess

        _compare(report, report if changed == patient else assess(changed, reference=reference))


def _sliders(patient: Demographics) -> Demographics:
    """The patient with the values of the sliders; what is unknown has no slider and stays unknown."""
    changed = patient
    if all(getattr(patient, name) is None for name in RANGES) and patient.sex is None:
        st.info(text.WHAT_IF_NONE)
    for name, (label, low, high, step) in RANGES.items():
        value = getattr(patient, name)
        if value is None:
            continue
        low, high = min(low, value), max(high, value)
        # The key holds the patient's value: a new patient gets new sliders that start there.
        moved = st.slider(label, float(low), float(high), float(value), step, "%.0f", f"{SLIDER}{name}_{value:g}")
        changes: dict[str, Any] = {name: moved}
        changed = replace(changed, **changes)
    if patient.sex is not None:
        key = f"{SLIDER}sex_{patient.sex}"
        sex = st.segmented_control(
            SEX, [*SEXES], default=patient.sex, format_func=SEXES.__getitem__, key=key, required=True
        )
        changed = replace(changed, sex=cast("Sex", sex or patient.sex))
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
    for level, site in text.SITES.items():
        pair = [_of(report, level) for report in (now, then)]
        if any(pair):
            rows.append([html.escape(site), *(_words(prediction) for prediction in pair)])
    st.html(table(text.WHAT_IF_HEAD, rows))


def _of(report: Report, level: str) -> Prediction | None:
    return next((p for p in report.answers if p.level == level), None)


def _words(prediction: Prediction | None) -> str:
    """T-score and chance of osteoporosis, or the Z-score, or the density."""
    if prediction is None:
        return "–"
    if prediction.t_score is not None:
        chance = percent(prediction.probabilities.get("osteoporosis"))
        return f"T {signed(prediction.t_score)}, osteoporosis {chance}"
    if prediction.z_score is not None:
        return f"Z {signed(prediction.z_score)}"
    return f"{prediction.bmd_g_cm2:.3f} g/cm²"
