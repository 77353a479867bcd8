"""The age curve with the patient on it."""

from __future__ import annotations

import streamlit as st

from bmd import figures, reference
from bmd.app.results import CHART
from bmd.reference import HOLOGIC
from bmd.text import text
from bmd.types import Prediction, Report

REFERENCE = HOLOGIC
"""T-scores shown refer to it."""


def show(report: Report, key: str) -> None:
    """Draw the patient's lumbar density on the age curve; where sex or age is unknown, ask for it."""
    patient = report.patient
    if patient.sex is None:
        st.info(text("app.age_needs_sex"), icon=":material/person:")
        return
    if patient.age_y is None:
        st.info(text("app.age_needs_age"), icon=":material/person:")
    bmd, interval = density(report.prediction)
    chart = figures.age_curve(figures.nhanes_curve(patient.sex), patient.age_y, bmd, interval)
    st.plotly_chart(chart, config=CHART, key=key, alt=text("app.age_alt"))
    st.caption(f"{text('figure.nhanes')} {text('app.reference')}: {REFERENCE.name}.")


def density(prediction: Prediction | None) -> tuple[float | None, tuple[float, float] | None]:
    """Density of the patient and its interval, g/cm2; from the T-score where the density itself is not given."""
    if prediction is None or prediction.t_score is None:
        return None, None
    bmd = prediction.bmd_g_cm2
    if bmd is None:
        bmd = float(reference.bmd(prediction.t_score, "L1-L4"))
    if prediction.interval is None:
        return bmd, None
    low, high = (float(reference.bmd(t, "L1-L4")) for t in prediction.interval)
    return bmd, (min(low, bmd), max(high, bmd))
