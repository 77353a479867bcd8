"""The age curve of the population the simulator draws its patients from."""

from __future__ import annotations

import numpy as np
import streamlit as st

from bmd import reference
from bmd.figures import AgeCurve
from bmd.reference import HOLOGIC
from bmd.types import Prediction, Sex

REFERENCE = HOLOGIC
"""T-scores shown refer to it."""

SOURCE = "20,000 simulated people of this sex, fitted to NHANES (USA, Hologic densitometers)."


@st.cache_data(show_spinner=False)
def _moments(sex: Sex) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    from bmd.simulator.person.sample import sample_crowd

    crowd = sample_crowd(np.random.default_rng(0), 20_000, cohort="even", age_range=(20, 90), sex=sex)
    ages, bmd = np.arange(22.0, 89.0, 2.0), crowd["bmd"]["L1-L4"]
    near = [bmd[np.abs(crowd["age"] - age) <= 2] for age in ages]
    return ages, np.array([v.mean() for v in near]), np.array([v.std() for v in near])


def age_curve(sex: Sex) -> AgeCurve:
    """Mean and SD of the L1-L4 density by age, adults 20-90."""
    return AgeCurve(*_moments(sex), sex=sex, source=SOURCE)


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
